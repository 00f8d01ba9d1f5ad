/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as the sender: one group, one batch, real time. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fantail.h"
#include "fantail_regs.h"
#include "fantail_sim.h"
#include "goodput.h"
#include "net.h"

enum {
	EVENTS = 64,
	PIECE = 30000, /* bytes of one payload */
	STEP_MS = 20,  /* the longest sleep */
	LIMIT_S = 120, /* of a round */
	QUIET_S = 1,   /* after the handshakes */
	ARENA = 8388608,
};

static const uint8_t mac[6] = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 };

struct card {
	const struct setup *setup;
	struct clients clients;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail *lib;
	struct fantail_group *group;
	struct fantail_conn *conns[CLIENTS_MAX];
	unsigned int accepted;
	bool failed; /* a connection has died, or an entry was refused */
	char *why;
	size_t why_len;
};

static int fail(struct card *c, int rc, const char *what)
{
	/* the simulator's complaint says more than we can */
	if (!c->why[0])
		snprintf(c->why, c->why_len, "engine: %s: %s", what,
			 strerror(-rc));
	return rc;
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct card *c = ctx;

	if (level == FANTAIL_SIM_ERROR && !c->why[0])
		snprintf(c->why, c->why_len, "engine: %s", msg);
}

static int open_card(struct card *c, const struct fantail_tap *tap)
{
	struct fantail_dev_options dev = { 0 };
	struct fantail_options opt = { 0 };
	struct fantail_net_config net;
	struct fantail_sim_config sim;
	char pcap[4096];
	int rc;

	fantail_net_config_default(&net);
	memcpy(net.card_mac, mac, sizeof(mac));
	net.tap = tap;
	net.model = &c->setup->link;
	fantail_sim_config_init(&sim);
	sim.network = "tap:";
	sim.net = &net;
	sim.time = FANTAIL_SIM_REAL;
	sim.seed = c->setup->link.seed;
	sim.log = on_log;
	sim.log_ctx = c;
	if (c->setup->pcap) {
		snprintf(pcap, sizeof(pcap), "%s-engine.pcap", c->setup->pcap);
		sim.pcap = pcap;
	}
	rc = fantail_sim_open(&sim, &c->sim);
	if (rc)
		return fail(c, rc, "cannot start the card");
	dev.sim = c->sim;
	rc = fantail_dev_open("sim:", &dev, &c->dev);
	if (rc)
		return fail(c, rc, "cannot open the card");
	opt.dev = c->dev;
	memcpy(opt.mac, mac, sizeof(mac));
	opt.ip = SENDER_IP;
	opt.prefix_len = 24;
	opt.arena_bytes = ARENA;
	opt.flush_us = FANTAIL_FLUSH_NEVER;
	/* nobody is aborted for being slow: Linux would not either */
	opt.lag_limit = fantail_dev_limits(c->dev)->log_bytes / 4 * 3;
	rc = fantail_open(&opt, &c->lib);
	if (rc)
		return fail(c, rc, "cannot open the library");
	if (fantail_dev_limits(c->dev)->log_bytes / 4 * 3 < c->setup->bytes)
		return fail(c, -ENOSPC, "the log is too small, build another");
	return 0;
}

static void on_event(struct card *c, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		if (c->accepted < c->setup->clients)
			c->conns[c->accepted++] = e->conn;
		else
			fantail_abort_conn(e->conn);
		break;
	case FANTAIL_EVENT_CONN:
		c->failed |= e->u.conn.dead;
		break;
	case FANTAIL_EVENT_DATA:
		fantail_recv_return(c->lib, e->u.data.slot);
		break;
	case FANTAIL_EVENT_REFUSED:
		c->failed = true;
		break;
	default:
		break;
	}
}

/* Take what is there, then sleep a little. */
static int step(struct card *c)
{
	struct fantail_event events[EVENTS];
	struct pollfd fd = { fantail_event_fd(c->lib), POLLIN, 0 };
	int64_t timer_us = -1;
	int n, i;

	do {
		n = fantail_poll(c->lib, events, EVENTS);
		for (i = 0; i < n; i++)
			on_event(c, &events[i]);
	} while (n == EVENTS);
	if (n < 0)
		return fail(c, n, "the card does not work any more");
	if (c->failed)
		return fail(c, -EIO, "a connection died");
	n = fantail_prepare_sleep(c->lib, &timer_us);
	/* there is something already */
	if (n > 0)
		return 0;
	if (n)
		return fail(c, n, "the card does not work any more");
	poll(&fd, 1,
	     timer_us >= 0 && timer_us < STEP_MS * 1000
		     ? (int)(timer_us + 999) / 1000
		     : STEP_MS);
	return 0;
}

