/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the handle share: open.c, sim.c, real.c, stats.c. */
#ifndef FANTAIL_SIM_INTERNAL_H
#define FANTAIL_SIM_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "card.h"
#include "fantail_sim.h"

/*
 * Locks, taken in this order: lock, ring_lock or irq_lock.
 *
 * lock	     the card and everything it touches. In real time the model thread
 *	     holds it but while it sleeps, and gives way when waiters says so.
 * ring_lock the producers' side of the ring of register writes.
 * irq_lock  pending and the descriptors.
 */
struct fantail_sim {
	struct card card;
	uint64_t seed;
	unsigned int vectors;

	pthread_mutex_t lock;
	atomic_uint waiters;

	/* Register writes not yet given to the engine. */
	pthread_mutex_t ring_lock;
	struct card_write ring[CARD_MMIO_RING];
	atomic_uint ring_head; /* moved under lock */
	atomic_uint ring_tail; /* moved under ring_lock */

	pthread_mutex_t irq_lock;
	pthread_cond_t irq_cond; /* CLOCK_MONOTONIC */
	uint32_t pending;
	int irq_fd[FANTAIL_SIM_VECTORS];

	/* Real time only. */
	pthread_t thread;
	bool has_thread;
	atomic_bool stop;
	atomic_bool sleeping;
	atomic_int error; /* copy of the card's, without lock */
	int wake_fd;
};

/* Take the card away from the model thread. */
void sim_lock(struct fantail_sim *sim);
void sim_unlock(struct fantail_sim *sim);

/* Under lock: give the engine the next register write if it is free. */
void sim_feed(struct fantail_sim *sim);

/* Under lock: a register of BAR0. 0, -EREMOTEIO, or the sticky error. */
int sim_read_word(struct fantail_sim *sim, uint32_t offset, uint32_t *value);

/* real.c */
int sim_real_start(struct fantail_sim *sim);
void sim_real_stop(struct fantail_sim *sim);
void sim_real_wake(struct fantail_sim *sim);

#endif /* FANTAIL_SIM_INTERNAL_H */
