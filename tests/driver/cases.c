/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../common/card_size.h"
#include "device.h"
#include "queue.h"

#define CHECK(condition)                                             \
	do {                                                         \
		if (!(condition))                                    \
			case_failed(__FILE__, __LINE__, #condition); \
	} while (0)

static struct fantail_dev *dev;
static struct fantail_qp *qp;

static void open_qp(const struct case_card *card, unsigned int ring_log2,
		    unsigned int status_log2)
{
	struct fantail_qp_options opt = {
		.data_log2 = ring_log2,
		.control_log2 = ring_log2,
		.status_log2 = status_log2,
		.slot_count = 16,
	};

	CHECK(!fantail_dev_open(card->uri, &card->opt, &dev));
	CHECK(!fantail_qp_open(dev, 0, &opt, &qp));
}

static void close_qp(void)
{
	fantail_qp_close(qp);
	fantail_dev_close(dev);
}

static struct fantail_entry *put(enum fantail_ring ring, uint8_t op,
				 uint8_t flags, uint64_t cookie)
{
	struct fantail_entry *e = fantail_sq_get(qp, ring);

	CHECK(e);
	e->op = op;
	e->flags = flags;
	e->cookie = cookie;
	return e;
}

static void put_payload(const struct fantail_mem *mem, uint32_t offset,
			uint32_t len, uint64_t cookie)
{
	struct fantail_entry *e = put(FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH,
				      FANTAIL_FLAG_LAST | FANTAIL_FLAG_GROUP,
				      cookie);

	e->addr = mem->iova + offset;
	e->len = len;
}

/* The next record, or fail after a second of the card's time. */
static union fantail_record next_record(void)
{
	uint64_t end = fantail_dev_now_us(dev) + 1000000;
	union fantail_record rec;
	int n;

	for (;;) {
		n = fantail_qp_poll(qp, &rec, 1);
		CHECK(n >= 0);
		if (n)
			return rec;
		CHECK(fantail_dev_now_us(dev) < end);
		CHECK(fantail_qp_wait(qp, 100000) >= 0);
	}
}

static uint64_t address(const struct fantail_rec_refused *r)
{
	return (uint64_t)r->addr_hi << 32 | r->addr_lo;
}

static uint64_t qp_count(uint32_t offset)
{
	uint64_t value;

	CHECK(!fantail_qp_counter(qp, offset, &value));
	return value;
}

static uint64_t dev_count(uint32_t offset)
{
	uint64_t value;

	CHECK(!fantail_dev_counter(dev, offset, &value));
	return value;
}

void case_limits_and_time(const struct case_card *card)
{
	const struct fantail_limits *l;
	uint32_t lo, hi;
	uint64_t now;

	open_qp(card, 4, 4);
	l = fantail_dev_limits(dev);
	CHECK(l->connections == CARD_CONNECTIONS);
	CHECK(l->groups == CARD_GROUPS);
	CHECK(l->log_bytes == CARD_LOG);
	CHECK(l->payload_bytes == CARD_PAYLOAD);
	CHECK(l->queue_pairs == CARD_QUEUE_PAIRS);
	now = fantail_dev_now_us(dev);
	CHECK(fantail_qp_wait(qp, 5000) == 0);
	CHECK(fantail_dev_now_us(dev) >= now + 5000);
	/* what the transport says is what the register says, which in real
	 * time looks at the clock every few cycles */
	now = fantail_dev_now_us(dev);
	CHECK(!fantail_dev_read32(dev, FANTAIL_REG_TIME, &lo));
	CHECK(!fantail_dev_read32(dev, FANTAIL_REG_TIME + 4, &hi));
	CHECK(((uint64_t)hi << 32 | lo) + 10000 >= now);
	CHECK(((uint64_t)hi << 32 | lo) < now + 1000000);
	close_qp();
}

/* Every index and the phase wrap many times; one BATCH for each doorbell. */
void case_rings_and_phase_wrap(const struct case_card *card)
{
	union fantail_record rec;
	uint32_t i;

	open_qp(card, 2, 2);
	for (i = 0; i < 500; i++) {
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, 0, 7);
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, i);
		CHECK(fantail_qp_submit(qp) == 2);
		do
			rec = next_record();
		while (rec.type == FANTAIL_REC_HEAD);
		CHECK(rec.type == FANTAIL_REC_BATCH);
		CHECK(rec.batch.cookie_lo == i);
		CHECK(rec.batch.entries == 2);
		CHECK(fantail_sq_head(qp, FANTAIL_RING_DATA) == 2 * (i + 1));
	}
	CHECK(qp_count(FANTAIL_QPCNT_DATA_DOORBELLS) == 500);
	CHECK(qp_count(FANTAIL_QPCNT_BATCH_RECORDS) == 500);
	CHECK(qp_count(FANTAIL_QPCNT_INTERRUPTS) <=
	      500 + qp_count(FANTAIL_QPCNT_HEAD_RECORDS));
	close_qp();
}

