/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <criterion/criterion.h>
#include <string.h>

#define HANDLE(gen, id) ((uint32_t)(gen) << 16 | (id))
#define F(name)		FANTAIL_##name

static struct rig *r;
static unsigned int seen; /* records judged */

static void setup(void)
{
	r = rig_new(2);
}

static void teardown(void)
{
	rig_free(r);
}

TestSuite(control, .init = setup, .fini = teardown);

static struct fantail_context *context(unsigned int id)
{
	struct fantail_context *c;

	c = (struct fantail_context *)rig_mem(r, CONTEXTS + 17 + 256 * id);
	memset(c, 0, sizeof(*c));
	c->local_ip = 0xc0000201;
	c->remote_ip = 0xc0000202;
	c->local_port = 80;
	c->remote_port = (uint16_t)(4000 + id);
	c->snd_wnd = 1u << 30;
	c->mss = 1448;
	c->snd_wscale = 14;
	c->rcv_wscale = 14;
	c->flags = 1;
	return c;
}

/* Runs one entry with LAST; returns its refusal code, checks its records. */
static unsigned int run(int ring, struct fantail_entry e)
{
	struct fantail_rec_refused no;
	struct fantail_rec_batch b;
	unsigned int code = 0;

	e.flags |= FANTAIL_FLAG_LAST;
	e.cookie = 0xabcdef0000000000 + seen;
	rig_put(r, ring, &e);
	rig_bell(r);
	rig_settle(r, 2000);
	memcpy(&no, r->recs[seen], sizeof(no));
	if (no.type == FANTAIL_REC_REFUSED) {
		seen++;
		code = no.code;
		cr_assert_eq(no.ring, ring);
		cr_assert_eq(no.index, (r->tail[ring] - 1) & 0x7fff);
		cr_assert_eq(no.op, e.op);
		cr_assert_eq(no.target, e.target);
		cr_assert_eq(no.cookie_lo, (uint32_t)e.cookie);
		cr_assert_neq(code, 0);
	}
	memcpy(&b, r->recs[seen], sizeof(b));
	cr_assert_eq(b.type, FANTAIL_REC_BATCH);
	cr_assert_eq(b.ring, ring);
	cr_assert_eq(b.entries, 1);
	cr_assert_eq(b.refused, code != 0);
	cr_assert_eq(b.cookie_lo, (uint32_t)e.cookie);
	seen++;
	cr_assert_eq(seen, r->n_recs);
	return code;
}

static struct fantail_entry entry(unsigned int op, uint32_t target)
{
	return (struct fantail_entry){ .op = (uint8_t)op, .target = target };
}

static unsigned int simple(unsigned int op, uint32_t target, uint64_t arg0,
			   uint64_t arg1)
{
	struct fantail_entry e = entry(op, target);

	e.arg0 = arg0;
	e.arg1 = arg1;
	return run(CONTROL, e);
}

static unsigned int install(uint32_t handle, unsigned int ctx)
{
	struct fantail_entry e = entry(FANTAIL_OP_CONN_INSTALL, handle);

	e.addr = CONTEXTS + 17 + 256 * ctx;
	return run(CONTROL, e);
}

#define EXPECT(call, code)                                                     \
	do {                                                                   \
		unsigned int got_ = (call);                                    \
		cr_expect_eq(got_, FANTAIL_REFUSE_##code, "%s: got %u", #call, \
			     got_);                                            \
	} while (0)

