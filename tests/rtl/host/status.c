// SPDX-License-Identifier: Apache-2.0
// Status rings and interrupts.
#include <criterion/criterion.h>
#include <string.h>

#include "bench.h"

/* One record from source s, written and in memory. */
static void one(struct bench *b, unsigned int s, unsigned int type)
{
	rec_put(b, s, 0, type, 0);
	bench_drain(b);
}

static void ring(struct bench *b, unsigned int status_head, bool arm)
{
	qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_DATA, 0, status_head, arm);
}

Test(status, first_pass)
{
	struct bench *b = bench_new(40);

	qp_start(b, 0, 4);
	for (unsigned int i = 0; i < 16; i++) {
		cr_assert_null(qp_record(b, 0, 4, i));
		rec_put(b, i % SOURCES, 0, FANTAIL_REC_CONN, 100 + i);
		bench_drain(b);
		cr_assert_not_null(qp_record(b, 0, 4, i));
		cr_assert_eq(word(qp_record(b, 0, 4, i), 4), 100 + i);
		cr_assert_eq(word(qp_record(b, 0, 4, i), 28), 1u << 31);
		cr_assert_eq(reg_read(b, 1, FANTAIL_QP_STATUS_TAIL), i + 1);
	}
	/* full: waits, and nothing moves */
	rec_put(b, 0, 0, FANTAIL_REC_BATCH, 7);
	bench_steps(b, 50);
	cr_assert(b->src_full[0]);
	cr_assert_eq(b->lines_written, 16);
	ring(b, 1, false);
	bench_drain(b);
	cr_assert_not_null(qp_record(b, 0, 4, 16));
	cr_assert_eq(word(qp_record(b, 0, 4, 16), 4), 7);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_CONN_RECORDS), 16);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_BATCH_RECORDS), 1);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_INTERRUPTS), 0);
	bench_free(b);
}

/* Two records of one line share a write when the first one has to wait. */
Test(status, records_share_a_line)
{
	struct bench *b = bench_new(39);

	qp_start(b, 0, 4);
	b->stall = 256;
	rec_put(b, 0, 0, FANTAIL_REC_CONN, 0);
	bench_steps(b, 4);
	/* 0 waits for the port, 1 behind it: their line is closed */
	rec_put(b, 0, 0, FANTAIL_REC_CONN, 1);
	bench_steps(b, 4);
	/* whichever comes first of these, the other goes beside it */
	rec_put(b, 0, 0, FANTAIL_REC_CONN, 2);
	rec_put(b, 1, 0, FANTAIL_REC_CONN, 3);
	b->stall = 0;
	bench_drain(b);
	cr_assert_eq(b->lines_written, 3);
	cr_assert_eq(word(qp_record(b, 0, 4, 0), 4), 0);
	cr_assert_eq(word(qp_record(b, 0, 4, 1), 4), 1);
	cr_assert_eq(word(qp_record(b, 0, 4, 2), 4) +
			     word(qp_record(b, 0, 4, 3), 4),
		     5);
	cr_assert_eq(reg_read(b, 1, FANTAIL_QP_STATUS_TAIL), 4);
	bench_free(b);
}

Test(status, fires_by_count)
{
	struct bench *b = bench_new(41);

	b->us_cycles = 0;
	qp_start(b, 0, 4);
	reg_write(b, 1, FANTAIL_QP_MOD_COUNT, 3);
	ring(b, 0, true);
	one(b, 0, FANTAIL_REC_BATCH);
	one(b, 0, FANTAIL_REC_BATCH);
	cr_assert_eq(b->irqs[0], 0);
	one(b, 0, FANTAIL_REC_BATCH);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	/* not again until armed, then at once: three still wait */
	one(b, 0, FANTAIL_REC_BATCH);
	cr_assert_eq(b->irqs[0], 1);
	ring(b, 1, true);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 2);
	ring(b, 2, true);
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 2);
	/* 0 fires at the first, also when it waits already */
	reg_write(b, 1, FANTAIL_QP_MOD_COUNT, 0);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 3);
	ring(b, 4, true);
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 3, "fired with nothing waiting");
	one(b, 3, FANTAIL_REC_DATA);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 4);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_INTERRUPTS), 4);
	cr_assert_eq(b->irqs[1], 0);
	bench_free(b);
}

