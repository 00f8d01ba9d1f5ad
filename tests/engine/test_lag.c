/* SPDX-License-Identifier: Apache-2.0 */
/* Slow consumers: who stops is let go, with a reason; who is slow is not. */
#include <criterion/criterion.h>

#include "engine.h"

#define STOPPED 3

static uint32_t lag_limit;

static void set_limit(struct engine *e, uint32_t client,
		      struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->lag_limit = lag_limit;
}

static void buffer_of_4096(void *ctx, uint32_t n,
			   struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->buffer = 4096;
	o->wscale = -1;
	o->ack_every = 1;
}

static struct engine *start(uint32_t limit)
{
	struct engine_options opt = {
		.clients = 6,
		.configure = buffer_of_4096,
		.context = set_limit,
	};
	struct engine *e = engine_open(&opt);

	lag_limit = limit;
	engine_connect_all(e);
	engine_join_all(e, 0);
	cr_assert_eq(fantail_peer_pause(engine_peers(e), STOPPED), 0);
	engine_peers_done(e);
	return e;
}

static void write_reg(struct engine *e, uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_dev_write32(e->dev, offset, value), 0);
}

static void feed(struct engine *e, uint32_t batches, uint32_t len)
{
	while (batches--) {
		engine_group(e, 0, len);
		engine_submit(e);
		engine_until(e, engine_batches_done, ENGINE_FAR_US);
		engine_for(e, 100 * CARD_SCALE);
	}
}

/* The others have everything; the stopped one was told goodbye. */
static void check_let_go(struct engine *e, uint8_t cause)
{
	uint32_t i;

	engine_drain(e);
	for (i = 0; i < e->clients; i++) {
		struct engine_client *c = &e->client[i];

		if (i == STOPPED) {
			cr_assert_eq(c->events, FANTAIL_EV_OVERRUN);
			cr_assert_eq(c->cause, cause, "cause %u", c->cause);
			cr_assert(c->peer_events & 1 << FANTAIL_PEER_EV_RESET);
			continue;
		}
		cr_assert_eq(c->got, c->sent);
		cr_assert_eq(c->events & ~FANTAIL_EV_QUERY, 0);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 1);
	engine_release(e, STOPPED);
	engine_close(e);
}

Test(lag, beyond_its_limit)
{
	struct engine *e = start(20000);

	/* it takes 4096 bytes, so it lags by 20,000 after 24,096 */
	feed(e, 23, 1000);
	cr_assert_eq(e->client[STOPPED].events, 0);
	feed(e, 100, 1000);
	cr_assert_lt(e->client[STOPPED].last.queued, 40000);
	check_let_go(e, FANTAIL_CAUSE_LAG);
}

/* A limit of 0 is a quarter of the log. */
Test(lag, default_limit)
{
	struct engine *e = start(0);

	feed(e, (ENGINE_LOG / 4 + 4096) / (1000 * CARD_SCALE),
	     1000 * CARD_SCALE);
	cr_assert_eq(e->client[STOPPED].events, 0);
	feed(e, 60, 1000 * CARD_SCALE);
	check_let_go(e, FANTAIL_CAUSE_LAG);
}

Test(lag, beyond_the_pin_limit)
{
	struct engine *e = start(ENGINE_LOG);

	/* three quarters of the log */
	feed(e, (ENGINE_LOG / 4 * 3 + 4096) / (1000 * CARD_SCALE),
	     1000 * CARD_SCALE);
	cr_assert_eq(e->client[STOPPED].events, 0);
	feed(e, 60, 1000 * CARD_SCALE);
	check_let_go(e, FANTAIL_CAUSE_PIN);
}

/* The log is full, DATA waits, and the one who holds it does not move. */
Test(lag, holds_a_full_log)
{
	struct engine *e = start(ENGINE_LOG);
	uint32_t i, id, bytes;

	write_reg(e, FANTAIL_REG_PIN_LIMIT, ENGINE_LOG);
	feed(e, 60, 1000 * CARD_SCALE);
	engine_for(e, 5000000);
	cr_assert_eq(e->client[STOPPED].events, 0, "nobody waits for it");
	cr_assert_eq(fantail_dev_read32(e->dev, FANTAIL_REG_PIN_ID, &id), 0);
	cr_assert_eq(id, e->client[STOPPED].id);
	cr_assert_eq(fantail_dev_read32(e->dev, FANTAIL_REG_PIN_BYTES, &bytes),
		     0);
	cr_assert_eq(bytes, 60000 * CARD_SCALE - 4096);
	for (i = 0; i < 20; i++) {
		engine_group(e, 0, 1000 * CARD_SCALE);
		engine_submit(e);
	}
	engine_until(e, engine_batches_done, 1500000);
	check_let_go(e, FANTAIL_CAUSE_PIN);
}

Test(lag, extents_run_out)
{
	struct engine *e;
	uint32_t i, k;

	/* before the log does */
	CARD_NEEDS(CARD_EXTENTS * 800 < CARD_LOG / 2);
	e = start(ENGINE_LOG);
	for (k = 0; k < CARD_EXTENTS + 14; k++) {
		engine_unicast(e, STOPPED, 300);
		for (i = 0; i < e->clients; i++)
			if (i != STOPPED)
				engine_unicast(e, i, 100);
		engine_submit(e);
		engine_until(e, engine_batches_done, ENGINE_FAR_US);
		engine_for(e, 200);
		if (k == CARD_EXTENTS - 1)
			cr_assert_eq(e->client[STOPPED].events, 0);
	}
	check_let_go(e, FANTAIL_CAUSE_EXTENTS);
}

/* Everybody reads 4 KiB now and then. */
static bool can_take_more(struct engine *e)
{
	return e->batches - e->batches_done < 4;
}

Test(lag, a_slow_fleet_loses_nobody)
{
	struct engine_options opt = {
		.clients = CARD_CLIENTS(24),
		.configure = buffer_of_4096,
		.context = set_limit,
		.seed = engine_seed(7),
	};
	struct fantail_peers *peers;
	struct engine *e;
	uint32_t i, k;

	/* 4 KiB at a time fill no more in a minute */
	CARD_NEEDS(CARD_LOG == 65536);
	e = engine_open(&opt);
	lag_limit = ENGINE_LOG;
	engine_connect_all(e);
	engine_join_all(e, 0);
	write_reg(e, FANTAIL_REG_PIN_LIMIT, ENGINE_LOG);
	peers = engine_peers(e);
	for (i = 0; i < e->clients; i++)
		fantail_peer_pause(peers, i);
	engine_peers_done(e);
	/* five times the log, and DATA waits for most of it */
	for (k = 0; !(k >= 40 && engine_all_delivered(e)); k++) {
		cr_assert_lt(k, 10000);
		if (k < 40) {
			engine_group(e, 0, 8192 * CARD_SCALE);
			engine_submit(e);
		}
		do {
			engine_for(e, 60);
			peers = engine_peers(e);
			for (i = 0; i < e->clients; i++)
				if (engine_random(e, 3))
					fantail_peer_consume(peers, i, 4096);
			engine_peers_done(e);
		} while (!can_take_more(e));
	}
	peers = engine_peers(e);
	for (i = 0; i < e->clients; i++)
		fantail_peer_resume(peers, i);
	engine_peers_done(e);
	engine_drain(e);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	cr_assert_geq(e->payload_bytes, 5 * ENGINE_LOG);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(e->client[i].got, e->client[i].sent);
	engine_close(e);
}
