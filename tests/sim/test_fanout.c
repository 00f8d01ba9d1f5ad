/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The histogram and the fan-out meter, on moments chosen here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "fanout.h"
#include "histogram.h"

static struct fantail_fanout *f;

static void setup(void)
{
	uint32_t i;

	cr_assert_eq(fantail_fanout_open(4, 3, &f), 0);
	for (i = 0; i < 3; i++)
		cr_assert_eq(fantail_fanout_join(f, i, 0), 0);
}

static void teardown(void)
{
	fantail_fanout_close(f);
}

TestSuite(fanout_meter, .init = setup, .fini = teardown);

/* Both clocks, four nanoseconds to a cycle. */
static struct fantail_fanout_time at(uint64_t cycle)
{
	return (struct fantail_fanout_time){ cycle, 4 * cycle };
}

static struct fantail_fanout_result result(void)
{
	struct fantail_fanout_result r;

	fantail_fanout_get_result(f, &r);
	return r;
}

static double mean_place(uint32_t member, uint64_t batches)
{
	struct fantail_fanout_places p;

	cr_assert_eq(fantail_fanout_get_places(f, member, &p), 0);
	cr_assert_eq(p.batches, batches);
	return p.mean;
}

static void near(double value, double expected)
{
	cr_assert_float_eq(value, expected, 1e-9, "%f, not %f", value,
			   expected);
}

Test(histogram, quantiles)
{
	struct fantail_histogram *h = calloc(1, sizeof(*h));
	uint64_t v, q;
	unsigned int i;

	cr_assert(h);
	cr_assert_eq(fantail_histogram_quantile(h, 500000), 0);
	for (v = 1; v <= 1000; v++)
		fantail_histogram_add(h, v % 200);
	cr_assert_eq(fantail_histogram_quantile(h, 0), 0);
	cr_assert_eq(fantail_histogram_quantile(h, 500000), 99);
	cr_assert_eq(fantail_histogram_quantile(h, 990000), 197);
	cr_assert_eq(fantail_histogram_quantile(h, 1000000), 199);
	free(h);

	/* any size: not below, and at most 1/128 above */
	for (i = 0; i < 64; i++) {
		h = calloc(1, sizeof(*h));
		cr_assert(h);
		v = (UINT64_C(0x9e3779b97f4a7c15) | UINT64_C(1) << 63) >> i;
		fantail_histogram_add(h, v);
		cr_assert_eq(fantail_histogram_quantile(h, 500000), v,
			     "alone it is the greatest, and exact");
		fantail_histogram_add(h, UINT64_MAX);
		q = fantail_histogram_quantile(h, 500000);
		cr_assert_geq(q, v);
		cr_assert_leq(q - v, v / 128);
		free(h);
	}
}

Test(fanout_meter, a_batch)
{
	struct fantail_fanout_result r;

	cr_assert_eq(fantail_fanout_batch(f, NULL, 100), 0);
	fantail_fanout_rung(f, at(1000));
	fantail_fanout_sent(f, 2, 60, at(1010));
	fantail_fanout_sent(f, 0, 100, at(1020));
	fantail_fanout_sent(f, 1, 100, at(1030));
	cr_assert_eq(result().left, 0);
	fantail_fanout_sent(f, 2, 40, at(1040));
	r = result();
	cr_assert_eq(r.batches, 1);
	cr_assert_eq(r.left, 1);
	cr_assert_eq(r.acked, 0);
	cr_assert_eq(r.first_cycles.median, 10);
	cr_assert_eq(r.first_ns.max, 40);
	cr_assert_eq(r.last_cycles.median, 40);
	cr_assert_eq(r.last_ns.p99, 160);
	near(mean_place(2, 1), 0);
	near(mean_place(0, 1), 0.5);
	near(mean_place(1, 1), 1);
	cr_assert_eq(r.members, 3);
	near(r.place_mean_min, 0);
	near(r.place_mean_max, 1);
	fantail_fanout_acked(f, 1, 100, at(1100));
	fantail_fanout_acked(f, 0, 99, at(1110));
	fantail_fanout_acked(f, 2, 100, at(1120));
	cr_assert_eq(result().acked, 0, "a byte is missing");
	fantail_fanout_acked(f, 0, 1, at(1130));
	cr_assert_eq(result().acked, 1);
	cr_assert_eq(result().acked_cycles.max, 130);
	cr_assert_eq(result().acked_ns.max, 520);
}

