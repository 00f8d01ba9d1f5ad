/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire checker: judges every frame that the card sends, from nothing but
 * the frames of both directions. It shares no code with the engine.
 *
 * It keeps, per TCP connection, the bytes sent and not yet acknowledged, so
 * that a retransmitted byte can be compared with the byte first sent.
 *
 * Threads: one checker is used by one thread at a time.
 */
#ifndef FANTAIL_WIRE_CHECK_H
#define FANTAIL_WIRE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_wire_check;

/* What can be wrong with a sent frame. */
enum fantail_wire_violation {
	FANTAIL_WIRE_LENGTH,	  /* Ethernet, ARP, IPv4, ICMP, TCP lengths */
	FANTAIL_WIRE_PADDING,	  /* not padded to 60, or not with zeros */
	FANTAIL_WIRE_ETHERNET,	  /* source address, type */
	FANTAIL_WIRE_ARP,	  /* malformed ARP */
	FANTAIL_WIRE_IP,	  /* version, DF, fragment, TTL, source */
	FANTAIL_WIRE_IP_CHECKSUM, /* header checksum */
	FANTAIL_WIRE_ICMP,	  /* checksum */
	FANTAIL_WIRE_TCP_CHECKSUM,
	FANTAIL_WIRE_RESERVED,	/* reserved or ECN bits, urgent, flags */
	FANTAIL_WIRE_OPTIONS,	/* malformed, not zero padded, wrong place */
	FANTAIL_WIRE_TIMESTAMP, /* missing though agreed, or not agreed */
	FANTAIL_WIRE_UNKNOWN,	/* segment of a connection never opened */
	FANTAIL_WIRE_SYN,	/* SYN-ACK that answers no SYN, changed ISN */
	FANTAIL_WIRE_GAP,	/* starts beyond the highest byte sent */
	FANTAIL_WIRE_BELOW,	/* starts below the first sequence number */
	FANTAIL_WIRE_CHANGED,	/* retransmitted byte differs from the first */
	FANTAIL_WIRE_WINDOW,	/* payload beyond the peer's window */
	FANTAIL_WIRE_MSS,	/* payload above the peer's MSS less options */
	FANTAIL_WIRE_FIN,	/* FIN moved, or data at or after it */
	FANTAIL_WIRE_AFTER_RST, /* anything but a RST after our RST */
	FANTAIL_WIRE_ACK,	/* acknowledges what was never received */
	FANTAIL_WIRE_VIOLATIONS,
};

/* Called with one line without a newline: frame number, kind, decode. */
typedef void (*fantail_wire_log_fn)(void *ctx, const char *line);

/* Of a marked connection, see fantail_wire_check_mark(). */
typedef void (*fantail_wire_bytes_fn)(void *ctx, uint32_t mark, uint32_t bytes);

/* Zero means the default in every field. */
struct fantail_wire_check_config {
	uint32_t card_ip;    /* host order; 0: any source address is fine */
	uint32_t card_ips;   /* addresses from there on; default 1 */
	uint8_t card_mac[6]; /* all zero: any */
	uint16_t mtu;	     /* largest IPv4 total length; default 1500 */
	uint32_t max_flows;  /* closed ones make room; default 65536 */
	/* bytes of unacknowledged payload kept over all connections; beyond
	 * it bytes are counted as unchecked; default 256 MiB */
	uint64_t store_bytes;
	uint32_t log_limit; /* lines per kind of violation; default 10 */
	fantail_wire_log_fn log;
	void *log_ctx;
	/* of marked connections, called before the frame's call returns: bytes
	 * sent for the first time, sequence numbers acknowledged, and its end
	 * (a RST, or the next one on its ports; @bytes is 0). NULL: not told */
	fantail_wire_bytes_fn sent, acked, over;
	void *mark_ctx;
};

struct fantail_wire_check_result {
	uint64_t violations; /* sum of kinds */
	uint64_t by_kind[FANTAIL_WIRE_VIOLATIONS];
	uint64_t tx_frames;
	uint64_t tx_bytes;
	uint64_t rx_frames;
	uint64_t rx_ignored; /* not valid TCP: no influence on the judgement */
	uint64_t segments;   /* sent TCP segments */
	uint64_t data_segments;		 /* of them with payload */
	uint64_t retransmitted_segments; /* with a byte sent before, or FIN */
	uint64_t payload_bytes;		 /* first transmissions only */
	uint64_t retransmitted_bytes;
	uint64_t compared_bytes;  /* retransmitted and found in the store */
	uint64_t unchecked_bytes; /* not stored: limit reached */
	uint64_t window_probes;
	uint64_t syns, fins, resets; /* sent */
	uint64_t flows;		     /* connections seen */
	uint64_t first_frame;	     /* number of the first bad frame, from 1 */
};

/**
 * fantail_wire_check_open() - create a checker.
 * @cfg: NULL for all defaults; copied
 *
 * Return: 0 or -ENOMEM.
 */
int fantail_wire_check_open(const struct fantail_wire_check_config *cfg,
			    struct fantail_wire_check **out);

/** fantail_wire_check_close() - free; NULL is allowed. */
void fantail_wire_check_close(struct fantail_wire_check *check);

/**
 * fantail_wire_check_tx() - judge a frame that the card sent.
 * @frame: without FCS, as it left the MAC, only read during the call
 * @now_us: for the log line
 *
 * Call in the order of sending, before the network (and its link model) gets
 * the frame.
 *
 * Return: number of violations found in this frame, or -ENOMEM (the frame is
 * then only partly judged).
 */
int fantail_wire_check_tx(struct fantail_wire_check *check, const void *frame,
			  size_t len, uint64_t now_us);

/**
 * fantail_wire_check_rx() - take note of a frame that the card gets.
 *
 * Call when the frame is handed to the MAC. Frames with wrong checksums are
 * ignored. Return: 0 or -ENOMEM.
 */
int fantail_wire_check_rx(struct fantail_wire_check *check, const void *frame,
			  size_t len, uint64_t now_us);

/**
 * fantail_wire_check_mark() - be told what an open connection sends.
 * @card_ip, @card_port: our side, host order
 * @peer_ip, @peer_port: the other
 * @mark: handed to the callbacks
 * @unacked: sequence numbers sent before and not acknowledged yet, which
 *	acked will tell
 *
 * Return: 0, or -ENOENT: no such connection is open.
 */
int fantail_wire_check_mark(struct fantail_wire_check *check, uint32_t card_ip,
			    uint16_t card_port, uint32_t peer_ip,
			    uint16_t peer_port, uint32_t mark,
			    uint32_t *unacked);

/** fantail_wire_check_get_result() - a copy of what was found so far. */
void fantail_wire_check_get_result(const struct fantail_wire_check *check,
				   struct fantail_wire_check_result *result);

/**
 * fantail_wire_violation_name() - a short lower-case word, "gap" say.
 *
 * Return: a static string; "?" if @kind is out of range.
 */
const char *fantail_wire_violation_name(unsigned int kind);

#ifdef __cplusplus
}
#endif

#endif
