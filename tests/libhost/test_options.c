/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* TCP options: rows 2, 3, 4, 14, 36. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"
#include "internal.h"

static struct host h;

static bool parse(const char *bytes, size_t len, struct tcp_options *o)
{
	/* A block of its own, so that the sanitizer sees a step too far. */
	uint8_t *p = malloc(len ? len : 1);
	bool ok;

	memcpy(p, bytes, len);
	ok = tcp_parse_options(p, len, o);
	free(p);
	return ok;
}

#define PARSE(s, o) parse(s, sizeof(s) - 1, o)

Test(options, every_kind)
{
	struct tcp_options o;

	cr_assert(PARSE("\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\2\1\3\3\7", &o));
	cr_assert(o.has_mss && o.has_sack && o.has_ts && o.has_wscale);
	cr_assert_eq(o.mss, 1460);
	cr_assert_eq(o.ts_val, 1);
	cr_assert_eq(o.ts_ecr, 2);
	cr_assert_eq(o.wscale, 7);
	cr_assert(PARSE("", &o));
	cr_assert_eq(o.has_mss, false);
	cr_assert(PARSE("\1\1\1\2\4\2\30", &o), "after NOPs");
	cr_assert_eq(o.mss, 536);
	cr_assert(PARSE("\0\2\4\5\264", &o), "EOL ends it");
	cr_assert_eq(o.has_mss, false);
	/* Row 14. */
	cr_assert(PARSE("\3\3\17\0", &o));
	cr_assert_eq(o.wscale, 14);
	cr_assert(PARSE("\3\3\377\0", &o));
	cr_assert_eq(o.wscale, 14);
}

/* MUST-6: by their length, whatever they hold, first or between. */
Test(options, unknown_ones_are_skipped)
{
	struct tcp_options o;

	cr_assert(PARSE("\376\6\2\4\1\1\2\4\5\264", &o));
	cr_assert_eq(o.mss, 1460);
	cr_assert(PARSE("\42\2\2\4\5\264\36\4\0\0", &o));
	cr_assert_eq(o.mss, 1460);
	/* Known ones of a wrong length too. */
	cr_assert(PARSE("\2\3\5\3\4\1\1\10\2\4\3\0", &o));
	cr_assert(!o.has_mss && !o.has_wscale && !o.has_ts && !o.has_sack);
}

/* MUST-7: it ends, within the header, and keeps what came before. */
Test(options, bad_lengths)
{
	struct tcp_options o;

	cr_assert_not(PARSE("\2\4\5\264\376\0\3\3", &o), "zero");
	cr_assert_eq(o.mss, 1460);
	cr_assert_eq(o.has_wscale, false);
	cr_assert_not(PARSE("\376\1\2\4\5\264", &o), "one");
	cr_assert_eq(o.has_mss, false);
	cr_assert_not(PARSE("\2\4\5\264\10\12\0\0", &o), "overlong");
	cr_assert_eq(o.mss, 1460);
	cr_assert_eq(o.has_ts, false);
	cr_assert_not(PARSE("\1\1\1\2", &o), "no length at all");
	cr_assert_not(PARSE("\2\4\5", &o));
	cr_assert_eq(o.has_mss, false);
}

Test(options, arbitrary_bytes)
{
	unsigned int seed = 11;
	struct tcp_options o;
	char bytes[40];
	int i, k;

	for (i = 0; i < 200000; i++) {
		int len = (int)((unsigned int)rand_r(&seed) % 41);

		for (k = 0; k < len; k++)
			bytes[k] = (char)(rand_r(&seed) % 3 ? rand_r(&seed) % 12
							    : rand_r(&seed));
		parse(bytes, (size_t)len, &o);
		cr_assert_leq(o.wscale, 14);
	}
}

/* On the wire: the handshake goes on with what was understood. */
Test(options, a_syn_with_a_bad_option_is_answered)
{
	static const uint8_t zero[] = { 254, 0, 3, 3 };
	static const uint8_t overlong[] = { 8, 40, 0, 0 };
	static const uint8_t unknown[] = { 254, 4, 2, 9 };
	static const uint8_t *const raw[] = { zero, overlong, unknown };
	struct host_seg syn, r, ack;
	uint16_t i;

	for (i = 0; i < 3; i++) {
		host_open(&h, NULL);
		syn = host_seg(40000, HOST_SYN, 1000, 0);
		syn.mss = 1200;
		syn.raw = raw[i];
		syn.raw_len = 4;
		host_rx(&h, &syn);
		r = host_sent(&h, 0);
		cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
		cr_assert_eq(r.wscale, -1);
		cr_assert_eq(r.ts_val, -1);
		ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
		host_rx(&h, &ack);
		cr_assert_eq(h.m->context[0].mss, 1200);
		cr_assert_eq(host_stats(&h).options_bad, i < 2);
		host_close(&h);
	}
}

/* Rows 3, 36: of what we send, nothing is padding, and no SACK. */
Test(options, ours_are_whole_words)
{
	struct tcp_options o = { 0 };
	uint8_t p[40];
	int i;

	for (i = 0; i < 8; i++) {
		struct tcp_options back;
		size_t len;

		o.has_mss = i & 1;
		o.has_wscale = i & 2;
		o.has_ts = i & 4;
		o.has_sack = true;
		o.mss = 1460;
		o.wscale = 3;
		o.ts_val = 0x01020304;
		memset(p, 0xEE, sizeof(p));
		len = tcp_build_options(p, &o);
		cr_assert_eq(len % 4, 0);
		cr_assert_eq(len, (i & 1 ? 4u : 0u) + (i & 2 ? 4u : 0u) +
					  (i & 4 ? 12u : 0u));
		cr_assert(tcp_parse_options(p, len, &back));
		cr_assert_eq(back.has_sack, false);
		cr_assert_eq(back.has_mss, o.has_mss);
		cr_assert_eq(back.has_wscale, o.has_wscale);
		cr_assert_eq(back.has_ts, o.has_ts);
	}
}

/* Row 4: in the SYN-ACK, in no other segment of a handshake. */
Test(options, mss_only_in_the_synack)
{
	struct host_seg syn, r;

	host_open(&h, NULL);
	syn = host_seg(40000, HOST_SYN, 1000, 0);
	host_rx(&h, &syn);
	cr_assert_eq(host_sent(&h, 0).mss, 1460);
	syn.seq = 5;
	host_rx(&h, &syn); /* a challenge */
	r = host_sent(&h, 1);
	cr_assert_eq(r.flags, HOST_ACK);
	cr_assert_eq(r.mss, -1);
	host_close(&h);
}
