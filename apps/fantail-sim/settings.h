/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for on the command line, checked. */
#ifndef FANTAIL_SIM_SETTINGS_H
#define FANTAIL_SIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "model_options.h"
#include "timeline_options.h"

struct settings {
	const char *path;  /* of the socket */
	const char *net;   /* URI, NULL: no cable */
	bool slirp;	   /* forward a port */
	uint16_t port;	   /* of this machine, 0: any free one */
	const char *pcap;  /* or NULL */
	const char *trace; /* FST file or NULL */
	const char *stats; /* file for the JSON, NULL: stdout */
	bool mac_pacing;
	bool verbose;
	unsigned int clock_ns;
	unsigned int patience_ms;
	uint64_t trace_first;  /* cycle */
	uint64_t trace_cycles; /* 0: to the end */
	uint64_t cycle_limit;  /* 0: none */
	uint64_t pcap_limit;   /* bytes, 0: none */
	uint64_t seed;
	struct model_options model;
	struct timeline_options timeline;
};

/*
 * settings_parse() - read the command line
 *
 * Does not return when it is wrong (exit code 2, a line on stderr) or when
 * --help or --version was asked for (exit code 0). Strings point into @argv.
 */
void settings_parse(int argc, char **argv, struct settings *s);

#endif
