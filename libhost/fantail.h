/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fantail host library: TCP servers whose data path is the card.
 *
 * The application listens, accepts, forms groups, and publishes batches: one
 * fantail_submit() is one register write, whatever the number of payloads
 * and receivers. The library does what happens per connection (ARP, ICMP,
 * handshakes both ways, SYN cookies, TIME_WAIT); the card does what happens
 * per segment.
 *
 * Results are 0, a count, or -errno; no printing, no exit. A call that fails
 * has had no effect unless its comment says otherwise.
 *
 * Threads: one at a time per struct fantail and all objects made from it.
 * Only fantail_wait() (and open and close) blocks.
 *
 * IPv4 addresses are numbers: 192.0.2.1 is 0xC0000201.
 */
#ifndef FANTAIL_H
#define FANTAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fantail_driver.h"
#include "fantail_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fantail;
struct fantail_listener;
struct fantail_conn;
struct fantail_group;

#define FANTAIL_FLUSH_NEVER   UINT32_MAX
#define FANTAIL_BLOCK_FOREVER UINT32_MAX

enum fantail_log_level {
	FANTAIL_LOG_ERROR, /* something of ours is wrong */
	FANTAIL_LOG_WARN,  /* a limit was reached; peers may notice */
	FANTAIL_LOG_INFO,  /* one connection's lot */
};

/*
 * One line without a newline, valid during the call, from the thread that
 * uses the library. It may not call the library.
 */
typedef void (*fantail_log_fn)(void *ctx, enum fantail_log_level level,
			       const char *line);

/*
 * Options of fantail_open(). Zero means the default named, so a zeroed
 * struct needs only @dev (or @uri), @mac and @ip.
 */
struct fantail_options {
	/* A device of the caller's, which must outlive the library; or ... */
	struct fantail_dev *dev;
	/* ... one that the library opens and closes. */
	const char *uri;
	struct fantail_dev_options dev_options;
	unsigned int qp_index;	      /* queue pair; 0 */
	struct fantail_qp_options qp; /* ring sizes, moderation */
	/*
	 * Connection ids that are ours: the first one (0), and how many (all
	 * from there on). Libraries that share a card, each with a queue
	 * pair of its own, are given ranges that do not overlap.
	 */
	uint32_t first_conn;
	uint32_t conns;

	uint8_t mac[6]; /* our address, unicast */
	uint32_t ip;
	unsigned int prefix_len; /* 1..32; 24 */
	uint32_t gateway;	 /* 0: none */

	uint32_t arena_bytes; /* 64 KiB..1 GiB; 4 MiB */
	/*
	 * When payloads under way fill it, the arena doubles, up to this; if
	 * there is no memory for that, it stays as it is. From arena_bytes to
	 * 1 GiB; 64 MiB, or arena_bytes if those are given.
	 */
	uint32_t arena_max;
	/*
	 * For the target lists of payloads under way: from one of all the
	 * card's connections (4 bytes each) to 1 GiB; sixteen of these, at
	 * least 64 KiB.
	 */
	uint32_t list_bytes;
	/*
	 * A batch goes by itself after so many payloads, so many bytes, or
	 * when it has been open for so long (seen by poll and wait).
	 */
	uint32_t flush_payloads; /* no limit */
	uint32_t flush_bytes;	 /* no limit */
	uint32_t flush_us;	 /* 1000; FANTAIL_FLUSH_NEVER */

	/* For connections accepted and opened. */
	uint32_t rcv_credit;   /* receive window, bytes; 65535 */
	uint32_t lag_limit;    /* bytes; a quarter of the log */
	unsigned int policy;   /* FANTAIL_POLICY_, if it lags more; ABORT */
	uint32_t give_up_ms;   /* without progress; 100 s */
	uint32_t handshake_ms; /* until a handshake is dropped; 180 s */

	/*
	 * TIME_WAIT: how long (2 MSL, 60 s), and how many connections at most
	 * are remembered after they are released (4096, to 1048576); beyond,
	 * the oldest is forgotten.
	 */
	uint32_t time_wait_ms;
	uint32_t time_wait_max;
	/*
	 * Publish nothing to a connection that lags (policy REPORT), nor to a
	 * group or a list that holds one: -EAGAIN until it is writable again.
	 * One that acknowledges nothing for @block_ms (1000), or a little
	 * longer than that, is aborted; FANTAIL_BLOCK_FOREVER: never.
	 */
	bool blocking;
	uint32_t block_ms;
	/* Calls of fantail_connect() under way at once; 64, to 65535. */
	uint32_t connects;
	/*
	 * ICMP "fragmentation needed" lowers the MSS, options included, to no
	 * less than this; 64..1460; 536.
	 */
	uint32_t mss_floor;

