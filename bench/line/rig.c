/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fantail_regs.h"
#include "net.h"
#include "peer.h"

enum {
	EVENTS = 64,
	CLASS_PAYLOAD = 1, /* as the driver's transport maps payloads */
	/* ACKs that come "when a batch has long left" */
	LATE_US = 50000,
	REST_US = 4 * LATE_US,
	CONNECT_LIMIT_US = 60000000,
	SEND_LIMIT_US = 10000000,
	LOOK_US = 20, /* between looks at what has left */
	ARENA = 1u << 24,
	BUFFER = 4000000, /* of a receiver */
	WSCALE = 7,
	TIMESTAMPS = 12,       /* of the MSS, in each segment */
	CONNECTS_PER_MS = 400, /* the engine manages some more */
	BACKLOG = 65535,
	LINE = 64,
};

static const uint8_t mac[6] = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 };

int rig_fail(struct rig *r, int rc, const char *what)
{
	/* the first complaint says most */
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "%s: %s", what, strerror(-rc));
	return rc;
}

static void on_sim(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct rig *r = ctx;

	if (level == FANTAIL_SIM_ERROR && !r->why[0])
		snprintf(r->why, sizeof(r->why), "%s", msg);
}

static unsigned int block_of(const struct rig *r, uint32_t client)
{
	unsigned int b = 0;

	while (client >= r->cfg.block[b].clients)
		client -= r->cfg.block[b++].clients;
	return b;
}

static void configure(void *ctx, uint32_t peer, struct fantail_peer_options *o)
{
	const struct rig *r = ctx;

	o->mss = (uint16_t)(r->cfg.block[block_of(r, peer)].payload +
			    TIMESTAMPS);
	o->buffer = BUFFER;
	o->wscale = WSCALE;
	o->ack_every = 1;
}

static int open_sim(struct rig *r)
{
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config sim;

	fantail_peers_config_default(&peers);
	peers.count = r->clients;
	peers.delay_us = r->cfg.acks ? 0 : LATE_US;
	peers.connects_per_ms = CONNECTS_PER_MS;
	peers.configure = configure;
	peers.no_arp = true;
	peers.ctx = r;
	fantail_net_config_default(&net);
	memcpy(net.card_mac, mac, sizeof(mac));
	net.peers = &peers;
	fantail_sim_config_init(&sim);
	sim.network = "peers:";
	sim.net = &net;
	sim.seed = r->cfg.seed;
	sim.mac_pacing = r->cfg.paced;
	sim.log = on_sim;
	sim.log_ctx = r;
	return fantail_sim_open(&sim, &r->sim);
}

static int open_card(struct rig *r)
{
	struct fantail_dev_options dev = { 0 };
	struct fantail_options opt = { 0 };
	int rc;

	rc = open_sim(r);
	if (rc)
		return rig_fail(r, rc, "cannot start the card");
	dev.sim = r->sim;
	rc = fantail_dev_open("sim:", &dev, &r->dev);
	if (rc)
		return rig_fail(r, rc, "cannot open the card");
	opt.dev = r->dev;
	memcpy(opt.mac, mac, sizeof(mac));
	opt.prefix_len = 8;
	opt.arena_bytes = ARENA;
	opt.flush_us = FANTAIL_FLUSH_NEVER;
	opt.qp.slot_count = 4096;
	opt.qp.status_log2 = 14;
	opt.qp.data_log2 = 12;
	opt.qp.control_log2 = 14;
	opt.qp.mod_count = 1; /* a BATCH record is seen at once */
	opt.lag_limit = fantail_dev_limits(r->dev)->log_bytes / 4 * 3;
	fantail_sim_lock(r->sim);
	opt.ip = fantail_net_card_ip(fantail_sim_net(r->sim));
	fantail_sim_unlock(r->sim);
	rc = fantail_open(&opt, &r->lib);
	if (rc)
		return rig_fail(r, rc, "cannot open the library");
	return 0;
}

static int accepted(struct rig *r, struct fantail_conn *c)
{
	struct fantail_peers_config defaults;
	uint32_t ip, n;
	uint16_t port;

	fantail_peers_config_default(&defaults);
	fantail_conn_peer(c, &ip, &port);
	n = ip - defaults.first_ip;
	if (n >= r->clients || r->conn[n])
		return rig_fail(r, -EPROTO, "an unexpected connection");
	r->conn[n] = c;
	return 0;
}

