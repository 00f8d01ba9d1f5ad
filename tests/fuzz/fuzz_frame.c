/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of the fuzzer: valid segments, what becomes of them, noise. */
#include <string.h>

#include "fuzz.h"
#include "net.h"

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
	ETH = 14,
	IP = 20,
	TCP = 20,
	OPT_MAX = 40,
	MTU = 1500,
};

/* A segment before it becomes a frame; the lengths follow by themselves. */
struct seg {
	uint32_t src, dst, seq, ack;
	uint16_t sport, dport, wnd, urg, id, frag;
	uint8_t flags, tos, ttl, proto, version;
	uint8_t opt[OPT_MAX], ip_opt[OPT_MAX];
	uint32_t opt_len, ip_opt_len; /* multiples of 4 */
	int ihl, doff, total;	      /* -1: right; else instead */
	const uint8_t *bytes;
	uint32_t len;
};

static uint32_t sum16(const uint8_t *p, uint32_t len, uint32_t sum)
{
	uint64_t s = sum;

	for (; len >= 2; len -= 2, p += 2)
		s += (uint32_t)p[0] << 8 | p[1];
	if (len)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return (uint32_t)s;
}

/* As far as the headers make sense, whatever they have become. */
static void repair(uint8_t *frame, uint32_t len)
{
	uint8_t *ip = frame + ETH, *tcp;
	uint32_t head, total;

	if (len < ETH + IP)
		return;
	head = (ip[0] & 15u) * 4;
	total = fuzz_get(ip + 2, 2);
	if (head < IP || ETH + head > len)
		return;
	fuzz_put(ip + 10, 0, 2);
	fuzz_put(ip + 10, ~sum16(ip, head, 0), 2);
	if (total > len - ETH || total < head + TCP || ip[9] != 6)
		return;
	tcp = ip + head;
	fuzz_put(tcp + 16, 0, 2);
	fuzz_put(tcp + 16,
		 ~sum16(tcp, total - head, sum16(ip + 12, 8, 6 + total - head)),
		 2);
}

static uint32_t serialize(const struct seg *s, uint8_t *frame)
{
	static const uint8_t macs[12] = { 2, 'f', 'a', 'n', 0, 1,
					  2, 'p', 0,   0,   0, 9 };
	uint8_t *ip = frame + ETH, *tcp = ip + IP + s->ip_opt_len;
	uint32_t tcp_head = TCP + s->opt_len;
	uint32_t head = IP + s->ip_opt_len, room = MTU - head - tcp_head;
	uint32_t len = s->len < room ? s->len : room;

	memcpy(frame, macs, 12);
	fuzz_put(frame + 12, 0x0800, 2);
	ip[0] = (uint8_t)(s->version << 4 |
			  (s->ihl >= 0 ? (uint32_t)s->ihl : head / 4));
	ip[1] = s->tos;
	fuzz_put(ip + 2,
		 s->total >= 0 ? (uint32_t)s->total : head + tcp_head + len, 2);
	fuzz_put(ip + 4, s->id, 2);
	fuzz_put(ip + 6, s->frag, 2);
	ip[8] = s->ttl;
	ip[9] = s->proto;
	fuzz_put(ip + 10, 0, 2);
	fuzz_put(ip + 12, s->src, 4);
	fuzz_put(ip + 16, s->dst, 4);
	memcpy(ip + IP, s->ip_opt, s->ip_opt_len);
	fuzz_put(tcp, s->sport, 2);
	fuzz_put(tcp + 2, s->dport, 2);
	fuzz_put(tcp + 4, s->seq, 4);
	fuzz_put(tcp + 8, s->ack, 4);
	tcp[12] = (uint8_t)((s->doff >= 0 ? (uint32_t)s->doff : tcp_head / 4)
			    << 4);
	tcp[13] = s->flags;
	fuzz_put(tcp + 14, s->wnd, 2);
	fuzz_put(tcp + 16, 0, 2);
	fuzz_put(tcp + 18, s->urg, 2);
	memcpy(tcp + TCP, s->opt, s->opt_len);
	memcpy(tcp + tcp_head, s->bytes, len);
	len += ETH + head + tcp_head;
	if (len < 60) {
		memset(frame + len, 0, 60 - len);
		len = 60;
	}
	return len;
}

static void put_timestamps(struct seg *s, uint32_t val, uint32_t ecr)
{
	fuzz_put(s->opt, 0x0101080A, 4);
	fuzz_put(s->opt + 4, val, 4);
	fuzz_put(s->opt + 8, ecr, 4);
	s->opt_len = 12;
}

/* ---------------------------------------------------------- valid segments */
static uint32_t payload_len(struct fuzz *z)
{
	uint32_t r = fuzz_below(z, 64);

	return r == 0  ? 1448
	       : r < 4 ? 1 + fuzz_below(z, 1448)
		       : 1 + fuzz_below(z, 100);
}

