/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline's watcher: entries, contexts, and the batches they make. */
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

/* ---------------------------------------------------------------- batches */

static struct watch_batch *new_batch(struct timeline_watch *w,
				     struct watch_qp *qp)
{
	const struct watch_doorbell *bell =
		qp->bells.count ? fifo_at(&qp->bells, 0) : NULL;
	struct watch_batch **place = fifo_push(&qp->batches);
	struct watch_batch *b = calloc(1, sizeof(*b));

	if (!place || !b) {
		free(b);
		watch_fail(w);
		return NULL;
	}
	*place = b;
	b->number = TIMELINE_NO_BATCH;
	b->qp = (unsigned int)(qp - w->qp);
	b->doorbell = bell ? bell->begin : w->now;
	return b;
}

uint64_t watch_recorded(struct timeline_watch *w, struct watch_qp *qp)
{
	struct watch_batch *b;
	uint64_t number;

	if (!qp->batches.count)
		return TIMELINE_NO_BATCH;
	b = *(struct watch_batch **)fifo_at(&qp->batches, 0);
	fifo_pop(&qp->batches);
	/* those of its payloads that were refused */
	while (qp->payloads.count) {
		const struct watch_payload *p = fifo_at(&qp->payloads, 0);

		if (p->batch != b)
			break;
		fifo_pop(&qp->payloads);
	}
	if (qp->batch == b)
		qp->batch = NULL;
	if (w->walk.batch == b)
		w->walk.batch = NULL;
	number = b->number;
	b->recorded = true;
	watch_settle(w, b);
	return number;
}

/* ENABLE rises: rings begin anew, what was in them is gone. */
void watch_qp_begin(struct timeline_watch *w, struct watch_qp *qp)
{
	while (qp->batches.count)
		watch_recorded(w, qp);
	fifo_clear(&qp->bells);
	fifo_clear(&qp->payloads);
	fifo_clear(&qp->contexts);
	qp->batch = NULL;
	qp->tail = 0;
	qp->rung = 0;
	qp->fetched = 0;
	qp->told = TIMELINE_NO_BATCH;
}

void watch_qp_free(struct watch_qp *qp)
{
	fifo_free(&qp->bells);
	fifo_free(&qp->batches);
	fifo_free(&qp->payloads);
	fifo_free(&qp->contexts);
}

/* ---------------------------------------------------------------- entries */

static void tell_doorbell(struct timeline_watch *w, struct watch_doorbell *bell,
			  struct watch_batch *b)
{
	struct timeline_event e = {
		.kind = TIMELINE_DOORBELL,
		.begin = bell->begin.ns,
		.cycle = bell->begin.cycle,
		.end = bell->end ? bell->end : w->now.ns,
		.batch = b->number,
		.last = b->number,
		.value = { bell->entries, bell->tail, b->qp },
	};

	bell->told = true;
	if (timeline_add(w->t, &e) && !b->rung_for)
		w->t->batches++;
	/* entries before its first PUBLISH may have been rung for long ago */
	if (!b->rung_for)
		b->doorbell = bell->begin;
	b->rung_for = true;
}

static void publish(struct timeline_watch *w, struct watch_qp *qp,
		    const struct fantail_entry *entry)
{
	struct watch_payload *p = fifo_push(&qp->payloads);
	struct watch_batch *b = qp->batch;

	if (!p) {
		watch_fail(w);
		return;
	}
	if (b->number == TIMELINE_NO_BATCH) {
		b->number = w->batches++;
		w->opened |= timeline_wants(w->t, b->number, b->number);
	}
	b->payloads++;
	b->bytes += entry->len;
	p->batch = b;
	p->addr = entry->addr;
	p->len = entry->len;
	if (entry->flags & FANTAIL_FLAG_LIST) {
		p->list_addr = entry->list_addr;
		p->list_bytes = (uint64_t)entry->list_len * 4;
	}
}

/* A later one at the same place: the earlier one was refused. */
static void expect_context(struct timeline_watch *w, struct watch_qp *qp,
			   const struct fantail_entry *entry)
{
	struct watch_context *c;

	for (size_t i = 0; i < qp->contexts.count; i++) {
		c = fifo_at(&qp->contexts, i);
		if (c->addr == entry->addr) {
			c->handle = entry->target;
			return;
		}
	}
	c = fifo_push(&qp->contexts);
	if (!c) {
		watch_fail(w);
		return;
	}
	c->addr = entry->addr;
	c->handle = entry->target;
}

static void data_entry(struct timeline_watch *w, struct watch_qp *qp,
		       const struct fantail_entry *entry,
		       struct watch_read *read)
{
	struct watch_doorbell *bell;

	while (qp->bells.count) {
		bell = fifo_at(&qp->bells, 0);
		if (bell->behind > qp->fetched)
			break;
		fifo_pop(&qp->bells);
	}
	if (!qp->batch)
		qp->batch = new_batch(w, qp);
	if (!qp->batch)
		return;
	if (entry->op == FANTAIL_OP_PUBLISH)
		publish(w, qp, entry);
	bell = qp->bells.count ? fifo_at(&qp->bells, 0) : NULL;
	if (bell && !bell->told && qp->batch->number != TIMELINE_NO_BATCH)
		tell_doorbell(w, bell, qp->batch);
	watch_name(&read->event, qp->batch);
	if (entry->flags & FANTAIL_FLAG_LAST)
		qp->batch = NULL;
	qp->fetched++;
	if (!bell || bell->behind > qp->fetched)
		return;
	fifo_pop(&qp->bells);
	if (w->opened)
		return;
	/* it was for something else */
	timeline_forget(w->t);
	if (qp->bells.count)
		timeline_collect(w->t);
}

void watch_entry(struct timeline_watch *w, struct watch_qp *qp,
		 const uint8_t *line, struct watch_read *read)
{
	struct fantail_entry entry;

	memcpy(&entry, line, sizeof(entry));
	if (entry.op == FANTAIL_OP_CONN_INSTALL)
		expect_context(w, qp, &entry);
	if (read->event.kind == TIMELINE_ENTRIES)
		data_entry(w, qp, &entry, read);
}

/* --------------------------------------------------------------- contexts */

/* The bytes of @line that lie in it. */
static void take_bytes(struct watch_context *c, uint64_t iova,
		       const uint8_t *line)
{
	uint8_t *to = (uint8_t *)&c->context;

	for (unsigned int i = 0; i < DUT_BEAT; i++)
		if (iova + i - c->addr < sizeof(c->context))
			to[iova + i - c->addr] = line[i];
}

static void drop_context(struct watch_qp *qp, size_t n)
{
	for (; n; n--)
		memcpy(fifo_at(&qp->contexts, n), fifo_at(&qp->contexts, n - 1),
		       sizeof(struct watch_context));
	fifo_pop(&qp->contexts);
}

void watch_context(struct timeline_watch *w, struct watch_qp *qp, uint64_t iova,
		   const uint8_t *line)
{
	for (size_t i = 0; i < qp->contexts.count; i++) {
		struct watch_context *c = fifo_at(&qp->contexts, i);

		if (iova + DUT_BEAT <= c->addr ||
		    iova >= c->addr + sizeof(c->context))
			continue;
		take_bytes(c, iova, line);
		if (iova + DUT_BEAT < c->addr + sizeof(c->context))
			return;
		watch_install(w, c->handle & FANTAIL_HANDLE_ID_MASK,
			      &c->context);
		drop_context(qp, i);
		return;
	}
}
