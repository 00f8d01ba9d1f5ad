/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: a binary heap by due time. Room is made outside the hot path. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

int timers_reserve(struct timers *ts, uint32_t more)
{
	struct timer **heap;

	heap = realloc(ts->heap, (size_t)(ts->room + more) * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	ts->heap = heap;
	ts->room += more;
	return 0;
}

static void place(struct timers *ts, uint32_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->pos = i + 1;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer *t)
{
	while (i && ts->heap[(i - 1) / 2]->due > t->due) {
		place(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, uint32_t i, struct timer *t)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= ts->count)
			break;
		if (child + 1 < ts->count &&
		    ts->heap[child + 1]->due < ts->heap[child]->due)
			child++;
		if (ts->heap[child]->due >= t->due)
			break;
		place(ts, i, ts->heap[child]);
		i = child;
	}
	place(ts, i, t);
}

void timers_stop(struct timers *ts, struct timer *t)
{
	struct timer *moved;
	uint32_t i;

	if (!t->pos)
		return;
	i = t->pos - 1;
	t->pos = 0;
	moved = ts->heap[--ts->count];
	if (moved == t)
		return;
	if (i && ts->heap[(i - 1) / 2]->due > moved->due)
		sift_up(ts, i, moved);
	else
		sift_down(ts, i, moved);
}

/* Every timer was counted in timers_reserve(), so there is room. */
void timers_set(struct timers *ts, struct timer *t, uint64_t due)
{
	timers_stop(ts, t);
	t->due = due;
	sift_up(ts, ts->count++, t);
}

void timers_run(struct fantail *f, uint64_t now)
{
	struct timers *ts = &f->timers;

	while (ts->count && ts->heap[0]->due <= now) {
		struct timer *t = ts->heap[0];

		timers_stop(ts, t);
		t->fn(f, t);
	}
}
