/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport.h"

enum {
	/* between looks at the peers, at first and later */
	STEP_US = 2000,
	STEP_MAX_US = 8000,
};

/* Random bytes, the first payload repeated so that none wraps. */
uint8_t engine_table[ENGINE_TABLE + ENGINE_PAYLOAD];

uint64_t engine_mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
	x = (x ^ x >> 27) * 0x94D049BB133111EBu;
	return x ^ x >> 31;
}

uint64_t engine_seed(uint64_t given)
{
	const char *s = getenv("SEED");

	if (s)
		given = strtoull(s, NULL, 0);
	fprintf(stderr, "SEED=%llu\n", (unsigned long long)given);
	return given;
}

uint32_t engine_random(struct engine *e, uint32_t below)
{
	e->rnd = engine_mix(e->rnd);
	return (uint32_t)(e->rnd >> 32) % below;
}

uint8_t engine_up_byte(uint32_t client, uint64_t at)
{
	return (uint8_t)(engine_mix((uint64_t)client << 40 | at / 8) >>
			 at % 8 * 8);
}

/* ---------------------------------------------------------------- network */
static void on_data(void *ctx, struct fantail_peers *peers, uint32_t peer,
		    const void *bytes, size_t len)
{
	struct engine *e = ctx;
	struct engine_client *c = &e->client[peer];
	const uint8_t *p = bytes;

	(void)peers;
	c->got += len;
	if (e->opt.data)
		e->opt.data(e, peer, p, len);
	while (len && !e->opt.data) {
		struct engine_piece *piece = &c->piece[c->next_piece];
		size_t n;

		if (c->next_piece >= c->pieces) {
			c->wrong = true;
			return;
		}
		n = piece->len - c->next_off;
		if (n > len)
			n = len;
		if (memcmp(p, engine_table + piece->at + c->next_off, n))
			c->wrong = true;
		p += n;
		len -= n;
		c->next_off += (uint32_t)n;
		if (c->next_off == piece->len) {
			c->next_off = 0;
			c->next_piece++;
		}
	}
}

static void on_event(void *ctx, struct fantail_peers *peers, uint32_t peer,
		     enum fantail_peer_event event)
{
	struct engine *e = ctx;

	(void)peers;
	e->client[peer].peer_events |= 1u << event;
}

static void on_frame(void *ctx, bool to_card, const uint8_t *frame, size_t len,
		     uint64_t now_us, struct fantail_net_fate *fate)
{
	struct engine *e = ctx;
	struct engine_segment s;

	(void)to_card;
	if (!e->opt.segment || !engine_parse(e, frame, len, &s))
		return;
	s.now_us = now_us;
	e->opt.segment(e, &s, fate);
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level <= FANTAIL_SIM_WARN)
		fprintf(stderr, "card: %s\n", msg);
}

/* ------------------------------------------------------------ open, close */
static void open_sim(struct engine *e)
{
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = e->clients;
	peers.first_ip = ENGINE_PEER_IP;
	peers.no_arp = true;
	peers.delay_us = e->opt.peer_delay_us;
	peers.connect_at_us = FANTAIL_NET_NEVER;
	peers.configure = e->opt.configure;
	peers.on_data = on_data;
	peers.on_event = on_event;
	peers.ctx = e;
	net.card_ip = e->ip;
	net.card_port = ENGINE_PORT;
	net.peers = &peers;
	net.link = on_frame;
	net.link_ctx = e;
	memcpy(e->mac, net.card_mac, 6);
	fantail_sim_config_init(&cfg);
	cfg.network = "peers:";
	cfg.net = &net;
	cfg.seed = e->opt.seed;
	/* four times what the longest test needs */
	cfg.cycle_limit = e->opt.cycle_limit ? e->opt.cycle_limit
					     : CARD_CYCLES(10000000);
	cfg.pcap = e->opt.pcap ? e->opt.pcap : getenv("PCAP");
	cfg.log = on_log;
	if (e->opt.slow_mac) {
		cfg.mac_pacing = true;
		cfg.ns_per_cycle = 1;
	}
	cr_assert_eq(fantail_sim_open(&cfg, &e->sim), 0);
}

