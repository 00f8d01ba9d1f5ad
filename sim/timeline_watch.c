/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline's watcher: ports, the log, and when all has been seen. */
#include "timeline_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

#define LINE	     ((uint64_t)DUT_BEAT)
#define GRACE_NS     200000u /* for the last interrupt, which may not come */
#define RECORD_TYPES 9u
#define INDEX_MASK   0x7fffu /* of a free-running ring index */

/* ------------------------------------------------------------------- ends */

void watch_fail(struct timeline_watch *w)
{
	w->over = true;
	w->t->full = true;
	timeline_stop(w->t);
}

static void over(struct timeline_watch *w)
{
	w->over = true;
	timeline_stop(w->t);
}

/* Does an interrupt belong to what has been seen? */
static bool interrupt_due(const struct timeline_watch *w)
{
	for (unsigned int q = 0; q < WATCH_QPS; q++)
		if (w->qp[q].told != TIMELINE_NO_BATCH)
			return true;
	return false;
}

static void count_finished(struct timeline_watch *w)
{
	const struct timeline_config *cfg = &w->t->cfg;

	if (++w->finished - 1 != cfg->last - cfg->first)
		return;
	w->over_ns = w->now.ns + GRACE_NS;
}

void watch_settle(struct timeline_watch *w, struct watch_batch *b)
{
	struct timeline_event e = {
		.kind = TIMELINE_BATCH,
		.begin = b->doorbell.ns,
		.cycle = b->doorbell.cycle,
		.end = w->now.ns,
		.batch = b->number,
		.last = b->number,
		.value = { b->payloads, b->bytes, b->receivers, b->qp },
	};

	if (!b->recorded || b->open)
		return;
	if (b->number != TIMELINE_NO_BATCH) {
		timeline_add(w->t, &e);
		if (timeline_wants(w->t, b->number, b->number))
			count_finished(w);
	}
	free(b);
}

/* -------------------------------------------------------------- registers */

static void set_half(uint64_t *base, uint32_t offset, uint32_t value)
{
	if (offset & 4)
		*base = (*base & UINT32_MAX) | (uint64_t)value << 32;
	else
		*base = (*base & ~(uint64_t)UINT32_MAX) | value;
}

static void ring_data(struct timeline_watch *w, struct watch_qp *qp,
		      uint32_t tail)
{
	struct watch_doorbell *bell = fifo_push(&qp->bells);

	if (!bell) {
		watch_fail(w);
		return;
	}
	bell->begin = w->now;
	bell->entries = (tail - qp->tail) & INDEX_MASK;
	bell->tail = tail;
	qp->rung += bell->entries;
	bell->behind = qp->rung;
	qp->tail = tail;
	w->ringing = bell;
	if (!w->opened && w->batches <= w->t->cfg.last)
		timeline_collect(w->t);
}

static void ring(struct timeline_watch *w, struct watch_qp *qp, uint32_t offset,
		 uint32_t value)
{
	uint32_t tail = value & FANTAIL_DOORBELL_DATA_TAIL_MASK;

	if (offset == FANTAIL_QP_DOORBELL_DATA &&
	    (tail - qp->tail) & INDEX_MASK) {
		ring_data(w, qp, tail);
		return;
	}
	w->other = watch_slice(w, TIMELINE_DOORBELL_OTHER, 0);
	w->other.value[0] = offset;
	w->other.value[1] = value;
	w->other.value[2] = (uint64_t)(qp - w->qp);
	w->other_rings = true;
}

