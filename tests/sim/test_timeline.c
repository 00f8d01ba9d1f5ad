/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The timeline's store, and its watcher, shown a card that is made up here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fantail_regs.h"
#include "timeline.h"
#include "timeline_watch.h"

#define RING   0x10000u /* DATA rings, one behind the other */
#define STATUS 0x20000u
#define ARENA  0x30000u

static struct timeline *t;
static struct timeline_watch *w;
static uint64_t cycle;

static void open_at(bool cycles, uint64_t first, uint64_t last)
{
	struct timeline_config cfg = { "/dev/null", cycles, first, last };

	cycle = 0;
	cr_assert_eq(timeline_open(&cfg, &t), 0);
	cr_assert_eq(timeline_watch_open(t, 4, &w), 0);
}

static void teardown(void)
{
	timeline_watch_close(w);
	timeline_close(t);
}

TestSuite(timeline_watch, .fini = teardown);

static struct timeline_time now(void)
{
	return (struct timeline_time){ 4 * cycle, cycle };
}

static unsigned int count(enum timeline_kind kind, uint64_t batch)
{
	unsigned int n = 0;

	for (size_t i = 0; i < t->count; i++)
		n += t->events[i].kind == kind && t->events[i].batch == batch;
	return n;
}

static void write_reg(unsigned int qp, uint32_t offset, uint32_t value)
{
	timeline_watch_write(w, now(), FANTAIL_PAGE_BYTES * (1 + qp) + offset,
			     value);
	cycle += 2;
	timeline_watch_written(w, now());
	cycle++;
}

static void enable(unsigned int qp)
{
	write_reg(qp, FANTAIL_QP_DATA_BASE, RING + qp * 0x4000);
	write_reg(qp, FANTAIL_QP_DATA_LOG2, 4);
	write_reg(qp, FANTAIL_QP_STATUS_BASE, STATUS + qp * 0x4000);
	write_reg(qp, FANTAIL_QP_STATUS_LOG2, 4);
	write_reg(qp, FANTAIL_QP_QP_CTRL, FANTAIL_QP_CTRL_ENABLE_MASK);
}

static void ring(unsigned int qp, uint32_t tail)
{
	write_reg(qp, FANTAIL_QP_DOORBELL_DATA, tail);
}

/* The engine fetches one entry. */
static void fetch(unsigned int qp, uint32_t index, uint8_t op, uint8_t flags,
		  uint64_t addr, uint32_t len)
{
	struct fantail_entry e = {
		.op = op, .flags = flags, .addr = addr, .len = len
	};

	timeline_watch_read(w, now(), qp, RING + qp * 0x4000 + index * 64, 1);
	cycle += 150;
	timeline_watch_line(w, now(), (const uint8_t *)&e, false);
	cycle++;
}

static void read_payload(unsigned int qp, uint64_t addr, unsigned int lines)
{
	static const uint8_t line[64];

	timeline_watch_read(w, now(), qp, addr, lines);
	cycle += 150;
	for (; lines; lines--, cycle++)
		timeline_watch_line(w, now(), line, false);
}

static void inside(struct dut_watch in)
{
	timeline_watch_cycle(w, now(), &in);
	cycle++;
}

static void append(uint32_t pos, uint8_t bytes, bool last)
{
	inside((struct dut_watch){ .append = true,
				   .append_pos = pos,
				   .append_bytes = bytes,
				   .append_last = last });
}

static void walk(uint8_t qp, uint32_t pos, uint32_t len)
{
	inside((struct dut_watch){ .walk = true,
				   .walk_qp = qp,
				   .walk_pos = pos,
				   .walk_len = len });
	inside((struct dut_watch){ .walk_done = true, .walk_reached = 1 });
}

static void batch_record(unsigned int qp)
{
	uint8_t data[64] = { FANTAIL_REC_BATCH };
	struct timeline_beat b = {
		.qp = qp,
		.iova = STATUS + qp * 0x4000,
		.data = data,
		.strobe = UINT32_MAX,
		.first = true,
		.last = true,
		.visible = cycle + 75,
	};

	timeline_watch_beat(w, now(), &b);
	cycle += 80;
	timeline_watch_interrupt(w, now(), 1u << qp, cycle + 75);
	cycle += 80;
}

Test(timeline_watch, two_queue_pairs_share_the_log)
{
	open_at(false, 0, 9);
	enable(0);
	enable(1);
	ring(0, 1);
	ring(1, 1);
	fetch(0, 0, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA, 128);
	fetch(1, 0, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA, 128);
	read_payload(0, ARENA, 2);
	read_payload(1, ARENA, 2);
	/* their bytes come in turns */
	append(1000, 64, false);
	append(1128, 64, false);
	append(1064, 64, true);
	append(1192, 64, true);
	walk(1, 1128, 128);
	walk(0, 1000, 128);
	batch_record(1);
	batch_record(0);
	for (uint64_t b = 0; b < 2; b++) {
		cr_assert_eq(count(TIMELINE_DOORBELL, b), 1);
		cr_assert_eq(count(TIMELINE_ENTRIES, b), 1);
		cr_assert_eq(count(TIMELINE_PAYLOAD, b), 1);
		cr_assert_eq(count(TIMELINE_APPEND, b), 1);
		cr_assert_eq(count(TIMELINE_WALK, b), 1);
		cr_assert_eq(count(TIMELINE_RECORD_BATCH, b), 1);
		cr_assert_eq(count(TIMELINE_INTERRUPT, b), 1);
		cr_assert_eq(count(TIMELINE_BATCH, b), 1);
	}
	cr_assert_eq(t->batches, 2);
	cr_assert_eq(timeline_write(t), 0);
}

