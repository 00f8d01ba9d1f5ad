/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Passive open: what is offered, answered, installed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;

static const uint8_t key[16] = "not a secret key";

/* SYN and the answer to it. */
static struct host_seg greet(const struct host_seg *syn)
{
	uint32_t n = h.m->frames;

	cr_assert_eq(host_rx(&h, syn), 0);
	cr_assert_eq(h.m->frames, n + 1, "one answer");
	return host_sent(&h, n);
}

static struct host_seg syn_of(uint16_t port)
{
	return host_seg(port, HOST_SYN, 1000, 0);
}

static struct host_seg ack_of(uint16_t port, const struct host_seg *synack)
{
	return host_seg(port, HOST_ACK, 1001, synack->seq + 1);
}

/* Every option, offered or not: rows 4, 14, 35, 36. */
Test(handshake, options_only_if_offered)
{
	static const int mss[] = { -1, 0, 100, 536, 1460, 9000 };
	static const int wscale[] = { -1, 0, 7, 14, 200 };
	struct fantail_options opt = { .rcv_credit = 300000 };
	uint16_t port = 30000;
	size_t a, b;
	int ts;

	for (a = 0; a < sizeof(mss) / sizeof(mss[0]); a++)
		for (b = 0; b < sizeof(wscale) / sizeof(wscale[0]); b++)
			for (ts = 0; ts < 2; ts++) {
				struct host_seg syn, r, ack;
				const struct fantail_context *x;
				uint32_t want, shift;

				host_open(&h, &opt);
				syn = syn_of(++port);
				syn.mss = mss[a];
				syn.wscale = wscale[b];
				syn.ts_val = ts ? 0xFFFFFFF0LL : -1;
				r = greet(&syn);
				cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
				cr_assert_eq(r.ack, 1001);
				cr_assert_eq(r.src_port, HOST_PORT);
				cr_assert_eq(r.dst_port, port);
				cr_assert_eq(r.mss, 1460);
				cr_assert_eq(r.wnd, 65535, "never scaled");
				cr_assert_eq(r.wscale >= 0, wscale[b] >= 0);
				cr_assert_eq(r.ts_val >= 0, ts);
				cr_assert_eq(r.sack_permitted, 0);
				if (ts)
					cr_assert_eq(r.ts_ecr, 0xFFFFFFF0);
				if (wscale[b] >= 0)
					cr_assert_eq(r.wscale, 3);

				ack = ack_of(port, &r);
				ack.ts_val = ts ? 5 : -1; /* wrapped */
				ack.ts_ecr = ts ? r.ts_val : 0;
				h.m->now_us += 1500;
				host_rx(&h, &ack);
				cr_assert(h.m->installed[0]);
				x = &h.m->context[0];
				cr_assert_eq(x->local_ip, HOST_IP);
				cr_assert_eq(x->remote_ip, HOST_PEER);
				cr_assert_eq(x->local_port, HOST_PORT);
				cr_assert_eq(x->remote_port, port);
				cr_assert_eq(memcmp(x->local_mac, host_mac, 6),
					     0);
				cr_assert_eq(
					memcmp(x->remote_mac, host_peer_mac, 6),
					0);
				cr_assert_eq(x->snd_nxt, r.seq + 1);
				cr_assert_eq(x->rcv_nxt, 1001);
				shift = wscale[b] < 0	 ? 0
					: wscale[b] > 14 ? 14
							 : (uint32_t)wscale[b];
				cr_assert_eq(x->snd_wscale, shift);
				cr_assert_eq(x->snd_wnd, 5000u << shift);
				cr_assert_eq(x->rcv_wscale,
					     wscale[b] < 0 ? 0 : 3);
				cr_assert_eq(x->rcv_credit,
					     wscale[b] < 0 ? 65535 : 300000);
				want = mss[a] <= 0 ? 536 : (uint32_t)mss[a];
				want = want > 1460 ? 1460 : want;
				cr_assert_eq(x->mss, want - (ts ? 12 : 0));
				cr_assert_eq(x->flags & 1, (uint32_t)ts);
				cr_assert_eq(x->ts_recent, ts ? 5u : 0u);
				cr_assert_eq(x->srtt_us, 1500);
				if (ts)
					cr_assert_eq((uint32_t)r.ts_val,
						     (uint32_t)(1000 +
								x->ts_offset));
				host_close(&h);
			}
}

Test(handshake, accepted_when_the_card_says_so)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	h.m->hold[1] = true;
	ack = ack_of(40000, &r);
	cr_assert_eq(host_rx(&h, &ack), 0);
	cr_assert_eq(host_poll(&h), 0, "not installed yet");
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ACCEPT);
	cr_assert_eq(h.ev[0].u.accept.listener, h.listener);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	host_close(&h);
}

