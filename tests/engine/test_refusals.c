/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine refuses: the code, the records around it, and no effect. */
#include <criterion/criterion.h>
#include <string.h>

#include "engine.h"
#include "transport.h"

#define NOBODY 0x7700000000ull /* mapped by nobody */

/* Records in their order. */
static union fantail_record seen[64];
static unsigned int seen_count;

static void note(struct engine *e, const union fantail_record *rec)
{
	(void)e;
	if (rec->type == FANTAIL_REC_BATCH || rec->type == FANTAIL_REC_REFUSED)
		seen[seen_count++ % 64] = *rec;
}

static struct engine *start(uint32_t clients)
{
	struct engine_options opt = {
		.clients = clients,
		.record = note,
		.refusals_are_ok = true,
	};
	struct engine *e = engine_open(&opt);

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_submit(e);
	engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	return e;
}

static uint32_t handle_of_0, handle_of_1;
static uint64_t context_at;

static void unknown_op(struct fantail_entry *x)
{
	x->op = 99;
}

static void reserved_bytes(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_NOP;
	x->rsvd0 = 1;
}

static void reserved_flag(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_NOP;
	x->flags = 0x80;
}

static void inline_flag(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_NOP;
	x->flags = FANTAIL_FLAG_INLINE;
}

static void unused_field(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_QUERY;
	x->target = handle_of_0;
	x->arg2 = 1;
}

static void publish(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_PUBLISH;
	x->target = handle_of_0;
	x->addr = context_at;
	x->len = 100;
}

static void publish_nothing(struct fantail_entry *x)
{
	publish(x);
	x->len = 0;
}

static void publish_too_much(struct fantail_entry *x)
{
	publish(x);
	x->len = ENGINE_PAYLOAD + 1;
}

static void frame_too_short(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_FRAME_TX;
	x->addr = context_at;
	x->len = 13;
}

static void frame_too_long(struct fantail_entry *x)
{
	frame_too_short(x);
	x->len = FANTAIL_FRAME_BYTES_MAX + 1;
}

static void too_many_slots(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_RECV_RETURN;
	x->len = FANTAIL_RETURN_MAX + 1;
}

static void id_out_of_range(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_QUERY;
	x->target = 0x10000 | ENGINE_CLIENTS;
}

static void not_installed(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_ABORT;
	x->target = handle_of_0 ^ 0x40000000; /* another generation */
}

static void installed(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_INSTALL;
	x->target = handle_of_0 + 0x10000;
	x->addr = context_at;
}

static void tuple_exists(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_INSTALL;
	x->target = 0x50000 | 10;
	x->addr = context_at;
}

static void publish_to_no_group(struct fantail_entry *x)
{
	publish(x);
	x->flags = FANTAIL_FLAG_GROUP;
	x->target = ENGINE_GROUPS;
}

static void join_no_group(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_GROUP_JOIN;
	x->target = handle_of_0;
	x->arg0 = ENGINE_GROUPS;
}

static void in_group(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_RELEASE;
	x->target = handle_of_1;
}

static void list_unaligned(struct fantail_entry *x)
{
	publish(x);
	x->target = 0;
	x->flags = FANTAIL_FLAG_LIST;
	x->list_addr = context_at + 2;
	x->list_len = 1;
}

static void list(struct fantail_entry *x)
{
	list_unaligned(x);
	x->list_addr = context_at;
}

static void list_and_group(struct fantail_entry *x)
{
	list(x);
	x->flags |= FANTAIL_FLAG_GROUP;
}

static void list_and_target(struct fantail_entry *x)
{
	list(x);
	x->target = handle_of_0;
}

static void list_of_nobody(struct fantail_entry *x)
{
	list(x);
	x->list_len = 0;
}

static void list_too_long(struct fantail_entry *x)
{
	list(x);
	x->list_len = ENGINE_CLIENTS + 1;
}

static void list_nowhere(struct fantail_entry *x)
{
	list(x);
	x->list_addr = NOBODY + 4;
	x->list_len = CARD_CLIENTS(100);
}