Test(status, fires_by_age)
{
	struct bench *b = bench_new(42);

	b->us_cycles = 0;
	b->pins.now_us = 1000;
	qp_start(b, 0, 4);
	cr_assert_eq(b->pins.deadline_us, UINT64_MAX);
	one(b, 0, FANTAIL_REC_BATCH);
	cr_assert_eq(b->pins.deadline_us, UINT64_MAX, "not armed");
	b->pins.now_us = 1020;
	one(b, 0, FANTAIL_REC_BATCH);
	ring(b, 0, true);
	bench_steps(b, 5);
	cr_assert_eq(b->pins.deadline_us, 1050);
	b->pins.now_us = 1049;
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 0);
	b->pins.now_us = 1050;
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	cr_assert_eq(b->pins.deadline_us, UINT64_MAX);
	/* the second one is 30 us old: its own age counts */
	ring(b, 1, true);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	cr_assert_eq(b->pins.deadline_us, 1070);
	b->pins.now_us = 1071;
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 2);
	/* all returned; old enough when armed fires at once */
	ring(b, 2, false);
	one(b, 0, FANTAIL_REC_BATCH);
	b->pins.now_us += 10000000000ull;
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 2);
	ring(b, 2, true);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 3);
	bench_free(b);
}

Test(status, urgent_fires_for_a_failure)
{
	struct bench *b = bench_new(43);

	b->us_cycles = 0;
	qp_start(b, 0, 4);
	ring(b, 0, true);
	rec_put(b, 2, 0, FANTAIL_REC_CONN, 0);
	b->src[2].bytes[2] = FANTAIL_EV_RESET;
	bench_drain(b);
	bench_steps(b, 10);
	cr_assert_eq(b->irqs[0], 0, "not urgent");
	reg_write(b, 1, FANTAIL_QP_QP_CTRL, 3);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	ring(b, 1, true);
	rec_put(b, 2, 0, FANTAIL_REC_CONN, 0);
	b->src[2].bytes[2] = FANTAIL_EV_PEER_FIN;
	bench_drain(b);
	bench_steps(b, 10);
	cr_assert_eq(b->irqs[0], 1, "not a failure");
	one(b, 0, FANTAIL_REC_REFUSED);
	bench_steps(b, 10);
	cr_assert_eq(b->irqs[0], 2);
	bench_free(b);
}

/* News goes with an interrupt that is due, and that behind its last record. */
Test(status, fires_behind_the_news)
{
	struct bench *b = bench_new(51);

	b->us_cycles = 0;
	qp_start(b, 0, 4);
	reg_write(b, 1, FANTAIL_QP_MOD_COUNT, 4);
	ring(b, 0, true);
	b->pins.hold = 1;
	b->pins.items = 2;
	one(b, 0, FANTAIL_REC_BATCH);
	bench_steps(b, 5);
	cr_assert_eq(b->pins.due, 0);
	/* two of news and two records: four */
	one(b, 0, FANTAIL_REC_BATCH);
	bench_steps(b, 5);
	cr_assert_eq(b->pins.due, 1);
	cr_assert_eq(b->irqs[0], 0);
	b->pins.telling = 1;
	b->stall = 256;
	rec_put(b, 2, 0, FANTAIL_REC_CONN, 0);
	bench_steps(b, 4);
	rec_put(b, 2, 0, FANTAIL_REC_SUMMARY, 0);
	bench_steps(b, 4);
	cr_assert_not(b->src_full[2]);
	b->pins.period_end = 1;
	bench_step(b);
	b->pins.period_end = b->pins.telling = 0;
	b->pins.hold = 0;
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 0, "interrupt before its record");
	b->stall = 0;
	bench_drain(b);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_SUMMARY_RECORDS), 1);
	/* the four were returned: nothing is left of the period */
	ring(b, 4, true);
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 1);
	bench_free(b);
}

