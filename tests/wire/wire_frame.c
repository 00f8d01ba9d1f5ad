/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of scripted wire tests: build those of the peer, read the card's. */
#include <string.h>

#include "../common/wire_bytes.h"
#include "wire.h"

enum {
	ETH = 14,
	IP = 20,
	TCP = 20,
	PORT = 9000,
	MSS_SENT = 1460, /* by the card; the wire checker looks at it */
};

/* Byte @at of a stream: of the engine's, or of the peer's (@up). */
uint8_t wire_byte(bool up, unsigned int conn, uint64_t at)
{
	uint64_t x = ((uint64_t)up << 8 | conn) << 48 | at / 8;

	x += 0x9E3779B97F4A7C15u;
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
	x = (x ^ x >> 27) * 0x94D049BB133111EBu;
	x ^= x >> 31;
	return (uint8_t)(x >> at % 8 * 8);
}

static uint32_t add(const uint8_t *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static uint32_t peer_ip(const struct wire *w, const struct wire_conn *c)
{
	return 0x0A010100u + (uint32_t)(c - w->conn);
}

/* Ethernet and IP around @len bytes of TCP, which stand at their place. */
static size_t finish(const struct wire *w, const struct wire_conn *c,
		     const struct wire_spec *s, bool to_card, uint8_t *frame,
		     size_t len)
{
	uint8_t *ip = frame + ETH, *tcp = ip + IP + s->ip_options;
	const uint8_t peer_mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(c - w->conn) };
	size_t head = IP + s->ip_options;

	memcpy(frame, to_card ? w->mac : peer_mac, 6);
	memcpy(frame + 6, to_card ? peer_mac : w->mac, 6);
	put(frame + 12, 0x0800, 2);
	memset(ip, 0, IP);
	memset(ip + IP, 1, s->ip_options); /* no-operation */
	ip[0] = (uint8_t)(0x40 | head / 4);
	put(ip + 2, (uint32_t)(head + len), 2);
	if (s->more_fragments || s->fragment)
		put(ip + 6, (s->more_fragments ? 0x2000u : 0) | s->fragment, 2);
	else
		put(ip + 6, 0x4000, 2);
	ip[8] = 64;
	ip[9] = 6;
	put(ip + 12, to_card ? peer_ip(w, c) : w->ip, 4);
	put(ip + 16, to_card ? w->ip : peer_ip(w, c), 4);
	put(ip + 10, (~add(ip, head, 0) ^ (s->bad_ip ? 0x0100 : 0)), 2);
	put(tcp + 16, 0, 2);
	put(tcp + 16,
	    (~add(tcp, len, add(ip + 12, 8, 6 + (uint32_t)len)) ^
	     (s->bad_tcp ? 0x0100 : 0)),
	    2);
	return ETH + head + len;
}

static uint8_t *put_ts(uint8_t *o, uint32_t val, uint32_t ecr)
{
	put(o, 0x0101080A, 4);
	put(o + 4, val, 4);
	put(o + 8, ecr, 4);
	return o + 12;
}

size_t wire_build(const struct wire *w, const struct wire_conn *c,
		  const struct wire_spec *s, uint8_t *frame)
{
	uint8_t *tcp = frame + ETH + IP + s->ip_options, *o = tcp + TCP;
	uint32_t i;

	memset(frame, 0, FANTAIL_NET_FRAME_MAX);
	put(tcp, c->port, 2);
	put(tcp + 2, PORT, 2);
	put(tcp + 4, c->irs + (uint32_t)s->seq, 4);
	put(tcp + 8, s->flags & WIRE_ACK ? c->iss + (uint32_t)s->ack : 0, 4);
	tcp[13] = s->flags;
	put(tcp + 14, s->wnd >> (s->flags & WIRE_SYN ? 0 : c->opt.wscale), 2);
	put(tcp + 18, s->urgent, 2);
	if (s->ts)
		o = put_ts(o, s->val, s->ecr);
	memcpy(o, s->option, s->option_len);
	o += s->option_len;
	tcp[12] = (uint8_t)((o - tcp) / 4 << 4 | s->reserved);
	for (i = 0; i < s->len; i++)
		*o++ = wire_byte(true, (unsigned int)(c - w->conn),
				 (uint64_t)(s->seq + i));
	return finish(w, c, s, true, frame, (size_t)(o - tcp));
}

