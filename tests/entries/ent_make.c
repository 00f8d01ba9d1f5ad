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

static uint64_t scratch_iova(struct entries *n, int ring)
{
	return ENT_SCRATCH_IOVA + (uint64_t)ring * ENT_RING_STEP +
	       n->ring[ring].written % ENT_RING_MAX * ENT_SCRATCH;
}

static uint8_t *scratch(struct entries *n, int ring)
{
	return n->ring[ring].scratch +
	       n->ring[ring].written % ENT_RING_MAX * ENT_SCRATCH;
}

uint32_t ent_space(const struct entries *n, int ring)
{
	const struct ent_ring *r = &n->ring[ring];

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
static uint32_t pick(struct entries *n, int ring, enum want want)
{
	uint32_t id = 0, tries;

	for (tries = 0; tries < 24; tries++) {
		id = ent_below(n, ENT_CONNS);
		if (ring >= 0 && n->conn[id].owner != ring)
			continue;
		if (fits(ent_newest(&n->conn[id]), want))
			return id;
	}
	while (ring >= 0 && n->conn[id].owner != ring)
		id = ent_below(n, ENT_CONNS);
	return id;
}

static uint32_t name_of(struct entries *n, uint32_t id)
{
	const struct ent_state *s = ent_newest(&n->conn[id]);

	if (ent_once(n, 24))
		return handle(n->conn[id].gen - FAR_GEN - ent_below(n, 1000),
			      id);
	return handle(s->life ? s->life->gen : n->conn[id].gen, id);
}

/* ------------------------------------------------------------------ payloads */
static void make_list(struct entries *n, int ring, struct ent_entry *p)
{
	uint32_t most = ent_once(n, 12) ? ENT_CONNS : 24, i, k;
	uint8_t *at = scratch(n, ring) + 4 * ent_below(n, 16);
	struct fantail_entry *e = &p->e;

	e->flags |= FANTAIL_FLAG_LIST;
	e->list_len = 1 + ent_below(n, most);
	e->list_addr =
		scratch_iova(n, ring) + (uint64_t)(at - scratch(n, ring));
	for (i = 0; i < e->list_len; i++) {
		uint32_t h = name_of(n, pick(n, -1, PRESENT));

		if (ent_once(n, 40))
			h = handle(h >> 16, ENT_CONNS + ent_below(n, 1000));
		if (i && ent_once(n, 16))
			memcpy(&h, at + 4ull * (i - 1), 4);
		memcpy(at + 4ull * i, &h, 4);
	}
	if (ent_once(n, 20))
		e->list_addr += 1 + ent_below(n, 3);
	if (ent_once(n, 30)) { /* somewhere in it memory ends */
		k = ent_below(n, e->list_len);
		e->list_addr = ENT_TABLE_IOVA + ENT_TABLE - 4ull * k;
	}
}

static void make_publish(struct entries *n, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;
	uint32_t kind = ent_below(n, 10), most = 300, at;

	if (kind < 4) {
		e->target = name_of(n, pick(n, -1, PRESENT));
		if (ent_once(n, 40))
			most = ENT_PAYLOAD;
		else if (ent_once(n, 4))
			most = 3000;
	} else if (kind < 7) {
		e->target = ent_below(n, ENT_GROUPS);
		e->flags |= FANTAIL_FLAG_GROUP;
	} else {
		make_list(n, ring, p);
	}
	e->len = 1 + ent_below(n, most);
	at = ent_below(n, ENT_TABLE - ENT_PAYLOAD);
	if (ent_once(n, 2) && n->next_at + e->len <= ENT_TABLE)
		at = n->next_at;
	if (ent_once(n, 60)) /* memory ends within it */
		at = ENT_TABLE - ent_below(n, e->len);
	n->next_at = at + e->len;
	e->addr = ENT_TABLE_IOVA + at;
	if (ent_once(n, 100))
		e->addr = ENT_NOWHERE + at;
}

/* ------------------------------------------------------------------ contexts */
static void spoil_context(struct entries *n, struct fantail_context *x)
{
	switch (ent_below(n, 8)) {
	case 0:
		x->mss = (uint16_t)ent_below(n, FANTAIL_MSS_MIN);
		break;
	case 1:
		x->mss = (uint16_t)(1461 + ent_below(n, 60000));
		break;
	case 2:
		x->snd_wscale = (uint8_t)(15 + ent_below(n, 240));
		break;
	case 3:
		x->rcv_wscale = (uint8_t)(15 + ent_below(n, 240));
		break;
	case 4:
		x->snd_wnd = (1u << 30) + 1 + ent_below(n, 1u << 30);
		break;
	case 5:
		x->flags |= ent_once(n, 2) ? 2u + 2 * ent_below(n, 3)
					   : 8u << ent_below(n, 29);
		break;
	case 6:
		x->rsvd0[ent_below(n, sizeof(x->rsvd0))] = 1;
		break;
	default:
		x->keepalive_s = ent_once(n, 2) ? 1 + ent_below(n, 7199)
						: 2000001 + ent_below(n, 99);
		break;
	}
}

/* The addresses are those of connection @who. */
static void make_context(struct entries *n, struct fantail_context *x,
			 uint32_t id, uint32_t who)
{
	struct ent_conn *c = &n->conn[id];

	memset(x, 0, sizeof(*x));
	x->local_ip = ENT_LOCAL_IP;
	x->remote_ip = ENT_PEER_IP + who;
	x->local_port = ENT_PORT;
	x->remote_port = (uint16_t)(ENT_PEER_PORT + who);
	x->local_mac[0] = x->remote_mac[0] = 2;
	/* lives of one connection do not share sequence numbers */
	c->next_seq += (1u << 28) + ent_below(n, 1u << 27);
	x->snd_nxt = c->next_seq;
	x->rcv_nxt = c->next_seq ^ 0x55555555;
	x->snd_wnd = 1u << 20;
	x->mss = (uint16_t)(ent_once(n, 3)
				    ? FANTAIL_MSS_MIN + ent_below(n, 1397)
				    : 1448);
	x->snd_wscale = (uint8_t)ent_below(n, 15);
	x->rcv_wscale = (uint8_t)ent_below(n, 4);
	x->flags = ent_below(n, 2);
	x->ts_offset = ent_random(n);
	x->rcv_credit = 3000 + ent_below(n, 60000);
	x->lag_limit = 0x7FFFFFFF;
	x->srtt_us = ent_below(n, 2) * 1000;
	x->keepalive_s = ent_once(n, 2) ? 7200 : 0;
}

static void make_install(struct entries *n, int ring, struct ent_entry *p)
{
	struct fantail_context x;
	uint32_t id = pick(n, ring, ent_once(n, 16) ? ANY : ABSENT), who = id;
	uint32_t at = ent_below(n, 128);

	if (ent_once(n, 16))
		who = pick(n, ring, PRESENT);
	make_context(n, &x, id, who);
	if (ent_once(n, 10))
		spoil_context(n, &x);
	n->conn[id].gen = (uint16_t)(n->conn[id].gen + 1 + ent_below(n, 3));
	p->e.target = handle(n->conn[id].gen, id);
	p->e.len = ent_once(n, 2) ? FANTAIL_CONTEXT_BYTES : 0;
	p->e.addr = scratch_iova(n, ring) + at;
	memcpy(scratch(n, ring) + at, &x, sizeof(x));
	if (ent_once(n, 40))
		p->e.addr = ENT_NOWHERE + at;
	if (ent_bad_line(n, p->e.addr, FANTAIL_CONTEXT_BYTES))
		p->behind = FANTAIL_REFUSE_DMA_READ;
	else if (ent_context_code(&x))
		p->behind = ent_context_code(&x);
	else if (who != id && ent_newest(&n->conn[who])->life)
		p->behind = FANTAIL_REFUSE_TUPLE_EXISTS;
	else if (who != id)
		p->skip = true;
	n->context = x;
}

static void make_update(struct entries *n, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;

	e->target = name_of(n, pick(n, ring, PRESENT));
	e->arg0 = ent_below(n, ent_once(n, 8) ? 8 : 5);
	switch (e->arg0) {
	case FANTAIL_UPDATE_MSS:
		e->arg1 = 40 + ent_below(n, 1450);
		break;
	case FANTAIL_UPDATE_MAC:
		e->arg1 = (uint64_t)ent_random(n) << (ent_once(n, 8) ? 20 : 8);
		break;
	case FANTAIL_UPDATE_POLICY:
		e->arg1 = ent_below(n, 5);
		break;
	case FANTAIL_UPDATE_LAG_LIMIT:
		e->arg1 = ent_once(n, 8) ? 1ull << 32 : 0x7FFFFFFF;
		break;
	default:
		e->arg1 = ent_once(n, 8) ? 1ull << 40 : ent_below(n, 3000);
		break;
	}
}

static bool late(struct entries *n, int ring, uint32_t group)
{
	struct ent_ring *r = &n->ring[ENT_DATA];
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

static void make_member(struct entries *n, int ring, struct ent_entry *p)
{
	uint32_t id = pick(n, ring, PRESENT), g = ent_below(n, ENT_GROUPS);
	uint64_t groups;

	if (p->e.op == FANTAIL_OP_GROUP_LEAVE) {
		id = pick(n, ring, IN_A_GROUP);
		groups = ent_newest(&n->conn[id])->groups;
		while (groups && !(groups >> g & 1) && !ent_once(n, 200))
			g = (g + 1) % ENT_GROUPS;
	} else if (late(n, ring, g)) {
		p->skip = true;
	}
	p->e.target = name_of(n, id);
	p->e.arg0 = g;
	if (ent_once(n, 40))
		p->e.arg0 = ENT_GROUPS + ent_below(n, 1000);
}

/* -------------------------------------------------------------------- frames */
static void make_frame_tx(struct entries *n, int ring, struct ent_entry *p)
{
	uint32_t at = ent_below(n, 128), i;
	uint8_t *frame = scratch(n, ring) + at;

	p->e.len = 14 + ent_below(n, ent_once(n, 3) ? 1501 : 100);
	p->e.addr = scratch_iova(n, ring) + at;
	for (i = 0; i < p->e.len; i++)
		frame[i] = (uint8_t)ent_random(n);
	frame[0] = 2;
	frame[6] = (uint8_t)(0x10 | ring);
	frame[12] = 0x88;
	frame[13] = 0xB5;
	if (ent_once(n, 20))
		p->e.addr = ENT_NOWHERE + at;
	if (ent_bad_line(n, p->e.addr, p->e.len))
		p->behind = FANTAIL_REFUSE_DMA_READ;
}

static void make_inject(struct entries *n, int ring, struct ent_entry *p)
{
	uint32_t at = ent_below(n, 128), id = pick(n, -1, PRESENT);
	uint8_t *frame = scratch(n, ring) + at;
	struct ent_life *l = n->conn[id].lives;

	p->e.addr = scratch_iova(n, ring) + at;
	if (ent_once(n, 3) || !l) {
		p->e.len = ent_stray_segment(n, frame);
		p->behind = FANTAIL_REFUSE_INJECT_MISSED;
	} else {
		/* what the peer has sent already, once more */
		p->id = (uint16_t)id;
		p->e.len = ent_segment(n, l, frame, l->up_acked,
				       n->calm ? 0 : l->up_sent - l->up_acked);
		n->quiet &= n->calm;
	}
	if (ent_once(n, 20)) {
		p->e.addr = ENT_NOWHERE + at;
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

static void make_return(struct entries *n, struct ent_entry *p)
{
	uint32_t len = 1 + ent_below(n, FANTAIL_RETURN_MAX), k = 0, s;
	uint16_t slot[FANTAIL_RETURN_MAX] = { 0 };

	s = ent_below(n, n->slot_count);
	for (k = 0; k < len; k++, s++) {
		uint32_t look = 0;

		while (look++ < n->slot_count &&
		       n->slot[s % n->slot_count] != ENT_SLOT_OUT)
			s++;
		if (look > n->slot_count)
			break;
		slot[k] = (uint16_t)(s % n->slot_count);
		if (named_before(slot, k))
			break;
		n->slot[slot[k]] = ENT_SLOT_RETURNING;
	}
	len = k;
	if (!len || ent_once(n, 12)) {
		/* one that is not out, does not exist, or stands there twice */
		for (k = 0; k < len; k++)
			n->slot[slot[k]] = ENT_SLOT_OUT;
		k = len < FANTAIL_RETURN_MAX ? len++ : len - 1;
		slot[k] = (uint16_t)(n->slot_count + ent_below(n, 60000));
		if (slot[k] < n->slot_count)
			slot[k] = 0xFFFF;
		if (k && ent_once(n, 2))
			slot[k] = slot[ent_below(n, k)];
		s = ent_below(n, n->slot_count);
		if (n->calm && n->quiet && n->slot[s] == ENT_SLOT_FREE)
			slot[k] = (uint16_t)s;
		p->behind = FANTAIL_REFUSE_SLOT;
	}
	p->e.len = len;
	for (k = 0; k < len; k++)
		ent_name_slot(&p->e, k, slot[k]);
}

/* ------------------------------------------------------------------- spoiling */
static void spoil(struct entries *n, struct fantail_entry *e)
{
	switch (ent_below(n, 10)) {
	case 0:
		e->op = (uint8_t)(13 + ent_below(n, 243));
		break;
	case 1:
		e->rsvd0 = (uint16_t)(1u << ent_below(n, 16));
		break;
	case 2:
		e->flags |= (uint8_t)(1u << ent_below(n, 8));
		break;
	case 3:
		e->len = ent_once(n, 2) ? ent_random(n) : ent_below(n, 2);
		break;
	case 4:
		e->list_len = ent_once(n, 2) ? ent_below(n, 300)
					     : ent_random(n);
		break;
	case 5:
		e->list_addr += 1 + ent_below(n, 3);
		break;
	case 6:
		e->arg2 = 1ull << ent_below(n, 64);
		break;
	case 7:
		e->target = handle(e->target >> 16,
				   ENT_CONNS + ent_below(n, 65536 - ENT_CONNS));
		break;
	case 8:
		e->arg0 |= 1ull << (8 + ent_below(n, 56));
		break;
	default:
		e->flags |= FANTAIL_FLAG_REPORT_DELIVERED;
		break;
	}
}

static void make(struct entries *n, int ring, struct ent_entry *p)
{
	static const uint8_t weight[ENT_OPS] = { 5, 30, 8, 6, 8, 2, 2,
						 5, 9,	5, 4, 5, 8, 0 };
	uint32_t x = ent_below(n, 97), op = 0;

	while (x >= weight[op])
		x -= weight[op++];
	if (op == FANTAIL_OP_PUBLISH && ring == ENT_CONTROL && !ent_once(n, 12))
		op = FANTAIL_OP_GROUP_JOIN;
	p->e.op = (uint8_t)op;
	switch (op) {
	case FANTAIL_OP_PUBLISH:
		make_publish(n, ring, p);
		break;
	case FANTAIL_OP_CONN_INSTALL:
		make_install(n, ring, p);
		break;
	case FANTAIL_OP_CONN_UPDATE:
		make_update(n, ring, p);
		break;
	case FANTAIL_OP_CONN_QUERY:
		p->e.arg0 = ent_once(n, 4) ? FANTAIL_QUERY_DRAINED : 0;
		/* fall through */
	case FANTAIL_OP_CONN_ABORT:
		p->e.target = name_of(n, pick(n, ent_once(n, 3) ? -1 : ring,
					      ent_once(n, 8) ? ANY : PRESENT));
		break;
	case FANTAIL_OP_CONN_CLOSE:
		p->e.target = name_of(n, pick(n, ring, PRESENT));
		break;
	case FANTAIL_OP_CONN_RELEASE:
		p->e.target = name_of(
			n, pick(n, ring,
				ent_once(n, 8) ? IN_A_GROUP : FREE_OF_GROUPS));
		p->skip = n->calm;
		break;
	case FANTAIL_OP_GROUP_JOIN:
	case FANTAIL_OP_GROUP_LEAVE:
		make_member(n, ring, p);
		break;
	case FANTAIL_OP_FRAME_TX:
		make_frame_tx(n, ring, p);
		break;
	case FANTAIL_OP_FRAME_INJECT:
		make_inject(n, ring, p);
		break;
	case FANTAIL_OP_RECV_RETURN:
		make_return(n, p);
		break;
	default:
		p->e.flags = ent_once(n, 2) ? FANTAIL_FLAG_COLLECT : 0;
		break;
	}
}

void ent_make(struct entries *n, int ring)
{
	struct ent_ring *r = &n->ring[ring];
	struct ent_entry p = { .id = ENT_NOBODY };
	uint32_t id;

	make(n, ring, &p);
	if (ring == ENT_DATA &&
	    (p.e.op == FANTAIL_OP_PUBLISH || p.e.op == FANTAIL_OP_NOP) &&
	    ent_once(n, 8))
		p.e.flags |= FANTAIL_FLAG_REPORT_DELIVERED;
	if (p.e.op != FANTAIL_OP_RECV_RETURN && ent_once(n, 10))
		spoil(n, &p.e);
	if (ent_once(n, n->long_batches ? 400 : 6) || r->open > BATCH_MAX)
		p.e.flags |= FANTAIL_FLAG_LAST;
	ent_look_up(n, ring, &p);
	id = p.e.target & FANTAIL_HANDLE_ID_MASK;
	if ((ent_names_conn(&p.e) || p.e.op == FANTAIL_OP_CONN_INSTALL) &&
	    id < ENT_CONNS)
		p.id = (uint16_t)id;
	if (p.e.op == FANTAIL_OP_NOP || p.e.op > FANTAIL_OP_RECV_RETURN)
		p.id = ENT_NOBODY;
	if (!ent_allowed(n, ring, &p)) {
		free(p.handles);
		return;
	}
	ent_write(n, ring, &p);
}
