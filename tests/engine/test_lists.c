/* SPDX-License-Identifier: Apache-2.0 */
/* Target lists: any of the connections, and each one's stream is exact. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "transport.h"

#define MSS 1460

static struct {
	uint32_t segments, bytes;
} wire[ENGINE_CLIENTS];

static void count(struct engine *e, const struct engine_segment *s,
		  struct fantail_net_fate *fate)
{
	(void)e;
	(void)fate;
	if (s->to_card || !s->len)
		return;
	wire[s->client].segments++;
	wire[s->client].bytes += s->len;
}

static void plain(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)n;
	o->mss = MSS;
	o->timestamps = false;
}

static struct engine *start(uint32_t clients, bool refusals_are_ok)
{
	struct engine_options opt = {
		.clients = clients,
		.seed = engine_seed(41),
		.configure = plain,
		.segment = count,
		.refusals_are_ok = refusals_are_ok,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	memset(wire, 0, sizeof(wire));
	return e;
}

static void finish_batch(struct engine *e, uint32_t reached, uint32_t skipped)
{
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	cr_assert_eq(e->last_batch.reached, reached, "%u reached, not %u",
		     e->last_batch.reached, reached);
	cr_assert_eq(e->last_batch.skipped, skipped);
}

/* @n of the clients in any order, each once. */
static uint32_t subset(struct engine *e, uint32_t n, uint32_t *out)
{
	uint32_t all[ENGINE_CLIENTS] = { 0 }, i;

	for (i = 0; i < e->clients; i++)
		all[i] = i;
	for (i = 0; i < n; i++) {
		uint32_t k = i + engine_random(e, e->clients - i);

		out[i] = all[k];
		all[k] = all[i];
	}
	return n;
}

/* Everyone takes their own half of ten payloads: full segments all the same. */
Test(lists, half_of_each_batch)
{
	enum {
		BATCHES = 6,
		PAYLOADS = 10,
		CLIENTS = CARD_CLIENTS(200),
		LEN = 100
	};
	struct engine *e = start(CLIENTS, false);
	uint64_t cycles, doorbells, records, lists, interrupts;
	uint32_t who[CLIENTS], i, k, b, reached, lines, segments, total = 0;

	for (b = 0; b < BATCHES; b++) {
		memset(wire, 0, sizeof(wire));
		doorbells = engine_qp_count(e, FANTAIL_QPCNT_DATA_DOORBELLS);
		records = engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS);
		interrupts = engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS);
		lists = engine_count(e, FANTAIL_CNT_LIST_READ_BYTES);
		cycles = fantail_sim_cycles(e->sim);
		for (k = 0, reached = 0, lines = 0; k < PAYLOADS; k++) {
			uint32_t n = 0, place;

			for (i = 0; i < CLIENTS; i++)
				if (engine_random(e, 2))
					who[n++] = i;
			engine_list(e, who, n, LEN);
			place = (uint32_t)e->newest->list_addr / 4 % 16;
			lines += (place + n + 15) / 16;
			reached += n;
		}
		finish_batch(e, reached, 0);
		cycles = fantail_sim_cycles(e->sim) - cycles;
		engine_for(e, 50000);
		for (i = 0, segments = 0; i < CLIENTS; i++)
			segments += wire[i].segments;
		total += segments;
		fprintf(stderr, "# %u deliveries, %u segments, %llu cycles\n",
			reached, segments, (unsigned long long)cycles);
		cr_assert_leq(segments, CLIENTS * 11 / 10);
		cr_assert_eq(engine_count(e, FANTAIL_CNT_LIST_READ_BYTES) -
				     lists,
			     64ull * lines);
		cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_DATA_DOORBELLS) -
				     doorbells,
			     1);
		cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_BATCH_RECORDS) -
				     records,
			     1);
		cr_assert_leq(engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS) -
				      interrupts,
			      1);
	}
	cr_assert_geq(total, BATCHES * CLIENTS * 9 / 10);
	cr_assert_eq(e->conn_records, 0);
	engine_drain(e);
	engine_close(e);
}

