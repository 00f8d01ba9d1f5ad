/* SPDX-License-Identifier: Apache-2.0 */
#include "fanout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

enum {
	MEMBERS_MAX = 65536,
	BATCHES_MAX = 1 << 20,
};

/* A member's way through the batches: the next byte is of @batch. */
struct cursor {
	uint64_t batch;
	uint32_t done; /* bytes of it */
};

struct member {
	struct cursor sent, acked;
	uint32_t unacked; /* of before it joined */
	bool in;
	/* places */
	uint64_t batches;
	double sum, min, max;
};

struct batch {
	uint32_t *bytes; /* by member, or NULL */
	uint32_t each;
	uint32_t targets; /* when it was announced */
	uint32_t started; /* have got their first byte */
	uint32_t unsent;  /* have not got their last byte */
	uint32_t unacked; /* have not acknowledged it */
	bool rung, some_acked;
	struct fantail_fanout_time doorbell, first, last, acked;
};

struct spread {
	struct fantail_histogram cycles, ns;
};

struct fantail_fanout {
	uint32_t members, capacity;
	uint32_t in; /* members that take part */
	bool full;
	struct member *member;
	/* batches [tail, head), a ring; those from @rung on are not rung */
	struct batch *batch;
	uint64_t tail, head, rung;
	uint64_t left, acked, stray;
	uint64_t leaving; /* rung, and not wholly sent */
	uint64_t queued;
	struct spread first_spread, last_spread, acked_spread;
};

int fantail_fanout_open(uint32_t members, uint32_t batches,
			struct fantail_fanout **out)
{
	struct fantail_fanout *f;