Test(control, life_of_a_connection)
{
	uint32_t h = HANDLE(7, 3);
	struct fantail_context *c = context(0);

	EXPECT(simple(F(OP_CONN_QUERY), h, 0, 0), NOT_INSTALLED);
	EXPECT(install(h, 0), OK);
	cr_assert_eq(r->n_cmds, 1);
	cr_assert_eq(r->cmds[0].op, 0);
	cr_assert_eq(r->cmds[0].id, 3);
	cr_assert_eq(r->cmds[0].gen, 7);
	cr_assert_arr_eq(r->ctx, c, sizeof(*c), "context as written");
	EXPECT(install(HANDLE(8, 3), 0), INSTALLED);
	EXPECT(install(HANDLE(8, 4), 0), TUPLE_EXISTS);
	EXPECT(simple(F(OP_CONN_QUERY), HANDLE(8, 4), 0, 0), NOT_INSTALLED);
	EXPECT(simple(F(OP_CONN_QUERY), HANDLE(6, 3), 0, 0), NOT_INSTALLED);
	EXPECT(simple(F(OP_CONN_QUERY), h, 0, 0), OK);
	EXPECT(simple(F(OP_CONN_UPDATE), h, 1, 536), OK);
	cr_assert_eq(r->cmds[2].op, 1);
	cr_assert_eq(r->cmds[2].arg, 1);
	cr_assert_eq(r->cmds[2].value, 536);
	EXPECT(simple(F(OP_GROUP_JOIN), h, 2, 0), OK);
	EXPECT(simple(F(OP_GROUP_JOIN), h, 2, 0), OK);
	EXPECT(simple(F(OP_GROUP_JOIN), h, 15, 0), OK);
	EXPECT(simple(F(OP_CONN_RELEASE), h, 0, 0), IN_GROUP);
	EXPECT(simple(F(OP_GROUP_LEAVE), h, 2, 0), OK);
	EXPECT(simple(F(OP_GROUP_LEAVE), h, 2, 0), OK);
	EXPECT(simple(F(OP_CONN_RELEASE), h, 0, 0), IN_GROUP);
	EXPECT(simple(F(OP_GROUP_LEAVE), h, 15, 0), OK);
	EXPECT(simple(F(OP_CONN_CLOSE), h, 0, 0), OK);
	EXPECT(simple(F(OP_CONN_RELEASE), h, 0, 0), OK);
	cr_assert_eq(r->cmds[r->n_cmds - 1].op, 4);
	cr_assert(!r->flow_used[3]);
	EXPECT(simple(F(OP_CONN_ABORT), h, 0, 0), NOT_INSTALLED);
	EXPECT(install(HANDLE(8, 3), 0), OK);
}

Test(control, contexts_are_checked)
{
	struct fantail_context *c = context(0);

	c->mss = 63;
	EXPECT(install(1, 0), CONTEXT);
	c->mss = 1461;
	EXPECT(install(1, 0), CONTEXT);
	c = context(0);
	c->snd_wscale = 15;
	EXPECT(install(1, 0), CONTEXT);
	c = context(0);
	c->rcv_wscale = 15;
	EXPECT(install(1, 0), CONTEXT);
	c = context(0);
	c->snd_wnd++;
	EXPECT(install(1, 0), CONTEXT);
	c = context(0);
	c->flags = 8;
	EXPECT(install(1, 0), CONTEXT);
	c->flags = 6;
	EXPECT(install(1, 0), CONTEXT);
	c = context(0);
	c->rsvd0[55] = 1;
	EXPECT(install(1, 0), CONTEXT);
	context(0);
	r->bad_lo = CONTEXTS + 100;
	r->bad_hi = CONTEXTS + 101;
	EXPECT(install(1, 0), DMA_READ);
	cr_assert_eq(r->n_cmds, 0);
	r->bad_hi = 0;
	EXPECT(install(1, 0), OK);
}

