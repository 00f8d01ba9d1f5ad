// SPDX-License-Identifier: Apache-2.0
/* Flow table against a model: which rows a tuple may be in, who is there. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#define IDS  64
#define ROWS (IDS / 4)
#define POOL 400

struct model {
	struct tuple tuple[POOL];
	int id[POOL];	/* -1: not in the table */
	int side[POOL]; /* row it is in: 0 left, 1 right */
	int used[2][ROWS];
	int touched; /* operation under way on this one */
	unsigned int lookups, hits;
	int asked[QUEUE]; /* tuples of the frames under way */
	unsigned int ask_wr, ask_rd;
};

static unsigned int row(const struct tuple *t, int side)
{
	return toeplitz(t) >> (side * 16) & (ROWS - 1);
}

/* What an insert must answer; the table follows. */
static unsigned int model_insert(struct model *m, int i, int id)
{
	unsigned int l = row(&m->tuple[i], 0), r = row(&m->tuple[i], 1);
	int side = m->used[1][r] < m->used[0][l];

	if (m->id[i] >= 0)
		return 1;
	if (m->used[0][l] == 4 && m->used[1][r] == 4)
		return 2;
	m->id[i] = id;
	m->side[i] = side;
	m->used[side][side ? r : l]++;
	return 0;
}

static unsigned int model_delete(struct model *m, int i)
{
	if (m->id[i] < 0)
		return 1;
	m->used[m->side[i]][row(&m->tuple[i], m->side[i])]--;
	m->id[i] = -1;
	return 0;
}

static void on_seg(struct bench *b, const struct seg *s)
{
	struct model *m = b->arg;
	int i = m->asked[m->ask_rd++ % QUEUE];
	struct verdict v = { .kind = KIND_DROP };

	cr_assert_eq(memcmp(&s->tuple, &m->tuple[i], sizeof(s->tuple)), 0);
	m->lookups++;
	m->hits += s->hit;
	if (i != m->touched) {
		cr_assert_eq(s->hit, m->id[i] >= 0, "tuple %d hit %d", i,
			     s->hit);
		if (s->hit)
			cr_assert_eq((int)s->id, m->id[i]);
	}
	bench_verdict(b, &v);
}

static void ask(struct bench *b, struct model *m, int i)
{
	struct frame f;

	if (m->ask_wr - m->ask_rd > 40)
		return;
	frame_ack(&f, &m->tuple[i]);
	bench_mac(b, &f);
	m->asked[m->ask_wr++ % QUEUE] = i;
}

static struct model *setup(struct bench *b)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.touched = -1;
	for (int i = 0; i < POOL; i++) {
		/* Half of them look like clients behind one address. */
		m.tuple[i].local_ip = 0xC0000201;
		m.tuple[i].local_port = 9000;
		m.tuple[i].remote_ip = i & 1 ? 0x0A000202 : bench_rnd(b);
		m.tuple[i].remote_port =
			(uint16_t)(i & 1 ? 32768 + i : (int)bench_rnd(b));
		m.id[i] = -1;
	}
	b->arg = &m;
	b->on_seg = on_seg;
	return &m;
}

Test(flow, hash_is_the_published_one)
{
	/* Verification suite of receive-side scaling, TCP over IPv4 */
	struct tuple t = { 0xA18E6450, 0x420995BB, 1766, 2794 };

	cr_assert_eq(toeplitz(&t), 0x51ccc178);
}

static void random_operations(unsigned int rounds, unsigned int stall,
			      unsigned int fill)
{
	struct bench *b = bench_new();
	struct model *m = setup(b);
	unsigned int full = 0, exists = 0, removed = 0;

	b->stall = stall;
	b->gap = stall;
	for (unsigned int n = 0; n < rounds; n++) {
		int i = (int)(bench_rnd(b) % POOL);
		int id = (int)(bench_rnd(b) % IDS);
		unsigned int got, want;

		for (int k = 0; k < 3; k++)
			ask(b, m, (int)(bench_rnd(b) % POOL));
		ask(b, m, i);
		bench_run(b, bench_rnd(b) % 4);
		/* While it runs its own tuple may be seen before or after. */
		m->touched = i;
		if (bench_rnd(b) % 100 < fill) {
			struct model before = *m;

			want = model_insert(m, i, id);
			got = bench_flow(b, FLOW_INSERT, &before.tuple[i],
					 (unsigned int)id);
			full += want == 2;
			exists += want == 1;
		} else {
			want = model_delete(m, i);
			got = bench_flow(b, FLOW_DELETE, &m->tuple[i], 0);
			removed += want == 0;
		}
		cr_assert_eq(got, want, "answer %u, not %u", got, want);
		/* Frames of before the operation leave first. */
		if (n % 4 == 0) {
			bench_drain(b);
			m->touched = -1;
			ask(b, m, i);
			bench_drain(b);
		}
		while (m->ask_rd != m->ask_wr)
			bench_cycle(b);
		m->touched = -1;
	}
	bench_drain(b);
	cr_assert(full && exists && removed && m->hits && m->hits < m->lookups);
	bench_free(b);
}

