/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers over a way that loses, repeats and reorders frames, both directions at
 * once: every byte arrives once and in order, whatever the options.
 */
/* model: none */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_card.h"
#include "peer.h"
#include "wire_check.h"

#define ISN	0xffffc000u
#define STREAM	300000u
#define CHUNK	1000u
#define STEP_US 100
#define RTO_US	20000

struct options {
	uint32_t reassembly;
	uint32_t buffer;
	int wscale;
	bool timestamps;
	uint8_t ack_every;
};

static struct fantail_net *net;
static struct fantail_peers *peers;
static struct fantail_wire_check *check;
static uint64_t now, rnd;
static uint32_t received; /* by the peer */
static bool wrong;
/* the card: a sender that goes back to the first hole, and a receiver */
static uint32_t una, nxt, max, edge, rcv_nxt, shift;
static uint64_t rto_at;
static struct got peer_seg;
static bool connected, use_ts;

static uint8_t pattern(uint32_t stream, uint32_t at)
{
	return (uint8_t)(mix64((uint64_t)stream << 32 | at / 8) >> at % 8 * 8);
}

static uint32_t chance(uint32_t of)
{
	rnd = mix64(rnd);
	return (uint32_t)(rnd >> 20) % of;
}

static void on_data(void *ctx, struct fantail_peers *ps, uint32_t peer,
		    const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	size_t i;

	(void)ctx;
	for (i = 0; i < len; i++)
		wrong |= b[i] != pattern(1, received++);
	/* a reader that sometimes stops */
	if (!chance(40))
		fantail_peer_pause(ps, peer);
}

static void wire_line(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

/* The way from the card: one frame may wait for its successor. */
static void way(const uint8_t *f, size_t len)
{
	static uint8_t kept[FANTAIL_NET_FRAME_MAX];
	static size_t kept_len;

	if (!chance(20))
		return;
	if (!kept_len && !chance(15)) {
		memcpy(kept, f, len);
		kept_len = len;
		return;
	}
	fantail_net_send(net, f, len, now);
	if (!chance(30))
		fantail_net_send(net, f, len, now);
	if (kept_len)
		fantail_net_send(net, kept, kept_len, now);
	kept_len = 0;
}

static void card_send(uint32_t seq, uint8_t flags, const void *data, size_t len)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct seg s = {
		.src = peer_seg.dst,
		.dst = peer_seg.src,
		.sport = peer_seg.dport,
		.dport = peer_seg.sport,
		.seq = seq,
		.ack = rcv_nxt,
		.flags = flags,
		.data = data,
		.len = len,
	};
	size_t frame_len;

	if (flags & TCP_SYN)
		seg_mss(&s, 1460);
	if (use_ts)
		seg_ts(&s, (uint32_t)(now / 1000), peer_seg.ts_val);
	if (flags & TCP_SYN && peer_seg.wscale >= 0)
		seg_wscale(&s, 0);
	frame_len = frame_build(f, &s);
	cr_assert_eq(fantail_wire_check_tx(check, f, frame_len, now), 0);
	way(f, frame_len);
}

static void card_input(const struct got *g)
{
	uint32_t i, skip;

	peer_seg.ts_val = g->ts_val;
	if (g->flags & TCP_SYN) {
		peer_seg = *g;
		rcv_nxt = g->seq + 1;
		use_ts = g->has_ts;
		shift = g->wscale > 0 ? (uint32_t)g->wscale : 0;
		card_send(ISN, TCP_SYN | TCP_ACK, NULL, 0);
		return;
	}
	if (!connected) {
		una = nxt = max = ISN + 1;
		edge = una;
		connected = true;
	}
	if (seq_diff(una, g->ack) > 0) {
		una = g->ack;
		rto_at = now + RTO_US;
	}
	if (seq_diff(nxt, una) > 0)
		nxt = una;
	if (seq_diff(edge, g->ack + (g->wnd << shift)) > 0)
		edge = g->ack + (g->wnd << shift);
	skip = rcv_nxt - g->seq;
	if (skip > g->len) /* ahead of a hole, or old */
		skip = (uint32_t)g->len;
	for (i = skip; i < g->len; i++, rcv_nxt++)
		wrong |= g->data[i] != pattern(2, rcv_nxt - peer_seg.seq - 1);
	if (g->len)
		card_send(max, TCP_ACK, NULL, 0);
}