	if (!members || members > MEMBERS_MAX || !batches ||
	    batches > BATCHES_MAX)
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->members = members;
	f->capacity = batches;
	f->member = calloc(members, sizeof(*f->member));
	f->batch = calloc(batches, sizeof(*f->batch));
	if (!f->member || !f->batch) {
		fantail_fanout_close(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

static struct batch *batch_at(const struct fantail_fanout *f, uint64_t n)
{
	return &f->batch[n % f->capacity];
}

void fantail_fanout_close(struct fantail_fanout *f)
{
	if (!f)
		return;
	for (; f->batch && f->tail < f->head; f->tail++)
		free(batch_at(f, f->tail)->bytes);
	free(f->batch);
	free(f->member);
	free(f);
}

static uint32_t share(const struct batch *b, uint32_t member)
{
	return b->bytes ? b->bytes[member] : b->each;
}

static void count(struct spread *s, const struct batch *b,
		  struct fantail_fanout_time at)
{
	fantail_histogram_add(&s->cycles, at.cycle - b->doorbell.cycle);
	fantail_histogram_add(&s->ns, at.ns - b->doorbell.ns);
}

static void all_sent(struct fantail_fanout *f, const struct batch *b)
{
	f->leaving -= b->rung;
	/* everybody was gone before */
	if (!b->started)
		return;
	f->left++;
	count(&f->first_spread, b, b->first);
	count(&f->last_spread, b, b->last);
}

static void all_acked(struct fantail_fanout *f, const struct batch *b)
{
	if (!b->some_acked)
		return;
	f->acked++;
	count(&f->acked_spread, b, b->acked);
}

static void retire(struct fantail_fanout *f)
{
	for (; f->tail < f->head; f->tail++) {
		struct batch *b = batch_at(f, f->tail);

		if (b->unsent || b->unacked)
			return;
		free(b->bytes);
		b->bytes = NULL;
	}
}

int fantail_fanout_join(struct fantail_fanout *f, uint32_t member,
			uint32_t unacked)
{
	struct member *m;

	if (member >= f->members || f->member[member].in)
		return -EINVAL;
	m = &f->member[member];
	m->in = true;
	m->unacked = unacked;
	m->sent = m->acked = (struct cursor){ .batch = f->head };
	f->in++;
	return 0;
}

void fantail_fanout_gone(struct fantail_fanout *f, uint32_t member)
{
	struct member *m;
	uint64_t n;

	if (member >= f->members || !f->member[member].in)
		return;
	m = &f->member[member];
	m->in = false;
	f->in--;
	n = m->acked.batch < f->tail ? f->tail : m->acked.batch;
	for (; n < f->head; n++) {
		struct batch *b = batch_at(f, n);

		if (!share(b, member))
			continue;
		/* the cursor of what is sent is never behind */
		if (n >= m->sent.batch && !--b->unsent)
			all_sent(f, b);
		if (!--b->unacked)
			all_acked(f, b);
	}
	retire(f);
}

int fantail_fanout_batch(struct fantail_fanout *f, const uint32_t *bytes,
			 uint32_t each)
{
	struct batch b = { .each = each, .targets = each ? f->in : 0 };
	uint32_t i;

	if (f->full)
		return -ENOSPC;
	if (f->head - f->tail == f->capacity) {
		f->full = true;
		return -ENOSPC;
	}
	if (bytes) {
		b.targets = 0;
		b.bytes = calloc(f->members, sizeof(*b.bytes));
		if (!b.bytes) {
			f->full = true;
			return -ENOMEM;
		}
		for (i = 0; i < f->members; i++) {
			b.bytes[i] = f->member[i].in ? bytes[i] : 0;
			b.targets += b.bytes[i] != 0;
		}
	}
	b.unsent = b.unacked = b.targets;
	*batch_at(f, f->head++) = b;
	retire(f);
	return 0;
}

void fantail_fanout_rung(struct fantail_fanout *f,
			 struct fantail_fanout_time now)
{
	for (; f->rung < f->head; f->rung++) {
		struct batch *b = batch_at(f, f->rung);

		b->rung = true;
		b->doorbell = now;
		if (!b->unsent)
			continue;
		f->queued += f->leaving > 0;
		f->leaving++;
	}
}

/* The batch that the next byte belongs to, or NULL. */
static struct batch *next_batch(const struct fantail_fanout *f, uint32_t member,
				struct cursor *c)
{
	/* what has retired had nothing for it any more */
	if (c->batch < f->tail)
		*c = (struct cursor){ .batch = f->tail };
	for (; c->batch < f->head; c->batch++, c->done = 0) {
		struct batch *b = batch_at(f, c->batch);

		if (c->done < share(b, member))
			return b;
	}
	return NULL;
}

static void take_place(struct batch *b, struct member *m,
		       struct fantail_fanout_time now)
{
	double place;

	if (!b->started)
		b->first = now;
	if (b->targets > 1) {
		place = (double)b->started / (double)(b->targets - 1);
		m->sum += place;
		if (!m->batches || place < m->min)
			m->min = place;
		if (!m->batches || place > m->max)
			m->max = place;
		m->batches++;
	}
	b->started++;
}

void fantail_fanout_sent(struct fantail_fanout *f, uint32_t member,
			 uint32_t bytes, struct fantail_fanout_time now)
{
	struct member *m;
	struct batch *b;
	uint32_t n;

	if (f->full || member >= f->members || !f->member[member].in)
		return;
	m = &f->member[member];
	for (; bytes; bytes -= n) {
		b = next_batch(f, member, &m->sent);
		if (!b) {
			f->stray += bytes;
			return;
		}
		/* ahead of its doorbell: nothing could tell the time */
		if (!b->rung)
			fantail_fanout_rung(f, now);
		if (!m->sent.done)
			take_place(b, m, now);
		n = share(b, member) - m->sent.done;
		if (n > bytes)
			n = bytes;
		m->sent.done += n;
		if (m->sent.done < share(b, member))
			continue;
		m->sent.batch++;
		m->sent.done = 0;
		b->last = now;
		if (!--b->unsent)
			all_sent(f, b);
	}
}

void fantail_fanout_acked(struct fantail_fanout *f, uint32_t member,
			  uint32_t bytes, struct fantail_fanout_time now)
{
	struct member *m;
	struct batch *b;
	uint32_t n;

	if (f->full || member >= f->members || !f->member[member].in)
		return;
	m = &f->member[member];
	n = bytes < m->unacked ? bytes : m->unacked;
	m->unacked -= n;
	for (bytes -= n; bytes; bytes -= n) {
		b = next_batch(f, member, &m->acked);
		/* a FIN has a number, and no byte of a batch */
		if (!b)
			break;
		n = share(b, member) - m->acked.done;
		if (n > bytes)
			n = bytes;
		m->acked.done += n;
		if (m->acked.done < share(b, member))
			continue;
		m->acked.batch++;
		m->acked.done = 0;
		b->acked = now;
		b->some_acked = true;
		if (!--b->unacked)
			all_acked(f, b);
	}
	retire(f);
}

static struct fantail_fanout_spread spread_of(const struct fantail_histogram *h)
{
	return (struct fantail_fanout_spread){
		.median = fantail_histogram_quantile(h, 500000),
		.p99 = fantail_histogram_quantile(h, 990000),
		.p999 = fantail_histogram_quantile(h, 999000),
		.max = h->max,
	};
}

void fantail_fanout_get_result(const struct fantail_fanout *f,
			       struct fantail_fanout_result *r)
{
	uint32_t i;

	*r = (struct fantail_fanout_result){
		.batches = f->head,
		.left = f->left,
		.acked = f->acked,
		.queued = f->queued,
		.full = f->full,
		.stray_bytes = f->stray,
		.first_cycles = spread_of(&f->first_spread.cycles),
		.first_ns = spread_of(&f->first_spread.ns),
		.last_cycles = spread_of(&f->last_spread.cycles),
		.last_ns = spread_of(&f->last_spread.ns),
		.acked_cycles = spread_of(&f->acked_spread.cycles),
		.acked_ns = spread_of(&f->acked_spread.ns),
	};
	for (i = 0; i < f->members; i++) {
		const struct member *m = &f->member[i];
		double mean;

		if (!m->batches)
			continue;
		mean = m->sum / (double)m->batches;
		if (!r->members || mean < r->place_mean_min)
			r->place_mean_min = mean;
		if (!r->members || mean > r->place_mean_max)
			r->place_mean_max = mean;
		r->members++;
	}
}

int fantail_fanout_get_places(const struct fantail_fanout *f, uint32_t member,
			      struct fantail_fanout_places *p)
{
	const struct member *m;

	if (member >= f->members)
		return -EINVAL;
	m = &f->member[member];
	*p = (struct fantail_fanout_places){
		.batches = m->batches,
		.mean = m->batches ? m->sum / (double)m->batches : 0,
		.min = m->min,
		.max = m->max,
	};
	return 0;
}
