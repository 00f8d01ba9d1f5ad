/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's own TCP together with the engine's, over a bad path, in
 * virtual time: SYN cookies open the connections (row 10), a router with a
 * small MTU makes their segments smaller (row 46), our last ACK is lost and
 * TIME_WAIT gives it again (row 42). The wire checker watches every byte.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "host_fixture.h"
#include "internal.h"
#include "net.h"
#include "peer.h"

#define PEERS	12
#define PORT	9000
#define BACKLOG 2
#define MTU	1000u
#define MSS	(MTU - 40 - 12) /* timestamps */
#define PAYLOAD 6000u

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail *f;

static struct client {
	struct fantail_conn *conn;
	uint32_t down;
	bool wrong;
} client[PEERS];

static unsigned int accepted, closed;

/* The path from the card. */
static uint32_t mtu = 1500;
static bool lose_acks;
static unsigned int too_big, acks_lost;
static uint32_t largest; /* payload that came through under MTU */
static struct {
	uint8_t bytes[64];
} quote[64];
static unsigned int quotes;

static uint8_t down_byte(uint32_t at)
{
	return (uint8_t)(at * 29 + at / 253);
}

static void path(void *ctx, bool to_card, const uint8_t *frame, size_t len,
		 uint64_t now_us, struct fantail_net_fate *fate)
{
	uint32_t ip_len, payload;
	uint8_t flags;

	(void)ctx;
	(void)now_us;
	if (to_card || len < 54 || frame[12] != 8 || frame[13] ||
	    frame[23] != 6)
		return;
	ip_len = get16(frame + 16);
	payload = ip_len - 20 - (uint32_t)(frame[46] >> 4) * 4;
	flags = frame[47];
	if (ip_len > mtu) {
		fate->copies = 0;
		too_big++;
		if (quotes < 64)
			memcpy(quote[quotes++].bytes, frame, 64);
	} else if (mtu == MTU && payload > largest) {
		largest = payload;
	}
	if (lose_acks && !payload && (flags & 7) == 0) {
		fate->copies = 0;
		acks_lost++;
	}
}

/* What the router says of the segments it could not send on. */
static void say_too_big(void)
{
	while (quotes) {
		const uint8_t *in = quote[--quotes].bytes;
		struct host_seg q = {
			.src_ip = get32(in + 26),
			.dst_ip = get32(in + 30),
			.src_port = get16(in + 34),
			.dst_port = get16(in + 36),
			.seq = get32(in + 38),
			.mss = -1,
			.wscale = -1,
			.ts_val = -1,
		};
		uint8_t frame[1514];
		struct rx_frame fr = { .data = frame };

		fr.len = (uint32_t)host_icmp_build(frame, 3, 4, MTU, &q);
		icmp_input(f, &fr, fr.len - 14);
	}
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		if (*p++ != down_byte(client[n].down++))
			client[n].wrong = true;
}

static void open_all(void)
{
	struct fantail_dev_options dev_opt = { 0 };
	struct fantail_options opt = { 0 };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_listener *l;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = PEERS;
	peers.connects_per_ms = 0; /* all at once */
	peers.on_data = on_data;
	peers.delay_us = 2000;
	net.card_ip = 0x0A010001;
	net.card_port = PORT;
	net.peers = &peers;
	net.link = path;
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
	opt.qp.slot_count = 64;
	cr_assert_eq(fantail_open(&opt, &f), 0);
	cr_assert_eq(fantail_listen(f, PORT, BACKLOG, &l), 0);
}

static void on_event(const struct fantail_event *ev)
{
	struct client *c;
	uint16_t port;
	uint32_t ip;

	cr_assert_neq(ev->type, FANTAIL_EVENT_REFUSED);
	if (!ev->conn)
		return;
	fantail_conn_peer(ev->conn, &ip, &port);
	c = &client[ip - 0x0A010100];
	if (ev->type == FANTAIL_EVENT_ACCEPT) {
		c->conn = ev->conn;
		accepted++;
	} else if (ev->type == FANTAIL_EVENT_CONN) {
		cr_assert_eq(ev->u.conn.events &
				     (FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT |
				      FANTAIL_EV_OVERRUN),
			     0);
		closed += !!(ev->u.conn.events & FANTAIL_EV_CLOSED);
	}
}

