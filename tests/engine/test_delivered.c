/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DELIVERED: exactly one for each request, in order, never before the last
 * acknowledgement or failure. DRAINED: the same for one connection.
 */
#include <criterion/criterion.h>

#include "engine.h"

#define CLIENTS CARD_CLIENTS(20)

/* What the card has been acknowledged, as the wire saw it. */
static uint64_t acked[CLIENTS];
static uint32_t acked_to[CLIENTS];
static bool acked_any[CLIENTS];
static uint32_t lose_percent;
static uint64_t lose_rnd;

static void watch(struct engine *e, const struct engine_segment *s,
		  struct fantail_net_fate *fate)
{
	uint32_t c = s->client, step;

	lose_rnd = engine_mix(lose_rnd);
	if (lose_percent && (uint32_t)(lose_rnd >> 32) % 100 < lose_percent &&
	    !(s->flags & TCP_SYN)) {
		fate->copies = 0;
		return;
	}
	if (!s->to_card || !(s->flags & TCP_ACK) || s->flags & TCP_SYN)
		return;
	if (!acked_any[c]) {
		acked_any[c] = true;
		acked_to[c] = e->client[c].iss + 1;
	}
	step = s->ack - acked_to[c];
	if (step < 0x80000000) {
		acked[c] += step;
		acked_to[c] = s->ack;
	}
}

/* What is published before a request must be acknowledged by then. */
static struct {
	uint64_t due[CLIENTS];
	uint32_t cookie;
} request[256];
static uint32_t requests, answers;

static bool failed(const struct engine_client *c)
{
	return c->state == ENGINE_DEAD;
}

static void check(struct engine *e, const union fantail_record *rec)
{
	uint32_t i;

	if (rec->type != FANTAIL_REC_DELIVERED)
		return;
	cr_assert_lt(answers, requests, "DELIVERED that nobody asked for");
	cr_assert_eq(rec->delivered.cookie_lo, request[answers].cookie);
	cr_assert_eq(rec->delivered.cookie_hi, 0);
	for (i = 0; i < e->clients; i++)
		cr_assert(failed(&e->client[i]) ||
				  acked[i] >= request[answers].due[i],
			  "DELIVERED %u: client %u has acknowledged %llu of "
			  "%llu",
			  answers, i, (unsigned long long)acked[i],
			  (unsigned long long)request[answers].due[i]);
	answers++;
}

/* Mark the newest entry. */
static void ask(struct engine *e, uint32_t cookie)
{
	uint32_t i;

	cr_assert_lt(requests, 256);
	e->newest->flags |= FANTAIL_FLAG_REPORT_DELIVERED;
	e->newest->cookie = cookie;
	request[requests].cookie = cookie;
	for (i = 0; i < e->clients; i++)
		request[requests].due[i] = e->client[i].sent;
	requests++;
}

/* The same of the last entry of the batch; its cookie is the batch's number. */
static void ask_and_submit(struct engine *e)
{
	ask(e, e->batches);
	engine_submit(e);
}

static bool all_answered(struct engine *e)
{
	(void)e;
	return answers == requests;
}

static struct engine *start(struct engine_options opt)
{
	struct engine *e;
	uint32_t i;

	for (i = 0; i < CLIENTS; i++) {
		acked[i] = 0;
		acked_any[i] = false;
	}
	requests = answers = 0;
	lose_percent = 0;
	lose_rnd = 5;
	opt.clients = CLIENTS;
	opt.segment = watch;
	opt.record = check;
	e = engine_open(&opt);
	engine_connect_all(e);
	engine_join_all(e, 3);
	engine_submit(e);
	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	return e;
}

static void finish(struct engine *e)
{
	engine_until(e, all_answered, ENGINE_FAR_US);
	engine_for(e, 100000);
	cr_assert_eq(answers, requests);
	cr_assert_eq(e->delivered, requests);
	cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_DELIVERED_RECORDS),
		     requests);
	engine_close(e);
}

Test(delivered, one_for_each_request)
{
	struct engine *e = start((struct engine_options){ 0 });
	uint32_t i;

	for (i = 0; i < 10; i++) {
		engine_group(e, 3, 500);
		ask_and_submit(e);
		engine_until(e, all_answered, ENGINE_FAR_US);
	}
	finish(e);
}

