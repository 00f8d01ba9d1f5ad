/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make fuzz-vfio`: MESSAGES messages to the vfio-user server, most of them
 * mutated, and KILLS clients killed in their work, from SEED.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "../common/env_number.h"
#include "vfio.h"

int main(void)
{
	uint64_t messages = 1000000, kills = 200, seed = (uint64_t)time(NULL);
	struct vfio_result res;
	bool ok = true;

	if (!env_number("MESSAGES", 0, UINT64_MAX, &messages) ||
	    !env_number("KILLS", 0, UINT64_MAX, &kills) ||
	    !env_number("SEED", 0, UINT64_MAX, &seed))
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
