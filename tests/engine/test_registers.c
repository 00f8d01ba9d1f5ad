/* SPDX-License-Identifier: Apache-2.0 */
/* The generated register table, walked on the whole engine. */
#include <criterion/criterion.h>

#include "engine.h"
#include "fantail_reg_table.h"

static const struct fantail_reg_params params = { ENGINE_CLIENTS, ENGINE_GROUPS,
						  ENGINE_LOG, CARD_EXTENTS,
						  ENGINE_QPS };
static struct fantail_sim *sim;

static void open_card(void)
{
	struct fantail_sim_config cfg;

	fantail_sim_config_init(&cfg);
	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
}

static void close_card(void)
{
	char why[200];

	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(sim);
}

static uint32_t at(uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_sim_bar_read(sim, 0, offset, 4, &value), 0);
	return (uint32_t)value;
}

static void put(uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_sim_bar_write(sim, 0, offset, 4, value), 0);
}

static const struct fantail_reg_row *row_of(uint32_t offset)
{
	size_t i, n = sizeof(fantail_reg_table) / sizeof(fantail_reg_table[0]);

	for (i = 0; i < n; i++)
		if (fantail_reg_table[i].page * FANTAIL_PAGE_BYTES +
			    fantail_reg_table[i].offset ==
		    offset)
			return &fantail_reg_table[i];
	return NULL;
}

/* What a word reads now that nothing but @stored was ever written to it. */
static void expect(const struct fantail_reg_row *row, uint32_t offset,
		   uint32_t stored)
{
	uint32_t mask = row ? row->mask : 0, got = at(offset);
	const char *name = row ? row->name : "hole";

	cr_assert_eq(got & ~mask, 0, "%s (%#x): reserved bits in %#x", name,
		     offset, got);
	if (row && row->is_volatile)
		return;
	if (!row || row->access == FANTAIL_ACCESS_WO ||
	    row->access == FANTAIL_ACCESS_W1S)
		stored = 0;
	cr_assert_eq(got, stored & mask, "%s (%#x): %#x, not %#x", name, offset,
		     got, stored & mask);
}

static void write_and_restore(const struct fantail_reg_row *row,
			      uint32_t offset)
{
	bool holds = row && row->access == FANTAIL_ACCESS_RW;
	uint32_t reset = row ? fantail_reg_reset(row, &params) : 0;

	put(offset, ~0u);
	expect(row, offset, holds ? ~0u : reset);
	put(offset, 0x5A3CC3A5);
	expect(row, offset, holds ? 0x5A3CC3A5 : reset);
	put(offset, reset);
	expect(row, offset, reset);
}

Test(registers, walk)
{
	const struct fantail_reg_row *row;
	uint32_t offset;

	open_card();
	for (offset = 0; offset < 2 * FANTAIL_PAGE_BYTES; offset += 4) {
		row = row_of(offset);
		expect(row, offset, row ? fantail_reg_reset(row, &params) : 0);
	}
	for (offset = 0; offset < 2 * FANTAIL_PAGE_BYTES; offset += 4) {
		row = row_of(offset);
		/* starting something is the business of other tests */
		if (row && (row->access == FANTAIL_ACCESS_WO ||
			    row->access == FANTAIL_ACCESS_W1S))
			continue;
		write_and_restore(row, offset);
	}
	/* pages of nobody */
	cr_assert_eq(at(2 * FANTAIL_PAGE_BYTES), 0);
	cr_assert_eq(at(15 * FANTAIL_PAGE_BYTES + 0x100), 0);
	close_card();
}

/* RESET forgets what was written, everywhere. */
Test(registers, reset)
{
	const struct fantail_reg_row *row;
	uint32_t offset, i;

	open_card();
	for (offset = 0; offset < 2 * FANTAIL_PAGE_BYTES; offset += 4) {
		row = row_of(offset);
		if (row && row->access == FANTAIL_ACCESS_RW &&
		    row->offset != FANTAIL_QP_QP_CTRL)
			put(offset, ~fantail_reg_reset(row, &params));
	}
	cr_assert_neq(at(FANTAIL_REG_PIN_US), 1000000);
	put(FANTAIL_REG_RESET, FANTAIL_RESET_START_MASK);
	for (i = 0; !(at(FANTAIL_REG_STATUS) & FANTAIL_STATUS_READY_MASK); i++)
		cr_assert_lt(i, 10000, "the reset does not end");
	for (offset = 0; offset < 2 * FANTAIL_PAGE_BYTES; offset += 4) {
		row = row_of(offset);
		expect(row, offset, row ? fantail_reg_reset(row, &params) : 0);
	}
	close_card();
}

/* Less than a word is ignored and counted, wherever it goes. */
Test(registers, partial_writes)
{
	open_card();
	put(FANTAIL_REG_PIN_US, 0x11223344);
	cr_assert_eq(fantail_sim_bar_write(sim, 0, FANTAIL_REG_PIN_US, 1, 0xFF),
		     0);
	cr_assert_eq(
		fantail_sim_bar_write(sim, 0, FANTAIL_REG_PIN_US + 2, 2, 0xFF),
		0);
	cr_assert_eq(at(FANTAIL_REG_PIN_US), 0x11223344);
	cr_assert_eq(at(FANTAIL_CNT_BAD_STROBES), 2);
	close_card();
}

/* Both words of a 64-bit value are of one moment. */
Test(registers, wide_values_are_latched)
{
	uint32_t low, high;

	open_card();
	cr_assert_eq(fantail_sim_wait(sim, 0,
				      (1ll << 32) - 50 -
					      (int64_t)fantail_sim_now_us(sim),
				      NULL),
		     0);
	low = at(FANTAIL_REG_TIME);
	cr_assert_geq(low, 0u - 60);
	cr_assert_eq(fantail_sim_wait(sim, 0, 1000, NULL), 0);
	high = at(FANTAIL_REG_TIME + 4);
	cr_assert_eq(high, 0, "the high word is of a later moment");
	low = at(FANTAIL_REG_TIME);
	high = at(FANTAIL_REG_TIME + 4);
	cr_assert_lt(low, 2000);
	cr_assert_eq(high, 1);
	close_card();
}

static uint64_t wide(uint32_t offset)
{
	uint64_t low = at(offset);

	return low | (uint64_t)at(offset + 4) << 32;
}

/* Counters of an engine that does nothing: only the clock and sweeps. */
Test(registers, counters_of_an_idle_engine)
{
	uint64_t value, cycles;
	uint32_t i, offset;

	open_card();
	cr_assert_eq(fantail_sim_run(sim, 10000), 0);
	for (i = 0; i < FANTAIL_CNT_COUNT; i++) {
		offset = FANTAIL_CNT_BASE + 8 * i;
		value = wide(offset);
		if (offset != FANTAIL_CNT_CYCLES &&
		    offset != FANTAIL_CNT_SWEEPS)
			cr_assert_eq(value, 0, "counter %#x: %llu", offset,
				     (unsigned long long)value);
	}
	cycles = wide(FANTAIL_CNT_CYCLES);
	cr_assert_geq(cycles, 10000);
	cr_assert_eq(fantail_sim_run(sim, 5000), 0);
	value = wide(FANTAIL_CNT_CYCLES) - cycles;
	cr_assert_geq(value, 5000);
	cr_assert_leq(value, 5100);
	cr_assert_gt(wide(FANTAIL_CNT_SWEEPS), 10);
	close_card();
}
