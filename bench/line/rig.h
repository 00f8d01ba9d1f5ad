/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card with TCP receivers in this process, in virtual time, and what its MAC
 * does with one batch.
 */
#ifndef FANTAIL_BENCH_RIG_H
#define FANTAIL_BENCH_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fantail.h"
#include "fantail_sim.h"

enum {
	RIG_BLOCKS = 64,
	RIG_WHY = 256,
	HEADERS = 66,	 /* Ethernet, IPv4, TCP with timestamps */
	WIRE_EXTRA = 24, /* preamble, FCS, gap */
};

/* Connections with one MSS; they are a group. */
struct rig_block {
	uint16_t payload; /* bytes of a full segment */
	uint32_t clients;
};

struct rig_config {
	struct rig_block block[RIG_BLOCKS];
	unsigned int blocks;
	/*
	 * One ACK for each segment, at once; else ACKs come when a batch has
	 * long left.
	 */
	bool acks;
	bool paced; /* MAC at 100 GbE, else always ready */
	uint64_t seed;
};

struct rig {
	struct rig_config cfg;
	uint32_t clients;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail *lib;
	struct fantail_conn **conn; /* by client */
	struct fantail_group *group[RIG_BLOCKS];
	uint64_t cookie;
	bool done; /* the batch with that cookie */
	char why[RIG_WHY];
};

/* One batch, doorbell to the last segment on the wire. */
struct rig_result {
	uint64_t segments;
	uint64_t payload_bytes; /* on the wire */
	uint64_t first_cycles;	/* from the doorbell to the first beat */
	uint64_t batch_cycles;	/* from the doorbell to its BATCH event */
	struct fantail_sim_mac mac;
	uint64_t pcie_payload_bytes; /* read */
	uint64_t pcie_read_bytes;    /* all */
	uint64_t pcie_write_bytes;
	uint64_t mmio_writes;
	/* of the stages; cycles of no batch among them are few */
	struct fantail_stages stages;
};

/*
 * All return 0 or -errno, @r->why then says what was wrong. After a failure
 * rig_close() is all that may be called.
 */
int rig_open(struct rig *r, const struct rig_config *cfg);
void rig_close(struct rig *r);

/* The card's word of failure. */
int rig_fail(struct rig *r, int rc, const char *what);

/* A group of the first @n clients; one more into a group. */
int rig_group(struct rig *r, uint32_t n, struct fantail_group **out);
int rig_join(struct rig *r, struct fantail_group *g, uint32_t client);

/* Let everything be acknowledged, and the engine come to rest. */
int rig_rest(struct rig *r);

/*
 * @n payloads of @bytes one after the other: from a 64-byte line on, and each
 * from a line of its own if @aligned.
 */
int rig_publish(struct rig *r, struct fantail_target to, uint32_t bytes,
		uint32_t n, bool aligned);

/* Ring, and run until @payload_bytes have left. */
int rig_send(struct rig *r, uint64_t payload_bytes, struct rig_result *out);

/* Cycles from the first beat until the last one's, both included. */
static inline uint64_t rig_cycles(const struct rig_result *x)
{
	return x->mac.last - x->mac.first + 1;
}

#endif
