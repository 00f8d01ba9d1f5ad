/* SPDX-License-Identifier: Apache-2.0 */
/* The wire checker: silent on a correct exchange; faults of a single frame. */
/* model: none */
#include <criterion/criterion.h>

#include "wire_card.h"

TestSuite(wire, .init = setup, .fini = teardown);

Test(wire, correct_exchange_is_silent)
{
	struct seg s;

	rx_syn(1460, true, 2, 1000);
	cr_assert_eq(tx_syn_ack(true, 3), 0);
	rx_ack(0, 250); /* scaled: 1000 */
	s = tx_seg(0, TCP_ACK, "hello, world, across the wrap");
	seg_ts(&s, 5, 1);
	cr_assert_eq(tx(&s), 0, "%s", last_line);
	s.len = 7; /* part of it again */
	cr_assert_eq(tx(&s), 0, "%s", last_line);
	rx_ack(5, 250);
	s = tx_seg(5, TCP_ACK | TCP_PSH, ", world, across the wrap and on");
	seg_ts(&s, 5, 1); /* old and new bytes in one segment */
	cr_assert_eq(tx(&s), 0, "%s", last_line);
	s = tx_seg(36, TCP_ACK | TCP_FIN, NULL);
	seg_ts(&s, 6, 1);
	cr_assert_eq(tx(&s), 0, "%s", last_line);
	cr_assert_eq(tx(&s), 0, "FIN again: %s", last_line);
	rx_ack(37, 250);
	s = rx_seg(37, TCP_ACK | TCP_FIN, 250);
	rx(&s);
	s = tx_seg(37, TCP_ACK, NULL);
	s.ack++;
	seg_ts(&s, 6, 1);
	cr_assert_eq(tx(&s), 0, "%s", last_line);

	cr_assert_eq(result().payload_bytes, 36);
	cr_assert_eq(result().retransmitted_bytes, 31);
	cr_assert_eq(result().compared_bytes, 31);
	cr_assert_eq(result().retransmitted_segments, 3);
	cr_assert_eq(result().flows, 1);
	cr_assert_eq(lines, 0);
}

/* A frame changed by hand: one byte, sums right again or not. */
static int tx_changed(size_t at, uint8_t value, bool sums, size_t extra)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX] = { 0 };
	struct seg s = tx_seg(0, TCP_ACK, NULL);
	size_t len = frame_build(f, &s);

	f[at] = value;
	if (sums)
		frame_sums(f);
	return fantail_wire_check_tx(check, f, len + extra, 7);
}

#define CHANGED(name, kind, at, value, sums, extra)                           \
	Test(wire, name)                                                      \
	{                                                                     \
		connect_mss(1460, 1000);                                      \
		cr_assert_eq(tx_changed(at, value, sums, (size_t)(extra)), 1, \
			     "%s", last_line);                                \
		expect(kind);                                                 \
	}

CHANGED(length_total_above_frame, FANTAIL_WIRE_LENGTH, 16, 9, false, 0)
CHANGED(length_tcp_header, FANTAIL_WIRE_LENGTH, 46, 0x40, false, 0)
CHANGED(length_short_frame, FANTAIL_WIRE_LENGTH, 0, 2, false, -50)
CHANGED(padding_short, FANTAIL_WIRE_PADDING, 0, 2, false, -6)
CHANGED(padding_long, FANTAIL_WIRE_PADDING, 0, 2, false, 1)
CHANGED(padding_not_zero, FANTAIL_WIRE_PADDING, 57, 1, false, 0)
CHANGED(ethernet_source, FANTAIL_WIRE_ETHERNET, 11, 9, false, 0)
CHANGED(ethernet_type, FANTAIL_WIRE_ETHERNET, 12, 0x86, false, 0)
CHANGED(ip_fragment, FANTAIL_WIRE_IP, 20, 0x00, true, 0)
CHANGED(ip_ttl, FANTAIL_WIRE_IP, 22, 0, true, 0)
CHANGED(ip_checksum, FANTAIL_WIRE_IP_CHECKSUM, 19, 1, false, 0)
CHANGED(tcp_checksum, FANTAIL_WIRE_TCP_CHECKSUM, 49, 1, false, 0)
CHANGED(reserved_bits, FANTAIL_WIRE_RESERVED, 46, 0x52, true, 0)
CHANGED(reserved_ecn, FANTAIL_WIRE_RESERVED, 47, 0x50, true, 0)
CHANGED(reserved_urgent, FANTAIL_WIRE_RESERVED, 53, 1, true, 0)
CHANGED(reserved_no_ack, FANTAIL_WIRE_RESERVED, 47, 0x08, true, 0)

