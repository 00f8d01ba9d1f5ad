/* SPDX-License-Identifier: Apache-2.0 */
/*
 * News of many connections in one period: told together, once, with one
 * interrupt.
 */
#include <criterion/criterion.h>

#include "news.h"

#define PERIOD_US 10000000

/* Arms, and sleeps whatever is there; returns how long. */
static uint64_t sleep_till_interrupt(struct engine *e)
{
	uint64_t at = fantail_sim_now_us(e->sim);

	cr_assert_geq(fantail_qp_arm(e->qp), 0);
	cr_assert_eq(fantail_sim_wait(e->sim, 1, 2ll * PERIOD_US, NULL), 1);
	return fantail_sim_now_us(e->sim) - at;
}

/* One interrupt, one poll, a record for each with news, one SUMMARY. */
Test(periods, forty_at_once)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 1000 };
	struct engine *e = news_start(qp);
	union fantail_record recs[256];
	uint64_t before = news_interrupts(e);
	uint32_t i;
	int n;

	news_listen(e);
	news_publish_to_the_silent(e);
	news_everything_else(e);
	(void)sleep_till_interrupt(e);
	cr_assert_eq(news_interrupts(e), before + 1);
	n = fantail_qp_poll(e->qp, recs, 256);
	for (i = 0; i < (uint32_t)n; i++)
		news_note(e, &recs[i]);
	cr_assert_eq(news.datas, NEWS_KIND);
	cr_assert_eq(news.conns, 2 * NEWS_KIND);
	for (i = 0; i < NEWS_NEWCOMERS; i++)
		cr_assert_eq(news.of[i], 1, "client %u: %u", i, news.of[i]);
	cr_assert_eq(news.summaries, 1);
	cr_assert(news.summary_is_last);
	cr_assert_eq(news.sum.connects, NEWS_KIND);
	cr_assert_eq(news.sum.reads, NEWS_KIND);
	cr_assert_eq(news.sum.errors, NEWS_KIND);
	cr_assert_eq(news.sum.disconnects, NEWS_KIND);
	/* and that was all: the BATCH of the payloads and of each install */
	cr_assert_eq(news.others, 1 + NEWS_KIND);
	engine_pass(e, 2ull * PERIOD_US);
	cr_assert_eq(fantail_qp_poll(e->qp, recs, 256), 0);
	cr_assert_eq(news_interrupts(e), before + 1);
	news_end(e);
}

/* Nobody arms: periods end all the same. */
Test(periods, without_interrupts)
{
	struct fantail_qp_options qp = { .mod_us = 5000, .mod_count = 1000 };
	struct engine *e = news_start(qp);
	uint64_t before;
	uint32_t i;

	news_listen(e);
	news_publish_to_the_silent(e);
	/* this arms; the interrupt for its BATCH is the last */
	(void)sleep_till_interrupt(e);
	before = news_interrupts(e);
	news_everything_else(e);
	for (i = 0; i < 400; i++) {
		engine_pass(e, 10000);
		engine_poll(e);
	}
	cr_assert_eq(news_interrupts(e), before);
	cr_assert_eq(news.datas, NEWS_KIND);
	cr_assert_eq(news.conns, 2 * NEWS_KIND);
	cr_assert_eq(e->sums.errors, NEWS_KIND);
	/* at once, and when ten have been given up: no period is cut short */
	cr_assert_leq(news.summaries, 4);
	cr_assert_geq(news.summaries, 2);
	news_end(e);
}

/* The first failure does not wait for the end of a period. */
Test(periods, urgent)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 1000,
					 .urgent = true };
	struct engine *e = news_start(qp);
	uint64_t before = news_interrupts(e), at;

	news_listen(e);
	news_publish_to_the_silent(e);
	news_leave(e, NEWS_LEAVERS); /* closes: no failure */
	at = sleep_till_interrupt(e);
	cr_assert_lt(at, PERIOD_US / 2, "%llu us", (unsigned long long)at);
	cr_assert_geq(at, 1000 * NEWS_GIVE_UP_MS);
	cr_assert_eq(news_interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_geq(news.sum.errors, 1);
	cr_assert_eq(news.sum.disconnects, 1);
	cr_assert_eq(news.of[NEWS_LEAVERS], 1);
	cr_assert_eq(news.conns, 1 + news.sum.errors);
	/* a reset is a failure, too */
	engine_for(e, PERIOD_US);
	before = news_interrupts(e);
	news_leave(e, NEWS_LEAVERS + 1);
	cr_assert_lt(sleep_till_interrupt(e), 1000);
	cr_assert_eq(news_interrupts(e), before + 1);
	news_end(e);
}

