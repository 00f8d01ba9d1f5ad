/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make soak`: ROUNDS lives of connections, from SEED, then a full run. The
 * summary is build/soak/soak.json; a failure keeps the last frames. PCAP=file
 * records all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../common/env_number.h"
#include "soak.h"

#define JSON "build/soak/soak.json"
#define PCAP "build/soak/last-frames.pcap"

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

	if (!env_number("ROUNDS", 1, 1000000000, &rounds) ||
	    !env_number("SEED", 1, UINT64_MAX, &seed))
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
