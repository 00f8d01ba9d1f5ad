/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPACE_MIN = 1024,
};

int timeline_open(const struct timeline_config *cfg, struct timeline **out)
{
	struct timeline *t;
	int rc;

	if (cfg->first > cfg->last)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	t->cfg.path = NULL;
	t->file = fopen(cfg->path, "we");
	if (!t->file) {
		rc = -errno;
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void timeline_close(struct timeline *t)
{
	if (!t)
		return;
	if (t->file)
		fclose(t->file);
	free(t->events);
	free(t);
}

bool timeline_wants(const struct timeline *t, uint64_t batch, uint64_t last)
{
	return !t->cfg.cycles && batch != TIMELINE_NO_BATCH &&
	       batch <= t->cfg.last && last >= t->cfg.first;
}

static bool in_window(const struct timeline *t, const struct timeline_event *e)
{
	if (t->cfg.cycles)
		return e->cycle >= t->cfg.first && e->cycle <= t->cfg.last;
	if (e->batch == TIMELINE_NO_BATCH)
		return t->collecting;
	return timeline_wants(t, e->batch, e->last);
}

static bool make_room(struct timeline *t)
{
	size_t space = t->space ? 2 * t->space : SPACE_MIN;
	struct timeline_event *events;

	if (t->count < t->space)
		return true;
	if (space > TIMELINE_EVENTS)
		space = TIMELINE_EVENTS;
	if (t->count < space) {
		events = realloc(t->events, space * sizeof(*events));
		if (events) {
			t->events = events;
			t->space = space;
			return true;
		}
	}
	t->full = true;
	return false;
}

bool timeline_add(struct timeline *t, const struct timeline_event *e)
{
	if (t->full || !t->file || !in_window(t, e) || !make_room(t))
		return false;
	t->events[t->count++] = *e;
	return true;
}

void timeline_collect(struct timeline *t)
{
	if (t->collecting || t->cfg.cycles)
		return;
	t->collecting = true;
	t->mark = t->count;
}

void timeline_forget(struct timeline *t)
{
	size_t kept = t->mark;

	if (!t->collecting)
		return;
	for (size_t i = t->mark; i < t->count; i++)
		if (t->events[i].batch != TIMELINE_NO_BATCH)
			t->events[kept++] = t->events[i];
	t->count = kept;
	t->collecting = false;
}

void timeline_stop(struct timeline *t)
{
	t->collecting = false;
}
