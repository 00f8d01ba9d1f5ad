/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slow consumers: policies, who lags (policy REPORT), and the blocking mode,
 * in which nothing more is published to somebody who does.
 *
 * LAGGING and WRITABLE come from the card. In blocking mode one who never
 * becomes writable would hold back all others of its groups: so the card is
 * asked every block_ms how much it has acknowledged, and if that is as much
 * as before, it is aborted. All wait equally long, so one list in order of
 * entry and one timer do.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_US 1000u

static void list_remove(struct lags *l, struct fantail_conn *c)
{
	if (c->lag_older)
		c->lag_older->lag_newer = c->lag_newer;
	else
		l->oldest = c->lag_newer;
	if (c->lag_newer)
		c->lag_newer->lag_older = c->lag_older;
	else
		l->newest = c->lag_older;
}

static void list_append(struct fantail *f, struct fantail_conn *c)
{
	struct lags *l = &f->lags;

	c->lag_due = now_us(f) + f->opt.block_ms * 1000ull;
	c->lag_newer = NULL;
	c->lag_older = l->newest;
	if (l->newest)
		l->newest->lag_newer = c;
	else
		l->oldest = c;
	l->newest = c;
}

static bool limited(const struct fantail *f)
{
	return f->opt.blocking && f->opt.block_ms != FANTAIL_BLOCK_FOREVER;
}

/* When the oldest is due; early if one was taken out: it looks again. */
static void set_timer(struct fantail *f)
{
	struct lags *l = &f->lags;

	if (!l->oldest || !limited(f))
		timers_stop(&f->timers, &l->timer);
	else if (!l->timer.pos)
		timers_set(&f->timers, &l->timer, l->oldest->lag_due);
}

static void look(struct fantail *f, struct timer *timer)
{
	struct lags *l = &f->lags;
	uint64_t now = now_us(f);

	while (l->oldest && l->oldest->lag_due <= now) {
		struct fantail_conn *c = l->oldest;

		if (conn_query(c)) {
			timers_set(&f->timers, timer, now + RETRY_US);
			return;
		}
		c->lag_asked = true;
		list_remove(l, c);
		list_append(f, c);
	}
	set_timer(f);
}

int lags_init(struct fantail *f)
{
	f->lags.group = calloc(fantail_dev_limits(f->dev)->groups,
			       sizeof(*f->lags.group));
	if (!f->lags.group || timers_reserve(&f->timers, 1))
		return -ENOMEM;
	f->lags.timer.fn = look;
	return 0;
}

static void set_lagging(struct fantail *f, struct fantail_conn *c, bool lags)
{
	uint32_t i, step = lags ? 1 : UINT32_MAX;

	if (c->lagging == lags)
		return;
	c->lagging = lags;
	c->lag_asked = false;
	f->stats.lagging += lags ? 1 : UINT64_MAX;
	for (i = 0; c->members && i < f->conns.group_words; i++) {
		uint64_t bits = c->groups[i];

		for (; bits; bits &= bits - 1)
			f->lags.group[64 * i +
				      (uint32_t)__builtin_ctzll(bits)] += step;
	}
	if (lags)
		list_append(f, c);
	else
		list_remove(&f->lags, c);
	set_timer(f);
}

void lag_forget(struct fantail *f, struct fantail_conn *c)
{
	set_lagging(f, c, false);
}

void lag_member(struct fantail *f, const struct fantail_conn *c,
		uint32_t number, bool joined)
{
	if (c->lagging)
		f->lags.group[number] += joined ? 1 : UINT32_MAX;
}

void lag_record(struct fantail *f, struct fantail_conn *c,
		const struct fantail_rec_conn *r)
{
	/* Whoever is on the way out gets nothing more and holds up nobody. */
	bool leaves = c->state == CONN_DEAD || c->want;

	/* WRITABLE is newer than a LAGGING beside it. */
	if (leaves || r->events & FANTAIL_EV_WRITABLE) {
		set_lagging(f, c, false);
	} else if (r->events & FANTAIL_EV_LAGGING) {
		set_lagging(f, c, true);
		c->lag_acked = r->acked;
	} else if (c->lag_asked && r->events & FANTAIL_EV_QUERY) {
		c->lag_asked = false;
		if (c->lag_acked == r->acked) {
			f->stats.lag_aborted++;
			log_line(
				f, FANTAIL_LOG_INFO,
				"connection %08x: aborted, it held up the rest",
				c->handle);
			fantail_abort_conn(c);
		}
		c->lag_acked = r->acked;
	}
}

bool fantail_lagging(struct fantail *f, struct fantail_target target)
{
	const struct fantail_conn *c;
	unsigned int i;

	if (!f->stats.lagging)
		return false;
	if (target.flags & FANTAIL_FLAG_GROUP)
		return f->lags.group[target.id];
	if (!(target.flags & FANTAIL_FLAG_LIST)) {
		c = conn_find(f, target.id);
		return c && c->lagging;
	}
	for (i = 0; i < target.count; i++) {
		c = conn_find(f, target.handles[i]);
		if (c && c->lagging)
			return true;
	}
	return false;
}

int fantail_listener_set_policy(struct fantail_listener *l, unsigned int policy,
				uint32_t lag_limit)
{
	if (policy > FANTAIL_POLICY_REPORT)
		return -EINVAL;
	l->policy = policy;
	l->lag_limit = lag_limit;
	return 0;
}

int fantail_conn_set_policy(struct fantail_conn *c, unsigned int policy,
			    uint32_t lag_limit)
{
	bool last = policy == FANTAIL_POLICY_ABORT;

	if (policy > FANTAIL_POLICY_REPORT)
		return -EINVAL;
	if (c->state == CONN_DEAD)
		return -ENOTCONN;
	if (control_space(c->f) < 2)
		return -EAGAIN;
	/* The card may look between the two: no abort by a mixture. */
	if (!last)
		conn_update(c, FANTAIL_UPDATE_POLICY, policy);
	conn_update(c, FANTAIL_UPDATE_LAG_LIMIT, lag_limit);
	if (last)
		conn_update(c, FANTAIL_UPDATE_POLICY, policy);
	return 0;
}
