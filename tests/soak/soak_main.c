/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make soak`: ROUNDS lives of connections, from SEED, then a full run. The
 * summary is build/soak/soak.json; a failure keeps the last frames. PCAP=file
 * records all of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "soak.h"

#define JSON "build/soak/soak.json"
#define PCAP "build/soak/last-frames.pcap"

static bool number(const char *name, uint64_t most, uint64_t *out)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return true;
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (errno || *end || !*out || *text == '-' || *out > most) {
		fprintf(stderr, "soak: %s=%s: not a number from 1 to %llu\n",
			name, text, (unsigned long long)most);
		return false;
	}
	return true;
}

int main(void)
{
	uint64_t rounds = 10000, seed = (uint64_t)time(NULL);
	struct soak_options opt = {
		.peers = SOAK_PEERS,
		.full_batches = 40,
		.pcap = PCAP,
		.progress = stderr,
	};
	struct soak_result res;
	bool ok;
	int rc;

	if (!number("ROUNDS", 1000000000, &rounds) ||
	    !number("SEED", UINT64_MAX, &seed))
		return 2;
	opt.rounds = (uint32_t)rounds;
	opt.seed = seed;
	opt.record = getenv("PCAP");
	if (opt.record && !*opt.record)
		opt.record = NULL;
	mkdir("build", 0777);
	mkdir("build/soak", 0777);
	remove(PCAP);
	printf("soak: ROUNDS=%llu SEED=%llu\n", (unsigned long long)rounds,
	       (unsigned long long)seed);
	fflush(stdout);
	ok = soak_run(&opt, &res);
	soak_print(&res, stdout);
	rc = soak_write_json(&res, &opt, JSON);
	if (rc) {
		fprintf(stderr, "soak: %s: %s\n", JSON, strerror(-rc));
		return 1;
	}
	if (ok)
		printf("soak: passed, %s\n", JSON);
	else
		printf("soak: FAILED: %s\n"
		       "soak: again with SEED=%llu ROUNDS=%llu; the last "
		       "frames are in %s\n",
		       res.why, (unsigned long long)seed,
		       (unsigned long long)rounds, PCAP);
	return !ok;
}
