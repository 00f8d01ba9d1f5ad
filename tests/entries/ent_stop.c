/* SPDX-License-Identifier: Apache-2.0 */
/* Full stops: all is done, all is accounted for. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

enum {
	TURN = 400,	/* cycles */
	PATIENCE = 200, /* turns without progress, then time passes */
	NAP_US = 20000,
	HANG = 4000000, /* cycles without progress */
	QUIET_TURNS = 8,
};

static uint32_t idle_turns;

/* Time passes, as long as the card has nothing to do. */
static void nap(struct entries *n)
{
	idle_turns = 0;
	n->naps++;
	ent_acknowledge_all(n);
	if (fantail_sim_wait(n->sim, 0, NAP_US, NULL) < 0)
		ent_fail(n, "the model stopped");
}

/* A turn of everybody; no new entries. */
static void pump(struct entries *n, const char *what)
{
	uint64_t before = n->last_progress;
	int r;

	ent_run(n, TURN);
	ent_poll(n, UINT32_MAX);
	ent_wire_turn(n);
	for (r = 0; r < 2; r++)
		if (n->ring[r].rung < n->ring[r].written)
			ent_doorbell(n, r, n->ring[r].written);
	if (n->told != n->consumed) {
		n->told = n->consumed;
		ent_doorbell(n, ENT_DATA, n->ring[ENT_DATA].rung);
	}
	idle_turns = n->last_progress != before ? 0 : idle_turns + 1;
	if (idle_turns >= PATIENCE)
		nap(n);
	if (fantail_sim_cycles(n->sim) - n->last_progress > HANG)
		ent_fail(n, "nothing happens for %u cycles, waiting for %s",
			 HANG, what);
}

static void add(struct entries *n, int ring, uint8_t op, uint32_t target,
		uint8_t flags, uint16_t id)
{
	struct ent_entry p = { .id = id };

	while (!ent_space(n, ring) && !n->res.failed) {
		pump(n, "room in a ring");
		ent_read_heads(n);
	}
	p.e.op = op;
	p.e.flags = flags;
	p.e.target = target;
	if (!n->res.failed)
		ent_write(n, ring, &p);
	n->res.entries--;
}

static bool retired(struct entries *n)
{
	return n->ring[0].retired == n->ring[0].written &&
	       n->ring[1].retired == n->ring[1].written;
}

static bool lives_on(const struct ent_life *l)
{
	return !l->aborting && !l->releasing;
}

/* Who lives has all bytes, and we have what it says it took. */
static bool streams_done(struct entries *n)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&n->conn[id])->life;

		if (!l || !lives_on(l))
			continue;
		if (!ent_complete(l) || l->up_sent != l->up_acked ||
		    l->up_told != l->up_sent || (l->closing && !l->fin_got))
			return false;
	}
	return n->tx[0].head == n->tx[0].tail && n->tx[1].head == n->tx[1].tail;
}

/* What must be told of each life has been told. */
static bool all_told(struct entries *n)
{
	struct ent_life *l;
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++)
		for (l = n->conn[id].lives; l; l = l->next) {
			uint16_t want = l->want;

			if (lives_on(l) && l->fin_got)
				want |= FANTAIL_EV_FIN_ACKED;
			if (want & ~l->told)
				return false;
		}
	return true;
}

static void until(struct entries *n, bool (*done)(struct entries *n),
		  const char *what)
{
	idle_turns = 0;
	while (!n->res.failed && !done(n))
		pump(n, what);
}

static bool delivered(struct entries *n)
{
	return n->mark_head == n->mark_tail;
}

static bool answered(struct entries *n)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&n->conn[id])->life;

		if (l && l->want & FANTAIL_EV_QUERY && !l->answered)
			return false;
	}
	return true;
}