void case_a_wait_ends_with_the_interrupt(const struct case_card *card)
{
	/* moderation of 50 us, and not the timeout; the world's time depends
	 * on how fast the model is */
	uint64_t soon_us = card->virtual_time ? 200 : 5000000, now;
	union fantail_record rec;

	open_qp(card, 4, 4);
	put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 1);
	now = fantail_dev_now_us(dev);
	CHECK(fantail_qp_submit(qp) == 1);
	CHECK(fantail_qp_wait(qp, 10000000) == 1);
	CHECK(fantail_dev_now_us(dev) < now + soon_us);
	CHECK(fantail_qp_poll(qp, &rec, 1) == 1);
	CHECK(qp_count(FANTAIL_QPCNT_INTERRUPTS) == 1);
	close_qp();
}

void case_a_payload_for_nobody_is_read_once(const struct case_card *card)
{
	union fantail_record rec;
	struct fantail_mem mem;

	open_qp(card, 4, 4);
	CHECK(!fantail_dma_alloc(dev, 4096,
				 FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD, &mem));
	put_payload(&mem, 64, 100, 9);
	CHECK(fantail_qp_submit(qp) == 1);
	rec = next_record();
	CHECK(rec.type == FANTAIL_REC_BATCH);
	CHECK(rec.batch.payloads == 1);
	CHECK(rec.batch.bytes == 100);
	CHECK(rec.batch.reached == 0);
	CHECK(dev_count(FANTAIL_CNT_PAYLOAD_READ_BYTES) == 128);
	close_qp();
}

void case_refusals_name_the_entry(const struct case_card *card)
{
	union fantail_record rec;
	struct fantail_entry *e;

	open_qp(card, 4, 5);
	put(FANTAIL_RING_CONTROL, FANTAIL_OP_PUBLISH, 0, 1)->len = 1;
	put(FANTAIL_RING_CONTROL, 99, 0, 2);
	e = put(FANTAIL_RING_CONTROL, FANTAIL_OP_FRAME_TX, FANTAIL_FLAG_LAST,
		3);
	e->addr = 0x123400000ull * 64; /* mapped by nobody */
	e->len = 60;
	CHECK(fantail_qp_submit_control(qp) == 3);
	rec = next_record();
	CHECK(rec.type == FANTAIL_REC_REFUSED);
	CHECK(rec.refused.code == FANTAIL_REFUSE_WRONG_RING);
	CHECK(rec.refused.cookie_lo == 1);
	rec = next_record();
	CHECK(rec.refused.code == FANTAIL_REFUSE_UNKNOWN_OP);
	CHECK(rec.refused.index == 1);
	CHECK(rec.refused.ring == FANTAIL_RING_CONTROL);
	rec = next_record();
	CHECK(rec.refused.code == FANTAIL_REFUSE_DMA_READ);
	CHECK(address(&rec.refused) == 0x123400000ull * 64);
	rec = next_record();
	CHECK(rec.type == FANTAIL_REC_BATCH);
	CHECK(rec.batch.ring == FANTAIL_RING_CONTROL);
	CHECK(rec.batch.refused == 3);
	close_qp();
}

void case_a_bad_doorbell_halts_and_is_named(const struct case_card *card)
{
	uint32_t code;

	open_qp(card, 4, 4);
	/* 17 entries in a ring of 16; behind the driver's back */
	CHECK(!dev->ops->reg_write32(
		dev->state, FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_DATA, 17));
	CHECK(fantail_qp_wait(qp, 100) == 0);
	CHECK(!fantail_qp_fault(qp, &code, NULL));
	CHECK(code == FANTAIL_FAULT_DOORBELL);
	close_qp();
}

