/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(const uint32_t *w, unsigned int lo, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++)
		v |= (uint64_t)(w[(lo + i) / 32] >> ((lo + i) % 32) & 1) << i;
	return v;
}

unsigned int rig_random(struct rig *r, unsigned int below)
{
	r->rng = r->rng * 1664525u + 1013904223u;
	return (unsigned int)((uint64_t)r->rng * below >> 32);
}

uint8_t *rig_mem(struct rig *r, uint64_t iova)
{
	cr_assert(iova >= IOVA && iova < IOVA + MEM_BYTES, "address %lx",
		  (unsigned long)iova);
	return r->mem + (iova - IOVA);
}

static bool in_lists(uint64_t a)
{
	return a >= LISTS && a < ARENA - 64;
}

static bool stalls(struct rig *r)
{
	return r->stall && rig_random(r, 16) < r->stall;
}

/* A read takes what memory holds when its request is accepted. */
static void axi_outputs(struct rig *r)
{
	struct submit_pins *p = &r->p;

	if (p->ax_rvalid && p->ax_rready) {
		struct burst *b = &r->bursts[r->b_out % 64];

		r->line_cycle = r->now;
		r->list_under_way -= in_lists(b->addr);
		if (++b->done == b->beats)
			r->b_out++;
	}
	if (p->ax_arvalid && p->ax_arready) {
		struct burst *b = &r->bursts[r->b_in++ % 64];
		uint64_t from = p->ax_araddr;

		cr_assert(r->b_in - r->b_out <= 33, "bursts outstanding");
		b->addr = from;
		b->beats = (unsigned int)p->ax_arlen + 1;
		b->done = 0;
		b->due = r->now + r->latency;
		cr_assert(from % 64 == 0 && b->beats <= 8, "burst");
		cr_assert(from / 4096 == (from + b->beats * 64 - 1) / 4096,
			  "burst crosses 4 KiB");
		for (unsigned int i = 0; i < b->beats; i++) {
			uint64_t a = from + i * 64;

			b->bad[i] = a < IOVA || a + 64 > IOVA + MEM_BYTES ||
				    (a + 63 >= r->bad_lo && a < r->bad_hi);
			if (!b->bad[i])
				memcpy(b->bytes + 64 * i, rig_mem(r, a), 64);
			else
				memset(b->bytes + 64 * i, 0xee, 64);
		}
		if (r->ar_cycle == 0)
			r->ar_cycle = r->now;
		r->n_bursts++;
		r->n_lines += b->beats;
		if (in_lists(from)) {
			r->list_lines += b->beats;
			r->list_under_way += b->beats;
		}
	}
}

static void axi_inputs(struct rig *r)
{
	struct submit_pins *p = &r->p;
	struct burst *b = &r->bursts[r->b_out % 64];

	p->ax_arready = !stalls(r);
	/* a beat that was offered stays */
	if (p->ax_rvalid && !p->ax_rready)
		return;
	p->ax_rvalid = r->b_out != r->b_in && b->due <= r->now && !stalls(r);
	if (!p->ax_rvalid)
		return;
	memcpy(p->ax_rdata, b->bytes + 64 * b->done, 64);
	p->ax_rresp = b->bad[b->done] ? 2 : 0;
	p->ax_rlast = b->done + 1 == b->beats;
}

static void take_append(struct rig *r)
{
	const uint32_t *d = r->p.m_append_data;
	unsigned int n = (unsigned int)bits(d, 513, 7);
	unsigned int off = (unsigned int)bits(d, 520, 6);
	uint32_t pos = (uint32_t)bits(d, 526, 32);

	cr_assert(n >= 1 && off + n <= 64, "append off %u bytes %u", off, n);
	cr_assert(pos + n - r->p.log_low <= LOG_BYTES, "log overrun");
	for (unsigned int i = 0; i < n; i++)
		r->log[(pos + i) % LOG_BYTES] = ((const uint8_t *)d)[off + i];
	if (r->appends++ == 0)
		r->append_first = r->now;
	r->append_last = r->now;
}

