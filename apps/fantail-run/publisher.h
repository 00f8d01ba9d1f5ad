/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publisher: the application proper. It owns simulator, driver and library
 * for the time of one run.
 */
#ifndef FANTAIL_RUN_PUBLISHER_H
#define FANTAIL_RUN_PUBLISHER_H

#include <signal.h>
#include <stdio.h>

#include "clients.h"
#include "feed.h"
#include "options.h"
#include "report.h"
#include "stream.h"
#include "tap.h"

struct publisher_job {
	const struct options *options;
	struct feed *feed;
	uint64_t messages_total; /* 0: unknown */
	struct stream *stream;
	struct clients *clients;       /* NULL for NET_PEERS */
	const struct fantail_tap *tap; /* NET_TAP */
	uint16_t port;		       /* NET_SLIRP: forwarded */
	const char *pcap;	       /* frames go there; NULL: nowhere */
	volatile sig_atomic_t *stop;   /* set: finish what is under way */
	int stop_fd;		       /* readable when *stop is set */
	FILE *places;		       /* table of --fanout, or NULL */
	/* results */
	unsigned int disconnected; /* clients that left on the way */
	char error[512];	   /* why it failed, one line */
	int timeline_rc;	   /* of writing it */
	struct fantail_sim_timeline timeline;
};

/*
 * publisher_run() - one run from the power-up of the card to its end
 * @job: what to do
 * @summary: filled as far as the run got, also on failure
 *
 * Blocks until it is over. Everything it opened is closed again.
 *
 * Return: 0 when all that was published was delivered as it should;
 * EXIT_FAILED, EXIT_BAD_INPUT or EXIT_INTERRUPTED otherwise, with error
 * filled.
 */
int publisher_run(struct publisher_job *job, struct summary *summary);

#endif
