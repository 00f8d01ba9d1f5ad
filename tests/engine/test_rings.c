/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A status ring of every size from the smallest, kept full for long by a host
 * that takes one record at a time: nothing is lost, everything gets on.
 */
#include <criterion/criterion.h>

#include "engine.h"
#include "queue.h"

enum {
	CLIENTS = 6,
	ROUNDS = 3,
	LOOK_AWAY = 20000, /* cycles */
	LOOK = 100,
};

static uint32_t taken; /* records */
static uint32_t queries;

static void count_record(struct engine *e, const union fantail_record *rec)
{
	(void)e;
	taken++;
	queries += rec->type == FANTAIL_REC_CONN &&
		   rec->conn.events & FANTAIL_EV_QUERY;
}

static void patient(void *ctx, uint32_t client, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)client;
	o->retries = 255;
}

static bool all_got(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].up_got != e->client[i].up_sent)
			return false;
	return engine_all_delivered(e);
}

/* Records that wait, the host having said what it has taken. */
static uint32_t waiting(struct engine *e)
{
	uint64_t tail;

	cr_assert_eq(fantail_doorbell_status(e->qp, false), 0);
	cr_assert_eq(fantail_sim_run(e->sim, LOOK), 0);
	cr_assert_eq(fantail_sim_bar_read(e->sim, 0,
					  FANTAIL_PAGE_BYTES +
						  FANTAIL_QP_STATUS_TAIL,
					  4, &tail),
		     0);
	return ((uint32_t)tail - taken) & FANTAIL_STATUS_TAIL_VALUE_MASK;
}

static void full_for_long(unsigned int status_log2)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.configure = patient,
		.record = count_record,
		.poll_most = 1,
		.qp = { .status_log2 = status_log2, .slot_count = 256 },
	};
	struct engine *e = engine_open(&opt);
	uint32_t size = 1u << status_log2, i, round, full, before, nops;
	uint64_t done;

	taken = queries = 0;
	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_drain(e);
	before = taken;
	for (round = 0; round < ROUNDS; round++) {
		done = e->batches_done;
		nops = size < 64 ? 4 * size : size + 64;
		for (i = 0; i < nops; i++) {
			if (i % size == 0)
				engine_group(e, 0, 400);
			engine_data(e, FANTAIL_OP_NOP, 0);
			engine_submit(e);
		}
		/* what finds no place comes again, later and later */
		for (i = 0; i < CLIENTS && i < size / 4; i++)
			engine_peer_send(e, i, 900 + 700 * round);
		queries = 0;
		for (i = 0; i < CLIENTS; i++)
			engine_control(e, FANTAIL_OP_CONN_QUERY,
				       e->client[i].handle, NULL);
		engine_ring(e);
		/* the host looks away, and nothing more is written */
		cr_assert_eq(fantail_sim_run(e->sim, LOOK_AWAY), 0);
		cr_assert_eq(waiting(e), size);
		cr_assert_eq(fantail_sim_run(e->sim, LOOK_AWAY), 0);
		cr_assert_eq(waiting(e), size);
		cr_assert_eq(e->batches_done, done);
		/* it takes one, and one more comes, and so on */
		for (full = 0; waiting(e) == size; full++)
			cr_assert_eq(engine_poll(e), 1);
		cr_assert_gt(full, nops - size - 8);
		engine_until(e, all_got, ENGINE_FAR_US);
		engine_for(e, 1000);
		cr_assert_eq(queries, CLIENTS);
	}
	cr_assert_gt(taken - before, 3 * size, "the ring has wrapped");
	cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_REFUSED_RECORDS), 0);
	engine_drain(e);
	engine_close(e);
}

#define SIZE(records, log2)            \
	Test(rings, records_##records) \
	{                              \
		full_for_long(log2);   \
	}

SIZE(4, 2)
SIZE(8, 3)
SIZE(16, 4)
SIZE(32, 5)
SIZE(64, 6)
SIZE(128, 7)
SIZE(256, 8)
SIZE(512, 9)
