/* SPDX-License-Identifier: Apache-2.0 */
/* A card: attach, identify, reset, limits, counters, time. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "why.h"

/*
 * Card time allowed for a reset, and the step in which we look. A card needs a
 * millisecond or two to clear the largest memories, its model in real time
 * needs seconds.
 */
#define RESET_LIMIT_US 10000000
#define RESET_STEP_US  100

static const struct fantail_transport_ops *const transports[] = {
	&fantail_transport_sim,
	&fantail_transport_vfio_user,
	&fantail_transport_vfio,
};

static const struct fantail_transport_ops *find_transport(const char *uri)
{
	size_t i;

	for (i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		const char *scheme = transports[i]->scheme;

		if (!strncmp(uri, scheme, strlen(scheme)))
			return transports[i];
	}
	return NULL;
}

int fantail_dev_read32(struct fantail_dev *dev, uint32_t offset,
		       uint32_t *value)
{
	if (offset & 3 || offset >= FANTAIL_PAGE_BYTES)
		return -EINVAL;
	return dev->ops->reg_read32(dev->state, offset, value);
}

int fantail_dev_write32(struct fantail_dev *dev, uint32_t offset,
			uint32_t value)
{
	if (offset & 3 || offset >= FANTAIL_PAGE_BYTES)
		return -EINVAL;
	return dev->ops->reg_write32(dev->state, offset, value);
}

int fantail_read64(struct fantail_dev *dev, uint32_t offset, uint64_t *value)
{
	uint32_t lo, hi;
	int rc;

	rc = dev->ops->reg_read32(dev->state, offset, &lo);
	if (rc)
		return rc;
	rc = dev->ops->reg_read32(dev->state, offset + 4, &hi);
	if (rc)
		return rc;
	*value = (uint64_t)hi << 32 | lo;
	return 0;
}

int fantail_dev_counter(struct fantail_dev *dev, uint32_t offset,
			uint64_t *value)
{
	if (offset & 7 || offset < FANTAIL_CNT_BASE ||
	    offset >= FANTAIL_CNT_BASE + 8 * FANTAIL_CNT_COUNT)
		return -EINVAL;
	return fantail_read64(dev, offset, value);
}

int fantail_dev_stages(struct fantail_dev *dev, struct fantail_stages *s)
{
	uint32_t offset = FANTAIL_CNT_STAGES;
	unsigned int i;
	int rc;

	rc = fantail_dev_counter(dev, FANTAIL_CNT_CYCLES, &s->cycles);
	for (i = 0; !rc && i < FANTAIL_STAGE_COUNT; i++, offset += 16) {
		rc = fantail_dev_counter(dev, offset, &s->busy[i]);
		if (!rc)
			rc = fantail_dev_counter(dev, offset + 8,
						 &s->blocked[i]);
	}
	return rc;
}

uint64_t fantail_dev_now_us(struct fantail_dev *dev)
{
	uint64_t now;

	if (dev->ops->now_us)
		return dev->ops->now_us(dev->state);
	if (!fantail_read64(dev, FANTAIL_REG_TIME, &now))
		dev->last_now_us = now;
	return dev->last_now_us;
}

const struct fantail_limits *fantail_dev_limits(const struct fantail_dev *dev)
{
	return &dev->limits;
}

static int identify(struct fantail_dev *dev)
{
	uint32_t id, version;
	int rc;

	rc = fantail_dev_read32(dev, FANTAIL_REG_ID, &id);
	if (rc)
		return rc;
	rc = fantail_dev_read32(dev, FANTAIL_REG_VERSION, &version);
	if (rc)
		return rc;
	if (id != FANTAIL_ID_VALUE || version >> 16 != FANTAIL_VERSION >> 16)
		return -ENODEV;
	return 0;
}

static int wait_ready(struct fantail_dev *dev)
{
	uint32_t status;
	int us, rc;

	for (us = 0; us < RESET_LIMIT_US; us += RESET_STEP_US) {
		rc = fantail_dev_read32(dev, FANTAIL_REG_STATUS, &status);
		if (rc)
			return rc;
		if (status & FANTAIL_STATUS_READY_MASK)
			return 0;
		rc = dev->ops->wait(dev->state, FANTAIL_NO_VECTOR, -1,
				    RESET_STEP_US);
		if (rc < 0)
			return rc;
	}
	return -ETIMEDOUT;
}

