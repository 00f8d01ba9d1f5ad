/* SPDX-License-Identifier: Apache-2.0 */
#include "model_options.h"

#include <string.h>

#include "args.h"

enum {
	KEY_LOSS = ARGS_KEY_MODEL, /* from here the order of link_names */
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
	{ .doc = "Link model, between card and network:", .group = 8 },
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
	{ .doc = "PCIe model:", .group = 9 },
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
	{ 0 },
};

static error_t parse_pcie(int key, char *arg, struct model_options *o)
{
	struct fantail_sim_pcie *p = &o->pcie;

	switch (key) {
	case KEY_PCIE_GEN:
		p->gen = (unsigned int)args_number("pcie-gen", arg, 1, 5);
		return 0;
	case KEY_PCIE_LANES:
		p->lanes = args_power("pcie-lanes", arg, 1, 16);
		return 0;
	case KEY_PCIE_LATENCY:
		p->read_ns = (unsigned int)args_number("pcie-latency-ns", arg,
						       4, 100000);
		return 0;
	case KEY_PCIE_WRITE:
		p->write_ns = (unsigned int)args_number("pcie-write-ns", arg, 4,
							100000);
		return 0;
	case KEY_PCIE_TAGS:
		p->max_reads =
			(unsigned int)args_number("pcie-reads", arg, 1, 256);
		return 0;
	case KEY_MPS:
		p->mps = args_power("mps", arg, 128, 512);
		return 0;
	case KEY_MRRS:
		p->mrrs = args_power("mrrs", arg, 128, 4096);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const link_names[] = {
	"loss",	  "reorder", "reorder-gap", "dup",   "delay",
	"jitter", "corrupt", "rate",	    "queue",
};

/* One direction of the link, for model_check() to spread. */
static error_t parse_link(int key, const char *arg, struct model_options *o)
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct model_options *o = state->input;

	args_seen(state, key);
	if (parse_link(key, arg, o) == ARGP_ERR_UNKNOWN &&
	    parse_pcie(key, arg, o) == ARGP_ERR_UNKNOWN)
		return ARGP_ERR_UNKNOWN;
	o->given = true;
	return 0;
}

const struct argp model_argp = { table, parse, NULL, NULL, NULL, NULL, NULL };

void model_check(struct model_options *o)
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
	if (o->pcie.mps && o->pcie.mrrs && o->pcie.mrrs < o->pcie.mps)
		bad_input("--mrrs: %u is below the maximum payload of %u",
			  o->pcie.mrrs, o->pcie.mps);
}
