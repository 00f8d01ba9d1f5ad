/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline's watcher: connections, whose bytes are of which batch. */
#include <string.h>

#include "net_frame.h"
#include "timeline_internal.h"

/* What counts of a frame: TCP over IPv4, and its place. */
struct segment {
	struct watch_tuple tuple; /* local: the card's side */
	uint32_t seq, ack, len;
	uint8_t flags;
};

/* ------------------------------------------------------------ connections */

static uint32_t bucket_of(const struct watch_tuple *t)
{
	uint64_t x = (uint64_t)t->local_ip << 32 ^ t->remote_ip;

	x ^= (uint64_t)t->local_port << 48 ^ (uint64_t)t->remote_port << 20;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(x >> 40) & (WATCH_BUCKETS - 1);
}

static bool same(const struct watch_tuple *a, const struct watch_tuple *b)
{
	return a->local_ip == b->local_ip && a->remote_ip == b->remote_ip &&
	       a->local_port == b->local_port &&
	       a->remote_port == b->remote_port;
}

static struct watch_conn *find(const struct timeline_watch *w,
			       const struct watch_tuple *tuple)
{
	uint32_t at = w->buckets[bucket_of(tuple)];
	struct watch_conn *c;

	for (; at; at = c->next) {
		c = &w->conns[at - 1];
		if (same(&c->tuple, tuple))
			return c;
	}
	return NULL;
}

static void unlink_conn(struct timeline_watch *w, struct watch_conn *c)
{
	uint32_t id = (uint32_t)(c - w->conns);
	uint32_t *at = &w->buckets[bucket_of(&c->tuple)];

	while (*at != id + 1)
		at = &w->conns[*at - 1].next;
	*at = c->next;
	c->known = false;
}

/* Its pieces will not be acknowledged any more. */
void watch_release(struct timeline_watch *w, struct watch_conn *c)
{
	while (c->pieces.count) {
		const struct watch_piece *p = fifo_at(&c->pieces, 0);
		struct watch_batch *b = p->batch;

		fifo_pop(&c->pieces);
		b->open--;
		watch_settle(w, b);
	}
}

void watch_install(struct timeline_watch *w, uint32_t id,
		   const struct fantail_context *context)
{
	struct watch_tuple tuple = {
		.local_ip = context->local_ip,
		.remote_ip = context->remote_ip,
		.local_port = context->local_port,
		.remote_port = context->remote_port,
	};
	struct watch_conn *c, *before;
	uint32_t *bucket;

	if (id >= WATCH_CONNECTIONS)
		return;
	c = &w->conns[id];
	watch_release(w, c);
	if (c->known)
		unlink_conn(w, c);
	/* who had these ports before is gone */
	before = find(w, &tuple);
	if (before) {
		watch_release(w, before);
		unlink_conn(w, before);
	}
	bucket = &w->buckets[bucket_of(&tuple)];
	c->known = true;
	c->tuple = tuple;
	c->next = *bucket;
	*bucket = id + 1;
	c->queued = c->sent = c->acked = context->snd_nxt;
}

/* A walk has queued bytes; or an install or an end has written, outside of one. */
void watch_queued(struct timeline_watch *w, uint32_t id, uint32_t seq)
{
	struct watch_batch *b = w->walk.batch;
	struct watch_conn *c;
	struct watch_piece *p;

	if (id >= WATCH_CONNECTIONS)
		return;
	c = &w->conns[id];
	if (!w->walk.busy || seq == c->queued) {
		c->queued = seq;
		return;
	}
	c->queued = seq;
	if (!b || !c->known)
		return;
	p = fifo_last(&c->pieces);
	if (p && p->batch == b) {
		p->end = seq;
		return;
	}
	p = fifo_push(&c->pieces);
	if (!p) {
		watch_fail(w);
		return;
	}
	p->end = seq;
	p->batch = b;
	b->open++;
	b->receivers++;
}

/* ----------------------------------------------------------------- frames */

/* @sent: by the card. Lengths are believed only as far as the frame goes. */
static bool parse(const uint8_t *frame, size_t len, bool sent,
		  struct segment *s)
{
	const uint8_t *ip = frame + ETH_LEN, *tcp;
	uint32_t head, total, offset;
	uint32_t from, to;
	uint16_t from_port, to_port;

