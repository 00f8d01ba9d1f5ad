/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of items of one size that grows as it must. Not thread-safe. */
#ifndef FANTAIL_FIFO_H
#define FANTAIL_FIFO_H

#include <stddef.h>
#include <stdint.h>

struct fifo {
	size_t size; /* bytes of an item, set by the user; all else zero */
	uint8_t *items;
	size_t space; /* items, a power of two or 0 */
	size_t head;  /* free-running */
	size_t count;
};

/*
 * A new last item, all zero, or NULL: no memory. Pointers to items hold until
 * the next push.
 */
void *fifo_push(struct fifo *f);

/* Item @n from the oldest on; there must be one. */
void *fifo_at(const struct fifo *f, size_t n);

/* Forget the oldest; there must be one. */
void fifo_pop(struct fifo *f);

/* The newest, or NULL: there is none. */
void *fifo_last(const struct fifo *f);

/* Forget all; fifo_free() gives the memory back as well. */
void fifo_clear(struct fifo *f);
void fifo_free(struct fifo *f);

#endif
