/* SPDX-License-Identifier: Apache-2.0 */
/* Real time: the thread that runs a card and sleeps while it is idle. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sim_internal.h"

#define POLL_EVERY_US 200u /* looks at the network's descriptors */
#define SLEEP_MIN_US  20u  /* shorter ones are not worth a system call */

void sim_real_wake(struct fantail_sim *sim)
{
	uint64_t one = 1;

	if (!atomic_load(&sim->sleeping))
		return;
	/* Full means it is readable already: that is all we want. */
	while (write(sim->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static bool ring_empty(struct fantail_sim *sim)
{
	return atomic_load(&sim->ring_head) == atomic_load(&sim->ring_tail);
}

static void sleep_on_wake_fd(struct fantail_sim *sim, uint64_t us)
{
	struct pollfd pfd = { .fd = sim->wake_fd, .events = POLLIN };
	struct timespec ts = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	ppoll(&pfd, 1, us == FANTAIL_SIM_NEVER ? NULL : &ts, NULL);
}

static int whole_ms(uint64_t us)
{
	if (us == FANTAIL_SIM_NEVER)
		return -1;
	return us / 1000 > INT_MAX ? INT_MAX : (int)(us / 1000);
}

/*
 * The card is idle until @next. Entered and left with the lock held. Whoever
 * gives the card work raises it first and then looks at sleeping; we do it
 * the other way round, so that one of the two sees the other.
 */
static void sleep_until(struct fantail_sim *sim, uint64_t next)
{
	struct card *card = &sim->card;
	bool external = card->net && fantail_net_is_external(card->net);
	uint64_t us, count;

	us = next == FANTAIL_SIM_NEVER ? next : next - card->now_us;
	if (external && whole_ms(us) == 0)
		return;
	atomic_store(&sim->sleeping, true);
	if (!ring_empty(sim) || atomic_load(&sim->waiters) ||
	    atomic_load(&sim->stop))
		goto awake;
	if (external) {
		/* Nobody else may use the network: keep the lock. */
		fantail_net_poll(card->net, card->now_us, whole_ms(us),
				 sim->wake_fd);
	} else {
		pthread_mutex_unlock(&sim->lock);
		sleep_on_wake_fd(sim, us);
		pthread_mutex_lock(&sim->lock);
	}
	while (read(sim->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
awake:
	atomic_store(&sim->sleeping, false);
	card_look_at_clock(card);
	card->rx.look = true;
}

static void give_way(struct fantail_sim *sim)
{
	pthread_mutex_unlock(&sim->lock);
	while (atomic_load(&sim->waiters) && !atomic_load(&sim->stop))
		sched_yield();
	pthread_mutex_lock(&sim->lock);
}

static void poll_network(struct fantail_sim *sim, uint64_t *due)
{
	struct card *card = &sim->card;

	if (!card->net || card->now_us < *due)
		return;
	*due = card->now_us + POLL_EVERY_US;
	if (fantail_net_is_external(card->net)) {
		fantail_net_poll(card->net, card->now_us, 0, -1);
		card->rx.look = true;
	}
}

static void *model_thread(void *arg)
{
	struct fantail_sim *sim = arg;
	struct card *card = &sim->card;
	uint64_t due = 0, next;
	int rc = 0;

	pthread_mutex_lock(&sim->lock);
	while (!rc && !atomic_load(&sim->stop)) {
		if (atomic_load(&sim->waiters))
			give_way(sim);
		poll_network(sim, &due);
		sim_feed(sim);
		rc = card_cycle(card);
		if (!card_idle(card))
			continue;
		next = card_next_us(card);
		if (next > card->now_us && next - card->now_us > SLEEP_MIN_US)
			sleep_until(sim, next);
	}
	pthread_mutex_unlock(&sim->lock);
	atomic_store(&sim->error, card->error);
	/* Wake those who wait for an interrupt that will not come. */
	pthread_mutex_lock(&sim->irq_lock);
	pthread_cond_broadcast(&sim->irq_cond);
	pthread_mutex_unlock(&sim->irq_lock);
	return NULL;
}

int sim_real_start(struct fantail_sim *sim)
{
	int rc;

	sim->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sim->wake_fd < 0)
		return -errno;
	rc = pthread_create(&sim->thread, NULL, model_thread, sim);
	if (rc)
		return -rc;
	sim->has_thread = true;
	return 0;
}

void sim_real_stop(struct fantail_sim *sim)
{
	if (sim->has_thread) {
		atomic_store(&sim->stop, true);
		sim_real_wake(sim);
		pthread_join(sim->thread, NULL);
		sim->has_thread = false;
	}
	if (sim->wake_fd >= 0)
		close(sim->wake_fd);
	sim->wake_fd = -1;
}
