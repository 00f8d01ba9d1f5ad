/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../common/wire_bytes.h"

void host_open(struct host *h, const struct fantail_options *opt)
{
	struct fantail_options o = { 0 };

	memset(h, 0, sizeof(*h));
	if (opt)
		o = *opt;
	h->m = mock_new();
	h->dev = mock_open(h->m);
	o.dev = h->dev;
	memcpy(o.mac, host_mac, 6);
	o.ip = HOST_IP;
	cr_assert_eq(fantail_open(&o, &h->f), 0);
	cr_assert_eq(fantail_listen(h->f, HOST_PORT, 4, &h->listener), 0);
	h->m->writes = 0;
	h->m->frames = 0;
}

void host_close(struct host *h)
{
	fantail_close(h->f);
	fantail_dev_close(h->dev);
	mock_free(h->m);
}

int host_poll(struct host *h)
{
	int n = fantail_poll(h->f, h->ev, 64);

	cr_assert_geq(n, 0, "poll: %d", n);
	return n;
}

int host_icmp(struct host *h, uint8_t type, uint8_t code, uint16_t mtu,
	      uint16_t port, uint32_t seq)
{
	struct host_seg q = {
		.src_ip = HOST_IP,
		.dst_ip = HOST_PEER,
		.src_port = HOST_PORT,
		.dst_port = port,
		.seq = seq,
		.mss = -1,
		.wscale = -1,
		.ts_val = -1,
	};
	uint8_t frame[1514];

	mock_rx(h->m, frame, host_icmp_build(frame, type, code, mtu, &q));
	return host_poll(h);
}

int host_rx(struct host *h, const struct host_seg *s)
{
	uint8_t frame[1514];

	mock_rx(h->m, frame, host_build(s, frame));
	return host_poll(h);
}

void host_arp_reply(struct host *h, uint8_t last_mac)
{
	static const uint8_t head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 };
	static const uint8_t ips[] = { 10, 0, 2, 2 };
	static const uint8_t ours[] = { 10, 0, 2, 15 };
	uint8_t p[60] = { 0 };

	memcpy(p, host_mac, 6);
	memcpy(p + 6, host_peer_mac, 6);
	memcpy(p + 12, head, sizeof(head));
	memcpy(p + 22, host_peer_mac, 6);
	p[27] = last_mac;
	memcpy(p + 28, ips, 4);
	memcpy(p + 38, ours, 4);
	mock_rx(h->m, p, sizeof(p));
	host_poll(h);
}

struct host_seg host_sent(const struct host *h, uint32_t n)
{
	const struct mock_frame *fr = &h->m->frame[n % MOCK_FRAMES];
	const uint8_t *ip = fr->data + 14, *tcp = ip + 20, *o = tcp + 20;
	struct host_seg s = { .mss = -1, .wscale = -1, .ts_val = -1 };
	const uint8_t *end = tcp + (tcp[12] >> 4) * 4;
	uint32_t len = get(ip + 2, 2);

	cr_assert_lt(n, h->m->frames, "no frame %u was sent", n);
	cr_assert_eq(get(fr->data + 12, 2), 0x0800);
	cr_assert_eq(fr->len, 14 + len);
	cr_assert_eq(host_checksum(ip, 20, 0), 0, "IP checksum");
	cr_assert_eq(host_checksum(tcp, len - 20,
				   6 + len - 20 + get(ip + 12, 2) +
					   get(ip + 14, 2) + get(ip + 16, 2) +
					   get(ip + 18, 2)),
		     0, "TCP checksum");
	memcpy(s.dst_mac, fr->data, 6);
	cr_assert_eq(memcmp(fr->data + 6, host_mac, 6), 0);
	s.src_ip = get(ip + 12, 4);
	s.dst_ip = get(ip + 16, 4);
	s.src_port = (uint16_t)get(tcp, 2);
	s.dst_port = (uint16_t)get(tcp + 2, 2);
	s.seq = get(tcp + 4, 4);
	s.ack = get(tcp + 8, 4);
	cr_assert_eq(tcp[12] & 15, 0, "reserved bits");
	s.flags = tcp[13];
	s.wnd = (uint16_t)get(tcp + 14, 2);
	cr_assert_eq(get(tcp + 18, 2), 0, "no urgent pointer");
	s.payload = fr->len - (uint32_t)(end - fr->data);
	while (o < end) {
		if (*o == 1) {
			o++;
			continue;
		}
		s.options++;
		if (*o == 2)
			s.mss = (int)get(o + 2, 2);
		else if (*o == 3)
			s.wscale = o[2];
		else if (*o == 4)
			s.sack_permitted = 1;
		else if (*o == 8) {
			s.ts_val = get(o + 2, 4);
			s.ts_ecr = get(o + 6, 4);
		} else {
			cr_assert_fail("option %u", *o);
		}
		o += o[1];
	}
	cr_assert_eq(o, end);
	return s;
}

struct fantail_conn *host_accept(struct host *h, uint16_t port)
{
	struct host_seg syn = host_seg(port, HOST_SYN, 1000, 0), ack;
	struct host_seg synack;

	syn.mss = 1460;
	cr_assert_eq(host_rx(h, &syn), 0);
	synack = host_sent(h, h->m->frames - 1);
	ack = host_seg(port, HOST_ACK, 1001, synack.seq + 1);
	host_rx(h, &ack);
	host_poll(h); /* the BATCH record of the install */
	cr_assert_eq(h->ev[0].type, FANTAIL_EVENT_ACCEPT);
	return h->ev[0].conn;
}

struct fantail_stats host_stats(const struct host *h)
{
	struct fantail_stats s;

	fantail_stats(h->f, &s);
	return s;
}
