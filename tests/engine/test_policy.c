/* SPDX-License-Identifier: Apache-2.0 */
/* What each lag policy does, step by step. */
#include <criterion/criterion.h>

#include "policy.h"

#define SLOW	2
#define CLIENTS 6
#define LIMIT	20000

static struct policy_stream *slow(void)
{
	return &policy_test.stream[SLOW];
}

static uint16_t events(void)
{
	return policy_test.e->client[SLOW].events & (uint16_t)~FANTAIL_EV_QUERY;
}

/* Its share of @messages of 1,000 bytes, more than it has buffer for. */
static void stop_after(uint32_t policy, uint32_t messages)
{
	policy_start(CLIENTS, policy, LIMIT);
	policy_pause(SLOW);
	policy_feed(messages, 1000);
}

static void check_others(void)
{
	uint32_t i;

	for (i = 0; i < CLIENTS; i++) {
		struct policy_stream *s = &policy_test.stream[i];

		if (i == SLOW)
			continue;
		cr_assert(policy_alive(i));
		cr_assert_eq(s->lagging + s->writable + s->skipped, 0);
		cr_assert_eq(s->messages, policy_test.wanted[i]);
	}
}

/* It has taken 11,584 bytes: 31 messages are a lag of less than the limit. */
Test(policy, report_once_above_and_once_below_half)
{
	uint32_t k;

	stop_after(FANTAIL_POLICY_REPORT, 31);
	cr_assert_eq(events(), 0);
	for (k = 1; k <= 3; k++) {
		policy_feed(3, 1000);
		cr_assert_eq(slow()->lagging, k);
		cr_assert_eq(slow()->writable, k - 1);
		policy_feed(2, 1000);
		cr_assert_eq(slow()->lagging, k, "once is enough");
		/* from 24,416 to 12,832: between half and the limit */
		policy_consume(SLOW, 8 * POLICY_SEGMENT);
		engine_for(policy_test.e, 300000);
		cr_assert_eq(slow()->writable, k - 1, "not yet below half");
		policy_consume(SLOW, 2 * POLICY_SEGMENT);
		engine_for(policy_test.e, 300000);
		cr_assert_eq(slow()->writable, k);
		cr_assert_eq(slow()->lagging, k);
		/* 14,480 bytes were consumed, and so many are fed */
		if (k == 3)
			break;
		policy_feed(9, 1000);
		policy_feed(1, 480);
		cr_assert_eq(slow()->lagging, k);
	}
	cr_assert_eq(events(), FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE);
	policy_resume(SLOW);
	check_others();
	cr_assert_eq(slow()->gaps, 0);
	policy_close();
}

Test(policy, skip_leaves_out_whole_messages)
{
	uint32_t missing;

	stop_after(FANTAIL_POLICY_SKIP, 31);
	cr_assert_eq(events(), 0);
	/* 32,000 - 11,584 is above; what is fed then is left out */
	policy_feed(1, 1000);
	cr_assert_eq(slow()->skipped, 0);
	policy_feed(10, 1000);
	cr_assert_eq(slow()->skipped, 10, "each was a batch of its own");
	policy_resume(SLOW);
	policy_drain();
	cr_assert_eq(slow()->messages, 32);
	missing = policy_test.e->client[SLOW].last.skipped;
	cr_assert_eq(missing, 10);
	policy_feed(5, 1000);
	cr_assert_eq(slow()->gaps, 10);
	cr_assert_eq(slow()->messages, 37);
	cr_assert_eq(slow()->skipped, 10);
	cr_assert_eq(events(), FANTAIL_EV_SKIPPED);
	check_others();
	policy_close();
}

/* Payloads that share a walk share its fate. */
Test(policy, skip_leaves_out_a_merged_walk_whole)
{
	uint32_t i;

	stop_after(FANTAIL_POLICY_SKIP, 32);
	for (i = 0; i < 10; i++)
		policy_group(700);
	engine_submit(policy_test.e);
	engine_until(policy_test.e, engine_batches_done, ENGINE_FAR_US);
	cr_assert_eq(policy_test.e->last_batch.skipped, 10);
	cr_assert_eq(policy_test.e->last_batch.reached, 10 * (CLIENTS - 1));
	engine_for(policy_test.e, 1000);
	cr_assert_geq(slow()->skipped, 1);
	policy_resume(SLOW);
	policy_drain();
	cr_assert_eq(policy_test.e->client[SLOW].last.skipped, 10);
	check_others();
	policy_close();
}

