/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Soak: connections that open, receive, send, lose frames, close half or fully
 * in both orders, are reset from either side, aborted, released, and whose ids
 * are used again, thousands of times over a bad link; then a full run, and
 * everything must be back where it started. Every stream is compared byte by
 * byte. The library on the engine in virtual time, one thread; a run repeats
 * from its seed.
 *
 * A round is a life: one connection of a peer, as the peer sees it. What the
 * host still knows of it may outlive it, while the peer begins its next.
 */
#ifndef TESTS_SOAK_H
#define TESTS_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../fuzz/frame_ring.h"
#include "fantail.h"
#include "fantail_sim.h"
#include "link.h"
#include "net.h"
#include "peer.h"

#define SOAK_PEERS    200 /* at most */
#define SOAK_FLOODERS 40  /* that fill the slots */
#define SOAK_GROUPS   6
#define SOAK_PORT     9000
#define SOAK_CARD_IP  0x0A010001u
#define SOAK_FIRST_IP 0x0A010100u
#define SOAK_TABLE    65536u /* random bytes that payloads are pieces of */
#define SOAK_PAYLOAD  4096u

struct soak_options {
	uint32_t rounds;
	uint32_t peers;	       /* SOAK_FLOODERS to SOAK_PEERS */
	uint32_t full_batches; /* of the full run */
	uint64_t seed;
	const char *pcap;   /* last frames, written on failure */
	const char *record; /* all frames; NULL: none */
	FILE *progress;	    /* NULL: silent */
};

enum soak_plan {
	SOAK_HOST_CLOSES,
	SOAK_PEER_CLOSES,
	SOAK_BOTH_CLOSE,
	SOAK_HOST_ABORTS,
	SOAK_PEER_ABORTS,
	SOAK_HOST_RELEASES, /* without closing */
	SOAK_PEER_GIVES_UP, /* during the handshake */
	SOAK_PEER_STOPS,    /* reading, for a while */
	SOAK_STAYS,	    /* the full run */
	SOAK_PLANS,
};

struct soak_piece {
	uint32_t at, len;
};

struct soak_life {
	struct soak_life *next; /* of the same peer, older */
	uint32_t peer;
	uint16_t port;
	enum soak_plan plan;
	bool own;   /* the peer's present one, not found by the host later */
	bool ended; /* its plan was carried out */
	bool left;  /* the peer may begin another */
	/* the peer's side */
	bool peer_up, peer_fin, peer_shut, peer_gone, peer_paused;
	uint64_t up_sent;
	uint64_t next_up_us;
	/* the host's side */
	struct fantail_conn *conn;
	bool accepted, closed, dead, peer_fin_told, done;
	bool cut_off;	 /* by the host: what is under way may still come */
	uint32_t groups; /* bits */
	uint16_t events;
	uint8_t cause;
	uint32_t queued; /* bytes, as last told */
	uint64_t up_got;
	/* the stream to the peer */
	struct soak_piece *piece;
	uint32_t pieces, room, next_piece, next_off;
	uint64_t sent, got;
	bool wrong, checked;
	/* when its plan is carried out, the next step of it, and patience ends */
	uint64_t end_us, step_us, release_us, force_us;
	uint8_t step;
};

/* What must be the same before and after. */
struct soak_level {
	uint64_t open, handshakes, time_wait;
	uint64_t flows;	     /* installed and not released */
	uint64_t log_bytes;  /* in use */
	uint64_t slots_held; /* by the host */
	uint64_t slots_card; /* that a flood of frames gets */
	uint64_t arena_bytes;
	uint64_t lib_ids, lib_timers; /* free ids, running timers */
	uint64_t extents;	      /* that each connection gets, summed */
};

struct soak_result {
	uint64_t lives, by_plan[SOAK_PLANS];
	uint64_t accepted, orphans, exact, cut, forced, overruns, timeouts;
	uint64_t never_up, bytes_down, bytes_up, batches, payloads;
	uint64_t retransmits, fast_retransmits, rtos;
	uint64_t resets_seen, id_reuses;
	uint64_t full_bytes, full_us;
	uint64_t lib_bytes_before, lib_bytes_after;
	int64_t leaked;
	struct soak_level before, after;
	struct fantail_stats lib;
	struct fantail_sim_stats sim;
	struct fantail_link_stats tx, rx;
	double seconds;
	bool failed;
	char why[400];
};

struct soak {
	struct soak_options opt;
	struct soak_result res;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail *f;
	struct fantail_listener *listener;
	struct fantail_group *group[SOAK_GROUPS + 1]; /* the last: everybody */
	struct soak_life *life[SOAK_PEERS];	      /* newest first */
	uint64_t start_us[SOAK_PEERS];		      /* of the next life */
	uint32_t running;			      /* current lives */
	uint32_t batches_open;
	bool full; /* nobody publishes or begins by himself */
	int64_t step_us;
	bool deaf; /* nothing reaches the card */
	uint64_t rnd, told;
	uint64_t next_batch_us;
	bool keep_slots; /* received bytes are not returned */
	uint32_t kept;
	uint16_t kept_slot[4096];
	struct frame_ring *ring;
	double started;
	uint8_t table[SOAK_TABLE + SOAK_PAYLOAD];
};

/* Run; false: it has failed, and res->why says why. */
bool soak_run(const struct soak_options *opt, struct soak_result *res);
int soak_write_json(const struct soak_result *res,
		    const struct soak_options *opt, const char *path);
void soak_print(const struct soak_result *res, FILE *to);

/* soak.c */
void soak_fail(struct soak *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint32_t soak_below(struct soak *s, uint32_t n);
struct fantail_peers *soak_peers(struct soak *s);
void soak_peers_done(struct soak *s);
uint64_t soak_now(struct soak *s);

/* soak_host.c: the application. */
void soak_open_card(struct soak *s);
void soak_open_library(struct soak *s);
void soak_use_library(struct soak *s);
void soak_close_library(struct soak *s);
void soak_close_card(struct soak *s);
/* Events, then a millisecond; false: failed. */
bool soak_turn(struct soak *s);
void soak_publish(struct soak *s, struct soak_life *to, uint32_t group,
		  uint32_t len);
void soak_submit(struct soak *s);

/* soak_life.c: what becomes of connections. */
void soak_begin(struct soak *s, uint32_t peer, enum soak_plan plan);
void soak_tick(struct soak *s);
struct soak_life *soak_find(struct soak *s, uint32_t ip, uint16_t port);
struct soak_life *soak_add(struct soak *s, uint32_t peer, uint16_t port);
void soak_dump(const struct soak *s);
bool soak_nobody(const struct soak *s);
void soak_forget(struct soak *s);
uint8_t soak_up_byte(uint32_t peer, uint16_t port, uint64_t at);
void soak_peer_send(struct soak *s, struct soak_life *l, uint32_t len);

/* soak_check.c: what must be back where it was. */
bool soak_quiet(struct soak *s);
bool soak_measure(struct soak *s, struct soak_level *level);
bool soak_full_run(struct soak *s);
bool soak_compare(struct soak *s);
uint64_t soak_memory(void);

#endif /* TESTS_SOAK_H */
