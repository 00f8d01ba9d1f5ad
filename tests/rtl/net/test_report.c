// SPDX-License-Identifier: Apache-2.0
/* News of connections: merged, in periods, a queue for each queue pair. */
#include "news.h"

#include <criterion/criterion.h>
#include <string.h>

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

/* News merges while records wait; one-shot events are told once, a query is
 * answered every time, a new generation starts afresh. */
Test(report, merge_and_repeat)
{
	struct bench *b = bench_new();

	news_raise(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 1);
	cr_assert_eq(get16(b->last_crec + 2), EV_RESET);
	news_raise(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 1, "told twice");
	news_raise(b, 9, EV_QUERY, 0);
	bench_drain(b);
	news_raise(b, 9, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	cr_assert_eq(get16(b->last_crec + 2), EV_QUERY);
	cr_assert_eq(get16(b->last_crec + 24), EV_QUERY | EV_RESET);

	/* Two are held in flight by a full status ring; the rest merges. */
	b->hold_crec = true;
	news_raise(b, 1, EV_QUERY, 0);
	bench_run(b, 40);
	news_raise(b, 2, EV_PEER_FIN, 0);
	news_raise(b, 2, EV_OVERRUN, 2);
	news_raise(b, 2, EV_QUERY, 0);
	news_raise(b, 3, EV_RESET, 0);
	news_raise(b, 2, EV_QUERY, 0);
	bench_run(b, 100);
	b->hold_crec = false;
	bench_drain(b);
	cr_assert_eq(b->crecs, 6);
	cr_assert_eq(get32(b->last_crec + 4), 0x00420003);

	clear(b, 9);
	news_raise(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 7);
	cr_assert_eq(get16(b->last_crec + 24), EV_RESET);
	bench_free(b);
}

/* What comes within a period goes together, the SUMMARY last. */
Test(report, periods_by_time)
{
	struct bench *b = bench_new();

	news_moderate(b, 1000, 50);
	b->p.now_us = 100;
	for (unsigned int i = 0; i < 10; i++) {
		news_raise(b, i, EV_RESET, 0);
		news_raise(b, 20 + i, EV_OVERRUN, 1);
		count(b, 1, 0);
		count(b, 0, 1);
	}
	news_raise(b, 3, EV_QUERY, 0);
	/* one disconnect, whatever comes of it */
	news_raise(b, 30, EV_PEER_FIN, 0);
	news_raise(b, 30, EV_RESET, 0);
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
	news_sum_is(b, (struct news_sum){ 10, 10, 10, 11, 0 });
	cr_assert_eq(b->p.deadline_us, UINT64_MAX);

	/* the next one begins with the next news, not before */
	b->p.now_us = 1000;
	count(b, 1, 0);
	bench_drain(b);
	cr_assert_eq(b->p.deadline_us, 1050);
	news_raise(b, 30, EV_QUERY, 0);
	bench_drain(b);
	b->p.now_us = 1050;
	bench_drain(b);
	cr_assert_eq(b->crecs, 22);
	cr_assert_eq(b->sums[0], 2);
	news_sum_is(b, (struct news_sum){ 1, 0, 0, 0, 0 });
	/* news that no count is of needs no SUMMARY */
	b->p.now_us = 2000;
	news_raise(b, 30, EV_QUERY, 0);
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
	news_moderate(b, 1000, 50);
	for (unsigned int i = 0; i < 7; i++)
		count(b, 3, 0);
	b->p.now_us = 60;
	bench_drain(b);
	news_sum_is(b, (struct news_sum){ 7, 0, 0, 0, 7 });
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
	news_sum_is(b, (struct news_sum){ 1, 0, 0, 0, 5 });
	bench_free(b);
}

Test(report, periods_by_count)
{
	struct bench *b = bench_new();

	news_moderate(b, 4, 1000000);
	news_raise(b, 1, EV_QUERY, 0);
	news_raise(b, 2, EV_QUERY, 0);
	news_raise(b, 1, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	cr_assert_eq(b->p.items & 0x7FFF, 2);
	/* an id and a SUMMARY more */
	news_raise(b, 2, EV_PEER_FIN, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	news_raise(b, 3, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	cr_assert_eq(b->sums[0], 1);
	news_sum_is(b, (struct news_sum){ .disconnects = 1 });
	cr_assert_eq(b->ends[0], 1);
	/* 0 and 1: at once */
	news_moderate(b, 0, 1000000);
	news_raise(b, 4, EV_QUERY, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 4);
	bench_free(b);
}

/* An interrupt for other records takes the news with it. */
Test(report, an_interrupt_that_is_due_ends_the_period)
{
	struct bench *b = bench_new();

	news_moderate(b, 1000, 1000000);
	news_raise(b, 1, EV_PEER_FIN, 0);
	news_raise_qp(b, 1, 2, EV_PEER_FIN, 0);
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

	news_moderate(b, 1000, 1000000);
	b->p.urgent = 1;
	news_raise(b, 1, EV_PEER_FIN, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0);
	news_raise_qp(b, 1, 2, EV_TIMED_OUT, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 0, "the other one is not urgent");
	news_raise(b, 3, EV_TIMED_OUT, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 2);
	cr_assert_eq(b->sums[0], 1);
	news_sum_is(b, (struct news_sum){ .errors = 1, .disconnects = 1 });
	news_raise(b, 4, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 3);
	bench_free(b);
}

Test(report, summary_only)
{
	struct bench *b = bench_new();

	news_moderate(b, 1, 0);
	b->p.summary_only = 1;
	for (unsigned int i = 0; i < 64; i++) {
		news_raise(b, i, EV_RESET, 0);
		bench_drain(b);
	}
	cr_assert_eq(b->crecs, 0);
	cr_assert_eq(b->sums[0], 64);
	news_raise(b, 1, EV_QUERY, 0);
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
	news_raise_qp(b, 0, 1, EV_PEER_FIN, 0);
	news_raise_qp(b, 0, 2, EV_PEER_FIN, 0);
	bench_run(b, 60);
	cr_assert_eq(b->crecs, 0);
	for (unsigned int i = 10; i < 20; i++)
		news_raise_qp(b, 1, i, EV_PEER_FIN, 0);
	bench_run(b, 1000);
	cr_assert_eq(b->crecs, 10);
	cr_assert_geq(b->sums[1], 1);
	news_raise_qp(b, 0, 2, EV_RESET, 0);
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
	news_moderate(b, 1000, 50);
	news_raise_qp(b, 0, 7, EV_PEER_FIN, 0);
	news_raise_qp(b, 0, 8, EV_PEER_FIN, 0);
	bench_drain(b);
	clear(b, 7);
	news_raise_qp(b, 1, 7, EV_RESET, 0);
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

	news_moderate(b, 1000, 1000000);
	news_raise(b, 7, EV_PEER_FIN, 0);
	count(b, 1, 1);
	bench_drain(b);
	b->p.run = 2;
	bench_drain(b);
	cr_assert_eq(b->p.held, 0);
	cr_assert_eq(b->sums[0], 0);
	b->p.run = 3;
	news_moderate(b, 0, 0);
	bench_drain(b);
	cr_assert_eq(b->sums[0], 0);
	news_raise(b, 7, EV_QUERY, 0);
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
		news_raise_qp(b, id & 1, id, ev, 1 + id % 3);
		raised[id] |= ev;
		if (n % 50 == 0) {
			b->stall = bench_rnd(b) % 99;
			news_moderate(b, bench_rnd(b) % 40, bench_rnd(b) % 90);
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
	news_moderate(b, 0, 0);
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
