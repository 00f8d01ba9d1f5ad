/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDLE(gen, id) ((uint32_t)(gen) << 16 | (id))

static struct rig *r;
static uint64_t cookie = 0x1122334455667700;

static void setup(void)
{
	r = rig_new(1);
}

static void teardown(void)
{
	rig_free(r);
}

TestSuite(submit, .init = setup, .fini = teardown);

static void fill(uint64_t iova, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		*rig_mem(r, iova + i) = (uint8_t)rig_random(r, 256);
}

static struct fantail_entry op(uint8_t code, uint8_t flags, uint32_t target)
{
	struct fantail_entry e = { .op = code,
				   .flags = flags,
				   .target = target };

	e.cookie = ++cookie;
	return e;
}

/* One payload to group 2, expected to be walked. */
static void publish(uint64_t addr, uint32_t len, uint8_t flags)
{
	struct fantail_entry e =
		op(FANTAIL_OP_PUBLISH, flags | FANTAIL_FLAG_GROUP, 2);

	e.addr = addr;
	e.len = len;
	r->want[r->n_want++ % KEEP] = e;
	rig_put(r, DATA, &e);
}

static unsigned int lines(uint64_t from, uint64_t to)
{
	return (unsigned int)((to + 63) / 64 - from / 64);
}

/* Forty payloads side by side: more than an entry fetch, each line once. */
Test(submit, payloads_side_by_side_are_read_once)
{
	uint64_t at = ARENA + 5, from = at;
	uint32_t len = 1;

	for (unsigned int i = 0; i < 40; i++) {
		fill(at, len);
		publish(at, len, i % 10 == 9 ? FANTAIL_FLAG_LAST : 0);
		at += len;
		len = (len * 7 + 3) % 150 + 1;
	}
	rig_bell(r);
	rig_settle(r, 5000);
	cr_assert_eq(r->n_seen, 40);
	cr_assert_eq(r->n_recs, 4);
	cr_assert_eq(r->read_bytes, 64 * lines(from, at), "read %lu, want %u",
		     (unsigned long)r->read_bytes, 64 * lines(from, at));
	cr_assert_eq(r->n_lines, lines(from, at) + 40, "%u", r->n_lines);
	cr_assert_eq(r->payload_bytes, at - from);
	cr_assert_eq(r->deliveries, 3 * (at - from));
	/* lines of neighbours were asked for together */
	cr_assert_leq(r->n_bursts, 5 + lines(from, at) / 3, "%u", r->n_bursts);
	cr_assert_eq(r->p.data_head, 40);
}

/* Several payloads within one line, then one that begins in it. */
Test(submit, many_payloads_in_one_line)
{
	fill(ARENA, 200);
	for (unsigned int i = 0; i < 6; i++)
		publish(ARENA + 10 * i, 10, 0);
	publish(ARENA + 60, 100, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_seen, 7);
	cr_assert_eq(r->read_bytes, 3 * 64);
}

/* The host writes behind a payload only after the doorbell before. */
Test(submit, line_is_read_again_when_entry_was_not_announced)
{
	fill(ARENA, 30);
	publish(ARENA, 30, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->read_bytes, 64);
	fill(ARENA + 30, 20);
	publish(ARENA + 30, 20, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_seen, 2);
	cr_assert_eq(r->read_bytes, 128);
}

/* As before, but the second doorbell comes while the line is under way. */
Test(submit, line_under_way_is_read_again_for_a_later_doorbell)
{
	fill(ARENA, 30);
	publish(ARENA, 30, FANTAIL_FLAG_LAST);
	rig_bell(r);
	for (int i = 0; i < 200 && r->read_bytes == 0; i++)
		rig_cycle(r);
	cr_assert_eq(r->read_bytes, 64);
	for (int i = 0; i < 3; i++)
		rig_cycle(r);
	cr_assert_eq(r->appends, 0);
	fill(ARENA + 30, 20);
	publish(ARENA + 30, 20, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_seen, 2);
	cr_assert_eq(r->read_bytes, 128);
}

/* After a new start of the ring old indices mean nothing. */
Test(submit, nothing_is_carried_over_a_restart)
{
	for (unsigned int i = 0; i < 20; i++) {
		fill(ARENA + 3 * i, 3);
		publish(ARENA + 3 * i, 3, FANTAIL_FLAG_LAST);
	}
	rig_bell(r);
	rig_settle(r, 3000);
	cr_assert_eq(r->read_bytes, 64);
	r->p.enable = 0;
	r->p.data_tail = 0;
	r->tail[DATA] = 0;
	for (int i = 0; i < 5; i++)
		rig_cycle(r);
	cr_assert_eq(r->p.data_head, 0);
	r->p.enable = 1;
	rig_cycle(r);
	fill(ARENA, 3);
	publish(ARENA, 3, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_seen, 21);
	cr_assert_eq(r->read_bytes, 128);
}

