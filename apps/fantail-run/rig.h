/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rig: the simulated card with its network, its driver, and the library on
 * top. And what they have counted.
 */
#ifndef FANTAIL_RUN_RIG_H
#define FANTAIL_RUN_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "publisher.h"
#include "report.h"

#define RIG_TAP_IP 0x0a020001u /* 10.2.0.1: its address with NET_TAP */

struct rig {
	struct fantail_sim *sim; /* NULL: the card is in another process */
	double since;		 /* wall clock, seconds */
	struct fantail_dev *dev;
	struct fantail *lib;
	bool timeline; /* is there one? */
};

/*
 * rig_open() - power the card up and take it into use
 * @rig: filled; zeroed on failure
 * @job: its options; error is filled on failure
 *
 * Return: 0, EXIT_BAD_INPUT or EXIT_FAILED. Blocks.
 */
int rig_open(struct rig *rig, struct publisher_job *job);

/* Release everything in turn; a zeroed rig is allowed. Blocks. */
void rig_close(struct rig *rig);

/* NET_PEERS: let receiver @n leave with a RST, now. */
void rig_drop(struct rig *rig, struct stream *stream, unsigned int n);

/* The card's time in microseconds. */
uint64_t rig_now_us(struct rig *rig);

/* Cycles so far; 0 of a card in another process. */
uint64_t rig_cycles(struct rig *rig);

/* Let a microsecond of the card's time pass. 0 or -errno. */
int rig_tick(struct rig *rig);

/*
 * A call of the library, for the timeline: ask for the moment before it, and
 * tell when it is over, of which batches it was (RIG_NO_BATCH: of none).
 * Without a timeline they cost nothing.
 */
#define RIG_NO_BATCH FANTAIL_SIM_NO_BATCH
struct fantail_sim_moment rig_call(struct rig *rig);
void rig_called(struct rig *rig, enum fantail_sim_call call,
		struct fantail_sim_moment begin, uint64_t batch, uint64_t last);

/* rig_model() - what the model has cost so far: cycles and seconds */
void rig_model(struct rig *rig, struct summary *s);

/* Counters at one moment. */
struct meter {
	struct fantail_sim_stats sim;
	uint64_t payload_read_bytes;
	uint64_t data_doorbells;
	uint64_t control_doorbells;
	uint64_t status_doorbells;
	uint64_t interrupts;
	uint64_t batch_records;
	uint64_t conn_records;
	uint64_t tx_bytes;
	uint64_t tx_segments;
	uint64_t tx_retransmits;
	uint64_t timeouts;
	uint64_t fast_retransmits;
	uint64_t log_peak;
	struct fantail_stages stages;
};

/* Read all of them. Return: 0 or -errno. */
int rig_read(struct rig *rig, struct meter *meter);

/* summary_window() - what is counted between two readings */
void summary_window(struct summary *s, const struct meter *first,
		    const struct meter *last);

/* summary_wire() - what the wire saw between two readings, and the log peak */
void summary_wire(struct summary *s, const struct meter *first,
		  const struct meter *last);

/* rig_link() - what the link model did to frames, from the start */
void rig_link(struct rig *rig, struct summary *s);

/*
 * rig_check() - did simulator and card break a rule of their own?
 *
 * Return: 0, or EXIT_FAILED with @why.
 */
int rig_check(struct rig *rig, char *why, size_t size);

#endif
