/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections from CONN_INSTALL to RELEASED.
 *
 * close, abort and release are wishes: what they take is put on the rings at
 * once if there is room, else by a later poll. RELEASE follows the LEAVEs on
 * the DATA ring, because the card refuses to forget a member of a group.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EV_DEAD                                                         \
	(FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT | FANTAIL_EV_OVERRUN | \
	 FANTAIL_EV_CLOSED | FANTAIL_EV_ABORTED)

int conns_init(struct fantail *f)
{
	struct conn_table *t = &f->conns;
	uint32_t i;

	t->first = f->opt.first_conn;
	t->count = f->opt.conns;
	t->group_words = (fantail_dev_limits(f->dev)->groups + 63) / 64;
	t->conn = calloc(t->count, sizeof(*t->conn));
	t->free_ids = calloc(t->count, sizeof(*t->free_ids));
	t->group_bits = calloc((size_t)t->count * t->group_words,
			       sizeof(*t->group_bits));
	if (!t->conn || !t->free_ids || !t->group_bits)
		return -ENOMEM;
	for (i = 0; i < t->count; i++) {
		t->conn[i].f = f;
		t->conn[i].handle = t->first + i;
		t->conn[i].groups = t->group_bits + (size_t)i * t->group_words;
		t->free_ids[i] = i;
	}
	t->free_count = t->count;
	return 0;
}

void conns_free(struct fantail *f)
{
	free(f->conns.conn);
	free(f->conns.free_ids);
	free(f->conns.group_bits);
}

struct fantail_conn *conn_alloc(struct fantail *f)
{
	struct conn_table *t = &f->conns;
	struct fantail_conn *c;

	if (!t->free_count)
		return NULL;
	c = &t->conn[t->free_ids[t->free_head]];
	t->free_head = (t->free_head + 1) % t->count;
	t->free_count--;
	c->state = CONN_INSTALLING;
	f->stats.open++;
	return c;
}

/* The next user of the id gets another generation. */
void conn_free(struct fantail *f, struct fantail_conn *c)
{
	struct conn_table *t = &f->conns;
	uint32_t id = (uint32_t)(c - t->conn);

	lag_forget(f, c);
	flows_del(f, &c->flow);
	c->handle += 1u << FANTAIL_HANDLE_GENERATION_SHIFT;
	c->state = CONN_FREE;
	c->want = 0;
	c->done = 0;
	c->all_events = 0;
	c->user = NULL;
	c->gone = false;
	c->icmp_kind = 0;
	c->rcv_bytes = 0;
	c->queued = 0;
	c->fin_first = false;
	t->free_ids[(t->free_head + t->free_count) % t->count] = id;
	t->free_count++;
	f->stats.open--;
}

struct fantail_conn *conn_find(struct fantail *f, uint32_t handle)
{
	uint32_t id = (handle & FANTAIL_HANDLE_ID_MASK) - f->conns.first;
	struct fantail_conn *c;

	if (id >= f->conns.count)
		return NULL;
	c = &f->conns.conn[id];
	return c->state != CONN_FREE && c->handle == handle ? c : NULL;
}

/*
 * Known from the install's BATCH record, or from any record of the
 * connection that comes before it.
 */
void conn_installed(struct fantail *f, struct fantail_conn *c)
{
	struct fantail_event *ev;

	if (c->state != CONN_INSTALLING)
		return;
	c->state = CONN_OPEN;
	if (c->dialed) {
		f->stats.connected++;
		connect_event(f, c->user, 0, &c->flow, c);
		return;
	}
	f->stats.accepted++;
	ev = event_add(f, FANTAIL_EVENT_ACCEPT, c);
	ev->u.accept.listener = c->listener;
}

static int put_entry(struct fantail_conn *c, enum fantail_ring ring, uint8_t op)
{
	struct fantail_entry *e;

	e = ring == FANTAIL_RING_DATA ? data_get(c->f)
				      : control_get(c->f, NULL);
	if (!e)
		return -EAGAIN;
	e->op = op;
	e->target = c->handle;
	e->cookie = (uint64_t)COOKIE_OTHER << 32 | c->handle;
	return 0;
}

int conn_query(struct fantail_conn *c)
{
	return control_space(c->f) ? put_entry(c, FANTAIL_RING_CONTROL,
					       FANTAIL_OP_CONN_QUERY)
				   : -EAGAIN;
}

int conn_update(struct fantail_conn *c, uint64_t code, uint64_t value)
{
	struct fantail_entry *e;

	e = control_space(c->f) ? control_get(c->f, NULL) : NULL;
	if (!e)
		return -EAGAIN;
	e->op = FANTAIL_OP_CONN_UPDATE;
	e->target = c->handle;
	e->cookie = (uint64_t)COOKIE_OTHER << 32 | c->handle;
	e->arg0 = code;
	e->arg1 = value;
	return 0;
}

static int do_release(struct fantail_conn *c)
{
	int rc;

	if (c->state != CONN_DEAD) {
		c->want |= WANT_ABORT;
		return 0; /* goes on with the ABORTED record */
	}
	while (c->members) {
		rc = group_leave_any(c);
		if (rc)
			return rc;
	}
	rc = put_entry(c, FANTAIL_RING_DATA, FANTAIL_OP_CONN_RELEASE);
	if (!rc)
		c->done |= WANT_RELEASE;
	return rc;
}

