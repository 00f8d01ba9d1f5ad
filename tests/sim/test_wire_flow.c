/* SPDX-License-Identifier: Apache-2.0 */
/* The wire checker: faults that show only in the course of a connection. */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>

#include "wire_card.h"

TestSuite(wire_flow, .init = setup, .fini = teardown);

Test(wire_flow, same_ports_again_after_close)
{
	struct seg s;

	connect_mss(1460, 1000);
	s = tx_seg(0, TCP_RST | TCP_ACK, NULL);
	cr_assert_eq(tx(&s), 0);
	cr_assert_eq(tx(&s), 0, "a second RST");
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "new"), 0, "%s", last_line);
	cr_assert_eq(result().flows, 2);
}

Test(wire_flow, active_open)
{
	struct seg s = tx_seg(0, TCP_SYN, NULL);

	s.seq = ISN;
	s.ack = 0;
	seg_mss(&s, 1460);
	cr_assert_eq(tx(&s), 0);
	cr_assert_eq(tx(&s), 0, "SYN again");
	s = rx_seg(0, TCP_SYN | TCP_ACK, 4);
	s.seq = PEER_ISN;
	rx(&s);
	s = tx_seg(0, TCP_SYN, NULL);
	s.seq = ISN;
	s.ack = 0;
	seg_mss(&s, 1460);
	cr_assert_eq(tx(&s), 0, "SYN again, its answer was lost in the host");
	cr_assert_eq(tx_data(0, NULL), 0);
	cr_assert_eq(tx_data(0, "four"), 0);
	cr_assert_eq(tx_data(4, "five"), 1);
	expect(FANTAIL_WIRE_WINDOW);
}

Test(wire_flow, syn_again_behind_its_acknowledgement)
{
	struct seg s = tx_seg(0, TCP_SYN, NULL), answer;

	s.seq = ISN;
	s.ack = 0;
	seg_mss(&s, 1460);
	cr_assert_eq(tx(&s), 0);
	answer = rx_seg(0, TCP_SYN | TCP_ACK, 4);
	answer.seq = PEER_ISN;
	rx(&answer);
	cr_assert_eq(tx_data(0, NULL), 0);
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_SYN);
}

static uint32_t told_sent, told_acked, told_over;

static void on_sent(void *ctx, uint32_t mark, uint32_t bytes)
{
	cr_assert_eq(ctx, &told_sent);
	cr_assert_eq(mark, 77);
	told_sent += bytes;
}

static void on_acked(void *ctx, uint32_t mark, uint32_t bytes)
{
	(void)ctx;
	cr_assert_eq(mark, 77);
	told_acked += bytes;
}

static void on_over(void *ctx, uint32_t mark, uint32_t bytes)
{
	(void)ctx;
	cr_assert_eq(mark, 77);
	cr_assert_eq(bytes, 0);
	told_over++;
}

/* What is told of a marked connection: each byte once, and its end. */
Test(wire_flow, marked)
{
	struct fantail_wire_check_config cfg = {
		.card_ip = CARD,
		.log = log_line,
		.sent = on_sent,
		.acked = on_acked,
		.over = on_over,
		.mark_ctx = &told_sent,
	};
	uint32_t unacked;
	struct seg s;

	teardown();
	cr_assert_eq(fantail_wire_check_open(&cfg, &check), 0);
	cr_assert_eq(fantail_wire_check_mark(check, CARD, CARD_PORT, PEER, 4000,
					     77, &unacked),
		     -ENOENT);
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "before"), 0);
	cr_assert_eq(fantail_wire_check_mark(check, CARD, CARD_PORT, PEER, 4000,
					     77, &unacked),
		     0);
	cr_assert_eq(unacked, 6);
	cr_assert_eq(tx_data(3, "ore and"), 0);
	cr_assert_eq(told_sent, 4, "%u", told_sent);
	cr_assert_eq(tx_data(6, " and"), 0, "again");
	cr_assert_eq(told_sent, 4);
	rx_ack(8, 1000);
	rx_ack(8, 1000);
	rx_ack(3, 1000);
	cr_assert_eq(told_acked, 8);
	s = tx_seg(10, TCP_ACK | TCP_FIN, NULL);
	cr_assert_eq(tx(&s), 0);
	cr_assert_eq(told_sent, 4);
	rx_ack(11, 1000);
	cr_assert_eq(told_acked, 11);
	cr_assert_eq(told_over, 0);
	s = rx_seg(11, TCP_RST | TCP_ACK, 0);
	rx(&s);
	cr_assert_eq(told_over, 1);
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "new"), 0, "%s", last_line);
	cr_assert_eq(told_sent, 4, "another connection");
	cr_assert_eq(told_over, 1);
}

