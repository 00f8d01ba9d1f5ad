/* SPDX-License-Identifier: Apache-2.0 */
/* Options, rounds, table, JSON. See goodput.h. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "goodput.h"

enum {
	ROUNDS_MAX = 100,
	EXIT_BAD_INPUT = 2,
};

enum sender {
	ENGINE,
	LINUX,
	SENDERS
};

struct options {
	struct setup setup;
	unsigned int rounds;
	uint64_t seed;
	double least;	    /* ratio without SACK, else the run has failed */
	const char *record; /* prefix of recordings, or NULL */
	const char *out;    /* directory */
};

/* One sender with or without SACK, over all rounds. */
struct series {
	struct outcome rounds[ROUNDS_MAX];
	double median; /* bytes in a second, over clients and rounds */
	double worst;
	uint64_t segments, retransmits, fast_retransmits, timeouts;
	double cycles_per_second; /* the slowest round's */
	double busy;		  /* the busiest round's */
};

static const char *const sender_names[] = { "engine", "linux" };

/* ---------------------------------------------------------------- options */

enum {
	KEY_CLIENTS = 256,
	KEY_BYTES,
	KEY_ROUNDS,
	KEY_SEED,
	KEY_CONGESTION,
	KEY_LEAST,
	KEY_RECORD,
	KEY_OUT,
	KEY_LOSS, /* from here the order of link_names */
	KEY_REORDER,
	KEY_REORDER_GAP,
	KEY_DUP,
	KEY_DELAY,
	KEY_JITTER,
	KEY_CORRUPT,
	KEY_RATE,
	KEY_QUEUE,
};

static const char *const link_names[] = {
	"loss",	  "reorder", "reorder-gap", "dup",   "delay",
	"jitter", "corrupt", "rate",	    "queue",
};

static const struct argp_option table[] = {
	{ "clients", KEY_CLIENTS, "N", 0, "Kernel clients, 1..64 (10)", 0 },
	{ "bytes", KEY_BYTES, "N", 0, "For each of them, to 3000000 (900000)",
	  0 },
	{ "rounds", KEY_ROUNDS, "N", 0, "Of each sender, 1..100 (5)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Of the first round's link (1)", 0 },
	{ "congestion", KEY_CONGESTION, "NAME", 0, "Of Linux (reno)", 0 },
	{ "least", KEY_LEAST, "RATIO", 0,
	  "Engine to Linux without SACK, below it the run fails (0.7)", 0 },
	{ "record", KEY_RECORD, "PREFIX", 0,
	  "Keep the frames of each sender's last round", 0 },
	{ "out", KEY_OUT, "DIR", 0, "Of goodput.json (build/goodput)", 0 },
	{ .doc = "Link, each way:" },
	{ "loss", KEY_LOSS, "SHARE", 0, "Frames lost (2%)", 0 },
	{ "delay", KEY_DELAY, "TIME", 0, "(10ms)", 0 },
	{ "reorder", KEY_REORDER, "SHARE", 0, "(0)", 0 },
	{ "reorder-gap", KEY_REORDER_GAP, "N|TIME", 0, "(3)", 0 },
	{ "dup", KEY_DUP, "SHARE", 0, "(0)", 0 },
	{ "jitter", KEY_JITTER, "TIME", 0, "(0)", 0 },
	{ "corrupt", KEY_CORRUPT, "SHARE", 0, "(0)", 0 },
	{ "rate", KEY_RATE, "RATE", 0, "(no limit)", 0 },
	{ "queue", KEY_QUEUE, "BYTES", 0, "(1m)", 0 },
	{ 0 },
};

__attribute__((noreturn)) static void refuse(const struct argp_state *state,
					     const char *name, const char *arg,
					     const char *must)
{
	fprintf(stderr, "%s: --%s: '%s' is not %s\n", state->name, name, arg,
		must);
	exit(EXIT_BAD_INPUT);
}

