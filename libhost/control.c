/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CONTROL ring: scratch memory of its entries, frames to send, receive
 * slots on their way back.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

int control_init(struct fantail *f)
{
	unsigned int entries = fantail_sq_size(f->qp, FANTAIL_RING_CONTROL);
	unsigned int slots = fantail_slot_count(f->qp);
	struct control *c = &f->control;

	c->back = calloc(slots, sizeof(*c->back));
	f->app_slot = calloc(slots, 1);
	if (!c->back || !f->app_slot)
		return -ENOMEM;
	return fantail_dma_alloc(f->dev, (size_t)entries * SCRATCH_BYTES,
				 FANTAIL_DMA_READ |
					 FANTAIL_DMA_QP(f->opt.qp_index),
				 &c->scratch);
}

void control_free(struct fantail *f)
{
	fantail_dma_free(f->dev, &f->control.scratch);
	free(f->control.back);
	free(f->app_slot);
}

/*
 * Entries left for frames: an eighth of the ring is kept for aborts and
 * returned slots, whatever the peers send.
 */
unsigned int control_space(const struct fantail *f)
{
	unsigned int keep = fantail_sq_size(f->qp, FANTAIL_RING_CONTROL) / 8;
	unsigned int space = fantail_sq_space(f->qp, FANTAIL_RING_CONTROL);

	return space > keep ? space - keep : 0;
}

static uint64_t scratch_offset(const struct fantail *f, uint32_t index)
{
	uint32_t mask = fantail_sq_size(f->qp, FANTAIL_RING_CONTROL) - 1;

	return (uint64_t)(index & mask) * SCRATCH_BYTES;
}

/* @scratch, if not NULL, is the entry's memory; addr then points to it. */
struct fantail_entry *control_get(struct fantail *f, void **scratch)
{
	uint32_t i = fantail_sq_tail(f->qp, FANTAIL_RING_CONTROL);
	struct fantail_entry *e;

	e = fantail_sq_get(f->qp, FANTAIL_RING_CONTROL);
	if (e)
		f->control.waits = true;
	if (e && scratch) {
		uint64_t offset = scratch_offset(f, i);

		*scratch = (uint8_t *)f->control.scratch.va + offset;
		e->addr = f->control.scratch.iova + offset;
	}
	return e;
}

void control_frame(struct fantail *f, struct fantail_entry *e, size_t len)
{
	e->op = FANTAIL_OP_FRAME_TX;
	e->len = (uint32_t)len;
	e->cookie = (uint64_t)COOKIE_OTHER << 32;
	f->stats.frames_sent++;
}

/*
 * FRAME_TX or FRAME_INJECT of the first @len bytes of a receive slot. The
 * slot goes back by a later entry of this ring, and so not before the card is
 * through with this one.
 */
int control_frame_from_slot(struct fantail *f, uint8_t op, uint16_t slot,
			    uint32_t len)
{
	struct fantail_entry *e;

	e = control_space(f) ? control_get(f, NULL) : NULL;
	if (!e) {
		f->stats.frames_unsent++;
		return -EAGAIN;
	}
	e->op = op;
	e->addr = fantail_slot_iova(f->qp, slot);
	e->len = len;
	e->cookie = (uint64_t)COOKIE_OTHER << 32;
	return 0;
}

void control_return_slot(struct fantail *f, uint16_t slot)
{
	f->control.back[f->control.back_count++] = slot;
}

/* Give slots back: whole entries, or all there are. */
static void return_slots(struct fantail *f, bool all)
{
	unsigned int enough = fantail_slot_count(f->qp) / 4;
	struct control *c = &f->control;

	if (enough > FANTAIL_RETURN_MAX)
		enough = FANTAIL_RETURN_MAX;
	while (c->back_count && (all || c->back_count >= enough)) {
		unsigned int n = c->back_count;

		if (n > FANTAIL_RETURN_MAX)
			n = FANTAIL_RETURN_MAX;
		if (fantail_slots_return(f->qp, c->back + c->back_count - n,
					 (int)n))
			break;
		c->back_count -= n;
		c->waits = true;
	}
}

/* The rest of a poll: at most one CONTROL doorbell for all it gathered. */
int control_run(struct fantail *f, bool all)
{
	int rc;

	return_slots(f, all);
	rc = fantail_qp_submit_control(f->qp);
	if (rc < 0)
		return rc;
	f->control.waits = false;
	return 0;
}

int fantail_collect(struct fantail *f)
{
	struct fantail_entry *e = control_get(f, NULL);

	if (!e)
		return -EAGAIN;
	e->op = FANTAIL_OP_NOP;
	e->flags = FANTAIL_FLAG_COLLECT;
	e->cookie = (uint64_t)COOKIE_OTHER << 32;
	return control_run(f, false);
}
