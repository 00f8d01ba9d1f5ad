/* SPDX-License-Identifier: Apache-2.0 */
/* Many peers: addresses, pacing, repetition, URIs, damaged frames. */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer_card.h"

TestSuite(peers_many, .init = setup, .fini = teardown);

Test(peers_many, answers_arp)
{
	uint8_t f[ETH_MIN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t fixed[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	int len;

	peers_cfg.count = 3;
	peers_cfg.connect_at_us = FANTAIL_NET_NEVER;
	plug();
	memcpy(f + 6, card_mac, 6);
	put16(f + 12, TYPE_ARP);
	memcpy(f + 14, fixed, 8);
	memcpy(f + 22, card_mac, 6);
	put32(f + 28, fantail_net_card_ip(net));
	put32(f + 38, 0x0a010103); /* one behind the last */
	fantail_net_send(net, f, sizeof(f), 0);
	cr_assert_eq(fantail_net_recv(net, frame, sizeof(frame), 0), 0);
	put32(f + 38, 0x0a010102);
	fantail_net_send(net, f, sizeof(f), 0);
	len = fantail_net_recv(net, frame, sizeof(frame), 0);
	cr_assert_eq(len, ETH_MIN);
	cr_assert_eq(memcmp(frame, card_mac, 6), 0);
	cr_assert_eq(get16(frame + 20), 2);
	cr_assert_eq(get32(frame + 28), 0x0a010102);
	cr_assert_eq(memcmp(frame + 22, frame + 6, 6), 0);
	cr_assert_eq(get32(frame + 38), fantail_net_card_ip(net));
}

Test(peers_many, delay_of_the_way)
{
	struct got g;

	peers_cfg.delay_us = 250;
	peers_cfg.no_arp = true;
	plug();
	cr_assert_eq(fantail_net_recv(net, frame, sizeof(frame), 0), 0);
	cr_assert_eq(fantail_net_next_event_us(net), 250);
	now = 249;
	cr_assert(!next(&g));
	now = 250;
	cr_assert(next(&g));
}

/* One run of many peers; returns a hash of every frame and its time. */
static uint64_t many(uint64_t seed, uint32_t count)
{
	struct fantail_peers_stats st;
	struct got g;
	struct seg s;
	uint64_t hash = 0, at;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t i;

	cfg.seed = seed;
	peers_cfg.count = count;
	peers_cfg.connects_per_ms = 64;
	peers_cfg.on_data = NULL;
	now = 0;
	plug();
	for (;;) {
		while (next(&g)) {
			for (i = 0; i < ETH_MIN; i++)
				hash = mix64(hash ^ frame[i] ^ now << 8);
			s = reply(&g, 0, TCP_ACK, NULL);
			if (g.flags & TCP_SYN) {
				s.flags |= TCP_SYN;
				s.seq = ISN;
				seg_ts(&s, 1, g.ts_val);
				seg_mss(&s, 1460);
				fantail_net_send(net, f, frame_build(f, &s),
						 now);
			} else if (g.ack == ISN + 1) {
				s.data = "payload";
				s.len = 7;
				seg_ts(&s, 2, g.ts_val);
				fantail_net_send(net, f, frame_build(f, &s),
						 now);
			}
		}
		at = fantail_net_next_event_us(net);
		if (at == FANTAIL_NET_NEVER)
			break;
		now = at;
	}
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.connected, count);
	cr_assert_eq(st.bytes_received, 7ull * count);
	cr_assert_eq(st.retransmits, 0);
	/* paced: the last one connects on time; then one delayed ACK */
	cr_assert_eq(now, (count - 1) * 1000ull / 64 + 40000);
	fantail_net_close(net);
	net = NULL;
	return hash;
}

Test(peers_many, thousands_repeat_from_the_seed)
{
	uint64_t a = many(1, 4096), b = many(1, 4096);

	cr_assert_eq(a, b);
	cr_assert_neq(a, many(2, 4096));
}

Test(peers_many, sixteen_thousand)
{
	many(3, 16384);
}

struct log {
	char line[256];
};

static void keep_line(void *ctx, enum fantail_net_log_level level,
		      const char *line)
{
	struct log *log = ctx;

	(void)level;
	snprintf(log->line, sizeof(log->line), "%s", line);
}

Test(peers_many, uri_parameters)
{
	struct log log = { "" };
	static const char *const bad[] = {
		"peers",
		"pears:",
		"peers:count=3",
		"peers:?count=0",
		"peers:?count=70000",
		"peers:?mss=x",
		"peers:?wscale=15",
		"peers:?nonsense=1",
		"peers:?count",
		"peers:?card_ip=1.2.3",
		"peers:?card_port=0",
		"peers:?hostfwd=:1-:2",
		"peers:?mss=8",
		"peers:?timestamps=2",
		"peers:?seed=-1",
		"",
	};
	struct got g;
	size_t i;

	cfg.log = keep_line;
	cfg.log_ctx = &log;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		log.line[0] = 0;
		cr_assert_eq(fantail_net_open(bad[i], &cfg, &net), -EINVAL,
			     "%s", bad[i]);
		cr_assert(log.line[0], "%s: no message", bad[i]);
	}
	cr_assert_eq(fantail_net_open("peers:?count=3&mss=1000&wscale=-1&"
				      "timestamps=0&buffer=2000&ack_every=1&"
				      "card_ip=10.1.9.9&card_port=80&seed=7",
				      &cfg, &net),
		     0);
	peers = fantail_net_peers(net);
	cr_assert_eq(fantail_peers_count(peers), 3);
	cr_assert(!fantail_net_is_external(net));
	cr_assert(wait_next(&g));
	cr_assert(g.has_mss && g.mss == 1000);
	cr_assert(g.wscale == -1 && !g.has_ts);
	cr_assert_eq(g.wnd, 2000);
	cr_assert_eq(g.dst, 0x0a010909);
	cr_assert_eq(g.dport, 80);
}

