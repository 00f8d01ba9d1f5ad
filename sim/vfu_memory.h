/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that a vfio-user client has given to the card: mappings by
 * IOVA, with a descriptor (mapped into this process) or without (reached by
 * messages). Keeps the simulator's table the same.
 *
 * Addresses and sizes are multiples of VFU_PAGE, as VFIO has it.
 */
#ifndef FANTAIL_VFU_MEMORY_H
#define FANTAIL_VFU_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "fantail_sim.h"
#include "vfio_user.h"

#define VFU_PAGE     4096u
#define VFU_MAPS_MAX 32768u /* half of what Linux lets a process map */

struct vfu_map {
	uint64_t iova;
	uint64_t last; /* inclusive */
	void *va;      /* NULL: by messages */
};

struct vfu_memory {
	struct fantail_sim *sim;
	struct vfu_map *maps; /* by rising iova, disjoint */
	size_t count;
	size_t space;
};

/*
 * vfu_memory_map() - a mapping more
 * @fd: of a file that holds it, or -1; stays the caller's
 *
 * Return: 0; -EINVAL: unaligned, empty, wrapping, unknown rights, a
 * descriptor that is no file or a file that is too short; -EEXIST: overlaps
 * another; -ENOSPC: VFU_MAPS_MAX; or what mmap gave. Nothing has changed then.
 */
int vfu_memory_map(struct vfu_memory *m, const struct vfu_dma_map *request,
		   int fd);

/*
 * vfu_memory_unmap() - drop the mappings that lie inside a range
 *
 * Return: 0, also when there is none; -EINVAL: it wraps, or cuts one in two;
 * nothing has changed then.
 */
int vfu_memory_unmap(struct vfu_memory *m, uint64_t iova, uint64_t size);

/* Drop all of them. */
void vfu_memory_clear(struct vfu_memory *m);

/* The same, and free the table. */
void vfu_memory_free(struct vfu_memory *m);

#endif /* FANTAIL_VFU_MEMORY_H */
