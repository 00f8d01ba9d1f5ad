// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

uint32_t bench_random(struct bench *b, uint32_t below)
{
	b->rng ^= b->rng << 13;
	b->rng ^= b->rng >> 7;
	b->rng ^= b->rng << 17;
	return (uint32_t)((b->rng >> 16) % below);
}

uint32_t word(const uint8_t *bytes, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

struct bench *bench_new(unsigned int seed)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *text = getenv("SEED");

	cr_assert_not_null(b);
	if (text)
		seed = (unsigned int)strtoul(text, NULL, 0);
	fprintf(stderr, "SEED=%u\n", seed);
	b->rng = 0x9E3779B97F4A7C15ull * (seed + 1);
	b->block = host_new(seed + 1);
	b->pins.rst = 1;
	bench_steps(b, 3);
	b->pins.rst = 0;
	b->pins.ready = 1;
	b->us_cycles = 4;
	bench_steps(b, 2);
	return b;
}

void bench_free(struct bench *b)
{
	host_free(b->block);
	free(b);
}

/* A write is visible when both its address and its data were accepted. */
static void commit(struct bench *b)
{
	while (b->w_head != b->w_tail && b->aw_head != b->aw_tail) {
		const struct line *w = &b->w[b->w_head % 64];
		unsigned int len = b->aw_len[b->aw_head % 64];
		uint64_t at = b->aw_addr[b->aw_head % 64] + LINE * b->aw_beat -
			      MEM_BASE;
		bool last = b->aw_beat == len;

		cr_assert_lt(at, MEM_BYTES, "write outside memory: %#lx",
			     (unsigned long)(at + MEM_BASE));
		for (unsigned int i = 0; i < LINE; i++)
			if (w->strb >> i & 1)
				b->mem[at + i] = w->data[i];
		cr_assert_eq(b->w_last[b->w_head % 64], last,
			     "WLAST disagrees with AWLEN");
		b->lines_written++;
		b->w_head++;
		b->aw_beat++;
		if (last) {
			b->aw_head++;
			b->aw_beat = 0;
			b->b_owed++;
		}
	}
}

static void sample_axi(struct bench *b)
{
	const struct host_pins *p = &b->pins, *was = &b->before;

	if (b->have_before && was->m_awvalid && !was->m_awready)
		cr_assert(p->m_awvalid && p->m_awaddr == was->m_awaddr &&
				  p->m_awlen == was->m_awlen,
			  "AW changed");
	if (b->have_before && was->m_wvalid && !was->m_wready)
		cr_assert(p->m_wvalid && p->m_wstrb == was->m_wstrb &&
				  p->m_wlast == was->m_wlast &&
				  !memcmp(p->m_wdata, was->m_wdata, LINE),
			  "W changed");
	if (p->m_awvalid && p->m_awready) {
		cr_assert_eq(p->m_awaddr % LINE, 0);
		cr_assert_leq(p->m_awaddr % 4096 + LINE * (p->m_awlen + 1),
			      4096, "burst crosses 4 KiB");
		b->aw_addr[b->aw_tail % 64] = p->m_awaddr;
		b->aw_len[b->aw_tail++ % 64] = (unsigned int)p->m_awlen;
		b->bursts++;
	}
	if (p->m_wvalid && p->m_wready) {
		struct line *w = &b->w[b->w_tail % 64];

		w->strb = p->m_wstrb;
		memcpy(w->data, p->m_wdata, LINE);
		b->w_last[b->w_tail++ % 64] = p->m_wlast;
	}
	if (p->m_bvalid && p->m_bready)
		b->b_owed--;
	commit(b);
}

