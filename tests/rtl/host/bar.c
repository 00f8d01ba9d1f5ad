// SPDX-License-Identifier: Apache-2.0
// BAR0: the register map, counters, doorbells and their index check.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "bench.h"
#include "fantail_reg_table.h"

static const struct fantail_reg_params params = { 256, 64, 65536, 16, 2 };

static const struct fantail_reg_row *row_of(unsigned int page, uint32_t offset)
{
	for (size_t i = 0;
	     i < sizeof(fantail_reg_table) / sizeof(fantail_reg_table[0]); i++)
		if (fantail_reg_table[i].page == !!page &&
		    fantail_reg_table[i].offset == offset)
			return &fantail_reg_table[i];
	return NULL;
}

/* Counters answer behind the table's rows or within: they are read-only. */
static bool is_counter(unsigned int page, uint32_t offset)
{
	uint32_t count = page ? FANTAIL_QPCNT_COUNT : FANTAIL_CNT_COUNT;

	return offset >= 0x100 && offset < 0x100 + 8 * count;
}

Test(bar, map)
{
	struct bench *b = bench_new(1);

	for (unsigned int page = 0; page < 5; page++) {
		for (uint32_t off = 0; off < 0x300; off += 4) {
			const struct fantail_reg_row *row =
				page <= QPS ? row_of(page, off) : NULL;
			uint32_t want = row ? fantail_reg_reset(row, &params)
					    : 0;
			uint32_t got = reg_read(b, page, off);
			bool holds = row && row->access == FANTAIL_ACCESS_RW;

			if (page <= QPS && is_counter(page, off))
				continue;
			if (!row || !row->is_volatile)
				cr_assert_eq(got, want,
					     "page %u offset %#x: "
					     "%#x, not %#x",
					     page, off, got, want);
			if (row && row->access == FANTAIL_ACCESS_W1S)
				continue;
			/* enabling and doorbells have tests of their own */
			if (holds && off == FANTAIL_QP_QP_CTRL && page)
				continue;
			reg_write(b, page, off, 0xA5C3F00Fu);
			got = reg_read(b, page, off);
			if (holds)
				want = 0xA5C3F00Fu & row->mask;
			if (!row || !row->is_volatile)
				cr_assert_eq(got, want,
					     "page %u offset %#x "
					     "after a write: %#x, not %#x",
					     page, off, got, want);
		}
	}
	cr_assert_eq(b->pins.hash_key[3], 0xA5C3F00Fu);
	cr_assert_eq(b->pins.enable, 1);
	bench_free(b);
}

Test(bar, partial_strobes_change_nothing)
{
	struct bench *b = bench_new(2);

	for (unsigned int strobe = 0; strobe < 15; strobe++)
		reg_write_strobe(b, 0, FANTAIL_REG_PIN_US, 7, strobe);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_PIN_US), 1000000);
	cr_assert_eq(reg_read64(b, 0, FANTAIL_CNT_BAD_STROBES), 15);
	reg_write(b, 0, FANTAIL_REG_PIN_US, 7);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_PIN_US), 7);
	cr_assert_eq(reg_read64(b, 0, FANTAIL_CNT_BAD_STROBES), 15);
	bench_free(b);
}

Test(bar, counters)
{
	struct bench *b = bench_new(3);
	uint64_t sum[FANTAIL_CNT_COUNT] = { 0 }, cycles;
	unsigned int stages = (FANTAIL_CNT_STAGES - FANTAIL_CNT_BASE) / 8, i;

	for (i = 0; i < 2000; i++) {
		unsigned int at = bench_random(b, stages), stage;

		b->pins.cnt_index = at;
		b->pins.cnt_amount = bench_random(b, 65536);
		sum[at] += b->pins.cnt_amount;
		b->pins.stage = 0;
		for (stage = 0; stage < FANTAIL_STAGE_COUNT; stage++) {
			/* starved, busy, blocked */
			unsigned int is = bench_random(b, 3);

			b->pins.stage |= (uint64_t)is << 2 * stage;
			if (is)
				sum[stages + 2 * stage + is - 1]++;
		}
		bench_step(b);
	}
	b->pins.cnt_amount = 0;
	b->pins.stage = 0;
	sum[(FANTAIL_CNT_LOG_PEAK - 0x100) / 8] = 0xC0FFEE;
	sum[(FANTAIL_CNT_BAD_STROBES - 0x100) / 8] = 0;
	for (i = 0; i < FANTAIL_CNT_COUNT; i++)
		if (FANTAIL_CNT_BASE + 8 * i != FANTAIL_CNT_CYCLES)
			cr_assert_eq(reg_read64(b, 0, FANTAIL_CNT_BASE + 8 * i),
				     sum[i], "counter %u", i);
	cycles = reg_read64(b, 0, FANTAIL_CNT_CYCLES);
	cr_assert(cycles > b->cycle - 64 && cycles <= b->cycle);
	bench_free(b);
}