static void open_device(struct engine *e)
{
	static const uint8_t key[16] = "hash of the test";
	struct fantail_qp_options qp = e->opt.qp;
	struct fantail_dev_options opt = { .sim = e->sim, .hash_key = key };
	unsigned int control;

	if (!qp.slot_count)
		qp.slot_count = 128;
	if (!e->opt.mod_us_given)
		qp.mod_us = FANTAIL_MOD_US_DEFAULT;
	cr_assert_eq(fantail_dev_open("sim:", &opt, &e->dev), 0);
	cr_assert_eq(fantail_qp_open(e->dev, 0, &qp, &e->qp), 0);
	control = fantail_sq_size(e->qp, FANTAIL_RING_CONTROL);
	cr_assert_eq(fantail_dma_alloc(e->dev, (size_t)control * ENGINE_SCRATCH,
				       FANTAIL_DMA_READ, &e->scratch),
		     0);
	cr_assert_eq(fantail_dma_alloc(
			     e->dev,
			     (size_t)fantail_sq_size(e->qp, FANTAIL_RING_DATA) *
				     ENGINE_LIST,
			     FANTAIL_DMA_READ, &e->lists),
		     0);
	cr_assert_eq(fantail_dma_alloc(e->dev, ENGINE_ARENA,
				       FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD,
				       &e->arena),
		     0);
}

struct engine *engine_open(const struct engine_options *opt)
{
	struct engine *e = calloc(1, sizeof(*e));
	uint32_t i;

	cr_assert(e);
	e->opt = *opt;
	e->clients = opt->clients;
	cr_assert_leq(e->clients, ENGINE_MOST);
	if (!e->opt.seed)
		e->opt.seed = 1;
	e->rnd = e->opt.seed;
	e->ip = 0x0A010001;
	for (i = 0; i < ENGINE_TABLE; i++)
		engine_table[i] = (uint8_t)(engine_mix(i / 8) >> i % 8 * 8);
	for (; i < sizeof(engine_table); i++)
		engine_table[i] = engine_table[i - ENGINE_TABLE];
	open_sim(e);
	open_device(e);
	e->connections = fantail_dev_limits(e->dev)->connections;
	cr_assert_leq(e->clients, e->connections);
	cr_assert_leq(e->connections, ENGINE_MOST);
	/* ids from the end of the table and from its beginning, or dense */
	for (i = 0; i < e->clients; i++) {
		uint32_t far = i & 1 ? e->connections - 1 - i / 2 : i / 2;

		e->client[i].id = (uint16_t)(e->opt.dense_ids ? i : far);
		e->owner[e->client[i].id] = (uint16_t)i;
	}
	return e;
}

static void close_device(struct engine *e)
{
	fantail_dma_free(e->dev, &e->arena);
	fantail_dma_free(e->dev, &e->scratch);
	fantail_dma_free(e->dev, &e->lists);
	fantail_qp_close(e->qp);
	fantail_dev_close(e->dev);
}

void engine_reopen(struct engine *e)
{
	struct fantail_peers *peers;
	uint32_t i;

	close_device(e);
	peers = engine_peers(e);
	for (i = 0; i < e->clients; i++) {
		fantail_peer_abort(peers, i);
		e->client[i].state = ENGINE_DEAD;
	}
	engine_peers_done(e);
	memset(e->member, 0, sizeof(e->member));
	e->arena_head = e->arena_tail = 0;
	e->batches = e->batches_done = 0;
	e->control_pending = 0;
	e->slots_held = 0;
	e->kept_count = 0;
	e->newest = NULL;
	open_device(e);
	/* what the peers sent meanwhile meets no connection */
	engine_for(e, 1000);
}

static void check_peers(struct engine *e)
{
	struct fantail_peers_stats s;
	uint32_t i;

	fantail_peers_get_stats(engine_peers(e), &s);
	engine_peers_done(e);
	for (i = 0; i < e->clients; i++) {
		cr_assert_not(e->client[i].wrong, "client %u: wrong bytes", i);
		cr_assert_leq(e->client[i].got, e->client[i].sent);
	}
	cr_assert_eq(s.bad_checksums, 0);
	cr_assert_eq(s.bad_frames, 0);
	if (!e->opt.reordered)
		cr_assert_eq(s.bad_timestamps, 0);
	cr_assert_eq(s.beyond_window, 0);
	cr_assert_eq(s.unknown, 0);
}

