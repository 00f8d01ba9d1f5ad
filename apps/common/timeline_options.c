/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "args.h"

enum {
	KEY_PERFETTO = ARGS_KEY_TIMELINE,
	KEY_BATCHES,
	KEY_WINDOW,
};

static const struct argp_option table[] = {
	{ .doc = "A timeline of batches:", .group = 7 },
	{ "perfetto", KEY_PERFETTO, "FILE.json", 0,
	  "Write a timeline that ui.perfetto.dev opens", 0 },
	{ "perfetto-batches", KEY_BATCHES, "FIRST:LAST", 0,
	  "Batches in it, from 0 on (0:2)", 0 },
	{ "perfetto-window", KEY_WINDOW, "FIRST:LAST", 0,
	  "Or cycles, whatever batches they hold", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct timeline_options *o = state->input;

	args_seen(state, key);
	switch (key) {
	case KEY_PERFETTO:
		o->path = arg;
		return 0;
	case KEY_BATCHES:
		args_range("perfetto-batches", "batch", arg, &o->first,
			   &o->last);
		o->batches = arg;
		return 0;
	case KEY_WINDOW:
		args_range("perfetto-window", "cycle", arg, &o->first,
			   &o->last);
		o->cycles = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp timeline_argp = {
	table, parse, NULL, NULL, NULL, NULL, NULL
};

void timeline_check(const struct timeline_options *o)
{
	FILE *file;

	if (o->batches && o->cycles)
		bad_input("--perfetto-window: the timeline is either of these "
			  "cycles or of the batches %s; leave out one",
			  o->batches);
	if (!o->path && (o->batches || o->cycles))
		bad_input("--perfetto-%s: no timeline is asked for; name a "
			  "file with --perfetto",
			  o->batches ? "batches" : "window");
	if (!o->path)
		return;
	file = fopen(o->path, "we");
	if (!file)
		bad_input("--perfetto: cannot write '%s': %s", o->path,
			  strerror(errno));
	fclose(file);
}

void timeline_configure(const struct timeline_options *o,
			struct fantail_sim_config *cfg)
{
	cfg->timeline = o->path;
	if (!o->batches && !o->cycles)
		return;
	cfg->timeline_cycles = o->cycles;
	cfg->timeline_first = o->first;
	cfg->timeline_last = o->last;
}

int timeline_tell(const struct timeline_options *o,
		  const struct fantail_sim_timeline *what, int rc)
{
	const char *program = program_invocation_short_name;

	if (!o->path)
		return 0;
	if (rc) {
		fprintf(stderr, "%s: cannot write %s: %s\n", program, o->path,
			strerror(-rc));
		return rc;
	}
	if (what->full)
		fprintf(stderr,
			"%s: the timeline ends early, at %" PRIu64
			" slices; take fewer batches with --perfetto-batches\n",
			program, what->slices);
	else if (!what->batches)
		fprintf(stderr,
			"%s: the timeline holds no batch: none was rung for in "
			"its window\n",
			program);
	printf("timeline: %s  batches: %" PRIu64 "  slices: %" PRIu64
	       "  (open it in ui.perfetto.dev)\n",
	       o->path, what->batches, what->slices);
	return 0;
}
