/* SPDX-License-Identifier: Apache-2.0 */
/* Peers against a scripted card. */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_card.h"
#include "peer.h"
#include "wire_check.h"

#define ISN 0xffffff00u /* our sequence numbers wrap soon */

static struct fantail_net_config cfg;
static struct fantail_peers_config peers_cfg;
static struct fantail_net *net;
static struct fantail_peers *peers;
static struct fantail_wire_check *check;
static uint64_t now;
static uint8_t frame[FANTAIL_NET_FRAME_MAX];
static char received[65536];
static size_t received_len;
static int events[8];
static bool abort_on_data, quiet;

static void on_data(void *ctx, struct fantail_peers *p, uint32_t peer,
		    const void *bytes, size_t len)
{
	(void)ctx;
	cr_assert_leq(received_len + len, sizeof(received));
	memcpy(received + received_len, bytes, len);
	received_len += len;
	if (abort_on_data)
		cr_assert_eq(fantail_peer_abort(p, peer), 0);
}

static void on_event(void *ctx, struct fantail_peers *p, uint32_t peer,
		     enum fantail_peer_event event)
{
	(void)ctx;
	(void)p;
	(void)peer;
	events[event]++;
}

static void wire_line(void *ctx, const char *line)
{
	(void)ctx;
	if (!quiet)
		fprintf(stderr, "%s\n", line);
}

static void setup(void)
{
	struct fantail_wire_check_config wire = { .log = wire_line };

	fantail_net_config_default(&cfg);
	fantail_peers_config_default(&peers_cfg);
	peers_cfg.count = 1;
	peers_cfg.on_data = on_data;
	peers_cfg.on_event = on_event;
	cfg.peers = &peers_cfg;
	cr_assert_eq(fantail_wire_check_open(&wire, &check), 0);
}

static void teardown(void)
{
	fantail_net_close(net);
	fantail_wire_check_close(check);
}

TestSuite(peers, .init = setup, .fini = teardown);

static void plug(void)
{
	cr_assert_eq(fantail_net_open("peers:", &cfg, &net), 0);
	peers = fantail_net_peers(net);
	cr_assert(peers);
}

/* Send a segment of the card; the checker must find it right. */
static void send_seg(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	cr_assert_eq(fantail_wire_check_tx(check, f, len, now), 0);
	cr_assert_eq(fantail_net_send(net, f, len, now), 0);
}

/* The next TCP segment due now; false: none. ARP is answered. */
static bool next(struct got *g)
{
	int len;

	while ((len = fantail_net_recv(net, frame, sizeof(frame), now)) > 0) {
		cr_assert_eq(
			fantail_wire_check_rx(check, frame, (size_t)len, now),
			0);
		if (!card_arp(net, frame, now) &&
		    frame_parse(frame, (size_t)len, g))
			return true;
	}
	cr_assert_eq(len, 0);
	return false;
}

/* As next(), but lets time run to the next event first. */
static bool wait_next(struct got *g)
{
	uint64_t at;

	while (!next(g)) {
		at = fantail_net_next_event_us(net);
		if (at == FANTAIL_NET_NEVER)
			return false;
		cr_assert_gt(at, now, "an event that brings nothing");
		now = at;
	}
	return true;
}

static struct seg reply(const struct got *g, uint32_t at, uint8_t flags,
			const char *data)
{
	return (struct seg){
		.src = g->dst,
		.dst = g->src,
		.sport = g->dport,
		.dport = g->sport,
		.seq = ISN + 1 + at,
		.ack = g->seq + (uint32_t)g->len +
		       !!(g->flags & (TCP_SYN | TCP_FIN)),
		.flags = flags,
		.data = data,
		.len = data ? strlen(data) : 0,
	};
}

static uint32_t card_ts;

static void send_data(const struct got *g, uint32_t at, uint8_t flags,
		      const char *data)
{
	struct seg s = reply(g, at, flags | TCP_ACK, data);

	if (g->has_ts)
		seg_ts(&s, card_ts, g->ts_val);
	send_seg(&s);
}

