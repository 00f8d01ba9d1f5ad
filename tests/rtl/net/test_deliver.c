// SPDX-License-Identifier: Apache-2.0
/* Delivery into slots, their return, and the news of connections. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	EV_PEER_FIN = 1,
	EV_RESET = 2,
	EV_OVERRUN = 8,
	EV_LAGGING = 0x10,
	EV_WRITABLE = 0x20,
	EV_LAG = EV_LAGGING | EV_WRITABLE,
	EV_QUERY = 0x800,
	/* LAGGING, WRITABLE, SKIPPED, DRAINED, QUERY */
	EV_REPEATABLE = 0x10 | 0x20 | 0x40 | 0x100 | EV_QUERY
};

static const struct tuple tuple = { 0xC0000201, 0xC0000202, 80, 4000 };

static void data_verdict(struct bench *b, const struct seg *s)
{
	struct verdict v = { .kind = KIND_DATA,
			     .id = 5,
			     .handle = 0x77770005,
			     .pay_off = s->pay_off,
			     .pay_len = s->pay_len,
			     .frame_len = s->frame_len };

	bench_verdict(b, &v);
}

static void host_verdict(struct bench *b, const struct seg *s)
{
	struct verdict v = { .kind = KIND_FRAME,
			     .reason = 1,
			     .frame_len = s->frame_len };

	bench_verdict(b, &v);
}

static void one_data(struct bench *b, unsigned int bytes)
{
	struct frame f;

	frame_data(&f, &tuple, bytes);
	bench_mac(b, &f);
}

static void check_data(struct bench *b, const uint8_t *rec)
{
	unsigned int bytes = get16(rec + 10);
	const uint8_t *p = b->slots + get16(rec + 2) * 2048 + get16(rec + 8);

	cr_assert_eq(rec[0], 5);
	cr_assert_eq(get32(rec + 4), 0x77770005);
	cr_assert_eq(get16(rec + 8), 66);
	for (unsigned int i = 0; i < bytes; i++)
		cr_assert_eq(p[i], (uint8_t)(i * 7 + bytes), "byte %u", i);
}

/* Every length; the slot comes back with its owner. */
Test(deliver, data_of_every_length)
{
	struct bench *b = bench_new();

	b->on_seg = data_verdict;
	b->on_rec = check_data;
	b->stall = 20;
	bench_enable(b, 8);
	for (unsigned int bytes = 1; bytes <= 1448; bytes += 1 + bytes / 300) {
		struct slot_answer a;
		unsigned int before = b->recs;

		memset(b->slots, 0xEE, sizeof(b->slots));
		one_data(b, bytes);
		bench_drain(b);
		cr_assert_eq(b->recs, before + 1);
		cr_assert_eq(get16(b->last_rec + 10), bytes);
		/* Nothing before the first byte's line. */
		cr_assert_eq(b->slots[get16(b->last_rec + 2) * 2048 + 63],
			     0xEE);
		/* Nothing behind the last byte. */
		cr_assert_eq(
			b->slots[get16(b->last_rec + 2) * 2048 + 66 + bytes],
			0xEE);
		a = bench_slot(b, get16(b->last_rec + 2), true);
		cr_assert(a.ok);
		a = bench_slot(b, get16(b->last_rec + 2), false);
		cr_assert(a.ok && a.id == 5 && a.gen == 0x7777);
		cr_assert_eq(a.bytes, bytes);
		a = bench_slot(b, get16(b->last_rec + 2), false);
		cr_assert_not(a.ok, "returned twice");
	}
	bench_free(b);
}

/* Acknowledged data waits for a slot however long it takes, none is lost. */
Test(deliver, data_waits_for_a_slot)
{
	struct bench *b = bench_new();
	unsigned int returned = 0;

	b->on_seg = data_verdict;
	b->on_rec = check_data;
	bench_enable(b, 8);
	cr_assert(b->p.data_ok && b->p.frame_ok);
	for (int i = 0; i < 20; i++)
		one_data(b, 10);
	bench_run(b, 500);
	cr_assert_eq(b->recs, 8);
	cr_assert_not(b->p.data_ok);
	cr_assert_not(b->p.frame_ok);
	cr_assert_not(b->p.idle);
	while (b->recs < 20 || returned < 20) {
		unsigned int slot = bench_rnd(b) % 10;
		struct slot_answer a = bench_slot(b, slot, false);

		cr_assert(!a.ok || slot < 8);
		returned += a.ok;
		bench_run(b, 20);
		cr_assert_lt(b->cycle, 100000);
	}
	bench_drain(b);
	cr_assert_eq(b->recs, 20);
	cr_assert_eq(returned, 20);
	cr_assert(b->p.data_ok && b->p.frame_ok);
	bench_free(b);
}

