/* SPDX-License-Identifier: Apache-2.0 */
/* Status records against the model. See entries.h. */
#include <string.h>

#include "entries.h"

union record {
	uint8_t type;
	struct fantail_rec_head head;
	struct fantail_rec_batch batch;
	struct fantail_rec_conn conn;
	struct fantail_rec_delivered delivered;
	struct fantail_rec_data data;
	struct fantail_rec_frame frame;
	struct fantail_rec_refused refused;
	struct fantail_rec_summary summary;
};

/* Heads go forward, and not beyond what the doorbells said. */
static void heads(struct ent_host *h, uint32_t tail)
{
	const uint32_t head[2] = { tail & FANTAIL_TAIL_DATA_HEAD_MASK,
				   (tail & FANTAIL_TAIL_CONTROL_HEAD_MASK) >>
					   FANTAIL_TAIL_CONTROL_HEAD_SHIFT };
	int r;

	for (r = 0; r < 2; r++) {
		struct ent_ring *q = &h->ring[r];
		uint64_t told = q->record_head;
		uint64_t step = (head[r] - (told - q->base)) & ENT_INDEX_MASK;

		if (step > q->rung - told) {
			ent_fail(h, "head %d of a record moves by %llu", r,
				 (unsigned long long)step);
			return;
		}
		q->record_head = told + step;
		/* a register may have told more already */
		if (q->record_head > q->head)
			q->head = q->record_head;
	}
}

/* Entry @index of a 15-bit index: one that has no fate yet. */
static uint64_t whole_index(struct ent_host *h, int ring, uint32_t index)
{
	struct ent_ring *r = &h->ring[ring];

	return r->retired +
	       ((index - (uint32_t)(r->retired - r->base)) & ENT_INDEX_MASK);
}

static void on_refused(struct ent_host *h, const struct fantail_rec_refused *x)
{
	struct ent_ring *r = &h->ring[x->ring & 1];
	uint64_t index = whole_index(h, x->ring & 1, x->index), addr;
	struct ent_entry *p = &r->entry[index % ENT_PENDING];

	addr = x->addr_lo | (uint64_t)x->addr_hi << 32;
	if (index >= r->rung || x->ring > 1 || x->op != p->e.op || !x->code ||
	    x->target != p->e.target ||
	    (x->cookie_lo | (uint64_t)x->cookie_hi << 32) != p->e.cookie) {
		ent_fail(h, "REFUSED of ring %u, index %u, op %u, target %08x",
			 x->ring, x->index, x->op, x->target);
		return;
	}
	if (r->record_head <= index)
		ent_fail(h, "REFUSED of entry %llu before the head",
			 (unsigned long long)p->number);
	if (x->code != FANTAIL_REFUSE_DMA_READ
		    ? addr != 0
		    : !addr || (p->bad_line ? addr != p->bad_line
					    : !ent_bad_line(h, addr, 1)))
		ent_fail(h, "entry %llu: refused with address %llx, not %llx",
			 (unsigned long long)p->number,
			 (unsigned long long)addr,
			 (unsigned long long)p->bad_line);
	while (r->retired < index)
		ent_retire(h, x->ring, r->retired, 0, 0);
	ent_retire(h, x->ring, index, x->code, x->reached);
}

static uint64_t saturated(uint64_t value)
{
	return value > 0xFFFF ? 0xFFFF : value;
}

static void on_batch(struct ent_host *h, const struct fantail_rec_batch *x)
{
	struct ent_ring *r = &h->ring[x->ring & 1];
	struct ent_batch_sum *b = &r->batch;
	uint64_t index = r->retired;
	struct ent_entry *p;

	/* all up to LAST that has not been refused is done */
	while (index < r->rung &&
	       !(r->entry[index % ENT_PENDING].e.flags & FANTAIL_FLAG_LAST))
		index++;
	/* unless LAST was refused itself */
	if (r->last_refused)
		index = r->retired - 1;
	p = &r->entry[index % ENT_PENDING];
	if (index >= r->rung || x->ring > 1 ||
	    (x->cookie_lo | (uint64_t)x->cookie_hi << 32) != p->e.cookie) {
		ent_fail(h, "BATCH of ring %u, cookie %08x%08x", x->ring,
			 x->cookie_hi, x->cookie_lo);
		return;
	}
	if (r->record_head <= index)
		ent_fail(h, "BATCH of entry %llu before the head",
			 (unsigned long long)p->number);
	while (r->retired <= index)
		ent_retire(h, x->ring, r->retired, 0, 0);
	if (x->entries != saturated(b->entries) ||
	    x->refused != saturated(b->refused) ||
	    x->payloads != saturated(b->payloads) || x->bytes != b->bytes ||
	    x->reached < b->reached_min || x->reached > b->reached_max ||
	    x->reached + x->skipped < b->targets_min ||
	    x->reached + x->skipped > b->targets_max)
		ent_fail(h,
			 "BATCH up to entry %llu: entries %u refused %u "
			 "payloads %u bytes %u reached %u skipped %u, not %llu "
			 "%llu %llu %u %u..%u of %u..%u",
			 (unsigned long long)p->number, x->entries, x->refused,
			 x->payloads, x->bytes, x->reached, x->skipped,
			 (unsigned long long)b->entries,
			 (unsigned long long)b->refused,
			 (unsigned long long)b->payloads, b->bytes,
			 b->reached_min, b->reached_max, b->targets_min,
			 b->targets_max);
	h->card->res.batches++;
	h->card->res.payloads += x->payloads;
	h->card->res.reached += x->reached;
	h->card->res.skipped += x->skipped;
	h->card->res.bytes += x->bytes;
	h->expect.batches += x->ring == ENT_DATA;
	memset(b, 0, sizeof(*b));
	r->last_refused = false;
}

