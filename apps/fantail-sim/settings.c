/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"The simulated card as a PCI device: a vfio-user server on the UNIX "
	"socket SOCKET, for one client after the other. The model runs in "
	"real time."
	"\v"
	"JSON statistics are written at exit and on SIGUSR1. SIGINT and "
	"SIGTERM end it. Exit code 0: all was right; 1: the card or the model "
	"failed; 2: something in the command line is wrong. The sizes of the "
	"engine are chosen when it is built: make sim CONNECTIONS=256 ...";

enum {
	KEY_SOCKET = ARGS_KEY_FIRST,
	KEY_NET,
	KEY_PORT,
	KEY_PCAP,
	KEY_PCAP_LIMIT,
	KEY_TRACE,
	KEY_TRACE_WINDOW,
	KEY_STATS,
	KEY_SEED,
	KEY_CLOCK,
	KEY_CYCLE_LIMIT,
	KEY_PACING,
	KEY_PATIENCE,
	KEY_VERBOSE,
};

static const struct argp_option table[] = {
	{ "socket", KEY_SOCKET, "SOCKET", 0, "Another way to name it", 0 },
	{ .doc = "The network:" },
	{ "net", KEY_NET, "slirp|tap|peers|none|URI", 0,
	  "User-mode networking; the kernel's TCP behind a TAP device (root); "
	  "receivers in this process; no cable; or one of these as a URI of "
	  "sim/net.h with its parameters, as peers:?count=20 (slirp)",
	  0 },
	{ "port", KEY_PORT, "N", 0,
	  "Local TCP port that slirp forwards to the card's port 9000 (9000; "
	  "0: any free one)",
	  0 },
	{ .doc = "What is kept:" },
	{ "stats", KEY_STATS, "FILE", 0,
	  "Statistics go there, each time anew (standard output)", 0 },
	{ "pcap", KEY_PCAP, "FILE", 0, "Record every frame", 0 },
	{ "pcap-limit", KEY_PCAP_LIMIT, "BYTES", 0,
	  "The first frames, up to this size, as 64m (0: all)", 0 },
	{ "trace", KEY_TRACE, "FILE", 0,
	  "Waves as FST; needs a build with waves", 0 },
	{ "trace-window", KEY_TRACE_WINDOW, "FIRST:LAST", 0,
	  "Cycles to trace (all)", 0 },
	{ .doc = "The card:" },
	{ "clock-ns", KEY_CLOCK, "NS", 0, "Length of a cycle, 1..1000 (4)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of everything random (1)", 0 },
	{ "mac-pacing", KEY_PACING, NULL, 0, "Hold the MAC to 100 Gbit/s", 0 },
	{ "cycle-limit", KEY_CYCLE_LIMIT, "N", 0,
	  "The model fails after so many cycles (0: never)", 0 },
	{ .doc = "Also:", .group = 10 },
	{ "patience-ms", KEY_PATIENCE, "MS", 0,
	  "Disconnect a client that does not read, or does not end what it "
	  "began, for so long (5000)",
	  0 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "Tell about clients and messages",
	  0 },
	{ "help", '?', NULL, 0, "Print this", 0 },
	{ "version", 'V', NULL, 0, "Print the version", 0 },
	{ 0 },
};

static void parse_net(const char *text, struct settings *s)
{
	static const struct {
		const char *name;
		const char *uri;
	} names[] = {
		{ "slirp", "slirp:" },
		{ "tap", "tap:" },
		{ "peers", "peers:" },
		{ "none", NULL },
	};

	s->slirp = !strncmp(text, "slirp", 5);
	s->net = text;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i].name)) {
			s->net = names[i].uri;
			return;
		}
	if (!strchr(text, ':') || !strncmp(text, "script:", 7))
		bad_input("--net: '%s' is neither slirp, tap, peers, none nor "
			  "a URI of one of them",
			  text);
}

static error_t parse_kept(int key, char *arg, struct settings *s)
{
	switch (key) {
	case KEY_PCAP:
		s->pcap = arg;
		return 0;
	case KEY_PCAP_LIMIT:
		s->pcap_limit = args_bytes("pcap-limit", arg, ARGS_PCAP_LEAST);
		return 0;
	case KEY_TRACE:
		s->trace = arg;
		return 0;
	case KEY_TRACE_WINDOW:
		args_window(arg, &s->trace_first, &s->trace_cycles);
		return 0;
	case KEY_STATS:
		s->stats = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct settings *s = state->input;

	args_seen(state, key);
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->model;
		state->child_inputs[1] = &s->timeline;
		return 0;
	case '?':
		argp_help(state->root_argp, stdout,
			  ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK,
			  program_invocation_short_name);
		exit(EXIT_SUCCESS);
	case 'V':
		puts("fantail-sim 1.0");
		exit(EXIT_SUCCESS);
	case KEY_NET:
		parse_net(arg, s);
		return 0;
	case KEY_PORT:
		s->port = (uint16_t)args_number("port", arg, 0, 65535);
		return 0;
	case KEY_SEED:
		s->seed = args_number("seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_CLOCK:
		s->clock_ns =
			(unsigned int)args_number("clock-ns", arg, 1, 1000);
		return 0;
	case KEY_CYCLE_LIMIT:
		s->cycle_limit = args_number("cycle-limit", arg, 0, UINT64_MAX);
		return 0;
	case KEY_PACING:
		s->mac_pacing = true;
		return 0;
	case KEY_PATIENCE:
		s->patience_ms = (unsigned int)args_number("patience-ms", arg,
							   1, 3600000);
		return 0;
	case KEY_VERBOSE:
		s->verbose = true;
		return 0;
	case KEY_SOCKET:
	case ARGP_KEY_ARG:
		if (s->path)
			bad_input("'%s' is one socket too many, see --help",
				  arg);
		s->path = arg;
		return 0;
	default:
		return parse_kept(key, arg, s);
	}
}

void settings_parse(int argc, char **argv, struct settings *s)
{
	static const struct argp_child children[] = {
		{ &model_argp, 0, NULL, 0 },
		{ &timeline_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = { table,    parse, "SOCKET", doc,
					  children, NULL,  NULL };

	*s = (struct settings){
		.net = "slirp:",
		.slirp = true,
		.port = 9000,
		.clock_ns = 4,
		.patience_ms = 5000,
		.seed = 1,
	};
	/* its own words would be two lines; in order, so that args_next is right */
	if (argp_parse(&argp, argc, argv,
		       ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_IN_ORDER, NULL, s))
		bad_input("'%s' is not an option, or its value is missing or "
			  "too much; see --help",
			  argv[args_next]);
	if (!s->path)
		bad_input("name the socket to listen on, as fantail-sim "
			  "fantail.sock; see --help");
	if (!s->trace && s->trace_cycles)
		bad_input("--trace-window: no waves are asked for; name a file "
			  "with --trace");
	model_check(&s->model);
	timeline_check(&s->timeline);
}
