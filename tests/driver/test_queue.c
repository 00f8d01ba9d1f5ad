/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Rings, doorbells, records, against a card that a test can make misbehave. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mock_device.h"
#include "transport.h"

static struct mock *m;
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

	m = mock_new();
	dev = mock_open(m);
	cr_assert_eq(fantail_qp_open(dev, 0, &opt, &qp), 0);
	m->writes = 0;
}

static void close_qp(void)
{
	fantail_qp_close(qp);
	fantail_dev_close(dev);
	mock_free(m);
}

static void put_nop(uint64_t cookie, uint8_t flags)
{
	struct fantail_entry *e = fantail_sq_get(qp, FANTAIL_RING_DATA);

	cr_assert(e);
	e->op = FANTAIL_OP_NOP;
	e->flags = flags;
	e->cookie = cookie;
}

Test(queue, a_submit_is_one_register_write)
{
	int i;

	open_qp(10, 12);
	for (i = 0; i < 100; i++)
		put_nop(1, i == 99 ? FANTAIL_FLAG_LAST : 0);
	cr_assert_eq(m->writes, 0);
	cr_assert_eq(fantail_qp_submit(qp), 100);
	cr_assert_eq(m->writes, 1);
	cr_assert_eq(m->data_doorbells, 1);
	cr_assert_eq(m->entries[0], 100);
	cr_assert(m->last_doorbell & FANTAIL_DOORBELL_DATA_ARM_MASK);
	cr_assert_eq(fantail_qp_submit(qp), 0, "nothing new");
	cr_assert_eq(m->writes, 1, "no write for nothing");
	close_qp();
}

Test(queue, control_does_not_arm)
{
	open_qp(4, 6);
	cr_assert(fantail_sq_get(qp, FANTAIL_RING_CONTROL));
	cr_assert_eq(fantail_qp_submit_control(qp), 1);
	cr_assert_eq(m->control_doorbells, 1);
	cr_assert(!(m->last_doorbell & FANTAIL_DOORBELL_DATA_ARM_MASK));
	close_qp();
}

Test(queue, a_part_keeps_the_newest_entry)
{
	open_qp(4, 6);
	put_nop(1, 0);
	cr_assert_eq(fantail_qp_submit_part(qp), 0);
	put_nop(2, 0);
	put_nop(3, 0);
	cr_assert_eq(fantail_qp_submit_part(qp), 2);
	cr_assert_eq(m->entries[0], 2);
	cr_assert_eq(fantail_qp_submit(qp), 1);
	cr_assert_eq(m->entry[0][2].cookie, 3);
	close_qp();
}

/* Far past the wrap of the 15-bit indices, phase and both rings' masks. */
Test(queue, rings_and_phase_wrap)
{
	union fantail_record recs[4];
	uint32_t i;
	int n;

	open_qp(2, 2);
	for (i = 0; i < 70000; i++) {
		put_nop(i, FANTAIL_FLAG_LAST);
		cr_assert_eq(fantail_qp_submit(qp), 1);
		n = fantail_qp_poll(qp, recs, 4);
		cr_assert_eq(n, 1, "%u: %d", i, n);
		cr_assert_eq(recs[0].batch.cookie_lo, i);
		cr_assert_eq(fantail_sq_head(qp, FANTAIL_RING_DATA), i + 1);
		cr_assert_eq(fantail_qp_poll(qp, recs, 4), 0);
	}
	cr_assert_eq(m->data_doorbells, 70000);
	close_qp();
}

Test(queue, a_full_ring_gives_null_without_effect)
{
	union fantail_record rec;
	int i;

	open_qp(3, 4);
	m->hold[0] = true;
	for (i = 0; i < 8; i++)
		put_nop((uint64_t)i, i == 7 ? FANTAIL_FLAG_LAST : 0);
	cr_assert_null(fantail_sq_get(qp, FANTAIL_RING_DATA));
	cr_assert_eq(fantail_sq_space(qp, FANTAIL_RING_DATA), 0);
	cr_assert_eq(fantail_qp_submit(qp), 8);
	cr_assert_null(fantail_sq_get(qp, FANTAIL_RING_DATA));
	mock_work(m, FANTAIL_RING_DATA, 4); /* half a ring: HEAD */
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	cr_assert_eq(rec.type, FANTAIL_REC_HEAD);
	cr_assert_eq(fantail_sq_space(qp, FANTAIL_RING_DATA), 4);
	close_qp();
}

