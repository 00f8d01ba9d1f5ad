/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receive slots of one connection: at most a quarter of its queue pair's, and
 * a window that closes before.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine.h"
#include "pair.h"

enum {
	HOST = 1, /* whose peers pair_peer_send() plays */
	SLOTS = 128,
	SHARE = SLOTS / 4,
	CONNS = 3,
	FLOOD_SLOTS = 256,
	FLOOD_SHARE = FLOOD_SLOTS / 4,
	HONEST_BYTES = 60000,
	HONEST_CREDIT = 14600,
};

static const struct fantail_qp_options opt = {
	.data_log2 = 6,
	.control_log2 = 6,
	.slot_count = SLOTS,
	.mod_count = 1,
};

/* A connection whose peer sends one byte at a time, whatever the window. */
struct flood {
	uint32_t id, handle, seq;
	uint16_t slot[SHARE + 1];
	uint32_t held;
};

static void begin(struct pair *p, struct flood *f, uint32_t id, uint32_t gen)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->handle = pair_install(p, HOST, id, gen);
	f->seq = 1;
}

/* The peer sends @n bytes; how many find a slot. */
static uint32_t flood(struct pair *p, struct flood *f, uint32_t n)
{
	const struct pair_host *host = &p->host[HOST];
	uint32_t i, before = f->held, place = SHARE - before;

	pair_forget(p);
	for (i = 0; i < n; i++) {
		/* the first that is not taken comes again and again */
		pair_peer_send(p, f->id, f->seq + (i < place ? i : place), 1);
		if (i % 8 == 7)
			pair_for(p, 20);
	}
	pair_for(p, 200);
	for (i = 0; i < host->recs; i++) {
		if (host->rec[i].type != FANTAIL_REC_DATA)
			continue;
		cr_assert_eq(host->rec[i].data.handle, f->handle);
		cr_assert_eq(host->rec[i].data.length, 1);
		cr_assert_leq(f->held, SHARE);
		f->slot[f->held++] = host->rec[i].data.slot;
	}
	f->seq += f->held - before;
	return f->held - before;
}

static void give_back(struct pair *p, const uint16_t *slot, uint32_t n)
{
	uint32_t part;

	for (; n; n -= part, slot += part) {
		part = n < FANTAIL_RETURN_MAX ? n : FANTAIL_RETURN_MAX;
		cr_assert_eq(
			fantail_slots_return(p->host[HOST].qp, slot, (int)part),
			0);
		pair_get(p, HOST, FANTAIL_RING_CONTROL, FANTAIL_OP_NOP, 0);
		cr_assert_eq(pair_ring(p, HOST, FANTAIL_RING_CONTROL).refused,
			     0);
	}
}

static uint64_t not_taken(struct pair *p)
{
	uint64_t n;

	fantail_dev_counter(p->dev, FANTAIL_CNT_RX_DROP_DATA_SLOT, &n);
	return n;
}

/* Slots of several connections in one entry, in any order. */
Test(slots, each_return_counts_for_its_connection)
{
	struct pair *p = pair_open(&opt);
	struct flood f[CONNS];
	uint64_t rnd = engine_seed(1), dropped = 0;
	uint16_t back[CONNS * SHARE];
	uint32_t i, k, n, round, place;

	for (i = 0; i < CONNS; i++)
		begin(p, &f[i], 10 + 7 * i, 3);
	for (round = 0; round < 60; round++) {
		for (i = 0; i < CONNS; i++) {
			n = (uint32_t)((rnd = engine_mix(rnd)) % (SHARE + 4));
			place = SHARE - f[i].held;
			k = n < place ? n : place;
			cr_assert_eq(flood(p, &f[i], n), k);
			dropped += n - k;
			cr_assert_eq(not_taken(p), dropped);
		}
		n = 0;
		for (k = 0; k < SHARE; k++) {
			struct flood *of;

			rnd = engine_mix(rnd);
			of = &f[rnd % CONNS];
			if (!of->held)
				continue;
			place = (uint32_t)(rnd >> 8) % of->held;
			back[n++] = of->slot[place];
			of->slot[place] = of->slot[--of->held];
		}
		give_back(p, back, n);
	}
	cr_assert_gt(dropped, 100);
	for (i = 0; i < CONNS; i++) {
		give_back(p, f[i].slot, f[i].held);
		f[i].held = 0;
		cr_assert_eq(flood(p, &f[i], SHARE + 1), SHARE);
	}
	pair_close(p);
}

