/* SPDX-License-Identifier: Apache-2.0 */
/* What the soak must leave as it was. See soak.h. */
#include <malloc.h>
#include <string.h>

#include "../../libhost/internal.h"
#include "soak.h"

enum {
	QUIET_US = 100000000,
	FLOOD_BYTES = 12000, /* of each flooder: more than all slots hold */
	FLOOD_US = 1000000,  /* without another slot: there are no more */
	EXTENTS_MORE = 2,    /* payloads beyond what fits */
	EXTENTS_USED = 3,    /* that the next user of an id must have again */
};

uint64_t soak_memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Nobody is left on either side, TIME_WAIT included. */
bool soak_quiet(struct soak *s)
{
	uint64_t end = soak_now(s) + QUIET_US;
	struct fantail_stats lib;

	s->full = true;
	do {
		s->step_us = soak_nobody(s) ? 100000 : 2000;
		if (!soak_turn(s))
			return false;
		fantail_stats(s->f, &lib);
		if (soak_nobody(s) && !s->batches_open && !lib.open &&
		    !lib.handshakes && !lib.time_wait) {
			s->step_us = 1000;
			/* two sweeps, and what the link still holds */
			if (!soak_turn(s))
				return false;
			return soak_turn(s);
		}
	} while (soak_now(s) < end);
	soak_dump(s);
	soak_fail(s, "no end: %llu open, %llu handshakes, %llu in TIME_WAIT",
		  (unsigned long long)lib.open,
		  (unsigned long long)lib.handshakes,
		  (unsigned long long)lib.time_wait);
	return false;
}

static uint64_t counter(struct soak *s, uint32_t offset)
{
	uint64_t v = 0;

	if (fantail_dev_counter(s->dev, offset, &v))
		soak_fail(s, "counter %03x", offset);
	return v;
}

static void read_level(struct soak *s, struct soak_level *v)
{
	struct fantail_stats lib;
	uint32_t used = 0;
	void *room;

	/* what is free is found when somebody asks for room */
	if (fantail_arena_reserve(s->f, 1, &room))
		soak_fail(s, "no room in the arena");
	fantail_stats(s->f, &lib);
	if (fantail_dev_read32(s->dev, FANTAIL_REG_PIN_BYTES, &used))
		soak_fail(s, "PIN_BYTES");
	v->open = lib.open;
	v->handshakes = lib.handshakes;
	v->time_wait = lib.time_wait;
	v->flows = counter(s, FANTAIL_CNT_INSTALLS) -
		   counter(s, FANTAIL_CNT_RELEASES);
	v->log_bytes = used;
	v->slots_held = fantail_slots_held(fantail_queue_pair(s->f));
	v->arena_bytes = s->f->arena.tail - s->f->arena.head;
	v->lib_ids = s->f->conns.free_count;
	v->lib_timers = s->f->timers.count;
}

/*
 * Everybody connects and stays; again, if need be: a handshake that went by
 * SYN cookie and lost its last ACK ends in a RST.
 */
static bool all_stay(struct soak *s)
{
	uint64_t end = soak_now(s) + QUIET_US;
	uint32_t i, up;

	s->full = true;
	do {
		for (i = 0, up = 0; i < s->opt.peers; i++) {
			if (!s->life[i])
				soak_begin(s, i, SOAK_STAYS);
			up += s->life[i]->accepted;
		}
		if (!soak_turn(s))
			return false;
	} while (up < s->opt.peers && soak_now(s) < end);
	if (up < s->opt.peers)
		soak_fail(s, "%u of %u connect", up, s->opt.peers);
	return !s->res.failed;
}

static void all_leave(struct soak *s, enum soak_plan plan)
{
	uint32_t i;

	for (i = 0; i < s->opt.peers; i++) {
		s->life[i]->plan = plan;
		s->life[i]->end_us = soak_now(s);
		s->life[i]->force_us = soak_now(s) + QUIET_US;
	}
}

/* How many slots the card fills while the host returns none. */
static void measure_slots(struct soak *s, struct soak_level *v)
{
	uint64_t end = soak_now(s) + FLOOD_US, held;
	uint32_t i;

	s->keep_slots = true;
	v->slots_card = 0;
	for (i = 0; i < SOAK_FLOODERS; i++)
		for (held = 0; held < FLOOD_BYTES; held += 4000)
			soak_peer_send(s, s->life[i], 4000);
	while (soak_now(s) < end && soak_turn(s)) {
		if (s->kept > v->slots_card)
			end = soak_now(s) + FLOOD_US;
		v->slots_card = s->kept;
	}
	s->keep_slots = false;
	while (s->kept && !s->res.failed)
		if (fantail_recv_return(s->f, s->kept_slot[--s->kept]))
			soak_fail(s, "slot %u was not ours",
				  s->kept_slot[s->kept]);
}

