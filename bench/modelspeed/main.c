/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the model is: while it sends full segments to peers inside this
 * process, without wire checker and recording, and while it is idle. Beside it
 * the yardstick, so that figures of different machines can be compared.
 *
 * Times are of this thread's processor: whoever else uses the machine does not
 * count, but still takes its caches.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "modelspeed.h"
#include "net.h"
#include "peer.h"

enum {
	EVENTS = 64,
	PORT = 9000,
	SEGMENT = 1448, /* payload of a full one, with timestamps */
	BATCH = 10,
	AHEAD = 40,   /* payloads under way, at most */
	STEP_US = 40, /* between looks at the publisher */
	ROUNDS_MAX = 99,
	IDLE_US = 1000000,
	PIPE_CYCLES = 2000000,
	EXIT_BAD_INPUT = 2,
};

/* The bars, and the yardstick's speed on the machine that they come from. */
#define BAR_WIRE   20.5e6 /* bytes a second */
#define BAR_IDLE   0.010  /* seconds */
#define PIPE_THERE 11.7e6 /* cycles a second */

static const uint8_t mac[6] = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 };

struct options {
	unsigned int clients;
	unsigned int rounds;
	uint64_t cycles; /* of a round */
	uint64_t seed;
	const char *out;
	bool judge;
};

struct round {
	double wire;   /* bytes a second */
	double cycles; /* a second */
	double per_segment;
	double pipe; /* cycles a second */
	double bar;  /* bytes a second: on this machine, at this moment */
	double idle; /* seconds for a virtual one */
	double idle_cycles;
};

struct bench {
	const struct options *options;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail *lib;
	struct fantail_group *group;
	struct fantail_conn **conns;
	unsigned int accepted;
	unsigned int published; /* batches */
	unsigned int under_way; /* payloads not yet with everybody */
	char why[256];
};

static int fail(struct bench *b, int rc, const char *what)
{
	/* the first reason is the best one */
	if (!b->why[0])
		snprintf(b->why, sizeof(b->why), "%s: %s", what, strerror(-rc));
	return rc;
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct bench *b = ctx;

	if (level == FANTAIL_SIM_ERROR && !b->why[0])
		snprintf(b->why, sizeof(b->why), "%s", msg);
}

/* ---------------------------------------------------------------- the card */

static int open_card(struct bench *b)
{
	struct fantail_dev_options dev = { 0 };
	struct fantail_options opt = { 0 };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config sim;
	int rc;

	fantail_peers_config_default(&peers);
	peers.count = b->options->clients;
	peers.connects_per_ms = 100;
	peers.connect_at_us = 1000;
	/* a retry after a lost handshake would disturb nobody */
	peers.connect_retries = 8;
	fantail_net_config_default(&net);
	memcpy(net.card_mac, mac, sizeof(mac));
	net.card_port = PORT;
	net.peers = &peers;
	fantail_sim_config_init(&sim);
	sim.network = "peers:";
	sim.net = &net;
	sim.seed = b->options->seed;
	sim.wire_check = false;
	sim.log = on_log;
	sim.log_ctx = b;
	rc = fantail_sim_open(&sim, &b->sim);
	if (rc)
		return fail(b, rc, "cannot start the card");
	dev.sim = b->sim;
	rc = fantail_dev_open("sim:", &dev, &b->dev);
	if (rc)
		return fail(b, rc, "cannot open the card");
	opt.dev = b->dev;
	memcpy(opt.mac, mac, sizeof(mac));
	opt.ip = 0x0a010001; /* 10.1.0.1 */
	opt.prefix_len = 16;
	opt.flush_us = FANTAIL_FLUSH_NEVER;
	/* nobody is aborted for lagging */
	opt.lag_limit = fantail_dev_limits(b->dev)->log_bytes / 4 * 3;
	rc = fantail_open(&opt, &b->lib);
	return rc ? fail(b, rc, "cannot open the library") : 0;
}

static void close_card(struct bench *b)
{
	fantail_close(b->lib);
	fantail_dev_close(b->dev);
	fantail_sim_close(b->sim);
	free(b->conns);
}

