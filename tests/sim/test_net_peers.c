/* SPDX-License-Identifier: Apache-2.0 */
/* One peer against a scripted card. */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>

#include "peer_card.h"

TestSuite(peers, .init = setup, .fini = teardown);

Test(peers, options_of_the_syn)
{
	struct got g;

	plug();
	cr_assert(wait_next(&g));
	cr_assert(g.has_mss && g.mss == 1460);
	cr_assert_eq(g.wscale, 7);
	cr_assert(g.has_ts);
	cr_assert_eq(g.src, 0x0a010100);
	cr_assert_eq(g.dst, 0x0a010001);
}

Test(peers, syn_without_options_and_retransmission)
{
	struct got g, again;
	int n;

	peers_cfg.options.mss = 0;
	peers_cfg.options.wscale = -1;
	peers_cfg.options.timestamps = false;
	peers_cfg.options.retries = 3;
	plug();
	cr_assert(wait_next(&g));
	cr_assert(!g.has_mss && !g.has_ts && g.wscale == -1);
	for (n = 0; wait_next(&again); n++) {
		cr_assert_eq(again.seq, g.seq);
		cr_assert_eq(now, 1000000u * ((2u << n) - 1));
	}
	cr_assert_eq(n, 3);
	cr_assert_eq(events[FANTAIL_PEER_EV_TIMED_OUT], 1);
	cr_assert_eq(info().state, FANTAIL_PEER_FAILED);
}

/* The card's SYN to port 80, from a port that peers do not connect to. */
static struct seg card_syn(void)
{
	struct seg s = {
		.src = 0x0a010001,
		.dst = 0x0a010100,
		.sport = 50000,
		.dport = 80,
		.seq = ISN,
		.flags = TCP_SYN,
	};

	seg_mss(&s, 1460);
	return s;
}

Test(peers, listens)
{
	struct got g, again;
	struct seg s = card_syn();

	peers_cfg.connect_at_us = FANTAIL_NET_NEVER;
	peers_cfg.options.sack_permitted = true;
	plug();
	cr_assert_eq(fantail_peer_listen(peers, 1, 80), -EINVAL);
	cr_assert_eq(fantail_peer_listen(peers, 0, 0), -EINVAL);
	send_seg(&s);
	cr_assert(next(&g), "nobody listens");
	cr_assert_eq(g.flags, TCP_RST | TCP_ACK);
	cr_assert_eq(g.dport, 50000);
	cr_assert_eq(g.ack, ISN + 1);
	cr_assert_eq(fantail_peer_listen(peers, 0, 80), 0);
	send_seg(&s);
	cr_assert(next(&g));
	cr_assert_eq(g.flags, TCP_SYN | TCP_ACK);
	cr_assert_eq(g.sport, 80);
	cr_assert_eq(g.dport, 50000);
	cr_assert_eq(g.ack, ISN + 1);
	cr_assert(!g.has_ts && g.wscale == -1, "neither was offered");
	cr_assert_eq(g.mss, 1460);
	cr_assert_eq(info().state, FANTAIL_PEER_SYN_RECEIVED);
	cr_assert_eq(fantail_peer_listen(peers, 0, 81), -EISCONN);
	/* lost: the SYN is repeated, and the SYN-ACK by itself */
	send_seg(&s);
	cr_assert(next(&again));
	cr_assert_eq(again.seq, g.seq);
	cr_assert(wait_next(&again));
	cr_assert_eq(now, 1000000);
	cr_assert_eq(again.seq, g.seq);
	cr_assert_eq(events[FANTAIL_PEER_EV_CONNECTED], 0);
	send_data(&g, 0, 0, "hello");
	cr_assert_eq(events[FANTAIL_PEER_EV_CONNECTED], 1);
	expect_received("hello");
	cr_assert_eq(fantail_peer_send(peers, 0, "answer", 6), 0);
	cr_assert(next(&g));
	cr_assert_eq(g.len, 6);
	cr_assert_eq(g.dport, 50000);
	cr_assert_eq(g.ack, ISN + 6);
	send_data(&g, 5, TCP_FIN, NULL);
	cr_assert(next(&g));
	cr_assert_eq(events[FANTAIL_PEER_EV_FIN], 1);
	cr_assert_eq(fantail_peer_shutdown(peers, 0), 0);
	cr_assert(next(&g));
	cr_assert(g.flags & TCP_FIN);
	send_data(&g, 6, 0, NULL);
	cr_assert_eq(events[FANTAIL_PEER_EV_CLOSED], 1);
	cr_assert_eq(fantail_peer_listen(peers, 0, 80), 0);
}

