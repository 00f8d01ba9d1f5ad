/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP segments that belong to no installed connection: passive open up to
 * CONN_INSTALL, and resets. SYN cookies, TIME_WAIT and active open will live
 * beside this.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define MSS_DEFAULT  536u     /* RFC 9293 MUST-15 */
#define MSS_OURS     1460u    /* MTU 1500 */
#define TS_BYTES     12u      /* the option with its padding */
#define RTO_FIRST_US 1000000u /* RFC 6298 2.1 */
#define RTO_MAX_US   60000000u

/* Sequence numbers and timestamps are compared modulo 2^32. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* The connection's timestamp clock, in milliseconds, as the card's. */
static uint32_t ts_now(struct fantail *f, const struct embryo *e)
{
	return (uint32_t)(now_us(f) / 1000) + e->ts_offset;
}

static uint32_t synack_window(const struct fantail *f)
{
	return f->opt.rcv_credit < 65535 ? f->opt.rcv_credit : 65535;
}

static void send_synack(struct fantail *f, struct embryo *e)
{
	struct tcp_options o = {
		.has_mss = true, /* RFC 9293 MUST-14 */
		.mss = MSS_OURS,
		.has_wscale = e->wscale,
		.wscale = e->rcv_wscale,
		.has_ts = e->timestamps,
		.ts_val = ts_now(f, e),
		.ts_ecr = e->ts_recent,
	};
	struct segment s = {
		.ip = e->flow.ip,
		.port = e->flow.port,
		.local_port = e->flow.local_port,
		.seq = e->iss,
		.ack = e->irs + 1,
		.flags = TCP_SYN | TCP_ACK,
		/* RFC 7323 2.2: never scaled in a SYN. */
		.wnd = (uint16_t)synack_window(f),
	};

	e->sent_us = now_us(f);
	if (tcp_send(f, e->mac, &s, &o))
		f->stats.synack_sent++;
}

/* "<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>": the challenge of RFC 5961. */
static void send_challenge(struct fantail *f, const struct embryo *e)
{
	struct tcp_options o = {
		.has_ts = e->timestamps,
		.ts_val = ts_now(f, e),
		.ts_ecr = e->ts_recent,
	};
	struct segment s = {
		.ip = e->flow.ip,
		.port = e->flow.port,
		.local_port = e->flow.local_port,
		.seq = e->iss + 1,
		.ack = e->irs + 1,
		.flags = TCP_ACK,
		.wnd = (uint16_t)(synack_window(f) >> e->rcv_wscale),
	};

	tcp_send(f, e->mac, &s, &o);
}

static void embryo_free(struct fantail *f, struct embryo *e)
{
	struct fantail_listener *l = e->listener;

	timers_stop(&f->timers, &e->timer);
	flows_del(f, &e->flow);
	e->listener = NULL;
	e->next = l->free;
	l->free = e;
	f->stats.handshakes--;
}

/* RFC 6298 5.5: the interval doubles. RFC 9293 MUST-22/23 for the end. */
static void set_timer(struct fantail *f, struct embryo *e)
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

static void embryo_timer(struct fantail *f, struct timer *t)
{
	struct embryo *e =
		(struct embryo *)((char *)t - offsetof(struct embryo, timer));

	if (now_us(f) >= e->started_us + f->opt.handshake_ms * 1000ull) {
		f->stats.handshake_timeouts++;
		embryo_free(f, e);
		return;
	}
	if (e->retries < UINT8_MAX)
		e->retries++;
	f->stats.synack_retransmits++;
	send_synack(f, e);
	set_timer(f, e);
}

/*
 * RFC 9293 3.4.1, RFC 6528: a clock of 4 us and a keyed hash of the tuple.
 * The other half of the hash moves the timestamp clock (RFC 7323 7.1).
 */
static void choose_numbers(struct fantail *f, struct embryo *e)
{
	uint64_t h = tuple_hash(f, HASH_SEQUENCE, e->flow.ip, e->flow.port,
				e->flow.local_port);

	e->iss = (uint32_t)(now_us(f) / 4) + (uint32_t)h;
	e->ts_offset = (uint32_t)(h >> 32);
}

