/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* TIME_WAIT: rows 41, 42; RFC 9293 3.6.1, RFC 6191, RFC 1337. */
#include <criterion/criterion.h>
#include <string.h>

#include "host_fixture.h"

#define QUEUED	 5000u /* bytes we sent */
#define RECEIVED 5u    /* and they */
#define TS_PEER	 70000

static struct host h;

static void settle(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		h.m->now_us += 1000;
		host_poll(&h);
	}
}

static uint32_t iss; /* of the last connection */

/* A handshake with or without timestamps. */
static struct fantail_conn *open_one(uint16_t port, bool ts)
{
	struct host_seg syn = host_seg(port, HOST_SYN, 1000, 0), ack;
	struct host_seg r;

	syn.ts_val = ts ? TS_PEER : -1;
	host_rx(&h, &syn);
	r = host_sent(&h, h.m->frames - 1);
	iss = r.seq;
	ack = host_seg(port, HOST_ACK, 1001, r.seq + 1);
	ack.ts_val = ts ? TS_PEER : -1;
	ack.ts_ecr = ts ? r.ts_val : 0;
	host_rx(&h, &ack);
	host_poll(&h);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ACCEPT);
	return h.ev[0].conn;
}

/* Both directions closed in this order, then released. */
static void close_one(struct fantail_conn *c, bool peer_first)
{
	uint32_t handle = fantail_conn_handle(c);

	mock_data(h.m, handle, "bytes", RECEIVED);
	host_poll(&h);
	fantail_recv_return(h.f, h.ev[0].u.data.slot);
	h.m->queued[handle & 0xFFFF] = QUEUED;
	h.m->acked[handle & 0xFFFF] = QUEUED;
	if (peer_first) {
		mock_conn(h.m, handle, FANTAIL_EV_PEER_FIN);
		host_poll(&h);
	}
	fantail_close_conn(c);
	fantail_submit(h.f);
	if (!peer_first) {
		mock_conn(h.m, handle, FANTAIL_EV_FIN_ACKED);
		host_poll(&h);
		mock_conn(h.m, handle, FANTAIL_EV_PEER_FIN | FANTAIL_EV_CLOSED);
	} else {
		mock_conn(h.m, handle,
			  FANTAIL_EV_FIN_ACKED | FANTAIL_EV_CLOSED);
	}
	host_poll(&h);
	fantail_release_conn(c);
	settle();
	cr_assert_eq(host_stats(&h).open, 0);
}

static void enter(const struct fantail_options *opt, bool ts)
{
	host_open(&h, opt);
	h.m->now_us = 64000000;
	close_one(open_one(40000, ts), false);
	cr_assert_eq(host_stats(&h).time_wait, 1);
	h.m->frames = 0;
}

static struct host_seg fin_again(void)
{
	struct host_seg fin = host_seg(40000, HOST_ACK | HOST_FIN,
				       1001 + RECEIVED, iss + QUEUED + 2);

	return fin;
}

Test(timewait, fin_is_acknowledged_again)
{
	struct host_seg fin, r;

	enter(NULL, false);
	fin = fin_again();
	host_rx(&h, &fin);
	r = host_sent(&h, 0);
	cr_assert_eq(r.flags, HOST_ACK);
	cr_assert_eq(r.seq, iss + 1 + QUEUED + 1);
	cr_assert_eq(r.ack, 1001 + RECEIVED + 1);
	cr_assert_eq(r.ts_val, -1);
	cr_assert_eq(r.mss, -1);
	cr_assert_eq(memcmp(r.dst_mac, host_peer_mac, 6), 0);
	/* With the last of its data in front. */
	fin.seq = 1001;
	fin.data = "bytes";
	host_rx(&h, &fin);
	cr_assert_eq(host_sent(&h, 1).ack, 1001 + RECEIVED + 1);
	host_close(&h);
}

Test(timewait, with_timestamps)
{
	struct host_seg fin, r;

	enter(NULL, true);
	fin = fin_again();
	fin.ts_val = TS_PEER + 40;
	host_rx(&h, &fin);
	r = host_sent(&h, 0);
	cr_assert_eq(r.ts_ecr, TS_PEER + 40);
	cr_assert_eq((uint32_t)r.ts_val, (uint32_t)(h.m->now_us / 1000) +
						 h.m->context[0].ts_offset);
	host_close(&h);
}

/* 2 MSL from the end, and from each repeated FIN. */
Test(timewait, lasts_two_msl)
{
	struct fantail_options opt = { .time_wait_ms = 10000 };
	struct host_seg fin;
	uint64_t end;

	enter(&opt, false);
	fin = fin_again();
	end = fantail_next_timer_us(h.f);
	cr_assert_leq(end - h.m->now_us, 10000000u);
	cr_assert_gt(end - h.m->now_us, 9900000u);
	h.m->now_us = end - 1000;
	host_poll(&h);
	host_rx(&h, &fin);
	cr_assert_eq(host_sent(&h, 0).flags, HOST_ACK);
	h.m->now_us = end;
	host_poll(&h);
	cr_assert_eq(host_stats(&h).time_wait, 1, "began anew");
	h.m->now_us = end - 1000 + 10000000;
	host_poll(&h);
	cr_assert_eq(host_stats(&h).time_wait, 0);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX);
	host_rx(&h, &fin);
	cr_assert_eq(host_sent(&h, 1).flags, HOST_RST, "unknown now");
	host_close(&h);
}