/* Take the SYN, answer, take the ACK; g is the ACK then. */
static void handshake(struct got *g, bool ts, int wscale)
{
	struct seg s;

	cr_assert(wait_next(g), "no SYN");
	cr_assert_eq(g->flags, TCP_SYN);
	cr_assert_eq(g->dport, CARD_PORT);
	s = reply(g, 0, TCP_SYN | TCP_ACK, NULL);
	s.seq = ISN;
	seg_mss(&s, 1460);
	if (ts)
		seg_ts(&s, ++card_ts, g->ts_val);
	if (wscale >= 0)
		seg_wscale(&s, (uint8_t)wscale);
	send_seg(&s);
	cr_assert(next(g), "no ACK");
	cr_assert_eq(g->flags, TCP_ACK);
	cr_assert_eq(g->ack, ISN + 1);
	cr_assert_eq(events[FANTAIL_PEER_EV_CONNECTED], 1);
}

static void expect_received(const char *text)
{
	cr_assert_eq(received_len, strlen(text), "%zu: %.*s", received_len,
		     (int)received_len, received);
	cr_assert_eq(memcmp(received, text, received_len), 0);
}

static struct fantail_peer_info info(void)
{
	struct fantail_peer_info i;

	cr_assert_eq(fantail_peer_get_info(peers, 0, &i), 0);
	return i;
}

Test(peers, options_of_the_syn)
{
	struct got g;

	plug();
	cr_assert(wait_next(&g));
	cr_assert(g.has_mss && g.mss == 1460);
	cr_assert_eq(g.wscale, 7);
	cr_assert(g.has_ts);
	cr_assert_eq(g.src, 0x0a010100);
	cr_assert_eq(g.dst, 0x0a010001);
}

Test(peers, syn_without_options_and_retransmission)
{
	struct got g, again;
	int n;

	peers_cfg.options.mss = 0;
	peers_cfg.options.wscale = -1;
	peers_cfg.options.timestamps = false;
	peers_cfg.options.retries = 3;
	plug();
	cr_assert(wait_next(&g));
	cr_assert(!g.has_mss && !g.has_ts && g.wscale == -1);
	for (n = 0; wait_next(&again); n++) {
		cr_assert_eq(again.seq, g.seq);
		cr_assert_eq(now, 1000000u * ((2u << n) - 1));
	}
	cr_assert_eq(n, 3);
	cr_assert_eq(events[FANTAIL_PEER_EV_TIMED_OUT], 1);
	cr_assert_eq(info().state, FANTAIL_PEER_FAILED);
}

Test(peers, delayed_ack_and_every_second_segment)
{
	struct got g, a;
	uint64_t start;

	plug();
	handshake(&g, true, 0);
	start = now;
	card_ts = 100;
	send_data(&g, 0, 0, "abc");
	cr_assert(!next(&a), "the first segment is not acknowledged at once");
	cr_assert(wait_next(&a));
	cr_assert_eq(now - start, 40000);
	cr_assert_eq(a.ack, ISN + 4);
	cr_assert_eq(a.ts_ecr, 100);
	send_data(&g, 3, 0, "def");
	card_ts++;
	send_data(&g, 6, TCP_PSH, "ghi");
	cr_assert(next(&a), "the second one is");
	cr_assert_eq(a.ack, ISN + 10);
	cr_assert_eq(a.ts_ecr, 100, "RFC 7323: of the first unacknowledged");
	cr_assert(!next(&a));
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	expect_received("abcdefghi");
	cr_assert_eq(info().acks_sent, 3);
}

Test(peers, hole_gives_duplicate_acks_then_all)
{
	struct got g, a;
	int i;

	peers_cfg.options.ack_every = 1;
	plug();
	handshake(&g, true, 0);
	/* build in order for the checker, lose the first on the way */
	{
		struct seg s = reply(&g, 0, TCP_ACK, "123");
		uint8_t f[FANTAIL_NET_FRAME_MAX];

		seg_ts(&s, card_ts, 0);
		fantail_wire_check_tx(check, f, frame_build(f, &s), now);
	}
	for (i = 1; i < 4; i++) {
		send_data(&g, 3u * (unsigned int)i, 0, "456789abc" + 3 * i - 3);
		cr_assert(next(&a));
		cr_assert_eq(a.ack, ISN + 1);
		cr_assert_eq(a.wnd, g.wnd, "a duplicate: same window");
		cr_assert_eq(a.len, 0);
	}
	cr_assert_eq(received_len, 0);
	send_data(&g, 0, 0, "123");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 13);
	cr_assert(!next(&a));
	expect_received("123456789abc");
	cr_assert_eq(info().dup_acks_sent, 3);
	cr_assert_eq(info().out_of_order, 3);
	/* an old segment is acknowledged at once and not delivered */
	send_data(&g, 0, 0, "123");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 13);
	cr_assert_eq(info().duplicates, 1);
	expect_received("123456789abc");
	/* half old, half new */
	send_data(&g, 9, 0, "abcdef");
	cr_assert(next(&a));
	expect_received("123456789abcdef");
}