/* Lists, groups and single targets in one batch, of all lengths. */
Test(lists, random_targets)
{
	enum {
		CLIENTS = CARD_CLIENTS(60)
	};
	struct engine *e = start(CLIENTS, false);
	uint32_t who[CLIENTS], b, k, n, reached;

	for (b = 0; b < 60; b++) {
		uint32_t payloads = 1 + engine_random(e, 12);

		for (k = 0, reached = 0; k < payloads; k++) {
			uint32_t len = 1 + engine_random(e, 1500);

			switch (engine_random(e, 4)) {
			case 0:
				engine_group(e, 0, len);
				reached += CLIENTS;
				break;
			case 1:
				engine_unicast(e, engine_random(e, CLIENTS),
					       len);
				reached += 1;
				break;
			default:
				n = subset(e, 1 + engine_random(e, CLIENTS),
					   who);
				engine_list(e, who, n, len);
				reached += n;
			}
		}
		finish_batch(e, reached, 0);
	}
	engine_drain(e);
	engine_close(e);
}

/* The mix leaves in full segments, whatever kind of target ends the batch. */
Test(lists, mixed_batches_leave_in_full_segments)
{
	enum {
		CLIENTS = CARD_CLIENTS(24)
	};
	struct engine *e = start(CLIENTS, false);
	uint32_t who[CLIENTS], b, k, i;

	for (b = 0; b < 12; b++) {
		uint32_t reached = 0;

		memset(wire, 0, sizeof(wire));
		for (k = 0; k < 12; k++) {
			if (b % 3 == 0 && k == 11) {
				engine_unicast(e, b, 80);
				reached++;
			} else if ((k + b) % 3 == 0) {
				engine_group(e, 0, 151);
				reached += CLIENTS;
			} else {
				subset(e, 12, who);
				engine_list(e, who, 12, 222);
				reached += 12;
			}
		}
		finish_batch(e, reached, 0);
		engine_for(e, 50000);
		for (i = 0; i < CLIENTS; i++)
			cr_assert_leq(wire[i].segments,
				      (wire[i].bytes + MSS - 1) / MSS,
				      "batch %u client %u: %u bytes in %u", b,
				      i, wire[i].bytes, wire[i].segments);
	}
	engine_drain(e);
	engine_close(e);
}

