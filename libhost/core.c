/* SPDX-License-Identifier: Apache-2.0 */
/* The library's life, its events, and sleeping. */
#include "internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MIN  65536u
#define ARENA_MAX  (1u << 30)
#define CREDIT_MAX (1u << 30) /* RFC 7323 2.3 */
#define POLL_CHUNK 32	      /* each makes at most three events */
#define LINE_BYTES 160

#define TIME_WAIT_MAX (1u << 20)
#define MSS_FLOOR     536u /* RFC 9293 3.7.1, and RFC 1191 3 */
#define TIME_WAIT_MS  60000u
#define HANDSHAKE_MS  180000u /* RFC 9293 3.8.3 MUST-23 */

uint64_t now_us(struct fantail *f)
{
	return fantail_dev_now_us(f->dev);
}

static int fill_options(struct fantail_options *o,
			const struct fantail_options *given)
{
	*o = *given;
	if (!o->prefix_len)
		o->prefix_len = 24;
	if (!o->arena_max)
		o->arena_max = o->arena_bytes ? o->arena_bytes : 64u << 20;
	if (!o->arena_bytes)
		o->arena_bytes = o->arena_max < 4u << 20 ? o->arena_max
							 : 4u << 20;
	if (!o->flush_us)
		o->flush_us = 1000;
	if (!o->rcv_credit)
		o->rcv_credit = 65535;
	if (!o->handshake_ms)
		o->handshake_ms = HANDSHAKE_MS;
	if (!o->time_wait_ms)
		o->time_wait_ms = TIME_WAIT_MS;
	if (!o->time_wait_max)
		o->time_wait_max = 4096;
	if (!o->connects)
		o->connects = 64;
	if (!o->block_ms)
		o->block_ms = 1000;
	if (!o->mss_floor)
		o->mss_floor = MSS_FLOOR;
	if ((!o->dev && !o->uri) || !o->ip || o->ip >> 28 >= 0xE ||
	    o->mac[0] & 1 || o->prefix_len > 32 || o->arena_bytes < ARENA_MIN ||
	    o->arena_bytes > o->arena_max || o->arena_max > ARENA_MAX ||
	    o->rcv_credit > CREDIT_MAX || o->policy > FANTAIL_POLICY_REPORT ||
	    o->time_wait_max > TIME_WAIT_MAX || o->connects > 65535 ||
	    o->mss_floor < FANTAIL_MSS_MIN || o->mss_floor > MSS_OURS)
		return -EINVAL;
	return 0;
}

/* The ids that are ours, of the card's. */
static int conn_range(struct fantail_options *o, uint32_t limit)
{
	if (o->first_conn >= limit || o->conns > limit - o->first_conn)
		return -EINVAL;
	if (!o->conns)
		o->conns = limit - o->first_conn;
	return 0;
}

static int init_parts(struct fantail *f)
{
	uint32_t groups = fantail_dev_limits(f->dev)->groups;
	int rc;

	rc = arena_init(f);
	if (rc)
		return rc;
	rc = control_init(f);
	if (rc)
		return rc;
	rc = conns_init(f);
	if (rc)
		return rc;
	f->group_used = calloc((groups + 63) / 64, sizeof(*f->group_used));
	if (!f->group_used)
		return -ENOMEM;
	rc = lags_init(f);
	if (rc)
		return rc;
	rc = connects_init(f);
	if (rc)
		return rc;
	rc = time_waits_init(f);
	if (rc)
		return rc;
	/* Handshakes have a connection in reserve each. */
	return flows_init(&f->flows, f->conns.count + f->opt.time_wait_max);
}

static void free_parts(struct fantail *f)
{
	listeners_free(f);
	groups_free(f);
	free(f->group_used);
	free(f->lags.group);
	free(f->dials);
	free(f->time_waits.all);
	free(f->timers.heap);
	free(f->flows.bucket);
	conns_free(f);
	control_free(f);
	arena_free(f);
}

