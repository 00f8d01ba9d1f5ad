/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers with small buffers, that stop reading, that take back a promise. */
#include <criterion/criterion.h>

#include "engine.h"

#define CLIENTS 6

static void small_buffers(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	static const uint32_t buffer[CLIENTS] = {
		4096, 1448, 1, 100, 8000, 33
	};

	(void)ctx;
	o->buffer = buffer[n];
	o->wscale = n & 1 ? 2 : -1;
	o->timestamps = n & 2;
	o->ack_every = 1;
}

Test(windows, small_buffers)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.configure = small_buffers,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (i = 0; i < 8; i++)
		engine_group(e, 0, 333 + i);
	engine_submit(e);
	engine_drain(e);
	engine_close(e);
}

static uint32_t probes;
static uint64_t gap_us[64], last_us;

static void watch_probes(struct engine *e, const struct engine_segment *s,
			 struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (s->to_card || s->client != 1 || s->len != 1)
		return;
	if (last_us && probes < 64)
		gap_us[probes] = s->now_us - last_us;
	last_us = s->now_us;
	probes++;
}

static void pause(struct engine *e, uint32_t client)
{
	cr_assert_eq(fantail_peer_pause(engine_peers(e), client), 0);
	engine_peers_done(e);
}

static void resume(struct engine *e, uint32_t client)
{
	cr_assert_eq(fantail_peer_resume(engine_peers(e), client), 0);
	engine_peers_done(e);
}

static void buffer_of_4096(void *ctx, uint32_t n,
			   struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->buffer = 4096;
	o->wscale = -1;
}

/*
 * Row 16: a closed window is probed, ever more rarely, for much longer than
 * the give-up time, and opens again.
 */
Test(windows, closed_for_ten_minutes)
{
	struct engine_options opt = {
		.clients = 3,
		.configure = buffer_of_4096,
		.segment = watch_probes,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	pause(e, 1);
	for (i = 0; i < 10; i++)
		engine_group(e, 0, 1000);
	engine_submit(e);
	engine_for(e, 600000000);
	cr_assert_eq(e->client[0].got, 10000);
	cr_assert_eq(e->client[2].got, 10000);
	/* one byte beyond the window may have been taken */
	cr_assert_leq(e->client[1].got, 4096 + probes);
	cr_assert_geq(e->client[1].got, 4000);
	cr_assert_eq(e->client[1].events, 0);
	cr_assert_geq(probes, 10);
	cr_assert_leq(probes, 40);
	for (i = 2; i < 7; i++)
		cr_assert_geq(gap_us[i], gap_us[i - 1] * 9 / 5,
			      "probe %u after %llu us", i,
			      (unsigned long long)gap_us[i]);
	cr_assert_leq(gap_us[probes - 1], 61000000);
	/* the answers to probes are no duplicate ACKs */
	cr_assert_eq(engine_count(e, FANTAIL_CNT_FAST_RETRANSMITS), 0);
	resume(e, 1);
	engine_until(e, engine_all_delivered, 3000000);
	engine_drain(e);
	engine_close(e);
}

/* Row 18: what is left of a window is not used at once, but used whole. */
Test(windows, the_rest_of_a_window)
{
	struct engine_options opt = {
		.clients = 2,
		.configure = buffer_of_4096,
		.segment = watch_probes,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	pause(e, 1);
	engine_group(e, 0, 10000);
	engine_submit(e);
	engine_for(e, 1500000);
	cr_assert_eq(e->client[1].got, 4096);
	resume(e, 1);
	engine_drain(e);
	engine_close(e);
}

static bool all_of_peer_1(struct engine *e)
{
	return e->client[1].up_got == e->client[1].up_sent;
}

/*
 * A probe has gone beyond a closed window: what we acknowledge, and our RST,
 * must stand where the peer still looks.
 */
Test(windows, acks_and_resets_pass_a_closed_window)
{
	struct engine_options opt = {
		.clients = 2,
		.configure = buffer_of_4096,
	};
	struct engine *e = engine_open(&opt);
	struct fantail_peer_info info;

	engine_connect_all(e);
	engine_join_all(e, 0);
	pause(e, 1);
	engine_group(e, 0, 10000);
	engine_submit(e);
	engine_for(e, 5000000);
	engine_peer_send(e, 1, 20000);
	engine_until(e, all_of_peer_1, 400000);
	engine_for(e, 100000);
	cr_assert_eq(fantail_peer_get_info(engine_peers(e), 1, &info), 0);
	engine_peers_done(e);
	cr_assert_eq(info.unsent, 0);
	cr_assert_eq(info.retransmits, 0);
	engine_abort(e, 1);
	engine_for(e, 1000);
	cr_assert(e->client[1].peer_events & 1 << FANTAIL_PEER_EV_RESET);
	engine_close(e);
}

/* Receivers that read in fits and starts, for a log that wraps. */
Test(windows, fits_and_starts)
{
	struct engine_options opt = {
		.clients = 12,
		.configure = buffer_of_4096,
		.seed = engine_seed(5),
	};
	struct engine *e = engine_open(&opt);
	uint32_t i, k;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (k = 0; k < 120; k++) {
		i = engine_random(e, e->clients);
		if (engine_random(e, 2))
			pause(e, i);
		engine_group(e, 0, 1 + engine_random(e, 3000));
		engine_submit(e);
		engine_for(e, engine_random(e, 3000));
		resume(e, i);
	}
	for (i = 0; i < e->clients; i++)
		resume(e, i);
	engine_drain(e);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	cr_assert_gt(engine_count(e, FANTAIL_CNT_PAYLOAD_BYTES), 2 * 65536);
	engine_close(e);
}

/*
 * Row 15: the right edge moves to the left while data is queued. The wire
 * checker and the peer both hold the engine to the edge.
 */
Test(windows, shrunk)
{
	struct engine_options opt = {
		.clients = 4,
		.peer_delay_us = 300,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i, k;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (k = 0; k < 6; k++) {
		for (i = 0; i < 10; i++)
			engine_group(e, 0, 1400);
		engine_submit(e);
		engine_for(e, 350);
		for (i = 0; i < 4; i += 2) {
			cr_assert_eq(
				fantail_peer_set_buffer(engine_peers(e), i,
							k & 1 ? 20000 : 700),
				0);
			engine_peers_done(e);
		}
	}
	for (i = 0; i < 4; i++) {
		cr_assert_eq(fantail_peer_set_buffer(engine_peers(e), i, 30000),
			     0);
		engine_peers_done(e);
	}
	engine_drain(e);
	engine_close(e);
}
