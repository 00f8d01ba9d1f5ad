/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline's file: JSON in the trace event format. Slices are events "X",
 * names "M", arrows pairs of "s" and "f"; times are microseconds.
 *
 * A track of that format is a stack, so slices that overlap go on rows beside
 * each other: the first row that is free takes the next slice.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "timeline.h"

#define ROWS 1000 /* thread ids of a track */

enum {
	JSON_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15),
	ADDRESS_TEXT = 20,
	NAME_TEXT = 48,
};

/* One file under way. */
struct out {
	FILE *file;
	bool comma; /* something has been written */
	int rc;
	unsigned int arrows;
	int *tid; /* of each event */
	/* of the batches from first on: the slices that arrows join */
	uint64_t first, batches;
	struct anchors *anchors;
};

/* Index of an event + 1; 0: none. */
struct anchors {
	size_t doorbell, entries, payload, append, walk, segment, ack;
	size_t record, interrupt, poll;
};

/* Takes @event, which may be NULL: no memory. */
static void put(struct out *o, json_t *event)
{
	if (!o->rc && !event)
		o->rc = -ENOMEM;
	if (!o->rc && (fputs(o->comma ? ",\n" : "\n", o->file) == EOF ||
		       json_dumpf(event, o->file, JSON_FLAGS)))
		o->rc = -EIO;
	o->comma = true;
	json_decref(event);
}

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

/* ----------------------------------------------------------------- slices */

static int add_value(json_t *args, const struct timeline_value *name,
		     uint64_t value)
{
	char text[ADDRESS_TEXT];

	if (name->form == TIMELINE_NUMBER)
		return json_object_set_new(args, name->name,
					   json_integer((json_int_t)value));
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return json_object_set_new(args, name->name, json_string(text));
}

static json_t *args_of(const struct timeline_event *e)
{
	const struct timeline_word *word = &timeline_words[e->kind];
	json_t *args = json_object();
	int rc = 0;

	if (e->batch != TIMELINE_NO_BATCH)
		rc |= json_object_set_new(args, "batch",
					  json_integer((json_int_t)e->batch));
	if (e->batch != TIMELINE_NO_BATCH && e->last != e->batch)
		rc |= json_object_set_new(args, "last_batch",
					  json_integer((json_int_t)e->last));
	for (int i = 0; i < TIMELINE_VALUES && word->value[i].name; i++)
		rc |= add_value(args, &word->value[i], e->value[i]);
	rc |= json_object_set_new(args, "cycle",
				  json_integer((json_int_t)e->cycle));
	if (!rc)
		return args;
	json_decref(args);
	return NULL;
}

static void put_slice(struct out *o, const struct timeline_event *e, int tid)
{
	const struct timeline_word *word = &timeline_words[e->kind];
	const struct timeline_row *row = &timeline_rows[word->track];
	char name[NAME_TEXT];

	snprintf(name, sizeof(name), "%s", word->name);
	if (e->kind == TIMELINE_BATCH)
		snprintf(name, sizeof(name), "batch %llu",
			 (unsigned long long)e->batch);
	put(o, json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:i, s:o}", "name",
			 name, "cat", timeline_sides[row->pid - 1], "ph", "X",
			 "ts", us(e->begin), "dur", us(e->end - e->begin),
			 "pid", row->pid, "tid", tid, "args", args_of(e)));
}

/* ------------------------------------------------------------------ names */

static void put_name(struct out *o, const char *what, int pid, int tid,
		     const char *key, json_t *value)
{
	put(o, json_pack("{s:s, s:s, s:i, s:i, s:{s:o}}", "name", what, "ph",
			 "M", "pid", pid, "tid", tid, "args", key, value));
}

static void put_sides(struct out *o)
{
	for (int i = 0; timeline_sides[i]; i++) {
		put_name(o, "process_name", i + 1, 0, "name",
			 json_string(timeline_sides[i]));
		put_name(o, "process_sort_index", i + 1, 0, "sort_index",
			 json_integer(i));
	}
}

static void put_row(struct out *o, int track, int row)
{
	int pid = timeline_rows[track].pid, tid = track * ROWS + row;
	char name[NAME_TEXT];

	snprintf(name, sizeof(name), "%s", timeline_rows[track].name);
	if (row)
		snprintf(name, sizeof(name), "%s %d", timeline_rows[track].name,
			 row + 1);
	put_name(o, "thread_name", pid, tid, "name", json_string(name));
	put_name(o, "thread_sort_index", pid, tid, "sort_index",
		 json_integer(tid));
}

/* ------------------------------------------------------------------- rows */