int fantail_open(const struct fantail_options *opt, struct fantail **out)
{
	struct fantail *f;
	int rc;

	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	rc = fill_options(&f->opt, opt);
	if (rc)
		goto err_free;
	rc = -EIO;
	if (sodium_init() < 0)
		goto err_free;
	if (opt->isn_key)
		memcpy(f->hash_key, opt->isn_key, sizeof(f->hash_key));
	else
		randombytes_buf(f->hash_key, sizeof(f->hash_key));
	f->opt.isn_key = NULL;
	f->flush_payloads = f->opt.flush_payloads ? f->opt.flush_payloads
						  : UINT32_MAX;
	f->flush_bytes = f->opt.flush_bytes ? f->opt.flush_bytes : UINT64_MAX;

	f->dev = opt->dev;
	if (!f->dev) {
		rc = fantail_dev_open(opt->uri, &opt->dev_options, &f->dev);
		if (rc)
			goto err_free;
		f->own_dev = true;
	}
	rc = conn_range(&f->opt, fantail_dev_limits(f->dev)->connections);
	if (rc)
		goto err_dev;
	f->opt.qp.local_ip = f->opt.ip;
	rc = fantail_qp_open(f->dev, opt->qp_index, &f->opt.qp, &f->qp);
	if (rc)
		goto err_dev;
	rc = init_parts(f);
	if (rc)
		goto err_parts;
	if (f->opt.gateway)
		arp_request(f, f->opt.gateway);
	*out = f;
	return 0;

err_parts:
	/* The card first, then what it might reach. */
	fantail_qp_close(f->qp);
	free_parts(f);
err_dev:
	if (f->own_dev)
		fantail_dev_close(f->dev);
err_free:
	free(f);
	return rc;
}

void fantail_close(struct fantail *f)
{
	if (!f)
		return;
	/* The card first, then what it might reach. */
	fantail_qp_close(f->qp);
	free_parts(f);
	if (f->own_dev)
		fantail_dev_close(f->dev);
	sodium_memzero(f->hash_key, sizeof(f->hash_key));
	free(f);
}

struct fantail_dev *fantail_device(struct fantail *f)
{
	return f->dev;
}

struct fantail_qp *fantail_queue_pair(struct fantail *f)
{
	return f->qp;
}

void fantail_stats(const struct fantail *f, struct fantail_stats *out)
{
	*out = f->stats;
	out->payloads += f->batch.payloads;
	out->payload_bytes += f->batch.bytes;
}

/* ----------------------------------------------------------------- events */

struct fantail_event *event_add(struct fantail *f, enum fantail_event_type type,
				struct fantail_conn *c)
{
	struct fantail_event *ev;

	if (f->out_count < f->out_room)
		ev = &f->out[f->out_count++];
	else
		ev = &f->queue[(f->queue_head + f->queue_count++) %
			       EVENT_QUEUE];
	memset(ev, 0, sizeof(*ev));
	ev->type = type;
	ev->conn = c;
	return ev;
}

bool events_full(const struct fantail *f)
{
	return f->queue_count > EVENT_QUEUE / 2;
}

bool rate_allows(struct fantail *f, struct rate *r, uint32_t per_second)
{
	uint64_t second = now_us(f) / 1000000;

	if (second != r->second) {
		r->second = second;
		r->count = 0;
	}
	if (r->count >= per_second)
		return false;
	r->count++;
	return true;
}