static uint64_t number(const struct argp_state *state, const char *name,
		       const char *arg, uint64_t least, uint64_t most)
{
	unsigned long long v;
	char must[80], *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (!errno && !*end && *arg >= '0' && *arg <= '9' && v >= least &&
	    v <= most)
		return v;
	snprintf(must, sizeof(must), "a number from %" PRIu64 " to %" PRIu64,
		 least, most);
	refuse(state, name, arg, must);
}

static void set_link(const struct argp_state *state, struct setup *setup,
		     const char *name, const char *arg)
{
	const char *must = "";

	for (int d = 0; d < FANTAIL_LINK_DIRS; d++)
		if (fantail_link_set(&setup->link.way[d], name, arg, &must))
			refuse(state, name, arg, must);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end;

	switch (key) {
	case KEY_CLIENTS:
		o->setup.clients = (unsigned int)number(state, "clients", arg,
							1, CLIENTS_MAX);
		return 0;
	case KEY_BYTES:
		o->setup.bytes =
			(uint32_t)number(state, "bytes", arg, 1, BYTES_MAX);
		return 0;
	case KEY_ROUNDS:
		o->rounds = (unsigned int)number(state, "rounds", arg, 1,
						 ROUNDS_MAX);
		return 0;
	case KEY_SEED:
		o->seed = number(state, "seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_CONGESTION:
		o->setup.congestion = arg;
		return 0;
	case KEY_LEAST:
		o->least = strtod(arg, &end);
		if (*end || end == arg || !(o->least >= 0 && o->least <= 10))
			refuse(state, "least", arg, "a ratio from 0 to 10");
		return 0;
	case KEY_RECORD:
		o->record = arg;
		return 0;
	case KEY_OUT:
		o->out = arg;
		return 0;
	default:
		if (key < KEY_LOSS || key > KEY_QUEUE)
			return ARGP_ERR_UNKNOWN;
		set_link(state, &o->setup, link_names[key - KEY_LOSS], arg);
		return 0;
	}
}

/* ---------------------------------------------------------------- results */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void sum_up(struct series *s, const struct options *o)
{
	static double rates[ROUNDS_MAX * CLIENTS_MAX];
	size_t n = 0;

	s->worst = 1e18;
	s->cycles_per_second = 1e18;
	for (unsigned int r = 0; r < o->rounds; r++) {
		const struct outcome *out = &s->rounds[r];

		for (unsigned int i = 0; i < o->setup.clients; i++) {
			rates[n] = o->setup.bytes / out->seconds[i];
			if (rates[n] < s->worst)
				s->worst = rates[n];
			n++;
		}
		s->segments += out->segments;
		s->retransmits += out->retransmits;
		s->fast_retransmits += out->fast_retransmits;
		s->timeouts += out->timeouts;
		if (out->cycles_per_second < s->cycles_per_second)
			s->cycles_per_second = out->cycles_per_second;
		if (out->busy > s->busy)
			s->busy = out->busy;
	}
	s->median = median(rates, n);
}

static void print_row(const struct series *s, const char *name)
{
	printf("  %-12s %10.3f %10.3f %9" PRIu64 " %9" PRIu64 " %8" PRIu64
	       " %8" PRIu64 "\n",
	       name, s->median * 8e-6, s->worst * 8e-6, s->segments,
	       s->retransmits, s->fast_retransmits, s->timeouts);
}

static void print_table(const struct options *o, bool sack,
			const struct series *s)
{
	char name[32];

	printf("\nSACK %s %15s %10s %9s %9s %8s %8s\n", sack ? "on " : "off",
	       "Mbit/s", "worst", "segments", "again", "fast", "timeouts");
	print_row(&s[ENGINE], "engine");
	snprintf(name, sizeof(name), "Linux %.20s", o->setup.congestion);
	print_row(&s[LINUX], name);
	printf("  engine to Linux, medians: %.2f\n",
	       s[ENGINE].median / s[LINUX].median);
	fflush(stdout);
}

static json_t *link_json(const struct fantail_link_stats *l)
{
	return json_pack("{s:I, s:I, s:I}", "frames", (json_int_t)l->frames,
			 "lost", (json_int_t)l->lost, "arrived",
			 (json_int_t)l->arrived);
}

static json_t *round_json(const struct outcome *r, const struct options *o)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < o->setup.clients; i++)
		json_array_append_new(
			list, json_real(o->setup.bytes / r->seconds[i]));
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "bytes_per_second", list, "segments",
			 (json_int_t)r->segments, "retransmits",
			 (json_int_t)r->retransmits, "fast_retransmits",
			 (json_int_t)r->fast_retransmits, "timeouts",
			 (json_int_t)r->timeouts, "link_from_sender",
			 link_json(&r->link[FANTAIL_LINK_TX]), "link_to_sender",
			 link_json(&r->link[FANTAIL_LINK_RX]));
}

