/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the card tells in sum, through the library and the engine, in virtual
 * time: SUMMARY, DELIVERED, DRAINED and COLLECT.
 */
#include <criterion/criterion.h>

#include "card_fixture.h"

#define PEERS	12
#define PAYLOAD 1000

static struct card card;
static struct fantail_conn *conn[PEERS];
static uint32_t accepted, got[PEERS];
/* events in order, newest last */
static struct fantail_event told[256];
static unsigned int logged;

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	(void)ctx;
	(void)peers;
	(void)bytes;
	got[n] += (uint32_t)len;
}

static void on_event(const struct fantail_event *ev)
{
	uint32_t n;

	cr_assert_lt(logged, 256);
	told[logged++] = *ev;
	if (ev->type == FANTAIL_EVENT_DATA)
		fantail_recv_return(card.f, ev->u.data.slot);
	if (ev->type != FANTAIL_EVENT_ACCEPT)
		return;
	n = card_peer_of(&card, ev->conn);
	conn[n] = ev->conn;
	accepted++;
	cr_assert_eq(fantail_group_join(card.group, ev->conn), 0);
}

static bool all_accepted(void)
{
	return accepted == PEERS;
}

static void begin(bool summary_only)
{
	card_init(&card, PEERS, on_event);
	card.peers.on_data = on_data;
	card.options.flush_us = FANTAIL_FLUSH_NEVER;
	card.options.qp.summary_only = summary_only;
	card.backlog = PEERS;
	card_open(&card);
	card_run_until(&card, all_accepted);
	cr_assert_eq(fantail_submit(card.f), 0);
	card_run_for(&card, 1000);
}

static void publish(uint64_t cookie)
{
	uint8_t bytes[PAYLOAD] = { 0 };

	cr_assert_eq(fantail_publish_copy(card.f, fantail_to_group(card.group),
					  bytes, sizeof(bytes), cookie),
		     0);
}

static unsigned int count(enum fantail_event_type type)
{
	unsigned int i, n = 0;

	for (i = 0; i < logged; i++)
		n += told[i].type == type;
	return n;
}

/* All SUMMARY events added up. */
static struct fantail_event sums(void)
{
	struct fantail_event s = { .type = FANTAIL_EVENT_SUMMARY };
	unsigned int i;

	for (i = 0; i < logged; i++) {
		if (told[i].type != FANTAIL_EVENT_SUMMARY)
			continue;
		s.u.summary.connects += told[i].u.summary.connects;
		s.u.summary.reads += told[i].u.summary.reads;
		s.u.summary.errors += told[i].u.summary.errors;
		s.u.summary.disconnects += told[i].u.summary.disconnects;
		s.u.summary.successes += told[i].u.summary.successes;
	}
	return s;
}

Test(told, summary_counts)
{
	struct fantail_peers *peers;
	struct fantail_event s;
	uint32_t i;

	begin(false);
	s = sums();
	cr_expect_eq(s.u.summary.connects, PEERS);
	logged = 0;
	publish(1);
	fantail_submit(card.f);
	card_run_for(&card, 100000);
	cr_expect_eq(count(FANTAIL_EVENT_BATCH), 1);
	cr_expect_eq(logged, 1, "successes alone are no news");
	peers = card_lock(&card);
	for (i = 0; i < 5; i++)
		fantail_peer_send(peers, i, "hello", 5);
	for (i = 5; i < 8; i++)
		fantail_peer_abort(peers, i);
	card_unlock(&card);
	card_run_for(&card, 1000);
	s = sums();
	cr_expect_eq(s.u.summary.reads, 5);
	cr_expect_eq(s.u.summary.disconnects, 3);
	cr_expect_eq(s.u.summary.errors, 0);
	cr_expect_eq(s.u.summary.connects, 0);
	cr_expect_eq(s.u.summary.successes, PEERS, "%u", s.u.summary.successes);
	cr_expect_eq(count(FANTAIL_EVENT_DATA), 5);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 3);
	card_close(&card);
}