Test(timewait, default_is_a_minute)
{
	enter(NULL, false);
	cr_assert_leq(fantail_next_timer_us(h.f) - h.m->now_us, 60000000u);
	cr_assert_gt(fantail_next_timer_us(h.f) - h.m->now_us, 59900000u);
	host_close(&h);
}

/* Row 41: the peer closed first; the waiting is his. */
Test(timewait, not_for_who_closed_second)
{
	struct host_seg fin;

	host_open(&h, NULL);
	close_one(open_one(40000, false), true);
	cr_assert_eq(host_stats(&h).time_wait_entered, 0);
	h.m->frames = 0;
	fin = fin_again();
	host_rx(&h, &fin);
	cr_assert_eq(host_sent(&h, 0).flags, HOST_RST);
	host_close(&h);
}

/* Row 41: after the peer's FIN we send on; close and abort look different. */
Test(timewait, peers_fin_first_and_we_go_on)
{
	struct fantail_conn *c;
	uint32_t n;

	host_open(&h, NULL);
	c = open_one(40000, false);
	mock_conn(h.m, fantail_conn_handle(c), FANTAIL_EV_PEER_FIN);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.conn.events, FANTAIL_EV_PEER_FIN);
	cr_assert_eq(h.ev[0].u.conn.dead, false, "closed, not aborted");
	n = h.m->entries[0];
	cr_assert_eq(
		fantail_publish_copy(h.f, fantail_to_conn(c), "more", 4, 0), 0);
	fantail_submit(h.f);
	cr_assert_eq(h.m->entry[0][n].op, FANTAIL_OP_PUBLISH);
	cr_assert_eq(memcmp(h.m->payload, "more", 4), 0);
	host_poll(&h);
	mock_conn(h.m, fantail_conn_handle(c), FANTAIL_EV_RESET);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.conn.events, FANTAIL_EV_RESET);
	cr_assert_eq(h.ev[0].u.conn.dead, true);
	fantail_release_conn(c);
	settle();
	cr_assert_eq(host_stats(&h).time_wait_entered, 0, "nor for the dead");
	host_close(&h);
}

/* Which SYN opens it anew, with and without timestamps. */
Test(timewait, reopening)
{
	static const struct {
		int64_t old_ts; /* has the old connection any? */
		int64_t ts;
		uint32_t seq;
		bool reopens;
	} rows[] = {
		{ 0, -1, 1001 + RECEIVED + 1, true },
		{ 0, 5, 1001 + RECEIVED + 100000, true },
		{ 0, -1, 1001 + RECEIVED, false },
		{ 0, -1, 900, false },
		{ 1, TS_PEER + 1, 1001 + RECEIVED + 1, true },
		{ 1, TS_PEER - 1, 1001 + RECEIVED + 1, false }, /* PAWS */
		{ 1, TS_PEER + 100000, 900, true }, /* only its timestamp */
		{ 1, TS_PEER + 1, 900, false },	    /* might be an old one */
		{ 1, -1, 1001 + RECEIVED + 1, true },
		{ 1, -1, 900, false },
	};
	struct host_seg syn, r, ack;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enter(NULL, rows[i].old_ts);
		syn = host_seg(40000, HOST_SYN, rows[i].seq, 0);
		syn.ts_val = rows[i].ts;
		host_rx(&h, &syn);
		cr_assert_eq(h.m->frames, 1);
		r = host_sent(&h, 0);
		cr_assert_eq(host_stats(&h).time_wait_reopened, rows[i].reopens,
			     "row %zu", i);
		cr_assert_eq(host_stats(&h).time_wait, !rows[i].reopens);
		if (!rows[i].reopens) {
			cr_assert_eq(r.flags, HOST_ACK, "row %zu", i);
			cr_assert_eq(r.seq, iss + QUEUED + 2);
			cr_assert_eq(r.ack, 1001 + RECEIVED + 1);
			host_close(&h);
			continue;
		}
		cr_assert_eq(r.flags, HOST_SYN | HOST_ACK, "row %zu", i);
		cr_assert_eq(r.ack, rows[i].seq + 1);
		cr_assert_gt((int32_t)(r.seq - (iss + QUEUED + 1)), 0,
			     "our numbers go on above the old ones");
		ack = host_seg(40000, HOST_ACK, rows[i].seq + 1, r.seq + 1);
		ack.ts_val = rows[i].ts;
		host_rx(&h, &ack);
		host_poll(&h);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ACCEPT);
		host_close(&h);
	}
}