Test(queue, consumed_records_are_told_at_half_a_ring)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	union fantail_record recs[8];
	int i;

	open_qp(4, 4);
	for (i = 0; i < 16; i++)
		mock_record(m, &s);
	cr_assert_eq(fantail_qp_poll(qp, recs, 7), 7);
	cr_assert_eq(m->writes, 0);
	cr_assert_eq(fantail_qp_poll(qp, recs, 1), 1);
	cr_assert_eq(m->status_doorbells, 1);
	cr_assert_eq(m->status_head, 8);
	cr_assert_eq(fantail_qp_poll(qp, recs, 8), 8);
	cr_assert_eq(m->status_doorbells, 2);
	cr_assert_eq(m->status_head, 16);
	close_qp();
}

Test(queue, a_submit_tells_what_was_consumed)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	union fantail_record rec;

	open_qp(4, 4);
	mock_record(m, &s);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	put_nop(0, 0);
	fantail_qp_submit(qp);
	cr_assert_eq(m->status_head, 1);
	cr_assert_eq(m->status_doorbells, 0);
	close_qp();
}

/* Each case: a record that no sound card writes. */
static void expect_eproto(const void *record, uint32_t tail)
{
	union fantail_record recs[2];

	mock_record_raw(m, record, tail);
	cr_assert_eq(fantail_qp_poll(qp, recs, 2), -EPROTO);
	cr_assert_eq(fantail_qp_poll(qp, recs, 2), -EPROTO, "and stays so");
	cr_assert_eq(fantail_qp_wait(qp, 0), -EPROTO);
	close_qp();
}

Test(queue, head_beyond_what_was_submitted)
{
	struct fantail_rec_head r = { .type = FANTAIL_REC_HEAD };

	open_qp(4, 4);
	m->hold[0] = true;
	put_nop(0, 0);
	fantail_qp_submit(qp);
	put_nop(0, 0); /* got, not submitted */
	expect_eproto(&r, mock_tail_word(m) + 2);
}

Test(queue, head_going_back)
{
	struct fantail_rec_head r = { .type = FANTAIL_REC_HEAD };
	union fantail_record rec;

	open_qp(4, 4);
	put_nop(0, 0);
	put_nop(0, FANTAIL_FLAG_LAST);
	fantail_qp_submit(qp);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	expect_eproto(&r, mock_tail_word(m) - 1);
}

Test(queue, control_head_beyond)
{
	struct fantail_rec_head r = { .type = FANTAIL_REC_HEAD };

	open_qp(4, 4);
	expect_eproto(&r, mock_tail_word(m) +
				  (1u << FANTAIL_TAIL_CONTROL_HEAD_SHIFT));
}

Test(queue, unknown_record)
{
	struct fantail_rec_head r = { .type = 200 };

	open_qp(4, 4);
	expect_eproto(&r, mock_tail_word(m));
}

Test(queue, slot_out_of_range)
{
	struct fantail_rec_frame r = {
		.type = FANTAIL_REC_FRAME,
		.slot = 16,
		.length = 60,
	};

	open_qp(4, 4);
	expect_eproto(&r, mock_tail_word(m));
}

Test(queue, bytes_beyond_the_slot)
{
	struct fantail_rec_data r = {
		.type = FANTAIL_REC_DATA,
		.offset = 1000,
		.length = 1049,
	};

	open_qp(4, 4);
	expect_eproto(&r, mock_tail_word(m));
}

Test(queue, connection_out_of_range)
{
	struct fantail_rec_conn r = {
		.type = FANTAIL_REC_CONN,
		.handle = MOCK_CONNS,
	};

	open_qp(4, 4);
	expect_eproto(&r, mock_tail_word(m));
}

Test(queue, a_slot_given_twice)
{
	struct fantail_rec_frame r = {
		.type = FANTAIL_REC_FRAME,
		.slot = 3,
		.length = 60,
	};
	union fantail_record rec;

	open_qp(4, 4);
	mock_record(m, &r);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	expect_eproto(&r, mock_tail_word(m));
}

Test(queue, records_before_the_offence_are_delivered)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	struct fantail_rec_head r = { .type = 99 };
	union fantail_record recs[4];

	open_qp(4, 4);
	mock_record(m, &s);
	mock_record(m, &r);
	cr_assert_eq(fantail_qp_poll(qp, recs, 4), 1);
	cr_assert_eq(fantail_qp_poll(qp, recs, 4), -EPROTO);
	close_qp();
}

