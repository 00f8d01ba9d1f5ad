/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's cost in cycles, in virtual time, with the wire checker on:
 * cases by name, measurements as JSON.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

enum {
	EXIT_BAD_INPUT = 2,
	CASES_MAX = 32,
};

struct options {
	struct run run;
	const char *out; /* file, or NULL */
	const struct bench_case *chosen[CASES_MAX];
	unsigned int count;
};

enum {
	KEY_SEED = 256,
	KEY_QUICK,
	KEY_OUT,
	KEY_LIST,
};

static const struct argp_option table[] = {
	{ "seed", KEY_SEED, "N", 0, "Of everything random (1)", 0 },
	{ "quick", KEY_QUICK, NULL, 0, "Fewer rounds", 0 },
	{ "out", KEY_OUT, "FILE", 0, "Measurements as JSON", 0 },
	{ "list", KEY_LIST, NULL, 0, "Say which cases there are", 0 },
	{ 0 },
};

static const struct bench_case *find(const char *name)
{
	const struct bench_case *c;

	for (c = cases; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	const struct bench_case *c;
	char *end;

	switch (key) {
	case KEY_SEED:
		errno = 0;
		o->run.seed = strtoull(arg, &end, 10);
		if (errno || *end || *arg < '0' || *arg > '9')
			argp_error(state, "--seed: '%s' is not a number", arg);
		return 0;
	case KEY_QUICK:
		o->run.quick = true;
		return 0;
	case KEY_OUT:
		o->out = arg;
		return 0;
	case KEY_LIST:
		for (c = cases; c->name; c++)
			printf("  %-10s %s\n", c->name, c->what);
		exit(0);
	case ARGP_KEY_ARG:
		c = find(arg);
		if (!c || o->count == CASES_MAX)
			argp_error(state, "no case '%s', see --list", arg);
		o->chosen[o->count++] = c;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which cases? see --list");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		table,
		parse,
		"CASE...",
		"Cycles of the engine, counted from the first to the last "
		"beat at its MAC.",
		NULL,
		NULL,
		NULL
	};
	struct options o = { .run = { .seed = 1 } };
	unsigned int i;
	int rc = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	argp_err_exit_status = EXIT_BAD_INPUT;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	o.run.out = json_array();
	if (!o.run.out)
		return EXIT_FAILURE;
	for (i = 0; !rc && i < o.count; i++)
		rc = o.chosen[i]->run(&o.run);
	if (!rc && o.out && json_dump_file(o.run.out, o.out, JSON_INDENT(1))) {
		fprintf(stderr, "line: cannot write %s\n", o.out);
		rc = -EIO;
	}
	json_decref(o.run.out);
	return rc ? EXIT_FAILURE : 0;
}