/* Data in the ACK, data behind it, and FIN: run again after the install. */
Test(handshake, frames_between_ack_and_install_are_injected)
{
	struct host_seg syn, r, ack, more;

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	h.m->hold[1] = true;
	ack = ack_of(40000, &r);
	ack.data = "hello";
	host_rx(&h, &ack);
	more = host_seg(40000, HOST_ACK | HOST_FIN, 1006, r.seq + 1);
	more.data = "world";
	host_rx(&h, &more);
	h.m->hold[1] = false;
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	cr_assert_eq(h.m->injected, 2);
	cr_assert_eq(h.m->inject_missed, 0);
	cr_assert_eq(memcmp(h.m->last_inject.data + 54, "world", 5), 0);
	cr_assert_eq(host_stats(&h).injects, 2);
	/* Their slots come back, behind the entries that read them. */
	host_poll(&h);
	fantail_wait(h.f, 10);
	fantail_wait(h.f, 10);
	cr_assert_eq(h.m->slots_used, 0);
	host_close(&h);
}

Test(handshake, a_pure_ack_is_not_injected)
{
	host_open(&h, NULL);
	host_accept(&h, 40000);
	cr_assert_eq(h.m->injected + h.m->inject_missed, 0);
	host_close(&h);
}

Test(handshake, missed_injections_are_counted)
{
	struct host_seg late;
	struct fantail_conn *c;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	(void)c;
	h.m->installed[0] = false;
	late = host_seg(40000, HOST_ACK, 1001, 7);
	late.data = "x";
	host_rx(&h, &late);
	cr_assert_eq(host_poll(&h), 0, "nothing for the application");
	cr_assert_eq(host_stats(&h).inject_missed, 1);
	host_close(&h);
}

Test(handshake, a_refused_install_gives_the_id_back)
{
	struct host_seg syn, r, ack;
	int i;

	host_open(&h, NULL);
	h.m->refuse_install = FANTAIL_REFUSE_FLOW_FULL;
	for (i = 0; i < 40; i++) {
		syn = syn_of((uint16_t)(40000 + i));
		r = greet(&syn);
		ack = ack_of((uint16_t)(40000 + i), &r);
		host_rx(&h, &ack);
		host_poll(&h);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_REFUSED);
		cr_assert_eq(h.ev[0].u.refused.code, FANTAIL_REFUSE_FLOW_FULL);
	}
	cr_assert_eq(host_stats(&h).install_refused, 40);
	cr_assert_eq(host_stats(&h).open, 0);
	cr_assert_eq(host_stats(&h).accepted, 0);
	h.m->refuse_install = 0;
	host_accept(&h, 41000);
	host_close(&h);
}

/* Row 6: differs by tuple, moves 1 per 4 us, repeats only from its key. */
Test(handshake, initial_sequence_numbers)
{
	struct fantail_options opt = { .isn_key = key };
	uint32_t first[2], other;
	struct host_seg syn, r;
	int i;

	for (i = 0; i < 2; i++) {
		host_open(&h, &opt);
		syn = syn_of(40000);
		r = greet(&syn);
		first[i] = r.seq;
		syn = syn_of(40001);
		r = greet(&syn);
		other = r.seq;
		cr_assert_neq(other, first[i]);
		cr_assert_gt(other - first[i] + 100000, 200000u,
			     "not a neighbour either");
		host_close(&h);
	}
	cr_assert_eq(first[0], first[1]);

	host_open(&h, &opt);
	h.m->now_us += 4000;
	syn = syn_of(40000);
	r = greet(&syn);
	cr_assert_eq(r.seq, first[0] + 1000);
	host_close(&h);

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	cr_assert_neq(r.seq, first[0], "random key");
	host_close(&h);
}

/* Row 8. */
Test(handshake, synack_is_repeated_with_backoff_then_dropped)
{
	static const unsigned int seconds[] = { 1, 2, 4, 8, 16, 32, 60 };
	struct host_seg syn, r, first;
	uint64_t start;
	size_t i;

	host_open(&h, NULL);
	syn = syn_of(40000);
	first = greet(&syn);
	start = h.m->now_us;
	for (i = 0; i < 7; i++) {
		cr_assert_eq(fantail_next_timer_us(h.f),
			     h.m->now_us + seconds[i] * 1000000ull);
		h.m->now_us += seconds[i] * 1000000ull;
		host_poll(&h);
		cr_assert_eq(h.m->frames, i + 2);
		r = host_sent(&h, (uint32_t)i + 1);
		cr_assert_eq(r.seq, first.seq);
		cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
	}
	cr_assert_eq(fantail_next_timer_us(h.f), start + 180000000);
	h.m->now_us = start + 180000000;
	host_poll(&h);
	cr_assert_eq(h.m->frames, 8);
	cr_assert_eq(host_stats(&h).handshake_timeouts, 1);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX);
	host_close(&h);
}