/* At most 20 s of the card's time. */
static void run_until(bool (*done)(void))
{
	uint64_t end = fantail_dev_now_us(dev) + 20000000;
	struct fantail_event ev[16];
	int n, i;

	while (!done()) {
		say_too_big();
		n = fantail_poll(f, ev, 16);
		cr_assert_geq(n, 0, "poll: %d", n);
		for (i = 0; i < n; i++)
			on_event(&ev[i]);
		if (n)
			continue;
		cr_assert_lt(fantail_dev_now_us(dev), end, "stuck");
		n = fantail_wait(f, 1000);
		cr_assert_geq(n, 0, "wait: %d", n);
	}
}

static bool all_accepted(void)
{
	return accepted == PEERS;
}

static bool all_delivered(void)
{
	int i;

	for (i = 0; i < PEERS; i++)
		if (client[i].down < PAYLOAD)
			return false;
	return true;
}

static bool all_closed(void)
{
	return closed == PEERS;
}

static bool all_released(void)
{
	struct fantail_stats s;

	fantail_stats(f, &s);
	return !s.open;
}

static bool peers_closed(void)
{
	struct fantail_peer_info info;
	bool all = true;
	uint32_t i;

	fantail_sim_lock(sim);
	for (i = 0; i < PEERS; i++) {
		fantail_peer_get_info(fantail_net_peers(fantail_sim_net(sim)),
				      i, &info);
		all = all && info.state == FANTAIL_PEER_CLOSED;
	}
	fantail_sim_unlock(sim);
	return all;
}

/* One payload to all; the path lets none of its first segments through. */
static void send_over_small_mtu(void)
{
	struct fantail_group *g;
	struct fantail_stats s;
	void *room;
	uint32_t i;

	cr_assert_eq(fantail_group_create(f, &g), 0);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(g, client[i].conn), 0);
	mtu = MTU;
	cr_assert_eq(fantail_arena_reserve(f, PAYLOAD, &room), 0);
	for (i = 0; i < PAYLOAD; i++)
		((uint8_t *)room)[i] = down_byte(i);
	cr_assert_eq(fantail_publish(f, fantail_to_group(g), room, PAYLOAD, 1),
		     0);
	cr_assert_eq(fantail_submit(f), 1);
	run_until(all_delivered);
	for (i = 0; i < PEERS; i++) {
		cr_assert_eq(client[i].wrong, false);
		cr_assert_eq(client[i].down, PAYLOAD);
		cr_assert_eq(client[i].conn->mss, MSS);
		cr_assert_eq(fantail_group_leave(g, client[i].conn), 0);
	}
	cr_assert_eq(fantail_group_destroy(g), 0);
	fantail_stats(f, &s);
	cr_assert_eq(s.icmp_mss_lowered, PEERS);
	cr_assert_eq(largest, MSS, "smaller, and full");
	cr_assert_geq(too_big, PEERS);
	/* what was in flight at the time, and no more */
	cr_assert_leq(too_big, PEERS * (PAYLOAD / 1448 + 1));
}

/* We first; the peers' FINs are never acknowledged before we have forgotten. */
static void close_with_lost_acks(void)
{
	struct fantail_peers *peers = fantail_net_peers(fantail_sim_net(sim));
	struct fantail_stats s;
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		fantail_close_conn(client[i].conn);
	fantail_submit(f);
	cr_assert_geq(fantail_wait(f, 50000), 0);
	fantail_sim_lock(sim);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_peer_shutdown(peers, i), 0);
	fantail_sim_unlock(sim);
	lose_acks = true;
	run_until(all_closed);
	for (i = 0; i < PEERS; i++)
		fantail_release_conn(client[i].conn);
	run_until(all_released);
	cr_assert_geq(acks_lost, PEERS);
	cr_assert_not(peers_closed());
	lose_acks = false;
	run_until(peers_closed);
	fantail_stats(f, &s);
	cr_assert_eq(s.time_wait_entered, PEERS);
	cr_assert_eq(s.time_wait, PEERS);
	cr_assert_geq(s.time_wait_acks, PEERS);
	cr_assert_eq(s.challenges, 0, "each was the FIN we expected");
	cr_assert_eq(s.rst_sent, 0);
}

Test(path, cookies_small_mtu_and_time_wait)
{
	struct fantail_stats s;
	char why[300];

	open_all();
	run_until(all_accepted);
	fantail_stats(f, &s);
	cr_assert_geq(s.cookies_accepted, PEERS - BACKLOG - 2);
	cr_assert_eq(s.cookies_bad, 0);
	cr_assert_eq(s.syn_dropped, 0);
	send_over_small_mtu();
	close_with_lost_acks();
	fantail_close(f);
	fantail_dev_close(dev);
	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(sim);
}
