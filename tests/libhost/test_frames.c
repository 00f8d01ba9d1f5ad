/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* ARP, ICMP echo, resets, and frames that are nobody's. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;

/* Rows 9, 39, 49: the right form, and never for a RST. */
Test(frames, resets_for_unknown_tuples)
{
	static const struct {
		const char *data;
		uint32_t seq, ack; /* of the answer */
		uint16_t port;
		uint8_t flags;
		uint8_t answer; /* 0: none */
	} rows[] = {
		{ NULL, 0, 501, 9, HOST_SYN, HOST_RST | HOST_ACK },
		{ "abc", 0, 504, 9, HOST_SYN, HOST_RST | HOST_ACK },
		{ "abc", 0, 504, 9, HOST_FIN, HOST_RST | HOST_ACK },
		{ NULL, 0, 500, 9, 0, HOST_RST | HOST_ACK },
		{ NULL, 900, 0, 9, HOST_ACK, HOST_RST },
		{ "abc", 900, 0, 9, HOST_ACK | HOST_FIN, HOST_RST },
		{ NULL, 900, 0, 9, HOST_ACK | HOST_SYN, HOST_RST },
		{ NULL, 0, 0, 9, HOST_RST, 0 },
		{ NULL, 0, 0, 9, HOST_RST | HOST_ACK, 0 },
		{ NULL, 0, 0, 9, HOST_RST | HOST_SYN, 0 },
		/* A listening port. */
		{ NULL, 900, 0, HOST_PORT, HOST_ACK, HOST_RST },
		{ NULL, 900, 0, HOST_PORT, HOST_ACK | HOST_SYN, HOST_RST },
		{ NULL, 0, 0, HOST_PORT, HOST_RST, 0 },
		{ NULL, 0, 0, HOST_PORT, HOST_RST | HOST_ACK, 0 },
		{ NULL, 0, 0, HOST_PORT, HOST_FIN, 0 },
		{ "abc", 0, 0, HOST_PORT, 0, 0 },
	};
	size_t i;

	host_open(&h, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_seg s = host_seg(40000, rows[i].flags, 500, 900);
		struct host_seg r;
		uint32_t n = h.m->frames;

		s.dst_port = rows[i].port;
		s.data = rows[i].data;
		host_rx(&h, &s);
		cr_assert_eq(h.m->frames, n + !!rows[i].answer, "row %zu", i);
		if (!rows[i].answer)
			continue;
		r = host_sent(&h, n);
		cr_assert_eq(r.flags, rows[i].answer, "row %zu", i);
		cr_assert_eq(r.seq, rows[i].seq, "row %zu", i);
		cr_assert_eq(r.ack, rows[i].ack, "row %zu", i);
		cr_assert_eq(r.src_port, rows[i].port);
		cr_assert_eq(r.dst_port, 40000);
		cr_assert_eq(r.options, 0);
		cr_assert_eq(r.payload, 0);
		cr_assert_eq(memcmp(r.dst_mac, host_peer_mac, 6), 0);
	}
	host_close(&h);
}

static void expect_bad(void (*spoil)(uint8_t *frame))
{
	struct host_seg s = host_seg(40000, HOST_SYN, 1, 0);
	uint64_t bad = host_stats(&h).frames_bad;
	uint8_t frame[1514];
	size_t len;

	s.mss = 1460;
	len = host_build(&s, frame);
	spoil(frame);
	mock_rx(h.m, frame, len);
	host_poll(&h);
	cr_assert_eq(host_stats(&h).frames_bad, bad + 1);
	cr_assert_eq(h.m->frames, 0);
}

static void spoil_ip_sum(uint8_t *f)
{
	f[24] ^= 1;
}

static void spoil_tcp_sum(uint8_t *f)
{
	f[50] ^= 1;
}

static void spoil_mac(uint8_t *f)
{
	f[5] ^= 1;
}

static void fix_ip(uint8_t *f)
{
	uint16_t sum;

	f[24] = 0;
	f[25] = 0;
	sum = host_checksum(f + 14, 20, 0);
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
}

static void spoil_length(uint8_t *f)
{
	f[16] = 6;
	fix_ip(f);
}

static void spoil_fragment(uint8_t *f)
{
	f[20] = 0x20;
	fix_ip(f);
}

static void spoil_source(uint8_t *f)
{
	f[29] = 255; /* 10.0.2.255 */
	fix_ip(f);
}

static void spoil_destination(uint8_t *f)
{
	f[33]++;
	fix_ip(f);
}

static void spoil_header(uint8_t *f)
{
	f[46] = 0x40;
}

Test(frames, bad_ones_are_counted_and_not_answered)
{
	static void (*const spoil[])(uint8_t *) = {
		spoil_ip_sum,	spoil_tcp_sum, spoil_mac,    spoil_length,
		spoil_fragment, spoil_source,  spoil_header, spoil_destination,
	};
	size_t i;

	host_open(&h, NULL);
	for (i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++)
		expect_bad(spoil[i]);
	host_close(&h);
}

