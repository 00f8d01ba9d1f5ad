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
	struct fantail_doorbells count;

	struct fantail_mem status_mem;
	struct fantail_mem slot_mem;
};

/* Tell the card what was consumed, optionally arm. 0 or -errno. */
int fantail_doorbell_status(struct fantail_qp *qp, bool arm);

/* 1: the next record is there (phase bit, acquire); else 0. */
int fantail_record_ready(const struct fantail_qp *qp);

#endif /* FANTAIL_QUEUE_H */