size_t wire_build_shake(const struct wire *w, const struct wire_conn *c,
			uint8_t flags, uint8_t *frame)
{
	const struct wire_spec none = { 0 };
	const bool to_card = flags != (WIRE_SYN | WIRE_ACK);
	uint8_t *tcp = frame + ETH + IP, *o = tcp + TCP;
	uint32_t wnd = c->opt.wnd;

	memset(frame, 0, FANTAIL_NET_FRAME_MAX);
	put(tcp, to_card ? c->port : PORT, 2);
	put(tcp + 2, to_card ? PORT : c->port, 2);
	put(tcp + 4, (to_card ? c->irs : c->iss) - !!(flags & WIRE_SYN), 4);
	if (flags & WIRE_ACK)
		put(tcp + 8, to_card ? c->iss : c->irs, 4);
	tcp[13] = flags;
	/* RFC 7323 2.2: the window of a SYN is not scaled */
	if (!(flags & WIRE_SYN))
		wnd >>= c->opt.wscale;
	put(tcp + 14, to_card && wnd < 65535 ? wnd : 65535, 2);
	if (flags & WIRE_SYN) {
		/* the context's MSS has the options subtracted */
		put(o,
		    0x02040000 |
			    (to_card ? c->opt.mss + 12 * c->opt.ts : MSS_SENT),
		    4);
		put(o + 4,
		    0x01030300 | (to_card ? c->opt.wscale : c->opt.rscale), 4);
		o += 8;
	}
	if (c->opt.ts)
		o = put_ts(o, to_card ? 1000 : 5000,
			   flags == WIRE_SYN ? 0 : (to_card ? 5000 : 1000));
	tcp[12] = (uint8_t)((o - tcp) / 4 << 4);
	return finish(w, c, &none, to_card, frame, (size_t)(o - tcp));
}

static void read_options(struct wire_segment *s, const uint8_t *o,
			 const uint8_t *end)
{
	while (o < end && *o) {
		if (*o == 1) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		if (*o == 8 && o[1] == 10) {
			s->has_ts = true;
			s->val = get(o + 2, 4);
			s->ecr = get(o + 6, 4);
		}
		o += o[1];
	}
}

/* False: not TCP, or of impossible lengths. */
bool wire_decode(const struct wire *w, const uint8_t *frame, size_t len,
		 struct wire_segment *s)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + IP;
	uint32_t total, head;
	int i;

	if (len < ETH + IP + TCP || get(frame + 12, 2) != 0x0800 ||
	    ip[0] != 0x45 || ip[9] != 6)
		return false;
	total = get(ip + 2, 2);
	head = (uint32_t)tcp[12] / 16 * 4;
	if (head < TCP || total < IP + head || total + ETH > len)
		return false;
	s->conn = -1;
	s->peer_ip = get(ip + 16, 4);
	s->peer_port = (uint16_t)get(tcp + 2, 2);
	for (i = 0; i < WIRE_CONNS; i++)
		if (w->conn[i].port && s->peer_port == w->conn[i].port &&
		    s->peer_ip == peer_ip(w, &w->conn[i]))
			s->conn = i;
	s->seq = get(tcp + 4, 4);
	s->ack = get(tcp + 8, 4);
	s->flags = tcp[13];
	s->wnd = (uint16_t)get(tcp + 14, 2);
	s->len = total - IP - head;
	s->has_ts = false;
	read_options(s, tcp + TCP, tcp + head);
	memcpy(s->bytes, tcp + head, s->len);
	return true;
}

void wire_format_flags(uint8_t flags, char *text)
{
	static const char letters[] = "FSRPAUEC";
	int i;

	for (i = 0; i < 8; i++)
		if (flags & 1 << i)
			*text++ = letters[i];
	*text = 0;
}

/* Relative numbers are shown as signed, like in a script. */
void wire_format(const struct wire *w, const struct wire_segment *s, char *text,
		 size_t size)
{
	const struct wire_conn *c = &w->conn[s->conn < 0 ? 0 : s->conn];
	char flags[9], ts[40] = "";

	wire_format_flags(s->flags, flags);
	if (s->has_ts)
		snprintf(ts, sizeof(ts), " val %u ecr %u", s->val, s->ecr);
	if (s->conn < 0)
		snprintf(text, size, "%08x:%u > seq %u len %u ack %u flags %s",
			 s->peer_ip, s->peer_port, s->seq, s->len, s->ack,
			 flags);
	else
		snprintf(text, size,
			 "@%c > seq %d len %u ack %d flags %s wnd %u%s",
			 'a' + s->conn, (int32_t)(s->seq - c->iss), s->len,
			 (int32_t)(s->ack - c->irs), flags,
			 (uint32_t)s->wnd << c->opt.rscale, ts);
}