Test(queue, slots_go_back_once)
{
	uint8_t frame[60] = { 1 };
	union fantail_record recs[16];
	uint16_t slots[13];
	int i;

	open_qp(4, 5);
	for (i = 0; i < 13; i++)
		mock_rx(m, frame, sizeof(frame));
	cr_assert_eq(fantail_qp_poll(qp, recs, 16), 13);
	for (i = 0; i < 13; i++)
		slots[i] = recs[i].frame.slot;
	cr_assert_eq(fantail_slots_held(qp), 13);
	cr_assert_eq(fantail_slots_return(qp, slots, 13), -EINVAL);
	cr_assert_eq(fantail_slots_return(qp, slots, 12), 0);
	cr_assert_eq(fantail_slots_return(qp, slots, 1), -EINVAL);
	slots[0] = slots[12];
	slots[1] = slots[12];
	cr_assert_eq(fantail_slots_return(qp, slots, 2), -EINVAL);
	cr_assert_eq(fantail_slots_return(qp, slots, 1), 0);
	cr_assert_eq(fantail_qp_submit_control(qp), 2);
	cr_assert_eq(m->slots_used, 0);
	cr_assert_eq(fantail_slots_held(qp), 0);
	close_qp();
}

/* The record comes after the last poll and before the arming. */
Test(queue, no_wakeup_is_lost)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	union fantail_record rec;

	open_qp(4, 4);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 0);
	mock_record(m, &s);
	cr_assert_eq(fantail_qp_arm(qp), 1, "do not sleep");
	cr_assert_eq(fantail_qp_wait(qp, -1), 1);
	cr_assert_eq(m->writes, 0, "nobody needs to be told");
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);

	/* Between arming and sleeping. */
	cr_assert_eq(fantail_qp_arm(qp), 0);
	mock_record(m, &s);
	cr_assert_eq(fantail_qp_wait(qp, -1), 1);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	close_qp();
}

Test(queue, armed_once_until_it_fires)
{
	open_qp(4, 4);
	put_nop(0, 0);
	fantail_qp_submit(qp);
	cr_assert_eq(m->writes, 1);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert_eq(m->writes, 1, "the submit has armed");
	close_qp();
}

Test(queue, a_batch_and_its_sleep_are_one_register_write)
{
	union fantail_record recs[2];
	uint32_t i;

	open_qp(4, 4);
	m->hold[0] = true;
	m->work_in_wait = 2;
	for (i = 0; i < 100; i++) {
		put_nop(i, 0);
		put_nop(i, FANTAIL_FLAG_LAST);
		cr_assert_eq(fantail_qp_submit(qp), 2);
		cr_assert_eq(fantail_qp_wait(qp, -1), 1);
		cr_assert_eq(fantail_qp_poll(qp, recs, 2), 1);
		cr_assert_eq(recs[0].batch.cookie_lo, i);
	}
	cr_assert_eq(m->writes, 100);
	cr_assert_eq(m->interrupts, 100);
	close_qp();
}

/* What ended one sleep does not end the next. */
Test(queue, an_event_is_told_once)
{
	union fantail_record rec;

	open_qp(4, 4);
	m->hold[0] = true;
	m->work_in_wait = 1;
	put_nop(0, FANTAIL_FLAG_LAST);
	cr_assert_eq(fantail_qp_submit(qp), 1);
	cr_assert_eq(fantail_qp_wait(qp, -1), 1);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert_eq(m->status_doorbells, 1, "armed again");
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert_eq(m->status_doorbells, 1);
	close_qp();
}

Test(queue, entries_in_place)
{
	struct fantail_entry *ring;
	union fantail_record recs[4];
	uint32_t i, n, at;

	open_qp(3, 4);
	ring = fantail_sq_entries(qp, FANTAIL_RING_DATA);
	for (i = 0; i < 100; i++) {
		at = fantail_sq_tail(qp, FANTAIL_RING_DATA);
		for (n = 0; n < 5; n++)
			ring[(at + n) % 8] = (struct fantail_entry){
				.op = FANTAIL_OP_NOP,
				.flags = n == 4 ? FANTAIL_FLAG_LAST : 0,
				.cookie = i,
			};
		cr_assert_eq(fantail_qp_submit(qp), 0, "not taken");
		fantail_sq_take(qp, FANTAIL_RING_DATA, 5);
		cr_assert_eq(fantail_sq_space(qp, FANTAIL_RING_DATA), 3);
		cr_assert_eq(fantail_qp_submit(qp), 5);
		cr_assert_geq(fantail_qp_poll(qp, recs, 4), 1);
		cr_assert_eq(fantail_sq_space(qp, FANTAIL_RING_DATA), 8);
	}
	cr_assert_eq(m->data_doorbells, 100);
	cr_assert_eq(m->entries[0], 500);
	close_qp();
}

/* It fired, and all was told without arming: the next wait must arm. */
Test(queue, armed_again_after_it_fired)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	union fantail_record recs[8];
	int i;

	open_qp(4, 4);
	cr_assert_eq(fantail_qp_arm(qp), 0);
	for (i = 0; i < 8; i++)
		mock_record(m, &s);
	cr_assert_eq(m->interrupts, 1);
	cr_assert_eq(fantail_qp_poll(qp, recs, 8), 8);
	cr_assert_eq(m->status_head, 8);
	cr_assert(!m->armed);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert(m->armed);
	close_qp();
}

