/* SPDX-License-Identifier: Apache-2.0 */
/*
 * News of many connections in one period: told together, once, with one
 * interrupt.
 */
#include <criterion/criterion.h>

#include "engine.h"

#define KIND	   10 /* clients of each kind */
#define READERS	   0
#define SILENT	   KIND
#define LEAVERS	   (2 * KIND)
#define NEWCOMERS  (3 * KIND)
#define CLIENTS	   (4 * KIND)
#define PERIOD_US  10000000
#define GIVE_UP_MS 1000

/* Nothing reaches them, nothing comes from them. */
static bool silent;

static void mute(struct engine *e, const struct engine_segment *s,
		 struct fantail_net_fate *fate)
{
	(void)e;
	if (silent && s->client >= SILENT && s->client < SILENT + KIND)
		fate->copies = 0;
}

static void give_up_soon(struct engine *e, uint32_t client,
			 struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->give_up_ms = GIVE_UP_MS;
}

static bool old_ones_up(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < NEWCOMERS; i++)
		if (e->client[i].state != ENGINE_UP)
			return false;
	return true;
}

static bool newcomers_shaken(struct engine *e)
{
	uint32_t i;

	for (i = NEWCOMERS; i < CLIENTS; i++)
		if (e->client[i].state != ENGINE_SHAKEN)
			return false;
	return true;
}

/* Thirty are up, ten have shaken hands, and nothing waits to be told. */
static struct engine *start(struct fantail_qp_options qp)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.context = give_up_soon,
		.segment = mute,
		.qp = qp,
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	silent = false;
	for (i = 0; i < NEWCOMERS; i++)
		engine_connect(e, i);
	engine_until(e, old_ones_up, ENGINE_FAR_US);
	e->opt.hold_installs = true;
	for (; i < CLIENTS; i++)
		engine_connect(e, i);
	engine_until(e, newcomers_shaken, ENGINE_FAR_US);
	/* the period of these is over */
	engine_for(e, qp.mod_us + 1000);
	return e;
}

static void leave(struct engine *e, uint32_t client)
{
	struct fantail_peers *peers = engine_peers(e);

	if (client & 1)
		cr_assert_eq(fantail_peer_abort(peers, client), 0);
	else
		cr_assert_eq(fantail_peer_shutdown(peers, client), 0);
	engine_peers_done(e);
}

/* Ten send errors, when they are given up. */
static void publish_to_the_silent(struct engine *e)
{
	uint32_t i;

	silent = true;
	for (i = SILENT; i < SILENT + KIND; i++)
		engine_unicast(e, i, 100);
	engine_submit(e);
}

/* Ten installs, ten reads, ten disconnects. */
static void everything_else(struct engine *e)
{
	uint32_t i;

	engine_install_held(e);
	for (i = READERS; i < READERS + KIND; i++)
		engine_peer_send(e, i, 100);
	for (i = LEAVERS; i < LEAVERS + KIND; i++)
		leave(e, i);
}

struct told {
	unsigned int summaries, datas, conns, others;
	unsigned int of[ENGINE_CLIENTS]; /* DATA and CONN records */
	bool summary_is_last;
	struct fantail_rec_summary sum; /* of all */
};

static struct told told;

static void note(struct engine *e, const union fantail_record *rec)
{
	told.summary_is_last = rec->type == FANTAIL_REC_SUMMARY;
	switch (rec->type) {
	case FANTAIL_REC_SUMMARY:
		told.summaries++;
		told.sum.connects += rec->summary.connects;
		told.sum.reads += rec->summary.reads;
		told.sum.errors += rec->summary.errors;
		told.sum.disconnects += rec->summary.disconnects;
		told.sum.successes += rec->summary.successes;
		break;
	case FANTAIL_REC_DATA:
		told.datas++;
		told.of[e->owner[rec->data.handle & 0xFFFF]]++;
		break;
	case FANTAIL_REC_CONN:
		told.conns++;
		told.of[e->owner[rec->conn.handle & 0xFFFF]]++;
		break;
	default:
		told.others++;
		break;
	}
}

/* From now on records are counted. */
static void listen_up(struct engine *e)
{
	told = (struct told){ 0 };
	e->opt.record = note;
}