/* The card's numbers are those of the wire. */
static bool ask(struct entries *n)
{
	bool agree = true;
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = ent_newest(&n->conn[id])->life;

		if (!l || !lives_on(l))
			continue;
		l->answered = false;
		l->want |= FANTAIL_EV_QUERY;
		add(n, ent_once(n, 2) ? ENT_DATA : ENT_CONTROL,
		    FANTAIL_OP_CONN_QUERY,
		    (uint32_t)l->gen << FANTAIL_HANDLE_GENERATION_SHIFT | id, 0,
		    (uint16_t)id);
	}
	add(n, ENT_DATA, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	add(n, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(n, retired, "the entries of a full stop");
	until(n, answered, "answers to CONN_QUERY");
	for (id = 0; id < ENT_CONNS && !n->res.failed; id++) {
		struct ent_life *l = ent_newest(&n->conn[id])->life;
		uint32_t got;

		if (!l || !lives_on(l))
			continue;
		got = l->got_from + l->got_len;
		if (l->queued < got)
			ent_fail(n, "id %u: %u bytes of %u queued came", id,
				 got, l->queued);
		agree &= l->queued == got && l->acked == got;
	}
	return agree;
}

static void check(struct entries *n, uint32_t offset, const char *name,
		  uint64_t want)
{
	uint64_t value = ent_counter(n, offset);

	if (value != want)
		ent_fail(n, "%s is %llu, not %llu", name,
			 (unsigned long long)value, (unsigned long long)want);
}

/* What the SUMMARY records say, added up. */
static void check_summaries(struct entries *n)
{
	if (n->summary_connects != n->expect_installs ||
	    n->summary_reads != n->data_records || n->summary_errors ||
	    n->summary_disconnects)
		ent_fail(n,
			 "SUMMARY: %llu connects of %llu, %llu reads of %llu, "
			 "%llu errors, %llu disconnects",
			 (unsigned long long)n->summary_connects,
			 (unsigned long long)n->expect_installs,
			 (unsigned long long)n->summary_reads,
			 (unsigned long long)n->data_records,
			 (unsigned long long)n->summary_errors,
			 (unsigned long long)n->summary_disconnects);
}

static void check_counters(struct entries *n)
{
	int r;

	check(n, FANTAIL_CNT_INSTALLS, "INSTALLS", n->expect_installs);
	check(n, FANTAIL_CNT_RELEASES, "RELEASES", n->expect_releases);
	check(n, FANTAIL_CNT_PAYLOADS, "PAYLOADS", n->expect_payloads);
	check(n, FANTAIL_CNT_PAYLOAD_BYTES, "PAYLOAD_BYTES", n->expect_bytes);
	check(n, FANTAIL_CNT_BATCHES, "BATCHES", n->expect_batches);
	check(n, FANTAIL_CNT_REFUSALS, "REFUSALS", n->expect_refusals);
	ent_read_heads(n);
	for (r = 0; r < 2; r++)
		if (n->ring[r].head != n->ring[r].written)
			ent_fail(n, "head %d stands at %llu of %llu", r,
				 (unsigned long long)n->ring[r].head,
				 (unsigned long long)n->ring[r].written);
	if (ent_reg(n, FANTAIL_PAGE_BYTES + FANTAIL_QP_STATUS_TAIL) !=
	    (n->consumed & FANTAIL_INDEX_MASK))
		ent_fail(n, "STATUS_TAIL is not what was read");
}

/* Nothing from the wire is under way: free slots stay free. */
static void settle(struct entries *n)
{
	uint32_t still = 0;

	while (still < QUIET_TURNS && !n->res.failed) {
		uint64_t before = n->consumed;

		pump(n, "silence");
		ent_progress(n);
		still = n->consumed == before ? still + 1 : 0;
	}
	n->res.frames_lost += n->rx.tail - n->rx.head;
	n->rx.head = n->rx.tail;
	n->quiet = true;
}

static void give_back_slots(struct entries *n)
{
	uint32_t s, k = 0;
	struct ent_entry p = { .id = ENT_NOBODY };

	for (s = 0; s < n->slot_count && !n->res.failed; s++) {
		if (n->slot[s] == ENT_SLOT_OUT) {
			n->slot[s] = ENT_SLOT_RETURNING;
			ent_name_slot(&p.e, k, (uint16_t)s);
			k++;
		}
		if (!k || (k < FANTAIL_RETURN_MAX && s + 1 < n->slot_count))
			continue;
		while (!ent_space(n, ENT_CONTROL) && !n->res.failed) {
			pump(n, "room in CONTROL");
			ent_read_heads(n);
		}
		p.e.op = FANTAIL_OP_RECV_RETURN;
		p.e.len = k;
		ent_write(n, ENT_CONTROL, &p);
		n->res.entries--;
		memset(&p, 0, sizeof(p));
		p.id = ENT_NOBODY;
		k = 0;
	}
}

static void forget_the_dead(struct entries *n)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *newest = ent_newest(&n->conn[id])->life;

		while (n->conn[id].lives && n->conn[id].lives != newest) {
			struct ent_life *l = n->conn[id].lives;

			n->conn[id].lives = l->next;
			ent_life_free(l);
		}
		if (!newest)
			continue;
		newest->want &= (uint16_t)~FANTAIL_EV_QUERY;
		newest->told &= (uint16_t)~FANTAIL_EV_QUERY;
		ent_stretch(n, newest);
	}
	ent_forget_states(n);
}

