/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	EVENTS = 64,
	LOOK_US = 200000,   /* the longest sleep */
	STILL_WALL_S = 60,  /* standstill: so long on our clock ... */
	STILL_CARD_S = 600, /* ... or on the card's */
};

/* Walking over all clients is not for every record: seconds between. */
#define LOOK_AGAIN_S 0.02

double session_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int session_fail(struct session *s, const char *format, ...)
{
	va_list args;

	if (s->result)
		return s->result;
	va_start(args, format);
	vsnprintf(s->job->error, sizeof(s->job->error), format, args);
	va_end(args);
	return s->result = EXIT_FAILED;
}

bool session_stopped(const struct session *s)
{
	return *s->job->stop != 0;
}

/* ---------------------------------------------------------------- events */

static void on_accept(struct session *s, struct fantail_conn *conn)
{
	struct client *c;
	uint16_t port;
	uint32_t ip;
	int rc;

	if (!s->accepting || s->accepted == s->job->options->clients) {
		/* a stranger: the stream is not for it; released when dead */
		fantail_abort_conn(conn);
		return;
	}
	fantail_conn_peer(conn, &ip, &port);
	/* one that is over on the wire already: its news are under way */
	rc = s->rig->sim ? fantail_sim_fanout_join(s->rig->sim, s->accepted, ip,
						   port, RIG_PORT)
			 : 0;
	if (rc && rc != -ENOENT)
		session_fail(s, "cannot measure client %u: %s", s->accepted,
			     strerror(-rc));
	c = &s->clients[s->accepted++];
	c->conn = conn;
	c->ip = ip;
	c->port = port;
	fantail_conn_set_user(conn, c);
	s->alive++;
	/* the other side may connect its next one: one at a time */
	if (s->job->clients)
		clients_accepted(s->job->clients);
}

static const char *cause_text(uint8_t cause)
{
	switch (cause) {
	case FANTAIL_CAUSE_LAG:
		return "it lagged behind the others";
	case FANTAIL_CAUSE_EXTENTS:
		return "no extent was left";
	case FANTAIL_CAUSE_PIN:
		return "it held the log for the others";
	default:
		return "unknown";
	}
}

static void on_news(struct session *s, const struct fantail_event *e)
{
	struct client *c = fantail_conn_user(e->conn);
	uint16_t events = e->u.conn.events;
	bool left;

	if (!c && e->u.conn.dead)
		fantail_release_conn(e->conn);
	if (!c || c->gone)
		return;
	/* who closes before we do has left */
	left = (events & FANTAIL_EV_PEER_FIN) && !s->closing;
	if (!e->u.conn.dead && !left && !(events & FANTAIL_EV_CLOSED))
		return;
	if (left && !e->u.conn.dead)
		fantail_abort_conn(e->conn);
	c->gone = true;
	s->alive--;
	if (events & FANTAIL_EV_OVERRUN)
		session_fail(s, "client %u was aborted by the card: %s",
			     (unsigned int)(c - s->clients),
			     cause_text(e->u.conn.cause));
	else if (events & FANTAIL_EV_TIMED_OUT)
		session_fail(s,
			     "client %u was given up by the card: it "
			     "acknowledged nothing any more",
			     (unsigned int)(c - s->clients));
	if (!s->closing)
		s->job->disconnected++;
}

static void on_batch(struct session *s, const struct fantail_event *e)
{
	s->done++;
	s->summary->deliveries += e->u.batch.reached;
	s->bytes_in_flight -= e->u.batch.bytes;
	if (e->u.batch.refused)
		session_fail(s,
			     "the card refused %u of %u payloads of batch "
			     "%" PRIu64,
			     e->u.batch.refused, e->u.batch.payloads,
			     s->done - 1);
}