static uint64_t interrupts(struct engine *e)
{
	return engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS);
}

/* Arms, and sleeps whatever is there; returns how long. */
static uint64_t sleep_till_interrupt(struct engine *e)
{
	uint64_t at = fantail_sim_now_us(e->sim);

	cr_assert_geq(fantail_qp_arm(e->qp), 0);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 2ll * PERIOD_US, NULL), 1);
	return fantail_sim_now_us(e->sim) - at;
}

static void end(struct engine *e)
{
	silent = true; /* they will have nothing more to complain of */
	engine_close(e);
}

/* One interrupt, one poll, a record for each with news, one SUMMARY. */
Test(periods, forty_at_once)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 1000 };
	struct engine *e = start(qp);
	union fantail_record recs[256];
	uint64_t before = interrupts(e);
	uint32_t i;
	int n;

	listen_up(e);
	publish_to_the_silent(e);
	everything_else(e);
	(void)sleep_till_interrupt(e);
	cr_assert_eq(interrupts(e), before + 1);
	n = fantail_qp_poll(e->qp, recs, 256);
	for (i = 0; i < (uint32_t)n; i++)
		note(e, &recs[i]);
	cr_assert_eq(told.datas, KIND);
	cr_assert_eq(told.conns, 2 * KIND);
	for (i = 0; i < NEWCOMERS; i++)
		cr_assert_eq(told.of[i], 1, "client %u: %u", i, told.of[i]);
	cr_assert_eq(told.summaries, 1);
	cr_assert(told.summary_is_last);
	cr_assert_eq(told.sum.connects, KIND);
	cr_assert_eq(told.sum.reads, KIND);
	cr_assert_eq(told.sum.errors, KIND);
	cr_assert_eq(told.sum.disconnects, KIND);
	/* and that was all: the BATCH of the payloads and of each install */
	cr_assert_eq(told.others, 1 + KIND);
	engine_pass(e, 2ull * PERIOD_US);
	cr_assert_eq(fantail_qp_poll(e->qp, recs, 256), 0);
	cr_assert_eq(interrupts(e), before + 1);
	end(e);
}

/* Nobody arms: periods end all the same. */
Test(periods, without_interrupts)
{
	struct fantail_qp_options qp = { .mod_us = 5000, .mod_count = 1000 };
	struct engine *e = start(qp);
	uint64_t before;
	uint32_t i;

	listen_up(e);
	publish_to_the_silent(e);
	/* this arms; the interrupt for its BATCH is the last */
	(void)sleep_till_interrupt(e);
	before = interrupts(e);
	everything_else(e);
	for (i = 0; i < 4000; i++) {
		engine_pass(e, 1000);
		engine_poll(e);
	}
	cr_assert_eq(interrupts(e), before);
	cr_assert_eq(told.datas, KIND);
	cr_assert_eq(told.conns, 2 * KIND);
	cr_assert_eq(e->sums.errors, KIND);
	/* at once, and when ten have been given up: no period is cut short */
	cr_assert_leq(told.summaries, 4);
	cr_assert_geq(told.summaries, 2);
	end(e);
}

/* The first failure does not wait for the end of a period. */
Test(periods, urgent)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 1000,
					 .urgent = true };
	struct engine *e = start(qp);
	uint64_t before = interrupts(e), at;

	listen_up(e);
	publish_to_the_silent(e);
	leave(e, LEAVERS); /* closes: no failure */
	at = sleep_till_interrupt(e);
	cr_assert_lt(at, PERIOD_US / 2, "%llu us", (unsigned long long)at);
	cr_assert_geq(at, 1000 * GIVE_UP_MS);
	cr_assert_eq(interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_geq(told.sum.errors, 1);
	cr_assert_eq(told.sum.disconnects, 1);
	cr_assert_eq(told.of[LEAVERS], 1);
	cr_assert_eq(told.conns, 1 + told.sum.errors);
	/* a reset is a failure, too */
	engine_for(e, PERIOD_US);
	before = interrupts(e);
	leave(e, LEAVERS + 1);
	cr_assert_lt(sleep_till_interrupt(e), 1000);
	cr_assert_eq(interrupts(e), before + 1);
	end(e);
}