/* Items are records and connections with news; time alone moves nothing. */
Test(periods, by_count_alone)
{
	struct fantail_qp_options qp = { .mod_us = UINT32_MAX,
					 .mod_count = NEWS_KIND + 4 };
	struct engine *e;
	uint64_t before;
	uint32_t i;

	/* handshakes at once, for what is to be counted comes behind them */
	qp.mod_us = 100;
	e = news_start(qp);
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + FANTAIL_QP_MOD_US,
			     4, UINT32_MAX),
		     0);
	before = news_interrupts(e);
	news_listen(e);
	for (i = 0; i < NEWS_KIND; i++)
		engine_peer_send(e, i, 100);
	news_leave(e, NEWS_LEAVERS);
	news_leave(e, NEWS_LEAVERS + 2);
	/* ten DATA, two with news, a SUMMARY: 13 */
	cr_assert_eq(fantail_qp_arm(e->qp), 0);
	engine_pass(e, 1000000000);
	cr_assert_eq(news_interrupts(e), before);
	news_leave(e, NEWS_LEAVERS + 3);
	engine_pass(e, 1000);
	cr_assert_eq(news_interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_eq(news.datas, NEWS_KIND);
	cr_assert_eq(news.conns, 3);
	cr_assert_eq(news.summaries, 1);
	cr_assert_eq(news.sum.disconnects, 3);
	news_end(e);
}

Test(periods, by_time_alone)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 65535 };
	struct engine *e = news_start(qp);
	uint64_t before = news_interrupts(e), at;
	uint32_t i;

	news_listen(e);
	for (i = 0; i < NEWS_KIND; i++)
		news_leave(e, NEWS_LEAVERS + i);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 3000);
	cr_assert_lt(at, 3100);
	cr_assert_eq(news_interrupts(e), before + 1);
	engine_poll(e);
	cr_assert_eq(news.conns, NEWS_KIND);
	cr_assert_eq(news.sum.disconnects, NEWS_KIND);
	news_end(e);
}

/* Whichever comes first. */
Test(periods, by_count_and_by_time)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 4 };
	struct engine *e = news_start(qp);
	uint64_t at;

	news_listen(e);
	news_leave(e, NEWS_LEAVERS);
	news_leave(e, NEWS_LEAVERS + 1);
	news_leave(e, NEWS_LEAVERS + 2);
	cr_assert_lt(sleep_till_interrupt(e), 1000);
	engine_poll(e);
	cr_assert_eq(news.conns, 3);
	news_leave(e, NEWS_LEAVERS + 3);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 3000);
	cr_assert_lt(at, 3100);
	engine_poll(e);
	cr_assert_eq(news.conns, 4);
	news_end(e);
}

/* An interrupt for a batch takes the news with it, and none follows. */
Test(periods, one_interrupt_for_a_batch_and_news)
{
	struct fantail_qp_options qp = { .mod_us = 3000, .mod_count = 65535 };
	struct engine *e = news_start(qp);
	uint64_t before = news_interrupts(e), at;

	news_listen(e);
	engine_unicast(e, 0, 100);
	engine_submit(e);
	engine_pass(e, 2000);
	news_leave(e, NEWS_LEAVERS);
	at = sleep_till_interrupt(e);
	cr_assert_geq(at, 900);
	cr_assert_leq(at, 1100, "its age, not that of the news");
	engine_poll(e);
	cr_assert_eq(news.conns, 1);
	cr_assert_eq(news.summaries, 1);
	cr_assert_eq(news.sum.successes, 0, "the ACK is delayed");
	cr_assert_eq(fantail_qp_arm(e->qp), 0);
	engine_pass(e, 100000);
	cr_assert_eq(news_interrupts(e), before + 1);
	news_end(e);
}

/* A ring too small for a period: nothing is lost, and the host is woken. */
Test(periods, more_than_the_ring_holds)
{
	struct fantail_qp_options qp = { .mod_us = PERIOD_US,
					 .mod_count = 65535,
					 .status_log2 = 3 };
	struct engine_options opt = { .clients = CARD_CLIENTS(100),
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
	news_listen(e);
	for (i = 0; i < e->clients; i++)
		news_leave(e, i);
	for (k = 0; news.conns < e->clients || !news.summaries; k++) {
		cr_assert_lt(k, 60);
		cr_assert_eq(fantail_qp_wait(e->qp, 2ll * PERIOD_US), 1);
		engine_poll(e);
	}
	cr_assert_eq(news.summaries, 1);
	cr_assert_eq(news.sum.disconnects, e->clients);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(news.of[i], 1);
	news_end(e);
}
