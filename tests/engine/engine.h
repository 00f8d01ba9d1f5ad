/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixture of the whole-engine tests: a card in virtual time with TCP peers in
 * this process, driven through the raw driver, so that nothing but the engine
 * stands between an entry and the wire. It shakes hands itself, with chosen
 * numbers, and knows of every peer what it must receive and what it has.
 *
 * Everything fails by criterion assertion. One thread.
 */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/card_size.h"
#include "fantail_driver.h"
#include "fantail_sim.h"
#include "net.h"
#include "peer.h"

#define ENGINE_CLIENTS CARD_CONNECTIONS
#define ENGINE_MOST    16384 /* clients, as many as the largest engine has */
#define ENGINE_GROUPS  CARD_GROUPS
#define ENGINE_PORT    9000
#define ENGINE_LOG     CARD_LOG
#define ENGINE_QPS     CARD_QUEUE_PAIRS
#define ENGINE_PAYLOAD CARD_PAYLOAD
#define ENGINE_PEER_IP 0x0A010100u /* of client 0 */
#define ENGINE_FAR_US  100000000ull
#define ENGINE_ARENA   (CARD_LOG < 1 << 20 ? 1u << 21 : 4u * CARD_LOG)
#define ENGINE_TABLE   65536u
#define ENGINE_SCRATCH 2048u /* of each CONTROL entry */
#define ENGINE_LIST    8192u /* of each DATA entry */

struct engine;

enum engine_tcp_flag {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_PSH = 8,
	TCP_ACK = 16,
};

/* A TCP segment on the wire. */
struct engine_segment {
	bool to_card;
	uint32_t client;
	uint16_t peer_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd;
	uint16_t mss;  /* option, 0: none */
	int8_t wscale; /* option, -1: none */
	bool has_ts;
	uint32_t ts_val, ts_ecr;
	uint32_t len; /* payload bytes */
	uint64_t now_us;
};

struct engine_options {
	uint32_t clients;
	uint64_t seed; /* 0: 1 */
	/* first sequence number of a connection; NULL: from the seed */
	uint32_t (*isn)(struct engine *e, uint32_t client);
	void (*configure)(void *ctx, uint32_t client,
			  struct fantail_peer_options *o);
	/* last word on what is installed; NULL ok */
	void (*context)(struct engine *e, uint32_t client,
			struct fantail_context *x);
	/* every TCP segment either way, before the link; NULL ok */
	void (*segment)(struct engine *e, const struct engine_segment *s,
			struct fantail_net_fate *fate);
	/* bytes of a stream, instead of comparing them to what was published
	 * to the client: some may be left out; NULL ok */
	void (*data)(struct engine *e, uint32_t client, const uint8_t *bytes,
		     size_t len);
	/* every status record; NULL ok */
	void (*record)(struct engine *e, const union fantail_record *rec);
	struct fantail_qp_options qp; /* zero: as the driver's, 128 slots */
	bool mod_us_given;	      /* take qp.mod_us, else its default */
	uint32_t peer_delay_us;
	uint64_t cycle_limit; /* 0: enough for the small engine */
	bool dense_ids;	 /* ids 0, 1, 2: else from both ends of the table */
	bool keep_slots; /* received data is not returned */
	bool refusals_are_ok; /* else a REFUSED record fails the test */
	bool reordered;	      /* by the link: timestamps may run backwards */
	bool hold_installs;   /* until engine_install_held() */
	int poll_most;	      /* records at a time, 0: 32 */
	bool slow_mac;	      /* 12.5 bytes a cycle, a fifth of what we send */
	const char *pcap;
};

/* Bytes of a stream: a place in the table of random bytes. */
struct engine_piece {
	uint32_t at, len;
};

enum engine_state {
	ENGINE_NONE,
	ENGINE_SYN,	   /* SYN-ACK sent */
	ENGINE_SHAKEN,	   /* with hold_installs: all but installed */
	ENGINE_INSTALLING, /* BATCH of the install is awaited */
	ENGINE_UP,
	ENGINE_DEAD, /* reset, aborted, timed out, overrun */
};

struct engine_client {
	enum engine_state state;
	uint16_t id, generation;
	uint32_t handle;
	/* handshake */
	uint16_t port;
	uint32_t irs, iss;
	uint16_t peer_mss;
	int8_t peer_wscale;
	bool ts;
	uint32_t ts_recent, ts_offset;
	bool fin_queued, releasing;
	uint8_t held_ack[128]; /* of the handshake, with hold_installs */
	/* news */
	uint16_t events; /* of this generation */
	uint8_t cause;
	struct fantail_rec_conn last;
	unsigned int conn_records;
	/* the stream to it */
	struct engine_piece *piece;
	uint32_t pieces, piece_room, next_piece, next_off;
	uint64_t sent, got;
	bool wrong;
	/* the stream from it */
	uint64_t up_sent, up_got;
	/* what the peer said, bits 1 << FANTAIL_PEER_EV_ */
	unsigned int peer_events;
};

struct engine_batch {
	uint64_t arena_end;
	uint32_t payloads;
};