static void write_qp(struct timeline_watch *w, struct watch_qp *qp,
		     uint32_t offset, uint32_t value)
{
	bool enable = value & FANTAIL_QP_CTRL_ENABLE_MASK;

	switch (offset & ~4u) {
	case FANTAIL_QP_DATA_BASE:
		set_half(&qp->base[0], offset, value);
		return;
	case FANTAIL_QP_CONTROL_BASE:
		set_half(&qp->base[1], offset, value);
		return;
	case FANTAIL_QP_STATUS_BASE:
		set_half(&qp->status_base, offset, value);
		return;
	case FANTAIL_QP_SLOT_BASE:
		set_half(&qp->slot_base, offset, value);
		return;
	case FANTAIL_QP_DATA_LOG2:
		qp->log2[offset == FANTAIL_QP_CONTROL_LOG2] = value & 15;
		return;
	case FANTAIL_QP_STATUS_LOG2:
		if (offset == FANTAIL_QP_STATUS_LOG2)
			qp->status_log2 = value & 15;
		else
			qp->slots = value;
		return;
	case FANTAIL_QP_QP_CTRL:
		if (offset != FANTAIL_QP_QP_CTRL)
			return;
		if (enable && !qp->enabled)
			watch_qp_begin(w, qp);
		qp->enabled = enable;
		return;
	case FANTAIL_QP_DOORBELL_DATA:
		ring(w, qp, offset, value);
		return;
	default:
		return;
	}
}

static void reset_qp(struct timeline_watch *w, struct watch_qp *qp)
{
	watch_qp_begin(w, qp);
	memset(qp->base, 0, sizeof(qp->base));
	qp->status_base = qp->slot_base = 0;
	qp->log2[0] = qp->log2[1] = 10;
	qp->status_log2 = 12;
	qp->slots = 1024;
	qp->enabled = false;
}

/* Of the device: it forgets everything. */
static void reset(struct timeline_watch *w)
{
	for (uint32_t id = 0; id < WATCH_CONNECTIONS; id++)
		watch_release(w, &w->conns[id]);
	for (unsigned int q = 0; q < WATCH_QPS; q++)
		reset_qp(w, &w->qp[q]);
	fifo_clear(&w->appends);
	w->walk.busy = false;
	w->ringing = NULL;
	w->other_rings = false;
}

void timeline_watch_write(struct timeline_watch *w, struct timeline_time now,
			  uint32_t offset, uint32_t value)
{
	uint32_t page = offset / FANTAIL_PAGE_BYTES;

	if (w->over)
		return;
	w->now = now;
	if (offset == FANTAIL_REG_RESET && value & FANTAIL_RESET_START_MASK)
		reset(w);
	else if (page >= 1 && page <= WATCH_QPS)
		write_qp(w, &w->qp[page - 1], offset % FANTAIL_PAGE_BYTES,
			 value);
}

void timeline_watch_written(struct timeline_watch *w, struct timeline_time now)
{
	if (w->over)
		return;
	if (w->ringing)
		w->ringing->end = now.ns + w->ns_per_cycle;
	w->ringing = NULL;
	if (!w->other_rings)
		return;
	w->other_rings = false;
	w->other.end = now.ns + w->ns_per_cycle;
	timeline_add(w->t, &w->other);
}

/* ------------------------------------------------------------------ reads */

static bool inside(uint64_t iova, uint64_t base, uint64_t bytes)
{
	return iova - base < bytes;
}

/*
 * Does the read touch the lines of @bytes at @addr, and is it the first to?
 * *@done: it goes to their end.
 */
static bool touches(const struct watch_read *r, uint64_t addr, uint64_t bytes,
		    bool *done)
{
	uint64_t from = addr & ~(LINE - 1), to = addr + bytes;
	uint64_t end = r->iova + r->beats * LINE;

	if (!bytes || *done || from >= end || to <= r->iova)
		return false;
	*done = to <= end;
	return true;
}

/* Payloads that follow each other are read together, and so are of it all. */
static void look_for_payload(struct watch_qp *qp, struct watch_read *r)
{
	for (size_t i = 0; i < qp->payloads.count; i++) {
		struct watch_payload *p = fifo_at(&qp->payloads, i);

		if (touches(r, p->addr, p->len, &p->read)) {
			r->event.kind = TIMELINE_PAYLOAD;
			watch_name(&r->event, p->batch);
		} else if (r->event.kind == TIMELINE_PAYLOAD) {
			return;
		} else if (touches(r, p->list_addr, p->list_bytes,
				   &p->list_read)) {
			r->event.kind = TIMELINE_LIST;
			watch_name(&r->event, p->batch);
			return;
		}
	}
}