/* The least shift that lets 16 bits hold our credit. */
static uint8_t our_wscale(const struct fantail *f)
{
	uint8_t shift = 0;

	while (f->opt.rcv_credit >> shift > 65535)
		shift++;
	return shift;
}

static void syn_input(struct fantail *f, struct fantail_listener *l,
		      const struct segment *s)
{
	struct embryo *e = l->free;

	f->stats.syn_received++;
	/*
	 * Every handshake has a connection in reserve. SYN cookies will take
	 * over here.
	 */
	if (!e || f->stats.handshakes >= f->conns.free_count) {
		f->stats.syn_dropped++;
		return;
	}
	l->free = e->next;
	memset(e, 0, sizeof(*e));
	e->listener = l;
	e->timer.fn = embryo_timer;
	e->flow.kind = FLOW_EMBRYO;
	e->flow.ip = s->ip;
	e->flow.port = s->port;
	e->flow.local_port = s->local_port;
	memcpy(e->mac, arp_next_hop(f, s->ip, s->src_mac), ETH_ALEN);
	e->irs = s->seq;
	e->peer_mss = s->opt.has_mss && s->opt.mss ? s->opt.mss : MSS_DEFAULT;
	/* Options only if offered: RFC 7323 1.3, 2.2, 3.2. */
	e->timestamps = s->opt.has_ts;
	e->ts_recent = s->opt.ts_val;
	e->wscale = s->opt.has_wscale;
	if (e->wscale) {
		e->snd_wscale = s->opt.wscale;
		e->rcv_wscale = our_wscale(f);
	}
	choose_numbers(f, e);
	e->started_us = now_us(f);
	flows_add(f, &e->flow);
	f->stats.handshakes++;
	send_synack(f, e);
	set_timer(f, e);
}

static uint16_t effective_mss(const struct embryo *e)
{
	uint32_t mss = e->peer_mss < MSS_OURS ? e->peer_mss : MSS_OURS;

	/* RFC 9293 MUST-16: less the options of every segment. */
	if (e->timestamps)
		mss = mss > TS_BYTES ? mss - TS_BYTES : 0;
	/* The card's floor, for peers that ask for less than sense. */
	return (uint16_t)(mss < FANTAIL_MSS_MIN ? FANTAIL_MSS_MIN : mss);
}

/* RFC 6298 3: no sample from a retransmitted SYN-ACK without timestamps. */
static uint32_t handshake_rtt(struct fantail *f, const struct embryo *e,
			      const struct segment *s)
{
	uint64_t us = now_us(f) - e->sent_us;

	if (e->retries &&
	    !(e->timestamps &&
	      s->opt.ts_ecr == (uint32_t)(e->sent_us / 1000) + e->ts_offset))
		return 0;
	return us ? us < UINT32_MAX ? (uint32_t)us : UINT32_MAX : 1;
}

static void fill_context(struct fantail *f, const struct embryo *e,
			 const struct segment *s, struct fantail_context *x)
{
	uint32_t credit = f->opt.rcv_credit;

	memset(x, 0, sizeof(*x));
	x->local_ip = f->opt.ip;
	x->remote_ip = e->flow.ip;
	x->local_port = e->flow.local_port;
	x->remote_port = e->flow.port;
	memcpy(x->local_mac, f->opt.mac, ETH_ALEN);
	memcpy(x->remote_mac, e->mac, ETH_ALEN);
	x->snd_nxt = e->iss + 1;
	x->rcv_nxt = e->irs + 1;
	x->snd_wnd = (uint32_t)s->wnd << e->snd_wscale;
	x->mss = effective_mss(e);
	x->snd_wscale = e->snd_wscale;
	x->rcv_wscale = e->rcv_wscale;
	x->flags = (e->timestamps ? FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK : 0) |
		   f->opt.policy << FANTAIL_CTX_FLAGS_POLICY_SHIFT;
	x->ts_recent = e->timestamps ? e->ts_recent : 0;
	x->ts_offset = e->ts_offset;
	x->rcv_credit = e->wscale || credit < 65535 ? credit : 65535;
	x->lag_limit = f->opt.lag_limit;
	x->give_up_ms = f->opt.give_up_ms;
	x->srtt_us = handshake_rtt(f, e, s);
}

