/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME_WAIT (RFC 9293 3.6.1, 3.10.7.4, row 42): what is left of a connection
 * that we closed first, after the card has forgotten it. All wait equally
 * long, so the list in order of entry is in order of expiry, and one timer
 * serves all.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void list_remove(struct time_waits *t, struct time_wait *tw)
{
	if (tw->older)
		tw->older->newer = tw->newer;
	else
		t->oldest = tw->newer;
	if (tw->newer)
		tw->newer->older = tw->older;
	else
		t->newest = tw->older;
}

/* 2 MSL from now. */
static void list_append(struct fantail *f, struct time_wait *tw)
{
	struct time_waits *t = &f->time_waits;

	tw->due = now_us(f) + f->opt.time_wait_ms * 1000ull;
	tw->newer = NULL;
	tw->older = t->newest;
	if (t->newest)
		t->newest->newer = tw;
	else
		t->oldest = tw;
	t->newest = tw;
	if (!t->timer.pos)
		timers_set(&f->timers, &t->timer, tw->due);
}

static void forget(struct fantail *f, struct time_wait *tw)
{
	struct time_waits *t = &f->time_waits;

	flows_del(f, &tw->flow);
	list_remove(t, tw);
	tw->newer = t->free;
	t->free = tw;
	f->stats.time_wait--;
	/* The timer may now be early: it looks again. */
	if (!t->oldest)
		timers_stop(&f->timers, &t->timer);
}

static void expire(struct fantail *f, struct timer *timer)
{
	struct time_waits *t = &f->time_waits;
	uint64_t now = now_us(f);

	while (t->oldest && t->oldest->due <= now)
		forget(f, t->oldest);
	if (t->oldest)
		timers_set(&f->timers, timer, t->oldest->due);
}

int time_waits_init(struct fantail *f)
{
	struct time_waits *t = &f->time_waits;
	uint32_t i;

	if (timers_reserve(&f->timers, 1))
		return -ENOMEM;
	t->all = calloc(f->opt.time_wait_max, sizeof(*t->all));
	if (!t->all)
		return -ENOMEM;
	for (i = 0; i < f->opt.time_wait_max; i++) {
		t->all[i].newer = t->free;
		t->free = &t->all[i];
	}
	t->timer.fn = expire;
	return 0;
}

/*
 * The peer's last timestamp went to the card and is not told. It is not
 * before that of the handshake, and no clock ticks faster than 1 ms (RFC 7323
 * 5.4), which bounds it from above.
 */
void time_wait_enter(struct fantail *f, const struct fantail_conn *c)
{
	struct time_waits *t = &f->time_waits;
	uint64_t ms = (now_us(f) - c->opened_us) / 1000 + 1;
	struct time_wait *tw;

	if (!t->free) {
		if (!f->stats.time_wait_evicted)
			log_line(f, FANTAIL_LOG_WARN,
				 "TIME_WAIT full: forgetting the oldest of %u",
				 f->opt.time_wait_max);
		f->stats.time_wait_evicted++;
		forget(f, t->oldest);
	}
	tw = t->free;
	t->free = tw->newer;
	memset(tw, 0, sizeof(*tw));
	tw->flow.kind = FLOW_TIME_WAIT;
	tw->flow.ip = c->flow.ip;
	tw->flow.port = c->flow.port;
	tw->flow.local_port = c->flow.local_port;
	/* RFC 9293 3.6, row 40: each FIN takes one number. */
	tw->snd_nxt = c->snd_base + c->queued + 1;
	tw->rcv_nxt = c->rcv_base + c->rcv_bytes + 1;
	tw->timestamps = c->timestamps;
	tw->ts_low = c->ts_first;
	tw->ts_high = c->ts_first + (uint32_t)(ms < INT32_MAX ? ms : INT32_MAX);
	tw->ts_offset = c->ts_offset;
	tw->wnd = (uint16_t)(tcp_syn_window(f) >> c->rcv_wscale);
	memcpy(tw->mac, c->mac, ETH_ALEN);
	flows_add(f, &tw->flow);
	list_append(f, tw);
	f->stats.time_wait++;
	f->stats.time_wait_entered++;
}

static void send_ack(struct fantail *f, const struct time_wait *tw)
{
	struct tcp_options o = {
		.has_ts = tw->timestamps, /* RFC 7323 3.2, row 35 */
		.ts_val = ts_clock(f, tw->ts_offset),
		.ts_ecr = tw->ts_low,
	};
	struct segment s = {
		.ip = tw->flow.ip,
		.port = tw->flow.port,
		.local_port = tw->flow.local_port,
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.flags = TCP_ACK,
		.wnd = tw->wnd,
	};

	if (tcp_send(f, tw->mac, &s, &o))
		f->stats.time_wait_acks++;
}

/*
 * RFC 9293 3.6.1 MUST-13, RFC 6191 2: the peer opens anew, with a sequence
 * number or timestamp above all of the old connection, and neither PAWS nor
 * our own numbers stand against it.
 */
static bool reopen(struct fantail *f, struct time_wait *tw,
		   const struct segment *s)
{
	struct fantail_listener *l = listener_find(f, s->local_port);
	bool ts = tw->timestamps && s->opt.has_ts;

	if (!l || (ts && before(s->opt.ts_val, tw->ts_low)))
		return false;
	if (before(s->seq, tw->rcv_nxt) &&
	    !(ts && before(tw->ts_high, s->opt.ts_val)))
		return false;
	/* Found before the old one; dropped: the peer tries again. */
	if (listener_syn(f, l, s, &tw->snd_nxt)) {
		f->stats.time_wait_reopened++;
		forget(f, tw);
	}
	return true;
}

/* RFC 9293 3.10.7.4 in TIME-WAIT. */
void time_wait_input(struct fantail *f, struct time_wait *tw,
		     const struct segment *s)
{
	uint32_t end = s->seq + s->len + 1;

	if (s->flags & TCP_RST ||
	    (!(s->flags & TCP_SYN) && s->seq == tw->rcv_nxt && !s->len)) {
		/* RFC 1337 3: a RST must not end it. Or a mere ACK. */
		f->stats.time_wait_dropped++;
	} else if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		   reopen(f, tw, s)) {
		;
	} else if (!(s->flags & TCP_SYN) && s->flags & TCP_FIN &&
		   end == tw->rcv_nxt) {
		/* The FIN again: acknowledged, and 2 MSL from now. */
		if (tw->timestamps && s->opt.has_ts &&
		    before(tw->ts_low, s->opt.ts_val)) {
			tw->ts_low = s->opt.ts_val;
			if (before(tw->ts_high, tw->ts_low))
				tw->ts_high = tw->ts_low;
		}
		list_remove(&f->time_waits, tw);
		list_append(f, tw);
		send_ack(f, tw);
	} else if (challenge_allowed(f)) {
		send_ack(f, tw); /* not acceptable: say where we are */
	}
}
