/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads and their batches; their memory is that of arena.c. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_PLAIN_US 1000u
uint32_t fantail_payload_max(const struct fantail *f)
{
	uint64_t arena = f->arena.mem.bytes / 4;
	uint64_t ring = (uint64_t)f->payload_limit *
			(fantail_sq_size(f->qp, FANTAIL_RING_DATA) / 2);

	return (uint32_t)(arena < ring ? arena : ring);
}

static bool data_waits(const struct fantail *f)
{
	return fantail_sq_tail(f->qp, FANTAIL_RING_DATA) !=
	       fantail_sq_rung(f->qp, FANTAIL_RING_DATA);
}

/* The card still works on whole batches only: their BATCH will make room. */
static bool batch_due(const struct fantail *f)
{
	uint32_t rung = fantail_sq_rung(f->qp, FANTAIL_RING_DATA);

	return f->last_rung == rung &&
	       fantail_sq_head(f->qp, FANTAIL_RING_DATA) != rung;
}

/*
 * No entry free. If nothing that was submitted will tell us of room, the
 * card must get what is there; with more than half a ring before it a HEAD
 * record is certain. The newest entry stays back for the LAST mark.
 */
static int ring_full(struct fantail *f)
{
	int rc = 0;

	f->stats.again++;
	if (batch_due(f))
		return -EAGAIN;
	if (f->batch.payloads) {
		rc = fantail_qp_submit_part(f->qp);
		f->stats.part_doorbells += rc > 0;
	} else if (data_waits(f)) {
		rc = fantail_qp_submit(f->qp);
		f->stats.plain_doorbells += rc > 0;
	}
	return rc < 0 ? rc : -EAGAIN;
}

struct fantail_entry *data_get(struct fantail *f)
{
	uint32_t mask = fantail_sq_size(f->qp, FANTAIL_RING_DATA) - 1;
	uint32_t i = fantail_sq_tail(f->qp, FANTAIL_RING_DATA);
	struct fantail_entry *e;

	/* Before the slot of end[] is written anew. */
	arena_reclaim(f);
	e = fantail_sq_get(f->qp, FANTAIL_RING_DATA);
	if (!e) {
		/* A failing transport shows at the next doorbell again. */
		(void)ring_full(f);
		return NULL;
	}
	f->arena.end[i & mask] = f->arena.tail;
	f->lists.end[i & mask] = f->lists.tail;
	f->batch.newest = e;
	return e;
}

static int submit_batch(struct fantail *f, bool by_itself)
{
	struct batch *b = &f->batch;
	int n = (int)b->payloads;
	int rc;

	/* Newest of all, so that joins and closes behind it are inside. */
	if (n) {
		b->newest->flags |= FANTAIL_FLAG_LAST;
		b->newest->cookie = b->cookie;
	}
	rc = fantail_qp_submit(f->qp);
	if (rc < 0)
		return rc;
	if (n) {
		f->last_rung = fantail_sq_rung(f->qp, FANTAIL_RING_DATA);
		f->stats.batches++;
		f->stats.batches_flushed += by_itself;
	} else {
		f->stats.plain_doorbells += rc > 0;
	}
	memset(b, 0, sizeof(*b));
	return n;
}

int fantail_submit(struct fantail *f)
{
	return submit_batch(f, false);
}

/*
 * The mark goes on an entry of its own, which cannot be refused, and which
 * ends the batch: so it has the batch's cookie.
 */
int fantail_submit_report(struct fantail *f)
{
	struct fantail_entry *e;

	if (!f->batch.payloads)
		return submit_batch(f, false);
	e = data_get(f);
	if (!e)
		return -EAGAIN;
	e->op = FANTAIL_OP_NOP;
	e->flags = FANTAIL_FLAG_REPORT_DELIVERED;
	return submit_batch(f, false);
}

/*
 * No memory free. Few entries can fill it, too few for a HEAD record, so the
 * open batch ends here unless a BATCH is due already.
 */
static int arena_full(struct fantail *f)
{
	int rc = 0;

	f->stats.again++;
	if (!batch_due(f) && f->batch.payloads)
		rc = submit_batch(f, true);
	return rc < 0 ? rc : -EAGAIN;
}

int fantail_arena_reserve(struct fantail *f, size_t len, void **ptr)
{
	struct arena *a = &f->arena;

	if (!len)
		return -EINVAL;
	if (len > fantail_payload_max(f))
		return -EMSGSIZE;
	arena_reclaim(f);
	if (!arena_room(a, len, &f->stats.arena_wraps) && !arena_grow(f))
		return arena_full(f);
	a->reserved = len;
	*ptr = (uint8_t *)a->mem.va + a->tail % a->mem.bytes;
	return 0;
}

