/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make entries`: ENTRIES random entries against the model, from SEED. What it
 * found goes to build/entries/: entries.json, on failure the last frames.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "entries.h"

#define JSON "build/entries/entries.json"
#define PCAP "build/entries/last-frames.pcap"

static bool number(const char *name, uint64_t *out)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return true;
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (errno || *end || !*out || *text == '-') {
		fprintf(stderr, "entries: %s=%s: not a positive number\n", name,
			text);
		return false;
	}
	return true;
}

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

	if (!number("ENTRIES", &opt.entries) || !number("SEED", &opt.seed))
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
