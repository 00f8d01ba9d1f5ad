/* SPDX-License-Identifier: Apache-2.0 */
/* What docs/registers.md says of an entry. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

/* Fields an operation uses; what it does not use must be zero. */
enum {
	HANDLE = 1,
	ADDR = 2,
	LEN = 4,
	ARG0 = 8,
	ARG1 = 16,
	ARG2 = 32,
};

enum {
	FRAME_MIN = 14,
	MSS_MAX = 1460,
	WSCALE_MAX = 14,
	WINDOW_MAX = 1 << 30,
	POLICY_MAX = FANTAIL_POLICY_REPORT, /* of those implemented */
};

static const uint8_t uses[] = {
	[FANTAIL_OP_NOP] = 0,
	[FANTAIL_OP_PUBLISH] = ADDR | LEN,
	[FANTAIL_OP_CONN_INSTALL] = HANDLE | ADDR | LEN,
	[FANTAIL_OP_CONN_UPDATE] = HANDLE | ARG0 | ARG1,
	[FANTAIL_OP_CONN_QUERY] = HANDLE,
	[FANTAIL_OP_CONN_CLOSE] = HANDLE,
	[FANTAIL_OP_CONN_ABORT] = HANDLE,
	[FANTAIL_OP_CONN_RELEASE] = HANDLE,
	[FANTAIL_OP_GROUP_JOIN] = HANDLE | ARG0,
	[FANTAIL_OP_GROUP_LEAVE] = HANDLE | ARG0,
	[FANTAIL_OP_FRAME_TX] = ADDR | LEN,
	[FANTAIL_OP_FRAME_INJECT] = ADDR | LEN,
	[FANTAIL_OP_RECV_RETURN] = LEN | ARG0 | ARG1 | ARG2,
};

static bool is_list(const struct fantail_entry *e)
{
	return e->op == FANTAIL_OP_PUBLISH && e->flags & FANTAIL_FLAG_LIST;
}

static bool is_group(const struct fantail_entry *e)
{
	return e->op == FANTAIL_OP_PUBLISH && e->flags & FANTAIL_FLAG_GROUP;
}

static bool uses_handle(const struct fantail_entry *e)
{
	if (e->op == FANTAIL_OP_PUBLISH)
		return !is_list(e) && !is_group(e);
	return uses[e->op] & HANDLE;
}

static bool reserved(const struct fantail_entry *e)
{
	uint8_t flags = FANTAIL_FLAG_LAST | FANTAIL_FLAG_REPORT_DELIVERED;
	uint8_t u = uses[e->op];

	if (e->op == FANTAIL_OP_NOP)
		flags |= FANTAIL_FLAG_COLLECT;
	if (e->op == FANTAIL_OP_PUBLISH)
		flags |= FANTAIL_FLAG_GROUP | FANTAIL_FLAG_LIST;
	if (e->flags & ~flags || e->rsvd0 || (is_list(e) && is_group(e)))
		return true;
	if (!uses_handle(e) && !is_group(e) && e->target)
		return true;
	if (!is_list(e) && (e->list_len || e->list_addr))
		return true;
	if (e->op == FANTAIL_OP_CONN_QUERY && e->arg0 == FANTAIL_QUERY_DRAINED)
		u |= ARG0;
	return (!(u & ADDR) && e->addr) || (!(u & LEN) && e->len) ||
	       (!(u & ARG0) && e->arg0) || (!(u & ARG1) && e->arg1) ||
	       (!(u & ARG2) && e->arg2);
}

static bool bad_length(const struct fantail_entry *e)
{
	switch (e->op) {
	case FANTAIL_OP_PUBLISH:
		return !e->len || e->len > ENT_PAYLOAD ||
		       (is_list(e) &&
			(!e->list_len || e->list_len > ENT_CONNS));
	case FANTAIL_OP_CONN_INSTALL:
		return e->len && e->len != FANTAIL_CONTEXT_BYTES;
	case FANTAIL_OP_FRAME_TX:
	case FANTAIL_OP_FRAME_INJECT:
		return e->len < FRAME_MIN || e->len > FANTAIL_FRAME_BYTES_MAX;
	case FANTAIL_OP_RECV_RETURN:
		return !e->len || e->len > FANTAIL_RETURN_MAX;
	default:
		return false;
	}
}

static bool bad_group(const struct fantail_entry *e)
{
	if (is_group(e))
		return e->target >= ENT_GROUPS;
	return (e->op == FANTAIL_OP_GROUP_JOIN ||
		e->op == FANTAIL_OP_GROUP_LEAVE) &&
	       e->arg0 >= ENT_GROUPS;
}