Test(peers, out_of_order_is_dropped_without_reassembly)
{
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];

	peers_cfg.options.reassembly = 0;
	peers_cfg.options.timestamps = false;
	plug();
	handshake(&g, false, 0);
	s = reply(&g, 0, TCP_ACK, "abc");
	fantail_wire_check_tx(check, f, frame_build(f, &s), now);
	send_data(&g, 3, 0, "def");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1);
	send_data(&g, 0, 0, "abc");
	cr_assert(wait_next(&a));
	cr_assert_eq(a.ack, ISN + 4);
	expect_received("abc");
}

/* Paused, the window closes to the byte and never moves left. */
Test(peers, pause_closes_the_window_and_resume_opens_it)
{
	static char data[1001];
	struct got g, a;
	uint32_t at = 0, edge;

	memset(data, 'x', 1000);
	peers_cfg.options.buffer = 5000;
	peers_cfg.options.wscale = 3;
	peers_cfg.options.ack_every = 1;
	plug();
	handshake(&g, true, 2);
	edge = g.ack + (g.wnd << 3);
	cr_assert_eq(edge, ISN + 1 + 5000);
	cr_assert_eq(fantail_peer_pause(peers, 0), 0);
	for (; at < 5000; at += 1000) {
		send_data(&g, at, 0, data);
		cr_assert(next(&a));
		cr_assert_eq(a.ack + (a.wnd << 3), edge);
	}
	cr_assert_eq(a.wnd, 0);
	/* a probe is refused, with an ACK */
	data[1] = 0;
	send_data(&g, at, 0, data);
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1 + 5000);
	cr_assert_eq(received_len, 5000);
	/* less than a useful step keeps it closed */
	cr_assert_eq(fantail_peer_consume(peers, 0, 100), 100);
	cr_assert(!next(&a));
	cr_assert_eq(fantail_peer_consume(peers, 0, 1900), 1900);
	cr_assert(next(&a), "window update");
	cr_assert_eq(a.wnd << 3, 2000);
	cr_assert_eq(fantail_peer_resume(peers, 0), 0);
	cr_assert(next(&a));
	cr_assert_eq(a.wnd << 3, 5000);
	send_data(&g, at, 0, data);
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1 + 5001);
}

Test(peers, payload_beyond_the_window_is_counted)
{
	struct fantail_peers_stats st;
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];

	peers_cfg.options.buffer = 4;
	peers_cfg.options.wscale = -1;
	peers_cfg.options.timestamps = false;
	plug();
	handshake(&g, false, -1);
	quiet = true;
	s = reply(&g, 0, TCP_ACK, "abcdef");
	cr_assert_eq(fantail_wire_check_tx(check, f, frame_build(f, &s), 0), 1);
	fantail_net_send(net, f, frame_build(f, &s), now);
	cr_assert(wait_next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	expect_received("abcd");
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.beyond_window, 1);
}

Test(peers, bad_checksums_are_counted_and_not_delivered)
{
	struct fantail_peers_stats st;
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len;

	plug();
	handshake(&g, true, 0);
	s = reply(&g, 0, TCP_ACK, "abcdef");
	seg_ts(&s, card_ts, 0);
	len = frame_build(f, &s);
	f[len - 1] ^= 0x10;
	fantail_net_send(net, f, len, now);
	f[len - 1] ^= 0x10;
	f[18] ^= 1; /* identification: IPv4 checksum */
	fantail_net_send(net, f, len, now);
	s.opt_len = 0; /* no timestamp although agreed */
	fantail_net_send(net, f, frame_build(f, &s), now);
	seg_ts(&s, card_ts - 1, 0); /* PAWS */
	fantail_net_send(net, f, frame_build(f, &s), now);
	cr_assert(next(&a), "PAWS wants an ACK");
	cr_assert(!next(&a));
	cr_assert_eq(received_len, 0);
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.bad_checksums, 2);
	cr_assert_eq(st.bad_timestamps, 2);
}