/* What comes back late is not the credit of an id's next user. */
Test(slots, of_an_earlier_generation)
{
	struct pair *p = pair_open(&opt);
	struct flood old, new;

	begin(p, &old, 5, 1);
	cr_assert_eq(flood(p, &old, SHARE + 3), SHARE);
	pair_get(p, HOST, FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_RELEASE,
		 old.handle);
	cr_assert_eq(pair_ring(p, HOST, FANTAIL_RING_CONTROL).refused, 0);
	begin(p, &new, 5, 2);
	cr_assert_eq(flood(p, &new, SHARE + 3), SHARE);
	give_back(p, old.slot, SHARE);
	cr_assert_eq(flood(p, &new, 3), 0);
	give_back(p, &new.slot[--new.held], 1);
	cr_assert_eq(flood(p, &new, 3), 1);
	pair_close(p);
}

/* A queue pair that ends takes what its connections held with it. */
Test(slots, of_a_queue_pair_that_ended)
{
	struct pair *p = pair_open(&opt);
	struct flood f;
	uint32_t round;

	for (round = 0; round < 3; round++) {
		begin(p, &f, 5, 1);
		cr_assert_eq(flood(p, &f, SHARE + 3), SHARE);
		pair_close_host(p, HOST);
		pair_open_host(p, HOST, &opt);
	}
	pair_close(p);
}

/*
 * It ends while one entry gives back many slots: at any cycle, from the entry's
 * fetch to the last slot. The next tenant finds all slots, and all credit.
 */
Test(slots, of_a_queue_pair_that_ends_in_a_return)
{
	struct pair *p = pair_open(&opt);
	struct flood f;
	uint32_t cycle;

	for (cycle = 140; cycle < 300; cycle++) {
		begin(p, &f, 5, 1);
		cr_assert_eq(flood(p, &f, FANTAIL_RETURN_MAX),
			     FANTAIL_RETURN_MAX);
		cr_assert_eq(fantail_slots_return(p->host[HOST].qp, f.slot,
						  FANTAIL_RETURN_MAX),
			     0);
		cr_assert_eq(fantail_qp_submit_control(p->host[HOST].qp), 1);
		cr_assert_eq(fantail_sim_run(p->sim, cycle), 0);
		pair_write(p, HOST, FANTAIL_QP_QP_CTRL, 0);
		pair_close_host(p, HOST);
		pair_open_host(p, HOST, &opt);
	}
	begin(p, &f, 5, 1);
	cr_assert_eq(flood(p, &f, SHARE + 3), SHARE);
	pair_close(p);
}

/* ------------------------------------------------- one floods, nine do not */
static uint32_t owner_of_slot[FLOOD_SLOTS]; /* handle */
static bool deaf;

static void note_owner(struct engine *e, const union fantail_record *rec)
{
	(void)e;
	if (rec->type == FANTAIL_REC_DATA)
		owner_of_slot[rec->data.slot] = rec->data.handle;
}

/* Client 0 does not hear that its window is closed. */
static void lose_closed_windows(struct engine *e,
				const struct engine_segment *s,
				struct fantail_net_fate *fate)
{
	(void)e;
	if (deaf && !s->to_card && s->client == 0 && s->wnd == 0)
		fate->copies = 0;
}

static void credit(struct engine *e, uint32_t client, struct fantail_context *x)
{
	(void)e;
	if (client)
		x->rcv_credit = HONEST_CREDIT;
}

static void patient(void *ctx, uint32_t client, struct fantail_peer_options *o)
{
	(void)ctx;
	(void)client;
	o->retries = 255;
}

