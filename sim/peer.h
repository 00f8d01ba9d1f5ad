/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: small TCP endpoints inside the process, on a virtual Ethernet with
 * the card. Each has an IPv4 address of its own, connects to the card or waits
 * for the card to connect, receives, checks and acknowledges, and can send,
 * pause, close and abort. Everything is driven by the frames and the time that the network
 * (net.h) is given, and repeats exactly from the seed.
 *
 * Peers share one ARP cache, as if behind one host.
 *
 * Threads: as net.h, the thread that uses the network. Functions may be called
 * from inside the callbacks, except fantail_net_close().
 */
#ifndef FANTAIL_PEER_H
#define FANTAIL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_peers;

#define FANTAIL_PEERS_MAX 65536

enum fantail_peer_state {
	FANTAIL_PEER_IDLE,    /* nothing asked for yet */
	FANTAIL_PEER_WAITING, /* for its turn, ARP or a retry */
	FANTAIL_PEER_SYN_SENT,
	FANTAIL_PEER_CONNECTED, /* until both sides have closed */
	FANTAIL_PEER_CLOSED,	/* both FINs exchanged; answers repeats */
	FANTAIL_PEER_RESET,	/* RST received or sent */
	FANTAIL_PEER_FAILED,	/* refused or timed out */
	FANTAIL_PEER_LISTENING, /* for one connection of the card */
	FANTAIL_PEER_SYN_RECEIVED,
};

enum fantail_peer_event {
	FANTAIL_PEER_EV_CONNECTED,
	FANTAIL_PEER_EV_FIN,	   /* card has closed; we may go on sending */
	FANTAIL_PEER_EV_CLOSED,	   /* both directions closed */
	FANTAIL_PEER_EV_RESET,	   /* RST received */
	FANTAIL_PEER_EV_REFUSED,   /* RST to our SYN, no retry left */
	FANTAIL_PEER_EV_TIMED_OUT, /* SYN, data or FIN never acknowledged */
};

/* How one peer behaves. */
struct fantail_peer_options {
	uint16_t mss;	     /* MSS option in the SYN; 0: none; default 1460 */
	int8_t wscale;	     /* 0..14, -1: not offered; default 7 */
	bool timestamps;     /* RFC 7323; default true */
	bool sack_permitted; /* offer it (it is never used); default false */
	uint8_t ack_every;   /* acknowledge every n-th segment; default 2 */
	uint32_t ack_delay_us; /* at the latest after; default 40000 */
	uint32_t buffer;       /* receive buffer, bytes; default 65535 */
	uint32_t reassembly;   /* out-of-order bytes kept, 0: dropped; 65536 */
	uint32_t syn_rto_us;   /* first SYN timeout, doubles; 1000000 */
	uint32_t rto_us;       /* first data timeout, doubles; 500000 */
	uint8_t retries;       /* of SYN, data or FIN; default 8 */
	uint8_t card; /* which of the card's addresses, below card_ips; 0 */
};

struct fantail_peers_config {
	uint32_t count;	   /* 1 to FANTAIL_PEERS_MAX; default 100 */
	uint32_t first_ip; /* peer i has first_ip + i; default 10.1.1.0 */
	/* all zero: a MAC per peer; else one for all, as behind a router */
	uint8_t router_mac[6];
	/* use the card_mac of struct fantail_net_config instead of ARP */
	bool no_arp;
	uint32_t delay_us; /* from a peer to the card; default 0 */

	/* first connect at this time; FANTAIL_NET_NEVER: only when asked by
	 * fantail_peer_connect(); default 0 */
	uint64_t connect_at_us;
	uint32_t connects_per_ms;  /* 0: all at once; default 20 */
	uint32_t connect_retries;  /* after a refusal; default 0 */
	uint32_t connect_retry_us; /* pause before it; default 100000 */

	struct fantail_peer_options options;

	/* may change a peer's options, once per peer while opening; NULL ok */
	void (*configure)(void *ctx, uint32_t peer,
			  struct fantail_peer_options *options);
	/* bytes in order, as they arrive, each exactly once; NULL ok */
	void (*on_data)(void *ctx, struct fantail_peers *peers, uint32_t peer,
			const void *bytes, size_t len);
	void (*on_event)(void *ctx, struct fantail_peers *peers, uint32_t peer,
			 enum fantail_peer_event event);
	void *ctx;
};

/* What one peer has seen; all since open. */
struct fantail_peer_info {
	enum fantail_peer_state state;
	uint32_t ip;   /* host order */
	uint16_t port; /* of the newest connection, or listened on */
	bool fin_received;
	bool fin_sent;
	bool paused;
	uint32_t unread; /* bytes that keep the window closed */
	uint32_t unsent; /* bytes queued to the card, not acknowledged */
	uint64_t bytes_received; /* in order */
	uint64_t bytes_sent;	 /* acknowledged by the card */
	uint32_t connects;
	uint32_t segments_received; /* valid ones */
	uint32_t acks_sent;	    /* segments without payload */
	uint32_t dup_acks_sent;
	uint32_t duplicates;   /* segments with only old bytes */
	uint32_t out_of_order; /* segments ahead of a hole */
	uint32_t retransmits;  /* SYN, data and FIN of ours */
};