static int on_event(struct rig *r, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		return accepted(r, e->conn);
	case FANTAIL_EVENT_BATCH:
		r->done |= e->u.batch.cookie == r->cookie;
		return 0;
	case FANTAIL_EVENT_CONN:
		return e->u.conn.dead ? rig_fail(r, -EPIPE, "a connection died")
				      : 0;
	case FANTAIL_EVENT_REFUSED:
		return rig_fail(r, -EIO, "the card refused an entry");
	default:
		return 0;
	}
}

/* Take what is there. */
static int poll_card(struct rig *r)
{
	struct fantail_event events[EVENTS];
	int n, i, rc;

	do {
		n = fantail_poll(r->lib, events, EVENTS);
		if (n < 0)
			return rig_fail(r, n, "the card does not work");
		for (i = 0; i < n; i++) {
			rc = on_event(r, &events[i]);
			if (rc)
				return rc;
		}
	} while (n == EVENTS);
	return 0;
}

static int step(struct rig *r, int64_t us)
{
	int rc = fantail_wait(r->lib, us);

	if (rc < 0)
		return rig_fail(r, rc, "the card does not work");
	return poll_card(r);
}

static int connected(struct rig *r)
{
	uint64_t end = fantail_sim_now_us(r->sim) + CONNECT_LIMIT_US;
	struct fantail_stats s;
	int rc = 0;

	do {
		fantail_stats(r->lib, &s);
		if (s.accepted == r->clients)
			return 0;
		if (fantail_sim_now_us(r->sim) > end)
			return rig_fail(r, -ETIMEDOUT, "not all connected");
		rc = step(r, 1000000);
	} while (!rc);
	return rc;
}

int rig_join(struct rig *r, struct fantail_group *g, uint32_t client)
{
	int rc;

	rc = fantail_group_join(g, r->conn[client]);
	while (rc == -EAGAIN) {
		rc = fantail_submit(r->lib);
		if (rc >= 0)
			rc = step(r, 10);
		if (rc)
			return rig_fail(r, rc, "cannot join a group");
		rc = fantail_group_join(g, r->conn[client]);
	}
	return rc ? rig_fail(r, rc, "cannot join a group") : 0;
}

static int make_group(struct rig *r, uint32_t first, uint32_t n,
		      struct fantail_group **out)
{
	uint32_t i;
	int rc;

	rc = fantail_group_create(r->lib, out);
	if (rc)
		return rig_fail(r, rc, "cannot make a group");
	for (i = 0; !rc && i < n; i++)
		rc = rig_join(r, *out, first + i);
	return rc;
}

int rig_group(struct rig *r, uint32_t n, struct fantail_group **out)
{
	return make_group(r, 0, n, out);
}

int rig_rest(struct rig *r)
{
	uint64_t end = fantail_sim_now_us(r->sim) + REST_US;
	int rc;

	rc = fantail_submit(r->lib);
	if (rc < 0)
		return rig_fail(r, rc, "the card does not work");
	while (fantail_sim_now_us(r->sim) < end) {
		rc = step(r, REST_US);
		if (rc)
			return rc;
	}
	return 0;
}

int rig_open(struct rig *r, const struct rig_config *cfg)
{
	struct fantail_listener *listener;
	uint32_t first = 0;
	unsigned int b;
	int rc;

	memset(r, 0, sizeof(*r));
	r->cfg = *cfg;
	for (b = 0; b < cfg->blocks; b++)
		r->clients += cfg->block[b].clients;
	r->conn = calloc(r->clients, sizeof(struct fantail_conn *));
	if (!r->conn)
		return rig_fail(r, -ENOMEM, "connections");
	rc = open_card(r);
	if (rc)
		return rc;
	if (r->clients > fantail_dev_limits(r->dev)->connections)
		return rig_fail(r, -ENOSPC,
				"this build has too few "
				"connections");
	rc = fantail_listen(r->lib, 9000, BACKLOG, &listener);
	if (rc)
		return rig_fail(r, rc, "cannot listen");
	rc = connected(r);
	for (b = 0; !rc && b < cfg->blocks; b++) {
		rc = make_group(r, first, cfg->block[b].clients, &r->group[b]);
		first += cfg->block[b].clients;
	}
	return rc ? rc : rig_rest(r);
}