/* Two reasons at once: the smaller code is reported. */
Test(control, refusals_come_in_order)
{
	struct fantail_entry e = entry(FANTAIL_OP_PUBLISH, 999);

	context(0);
	context(1);
	EXPECT(install(1, 0), OK);
	e.addr = ARENA;
	e.op = 13;
	e.rsvd0 = 1;
	EXPECT(run(DATA, e), UNKNOWN_OP);
	EXPECT(run(CONTROL, e), UNKNOWN_OP);
	e.op = FANTAIL_OP_PUBLISH;
	EXPECT(run(CONTROL, e), RESERVED);
	e.rsvd0 = 0;
	EXPECT(run(CONTROL, e), WRONG_RING);
	EXPECT(run(DATA, e), LENGTH);
	e.len = LOG_BYTES / 4 + 1;
	EXPECT(run(DATA, e), LENGTH);
	e.len = LOG_BYTES / 4;
	EXPECT(run(DATA, e), ID_RANGE);
	e.flags = FANTAIL_FLAG_GROUP;
	EXPECT(run(DATA, e), GROUP_RANGE);
	e.flags = FANTAIL_FLAG_GROUP | FANTAIL_FLAG_INLINE;
	EXPECT(run(DATA, e), RESERVED);
	e.flags = FANTAIL_FLAG_LIST;
	EXPECT(run(DATA, e), RESERVED); /* target beside a list */
	e.target = 0;
	e.flags = FANTAIL_FLAG_LIST | FANTAIL_FLAG_GROUP;
	EXPECT(run(DATA, e), RESERVED); /* one or the other */
	e.flags = FANTAIL_FLAG_LIST;
	e.list_addr = LISTS + 2;
	EXPECT(run(DATA, e), LENGTH);
	e.list_len = CONNECTIONS + 1;
	EXPECT(run(DATA, e), LENGTH);
	e.list_len = CONNECTIONS;
	EXPECT(run(CONTROL, e), WRONG_RING);
	EXPECT(run(DATA, e), LIST_ALIGN);
	e.list_addr = LISTS;
	e.flags = 0;
	EXPECT(run(DATA, e), RESERVED); /* list without LIST */
	e.list_len = 0;
	EXPECT(run(DATA, e), RESERVED);
	e.list_addr = 0;
	/* marks: of DATA, and of payloads or nothing */
	e = (struct fantail_entry){ .flags = FANTAIL_FLAG_REPORT_DELIVERED };
	EXPECT(run(CONTROL, e), UNSUPPORTED);
	EXPECT(run(DATA, e), OK);
	e.op = FANTAIL_OP_CONN_QUERY;
	e.target = 1;
	EXPECT(run(DATA, e), UNSUPPORTED);
	e.flags = 0;
	e.arg0 = FANTAIL_QUERY_DRAINED + 1;
	EXPECT(run(DATA, e), RESERVED);
	EXPECT(simple(F(OP_GROUP_JOIN), 2, 99, 1), RESERVED);
	EXPECT(simple(F(OP_GROUP_JOIN), CONNECTIONS, 99, 0), ID_RANGE);
	EXPECT(simple(F(OP_GROUP_JOIN), 2, 99, 0), NOT_INSTALLED);
	EXPECT(simple(F(OP_GROUP_JOIN), 1, 16, 0), GROUP_RANGE);
	EXPECT(simple(F(OP_GROUP_JOIN), 1, 1ull << 32, 0), GROUP_RANGE);
	EXPECT(simple(F(OP_CONN_UPDATE), 2, 9, 0), NOT_INSTALLED);
	EXPECT(simple(F(OP_CONN_UPDATE), 1, 9, 0), UPDATE_CODE);
	EXPECT(simple(F(OP_CONN_UPDATE), 1, 1, 63), CONTEXT);
	EXPECT(simple(F(OP_CONN_UPDATE), 1, 3, 3), CONTEXT);
	EXPECT(simple(F(OP_CONN_UPDATE), 1, 3, 1ull << 32), CONTEXT);
	EXPECT(simple(F(OP_NOP), 1, 0, 0), RESERVED);
	EXPECT(simple(F(OP_NOP), 0, 0, 0), OK);
	e = entry(FANTAIL_OP_NOP, 0);
	e.flags = FANTAIL_FLAG_COLLECT;
	EXPECT(run(DATA, e), OK);
	e = entry(FANTAIL_OP_CONN_QUERY, 1);
	e.flags = FANTAIL_FLAG_COLLECT;
	EXPECT(run(DATA, e), RESERVED);
	EXPECT(install(CONNECTIONS, 1), ID_RANGE);
	EXPECT(install(HANDLE(1, 1), 1), INSTALLED);
	cr_assert_eq(r->n_cmds, 1, "a refused entry changes nothing");
	cr_assert_eq(r->n_walks, 0);
}

static unsigned int frame(unsigned int op, uint64_t addr, uint32_t len)
{
	struct fantail_entry e = entry(op, 0);

	e.addr = addr;
	e.len = len;
	r->frame_bytes[0] = 0;
	r->frame_bytes[1] = 0;
	return run(CONTROL, e);
}