/* Without a target that takes it, and without a payload: at once. */
Test(delivered, of_nothing)
{
	struct engine *e = start((struct engine_options){ 0 });
	uint64_t at = fantail_sim_now_us(e->sim);

	engine_data(e, FANTAIL_OP_NOP, 0);
	ask_and_submit(e);
	engine_until(e, all_answered, 1000000);
	engine_publish(e, 0x77770000, 0, 100); /* a name of nobody */
	ask_and_submit(e);
	engine_publish(e, 9, FANTAIL_FLAG_GROUP, 100); /* no members */
	ask_and_submit(e);
	engine_until(e, all_answered, 1000000);
	cr_assert_lt(fantail_sim_now_us(e->sim) - at, 10000);
	finish(e);
}

/* In mid-batch, several in flight, more than are held, groups, lists. */
Test(delivered, many_in_flight)
{
	struct engine *e = start((struct engine_options){ 0 });
	uint32_t i, k, all[CLIENTS];

	for (i = 0; i < CLIENTS; i++)
		all[i] = i;
	for (k = 0; k < 12; k++) {
		for (i = 0; i < 6; i++) {
			switch (engine_random(e, 4)) {
			case 0:
				engine_unicast(e, engine_random(e, CLIENTS),
					       1 + engine_random(e, 900));
				break;
			case 1:
				engine_list(e, all,
					    1 + engine_random(e, CLIENTS), 200);
				break;
			default:
				engine_group(e, 3, 1 + engine_random(e, 900));
				break;
			}
			if (i < 5 && (engine_random(e, 2) || i == 0))
				ask(e, 1000 * k + i);
		}
		ask_and_submit(e);
		cr_assert_gt(requests, 2 * k);
	}
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	finish(e);
}

/* A batch of forty marks, held for its end: it must not wait for itself. */
Test(delivered, more_than_are_held_in_one_batch)
{
	struct engine *e = start((struct engine_options){ 0 });
	uint32_t i;

	for (i = 0; i < 40; i++) {
		engine_group(e, 3, 10);
		if (i < 39)
			ask(e, 500 + i);
	}
	ask_and_submit(e);
	finish(e);
}

Test(delivered, over_a_bad_link)
{
	struct engine *e = start((struct engine_options){
		.peer_delay_us = 100,
		.seed = engine_seed(11),
	});
	uint32_t i;

	lose_rnd = e->opt.seed;
	lose_percent = 4;
	for (i = 0; i < 40; i++) {
		engine_group(e, 3, 1 + engine_random(e, 1800));
		engine_unicast(e, i % CLIENTS, 1 + engine_random(e, 500));
		ask_and_submit(e);
		if (i % 8 == 7)
			engine_until(e, all_answered, ENGINE_FAR_US);
	}
	engine_until(e, all_answered, ENGINE_FAR_US);
	lose_percent = 0;
	engine_drain(e);
	cr_assert_geq(engine_count(e, FANTAIL_CNT_TIMEOUTS) +
			      engine_count(e, FANTAIL_CNT_FAST_RETRANSMITS),
		      5);
	finish(e);
}

static void stop_3(void *ctx, uint32_t client, struct fantail_peer_options *o)
{
	(void)ctx;
	if (client == 3)
		o->buffer = 4096;
}

/* One does not read: nothing is delivered until it is aborted. */
static void with_one_who_stops(bool summary_only)
{
	struct engine *e = start((struct engine_options){
		.configure = stop_3,
		.qp = { .summary_only = summary_only },
	});
	struct fantail_peers *peers = engine_peers(e);
	uint32_t i;

	cr_assert_eq(fantail_peer_pause(peers, 3), 0);
	engine_peers_done(e);
	for (i = 0; i < 4; i++) {
		engine_group(e, 3, 1500);
		ask_and_submit(e);
	}
	engine_for(e, 3000000);
	/* it has taken two */
	cr_assert_eq(answers, 2);
	if (summary_only) {
		/* dead, though its CONN record waits for COLLECT */
		request[2].due[3] = request[3].due[3] = 0;
		engine_abort(e, 3);
		engine_until(e, all_answered, ENGINE_FAR_US);
		cr_assert_eq(e->client[3].events, 0);
		e->client[3].state = ENGINE_DEAD;
	} else {
		engine_abort(e, 3);
		engine_until(e, all_answered, ENGINE_FAR_US);
		cr_assert_eq(e->client[3].events, FANTAIL_EV_ABORTED);
	}
	finish(e);
}

