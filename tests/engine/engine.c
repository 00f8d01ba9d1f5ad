/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport.h"

enum {
	ARENA = 1 << 20,
	TABLE = 1 << 16,
	SCRATCH = 2048, /* for each CONTROL entry */
	STEP_US = 2000, /* between looks at the peers */
};

/* Random bytes, the first payload repeated so that none wraps. */
static uint8_t table[TABLE + ENGINE_PAYLOAD];

static uint64_t mix(uint64_t x)
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
	e->rnd = mix(e->rnd);
	return (uint32_t)(e->rnd >> 32) % below;
}

static uint8_t up_byte(uint32_t client, uint64_t at)
{
	return (uint8_t)(mix((uint64_t)client << 40 | at / 8) >> at % 8 * 8);
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
	while (len) {
		struct engine_piece *piece = &c->piece[c->next_piece];
		size_t n;

		if (c->next_piece >= c->pieces) {
			c->wrong = true;
			return;
		}
		n = piece->len - c->next_off;
		if (n > len)
			n = len;
		if (memcmp(p, table + piece->at + c->next_off, n))
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
	cfg.pcap = e->opt.pcap ? e->opt.pcap : getenv("PCAP");
	cfg.log = on_log;
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
	cr_assert_eq(fantail_dma_alloc(e->dev, (size_t)control * SCRATCH,
				       FANTAIL_DMA_READ, &e->scratch),
		     0);
	cr_assert_eq(fantail_dma_alloc(e->dev, ARENA,
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
	cr_assert_leq(e->clients, ENGINE_CLIENTS);
	if (!e->opt.seed)
		e->opt.seed = 1;
	e->rnd = e->opt.seed;
	e->ip = 0x0A010001;
	for (i = 0; i < TABLE; i++)
		table[i] = (uint8_t)(mix(i / 8) >> i % 8 * 8);
	memcpy(table + TABLE, table, ENGINE_PAYLOAD);
	/* ids from the end of the table and from its beginning */
	for (i = 0; i < e->clients; i++) {
		e->client[i].id =
			(uint16_t)(i & 1 ? ENGINE_CLIENTS - 1 - i / 2 : i / 2);
		e->owner[e->client[i].id] = (uint16_t)i;
	}
	open_sim(e);
	open_device(e);
	return e;
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
	fantail_dma_free(e->dev, &e->arena);
	fantail_dma_free(e->dev, &e->scratch);
	fantail_qp_close(e->qp);
	fantail_dev_close(e->dev);
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

static struct engine_client *by_handle(struct engine *e, uint32_t handle)
{
	uint32_t id = handle & 0xFFFF;
	struct engine_client *c = &e->client[e->owner[id]];

	cr_assert_lt(id, ENGINE_CLIENTS);
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
		cr_assert_eq(p[i], up_byte(e->owner[c->id], c->up_got + i),
			     "client %u, byte %llu from it", e->owner[c->id],
			     (unsigned long long)c->up_got + i);
	c->up_got += r->length;
	if (!e->opt.keep_slots)
		return_slot(e, r->slot);
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

	n = fantail_qp_poll(e->qp, recs, 32);
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
	uint64_t end = fantail_sim_now_us(e->sim) + limit_us, now;
	int rc;

	while (engine_poll(e) || !done(e)) {
		now = fantail_sim_now_us(e->sim);
		cr_assert_lt(now, end, "not done after %llu us (cycle %llu)",
			     (unsigned long long)limit_us,
			     (unsigned long long)fantail_sim_cycles(e->sim));
		/* what peers receive wakes nobody here */
		rc = fantail_qp_wait(e->qp, STEP_US);
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

/* ---------------------------------------------------------------- entries */
struct fantail_entry *engine_control(struct engine *e, uint8_t op,
				     uint32_t target, void **memory)
{
	uint32_t size = fantail_sq_size(e->qp, FANTAIL_RING_CONTROL);
	uint32_t i = fantail_sq_tail(e->qp, FANTAIL_RING_CONTROL) % size;
	struct fantail_entry *entry;

	entry = fantail_sq_get(e->qp, FANTAIL_RING_CONTROL);
	cr_assert(entry, "CONTROL is full");
	entry->op = op;
	entry->target = target;
	if (memory) {
		*memory = (uint8_t *)e->scratch.va + (size_t)i * SCRATCH;
		entry->addr = e->scratch.iova + (uint64_t)i * SCRATCH;
	}
	e->control_pending++;
	return entry;
}

void engine_ring(struct engine *e)
{
	if (!e->control_pending)
		return;
	e->control_pending = 0;
	cr_assert_geq(fantail_qp_submit_control(e->qp), 0);
}

static struct fantail_entry *get_data(struct engine *e)
{
	uint64_t end = fantail_sim_now_us(e->sim) + ENGINE_FAR_US;
	struct fantail_entry *entry;

	while (!(entry = fantail_sq_get(e->qp, FANTAIL_RING_DATA))) {
		cr_assert_lt(fantail_sim_now_us(e->sim), end);
		if (!engine_poll(e))
			cr_assert_geq(fantail_qp_wait(e->qp, 10000), 0);
	}
	e->newest = entry;
	return entry;
}

struct fantail_entry *engine_data(struct engine *e, uint8_t op, uint32_t target)
{
	struct fantail_entry *entry = get_data(e);

	entry->op = op;
	entry->target = target;
	return entry;
}

void engine_submit(struct engine *e)
{
	struct engine_batch *b = &e->batch[e->batches % 4096];

	cr_assert(e->newest, "an empty batch");
	cr_assert_lt(e->batches - e->batches_done, 4096);
	e->newest->flags |= FANTAIL_FLAG_LAST;
	e->newest->cookie = e->batches;
	b->arena_end = e->arena_head;
	b->payloads = e->batch_payloads;
	e->newest = NULL;
	e->batch_payloads = 0;
	e->batches++;
	cr_assert_gt(fantail_qp_submit(e->qp), 0);
}

/* ------------------------------------------------------------- publishing */
static uint32_t arena_room(struct engine *e, uint32_t len)
{
	uint64_t end = fantail_sim_now_us(e->sim) + ENGINE_FAR_US;
	uint32_t at = (uint32_t)(e->arena_head % ARENA);

	if (at + len > ARENA) {
		e->arena_head += ARENA - at;
		e->wraps++;
		at = 0;
	}
	while (e->arena_head + len - e->arena_tail > ARENA) {
		cr_assert_lt(fantail_sim_now_us(e->sim), end);
		if (!engine_poll(e))
			cr_assert_geq(fantail_qp_wait(e->qp, 10000), 0);
	}
	e->arena_head += len;
	return at;
}

static void expect(struct engine_client *c, uint32_t at, uint32_t len)
{
	if (c->state != ENGINE_UP || c->fin_queued)
		return;
	if (c->pieces == c->piece_room) {
		c->piece_room = c->piece_room ? 2 * c->piece_room : 64;
		c->piece = realloc(c->piece, c->piece_room * sizeof(*c->piece));
		cr_assert(c->piece);
	}
	c->piece[c->pieces++] = (struct engine_piece){ at, len };
	c->sent += len;
}

static uint32_t publish(struct engine *e, uint32_t target, uint8_t flags,
			uint32_t len)
{
	uint32_t at = (uint32_t)(mix(e->payloads++) % TABLE);
	uint32_t room = arena_room(e, len);
	struct fantail_entry *entry = get_data(e);

	memcpy((uint8_t *)e->arena.va + room, table + at, len);
	entry->op = FANTAIL_OP_PUBLISH;
	entry->flags = flags;
	entry->target = target;
	entry->addr = e->arena.iova + room;
	entry->len = len;
	entry->cookie = e->payloads;
	e->batch_payloads++;
	e->payload_bytes += len;
	return at;
}

void engine_group(struct engine *e, uint32_t group, uint32_t len)
{
	uint32_t at = publish(e, group, FANTAIL_FLAG_GROUP, len), i;

	for (i = 0; i < e->clients; i++)
		if (e->member[group][i])
			expect(&e->client[i], at, len);
}

void engine_unicast(struct engine *e, uint32_t client, uint32_t len)
{
	expect(&e->client[client], publish(e, e->client[client].handle, 0, len),
	       len);
}

void engine_join(struct engine *e, uint32_t client, uint32_t group)
{
	engine_data(e, FANTAIL_OP_GROUP_JOIN, e->client[client].handle)->arg0 =
		group;
	e->member[group][client] = true;
}

void engine_join_all(struct engine *e, uint32_t group)
{
	uint32_t i;

	for (i = 0; i < e->clients; i++)
		engine_join(e, i, group);
}

void engine_leave(struct engine *e, uint32_t client, uint32_t group)
{
	engine_data(e, FANTAIL_OP_GROUP_LEAVE, e->client[client].handle)->arg0 =
		group;
	e->member[group][client] = false;
}

void engine_peer_send(struct engine *e, uint32_t client, uint32_t len)
{
	struct engine_client *c = &e->client[client];
	uint8_t *bytes = malloc(len);
	uint32_t i;

	cr_assert(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = up_byte(client, c->up_sent + i);
	c->up_sent += len;
	cr_assert_eq(fantail_peer_send(engine_peers(e), client, bytes, len), 0);
	engine_peers_done(e);
	free(bytes);
}
