/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The link model by itself, and between a network and its card. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "link.h"
#include "net.h"
#include "net_frame.h"

enum {
	MANY = 20000,
	LEN = 100,
};

static struct fantail_link_config cfg;
static struct fantail_link *ln;

/* A TCP frame of connection @port that carries its number. */
static void make_frame(uint8_t *f, uint16_t port, uint32_t number)
{
	uint8_t *ip = f + ETH_LEN;

	memset(f, 0, LEN);
	put16(f + 12, TYPE_IPV4);
	ip[0] = 0x45;
	put16(ip + 2, LEN - ETH_LEN);
	ip[9] = PROTO_TCP;
	put32(ip + 12, 0x0a010001);
	put32(ip + 16, 0x0a010002);
	put16(ip + 20, port);
	put32(f + LEN - 4, number);
}

static void put_on(enum fantail_link_dir dir, uint16_t port, uint32_t number,
		   uint64_t at_us)
{
	uint8_t f[LEN];

	make_frame(f, port, number);
	cr_assert_eq(fantail_link_put(ln, dir, f, LEN, at_us), 0);
}

static void put(uint32_t number, uint64_t at_us)
{
	put_on(FANTAIL_LINK_TX, 1, number, at_us);
}

/* The number of the next frame, or 0. */
static uint32_t take(uint64_t now_us)
{
	uint8_t f[LEN];

	if (!fantail_link_take(ln, FANTAIL_LINK_TX, f, sizeof(f), now_us))
		return 0;
	return get32(f + LEN - 4);
}

static struct fantail_link_way *tx(void)
{
	return &cfg.way[FANTAIL_LINK_TX];
}

static void lay(void)
{
	cr_assert_eq(fantail_link_open(&cfg, &ln), 0);
}

static struct fantail_link_stats stats(enum fantail_link_dir dir)
{
	struct fantail_link_stats s;

	fantail_link_get_stats(ln, dir, &s);
	return s;
}

static void clean(void)
{
	fantail_link_close(ln);
	ln = NULL;
}

TestSuite(link, .fini = clean, .timeout = 30);

/* Within five standard deviations of what chance gives. */
static void must_be_about(uint64_t n, double share)
{
	double mean = MANY * share, sd = mean * (1 - share), d = (double)n;

	cr_assert_leq((d - mean) * (d - mean), 25 * sd, "%.0f, not %.0f", d,
		      mean);
}

Test(link, perfect_is_nothing)
{
	cr_assert(fantail_link_is_perfect(tx()));
	lay();
	put(1, 5);
	put(2, 5);
	cr_assert_eq(fantail_link_next_us(ln, FANTAIL_LINK_TX), 5);
	cr_assert_eq(take(4), 0);
	cr_assert_eq(take(5), 1);
	cr_assert_eq(take(5), 2);
	cr_assert_eq(take(1000), 0);
	cr_assert_eq(fantail_link_next_us(ln, FANTAIL_LINK_TX),
		     FANTAIL_LINK_NEVER);
}

Test(link, loses_its_share)
{
	uint32_t i, got = 0;

	tx()->loss_ppm = 20000;
	cfg.seed = 7;
	lay();
	for (i = 1; i <= MANY; i++) {
		put(i, i);
		got += take(i) == i;
	}
	cr_assert_eq(stats(FANTAIL_LINK_TX).lost + got, MANY);
	cr_assert_eq(stats(FANTAIL_LINK_TX).arrived, got);
	must_be_about(MANY - got, 0.02);
}

Test(link, loses_all_or_the_listed)
{
	uint32_t i;

	tx()->lose[0] = (struct fantail_link_range){ 2, 2 };
	tx()->lose[1] = (struct fantail_link_range){ 5, 6 };
	tx()->lose_count = 2;
	cfg.way[FANTAIL_LINK_RX].loss_ppm = 1000000;
	lay();
	for (i = 1; i <= 8; i++)
		put(i, 0);
	for (i = 1; i <= 8; i++)
		if (i != 2 && i != 5 && i != 6)
			cr_assert_eq(take(0), i);
	cr_assert_eq(take(0), 0);
	cr_assert_eq(stats(FANTAIL_LINK_TX).listed, 3);
	put_on(FANTAIL_LINK_RX, 1, 1, 0);
	cr_assert_eq(fantail_link_next_us(ln, FANTAIL_LINK_RX),
		     FANTAIL_LINK_NEVER);
	cr_assert_eq(stats(FANTAIL_LINK_RX).lost, 1);
}

