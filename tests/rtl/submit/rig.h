/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything around the submission side: host memory behind an AXI read
 * slave, the log, and answers of fan-out, flow table, connection tables,
 * slot manager and frame sinks. What comes out is checked or kept for the
 * test. Each walk is compared with host memory as it is read back from the
 * log, so that a payload must stay in place until its head has passed.
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fantail_regs.h"
#include "submit_block.h"

#define IOVA	     0x7fff0000u /* host memory begins here */
#define MEM_BYTES    0x80000u
#define DATA_RING    IOVA
#define CONTROL_RING (IOVA + 0x1000)
#define CONTEXTS     (IOVA + 0x2000)
#define LISTS	     (IOVA + 0x4000) /* up to the arena */
#define ARENA	     (IOVA + 0x10040)
#define RING_LOG2    6
#define RING_SIZE    (1u << RING_LOG2)
#define LOG_BYTES    65536u
#define CONNECTIONS  256u
#define GROUPS	     16u
#define KEEP	     4096

enum {
	DATA,
	CONTROL
};

struct walk {
	bool list, group, last;
	uint32_t target, pos, len, payloads;
	uint64_t cycle, end_cycle;
	/* handles that a list gave: place in rig.handles, how many */
	uint32_t first, given;
};

struct cmd {
	unsigned int op, id, gen, arg;
	uint64_t value;
};

struct burst {
	uint64_t addr, due;
	unsigned int beats, done;
	uint8_t bytes[512];
	bool bad[8];
};

struct rig {
	struct submit_block *block;
	struct submit_pins p;
	uint64_t now;
	unsigned int rng;
	/* knobs */
	unsigned int latency; /* cycles from AR to the first beat */
	unsigned int walk_cycles;
	unsigned int stall;	       /* of 16: pauses on AR, R, records */
	unsigned int reached, skipped; /* answer to a walk */
	uint64_t bad_lo, bad_hi;       /* reads of these addresses fail */
	bool free_log;		       /* the watermark follows the walks */
	bool inj_hit;
	bool no_walks;	      /* none is taken */
	bool lists_may_break; /* and give less than they have */
	/* host memory, log */
	uint8_t mem[MEM_BYTES], log[LOG_BYTES];
	struct burst bursts[64];
	unsigned int b_in, b_out;
	unsigned int tail[2], n_lines, n_bursts;
	uint64_t read_bytes; /* sum of payload_read_inc */
	uint64_t list_bytes; /* sum of list_read_inc */
	unsigned int list_lines, list_under_way;
	uint64_t payload_bytes, deliveries;
	uint64_t ar_cycle, line_cycle, append_first, append_last;
	unsigned int appends;
	/* entries of good payloads, in order */
	struct fantail_entry want[KEEP];
	unsigned int n_want, n_seen;
	/* what came out */
	struct walk walks[KEEP];
	unsigned int n_walks;
	uint32_t handles[65536];
	unsigned int n_handles;
	bool in_list; /* the walk under way takes handles */
	struct cmd cmds[KEEP];
	uint8_t ctx[128];
	unsigned int n_cmds;
	uint8_t recs[KEEP][32];
	unsigned int n_recs;
	uint8_t frame[2][2048]; /* sent, injected */
	unsigned int frame_bytes[2], n_frames[2];
	uint64_t fault_addr;
	unsigned int fault_code, n_faults;
	/* behind the answers */
	unsigned int walk_left, cmd_left, flow_left, slot_left;
	bool member[CONNECTIONS][GROUPS], handed[64];
	uint32_t flow[CONNECTIONS][3];
	bool flow_used[CONNECTIONS];
};

struct rig *rig_new(unsigned int seed);
void rig_free(struct rig *r);
void rig_cycle(struct rig *r);
/* Runs until nothing is to be done, at most @max cycles. */
void rig_settle(struct rig *r, unsigned int max);
unsigned int rig_random(struct rig *r, unsigned int below);
/* Writes one entry into a ring; the doorbell comes with rig_bell(). */
void rig_put(struct rig *r, int ring, const struct fantail_entry *e);
void rig_bell(struct rig *r);
uint8_t *rig_mem(struct rig *r, uint64_t iova);
/* Record number @i that came out, which must be of this type. */
struct fantail_rec_batch rig_batch(const struct rig *r, unsigned int i);
struct fantail_rec_refused rig_refused(const struct rig *r, unsigned int i);

#endif
