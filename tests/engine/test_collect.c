/* SPDX-License-Identifier: Apache-2.0 */
/* COLLECT: everything accumulated, one SUMMARY, one interrupt, in any mode. */
#include <criterion/criterion.h>

#include "engine.h"

#define KIND	   10 /* clients of each kind */
#define SILENT	   KIND
#define LEAVERS	   (2 * KIND)
#define NEWCOMERS  (3 * KIND)
#define CLIENTS	   (4 * KIND)
#define FOREVER_US UINT32_MAX

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
	x->give_up_ms = 1000;
}

static struct told {
	unsigned int summaries, answers, datas, conns;
	unsigned int of[ENGINE_CLIENTS]; /* DATA and CONN records */
	struct fantail_rec_summary sum;
} told;

static void note(struct engine *e, const union fantail_record *rec)
{
	switch (rec->type) {
	case FANTAIL_REC_SUMMARY:
		told.summaries++;
		told.answers += rec->summary.collected;
		told.sum = rec->summary;
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
		break;
	}
}

static void set_mod_us(struct engine *e, uint32_t us)
{
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + FANTAIL_QP_MOD_US,
			     4, us),
		     0);
}

static bool first_up(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < NEWCOMERS; i++)
		if (e->client[i].state != ENGINE_UP)
			return false;
	return true;
}

static bool rest_shaken(struct engine *e)
{
	uint32_t i;

	for (i = NEWCOMERS; i < CLIENTS; i++)
		if (e->client[i].state != ENGINE_SHAKEN)
			return false;
	return true;
}

static uint64_t interrupts(struct engine *e)
{
	return engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS);
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

/* COLLECT on CONTROL, which arms nothing; until it has been answered. */
static void collect(struct engine *e)
{
	engine_control(e, FANTAIL_OP_NOP, 0, NULL)->flags =
		FANTAIL_FLAG_COLLECT;
	engine_ring(e);
}

static void poll_all(struct engine *e)
{
	while (engine_poll(e))
		;
}

/*
 * Ten installs, ten reads, ten send errors, ten disconnects; no interrupt is
 * armed, and no period ends by itself.
 */
Test(collect, forty_without_interrupts)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.context = give_up_soon,
		.segment = mute,
		.qp = { .mod_us = 20, .mod_count = 1000 },
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint64_t before;
	uint32_t i;

	silent = false;
	for (i = 0; i < NEWCOMERS; i++)
		engine_connect(e, i);
	engine_until(e, first_up, ENGINE_FAR_US);
	e->opt.hold_installs = true;
	for (; i < CLIENTS; i++)
		engine_connect(e, i);
	engine_until(e, rest_shaken, ENGINE_FAR_US);
	silent = true;
	for (i = SILENT; i < SILENT + KIND; i++)
		engine_unicast(e, i, 100);
	engine_submit(e);
	/* the interrupt for this BATCH is the last one */
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	poll_all(e);
	set_mod_us(e, FOREVER_US);
	before = interrupts(e);
	told = (struct told){ 0 };
	e->opt.record = note;

	engine_install_held(e);
	for (i = 0; i < KIND; i++)
		engine_peer_send(e, i, 100);
	for (i = LEAVERS; i < LEAVERS + KIND; i++)
		leave(e, i);
	/* the last of the silent has been given up by then */
	engine_pass(e, 4000000);
	poll_all(e);
	cr_assert_eq(told.conns + told.summaries, 0);
	cr_assert_eq(told.datas, KIND);
	cr_assert_eq(interrupts(e), before);
	collect(e);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	cr_assert_eq(interrupts(e), before + 1);
	poll_all(e);
	cr_assert_eq(told.conns, 2 * KIND);
	for (i = 0; i < NEWCOMERS; i++)
		cr_assert_eq(told.of[i], 1, "client %u: %u", i, told.of[i]);
	cr_assert_eq(told.summaries, 1);
	cr_assert_eq(told.answers, 1);
	cr_assert_eq(told.sum.connects, KIND);
	cr_assert_eq(told.sum.reads, KIND);
	cr_assert_eq(told.sum.errors, KIND);
	cr_assert_eq(told.sum.disconnects, KIND);

	/* nothing since: one SUMMARY of zeros, and an interrupt */
	collect(e);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	poll_all(e);
	cr_assert_eq(told.summaries, 2);
	cr_assert_eq(told.answers, 2);
	cr_assert_eq(told.conns, 2 * KIND);
	cr_assert_eq(told.sum.connects + told.sum.reads + told.sum.errors +
			     told.sum.disconnects,
		     0);
	engine_pass(e, 1000000);
	cr_assert_eq(interrupts(e), before + 2);
	engine_close(e);
}

/* Deadlines that have passed are found, on either ring. */
Test(collect, finds_what_a_sweep_finds)
{
	struct engine_options opt = { .clients = 1 };
	struct engine *e = engine_open(&opt);
	uint64_t sweeps;

	engine_connect_all(e);
	engine_for(e, 1000);
	sweeps = engine_count(e, FANTAIL_CNT_SWEEPS);
	told = (struct told){ 0 };
	e->opt.record = note;
	engine_data(e, FANTAIL_OP_NOP, 0)->flags = FANTAIL_FLAG_COLLECT;
	engine_submit(e);
	engine_until(e, engine_batches_done, 1000);
	/* the entry itself was done before */
	engine_for(e, 1000);
	cr_assert_eq(told.answers, 1);
	cr_assert_gt(engine_count(e, FANTAIL_CNT_SWEEPS), sweeps);
	engine_close(e);
}

static bool all_dead(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].state != ENGINE_DEAD &&
		    !(e->client[i].events & FANTAIL_EV_PEER_FIN))
			return false;
	return true;
}

/* Everybody goes: sums only, until they are asked for by name. */
static void summary_only(unsigned int status_log2)
{
	struct engine_options opt = {
		.clients = ENGINE_CLIENTS,
		.dense_ids = true,
		.qp = { .mod_us = 100,
			.mod_count = 1000,
			.status_log2 = status_log2,
			.summary_only = true },
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i, k;

	engine_connect_all(e);
	engine_for(e, 10000);
	cr_assert_eq(e->sums.connects, ENGINE_CLIENTS);
	told = (struct told){ 0 };
	e->opt.record = note;
	for (i = 0; i < e->clients; i++) {
		leave(e, i);
		if (i % 8 == 7)
			engine_for(e, 20);
	}
	engine_for(e, 100000);
	cr_assert_eq(told.conns, 0);
	cr_assert_eq(e->sums.disconnects, ENGINE_CLIENTS);
	/* one for each period, not for each client */
	cr_assert_leq(told.summaries, ENGINE_CLIENTS / 8);
	cr_assert_eq(told.answers, 0);
	collect(e);
	for (k = 0; !told.answers; k++) {
		cr_assert_lt(k, 200);
		/* a small ring is told in several pieces */
		cr_assert_eq(fantail_sim_wait(e->sim, 1, 10000, NULL), 1);
		(void)fantail_qp_arm(e->qp);
		poll_all(e);
	}
	engine_until(e, all_dead, 10000);
	cr_assert_eq(told.conns, ENGINE_CLIENTS);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(told.of[i], 1);
	cr_assert_eq(e->sums.disconnects, ENGINE_CLIENTS);
	engine_close(e);
}

Test(collect, summary_only)
{
	summary_only(12);
}

Test(collect, summary_only_into_a_small_ring)
{
	summary_only(6);
}