/* The walk's bytes in the log are the next payloads in host memory. */
static void take_walk(struct rig *r)
{
	const uint32_t *d = r->p.m_walk_data;
	struct walk *w = &r->walks[r->n_walks++ % KEEP];
	uint32_t pos;

	w->last = bits(d, 0, 1);
	w->payloads = (uint32_t)bits(d, 1, 16);
	w->len = (uint32_t)bits(d, 17, 32);
	w->pos = (uint32_t)bits(d, 49, 32);
	w->target = (uint32_t)bits(d, 84, 32);
	w->group = bits(d, 116, 1);
	w->list = bits(d, 117, 1);
	w->first = r->n_handles;
	w->given = 0;
	r->in_list = w->list;
	w->cycle = r->now;
	pos = w->pos;
	for (unsigned int i = 0; i < w->payloads; i++) {
		const struct fantail_entry *e = &r->want[r->n_seen % KEEP];

		cr_assert(r->n_seen < r->n_want, "walk of nothing");
		r->n_seen++;
		cr_assert_eq(e->target, w->target);
		cr_assert_eq(!!(e->flags & FANTAIL_FLAG_GROUP), w->group);
		cr_assert_eq(!!(e->flags & FANTAIL_FLAG_LIST), w->list);
		cr_assert(!w->list || w->payloads == 1, "a merged list");
		cr_assert(!(e->flags & FANTAIL_FLAG_LAST) ||
				  (i + 1 == w->payloads && w->last),
			  "past LAST");
		for (uint32_t k = 0; k < e->len; k++, pos++)
			cr_assert_eq(r->log[pos % LOG_BYTES],
				     *rig_mem(r, e->addr + k),
				     "payload %u byte %u: log %02x, host %02x",
				     r->n_seen - 1, k, r->log[pos % LOG_BYTES],
				     *rig_mem(r, e->addr + k));
	}
	cr_assert_eq(pos, w->pos + w->len);
}

/* What a list gave is what it holds, from some place on, around the end. */
static void check_list(struct rig *r, const struct walk *w)
{
	const struct fantail_entry *e = &r->want[(r->n_seen - 1) % KEEP];
	const uint32_t *given = r->handles + w->first;
	uint32_t list[CONNECTIONS], n = e->list_len, start, i;

	memcpy(list, rig_mem(r, e->list_addr), n * sizeof(*list));
	cr_assert(w->given == n || (r->lists_may_break && w->given < n),
		  "%u handles of %u", w->given, n);
	for (start = 0; start < n; start++) {
		for (i = 0; i < w->given; i++)
			if (given[i] != list[(start + i) % n])
				break;
		if (i == w->given)
			return;
	}
	cr_assert_fail("list of walk %u", r->n_walks - 1);
}

static void take_listed(struct rig *r)
{
	struct walk *w = &r->walks[(r->n_walks - 1) % KEEP];

	if (!r->p.m_list_end) {
		r->handles[r->n_handles++ % 65536] = (uint32_t)r->p.m_list_data;
		cr_assert_lt(r->n_handles, 65536);
		w->given++;
		return;
	}
	r->in_list = false;
	w->end_cycle = r->now;
	check_list(r, w);
	r->walk_left = r->walk_cycles;
}

static void take_cmd(struct rig *r)
{
	const uint32_t *d = r->p.m_cmd_data;
	struct cmd *c = &r->cmds[r->n_cmds++ % KEEP];

	c->value = bits(d, 0, 64);
	c->arg = (unsigned int)bits(d, 64, 16);
	c->gen = (unsigned int)bits(d, 83, 16);
	c->id = (unsigned int)bits(d, 99, 14);
	c->op = (unsigned int)bits(d, 113, 4);
	cr_assert(c->id < CONNECTIONS);
	r->p.s_rsp_bit = 0;
	if (c->op == 5 || c->op == 6) { /* join, leave */
		r->p.s_rsp_bit = r->member[c->id][c->arg];
		r->member[c->id][c->arg] = c->op == 5;
	}
	if (c->op == 0)
		memcpy(r->ctx, r->p.m_ctx_data, sizeof(r->ctx));
}

