/* SPDX-License-Identifier: Apache-2.0 */
/* One network of peers, the scripted card before it, and what was seen. */
#ifndef PEER_CARD_H
#define PEER_CARD_H

#include <criterion/criterion.h>
#include <stdio.h>

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

static inline void on_data(void *ctx, struct fantail_peers *p, uint32_t peer,
			   const void *bytes, size_t len)
{
	(void)ctx;
	cr_assert_leq(received_len + len, sizeof(received));
	memcpy(received + received_len, bytes, len);
	received_len += len;
	if (abort_on_data)
		cr_assert_eq(fantail_peer_abort(p, peer), 0);
}

static inline void on_event(void *ctx, struct fantail_peers *p, uint32_t peer,
			    enum fantail_peer_event event)
{
	(void)ctx;
	(void)p;
	(void)peer;
	events[event]++;
}

static inline void wire_line(void *ctx, const char *line)
{
	(void)ctx;
	if (!quiet)
		fprintf(stderr, "%s\n", line);
}

static inline void setup(void)
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

static inline void teardown(void)
{
	fantail_net_close(net);
	fantail_wire_check_close(check);
}

static inline void plug(void)
{
	cr_assert_eq(fantail_net_open("peers:", &cfg, &net), 0);
	peers = fantail_net_peers(net);
	cr_assert(peers);
}

/* Send a segment of the card; the checker must find it right. */
static inline void send_seg(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	cr_assert_eq(fantail_wire_check_tx(check, f, len, now), 0);
	cr_assert_eq(fantail_net_send(net, f, len, now), 0);
}

/* The next TCP segment due now; false: none. ARP is answered. */
static inline bool next(struct got *g)
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
static inline bool wait_next(struct got *g)
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

static inline struct seg reply(const struct got *g, uint32_t at, uint8_t flags,
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

static inline void send_data(const struct got *g, uint32_t at, uint8_t flags,
			     const char *data)
{
	struct seg s = reply(g, at, flags | TCP_ACK, data);

	if (g->has_ts)
		seg_ts(&s, card_ts, g->ts_val);
	send_seg(&s);
}

/* Take the SYN, answer, take the ACK; g is the ACK then. */
static inline void handshake(struct got *g, bool ts, int wscale)
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

static inline void expect_received(const char *text)
{
	cr_assert_eq(received_len, strlen(text), "%zu: %.*s", received_len,
		     (int)received_len, received);
	cr_assert_eq(memcmp(received, text, received_len), 0);
}

static inline struct fantail_peer_info info(void)
{
	struct fantail_peer_info i;

	cr_assert_eq(fantail_peer_get_info(peers, 0, &i), 0);
	return i;
}

#endif
