/* SPDX-License-Identifier: Apache-2.0 */
#include "hostmem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fantail_sim.h"

#define ALL_FLAGS                                       \
	(FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE | \
	 FANTAIL_SIM_DMA_CLASS(7) | FANTAIL_SIM_DMA_QP(7))

void hostmem_init(struct hostmem *mem)
{
	memset(mem, 0, sizeof(*mem));
}

void hostmem_free(struct hostmem *mem)
{
	free(mem->maps);
	hostmem_init(mem);
}

/* Index of the first mapping that ends at or beyond @iova. */
static size_t lower_bound(const struct hostmem *mem, uint64_t iova)
{
	size_t lo = 0, hi = mem->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mem->maps[mid].last < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Does the mapping's owner, if it has one, go by @qp? */
static bool owned(const struct hostmem_map *map, unsigned int qp)
{
	unsigned int owner = map->flags & FANTAIL_SIM_DMA_QP_MASK;

	return !owner || owner == FANTAIL_SIM_DMA_QP(qp);
}

/* The mapping that holds @iova and grants @right to @qp, or NULL. */
static const struct hostmem_map *find(struct hostmem *mem, unsigned int qp,
				      uint64_t iova, unsigned int right)
{
	const struct hostmem_map *map;

	if (!mem->count)
		return NULL;
	map = &mem->maps[mem->hit];
	if (iova < map->iova || iova > map->last) {
		size_t i = lower_bound(mem, iova);

		if (i == mem->count || mem->maps[i].iova > iova)
			return NULL;
		mem->hit = i;
		map = &mem->maps[i];
	}
	return map->flags & right && owned(map, qp) ? map : NULL;
}

static unsigned int class_of(const struct hostmem_map *map)
{
	return map->flags >> 8 & 0x7u;
}

int hostmem_map(struct hostmem *mem, uint64_t iova, void *ptr, size_t len,
		unsigned int flags)
{
	size_t i;

	if (!ptr || !len || (flags & ~ALL_FLAGS) ||
	    !(flags & (FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE)) ||
	    ((flags & FANTAIL_SIM_DMA_QP_MASK) &&
	     !(flags & FANTAIL_SIM_DMA_QP(0))) ||
	    iova + (len - 1) < iova)
		return -EINVAL;
	i = lower_bound(mem, iova);
	if (i < mem->count && mem->maps[i].iova <= iova + (len - 1))
		return -EEXIST;
	if (mem->count == mem->space) {
		size_t space = mem->space ? 2 * mem->space : 16;
		struct hostmem_map *maps;

		maps = realloc(mem->maps, space * sizeof(*maps));
		if (!maps)
			return -ENOMEM;
		mem->maps = maps;
		mem->space = space;
	}
	memmove(&mem->maps[i + 1], &mem->maps[i],
		(mem->count - i) * sizeof(*mem->maps));
	mem->maps[i] = (struct hostmem_map){
		.iova = iova,
		.last = iova + (len - 1),
		.ptr = ptr,
		.flags = flags,
	};
	mem->count++;
	mem->hit = i;
	return 0;
}

int hostmem_unmap(struct hostmem *mem, uint64_t iova, size_t len)
{
	size_t i = lower_bound(mem, iova);

	if (!len || i == mem->count || mem->maps[i].iova != iova ||
	    mem->maps[i].last != iova + (len - 1))
		return -ENOENT;
	mem->count--;
	memmove(&mem->maps[i], &mem->maps[i + 1],
		(mem->count - i) * sizeof(*mem->maps));
	mem->hit = 0;
	return 0;
}

int hostmem_read(struct hostmem *mem, unsigned int qp, uint64_t iova,
		 uint8_t *data)
{
	const struct hostmem_map *map =
		find(mem, qp, iova, FANTAIL_SIM_DMA_READ);
	int class;
	size_t n;

	if (!map)
		goto fault;
	class = (int)class_of(map);
	if (map->last - iova >= HOSTMEM_BEAT - 1) {
		memcpy(data, map->ptr + (iova - map->iova), HOSTMEM_BEAT);
		return class;
	}
	/* A line over several mappings: byte by byte. */
	for (n = 0; n < HOSTMEM_BEAT; n++) {
		map = find(mem, qp, iova + n, FANTAIL_SIM_DMA_READ);
		if (!map)
			goto fault;
		data[n] = map->ptr[iova + n - map->iova];
	}
	return class;
fault:
	memset(data, 0, HOSTMEM_BEAT);
	return -EFAULT;
}

static void put_bytes(uint8_t *to, const uint8_t *from, unsigned int strobe)
{
	unsigned int n;

	for (n = 0; n < 8; n++)
		if (strobe >> n & 1)
			__atomic_store_n(&to[n], from[n], __ATOMIC_RELEASE);
}

static void put_line(uint8_t *to, const uint8_t *data, uint64_t strobe)
{
	bool aligned = ((uintptr_t)to & 7) == 0;
	unsigned int n;

	for (n = 0; n < HOSTMEM_BEAT; n += 8) {
		unsigned int mask = strobe >> n & 0xff;
		uint64_t word;

		if (mask == 0xff && aligned) {
			memcpy(&word, data + n, 8);
			__atomic_store_n((uint64_t *)(void *)(to + n), word,
					 __ATOMIC_RELEASE);
		} else if (mask) {
			put_bytes(to + n, data + n, mask);
		}
	}
}

int hostmem_write(struct hostmem *mem, unsigned int qp, uint64_t iova,
		  const uint8_t *data, uint64_t strobe)
{
	const struct hostmem_map *map;
	unsigned int first, n;
	int class;

	if (!strobe)
		return 0;
	first = (unsigned int)__builtin_ctzll(strobe);
	map = find(mem, qp, iova + first, FANTAIL_SIM_DMA_WRITE);
	if (!map)
		return -EFAULT;
	class = (int)class_of(map);
	if (map->iova <= iova && map->last - iova >= HOSTMEM_BEAT - 1) {
		put_line(map->ptr + (iova - map->iova), data, strobe);
		return class;
	}
	/* A line over several mappings or the edge of one. */
	for (n = first; n < HOSTMEM_BEAT; n++)
		if ((strobe >> n & 1) &&
		    !find(mem, qp, iova + n, FANTAIL_SIM_DMA_WRITE))
			return -EFAULT;
	for (n = first; n < HOSTMEM_BEAT; n++) {
		if (!(strobe >> n & 1))
			continue;
		map = find(mem, qp, iova + n, FANTAIL_SIM_DMA_WRITE);
		__atomic_store_n(&map->ptr[iova + n - map->iova], data[n],
				 __ATOMIC_RELEASE);
	}
	return class;
}