/* Give back @most slots of others than client 0; those that stay are kept. */
static void read_slowly(struct engine *e, uint32_t most)
{
	uint16_t back[FANTAIL_RETURN_MAX];
	uint32_t i, kept = 0, n = 0;

	for (i = 0; i < e->kept_count; i++) {
		uint16_t slot = e->kept[i];

		if (n < most && owner_of_slot[slot] != e->client[0].handle)
			back[n++] = slot;
		else
			e->kept[kept++] = slot;
	}
	e->kept_count = kept;
	if (!n)
		return;
	cr_assert_eq(fantail_slots_return(e->qp, back, (int)n), 0);
	e->control_pending++;
	engine_ring(e);
}

static bool honest_done(const struct engine *e)
{
	uint32_t i;

	for (i = 1; i < e->clients; i++)
		if (e->client[i].up_got != HONEST_BYTES)
			return false;
	return true;
}

static bool all_got(struct engine *e)
{
	return honest_done(e) && e->client[0].up_got == e->client[0].up_sent;
}

static uint32_t retransmits(struct engine *e, uint32_t client)
{
	struct fantail_peer_info info;

	cr_assert_eq(fantail_peer_get_info(engine_peers(e), client, &info), 0);
	engine_peers_done(e);
	return info.retransmits;
}

/*
 * One sends bytes one by one and does not stop, and nobody reads them; nine
 * are read slowly. The nine lose no segment and get on; the one gets its share
 * and in the end all its bytes through.
 */
Test(slots, one_floods_and_nine_go_on)
{
	struct engine_options o = {
		.clients = 10,
		.context = credit,
		.configure = patient,
		.record = note_owner,
		.segment = lose_closed_windows,
		.keep_slots = true,
		.qp = { .slot_count = FLOOD_SLOTS },
	};
	struct engine *e = engine_open(&o);
	uint32_t i, rounds = 0;

	deaf = true;
	engine_connect_all(e);
	for (i = 0; i < 2 * FLOOD_SLOTS; i++) {
		engine_peer_send(e, 0, 1);
		if (i % 8 == 7)
			engine_for(e, 100);
	}
	cr_assert_eq(e->client[0].up_got, FLOOD_SHARE);
	cr_assert_geq(engine_count(e, FANTAIL_CNT_RX_DROP_DATA_SLOT), 1);
	for (i = 1; i < e->clients; i++)
		engine_peer_send(e, i, HONEST_BYTES);
	while (!honest_done(e)) {
		cr_assert_lt(rounds++, 1000, "no progress");
		engine_peer_send(e, 0, 1);
		engine_for(e, 1000);
		read_slowly(e, FANTAIL_RETURN_MAX);
	}
	cr_assert_eq(e->client[0].up_got, FLOOD_SHARE);
	for (i = 1; i < e->clients; i++)
		cr_assert_eq(retransmits(e, i), 0, "client %u", i);
	deaf = false;
	for (rounds = 0; !all_got(e); rounds++) {
		cr_assert_lt(rounds, 100, "client 0 is stuck");
		engine_return_kept(e);
		engine_for(e, 1000000);
	}
	engine_return_kept(e);
	engine_drain(e);
	engine_close(e);
}

/*
 * A peer that goes by its window never sends what finds no slot, though it
 * sends a byte at a time and the window in bytes is far from used up.
 */
Test(slots, the_window_closes_in_time)
{
	struct engine_options o = {
		.clients = 1,
		.record = note_owner,
		.keep_slots = true,
		.qp = { .slot_count = FLOOD_SLOTS },
	};
	struct engine *e = engine_open(&o);
	uint32_t i, rounds;

	engine_connect_all(e);
	for (i = 0; i < 10 * FLOOD_SLOTS; i++) {
		engine_peer_send(e, 0, 1);
		engine_for(e, 100);
		if (i % FLOOD_SHARE == FLOOD_SHARE - 1)
			engine_return_kept(e);
	}
	for (rounds = 0; e->client[0].up_got != e->client[0].up_sent;
	     rounds++) {
		cr_assert_lt(rounds, 100);
		engine_return_kept(e);
		engine_for(e, 100000);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_RX_DROP_DATA_SLOT), 0);
	engine_return_kept(e);
	engine_drain(e);
	engine_close(e);
}