static int on_event(struct bench *b, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		if (b->accepted < b->options->clients)
			b->conns[b->accepted++] = e->conn;
		return 0;
	case FANTAIL_EVENT_CONN:
		return e->u.conn.dead ? -ECONNRESET : 0;
	case FANTAIL_EVENT_DELIVERED:
		b->under_way -= BATCH;
		return 0;
	case FANTAIL_EVENT_REFUSED:
		return -EIO;
	default:
		return 0;
	}
}

static int look(struct bench *b)
{
	struct fantail_event events[EVENTS];
	int n, i, rc = 0;

	do {
		n = fantail_poll(b->lib, events, EVENTS);
		if (n < 0)
			return fail(b, n, "the card does not work any more");
		for (i = 0; i < n && !rc; i++)
			rc = on_event(b, &events[i]);
	} while (n == EVENTS && !rc);
	return rc ? fail(b, rc, "a connection or a payload failed") : 0;
}

static int step(struct bench *b, int64_t timeout_us)
{
	int rc = fantail_wait(b->lib, timeout_us);

	if (rc < 0)
		return fail(b, rc, "waiting for the card");
	return look(b);
}

static int gather(struct bench *b)
{
	struct fantail_listener *listener;
	unsigned int n;
	int rc;

	b->conns = calloc(b->options->clients, sizeof(struct fantail_conn *));
	if (!b->conns)
		return fail(b, -ENOMEM, "connections");
	rc = fantail_listen(b->lib, PORT, b->options->clients, &listener);
	if (!rc)
		rc = fantail_group_create(b->lib, &b->group);
	if (rc)
		return fail(b, rc, "cannot listen");
	while (b->accepted < b->options->clients) {
		rc = step(b, 1000);
		if (rc)
			return rc;
	}
	for (n = 0; n < b->accepted;) {
		rc = fantail_group_join(b->group, b->conns[n]);
		if (rc && rc != -EAGAIN)
			return fail(b, rc, "cannot join the group");
		if (!rc)
			n++;
		else
			rc = step(b, STEP_US);
		if (rc)
			return rc;
	}
	rc = fantail_submit(b->lib);
	if (rc < 0)
		return fail(b, rc, "cannot join the group");
	/* the card is through with it, the ring empty */
	return step(b, 10000);
}

/* Keep enough under way that the MAC never waits for us. */
static int publish(struct bench *b)
{
	uint8_t payload[SEGMENT];
	unsigned int i;
	int rc = 0;

	for (; b->under_way + BATCH <= AHEAD; b->under_way += BATCH) {
		memset(payload, (int)b->published++, SEGMENT);
		for (i = 0; i < BATCH && !rc; i++)
			rc = fantail_publish_copy(b->lib,
						  fantail_to_group(b->group),
						  payload, SEGMENT, i);
		if (!rc)
			rc = fantail_submit_report(b->lib);
		if (rc < 0)
			return fail(b, rc, "cannot publish");
		rc = 0;
	}
	return 0;
}

/* ------------------------------------------------------------------ rounds */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int send_for(struct bench *b, uint64_t cycles)
{
	uint64_t end = fantail_sim_cycles(b->sim) + cycles;
	int rc = 0;

	while (!rc && fantail_sim_cycles(b->sim) < end) {
		rc = publish(b);
		if (!rc)
			rc = step(b, STEP_US);
	}
	return rc;
}

static int measure_pipe(struct bench *b, double *rate)
{
	double start = cpu_seconds();
	uint64_t beats = pipe_run(PIPE_CYCLES);

	if (!beats)
		return fail(b, -ENOMEM, "the yardstick");
	*rate = PIPE_CYCLES / (cpu_seconds() - start);
	return 0;
}

