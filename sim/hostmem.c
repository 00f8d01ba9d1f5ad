/* SPDX-License-Identifier: Apache-2.0 */
#include "hostmem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fantail_sim.h"
#include "guard.h"

#define ALL_FLAGS                                                              \
	(FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE | FANTAIL_SIM_DMA_FILE | \
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

	if (!mem->count || mem->off)
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

static int insert(struct hostmem *mem, uint64_t iova, void *ptr, size_t len,
		  unsigned int flags)
{
	size_t i;

	if (!len || (flags & ~ALL_FLAGS) ||
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
	mem->remote_maps += !ptr;
	mem->hit = i;
	return 0;
}

int hostmem_map(struct hostmem *mem, uint64_t iova, void *ptr, size_t len,
		unsigned int flags)
{
	return ptr ? insert(mem, iova, ptr, len, flags) : -EINVAL;
}

int hostmem_map_remote(struct hostmem *mem, uint64_t iova, size_t len,
		       unsigned int flags)
{
	return insert(mem, iova, NULL, len, flags);
}

int hostmem_unmap(struct hostmem *mem, uint64_t iova, size_t len)
{
	size_t i = lower_bound(mem, iova);

	if (!len || i == mem->count || mem->maps[i].iova != iova ||
	    mem->maps[i].last != iova + (len - 1))
		return -ENOENT;
	mem->count--;
	mem->remote_maps -= !mem->maps[i].ptr;
	memmove(&mem->maps[i], &mem->maps[i + 1],
		(mem->count - i) * sizeof(*mem->maps));
	mem->hit = 0;
	return 0;
}

/* Remote memory. */

static bool is_remote(struct hostmem *mem, unsigned int qp, uint64_t iova,
		      unsigned int right)
{
	const struct hostmem_map *map = find(mem, qp, iova, right);

	return map && !map->ptr;
}

/* The read under way has failed, or it was never sent. */
static void fail_ask(struct hostmem_ask *ask)
{
	ask->state = HOSTMEM_HERE;
	ask->lines = 0;
}

static void ask_for(struct hostmem *mem, uint64_t iova, unsigned int lines)
{
	struct hostmem_ask *ask = &mem->ask;
	uint64_t left = mem->maps[mem->hit].last - iova;

	if (lines > HOSTMEM_ASK_LINES)
		lines = HOSTMEM_ASK_LINES;
	if (left / HOSTMEM_BEAT < lines - 1)
		lines = (unsigned int)(left / HOSTMEM_BEAT) + 1;
	ask->state = HOSTMEM_UNDER_WAY;
	ask->lines = lines;
	ask->iova = iova;
	ask->next = 0;
	if (!mem->remote || mem->remote->read(mem->remote_ctx, iova,
					      (size_t)lines * HOSTMEM_BEAT))
		fail_ask(ask);
}

bool hostmem_read_ready(struct hostmem *mem, unsigned int qp, uint64_t iova,
			unsigned int lines)
{
	struct hostmem_ask *ask = &mem->ask;

	if (!mem->remote_maps ||
	    !is_remote(mem, qp, iova, FANTAIL_SIM_DMA_READ))
		return true;
	/* what was answered and not taken was for a mapping that is gone */
	if (ask->state == HOSTMEM_NOTHING ||
	    (ask->state == HOSTMEM_HERE && ask->iova != iova))
		ask_for(mem, iova, lines);
	return ask->state == HOSTMEM_HERE;
}

static int take_answer(struct hostmem *mem, uint64_t iova, uint8_t *data)
{
	struct hostmem_ask *ask = &mem->ask;
	int rc = 0;

	if (ask->state != HOSTMEM_HERE || ask->iova != iova)
		return -EFAULT;
	if (ask->next < ask->lines)
		memcpy(data, ask->data + ask->next * HOSTMEM_BEAT,
		       HOSTMEM_BEAT);
	else
		rc = -EFAULT;
	ask->next++;
	ask->iova += HOSTMEM_BEAT;
	if (ask->next >= ask->lines)
		ask->state = HOSTMEM_NOTHING;
	return rc;
}

void hostmem_answer(struct hostmem *mem, const void *data, size_t len)
{
	struct hostmem_ask *ask = &mem->ask;

	if (ask->state != HOSTMEM_UNDER_WAY)
		return;
	if (!data || len != (size_t)ask->lines * HOSTMEM_BEAT) {
		fail_ask(ask);
		return;
	}
	memcpy(ask->data, data, len);
	ask->state = HOSTMEM_HERE;
}

bool hostmem_write_ready(struct hostmem *mem, unsigned int qp, uint64_t iova,
			 uint64_t strobe)
{
	if (!mem->owed)
		return true;
	/* a line is at most 32 runs of bytes */
	return strobe && mem->owed + 32 <= HOSTMEM_OWED_MAX &&
	       is_remote(mem, qp, iova + (unsigned int)__builtin_ctzll(strobe),
			 FANTAIL_SIM_DMA_WRITE);
}

void hostmem_written(struct hostmem *mem)
{
	if (mem->owed)
		mem->owed--;
}

void hostmem_set_remote(struct hostmem *mem,
			const struct fantail_sim_remote *remote, void *ctx)
{
	mem->remote = remote;
	mem->remote_ctx = ctx;
	if (remote)
		return;
	mem->owed = 0;
	if (mem->ask.state == HOSTMEM_UNDER_WAY)
		fail_ask(&mem->ask);
}

/* Memory of ours. */

struct copy {
	void *to;
	const void *from;
	uint64_t strobe;
};

static void copy_line(void *arg)
{
	const struct copy *c = arg;

	memcpy(c->to, c->from, HOSTMEM_BEAT);
}

static int load_line(const struct hostmem_map *map, uint64_t iova,
		     uint8_t *data)
{
	struct copy c = { data, map->ptr + (iova - map->iova), 0 };

	if (map->flags & FANTAIL_SIM_DMA_FILE)
		return guard_call(copy_line, &c);
	copy_line(&c);
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
	if (!map->ptr) {
		if (take_answer(mem, iova, data))
			goto fault;
		return class;
	}
	if (map->last - iova >= HOSTMEM_BEAT - 1) {
		if (load_line(map, iova, data))
			goto fault;
		return class;
	}
	/* A line over several mappings: byte by byte. */
	for (n = 0; n < HOSTMEM_BEAT; n++) {
		map = find(mem, qp, iova + n, FANTAIL_SIM_DMA_READ);
		if (!map || !map->ptr || (map->flags & FANTAIL_SIM_DMA_FILE))
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

static void put_copy(void *arg)
{
	const struct copy *c = arg;

	put_line(c->to, c->from, c->strobe);
}

static int store_line(const struct hostmem_map *map, uint64_t iova,
		      const uint8_t *data, uint64_t strobe)
{
	struct copy c = { map->ptr + (iova - map->iova), data, strobe };

	if (map->flags & FANTAIL_SIM_DMA_FILE)
		return guard_call(put_copy, &c);
	put_copy(&c);
	return 0;
}

/* One message for each run of bytes; nearly always there is one. */
static int send_line(struct hostmem *mem, uint64_t iova, const uint8_t *data,
		     uint64_t strobe)
{
	while (strobe) {
		unsigned int first = (unsigned int)__builtin_ctzll(strobe);
		uint64_t rest = strobe >> first;
		unsigned int n = ~rest ? (unsigned int)__builtin_ctzll(~rest)
				       : HOSTMEM_BEAT;

		if (!mem->remote ||
		    mem->remote->write(mem->remote_ctx, iova + first,
				       data + first, n))
			return -EFAULT;
		mem->owed++;
		strobe &= n + first < 64 ? ~0ull << (n + first) : 0;
	}
	return 0;
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
	if (!map->ptr)
		return send_line(mem, iova, data, strobe) ? -EFAULT : class;
	if (map->iova <= iova && map->last - iova >= HOSTMEM_BEAT - 1)
		return store_line(map, iova, data, strobe) ? -EFAULT : class;
	/* A line over several mappings or the edge of one. */
	for (n = first; n < HOSTMEM_BEAT; n++) {
		if (!(strobe >> n & 1))
			continue;
		map = find(mem, qp, iova + n, FANTAIL_SIM_DMA_WRITE);
		if (!map || !map->ptr || (map->flags & FANTAIL_SIM_DMA_FILE))
			return -EFAULT;
	}
	for (n = first; n < HOSTMEM_BEAT; n++) {
		if (!(strobe >> n & 1))
			continue;
		map = find(mem, qp, iova + n, FANTAIL_SIM_DMA_WRITE);
		__atomic_store_n(&map->ptr[iova + n - map->iova], data[n],
				 __ATOMIC_RELEASE);
	}
	return class;
}
