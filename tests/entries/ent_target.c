/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a PUBLISH reaches, and what each is to be sent. See entries.h. */
#include <stdlib.h>

#include "entries.h"

enum {
	EXTENTS = 12, /* of 16: payloads between two full stops */
};

static bool names(uint32_t handle, uint32_t id, const struct ent_state *s)
{
	return (handle & FANTAIL_HANDLE_ID_MASK) == id && s->life &&
	       s->life->gen == handle >> FANTAIL_HANDLE_GENERATION_SHIFT;
}

/* How often @p names connection @id, dead or alive, in state @s. */
static uint32_t named(const struct ent_entry *p, uint32_t id,
		      const struct ent_state *s)
{
	uint32_t times = 0, i;

	if (p->e.flags & FANTAIL_FLAG_GROUP)
		return s->life && s->groups >> p->e.target & 1;
	if (!(p->e.flags & FANTAIL_FLAG_LIST))
		return names(p->e.target, id, s);
	for (i = 0; i < p->e.list_len; i++)
		times += names(p->handles[i], id, s);
	return times;
}

uint32_t ent_times(const struct ent_entry *p, uint32_t id,
		   const struct ent_state *s)
{
	return s->closing || s->dead ? 0 : named(p, id, s);
}

/* First and last state that PUBLISH @index may find. */
static void range(struct ent_host *h, const struct ent_entry *p, uint64_t index,
		  uint32_t id, const struct ent_state **first,
		  const struct ent_state **last)
{
	struct ent_conn *c = &h->conn[id];
	uint64_t lo = p->lo;

	if (c->owner == ENT_DATA) {
		*first = *last = ent_at(c, index);
		return;
	}
	if (lo < h->ring[ENT_DATA].floor)
		lo = h->ring[ENT_DATA].floor;
	*first = ent_at(c, lo);
	*last = ent_at(c, h->ring[ENT_CONTROL].rung);
}

static void count_one(struct ent_host *h, const struct ent_entry *p,
		      uint64_t index, uint32_t id, struct ent_batch_sum *sum)
{
	uint32_t min = UINT32_MAX, max = 0, all_min = UINT32_MAX, all_max = 0;
	const struct ent_state *s, *last;

	for (range(h, p, index, id, &s, &last); s <= last; s++) {
		uint32_t times = ent_times(p, id, s), all = named(p, id, s);
		uint32_t least = times;

		/* aborted by the other ring */
		if (times && index >= s->life->dead_from)
			times = least = 0;
		else if (times && s->life->aborting)
			least = 0;
		min = least < min ? least : min;
		max = times > max ? times : max;
		all_min = all < all_min ? all : all_min;
		all_max = all > all_max ? all : all_max;
	}
	sum->reached_min += min;
	sum->reached_max += max;
	sum->targets_min += all_min;
	sum->targets_max += all_max;
}

void ent_count(struct ent_host *h, const struct ent_entry *p, uint64_t index,
	       struct ent_batch_sum *sum)
{
	uint32_t id;

	if (p->e.flags & (FANTAIL_FLAG_GROUP | FANTAIL_FLAG_LIST)) {
		for (id = 0; id < ENT_CONNS; id++)
			count_one(h, p, index, id, sum);
	} else {
		count_one(h, p, index, p->e.target & FANTAIL_HANDLE_ID_MASK,
			  sum);
	}
	/* a handle of nobody is a target as well */
	if (p->e.flags & FANTAIL_FLAG_LIST)
		sum->targets_min = sum->targets_max = p->e.list_len;
	else if (!(p->e.flags & FANTAIL_FLAG_GROUP))
		sum->targets_min = sum->targets_max = 1;
}

static void expect_in(struct ent_host *h, const struct ent_entry *p,
		      uint64_t index, uint32_t id, const struct ent_state *s)
{
	uint32_t times = ent_times(p, id, s), i;
	bool maybe = h->conn[id].owner != ENT_DATA || p->list_fails;

	for (i = 0; times && i < s->life->pieces; i++)
		if (s->life->piece[i].entry == index)
			return;
	while (times--)
		ent_piece_add(h, s->life, index,
			      (uint32_t)(p->e.addr - h->space - ENT_TABLE_IOVA),
			      p->e.len, maybe);
}

static void expect_from(struct ent_host *h, const struct ent_entry *p,
			uint64_t index, uint32_t id)
{
	struct ent_conn *c = &h->conn[id];
	const struct ent_state *s = ent_newest(c), *last = s;

	if (c->owner != ENT_DATA)
		s = ent_at(c, h->ring[ENT_CONTROL].head);
	for (; s <= last; s++)
		expect_in(h, p, index, id, s);
}

void ent_expect(struct ent_host *h, const struct ent_entry *p, uint64_t index)
{
	uint32_t id;

	if (p->e.flags & (FANTAIL_FLAG_GROUP | FANTAIL_FLAG_LIST)) {
		for (id = 0; id < ENT_CONNS; id++)
			expect_from(h, p, index, id);
	} else {
		expect_from(h, p, index, p->e.target & FANTAIL_HANDLE_ID_MASK);
	}
}

void ent_expect_again(struct ent_host *h, uint32_t id,
		      const struct ent_state *s)
{
	struct ent_ring *r = &h->ring[ENT_DATA];
	uint64_t i;

	for (i = r->retired; s->life && i < r->written; i++) {
		struct ent_entry *p = &r->entry[i % ENT_PENDING];

		if (p->e.op == FANTAIL_OP_PUBLISH &&
		    (!p->code || p->list_fails))
			expect_in(h, p, i, id, s);
	}
}

bool ent_room(struct ent_host *h, const struct ent_entry *p)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		const struct ent_state *s = ent_newest(&h->conn[id]);

		if (s->life && ent_times(p, id, s) &&
		    s->life->extents + ent_times(p, id, s) > EXTENTS) {
			h->full = true;
			return false;
		}
	}
	return true;
}