/* Whatever comes: no crash, no loss of slots. The sanitizers watch. */
Test(frames, arbitrary_bytes)
{
	struct host_seg s = host_seg(40000, HOST_SYN, 1, 0);
	unsigned int seed = 7;
	uint8_t frame[1514];
	size_t len;
	int i, k;

	host_open(&h, NULL);
	s.mss = 1460;
	s.wscale = 3;
	s.ts_val = 9;
	for (i = 0; i < 20000; i++) {
		len = host_build(&s, frame);
		for (k = 0; k < 3; k++)
			frame[(size_t)rand_r(&seed) % len] =
				(uint8_t)rand_r(&seed);
		if (rand_r(&seed) % 4 == 0)
			len = (size_t)rand_r(&seed) % len + 1;
		mock_rx(h.m, frame, len);
		host_poll(&h);
	}
	fantail_wait(h.f, 0);
	fantail_wait(h.f, 0);
	cr_assert_eq(h.m->slots_used, 0);
	host_close(&h);
}

static size_t arp(uint8_t *p, uint8_t op, uint8_t last)
{
	static const uint8_t head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0 };
	static const uint8_t peer_ip[] = { 10, 0, 2, 2 };
	const uint8_t our_ip[] = { 10, 0, 2, last };

	memset(p, 0, 60);
	memset(p, 0xFF, 6);
	memcpy(p + 6, host_peer_mac, 6);
	memcpy(p + 12, head, sizeof(head));
	p[21] = op;
	memcpy(p + 22, host_peer_mac, 6);
	memcpy(p + 28, peer_ip, 4);
	memcpy(p + 38, our_ip, 4);
	return 60;
}

Test(frames, arp_is_answered)
{
	uint8_t frame[1514];
	const uint8_t *r;

	host_open(&h, NULL);
	mock_rx(h.m, frame, arp(frame, 1, 15));
	host_poll(&h);
	cr_assert_eq(h.m->frames, 1);
	r = h.m->frame[0].data;
	cr_assert_eq(h.m->frame[0].len, 42);
	cr_assert_eq(memcmp(r, host_peer_mac, 6), 0);
	cr_assert_eq(memcmp(r + 6, host_mac, 6), 0);
	cr_assert_eq(r[21], 2);
	cr_assert_eq(memcmp(r + 22, host_mac, 6), 0);
	cr_assert_eq(memcmp(r + 28, frame + 38, 4), 0);
	cr_assert_eq(memcmp(r + 32, host_peer_mac, 6), 0);
	cr_assert_eq(memcmp(r + 38, frame + 28, 4), 0);
	mock_rx(h.m, frame, arp(frame, 1, 16));
	mock_rx(h.m, frame, arp(frame, 2, 15));
	mock_rx(h.m, frame, arp(frame, 1, 15) - 20);
	host_poll(&h);
	cr_assert_eq(h.m->frames, 1, "not for others, replies, short ones");
	host_close(&h);
}

Test(frames, the_gateway_is_asked_for_and_used)
{
	struct fantail_options opt = { .gateway = 0x0A000202 };
	struct host_seg syn = host_seg(40000, HOST_SYN, 1, 0), r;
	uint8_t frame[1514];

	host_open(&h, &opt);
	host_poll(&h); /* sends what open had to say */
	cr_assert_eq(h.m->frames, 1);
	cr_assert_eq(h.m->frame[0].data[21], 1);
	cr_assert_eq(h.m->frame[0].data[41], 2);
	arp(frame, 2, 15);
	frame[27] = 0x77; /* its address */
	mock_rx(h.m, frame, 60);
	syn.src_ip = 0xC0000201; /* beyond our network */
	host_rx(&h, &syn);
	r = host_sent(&h, 1);
	cr_assert_eq(r.dst_mac[5], 0x77);
	host_close(&h);
}

Test(frames, echo_of_any_size)
{
	static const uint16_t sizes[] = { 8, 9, 64, 1000, 1480 };
	struct host_seg s = host_seg(1, 0, 0, 0);
	uint8_t frame[1514], *ip = frame + 14, *icmp = ip + 20;
	const struct mock_frame *r;
	uint16_t sum, n;
	size_t i, k;

	host_open(&h, NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = sizes[i];
		host_build(&s, frame);
		ip[2] = (uint8_t)((n + 20) >> 8);
		ip[3] = (uint8_t)(n + 20);
		ip[9] = 1;
		fix_ip(frame);
		for (k = 0; k < n; k++)
			icmp[k] = (uint8_t)(k * 3);
		icmp[0] = 8;
		icmp[1] = icmp[2] = icmp[3] = 0;
		sum = host_checksum(icmp, n, 0);
		icmp[2] = (uint8_t)(sum >> 8);
		icmp[3] = (uint8_t)sum;
		mock_rx(h.m, frame, n + 34u < 60 ? 60 : n + 34u);
		host_poll(&h);
		cr_assert_eq(h.m->frames, i + 1);
		r = &h.m->frame[i];
		cr_assert_eq(r->len, n + 34);
		cr_assert_eq(memcmp(r->data, host_peer_mac, 6), 0);
		cr_assert_eq(memcmp(r->data + 6, host_mac, 6), 0);
		cr_assert_eq(host_checksum(r->data + 14, 20, 0), 0);
		cr_assert_eq(host_checksum(r->data + 34, n, 0), 0);
		cr_assert_eq(r->data[34], 0);
		cr_assert_eq(memcmp(r->data + 38, icmp + 4, n - 4), 0);
		cr_assert_eq(memcmp(r->data + 26, ip + 16, 4), 0);
		cr_assert_eq(memcmp(r->data + 30, ip + 12, 4), 0);
	}
	icmp[8] ^= 1;
	mock_rx(h.m, frame, 1514);
	host_poll(&h);
	cr_assert_eq(h.m->frames, i, "wrong checksum");
	cr_assert_eq(host_stats(&h).echo_replies, i);
	host_close(&h);
}
