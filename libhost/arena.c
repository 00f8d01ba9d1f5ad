/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for payloads, and for target lists.
 *
 *   arena:   head ............ tail ........ tail + reserved
 *            | the card may    | given to the
 *            | still read this | application
 *
 * Positions only grow; a place is the position modulo the size. A DATA entry
 * remembers how far the arena is free once the ring's head has passed it:
 * then the card will not read its memory again. At the BATCH record that
 * holds for the whole batch; going by entries also frees the front of a
 * batch longer than the arena. Target lists live in a second arena of the
 * same kind.
 *
 * The first one grows: one of twice the size takes its place, and what it was
 * is given back when the head has passed the last entry that names it.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_BYTES     65536u
#define LIST_BYTES_MAX (1u << 30)

static unsigned int rights(const struct fantail *f)
{
	return FANTAIL_DMA_READ | FANTAIL_DMA_QP(f->opt.qp_index);
}

static int init_one(struct fantail *f, struct arena *a, uint32_t bytes,
		    unsigned int flags)
{
	return fantail_dma_alloc(f->dev, bytes, flags, &a->mem);
}

static void set_payload_max(struct fantail *f)
{
	uint64_t arena = f->arena.mem.bytes / 4;
	uint64_t ring = (uint64_t)f->payload_limit * ((f->data.mask + 1) / 2);

	f->payload_max = (uint32_t)(arena < ring ? arena : ring);
}

int arena_init(struct fantail *f)
{
	const struct fantail_limits *limits = fantail_dev_limits(f->dev);
	uint32_t longest = list_bytes(limits->connections);
	uint32_t bytes = f->opt.list_bytes;
	int rc;

	f->data.entries = fantail_sq_entries(f->qp, FANTAIL_RING_DATA);
	f->data.mask = fantail_sq_size(f->qp, FANTAIL_RING_DATA) - 1;
	f->data.limit = f->data.mask + 1;
	f->data.ends = calloc(f->data.limit, sizeof(*f->data.ends));
	if (!f->data.ends)
		return -ENOMEM;
	if (!bytes)
		bytes = 16 * longest < LIST_BYTES ? LIST_BYTES : 16 * longest;
	if (bytes < longest || bytes > LIST_BYTES_MAX)
		return -EINVAL;
	rc = init_one(f, &f->arena, f->opt.arena_bytes,
		      rights(f) | FANTAIL_DMA_PAYLOAD);
	if (rc)
		return rc;
	rc = init_one(f, &f->lists, bytes & ~63u, rights(f));
	if (rc)
		return rc;
	f->payload_limit = limits->payload_bytes;
	if (f->payload_limit > f->arena.mem.bytes / 4)
		f->payload_limit = (uint32_t)(f->arena.mem.bytes / 4);
	set_payload_max(f);
	return 0;
}

void arena_free(struct fantail *f)
{
	while (f->spents)
		fantail_dma_free(f->dev, &f->spent[--f->spents].mem);
	fantail_dma_free(f->dev, &f->arena.mem);
	fantail_dma_free(f->dev, &f->lists.mem);
	free(f->data.ends);
}

/* Give back what the card has passed. */
static void free_spent(struct fantail *f, uint32_t head)
{
	unsigned int i = 0;

	while (i < f->spents) {
		if ((int32_t)(head - f->spent[i].last) < 0) {
			i++;
			continue;
		}
		fantail_dma_free(f->dev, &f->spent[i].mem);
		f->spent[i] = f->spent[--f->spents];
	}
}

void arena_reclaim(struct fantail *f)
{
	uint32_t head = fantail_sq_head(f->qp, FANTAIL_RING_DATA);
	uint32_t last = (head - 1) & f->data.mask;

	if (head == f->data.head)
		return;
	/* Ends only grow, so the last entry passed says it all. */
	f->arena.head = f->data.ends[last].payloads;
	f->lists.head = f->data.ends[last].lists;
	f->data.head = head;
	f->data.limit = head + f->data.mask + 1;
	if (f->spents)
		free_spent(f, head);
}

void arena_keep(struct fantail *f, uint64_t pos)
{
	const struct data_ring *d = &f->data;
	struct arena_ends *ends = d->ends;
	uint32_t i = d->tail;

	while (i != d->head && ends[(i - 1) & d->mask].payloads > pos)
		ends[--i & d->mask].payloads = pos;
}

bool arena_grow(struct fantail *f)
{
	struct arena *a = &f->arena, *spent = &f->spent[f->spents];
	uint64_t bytes = 2 * (uint64_t)a->mem.bytes;
	struct fantail_mem mem;
	uint32_t i;
	int rc;

	if (bytes > f->opt.arena_max)
		bytes = f->opt.arena_max;
	if (bytes <= a->mem.bytes || f->spents == ARENA_SPENT_MAX)
		return false;
	rc = fantail_dma_alloc(f->dev, bytes, rights(f) | FANTAIL_DMA_PAYLOAD,
			       &mem);
	if (rc) {
		/* not again for each payload */
		f->opt.arena_max = (uint32_t)a->mem.bytes;
		log_line(f, FANTAIL_LOG_WARN,
			 "the arena stays at %zu KiB: %s%s%s",
			 a->mem.bytes >> 10, strerror(-rc),
			 *fantail_driver_why() ? ": " : "",
			 fantail_driver_why());
		return false;
	}
	*spent = *a;
	spent->place = spent->place_end = NULL;
	spent->last = f->data.tail;
	f->spents++;
	a->mem = mem;
	a->head = a->tail = 0;
	a->place = a->place_end = NULL;
	/* entries in the ring name nothing of it */
	for (i = 0; i <= f->data.mask; i++)
		f->data.ends[i].payloads = 0;
	set_payload_max(f);
	f->stats.arena_grown++;
	return true;
}

bool arena_room(struct arena *a, uint64_t len, uint64_t *wraps)
{
	uint64_t size = a->mem.bytes;
	uint64_t offset = a->tail % size;
	uint64_t skip = offset + len > size ? size - offset : 0;

	/*
	 * With nothing in use it begins anew, where memory is warm; and no
	 * entry would ever free the skip.
	 */
	if (a->head == a->tail) {
		skip = offset ? size - offset : 0;
		a->head += skip;
	}
	if (a->tail + skip + len - a->head > size)
		return false;
	a->tail += skip;
	*wraps += skip != 0;
	return true;
}

static bool locate(const struct arena *a, const void *ptr, size_t len,
		   uint64_t *pos)
{
	uintptr_t base = (uintptr_t)a->mem.va;
	uint64_t size = a->mem.bytes;
	uint64_t at, offset, back;

	if ((uintptr_t)ptr < base || (uintptr_t)ptr - base >= size)
		return false;
	offset = (uintptr_t)ptr - base;
	at = a->tail % size;
	back = (at + size - offset) % size;
	if (!back || back > a->tail - a->head || len > back ||
	    offset + len > size)
		return false;
	*pos = a->tail - back;
	return true;
}

struct arena *arena_locate(struct fantail *f, const void *ptr, size_t len,
			   uint64_t *pos)
{
	unsigned int i;

	if (locate(&f->arena, ptr, len, pos))
		return &f->arena;
	for (i = 0; i < f->spents; i++)
		if (locate(&f->spent[i], ptr, len, pos))
			return &f->spent[i];
	return NULL;
}