static void list_payload_nowhere(struct fantail_entry *x)
{
	list(x);
	x->addr = NOBODY + 128;
}

static void inject_missed(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_FRAME_INJECT;
	x->addr = context_at; /* no frame of anybody's */
	x->len = 128;
}

static void payload_nowhere(struct fantail_entry *x)
{
	publish(x);
	x->addr = NOBODY + 128;
}

static void context_nowhere(struct fantail_entry *x)
{
	tuple_exists(x);
	x->addr = NOBODY;
}

static void frame_nowhere(struct fantail_entry *x)
{
	frame_too_short(x);
	x->addr = NOBODY;
	x->len = 64;
}

static void bad_context(struct fantail_entry *x)
{
	tuple_exists(x);
	x->addr = context_at + 128;
}

static void update_code(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_UPDATE;
	x->target = handle_of_0;
	x->arg0 = 5;
}

static void slot_not_ours(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_RECV_RETURN;
	x->len = 1;
	x->arg0 = 100;
}

static void delivered(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_GROUP_JOIN;
	x->target = handle_of_0;
	x->flags = FANTAIL_FLAG_REPORT_DELIVERED;
}

static void no_such_query(struct fantail_entry *x)
{
	x->op = FANTAIL_OP_CONN_QUERY;
	x->target = handle_of_0;
	x->arg0 = FANTAIL_QUERY_DRAINED + 1;
}

enum {
	DATA = 1,
	CONTROL = 2,
	BOTH = 3
};

