/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for on the command line, checked. */
#ifndef FANTAIL_RUN_OPTIONS_H
#define FANTAIL_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "feed.h"
#include "model_options.h"
#include "timeline_options.h"

enum {
	EXIT_FAILED = 1,	/* the run was not right */
	EXIT_INTERRUPTED = 130, /* Ctrl-C: as the shell counts it */
};

#define RIG_PORT 9000 /* the card listens there */

enum net {
	NET_SLIRP, /* kernel sockets, real time */
	NET_TAP,   /* kernel TCP as the peer of the card, real time */
	NET_PEERS, /* receivers in the process, virtual time */
};

struct options {
	const char *device; /* URI of another process's card; NULL: our own */
	unsigned int clients;
	unsigned int batch;   /* messages per doorbell */
	uint32_t interval_us; /* between doorbells; 0: as fast as it goes */
	enum net net;
	uint16_t port;	     /* 0: any free one */
	int drop_client;     /* leaves midway; -1: nobody */
	bool json;	     /* summary on stdout as well */
	const char *out;     /* directory of the results */
	const char *fanout;  /* table of the clients' places, or NULL */
	uint64_t pcap_limit; /* bytes; 0: none */
	struct feed_config feed;
	const char *congestion; /* NET_TAP: of the clients; NULL: reno */
	const char *sack;	/* NET_TAP: on or off; NULL: on */
	const char *framing;	/* as given */
	const char *trace;	/* FST file or NULL */
	uint64_t trace_first;	/* cycle */
	uint64_t trace_cycles;	/* 0: to the end */
	uint64_t cycle_limit;	/* 0: none */
	uint64_t seed;
	struct model_options model;
	struct timeline_options timeline;
};

/*
 * options_parse() - read the command line
 *
 * Does not return when it is wrong (exit code 2, a line on stderr) or when
 * --help or --version was asked for (exit code 0). Strings point into @argv.
 */
void options_parse(int argc, char **argv, struct options *options);

#endif
