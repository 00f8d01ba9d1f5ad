// SPDX-License-Identifier: Apache-2.0
/* Transmit multiplexer: order, padding, no mixing of frames. */
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENGINE,
	HOST,
	SOURCES
};

struct source {
	struct frame frame[QUEUE];
	unsigned int wr, rd, sent;
	int off;
};

struct line {
	struct source s[SOURCES];
	uint8_t out[FRAME_MAX];
	int len;
	unsigned int bytes;
};

static void fill(uint32_t *data, const struct frame *f, int off, int n)
{
	uint8_t beat[64];

	memset(beat, 0x5A, sizeof(beat));
	memcpy(beat, f->b + off, (size_t)n);
	memcpy(data, beat, sizeof(beat));
}

static int beat_bytes(const struct source *s)
{
	int n = s->frame[s->rd % QUEUE].len - s->off;

	return n < 64 ? n : 64;
}

static void advance(struct source *s, bool valid, bool ready)
{
	if (!valid || !ready)
		return;
	s->off += beat_bytes(s);
	if (s->off == s->frame[s->rd % QUEUE].len) {
		s->off = 0;
		s->rd++;
	}
}

static void drive(struct bench *b, struct line *l)
{
	struct net_pins *p = &b->p;
	struct source *e = &l->s[ENGINE], *h = &l->s[HOST];
	const struct frame *ef = &e->frame[e->rd % QUEUE];
	const struct frame *hf = &h->frame[h->rd % QUEUE];
	int n;

	p->eng_valid = e->rd != e->wr;
	if (p->eng_valid) {
		n = beat_bytes(e);
		fill(p->eng_data, ef, e->off, n);
		p->eng_keep = n == 64 ? ~0ull : (1ull << n) - 1;
		p->eng_last = e->off + n == ef->len;
	}
	p->htx_valid = h->rd != h->wr;
	if (p->htx_valid) {
		n = beat_bytes(h);
		fill(p->htx_data, hf, h->off, n);
		p->htx_bytes = (uint64_t)n;
		p->htx_last = h->off + n == hf->len;
	}
}

/* A whole frame came out: it is the next one of one of the sources. */
static void check_frame(struct line *l)
{
	for (int k = 0; k < SOURCES; k++) {
		struct source *s = &l->s[k];
		const struct frame *f = &s->frame[s->sent % QUEUE];
		int want = f->len < 60 ? 60 : f->len;
		uint8_t padded[FRAME_MAX] = { 0 };

		if (s->sent == s->rd)
			continue;
		memcpy(padded, f->b, (size_t)f->len);
		if (l->len == want && !memcmp(padded, l->out, (size_t)want)) {
			s->sent++;
			return;
		}
	}
	cr_assert_fail("a frame that nobody sent, %d bytes", l->len);
}

static void take(struct bench *b, struct line *l, bool ready)
{
	const struct net_pins *p = &b->p;

	if (!p->tx_valid || !ready)
		return;
	for (int i = 0; i < 64; i++) {
		uint8_t byte = (uint8_t)(p->tx_data[i / 4] >> i % 4 * 8);

		if (p->tx_keep >> i & 1)
			l->out[l->len++] = byte;
		else
			cr_assert_eq(byte, 0, "byte beyond tkeep");
	}
	if (p->tx_last) {
		check_frame(l);
		l->bytes += (unsigned int)l->len;
		l->len = 0;
	} else {
		cr_assert_eq(p->tx_keep, ~0ull);
	}
}

Test(transmit, two_sources)
{
	struct line *l = calloc(1, sizeof(*l));
	struct bench *b = bench_new();

	cr_assert_not_null(l);
	for (int n = 0; n < 20000; n++) {
		struct source *s = &l->s[bench_rnd(b) % SOURCES];
		bool ready = b->p.tx_ready;

		if (n % 1000 == 0)
			b->stall = bench_rnd(b) % 80;
		if (bench_rnd(b) % 8 == 0 && s->wr - s->sent < 20) {
			struct frame *f = &s->frame[s->wr % QUEUE];

			f->len = 14 + (int)(bench_rnd(b) %
					    (bench_rnd(b) % 2 ? 100 : 1501));
			for (int i = 0; i < f->len; i++)
				f->b[i] = (uint8_t)bench_rnd(b);
			s->wr++;
		}
		drive(b, l);
		/* A host frame goes first when both begin. */
		bench_cycle(b);
		if (b->p.htx_valid && l->s[HOST].off == 0 &&
		    l->s[ENGINE].off == 0)
			cr_assert_not(b->p.eng_valid && b->p.eng_ready);
		advance(&l->s[ENGINE], b->p.eng_valid, b->p.eng_ready);
		advance(&l->s[HOST], b->p.htx_valid, b->p.htx_ready);
		take(b, l, ready);
	}
	cr_assert_gt(b->n.tx_frames, 500);
	cr_assert_eq(b->n.tx_frames, l->s[ENGINE].sent + l->s[HOST].sent);
	cr_assert_eq(b->n.tx_bytes, l->bytes + (unsigned int)l->len);
	cr_assert_leq(b->n.tx_host_frames - l->s[HOST].sent, 1);
	cr_assert(b->n.tx_blocked > 0 && b->n.tx_busy > 0);
	bench_free(b);
	free(l);
}