static void drive_axi(struct bench *b)
{
	struct host_pins *p = &b->pins;
	unsigned int open = b->aw_tail - b->aw_head;
	unsigned int data = b->w_tail - b->w_head;
	/* A response held back must stay as it is. */
	bool held = p->m_bvalid && b->b_owed && b->before.m_bvalid &&
		    !b->before.m_bready;

	p->m_awready = open < 8 && bench_random(b, 256) >= b->stall;
	p->m_wready = (b->w_early ? data < 8 : open > 0) &&
		      bench_random(b, 256) >= b->stall;
	if (held)
		return;
	p->m_bvalid = b->b_owed && bench_random(b, 256) >= b->stall;
	p->m_bresp = 0;
	if (p->m_bvalid && b->bad_b) {
		b->bad_b--;
		p->m_bresp = 2;
	}
}

static void drive_sources(struct bench *b)
{
	struct host_pins *p = &b->pins;
	const struct line *beat = &b->burst[b->burst_next];

	p->rec_valid = 0;
	p->rec_qp = 0;
	for (unsigned int s = 0; s < SOURCES; s++) {
		if (!b->src_full[s])
			continue;
		p->rec_valid |= 1u << s;
		p->rec_qp |= (uint64_t)b->src[s].qp << (3 * s);
		memcpy(p->rec_data + 8 * s, b->src[s].bytes,
		       FANTAIL_RECORD_BYTES);
	}
	p->dl_valid = b->burst_next < b->burst_lines;
	if (p->dl_valid) {
		p->dl_addr = beat->addr;
		p->dl_strb = beat->strb;
		p->dl_lines = b->burst_lines;
		p->dl_last = b->burst_next + 1 == b->burst_lines;
		memcpy(p->dl_data, beat->data, LINE);
	}
}

void bench_step(struct bench *b)
{
	struct host_pins *p = &b->pins;

	drive_sources(b);
	host_settle(b->block, p);
	if (!p->rst) {
		sample_axi(b);
		for (unsigned int s = 0; s < SOURCES; s++)
			if (p->rec_valid >> s & p->rec_ready >> s & 1)
				b->src_full[s] = false;
		if (p->dl_valid && p->dl_ready)
			b->burst_next++;
		b->bursts_done += p->dl_done;
		for (unsigned int q = 0; q < QPS; q++) {
			if (p->irq >> q & 1) {
				b->irqs[q]++;
				b->irq_cycle[q] = b->cycle;
			}
		}
		for (unsigned int i = 0; i < 2 * QPS; i++)
			b->tails_moved[i] += p->db_tail_valid >> i & 1;
		b->irqs_dev += (unsigned int)p->irq_dev;
		b->resets += (unsigned int)p->dev_reset;
		b->wr_faults += (unsigned int)p->wr_fault;
	}
	b->before = *p;
	b->have_before = !p->rst;
	host_edge(b->block);
	b->cycle++;
	if (b->us_cycles && b->cycle % b->us_cycles == 0)
		p->now_us++;
	drive_axi(b);
}

void bench_steps(struct bench *b, unsigned int cycles)
{
	while (cycles--)
		bench_step(b);
}

void bench_drain(struct bench *b)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; quiet < 4; i++) {
		bool busy = b->burst_next < b->burst_lines;

		cr_assert_lt(i, 10000, "the block does not come to rest");
		for (unsigned int s = 0; s < SOURCES; s++)
			busy |= b->src_full[s];
		bench_step(b);
		quiet = busy || b->pins.status_busy || b->pins.wr_busy
				? 0
				: quiet + 1;
	}
}

void reg_write_strobe(struct bench *b, unsigned int page, uint32_t offset,
		      uint32_t value, unsigned int strobe)
{
	struct host_pins *p = &b->pins;
	unsigned int aw_wait = bench_random(b, 3), w_wait = bench_random(b, 3);
	bool aw = false, w = false, answered = false;

	p->awaddr = page * FANTAIL_PAGE_BYTES + offset;
	p->wdata = value;
	p->wstrb = strobe;
	for (unsigned int i = 0; !answered; i++) {
		cr_assert_lt(i, 100, "no answer to a register write");
		p->awvalid = !aw && i >= aw_wait;
		p->wvalid = !w && i >= w_wait;
		p->bready = bench_random(b, 2);
		bench_step(b);
		aw |= b->before.awvalid && b->before.awready;
		w |= b->before.wvalid && b->before.wready;
		answered = b->before.bvalid && b->before.bready;
	}
	cr_assert(aw && w);
	p->awvalid = p->wvalid = p->bready = 0;
}