Test(submit, payload_waits_for_log_space)
{
	r->free_log = false;
	for (unsigned int i = 0; i < 4; i++)
		publish(ARENA + i * 0x4000, LOG_BYTES / 4, 0);
	publish(ARENA + 0x10000, 100, FANTAIL_FLAG_LAST);
	rig_bell(r);
	for (int i = 0; i < 3000; i++)
		rig_cycle(r);
	cr_assert_eq(r->n_seen, 4);
	cr_assert_eq(r->p.log_used, LOG_BYTES);
	cr_assert_eq(r->p.log_wait, 1);
	cr_assert_eq(r->p.log_want, 100);
	cr_assert_eq(r->p.hold, 0, "the queued bytes may go");
	cr_assert_eq(r->p.walk_pos, LOG_BYTES);
	cr_assert_eq(r->n_recs, 0);
	r->p.log_low = 99;
	for (int i = 0; i < 200; i++)
		rig_cycle(r);
	cr_assert_eq(r->n_seen, 4, "one byte short");
	r->p.log_low = 100;
	rig_settle(r, 1000);
	cr_assert_eq(r->n_seen, 5);
	cr_assert_eq(r->p.log_wait, 0);
	cr_assert_eq(rig_batch(r, 0).bytes, LOG_BYTES + 100);
	cr_assert_eq(rig_batch(r, 0).payloads, 5);
}

/* Whatever else is in the ring: there is nothing to do but wait. */
Test(submit, waiting_for_log_space_is_idle)
{
	unsigned int busy = 0;

	r->free_log = false;
	for (unsigned int i = 0; i < 60; i++)
		publish(ARENA, i < 4 ? LOG_BYTES / 4 : 1000, 0);
	rig_bell(r);
	for (int i = 0; i < 6000; i++) {
		rig_cycle(r);
		cr_assert(!r->p.idle || r->n_seen == 4, "cycle %d", i);
		busy = r->p.idle ? 0 : busy + 1;
	}
	cr_assert_eq(busy, 0);
	cr_assert_eq(r->p.log_wait, 1);
	r->p.log_low = 2500;
	rig_cycle(r);
	cr_assert_eq(r->p.idle, 0);
	for (int i = 0; i < 300; i++)
		rig_cycle(r);
	cr_assert_eq(r->n_seen, 6);
	cr_assert_eq(r->p.idle, 1);
}

Test(submit, batch_record_sums_its_walks)
{
	struct fantail_entry e;

	r->walk_cycles = 60;
	for (unsigned int i = 0; i < 6; i++)
		publish(ARENA + i * 10, 10, 0);
	/* another target, alone */
	e = op(FANTAIL_OP_PUBLISH, 0, HANDLE(9, 5));
	e.addr = ARENA + 0x999;
	e.len = 333;
	r->want[r->n_want++] = e;
	rig_put(r, DATA, &e);
	e = op(FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 0);
	rig_put(r, DATA, &e);
	publish(ARENA, 10, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 3000);
	cr_assert_eq(r->n_recs, 2);
	cr_assert_eq(rig_batch(r, 0).ring, 0);
	cr_assert_eq(rig_batch(r, 0).entries, 8);
	cr_assert_eq(rig_batch(r, 0).payloads, 7);
	cr_assert_eq(rig_batch(r, 0).reached, 21);
	cr_assert_eq(rig_batch(r, 0).skipped, 7);
	cr_assert_eq(rig_batch(r, 0).refused, 0);
	cr_assert_eq(rig_batch(r, 0).bytes, 393);
	cr_assert_eq(rig_batch(r, 0).cookie_lo, (uint32_t)e.cookie);
	cr_assert_eq(rig_batch(r, 0).cookie_hi, (uint32_t)(e.cookie >> 32));
	cr_assert_eq(rig_batch(r, 1).entries, 1);
	cr_assert_eq(rig_batch(r, 1).payloads, 1);
	cr_assert_eq(rig_batch(r, 1).bytes, 10);
	/* what came in while the first walk ran is one walk */
	cr_assert_leq(r->n_walks, 4, "%u walks", r->n_walks);
	cr_assert_eq(r->p.data_head, 9);
	cr_assert_eq(r->deliveries, 3 * 403);
}