void rig_close(struct rig *r)
{
	/* Nobody waits for a thousand connections to be reset one by one; a
	 * card that fails at this has told why before. */
	if (r->dev)
		fantail_dev_write32(r->dev, FANTAIL_REG_RESET,
				    FANTAIL_RESET_START_MASK);
	fantail_close(r->lib);
	fantail_dev_close(r->dev);
	fantail_sim_close(r->sim);
	free(r->conn);
}

int rig_publish(struct rig *r, struct fantail_target to, uint32_t bytes,
		uint32_t n, bool aligned)
{
	uint32_t stride = aligned ? (bytes + LINE - 1) / LINE * LINE : bytes;
	uint32_t i;
	uint8_t *p;
	void *room;
	int rc;

	rc = fantail_arena_reserve(r->lib, (size_t)stride * n + LINE, &room);
	if (rc)
		return rig_fail(r, rc, "no room for payloads");
	p = room;
	p += -(uintptr_t)room % LINE;
	for (i = 0; !rc && i < n; i++) {
		memset(p + (size_t)i * stride, (int)('a' + r->cookie % 26),
		       bytes);
		rc = fantail_publish(r->lib, to, p + (size_t)i * stride, bytes,
				     ++r->cookie);
	}
	return rc ? rig_fail(r, rc, "cannot publish") : 0;
}

/* Was it what we think it was? */
static int judge(struct rig *r, const struct fantail_sim_stats *a,
		 const struct fantail_sim_stats *b, const struct rig_result *x)
{
	char why[RIG_WHY];
	int rc;

	rc = fantail_sim_check(r->sim, why, sizeof(why));
	if (rc)
		return rig_fail(r, rc, why);
	if (b->wire_retransmitted_segments != a->wire_retransmitted_segments)
		return rig_fail(r, -EPROTO, "segments were sent again");
	if (x->mac.frames != x->segments)
		return rig_fail(r, -EPROTO, "frames without payload were sent");
	if (x->mac.skipped_us)
		return rig_fail(r, -EPROTO, "the engine rested in mid-batch");
	return 0;
}

int rig_send(struct rig *r, uint64_t payload_bytes, struct rig_result *out)
{
	struct fantail_sim_stats a, b;
	struct fantail_stages before;
	uint64_t end, rung;
	int rc;

	memset(out, 0, sizeof(*out));
	r->done = false;
	rc = fantail_dev_stages(r->dev, &before);
	if (rc)
		return rig_fail(r, rc, "cannot read the counters");
	fantail_sim_stats(r->sim, &a);
	fantail_sim_mac_begin(r->sim);
	rung = fantail_sim_cycles(r->sim);
	end = fantail_sim_now_us(r->sim) + SEND_LIMIT_US;
	rc = fantail_submit(r->lib);
	if (rc < 0)
		return rig_fail(r, rc, "cannot ring");
	do {
		rc = step(r, LOOK_US);
		if (rc)
			return rc;
		fantail_sim_stats(r->sim, &b);
		if (r->done && !out->batch_cycles)
			out->batch_cycles = b.cycles - rung;
		if (b.now_us > end)
			return rig_fail(r, -ETIMEDOUT, "not all has left");
	} while (!r->done ||
		 b.wire_payload_bytes - a.wire_payload_bytes < payload_bytes);
	fantail_sim_mac(r->sim, &out->mac);
	out->segments = b.wire_data_segments - a.wire_data_segments;
	out->payload_bytes = b.wire_payload_bytes - a.wire_payload_bytes;
	out->first_cycles = out->mac.first - rung;
	out->pcie_payload_bytes = b.class_read_bytes[CLASS_PAYLOAD] -
				  a.class_read_bytes[CLASS_PAYLOAD];
	out->pcie_read_bytes = b.pcie_read_bytes - a.pcie_read_bytes;
	out->pcie_write_bytes = b.pcie_write_bytes - a.pcie_write_bytes;
	out->mmio_writes = b.mmio_writes - a.mmio_writes;
	rc = fantail_dev_stages(r->dev, &out->stages);
	if (rc)
		return rig_fail(r, rc, "cannot read the counters");
	fantail_stages_since(&out->stages, &before);
	return judge(r, &a, &b, out);
}
