/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Active open: RFC 9293 3.10.7.3, SYN-SENT; 3.5, simultaneous open. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "host_fixture.h"

#define SERVER 80u

static struct host h;
static int word;

/* Open the library, know the peer. */
static void start(const struct fantail_options *opt)
{
	host_open(&h, opt);
	host_arp_reply(&h, 2);
}

/* Connect; returns the SYN. */
static struct host_seg dial(uint16_t local_port)
{
	uint32_t n = h.m->frames;

	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, local_port, &word),
		     0);
	host_poll(&h);
	cr_assert_eq(h.m->frames, n + 1);
	return host_sent(&h, n);
}

/* A segment in answer to our @syn. */
static struct host_seg answer(const struct host_seg *syn, uint8_t flags,
			      uint32_t seq)
{
	struct host_seg s = host_seg(SERVER, flags, seq,
				     flags & HOST_ACK ? syn->seq + 1 : 0);

	s.dst_port = syn->src_port;
	return s;
}

static void expect_failure(int n, int why)
{
	cr_assert_eq(n, 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONNECT);
	cr_assert_null(h.ev[0].conn);
	cr_assert_eq(h.ev[0].u.connect.error, why, "%d",
		     h.ev[0].u.connect.error);
	cr_assert_eq(h.ev[0].u.connect.user, &word);
	cr_assert_eq(h.ev[0].u.connect.ip, HOST_PEER);
	cr_assert_eq(h.ev[0].u.connect.port, SERVER);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	cr_assert_eq(host_stats(&h).connect_failures, 1);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX);
}

Test(connect, opens)
{
	struct fantail_options opt = { .rcv_credit = 300000 };
	const struct fantail_context *x;
	struct host_seg syn, r, ack;

	start(&opt);
	syn = dial(0);
	cr_assert_eq(syn.flags, HOST_SYN);
	cr_assert_eq(syn.ack, 0);
	cr_assert_geq(syn.src_port, 49152);
	cr_assert_eq(syn.dst_port, SERVER);
	cr_assert_eq(syn.dst_ip, HOST_PEER);
	cr_assert_eq(syn.mss, 1460);
	cr_assert_eq(syn.wscale, 3);
	cr_assert_eq(syn.wnd, 65535, "row 14: never scaled");
	cr_assert_geq(syn.ts_val, 0);
	cr_assert_eq(syn.ts_ecr, 0);
	cr_assert_eq(syn.sack_permitted, 0, "row 36");
	r = answer(&syn, HOST_SYN | HOST_ACK, 5000);
	r.mss = 1200;
	r.wscale = 20;
	r.ts_val = 777;
	r.ts_ecr = syn.ts_val;
	h.m->now_us += 2500;
	host_rx(&h, &r);
	host_poll(&h);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONNECT);
	cr_assert_eq(h.ev[0].u.connect.error, 0);
	cr_assert_not_null(h.ev[0].conn);
	cr_assert_eq(fantail_conn_user(h.ev[0].conn), &word);
	x = &h.m->context[0];
	cr_assert_eq(x->snd_nxt, syn.seq + 1);
	cr_assert_eq(x->rcv_nxt, 5001);
	cr_assert_eq(x->snd_wnd, 5000, "that of a SYN is not scaled");
	cr_assert_eq(x->snd_wscale, 14);
	cr_assert_eq(x->rcv_wscale, 3);
	cr_assert_eq(x->rcv_credit, 300000);
	cr_assert_eq(x->mss, 1188);
	cr_assert_eq(x->ts_recent, 777);
	cr_assert_eq(x->srtt_us, 2500);
	cr_assert_eq(x->local_port, syn.src_port);
	cr_assert_eq(x->remote_port, SERVER);
	ack = host_sent(&h, h.m->frames - 1);
	cr_assert_eq(ack.flags, HOST_ACK);
	cr_assert_eq(ack.seq, syn.seq + 1);
	cr_assert_eq(ack.ack, 5001);
	cr_assert_eq(ack.wnd, 65535 >> 3);
	cr_assert_eq(ack.ts_ecr, 777);
	cr_assert_eq(ack.mss, -1, "row 4");
	cr_assert_eq(host_stats(&h).connected, 1);
	cr_assert_eq(host_stats(&h).accepted, 0);
	host_close(&h);
}