/* The end of a period needs neither count nor age, and waits to be armed. */
Test(status, fires_for_the_end_of_a_period)
{
	struct bench *b = bench_new(52);

	b->us_cycles = 0;
	qp_start(b, 0, 4);
	one(b, 2, FANTAIL_REC_CONN);
	one(b, 2, FANTAIL_REC_SUMMARY);
	b->pins.period_end = 1;
	bench_step(b);
	b->pins.period_end = 0;
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 0, "not armed");
	/* news of the next period does not hold it */
	b->pins.hold = 1;
	ring(b, 1, true);
	bench_steps(b, 5);
	cr_assert_eq(b->irqs[0], 1);
	b->pins.hold = 0;
	ring(b, 2, true);
	one(b, 0, FANTAIL_REC_BATCH);
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 1);
	bench_free(b);
}

/* COLLECT: once, armed or not. */
Test(status, fires_for_collect)
{
	struct bench *b = bench_new(54);

	b->us_cycles = 0;
	qp_start(b, 0, 2);
	b->pins.hold = b->pins.telling = b->pins.collect = 1;
	one(b, 2, FANTAIL_REC_SUMMARY);
	bench_steps(b, 10);
	cr_assert_eq(b->irqs[0], 0);
	b->pins.period_end = 1;
	bench_step(b);
	b->pins.period_end = b->pins.hold = b->pins.telling = 0;
	b->pins.collect = 0;
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 1);
	/* a ring too small for the answer */
	b->pins.hold = b->pins.telling = b->pins.collect = 1;
	for (unsigned int i = 0; i < 3; i++)
		one(b, 2, FANTAIL_REC_CONN);
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 2);
	ring(b, 3, false);
	one(b, 2, FANTAIL_REC_SUMMARY);
	b->pins.period_end = 1;
	bench_step(b);
	b->pins.period_end = b->pins.hold = b->pins.telling = 0;
	b->pins.collect = 0;
	bench_steps(b, 50);
	cr_assert_eq(b->irqs[0], 3);
	bench_free(b);
}

/* A full ring: the news cannot be told before the host has been woken. */
Test(status, fires_when_the_ring_is_full_of_a_period)
{
	struct bench *b = bench_new(53);

	b->us_cycles = 0;
	qp_start(b, 0, 2);
	ring(b, 0, true);
	b->pins.hold = b->pins.telling = 1;
	for (unsigned int i = 0; i < 3; i++)
		one(b, 2, FANTAIL_REC_CONN);
	cr_assert_eq(b->irqs[0], 0);
	cr_assert_eq(b->pins.room, 3);
	one(b, 2, FANTAIL_REC_CONN);
	bench_steps(b, 5);
	cr_assert_eq(b->pins.room, 2);
	cr_assert_eq(b->irqs[0], 1);
	bench_free(b);
}

static void set_heads(struct bench *b, unsigned int data, unsigned int control)
{
	b->pins.data_head = data;
	b->pins.control_head = control;
}

Test(status, head_record_at_half_a_ring)
{
	struct bench *b = bench_new(44);
	const uint8_t *rec;

	qp_start(b, 0, 4);
	qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_DATA, 16, 0, false);
	qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_CONTROL, 8, 0, false);
	set_heads(b, 7, 3);
	bench_steps(b, 20);
	cr_assert_eq(b->lines_written, 0);
	set_heads(b, 8, 3);
	bench_drain(b);
	rec = qp_record(b, 0, 4, 0);
	cr_assert_not_null(rec);
	cr_assert_eq(rec[0], FANTAIL_REC_HEAD);
	cr_assert_eq(word(rec, 28), 1u << 31 | 3u << 15 | 8u);
	cr_assert_eq(b->lines_written, 1);
	/* any record tells: four of CONTROL are due again from 7 on only */
	one(b, 1, FANTAIL_REC_DATA);
	set_heads(b, 8, 6);
	bench_steps(b, 20);
	cr_assert_eq(b->lines_written, 2);
	set_heads(b, 8, 7);
	bench_drain(b);
	rec = qp_record(b, 0, 4, 2);
	cr_assert_not_null(rec);
	cr_assert_eq(rec[0], FANTAIL_REC_HEAD);
	cr_assert_eq(word(rec, 28), 1u << 31 | 7u << 15 | 8u);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_HEAD_RECORDS), 2);
	bench_free(b);
}