Test(control, frames_arrive_whole)
{
	static const unsigned int sizes[] = { 14, 63, 64, 65, 1513, 1514 };

	EXPECT(frame(F(OP_FRAME_TX), ARENA, 13), LENGTH);
	EXPECT(frame(F(OP_FRAME_TX), ARENA, 1515), LENGTH);
	for (unsigned int i = 0; i < 6; i++) {
		for (unsigned int off = 0; off < 64; off += 7) {
			uint64_t at = ARENA + 0xfc0 + off;

			r->stall = off % 3;
			EXPECT(frame(F(OP_FRAME_TX), at, sizes[i]), OK);
			cr_assert_eq(r->frame_bytes[0], sizes[i]);
			cr_assert_arr_eq(r->frame[0], rig_mem(r, at), sizes[i]);
		}
	}
	EXPECT(frame(F(OP_FRAME_INJECT), ARENA + 3, 200), OK);
	cr_assert_eq(r->frame_bytes[1], 200);
	cr_assert_arr_eq(r->frame[1], rig_mem(r, ARENA + 3), 200);
	r->inj_hit = false;
	EXPECT(frame(F(OP_FRAME_INJECT), ARENA + 3, 200), INJECT_MISSED);
	r->bad_lo = ARENA + 0x400;
	r->bad_hi = ARENA + 0x401;
	EXPECT(frame(F(OP_FRAME_TX), ARENA + 3, 1514), DMA_READ);
	cr_assert_eq(r->frame_bytes[0], 0, "nothing of it was sent");
	EXPECT(frame(F(OP_FRAME_TX), ARENA + 0x2000, 100), OK);
	cr_assert_arr_eq(r->frame[0], rig_mem(r, ARENA + 0x2000), 100);
}

static unsigned int give_back(uint32_t n, uint64_t s0, uint64_t s1, uint64_t s2)
{
	struct fantail_entry e = entry(FANTAIL_OP_RECV_RETURN, 0);

	e.len = n;
	e.arg0 = s0;
	e.arg1 = s1;
	e.arg2 = s2;
	return run(CONTROL, e);
}

Test(control, slots_come_back_all_or_none)
{
	context(0);
	EXPECT(install(HANDLE(7, 5), 0), OK);
	for (unsigned int i = 0; i < 16; i++)
		r->handed[i] = true;
	r->p.slot_count = 20;
	EXPECT(give_back(0, 0, 0, 0), LENGTH);
	EXPECT(give_back(13, 0, 0, 0), LENGTH);
	EXPECT(give_back(2, 0x00140005, 0, 0), SLOT); /* 20: out of range */
	EXPECT(give_back(2, 0x00110005, 0, 0), SLOT); /* 17: not out */
	EXPECT(give_back(2, 0x00050005, 0, 0), SLOT); /* twice */
	cr_assert(r->handed[5]);
	cr_assert_eq(r->n_cmds, 1);
	EXPECT(give_back(3, 0x0004000500060007 >> 16, 0, 0), OK);
	cr_assert(!r->handed[4] && !r->handed[5] && !r->handed[6]);
	/* only connection 5 lives, under the slot's generation */
	cr_assert_eq(r->n_cmds, 2);
	cr_assert_eq(r->cmds[1].op, 7);
	cr_assert_eq(r->cmds[1].id, 5);
	cr_assert_eq(r->cmds[1].gen, 7);
	cr_assert_eq(r->cmds[1].value, 105);
	EXPECT(give_back(9, 0x0003000200010000, 0x000a000900080007, 11), OK);
	cr_assert(!r->handed[11] && r->handed[12]);
}

/* CONTROL goes on while DATA waits for log space. */
Test(control, control_does_not_wait_for_data)
{
	struct fantail_entry e = entry(FANTAIL_OP_PUBLISH, 0);

	r->free_log = false;
	e.addr = ARENA;
	e.len = LOG_BYTES / 4;
	for (unsigned int i = 0; i < 5; i++) {
		r->want[r->n_want++] = e;
		rig_put(r, DATA, &e);
	}
	rig_bell(r);
	for (int i = 0; i < 3000; i++)
		rig_cycle(r);
	cr_assert_eq(r->p.log_wait, 1);
	e = entry(FANTAIL_OP_FRAME_TX, 0);
	e.addr = ARENA;
	e.len = 60;
	rig_put(r, CONTROL, &e);
	rig_bell(r);
	for (int i = 0; i < 200; i++)
		rig_cycle(r);
	cr_assert_eq(r->n_frames[0], 1);
	cr_assert_eq(r->p.control_head, 1);
}