/* Rows 4, 14: what the SYN-ACK does not say does not hold. */
Test(connect, a_plain_answer)
{
	const struct fantail_context *x;
	struct host_seg syn, r;

	start(NULL);
	syn = dial(0);
	r = answer(&syn, HOST_SYN | HOST_ACK, 5000);
	host_rx(&h, &r);
	x = &h.m->context[0];
	cr_assert_eq(x->mss, 536);
	cr_assert_eq(x->snd_wscale | x->rcv_wscale, 0);
	cr_assert_eq(x->flags & 1, 0);
	cr_assert_eq(host_sent(&h, h.m->frames - 1).ts_val, -1);
	host_close(&h);
}

Test(connect, refused)
{
	struct host_seg syn, r;

	start(NULL);
	syn = dial(0);
	/* Anybody could have sent these. */
	r = answer(&syn, HOST_RST, 0);
	cr_assert_eq(host_rx(&h, &r), 0);
	r = answer(&syn, HOST_RST | HOST_ACK, 0);
	r.ack++;
	cr_assert_eq(host_rx(&h, &r), 0);
	cr_assert_eq(h.m->frames, 1, "never a RST for a RST");
	r.ack--;
	expect_failure(host_rx(&h, &r), -ECONNREFUSED);
	host_close(&h);
}

/* An ACK of another time is reset, with its number. */
Test(connect, a_wrong_ack_is_reset)
{
	struct host_seg syn, r;
	int i;

	start(NULL);
	syn = dial(0);
	for (i = 0; i < 2; i++) {
		r = answer(&syn, i ? HOST_ACK : HOST_SYN | HOST_ACK, 5000);
		r.ack = syn.seq + (i ? 2 : 0);
		cr_assert_eq(host_rx(&h, &r), 0);
		cr_assert_eq(host_sent(&h, 1 + (uint32_t)i).flags, HOST_RST);
		cr_assert_eq(host_sent(&h, 1 + (uint32_t)i).seq, r.ack);
	}
	/* A good ACK without SYN, or neither: nothing. */
	r = answer(&syn, HOST_ACK, 5000);
	host_rx(&h, &r);
	r = answer(&syn, HOST_FIN, 5000);
	host_rx(&h, &r);
	cr_assert_eq(h.m->frames, 3);
	cr_assert_eq(host_stats(&h).handshake_dropped, 2);
	cr_assert_eq(host_stats(&h).handshakes, 1);
	host_close(&h);
}

/* As row 8, the other way round. */
Test(connect, syn_is_repeated_with_backoff_then_given_up)
{
	static const unsigned int seconds[] = { 1, 2, 4, 8, 16, 32, 60 };
	struct host_seg syn, again;
	uint64_t start_us;
	uint32_t i;

	start(NULL);
	syn = dial(0);
	start_us = h.m->now_us;
	for (i = 0; i < 7; i++) {
		cr_assert_eq(fantail_next_timer_us(h.f),
			     h.m->now_us + seconds[i] * 1000000ull);
		h.m->now_us += seconds[i] * 1000000ull;
		host_poll(&h);
		again = host_sent(&h, i + 1);
		cr_assert_eq(again.flags, HOST_SYN);
		cr_assert_eq(again.seq, syn.seq);
	}
	h.m->now_us = start_us + 180000000;
	expect_failure(host_poll(&h), -ETIMEDOUT);
	cr_assert_eq(host_stats(&h).syn_retransmits, 7);
	host_close(&h);
}

Test(connect, asks_arp_first)
{
	host_open(&h, NULL);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 0, &word), 0);
	host_poll(&h);
	cr_assert_eq(h.m->frames, 1);
	cr_assert_eq(h.m->frame[0].data[21], 1, "who has");
	cr_assert_eq(h.m->frame[0].data[41], 2);
	h.m->now_us += 1000000;
	host_poll(&h);
	cr_assert_eq(h.m->frames, 2, "asked again");
	cr_assert_eq(h.m->frame[1].data[21], 1);
	host_arp_reply(&h, 0x55);
	cr_assert_eq(h.m->frames, 3);
	cr_assert_eq(host_sent(&h, 2).flags, HOST_SYN);
	cr_assert_eq(host_sent(&h, 2).dst_mac[5], 0x55);
	cr_assert_eq(fantail_next_timer_us(h.f), h.m->now_us + 1000000);
	host_close(&h);
}

Test(connect, nobody_answers_arp)
{
	struct fantail_options opt = { .handshake_ms = 5000 };

	host_open(&h, &opt);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 0, &word), 0);
	h.m->now_us += 5000000;
	expect_failure(host_poll(&h), -EHOSTUNREACH);
	host_close(&h);
}

