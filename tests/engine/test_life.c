/* SPDX-License-Identifier: Apache-2.0 */
/* Connections come and go, in every order, and both ends talk. */
#include <criterion/criterion.h>

#include "engine.h"

static void shutdown_peer(struct engine *e, uint32_t client)
{
	cr_assert_eq(fantail_peer_shutdown(engine_peers(e), client), 0);
	engine_peers_done(e);
}

static void abort_peer(struct engine *e, uint32_t client)
{
	cr_assert_eq(fantail_peer_abort(engine_peers(e), client), 0);
	engine_peers_done(e);
}

static bool all_have_ended(struct engine *e)
{
	const uint16_t end = FANTAIL_EV_CLOSED | FANTAIL_EV_RESET |
			     FANTAIL_EV_ABORTED;
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (!(e->client[i].events & end))
			return false;
	return true;
}

/* One life of each client, ending in four ways. */
static void live_once(struct engine *e, uint32_t round)
{
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, round % ENGINE_GROUPS);
	engine_group(e, round % ENGINE_GROUPS, 700);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	for (i = 0; i < e->clients; i++) {
		switch ((i + round) % 4) {
		case 0:
			engine_finish(e, i);
			break;
		case 1:
			shutdown_peer(e, i);
			break;
		case 2:
			abort_peer(e, i);
			break;
		case 3:
			engine_abort(e, i);
			break;
		}
	}
	engine_submit(e);
	engine_for(e, 300);
	for (i = 0; i < e->clients; i++) {
		if ((i + round) % 4 == 0)
			shutdown_peer(e, i);
		else if ((i + round) % 4 == 1)
			engine_finish(e, i);
	}
	engine_submit(e);
	engine_until(e, all_have_ended, ENGINE_FAR_US);
}

static void check_ends(struct engine *e, uint32_t round)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++) {
		struct engine_client *c = &e->client[i];
		unsigned int how = (i + round) % 4;

		cr_assert_eq(c->got, 700);
		if (how < 2)
			cr_assert_eq(c->last.acked, 700);
		if (how < 2)
			cr_assert_eq(c->events, FANTAIL_EV_CLOSED |
							FANTAIL_EV_PEER_FIN |
							FANTAIL_EV_FIN_ACKED);
		else
			cr_assert_eq(c->events, how == 2 ? FANTAIL_EV_RESET
							 : FANTAIL_EV_ABORTED);
		cr_assert_eq(!!(c->peer_events & 1 << FANTAIL_PEER_EV_RESET),
			     how == 3);
		cr_assert_eq(!!(c->peer_events & 1 << FANTAIL_PEER_EV_CLOSED),
			     how < 2);
	}
}

Test(life, five_hundred)
{
	struct engine_options opt = {
		.clients = CARD_CLIENTS(20),
		/* waiting for moderation would be most of the time */
		.qp = { .mod_us = 1 },
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t round, i, old, lives = 25 * e->clients;

	for (round = 0; round < 25; round++) {
		live_once(e, round);
		check_ends(e, round);
		old = e->client[0].handle;
		for (i = 0; i < e->clients; i++)
			engine_release(e, i);
		/* a name of nobody: skipped, never refused */
		engine_publish(e, old, 0, 50);
		engine_submit(e);
		engine_until(e, engine_batches_done, 10000);
		cr_assert_eq(e->last_batch.skipped, 1);
		cr_assert_eq(e->last_batch.reached, 0);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_INSTALLS), lives);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RELEASES), lives);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_RESETS), lives / 4);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_TX_RESETS), lives / 4);
	engine_close(e);
}

/* Cycles from sweep to sweep. Registers are read meanwhile: it is not idle. */
static uint64_t cycles_of_a_sweep(struct engine *e)
{
	uint64_t sweeps = engine_count(e, FANTAIL_CNT_SWEEPS), n;
	uint64_t cycles = fantail_sim_cycles(e->sim);

	do
		n = engine_count(e, FANTAIL_CNT_SWEEPS) - sweeps;
	while (n < 50);
	return (fantail_sim_cycles(e->sim) - cycles) / n;
}