Test(peers, listening_options_and_ends)
{
	struct got g;
	struct seg s = card_syn();

	peers_cfg.connect_at_us = FANTAIL_NET_NEVER;
	peers_cfg.options.retries = 2;
	plug();
	seg_ts(&s, 77, 0);
	seg_wscale(&s, 3);
	cr_assert_eq(fantail_peer_listen(peers, 0, 80), 0);
	send_seg(&s);
	cr_assert(next(&g));
	cr_assert(g.has_ts && g.ts_ecr == 77);
	cr_assert_eq(g.wscale, 7);
	/* a RST: it listens on */
	s = reply(&g, 0, TCP_RST | TCP_ACK, NULL);
	send_seg(&s);
	cr_assert_eq(info().state, FANTAIL_PEER_LISTENING);
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	/* nobody answers: it gives up */
	s = card_syn();
	send_seg(&s);
	while (wait_next(&g))
		cr_assert_eq(g.flags, TCP_SYN | TCP_ACK);
	cr_assert_eq(now, 1000000 + 2000000 + 4000000);
	cr_assert_eq(events[FANTAIL_PEER_EV_TIMED_OUT], 1);
	cr_assert_eq(events[FANTAIL_PEER_EV_CONNECTED], 0);
	/* and connects as before */
	cr_assert_eq(fantail_peer_connect(peers, 0, now), 0);
	events[FANTAIL_PEER_EV_CONNECTED] = 0;
	handshake(&g, false, -1);
}

Test(peers, delayed_ack_and_every_second_segment)
{
	struct got g, a;
	uint64_t start;

	plug();
	handshake(&g, true, 0);
	start = now;
	card_ts = 100;
	send_data(&g, 0, 0, "abc");
	cr_assert(!next(&a), "the first segment is not acknowledged at once");
	cr_assert(wait_next(&a));
	cr_assert_eq(now - start, 40000);
	cr_assert_eq(a.ack, ISN + 4);
	cr_assert_eq(a.ts_ecr, 100);
	send_data(&g, 3, 0, "def");
	card_ts++;
	send_data(&g, 6, TCP_PSH, "ghi");
	cr_assert(next(&a), "the second one is");
	cr_assert_eq(a.ack, ISN + 10);
	cr_assert_eq(a.ts_ecr, 100, "RFC 7323: of the first unacknowledged");
	cr_assert(!next(&a));
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	expect_received("abcdefghi");
	cr_assert_eq(info().acks_sent, 3);
}

Test(peers, hole_gives_duplicate_acks_then_all)
{
	struct got g, a;
	int i;

	peers_cfg.options.ack_every = 1;
	plug();
	handshake(&g, true, 0);
	/* build in order for the checker, lose the first on the way */
	{
		struct seg s = reply(&g, 0, TCP_ACK, "123");
		uint8_t f[FANTAIL_NET_FRAME_MAX];

		seg_ts(&s, card_ts, 0);
		fantail_wire_check_tx(check, f, frame_build(f, &s), now);
	}
	for (i = 1; i < 4; i++) {
		send_data(&g, 3u * (unsigned int)i, 0, "456789abc" + 3 * i - 3);
		cr_assert(next(&a));
		cr_assert_eq(a.ack, ISN + 1);
		cr_assert_eq(a.wnd, g.wnd, "a duplicate: same window");
		cr_assert_eq(a.len, 0);
	}
	cr_assert_eq(received_len, 0);
	send_data(&g, 0, 0, "123");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 13);
	cr_assert(!next(&a));
	expect_received("123456789abc");
	cr_assert_eq(info().dup_acks_sent, 3);
	cr_assert_eq(info().out_of_order, 3);
	/* an old segment is acknowledged at once and not delivered */
	send_data(&g, 0, 0, "123");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 13);
	cr_assert_eq(info().duplicates, 1);
	expect_received("123456789abc");
	/* half old, half new */
	send_data(&g, 9, 0, "abcdef");
	cr_assert(next(&a));
	expect_received("123456789abcdef");
}