static bool is_list(struct fantail_target target)
{
	return target.flags & FANTAIL_FLAG_LIST;
}

static void put_entry(struct fantail *f, struct fantail_target target,
		      uint64_t list, uint64_t iova, uint32_t len,
		      uint64_t cookie)
{
	struct fantail_entry *e = data_get(f);

	e->op = FANTAIL_OP_PUBLISH;
	e->flags = target.flags;
	e->target = target.id;
	e->addr = iova;
	e->len = len;
	e->cookie = cookie;
	if (is_list(target)) {
		e->list_addr = list;
		e->list_len = target.count;
		f->stats.lists++;
	}
	f->batch.payloads++;
	f->batch.bytes += len;
	f->batch.cookie = cookie;
	f->stats.payloads++;
	f->stats.payload_bytes += len;
}

/* Entries of at most the card's limit; memory is free up to each one's end. */
static void put_payload(struct fantail *f, struct fantail_target target,
			struct arena *a, uint64_t pos, size_t len,
			uint64_t cookie)
{
	struct arena *l = &f->lists;
	uint64_t list = l->mem.iova + l->tail % l->mem.bytes;

	while (len) {
		uint64_t iova = a->mem.iova + pos % a->mem.bytes;
		uint32_t n = len < f->payload_limit ? (uint32_t)len
						    : f->payload_limit;

		if (a == &f->arena && pos < a->tail)
			arena_keep(f, pos);
		pos += n;
		len -= n;
		if (pos > a->tail) {
			a->reserved -= pos - a->tail;
			a->tail = pos;
		}
		if (!len && is_list(target))
			l->tail += list_bytes(target.count);
		put_entry(f, target, list, iova, n, cookie);
		a->last = fantail_sq_tail(f->qp, FANTAIL_RING_DATA);
	}
}

int fantail_publish(struct fantail *f, struct fantail_target target,
		    const void *ptr, size_t len, uint64_t cookie)
{
	struct arena *l = &f->lists, *a;
	uint64_t pos;
	size_t entries;
	int rc;

	if (!len || len > fantail_payload_max(f))
		return -EINVAL;
	if (is_list(target) &&
	    (!target.count ||
	     target.count > fantail_dev_limits(f->dev)->connections))
		return -EINVAL;
	if (f->opt.blocking && fantail_lagging(f, target)) {
		f->stats.lag_again++;
		return -EAGAIN;
	}
	arena_reclaim(f);
	a = arena_locate(f, ptr, len, &pos);
	if (!a)
		return -EINVAL;
	entries = (len + f->payload_limit - 1) / f->payload_limit;
	if (fantail_sq_space(f->qp, FANTAIL_RING_DATA) < entries)
		return ring_full(f);
	if (is_list(target)) {
		if (!arena_room(l, list_bytes(target.count),
				&f->stats.list_wraps))
			return arena_full(f);
		memcpy((uint8_t *)l->mem.va + l->tail % l->mem.bytes,
		       target.handles, 4ull * target.count);
	}
	put_payload(f, target, a, pos, len, cookie);
	if ((f->opt.flush_payloads &&
	     f->batch.payloads >= f->opt.flush_payloads) ||
	    (f->opt.flush_bytes && f->batch.bytes >= f->opt.flush_bytes)) {
		rc = submit_batch(f, true);
		return rc < 0 ? rc : 0;
	}
	return 0;
}

int fantail_publish_copy(struct fantail *f, struct fantail_target target,
			 const void *ptr, size_t len, uint64_t cookie)
{
	void *to;
	int rc;

	rc = fantail_arena_reserve(f, len, &to);
	if (rc)
		return rc == -EMSGSIZE ? -EINVAL : rc;
	memcpy(to, ptr, len);
	return fantail_publish(f, target, to, len, cookie);
}

int data_flush(struct fantail *f)
{
	struct batch *b = &f->batch;
	uint32_t us = f->opt.flush_us;
	int rc;

	if (!data_waits(f)) {
		b->due = 0;
		return 0;
	}
	if (us == FANTAIL_FLUSH_NEVER) {
		if (b->payloads)
			return 0;
		/* The application's submit need not come for these. */
		us = DEFAULT_PLAIN_US;
	}
	if (!b->due) {
		b->due = now_us(f) + us;
		return 0;
	}
	if (now_us(f) < b->due)
		return 0;
	rc = submit_batch(f, true);
	return rc < 0 ? rc : 0;
}
