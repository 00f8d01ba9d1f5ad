/* SPDX-License-Identifier: Apache-2.0 */
/* Target lists: how they are read, and what becomes of those that fail. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A DATA entry's own place for a list: up to 160 handles, with a gap. */
#define PLACE_BYTES 704u

static struct rig *r;

static void setup(void)
{
	r = rig_new(3);
}

static void teardown(void)
{
	rig_free(r);
}

TestSuite(list, .init = setup, .fini = teardown);

static uint64_t place(void)
{
	return LISTS + (uint64_t)(r->tail[DATA] % RING_SIZE) * PLACE_BYTES;
}

static void expect(const struct fantail_entry *e)
{
	r->want[r->n_want++ % KEEP] = *e;
}

/* A payload of ten bytes to @n handles of any value at @iova. */
static struct fantail_entry to_list(uint64_t iova, uint32_t n, uint8_t flags)
{
	struct fantail_entry e = { .op = FANTAIL_OP_PUBLISH,
				   .flags = FANTAIL_FLAG_LIST | flags };

	e.addr = ARENA + 10 * (uint64_t)r->tail[DATA];
	e.len = 10;
	e.list_addr = iova;
	e.list_len = n;
	e.cookie = 0x5500000000 + r->tail[DATA];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t handle = r->rng << 8 | i;

		rig_random(r, 2);
		memcpy(rig_mem(r, iova + 4 * i), &handle, 4);
	}
	return e;
}

static void publish(uint64_t iova, uint32_t n, uint8_t flags)
{
	struct fantail_entry e = to_list(iova, n, flags);

	expect(&e);
	rig_put(r, DATA, &e);
}

static void publish_group(uint32_t len, uint8_t flags)
{
	struct fantail_entry e = { .op = FANTAIL_OP_PUBLISH,
				   .flags = FANTAIL_FLAG_GROUP | flags,
				   .target = 2 };

	e.addr = ARENA + 0x4000 + rig_random(r, 200);
	e.len = len;
	expect(&e);
	rig_put(r, DATA, &e);
}

static unsigned int lines(uint64_t from, uint32_t n)
{
	return (unsigned int)((from + 4 * n + 63) / 64 - from / 64);
}

/* Every length and place: each line once, all handles, in a round. */
Test(list, each_line_is_read_once)
{
	static const uint32_t lengths[] = { 1,	2,  15, 16,  17,  31,
					    32, 33, 99, 128, 176, CONNECTIONS };
	unsigned int want = 0, count = 0;

	for (unsigned int k = 0; k < 12; k++) {
		for (unsigned int off = 0; off < 16; off++) {
			uint64_t at = LISTS + 0x2000 + 4 * off;

			publish(at, lengths[k], FANTAIL_FLAG_LAST);
			want += lines(at, lengths[k]);
			rig_bell(r);
			rig_settle(r, 3000);
			cr_assert_eq(r->list_lines, want, "%u at %u: %u lines",
				     lengths[k], off, r->list_lines);
			cr_assert_eq(r->list_bytes, 64ull * want);
			cr_assert_eq(rig_batch(r, count).reached, lengths[k]);
			cr_assert_eq(rig_batch(r, count).payloads, 1);
			cr_assert_eq(rig_batch(r, count).bytes, 10);
			count++;
		}
	}
	cr_assert_eq(r->n_walks, count);
	cr_assert_eq(r->n_recs, count);
	cr_assert_eq(r->p.data_head, count);
}

/* Nobody is always first: mean places, in lists of any length. */
Test(list, the_start_rotates)
{
	static const uint32_t lengths[] = { 8, 16, 50, 200 };
	static double sum[CONNECTIONS];

	for (unsigned int k = 0; k < 4; k++) {
		uint32_t n = lengths[k];
		unsigned int first = r->n_walks;

		memset(sum, 0, sizeof(sum));
		for (unsigned int b = 0; b < 20; b++) {
			publish(LISTS + 20, n, FANTAIL_FLAG_LAST);
			rig_bell(r);
			rig_settle(r, 1000);
		}
		for (unsigned int b = first; b < r->n_walks; b++) {
			const uint32_t *given = r->handles + r->walks[b].first;

			/* the low byte of a handle is its place in the list */
			for (uint32_t i = 0; i < n; i++)
				sum[given[i] & 0xff] += i;
		}
		for (uint32_t i = 0; i < n; i++) {
			double off = sum[i] / 20 / (n - 1) - 0.5;

			cr_assert(off < 0.0501 && off > -0.0501,
				  "length %u, handle %u: %f off the middle", n,
				  i, off);
		}
	}
}

