// SPDX-License-Identifier: Apache-2.0
/* Receive FIFO, parser and delivery against generated frames. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

/* What must come out, in order: segments, then frames in slots. */
struct score {
	struct frame frame[QUEUE];
	struct seg seg[QUEUE];
	bool to_host[QUEUE];
	unsigned int want, got, rec;
	struct counts n;
	unsigned int host_percent;
};

static void same_seg(const struct seg *got, const struct seg *want)
{
	cr_assert_eq(got->frame_len, want->frame_len, "frame_len %u, not %u",
		     got->frame_len, want->frame_len);
	cr_assert_eq(got->tcp, want->tcp, "tcp %d", got->tcp);
	cr_assert_not(got->hit);
	if (!want->tcp)
		return;
	cr_assert_eq(memcmp(&got->tuple, &want->tuple, sizeof(got->tuple)), 0);
	cr_assert_eq(got->seq, want->seq);
	cr_assert_eq(got->ack, want->ack);
	cr_assert_eq(got->flags, want->flags);
	cr_assert_eq(got->wnd, want->wnd);
	cr_assert_eq(got->pay_off, want->pay_off);
	cr_assert_eq(got->pay_len, want->pay_len);
	cr_assert_eq(got->has_ts, want->has_ts, "timestamps %d", got->has_ts);
	if (want->has_ts) {
		cr_assert_eq(got->ts_val, want->ts_val);
		cr_assert_eq(got->ts_ecr, want->ts_ecr);
	}
}

static void on_seg(struct bench *b, const struct seg *seg)
{
	struct score *s = b->arg;
	unsigned int i = s->got % QUEUE;
	struct verdict v = { .kind = KIND_DROP, .frame_len = seg->frame_len };

	cr_assert_lt(s->got, s->want, "a segment too many");
	same_seg(seg, &s->seg[i]);
	s->to_host[i] = bench_rnd(b) % 100 < s->host_percent;
	if (s->to_host[i])
		v.kind = KIND_FRAME;
	s->got++;
	bench_verdict(b, &v);
}

static void on_rec(struct bench *b, const uint8_t *rec)
{
	struct score *s = b->arg;
	unsigned int slot = get16(rec + 2);

	while (s->rec < s->got && !s->to_host[s->rec % QUEUE])
		s->rec++;
	cr_assert_lt(s->rec, s->got);
	cr_assert_eq(rec[0], 6);
	cr_assert_eq(get16(rec + 8), 0);
	cr_assert_eq(get16(rec + 10), s->seg[s->rec % QUEUE].frame_len);
	cr_assert_eq(memcmp(b->slots + slot * 2048, s->frame[s->rec % QUEUE].b,
			    get16(rec + 10)),
		     0, "frame in the slot differs");
	s->rec++;
}

static void expect(struct score *s, const struct frame *f)
{
	unsigned int i = s->want % QUEUE;

	switch (judge(f, &s->seg[i])) {
	case KEEP_TCP:
	case KEEP_OTHER:
		s->frame[i] = *f;
		s->want++;
		break;
	case DROP_SIZE:
		s->n.drop_error++;
		break;
	case DROP_CHECKSUM:
		s->n.drop_checksum++;
		break;
	case DROP_FRAGMENT:
		s->n.drop_fragment++;
		break;
	default:
		s->n.drop_malformed++;
		break;
	}
}

static void run_random(unsigned int frames, unsigned int stall,
		       unsigned int gap)
{
	static struct score score;
	struct bench *b = bench_new();
	struct frame f;

	memset(&score, 0, sizeof(score));
	score.host_percent = 30;
	b->arg = &score;
	b->on_seg = on_seg;
	b->on_rec = on_rec;
	b->stall = stall;
	b->gap = gap;
	bench_enable(b, 64);
	for (unsigned int i = 0; i < frames; i++) {
		frame_random(b, &f);
		if (bench_rnd(b) % 2)
			frame_mutate(b, &f);
		expect(&score, &f);
		bench_mac(b, &f);
		/* The FIFO of 4 KiB must not overflow here. */
		for (int n = 0; b->mac_rd != b->mac_wr || n < 2; n++)
			bench_cycle(b);
		for (int n = 0; score.want != score.got; n++) {
			cr_assert_lt(n, 20000, "a segment is missing");
			bench_cycle(b);
		}
		if (i % 16 == 15) {
			bench_drain(b);
			for (unsigned int k = 0; k < 64; k++)
				bench_slot(b, k, false);
		}
	}
	bench_drain(b);
	cr_assert_eq(score.got, score.want);
	cr_assert_eq(b->n.drop_fifo, 0);
	cr_assert_eq(b->n.drop_no_slot, 0);
	cr_assert_eq(b->n.drop_error, score.n.drop_error);
	cr_assert_eq(b->n.drop_checksum, score.n.drop_checksum);
	cr_assert_eq(b->n.drop_fragment, score.n.drop_fragment);
	cr_assert_eq(b->n.drop_malformed, score.n.drop_malformed);
	cr_assert_eq(b->n.rx_frames, frames - score.n.drop_error);
	cr_assert_eq(b->n.to_host, b->recs);
	/* Every class was met. */
	cr_assert(score.want > frames / 3 && score.n.drop_error &&
		  score.n.drop_checksum && score.n.drop_fragment &&
		  score.n.drop_malformed && b->recs);
	bench_free(b);
}

