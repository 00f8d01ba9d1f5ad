/* SPDX-License-Identifier: Apache-2.0 */
/* What the library's files share. */
#ifndef FANTAIL_INTERNAL_H
#define FANTAIL_INTERNAL_H

#include "fantail.h"
#include "transport.h"

#define ETH_ALEN 6

/* ----------------------------------------------------------------- timers */

struct timer {
	uint64_t due;
	uint32_t pos; /* place in the heap + 1; 0: idle */
	void (*fn)(struct fantail *f, struct timer *t);
};

struct timers {
	struct timer **heap;
	uint32_t count;
	uint32_t room;
};

int timers_reserve(struct timers *ts, uint32_t more);
void timers_set(struct timers *ts, struct timer *t, uint64_t due);
void timers_stop(struct timers *ts, struct timer *t);
static inline uint64_t timers_next(const struct timers *ts)
{
	return ts->count ? ts->heap[0]->due : UINT64_MAX;
}
void timers_run(struct fantail *f, uint64_t now);

/* ------------------------------------------------------------------ flows */

enum flow_kind {
	FLOW_EMBRYO,
	FLOW_CONN,
	FLOW_TIME_WAIT
};

/* A known 4-tuple; our address is always f->ip. */
struct flow {
	struct flow *next;
	uint32_t ip;
	uint16_t port;
	uint16_t local_port;
	enum flow_kind kind;
};

struct flow_table {
	struct flow **bucket;
	uint32_t mask;
};

int flows_init(struct flow_table *t, uint32_t flows);
struct flow *flows_find(const struct fantail *f, uint32_t ip, uint16_t port,
			uint16_t local_port);
void flows_add(struct fantail *f, struct flow *flow);
void flows_del(struct fantail *f, struct flow *flow);

/*
 * Keyed hash (SipHash-2-4) of a 4-tuple. Buckets and sequence numbers get
 * unrelated values: bucket collisions can be seen from outside by timing.
 */
enum hash_use {
	HASH_BUCKET,
	HASH_SEQUENCE,
	HASH_PORT,
	HASH_COOKIE
};
uint64_t keyed_hash(const struct fantail *f, const uint8_t *in, size_t len);
uint64_t tuple_hash(const struct fantail *f, enum hash_use use, uint32_t ip,
		    uint16_t port, uint16_t local_port);

/* ------------------------------------------------------------ connections */

enum conn_state {
	CONN_FREE,
	CONN_INSTALLING, /* CONN_INSTALL is on its way */
	CONN_OPEN,
	CONN_DEAD, /* reset, timed out, aborted or closed */
};

#define WANT_CLOSE   0x1u
#define WANT_ABORT   0x2u
#define WANT_RELEASE 0x4u

struct fantail_conn {
	struct flow flow;
	struct fantail *f;
	struct fantail_listener *listener;
	void *user;
	struct fantail_conn *next; /* in f->deferred */
	uint64_t opened_us;
	/* Of the handshake; TIME_WAIT and ICMP need them. */
	uint32_t snd_base; /* first byte we send */
	uint32_t rcv_base; /* first byte the peer sends */
	uint32_t rcv_bytes;
	uint32_t queued; /* as last told */
	uint32_t ts_first;
	uint32_t ts_offset;
	/* An ICMP error that waits for the card's answer to CONN_QUERY. */
	uint32_t icmp_seq;
	uint16_t icmp_mss;
	uint8_t icmp_kind; /* enum icmp_kind; 0: none */
	uint16_t mss;
	uint8_t mac[ETH_ALEN];
	uint8_t rcv_wscale;
	bool timestamps;
	bool dialed;	  /* by fantail_connect() */
	bool fin_first;	  /* the peer closed before we did */
	uint64_t *groups; /* bit per group */
	uint32_t members; /* bits set */
	uint32_t handle;
	uint16_t all_events;
	enum conn_state state;
	uint8_t want; /* WANT_: asked for */
	uint8_t done; /* WANT_: on a ring */
	bool deferred;
	bool gone; /* the application released it */
	/* Slow consumers. */
	bool lagging;			/* LAGGING was told, WRITABLE was not */
	bool lag_asked;			/* how much it has acknowledged */
	uint32_t lag_acked;		/* when it was told, or asked last */
	uint64_t lag_due;		/* when it will be asked */
	struct fantail_conn *lag_newer; /* in f->lags */
	struct fantail_conn *lag_older;
};