/* Do what was asked for; -EAGAIN: the rest when there is room. */
static int progress(struct fantail_conn *c)
{
	uint8_t todo;
	int rc;

	if ((c->want & ~c->done) & WANT_RELEASE) {
		rc = do_release(c);
		if (rc)
			return rc;
	}
	todo = c->want & ~c->done;
	if (todo & (WANT_ABORT | WANT_CLOSE) && c->state == CONN_DEAD)
		c->done |= WANT_ABORT | WANT_CLOSE;
	else if (todo & WANT_ABORT) {
		rc = put_entry(c, FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_ABORT);
		if (rc)
			return rc;
		c->done |= WANT_ABORT | WANT_CLOSE;
	} else if (todo & WANT_CLOSE) {
		rc = put_entry(c, FANTAIL_RING_DATA, FANTAIL_OP_CONN_CLOSE);
		if (rc)
			return rc;
		c->done |= WANT_CLOSE;
	}
	return 0;
}

static void defer(struct fantail_conn *c)
{
	if (c->deferred)
		return;
	c->deferred = true;
	c->next = c->f->deferred;
	c->f->deferred = c;
}

static void ask(struct fantail_conn *c, uint8_t what)
{
	c->want |= what;
	if (what)
		lag_forget(c->f, c);
	if (progress(c))
		defer(c);
}

void conns_progress(struct fantail *f)
{
	struct fantail_conn *c = f->deferred;

	f->deferred = NULL;
	while (c) {
		struct fantail_conn *next = c->next;

		c->deferred = false;
		if (progress(c))
			defer(c);
		c = next;
	}
}

int fantail_report_drained(struct fantail_conn *c)
{
	struct fantail_entry *e;

	if (c->state == CONN_DEAD)
		return -ENOTCONN;
	/* behind what was published */
	e = data_get(c->f);
	if (!e)
		return -EAGAIN;
	e->op = FANTAIL_OP_CONN_QUERY;
	e->target = c->handle;
	e->cookie = (uint64_t)COOKIE_OTHER << 32 | c->handle;
	e->arg0 = FANTAIL_QUERY_DRAINED;
	return 0;
}

int fantail_close_conn(struct fantail_conn *c)
{
	if (c->state == CONN_DEAD)
		return -ENOTCONN;
	ask(c, WANT_CLOSE);
	return 0;
}

int fantail_abort_conn(struct fantail_conn *c)
{
	if (c->state == CONN_DEAD)
		return -ENOTCONN;
	ask(c, WANT_ABORT);
	return 0;
}

void fantail_release_conn(struct fantail_conn *c)
{
	c->gone = true;
	ask(c, WANT_RELEASE);
}

static void add_news(struct fantail *f, struct fantail_conn *c,
		     const struct fantail_rec_conn *r)
{
	struct fantail_event *ev = event_add(f, FANTAIL_EVENT_CONN, c);

	ev->u.conn.events = r->events & (uint16_t)~FANTAIL_EV_QUERY;
	ev->u.conn.all_events = c->all_events;
	ev->u.conn.cause = r->cause;
	ev->u.conn.dead = c->state == CONN_DEAD;
	ev->u.conn.acked = r->acked;
	ev->u.conn.queued = r->queued;
	ev->u.conn.retransmits = r->retransmits;
	ev->u.conn.skipped = r->skipped;
}

void conn_record(struct fantail *f, const struct fantail_rec_conn *r)
{
	struct fantail_conn *c = conn_find(f, r->handle);

	f->stats.conn_records++;
	if (!c) {
		f->stats.stale_records++;
		return;
	}
	conn_installed(f, c);
	/* RFC 9293 3.6, row 41: who closed first is left with TIME_WAIT. */
	if (r->events & FANTAIL_EV_PEER_FIN && !(c->done & WANT_CLOSE))
		c->fin_first = true;
	c->all_events |= r->events & (uint16_t)~FANTAIL_EV_QUERY;
	c->queued = r->queued;
	if (r->events & EV_DEAD)
		c->state = CONN_DEAD;
	lag_record(f, c, r);
	/* The answer to a question of ours alone is no news. */
	if (!c->gone && r->events != FANTAIL_EV_QUERY)
		add_news(f, c, r);
	if (r->events & FANTAIL_EV_QUERY)
		icmp_verdict(f, c, r);
	/* Last of its generation; nobody but a release of ours asks for it. */
	if (r->events & FANTAIL_EV_RELEASED && c->done & WANT_RELEASE) {
		bool wait = c->all_events & FANTAIL_EV_CLOSED && !c->fin_first;

		f->stats.released++;
		if (wait)
			time_wait_enter(f, c);
		conn_free(f, c);
		return;
	}
	if (c->want & ~c->done)
		ask(c, 0);
}

void fantail_conn_peer(const struct fantail_conn *c, uint32_t *ip,
		       uint16_t *port)
{
	*ip = c->flow.ip;
	*port = c->flow.port;
}

void fantail_conn_set_user(struct fantail_conn *c, void *user)
{
	c->user = user;
}

void *fantail_conn_user(const struct fantail_conn *c)
{
	return c->user;
}

uint32_t fantail_conn_handle(const struct fantail_conn *c)
{
	return c->handle;
}
