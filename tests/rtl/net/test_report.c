// SPDX-License-Identifier: Apache-2.0
/* News of connections: merged, in periods, a queue for each queue pair. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include "fantail_regs.h"

enum {
	EV_PEER_FIN = FANTAIL_EV_PEER_FIN,
	EV_RESET = FANTAIL_EV_RESET,
	EV_TIMED_OUT = FANTAIL_EV_TIMED_OUT,
	EV_OVERRUN = FANTAIL_EV_OVERRUN,
	EV_LAGGING = FANTAIL_EV_LAGGING,
	EV_WRITABLE = FANTAIL_EV_WRITABLE,
	EV_LAG = EV_LAGGING | EV_WRITABLE,
	EV_QUERY = FANTAIL_EV_QUERY,
	EV_REPEATABLE = FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE |
			FANTAIL_EV_SKIPPED | FANTAIL_EV_DRAINED |
			FANTAIL_EV_QUERY
};

static void raise_qp(struct bench *b, unsigned int qp, unsigned int id,
		     unsigned int ev, unsigned int cause)
{
	struct verdict v = { .kind = KIND_NONE,
			     .id = id,
			     .handle = 0x00420000 | id,
			     .qp = qp,
			     .ev = ev,
			     .cause = cause };

	bench_verdict(b, &v);
}

static void raise_ev(struct bench *b, unsigned int id, unsigned int ev,
		     unsigned int cause)
{
	raise_qp(b, 0, id, ev, cause);
}

/* Both queue pairs alike. */
static void moderate(struct bench *b, unsigned int count, unsigned int us)
{
	b->p.mod_count = count | (uint64_t)count << 16;
	b->p.mod_us = us | (uint64_t)us << 32;
}

/* One cycle of counted things, a bit for each queue pair. */
static void count(struct bench *b, unsigned int connect, unsigned int reads)
{
	b->p.connect = connect;
	b->p.reads = reads;
	bench_cycle(b);
	b->p.connect = 0;
	b->p.reads = 0;
}

static void clear(struct bench *b, unsigned int id)
{
	b->p.clear_id = id;
	b->p.clear_valid = 1;
	bench_cycle(b);
	b->p.clear_valid = 0;
	bench_run(b, 5);
}

struct sum {
	unsigned int connects, reads, errors, disconnects, successes;
};

static void sum_is(const struct bench *b, struct sum s)
{
	cr_assert_eq(get32(b->last_sum + 4), s.connects);
	cr_assert_eq(get32(b->last_sum + 8), s.reads);
	cr_assert_eq(get32(b->last_sum + 12), s.errors);
	cr_assert_eq(get32(b->last_sum + 16), s.disconnects);
	cr_assert_eq(get32(b->last_sum + 20), s.successes);
}

/* News merges while records wait; one-shot events are told once, a query is
 * answered every time, a new generation starts afresh. */