Test(peers, card_closes_first_then_peer)
{
	struct got g, a;

	plug();
	handshake(&g, true, 0);
	send_data(&g, 0, TCP_FIN, "bye");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	cr_assert_eq(events[FANTAIL_PEER_EV_FIN], 1);
	cr_assert_eq(fantail_peer_send(peers, 0, "still here", 10), 0);
	cr_assert(next(&a));
	cr_assert_eq(a.len, 10);
	cr_assert_eq(fantail_peer_shutdown(peers, 0), 0);
	cr_assert_eq(fantail_peer_send(peers, 0, "x", 1), -EPIPE);
	cr_assert(next(&a));
	cr_assert_eq(a.len, 0);
	cr_assert(a.flags & TCP_FIN);
	cr_assert_eq(info().state, FANTAIL_PEER_CONNECTED);
	send_data(&a, 4, 0, NULL);
	cr_assert_eq(events[FANTAIL_PEER_EV_CLOSED], 1);
	cr_assert_eq(info().state, FANTAIL_PEER_CLOSED);
	cr_assert_eq(info().bytes_sent, 10);
	/* the card's FIN again: the ACK must have been lost */
	send_data(&a, 0, TCP_FIN, "bye");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	expect_received("bye");
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
}

Test(peers, peer_data_is_retransmitted_and_window_respected)
{
	static char data[4000];
	struct got g, a;
	struct seg s;
	uint32_t first;
	int i;

	for (i = 0; i < 4000; i++)
		data[i] = (char)(i * 7);
	plug();
	handshake(&g, false, -1);
	first = g.seq;
	s = reply(&g, 0, TCP_ACK, NULL);
	s.wnd = 3000;
	send_seg(&s);
	cr_assert_eq(fantail_peer_send(peers, 0, data, 4000), 0);
	for (i = 0; i < 3000; i += (int)a.len) {
		cr_assert(next(&a));
		cr_assert_eq(a.seq, first + (uint32_t)i);
		cr_assert_eq(memcmp(a.data, data + i, a.len), 0);
		cr_assert_leq(a.len, 1460);
	}
	cr_assert_eq(i, 3000);
	cr_assert(!next(&a));
	now = fantail_net_next_event_us(net);
	cr_assert(next(&a), "retransmission");
	cr_assert_eq(a.seq, first);
	cr_assert_eq(memcmp(a.data, data, a.len), 0);
	s.ack = first + 3000;
	s.wnd = 1000;
	send_seg(&s);
	cr_assert(next(&a));
	cr_assert_eq(a.seq, first + 3000);
	cr_assert_eq(a.len, 1000);
	cr_assert(a.flags & TCP_PSH);
	s.ack = first + 4000;
	send_seg(&s);
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	cr_assert_eq(info().bytes_sent, 4000);
}

Test(peers, reset_by_the_card)
{
	struct got g, a;
	struct seg s;

	plug();
	handshake(&g, true, 0);
	s = reply(&g, 5, TCP_RST, NULL); /* in the window, not exact */
	fantail_net_send(net, frame, frame_build(frame, &s), now);
	cr_assert(next(&a), "challenge ACK");
	cr_assert_eq(a.flags, TCP_ACK);
	cr_assert_eq(events[FANTAIL_PEER_EV_RESET], 0);
	s.seq = ISN + 1;
	send_seg(&s);
	cr_assert_eq(events[FANTAIL_PEER_EV_RESET], 1);
	cr_assert(!next(&a), "a RST is never answered");
	cr_assert_eq(info().state, FANTAIL_PEER_RESET);
}

Test(peers, abort_from_the_callback)
{
	struct got g, a;

	plug();
	handshake(&g, true, 0);
	abort_on_data = true;
	send_data(&g, 0, 0, "abc");
	cr_assert(next(&a));
	cr_assert(a.flags & TCP_RST);
	cr_assert_eq(a.seq, g.seq);
	cr_assert(!next(&a));
	send_data(&g, 3, 0, "def");
	cr_assert(next(&a), "RST for a dead connection");
	cr_assert_eq(a.flags, TCP_RST);
	cr_assert_eq(fantail_peer_send(peers, 0, "x", 1), -ENOTCONN);
}

