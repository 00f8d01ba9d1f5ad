/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint64_t map_bytes(const struct vfu_map *map)
{
	return map->last - map->iova + 1;
}

/* Index of the first mapping that ends at or beyond @iova. */
static size_t lower_bound(const struct vfu_memory *m, uint64_t iova)
{
	size_t lo = 0, hi = m->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->maps[mid].last < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int check_request(const struct vfu_dma_map *r)
{
	if (!r->size || (r->iova | r->size) % VFU_PAGE ||
	    r->iova + (r->size - 1) < r->iova || !r->flags ||
	    r->flags & ~(VFU_MAP_READ | VFU_MAP_WRITE))
		return -EINVAL;
	return 0;
}

/* Map the file; the part asked for must be there now. */
static int map_file(const struct vfu_dma_map *r, int fd, void **va)
{
	int prot = (r->flags & VFU_MAP_READ ? PROT_READ : 0) |
		   (r->flags & VFU_MAP_WRITE ? PROT_WRITE : 0);
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st) < 0)
		return -errno;
	bytes = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || r->offset % VFU_PAGE || r->offset > bytes ||
	    r->size > bytes - r->offset)
		return -EINVAL;
	*va = mmap(NULL, r->size, prot, MAP_SHARED | MAP_NORESERVE, fd,
		   (off_t)r->offset);
	return *va == MAP_FAILED ? -errno : 0;
}

static int make_room(struct vfu_memory *m)
{
	size_t space = m->space ? 2 * m->space : 64;
	struct vfu_map *maps;

	if (m->count == VFU_MAPS_MAX)
		return -ENOSPC;
	if (m->count < m->space)
		return 0;
	maps = realloc(m->maps, space * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	m->maps = maps;
	m->space = space;
	return 0;
}

static unsigned int sim_flags(uint32_t flags)
{
	return (flags & VFU_MAP_READ ? FANTAIL_SIM_DMA_READ : 0) |
	       (flags & VFU_MAP_WRITE ? FANTAIL_SIM_DMA_WRITE : 0);
}

int vfu_memory_map(struct vfu_memory *m, const struct vfu_dma_map *request,
		   int fd)
{
	const struct vfu_dma_map *r = request;
	void *va = NULL;
	size_t i;
	int rc;

	rc = check_request(r);
	if (rc)
		return rc;
	i = lower_bound(m, r->iova);
	if (i < m->count && m->maps[i].iova <= r->iova + (r->size - 1))
		return -EEXIST;
	rc = make_room(m);
	if (rc)
		return rc;
	if (fd < 0) {
		rc = fantail_sim_dma_map_remote(m->sim, r->iova, r->size,
						sim_flags(r->flags));
		if (rc)
			return rc;
	} else {
		rc = map_file(r, fd, &va);
		if (rc)
			return rc;
		rc = fantail_sim_dma_map(m->sim, r->iova, va, r->size,
					 sim_flags(r->flags) |
						 FANTAIL_SIM_DMA_FILE);
		if (rc) {
			munmap(va, r->size);
			return rc;
		}
	}
	memmove(&m->maps[i + 1], &m->maps[i],
		(m->count - i) * sizeof(*m->maps));
	m->maps[i] = (struct vfu_map){ r->iova, r->iova + (r->size - 1), va };
	m->count++;
	return 0;
}

static void drop(struct vfu_memory *m, size_t first, size_t n)
{
	/* from the end: the simulator's table is sorted, too */
	for (size_t i = first + n; i-- > first;) {
		struct vfu_map *map = &m->maps[i];

		/* after this the model does not touch it any more */
		fantail_sim_dma_unmap(m->sim, map->iova, map_bytes(map));
		if (map->va)
			munmap(map->va, map_bytes(map));
	}
	memmove(&m->maps[first], &m->maps[first + n],
		(m->count - first - n) * sizeof(*m->maps));
	m->count -= n;
}

int vfu_memory_unmap(struct vfu_memory *m, uint64_t iova, uint64_t size)
{
	uint64_t last = iova + (size - 1);
	size_t first, n = 0;

	if (!size || last < iova)
		return -EINVAL;
	first = lower_bound(m, iova);
	while (first + n < m->count && m->maps[first + n].iova <= last) {
		const struct vfu_map *map = &m->maps[first + n];

		if (map->iova < iova || map->last > last)
			return -EINVAL;
		n++;
	}
	if (n)
		drop(m, first, n);
	return 0;
}

void vfu_memory_clear(struct vfu_memory *m)
{
	if (m->count)
		drop(m, 0, m->count);
}

void vfu_memory_free(struct vfu_memory *m)
{
	vfu_memory_clear(m);
	free(m->maps);
	m->maps = NULL;
	m->space = 0;
}
