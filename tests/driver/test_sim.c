/* SPDX-License-Identifier: Apache-2.0 */
/* The driver over sim:, on the small engine with assertions. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fantail_driver.h"
#include "fantail_sim.h"
#include "transport.h"

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail_qp *qp;

static void open_qp(unsigned int ring_log2, unsigned int status_log2)
{
	struct fantail_qp_options opt = {
		.data_log2 = ring_log2,
		.control_log2 = ring_log2,
		.status_log2 = status_log2,
		.slot_count = 16,
	};
	struct fantail_dev_options dev_opt = { 0 };
	struct fantail_sim_config cfg;

	if (!sim) {
		fantail_sim_config_init(&cfg);
		cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
	}
	dev_opt.sim = sim;
	cr_assert_eq(fantail_dev_open("sim:", &dev_opt, &dev), 0);
	cr_assert_eq(fantail_qp_open(dev, 0, &opt, &qp), 0);
}

static void close_qp(void)
{
	char why[200];

	fantail_qp_close(qp);
	fantail_dev_close(dev);
	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
}

static void close_all(void)
{
	close_qp();
	fantail_sim_close(sim);
}

static struct fantail_entry *put(enum fantail_ring ring, uint8_t op,
				 uint8_t flags, uint64_t cookie)
{
	struct fantail_entry *e = fantail_sq_get(qp, ring);

	cr_assert(e);
	e->op = op;
	e->flags = flags;
	e->cookie = cookie;
	return e;
}

/* The next record, or fail after a second of the card's time. */
static union fantail_record next_record(void)
{
	uint64_t end = fantail_dev_now_us(dev) + 1000000;
	union fantail_record rec;
	int n;

	for (;;) {
		n = fantail_qp_poll(qp, &rec, 1);
		cr_assert_geq(n, 0, "poll: %d", n);
		if (n)
			return rec;
		cr_assert_lt(fantail_dev_now_us(dev), end, "no record");
		cr_assert_geq(fantail_qp_wait(qp, 100000), 0);
	}
}

static uint64_t qp_count(uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_qp_counter(qp, offset, &value), 0);
	return value;
}

static uint64_t dev_count(uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_dev_counter(dev, offset, &value), 0);
	return value;
}

Test(sim, limits_and_time)
{
	const struct fantail_limits *l;
	uint64_t now;

	open_qp(4, 4);
	l = fantail_dev_limits(dev);
	cr_assert_eq(l->connections, 256);
	cr_assert_eq(l->groups, 64);
	cr_assert_eq(l->log_bytes, 65536);
	cr_assert_eq(l->payload_bytes, 16384);
	cr_assert_eq(l->queue_pairs, 2);
	now = fantail_dev_now_us(dev);
	cr_assert_eq(fantail_qp_wait(qp, 5000), 0);
	cr_assert_geq(fantail_dev_now_us(dev), now + 5000);
	close_all();
}

/* Every index and the phase wrap many times; one BATCH for each doorbell. */
Test(sim, rings_and_phase_wrap)
{
	union fantail_record rec;
	uint32_t i;

	open_qp(2, 2);
	for (i = 0; i < 500; i++) {
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, 0, 7);
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, i);
		cr_assert_eq(fantail_qp_submit(qp), 2);
		do
			rec = next_record();
		while (rec.type == FANTAIL_REC_HEAD);
		cr_assert_eq(rec.type, FANTAIL_REC_BATCH);
		cr_assert_eq(rec.batch.cookie_lo, i);
		cr_assert_eq(rec.batch.entries, 2);
		cr_assert_eq(fantail_sq_head(qp, FANTAIL_RING_DATA),
			     2 * (i + 1));
	}
	cr_assert_eq(qp_count(FANTAIL_QPCNT_DATA_DOORBELLS), 500);
	cr_assert_eq(qp_count(FANTAIL_QPCNT_BATCH_RECORDS), 500);
	cr_assert_leq(qp_count(FANTAIL_QPCNT_INTERRUPTS),
		      500 + qp_count(FANTAIL_QPCNT_HEAD_RECORDS));
	close_all();
}

