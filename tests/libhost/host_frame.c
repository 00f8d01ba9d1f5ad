/* SPDX-License-Identifier: Apache-2.0 */
/* Frames built by hand; without the card in memory, for tests of any card. */
#include <string.h>

#include "host_fixture.h"

const uint8_t host_mac[6] = { 0x02, 0, 0, 0, 0, 0x0F };
const uint8_t host_peer_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };

static void put(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
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
