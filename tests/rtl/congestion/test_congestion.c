/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fast retransmit and `recover` (RFC 6582 3.2) against a model whose sequence
 * numbers have 64 bits and never come round.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "congestion_block.h"

#define MSS    1000u
#define WINDOW (1u << 30) /* the largest there is (RFC 7323 2.3) */

struct sender {
	struct congestion_block *block;
	struct congestion_pins pins;
	/* the model: the same stream, counted from its beginning */
	uint64_t una, max, recover;
	uint64_t entered, refused; /* third duplicates */
	uint64_t rnd;
	unsigned int dups;
	bool recovery;
};

static uint32_t below(struct sender *s, uint32_t n)
{
	/* xorshift64*, Vigna 2016 */
	s->rnd ^= s->rnd >> 12;
	s->rnd ^= s->rnd << 25;
	s->rnd ^= s->rnd >> 27;
	return (uint32_t)(((s->rnd * 0x2545F4914F6CDD1Du >> 32) * n) >> 32);
}

/* After a handshake: `recover` is the initial sequence number (step 1). */
static void start(struct sender *s, uint32_t iss, uint64_t seed)
{
	*s = (struct sender){
		.block = congestion_new(),
		.una = 1,
		.max = 1,
		.rnd = seed * 0x9E3779B97F4A7C15u + 0x7654321,
	};
	s->pins.mss = MSS;
	s->pins.una = iss + 1;
	s->pins.max = iss + 1;
	s->pins.recover = iss;
	s->pins.cwnd = 10 * MSS;
	s->pins.ssthresh = 1u << 28;
}

static void end(struct sender *s)
{
	congestion_free(s->block);
}

static void step(struct sender *s)
{
	congestion_settle(s->block, &s->pins);
	cr_assert_eq(s->pins.n_in_rec, s->recovery, "byte %llu: recovery %u",
		     (unsigned long long)s->una, s->pins.n_in_rec);
	s->pins.cwnd = s->pins.n_cwnd;
	s->pins.ssthresh = s->pins.n_ssthresh;
	s->pins.acc = s->pins.n_acc;
	s->pins.dups = s->pins.n_dups;
	s->pins.in_rec = s->pins.n_in_rec;
	s->pins.recover = s->pins.n_recover;
	s->pins.ev_new = 0;
	s->pins.ev_dup = 0;
	s->pins.ev_timeout = 0;
	s->pins.ev_first_timeout = 0;
}

static void send(struct sender *s, uint32_t len)
{
	s->pins.max += len;
	s->max += len;
}

static void ack(struct sender *s, uint32_t len)
{
	s->una += len;
	s->dups = 0;
	s->recovery = s->recovery && s->una < s->recover; /* step 3 */
	s->pins.ev_new = 1;
	s->pins.acked = len;
	step(s);
	cr_assert_eq(s->pins.retransmit, s->recovery); /* a partial ACK */
	s->pins.una += len;
}

static void duplicate(struct sender *s)
{
	bool third = ++s->dups == 3 && !s->recovery;
	bool enter = third && s->una > s->recover; /* step 2 */

	if (enter) {
		s->recovery = true;
		s->recover = s->max;
	}
	s->entered += enter;
	s->refused += third && !enter;
	s->pins.ev_dup = 1;
	step(s);
	cr_assert_eq(s->pins.enter, enter, "byte %llu, recover %llu: %s",
		     (unsigned long long)s->una, (unsigned long long)s->recover,
		     enter ? "no fast retransmit" : "a fast retransmit");
	cr_assert_eq(s->pins.retransmit, enter);
}

static void timeout(struct sender *s)
{
	s->recover = s->max; /* step 4 */
	s->recovery = false;
	s->dups = 0;
	s->pins.ev_timeout = 1;
	s->pins.ev_first_timeout = 1;
	step(s);
}

static void lose_one(struct sender *s)
{
	int i;

	send(s, 5 * MSS);
	for (i = 0; i < 3; i++)
		duplicate(s);
	ack(s, 5 * MSS);
}

Test(congestion, first_segment_may_be_lost)
{
	struct sender s;

	start(&s, 12345, 1);
	lose_one(&s);
	cr_assert_eq(s.entered, 1);
	end(&s);
}

/* However many bytes went well: the next loss is told as the first was. */
Test(congestion, fast_retransmit_after_gigabytes_without_loss)
{
	static const uint64_t far[] = {
		1,	    0x7FFFFFFE, 0x7FFFFFFF,  0x80000000,  0x80000001,
		0xC0000000, 0xFFFFFFFF, 0x100000000, 0x180000000,
	};
	uint64_t left;
	struct sender s;
	unsigned int i;
	uint32_t n;

	for (i = 0; i < sizeof(far) / sizeof(*far); i++) {
		start(&s, 0xFFFF0000u, i);
		lose_one(&s);
		for (left = far[i]; left; left -= n) {
			n = left < WINDOW ? (uint32_t)left : WINDOW;
			send(&s, n);
			ack(&s, n);
		}
		lose_one(&s);
		cr_assert_eq(s.entered, 2, "after %llu bytes",
			     (unsigned long long)far[i]);
		end(&s);
	}
}

/* An ACK of just what `recover` says does not lie above it (step 2). */
Test(congestion, acknowledged_up_to_recover)
{
	struct sender s;
	int i;

	start(&s, 0, 1);
	send(&s, 10 * MSS);
	timeout(&s);
	ack(&s, 10 * MSS);
	send(&s, 10 * MSS);
	for (i = 0; i < 5; i++)
		duplicate(&s);
	cr_assert_eq(s.refused, 1);
	ack(&s, 1);
	for (i = 0; i < 3; i++)
		duplicate(&s);
	cr_assert_eq(s.entered, 1);
	end(&s);
}

static void random_event(struct sender *s, bool large)
{
	uint32_t room = (uint32_t)(WINDOW - (s->max - s->una));
	uint32_t out = (uint32_t)(s->max - s->una);
	uint32_t most = large ? WINDOW : 20 * MSS;

	switch (below(s, large ? 4 : 12)) {
	case 0:
	case 1:
		if (room)
			send(s, 1 + below(s, room < most ? room : most));
		break;
	case 2:
		if (out)
			ack(s, 1 + below(s, out));
		break;
	case 3:
		if (out)
			ack(s, out);
		break;
	case 4:
		if (out)
			timeout(s);
		break;
	default:
		if (out)
			duplicate(s);
		break;
	}
}

/* Stretches of gigabytes without loss, and of trouble between them. */
Test(congestion, random_events)
{
	const char *text = getenv("SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
	struct sender s;
	uint32_t n, i;

	fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
	start(&s, (uint32_t)seed * 0x12345677u, seed);
	for (n = 0; n < 20000; n++) {
		for (i = below(&s, 30); i; i--)
			random_event(&s, true);
		for (i = below(&s, 60); i; i--)
			random_event(&s, false);
	}
	cr_assert_gt(s.una, (uint64_t)1 << 40);
	cr_assert_gt(s.entered, 1000);
	cr_assert_gt(s.refused, 1000);
	end(&s);
}