/* The high word belongs to the low word read before, whatever came since. */
Test(bar, low_word_latches_high)
{
	struct bench *b = bench_new(4);
	uint32_t low;

	b->pins.cnt_index = 1;
	b->pins.cnt_amount = 65535;
	bench_steps(b, 65536);
	b->pins.cnt_amount = 0;
	/* 0xFFFF0000 now */
	low = reg_read(b, 0, FANTAIL_CNT_RX_BYTES);
	cr_assert_eq(low, 0xFFFF0000u);
	b->pins.cnt_amount = 65535;
	bench_steps(b, 2);
	b->pins.cnt_amount = 0;
	cr_assert_eq(reg_read(b, 0, FANTAIL_CNT_RX_BYTES + 4), 0);
	cr_assert_eq(reg_read64(b, 0, FANTAIL_CNT_RX_BYTES), 0x10000FFFEull);
	b->us_cycles = 0;
	b->pins.now_us = 0x1FFFFFFFFull;
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_TIME), 0xFFFFFFFFu);
	b->pins.now_us = 0x200000001ull;
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_TIME + 4), 1);
	cr_assert_eq(reg_read64(b, 0, FANTAIL_REG_TIME), 0x200000001ull);
	bench_free(b);
}

Test(bar, reset_waits_for_the_surrounding)
{
	struct bench *b = bench_new(5);

	qp_start(b, 0, 4);
	reg_write(b, 0, FANTAIL_REG_CTRL, 1);
	reg_write(b, 0, FANTAIL_REG_PIN_US, 5);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_STATUS) & 1, 1);
	reg_write(b, 0, FANTAIL_REG_RESET, 0);
	cr_assert_eq(b->resets, 0);
	reg_write(b, 0, FANTAIL_REG_RESET, 1);
	cr_assert_eq(b->resets, 1);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_STATUS) & 1, 0);
	cr_assert_eq(b->pins.enable, 0);
	cr_assert_eq(b->pins.qp_enable, 0);
	reg_write(b, 0, FANTAIL_REG_PIN_US, 6);
	b->pins.soft_rst = 1;
	b->pins.ready = 0;
	bench_step(b);
	b->pins.soft_rst = 0;
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_STATUS) & 1, 0);
	b->pins.ready = 1;
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_STATUS) & 1, 1);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_PIN_US), 1000000);
	cr_assert_eq(reg_read(b, 0, FANTAIL_REG_CTRL), 0);
	cr_assert_eq(reg_read(b, 1, FANTAIL_QP_QP_CTRL), 0);
	bench_free(b);
}

static unsigned int running(struct bench *b, unsigned int q)
{
	return reg_read(b, 1 + q, FANTAIL_QP_QP_STATUS);
}