struct conn_table {
	struct fantail_conn *conn;
	uint64_t *group_bits;
	uint32_t group_words;
	uint32_t first; /* id of the first one */
	uint32_t count;
	uint32_t *free_ids; /* queue, so that ids rest longest */
	uint32_t free_head;
	uint32_t free_count;
};

int conns_init(struct fantail *f);
void conns_free(struct fantail *f);
struct fantail_conn *conn_alloc(struct fantail *f);
void conn_free(struct fantail *f, struct fantail_conn *c);
struct fantail_conn *conn_find(struct fantail *f, uint32_t handle);
void conn_installed(struct fantail *f, struct fantail_conn *c);
void conn_refused(struct fantail *f, struct fantail_conn *c, uint8_t code);
void conn_record(struct fantail *f, const struct fantail_rec_conn *r);
/* On CONTROL; 0 or -EAGAIN: no room. */
int conn_query(struct fantail_conn *c);
int conn_update(struct fantail_conn *c, uint64_t code, uint64_t value);
void conns_progress(struct fantail *f);

struct fantail_group {
	struct fantail *f;
	struct fantail_group *next; /* in f->groups */
	uint32_t number;
	uint32_t members;
};

/* Queue LEAVE for one group of @c. 0, or -EAGAIN. */
int group_leave_any(struct fantail_conn *c);
void groups_free(struct fantail *f);

/* --------------------------------------------------------- slow consumers */

struct lags {
	uint32_t *group; /* by number: members that lag */
	struct fantail_conn *oldest;
	struct fantail_conn *newest;
	struct timer timer;
};

int lags_init(struct fantail *f);
/* News of @c. */
void lag_record(struct fantail *f, struct fantail_conn *c,
		const struct fantail_rec_conn *r);
/* It holds nobody up any more. */
void lag_forget(struct fantail *f, struct fantail_conn *c);
void lag_member(struct fantail *f, const struct fantail_conn *c,
		uint32_t number, bool joined);

/* ----------------------------------------------------------- CONTROL ring */

/*
 * Every CONTROL entry has its own scratch of 128 bytes, for a connection
 * context or a small frame; it is free again when the entry is.
 */
#define SCRATCH_BYTES 128u

struct control {
	struct fantail_mem scratch;
	uint16_t *back; /* slots to be returned */
	unsigned int back_count;
	bool waits; /* entries got and not rung for */
};

/* Cookies of our own entries: what in the high half, handle in the low. */
#define COOKIE_INSTALL 1u
#define COOKIE_OTHER   2u

int control_init(struct fantail *f);
void control_free(struct fantail *f);
unsigned int control_space(const struct fantail *f);
struct fantail_entry *control_get(struct fantail *f, void **scratch);
/* Send the @len bytes written into the scratch of control_get(). */
void control_frame(struct fantail *f, struct fantail_entry *e, size_t len);
int control_frame_from_slot(struct fantail *f, uint8_t op, uint16_t slot,
			    uint32_t len);
void control_return_slot(struct fantail *f, uint16_t slot);
int control_run(struct fantail *f, bool all);

/* ------------------------------------------------------------- publishing */

/* 64 KiB doubled until it is 1 GiB. */
#define ARENA_SPENT_MAX 14

/* Memory that DATA entries name; one for payloads, one for target lists. */
struct arena {
	struct fantail_mem mem;
	uint64_t tail; /* positions only grow */
	uint64_t head;
	/* What was given from tail on, and is not used up. */
	uint8_t *place;
	uint8_t *place_end;
	uint32_t last; /* of a spent one: behind the last entry */
};

/* What is free once the card has passed an entry: positions of the arenas. */
struct arena_ends {
	uint64_t payloads;
	uint64_t lists;
};

/* The DATA ring: filled here, in place; the driver hears of it in sum. */
struct data_ring {
	struct fantail_entry *entries;
	struct arena_ends *ends; /* one for each */
	uint32_t mask;
	uint32_t tail;	/* the next entry */
	uint32_t head;	/* entries the card has passed */
	uint32_t limit; /* tail, when it is full */
	uint32_t taken; /* tail, as the driver knows it */
};

