/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP segments that belong to no installed connection: who gets them, and the
 * passive open up to the install. RFC 9293 3.10.7.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define CHALLENGES_PER_S 100u

uint32_t ts_clock(struct fantail *f, uint32_t offset)
{
	return (uint32_t)(now_us(f) / 1000) + offset;
}

/* RFC 5961 7: challenges are limited, so that none can be used to count. */
bool challenge_allowed(struct fantail *f)
{
	if (rate_allows(f, &f->challenges, CHALLENGES_PER_S)) {
		f->stats.challenges++;
		return true;
	}
	f->stats.challenges_limited++;
	return false;
}

/* --------------------------------------------------------------- embryos */

struct embryo *embryo_alloc(struct fantail *f, struct embryo **pool)
{
	struct embryo *e = *pool;

	if (!e)
		return NULL;
	*pool = e->next;
	memset(e, 0, sizeof(*e));
	e->used = true;
	e->flow.kind = FLOW_EMBRYO;
	e->started_us = now_us(f);
	f->stats.handshakes++;
	return e;
}

void embryo_free(struct fantail *f, struct embryo *e)
{
	struct embryo **pool = e->listener ? &e->listener->free : &f->dial_free;

	timers_stop(&f->timers, &e->timer);
	flows_del(f, &e->flow);
	e->used = false;
	e->next = *pool;
	*pool = e;
	f->stats.handshakes--;
}

void embryo_fail(struct fantail *f, struct embryo *e, int error)
{
	if (!e->listener) {
		f->stats.connect_failures++;
		connect_event(f, e->user, error, &e->flow, NULL);
	}
	embryo_free(f, e);
}

/*
 * RFC 9293 3.4.1 MUST-8/9, RFC 6528 3, row 6: a clock of 4 us and a keyed
 * hash of the tuple. The other half of the hash moves the timestamp clock
 * (RFC 7323 7.1).
 */
void embryo_choose_numbers(struct fantail *f, struct embryo *e)
{
	uint64_t h = tuple_hash(f, HASH_SEQUENCE, e->flow.ip, e->flow.port,
				e->flow.local_port);

	e->iss = (uint32_t)(now_us(f) / 4) + (uint32_t)h;
	e->ts_offset = (uint32_t)(h >> 32);
}

/*
 * What the peer's SYN says. RFC 7323 1.3, 2.2, 3.2, row 14: an option holds
 * only if both sides sent it.
 */
void embryo_take_options(const struct fantail *f, struct embryo *e,
			 const struct segment *s)
{
	e->irs = s->seq;
	e->peer_mss = tcp_peer_mss(&s->opt);
	e->timestamps = s->opt.has_ts;
	e->ts_recent = s->opt.ts_val;
	e->wscale = s->opt.has_wscale;
	e->snd_wscale = e->wscale ? s->opt.wscale : 0;
	e->rcv_wscale = e->wscale ? tcp_our_wscale(f) : 0;
}

/*
 * RFC 6298 5.5, row 8: the interval doubles. RFC 9293 3.8.3 MUST-22/23: the
 * end comes only after handshake_ms.
 */
void embryo_set_timer(struct fantail *f, struct embryo *e)
{
	uint64_t wait = RTO_FIRST_US;
	uint64_t end = e->started_us + f->opt.handshake_ms * 1000ull;
	uint64_t due;

	wait <<= e->retries < 6 ? e->retries : 6;
	if (wait > RTO_MAX_US)
		wait = RTO_MAX_US;
	due = now_us(f) + wait;
	timers_set(&f->timers, &e->timer, due < end ? due : end);
}

/* To its peer, with an ACK of the SYN, and a window of 0. */
struct segment embryo_segment(const struct embryo *e, uint32_t seq,
			      uint8_t flags)
{
	return (struct segment){
		.ip = e->flow.ip,
		.port = e->flow.port,
		.local_port = e->flow.local_port,
		.seq = seq,
		.ack = e->irs + 1,
		.flags = flags,
	};
}

