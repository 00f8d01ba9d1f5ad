/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: what they make of received segments and of time. */
#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"

enum {
	MSS_MIN = 64,
	RTO_MIN_US = 1000,
	RTO_MAX_US = 60000000,
};

static void free_pieces(struct peer *p)
{
	struct peer_piece *piece;

	while ((piece = p->pieces)) {
		p->pieces = piece->next;
		free(piece);
	}
	p->pieces_bytes = 0;
}

/* Drop what is kept for the connection; the state decides what follows. */
void peer_forget(struct peer *p)
{
	free_pieces(p);
	free(p->out);
	p->out = NULL;
	p->out_len = p->out_size = 0;
	p->ack_due_us = p->rto_due_us = p->start_us = NEVER;
	p->ack_count = 0;
}

static void end(struct fantail_peers *ps, struct peer *p, uint8_t state,
		enum fantail_peer_event event)
{
	peer_forget(p);
	p->state = state;
	peers_schedule(ps, p);
	peers_event(ps, p, event);
}

/* A new connection: sequence numbers, nothing sent or received. */
static void begin(struct fantail_peers *ps, struct peer *p)
{
	uint64_t r = mix64(ps->net->cfg.seed ^
			   mix64((uint64_t)p->index << 32 | p->connects));

	p->iss = (uint32_t)(r >> 16);
	p->ts_offset = (uint32_t)mix64(r);
	p->connects++;
	p->snd_una = p->snd_nxt = p->snd_max = p->iss + 1;
	p->snd_wnd = 0;
	p->snd_mss = MSS_DEFAULT;
	p->snd_shift = 0;
	p->ts_on = p->ws_on = false;
	p->fin_received = p->fin_sent = p->fin_acked = false;
	p->rcv_nxt = p->rcv_adv = p->rcv_max = 0;
	p->unread = 0;
	p->tries = 0;
	p->start_us = NEVER;
	p->rto_us = p->opt.syn_rto_us;
	p->rto_due_us = ps->net->now_us + p->rto_us;
}

/* Connect: a new port, the first SYN. */
void peer_start(struct fantail_peers *ps, struct peer *p)
{
	/* 28000 connections of a peer pass before a port comes back */
	p->port = (uint16_t)(32768 +
			     (mix64(ps->net->cfg.seed ^ p->index) % 28000 +
			      p->connects % 28000 * 7919) %
				     28000);
	begin(ps, p);
	p->state = FANTAIL_PEER_SYN_SENT;
	peer_transmit(ps, p, TCP_SYN, p->iss, NULL, 0);
}

static void refused(struct fantail_peers *ps, struct peer *p)
{
	if (p->refusals++ < ps->cfg.connect_retries) {
		p->state = FANTAIL_PEER_WAITING;
		p->rto_due_us = NEVER;
		p->start_us = ps->net->now_us + ps->cfg.connect_retry_us;
		return;
	}
	end(ps, p, FANTAIL_PEER_FAILED, FANTAIL_PEER_EV_REFUSED);
}

/* What both SYNs agree on. */
static void agree(struct peer *p, const struct segment *s)
{
	p->irs = s->seq;
	p->rcv_nxt = p->rcv_adv = p->rcv_max = s->seq + 1;
	p->ts_on = p->opt.timestamps && s->has_ts;
	p->ws_on = p->opt.wscale >= 0 && s->wscale >= 0;
	p->ts_recent = s->ts_val;
	p->snd_shift = p->ws_on ? (uint8_t)s->wscale : 0;
	if (p->snd_shift > WSCALE_MAX)
		p->snd_shift = WSCALE_MAX;
	p->snd_mss = s->mss ? s->mss : MSS_DEFAULT;
	if (p->snd_mss < MSS_MIN)
		p->snd_mss = MSS_MIN;
	p->snd_wnd = s->wnd;
	p->snd_wl1 = s->seq;
	p->snd_wl2 = s->ack;
}

static void establish(struct peer *p)
{
	p->tries = 0;
	p->rto_us = p->opt.rto_us;
	p->rto_due_us = NEVER;
	p->state = FANTAIL_PEER_CONNECTED;
}

/* RFC 9293 3.10.7.2 */
static void input_listening(struct fantail_peers *ps, struct peer *p,
			    const struct segment *s)
{
	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_ACK) {
		peer_reply_reset(ps, p, p->port, s);
		return;
	}
	if (!(s->flags & TCP_SYN))
		return;
	p->card_port = s->card_port;
	begin(ps, p);
	agree(p, s);
	p->state = FANTAIL_PEER_SYN_RECEIVED;
	peer_transmit(ps, p, TCP_SYN | TCP_ACK, p->iss, NULL, 0);
	/* as the SYN-ACK says it: not scaled */
	p->rcv_adv += p->opt.buffer < 65535 ? p->opt.buffer : 65535;
	p->rcv_max = p->rcv_adv;
}