/*
 * The ACK that opens it. What it carries beyond the ACK is run again behind
 * the install, in the same ring, so the card knows the tuple by then.
 */
static void install(struct fantail *f, struct embryo *e, struct rx_frame *fr,
		    const struct segment *s)
{
	struct fantail_entry *entry;
	struct fantail_conn *c;
	void *scratch;

	/* Two entries; else the SYN-ACK's timer asks the peer once more. */
	if (control_space(f) < 2 || !f->conns.free_count) {
		f->stats.frames_unsent++;
		return;
	}
	c = conn_alloc(f);
	entry = control_get(f, &scratch);
	fill_context(f, e, s, scratch);
	entry->op = FANTAIL_OP_CONN_INSTALL;
	/* Its BATCH record tells us that it has happened. */
	entry->flags = FANTAIL_FLAG_LAST;
	entry->target = c->handle;
	entry->len = FANTAIL_CONTEXT_BYTES;
	entry->cookie = (uint64_t)COOKIE_INSTALL << 32 | c->handle;

	c->listener = e->listener;
	c->flow = e->flow;
	c->flow.kind = FLOW_CONN;
	embryo_free(f, e);
	flows_add(f, &c->flow);
	if ((s->len || s->flags & TCP_FIN) &&
	    !control_frame_from_slot(f, FANTAIL_OP_FRAME_INJECT, fr->slot,
				     fr->len))
		f->stats.injects++;
}

/* RFC 9293 3.10.7.4 in SYN-RECEIVED, with RFC 5961. */
static void embryo_input(struct fantail *f, struct embryo *e,
			 struct rx_frame *fr, const struct segment *s)
{
	uint32_t rcv_nxt = e->irs + 1;
	uint32_t wnd = synack_window(f);
	bool in_window;

	/* The very SYN again: our answer was lost. */
	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	    s->seq == e->irs) {
		f->stats.synack_retransmits++;
		send_synack(f, e);
		return;
	}
	in_window = s->seq - rcv_nxt < wnd;
	if (s->flags & TCP_RST) {
		if (s->seq == rcv_nxt) {
			f->stats.handshake_resets++;
			embryo_free(f, e);
		} else if (in_window) {
			send_challenge(f, e);
		}
		return;
	}
	/* Another SYN, or outside the window: who is really there answers. */
	if (s->flags & TCP_SYN || !in_window) {
		send_challenge(f, e);
		return;
	}
	if (!(s->flags & TCP_ACK))
		return;
	if (s->ack != e->iss + 1) {
		tcp_send_reset(f, s);
		return;
	}
	if (e->timestamps) {
		/* RFC 7323 3.2: dropped without the option; 5.3: PAWS. */
		if (!s->opt.has_ts)
			return;
		if (before(s->opt.ts_val, e->ts_recent)) {
			send_challenge(f, e);
			return;
		}
		/* RFC 7323 4.3: only what covers the last ACK sent. */
		if (s->seq == rcv_nxt)
			e->ts_recent = s->opt.ts_val;
	}
	install(f, e, fr, s);
}

/*
 * The card sent this up because it did not know the connection at that
 * moment; now it does, or will when it comes to this entry.
 */
static void conn_input(struct fantail *f, struct fantail_conn *c,
		       struct rx_frame *fr, const struct segment *s)
{
	if (c->state == CONN_DEAD) {
		/* After CLOSED this will be TIME_WAIT's. */
		if (!(c->all_events & FANTAIL_EV_CLOSED))
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
	struct fantail_listener *l;

	if (flow && flow->kind == FLOW_CONN) {
		conn_input(f, (struct fantail_conn *)flow, fr, s);
		return;
	}
	if (flow) {
		embryo_input(f, (struct embryo *)flow, fr, s);
		return;
	}
	/* RFC 9293 3.10.7.2, LISTEN: first RST, then ACK, then SYN. */
	l = listener_find(f, s->local_port);
	if (l && (s->flags & (TCP_RST | TCP_ACK | TCP_SYN)) == TCP_SYN)
		syn_input(f, l, s);
	else if (!l || s->flags & TCP_ACK)
		tcp_send_reset(f, s);
}
