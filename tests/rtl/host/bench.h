/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around host_block: the host (registers, memory, an AXI write
 * slave with random stalls) and the rest of the engine (three record sources,
 * slot bursts). bench_step() is one cycle; every rule of the ports is checked
 * in it, so that a test only has to look at results.
 */
#ifndef HOST_BENCH_H
#define HOST_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "fantail_regs.h"
#include "host_block.h"

#define MEM_BASE  0x700000000ull
#define MEM_BYTES (1u << 20)
#define SOURCES	  3
#define QPS	  2
#define LINE	  64u

struct line {
	uint64_t addr;
	uint64_t strb;
	uint8_t data[LINE];
};

struct record {
	uint8_t bytes[FANTAIL_RECORD_BYTES];
	uint8_t qp;
};

struct bench {
	struct host_block *block;
	struct host_pins pins;
	struct host_pins before; /* outputs of the cycle before */
	bool have_before;
	uint64_t rng;
	uint64_t cycle;
	unsigned int stall;	/* of 256: chance not to be ready */
	unsigned int us_cycles; /* cycles per microsecond, 0 = stopped */
	bool w_early;		/* take W before its AW */

	uint8_t mem[MEM_BYTES];
	/* AXI write slave */
	uint64_t aw_addr[64];
	unsigned int aw_len[64];
	unsigned int aw_head, aw_tail, aw_beat;
	struct line w[64];
	bool w_last[64];
	unsigned int w_head, w_tail;
	unsigned int b_owed;
	unsigned int bad_b; /* error responses to give */
	uint64_t lines_written;
	uint64_t bursts;

	/* engine side */
	struct record src[SOURCES];
	bool src_full[SOURCES];
	struct line burst[32];
	unsigned int burst_lines, burst_next;
	uint64_t bursts_done; /* done pulses of source 0 */

	/* seen */
	unsigned int irqs[QPS];
	uint64_t irq_cycle[QPS];
	unsigned int irqs_dev, resets, wr_faults;
	unsigned int tails_moved[2 * QPS];
};

/* A bench out of reset; seed from SEED, else from the argument. */
struct bench *bench_new(unsigned int seed);
void bench_free(struct bench *b);
uint32_t bench_random(struct bench *b, uint32_t below);
void bench_step(struct bench *b);
void bench_steps(struct bench *b, unsigned int cycles);
/* Step until nothing is on its way; fails after 10,000 cycles. */
void bench_drain(struct bench *b);

void reg_write_strobe(struct bench *b, unsigned int page, uint32_t offset,
		      uint32_t value, unsigned int strobe);
void reg_write(struct bench *b, unsigned int page, uint32_t offset,
	       uint32_t value);
uint32_t reg_read(struct bench *b, unsigned int page, uint32_t offset);
uint64_t reg_read64(struct bench *b, unsigned int page, uint32_t offset);

/* Rings and slots of queue pair q at its place in memory, then enable. */
uint64_t qp_status_base(unsigned int q);
void qp_start(struct bench *b, unsigned int q, unsigned int status_log2);
void qp_doorbell(struct bench *b, unsigned int q, uint32_t offset,
		 unsigned int tail, unsigned int status_head, bool arm);
/* Record at a free-running index if it has been written, else NULL. */
const uint8_t *qp_record(const struct bench *b, unsigned int q,
			 unsigned int status_log2, unsigned int index);

/* Give source s a record (its one place must be free): type, word 1. */
void rec_put(struct bench *b, unsigned int s, unsigned int qp,
	     unsigned int type, uint32_t word1);
uint32_t word(const uint8_t *bytes, unsigned int offset);

#endif