static void take_flow(struct rig *r)
{
	unsigned int id = (unsigned int)r->p.m_flow_id;

	r->p.s_flow_rsp_code = 0;
	if (r->p.m_flow_op == 3) { /* enable */
		cr_assert(r->flow_used[id] &&
			  !memcmp(r->flow[id], r->p.m_flow_tuple, 12));
		return;
	}
	if (r->p.m_flow_op == 2) {
		cr_assert(r->flow_used[id] &&
				  !memcmp(r->flow[id], r->p.m_flow_tuple, 12),
			  "delete of another tuple");
		r->flow_used[id] = false;
		return;
	}
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		if (r->flow_used[i] &&
		    !memcmp(r->flow[i], r->p.m_flow_tuple, 12)) {
			r->p.s_flow_rsp_code = 1;
			return;
		}
	r->flow_used[id] = true;
	memcpy(r->flow[id], r->p.m_flow_tuple, 12);
}

static void take_frame(struct rig *r, int which, const uint32_t *data,
		       unsigned int n, bool last)
{
	unsigned int *at = &r->frame_bytes[which];

	cr_assert(*at + n <= FANTAIL_FRAME_BYTES_MAX);
	memcpy(r->frame[which] + *at, data, n);
	*at += n;
	if (last)
		r->n_frames[which]++;
}

static void outputs(struct rig *r)
{
	struct submit_pins *p = &r->p;

	axi_outputs(r);
	if (p->m_append_valid)
		take_append(r);
	if (p->m_walk_valid && p->m_walk_ready) {
		take_walk(r);
		if (!r->in_list)
			r->walk_left = r->walk_cycles;
	} else if (p->m_list_valid && p->m_list_ready) {
		take_listed(r);
	}
	if (p->m_cmd_valid && p->m_cmd_ready) {
		take_cmd(r);
		r->cmd_left = 3;
	}
	if (p->m_flow_valid && p->m_flow_ready) {
		take_flow(r);
		r->flow_left = 4;
	}
	if (p->m_slot_valid && p->m_slot_ready) {
		p->s_slot_rsp_ok = r->handed[p->m_slot_data % 64];
		p->s_slot_rsp_id = p->m_slot_data % 16;
		p->s_slot_rsp_gen = 7;
		p->s_slot_rsp_bytes = 100 + p->m_slot_data;
		if (!p->m_slot_check)
			r->handed[p->m_slot_data % 64] = false;
		r->slot_left = 2;
	}
	if (p->m_htx_valid && p->m_htx_ready)
		take_frame(r, 0, p->m_htx_data, (unsigned int)p->m_htx_bytes,
			   p->m_htx_last);
	p->s_inj_rsp_valid = 0;
	if (p->m_inj_valid && p->m_inj_ready) {
		take_frame(r, 1, p->m_inj_data, (unsigned int)p->m_inj_bytes,
			   p->m_inj_last);
		p->s_inj_rsp_valid = p->m_inj_last;
		p->s_inj_rsp_hit = r->inj_hit;
	}
	if (p->m_rec_valid && p->m_rec_ready)
		memcpy(r->recs[r->n_recs++ % KEEP], p->m_rec_data, 32);
	if (p->fault_valid) {
		r->n_faults++;
		r->fault_addr = p->fault_addr;
		r->fault_code = (unsigned int)p->fault_code;
	}
	r->read_bytes += p->payload_read_inc;
	r->list_bytes += p->list_read_inc;
	r->payload_bytes += p->payload_bytes_inc;
	r->deliveries += p->deliveries_inc;
}

static bool countdown(unsigned int *left)
{
	return *left && --*left == 0;
}