void reg_write(struct bench *b, unsigned int page, uint32_t offset,
	       uint32_t value)
{
	reg_write_strobe(b, page, offset, value, 0xF);
}

uint32_t reg_read(struct bench *b, unsigned int page, uint32_t offset)
{
	struct host_pins *p = &b->pins;
	bool ar = false;

	p->araddr = page * FANTAIL_PAGE_BYTES + offset;
	for (unsigned int i = 0;; i++) {
		cr_assert_lt(i, 100, "no answer to a register read");
		p->arvalid = !ar;
		p->rready = bench_random(b, 2);
		bench_step(b);
		ar |= b->before.arvalid && b->before.arready;
		if (b->before.rvalid && b->before.rready)
			break;
	}
	p->arvalid = p->rready = 0;
	return (uint32_t)b->before.rdata;
}

uint64_t reg_read64(struct bench *b, unsigned int page, uint32_t offset)
{
	uint64_t low = reg_read(b, page, offset);

	return low | (uint64_t)reg_read(b, page, offset + 4) << 32;
}

uint64_t qp_status_base(unsigned int q)
{
	return MEM_BASE + 0x10000 * (q + 1);
}

static void write64(struct bench *b, unsigned int page, uint32_t offset,
		    uint64_t value)
{
	reg_write(b, page, offset, (uint32_t)value);
	reg_write(b, page, offset + 4, (uint32_t)(value >> 32));
}

void qp_start(struct bench *b, unsigned int q, unsigned int status_log2)
{
	memset(b->mem + 0x10000 * (q + 1), 0, 0x10000);
	write64(b, 1 + q, FANTAIL_QP_DATA_BASE, 0x1234500000040ull);
	write64(b, 1 + q, FANTAIL_QP_CONTROL_BASE, 0x1234500000080ull);
	write64(b, 1 + q, FANTAIL_QP_STATUS_BASE, qp_status_base(q));
	write64(b, 1 + q, FANTAIL_QP_SLOT_BASE, MEM_BASE + 0x80000);
	reg_write(b, 1 + q, FANTAIL_QP_DATA_LOG2, 4);
	reg_write(b, 1 + q, FANTAIL_QP_CONTROL_LOG2, 3);
	reg_write(b, 1 + q, FANTAIL_QP_STATUS_LOG2, status_log2);
	reg_write(b, 1 + q, FANTAIL_QP_SLOT_COUNT, 8);
	reg_write(b, 1 + q, FANTAIL_QP_QP_CTRL, 1);
}

void qp_doorbell(struct bench *b, unsigned int q, uint32_t offset,
		 unsigned int tail, unsigned int status_head, bool arm)
{
	reg_write(b, 1 + q, offset,
		  (tail & 0x7FFF) | (status_head & 0x7FFF) << 16 |
			  (uint32_t)arm << 31);
}

const uint8_t *qp_record(const struct bench *b, unsigned int q,
			 unsigned int status_log2, unsigned int index)
{
	unsigned int place = index & ((1u << status_log2) - 1);
	const uint8_t *rec = b->mem + (qp_status_base(q) - MEM_BASE) +
			     FANTAIL_RECORD_BYTES * place;
	bool phase = !(index >> status_log2 & 1);

	return (word(rec, 28) >> 31 & 1) == phase ? rec : NULL;
}

void rec_put(struct bench *b, unsigned int s, unsigned int qp,
	     unsigned int type, uint32_t word1)
{
	struct record *rec = &b->src[s];

	cr_assert_not(b->src_full[s]);
	memset(rec, 0, sizeof(*rec));
	rec->bytes[0] = (uint8_t)type;
	memcpy(rec->bytes + 4, &word1, sizeof(word1));
	memset(rec->bytes + 28, 0xFF, 4);
	rec->qp = (uint8_t)qp;
	b->src_full[s] = true;
}
