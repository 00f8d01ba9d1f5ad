/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claim, counted: what a batch costs the host does not depend on the
 * number of receivers.
 */
#include <criterion/criterion.h>

#include "engine.h"

#define BATCHES	      10
#define CLASS_PAYLOAD 1 /* of the driver's "sim:" transport */
/* up to 63 bytes before and behind what is read in one go */
#define ROUNDING      126

struct cost {
	uint64_t doorbells, control_doorbells, batch_records, conn_records;
	uint64_t interrupts, read_bytes, link_read_bytes, log_peak, sent_bytes;
};

static void measure(struct engine *e, struct cost *c)
{
	struct fantail_sim_stats s;

	fantail_sim_stats(e->sim, &s);
	*c = (struct cost){
		engine_qp_count(e, FANTAIL_QPCNT_DATA_DOORBELLS),
		engine_qp_count(e, FANTAIL_QPCNT_CONTROL_DOORBELLS),
		engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS),
		engine_qp_count(e, FANTAIL_QPCNT_CONN_RECORDS),
		engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS),
		engine_count(e, FANTAIL_CNT_PAYLOAD_READ_BYTES),
		s.class_read_bytes[CLASS_PAYLOAD],
		engine_count(e, FANTAIL_CNT_LOG_PEAK),
		engine_count(e, FANTAIL_CNT_TX_PAYLOAD_BYTES),
	};
}

/* @batches of @payloads of @len to @clients; the next when all have it. */
static struct cost feed(uint32_t clients, uint32_t batches, uint32_t payloads,
			uint32_t len)
{
	struct engine_options opt = { .clients = clients };
	struct engine *e = engine_open(&opt);
	struct cost a, b;
	uint32_t i, k;

	engine_connect_all(e);
	engine_join_all(e, 7);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	measure(e, &a);
	for (i = 0; i < batches; i++) {
		for (k = 0; k < payloads; k++)
			engine_group(e, 7, len);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
		cr_assert_eq(e->last_batch.entries, payloads);
		cr_assert_eq(e->last_batch.payloads, payloads);
		cr_assert_eq(e->last_batch.reached, payloads * clients);
		cr_assert_eq(e->last_batch.skipped, 0);
		cr_assert_eq(e->last_batch.bytes, payloads * len);
		engine_for(e, 50000); /* the latest ACKs */
	}
	measure(e, &b);
	b.doorbells -= a.doorbells;
	b.control_doorbells -= a.control_doorbells;
	b.batch_records -= a.batch_records;
	b.conn_records -= a.conn_records;
	b.interrupts -= a.interrupts;
	b.read_bytes -= a.read_bytes;
	b.link_read_bytes -= a.link_read_bytes;
	b.sent_bytes -= a.sent_bytes;

	cr_assert_eq(b.doorbells, batches);
	cr_assert_eq(b.control_doorbells, 0);
	cr_assert_eq(b.batch_records, batches);
	cr_assert_eq(b.conn_records, 0);
	cr_assert_geq(b.interrupts, 1);
	cr_assert_leq(b.interrupts, batches);
	cr_assert_eq(b.read_bytes, b.link_read_bytes);
	cr_assert_geq(b.read_bytes, e->payload_bytes);
	cr_assert_leq(b.read_bytes,
		      e->payload_bytes + ROUNDING * (batches + e->wraps));
	cr_assert_eq(b.sent_bytes, e->payload_bytes * clients);
	cr_assert_eq(e->conn_records, 0);
	engine_close(e);
	return b;
}

Test(claim, small_batches)
{
	struct cost few =
		feed(CARD_MIN(20, CARD_CONNECTIONS / 2), BATCHES, 10, 140);
	struct cost many = feed(CARD_CLIENTS(200), BATCHES, 10, 140);

	cr_assert_eq(few.read_bytes, many.read_bytes);
	/* held once, and only until acknowledged */
	cr_assert_eq(few.log_peak, 1400);
	cr_assert_eq(many.log_peak, 1400);
}

Test(claim, large_batches)
{
	struct cost few = feed(CARD_MIN(20, CARD_CONNECTIONS / 2), 2, 55, 1001);
	struct cost many = feed(CARD_CLIENTS(200), 2, 55, 1001);

	cr_assert_eq(few.read_bytes, many.read_bytes);
	cr_assert_leq(few.log_peak, 55 * 1001);
	cr_assert_leq(many.log_peak, 55 * 1001);
}

/* Nobody listens: read once all the same, and forgotten. */
Test(claim, one_odd_payload_each)
{
	struct engine_options opt = { .clients = 3 };
	struct engine *e = engine_open(&opt);
	uint64_t before = 0, after, i;

	engine_connect_all(e);
	engine_join_all(e, 1);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	for (i = 0; i < 64; i++) {
		engine_group(e, 1, 1 + (uint32_t)i);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
		after = engine_count(e, FANTAIL_CNT_PAYLOAD_READ_BYTES);
		cr_assert_eq((after - before) % 64, 0);
		cr_assert_leq(after - before, 128);
		cr_assert_geq(after - before, 64);
		before = after;
	}
	engine_drain(e);
	engine_close(e);
}
