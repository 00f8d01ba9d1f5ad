/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* SYN cookies: row 10, RFC 4987 3.6. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"
#include "internal.h"

static struct host h;
static int warned;

static void on_log(void *ctx, enum fantail_log_level level, const char *line)
{
	(void)ctx;
	if (level == FANTAIL_LOG_WARN && strstr(line, "SYN cookies"))
		warned++;
}

static struct host_seg greet(const struct host_seg *syn)
{
	uint32_t n = h.m->frames;

	cr_assert_eq(host_rx(&h, syn), 0);
	cr_assert_eq(h.m->frames, n + 1, "one answer");
	return host_sent(&h, n);
}

/* A backlog of four, full. */
static void flood(const struct fantail_options *opt)
{
	struct host_seg syn;
	uint16_t i;

	host_open(&h, opt);
	h.m->now_us = 64000000ull * 16; /* a period begins */
	for (i = 0; i < 4; i++) {
		syn = host_seg(30000 + i, HOST_SYN, 1, 0);
		greet(&syn);
	}
}

Test(cookie, state_is_bounded_and_clients_get_in)
{
	struct fantail_options opt = { .log = on_log };
	struct host_seg syn, r, ack;
	uint64_t timer;
	int i;

	warned = 0;
	flood(&opt);
	timer = fantail_next_timer_us(h.f);
	for (i = 0; i < 5000; i++) {
		syn = host_seg((uint16_t)(31000 + i), HOST_SYN, 99, 0);
		syn.src_ip = HOST_PEER + 1;
		r = greet(&syn);
		cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
		cr_assert_eq(r.ack, 100);
	}
	cr_assert_eq(host_stats(&h).handshakes, 4);
	cr_assert_eq(host_stats(&h).cookies_sent, 5000);
	cr_assert_eq(fantail_next_timer_us(h.f), timer, "no timer either");
	cr_assert_eq(warned, 1);
	for (i = 0; i < 10; i++) {
		syn = host_seg((uint16_t)(50000 + i), HOST_SYN, 1000, 0);
		r = greet(&syn);
		h.m->now_us += 30000;
		ack = host_seg((uint16_t)(50000 + i), HOST_ACK, 1001,
			       r.seq + 1);
		host_rx(&h, &ack);
		host_poll(&h);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ACCEPT);
		cr_assert_eq(h.ev[0].u.accept.listener, h.listener);
		cr_assert_eq(h.m->context[i].snd_nxt, r.seq + 1);
		cr_assert_eq(h.m->context[i].rcv_nxt, 1001);
	}
	cr_assert_eq(host_stats(&h).cookies_accepted, 10);
	cr_assert_eq(host_stats(&h).handshakes, 4, "those wait on");
	host_close(&h);
}

