/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds net_block in a test: a MAC with gaps, an ACK stage, a control
 * unit and a host memory that stall at random. Everything random comes from one
 * seed, printed at the start and taken back from the environment (SEED).
 */
#ifndef NET_BENCH_H
#define NET_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net_block.h"

#define FRAME_MAX     2048
#define SLOT_BASE     0x123450000ull
#define SLOT_MAX      64
#define REC_DELIVERED 2
#define REC_SUMMARY   4

struct frame {
	uint8_t b[FRAME_MAX];
	int len;
	bool bad; /* tuser */
	int tag;  /* test's own */
};

struct tuple {
	uint32_t local_ip, remote_ip;
	uint16_t local_port, remote_port;
};

struct seg {
	bool tcp, hit, inject, has_ts;
	unsigned int id, flags, wnd, pay_off, pay_len, frame_len;
	struct tuple tuple;
	uint32_t seq, ack, ts_val, ts_ecr;
};

enum {
	KIND_NONE,
	KIND_DROP,
	KIND_DATA,
	KIND_FRAME
};
struct verdict {
	unsigned int kind, id, pay_off, pay_len, frame_len, reason, ev, cause;
	unsigned int qp, fence;
	uint32_t handle;
};

struct counts {
	unsigned int rx_frames, rx_bytes, drop_fifo, drop_error, drop_checksum;
	unsigned int drop_fragment, drop_malformed, drop_no_slot, to_host;
	unsigned int inj_rsp, inj_hit;
	unsigned int tx_frames, tx_bytes, tx_host_frames, tx_busy, tx_blocked;
};

#define QUEUE 1024
struct bench {
	struct net_block *dut;
	struct net_pins p;
	uint64_t rng;
	uint64_t cycle;
	unsigned int gap; /* percent of cycles without a beat from the MAC */
	unsigned int
		stall; /* percent of cycles in which a taker is not ready */
	bool hold_segs, hold_w, hold_rec, hold_crec;
	struct counts n;
	struct frame *mac, *inj; /* rings of QUEUE frames */
	unsigned int mac_wr, mac_rd, inj_wr, inj_rd;
	int mac_off, inj_off;
	struct verdict verdict[QUEUE];
	unsigned int verdict_wr, verdict_rd;
	void (*on_seg)(struct bench *b, const struct seg *seg);
	void (*on_rec)(struct bench *b, const uint8_t *rec);
	void (*on_crec)(struct bench *b, const uint8_t *rec);
	void (*on_mark)(struct bench *b, const uint8_t *rec);
	void (*on_sum)(struct bench *b, const uint8_t *rec);
	void *arg;
	unsigned int segs, recs, crecs; /* crecs: CONN records */
	unsigned int sums[2], ends[2];	/* SUMMARY records, ends of periods */
	unsigned int marks;		/* DELIVERED records */
	bool hold_fence;
	struct seg last_seg;
	uint8_t last_rec[32], last_crec[32], last_sum[32];
	uint8_t slots[SLOT_MAX * 2048];
	bool in_burst;
	uint64_t burst_next;
	unsigned int burst_left;
	unsigned int stat_pipe[2];
};

struct bench *bench_new(void);
void bench_free(struct bench *b);
uint32_t bench_rnd(struct bench *b);
void bench_cycle(struct bench *b);
void bench_run(struct bench *b, unsigned int cycles);
/* Runs until everything is idle; fails the test when that takes too long. */
void bench_drain(struct bench *b);
void bench_enable(struct bench *b, unsigned int slots);
/* Both copy the frame. */
void bench_mac(struct bench *b, const struct frame *f);
void bench_inject(struct bench *b, const struct frame *f);
void bench_verdict(struct bench *b, const struct verdict *v);
enum {
	FLOW_INSERT = 1,
	FLOW_DELETE = 2,
	FLOW_ENABLE = 3
};
/* Answer of the flow table; frames go on meanwhile. */
unsigned int bench_flow_op(struct bench *b, unsigned int op,
			   const struct tuple *t, unsigned int id);
/* The same; what was inserted is enabled as well. */
unsigned int bench_flow(struct bench *b, unsigned int op, const struct tuple *t,
			unsigned int id);
struct slot_answer {
	bool ok;
	unsigned int id, gen, bytes;
};
struct slot_answer bench_slot(struct bench *b, unsigned int slot, bool check);
uint32_t stat_of(unsigned int id);
unsigned int get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);

/* frames.c: generated frames and an independent reading of them */
enum judgement {
	KEEP_TCP,
	KEEP_OTHER,
	DROP_SIZE,
	DROP_CHECKSUM,
	DROP_FRAGMENT,
	DROP_MALFORMED
};
enum judgement judge(const struct frame *f, struct seg *seg);
/* A right TCP frame with random options, IP options, payload and padding. */
void frame_random(struct bench *b, struct frame *f);
/* A bare ACK for this tuple: 54 bytes, padded to 60. */
void frame_ack(struct frame *f, const struct tuple *t);
/* TCP frame with NOP NOP TS and so many payload bytes. */
void frame_data(struct frame *f, const struct tuple *t, unsigned int bytes);
/* Breaks something, or nothing; half of the time the checksums are made right
 * again. */
void frame_mutate(struct bench *b, struct frame *f);
uint32_t toeplitz(const struct tuple *t);

#endif
