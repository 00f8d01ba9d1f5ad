/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Publish a feed through the simulated card to many TCP clients, each "
	"of which checks every byte."
	"\v"
	"The results are in the output directory: summary.json, and wire.pcap "
	"with every frame. Exit code 0: all clients got every byte; 1: they "
	"did not; 2: something in the command line or the input is wrong.";

enum {
	KEY_CLIENTS = 256,
	KEY_MESSAGES,
	KEY_BATCH,
	KEY_INTERVAL,
	KEY_FEED,
	KEY_FRAMING,
	KEY_NET,
	KEY_DEVICE,
	KEY_TRACE,
	KEY_TRACE_WINDOW,
	KEY_SEED,
	KEY_PORT,
	KEY_CONGESTION,
	KEY_SACK,
	KEY_OUT,
	KEY_FANOUT,
	KEY_PCAP_LIMIT,
	KEY_JSON,
	KEY_DROP,
	KEY_CYCLE_LIMIT,
};

static const struct argp_option table[] = {
	{ .doc = "What is published:" },
	{ "feed", KEY_FEED, "FILE", 0,
	  "File to publish, - for standard input (default: synthetic market "
	  "data, NASDAQ ITCH 5.0)",
	  0 },
	{ "framing", KEY_FRAMING, "itch|lines|fixed:N", 0,
	  "How the feed is cut into messages (itch)", 0 },
	{ "messages", KEY_MESSAGES, "N", 0, "Messages (10000; of a feed: all)",
	  0 },
	{ "batch", KEY_BATCH, "N", 0, "Messages per doorbell (10)", 0 },
	{ "interval", KEY_INTERVAL, "TIME", 0,
	  "Time of the card from doorbell to doorbell, as 50us (0: as fast as "
	  "it goes)",
	  0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of everything random (1)", 0 },
	{ .doc = "To whom:" },
	{ "clients", KEY_CLIENTS, "N", 0, "TCP clients (100)", 0 },
	{ "net", KEY_NET, "slirp|tap|peers", 0,
	  "Kernel sockets in real time, behind user-mode networking or, as "
	  "root, with the kernel's TCP as the card's peer; or receivers inside "
	  "the process in virtual time (slirp)",
	  0 },
	{ "port", KEY_PORT, "N", 0,
	  "Local TCP port of slirp (0: any free one; with --device: 9000)", 0 },
	{ "device", KEY_DEVICE, "sim:|vfio-user:SOCKET", 0,
	  "The card: a model in this process, or what fantail-sim serves; the "
	  "network and all models are its affair then (sim:)",
	  0 },
	{ "congestion", KEY_CONGESTION, "NAME", 0,
	  "Congestion control of the clients' kernel with tap (reno)", 0 },
	{ "sack", KEY_SACK, "on|off", 0,
	  "Selective acknowledgements of that kernel (on)", 0 },
	{ "drop-client", KEY_DROP, "N", 0,
	  "Client N (from 0) disconnects in the middle", 0 },
	{ .doc = "What is kept:" },
	{ "out", KEY_OUT, "DIR", 0, "Directory of the results (build/run)", 0 },
	{ "fanout", KEY_FANOUT, "FILE.csv", 0,
	  "Write each client's place in the fan-out as a table, and plot it "
	  "beside, as FILE.png, if gnuplot is installed",
	  0 },
	{ "pcap-limit", KEY_PCAP_LIMIT, "BYTES", 0,
	  "wire.pcap holds the first frames, up to this size, as 64m (0: all)",
	  0 },
	{ "json", KEY_JSON, NULL, 0, "Print the summary as JSON, too", 0 },
	{ "trace", KEY_TRACE, "FILE", 0,
	  "Waves as FST; needs a build with waves", 0 },
	{ "trace-window", KEY_TRACE_WINDOW, "FIRST:LAST", 0,
	  "Cycles to trace (all)", 0 },
	{ "cycle-limit", KEY_CYCLE_LIMIT, "N", 0,
	  "Fail after so many cycles (0: never)", 0 },
	{ .doc = "Also:", .group = 10 },
	{ "help", '?', NULL, 0, "Print this", 0 },
	{ "version", 'V', NULL, 0, "Print the version", 0 },
	{ 0 },
};

/* As 20ms: a time, the way the link model takes it. */
static uint32_t duration(const char *name, const char *text)
{
	struct fantail_link_way way = { 0 };
	const char *must;

	if (fantail_link_set(&way, "delay", text, &must))
		bad_input("--%s: '%s' is not %s", name, text, must);
	return way.delay_us;
}

static void parse_net(const char *text, struct options *o)
{
	if (!strcmp(text, "slirp"))
		o->net = NET_SLIRP;
	else if (!strcmp(text, "tap"))
		o->net = NET_TAP;
	else if (!strcmp(text, "peers"))
		o->net = NET_PEERS;
	else
		bad_input("--net: '%s' is neither slirp, tap nor peers", text);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	args_seen(state, key);
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->model;
		state->child_inputs[1] = &o->timeline;
		return 0;
	case '?':
		argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP,
			  "fantail-run");
		exit(EXIT_SUCCESS);
	case 'V':
		puts("fantail-run 1.0");
		exit(EXIT_SUCCESS);
	case KEY_CLIENTS:
		o->clients =
			(unsigned int)args_number("clients", arg, 1, 16384);
		return 0;
	case KEY_MESSAGES:
		o->feed.messages = args_number("messages", arg, 1, 1ULL << 40);
		return 0;
	case KEY_BATCH:
		o->batch = (unsigned int)args_number("batch", arg, 1, 8192);
		return 0;
	case KEY_INTERVAL:
		o->interval_us = duration("interval", arg);
		return 0;
	case KEY_FEED:
		o->feed.path = arg;
		return 0;
	case KEY_FRAMING:
		if (feed_parse_framing(arg, &o->feed))
			bad_input("--framing: '%s' is neither itch, lines nor "
				  "fixed:N with N from 1 to %d",
				  arg, FEED_MESSAGE_MAX);
		o->framing = arg;
		return 0;
	case KEY_NET:
		parse_net(arg, o);
		return 0;
	case KEY_DEVICE:
		o->device = strcmp(arg, "sim:") ? arg : NULL;
		return 0;
	case KEY_TRACE:
		o->trace = arg;
		return 0;
	case KEY_TRACE_WINDOW:
		args_window(arg, &o->trace_first, &o->trace_cycles);
		return 0;
	case KEY_SEED:
		o->seed = args_number("seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_PORT:
		o->port = (uint16_t)args_number("port", arg, 0, 65535);
		return 0;
	case KEY_CONGESTION:
		o->congestion = arg;
		return 0;
	case KEY_SACK:
		if (strcmp(arg, "on") && strcmp(arg, "off"))
			bad_input("--sack: '%s' is neither on nor off", arg);
		o->sack = arg;
		return 0;
	case KEY_OUT:
		o->out = arg;
		return 0;
	case KEY_FANOUT:
		o->fanout = arg;
		return 0;
	case KEY_PCAP_LIMIT:
		o->pcap_limit = args_bytes("pcap-limit", arg, ARGS_PCAP_LEAST);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_DROP:
		o->drop_client = (int)args_number("drop-client", arg, 0, 16383);
		return 0;
	case KEY_CYCLE_LIMIT:
		o->cycle_limit = args_number("cycle-limit", arg, 0, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		bad_input("'%s' is not an option; a file goes behind --feed, "
			  "see --help",
			  arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What belongs to the process that has the card. */
static void check_device(struct options *o)
{
	if (strncmp(o->device, "vfio-user:", 10))
		bad_input("--device: '%s' is neither sim: nor vfio-user:SOCKET",
			  o->device);
	if (o->net != NET_SLIRP)
		bad_input("--net: the network of '%s' is that of fantail-sim; "
			  "choose it there",
			  o->device);
	if (o->fanout || o->pcap_limit)
		bad_input("--%s: frames and their places are seen by "
			  "fantail-sim only",
			  o->fanout ? "fanout" : "pcap-limit");
	if (o->timeline.path)
		bad_input("--perfetto: the clock of '%s' is that of "
			  "fantail-sim; ask for the timeline there",
			  o->device);
	if (o->model.given || o->trace || o->cycle_limit)
		bad_input("--device: link, PCIe, waves and cycles of '%s' are "
			  "those of fantail-sim; choose them there",
			  o->device);
	if (!o->port)
		o->port = RIG_PORT;
}

static void check_together(const struct options *o)
{
	if (o->drop_client >= (int)o->clients)
		bad_input("--drop-client: there is no client %d, the last is "
			  "%u",
			  o->drop_client, o->clients - 1);
	if (o->drop_client >= 0 && o->clients == 1)
		bad_input("--drop-client: with one client nobody would be "
			  "left; take --clients=2");
	if (!o->feed.path && o->feed.framing != FEED_ITCH)
		bad_input("--framing: '%s' cuts a feed, and none is given; "
			  "name one with --feed (make run FEED=...)",
			  o->framing);
	if (o->net != NET_TAP && (o->congestion || o->sack))
		bad_input("--%s: only the clients of --net=tap have a kernel "
			  "of their own",
			  o->congestion ? "congestion" : "sack");
	if (!o->trace && o->trace_cycles)
		bad_input("--trace-window: no waves are asked for; name a file "
			  "with --trace");
}

void options_parse(int argc, char **argv, struct options *options)
{
	static const struct argp_child children[] = {
		{ &model_argp, 0, NULL, 0 },
		{ &timeline_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = { table,    parse, NULL, doc,
					  children, NULL,  NULL };

	*options = (struct options){
		.clients = 100,
		.batch = 10,
		.drop_client = -1,
		.out = "build/run",
		.framing = "itch",
		.seed = 1,
	};
	/* its own words would be two lines; in order, so that args_next is right */
	if (argp_parse(&argp, argc, argv,
		       ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_IN_ORDER, NULL,
		       options))
		bad_input("'%s' is not an option, or its value is missing or "
			  "too much; see --help",
			  argv[args_next]);
	if (options->feed.path && !*options->feed.path)
		options->feed.path = NULL;
	if (!options->feed.path && !options->feed.messages)
		options->feed.messages = 10000;
	options->feed.seed = options->seed;
	check_together(options);
	if (options->device)
		check_device(options);
	model_check(&options->model);
	timeline_check(&options->timeline);
}