Test(peers, refused_retried_and_connected_again)
{
	struct got g, a;
	struct seg s;
	uint64_t start;

	peers_cfg.connect_retries = 1;
	plug();
	cr_assert(wait_next(&g));
	start = now;
	s = reply(&g, 0, TCP_RST | TCP_ACK, NULL);
	s.seq = 0;
	send_seg(&s);
	cr_assert(wait_next(&a));
	cr_assert_eq(now - start, 100000);
	cr_assert_eq(a.flags, TCP_SYN);
	cr_assert_neq(a.sport, g.sport);
	s = reply(&a, 0, TCP_RST | TCP_ACK, NULL);
	s.seq = 0;
	send_seg(&s);
	cr_assert_eq(events[FANTAIL_PEER_EV_REFUSED], 1);
	cr_assert_eq(fantail_peer_connect(peers, 0, now + 5), 0);
	cr_assert_eq(fantail_peer_connect(peers, 0, now), -EISCONN);
	start = now;
	handshake(&g, true, 0);
	cr_assert_eq(now - start, 5);
	cr_assert_eq(info().connects, 3);
}

Test(peers, answers_arp)
{
	uint8_t f[ETH_MIN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t fixed[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	int len;

	peers_cfg.count = 3;
	peers_cfg.connect_at_us = FANTAIL_NET_NEVER;
	plug();
	memcpy(f + 6, card_mac, 6);
	put16(f + 12, TYPE_ARP);
	memcpy(f + 14, fixed, 8);
	memcpy(f + 22, card_mac, 6);
	put32(f + 28, fantail_net_card_ip(net));
	put32(f + 38, 0x0a010103); /* one behind the last */
	fantail_net_send(net, f, sizeof(f), 0);
	cr_assert_eq(fantail_net_recv(net, frame, sizeof(frame), 0), 0);
	put32(f + 38, 0x0a010102);
	fantail_net_send(net, f, sizeof(f), 0);
	len = fantail_net_recv(net, frame, sizeof(frame), 0);
	cr_assert_eq(len, ETH_MIN);
	cr_assert_eq(memcmp(frame, card_mac, 6), 0);
	cr_assert_eq(get16(frame + 20), 2);
	cr_assert_eq(get32(frame + 28), 0x0a010102);
	cr_assert_eq(memcmp(frame + 22, frame + 6, 6), 0);
	cr_assert_eq(get32(frame + 38), fantail_net_card_ip(net));
}

Test(peers, delay_of_the_way)
{
	struct got g;

	peers_cfg.delay_us = 250;
	peers_cfg.no_arp = true;
	plug();
	cr_assert_eq(fantail_net_recv(net, frame, sizeof(frame), 0), 0);
	cr_assert_eq(fantail_net_next_event_us(net), 250);
	now = 249;
	cr_assert(!next(&g));
	now = 250;
	cr_assert(next(&g));
}

/* One run of many peers; returns a hash of every frame and its time. */
static uint64_t many(uint64_t seed, uint32_t count)
{
	struct fantail_peers_stats st;
	struct got g;
	struct seg s;
	uint64_t hash = 0, at;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t i;

	cfg.seed = seed;
	peers_cfg.count = count;
	peers_cfg.connects_per_ms = 64;
	peers_cfg.on_data = NULL;
	now = 0;
	plug();
	for (;;) {
		while (next(&g)) {
			for (i = 0; i < ETH_MIN; i++)
				hash = mix64(hash ^ frame[i] ^ now << 8);
			s = reply(&g, 0, TCP_ACK, NULL);
			if (g.flags & TCP_SYN) {
				s.flags |= TCP_SYN;
				s.seq = ISN;
				seg_ts(&s, 1, g.ts_val);
				seg_mss(&s, 1460);
				fantail_net_send(net, f, frame_build(f, &s),
						 now);
			} else if (g.ack == ISN + 1) {
				s.data = "payload";
				s.len = 7;
				seg_ts(&s, 2, g.ts_val);
				fantail_net_send(net, f, frame_build(f, &s),
						 now);
			}
		}
		at = fantail_net_next_event_us(net);
		if (at == FANTAIL_NET_NEVER)
			break;
		now = at;
	}
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.connected, count);
	cr_assert_eq(st.bytes_received, 7ull * count);
	cr_assert_eq(st.retransmits, 0);
	/* paced: the last one connects on time; then one delayed ACK */
	cr_assert_eq(now, (count - 1) * 1000ull / 64 + 40000);
	fantail_net_close(net);
	net = NULL;
	return hash;
}

Test(peers, thousands_repeat_from_the_seed)
{
	uint64_t a = many(1, 4096), b = many(1, 4096);

	cr_assert_eq(a, b);
	cr_assert_neq(a, many(2, 4096));
}

Test(peers, sixteen_thousand)
{
	many(3, 16384);
}

struct log {
	char line[256];
};

static void keep_line(void *ctx, enum fantail_net_log_level level,
		      const char *line)
{
	struct log *log = ctx;

	(void)level;
	snprintf(log->line, sizeof(log->line), "%s", line);
}

Test(peers, uri_parameters)
{
	struct log log = { "" };
	static const char *const bad[] = {
		"peers",
		"pears:",
		"peers:count=3",
		"peers:?count=0",
		"peers:?count=70000",
		"peers:?mss=x",
		"peers:?wscale=15",
		"peers:?nonsense=1",
		"peers:?count",
		"peers:?card_ip=1.2.3",
		"peers:?card_port=0",
		"peers:?hostfwd=:1-:2",
		"peers:?mss=8",
		"peers:?timestamps=2",
		"peers:?seed=-1",
		"",
	};
	struct got g;
	size_t i;

	cfg.log = keep_line;
	cfg.log_ctx = &log;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		log.line[0] = 0;
		cr_assert_eq(fantail_net_open(bad[i], &cfg, &net), -EINVAL,
			     "%s", bad[i]);
		cr_assert(log.line[0], "%s: no message", bad[i]);
	}
	cr_assert_eq(fantail_net_open("peers:?count=3&mss=1000&wscale=-1&"
				      "timestamps=0&buffer=2000&ack_every=1&"
				      "card_ip=10.1.9.9&card_port=80&seed=7",
				      &cfg, &net),
		     0);
	peers = fantail_net_peers(net);
	cr_assert_eq(fantail_peers_count(peers), 3);
	cr_assert(!fantail_net_is_external(net));
	cr_assert(wait_next(&g));
	cr_assert(g.has_mss && g.mss == 1000);
	cr_assert(g.wscale == -1 && !g.has_ts);
	cr_assert_eq(g.wnd, 2000);
	cr_assert_eq(g.dst, 0x0a010909);
	cr_assert_eq(g.dport, 80);
}

