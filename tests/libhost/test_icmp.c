/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* ICMP errors: rows 45, 46; RFC 9293 3.9.2.2, RFC 5927, RFC 1191. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;
static struct fantail_conn *conn;
static uint32_t base; /* first byte of ours */

/* Of 10000 bytes queued 4000 are acknowledged. */
static void start(const struct fantail_options *opt)
{
	host_open(&h, opt);
	conn = host_accept(&h, 40000);
	base = h.m->context[0].snd_nxt;
	h.m->acked[0] = 4000;
	h.m->queued[0] = 10000;
}

static uint32_t updates(void)
{
	uint32_t i, n = 0;

	for (i = 0; i < h.m->entries[1]; i++)
		n += h.m->entry[1][i].op == FANTAIL_OP_CONN_UPDATE;
	return n;
}

/* The card's answer comes with the second poll. */
static int error(uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq)
{
	cr_assert_eq(host_icmp(&h, type, code, mtu, 40000, seq), 0);
	return host_poll(&h);
}

/* Row 45: which errors are soft, which hard, which nothing. */
Test(icmp, soft_and_hard)
{
	static const struct {
		uint8_t type, code;
		int error;
	} rows[] = {
		{ 3, 0, -EHOSTUNREACH },
		{ 3, 1, -EHOSTUNREACH },
		{ 3, 2, -ECONNREFUSED },
		{ 3, 3, -ECONNREFUSED },
		{ 3, 5, -EHOSTUNREACH },
		{ 3, 13, -EHOSTUNREACH },
		{ 11, 0, -EHOSTUNREACH },
		{ 11, 1, -EHOSTUNREACH },
		{ 12, 0, -EHOSTUNREACH },
		{ 4, 0, 0 },
		{ 5, 0, 0 },
		{ 13, 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n;

		start(NULL);
		n = error(rows[i].type, rows[i].code, 0, base + 4000);
		cr_assert_eq(n, !!rows[i].error, "row %zu", i);
		if (n) {
			cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ERROR);
			cr_assert_eq(h.ev[0].conn, conn);
			cr_assert_eq(h.ev[0].u.error.error, rows[i].error);
		}
		n = host_poll(&h);
		cr_assert_eq(n, rows[i].error == -ECONNREFUSED, "row %zu", i);
		if (n)
			cr_assert_eq(h.ev[0].u.conn.events, FANTAIL_EV_ABORTED);
		cr_assert_eq(host_stats(&h).icmp_quench, rows[i].type == 4);
		cr_assert_eq(host_stats(&h).icmp_ignored,
			     rows[i].type == 5 || rows[i].type == 13);
		host_close(&h);
	}
}

/* Row 45: only what is in flight, [acknowledged, queued and FIN]. */
Test(icmp, sequence_must_be_in_flight)
{
	static const struct {
		uint32_t off;
		bool good;
	} rows[] = {
		{ 4000, true },	  { 10000, true }, { 3999, false },
		{ 10001, false }, { 0, false },	   { 0x80000000u, false }
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(NULL);
		cr_assert_eq(error(3, 3, 0, base + rows[i].off), rows[i].good,
			     "row %zu", i);
		cr_assert_eq(host_stats(&h).icmp_out_of_seq, !rows[i].good);
		cr_assert_eq(host_stats(&h).icmp_hard, rows[i].good);
		host_close(&h);
	}
}

