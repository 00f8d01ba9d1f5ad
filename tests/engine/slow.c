/* SPDX-License-Identifier: Apache-2.0 */
#include "slow.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "policy.h"

#define SLOW	 77
#define MESSAGES 256
#define MESSAGE	 4096
#define LOGS	 16

/* When each has had its last byte, from the first message on. */
static void feed(uint32_t fleet, uint32_t policy, bool stop, uint64_t *took_us)
{
	struct engine *e = policy_start(fleet, policy, 0);
	uint64_t begin;
	uint32_t i;

	if (stop)
		policy_pause(SLOW);
	begin = fantail_sim_now_us(e->sim);
	for (i = 0; i < MESSAGES; i++) {
		policy_group(MESSAGE);
		if (i % 4 == 3)
			engine_submit(e);
	}
	policy_drain();
	cr_assert_geq(e->payload_bytes, LOGS * ENGINE_LOG);
	for (i = 0; i < fleet; i++)
		took_us[i] = policy_test.stream[i].last_us - begin;
}

static void check_served(uint32_t i)
{
	struct policy_stream *s = &policy_test.stream[i];

	cr_assert(policy_alive(i));
	cr_assert_eq(s->messages, MESSAGES);
	cr_assert_eq(s->lagging + s->writable + s->skipped, 0);
}

/* The others' times change by less than 1 %, even without PIN_US. */
void slow_closed_window(uint32_t fleet, uint32_t policy, uint8_t cause)
{
	static uint64_t alone[ENGINE_MOST], beside[ENGINE_MOST];
	const struct engine_client *c;
	uint64_t worst = 0;
	uint32_t i;

	/* a fleet of equals loses nobody, with limits as they are */
	feed(fleet, policy, false, alone);
	for (i = 0; i < fleet; i++)
		check_served(i);
	policy_close();

	feed(fleet, policy, true, beside);
	c = &policy_test.e->client[SLOW];
	cr_assert(c->events & FANTAIL_EV_OVERRUN);
	cr_assert_eq(c->cause, cause, "cause %u", c->cause);
	cr_assert_eq(policy_test.stream[SLOW].lagging,
		     policy == FANTAIL_POLICY_REPORT);
	cr_assert_eq(engine_count(policy_test.e, FANTAIL_CNT_LAG_ABORTS), 1);
	for (i = 0; i < fleet; i++) {
		uint64_t more = beside[i] > alone[i] ? beside[i] - alone[i]
						     : alone[i] - beside[i];

		if (i == SLOW)
			continue;
		check_served(i);
		cr_assert_lt(100 * more, alone[i], "client %u: %llu, %llu us",
			     i, (unsigned long long)alone[i],
			     (unsigned long long)beside[i]);
		if (1000000 * more / alone[i] > worst)
			worst = 1000000 * more / alone[i];
	}
	fprintf(stderr,
		"# %u receivers, %llu us, changed by at most %llu ppm\n", fleet,
		(unsigned long long)alone[0], (unsigned long long)worst);
	policy_close();
}

void slow_half_the_rate(uint32_t fleet)
{
	struct engine *e =
		policy_start(fleet, FANTAIL_POLICY_SKIP, ENGINE_LOG / 8);
	struct policy_stream *s = &policy_test.stream[SLOW];
	uint32_t i;

	policy_pause(SLOW);
	for (i = 0; i < MESSAGES; i++) {
		policy_group(MESSAGE);
		engine_submit(e);
		engine_for(e, fleet / 2);
		policy_consume(SLOW, MESSAGE / 2);
	}
	cr_assert(policy_alive(SLOW));
	policy_resume(SLOW);
	policy_drain();
	for (i = 0; i < fleet; i++)
		if (i != SLOW)
			check_served(i);
	cr_assert(policy_alive(SLOW));
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	cr_assert_gt(s->messages, MESSAGES / 3);
	cr_assert_gt(s->gaps, MESSAGES / 4);
	cr_assert_gt(s->skipped, 5);
	/* and that it holds whole messages only */
	policy_close();
}

void slow_large_batch(uint32_t fleet)
{
	struct engine *e = policy_start(fleet, FANTAIL_POLICY_ABORT, 0);
	uint32_t batches = e->batches_done, i;

	for (i = 0; i < fleet; i++)
		policy_unicast(i, 1400);
	engine_submit(e);
	policy_drain();
	cr_assert_gt(fleet * 1400, 4 * ENGINE_LOG);
	cr_assert_eq(e->batches_done, batches + 1);
	cr_assert_eq(e->last_batch.payloads, fleet);
	cr_assert_eq(e->last_batch.reached, fleet);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	for (i = 0; i < fleet; i++)
		cr_assert_eq(policy_test.stream[i].messages, 1);
	policy_close();
}

void slow_accept_and_abort(uint32_t fleet)
{
	struct engine *e =
		policy_start(fleet, FANTAIL_POLICY_ABORT, ENGINE_LOG);
	const uint32_t in_the_way = 4, comes = 9;
	uint64_t before;
	uint32_t i;

	cr_assert_eq(
		fantail_dev_write32(e->dev, FANTAIL_REG_PIN_LIMIT, ENGINE_LOG),
		0);
	cr_assert_eq(fantail_dev_write32(e->dev, FANTAIL_REG_PIN_US, 10000000),
		     0);
	/* its place is free again */
	engine_abort(e, comes);
	engine_for(e, 1000);
	engine_release(e, comes);
	policy_pause(in_the_way);
	for (i = 0; i < 40; i++) {
		policy_group(MESSAGE);
		engine_submit(e);
	}
	engine_for(e, 200000);
	cr_assert_lt(e->batches_done, e->batches - 20);
	before = e->batches_done;
	engine_connect(e, comes);
	engine_for(e, 200000);
	cr_assert(policy_alive(comes), "accepted");
	cr_assert_eq(e->batches_done, before, "still waiting");
	engine_abort(e, in_the_way);
	engine_until(e, engine_batches_done, 1000000);
	cr_assert(e->client[in_the_way].events & FANTAIL_EV_ABORTED);
	engine_join(e, comes, 0);
	policy_test.wanted[comes] = 0;
	policy_test.stream[comes].next = policy_test.messages;
	policy_test.stream[comes].messages = 0;
	policy_group(MESSAGE);
	engine_submit(e);
	policy_drain();
	cr_assert_eq(policy_test.stream[comes].messages, 1);
	for (i = 0; i < e->clients; i++)
		if (i != in_the_way && i != comes)
			cr_assert_eq(policy_test.stream[i].messages, 41);
	policy_close();
}