Test(report, merge_and_repeat)
{
	struct bench *b = bench_new();

	raise_ev(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 1);
	cr_assert_eq(get16(b->last_crec + 2), EV_RESET);
	raise_ev(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 1, "told twice");
	raise_ev(b, 9, EV_QUERY, 0);
	bench_drain(b);
	raise_ev(b, 9, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	cr_assert_eq(get16(b->last_crec + 2), EV_QUERY);
	cr_assert_eq(get16(b->last_crec + 24), EV_QUERY | EV_RESET);

	/* Two are held in flight by a full status ring; the rest merges. */
	b->hold_crec = true;
	raise_ev(b, 1, EV_QUERY, 0);
	bench_run(b, 40);
	raise_ev(b, 2, EV_PEER_FIN, 0);
	raise_ev(b, 2, EV_OVERRUN, 2);
	raise_ev(b, 2, EV_QUERY, 0);
	raise_ev(b, 3, EV_RESET, 0);
	raise_ev(b, 2, EV_QUERY, 0);
	bench_run(b, 100);
	b->hold_crec = false;
	bench_drain(b);
	cr_assert_eq(b->crecs, 6);
	cr_assert_eq(get32(b->last_crec + 4), 0x00420003);

	clear(b, 9);
	raise_ev(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 7);
	cr_assert_eq(get16(b->last_crec + 24), EV_RESET);
	bench_free(b);
}

/* What comes within a period goes together, the SUMMARY last. */
Test(report, periods_by_time)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 50);
	b->p.now_us = 100;
	for (unsigned int i = 0; i < 10; i++) {
		raise_ev(b, i, EV_RESET, 0);
		raise_ev(b, 20 + i, EV_OVERRUN, 1);
		count(b, 1, 0);
		count(b, 0, 1);
	}
	raise_ev(b, 3, EV_QUERY, 0);
	/* one disconnect, whatever comes of it */
	raise_ev(b, 30, EV_PEER_FIN, 0);
	raise_ev(b, 30, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->p.deadline_us, 150);
	cr_assert_eq(b->p.items & 0x7FFF, 22);
	b->p.now_us = 149;
	bench_drain(b);
	cr_assert_eq(b->crecs + b->sums[0], 0);
	b->p.now_us = 150;
	bench_drain(b);
	cr_assert_eq(b->crecs, 21);
	cr_assert_eq(b->sums[0], 1);
	cr_assert_eq(b->ends[0], 1);
	sum_is(b, (struct sum){ 10, 10, 10, 11, 0 });
	cr_assert_eq(b->p.deadline_us, UINT64_MAX);

	/* the next one begins with the next news, not before */
	b->p.now_us = 1000;
	count(b, 1, 0);
	bench_drain(b);
	cr_assert_eq(b->p.deadline_us, 1050);
	raise_ev(b, 30, EV_QUERY, 0);
	bench_drain(b);
	b->p.now_us = 1050;
	bench_drain(b);
	cr_assert_eq(b->crecs, 22);
	cr_assert_eq(b->sums[0], 2);
	sum_is(b, (struct sum){ 1, 0, 0, 0, 0 });
	/* news that no count is of needs no SUMMARY */
	b->p.now_us = 2000;
	raise_ev(b, 30, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->p.deadline_us, 2050);
	b->p.now_us = 2050;
	bench_drain(b);
	cr_assert_eq(b->crecs, 23);
	cr_assert_eq(b->sums[0], 2);
	cr_assert_eq(b->ends[0], 3);
	bench_free(b);
}

/* Successes are told, but are no news. */
Test(report, successes_alone_are_no_news)
{
	struct bench *b = bench_new();

	/* both bits: a success of queue pair 0, which is also a connect */
	moderate(b, 1000, 50);
	for (unsigned int i = 0; i < 7; i++)
		count(b, 3, 0);
	b->p.now_us = 60;
	bench_drain(b);
	sum_is(b, (struct sum){ 7, 0, 0, 0, 7 });
	b->p.success = 1;
	bench_run(b, 5);
	b->p.success = 0;
	b->p.now_us = 1000;
	bench_run(b, 100);
	cr_assert_eq(b->p.held, 0);
	cr_assert_eq(b->sums[0], 1);
	count(b, 1, 0);
	bench_drain(b);
	b->p.now_us = 2000;
	bench_drain(b);
	sum_is(b, (struct sum){ 1, 0, 0, 0, 5 });
	bench_free(b);
}

