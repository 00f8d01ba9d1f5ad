/* SPDX-License-Identifier: Apache-2.0 */
/* Internal: bytes of Ethernet, ARP, IPv4 and TCP headers. */
#ifndef FANTAIL_NET_FRAME_H
#define FANTAIL_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	ETH_LEN = 14,
	ETH_MIN = 60, /* without FCS */
	ARP_LEN = 28,
	IP_LEN = 20, /* without options */
	TCP_LEN = 20,
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_OK = 4,
	OPT_TS = 8,
	WSCALE_MAX = 14,   /* RFC 7323 2.3 */
	MSS_DEFAULT = 536, /* RFC 9293 MUST-15 */
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/* Signed distance b - a of sequence numbers: positive if b is later. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a);
}

/* RFC 1071, without the final inversion; sum is a start value below 2^32. */
static inline uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	for (; len >= 2; len -= 2, p += 2)
		sum += get16(p);
	if (len)
		sum += (uint64_t)*p << 8;
	return sum;
}

static inline uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Checksum of a TCP segment with the pseudo header of its IPv4 header. */
static inline uint16_t csum_tcp(const uint8_t *ip, const uint8_t *tcp,
				size_t len)
{
	uint64_t sum = PROTO_TCP + len;

	sum = csum_add(sum, ip + 12, 8);
	return csum_fold(csum_add(sum, tcp, len));
}

/* splitmix64: a well mixed value from any seed. */
static inline uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

#endif