static void card_output(void)
{
	uint8_t data[CHUNK];
	uint32_t i, len;

	if (una != max && now >= rto_at) {
		nxt = una;
		rto_at = now + RTO_US;
	}
	while (nxt - (ISN + 1) < STREAM && nxt - una < 20 * CHUNK) {
		len = STREAM - (nxt - (ISN + 1));
		if (len > CHUNK)
			len = CHUNK;
		if (seq_diff(nxt, edge) < (int32_t)len)
			len = seq_diff(nxt, edge) > 0 ? edge - nxt : 0;
		/* closed: probe with a byte when time is up */
		if (!len && una == max && now >= rto_at)
			len = 1;
		if (!len)
			break;
		for (i = 0; i < len; i++)
			data[i] = pattern(1, nxt - (ISN + 1) + i);
		card_send(nxt, TCP_ACK, data, len);
		if (nxt == una)
			rto_at = now + RTO_US;
		nxt += len;
		if (seq_diff(max, nxt) > 0)
			max = nxt;
	}
}

static void stream(const struct options *o, uint64_t seed)
{
	struct fantail_wire_check_config wire = { .log = wire_line };
	struct fantail_peers_config cfg;
	struct fantail_net_config net_cfg;
	struct fantail_peers_stats st;
	static uint8_t out[STREAM];
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct got g;
	uint32_t i;
	int len;

	rnd = seed;
	fantail_net_config_default(&net_cfg);
	fantail_peers_config_default(&cfg);
	net_cfg.peers = &cfg;
	cfg.count = 1;
	cfg.on_data = on_data;
	cfg.options.reassembly = o->reassembly;
	cfg.options.buffer = o->buffer;
	cfg.options.wscale = (int8_t)o->wscale;
	cfg.options.timestamps = o->timestamps;
	cfg.options.ack_every = o->ack_every;
	cfg.options.rto_us = 20000;
	cfg.options.retries = 20;
	cr_assert_eq(fantail_net_open("peers:", &net_cfg, &net), 0);
	cr_assert_eq(fantail_wire_check_open(&wire, &check), 0);
	peers = fantail_net_peers(net);
	for (i = 0; i < STREAM; i++)
		out[i] = pattern(2, i);
	cr_assert_eq(fantail_peer_send(peers, 0, out, STREAM), 0);

	for (; now < 600000000; now += STEP_US) {
		struct fantail_peer_info info;

		while ((len = fantail_net_recv(net, f, sizeof(f), now)) > 0) {
			if (card_arp(net, f, now) ||
			    !frame_parse(f, (size_t)len, &g) || !chance(20))
				continue;
			fantail_wire_check_rx(check, f, (size_t)len, now);
			card_input(&g);
		}
		if (connected)
			card_output();
		if (!chance(50))
			fantail_peer_resume(peers, 0);
		cr_assert(!wrong, "wrong byte, received %u", received);
		fantail_peer_get_info(peers, 0, &info);
		if (received == STREAM && una == ISN + 1 + STREAM &&
		    !info.unsent)
			break;
	}
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(received, STREAM, "at %llu us", (unsigned long long)now);
	cr_assert_eq(rcv_nxt - peer_seg.seq - 1, STREAM);
	cr_assert(st.out_of_order && st.duplicates && st.retransmits,
		  "the way was too good");
	cr_assert_eq(st.bad_checksums + st.bad_frames + st.beyond_window, 0);
	fantail_net_close(net);
	fantail_wire_check_close(check);
}

ParameterizedTestParameters(peers_loss, both_directions)
{
	static struct options o[] = {
		{ 65536, 65535, 7, true, 2 }, { 65536, 200000, 4, true, 1 },
		{ 0, 65535, 0, true, 2 },     { 8000, 8000, -1, false, 1 },
		{ 3000, 1500, 2, false, 3 },
	};

	return cr_make_param_array(struct options, o, sizeof(o) / sizeof(o[0]));
}

ParameterizedTest(struct options *o, peers_loss, both_directions)
{
	const char *env = getenv("SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 1;

	cr_log_info("seed %llu", (unsigned long long)seed);
	stream(o, seed);
}