Test(report, periods_by_count)
{
	struct bench *b = bench_new();

	moderate(b, 4, 1000000);
	raise_ev(b, 1, EV_QUERY, 0);
	raise_ev(b, 2, EV_QUERY, 0);
	raise_ev(b, 1, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	cr_assert_eq(b->p.items & 0x7FFF, 2);
	/* an id and a SUMMARY more */
	raise_ev(b, 2, EV_PEER_FIN, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	raise_ev(b, 3, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	cr_assert_eq(b->sums[0], 1);
	sum_is(b, (struct sum){ .disconnects = 1 });
	cr_assert_eq(b->ends[0], 1);
	/* 0 and 1: at once */
	moderate(b, 0, 1000000);
	raise_ev(b, 4, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 4);
	bench_free(b);
}

/* An interrupt for other records takes the news with it. */
Test(report, an_interrupt_that_is_due_ends_the_period)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 1000000);
	raise_ev(b, 1, EV_PEER_FIN, 0);
	raise_qp(b, 1, 2, EV_PEER_FIN, 0);
	bench_drain(b);
	cr_assert_eq(b->p.held, 3);
	b->p.due = 1;
	bench_run(b, 20);
	b->p.due = 0;
	bench_drain(b);
	cr_assert_eq(b->crecs, 1);
	cr_assert_eq(b->sums[0], 1);
	cr_assert_eq(b->ends[0], 1);
	cr_assert_eq(b->p.held, 2);
	cr_assert_eq(b->sums[1] + b->ends[1], 0);
	bench_free(b);
}

Test(report, urgent_waits_for_nothing)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 1000000);
	b->p.urgent = 1;
	raise_ev(b, 1, EV_PEER_FIN, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	raise_qp(b, 1, 2, EV_TIMED_OUT, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0, "the other one is not urgent");
	raise_ev(b, 3, EV_TIMED_OUT, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 2);
	cr_assert_eq(b->sums[0], 1);
	sum_is(b, (struct sum){ .errors = 1, .disconnects = 1 });
	raise_ev(b, 4, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	bench_free(b);
}

Test(report, summary_only)
{
	struct bench *b = bench_new();

	moderate(b, 1, 0);
	b->p.summary_only = 1;
	for (unsigned int i = 0; i < 64; i++) {
		raise_ev(b, i, EV_RESET, 0);
		bench_drain(b);
	}
	cr_assert_eq(b->crecs, 0);
	cr_assert_eq(b->sums[0], 64);
	raise_ev(b, 1, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 64);
	/* left: nothing of it is lost */
	b->p.summary_only = 0;
	bench_drain(b);
	cr_assert_eq(b->crecs, 64);
	bench_free(b);
}

/* A full ring holds back its own queue pair, and merges meanwhile. */
Test(report, a_full_ring_holds_back_nobody_else)
{
	struct bench *b = bench_new();

	b->p.room = 2;
	raise_qp(b, 0, 1, EV_PEER_FIN, 0);
	raise_qp(b, 0, 2, EV_PEER_FIN, 0);
	bench_run(b, 60);
	cr_assert_eq(b->crecs, 0);
	for (unsigned int i = 10; i < 20; i++)
		raise_qp(b, 1, i, EV_PEER_FIN, 0);
	bench_run(b, 1000);
	cr_assert_eq(b->crecs, 10);
	cr_assert_geq(b->sums[1], 1);
	raise_qp(b, 0, 2, EV_RESET, 0);
	bench_run(b, 60);
	b->p.room = 3;
	bench_drain(b);
	cr_assert_eq(b->crecs, 12);
	cr_assert_eq(get16(b->last_crec + 2), EV_PEER_FIN | EV_RESET);
	bench_free(b);
}

static unsigned int told_qp;

static void note_qp(struct bench *b, const uint8_t *rec)
{
	if (get16(rec + 4) == 7)
		told_qp |= 1u << b->p.crec_qp;
}

/* An id goes to another queue pair before its news was told. */
Test(report, an_id_changes_hands)
{
	struct bench *b = bench_new();

	told_qp = 0;
	b->on_crec = note_qp;
	moderate(b, 1000, 50);
	raise_qp(b, 0, 7, EV_PEER_FIN, 0);
	raise_qp(b, 0, 8, EV_PEER_FIN, 0);
	bench_drain(b);
	clear(b, 7);
	raise_qp(b, 1, 7, EV_RESET, 0);
	bench_drain(b);
	b->p.room = 2;
	b->p.now_us = 50;
	bench_run(b, 200);
	cr_assert_eq(told_qp, 2, "held back by its former ring");
	cr_assert_eq(get16(b->last_crec + 24), EV_RESET);
	b->p.room = 3;
	bench_drain(b);
	cr_assert_eq(told_qp, 2);
	cr_assert_eq(b->crecs, 2);
	bench_free(b);
}

/* A queue pair that stops loses its news, and nothing of it comes later. */
Test(report, a_stopped_queue_pair)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 1000000);
	raise_ev(b, 7, EV_PEER_FIN, 0);
	count(b, 1, 1);
	bench_drain(b);
	b->p.run = 2;
	bench_drain(b);
	cr_assert_eq(b->p.held, 0);
	cr_assert_eq(b->sums[0], 0);
	b->p.run = 3;
	moderate(b, 0, 0);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 0);
	raise_ev(b, 7, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(get16(b->last_crec + 2), EV_QUERY);
	bench_free(b);
}

