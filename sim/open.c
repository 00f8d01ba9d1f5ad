/* SPDX-License-Identifier: Apache-2.0 */
/* Building a handle from its parts, and taking it down. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fantail_regs.h"
#include "sim_internal.h"

#define RESET_CYCLES 16u
#define READY_CYCLES 4000000u /* the longest memory clear, generous */
#define READY_STEP   64u      /* cycles between looks at STATUS */

void fantail_sim_config_init(struct fantail_sim_config *cfg)
{
	*cfg = (struct fantail_sim_config){
		.time = FANTAIL_SIM_VIRTUAL,
		.seed = 1,
		.ns_per_cycle = 4,
		.wire_check = true,
		.timeline_last = 2,
	};
}

/* Callbacks from the parts. */

static void on_model(void *ctx, bool bad, const char *msg)
{
	struct card *card = ctx;

	card_log(card, bad ? FANTAIL_SIM_ERROR : FANTAIL_SIM_INFO, "engine: %s",
		 msg);
}

static void on_net(void *ctx, enum fantail_net_log_level level,
		   const char *line)
{
	static const enum fantail_sim_level map[] = {
		[FANTAIL_NET_LOG_ERROR] = FANTAIL_SIM_ERROR,
		[FANTAIL_NET_LOG_WARN] = FANTAIL_SIM_WARN,
		[FANTAIL_NET_LOG_INFO] = FANTAIL_SIM_INFO,
	};

	card_log(ctx, map[level], "network: %s", line);
}

static void on_wire(void *ctx, const char *line)
{
	card_offence(ctx, true, "%s", line);
}

/* Another process may have made it blocking, and filled it. */
static bool writable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1;
}

static void on_irq(void *ctx, uint32_t vectors)
{
	struct fantail_sim *sim = ctx;
	uint64_t one = 1;
	unsigned int v;

	pthread_mutex_lock(&sim->irq_lock);
	sim->pending |= vectors;
	for (v = 0; v < FANTAIL_SIM_VECTORS; v++) {
		if (!(vectors >> v & 1) || sim->irq_fd[v] < 0)
			continue;
		if (!writable(sim->irq_fd[v]))
			continue;
		/* EAGAIN: at its maximum, readable anyhow. */
		while (write(sim->irq_fd[v], &one, sizeof(one)) < 0 &&
		       errno == EINTR)
			;
	}
	pthread_cond_broadcast(&sim->irq_cond);
	pthread_mutex_unlock(&sim->irq_lock);
}

static int open_dut(struct card *card, const struct fantail_sim_config *cfg)
{
	struct dut_config dc = {
		.log = on_model,
		.log_ctx = card,
		.seed = cfg->seed,
		.trace = cfg->trace,
		.trace_first = cfg->trace_first,
		.trace_cycles = cfg->trace_cycles,
		.ps_per_cycle = cfg->ns_per_cycle * 1000,
	};
	int rc;

	rc = dut_open(&card->dut, &dc);
	if (rc)
		card_log(card, FANTAIL_SIM_ERROR,
			 "cannot open the model%s%s: %s",
			 cfg->trace ? " with waves in " : "",
			 cfg->trace ? cfg->trace : "",
			 rc == -ENOTSUP ? "this build has no waves"
					: strerror(-rc));
	return rc;
}

static int open_net(struct card *card, const struct fantail_sim_config *cfg)
{
	struct fantail_net_config nc;
	int rc;

	if (!cfg->network)
		return 0;
	if (cfg->net)
		nc = *cfg->net;
	else
		fantail_net_config_default(&nc);
	nc.seed = cfg->seed;
	nc.log = on_net;
	nc.log_ctx = card;
	rc = fantail_net_open(cfg->network, &nc, &card->net);
	if (rc)
		return rc;
	if (!card->real && fantail_net_is_external(card->net)) {
		card_log(card, FANTAIL_SIM_ERROR,
			 "%s: needs real time, not virtual", cfg->network);
		return -ENOTSUP;
	}
	return 0;
}

static int open_recorders(struct card *card,
			  const struct fantail_sim_config *cfg)
{
	struct fantail_wire_check_config wc = {
		.log = on_wire,
		.log_ctx = card,
	};
	int rc = 0;

	card_fanout_hooks(card, &wc);
	if (card->net) {
		wc.card_ip = fantail_net_card_ip(card->net);
		wc.card_ips = fantail_net_card_ips(card->net);
	}
	if (cfg->wire_check)
		rc = fantail_wire_check_open(&wc, &card->check);
	if (rc || !cfg->pcap)
		return rc;
	rc = fantail_pcap_open(cfg->pcap, cfg->pcap_limit, &card->pcap);
	if (rc)
		card_log(card, FANTAIL_SIM_ERROR, "%s: %s", cfg->pcap,
			 strerror(-rc));
	return rc;
}

static int open_pcie(struct card *card, const struct fantail_sim_config *cfg)
{
	const char *why;
	int rc;

	hostmem_init(&card->mem);
	rc = pcie_init(&card->pcie, &cfg->pcie, cfg->ns_per_cycle, &card->mem,
		       &why);
	if (rc == -EINVAL)
		card_log(card, FANTAIL_SIM_ERROR, "pcie %s", why);
	return rc;
}