/* The same seed does the same, whatever else is set; another one does not. */
Test(link, repeats_from_its_seed)
{
	uint8_t lost[3][MANY / 10];
	uint32_t i;
	int run;

	for (run = 0; run < 3; run++) {
		cfg.seed = run == 2 ? 2 : 1;
		tx()->loss_ppm = 100000;
		tx()->delay_us = run == 1 ? 500 : 0;
		tx()->corrupt_ppm = run == 1 ? 10000 : 0;
		lay();
		memset(lost[run], 1, sizeof(lost[run]));
		for (i = 0; i < MANY / 10; i++) {
			uint64_t before = stats(FANTAIL_LINK_TX).lost;

			put(i + 1, i);
			lost[run][i] = stats(FANTAIL_LINK_TX).lost != before;
		}
		clean();
	}
	cr_assert_arr_eq(lost[0], lost[1], sizeof(lost[0]));
	cr_assert_arr_neq(lost[0], lost[2], sizeof(lost[0]));
}

/* What is lost in one direction says nothing about the other. */
Test(link, directions_are_apart)
{
	uint64_t both = 0;
	uint32_t i;

	cfg.way[0].loss_ppm = cfg.way[1].loss_ppm = 100000;
	lay();
	for (i = 1; i <= MANY; i++) {
		uint64_t before[2] = { stats(0).lost, stats(1).lost };

		put_on(FANTAIL_LINK_TX, 1, i, 0);
		put_on(FANTAIL_LINK_RX, 1, i, 0);
		both += stats(0).lost != before[0] &&
			stats(1).lost != before[1];
	}
	must_be_about(both, 0.01);
}

Test(link, duplicates_follow_at_once)
{
	uint32_t i, n, twice = 0;

	tx()->dup_ppm = 10000;
	lay();
	for (i = 1; i <= MANY; i++) {
		put(i, i);
		cr_assert_eq(take(i), i);
		while ((n = take(i))) {
			cr_assert_eq(n, i);
			twice++;
		}
	}
	cr_assert_eq(stats(FANTAIL_LINK_TX).duplicated, twice);
	must_be_about(twice, 0.01);
}

static unsigned int bits_that_differ(const uint8_t *a, const uint8_t *b)
{
	unsigned int n = 0, i;

	for (i = 0; i < LEN; i++)
		n += (unsigned int)__builtin_popcount(a[i] ^ b[i]);
	return n;
}

/* One bit, not in the Ethernet header, and each byte is hit some day. */
Test(link, corrupts_one_bit_inside_the_packet)
{
	uint8_t sent[LEN], got[LEN];
	uint32_t i, j, hits[LEN] = { 0 };

	tx()->corrupt_ppm = 1000000;
	lay();
	make_frame(sent, 1, 1);
	for (i = 0; i < MANY; i++) {
		cr_assert_eq(
			fantail_link_put(ln, FANTAIL_LINK_TX, sent, LEN, 0), 0);
		cr_assert_eq(fantail_link_take(ln, FANTAIL_LINK_TX, got,
					       sizeof(got), 0),
			     LEN);
		cr_assert_eq(bits_that_differ(sent, got), 1);
		for (j = 0; j < LEN; j++)
			hits[j] += sent[j] != got[j];
	}
	for (j = 0; j < LEN; j++)
		cr_assert_eq(hits[j] > 0, j >= ETH_LEN, "byte %u", j);
	cr_assert_eq(stats(FANTAIL_LINK_TX).corrupted, MANY);
}

/* ARP has no checksum: a card's FCS would have thrown it away. */
Test(link, corrupted_arp_is_discarded)
{
	uint8_t f[ETH_MIN] = { 0 };

	tx()->corrupt_ppm = 1000000;
	lay();
	put16(f + 12, TYPE_ARP);
	cr_assert_eq(fantail_link_put(ln, FANTAIL_LINK_TX, f, sizeof(f), 0), 0);
	cr_assert_eq(take(1000000), 0);
	cr_assert_eq(stats(FANTAIL_LINK_TX).discarded, 1);
	cr_assert_eq(stats(FANTAIL_LINK_TX).corrupted, 0);
}

Test(link, delays_and_jitter_keep_the_order)
{
	uint64_t now = 0, next, last = 0;
	uint64_t sum = 0;
	uint32_t i;

	tx()->delay_us = 20000;
	tx()->jitter_us = 1000;
	lay();
	for (i = 1; i <= MANY / 10; i++)
		put(i, i * 10000ULL);
	for (i = 1; i <= MANY / 10; i++) {
		next = fantail_link_next_us(ln, FANTAIL_LINK_TX);
		cr_assert_geq(next, last);
		cr_assert_geq(next, i * 10000ULL + 20000);
		cr_assert_leq(next, i * 10000ULL + 21000);
		cr_assert_eq(take(next - 1), 0);
		now = last = next;
		cr_assert_eq(take(now), i);
		sum += next - i * 10000ULL - 20000;
	}
	cr_assert_geq(sum / (MANY / 10), 450);
	cr_assert_leq(sum / (MANY / 10), 550);
	/* closely behind each other they bunch, but none overtakes */
	for (i = 1; i <= 1000; i++)
		put(i, 100000000);
	for (i = 1; i <= 1000; i++)
		cr_assert_eq(take(200000000), i);
}

