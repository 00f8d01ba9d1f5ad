/* SPDX-License-Identifier: Apache-2.0 */
/* "sim:": the model in this process, through sim/fantail_sim.h. */
#include "transport.h"

#include <errno.h>
#include <unistd.h>

#include "fantail_driver.h"
#include "fantail_sim.h"

/* Traffic class under which the model meters payload memory. */
#define CLASS_PAYLOAD 1

static int sim_open(const char *rest, const struct fantail_dev_options *opt,
		    void **state)
{
	if (*rest || !opt->sim)
		return -EINVAL;
	*state = opt->sim;
	return 0;
}

/* The handle is the application's. */
static void sim_close(void *state)
{
	(void)state;
}

static int sim_read32(void *state, uint32_t offset, uint32_t *value)
{
	uint64_t wide;
	int rc;

	rc = fantail_sim_bar_read(state, 0, offset, 4, &wide);
	if (!rc)
		*value = (uint32_t)wide;
	return rc;
}

static int sim_write32(void *state, uint32_t offset, uint32_t value)
{
	return fantail_sim_bar_write(state, 0, offset, 4, value);
}

static int sim_dma_map(void *state, void *va, int fd, uint64_t iova,
		       size_t bytes, unsigned int flags)
{
	unsigned int f = 0;

	(void)fd;
	if (flags & FANTAIL_DMA_READ)
		f |= FANTAIL_SIM_DMA_READ;
	if (flags & FANTAIL_DMA_WRITE)
		f |= FANTAIL_SIM_DMA_WRITE;
	if (flags & FANTAIL_DMA_PAYLOAD)
		f |= FANTAIL_SIM_DMA_CLASS(CLASS_PAYLOAD);
	if (flags & FANTAIL_DMA_QP_MASK)
		f |= FANTAIL_SIM_DMA_QP((flags >> 8) - 1);
	return fantail_sim_dma_map(state, iova, va, bytes, f);
}

static int sim_dma_unmap(void *state, uint64_t iova, size_t bytes)
{
	return fantail_sim_dma_unmap(state, iova, bytes);
}

static int sim_irq(void *state, unsigned int vector, int fd)
{
	return fantail_sim_set_irq_eventfd(state, vector, fd);
}

static int sim_wait(void *state, unsigned int vector, int fd,
		    int64_t timeout_us)
{
	uint32_t mask = vector == FANTAIL_NO_VECTOR ? 0 : 1u << vector;
	uint64_t count;
	int rc;

	rc = fantail_sim_wait(state, mask, timeout_us, NULL);
	/* so that it does not end a sleep of the caller's own either */
	if (rc > 0 && read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return rc;
}

static uint64_t sim_now_us(void *state)
{
	return fantail_sim_now_us(state);
}

const struct fantail_transport_ops fantail_transport_sim = {
	.scheme = "sim:",
	.open = sim_open,
	.close = sim_close,
	.reg_read32 = sim_read32,
	.reg_write32 = sim_write32,
	.dma_map = sim_dma_map,
	.dma_unmap = sim_dma_unmap,
	.irq_set_eventfd = sim_irq,
	.wait = sim_wait,
	.now_us = sim_now_us,
};