/* data_ok as the ACK stage sees it: some cycles before delivery gets to know
 * what came of it, and with a queue of its own behind a slow host. */
struct loop {
	bool ok[8];
	unsigned int data, refused, slow;
};

static void careful_verdict(struct bench *b, const struct seg *s)
{
	struct loop *l = b->arg;
	struct verdict v = { .kind = KIND_DROP,
			     .id = 5,
			     .handle = 0x77770005,
			     .pay_off = s->pay_off,
			     .pay_len = s->pay_len,
			     .frame_len = s->frame_len };
	unsigned int kind = l->slow ? 1 : bench_rnd(b) % 8;

	if (kind == 0) {
		v.kind = KIND_FRAME;
	} else if (kind < 6 && l->ok[(b->cycle - 4) % 8]) {
		v.kind = KIND_DATA;
		l->data++;
	} else if (kind < 6) {
		l->refused++;
	}
	bench_verdict(b, &v);
}

static void loop_cycle(struct bench *b)
{
	struct loop *l = b->arg;

	b->hold_segs = b->verdict_wr - b->verdict_rd >= 12;
	/* The host's memory is slow at times: verdicts pile up. */
	b->hold_w = b->cycle % 1024 < l->slow;
	bench_cycle(b);
	l->ok[(b->cycle - 1) % 8] = b->p.data_ok;
}

/* What was accepted under data_ok finds a slot, though none ever comes back. */
Test(deliver, accepted_data_finds_a_slot)
{
	unsigned int data = 0, refused = 0;

	for (unsigned int n = 0; n < 150; n++) {
		struct bench *b = bench_new();
		unsigned int count = 8 + bench_rnd(b) % (n % 2 ? 25 : 57);
		struct loop l = { .slow = n % 3 ? 0 : bench_rnd(b) % 1024 };

		b->arg = &l;
		b->on_seg = careful_verdict;
		b->stall = n % 5 * 20;
		bench_enable(b, count);
		for (int i = 0; i < 300; i++) {
			one_data(b, 1 + bench_rnd(b) % 20);
			for (unsigned int k = 0; k < 1 + b->stall / 10; k++)
				loop_cycle(b);
		}
		l.slow = 0;
		b->stall = 0;
		for (unsigned int i = 0; i < 5000 && !b->p.idle; i++)
			loop_cycle(b);
		cr_assert(b->p.idle, "%u slots: data waits", count);
		cr_assert_eq(b->recs, l.data + b->n.to_host);
		data += l.data;
		refused += l.refused;
		cr_assert_leq(b->recs, count);
		bench_free(b);
	}
	cr_assert(data && refused);
}

/* Frames leave slots for data; those without one are dropped and counted. */
Test(deliver, frames_do_not_take_all_slots)
{
	struct bench *b = bench_new();
	struct slot_answer a;

	b->on_seg = host_verdict;
	bench_enable(b, 16);
	for (int i = 0; i < 60; i++) {
		one_data(b, 30);
		bench_drain(b);
	}
	cr_assert_eq(b->recs, 8);
	cr_assert_eq(b->n.to_host, 8);
	cr_assert_eq(b->n.drop_no_slot, 52);
	cr_assert_eq(b->last_rec[0], 6);
	cr_assert_eq(b->last_rec[1], 1);
	b->on_seg = data_verdict;
	one_data(b, 30);
	bench_drain(b);
	cr_assert_eq(b->last_rec[0], 5);
	a = bench_slot(b, 3, false);
	cr_assert(a.ok);
	cr_assert_eq(a.bytes, 0, "a frame gives no credit back");
	b->on_seg = host_verdict;
	one_data(b, 30);
	bench_drain(b);
	cr_assert_eq(b->n.to_host, 9);
	bench_free(b);
}