/* Ten lists do not cost ten round trips. */
Test(list, lists_are_read_ahead)
{
	uint64_t start;

	r->latency = 600;
	r->walk_cycles = 1;
	for (unsigned int i = 0; i < 10; i++)
		publish(place() + 4 * i, 13, i == 9 ? FANTAIL_FLAG_LAST : 0);
	rig_bell(r);
	start = r->now;
	while (r->n_recs == 0)
		rig_cycle(r);
	fprintf(stderr, "# ten lists of 13 in %lu cycles, latency 600\n",
		(unsigned long)(r->now - start));
	/* entries, then payloads and lists */
	cr_assert_leq(r->now - start, 2 * 600 + 10 * (13 + 10) + 50);
	cr_assert_eq(r->n_walks, 10);
	rig_settle(r, 1000);
}

/* Handles stream at one per cycle, also from a list larger than the room. */
Test(list, one_handle_per_cycle)
{
	unsigned int i;

	r->latency = 100;
	r->walk_cycles = 1;
	for (i = 0; i < 5; i++)
		publish(LISTS + 0x1000 * (i + 1) + 4 * i, CONNECTIONS,
			i == 4 ? FANTAIL_FLAG_LAST : 0);
	rig_bell(r);
	rig_settle(r, 5000);
	for (i = 0; i < 5; i++) {
		const struct walk *w = &r->walks[i];

		fprintf(stderr, "# %u handles: %lu cycles, %lu to the next\n",
			w->given, (unsigned long)(w->end_cycle - w->cycle),
			i < 4 ? (unsigned long)(w[1].cycle - w->end_cycle) : 0);
		cr_assert_eq(w->given, CONNECTIONS);
		cr_assert_leq(w->end_cycle - w->cycle, CONNECTIONS + 4);
		if (i < 4)
			cr_assert_leq(w[1].cycle - w->end_cycle, 6);
	}
}

static void first_of_batch(void)
{
	publish_group(30, 0);
	publish(place() + 8, 50, 0);
}

static void rest_of_batch(void)
{
	publish(place(), 7, 0);
	publish_group(20, FANTAIL_FLAG_LAST);
}

/* Wherever a line fails: those before it have it, the rest is refused. */
Test(list, failed_line_ends_its_list)
{
	unsigned int reached = 0, whole = 0;

	r->lists_may_break = true;
	for (unsigned int k = 0; k < 30; k++) {
		unsigned int line = k % 7, rec = r->n_recs, start;
		const struct walk *w;
		uint64_t at;

		first_of_batch();
		at = place() + 24;
		/* handles 0..9 in line 0, 10..25 in line 1, ... */
		publish(at, 100, 0);
		rest_of_batch();
		r->bad_lo = (at & ~63ull) + 64 * line;
		r->bad_hi = r->bad_lo + 1;
		rig_bell(r);
		rig_settle(r, 5000);
		cr_assert_eq(r->n_recs, rec + 2);
		cr_assert_eq(rig_refused(r, rec).code, FANTAIL_REFUSE_DMA_READ);
		cr_assert_eq(rig_refused(r, rec).index, 5 * k + 2);
		cr_assert_eq(rig_refused(r, rec).op, FANTAIL_OP_PUBLISH);
		cr_assert_eq(rig_refused(r, rec).target, 0);
		cr_assert_eq(rig_refused(r, rec).addr_lo, r->bad_lo);
		cr_assert_eq(rig_refused(r, rec).cookie_lo, 5 * k + 2);
		w = &r->walks[5 * k + 2];
		cr_assert_eq(rig_refused(r, rec).reached, w->given);
		/* those from the start on, up to the line that failed */
		start = r->handles[w->first] & 0xff;
		if (w->given)
			cr_assert_eq((start + w->given) % 100,
				     line ? 16 * line - 6 : 0,
				     "start %u, %u given, line %u", start,
				     w->given, line);
		cr_assert_eq(rig_batch(r, rec + 1).entries, 5);
		cr_assert_eq(rig_batch(r, rec + 1).refused, 1);
		cr_assert_eq(rig_batch(r, rec + 1).payloads, 4);
		cr_assert_eq(rig_batch(r, rec + 1).bytes, 30 + 10 + 10 + 20);
		/* groups reach 3 here */
		cr_assert_eq(rig_batch(r, rec + 1).reached,
			     3 + 50 + w->given + 7 + 3);
		cr_assert_eq(r->p.data_head, 5 * k + 5);
		reached += w->given;
		whole += w->given == 0;
	}
	cr_assert_gt(reached, 100);
	cr_assert_gt(whole, 0, "never the first line");
	/* nothing was left behind */
	r->bad_hi = 0;
	r->lists_may_break = false;
	first_of_batch();
	rest_of_batch();
	rig_bell(r);
	rig_settle(r, 5000);
	cr_assert_eq(rig_batch(r, r->n_recs - 1).reached, 3 + 50 + 7 + 3);
}

