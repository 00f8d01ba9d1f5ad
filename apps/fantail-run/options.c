/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_LEAST 4096 /* bytes, so that it holds something */

static int next_arg = 1; /* behind the last option understood */

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
	KEY_LOSS, /* from here the order of link_names */
	KEY_REORDER,
	KEY_REORDER_GAP,
	KEY_DUP,
	KEY_DELAY,
	KEY_JITTER,
	KEY_CORRUPT,
	KEY_RATE,
	KEY_QUEUE,
	KEY_LOSE_TX,
	KEY_LOSE_RX,
	KEY_LINK_DIR,
	KEY_PCIE_LATENCY,
	KEY_PCIE_WRITE,
	KEY_PCIE_GEN,
	KEY_PCIE_LANES,
	KEY_PCIE_TAGS,
	KEY_MPS,
	KEY_MRRS,
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
	{ "port", KEY_PORT, "N", 0, "Local TCP port of slirp (0: any free one)",
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
	{ .doc = "Link model, between card and network:" },
	{ "loss", KEY_LOSS, "SHARE", 0, "Frames lost, as 2%", 0 },
	{ "reorder", KEY_REORDER, "SHARE", 0, "Frames that others overtake",
	  0 },
	{ "reorder-gap", KEY_REORDER_GAP, "N|TIME", 0,
	  "By how many frames of its connection, or how late (3)", 0 },
	{ "dup", KEY_DUP, "SHARE", 0, "Frames that arrive twice", 0 },
	{ "delay", KEY_DELAY, "TIME", 0, "One way, as 20ms", 0 },
	{ "jitter", KEY_JITTER, "TIME", 0, "More delay, from 0 to this", 0 },
	{ "corrupt", KEY_CORRUPT, "SHARE", 0, "Frames with a bit flipped", 0 },
	{ "rate", KEY_RATE, "RATE", 0, "As 100mbit", 0 },
	{ "queue", KEY_QUEUE, "BYTES", 0,
	  "What waits for the rate, beyond it frames are dropped (1m)", 0 },
	{ "lose-tx", KEY_LOSE_TX, "LIST", 0,
	  "The card's frames of these numbers are lost, as 3,7-9", 0 },
	{ "lose-rx", KEY_LOSE_RX, "LIST", 0, "Those towards it", 0 },
	{ "link-dir", KEY_LINK_DIR, "tx|rx|both", 0,
	  "Direction the above, lists aside, hold for; tx is from the card "
	  "(both)",
	  0 },
	{ .doc = "PCIe model:" },
	{ "pcie-gen", KEY_PCIE_GEN, "N", 0, "Generation, 1..5 (3)", 0 },
	{ "pcie-lanes", KEY_PCIE_LANES, "N", 0, "1, 2, 4, 8 or 16 (16)", 0 },
	{ "pcie-latency-ns", KEY_PCIE_LATENCY, "NS", 0,
	  "Read latency, 4..100000 (600)", 0 },
	{ "pcie-write-ns", KEY_PCIE_WRITE, "NS", 0,
	  "Latency of posted writes (300)", 0 },
	{ "pcie-reads", KEY_PCIE_TAGS, "N", 0,
	  "Read requests under way, 1..256 (64)", 0 },
	{ "mps", KEY_MPS, "BYTES", 0, "Maximum payload, 128..512 (256)", 0 },
	{ "mrrs", KEY_MRRS, "BYTES", 0, "Maximum read request, 128..4096 (512)",
	  0 },
	{ .doc = "Also:" },
	{ "help", '?', NULL, 0, "Print this", 0 },
	{ "version", 'V', NULL, 0, "Print the version", 0 },
	{ 0 },
};

void bad_input(const char *format, ...)
{
	va_list args;

	fputs("fantail-run: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_BAD_INPUT);
}

static uint64_t number(const char *name, const char *text, uint64_t least,
		       uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull takes signs and blanks, we do not */
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < least ||
	    value > most)
		bad_input("--%s: '%s' is not a number from %llu to %llu", name,
			  text, (unsigned long long)least,
			  (unsigned long long)most);
	return value;
}

