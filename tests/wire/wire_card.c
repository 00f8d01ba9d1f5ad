/* SPDX-License-Identifier: Apache-2.0 */
/* The card of a scripted wire test, and the host's side of it. */
#include <stdlib.h>
#include <string.h>

#include "transport.h"
#include "wire.h"

#define ARENA_BYTES   (4u << 20)
#define SCRATCH_BYTES 2048u /* of each CONTROL entry */
#define PATIENCE_US   20000 /* for what the host asks of the card */
#define FIRST_PORT    40000

/* ------------------------------------------------------------ open, close */
static void on_frame(void *ctx, const uint8_t *frame, size_t len,
		     uint64_t now_us)
{
	struct wire *w = ctx;
	struct wire_segment *s = calloc(1, sizeof(*s));
	char text[120];

	if (w->shaking) {
		w->frames++;
		free(s);
		return;
	}
	if (w->seen_count == w->seen_room) {
		w->seen_room = w->seen_room ? 2 * w->seen_room : 64;
		w->seen = realloc(w->seen,
				  w->seen_room * sizeof(struct wire_segment *));
	}
	if (!s || !w->seen)
		abort();
	if (!wire_decode(w, frame, len, s)) {
		s->conn = -1;
		snprintf(text, sizeof(text), "%zu bytes, not TCP", len);
	} else {
		wire_format(w, s, text, sizeof(text));
	}
	s->now_us = now_us;
	w->seen[w->seen_count++] = s;
	if (s->conn >= 0 && s->has_ts)
		w->conn[s->conn].last_val = s->val;
	wire_note(w, now_us, '>', "%s", text);
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct wire *w = ctx;

	/* the lock is held: no look at the clock */
	if (level <= FANTAIL_SIM_WARN)
		wire_note(w, 0, ' ', "card: %s", msg);
}

static bool open_sim(struct wire *w)
{
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	int rc;

	fantail_net_config_default(&net);
	net.frame = on_frame;
	net.frame_ctx = w;
	memcpy(w->mac, net.card_mac, 6);
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	if (w->script->line->verb == WIRE_CLOCK)
		cfg.ns_per_cycle = (unsigned int)w->script->line->value[0];
	cfg.net = &net;
	cfg.pcap = getenv("PCAP");
	cfg.log = on_log;
	cfg.log_ctx = w;
	rc = fantail_sim_open(&cfg, &w->sim);
	if (rc)
		return wire_fail(w, "the model does not open: %s",
				 strerror(-rc));
	w->ip = fantail_net_card_ip(fantail_sim_net(w->sim));
	return true;
}

bool wire_open(struct wire *w)
{
	static const uint8_t key[16] = "hash of the test";
	struct fantail_dev_options opt = { .hash_key = key };
	struct fantail_qp_options qp = {
		.control_log2 = 8,
		.slot_count = 64,
		.mod_count = 1,
	};
	int rc;

	if (!open_sim(w))
		return false;
	opt.sim = w->sim;
	rc = fantail_dev_open("sim:", &opt, &w->dev);
	if (!rc)
		rc = fantail_qp_open(w->dev, 0, &qp, &w->qp);
	if (!rc)
		rc = fantail_dma_alloc(
			w->dev,
			(size_t)fantail_sq_size(w->qp, FANTAIL_RING_CONTROL) *
				SCRATCH_BYTES,
			FANTAIL_DMA_READ, &w->scratch);
	if (!rc)
		rc = fantail_dma_alloc(w->dev, ARENA_BYTES,
				       FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD,
				       &w->arena);
	if (rc)
		return wire_fail(w, "the card does not open: %s",
				 strerror(-rc));
	return true;
}

void wire_close(struct wire *w)
{
	unsigned int i;

	if (w->dev) {
		fantail_dma_free(w->dev, &w->arena);
		fantail_dma_free(w->dev, &w->scratch);
	}
	fantail_qp_close(w->qp);
	fantail_dev_close(w->dev);
	fantail_sim_close(w->sim);
	for (i = 0; i < w->seen_count; i++)
		free(w->seen[i]);
	free(w->seen);
	free(w->row);
	free(w->count_base);
}

uint64_t wire_now(const struct wire *w)
{
	return fantail_sim_now_us(w->sim);
}

