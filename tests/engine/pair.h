/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queue pairs of one card, each a host of its own: memory, rings,
 * records. The network is the test: it sees every frame and gives others.
 */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/card_size.h"
#include "fantail_driver.h"
#include "fantail_sim.h"
#include "net.h"

#define PAIR_IP	     0x0A010001u /* of host 0; host 1 has the next */
#define PAIR_PEER    0x0A020000u /* of connection id 0; then by id */
#define PAIR_PORT    9000u
#define PAIR_LOG     ((uint32_t)CARD_LOG)
#define PAIR_ISN     1000u
#define PAIR_RECORDS 4096u
#define PAIR_FRAMES  256u
#define PAIR_ARENA   65536u
#define PAIR_FAR_US  100000000

/* A frame of the card to the peer of connection @id. */
struct pair_frame {
	uint32_t id;
	uint32_t source;
	uint32_t seq, ack;
	uint32_t len; /* of the payload */
	uint8_t flags;
	uint8_t first; /* byte of it */
};

struct pair_host {
	struct fantail_qp *qp;
	struct fantail_mem mem;
	uint32_t used; /* bytes of it */
	union fantail_record rec[PAIR_RECORDS];
	uint32_t recs;
	bool blind; /* does not look at its records */
};

struct pair {
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct pair_host host[2];
	struct pair_frame frame[PAIR_FRAMES];
	uint32_t frames, answered;
	bool mute;    /* peers do not acknowledge */
	bool deaf[2]; /* nor those of this host */
	/* of each connection: expected by its peer; had; a byte was not of its
	 * host */
	uint32_t next[CARD_CONNECTIONS];
	uint64_t bytes[CARD_CONNECTIONS];
	bool wrong[CARD_CONNECTIONS];
};

struct pair *pair_open(const struct fantail_qp_options *opt);
void pair_open_host(struct pair *p, unsigned int h,
		    const struct fantail_qp_options *opt);
void pair_close_host(struct pair *p, unsigned int h);
/* Ports and wire were right; closes. */
void pair_close(struct pair *p);

/* Let time pass; records are taken, unless the host is blind. */
void pair_for(struct pair *p, uint64_t us);

/* An entry of host @h; with the next ring of the doorbell it goes. */
struct fantail_entry *pair_get(struct pair *p, unsigned int h,
			       enum fantail_ring ring, uint8_t op,
			       uint32_t target);
/* End the batch: doorbell, and wait for its BATCH record, which is returned. */
struct fantail_rec_batch pair_ring(struct pair *p, unsigned int h,
				   enum fantail_ring ring);
/* The same with one entry; the code of its refusal, or 0. */
uint8_t pair_one(struct pair *p, unsigned int h, enum fantail_ring ring,
		 const struct fantail_entry *e);
/* @bytes of host @h's memory, filled with @fill; their address. */
uint64_t pair_bytes(struct pair *p, unsigned int h, uint32_t bytes,
		    uint8_t fill);
void *pair_va(struct pair *p, unsigned int h, uint64_t iova);

/* The context of a connection, in host @memory's memory. */
uint64_t pair_context(struct pair *p, unsigned int memory, unsigned int h,
		      uint32_t id);
/* Install connection @id for host @h, generation @gen. Its handle. */
uint32_t pair_install(struct pair *p, unsigned int h, uint32_t id,
		      uint32_t gen);
uint8_t pair_join(struct pair *p, unsigned int h, uint32_t handle,
		  uint32_t group);
/* Publish @len bytes of the host's letter; the BATCH record. */
struct fantail_rec_batch pair_publish(struct pair *p, unsigned int h,
				      uint32_t target, uint8_t flags,
				      uint32_t len);

/* How many records of a type host @h has had since pair_forget(). */
uint32_t pair_count(const struct pair *p, unsigned int h, uint8_t type);
void pair_forget(struct pair *p);
/* Frames with all of @flags to the peer of @id since pair_forget(). */
uint32_t pair_sent(const struct pair *p, uint32_t id, uint8_t flags);
/* A register of host @h's page. */
uint32_t pair_read(struct pair *p, unsigned int h, uint32_t offset);
void pair_write(struct pair *p, unsigned int h, uint32_t offset,
		uint32_t value);
/* A frame to the card. */
void pair_inject(struct pair *p, const uint8_t *frame, size_t len);
/* A segment to host @h, without payload if @data is NULL. */
void pair_peer_segment(struct pair *p, unsigned int h, uint32_t id,
		       uint32_t seq, uint8_t flags, const char *data);
/* The peer of @id, of host 1, sends @len bytes. */
void pair_peer_send(struct pair *p, uint32_t id, uint32_t seq, uint32_t len);

/* The byte that host @h's payloads are made of. */
static inline uint8_t pair_letter(unsigned int h)
{
	return (uint8_t)('A' + h);
}

#endif /* TESTS_PAIR_H */