Test(list, failed_list_at_the_end_of_a_batch)
{
	r->lists_may_break = true;
	publish(place(), 16, 0);
	publish(place(), 16, FANTAIL_FLAG_LAST);
	publish(place(), 16, FANTAIL_FLAG_LAST);
	r->bad_lo = LISTS + PLACE_BYTES;
	r->bad_hi = r->bad_lo + 1;
	rig_bell(r);
	rig_settle(r, 1000);
	cr_assert_eq(r->n_recs, 3);
	cr_assert_eq(rig_refused(r, 0).reached, 0);
	cr_assert_eq(rig_batch(r, 1).entries, 2);
	cr_assert_eq(rig_batch(r, 1).payloads, 1);
	cr_assert_eq(rig_batch(r, 2).entries, 1);
	cr_assert_eq(rig_batch(r, 2).reached, 16);
}

/*
 * A payload that failed takes its list with it, whether that is short, long
 * or has failed too; the head passes when the list's memory has been read.
 */
Test(list, failed_payload_drops_its_list)
{
	static const uint32_t lengths[] = { 1, 16, 17, 176, CONNECTIONS };

	r->lists_may_break = true;
	for (unsigned int k = 0; k < 30; k++) {
		unsigned int rec = r->n_recs;
		struct fantail_entry e;

		r->latency = k % 3 * 100;
		r->stall = k % 4;
		publish(place(), 20, 0);
		e = to_list(LISTS + 0xb000 + 4 * k, lengths[k % 5], 0);
		e.addr = IOVA - 4096;
		rig_put(r, DATA, &e);
		publish(place(), 30, FANTAIL_FLAG_LAST);
		r->bad_lo = e.list_addr + 4 * (rig_random(r, e.list_len));
		r->bad_hi = k % 2 ? r->bad_lo + 1 : 0;
		r->no_walks = true;
		rig_bell(r);
		for (unsigned int i = 0; i < 500; i++)
			rig_cycle(r);
		cr_assert_eq(r->p.data_head, 3 * k);
		r->no_walks = false;
		while (r->p.data_head != 3 * k + 2) {
			rig_cycle(r);
			cr_assert(r->n_recs == rec);
		}
		cr_assert_leq(r->list_under_way, 2, "head before the list");
		rig_settle(r, 5000);
		cr_assert_eq(r->n_recs, rec + 2);
		cr_assert_eq(rig_refused(r, rec).code, FANTAIL_REFUSE_DMA_READ);
		cr_assert_eq(rig_refused(r, rec).index, 3 * k + 1);
		cr_assert_eq(rig_refused(r, rec).addr_lo, (IOVA - 4096) & ~63u);
		cr_assert_eq(rig_refused(r, rec).reached, 0);
		cr_assert_eq(rig_batch(r, rec + 1).payloads, 2);
		cr_assert_eq(rig_batch(r, rec + 1).reached, 50);
		cr_assert_eq(r->n_walks, 2 * (k + 1));
	}
}

