/* SPDX-License-Identifier: Apache-2.0 */
/* The fuzzer's host: connections, records, checkpoints. See fuzz.h. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "net.h"
#include "transport.h"

enum {
	ARENA = 65536,
	GROUP = 0,
	SLOTS = 512,
	LOG_USED = 32768, /* nothing is published above */
	STEP_US = 1000,
	IDLE_LIMIT_US = 10000000,  /* for the engine to become idle */
	SERVE_LIMIT_US = 20000000, /* for the healthy one to be served */
	DEAD_EVENTS = FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT |
		      FANTAIL_EV_OVERRUN | FANTAIL_EV_CLOSED |
		      FANTAIL_EV_ABORTED,
};

static void on_sim_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct fuzz *z = ctx;

	if (level == FANTAIL_SIM_ERROR)
		fuzz_fail(z, "%s", msg);
}

static void on_frame(void *ctx, const uint8_t *frame, size_t len,
		     uint64_t now_us)
{
	struct fuzz *z = ctx;

	frame_ring_add(z->ring, frame, len, now_us);
	fuzz_card_frame(z, frame, len);
}

static bool open_card(struct fuzz *z)
{
	static const uint8_t key[16] = "hash of the fuzz";
	struct fantail_dev_options opt = { .hash_key = key };
	struct fantail_qp_options qp;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;

	fantail_net_config_default(&net);
	net.frame = on_frame;
	net.frame_ctx = z;
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	cfg.net = &net;
	cfg.seed = z->opt.seed;
	/* no handshakes that it could have seen, and frames that lie */
	cfg.wire_check = false;
	cfg.log = on_sim_log;
	cfg.log_ctx = z;
	if (fantail_sim_open(&cfg, &z->sim))
		return false;
	opt.sim = z->sim;
	fantail_qp_options_init(&qp);
	qp.slot_count = SLOTS;
	return !fantail_dev_open("sim:", &opt, &z->dev) &&
	       !fantail_qp_open(z->dev, 0, &qp, &z->qp) &&
	       !fantail_dma_alloc(z->dev, FUZZ_CONNS * FANTAIL_CONTEXT_BYTES,
				  FANTAIL_DMA_READ, &z->context) &&
	       !fantail_dma_alloc(z->dev, ARENA,
				  FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD,
				  &z->arena);
}

bool fuzz_open(struct fuzz *z)
{
	uint32_t i;

	z->ring = frame_ring_new(8192);
	if (!z->ring || !open_card(z)) {
		fuzz_fail(z, "the card does not open");
		return false;
	}
	z->conns = fantail_dev_limits(z->dev)->connections;
	if (z->conns > FUZZ_CONNS)
		z->conns = FUZZ_CONNS;
	for (i = 0; i < z->conns; i++) {
		z->conn[i].handle = i;
		z->conn[i].ip = FUZZ_PEER_IP;
		z->conn[i].port = (uint16_t)(FUZZ_PEER_PORT + i);
	}
	z->conn[z->conns - 1].ip = FUZZ_HEALTHY_IP;
	fuzz_revive(z);
	fuzz_pass(z, STEP_US);
	fuzz_revive(z);
	if (!z->res.failed && z->up != z->conns)
		fuzz_fail(z, "%u of %u installed", z->up, z->conns);
	return !z->res.failed;
}

void fuzz_close(struct fuzz *z)
{
	if (z->dev) {
		fantail_dma_free(z->dev, &z->context);
		fantail_dma_free(z->dev, &z->arena);
	}
	fantail_qp_close(z->qp);
	fantail_dev_close(z->dev);
	fantail_sim_close(z->sim);
	frame_ring_free(z->ring);
}

/* ----------------------------------------------------------------- entries */
static struct fantail_entry *get_data(struct fuzz *z, uint8_t op,
				      uint32_t target)
{
	struct fantail_entry *e = fantail_sq_get(z->qp, FANTAIL_RING_DATA);

	if (!e)
		return NULL;
	e->op = op;
	e->target = target;
	z->newest = e;
	return e;
}

static void submit_data(struct fuzz *z)
{
	if (!z->newest)
		return;
	z->newest->flags |= FANTAIL_FLAG_LAST;
	z->newest = NULL;
	z->batches++;
	if (fantail_qp_submit(z->qp) < 0)
		fuzz_fail(z, "submit");
}

static void fill_context(struct fuzz *z, struct fuzz_conn *c,
			 struct fantail_context *x)
{
	bool healthy = c == &z->conn[z->conns - 1];