/* A queue pair that does not run loses its records, and stops nobody. */
Test(status, records_of_the_dead_are_dropped)
{
	struct bench *b = bench_new(45);

	qp_start(b, 1, 2);
	for (unsigned int i = 0; i < 8; i++) {
		rec_put(b, 1, i & 1 ? 0 : 5, FANTAIL_REC_DATA, i);
		bench_drain(b);
	}
	cr_assert_eq(b->lines_written, 0);
	rec_put(b, 1, 1, FANTAIL_REC_DATA, 9);
	bench_drain(b);
	cr_assert_eq(b->lines_written, 1);
	/* disabled and enabled again while lines wait: begins at zero */
	b->stall = 256;
	for (unsigned int i = 0; i < 3; i++) {
		rec_put(b, 1, 1, FANTAIL_REC_DATA, 10 + i);
		bench_steps(b, 4);
	}
	reg_write(b, 2, FANTAIL_QP_QP_CTRL, 0);
	reg_write(b, 2, FANTAIL_QP_QP_CTRL, 1);
	b->stall = 0;
	bench_drain(b);
	cr_assert_eq(reg_read(b, 2, FANTAIL_QP_STATUS_TAIL), 0);
	rec_put(b, 1, 1, FANTAIL_REC_DATA, 20);
	bench_drain(b);
	cr_assert_eq(reg_read(b, 2, FANTAIL_QP_STATUS_TAIL), 1);
	cr_assert_eq(word(qp_record(b, 1, 2, 0), 4), 20);
	bench_free(b);
}

/* ------------------------------------------------ everything at once */
#define RANDOM_RECORDS 4000u

struct host_side {
	unsigned int log2;
	unsigned int seen;	/* records looked at */
	unsigned int returned;	/* status head */
	uint32_t next[SOURCES]; /* word 1 of each source */
	bool armed;
	unsigned int irqs;
	unsigned int data_head, data_tail, told;
	uint64_t heads; /* HEAD records */
};

/* Word 1 counts within source and queue pair; word 2 names the source. */
static void random_sources(struct bench *b, uint32_t sent[QPS][SOURCES],
			   unsigned int *left, int *pending_slot,
			   unsigned int *bursts)
{
	for (unsigned int s = 0; s < SOURCES; s++) {
		unsigned int q = bench_random(b, QPS);

		if (b->src_full[s] || !*left || bench_random(b, 4))
			continue;
		if (s == 1 && *pending_slot < 0) {
			/* bytes of the next slot first, of one value */
			unsigned int slot = (*bursts)++ % 64;

			b->burst_lines = 1 + bench_random(b, 25);
			b->burst_next = 0;
			for (unsigned int i = 0; i < b->burst_lines; i++) {
				struct line *l = &b->burst[i];

				l->addr = MEM_BASE + 0x80000 + slot * 2048 +
					  LINE * i;
				l->strb = ~0ull;
				memset(l->data, (int)(b->cycle & 0xFF), LINE);
			}
			*pending_slot = (int)slot;
			continue;
		}
		if (s == 1 && b->burst_next < b->burst_lines)
			continue;
		rec_put(b, s, q, s == 1 ? FANTAIL_REC_DATA : FANTAIL_REC_CONN,
			sent[q][s]++);
		b->src[s].bytes[8] = (uint8_t)s;
		if (s == 1) {
			b->src[s].bytes[12] = (uint8_t)*pending_slot;
			b->src[s].bytes[13] = (uint8_t)b->burst_lines;
			b->src[s].bytes[14] = b->burst[0].data[0];
			*pending_slot = -1;
		}
		--*left;
	}
}

static void look_at(struct bench *b, struct host_side *h, const uint8_t *rec)
{
	unsigned int head = word(rec, 28) & 0x7FFF;

	cr_assert_leq((head - h->told) & 0x7FFF,
		      (h->data_head - h->told) & 0x7FFF, "heads from nowhere");
	h->told = head;
	if (rec[0] == FANTAIL_REC_HEAD) {
		h->heads++;
		return;
	}
	cr_assert_lt(rec[8], SOURCES);
	cr_assert_eq(word(rec, 4), h->next[rec[8]]++, "lost or out of order");
	if (rec[0] == FANTAIL_REC_DATA) {
		const uint8_t *slot = b->mem + 0x80000 + rec[12] * 2048;

		cr_assert_eq(slot[0], rec[14], "record before its bytes");
		cr_assert_eq(slot[LINE * rec[13] - 1], rec[14]);
	}
}