/* Row 45: a soft error is only told when nothing better comes. */
Test(connect, icmp)
{
	struct fantail_options opt = { .handshake_ms = 5000 };
	struct host_seg syn;
	uint8_t frame[1514];
	struct host_seg bad;

	start(&opt);
	syn = dial(0);
	mock_rx(h.m, frame, host_icmp_build(frame, 3, 1, 0, &syn));
	cr_assert_eq(host_poll(&h), 0);
	bad = syn;
	bad.seq++;
	mock_rx(h.m, frame, host_icmp_build(frame, 3, 3, 0, &bad));
	cr_assert_eq(host_poll(&h), 0);
	h.m->now_us += 5000000;
	expect_failure(host_poll(&h), -EHOSTUNREACH);
	host_close(&h);

	start(&opt);
	syn = dial(0);
	mock_rx(h.m, frame, host_icmp_build(frame, 3, 3, 0, &syn));
	expect_failure(host_poll(&h), -ECONNREFUSED);
	host_close(&h);
}

/* RFC 9293 3.5, figure 7. */
Test(connect, simultaneous_open)
{
	struct host_seg syn, r, s;
	int by_ack;

	for (by_ack = 0; by_ack < 2; by_ack++) {
		start(NULL);
		syn = dial(0);
		/* after one SYN was lost */
		h.m->now_us += 1000000;
		host_poll(&h);
		h.m->frames--;
		s = answer(&syn, HOST_SYN, 5000);
		s.mss = 1000;
		cr_assert_eq(host_rx(&h, &s), 0);
		r = host_sent(&h, 1);
		cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
		cr_assert_eq(r.seq, syn.seq);
		cr_assert_eq(r.ack, 5001);
		cr_assert_eq(r.wscale, -1, "not offered by the peer");
		/* It is repeated as the SYN was. */
		h.m->now_us += 1000000;
		host_poll(&h);
		cr_assert_eq(host_sent(&h, 2).flags, HOST_SYN | HOST_ACK);
		if (by_ack)
			s = answer(&syn, HOST_ACK, 5001);
		else
			s = answer(&syn, HOST_SYN | HOST_ACK, 5000);
		host_rx(&h, &s);
		host_poll(&h);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONNECT);
		cr_assert_eq(h.ev[0].u.connect.error, 0);
		cr_assert_eq(h.m->context[0].rcv_nxt, 5001);
		cr_assert_eq(h.m->context[0].snd_nxt, syn.seq + 1);
		cr_assert_eq(h.m->context[0].mss, 1000);
		host_close(&h);
	}
	/* And what goes wrong then is told too. */
	start(NULL);
	syn = dial(0);
	s = answer(&syn, HOST_SYN, 5000);
	host_rx(&h, &s);
	s = answer(&syn, HOST_RST, 5001);
	expect_failure(host_rx(&h, &s), -ECONNREFUSED);
	host_close(&h);
}

Test(connect, what_cannot_be)
{
	struct fantail_options opt = { .connects = 2 };
	struct host_seg syn, r;

	start(&opt);
	cr_assert_eq(fantail_connect(h.f, HOST_IP, 80, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, 0x0A0002FF, 80, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, 0xE0000001, 80, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, 0x7F000001, 80, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, 0, 80, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, 0, 0, NULL), -EINVAL);
	cr_assert_eq(fantail_connect(h.f, 0xC0000201, 80, 0, NULL),
		     -ENETUNREACH);
	syn = dial(1234);
	cr_assert_eq(syn.src_port, 1234);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 1234, NULL),
		     -EADDRINUSE);
	dial(0);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, 81, 0, NULL), -EAGAIN);
	r = answer(&syn, HOST_SYN | HOST_ACK, 5000);
	host_rx(&h, &r);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 1234, NULL),
		     -EADDRINUSE, "also when it is open");
	dial(0);
	host_close(&h);
}

