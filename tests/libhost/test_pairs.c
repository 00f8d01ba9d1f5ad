/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two applications on one card, each with a queue pair, an address and a
 * range of connections of its own; their peers in this process. Each sees its
 * own connections, groups and records, and every stream is exact.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "card_fixture.h"

#define APPS	2
/* A third of them of the second application; none has more than it can. */
#define PEERS	CARD_MIN(48, CARD_CONNECTIONS / 4 * 3)
#define CONNS	(CARD_CONNECTIONS / APPS) /* of each */
#define BATCHES 30
#define BATCH	6 /* payloads */

static struct app {
	struct fantail *f;
	struct fantail_group *group;
	uint32_t accepted, connects, lost, peers;
	uint32_t batches, batches_done, reached, skipped;
	uint32_t up, sent; /* bytes from peers, to each peer */
} app[APPS];

static uint32_t down[PEERS];
static unsigned int ended[PEERS]; /* bits 1 << FANTAIL_PEER_EV_ */
static bool wrong;

static struct card card;

static unsigned int app_of(uint32_t peer)
{
	return peer % 3 == 2;
}

static uint8_t byte_of(unsigned int a, uint32_t at)
{
	return (uint8_t)(at * 13 + at / 253 + a * 101);
}

static void configure(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->card = (uint8_t)app_of(n);
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		if (*p++ != byte_of(app_of(n), down[n]++))
			wrong = true;
}

static void on_peer(void *ctx, struct fantail_peers *peers, uint32_t n,
		    enum fantail_peer_event event)
{
	(void)ctx;
	(void)peers;
	ended[n] |= 1u << event;
}

static void open_app(unsigned int a)
{
	struct fantail_options opt = card.options;
	struct fantail_listener *l;

	memset(&app[a], 0, sizeof(app[a]));
	opt.dev = card.dev;
	opt.ip = CARD_IP + a;
	opt.qp_index = a;
	opt.qp.slot_count = 64;
	opt.first_conn = CONNS * a;
	opt.conns = CONNS;
	cr_assert_eq(fantail_open(&opt, &app[a].f), 0);
	cr_assert_eq(fantail_listen(app[a].f, CARD_PORT, 64, &l), 0);
	cr_assert_eq(fantail_group_create(app[a].f, &app[a].group), 0);
	app[a].peers = 0;
	for (uint32_t i = 0; i < PEERS; i++)
		app[a].peers += app_of(i) == a;
}

static void open_all(void)
{
	CARD_NEEDS(CARD_QUEUE_PAIRS >= APPS);
	card_init(&card, PEERS, NULL);
	card.peers.connect_at_us = FANTAIL_NET_NEVER;
	card.peers.configure = configure;
	card.peers.on_data = on_data;
	card.peers.on_event = on_peer;
	card.net.card_ips = APPS;
	card_open_device(&card);
	open_app(0);
	open_app(1);
}

static void close_all(void)
{
	cr_assert_not(wrong, "a byte of another stream");
	fantail_close(app[0].f);
	fantail_close(app[1].f);
	card_close(&card);
}

static void on_event(unsigned int a, const struct fantail_event *ev)
{
	struct app *own = &app[a];
	uint32_t peer;

	if (ev->conn) {
		peer = card_peer_of(&card, ev->conn);
		cr_assert_eq(app_of(peer), a, "peer %u of the other", peer);
		cr_assert_eq((fantail_conn_handle(ev->conn) & 0xFFFF) / CONNS,
			     a);
	}
	switch (ev->type) {
	case FANTAIL_EVENT_ACCEPT:
		own->accepted++;
		cr_assert_eq(fantail_group_join(own->group, ev->conn), 0);
		break;
	case FANTAIL_EVENT_BATCH:
		own->batches_done++;
		own->reached += ev->u.batch.reached;
		own->skipped += ev->u.batch.skipped;
		break;
	case FANTAIL_EVENT_DATA:
		own->up += ev->u.data.len;
		cr_assert_eq(fantail_recv_return(own->f, ev->u.data.slot), 0);
		break;
	case FANTAIL_EVENT_CONN:
		own->lost += !!(ev->u.conn.events & FANTAIL_EV_RESET);
		break;
	case FANTAIL_EVENT_SUMMARY:
		/* of its own connections only */
		own->connects += ev->u.summary.connects;
		break;
	default:
		cr_assert_fail("event %d", ev->type);
	}
}

static void run_until(bool (*done)(void))
{
	uint64_t end = fantail_dev_now_us(card.dev) + 20000000;
	struct fantail_event ev[16];
	unsigned int a;
	int n, i, all;

	while (!done()) {
		for (a = 0, all = 0; a < APPS; a++) {
			if (!app[a].f)
				continue;
			n = fantail_poll(app[a].f, ev, 16);
			cr_assert_geq(n, 0, "poll: %d", n);
			for (i = 0; i < n; i++)
				on_event(a, &ev[i]);
			all += n;
		}
		if (all)
			continue;
		cr_assert_lt(fantail_dev_now_us(card.dev), end, "stuck");
		/* Its interrupt or a moment, so that both have their turns. */
		n = fantail_wait(app[0].f ? app[0].f : app[1].f, 50);
		cr_assert_geq(n, 0, "wait: %d", n);
	}
}

static bool all_accepted(void)
{
	return app[0].accepted == app[0].peers &&
	       (!app[1].f || app[1].accepted == app[1].peers);
}