void engine_close(struct engine *e)
{
	char why[300];
	uint32_t i;

	check_peers(e);
	cr_assert_eq(fantail_sim_check(e->sim, why, sizeof(why)), 0, "%s", why);
	close_device(e);
	cr_assert_eq(fantail_sim_check(e->sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(e->sim);
	for (i = 0; i < e->clients; i++)
		free(e->client[i].piece);
	free(e);
}

struct fantail_peers *engine_peers(struct engine *e)
{
	fantail_sim_lock(e->sim);
	return fantail_net_peers(fantail_sim_net(e->sim));
}

void engine_peers_done(struct engine *e)
{
	fantail_sim_unlock(e->sim);
}

/* ---------------------------------------------------------------- records */
static void return_slots(struct engine *e)
{
	if (!e->slots_held || !fantail_sq_space(e->qp, FANTAIL_RING_CONTROL))
		return;
	cr_assert_eq(fantail_slots_return(e->qp, e->slots, e->slots_held), 0);
	e->slots_held = 0;
	e->control_pending++;
}

static void return_slot(struct engine *e, uint16_t slot)
{
	e->slots[e->slots_held++] = slot;
	if (e->slots_held == FANTAIL_RETURN_MAX)
		return_slots(e);
	cr_assert_lt(e->slots_held, 16, "CONTROL does not move");
}

void engine_return_kept(struct engine *e)
{
	while (e->kept_count)
		return_slot(e, e->kept[--e->kept_count]);
	return_slots(e);
	engine_ring(e);
}

static struct engine_client *by_handle(struct engine *e, uint32_t handle)
{
	uint32_t id = handle & 0xFFFF;
	struct engine_client *c;

	cr_assert_lt(id, e->connections);
	c = &e->client[e->owner[id]];
	cr_assert_eq(c->handle, handle, "record of handle %08x", handle);
	return c;
}

static void on_conn(struct engine *e, const struct fantail_rec_conn *r)
{
	const uint16_t dead = FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT |
			      FANTAIL_EV_OVERRUN | FANTAIL_EV_ABORTED |
			      FANTAIL_EV_RELEASED;
	const uint16_t once = dead | FANTAIL_EV_PEER_FIN | FANTAIL_EV_CLOSED |
			      FANTAIL_EV_FIN_ACKED;
	struct engine_client *c = by_handle(e, r->handle);

	cr_assert_eq(c->events & FANTAIL_EV_RELEASED, 0,
		     "RELEASED is not the last record of %08x", r->handle);
	cr_assert_eq(c->events & r->events & once, 0,
		     "events %04x of %08x told twice", r->events, r->handle);
	c->events |= r->events;
	cr_assert_eq(c->events, r->all_events);
	c->last = *r;
	c->conn_records++;
	e->conn_records++;
	if (r->events & FANTAIL_EV_OVERRUN)
		c->cause = r->cause;
	if (r->events & dead)
		c->state = ENGINE_DEAD;
}

static void on_up_data(struct engine *e, const struct fantail_rec_data *r)
{
	struct engine_client *c = by_handle(e, r->handle);
	const uint8_t *p =
		(const uint8_t *)fantail_slot(e->qp, r->slot) + r->offset;
	uint16_t i;

	cr_assert_eq(c->events & (FANTAIL_EV_PEER_FIN | FANTAIL_EV_RESET), 0,
		     "DATA behind the end");
	for (i = 0; i < r->length; i++)
		cr_assert_eq(p[i],
			     engine_up_byte(e->owner[c->id], c->up_got + i),
			     "client %u, byte %llu from it", e->owner[c->id],
			     (unsigned long long)c->up_got + i);
	c->up_got += r->length;
	if (!e->opt.keep_slots) {
		return_slot(e, r->slot);
	} else {
		cr_assert_lt(e->kept_count, 4096);
		e->kept[e->kept_count++] = r->slot;
	}
}

static void on_batch(struct engine *e, const struct fantail_rec_batch *r)
{
	struct engine_batch *b = &e->batch[e->batches_done % 4096];

	if (r->ring == FANTAIL_RING_CONTROL) {
		if (r->cookie_hi == 1)
			engine_installed(e, r->cookie_lo);
		return;
	}
	cr_assert_lt(e->batches_done, e->batches);
	cr_assert_eq(r->cookie_lo, e->batches_done, "BATCH out of order");
	e->arena_tail = b->arena_end;
	e->batches_done++;
	e->last_batch = *r;
}

static void on_summary(struct engine *e, const struct fantail_rec_summary *r)
{
	e->summaries++;
	e->sums.connects += r->connects;
	e->sums.reads += r->reads;
	e->sums.errors += r->errors;
	e->sums.disconnects += r->disconnects;
	e->sums.successes += r->successes;
	e->last_summary = *r;
}

static void on_record(struct engine *e, const union fantail_record *rec)
{
	switch (rec->type) {
	case FANTAIL_REC_BATCH:
		on_batch(e, &rec->batch);
		break;
	case FANTAIL_REC_CONN:
		on_conn(e, &rec->conn);
		break;
	case FANTAIL_REC_DATA:
		on_up_data(e, &rec->data);
		break;
	case FANTAIL_REC_FRAME:
		engine_tcp_input(e, fantail_slot(e->qp, rec->frame.slot),
				 rec->frame.length);
		return_slot(e, rec->frame.slot);
		break;
	case FANTAIL_REC_REFUSED:
		e->last_refused = rec->refused;
		/* what we inject may have died in the meantime */
		if (rec->refused.code == FANTAIL_REFUSE_INJECT_MISSED &&
		    rec->refused.cookie_hi == 2)
			break;
		e->refused++;
		cr_assert(e->opt.refusals_are_ok,
			  "op %u on %08x refused with %u", rec->refused.op,
			  rec->refused.target, rec->refused.code);
		break;
	case FANTAIL_REC_SUMMARY:
		on_summary(e, &rec->summary);
		break;
	case FANTAIL_REC_DELIVERED:
		cr_assert_eq(rec->delivered.ring, FANTAIL_RING_DATA);
		e->delivered++;
		e->last_delivered = rec->delivered.cookie_lo;
		break;
	case FANTAIL_REC_HEAD:
		break;
	default:
		cr_assert_fail("record of type %u", rec->type);
	}
	if (e->opt.record)
		e->opt.record(e, rec);
}

int engine_poll(struct engine *e)
{
	union fantail_record recs[32];
	int n, i;

	n = fantail_qp_poll(e->qp, recs,
			    e->opt.poll_most ? e->opt.poll_most : 32);
	cr_assert_geq(n, 0, "poll: %d", n);
	for (i = 0; i < n; i++)
		on_record(e, &recs[i]);
	if (!n)
		return_slots(e);
	engine_ring(e);
	return n;
}

void engine_until(struct engine *e, bool (*done)(struct engine *e),
		  uint64_t limit_us)
{
	uint64_t begin = fantail_sim_now_us(e->sim), now, step;
	int rc;

	while (engine_poll(e) || !done(e)) {
		now = fantail_sim_now_us(e->sim);
		cr_assert_lt(now, begin + limit_us,
			     "not done after %llu us (cycle %llu)",
			     (unsigned long long)limit_us,
			     (unsigned long long)fantail_sim_cycles(e->sim));
		/*
		 * What peers receive wakes nobody here. Each look costs the
		 * sweep that finds the card idle again: the longer it takes,
		 * the fewer.
		 */
		step = (now - begin) / 8;
		if (step < STEP_US)
			step = STEP_US;
		if (step > STEP_MAX_US)
			step = STEP_MAX_US;
		rc = fantail_qp_wait(e->qp, (int64_t)step);
		cr_assert_geq(rc, 0, "wait: %d", rc);
	}
}

void engine_for(struct engine *e, uint64_t us)
{
	uint64_t end = fantail_sim_now_us(e->sim) + us, now;
	int rc;

	for (;;) {
		engine_poll(e);
		now = fantail_sim_now_us(e->sim);
		if (now >= end)
			return;
		rc = fantail_qp_wait(e->qp, (int64_t)(end - now));
		cr_assert_geq(rc, 0, "wait: %d", rc);
	}
}

void engine_pass(struct engine *e, uint64_t us)
{
	cr_assert_eq(fantail_sim_wait(e->sim, 0, (int64_t)us, NULL), 0);
}

uint64_t engine_count(struct engine *e, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_dev_counter(e->dev, offset, &value), 0);
	return value;
}

uint64_t engine_qp_count(struct engine *e, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_qp_counter(e->qp, offset, &value), 0);
	return value;
}
