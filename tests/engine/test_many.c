/* SPDX-License-Identifier: Apache-2.0 */
/* model: default, sanitizers: no */
/* A thousand clients, on the engine of `make run`. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "fanout.h"
#include "transport.h"

enum {
	CLIENTS = 1000,
	PAYLOADS = 10,
	LEN = 100,
};

/* Data segments on the wire. */
static uint32_t segments;

static void count(struct engine *e, const struct engine_segment *s,
		  struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	segments += !s->to_card && s->len;
}

static struct engine *start(void)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.seed = engine_seed(43),
		.segment = count,
		.dense_ids = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	cr_assert_eq(fantail_sim_fanout_open(e->sim, CLIENTS, 0), 0);
	for (i = 0; i < CLIENTS; i++)
		cr_assert_eq(
			fantail_sim_fanout_join(e->sim, i, ENGINE_PEER_IP + i,
						e->client[i].port, ENGINE_PORT),
			0);
	segments = 0;
	return e;
}

static struct fantail_fanout_result result(struct engine *e)
{
	struct fantail_fanout_result r;

	cr_assert_eq(fantail_sim_fanout_result(e->sim, &r), 0);
	cr_assert_eq(r.left, r.batches);
	cr_assert_eq(r.acked, r.batches);
	cr_assert_eq(r.stray_bytes, 0);
	cr_assert_eq(r.members, CLIENTS);
	fprintf(stderr,
		"# cycles from the doorbell, median: first %llu, last %llu, "
		"acknowledged %llu; mean places %.3f to %.3f\n",
		(unsigned long long)r.first_cycles.median,
		(unsigned long long)r.last_cycles.median,
		(unsigned long long)r.acked_cycles.median, r.place_mean_min,
		r.place_mean_max);
	return r;
}

/* Each takes its own random half of ten payloads: about 500,000 bytes. */
Test(many, half_of_each_batch, .timeout = 110)
{
	enum {
		BATCHES = 4
	};
	struct engine *e = start();
	uint32_t who[CLIENTS], bytes[CLIENTS], b, i, k, n, reached, before;
	uint64_t doorbells, records;

	for (b = 0; b < BATCHES; b++) {
		memset(bytes, 0, sizeof(bytes));
		before = segments;
		doorbells = engine_qp_count(e, FANTAIL_QPCNT_DATA_DOORBELLS);
		records = engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS);
		for (k = 0, reached = 0; k < PAYLOADS; k++) {
			for (i = 0, n = 0; i < CLIENTS; i++) {
				if (!engine_random(e, 2))
					continue;
				who[n++] = i;
				bytes[i] += LEN;
			}
			engine_list(e, who, n, LEN);
			reached += n;
		}
		cr_assert_eq(fantail_sim_fanout_batch(e->sim, bytes, 0), 0);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
		fprintf(stderr, "# %u deliveries in %u segments\n", reached,
			segments - before);
		cr_assert_eq(e->last_batch.reached, reached);
		cr_assert_eq(e->last_batch.skipped, 0);
		cr_assert_leq(segments - before, CLIENTS * 11 / 10);
		cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_DATA_DOORBELLS) -
				     doorbells,
			     1);
		cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS) -
				     records,
			     1);
	}
	/* who got none of ten is one in a thousand */
	cr_assert_geq(segments, BATCHES * CLIENTS * 98 / 100);
	cr_assert_eq(e->conn_records, 0);
	engine_drain(e);
	result(e);
	engine_close(e);
}

Test(many, nobody_is_early_or_late, .timeout = 110)
{
	enum {
		BATCHES = 20
	};
	struct fantail_fanout_result r;
	struct engine *e = start();
	uint32_t b, k;

	for (b = 0; b < BATCHES; b++) {
		for (k = 0; k < PAYLOADS; k++)
			engine_group(e, 0, LEN);
		cr_assert_eq(
			fantail_sim_fanout_batch(e->sim, NULL, PAYLOADS * LEN),
			0);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	}
	engine_drain(e);
	r = result(e);
	cr_assert_eq(r.batches, BATCHES);
	cr_assert_geq(r.place_mean_min, 0.45);
	cr_assert_leq(r.place_mean_max, 0.55);
	cr_assert_eq(segments, BATCHES * CLIENTS);
	engine_close(e);
}

/* ------------------------------------------------- larger than the log */

static uint32_t got[CLIENTS];
static bool wrong;

/* Client i gets the table from byte i on. */
static void check_bytes(struct engine *e, uint32_t client, const uint8_t *bytes,
			size_t len)
{
	(void)e;
	wrong |= memcmp(bytes, engine_table + client + got[client], len) != 0;
	got[client] += (uint32_t)len;
}

/* 1,400 bytes to each, limits of 64 KiB: nobody is aborted for our backlog. */
Test(many, a_batch_larger_than_the_log, .timeout = 110)
{
	enum {
		BYTES = 1400
	};
	struct engine_options opt = {
		.clients = CLIENTS,
		.data = check_bytes,
		.dense_ids = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	cr_assert_gt(CLIENTS * BYTES, fantail_dev_limits(e->dev)->log_bytes);
	engine_connect_all(e);
	/* one copy of the bytes for all: the fixture's arena is smaller */
	memcpy(e->arena.va, engine_table, CLIENTS + BYTES);
	for (i = 0; i < CLIENTS; i++) {
		struct fantail_entry *entry =
			engine_data(e, FANTAIL_OP_PUBLISH, e->client[i].handle);

		entry->addr = e->arena.iova + i;
		entry->len = BYTES;
		e->batch_payloads++;
		e->client[i].sent += BYTES;
	}
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(e->batches_done, 1);
	cr_assert_eq(e->last_batch.reached, CLIENTS);
	cr_assert_eq(e->last_batch.skipped, 0);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	for (i = 0; i < CLIENTS; i++)
		cr_assert_eq(got[i], BYTES);
	cr_assert_not(wrong);
	engine_close(e);
}