Test(peers, out_of_order_is_dropped_without_reassembly)
{
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];

	peers_cfg.options.reassembly = 0;
	peers_cfg.options.timestamps = false;
	plug();
	handshake(&g, false, 0);
	s = reply(&g, 0, TCP_ACK, "abc");
	fantail_wire_check_tx(check, f, frame_build(f, &s), now);
	send_data(&g, 3, 0, "def");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1);
	send_data(&g, 0, 0, "abc");
	cr_assert(wait_next(&a));
	cr_assert_eq(a.ack, ISN + 4);
	expect_received("abc");
}

/* Paused, the window closes to the byte and never moves left. */
Test(peers, pause_closes_the_window_and_resume_opens_it)
{
	static char data[1001];
	struct got g, a;
	uint32_t at = 0, edge;

	memset(data, 'x', 1000);
	peers_cfg.options.buffer = 5000;
	peers_cfg.options.wscale = 3;
	peers_cfg.options.ack_every = 1;
	plug();
	handshake(&g, true, 2);
	edge = g.ack + (g.wnd << 3);
	cr_assert_eq(edge, ISN + 1 + 5000);
	cr_assert_eq(fantail_peer_pause(peers, 0), 0);
	for (; at < 5000; at += 1000) {
		send_data(&g, at, 0, data);
		cr_assert(next(&a));
		cr_assert_eq(a.ack + (a.wnd << 3), edge);
	}
	cr_assert_eq(a.wnd, 0);
	/* a probe is refused, with an ACK */
	data[1] = 0;
	send_data(&g, at, 0, data);
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1 + 5000);
	cr_assert_eq(received_len, 5000);
	/* less than a useful step keeps it closed */
	cr_assert_eq(fantail_peer_consume(peers, 0, 100), 100);
	cr_assert(!next(&a));
	cr_assert_eq(fantail_peer_consume(peers, 0, 1900), 1900);
	cr_assert(next(&a), "window update");
	cr_assert_eq(a.wnd << 3, 2000);
	cr_assert_eq(fantail_peer_resume(peers, 0), 0);
	cr_assert(next(&a));
	cr_assert_eq(a.wnd << 3, 5000);
	send_data(&g, at, 0, data);
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 1 + 5001);
}

Test(peers, payload_beyond_the_window_is_counted)
{
	struct fantail_peers_stats st;
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];

	peers_cfg.options.buffer = 4;
	peers_cfg.options.wscale = -1;
	peers_cfg.options.timestamps = false;
	plug();
	handshake(&g, false, -1);
	quiet = true;
	s = reply(&g, 0, TCP_ACK, "abcdef");
	cr_assert_eq(fantail_wire_check_tx(check, f, frame_build(f, &s), 0), 1);
	fantail_net_send(net, f, frame_build(f, &s), now);
	cr_assert(wait_next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	expect_received("abcd");
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.beyond_window, 1);
}

Test(peers, bad_checksums_are_counted_and_not_delivered)
{
	struct fantail_peers_stats st;
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len;

	plug();
	handshake(&g, true, 0);
	s = reply(&g, 0, TCP_ACK, "abcdef");
	seg_ts(&s, card_ts, 0);
	len = frame_build(f, &s);
	f[len - 1] ^= 0x10;
	fantail_net_send(net, f, len, now);
	f[len - 1] ^= 0x10;
	f[18] ^= 1; /* identification: IPv4 checksum */
	fantail_net_send(net, f, len, now);
	s.opt_len = 0; /* no timestamp although agreed */
	fantail_net_send(net, f, frame_build(f, &s), now);
	seg_ts(&s, card_ts - 1, 0); /* PAWS */
	fantail_net_send(net, f, frame_build(f, &s), now);
	cr_assert(next(&a), "PAWS wants an ACK");
	cr_assert(!next(&a));
	cr_assert_eq(received_len, 0);
	fantail_peers_get_stats(peers, &st);
	cr_assert_eq(st.bad_checksums, 2);
	cr_assert_eq(st.bad_timestamps, 2);
}

