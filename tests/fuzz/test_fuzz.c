/* SPDX-License-Identifier: Apache-2.0 */
/* A few thousand frames of `make fuzz`; SEED takes a run back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fuzz.h"

Test(fuzz, every_frame_has_a_fate)
{
	const char *seed = getenv("SEED");
	struct fuzz_options opt = {
		.frames = 20000,
		.checkpoint = 2000,
		.seed = seed ? strtoull(seed, NULL, 0) : 3,
	};
	struct fuzz_result res;

	fprintf(stderr, "SEED=%llu\n", (unsigned long long)opt.seed);
	cr_assert(fuzz_run(&opt, &res), "after %llu frames: %s",
		  (unsigned long long)res.frames, res.why);
	/* the frames reach all that they are meant for */
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_ACCEPTED), 1000);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_DROP_WINDOW), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_CHALLENGED), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_IGNORED), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_RESETS), 10);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_TO_HOST), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_DROP_CHECKSUM), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_DROP_MALFORMED), 100);
	cr_assert_gt(fuzz_count(&res, FANTAIL_CNT_RX_DROP_FRAGMENT), 10);
	cr_assert_gt(res.deaths, 10);
}
