/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A served card, one client of it that keeps the rules, and a queue pair that
 * the client programs register by register.
 */
#ifndef FANTAIL_TEST_VFU_FIXTURE_H
#define FANTAIL_TEST_VFU_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fantail_regs.h"
#include "vfu_child.h"
#include "vfu_raw.h"

/* First register of queue pair 0. */
#define VFU_PAGE0 ((uint32_t)FANTAIL_PAGE_BYTES)
#define IOVA	  0x100000000ull

extern struct vfu_child vfu_server;
extern int vfu_s; /* the client's socket */

/* Server and client, VERSION done; and their end, which must be a good one. */
void vfu_start(void);
void vfu_stop(void);

/*
 * For clients that break rules: a server that soon loses patience, and its end
 * when it still serves.
 */
#define VFU_HASTY_MS 300
extern int
	vfu_fds; /* the server's descriptors, with a client as it should be */
void vfu_start_hasty(void);
void vfu_end(void);

/* This client is still served, and nothing of it is left open. */
void vfu_must_serve(void);
/* The server hangs up, and serves the next client. */
void vfu_must_hang_up(void);
/* The client goes, and another one comes. */
void vfu_reconnect(void);

uint32_t vfu_get32(uint32_t region, uint64_t offset);

/* A file in memory, mapped at *@va if not NULL. Its descriptor. */
int vfu_file(size_t bytes, void **va);

/* Everything of the queue pair in one region of 64 KiB. */
enum {
	RING_DATA = 0x0000,
	RING_CONTROL = 0x1000,
	RING_STATUS = 0x2000,
	SLOTS = 0x4000,
	PAYLOAD = 0xe000,
	REGION = 0x10000,
};

/* Enable it, in a region at @iova. */
void vfu_program(uint64_t iova);

/* One payload for nobody, 100 bytes, into the DATA ring. */
void vfu_put_payload(uint8_t *region, uint64_t iova);

/* The doorbell, posted: nobody answers, whatever else comes. */
void vfu_ring(void);

/* Descriptor of vector 0, -1: none. As raw_call(). */
int vfu_set_vector(int fd);

bool vfu_readable(int fd, int ms);

/* The first record is the BATCH of vfu_put_payload(). */
void vfu_must_be_batch(const uint8_t *region);

#endif
