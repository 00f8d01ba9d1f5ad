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

#include <stddef.h>
#include <stdint.h>

#define HOSTMEM_BEAT 64u /* bytes; the unit of access, aligned */

struct hostmem_map {
	uint64_t iova;
	uint64_t last; /* last mapped byte, inclusive */
	uint8_t *ptr;
	unsigned int flags;
};

struct hostmem {
	struct hostmem_map *maps; /* by rising iova, disjoint */
	size_t count;
	size_t space;
	size_t hit; /* index of the last one found */
};

void hostmem_init(struct hostmem *mem);
void hostmem_free(struct hostmem *mem);

/* 0, -EINVAL, -EEXIST, -ENOMEM; nothing has changed on error. */
int hostmem_map(struct hostmem *mem, uint64_t iova, void *ptr, size_t len,
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

#endif /* FANTAIL_HOSTMEM_H */
