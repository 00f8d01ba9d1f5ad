/* SPDX-License-Identifier: Apache-2.0 */
/* Full stops: all is done, all is accounted for. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

enum {
	TURN = 400,	/* cycles */
	PATIENCE = 200, /* turns without progress, then time passes */
	NAP_US = 20000,
	HANG = 4000000,	  /* cycles without progress */
	QUIET_TURNS = 16, /* two sweeps and more */
	COLLECTS = 5000,
};

/* Time passes, as long as the card has nothing to do. */
static void nap(struct ent_host *h)
{
	h->idle_turns = 0;
	h->naps++;
	ent_acknowledge_all(h);
	if (fantail_sim_wait(h->card->sim, 0, NAP_US, NULL) < 0)
		ent_fail(h, "the model stopped");
}

static bool lives_on(const struct ent_life *l)
{
	return !l->aborting && !l->releasing;
}

/* Who lives, and has not all bytes, or of whom we have not what it says it took. */
static struct ent_life *unfinished(struct ent_host *h)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&h->conn[id])->life;

		if (l && lives_on(l) &&
		    (!ent_complete(l) || l->up_sent != l->up_acked ||
		     l->up_told != l->up_sent || (l->closing && !l->fin_got)))
			return l;
	}
	return NULL;
}

static void hang(struct ent_host *h, const char *what)
{
	struct ent_life *l = unfinished(h);

	if (!l)
		ent_fail(h, "nothing happens for %u cycles, waiting for %s",
			 HANG, what);
	else
		ent_fail(h,
			 "nothing happens for %u cycles, waiting for %s; id %u "
			 "%s, %s; from it %u bytes were sent, %u acknowledged, "
			 "%u told of",
			 HANG, what, l->id,
			 ent_complete(l) ? "has all bytes" : "misses bytes",
			 !l->closing  ? "is not closed"
			 : l->fin_got ? "has its FIN"
				      : "waits for its FIN",
			 l->up_sent, l->up_acked, l->up_told);
}

/* A turn of everybody; no new entries. */
static void pump(struct ent_host *h, const char *what)
{
	uint64_t before = h->last_progress;
	int r;

	ent_run(h, TURN);
	ent_others(h);
	ent_poll(h, UINT32_MAX);
	ent_wire_turn(h);
	for (r = 0; r < 2; r++)
		if (h->ring[r].rung < h->ring[r].written)
			ent_doorbell(h, r, h->ring[r].written);
	if (h->told != h->consumed) {
		h->told = h->consumed;
		ent_doorbell(h, ENT_DATA, h->ring[ENT_DATA].rung);
	}
	h->idle_turns = h->last_progress != before ? 0 : h->idle_turns + 1;
	if (h->idle_turns >= PATIENCE)
		nap(h);
	if (ent_now(h) - h->last_progress > HANG)
		hang(h, what);
}

static void add(struct ent_host *h, int ring, uint8_t op, uint32_t target,
		uint8_t flags, uint16_t id)
{
	struct ent_entry p = { .id = id };

	while (!ent_space(h, ring) && !h->card->res.failed) {
		pump(h, "room in a ring");
		ent_read_heads(h);
	}
	p.e.op = op;
	p.e.flags = flags;
	p.e.target = target;
	if (!h->card->res.failed)
		ent_write(h, ring, &p);
	h->card->res.entries--;
}

static bool retired(struct ent_host *h)
{
	return h->ring[0].retired == h->ring[0].written &&
	       h->ring[1].retired == h->ring[1].written;
}

static bool streams_done(struct ent_host *h)
{
	return !unfinished(h) && h->tx[0].head == h->tx[0].tail &&
	       h->tx[1].head == h->tx[1].tail;
}

/* What must be told of each life has been told. */
static bool all_told(struct ent_host *h)
{
	struct ent_life *l;
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++)
		for (l = h->conn[id].lives; l; l = l->next) {
			uint16_t want = l->want;

			if (lives_on(l) && l->fin_got)
				want |= FANTAIL_EV_FIN_ACKED;
			if (want & ~l->told)
				return false;
		}
	return true;
}

static void until(struct ent_host *h, bool (*done)(struct ent_host *h),
		  const char *what)
{
	h->idle_turns = 0;
	while (!h->card->res.failed && !done(h))
		pump(h, what);
}

static bool collected(struct ent_host *h)
{
	return h->collected != h->collected_before;
}