struct engine {
	struct engine_options opt;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	uint8_t mac[6];
	uint32_t ip;
	struct engine_client client[ENGINE_MOST];
	uint32_t clients, connections; /* the latter: of the card */
	uint16_t owner[ENGINE_MOST];   /* client of an id */
	bool member[ENGINE_GROUPS][ENGINE_MOST];
	struct fantail_mem arena, scratch, lists;
	uint64_t arena_head, arena_tail;
	uint32_t wraps;
	struct fantail_entry *newest; /* of the batch being made */
	uint32_t batch_payloads;
	uint64_t batch_bytes;
	struct engine_batch batch[4096]; /* submitted and not done, a ring */
	uint32_t batches, batches_done;
	struct fantail_rec_batch last_batch;
	uint64_t payloads, payload_bytes;
	uint16_t slots[16];
	int slots_held;	     /* to be returned */
	uint16_t kept[4096]; /* with keep_slots */
	uint32_t kept_count;
	uint32_t control_pending, conn_records, refused;
	struct fantail_rec_refused last_refused;
	uint32_t summaries; /* SUMMARY records, and the sums of their counts */
	struct fantail_rec_summary sums, last_summary;
	uint32_t delivered, last_delivered; /* records, the last one's cookie */
	uint64_t rnd;
	void *user;
};

/* SEED of the environment or @given; says which. */
uint64_t engine_seed(uint64_t given);
uint32_t engine_random(struct engine *e, uint32_t below);

/* Opens card, device and queue pair; nobody is connected. */
struct engine *engine_open(const struct engine_options *opt);
/* The driver closes and opens the device, which resets it; peers reset too. */
void engine_reopen(struct engine *e);
/*
 * Everything is right: the wire, the ports, no peer has anything to complain
 * of, no stream has a wrong byte. Then closes.
 */
void engine_close(struct engine *e);

/* The peers, between engine_peers() and engine_peers_done(). */
struct fantail_peers *engine_peers(struct engine *e);
void engine_peers_done(struct engine *e);

/* Take and handle records; returns how many. */
int engine_poll(struct engine *e);
/* Poll and sleep until @done or for @limit_us, which fails the test. */
void engine_until(struct engine *e, bool (*done)(struct engine *e),
		  uint64_t limit_us);
/* Poll and sleep for @us. */
void engine_for(struct engine *e, uint64_t us);
/* Time passes; nobody polls, arms or is woken. */
void engine_pass(struct engine *e, uint64_t us);

/* All clients connect; returns when all are installed. */
void engine_connect_all(struct engine *e);
void engine_connect(struct engine *e, uint32_t client);
bool engine_all_up(struct engine *e);
/* Install those whose handshakes are done, at once; does not wait. */
void engine_install_held(struct engine *e);
/* All batches are done and all live clients have all bytes. */
bool engine_all_delivered(struct engine *e);
bool engine_batches_done(struct engine *e);
/* The same, and the engine knows that all is acknowledged. */
void engine_drain(struct engine *e);

/* An entry of CONTROL with its flags and 2 KiB of memory of its own. */
struct fantail_entry *engine_control(struct engine *e, uint8_t op,
				     uint32_t target, void **memory);
/* Submit what engine_control() and engine_data() gave. */
void engine_ring(struct engine *e);
/* An entry of DATA, no payload; ends the batch. */
struct fantail_entry *engine_data(struct engine *e, uint8_t op,
				  uint32_t target);

void engine_join(struct engine *e, uint32_t client, uint32_t group);
void engine_join_all(struct engine *e, uint32_t group);
void engine_leave(struct engine *e, uint32_t client, uint32_t group);
/* FIN behind all that was published; goes with the next submit. */
void engine_finish(struct engine *e, uint32_t client);
void engine_abort(struct engine *e, uint32_t client);
/* Leave all groups and release; returns when the id is free. */
void engine_release(struct engine *e, uint32_t client);

/* Publish @len bytes of the table to a group or a client. */
void engine_group(struct engine *e, uint32_t group, uint32_t len);
void engine_unicast(struct engine *e, uint32_t client, uint32_t len);
/* The same to any target, expected by nobody; returns the bytes' place. */
uint32_t engine_publish(struct engine *e, uint32_t target, uint8_t flags,
			uint32_t len);
/*
 * Publish to a list: of clients, or of any handles that begin @place handles
 * into a line, expected by nobody.
 */
void engine_list(struct engine *e, const uint32_t *clients, uint32_t n,
		 uint32_t len);
uint32_t engine_handles(struct engine *e, const uint32_t *handles, uint32_t n,
			uint32_t place, uint32_t len);
/* End the batch: one doorbell. */
void engine_submit(struct engine *e);

/* A peer sends @len bytes of its own stream. */
void engine_peer_send(struct engine *e, uint32_t client, uint32_t len);
/* Give back what keep_slots has kept. */
void engine_return_kept(struct engine *e);

uint64_t engine_count(struct engine *e, uint32_t offset);    /* CNT_ */
uint64_t engine_qp_count(struct engine *e, uint32_t offset); /* QPCNT_ */

/* Payloads are pieces of this; a peer's own stream is a function. */
extern uint8_t engine_table[ENGINE_TABLE + ENGINE_PAYLOAD];
uint64_t engine_mix(uint64_t x);
uint8_t engine_up_byte(uint32_t client, uint64_t at);

/* engine_tcp.c */
bool engine_parse(struct engine *e, const uint8_t *frame, size_t len,
		  struct engine_segment *s);
void engine_tcp_input(struct engine *e, const uint8_t *frame, uint32_t len);
void engine_installed(struct engine *e, uint32_t client);

#endif /* TESTS_ENGINE_H */
