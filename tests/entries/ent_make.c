/* SPDX-License-Identifier: Apache-2.0 */
/* The generator: one random entry at a time. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

enum {
	FAR_GEN = 2000, /* behind the newest: nobody's any more */
	BATCH_MAX = 12000,
	LATE_JOIN = 6, /* payloads that a group has under way */
};

static uint32_t handle(uint32_t gen, uint32_t id)
{
	return (gen & 0xFFFF) << FANTAIL_HANDLE_GENERATION_SHIFT | id;
}

static uint64_t scratch_iova(struct ent_host *h, int ring)
{
	return h->space + ENT_SCRATCH_IOVA + (uint64_t)ring * ENT_RING_STEP +
	       h->ring[ring].written % ENT_RING_MAX * ENT_SCRATCH;
}

/* Memory that is not there, or not the host's own. */
static uint64_t nowhere(struct ent_host *h)
{
	static const uint64_t others[] = { ENT_TABLE_IOVA, ENT_SCRATCH_IOVA,
					   ENT_SLOT_IOVA };

	if (ent_once(h, 2))
		return ENT_NOWHERE;
	return (ENT_HOST_STEP ^ h->space) + others[ent_below(h, 3)];
}

static uint8_t *scratch(struct ent_host *h, int ring)
{
	return h->ring[ring].scratch +
	       h->ring[ring].written % ENT_RING_MAX * ENT_SCRATCH;
}

uint32_t ent_space(const struct ent_host *h, int ring)
{
	const struct ent_ring *r = &h->ring[ring];

	return (1u << r->log2) - (uint32_t)(r->written - r->head);
}

/* --------------------------------------------------------- connections, ids */
enum want {
	ANY,
	ABSENT,
	PRESENT,
	FREE_OF_GROUPS,
	IN_A_GROUP
};

static bool fits(const struct ent_state *s, enum want want)
{
	switch (want) {
	case ABSENT:
		return !s->life;
	case PRESENT:
		return s->life;
	case FREE_OF_GROUPS:
		return s->life && !s->groups;
	case IN_A_GROUP:
		return s->life && s->groups;
	default:
		return true;
	}
}

/* An id of @ring (-1: of either), preferably in that state. */
static uint32_t pick(struct ent_host *h, int ring, enum want want)
{
	uint32_t id = 0, tries;

	for (tries = 0; tries < 24; tries++) {
		id = ent_below(h, ENT_CONNS);
		if (ring >= 0 ? h->conn[id].owner != ring
			      : h->conn[id].owner == ENT_FOREIGN)
			continue;
		if (fits(ent_newest(&h->conn[id]), want))
			return id;
	}
	while (ring >= 0 ? h->conn[id].owner != ring
			 : h->conn[id].owner == ENT_FOREIGN)
		id = ent_below(h, ENT_CONNS);
	return id;
}

static struct ent_host *other_host(struct ent_host *h)
{
	return h->card->host[(h->qp + 1) % ENT_HOSTS];
}

/* A connection of the other host. */
static uint32_t foreign(struct ent_host *h)
{
	struct ent_host *other = other_host(h);
	uint32_t id = pick(other, -1, ent_once(h, 6) ? ANY : PRESENT);
	const struct ent_state *s = ent_newest(&other->conn[id]);

	return handle(s->life ? s->life->gen : other->conn[id].gen, id);
}

static uint32_t name_of(struct ent_host *h, uint32_t id)
{
	const struct ent_state *s = ent_newest(&h->conn[id]);

	if (ent_once(h, 24))
		return handle(h->conn[id].gen - FAR_GEN - ent_below(h, 1000),
			      id);
	return handle(s->life ? s->life->gen : h->conn[id].gen, id);
}

/* ------------------------------------------------------------------ payloads */
static void make_list(struct ent_host *h, int ring, struct ent_entry *p)
{
	uint32_t most = ent_once(h, 12) ? ENT_CONNS : 24, i, k;
	uint8_t *at = scratch(h, ring) + 4 * ent_below(h, 16);
	struct fantail_entry *e = &p->e;

	e->flags |= FANTAIL_FLAG_LIST;
	e->list_len = 1 + ent_below(h, most);
	e->list_addr =
		scratch_iova(h, ring) + (uint64_t)(at - scratch(h, ring));
	for (i = 0; i < e->list_len; i++) {
		uint32_t name = name_of(h, pick(h, -1, PRESENT));

		if (ent_once(h, 30))
			name = foreign(h);
		if (ent_once(h, 40))
			name = handle(name >> 16,
				      ENT_CONNS + ent_below(h, 1000));
		if (i && ent_once(h, 16))
			memcpy(&name, at + 4ull * (i - 1), 4);
		memcpy(at + 4ull * i, &name, 4);
	}
	if (ent_once(h, 20))
		e->list_addr += 1 + ent_below(h, 3);
	if (ent_once(h, 30)) { /* somewhere in it memory ends */
		k = ent_below(h, e->list_len);
		e->list_addr = h->space + ENT_TABLE_IOVA + ENT_TABLE - 4ull * k;
	}
}