static json_t *series_json(const struct series *s, const struct options *o)
{
	json_t *rounds = json_array();

	for (unsigned int r = 0; r < o->rounds; r++)
		json_array_append_new(rounds, round_json(&s->rounds[r], o));
	return json_pack("{s:f, s:f, s:f, s:f, s:o}", "median_bytes_per_second",
			 s->median, "worst_bytes_per_second", s->worst,
			 "model_cycles_per_second", s->cycles_per_second,
			 "model_busy", s->busy, "rounds", rounds);
}

static int write_json(const struct options *o, const struct series (*all)[2],
		      bool ok)
{
	const struct fantail_link_way *way = &o->setup.link.way[0];
	json_t *root, *parts[2];
	char path[4096];
	int rc;

	for (int sack = 0; sack < 2; sack++)
		parts[sack] = json_pack(
			"{s:o, s:o, s:f}", sender_names[ENGINE],
			series_json(&all[sack][ENGINE], o), sender_names[LINUX],
			series_json(&all[sack][LINUX], o), "ratio",
			all[sack][ENGINE].median / all[sack][LINUX].median);
	root = json_pack("{s:I, s:I, s:I, s:I, s:s, s:f, s:f, s:f, s:I, s:o, "
			 "s:o, s:b}",
			 "clients", (json_int_t)o->setup.clients, "bytes",
			 (json_int_t)o->setup.bytes, "rounds",
			 (json_int_t)o->rounds, "seed", (json_int_t)o->seed,
			 "congestion", o->setup.congestion, "loss",
			 way->loss_ppm * 1e-6, "delay_seconds",
			 way->delay_us * 1e-6, "least_ratio", o->least,
			 "rto_min_us", (json_int_t)RTO_MIN_US, "sack_off",
			 parts[0], "sack_on", parts[1], "ok", ok);
	if (!root)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/goodput.json", o->out);
	rc = json_dump_file(root, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9))
		     ? -EIO
		     : 0;
	json_decref(root);
	if (!rc)
		printf("\nresults: %s\n", path);
	return rc;
}

/* ----------------------------------------------------------------- rounds */

static int run_round(struct options *o, unsigned int round, bool sack,
		     enum sender who, struct outcome *out)
{
	static int (*const run[])(const struct setup *, struct outcome *,
				  char *, size_t) = { run_engine, run_linux };
	char why[300], pcap[4096];
	int rc;

	o->setup.sack = sack;
	o->setup.link.seed = o->seed + round;
	snprintf(pcap, sizeof(pcap), "%s-sack-%s", o->record ? o->record : "",
		 sack ? "on" : "off");
	o->setup.pcap = o->record ? pcap : NULL;
	rc = run[who](&o->setup, out, why, sizeof(why));
	o->setup.pcap = NULL;
	if (rc == -EPERM || rc == -ENODEV || rc == -EINVAL ||
	    rc == -EADDRINUSE) {
		fprintf(stderr, "goodput: %s\n", why);
		exit(EXIT_BAD_INPUT);
	}
	if (rc)
		fprintf(stderr, "goodput: round %u, SACK %s: %s\n", round,
			sack ? "on" : "off", why);
	return rc;
}

