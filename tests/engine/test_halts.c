/* SPDX-License-Identifier: Apache-2.0 */
/* What halts a queue pair, and the way back through a reset. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine.h"

static struct engine *start_with(struct engine_options *opt)
{
	struct engine *e = engine_open(opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	return e;
}

static struct engine *start(uint32_t clients)
{
	struct engine_options opt = { .clients = clients };

	return start_with(&opt);
}

static void expect_halt(struct engine *e, uint32_t want)
{
	uint64_t status;
	uint32_t code;

	engine_for(e, 300);
	cr_assert_eq(fantail_qp_fault(e->qp, &code, NULL), 0);
	cr_assert_eq(code, want, "fault %u", code);
	cr_assert_eq(
		fantail_sim_bar_read(e->sim, 0, FANTAIL_REG_STATUS, 4, &status),
		0);
	cr_assert(status & FANTAIL_STATUS_FAULT_MASK);
}

/* The device is reset, everybody connects again, and traffic flows. */
static void recover(struct engine *e)
{
	uint32_t i;

	engine_reopen(e);
	engine_connect_all(e);
	engine_join_all(e, 5);
	for (i = 0; i < 30; i++) {
		engine_group(e, 5, 3000);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	}
	engine_drain(e);
}

static void doorbell(struct engine *e, uint32_t reg, uint32_t value)
{
	cr_assert_eq(fantail_sim_bar_write(e->sim, 0, FANTAIL_PAGE_BYTES + reg,
					   4, value),
		     0);
}

static uint32_t head_of(struct engine *e, uint32_t reg)
{
	uint64_t value;

	cr_assert_eq(fantail_sim_bar_read(e->sim, 0, FANTAIL_PAGE_BYTES + reg,
					  4, &value),
		     0);
	return (uint32_t)value;
}

Test(halts, bad_doorbells_halt)
{
	struct engine *e = start(4);
	uint32_t data, status, control;
	int k;

	for (k = 0; k < 5; k++) {
		/* in the middle of things */
		engine_group(e, k ? 5 : 0, 9000);
		engine_submit(e);
		engine_for(e, 400);
		data = head_of(e, FANTAIL_QP_DATA_HEAD);
		control = head_of(e, FANTAIL_QP_CONTROL_HEAD);
		status = head_of(e, FANTAIL_QP_STATUS_TAIL);
		switch (k) {
		case 0:
			doorbell(e, FANTAIL_QP_DOORBELL_DATA,
				 status << 16 | ((data - 1) & 0x7FFF));
			break;
		case 1:
			doorbell(e, FANTAIL_QP_DOORBELL_DATA,
				 status << 16 | ((data + 1025) & 0x7FFF));
			break;
		case 2:
			doorbell(e, FANTAIL_QP_DOORBELL_CONTROL,
				 status << 16 | ((control - 3) & 0x7FFF));
			break;
		case 3:
			doorbell(e, FANTAIL_QP_DOORBELL_DATA,
				 (status + 1) << 16 | data);
			break;
		case 4:
			doorbell(e, FANTAIL_QP_DOORBELL_CONTROL,
				 ((status - 3) & 0x7FFF) << 16 | control);
			break;
		}
		expect_halt(e, FANTAIL_FAULT_DOORBELL);
		recover(e);
	}
	engine_close(e);
}

static void ring_vanishes(struct engine *e, uint32_t base_reg)
{
	uint32_t low = head_of(e, base_reg), high = head_of(e, base_reg + 4);

	cr_assert_eq(fantail_sim_dma_unmap(e->sim, (uint64_t)high << 32 | low,
					   1024 * FANTAIL_ENTRY_BYTES),
		     0);
}

Test(halts, a_ring_that_cannot_be_read_halts)
{
	struct engine *e = start(4);

	ring_vanishes(e, FANTAIL_QP_DATA_BASE);
	engine_group(e, 0, 100);
	engine_submit(e);
	expect_halt(e, FANTAIL_FAULT_ENTRY_READ);
	recover(e);
	ring_vanishes(e, FANTAIL_QP_CONTROL_BASE);
	engine_control(e, FANTAIL_OP_NOP, 0, NULL);
	engine_ring(e);
	expect_halt(e, FANTAIL_FAULT_ENTRY_READ);
	recover(e);
	engine_close(e);
}

/*
 * Reset in the middle of a stream, with reads and writes under way. The MAC is
 * slow, so a frame on the wire outlasts them.
 */
Test(halts, reset_in_the_middle)
{
	struct engine_options opt = { .clients = 6, .slow_mac = true };
	struct engine *e = start_with(&opt);
	uint32_t k, i;

	for (k = 0; k < 8; k++) {
		for (i = 0; i < 8; i++)
			engine_group(e, k ? 5 : 0, 4000);
		for (i = 0; i < e->clients; i++)
			engine_peer_send(e, i, 9000);
		engine_submit(e);
		cr_assert_eq(fantail_sim_run(e->sim, 500 * k + 13), 0);
		/* not the end of the queue pair, which waits for its frames */
		cr_assert_eq(fantail_dev_write32(e->dev, FANTAIL_REG_RESET,
						 FANTAIL_RESET_START_MASK),
			     0);
		recover(e);
	}
	engine_close(e);
}

/*
 * At any cycle of the way of a frame that takes several reads: what is not
 * asked for any more is not waited for.
 */
Test(halts, reset_between_two_reads)
{
	enum {
		BEFORE_A_LINE_ENDS = 501,
		BYTES = 1400,
	};
	struct engine_options opt = { .clients = 1 };
	struct engine *e = start_with(&opt);
	struct fantail_entry *x;
	uint32_t cycle;
	void *memory;

	for (cycle = 140; cycle < 230; cycle++) {
		x = engine_control(e, FANTAIL_OP_FRAME_TX, 0, &memory);
		x->addr += BEFORE_A_LINE_ENDS;
		x->len = BYTES;
		memset(memory, 0, ENGINE_SCRATCH);
		engine_ring(e);
		cr_assert_eq(fantail_sim_run(e->sim, cycle), 0);
		cr_assert_eq(fantail_dev_write32(e->dev, FANTAIL_REG_RESET,
						 FANTAIL_RESET_START_MASK),
			     0);
		engine_reopen(e);
	}
	recover(e);
	engine_close(e);
}
