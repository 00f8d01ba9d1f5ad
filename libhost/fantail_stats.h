/* SPDX-License-Identifier: Apache-2.0 */
/* What the host library counts; a part of fantail.h. */
#ifndef FANTAIL_STATS_H
#define FANTAIL_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail;

/* All since fantail_open(), but those that say "now". */
struct fantail_stats {
	/* Publishing. */
	uint64_t payloads; /* published */
	uint64_t payload_bytes;
	uint64_t batches;	  /* submitted */
	uint64_t batches_done;	  /* BATCH records of the DATA ring */
	uint64_t batches_flushed; /* of those submitted: by themselves */
	uint64_t part_doorbells;  /* extra ones, for overlong batches */
	uint64_t plain_doorbells; /* DATA doorbells without payloads */
	uint64_t arena_wraps;
	uint64_t arena_grown;
	uint64_t lists; /* payloads to a list */
	uint64_t list_wraps;
	uint64_t again; /* -EAGAIN given for want of room */
	/* Slow consumers. */
	uint64_t lagging;     /* now: connections told LAGGING */
	uint64_t lag_again;   /* -EAGAIN given, in blocking mode */
	uint64_t lag_aborted; /* for block_ms */
	/* Connections. */
	uint64_t accepted;
	uint64_t released;
	uint64_t open;	     /* now: installed and not released */
	uint64_t handshakes; /* now: under way */
	uint64_t syn_received;
	uint64_t syn_dropped;	     /* no room for a connection */
	uint64_t ack_dropped;	     /* the last ACK, for the same reason */
	uint64_t listen_dropped;     /* RST, or neither SYN nor ACK */
	uint64_t handshake_dropped;  /* segments that a handshake ignores */
	uint64_t challenges;	     /* ACKs of RFC 5961 */
	uint64_t challenges_limited; /* not sent: too many in a second */
	uint64_t synack_sent;
	uint64_t synack_retransmits;
	uint64_t handshake_timeouts;
	uint64_t handshake_resets;
	uint64_t install_refused;
	uint64_t injects;
	uint64_t inject_missed;
	uint64_t rst_sent;
	uint64_t rst_ignored;	/* of unknown tuples */
	uint64_t options_bad;	/* segments with a bad option length */
	uint64_t late_segments; /* of a closed connection, not yet released */
	/* SYN cookies. */
	uint64_t cookies_sent;
	uint64_t cookies_accepted;
	uint64_t cookies_bad; /* ACKs with none, or a wrong or old one */
	/* Active open. */
	uint64_t connects;
	uint64_t connected;
	uint64_t connect_failures;
	uint64_t connects_cancelled;
	uint64_t syn_sent;
	uint64_t syn_retransmits;
	uint64_t simultaneous_opens;
	/* TIME_WAIT. */
	uint64_t time_wait; /* now */
	uint64_t time_wait_entered;
	uint64_t time_wait_evicted; /* to make room */
	uint64_t time_wait_reopened;
	uint64_t time_wait_acks;
	uint64_t time_wait_dropped; /* segments that need no answer */
	/* ICMP errors. */
	uint64_t icmp_soft;
	uint64_t icmp_hard;
	uint64_t icmp_mss_lowered;
	uint64_t icmp_quench;	  /* ignored */
	uint64_t icmp_ignored;	  /* other types, or nothing to be done */
	uint64_t icmp_unmatched;  /* quotes no connection of ours */
	uint64_t icmp_out_of_seq; /* quotes nothing in flight */
	uint64_t icmp_limited;	  /* too many at once */
	/* Frames for the host. */
	uint64_t frames;
	uint64_t frames_sent;
	uint64_t frames_bad;	/* checksum, length, not for us */
	uint64_t frames_other;	/* neither ARP nor TCP nor ICMP */
	uint64_t frames_unsent; /* CONTROL ring full */
	uint64_t arp_replies;
	uint64_t arp_requests;
	uint64_t arp_ignored; /* for others */
	uint64_t echo_replies;
	/* Records. */
	uint64_t conn_records;
	uint64_t stale_records; /* of a forgotten generation */
	uint64_t data_records;
	uint64_t data_bytes;
	uint64_t refused;
	uint64_t wakeups; /* waits that ended in an interrupt */
};

/* Copy the statistics; does not block. */
void fantail_stats(const struct fantail *f, struct fantail_stats *out);

#ifdef __cplusplus
}
#endif

#endif /* FANTAIL_STATS_H */
