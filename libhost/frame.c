/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that the card hands to the host: sort them, and build the TCP
 * segments we answer with. Nothing in a frame is believed unchecked.
 */
#include "internal.h"

#include <string.h>

#define ETH_HEADER     14u
#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_ARP  0x0806u
#define PROTO_ICMP     1u
#define PROTO_TCP      6u
#define IP_HEADER      20u
#define TCP_HEADER     20u
#define IP_DF	       0x4000u
#define TTL	       64u

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len > 1; len -= 2, p += 2)
		sum += get16(p);
	return len ? sum + (uint32_t)(p[0] << 8) : sum;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

/* Pseudo header: both addresses, protocol, length. */
static uint32_t pseudo_sum(const uint8_t *ip, uint32_t tcp_len)
{
	return sum16(ip + 12, 8, PROTO_TCP + tcp_len);
}

size_t tcp_build(const struct fantail *f, uint8_t *frame,
		 const uint8_t *dst_mac, const struct segment *s,
		 const struct tcp_options *o)
{
	uint8_t *ip = frame + ETH_HEADER, *tcp = ip + IP_HEADER;
	size_t tcp_len;

	memset(frame, 0, ETH_HEADER + IP_HEADER + TCP_HEADER);
	memcpy(frame, dst_mac, ETH_ALEN);
	memcpy(frame + 6, f->opt.mac, ETH_ALEN);
	put16(frame + 12, ETHERTYPE_IPV4);
	tcp_len = TCP_HEADER + tcp_build_options(tcp + TCP_HEADER, o);

	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(IP_HEADER + tcp_len));
	put16(ip + 6, IP_DF);
	ip[8] = TTL;
	ip[9] = PROTO_TCP;
	put32(ip + 12, f->opt.ip);
	put32(ip + 16, s->ip);
	put16(ip + 10, (uint16_t)~sum_fold(sum16(ip, IP_HEADER, 0)));

	put16(tcp, s->local_port);
	put16(tcp + 2, s->port);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->wnd);
	put16(tcp + 16,
	      (uint16_t)~sum_fold(
		      sum16(tcp, tcp_len, pseudo_sum(ip, (uint32_t)tcp_len))));
	return ETH_HEADER + IP_HEADER + tcp_len;
}

bool tcp_send(struct fantail *f, const uint8_t *dst_mac,
	      const struct segment *s, const struct tcp_options *o)
{
	struct fantail_entry *e;
	void *scratch;

	e = control_space(f) ? control_get(f, &scratch) : NULL;
	if (!e) {
		f->stats.frames_unsent++;
		return false;
	}
	control_frame(f, e, tcp_build(f, scratch, dst_mac, s, o));
	return true;
}

/*
 * RFC 9293 3.5.2 and 3.10.7.1, rows 39, 49: never for a RST; with an ACK, RST
 * at its number; else RST and ACK of all the segment holds. To where it came
 * from: there need not be a route.
 */
void tcp_send_reset(struct fantail *f, const struct segment *to)
{
	static const struct tcp_options none;
	struct segment s = {
		.ip = to->ip,
		.port = to->port,
		.local_port = to->local_port,
	};

	if (to->flags & TCP_RST) {
		f->stats.rst_ignored++;
		return;
	}
	if (to->flags & TCP_ACK) {
		s.seq = to->ack;
		s.flags = TCP_RST;
	} else {
		s.ack = to->seq + to->len + !!(to->flags & TCP_SYN) +
			!!(to->flags & TCP_FIN);
		s.flags = TCP_RST | TCP_ACK;
	}
	if (tcp_send(f, to->src_mac, &s, &none))
		f->stats.rst_sent++;
}

static bool parse_tcp(struct fantail *f, const struct rx_frame *fr,
		      size_t header, size_t ip_len, struct segment *s)
{
	const uint8_t *ip = fr->data + ETH_HEADER;
	const uint8_t *tcp = ip + header;
	size_t len = ip_len - header, offset;

	if (len < TCP_HEADER)
		return false;
	offset = (size_t)(tcp[12] >> 4) * 4;
	if (offset < TCP_HEADER || offset > len)
		return false;
	if (sum_fold(sum16(tcp, len, pseudo_sum(ip, (uint32_t)len))) != 0xFFFF)
		return false;
	s->src_mac = fr->data + ETH_ALEN;
	s->ip = get32(ip + 12);
	s->port = get16(tcp);
	s->local_port = get16(tcp + 2);
	s->seq = get32(tcp + 4);
	s->ack = get32(tcp + 8);
	s->flags = tcp[13];
	s->wnd = get16(tcp + 14);
	s->len = (uint32_t)(len - offset);
	if (!tcp_parse_options(tcp + TCP_HEADER, offset - TCP_HEADER, &s->opt))
		f->stats.options_bad++;
	return true;
}

/*
 * A host we may talk to: RFC 9293 3.9.2.3 MUST-57/63, RFC 1122 3.2.1.3, row 9:
 * nothing to or from a broadcast or multicast address is answered.
 */
static bool source_ok(const struct fantail *f, const uint8_t *mac, uint32_t ip)
{
	uint32_t host =
		f->opt.prefix_len == 32 ? 0 : UINT32_MAX >> f->opt.prefix_len;

	if (mac[0] & 1 || !ip || ip == f->opt.ip || ip >> 28 >= 0xE ||
	    ip >> 24 == 127)
		return false;
	/* /31 and /32 have no broadcast address (RFC 3021). */
	return host < 2 || (ip | host) != ip ||
	       (ip & ~host) != (f->opt.ip & ~host);
}

static void ipv4_input(struct fantail *f, struct rx_frame *fr)
{
	uint8_t *ip = fr->data + ETH_HEADER;
	uint32_t room = fr->len - ETH_HEADER;
	struct segment s;
	size_t header;
	uint16_t len;

	if (room < IP_HEADER)
		goto bad;
	header = (size_t)(ip[0] & 15) * 4;
	len = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IP_HEADER || header > len ||
	    len > room || sum_fold(sum16(ip, header, 0)) != 0xFFFF ||
	    get16(ip + 6) & 0x3FFF || get32(ip + 16) != f->opt.ip ||
	    memcmp(fr->data, f->opt.mac, ETH_ALEN) ||
	    !source_ok(f, fr->data + ETH_ALEN, get32(ip + 12)))
		goto bad;
	if (ip[9] == PROTO_ICMP) {
		icmp_input(f, fr, len);
	} else if (ip[9] == PROTO_TCP) {
		if (!parse_tcp(f, fr, header, len, &s))
			goto bad;
		tcp_input(f, fr, &s);
	} else {
		f->stats.frames_other++;
	}
	return;
bad:
	f->stats.frames_bad++;
}

void frame_input(struct fantail *f, uint16_t slot, uint32_t offset,
		 uint32_t len)
{
	struct rx_frame fr = {
		.data = (uint8_t *)fantail_slot(f->qp, slot) + offset,
		.len = len,
		.slot = slot,
	};

	f->stats.frames++;
	if (offset || len < ETH_HEADER)
		f->stats.frames_bad++;
	else if (get16(fr.data + 12) == ETHERTYPE_ARP)
		arp_input(f, &fr);
	else if (get16(fr.data + 12) == ETHERTYPE_IPV4)
		ipv4_input(f, &fr);
	else
		f->stats.frames_other++;
	/* Also if an entry reads from it: that one is before the return. */
	control_return_slot(f, slot);
}
