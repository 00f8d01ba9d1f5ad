/* SPDX-License-Identifier: Apache-2.0 */
/* What the MAC tells of a stretch of sending, from pins set by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "card.h"

#define FULL UINT64_MAX

static struct card card;
static const uint8_t data[DUT_BEAT];

/* One cycle in which the engine offers @bytes (0: nothing), @last of a frame. */
static void cycle(unsigned int bytes, bool last)
{
	struct dut_out *out = &card.dut.out;

	out->mac_tx_tvalid = bytes > 0;
	out->mac_tx_tlast = last;
	out->mac_tx_tkeep = bytes == 64 ? FULL : ((uint64_t)1 << bytes) - 1;
	card.dut.cycle++;
	card_mac_sample(&card);
}

static void idle(unsigned int cycles)
{
	while (cycles--)
		cycle(0, false);
}

/* A frame of 100 bytes; as many cycles as it takes. */
static void frame(void)
{
	uint64_t beats = card.tx.window.beats;

	while (card.tx.window.beats == beats)
		cycle(64, false);
	while (card.tx.window.beats == beats + 1)
		cycle(36, true);
}

static void begin(bool paced)
{
	memset(&card, 0, sizeof(card));
	card.dut.mac_tx_tdata = data;
	card.mac_pacing = paced;
	card.pacing_bytes = 50;
	card.dut.cycle = 1000;
	/* the first look raises ready */
	idle(4);
	memset(&card.tx.window, 0, sizeof(card.tx.window));
	card.tx.starved = 0;
	card.tx.unused = 0;
}

Test(mac, counts_from_the_first_to_the_last_beat)
{
	const struct fantail_sim_mac *w = &card.tx.window;

	begin(false);
	idle(10);
	cr_assert_eq(w->first, 0);
	frame();
	cr_assert_eq(w->first, 1015);
	cr_assert_eq(w->last, 1016);
	idle(3);
	frame();
	/* what follows the last beat is nobody's fault */
	idle(20);
	cr_assert_eq(w->first, 1015);
	cr_assert_eq(w->last, 1021);
	cr_assert_eq(w->beats, 4);
	cr_assert_eq(w->frames, 2);
	cr_assert_eq(w->bytes, 200);
	cr_assert_eq(w->starved, 3);
	cr_assert_eq(w->blocked, 0);
	cr_assert_eq(w->unused, 0);
	cr_assert_eq(card.stats.protocol_violations, 0);
}

Test(mac, a_paced_line_that_is_kept_full)
{
	const struct fantail_sim_mac *w = &card.tx.window;
	int i;

	begin(true);
	for (i = 0; i < 100; i++)
		frame();
	cr_assert_eq(w->unused, 0);
	cr_assert_eq(w->starved, 0);
	/* 124 bytes of wire each, 50 in a cycle, 128 ahead */
	cr_assert(w->last - w->first + 1 >= 124 * 100 / 50 - 6 &&
			  w->last - w->first + 1 <= 124 * 100 / 50,
		  "%llu cycles", (unsigned long long)(w->last - w->first + 1));
	cr_assert_eq(w->blocked, w->last - w->first + 1 - w->beats);
}

Test(mac, a_paced_line_that_is_not)
{
	const struct fantail_sim_mac *w = &card.tx.window;

	begin(true);
	frame();
	/*
	 * 128 ahead, then a beat of 64 and one of 36 and 24 around it, with
	 * 50 for each cycle: 104. So 24 of the pause cost nothing.
	 */
	idle(3);
	cr_assert_eq(w->unused, 0);
	frame();
	cr_assert_eq(w->unused, 3 * 50 - 24);
	cr_assert_eq(w->starved, 3);
	idle(50);
	cr_assert_eq(w->unused, 3 * 50 - 24);
}

Test(mac, time_that_was_jumped_over)
{
	const struct fantail_sim_mac *w = &card.tx.window;

	begin(false);
	card.stats.skipped_us = 7;
	frame();
	cr_assert_eq(w->skipped_us, 0);
	card.stats.skipped_us = 12;
	cr_assert_eq(w->skipped_us, 0);
	frame();
	cr_assert_eq(w->skipped_us, 5);
}
