/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of lag policies: one engine, one group (0) of all its
 * clients, and messages that describe themselves, so that a stream shows
 * which of them it holds. Everything fails by criterion assertion.
 */
#ifndef TESTS_ENGINE_POLICY_H
#define TESTS_ENGINE_POLICY_H

#include "engine.h"

#define POLICY_SEGMENT 1448 /* payload bytes */
#define POLICY_BUFFER  (8 * POLICY_SEGMENT)

struct policy_head {
	uint32_t magic, number, len;
};

/* What a stream to a client holds. */
struct policy_stream {
	struct policy_head head; /* of the message under way */
	uint32_t have;		 /* bytes of it */
	uint32_t messages;	 /* whole ones */
	uint32_t gaps;		 /* numbers left out */
	uint32_t next;		 /* the next number, if there is no gap */
	bool bad;
	uint64_t last_us; /* when payload was last sent to it */
	/* records that told of these */
	uint32_t lagging, writable, skipped;
};

struct policy_test {
	struct engine *e;
	struct policy_stream stream[ENGINE_MOST];
	uint32_t messages;	      /* published so far, to anybody */
	uint32_t wanted[ENGINE_MOST]; /* of these, to each client */
	uint32_t policy, lag_limit;
};

extern struct policy_test policy_test;

/* All @clients are connected, installed with this, and in group 0. */
struct engine *policy_start(uint32_t clients, uint32_t policy,
			    uint32_t lag_limit);
/* Add a message to the batch: to the group, to a list, or to one client. */
void policy_group(uint32_t len);
void policy_list(const uint32_t *clients, uint32_t n, uint32_t len);
void policy_unicast(uint32_t client, uint32_t len);
/* Message by message, each a batch, each acknowledged by who reads. */
void policy_feed(uint32_t messages, uint32_t len);

void policy_pause(uint32_t client);
void policy_consume(uint32_t client, uint32_t bytes);
void policy_resume(uint32_t client);
/* CONN_UPDATE, and time for a sweep. */
void policy_update(uint32_t client, uint64_t code, uint64_t value);
bool policy_alive(uint32_t client);

/* All batches are done, and all that was taken is acknowledged. */
void policy_drain(void);
/*
 * Drain, and close: streams hold whole messages of those published to them,
 * in order, and what is missing was counted as skipped.
 */
void policy_close(void);

#endif /* TESTS_ENGINE_POLICY_H */
