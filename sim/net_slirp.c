/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "slirp:" - user-mode networking. libslirp terminates the card's TCP in this
 * process and continues it in ordinary sockets, without any privilege.
 *
 * The network is 10.0.2.0/24 around the card: the host is .2, and a forwarded
 * connection from 127.0.0.1:p reaches the card as coming from host:p.
 */
#include <errno.h>
#include <libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net_backend.h"

enum {
	BACKLOG = 1024,
	CARD_IP = 0x0a00020f, /* 10.0.2.15 */
	/* libslirp takes a clock of zero for "no timer set" */
	CLOCK_START_US = 1000000,
};

struct slirp_timer {
	struct net_slirp *owner;
	SlirpTimerId id;
	void *cb_opaque;
	int64_t expire_ms; /* INT64_MAX: not set */
};

struct net_slirp {
	struct fantail_net *net;
	Slirp *slirp;
	struct slirp_timer timers[SLIRP_TIMER_NUM];
	uint64_t next_turn_us;	   /* libslirp's TCP timers */
	struct net_pollfds unused; /* of turns without descriptors */
};

static int64_t clock_ns(void *opaque)
{
	struct net_slirp *s = opaque;

	return (int64_t)(s->net->now_us + CLOCK_START_US) * 1000;
}

static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	struct net_slirp *s = opaque;

	net_queue(s->net, frame, len, 0);
	return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
	struct net_slirp *s = opaque;

	net_log(s->net, FANTAIL_NET_LOG_WARN, "slirp: %s", msg);
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct net_slirp *s = opaque;
	struct slirp_timer *t = &s->timers[id];

	*t = (struct slirp_timer){ s, id, cb_opaque, INT64_MAX };
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct slirp_timer *t = timer;

	(void)opaque;
	t->expire_ms = INT64_MAX;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	struct slirp_timer *t = timer;

	(void)opaque;
	t->expire_ms = expire_ms;
}

/* Descriptors are collected anew for each poll; nobody sleeps meanwhile. */
static void poll_fd_ignored(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify_ignored(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd_ignored,
	.unregister_poll_fd = poll_fd_ignored,
	.notify = notify_ignored,
};

static const struct {
	int slirp;
	short poll;
} poll_events[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT },
	{ SLIRP_POLL_PRI, POLLPRI }, { SLIRP_POLL_ERR, POLLERR },
	{ SLIRP_POLL_HUP, POLLHUP },
};

#define N_EVENTS (sizeof(poll_events) / sizeof(poll_events[0]))

static int add_poll(int fd, int events, void *opaque)
{
	short wanted = 0;
	size_t i;

	for (i = 0; i < N_EVENTS; i++)
		if (events & poll_events[i].slirp)
			wanted |= poll_events[i].poll;
	return net_pollfds_add(opaque, fd, wanted);
}

static int get_revents(int idx, void *opaque)
{
	const struct net_pollfds *list = opaque;
	int events = 0;
	size_t i;

	if (idx < 0 || (size_t)idx >= list->count)
		return 0;
	for (i = 0; i < N_EVENTS; i++)
		if (list->fds[idx].revents & poll_events[i].poll)
			events |= poll_events[i].slirp;
	return events;
}

static void run_timers(struct net_slirp *s)
{
	int i;

	for (i = 0; i < SLIRP_TIMER_NUM; i++) {
		struct slirp_timer *t = &s->timers[i];

		if (t->expire_ms > clock_ns(s) / 1000000)
			continue;
		t->expire_ms = INT64_MAX;
		slirp_handle_timer(s->slirp, t->id, t->cb_opaque);
	}
}

/* First half of a turn: descriptors, and when the TCP timers are due. */
static void fill(struct net_slirp *s, struct net_pollfds *list,
		 uint32_t *timeout_ms)
{
	*timeout_ms = UINT32_MAX;
	slirp_pollfds_fill(s->slirp, timeout_ms, add_poll, list);
	s->next_turn_us = FANTAIL_NET_NEVER;
	if (*timeout_ms != UINT32_MAX)
		s->next_turn_us = s->net->now_us + *timeout_ms * 1000ULL;
}

static void slirp_fill_pollfds(struct fantail_net *net,
			       struct net_pollfds *list, int *timeout_ms)
{
	uint32_t ms;

	fill(net->priv, list, &ms);
	if (ms != UINT32_MAX && (*timeout_ms < 0 || ms < (uint32_t)*timeout_ms))
		*timeout_ms = (int)ms;
}

static void slirp_process_pollfds(struct fantail_net *net,
				  const struct net_pollfds *list, int error)
{
	struct net_slirp *s = net->priv;

	slirp_pollfds_poll(s->slirp, error != 0, get_revents, (void *)list);
}

static void slirp_run(struct fantail_net *net)
{
	struct net_slirp *s = net->priv;
	uint32_t ms;

	run_timers(s);
	if (s->next_turn_us > net->now_us)
		return;
	/* a turn in which no descriptor is ready runs the TCP timers */
	s->unused.count = 0;
	fill(s, &s->unused, &ms);
	slirp_pollfds_poll(s->slirp, 0, get_revents, &s->unused);
	s->unused.count = 0;
	fill(s, &s->unused, &ms);
	if (s->next_turn_us <= net->now_us)
		s->next_turn_us = net->now_us + 1000;
}

