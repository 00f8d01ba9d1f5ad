/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline's watcher: the log, and walks over targets. */
#include "timeline_internal.h"

#define APPENDS_KEPT 4096u /* payloads that no walk came for */

/* The payload that goes on at @pos; those of queue pairs alternate. */
static struct watch_append *open_append(struct timeline_watch *w, uint32_t pos)
{
	struct watch_append *a;

	for (size_t i = w->appends.count; i; i--) {
		a = fifo_at(&w->appends, i - 1);
		if (!a->whole && a->pos + a->len == pos)
			return a;
	}
	if (w->appends.count == APPENDS_KEPT)
		fifo_pop(&w->appends);
	a = fifo_push(&w->appends);
	if (!a) {
		watch_fail(w);
		return NULL;
	}
	a->pos = pos;
	a->begin = w->now.ns;
	a->cycle = w->now.cycle;
	return a;
}

static void append(struct timeline_watch *w, const struct dut_watch *in)
{
	struct watch_append *a = open_append(w, in->append_pos);

	if (!a)
		return;
	a->len += in->append_bytes;
	a->whole = in->append_last;
	a->end = w->now.ns + w->ns_per_cycle;
}

/* What lies in the log where a walk takes it from is of the walk's batch. */
static void tell_appends(struct timeline_watch *w, uint32_t pos, uint32_t len)
{
	for (size_t i = 0; i < w->appends.count; i++) {
		struct watch_append *a = fifo_at(&w->appends, i);
		struct timeline_event e = {
			.kind = TIMELINE_APPEND,
			.begin = a->begin,
			.cycle = a->cycle,
			.end = a->end,
			.batch = TIMELINE_NO_BATCH,
			.last = TIMELINE_NO_BATCH,
			.value = { a->pos, a->len },
		};

		/* others: of another queue pair, or a read that failed */
		if (a->told || a->pos - pos >= len)
			continue;
		watch_name(&e, w->walk.batch);
		timeline_add(w->t, &e);
		a->told = true;
	}
	while (w->appends.count &&
	       ((struct watch_append *)fifo_at(&w->appends, 0))->told)
		fifo_pop(&w->appends);
}

/*
 * The payloads that a walk takes follow each other in the ring, and are the
 * next ones but for those that were refused.
 */
static struct watch_batch *take_payloads(struct watch_qp *qp, uint32_t len)
{
	struct fifo *f = &qp->payloads;
	struct watch_batch *b;
	uint64_t sum = 0;
	size_t from = 0, to = 0;

	while (sum != len) {
		if (sum < len && to == f->count)
			return NULL;
		if (sum < len)
			sum += ((struct watch_payload *)fifo_at(f, to++))->len;
		else
			sum -= ((struct watch_payload *)fifo_at(f, from++))
				       ->len;
	}
	b = ((struct watch_payload *)fifo_at(f, from))->batch;
	while (to--)
		fifo_pop(f);
	return b;
}

static void walk(struct timeline_watch *w, const struct dut_watch *in)
{
	struct watch_qp *qp = &w->qp[in->walk_qp % WATCH_QPS];

	w->walk.busy = true;
	w->walk.batch = take_payloads(qp, in->walk_len);
	w->walk.event = watch_slice(w, TIMELINE_WALK, 0);
	w->walk.event.value[0] = in->walk_pos;
	w->walk.event.value[1] = in->walk_len;
	watch_name(&w->walk.event, w->walk.batch);
	tell_appends(w, in->walk_pos, in->walk_len);
}

static void walk_done(struct timeline_watch *w, const struct dut_watch *in)
{
	struct timeline_event *e = &w->walk.event;

	if (!w->walk.busy)
		return;
	w->walk.busy = false;
	e->end = w->now.ns + w->ns_per_cycle;
	e->value[2] = in->walk_reached;
	e->value[3] = in->walk_skipped;
	timeline_add(w->t, e);
}

void watch_inside(struct timeline_watch *w, const struct dut_watch *in)
{
	if (in->append)
		append(w, in);
	if (in->queue)
		watch_queued(w, in->queue_id, in->queue_seq);
	if (in->walk_done)
		walk_done(w, in);
	if (in->walk)
		walk(w, in);
}