Test(wire, ip_source)
{
	struct seg s = tx_seg(0, TCP_RST, NULL);

	s.src = CARD + 1;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_IP);
}

Test(wire, arp)
{
	uint8_t f[ETH_MIN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t fixed[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	memcpy(f + 6, card_mac, 6);
	put16(f + 12, TYPE_ARP);
	memcpy(f + 14, fixed, 8);
	memcpy(f + 22, card_mac, 6);
	put32(f + 28, CARD);
	cr_assert_eq(fantail_wire_check_tx(check, f, sizeof(f), 0), 0);
	f[18] = 5;
	cr_assert_eq(fantail_wire_check_tx(check, f, sizeof(f), 0), 1);
	expect(FANTAIL_WIRE_ARP);
}

Test(wire, icmp)
{
	uint8_t f[ETH_MIN], *icmp = f + ETH_LEN + IP_LEN;
	struct seg s = tx_seg(0, 0, NULL);

	frame_build(f, &s);
	memset(icmp, 0, 20);
	put16(f + 16, IP_LEN + 8);
	f[23] = PROTO_ICMP;
	put16(f + 24, 0);
	put16(f + 24, csum_fold(csum_add(0, f + ETH_LEN, IP_LEN)));
	put16(icmp + 2, 0xffff);
	cr_assert_eq(fantail_wire_check_tx(check, f, ETH_MIN, 0), 0);
	icmp[5] = 1;
	cr_assert_eq(fantail_wire_check_tx(check, f, ETH_MIN, 0), 1);
	expect(FANTAIL_WIRE_ICMP);
}

static void options_case(const uint8_t *opt, size_t len, int found)
{
	struct seg s = tx_seg(0, TCP_ACK, NULL);

	connect_mss(1460, 1000);
	memcpy(s.opt, opt, len);
	s.opt_len = len;
	cr_assert_eq(tx(&s), found, "%s", last_line);
	if (found)
		expect(FANTAIL_WIRE_OPTIONS);
}

#define OPTIONS(name, found, ...)                             \
	Test(wire, name)                                      \
	{                                                     \
		static const uint8_t opt[] = { __VA_ARGS__ }; \
		options_case(opt, sizeof(opt), found);        \
	}

OPTIONS(options_end_of_list, 0, 1, 0, 0, 0)
OPTIONS(options_unknown, 0, 77, 4, 9, 9)
OPTIONS(options_length_zero, 1, 77, 0, 0, 0)
OPTIONS(options_too_long, 1, 77, 5, 0, 0)
OPTIONS(options_padding, 1, 1, 0, 0, 1)
OPTIONS(options_mss_without_syn, 1, 2, 4, 5, 0xb4)

Test(wire, options_sack_permitted)
{
	struct seg s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);

	rx_syn(1460, false, -1, 1000);
	s.seq = ISN;
	s.opt[0] = s.opt[1] = 1;
	s.opt[2] = 4;
	s.opt[3] = 2;
	s.opt_len = 4;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_OPTIONS);
}

Test(wire, options_scale_not_offered)
{
	rx_syn(1460, false, -1, 1000);
	cr_assert_eq(tx_syn_ack(false, 2), 1);
	expect(FANTAIL_WIRE_OPTIONS);
}

Test(wire, timestamp_missing)
{
	rx_syn(1460, true, -1, 1000);
	cr_assert_eq(tx_syn_ack(true, -1), 0);
	rx_ack(0, 1000);
	cr_assert_eq(tx_data(0, "x"), 1);
	expect(FANTAIL_WIRE_TIMESTAMP);
}

Test(wire, timestamp_not_agreed)
{
	struct seg s = tx_seg(0, TCP_ACK, "x");

	connect_mss(1460, 1000);
	seg_ts(&s, 1, 1);
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_TIMESTAMP);
}