/* ---------------------------------------------------------------- entries */
static struct fantail_entry *control(struct wire *w, uint8_t op,
				     uint32_t target, void **memory)
{
	uint32_t at = fantail_sq_tail(w->qp, FANTAIL_RING_CONTROL) %
		      fantail_sq_size(w->qp, FANTAIL_RING_CONTROL);
	struct fantail_entry *e = fantail_sq_get(w->qp, FANTAIL_RING_CONTROL);

	if (!e) {
		wire_fail(w, "the CONTROL ring is full");
		return NULL;
	}
	e->op = op;
	e->target = target;
	if (memory) {
		*memory = (uint8_t *)w->scratch.va + (size_t)at * SCRATCH_BYTES;
		e->addr = w->scratch.iova + (uint64_t)at * SCRATCH_BYTES;
	}
	return e;
}

static bool ring(struct wire *w, bool data)
{
	int rc = data ? fantail_qp_submit(w->qp)
		      : fantail_qp_submit_control(w->qp);

	return rc >= 0 || wire_fail(w, "doorbell: %s", strerror(-rc));
}

static bool return_slots(struct wire *w, const uint16_t *slots, unsigned int n)
{
	unsigned int part;

	for (; n; n -= part, slots += part) {
		part = n < FANTAIL_RETURN_MAX ? n : FANTAIL_RETURN_MAX;
		if (fantail_slots_return(w->qp, slots, (int)part))
			return wire_fail(w, "slots cannot be returned");
	}
	return ring(w, false);
}

bool wire_do_return(struct wire *w)
{
	unsigned int n = w->kept_count;

	w->kept_count = 0;
	return !n || return_slots(w, w->kept, n);
}

/* ---------------------------------------------------------------- records */
static struct wire_conn *by_handle(struct wire *w, uint32_t handle)
{
	unsigned int i;

	for (i = 0; i < WIRE_CONNS; i++)
		if (w->conn[i].open && w->conn[i].handle == handle)
			return &w->conn[i];
	wire_fail(w, "a record of the unknown handle %08x", handle);
	return NULL;
}

static bool on_conn(struct wire *w, const struct fantail_rec_conn *r)
{
	struct wire_conn *c = by_handle(w, r->handle);
	char text[120] = "";
	unsigned int i;

	if (!c)
		return false;
	c->last = *r;
	c->queries += !!(r->events & FANTAIL_EV_QUERY);
	c->events |= r->events & (uint16_t)~FANTAIL_EV_QUERY;
	for (i = 0; i < 16; i++)
		if (r->events & 1u << i)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), " %s",
				 wire_event_names[i] ? wire_event_names[i]
						     : "?");
	wire_note(w, wire_now(w), ' ', "@%c CONN%s", (int)('a' + (c - w->conn)),
		  text);
	return true;
}

static bool on_data(struct wire *w, const struct fantail_rec_data *r)
{
	struct wire_conn *c = by_handle(w, r->handle);
	const uint8_t *p =
		(const uint8_t *)fantail_slot(w->qp, r->slot) + r->offset;
	unsigned int i;

	if (!c)
		return false;
	wire_note(w, wire_now(w), ' ', "@%c DATA %u bytes",
		  (int)('a' + (c - w->conn)), r->length);
	for (i = 0; i < r->length; i++)
		if (p[i] !=
		    wire_byte(true, (unsigned int)(c - w->conn), c->up_got + i))
			return wire_fail(w,
					 "byte %llu that the application got "
					 "is wrong",
					 (unsigned long long)c->up_got + i);
	c->up_got += r->length;
	c->data += r->length;
	if (!c->opt.keep)
		return return_slots(w, &r->slot, 1);
	if (w->kept_count == 64)
		return wire_fail(w, "more slots than there are");
	w->kept[w->kept_count++] = r->slot;
	return true;
}

static bool on_record(struct wire *w, const union fantail_record *r)
{
	switch (r->type) {
	case FANTAIL_REC_CONN:
		return on_conn(w, &r->conn);
	case FANTAIL_REC_DATA:
		return on_data(w, &r->data);
	case FANTAIL_REC_FRAME:
		w->frames++;
		if (!w->shaking)
			wire_note(w, wire_now(w), ' ', "FRAME %u bytes",
				  r->frame.length);
		return return_slots(w, &r->frame.slot, 1);
	case FANTAIL_REC_REFUSED:
		return wire_fail(w, "operation %u was refused with code %u",
				 r->refused.op, r->refused.code);
	case FANTAIL_REC_BATCH:
		w->batches += r->batch.ring == FANTAIL_RING_CONTROL;
		return true;
	default:
		return true;
	}
}