Test(peers_many, lengths_of_frames)
{
	struct fantail_net_stats st;
	uint8_t f[1600] = { 0 };

	plug();
	cr_assert_eq(fantail_net_send(net, f, 13, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_send(net, f, 1515, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_recv(net, f, 1513, 0), -EMSGSIZE);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	put16(f + 12, TYPE_IPV4);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	cr_assert_eq(fantail_net_send(net, f, 34, 0), 0);
	put16(f + 12, TYPE_ARP);
	cr_assert_eq(fantail_net_send(net, f, 14, 0), 0);
	fantail_net_get_stats(net, &st);
	cr_assert_eq(st.tx_bad, 2);
	cr_assert_eq(st.tx_frames, 4);
}

/* Whatever bytes come, nothing is read or written out of bounds. */
Test(peers_many, random_damage)
{
	const char *env = getenv("SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 42, r = seed;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct got g, a;
	struct seg s;
	size_t len;
	int i, n;

	quiet = true; /* the damage is on purpose */
	cr_log_info("seed %llu", (unsigned long long)seed);
	plug();
	handshake(&g, true, 0);
	for (i = 0; i < 20000; i++) {
		r = mix64(r);
		s = reply(&g, (uint32_t)(r & 15), TCP_ACK, "0123456789");
		seg_ts(&s, card_ts, 0);
		len = frame_build(f, &s);
		for (n = (int)(r >> 8 & 7); n; n--) {
			r = mix64(r);
			f[ETH_LEN + r % (len - ETH_LEN)] = (uint8_t)(r >> 16);
		}
		if (r >> 40 & 1 && (f[14] & 15) == 5 && get16(f + 16) >= 40 &&
		    get16(f + 16) <= len - ETH_LEN)
			frame_sums(f);
		if (!(r >> 41 & 7))
			len = 14 + (r >> 44) % (len - 13);
		fantail_net_send(net, f, len, now);
		fantail_wire_check_tx(check, f, len, now);
		fantail_wire_check_rx(check, f, len, now);
		while (next(&a))
			;
		received_len = 0;
	}
}