/* Row 45: by the tuple; and what cannot be believed. */
Test(icmp, quote_must_be_ours)
{
	struct host_seg q = host_seg(0, HOST_ACK, 0, 0);
	uint8_t frame[1514], good[1514], *icmp = frame + 34;
	uint64_t unmatched = 0;
	size_t len;
	int i;

	start(NULL);
	q.src_ip = HOST_IP;
	q.dst_ip = HOST_PEER;
	q.src_port = HOST_PORT;
	q.dst_port = 40000;
	q.seq = base + 4000;
	len = host_icmp_build(good, 3, 3, 0, &q);
	for (i = 0; i < 7; i++) {
		uint8_t *ip = frame + 14;
		uint16_t sum;

		memcpy(frame, good, len);
		icmp[2] = icmp[3] = 0;
		if (i == 0)
			icmp[8 + 15]++; /* source address */
		else if (i == 1)
			icmp[8 + 19]++; /* destination */
		else if (i == 2)
			icmp[8 + 21]++; /* source port */
		else if (i == 3)
			icmp[8 + 23]++; /* destination port */
		else if (i == 4)
			icmp[8 + 9] = 17; /* UDP */
		else if (i == 5)
			icmp[8] = 0x4F; /* options beyond its end */
		else
			icmp[8 + 7] = 3; /* not the first fragment */
		sum = host_checksum(icmp, 36, 0);
		icmp[2] = (uint8_t)(sum >> 8);
		icmp[3] = (uint8_t)sum;
		(void)ip;
		mock_rx(h.m, frame, len);
		cr_assert_eq(host_poll(&h), 0);
		cr_assert_eq(host_poll(&h), 0);
		cr_assert_eq(host_stats(&h).icmp_unmatched, ++unmatched,
			     "row %d", i);
	}
	memcpy(frame, good, len);
	frame[40] ^= 1;
	mock_rx(h.m, frame, len);
	host_poll(&h);
	cr_assert_eq(host_stats(&h).frames_bad, 1, "checksum");
	mock_rx(h.m, good, len);
	host_poll(&h);
	cr_assert_eq(host_poll(&h), 1, "and the good one");
	host_close(&h);
}

/* Never an answer to an error, whatever it is. */
Test(icmp, errors_are_not_answered)
{
	uint32_t n;
	int type, code;

	start(NULL);
	n = h.m->frames;
	for (type = 0; type < 32; type++)
		for (code = 0; code < 16; code++)
			if (type != 8 && !(type == 3 && (code | 1) == 3))
				host_icmp(&h, (uint8_t)type, (uint8_t)code, 0,
					  40000, base + 4000);
	cr_assert_eq(h.m->frames, n);
	host_close(&h);
}

/* Row 46: what MTU is told, what MSS the card then gets. */
Test(icmp, fragmentation_needed)
{
	static const struct {
		uint16_t mtu;
		uint32_t floor, mss; /* 0: no change */
	} rows[] = {
		{ 1400, 0, 1360 }, { 1500, 0, 0 },  { 9000, 0, 0 },
		{ 576, 0, 536 },   { 575, 0, 536 }, { 68, 0, 536 },
		{ 1, 0, 536 },	   { 68, 64, 64 },  { 296, 64, 256 },
		{ 0, 0, 1452 }, /* of old: the next plateau below 1500 */
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fantail_options opt = { .mss_floor = rows[i].floor };
		const struct fantail_entry *e;
		int n;

		start(&opt);
		n = error(3, 4, rows[i].mtu, base + 4000);
		cr_assert_eq(n, !!rows[i].mss, "row %zu", i);
		cr_assert_eq(updates(), (uint32_t)n);
		if (n) {
			e = &h.m->entry[1][h.m->entries[1] - 1];
			while (e->op != FANTAIL_OP_CONN_UPDATE)
				e--;
			cr_assert_eq(e->target, fantail_conn_handle(conn));
			cr_assert_eq(e->arg0, FANTAIL_UPDATE_MSS);
			cr_assert_eq(e->arg1, rows[i].mss, "row %zu", i);
			cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ERROR);
			cr_assert_eq(h.ev[0].u.error.error, -EMSGSIZE);
			cr_assert_eq(h.ev[0].u.error.mss, rows[i].mss);
		}
		host_close(&h);
	}
}

/* Lower and lower, never up again; timestamps are part of the segment. */
Test(icmp, mss_only_falls)
{
	struct host_seg syn, r, ack;

	host_open(&h, NULL);
	syn = host_seg(40000, HOST_SYN, 1000, 0);
	syn.mss = 1460;
	syn.ts_val = 5;
	host_rx(&h, &syn);
	r = host_sent(&h, 0);
	ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
	ack.ts_val = 6;
	host_rx(&h, &ack);
	host_poll(&h);
	base = r.seq + 1;
	h.m->queued[0] = 9000;
	cr_assert_eq(error(3, 4, 1400, base), 1);
	cr_assert_eq(h.ev[0].u.error.mss, 1348);
	cr_assert_eq(error(3, 4, 1450, base), 0);
	cr_assert_eq(error(3, 4, 1400, base), 0);
	cr_assert_eq(error(3, 4, 1000, base), 1);
	cr_assert_eq(h.ev[0].u.error.mss, 948);
	cr_assert_eq(error(3, 4, 500, base), 1);
	cr_assert_eq(h.ev[0].u.error.mss, 524);
	cr_assert_eq(updates(), 3);
	cr_assert_eq(host_stats(&h).icmp_mss_lowered, 3);
	cr_assert_eq(host_stats(&h).icmp_ignored, 2);
	/* Old news: those bytes came through. */
	h.m->acked[0] = 5000;
	cr_assert_eq(error(3, 4, 100, base + 10), 0);
	host_close(&h);
}

