/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <criterion/criterion.h>
#include <string.h>

#define MAGIC 0x4C464E54u

struct policy_test policy_test;

static uint8_t content(uint32_t number, uint32_t at)
{
	return (uint8_t)(engine_mix((uint64_t)number << 32 | at / 8) >>
			 at % 8 * 8);
}

static void take_byte(struct policy_stream *s, uint8_t b)
{
	struct policy_head *h = &s->head;

	if (s->have < sizeof(*h)) {
		((uint8_t *)h)[s->have++] = b;
		if (s->have == sizeof(*h))
			s->bad |= h->magic != MAGIC || h->number < s->next ||
				  h->len <= sizeof(*h);
		return;
	}
	s->bad |= b != content(h->number, s->have++);
	if (s->have < h->len)
		return;
	s->gaps += h->number - s->next;
	s->next = h->number + 1;
	s->messages++;
	s->have = 0;
}

static void on_data(struct engine *e, uint32_t client, const uint8_t *bytes,
		    size_t len)
{
	(void)e;
	while (len--)
		take_byte(&policy_test.stream[client], *bytes++);
}

static void on_segment(struct engine *e, const struct engine_segment *s,
		       struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (!s->to_card && s->len)
		policy_test.stream[s->client].last_us = s->now_us;
}

static void on_record(struct engine *e, const union fantail_record *rec)
{
	struct policy_stream *s;

	if (rec->type != FANTAIL_REC_CONN)
		return;
	s = &policy_test.stream[e->owner[rec->conn.handle & 0xFFFF]];
	s->lagging += !!(rec->conn.events & FANTAIL_EV_LAGGING);
	s->writable += !!(rec->conn.events & FANTAIL_EV_WRITABLE);
	s->skipped += !!(rec->conn.events & FANTAIL_EV_SKIPPED);
}

static void configure(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->buffer = POLICY_BUFFER;
	o->wscale = -1;
}

static void context(struct engine *e, uint32_t client,
		    struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->flags |= policy_test.policy << FANTAIL_CTX_FLAGS_POLICY_SHIFT;
	x->lag_limit = policy_test.lag_limit;
}

struct engine *policy_start(uint32_t clients, uint32_t policy,
			    uint32_t lag_limit)
{
	struct engine_options opt = {
		.clients = clients,
		.configure = configure,
		.context = context,
		.segment = on_segment,
		.data = on_data,
		.record = on_record,
		.peer_delay_us = 5,
		.cycle_limit = clients > ENGINE_CLIENTS ? 100000000 : 0,
	};
	struct engine *e;

	memset(&policy_test, 0, sizeof(policy_test));
	policy_test.policy = policy;
	policy_test.lag_limit = lag_limit;
	e = engine_open(&opt);
	policy_test.e = e;
	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	return e;
}

/* What was published last becomes the next message. */
static void stamp(void)
{
	struct engine *e = policy_test.e;
	uint32_t len = e->newest->len, i;
	struct policy_head head = { MAGIC, policy_test.messages++, len };
	uint8_t *p = (uint8_t *)e->arena.va + (e->newest->addr - e->arena.iova);

	memcpy(p, &head, sizeof(head));
	for (i = sizeof(head); i < len; i++)
		p[i] = content(head.number, i);
}

void policy_group(uint32_t len)
{
	uint32_t i;

	engine_group(policy_test.e, 0, len);
	stamp();
	for (i = 0; i < policy_test.e->clients; i++)
		policy_test.wanted[i] += policy_test.e->member[0][i];
}

void policy_list(const uint32_t *clients, uint32_t n, uint32_t len)
{
	uint32_t i;

	engine_list(policy_test.e, clients, n, len);
	stamp();
	for (i = 0; i < n; i++)
		policy_test.wanted[clients[i]]++;
}

void policy_unicast(uint32_t client, uint32_t len)
{
	engine_unicast(policy_test.e, client, len);
	stamp();
	policy_test.wanted[client]++;
}

void policy_feed(uint32_t messages, uint32_t len)
{
	struct engine *e = policy_test.e;

	while (messages--) {
		policy_group(len);
		engine_submit(e);
		engine_until(e, engine_batches_done, ENGINE_FAR_US);
		/* longer than a delayed ACK */
		engine_for(e, 50000);
	}
}

void policy_pause(uint32_t client)
{
	cr_assert_eq(fantail_peer_pause(engine_peers(policy_test.e), client),
		     0);
	engine_peers_done(policy_test.e);
}

void policy_consume(uint32_t client, uint32_t bytes)
{
	cr_assert_geq(fantail_peer_consume(engine_peers(policy_test.e), client,
					   bytes),
		      0);
	engine_peers_done(policy_test.e);
}

void policy_resume(uint32_t client)
{
	cr_assert_eq(fantail_peer_resume(engine_peers(policy_test.e), client),
		     0);
	engine_peers_done(policy_test.e);
}

void policy_update(uint32_t client, uint64_t code, uint64_t value)
{
	struct engine *e = policy_test.e;
	struct fantail_entry *entry = engine_control(
		e, FANTAIL_OP_CONN_UPDATE, e->client[client].handle, NULL);

	entry->arg0 = code;
	entry->arg1 = value;
	engine_ring(e);
	engine_for(e, 1000);
}

bool policy_alive(uint32_t client)
{
	return policy_test.e->client[client].state == ENGINE_UP;
}

void policy_drain(void)
{
	struct engine *e = policy_test.e;
	bool all = false;
	uint32_t i, k;

	engine_until(e, engine_batches_done, ENGINE_FAR_US);
	for (k = 0; !all; k++) {
		cr_assert_lt(k, 1000, "not acknowledged");
		for (i = 0; i < e->clients; i++)
			if (policy_alive(i))
				engine_control(e, FANTAIL_OP_CONN_QUERY,
					       e->client[i].handle, NULL);
		engine_ring(e);
		engine_for(e, 50000);
		all = true;
		for (i = 0; i < e->clients; i++)
			if (policy_alive(i) &&
			    e->client[i].last.acked != e->client[i].last.queued)
				all = false;
	}
}

void policy_close(void)
{
	struct engine *e = policy_test.e;
	uint32_t i;

	policy_drain();
	for (i = 0; i < e->clients; i++) {
		struct policy_stream *s = &policy_test.stream[i];

		cr_assert_not(s->bad, "client %u: wrong bytes", i);
		if (!policy_alive(i))
			continue;
		cr_assert_eq(s->have, 0, "client %u: part of a message", i);
		cr_assert_eq(s->messages + e->client[i].last.skipped,
			     policy_test.wanted[i], "client %u", i);
	}
	engine_close(e);
}