/* Also if the old connection ran ahead of the clock of 4 us. */
Test(timewait, our_numbers_go_on_above)
{
	struct fantail_conn *c;
	struct host_seg syn, r;

	host_open(&h, NULL);
	c = open_one(40000, false);
	h.m->queued[0] = 0x7000000;
	fantail_close_conn(c);
	fantail_submit(h.f);
	mock_conn(h.m, 0,
		  FANTAIL_EV_PEER_FIN | FANTAIL_EV_FIN_ACKED |
			  FANTAIL_EV_CLOSED);
	host_poll(&h);
	fantail_release_conn(c);
	settle();
	syn = host_seg(40000, HOST_SYN, 2000, 0);
	host_rx(&h, &syn);
	r = host_sent(&h, h.m->frames - 1);
	cr_assert_eq(r.flags, HOST_SYN | HOST_ACK);
	cr_assert_eq(r.seq, iss + 1 + 0x7000000 + 1 + 65537);
	host_close(&h);
}

/* RFC 1337; and no answer to what needs none, so that no war breaks out. */
Test(timewait, other_segments)
{
	struct host_seg s;
	int i;

	enter(NULL, false);
	s = host_seg(40000, HOST_RST, 1001 + RECEIVED + 1, 0);
	host_rx(&h, &s);
	s.flags = HOST_RST | HOST_ACK;
	host_rx(&h, &s);
	cr_assert_eq(host_stats(&h).time_wait, 1);
	s = host_seg(40000, HOST_ACK, 1001 + RECEIVED + 1, iss + QUEUED + 2);
	host_rx(&h, &s);
	cr_assert_eq(h.m->frames, 0);
	/* Nor is a RST of another number answered, row 49. */
	s = host_seg(40000, HOST_RST, 1, 0);
	host_rx(&h, &s);
	s.flags = HOST_RST | HOST_FIN;
	s.seq = 1001 + RECEIVED;
	host_rx(&h, &s);
	cr_assert_eq(h.m->frames, 0);
	cr_assert_eq(host_stats(&h).time_wait_dropped, 5);
	s = host_seg(40000, HOST_ACK, 1000, iss + QUEUED + 2);
	/* An old ACK is told where we are; not without limit. */
	s.seq = 1000;
	for (i = 0; i < 200; i++)
		host_rx(&h, &s);
	cr_assert_eq(h.m->frames, 100);
	cr_assert_eq(host_sent(&h, 0).ack, 1001 + RECEIVED + 1);
	/* A repeated FIN always. */
	s = fin_again();
	host_rx(&h, &s);
	cr_assert_eq(h.m->frames, 101);
	host_close(&h);
}

/* The port may have nobody listening by now. */
Test(timewait, no_listener_no_reopening)
{
	struct host_seg syn;

	enter(NULL, false);
	fantail_unlisten(h.listener);
	syn = host_seg(40000, HOST_SYN, 900000, 0);
	host_rx(&h, &syn);
	cr_assert_eq(host_sent(&h, 0).flags, HOST_ACK);
	cr_assert_eq(host_stats(&h).time_wait, 1);
	host_close(&h);
}

/* Bounded: the oldest makes room. */
Test(timewait, table_is_bounded)
{
	struct fantail_options opt = { .time_wait_max = 8 };
	struct host_seg fin;
	uint16_t i;

	host_open(&h, &opt);
	for (i = 0; i < 20; i++)
		close_one(open_one(40000 + i, false), false);
	cr_assert_eq(host_stats(&h).time_wait, 8);
	cr_assert_eq(host_stats(&h).time_wait_evicted, 12);
	for (i = 0; i < 20; i++) {
		fin = host_seg(40000 + i, HOST_ACK | HOST_FIN, 1006, 1);
		host_rx(&h, &fin);
		cr_assert_eq(host_sent(&h, h.m->frames - 1).flags,
			     i < 12 ? HOST_RST : HOST_ACK);
	}
	h.m->now_us += 61000000;
	host_poll(&h);
	cr_assert_eq(host_stats(&h).time_wait, 0);
	host_close(&h);
}

/* A SYN that finds the backlog full gets no cookie, which could go back. */
Test(timewait, no_cookie_out_of_it)
{
	struct host_seg syn;
	uint16_t i;

	enter(NULL, false);
	for (i = 0; i < 4; i++) {
		syn = host_seg(30000 + i, HOST_SYN, 1, 0);
		host_rx(&h, &syn);
	}
	syn = host_seg(40000, HOST_SYN, 900000, 0);
	host_rx(&h, &syn);
	cr_assert_eq(h.m->frames, 4);
	cr_assert_eq(host_stats(&h).syn_dropped, 1);
	cr_assert_eq(host_stats(&h).time_wait, 1);
	host_close(&h);
}