Test(submit, failed_payload_is_refused_and_walked_around)
{
	publish(ARENA, 100, 0);
	r->n_want--;
	r->bad_lo = ARENA + 0x1080;
	r->bad_hi = r->bad_lo + 1;
	r->want[r->n_want++] = op(0, FANTAIL_FLAG_GROUP, 2);
	r->want[0].addr = ARENA;
	r->want[0].len = 100;
	publish(ARENA + 0x1001, 300, 0);
	r->n_want--;
	publish(ARENA + 0x2000, 50, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 2000);
	cr_assert_eq(r->n_seen, 2);
	cr_assert_eq(rig_refused(r, 0).code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq(rig_refused(r, 0).index, 1);
	cr_assert_eq(rig_refused(r, 0).addr_lo, (ARENA + 0x1080) & ~63u);
	cr_assert_eq(rig_refused(r, 0).op, FANTAIL_OP_PUBLISH);
	cr_assert_eq(rig_batch(r, 1).refused, 1);
	cr_assert_eq(rig_batch(r, 1).payloads, 2);
	cr_assert_eq(rig_batch(r, 1).bytes, 150);
	cr_assert_eq(r->walks[1].pos, 400, "the hole stays");
	cr_assert_eq(r->p.walk_pos, 450);
}

Test(submit, failed_entry_read_stops_the_ring)
{
	struct fantail_entry e = op(FANTAIL_OP_NOP, FANTAIL_FLAG_LAST, 0);

	r->bad_lo = DATA_RING + 3 * 64;
	r->bad_hi = r->bad_lo + 64;
	for (unsigned int i = 0; i < 8; i++)
		rig_put(r, DATA, &e);
	rig_put(r, CONTROL, &e);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_faults, 1);
	cr_assert_eq(r->fault_code, FANTAIL_FAULT_ENTRY_READ);
	cr_assert_eq(r->fault_addr, DATA_RING + 3 * 64);
	cr_assert_eq(r->p.data_head, 3);
	cr_assert_eq(r->p.control_head, 1);
}

/* Random doorbells, sizes, gaps and pauses; memory is written last thing. */
Test(submit, random_feed)
{
	const char *env = getenv("SEED");
	unsigned int seed = env ? (unsigned int)strtoul(env, NULL, 0) : 20250;
	uint64_t at = ARENA, sum = 0, least = 0;
	unsigned int batches = 0;

	fprintf(stderr, "# seed %u\n", seed);
	r->rng = seed;
	for (unsigned int round = 0; round < 150; round++) {
		unsigned int n = rig_random(r, 20) + 1;

		r->stall = rig_random(r, 2) * rig_random(r, 8);
		r->latency = rig_random(r, 60);
		r->walk_cycles = rig_random(r, 80) + 1;
		while (((r->tail[DATA] + n - r->p.data_head) & 0x7fff) >
		       RING_SIZE)
			rig_cycle(r);
		if (at > IOVA + MEM_BYTES - 0x8000) {
			rig_settle(r, 50000);
			at = ARENA + rig_random(r, 64);
		}
		for (unsigned int i = 0; i < n; i++) {
			static const unsigned int most[] = { 12, 70, 300,
							     1500 };
			uint32_t len =
				rig_random(r, most[rig_random(r, 4)]) + 1;

			if (rig_random(r, 8) == 0)
				at += rig_random(r, 100);
			fill(at, len);
			publish(at, len,
				rig_random(r, 5) == 0 || i + 1 == n
					? FANTAIL_FLAG_LAST
					: 0);
			batches += r->want[(r->n_want - 1) % KEEP].flags &
				   FANTAIL_FLAG_LAST;
			at += len;
			sum += len;
		}
		least = r->n_want;
		rig_bell(r);
		for (unsigned int i = rig_random(r, 120); i > 0; i--)
			rig_cycle(r);
	}
	r->stall = 0;
	rig_settle(r, 100000);
	cr_assert_eq(r->n_seen, least);
	cr_assert_eq(r->n_recs, batches);
	cr_assert_eq(r->payload_bytes, sum);
	cr_assert_eq(r->p.alloc_pos, (uint32_t)sum);
	cr_assert_leq(r->read_bytes,
		      sum + 126 * 150 + 126 * r->n_want / 8 + 126 * 20);
}

