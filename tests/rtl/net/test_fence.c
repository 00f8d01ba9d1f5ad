// SPDX-License-Identifier: Apache-2.0
/* What waits for a whole sweep: COLLECT and DELIVERED. */
#include "news.h"

#include <criterion/criterion.h>

static void sweep_begins(struct bench *b, uint32_t walk_pos)
{
	b->p.walk_pos = walk_pos;
	b->p.sweep_begin = 1;
	bench_cycle(b);
	b->p.sweep_begin = 0;
	bench_run(b, 3);
}

static void needs(struct bench *b, unsigned int qp, uint32_t pos)
{
	b->p.need_qp = qp;
	b->p.need_pos = pos;
	b->p.need_valid = 1;
	bench_cycle(b);
	b->p.need_valid = 0;
}

static void sweep_ends(struct bench *b)
{
	b->p.sweep_end = 1;
	bench_cycle(b);
	b->p.sweep_end = 0;
	bench_run(b, 200);
}

static void collect(struct bench *b, unsigned int qps)
{
	b->p.collect = qps;
	bench_cycle(b);
	b->p.collect = 0;
}

/* A sweep that has begun is too early; one SUMMARY, though all is zero. */
Test(fence, collect_waits_for_a_sweep)
{
	struct bench *b = bench_new();

	news_moderate(b, 1000, 1000000);
	b->p.summary_only = 1;
	sweep_begins(b, 0);
	collect(b, 1);
	cr_assert_not(b->p.idle);
	sweep_ends(b);
	cr_assert_eq(b->sums[0], 0, "of a sweep before it");
	sweep_begins(b, 0);
	b->hold_fence = true;
	sweep_ends(b);
	cr_assert_eq(b->p.fence_valid, 1);
	/* what the sweep has raised goes before the fence */
	for (unsigned int i = 0; i < 20; i++)
		news_raise(b, i, i & 1 ? EV_TIMED_OUT : EV_QUERY, 0);
	b->hold_fence = false;
	bench_drain(b);
	cr_assert_eq(b->crecs, 20);
	cr_assert_eq(b->sums[0], 1);
	cr_assert_eq(b->last_sum[1], 1);
	news_sum_is(b, (struct news_sum){ .errors = 10 });
	cr_assert_eq(b->ends[0], 1);
	cr_assert_eq(b->sums[1], 0);
	/* again, of both: nothing has happened since */
	collect(b, 3);
	sweep_begins(b, 0);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 2);
	cr_assert_eq(b->sums[1], 1);
	news_sum_is(b, (struct news_sum){ 0 });
	cr_assert_eq(b->crecs, 20);
	sweep_begins(b, 0);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 2);
	bench_free(b);
}

/* Before a sweep begins several are one; later ones have their own answer. */
Test(fence, collect_while_collecting)
{
	struct bench *b = bench_new();

	news_moderate(b, 1000, 1000000);
	collect(b, 1);
	collect(b, 1);
	sweep_begins(b, 0);
	collect(b, 1);
	sweep_ends(b);
	cr_assert_eq(b->sums[0], 1);
	news_raise(b, 5, EV_QUERY, 0);
	bench_run(b, 100);
	cr_assert_eq(b->crecs, 0);
	sweep_begins(b, 0);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 2);
	cr_assert_eq(b->crecs, 1);
	bench_free(b);
}

static uint64_t mark_cookies[64];

static void note_mark(struct bench *b, const uint8_t *rec)
{
	cr_assert_leq(b->marks, 64);
	mark_cookies[b->marks - 1] = get32(rec + 20);
}

static void mark(struct bench *b, uint32_t pos, unsigned int cookie)
{
	b->p.mark_pos = pos;
	b->p.mark_cookie = cookie;
	b->p.mark_valid = 1;
	do
		bench_cycle(b);
	while (!(b->p.mark_ready & 1));
	b->p.mark_valid = 0;
}

