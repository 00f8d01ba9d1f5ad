/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizers: no */
/* Submission rings of every size: wraps, long batches, quick doorbells. */
#include <criterion/criterion.h>

#include "pair.h"

#define UNKNOWN_OP 99
#define MARKS	   8 /* payloads and refusals in a batch */

struct ring {
	struct pair *p;
	unsigned int h;
	enum fantail_ring ring;
	uint32_t handle, size;
	uint32_t index; /* free-running, of the next entry */
};

static struct fantail_qp *qp_of(const struct ring *r)
{
	return r->p->host[r->h].qp;
}

static bool is_data(const struct ring *r)
{
	return r->ring == FANTAIL_RING_DATA;
}

static int submit(struct ring *r)
{
	return is_data(r) ? fantail_qp_submit(qp_of(r))
			  : fantail_qp_submit_control(qp_of(r));
}

/* What is there goes when the ring is full, and its batch goes on. */
static struct fantail_entry *get(struct ring *r)
{
	struct fantail_entry *x;
	uint32_t k;

	for (k = 0; !(x = fantail_sq_get(qp_of(r), r->ring)); k++) {
		cr_assert_lt(k, 1000, "size %u: no entry comes back", r->size);
		cr_assert_geq(submit(r), 0);
		pair_for(r->p, 5);
	}
	r->index++;
	return x;
}

/* What the batch must lead to. */
struct want {
	uint32_t payloads, bytes, refused;
	uint32_t cookie[MARKS];
};

static void mark(struct ring *r, struct want *w, struct fantail_entry *x,
		 uint32_t n)
{
	uint32_t len;

	if (n % 2 || !is_data(r)) {
		x->op = UNKNOWN_OP;
		x->cookie = r->index - 1;
		w->cookie[w->refused++] = r->index - 1;
		return;
	}
	len = 1 + (r->index * 7 + n) % 60;
	x->op = FANTAIL_OP_PUBLISH;
	x->target = r->handle;
	x->addr = pair_bytes(r->p, r->h, len, pair_letter(r->h));
	x->len = len;
	w->payloads++;
	w->bytes += len;
}

static const struct fantail_rec_batch *batch_of(const struct ring *r)
{
	const struct pair_host *host = &r->p->host[r->h];
	uint32_t i;

	for (i = 0; i < host->recs; i++)
		if (host->rec[i].type == FANTAIL_REC_BATCH)
			return &host->rec[i].batch;
	return NULL;
}

/* Each refusal names its entry, and comes before the BATCH record. */
static void check_refusals(const struct ring *r, const struct want *w)
{
	const struct pair_host *host = &r->p->host[r->h];
	uint32_t i, n = 0;

	for (i = 0; i < host->recs; i++) {
		const struct fantail_rec_refused *f = &host->rec[i].refused;

		if (f->type == FANTAIL_REC_BATCH)
			break;
		if (f->type != FANTAIL_REC_REFUSED)
			continue;
		cr_assert_lt(n, w->refused);
		cr_assert_eq(f->code, FANTAIL_REFUSE_UNKNOWN_OP);
		cr_assert_eq(f->ring, r->ring);
		cr_assert_eq(f->cookie_lo, w->cookie[n]);
		cr_assert_eq(f->index & 0x7FFF, w->cookie[n] & 0x7FFF,
			     "size %u: entry %u told as %u", r->size,
			     w->cookie[n], f->index);
		n++;
	}
	cr_assert_eq(n, w->refused);
}

static void one_batch(struct ring *r, uint32_t entries)
{
	uint32_t every = (entries + MARKS - 1) / MARKS, id, i, k;
	const struct fantail_rec_batch *b;
	struct want w = { 0 };
	struct fantail_entry *x;
	uint64_t bytes;

	id = r->handle & 0xFFFF;
	bytes = r->p->bytes[id];
	pair_forget(r->p);
	for (i = 0; i < entries; i++) {
		x = get(r);
		x->op = FANTAIL_OP_NOP;
		if (i % every == every - 1)
			mark(r, &w, x, i / every);
		if (i == entries - 1)
			x->flags = FANTAIL_FLAG_LAST;
	}
	cr_assert_gt(submit(r), 0);
	for (k = 0; !(b = batch_of(r)); k++) {
		cr_assert_lt(k, 1000, "size %u: no BATCH", r->size);
		pair_for(r->p, 20);
	}
	cr_assert_eq(b->ring, r->ring);
	cr_assert_eq(b->entries, entries < 65535 ? entries : 65535,
		     "size %u: %u of %u", r->size, b->entries, entries);
	cr_assert_eq(b->payloads, w.payloads);
	cr_assert_eq(b->reached, w.payloads);
	cr_assert_eq(b->bytes, w.bytes);
	cr_assert_eq(b->refused, w.refused);
	check_refusals(r, &w);
	if (w.payloads)
		pair_for(r->p, 50);
	cr_assert_eq(r->p->bytes[id], bytes + w.bytes, "size %u", r->size);
	cr_assert_eq(pair_read(r->p, r->h,
			       is_data(r) ? FANTAIL_QP_DATA_HEAD
					  : FANTAIL_QP_CONTROL_HEAD),
		     r->index & 0x7FFF);
	cr_assert_eq(fantail_sq_space(qp_of(r), r->ring), r->size);
}

