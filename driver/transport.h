/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the driver reaches a card: one constant struct of operations, picked
 * once by the scheme of the URI. The driver above it is the same for the
 * model in this process, a model in another one, and a card.
 *
 * All operations return 0 or -errno unless they say otherwise. The driver
 * calls dma_map, dma_unmap and irq_set_eventfd from one thread at a time;
 * registers, wait and now_us may be used from several threads at once.
 */
#ifndef FANTAIL_TRANSPORT_H
#define FANTAIL_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

struct fantail_dev_options;

/* What the card may do with mapped memory. */
#define FANTAIL_DMA_READ    0x1u
#define FANTAIL_DMA_WRITE   0x2u
/* A hint for metering: this memory holds payloads. */
#define FANTAIL_DMA_PAYLOAD 0x4u
/*
 * For queue pair @q alone; without, for every one. A transport that cannot
 * keep queue pairs apart lets all of them reach it.
 */
#define FANTAIL_DMA_QP(q)   (((unsigned int)(q) + 1) << 8)
#define FANTAIL_DMA_QP_MASK 0xf00u

struct fantail_transport_ops {
	/* First part of the URI, with the colon: "sim:". */
	const char *scheme;

	/*
	 * Attach. @rest is the URI behind the scheme. Writes *@state only
	 * on success. May block.
	 */
	int (*open)(const char *rest, const struct fantail_dev_options *opt,
		    void **state);
	/* Detach. Mapped memory is not touched after return. */
	void (*close)(void *state);

	/*
	 * One 32-bit access to BAR0 at byte @offset. Accesses reach the
	 * card in the order of the calls. A write is posted: every store to
	 * mapped memory that the caller ordered before it (release) is
	 * visible to the card first. A read waits for the answer, and what
	 * the card wrote to memory before the answer is visible on return.
	 */
	int (*reg_read32)(void *state, uint32_t offset, uint32_t *value);
	int (*reg_write32)(void *state, uint32_t offset, uint32_t value);

	/*
	 * Let the card reach @bytes at @va as @iova (FANTAIL_DMA_ @flags).
	 * They are @fd's from its start, for a card that is not in this
	 * process; the descriptor is closed after return.
	 */
	int (*dma_map)(void *state, void *va, int fd, uint64_t iova,
		       size_t bytes, unsigned int flags);
	/* Take it away; the card does not touch it after return. */
	int (*dma_unmap)(void *state, uint64_t iova, size_t bytes);

	/* Add 1 to eventfd @fd for each interrupt of @vector; -1: none. */
	int (*irq_set_eventfd)(void *state, unsigned int vector, int fd);

	/*
	 * Sleep until @vector has fired or @timeout_us (negative: no limit)
	 * of the card's time have passed; a vector that fired since the
	 * last wait ends it at once. @fd is the vector's eventfd: it may be
	 * read here or left as it is, but what ended one wait does not end the
	 * next. @vector FANTAIL_NO_VECTOR: only let time pass. This is where
	 * virtual time runs. Returns 1 fired, 0 timeout, -errno.
	 */
	int (*wait)(void *state, unsigned int vector, int fd,
		    int64_t timeout_us);

	/* The card's time as in TIME; NULL: the driver reads TIME. */
	uint64_t (*now_us)(void *state);
};

#define FANTAIL_NO_VECTOR (~0u)

extern const struct fantail_transport_ops fantail_transport_sim;
extern const struct fantail_transport_ops fantail_transport_vfio_user;
extern const struct fantail_transport_ops fantail_transport_vfio;

#endif /* FANTAIL_TRANSPORT_H */