static void make_publish(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;
	uint32_t kind = ent_below(h, 10), most = 300, at;

	if (kind < 4) {
		e->target = ent_once(h, 30) ? foreign(h)
					    : name_of(h, pick(h, -1, PRESENT));
		if (ent_once(h, 40))
			most = ENT_LONGEST;
		else if (ent_once(h, 4))
			most = 3000;
	} else if (kind < 7) {
		e->target = ent_below(h, ENT_GROUPS);
		e->flags |= FANTAIL_FLAG_GROUP;
	} else {
		make_list(h, ring, p);
	}
	e->len = 1 + ent_below(h, most);
	at = ent_below(h, ENT_TABLE - ENT_LONGEST);
	if (ent_once(h, 2) && h->next_at + e->len <= ENT_TABLE)
		at = h->next_at;
	if (ent_once(h, 60)) /* memory ends within it */
		at = ENT_TABLE - ent_below(h, e->len);
	h->next_at = at + e->len;
	e->addr = h->space + ENT_TABLE_IOVA + at;
	if (ent_once(h, 100))
		e->addr = nowhere(h) + at;
}

/* ------------------------------------------------------------------ contexts */
static void spoil_context(struct ent_host *h, struct fantail_context *x)
{
	switch (ent_below(h, 8)) {
	case 0:
		x->mss = (uint16_t)ent_below(h, FANTAIL_MSS_MIN);
		break;
	case 1:
		x->mss = (uint16_t)(1461 + ent_below(h, 60000));
		break;
	case 2:
		x->snd_wscale = (uint8_t)(15 + ent_below(h, 240));
		break;
	case 3:
		x->rcv_wscale = (uint8_t)(15 + ent_below(h, 240));
		break;
	case 4:
		x->snd_wnd = (1u << 30) + 1 + ent_below(h, 1u << 30);
		break;
	case 5:
		x->flags |= ent_once(h, 2) ? 2u + 2 * ent_below(h, 3)
					   : 8u << ent_below(h, 29);
		break;
	case 6:
		x->rsvd0[ent_below(h, sizeof(x->rsvd0))] = 1;
		break;
	default:
		x->keepalive_s = ent_once(h, 2) ? 1 + ent_below(h, 7199)
						: 2000001 + ent_below(h, 99);
		break;
	}
}

/* The addresses are those of connection @who. */
static void make_context(struct ent_host *h, struct fantail_context *x,
			 uint32_t id, uint32_t who)
{
	struct ent_conn *c = &h->conn[id];

	memset(x, 0, sizeof(*x));
	x->local_ip = ENT_LOCAL_IP + h->qp;
	x->remote_ip = ENT_PEER_IP + who;
	x->local_port = ENT_PORT;
	x->remote_port = (uint16_t)(ENT_PEER_PORT + who);
	x->local_mac[0] = x->remote_mac[0] = 2;
	/* lives of one connection do not share sequence numbers */
	c->next_seq += (1u << 28) + ent_below(h, 1u << 27);
	x->snd_nxt = c->next_seq;
	x->rcv_nxt = c->next_seq ^ 0x55555555;
	x->snd_wnd = 1u << 20;
	x->mss = (uint16_t)(ent_once(h, 3)
				    ? FANTAIL_MSS_MIN + ent_below(h, 1397)
				    : 1448);
	x->snd_wscale = (uint8_t)ent_below(h, 15);
	x->rcv_wscale = (uint8_t)ent_below(h, 4);
	x->flags = ent_below(h, 2);
	x->ts_offset = ent_random(h);
	x->rcv_credit = 3000 + ent_below(h, 60000);
	x->lag_limit = 0x7FFFFFFF;
	x->srtt_us = ent_below(h, 2) * 1000;
	x->keepalive_s = ent_once(h, 2) ? 7200 : 0;
}

