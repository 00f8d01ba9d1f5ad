/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fuzzer share. */
#ifndef FANTAIL_TEST_FUZZ_VFIO_H
#define FANTAIL_TEST_FUZZ_VFIO_H

#include "../sim/vfu_child.h"
#include "../sim/vfu_raw.h"
#include "vfio.h"

#define IOVA 0x100000000ull

enum {
	BODY = 9000,
	FDS = 18,
	KINDS = 6, /* of descriptors */
};

struct fuzz {
	struct vfu_child server;
	struct vfio_result *res;
	uint64_t state; /* of the generator */
	int s;		/* -1: not connected */
	int kinds[KINDS];
	/* the message being made */
	struct vfu_header header;
	uint32_t size; /* told, 0: the truth */
	uint8_t body[BODY];
	size_t len;
	int fds[FDS];
	unsigned int fd_count;
	/* what has come */
	uint8_t in[2 * RAW_BODY];
	size_t in_len;
	bool got; /* by the last look */
	bool synced;
};

/* The generator: all of it, below @n, true in so many of 100 cases. */
uint64_t lie_draw(struct fuzz *f);
uint64_t lie_below(struct fuzz *f, uint64_t n);
bool lie_chance(struct fuzz *f, unsigned int percent);

/* fuzz_make.c: a message that could be meant, and one change to it. */
void lie_make(struct fuzz *f);
void lie_mutate(struct fuzz *f);

#endif