	memset(x, 0, sizeof(*x));
	c->handle += 1u << FANTAIL_HANDLE_GENERATION_SHIFT;
	c->ts = healthy || fuzz_below(z, 4);
	c->wscale = (uint8_t)fuzz_below(z, 4);
	c->fin = c->closing = false;
	c->una = c->max = c->end = fuzz_random(z);
	c->rcv_nxt = c->next = fuzz_random(z);
	c->ts_val = fuzz_random(z);
	x->local_ip = FUZZ_LOCAL_IP;
	x->remote_ip = c->ip;
	x->local_port = FUZZ_PORT;
	x->remote_port = c->port;
	x->local_mac[0] = x->remote_mac[0] = 2;
	x->snd_nxt = c->una;
	x->rcv_nxt = c->rcv_nxt;
	x->snd_wscale = c->wscale;
	x->snd_wnd = healthy ? 65535 : 1000 + fuzz_below(z, 65536);
	x->mss = (uint16_t)(healthy || fuzz_below(z, 4)
				    ? 1448
				    : FANTAIL_MSS_MIN + fuzz_below(z, 1000));
	x->flags = c->ts ? FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK : 0;
	x->ts_recent = c->ts_val;
	c->ts_card = x->ts_offset = fuzz_random(z);
	x->rcv_credit = 65535;
	x->srtt_us = fuzz_below(z, 2) * 1000;
	if (!healthy)
		return;
	z->healthy.iss = c->una - 1;
	z->healthy.irs = c->rcv_nxt - 1;
}

static bool install(struct fuzz *z, uint32_t i)
{
	struct fuzz_conn *c = &z->conn[i];
	struct fantail_entry *e;

	if (fantail_sq_space(z->qp, FANTAIL_RING_DATA) < 2)
		return false;
	fill_context(z, c, (struct fantail_context *)z->context.va + i);
	e = get_data(z, FANTAIL_OP_CONN_INSTALL, c->handle);
	e->addr = z->context.iova + i * FANTAIL_CONTEXT_BYTES;
	e->len = FANTAIL_CONTEXT_BYTES;
	if (i < z->conns - 1) {
		e = get_data(z, FANTAIL_OP_GROUP_JOIN, c->handle);
		e->arg0 = GROUP;
	}
	c->state = FUZZ_INSTALLING;
	c->batch = z->batches + 1;
	z->res.installs++;
	return true;
}

static bool release(struct fuzz *z, struct fuzz_conn *c)
{
	struct fantail_entry *e;

	if (fantail_sq_space(z->qp, FANTAIL_RING_DATA) < 2)
		return false;
	if (c != &z->conn[z->conns - 1]) {
		e = get_data(z, FANTAIL_OP_GROUP_LEAVE, c->handle);
		e->arg0 = GROUP;
	}
	get_data(z, FANTAIL_OP_CONN_RELEASE, c->handle);
	c->state = FUZZ_RELEASING;
	return true;
}

void fuzz_abort(struct fuzz *z, uint32_t i)
{
	struct fantail_entry *e = fantail_sq_get(z->qp, FANTAIL_RING_CONTROL);

	if (!e)
		return;
	e->op = FANTAIL_OP_CONN_ABORT;
	e->target = z->conn[i].handle;
}

/* Half-closed ones are closed by us, and do not linger. */
static void tend(struct fuzz *z, uint32_t i)
{
	struct fuzz_conn *c = &z->conn[i];

	if (!c->fin || fuzz_below(z, 16))
		return;
	if (c->closing)
		fuzz_abort(z, i);
	else if (get_data(z, FANTAIL_OP_CONN_CLOSE, c->handle))
		c->closing = true;
}

/* The dead are released, the released installed anew. */
void fuzz_revive(struct fuzz *z)
{
	bool room = true;
	uint32_t i;

	for (i = 0; i < z->conns && room; i++) {
		if (z->conn[i].state == FUZZ_FREE) {
			room = install(z, i);
		} else if (z->conn[i].state == FUZZ_INSTALLING &&
			   z->batches_done >= z->conn[i].batch) {
			z->conn[i].state = FUZZ_UP;
			z->up++;
		} else if (z->conn[i].state == FUZZ_DEAD) {
			room = release(z, &z->conn[i]);
		} else if (z->conn[i].state == FUZZ_UP) {
			tend(z, i);
		}
	}
	submit_data(z);
}

