/* SPDX-License-Identifier: Apache-2.0 */
/* The wire checker: silent on a correct exchange, and each kind detected. */
/* model: none */
#include <criterion/criterion.h>
#include <stdio.h>

#include "net_card.h"
#include "wire_check.h"

#define CARD	 0x0a000001u
#define PEER	 0x0a000002u
#define ISN	 0xfffffff0u /* wraps within the first segments */
#define PEER_ISN 5000u

static struct fantail_wire_check *check;
static char last_line[400];
static unsigned int lines;

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	lines++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static void setup(void)
{
	struct fantail_wire_check_config cfg = {
		.card_ip = CARD,
		.log = log_line,
	};

	memcpy(cfg.card_mac, card_mac, 6);
	cr_assert_eq(fantail_wire_check_open(&cfg, &check), 0);
}

static void teardown(void)
{
	fantail_wire_check_close(check);
}

TestSuite(wire, .init = setup, .fini = teardown);

static struct seg tx_seg(uint32_t at, uint8_t flags, const char *data)
{
	return (struct seg){
		.src = CARD,
		.dst = PEER,
		.sport = CARD_PORT,
		.dport = 4000,
		.seq = ISN + 1 + at,
		.ack = PEER_ISN + 1,
		.flags = flags,
		.data = data,
		.len = data ? strlen(data) : 0,
	};
}

static struct seg rx_seg(uint32_t acked, uint8_t flags, uint16_t wnd)
{
	return (struct seg){
		.src = PEER,
		.dst = CARD,
		.sport = 4000,
		.dport = CARD_PORT,
		.seq = PEER_ISN + 1,
		.ack = ISN + 1 + acked,
		.flags = flags,
		.wnd = wnd,
	};
}

static int tx(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	return fantail_wire_check_tx(check, f, len, 7);
}

static void rx(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	cr_assert_eq(fantail_wire_check_rx(check, f, len, 7), 0);
}

static int tx_data(uint32_t at, const char *data)
{
	struct seg s = tx_seg(at, TCP_ACK, data);

	return tx(&s);
}

static void rx_ack(uint32_t acked, uint16_t wnd)
{
	struct seg s = rx_seg(acked, TCP_ACK, wnd);

	rx(&s);
}

static void rx_syn(uint16_t mss, bool ts, int wscale, uint16_t wnd)
{
	struct seg s = rx_seg(0, TCP_SYN, wnd);

	s.seq = PEER_ISN;
	s.ack = 0;
	if (mss)
		seg_mss(&s, mss);
	if (ts)
		seg_ts(&s, 1, 0);
	if (wscale >= 0)
		seg_wscale(&s, (uint8_t)wscale);
	rx(&s);
}

static int tx_syn_ack(bool ts, int wscale)
{
	struct seg s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);

	s.seq = ISN;
	seg_mss(&s, 1460);
	if (ts)
		seg_ts(&s, 1, 1);
	if (wscale >= 0)
		seg_wscale(&s, (uint8_t)wscale);
	return tx(&s);
}

/* A connection without options but the MSS. */
static void connect_mss(uint16_t mss, uint16_t wnd)
{
	rx_syn(mss, false, -1, wnd);
	cr_assert_eq(tx_syn_ack(false, -1), 0);
	rx_ack(0, wnd);
}

static struct fantail_wire_check_result result(void)
{
	struct fantail_wire_check_result r;

	fantail_wire_check_get_result(check, &r);
	return r;
}

/* Exactly one violation so far, of this kind, reported with its name. */
static void expect(enum fantail_wire_violation kind)
{
	struct fantail_wire_check_result r = result();
	const char *name = fantail_wire_violation_name(kind);

	cr_assert_eq(r.by_kind[kind], 1, "%s: %llu, last: %s", name,
		     (unsigned long long)r.by_kind[kind], last_line);
	cr_assert_eq(r.violations, 1, "%s: others too, last: %s", name,
		     last_line);
	cr_assert_eq(lines, 1);
	cr_assert(strstr(last_line, name), "%s", last_line);
	cr_assert_eq(r.first_frame, r.tx_frames, "not the last frame");
}

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