/* Not before the slowest; the failure of one comes first. */
Test(told, delivered)
{
	struct fantail_peers *peers;
	unsigned int i;

	begin(false);
	peers = card_lock(&card);
	fantail_peer_set_buffer(peers, 0, 500);
	fantail_peer_pause(peers, 0);
	card_unlock(&card);
	card_run_for(&card, 1000);
	logged = 0;
	publish(41);
	publish(42);
	cr_assert_eq(fantail_submit_report(card.f), 2);
	cr_assert_eq(fantail_submit_report(card.f), 0, "nothing to report of");
	card_run_for(&card, 50000);
	cr_expect_eq(count(FANTAIL_EVENT_BATCH), 1);
	cr_expect_eq(count(FANTAIL_EVENT_DELIVERED), 0);
	cr_assert_eq(fantail_abort_conn(conn[0]), 0);
	card_run_for(&card, 50000);
	cr_assert_eq(count(FANTAIL_EVENT_DELIVERED), 1);
	for (i = 0; told[i].type != FANTAIL_EVENT_DELIVERED; i++)
		;
	cr_expect_eq(told[i].u.delivered.cookie, 42);
	cr_assert_gt(i, 0);
	cr_expect_eq(told[i - 1].type, FANTAIL_EVENT_CONN);
	cr_expect_eq(told[i - 1].conn, conn[0]);
	for (i = 1; i < PEERS; i++)
		cr_expect_eq(got[i], 2 * PAYLOAD);
	/* and in order */
	logged = 0;
	publish(43);
	cr_assert_eq(fantail_submit_report(card.f), 1);
	publish(44);
	cr_assert_eq(fantail_submit(card.f), 1);
	publish(45);
	cr_assert_eq(fantail_submit_report(card.f), 1);
	card_run_for(&card, 50000);
	cr_assert_eq(count(FANTAIL_EVENT_DELIVERED), 2);
	for (i = 0; told[i].type != FANTAIL_EVENT_DELIVERED; i++)
		;
	cr_expect_eq(told[i].u.delivered.cookie, 43);
	card_close(&card);
}

Test(told, drained)
{
	struct fantail_peers *peers;
	unsigned int i;

	begin(false);
	peers = card_lock(&card);
	fantail_peer_set_buffer(peers, 3, 500);
	fantail_peer_pause(peers, 3);
	card_unlock(&card);
	card_run_for(&card, 1000);
	logged = 0;
	publish(1);
	cr_assert_eq(fantail_report_drained(conn[3]), 0);
	cr_assert_eq(fantail_report_drained(conn[4]), 0);
	fantail_submit(card.f);
	card_run_for(&card, 50000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 1);
	peers = card_lock(&card);
	fantail_peer_set_buffer(peers, 3, 65535);
	fantail_peer_resume(peers, 3);
	card_unlock(&card);
	card_run_for(&card, 1000000);
	cr_assert_eq(count(FANTAIL_EVENT_CONN), 2);
	for (i = 0; i < logged; i++) {
		if (told[i].type != FANTAIL_EVENT_CONN)
			continue;
		cr_expect_eq(told[i].u.conn.events, FANTAIL_EV_DRAINED);
		cr_expect_eq(told[i].u.conn.acked, PAYLOAD);
	}
	cr_expect_eq(got[3], PAYLOAD);
	card_close(&card);
}

/* Nothing but SUMMARY until COLLECT; then each once. */
Test(told, collect)
{
	struct fantail_peers *peers;
	unsigned int i;

	begin(true);
	logged = 0;
	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++)
		fantail_peer_abort(peers, i);
	card_unlock(&card);
	card_run_for(&card, 10000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 0);
	cr_expect_eq(sums().u.summary.disconnects, PEERS);
	logged = 0;
	cr_assert_eq(fantail_collect(card.f), 0);
	card_run_for(&card, 10000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), PEERS);
	cr_assert_eq(count(FANTAIL_EVENT_SUMMARY), 1);
	cr_expect_eq(told[logged - 1].type, FANTAIL_EVENT_SUMMARY);
	cr_expect(told[logged - 1].u.summary.collected);
	/* ids of released connections are free after the next */
	for (i = 0; i < PEERS; i++)
		fantail_release_conn(conn[i]);
	card_run_for(&card, 10000);
	logged = 0;
	cr_assert_eq(fantail_collect(card.f), 0);
	card_run_for(&card, 10000);
	cr_expect_eq(logged, 1);
	cr_expect(told[0].u.summary.collected);
	card_close(&card);
}