/* The same for what a CONN record tells: without COLLECT it may wait. */
static void until_told(struct ent_host *h, bool (*done)(struct ent_host *h),
		       const char *what)
{
	uint32_t tries = 0;

	while (h->summary_only && !done(h) && !h->card->res.failed) {
		h->collected_before = h->collected;
		add(h, ent_once(h, 2) ? ENT_DATA : ENT_CONTROL, FANTAIL_OP_NOP,
		    0, FANTAIL_FLAG_COLLECT | FANTAIL_FLAG_LAST, ENT_NOBODY);
		until(h, collected, "the answer to COLLECT");
		if (++tries > COLLECTS)
			ent_fail(h, "COLLECT does not bring %s", what);
	}
	until(h, done, what);
}

static bool delivered(struct ent_host *h)
{
	return h->mark_head == h->mark_tail;
}

static bool answered(struct ent_host *h)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&h->conn[id])->life;

		if (l && l->want & FANTAIL_EV_QUERY && !l->answered)
			return false;
	}
	return true;
}

/* The card's numbers are those of the wire. */
static bool ask(struct ent_host *h)
{
	bool agree = true;
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&h->conn[id])->life;

		if (!l || !lives_on(l))
			continue;
		l->answered = false;
		l->want |= FANTAIL_EV_QUERY;
		add(h, ent_once(h, 2) ? ENT_DATA : ENT_CONTROL,
		    FANTAIL_OP_CONN_QUERY,
		    (uint32_t)l->gen << FANTAIL_HANDLE_GENERATION_SHIFT | id, 0,
		    (uint16_t)id);
	}
	add(h, ENT_DATA, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	add(h, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(h, retired, "the entries of a full stop");
	until_told(h, answered, "answers to CONN_QUERY");
	for (id = 0; id < ENT_CONNS && !h->card->res.failed; id++) {
		struct ent_life *l = ent_newest(&h->conn[id])->life;
		uint32_t got;

		if (!l || !lives_on(l))
			continue;
		got = l->got_from + l->got_len;
		if (l->queued < got)
			ent_fail(h, "id %u: %u bytes of %u queued came", id,
				 got, l->queued);
		agree &= l->queued == got && l->acked == got;
	}
	return agree;
}

static void check(struct ent_host *h, uint32_t offset, const char *name,
		  uint64_t want)
{
	uint64_t value = ent_counter(h, offset);

	if (value != want)
		ent_fail(h, "%s is %llu, not %llu", name,
			 (unsigned long long)value, (unsigned long long)want);
}

/* What the SUMMARY records say, added up. */
static void check_summaries(struct ent_host *h)
{
	if (h->summary_connects != h->expect.installs ||
	    h->summary_reads != h->data_records || h->summary_errors ||
	    h->summary_disconnects)
		ent_fail(h,
			 "SUMMARY: %llu connects of %llu, %llu reads of %llu, "
			 "%llu errors, %llu disconnects",
			 (unsigned long long)h->summary_connects,
			 (unsigned long long)h->expect.installs,
			 (unsigned long long)h->summary_reads,
			 (unsigned long long)h->data_records,
			 (unsigned long long)h->summary_errors,
			 (unsigned long long)h->summary_disconnects);
}

static void check_heads(struct ent_host *h)
{
	int r;

	ent_read_heads(h);
	for (r = 0; r < 2; r++)
		if (h->ring[r].head != h->ring[r].written)
			ent_fail(h, "head %d stands at %llu of %llu", r,
				 (unsigned long long)h->ring[r].head,
				 (unsigned long long)h->ring[r].written);
	if (ent_reg(h, h->page + FANTAIL_QP_STATUS_TAIL) !=
	    (h->consumed & ENT_INDEX_MASK))
		ent_fail(h, "STATUS_TAIL is not what was read");
}

void ent_check_card(struct ent_card *c)
{
	struct ent_expect sum = { 0 };
	unsigned int i;

	for (i = 0; i < ENT_HOSTS; i++) {
		const struct ent_expect *x = &c->host[i]->expect;

		sum.installs += x->installs;
		sum.releases += x->releases;
		sum.payloads += x->payloads;
		sum.bytes += x->bytes;
		sum.batches += x->batches;
		sum.refusals += x->refusals;
	}
	check(c->host[0], FANTAIL_CNT_INSTALLS, "INSTALLS", sum.installs);
	check(c->host[0], FANTAIL_CNT_RELEASES, "RELEASES", sum.releases);
	check(c->host[0], FANTAIL_CNT_PAYLOADS, "PAYLOADS", sum.payloads);
	check(c->host[0], FANTAIL_CNT_PAYLOAD_BYTES, "PAYLOAD_BYTES",
	      sum.bytes);
	check(c->host[0], FANTAIL_CNT_BATCHES, "BATCHES", sum.batches);
	check(c->host[0], FANTAIL_CNT_REFUSALS, "REFUSALS", sum.refusals);
}

/* Nothing from the wire is under way: free slots stay free. */
static void settle(struct ent_host *h)
{
	uint32_t still = 0;

	while (still < QUIET_TURNS && !h->card->res.failed) {
		uint64_t before = h->consumed;

		pump(h, "silence");
		ent_progress(h);
		still = h->consumed == before ? still + 1 : 0;
	}
	h->card->res.frames_lost += h->rx.tail - h->rx.head;
	h->rx.head = h->rx.tail;
	h->quiet = true;
}

static void give_back_slots(struct ent_host *h)
{
	uint32_t s, k = 0;
	struct ent_entry p = { .id = ENT_NOBODY };

	for (s = 0; s < h->slot_count && !h->card->res.failed; s++) {
		if (h->slot[s] == ENT_SLOT_OUT) {
			h->slot[s] = ENT_SLOT_RETURNING;
			ent_name_slot(&p.e, k, (uint16_t)s);
			k++;
		}
		if (!k || (k < FANTAIL_RETURN_MAX && s + 1 < h->slot_count))
			continue;
		while (!ent_space(h, ENT_CONTROL) && !h->card->res.failed) {
			pump(h, "room in CONTROL");
			ent_read_heads(h);
		}
		p.e.op = FANTAIL_OP_RECV_RETURN;
		p.e.len = k;
		ent_write(h, ENT_CONTROL, &p);
		h->card->res.entries--;
		memset(&p, 0, sizeof(p));
		p.id = ENT_NOBODY;
		k = 0;
	}
}

static void forget_the_dead(struct ent_host *h)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *newest = ent_newest(&h->conn[id])->life;

		while (h->conn[id].lives && h->conn[id].lives != newest) {
			struct ent_life *l = h->conn[id].lives;

			h->conn[id].lives = l->next;
			ent_life_free(l);
		}
		if (!newest)
			continue;
		newest->want &= (uint16_t)~FANTAIL_EV_QUERY;
		newest->told &= (uint16_t)~FANTAIL_EV_QUERY;
		ent_stretch(h, newest);
	}
	ent_forget_states(h);
}