static uint32_t some_ack(struct fuzz *z, const struct fuzz_conn *c)
{
	uint32_t out = c->max - c->una, ahead = c->end - c->una;

	switch (fuzz_below(z, 8)) {
	case 0:
	case 1:
		return c->una;
	case 2:
		return out ? c->una + fuzz_below(z, out + 1) : c->una;
	case 3: /* perhaps of what is only about to be sent */
		return ahead < 65536 ? c->una + fuzz_below(z, ahead + 1)
				     : c->max;
	default:
		return c->max;
	}
}

static void base_segment(struct seg *s, const struct fuzz_conn *c)
{
	memset(s, 0, sizeof(*s));
	s->src = c->ip;
	s->dst = FUZZ_LOCAL_IP;
	s->sport = c->port;
	s->dport = FUZZ_PORT;
	s->seq = c->next;
	s->version = 4;
	s->ttl = 64;
	s->proto = 6;
	s->frag = 0x4000;
	s->flags = ACK;
	s->wnd = 65535;
	s->ihl = s->doff = s->total = -1;
}

static void valid_segment(struct fuzz *z, struct fuzz_conn *c, struct seg *s)
{
	uint32_t kind = fuzz_below(z, 100);

	base_segment(s, c);
	s->ack = some_ack(z, c);
	if (fuzz_below(z, 16) == 0)
		s->wnd = (uint16_t)fuzz_below(z, 2048);
	if (c->ts)
		put_timestamps(s, c->ts_val, c->ts_card);
	if (kind < 45) {
		s->len = payload_len(z);
		s->flags |= PSH;
	} else if (kind < 53) { /* old, partly new, ahead */
		s->len = payload_len(z);
		s->seq += fuzz_below(z, 3000) - 1500;
	} else if (kind < 54) {
		s->flags |= FIN;
		s->len = fuzz_below(z, 2) * payload_len(z);
	} else if (kind < 56) {
		s->flags |= RST;
		if (fuzz_below(z, 4))
			s->seq += fuzz_below(z, 65536);
	} else if (kind < 58) {
		s->flags = (uint8_t)(SYN | (fuzz_below(z, 2) ? ACK : 0));
		s->seq = fuzz_random(z);
	}
	s->bytes = z->noise + fuzz_below(z, FUZZ_NOISE);
}

/* What the card will have taken, if it takes it: the next may follow it. */
static void hope(struct fuzz_conn *c, const struct seg *s)
{
	if (s->seq == c->next && s->flags & ACK && !(s->flags & (SYN | RST)))
		c->next += s->len;
	if ((int32_t)(s->ack - c->una) > 0 && (int32_t)(c->max - s->ack) >= 0)
		c->una = s->ack;
}

/* --------------------------------------------------------------- mutations */
static uint32_t nudge(struct fuzz *z, uint32_t v)
{
	static const uint32_t by[] = { 1,	   2,	       1460,
				       65534,	   65535,      65536,
				       0x7FFFFFFF, 0x80000000, 0x80000001,
				       0x100,	   1448 };
	uint32_t d = by[fuzz_below(z, sizeof(by) / sizeof(by[0]))];

	switch (fuzz_below(z, 4)) {
	case 0:
		return fuzz_random(z);
	case 1:
		return v - d;
	case 2:
		return v + d;
	default:
		return v ^ 1u << fuzz_below(z, 32);
	}
}

/* Options in any order, with lengths that may lie. */
static uint32_t option_soup(struct fuzz *z, uint8_t *o)
{
	static const struct {
		uint8_t kind, len;
	} option[] = { { 0, 1 },  { 1, 1 },  { 1, 1 },	 { 2, 4 },
		       { 3, 3 },  { 4, 2 },  { 5, 10 },	 { 8, 10 },
		       { 8, 10 }, { 8, 10 }, { 19, 18 }, { 254, 6 } };
	uint32_t len = 4 * (1 + fuzz_below(z, OPT_MAX / 4)), at = 0, k;

	for (k = 0; k < OPT_MAX; k++)
		o[k] = (uint8_t)fuzz_random(z);
	while (at < len) {
		k = fuzz_below(z, sizeof(option) / sizeof(option[0]));
		o[at] = option[k].kind;
		if (option[k].len > 1 && at + 1 < len && fuzz_below(z, 5))
			o[at + 1] = option[k].len;
		at += option[k].len;
	}
	return len;
}

