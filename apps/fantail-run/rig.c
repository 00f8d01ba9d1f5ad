/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "receivers.h"
#include "session.h"

/* The class under which the driver's "sim:" transport meters payloads. */
#define CLASS_PAYLOAD 1

/* Peers knock when the publisher listens; idle time is skipped. */
#define CONNECT_AT_US 100000u

static const uint8_t card_mac[6] = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 };

/* The simulator's first complaint: the reason when something fails. */
static pthread_mutex_t complaint_lock = PTHREAD_MUTEX_INITIALIZER;
static char complaint[256];

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level > FANTAIL_SIM_WARN)
		return;
	pthread_mutex_lock(&complaint_lock);
	if (level == FANTAIL_SIM_ERROR && !complaint[0])
		snprintf(complaint, sizeof(complaint), "%s", msg);
	else if (level == FANTAIL_SIM_WARN)
		fprintf(stderr, "fantail-run: card: %s\n", msg);
	pthread_mutex_unlock(&complaint_lock);
}

/* ": reason" for the end of an error line, or "". Copied to @text. */
static const char *reason(char *text, size_t size)
{
	pthread_mutex_lock(&complaint_lock);
	snprintf(text, size, "%s%s", complaint[0] ? ": " : "", complaint);
	pthread_mutex_unlock(&complaint_lock);
	return text;
}

/* Keys from the seed, so that a run repeats. */
static void make_key(uint64_t seed, uint8_t *key)
{
	for (int i = 0; i < 16; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		key[i] = (uint8_t)(seed >> 56);
	}
}

static int open_sim(struct rig *rig, struct publisher_job *job)
{
	static const char *const networks[] = {
		[NET_SLIRP] = "slirp:",
		[NET_TAP] = "tap:",
		[NET_PEERS] = "peers:",
	};
	const struct options *o = job->options;
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	char why[300];
	int rc;

	fantail_net_config_default(&net);
	memcpy(net.card_mac, card_mac, sizeof(net.card_mac));
	net.card_port = RIG_PORT;
	net.host_port = job->port;
	net.tap = job->tap;
	net.model = &o->model.link;
	if (o->net == NET_PEERS) {
		receivers_configure(job->stream, &peers);
		peers.connect_at_us = CONNECT_AT_US;
		net.peers = &peers;
	}
	fantail_sim_config_init(&cfg);
	cfg.network = networks[o->net];
	cfg.net = &net;
	cfg.time = o->net == NET_PEERS ? FANTAIL_SIM_VIRTUAL : FANTAIL_SIM_REAL;
	cfg.seed = o->seed;
	cfg.pcap = job->pcap;
	cfg.pcap_limit = o->pcap_limit;
	cfg.trace = o->trace;
	cfg.trace_first = o->trace_first;
	cfg.trace_cycles = o->trace_cycles;
	cfg.cycle_limit = o->cycle_limit;
	cfg.pcie = o->model.pcie;
	timeline_configure(&o->timeline, &cfg);
	cfg.log = on_log;

	rc = fantail_sim_open(&cfg, &rig->sim);
	if (!rc)
		return 0;
	reason(why, sizeof(why));
	switch (rc) {
	case -EADDRINUSE:
		snprintf(job->error, sizeof(job->error),
			 "--port: port %u is "
			 "occupied; choose another one, or 0 for any free one",
			 job->port);
		return EXIT_BAD_INPUT;
	case -EACCES:
		snprintf(job->error, sizeof(job->error),
			 "--port: cannot use "
			 "port %u or write %s without more rights%s",
			 job->port, job->pcap, why);
		return EXIT_BAD_INPUT;
	case -ENOTSUP:
		snprintf(job->error, sizeof(job->error),
			 "--trace: this "
			 "program was built without waves; use make run "
			 "TRACE=%s, which builds the other",
			 o->trace);
		return EXIT_BAD_INPUT;
	default:
		snprintf(job->error, sizeof(job->error),
			 "cannot start the "
			 "simulated card: %s%s",
			 strerror(-rc), why);
		/* values, files: given by whoever started us */
		return rc == -EINVAL || rc == -ENOENT ? EXIT_BAD_INPUT
						      : EXIT_FAILED;
	}
}

static unsigned int log2_above(unsigned int n)
{
	unsigned int log2 = 0;

	while (1u << log2 < n)
		log2++;
	return log2;
}

