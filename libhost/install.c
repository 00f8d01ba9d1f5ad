/* SPDX-License-Identifier: Apache-2.0 */
/* From a finished handshake to CONN_INSTALL. */
#include "internal.h"

#include <errno.h>
#include <string.h>

/*
 * RFC 6298 3, row 22: no sample from a retransmitted SYN or SYN-ACK without
 * timestamps.
 */
uint32_t embryo_rtt(struct fantail *f, const struct embryo *e,
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
			 struct fantail_context *x)
{
	const struct fantail_listener *l = e->listener;
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
	x->mss = tcp_payload_mss(e->peer_mss, e->timestamps);
	x->snd_wscale = e->snd_wscale;
	x->rcv_wscale = e->rcv_wscale;
	x->flags = (e->timestamps ? FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK : 0) |
		   (l ? l->policy : f->opt.policy)
			   << FANTAIL_CTX_FLAGS_POLICY_SHIFT;
	x->ts_recent = e->timestamps ? e->ts_recent : 0;
	x->ts_offset = e->ts_offset;
	x->rcv_credit = e->wscale || credit < 65535 ? credit : 65535;
	x->lag_limit = l ? l->lag_limit : f->opt.lag_limit;
	x->give_up_ms = f->opt.give_up_ms;
}

/* What the library itself will need of it. */
static void remember(struct fantail *f, struct fantail_conn *c,
		     const struct embryo *e, const struct fantail_context *x)
{
	c->listener = e->listener;
	c->user = e->user;
	c->opened_us = now_us(f);
	c->snd_base = x->snd_nxt;
	c->rcv_base = x->rcv_nxt;
	c->mss = x->mss;
	c->rcv_wscale = x->rcv_wscale;
	c->timestamps = e->timestamps;
	c->ts_first = x->ts_recent;
	c->ts_offset = x->ts_offset;
	memcpy(c->mac, e->mac, ETH_ALEN);
	c->flow = e->flow;
	c->flow.kind = FLOW_CONN;
	flows_add(f, &c->flow);
}

bool embryo_install(struct fantail *f, const struct embryo *e,
		    struct rx_frame *fr, const struct segment *s,
		    uint32_t snd_wnd, uint32_t rtt_us)
{
	struct fantail_context *x;
	struct fantail_entry *entry;
	struct fantail_conn *c;
	void *scratch;

	/* The install, and an ACK or the frame again. */
	if (control_space(f) < 2 || !f->conns.free_count) {
		f->stats.ack_dropped++;
		return false;
	}
	c = conn_alloc(f);
	entry = control_get(f, &scratch);
	x = scratch;
	fill_context(f, e, x);
	x->snd_wnd = snd_wnd;
	x->srtt_us = rtt_us;
	entry->op = FANTAIL_OP_CONN_INSTALL;
	/* Its BATCH record tells us that it has happened. */
	entry->flags = FANTAIL_FLAG_LAST;
	entry->target = c->handle;
	entry->len = FANTAIL_CONTEXT_BYTES;
	entry->cookie = (uint64_t)COOKIE_INSTALL << 32 | c->handle;
	remember(f, c, e, x);
	c->dialed = !e->listener;

	/*
	 * What it carries beyond the handshake is run again behind the
	 * install, in the same ring, so the card knows the tuple by then. With
	 * a SYN it is left for the peer to send again.
	 */
	if (!(s->flags & TCP_SYN) && (s->len || s->flags & TCP_FIN) &&
	    !control_frame_from_slot(f, FANTAIL_OP_FRAME_INJECT, fr->slot,
				     fr->len))
		f->stats.injects++;
	return true;
}

static int refusal(uint8_t code)
{
	if (code == FANTAIL_REFUSE_TUPLE_EXISTS)
		return -EADDRINUSE;
	return code == FANTAIL_REFUSE_FLOW_FULL ? -ENOSPC : -EIO;
}

/* The card will not have it: so does the peer, who thinks it is open. */
void conn_refused(struct fantail *f, struct fantail_conn *c, uint8_t code)
{
	static const struct tcp_options none;
	struct segment s = {
		.ip = c->flow.ip,
		.port = c->flow.port,
		.local_port = c->flow.local_port,
		.seq = c->snd_base,
		.ack = c->rcv_base,
		.flags = TCP_RST | TCP_ACK,
	};

	log_line(f, FANTAIL_LOG_WARN, "the card refused a connection, code %u",
		 code);
	if (tcp_send(f, c->mac, &s, &none))
		f->stats.rst_sent++;
	if (c->dialed) {
		f->stats.connect_failures++;
		connect_event(f, c->user, refusal(code), &c->flow, NULL);
	}
	conn_free(f, c);
}
