/* SPDX-License-Identifier: Apache-2.0 */
/* What the fixture submits: entries, payloads, bytes of peers. See engine.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* ---------------------------------------------------------------- entries */
struct fantail_entry *engine_control(struct engine *e, uint8_t op,
				     uint32_t target, void **memory)
{
	uint32_t size = fantail_sq_size(e->qp, FANTAIL_RING_CONTROL);
	uint32_t i = fantail_sq_tail(e->qp, FANTAIL_RING_CONTROL) % size;
	struct fantail_entry *entry;

	entry = fantail_sq_get(e->qp, FANTAIL_RING_CONTROL);
	cr_assert(entry, "CONTROL is full");
	entry->op = op;
	entry->target = target;
	if (memory) {
		*memory = (uint8_t *)e->scratch.va + (size_t)i * ENGINE_SCRATCH;
		entry->addr = e->scratch.iova + (uint64_t)i * ENGINE_SCRATCH;
	}
	e->control_pending++;
	return entry;
}

void engine_ring(struct engine *e)
{
	if (!e->control_pending)
		return;
	e->control_pending = 0;
	cr_assert_geq(fantail_qp_submit_control(e->qp), 0);
}

static struct fantail_entry *get_data(struct engine *e)
{
	uint64_t end = fantail_sim_now_us(e->sim) + ENGINE_FAR_US;
	struct fantail_entry *entry;

	while (!(entry = fantail_sq_get(e->qp, FANTAIL_RING_DATA))) {
		cr_assert_lt(fantail_sim_now_us(e->sim), end);
		if (!engine_poll(e))
			cr_assert_geq(fantail_qp_wait(e->qp, 10000), 0);
	}
	e->newest = entry;
	return entry;
}

struct fantail_entry *engine_data(struct engine *e, uint8_t op, uint32_t target)
{
	struct fantail_entry *entry = get_data(e);

	entry->op = op;
	entry->target = target;
	return entry;
}

void engine_submit(struct engine *e)
{
	struct engine_batch *b = &e->batch[e->batches % 4096];

	cr_assert(e->newest, "an empty batch");
	cr_assert_lt(e->batches - e->batches_done, 4096);
	e->newest->flags |= FANTAIL_FLAG_LAST;
	e->newest->cookie = e->batches;
	b->arena_end = e->arena_head;
	b->payloads = e->batch_payloads;
	e->newest = NULL;
	e->batch_payloads = 0;
	e->batches++;
	cr_assert_gt(fantail_qp_submit(e->qp), 0);
}

/* ------------------------------------------------------------- publishing */
static uint32_t arena_room(struct engine *e, uint32_t len)
{
	uint64_t end = fantail_sim_now_us(e->sim) + ENGINE_FAR_US;
	uint32_t at = (uint32_t)(e->arena_head % ENGINE_ARENA);

	if (at + len > ENGINE_ARENA) {
		e->arena_head += ENGINE_ARENA - at;
		e->wraps++;
		at = 0;
	}
	while (e->arena_head + len - e->arena_tail > ENGINE_ARENA) {
		cr_assert_lt(fantail_sim_now_us(e->sim), end);
		if (!engine_poll(e))
			cr_assert_geq(fantail_qp_wait(e->qp, 10000), 0);
	}
	e->arena_head += len;
	return at;
}

static void expect(struct engine_client *c, uint32_t at, uint32_t len)
{
	if (c->state != ENGINE_UP || c->fin_queued)
		return;
	if (c->pieces == c->piece_room) {
		c->piece_room = c->piece_room ? 2 * c->piece_room : 64;
		c->piece = realloc(c->piece, c->piece_room * sizeof(*c->piece));
		cr_assert(c->piece);
	}
	c->piece[c->pieces++] = (struct engine_piece){ at, len };
	c->sent += len;
}

uint32_t engine_publish(struct engine *e, uint32_t target, uint8_t flags,
			uint32_t len)
{
	uint32_t at = (uint32_t)(engine_mix(e->payloads++) % ENGINE_TABLE);
	uint32_t room = arena_room(e, len);
	struct fantail_entry *entry = get_data(e);

	memcpy((uint8_t *)e->arena.va + room, engine_table + at, len);
	entry->op = FANTAIL_OP_PUBLISH;
	entry->flags = flags;
	entry->target = target;
	entry->addr = e->arena.iova + room;
	entry->len = len;
	entry->cookie = e->payloads;
	e->batch_payloads++;
	e->payload_bytes += len;
	return at;
}

void engine_group(struct engine *e, uint32_t group, uint32_t len)
{
	uint32_t at = engine_publish(e, group, FANTAIL_FLAG_GROUP, len), i;

	for (i = 0; i < e->clients; i++)
		if (e->member[group][i])
			expect(&e->client[i], at, len);
}

void engine_unicast(struct engine *e, uint32_t client, uint32_t len)
{
	expect(&e->client[client],
	       engine_publish(e, e->client[client].handle, 0, len), len);
}

uint32_t engine_handles(struct engine *e, const uint32_t *handles, uint32_t n,
			uint32_t place, uint32_t len)
{
	uint32_t mask = fantail_sq_size(e->qp, FANTAIL_RING_DATA) - 1;
	uint32_t at = engine_publish(e, 0, FANTAIL_FLAG_LIST, len);
	uint32_t i = fantail_sq_tail(e->qp, FANTAIL_RING_DATA) - 1;
	uint64_t to = (uint64_t)(i & mask) * ENGINE_LIST + 4ull * place;

	cr_assert_leq(4 * (place + n), ENGINE_LIST);
	memcpy((uint8_t *)e->lists.va + to, handles, 4ull * n);
	e->newest->list_addr = e->lists.iova + to;
	e->newest->list_len = n;
	return at;
}

void engine_list(struct engine *e, const uint32_t *clients, uint32_t n,
		 uint32_t len)
{
	uint32_t handles[ENGINE_LIST / 4] = { 0 }, at, i;

	cr_assert_leq(n, ENGINE_LIST / 4 - 16);
	for (i = 0; i < n; i++)
		handles[i] = e->client[clients[i]].handle;
	at = engine_handles(e, handles, n, engine_random(e, 16), len);
	for (i = 0; i < n; i++)
		expect(&e->client[clients[i]], at, len);
}

void engine_join(struct engine *e, uint32_t client, uint32_t group)
{
	engine_data(e, FANTAIL_OP_GROUP_JOIN, e->client[client].handle)->arg0 =
		group;
	e->member[group][client] = true;
}

void engine_join_all(struct engine *e, uint32_t group)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		engine_join(e, i, group);
}

void engine_leave(struct engine *e, uint32_t client, uint32_t group)
{
	engine_data(e, FANTAIL_OP_GROUP_LEAVE, e->client[client].handle)->arg0 =
		group;
	e->member[group][client] = false;
}

void engine_peer_send(struct engine *e, uint32_t client, uint32_t len)
{
	struct engine_client *c = &e->client[client];
	uint8_t *bytes = malloc(len);
	uint32_t i;

	cr_assert(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = engine_up_byte(client, c->up_sent + i);
	c->up_sent += len;
	cr_assert_eq(fantail_peer_send(engine_peers(e), client, bytes, len), 0);
	engine_peers_done(e);
	free(bytes);
}
