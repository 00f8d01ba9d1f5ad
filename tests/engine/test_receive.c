/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from peers, and a host that is slow to take it. */
#include <criterion/criterion.h>

#include "engine.h"

static bool all_up_got(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].up_got != e->client[i].up_sent)
			return false;
	return engine_all_delivered(e);
}

/*
 * Strangers' frames may take a quarter of the status ring: of the SYNs that
 * come while the host sleeps the rest is dropped and counted. Nobody is lost,
 * for peers try again.
 */
Test(receive, frames_hold_a_quarter_of_the_records)
{
	struct engine_options opt = {
		.clients = 14,
		.qp = { .status_log2 = 5 },
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		engine_connect(e, i);
	cr_assert_eq(fantail_sim_run(e->sim, 100000), 0);
	cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_FRAME_RECORDS), 8);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_TO_HOST), 8);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_DROP_NO_SLOT), 6);
	engine_until(e, engine_all_up, ENGINE_FAR_US);
	engine_close(e);
}

/* One interrupt, one poll, one record each. */
Test(receive, reads_of_many_in_one_poll)
{
	struct engine_options opt = {
		.clients = CARD_CLIENTS(200),
		.qp = { .slot_count = 1024, .mod_count = 1000, .mod_us = 100 },
	};
	struct engine *e = engine_open(&opt);
	union fantail_record recs[512];
	uint64_t interrupts;
	uint32_t i, seen[ENGINE_CLIENTS] = { 0 };
	uint32_t data = 0;
	int n, k;

	engine_connect_all(e);
	engine_for(e, 10000);
	interrupts = engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS);
	cr_assert_eq(fantail_qp_arm(e->qp), 0);
	for (i = 0; i < e->clients; i++)
		engine_peer_send(e, i, 100);
	cr_assert_eq(fantail_sim_run(e->sim, 100000), 0);
	n = fantail_qp_poll(e->qp, recs, 512);
	for (k = 0; k < n; k++) {
		if (recs[k].type != FANTAIL_REC_DATA)
			continue;
		seen[recs[k].data.handle & FANTAIL_HANDLE_ID_MASK]++;
		cr_assert_eq(recs[k].data.length, 100);
		data++;
	}
	cr_assert_eq(data, e->clients);
	for (i = 0; i < e->clients; i++)
		cr_assert_eq(seen[e->client[i].id], 1);
	cr_assert_leq(engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS),
		      interrupts + 1);
	engine_close(e);
}

/* A ring of eight records, and a host that looks away again and again. */
Test(receive, a_full_status_ring_loses_nothing)
{
	struct engine_options opt = {
		.clients = 12,
		.qp = { .status_log2 = 3, .slot_count = 256 },
	};
	struct engine *e = engine_open(&opt);
	uint64_t written;
	uint32_t i, k, done;

	/* of their frames two have room */
	for (i = 0; i < e->clients; i++) {
		engine_connect(e, i);
		engine_for(e, 200);
	}
	engine_until(e, engine_all_up, ENGINE_FAR_US);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	for (k = 0; k < 2; k++) {
		done = e->batches_done;
		written = engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS);
		for (i = 0; i < e->clients; i++)
			engine_peer_send(e, i, 300 + 300 * k);
		for (i = 0; i < 12; i++) {
			engine_group(e, 0, 100);
			engine_submit(e);
		}
		/* BATCH records wait for room, and the ring with them */
		cr_assert_eq(fantail_sim_run(e->sim, 200000), 0);
		cr_assert_eq(e->batches_done, done);
		cr_assert_leq(engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS),
			      written + 8);
		engine_until(e, all_up_got, ENGINE_FAR_US);
		cr_assert_eq(e->batches_done, done + 12);
	}
	engine_drain(e);
	engine_close(e);
}

static void credit_of_5000(struct engine *e, uint32_t client,
			   struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->rcv_credit = 5000;
}

/* In any order, over many entries, while more comes. */
static void return_shuffled(struct engine *e)
{
	uint32_t i, k;
	uint16_t slot;

	for (i = e->kept_count; i > 1; i--) {
		k = engine_random(e, i);
		slot = e->kept[i - 1];
		e->kept[i - 1] = e->kept[k];
		e->kept[k] = slot;
	}
	engine_return_kept(e);
}

/* A peer fills the credit it was granted, and waits for what is returned. */
Test(receive, the_window_is_the_credit)
{
	struct engine_options opt = {
		.clients = 6,
		.context = credit_of_5000,
		.keep_slots = true,
	};
	struct engine *e = engine_open(&opt);
	uint64_t end, before[6] = { 0 };
	uint32_t i, rounds = 0;

	engine_connect_all(e);
	for (i = 0; i < e->clients; i++)
		engine_peer_send(e, i, 40000);
	engine_for(e, 100000);
	for (i = 0; i < e->clients; i++) {
		cr_assert_leq(e->client[i].up_got, 5000);
		cr_assert_gt(e->client[i].up_got, 5000 - 1460);
	}
	end = fantail_sim_now_us(e->sim) + ENGINE_FAR_US;
	while (!all_up_got(e)) {
		cr_assert_lt(fantail_sim_now_us(e->sim), end);
		for (i = 0; i < e->clients; i++)
			before[i] = e->client[i].up_got;
		return_shuffled(e);
		engine_for(e, 300000);
		for (i = 0; i < e->clients; i++)
			cr_assert_leq(e->client[i].up_got, before[i] + 5000,
				      "more than was returned");
		rounds++;
	}
	cr_assert_geq(rounds, 7);
	cr_assert_eq(e->kept_count > 0, true);
	return_shuffled(e);
	engine_for(e, 1000);
	cr_assert_eq(fantail_slots_held(e->qp), 0);
	engine_close(e);
}