static int gather(struct card *c)
{
	struct fantail_listener *listener;
	double end = clock_seconds() + LIMIT_S;
	unsigned int n;
	int rc;

	rc = fantail_listen(c->lib, PORT, c->setup->clients, &listener);
	if (!rc)
		rc = fantail_group_create(c->lib, &c->group);
	if (rc)
		return fail(c, rc, "cannot listen");
	while (c->accepted < c->setup->clients) {
		rc = step(c);
		if (!rc && clock_seconds() > end)
			rc = fail(c, -ETIMEDOUT, "not all clients connected");
		if (rc)
			return rc;
	}
	for (n = 0; n < c->accepted; n++) {
		rc = fantail_group_join(c->group, c->conns[n]);
		if (rc)
			return fail(c, rc, "cannot join the group");
	}
	rc = fantail_submit(c->lib);
	end = clock_seconds() + QUIET_S;
	while (rc >= 0 && clock_seconds() < end)
		rc = step(c);
	return rc < 0 ? fail(c, rc, "cannot join the group") : 0;
}

static int publish(struct card *c)
{
	uint32_t at, i, len;
	void *place;
	int rc;

	for (at = 0; at < c->setup->bytes; at += len) {
		len = c->setup->bytes - at < PIECE ? c->setup->bytes - at
						   : PIECE;
		rc = fantail_arena_reserve(c->lib, len, &place);
		if (rc)
			return fail(c, rc, "no room in the arena");
		for (i = 0; i < len; i++)
			((uint8_t *)place)[i] = payload_byte(at + i);
		rc = fantail_publish(c->lib, fantail_to_group(c->group), place,
				     len, at);
		if (rc)
			return fail(c, rc, "cannot publish");
	}
	return 0;
}

/* Of this process: nearly all of it is the model's thread. */
static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int measure(struct card *c, struct outcome *out)
{
	const struct {
		uint32_t offset;
		uint64_t *value;
	} counts[] = {
		{ FANTAIL_CNT_TX_SEGMENTS, &out->segments },
		{ FANTAIL_CNT_TX_RETRANSMITS, &out->retransmits },
		{ FANTAIL_CNT_FAST_RETRANSMITS, &out->fast_retransmits },
		{ FANTAIL_CNT_TIMEOUTS, &out->timeouts },
	};
	double start, end, cpu;
	uint64_t cycles;
	char why[256];
	size_t i;
	int rc;

	rc = publish(c);
	if (rc)
		return rc;
	cycles = fantail_sim_cycles(c->sim);
	cpu = cpu_seconds();
	start = clock_seconds();
	rc = fantail_submit(c->lib);
	if (rc < 0)
		return fail(c, rc, "cannot ring the doorbell");
	do {
		rc = step(c);
		if (!rc)
			rc = clients_poll(&c->clients);
		if (!rc && clock_seconds() > start + LIMIT_S)
			rc = -ETIMEDOUT;
	} while (!rc);
	if (rc < 0)
		return fail(c, rc, "not every client got every byte");
	end = clock_seconds();
	cpu = cpu_seconds() - cpu;
	out->busy = cpu / (end - start);
	out->cycles_per_second =
		(double)(fantail_sim_cycles(c->sim) - cycles) / cpu;
	clients_times(&c->clients, start, out->seconds);
	for (i = 0, rc = 0; !rc && i < sizeof(counts) / sizeof(*counts); i++)
		rc = fantail_dev_counter(c->dev, counts[i].offset,
					 counts[i].value);
	if (rc)
		return fail(c, rc, "cannot read its counters");
	fantail_sim_lock(c->sim);
	fantail_net_link_stats(fantail_sim_net(c->sim),
			       &out->link[FANTAIL_LINK_TX],
			       &out->link[FANTAIL_LINK_RX]);
	fantail_sim_unlock(c->sim);
	rc = fantail_sim_check(c->sim, why, sizeof(why));
	return rc ? fail(c, rc, why) : 0;
}

int run_engine(const struct setup *setup, struct outcome *out, char *why,
	       size_t why_len)
{
	struct fantail_tap tap = { -1, -1 };
	struct card c = { .setup = setup, .why = why, .why_len = why_len };
	struct fantail_tap_config cfg;
	int rc;

	*why = 0;
	memset(out, 0, sizeof(*out));
	fantail_tap_config_default(&cfg);
	cfg.sack = setup->sack;
	rc = fantail_tap_open(&cfg, &tap, why, why_len);
	if (rc)
		return rc;
	rc = clients_start(&c.clients, setup, &tap);
	if (rc) {
		fail(&c, rc, "cannot start the clients");
		goto out_tap;
	}
	rc = open_card(&c, &tap);
	if (!rc)
		rc = gather(&c);
	if (!rc)
		rc = measure(&c, out);
	clients_stop(&c.clients);
	fantail_close(c.lib);
	fantail_dev_close(c.dev);
	fantail_sim_close(c.sim);
out_tap:
	fantail_tap_close(&tap);
	return rc;
}
