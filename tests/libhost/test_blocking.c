/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking mode through the engine, in virtual time: the feed goes as fast as
 * its slowest receiver, who loses nothing and is not aborted for being slow,
 * and goes on without one who stops.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "net.h"
#include "peer.h"

#define PEERS	 8
#define SLOW	 3
#define STOPS	 5
#define PORT	 9000
#define PAYLOAD	 1000
#define PAYLOADS 400 /* six times the log of 64 KiB */
#define BLOCK_MS 700

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail *f;
static struct fantail_group *group;
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

static void open_all(void)
{
	struct fantail_dev_options dev_opt = { 0 };
	struct fantail_options opt = { .policy = FANTAIL_POLICY_REPORT,
				       .blocking = true,
				       .block_ms = BLOCK_MS };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_listener *l;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = PEERS;
	peers.options.buffer = 5792;
	peers.options.wscale = -1;
	peers.on_data = on_data;
	net.card_ip = 0x0A010001;
	net.card_port = PORT;
	net.peers = &peers;
	fantail_sim_config_init(&cfg);
	cfg.network = "peers:";
	cfg.net = &net;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
	dev_opt.sim = sim;
	cr_assert_eq(fantail_dev_open("sim:", &dev_opt, &dev), 0);
	opt.dev = dev;
	memcpy(opt.mac, net.card_mac, 6);
	opt.ip = net.card_ip;
	opt.prefix_len = 16;
	cr_assert_eq(fantail_open(&opt, &f), 0);
	cr_assert_eq(fantail_listen(f, PORT, PEERS, &l), 0);
	cr_assert_eq(fantail_group_create(f, &group), 0);
}

static void close_all(void)
{
	char why[300];

	fantail_close(f);
	fantail_dev_close(dev);
	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(sim);
	cr_assert_not(wrong);
}

static void on_event(const struct fantail_event *ev)
{
	uint16_t port, e;
	uint32_t n;

	batches += ev->type == FANTAIL_EVENT_BATCH;
	if (!ev->conn)
		return;
	fantail_conn_peer(ev->conn, &n, &port);
	n -= 0x0A010100;
	cr_assert_lt(n, PEERS);
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

static void run_for(uint64_t us)
{
	uint64_t end = fantail_dev_now_us(dev) + us, now;
	struct fantail_event ev[16];
	int n, i;

	do {
		n = fantail_poll(f, ev, 16);
		cr_assert_geq(n, 0, "poll: %d", n);
		for (i = 0; i < n; i++)
			on_event(&ev[i]);
		now = fantail_dev_now_us(dev);
		if (!n && now < end)
			cr_assert_geq(fantail_wait(f, (int64_t)(end - now)), 0);
	} while (n || fantail_dev_now_us(dev) < end);
}

static void pause(uint32_t n)
{
	fantail_sim_lock(sim);
	fantail_peer_pause(fantail_net_peers(fantail_sim_net(sim)), n);
	fantail_sim_unlock(sim);
}

static void consume(uint32_t n, uint32_t bytes)
{
	uint64_t now = fantail_sim_now_us(sim);

	fantail_sim_lock(sim);
	fantail_net_poll(fantail_sim_net(sim), now, 0, -1);
	fantail_peer_consume(fantail_net_peers(fantail_sim_net(sim)), n, bytes);
	fantail_sim_unlock(sim);
}

/* Publish the rest of @total as blocking mode allows; time between tries. */
static uint32_t publish(uint32_t published, uint32_t total)
{
	struct fantail_target to = fantail_to_group(group);
	uint8_t bytes[PAYLOAD];
	uint32_t i;
	int rc;

	for (; published < total; published++) {
		for (i = 0; i < PAYLOAD; i++)
			bytes[i] = down_byte(published * PAYLOAD + i);
		rc = fantail_publish_copy(f, to, bytes, PAYLOAD, published);
		if (rc) {
			cr_assert_eq(rc, -EAGAIN);
			break;
		}
		cr_assert_eq(fantail_submit(f), 1);
		run_for(20);
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
	for (k = 0; accepted < PEERS; k++) {
		cr_assert_lt(k, 1000);
		run_for(10000);
	}
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(group, conn[i]), 0);
	fantail_submit(f);

	/* one reads three segments every 60 ms */
	pause(SLOW);
	for (k = 0; everybody() < PAYLOADS * PAYLOAD; k++) {
		cr_assert_lt(k, 1000);
		published = publish(published, PAYLOADS);
		consume(SLOW, 3 * 1448);
		run_for(60000);
	}
	fantail_stats(f, &s);
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
	before = fantail_dev_now_us(dev);
	for (k = 0; everybody() < 2 * PAYLOADS * PAYLOAD; k++) {
		cr_assert_lt(k, 1000);
		published = publish(published, 2 * PAYLOADS);
		consume(SLOW, 5792);
		run_for(10000);
	}
	cr_assert_geq(fantail_dev_now_us(dev) - before, BLOCK_MS * 1000);
	fantail_stats(f, &s);
	cr_assert_eq(s.lag_aborted, 1);
	cr_assert(events[STOPS] & FANTAIL_EV_ABORTED);
	for (i = 0; i < PEERS; i++)
		if (i != STOPS)
			cr_assert_eq(down[i], 2 * PAYLOADS * PAYLOAD);
	for (k = 0; batches < published; k++) {
		cr_assert_lt(k, 1000);
		run_for(1000);
	}
	close_all();
}
