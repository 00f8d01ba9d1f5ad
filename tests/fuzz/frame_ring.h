/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last frames of a long run, kept in memory and written as pcap when the
 * run fails.
 */
#ifndef TESTS_FRAME_RING_H
#define TESTS_FRAME_RING_H

#include <stddef.h>
#include <stdint.h>

struct frame_ring;

/* Room for @frames; NULL: no memory. */
struct frame_ring *frame_ring_new(uint32_t frames);
void frame_ring_free(struct frame_ring *r);

/* Keep a copy (the first 1514 bytes); the oldest makes room. */
void frame_ring_add(struct frame_ring *r, const void *frame, size_t len,
		    uint64_t now_us);

/* Write all that is kept, oldest first. 0 or -errno. */
int frame_ring_write(const struct frame_ring *r, const char *path);

#endif /* TESTS_FRAME_RING_H */