	/* What is worth a line, or NULL. */
	fantail_log_fn log;
	void *log_ctx;

	/*
	 * 16 bytes of secret for initial sequence numbers, or NULL: random.
	 * Give one only where a run must repeat.
	 */
	const uint8_t *isn_key;
};

/**
 * fantail_open - take a queue pair of a card into use
 * @opt: options; need not outlive the call
 * @out: the library handle, written only on success
 *
 * Returns 0; -EINVAL: an option is missing or out of range; -ENOMEM; -EIO: no
 * randomness; or what the driver gave. Blocks.
 */
int fantail_open(const struct fantail_options *opt, struct fantail **out);

/**
 * fantail_close - let go of everything
 * @f: the handle, or NULL
 *
 * Connections that were not released are aborted by the card: their peers get a
 * RST, and what was not acknowledged is lost. All objects made from @f are gone
 * after return. Blocks.
 */
void fantail_close(struct fantail *f);

/* The device and queue pair underneath, for counters; the library's. */
struct fantail_dev *fantail_device(struct fantail *f);
struct fantail_qp *fantail_queue_pair(struct fantail *f);

/* -------------------------------------------------------------- listening */

/**
 * fantail_listen - accept connections on a TCP port
 * @port: 1..65535
 * @backlog: handshakes remembered at once, 1..65535; further SYNs are answered
 *	with SYN cookies, as long as the card has room for a connection
 * @out: the listener
 *
 * Accepted connections come as FANTAIL_EVENT_ACCEPT. Allocates.
 * Returns 0; -EINVAL; -EADDRINUSE; -ENOMEM.
 */
int fantail_listen(struct fantail *f, uint16_t port, unsigned int backlog,
		   struct fantail_listener **out);

/*
 * Stop listening and drop the handshakes under way. Connections stay; events
 * that name the listener then hold NULL. NULL is ignored.
 */
void fantail_unlisten(struct fantail_listener *l);

/* ------------------------------------------------------------ active open */

/**
 * fantail_connect - open a connection to a server
 * @ip: its address, unicast and not ours
 * @port: 1..65535
 * @local_port: ours, or 0: one from 49152 on is chosen
 * @user: comes back in the event and becomes the connection's user word
 *
 * One FANTAIL_EVENT_CONNECT answers: with the connection, or with why there is
 * none. Allocates nothing and does not block.
 *
 * Returns 0; -EINVAL: @ip or @port; -ENETUNREACH: @ip is not on our network
 * and there is no gateway; -EADDRINUSE: the 4-tuple is in use, or in
 * TIME_WAIT; -EADDRNOTAVAIL: no port left; -EAGAIN: too many under way, or the
 * card has no room for a connection.
 */
int fantail_connect(struct fantail *f, uint32_t ip, uint16_t port,
		    uint16_t local_port, void *user);

/**
 * fantail_connect_cancel - give up attempts to connect
 * @user: the word of those attempts
 *
 * They end here: no FANTAIL_EVENT_CONNECT comes for them, and a server that
 * answers later meets a RST. One that the server has accepted is no attempt
 * any more: its event is under way and brings a connection. Does not block.
 *
 * Returns how many were given up; -ENOENT: none was under way.
 */
int fantail_connect_cancel(struct fantail *f, const void *user);

/* ------------------------------------------------------------ connections */

/* The peer's address and port. */
void fantail_conn_peer(const struct fantail_conn *c, uint32_t *ip,
		       uint16_t *port);

/* A word of the application's, NULL at first. */
void fantail_conn_set_user(struct fantail_conn *c, void *user);
void *fantail_conn_user(const struct fantail_conn *c);

/* The card's name of the connection, {generation, id}. */
uint32_t fantail_conn_handle(const struct fantail_conn *c);

/**
 * fantail_close_conn - FIN after all data published so far
 *
 * News: FIN_ACKED, and CLOSED when the peer has closed too. Never fails: if
 * the ring is full the library sends it later. Goes with the next submit, or
 * after flush_us. A second call has no effect.
 * Returns 0, or -ENOTCONN: it is dead already.
 */
int fantail_close_conn(struct fantail_conn *c);

/**
 * fantail_abort_conn - RST now, unsent data is thrown away
 *
 * News: ABORTED. Returns 0, or -ENOTCONN: it is dead already.
 */
