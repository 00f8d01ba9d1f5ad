// SPDX-License-Identifier: Apache-2.0
/* Delivery into slots, and their return. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	EV_PEER_FIN = 1,
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