static void on_event(struct session *s, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		on_accept(s, e->conn);
		break;
	case FANTAIL_EVENT_BATCH:
		on_batch(s, e);
		break;
	case FANTAIL_EVENT_CONN:
		on_news(s, e);
		break;
	case FANTAIL_EVENT_DATA:
		/* nothing a client says matters here */
		fantail_recv_return(s->rig->lib, e->u.data.slot);
		break;
	case FANTAIL_EVENT_CONNECT:
	case FANTAIL_EVENT_ERROR:
		/* we connect to nobody; what ICMP kills is told as news */
	case FANTAIL_EVENT_SUMMARY:
	case FANTAIL_EVENT_DELIVERED:
		/* each client's news is enough; not asked for */
		break;
	case FANTAIL_EVENT_REFUSED:
		session_fail(s,
			     "the card refused operation %u for 0x%08x: "
			     "code %u of docs/registers.md",
			     e->u.refused.op, e->u.refused.target,
			     e->u.refused.code);
		break;
	}
}

/*
 * Not while events are looked at that may name them, and not while we publish:
 * leaving the group takes a DATA doorbell. Until then the card skips them.
 */
static void release_gone(struct session *s)
{
	for (unsigned int i = 0; i < s->accepted; i++) {
		struct client *c = &s->clients[i];

		if (!c->gone || !c->conn)
			continue;
		fantail_release_conn(c->conn);
		c->conn = NULL;
	}
}

static void join_new(struct session *s)
{
	while (s->joined < s->accepted) {
		struct client *c = &s->clients[s->joined];
		int rc = c->gone ? 0 : fantail_group_join(s->group, c->conn);

		if (rc == -EAGAIN)
			break;
		/* dead already: its news are under way */
		if (rc && rc != -ENOTCONN)
			session_fail(s, "cannot join client %u: %s", s->joined,
				     strerror(-rc));
		s->joined++;
	}
}

/* For the timeline: a poll that told of batches is theirs. */
static void polled(struct session *s, struct fantail_sim_moment begin,
		   const struct fantail_event *events, int n)
{
	uint64_t told = 0;

	for (int i = 0; i < n; i++)
		told += events[i].type == FANTAIL_EVENT_BATCH;
	rig_called(s->rig, FANTAIL_SIM_POLL, begin,
		   told ? s->done : RIG_NO_BATCH,
		   told ? s->done + told - 1 : RIG_NO_BATCH);
}

int session_poll(struct session *s)
{
	struct fantail_event events[EVENTS];
	struct fantail_stats before, after;
	int n, all = 0;

	fantail_stats(s->rig->lib, &before);
	do {
		struct fantail_sim_moment begin = rig_call(s->rig);

		n = fantail_poll(s->rig->lib, events, EVENTS);
		polled(s, begin, events, n);
		all += n;
		for (int i = 0; i < n; i++)
			on_event(s, &events[i]);
		if (s->closing)
			release_gone(s);
	} while (n == EVENTS);
	fantail_stats(s->rig->lib, &after);
	if (s->woken && !all && after.frames != before.frames)
		s->frame_interrupts++;
	s->woken = false;
	if (n < 0)
		return session_fail(s, "the card cannot be used any more: %s",
				    strerror(-n));
	if (s->accepting)
		join_new(s);
	return s->result;
}

/* -------------------------------------------------------------- watching */

static void look_at_clients(struct session *s)
{
	struct stream *stream = s->job->stream;
	char text[256];

	if (s->job->clients && clients_running(s->job->clients) == -ECHILD)
		session_fail(s, "the process of the clients died");
	for (unsigned int i = 0; !s->result && i < stream_receivers(stream);
	     i++) {
		if (stream_receiver(stream, i)->state != RECEIVER_FAILED)
			continue;
		stream_describe(stream, i, text, sizeof(text));
		session_fail(s, "%s", text);
	}
}

void session_moved(struct session *s)
{
	s->moved_at = session_clock();
	s->moved_at_us = rig_now_us(s->rig);
}