/* As 4096, 64k, 64m, 2g. */
static uint64_t bytes(const char *name, const char *text)
{
	static const char units[] = "kmgKMG";
	char digits[24];
	size_t n = strspn(text, "0123456789");
	const char *unit = text[n] ? strchr(units, text[n]) : NULL;
	uint64_t value;

	if (!n || n > 12 || (text[n] && (!unit || text[n + 1])))
		bad_input("--%s: '%s' is not a number of bytes, as 64m", name,
			  text);
	memcpy(digits, text, n);
	digits[n] = 0;
	value = number(name, digits, 0, UINT64_MAX)
		<< (unit ? 10 * ((unit - units) % 3 + 1) : 0);
	if (value && value < PCAP_LEAST)
		bad_input("--%s: '%s' is less than %d bytes", name, text,
			  PCAP_LEAST);
	return value;
}

/* As 20ms: a time, the way the link model takes it. */
static uint32_t duration(const char *name, const char *text)
{
	struct fantail_link_way way = { 0 };
	const char *must;

	if (fantail_link_set(&way, "delay", text, &must))
		bad_input("--%s: '%s' is not %s", name, text, must);
	return way.delay_us;
}

static unsigned int power(const char *name, const char *text,
			  unsigned int least, unsigned int most)
{
	unsigned int value = (unsigned int)number(name, text, least, most);

	if (value & (value - 1))
		bad_input("--%s: '%s' is not a power of two from %u to %u",
			  name, text, least, most);
	return value;
}

static void parse_window(const char *text, struct options *o)
{
	unsigned long long first, last;
	int used = 0;

	if (sscanf(text, "%llu:%llu%n", &first, &last, &used) != 2 ||
	    text[used] || last < first || strchr(text, '-'))
		bad_input("--trace-window: '%s' is not FIRST:LAST, two cycle "
			  "numbers in rising order",
			  text);
	o->trace_first = first;
	o->trace_cycles = last - first + 1;
}

