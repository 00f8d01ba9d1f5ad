/* SPDX-License-Identifier: Apache-2.0 */
/* DATA waits for log space: who holds it up, and for how long. */
#include <criterion/criterion.h>

#include "engine.h"

#define PIN_US	1000000u
#define CLIENTS 8
#define WHOLE	(4 * 1448) /* bytes, segments without a short one at the end */

static void wide_limit(struct engine *e, uint32_t client,
		       struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->lag_limit = ENGINE_LOG;
}

/*
 * Different windows, so that those who stop stop at different places; of
 * whole segments, so that nothing is left of them that a short one would be
 * sent into when the time is up that it waits for.
 */
static void small_buffer(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->buffer = 1448 * (2 + n);
	o->wscale = -1;
	o->ack_every = 1;
}

static void write_reg(struct engine *e, uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_dev_write32(e->dev, offset, value), 0);
}

static struct engine *start(void)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.configure = small_buffer,
		.context = wide_limit,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	write_reg(e, FANTAIL_REG_PIN_LIMIT, ENGINE_LOG);
	return e;
}

static void pause(struct engine *e, uint32_t client)
{
	cr_assert_eq(fantail_peer_pause(engine_peers(e), client), 0);
	engine_peers_done(e);
}

static void feed(struct engine *e, uint32_t batches, uint32_t len)
{
	while (batches--) {
		engine_group(e, 0, len * CARD_SCALE);
		engine_submit(e);
	}
}

static uint32_t aborts(struct engine *e)
{
	return (uint32_t)engine_count(e, FANTAIL_CNT_LAG_ABORTS);
}

static void check_only(struct engine *e, uint32_t stuck)
{
	uint32_t i;

	engine_drain(e);
	for (i = 0; i < e->clients; i++) {
		struct engine_client *c = &e->client[i];

		if (stuck >> i & 1) {
			cr_assert_eq(c->events, FANTAIL_EV_OVERRUN);
			cr_assert_eq(c->cause, FANTAIL_CAUSE_PIN);
			continue;
		}
		cr_assert_eq(c->events & ~FANTAIL_EV_QUERY, 0);
		cr_assert_eq(c->got, c->sent);
	}
	engine_close(e);
}

/* It answers every probe, which is no progress; waiting for it is idle. */
Test(pin, a_closed_window_costs_pin_us_once)
{
	struct engine *e = start();
	uint64_t before, cycles;

	pause(e, 2);
	feed(e, 4, 6000);
	engine_for(e, 400000);
	/* it closed its window long ago, but DATA did not wait before now */
	before = fantail_sim_now_us(e->sim);
	cycles = fantail_sim_cycles(e->sim);
	feed(e, 20, 6000);
	engine_for(e, 500000);
	cr_assert_eq(aborts(e), 0, "too early");
	cr_assert_gt(e->batches - e->batches_done, 8);
	engine_until(e, engine_batches_done, PIN_US);
	cr_assert_eq(aborts(e), 1);
	cr_assert_lt(fantail_sim_now_us(e->sim) - before, PIN_US);
	/* a second of cycles would be 250 million */
	cr_assert_lt(fantail_sim_cycles(e->sim) - cycles, 2000000 * CARD_SCALE);
	check_only(e, 1u << 2);
}

Test(pin, the_time_is_a_register)
{
	struct engine *e = start();
	uint64_t before;

	write_reg(e, FANTAIL_REG_PIN_US, 7 * PIN_US);
	pause(e, 2);
	feed(e, 24, 6000);
	before = fantail_sim_now_us(e->sim);
	engine_for(e, 7 * PIN_US - 1000);
	cr_assert_eq(aborts(e), 0);
	engine_until(e, engine_batches_done, 10000);
	cr_assert_leq(fantail_sim_now_us(e->sim) - before, 7 * PIN_US + 9000);
	check_only(e, 1u << 2);
}

/* Their times run side by side, not one after the other. */
Test(pin, several_holders_are_let_go_together)
{
	struct engine *e = start();
	uint64_t before;

	pause(e, 1);
	pause(e, 4);
	pause(e, 7);
	feed(e, 24, WHOLE);
	before = fantail_sim_now_us(e->sim);
	engine_until(e, engine_batches_done, 2 * PIN_US);
	cr_assert_geq(fantail_sim_now_us(e->sim) - before, PIN_US);
	cr_assert_leq(fantail_sim_now_us(e->sim) - before,
		      PIN_US + 10000 + 100 * (CARD_SCALE - 1));
	cr_assert_eq(aborts(e), 3);
	check_only(e, 1u << 1 | 1u << 4 | 1u << 7);
}

/*
 * A little in less than PIN_US, again and again: it stays, while one who has
 * stopped is let go as soon as he is in the way.
 */
Test(pin, slow_but_progressing)
{
	struct engine *e;
	uint32_t i;

	CARD_NEEDS(CARD_LOG == 65536);
	e = start();
	pause(e, 0);
	pause(e, 5);
	feed(e, 16, 6000);
	for (i = 0; i < 8; i++) {
		engine_for(e, 900000);
		cr_assert_eq(aborts(e), i >= 2, "round %u", i);
		cr_assert_lt(e->batches_done, e->batches);
		fantail_peer_consume(engine_peers(e), 0, 2000);
		engine_peers_done(e);
	}
	fantail_peer_resume(engine_peers(e), 0);
	engine_peers_done(e);
	check_only(e, 1u << 5);
}

/* Log that nobody waits for may be held as long as one likes. */
Test(pin, nobody_waits)
{
	struct engine *e = start();

	/* one payload more would not fit */
	pause(e, 0);
	feed(e, (ENGINE_LOG + 2 * 1448) / (6000 * CARD_SCALE), 6000);
	engine_for(e, 20 * PIN_US);
	cr_assert_eq(aborts(e), 0);
	fantail_peer_resume(engine_peers(e), 0);
	engine_peers_done(e);
	check_only(e, 0);
}

/*
 * Who stands in a list twice gets the same bytes twice: while the first time
 * is being acknowledged, they are kept for the second.
 */
Test(pin, a_repeat_is_kept)
{
	enum {
		LEN = 8000 * CARD_SCALE
	};
	struct engine *e = start();
	uint32_t left = ENGINE_LOG - LEN;

	engine_for(e, 10000);
	pause(e, 0);
	engine_list(e, (uint32_t[]){ 0, 0, 0 }, 3, LEN);
	engine_submit(e);
	engine_for(e, 20000);
	/* the rest of the log is for others, and not a byte more */
	for (; left; left -= left < LEN ? left : LEN)
		engine_unicast(e, 1, left < LEN ? left : LEN);
	engine_submit(e);
	engine_for(e, 300000);
	cr_assert(engine_batches_done(e));
	engine_unicast(e, 1, 2000 * CARD_SCALE);
	engine_submit(e);
	engine_for(e, 100000);
	cr_assert_not(engine_batches_done(e), "bytes were overwritten");
	cr_assert_eq(fantail_peer_resume(engine_peers(e), 0), 0);
	engine_peers_done(e);
	engine_drain(e);
	cr_assert_eq(e->client[0].got, 3 * LEN);
	cr_assert_eq(aborts(e), 0);
	engine_close(e);
}