Test(wire_flow, unknown_connection)
{
	struct seg s = tx_seg(0, TCP_RST, NULL);

	cr_assert_eq(tx(&s), 0, "a RST may go anywhere");
	cr_assert_eq(tx_data(0, "x"), 1);
	expect(FANTAIL_WIRE_UNKNOWN);
}

Test(wire_flow, syn_ack_answers_no_syn)
{
	cr_assert_eq(tx_syn_ack(false, -1), 1);
	expect(FANTAIL_WIRE_SYN);
}

Test(wire_flow, syn_isn_changed)
{
	struct seg s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);

	rx_syn(1460, false, -1, 1000);
	cr_assert_eq(tx_syn_ack(false, -1), 0);
	cr_assert_eq(tx_syn_ack(false, -1), 0, "SYN-ACK again");
	s.seq = ISN + 9;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_SYN);
}

Test(wire_flow, gap)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abc"), 0);
	cr_assert_eq(tx_data(4, "e"), 1);
	expect(FANTAIL_WIRE_GAP);
	cr_assert_eq(tx_data(5, "f"), 0, "one gap is one violation");
}

Test(wire_flow, gap_of_a_pure_ack)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(1, NULL), 1);
	expect(FANTAIL_WIRE_GAP);
}

Test(wire_flow, below_first_byte)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abc"), 0);
	cr_assert_eq(tx_data((uint32_t)-1, NULL), 0, "keepalive");
	cr_assert_eq(tx_data((uint32_t)-1, "x"), 1);
	expect(FANTAIL_WIRE_BELOW);
}

Test(wire_flow, changed_byte)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abcdefgh"), 0);
	rx_ack(3, 1000);
	cr_assert_eq(tx_data(0, "ABCdefgh"), 0, "acknowledged: not kept");
	cr_assert_eq(tx_data(4, "efgH"), 1);
	expect(FANTAIL_WIRE_CHANGED);
	cr_assert(strstr(last_line, "byte 3"), "%s", last_line);
}

/* The store moves, grows and forgets over many times its first size. */
Test(wire_flow, changed_byte_in_a_long_stream)
{
	static char data[1461];
	uint32_t at = 0, acked = 0;
	int i;

	connect_mss(1460, 65535);
	for (i = 0; i < 500; i++) {
		memset(data, 'a' + i % 26, 1460);
		cr_assert_eq(tx_data(at, data), 0, "%d: %s", i, last_line);
		at += 1460;
		if (i % 7 == 6) {
			acked = at - 3 * 1460 - 13;
			rx_ack(acked, 65535);
			memset(data, 'a' + (i - 1) % 26, 1460);
			cr_assert_eq(tx_data(at - 2920, data), 0, "%d: %s", i,
				     last_line);
		}
	}
	cr_assert_eq(result().compared_bytes, 71 * 1460);
	data[1459] = '!';
	memset(data, 'a' + 499 % 26, 1459);
	cr_assert_eq(tx_data(at - 1460, data), 1);
	expect(FANTAIL_WIRE_CHANGED);
	cr_assert(strstr(last_line, "byte 1459"), "%s", last_line);
}

Test(wire_flow, window)
{
	connect_mss(1460, 8);
	cr_assert_eq(tx_data(0, "12345678"), 0);
	rx_ack(8, 1); /* a closed window cannot be built here: one byte */
	cr_assert_eq(tx_data(8, "9"), 0);
	cr_assert_eq(tx_data(9, "p"), 0, "a probe");
	cr_assert_eq(result().window_probes, 1);
	cr_assert_eq(tx_data(9, "pq"), 1);
	expect(FANTAIL_WIRE_WINDOW);
}

/* The edge is the right-most ever seen: a late old ACK takes nothing back. */
Test(wire_flow, window_does_not_shrink)
{
	connect_mss(1460, 100);
	rx_ack(0, 2);
	cr_assert_eq(tx_data(0, "0123456789"), 0, "%s", last_line);
}

Test(wire_flow, window_of_a_syn_is_not_scaled)
{
	struct seg s;

	rx_syn(1460, false, 4, 5);
	cr_assert_eq(tx_syn_ack(false, 0), 0);
	s = tx_seg(0, TCP_ACK, "123456");
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_WINDOW);
	rx_ack(0, 1); /* 16 bytes */
	cr_assert_eq(tx_data(6, "1234567890"), 0, "%s", last_line);
	cr_assert_eq(tx_data(16, "12"), 1);
}