static void publish(struct fuzz *z, uint32_t target, uint8_t flags, uint32_t at,
		    uint32_t len)
{
	struct fantail_entry *e = get_data(z, FANTAIL_OP_PUBLISH, target);

	if (!e) {
		fuzz_fail(z, "the DATA ring does not move");
		return;
	}
	e->flags = flags;
	e->addr = z->arena.iova + at;
	e->len = len;
	submit_data(z);
}

/*
 * To all but the healthy one. DATA never waits for log space, or releases and
 * installs would: a wait ends with time, and here hardly any passes.
 */
void fuzz_publish(struct fuzz *z)
{
	uint32_t len = 1 + fuzz_below(z, fuzz_below(z, 8) ? 300 : 6000);
	uint32_t used;

	uint32_t i;

	if (fantail_dev_read32(z->dev, FANTAIL_REG_PIN_BYTES, &used))
		fuzz_fail(z, "PIN_BYTES");
	if (used >= LOG_USED || z->batches - z->batches_done >= 12)
		return;
	publish(z, GROUP, FANTAIL_FLAG_GROUP, fuzz_below(z, ARENA / 2), len);
	for (i = 0; i < z->conns - 1; i++)
		z->conn[i].end += len;
}

/* Upper half of the arena. */
void fuzz_healthy_send(struct fuzz *z)
{
	uint32_t len = 1 + fuzz_below(z, 3000), up = 1 + fuzz_below(z, 1400), i;
	uint8_t *p = (uint8_t *)z->arena.va + ARENA / 2;
	uint8_t frame[FUZZ_FRAME_MAX];

	for (i = 0; i < len; i++)
		p[i] = fuzz_healthy_byte(z->healthy.sent + i);
	publish(z, z->conn[z->conns - 1].handle, 0, ARENA / 2, len);
	z->healthy.sent += len;
	len = fuzz_healthy_frame(z, frame, up);
	z->healthy.up += up;
	fuzz_inject(z, frame, len);
}

/* ----------------------------------------------------------------- records */
static void return_slots(struct fuzz *z)
{
	if (z->slots && !fantail_slots_return(z->qp, z->slot, z->slots))
		z->slots = 0;
}

static void return_slot(struct fuzz *z, uint16_t slot)
{
	if (z->slots == FANTAIL_RETURN_MAX)
		return_slots(z);
	if (z->slots == FANTAIL_RETURN_MAX) {
		if (fantail_qp_submit_control(z->qp) < 0)
			fuzz_fail(z, "submit");
		fuzz_fail(z, "the CONTROL ring does not move");
		return;
	}
	z->slot[z->slots++] = slot;
}

static struct fuzz_conn *by_handle(struct fuzz *z, uint32_t handle)
{
	uint32_t i = handle & FANTAIL_HANDLE_ID_MASK;

	if (i < z->conns && z->conn[i].handle == handle)
		return &z->conn[i];
	fuzz_fail(z, "a record of handle %08x", handle);
	return NULL;
}

static void on_data(struct fuzz *z, const struct fantail_rec_data *r)
{
	const uint8_t *p =
		(const uint8_t *)fantail_slot(z->qp, r->slot) + r->offset;
	struct fuzz_conn *c = by_handle(z, r->handle);
	uint32_t i;

	z->res.data_records++;
	z->record_data_bytes += r->length;
	return_slot(z, r->slot);
	if (!c)
		return;
	c->rcv_nxt += r->length;
	if (c != &z->conn[z->conns - 1])
		return;
	for (i = 0; i < r->length; i++)
		if (p[i] != fuzz_up_byte(z->healthy.up_got++))
			z->healthy.wrong = true;
}

static void on_conn(struct fuzz *z, const struct fantail_rec_conn *r)
{
	struct fuzz_conn *c = by_handle(z, r->handle);

	z->res.conn_records++;
	if (!c)
		return;
	if (c == &z->conn[z->conns - 1] && !z->opt.frames)
		return;
	if (r->events & FANTAIL_EV_PEER_FIN) {
		c->fin = true;
		c->rcv_nxt++;
	}
	if (r->events & DEAD_EVENTS && c->state < FUZZ_DEAD) {
		if (c == &z->conn[z->conns - 1])
			fuzz_fail(z, "the healthy connection died: %04x",
				  r->events);
		z->up -= c->state == FUZZ_UP;
		c->state = FUZZ_DEAD;
		z->res.deaths++;
	}
	if (r->events & FANTAIL_EV_RELEASED)
		c->state = FUZZ_FREE;
}