static bool lagging[64]; /* as the host knows */

static void note_lag(unsigned int id, unsigned int ev)
{
	if (ev == EV_LAGGING)
		cr_assert_not(lagging[id], "LAGGING twice");
	if (ev == EV_WRITABLE)
		cr_assert(lagging[id], "WRITABLE twice");
	if (ev == (EV_LAGGING | EV_WRITABLE))
		cr_assert_not(lagging[id]);
	if (ev)
		lagging[id] = ev == EV_LAGGING;
}

static unsigned int told[64], errors[2], disconnects[2], counted[2][2];

static void note(struct bench *b, const uint8_t *rec)
{
	unsigned int id = get16(rec + 4);

	cr_assert_eq(told[id] & get16(rec + 2) & ~EV_REPEATABLE, 0,
		     "told twice");
	cr_assert_eq(b->p.crec_qp, id & 1);
	note_lag(id, get16(rec + 2) & EV_LAG);
	told[id] |= get16(rec + 2);
	cr_assert_eq(told[id] & ~EV_LAG, get16(rec + 24) & ~EV_LAG);
	if (told[id] & EV_OVERRUN)
		cr_assert_eq(rec[1], 1 + id % 3);
}

static void note_sum(struct bench *b, const uint8_t *rec)
{
	counted[b->p.crec_qp][0] += get32(rec + 12);
	counted[b->p.crec_qp][1] += get32(rec + 16);
}

/* Whatever is raised is told, whenever the status ring has room, and counted
 * once. */
Test(report, nothing_is_lost)
{
	struct bench *b = bench_new();
	unsigned int raised[64] = { 0 };
	bool lags[64] = { false };

	memset(told, 0, sizeof(told));
	memset(lagging, 0, sizeof(lagging));
	memset(counted, 0, sizeof(counted));
	b->on_crec = note;
	b->on_sum = note_sum;
	for (int n = 0; n < 6000; n++) {
		unsigned int id = bench_rnd(b) % 64;
		unsigned int ev = 1u << bench_rnd(b) % 9;

		if (n > 5000)
			ev = EV_QUERY;
		/* one follows the other; what is not told yet may cancel out */
		if (ev & EV_LAG) {
			ev = lags[id] ? EV_WRITABLE : EV_LAGGING;
			lags[id] = !lags[id];
		}
		raise_qp(b, id & 1, id, ev, 1 + id % 3);
		raised[id] |= ev;
		if (n % 50 == 0) {
			b->stall = bench_rnd(b) % 99;
			moderate(b, bench_rnd(b) % 40, bench_rnd(b) % 90);
			b->p.urgent = bench_rnd(b) % 4;
			b->p.summary_only = bench_rnd(b) % 4;
			b->p.due = bench_rnd(b) % 4;
		}
		if (n % 20 == 0)
			b->p.room = bench_rnd(b) % 4;
		b->p.now_us += bench_rnd(b) % 4;
		bench_run(b, 1 + bench_rnd(b) % 6);
		while (b->verdict_wr - b->verdict_rd > 100)
			bench_cycle(b);
	}
	b->stall = 0;
	b->p.room = 3;
	b->p.summary_only = 0;
	moderate(b, 0, 0);
	bench_drain(b);
	memset(errors, 0, sizeof(errors));
	memset(disconnects, 0, sizeof(disconnects));
	for (unsigned int id = 0; id < 64; id++) {
		cr_assert_eq(told[id] & ~EV_LAG, raised[id] & ~EV_LAG,
			     "connection %u", id);
		cr_assert_eq(lagging[id], lags[id], "connection %u", id);
		errors[id & 1] += !!(raised[id] & (EV_TIMED_OUT | EV_OVERRUN));
		disconnects[id & 1] +=
			!!(raised[id] & (EV_PEER_FIN | EV_RESET));
	}
	for (unsigned int q = 0; q < 2; q++) {
		cr_assert_eq(counted[q][0], errors[q]);
		cr_assert_eq(counted[q][1], disconnects[q]);
	}
	bench_free(b);
}