/* Batches of one, of nearly a ring, of a ring, of more: several passes. */
static void every_length(struct ring *r)
{
	const uint32_t n = r->size;
	const uint32_t lengths[] = { 1,
				     n - 1,
				     n,
				     n + 1,
				     3,
				     n / 2,
				     n + 7,
				     n > 4096 ? 1 : 3 * n,
				     n > 64 ? 1 : 10 * n };
	uint32_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		one_batch(r, lengths[i]);
}

static struct ring open_ring(struct pair *p, unsigned int h,
			     enum fantail_ring ring, uint32_t handle)
{
	struct ring r = { .p = p, .h = h, .ring = ring, .handle = handle };

	r.size = fantail_sq_size(qp_of(&r), ring);
	r.index = fantail_sq_tail(qp_of(&r), ring);
	return r;
}

/* On one queue pair DATA grows and CONTROL shrinks, on the other one not. */
static void every_size(unsigned int first, unsigned int last)
{
	const unsigned int ends = FANTAIL_RING_LOG2_MIN + FANTAIL_RING_LOG2_MAX;
	struct fantail_qp_options o = { .slot_count = 8, .mod_count = 1 };
	struct pair *p = NULL;
	unsigned int log2, h;

	for (log2 = first; log2 <= last; log2++) {
		for (h = 0; h < 2; h++) {
			o.data_log2 = h ? ends - log2 : log2;
			o.control_log2 = h ? log2 : ends - log2;
			if (!p)
				p = pair_open(&o);
			pair_close_host(p, h);
			pair_open_host(p, h, &o);
		}
		for (h = 0; h < 2; h++) {
			uint32_t handle = pair_install(p, h, h, log2);
			struct ring r = open_ring(p, h,
						  h ? FANTAIL_RING_CONTROL
						    : FANTAIL_RING_DATA,
						  handle);

			cr_assert_eq(r.size, 1u << log2);
			every_length(&r);
		}
	}
	pair_close(p);
}

Test(submission, every_size_to_256)
{
	every_size(FANTAIL_RING_LOG2_MIN, 8);
}

Test(submission, every_size_to_8192)
{
	every_size(9, 13);
}

/* The indices wrap as well, in the middle of the second batch and the third. */
Test(submission, the_largest)
{
	every_size(FANTAIL_RING_LOG2_MAX, FANTAIL_RING_LOG2_MAX);
}

/* Free-running indices of 15 bits pass their end twice, in one batch. */
Test(submission, more_entries_than_can_be_counted)
{
	const struct fantail_qp_options o = { .data_log2 = 8,
					      .control_log2 = 8,
					      .slot_count = 8,
					      .mod_count = 1 };
	struct pair *p = pair_open(&o);
	struct ring r;

	r = open_ring(p, 0, FANTAIL_RING_DATA, pair_install(p, 0, 0, 1));
	one_batch(&r, 70000);
	one_batch(&r, 100);
	r = open_ring(p, 1, FANTAIL_RING_CONTROL, pair_install(p, 1, 1, 1));
	one_batch(&r, 70000);
	one_batch(&r, 100);
	pair_close(p);
}

/* -------------------------------------------------------- quick doorbells */

static const struct fantail_qp_options small = {
	.data_log2 = 6,
	.control_log2 = 6,
	.status_log2 = 8,
	.slot_count = 8,
	.mod_count = 1,
};

