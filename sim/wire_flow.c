/* SPDX-License-Identifier: Apache-2.0 */
/* Wire checker: connections, and what TCP allows the card to send on them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire_internal.h"

enum {
	TABLE_MIN = 256
};

static uint32_t hash(const struct wire_key *k)
{
	return (uint32_t)mix64(
		(uint64_t)k->our_ip << 32 ^ k->peer_ip ^
		mix64((uint32_t)k->our_port << 16 | k->peer_port));
}

static bool same(const struct wire_key *a, const struct wire_key *b)
{
	return a->our_ip == b->our_ip && a->peer_ip == b->peer_ip &&
	       a->our_port == b->our_port && a->peer_port == b->peer_port;
}

static struct wire_flow *find(const struct fantail_wire_check *c,
			      const struct wire_key *key)
{
	struct wire_flow *f = NULL;

	if (c->table)
		f = c->table[hash(key) & (c->table_size - 1)];
	while (f && !same(&f->key, key))
		f = f->next;
	return f;
}

static bool closed(const struct wire_flow *f)
{
	return f->rst_sent || f->rst_received ||
	       (f->fin_acked && f->fin_received);
}

static void unmark(struct fantail_wire_check *c, struct wire_flow *f)
{
	if (f->marked && c->cfg.over)
		c->cfg.over(c->cfg.mark_ctx, f->mark, 0);
	f->marked = false;
}

static void drop(struct fantail_wire_check *c, struct wire_flow *f)
{
	unmark(c, f);
	wire_store_reset(c, f, 0);
	free(f);
	c->flows--;
}

/* Make room: connections that are over, or never came to be. */
static void evict(struct fantail_wire_check *c)
{
	uint32_t i;

	for (i = 0; i < c->table_size; i++) {
		struct wire_flow **at = &c->table[i], *f;

		while ((f = *at)) {
			if (closed(f) || !f->established) {
				*at = f->next;
				drop(c, f);
			} else {
				at = &f->next;
			}
		}
	}
}

static int resize(struct fantail_wire_check *c)
{
	uint32_t size = c->table_size ? 2 * c->table_size : TABLE_MIN, i;
	struct wire_flow **table = calloc(size, sizeof(struct wire_flow *));

	if (!table)
		return -ENOMEM;
	for (i = 0; i < c->table_size; i++) {
		struct wire_flow *f, *next;

		for (f = c->table[i]; f; f = next) {
			uint32_t h = hash(&f->key) & (size - 1);

			next = f->next;
			f->next = table[h];
			table[h] = f;
		}
	}
	free(c->table);
	c->table = table;
	c->table_size = size;
	return 0;
}

static struct wire_flow *find_or_add(struct fantail_wire_check *c,
				     const struct wire_key *key)
{
	struct wire_flow *f = find(c, key);
	uint32_t h;

	if (f)
		return f;
	if (c->flows >= c->cfg.max_flows)
		evict(c);
	if (c->flows >= c->cfg.max_flows)
		return NULL;
	if (c->flows >= c->table_size && resize(c))
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	h = hash(key) & (c->table_size - 1);
	f->key = *key;
	f->next = c->table[h];
	c->table[h] = f;
	c->flows++;
	return f;
}

void wire_flows_free(struct fantail_wire_check *c)
{
	struct wire_flow *f;
	uint32_t i;

	for (i = 0; i < c->table_size; i++) {
		while ((f = c->table[i])) {
			c->table[i] = f->next;
			drop(c, f);
		}
	}
	free(c->table);
}

int wire_flow_mark(struct fantail_wire_check *c, const struct wire_key *key,
		   uint32_t mark, uint32_t *unacked)
{
	struct wire_flow *f = find(c, key);

	if (!f || !f->open || closed(f))
		return -ENOENT;
	unmark(c, f);
	f->marked = true;
	f->mark = mark;
	*unacked = f->max - f->una;
	return 0;
}