void embryo_send_synack(struct fantail *f, struct embryo *e)
{
	struct tcp_options o = {
		.has_mss = true, /* RFC 9293 MUST-14, row 4: only in a SYN */
		.mss = MSS_OURS,
		.has_wscale = e->wscale,
		.wscale = e->rcv_wscale,
		.has_ts = e->timestamps,
		.ts_val = ts_clock(f, e->ts_offset),
		.ts_ecr = e->ts_recent,
	};
	struct segment s = embryo_segment(e, e->iss, TCP_SYN | TCP_ACK);

	s.wnd = tcp_syn_window(f);
	e->sent_us = now_us(f);
	if (tcp_send(f, e->mac, &s, &o))
		f->stats.synack_sent++;
}

/* "<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>" */
void embryo_send_ack(struct fantail *f, const struct embryo *e)
{
	struct tcp_options o = {
		.has_ts = e->timestamps,
		.ts_val = ts_clock(f, e->ts_offset),
		.ts_ecr = e->ts_recent,
	};
	struct segment s = embryo_segment(e, e->iss + 1, TCP_ACK);

	s.wnd = (uint16_t)(tcp_syn_window(f) >> e->rcv_wscale);
	tcp_send(f, e->mac, &s, &o);
}

static void send_challenge(struct fantail *f, const struct embryo *e)
{
	if (challenge_allowed(f))
		embryo_send_ack(f, e);
}

static void embryo_timer(struct fantail *f, struct timer *t)
{
	struct embryo *e =
		(struct embryo *)((char *)t - offsetof(struct embryo, timer));

	if (!e->listener) {
		connect_timer(f, e);
		return;
	}
	if (now_us(f) >= e->started_us + f->opt.handshake_ms * 1000ull) {
		f->stats.handshake_timeouts++;
		embryo_free(f, e);
		return;
	}
	if (e->retries < UINT8_MAX)
		e->retries++;
	f->stats.synack_retransmits++;
	embryo_send_synack(f, e);
	embryo_set_timer(f, e);
}

/* ---------------------------------------------------------------- LISTEN */

/*
 * RFC 9293 3.10.7.2, row 9. Who comes out of TIME_WAIT must not get sequence
 * numbers that the old connection has used (RFC 6191 2), which a cookie
 * cannot promise.
 */
bool listener_syn(struct fantail *f, struct fantail_listener *l,
		  const struct segment *s, const uint32_t *above)
{
	struct embryo *e = NULL;

	f->stats.syn_received++;
	/* Every handshake has a connection in reserve. */
	if (f->stats.handshakes < f->conns.free_count)
		e = embryo_alloc(f, &l->free);
	if (!e) {
		/* RFC 4987 3.6, row 10. */
		if (!above && f->conns.free_count)
			cookie_answer(f, s);
		else
			f->stats.syn_dropped++;
		return false;
	}
	e->listener = l;
	e->timer.fn = embryo_timer;
	e->flow.ip = s->ip;
	e->flow.port = s->port;
	e->flow.local_port = s->local_port;
	memcpy(e->mac, arp_next_hop(f, s->ip, s->src_mac), ETH_ALEN);
	e->resolved = true;
	embryo_take_options(f, e, s);
	embryo_choose_numbers(f, e);
	if (above && !before(*above, e->iss))
		e->iss = *above + 65537;
	flows_add(f, &e->flow);
	embryo_send_synack(f, e);
	embryo_set_timer(f, e);
	return true;
}

static void listen_input(struct fantail *f, struct rx_frame *fr,
			 const struct segment *s)
{
	struct fantail_listener *l = listener_find(f, s->local_port);

	if (!l) {
		/* RFC 9293 3.10.7.1, CLOSED, row 39. */
		tcp_send_reset(f, s);
	} else if (!(s->flags & TCP_RST) && s->flags & TCP_ACK) {
		/* RFC 9293 3.10.7.2, row 9: ACK: a cookie of ours, or reset; */
		if (s->flags & TCP_SYN || !cookie_input(f, l, fr, s))
			tcp_send_reset(f, s);
	} else if (!(s->flags & TCP_RST) && s->flags & TCP_SYN) {
		/* then SYN; */
		listener_syn(f, l, s, NULL);
	} else {
		/* RST before both, and anything else: dropped. */
		f->stats.listen_dropped++;
	}
}

/* ---------------------------------------------------------- SYN-RECEIVED */