/* ---------------------------------------------- what waits for a sweep */
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
Test(report, collect_waits_for_a_sweep)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 1000000);
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
		raise_ev(b, i, i & 1 ? EV_TIMED_OUT : EV_QUERY, 0);
	b->hold_fence = false;
	bench_drain(b);
	cr_assert_eq(b->crecs, 20);
	cr_assert_eq(b->sums[0], 1);
	cr_assert_eq(b->last_sum[1], 1);
	sum_is(b, (struct sum){ .errors = 10 });
	cr_assert_eq(b->ends[0], 1);
	cr_assert_eq(b->sums[1], 0);
	/* again, of both: nothing has happened since */
	collect(b, 3);
	sweep_begins(b, 0);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 2);
	cr_assert_eq(b->sums[1], 1);
	sum_is(b, (struct sum){ 0 });
	cr_assert_eq(b->crecs, 20);
	sweep_begins(b, 0);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 2);
	bench_free(b);
}

/* Before a sweep begins several are one; later ones have their own answer. */
Test(report, collect_while_collecting)
{
	struct bench *b = bench_new();

	moderate(b, 1000, 1000000);
	collect(b, 1);
	collect(b, 1);
	sweep_begins(b, 0);
	collect(b, 1);
	sweep_ends(b);
	cr_assert_eq(b->sums[0], 1);
	raise_ev(b, 5, EV_QUERY, 0);
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

Test(report, delivered_when_nothing_below_is_needed)
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
Test(report, delivered_of_many)
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
Test(report, delivered_behind_the_failures)
{
	struct bench *b = bench_new();

	b->on_mark = note_order;
	moderate(b, 1000, 1000);
	mark(b, 100, 1);
	sweep_begins(b, 100);
	raise_ev(b, 3, EV_RESET, 0);
	sweep_ends(b);
	raise_ev(b, 4, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->marks, 0);
	b->p.now_us = 1000;
	bench_drain(b);
	cr_assert_eq(b->marks, 1);
	cr_assert_geq(crecs_at_mark, 1);
	cr_assert_eq(b->ends[0], 1);
	/* with SUMMARY only, behind the one that counts them */
	b->p.summary_only = 1;
	raise_ev(b, 5, EV_TIMED_OUT, 0);
	mark(b, 200, 2);
	sweep_begins(b, 200);
	sweep_ends(b);
	bench_drain(b);
	cr_assert_eq(b->marks, 1);
	b->p.now_us = 3000;
	bench_drain(b);
	cr_assert_eq(b->marks, 2);
	cr_assert_eq(sums_at_mark, 2);
	sum_is(b, (struct sum){ .errors = 1 });
	bench_free(b);
}

/* A fence that is late finds another life of its queue pair. */
Test(report, marks_of_a_stopped_queue_pair)
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