struct batch {
	uint32_t payloads; /* entries since the last LAST */
	uint64_t bytes;
	uint64_t cookie;
	struct fantail_entry *newest; /* not rung for, of any kind; or NULL */
	uint64_t due;		      /* flush time; 0: not running */
};

int arena_init(struct fantail *f);
void arena_free(struct fantail *f);
/* Take note of how far the card is, whenever records have been polled. */
void arena_reclaim(struct fantail *f);
/*
 * The next entry names memory from @pos on that an earlier one named too:
 * what stands before it frees nothing of that.
 */
void arena_keep(struct fantail *f, uint64_t pos);
/* Let @len bytes in one piece begin at the tail. False: not free. */
bool arena_room(struct arena *a, uint64_t len, uint64_t *wraps);
/* A larger one for payloads, empty. False: it is as large as it may be. */
bool arena_grow(struct fantail *f);
/*
 * Arena and position of @ptr: in the reservation, or in a payload the card
 * has not passed yet. NULL: neither.
 */
struct arena *arena_locate(struct fantail *f, const void *ptr, size_t len,
			   uint64_t *pos);
/* A list begins at a line, so that it takes as few of them as can be. */
static inline uint32_t list_bytes(uint32_t handles)
{
	return (4 * handles + 63) & ~63u;
}

/* A DATA entry that is no payload, or NULL: full. */
struct fantail_entry *data_get(struct fantail *f);
/* Ring if the open batch, or what else waits (batch.newest), is due. */
int data_flush(struct fantail *f);

/* ----------------------------------------------------------------- frames */

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

/* TCP options; a "has" of 0 leaves the value meaningless. */
struct tcp_options {
	bool has_mss;
	bool has_wscale;
	bool has_ts;
	bool has_sack;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val;
	uint32_t ts_ecr;
};

struct segment {
	const uint8_t *src_mac;
	uint32_t ip; /* the peer's */
	uint16_t port;
	uint16_t local_port;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t wnd; /* as on the wire */
	uint32_t len; /* payload bytes */
	struct tcp_options opt;
};

/* Where the frame that is being looked at lies. */
struct rx_frame {
	uint8_t *data;
	uint32_t len;
	uint16_t slot;
};

void frame_input(struct fantail *f, uint16_t slot, uint32_t offset,
		 uint32_t len);
void arp_input(struct fantail *f, struct rx_frame *fr);
void icmp_input(struct fantail *f, struct rx_frame *fr, uint32_t ip_len);
/* The card's answer to the CONN_QUERY that an ICMP error asked for. */
void icmp_verdict(struct fantail *f, struct fantail_conn *c,
		  const struct fantail_rec_conn *r);
void tcp_input(struct fantail *f, struct rx_frame *fr, struct segment *s);

/* Big-endian access and the Internet checksum (ones' complement sum). */
uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);
uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum);
uint16_t sum_fold(uint32_t sum);

/* False: a bad length ended it; what came before is in @o. */
bool tcp_parse_options(const uint8_t *p, size_t len, struct tcp_options *o);
/* Returns the bytes, a multiple of four. */
size_t tcp_build_options(uint8_t *p, const struct tcp_options *o);
uint16_t tcp_peer_mss(const struct tcp_options *o);
uint16_t tcp_payload_mss(uint32_t mss, bool timestamps);
uint8_t tcp_our_wscale(const struct fantail *f);
uint16_t tcp_syn_window(const struct fantail *f);
/* Build a segment without payload; returns the frame's bytes, <= 74. */
size_t tcp_build(const struct fantail *f, uint8_t *frame,
		 const uint8_t *dst_mac, const struct segment *s,
		 const struct tcp_options *o);
/* Send one; false: no room, nothing sent. */
bool tcp_send(struct fantail *f, const uint8_t *dst_mac,
	      const struct segment *s, const struct tcp_options *o);
void tcp_send_reset(struct fantail *f, const struct segment *to);

#define ARP_ENTRIES 256u

struct arp_entry {
	uint32_t ip;
	uint8_t mac[ETH_ALEN];
	bool known;
};

/*
 * The MAC to reach @ip by, of whom a frame came @from: itself on our network;
 * the gateway beyond it, for which a request goes out if it is not known.
 */
const uint8_t *arp_next_hop(struct fantail *f, uint32_t ip,
			    const uint8_t *from);