/* One frame may end a batch and begin the next, an ACK take several. */
Test(fanout_meter, batches_share_frames)
{
	uint32_t only_one[4] = { 0, 30, 0, 0 };

	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	cr_assert_eq(fantail_fanout_batch(f, only_one, 0), 0);
	fantail_fanout_rung(f, at(0));
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	fantail_fanout_rung(f, at(100));
	fantail_fanout_sent(f, 0, 20, at(110));
	fantail_fanout_sent(f, 2, 20, at(120));
	fantail_fanout_sent(f, 1, 50, at(130));
	cr_assert_eq(result().left, 3);
	cr_assert_eq(result().stray_bytes, 0);
	cr_assert_eq(result().first_cycles.max, 130, "of the second");
	cr_assert_eq(result().last_cycles.max, 130);
	cr_assert_eq(result().queued, 2);
	near(mean_place(1, 2), 1);
	near(mean_place(0, 2), 0);
	/* ends of ring: retired with the last ACK */
	cr_assert_eq(fantail_fanout_batch(f, NULL, 1), -ENOSPC);
	cr_assert(result().full);
}

Test(fanout_meter, the_ring_goes_round)
{
	uint32_t bytes[4] = { 5, 0, 7, 9 };
	uint32_t b;

	for (b = 0; b < 50; b++) {
		bytes[1] = b % 3;
		cr_assert_eq(fantail_fanout_batch(f, bytes, 0), 0);
		fantail_fanout_rung(f, at(b * 100));
		fantail_fanout_sent(f, 0, 5, at(b * 100 + 1));
		fantail_fanout_sent(f, 1, bytes[1], at(b * 100 + 2));
		fantail_fanout_sent(f, 2, 7, at(b * 100 + 3));
		fantail_fanout_acked(f, 2, 7, at(b * 100 + 4));
		fantail_fanout_acked(f, 1, bytes[1], at(b * 100 + 5));
		fantail_fanout_acked(f, 0, 5, at(b * 100 + 6));
		cr_assert_eq(result().acked, b + 1);
	}
	cr_assert_eq(result().acked_cycles.median, 6);
	cr_assert_eq(result().last_cycles.max, 3);
	/* 17 times it got nothing; the fourth has never joined */
	cr_assert_eq(result().members, 3);
	near(mean_place(1, 33), 0.5);
	cr_assert_eq(result().stray_bytes, 0);
	cr_assert_eq(result().queued, 0);
}

/* Who ends is left out, whatever is missing. */
Test(fanout_meter, connections_end)
{
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	fantail_fanout_rung(f, at(0));
	fantail_fanout_sent(f, 0, 20, at(5));
	fantail_fanout_acked(f, 0, 10, at(6));
	fantail_fanout_sent(f, 1, 20, at(7));
	fantail_fanout_acked(f, 1, 20, at(8));
	fantail_fanout_sent(f, 2, 15, at(9));
	cr_assert_eq(result().left, 1);
	fantail_fanout_gone(f, 2);
	cr_assert_eq(result().left, 2);
	cr_assert_eq(result().last_cycles.max, 9);
	cr_assert_eq(result().acked, 1);
	cr_assert_eq(result().acked_cycles.max, 8, "not when it ended");
	fantail_fanout_gone(f, 2);
	fantail_fanout_sent(f, 2, 5, at(10));
	fantail_fanout_gone(f, 0);
	cr_assert_eq(result().acked, 2);
	/* and may come again, with old bytes under way */
	cr_assert_eq(fantail_fanout_join(f, 1, 0), -EINVAL);
	cr_assert_eq(fantail_fanout_join(f, 4, 0), -EINVAL);
	cr_assert_eq(fantail_fanout_join(f, 0, 3), 0);
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	fantail_fanout_rung(f, at(100));
	fantail_fanout_sent(f, 0, 10, at(101));
	fantail_fanout_sent(f, 1, 10, at(102));
	fantail_fanout_acked(f, 1, 10, at(103));
	fantail_fanout_acked(f, 0, 12, at(104));
	cr_assert_eq(result().acked, 2, "three were older");
	fantail_fanout_acked(f, 0, 1, at(105));
	cr_assert_eq(result().acked, 3);
	/* nobody is left to be measured */
	fantail_fanout_gone(f, 0);
	fantail_fanout_gone(f, 1);
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	cr_assert_eq(result().batches, 4);
	cr_assert_eq(result().left, 3);
}

Test(fanout_meter, what_no_batch_holds_is_told)
{
	fantail_fanout_sent(f, 0, 5, at(1));
	cr_assert_eq(result().stray_bytes, 5);
	cr_assert_eq(fantail_fanout_batch(f, NULL, 10), 0);
	fantail_fanout_rung(f, at(2));
	fantail_fanout_sent(f, 0, 11, at(3));
	cr_assert_eq(result().stray_bytes, 6);
	/* a FIN is no byte of a batch */
	fantail_fanout_acked(f, 0, 11, at(4));
	cr_assert_eq(result().stray_bytes, 6);
}

Test(fanout_meter, bad_sizes)
{
	struct fantail_fanout *g;
	struct fantail_fanout_places p;

	cr_assert_eq(fantail_fanout_open(0, 1, &g), -EINVAL);
	cr_assert_eq(fantail_fanout_open(65537, 1, &g), -EINVAL);
	cr_assert_eq(fantail_fanout_open(1, 0, &g), -EINVAL);
	cr_assert_eq(fantail_fanout_get_places(f, 4, &p), -EINVAL);
}
