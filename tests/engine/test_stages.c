/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages count, beside what can be seen of them from outside: at the
 * ports, in records, in other counters.
 */
#include <criterion/criterion.h>

#include "engine.h"

enum {
	CLIENTS = CARD_CLIENTS(40),
	PAYLOADS = 10,
	BYTES = 1000,
	LINE = 64,
	LATE_US = 2000,
};

struct window {
	struct fantail_stages stages;
	struct fantail_sim_stats sim;
	struct fantail_sim_mac mac;
	uint64_t segments, acks;
};

static void look(struct engine *e, struct window *w)
{
	engine_for(e, 50000); /* the latest ACKs, and rest */
	w->segments = engine_count(e, FANTAIL_CNT_TX_SEGMENTS);
	w->acks = engine_count(e, FANTAIL_CNT_RX_SEGMENTS);
	fantail_sim_stats(e->sim, &w->sim);
	cr_assert_eq(fantail_dev_stages(e->dev, &w->stages), 0);
}

/* What one batch did. */
static struct window batch(struct engine *e, uint32_t payloads, uint32_t bytes)
{
	struct window a, b;
	uint32_t i;

	look(e, &a);
	fantail_sim_mac_begin(e->sim);
	for (i = 0; i < payloads; i++)
		engine_group(e, 7, bytes);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	look(e, &b);
	fantail_sim_mac(e->sim, &b.mac);
	fantail_stages_since(&b.stages, &a.stages);
	b.segments -= a.segments;
	b.acks -= a.acks;
	b.sim.pcie_read_bytes -= a.sim.pcie_read_bytes;
	b.sim.pcie_write_bytes -= a.sim.pcie_write_bytes;
	for (i = 0; i < FANTAIL_STAGE_COUNT; i++)
		cr_assert_leq(b.stages.busy[i] + b.stages.blocked[i],
			      b.stages.cycles, "%s", fantail_stage_name(i));
	return b;
}

static struct engine *start(struct engine_options *opt)
{
	struct engine *e = engine_open(opt);

	engine_connect_all(e);
	engine_join_all(e, 7);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	return e;
}

Test(stages, count_what_they_do)
{
	struct engine_options opt = { .clients = CLIENTS };
	struct engine *e = start(&opt);
	struct window w = batch(e, PAYLOADS, BYTES);
	const uint64_t *busy = w.stages.busy;

	cr_assert_eq(busy[FANTAIL_STAGE_FETCH], PAYLOADS);
	cr_assert_eq(busy[FANTAIL_STAGE_READ] * LINE, w.sim.pcie_read_bytes);
	cr_assert_geq(busy[FANTAIL_STAGE_LOG], PAYLOADS * BYTES / LINE);
	cr_assert_leq(busy[FANTAIL_STAGE_LOG], busy[FANTAIL_STAGE_READ]);
	cr_assert_geq(busy[FANTAIL_STAGE_FANOUT], CLIENTS);
	cr_assert_geq(busy[FANTAIL_STAGE_TRANSMIT], w.segments);
	cr_assert_geq(busy[FANTAIL_STAGE_GATHER], w.segments);
	cr_assert_geq(busy[FANTAIL_STAGE_ASSEMBLE],
		      PAYLOADS * CLIENTS * BYTES / LINE);
	cr_assert_eq(busy[FANTAIL_STAGE_HEADER], w.mac.beats);
	cr_assert_eq(busy[FANTAIL_STAGE_MAC], w.mac.beats);
	cr_assert_eq(w.stages.blocked[FANTAIL_STAGE_MAC], 0);
	cr_assert_geq(busy[FANTAIL_STAGE_RECEIVE], w.acks);
	cr_assert_geq(busy[FANTAIL_STAGE_ACK], w.acks);
	cr_assert_geq(busy[FANTAIL_STAGE_DELIVER], w.acks);
	cr_assert_geq(busy[FANTAIL_STAGE_STATUS], 1); /* BATCH */
	cr_assert_eq(busy[FANTAIL_STAGE_WRITE] * FANTAIL_RECORD_BYTES,
		     w.sim.pcie_write_bytes);
	engine_close(e);
}

/* A slow port holds up those before it, one after the other. */
Test(stages, blocked_by_the_mac)
{
	struct engine_options opt = { .clients = CLIENTS, .slow_mac = true };
	struct engine *e = start(&opt);
	struct window w = batch(e, PAYLOADS, BYTES);
	const uint64_t *blocked = w.stages.blocked;
	unsigned int i;

	cr_assert_eq(w.stages.busy[FANTAIL_STAGE_MAC], w.mac.beats);
	cr_assert_eq(blocked[FANTAIL_STAGE_MAC], w.mac.blocked);
	for (i = FANTAIL_STAGE_TRANSMIT; i <= FANTAIL_STAGE_MAC; i++)
		cr_assert_gt(blocked[i], w.mac.blocked / 2, "%s",
			     fantail_stage_name(i));
	engine_close(e);
}

/* A full log holds up what is fetched, and nobody behind it. */
Test(stages, blocked_by_a_full_log)
{
	struct engine_options opt = { .clients = 2, .peer_delay_us = LATE_US };
	struct engine *e = start(&opt);
	struct window w = batch(e, PAYLOADS, ENGINE_PAYLOAD);
	const uint64_t *blocked = w.stages.blocked;

	cr_assert_gt(blocked[FANTAIL_STAGE_LOG], 0);
	cr_assert_geq(blocked[FANTAIL_STAGE_FETCH], blocked[FANTAIL_STAGE_LOG]);
	cr_assert_eq(blocked[FANTAIL_STAGE_MAC], 0);
	engine_close(e);
}

Test(stages, have_names)
{
	unsigned int i;

	for (i = 0; i < FANTAIL_STAGE_COUNT; i++)
		cr_assert_not_null(fantail_stage_name(i));
	cr_assert_null(fantail_stage_name(i));
}