static int run_all(struct options *o, struct series (*all)[2])
{
	double rates[CLIENTS_MAX];

	for (int sack = 0; sack < 2; sack++) {
		for (unsigned int r = 0; r < o->rounds; r++) {
			printf("SACK %-3s round %u:", sack ? "on" : "off", r);
			for (int who = 0; who < SENDERS; who++) {
				struct outcome *out = &all[sack][who].rounds[r];

				if (run_round(o, r, sack, who, out))
					return EXIT_FAILURE;
				for (unsigned int i = 0; i < o->setup.clients;
				     i++)
					rates[i] = o->setup.bytes /
						   out->seconds[i];
				printf(" %s %.3f Mbit/s", sender_names[who],
				       median(rates, o->setup.clients) * 8e-6);
				fflush(stdout);
			}
			putchar('\n');
		}
		for (int who = 0; who < SENDERS; who++)
			sum_up(&all[sack][who], o);
		print_table(o, sack, all[sack]);
	}
	return 0;
}

/*
 * Does the model's own speed limit? A full segment takes 24 cycles; a model
 * that sleeps part of the time has waited for the link.
 */
static void print_speed(const struct options *o, const struct series (*all)[2])
{
	for (int sack = 0; sack < 2; sack++) {
		const struct series *s = &all[sack][ENGINE];

		printf("%sSACK %-3s the model ran at %.2f Mcycles/s in %.0f %% "
		       "of the time; it could send %.1f Mbit/s to each "
		       "client\n",
		       sack ? "" : "\n",
		       sack ? "on:" : "off:", s->cycles_per_second / 1e6,
		       s->busy * 100,
		       s->cycles_per_second / 24 * 1448 * 8 / 1e6 /
			       o->setup.clients);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		table,
		parse,
		NULL,
		"Goodput of the engine and of Linux as senders to the same "
		"kernel clients over the same bad link. Needs root.",
		NULL,
		NULL,
		NULL
	};
	static struct series all[2][SENDERS];
	struct options o = {
		.setup = { .clients = 10,
			   .bytes = 900000,
			   .congestion = "reno" },
		.rounds = 5,
		.seed = 1,
		.least = 0.7,
		.out = "build/goodput",
	};
	double ratio;
	bool ok;
	int d;

	for (d = 0; d < FANTAIL_LINK_DIRS; d++) {
		o.setup.link.way[d].loss_ppm = 20000;
		o.setup.link.way[d].delay_us = 10000;
	}
	argp_err_exit_status = EXIT_BAD_INPUT;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if ((mkdir("build", 0777) && errno != EEXIST) ||
	    (mkdir(o.out, 0777) && errno != EEXIST)) {
		fprintf(stderr, "goodput: cannot create %s: %s\n", o.out,
			strerror(errno));
		return EXIT_BAD_INPUT;
	}
	printf("%u clients, %u bytes each, %.1f ms and %.2f %% loss each way, "
	       "RTO floor 200 ms\n",
	       o.setup.clients, o.setup.bytes,
	       o.setup.link.way[0].delay_us / 1e3,
	       o.setup.link.way[0].loss_ppm / 1e4);
	if (run_all(&o, all))
		return EXIT_FAILURE;
	print_speed(&o, (const struct series(*)[2])all);
	ratio = all[0][ENGINE].median / all[0][LINUX].median;
	ok = ratio >= o.least;
	if (write_json(&o, (const struct series(*)[2])all, ok)) {
		fprintf(stderr, "goodput: cannot write the results\n");
		return EXIT_FAILURE;
	}
	if (!ok) {
		fprintf(stderr,
			"goodput: the engine reaches %.2f of Linux without "
			"SACK, at least %.2f is wanted\n",
			ratio, o.least);
		return EXIT_FAILURE;
	}
	puts("ok");
	return 0;
}