/* RFC 9293 3.10.7.3 */
static void input_syn_sent(struct fantail_peers *ps, struct peer *p,
			   const struct segment *s)
{
	if (s->flags & TCP_ACK && s->ack != p->iss + 1) {
		peer_reply_reset(ps, p, p->port, s);
		return;
	}
	if (s->flags & TCP_RST) {
		if (s->flags & TCP_ACK)
			refused(ps, p);
		return;
	}
	if ((s->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	agree(p, s);
	if (s->has_ts && !p->opt.timestamps)
		peers_fault(ps, &ps->stats.bad_timestamps, p,
			    "timestamps not offered");
	if (s->wscale >= 0 && p->opt.wscale < 0)
		peers_fault(ps, &ps->stats.bad_frames, p,
			    "window scale not offered");
	establish(p);
	peer_ack(ps, p, false);
	peer_output(ps, p);
	peers_event(ps, p, FANTAIL_PEER_EV_CONNECTED);
}

/* False: the segment goes no further. RFC 7323 3.2 and 5.3 */
static bool check_timestamp(struct fantail_peers *ps, struct peer *p,
			    const struct segment *s)
{
	if (!p->ts_on || s->flags & TCP_RST)
		return true;
	if (!s->has_ts) {
		peers_fault(ps, &ps->stats.bad_timestamps, p,
			    "timestamp missing");
		return false;
	}
	if (seq_diff(p->ts_recent, s->ts_val) < 0) {
		peers_fault(ps, &ps->stats.bad_timestamps, p,
			    "timestamp ran backwards");
		peer_ack(ps, p, true);
		return false;
	}
	return true;
}

/* RFC 9293 3.10.7.4, first check, against the edge ever advertised. */
static bool acceptable(const struct peer *p, const struct segment *s)
{
	uint32_t len = s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	uint32_t wnd = p->rcv_max - p->rcv_nxt;
	int32_t first = seq_diff(p->rcv_nxt, s->seq);
	int32_t last = first + (int32_t)len - 1;

	if (!len)
		return first == 0 || (first > 0 && (uint32_t)first < wnd);
	/* a FIN right behind a full window takes no buffer */
	if (s->flags & TCP_FIN && (uint32_t)last == wnd && last >= 0)
		return true;
	return wnd && last >= 0 && (first < 0 || (uint32_t)first < wnd);
}

/* False: the segment goes no further. */
static bool input_ack(struct fantail_peers *ps, struct peer *p,
		      const struct segment *s)
{
	int32_t acked = seq_diff(p->snd_una, s->ack);

	if (seq_diff(s->ack, p->snd_max) < 0) {
		peer_ack(ps, p, false);
		return false;
	}
	if (acked > 0) {
		uint32_t bytes = (uint32_t)acked;

		if (bytes > p->out_len) {
			bytes = p->out_len;
			p->fin_acked = true;
		}
		p->out_len -= bytes;
		if (p->out_len)
			memmove(p->out, p->out + bytes, p->out_len);
		p->bytes_sent += bytes;
		p->snd_una = s->ack;
		if (seq_diff(p->snd_nxt, p->snd_una) > 0)
			p->snd_nxt = p->snd_una;
		p->tries = 0;
		p->rto_us = p->opt.rto_us;
		p->rto_due_us = NEVER;
	}
	/* MUST-37: open as long as probes are answered */
	if (!s->wnd)
		p->tries = 0;
	/* MUST-1: only newer segments change the window */
	if (acked >= 0 &&
	    (seq_diff(p->snd_wl1, s->seq) > 0 ||
	     (p->snd_wl1 == s->seq && seq_diff(p->snd_wl2, s->ack) >= 0))) {
		p->snd_wnd = s->wnd << p->snd_shift;
		p->snd_wl1 = s->seq;
		p->snd_wl2 = s->ack;
	}
	return true;
}

static void deliver(struct fantail_peers *ps, struct peer *p,
		    const uint8_t *bytes, uint32_t len)
{
	p->rcv_nxt += len;
	p->bytes_received += len;
	ps->stats.bytes_received += len;
	if (p->paused)
		p->unread += len;
	if (len && ps->cfg.on_data)
		ps->cfg.on_data(ps->cfg.ctx, ps, p->index, bytes, len);
}

/* Keep a piece that is ahead of a hole; whole duplicates are not kept. */
static void keep_piece(struct peer *p, const struct segment *s, bool fin)
{
	struct peer_piece **at = &p->pieces, *piece;

	if (p->pieces_bytes + s->len > p->opt.reassembly)
		return;
	while (*at && seq_diff((*at)->seq, s->seq) >= 0) {
		if ((*at)->seq == s->seq && (*at)->len >= s->len)
			return;
		at = &(*at)->next;
	}
	piece = malloc(sizeof(*piece) + s->len);
	if (!piece)
		return; /* as if lost: the card sends it again */
	piece->next = *at;
	piece->seq = s->seq;
	piece->len = s->len;
	piece->fin = fin;
	memcpy(piece->bytes, s->bytes, s->len);
	*at = piece;
	p->pieces_bytes += s->len;
}

/* Deliver kept pieces that have come into order; true if a FIN did. */
static bool drain_pieces(struct fantail_peers *ps, struct peer *p)
{
	struct peer_piece *piece;
	bool fin = false;

	while ((piece = p->pieces) && !fin &&
	       p->state == FANTAIL_PEER_CONNECTED) {
		uint32_t skip = p->rcv_nxt - piece->seq;

		if (seq_diff(p->rcv_nxt, piece->seq) > 0)
			break;
		p->pieces = piece->next;
		p->pieces_bytes -= piece->len;
		if (skip < piece->len)
			deliver(ps, p, piece->bytes + skip, piece->len - skip);
		if (skip <= piece->len)
			fin = piece->fin;
		free(piece);
	}
	return fin;
}

static void take_fin(struct peer *p)
{
	p->rcv_nxt++;
	if (seq_diff(p->rcv_nxt, p->rcv_adv) < 0)
		p->rcv_adv = p->rcv_nxt;
	if (seq_diff(p->rcv_nxt, p->rcv_max) < 0)
		p->rcv_max = p->rcv_nxt;
	p->fin_received = true;
	free_pieces(p);
}

/* Text and FIN of an acceptable segment; acknowledges as the policy says. */
static void input_text(struct fantail_peers *ps, struct peer *p,
		       struct segment *s)
{
	bool fin = s->flags & TCP_FIN, had_pieces = p->pieces, was_fin;
	int32_t ahead = seq_diff(p->rcv_nxt, s->seq);
	int32_t past = seq_diff(p->rcv_max, s->seq + s->len);

	if (past > 0) {
		/* one byte is a window probe */
		if (s->len > 1)
			peers_fault(ps, &ps->stats.beyond_window, p,
				    "payload beyond the window");
		s->len -= (uint32_t)past;
		fin = false;
	}
	if (ahead > 0) {
		p->out_of_order++;
		ps->stats.out_of_order++;
		keep_piece(p, s, fin);
		peer_ack(ps, p, true);
		return;
	}
	s->bytes += -ahead;
	s->len -= (uint32_t)-ahead;
	was_fin = p->fin_received;
	deliver(ps, p, s->bytes, s->len);
	if (had_pieces && !fin)
		fin = drain_pieces(ps, p);
	if (p->state != FANTAIL_PEER_CONNECTED)
		return; /* the callback has aborted */
	if (fin && !was_fin)
		take_fin(p);

	if (fin || had_pieces || ++p->ack_count >= p->opt.ack_every)
		peer_ack(ps, p, false);
	else if (p->ack_due_us == NEVER)
		p->ack_due_us = ps->net->now_us + p->opt.ack_delay_us;
	if (p->fin_received && !was_fin)
		peers_event(ps, p, FANTAIL_PEER_EV_FIN);
}

static void input_reset(struct fantail_peers *ps, struct peer *p,
			const struct segment *s)
{
	/* RFC 5961 3.2 */
	if (s->seq == p->rcv_nxt)
		end(ps, p, FANTAIL_PEER_RESET, FANTAIL_PEER_EV_RESET);
	else if (acceptable(p, s))
		peer_ack(ps, p, false);
}

static void check_closed(struct fantail_peers *ps, struct peer *p)
{
	if (p->state == FANTAIL_PEER_CONNECTED && p->fin_received &&
	    p->fin_acked)
		end(ps, p, FANTAIL_PEER_CLOSED, FANTAIL_PEER_EV_CLOSED);
}

static void input_connected(struct fantail_peers *ps, struct peer *p,
			    struct segment *s)
{
	if (!check_timestamp(ps, p, s))
		return;
	if (s->flags & TCP_RST) {
		input_reset(ps, p, s);
		return;
	}
	if (!acceptable(p, s)) {
		int32_t past = seq_diff(p->rcv_max, s->seq + s->len);

		if (past <= 0 && s->len) {
			p->duplicates++;
			ps->stats.duplicates++;
		} else if (past > 0 && s->len > 1) {
			peers_fault(ps, &ps->stats.beyond_window, p,
				    "segment beyond the window");
		}
		peer_ack(ps, p, true);
		return;
	}
	if (s->flags & TCP_SYN) {
		peer_ack(ps, p, false); /* RFC 5961 4.2 */
		return;
	}
	if (!(s->flags & TCP_ACK) || !input_ack(ps, p, s))
		return;
	/* RFC 7323 4.3: the segment that the last ACK stood before */
	if (p->ts_on && seq_diff(s->seq, p->last_ack) >= 0)
		p->ts_recent = s->ts_val;
	if (s->len || s->flags & TCP_FIN)
		input_text(ps, p, s);
	peer_output(ps, p);
	check_closed(ps, p);
}

/* RFC 9293 3.10.7.4 in SYN-RECEIVED */
static void input_syn_received(struct fantail_peers *ps, struct peer *p,
			       struct segment *s)
{
	if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && s->seq == p->irs) {
		/* our answer was lost */
		peer_transmit(ps, p, TCP_SYN | TCP_ACK, p->iss, NULL, 0);
		return;
	}
	if (s->flags & TCP_RST) {
		if (s->seq != p->rcv_nxt)
			return;
		peer_forget(p);
		p->state = FANTAIL_PEER_LISTENING;
		return;
	}
	if (!(s->flags & TCP_ACK) || s->flags & TCP_SYN)
		return;
	if (s->ack != p->iss + 1) {
		peer_reply_reset(ps, p, p->port, s);
		return;
	}
	establish(p);
	peers_event(ps, p, FANTAIL_PEER_EV_CONNECTED);
	/* the callback may have aborted */
	if (p->state == FANTAIL_PEER_CONNECTED)
		input_connected(ps, p, s);
}

void peer_input(struct fantail_peers *ps, struct peer *p, struct segment *s)
{
	switch (p->state) {
	case FANTAIL_PEER_SYN_SENT:
		input_syn_sent(ps, p, s);
		break;
	case FANTAIL_PEER_CONNECTED:
		input_connected(ps, p, s);
		break;
	case FANTAIL_PEER_LISTENING:
		input_listening(ps, p, s);
		break;
	case FANTAIL_PEER_SYN_RECEIVED:
		input_syn_received(ps, p, s);
		break;
	case FANTAIL_PEER_CLOSED:
		/* as in TIME-WAIT: a repeated FIN is acknowledged again */
		if (s->flags & TCP_RST)
			break;
		if (s->len || s->flags & (TCP_FIN | TCP_SYN))
			peer_ack(ps, p, true);
		break;
	default:
		peer_reply_reset(ps, p, p->port, s);
		break;
	}
	peers_schedule(ps, p);
}

/* SYN, data, FIN or a window probe was not acknowledged in time. */
static void retransmit(struct fantail_peers *ps, struct peer *p)
{
	uint32_t wnd = p->snd_wnd;

	if (p->tries++ >= p->opt.retries) {
		end(ps, p, FANTAIL_PEER_FAILED, FANTAIL_PEER_EV_TIMED_OUT);
		return;
	}
	p->rto_us = p->rto_us < RTO_MAX_US / 2 ? 2 * p->rto_us : RTO_MAX_US;
	if (p->rto_us < RTO_MIN_US)
		p->rto_us = RTO_MIN_US;
	p->rto_due_us = ps->net->now_us + p->rto_us;
	if (p->state == FANTAIL_PEER_SYN_SENT ||
	    p->state == FANTAIL_PEER_SYN_RECEIVED) {
		p->retransmits++;
		ps->stats.retransmits++;
		peer_transmit(ps, p,
			      p->state == FANTAIL_PEER_SYN_SENT
				      ? TCP_SYN
				      : TCP_SYN | TCP_ACK,
			      p->iss, NULL, 0);
		return;
	}
	/* one segment only; a closed window is probed with one byte, and a
	 * FIN needs no room */
	p->snd_nxt = p->snd_una;
	p->snd_wnd = wnd > p->snd_mss ? p->snd_mss : wnd ? wnd : 1;
	peer_output(ps, p);
	p->snd_wnd = wnd;
}

/* The heap says that something of this peer is due. */
void peer_expired(struct fantail_peers *ps, struct peer *p)
{
	uint64_t now = ps->net->now_us;

	if (p->start_us <= now) {
		if (ps->mac_known) {
			peer_start(ps, p);
		} else {
			/* the ARP reply brings it back */
			p->start_us = NEVER;
			if (ps->arp_due_us == NEVER) {
				ps->arp_due_us = now;
				ps->arp_asker = p->index;
			}
		}
	}
	if (p->ack_due_us <= now)
		peer_ack(ps, p, false);
	if (p->rto_due_us <= now)
		retransmit(ps, p);
	peers_schedule(ps, p);
}
