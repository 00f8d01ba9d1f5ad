/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ACK and the retransmission timer in the same cycle: neither is lost, and
 * what the sweeper saw before the ACK does not count after it (the engine's
 * assertion TimeoutIsDue watches).
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine.h"

#define CLIENTS 250
#define ROUNDS	4
#define RTO_US	200000

static uint64_t sent_us;

static void plain(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->mss = 1000;
	o->timestamps = 0;
	o->ack_every = 1;
}

/* ACKs of data arrive around the moment when the timers expire. */
static void hold_acks(struct engine *e, const struct engine_segment *s,
		      struct fantail_net_fate *fate)
{
	uint64_t due = sent_us + RTO_US + engine_random(e, 60);

	if (!s->to_card || !sent_us || s->flags != TCP_ACK)
		return;
	if (due > s->now_us)
		fate->delay_us = due - s->now_us;
}

/* A handshake of 1 ms, so that the RTO is its floor. */
static void quick(struct engine *e, uint32_t client, struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->srtt_us = 1000;
}

/* The first data of a connection: later the round trip raises the RTO. */
static uint64_t round_of(uint64_t seed)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.seed = seed,
		.configure = plain,
		.context = quick,
		.segment = hold_acks,
	};
	struct engine *e = engine_open(&opt);
	uint64_t timeouts;

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_drain(e);
	sent_us = fantail_sim_now_us(e->sim);
	engine_group(e, 0, 100);
	engine_submit(e);
	engine_drain(e);
	sent_us = 0;
	timeouts = engine_count(e, FANTAIL_CNT_TIMEOUTS);
	engine_close(e);
	return timeouts;
}

Test(race, ack_and_timeout_in_one_cycle)
{
	uint64_t timeouts = 0;
	int round;

	/* a cycle apart each, before and behind the timer */
	CARD_NEEDS(CARD_CONNECTIONS >= CLIENTS);
	for (round = 0; round < ROUNDS; round++)
		timeouts += round_of(100 + (uint64_t)round);
	fprintf(stderr, "%u timeouts of %d\n", (unsigned int)timeouts,
		ROUNDS * CLIENTS);
	/* some ACKs came in time, and some did not */
	cr_assert_gt(timeouts, ROUNDS);
	cr_assert_lt(timeouts, (uint64_t)ROUNDS * CLIENTS - ROUNDS);
}