/* One doorbell for each entry, and no time between them. */
Test(submission, a_doorbell_behind_the_other)
{
	struct pair *p = pair_open(&small);
	struct fantail_entry *x;
	uint32_t handle[2], i, k;
	unsigned int h;

	for (h = 0; h < 2; h++)
		handle[h] = pair_install(p, h, h, 1);
	for (k = 0; k < 20; k++) {
		pair_forget(p);
		for (i = 0; i < 4 * k; i++) {
			h = i & 1;
			x = pair_get(p, h,
				     i & 2 ? FANTAIL_RING_CONTROL
					   : FANTAIL_RING_DATA,
				     FANTAIL_OP_NOP, 0);
			if (i & 2) {
				cr_assert_eq(fantail_qp_submit_control(
						     p->host[h].qp),
					     1);
				continue;
			}
			x->op = FANTAIL_OP_PUBLISH;
			x->target = handle[h];
			x->addr = pair_bytes(p, h, 50, pair_letter(h));
			x->len = 50;
			cr_assert_eq(fantail_qp_submit(p->host[h].qp), 1);
		}
		pair_for(p, 300);
		for (h = 0; h < 2; h++)
			cr_assert_eq(pair_count(p, h, FANTAIL_REC_BATCH),
				     2 * k);
	}
	pair_for(p, 1000);
	/* 50 bytes for each of 0 + 1 + ... + 19 */
	cr_assert_eq(p->bytes[0], 190 * 50);
	cr_assert_eq(p->bytes[1], 190 * 50);
	pair_close(p);
}

static uint64_t interrupts(struct pair *p, unsigned int h)
{
	uint64_t value;

	cr_assert_eq(fantail_qp_counter(p->host[h].qp, FANTAIL_QPCNT_INTERRUPTS,
					&value),
		     0);
	return value;
}

/* A doorbell of host 0 by hand: @ring, arm or not, records returned. */
static void ring_by_hand(struct pair *p, enum fantail_ring ring, uint32_t tail,
			 uint32_t status, bool arm)
{
	pair_write(p, 0,
		   ring == FANTAIL_RING_DATA ? FANTAIL_QP_DOORBELL_DATA
					     : FANTAIL_QP_DOORBELL_CONTROL,
		   (arm ? FANTAIL_DOORBELL_DATA_ARM_MASK : 0) |
			   status << FANTAIL_DOORBELL_DATA_STATUS_HEAD_SHIFT |
			   tail);
}

/*
 * The first arms, the one behind it does not: still armed, whichever rings
 * they are of, whether the second returns records or not.
 */
Test(submission, arm_holds_between_two_doorbells)
{
	struct fantail_qp_options slow = small;
	uint32_t tail[2] = { 0, 0 }, seen, status, k;
	struct pair *p;
	uint64_t before;

	/* the interrupt cannot fire between the two */
	slow.mod_us = 1000;
	slow.mod_count = 64;
	p = pair_open(&slow);
	p->host[0].blind = true;
	/* pair_open() has armed; a record and its interrupt use that up */
	pair_get(p, 0, FANTAIL_RING_DATA, FANTAIL_OP_NOP, 0);
	ring_by_hand(p, FANTAIL_RING_DATA, ++tail[0], 0, false);
	pair_for(p, 3000);
	before = interrupts(p, 0);
	cr_assert_eq(before, 1);
	for (k = 0; k < 8; k++) {
		enum fantail_ring first = k & 1, second = k >> 1 & 1;

		seen = pair_read(p, 0, FANTAIL_QP_STATUS_TAIL);
		if (k & 4) {
			pair_get(p, 0, first, FANTAIL_OP_NOP, 0);
			ring_by_hand(p, first, ++tail[first], seen, false);
			pair_for(p, 20);
		}
		status = pair_read(p, 0, FANTAIL_QP_STATUS_TAIL);
		cr_assert_eq(status, seen + (k >> 2));
		pair_get(p, 0, second, FANTAIL_OP_NOP, 0);
		ring_by_hand(p, first, tail[first], seen, true);
		ring_by_hand(p, second, ++tail[second], status, false);
		pair_for(p, 500);
		cr_assert_eq(interrupts(p, 0), before, "moderated");
		pair_for(p, 3000);
		cr_assert_eq(interrupts(p, 0), ++before, "case %u", k);
		/* once, and only once */
		pair_get(p, 0, second, FANTAIL_OP_NOP, 0);
		ring_by_hand(p, second, ++tail[second], status + 1, false);
		pair_for(p, 3000);
		cr_assert_eq(interrupts(p, 0), before, "case %u", k);
	}
	pair_close(p);
}
