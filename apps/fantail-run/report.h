/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told while the run goes on and at its end. The main thread prints;
 * nobody else does.
 */
#ifndef FANTAIL_RUN_REPORT_H
#define FANTAIL_RUN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fantail_driver.h"
#include "fanout.h"
#include "link.h"

/*
 * The members that summary.json has, in its order. "Window" is from the first
 * publish to the last BATCH record; the rest of the set-up, the teardown and
 * the frames for the host lie outside.
 */
struct summary {
	uint64_t clients;
	uint64_t messages; /* published, X */
	uint64_t batches;
	uint64_t deliveries;		  /* as the BATCH records count them */
	uint64_t verified_clients;	  /* every byte right, FIN in place */
	uint64_t submit_doorbells;	  /* window */
	uint64_t control_doorbells;	  /* window */
	uint64_t status_doorbells;	  /* window */
	uint64_t interrupts;		  /* window */
	uint64_t batch_records;		  /* window */
	uint64_t conn_records;		  /* window */
	uint64_t payload_bytes;		  /* published */
	uint64_t pcie_payload_read_bytes; /* window */
	uint64_t pcie_read_bytes;	  /* window, has_model */
	uint64_t pcie_write_bytes;	  /* window, has_model */
	uint64_t log_bytes_peak;
	uint64_t wire_tx_bytes;		 /* first publish to the last byte
					 * acknowledged */
	uint64_t segments;		 /* with payload, likewise */
	uint64_t retransmitted_segments; /* likewise */
	uint64_t timeouts;		 /* likewise */
	uint64_t fast_retransmits;	 /* likewise */
	struct fantail_stages stages;	 /* likewise */
	uint64_t sim_cycles;		 /* all, has_model */
	double wall_seconds;		 /* all */
	double cycles_per_second;
	uint64_t seed;
	bool ok;
	bool has_model; /* else the card's process counts for itself */
	bool has_link;	/* a link model: its counts, and those two, are told */
	struct fantail_link_stats link[FANTAIL_LINK_DIRS];
	bool has_fanout; /* the card was metered: */
	bool real_time;	 /* its microseconds are those of the model, which is
			  * slow, and not told */
	struct fantail_fanout_result fanout; /* of all batches */
};

/* One look at a run under way. */
struct progress {
	uint64_t messages;
	uint64_t messages_total; /* 0: unknown */
	uint64_t batches;
	uint64_t payload_bytes;
	uint64_t payload_bytes_total; /* 0: unknown; an estimate */
	uint64_t delivered_bytes;     /* verified, all clients */
	uint64_t connected;
	uint64_t clients;
	uint64_t cycles;
};

/* Say once what is being done; "..." is added on a terminal. */
__attribute__((format(printf, 1, 2))) void report_step(const char *format, ...);

/*
 * report_progress() - the live line, at most five times a second on a
 * terminal, else a plain line every two seconds. Cheap to call too often.
 *
 * Return: true when it is time, so that the caller may gather the numbers only
 * then: call with NULL to ask.
 */
bool report_progress(const struct progress *p);

/* End the live line, if there is one. */
void report_progress_end(void);

/* The table that sets N = X*Y beside N'. */
void report_table(const struct summary *s, unsigned int disconnected);

/*
 * report_write_json() - the summary as a file
 * @path: where; replaced as a whole
 * @print: on stdout as well
 *
 * Return: 0 or -errno.
 */
int report_write_json(const struct summary *s, const char *path, bool print);

#endif