/* Sending, with the yardstick before and after. */
static int measure_sending(struct bench *b, struct round *r)
{
	struct fantail_sim_stats from, to;
	double start, seconds, before = 0, after = 0;
	int rc;

	rc = measure_pipe(b, &before);
	if (rc)
		return rc;
	fantail_sim_stats(b->sim, &from);
	start = cpu_seconds();
	rc = send_for(b, b->options->cycles);
	seconds = cpu_seconds() - start;
	fantail_sim_stats(b->sim, &to);
	if (!rc)
		rc = measure_pipe(b, &after);
	if (rc)
		return rc;
	r->pipe = (before + after) / 2;
	r->bar = BAR_WIRE * r->pipe / PIPE_THERE;
	r->wire = (double)(to.wire_tx_bytes - from.wire_tx_bytes) / seconds;
	r->cycles = (double)(to.cycles - from.cycles) / seconds;
	r->per_segment = (double)(to.cycles - from.cycles) /
			 (double)(to.wire_tx_frames - from.wire_tx_frames);
	return 0;
}

/* All is acknowledged and told, then nothing happens for a second. */
static int measure_idle(struct bench *b, struct round *r)
{
	uint64_t cycles, end;
	double start;
	int rc = 0;

	while (!rc && b->under_way)
		rc = step(b, 1000);
	if (!rc)
		rc = step(b, IDLE_US);
	if (rc)
		return rc;
	cycles = fantail_sim_cycles(b->sim);
	end = fantail_sim_now_us(b->sim) + IDLE_US;
	start = cpu_seconds();
	rc = step(b, IDLE_US);
	r->idle = cpu_seconds() - start;
	r->idle_cycles = (double)(fantail_sim_cycles(b->sim) - cycles);
	if (!rc && fantail_sim_now_us(b->sim) < end)
		rc = fail(b, -EBUSY, "the second was not idle");
	return rc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of a member of struct round. */
static double median(const struct round *rounds, unsigned int n, size_t member)
{
	double values[ROUNDS_MAX] = { 0 };
	unsigned int i;

	for (i = 0; i < n; i++)
		memcpy(&values[i], (const char *)&rounds[i] + member,
		       sizeof(values[i]));
	qsort(values, n, sizeof(values[0]), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* ------------------------------------------------------------------ report */

static int write_json(struct bench *b, const struct round *m, bool sends,
		      bool idles)
{
	char path[4096];
	json_t *root;
	int rc = 0;

	root = json_pack(
		"{s:I, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:b, s:f, "
		"s:f, s:f, s:b}",
		"seed", (json_int_t)b->options->seed, "clients",
		(int)b->options->clients, "rounds", (int)b->options->rounds,
		"wire_bytes_per_second", m->wire, "cycles_per_second",
		m->cycles, "cycles_per_segment", m->per_segment,
		"pipe_cycles_per_second", m->pipe, "wire_bytes_per_second_bar",
		m->bar, "sending_ok", sends, "idle_second_seconds", m->idle,
		"idle_second_cycles", m->idle_cycles, "idle_second_bar",
		BAR_IDLE, "idle_ok", idles);
	snprintf(path, sizeof(path), "%s/modelspeed.json", b->options->out);
	if (!root || json_dump_file(root, path, JSON_INDENT(2)))
		rc = fail(b, -EIO, path);
	json_decref(root);
	return rc;
}

static int report(struct bench *b, const struct round *rounds, bool *ok)
{
	unsigned int n = b->options->rounds;
	struct round m = {
		.wire = median(rounds, n, offsetof(struct round, wire)),
		.cycles = median(rounds, n, offsetof(struct round, cycles)),
		.per_segment =
			median(rounds, n, offsetof(struct round, per_segment)),
		.pipe = median(rounds, n, offsetof(struct round, pipe)),
		.bar = median(rounds, n, offsetof(struct round, bar)),
		.idle = median(rounds, n, offsetof(struct round, idle)),
		.idle_cycles =
			median(rounds, n, offsetof(struct round, idle_cycles)),
	};
	bool sends = m.wire >= m.bar, idles = m.idle <= BAR_IDLE;

	printf("%-44s %10s %10s\n", "the model, median of rounds", "figure",
	       "bar");
	printf("%-44s %10.1f %10.1f  %s\n",
	       "sending full segments, MB/s of wire", m.wire / 1e6, m.bar / 1e6,
	       sends ? "pass" : "falls short");
	printf("%-44s %10.2f %10.2f  %s\n", "one idle virtual second, ms",
	       m.idle * 1e3, BAR_IDLE * 1e3, idles ? "pass" : "falls short");
	printf("%-44s %10.3f\n", "Mcycles/s while sending", m.cycles / 1e6);
	printf("%-44s %10.2f\n", "cycles per segment", m.per_segment);
	printf("%-44s %10.0f\n", "cycles of the idle second", m.idle_cycles);
	printf("%-44s %10.2f\n", "Mcycles/s of the yardstick", m.pipe / 1e6);
	*ok = sends && idles;
	return write_json(b, &m, sends, idles);
}

static int run(struct bench *b, bool *ok)
{
	struct round rounds[ROUNDS_MAX];
	unsigned int i;
	int rc;

	rc = open_card(b);
	if (!rc)
		rc = gather(b);
	/* until every stage is busy */
	if (!rc)
		rc = send_for(b, 50000);
	for (i = 0; !rc && i < b->options->rounds; i++)
		rc = measure_sending(b, &rounds[i]);
	for (i = 0; !rc && i < b->options->rounds; i++)
		rc = measure_idle(b, &rounds[i]);
	if (!rc) {
		rc = fantail_sim_check(b->sim, b->why, sizeof(b->why));
		if (rc)
			return fail(b, rc, "the card");
	}
	return rc ? rc : report(b, rounds, ok);
}

/* ----------------------------------------------------------------- options */

enum {
	KEY_CLIENTS = 256,
	KEY_ROUNDS,
	KEY_CYCLES,
	KEY_SEED,
	KEY_OUT,
	KEY_JUDGE,
};

static const struct argp_option table[] = {
	{ "clients", KEY_CLIENTS, "N", 0, "Peers, 1..16384 (1000)", 0 },
	{ "rounds", KEY_ROUNDS, "N", 0, "1..99 (5)", 0 },
	{ "cycles", KEY_CYCLES, "N", 0, "Of a round (200000)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Of everything random (1)", 0 },
	{ "out", KEY_OUT, "DIR", 0, "Of modelspeed.json (build/modelspeed)",
	  0 },
	{ "judge", KEY_JUDGE, NULL, 0, "Fail when a bar is not reached", 0 },
	{ 0 },
};

static uint64_t number(const struct argp_state *state, const char *arg,
		       uint64_t least, uint64_t most)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (!errno && !*end && *arg >= '0' && *arg <= '9' && v >= least &&
	    v <= most)
		return v;
	fprintf(stderr,
		"%s: '%s' is not a number from %" PRIu64 " to %" PRIu64 "\n",
		state->name, arg, least, most);
	exit(EXIT_BAD_INPUT);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_CLIENTS:
		o->clients = (unsigned int)number(state, arg, 1, 16384);
		return 0;
	case KEY_ROUNDS:
		o->rounds = (unsigned int)number(state, arg, 1, ROUNDS_MAX);
		return 0;
	case KEY_CYCLES:
		o->cycles = number(state, arg, 1, UINT32_MAX);
		return 0;
	case KEY_SEED:
		o->seed = number(state, arg, 0, INT64_MAX);
		return 0;
	case KEY_OUT:
		o->out = arg;
		return 0;
	case KEY_JUDGE:
		o->judge = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp parser = {
		table, parse, NULL, "How fast the model is.", NULL, NULL, NULL,
	};
	struct options o = {
		.clients = 1000,
		.rounds = 5,
		.cycles = 200000,
		.seed = 1,
		.out = "build/modelspeed",
	};
	struct bench b = { .options = &o };
	bool ok = false;
	int rc;

	argp_err_exit_status = EXIT_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &o);
	if (mkdir(o.out, 0777) && errno != EEXIST) {
		fprintf(stderr, "modelspeed: --out: %s: %s\n", o.out,
			strerror(errno));
		return EXIT_BAD_INPUT;
	}
	rc = run(&b, &ok);
	if (rc)
		fprintf(stderr, "modelspeed: %s\n", b.why);
	close_card(&b);
	return rc || (o.judge && !ok) ? EXIT_FAILURE : EXIT_SUCCESS;
}