static struct ent_life *life_of(struct ent_host *h, uint32_t handle)
{
	uint32_t id = handle & FANTAIL_HANDLE_ID_MASK;
	struct ent_life *l = id < ENT_CONNS ? h->conn[id].lives : NULL;

	while (l && l->gen != handle >> FANTAIL_HANDLE_GENERATION_SHIFT)
		l = l->next;
	if (!l)
		ent_fail(h, "a record of handle %08x", handle);
	else if (l->told & FANTAIL_EV_RELEASED)
		ent_fail(h, "a record of %08x behind its RELEASED", handle);
	return l;
}

/*
 * Of a connection of policy REPORT, whose lag is that of its extents: of those
 * since the full stop, and of the last one before, until its ACKs go beyond.
 */
static uint16_t lag_events(const struct ent_life *l)
{
	uint16_t may = l->lagging ? FANTAIL_EV_WRITABLE : 0;

	if (l->reports && l->extents + 1 >= ENT_LAGGING)
		may |= FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE;
	return may;
}

static void on_lag(struct ent_host *h, struct ent_life *l, uint16_t events)
{
	if (!(events & (FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE)))
		return;
	/* beside LAGGING, WRITABLE is how it stands now */
	if (!(events & FANTAIL_EV_LAGGING) && !l->lagging)
		ent_fail(h, "id %u: WRITABLE, and was not told LAGGING", l->id);
	l->lagging = !(events & FANTAIL_EV_WRITABLE);
	h->card->res.lagging++;
}

static void on_conn(struct ent_host *h, const struct fantail_rec_conn *x)
{
	uint16_t once = FANTAIL_EV_FIN_ACKED | FANTAIL_EV_ABORTED |
			FANTAIL_EV_RELEASED,
		 may = FANTAIL_EV_QUERY | FANTAIL_EV_DRAINED;
	struct ent_life *l = life_of(h, x->handle);

	h->card->res.conn_records++;
	if (!l)
		return;
	if (h->summary_only && !h->collects)
		ent_fail(h, "CONN of %08x: nobody collects", x->handle);
	may |= l->closing ? FANTAIL_EV_FIN_ACKED : 0;
	may |= l->aborting ? FANTAIL_EV_ABORTED : 0;
	may |= l->releasing ? FANTAIL_EV_RELEASED : 0;
	may |= lag_events(l);
	if (!x->events || x->events & ~may || x->events & l->told & once)
		ent_fail(h,
			 "CONN of %08x: events %04x of %04x, all %04x, cause "
			 "%u, %u payloads",
			 x->handle, x->events, may, x->all_events, x->cause,
			 l->extents);
	l->told |= x->events;
	on_lag(h, l, x->events);
	if (x->all_events != (uint16_t)(l->told | l->told_ever))
		ent_fail(h, "CONN of %08x: all events %04x, not %04x",
			 x->handle, x->all_events, l->told | l->told_ever);
	l->told_ever |= l->told;
	if (x->acked > x->queued || x->acked < l->acked ||
	    x->queued < l->queued || x->acked > l->got_from + l->got_len)
		ent_fail(h, "CONN of %08x: acked %u queued %u", x->handle,
			 x->acked, x->queued);
	l->acked = x->acked;
	l->queued = x->queued;
	l->answered |= (x->events & FANTAIL_EV_QUERY) != 0;
	ent_progress(h);
}

static const uint8_t *take_slot(struct ent_host *h, uint32_t slot,
				uint32_t offset, uint32_t length)
{
	if (slot >= h->slot_count || !length ||
	    offset + length > FANTAIL_SLOT_BYTES ||
	    h->slot[slot] == ENT_SLOT_OUT) {
		ent_fail(h, "slot %u, offset %u, %u bytes, state %u", slot,
			 offset, length,
			 slot < h->slot_count ? h->slot[slot] : 9);
		return NULL;
	}
	/*
	 * One that is on its way back may be here again before the record
	 * that says so: then its return is done.
	 */
	if (h->slot[slot] == ENT_SLOT_RETURNING)
		h->slot_again[slot]++;
	h->slot[slot] = ENT_SLOT_OUT;
	return h->slot_mem + (size_t)slot * FANTAIL_SLOT_BYTES + offset;
}