/* Our SYN or SYN-ACK: a new incarnation begins. */
static void begin(struct fantail_wire_check *c, struct wire_flow *f,
		  const struct wire_segment *s)
{
	struct wire_offer offer = f->offer;

	unmark(c, f);
	wire_store_reset(c, f, s->seq + 1);
	f->open = true;
	f->past_syn = false;
	f->established = f->rst_sent = f->rst_received = false;
	f->fin_sent = f->fin_acked = f->fin_received = false;
	f->active = !(s->flags & TCP_ACK);
	f->isn = s->seq;
	f->una = s->seq;
	f->max = f->right = s->seq + 1;
	f->our_ts = s->opt.has_ts;
	f->our_wscale = s->opt.wscale;
	f->ts_on = false;
	f->shift = 0;
	f->mss = MSS_DEFAULT;
	f->rcv_max = f->peer_isn = 0;
	f->offer = offer;
	c->result.flows++;
}

/* What both SYNs agree on. RFC 9293 3.7.1, RFC 7323 2.2 and 3.2 */
static void agree(struct wire_flow *f, const struct wire_offer *o)
{
	f->mss = o->mss;
	f->ts_on = f->our_ts && o->ts;
	if (f->our_wscale >= 0 && o->wscale >= 0)
		f->shift = o->wscale > WSCALE_MAX ? WSCALE_MAX
						  : (uint8_t)o->wscale;
	f->right = f->isn + 1 + o->wnd;
	f->peer_isn = o->isn;
	f->rcv_max = o->isn + 1;
}

static struct wire_offer offer_of(const struct wire_segment *s)
{
	return (struct wire_offer){
		.valid = true,
		.fresh = true,
		.isn = s->seq,
		.wnd = s->wnd,
		.mss = s->opt.has_mss ? s->opt.mss : MSS_DEFAULT,
		.wscale = s->opt.wscale,
		.ts = s->opt.has_ts,
	};
}

static int tx_syn(struct fantail_wire_check *c, const struct wire_segment *s)
{
	struct wire_flow *f = find_or_add(c, &s->key);

	if (!f)
		return -ENOMEM;
	/* the answer is on the wire, but need not have reached TCP */
	if (f->open && f->active && !closed(f) && !f->past_syn) {
		if (s->seq != f->isn)
			wire_violation(c, FANTAIL_WIRE_SYN,
				       "initial sequence number changed");
		return 0;
	}
	if (f->open && f->established && !closed(f))
		wire_violation(c, FANTAIL_WIRE_SYN, "in an open connection");
	begin(c, f, s);
	return 0;
}

static void tx_syn_ack(struct fantail_wire_check *c, struct wire_flow *f,
		       const struct wire_segment *s)
{
	struct wire_offer *o;
	bool repeat;

	if (!f || !f->offer.valid || s->ack != f->offer.isn + 1) {
		wire_violation(c, FANTAIL_WIRE_SYN, "answers no SYN");
		return;
	}
	o = &f->offer;
	if (s->opt.has_ts && !o->ts)
		wire_violation(c, FANTAIL_WIRE_TIMESTAMP, "not offered");
	if (s->opt.wscale >= 0 && o->wscale < 0)
		wire_violation(c, FANTAIL_WIRE_OPTIONS,
			       "window scale not offered");
	repeat = f->open && !closed(f) && f->peer_isn == o->isn;
	if (repeat && s->seq == f->isn) {
		o->fresh = false;
		return;
	}
	/* a cookie may differ when a repeated SYN is answered anew */
	if (repeat && (!o->fresh || f->established))
		wire_violation(c, FANTAIL_WIRE_SYN,
			       "initial sequence number changed");
	begin(c, f, s);
	agree(f, o);
	o->fresh = false;
}

