/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

const uint8_t host_mac[6] = { 0x02, 0, 0, 0, 0, 0x0F };
const uint8_t host_peer_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };

static void put(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint32_t get(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

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

struct host_seg host_seg(uint16_t port, uint8_t flags, uint32_t seq,
			 uint32_t ack)
{
	return (struct host_seg){
		.src_ip = HOST_PEER,
		.dst_ip = HOST_IP,
		.src_port = port,
		.dst_port = HOST_PORT,
		.seq = seq,
		.ack = ack,
		.flags = flags,
		.wnd = 5000,
		.mss = -1,
		.wscale = -1,
		.ts_val = -1,
	};
}

uint16_t host_checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t host_build(const struct host_seg *s, uint8_t *frame)
{
	uint8_t *ip = frame + 14, *tcp = ip + 20, *o = tcp + 20;
	size_t data = s->data ? strlen(s->data) : 0, len;

	memset(frame, 0, 1514);
	memcpy(frame, host_mac, 6);
	memcpy(frame + 6, host_peer_mac, 6);
	put(frame + 12, 0x0800, 2);
	if (s->mss >= 0) {
		put(o, 0x02040000 | (uint32_t)s->mss, 4);
		o += 4;
	}
	if (s->wscale >= 0) {
		put(o, 0x01030300 | (uint32_t)s->wscale, 4);
		o += 4;
	}
	if (s->ts_val >= 0) {
		put(o, 0x0101080A, 4);
		put(o + 4, (uint64_t)s->ts_val, 4);
		put(o + 8, (uint64_t)s->ts_ecr, 4);
		o += 12;
	}
	if (s->raw_len) {
		memcpy(o, s->raw, s->raw_len);
		o += s->raw_len;
	}
	if (data)
		memcpy(o, s->data, data);
	len = (size_t)(o - tcp) + data;
	ip[0] = 0x45;
	put(ip + 2, 20 + len, 2);
	ip[8] = 64;
	ip[9] = 6;
	put(ip + 12, s->src_ip, 4);
	put(ip + 16, s->dst_ip, 4);
	put(ip + 10, host_checksum(ip, 20, 0), 2);
	put(tcp, s->src_port, 2);
	put(tcp + 2, s->dst_port, 2);
	put(tcp + 4, s->seq, 4);
	put(tcp + 8, s->ack, 4);
	tcp[12] = (uint8_t)((o - tcp) / 4 << 4);
	tcp[13] = s->flags;
	put(tcp + 14, s->wnd, 2);
	len = (size_t)(o - tcp) + data;
	put(tcp + 16,
	    host_checksum(tcp, len,
			  6 + (uint32_t)len + (s->src_ip >> 16) +
				  (s->src_ip & 0xFFFF) + (s->dst_ip >> 16) +
				  (s->dst_ip & 0xFFFF)),
	    2);
	return 34 + len;
}

size_t host_icmp_build(uint8_t *frame, uint8_t type, uint8_t code, uint16_t mtu,
		       const struct host_seg *quoted)
{
	uint8_t inner[1514], *ip = frame + 14, *icmp = ip + 20;

	host_build(quoted, inner);
	memset(frame, 0, 1514);
	memcpy(frame, host_mac, 6);
	memcpy(frame + 6, host_peer_mac, 6);
	put(frame + 12, 0x0800, 2);
	ip[0] = 0x45;
	put(ip + 2, 20 + 8 + 28, 2);
	ip[8] = 64;
	ip[9] = 1;
	put(ip + 12, quoted->dst_ip, 4);
	put(ip + 16, quoted->src_ip, 4);
	put(ip + 10, host_checksum(ip, 20, 0), 2);
	icmp[0] = type;
	icmp[1] = code;
	put(icmp + 6, mtu, 2);
	memcpy(icmp + 8, inner + 14, 28);
	/* as if it had been a full segment */
	put(icmp + 8 + 2, 1500, 2);
	put(icmp + 2, host_checksum(icmp, 36, 0), 2);
	return 14 + 56;
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
