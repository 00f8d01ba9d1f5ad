// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int get16(const uint8_t *p)
{
	return p[0] | (unsigned int)p[1] << 8;
}

uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

uint32_t bench_rnd(struct bench *b)
{
	b->rng ^= b->rng << 13;
	b->rng ^= b->rng >> 7;
	b->rng ^= b->rng << 17;
	return (uint32_t)(b->rng >> 16);
}

static bool chance(struct bench *b, unsigned int percent)
{
	return bench_rnd(b) % 100 < percent;
}

uint32_t stat_of(unsigned int id)
{
	return id * 2654435761u;
}

static void take_seg(struct bench *b)
{
	struct net_pins *p = &b->p;
	struct seg s = {
		.tcp = p->seg_tcp,
		.hit = p->seg_hit,
		.inject = p->seg_inject,
		.has_ts = p->seg_has_ts,
		.id = (unsigned int)p->seg_id,
		.flags = (unsigned int)p->seg_flags,
		.wnd = (unsigned int)p->seg_wnd,
		.pay_off = (unsigned int)p->seg_pay_off,
		.pay_len = (unsigned int)p->seg_pay_len,
		.frame_len = (unsigned int)p->seg_frame_len,
		.tuple = { (uint32_t)p->seg_local_ip,
			   (uint32_t)p->seg_remote_ip,
			   (uint16_t)p->seg_local_port,
			   (uint16_t)p->seg_remote_port },
		.seq = (uint32_t)p->seg_seq,
		.ack = (uint32_t)p->seg_ack,
		.ts_val = (uint32_t)p->seg_ts_val,
		.ts_ecr = (uint32_t)p->seg_ts_ecr,
	};

	b->segs++;
	b->last_seg = s;
	if (b->on_seg)
		b->on_seg(b, &s);
}

/* A line for a slot: bursts are contiguous and as long as they said. */
static void take_line(struct bench *b)
{
	struct net_pins *p = &b->p;
	uint64_t at = p->w_addr - SLOT_BASE;

	cr_assert_eq(p->w_addr % 64, 0);
	cr_assert_lt(at, sizeof(b->slots), "write outside the slots: %llx",
		     (unsigned long long)p->w_addr);
	if (!b->in_burst)
		b->burst_left = (unsigned int)p->w_lines;
	else
		cr_assert_eq(p->w_addr, b->burst_next);
	cr_assert_gt(b->burst_left, 0);
	b->burst_left--;
	cr_assert_eq(p->w_last, b->burst_left == 0, "last and lines disagree");
	b->in_burst = !p->w_last;
	b->burst_next = p->w_addr + 64;
	cr_assert(!b->in_burst || b->burst_next % 2048 != 0, "leaves the slot");
	for (int i = 0; i < 64; i++)
		if (p->w_strb >> i & 1)
			b->slots[at + (uint64_t)i] =
				(uint8_t)(p->w_data[i / 4] >> i % 4 * 8);
}

static void take_outputs(struct bench *b)
{
	struct net_pins *p = &b->p;
	struct counts *n = &b->n;

	n->rx_frames += (unsigned int)p->rx_frames;
	n->rx_bytes += (unsigned int)p->rx_bytes;
	n->drop_fifo += (unsigned int)p->drop_fifo;
	n->drop_error += (unsigned int)p->drop_error;
	n->drop_checksum += (unsigned int)p->drop_checksum;
	n->drop_fragment += (unsigned int)p->drop_fragment;
	n->drop_malformed += (unsigned int)p->drop_malformed;
	n->drop_no_slot += (unsigned int)p->drop_no_slot;
	n->to_host += (unsigned int)p->to_host;
	n->inj_rsp += (unsigned int)p->inj_rsp_valid;
	n->inj_hit += p->inj_rsp_valid && p->inj_rsp_hit;
	n->tx_frames += (unsigned int)p->tx_frames;
	n->tx_bytes += (unsigned int)p->tx_bytes;
	n->tx_host_frames += (unsigned int)p->tx_host_frames;
	n->tx_busy += (unsigned int)p->tx_busy;
	n->tx_blocked += (unsigned int)p->tx_blocked;

	if (p->w_valid && p->w_ready)
		take_line(b);
	if (p->rec_valid && p->rec_ready) {
		cr_assert_not(b->in_burst, "record before its bytes");
		memcpy(b->last_rec, p->rec_data, 32);
		b->recs++;
		if (b->on_rec)
			b->on_rec(b, b->last_rec);
	}
	for (int q = 0; q < 2; q++)
		b->ends[q] += p->period_end >> q & 1;
	if (p->crec_valid && p->crec_ready)
		cr_assert(p->room >> p->crec_qp & 1, "no room");
	if (p->crec_valid && p->crec_ready &&
	    (p->crec_data[0] & 0xFF) == REC_SUMMARY) {
		memcpy(b->last_sum, p->crec_data, 32);
		b->sums[p->crec_qp]++;
		if (b->on_sum)
			b->on_sum(b, b->last_sum);
	} else if (p->crec_valid && p->crec_ready &&
		   (p->crec_data[0] & 0xFF) == REC_DELIVERED) {
		b->marks++;
		if (b->on_mark)
			b->on_mark(b, (const uint8_t *)p->crec_data);
	} else if (p->crec_valid && p->crec_ready) {
		memcpy(b->last_crec, p->crec_data, 32);
		b->crecs++;
		cr_assert_eq(get32(b->last_crec + 8),
			     stat_of(get16(b->last_crec + 4)),
			     "statistics of another connection");
		if (b->on_crec)
			b->on_crec(b, b->last_crec);
	}
	if (p->seg_valid && p->seg_ready)
		take_seg(b);
}