/* RESET drains DMA and clears everything; only then STATUS.READY. */
static int reset(struct fantail_dev *dev)
{
	int rc;

	rc = fantail_dev_write32(dev, FANTAIL_REG_RESET,
				 FANTAIL_RESET_START_MASK);
	return rc ? rc : wait_ready(dev);
}

static int read_limits(struct fantail_dev *dev)
{
	struct fantail_limits *l = &dev->limits;
	const struct {
		uint32_t offset;
		uint32_t *value;
	} regs[] = {
		{ FANTAIL_REG_LIMIT_CONNECTIONS, &l->connections },
		{ FANTAIL_REG_LIMIT_GROUPS, &l->groups },
		{ FANTAIL_REG_LIMIT_LOG_BYTES, &l->log_bytes },
		{ FANTAIL_REG_LIMIT_EXTENTS, &l->extents },
		{ FANTAIL_REG_LIMIT_QUEUE_PAIRS, &l->queue_pairs },
		{ FANTAIL_REG_LIMIT_PAYLOAD, &l->payload_bytes },
	};
	size_t i;
	int rc;

	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		rc = fantail_dev_read32(dev, regs[i].offset, regs[i].value);
		if (rc)
			return rc;
	}
	/* An id has 16 bits in a handle. */
	if (!l->connections || l->connections > 65536 || !l->groups ||
	    !l->payload_bytes || !l->queue_pairs ||
	    l->queue_pairs > FANTAIL_QP_MAX)
		return -ENODEV;
	return 0;
}

/* Before the first install: the flow table's key must not be guessable. */
static int write_hash_key(struct fantail_dev *dev, const uint8_t *given)
{
	uint8_t key[16];
	int i, rc;

	if (given)
		memcpy(key, given, sizeof(key));
	else if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	for (i = 0; i < 4; i++) {
		uint32_t word;

		memcpy(&word, key + 4 * i, sizeof(word));
		rc = fantail_dev_write32(dev, FANTAIL_REG_HASH_KEY0 + 4 * i,
					 word);
		if (rc)
			return rc;
	}
	return 0;
}

int fantail_dev_open(const char *uri, const struct fantail_dev_options *opt,
		     struct fantail_dev **out)
{
	static const struct fantail_dev_options defaults;
	const struct fantail_transport_ops *ops;
	struct fantail_dev *dev;
	int rc;

	fantail_why(0, "%s", "");
	if (!uri || !out)
		return -EINVAL;
	if (!opt)
		opt = &defaults;
	ops = find_transport(uri);
	if (!ops)
		return -EPROTONOSUPPORT;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->ops = ops;
	rc = ops->open(uri + strlen(ops->scheme), opt, &dev->state);
	if (rc)
		goto err_free;
	rc = identify(dev);
	if (!rc)
		rc = reset(dev);
	if (!rc)
		rc = read_limits(dev);
	if (!rc)
		rc = write_hash_key(dev, opt->hash_key);
	if (!rc)
		rc = fantail_dev_write32(dev, FANTAIL_REG_CTRL,
					 FANTAIL_CTRL_ENABLE_MASK);
	if (rc)
		goto err_close;
	*out = dev;
	return 0;

err_close:
	ops->close(dev->state);
err_free:
	free(dev);
	return rc;
}

void fantail_dev_close(struct fantail_dev *dev)
{
	if (!dev)
		return;
	/*
	 * Memory may be unmapped only when the card's bursts have drained,
	 * which the reset does. A card that no longer answers is detached
	 * all the same: unmapping makes its accesses fault.
	 */
	(void)fantail_dev_write32(dev, FANTAIL_REG_CTRL, 0);
	(void)reset(dev);
	while (dev->regions) {
		struct fantail_mem mem = dev->regions->mem;

		fantail_dma_free(dev, &mem);
	}
	dev->ops->close(dev->state);
	free(dev);
}