Test(flow, random_operations)
{
	random_operations(4000, 0, 75);
}

Test(flow, random_operations_with_stalls)
{
	random_operations(3000, 50, 75);
}

/* The answer does not wait for the ACK stage. */
Test(flow, operation_while_segments_stand)
{
	struct bench *b = bench_new();
	struct model *m = setup(b);

	b->hold_segs = true;
	m->touched = -1;
	cr_assert_eq(model_insert(m, 1, 11), 0);
	cr_assert_eq(bench_flow(b, FLOW_INSERT, &m->tuple[1], 11), 0);
	for (int i = 0; i < 8; i++)
		ask(b, m, i);
	bench_run(b, 60);
	cr_assert_eq(m->lookups, 0);
	/* A tuple that none of them asks for. */
	for (int k = 0; k < 3; k++) {
		cr_assert_eq(model_insert(m, 20, 9), 0);
		cr_assert_eq(bench_flow(b, FLOW_INSERT, &m->tuple[20], 9), 0);
		cr_assert_eq(model_delete(m, 20), 0);
		cr_assert_eq(bench_flow(b, FLOW_DELETE, &m->tuple[20], 0), 0);
	}
	b->hold_segs = false;
	bench_drain(b);
	cr_assert_eq(m->lookups, 8);
	cr_assert_eq(m->hits, 1);
	bench_free(b);
}

/* A key takes its place when it is inserted, and is found when it is enabled. */
Test(flow, found_when_enabled)
{
	struct bench *b = bench_new();
	struct model *m = setup(b);

	m->touched = -1;
	cr_assert_eq(bench_flow_op(b, FLOW_ENABLE, &m->tuple[1], 0), 1);
	cr_assert_eq(bench_flow_op(b, FLOW_INSERT, &m->tuple[1], 11), 0);
	ask(b, m, 1);
	bench_drain(b);
	cr_assert_eq(m->lookups, 1);
	cr_assert_eq(m->hits, 0);
	cr_assert_eq(bench_flow_op(b, FLOW_INSERT, &m->tuple[1], 12), 1);
	cr_assert_eq(model_insert(m, 1, 11), 0);
	cr_assert_eq(bench_flow_op(b, FLOW_ENABLE, &m->tuple[1], 0), 0);
	ask(b, m, 1);
	bench_drain(b);
	cr_assert_eq(m->hits, 1);
	cr_assert_eq(bench_flow(b, FLOW_DELETE, &m->tuple[1], 0), 0);
	cr_assert_eq(bench_flow_op(b, FLOW_ENABLE, &m->tuple[1], 0), 1);
	bench_free(b);
}

/* Every connection of the engine fits, also when ports are consecutive. */
Test(flow, as_many_keys_as_connections)
{
	struct bench *b = bench_new();
	struct tuple t = { 0xC0000201, 0x0A000202, 9000, 0 };

	for (int n = 0; n < 40; n++) {
		uint16_t base = (uint16_t)bench_rnd(b);

		t.remote_ip = n & 1 ? 0x0A000202 : bench_rnd(b);
		for (unsigned int i = 0; i < IDS; i++) {
			t.remote_port = (uint16_t)(base + i);
			cr_assert_eq(bench_flow(b, FLOW_INSERT, &t, i), 0,
				     "key %u, base %u", i, base);
		}
		for (unsigned int i = 0; i < IDS; i++) {
			t.remote_port = (uint16_t)(base + i);
			cr_assert_eq(bench_flow(b, FLOW_DELETE, &t, 0), 0);
		}
	}
	bench_free(b);
}