static void put_beat(uint32_t *data, const struct frame *f, int off, int n)
{
	uint8_t beat[64];

	/* What lies behind the last byte is anybody's. */
	memset(beat, 0xA5, sizeof(beat));
	memcpy(beat, f->b + off, (size_t)n);
	memcpy(data, beat, sizeof(beat));
}

static void drive_mac(struct bench *b)
{
	struct net_pins *p = &b->p;
	struct frame *f = &b->mac[b->mac_rd % QUEUE];
	int n;

	p->mac_valid = 0;
	if (b->mac_rd == b->mac_wr || chance(b, b->gap))
		return;
	n = f->len - b->mac_off < 64 ? f->len - b->mac_off : 64;
	put_beat(p->mac_data, f, b->mac_off, n);
	b->mac_off += n;
	p->mac_valid = 1;
	p->mac_keep = n == 64 ? ~0ull : (1ull << n) - 1;
	p->mac_last = b->mac_off == f->len;
	p->mac_user = p->mac_last && f->bad;
	if (p->mac_last) {
		b->mac_off = 0;
		b->mac_rd++;
	}
}

static void drive_inject(struct bench *b, bool taken)
{
	struct net_pins *p = &b->p;
	struct frame *f;
	int n;

	if (p->inj_valid && !taken)
		return;
	p->inj_valid = 0;
	if (b->inj_rd == b->inj_wr)
		return;
	f = &b->inj[b->inj_rd % QUEUE];
	n = f->len - b->inj_off < 64 ? f->len - b->inj_off : 64;
	put_beat(p->inj_data, f, b->inj_off, n);
	b->inj_off += n;
	p->inj_valid = 1;
	p->inj_bytes = (uint64_t)n;
	p->inj_last = b->inj_off == f->len;
	if (p->inj_last) {
		b->inj_off = 0;
		b->inj_rd++;
	}
}

static void drive_verdict(struct bench *b, bool taken)
{
	struct net_pins *p = &b->p;
	struct verdict *v;

	if (p->v_valid && taken)
		b->verdict_rd++;
	p->v_valid = b->verdict_rd != b->verdict_wr;
	v = &b->verdict[b->verdict_rd % QUEUE];
	p->v_kind = v->kind;
	p->v_id = v->id;
	p->v_handle = v->handle;
	p->v_pay_off = v->pay_off;
	p->v_pay_len = v->pay_len;
	p->v_frame_len = v->frame_len;
	p->v_reason = v->reason;
	p->v_ev = v->ev;
	p->v_cause = v->cause;
	p->v_qp = v->qp;
	p->v_fence = v->fence;
}

void bench_cycle(struct bench *b)
{
	struct net_pins *p = &b->p;
	bool inj_taken, verdict_taken;

	net_settle(b->dut, p);
	take_outputs(b);
	/* the acknowledge owner: a fence goes behind what it has judged */
	if (p->fence_valid && p->fence_ready) {
		struct verdict v = { .kind = KIND_NONE,
				     .qp = (unsigned int)p->fence_qp,
				     .fence = 1 };

		bench_verdict(b, &v);
	}
	inj_taken = p->inj_ready;
	verdict_taken = p->v_ready;
	p->stat_acked = stat_of(b->stat_pipe[0]);
	b->stat_pipe[0] = (unsigned int)p->stat_id;
	net_edge(b->dut);
	b->cycle++;

	drive_mac(b);
	drive_inject(b, inj_taken);
	drive_verdict(b, verdict_taken);
	p->seg_ready = !b->hold_segs && !chance(b, b->stall);
	p->w_ready = !b->hold_w && !chance(b, b->stall);
	p->rec_ready = !b->hold_rec && !chance(b, b->stall);
	p->fence_ready = !b->hold_fence && !chance(b, b->stall);
	p->crec_ready = !b->hold_crec && !chance(b, b->stall);
	p->tx_ready = !chance(b, b->stall);
}