static void look_for_standstill(struct session *s)
{
	uint64_t marker = stream_delivered(s->job->stream) + s->done +
			  s->accepted + s->job->options->clients - s->alive;
	uint32_t pin_id = 0, pin_bytes = 0, code = 0;

	if (marker != s->last_marker || !s->moved_at) {
		s->last_marker = marker;
		session_moved(s);
		return;
	}
	if (session_clock() - s->moved_at < STILL_WALL_S &&
	    rig_now_us(s->rig) - s->moved_at_us < STILL_CARD_S * 1000000ULL)
		return;
	fantail_dev_read32(s->rig->dev, FANTAIL_REG_PIN_ID, &pin_id);
	fantail_dev_read32(s->rig->dev, FANTAIL_REG_PIN_BYTES, &pin_bytes);
	fantail_qp_fault(fantail_queue_pair(s->rig->lib), &code, NULL);
	session_fail(s,
		     "nothing moves any more: %u of %u clients accepted, "
		     "%" PRIu64 " of %" PRIu64 " batches done, %" PRIu64
		     " bytes delivered; connection id %u holds %u bytes of the "
		     "log, fault code %u",
		     s->accepted, s->job->options->clients, s->done,
		     s->summary->batches, stream_delivered(s->job->stream),
		     pin_id, pin_bytes, code);
}

static void draw(struct session *s)
{
	const struct publisher_job *job = s->job;
	struct progress p;

	if (!report_progress(NULL))
		return;
	p = (struct progress){
		.messages = s->summary->messages,
		.messages_total = job->messages_total,
		.batches = s->summary->batches,
		.payload_bytes = stream_published(job->stream),
		.payload_bytes_total = feed_size_bytes(job->feed),
		.delivered_bytes = stream_delivered(job->stream),
		.connected = s->accepted,
		.clients = job->options->clients,
		.cycles = rig_cycles(s->rig),
	};
	report_progress(&p);
}

int session_look(struct session *s)
{
	double now = session_clock();

	if (now - s->looked_at < LOOK_AGAIN_S)
		return s->result;
	s->looked_at = now;
	look_at_clients(s);
	look_for_standstill(s);
	draw(s);
	return s->result;
}

/* -------------------------------------------------------------- sleeping */

static int sleep_real(struct session *s, int fd, int64_t timeout_us)
{
	struct pollfd fds[3] = {
		{ .fd = fantail_event_fd(s->rig->lib), .events = POLLIN },
		{ .fd = session_stopped(s) ? -1 : s->job->stop_fd,
		  .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int64_t timer_us;
	int rc;

	rc = fantail_prepare_sleep(s->rig->lib, &timer_us);
	if (rc)
		return rc;
	if (timer_us >= 0 && timer_us < timeout_us)
		timeout_us = timer_us;
	if (poll(fds, 3, (int)((timeout_us + 999) / 1000)) > 0)
		s->woken = fds[0].revents & POLLIN;
	return 0;
}

static int sleep_virtual(struct session *s, int fd, int64_t timeout_us)
{
	struct pollfd pipe = { .fd = fd, .events = POLLIN };
	int rc = fantail_wait(s->rig->lib, timeout_us);

	s->woken = rc == 1;
	/* the card is idle: only now may the world's time pass */
	if (rc == 0 && fd >= 0)
		poll(&pipe, 1, (int)(timeout_us / 1000));
	return rc;
}

int session_step(struct session *s, int fd, int64_t timeout_us)
{
	struct fantail_sim_moment begin;
	int rc;

	rc = session_poll(s);
	if (rc)
		return rc;
	if (timeout_us > LOOK_US)
		timeout_us = LOOK_US;
	begin = rig_call(s->rig);
	rc = s->job->options->net == NET_PEERS
		     ? sleep_virtual(s, fd, timeout_us)
		     : sleep_real(s, fd, timeout_us);
	rig_called(s->rig, FANTAIL_SIM_WAIT, begin, RIG_NO_BATCH, RIG_NO_BATCH);
	if (rc < 0)
		return session_fail(s, "waiting for the card failed: %s",
				    strerror(-rc));
	rc = session_poll(s);
	return rc ? rc : session_look(s);
}