static void established(struct fantail *f, struct embryo *e,
			struct rx_frame *fr, const struct segment *s)
{
	/* RFC 7323 2.2: that of a SYN (simultaneous open) is not scaled. */
	uint32_t wnd = s->flags & TCP_SYN ? s->wnd
					  : (uint32_t)s->wnd << e->snd_wscale;

	/* No room: the SYN-ACK's timer asks the peer once more. */
	if (embryo_install(f, e, fr, s, wnd, embryo_rtt(f, e, s)))
		embryo_free(f, e);
}

static void embryo_reset(struct fantail *f, struct embryo *e,
			 const struct segment *s, bool in_window)
{
	/* RFC 5961 3.2, as row 37. */
	if (s->seq == e->irs + 1) {
		f->stats.handshake_resets++;
		embryo_fail(f, e, -ECONNREFUSED);
	} else if (in_window) {
		send_challenge(f, e);
	} else {
		f->stats.handshake_dropped++;
	}
}

/* RFC 9293 3.10.7.4 in SYN-RECEIVED, with RFC 5961. */
static void embryo_input(struct fantail *f, struct embryo *e,
			 struct rx_frame *fr, const struct segment *s)
{
	uint32_t rcv_nxt = e->irs + 1;
	bool in_window, both;

	/* The very SYN again: our answer was lost. */
	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	    s->seq == e->irs) {
		f->stats.synack_retransmits++;
		embryo_send_synack(f, e);
		return;
	}
	in_window = s->seq - rcv_nxt < tcp_syn_window(f);
	if (s->flags & TCP_RST) {
		embryo_reset(f, e, s, in_window);
		return;
	}
	/* RFC 9293 3.5, figure 7: both sides have sent a SYN. */
	both = !e->listener && s->flags & TCP_SYN && s->seq == e->irs;
	/* Another SYN, or outside the window: who is really there answers. */
	if (!both && (s->flags & TCP_SYN || !in_window)) {
		send_challenge(f, e);
		return;
	}
	if (!(s->flags & TCP_ACK)) {
		f->stats.handshake_dropped++;
		return;
	}
	if (s->ack != e->iss + 1) {
		tcp_send_reset(f, s);
		return;
	}
	if (e->timestamps) {
		/* RFC 7323 3.2: dropped without the option; 5.3: PAWS. */
		if (!s->opt.has_ts) {
			f->stats.handshake_dropped++;
			return;
		}
		if (before(s->opt.ts_val, e->ts_recent)) {
			send_challenge(f, e);
			return;
		}
		/* RFC 7323 4.3: only what covers the last ACK sent. */
		if (s->seq == rcv_nxt || both)
			e->ts_recent = s->opt.ts_val;
	}
	established(f, e, fr, s);
}

/* --------------------------------------------------------------- sorting */

/*
 * The card sent this up because it did not know the connection at that
 * moment; now it does, or will when it comes to this entry.
 */
static void conn_input(struct fantail *f, struct fantail_conn *c,
		       struct rx_frame *fr, const struct segment *s)
{
	if (c->state == CONN_DEAD) {
		/*
		 * Closed well: on its way out of the card, a repeat will find
		 * TIME_WAIT or nothing.
		 */
		if (c->all_events & FANTAIL_EV_CLOSED)
			f->stats.late_segments++;
		else
			tcp_send_reset(f, s);
		return;
	}
	if (!control_frame_from_slot(f, FANTAIL_OP_FRAME_INJECT, fr->slot,
				     fr->len))
		f->stats.injects++;
}

void tcp_input(struct fantail *f, struct rx_frame *fr, struct segment *s)
{
	struct flow *flow = flows_find(f, s->ip, s->port, s->local_port);
	struct embryo *e = (struct embryo *)flow;

	if (!flow)
		listen_input(f, fr, s);
	else if (flow->kind == FLOW_CONN)
		conn_input(f, (struct fantail_conn *)flow, fr, s);
	else if (flow->kind == FLOW_TIME_WAIT)
		time_wait_input(f, (struct time_wait *)flow, s);
	else if (e->syn_sent)
		connect_input(f, e, fr, s);
	else
		embryo_input(f, e, fr, s);
}