void ent_stop(struct entries *n)
{
	n->stopping = true;
	ent_progress(n);
	add(n, ENT_DATA, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	add(n, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(n, retired, "entries without a fate");
	if (ent_once(n, 2)) {
		give_back_slots(n);
		add(n, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST,
		    ENT_NOBODY);
		until(n, retired, "slots given back");
	}
	while (!n->res.failed && !streams_done(n)) {
		pump(n, "bytes on the wire");
		/* bytes from a peer may wait for a slot */
		if (idle_turns == PATIENCE / 2)
			give_back_slots(n);
	}
	add(n, ENT_CONTROL, FANTAIL_OP_NOP, 0, FANTAIL_FLAG_LAST, ENT_NOBODY);
	until(n, retired, "entries without a fate");
	until(n, all_told, "news of connections");
	while (!n->res.failed && !ask(n)) {
		until(n, streams_done, "bytes that are queued");
		nap(n);
	}
	until(n, delivered, "DELIVERED");
	settle(n);
	if (!n->res.failed)
		check_counters(n);
	check_summaries(n);
	forget_the_dead(n);
	n->stopping = n->full = false;
	n->res.stops++;
}

/*
 * A doorbell that cannot be true halts the queue pair, until it is started
 * anew.
 */
void ent_halt(struct entries *n)
{
	const uint32_t page = FANTAIL_PAGE_BYTES;
	struct ent_ring *r = &n->ring[0];
	uint32_t tail = (uint32_t)(r->written - r->base), word;
	uint32_t head = (uint32_t)n->consumed & FANTAIL_INDEX_MASK;

	switch (ent_below(n, 4)) {
	case 0:
		word = head << 16 | ((tail - 1 - ent_below(n, 1000)) & 0x7FFF);
		break;
	case 1:
		word = head << 16 |
		       ((tail + 1 + (1u << r->log2) + ent_below(n, 1000)) &
			0x7FFF);
		break;
	case 2:
		word = ((head + 1 + ent_below(n, 1000)) & 0x7FFF) << 16 |
		       (tail & 0x7FFF);
		break;
	default:
		word = ((head - 1 - ent_below(n, 1000)) & 0x7FFF) << 16 |
		       (tail & 0x7FFF);
		break;
	}
	ent_set_reg(n, page + FANTAIL_QP_DOORBELL_DATA, word);
	ent_run(n, 100);
	if (!(ent_reg(n, page + FANTAIL_QP_QP_STATUS) &
	      FANTAIL_QP_STATUS_HALTED_MASK) ||
	    ent_reg(n, page + FANTAIL_QP_FAULT_CODE) !=
		    FANTAIL_FAULT_DOORBELL ||
	    ent_reg(n, page + FANTAIL_QP_FAULT_ADDR) != word ||
	    !(ent_reg(n, FANTAIL_REG_STATUS) & FANTAIL_STATUS_FAULT_MASK))
		ent_fail(n, "doorbell %08x does not halt", word);
	n->res.halts++;
	ent_restart(n);
}
