/* SPDX-License-Identifier: Apache-2.0 */
/* Internal: the wire checker's parts, see wire_check.h. */
#ifndef FANTAIL_WIRE_INTERNAL_H
#define FANTAIL_WIRE_INTERNAL_H

#include <stdbool.h>

#include "net_frame.h"
#include "wire_check.h"

/* A connection; "our" is the card's side. */
struct wire_key {
	uint32_t our_ip, peer_ip;
	uint16_t our_port, peer_port;
};

struct wire_options {
	bool good;     /* well-formed and padded with zeros */
	bool syn_only; /* has one that belongs only into a SYN */
	bool has_mss, has_ts, has_sack;
	uint16_t mss;
	int8_t wscale; /* -1: none */
	uint32_t ts_val, ts_ecr;
};

/* One TCP segment, of either direction. */
struct wire_segment {
	struct wire_key key;
	uint32_t seq, ack, wnd;
	uint8_t flags;
	uint8_t reserved; /* bits that must be zero */
	uint16_t urgent;
	struct wire_options opt;
	uint32_t opt_len;
	const uint8_t *bytes;
	uint32_t len;
};

/* What a SYN or SYN-ACK of the peer offers. */
struct wire_offer {
	bool valid, fresh; /* fresh: not answered since it came */
	uint32_t isn, wnd;
	uint16_t mss;
	int8_t wscale;
	bool ts;
};

struct wire_flow {
	struct wire_flow *next;
	struct wire_key key;
	struct wire_offer offer;
	bool open;	  /* our SYN or SYN-ACK is out */
	bool active;	  /* it was a SYN */
	bool established; /* our SYN is acknowledged */
	bool past_syn;	  /* we have sent something else */
	bool rst_sent, rst_received;
	bool fin_sent, fin_acked, fin_received;
	bool marked; /* as mark */
	bool ts_on;
	bool our_ts;
	uint8_t shift; /* of the peer's window */
	int8_t our_wscale;
	uint16_t mss;
	uint32_t peer_isn;	/* of this incarnation */
	uint32_t isn, una, max; /* ours: first, acknowledged, sent */
	uint32_t right;		/* right-most window edge */
	uint32_t fin_seq;
	uint32_t rcv_max; /* behind the peer's highest byte or FIN */
	uint32_t mark;
	/* bytes [stored_seq, stored_seq + stored_len), no hole */
	uint8_t *store;
	uint32_t store_size, store_start, stored_len, stored_seq;
};

struct fantail_wire_check {
	struct fantail_wire_check_config cfg;
	struct fantail_wire_check_result result;
	uint64_t store_used;
	struct wire_flow **table;
	uint32_t table_size, flows; /* size is a power of two */
	/* the frame being judged */
	uint64_t now_us;
	int found;
	const struct wire_segment *segment; /* NULL: not TCP */
};

/* wire_check.c: count, and report with a decode of the current frame. */
void wire_violation(struct fantail_wire_check *c,
		    enum fantail_wire_violation kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* wire_flow.c: 0 or -ENOMEM */
int wire_flow_tx(struct fantail_wire_check *c, const struct wire_segment *s);
int wire_flow_rx(struct fantail_wire_check *c, const struct wire_segment *s);
void wire_flows_free(struct fantail_wire_check *c);
int wire_flow_mark(struct fantail_wire_check *c, const struct wire_key *key,
		   uint32_t mark, uint32_t *unacked);

/* wire_store.c: bytes sent and not yet acknowledged */
void wire_store_reset(struct fantail_wire_check *c, struct wire_flow *f,
		      uint32_t seq);
void wire_store_append(struct fantail_wire_check *c, struct wire_flow *f,
		       uint32_t seq, const uint8_t *bytes, uint32_t len);
void wire_store_acked(struct wire_flow *f, uint32_t seq);
/* -1, or the first of the bytes that differs from what is stored */
int64_t wire_store_compare(struct fantail_wire_check *c,
			   const struct wire_flow *f, uint32_t seq,
			   const uint8_t *bytes, uint32_t len);

#endif
