/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make entries`: ENTRIES random entries against the model, from SEED. What it
 * found goes to build/entries/: entries.json, on failure the last frames.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../common/env_number.h"
#include "entries.h"

#define JSON "build/entries/entries.json"
#define PCAP "build/entries/last-frames.pcap"

int main(void)
{
	struct entries_options opt = {
		.entries = 1000000,
		.seed = (uint64_t)time(NULL),
		.pcap = PCAP,
		.progress = stderr,
	};
	struct entries_result res;
	bool ok;
	int rc;

	if (!env_number("ENTRIES", 1, UINT64_MAX, &opt.entries) ||
	    !env_number("SEED", 1, UINT64_MAX, &opt.seed))
		return 2;
	mkdir("build", 0777);
	mkdir("build/entries", 0777);
	remove(PCAP);
	printf("entries: ENTRIES=%llu SEED=%llu\n",
	       (unsigned long long)opt.entries, (unsigned long long)opt.seed);
	fflush(stdout);
	ok = entries_run(&opt, &res);
	entries_print(&res, stdout);
	rc = entries_write_json(&res, &opt, JSON);
	if (rc) {
		fprintf(stderr, "entries: %s: %s\n", JSON, strerror(-rc));
		return 1;
	}
	if (!ok)
		printf("entries: FAILED after %llu entries: %s\n"
		       "entries: again with SEED=%llu ENTRIES=%llu; "
		       "the last frames are in %s\n",
		       (unsigned long long)res.entries, res.why,
		       (unsigned long long)opt.seed,
		       (unsigned long long)opt.entries, PCAP);
	else
		printf("entries: passed, %s\n", JSON);
	return !ok;
}