/* Named twice is served twice, at once or later in the list. */
Test(lists, duplicates)
{
	struct engine *e = start(9, false);
	uint32_t who[40], b, i, n;

	engine_list(e, (uint32_t[]){ 4, 4 }, 2, 100);
	finish_batch(e, 2, 0);
	cr_assert_eq(e->client[4].got, 200);
	engine_list(e, (uint32_t[]){ 4, 4, 4, 2, 4, 2, 2, 4 }, 8, 33);
	engine_list(e, (uint32_t[]){ 2, 4, 2, 4 }, 4, 35);
	finish_batch(e, 12, 0);
	for (b = 0; b < 60; b++) {
		/* the ring of extents holds 16, a repetition takes one */
		n = 1 + engine_random(e, 12);
		for (i = 0; i < n; i++)
			who[i] = engine_random(e, b % 3 + 1);
		engine_list(e, who, n, 1 + engine_random(e, 300));
		finish_batch(e, n, 0);
		engine_drain(e);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	engine_close(e);
}

static bool dead_5(struct engine *e)
{
	return e->client[5].state == ENGINE_DEAD;
}

static bool queried(struct engine *e)
{
	return e->client[3].events & FANTAIL_EV_QUERY;
}

/* In a list an unusable connection is left out and counted, never refused. */
Test(lists, unusable_handles_are_skipped)
{
	struct engine *e = start(8, false);
	uint32_t old = e->client[3].handle, handles[40], at, i, n, b;

	engine_abort(e, 3);
	engine_for(e, 1000);
	engine_release(e, 3);
	engine_connect(e, 3);
	engine_until(e, engine_all_up, ENGINE_FAR_US);
	cr_assert_neq(old, e->client[3].handle);
	cr_assert_eq(old & 0xFFFF, e->client[3].handle & 0xFFFF);
	engine_abort(e, 5);
	engine_ring(e);
	engine_until(e, dead_5, ENGINE_FAR_US);
	engine_finish(e, 6);
	for (b = 0; b < 20; b++) {
		n = 0;
		handles[n++] = e->client[0].handle;
		handles[n++] = old;
		handles[n++] = old;
		handles[n++] = e->client[5].handle;	  /* failed */
		handles[n++] = e->client[6].handle;	  /* closing */
		handles[n++] = 100;			  /* never installed */
		handles[n++] = e->client[0].handle + 256; /* aliases */
		handles[n++] = 0xFFFFFFFF;
		handles[n++] = e->client[0].handle | 0xC000;
		handles[n++] = e->client[3].handle;
		at = engine_handles(e, handles, n, b % 16, 50);
		/* what engine_list() would do */
		for (i = 0; i < 4; i += 3) {
			struct engine_client *c = &e->client[i];

			c->piece = realloc(c->piece, (c->pieces + 64) *
							     sizeof(*c->piece));
			c->piece_room = c->pieces + 64;
			c->piece[c->pieces++] = (struct engine_piece){ at, 50 };
			c->sent += 50;
		}
		finish_batch(e, 2, 8);
	}
	/* a new client's counters know nothing of the old one's payloads */
	engine_control(e, FANTAIL_OP_CONN_QUERY, e->client[3].handle, NULL);
	engine_ring(e);
	engine_until(e, queried, ENGINE_FAR_US);
	cr_assert_eq(e->client[3].last.skipped, 0);
	cr_assert_eq(e->client[3].last.queued, 20 * 50);
	cr_assert_eq(e->refused, 0);
	engine_close(e);
}

/* Many lists of all clients: far more lines than there is room for. */
Test(lists, long_lists)
{
	enum {
		CLIENTS = CARD_CLIENTS(1024)
	};
	struct engine *e = start(CLIENTS, false);
	uint32_t who[CLIENTS], b, k;

	for (b = 0; b < 3; b++) {
		for (k = 0; k < 14; k++) {
			subset(e, CLIENTS, who);
			engine_list(e, who, CLIENTS, 90 + k);
		}
		finish_batch(e, 14 * CLIENTS, 0);
	}
	engine_drain(e);
	engine_close(e);
}

/* The list runs out of mapped memory: who was reached is told, and got it. */
Test(lists, a_list_that_cannot_be_read)
{
	enum {
		CLIENTS = CARD_CLIENTS(100),
		MAPPED = 2 * CLIENTS / 5
	};
	struct engine *e = start(CLIENTS, true);
	uint32_t handles[CLIENTS], i, b, rest = 0, told = 0, got = 0;
	struct fantail_mem page;
	uint32_t *end;
	uint64_t at;

	cr_assert_eq(fantail_dma_alloc(e->dev, 4096, FANTAIL_DMA_READ, &page),
		     0);
	end = (uint32_t *)(void *)((uint8_t *)page.va + page.bytes) - MAPPED;
	for (i = 0; i < CLIENTS; i++)
		handles[i] = e->client[i].handle;
	memcpy(end, handles, 4 * MAPPED);
	for (b = 0; b < 12; b++) {
		engine_group(e, 0, 70);
		engine_handles(e, handles, CLIENTS, 0, 60);
		e->newest->list_addr = page.iova + page.bytes - 4 * MAPPED;
		e->newest->cookie = 77;
		engine_group(e, 0, 80);
		engine_submit(e);
		engine_until(e, engine_batches_done, ENGINE_FAR_US);
		cr_assert_eq(e->refused, b + 1);
		cr_assert_eq(e->last_refused.code, FANTAIL_REFUSE_DMA_READ);
		cr_assert_eq(e->last_refused.cookie_lo, 77);
		at = (uint64_t)e->last_refused.addr_hi << 32 |
		     e->last_refused.addr_lo;
		cr_assert_eq(at % 64, 0);
		cr_assert_geq(at, page.iova + page.bytes);
		cr_assert_lt(at,
			     page.iova + page.bytes + 4 * (CLIENTS - MAPPED));
		cr_assert_leq(e->last_refused.reached, MAPPED);
		told += e->last_refused.reached;
		rest += e->last_refused.reached < MAPPED;
		cr_assert_eq(e->last_batch.refused, 1);
		cr_assert_eq(e->last_batch.payloads, 2);
		cr_assert_eq(e->last_batch.reached,
			     2 * CLIENTS + e->last_refused.reached);
		cr_assert_eq(e->last_batch.skipped, 0);
	}
	engine_for(e, 1000000);
	/* nobody knows beforehand who gets it: what is more is counted */
	for (i = 0; i < CLIENTS; i++) {
		struct engine_client *c = &e->client[i];

		cr_assert_geq(c->got, c->sent);
		got += (uint32_t)(c->got - c->sent);
		c->sent = c->got;
		c->wrong = false;
	}
	cr_assert_gt(told, 0);
	cr_assert_gt(rest, 0, "always begun at the first handle");
	cr_assert_eq(got, 60 * told);
	fantail_dma_free(e->dev, &page);
	engine_close(e);
}