int fantail_abort_conn(struct fantail_conn *c);

/**
 * fantail_release_conn - forget a connection
 *
 * @c may not be used after the call, and no further event names it. A live
 * connection is aborted first. The library leaves its groups, releases the
 * id, and uses it again, under a new generation, only when the card has
 * answered. Of a connection that we closed before the peer did and that ended
 * CLOSED, the library then keeps the TIME_WAIT state.
 */
void fantail_release_conn(struct fantail_conn *c);

/* --------------------------------------------------------- slow consumers */

/**
 * fantail_listener_set_policy, fantail_conn_set_policy - what lag does
 * @policy: FANTAIL_POLICY_
 * @lag_limit: bytes of the card's log; 0: a quarter of it
 *
 * For connections accepted from now on (until then they have that of struct
 * fantail_options), or for one at once. ABORT: it is aborted, OVERRUN. SKIP:
 * payloads are left out and counted, news: SKIPPED. REPORT: news: LAGGING,
 * and WRITABLE below half the limit. Whatever the policy, the card aborts one
 * that holds most of its log, or all of it for long (registers PIN_LIMIT and
 * PIN_US), and, except with SKIP, one for which it has no extent left.
 *
 * SKIP leaves out whole entries. A payload above the card's limit is cut into
 * several (fantail_publish()), of which some may be left out.
 *
 * Returns 0; -EINVAL: @policy; of a connection also -ENOTCONN: it is dead
 * already; -EAGAIN: the CONTROL ring is full, poll and try again.
 */
int fantail_listener_set_policy(struct fantail_listener *l, unsigned int policy,
				uint32_t lag_limit);
int fantail_conn_set_policy(struct fantail_conn *c, unsigned int policy,
			    uint32_t lag_limit);

/* ----------------------------------------------------------------- groups */

/**
 * fantail_group_create - a set of connections to publish to
 *
 * Returns 0; -ENOSPC: the card has no more groups; -ENOMEM.
 */
int fantail_group_create(struct fantail *f, struct fantail_group **out);

/* Returns 0, or -EBUSY: it has members. NULL is ignored. */
int fantail_group_destroy(struct fantail_group *g);

/**
 * fantail_group_join, fantail_group_leave - membership
 *
 * Takes effect for what is published after the call. Joining twice and
 * leaving without having joined have no effect. The entry goes with the next
 * submit, or after flush_us.
 *
 * Returns 0; -ENOTCONN: the connection is dead; -EAGAIN: the ring is full,
 * poll and try again.
 */
int fantail_group_join(struct fantail_group *g, struct fantail_conn *c);
int fantail_group_leave(struct fantail_group *g, struct fantail_conn *c);

/* Members, as the library knows them. */
unsigned int fantail_group_members(const struct fantail_group *g);

/* ------------------------------------------------------------- publishing */

/* Whom a payload is for. Made by the three functions below. */
struct fantail_target {
	uint32_t id;
	uint8_t flags;
	uint32_t count;
	const uint32_t *handles;
};

struct fantail_target fantail_to_group(const struct fantail_group *g);
struct fantail_target fantail_to_conn(const struct fantail_conn *c);

/**
 * fantail_to_list - any connections, for this payload
 * @handles: as of fantail_conn_handle(); they are read, and may change again,
 *	when a payload is published, not here
 * @n: how many, 1..the card's connections
 *
 * A connection named twice gets the payload twice. One that cannot take it
 * (dead, closing, forgotten) is left out and counted in the BATCH event's
 * skipped, as in a group; so are handles that never were. Each payload costs
 * 4 * @n bytes to copy and to read over PCIe: for the same receivers again
 * and again make a group. If reading a list fails, REFUSED says how many had
 * the payload by then.
 */
struct fantail_target fantail_to_list(const uint32_t *handles, unsigned int n);

/*
 * Does it lag, or somebody in it? By the news taken so far, for connections
 * with policy REPORT that are neither closing nor dead.
 */
bool fantail_lagging(struct fantail *f, struct fantail_target target);

/* Largest @len of reserve and publish: a quarter of the arena. */
uint32_t fantail_payload_max(const struct fantail *f);

