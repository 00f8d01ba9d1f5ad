/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "rig.h"
#include "session.h"

enum {
	LINE = 64, /* bytes the card reads at once */
	BATCHES_IN_FLIGHT = 64,
	BATCH_BYTES_MAX = 512 * 1024,	   /* longer batches are ended early */
	BYTES_IN_FLIGHT = 2 * 1024 * 1024, /* half of the arena */
	/* entries of one message: FEED_MESSAGE_MAX over a quarter of the
	 * smallest log */
	ENTRIES_PER_MESSAGE = 4,
	PAUSE_US = 100000,
	LONG_US = 1000000,
	QUIET_US = 20000,
	TICKS = 2000, /* of a microsecond, for the interrupt */
};

/* A feed that pauses so long, in seconds, ends the open batch. */
#define PAUSE_S 0.1

/* The message that comes next: taken from the feed, not yet published. */
struct pending {
	const uint8_t *data;
	size_t length; /* 0: none */
};

struct publisher {
	struct session session;
	struct rig rig;
	struct fantail_listener *listener;
	struct pending pending;
	unsigned int in_batch; /* messages in the open batch */
	uint64_t batch_bytes;
	uint64_t due_us; /* the next batch, with an interval */
	bool feed_over;
	bool dropped;
	uint64_t frames_before; /* frame interrupts of the set-up */
	struct meter first;	/* before the first publish */
	struct meter last;	/* after the last BATCH record */
	struct meter received;	/* everybody has everything */
};

static int read_meter(struct publisher *p, struct meter *meter)
{
	int rc = rig_read(&p->rig, meter);

	if (rc)
		return session_fail(&p->session,
				    "cannot read the card's "
				    "counters: %s",
				    strerror(-rc));
	return 0;
}

/* ---------------------------------------------------------------- set-up */

/* Let the set-up come to its end: nothing of it may be counted later. */
static int wait_for_quiet(struct publisher *p)
{
	struct session *s = &p->session;
	struct fantail_stats stats;
	uint64_t until, frames;
	int rc;

	rc = fantail_submit(p->rig.lib);
	if (rc < 0)
		return session_fail(s, "cannot ring the doorbell: %s",
				    strerror(-rc));
	do {
		fantail_stats(p->rig.lib, &stats);
		frames = stats.frames;
		until = rig_now_us(&p->rig) + QUIET_US;
		do
			rc = session_step(s, -1, QUIET_US);
		while (!rc && rig_now_us(&p->rig) < until);
		fantail_stats(p->rig.lib, &stats);
	} while (!rc && stats.frames != frames && !session_stopped(s));
	return rc;
}

static int gather_clients(struct publisher *p)
{
	struct session *s = &p->session;
	unsigned int clients = s->job->options->clients;
	int rc;

	rc = fantail_group_create(p->rig.lib, &s->group);
	if (rc)
		return session_fail(s, "cannot create a group: %s",
				    strerror(-rc));
	rc = fantail_listen(p->rig.lib, RIG_PORT, clients, &p->listener);
	if (rc)
		return session_fail(s, "cannot listen: %s", strerror(-rc));
	s->accepting = true;
	if (s->job->clients) {
		if (s->job->tap)
			report_step("%u clients connect to the card", clients);
		else
			report_step("%u clients connect to 127.0.0.1:%u",
				    clients, s->job->port);
		clients_go(s->job->clients);
	} else {
		report_step("%u peers connect", clients);
	}
	while (s->joined < clients) {
		if (session_stopped(s))
			return 0;
		rc = session_step(s, -1, LONG_US);
		if (rc)
			return rc;
	}
	s->accepting = false;
	return wait_for_quiet(p);
}

/* ------------------------------------------------------------ publishing */

/*
 * Let the chosen client leave when half of the feed is out. We wait until the
 * card has noticed: else a short feed would be over before.
 */
static int drop_client(struct publisher *p)
{
	struct session *s = &p->session;
	const struct publisher_job *job = s->job;
	uint64_t half = job->messages_total ? job->messages_total / 2 : 100;
	unsigned int n = (unsigned int)job->options->drop_client;
	int rc = 0;

	if (p->dropped || job->options->drop_client < 0 ||
	    s->summary->messages < half)
		return 0;
	p->dropped = true;
	if (job->clients)
		clients_drop(job->clients, n);
	else
		rig_drop(&p->rig, job->stream, n);
	while (!rc && !job->disconnected && !session_stopped(s))
		rc = session_step(s, -1, QUIET_US);
	return rc;
}

