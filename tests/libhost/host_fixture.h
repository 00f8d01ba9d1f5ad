/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library on the card in memory of tests/driver, and a TCP peer played
 * by hand: frames are built and taken apart here, independently of libhost.
 */
#ifndef HOST_FIXTURE_H
#define HOST_FIXTURE_H

#include "../driver/mock_device.h"
#include "fantail.h"

#define HOST_IP	  0x0A00020Fu /* 10.0.2.15 */
#define HOST_PEER 0x0A000202u
#define HOST_PORT 7000u

#define HOST_FIN 0x01u
#define HOST_SYN 0x02u
#define HOST_RST 0x04u
#define HOST_ACK 0x10u

/* A segment; the options are absent while negative. */
struct host_seg {
	uint32_t src_ip, dst_ip;
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd;
	int mss, wscale;
	int64_t ts_val, ts_ecr;
	const char *data;
	const uint8_t *raw; /* more options, bytes as they are */
	size_t raw_len;	    /* a multiple of four */
	/* Of a parsed frame. */
	uint8_t dst_mac[6];
	int sack_permitted;
	unsigned int options;
	unsigned int payload;
};

struct host {
	struct mock *m;
	struct fantail_dev *dev;
	struct fantail *f;
	struct fantail_listener *listener;
	struct fantail_event ev[64];
};

extern const uint8_t host_mac[6];
extern const uint8_t host_peer_mac[6];

/* Open with what differs from the defaults, listen on HOST_PORT. */
void host_open(struct host *h, const struct fantail_options *opt);
void host_close(struct host *h);

/* Poll into h->ev; fails the test on an error. */
int host_poll(struct host *h);

/* A segment from the peer's @port to us, without options. */
struct host_seg host_seg(uint16_t port, uint8_t flags, uint32_t seq,
			 uint32_t ack);
/* Build it into @frame (1514 bytes); returns its length. */
size_t host_build(const struct host_seg *s, uint8_t *frame);
/* Let the card receive it for the host, and poll. Returns events. */
int host_rx(struct host *h, const struct host_seg *s);
/* Take frame number @n of those sent apart, checksums and all. */
struct host_seg host_sent(const struct host *h, uint32_t n);

/*
 * An ICMP error @type, @code from a router, quoting the header and 64 bits of
 * a segment of ours to the peer's @port that had @seq; then poll. @mtu: its
 * second word, as of "fragmentation needed".
 */
int host_icmp(struct host *h, uint8_t type, uint8_t code, uint16_t mtu,
	      uint16_t port, uint32_t seq);
/* The same into @frame (1514 bytes), from and to any; returns its length. */
size_t host_icmp_build(uint8_t *frame, uint8_t type, uint8_t code, uint16_t mtu,
		       const struct host_seg *quoted);

/* An ARP reply from the peer, whose address ends in @last_mac; and poll. */
void host_arp_reply(struct host *h, uint8_t last_mac);

/* Ones' complement sum, for frames built by hand. */
uint16_t host_checksum(const uint8_t *p, size_t len, uint32_t sum);

/* A whole handshake; returns the accepted connection. */
struct fantail_conn *host_accept(struct host *h, uint16_t port);

struct fantail_stats host_stats(const struct host *h);

#endif /* HOST_FIXTURE_H */
