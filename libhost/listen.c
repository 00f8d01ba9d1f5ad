/* SPDX-License-Identifier: Apache-2.0 */
/* Listening ports, each with room for as many handshakes as its backlog. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

struct fantail_listener *listener_find(struct fantail *f, uint16_t port)
{
	struct fantail_listener *l = f->listeners;

	while (l && l->port != port)
		l = l->next;
	return l;
}

int fantail_listen(struct fantail *f, uint16_t port, unsigned int backlog,
		   struct fantail_listener **out)
{
	struct fantail_listener *l;
	unsigned int i;

	if (!port || !backlog || backlog > 65535)
		return -EINVAL;
	if (listener_find(f, port))
		return -EADDRINUSE;
	if (timers_reserve(&f->timers, backlog))
		return -ENOMEM;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->embryos = calloc(backlog, sizeof(*l->embryos));
	if (!l->embryos) {
		free(l);
		return -ENOMEM;
	}
	for (i = 0; i < backlog; i++) {
		l->embryos[i].next = l->free;
		l->free = &l->embryos[i];
	}
	l->f = f;
	l->port = port;
	l->backlog = backlog;
	l->policy = f->opt.policy;
	l->lag_limit = f->opt.lag_limit;
	l->next = f->listeners;
	f->listeners = l;
	*out = l;
	return 0;
}

/* Drop its handshakes, and what else still names it. */
static void detach(struct fantail *f, struct fantail_listener *l)
{
	unsigned int i;

	for (i = 0; i < l->backlog; i++) {
		struct embryo *e = &l->embryos[i];

		if (!e->used)
			continue;
		timers_stop(&f->timers, &e->timer);
		flows_del(f, &e->flow);
		f->stats.handshakes--;
	}
	f->timers.room -= l->backlog;
	for (i = 0; i < f->conns.count; i++)
		if (f->conns.conn[i].listener == l)
			f->conns.conn[i].listener = NULL;
	for (i = 0; i < f->queue_count; i++) {
		struct fantail_event *ev =
			&f->queue[(f->queue_head + i) % EVENT_QUEUE];

		if (ev->type == FANTAIL_EVENT_ACCEPT &&
		    ev->u.accept.listener == l)
			ev->u.accept.listener = NULL;
	}
}

void fantail_unlisten(struct fantail_listener *l)
{
	struct fantail_listener **at;

	if (!l)
		return;
	detach(l->f, l);
	at = &l->f->listeners;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	free(l->embryos);
	free(l);
}

void listeners_free(struct fantail *f)
{
	struct fantail_listener *l = f->listeners, *next;

	f->listeners = NULL;
	for (; l; l = next) {
		next = l->next;
		free(l->embryos);
		free(l);
	}
}