static const struct {
	const char *what;
	void (*make)(struct fantail_entry *x);
	uint8_t code, rings;
} cases[] = {
	{ "unknown op", unknown_op, FANTAIL_REFUSE_UNKNOWN_OP, BOTH },
	{ "reserved bytes", reserved_bytes, FANTAIL_REFUSE_RESERVED, BOTH },
	{ "reserved flag", reserved_flag, FANTAIL_REFUSE_RESERVED, BOTH },
	{ "inline", inline_flag, FANTAIL_REFUSE_RESERVED, BOTH },
	{ "unused field", unused_field, FANTAIL_REFUSE_RESERVED, BOTH },
	{ "wrong ring", publish, FANTAIL_REFUSE_WRONG_RING, CONTROL },
	{ "no bytes", publish_nothing, FANTAIL_REFUSE_LENGTH, DATA },
	{ "too many bytes", publish_too_much, FANTAIL_REFUSE_LENGTH, DATA },
	{ "short frame", frame_too_short, FANTAIL_REFUSE_LENGTH, BOTH },
	{ "long frame", frame_too_long, FANTAIL_REFUSE_LENGTH, BOTH },
	{ "13 slots", too_many_slots, FANTAIL_REFUSE_LENGTH, BOTH },
	{ "id", id_out_of_range, FANTAIL_REFUSE_ID_RANGE, BOTH },
	{ "generation", not_installed, FANTAIL_REFUSE_NOT_INSTALLED, BOTH },
	{ "installed", installed, FANTAIL_REFUSE_INSTALLED, BOTH },
	{ "tuple", tuple_exists, FANTAIL_REFUSE_TUPLE_EXISTS, BOTH },
	{ "group", publish_to_no_group, FANTAIL_REFUSE_GROUP_RANGE, DATA },
	{ "join", join_no_group, FANTAIL_REFUSE_GROUP_RANGE, BOTH },
	{ "member", in_group, FANTAIL_REFUSE_IN_GROUP, BOTH },
	{ "list, group", list_and_group, FANTAIL_REFUSE_RESERVED, DATA },
	{ "list, target", list_and_target, FANTAIL_REFUSE_RESERVED, DATA },
	{ "list on CONTROL", list, FANTAIL_REFUSE_WRONG_RING, CONTROL },
	{ "empty list", list_of_nobody, FANTAIL_REFUSE_LENGTH, DATA },
	{ "long list", list_too_long, FANTAIL_REFUSE_LENGTH, DATA },
	{ "list address", list_unaligned, FANTAIL_REFUSE_LIST_ALIGN, DATA },
	{ "missed", inject_missed, FANTAIL_REFUSE_INJECT_MISSED, BOTH },
	{ "payload fault", payload_nowhere, FANTAIL_REFUSE_DMA_READ, DATA },
	{ "list fault", list_nowhere, FANTAIL_REFUSE_DMA_READ, DATA },
	{ "both", list_payload_nowhere, FANTAIL_REFUSE_DMA_READ, DATA },
	{ "context fault", context_nowhere, FANTAIL_REFUSE_DMA_READ, BOTH },
	{ "frame fault", frame_nowhere, FANTAIL_REFUSE_DMA_READ, BOTH },
	{ "context", bad_context, FANTAIL_REFUSE_CONTEXT, BOTH },
	{ "update", update_code, FANTAIL_REFUSE_UPDATE_CODE, BOTH },
	{ "slot", slot_not_ours, FANTAIL_REFUSE_SLOT, BOTH },
	{ "delivered", delivered, FANTAIL_REFUSE_UNSUPPORTED, BOTH },
	{ "query", no_such_query, FANTAIL_REFUSE_RESERVED, BOTH },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* A context that would do, of client 1's tuple, and one that would not. */
static void make_contexts(struct engine *e, struct fantail_mem *mem)
{
	struct fantail_context *x;

	cr_assert_eq(fantail_dma_alloc(e->dev, 4096, FANTAIL_DMA_READ, mem), 0);
	x = mem->va;
	x->local_ip = e->ip;
	x->remote_ip = ENGINE_PEER_IP + 1;
	x->local_port = ENGINE_PORT;
	x->remote_port = e->client[1].port;
	x->mss = 1000;
	x[1] = x[0];
	x[1].remote_port++;
	x[1].mss = FANTAIL_MSS_MIN - 1;
	context_at = mem->iova;
}

/* The refused entry stands between two good ones. */
static void refuse(struct engine *e, unsigned int n, enum fantail_ring ring)
{
	uint32_t refused = e->refused, batch = e->batches;
	uint64_t got = e->client[0].got;
	struct fantail_entry *x;

	seen_count = 0;
	if (ring == FANTAIL_RING_DATA) {
		engine_group(e, 0, 100);
		cases[n].make(engine_data(e, 0, 0));
		engine_group(e, 0, 50);
		engine_submit(e);
		engine_until(e, engine_all_delivered, 1000000);
		cr_assert_eq(e->client[0].got, got + 150, "%s", cases[n].what);
	} else {
		engine_control(e, FANTAIL_OP_NOP, 0, NULL);
		x = engine_control(e, 0, 0, NULL);
		cases[n].make(x);
		x->cookie = 5ull << 32 | n;
		x = engine_control(e, FANTAIL_OP_CONN_QUERY, handle_of_0, NULL);
		x->flags = FANTAIL_FLAG_LAST;
		engine_ring(e);
		engine_for(e, 300);
	}
	cr_assert_eq(e->refused, refused + 1, "%s on ring %d", cases[n].what,
		     ring);
	cr_assert_eq(e->last_refused.code, cases[n].code, "%s: %u",
		     cases[n].what, e->last_refused.code);
	cr_assert_eq(e->last_refused.ring, ring);
	cr_assert_eq(seen_count, 2, "%s: %u records", cases[n].what,
		     seen_count);
	cr_assert_eq(seen[0].type, FANTAIL_REC_REFUSED);
	/* the fixture may have returned slots in between */
	cr_assert_geq(seen[1].batch.entries, 3);
	cr_assert_eq(seen[1].batch.refused, 1);
	if (ring == FANTAIL_RING_DATA) {
		cr_assert_eq(seen[1].batch.entries, 3);
		cr_assert_eq(seen[1].batch.cookie_lo, batch);
		cr_assert_eq(seen[1].batch.payloads, 2);
		cr_assert_eq(seen[1].batch.bytes, 150);
	}
	if (cases[n].make == payload_nowhere)
		cr_assert_eq((uint64_t)e->last_refused.addr_hi << 32 |
				     e->last_refused.addr_lo,
			     NOBODY + 128);
}

Test(refusals, every_code)
{
	struct engine *e = start(3);
	struct fantail_mem mem;
	uint64_t count;
	unsigned int n;

	make_contexts(e, &mem);
	handle_of_0 = e->client[0].handle;
	handle_of_1 = e->client[1].handle;
	for (n = 0; n < CASES; n++) {
		if (cases[n].rings & DATA)
			refuse(e, n, FANTAIL_RING_DATA);
		if (cases[n].rings & CONTROL)
			refuse(e, n, FANTAIL_RING_CONTROL);
	}
	count = engine_count(e, FANTAIL_CNT_REFUSALS);
	cr_assert_eq(count, e->refused);
	cr_assert_eq(engine_qp_count(e, FANTAIL_QPCNT_REFUSED_RECORDS), count);
	/* nothing has changed: everybody is well */
	engine_group(e, 0, 5000);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_INSTALLS), 3);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RELEASES), 0);
	fantail_dma_free(e->dev, &mem);
	engine_close(e);
}

