/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make fuzz`: FRAMES frames against the receive path, from SEED. What it
 * found goes to build/fuzz/: fuzz.json, and on failure the last frames.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../common/env_number.h"
#include "fuzz.h"

#define JSON "build/fuzz/fuzz.json"
#define PCAP "build/fuzz/last-frames.pcap"

int main(void)
{
	struct fuzz_options opt = {
		.frames = 10000000,
		.checkpoint = 50000,
		.seed = (uint64_t)time(NULL),
		.pcap = PCAP,
		.progress = stderr,
	};
	struct fuzz_result res;
	bool ok;
	int rc;

	if (!env_number("FRAMES", 1, UINT64_MAX, &opt.frames) ||
	    !env_number("SEED", 1, UINT64_MAX, &opt.seed) ||
	    !env_number("CHECKPOINT", 1, UINT64_MAX, &opt.checkpoint))
		return 2;
	mkdir("build", 0777);
	mkdir("build/fuzz", 0777);
	remove(PCAP);
	printf("fuzz: FRAMES=%llu SEED=%llu\n", (unsigned long long)opt.frames,
	       (unsigned long long)opt.seed);
	fflush(stdout);
	ok = fuzz_run(&opt, &res);
	fuzz_print(&res, stdout);
	rc = fuzz_write_json(&res, &opt, JSON);
	if (rc) {
		fprintf(stderr, "fuzz: %s: %s\n", JSON, strerror(-rc));
		return 1;
	}
	if (!ok)
		printf("fuzz: FAILED after %llu frames: %s\n"
		       "fuzz: again with SEED=%llu FRAMES=%llu "
		       "CHECKPOINT=%llu; "
		       "the last frames are in %s\n",
		       (unsigned long long)res.frames, res.why,
		       (unsigned long long)opt.seed,
		       (unsigned long long)opt.frames,
		       (unsigned long long)opt.checkpoint, PCAP);
	else
		printf("fuzz: passed, %s\n", JSON);
	return !ok;
}