Test(parse, random_frames)
{
	run_random(3000, 0, 0);
}

Test(parse, random_frames_with_stalls)
{
	run_random(3000, 40, 30);
}

static void answer_drop(struct bench *b, const struct seg *seg)
{
	struct verdict v = { .kind = KIND_DROP, .frame_len = seg->frame_len };

	bench_verdict(b, &v);
}

/* Bare ACKs, as fast as the MAC can bring them. */
Test(parse, small_frames_every_second_cycle)
{
	struct bench *b = bench_new();
	struct tuple t = { 1, 2, 3, 4 };
	struct frame f;
	uint64_t start;

	b->on_seg = answer_drop;
	frame_ack(&f, &t);
	for (int i = 0; i < 500; i++)
		bench_mac(b, &f);
	start = b->cycle;
	bench_drain(b);
	cr_assert_eq(b->n.drop_fifo, 0);
	cr_assert_eq(b->segs, 500);
	cr_assert_leq(b->cycle - start, 2 * 500 + 64, "%u cycles",
		      (unsigned int)(b->cycle - start));
	bench_free(b);
}

/* Nobody takes segments: whole frames are dropped and counted, the rest is
 * intact. */
Test(parse, full_fifo_drops_whole_frames)
{
	static struct score score;
	struct bench *b = bench_new();
	struct frame f;

	b->hold_segs = true;
	for (int i = 0; i < 40; i++) {
		frame_random(b, &f);
		bench_mac(b, &f);
	}
	while (b->mac_rd != b->mac_wr)
		bench_cycle(b);
	bench_run(b, 10);
	cr_assert_gt(b->n.drop_fifo, 0);
	cr_assert_eq(b->n.drop_fifo + b->n.rx_frames, 40);
	b->hold_segs = false;
	b->on_seg = answer_drop;
	bench_drain(b);
	cr_assert_eq(b->segs, b->n.rx_frames);
	cr_assert_eq(b->n.drop_checksum + b->n.drop_malformed, 0);

	memset(&score, 0, sizeof(score));
	b->arg = &score;
	b->on_seg = on_seg;
	for (int i = 0; i < 100; i++) {
		frame_random(b, &f);
		expect(&score, &f);
		bench_mac(b, &f);
		bench_drain(b);
	}
	cr_assert_eq(score.got, 100);
	bench_free(b);
}

/* Injected frames pass between those of the MAC, and each gets one answer. */
Test(parse, inject_is_answered_once)
{
	static struct score score;
	struct bench *b = bench_new();
	struct tuple t = { 0xC0000201, 0xC0000202, 80, 4000 };
	struct frame f;

	memset(&score, 0, sizeof(score));
	cr_assert_eq(bench_flow(b, FLOW_INSERT, &t, 17), 0);
	b->on_seg = answer_drop;
	b->stall = 30;
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int before = b->n.inj_rsp, hits = b->n.inj_hit;
		bool known = i % 3 == 0, broken = i % 3 == 1;
		struct frame other;

		frame_random(b, &other);
		bench_mac(b, &other);
		if (known)
			frame_data(&f, &t, bench_rnd(b) % 300);
		else
			frame_random(b, &f);
		if (broken)
			f.b[14 + 10] ^= 1;
		bench_inject(b, &f);
		bench_drain(b);
		cr_assert_eq(b->n.inj_rsp, before + 1);
		cr_assert_eq(b->n.inj_hit, hits + known);
	}
	cr_assert_eq(b->segs, 300 + 200);
	bench_free(b);
}