Test(wire, same_ports_again_after_close)
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

Test(wire, active_open)
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
	cr_assert_eq(tx_data(0, NULL), 0);
	cr_assert_eq(tx_data(0, "four"), 0);
	cr_assert_eq(tx_data(4, "five"), 1);
	expect(FANTAIL_WIRE_WINDOW);
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

Test(wire, unknown_connection)
{
	struct seg s = tx_seg(0, TCP_RST, NULL);

	cr_assert_eq(tx(&s), 0, "a RST may go anywhere");
	cr_assert_eq(tx_data(0, "x"), 1);
	expect(FANTAIL_WIRE_UNKNOWN);
}

Test(wire, syn_ack_answers_no_syn)
{
	cr_assert_eq(tx_syn_ack(false, -1), 1);
	expect(FANTAIL_WIRE_SYN);
}

Test(wire, syn_isn_changed)
{
	struct seg s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);

	rx_syn(1460, false, -1, 1000);
	cr_assert_eq(tx_syn_ack(false, -1), 0);
	cr_assert_eq(tx_syn_ack(false, -1), 0, "SYN-ACK again");
	s.seq = ISN + 9;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_SYN);
}

Test(wire, gap)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abc"), 0);
	cr_assert_eq(tx_data(4, "e"), 1);
	expect(FANTAIL_WIRE_GAP);
	cr_assert_eq(tx_data(5, "f"), 0, "one gap is one violation");
}

Test(wire, gap_of_a_pure_ack)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(1, NULL), 1);
	expect(FANTAIL_WIRE_GAP);
}

Test(wire, below_first_byte)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abc"), 0);
	cr_assert_eq(tx_data((uint32_t)-1, NULL), 0, "keepalive");
	cr_assert_eq(tx_data((uint32_t)-1, "x"), 1);
	expect(FANTAIL_WIRE_BELOW);
}

Test(wire, changed_byte)
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
Test(wire, changed_byte_in_a_long_stream)
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

Test(wire, window)
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
Test(wire, window_does_not_shrink)
{
	connect_mss(1460, 100);
	rx_ack(0, 2);
	cr_assert_eq(tx_data(0, "0123456789"), 0, "%s", last_line);
}

Test(wire, window_of_a_syn_is_not_scaled)
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

Test(wire, mss_with_options)
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

Test(wire, mss_without_option_is_536)
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

Test(wire, fin_before_data_end)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_data(0, "abcdef"), 0);
	cr_assert_eq(tx_fin(3, NULL), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire, fin_moved)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_fin(0, "abc"), 0);
	cr_assert_eq(tx_data(4, NULL), 0, "an ACK behind the FIN");
	cr_assert_eq(tx_fin(0, "abc"), 0);
	cr_assert_eq(tx_fin(1, NULL), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire, data_after_fin)
{
	connect_mss(1460, 1000);
	cr_assert_eq(tx_fin(0, NULL), 0);
	cr_assert_eq(tx_data(1, "x"), 1);
	expect(FANTAIL_WIRE_FIN);
}

Test(wire, segment_after_rst)
{
	struct seg s = tx_seg(0, TCP_RST | TCP_ACK, NULL);

	connect_mss(1460, 1000);
	cr_assert_eq(tx(&s), 0);
	cr_assert_eq(tx_data(0, "x"), 1);
	expect(FANTAIL_WIRE_AFTER_RST);
}

Test(wire, ack_of_nothing)
{
	struct seg s = tx_seg(0, TCP_ACK, NULL);

	connect_mss(1460, 1000);
	s.ack++;
	cr_assert_eq(tx(&s), 1);
	expect(FANTAIL_WIRE_ACK);
}

/* Frames that the card must drop do not move the judgement. */
Test(wire, received_frame_with_bad_checksum_is_ignored)
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

Test(wire, limits_of_memory_and_log)
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
Test(wire, thousands_of_connections)
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
