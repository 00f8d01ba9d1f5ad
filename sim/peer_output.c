/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: what they send. */
#include <string.h>

#include "peer_internal.h"

enum {
	FRAME_HEAD = ETH_LEN + IP_LEN,
	TS_BYTES = 12,	     /* NOP NOP TS */
	BURST_SEGMENTS = 10, /* most in flight towards the card */
};

static uint32_t ts_now(const struct fantail_peers *ps, const struct peer *p)
{
	return p->ts_offset + (uint32_t)(ps->net->now_us / 1000);
}

static uint32_t free_space(const struct peer *p)
{
	return p->opt.buffer > p->unread ? p->opt.buffer - p->unread : 0;
}

/*
 * The window field to send, advancing rcv_adv. The right edge moves only in
 * useful steps (RFC 9293 3.8.6.2.2) and never to the left by rounding.
 */
uint32_t peer_window(struct peer *p)
{
	unsigned int shift = p->ws_on ? (unsigned int)p->opt.wscale : 0;
	uint32_t space = free_space(p), old, step, field;

	old = seq_diff(p->rcv_nxt, p->rcv_adv) > 0 ? p->rcv_adv - p->rcv_nxt
						   : 0;
	step = p->opt.buffer / 2;
	if (step > (p->opt.mss ? p->opt.mss : MSS_DEFAULT))
		step = p->opt.mss ? p->opt.mss : MSS_DEFAULT;
	if (p->unread && space < old + step)
		space = old;
	if (space < old)
		space = old;
	field = space >> shift;
	if (field << shift < old)
		field++;
	if (field > 65535)
		field = 65535;
	p->rcv_adv = p->rcv_nxt + (field << shift);
	if (seq_diff(p->rcv_max, p->rcv_adv) > 0)
		p->rcv_max = p->rcv_adv;
	return field;
}

/* A SYN-ACK has only what the SYN offered; the card never offers SACK. */
static uint32_t put_syn_options(const struct fantail_peers *ps,
				const struct peer *p, bool answer, uint8_t *o)
{
	bool ts = answer ? p->ts_on : p->opt.timestamps;
	bool ws = answer ? p->ws_on : p->opt.wscale >= 0;
	uint8_t *start = o;

	if (p->opt.mss) {
		o[0] = OPT_MSS;
		o[1] = 4;
		put16(o + 2, p->opt.mss);
		o += 4;
	}
	if (p->opt.sack_permitted && !answer) {
		o[0] = o[1] = OPT_NOP;
		o[2] = OPT_SACK_OK;
		o[3] = 2;
		o += 4;
	}
	if (ts) {
		o[0] = o[1] = OPT_NOP;
		o[2] = OPT_TS;
		o[3] = 10;
		put32(o + 4, ts_now(ps, p));
		put32(o + 8, answer ? p->ts_recent : 0);
		o += TS_BYTES;
	}
	if (ws) {
		o[0] = OPT_NOP;
		o[1] = OPT_WSCALE;
		o[2] = 3;
		o[3] = (uint8_t)p->opt.wscale;
		o += 4;
	}
	return (uint32_t)(o - start);
}

static uint32_t put_options(const struct fantail_peers *ps,
			    const struct peer *p, uint8_t flags, uint8_t *o)
{
	if (flags & TCP_SYN)
		return put_syn_options(ps, p, flags & TCP_ACK, o);
	if (!p->ts_on || flags & TCP_RST)
		return 0;
	o[0] = o[1] = OPT_NOP;
	o[2] = OPT_TS;
	o[3] = 10;
	put32(o + 4, ts_now(ps, p));
	put32(o + 8, p->ts_recent);
	return TS_BYTES;
}

/* Headers around an IPv4 packet whose TCP part is in place; sends it. */
static void send_packet(struct fantail_peers *ps, const struct peer *p,
			uint8_t *frame, uint32_t tcp_len)
{
	uint8_t *ip = frame + ETH_LEN, *tcp = ip + IP_LEN;
	uint32_t len = FRAME_HEAD + tcp_len;

	memcpy(frame, ps->mac, 6);
	peers_mac(ps, p->index, frame + 6);
	put16(frame + 12, TYPE_IPV4);
	ip[0] = 0x45;
	ip[1] = 0;
	put16(ip + 2, (uint16_t)(IP_LEN + tcp_len));
	put32(ip + 4, 0x4000); /* identification 0, DF */
	ip[8] = 64;
	ip[9] = PROTO_TCP;
	put16(ip + 10, 0);
	put32(ip + 12, ps->cfg.first_ip + p->index);
	put32(ip + 16, peer_card_ip(ps, p));
	put16(ip + 10, csum_fold(csum_add(0, ip, IP_LEN)));
	put16(tcp + 16, 0);
	put16(tcp + 16, csum_tcp(ip, tcp, tcp_len));
	if (len < ETH_MIN) {
		memset(frame + len, 0, ETH_MIN - len);
		len = ETH_MIN;
	}
	net_queue(ps->net, frame, len, ps->cfg.delay_us);
}