/* Lists in a random order, of which some name the one that has stopped. */
Test(policy, skip_in_target_lists)
{
	struct engine *e = policy_start(CLIENTS, FANTAIL_POLICY_SKIP, LIMIT);
	uint32_t who[CLIENTS] = { 0 }, named = 0, left_out = 0, n, i, k, m;

	policy_pause(SLOW);
	for (k = 0; k < 120; k++) {
		for (i = 0, n = 0; i < CLIENTS; i++) {
			if (i != SLOW && engine_random(e, 4) == 0)
				continue;
			m = engine_random(e, n + 1);
			who[n++] = who[m];
			who[m] = i;
		}
		/* two payloads to one list are two walks */
		policy_list(who, n, 500);
		policy_list(who, n, 300);
		named += 2;
		engine_submit(e);
		engine_until(e, engine_batches_done, ENGINE_FAR_US);
		cr_assert_eq(e->last_batch.reached + e->last_batch.skipped,
			     2 * n);
		left_out += e->last_batch.skipped;
		engine_for(e, 50000);
		/* slower than it is fed, and so above the limit in turns */
		policy_consume(SLOW, 400);
	}
	cr_assert(policy_alive(SLOW));
	policy_resume(SLOW);
	policy_drain();
	cr_assert_eq(e->client[SLOW].last.skipped, left_out);
	cr_assert_eq(slow()->messages, named - left_out);
	cr_assert_gt(left_out, named / 8);
	cr_assert_lt(left_out, named * 3 / 4);
	check_others();
	policy_close();
}

/* ------------------------------------------------------------ what lag is */

/* A place in the log that somebody waits for is not one acknowledged. */
Test(policy, what_nobody_has_acknowledged_is_no_lag)
{
	struct engine *e = policy_start(CLIENTS, FANTAIL_POLICY_REPORT, LIMIT);

	policy_pause(SLOW);
	policy_pause(4);
	policy_pause(5);
	policy_feed(11, 1000);
	policy_feed(1, POLICY_BUFFER - 11000);
	engine_leave(e, 4, 0);
	engine_leave(e, 5, 0);
	policy_feed(19, 1000);
	policy_feed(1, 416);
	/* a lag of 19,416; these would make it 21,416 */
	policy_unicast(4, 2000);
	policy_unicast(5, 1000);
	engine_submit(e);
	engine_for(e, 100000);
	cr_assert_eq(events(), 0);
	policy_feed(1, 1000);
	cr_assert_eq(slow()->lagging, 1);
	policy_resume(SLOW);
	policy_resume(4);
	policy_resume(5);
	policy_drain();
	check_others();
	policy_close();
}

/* One delays the ACK of its only segment, the other has 24 KB meanwhile. */
Test(policy, a_delayed_ack_is_no_lag)
{
	struct engine *e = policy_start(CLIENTS, FANTAIL_POLICY_ABORT, 0);

	policy_unicast(SLOW, 1000);
	policy_unicast(4, 16384);
	policy_unicast(4, 8000);
	engine_submit(e);
	engine_for(e, 20000);
	cr_assert_eq(policy_test.stream[4].messages, 2);
	policy_drain();
	cr_assert_eq(slow()->messages, 1);
	check_others();
	cr_assert(policy_alive(SLOW));
	policy_close();
}

/* ------------------------------------------------------------ run time */
Test(policy, may_change)
{
	stop_after(FANTAIL_POLICY_ABORT, 31);
	policy_update(SLOW, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_SKIP);
	policy_feed(3, 1000);
	cr_assert_eq(slow()->skipped, 2);
	/* a lag of 20,416 is within this */
	policy_update(SLOW, FANTAIL_UPDATE_LAG_LIMIT, 30000);
	policy_feed(3, 1000);
	cr_assert_eq(slow()->skipped, 2);
	policy_update(SLOW, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_REPORT);
	cr_assert_eq(slow()->lagging, 0);
	policy_update(SLOW, FANTAIL_UPDATE_LAG_LIMIT, 20000);
	cr_assert_eq(slow()->lagging, 1);
	policy_feed(3, 1000);
	cr_assert_eq(slow()->skipped, 2);
	cr_assert_eq(slow()->writable, 0);
	/* who was told the one is told the other */
	policy_update(SLOW, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_SKIP);
	cr_assert_eq(slow()->writable, 1);
	policy_feed(1, 1000);
	cr_assert_eq(slow()->skipped, 3);
	cr_assert(policy_alive(SLOW));
	policy_update(SLOW, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_ABORT);
	cr_assert_eq(events() & FANTAIL_EV_OVERRUN, FANTAIL_EV_OVERRUN);
	cr_assert_eq(policy_test.e->client[SLOW].cause, FANTAIL_CAUSE_LAG);
	check_others();
	policy_close();
}