void rig_cycle(struct rig *r)
{
	struct submit_pins *p = &r->p;

	submit_settle(r->block, p);
	if (!p->rst)
		outputs(r);
	submit_edge(r->block);
	r->now++;
	axi_inputs(r);
	p->s_walkdone_valid = countdown(&r->walk_left);
	p->s_walkdone_reached = r->reached;
	p->s_walkdone_skipped = r->skipped;
	if (p->s_walkdone_valid) {
		const struct walk *w = &r->walks[(r->n_walks - 1) % KEEP];

		if (w->list) {
			p->s_walkdone_reached = w->given;
			p->s_walkdone_skipped = 0;
		}
	}
	p->m_walk_ready = !stalls(r) && !r->no_walks;
	p->m_list_ready = r->in_list && !stalls(r);
	p->s_rsp_valid = countdown(&r->cmd_left);
	p->s_flow_rsp_valid = countdown(&r->flow_left);
	p->s_slot_rsp_valid = countdown(&r->slot_left);
	p->m_rec_ready = !stalls(r);
	p->m_htx_ready = !stalls(r);
	p->m_inj_ready = !stalls(r);
	if (r->free_log)
		p->log_low = p->walk_pos;
}

void rig_settle(struct rig *r, unsigned int max)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; i < max && quiet < 6; i++) {
		rig_cycle(r);
		quiet = r->p.idle ? quiet + 1 : 0;
	}
	cr_assert(r->p.idle,
		  "still busy after %u cycles: head %u of %u, %u of "
		  "%u",
		  max, (unsigned int)r->p.data_head, r->tail[DATA],
		  (unsigned int)r->p.control_head, r->tail[CONTROL]);
}

void rig_put(struct rig *r, int ring, const struct fantail_entry *e)
{
	uint64_t base = ring == DATA ? DATA_RING : CONTROL_RING;

	memcpy(rig_mem(r, base + r->tail[ring] % RING_SIZE * 64), e, 64);
	r->tail[ring] = (r->tail[ring] + 1) & 0x7fff;
}

void rig_bell(struct rig *r)
{
	r->p.data_tail = r->tail[DATA];
	r->p.control_tail = r->tail[CONTROL];
}

struct rig *rig_new(unsigned int seed)
{
	struct rig *r = calloc(1, sizeof(*r));

	cr_assert(r);
	r->block = submit_new(seed);
	r->rng = seed;
	r->latency = 20;
	r->walk_cycles = 5;
	r->reached = 3;
	r->skipped = 1;
	r->free_log = true;
	r->inj_hit = true;
	for (unsigned int i = 0; i < MEM_BYTES; i++)
		r->mem[i] = (uint8_t)rig_random(r, 256);
	r->p.data_base = DATA_RING;
	r->p.control_base = CONTROL_RING;
	r->p.data_log2 = RING_LOG2;
	r->p.control_log2 = RING_LOG2;
	r->p.slot_count = 64;
	r->p.m_flow_ready = 1;
	r->p.m_cmd_ready = 1;
	r->p.m_slot_ready = 1;
	r->p.rst = 1;
	for (int i = 0; i < 3; i++)
		rig_cycle(r);
	r->p.rst = 0;
	for (int i = 0; i < 1000 && (i < 4 || r->p.busy); i++)
		rig_cycle(r);
	cr_assert(!r->p.busy);
	r->p.enable = 1;
	rig_cycle(r);
	rig_cycle(r);
	return r;
}

void rig_free(struct rig *r)
{
	submit_free(r->block);
	free(r);
}

struct fantail_rec_batch rig_batch(const struct rig *r, unsigned int i)
{
	struct fantail_rec_batch b;

	cr_assert(i < r->n_recs, "record %u of %u", i, r->n_recs);
	memcpy(&b, r->recs[i], sizeof(b));
	cr_assert_eq(b.type, FANTAIL_REC_BATCH, "type %u", b.type);
	return b;
}

struct fantail_rec_refused rig_refused(const struct rig *r, unsigned int i)
{
	struct fantail_rec_refused b;

	cr_assert(i < r->n_recs, "record %u of %u", i, r->n_recs);
	memcpy(&b, r->recs[i], sizeof(b));
	cr_assert_eq(b.type, FANTAIL_REC_REFUSED, "type %u", b.type);
	return b;
}
