/* SPDX-License-Identifier: Apache-2.0 */
/* A short `make soak`; SEED takes a run back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../common/card_size.h"
#include "soak.h"

Test(soak, everything_comes_back)
{
	const char *seed = getenv("SEED");
	struct soak_options opt = {
		.rounds = 80,
		.peers = SOAK_FLOODERS,
		.full_batches = 3,
		.progress = stderr,
		.seed = seed ? strtoull(seed, NULL, 0) : 5,
	};
	struct soak_result res;

	CARD_NEEDS(CARD_CONNECTIONS >= SOAK_FLOODERS);
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)opt.seed);
	cr_assert(soak_run(&opt, &res), "%s", res.why);
	/* enough of each kind, or the run says nothing */
	cr_assert_gt(res.exact, opt.rounds / 3);
	cr_assert_gt(res.cut, 10);
	cr_assert_gt(res.retransmits, 10);
	cr_assert_gt(res.bytes_up, 10000);
	cr_assert_eq(res.forced, 0);
}