Test(peers, card_closes_first_then_peer)
{
	struct got g, a;

	plug();
	handshake(&g, true, 0);
	send_data(&g, 0, TCP_FIN, "bye");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	cr_assert_eq(events[FANTAIL_PEER_EV_FIN], 1);
	cr_assert_eq(fantail_peer_send(peers, 0, "still here", 10), 0);
	cr_assert(next(&a));
	cr_assert_eq(a.len, 10);
	cr_assert_eq(fantail_peer_shutdown(peers, 0), 0);
	cr_assert_eq(fantail_peer_send(peers, 0, "x", 1), -EPIPE);
	cr_assert(next(&a));
	cr_assert_eq(a.len, 0);
	cr_assert(a.flags & TCP_FIN);
	cr_assert_eq(info().state, FANTAIL_PEER_CONNECTED);
	send_data(&a, 4, 0, NULL);
	cr_assert_eq(events[FANTAIL_PEER_EV_CLOSED], 1);
	cr_assert_eq(info().state, FANTAIL_PEER_CLOSED);
	cr_assert_eq(info().bytes_sent, 10);
	/* the card's FIN again: the ACK must have been lost */
	send_data(&a, 0, TCP_FIN, "bye");
	cr_assert(next(&a));
	cr_assert_eq(a.ack, ISN + 5);
	expect_received("bye");
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
}

Test(peers, peer_closes_first_and_repeats_its_fin)
{
	struct got g, a;
	uint32_t seq;

	plug();
	handshake(&g, true, 0);
	seq = g.seq;
	cr_assert_eq(fantail_peer_shutdown(peers, 0), 0);
	cr_assert(next(&a));
	cr_assert(a.flags & TCP_FIN);
	cr_assert_eq(a.seq, seq);
	now = fantail_net_next_event_us(net);
	cr_assert(next(&a), "FIN again");
	cr_assert(a.flags & TCP_FIN);
	cr_assert_eq(a.seq, seq);
	send_data(&a, 0, 0, NULL);
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	/* the card may go on sending */
	send_data(&a, 0, 0, "late");
	cr_assert(wait_next(&g));
	cr_assert_eq(g.seq, seq + 1, "behind the FIN");
	expect_received("late");
	send_data(&g, 4, TCP_FIN, NULL);
	cr_assert(next(&g));
	cr_assert_eq(g.ack, ISN + 6);
	cr_assert_eq(events[FANTAIL_PEER_EV_CLOSED], 1);
}

Test(peers, zero_window_of_the_card_is_probed)
{
	struct got g, a;
	struct seg s;
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	int i;

	peers_cfg.options.retries = 3;
	plug();
	handshake(&g, false, -1);
	s = reply(&g, 0, TCP_ACK, NULL);
	frame_build(f, &s);
	put16(f + ETH_LEN + IP_LEN + 14, 0); /* window */
	frame_sums(f);
	fantail_net_send(net, f, ETH_MIN, now);
	cr_assert_eq(fantail_peer_send(peers, 0, "abc", 3), 0);
	cr_assert(!next(&a));
	/* more often than retries: answered probes keep it open */
	for (i = 0; i < 6; i++) {
		cr_assert(wait_next(&a));
		cr_assert_eq(a.seq, g.seq);
		cr_assert_eq(a.len, 1);
		cr_assert_eq(a.data[0], 'a');
		fantail_net_send(net, f, ETH_MIN, now);
	}
	send_seg(&s); /* open */
	cr_assert(wait_next(&a));
	cr_assert_eq(a.seq + a.len, g.seq + 3);
	cr_assert_eq(info().state, FANTAIL_PEER_CONNECTED);
}