static int open_library(struct rig *rig, struct publisher_job *job)
{
	const struct options *o = job->options;
	struct fantail_options opt = { 0 };
	uint8_t key[16];

	make_key(~o->seed, key);
	opt.dev = rig->dev;
	memcpy(opt.mac, card_mac, sizeof(opt.mac));
	if (o->net == NET_PEERS) {
		opt.ip = 0x0a010001; /* 10.1.0.1 */
		opt.prefix_len = 16;
	} else if (o->net == NET_TAP) {
		opt.ip = RIG_TAP_IP;
		opt.prefix_len = 24;
	} else {
		opt.ip = 0x0a00020f; /* 10.0.2.15 */
		opt.prefix_len = 24;
		opt.gateway = 0x0a000202; /* 10.0.2.2 */
	}
	/* two whole batches fit, so that a batch is always one doorbell */
	opt.qp.data_log2 = log2_above(2 * o->batch);
	if (opt.qp.data_log2 < 10)
		opt.qp.data_log2 = 10;
	opt.qp.mod_us = FANTAIL_MOD_US_DEFAULT;
	/* batches end when we say so */
	opt.flush_us = FANTAIL_FLUSH_NEVER;
	/*
	 * Everybody shall get everything: nobody is aborted before the card's
	 * own limit (PIN_LIMIT), the receivers pace the publisher.
	 */
	opt.lag_limit = fantail_dev_limits(rig->dev)->log_bytes / 4 * 3;
	opt.isn_key = key;
	return fantail_open(&opt, &rig->lib);
}

int rig_open(struct rig *rig, struct publisher_job *job)
{
	const struct options *o = job->options;
	struct fantail_dev_options opt = { 0 };
	char why[300];
	uint8_t key[16];
	int rc;

	memset(rig, 0, sizeof(*rig));
	rig->since = session_clock();
	rc = o->device ? 0 : open_sim(rig, job);
	if (rc)
		return rc;
	make_key(o->seed, key);
	opt.sim = rig->sim;
	opt.hash_key = key;
	rc = fantail_dev_open(o->device ? o->device : "sim:", &opt, &rig->dev);
	if (rc == -ENOENT || rc == -ECONNREFUSED) {
		snprintf(
			job->error, sizeof(job->error),
			"--device: nobody serves '%s'; start fantail-sim there",
			o->device);
		return EXIT_BAD_INPUT;
	}
	if (rc) {
		snprintf(job->error, sizeof(job->error),
			 "the driver cannot "
			 "open the card: %s%s",
			 strerror(-rc), reason(why, sizeof(why)));
		goto fail;
	}
	if (fantail_dev_limits(rig->dev)->connections < o->clients) {
		snprintf(job->error, sizeof(job->error),
			 "--clients: this card "
			 "has %u connections; build a larger one with make "
			 "run CONNECTIONS=%u CLIENTS=%u",
			 fantail_dev_limits(rig->dev)->connections,
			 1u << log2_above(o->clients), o->clients);
		rig_close(rig);
		return EXIT_BAD_INPUT;
	}
	rc = open_library(rig, job);
	if (rc) {
		snprintf(job->error, sizeof(job->error),
			 "the library cannot "
			 "open the card: %s%s",
			 strerror(-rc), reason(why, sizeof(why)));
		goto fail;
	}
	if (!rig->sim)
		return 0;
	rig->timeline = o->timeline.path;
	rc = fantail_sim_fanout_open(rig->sim, o->clients, 0);
	if (rc) {
		snprintf(job->error, sizeof(job->error),
			 "cannot measure the fan-out: %s", strerror(-rc));
		goto fail;
	}
	return 0;
fail:
	rig_close(rig);
	return EXIT_FAILED;
}

void rig_close(struct rig *rig)
{
	fantail_close(rig->lib);
	fantail_dev_close(rig->dev);
	fantail_sim_close(rig->sim);
	memset(rig, 0, sizeof(*rig));
}

uint64_t rig_now_us(struct rig *rig)
{
	return fantail_dev_now_us(rig->dev);
}

uint64_t rig_cycles(struct rig *rig)
{
	return rig->sim ? fantail_sim_cycles(rig->sim) : 0;
}

struct fantail_sim_moment rig_call(struct rig *rig)
{
	struct fantail_sim_moment now = { 0 };

	if (rig->timeline)
		fantail_sim_timeline_now(rig->sim, &now);
	return now;
}

void rig_called(struct rig *rig, enum fantail_sim_call call,
		struct fantail_sim_moment begin, uint64_t batch, uint64_t last)
{
	if (rig->timeline)
		fantail_sim_timeline_call(rig->sim, call, &begin, batch, last);
}

int rig_tick(struct rig *rig)
{
	if (rig->sim)
		return fantail_sim_wait(rig->sim, 0, 1, NULL);
	usleep(1);
	return 0;
}

void rig_model(struct rig *rig, struct summary *s)
{
	struct fantail_sim_stats sim;

	s->wall_seconds = session_clock() - rig->since;
	s->has_model = rig->sim;
	if (!rig->sim)
		return;
	fantail_sim_stats(rig->sim, &sim);
	s->sim_cycles = sim.cycles;
	s->wall_seconds = sim.wall_seconds;
	s->cycles_per_second = sim.wall_seconds > 0
				       ? (double)sim.cycles / sim.wall_seconds
				       : 0;
}

