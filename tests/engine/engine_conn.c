/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of connections: connect, close, abort, release. See engine.h. */
#include <criterion/criterion.h>

#include "engine.h"

#define LIMIT_US ENGINE_FAR_US

bool engine_all_up(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].state != ENGINE_UP)
			return false;
	return true;
}

bool engine_batches_done(struct engine *e)
{
	return e->batches_done == e->batches;
}

bool engine_all_delivered(struct engine *e)
{
	uint32_t i;

	if (e->batches_done < e->batches)
		return false;
	for (i = 0; i < e->clients; i++)
		if (e->client[i].state == ENGINE_UP &&
		    e->client[i].got < e->client[i].sent)
			return false;
	return true;
}

static bool all_acknowledged(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++) {
		struct engine_client *c = &e->client[i];

		if (c->state == ENGINE_UP &&
		    (!(c->events & FANTAIL_EV_QUERY) ||
		     c->last.acked != (uint32_t)c->sent ||
		     c->last.queued != (uint32_t)c->sent))
			return false;
	}
	return true;
}

void engine_drain(struct engine *e)
{
	uint64_t end = fantail_sim_now_us(e->sim) + LIMIT_US;
	uint32_t i;

	engine_until(e, engine_all_delivered, LIMIT_US);
	do {
		cr_assert_lt(fantail_sim_now_us(e->sim), end,
			     "delivered, but not acknowledged");
		/* as long as the longest delayed ACK */
		engine_for(e, 50000);
		for (i = 0; i < e->clients; i++)
			if (e->client[i].state == ENGINE_UP)
				engine_control(e, FANTAIL_OP_CONN_QUERY,
					       e->client[i].handle, NULL);
		engine_ring(e);
		engine_for(e, 1000);
	} while (!all_acknowledged(e));
}

void engine_connect(struct engine *e, uint32_t client)
{
	struct fantail_peers *peers = engine_peers(e);

	cr_assert_eq(fantail_peer_connect(peers, client, 0), 0);
	engine_peers_done(e);
	e->client[client].state = ENGINE_NONE;
}

void engine_connect_all(struct engine *e)
{
	uint32_t step = fantail_slot_count(e->qp) / 8, i, log2;

	/*
	 * What they send must find slots, and places for frames, a quarter of
	 * the status ring: nobody repeats its last ACK, and SYNs that are sent
	 * again come after seconds, all at once.
	 */
	log2 = e->opt.qp.status_log2;
	if (log2 && step > 1u << (log2 - 2))
		step = 1u << (log2 - 2);
	for (i = 0; i < e->clients; i++) {
		engine_connect(e, i);
		if (i % step == step - 1)
			engine_for(e, 200);
	}
	engine_until(e, engine_all_up, LIMIT_US);
}

void engine_finish(struct engine *e, uint32_t client)
{
	engine_data(e, FANTAIL_OP_CONN_CLOSE, e->client[client].handle);
	e->client[client].fin_queued = true;
}

void engine_abort(struct engine *e, uint32_t client)
{
	engine_control(e, FANTAIL_OP_CONN_ABORT, e->client[client].handle,
		       NULL);
	engine_ring(e);
}

static bool all_released(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].releasing &&
		    !(e->client[i].events & FANTAIL_EV_RELEASED))
			return false;
	return true;
}

void engine_release(struct engine *e, uint32_t client)
{
	struct engine_client *c = &e->client[client];
	bool left = false;
	uint32_t g;

	for (g = 0; g < ENGINE_GROUPS; g++) {
		if (!e->member[g][client])
			continue;
		engine_leave(e, client, g);
		left = true;
	}
	if (left) {
		engine_submit(e);
		engine_until(e, engine_batches_done, LIMIT_US);
	}
	engine_control(e, FANTAIL_OP_CONN_RELEASE, c->handle, NULL);
	engine_ring(e);
	c->releasing = true;
	c->state = ENGINE_DEAD;
	engine_until(e, all_released, LIMIT_US);
}