/* Nothing is heard of it again, and the server is not left alone with it. */
Test(connect, cancelled)
{
	struct host_seg syn, other, r;
	int by_peer, another;

	start(NULL);
	cr_assert_eq(fantail_connect_cancel(h.f, &word), -ENOENT);
	syn = dial(0);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 0, &another), 0);
	host_poll(&h);
	other = host_sent(&h, 1);
	dial(0);
	cr_assert_eq(fantail_connect_cancel(h.f, &word), 2);
	cr_assert_eq(fantail_connect_cancel(h.f, &word), -ENOENT);
	cr_assert_eq(host_poll(&h), 0);
	cr_assert_eq(h.m->frames, 3, "SYN-SENT ends in silence");
	cr_assert_eq(host_stats(&h).handshakes, 1);
	cr_assert_eq(host_stats(&h).connects_cancelled, 2);
	cr_assert_eq(host_stats(&h).connect_failures, 0);
	r = answer(&syn, HOST_SYN | HOST_ACK, 5000);
	cr_assert_eq(host_rx(&h, &r), 0);
	cr_assert_eq(host_sent(&h, 3).flags, HOST_RST);
	cr_assert_eq(host_sent(&h, 3).seq, syn.seq + 1);
	/* the place and the port are free again, the others go on */
	cr_assert_eq(
		fantail_connect(h.f, HOST_PEER, SERVER, syn.src_port, &word),
		0);
	r = answer(&other, HOST_SYN | HOST_ACK, 5000);
	host_rx(&h, &r);
	host_poll(&h);
	cr_assert_eq(host_stats(&h).connected, 1);
	cr_assert_eq(fantail_connect_cancel(h.f, &another), -ENOENT,
		     "it is accepted");
	cr_assert_eq(fantail_connect_cancel(h.f, &word), 1);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX);
	host_close(&h);

	/* while ARP is asked, and when both sides have sent a SYN */
	for (by_peer = 0; by_peer < 2; by_peer++) {
		host_open(&h, NULL);
		if (by_peer) {
			host_arp_reply(&h, 2);
			syn = dial(0);
			r = answer(&syn, HOST_SYN, 5000);
			host_rx(&h, &r);
		} else {
			cr_assert_eq(fantail_connect(h.f, HOST_PEER, SERVER, 0,
						     &word),
				     0);
			host_poll(&h);
		}
		cr_assert_eq(fantail_connect_cancel(h.f, &word), 1);
		host_poll(&h);
		cr_assert_eq(h.m->frames, by_peer ? 3 : 1);
		if (by_peer) {
			r = host_sent(&h, 2);
			cr_assert_eq(r.flags, HOST_RST | HOST_ACK);
			cr_assert_eq(r.seq, syn.seq + 1);
			cr_assert_eq(r.ack, 5001);
		} else {
			host_arp_reply(&h, 2);
			cr_assert_eq(h.m->frames, 1);
		}
		cr_assert_eq(host_stats(&h).handshakes, 0);
		host_close(&h);
	}
}

/* As many as the card has, and each port once. */
Test(connect, connections_run_out)
{
	bool seen[65536] = { false };
	struct host_seg syn[MOCK_CONNS], r;
	int i;

	start(NULL);
	for (i = 0; i < MOCK_CONNS; i++) {
		syn[i] = dial(0);
		cr_assert_not(seen[syn[i].src_port]);
		seen[syn[i].src_port] = true;
	}
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, 81, 0, NULL), -EAGAIN);
	for (i = 0; i < MOCK_CONNS; i++) {
		r = answer(&syn[i], HOST_SYN | HOST_ACK, 5000);
		host_rx(&h, &r);
	}
	host_poll(&h);
	cr_assert_eq(host_stats(&h).connected, MOCK_CONNS);
	cr_assert_eq(fantail_connect(h.f, HOST_PEER, 81, 0, NULL), -EAGAIN);
	host_close(&h);
}

Test(connect, refused_by_the_card)
{
	struct host_seg syn, r;

	start(NULL);
	h.m->refuse_install = FANTAIL_REFUSE_FLOW_FULL;
	syn = dial(0);
	r = answer(&syn, HOST_SYN | HOST_ACK, 5000);
	host_rx(&h, &r);
	expect_failure(host_poll(&h) - 1, -ENOSPC);
	cr_assert_eq(h.ev[1].type, FANTAIL_EVENT_REFUSED);
	cr_assert_eq(host_sent(&h, 2).flags, HOST_RST | HOST_ACK);
	cr_assert_eq(host_stats(&h).open, 0);
	host_close(&h);
}

/* More results than the caller has room for are kept, in order. */
Test(connect, many_time_out_at_once)
{
	struct fantail_options opt = { .connects = 16, .handshake_ms = 100 };
	struct fantail_event ev;
	int i, n, seen = 0;

	start(&opt);
	for (i = 0; i < 16; i++)
		dial(0);
	h.m->now_us += 100000;
	for (i = 0; i < 100; i++) {
		n = fantail_poll(h.f, &ev, 1);
		cr_assert_geq(n, 0);
		if (n) {
			cr_assert_eq(ev.u.connect.error, -ETIMEDOUT);
			seen++;
		}
		h.m->now_us += 1000;
	}
	cr_assert_eq(seen, 16);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	host_close(&h);
}
