/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Active open: ARP, SYN, and the SYN-SENT state of RFC 9293 3.10.7.3. Two
 * SYNs that cross go on in handshake.c as SYN-RECEIVED.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT_FIRST 49152u /* RFC 6335 6: dynamic ports */
#define PORT_COUNT 16384u

int connects_init(struct fantail *f)
{
	uint32_t i;

	if (timers_reserve(&f->timers, f->opt.connects))
		return -ENOMEM;
	f->dials = calloc(f->opt.connects, sizeof(*f->dials));
	if (!f->dials)
		return -ENOMEM;
	for (i = 0; i < f->opt.connects; i++) {
		f->dials[i].next = f->dial_free;
		f->dial_free = &f->dials[i];
	}
	return 0;
}

void connect_event(struct fantail *f, void *user, int error,
		   const struct flow *flow, struct fantail_conn *c)
{
	struct fantail_event *ev = event_add(f, FANTAIL_EVENT_CONNECT, c);

	ev->u.connect.user = user;
	ev->u.connect.error = error;
	ev->u.connect.ip = flow->ip;
	ev->u.connect.port = flow->port;
	ev->u.connect.local_port = flow->local_port;
}

static void send_syn(struct fantail *f, struct embryo *e)
{
	struct tcp_options o = {
		.has_mss = true, /* RFC 9293 3.7.1 MUST-14 */
		.mss = MSS_OURS,
		.has_wscale = true,
		.wscale = tcp_our_wscale(f),
		.has_ts = true,
		.ts_val = ts_clock(f, e->ts_offset),
	};
	struct segment s = {
		.ip = e->flow.ip,
		.port = e->flow.port,
		.local_port = e->flow.local_port,
		.seq = e->iss,
		.flags = TCP_SYN,
		.wnd = tcp_syn_window(f),
	};

	e->sent_us = now_us(f);
	if (tcp_send(f, e->mac, &s, &o))
		f->stats.syn_sent++;
}

/* Also of SYN-RECEIVED, when both sides have sent a SYN. */
void connect_timer(struct fantail *f, struct embryo *e)
{
	if (events_full(f)) {
		timers_set(&f->timers, &e->timer, now_us(f) + 1000);
		return;
	}
	/* RFC 9293 3.8.3 MUST-23: not before its time. */
	if (now_us(f) >= e->started_us + f->opt.handshake_ms * 1000ull) {
		embryo_fail(f, e,
			    !e->resolved    ? -EHOSTUNREACH
			    : e->soft_error ? e->soft_error
					    : -ETIMEDOUT);
		return;
	}
	if (e->retries < UINT8_MAX)
		e->retries++;
	if (!e->resolved) {
		arp_request(f, e->hop);
	} else if (e->syn_sent) {
		f->stats.syn_retransmits++;
		send_syn(f, e);
	} else {
		f->stats.synack_retransmits++;
		embryo_send_synack(f, e);
	}
	embryo_set_timer(f, e);
}

void connect_resolved(struct fantail *f, uint32_t ip, const uint8_t *mac)
{
	uint32_t i;

	for (i = 0; i < f->opt.connects; i++) {
		struct embryo *e = &f->dials[i];

		if (!e->used || e->resolved || e->hop != ip)
			continue;
		memcpy(e->mac, mac, ETH_ALEN);
		e->resolved = true;
		e->retries = 0;
		send_syn(f, e);
		embryo_set_timer(f, e);
	}
}

/* The SYN-ACK, or what claims to be one. */
static void synack_input(struct fantail *f, struct embryo *e,
			 struct rx_frame *fr, const struct segment *s)
{
	embryo_take_options(f, e, s);
	/* RFC 7323 2.2, row 14: its window is not scaled. */
	if (!embryo_install(f, e, fr, s, s->wnd, embryo_rtt(f, e, s)))
		return; /* the SYN's timer asks once more */
	embryo_send_ack(f, e);
	embryo_free(f, e);
}