/* Of CONN_UPDATE. */
static uint8_t update_code(const struct fantail_entry *e)
{
	bool bad;

	switch (e->arg0) {
	case FANTAIL_UPDATE_CREDIT:
	case FANTAIL_UPDATE_LAG_LIMIT:
		bad = e->arg1 >> 32;
		break;
	case FANTAIL_UPDATE_MSS:
		bad = e->arg1 < FANTAIL_MSS_MIN || e->arg1 > MSS_MAX;
		break;
	case FANTAIL_UPDATE_MAC:
		bad = e->arg1 >> 48;
		break;
	case FANTAIL_UPDATE_POLICY:
		bad = e->arg1 > FANTAIL_POLICY_REPORT;
		if (!bad && e->arg1 > POLICY_MAX)
			return FANTAIL_REFUSE_UNSUPPORTED;
		break;
	default:
		return FANTAIL_REFUSE_UPDATE_CODE;
	}
	return bad ? FANTAIL_REFUSE_CONTEXT : FANTAIL_REFUSE_OK;
}

uint8_t ent_static_code(const struct fantail_entry *e, int ring)
{
	uint8_t code = FANTAIL_REFUSE_OK;

	if (e->op > FANTAIL_OP_RECV_RETURN)
		return FANTAIL_REFUSE_UNKNOWN_OP;
	if (reserved(e))
		return FANTAIL_REFUSE_RESERVED;
	if (e->op == FANTAIL_OP_PUBLISH && ring == ENT_CONTROL)
		return FANTAIL_REFUSE_WRONG_RING;
	if (bad_length(e))
		return FANTAIL_REFUSE_LENGTH;
	if (uses_handle(e) && (e->target & FANTAIL_HANDLE_ID_MASK) >= ENT_CONNS)
		return FANTAIL_REFUSE_ID_RANGE;
	if (bad_group(e))
		return FANTAIL_REFUSE_GROUP_RANGE;
	if (is_list(e) && e->list_addr & 3)
		return FANTAIL_REFUSE_LIST_ALIGN;
	if (e->op == FANTAIL_OP_CONN_UPDATE)
		code = update_code(e);
	/* marks are of DATA, and of payloads or nothing */
	if (!code && e->flags & FANTAIL_FLAG_REPORT_DELIVERED &&
	    (ring == ENT_CONTROL ||
	     (e->op != FANTAIL_OP_PUBLISH && e->op != FANTAIL_OP_NOP)))
		code = FANTAIL_REFUSE_UNSUPPORTED;
	return code;
}

uint8_t ent_context_code(const struct fantail_context *x)
{
	uint32_t policy = (x->flags & FANTAIL_CTX_FLAGS_POLICY_MASK) >>
			  FANTAIL_CTX_FLAGS_POLICY_SHIFT;
	size_t i;

	for (i = 0; i < sizeof(x->rsvd0); i++)
		if (x->rsvd0[i])
			return FANTAIL_REFUSE_CONTEXT;
	if (x->mss < FANTAIL_MSS_MIN || x->mss > MSS_MAX ||
	    x->snd_wscale > WSCALE_MAX || x->rcv_wscale > WSCALE_MAX ||
	    x->snd_wnd > WINDOW_MAX || policy > FANTAIL_POLICY_REPORT ||
	    x->flags & ~(FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK |
			 FANTAIL_CTX_FLAGS_POLICY_MASK) ||
	    (x->keepalive_s &&
	     (x->keepalive_s < 7200 || x->keepalive_s > 2000000)))
		return FANTAIL_REFUSE_CONTEXT;
	return policy > POLICY_MAX ? FANTAIL_REFUSE_UNSUPPORTED
				   : FANTAIL_REFUSE_OK;
}

/* Does the entry name a connection that has to be there? */
bool ent_names_conn(const struct fantail_entry *e)
{
	return e->op >= FANTAIL_OP_CONN_UPDATE &&
	       e->op <= FANTAIL_OP_GROUP_LEAVE;
}

static uint8_t live_code(const struct fantail_entry *e,
			 const struct ent_state *s)
{
	if (ent_names_conn(e) &&
	    (!s->life ||
	     s->life->gen != e->target >> FANTAIL_HANDLE_GENERATION_SHIFT))
		return FANTAIL_REFUSE_NOT_INSTALLED;
	if (e->op == FANTAIL_OP_CONN_INSTALL && s->life)
		return FANTAIL_REFUSE_INSTALLED;
	if (e->op == FANTAIL_OP_CONN_RELEASE && s->groups)
		return FANTAIL_REFUSE_IN_GROUP;
	return FANTAIL_REFUSE_OK;
}