	if (len < ETH_LEN + IP_LEN + TCP_LEN || get16(frame + 12) != TYPE_IPV4)
		return false;
	head = (ip[0] & 15u) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || ip[9] != PROTO_TCP || head < IP_LEN ||
	    total > len - ETH_LEN || total < head + TCP_LEN)
		return false;
	tcp = ip + head;
	offset = (tcp[12] >> 4) * 4u;
	if (offset < TCP_LEN || total < head + offset)
		return false;
	from = get32(ip + 12);
	to = get32(ip + 16);
	from_port = get16(tcp);
	to_port = get16(tcp + 2);
	*s = (struct segment){
		.tuple = { sent ? from : to, sent ? to : from,
			   sent ? from_port : to_port,
			   sent ? to_port : from_port },
		.seq = get32(tcp + 4),
		.ack = get32(tcp + 8),
		.len = total - head - offset,
		.flags = tcp[13],
	};
	return true;
}

/* Name the batches of the bytes from @seq on, up to @end. */
static void name_bytes(const struct watch_conn *c, struct timeline_event *e,
		       uint32_t seq, uint32_t end)
{
	for (size_t i = 0; i < c->pieces.count; i++) {
		const struct watch_piece *p = fifo_at(&c->pieces, i);

		if (seq_diff(seq, p->end) <= 0)
			continue;
		watch_name(e, p->batch);
		if (seq_diff(p->end, end) <= 0)
			return;
	}
}

static void sent_segment(struct timeline_watch *w, struct watch_conn *c,
			 const struct segment *s, struct timeline_event *e)
{
	int32_t again = seq_diff(s->seq, c->sent);
	uint32_t end = s->seq + s->len;

	if (again < 0)
		again = 0;
	if ((uint32_t)again > s->len)
		again = (int32_t)s->len;
	e->kind = again ? TIMELINE_RETRANSMISSION : TIMELINE_SEGMENT;
	e->value[0] = (uint64_t)(c - w->conns);
	e->value[1] = s->seq;
	e->value[2] = s->len;
	e->value[3] = (uint64_t)again;
	if (seq_diff(c->sent, end) > 0)
		c->sent = end;
	name_bytes(c, e, s->seq, end);
}

void timeline_watch_sent(struct timeline_watch *w, struct timeline_time begin,
			 struct timeline_time now, const uint8_t *frame,
			 size_t len)
{
	struct watch_conn *c = NULL;
	struct timeline_event e;
	struct segment s;

	if (w->over)
		return;
	w->now = begin;
	e = watch_slice(w, TIMELINE_FRAME, now.ns + w->ns_per_cycle);
	w->now = now;
	e.value[0] = len;
	if (parse(frame, len, true, &s))
		c = find(w, &s.tuple);
	if (c && s.len)
		sent_segment(w, c, &s, &e);
	timeline_add(w->t, &e);
	if (c && s.flags & TCP_RST)
		watch_release(w, c);
}

/* Pieces that it acknowledges whole are done with. */
static void acknowledge(struct timeline_watch *w, struct watch_conn *c,
			const struct segment *s, struct timeline_event *e)
{
	e->kind = TIMELINE_ACK;
	e->value[0] = (uint64_t)(c - w->conns);
	e->value[1] = s->ack;
	e->value[2] = s->ack - c->acked;
	name_bytes(c, e, c->acked, s->ack);
	c->acked = s->ack;
	timeline_add(w->t, e);
	while (c->pieces.count) {
		const struct watch_piece *p = fifo_at(&c->pieces, 0);
		struct watch_batch *b = p->batch;

		if (seq_diff(s->ack, p->end) > 0)
			return;
		fifo_pop(&c->pieces);
		b->open--;
		watch_settle(w, b);
	}
}

void timeline_watch_received(struct timeline_watch *w, struct timeline_time now,
			     const uint8_t *frame, size_t len)
{
	uint64_t beats = (len + DUT_BEAT - 1) / DUT_BEAT;
	struct watch_conn *c = NULL;
	struct timeline_event e;
	struct segment s;

	if (w->over)
		return;
	w->now = now;
	e = watch_slice(w, TIMELINE_RECEIVED, watch_at(w, now.cycle + beats));
	e.value[0] = len;
	if (parse(frame, len, false, &s))
		c = find(w, &s.tuple);
	if (c && !(s.flags & TCP_RST) && s.flags & TCP_ACK &&
	    seq_diff(c->acked, s.ack) > 0 && seq_diff(s.ack, c->sent + 1) >= 0)
		acknowledge(w, c, &s, &e);
	else
		timeline_add(w->t, &e);
	/* the card has to believe it; if not, little is lost */
	if (c && s.flags & TCP_RST)
		watch_release(w, c);
}