static void on_data(struct ent_host *h, const struct fantail_rec_data *x)
{
	const uint8_t *p = take_slot(h, x->slot, x->offset, x->length);
	struct ent_life *l = life_of(h, x->handle);
	uint32_t i;

	h->card->res.data_records++;
	h->data_records++;
	if (!p || !l)
		return;
	if (l->up_told + x->length > l->up_sent)
		ent_fail(h, "id %u: %u bytes more than were sent", l->id,
			 l->up_told + x->length - l->up_sent);
	for (i = 0; i < x->length && !h->card->res.failed; i++)
		if (p[i] != ent_up_byte(l, l->up_told + i))
			ent_fail(h, "id %u: byte %u from it is wrong", l->id,
				 l->up_told + i);
	l->up_told += x->length;
	h->card->res.up_bytes += x->length;
	ent_progress(h);
}

/* A segment of ours that met no connection: there was a time without. */
static bool homeless(struct ent_host *h, const uint8_t *frame, uint32_t len)
{
	uint32_t id = (uint32_t)frame[28] << 8 | frame[29], i;

	if (len < 60 || frame[12] != 8 || frame[26] != ENT_PEER_IP >> 24)
		return false;
	id -= ENT_PEER_IP & 0xFFFF;
	if (id >= ENT_CONNS || ent_host_of(id) != h->qp)
		return false;
	for (i = 0; i < h->conn[id].states; i++)
		if (!h->conn[id].chain[i].life)
			return true;
	return false;
}

static void on_frame(struct ent_host *h, const struct fantail_rec_frame *x)
{
	const uint8_t *p = take_slot(h, x->slot, x->offset, x->length);
	uint8_t reason;
	uint64_t i;

	h->card->res.frame_records++;
	if (!p)
		return;
	if (homeless(h, p, x->length))
		return;
	/* those before it found no slot */
	for (i = h->rx.head; i < h->rx.tail; i++) {
		struct ent_frame *f = &h->rx.frame[i % ENT_FRAMES];

		if (f->len == x->length && !memcmp(f->bytes, p, f->len))
			break;
	}
	reason = p[12] == 8 ? FANTAIL_REASON_NO_FLOW : FANTAIL_REASON_NOT_TCP;
	if (i == h->rx.tail || x->offset || x->reason != reason) {
		ent_fail(h, "FRAME of %u bytes, reason %u, was not sent so",
			 x->length, x->reason);
		return;
	}
	h->card->res.frames_lost += i - h->rx.head;
	h->rx.head = i + 1;
	ent_progress(h);
}

/* Added up they are all there was; a full stop looks at the sums. */
static void on_summary(struct ent_host *h, const struct fantail_rec_summary *x)
{
	h->summary_connects += x->connects;
	h->summary_reads += x->reads;
	h->summary_errors += x->errors;
	h->summary_disconnects += x->disconnects;
	h->card->res.summary_records++;
	h->card->res.collected += x->collected;
	h->collected += x->collected;
	if (x->collected > 1 || h->collected > h->collects)
		ent_fail(h, "SUMMARY answers COLLECT %llu of %llu",
			 (unsigned long long)h->collected,
			 (unsigned long long)h->collects);
	if (!x->connects && !x->reads && !x->errors && !x->disconnects &&
	    !x->collected)
		ent_fail(h, "a SUMMARY of nothing");
}

static void on_record(struct ent_host *h, const union record *x)
{
	heads(h, x->head.tail);
	if (h->card->res.failed)
		return;
	switch (x->type) {
	case FANTAIL_REC_BATCH:
		on_batch(h, &x->batch);
		break;
	case FANTAIL_REC_REFUSED:
		on_refused(h, &x->refused);
		break;
	case FANTAIL_REC_CONN:
		on_conn(h, &x->conn);
		break;
	case FANTAIL_REC_DATA:
		on_data(h, &x->data);
		break;
	case FANTAIL_REC_FRAME:
		on_frame(h, &x->frame);
		break;
	case FANTAIL_REC_SUMMARY:
		on_summary(h, &x->summary);
		break;
	case FANTAIL_REC_DELIVERED:
		h->card->res.delivered_records++;
		ent_mark(h,
			 x->delivered.cookie_lo |
				 (uint64_t)x->delivered.cookie_hi << 32,
			 true);
		ent_progress(h);
		break;
	case FANTAIL_REC_HEAD:
		h->card->res.head_records++;
		break;
	default:
		ent_fail(h, "a record of type %u", x->type);
	}
}

uint32_t ent_poll(struct ent_host *h, uint32_t most)
{
	uint32_t mask = (1u << h->status_log2) - 1, taken = 0;

	while (taken < most && !h->card->res.failed) {
		union record x;

		memcpy(&x,
		       h->status + (h->consumed & mask) * FANTAIL_RECORD_BYTES,
		       sizeof(x));
		/* 1 in the first pass over the ring */
		if (x.head.tail >> FANTAIL_TAIL_PHASE_SHIFT !=
		    (~(h->consumed >> h->status_log2) & 1))
			break;
		h->consumed++;
		taken++;
		on_record(h, &x);
	}
	return taken;
}