/* Walks that do not move keep lists waiting, not CONTROL's reads. */
Test(list, full_of_lists_control_goes_on)
{
	struct fantail_entry e = { .op = FANTAIL_OP_FRAME_TX,
				   .flags = FANTAIL_FLAG_LAST };
	unsigned int i;

	r->no_walks = true;
	for (i = 0; i < 40; i++)
		publish(place(), 160, i == 39 ? FANTAIL_FLAG_LAST : 0);
	rig_bell(r);
	for (i = 0; i < 2000; i++)
		rig_cycle(r);
	cr_assert_leq(r->list_lines, 17, "%u lines ahead", r->list_lines);
	cr_assert_gt(r->list_lines, 8);
	cr_assert_eq(r->list_under_way, 0, "they have arrived");
	cr_assert_eq(r->read_bytes, 64 * lines(ARENA, 100), "so have these");
	e.addr = ARENA;
	e.len = 1000;
	for (i = 0; i < 5; i++) {
		rig_put(r, CONTROL, &e);
		rig_bell(r);
		for (unsigned int k = 0; k < 300; k++)
			rig_cycle(r);
		cr_assert_eq(r->n_frames[0], i + 1);
		r->frame_bytes[0] = 0;
	}
	r->no_walks = false;
	rig_settle(r, 40 * 400);
	cr_assert_eq(r->n_walks, 40);
}

/* A batch that begins with a list is held like any other. */
Test(list, hold_follows_lists)
{
	r->walk_cycles = 50;
	publish(place(), 100, 0);
	publish(place(), 100, FANTAIL_FLAG_LAST);
	rig_bell(r);
	while (r->n_walks == 0)
		rig_cycle(r);
	while (r->walks[0].given < 2)
		rig_cycle(r);
	while (r->p.data_head != 2) {
		cr_assert_eq(r->p.hold, 1, "at cycle %lu",
			     (unsigned long)r->now);
		if (r->in_list || r->walk_left)
			cr_assert_eq(r->p.data_head, r->n_walks - 1);
		rig_cycle(r);
	}
	rig_settle(r, 1000);
	cr_assert_eq(r->p.hold, 0);
	cr_assert_eq(r->walks[0].last, 0);
	cr_assert_eq(r->walks[1].last, 1);
}

/* All kinds of targets, pauses everywhere, now and then a list that fails. */
Test(list, random_lists)
{
	const char *env = getenv("SEED");
	unsigned int seed = env ? (unsigned int)strtoul(env, NULL, 0) : 20251;
	unsigned int batches = 0, broken = 0, recs[16] = { 0 };
	uint64_t given = 0, listed = 0, want_lines = 0;

	fprintf(stderr, "# seed %u\n", seed);
	r->rng = seed;
	r->lists_may_break = true;
	for (unsigned int round = 0; round < 150; round++) {
		unsigned int n = rig_random(r, 20) + 1;

		r->stall = rig_random(r, 2) * rig_random(r, 8);
		r->latency = rig_random(r, 120);
		r->walk_cycles = rig_random(r, 40) + 1;
		while (((r->tail[DATA] + n - r->p.data_head) & 0x7fff) >
		       RING_SIZE)
			rig_cycle(r);
		if (rig_random(r, 3) == 0) {
			r->bad_lo = LISTS + rig_random(r, 64 * PLACE_BYTES);
			r->bad_hi = r->bad_lo + 256;
		} else {
			r->bad_hi = 0;
		}
		for (unsigned int i = 0; i < n; i++) {
			uint8_t last = rig_random(r, 6) == 0 || i + 1 == n
					       ? FANTAIL_FLAG_LAST
					       : 0;
			uint32_t len =
				rig_random(r, rig_random(r, 2) ? 160 : 20) + 1;
			uint64_t at = place() + 4 * rig_random(r, 16);

			batches += last;
			if (rig_random(r, 4) == 0) {
				publish_group(rig_random(r, 300) + 1, last);
				continue;
			}
			publish(at, len, last);
			want_lines += lines(at, len);
			listed += len;
		}
		rig_bell(r);
		for (unsigned int i = rig_random(r, 300); i > 0; i--)
			rig_cycle(r);
	}
	r->stall = 0;
	rig_settle(r, 100000);
	for (unsigned int i = 0; i < r->n_recs; i++)
		recs[r->recs[i][0] & 15]++;
	for (unsigned int i = 0; i < r->n_walks; i++)
		given += r->walks[i].given;
	broken = recs[FANTAIL_REC_REFUSED];
	cr_assert_eq(r->n_seen, r->n_want);
	cr_assert_eq(recs[FANTAIL_REC_BATCH], batches);
	cr_assert_eq(r->list_lines, want_lines);
	cr_assert_gt(broken, 0);
	cr_assert_lt(given, listed);
	cr_assert_gt(given, listed / 2);
}