/* Connections in so many blocks of 64 ids, each a visit of two cycles. */
static void check_sweep(struct engine *e, uint32_t blocks)
{
	uint64_t cycles;

	/* the one that finds a block empty still visits it */
	cycles_of_a_sweep(e);
	cycles = cycles_of_a_sweep(e);
	cr_assert_geq(cycles, blocks * 128);
	cr_assert_leq(cycles, blocks * 140, "%llu cycles for %u blocks",
		      (unsigned long long)cycles, blocks);
}

static uint32_t wanted_up;

static bool wanted_are_up(struct engine *e)
{
	uint32_t i, n = 0;

	for (i = 0; i < e->clients; i++)
		n += e->client[i].state == ENGINE_UP;
	return n == wanted_up;
}

Test(life, a_sweep_leaves_out_blocks_that_nobody_uses)
{
	struct engine_options opt = { .clients = 3 };
	struct engine *e;
	uint32_t i;

	CARD_NEEDS(CARD_CONNECTIONS >= 256);
	e = engine_open(&opt);
	/* client 0 is at one end of the table, client 1 at the other */
	e->client[2].id = CARD_CONNECTIONS / 2;
	e->owner[CARD_CONNECTIONS / 2] = 2;
	for (i = 0; i < 3; i++) {
		engine_connect(e, i);
		wanted_up = i + 1;
		engine_until(e, wanted_are_up, ENGINE_FAR_US);
		check_sweep(e, i + 1);
	}
	for (i = 2; i > 0; i--) {
		engine_abort(e, i);
		engine_for(e, 1000);
		engine_release(e, i);
		check_sweep(e, i);
	}
	/* and whoever comes again is found again */
	engine_connect(e, 1);
	engine_connect(e, 2);
	engine_until(e, engine_all_up, ENGINE_FAR_US);
	check_sweep(e, 3);
	for (i = 0; i < 3; i++)
		engine_unicast(e, i, 300);
	engine_submit(e);
	engine_drain(e);
	engine_close(e);
}

/* The next owner of an id never gets what was meant for the last. */
Test(life, an_old_handle_reaches_nobody)
{
	struct engine_options opt = { .clients = 2 };
	struct engine *e = engine_open(&opt);
	uint32_t old;

	engine_connect_all(e);
	old = e->client[0].handle;
	engine_abort(e, 0);
	engine_for(e, 1000);
	engine_release(e, 0);
	engine_connect(e, 0);
	engine_until(e, engine_all_up, ENGINE_FAR_US);
	cr_assert_neq(e->client[0].handle, old);
	cr_assert_eq((e->client[0].handle ^ old) & 0xFFFF, 0);
	engine_publish(e, old, 0, 500);
	engine_unicast(e, 0, 300);
	engine_publish(e, old, 0, 500);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(e->last_batch.skipped, 2);
	cr_assert_eq(e->last_batch.reached, 1);
	cr_assert_eq(e->client[0].got, 300);
	engine_close(e);
}

/* Segments to a client and RSTs to it, as the wire saw them. */
static uint32_t resets_to_2, after_reset;

static void watch_client_2(struct engine *e, const struct engine_segment *s,
			   struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (s->to_card || s->client != 2)
		return;
	if (s->flags & TCP_RST)
		resets_to_2++;
	else if (resets_to_2)
		after_reset++;
}

static struct engine *stream_with_an_end(void (*end)(struct engine *e,
						     uint32_t client))
{
	struct engine_options opt = {
		.clients = 7,
		.segment = watch_client_2,
		.peer_delay_us = 40,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (i = 0; i < 60; i++) {
		engine_group(e, 0, 2900);
		engine_submit(e);
		engine_for(e, 20);
		if (i == 20)
			end(e, 2);
	}
	engine_drain(e);
	for (i = 0; i < e->clients; i++) {
		if (i == 2)
			continue;
		cr_assert_eq(e->client[i].got, 60 * 2900);
		cr_assert_eq(e->client[i].events & ~FANTAIL_EV_QUERY, 0);
	}
	cr_assert_lt(e->client[2].got, 60 * 2900);
	return e;
}

Test(life, a_peer_aborts_in_the_middle)
{
	struct engine *e = stream_with_an_end(abort_peer);

	cr_assert_eq(e->client[2].events, FANTAIL_EV_RESET);
	cr_assert_eq(resets_to_2, 0);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_RESETS), 1);
	engine_release(e, 2);
	engine_close(e);
}