void ent_stop(struct ent_host *h)
{
	h->stopping = true;
	ent_progress(h);
	add(h, ENT_DATA, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	add(h, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(h, retired, "entries without a fate");
	if (ent_once(h, 2)) {
		give_back_slots(h);
		add(h, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST,
		    ENT_NOBODY);
		until(h, retired, "slots given back");
	}
	while (!h->card->res.failed && !streams_done(h)) {
		pump(h, "bytes on the wire");
		/* bytes from a peer may wait for a slot */
		if (h->idle_turns == PATIENCE / 2)
			give_back_slots(h);
	}
	add(h, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(h, retired, "entries without a fate");
	until_told(h, all_told, "news of connections");
	while (!h->card->res.failed && !ask(h)) {
		until(h, streams_done, "bytes that are queued");
		nap(h);
	}
	until(h, delivered, "DELIVERED");
	settle(h);
	if (!h->card->res.failed)
		check_heads(h);
	check_summaries(h);
	if (h->collects && !h->collected)
		ent_fail(h, "%llu COLLECT without an answer",
			 (unsigned long long)h->collects);
	h->collects = h->collected = 0;
	forget_the_dead(h);
	h->stopping = h->full = false;
	h->card->res.stops++;
}

static void halted(struct ent_host *h, uint8_t code, uint64_t addr)
{
	uint64_t at;

	ent_run(h, 2000);
	at = ent_reg(h, h->page + FANTAIL_QP_FAULT_ADDR) |
	     (uint64_t)ent_reg(h, h->page + FANTAIL_QP_FAULT_ADDR + 4) << 32;
	if (!(ent_reg(h, h->page + FANTAIL_QP_QP_STATUS) &
	      FANTAIL_QP_STATUS_HALTED_MASK) ||
	    ent_reg(h, h->page + FANTAIL_QP_FAULT_CODE) != code || at != addr ||
	    !(ent_reg(h, FANTAIL_REG_STATUS) & FANTAIL_STATUS_FAULT_MASK))
		ent_fail(h, "not halted with fault %u at %llx: %u, %llx", code,
			 (unsigned long long)addr,
			 ent_reg(h, h->page + FANTAIL_QP_FAULT_CODE),
			 (unsigned long long)at);
	h->card->res.faults[code]++;
}

/* Sizes that cannot be; ENABLE is low before and behind. */
void ent_bad_size(struct ent_host *h)
{
	static const struct {
		uint32_t reg, value;
	} bad[] = {
		{ FANTAIL_QP_DATA_LOG2, FANTAIL_RING_LOG2_MIN - 1 },
		{ FANTAIL_QP_DATA_LOG2, FANTAIL_RING_LOG2_MAX + 1 },
		{ FANTAIL_QP_CONTROL_LOG2, FANTAIL_RING_LOG2_MIN - 1 },
		{ FANTAIL_QP_CONTROL_LOG2, FANTAIL_RING_LOG2_MAX + 1 },
		{ FANTAIL_QP_STATUS_LOG2, FANTAIL_RING_LOG2_MIN - 1 },
		{ FANTAIL_QP_STATUS_LOG2, FANTAIL_RING_LOG2_MAX + 1 },
		{ FANTAIL_QP_SLOT_COUNT, 7 },
		{ FANTAIL_QP_SLOT_COUNT, FANTAIL_SLOT_COUNT_MAX + 1 },
	};
	uint32_t k = ent_below(h, sizeof(bad) / sizeof(bad[0]));

	ent_set_reg(h, h->page + bad[k].reg, bad[k].value);
	ent_set_reg(h, h->page + FANTAIL_QP_QP_CTRL,
		    FANTAIL_QP_CTRL_ENABLE_MASK);
	ent_run(h, 2000);
	if (!(ent_reg(h, h->page + FANTAIL_QP_QP_STATUS) &
	      FANTAIL_QP_STATUS_HALTED_MASK) ||
	    ent_reg(h, h->page + FANTAIL_QP_FAULT_CODE) !=
		    FANTAIL_FAULT_RING_SIZE)
		ent_fail(h, "register %x = %u does not halt", bad[k].reg,
			 bad[k].value);
	h->card->res.faults[FANTAIL_FAULT_RING_SIZE]++;
	ent_set_reg(h, h->page + FANTAIL_QP_QP_CTRL, 0);
	ent_run(h, 2000);
}

/* The memory of the rings is gone when the next entry is read. */
static void halt_by_read(struct ent_host *h, int ring)
{
	struct ent_ring *r = &h->ring[ring];
	uint64_t index = r->written - r->base;
	uint64_t addr = h->space + ENT_RING_IOVA +
			(uint64_t)ring * ENT_RING_STEP +
			(index & ((1u << r->log2) - 1)) * FANTAIL_ENTRY_BYTES;

	ent_map_pair(h, false);
	ent_set_reg(h,
		    h->page + (ring == ENT_DATA ? FANTAIL_QP_DOORBELL_DATA
						: FANTAIL_QP_DOORBELL_CONTROL),
		    (uint32_t)(h->consumed & ENT_INDEX_MASK) << 16 |
			    (uint32_t)((index + 1) & 0xFFFF));
	halted(h, FANTAIL_FAULT_ENTRY_READ, addr);
	ent_map_pair(h, true);
}

/* A doorbell that cannot be true. */
static void halt_by_doorbell(struct ent_host *h)
{
	struct ent_ring *r = &h->ring[0];
	uint32_t tail = (uint32_t)(r->written - r->base), word;
	uint32_t head = (uint32_t)h->consumed & ENT_INDEX_MASK;

	switch (ent_below(h, 4)) {
	case 0:
		word = head << 16 | ((tail - 1 - ent_below(h, 1000)) & 0x7FFF);
		break;
	case 1:
		word = head << 16 |
		       ((tail + 1 + (1u << r->log2) + ent_below(h, 1000)) &
			0x7FFF);
		break;
	case 2:
		word = ((head + 1 + ent_below(h, 1000)) & 0x7FFF) << 16 |
		       (tail & 0x7FFF);
		break;
	default:
		word = ((head - 1 - ent_below(h, 1000)) & 0x7FFF) << 16 |
		       (tail & 0x7FFF);
		break;
	}
	ent_set_reg(h, h->page + FANTAIL_QP_DOORBELL_DATA, word);
	halted(h, FANTAIL_FAULT_DOORBELL, word);
}

/* Only at a full stop: what halts the queue pair, until it begins anew. */
void ent_halt(struct ent_host *h)
{
	if (ent_once(h, 2))
		halt_by_read(h, (int)ent_below(h, 2));
	else
		halt_by_doorbell(h);
	ent_restart(h);
}