static int submit(struct publisher *p)
{
	struct session *s = &p->session;
	struct fantail_sim_moment begin;
	int rc;

	if (!p->in_batch)
		return 0;
	/* everybody is in the group; who has left is left out */
	rc = p->rig.sim ? fantail_sim_fanout_batch(p->rig.sim, NULL,
						   (uint32_t)p->batch_bytes)
			: 0;
	if (rc && rc != -ENOSPC)
		return session_fail(s, "measuring a batch failed: %s",
				    strerror(-rc));
	begin = rig_call(&p->rig);
	rc = fantail_submit(p->rig.lib);
	rig_called(&p->rig, FANTAIL_SIM_SUBMIT, begin, s->summary->batches,
		   s->summary->batches);
	if (rc < 0)
		return session_fail(s, "ringing the doorbell failed: %s",
				    strerror(-rc));
	s->summary->batches++;
	s->bytes_in_flight += p->batch_bytes;
	p->in_batch = 0;
	p->batch_bytes = 0;
	rc = drop_client(p);
	if (!rc)
		rc = session_poll(s);
	return rc ? rc : session_look(s);
}

/* Is there room for a whole batch, so that it takes one doorbell? */
static bool room_for_batch(const struct publisher *p)
{
	const struct session *s = &p->session;
	const struct fantail_qp *qp = fantail_queue_pair(p->rig.lib);
	unsigned int need = s->job->options->batch + ENTRIES_PER_MESSAGE;

	return s->summary->batches - s->done < BATCHES_IN_FLIGHT &&
	       s->bytes_in_flight < BYTES_IN_FLIGHT &&
	       fantail_sq_space(qp, FANTAIL_RING_DATA) >= need;
}

static bool batch_is_full(const struct publisher *p)
{
	return p->in_batch == p->session.job->options->batch ||
	       p->batch_bytes >= BATCH_BYTES_MAX ||
	       fantail_sq_space(fantail_queue_pair(p->rig.lib),
				FANTAIL_RING_DATA) <= ENTRIES_PER_MESSAGE;
}

/*
 * Put the pending message into the arena and the open batch. The first one
 * begins a line of its own: then what a batch costs on PCIe does not depend
 * on how far the card was with the batch before.
 *
 * Return: 0; -EAGAIN no room; or the session's result.
 */
static int publish(struct publisher *p)
{
	struct session *s = &p->session;
	struct pending *m = &p->pending;
	struct fantail_sim_moment begin;
	uint8_t *place;
	void *room;
	int rc;

	rc = fantail_arena_reserve(p->rig.lib, m->length + LINE - 1, &room);
	if (!rc) {
		place = room;
		if (!p->in_batch)
			place += -(uintptr_t)place % LINE;
		memcpy(place, m->data, m->length);
		begin = rig_call(&p->rig);
		rc = fantail_publish(p->rig.lib, fantail_to_group(s->group),
				     place, m->length, s->summary->messages);
		rig_called(&p->rig, FANTAIL_SIM_PUBLISH, begin,
			   s->summary->batches, s->summary->batches);
	}
	if (rc == -EAGAIN)
		return rc;
	if (rc)
		return session_fail(s,
				    "publishing message %" PRIu64 " failed: "
				    "%s",
				    s->summary->messages, strerror(-rc));
	s->summary->messages++;
	s->summary->payload_bytes += m->length;
	p->batch_bytes += m->length;
	p->in_batch++;
	m->length = 0;
	return 0;
}

/*
 * Take the next message, waiting for it if the feed is a pipe. It is in the
 * published stream from then on, and therefore must be published.
 */
static int take_message(struct publisher *p)
{
	struct session *s = &p->session;
	struct feed *feed = s->job->feed;
	struct pending *m = &p->pending;
	double since = session_clock();
	int rc;

	while ((rc = feed_next(feed, &m->data, &m->length)) == -EAGAIN) {
		m->length = 0;
		if (p->in_batch && session_clock() - since > PAUSE_S)
			return submit(p);
		rc = session_step(s, feed_fd(feed), PAUSE_US);
		/* waiting for others is no standstill of ours */
		session_moved(s);
		if (rc || session_stopped(s))
			return rc;
	}
	if (rc < 0) {
		session_fail(s, "%s", feed_error(feed));
		return s->result = EXIT_BAD_INPUT;
	}
	if (rc == 0) {
		m->length = 0;
		p->feed_over = true;
		return 0;
	}
	while (stream_append(s->job->stream, m->data, m->length) == -EAGAIN) {
		rc = session_step(s, -1, QUIET_US);
		if (rc)
			return rc;
	}
	return 0;
}