static void mutate_ip(struct fuzz *z, struct seg *s)
{
	uint32_t i;

	switch (fuzz_below(z, 9)) {
	case 0:
		s->version = (uint8_t)fuzz_below(z, 16);
		break;
	case 1:
		s->ihl = (int)fuzz_below(z, 16);
		break;
	case 2:
		s->total = (int)(fuzz_below(z, 2) ? fuzz_below(z, 80)
						  : fuzz_below(z, 65536));
		break;
	case 3:
		s->frag = (uint16_t)(fuzz_below(z, 2) ? 1u << fuzz_below(z, 16)
						      : fuzz_random(z));
		break;
	case 4:
		s->proto = (uint8_t)(fuzz_below(z, 2) ? 1 : fuzz_random(z));
		break;
	case 5:
		s->tos = (uint8_t)fuzz_random(z);
		s->id = (uint16_t)fuzz_random(z);
		s->ttl = (uint8_t)fuzz_below(z, 3);
		break;
	case 6:
		s->dst ^= 1u << fuzz_below(z, 32);
		break;
	default: /* a valid frame, whose TCP header stands elsewhere */
		s->ip_opt_len = 4 * (1 + fuzz_below(z, 10));
		for (i = 0; i < s->ip_opt_len; i++)
			s->ip_opt[i] = (uint8_t)fuzz_random(z);
		break;
	}
}

static void mutate_options(struct fuzz *z, struct fuzz_conn *c, struct seg *s)
{
	switch (fuzz_below(z, 5)) {
	case 0:
		s->opt_len = 0;
		break;
	case 1:
		put_timestamps(s, nudge(z, c->ts_val), nudge(z, c->ts_card));
		break;
	case 2: /* timestamps that only a scan finds */
		memset(s->opt, 1, OPT_MAX);
		fuzz_put(s->opt + 3, 0x080A, 2);
		fuzz_put(s->opt + 5, c->ts_val, 4);
		fuzz_put(s->opt + 9, c->ts_card, 4);
		s->opt_len = 16;
		break;
	default:
		s->opt_len = option_soup(z, s->opt);
		break;
	}
}

static void mutate(struct fuzz *z, struct fuzz_conn *c, struct seg *s)
{
	switch (fuzz_below(z, 14)) {
	case 0:
	case 1:
		s->seq = nudge(z, s->seq);
		break;
	case 2:
	case 3:
		s->ack = nudge(z, fuzz_below(z, 2) ? c->una : c->max);
		break;
	case 4: /* few ends of connections: a release takes two sweeps */
		s->flags = (uint8_t)fuzz_random(z);
		if (fuzz_below(z, 8))
			s->flags &= (uint8_t) ~(RST | FIN);
		break;
	case 5:
		s->flags ^= (uint8_t)(8u << fuzz_below(z, 5));
		break;
	case 6:
		s->wnd = (uint16_t)(fuzz_below(z, 3) ? fuzz_random(z) : 0);
		break;
	case 7:
		s->doff = (int)fuzz_below(z, 16);
		break;
	case 8:
		s->urg = (uint16_t)fuzz_random(z);
		s->flags |= 32;
		break;
	case 9:
		if (fuzz_below(z, 2))
			s->sport = (uint16_t)nudge(z, s->sport);
		else
			s->dport = (uint16_t)nudge(z, s->dport);
		break;
	case 10:
		s->len = fuzz_below(z, 1461);
		break;
	case 11:
		mutate_ip(z, s);
		break;
	default:
		mutate_options(z, c, s);
		break;
	}
}