void timeline_watch_read(struct timeline_watch *w, struct timeline_time now,
			 unsigned int qp_number, uint64_t iova,
			 unsigned int beats)
{
	struct watch_qp *qp = &w->qp[qp_number % WATCH_QPS];
	struct watch_read *r;

	if (w->over)
		return;
	w->now = now;
	r = fifo_push(&w->reads);
	if (!r) {
		watch_fail(w);
		return;
	}
	r->event = watch_slice(w, TIMELINE_READ, 0);
	r->event.value[0] = iova;
	r->event.value[2] = qp_number;
	r->qp = qp_number % WATCH_QPS;
	r->iova = iova;
	r->beats = beats;
	if (inside(iova, qp->base[0], LINE << qp->log2[0]))
		r->event.kind = TIMELINE_ENTRIES;
	else if (inside(iova, qp->base[1], LINE << qp->log2[1]))
		r->event.kind = TIMELINE_CONTROL;
	else
		look_for_payload(qp, r);
}

void timeline_watch_line(struct timeline_watch *w, struct timeline_time now,
			 const uint8_t *data, bool bad)
{
	struct watch_read *r;
	struct watch_qp *qp;
	uint64_t iova;

	if (w->over || !w->reads.count)
		return;
	w->now = now;
	r = fifo_at(&w->reads, 0);
	qp = &w->qp[r->qp];
	iova = r->iova + r->done++ * LINE;
	if (!bad) {
		r->event.value[1] += LINE;
		if (r->event.kind == TIMELINE_ENTRIES ||
		    r->event.kind == TIMELINE_CONTROL)
			watch_entry(w, qp, data, r);
		else if (r->event.kind == TIMELINE_READ)
			watch_context(w, qp, iova, data);
	}
	if (r->done < r->beats)
		return;
	r->event.end = now.ns + w->ns_per_cycle;
	timeline_add(w->t, &r->event);
	fifo_pop(&w->reads);
}

/* ----------------------------------------------------- writes, interrupts */

static void record(struct timeline_watch *w, const struct timeline_beat *b,
		   unsigned int place)
{
	const uint8_t *bytes = b->data + place;
	struct watch_qp *qp = &w->qp[b->qp % WATCH_QPS];
	unsigned int type = bytes[0] < RECORD_TYPES ? bytes[0] : 0;
	struct timeline_event e;
	uint64_t number;

	e = watch_slice(w, (enum timeline_kind)(TIMELINE_RECORD + type),
			watch_at(w, b->visible));
	e.value[0] = b->iova + place;
	e.value[1] = FANTAIL_RECORD_BYTES;
	e.value[2] = b->qp;
	/* the second byte says which ring's */
	if (type == FANTAIL_REC_BATCH && !bytes[1]) {
		number = watch_recorded(w, qp);
		e.batch = e.last = number;
		if (number != TIMELINE_NO_BATCH) {
			if (qp->told == TIMELINE_NO_BATCH)
				qp->told = number;
			qp->told_last = number;
		}
	}
	timeline_add(w->t, &e);
}

static void slot(struct timeline_watch *w, struct watch_qp *qp,
		 const struct timeline_beat *b)
{
	if (b->first) {
		qp->slot = watch_slice(w, TIMELINE_SLOT, 0);
		qp->slot.value[0] = b->iova;
		qp->slot.value[2] = b->qp;
	}
	qp->slot.value[1] += (uint64_t)__builtin_popcountll(b->strobe);
	qp->slot.end = watch_at(w, b->visible);
	if (b->last)
		timeline_add(w->t, &qp->slot);
}