static void tx_rst(struct fantail_wire_check *c, struct wire_flow *f,
		   const struct wire_segment *s)
{
	/* to a connection that does not exist any form is possible */
	if (!f || !f->open)
		return;
	if (!closed(f) && seq_diff(f->max, s->seq) > 0)
		wire_violation(c, FANTAIL_WIRE_GAP, "RST %d beyond %u",
			       seq_diff(f->max, s->seq), f->max);
	f->rst_sent = true;
	unmark(c, f);
	wire_store_reset(c, f, f->max);
}

static void check_fin(struct fantail_wire_check *c, struct wire_flow *f,
		      const struct wire_segment *s)
{
	uint32_t end = s->seq + s->len;

	if (f->fin_sent && s->len && seq_diff(f->fin_seq, end) > 0)
		wire_violation(c, FANTAIL_WIRE_FIN, "data after FIN at %u",
			       f->fin_seq);
	if (!(s->flags & TCP_FIN))
		return;
	if (f->fin_sent && end != f->fin_seq)
		wire_violation(c, FANTAIL_WIRE_FIN, "moved from %u to %u",
			       f->fin_seq, end);
	else if (!f->fin_sent && seq_diff(end, f->max) > 0)
		wire_violation(c, FANTAIL_WIRE_FIN, "at %u before data end %u",
			       end, f->max);
}

static void check_room(struct fantail_wire_check *c, struct wire_flow *f,
		       const struct wire_segment *s)
{
	int32_t over = seq_diff(f->right, s->seq + s->len);

	/* RFC 6691: options count against the MSS */
	if (s->len + s->opt_len > f->mss)
		wire_violation(c, FANTAIL_WIRE_MSS,
			       "%u bytes and %u of options, MSS %u", s->len,
			       s->opt_len, f->mss);
	if (over <= 0)
		return;
	if (s->len == 1 && over == 1)
		c->result.window_probes++;
	else
		wire_violation(c, FANTAIL_WIRE_WINDOW,
			       "%d beyond the right edge %u", over, f->right);
}

static void tx_data(struct fantail_wire_check *c, struct wire_flow *f,
		    const struct wire_segment *s)
{
	int32_t gap = seq_diff(f->max, s->seq);
	uint32_t old = 0;
	int64_t at;

	if (gap > 0) {
		/* go on from there, so that one gap is one violation */
		wire_store_reset(c, f, s->seq);
		f->max = s->seq;
	} else {
		old = (uint32_t)-gap < s->len ? (uint32_t)-gap : s->len;
	}
	if (old) {
		at = wire_store_compare(c, f, s->seq, s->bytes, old);
		if (at >= 0)
			wire_violation(c, FANTAIL_WIRE_CHANGED,
				       "byte %lld of the payload is %02x now",
				       (long long)at, s->bytes[at]);
		c->result.retransmitted_bytes += old;
	}
	if (old < s->len && !f->fin_sent) {
		wire_store_append(c, f, s->seq + old, s->bytes + old,
				  s->len - old);
		f->max = s->seq + s->len;
		c->result.payload_bytes += s->len - old;
		if (f->marked && c->cfg.sent)
			c->cfg.sent(c->cfg.mark_ctx, f->mark, s->len - old);
	}
	c->result.data_segments++;
	if (old)
		c->result.retransmitted_segments++;
}