static error_t parse_pcie(int key, char *arg, struct options *o)
{
	struct fantail_sim_pcie *p = &o->pcie;

	switch (key) {
	case KEY_PCIE_GEN:
		p->gen = (unsigned int)number("pcie-gen", arg, 1, 5);
		return 0;
	case KEY_PCIE_LANES:
		p->lanes = power("pcie-lanes", arg, 1, 16);
		return 0;
	case KEY_PCIE_LATENCY:
		p->read_ns =
			(unsigned int)number("pcie-latency-ns", arg, 4, 100000);
		return 0;
	case KEY_PCIE_WRITE:
		p->write_ns =
			(unsigned int)number("pcie-write-ns", arg, 4, 100000);
		return 0;
	case KEY_PCIE_TAGS:
		p->max_reads = (unsigned int)number("pcie-reads", arg, 1, 256);
		return 0;
	case KEY_MPS:
		p->mps = power("mps", arg, 128, 512);
		return 0;
	case KEY_MRRS:
		p->mrrs = power("mrrs", arg, 128, 4096);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const link_names[] = {
	"loss",	  "reorder", "reorder-gap", "dup",   "delay",
	"jitter", "corrupt", "rate",	    "queue",
};

/* One direction of the link, for check_together() to spread. */
static error_t parse_link(int key, const char *arg, struct options *o)
{
	struct fantail_link_way *tx = &o->link.way[FANTAIL_LINK_TX];
	struct fantail_link_way *rx = &o->link.way[FANTAIL_LINK_RX];
	const char *must;

	switch (key) {
	case KEY_LOSE_TX:
		if (fantail_link_set(tx, "lose", arg, &must))
			bad_input("--lose-tx: '%s' is not %s", arg, must);
		return 0;
	case KEY_LOSE_RX:
		if (fantail_link_set(rx, "lose", arg, &must))
			bad_input("--lose-rx: '%s' is not %s", arg, must);
		return 0;
	case KEY_LINK_DIR:
		if (strcmp(arg, "tx") && strcmp(arg, "rx") &&
		    strcmp(arg, "both"))
			bad_input("--link-dir: '%s' is neither tx, rx nor both",
				  arg);
		o->link_dir = arg;
		return 0;
	}
	if (key < KEY_LOSS || key > KEY_QUEUE)
		return ARGP_ERR_UNKNOWN;
	if (fantail_link_set(tx, link_names[key - KEY_LOSS], arg, &must))
		bad_input("--%s: '%s' is not %s", link_names[key - KEY_LOSS],
			  arg, must);
	return fantail_link_set(rx, link_names[key - KEY_LOSS], arg, &must);
}

/* Lists stay with their direction. */
static void clear_way(struct fantail_link_way *way)
{
	struct fantail_link_way lists = { .lose_count = way->lose_count };

	memcpy(lists.lose, way->lose, sizeof(lists.lose));
	*way = lists;
}

static void check_link(struct options *o)
{
	struct fantail_link_way *way = o->link.way;

	if (way->queue_bytes && !way->rate_bps)
		bad_input("--queue: nothing waits without a rate; name one "
			  "with --rate");
	if ((way->reorder_frames || way->reorder_us) && !way->reorder_ppm)
		bad_input("--reorder-gap: nothing is reordered; say how much "
			  "with --reorder");
	if (o->link_dir && !strcmp(o->link_dir, "tx"))
		clear_way(&way[FANTAIL_LINK_RX]);
	if (o->link_dir && !strcmp(o->link_dir, "rx"))
		clear_way(&way[FANTAIL_LINK_TX]);
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

	/* argp's own keys come when all is over, too */
	if (key >= KEY_CLIENTS && key <= KEY_MRRS)
		next_arg = state->next;
	switch (key) {
	case '?':
		argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP,
			  "fantail-run");
		exit(EXIT_SUCCESS);
	case 'V':
		puts("fantail-run 1.0");
		exit(EXIT_SUCCESS);
	case KEY_CLIENTS:
		o->clients = (unsigned int)number("clients", arg, 1, 16384);
		return 0;
	case KEY_MESSAGES:
		o->feed.messages = number("messages", arg, 1, 1ULL << 40);
		return 0;
	case KEY_BATCH:
		o->batch = (unsigned int)number("batch", arg, 1, 8192);
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
	case KEY_TRACE:
		o->trace = arg;
		return 0;
	case KEY_TRACE_WINDOW:
		parse_window(arg, o);
		return 0;
	case KEY_SEED:
		o->seed = number("seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_PORT:
		o->port = (uint16_t)number("port", arg, 0, 65535);
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
		o->pcap_limit = bytes("pcap-limit", arg);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_DROP:
		o->drop_client = (int)number("drop-client", arg, 0, 16383);
		return 0;
	case KEY_CYCLE_LIMIT:
		o->cycle_limit = number("cycle-limit", arg, 0, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		bad_input("'%s' is not an option; a file goes behind --feed, "
			  "see --help",
			  arg);
	default:
		if (parse_link(key, arg, o) != ARGP_ERR_UNKNOWN)
			return 0;
		return parse_pcie(key, arg, o);
	}
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
	if (o->pcie.mps && o->pcie.mrrs && o->pcie.mrrs < o->pcie.mps)
		bad_input("--mrrs: %u is below the maximum payload of %u",
			  o->pcie.mrrs, o->pcie.mps);
}

void options_parse(int argc, char **argv, struct options *options)
{
	static const struct argp argp = { table, parse, NULL, doc,
					  NULL,	 NULL,	NULL };

	*options = (struct options){
		.clients = 100,
		.batch = 10,
		.drop_client = -1,
		.out = "build/run",
		.framing = "itch",
		.seed = 1,
	};
	/* its own words would be two lines; in order, so that next_arg is right */
	if (argp_parse(&argp, argc, argv,
		       ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_IN_ORDER, NULL,
		       options))
		bad_input("'%s' is not an option, or its value is missing or "
			  "too much; see --help",
			  argv[next_arg]);
	if (options->feed.path && !*options->feed.path)
		options->feed.path = NULL;
	if (!options->feed.path && !options->feed.messages)
		options->feed.messages = 10000;
	options->feed.seed = options->seed;
	check_together(options);
	check_link(options);
}