void peer_transmit(struct fantail_peers *ps, struct peer *p, uint8_t flags,
		   uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	uint8_t frame[FANTAIL_NET_FRAME_MAX], *tcp = frame + FRAME_HEAD;
	uint32_t head, wnd;

	head = TCP_LEN + put_options(ps, p, flags, tcp + TCP_LEN);
	if (flags & TCP_SYN) {
		/* RFC 7323 2.2: the window of a SYN is never scaled */
		wnd = p->opt.buffer < 65535 ? p->opt.buffer : 65535;
	} else {
		wnd = peer_window(p);
	}
	put16(tcp, p->port);
	put16(tcp + 2, p->card_port);
	put32(tcp + 4, seq);
	put32(tcp + 8, flags & TCP_ACK ? p->rcv_nxt : 0);
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[13] = flags;
	put16(tcp + 14, (uint16_t)wnd);
	put16(tcp + 18, 0);
	if (len)
		memcpy(tcp + head, bytes, len);
	send_packet(ps, p, frame, head + len);

	if (flags & TCP_ACK) {
		p->last_ack = p->rcv_nxt;
		p->ack_count = 0;
		p->ack_due_us = NEVER;
	}
}

void peer_ack(struct fantail_peers *ps, struct peer *p, bool dup)
{
	/* RFC 9293 3.10.7.4: the sequence number is SND.NXT */
	peer_transmit(ps, p, TCP_ACK, p->snd_max, NULL, 0);
	p->acks_sent++;
	ps->stats.acks_sent++;
	if (dup) {
		p->dup_acks_sent++;
		ps->stats.dup_acks_sent++;
	}
}

/* RFC 9293 3.5.2: the RST that fits a segment of no connection. */
void peer_reply_reset(struct fantail_peers *ps, const struct peer *p,
		      uint16_t port, const struct segment *s)
{
	uint8_t frame[FANTAIL_NET_FRAME_MAX], *tcp = frame + FRAME_HEAD;
	uint32_t len = s->len;

	if (s->flags & TCP_RST)
		return;
	memset(tcp, 0, TCP_LEN);
	put16(tcp, port);
	put16(tcp + 2, s->card_port);
	tcp[12] = TCP_LEN / 4 << 4;
	if (s->flags & TCP_ACK) {
		put32(tcp + 4, s->ack);
		tcp[13] = TCP_RST;
	} else {
		len += !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
		put32(tcp + 8, s->seq + len);
		tcp[13] = TCP_RST | TCP_ACK;
	}
	send_packet(ps, p, frame, TCP_LEN);
}

/* Payload that fits a segment to the card. */
static uint32_t segment_room(const struct peer *p)
{
	uint32_t room = p->snd_mss;

	if (room > 1500 - IP_LEN - TCP_LEN)
		room = 1500 - IP_LEN - TCP_LEN;
	return room - (p->ts_on ? TS_BYTES : 0);
}

/* Send what window and burst allow, from snd_nxt on. */
void peer_output(struct fantail_peers *ps, struct peer *p)
{
	uint32_t room = segment_room(p), limit = BURST_SEGMENTS * room;

	if (p->state != FANTAIL_PEER_CONNECTED || p->fin_acked)
		return;
	if (limit > p->snd_wnd)
		limit = p->snd_wnd;
	for (;;) {
		uint32_t at = p->snd_nxt - p->snd_una, len = 0;
		uint8_t flags = TCP_ACK;
		bool fin, again;

		if (at > p->out_len)
			break; /* the FIN is sent */
		if (limit > at)
			len = limit - at;
		if (len > p->out_len - at)
			len = p->out_len - at;
		if (len > room)
			len = room;
		fin = p->fin_queued && at + len == p->out_len;
		if (!len && !fin)
			break;
		if (at + len == p->out_len)
			flags |= TCP_PSH;
		if (fin)
			flags |= TCP_FIN;
		again = seq_diff(p->snd_nxt, p->snd_max) > 0;
		peer_transmit(ps, p, flags, p->snd_nxt, p->out + at, len);
		p->retransmits += again;
		ps->stats.retransmits += again;
		p->snd_nxt += len + fin;
		p->fin_sent |= fin;
		if (seq_diff(p->snd_max, p->snd_nxt) > 0)
			p->snd_max = p->snd_nxt;
	}
	/* data or FIN under way, or waiting for a closed window */
	if (p->snd_max == p->snd_una && !p->out_len)
		p->rto_due_us = NEVER;
	else if (p->rto_due_us == NEVER)
		p->rto_due_us = ps->net->now_us + p->rto_us;
}