Test(fence, delivered_when_nothing_below_is_needed)
{
	struct bench *b = bench_new();

	b->on_mark = note_mark;
	mark(b, 100, 7);
	mark(b, 200, 8);
	mark(b, 300, 9);
	/* begun before the second was replicated; another's needs */
	sweep_begins(b, 150);
	needs(b, 1, 50);
	sweep_ends(b);
	cr_assert_eq(b->marks, 1);
	sweep_begins(b, 300);
	needs(b, 0, 199);
	needs(b, 0, 250);
	sweep_ends(b);
	cr_assert_eq(b->marks, 1);
	bench_drain(b);
	sweep_begins(b, 300);
	needs(b, 0, 200);
	sweep_ends(b);
	cr_assert_eq(b->marks, 2);
	sweep_begins(b, 400);
	sweep_ends(b);
	cr_assert_eq(b->marks, 3);
	sweep_begins(b, 400);
	sweep_ends(b);
	cr_assert_eq(b->marks, 3);
	for (unsigned int i = 0; i < 3; i++)
		cr_assert_eq(mark_cookies[i], 7 + i);
	bench_drain(b);
	bench_free(b);
}

/* As many as are held, across the end of positions, in order. */
Test(fence, delivered_of_many)
{
	struct bench *b = bench_new();

	b->on_mark = note_mark;
	for (unsigned int i = 0; i < 16; i++)
		mark(b, 0xFFFFFFF8 + i, i);
	b->p.mark_valid = 1;
	bench_run(b, 50);
	cr_assert_eq(b->p.mark_ready & 1, 0);
	b->p.mark_valid = 0;
	for (unsigned int i = 0; i < 16; i++) {
		sweep_begins(b, 0x100);
		needs(b, 0, 0xFFFFFFF8 + i);
		sweep_ends(b);
		cr_assert_eq(b->marks, i + 1);
	}
	for (unsigned int i = 0; i < 16; i++)
		cr_assert_eq(mark_cookies[i], i);
	bench_free(b);
}

static unsigned int crecs_at_mark, sums_at_mark;

static void note_order(struct bench *b, const uint8_t *rec)
{
	(void)rec;
	crecs_at_mark = b->crecs;
	sums_at_mark = b->sums[0];
}

/* A failure is told before what counts it as done. */
Test(fence, delivered_behind_the_failures)
{
	struct bench *b = bench_new();

	b->on_mark = note_order;
	news_moderate(b, 1000, 1000);
	mark(b, 100, 1);
	sweep_begins(b, 100);
	news_raise(b, 3, EV_RESET, 0);
	sweep_ends(b);
	news_raise(b, 4, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->marks, 0);
	b->p.now_us = 1000;
	bench_drain(b);
	cr_assert_eq(b->marks, 1);
	cr_assert_geq(crecs_at_mark, 1);
	cr_assert_eq(b->ends[0], 1);
	/* with SUMMARY only, behind the one that counts them */
	b->p.summary_only = 1;
	news_raise(b, 5, EV_TIMED_OUT, 0);
	mark(b, 200, 2);
	sweep_begins(b, 200);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->marks, 1);
	b->p.now_us = 3000;
	bench_drain(b);
	cr_assert_eq(b->marks, 2);
	cr_assert_eq(sums_at_mark, 2);
	news_sum_is(b, (struct news_sum){ .errors = 1 });
	bench_free(b);
}

/* A fence that is late finds another life of its queue pair. */
Test(fence, marks_of_a_stopped_queue_pair)
{
	struct bench *b = bench_new();

	b->on_mark = note_mark;
	mark(b, 100, 1);
	collect(b, 1);
	b->hold_fence = true;
	sweep_begins(b, 100);
	sweep_ends(b);
	b->p.run = 2;
	bench_run(b, 5);
	b->p.run = 3;
	mark(b, 200, 2);
	b->hold_fence = false;
	bench_run(b, 200);
	cr_assert_eq(b->marks + b->sums[0], 0);
	sweep_begins(b, 200);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->marks, 1);
	cr_assert_eq(mark_cookies[0], 2);
	bench_free(b);
}