/**
 * fantail_arena_reserve - room for payloads
 * @len: bytes in one piece, 1..fantail_payload_max()
 * @ptr: the place, in memory the card reads
 *
 * Does not advance: what is published from it is used up, the rest is given
 * again by the next reserve, which cancels this one. So payloads published
 * one after the other lie side by side, and the card reads them in one go.
 * Memory is allocated, and registered, only when the arena grows (arena_max).
 *
 * Returns 0; -EMSGSIZE; -EINVAL; -EAGAIN: payloads fill the arena, which does
 * not grow any more: poll (or wait) until batches are done. If the open batch
 * itself fills it, that batch has been ended and submitted.
 */
int fantail_arena_reserve(struct fantail *f, size_t len, void **ptr);

/**
 * fantail_publish - queue a payload for a group, a connection or a list
 * @ptr: within the last reservation; or a payload already published and not
 *	done, to send the same bytes to someone else
 * @len: 1..fantail_payload_max() bytes
 * @cookie: comes back in BATCH (that of the batch's last payload) and REFUSED
 *
 * Payloads above the card's limit are cut, in order. The memory may not be
 * written until the payload's batch is done (FANTAIL_EVENT_BATCH).
 *
 * Returns 0; -EINVAL: @ptr, @len or the length of a list; -EAGAIN: the ring
 * is full, poll (or wait) and try again; the card has been told of the batch
 * so far, so that a batch may be longer than the ring; also -EAGAIN: lists
 * fill their memory, as for fantail_arena_reserve(), or, in blocking mode,
 * fantail_lagging(); or what the driver gave.
 */
int fantail_publish(struct fantail *f, struct fantail_target target,
		    const void *ptr, size_t len, uint64_t cookie);

/* The same with a copy into the arena; @ptr is free on return. */
int fantail_publish_copy(struct fantail *f, struct fantail_target target,
			 const void *ptr, size_t len, uint64_t cookie);

/**
 * fantail_submit - end the batch and ring the doorbell, once
 *
 * One BATCH event will answer if the batch has payloads. Returns the number
 * of payload entries in the batch, 0: nothing to submit; or what the driver
 * gave.
 */
int fantail_submit(struct fantail *f);

/**
 * fantail_submit_report - the same, and say when it has all arrived
 *
 * One FANTAIL_EVENT_DELIVERED comes when every byte published up to here is
 * acknowledged, or its connection has failed, with the cookie of the batch's
 * last payload, as in BATCH. CONN events of failures come before it, in
 * summary-only mode a SUMMARY that counts them. DELIVERED events come in the
 * order of the calls. The card remembers sixteen; with more under way it
 * waits with what is published behind them.
 *
 * Returns as fantail_submit(), also 0: no payload, and no event; or -EAGAIN:
 * the ring is full, poll (or wait) and try again.
 */
int fantail_submit_report(struct fantail *f);

/**
 * fantail_report_drained - say when a connection has all its data
 *
 * A CONN event with DRAINED comes when all that was published for @c before
 * is acknowledged; none if it dies first, its failure answers then. The
 * entry goes with the next submit, or after flush_us.
 *
 * Returns 0; -ENOTCONN: it is dead; -EAGAIN: the ring is full, poll (or wait)
 * and try again.
 */
int fantail_report_drained(struct fantail_conn *c);

/**
 * fantail_collect - have everything told that the card has accumulated
 *
 * The card looks at every connection once more, then come the CONN events of
 * all that have news, one SUMMARY event with collected set, and an interrupt,
 * armed or not. A call before the card has begun with the one before shares
 * its answer. Sent at once.
 *
 * In summary-only mode (qp.summary_only) CONN events come only so; the id of
 * a released connection is free again only then, too: call it now and then.
 *
 * Returns 0; -EAGAIN: the ring is full, poll (or wait) and try again; or what
 * the driver gave.
 */
int fantail_collect(struct fantail *f);

/* ----------------------------------------------------------------- events */

enum fantail_event_type {
	FANTAIL_EVENT_ACCEPT,	 /* conn is new; in u.accept its listener */
	FANTAIL_EVENT_BATCH,	 /* a batch is done: its memory is free */
	FANTAIL_EVENT_CONN,	 /* conn has news */
	FANTAIL_EVENT_DATA,	 /* conn's peer sent bytes; return the slot */
	FANTAIL_EVENT_REFUSED,	 /* the card refused an entry of ours */
	FANTAIL_EVENT_CONNECT,	 /* fantail_connect() has succeeded or failed */
	FANTAIL_EVENT_ERROR,	 /* ICMP said something about conn */
	FANTAIL_EVENT_SUMMARY,	 /* a period with news has ended */
	FANTAIL_EVENT_DELIVERED, /* see fantail_submit_report() */
};