/* A disabled queue pair swallows everything and starts afresh. */
Test(deliver, disabled_queue_pair)
{
	struct bench *b = bench_new();

	b->on_seg = data_verdict;
	for (int i = 0; i < 5; i++)
		one_data(b, 100);
	bench_drain(b);
	cr_assert_eq(b->recs, 0);
	bench_enable(b, 8);
	one_data(b, 100);
	bench_drain(b);
	cr_assert_eq(b->recs, 1);
	cr_assert_eq(get16(b->last_rec + 2), 0);
	b->p.qp_enable = 0;
	bench_run(b, 5);
	cr_assert_not(bench_slot(b, 0, false).ok);
	bench_enable(b, 8);
	for (unsigned int i = 0; i < 8; i++) {
		cr_assert_not(bench_slot(b, i, false).ok);
		one_data(b, 100);
		bench_drain(b);
		cr_assert_eq(get16(b->last_rec + 2), i);
	}
	bench_free(b);
}

static void raise_ev(struct bench *b, unsigned int id, unsigned int ev,
		     unsigned int cause)
{
	struct verdict v = { .kind = KIND_NONE,
			     .id = id,
			     .handle = 0x00420000 | id,
			     .ev = ev,
			     .cause = cause };

	bench_verdict(b, &v);
}

/* A connection's last DATA stands before its PEER_FIN. */
static void fin_verdict(struct bench *b, const struct seg *s)
{
	struct verdict v = { .kind = KIND_DATA,
			     .id = 5,
			     .handle = 0x77770005,
			     .pay_off = s->pay_off,
			     .pay_len = s->pay_len,
			     .frame_len = s->frame_len,
			     .ev = EV_PEER_FIN };

	bench_verdict(b, &v);
}

Test(deliver, event_after_its_data)
{
	struct bench *b = bench_new();

	b->on_seg = fin_verdict;
	bench_enable(b, 8);
	b->hold_rec = true;
	one_data(b, 200);
	bench_run(b, 300);
	cr_assert_eq(b->crecs, 0, "PEER_FIN overtook DATA");
	b->hold_rec = false;
	bench_drain(b);
	cr_assert_eq(b->recs, 1);
	cr_assert_eq(b->crecs, 1);
	cr_assert_eq(b->last_crec[0], 3);
	cr_assert_eq(get16(b->last_crec + 2), EV_PEER_FIN);
	cr_assert_eq(get32(b->last_crec + 4), 0x77770005);
	bench_free(b);
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

	b->p.clear_id = 9;
	b->p.clear_valid = 1;
	bench_cycle(b);
	b->p.clear_valid = 0;
	bench_run(b, 5);
	raise_ev(b, 9, EV_RESET, 0);
	bench_drain(b);
	cr_assert_eq(b->crecs, 7);
	cr_assert_eq(get16(b->last_crec + 24), EV_RESET);
	bench_free(b);
}

static unsigned int told[64];
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

static void note(struct bench *b, const uint8_t *rec)
{
	unsigned int id = get16(rec + 4);

	(void)b;
	cr_assert_eq(told[id] & get16(rec + 2) & ~EV_REPEATABLE, 0,
		     "told twice");
	note_lag(id, get16(rec + 2) & EV_LAG);
	told[id] |= get16(rec + 2);
	cr_assert_eq(told[id] & ~EV_LAG, get16(rec + 24) & ~EV_LAG);
	if (told[id] & EV_OVERRUN)
		cr_assert_eq(rec[1], 1 + id % 3);
}

/* Whatever is raised is told, whenever the status ring has room. */
Test(report, nothing_is_lost)
{
	struct bench *b = bench_new();
	unsigned int raised[64] = { 0 };
	bool lags[64] = { false };

	memset(told, 0, sizeof(told));
	memset(lagging, 0, sizeof(lagging));
	b->on_crec = note;
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
		raise_ev(b, id, ev, 1 + id % 3);
		raised[id] |= ev;
		if (n % 50 == 0)
			b->stall = bench_rnd(b) % 99;
		bench_run(b, 1 + bench_rnd(b) % 6);
		while (b->verdict_wr - b->verdict_rd > 100)
			bench_cycle(b);
	}
	b->stall = 0;
	bench_drain(b);
	for (unsigned int id = 0; id < 64; id++)
		cr_assert_eq(told[id] & ~EV_LAG, raised[id] & ~EV_LAG,
			     "connection %u", id);
	for (unsigned int id = 0; id < 64; id++)
		cr_assert_eq(lagging[id], lags[id], "connection %u", id);
	bench_free(b);
}
