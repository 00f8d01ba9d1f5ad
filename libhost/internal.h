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
uint64_t timers_next(const struct timers *ts);
void timers_run(struct fantail *f, uint64_t now);

/* ------------------------------------------------------------------ flows */

enum flow_kind {
	FLOW_EMBRYO,
	FLOW_CONN
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
	HASH_SEQUENCE
};
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
	uint64_t *groups;	   /* bit per group */
	uint32_t members;	   /* bits set */
	uint32_t handle;
	uint16_t all_events;
	enum conn_state state;
	uint8_t want; /* WANT_: asked for */
	uint8_t done; /* WANT_: on a ring */
	bool deferred;
	bool gone; /* the application released it */
};

struct conn_table {
	struct fantail_conn *conn;
	uint64_t *group_bits;
	uint32_t group_words;
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
void conn_record(struct fantail *f, const struct fantail_rec_conn *r);
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

struct arena {
	struct fantail_mem mem;
	uint64_t tail; /* positions only grow */
	uint64_t head;
	uint64_t reserved;  /* bytes given from tail on */
	uint64_t *end;	    /* per DATA entry: free up to here */
	uint32_t reclaimed; /* DATA entries looked at */
};

struct batch {
	uint32_t payloads; /* entries since the last LAST */
	uint64_t bytes;
	uint64_t cookie;
	struct fantail_entry *newest; /* last entry got, of any kind */
	uint64_t due;		      /* flush time; 0: not running */
};

int arena_init(struct fantail *f, uint32_t bytes);
void arena_free(struct fantail *f);
/* A DATA entry that is no payload, or NULL: full. */
struct fantail_entry *data_get(struct fantail *f);
/* Ring if the open batch, or what else waits, is due. */
int data_flush(struct fantail *f);

/* -------------------------------------------------------------- listening */

struct embryo {
	struct flow flow;
	struct timer timer;
	struct fantail_listener *listener;
	struct embryo *next; /* free list */
	uint64_t started_us;
	uint64_t sent_us; /* last SYN-ACK */
	uint32_t iss;
	uint32_t irs;
	uint32_t ts_recent;
	uint32_t ts_offset;
	uint16_t peer_mss;
	uint8_t mac[ETH_ALEN];
	uint8_t snd_wscale;
	uint8_t rcv_wscale;
	bool wscale;
	bool timestamps;
	uint8_t retries;
};

struct fantail_listener {
	struct fantail *f;
	struct fantail_listener *next;
	struct embryo *embryos;
	struct embryo *free;
	unsigned int backlog;
	uint16_t port;
};

struct fantail_listener *listener_find(struct fantail *f, uint16_t port);
void listeners_free(struct fantail *f);

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
void tcp_input(struct fantail *f, struct rx_frame *fr, struct segment *s);

/* Big-endian access and the Internet checksum (ones' complement sum). */
uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);
uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum);
uint16_t sum_fold(uint32_t sum);

bool tcp_parse_options(const uint8_t *p, size_t len, struct tcp_options *o);
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

/* ---------------------------------------------------------------- library */

#define EVENT_QUEUE 128u /* twice the records polled in one go */

struct fantail {
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	bool own_dev;
	struct fantail_options opt; /* defaults filled in */
	uint32_t payload_limit;	    /* of one entry */

	struct arena arena;
	struct batch batch;
	uint32_t last_rung; /* DATA index behind the last LAST */
	struct control control;
	struct conn_table conns;
	struct fantail_conn *deferred;
	struct flow_table flows;
	struct timers timers;
	struct fantail_listener *listeners;
	struct fantail_group *groups;
	uint64_t *group_used;
	struct arp_entry arp[ARP_ENTRIES];
	uint64_t arp_asked_us;
	uint8_t hash_key[16];
	uint8_t *app_slot; /* slot is with the application */

	/* Events beyond the caller's room, oldest first. */
	struct fantail_event queue[EVENT_QUEUE];
	uint32_t queue_head;
	uint32_t queue_count;
	struct fantail_event *out;
	int out_count;
	int out_room;

	struct fantail_stats stats;
};

struct fantail_event *event_add(struct fantail *f, enum fantail_event_type type,
				struct fantail_conn *c);
uint64_t now_us(struct fantail *f);

#endif /* FANTAIL_INTERNAL_H */