/* Items are records and connections with news; time alone moves nothing. */
Test(periods, by_count_alone)
{
	struct fantail_qp_options qp = { .mod_us = UINT32_MAX,
					 .mod_count = 14 };
	struct engine *e;
	uint64_t before;
	uint32_t i;

	/* handshakes at once, for what is to be counted comes behind them */
	qp.mod_us = 100;
	e = start(qp);
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + FANTAIL_QP_MOD_US,
			     4, UINT32_MAX),
		     0);
	before = interrupts(e);
	listen_up(e);
	for (i = 0; i < 10; i++)
		engine_peer_send(e, i, 100);
	leave(e, LEAVERS);
	leave(e, LEAVERS + 2);
	/* ten DATA, two with news, a SUMMARY: 13 */
	cr_assert_eq(fantail_qp_arm(e->qp), 0);
	engine_pass(e, 1000000000);
	cr_assert_eq(interrupts(e), before);
	leave(e, LEAVERS + 3);
	engine_pass(e, 1000);
	cr_assert_eq(interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_eq(told.datas, 10);
	cr_assert_eq(told.conns, 3);
	cr_assert_eq(told.summaries, 1);
	cr_assert_eq(told.sum.disconnects, 3);
	end(e);
}

Test(periods, by_time_alone)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 65535 };
	struct engine *e = start(qp);
	uint64_t before = interrupts(e), at;
	uint32_t i;

	listen_up(e);
	for (i = 0; i < KIND; i++)
		leave(e, LEAVERS + i);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 3000);
	cr_assert_lt(at, 3100);
	cr_assert_eq(interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_eq(told.conns, KIND);
	cr_assert_eq(told.sum.disconnects, KIND);
	end(e);
}

/* Whichever comes first. */
Test(periods, by_count_and_by_time)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 4 };
	struct engine *e = start(qp);
	uint64_t at;

	listen_up(e);
	leave(e, LEAVERS);
	leave(e, LEAVERS + 1);
	leave(e, LEAVERS + 2);
	cr_assert_lt(sleep_till_interrupt(e), 1000);
	engine_poll(e);
	cr_assert_eq(told.conns, 3);
	leave(e, LEAVERS + 3);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 3000);
	cr_assert_lt(at, 3100);
	engine_poll(e);
	cr_assert_eq(told.conns, 4);
	end(e);
}

/* An interrupt for a batch takes the news with it, and none follows. */
Test(periods, one_interrupt_for_a_batch_and_news)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 65535 };
	struct engine *e = start(qp);
	uint64_t before = interrupts(e), at;

	listen_up(e);
	engine_unicast(e, 0, 100);
	engine_submit(e);
	engine_pass(e, 2000);
	leave(e, LEAVERS);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 900);
	cr_assert_leq(at, 1100, "its age, not that of the news");
	engine_poll(e);
	cr_assert_eq(told.conns, 1);
	cr_assert_eq(told.summaries, 1);
	cr_assert_eq(told.sum.successes, 0, "the ACK is delayed");
	cr_assert_eq(fantail_qp_arm(e->qp), 0);
	engine_pass(e, 100000);
	cr_assert_eq(interrupts(e), before + 1);
	end(e);
}

/* A ring too small for a period: nothing is lost, and the host is woken. */
Test(periods, more_than_the_ring_holds)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 65535,
					 .status_log2 = 5 };
	struct engine_options opt = { .clients = 100,
				      .qp = qp,
				      .mod_us_given = true };
	struct engine *e;
	uint32_t i, k;

	/* shake hands in short periods */
	opt.qp.mod_us = 20;
	e = engine_open(&opt);
	engine_connect_all(e);
	engine_for(e, 1000);
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + FANTAIL_QP_MOD_US,
			     4, PERIOD_US),
		     0);
	listen_up(e);
	for (i = 0; i < e->clients; i++)
		leave(e, i);
	for (k = 0; told.conns < 100 || !told.summaries; k++) {
		cr_assert_lt(k, 60);
		cr_assert_eq(fantail_qp_wait(e->qp, 2ll * PERIOD_US), 1);
		engine_poll(e);
	}
	cr_assert_eq(told.summaries, 1);
	cr_assert_eq(told.sum.disconnects, 100);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(told.of[i], 1);
	end(e);
}