Test(life, the_host_aborts_in_the_middle)
{
	struct engine *e = stream_with_an_end(engine_abort);

	cr_assert_eq(e->client[2].events, FANTAIL_EV_ABORTED);
	cr_assert_eq(resets_to_2, 1);
	cr_assert_eq(after_reset, 0);
	cr_assert(e->client[2].peer_events & 1 << FANTAIL_PEER_EV_RESET);
	engine_release(e, 2);
	engine_close(e);
}

static bool news_of_1(struct engine *e, uint16_t events)
{
	return (e->client[1].events & events) == events;
}

static bool peer_fin(struct engine *e)
{
	return news_of_1(e, FANTAIL_EV_PEER_FIN);
}

static bool closed(struct engine *e)
{
	return news_of_1(e, FANTAIL_EV_CLOSED);
}

static bool fin_acked(struct engine *e)
{
	return news_of_1(e, FANTAIL_EV_FIN_ACKED);
}

static bool all_arrived(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].up_got != e->client[i].up_sent)
			return false;
	return engine_all_delivered(e);
}

/* Row 41: the peer has closed, we go on. */
Test(life, half_closed_by_the_peer)
{
	struct engine_options opt = { .clients = 2 };
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_peer_send(e, 1, 5000);
	shutdown_peer(e, 1);
	engine_until(e, peer_fin, 1000000);
	cr_assert_eq(e->client[1].up_got, 5000);
	for (i = 0; i < 10; i++) {
		engine_group(e, 0, 5000);
		engine_submit(e);
		engine_until(e, engine_all_delivered, 1000000);
	}
	engine_finish(e, 1);
	engine_submit(e);
	engine_until(e, closed, 1000000);
	cr_assert_eq(e->client[1].got, 50000);
	engine_close(e);
}

Test(life, half_closed_by_the_host)
{
	struct engine_options opt = { .clients = 2 };
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_group(e, 0, 5000);
	engine_finish(e, 1);
	engine_group(e, 0, 500); /* no more for client 1 */
	engine_submit(e);
	engine_until(e, fin_acked, 1000000);
	cr_assert_eq(e->client[1].got, 5000);
	engine_peer_send(e, 1, 40000);
	engine_until(e, all_arrived, 1000000);
	shutdown_peer(e, 1);
	engine_until(e, closed, 1000000);
	cr_assert_eq(e->last_batch.skipped, 1);
	engine_close(e);
}

/* Data from peers beside data to them. */
Test(life, receive)
{
	struct engine_options opt = { .clients = 8 };
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (i = 0; i < e->clients; i++)
		engine_peer_send(e, i, 100000 + i);
	for (i = 0; i < 20; i++) {
		engine_group(e, 0, 3000);
		engine_submit(e);
		engine_for(e, 50);
	}
	engine_until(e, all_arrived, ENGINE_FAR_US);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_DATA_BYTES),
		     8 * 100000 + 28);
	engine_drain(e);
	engine_close(e);
}

static void small_credit(struct engine *e, uint32_t client,
			 struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->rcv_credit = 9000;
}

/* Nobody returns slots for a while: the window closes, nothing is lost. */
static void slow_application(struct engine *e, uint64_t most)
{
	uint32_t i, rounds = 0;
	uint64_t before;

	engine_connect_all(e);
	for (i = 0; i < e->clients; i++)
		engine_peer_send(e, i, 60000);
	while (!all_arrived(e)) {
		cr_assert_lt(rounds++, 100);
		before = engine_count(e, FANTAIL_CNT_RX_DATA_BYTES);
		engine_for(e, 60000000);
		cr_assert_leq(engine_count(e, FANTAIL_CNT_RX_DATA_BYTES) -
				      before,
			      most);
		engine_return_kept(e);
	}
	engine_close(e);
}

Test(life, a_slow_application_closes_the_window)
{
	struct engine_options opt = {
		.clients = 6,
		.context = small_credit,
		.keep_slots = true,
	};

	slow_application(engine_open(&opt), 6 * 9000);
}

/* More credit than slots: what finds no slot is not acknowledged. */
static void patient(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->retries = 255;
}

Test(life, a_slow_application_has_few_slots)
{
	struct engine_options opt = {
		.clients = 6,
		.configure = patient,
		.keep_slots = true,
		.qp = { .slot_count = 16 },
	};

	slow_application(engine_open(&opt), 16 * 1460);
}