static int by_time(const void *left, const void *right)
{
	const struct timeline_event *a = left, *b = right;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

/* By rising begin: the first row of its track that is free. */
static void choose_rows(struct out *o, const struct timeline *t)
{
	uint64_t *busy = calloc((size_t)TIMELINE_TRACKS * ROWS, sizeof(*busy));
	int used[TIMELINE_TRACKS] = { 0 };

	if (!busy) {
		o->rc = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_event *e = &t->events[i];
		int track = timeline_words[e->kind].track, row = 0;
		uint64_t *until = &busy[(size_t)track * ROWS];

		while (row < ROWS - 1 && row < used[track] &&
		       until[row] > e->begin)
			row++;
		if (row == used[track])
			put_row(o, track, used[track]++);
		until[row] = e->end;
		o->tid[i] = track * ROWS + row;
	}
	free(busy);
}

/* ----------------------------------------------------------------- arrows */

/* Slices that have no length cannot be met by an arrow. */
static void arrow(struct out *o, const struct timeline *t, size_t from,
		  size_t to)
{
	static const char *const ends[] = { "s", "f" };
	const struct timeline_event *e[2];
	uint64_t at;

	if (!from || !to)
		return;
	e[0] = &t->events[from - 1];
	e[1] = &t->events[to - 1];
	at = e[1]->begin > e[0]->begin ? e[1]->begin : e[0]->begin;
	if (e[0]->begin == e[0]->end || at >= e[1]->end)
		return;
	for (int i = 0; i < 2; i++) {
		size_t index = (i ? to : from) - 1;
		int track = timeline_words[e[i]->kind].track;
		json_t *flow = json_pack(
			"{s:s, s:s, s:s, s:i, s:f, s:i, s:i}", "name", "batch",
			"cat", "batch", "ph", ends[i], "id", (int)o->arrows,
			"ts", us(i ? at : e[0]->begin), "pid",
			timeline_rows[track].pid, "tid", o->tid[index]);

		if (i && flow &&
		    json_object_set_new(flow, "bp", json_string("e")))
			o->rc = -ENOMEM;
		put(o, flow);
	}
	o->arrows++;
}

static size_t *anchor(struct anchors *a, enum timeline_kind kind)
{
	switch (kind) {
	case TIMELINE_DOORBELL:
		return &a->doorbell;
	case TIMELINE_ENTRIES:
		return &a->entries;
	case TIMELINE_PAYLOAD:
		return &a->payload;
	case TIMELINE_APPEND:
		return &a->append;
	case TIMELINE_WALK:
		return &a->walk;
	case TIMELINE_SEGMENT:
		return &a->segment;
	case TIMELINE_ACK:
		return &a->ack;
	case TIMELINE_RECORD_BATCH:
		return &a->record;
	case TIMELINE_INTERRUPT:
		return &a->interrupt;
	case TIMELINE_POLL:
		return &a->poll;
	default:
		return NULL;
	}
}

/* The first of each kind, of the ACKs the last. */
static void find_anchors(struct out *o, const struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_event *e = &t->events[i];
		uint64_t b = e->batch < o->first ? o->first : e->batch;
		size_t *place;

		if (e->batch == TIMELINE_NO_BATCH)
			continue;
		for (; b <= e->last && b - o->first < o->batches; b++) {
			place = anchor(&o->anchors[b - o->first], e->kind);
			if (place && (!*place || e->kind == TIMELINE_ACK))
				*place = i + 1;
		}
	}
}

static void put_arrows(struct out *o, const struct timeline *t)
{
	find_anchors(o, t);
	for (uint64_t i = 0; !o->rc && i < o->batches; i++) {
		const struct anchors *a = &o->anchors[i];

		arrow(o, t, a->doorbell, a->entries);
		arrow(o, t, a->entries, a->payload);
		arrow(o, t, a->payload, a->append);
		arrow(o, t, a->append, a->walk);
		arrow(o, t, a->walk, a->segment);
		arrow(o, t, a->segment, a->ack);
		arrow(o, t, a->walk, a->record);
		arrow(o, t, a->record, a->interrupt);
		arrow(o, t, a->interrupt, a->poll);
	}
}

/* ------------------------------------------------------------------- file */

/* Which batches are there? At most as many as there are events. */
static void find_batches(struct out *o, const struct timeline *t)
{
	uint64_t last = 0;

	o->first = TIMELINE_NO_BATCH;
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_event *e = &t->events[i];

		if (e->kind != TIMELINE_DOORBELL)
			continue;
		if (e->batch < o->first)
			o->first = e->batch;
		if (e->batch > last)
			last = e->batch;
	}
	if (o->first != TIMELINE_NO_BATCH)
		o->batches = last - o->first + 1;
}

static void put_all(struct out *o, const struct timeline *t)
{
	if (fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", o->file) ==
	    EOF)
		o->rc = -EIO;
	put_sides(o);
	choose_rows(o, t);
	for (size_t i = 0; !o->rc && i < t->count; i++)
		put_slice(o, &t->events[i], o->tid[i]);
	put_arrows(o, t);
	if (!o->rc && fputs("\n]}\n", o->file) == EOF)
		o->rc = -EIO;
}

int timeline_write(struct timeline *t)
{
	struct out o = { .file = t->file };

	if (!t->file)
		return 0;
	if (t->count)
		qsort(t->events, t->count, sizeof(*t->events), by_time);
	find_batches(&o, t);
	o.tid = calloc(t->count + 1, sizeof(*o.tid));
	o.anchors = calloc(o.batches + 1, sizeof(*o.anchors));
	if (o.tid && o.anchors)
		put_all(&o, t);
	else
		o.rc = -ENOMEM;
	if (fclose(t->file) && !o.rc)
		o.rc = -errno;
	t->file = NULL;
	free(o.tid);
	free(o.anchors);
	return o.rc;
}
