/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory as the engine sees it: mappings by IOVA, like an IOMMU.
 *
 * What is not mapped, or not with the right asked for, or belongs to another
 * queue pair than the one that asks, faults. Flags are those of
 * fantail_sim_dma_map(). Not thread-safe: the model's lock covers
 * it.
 */
#ifndef FANTAIL_HOSTMEM_H
#define FANTAIL_HOSTMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fantail_sim_remote;

#define HOSTMEM_BEAT 64u /* bytes; the unit of access, aligned */

#define HOSTMEM_ASK_LINES 8u  /* most lines of remote memory read at once */
#define HOSTMEM_OWED_MAX  64u /* most remote writes not yet confirmed */

struct hostmem_map {
	uint64_t iova;
	uint64_t last; /* last mapped byte, inclusive */
	uint8_t *ptr;  /* NULL: remote */
	unsigned int flags;
};

enum hostmem_asked {
	HOSTMEM_NOTHING,
	HOSTMEM_UNDER_WAY,
	HOSTMEM_HERE,
};

/* The one read of remote memory that is under way or to be handed out. */
struct hostmem_ask {
	enum hostmem_asked state;
	unsigned int lines; /* 0 when it failed */
	uint64_t iova;	    /* of the next line to hand out */
	unsigned int next;  /* its index */
	uint8_t data[HOSTMEM_ASK_LINES * HOSTMEM_BEAT];
};

struct hostmem {
	struct hostmem_map *maps; /* by rising iova, disjoint */
	size_t count;
	size_t space;
	size_t hit; /* index of the last one found */
	bool off;   /* the card may not reach anything */

	const struct fantail_sim_remote *remote; /* NULL: nobody to ask */
	void *remote_ctx;
	size_t remote_maps;
	unsigned int owed; /* remote writes not yet confirmed */
	struct hostmem_ask ask;
};

void hostmem_init(struct hostmem *mem);
void hostmem_free(struct hostmem *mem);

/* 0, -EINVAL, -EEXIST, -ENOMEM; nothing has changed on error. */
int hostmem_map(struct hostmem *mem, uint64_t iova, void *ptr, size_t len,
		unsigned int flags);
int hostmem_map_remote(struct hostmem *mem, uint64_t iova, size_t len,
		       unsigned int flags);

/* 0, or -ENOENT when no mapping is exactly this. */
int hostmem_unmap(struct hostmem *mem, uint64_t iova, size_t len);

/*
 * Read one line for queue pair @qp. The engine reads whole lines, so every byte of it must be
 * mapped readable. @iova is a multiple of HOSTMEM_BEAT. Returns the traffic
 * class (of the first byte), or -EFAULT with @data all zero.
 */
int hostmem_read(struct hostmem *mem, unsigned int qp, uint64_t iova,
		 uint8_t *data);

/*
 * Write for @qp the bytes of one line whose bit in @strobe is set; all or, if any of
 * them faults, none. Eight-byte words become visible to other threads in
 * rising order, each at once, so that a record's phase bit comes last.
 * Returns the traffic class (of the first byte), or -EFAULT.
 */
int hostmem_write(struct hostmem *mem, unsigned int qp, uint64_t iova,
		  const uint8_t *data, uint64_t strobe);

/*
 * Remote memory is behind somebody who must be asked, and answers later. Its
 * lines lie in one mapping whole.
 *
 * hostmem_read_ready(): may hostmem_read() be called for @iova and @qp? If not,
 * @lines lines from there are asked for, unless another read is under way.
 */
bool hostmem_read_ready(struct hostmem *mem, unsigned int qp, uint64_t iova,
			unsigned int lines);

/*
 * May the bytes in @strobe be written now, so that order holds? Remote writes
 * may be under way together; what else comes behind them waits, an interrupt
 * (@strobe 0) too.
 */
bool hostmem_write_ready(struct hostmem *mem, unsigned int qp, uint64_t iova,
			 uint64_t strobe);

/* Who answers; NULL: what is under way has failed, and all else will. */
void hostmem_set_remote(struct hostmem *mem,
			const struct fantail_sim_remote *remote, void *ctx);

/* The answer to the read under way; @data NULL: it failed. */
void hostmem_answer(struct hostmem *mem, const void *data, size_t len);

/* A remote write is done. */
void hostmem_written(struct hostmem *mem);

#endif /* FANTAIL_HOSTMEM_H */