/* Both buckets of its class of ids hold four keys each. */
static bool flow_full(const struct ent_host *h, uint32_t id)
{
	uint32_t first = id - id % ENT_CLASS, i, keys = 0;

	for (i = 0; i < ENT_CLASS; i++)
		keys += ent_newest(&h->conn[first + i])->life != NULL;
	return h->card->crowded && keys >= 8;
}

static void make_install(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct fantail_context x;
	uint32_t id = pick(h, ring, ent_once(h, 16) ? ANY : ABSENT), who = id;
	uint32_t at = ent_below(h, 128);

	if (ent_once(h, 16))
		who = pick(h, ring, PRESENT);
	if (ent_once(h, 24))
		id = who = foreign(h) & FANTAIL_HANDLE_ID_MASK;
	make_context(h, &x, id, who);
	if (ent_once(h, 10))
		spoil_context(h, &x);
	/* no id is taken away from its host */
	while (h->conn[id].owner == ENT_FOREIGN && !ent_context_code(&x))
		spoil_context(h, &x);
	h->conn[id].gen = (uint16_t)(h->conn[id].gen + 1 + ent_below(h, 3));
	p->e.target = handle(h->conn[id].gen, id);
	p->e.len = ent_once(h, 2) ? FANTAIL_CONTEXT_BYTES : 0;
	p->e.addr = scratch_iova(h, ring) + at;
	memcpy(scratch(h, ring) + at, &x, sizeof(x));
	if (ent_once(h, 40))
		p->e.addr = nowhere(h) + at;
	if (ent_bad_line(h, p->e.addr, FANTAIL_CONTEXT_BYTES))
		p->behind = FANTAIL_REFUSE_DMA_READ;
	else if (ent_context_code(&x))
		p->behind = ent_context_code(&x);
	else if (who != id && ent_newest(&h->conn[who])->life)
		p->behind = FANTAIL_REFUSE_TUPLE_EXISTS;
	else if (who != id)
		p->skip = true;
	else if (flow_full(h, id))
		p->behind = FANTAIL_REFUSE_FLOW_FULL;
	h->context = x;
}

static void make_update(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;

	e->target = name_of(h, pick(h, ring, PRESENT));
	e->arg0 = ent_below(h, ent_once(h, 8) ? 8 : 5);
	switch (e->arg0) {
	case FANTAIL_UPDATE_MSS:
		e->arg1 = 40 + ent_below(h, 1450);
		break;
	case FANTAIL_UPDATE_MAC:
		e->arg1 = (uint64_t)ent_random(h) << (ent_once(h, 8) ? 20 : 8);
		break;
	case FANTAIL_UPDATE_POLICY:
		e->arg1 = ent_below(h, 5);
		break;
	case FANTAIL_UPDATE_LAG_LIMIT:
		e->arg1 = ent_once(h, 8) ? 1ull << 32 : 0x7FFFFFFF;
		break;
	default:
		e->arg1 = ent_once(h, 8) ? 1ull << 40 : ent_below(h, 3000);
		break;
	}
}

static bool late(struct ent_host *h, int ring, uint32_t group)
{
	struct ent_ring *r = &h->ring[ENT_DATA];
	uint32_t under_way = 0;
	uint64_t i;

	if (ring == ENT_DATA)
		return false;
	for (i = r->retired; i < r->written; i++) {
		struct fantail_entry *e = &r->entry[i % ENT_PENDING].e;

		under_way += e->op == FANTAIL_OP_PUBLISH &&
			     e->flags & FANTAIL_FLAG_GROUP &&
			     e->target == group;
	}
	return under_way > LATE_JOIN;
}

static void make_member(struct ent_host *h, int ring, struct ent_entry *p)
{
	uint32_t id = pick(h, ring, PRESENT), g = ent_below(h, ENT_GROUPS);
	uint64_t groups;

	if (p->e.op == FANTAIL_OP_GROUP_LEAVE) {
		id = pick(h, ring, IN_A_GROUP);
		groups = ent_newest(&h->conn[id])->groups;
		while (groups && !(groups >> g & 1) && !ent_once(h, 200))
			g = (g + 1) % ENT_GROUPS;
	} else if (late(h, ring, g)) {
		p->skip = true;
	}
	p->e.target = name_of(h, id);
	p->e.arg0 = g;
	if (ent_once(h, 40))
		p->e.arg0 = ENT_GROUPS + ent_below(h, 1000);
}

