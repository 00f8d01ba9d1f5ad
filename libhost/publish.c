/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads and their batches; their memory is that of arena.c. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_PLAIN_US 1000u

uint32_t fantail_payload_max(const struct fantail *f)
{
	return f->payload_max;
}

/* Let the driver know of the entries filled. */
static void take(struct fantail *f)
{
	fantail_sq_take(f->qp, FANTAIL_RING_DATA, f->data.tail - f->data.taken);
	f->data.taken = f->data.tail;
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
	take(f);
	rc = fantail_qp_submit(f->qp);
	if (rc < 0)
		return rc;
	if (n) {
		f->last_rung = f->data.tail;
		f->stats.payloads += b->payloads;
		f->stats.payload_bytes += b->bytes;
		f->stats.batches++;
		f->stats.batches_flushed += by_itself;
	} else {
		f->stats.plain_doorbells += rc > 0;
	}
	memset(b, 0, sizeof(*b));
	return n;
}

/* The card still works on whole batches only: their BATCH will make room. */
static bool batch_due(const struct fantail *f)
{
	return f->last_rung == fantail_sq_rung(f->qp, FANTAIL_RING_DATA) &&
	       f->data.head != f->last_rung;
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
		take(f);
		rc = fantail_qp_submit_part(f->qp);
		f->stats.part_doorbells += rc > 0;
	} else if (f->batch.newest) {
		rc = submit_batch(f, false);
	}
	return rc < 0 ? rc : -EAGAIN;
}

/* Only with data_space(). */
static inline struct fantail_entry *next_entry(struct fantail *f)
{
	uint32_t i = f->data.tail++ & f->data.mask;
	struct fantail_entry *e = &f->data.entries[i];

	memset(e, 0, sizeof(*e));
	f->data.ends[i].payloads = f->arena.tail;
	f->data.ends[i].lists = f->lists.tail;
	f->batch.newest = e;
	return e;
}

struct fantail_entry *data_get(struct fantail *f)
{
	if (data_space(f))
		return next_entry(f);
	/* A failing transport shows at the next doorbell again. */
	(void)ring_full(f);
	return NULL;
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
	if (len > f->payload_max)
		return -EMSGSIZE;
	if (!arena_room(a, len, &f->stats.arena_wraps) && !arena_grow(f))
		return arena_full(f);
	a->place = (uint8_t *)a->mem.va + a->tail % a->mem.bytes;
	a->place_end = a->place + len;
	*ptr = a->place;
	return 0;
}

static bool is_list(struct fantail_target target)
{
	return target.flags & FANTAIL_FLAG_LIST;
}

static inline struct fantail_entry *put_entry(struct fantail *f,
					      struct fantail_target target,
					      uint64_t iova, uint32_t len,
					      uint64_t cookie)
{
	struct fantail_entry *e = next_entry(f);

	e->op = FANTAIL_OP_PUBLISH;
	e->flags = target.flags;
	e->target = target.id;
	e->addr = iova;
	e->len = len;
	e->cookie = cookie;
	f->batch.payloads++;
	f->batch.bytes += len;
	f->batch.cookie = cookie;
	return e;
}

static uint64_t reserved(const struct arena *a)
{
	return (uint64_t)(a->place_end - a->place);
}

/* The first @bytes of the reservation are used up. */
static void use(struct arena *a, uint64_t bytes)
{
	a->tail += bytes;
	a->place += bytes;
}

/* Where a list for the next payload goes. */
static uint64_t list_place(const struct arena *l)
{
	return l->tail % l->mem.bytes;
}

/* Entries of at most the card's limit; memory is free up to each one's end. */
static void put_payload(struct fantail *f, struct fantail_target target,
			struct arena *a, uint64_t pos, uint64_t iova,
			size_t len, uint64_t cookie)
{
	struct arena *l = &f->lists;
	uint64_t list = is_list(target) ? l->mem.iova + list_place(l) : 0;
	struct fantail_entry *e;

	while (len) {
		uint32_t n = len < f->payload_limit ? (uint32_t)len
						    : f->payload_limit;

		if (a != &f->arena)
			a->last = f->data.tail + 1;
		else if (pos < a->tail)
			arena_keep(f, pos);
		else
			use(a, pos + n - a->tail);
		pos += n;
		len -= n;
		if (!len && is_list(target))
			l->tail += list_bytes(target.count);
		e = put_entry(f, target, iova, n, cookie);
		if (is_list(target)) {
			e->list_addr = list;
			e->list_len = target.count;
			f->stats.lists++;
		}
		iova += n;
	}
}

/* In the reservation, as most are; or anywhere the card has not passed. */
static struct arena *find_payload(struct fantail *f, const void *ptr,
				  size_t len, uint64_t *pos)
{
	struct arena *a = &f->arena;
	uintptr_t skip = (uintptr_t)ptr - (uintptr_t)a->place;

	if (skip < reserved(a) && len <= reserved(a) - skip) {
		*pos = a->tail + skip;
		return a;
	}
	return arena_locate(f, ptr, len, pos);
}

static uint64_t iova_of(const struct arena *a, const void *ptr)
{
	return a->mem.iova + ((uintptr_t)ptr - (uintptr_t)a->mem.va);
}

static int flush(struct fantail *f)
{
	int rc = submit_batch(f, true);

	return rc < 0 ? rc : 0;
}

/* The batch goes when it is as long as it may be. */
static inline int flush_long(struct fantail *f)
{
	return f->batch.payloads < f->flush_payloads &&
			       f->batch.bytes < f->flush_bytes
		       ? 0
		       : flush(f);
}

/* Of any length, from any place, for anybody. */
static __attribute__((noinline)) int publish_any(struct fantail *f,
						 struct fantail_target target,
						 const void *ptr, size_t len,
						 uint64_t cookie)
{
	struct arena *l = &f->lists, *a;
	uint32_t entries;
	uint64_t pos;

	if (!len || len > f->payload_max)
		return -EINVAL;
	if (is_list(target) &&
	    (!target.count ||
	     target.count > fantail_dev_limits(f->dev)->connections))
		return -EINVAL;
	if (f->opt.blocking && fantail_lagging(f, target)) {
		f->stats.lag_again++;
		return -EAGAIN;
	}
	a = find_payload(f, ptr, len, &pos);
	if (!a)
		return -EINVAL;
	entries = (uint32_t)((len - 1) / f->payload_limit + 1);
	if (data_space(f) < entries)
		return ring_full(f);
	if (is_list(target)) {
		if (!arena_room(l, list_bytes(target.count),
				&f->stats.list_wraps))
			return arena_full(f);
		memcpy((uint8_t *)l->mem.va + list_place(l), target.handles,
		       4ull * target.count);
	}
	put_payload(f, target, a, pos, iova_of(a, ptr), len, cookie);
	return flush_long(f);
}

int fantail_publish(struct fantail *f, struct fantail_target target,
		    const void *ptr, size_t len, uint64_t cookie)
{
	struct arena *a = &f->arena;

	/* What is usual: the next bytes of the reservation, in one entry. */
	if (ptr != a->place || len - 1 >= reserved(a) ||
	    len > f->payload_limit || is_list(target) || f->opt.blocking ||
	    !data_space(f))
		return publish_any(f, target, ptr, len, cookie);
	use(a, len);
	put_entry(f, target, iova_of(a, ptr), (uint32_t)len, cookie);
	return flush_long(f);
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
	return flush(f);
}