/* Every mix of options: what was kept, and rounded down to what. */
Test(cookie, options_survive)
{
	static const int mss[][2] = { { -1, 536 },    { 0, 536 },
				      { 40, 64 },     { 536, 536 },
				      { 1000, 536 },  { 1399, 1300 },
				      { 1400, 1400 }, { 1460, 1460 },
				      { 9000, 1460 } };
	static const int wscale[] = { -1, 0, 7, 14, 200 };
	struct fantail_options opt = { .rcv_credit = 300000 };
	size_t a, b;
	int ts;

	for (a = 0; a < sizeof(mss) / sizeof(mss[0]); a++)
		for (b = 0; b < 5; b++)
			for (ts = 0; ts < 2; ts++) {
				struct host_seg syn, r, ack;
				const struct fantail_context *x;
				bool ws = ts && wscale[b] >= 0;
				int shift = wscale[b] > 14 ? 14 : wscale[b];
				uint32_t want = (uint32_t)mss[a][1];

				flood(&opt);
				h.m->now_us += a * 1000 + b;
				syn = host_seg(40000, HOST_SYN, 0xFFFFFFFF, 0);
				syn.mss = mss[a][0];
				syn.wscale = wscale[b];
				syn.ts_val = ts ? 77 : -1;
				r = greet(&syn);
				cr_assert_eq(r.mss, 1460);
				cr_assert_eq(r.wscale, ws ? 3 : -1);
				cr_assert_eq(r.ts_val >= 0, ts);
				cr_assert_eq(r.sack_permitted, 0, "row 36");
				cr_assert_eq(r.wnd, 65535, "row 14");
				h.m->now_us += 1000000;
				ack = host_seg(40000, HOST_ACK, 0, r.seq + 1);
				ack.ts_val = ts ? 79 : -1;
				ack.ts_ecr = ts ? r.ts_val : 0;
				host_rx(&h, &ack);
				cr_assert(h.m->installed[0]);
				x = &h.m->context[0];
				if (ts)
					want = want > 76 ? want - 12 : 64;
				cr_assert_eq(x->mss, want);
				cr_assert_eq(x->snd_wscale, ws ? shift : 0);
				cr_assert_eq(x->snd_wnd,
					     5000u << (ws ? shift : 0));
				cr_assert_eq(x->rcv_wscale, ws ? 3 : 0);
				cr_assert_eq(x->rcv_credit,
					     ws ? 300000 : 65535);
				cr_assert_eq(x->flags & 1, (uint32_t)ts);
				cr_assert_eq(x->ts_recent, ts ? 79u : 0u);
				cr_assert_eq(x->rcv_nxt, 0, "wrapped");
				if (ts)
					/* the card's clock is not behind */
					cr_assert_leq(
						(uint32_t)(h.m->now_us / 1000 -
							   1000) +
							x->ts_offset -
							(uint32_t)r.ts_val,
						31u);
				host_close(&h);
			}
}

/* The bits that nobody uses yet come back too. */
Test(cookie, sack_is_remembered)
{
	struct segment syn = { .ip = HOST_PEER, .port = 5, .local_port = 7 };
	struct cookie c = { .mss = 1460, .wscale = 9, .timestamps = true };
	struct segment ack = syn;
	struct cookie back;
	uint32_t iss, ts;
	int sack;

	host_open(&h, NULL);
	for (sack = 0; sack < 2; sack++) {
		c.sack = sack;
		cookie_make(h.f, &syn, &c, 1000, 12345, &iss, &ts);
		cr_assert_leq(12345 - ts, 31u);
		ack.seq = syn.seq + 1;
		ack.ack = iss + 1;
		ack.opt.has_ts = true;
		ack.opt.ts_ecr = ts;
		cr_assert(cookie_check(h.f, &ack, 2000, &back));
		cr_assert_eq(back.sack, sack);
		cr_assert_eq(back.wscale, 9);
		cr_assert_eq(back.mss, 1460);
	}
	host_close(&h);
}

static void expect_reset(struct host_seg ack)
{
	struct host_seg r = greet(&ack);

	cr_assert_eq(r.flags, HOST_RST);
	cr_assert_eq(r.seq, ack.ack);
	cr_assert_eq(h.m->installed[0], false);
}

Test(cookie, forgeries_are_reset)
{
	struct host_seg syn, r, ack, bad;
	int bit;

	flood(NULL);
	syn = host_seg(40000, HOST_SYN, 1000, 0);
	syn.mss = 1460;
	syn.wscale = 3;
	syn.ts_val = 1;
	r = greet(&syn);
	ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
	ack.ts_val = 2;
	ack.ts_ecr = r.ts_val;
	for (bit = 0; bit < 32; bit++) {
		bad = ack;
		bad.ack = (r.seq ^ (1u << bit)) + 1;
		expect_reset(bad);
		bad = ack;
		bad.seq ^= 1u << bit;
		expect_reset(bad);
	}
	for (bit = 0; bit < 5; bit++) {
		bad = ack;
		bad.ts_ecr ^= 1 << bit; /* another scale, another SACK */
		expect_reset(bad);
	}
	bad = ack;
	bad.ts_val = -1;
	expect_reset(bad);
	bad = ack;
	bad.src_port++;
	expect_reset(bad);
	bad = ack;
	bad.src_ip++;
	expect_reset(bad);
	bad = ack;
	bad.flags |= HOST_SYN;
	expect_reset(bad);
	cr_assert_geq(host_stats(&h).cookies_bad, 70);
	/* and the real one */
	host_rx(&h, &ack);
	cr_assert(h.m->installed[0]);
	host_close(&h);
}