static void host_step(struct bench *b, struct host_side *h, unsigned int q)
{
	const uint8_t *rec;

	/* what was armed up to two cycles ago may have fired meanwhile */
	cr_assert_leq(b->irqs[q] - h->irqs, 1);
	if (b->irqs[q] != h->irqs) {
		cr_assert(h->armed, "interrupt without arming");
		cr_assert_not_null(qp_record(b, q, h->log2, h->returned),
				   "interrupt before its record");
		h->irqs = b->irqs[q];
		h->armed = false;
	}
	while ((rec = qp_record(b, q, h->log2, h->seen))) {
		look_at(b, h, rec);
		h->seen++;
		cr_assert_leq(h->seen - h->returned, 1u << h->log2);
	}
}

static void run_random(unsigned int seed, unsigned int stall, bool w_early)
{
	struct bench *b = bench_new(seed);
	uint32_t sent[QPS][SOURCES] = { { 0 } };
	struct host_side h[QPS] = { { .log2 = 4 }, { .log2 = 2 } };
	unsigned int left = RANDOM_RECORDS, bursts = 0;
	int pending_slot = -1;
	uint64_t records = 0, irqs = 0;

	b->stall = stall;
	b->w_early = w_early;
	for (unsigned int q = 0; q < QPS; q++) {
		qp_start(b, q, h[q].log2);
		reg_write(b, 1 + q, FANTAIL_QP_MOD_COUNT, 1 + 2 * q);
	}
	for (unsigned int i = 0;
	     left || b->pins.status_busy || h[0].seen != h[0].returned ||
	     h[1].seen != h[1].returned;
	     i++) {
		unsigned int q = bench_random(b, QPS);

		cr_assert_lt(i, 400000, "stuck");
		random_sources(b, sent, &left, &pending_slot, &bursts);
		for (unsigned int k = 0; k < QPS; k++) {
			h[k].data_head += bench_random(
				b, h[k].data_tail - h[k].data_head + 1);
			b->pins.data_head =
				(b->pins.data_head & ~(0x7FFFull << (15 * k))) |
				(uint64_t)(h[k].data_head & 0x7FFF) << (15 * k);
		}
		bench_step(b);
		host_step(b, &h[0], 0);
		host_step(b, &h[1], 1);
		if (bench_random(b, 8))
			continue;
		if (h[q].armed || h[q].seen == h[q].returned) {
			/* no race with an interrupt on its way */
			h[q].returned +=
				h[q].armed
					? 0
					: bench_random(
						  b, h[q].seen - h[q].returned +
							     1);
			continue;
		}
		h[q].returned += 1 + bench_random(b, h[q].seen - h[q].returned);
		h[q].armed = true;
		h[q].data_tail +=
			bench_random(b, 17 - (h[q].data_tail - h[q].data_head));
		qp_doorbell(b, q, FANTAIL_QP_DOORBELL_DATA, h[q].data_tail,
			    h[q].returned, true);
	}
	bench_drain(b);
	for (unsigned int q = 0; q < QPS; q++) {
		host_step(b, &h[q], q);
		for (unsigned int s = 0; s < SOURCES; s++)
			cr_assert_eq(h[q].next[s], sent[q][s]);
		records += h[q].seen;
		irqs += h[q].irqs;
		cr_assert_eq(reg_read64(b, 1 + q, FANTAIL_QPCNT_HEAD_RECORDS),
			     h[q].heads);
		cr_assert_eq(reg_read64(b, 1 + q, FANTAIL_QPCNT_INTERRUPTS),
			     h[q].irqs);
		cr_assert_eq(b->pins.status_tail >> (15 * q) & 0x7FFF,
			     h[q].seen & 0x7FFF);
	}
	cr_assert_geq(records, RANDOM_RECORDS);
	cr_assert_gt(irqs, 10);
	cr_assert_eq(b->pins.halted, 0);
	bench_free(b);
}

Test(status, random_without_stalls)
{
	run_random(46, 0, false);
}

Test(status, random_with_stalls)
{
	run_random(47, 128, false);
}

Test(status, random_data_before_address)
{
	run_random(48, 160, true);
}