/* Over all peers. */
struct fantail_peers_stats {
	uint64_t connected; /* peers now in the connected state */
	uint64_t connects, fins, resets, refused, timed_out; /* events */
	uint64_t bytes_received, segments_received, acks_sent, dup_acks_sent;
	uint64_t duplicates, out_of_order, retransmits;
	/* faults of the card, each logged (the first few) */
	uint64_t bad_checksums;	 /* IPv4 or TCP */
	uint64_t bad_frames;	 /* lengths, options */
	uint64_t bad_timestamps; /* missing though agreed, or older (PAWS) */
	uint64_t beyond_window;	 /* payload past what was ever advertised */
	uint64_t unknown;	 /* frames to nobody here */
};

/** fantail_peers_config_default() - fill in every default. */
void fantail_peers_config_default(struct fantail_peers_config *cfg);

/** fantail_peers_count() - number of peers; they are named 0 to count-1. */
uint32_t fantail_peers_count(const struct fantail_peers *peers);

/** fantail_peers_get_stats() - a copy of the counters. */
void fantail_peers_get_stats(const struct fantail_peers *peers,
			     struct fantail_peers_stats *stats);

/** fantail_peer_get_info() - one peer's state. 0, or -EINVAL: no such peer. */
int fantail_peer_get_info(const struct fantail_peers *peers, uint32_t peer,
			  struct fantail_peer_info *info);

/**
 * fantail_peer_connect() - connect, or connect again from a new port.
 * @at_us: when; a time in the past means with the next event
 *
 * Return: 0, -EINVAL: no such peer, -EISCONN: not idle, closed, reset or
 * failed.
 */
int fantail_peer_connect(struct fantail_peers *peers, uint32_t peer,
			 uint64_t at_us);

/**
 * fantail_peer_listen() - wait for the card to connect.
 * @port: the peer's, 1 to 65535
 *
 * For one connection, from any port of the card's. What ends it ends the
 * listening as well, but a RST to our SYN-ACK.
 *
 * Return: 0, -EINVAL: no such peer, or @port, -EISCONN: as
 * fantail_peer_connect().
 */
int fantail_peer_listen(struct fantail_peers *peers, uint32_t peer,
			uint16_t port);

/**
 * fantail_peer_send() - queue bytes to the card.
 * @bytes: copied
 *
 * May be called before the connection is up. Return: 0, -EINVAL, -ENOMEM,
 * -EPIPE: closed for sending, -ENOTCONN: neither connected nor connecting.
 * On error nothing is queued.
 */
int fantail_peer_send(struct fantail_peers *peers, uint32_t peer,
		      const void *bytes, size_t len);

/**
 * fantail_peer_shutdown() - FIN after all queued bytes; receiving goes on.
 *
 * Return: 0 (also when repeated), -EINVAL, -ENOTCONN.
 */
int fantail_peer_shutdown(struct fantail_peers *peers, uint32_t peer);

/**
 * fantail_peer_abort() - RST now, forget everything queued.
 *
 * Later segments from the card are answered with RST. No event is raised.
 * Return: 0, -EINVAL, -ENOTCONN.
 */
int fantail_peer_abort(struct fantail_peers *peers, uint32_t peer);

/**
 * fantail_peer_pause() - stop reading: the window closes as bytes arrive.
 *
 * The bytes still reach on_data at once (they are in the peer's buffer, so to
 * speak); they only stop making room. Return: 0 or -EINVAL.
 */
int fantail_peer_pause(struct fantail_peers *peers, uint32_t peer);

/**
 * fantail_peer_consume() - read some of the unread bytes of a paused peer.
 *
 * Sends a window update when that opens the window enough (RFC 9293
 * 3.8.6.2.2). Return: bytes consumed (at most INT_MAX at a time), or -EINVAL.
 */
int fantail_peer_consume(struct fantail_peers *peers, uint32_t peer,
			 uint32_t bytes);

/**
 * fantail_peer_resume() - read everything, and go on reading.
 *
 * Return: 0 or -EINVAL.
 */
int fantail_peer_resume(struct fantail_peers *peers, uint32_t peer);

/**
 * fantail_peer_set_buffer() - change the receive buffer now.
 *
 * Shrinking below what is advertised pulls the window's right edge to the
 * left, which well-behaved receivers do not do: for tests of the sender. An
 * ACK with the new window is sent at once when connected.
 *
 * Return: 0 or -EINVAL.
 */
int fantail_peer_set_buffer(struct fantail_peers *peers, uint32_t peer,
			    uint32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