void rig_drop(struct rig *rig, struct stream *stream, unsigned int n)
{
	fantail_sim_lock(rig->sim);
	atomic_store(&stream_receiver(stream, n)->state, RECEIVER_DROPPED);
	fantail_peer_abort(fantail_net_peers(fantail_sim_net(rig->sim)), n);
	fantail_sim_unlock(rig->sim);
}

int rig_read(struct rig *rig, struct meter *m)
{
	const struct {
		uint32_t offset;
		uint64_t *value;
	} pair[] = {
		{ FANTAIL_QPCNT_DATA_DOORBELLS, &m->data_doorbells },
		{ FANTAIL_QPCNT_CONTROL_DOORBELLS, &m->control_doorbells },
		{ FANTAIL_QPCNT_STATUS_DOORBELLS, &m->status_doorbells },
		{ FANTAIL_QPCNT_INTERRUPTS, &m->interrupts },
		{ FANTAIL_QPCNT_BATCH_RECORDS, &m->batch_records },
		{ FANTAIL_QPCNT_CONN_RECORDS, &m->conn_records },
	}, device[] = {
		{ FANTAIL_CNT_TX_BYTES, &m->tx_bytes },
		{ FANTAIL_CNT_TX_SEGMENTS, &m->tx_segments },
		{ FANTAIL_CNT_TX_RETRANSMITS, &m->tx_retransmits },
		{ FANTAIL_CNT_TIMEOUTS, &m->timeouts },
		{ FANTAIL_CNT_FAST_RETRANSMITS, &m->fast_retransmits },
		{ FANTAIL_CNT_LOG_PEAK, &m->log_peak },
		{ FANTAIL_CNT_PAYLOAD_READ_BYTES, &m->payload_read_bytes },
	};
	struct fantail_qp *qp = fantail_queue_pair(rig->lib);
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(pair) / sizeof(*pair); i++)
		rc = fantail_qp_counter(qp, pair[i].offset, pair[i].value);
	for (size_t i = 0; !rc && i < sizeof(device) / sizeof(*device); i++)
		rc = fantail_dev_counter(rig->dev, device[i].offset,
					 device[i].value);
	if (!rc)
		rc = fantail_dev_stages(rig->dev, &m->stages);
	if (!rig->sim)
		return rc;
	fantail_sim_stats(rig->sim, &m->sim);
	/* the link's own count: independent of the engine */
	m->payload_read_bytes = m->sim.class_read_bytes[CLASS_PAYLOAD];
	return rc;
}

void rig_link(struct rig *rig, struct summary *s)
{
	if (!rig->sim)
		return;
	fantail_sim_lock(rig->sim);
	s->has_link = fantail_net_link_stats(fantail_sim_net(rig->sim),
					     &s->link[FANTAIL_LINK_TX],
					     &s->link[FANTAIL_LINK_RX]);
	fantail_sim_unlock(rig->sim);
}

void summary_window(struct summary *s, const struct meter *a,
		    const struct meter *b)
{
	s->submit_doorbells = b->data_doorbells - a->data_doorbells;
	s->control_doorbells = b->control_doorbells - a->control_doorbells;
	s->status_doorbells = b->status_doorbells - a->status_doorbells;
	s->interrupts = b->interrupts - a->interrupts;
	s->batch_records = b->batch_records - a->batch_records;
	s->conn_records = b->conn_records - a->conn_records;
	s->pcie_payload_read_bytes =
		b->payload_read_bytes - a->payload_read_bytes;
	s->pcie_read_bytes = b->sim.pcie_read_bytes - a->sim.pcie_read_bytes;
	s->pcie_write_bytes = b->sim.pcie_write_bytes - a->sim.pcie_write_bytes;
}

void summary_wire(struct summary *s, const struct meter *a,
		  const struct meter *b)
{
	s->wire_tx_bytes = b->tx_bytes - a->tx_bytes;
	s->segments = b->tx_segments - a->tx_segments;
	s->retransmitted_segments = b->tx_retransmits - a->tx_retransmits;
	s->timeouts = b->timeouts - a->timeouts;
	s->fast_retransmits = b->fast_retransmits - a->fast_retransmits;
	s->log_bytes_peak = b->log_peak;
	s->stages = b->stages;
	fantail_stages_since(&s->stages, &a->stages);
}

int rig_check(struct rig *rig, char *why, size_t size)
{
	char text[300] = "";
	int rc = 0;

	if (rig->sim)
		rc = fantail_sim_check(rig->sim, text, sizeof(text));
	if (!rc)
		return 0;
	snprintf(why, size, "%s: %s",
		 rc == -EPROTO ? "the card broke a rule of its interfaces or "
				 "of the wire"
			       : "the model failed",
		 text[0] ? text : strerror(-rc));
	return EXIT_FAILED;
}
