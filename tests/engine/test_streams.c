/* SPDX-License-Identifier: Apache-2.0 */
/* Every client receives every byte, whatever the sizes, options and windows. */
#include <criterion/criterion.h>

#include "engine.h"

#define EXTENTS	    16 /* of a connection of the test engine */
#define WRAPS	    (CARD_SCALE > 16 ? 2ull : 20ull)
#define ACK_LATE_US 45000 /* longer than any peer delays an ACK */

static void publish_batch(struct engine *e, uint32_t groups, uint32_t most)
{
	uint32_t n = 1 + engine_random(e, EXTENTS - 2), len;

	while (n--) {
		len = 1 + engine_random(e, engine_random(e, 4) ? 400 : most);
		if (engine_random(e, 2))
			engine_group(e, engine_random(e, groups), len);
		else
			engine_unicast(e, engine_random(e, e->clients), len);
	}
	engine_submit(e);
}

/* Publish until the log has wrapped often; no batch needs more extents than
 * there are. */
static void wrap_log(struct engine *e, uint32_t groups, uint32_t most)
{
	while (e->payload_bytes < WRAPS * ENGINE_LOG) {
		publish_batch(e, groups, most);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
		engine_for(e, ACK_LATE_US);
	}
	engine_drain(e);
}

static void check_clean(struct engine *e)
{
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_REFUSALS), 0);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_DMA_READ_FAULTS), 0);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_PAYLOAD_BYTES),
		     e->payload_bytes);
	cr_assert_leq(engine_count(e, FANTAIL_CNT_LOG_PEAK), ENGINE_LOG);
	engine_close(e);
}

static void all_kinds(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	static const uint16_t mss[] = { 1460, 536, 64, 777, 0, 200, 1461, 76 };

	(void)ctx;
	o->mss = mss[n % 8];
	o->timestamps = n & 1;
	o->wscale = n % 3 == 0 ? -1 : n % 3 == 1 ? 0 : 9;
	o->ack_every = (uint8_t)(1 + n % 4);
}

/*
 * Groups that overlap and single clients in one batch: streams of many
 * extents, which wrap their ring of 16, over a log that wraps 20 times; the
 * sequence numbers of most pass 2^32 on the way.
 */
static uint32_t before_the_wrap(struct engine *e, uint32_t client)
{
	return 0u - 1 - client * client * 300 - engine_random(e, 3000);
}

static void join_some(struct engine *e, uint32_t groups)
{
	uint32_t g, i;

	for (g = 0; g < groups; g++)
		for (i = 0; i < e->clients; i++)
			if (g == 0 || engine_random(e, 3))
				engine_join(e, i, g);
}

Test(streams, mixed_targets)
{
	struct engine_options opt = {
		.clients = 16,
		.configure = all_kinds,
		.isn = before_the_wrap,
		.seed = engine_seed(11),
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	join_some(e, 3);
	wrap_log(e, 3, 3000 * CARD_SCALE);
	check_clean(e);
}

/* All pass 2^32 within one batch to all, each somewhere else in it. */
static uint32_t within_the_batch(struct engine *e, uint32_t client)
{
	return 0u - 1 - client % (e->clients / 2) * 97;
}

Test(streams, sequence_numbers_wrap_in_a_fan_out)
{
	struct engine_options opt = {
		.clients = CARD_CLIENTS(100),
		.configure = all_kinds,
		.isn = within_the_batch,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 1);
	engine_submit(e);
	engine_drain(e);
	engine_group(e, 1, 3000);
	engine_group(e, 1, 2500);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	engine_drain(e);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_TX_RETRANSMITS), 0);
	check_clean(e);
}

/* Any size up to the largest, as fast as the log takes them. */
static bool few_batches(struct engine *e)
{
	return e->batches - e->batches_done < 6;
}

Test(streams, large_payloads)
{
	struct engine_options opt = {
		.clients = 10,
		.configure = all_kinds,
		.isn = before_the_wrap,
		.seed = engine_seed(12),
	};
	struct engine *e = engine_open(&opt);
	uint32_t k;

	engine_connect_all(e);
	engine_join_all(e, 9);
	cr_assert_eq(
		fantail_dev_write32(e->dev, FANTAIL_REG_PIN_LIMIT, ENGINE_LOG),
		0);
	engine_group(e, 9, ENGINE_PAYLOAD);
	for (k = 0; e->payload_bytes < WRAPS * ENGINE_LOG; k++) {
		engine_group(e, 9, 1 + engine_random(e, ENGINE_PAYLOAD));
		if (k % 3)
			engine_group(e, 9, 1 + engine_random(e, 200));
		engine_submit(e);
		engine_until(e, few_batches, ENGINE_FAR_US);
	}
	engine_drain(e);
	check_clean(e);
}