/*
 * A key of zeros puts every connection into the same two buckets of four: the
 * ninth finds no room, until one of the others is released.
 */
static void no_hash(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < 4; i++)
		cr_assert_eq(fantail_dev_write32(
				     e->dev, FANTAIL_REG_HASH_KEY0 + 4 * i, 0),
			     0);
}

static bool refused_one(struct engine *e)
{
	return e->refused;
}

Test(refusals, the_flow_table_is_full)
{
	struct engine_options opt = {
		.clients = 9,
		.refusals_are_ok = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	no_hash(e);
	for (i = 0; i < 8; i++)
		engine_connect(e, i);
	engine_for(e, 500);
	for (i = 0; i < 8; i++)
		cr_assert_eq(e->client[i].state, ENGINE_UP);
	engine_connect(e, 8);
	engine_until(e, refused_one, 1000000);
	cr_assert_eq(e->last_refused.code, FANTAIL_REFUSE_FLOW_FULL);
	cr_assert_eq(e->last_refused.target, e->client[8].handle);
	e->client[8].state = ENGINE_DEAD;
	engine_release(e, 3);
	cr_assert_eq(fantail_peer_abort(engine_peers(e), 8), 0);
	engine_peers_done(e);
	engine_connect(e, 8);
	engine_for(e, 500);
	cr_assert_eq(e->client[8].state, ENGINE_UP);
	engine_join(e, 8, 0);
	engine_group(e, 0, 2000);
	engine_submit(e);
	engine_drain(e);
	cr_assert_eq(e->client[8].got, 2000);
	engine_close(e);
}

/* A payload of which a later line faults: nobody gets a byte of it. */
Test(refusals, a_payload_that_ends_nowhere)
{
	struct engine *e = start(4);
	struct fantail_entry *x;
	unsigned int k;

	for (k = 0; k < 30; k++) {
		engine_group(e, 0, 700);
		x = engine_data(e, FANTAIL_OP_PUBLISH, 0);
		x->flags = FANTAIL_FLAG_GROUP;
		x->addr = e->arena.iova + e->arena.bytes - 100 * (k % 5 + 1);
		x->len = 3000;
		engine_group(e, 0, 800);
		engine_submit(e);
		engine_until(e, engine_all_delivered, 1000000);
		cr_assert_eq(e->last_batch.refused, 1);
		cr_assert_eq(e->last_refused.code, FANTAIL_REFUSE_DMA_READ);
		cr_assert_eq(e->last_batch.payloads, 2);
		engine_for(e, 45000);
	}
	engine_drain(e);
	cr_assert_eq(engine_count(e, FANTAIL_CNT_PAYLOADS), 60);
	engine_close(e);
}