void bench_run(struct bench *b, unsigned int cycles)
{
	while (cycles--)
		bench_cycle(b);
}

void bench_drain(struct bench *b)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; quiet < 8; i++) {
		cr_assert_lt(i, 200000, "does not come to rest");
		bench_cycle(b);
		quiet = b->mac_rd == b->mac_wr && b->inj_rd == b->inj_wr &&
					b->verdict_rd == b->verdict_wr &&
					b->p.idle && !b->p.mac_valid &&
					!b->p.inj_valid
				? quiet + 1
				: 0;
	}
}

struct bench *bench_new(void)
{
	static unsigned int benches; /* each of a test is different */
	struct bench *b = calloc(1, sizeof(*b));
	const char *env = getenv("SEED");

	cr_assert_not_null(b);
	b->rng = env ? strtoull(env, NULL, 0) : 20240607;
	if (!benches)
		fprintf(stderr, "SEED=%llu\n", (unsigned long long)b->rng);
	b->rng = (b->rng + benches++) * 0x9E3779B97F4A7C15ull + 1;
	b->mac = calloc(QUEUE, sizeof(*b->mac));
	b->inj = calloc(QUEUE, sizeof(*b->inj));
	cr_assert(b->mac && b->inj);
	b->dut = net_new(bench_rnd(b) | 1);
	b->p.rst = 1;
	b->p.slot_base = SLOT_BASE;
	b->p.run = 3;
	b->p.room = 3;
	bench_run(b, 3);
	b->p.rst = 0;
	/* what was seen before it took effect is random */
	memset(b->ends, 0, sizeof(b->ends));
	do
		bench_cycle(b);
	while (b->p.busy);
	return b;
}

void bench_free(struct bench *b)
{
	net_free(b->dut);
	free(b->mac);
	free(b->inj);
	free(b);
}

void bench_enable(struct bench *b, unsigned int slots)
{
	b->p.slot_count = slots;
	b->p.qp_enable = 1;
	bench_run(b, slots + 8);
}

void bench_mac(struct bench *b, const struct frame *f)
{
	cr_assert_lt(b->mac_wr - b->mac_rd, QUEUE);
	b->mac[b->mac_wr++ % QUEUE] = *f;
}

void bench_inject(struct bench *b, const struct frame *f)
{
	cr_assert_lt(b->inj_wr - b->inj_rd, QUEUE);
	b->inj[b->inj_wr++ % QUEUE] = *f;
}

void bench_verdict(struct bench *b, const struct verdict *v)
{
	cr_assert_lt(b->verdict_wr - b->verdict_rd, QUEUE);
	b->verdict[b->verdict_wr++ % QUEUE] = *v;
}

unsigned int bench_flow_op(struct bench *b, unsigned int op,
			   const struct tuple *t, unsigned int id)
{
	struct net_pins *p = &b->p;
	bool taken = false;

	p->flow_valid = 1;
	p->flow_op = op;
	p->flow_id = id;
	p->flow_local_ip = t->local_ip;
	p->flow_remote_ip = t->remote_ip;
	p->flow_local_port = t->local_port;
	p->flow_remote_port = t->remote_port;
	for (int i = 0; i < 100; i++) {
		/* Pins of the cycle that has just run. */
		bench_cycle(b);
		if (!taken && p->flow_ready) {
			taken = true;
			p->flow_valid = 0;
		}
		if (p->flow_rsp_valid) {
			cr_assert(taken);
			return (unsigned int)p->flow_rsp_code;
		}
	}
	cr_assert_fail("no answer from the flow table");
	return 0;
}

unsigned int bench_flow(struct bench *b, unsigned int op, const struct tuple *t,
			unsigned int id)
{
	unsigned int code = bench_flow_op(b, op, t, id);

	if (op != FLOW_INSERT || code)
		return code;
	return bench_flow_op(b, FLOW_ENABLE, t, 0);
}

struct slot_answer bench_slot(struct bench *b, unsigned int slot, bool check)
{
	struct net_pins *p = &b->p;
	struct slot_answer a = { 0 };

	p->slot_valid = 1;
	p->slot = slot;
	p->slot_check = check;
	for (int i = 0; i < 100; i++) {
		bench_cycle(b);
		if (p->slot_ready)
			p->slot_valid = 0;
		if (p->slot_rsp_valid) {
			a.ok = p->slot_rsp_ok;
			a.id = (unsigned int)p->slot_rsp_id;
			a.gen = (unsigned int)p->slot_rsp_gen;
			a.bytes = (unsigned int)p->slot_rsp_bytes;
			return a;
		}
	}
	cr_assert_fail("no answer about a slot");
	return a;
}