Test(handshake, no_round_trip_from_a_repeated_synack)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	h.m->now_us += 1000000;
	host_poll(&h);
	ack = ack_of(40000, &r);
	host_rx(&h, &ack);
	cr_assert_eq(h.m->context[0].srtt_us, 0);
	host_close(&h);
}

Test(handshake, the_same_syn_is_answered_again)
{
	struct host_seg syn, a, b;

	host_open(&h, NULL);
	syn = syn_of(40000);
	a = greet(&syn);
	h.m->now_us += 100000;
	b = greet(&syn);
	cr_assert_eq(a.seq, b.seq);
	cr_assert_eq(host_stats(&h).handshakes, 1);
	host_close(&h);
}

Test(handshake, another_syn_gets_a_challenge)
{
	struct host_seg syn, a, b;

	host_open(&h, NULL);
	syn = syn_of(40000);
	a = greet(&syn);
	syn.seq = 77777;
	b = greet(&syn);
	cr_assert_eq(b.flags, HOST_ACK);
	cr_assert_eq(b.seq, a.seq + 1);
	cr_assert_eq(b.ack, 1001);
	host_close(&h);
}

/* RFC 5961 3: exact ends it, in the window is challenged, else nothing. */
Test(handshake, reset_of_a_handshake)
{
	struct host_seg syn, rst;

	host_open(&h, NULL);
	syn = syn_of(40000);
	greet(&syn);
	rst = host_seg(40000, HOST_RST, 900, 0);
	host_rx(&h, &rst);
	cr_assert_eq(h.m->frames, 1);
	rst.seq = 1002;
	cr_assert_eq(greet(&rst).flags, HOST_ACK);
	cr_assert_eq(host_stats(&h).handshakes, 1);
	rst.seq = 1001;
	host_rx(&h, &rst);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	cr_assert_eq(h.m->frames, 2);
	host_close(&h);
}

Test(handshake, wrong_ack_is_reset)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	ack = ack_of(40000, &r);
	ack.ack += 5;
	r = greet(&ack);
	cr_assert_eq(r.flags, HOST_RST);
	cr_assert_eq(r.seq, ack.ack);
	cr_assert_eq(h.m->installed[0], false);
	cr_assert_eq(host_stats(&h).handshakes, 1, "still open to the real");
	host_close(&h);
}

/* RFC 7323 3.2 and 5.3. */
Test(handshake, timestamps_are_kept_to)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	syn = syn_of(40000);
	syn.ts_val = 500;
	r = greet(&syn);
	ack = ack_of(40000, &r);
	host_rx(&h, &ack);
	cr_assert_eq(h.m->installed[0], false, "without the option");
	ack.ts_val = 499;
	ack.ts_ecr = r.ts_val;
	cr_assert_eq(greet(&ack).flags, HOST_ACK, "old");
	cr_assert_eq(h.m->installed[0], false);
	ack.ts_val = 501;
	host_rx(&h, &ack);
	cr_assert(h.m->installed[0]);
	host_close(&h);
}

Test(handshake, the_first_data_may_come_before_its_ack)
{
	struct host_seg syn, r, data;

	host_open(&h, NULL);
	syn = syn_of(40000);
	r = greet(&syn);
	data = host_seg(40000, HOST_ACK, 1101, r.seq + 1);
	data.data = "second segment";
	host_rx(&h, &data);
	cr_assert(h.m->installed[0]);
	cr_assert_eq(h.m->context[0].rcv_nxt, 1001);
	cr_assert_eq(h.m->injected, 1);
	host_close(&h);
}

/* Row 9: not from where no answer may go, nor to where others listen. */
Test(handshake, broadcast_and_multicast_are_dropped)
{
	static const uint32_t bad[] = { 0x0A0002FF, 0xFFFFFFFF, 0xE0000001,
					0x7F000001, 0,		HOST_IP };
	struct host_seg syn;
	uint8_t frame[1514];
	size_t i, len;

	host_open(&h, NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		syn = syn_of(40000);
		syn.src_ip = bad[i];
		host_rx(&h, &syn);
		syn = syn_of(40000);
		syn.dst_ip = bad[i] == HOST_IP ? HOST_IP + 1 : bad[i];
		host_rx(&h, &syn);
	}
	/* In a broadcast frame, though to our address. */
	syn = syn_of(40000);
	len = host_build(&syn, frame);
	memset(frame, 0xFF, 6);
	mock_rx(h.m, frame, len);
	host_poll(&h);
	cr_assert_eq(h.m->frames, 0);
	cr_assert_eq(host_stats(&h).frames_bad, 2 * i + 1);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	host_close(&h);
}