/* An abort on CONTROL may come behind the release of what died meanwhile. */
static bool overtaken(const struct fuzz *z, const struct fantail_rec_refused *r)
{
	for (uint32_t i = 0; i < z->conns; i++)
		if (z->conn[i].handle == r->target &&
		    z->conn[i].state != FUZZ_RELEASING &&
		    z->conn[i].state != FUZZ_FREE)
			return false;
	return r->op == FANTAIL_OP_CONN_ABORT &&
	       r->code == FANTAIL_REFUSE_NOT_INSTALLED;
}

static void on_record(struct fuzz *z, const union fantail_record *rec)
{
	z->res.records++;
	switch (rec->type) {
	case FANTAIL_REC_BATCH:
		z->batches_done += rec->batch.ring == FANTAIL_RING_DATA;
		break;
	case FANTAIL_REC_CONN:
		on_conn(z, &rec->conn);
		break;
	case FANTAIL_REC_DATA:
		on_data(z, &rec->data);
		break;
	case FANTAIL_REC_FRAME:
		z->res.frame_records++;
		return_slot(z, rec->frame.slot);
		break;
	case FANTAIL_REC_REFUSED:
		if (!overtaken(z, &rec->refused))
			fuzz_fail(z, "op %u on %08x refused with %u",
				  rec->refused.op, rec->refused.target,
				  rec->refused.code);
		break;
	default:
		break;
	}
}

void fuzz_poll(struct fuzz *z)
{
	union fantail_record recs[64];
	int n, i;

	do {
		n = fantail_qp_poll(z->qp, recs, 64);
		for (i = 0; i < n; i++)
			on_record(z, &recs[i]);
		if (n < 0)
			fuzz_fail(z, "poll: %d", n);
	} while (n > 0 && !z->res.failed);
	return_slots(z);
	if (fantail_qp_submit_control(z->qp) < 0)
		fuzz_fail(z, "submit");
	for (i = 0; i < (int)z->conns; i++)
		z->conn[i].next = z->conn[i].rcv_nxt;
}

void fuzz_pass(struct fuzz *z, uint64_t us)
{
	uint64_t end = fantail_sim_now_us(z->sim) + us, now;
	uint8_t frame[FUZZ_FRAME_MAX];
	int rc;

	for (;;) {
		fuzz_poll(z);
		if (z->healthy.ack_due) {
			z->healthy.ack_due = false;
			fuzz_inject(z, frame, fuzz_healthy_frame(z, frame, 0));
		}
		now = fantail_sim_now_us(z->sim);
		if (now >= end || z->res.failed)
			return;
		rc = fantail_qp_wait(z->qp, (int64_t)(end - now));
		if (rc < 0)
			fuzz_fail(z, "wait: %d", rc);
	}
}

/* ------------------------------------------------------------- checkpoints */
/* Virtual time is skipped only while the engine says that it is idle. */
static bool wait_idle(struct fuzz *z)
{
	uint64_t end = fantail_sim_now_us(z->sim) + IDLE_LIMIT_US, skipped;
	struct fantail_sim_stats s;

	fantail_sim_stats(z->sim, &s);
	do {
		skipped = s.skipped_us;
		fuzz_pass(z, STEP_US);
		fantail_sim_stats(z->sim, &s);
		if (s.skipped_us > skipped + STEP_US / 2)
			return !z->res.failed;
	} while (!z->res.failed && s.now_us < end);
	fuzz_fail(z, "the engine does not become idle");
	return false;
}

static bool serve_healthy(struct fuzz *z)
{
	uint64_t end = fantail_sim_now_us(z->sim) + SERVE_LIMIT_US;
	struct fuzz_healthy *h = &z->healthy;

	while (z->batches_done < z->batches && !z->res.failed &&
	       fantail_sim_now_us(z->sim) < end)
		fuzz_pass(z, STEP_US);
	if (!z->res.failed)
		fuzz_healthy_send(z);
	while (!z->res.failed && (h->got < h->sent || h->up_got < h->up)) {
		if (fantail_sim_now_us(z->sim) >= end)
			fuzz_fail(
				z,
				"healthy: %llu of %llu bytes, %llu of %llu up",
				(unsigned long long)h->got,
				(unsigned long long)h->sent,
				(unsigned long long)h->up_got,
				(unsigned long long)h->up);
		fuzz_pass(z, STEP_US);
	}
	if (h->wrong || h->got > h->sent || h->up_got > h->up)
		fuzz_fail(z, "healthy: wrong bytes");
	return !z->res.failed;
}