static bool all_delivered(void)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		if (app[app_of(i)].f && down[i] < app[app_of(i)].sent)
			return false;
	for (i = 0; i < APPS; i++)
		if (app[i].f && app[i].batches_done < app[i].batches)
			return false;
	return true;
}

static bool all_heard(void)
{
	return app[0].up >= 5 * app[0].peers && app[1].up >= 5 * app[1].peers;
}

static void connect_peers(unsigned int a)
{
	struct fantail_peers *peers;
	uint32_t i;

	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++) {
		if (app_of(i) != a)
			continue;
		down[i] = 0;
		ended[i] = 0;
		cr_assert_eq(fantail_peer_connect(peers, i, 0), 0);
	}
	card_unlock(&card);
}

static void publish(unsigned int a, uint32_t len)
{
	struct app *own = &app[a];
	uint8_t bytes[2000];
	uint32_t i;

	for (i = 0; i < len; i++)
		bytes[i] = byte_of(a, own->sent + i);
	cr_assert_eq(fantail_publish_copy(own->f, fantail_to_group(own->group),
					  bytes, len, 0),
		     0);
	own->sent += len;
}

static void submit(unsigned int a)
{
	cr_assert_eq(fantail_submit(app[a].f), BATCH);
	app[a].batches++;
}

/* Both at once, payload behind payload, one doorbell a batch each. */
static void publish_batches(unsigned int batches)
{
	unsigned int b, i, a;

	for (b = 0; b < batches; b++) {
		for (i = 0; i < BATCH; i++)
			for (a = 0; a < APPS; a++)
				if (app[a].f)
					publish(a, 1 + (b * 331 + i * 97 +
							a * 53) % 1999);
		for (a = 0; a < APPS; a++)
			if (app[a].f)
				submit(a);
		if (b % 3 == 2)
			run_until(all_delivered);
	}
	run_until(all_delivered);
}

static uint64_t qp_count(unsigned int a, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_qp_counter(fantail_queue_pair(app[a].f), offset,
					&value),
		     0);
	return value;
}

Test(pairs, each_sees_its_own)
{
	struct fantail_peers *peers;
	uint64_t before[APPS];
	unsigned int a;
	uint32_t i;

	open_all();
	connect_peers(0);
	connect_peers(1);
	run_until(all_accepted);
	publish_batches(1); /* the joins have gone */
	for (a = 0; a < APPS; a++)
		before[a] = qp_count(a, FANTAIL_QPCNT_DATA_DOORBELLS);
	publish_batches(BATCHES);
	for (a = 0; a < APPS; a++) {
		cr_assert_eq(app[a].batches_done, BATCHES + 1);
		cr_assert_eq(app[a].reached,
			     (BATCHES + 1) * BATCH * app[a].peers);
		cr_assert_eq(app[a].skipped, 0);
		cr_assert_eq(app[a].lost, 0);
		cr_assert_eq(app[a].connects, app[a].accepted);
		cr_assert_eq(qp_count(a, FANTAIL_QPCNT_DATA_DOORBELLS),
			     before[a] + BATCHES);
	}
	/* What peers send comes to theirs. */
	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_peer_send(peers, i, "bytes", 5), 0);
	card_unlock(&card);
	run_until(all_heard);
	publish_batches(1);
	cr_assert_eq(app[0].up, 5 * app[0].peers);
	cr_assert_eq(app[1].up, 5 * app[1].peers);
	close_all();
}

static bool second_gone(void)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		if (app_of(i) == 1 && !(ended[i] & 1u << FANTAIL_PEER_EV_RESET))
			return false;
	return true;
}

/* One ends in mid-stream and comes back; the other is not disturbed. */
Test(pairs, one_ends_and_comes_back)
{
	uint32_t i;

	open_all();
	connect_peers(0);
	connect_peers(1);
	run_until(all_accepted);
	publish_batches(3);
	for (i = 0; i < BATCH; i++)
		publish(1, 1500);
	submit(1);
	for (i = 0; i < BATCH; i++)
		publish(0, 1500);
	submit(0);
	fantail_close(app[1].f);
	app[1].f = NULL;
	publish_batches(6);
	run_until(second_gone);
	for (i = 0; i < PEERS; i++)
		if (app_of(i) == 0)
			cr_assert_eq(ended[i] & 1u << FANTAIL_PEER_EV_RESET, 0);

	open_app(1);
	connect_peers(1);
	run_until(all_accepted);
	publish_batches(6);
	cr_assert_eq(app[1].reached, 6 * BATCH * app[1].peers);
	cr_assert_eq(app[1].skipped, 0);
	cr_assert_eq(app[0].skipped, 0);
	cr_assert_eq(app[0].lost, 0);
	close_all();
}

/* Ranges of connections. */
Test(pairs, options)
{
	struct fantail_options opt = { 0 };
	struct fantail *f;

	open_all();
	opt.dev = card.dev;
	opt.ip = CARD_IP;
	cr_assert_eq(fantail_open(&opt, &f), -EBUSY);
	opt.qp_index = CARD_QUEUE_PAIRS;
	cr_assert_eq(fantail_open(&opt, &f), -EINVAL);
	opt.qp_index = 1;
	opt.first_conn = CARD_CONNECTIONS;
	cr_assert_eq(fantail_open(&opt, &f), -EINVAL);
	opt.first_conn = CARD_CONNECTIONS - 6;
	opt.conns = 7;
	cr_assert_eq(fantail_open(&opt, &f), -EINVAL);
	close_all();
}
