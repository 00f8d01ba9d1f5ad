/* SPDX-License-Identifier: Apache-2.0 */
/* COLLECT: everything accumulated, one SUMMARY, one interrupt, in any mode. */
#include <criterion/criterion.h>

#include "news.h"

#define FOREVER_US UINT32_MAX

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
	struct fantail_qp_options qp = { .mod_us = 20, .mod_count = 1000 };
	struct engine *e = news_start(qp);
	uint64_t before;
	uint32_t i;

	news_publish_to_the_silent(e);
	/* the interrupt for this BATCH is the last one */
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	poll_all(e);
	news_set_mod_us(e, FOREVER_US);
	before = news_interrupts(e);
	news_listen(e);
	news_everything_else(e);
	/* the last of the silent has been given up by then */
	engine_pass(e, 4000000);
	poll_all(e);
	cr_assert_eq(news.conns + news.summaries, 0);
	cr_assert_eq(news.datas, NEWS_KIND);
	cr_assert_eq(news_interrupts(e), before);
	collect(e);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	cr_assert_eq(news_interrupts(e), before + 1);
	poll_all(e);
	cr_assert_eq(news.conns, 2 * NEWS_KIND);
	for (i = 0; i < NEWS_NEWCOMERS; i++)
		cr_assert_eq(news.of[i], 1, "client %u: %u", i, news.of[i]);
	cr_assert_eq(news.summaries, 1);
	cr_assert_eq(news.answers, 1);
	cr_assert_eq(news.last.connects, NEWS_KIND);
	cr_assert_eq(news.last.reads, NEWS_KIND);
	cr_assert_eq(news.last.errors, NEWS_KIND);
	cr_assert_eq(news.last.disconnects, NEWS_KIND);

	/* nothing since: one SUMMARY of zeros, and an interrupt */
	collect(e);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 1000, NULL), 1);
	poll_all(e);
	cr_assert_eq(news.summaries, 2);
	cr_assert_eq(news.answers, 2);
	cr_assert_eq(news.conns, 2 * NEWS_KIND);
	cr_assert_eq(news.last.connects + news.last.reads + news.last.errors +
			     news.last.disconnects,
		     0);
	engine_pass(e, 1000000);
	cr_assert_eq(news_interrupts(e), before + 2);
	news_end(e);
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
	news_listen(e);
	engine_data(e, FANTAIL_OP_NOP, 0)->flags = FANTAIL_FLAG_COLLECT;
	engine_submit(e);
	engine_until(e, engine_batches_done, 1000);
	/* the entry itself was done before */
	engine_for(e, 1000);
	cr_assert_eq(news.answers, 1);
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
		.clients = CARD_CLIENTS(1024), /* more: make large */
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
	cr_assert_eq(e->sums.connects, e->clients);
	news_listen(e);
	for (i = 0; i < e->clients; i++) {
		news_leave(e, i);
		if (i % 8 == 7)
			engine_for(e, 20);
	}
	engine_for(e, 100000);
	cr_assert_eq(news.conns, 0);
	cr_assert_eq(e->sums.disconnects, e->clients);
	/* one for each period, not for each client */
	cr_assert_leq(news.summaries, e->clients / 8);
	cr_assert_eq(news.answers, 0);
	collect(e);
	for (k = 0; !news.answers; k++) {
		cr_assert_lt(k, 200);
		/* a small ring is told in several pieces */
		cr_assert_eq(fantail_sim_wait(e->sim, 1, 10000, NULL), 1);
		(void)fantail_qp_arm(e->qp);
		poll_all(e);
	}
	engine_until(e, all_dead, 10000);
	cr_assert_eq(news.conns, e->clients);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(news.of[i], 1);
	cr_assert_eq(e->sums.disconnects, e->clients);
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