/* One batch, or less of it when the feed pauses or ends. */
static int publish_batch(struct publisher *p)
{
	struct session *s = &p->session;
	int rc = 0;

	while (!rc && !batch_is_full(p)) {
		if (!p->pending.length && session_stopped(s))
			break;
		if (!p->pending.length) {
			rc = take_message(p);
			if (rc || p->feed_over)
				break;
			if (!p->pending.length)
				break;
		}
		rc = publish(p);
		if (rc == -EAGAIN)
			rc = session_step(s, -1, LONG_US);
	}
	return rc ? rc : submit(p);
}

/* Sleep until the next batch is due, if there is an interval. */
static int wait_for_turn(struct publisher *p)
{
	struct session *s = &p->session;
	uint32_t interval = s->job->options->interval_us;
	uint64_t now;
	int rc = 0;

	if (!interval)
		return 0;
	now = rig_now_us(&p->rig);
	while (!rc && now < p->due_us && !session_stopped(s)) {
		rc = session_step(s, -1, (int64_t)(p->due_us - now));
		session_moved(s);
		now = rig_now_us(&p->rig);
	}
	/* who is late is not hurried */
	p->due_us = (now > p->due_us ? now : p->due_us) + interval;
	return rc;
}

static int publish_all(struct publisher *p)
{
	struct session *s = &p->session;
	int rc = 0;

	if (read_meter(p, &p->first))
		return s->result;
	p->frames_before = s->frame_interrupts;
	while (!rc && !p->feed_over && !session_stopped(s)) {
		if (room_for_batch(p)) {
			rc = wait_for_turn(p);
			if (!rc)
				rc = publish_batch(p);
		} else {
			rc = session_step(s, -1, LONG_US);
		}
	}
	while (!rc && s->done < s->summary->batches)
		rc = session_step(s, -1, LONG_US);
	return rc;
}

/*
 * The last records may have been found before their interrupt was due: give
 * it the time, it belongs to them.
 */
static int close_window(struct publisher *p)
{
	struct session *s = &p->session;

	for (int i = 0; i < TICKS; i++) {
		if (read_meter(p, &p->last))
			return s->result;
		if (!s->summary->batches ||
		    p->last.interrupts != p->first.interrupts)
			break;
		if (rig_tick(&p->rig) < 0)
			break;
	}
	summary_window(s->summary, &p->first, &p->last);
	/* frames are the library's affair, and counted apart */
	s->summary->interrupts -= s->frame_interrupts - p->frames_before;
	return 0;
}

/* -------------------------------------------------------------- teardown */

static bool everybody_has_everything(const struct publisher *p)
{
	struct stream *stream = p->session.job->stream;
	uint64_t published = stream_published(stream);

	for (unsigned int i = 0; i < stream_receivers(stream); i++) {
		const struct receiver *r = stream_receiver(stream, i);

		if (r->state == RECEIVER_OPEN && r->received < published)
			return false;
	}
	return true;
}

static bool everybody_is_done(const struct publisher *p)
{
	const struct session *s = &p->session;

	return !s->alive && !stream_count(s->job->stream, RECEIVER_OPEN);
}

static int close_all(struct publisher *p)
{
	struct session *s = &p->session;
	int rc = 0;

	while (!rc && !everybody_has_everything(p))
		rc = session_step(s, -1, QUIET_US);
	if (rc || read_meter(p, &p->received))
		return s->result;
	summary_wire(s->summary, &p->first, &p->received);

	stream_finish(s->job->stream);
	s->closing = true;
	for (unsigned int i = 0; i < s->accepted; i++)
		if (s->clients[i].conn)
			fantail_close_conn(s->clients[i].conn);
	rc = fantail_submit(p->rig.lib);
	if (rc < 0)
		return session_fail(s, "closing failed: %s", strerror(-rc));
	rc = 0;
	while (!rc && !everybody_is_done(p))
		rc = session_step(s, -1, QUIET_US);
	return rc;
}