Test(peers, lengths_of_frames)
{
	struct fantail_net_stats st;
	uint8_t f[1600] = { 0 };

	plug();
	cr_assert_eq(fantail_net_send(net, f, 13, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_send(net, f, 1515, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_recv(net, f, 1513, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	put16(f + 12, TYPE_IPV4);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	cr_assert_eq(fantail_net_send(net, f, 34, 0), 0);
	put16(f + 12, TYPE_ARP);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	fantail_net_get_stats(net, &st);
	cr_assert_eq(st.tx_bad, 2);
	cr_assert_eq(st.tx_frames, 4);
}

/* Whatever bytes come, nothing is read or written out of bounds. */
Test(peers, random_damage)
{
	const char *env = getenv("SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 42, r = seed;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct got g, a;
	struct seg s;
	size_t len;
	int i, n;

	quiet = true; /* the damage is on purpose */
	cr_log_info("seed %llu", (unsigned long long)seed);
	plug();
	handshake(&g, true, 0);
	for (i = 0; i < 20000; i++) {
		r = mix64(r);
		s = reply(&g, (uint32_t)(r & 15), TCP_ACK, "0123456789");
		seg_ts(&s, card_ts, 0);
		len = frame_build(f, &s);
		for (n = (int)(r >> 8 & 7); n; n--) {
			r = mix64(r);
			f[ETH_LEN + r % (len - ETH_LEN)] = (uint8_t)(r >> 16);
		}
		if (r >> 40 & 1 && (f[14] & 15) == 5 && get16(f + 16) >= 40 &&
		    get16(f + 16) <= len - ETH_LEN)
			frame_sums(f);
		if (!(r >> 41 & 7))
			len = 14 + (r >> 44) % (len - 13);
		fantail_net_send(net, f, len, now);
		fantail_wire_check_tx(check, f, len, now);
		fantail_wire_check_rx(check, f, len, now);
		while (next(&a))
			;
		received_len = 0;
	}
}