Test(bar, sizes_are_checked_at_enable)
{
	static const struct {
		uint32_t offset, value;
	} bad[] = {
		{ FANTAIL_QP_DATA_LOG2, 1 },	 { FANTAIL_QP_DATA_LOG2, 15 },
		{ FANTAIL_QP_CONTROL_LOG2, 1 },	 { FANTAIL_QP_STATUS_LOG2, 0 },
		{ FANTAIL_QP_STATUS_LOG2, 15 },	 { FANTAIL_QP_SLOT_COUNT, 7 },
		{ FANTAIL_QP_SLOT_COUNT, 4097 }, { FANTAIL_QP_DATA_BASE, 0x20 },
		{ FANTAIL_QP_CONTROL_BASE, 4 },	 { FANTAIL_QP_STATUS_BASE, 8 },
		{ FANTAIL_QP_SLOT_BASE, 0x400 },
	};
	struct bench *b = bench_new(6);

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		qp_start(b, 1, 4);
		cr_assert_eq(running(b, 1), 1);
		reg_write(b, 2, FANTAIL_QP_QP_CTRL, 0);
		cr_assert_eq(running(b, 1), 0);
		reg_write(b, 2, bad[i].offset, bad[i].value);
		reg_write(b, 2, FANTAIL_QP_QP_CTRL, 1);
		cr_assert_eq(running(b, 1), 2, "case %u", i);
		cr_assert_eq(reg_read(b, 2, FANTAIL_QP_FAULT_CODE),
			     FANTAIL_FAULT_RING_SIZE);
		cr_assert_eq(reg_read(b, 2, FANTAIL_QP_FAULT_ADDR),
			     bad[i].value);
		cr_assert_eq(b->pins.qp_enable, 0);
		cr_assert_eq(b->irqs_dev, i + 1);
		reg_write(b, 2, FANTAIL_QP_QP_CTRL, 0);
	}
	bench_free(b);
}

static void set_heads(struct bench *b, unsigned int q, unsigned int data,
		      unsigned int control)
{
	uint64_t mask = 0x7FFFull << (15 * q);

	b->pins.data_head = (b->pins.data_head & ~mask) |
			    (uint64_t)(data & 0x7FFF) << (15 * q);
	b->pins.control_head = (b->pins.control_head & ~mask) |
			       (uint64_t)(control & 0x7FFF) << (15 * q);
}

Test(bar, a_stopped_device_stops_its_queue_pairs)
{
	struct bench *b = bench_new(10);

	qp_start(b, 0, 4);
	qp_start(b, 1, 4);
	reg_write(b, 0, FANTAIL_REG_CTRL, 1);
	cr_assert_eq(running(b, 0) & running(b, 1), 1);
	qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_DATA, 3, 0, false);
	reg_write(b, 0, FANTAIL_REG_CTRL, 0);
	cr_assert_eq(b->pins.enable | b->pins.qp_enable, 0);
	cr_assert_eq(b->pins.data_tail, 0);
	reg_write(b, 0, FANTAIL_REG_CTRL, 1);
	cr_assert_eq(running(b, 0) | running(b, 1), 0);
	cr_assert_eq(reg_read(b, 1, FANTAIL_QP_QP_CTRL), 0);
	bench_free(b);
}

/* Random good doorbells over several wraps, with the heads close behind. */
Test(bar, doorbells_over_wraps)
{
	struct bench *b = bench_new(7);
	unsigned int tail[2] = { 0, 0 }, head[2] = { 0, 0 };
	const unsigned int size[2] = { 16, 8 };
	uint64_t moved[3] = { 0, 0, 0 };

	qp_start(b, 0, 4);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int r = bench_random(b, 2);
		unsigned int room = size[r] - (tail[r] - head[r]);
		unsigned int more = bench_random(b, room + 1);

		tail[r] += more;
		moved[more ? r : 2]++;
		qp_doorbell(b, 0,
			    r ? FANTAIL_QP_DOORBELL_CONTROL
			      : FANTAIL_QP_DOORBELL_DATA,
			    tail[r], 0, false);
		cr_assert_eq(b->pins.data_tail & 0x7FFF, tail[0] & 0x7FFF);
		cr_assert_eq(b->pins.control_tail & 0x7FFF, tail[1] & 0x7FFF);
		head[r] += bench_random(b, tail[r] - head[r] + 1);
		set_heads(b, 0, head[0], head[1]);
	}
	cr_assert_gt(tail[0], 0x8000);
	bench_steps(b, 2);
	cr_assert_eq(running(b, 0), 1);
	cr_assert_eq(b->tails_moved[0], moved[0]);
	cr_assert_eq(b->tails_moved[1], moved[1]);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_DATA_DOORBELLS), moved[0]);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_CONTROL_DOORBELLS),
		     moved[1]);
	cr_assert_eq(reg_read64(b, 1, FANTAIL_QPCNT_STATUS_DOORBELLS),
		     moved[2]);
	bench_free(b);
}