/* Exactly those three of its connection overtake, whatever others do. */
Test(link, reordering_by_frames)
{
	tx()->reorder_ppm = 1000000;
	tx()->reorder_frames = 3;
	tx()->delay_us = 100;
	lay();
	put(1, 0);
	cr_assert_eq(fantail_link_next_us(ln, FANTAIL_LINK_TX), 20100);
	clean();

	/* find a seed that holds back the first frame only */
	tx()->reorder_ppm = 300000;
	for (cfg.seed = 1;; cfg.seed++) {
		uint32_t i;

		lay();
		for (i = 1; i <= 8; i++)
			put_on(FANTAIL_LINK_TX, i % 2, i, i);
		if (stats(FANTAIL_LINK_TX).reordered == 1 && take(101) == 0)
			break;
		clean();
	}
	cr_assert_eq(take(200), 2);
	cr_assert_eq(take(200), 3);
	cr_assert_eq(take(200), 4);
	cr_assert_eq(take(200), 5);
	cr_assert_eq(take(200), 6);
	cr_assert_eq(take(200), 7);
	cr_assert_eq(take(200), 1);
	cr_assert_eq(take(200), 8);
	cr_assert_eq(take(UINT64_MAX - 1), 0);
}

/* Nobody comes behind it: it is late, not lost. */
Test(link, held_back_ends_by_time)
{
	tx()->reorder_ppm = 1000000;
	tx()->reorder_us = 5000;
	lay();
	put(1, 0);
	cr_assert_eq(take(4999), 0);
	cr_assert_eq(take(5000), 1);
	clean();
	tx()->reorder_us = 0;
	lay();
	put(1, 0);
	cr_assert_eq(take(19999), 0);
	cr_assert_eq(take(20000), 1);
	cr_assert_eq(stats(FANTAIL_LINK_TX).reordered, 1);
}

/* 100 bytes at 1 Mbit/s are 800 us. */
Test(link, rate_spaces_frames)
{
	uint32_t i;

	tx()->rate_bps = 1000000;
	tx()->delay_us = 50;
	lay();
	for (i = 1; i <= 10; i++)
		put(i, 1000);
	for (i = 1; i <= 10; i++) {
		cr_assert_eq(take(1050 + 800 * i - 1), 0);
		cr_assert_eq(take(1050 + 800 * i), i);
	}
}

Test(link, queue_overflows)
{
	uint32_t i;

	tx()->rate_bps = 1000000;
	tx()->queue_bytes = 350;
	lay();
	for (i = 1; i <= 10; i++)
		put(i, 0);
	/* one leaves at once, the others wait behind its 100 bytes */
	cr_assert_eq(stats(FANTAIL_LINK_TX).overflow, 7);
	for (i = 1; i <= 3; i++)
		cr_assert_eq(take(10000), i);
	cr_assert_eq(take(10000), 0);
	/* room again once they are out */
	put(11, 10000);
	cr_assert_eq(take(10800), 11);
}

Test(link, bounded_memory)
{
	uint8_t f[LEN];

	cfg.frames_max = 2;
	tx()->delay_us = 10;
	lay();
	put(1, 0);
	put(2, 0);
	make_frame(f, 1, 3);
	cr_assert_eq(fantail_link_put(ln, FANTAIL_LINK_TX, f, LEN, 0), -ENOMEM);
	cr_assert_eq(stats(FANTAIL_LINK_TX).overflow, 1);
}

/* --------------------------------------------------------------- settings */

static int set(const char *name, const char *value)
{
	const char *must = NULL;
	int rc = fantail_link_set(tx(), name, value, &must);

	cr_assert(rc != -EINVAL || must, "%s", name);
	return rc;
}

Test(link, settings_from_text)
{
	const struct fantail_link_way *w = tx();

	cr_assert_eq(set("loss", "2%"), 0);
	cr_assert_eq(set("dup", "0.0001%"), 0);
	cr_assert_eq(set("reorder", "100%"), 0);
	cr_assert_eq(set("corrupt", "0"), 0);
	cr_assert_eq(set("delay", "20ms"), 0);
	cr_assert_eq(set("jitter", "1.5MS"), 0);
	cr_assert_eq(set("rate", "2.5gbit"), 0);
	cr_assert_eq(set("queue", "64k"), 0);
	cr_assert_eq(set("lose", "3,7-9"), 0);
	cr_assert_eq(set("reorder-gap", "5"), 0);
	cr_assert_eq(w->loss_ppm, 20000);
	cr_assert_eq(w->dup_ppm, 1);
	cr_assert_eq(w->reorder_ppm, 1000000);
	cr_assert_eq(w->delay_us, 20000);
	cr_assert_eq(w->jitter_us, 1500);
	cr_assert_eq(w->rate_bps, 2500000000u);
	cr_assert_eq(w->queue_bytes, 64000);
	cr_assert_eq(w->lose_count, 2);
	cr_assert_eq(w->lose[1].first, 7);
	cr_assert_eq(w->lose[1].last, 9);
	cr_assert_eq(w->reorder_frames, 5);
	cr_assert_eq(set("reorder-gap", "5ms"), 0);
	cr_assert_eq(w->reorder_frames, 0);
	cr_assert_eq(w->reorder_us, 5000);
	lay();
}

