/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arena and the batch.
 *
 *   arena:   head ............ tail ........ tail + reserved
 *            | the card may    | given to the
 *            | still read this | application
 *
 * Positions only grow; a place is the position modulo the size. A DATA entry
 * remembers how far the arena is free once the ring's head has passed it:
 * then the card will not read its memory again. At the BATCH record that
 * holds for the whole batch; going by entries also frees the front of a
 * batch longer than the arena.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PLAIN_US 1000u

int arena_init(struct fantail *f, uint32_t bytes)
{
	struct arena *a = &f->arena;
	unsigned int entries = fantail_sq_size(f->qp, FANTAIL_RING_DATA);
	int rc;

	a->end = calloc(entries, sizeof(*a->end));
	if (!a->end)
		return -ENOMEM;
	rc = fantail_dma_alloc(f->dev, bytes,
			       FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD, &a->mem);
	if (rc)
		return rc;
	f->payload_limit = fantail_dev_limits(f->dev)->payload_bytes;
	if (f->payload_limit > a->mem.bytes / 4)
		f->payload_limit = (uint32_t)(a->mem.bytes / 4);
	return 0;
}

void arena_free(struct fantail *f)
{
	fantail_dma_free(f->dev, &f->arena.mem);
	free(f->arena.end);
}

uint32_t fantail_payload_max(const struct fantail *f)
{
	uint64_t arena = f->arena.mem.bytes / 4;
	uint64_t ring = (uint64_t)f->payload_limit *
			(fantail_sq_size(f->qp, FANTAIL_RING_DATA) / 2);

	return (uint32_t)(arena < ring ? arena : ring);
}

static void arena_reclaim(struct fantail *f)
{
	struct arena *a = &f->arena;
	uint32_t head = fantail_sq_head(f->qp, FANTAIL_RING_DATA);
	uint32_t mask = fantail_sq_size(f->qp, FANTAIL_RING_DATA) - 1;

	if (head == a->reclaimed)
		return;
	/* Ends only grow, so the last entry passed says it all. */
	a->head = a->end[(head - 1) & mask];
	a->reclaimed = head;
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
 * No arena free. Few entries can fill it, too few for a HEAD record, so the
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
	uint64_t size = a->mem.bytes, offset, skip;

	if (!len)
		return -EINVAL;
	if (len > fantail_payload_max(f))
		return -EMSGSIZE;
	arena_reclaim(f);
	offset = a->tail % size;
	skip = offset + len > size ? size - offset : 0;
	if (a->tail + skip + len - a->head > size)
		return arena_full(f);
	if (skip) {
		/* With nothing in use no entry would ever free the skip. */
		if (a->head == a->tail)
			a->head += skip;
		a->tail += skip;
		f->stats.arena_wraps++;
	}
	a->reserved = len;
	*ptr = (uint8_t *)a->mem.va + a->tail % size;
	return 0;
}

/*
 * Position of @ptr: in the reservation, or in a payload the card has not
 * passed yet.
 */
static int locate(const struct fantail *f, const void *ptr, size_t len,
		  uint64_t *pos)
{
	const struct arena *a = &f->arena;
	uintptr_t base = (uintptr_t)a->mem.va;
	uint64_t size = a->mem.bytes;
	uint64_t at, offset, back;

	if ((uintptr_t)ptr < base || (uintptr_t)ptr - base >= size)
		return -EINVAL;
	offset = (uintptr_t)ptr - base;
	at = a->tail % size;
	if (offset >= at && offset - at + len <= a->reserved) {
		*pos = a->tail + (offset - at);
		return 0;
	}
	back = (at + size - offset) % size;
	if (!back || back > a->tail - a->head || len > back ||
	    offset + len > size)
		return -EINVAL;
	*pos = a->tail - back;
	return 0;
}

static void put_entry(struct fantail *f, struct fantail_target target,
		      uint64_t iova, uint32_t len, uint64_t cookie)
{
	struct fantail_entry *e = data_get(f);

	e->op = FANTAIL_OP_PUBLISH;
	e->flags = target.flags;
	e->target = target.id;
	e->addr = iova;
	e->len = len;
	e->cookie = cookie;
	f->batch.payloads++;
	f->batch.bytes += len;
	f->batch.cookie = cookie;
	f->stats.payloads++;
	f->stats.payload_bytes += len;
}

int fantail_publish(struct fantail *f, struct fantail_target target,
		    const void *ptr, size_t len, uint64_t cookie)
{
	struct arena *a = &f->arena;
	uint64_t pos, iova;
	size_t entries;
	int rc;

	if (!len || len > fantail_payload_max(f))
		return -EINVAL;
	arena_reclaim(f);
	rc = locate(f, ptr, len, &pos);
	if (rc)
		return rc;
	entries = (len + f->payload_limit - 1) / f->payload_limit;
	if (fantail_sq_space(f->qp, FANTAIL_RING_DATA) < entries)
		return ring_full(f);
	if (pos + len > a->tail) {
		a->reserved -= pos + len - a->tail;
		a->tail = pos + len;
	}
	iova = a->mem.iova + pos % a->mem.bytes;
	while (len) {
		uint32_t n = len < f->payload_limit ? (uint32_t)len
						    : f->payload_limit;

		put_entry(f, target, iova, n, cookie);
		iova += n;
		len -= n;
	}
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