/* What the window must hold, whatever the sizes (docs/architecture.md). */
static int check_claims(struct publisher *p)
{
	const struct summary *m = p->session.summary;
	struct session *s = &p->session;
	struct fantail_stats lib;
	uint64_t most;

	fantail_stats(p->rig.lib, &lib);
	most = m->payload_bytes +
	       126 * (m->batches + lib.arena_wraps + lib.arena_grown);
	if (m->submit_doorbells != m->batches || m->batch_records != m->batches)
		return session_fail(s,
				    "%" PRIu64 " batches took %" PRIu64
				    " data doorbells and %" PRIu64 " BATCH "
				    "records: it must be one each",
				    m->batches, m->submit_doorbells,
				    m->batch_records);
	if (m->batches &&
	    (m->interrupts < 1 || m->interrupts > m->batches + m->conn_records))
		return session_fail(s,
				    "%" PRIu64 " interrupts for %" PRIu64
				    " batches and %" PRIu64 " connection "
				    "records: it must be 1 to their sum",
				    m->interrupts, m->batches, m->conn_records);
	if (m->pcie_payload_read_bytes > most)
		return session_fail(s,
				    "the card read %" PRIu64 " bytes of "
				    "payloads, %" PRIu64 " were published: at "
				    "most %" PRIu64 " are in order",
				    m->pcie_payload_read_bytes,
				    m->payload_bytes, most);
	if (m->log_bytes_peak > m->payload_bytes)
		return session_fail(s,
				    "the log held %" PRIu64
				    " bytes, only %" PRIu64 " were published",
				    m->log_bytes_peak, m->payload_bytes);
	return 0;
}

static int run(struct publisher *p)
{
	struct session *s = &p->session;
	const struct options *o = s->job->options;
	unsigned int left = o->drop_client >= 0 ? 1 : 0;
	int rc;

	rc = gather_clients(p);
	if (rc)
		return rc;
	if (s->joined < o->clients)
		return EXIT_INTERRUPTED;
	report_step("publishing %s in batches of %u", feed_name(s->job->feed),
		    o->batch);
	rc = publish_all(p);
	if (rc || close_window(p) || close_all(p) || check_claims(p))
		return s->result;
	if (rig_check(&p->rig, s->job->error, sizeof(s->job->error)))
		return EXIT_FAILED;
	if (session_stopped(s) && !p->feed_over)
		return EXIT_INTERRUPTED;
	s->summary->verified_clients =
		stream_count(s->job->stream, RECEIVER_VERIFIED);
	if (s->summary->verified_clients + left != o->clients)
		return session_fail(s,
				    "only %" PRIu64 " of %u clients verified "
				    "every byte, %u disconnected",
				    s->summary->verified_clients, o->clients,
				    s->job->disconnected);
	return 0;
}

/* What can be said however far the run got. */
static void sum_up(struct publisher *p)
{
	struct summary *m = p->session.summary;
	struct meter now = { 0 };

	m->verified_clients =
		stream_count(p->session.job->stream, RECEIVER_VERIFIED);
	rig_model(&p->rig, m);
	rig_link(&p->rig, m);
	if (p->rig.sim)
		m->has_fanout =
			!fantail_sim_fanout_result(p->rig.sim, &m->fanout);
	m->real_time = p->session.job->options->net != NET_PEERS;
	if (p->session.job->places)
		places_write(p->session.job->places, &p->session);
	if (!m->messages || rig_read(&p->rig, &now))
		return;
	if (!m->batch_records)
		summary_window(m, &p->first, &now);
	if (!m->segments)
		summary_wire(m, &p->first, &now);
}

int publisher_run(struct publisher_job *job, struct summary *summary)
{
	struct publisher p = { .session = { .job = job, .summary = summary } };
	struct session *s = &p.session;
	int rc;

	s->rig = &p.rig;
	s->clients = calloc(job->options->clients, sizeof(*s->clients));
	if (!s->clients) {
		snprintf(job->error, sizeof(job->error),
			 "no memory for %u "
			 "clients",
			 job->options->clients);
		return EXIT_FAILED;
	}
	rc = rig_open(&p.rig, job);
	if (!rc) {
		rc = run(&p);
		sum_up(&p);
		if (p.rig.timeline)
			job->timeline_rc = fantail_sim_timeline_write(
				p.rig.sim, &job->timeline);
		rig_close(&p.rig);
	}
	free(s->clients);
	return rc;
}