uint8_t ent_code(struct ent_host *h, const struct ent_entry *p, int ring,
		 const struct ent_state *s)
{
	uint8_t code = ent_static_code(&p->e, ring), live = 0;

	(void)h;
	if (s && p->e.op != FANTAIL_OP_FRAME_INJECT)
		live = live_code(&p->e, s);
	if (!code || (live && live < code))
		code = live;
	if (code || p->behind)
		return code ? code : p->behind;
	if (p->e.op == FANTAIL_OP_FRAME_INJECT && !(s && s->life))
		return FANTAIL_REFUSE_INJECT_MISSED;
	return FANTAIL_REFUSE_OK;
}

static bool mapped(const struct ent_host *h, uint64_t line)
{
	const struct {
		uint64_t at, bytes;
	} memory[] = {
		{ h->space + ENT_TABLE_IOVA, ENT_TABLE },
		{ h->space + ENT_SLOT_IOVA,
		  (uint64_t)h->slot_count * FANTAIL_SLOT_BYTES },
		{ h->space + ENT_SCRATCH_IOVA,
		  (uint64_t)ENT_RING_MAX * ENT_SCRATCH },
		{ h->space + ENT_SCRATCH_IOVA + ENT_RING_STEP,
		  (uint64_t)ENT_RING_MAX * ENT_SCRATCH },
	};
	size_t i;

	for (i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		if (line >= memory[i].at &&
		    line + 64 <= memory[i].at + memory[i].bytes)
			return true;
	return false;
}

uint64_t ent_bad_line(const struct ent_host *h, uint64_t addr, uint64_t len)
{
	uint64_t line;

	for (line = addr & ~63ull; line < addr + len; line += 64)
		if (!mapped(h, line))
			return line;
	return 0;
}

/* ------------------------------------------------------------------ states */
const struct ent_state *ent_at(const struct ent_conn *c, uint64_t pos)
{
	uint32_t i = c->states;

	while (--i && c->chain[i].pos > pos)
		;
	return &c->chain[i];
}

const struct ent_state *ent_newest(const struct ent_conn *c)
{
	return &c->chain[c->states - 1];
}

struct ent_state *ent_change(struct ent_host *h, struct ent_conn *c,
			     uint64_t index)
{
	if (c->states == c->room) {
		c->room = 2 * c->room + 8;
		c->chain = realloc(c->chain, c->room * sizeof(*c->chain));
		if (!c->chain)
			abort();
	}
	(void)h;
	c->chain[c->states] = c->chain[c->states - 1];
	c->chain[c->states].pos = index + 1;
	return &c->chain[c->states++];
}

void ent_forget_states(struct ent_host *h)
{
	uint32_t i;

	for (i = 0; i < ENT_CONNS; i++) {
		struct ent_conn *c = &h->conn[i];

		c->chain[0] = c->chain[c->states - 1];
		c->states = 1;
	}
}

/* ----------------------------------------------------------------- effects */
static void install(struct ent_host *h, struct ent_conn *c, struct ent_entry *p,
		    struct ent_state *s, const struct fantail_context *x)
{
	struct ent_life **end = &c->lives;
	struct ent_life *l;

	l = ent_life_new(
		h, p->id,
		(uint16_t)(p->e.target >> FANTAIL_HANDLE_GENERATION_SHIFT));
	l->snd_nxt = x->snd_nxt;
	l->rcv_nxt = x->rcv_nxt;
	l->mss = x->mss;
	l->snd_wscale = x->snd_wscale;
	l->rcv_wscale = x->rcv_wscale;
	l->ts = x->flags & FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK;
	l->reports = (x->flags & FANTAIL_CTX_FLAGS_POLICY_MASK) >>
			     FANTAIL_CTX_FLAGS_POLICY_SHIFT ==
		     FANTAIL_POLICY_REPORT;
	l->up_edge = x->rcv_credit;
	while (*end)
		end = &(*end)->next;
	*end = l;
	s->life = l;
	s->groups = 0;
	s->closing = s->dead = false;
	h->expect.installs++;
}

static void change(struct ent_host *h, int ring, struct ent_entry *p,
		   uint64_t index)
{
	struct ent_conn *c = &h->conn[p->id];
	struct ent_state *s = ent_change(h, c, index);
	struct ent_life *l = s->life;

	switch (p->e.op) {
	case FANTAIL_OP_CONN_INSTALL:
		install(h, c, p, s, &h->context);
		break;
	case FANTAIL_OP_CONN_UPDATE:
		if (l && p->e.arg0 == FANTAIL_UPDATE_MSS && p->e.arg1 > l->mss)
			l->mss = (uint16_t)p->e.arg1;
		if (l && p->e.arg0 == FANTAIL_UPDATE_POLICY)
			l->reports |= p->e.arg1 == FANTAIL_POLICY_REPORT;
		break;
	case FANTAIL_OP_CONN_CLOSE:
		s->closing = l->closing = true;
		break;
	case FANTAIL_OP_CONN_ABORT:
		if (!s->dead)
			l->want |= FANTAIL_EV_ABORTED;
		s->dead = l->aborting = true;
		break;
	case FANTAIL_OP_CONN_RELEASE:
		l->want |= FANTAIL_EV_RELEASED;
		l->releasing = true;
		s->life = NULL;
		h->expect.releases++;
		break;
	case FANTAIL_OP_GROUP_JOIN:
		s->groups |= 1ull << p->e.arg0;
		break;
	case FANTAIL_OP_GROUP_LEAVE:
		s->groups &= ~(1ull << p->e.arg0);
		break;
	default:
		break;
	}
	if (ring == ENT_CONTROL)
		ent_expect_again(h, p->id, ent_newest(c));
}

void ent_written(struct ent_host *h, int ring, struct ent_entry *p,
		 uint64_t index)
{
	struct ent_conn *c = p->id < ENT_CONNS ? &h->conn[p->id] : NULL;
	struct ent_life *l;

	p->foreign = c && c->owner == ENT_FOREIGN;
	if (p->foreign) {
		p->code = FANTAIL_REFUSE_WRONG_QP;
		return;
	}
	p->observer = c && c->owner != ring;
	p->code = ent_code(h, p, ring, c ? ent_newest(c) : NULL);
	if (p->e.op == FANTAIL_OP_PUBLISH) {
		if (!p->code ||
		    (p->code == FANTAIL_REFUSE_DMA_READ && p->list_fails))
			ent_expect(h, p, index);
		return;
	}
	if (p->observer) {
		/* it may hit, whatever the newest state is */
		for (l = c->lives; l; l = l->next)
			if (p->e.op == FANTAIL_OP_CONN_ABORT &&
			    l->gen == p->e.target >>
					      FANTAIL_HANDLE_GENERATION_SHIFT)
				l->aborting = true;
		return;
	}
	if (p->code)
		return;
	if (c && p->e.op != FANTAIL_OP_FRAME_INJECT)
		change(h, ring, p, index);
	if (p->e.op == FANTAIL_OP_FRAME_TX)
		ent_queue_add(h, &h->tx[ring], ent_memory(h, ring, p->e.addr),
			      p->e.len);
}

/* --------------------------------------------------------------- retirement */
static bool legal(struct ent_host *h, int ring, struct ent_entry *p,
		  uint8_t code)
{
	struct ent_ring *r = &h->ring[ring], *other = &h->ring[!ring];
	struct ent_conn *c = &h->conn[p->id];
	uint64_t pos = p->lo > r->floor ? p->lo : r->floor;
	const struct ent_state *s = ent_at(c, pos), *end;

	end = ent_at(c, other->rung);
	for (; s <= end; s++) {
		if (ent_code(h, p, ring, s) != code)
			continue;
		/* what comes behind this entry sees nothing older */
		if (s->pos > r->floor)
			r->floor = s->pos;
		return true;
	}
	return false;
}

/* An ABORT or QUERY of the ring that does not own the connection is done. */
static void foreign_done(struct ent_host *h, int ring, struct ent_entry *p,
			 uint64_t index)
{
	uint16_t gen =
		(uint16_t)(p->e.target >> FANTAIL_HANDLE_GENERATION_SHIFT);
	struct ent_life *l = h->conn[p->id].lives;

	while (l && l->gen != gen)
		l = l->next;
	if (!l || p->e.op != FANTAIL_OP_CONN_ABORT)
		return;
	l->want |= FANTAIL_EV_ABORTED;
	if (ring == ENT_DATA && index + 1 < l->dead_from)
		l->dead_from = index + 1;
	else if (h->ring[ENT_DATA].rung < l->dead_from)
		l->dead_from = h->ring[ENT_DATA].rung;
}

static void settle_slots(struct ent_host *h, struct ent_entry *p, uint8_t code)
{
	uint64_t word[3] = { p->e.arg0, p->e.arg1, p->e.arg2 };
	uint32_t i;

	if (p->e.op != FANTAIL_OP_RECV_RETURN || p->code || code)
		return;
	for (i = 0; i < p->e.len; i++) {
		uint32_t slot = word[i / 4] >> 16 * (i % 4) & 0xFFFF;

		if (h->slot_again[slot])
			h->slot_again[slot]--;
		else
			h->slot[slot] = ENT_SLOT_FREE;
	}
}

static void count(struct ent_host *h, int ring, struct ent_entry *p,
		  uint64_t index, uint8_t code, uint32_t reached)
{
	struct ent_batch_sum *b = &h->ring[ring].batch;
	struct ent_batch_sum sum = { 0 };

	b->entries++;
	b->refused += code != 0;
	if (p->e.op != FANTAIL_OP_PUBLISH ||
	    (code && !(code == FANTAIL_REFUSE_DMA_READ && p->list_fails))) {
		if (reached)
			ent_fail(h, "entry %llu: reached %u",
				 (unsigned long long)p->number, reached);
		return;
	}
	ent_count(h, p, index, &sum);
	if (code) {
		if (reached > sum.reached_max)
			ent_fail(h, "entry %llu: reached %u of %u",
				 (unsigned long long)p->number, reached,
				 sum.reached_max);
		b->reached_min += reached;
		b->reached_max += reached;
		/* the rest of the targets read is skipped */
		b->targets_min += reached;
		b->targets_max += sum.targets_max;
		return;
	}
	b->payloads++;
	b->bytes += p->e.len;
	h->expect.payloads++;
	h->expect.bytes += p->e.len;
	b->reached_min += sum.reached_min;
	b->reached_max += sum.reached_max;
	b->targets_min += sum.targets_min;
	b->targets_max += sum.targets_max;
}

/*
 * One DELIVERED for each entry that asks, in order. Either may come first: the
 * fate of an entry is known from the records of its batch.
 */
void ent_mark(struct ent_host *h, uint64_t cookie, bool told)
{
	if (h->mark_tail != h->mark_head && h->mark_told != told) {
		if (h->mark[h->mark_head++ % ENT_MARKS] != cookie)
			ent_fail(h, "DELIVERED: cookie %llx, not in order",
				 (unsigned long long)cookie);
		return;
	}
	if (h->mark_tail - h->mark_head == ENT_MARKS) {
		ent_fail(h, "DELIVERED: %u too %s", ENT_MARKS,
			 told ? "many" : "few");
		return;
	}
	h->mark_told = told;
	h->mark[h->mark_tail++ % ENT_MARKS] = cookie;
}

static bool agrees(struct ent_host *h, int ring, struct ent_entry *p,
		   uint8_t code)
{
	if (p->foreign)
		return ent_foreign_legal(h, ring, p, code);
	return p->observer ? legal(h, ring, p, code) : code == p->code;
}

void ent_retire(struct ent_host *h, int ring, uint64_t index, uint8_t code,
		uint32_t reached)
{
	struct ent_entry *p = &h->ring[ring].entry[index % ENT_PENDING];
	const struct fantail_entry *e = &p->e;

	if (!agrees(h, ring, p, code))
		ent_fail(h,
			 "entry %llu (queue pair %u, ring %d, index %llu: op "
			 "%u flags %02x "
			 "target %08x addr %llx len %u): code %u, not %u%s",
			 (unsigned long long)p->number, h->qp, ring,
			 (unsigned long long)index, e->op, e->flags, e->target,
			 (unsigned long long)e->addr, e->len, code, p->code,
			 p->observer || p->foreign
				 ? " or another that it could see"
				 : "");
	h->card->res.raced += p->observer && code != p->code;
	h->card->res.foreign += p->foreign;
	ent_past_done(h, p);
	if (p->observer && !code)
		foreign_done(h, ring, p, index);
	if (!code && e->flags & FANTAIL_FLAG_REPORT_DELIVERED)
		ent_mark(h, e->cookie, false);
	if (e->op == FANTAIL_OP_CONN_QUERY && !e->arg0 && !code) {
		struct ent_life *l = h->conn[p->id].lives;

		for (; l; l = l->next)
			if (l->gen ==
			    e->target >> FANTAIL_HANDLE_GENERATION_SHIFT)
				l->want |= FANTAIL_EV_QUERY;
	}
	settle_slots(h, p, code);
	count(h, ring, p, index, code, reached);
	free(p->handles);
	p->handles = NULL;
	h->expect.refusals += code != 0;
	if (code)
		h->card->res.refused[code < ENT_CODES ? code : ENT_CODES - 1]++;
	else
		h->card->res.done[e->op]++;
	h->ring[ring].retired = index + 1;
	h->ring[ring].last_refused = code && e->flags & FANTAIL_FLAG_LAST;
	ent_progress(h);
}