struct fantail_event {
	enum fantail_event_type type;
	struct fantail_conn *conn; /* ACCEPT, CONN, DATA, ERROR, CONNECT */
	union {
		struct {
			struct fantail_listener *listener;
		} accept;
		struct {
			uint64_t cookie;
			uint32_t reached; /* deliveries queued */
			uint32_t skipped; /* deliveries left out */
			uint32_t bytes;
			uint16_t entries; /* the last three saturate */
			uint16_t payloads;
			uint16_t refused;
		} batch;
		struct {
			uint16_t events;     /* FANTAIL_EV_, new */
			uint16_t all_events; /* so far */
			uint8_t cause;	     /* FANTAIL_CAUSE_ */
			bool dead;	     /* nothing more will be sent */
			uint32_t acked;	     /* bytes since accept, mod 2^32 */
			uint32_t queued;
			uint32_t retransmits;
			uint32_t skipped;
		} conn;
		struct {
			const uint8_t *ptr;
			uint16_t len;
			uint16_t slot;
		} data;
		struct {
			/* all since the last SUMMARY */
			uint32_t connects;    /* installed on the card */
			uint32_t reads;	      /* DATA events */
			uint32_t errors;      /* timed out, or overrun */
			uint32_t disconnects; /* by the peer */
			/* times a connection had all its data */
			uint32_t successes;
			bool collected; /* answers fantail_collect() */
		} summary;
		struct {
			uint64_t cookie;
		} delivered;
		struct {
			uint64_t cookie;
			uint32_t target;
			uint8_t op;   /* FANTAIL_OP_ */
			uint8_t code; /* FANTAIL_REFUSE_ */
			/* a list could not be read: who had it before that */
			uint16_t reached;
		} refused;
		struct {
			void *user;
			uint32_t ip;
			uint16_t port;
			uint16_t local_port;
			/*
			 * 0: conn is open; else conn is NULL and this is
			 * -ECONNREFUSED; -ETIMEDOUT; -EHOSTUNREACH: no answer
			 * to ARP, or only ICMP errors; -EADDRINUSE, -ENOSPC
			 * or -EIO: the card would not have it.
			 */
			int error;
		} connect;
		struct {
			/*
			 * -EHOSTUNREACH: soft, the connection goes on;
			 * -ECONNREFUSED: hard, it is being aborted (ABORTED
			 * follows); -EMSGSIZE: its segments are smaller now.
			 */
			int error;
			uint32_t mss; /* -EMSGSIZE: payload bytes */
		} error;
	} u;
};

/**
 * fantail_poll - take events, and let the library do its work
 * @events: room for @n
 * @n: how many at most; at least 1
 *
 * Answers frames, runs timers, sends what waited for room. Allocates nothing
 * and never blocks.
 *
 * Returns the number of events, 0: none now; -EINVAL; -EPROTO: the card wrote
 * something impossible and cannot be used any more; or what the driver gave.
 */
int fantail_poll(struct fantail *f, struct fantail_event *events, int n);

/**
 * fantail_recv_return - give the bytes of a DATA event back
 * @slot: of the event, once. The peer's window opens again.
 *
 * Returns 0, or -EINVAL: not a slot the application holds.
 */
int fantail_recv_return(struct fantail *f, uint16_t slot);

/**
 * fantail_wait - sleep until fantail_poll() may have something
 * @timeout_us: microseconds of the card's time; 0: look; negative: no limit
 *
 * Sends what is due, keeps timers, arms the interrupt. Does not end the open
 * batch before its flush time. In virtual time this is where time passes.
 *
 * Returns 1: poll; 0: timeout; -EDEADLK: virtual time, no limit, and nothing
 * can happen; or what the driver gave.
 */
int fantail_wait(struct fantail *f, int64_t timeout_us);

/**
 * fantail_event_fd, fantail_prepare_sleep - for one's own poll() or epoll
 *
 * Before sleeping on the descriptor call fantail_prepare_sleep(): it returns
 * 1 (do not sleep, poll), 0 (armed) or an error, and in @timeout_us how long
 * at most (-1: no limit). After waking: fantail_poll() until 0. Not for
 * virtual time, where only fantail_wait() lets time pass.
 */
int fantail_event_fd(const struct fantail *f);
int fantail_prepare_sleep(struct fantail *f, int64_t *timeout_us);

/* When the library's next timer is due, in card time; UINT64_MAX: none. */
uint64_t fantail_next_timer_us(const struct fantail *f);

#ifdef __cplusplus
}
#endif

#endif /* FANTAIL_H */
