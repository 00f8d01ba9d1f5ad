/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known 4-tuples. Only frames that the card could not place are looked up
 * here. The hash is keyed, so that no peer can choose its bucket.
 */
#include "internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

uint64_t keyed_hash(const struct fantail *f, const uint8_t *in, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t h;

	crypto_shorthash(out, in, len, f->hash_key);
	memcpy(&h, out, sizeof(h));
	return h;
}

uint64_t tuple_hash(const struct fantail *f, enum hash_use use, uint32_t ip,
		    uint16_t port, uint16_t local_port)
{
	uint8_t in[13];

	put32(in, f->opt.ip);
	put32(in + 4, ip);
	put16(in + 8, local_port);
	put16(in + 10, port);
	in[12] = (uint8_t)use;
	return keyed_hash(f, in, sizeof(in));
}

int flows_init(struct flow_table *t, uint32_t flows)
{
	uint32_t size = 16;

	while (size < flows)
		size *= 2;
	t->bucket = calloc(size, sizeof(*t->bucket));
	if (!t->bucket)
		return -ENOMEM;
	t->mask = size - 1;
	return 0;
}

static struct flow **bucket(const struct fantail *f, uint32_t ip, uint16_t port,
			    uint16_t local_port)
{
	uint64_t h = tuple_hash(f, HASH_BUCKET, ip, port, local_port);

	return &f->flows.bucket[h & f->flows.mask];
}

struct flow *flows_find(const struct fantail *f, uint32_t ip, uint16_t port,
			uint16_t local_port)
{
	struct flow *flow = *bucket(f, ip, port, local_port);

	while (flow && (flow->ip != ip || flow->port != port ||
			flow->local_port != local_port))
		flow = flow->next;
	return flow;
}

void flows_add(struct fantail *f, struct flow *flow)
{
	struct flow **at = bucket(f, flow->ip, flow->port, flow->local_port);

	flow->next = *at;
	*at = flow;
}

void flows_del(struct fantail *f, struct flow *flow)
{
	struct flow **at = bucket(f, flow->ip, flow->port, flow->local_port);

	while (*at && *at != flow)
		at = &(*at)->next;
	if (*at)
		*at = flow->next;
}
