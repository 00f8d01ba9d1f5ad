/* SPDX-License-Identifier: Apache-2.0 */
/* The handle in use: registers, memory, interrupts, time. */
#include <errno.h>
#include <time.h>

#include "sim_internal.h"

#define BAR0_SIZE 0x10000u

void sim_lock(struct fantail_sim *sim)
{
	atomic_fetch_add(&sim->waiters, 1);
	if (sim->has_thread)
		sim_real_wake(sim);
	pthread_mutex_lock(&sim->lock);
	atomic_fetch_sub(&sim->waiters, 1);
}

void sim_unlock(struct fantail_sim *sim)
{
	pthread_mutex_unlock(&sim->lock);
}

/* Registers. */

void sim_feed(struct fantail_sim *sim)
{
	unsigned int head;

	if (sim->card.axil.state != AXIL_FREE)
		return;
	head = atomic_load(&sim->ring_head);
	if (head == atomic_load(&sim->ring_tail))
		return;
	card_axil_write(&sim->card, &sim->ring[head % CARD_MMIO_RING]);
	atomic_store(&sim->ring_head, head + 1);
}

/* Under lock: run until the engine took the writes before @tail. */
static int drain_ring(struct fantail_sim *sim, unsigned int tail)
{
	int rc = sim->card.error;

	while (!rc && ((int)(tail - atomic_load(&sim->ring_head)) > 0 ||
		       sim->card.axil.state != AXIL_FREE)) {
		sim_feed(sim);
		rc = card_cycle(&sim->card);
	}
	return rc;
}

/* Under lock: make visible what the engine has posted so far. */
static int flush_posted(struct fantail_sim *sim)
{
	struct pcie *pcie = &sim->card.pcie;
	uint32_t tail = pcie->w_tail;
	int rc = sim->card.error;

	/*
	 * Not those that wait for an answer to remote memory: who would give
	 * it may wait for us.
	 */
	while (!rc && (int32_t)(tail - pcie->w_head) > 0 &&
	       !pcie_write_blocked(pcie))
		rc = card_cycle(&sim->card);
	return rc;
}

int sim_read_word(struct fantail_sim *sim, uint32_t offset, uint32_t *value)
{
	struct card *card = &sim->card;
	int rc;

	rc = drain_ring(sim, atomic_load(&sim->ring_tail));
	if (rc)
		return rc;
	card_axil_read(card, offset);
	while (!rc && card->axil.state != AXIL_FREE)
		rc = card_cycle(card);
	if (!rc && card->axil.resp)
		return -EREMOTEIO;
	*value = card->axil.value;
	return rc ? rc : flush_posted(sim);
}

static bool bad_access(unsigned int bar, uint64_t offset, unsigned int size)
{
	return bar != 0 || (size != 1 && size != 2 && size != 4 && size != 8) ||
	       offset % size || offset > BAR0_SIZE - size;
}

int fantail_sim_bar_read(struct fantail_sim *sim, unsigned int bar,
			 uint64_t offset, unsigned int size, uint64_t *value)
{
	unsigned int shift = (unsigned int)(offset & 3) * 8;
	uint32_t low = 0, high = 0;
	int rc;

	if (bad_access(bar, offset, size))
		return -EINVAL;
	sim_lock(sim);
	/* whoever asks for the time shall not get that of the last sleep */
	if (sim->card.real)
		card_look_at_clock(&sim->card);
	rc = sim_read_word(sim, (uint32_t)offset & ~3u, &low);
	if (!rc && size == 8)
		rc = sim_read_word(sim, (uint32_t)offset + 4, &high);
	sim_unlock(sim);
	if (rc)
		return rc;
	*value = low | (uint64_t)high << 32;
	if (size < 4)
		*value = *value >> shift & ((1u << 8 * size) - 1);
	return 0;
}

/* Under ring_lock. The engine takes one write in a few cycles. */
static bool push_write(struct fantail_sim *sim, uint32_t offset, uint32_t value,
		       uint8_t strobe)
{
	unsigned int tail = atomic_load(&sim->ring_tail);

	if (tail - atomic_load(&sim->ring_head) >= CARD_MMIO_RING)
		return false;
	sim->ring[tail % CARD_MMIO_RING] = (struct card_write){
		.offset = offset,
		.value = value,
		.strobe = strobe,
	};
	atomic_store(&sim->ring_tail, tail + 1);
	return true;
}