Test(queue, no_wakeup_for_what_was_consumed)
{
	struct fantail_rec_summary s = { .type = FANTAIL_REC_SUMMARY };
	union fantail_record rec;

	open_qp(4, 4);
	mock_record(m, &s);
	cr_assert_eq(fantail_qp_poll(qp, &rec, 1), 1);
	cr_assert_eq(fantail_qp_wait(qp, 10), 0);
	cr_assert_eq(m->interrupts, 0);
	cr_assert_eq(m->status_doorbells, 1);
	close_qp();
}

Test(queue, a_failed_doorbell_can_be_repeated)
{
	open_qp(4, 4);
	put_nop(0, 0);
	m->fail_write = 1;
	cr_assert_eq(fantail_qp_submit(qp), -EIO);
	cr_assert_eq(fantail_qp_submit(qp), 1);
	cr_assert_eq(m->entries[0], 1);
	close_qp();
}

Test(queue, sizes_out_of_range)
{
	const struct fantail_qp_options bad[] = {
		{ .data_log2 = 1 },	{ .control_log2 = 15 },
		{ .status_log2 = 15 },	{ .slot_count = 7 },
		{ .slot_count = 4097 }, { .mod_count = 65536 },
	};
	struct fantail_qp *other;
	size_t i;

	open_qp(4, 4);
	cr_assert_eq(fantail_qp_open(dev, 0, NULL, &other), -EBUSY);
	cr_assert_eq(fantail_qp_open(dev, 1, NULL, &other), -EINVAL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(fantail_qp_open(dev, 0, &bad[i], &other), -EINVAL);
	close_qp();
}

Test(queue, one_that_does_not_start)
{
	m = mock_new();
	dev = mock_open(m);
	m->qp_status = 0;
	cr_assert_eq(fantail_qp_open(dev, 0, NULL, &qp), -ETIMEDOUT);
	m->qp_status = FANTAIL_QP_STATUS_HALTED_MASK;
	cr_assert_eq(fantail_qp_open(dev, 0, NULL, &qp), -EIO);
	m->qp_status = FANTAIL_QP_STATUS_RUNNING_MASK;
	cr_assert_eq(fantail_qp_open(dev, 0, NULL, &qp), 0);
	close_qp();
}

Test(device, not_ours)
{
	struct fantail_dev_options opt = { 0 };
	struct fantail_dev *d;

	m = mock_new();
	opt.sim = (struct fantail_sim *)m;
	cr_assert_eq(fantail_dev_open("tcp:", &opt, &d), -EPROTONOSUPPORT);
	cr_assert_eq(fantail_dev_open("sim:x", &opt, &d), -EINVAL);
	cr_assert_eq(fantail_dev_open("sim:", NULL, &d), -EINVAL);
	m->reg[FANTAIL_REG_VERSION / 4] += 0x10000;
	cr_assert_eq(fantail_dev_open("sim:", &opt, &d), -ENODEV);
	m->reg[FANTAIL_REG_VERSION / 4] = FANTAIL_VERSION;
	m->reg[FANTAIL_REG_STATUS / 4] = 0;
	cr_assert_eq(fantail_dev_open("sim:", &opt, &d), -ETIMEDOUT);
	mock_free(m);
}

Test(device, memory_has_gaps_and_is_used_again)
{
	struct fantail_mem a, b, c;

	m = mock_new();
	dev = mock_open(m);
	cr_assert_eq(fantail_dma_alloc(dev, 0, FANTAIL_DMA_READ, &a), -EINVAL);
	cr_assert_eq(fantail_dma_alloc(dev, 1, 0, &a), -EINVAL);
	cr_assert_eq(fantail_dma_alloc(dev, 1, FANTAIL_DMA_READ, &a), 0);
	cr_assert_eq(fantail_dma_alloc(dev, 4097, FANTAIL_DMA_WRITE, &b), 0);
	cr_assert_eq(a.bytes, 4096);
	cr_assert_eq(b.bytes, 8192);
	cr_assert_geq(b.iova, a.iova + a.bytes + 4096);
	cr_assert_eq(a.iova % 4096, 0);
	fantail_dma_free(dev, &a);
	cr_assert_null(a.va);
	cr_assert_eq(fantail_dma_alloc(dev, 4096, FANTAIL_DMA_READ, &c), 0);
	cr_assert_lt(c.iova, b.iova, "the hole is used again");
	fantail_dev_close(dev); /* frees b and c; the mock checks */
	mock_free(m);
}