/* Row 9: a RST, and what has no flag of use, leave LISTEN alone. */
Test(handshake, listen_ignores_resets)
{
	struct host_seg s;

	host_open(&h, NULL);
	s = host_seg(40000, HOST_RST, 1, 0);
	host_rx(&h, &s);
	s = host_seg(40000, HOST_RST | HOST_SYN, 1, 0);
	host_rx(&h, &s);
	s = host_seg(40000, HOST_FIN, 1, 0);
	host_rx(&h, &s);
	cr_assert_eq(h.m->frames, 0);
	cr_assert_eq(host_stats(&h).listen_dropped, 3);
	s = host_seg(40000, HOST_ACK, 1, 77);
	cr_assert_eq(greet(&s).seq, 77);
	cr_assert_eq(host_sent(&h, 0).flags, HOST_RST);
	host_close(&h);
}

/* RFC 5961 7: who floods learns nothing and costs nothing. */
Test(handshake, challenges_are_limited)
{
	struct host_seg syn, bad;
	int i;

	host_open(&h, NULL);
	syn = syn_of(40000);
	greet(&syn);
	bad = host_seg(40000, HOST_ACK, 900000, 1);
	for (i = 0; i < 500; i++)
		host_rx(&h, &bad);
	cr_assert_eq(h.m->frames, 101);
	cr_assert_eq(host_stats(&h).challenges_limited, 400);
	h.m->now_us += 1000000;
	host_rx(&h, &bad);
	cr_assert_eq(host_stats(&h).challenges, 101, "the next second");
	host_close(&h);
}

/* The peer thinks it is open. */
Test(handshake, a_refused_install_is_told_to_the_peer)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	h.m->refuse_install = FANTAIL_REFUSE_FLOW_FULL;
	syn = syn_of(40000);
	r = greet(&syn);
	ack = ack_of(40000, &r);
	host_rx(&h, &ack);
	host_poll(&h);
	ack = host_sent(&h, 1);
	cr_assert_eq(ack.flags, HOST_RST | HOST_ACK);
	cr_assert_eq(ack.seq, r.seq + 1);
	cr_assert_eq(ack.ack, 1001);
	host_close(&h);
}

Test(handshake, as_many_connections_as_the_card_has)
{
	struct host_seg syn;
	uint16_t i;

	host_open(&h, NULL);
	for (i = 0; i < MOCK_CONNS; i++)
		host_accept(&h, 40000 + i);
	syn = syn_of(50000);
	host_rx(&h, &syn);
	cr_assert_eq(host_stats(&h).syn_dropped, 1);
	cr_assert_eq(host_stats(&h).open, MOCK_CONNS);
	host_close(&h);
}

Test(handshake, a_full_control_ring_only_delays)
{
	struct fantail_options opt = { .qp = { .control_log2 = 2 } };
	struct host_seg syn, r, ack;
	uint16_t i;

	host_open(&h, &opt);
	syn = syn_of(40000);
	r = greet(&syn);
	h.m->hold[1] = true;
	for (i = 0; i < 10; i++) {
		struct host_seg x = host_seg(100 + i, HOST_ACK, 5, 5);

		x.dst_port = 9;
		host_rx(&h, &x);
	}
	ack = ack_of(40000, &r);
	host_rx(&h, &ack);
	cr_assert_gt(host_stats(&h).frames_unsent, 0);
	h.m->hold[1] = false;
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	host_poll(&h);
	cr_assert_eq(h.m->installed[0], false);
	/* The SYN-ACK's timer asks again, and the peer answers. */
	h.m->now_us += 1000000;
	host_poll(&h);
	host_rx(&h, &ack);
	cr_assert(h.m->installed[0]);
	host_close(&h);
}

Test(handshake, unlisten_drops_what_is_under_way)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	cr_assert_eq(fantail_listen(h.f, HOST_PORT, 1, &h.listener),
		     -EADDRINUSE);
	syn = syn_of(40000);
	r = greet(&syn);
	fantail_unlisten(h.listener);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX);
	ack = ack_of(40000, &r);
	cr_assert_eq(greet(&ack).flags, HOST_RST);
	cr_assert_eq(fantail_listen(h.f, HOST_PORT, 4, &h.listener), 0);
	host_accept(&h, 40001);
	host_close(&h);
}