/* Each payload needs an extent: the bytes before it went to somebody else. */
static void extent_for_each(struct soak *s)
{
	uint32_t i;

	for (i = 0; i < s->opt.peers; i++)
		soak_publish(s, s->life[i], 0, 4);
	soak_submit(s);
	while (s->batches_open && soak_turn(s))
		;
}

/* How many extents all connections get while nothing is acknowledged. */
static void measure_extents(struct soak *s, struct soak_level *v)
{
	uint32_t extents = fantail_dev_limits(s->dev)->extents, i, k;

	s->deaf = true;
	for (k = 0; k < extents + EXTENTS_MORE && !s->res.failed; k++)
		extent_for_each(s);
	v->extents = 0;
	for (i = 0; i < s->opt.peers; i++) {
		if (!(s->life[i]->events & FANTAIL_EV_OVERRUN) ||
		    s->life[i]->cause != FANTAIL_CAUSE_EXTENTS)
			soak_fail(s, "peer %u: events %04x cause %u", i,
				  s->life[i]->events, s->life[i]->cause);
		v->extents += s->life[i]->queued / 4;
	}
	s->deaf = false;
}

/* Two lives of everybody: what the card gives of slots and extents. */
bool soak_measure(struct soak *s, struct soak_level *v)
{
	int i;

	if (!all_stay(s))
		return false;
	for (i = 0; i < EXTENTS_USED; i++)
		extent_for_each(s);
	measure_slots(s, v);
	all_leave(s, SOAK_PEER_ABORTS);
	if (!soak_quiet(s) || !all_stay(s))
		return false;
	measure_extents(s, v);
	all_leave(s, SOAK_PEER_ABORTS);
	if (!soak_quiet(s))
		return false;
	read_level(s, v);
	return !s->res.failed;
}

static bool all_have(const struct soak *s)
{
	uint32_t i;

	for (i = 0; i < s->opt.peers; i++)
		if (s->life[i]->got < s->life[i]->sent)
			return false;
	return true;
}

/* Everybody gets everything, byte by byte, and nobody is cut off. */
bool soak_full_run(struct soak *s)
{
	uint64_t exact = s->res.exact, end, start;
	uint32_t b, k;

	if (!all_stay(s))
		return false;
	start = soak_now(s);
	for (k = 0; k < s->opt.peers; k++)
		soak_peer_send(s, s->life[k], 1 + soak_below(s, 4000));
	for (b = 0; b < s->opt.full_batches && !s->res.failed; b++) {
		for (k = 0; k < 8; k++)
			soak_publish(s, NULL, SOAK_GROUPS,
				     1 + soak_below(s, 1500));
		soak_submit(s);
		end = soak_now(s) + QUIET_US;
		while (!all_have(s) && soak_now(s) < end && soak_turn(s))
			;
		if (!all_have(s))
			soak_fail(s, "full run: batch %u does not arrive", b);
	}
	s->res.full_us = soak_now(s) - start;
	for (k = 0; k < s->opt.peers; k++)
		s->res.full_bytes += s->life[k]->got;
	all_leave(s, SOAK_PEER_CLOSES);
	if (!soak_quiet(s))
		return false;
	if (s->res.exact - exact != s->opt.peers)
		soak_fail(s, "full run: %llu of %u streams are exact",
			  (unsigned long long)(s->res.exact - exact),
			  s->opt.peers);
	return !s->res.failed;
}

static void same(struct soak *s, const char *what, uint64_t before,
		 uint64_t after)
{
	if (before != after)
		soak_fail(s, "%s: %llu before, %llu after", what,
			  (unsigned long long)before,
			  (unsigned long long)after);
}

bool soak_compare(struct soak *s)
{
	const struct soak_level *a = &s->res.before, *b = &s->res.after;

	same(s, "open connections", a->open, b->open);
	same(s, "handshakes", a->handshakes, b->handshakes);
	same(s, "connections in TIME_WAIT", a->time_wait, b->time_wait);
	same(s, "flow entries", a->flows, b->flows);
	same(s, "log bytes in use", a->log_bytes, b->log_bytes);
	same(s, "slots held by the host", a->slots_held, b->slots_held);
	same(s, "slots that a flood gets", a->slots_card, b->slots_card);
	same(s, "extents of all", a->extents, b->extents);
	same(s, "arena bytes in use", a->arena_bytes, b->arena_bytes);
	same(s, "free ids of the library", a->lib_ids, b->lib_ids);
	same(s, "timers of the library", a->lib_timers, b->lib_timers);
	same(s, "flow entries, from zero", 0, b->flows);
	same(s, "log bytes, from zero", 0, b->log_bytes);
	return !s->res.failed;
}