/* A batch without a PUBLISH is none, and leaves nothing behind. */
Test(timeline_watch, set_up_is_no_batch)
{
	open_at(false, 0, 0);
	enable(0);
	ring(0, 1);
	fetch(0, 0, FANTAIL_OP_GROUP_JOIN, FANTAIL_FLAG_LAST, 0, 0);
	batch_record(0);
	cr_assert_eq(t->count, 0);
	ring(0, 2);
	fetch(0, 1, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA, 10);
	batch_record(0);
	cr_assert_eq(count(TIMELINE_DOORBELL, 0), 1);
	cr_assert_eq(t->events[0].value[0], 1, "entries of the second one");
}

/* A payload that is refused has no walk, and the next one is not its. */
Test(timeline_watch, refused_payload)
{
	open_at(false, 0, 9);
	enable(0);
	ring(0, 2);
	fetch(0, 0, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA, 77);
	fetch(0, 1, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA + 128, 30);
	append(0, 30, true);
	walk(0, 0, 30);
	batch_record(0);
	batch_record(0);
	cr_assert_eq(count(TIMELINE_WALK, 0), 0);
	cr_assert_eq(count(TIMELINE_WALK, 1), 1);
	cr_assert_eq(count(TIMELINE_APPEND, 1), 1);
	cr_assert_eq(count(TIMELINE_DOORBELL, 0), 1, "told once");
	cr_assert_eq(count(TIMELINE_DOORBELL, 1), 0);
}

/* A reset of the device in mid-batch: it ends there, later ones are right. */
Test(timeline_watch, reset)
{
	open_at(false, 0, 9);
	enable(0);
	ring(0, 1);
	fetch(0, 0, FANTAIL_OP_PUBLISH, 0, ARENA, 10);
	timeline_watch_write(w, now(), FANTAIL_REG_RESET,
			     FANTAIL_RESET_START_MASK);
	cr_assert_eq(count(TIMELINE_BATCH, 0), 1);
	cycle += 1000;
	enable(0);
	ring(0, 1);
	fetch(0, 0, FANTAIL_OP_PUBLISH, FANTAIL_FLAG_LAST, ARENA, 10);
	batch_record(0);
	cr_assert_eq(count(TIMELINE_RECORD_BATCH, 1), 1);
}

/* Nothing that a frame or an entry holds makes it fall over. */
Test(timeline_watch, nonsense)
{
	uint8_t frame[1600];
	unsigned int seed = 7;

	open_at(true, 0, 100000);
	enable(0);
	ring(0, 0x7fff);
	for (int n = 0; n < 3000; n++) {
		for (size_t i = 0; i < sizeof(frame); i++)
			frame[i] = (uint8_t)rand_r(&seed);
		if (n & 1) {
			memcpy(frame + 12, "\x08\x00\x45", 3);
			frame[23] = 6;
		}
		timeline_watch_sent(w, now(), now(), frame,
				    60 + (unsigned int)n % 1500);
		timeline_watch_received(w, now(), frame,
					60 + (unsigned int)n % 1500);
		timeline_watch_read(w, now(), n % 8,
				    RING + (unsigned int)n % 2048 * 64, 1);
		timeline_watch_line(w, now(), frame, n % 7 == 0);
		inside((struct dut_watch){ .walk = n & 2,
					   .walk_len = frame[0],
					   .queue = n & 4,
					   .queue_id = 16383,
					   .append = n & 8,
					   .append_bytes = frame[1] });
		batch_record((unsigned int)n % 8);
	}
	cr_assert_eq(timeline_write(t), 0);
}

Test(timeline, bad_configuration)
{
	struct timeline_config cfg = { "/nonexistent/t.json", false, 0, 2 };

	cr_assert_eq(timeline_open(&cfg, &t), -ENOENT);
	cfg.path = "/dev/null";
	cfg.first = 3;
	cr_assert_eq(timeline_open(&cfg, &t), -EINVAL);
}

Test(timeline, a_full_disk_is_told)
{
	struct timeline_config cfg = { "/dev/full", false, 0, 2 };
	struct timeline_event e = { .kind = TIMELINE_PUBLISH };

	if (access("/dev/full", W_OK))
		cr_skip_test("no /dev/full [needs: test -w /dev/full]");
	cr_assert_eq(timeline_open(&cfg, &t), 0);
	for (int i = 0; i < 1000; i++)
		timeline_add(t, &e);
	cr_assert_neq(timeline_write(t), 0);
	timeline_close(t);
}

/* There is a most, and it is told. */
Test(timeline, ends_at_its_limit)
{
	struct timeline_config cfg = { "/dev/null", true, 0, UINT64_MAX };
	struct timeline_event e = { .kind = TIMELINE_ACK };

	cr_assert_eq(timeline_open(&cfg, &t), 0);
	for (uint64_t i = 0; i < TIMELINE_EVENTS; i++)
		timeline_add(t, &e);
	cr_assert(!t->full);
	cr_assert(!timeline_add(t, &e));
	cr_assert(t->full);
	cr_assert_eq(t->count, TIMELINE_EVENTS);
	timeline_close(t);
}
