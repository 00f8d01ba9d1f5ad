/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYN cookies (RFC 4987 3.6, row 10): beyond the backlog nothing is kept of a
 * SYN. All we need comes back in the ACK, inside numbers that are ours:
 *
 *   initial sequence number   31..29 period mod 8, of 64 s
 *                             28..26 index of the MSS
 *                             25..0  keyed hash of the tuple, the peer's
 *                                    number, period, MSS and options
 *   timestamp, if offered     4      the peer permits SACK
 *                             3..0   its window scale, 15: none
 *
 * A cookie is good for the rest of its period and the next one. It cannot be
 * sent again by us: if it is lost the peer repeats its SYN.
 */
#include "internal.h"

#include <string.h>

#define PERIOD_US    64000000ull
#define PERIOD_SHIFT 29
#define MSS_SHIFT    26
#define HASH_MASK    0x3FFFFFFu
#define TS_BITS	     0x1Fu
#define TS_SACK	     0x10u

/* Rounded down to: what peers have, and steps for those who are odd. */
static const uint16_t mss_table[8] = { 64,   216,  536,	 1024,
				       1300, 1400, 1440, 1460 };

static uint32_t mss_index(uint16_t mss)
{
	uint32_t i = 7;

	while (i && mss_table[i] > mss)
		i--;
	return i;
}

static uint32_t ts_bits(const struct cookie *c)
{
	return c->wscale | (c->sack ? TS_SACK : 0);
}

static uint32_t cookie_hash(const struct fantail *f, const struct segment *s,
			    uint32_t irs, uint64_t period, uint32_t index,
			    const struct cookie *c)
{
	uint8_t in[27];

	put32(in, f->opt.ip);
	put32(in + 4, s->ip);
	put16(in + 8, s->local_port);
	put16(in + 10, s->port);
	in[12] = HASH_COOKIE;
	put32(in + 13, irs);
	put32(in + 17, (uint32_t)(period >> 32));
	put32(in + 21, (uint32_t)period);
	in[25] = (uint8_t)index;
	in[26] = c->timestamps ? (uint8_t)(0x80 | ts_bits(c)) : 0;
	return (uint32_t)keyed_hash(f, in, sizeof(in)) & HASH_MASK;
}

void cookie_make(const struct fantail *f, const struct segment *s,
		 const struct cookie *c, uint64_t now, uint32_t ts_now,
		 uint32_t *iss, uint32_t *ts_val)
{
	uint64_t period = now / PERIOD_US;
	uint32_t index = mss_index(c->mss);

	*iss = (uint32_t)(period & 7) << PERIOD_SHIFT | index << MSS_SHIFT |
	       cookie_hash(f, s, s->seq, period, index, c);
	*ts_val = (ts_now & ~TS_BITS) | ts_bits(c);
	/* Never ahead of the clock: the card goes on with that. */
	if (before(ts_now, *ts_val))
		*ts_val -= TS_BITS + 1;
}

bool cookie_check(const struct fantail *f, const struct segment *s,
		  uint64_t now, struct cookie *c)
{
	uint32_t iss = s->ack - 1, index = iss >> MSS_SHIFT & 7;
	uint64_t period = now / PERIOD_US;
	uint64_t age = (period - (iss >> PERIOD_SHIFT)) & 7;

	/* This period or the one before. */
	if (age > 1 || age > period)
		return false;
	c->mss = mss_table[index];
	c->timestamps = s->opt.has_ts;
	c->wscale = s->opt.has_ts ? s->opt.ts_ecr & 15 : WSCALE_NONE;
	c->sack = s->opt.has_ts && s->opt.ts_ecr & TS_SACK;
	return (iss & HASH_MASK) ==
	       cookie_hash(f, s, s->seq - 1, period - age, index, c);
}

void cookie_answer(struct fantail *f, const struct segment *s)
{
	uint32_t offset = (uint32_t)(tuple_hash(f, HASH_SEQUENCE, s->ip,
						s->port, s->local_port) >>
				     32);
	struct cookie c = {
		.mss = tcp_peer_mss(&s->opt),
		.timestamps = s->opt.has_ts,
		.wscale = s->opt.has_ts && s->opt.has_wscale ? s->opt.wscale
							     : WSCALE_NONE,
		.sack = s->opt.has_ts && s->opt.has_sack,
	};
	struct tcp_options o = {
		.has_mss = true,
		.mss = MSS_OURS,
		/* Without timestamps we could not remember the peer's. */
		.has_wscale = c.wscale != WSCALE_NONE,
		.wscale = tcp_our_wscale(f),
		.has_ts = c.timestamps,
		.ts_ecr = s->opt.ts_val,
	};
	struct segment r = {
		.ip = s->ip,
		.port = s->port,
		.local_port = s->local_port,
		.ack = s->seq + 1,
		.flags = TCP_SYN | TCP_ACK,
		.wnd = tcp_syn_window(f),
	};
	uint64_t now = now_us(f);

	cookie_make(f, s, &c, now, ts_clock(f, offset), &r.seq, &o.ts_val);
	if (!tcp_send(f, arp_next_hop(f, s->ip, s->src_mac), &r, &o))
		return;
	if (now >= f->cookies_until_us)
		log_line(f, FANTAIL_LOG_WARN,
			 "backlog of port %u full: sending SYN cookies",
			 s->local_port);
	f->stats.cookies_sent++;
	f->cookies_until_us = now + 2 * PERIOD_US;
}

bool cookie_input(struct fantail *f, struct fantail_listener *l,
		  struct rx_frame *fr, const struct segment *s)
{
	struct embryo e = { .listener = l };
	uint64_t h;
	struct cookie c;

	/* Who sent none does not believe any: no target for guesses. */
	if (now_us(f) >= f->cookies_until_us)
		return false;
	if (!cookie_check(f, s, now_us(f), &c)) {
		f->stats.cookies_bad++;
		return false;
	}
	h = tuple_hash(f, HASH_SEQUENCE, s->ip, s->port, s->local_port);
	e.flow.ip = s->ip;
	e.flow.port = s->port;
	e.flow.local_port = s->local_port;
	memcpy(e.mac, arp_next_hop(f, s->ip, s->src_mac), ETH_ALEN);
	e.iss = s->ack - 1;
	e.irs = s->seq - 1;
	e.ts_offset = (uint32_t)(h >> 32);
	e.timestamps = c.timestamps;
	e.ts_recent = s->opt.ts_val;
	e.peer_mss = c.mss;
	e.wscale = c.wscale != WSCALE_NONE;
	e.snd_wscale = e.wscale ? c.wscale : 0;
	e.rcv_wscale = e.wscale ? tcp_our_wscale(f) : 0;
	/* No room: dropped, the peer sends its first data again. */
	if (embryo_install(f, &e, fr, s, (uint32_t)s->wnd << e.snd_wscale, 0))
		f->stats.cookies_accepted++;
	return true;
}
