/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted card for tests of the networks: builds frames byte by byte,
 * answers ARP and SYN, and keeps one connection's sequence numbers.
 */
#ifndef NET_CARD_H
#define NET_CARD_H

#include <criterion/criterion.h>
#include <string.h>

#include "net.h"
#include "net_frame.h"

#define CARD_PORT 9000u

static const uint8_t card_mac[6] = { 0x02, 'f', 'a', 'n', 0, 1 };

/* A TCP segment to build; what is zero gets the usual value. */
struct seg {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd;
	const void *data;
	size_t len;
	uint8_t opt[40];
	size_t opt_len; /* multiple of four */
};

static inline void seg_ts(struct seg *s, uint32_t val, uint32_t ecr)
{
	uint8_t *o = s->opt + s->opt_len;

	o[0] = o[1] = OPT_NOP;
	o[2] = OPT_TS;
	o[3] = 10;
	put32(o + 4, val);
	put32(o + 8, ecr);
	s->opt_len += 12;
}

static inline void seg_mss(struct seg *s, uint16_t mss)
{
	uint8_t *o = s->opt + s->opt_len;

	o[0] = OPT_MSS;
	o[1] = 4;
	put16(o + 2, mss);
	s->opt_len += 4;
}

static inline void seg_wscale(struct seg *s, uint8_t shift)
{
	uint8_t *o = s->opt + s->opt_len;

	o[0] = OPT_NOP;
	o[1] = OPT_WSCALE;
	o[2] = 3;
	o[3] = shift;
	s->opt_len += 4;
}

/* Recompute both checksums after a test has changed a frame. */
static inline void frame_sums(uint8_t *f)
{
	uint8_t *ip = f + ETH_LEN, *tcp = ip + IP_LEN;
	size_t len = get16(ip + 2) - IP_LEN;

	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, IP_LEN)));
	put16(tcp + 16, 0);
	put16(tcp + 16, csum_tcp(ip, tcp, len));
}

/* Returns the frame's length; f has FANTAIL_NET_FRAME_MAX bytes. */
static inline size_t frame_build(uint8_t *f, const struct seg *s)
{
	uint8_t *ip = f + ETH_LEN, *tcp = ip + IP_LEN;
	size_t total = IP_LEN + TCP_LEN + s->opt_len + s->len;

	memset(f, 0, ETH_MIN);
	f[0] = 0x02;
	f[5] = 0x77;
	memcpy(f + 6, card_mac, 6);
	put16(f + 12, TYPE_IPV4);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)total);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = PROTO_TCP;
	put32(ip + 12, s->src);
	put32(ip + 16, s->dst);
	put16(tcp, s->sport);
	put16(tcp + 2, s->dport);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)((TCP_LEN + s->opt_len) / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->wnd ? s->wnd : 65535);
	memcpy(tcp + TCP_LEN, s->opt, s->opt_len);
	if (s->len)
		memcpy(tcp + TCP_LEN + s->opt_len, s->data, s->len);
	frame_sums(f);
	total += ETH_LEN;
	return total < ETH_MIN ? ETH_MIN : total;
}

/* A received segment. */
struct got {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack, wnd;
	uint8_t flags;
	const uint8_t *data;
	size_t len;
	bool has_ts, has_mss;
	uint32_t ts_val, ts_ecr;
	uint16_t mss;
	int wscale; /* -1: none */
};

static inline bool frame_parse(const uint8_t *f, size_t len, struct got *g)
{
	const uint8_t *ip = f + ETH_LEN, *tcp = ip + IP_LEN, *o;
	size_t total, head;

	memset(g, 0, sizeof(*g));
	g->wscale = -1;
	if (get16(f + 12) != TYPE_IPV4 || ip[9] != PROTO_TCP)
		return false;
	total = get16(ip + 2);
	cr_assert(len >= ETH_MIN && total + ETH_LEN <= len, "frame length");
	cr_assert_eq(ip[0], 0x45);
	cr_assert_eq(csum_fold(csum_add(0, ip, IP_LEN)), 0);
	cr_assert_eq(csum_tcp(ip, tcp, total - IP_LEN), 0);
	head = tcp[12] / 16 * 4;
	g->src = get32(ip + 12);
	g->dst = get32(ip + 16);
	g->sport = get16(tcp);
	g->dport = get16(tcp + 2);
	g->seq = get32(tcp + 4);
	g->ack = get32(tcp + 8);
	g->flags = tcp[13];
	g->wnd = get16(tcp + 14);
	g->data = tcp + head;
	g->len = total - IP_LEN - head;
	for (o = tcp + TCP_LEN; o < tcp + head && *o; o += *o == 1 ? 1 : o[1]) {
		if (*o == OPT_MSS) {
			g->has_mss = true;
			g->mss = get16(o + 2);
		} else if (*o == OPT_WSCALE) {
			g->wscale = o[2];
		} else if (*o == OPT_TS) {
			g->has_ts = true;
			g->ts_val = get32(o + 2);
			g->ts_ecr = get32(o + 6);
		}
	}
	return true;
}

/* Answer an ARP request for the card; false: it was something else. */
static inline bool card_arp(struct fantail_net *net, const uint8_t *f,
			    uint64_t now)
{
	uint8_t r[ETH_MIN] = { 0 };

	if (get16(f + 12) != TYPE_ARP)
		return false;
	if (get16(f + 20) != 1 || get32(f + 38) != fantail_net_card_ip(net))
		return true;
	memcpy(r, f + 6, 6);
	memcpy(r + 6, card_mac, 6);
	memcpy(r + 12, f + 12, 8);
	put16(r + 20, 2);
	memcpy(r + 22, card_mac, 6);
	put32(r + 28, fantail_net_card_ip(net));
	memcpy(r + 32, f + 22, 10);
	cr_assert_eq(fantail_net_send(net, r, sizeof(r), now), 0);
	return true;
}

#endif