static int write_word(struct fantail_sim *sim, uint32_t offset, uint32_t value,
		      uint8_t strobe)
{
	bool pushed;
	int rc;

	if (sim->card.real) {
		rc = atomic_load(&sim->error);
		if (rc)
			return rc;
		pthread_mutex_lock(&sim->ring_lock);
		pushed = push_write(sim, offset, value, strobe);
		pthread_mutex_unlock(&sim->ring_lock);
		if (pushed) {
			sim_real_wake(sim);
			return 0;
		}
	}
	/* Virtual time, or a full ring: run the model ourselves. */
	sim_lock(sim);
	rc = drain_ring(sim, atomic_load(&sim->ring_tail));
	if (!rc) {
		struct card_write w = { offset, value, strobe };

		card_axil_write(&sim->card, &w);
		while (!rc && sim->card.axil.state != AXIL_FREE)
			rc = card_cycle(&sim->card);
	}
	sim_unlock(sim);
	return rc;
}

int fantail_sim_bar_write(struct fantail_sim *sim, unsigned int bar,
			  uint64_t offset, unsigned int size, uint64_t value)
{
	unsigned int lane = (unsigned int)(offset & 3);
	uint32_t word = (uint32_t)offset & ~3u;
	int rc;

	if (bad_access(bar, offset, size))
		return -EINVAL;
	if (size < 4)
		return write_word(sim, word, (uint32_t)value << 8 * lane,
				  (uint8_t)(((1u << size) - 1) << lane));
	rc = write_word(sim, word, (uint32_t)value, 0xf);
	if (!rc && size == 8)
		rc = write_word(sim, word + 4, (uint32_t)(value >> 32), 0xf);
	return rc;
}

/* Memory. */

int fantail_sim_dma_map(struct fantail_sim *sim, uint64_t iova, void *ptr,
			size_t len, unsigned int flags)
{
	int rc;

	sim_lock(sim);
	rc = hostmem_map(&sim->card.mem, iova, ptr, len, flags);
	sim_unlock(sim);
	return rc;
}

int fantail_sim_dma_unmap(struct fantail_sim *sim, uint64_t iova, size_t len)
{
	int rc;

	sim_lock(sim);
	rc = hostmem_unmap(&sim->card.mem, iova, len);
	sim_unlock(sim);
	return rc;
}

int fantail_sim_dma_map_remote(struct fantail_sim *sim, uint64_t iova,
			       size_t len, unsigned int flags)
{
	int rc;

	sim_lock(sim);
	rc = hostmem_map_remote(&sim->card.mem, iova, len, flags);
	sim_unlock(sim);
	return rc;
}

void fantail_sim_set_remote(struct fantail_sim *sim,
			    const struct fantail_sim_remote *remote, void *ctx)
{
	sim_lock(sim);
	hostmem_set_remote(&sim->card.mem, remote, ctx);
	sim_unlock(sim);
}

void fantail_sim_remote_read_done(struct fantail_sim *sim, const void *data,
				  size_t len)
{
	sim_lock(sim);
	hostmem_answer(&sim->card.mem, data, len);
	sim_unlock(sim);
}

void fantail_sim_remote_write_done(struct fantail_sim *sim, uint64_t iova,
				   bool ok)
{
	struct card *card = &sim->card;

	sim_lock(sim);
	hostmem_written(&card->mem);
	if (!ok) {
		card->pcie.stats.write_faults++;
		card->pcie.stats.last_fault_iova = iova;
	}
	sim_unlock(sim);
}

void fantail_sim_set_bus_master(struct fantail_sim *sim, bool on)
{
	sim_lock(sim);
	sim->card.mem.off = !on;
	sim_unlock(sim);
}

/* Interrupts and time. */

int fantail_sim_set_irq_eventfd(struct fantail_sim *sim, unsigned int vector,
				int fd)
{
	if (vector >= sim->vectors || fd < -1)
		return -EINVAL;
	pthread_mutex_lock(&sim->irq_lock);
	sim->irq_fd[vector] = fd;
	pthread_mutex_unlock(&sim->irq_lock);
	return 0;
}

/* Under irq_lock: report and clear. */
static int take_pending(struct fantail_sim *sim, uint32_t vectors,
			uint32_t *fired)
{
	uint32_t hit = sim->pending & vectors;

	sim->pending &= ~hit;
	if (fired)
		*fired = hit;
	return __builtin_popcount(hit);
}