/* Few cycles each: doorbell to fetch, entry to payload, payload to walk. */
Test(submit, latency)
{
	uint64_t bell;

	fill(ARENA, 64);
	publish(ARENA, 64, FANTAIL_FLAG_LAST);
	r->latency = 1;
	rig_bell(r);
	bell = r->now;
	r->ar_cycle = 0;
	while (r->n_bursts == 0)
		rig_cycle(r);
	cr_assert_leq(r->ar_cycle - bell, 3, "fetch after %lu",
		      (unsigned long)(r->ar_cycle - bell));
	while (r->line_cycle == 0)
		rig_cycle(r);
	bell = r->line_cycle;
	r->ar_cycle = 0;
	while (r->n_bursts == 1)
		rig_cycle(r);
	cr_assert_leq(r->ar_cycle - bell, 6, "payload after %lu",
		      (unsigned long)(r->ar_cycle - bell));
	rig_settle(r, 100);
	fprintf(stderr, "# walk %lu cycles after the line\n",
		(unsigned long)(r->walks[0].cycle - r->line_cycle));
	cr_assert_leq(r->walks[0].cycle - r->line_cycle, 5, "walk after %lu",
		      (unsigned long)(r->walks[0].cycle - r->line_cycle));
}

/* One line per cycle, and one small payload in two cycles or better. */
Test(submit, throughput)
{
	uint64_t at = ARENA;

	r->latency = 40;
	fill(at, 60000);
	for (unsigned int i = 0; i < 5; i++, at += 8192)
		publish(at, 8192, i == 4 ? FANTAIL_FLAG_LAST : 0);
	rig_bell(r);
	rig_settle(r, 3000);
	cr_assert_leq(r->append_last - r->append_first, r->appends + 8,
		      "%u beats in %lu cycles", r->appends,
		      (unsigned long)(r->append_last - r->append_first));
	r->appends = 0;
	for (unsigned int i = 0; i < 60; i++)
		publish(ARENA + 21 * i, 21, i == 59 ? FANTAIL_FLAG_LAST : 0);
	rig_bell(r);
	rig_settle(r, 3000);
	cr_assert_leq(r->append_last - r->append_first, 120,
		      "60 payloads in %lu cycles",
		      (unsigned long)(r->append_last - r->append_first));
}

/*
 * While a batch is on its way, short segments are held; the head passes a
 * payload when it is replicated; nothing is held when the batch ends, or
 * when the next entry does not come.
 */
Test(submit, head_and_hold_follow_the_walks)
{
	r->walk_cycles = 200;
	fill(ARENA, 100);
	publish(ARENA, 50, FANTAIL_FLAG_LAST);
	publish(ARENA + 50, 50, 0);
	rig_bell(r);
	while (r->n_walks == 0)
		rig_cycle(r);
	for (int i = 0; i < 100; i++)
		rig_cycle(r);
	cr_assert_eq(r->p.data_head, 0, "still being replicated");
	cr_assert_eq(r->p.walk_pos, 0);
	cr_assert_eq(r->p.hold, 1);
	while (r->n_walks == 1)
		rig_cycle(r);
	for (int i = 0; i < 50; i++)
		rig_cycle(r);
	cr_assert_eq(r->p.data_head, 1);
	cr_assert_eq(r->p.walk_pos, 50);
	cr_assert_eq(r->p.hold, 1, "second batch has begun");
	cr_assert_eq(r->n_recs, 1);
	rig_settle(r, 1000);
	cr_assert_eq(r->p.data_head, 2);
	cr_assert_eq(r->p.hold, 0, "the next entry does not come");
	publish(ARENA, 50, FANTAIL_FLAG_LAST);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->p.hold, 0);
	cr_assert_eq(rig_batch(r, 1).entries, 2);
	cr_assert_eq(rig_batch(r, 1).bytes, 100);
}

/* The neighbour gets no byte of a line that could not be read. */
Test(submit, carried_line_carries_its_failure)
{
	struct fantail_entry e = op(FANTAIL_OP_PUBLISH, 0, 1);

	r->bad_lo = ARENA;
	r->bad_hi = ARENA + 1;
	e.addr = ARENA;
	e.len = 20;
	rig_put(r, DATA, &e);
	e.addr += 20;
	e.flags = FANTAIL_FLAG_LAST;
	rig_put(r, DATA, &e);
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->read_bytes, 64);
	cr_assert_eq(rig_refused(r, 0).code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq(rig_refused(r, 1).code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq(rig_refused(r, 1).addr_lo, ARENA);
	cr_assert_eq(rig_batch(r, 2).refused, 2);
	cr_assert_eq(rig_batch(r, 2).payloads, 0);
	cr_assert_eq(r->n_walks, 0);
}