void timeline_watch_beat(struct timeline_watch *w, struct timeline_time now,
			 const struct timeline_beat *b)
{
	const uint64_t half = UINT32_MAX; /* a record's bytes of the strobe */
	struct watch_qp *qp = &w->qp[b->qp % WATCH_QPS];

	if (w->over)
		return;
	w->now = now;
	if (!inside(b->iova, qp->status_base,
		    (uint64_t)FANTAIL_RECORD_BYTES << qp->status_log2)) {
		slot(w, qp, b);
		return;
	}
	for (unsigned int place = 0; place < DUT_BEAT;
	     place += FANTAIL_RECORD_BYTES)
		if ((b->strobe >> place & half) == half)
			record(w, b, place);
}

void timeline_watch_interrupt(struct timeline_watch *w,
			      struct timeline_time now, uint32_t vectors,
			      uint64_t visible)
{
	struct timeline_event e;

	if (w->over)
		return;
	w->now = now;
	for (unsigned int v = 0; vectors >> v && v < 32; v++) {
		if (!(vectors >> v & 1))
			continue;
		e = watch_slice(w, TIMELINE_INTERRUPT, watch_at(w, visible));
		e.value[0] = v;
		if (v < WATCH_QPS && w->qp[v].told != TIMELINE_NO_BATCH) {
			e.batch = w->qp[v].told;
			e.last = w->qp[v].told_last;
			w->qp[v].told = TIMELINE_NO_BATCH;
		}
		timeline_add(w->t, &e);
	}
}

/* ----------------------------------------------------------------- cycles */

void timeline_watch_cycle(struct timeline_watch *w, struct timeline_time now,
			  const struct dut_watch *in)
{
	if (w->over)
		return;
	w->now = now;
	watch_inside(w, in);
	if (w->t->cfg.cycles && now.cycle > w->t->cfg.last)
		over(w);
	if (w->over_ns && (now.ns >= w->over_ns || !interrupt_due(w)))
		over(w);
}

/* ----------------------------------------------------------- open, close */

int timeline_watch_open(struct timeline *t, unsigned int ns_per_cycle,
			struct timeline_watch **out)
{
	struct timeline_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->t = t;
	w->ns_per_cycle = ns_per_cycle;
	w->reads.size = sizeof(struct watch_read);
	w->appends.size = sizeof(struct watch_append);
	w->buckets = calloc(WATCH_BUCKETS, sizeof(*w->buckets));
	w->conns = calloc(WATCH_CONNECTIONS, sizeof(*w->conns));
	if (!w->buckets || !w->conns) {
		free(w->buckets);
		free(w->conns);
		free(w);
		return -ENOMEM;
	}
	for (uint32_t id = 0; id < WATCH_CONNECTIONS; id++)
		w->conns[id].pieces.size = sizeof(struct watch_piece);
	for (unsigned int q = 0; q < WATCH_QPS; q++) {
		struct watch_qp *qp = &w->qp[q];

		qp->bells.size = sizeof(struct watch_doorbell);
		qp->batches.size = sizeof(struct watch_batch *);
		qp->payloads.size = sizeof(struct watch_payload);
		qp->contexts.size = sizeof(struct watch_context);
		reset_qp(w, qp);
	}
	*out = w;
	return 0;
}

void timeline_watch_finish(struct timeline_watch *w, struct timeline_time now)
{
	w->now = now;
	reset(w);
	over(w);
}

void timeline_watch_close(struct timeline_watch *w)
{
	if (!w)
		return;
	timeline_watch_finish(w, w->now);
	for (uint32_t id = 0; id < WATCH_CONNECTIONS; id++)
		fifo_free(&w->conns[id].pieces);
	for (unsigned int q = 0; q < WATCH_QPS; q++)
		watch_qp_free(&w->qp[q]);
	fifo_free(&w->reads);
	fifo_free(&w->appends);
	free(w->conns);
	free(w->buckets);
	free(w);
}