void arp_request(struct fantail *f, uint32_t ip);
/* Whom to send to for @ip; 0: no route. Its MAC, or NULL. */
uint32_t arp_route(const struct fantail *f, uint32_t ip);
const uint8_t *arp_find(struct fantail *f, uint32_t ip);

/* ------------------------------------------------------------- handshakes */

#define MSS_DEFAULT  536u     /* RFC 9293 MUST-15 */
#define MSS_OURS     1460u    /* MTU 1500 */
#define RTO_FIRST_US 1000000u /* RFC 6298 2.1 */
#define RTO_MAX_US   60000000u

struct embryo {
	struct flow flow;
	struct timer timer;
	struct fantail_listener *listener; /* NULL: active open */
	struct embryo *next;		   /* free list */
	void *user;			   /* of fantail_connect() */
	uint64_t started_us;
	uint64_t sent_us; /* last SYN or SYN-ACK */
	uint32_t hop;	  /* whom to ask ARP for */
	uint32_t iss;
	uint32_t irs;
	uint32_t ts_recent;
	uint32_t ts_offset;
	int soft_error;
	uint16_t peer_mss;
	uint8_t mac[ETH_ALEN];
	uint8_t snd_wscale;
	uint8_t rcv_wscale;
	uint8_t retries;
	bool used;
	bool resolved; /* mac is known */
	bool syn_sent; /* SYN-SENT; else SYN-RECEIVED */
	bool wscale;
	bool timestamps;
};

/* Sequence numbers and timestamps are compared modulo 2^32. */
static inline bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Milliseconds, as the card's timestamps. */
uint32_t ts_clock(struct fantail *f, uint32_t offset);
/* Take one from @pool, zeroed; then its flow is filled and added. */
struct embryo *embryo_alloc(struct fantail *f, struct embryo **pool);
/* Put it back; nobody is told. */
void embryo_free(struct fantail *f, struct embryo *e);
/* The same, and a CONNECT event with @error if it was an active open. */
void embryo_fail(struct fantail *f, struct embryo *e, int error);
void embryo_choose_numbers(struct fantail *f, struct embryo *e);
void embryo_take_options(const struct fantail *f, struct embryo *e,
			 const struct segment *s);
void embryo_set_timer(struct fantail *f, struct embryo *e);
struct segment embryo_segment(const struct embryo *e, uint32_t seq,
			      uint8_t flags);
void embryo_send_synack(struct fantail *f, struct embryo *e);
void embryo_send_ack(struct fantail *f, const struct embryo *e);
/* RFC 6298 3: 0: no sample. */
uint32_t embryo_rtt(struct fantail *f, const struct embryo *e,
		    const struct segment *s);
/*
 * Install it, and run the frame again behind that if it holds more than the
 * handshake. @snd_wnd: the peer's, scaled. False: no room, no effect. Does
 * not free @e.
 */
bool embryo_install(struct fantail *f, const struct embryo *e,
		    struct rx_frame *fr, const struct segment *s,
		    uint32_t snd_wnd, uint32_t rtt_us);
/* False: this second's challenge ACKs are used up (RFC 5961 7). */
bool challenge_allowed(struct fantail *f);

/* Active open. */
int connects_init(struct fantail *f);
void connect_timer(struct fantail *f, struct embryo *e);
void connect_input(struct fantail *f, struct embryo *e, struct rx_frame *fr,
		   const struct segment *s);
void connect_resolved(struct fantail *f, uint32_t ip, const uint8_t *mac);
void connect_event(struct fantail *f, void *user, int error,
		   const struct flow *flow, struct fantail_conn *c);

/* SYN cookies. */
struct cookie {
	uint16_t mss;
	uint8_t wscale; /* WSCALE_NONE: not offered */
	bool timestamps;
	bool sack; /* permitted; nothing asks before SACK exists */
};
#define WSCALE_NONE 15u

/* What goes into the SYN-ACK: *iss, and *ts_val if there are timestamps. */
void cookie_make(const struct fantail *f, const struct segment *s,
		 const struct cookie *c, uint64_t now, uint32_t ts_now,
		 uint32_t *iss, uint32_t *ts_val);
/* Does the ACK @s carry one of ours, not too old? */
bool cookie_check(const struct fantail *f, const struct segment *s,
		  uint64_t now, struct cookie *c);