Test(link, bad_settings_change_nothing)
{
	static const char *const bad[][2] = {
		{ "loss", "2" },
		{ "loss", "100.1%" },
		{ "loss", "-1%" },
		{ "loss", "" },
		{ "loss", "2%%" },
		{ "loss", "nan%" },
		{ "loss", "0.00000001%" },
		{ "dup", "1e1%" },
		{ "delay", "20" },
		{ "delay", "10001ms" },
		{ "delay", "0x10ms" },
		{ "jitter", "5 ms" },
		{ "jitter", "5mss" },
		{ "rate", "10" },
		{ "rate", "0" },
		{ "rate", "2tbit" },
		{ "queue", "0" },
		{ "queue", "2g" },
		{ "lose", "" },
		{ "lose", "0" },
		{ "lose", "3-2" },
		{ "lose", "3," },
		{ "lose", "a" },
		{ "reorder-gap", "1001" },
		{ "reorder-gap", "0" },
		{ "reorder-gap", "1.5" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(set(bad[i][0], bad[i][1]), -EINVAL, "%s=%s",
			     bad[i][0], bad[i][1]);
		cr_assert(fantail_link_is_perfect(tx()), "%s=%s", bad[i][0],
			  bad[i][1]);
	}
	cr_assert_eq(set("speed", "1"), -ENOENT);
}

Test(link, values_out_of_range_are_refused)
{
	tx()->loss_ppm = 1000001;
	cr_assert_eq(fantail_link_open(&cfg, &ln), -EINVAL);
	tx()->loss_ppm = 0;
	tx()->rate_bps = 999;
	cr_assert_eq(fantail_link_open(&cfg, &ln), -EINVAL);
	tx()->rate_bps = 0;
	tx()->lose_count = 1;
	cr_assert_eq(fantail_link_open(&cfg, &ln), -EINVAL);
}

/* ---------------------------------------------------------- in a network */

static unsigned int heard;

static void on_frame(void *ctx, const uint8_t *frame, size_t len,
		     uint64_t now_us)
{
	(void)ctx;
	(void)frame;
	(void)len;
	cr_assert_eq(now_us, 120);
	heard++;
}

/* Both directions, by URI; the event is told, and short frames are padded. */
Test(link, between_network_and_card)
{
	struct fantail_link_stats to, from;
	uint8_t f[FANTAIL_NET_FRAME_MAX] = { 0 };
	struct fantail_net_config nc;
	struct fantail_net *net;

	fantail_net_config_default(&nc);
	nc.frame = on_frame;
	cr_assert_eq(fantail_net_open("script:?tx.delay=20us&rx.delay=30us"
				      "&rx.lose=2",
				      &nc, &net),
		     0);
	fantail_net_send(net, f, 100, 100);
	cr_assert_eq(heard, 0);
	cr_assert_eq(fantail_net_next_event_us(net), 120);
	cr_assert_eq(fantail_net_recv(net, f, sizeof(f), 120), 0);
	cr_assert_eq(heard, 1);
	cr_assert_eq(fantail_net_inject(net, f, 20, 0), 0);
	cr_assert_eq(fantail_net_inject(net, f, 20, 0), 0);
	cr_assert_eq(fantail_net_next_event_us(net), 150);
	cr_assert_eq(fantail_net_recv(net, f, sizeof(f), 149), 0);
	cr_assert_eq(fantail_net_recv(net, f, sizeof(f), 150), ETH_MIN);
	cr_assert_eq(fantail_net_recv(net, f, sizeof(f), 1000), 0);
	cr_assert(fantail_net_link_stats(net, &from, &to));
	cr_assert_eq(from.frames, 1);
	cr_assert_eq(to.frames, 2);
	cr_assert_eq(to.listed, 1);
	fantail_net_close(net);

	cr_assert_eq(fantail_net_open("script:?loss=101%", &nc, &net), -EINVAL);
	cr_assert_eq(fantail_net_open("script:?tx.speed=1", &nc, &net),
		     -EINVAL);
	cr_assert_eq(fantail_net_open("script:", &nc, &net), 0);
	cr_assert_not(fantail_net_link_stats(net, &from, &to));
	fantail_net_close(net);
}
