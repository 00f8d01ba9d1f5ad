// SPDX-License-Identifier: Apache-2.0
// The write master alone: bursts of delivery, split, byte for byte.
#include <criterion/criterion.h>
#include <string.h>

#include "bench.h"

static void put_burst(struct bench *b, uint64_t addr, unsigned int lines)
{
	b->burst_lines = lines;
	b->burst_next = 0;
	for (unsigned int i = 0; i < lines; i++) {
		struct line *l = &b->burst[i];

		l->addr = addr + LINE * i;
		l->strb = 0;
		for (unsigned int k = 0; k < LINE; k++) {
			l->data[k] = (uint8_t)bench_random(b, 256);
			l->strb |= (uint64_t)bench_random(b, 2) << k;
		}
	}
}

static void run_bursts(struct bench *b, unsigned int count)
{
	static uint8_t want[0x10000];
	uint64_t lines = 0;

	memset(want, 0, sizeof(want));
	for (unsigned int n = 0; n < count; n++) {
		unsigned int length = 1 + bench_random(b, 32);
		uint32_t at = LINE * bench_random(b, 1024 - length);

		put_burst(b, MEM_BASE + 0x80000 + at, length);
		for (unsigned int i = 0; i < length; i++)
			for (unsigned int k = 0; k < LINE; k++)
				if (b->burst[i].strb >> k & 1)
					want[at + LINE * i + k] =
						b->burst[i].data[k];
		lines += length;
		for (unsigned int i = 0; b->burst_next < length; i++) {
			cr_assert_lt(i, 10000, "burst not taken");
			bench_step(b);
		}
	}
	bench_drain(b);
	cr_assert_eq(b->lines_written, lines);
	cr_assert_eq(b->bursts_done, count);
	cr_assert(!memcmp(want, b->mem + 0x80000, sizeof(want)));
}

Test(write, bursts_without_stalls)
{
	struct bench *b = bench_new(20);
	uint64_t start = b->cycle;

	put_burst(b, MEM_BASE + 0x80000, 32);
	b->us_cycles = 0;
	bench_drain(b);
	/* a beat in each cycle, but for the start and the responses */
	cr_assert_lt(b->cycle - start, 32 + 12);
	b->lines_written = b->bursts_done = 0;
	memset(b->mem, 0, sizeof(b->mem));
	run_bursts(b, 300);
	cr_assert_gt(b->bursts, 301, "no burst was split");
	bench_free(b);
}

Test(write, bursts_with_stalls)
{
	struct bench *b = bench_new(21);

	b->stall = 128;
	run_bursts(b, 300);
	b->w_early = true;
	b->lines_written = b->bursts_done = 0;
	memset(b->mem, 0, sizeof(b->mem));
	run_bursts(b, 300);
	bench_free(b);
}

Test(write, error_responses_are_told)
{
	struct bench *b = bench_new(22);

	b->bad_b = 3;
	run_bursts(b, 10);
	cr_assert_eq(b->wr_faults, 3);
	bench_free(b);
}