bool wire_step(struct wire *w, uint64_t until_us)
{
	const unsigned int before = w->seen_count + w->frames;
	union fantail_record recs[8];
	uint64_t now = wire_now(w);
	int n, i;

	n = fantail_qp_poll(w->qp, recs, 8);
	for (i = 0; i < n; i++)
		if (!on_record(w, &recs[i]))
			return false;
	if (n > 0 || (!n && now >= until_us))
		return true;
	if (!n)
		n = fantail_qp_arm(w->qp);
	/* the doorbell takes cycles, too */
	if (!n && w->seen_count + w->frames == before && wire_now(w) < until_us)
		n = fantail_sim_wait(w->sim, 1, (int64_t)(until_us - now),
				     NULL);
	if (n < 0)
		return wire_fail(w, "the card: %s", strerror(-n));
	fantail_qp_event_clear(w->qp);
	return true;
}

bool wire_inject(struct wire *w, const uint8_t *frame, size_t len)
{
	int rc;

	fantail_sim_lock(w->sim);
	rc = fantail_net_inject(fantail_sim_net(w->sim), frame, len, 0);
	fantail_sim_unlock(w->sim);
	return !rc ||
	       wire_fail(w, "a frame of %zu bytes: %s", len, strerror(-rc));
}

/* ---------------------------------------------------------------- install */
static bool wait_for(struct wire *w, const unsigned int *count,
		     const char *what)
{
	const uint64_t end = wire_now(w) + PATIENCE_US;
	const unsigned int before = *count;

	while (*count == before) {
		if (wire_now(w) >= end)
			return wire_fail(w, "no %s", what);
		if (!wire_step(w, end))
			return false;
	}
	return true;
}

/*
 * A handshake for the wire checker's eyes, played by the script's host, so
 * that it knows the connection.
 */
static bool shake_hands(struct wire *w, struct wire_conn *c)
{
	uint8_t frame[FANTAIL_NET_FRAME_MAX];
	struct fantail_entry *e;
	void *memory;
	size_t len;

	w->shaking = true;
	len = wire_build_shake(w, c, WIRE_SYN, frame);
	if (!wire_inject(w, frame, len) ||
	    !wait_for(w, &w->frames, "FRAME record of the SYN"))
		return false;
	e = control(w, FANTAIL_OP_FRAME_TX, 0, &memory);
	if (!e)
		return false;
	e->len = (uint32_t)wire_build_shake(w, c, WIRE_SYN | WIRE_ACK, memory);
	if (e->len < 60)
		e->len = 60;
	if (!ring(w, false) || !wait_for(w, &w->frames, "SYN-ACK"))
		return false;
	len = wire_build_shake(w, c, WIRE_ACK, frame);
	if (!wire_inject(w, frame, len) ||
	    !wait_for(w, &w->frames, "FRAME record of the ACK"))
		return false;
	w->frames = 0;
	w->shaking = false;
	return true;
}

static void fill_context(const struct wire *w, const struct wire_conn *c,
			 struct fantail_context *x)
{
	const struct wire_install *o = &c->opt;
	const uint8_t mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(c - w->conn) };

	memset(x, 0, sizeof(*x));
	x->local_ip = w->ip;
	x->remote_ip = 0x0A010100u + (uint32_t)(c - w->conn);
	x->local_port = 9000;
	x->remote_port = c->port;
	memcpy(x->local_mac, w->mac, 6);
	memcpy(x->remote_mac, mac, 6);
	x->snd_nxt = c->iss;
	x->rcv_nxt = c->irs;
	x->snd_wnd = o->wnd;
	x->mss = (uint16_t)o->mss;
	x->snd_wscale = (uint8_t)o->wscale;
	x->rcv_wscale = (uint8_t)o->rscale;
	x->flags = o->ts ? FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK : 0;
	x->ts_recent = 1000;
	x->ts_offset = 5000 - (uint32_t)(w->zero_us / 1000);
	x->rcv_credit = o->credit;
	x->lag_limit = o->lag;
	x->give_up_ms = o->giveup_ms;
	x->srtt_us = o->srtt_us;
	x->keepalive_s = o->keepalive_s;
}

static bool install(struct wire *w, struct wire_conn *c)
{
	struct fantail_entry *e;
	void *memory;

	if (!shake_hands(w, c))
		return false;
	e = control(w, FANTAIL_OP_CONN_INSTALL, c->handle, &memory);
	if (!e)
		return false;
	e->flags = FANTAIL_FLAG_LAST;
	e->len = FANTAIL_CONTEXT_BYTES;
	fill_context(w, c, memory);
	return ring(w, false) &&
	       wait_for(w, &w->batches, "BATCH of the install");
}

