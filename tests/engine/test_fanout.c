/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which clients get a batch, and how long it takes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "fanout.h"

enum {
	CLIENTS = CARD_CLIENTS(200),
	BATCHES = 20,
};

static void no_options(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->timestamps = false;
}

/* Clients [from, to) are in group 0 and metered. */
static struct engine *start(bool dense, uint32_t from, uint32_t to)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.seed = engine_seed(5),
		.configure = no_options,
		.dense_ids = dense,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	engine_connect_all(e);
	for (i = from; i < to; i++)
		engine_join(e, i, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	cr_assert_eq(fantail_sim_fanout_open(e->sim, CLIENTS, 0), 0);
	for (i = from; i < to; i++)
		cr_assert_eq(
			fantail_sim_fanout_join(e->sim, i, ENGINE_PEER_IP + i,
						e->client[i].port, ENGINE_PORT),
			0);
	return e;
}

/* One after the other, so that each batch has an order of its own. */
static void publish(struct engine *e, uint32_t payloads, uint32_t len)
{
	uint32_t b, k;

	for (b = 0; b < BATCHES; b++) {
		for (k = 0; k < payloads; k++)
			engine_group(e, 0, len);
		cr_assert_eq(
			fantail_sim_fanout_batch(e->sim, NULL, payloads * len),
			0);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	}
	engine_drain(e);
}

static struct fantail_fanout_result result(struct engine *e)
{
	struct fantail_fanout_result r;

	cr_assert_eq(fantail_sim_fanout_result(e->sim, &r), 0);
	fprintf(stderr,
		"# mean places %.3f to %.3f of %u, first %llu, last %llu, "
		"acked %llu cycles\n",
		r.place_mean_min, r.place_mean_max, r.members,
		(unsigned long long)r.first_cycles.max,
		(unsigned long long)r.last_cycles.max,
		(unsigned long long)r.acked_cycles.max);
	return r;
}

/* Within a tenth of the middle. */
static void expect_fair(struct engine *e, uint32_t members)
{
	struct fantail_fanout_result r = result(e);

	cr_assert_eq(r.batches, BATCHES);
	cr_assert_eq(r.left, BATCHES);
	cr_assert_eq(r.acked, BATCHES);
	cr_assert_eq(r.stray_bytes, 0);
	cr_assert_eq(r.members, members);
	cr_assert_geq(r.place_mean_min, 0.45);
	cr_assert_leq(r.place_mean_max, 0.55);
}

Test(fanout, nobody_is_early_or_late)
{
	struct engine *e = start(true, 0, CLIENTS);

	publish(e, 10, 100);
	expect_fair(e, CLIENTS);
	engine_close(e);
}

/* Ids are far apart: no member is first for all those that are missing. */
Test(fanout, nor_with_a_gap_among_the_ids)
{
	struct engine *e = start(false, 0, CLIENTS);

	publish(e, 1, 100);
	expect_fair(e, CLIENTS);
	engine_close(e);
}

/* However many lists a batch has: they have one order. */
Test(fanout, nor_in_lists)
{
	static const uint32_t payloads[] = { 1, 10, 21 };
	uint32_t who[CLIENTS], b, i, k;

	for (i = 0; i < CLIENTS; i++)
		who[i] = i;
	for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		struct engine *e = start(true, 0, CLIENTS);

		for (b = 0; b < BATCHES; b++) {
			for (k = 0; k < payloads[i]; k++)
				engine_list(e, who, CLIENTS, 50);
			cr_assert_eq(fantail_sim_fanout_batch(e->sim, NULL,
							      payloads[i] * 50),
				     0);
			engine_submit(e);
			engine_until(e, engine_all_delivered, ENGINE_FAR_US);
		}
		engine_drain(e);
		expect_fair(e, CLIENTS);
		engine_close(e);
	}
}

Test(fanout, nor_in_a_group_of_a_few)
{
	struct engine *e;

	CARD_NEEDS(CARD_CONNECTIONS >= 180);
	e = start(true, 150, 180);
	publish(e, 1, 100);
	expect_fair(e, 30);
	engine_close(e);
}
