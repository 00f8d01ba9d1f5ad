/* SPDX-License-Identifier: Apache-2.0 */
/* A queue pair's life: memory, registers in their order, event descriptor. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOT_COUNT_MIN 8u

/*
 * How long a queue pair may take to start, or to end with all of the card's
 * connections, in steps of card time.
 */
#define START_STEPS    1000
#define END_STEPS      100000
#define CHANGE_STEP_US 10

void fantail_qp_options_init(struct fantail_qp_options *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->data_log2 = 10;
	opt->control_log2 = 10;
	opt->status_log2 = 12;
	opt->slot_count = 1024;
	opt->mod_count = 64;
	opt->mod_us = FANTAIL_MOD_US_DEFAULT;
}

static int merge_options(struct fantail_qp_options *o,
			 const struct fantail_qp_options *given)
{
	fantail_qp_options_init(o);
	if (!given)
		return 0;
	if (given->data_log2)
		o->data_log2 = given->data_log2;
	if (given->control_log2)
		o->control_log2 = given->control_log2;
	if (given->status_log2)
		o->status_log2 = given->status_log2;
	if (given->slot_count)
		o->slot_count = given->slot_count;
	if (given->mod_count)
		o->mod_count = given->mod_count;
	if (given->mod_us)
		o->mod_us = given->mod_us;
	o->urgent = given->urgent;
	o->summary_only = given->summary_only;
	o->local_ip = given->local_ip;
	if (o->data_log2 < FANTAIL_RING_LOG2_MIN ||
	    o->data_log2 > FANTAIL_RING_LOG2_MAX ||
	    o->control_log2 < FANTAIL_RING_LOG2_MIN ||
	    o->control_log2 > FANTAIL_RING_LOG2_MAX ||
	    o->status_log2 < FANTAIL_RING_LOG2_MIN ||
	    o->status_log2 > FANTAIL_RING_LOG2_MAX ||
	    o->slot_count < SLOT_COUNT_MIN ||
	    o->slot_count > FANTAIL_SLOT_COUNT_MAX || o->mod_count > 65535)
		return -EINVAL;
	return 0;
}

static int alloc_memory(struct fantail_qp *qp,
			const struct fantail_qp_options *o)
{
	struct fantail_sq *data = &qp->sq[FANTAIL_RING_DATA];
	struct fantail_sq *control = &qp->sq[FANTAIL_RING_CONTROL];
	const unsigned int own = FANTAIL_DMA_QP(qp->index);
	int rc;

	rc = fantail_dma_alloc(qp->dev,
			       (size_t)FANTAIL_ENTRY_BYTES << o->data_log2,
			       FANTAIL_DMA_READ | own, &data->mem);
	if (rc)
		return rc;
	rc = fantail_dma_alloc(qp->dev,
			       (size_t)FANTAIL_ENTRY_BYTES << o->control_log2,
			       FANTAIL_DMA_READ | own, &control->mem);
	if (rc)
		return rc;
	rc = fantail_dma_alloc(qp->dev,
			       (size_t)FANTAIL_RECORD_BYTES << o->status_log2,
			       FANTAIL_DMA_WRITE | own, &qp->status_mem);
	if (rc)
		return rc;
	/* Readable too: a received frame may be injected where it lies. */
	rc = fantail_dma_alloc(
		qp->dev, (size_t)FANTAIL_SLOT_BYTES * o->slot_count,
		FANTAIL_DMA_READ | FANTAIL_DMA_WRITE | own, &qp->slot_mem);
	if (rc)
		return rc;
	qp->slot_held = calloc(o->slot_count, 1);
	if (!qp->slot_held)
		return -ENOMEM;

	data->entries = data->mem.va;
	data->mask = (1u << o->data_log2) - 1;
	control->entries = control->mem.va;
	control->mask = (1u << o->control_log2) - 1;
	qp->records = qp->status_mem.va;
	qp->status_log2 = o->status_log2;
	qp->slot_count = o->slot_count;
	return 0;
}

static void free_memory(struct fantail_qp *qp)
{
	fantail_dma_free(qp->dev, &qp->sq[FANTAIL_RING_DATA].mem);
	fantail_dma_free(qp->dev, &qp->sq[FANTAIL_RING_CONTROL].mem);
	fantail_dma_free(qp->dev, &qp->status_mem);
	fantail_dma_free(qp->dev, &qp->slot_mem);
	free(qp->slot_held);
}

/* Frames that come before QP_STATUS.RUNNING find no slot. */
static int wait_running(struct fantail_qp *qp)
{
	const struct fantail_transport_ops *ops = qp->dev->ops;
	void *state = qp->dev->state;
	uint32_t status;
	int i, rc;

	for (i = 0; i < START_STEPS; i++) {
		rc = ops->reg_read32(state, qp->page + FANTAIL_QP_QP_STATUS,
				     &status);
		if (rc)
			return rc;
		if (status & FANTAIL_QP_STATUS_HALTED_MASK)
			return -EIO;
		if (status & FANTAIL_QP_STATUS_RUNNING_MASK)
			return 0;
		rc = ops->wait(state, FANTAIL_NO_VECTOR, -1, CHANGE_STEP_US);
		if (rc < 0)
			return rc;
	}
	return -ETIMEDOUT;
}