/* Good in its period and the next; again 8 periods later it is not. */
Test(cookie, grows_old)
{
	static const struct {
		uint64_t later;
		bool good;
	} rows[] = { { 0, true },
		     { 63999999, true },
		     { 127999999, true },
		     { 128000000, false },
		     { 64000000ull * 8, false } };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_seg syn, r, ack;

		flood(NULL);
		syn = host_seg(40000, HOST_SYN, 1000, 0);
		r = greet(&syn);
		h.m->now_us += rows[i].later;
		/* others still come, so ACKs are still looked at */
		if (rows[i].later) {
			struct fantail_listener *l;

			cr_assert_eq(fantail_listen(h.f, 1, 1, &l), 0);
			syn = host_seg(1, HOST_SYN, 0, 0);
			syn.dst_port = 1;
			host_rx(&h, &syn);
			syn.src_port = 2;
			host_rx(&h, &syn);
		}
		ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
		host_rx(&h, &ack);
		cr_assert_eq(h.m->installed[0], rows[i].good, "row %zu", i);
		host_close(&h);
	}
}

/* Who was never flooded believes no cookie, however good. */
Test(cookie, none_expected_none_taken)
{
	static const uint8_t key[16] = "not a secret key";
	struct fantail_options opt = { .isn_key = key };
	struct host_seg syn, r, ack;

	flood(&opt);
	syn = host_seg(40000, HOST_SYN, 1000, 0);
	r = greet(&syn);
	host_close(&h);
	host_open(&h, &opt);
	h.m->now_us = 64000000ull * 16; /* the same moment */
	ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
	expect_reset(ack);
	cr_assert_eq(host_stats(&h).cookies_bad, 0, "not even looked at");
	host_close(&h);
}

/* Data on the ACK, and the data behind it, are run through the card. */
Test(cookie, data_with_the_ack)
{
	struct host_seg syn, r, ack;

	flood(NULL);
	syn = host_seg(40000, HOST_SYN, 1000, 0);
	r = greet(&syn);
	ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
	ack.data = "GET /";
	host_rx(&h, &ack);
	cr_assert(h.m->installed[0]);
	cr_assert_eq(h.m->injected, 1);
	host_close(&h);
}

/* No connection left: no promise is made; one left, it is kept. */
Test(cookie, only_while_the_card_has_room)
{
	struct host_seg syn, r, ack;
	uint16_t i;

	host_open(&h, NULL);
	for (i = 0; i < MOCK_CONNS - 1; i++)
		host_accept(&h, 40000 + i);
	syn = host_seg(50000, HOST_SYN, 1000, 0);
	greet(&syn); /* has the last one in reserve */
	syn = host_seg(50001, HOST_SYN, 1000, 0);
	r = greet(&syn); /* a cookie: who comes first gets it */
	ack = host_seg(50001, HOST_ACK, 1001, r.seq + 1);
	host_rx(&h, &ack);
	cr_assert(h.m->installed[MOCK_CONNS - 1]);
	host_poll(&h);
	i = (uint16_t)h.m->frames;
	syn = host_seg(50002, HOST_SYN, 1000, 0);
	host_rx(&h, &syn);
	cr_assert_eq(h.m->frames, i);
	cr_assert_eq(host_stats(&h).syn_dropped, 1);
	cr_assert_eq(host_stats(&h).open, MOCK_CONNS);
	host_close(&h);
}