Test(policy, limit_of_zero_is_a_quarter)
{
	stop_after(FANTAIL_POLICY_REPORT, 26);
	policy_update(SLOW, FANTAIL_UPDATE_LAG_LIMIT, 0);
	policy_feed(CARD_SCALE - 1, 16384);
	cr_assert_eq(slow()->lagging, 0, "14,416 of 16,384, and so on");
	policy_feed(2, 1000);
	cr_assert_eq(slow()->lagging, 1, "16,416 of 16,384, and so on");
	policy_resume(SLOW);
	policy_drain();
	cr_assert_eq(slow()->writable, 1);
	check_others();
	policy_close();
}

/* ------------------------------------------------------------ extents */

/* An extent for everybody: no payload follows the one before it. */
static void scatter(uint32_t rounds)
{
	uint32_t i;

	while (rounds--) {
		for (i = 0; i < CLIENTS; i++)
			policy_unicast(i, 250);
		engine_submit(policy_test.e);
		engine_until(policy_test.e, engine_batches_done, ENGINE_FAR_US);
		engine_for(policy_test.e, 50000);
	}
}

/* Its window closes before the first round. */
static void start_extents(uint32_t policy)
{
	/* they end before the log does */
	CARD_NEEDS(CARD_EXTENTS * 250 * CLIENTS < CARD_LOG / 2);
	policy_start(CLIENTS, policy, ENGINE_LOG);
	policy_pause(SLOW);
	policy_feed(11, 1000);
	policy_feed(1, POLICY_BUFFER - 11000);
}

Test(policy, extents_run_out_with_abort)
{
	start_extents(FANTAIL_POLICY_ABORT);
	scatter(CARD_EXTENTS);
	cr_assert_eq(events(), 0);
	scatter(1);
	cr_assert_eq(events(), FANTAIL_EV_OVERRUN);
	cr_assert_eq(policy_test.e->client[SLOW].cause, FANTAIL_CAUSE_EXTENTS);
	check_others();
	policy_close();
}

Test(policy, extents_run_out_with_skip)
{
	start_extents(FANTAIL_POLICY_SKIP);
	scatter(CARD_EXTENTS);
	cr_assert_eq(events(), 0);
	scatter(10);
	cr_assert_eq(slow()->skipped, 10);
	cr_assert(policy_alive(SLOW));
	policy_resume(SLOW);
	policy_drain();
	scatter(3);
	cr_assert_eq(slow()->messages, 12 + CARD_EXTENTS + 3);
	cr_assert_eq(slow()->skipped, 10);
	check_others();
	policy_close();
}

/* Of sixteen, twelve in use are a warning, fewer than six the all-clear. */
Test(policy, extents_run_short_with_report)
{
	CARD_NEEDS(CARD_EXTENTS == 16);
	start_extents(FANTAIL_POLICY_REPORT);
	scatter(11);
	cr_assert_eq(events(), 0);
	scatter(1);
	cr_assert_eq(slow()->lagging, 1);
	scatter(2);
	cr_assert_eq(slow()->lagging, 1);
	/* five of fourteen and a part of the sixth */
	policy_consume(SLOW, POLICY_SEGMENT);
	engine_for(policy_test.e, 300000);
	cr_assert_eq(slow()->writable, 0, "nine");
	policy_consume(SLOW, POLICY_SEGMENT);
	engine_for(policy_test.e, 300000);
	cr_assert_eq(slow()->writable, 1);
	cr_assert_eq(events(), FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE);
	policy_resume(SLOW);
	scatter(5);
	check_others();
	policy_close();
}

Test(policy, extents_run_out_with_report)
{
	start_extents(FANTAIL_POLICY_REPORT);
	scatter(CARD_EXTENTS);
	cr_assert_eq(events(), FANTAIL_EV_LAGGING);
	scatter(1);
	cr_assert_eq(slow()->lagging, 1);
	cr_assert_eq(events(), FANTAIL_EV_LAGGING | FANTAIL_EV_OVERRUN);
	cr_assert_eq(policy_test.e->client[SLOW].cause, FANTAIL_CAUSE_EXTENTS);
	check_others();
	policy_close();
}