/* Reset, then wait for STATUS.ready and ask what was built. */
static int bring_up(struct fantail_sim *sim)
{
	struct card *card = &sim->card;
	uint32_t status = 0, pairs = 0;
	unsigned int n;
	int rc = 0;

	card->dut.in.rst = 1;
	for (n = 0; n < RESET_CYCLES; n++) {
		dut_edge(&card->dut);
		dut_settle(&card->dut);
	}
	card->dut.in.rst = 0;
	while (!rc && !(status & FANTAIL_STATUS_READY_MASK)) {
		if (card->dut.cycle > READY_CYCLES) {
			card_log(card, FANTAIL_SIM_ERROR,
				 "not ready %u cycles after reset, STATUS 0x%x",
				 READY_CYCLES, status);
			return -EIO;
		}
		for (n = 0; !rc && n < READY_STEP; n++)
			rc = card_cycle(card);
		if (!rc)
			rc = sim_read_word(sim, FANTAIL_REG_STATUS, &status);
	}
	if (!rc)
		rc = sim_read_word(sim, FANTAIL_REG_LIMIT_QUEUE_PAIRS, &pairs);
	if (rc)
		return rc == -EREMOTEIO ? -EIO : rc;
	if (pairs < 1 || pairs >= FANTAIL_SIM_VECTORS) {
		card_log(card, FANTAIL_SIM_ERROR, "%u queue pairs reported",
			 pairs);
		return -EIO;
	}
	sim->vectors = pairs + 1;
	return 0;
}

static int init_locks(struct fantail_sim *sim)
{
	pthread_condattr_t attr;
	int rc;

	rc = pthread_condattr_init(&attr);
	if (rc)
		return -rc;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&sim->irq_cond, &attr);
	pthread_condattr_destroy(&attr);
	if (rc)
		return -rc;
	pthread_mutex_init(&sim->lock, NULL);
	pthread_mutex_init(&sim->ring_lock, NULL);
	pthread_mutex_init(&sim->irq_lock, NULL);
	return 0;
}

static void init_card(struct fantail_sim *sim,
		      const struct fantail_sim_config *cfg)
{
	struct card *card = &sim->card;
	unsigned int v;

	sim->seed = cfg->seed;
	sim->wake_fd = -1;
	for (v = 0; v < FANTAIL_SIM_VECTORS; v++)
		sim->irq_fd[v] = -1;
	card->irq = on_irq;
	card->ctx = sim;
	card->log = cfg->log;
	card->log_ctx = cfg->log_ctx;
	card->real = cfg->time == FANTAIL_SIM_REAL;
	card->clock.start_ns = card_clock_ns();
	card->ns_per_cycle = cfg->ns_per_cycle;
	card->cycle_limit = cfg->cycle_limit;
	card->mac_pacing = cfg->mac_pacing;
	/* 100 Gbit/s are 12.5 bytes in a nanosecond. */
	card->pacing_bytes = (int64_t)cfg->ns_per_cycle * 25 / 2;
}

int fantail_sim_open(const struct fantail_sim_config *cfg,
		     struct fantail_sim **out)
{
	struct fantail_sim *sim;
	int rc;

	if (!cfg->ns_per_cycle || cfg->ns_per_cycle > 1000 ||
	    (cfg->time != FANTAIL_SIM_VIRTUAL && cfg->time != FANTAIL_SIM_REAL))
		return -EINVAL;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	init_card(sim, cfg);
	rc = init_locks(sim);
	if (rc) {
		free(sim);
		return rc;
	}
	rc = open_pcie(&sim->card, cfg);
	if (!rc)
		rc = open_net(&sim->card, cfg);
	if (!rc)
		rc = open_recorders(&sim->card, cfg);
	if (!rc)
		rc = card_timeline_open(&sim->card, cfg);
	if (!rc)
		rc = open_dut(&sim->card, cfg);
	if (!rc)
		rc = bring_up(sim);
	if (!rc && sim->card.real)
		rc = sim_real_start(sim);
	if (rc) {
		fantail_sim_close(sim);
		return rc;
	}
	*out = sim;
	return 0;
}

void fantail_sim_close(struct fantail_sim *sim)
{
	struct card *card;
	int rc;

	if (!sim)
		return;
	card = &sim->card;
	sim_real_stop(sim);
	dut_close(&card->dut);
	if (card->pcap) {
		rc = fantail_pcap_close(card->pcap);
		if (rc)
			card_log(card, FANTAIL_SIM_ERROR, "recording: %s",
				 strerror(-rc));
	}
	/* which tells the meter of each connection's end */
	fantail_wire_check_close(card->check);
	fantail_fanout_close(card->fanout);
	card_timeline_close(card);
	fantail_net_close(card->net);
	pcie_free(&card->pcie);
	hostmem_free(&card->mem);
	pthread_cond_destroy(&sim->irq_cond);
	pthread_mutex_destroy(&sim->irq_lock);
	pthread_mutex_destroy(&sim->ring_lock);
	pthread_mutex_destroy(&sim->lock);
	free(sim);
}