void log_line(struct fantail *f, enum fantail_log_level level, const char *fmt,
	      ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (!f->opt.log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	f->opt.log(f->opt.log_ctx, level, line);
}

static void drain_queue(struct fantail *f)
{
	while (f->queue_count && f->out_count < f->out_room) {
		f->out[f->out_count++] = f->queue[f->queue_head];
		f->queue_head = (f->queue_head + 1) % EVENT_QUEUE;
		f->queue_count--;
	}
}

static void batch_record(struct fantail *f, const struct fantail_rec_batch *r)
{
	uint64_t cookie = (uint64_t)r->cookie_hi << 32 | r->cookie_lo;
	struct fantail_event *ev;
	struct fantail_conn *c;

	if (r->ring == FANTAIL_RING_CONTROL) {
		c = cookie >> 32 == COOKIE_INSTALL
			    ? conn_find(f, (uint32_t)cookie)
			    : NULL;
		if (c)
			conn_installed(f, c);
		return;
	}
	f->stats.batches_done++;
	ev = event_add(f, FANTAIL_EVENT_BATCH, NULL);
	ev->u.batch.cookie = cookie;
	ev->u.batch.reached = r->reached;
	ev->u.batch.skipped = r->skipped;
	ev->u.batch.bytes = r->bytes;
	ev->u.batch.entries = r->entries;
	ev->u.batch.payloads = r->payloads;
	ev->u.batch.refused = r->refused;
}

static void data_record(struct fantail *f, const struct fantail_rec_data *r)
{
	struct fantail_conn *c = conn_find(f, r->handle);
	struct fantail_event *ev;

	if (c)
		c->rcv_bytes += r->length;
	if (!c || c->gone) {
		f->stats.stale_records++;
		control_return_slot(f, r->slot);
		return;
	}
	conn_installed(f, c);
	f->stats.data_records++;
	f->stats.data_bytes += r->length;
	f->app_slot[r->slot] = 1;
	ev = event_add(f, FANTAIL_EVENT_DATA, c);
	ev->u.data.ptr = (uint8_t *)fantail_slot(f->qp, r->slot) + r->offset;
	ev->u.data.len = r->length;
	ev->u.data.slot = r->slot;
}

static void refused_record(struct fantail *f,
			   const struct fantail_rec_refused *r)
{
	uint64_t cookie = (uint64_t)r->cookie_hi << 32 | r->cookie_lo;
	struct fantail_event *ev;
	struct fantail_conn *c;

	f->stats.refused++;
	if (r->op == FANTAIL_OP_FRAME_INJECT &&
	    r->code == FANTAIL_REFUSE_INJECT_MISSED) {
		f->stats.inject_missed++;
		return;
	}
	if (r->op == FANTAIL_OP_CONN_INSTALL) {
		f->stats.install_refused++;
		c = conn_find(f, (uint32_t)cookie);
		if (c && c->state == CONN_INSTALLING)
			conn_refused(f, c, r->code);
	}
	/* Ours, not the application's: released in the meantime. */
	if (r->op == FANTAIL_OP_CONN_QUERY || r->op == FANTAIL_OP_CONN_UPDATE) {
		c = conn_find(f, r->target);
		if (c)
			c->icmp_kind = 0;
		return;
	}
	ev = event_add(f, FANTAIL_EVENT_REFUSED, NULL);
	ev->u.refused.cookie = cookie;
	ev->u.refused.target = r->target;
	ev->u.refused.op = r->op;
	ev->u.refused.code = r->code;
	ev->u.refused.reached = r->reached;
}

static void summary_record(struct fantail *f,
			   const struct fantail_rec_summary *r)
{
	struct fantail_event *ev = event_add(f, FANTAIL_EVENT_SUMMARY, NULL);

	ev->u.summary.connects = r->connects;
	ev->u.summary.reads = r->reads;
	ev->u.summary.errors = r->errors;
	ev->u.summary.disconnects = r->disconnects;
	ev->u.summary.successes = r->successes;
	ev->u.summary.collected = r->collected;
}

static void dispatch(struct fantail *f, const union fantail_record *r)
{
	const struct fantail_rec_delivered *delivered = &r->delivered;

	switch (r->type) {
	case FANTAIL_REC_BATCH:
		batch_record(f, &r->batch);
		break;
	case FANTAIL_REC_CONN:
		conn_record(f, &r->conn);
		break;
	case FANTAIL_REC_DATA:
		data_record(f, &r->data);
		break;
	case FANTAIL_REC_FRAME:
		frame_input(f, r->frame.slot, r->frame.offset, r->frame.length);
		break;
	case FANTAIL_REC_REFUSED:
		refused_record(f, &r->refused);
		break;
	case FANTAIL_REC_SUMMARY:
		summary_record(f, &r->summary);
		break;
	case FANTAIL_REC_DELIVERED:
		event_add(f, FANTAIL_EVENT_DELIVERED, NULL)
			->u.delivered.cookie = (uint64_t)delivered->cookie_hi
						       << 32 |
					       delivered->cookie_lo;
		break;
	default:
		/* HEAD: the driver took it. */
		break;
	}
}

static int poll_records(struct fantail *f)
{
	union fantail_record recs[POLL_CHUNK];
	int room, n, i;

	do {
		/* One that makes no event must not stop the next. */
		room = f->out_room - f->out_count;
		if (room > POLL_CHUNK)
			room = POLL_CHUNK;
		n = fantail_qp_poll(f->qp, recs, room);
		arena_reclaim(f);
		for (i = 0; i < n; i++)
			dispatch(f, &recs[i]);
	} while (n == room && f->out_count < f->out_room);
	if (n == -EPROTO)
		log_line(f, FANTAIL_LOG_ERROR,
			 "the card wrote an impossible record");
	return n < 0 ? n : 0;
}

/* Timers, wishes, the open batch, the CONTROL ring. */
static int housekeeping(struct fantail *f, bool all)
{
	int rc;

	if (timers_next(&f->timers) != UINT64_MAX)
		timers_run(f, now_us(f));
	if (f->deferred)
		conns_progress(f);
	rc = f->batch.newest ? data_flush(f) : 0;
	if (!rc && (f->control.waits || f->control.back_count))
		rc = control_run(f, all);
	return rc;
}

int fantail_poll(struct fantail *f, struct fantail_event *events, int n)
{
	int rc, keep;

	if (n < 1)
		return -EINVAL;
	f->out = events;
	f->out_count = 0;
	f->out_room = n;
	if (f->queue_count)
		drain_queue(f);
	rc = f->out_count < n ? poll_records(f) : 0;
	keep = housekeeping(f, false);
	n = f->out_count;
	f->out_room = 0;
	f->out_count = 0;
	if (n)
		return n;
	return rc ? rc : keep;
}

int fantail_recv_return(struct fantail *f, uint16_t slot)
{
	if (slot >= fantail_slot_count(f->qp) || !f->app_slot[slot])
		return -EINVAL;
	f->app_slot[slot] = 0;
	control_return_slot(f, slot);
	return 0;
}

/* --------------------------------------------------------------- sleeping */

int fantail_event_fd(const struct fantail *f)
{
	return fantail_qp_event_fd(f->qp);
}

uint64_t fantail_next_timer_us(const struct fantail *f)
{
	uint64_t next = timers_next(&f->timers);

	return f->batch.due && f->batch.due < next ? f->batch.due : next;
}

static int64_t until_timer(struct fantail *f)
{
	uint64_t next = fantail_next_timer_us(f), now;

	if (next == UINT64_MAX)
		return -1;
	now = now_us(f);
	next = next > now ? next - now : 0;
	return next < INT64_MAX ? (int64_t)next : INT64_MAX;
}

int fantail_prepare_sleep(struct fantail *f, int64_t *timeout_us)
{
	int rc;

	rc = housekeeping(f, true);
	if (rc)
		return rc;
	if (f->queue_count)
		return 1;
	*timeout_us = until_timer(f);
	fantail_qp_event_clear(f->qp);
	return fantail_qp_arm(f->qp);
}

int fantail_wait(struct fantail *f, int64_t timeout_us)
{
	uint64_t end = timeout_us < 0 ? 0 : now_us(f) + (uint64_t)timeout_us;
	int64_t left = timeout_us, step;
	uint64_t now;
	int rc;

	for (;;) {
		rc = housekeeping(f, true);
		if (rc)
			return rc;
		if (f->queue_count)
			return 1;
		step = until_timer(f);
		if (left >= 0 && (step < 0 || left < step))
			step = left;
		rc = fantail_qp_wait(f->qp, step);
		if (rc) {
			f->stats.wakeups += rc > 0;
			return rc;
		}
		if (timeout_us < 0)
			continue;
		now = now_us(f);
		if (now >= end)
			return 0;
		left = (int64_t)(end - now);
	}
}