Test(bar, bad_index_halts_its_queue_pair)
{
	static const struct {
		uint32_t offset;
		unsigned int tail, status_head;
	} bad[] = {
		{ FANTAIL_QP_DOORBELL_DATA, 2, 0 },  /* backwards */
		{ FANTAIL_QP_DOORBELL_DATA, 18, 0 }, /* past the ring */
		{ FANTAIL_QP_DOORBELL_DATA, 0x4003, 0 },
		{ FANTAIL_QP_DOORBELL_CONTROL, 9, 0 },
		{ FANTAIL_QP_DOORBELL_CONTROL, 0x7FFF, 0 },
		{ FANTAIL_QP_DOORBELL_DATA, 4, 1 }, /* no record yet */
		{ FANTAIL_QP_DOORBELL_CONTROL, 1, 0x7FFF },
	};
	struct bench *b = bench_new(8);

	qp_start(b, 1, 4);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t data = bad[i].tail | bad[i].status_head << 16 |
				1u << 31;

		set_heads(b, 0, 0, 0);
		qp_start(b, 0, 4);
		cr_assert_eq(running(b, 0), 1);
		cr_assert_eq(reg_read(b, 1, FANTAIL_QP_FAULT_CODE), 0);
		qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_DATA, 3, 0, false);
		set_heads(b, 0, 1, 0);
		reg_write(b, 1, bad[i].offset, data);
		bench_steps(b, 2);
		cr_assert_eq(b->pins.halted, 1, "case %u", i);
		cr_assert_eq(running(b, 0), 2);
		cr_assert_eq(b->irqs_dev, i + 1);
		cr_assert_eq(reg_read(b, 0, FANTAIL_REG_STATUS) & 2, 2);
		cr_assert_eq(reg_read(b, 1, FANTAIL_QP_FAULT_CODE),
			     FANTAIL_FAULT_DOORBELL);
		cr_assert_eq(reg_read64(b, 1, FANTAIL_QP_FAULT_ADDR), data);
		/* nothing of it was taken, nothing is taken any more */
		qp_doorbell(b, 0, FANTAIL_QP_DOORBELL_DATA, 5, 0, true);
		cr_assert_eq(b->pins.data_tail & 0x7FFF, 3);
		cr_assert_eq(b->pins.control_tail & 0x7FFF, 0);
		/* the other one lives */
		cr_assert_eq(running(b, 1), 1);
		reg_write(b, 1, FANTAIL_QP_QP_CTRL, 0);
	}
	qp_doorbell(b, 1, FANTAIL_QP_DOORBELL_DATA, 16, 0, false);
	cr_assert_eq(b->pins.data_tail >> 15, 16);
	bench_free(b);
}

Test(bar, ring_fault_halts)
{
	struct bench *b = bench_new(9);

	qp_start(b, 0, 4);
	qp_start(b, 1, 4);
	b->pins.fault_valid = 2;
	b->pins.fault_code = FANTAIL_FAULT_ENTRY_READ << 8;
	b->pins.fault_addr[2] = 0x89ABCDE0;
	b->pins.fault_addr[3] = 0x1234567;
	bench_step(b);
	b->pins.fault_addr[2] = 0; /* only the first one counts */
	bench_step(b);
	b->pins.fault_valid = 0;
	cr_assert_eq(running(b, 0), 1);
	cr_assert_eq(running(b, 1), 2);
	cr_assert_eq(reg_read(b, 2, FANTAIL_QP_FAULT_CODE),
		     FANTAIL_FAULT_ENTRY_READ);
	cr_assert_eq(reg_read64(b, 2, FANTAIL_QP_FAULT_ADDR),
		     0x123456789ABCDE0ull);
	cr_assert_eq(b->irqs_dev, 1);
	bench_free(b);
}