static uint64_t slirp_next_event_us(const struct fantail_net *net)
{
	const struct net_slirp *s = net->priv;
	uint64_t next = s->next_turn_us, due;
	int i;

	for (i = 0; i < SLIRP_TIMER_NUM; i++) {
		if (s->timers[i].expire_ms == INT64_MAX)
			continue;
		due = (uint64_t)s->timers[i].expire_ms * 1000;
		due = due > CLOCK_START_US ? due - CLOCK_START_US : 0;
		if (due < next)
			next = due;
	}
	return next;
}

static void slirp_send(struct fantail_net *net, const uint8_t *frame,
		       size_t len)
{
	struct net_slirp *s = net->priv;

	slirp_input(s->slirp, frame, (int)len);
	/* input may have started a TCP timer: look soon */
	if (s->next_turn_us > net->now_us + 10000)
		s->next_turn_us = net->now_us + 10000;
}

/* libslirp listens with a backlog of one; many clients come at once. */
static void widen_backlog(struct net_slirp *s)
{
	uint32_t ms;
	size_t i;

	s->unused.count = 0;
	fill(s, &s->unused, &ms);
	for (i = 0; i < s->unused.count; i++) {
		int listening = 0;
		socklen_t len = sizeof(listening);

		if (!getsockopt(s->unused.fds[i].fd, SOL_SOCKET, SO_ACCEPTCONN,
				&listening, &len) &&
		    listening && listen(s->unused.fds[i].fd, BACKLOG))
			net_log(s->net, FANTAIL_NET_LOG_WARN,
				"slirp: listen backlog: %s", strerror(errno));
	}
}

static int forward(struct net_slirp *s)
{
	const struct fantail_net_config *cfg = &s->net->cfg;
	struct in_addr host = { htonl(cfg->host_ip) };
	struct in_addr card = { htonl(cfg->card_ip) };
	char ip[INET_ADDRSTRLEN];
	int error;

	if (!cfg->host_port)
		return 0;
	errno = 0;
	if (slirp_add_hostfwd(s->slirp, 0, host, cfg->host_port, card,
			      cfg->card_port) < 0) {
		error = errno ? errno : EIO;
		net_log(s->net, FANTAIL_NET_LOG_ERROR,
			"slirp: cannot forward %s:%u: %s%s",
			inet_ntop(AF_INET, &host, ip, sizeof(ip)),
			cfg->host_port, strerror(error),
			error == EADDRINUSE ? "; choose another port"
			: error == EACCES   ? "; choose a port from 1024"
					    : "");
		return -error;
	}
	widen_backlog(s);
	return 0;
}

static void slirp_close(struct fantail_net *net)
{
	struct net_slirp *s = net->priv;

	slirp_cleanup(s->slirp);
	free(s->unused.fds);
	free(s);
}

static int slirp_open(struct fantail_net *net)
{
	struct net_slirp *s = calloc(1, sizeof(*s));
	SlirpConfig cfg = { .version = 4, .in_enabled = true };
	uint32_t base;
	int i, ret;

	if (!s)
		return -ENOMEM;
	if (!net->cfg.card_ip)
		net->cfg.card_ip = CARD_IP;
	base = net->cfg.card_ip & 0xffffff00;
	if (net->cfg.card_ip - base < 5 || net->cfg.card_ip - base > 254) {
		net_log(net, FANTAIL_NET_LOG_ERROR,
			"slirp: the card's address must end in 5 to 254");
		ret = -EINVAL;
		goto err_free;
	}
	s->net = net;
	s->next_turn_us = FANTAIL_NET_NEVER;
	for (i = 0; i < SLIRP_TIMER_NUM; i++)
		s->timers[i].expire_ms = INT64_MAX;
	net->priv = s;

	cfg.vnetwork.s_addr = htonl(base);
	cfg.vnetmask.s_addr = htonl(0xffffff00);
	cfg.vhost.s_addr = htonl(base | 2);
	cfg.vnameserver.s_addr = htonl(base | 3);
	cfg.vdhcp_start.s_addr = htonl(net->cfg.card_ip);
	cfg.disable_dns = true;
	s->slirp = slirp_new(&cfg, &callbacks, s);
	if (!s->slirp) {
		net_log(net, FANTAIL_NET_LOG_ERROR, "slirp: cannot start");
		ret = -EIO;
		goto err_free;
	}
	ret = forward(s);
	if (ret)
		goto err_slirp;
	return 0;

err_slirp:
	slirp_cleanup(s->slirp);
	free(s->unused.fds);
err_free:
	free(s);
	return ret;
}

const struct fantail_net_ops fantail_net_slirp_ops = {
	.scheme = "slirp",
	.external = true,
	.open = slirp_open,
	.close = slirp_close,
	.send = slirp_send,
	.run = slirp_run,
	.next_event_us = slirp_next_event_us,
	.fill_pollfds = slirp_fill_pollfds,
	.process_pollfds = slirp_process_pollfds,
};