static void balance(struct fuzz *z, const char *what, uint64_t a, uint64_t b)
{
	if (a != b)
		fuzz_fail(z, "%s: %llu is not %llu", what,
			  (unsigned long long)a, (unsigned long long)b);
}

#define COUNT(name) fuzz_count(&z->res, FANTAIL_CNT_##name)

/* Each frame has one fate, and each has been counted. */
static void account(struct fuzz *z)
{
	struct fantail_sim_stats s;
	unsigned int i;

	fantail_sim_stats(z->sim, &s);
	for (i = 0; i < FUZZ_COUNTERS; i++)
		if (fantail_dev_counter(z->dev, fuzz_counter_offset(i),
					&z->res.counter[i]))
			fuzz_fail(z, "counter %s", fuzz_counter_name(i));
	z->res.cycles = s.cycles;
	z->res.card_us = s.now_us;
	balance(z, "frames made and given to the MAC", z->res.frames,
		s.wire_rx_frames);
	balance(z, "frames on the wire and at the FIFO", s.wire_rx_frames,
		COUNT(RX_FRAMES) + COUNT(RX_DROP_FIFO) + COUNT(RX_DROP_ERROR));
	balance(z, "frames and their fates", COUNT(RX_FRAMES),
		COUNT(RX_DROP_CHECKSUM) + COUNT(RX_DROP_FRAGMENT) +
			COUNT(RX_DROP_MALFORMED) + COUNT(RX_DROP_NO_SLOT) +
			COUNT(RX_TO_HOST) + COUNT(RX_SEGMENTS));
	balance(z, "segments and their fates", COUNT(RX_SEGMENTS),
		COUNT(RX_ACCEPTED) + COUNT(RX_DROP_WINDOW) +
			COUNT(RX_DROP_DATA_SLOT) + COUNT(RX_CHALLENGED) +
			COUNT(RX_IGNORED) + COUNT(RX_RESETS));
	balance(z, "bytes accepted and delivered", COUNT(RX_DATA_BYTES),
		z->record_data_bytes);
	balance(z, "frames for the host and FRAME records", COUNT(RX_TO_HOST),
		z->res.frame_records);
	balance(z, "installs", COUNT(INSTALLS), z->res.installs);
}

bool fuzz_checkpoint(struct fuzz *z)
{
	char why[200];
	uint32_t i;

	z->res.checkpoints++;
	if (!wait_idle(z))
		return false;
	/* retransmissions, probes, or connections given up */
	if (fuzz_below(z, 4) == 0)
		fuzz_pass(z, 1000u << fuzz_below(z, 12));
	if (!serve_healthy(z) || !wait_idle(z))
		return false;
	account(z);
	if (fantail_sim_check(z->sim, why, sizeof(why)))
		fuzz_fail(z, "%s", why);
	for (i = 0; i < z->conns - 1; i++)
		if (z->conn[i].state == FUZZ_UP && fuzz_below(z, 16) == 0)
			fuzz_abort(z, i);
	fuzz_pass(z, 1);
	return !z->res.failed;
}

/* All are aborted and released: nothing is left. */
bool fuzz_finish(struct fuzz *z)
{
	uint64_t releases = 0;
	uint32_t pinned = 1, i, n;

	z->opt.frames = 0; /* the healthy one goes with them */
	fuzz_pass(z, IDLE_LIMIT_US);
	for (i = 0; i < z->conns; i++)
		if (z->conn[i].state < FUZZ_DEAD && z->conn[i].state)
			fuzz_abort(z, i);
	z->conn[z->conns - 1].state = FUZZ_DEAD;
	for (n = 0; n < 100; n++) {
		fuzz_pass(z, STEP_US);
		for (i = 0; i < z->conns; i++)
			if (z->conn[i].state == FUZZ_DEAD)
				release(z, &z->conn[i]);
		submit_data(z);
	}
	if (!wait_idle(z))
		return false;
	for (i = 0; i < z->conns - 1; i++)
		if (z->conn[i].state != FUZZ_FREE)
			fuzz_fail(z, "connection %u is not released", i);
	fantail_dev_counter(z->dev, FANTAIL_CNT_RELEASES, &releases);
	balance(z, "installs and releases", z->res.installs, releases);
	fantail_dev_read32(z->dev, FANTAIL_REG_PIN_BYTES, &pinned);
	balance(z, "log bytes in use", pinned, 0);
	balance(z, "slots held", fantail_slots_held(z->qp), 0);
	account(z);
	return !z->res.failed;
}