Test(delivered, with_an_aborted_client)
{
	with_one_who_stops(false);
}

Test(delivered, with_an_aborted_client_in_summary_only_mode)
{
	with_one_who_stops(true);
}

/* One resets, one is aborted: their records come before. */
Test(delivered, behind_failures)
{
	struct engine *e = start((struct engine_options){
		.qp = { .mod_us = 2000000, .mod_count = 1000 },
		.mod_us_given = true,
	});
	struct fantail_peers *peers;

	engine_group(e, 3, 3000);
	peers = engine_peers(e);
	cr_assert_eq(fantail_peer_abort(peers, 5), 0);
	engine_peers_done(e);
	ask_and_submit(e);
	engine_abort(e, 7);
	engine_until(e, all_answered, ENGINE_FAR_US);
	cr_assert_eq(e->client[5].events, FANTAIL_EV_RESET);
	cr_assert_eq(e->client[7].events, FANTAIL_EV_ABORTED);
	finish(e);
}

/* ---------------------------------------------------------------- DRAINED */
static void ask_drained(struct engine *e, uint32_t client)
{
	engine_control(e, FANTAIL_OP_CONN_QUERY, e->client[client].handle, NULL)
		->arg0 = FANTAIL_QUERY_DRAINED;
	engine_ring(e);
}

static bool client_0_drained(struct engine *e)
{
	return e->client[0].events & FANTAIL_EV_DRAINED;
}

Test(drained, once_when_asked)
{
	struct engine_options opt = { .clients = 2 };
	struct engine *e = engine_open(&opt);
	struct fantail_peers *peers;

	engine_connect_all(e);
	/* nothing is queued: at once */
	ask_drained(e, 0);
	engine_until(e, client_0_drained, 1000);
	cr_assert_eq(e->client[0].last.events, FANTAIL_EV_DRAINED);
	cr_assert_eq(e->client[0].conn_records, 1);
	/* the receiver takes 65,535 bytes and stops */
	peers = engine_peers(e);
	cr_assert_eq(fantail_peer_set_buffer(peers, 0, 2000), 0);
	cr_assert_eq(fantail_peer_pause(peers, 0), 0);
	engine_peers_done(e);
	engine_unicast(e, 0, 10000);
	engine_submit(e);
	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	engine_for(e, 100000);
	cr_assert_lt(e->client[0].got, 10000);
	ask_drained(e, 0);
	engine_for(e, 3000000);
	cr_assert_eq(e->client[0].conn_records, 1);
	/* what is queued later does not count */
	engine_unicast(e, 0, 12000);
	engine_submit(e);
	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	peers = engine_peers(e);
	cr_assert_eq(fantail_peer_resume(peers, 0), 0);
	engine_peers_done(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	engine_for(e, 100000);
	cr_assert_eq(e->client[0].conn_records, 2);
	cr_assert_eq(e->client[0].last.events, FANTAIL_EV_DRAINED);
	cr_assert_geq(e->client[0].last.acked, 10000);
	/* no more of it */
	engine_unicast(e, 0, 1000);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(e->client[0].last.events, FANTAIL_EV_QUERY);
	cr_assert_eq(e->client[1].events & FANTAIL_EV_DRAINED, 0);
	engine_close(e);
}

/* One that fails before is told of, and not of DRAINED. */
Test(drained, not_when_it_fails)
{
	struct engine_options opt = { .clients = 1 };
	struct engine *e = engine_open(&opt);
	struct fantail_peers *peers;

	engine_connect_all(e);
	peers = engine_peers(e);
	cr_assert_eq(fantail_peer_set_buffer(peers, 0, 2000), 0);
	cr_assert_eq(fantail_peer_pause(peers, 0), 0);
	engine_peers_done(e);
	engine_unicast(e, 0, 10000);
	engine_submit(e);
	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	ask_drained(e, 0);
	engine_for(e, 1000);
	engine_abort(e, 0);
	engine_for(e, 1000000);
	ask_drained(e, 0);
	engine_for(e, 1000000);
	cr_assert_eq(e->client[0].events, FANTAIL_EV_ABORTED);
	engine_close(e);
}
