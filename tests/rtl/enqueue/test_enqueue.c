/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extents run out: a stream with a payload left out goes on with nothing, not
 * even when an extent is free again before the connection is aborted.
 */
#include <criterion/criterion.h>
#include <stdbool.h>

#include "enqueue_block.h"

#define EXTENTS 8
#define ID	5
#define ISS	1000
#define FAR	10000 /* cycles */

enum {
	INSTALL = 0,
	CLOSE = 2,
	RETIRE = 4
}; /* fantail_pkg::Cmd* */

struct bench {
	struct enqueue_block *block;
	struct enqueue_pins p;
	unsigned int requests; /* to abort */
	unsigned int extents;  /* written */
	uint32_t queued, pos;
	bool closing;
	bool free_at_overrun; /* one extent, in the cycle of the request */
};

static void step(struct bench *b)
{
	enqueue_settle(b->block, &b->p);
	if (b->p.we) {
		b->queued = b->p.queued;
		b->closing = b->p.closing;
	}
	b->extents += b->p.ext_we;
	if (b->p.overrun_valid && b->p.overrun_ready) {
		cr_assert_eq(b->p.overrun_id, ID);
		b->requests++;
	}
	enqueue_edge(b->block);
	if (b->p.overrun_valid && b->free_at_overrun)
		b->p.ext_free = 1;
}

static void command(struct bench *b, uint32_t op)
{
	unsigned int n = 0;

	b->p.cmd_op = op;
	b->p.cmd_id = ID;
	b->p.cmd_seq = ISS;
	b->p.cmd_valid = 1;
	do {
		step(b);
		cr_assert_lt(++n, FAR);
	} while (!b->p.cmd_ready);
	b->p.cmd_valid = 0;
	while (!b->p.cmd_done) {
		step(b);
		cr_assert_lt(++n, FAR);
	}
}

static void open_bench(struct bench *b)
{
	unsigned int n = 0;

	*b = (struct bench){ .block = enqueue_new(1) };
	b->p.alive = 1;
	b->p.overrun_ready = 1;
	b->p.rst = 1;
	step(b);
	step(b);
	b->p.rst = 0;
	do {
		step(b);
		cr_assert_lt(++n, FAR);
	} while (b->p.busy);
	command(b, INSTALL);
	cr_assert_eq(b->queued, ISS);
}

static void close_bench(struct bench *b)
{
	enqueue_free(b->block);
}

/* To the connection, behind bytes that went to somebody else: was it taken? */
static bool publish(struct bench *b, uint32_t len)
{
	unsigned int n = 0;

	b->pos += 64;
	b->p.walk_target = ID;
	b->p.walk_pos = b->pos;
	b->p.walk_len = len;
	b->p.walk_last = 1;
	b->p.walk_valid = 1;
	b->pos += len;
	do {
		step(b);
		cr_assert_lt(++n, FAR);
	} while (!b->p.walk_ready);
	b->p.walk_valid = 0;
	while (!b->p.done) {
		step(b);
		cr_assert_lt(++n, FAR);
	}
	cr_assert_eq(b->p.reached + b->p.skipped, 1);
	return b->p.reached;
}

static void use_extents(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < EXTENTS; i++)
		cr_assert(publish(b, 100));
	cr_assert_eq(b->extents, EXTENTS);
	cr_assert_eq(b->queued, ISS + 100 * EXTENTS);
	cr_assert_eq(b->requests, 0);
}

/* An extent was free in time: nothing is left out. */
Test(enqueue, all_extents_and_one_more)
{
	struct bench b;

	open_bench(&b);
	use_extents(&b);
	b.p.ext_free = 1;
	cr_assert(publish(&b, 100));
	cr_assert_eq(b.extents, EXTENTS + 1);
	cr_assert_not(publish(&b, 100));
	cr_assert_eq(b.requests, 1);
	close_bench(&b);
}

Test(enqueue, nothing_follows_a_payload_left_out)
{
	struct bench b;
	unsigned int i;

	open_bench(&b);
	use_extents(&b);
	b.free_at_overrun = true;
	/* the owner of "alive" is slow: it is still set, for all that comes */
	for (i = 0; i < 5; i++)
		cr_assert_not(publish(&b, 100), "a hole in the stream");
	cr_assert_eq(b.p.ext_free, 1);
	cr_assert_eq(b.extents, EXTENTS);
	cr_assert_eq(b.queued, ISS + 100 * EXTENTS);
	cr_assert_eq(b.requests, 1);
	close_bench(&b);
}

/* A FIN would say that this was all. */
Test(enqueue, no_fin_behind_a_payload_left_out)
{
	struct bench b;

	open_bench(&b);
	use_extents(&b);
	cr_assert_not(publish(&b, 100));
	command(&b, CLOSE);
	cr_assert_not(b.closing);
	close_bench(&b);
}

Test(enqueue, next_user_of_the_id_begins_anew)
{
	struct bench b;

	open_bench(&b);
	use_extents(&b);
	cr_assert_not(publish(&b, 100));
	command(&b, RETIRE);
	cr_assert_not(publish(&b, 100));
	cr_assert_eq(b.requests, 1);
	command(&b, INSTALL);
	b.p.ext_free = 0;
	cr_assert(publish(&b, 100));
	command(&b, CLOSE);
	cr_assert(b.closing);
	close_bench(&b);
}