/* A storm costs one question at a time. */
Test(icmp, one_question_at_a_time)
{
	int i;

	start(NULL);
	h.m->hold[1] = true;
	for (i = 0; i < 100; i++)
		host_icmp(&h, 3, 1, 0, 40000, base + 4000);
	h.m->hold[1] = false;
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(host_stats(&h).icmp_limited, 99);
	for (i = 0; i < 1000; i++)
		error(3, 1, 0, base + 4000);
	cr_assert_eq(host_stats(&h).icmp_soft, 200, "in a second");
	host_close(&h);
}

/* The question may be overtaken by a release; nobody hears of it. */
Test(icmp, released_in_between)
{
	start(NULL);
	h.m->hold[1] = true;
	host_icmp(&h, 3, 3, 0, 40000, base + 4000);
	mock_conn(h.m, fantail_conn_handle(conn), FANTAIL_EV_RESET);
	host_poll(&h);
	fantail_release_conn(conn);
	fantail_submit(h.f);
	h.m->now_us += 5000;
	host_poll(&h);
	host_poll(&h);
	cr_assert_eq(host_stats(&h).open, 0);
	h.m->hold[1] = false;
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	cr_assert_eq(host_poll(&h), 0);
	cr_assert_eq(host_stats(&h).refused, 1);
	host_close(&h);
}

/* A handshake: a hard error ends it, a soft one or a wrong number does not. */
Test(icmp, of_a_handshake)
{
	struct host_seg syn = host_seg(40000, HOST_SYN, 1000, 0), r;

	host_open(&h, NULL);
	host_rx(&h, &syn);
	r = host_sent(&h, 0);
	host_icmp(&h, 3, 3, 0, 40000, r.seq + 1);
	host_icmp(&h, 3, 1, 0, 40000, r.seq);
	cr_assert_eq(host_stats(&h).handshakes, 1);
	host_icmp(&h, 3, 3, 0, 40000, r.seq);
	cr_assert_eq(host_stats(&h).handshakes, 0);
	cr_assert_eq(host_stats(&h).icmp_out_of_seq, 1);
	cr_assert_eq(host_stats(&h).icmp_soft, 1);
	cr_assert_eq(host_stats(&h).icmp_hard, 1);
	host_close(&h);
}

Test(icmp, arbitrary_bytes)
{
	struct host_seg q = host_seg(0, HOST_ACK, 0, 0);
	unsigned int seed = 5;
	uint8_t frame[1514], *icmp = frame + 34;
	uint16_t sum;
	size_t len;
	int i, k;

	start(NULL);
	q.src_ip = HOST_IP;
	q.dst_ip = HOST_PEER;
	q.src_port = HOST_PORT;
	q.dst_port = 40000;
	q.seq = base + 4000;
	for (i = 0; i < 20000; i++) {
		size_t n = (size_t)rand_r(&seed) % 37;

		len = host_icmp_build(frame, (uint8_t)(rand_r(&seed) % 14), 4,
				      (uint16_t)rand_r(&seed), &q);
		for (k = 0; k < 2; k++)
			icmp[4 + (size_t)rand_r(&seed) % 32] =
				(uint8_t)rand_r(&seed);
		/* cut short, all lengths and checksums right */
		frame[17] = (uint8_t)(20 + n);
		frame[24] = frame[25] = 0;
		sum = host_checksum(frame + 14, 20, 0);
		frame[24] = (uint8_t)(sum >> 8);
		frame[25] = (uint8_t)sum;
		if (n >= 4) {
			icmp[2] = icmp[3] = 0;
			sum = host_checksum(icmp, n, 0);
			icmp[2] = (uint8_t)(sum >> 8);
			icmp[3] = (uint8_t)sum;
		}
		mock_rx(h.m, frame, 34 + n);
		host_poll(&h);
		host_poll(&h);
		h.m->now_us += 10000;
		(void)len;
	}
	fantail_wait(h.f, 0);
	fantail_wait(h.f, 0);
	cr_assert_eq(h.m->slots_used, 0);
	host_close(&h);
}