void cookie_answer(struct fantail *f, const struct segment *s);
/* False: not one of ours. */
bool cookie_input(struct fantail *f, struct fantail_listener *l,
		  struct rx_frame *fr, const struct segment *s);

/* -------------------------------------------------------------- TIME_WAIT */

struct time_wait {
	struct flow flow;
	struct time_wait *newer; /* in the order of expiry; or free list */
	struct time_wait *older;
	uint64_t due;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t ts_low;  /* the peer's last timestamp is not before this */
	uint32_t ts_high; /* nor after this */
	uint32_t ts_offset;
	uint16_t wnd; /* as on the wire */
	uint8_t mac[ETH_ALEN];
	bool timestamps;
};

struct time_waits {
	struct time_wait *all;
	struct time_wait *free;
	struct time_wait *oldest;
	struct time_wait *newest;
	struct timer timer;
};

int time_waits_init(struct fantail *f);
void time_wait_enter(struct fantail *f, const struct fantail_conn *c);
void time_wait_input(struct fantail *f, struct time_wait *tw,
		     const struct segment *s);

/* -------------------------------------------------------------- listening */

struct fantail_listener {
	struct fantail *f;
	struct fantail_listener *next;
	struct embryo *embryos;
	struct embryo *free;
	unsigned int backlog;
	unsigned int policy;
	uint32_t lag_limit;
	uint16_t port;
};

struct fantail_listener *listener_find(struct fantail *f, uint16_t port);
void listeners_free(struct fantail *f);
/*
 * A SYN for a listener. @above: the sequence number of ours that the new one
 * must be above (TIME_WAIT), or NULL. False: answered by a cookie (never with
 * @above) or dropped.
 */
bool listener_syn(struct fantail *f, struct fantail_listener *l,
		  const struct segment *s, const uint32_t *above);

/* ---------------------------------------------------------------- library */

/*
 * Records polled in one go make at most three events each; timers make none
 * while more than half of it is used.
 */
#define EVENT_QUEUE 256u

/* So many in a second, one second after the other. */
struct rate {
	uint64_t second;
	uint32_t count;
};
bool rate_allows(struct fantail *f, struct rate *r, uint32_t per_second);

struct fantail {
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	bool own_dev;
	struct fantail_options opt; /* defaults filled in */
	uint32_t payload_limit;	    /* of one entry */
	uint32_t payload_max;	    /* of one call */
	uint32_t flush_payloads;    /* as in opt, or out of reach */
	uint64_t flush_bytes;

	struct batch batch;
	struct data_ring data;
	struct arena arena;
	struct arena lists;
	struct fantail_event *out; /* the caller's room */
	int out_count;
	int out_room;
	uint32_t queue_count; /* events in queue[] */
	uint32_t last_rung;   /* DATA index behind the last LAST */
	struct control control;
	struct conn_table conns;
	struct fantail_conn *deferred;
	struct flow_table flows;
	struct timers timers;
	struct fantail_listener *listeners;
	struct fantail_group *groups;
	uint64_t *group_used;
	struct embryo *dials; /* active opens */
	struct embryo *dial_free;
	uint32_t dial_turn;
	struct time_waits time_waits;
	struct lags lags;
	uint64_t cookies_until_us; /* ACKs may carry cookies */
	struct rate challenges;
	struct rate icmp_rate;
	uint8_t hash_key[16];
	uint8_t *app_slot; /* slot is with the application */

	struct fantail_stats stats;

	struct arena spent[ARENA_SPENT_MAX]; /* payloads' arenas of before */
	unsigned int spents;
	struct arp_entry arp[ARP_ENTRIES];
	uint64_t arp_asked_us;
	/* Events beyond the caller's room, oldest first. */
	struct fantail_event queue[EVENT_QUEUE];
	uint32_t queue_head;
};

/* DATA entries that are free. */
static inline uint32_t data_space(const struct fantail *f)
{
	return f->data.limit - f->data.tail;
}

struct fantail_event *event_add(struct fantail *f, enum fantail_event_type type,
				struct fantail_conn *c);
/* No room for events of timers: try again in a moment. */
bool events_full(const struct fantail *f);
uint64_t now_us(struct fantail *f);
void log_line(struct fantail *f, enum fantail_log_level level, const char *fmt,
	      ...) __attribute__((format(printf, 3, 4)));

#endif /* FANTAIL_INTERNAL_H */
