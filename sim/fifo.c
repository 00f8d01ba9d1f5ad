/* SPDX-License-Identifier: Apache-2.0 */
#include "fifo.h"

#include <stdlib.h>
#include <string.h>

enum {
	SPACE_MIN = 8,
};

void *fifo_at(const struct fifo *f, size_t n)
{
	return f->items + ((f->head + n) & (f->space - 1)) * f->size;
}

static int grow(struct fifo *f)
{
	size_t space = f->space ? 2 * f->space : SPACE_MIN;
	uint8_t *items = calloc(space, f->size);

	if (!items)
		return -1;
	for (size_t i = 0; i < f->count; i++)
		memcpy(items + i * f->size, fifo_at(f, i), f->size);
	free(f->items);
	f->items = items;
	f->space = space;
	f->head = 0;
	return 0;
}

void *fifo_push(struct fifo *f)
{
	void *item;

	if (f->count == f->space && grow(f))
		return NULL;
	item = fifo_at(f, f->count++);
	memset(item, 0, f->size);
	return item;
}

void fifo_pop(struct fifo *f)
{
	f->head++;
	f->count--;
}

void *fifo_last(const struct fifo *f)
{
	return f->count ? fifo_at(f, f->count - 1) : NULL;
}

void fifo_clear(struct fifo *f)
{
	f->head = 0;
	f->count = 0;
}

void fifo_free(struct fifo *f)
{
	free(f->items);
	f->items = NULL;
	f->space = 0;
	fifo_clear(f);
}
