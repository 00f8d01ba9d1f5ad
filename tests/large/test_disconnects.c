/* SPDX-License-Identifier: Apache-2.0 */
/* model: large */
/*
 * Ten thousand clients go at once, and the host does not want to hear of each:
 * sums, until it asks.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../engine/engine.h"

#define CLIENTS	  10000u
#define SLOTS	  1024u
#define PERIOD_US 1000u

static struct told {
	uint32_t summaries, answers, conns, others;
	uint8_t of[CLIENTS]; /* CONN records */
	bool collected;	     /* the newest record was the answer */
} told;

static void note(struct engine *e, const union fantail_record *rec)
{
	told.collected = false;
	switch (rec->type) {
	case FANTAIL_REC_SUMMARY:
		told.summaries++;
		told.answers += rec->summary.collected;
		told.collected = rec->summary.collected;
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

static void set(struct engine *e, uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + offset, 4, value),
		     0);
}

/*
 * Half of them close, half of them reset, no faster than the receive path
 * takes their frames: nobody repeats a reset.
 */
static void everybody_goes(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < CLIENTS; i++) {
		struct fantail_peers *peers = engine_peers(e);

		cr_assert_eq(i & 1 ? fantail_peer_abort(peers, i)
				   : fantail_peer_shutdown(peers, i),
			     0);
		engine_peers_done(e);
		if (i % 32 == 31)
			engine_for(e, 20);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_DROP_FIFO), 0);
}

/*
 * To close it would release one connection after the other, each after two
 * sweeps of 16,384: hundreds of millions of cycles.
 */
static void reset(struct engine *e)
{
	uint32_t status, k;

	cr_assert_eq(fantail_dev_write32(e->dev, FANTAIL_REG_RESET,
					 FANTAIL_RESET_START_MASK),
		     0);
	for (k = 0;; k++) {
		cr_assert_lt(k, 1000, "not ready");
		cr_assert_eq(fantail_sim_run(e->sim, 1000), 0);
		cr_assert_eq(
			fantail_dev_read32(e->dev, FANTAIL_REG_STATUS, &status),
			0);
		if (status & FANTAIL_STATUS_READY_MASK)
			return;
	}
}

static bool all_summed_up(struct engine *e)
{
	return e->sums.disconnects >= CLIENTS;
}

static bool answered(struct engine *e)
{
	(void)e;
	return told.answers;
}

Test(disconnects, ten_thousand_in_sums)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.cycle_limit = 200000000,
		.qp = { .control_log2 = 13,
			.slot_count = SLOTS,
			.mod_us = 20,
			.mod_count = 64,
			.summary_only = true },
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint64_t began, took;
	uint32_t i;

	cr_assert_eq(e->connections, 16384);
	/* shake hands in short periods, or frames would fill the ring */
	engine_connect_all(e);
	fprintf(stderr, "# up after %llu cycles\n",
		(unsigned long long)fantail_sim_cycles(e->sim));
	set(e, FANTAIL_QP_MOD_US, PERIOD_US);
	set(e, FANTAIL_QP_MOD_COUNT, 65535);
	engine_for(e, 10 * PERIOD_US);
	cr_assert_eq(e->sums.connects, CLIENTS);
	cr_assert_eq(e->conn_records, 0);

	e->opt.record = note;
	began = fantail_sim_now_us(e->sim);
	everybody_goes(e);
	engine_until(e, all_summed_up, ENGINE_FAR_US);
	took = fantail_sim_now_us(e->sim) - began;
	engine_for(e, 1000000);
	cr_assert_eq(told.conns + told.others + told.answers, 0);
	cr_assert_eq(e->sums.disconnects, CLIENTS);
	cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_CONN_RECORDS), 0);
	/* one for each period in which some went */
	cr_assert_leq(told.summaries, took / PERIOD_US + 1);
	fprintf(stderr, "# %u disconnects in %llu us: %u SUMMARY records\n",
		CLIENTS, (unsigned long long)took, told.summaries);

	engine_control(e, FANTAIL_OP_NOP, 0, NULL)->flags =
		FANTAIL_FLAG_COLLECT;
	engine_ring(e);
	engine_until(e, answered, ENGINE_FAR_US);
	cr_assert(told.collected, "the answer is the last record");
	cr_assert_eq(told.conns, CLIENTS);
	for (i = 0; i < CLIENTS; i++) {
		cr_assert_eq(told.of[i], 1, "client %u: %u", i, told.of[i]);
		cr_assert_eq(e->client[i].events,
			     i & 1 ? FANTAIL_EV_RESET : FANTAIL_EV_PEER_FIN);
	}
	engine_for(e, 1000000);
	cr_assert_eq(told.conns, CLIENTS);
	cr_assert_eq(told.answers, 1);
	cr_assert_eq(e->sums.disconnects, CLIENTS);
	fprintf(stderr, "# %llu cycles\n",
		(unsigned long long)fantail_sim_cycles(e->sim));
	reset(e);
	engine_close(e);
}