Test(sim, a_wait_ends_with_the_interrupt)
{
	union fantail_record rec;
	uint64_t now;

	open_qp(4, 4);
	put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 1);
	now = fantail_dev_now_us(dev);
	cr_assert_eq(fantail_qp_submit(qp), 1);
	cr_assert_eq(fantail_qp_wait(qp, 1000000), 1);
	/* Moderation of 50 us, and not the timeout. */
	cr_assert_lt(fantail_dev_now_us(dev), now + 200);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	cr_assert_eq(qp_count(FANTAIL_QPCNT_INTERRUPTS), 1);
	close_all();
}

Test(sim, a_payload_for_nobody_is_read_once)
{
	union fantail_record rec;
	struct fantail_entry *e;
	struct fantail_mem mem;

	open_qp(4, 4);
	cr_assert_eq(fantail_dma_alloc(dev, 4096,
				       FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD,
				       &mem),
		     0);
	e = put(FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH,
		FANTAIL_FLAG_LAST | FANTAIL_FLAG_GROUP, 9);
	e->addr = mem.iova + 64;
	e->len = 100;
	cr_assert_eq(fantail_qp_submit(qp), 1);
	rec = next_record();
	cr_assert_eq(rec.type, FANTAIL_REC_BATCH);
	cr_assert_eq(rec.batch.payloads, 1);
	cr_assert_eq(rec.batch.bytes, 100);
	cr_assert_eq(rec.batch.reached, 0);
	cr_assert_eq(dev_count(FANTAIL_CNT_PAYLOAD_READ_BYTES), 128);
	close_all();
}

Test(sim, refusals_name_the_entry)
{
	union fantail_record rec;
	struct fantail_entry *e;

	open_qp(4, 5);
	put(FANTAIL_RING_CONTROL, FANTAIL_OP_PUBLISH, 0, 1)->len = 1;
	put(FANTAIL_RING_CONTROL, 99, 0, 2);
	e = put(FANTAIL_RING_CONTROL, FANTAIL_OP_FRAME_TX, FANTAIL_FLAG_LAST,
		3);
	e->addr = 0x123400000ull * 64; /* mapped by nobody */
	e->len = 60;
	cr_assert_eq(fantail_qp_submit_control(qp), 3);
	rec = next_record();
	cr_assert_eq(rec.type, FANTAIL_REC_REFUSED);
	cr_assert_eq(rec.refused.code, FANTAIL_REFUSE_WRONG_RING);
	cr_assert_eq(rec.refused.cookie_lo, 1);
	rec = next_record();
	cr_assert_eq(rec.refused.code, FANTAIL_REFUSE_UNKNOWN_OP);
	cr_assert_eq(rec.refused.index, 1);
	cr_assert_eq(rec.refused.ring, FANTAIL_RING_CONTROL);
	rec = next_record();
	cr_assert_eq(rec.refused.code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq((uint64_t)rec.refused.addr_hi << 32 | rec.refused.addr_lo,
		     0x123400000ull * 64);
	rec = next_record();
	cr_assert_eq(rec.type, FANTAIL_REC_BATCH);
	cr_assert_eq(rec.batch.ring, FANTAIL_RING_CONTROL);
	cr_assert_eq(rec.batch.refused, 3);
	close_all();
}

Test(sim, a_bad_doorbell_halts_and_is_named)
{
	uint32_t code;

	open_qp(4, 4);
	/* 17 entries in a ring of 16; behind the driver's back. */
	cr_assert_eq(fantail_sim_bar_write(sim, 0,
					   FANTAIL_PAGE_BYTES +
						   FANTAIL_QP_DOORBELL_DATA,
					   4, 17),
		     0);
	cr_assert_eq(fantail_qp_wait(qp, 100), 0);
	cr_assert_eq(fantail_qp_fault(qp, &code, NULL), 0);
	cr_assert_eq(code, FANTAIL_FAULT_DOORBELL);
	close_all();
}

/* Reset gives the card back as it was: indices, phase, counters. */
Test(sim, opened_again)
{
	union fantail_record rec;
	int i;

	for (i = 0; i < 3; i++) {
		open_qp(4, 4);
		put(FANTAIL_RING_DATA, FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 5);
		cr_assert_eq(fantail_qp_submit(qp), 1);
		rec = next_record();
		cr_assert_eq(rec.type, FANTAIL_REC_BATCH);
		cr_assert_eq(fantail_sq_head(qp, FANTAIL_RING_DATA), 1);
		close_qp();
	}
	fantail_sim_close(sim);
}
