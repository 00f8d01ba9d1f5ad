/* SPDX-License-Identifier: Apache-2.0 */
/* What is queued together leaves in full segments, and nothing is held. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine.h"

#define CLIENTS 12
#define MSS	1460

static struct {
	uint32_t segments, bytes, pushed;
} wire[CLIENTS];

static void count(struct engine *e, const struct engine_segment *s,
		  struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (s->to_card || !s->len)
		return;
	wire[s->client].segments++;
	wire[s->client].bytes += s->len;
	wire[s->client].pushed += !!(s->flags & TCP_PSH);
}

static void plain(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->mss = MSS;
	o->timestamps = false;
}

static struct engine *start(void)
{
	struct engine_options opt = {
		.clients = CLIENTS,
		.configure = plain,
		.segment = count,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	return e;
}

static void finish_batch(struct engine *e)
{
	memset(wire, 0, sizeof(wire));
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	engine_for(e, 50000);
}

Test(segments, ten_small_payloads_are_one_segment)
{
	struct engine *e = start();
	uint32_t i, k;

	for (k = 0; k < 8; k++) {
		for (i = 0; i < 10; i++)
			engine_group(e, 0, 100);
		finish_batch(e);
		for (i = 0; i < CLIENTS; i++) {
			cr_assert_eq(wire[i].segments, 1, "client %u: %u", i,
				     wire[i].segments);
			cr_assert_eq(wire[i].bytes, 1000);
			cr_assert_eq(wire[i].pushed, 1);
		}
	}
	engine_close(e);
}

/* Every payload begins an extent for somebody, no segment ends there. */
Test(segments, alternating_targets)
{
	struct engine *e = start();
	uint32_t i, k;

	for (k = 0; k < 6; k++) {
		for (i = 0; i < 14; i++) {
			if (i & 1)
				engine_group(e, 0, 151 + i);
			else
				engine_unicast(e, (k + i / 2) % CLIENTS, 333);
		}
		finish_batch(e);
		for (i = 0; i < CLIENTS; i++)
			cr_assert_leq(wire[i].segments,
				      (wire[i].bytes + MSS - 1) / MSS + 1,
				      "client %u: %u bytes in %u segments", i,
				      wire[i].bytes, wire[i].segments);
	}
	engine_close(e);
}

Test(segments, a_large_batch)
{
	struct engine *e = start();
	uint32_t i;

	for (i = 0; i < 20; i++)
		engine_group(e, 0, 700);
	finish_batch(e);
	for (i = 0; i < CLIENTS; i++) {
		cr_assert_eq(wire[i].bytes, 14000);
		cr_assert_leq(wire[i].segments, 14000 / MSS + 2);
		cr_assert_eq(wire[i].pushed, 1);
	}
	engine_close(e);
}

static bool everybody_has_some(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		if (e->client[i].got != 100)
			return false;
	return true;
}

/* While DATA waits for the rest of a batch, what is queued may go. */
Test(segments, an_open_batch_is_not_held)
{
	struct engine *e = start();

	engine_group(e, 0, 100);
	engine_group(e, 0, 50);
	cr_assert_eq(fantail_qp_submit_part(e->qp), 1);
	engine_until(e, everybody_has_some, 10000);
	finish_batch(e);
	cr_assert_eq(e->client[CLIENTS - 1].got, 150);
	engine_close(e);
}

static uint32_t longest;

static void measure(struct engine *e, const struct engine_segment *s,
		    struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (!s->to_card && s->len > longest)
		longest = s->len;
}

static void largest_mss(struct engine *e, uint32_t client,
			struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->mss = MSS;
	x->flags |= FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK;
}

/* The largest MSS and timestamps would make a frame too long. */
Test(segments, timestamps_find_room_beside_the_largest_mss)
{
	struct engine_options opt = {
		.clients = 2,
		.segment = measure,
		.context = largest_mss,
	};
	struct engine *e = engine_open(&opt);
	struct fantail_entry *x;

	longest = 0;
	engine_connect_all(e);
	engine_unicast(e, 0, 6000);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(longest, MSS - 12, "%u", longest);
	x = engine_data(e, FANTAIL_OP_CONN_UPDATE, e->client[1].handle);
	x->arg0 = FANTAIL_UPDATE_MSS;
	x->arg1 = MSS;
	engine_unicast(e, 1, 6000);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(longest, MSS - 12, "%u", longest);
	engine_close(e);
}
