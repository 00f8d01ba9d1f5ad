/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured; bench/README.md says how. */
#ifndef FANTAIL_BENCH_CASES_H
#define FANTAIL_BENCH_CASES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rig.h"

struct run {
	uint64_t seed;
	bool quick;
	json_t *out; /* array of measurements */
};

struct bench_case {
	const char *name;
	const char *what;
	int (*run)(struct run *run);
};

/* Ends with a name of NULL. */
extern const struct bench_case cases[];

/* Tell of a failure on stderr, close the card. Returns @rc. */
int case_end(struct rig *r, int rc, const char *name);

/*
 * Note a measurement under the name of its case; further members may be set
 * in what is returned (NULL: no memory).
 */
json_t *case_note(struct run *run, const struct rig *r, const char *name,
		  uint32_t bytes, uint32_t targets, uint32_t payloads,
		  const struct rig_result *x);

/* cases_fanout.c */
int case_append(struct run *run);
int case_gather(struct run *run);
int case_latency(struct run *run);
int case_pcie(struct run *run);

#endif
