/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking mode through the engine, in virtual time: the feed goes as fast as
 * its slowest receiver, who loses nothing and is not aborted for being slow,
 * and goes on without one who stops.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "card_fixture.h"

#define PEERS	 8
#define SLOW	 3
#define STOPS	 5
#define PAYLOAD	 1000
#define PAYLOADS 400 /* six times the log of 64 KiB */
#define BLOCK_MS 700

static struct card card;
static struct fantail_conn *conn[PEERS];
static uint32_t down[PEERS], accepted, batches;
static uint32_t lagging[PEERS], writable[PEERS];
static uint16_t events[PEERS];
static bool wrong;

static uint8_t down_byte(uint32_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		wrong |= *p++ != down_byte(down[n]++);
}

static void on_event(const struct fantail_event *ev)
{
	uint16_t e;
	uint32_t n;

	batches += ev->type == FANTAIL_EVENT_BATCH;
	if (!ev->conn)
		return;
	n = card_peer_of(&card, ev->conn);
	if (ev->type == FANTAIL_EVENT_ACCEPT) {
		conn[n] = ev->conn;
		accepted++;
	} else if (ev->type == FANTAIL_EVENT_CONN) {
		e = ev->u.conn.events;
		events[n] |= e;
		lagging[n] += !!(e & FANTAIL_EV_LAGGING);
		writable[n] += !!(e & FANTAIL_EV_WRITABLE);
	}
}

static bool all_accepted(void)
{
	return accepted == PEERS;
}

static void open_all(void)
{
	card_init(&card, PEERS, on_event);
	card.peers.options.buffer = 5792;
	card.peers.options.wscale = -1;
	card.peers.on_data = on_data;
	card.options.policy = FANTAIL_POLICY_REPORT;
	card.options.lag_limit = 16384;
	card.options.blocking = true;
	card.options.block_ms = BLOCK_MS;
	card.backlog = PEERS;
	card_open(&card);
}

static void pause(uint32_t n)
{
	fantail_peer_pause(card_lock(&card), n);
	card_unlock(&card);
}

static void consume(uint32_t n, uint32_t bytes)
{
	uint64_t now = fantail_sim_now_us(card.sim);
	struct fantail_peers *peers = card_lock(&card);

	fantail_net_poll(fantail_sim_net(card.sim), now, 0, -1);
	fantail_peer_consume(peers, n, bytes);
	card_unlock(&card);
}

/* Publish the rest of @total as blocking mode allows; time between tries. */
static uint32_t publish(uint32_t published, uint32_t total)
{
	struct fantail_target to = fantail_to_group(card.group);
	uint8_t bytes[PAYLOAD];
	uint32_t i;
	int rc;

	for (; published < total; published++) {
		for (i = 0; i < PAYLOAD; i++)
			bytes[i] = down_byte(published * PAYLOAD + i);
		rc = fantail_publish_copy(card.f, to, bytes, PAYLOAD,
					  published);
		if (rc) {
			cr_assert_eq(rc, -EAGAIN);
			break;
		}
		cr_assert_eq(fantail_submit(card.f), 1);
		card_run_for(&card, 20);
	}
	return published;
}

static uint32_t everybody(void)
{
	uint32_t least = UINT32_MAX, i;

	for (i = 0; i < PEERS; i++)
		if (down[i] < least &&
		    !(events[i] & (FANTAIL_EV_OVERRUN | FANTAIL_EV_ABORTED)))
			least = down[i];
	return least;
}

Test(blocking, as_fast_as_the_slowest)
{
	uint32_t published = 0, i, k;
	struct fantail_stats s;
	uint64_t before;

	open_all();
	card_run_until(&card, all_accepted);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(card.group, conn[i]), 0);
	fantail_submit(card.f);

	/* one reads three segments every 60 ms */
	pause(SLOW);
	for (k = 0; everybody() < PAYLOADS * PAYLOAD; k++) {
		cr_assert_lt(k, 1000);
		published = publish(published, PAYLOADS);
		consume(SLOW, 3 * 1448);
		card_run_for(&card, 60000);
	}
	fantail_stats(card.f, &s);
	cr_assert_gt(s.lag_again, 20);
	cr_assert_eq(s.lag_aborted, 0);
	cr_assert_gt(lagging[SLOW], 5);
	cr_assert_eq(writable[SLOW], lagging[SLOW]);
	for (i = 0; i < PEERS; i++) {
		cr_assert_eq(down[i], PAYLOADS * PAYLOAD);
		cr_assert_eq(
			events[i] & ~(FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE),
			0);
	}

	/* another one stops */
	consume(SLOW, 5792);
	pause(STOPS);
	before = fantail_dev_now_us(card.dev);
	for (k = 0; everybody() < 2 * PAYLOADS * PAYLOAD; k++) {
		cr_assert_lt(k, 1000);
		published = publish(published, 2 * PAYLOADS);
		consume(SLOW, 5792);
		card_run_for(&card, 10000);
	}
	cr_assert_geq(fantail_dev_now_us(card.dev) - before, BLOCK_MS * 1000);
	fantail_stats(card.f, &s);
	cr_assert_eq(s.lag_aborted, 1);
	cr_assert(events[STOPS] & FANTAIL_EV_ABORTED);
	for (i = 0; i < PEERS; i++)
		if (i != STOPS)
			cr_assert_eq(down[i], 2 * PAYLOADS * PAYLOAD);
	for (k = 0; batches < published; k++) {
		cr_assert_lt(k, 1000);
		card_run_for(&card, 1000);
	}
	card_close(&card);
	cr_assert_not(wrong);
}