/* -------------------------------------------------------------------- frames */
static void make_frame_tx(struct ent_host *h, int ring, struct ent_entry *p)
{
	uint32_t at = ent_below(h, 128), i;
	uint8_t *frame = scratch(h, ring) + at;

	p->e.len = 14 + ent_below(h, ent_once(h, 3) ? 1501 : 100);
	p->e.addr = scratch_iova(h, ring) + at;
	for (i = 0; i < p->e.len; i++)
		frame[i] = (uint8_t)ent_random(h);
	frame[0] = 2;
	frame[6] = (uint8_t)(0x10 | h->qp << 1 | (uint32_t)ring);
	frame[12] = 0x88;
	frame[13] = 0xB5;
	if (ent_once(h, 20))
		p->e.addr = nowhere(h) + at;
	if (ent_bad_line(h, p->e.addr, p->e.len))
		p->behind = FANTAIL_REFUSE_DMA_READ;
}

static void make_inject(struct ent_host *h, int ring, struct ent_entry *p)
{
	uint32_t at = ent_below(h, 128), id = pick(h, -1, PRESENT);
	uint8_t *frame = scratch(h, ring) + at;
	struct ent_life *l = h->conn[id].lives;

	p->e.addr = scratch_iova(h, ring) + at;
	if (ent_once(h, 12))
		l = other_host(h)
			    ->conn[foreign(h) & FANTAIL_HANDLE_ID_MASK]
			    .lives;
	if (l && ent_host_of(l->id) != h->qp) {
		p->e.len = ent_segment(other_host(h), l, frame, l->up_acked, 0);
		p->behind = FANTAIL_REFUSE_INJECT_MISSED;
	} else if (ent_once(h, 3) || !l) {
		p->e.len = ent_stray_segment(h, frame);
		p->behind = FANTAIL_REFUSE_INJECT_MISSED;
	} else {
		/* what the peer has sent already, once more */
		p->id = (uint16_t)id;
		p->e.len = ent_segment(h, l, frame, l->up_acked,
				       h->calm ? 0 : l->up_sent - l->up_acked);
		h->quiet &= h->calm;
	}
	if (ent_once(h, 20)) {
		p->e.addr = nowhere(h) + at;
		p->behind = FANTAIL_REFUSE_DMA_READ;
	}
}

/* --------------------------------------------------------------------- slots */
static bool named_before(const uint16_t *slot, uint32_t k)
{
	uint32_t i;

	for (i = 0; i < k; i++)
		if (slot[i] == slot[k])
			return true;
	return false;
}

static void make_return(struct ent_host *h, struct ent_entry *p)
{
	uint32_t len = 1 + ent_below(h, FANTAIL_RETURN_MAX), k = 0, s;
	uint16_t slot[FANTAIL_RETURN_MAX] = { 0 };

	s = ent_below(h, h->slot_count);
	for (k = 0; k < len; k++, s++) {
		uint32_t look = 0;

		while (look++ < h->slot_count &&
		       h->slot[s % h->slot_count] != ENT_SLOT_OUT)
			s++;
		if (look > h->slot_count)
			break;
		slot[k] = (uint16_t)(s % h->slot_count);
		if (named_before(slot, k))
			break;
		h->slot[slot[k]] = ENT_SLOT_RETURNING;
	}
	len = k;
	if (!len || ent_once(h, 12)) {
		/* one that is not out, does not exist, or stands there twice */
		for (k = 0; k < len; k++)
			h->slot[slot[k]] = ENT_SLOT_OUT;
		k = len < FANTAIL_RETURN_MAX ? len++ : len - 1;
		slot[k] = (uint16_t)(h->slot_count + ent_below(h, 60000));
		if (slot[k] < h->slot_count)
			slot[k] = 0xFFFF;
		if (k && ent_once(h, 2))
			slot[k] = slot[ent_below(h, k)];
		s = ent_below(h, h->slot_count);
		if (h->calm && h->quiet && h->slot[s] == ENT_SLOT_FREE)
			slot[k] = (uint16_t)s;
		p->behind = FANTAIL_REFUSE_SLOT;
	}
	p->e.len = len;
	for (k = 0; k < len; k++)
		ent_name_slot(&p->e, k, slot[k]);
}