/* Reset gives the card back as it was: indices, phase, counters. */
void case_opened_again(const struct case_card *card)
{
	union fantail_record rec;
	int i;

	for (i = 0; i < 3; i++) {
		open_qp(card, 4, 4);
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 5);
		CHECK(fantail_qp_submit(qp) == 1);
		rec = next_record();
		CHECK(rec.type == FANTAIL_REC_BATCH);
		CHECK(fantail_sq_head(qp, FANTAIL_RING_DATA) == 1);
		close_qp();
	}
}

/* Many regions come and go; each has pages of its own. */
void case_memory_has_two_names(const struct case_card *card)
{
	struct fantail_mem mem[40];
	union fantail_record rec;
	int i, round;

	open_qp(card, 6, 6);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 40; i++) {
			CHECK(!fantail_dma_alloc(dev, 4096u << i % 3,
						 FANTAIL_DMA_READ, &mem[i]));
			memset(mem[i].va, i, mem[i].bytes);
			put_payload(&mem[i], 4096 - 64, 64, (uint64_t)i);
		}
		CHECK(fantail_qp_submit(qp) == 40);
		for (i = 0; i < 40; i++) {
			do
				rec = next_record();
			while (rec.type == FANTAIL_REC_HEAD);
			CHECK(rec.type == FANTAIL_REC_BATCH);
			CHECK(rec.batch.cookie_lo == (uint32_t)i);
			CHECK(!rec.batch.refused && rec.batch.payloads == 1);
		}
		for (i = 0; i < 40; i++)
			fantail_dma_free(dev, &mem[i]);
	}
	close_qp();
}

/* In the middle of the traffic; what comes before and behind is served. */
void case_memory_taken_away_faults_where_it_was(const struct case_card *card)
{
	struct fantail_mem mem, gone;
	union fantail_record rec;
	uint64_t iova;
	int i;

	open_qp(card, 6, 6);
	CHECK(!fantail_dma_alloc(dev, 65536, FANTAIL_DMA_READ, &mem));
	CHECK(!fantail_dma_alloc(dev, 4096, FANTAIL_DMA_READ, &gone));
	iova = gone.iova;
	for (i = 0; i < 20; i++)
		put_payload(&mem, 0, 8192, 1);
	CHECK(fantail_qp_submit(qp) == 20);
	put_payload(&gone, 128, 100, 2);
	fantail_dma_free(dev, &gone);
	put_payload(&mem, 0, 8192, 3);
	CHECK(fantail_qp_submit(qp) == 2);
	for (i = 0; i < 20;) {
		rec = next_record();
		CHECK(rec.type == FANTAIL_REC_BATCH ||
		      rec.type == FANTAIL_REC_HEAD);
		i += rec.type == FANTAIL_REC_BATCH;
	}
	do
		rec = next_record();
	while (rec.type == FANTAIL_REC_HEAD);
	CHECK(rec.type == FANTAIL_REC_REFUSED);
	CHECK(rec.refused.code == FANTAIL_REFUSE_DMA_READ);
	CHECK(rec.refused.cookie_lo == 2);
	CHECK(address(&rec.refused) == iova + 128);
	do
		rec = next_record();
	while (rec.type == FANTAIL_REC_HEAD);
	CHECK(rec.type == FANTAIL_REC_BATCH && rec.batch.refused == 1);
	rec = next_record();
	CHECK(rec.type == FANTAIL_REC_BATCH && !rec.batch.refused);
	CHECK(rec.batch.cookie_lo == 3);
	CHECK(dev_count(FANTAIL_CNT_DMA_READ_FAULTS) > 0);
	close_qp();
}

/* The queue pair halts, and its fault names the address. */
void case_a_ring_taken_away_halts_and_is_named(const struct case_card *card)
{
	uint64_t iova, addr = 0;
	uint32_t code = 0;
	int i;

	open_qp(card, 4, 4);
	put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 1);
	iova = qp->sq[FANTAIL_RING_DATA].mem.iova;
	CHECK(!dev->ops->dma_unmap(dev->state, iova,
				   qp->sq[FANTAIL_RING_DATA].mem.bytes));
	CHECK(fantail_qp_submit(qp) == 1);
	for (i = 0; !code && i < 1000; i++) {
		CHECK(fantail_qp_wait(qp, 1000) == 0);
		CHECK(!fantail_qp_fault(qp, &code, &addr));
	}
	CHECK(code == FANTAIL_FAULT_ENTRY_READ);
	CHECK(addr == iova);
	close_qp();
}
