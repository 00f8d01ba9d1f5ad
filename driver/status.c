/* SPDX-License-Identifier: Apache-2.0 */
/* Status records: taking them, believing nothing, returning slots. */
#include "queue.h"

#include <errno.h>
#include <string.h>

#define SLOT_STRIDE FANTAIL_SLOT_BYTES

/* A head may move only over entries that were submitted. */
static int head_check(const struct fantail_sq *sq, uint32_t index,
		      uint32_t *head)
{
	uint32_t old = atomic_load_explicit(&sq->head, memory_order_relaxed);
	uint32_t step = (index - old) & FANTAIL_INDEX_MASK;

	if (step > atomic_load(&sq->rung) - old)
		return -EPROTO;
	*head = old + step;
	return 0;
}

static int slot_take(struct fantail_qp *qp, uint32_t slot, uint32_t offset,
		     uint32_t length)
{
	if (slot >= qp->slot_count || qp->slot_held[slot] || !length ||
	    offset + length > FANTAIL_SLOT_BYTES)
		return -EPROTO;
	qp->slot_held[slot] = 1;
	qp->slots_held++;
	return 0;
}

static int body_check(struct fantail_qp *qp, const union fantail_record *r)
{
	switch (r->type) {
	case FANTAIL_REC_BATCH:
		return r->batch.ring > 1 ? -EPROTO : 0;
	case FANTAIL_REC_DELIVERED:
		return r->delivered.ring > 1 ? -EPROTO : 0;
	case FANTAIL_REC_REFUSED:
		return r->refused.ring > 1 ? -EPROTO : 0;
	case FANTAIL_REC_CONN:
		return (r->conn.handle & FANTAIL_HANDLE_ID_MASK) >=
				       qp->dev->limits.connections
			       ? -EPROTO
			       : 0;
	case FANTAIL_REC_DATA:
		if ((r->data.handle & FANTAIL_HANDLE_ID_MASK) >=
		    qp->dev->limits.connections)
			return -EPROTO;
		return slot_take(qp, r->data.slot, r->data.offset,
				 r->data.length);
	case FANTAIL_REC_FRAME:
		return slot_take(qp, r->frame.slot, r->frame.offset,
				 r->frame.length);
	case FANTAIL_REC_SUMMARY:
	case FANTAIL_REC_HEAD:
		return 0;
	default:
		return -EPROTO;
	}
}

/* @r is our copy: what was checked cannot change any more. */
static int accept_record(struct fantail_qp *qp, const union fantail_record *r)
{
	struct fantail_sq *data = &qp->sq[FANTAIL_RING_DATA];
	struct fantail_sq *control = &qp->sq[FANTAIL_RING_CONTROL];
	uint32_t tail = r->head.tail;
	uint32_t data_head, control_head;

	if (head_check(data,
		       (tail & FANTAIL_TAIL_DATA_HEAD_MASK) >>
			       FANTAIL_TAIL_DATA_HEAD_SHIFT,
		       &data_head) ||
	    head_check(control,
		       (tail & FANTAIL_TAIL_CONTROL_HEAD_MASK) >>
			       FANTAIL_TAIL_CONTROL_HEAD_SHIFT,
		       &control_head) ||
	    body_check(qp, r))
		return -EPROTO;
	atomic_store_explicit(&data->head, data_head, memory_order_release);
	atomic_store_explicit(&control->head, control_head,
			      memory_order_release);
	return 0;
}

int fantail_qp_poll(struct fantail_qp *qp, union fantail_record *recs, int n)
{
	uint32_t consumed, untold;
	int i, rc;

	if (qp->dead)
		return qp->dead;
	for (i = 0; i < n && record_ready(qp); i++) {
		memcpy(&recs[i], status_next(qp), sizeof(recs[i]));
		if (accept_record(qp, &recs[i])) {
			qp->dead = -EPROTO;
			break;
		}
		consumed = atomic_load_explicit(&qp->consumed,
						memory_order_relaxed);
		atomic_store_explicit(&qp->consumed, consumed + 1,
				      memory_order_release);
	}
	if (qp->dead)
		return i ? i : qp->dead;

	/* Nothing may be submitted for long; the card needs the room. */
	untold = atomic_load(&qp->consumed) - atomic_load(&qp->told);
	if (untold >= 1u << (qp->status_log2 - 1)) {
		rc = fantail_doorbell_status(qp, false);
		if (rc && !i)
			return rc;
	}
	return i;
}

void *fantail_slot(const struct fantail_qp *qp, uint16_t slot)
{
	return (uint8_t *)qp->slot_mem.va + (size_t)slot * SLOT_STRIDE;
}

uint64_t fantail_slot_iova(const struct fantail_qp *qp, uint16_t slot)
{
	return qp->slot_mem.iova + (uint64_t)slot * SLOT_STRIDE;
}

unsigned int fantail_slot_count(const struct fantail_qp *qp)
{
	return qp->slot_count;
}

unsigned int fantail_slots_held(const struct fantail_qp *qp)
{
	return qp->slots_held;
}

/* All of @slots are held, and no slot stands there twice. */
static bool returnable(const struct fantail_qp *qp, const uint16_t *slots,
		       int n)
{
	int i, k;

	if (n < 1 || n > (int)FANTAIL_RETURN_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (slots[i] >= qp->slot_count || !qp->slot_held[slots[i]])
			return false;
		for (k = 0; k < i; k++)
			if (slots[k] == slots[i])
				return false;
	}
	return true;
}

int fantail_slots_return(struct fantail_qp *qp, const uint16_t *slots, int n)
{
	uint64_t words[3] = { 0 };
	struct fantail_entry *e;
	int i;

	if (!returnable(qp, slots, n))
		return -EINVAL;
	e = fantail_sq_get(qp, FANTAIL_RING_CONTROL);
	if (!e)
		return -EAGAIN;
	for (i = 0; i < n; i++) {
		words[i / 4] |= (uint64_t)slots[i] << (16 * (i % 4));
		qp->slot_held[slots[i]] = 0;
	}
	qp->slots_held -= (unsigned int)n;
	e->op = FANTAIL_OP_RECV_RETURN;
	e->len = (uint32_t)n;
	e->arg0 = words[0];
	e->arg1 = words[1];
	e->arg2 = words[2];
	return 0;
}