bool wire_do_install(struct wire *w, const struct wire_line *l)
{
	struct wire_conn *c = &w->conn[l->conn];
	const bool first = !w->zero_us;

	if (c->open && !(c->last.all_events & FANTAIL_EV_RELEASED))
		return wire_fail(w, "@%c is installed already", 'a' + l->conn);
	*c = (struct wire_conn){
		.opt = l->install,
		.iss = l->install.iss,
		.irs = l->install.irs,
		.handle = ((c->handle >> 16) + 1) << 16 | l->install.id,
		.port = (uint16_t)(c->port ? c->port + WIRE_CONNS
					   : FIRST_PORT + l->conn),
		.wnd = l->install.wnd,
		.last_val = 5000,
		.open = true,
	};
	/* time 0 is a full millisecond, soon enough behind the handshake */
	if (first)
		w->zero_us = (wire_now(w) / 1000 + 2) * 1000;
	if (!install(w, c))
		return false;
	if (first && wire_now(w) > w->zero_us)
		return wire_fail(w, "the first install takes too long");
	while (first && wire_now(w) < w->zero_us)
		if (!wire_step(w, w->zero_us))
			return false;
	return true;
}

/* ------------------------------------------------------------ other verbs */
static bool publish_one(struct wire *w, struct wire_conn *c, uint64_t len,
			bool last)
{
	uint8_t *at = (uint8_t *)w->arena.va + w->arena_used;
	struct fantail_entry *e;
	uint64_t i;

	if (w->arena_used + len > ARENA_BYTES)
		return wire_fail(w, "more than %u bytes are published",
				 ARENA_BYTES);
	e = fantail_sq_get(w->qp, FANTAIL_RING_DATA);
	if (!e)
		return wire_fail(w, "the DATA ring is full");
	for (i = 0; i < len; i++)
		at[i] = wire_byte(false, (unsigned int)(c - w->conn),
				  c->published + i);
	e->op = FANTAIL_OP_PUBLISH;
	e->flags = last ? FANTAIL_FLAG_LAST : 0;
	e->target = c->handle;
	e->addr = w->arena.iova + w->arena_used;
	e->len = (uint32_t)len;
	w->arena_used += len;
	c->published += len;
	return true;
}

bool wire_do_publish(struct wire *w, const struct wire_line *l)
{
	const uint64_t limit = fantail_dev_limits(w->dev)->payload_bytes;
	struct wire_conn *c = &w->conn[l->conn];
	uint64_t left, part;
	unsigned int i;

	for (i = 0; i < l->values; i++) {
		for (left = l->value[i]; left; left -= part) {
			part = left < limit ? left : limit;
			if (!publish_one(w, c, part,
					 part == left && i + 1 == l->values &&
						 !l->open))
				return false;
		}
	}
	return ring(w, true);
}

bool wire_do_command(struct wire *w, const struct wire_line *l)
{
	struct wire_conn *c = &w->conn[l->conn];
	struct fantail_entry *e;

	switch (l->verb) {
	case WIRE_SET:
		return !fantail_dev_write32(w->dev, l->offset,
					    (uint32_t)l->value[0]) ||
		       wire_fail(w, "the register cannot be written");
	case WIRE_CLOSE:
		e = fantail_sq_get(w->qp, FANTAIL_RING_DATA);
		if (!e)
			return wire_fail(w, "the DATA ring is full");
		e->op = FANTAIL_OP_CONN_CLOSE;
		e->target = c->handle;
		e->flags = FANTAIL_FLAG_LAST;
		return ring(w, true);
	case WIRE_UPDATE:
		e = control(w, FANTAIL_OP_CONN_UPDATE, c->handle, NULL);
		if (!e)
			return false;
		e->arg0 = l->offset;
		e->arg1 = l->value[0];
		return ring(w, false);
	case WIRE_ABORT:
		return control(w, FANTAIL_OP_CONN_ABORT, c->handle, NULL) &&
		       ring(w, false);
	case WIRE_RELEASE:
		return control(w, FANTAIL_OP_CONN_RELEASE, c->handle, NULL) &&
		       ring(w, false);
	default: /* WIRE_QUERY */
		return control(w, FANTAIL_OP_CONN_QUERY, c->handle, NULL) &&
		       ring(w, false) &&
		       wait_for(w, &c->queries, "answer to the query");
	}
}

bool wire_read_count(struct wire *w, const struct wire_line *l, uint64_t *n)
{
	int rc = l->page ? fantail_qp_counter(w->qp, l->offset, n)
			 : fantail_dev_counter(w->dev, l->offset, n);

	return !rc || wire_fail(w, "the counter cannot be read");
}
