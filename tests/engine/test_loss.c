/* SPDX-License-Identifier: Apache-2.0 */
/* Frames are lost, repeated and overtaken: streams stay exact. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine.h"

#define RTO_US 200000 /* the floor */

/* Drop what the function picks, and tell how often it did. */
static bool (*pick)(const struct engine_segment *s);
static uint32_t picked, lose_percent, repeat_percent, late_percent;
static uint64_t lose_rnd;

static uint32_t chance(void)
{
	lose_rnd = lose_rnd * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(lose_rnd >> 33) % 100;
}

static void link_model(struct engine *e, const struct engine_segment *s,
		       struct fantail_net_fate *fate)
{
	(void)e;
	if (pick && pick(s)) {
		picked++;
		fate->copies = 0;
		return;
	}
	/* the fixture's handshakes are not what is tested */
	if (s->flags & TCP_SYN)
		return;
	if (chance() < lose_percent)
		fate->copies = 0;
	else if (chance() < repeat_percent)
		fate->copies = 2;
	if (chance() < late_percent)
		fate->delay_us = 1 + chance() * 10;
}

static void plain(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->mss = 1000;
	o->timestamps = n & 1;
	o->ack_every = 1;
}

static struct engine *start(uint32_t clients)
{
	struct engine_options opt = {
		.clients = clients,
		.configure = plain,
		.segment = link_model,
		.peer_delay_us = 100,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	return e;
}

static void send(struct engine *e, uint32_t count, uint32_t len)
{
	while (count--)
		engine_group(e, 0, len);
	engine_submit(e);
}

static uint64_t rtos(struct engine *e)
{
	return engine_count(e, FANTAIL_CNT_TIMEOUTS);
}

static uint64_t fasts(struct engine *e)
{
	return engine_count(e, FANTAIL_CNT_FAST_RETRANSMITS);
}

static uint64_t retransmits(struct engine *e)
{
	return engine_count(e, FANTAIL_CNT_TX_RETRANSMITS);
}

/* The n-th data segment to client 3. */
static uint32_t nth, seen;

static bool nth_segment(const struct engine_segment *s)
{
	if (s->to_card || s->client != 3 || !s->len)
		return false;
	return ++seen == nth;
}

static void lose_nth(uint32_t n)
{
	nth = n;
	seen = picked = 0;
	pick = nth_segment;
}

Test(loss, the_last_segment_needs_a_timeout)
{
	struct engine *e = start(6);
	uint64_t then;

	lose_nth(4);
	then = fantail_sim_now_us(e->sim);
	send(e, 4, 900);
	engine_until(e, engine_all_delivered, 1500000);
	cr_assert_eq(picked, 1);
	cr_assert_eq(rtos(e), 1);
	cr_assert_eq(fasts(e), 0);
	cr_assert_eq(retransmits(e), 1);
	cr_assert_geq(fantail_sim_now_us(e->sim) - then, RTO_US);
	engine_drain(e);
	engine_close(e);
}

Test(loss, three_duplicates_need_no_timeout)
{
	struct engine *e = start(6);
	uint64_t then;

	lose_nth(2);
	then = fantail_sim_now_us(e->sim);
	send(e, 8, 900);
	engine_until(e, engine_all_delivered, RTO_US);
	cr_assert_eq(picked, 1);
	cr_assert_eq(rtos(e), 0);
	cr_assert_eq(fasts(e), 1);
	cr_assert_eq(retransmits(e), 1);
	cr_assert_lt(fantail_sim_now_us(e->sim) - then, RTO_US);
	engine_drain(e);
	engine_close(e);
}

/* Row 32: each hole behind the first is sent when the ACK comes to it. */
static bool three_holes(const struct engine_segment *s)
{
	if (s->to_card || s->client != 3 || !s->len)
		return false;
	seen++;
	return seen == 1 || seen == 3 || seen == 5;
}

Test(loss, partial_acks_fill_every_hole)
{
	struct engine *e = start(4);

	seen = picked = 0;
	pick = three_holes;
	send(e, 10, 900);
	engine_until(e, engine_all_delivered, RTO_US);
	cr_assert_eq(picked, 3);
	cr_assert_eq(rtos(e), 0);
	cr_assert_eq(fasts(e), 1);
	cr_assert_eq(retransmits(e), 3);
	engine_drain(e);
	engine_close(e);
}

/* The lost bytes lie across the end of the log, on one of many streams. */
Test(loss, retransmission_across_the_wrap)
{
	struct engine *e = start(6);
	uint32_t i, left, len;

	for (i = 0; i < 3; i++) {
		/* 9,000 is one window */
		for (left = (i + 1) * ENGINE_LOG - 1500 -
			    (uint32_t)e->payload_bytes;
		     left; left -= len) {
			len = left < 9000 ? left : 9000;
			send(e, 1, len);
			engine_until(e, engine_all_delivered, 100000);
			engine_for(e, 300);
		}
		/* the first of the payloads of this batch, 2 segments ahead */
		lose_nth(2 + i % 2);
		send(e, 7, 990);
		engine_until(e, engine_all_delivered, 2000000);
		cr_assert_eq(picked, 1);
		pick = NULL;
		engine_drain(e);
	}
	cr_assert_geq(retransmits(e), 3);
	engine_close(e);
}

static bool dark(const struct engine_segment *s)
{
	return s->client % 2 && !(s->flags & TCP_SYN);
}

/* Half of the clients cannot be reached for a while, with a lot in flight. */
Test(loss, blackout)
{
	struct engine *e = start(10);

	pick = dark;
	send(e, 10, 1000);
	engine_for(e, 900000);
	pick = NULL;
	cr_assert_eq(e->client[2].got, 10000);
	cr_assert_eq(e->client[3].got, 0);
	engine_until(e, engine_all_delivered, 3000000);
	cr_assert_geq(rtos(e), 5);
	engine_drain(e);
	cr_assert_eq(e->conn_records, 10);
	engine_close(e);
}

/* Row 24: the time between repeats doubles; row 25: it ends. */
static uint64_t sent_us[64];
static uint32_t sent_count;

static bool black_hole(const struct engine_segment *s)
{
	if (s->client != 1)
		return false;
	if (!s->to_card && s->len && sent_count < 64)
		sent_us[sent_count++] = s->now_us;
	return true;
}

static void give_up_early(struct engine *e, uint32_t client,
			  struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->give_up_ms = 10000;
}

static bool one_timed_out(struct engine *e)
{
	return e->client[1].events & FANTAIL_EV_TIMED_OUT;
}

Test(loss, backoff_and_giving_up)
{
	struct engine_options opt = {
		.clients = 3,
		.configure = plain,
		.segment = link_model,
		.context = give_up_early,
	};
	struct engine *e = engine_open(&opt);
	uint64_t gap, last = 0;
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	send(e, 1, 500);
	engine_drain(e);
	pick = black_hole;
	send(e, 1, 500);
	engine_until(e, one_timed_out, 60000000);
	cr_assert_geq(sent_count, 5);
	for (i = 1; i < sent_count; i++) {
		gap = sent_us[i] - sent_us[i - 1];
		cr_assert_geq(gap, RTO_US);
		if (last)
			cr_assert(gap > last * 9 / 5 && gap < last * 11 / 5,
				  "%llu us after %llu us",
				  (unsigned long long)gap,
				  (unsigned long long)last);
		last = gap;
	}
	/* nobody else noticed, and the log is free again */
	for (i = 0; i < 100; i++) {
		send(e, 1, 3000);
		engine_until(e, engine_all_delivered, 2000000);
	}
	cr_assert_eq(e->client[0].events | e->client[2].events,
		     FANTAIL_EV_QUERY);
	engine_drain(e);
	engine_release(e, 1);
	engine_close(e);
}

static bool acks(const struct engine_segment *s)
{
	return s->to_card && s->client == 2;
}

Test(loss, only_acks_are_lost)
{
	struct engine *e = start(4);
	struct fantail_peer_info info;

	pick = acks;
	send(e, 3, 900);
	engine_for(e, 300000);
	pick = NULL;
	engine_drain(e);
	cr_assert_geq(rtos(e), 1);
	cr_assert_eq(e->client[2].got, 2700);
	cr_assert_eq(fantail_peer_get_info(engine_peers(e), 2, &info), 0);
	engine_peers_done(e);
	cr_assert_geq(info.duplicates, 1);
	engine_close(e);
}

static bool first_fin(const struct engine_segment *s)
{
	return !s->to_card && s->client == 2 && s->flags & TCP_FIN && !picked;
}

static bool fin_acked(struct engine *e)
{
	return e->client[2].events & FANTAIL_EV_FIN_ACKED;
}

/* Alone, and with the data before it. */
Test(loss, fin)
{
	struct engine *e;
	uint32_t with_data;

	for (with_data = 0; with_data < 2; with_data++) {
		pick = NULL;
		picked = 0;
		e = start(3);
		pick = first_fin;
		if (with_data)
			engine_group(e, 0, 700);
		engine_finish(e, 2);
		engine_submit(e);
		engine_until(e, fin_acked, 3000000);
		cr_assert_eq(picked, 1);
		cr_assert_eq(rtos(e), 1);
		cr_assert_eq(e->client[2].got, with_data ? 700 : 0);
		cr_assert(e->client[2].peer_events & 1 << FANTAIL_PEER_EV_FIN);
		engine_close(e);
	}
}

/*
 * Timeouts that are hardly longer than the round trip, so that ACKs meet the
 * segments that they make needless on their way through the engine. With few
 * connections a sweep is short: the log must wait for those segments all the
 * same. A slow MAC holds segments up behind the pick: a sweep and more pass
 * before their bytes are read.
 */
static void jitter(struct engine *e, const struct engine_segment *s,
		   struct fantail_net_fate *fate)
{
	if (s->to_card && !(s->flags & TCP_SYN))
		fate->delay_us =
			20 + (engine_random(e, 6) ? 0 : engine_random(e, 16));
}

static void no_timestamps(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->timestamps = false;
	o->ack_every = 1;
}

Test(loss, timeouts_that_meet_their_acks)
{
	struct engine_options opt = {
		.clients = 16,
		.configure = no_timestamps,
		.segment = jitter,
		.dense_ids = true,
		.slow_mac = true,
		.seed = engine_seed(31),
	};
	struct engine *e = engine_open(&opt);
	uint32_t i, k;

	cr_assert_eq(fantail_dev_write32(e->dev, FANTAIL_REG_RTO_MIN_US, 1), 0);
	engine_connect_all(e);
	for (k = 0; k < e->clients; k++)
		engine_join(e, k, k % 2);
	for (k = 0; k < 150; k++) {
		engine_group(e, 0, 1460);
		engine_submit(e);
		engine_for(e, 16);
		/* the others keep the transmitter busy meanwhile */
		for (i = 0; i < 4; i++) {
			engine_group(e, 1, 7300);
			engine_submit(e);
			engine_for(e, 4);
		}
		engine_for(e, 20);
	}
	engine_drain(e);
	cr_assert_geq(rtos(e), 50);
	engine_close(e);
}

/* Everything at once, both ways, over a log that wraps. */
static void any_kind(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	static const uint16_t mss[] = { 1460, 536, 999, 257 };

	(void)ctx;
	o->mss = mss[n % 4];
	o->timestamps = n & 4;
	o->ack_every = (uint8_t)(1 + n % 3);
	o->reassembly = n % 5 ? 65536 : 0;
	o->rto_us = 50000;
}

static bool everything_arrived(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].up_got != e->client[i].up_sent)
			return false;
	return engine_all_delivered(e);
}

Test(loss, everything_at_once)
{
	struct engine_options opt = {
		.clients = 10,
		.configure = any_kind,
		.segment = link_model,
		.peer_delay_us = 150,
		.reordered = true,
		.seed = engine_seed(21),
	};
	struct engine *e = engine_open(&opt);
	uint32_t i, k;

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	lose_rnd = opt.seed;
	lose_percent = 3;
	repeat_percent = 3;
	late_percent = 5;
	for (k = 0; k < 40; k++) {
		for (i = 0; i < 3; i++)
			engine_group(e, 0, 1 + engine_random(e, 2500));
		engine_unicast(e, k % e->clients, 1 + engine_random(e, 900));
		engine_submit(e);
		engine_peer_send(e, k % e->clients, 5000);
		engine_until(e, everything_arrived, ENGINE_FAR_US);
	}
	lose_percent = 0;
	engine_drain(e);
	cr_assert_gt(e->payload_bytes, 2 * 65536);
	cr_assert_geq(rtos(e), 5);
	cr_assert_geq(fasts(e), 1);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	engine_close(e);
}