Test(wire_flow, mss_with_options)
{
	static char data[101];
	struct seg s;

	memset(data, 'x', 100);
	rx_syn(100, true, -1, 1000);
	cr_assert_eq(tx_syn_ack(true, -1), 0);
	rx_ack(0, 1000);
	s = tx_seg(0, TCP_ACK, data);
	seg_ts(&s, 1, 1);
	s.len = 88;
	cr_assert_eq(tx(&s), 0, "%s", last_line);
	s.len = 89;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_MSS);
}

Test(wire_flow, mss_without_option_is_536)
{
	static char data[538];

	memset(data, 'x', 537);
	connect_mss(0, 2000);
	cr_assert_eq(tx_data(0, data), 1);
	expect(FANTAIL_WIRE_MSS);
}

static int tx_fin(uint32_t at, const char *data)
{
	struct seg s = tx_seg(at, TCP_ACK | TCP_FIN, data);

	return tx(&s);
}

Test(wire_flow, fin_before_data_end)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abcdef"), 0);
	cr_assert_eq(tx_fin(3, NULL), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire_flow, fin_moved)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_fin(0, "abc"), 0);
	cr_assert_eq(tx_data(4, NULL), 0, "an ACK behind the FIN");
	cr_assert_eq(tx_fin(0, "abc"), 0);
	cr_assert_eq(tx_fin(1, NULL), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire_flow, data_after_fin)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_fin(0, NULL), 0);
	cr_assert_eq(tx_data(1, "x"), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire_flow, segment_after_rst)
{
	struct seg s = tx_seg(0, TCP_RST | TCP_ACK, NULL);

	connect_mss(1460, 1000);
	cr_assert_eq(tx(&s), 0);
	cr_assert_eq(tx_data(0, "x"), 1);
	expect(FANTAIL_WIRE_AFTER_RST);
}

Test(wire_flow, ack_of_nothing)
{
	struct seg s = tx_seg(0, TCP_ACK, NULL);

	connect_mss(1460, 1000);
	s.ack++;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_ACK);
}

/* Frames that the card must drop do not move the judgement. */
Test(wire_flow, received_frame_with_bad_checksum_is_ignored)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct seg s = rx_seg(0, TCP_ACK, 1000);
	size_t len = frame_build(f, &s);

	connect_mss(1460, 3);
	f[49]++;
	cr_assert_eq(fantail_wire_check_rx(check, f, len, 0), 0);
	cr_assert_eq(result().rx_ignored, 1);
	cr_assert_eq(tx_data(0, "12345"), 1);
	expect(FANTAIL_WIRE_WINDOW);
}

Test(wire_flow, limits_of_memory_and_log)
{
	struct fantail_wire_check_config cfg = {
		.store_bytes = 4096,
		.max_flows = 4,
		.log_limit = 2,
		.log = log_line,
	};
	static char data[1461];
	int i;

	fantail_wire_check_close(check);
	cr_assert_eq(fantail_wire_check_open(&cfg, &check), 0);
	memset(data, 'x', 1460);
	connect_mss(1460, 65535);
	for (i = 0; i < 10; i++)
		cr_assert_eq(tx_data((uint32_t)i * 1460, data), 0);
	cr_assert_eq(result().unchecked_bytes, 8 * 1460);
	rx_ack(14600, 65535);
	cr_assert_eq(tx_data(14600, "kept again"), 0);
	cr_assert_eq(tx_data(14600, "kept agaim"), 1);
	for (i = 0; i < 5; i++)
		cr_assert_eq(tx_data(14600, "kept agaim"), 1);
	cr_assert_eq(lines, 2, "the log has a limit");
	/* half-open connections make room for each other */
	for (i = 0; i < 100; i++) {
		struct seg s = rx_seg(0, TCP_SYN, 100);

		s.sport = (uint16_t)(10000 + i);
		rx(&s);
	}
	cr_assert_eq(tx_data(14610, "still known"), 0, "%s", last_line);
}

/* Many connections at once: the table grows and finds each of them. */
Test(wire_flow, thousands_of_connections)
{
	struct seg s;
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 5000; i++) {
			if (!round) {
				s = rx_seg(0, TCP_SYN, 1000);
				s.seq = PEER_ISN;
				s.sport = (uint16_t)(10000 + i);
				rx(&s);
				s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);
				s.seq = ISN;
			} else {
				s = tx_seg(0, TCP_ACK,
					   round == 1 ? "abc" : "abd");
			}
			s.dport = (uint16_t)(10000 + i);
			cr_assert_eq(tx(&s), round == 2, "%s", last_line);
		}
	}
	cr_assert_eq(result().flows, 5000);
	cr_assert_eq(result().by_kind[FANTAIL_WIRE_CHANGED], 5000);
}