/* RFC 9293 3.10.7.3: first ACK, then RST, then SYN. */
void connect_input(struct fantail *f, struct embryo *e, struct rx_frame *fr,
		   const struct segment *s)
{
	if (s->flags & TCP_ACK && s->ack != e->iss + 1) {
		/* Of another time; not answered if it is a RST. */
		tcp_send_reset(f, s);
		return;
	}
	if (s->flags & TCP_RST) {
		/* Without an ACK anybody could have sent it. */
		if (s->flags & TCP_ACK)
			embryo_fail(f, e, -ECONNREFUSED);
		else
			f->stats.handshake_dropped++;
		return;
	}
	if (!(s->flags & TCP_SYN)) {
		f->stats.handshake_dropped++;
		return;
	}
	if (s->flags & TCP_ACK) {
		synack_input(f, e, fr, s);
		return;
	}
	/* RFC 9293 3.5, figure 7: simultaneous open. */
	f->stats.simultaneous_opens++;
	embryo_take_options(f, e, s);
	e->syn_sent = false;
	e->retries = 0;
	embryo_send_synack(f, e);
	embryo_set_timer(f, e);
}

/* RFC 9293 3.10.5: of SYN-SENT nobody is told, SYN-RECEIVED is reset. */
static void cancel(struct fantail *f, struct embryo *e)
{
	static const struct tcp_options none;
	struct segment s = embryo_segment(e, e->iss + 1, TCP_RST | TCP_ACK);

	if (!e->syn_sent && tcp_send(f, e->mac, &s, &none))
		f->stats.rst_sent++;
	f->stats.connects_cancelled++;
	embryo_free(f, e);
}

int fantail_connect_cancel(struct fantail *f, const void *user)
{
	uint32_t i;
	int n = 0;

	for (i = 0; i < f->opt.connects; i++) {
		if (!f->dials[i].used || f->dials[i].user != user)
			continue;
		cancel(f, &f->dials[i]);
		n++;
	}
	return n ? n : -ENOENT;
}

static void dial_timer(struct fantail *f, struct timer *t)
{
	connect_timer(f, (struct embryo *)((char *)t -
					   offsetof(struct embryo, timer)));
}

/* RFC 6056 3.3.3: from a keyed place on, the next one that is free. */
static uint16_t choose_port(struct fantail *f, uint32_t ip, uint16_t port)
{
	uint32_t at = (uint32_t)tuple_hash(f, HASH_PORT, ip, port, 0);
	uint32_t i;

	for (i = 0; i < PORT_COUNT; i++) {
		uint16_t local = (uint16_t)(PORT_FIRST +
					    (at + f->dial_turn++) % PORT_COUNT);

		if (!flows_find(f, ip, port, local) && !listener_find(f, local))
			return local;
	}
	return 0;
}

static bool address_ok(const struct fantail *f, uint32_t ip)
{
	uint32_t host =
		f->opt.prefix_len == 32 ? 0 : UINT32_MAX >> f->opt.prefix_len;

	/* RFC 9293 3.9.2.3 MUST-57: no broadcast, no multicast. */
	if (!ip || ip >> 24 == 0 || ip >> 24 == 127 || ip >> 28 >= 0xE ||
	    ip == f->opt.ip)
		return false;
	return host < 2 || (ip & ~host) != (f->opt.ip & ~host) ||
	       ((ip & host) != host && (ip & host) != 0);
}

int fantail_connect(struct fantail *f, uint32_t ip, uint16_t port,
		    uint16_t local_port, void *user)
{
	uint32_t hop = arp_route(f, ip);
	const uint8_t *mac;
	struct embryo *e;

	if (!port || !address_ok(f, ip))
		return -EINVAL;
	if (!hop)
		return -ENETUNREACH;
	if (!f->dial_free || f->stats.handshakes >= f->conns.free_count)
		return -EAGAIN;
	if (!local_port) {
		local_port = choose_port(f, ip, port);
		if (!local_port)
			return -EADDRNOTAVAIL;
	} else if (flows_find(f, ip, port, local_port)) {
		return -EADDRINUSE;
	}
	e = embryo_alloc(f, &f->dial_free);
	e->timer.fn = dial_timer;
	e->flow.ip = ip;
	e->flow.port = port;
	e->flow.local_port = local_port;
	e->user = user;
	e->hop = hop;
	e->syn_sent = true;
	embryo_choose_numbers(f, e);
	flows_add(f, &e->flow);
	f->stats.connects++;
	mac = arp_find(f, hop);
	if (mac) {
		memcpy(e->mac, mac, ETH_ALEN);
		e->resolved = true;
		send_syn(f, e);
	} else {
		arp_request(f, hop);
	}
	embryo_set_timer(f, e);
	return 0;
}