static void tx_open(struct fantail_wire_check *c, struct wire_flow *f,
		    const struct wire_segment *s)
{
	/* only an empty segment (keepalive) may use the SYN's number */
	uint32_t first = f->isn + (s->len ? 1 : 0);

	f->past_syn = true;
	if (!(s->flags & TCP_ACK))
		wire_violation(c, FANTAIL_WIRE_RESERVED, "no ACK flag");
	else if (seq_diff(f->rcv_max, s->ack) > 0)
		wire_violation(c, FANTAIL_WIRE_ACK, "%d beyond %u",
			       seq_diff(f->rcv_max, s->ack), f->rcv_max);
	if (s->opt.has_ts != f->ts_on)
		wire_violation(c, FANTAIL_WIRE_TIMESTAMP, "%s",
			       f->ts_on ? "missing" : "not agreed");
	if (seq_diff(f->max, s->seq) > 0)
		wire_violation(c, FANTAIL_WIRE_GAP, "%d beyond %u",
			       seq_diff(f->max, s->seq), f->max);
	else if (seq_diff(first, s->seq) < 0)
		wire_violation(c, FANTAIL_WIRE_BELOW, "%d below %u",
			       seq_diff(s->seq, first), first);
	check_fin(c, f, s);
	if (s->len) {
		check_room(c, f, s);
		tx_data(c, f, s);
	}
	if (!(s->flags & TCP_FIN))
		return;
	if (f->fin_sent && !s->len)
		c->result.retransmitted_segments++;
	if (!f->fin_sent) {
		f->fin_sent = true;
		f->fin_seq = s->seq + s->len;
		if (seq_diff(f->max, f->fin_seq + 1) > 0)
			f->max = f->fin_seq + 1;
	}
}

int wire_flow_tx(struct fantail_wire_check *c, const struct wire_segment *s)
{
	struct wire_flow *f = find(c, &s->key);

	if (s->flags & TCP_SYN && s->flags & (TCP_FIN | TCP_RST))
		wire_violation(c, FANTAIL_WIRE_RESERVED, "flags %02x",
			       s->flags);
	else if (s->flags & TCP_RST)
		tx_rst(c, f, s);
	else if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return tx_syn(c, s);
	else if (s->flags & TCP_SYN)
		tx_syn_ack(c, f, s);
	else if (!f || !f->open)
		wire_violation(c, FANTAIL_WIRE_UNKNOWN, "no connection");
	else if (f->rst_sent)
		wire_violation(c, FANTAIL_WIRE_AFTER_RST, "segment after RST");
	else
		tx_open(c, f, s);
	return 0;
}

static void rx_ack(struct fantail_wire_check *c, struct wire_flow *f,
		   const struct wire_segment *s)
{
	uint32_t wnd = s->flags & TCP_SYN ? s->wnd : s->wnd << f->shift;
	uint32_t una = f->una;

	if (seq_diff(f->isn, s->ack) <= 0 || seq_diff(f->max, s->ack) > 0)
		return;
	f->established = true;
	if (seq_diff(f->right, s->ack + wnd) > 0)
		f->right = s->ack + wnd;
	if (seq_diff(f->una, s->ack) > 0)
		f->una = s->ack;
	if (f->fin_sent && seq_diff(f->fin_seq, f->una) > 0)
		f->fin_acked = true;
	wire_store_acked(f, f->una);
	if (f->marked && f->una != una && c->cfg.acked)
		c->cfg.acked(c->cfg.mark_ctx, f->mark, f->una - una);
}

int wire_flow_rx(struct fantail_wire_check *c, const struct wire_segment *s)
{
	struct wire_flow *f;
	uint32_t end = s->seq + s->len + !!(s->flags & TCP_SYN) +
		       !!(s->flags & TCP_FIN);

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		f = find_or_add(c, &s->key);
		if (!f)
			return -ENOMEM;
		f->offer = offer_of(s);
		return 0;
	}
	f = find(c, &s->key);
	if (!f || !f->open)
		return 0;
	if (s->flags & TCP_RST) {
		if (s->seq == f->rcv_max) {
			f->rst_received = true;
			unmark(c, f);
			wire_store_reset(c, f, f->max);
		}
		return 0;
	}
	if (s->flags & TCP_SYN) {
		struct wire_offer o = offer_of(s);

		if (!f->active || f->established || s->ack != f->isn + 1)
			return 0;
		agree(f, &o);
	}
	if (s->flags & TCP_ACK)
		rx_ack(c, f, s);
	if (seq_diff(f->rcv_max, end) > 0)
		f->rcv_max = end;
	if (s->flags & TCP_FIN)
		f->fin_received = true;
	return 0;
}