/* Under lock, virtual time. Nothing to do: jump. -EDEADLK: to nowhere. */
static int skip_idle(struct card *card, uint64_t end)
{
	uint64_t next = card_next_us(card);

	if (end < next)
		next = end;
	if (next == FANTAIL_SIM_NEVER)
		return -EDEADLK;
	if (next > card->now_us)
		card_jump(card, next);
	return 0;
}

static int wait_virtual(struct fantail_sim *sim, uint32_t vectors,
			int64_t timeout_us, uint32_t *fired)
{
	struct card *card = &sim->card;
	uint64_t end = FANTAIL_SIM_NEVER;
	int rc = 0, n;

	sim_lock(sim);
	if (timeout_us >= 0)
		end = card->now_us + (timeout_us ? (uint64_t)timeout_us : 1);
	card->stop = false;
	for (;;) {
		/* Only our own calls deliver: a plain look will do. */
		if (sim->pending & vectors || card->stop)
			break;
		rc = card->error;
		if (!rc && card->now_us >= end)
			break;
		if (!rc && card_idle(card))
			rc = skip_idle(card, end);
		if (!rc && card->now_us < end)
			rc = card_cycle(card);
		if (rc)
			break;
	}
	pthread_mutex_lock(&sim->irq_lock);
	n = take_pending(sim, vectors, fired);
	pthread_mutex_unlock(&sim->irq_lock);
	sim_unlock(sim);
	return n ? n : rc;
}

static struct timespec after(int64_t timeout_us)
{
	uint64_t ns = card_clock_ns() + (uint64_t)timeout_us * 1000;

	return (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};
}

static int wait_real(struct fantail_sim *sim, uint32_t vectors,
		     int64_t timeout_us, uint32_t *fired)
{
	/* A year is long enough, and its nanoseconds do not overflow. */
	const int64_t longest = INT64_C(365) * 24 * 3600 * 1000000;
	struct timespec end;
	int rc = 0, n;

	end = after(timeout_us < 0 || timeout_us > longest ? longest
							   : timeout_us);
	pthread_mutex_lock(&sim->irq_lock);
	while (!(sim->pending & vectors) && !atomic_load(&sim->error) && !rc)
		rc = pthread_cond_timedwait(&sim->irq_cond, &sim->irq_lock,
					    &end);
	n = take_pending(sim, vectors, fired);
	pthread_mutex_unlock(&sim->irq_lock);
	return n ? n : atomic_load(&sim->error);
}

int fantail_sim_wait(struct fantail_sim *sim, uint32_t vectors,
		     int64_t timeout_us, uint32_t *fired)
{
	if (sim->card.real)
		return wait_real(sim, vectors, timeout_us, fired);
	return wait_virtual(sim, vectors, timeout_us, fired);
}

int fantail_sim_run(struct fantail_sim *sim, uint64_t cycles)
{
	int rc = 0;

	if (sim->card.real)
		return -ENOTSUP;
	sim_lock(sim);
	while (!rc && cycles--)
		rc = card_cycle(&sim->card);
	sim_unlock(sim);
	return rc;
}

uint64_t fantail_sim_now_us(struct fantail_sim *sim)
{
	uint64_t now;

	if (sim->card.real)
		return (card_clock_ns() - sim->card.clock.start_ns) / 1000;
	sim_lock(sim);
	now = sim->card.now_us;
	sim_unlock(sim);
	return now;
}

uint64_t fantail_sim_cycles(struct fantail_sim *sim)
{
	uint64_t cycles;

	sim_lock(sim);
	cycles = sim->card.dut.cycle;
	sim_unlock(sim);
	return cycles;
}

unsigned int fantail_sim_vectors(struct fantail_sim *sim)
{
	return sim->vectors;
}

struct fantail_net *fantail_sim_net(struct fantail_sim *sim)
{
	return sim->card.net;
}

void fantail_sim_lock(struct fantail_sim *sim)
{
	struct card *card = &sim->card;

	sim_lock(sim);
	/* a card that slept, or jumped, has not told its network */
	if (card->real)
		card_look_at_clock(card);
	if (card->net)
		fantail_net_set_time(card->net, card->now_us);
}

void fantail_sim_unlock(struct fantail_sim *sim)
{
	sim->card.rx.look = true;
	sim_unlock(sim);
}
