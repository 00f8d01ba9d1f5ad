/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the card tells in sum, through the library and the engine, in virtual
 * time: SUMMARY, DELIVERED, DRAINED and COLLECT.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "net.h"
#include "peer.h"

#define PEERS	12
#define PORT	9000
#define PAYLOAD 1000

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail *f;
static struct fantail_group *group;
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

static void open_all(bool summary_only)
{
	struct fantail_dev_options dev_opt = { 0 };
	struct fantail_options opt = { .flush_us = FANTAIL_FLUSH_NEVER };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_listener *l;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = PEERS;
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
	fantail_qp_options_init(&opt.qp);
	opt.qp.summary_only = summary_only;
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
}

static void on_event(const struct fantail_event *ev)
{
	uint16_t port;
	uint32_t n;

	cr_assert_lt(logged, 256);
	told[logged++] = *ev;
	if (ev->type == FANTAIL_EVENT_DATA)
		fantail_recv_return(f, ev->u.data.slot);
	if (ev->type != FANTAIL_EVENT_ACCEPT)
		return;
	fantail_conn_peer(ev->conn, &n, &port);
	n -= 0x0A010100;
	cr_assert_lt(n, PEERS);
	conn[n] = ev->conn;
	accepted++;
	cr_assert_eq(fantail_group_join(group, ev->conn), 0);
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

static void begin(bool summary_only)
{
	unsigned int k;

	open_all(summary_only);
	for (k = 0; accepted < PEERS; k++) {
		cr_assert_lt(k, 1000);
		run_for(10000);
	}
	cr_assert_eq(fantail_submit(f), 0);
	run_for(1000);
}

static void publish(uint64_t cookie)
{
	uint8_t bytes[PAYLOAD] = { 0 };

	cr_assert_eq(fantail_publish_copy(f, fantail_to_group(group), bytes,
					  sizeof(bytes), cookie),
		     0);
}

static struct fantail_peers *peers(void)
{
	return fantail_net_peers(fantail_sim_net(sim));
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
	struct fantail_event s;
	uint32_t i;

	begin(false);
	s = sums();
	cr_expect_eq(s.u.summary.connects, PEERS);
	logged = 0;
	publish(1);
	fantail_submit(f);
	run_for(100000);
	cr_expect_eq(count(FANTAIL_EVENT_BATCH), 1);
	cr_expect_eq(logged, 1, "successes alone are no news");
	fantail_sim_lock(sim);
	for (i = 0; i < 5; i++)
		fantail_peer_send(peers(), i, "hello", 5);
	for (i = 5; i < 8; i++)
		fantail_peer_abort(peers(), i);
	fantail_sim_unlock(sim);
	run_for(1000);
	s = sums();
	cr_expect_eq(s.u.summary.reads, 5);
	cr_expect_eq(s.u.summary.disconnects, 3);
	cr_expect_eq(s.u.summary.errors, 0);
	cr_expect_eq(s.u.summary.connects, 0);
	cr_expect_eq(s.u.summary.successes, PEERS, "%u", s.u.summary.successes);
	cr_expect_eq(count(FANTAIL_EVENT_DATA), 5);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 3);
	close_all();
}

/* Not before the slowest; the failure of one comes first. */
Test(told, delivered)
{
	unsigned int i;

	begin(false);
	fantail_sim_lock(sim);
	fantail_peer_set_buffer(peers(), 0, 500);
	fantail_peer_pause(peers(), 0);
	fantail_sim_unlock(sim);
	run_for(1000);
	logged = 0;
	publish(41);
	publish(42);
	cr_assert_eq(fantail_submit_report(f), 2);
	cr_assert_eq(fantail_submit_report(f), 0, "nothing to report of");
	run_for(50000);
	cr_expect_eq(count(FANTAIL_EVENT_BATCH), 1);
	cr_expect_eq(count(FANTAIL_EVENT_DELIVERED), 0);
	cr_assert_eq(fantail_abort_conn(conn[0]), 0);
	run_for(50000);
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
	cr_assert_eq(fantail_submit_report(f), 1);
	publish(44);
	cr_assert_eq(fantail_submit(f), 1);
	publish(45);
	cr_assert_eq(fantail_submit_report(f), 1);
	run_for(50000);
	cr_assert_eq(count(FANTAIL_EVENT_DELIVERED), 2);
	for (i = 0; told[i].type != FANTAIL_EVENT_DELIVERED; i++)
		;
	cr_expect_eq(told[i].u.delivered.cookie, 43);
	close_all();
}

Test(told, drained)
{
	unsigned int i;

	begin(false);
	fantail_sim_lock(sim);
	fantail_peer_set_buffer(peers(), 3, 500);
	fantail_peer_pause(peers(), 3);
	fantail_sim_unlock(sim);
	run_for(1000);
	logged = 0;
	publish(1);
	cr_assert_eq(fantail_report_drained(conn[3]), 0);
	cr_assert_eq(fantail_report_drained(conn[4]), 0);
	fantail_submit(f);
	run_for(50000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 1);
	fantail_sim_lock(sim);
	fantail_peer_set_buffer(peers(), 3, 65535);
	fantail_peer_resume(peers(), 3);
	fantail_sim_unlock(sim);
	run_for(1000000);
	cr_assert_eq(count(FANTAIL_EVENT_CONN), 2);
	for (i = 0; i < logged; i++) {
		if (told[i].type != FANTAIL_EVENT_CONN)
			continue;
		cr_expect_eq(told[i].u.conn.events, FANTAIL_EV_DRAINED);
		cr_expect_eq(told[i].u.conn.acked, PAYLOAD);
	}
	cr_expect_eq(got[3], PAYLOAD);
	close_all();
}

/* Nothing but SUMMARY until COLLECT; then each once. */
Test(told, collect)
{
	unsigned int i;

	begin(true);
	logged = 0;
	fantail_sim_lock(sim);
	for (i = 0; i < PEERS; i++)
		fantail_peer_abort(peers(), i);
	fantail_sim_unlock(sim);
	run_for(10000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), 0);
	cr_expect_eq(sums().u.summary.disconnects, PEERS);
	logged = 0;
	cr_assert_eq(fantail_collect(f), 0);
	run_for(10000);
	cr_expect_eq(count(FANTAIL_EVENT_CONN), PEERS);
	cr_assert_eq(count(FANTAIL_EVENT_SUMMARY), 1);
	cr_expect_eq(told[logged - 1].type, FANTAIL_EVENT_SUMMARY);
	cr_expect(told[logged - 1].u.summary.collected);
	/* ids of released connections are free after the next */
	for (i = 0; i < PEERS; i++)
		fantail_release_conn(conn[i]);
	run_for(10000);
	logged = 0;
	cr_assert_eq(fantail_collect(f), 0);
	run_for(10000);
	cr_expect_eq(logged, 1);
	cr_expect(told[0].u.summary.collected);
	close_all();
}
