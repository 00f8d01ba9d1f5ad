/* SPDX-License-Identifier: Apache-2.0 */
/* A queue pair as the driver's own files see it. */
#ifndef FANTAIL_QUEUE_H
#define FANTAIL_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "device.h"

/* Indices run freely in 15 bits on the card, in 32 bits here. */
#define FANTAIL_INDEX_MASK 0x7FFFu

/*
 *   head          rung           tail        head + size
 *    |  the card's  |  got, not    |    free     |
 *    |  to work on  |  submitted   |             |
 */
struct fantail_sq {
	struct fantail_entry *entries;
	uint32_t mask;
	uint32_t tail;	       /* the submitting thread's */
	_Atomic uint32_t rung; /* written under qp->lock */
	_Atomic uint32_t head; /* the polling thread's */
	struct fantail_mem mem;
};

struct fantail_qp {
	struct fantail_dev *dev;
	unsigned int index;
	uint32_t page;		 /* BAR0 offset of its page */
	int fd;			 /* eventfd of its vector */
	struct fantail_sq sq[2]; /* by enum fantail_ring */

	/* The polling thread's. */
	union fantail_record *records;
	uint32_t status_log2;
	_Atomic uint32_t consumed; /* records taken */
	int dead;		   /* -EPROTO once the card misbehaved */
	uint8_t *slot_held;	   /* slot is the caller's */
	unsigned int slots_held;
	unsigned int slot_count;

	/* One doorbell at a time. */
	pthread_mutex_t lock;
	_Atomic uint32_t told; /* consumed, as last doorbell said */
	_Atomic bool armed;
	_Atomic uint32_t armed_at; /* consumed, when it was armed */
	struct fantail_doorbells count;

	struct fantail_mem status_mem;
	struct fantail_mem slot_mem;
};

/* Tell the card what was consumed, optionally arm. 0 or -errno. */
int fantail_doorbell_status(struct fantail_qp *qp, bool arm);

/* The next one to take, if it is there. */
static inline const union fantail_record *
status_next(const struct fantail_qp *qp)
{
	uint32_t i = atomic_load_explicit(&qp->consumed, memory_order_relaxed);

	return &qp->records[i & ((1u << qp->status_log2) - 1)];
}

/*
 * It is. FANTAIL_TAIL_PHASE is 1 in the first pass over the ring. The record
 * is one write of the card, its tail word the last.
 */
static inline bool record_ready(const struct fantail_qp *qp)
{
	uint32_t i = atomic_load_explicit(&qp->consumed, memory_order_relaxed);
	uint32_t phase = ~(i >> qp->status_log2) & 1;
	uint32_t tail =
		__atomic_load_n(&status_next(qp)->head.tail, __ATOMIC_ACQUIRE);

	return tail >> FANTAIL_TAIL_PHASE_SHIFT == phase;
}

/* The card has passed all entries before it. */
static inline uint32_t sq_head(const struct fantail_sq *sq)
{
	return atomic_load_explicit(&sq->head, memory_order_acquire);
}

#endif /* FANTAIL_QUEUE_H */