/* Bits and ends of the finished frame; returns its new length. */
static uint32_t mutate_bytes(struct fuzz *z, uint8_t *frame, uint32_t len)
{
	uint32_t n = 1 + fuzz_below(z, 8), to;

	switch (fuzz_below(z, 4)) {
	case 0: /* cut, or filled up, down to a frame of 14 bytes */
		to = fuzz_below(z, 8) ? 14 + fuzz_below(z, 120)
				      : 14 + fuzz_below(z, FUZZ_FRAME_MAX - 13);
		if (to > len)
			memcpy(frame + len, z->noise, to - len);
		return to;
	default:
		while (n--) {
			uint32_t span = fuzz_below(z, 4) ? 70 : len;
			uint32_t bit =
				fuzz_below(z, 8 * (span < len ? span : len));

			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		return len;
	}
}

static uint32_t arbitrary(struct fuzz *z, uint8_t *frame)
{
	uint32_t len = 14 + (fuzz_below(z, 8)
				     ? fuzz_below(z, 115)
				     : fuzz_below(z, FUZZ_FRAME_MAX - 13));

	memcpy(frame, z->noise + fuzz_below(z, FUZZ_NOISE), len);
	fuzz_put(frame + fuzz_below(z, len - 3), fuzz_random(z), 4);
	if (fuzz_below(z, 4) == 0)
		return len;
	fuzz_put(frame + 12, 0x0800, 2);
	if (len < 34 || fuzz_below(z, 2) == 0)
		return len;
	frame[14] =
		(uint8_t)(0x45 + (fuzz_below(z, 4) ? 0 : fuzz_below(z, 11)));
	if (fuzz_below(z, 2))
		fuzz_put(frame + 16, len - ETH, 2);
	if (fuzz_below(z, 2))
		frame[23] = 6;
	if (fuzz_below(z, 2))
		fuzz_put(frame + 20, 0, 2);
	if (fuzz_below(z, 2))
		repair(frame, len);
	return len;
}

/* One that is up, else any. */
static struct fuzz_conn *choose(struct fuzz *z)
{
	uint32_t i = fuzz_below(z, z->conns - 1), n;

	for (n = 0; n < z->conns - 1; n++) {
		if (z->conn[i].state == FUZZ_UP)
			break;
		i = i + 1 == z->conns - 1 ? 0 : i + 1;
	}
	return &z->conn[i];
}

uint32_t fuzz_make_frame(struct fuzz *z, uint8_t *frame, enum fuzz_made *how)
{
	struct fuzz_conn *c;
	struct seg s;
	uint32_t len, n;

	*how = FUZZ_ARBITRARY;
	if (fuzz_below(z, 10) == 0)
		return arbitrary(z, frame);
	c = choose(z);
	c->ts_val += fuzz_below(z, 2);
	valid_segment(z, c, &s);
	/* what stands between mutations must come through */
	*how = FUZZ_VALID;
	n = fuzz_below(z, 8);
	if (n == 0) {
		hope(c, &s);
		len = serialize(&s, frame);
		repair(frame, len);
		return len;
	}
	*how = FUZZ_MUTATED;
	for (n = n < 6 ? 1 : n - 4; n--;)
		mutate(z, c, &s);
	hope(c, &s);
	len = serialize(&s, frame);
	if (fuzz_below(z, 4) == 0)
		len = mutate_bytes(z, frame, len);
	if (fuzz_below(z, 20))
		repair(frame, len);
	else
		*how = FUZZ_UNREPAIRED;
	return len;
}

/* ------------------------------------------------------ healthy connection */
uint8_t fuzz_healthy_byte(uint64_t at)
{
	return (uint8_t)(at * 37 + at / 253);
}

uint8_t fuzz_up_byte(uint64_t at)
{
	return (uint8_t)(at * 11 + at / 239 + 5);
}

uint32_t fuzz_healthy_frame(struct fuzz *z, uint8_t *frame, uint32_t up_len)
{
	struct fuzz_conn *c = &z->conn[z->conns - 1];
	uint8_t bytes[1460];
	struct seg s;
	uint32_t i, len;

	for (i = 0; i < up_len; i++)
		bytes[i] = fuzz_up_byte(z->healthy.up + i);
	base_segment(&s, c);
	s.seq = z->healthy.irs + 1 + (uint32_t)z->healthy.up;
	s.ack = z->healthy.iss + 1 + (uint32_t)z->healthy.got;
	s.bytes = bytes;
	s.len = up_len;
	put_timestamps(&s, ++c->ts_val, c->ts_card);
	len = serialize(&s, frame);
	repair(frame, len);
	return len;
}

static void healthy_input(struct fuzz *z, uint32_t seq, const uint8_t *p,
			  uint32_t len)
{
	struct fuzz_healthy *h = &z->healthy;
	uint32_t at = h->iss + 1 + (uint32_t)h->got, skip = at - seq;

	if (!len)
		return;
	h->ack_due = true;
	if (skip >= len) /* old, or ahead of a hole */
		return;
	for (p += skip, len -= skip; len--; p++)
		if (*p != fuzz_healthy_byte(h->got++))
			h->wrong = true;
}

void fuzz_card_frame(struct fuzz *z, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + IP;
	uint32_t seq, total, head, i;
	struct fuzz_conn *c;

	z->res.frames_sent++;
	if (len < ETH + IP + TCP || fuzz_get(frame + 12, 2) != 0x0800 ||
	    ip[0] != 0x45 || ip[9] != 6)
		return;
	total = fuzz_get(ip + 2, 2);
	head = tcp[12] / 16 * 4u;
	i = fuzz_get(tcp + 2, 2) - FUZZ_PEER_PORT;
	if (i >= z->conns || head < TCP || total < IP + head ||
	    total + ETH > len)
		return;
	c = &z->conn[i];
	if (tcp[13] & RST)
		return;
	seq = fuzz_get(tcp + 4, 4);
	total -= IP + head;
	if (c->ts && head >= TCP + 12)
		c->ts_card = fuzz_get(tcp + TCP + 4, 4);
	if (i == z->conns - 1) {
		healthy_input(z, seq, tcp + head, total);
		return;
	}
	seq += total + (tcp[13] & FIN);
	if ((int32_t)(seq - c->max) > 0)
		c->max = seq;
}
