/* SPDX-License-Identifier: Apache-2.0 */
/* Internal: the state of the peers, see peer.h. */
#ifndef FANTAIL_PEER_INTERNAL_H
#define FANTAIL_PEER_INTERNAL_H

#include "net_backend.h"
#include "net_frame.h"
#include "peer.h"

#define NEVER FANTAIL_NET_NEVER

/* A piece of the stream that arrived ahead of a hole, sorted by seq. */
struct peer_piece {
	struct peer_piece *next;
	uint32_t seq;
	uint32_t len;
	bool fin;
	uint8_t bytes[];
};

struct peer {
	uint64_t due_us;     /* smallest of the next three; key of the heap */
	uint64_t ack_due_us; /* delayed ACK */
	uint64_t rto_due_us; /* SYN, data, FIN or probe */
	uint64_t start_us;   /* connect */
	uint32_t heap_index; /* in peers->heap; UINT32_MAX: not in it */
	uint32_t index;

	struct fantail_peer_options opt;
	uint8_t state; /* enum fantail_peer_state */
	bool ts_on, ws_on;
	bool paused, fin_received;
	bool fin_queued, fin_sent, fin_acked; /* ours */
	uint8_t ack_count; /* segments not yet acknowledged */
	uint8_t tries;
	uint16_t port;
	uint16_t card_port;
	uint32_t refusals; /* of this fantail_peer_connect() */

	/* sending; snd_max is behind the highest byte or FIN ever sent */
	uint32_t iss, snd_una, snd_nxt, snd_max;
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint16_t snd_mss; /* payload and options */
	uint8_t snd_shift;
	uint32_t rto_us;
	uint8_t *out; /* bytes from snd_una on (iss + 1 before connected) */
	uint32_t out_len, out_size;

	/* receiving */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv; /* right edge advertised last */
	uint32_t rcv_max; /* right-most edge ever advertised */
	uint32_t last_ack;
	uint32_t unread;
	uint32_t ts_recent, ts_offset;
	struct peer_piece *pieces;
	uint32_t pieces_bytes;

	/* see struct fantail_peer_info */
	uint64_t bytes_received, bytes_sent;
	uint32_t connects, segments_received, acks_sent, dup_acks_sent;
	uint32_t duplicates, out_of_order, retransmits;
};

struct fantail_peers {
	struct fantail_net *net;
	struct fantail_peers_config cfg;
	struct peer *peer;
	struct peer **heap;
	uint32_t heap_len;

	/* address resolution of the card, shared */
	bool mac_known;
	uint8_t mac[6];
	uint64_t arp_due_us; /* next request; NEVER: nobody waits */
	uint32_t arp_asker;

	uint32_t logged;
	struct fantail_peers_stats stats;
};

/* A received TCP segment, checked and decoded. */
struct segment {
	uint16_t card_port;
	uint32_t seq, ack, wnd; /* wnd not scaled */
	uint8_t flags;
	const uint8_t *bytes;
	uint32_t len;
	bool has_ts;
	uint32_t ts_val, ts_ecr;
	uint16_t mss;  /* 0: no option */
	int8_t wscale; /* -1: no option */
};

/* net_peers.c */
void peers_schedule(struct fantail_peers *ps, struct peer *p);
void peers_fault(struct fantail_peers *ps, uint64_t *counter,
		 const struct peer *p, const char *what);
void peers_mac(const struct fantail_peers *ps, uint32_t index, uint8_t *mac);
void peers_event(struct fantail_peers *ps, struct peer *p,
		 enum fantail_peer_event event);

/* peer.c */
void peer_input(struct fantail_peers *ps, struct peer *p, struct segment *s);
void peer_start(struct fantail_peers *ps, struct peer *p);
void peer_expired(struct fantail_peers *ps, struct peer *p);
void peer_forget(struct peer *p);

/* peer_output.c */
uint32_t peer_window(struct peer *p);
void peer_transmit(struct fantail_peers *ps, struct peer *p, uint8_t flags,
		   uint32_t seq, const uint8_t *bytes, uint32_t len);
void peer_ack(struct fantail_peers *ps, struct peer *p, bool dup);
void peer_output(struct fantail_peers *ps, struct peer *p);
void peer_reply_reset(struct fantail_peers *ps, const struct peer *p,
		      uint16_t port, const struct segment *s);

/* The address of the card that peer @p talks to. */
static inline uint32_t peer_card_ip(const struct fantail_peers *ps,
				    const struct peer *p)
{
	return ps->net->cfg.card_ip + p->opt.card;
}

#endif
