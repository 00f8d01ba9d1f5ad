/* SPDX-License-Identifier: Apache-2.0 */
/* A few thousand entries of `make entries`; SEED takes a run back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "entries.h"

Test(entries, as_the_model_says)
{
	const char *seed = getenv("SEED");
	struct entries_options opt = {
		.entries = 12000,
		.seed = seed ? strtoull(seed, NULL, 0) : 13,
	};
	struct entries_result res;
	unsigned int i;

	CARD_NEEDS(CARD_CONNECTIONS == ENT_CONNS);
	CARD_NEEDS(CARD_QUEUE_PAIRS == ENT_HOSTS);
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)opt.seed);
	cr_assert(entries_run(&opt, &res), "after %llu entries: %s",
		  (unsigned long long)res.entries, res.why);
	if (seed)
		return;
	/* every operation was done, every code was earned */
	for (i = 0; i < ENT_OPS - 1; i++)
		cr_expect_gt(res.done[i], 20, "op %u", i);
	for (i = 1; i < ENT_CODES; i++)
		cr_expect_gt(res.refused[i], 5, "code %u", i);
	cr_expect_gt(res.reached, 1000);
	cr_expect_gt(res.bytes_received, 100000);
	cr_expect_gt(res.up_bytes, 10000);
	cr_expect_gt(res.frame_records, 100);
	cr_expect_gt(res.restarts, 0);
	cr_expect_gt(res.resets, 0);
	cr_expect_gt(res.collected, 0);
	for (i = 1; i < ENT_FAULTS; i++)
		cr_expect_gt(res.faults[i], 0, "fault %u", i);
}
