/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make fuzz-vfio`: MESSAGES messages to the vfio-user server, most of them
 * mutated, and KILLS clients killed in their work, from SEED.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "vfio.h"

static bool number(const char *name, uint64_t *out)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return true;
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (errno || *end || *text == '-') {
		fprintf(stderr, "vfio: %s=%s: not a number\n", name, text);
		return false;
	}
	return true;
}

int main(void)
{
	uint64_t messages = 1000000, kills = 200, seed = (uint64_t)time(NULL);
	struct vfio_result res;
	bool ok = true;

	if (!number("MESSAGES", &messages) || !number("KILLS", &kills) ||
	    !number("SEED", &seed))
		return 2;
	mkdir("build", 0777);
	printf("vfio: MESSAGES=%llu KILLS=%llu SEED=%llu\n",
	       (unsigned long long)messages, (unsigned long long)kills,
	       (unsigned long long)seed);
	fflush(stdout);
	if (messages) {
		ok = vfio_fuzz(messages, seed, stderr, &res);
		vfio_print(&res, stdout);
	}
	if (ok && kills) {
		ok = vfio_kill(kills, seed, stderr, &res);
		vfio_print(&res, stdout);
	}
	if (ok)
		puts("vfio: passed");
	else
		printf("vfio: FAILED: %s\n"
		       "vfio: again with SEED=%llu MESSAGES=%llu KILLS=%llu\n",
		       res.why, (unsigned long long)seed,
		       (unsigned long long)messages, (unsigned long long)kills);
	return !ok;
}
