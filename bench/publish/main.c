/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Options, rounds, clock, JSON. See publish.h. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "publish.h"

enum {
	EXIT_BAD_INPUT = 2,
	EXIT_NOT_HERE = 3,
};

static const struct sender *const senders[] = {
	&sender_send,
	&sender_writev,
	&sender_uring,
	&sender_card,
};

struct options {
	struct setup setup;
	const struct sender *sender;
	const char *out;
};

enum {
	KEY_SENDER = 256,
	KEY_CLIENTS,
	KEY_ROUNDS,
	KEY_BYTES,
	KEY_URI,
	KEY_OUT,
};

static const struct argp_option table[] = {
	{ "sender", KEY_SENDER, "NAME", 0, "send, writev, uring or card", 0 },
	{ "clients", KEY_CLIENTS, "N", 0, "1..1000 (1000)", 0 },
	{ "rounds", KEY_ROUNDS, "N", 0, "1..100000 (20)", 0 },
	{ "bytes", KEY_BYTES, "N", 0, "Of a payload, 1..1448 (200)", 0 },
	{ "uri", KEY_URI, "URI", 0, "Of the card, as vfio-user:PATH", 0 },
	{ "out", KEY_OUT, "FILE", 0, "JSON", 0 },
	{ 0 },
};

void fill_payloads(uint8_t *to, uint32_t bytes, unsigned int round)
{
	memset(to, (int)('a' + round % 26), (size_t)bytes * PAYLOADS);
}

static unsigned int number(const struct argp_state *state, const char *arg,
			   unsigned long least, unsigned long most)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(arg, &end, 10);
	if (errno || *end || *arg < '0' || *arg > '9' || v < least || v > most)
		argp_error(state, "'%s' is not a number from %lu to %lu", arg,
			   least, most);
	return (unsigned int)v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	size_t i;

	switch (key) {
	case KEY_SENDER:
		for (i = 0; i < sizeof(senders) / sizeof(*senders); i++)
			if (!strcmp(arg, senders[i]->name))
				o->sender = senders[i];
		if (!o->sender)
			argp_error(state, "no sender '%s'", arg);
		return 0;
	case KEY_CLIENTS:
		o->setup.clients = number(state, arg, 1, CLIENTS_MAX);
		return 0;
	case KEY_ROUNDS:
		o->setup.rounds = number(state, arg, 1, 100000);
		return 0;
	case KEY_BYTES:
		o->setup.bytes = number(state, arg, 1, 1448);
		return 0;
	case KEY_URI:
		o->setup.uri = arg;
		return 0;
	case KEY_OUT:
		o->out = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->sender)
			argp_error(state, "which sender?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* By this name callgrind is told what to count. */
__attribute__((noinline)) int publish_round(const struct sender *s,
					    void *state);

int publish_round(const struct sender *s, void *state)
{
	return s->round(state);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static struct cost now(void)
{
	struct timespec t;
	struct rusage u;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	getrusage(RUSAGE_SELF, &u);
	return (struct cost){
		.user = seconds(u.ru_utime),
		.system = seconds(u.ru_stime),
		.cpu = (double)t.tv_sec + (double)t.tv_nsec * 1e-9,
	};
}

static int one_round(const struct options *o, void *state, struct cost *cost)
{
	struct cost from = now(), to;
	int rc;

	rc = publish_round(o->sender, state);
	to = now();
	cost->user = to.user - from.user;
	cost->system = to.system - from.system;
	cost->cpu = to.cpu - from.cpu;
	return rc ? rc : o->sender->arrived(state);
}

static int run_rounds(const struct options *o, void *state, struct cost *costs)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < WARM_UP; i++) {
		rc = o->sender->round(state);
		if (!rc)
			rc = o->sender->arrived(state);
	}
	for (i = 0; !rc && i < o->setup.rounds; i++)
		rc = one_round(o, state, &costs[i]);
	return rc;
}

static int by_cpu(const void *a, const void *b)
{
	double x = ((const struct cost *)a)->cpu;
	double y = ((const struct cost *)b)->cpu;

	return (x > y) - (x < y);
}

/* Sorts @costs. */
static int report(const struct options *o, struct cost *costs)
{
	double deliveries = (double)o->setup.clients * PAYLOADS, median;
	double user = 0, sys = 0, sum = 0;
	unsigned int i, n = o->setup.rounds;
	json_t *root;
	int rc = 0;

	for (i = 0; i < n; i++) {
		user += costs[i].user;
		sys += costs[i].system;
		sum += costs[i].cpu;
	}
	qsort(costs, n, sizeof(*costs), by_cpu);
	median = (costs[n / 2].cpu + costs[(n - 1) / 2].cpu) / 2;
	printf("publish  %-6s %d x %u B to %u: %.5f us of processor for a "
	       "delivered payload\n",
	       o->sender->name, PAYLOADS, o->setup.bytes, o->setup.clients,
	       median / deliveries * 1e6);
	if (!o->out)
		return 0;
	root = json_pack(
		"{s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "sender",
		o->sender->name, "clients", (int)o->setup.clients, "payloads",
		PAYLOADS, "bytes", (int)o->setup.bytes, "rounds", (int)n,
		"user_seconds", user, "system_seconds", sys, "cpu_seconds", sum,
		"median_round_seconds", median, "deliveries", deliveries * n);
	if (!root || json_dump_file(root, o->out, JSON_INDENT(1))) {
		fprintf(stderr, "publish: cannot write %s\n", o->out);
		rc = -EIO;
	}
	json_decref(root);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		table,
		parse,
		NULL,
		"What a delivered payload costs its publisher's processor.",
		NULL,
		NULL,
		NULL
	};
	struct options o = {
		.setup = { .clients = 1000, .rounds = 20, .bytes = 200 },
	};
	struct cost *costs;
	void *state = NULL;
	char why[256] = "";
	int rc;

	argp_err_exit_status = EXIT_BAD_INPUT;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	costs = calloc(o.setup.rounds, sizeof(*costs));
	if (!costs)
		return EXIT_FAILURE;
	rc = o.sender->open(&o.setup, &state, why, sizeof(why));
	if (!rc) {
		rc = run_rounds(&o, state, costs);
		o.sender->close(state);
	}
	if (!rc)
		rc = report(&o, costs);
	if (rc)
		fprintf(stderr, "publish: %s: %s\n", o.sender->name,
			why[0] ? why : strerror(-rc));
	free(costs);
	if (rc == -ENOTSUP)
		return EXIT_NOT_HERE;
	return rc ? EXIT_FAILURE : 0;
}