/* ------------------------------------------------------------------- spoiling */
static void spoil(struct ent_host *h, struct fantail_entry *e)
{
	switch (ent_below(h, 10)) {
	case 0:
		e->op = (uint8_t)(13 + ent_below(h, 243));
		break;
	case 1:
		e->rsvd0 = (uint16_t)(1u << ent_below(h, 16));
		break;
	case 2:
		e->flags |= (uint8_t)(1u << ent_below(h, 8));
		break;
	case 3:
		e->len = ent_once(h, 2) ? ent_random(h) : ent_below(h, 2);
		break;
	case 4:
		e->list_len = ent_once(h, 2) ? ent_below(h, 300)
					     : ent_random(h);
		break;
	case 5:
		e->list_addr += 1 + ent_below(h, 3);
		break;
	case 6:
		e->arg2 = 1ull << ent_below(h, 64);
		break;
	case 7:
		e->target = handle(e->target >> 16,
				   ENT_CONNS + ent_below(h, 65536 - ENT_CONNS));
		break;
	case 8:
		e->arg0 |= 1ull << (8 + ent_below(h, 56));
		break;
	default:
		e->flags |= FANTAIL_FLAG_REPORT_DELIVERED;
		break;
	}
}

static void make(struct ent_host *h, int ring, struct ent_entry *p)
{
	static const uint8_t weight[ENT_OPS] = { 5, 30, 8, 6, 8, 2, 2,
						 5, 9,	5, 4, 5, 8, 0 };
	uint32_t x = ent_below(h, 97), op = 0;

	while (x >= weight[op])
		x -= weight[op++];
	if (op == FANTAIL_OP_PUBLISH && ring == ENT_CONTROL && !ent_once(h, 12))
		op = FANTAIL_OP_GROUP_JOIN;
	p->e.op = (uint8_t)op;
	switch (op) {
	case FANTAIL_OP_PUBLISH:
		make_publish(h, ring, p);
		break;
	case FANTAIL_OP_CONN_INSTALL:
		make_install(h, ring, p);
		break;
	case FANTAIL_OP_CONN_UPDATE:
		make_update(h, ring, p);
		break;
	case FANTAIL_OP_CONN_QUERY:
		p->e.arg0 = ent_once(h, 4) ? FANTAIL_QUERY_DRAINED : 0;
		/* fall through */
	case FANTAIL_OP_CONN_ABORT:
		p->e.target = name_of(h, pick(h, ent_once(h, 3) ? -1 : ring,
					      ent_once(h, 8) ? ANY : PRESENT));
		break;
	case FANTAIL_OP_CONN_CLOSE:
		p->e.target = name_of(h, pick(h, ring, PRESENT));
		break;
	case FANTAIL_OP_CONN_RELEASE:
		p->e.target = name_of(
			h, pick(h, ring,
				ent_once(h, 8) ? IN_A_GROUP : FREE_OF_GROUPS));
		p->skip = h->calm;
		break;
	case FANTAIL_OP_GROUP_JOIN:
	case FANTAIL_OP_GROUP_LEAVE:
		make_member(h, ring, p);
		break;
	case FANTAIL_OP_FRAME_TX:
		make_frame_tx(h, ring, p);
		break;
	case FANTAIL_OP_FRAME_INJECT:
		make_inject(h, ring, p);
		break;
	case FANTAIL_OP_RECV_RETURN:
		make_return(h, p);
		break;
	default:
		p->e.flags = ent_once(h, 2) ? FANTAIL_FLAG_COLLECT : 0;
		break;
	}
}

void ent_make(struct ent_host *h, int ring)
{
	struct ent_ring *r = &h->ring[ring];
	struct ent_entry p = { .id = ENT_NOBODY };
	uint32_t id;

	make(h, ring, &p);
	if (ent_names_conn(&p.e) && ent_once(h, 24))
		p.e.target = foreign(h);
	if (ring == ENT_DATA &&
	    (p.e.op == FANTAIL_OP_PUBLISH || p.e.op == FANTAIL_OP_NOP) &&
	    ent_once(h, 8))
		p.e.flags |= FANTAIL_FLAG_REPORT_DELIVERED;
	if (p.e.op != FANTAIL_OP_RECV_RETURN && ent_once(h, 10))
		spoil(h, &p.e);
	if (ent_once(h, h->long_batches ? 400 : 6) || r->open > BATCH_MAX)
		p.e.flags |= FANTAIL_FLAG_LAST;
	ent_look_up(h, ring, &p);
	id = p.e.target & FANTAIL_HANDLE_ID_MASK;
	if ((ent_names_conn(&p.e) || p.e.op == FANTAIL_OP_CONN_INSTALL) &&
	    id < ENT_CONNS)
		p.id = (uint16_t)id;
	if (p.e.op == FANTAIL_OP_NOP || p.e.op > FANTAIL_OP_RECV_RETURN)
		p.id = ENT_NOBODY;
	if (!ent_allowed(h, ring, &p)) {
		free(p.handles);
		return;
	}
	ent_write(h, ring, &p);
}