static uint32_t control_word(const struct fantail_qp_options *o)
{
	return FANTAIL_QP_CTRL_ENABLE_MASK |
	       (o->urgent ? FANTAIL_QP_CTRL_URGENT_MASK : 0) |
	       (o->summary_only ? FANTAIL_QP_CTRL_SUMMARY_ONLY_MASK : 0);
}

/* Bases and sizes are taken when QP_CTRL.ENABLE rises, so it comes last. */
static int program(struct fantail_qp *qp, const struct fantail_qp_options *o)
{
	const uint64_t data = qp->sq[FANTAIL_RING_DATA].mem.iova;
	const uint64_t control = qp->sq[FANTAIL_RING_CONTROL].mem.iova;
	const struct {
		uint32_t offset;
		uint64_t value;
	} regs[] = {
		{ FANTAIL_QP_DATA_BASE, (uint32_t)data },
		{ FANTAIL_QP_DATA_BASE_HI, data >> 32 },
		{ FANTAIL_QP_CONTROL_BASE, (uint32_t)control },
		{ FANTAIL_QP_CONTROL_BASE_HI, control >> 32 },
		{ FANTAIL_QP_STATUS_BASE, (uint32_t)qp->status_mem.iova },
		{ FANTAIL_QP_STATUS_BASE_HI, qp->status_mem.iova >> 32 },
		{ FANTAIL_QP_SLOT_BASE, (uint32_t)qp->slot_mem.iova },
		{ FANTAIL_QP_SLOT_BASE_HI, qp->slot_mem.iova >> 32 },
		{ FANTAIL_QP_DATA_LOG2, o->data_log2 },
		{ FANTAIL_QP_CONTROL_LOG2, o->control_log2 },
		{ FANTAIL_QP_STATUS_LOG2, o->status_log2 },
		{ FANTAIL_QP_SLOT_COUNT, o->slot_count },
		{ FANTAIL_QP_MOD_COUNT, o->mod_count },
		{ FANTAIL_QP_MOD_US, o->mod_us },
		{ FANTAIL_QP_LOCAL_IP, o->local_ip },
		{ FANTAIL_QP_QP_CTRL, control_word(o) },
	};
	size_t i;
	int rc;

	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		rc = qp->dev->ops->reg_write32(qp->dev->state,
					       qp->page + regs[i].offset,
					       (uint32_t)regs[i].value);
		if (rc)
			return rc;
	}
	return wait_running(qp);
}

/*
 * Until QP_STATUS.CLOSING falls, its memory may still be reached and its
 * connections are being aborted.
 */
static void disable(struct fantail_qp *qp)
{
	const struct fantail_transport_ops *ops = qp->dev->ops;
	void *state = qp->dev->state;
	uint32_t status;
	int i;

	if (ops->reg_write32(state, qp->page + FANTAIL_QP_QP_CTRL, 0))
		return;
	for (i = 0; i < END_STEPS; i++) {
		if (ops->reg_read32(state, qp->page + FANTAIL_QP_QP_STATUS,
				    &status) ||
		    !(status & FANTAIL_QP_STATUS_CLOSING_MASK))
			return;
		if (ops->wait(state, FANTAIL_NO_VECTOR, -1, CHANGE_STEP_US) < 0)
			return;
	}
}

int fantail_qp_open(struct fantail_dev *dev, unsigned int index,
		    const struct fantail_qp_options *opt,
		    struct fantail_qp **out)
{
	struct fantail_qp_options o;
	struct fantail_qp *qp;
	int rc;

	if (index >= dev->limits.queue_pairs || merge_options(&o, opt))
		return -EINVAL;
	if (dev->qp_open[index])
		return -EBUSY;
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return -ENOMEM;
	qp->dev = dev;
	qp->index = index;
	qp->page = (1 + index) * FANTAIL_PAGE_BYTES;
	pthread_mutex_init(&qp->lock, NULL);
	rc = alloc_memory(qp, &o);
	if (rc)
		goto err_memory;
	qp->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (qp->fd < 0) {
		rc = -errno;
		goto err_memory;
	}
	rc = dev->ops->irq_set_eventfd(dev->state, index, qp->fd);
	if (rc)
		goto err_fd;
	rc = program(qp, &o);
	if (rc)
		goto err_irq;
	dev->qp_open[index] = true;
	*out = qp;
	return 0;

err_irq:
	disable(qp);
	dev->ops->irq_set_eventfd(dev->state, index, -1);
err_fd:
	close(qp->fd);
err_memory:
	free_memory(qp);
	pthread_mutex_destroy(&qp->lock);
	free(qp);
	return rc;
}

void fantail_qp_close(struct fantail_qp *qp)
{
	if (!qp)
		return;
	disable(qp);
	qp->dev->ops->irq_set_eventfd(qp->dev->state, qp->index, -1);
	close(qp->fd);
	qp->dev->qp_open[qp->index] = false;
	free_memory(qp);
	pthread_mutex_destroy(&qp->lock);
	free(qp);
}
