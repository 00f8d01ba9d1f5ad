/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who loses a segment and is told so by three duplicate ACKs above `recover`
 * does not wait for a timeout, unless the retransmission is lost too.
 *
 * An observer between the card and the link follows every connection by the
 * rules of RFC 5681 and RFC 6582 and says of every retransmission what it is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define LOSS_PERCENT 5
#define ROUNDS	     6
#define MSS	     500
#define ROUND_BYTES  20000u
#define DELAY_US     2000   /* from the observer to the card */
#define UNDER_WAY    512    /* ACKs, a power of two */
#define PROMPT_US    100000 /* half of the shortest RTO */

/* What an observer of both directions knows of a connection. */
static struct flow {
	struct {
		uint64_t at_us;
		uint32_t ack;
	} ack[UNDER_WAY]; /* seen, not yet at the card */
	uint64_t due_us;
	uint32_t acks, acks_taken;
	uint32_t una, max;	  /* acknowledged; highest sent, plus one */
	uint32_t recover, latest; /* the card's `recover` is one of these */
	unsigned int dups;
	bool known;
	bool recovery; /* fast recovery */
	bool entering; /* its first retransmission is not on the wire yet */
	bool due;      /* a fast retransmission is owed */
	bool excused;  /* one of this recovery was lost */
	bool rewound;  /* a timeout's retransmissions are not over */
} flow[ENGINE_CLIENTS];

static uint32_t losses, fast, timeouts, unexcused, overtaken;
static uint64_t rnd;

static bool lose(void)
{
	rnd = engine_mix(rnd + 1);
	return rnd % 100 < LOSS_PERCENT;
}

static void sent(struct flow *f, const struct engine_segment *s, bool lost)
{
	uint32_t end = s->seq + s->len;

	if (!f->known) {
		f->known = true;
		f->una = f->max = s->seq;
		f->recover = f->latest = s->seq - 1;
	}
	if ((int32_t)(end - f->max) > 0) {
		f->max = end;
		/* perhaps decided before the third duplicate came */
		if (f->entering)
			f->latest = end;
		return;
	}
	if (f->due && s->seq == f->una && s->now_us - f->due_us < PROMPT_US) {
		f->due = f->entering = false;
		f->excused |= lost;
		fast++;
		return;
	}
	if ((int32_t)(s->seq - f->una) < 0) {
		overtaken++; /* its ACK was on the way to the card */
		return;
	}
	if (f->rewound)
		return;
	/* nothing asked for it but the timer */
	cr_expect_eq(s->seq, f->una);
	timeouts++;
	unexcused += f->recovery && !f->excused;
	f->recovery = f->due = f->entering = false;
	f->rewound = true;
	f->recover = f->latest = f->max;
	f->dups = 0;
}

static void owe(struct flow *f, uint64_t now_us)
{
	f->due = true;
	f->due_us = now_us;
}

static void acknowledged(struct flow *f, uint32_t ack, uint64_t now_us)
{
	if ((int32_t)(ack - f->una) > 0) {
		f->una = ack;
		f->dups = 0;
		f->due = f->entering = false;
		if (f->rewound && (int32_t)(f->una - f->recover) >= 0)
			f->rewound = false;
		if (f->recovery && (int32_t)(f->una - f->latest) >= 0) {
			f->recovery = f->excused = false;
		} else if (f->recovery) {
			owe(f, now_us); /* the next hole */
			f->excused |= (int32_t)(f->una - f->recover) >= 0;
		}
		return;
	}
	if (ack != f->una || f->una == f->max || f->recovery)
		return;
	if (++f->dups == 3 && (int32_t)(f->una - f->recover) > 0) {
		owe(f, now_us);
		f->recovery = f->entering = true;
		f->excused = (int32_t)(f->una - f->latest) <= 0;
		f->recover = f->latest = f->max;
	}
}

/* The ACKs that have reached the card by now. */
static void arrive(struct flow *f, uint64_t now_us)
{
	while (f->acks_taken != f->acks) {
		uint32_t i = f->acks_taken % UNDER_WAY;

		if (f->ack[i].at_us > now_us)
			return;
		acknowledged(f, f->ack[i].ack, f->ack[i].at_us);
		f->acks_taken++;
	}
}

static void observe(struct engine *e, const struct engine_segment *s,
		    struct fantail_net_fate *fate)
{
	struct flow *f = &flow[s->client];
	bool lost;

	(void)e;
	if (s->flags & (TCP_SYN | TCP_RST))
		return;
	if (s->to_card) {
		cr_assert_lt(f->acks - f->acks_taken, UNDER_WAY);
		f->ack[f->acks % UNDER_WAY].at_us = s->now_us + DELAY_US;
		f->ack[f->acks++ % UNDER_WAY].ack = s->ack;
		return;
	}
	arrive(f, s->now_us);
	if (!s->len)
		return;
	lost = lose();
	if (lost) {
		losses++;
		fate->copies = 0;
	}
	sent(f, s, lost);
}

static void plain(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->mss = MSS;
	o->timestamps = n & 1;
	o->ack_every = 1 + (n >> 1 & 1);
	o->buffer = 1u << 20;
	o->wscale = 6;
}

static void patient(struct engine *e, uint32_t client,
		    struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->lag_limit = ENGINE_LOG;
}

Test(recovery, no_timeout_after_three_duplicates)
{
	struct engine_options opt = {
		.clients = CARD_CLIENTS(60),
		.configure = plain,
		.context = patient,
		.segment = observe,
		.peer_delay_us = DELAY_US,
	};
	struct engine *e;
	int round;

	memset(flow, 0, sizeof(flow));
	rnd = engine_seed(7);
	e = engine_open(&opt);
	engine_connect_all(e);
	engine_join_all(e, 0);
	for (round = 0; round < ROUNDS; round++) {
		engine_group(e, 0, ROUND_BYTES / 2);
		engine_group(e, 0, ROUND_BYTES / 2);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	}
	engine_drain(e);
	fprintf(stderr,
		"%u losses, %u fast retransmissions, %u timeouts, of these "
		"%u without excuse; %u overtaken by their ACK\n",
		losses, fast, timeouts, unexcused, overtaken);
	cr_assert_gt(losses, 400 * e->clients / 60);
	cr_assert_gt(fast, losses / 2);
	cr_assert_eq(unexcused, 0);
	/* repeated timeouts of one segment count once here */
	cr_assert_leq(timeouts, engine_count(e, FANTAIL_CNT_TIMEOUTS));
	engine_close(e);
}
