/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzing of the receive path: the engine, installed connections, and frames.
 *
 * Nine frames of ten are mutations of valid segments of open connections, with
 * their checksums repaired; the rest is arbitrary. At each checkpoint the
 * engine must become idle, account for every frame by its counters, and serve
 * a connection that nobody has harmed. One thread, virtual time; a run repeats
 * from its seed.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fantail_driver.h"
#include "fantail_sim.h"
#include "frame_ring.h"

#define FUZZ_CONNS	256 /* at most; the last one is the healthy one */
#define FUZZ_PORT	9000
#define FUZZ_PEER_PORT	10000	    /* of connection 0 */
#define FUZZ_LOCAL_IP	0x0A010001u /* 10.1.0.1 */
#define FUZZ_PEER_IP	0x0A010100u /* of connection 0 */
#define FUZZ_HEALTHY_IP 0xC0A8DC33u /* far from all that can be mutated */
#define FUZZ_FRAME_MAX	1514
#define FUZZ_COUNTERS	18
#define FUZZ_NOISE	8192 /* random bytes, beyond it one frame more */

struct fuzz_options {
	uint64_t frames;
	uint64_t checkpoint; /* frames between two */
	uint64_t seed;
	const char *pcap; /* written on failure */
	FILE *progress;	  /* NULL: silent */
};

enum fuzz_state {
	FUZZ_FREE,
	FUZZ_INSTALLING,
	FUZZ_UP,
	FUZZ_DEAD,	/* reset, overrun, timed out */
	FUZZ_RELEASING, /* CONN_RELEASE is on its way */
};

/* A connection, as far as one can see from outside. */
struct fuzz_conn {
	enum fuzz_state state;
	uint32_t handle;
	uint64_t batch; /* of the install */
	uint32_t ip;
	uint16_t port;
	bool ts;
	uint8_t wscale;	   /* of the window fields that we send */
	bool fin, closing; /* peer's and ours */
	uint32_t rcv_nxt;  /* told by DATA records */
	uint32_t next;	   /* optimistic: what was sent since is taken */
	uint32_t una, max; /* of the card's stream: acknowledged by us, seen */
	uint32_t end;	   /* of what was published to it, about */
	uint32_t ts_val;   /* our clock */
	uint32_t ts_card;  /* newest value of the card */
};

/* The connection that nobody harms. */
struct fuzz_healthy {
	uint64_t sent;	     /* published to it */
	uint64_t got;	     /* of it received in order */
	uint64_t up, up_got; /* its own stream */
	uint32_t iss, irs;   /* the card's first number, and ours */
	bool ack_due, wrong;
};

/* How each kind of frame was made; for the report. */
enum fuzz_made {
	FUZZ_VALID,
	FUZZ_MUTATED,
	FUZZ_UNREPAIRED, /* mutated, checksums left alone */
	FUZZ_ARBITRARY,
	FUZZ_MADE,
};

struct fuzz_result {
	uint64_t frames; /* given to the MAC */
	uint64_t made[FUZZ_MADE];
	uint64_t counter[FUZZ_COUNTERS]; /* fuzz_counter_name() */
	uint64_t records, frames_sent;	 /* of the card */
	uint64_t data_records, frame_records, conn_records;
	uint64_t installs, deaths, checkpoints;
	uint64_t cycles, card_us;
	double seconds;
	bool failed;
	char why[400];
};

struct fuzz {
	struct fuzz_options opt;
	struct fuzz_result res;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	struct fantail_mem context, arena;
	struct fuzz_conn conn[FUZZ_CONNS];
	struct fuzz_healthy healthy;
	uint32_t conns; /* all, the healthy one included */
	uint32_t up;
	uint64_t batches, batches_done;
	struct fantail_entry *newest; /* of the DATA batch being made */
	uint16_t slot[FANTAIL_RETURN_MAX];
	int slots;
	uint64_t record_data_bytes, record_data, record_frames;
	struct frame_ring *ring;
	uint64_t rnd;
	uint8_t noise[FUZZ_NOISE + FUZZ_FRAME_MAX];
};

/* Run; false: it has failed, and res->why says why. */
bool fuzz_run(const struct fuzz_options *opt, struct fuzz_result *res);

/* As a table, and as JSON. */
void fuzz_print(const struct fuzz_result *res, FILE *to);
int fuzz_write_json(const struct fuzz_result *res,
		    const struct fuzz_options *opt, const char *path);
const char *fuzz_counter_name(unsigned int i);
uint32_t fuzz_counter_offset(unsigned int i);
/* One of the counters by its offset. */
uint64_t fuzz_count(const struct fuzz_result *res, uint32_t offset);

/* fuzz.c */
void fuzz_fail(struct fuzz *z, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint32_t fuzz_random(struct fuzz *z);
/* 0 to @n - 1 */
uint32_t fuzz_below(struct fuzz *z, uint32_t n);
bool fuzz_inject(struct fuzz *z, const uint8_t *frame, uint32_t len);

/* fuzz_host.c: what a driver does with a card. */
bool fuzz_open(struct fuzz *z);
void fuzz_close(struct fuzz *z);
void fuzz_poll(struct fuzz *z);
void fuzz_publish(struct fuzz *z);
void fuzz_revive(struct fuzz *z);
void fuzz_abort(struct fuzz *z, uint32_t i);
void fuzz_healthy_send(struct fuzz *z);
bool fuzz_checkpoint(struct fuzz *z);
bool fuzz_finish(struct fuzz *z);
/* Let @us pass and answer for the healthy connection. */
void fuzz_pass(struct fuzz *z, uint64_t us);

/* fuzz_frame.c */
uint32_t fuzz_make_frame(struct fuzz *z, uint8_t *frame, enum fuzz_made *how);
/* A segment of the healthy connection. */
uint32_t fuzz_healthy_frame(struct fuzz *z, uint8_t *frame, uint32_t up_len);
uint8_t fuzz_healthy_byte(uint64_t at);
uint8_t fuzz_up_byte(uint64_t at);
/* The card has sent this. */
void fuzz_card_frame(struct fuzz *z, const uint8_t *frame, size_t len);

static inline uint32_t fuzz_get(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static inline void fuzz_put(uint8_t *p, uint32_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

#endif /* TESTS_FUZZ_H */