Test(peers, peer_data_is_retransmitted_and_window_respected)
{
	static char data[4000];
	struct got g, a;
	struct seg s;
	uint32_t first;
	int i;

	for (i = 0; i < 4000; i++)
		data[i] = (char)(i * 7);
	plug();
	handshake(&g, false, -1);
	first = g.seq;
	s = reply(&g, 0, TCP_ACK, NULL);
	s.wnd = 3000;
	send_seg(&s);
	cr_assert_eq(fantail_peer_send(peers, 0, data, 4000), 0);
	for (i = 0; i < 3000; i += (int)a.len) {
		cr_assert(next(&a));
		cr_assert_eq(a.seq, first + (uint32_t)i);
		cr_assert_eq(memcmp(a.data, data + i, a.len), 0);
		cr_assert_leq(a.len, 1460);
	}
	cr_assert_eq(i, 3000);
	cr_assert(!next(&a));
	now = fantail_net_next_event_us(net);
	cr_assert(next(&a), "retransmission");
	cr_assert_eq(a.seq, first);
	cr_assert_eq(memcmp(a.data, data, a.len), 0);
	s.ack = first + 3000;
	s.wnd = 1000;
	send_seg(&s);
	cr_assert(next(&a));
	cr_assert_eq(a.seq, first + 3000);
	cr_assert_eq(a.len, 1000);
	cr_assert(a.flags & TCP_PSH);
	s.ack = first + 4000;
	send_seg(&s);
	cr_assert_eq(fantail_net_next_event_us(net), FANTAIL_NET_NEVER);
	cr_assert_eq(info().bytes_sent, 4000);
}

Test(peers, reset_by_the_card)
{
	struct got g, a;
	struct seg s;

	plug();
	handshake(&g, true, 0);
	s = reply(&g, 5, TCP_RST, NULL); /* in the window, not exact */
	fantail_net_send(net, frame, frame_build(frame, &s), now);
	cr_assert(next(&a), "challenge ACK");
	cr_assert_eq(a.flags, TCP_ACK);
	cr_assert_eq(events[FANTAIL_PEER_EV_RESET], 0);
	s.seq = ISN + 1;
	send_seg(&s);
	cr_assert_eq(events[FANTAIL_PEER_EV_RESET], 1);
	cr_assert(!next(&a), "a RST is never answered");
	cr_assert_eq(info().state, FANTAIL_PEER_RESET);
}

Test(peers, abort_from_the_callback)
{
	struct got g, a;

	plug();
	handshake(&g, true, 0);
	abort_on_data = true;
	send_data(&g, 0, 0, "abc");
	cr_assert(next(&a));
	cr_assert(a.flags & TCP_RST);
	cr_assert_eq(a.seq, g.seq);
	cr_assert(!next(&a));
	send_data(&g, 3, 0, "def");
	cr_assert(next(&a), "RST for a dead connection");
	cr_assert_eq(a.flags, TCP_RST);
	cr_assert_eq(fantail_peer_send(peers, 0, "x", 1), -ENOTCONN);
}

Test(peers, refused_retried_and_connected_again)
{
	struct got g, a;
	struct seg s;
	uint64_t start;

	peers_cfg.connect_retries = 1;
	plug();
	cr_assert(wait_next(&g));
	start = now;
	s = reply(&g, 0, TCP_RST | TCP_ACK, NULL);
	s.seq = 0;
	send_seg(&s);
	cr_assert(wait_next(&a));
	cr_assert_eq(now - start, 100000);
	cr_assert_eq(a.flags, TCP_SYN);
	cr_assert_neq(a.sport, g.sport);
	s = reply(&a, 0, TCP_RST | TCP_ACK, NULL);
	s.seq = 0;
	send_seg(&s);
	cr_assert_eq(events[FANTAIL_PEER_EV_REFUSED], 1);
	cr_assert_eq(fantail_peer_connect(peers, 0, now + 5), 0);
	cr_assert_eq(fantail_peer_connect(peers, 0, now), -EISCONN);
	start = now;
	handshake(&g, true, 0);
	cr_assert_eq(now - start, 5);
	cr_assert_eq(info().connects, 3);
}
