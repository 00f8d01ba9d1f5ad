/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel sockets through a forwarded port to a scripted card. */
/* model: none */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net_card.h"
#include "wire_check.h"

#define ISN	77u
#define CLIENTS 50
#define STREAM	100000u
#define CHUNK	1000u

/* The card's side of a connection. */
struct conn {
	size_t from_peer_len;
	uint32_t peer_next, una, nxt, edge;
	char from_peer[16];
	uint16_t port; /* 0: unused */
	bool fin_got;
};

static struct fantail_net *net;
static struct fantail_wire_check *check;
static struct conn conns[CLIENTS];
static char last_log[256];
static uint64_t start_us;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 -
	       start_us;
}

static void keep_log(void *ctx, enum fantail_net_log_level level,
		     const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(last_log, sizeof(last_log), "%s", line);
}

static void wire_line(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

/* A listening socket on a free port of localhost. */
static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int open_port(uint16_t port)
{
	struct fantail_net_config cfg;
	char uri[80];

	fantail_net_config_default(&cfg);
	cfg.log = keep_log;
	snprintf(uri, sizeof(uri), "slirp:?hostfwd=127.0.0.1:%u-:%u", port,
		 CARD_PORT);
	return fantail_net_open(uri, &cfg, &net);
}

static uint16_t plug(void)
{
	struct fantail_wire_check_config wire = {
		.card_ip = 0x0a00020f,
		.log = wire_line,
	};
	uint16_t port;
	int fd = listener(&port);

	close(fd);
	start_us = 0;
	start_us = now_us();
	cr_assert_eq(open_port(port), 0, "%s", last_log);
	cr_assert_eq(fantail_wire_check_open(&wire, &check), 0);
	return port;
}

static void unplug(void)
{
	struct fantail_wire_check_result r;

	fantail_wire_check_get_result(check, &r);
	cr_assert_eq(r.violations, 0);
	fantail_wire_check_close(check);
	fantail_net_close(net);
}

static int client(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(port);
	cr_assert(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ||
		  errno == EINPROGRESS);
	return fd;
}

static void send_seg(struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	cr_assert_eq(fantail_wire_check_tx(check, f, len, now_us()), 0);
	cr_assert_eq(fantail_net_send(net, f, len, now_us()), 0);
}

static void send_conn(const struct conn *c, uint32_t seq, uint8_t flags,
		      const void *data, size_t len)
{
	struct seg s = {
		.src = 0x0a00020f,
		.dst = 0x0a000202,
		.sport = CARD_PORT,
		.dport = c->port,
		.seq = seq,
		.ack = c->peer_next,
		.flags = flags,
		.data = data,
		.len = len,
	};

	if (flags & TCP_SYN)
		seg_mss(&s, 1460);
	send_seg(&s);
}

static struct conn *conn_of(uint16_t port, bool add)
{
	size_t i;

	for (i = 0; i < CLIENTS; i++) {
		if (conns[i].port == port)
			return &conns[i];
		if (!conns[i].port && add) {
			conns[i].port = port;
			return &conns[i];
		}
	}
	cr_assert(false, "no such connection: port %u", port);
	return NULL;
}

/* One frame towards the card. */
static void card_input(const uint8_t *f, size_t len)
{
	struct conn *c;
	struct got g;

	cr_assert_eq(fantail_wire_check_rx(check, f, len, now_us()), 0);
	if (card_arp(net, f, now_us()) || !frame_parse(f, len, &g))
		return;
	cr_assert_eq(g.src, 0x0a000202, "the host's address");
	cr_assert_eq(g.dport, CARD_PORT);
	c = conn_of(g.sport, g.flags & TCP_SYN);
	if (g.flags & TCP_SYN) {
		cr_assert(g.has_mss);
		c->peer_next = g.seq + 1;
		c->una = c->nxt = ISN + 1;
		c->edge = c->una + g.wnd;
		send_conn(c, ISN, TCP_SYN | TCP_ACK, NULL, 0);
		return;
	}
	cr_assert(!(g.flags & TCP_RST), "unexpected RST");
	c->una = g.ack;
	if (seq_diff(c->edge, g.ack + g.wnd) > 0)
		c->edge = g.ack + g.wnd;
	if (g.seq != c->peer_next)
		return;
	cr_assert_leq(c->from_peer_len + g.len, sizeof(c->from_peer));
	memcpy(c->from_peer + c->from_peer_len, g.data, g.len);
	c->from_peer_len += g.len;
	c->peer_next += (uint32_t)g.len + !!(g.flags & TCP_FIN);
	c->fin_got |= !!(g.flags & TCP_FIN);
	if (g.len || g.flags & TCP_FIN)
		send_conn(c, c->nxt, TCP_ACK, NULL, 0);
}

static void turn(int timeout_ms)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	int len;

	cr_assert_geq(fantail_net_poll(net, now_us(), timeout_ms, -1), 0);
	while ((len = fantail_net_recv(net, f, sizeof(f), now_us())) > 0)
		card_input(f, (size_t)len);
	cr_assert_eq(len, 0);
}

static uint8_t pattern(size_t conn, uint32_t at)
{
	return (uint8_t)(mix64(at / 8 + conn * 77777) >> at % 8 * 8);
}

/* Send what the window allows; false: all is sent. */
static bool feed(size_t i)
{
	struct conn *c = &conns[i];
	uint32_t at = c->nxt - (ISN + 1), k;
	uint8_t data[CHUNK];

	if (c->una != c->nxt && c->nxt - c->una > 8 * CHUNK)
		return true;
	if (at == STREAM) {
		send_conn(c, c->nxt, TCP_ACK | TCP_FIN, NULL, 0);
		c->nxt++;
	}
	if (at >= STREAM)
		return false;
	if (seq_diff(c->nxt + CHUNK, c->edge) < 0)
		return true;
	for (k = 0; k < CHUNK; k++)
		data[k] = pattern(i, at + k);
	send_conn(c, c->nxt, TCP_ACK | TCP_PSH, data, CHUNK);
	c->nxt += CHUNK;
	return true;
}

Test(slirp, many_clients_both_ways, .timeout = 60)
{
	static uint8_t buf[4096];
	uint16_t port = plug();
	int fd[CLIENTS];
	size_t conn[CLIENTS];
	uint32_t got[CLIENTS] = { 0 };
	size_t i, open = 0, done = 0;
	ssize_t n, k;

	cr_assert(fantail_net_is_external(net));
	cr_assert_eq(fantail_net_peers(net), NULL);
	for (i = 0; i < CLIENTS; i++)
		fd[i] = client(port); /* all at once: the backlog holds them */
	for (i = 0; i < CLIENTS; i++) {
		struct sockaddr_in a;
		socklen_t len = sizeof(a);

		cr_assert_eq(getsockname(fd[i], (struct sockaddr *)&a, &len),
			     0);
		while (send(fd[i], "hello", 5, MSG_NOSIGNAL) < 0) {
			cr_assert(errno == EAGAIN || errno == ENOTCONN);
			turn(1);
		}
		for (conn[i] = CLIENTS; conn[i] == CLIENTS; turn(1))
			for (open = 0; open < CLIENTS; open++)
				if (conns[open].port == ntohs(a.sin_port))
					conn[i] = open;
	}
	while (done < CLIENTS) {
		turn(0);
		for (i = 0; i < CLIENTS; i++)
			feed(i);
		for (i = 0; i < CLIENTS; i++) {
			if (fd[i] < 0)
				continue;
			n = read(fd[i], buf, sizeof(buf));
			if (n < 0) {
				cr_assert_eq(errno, EAGAIN);
				continue;
			}
			for (k = 0; k < n; k++)
				cr_assert_eq(buf[k],
					     pattern(conn[i], got[i]++));
			if (n)
				continue;
			cr_assert_eq(got[i], STREAM, "early end");
			close(fd[i]);
			fd[i] = -1;
			done++;
		}
	}
	for (i = 0; i < CLIENTS; i++) {
		while (!conns[i].fin_got)
			turn(10);
		cr_assert_eq(conns[i].from_peer_len, 5);
		cr_assert_eq(memcmp(conns[i].from_peer, "hello", 5), 0);
	}
	unplug();
}

Test(slirp, occupied_port)
{
	char text[32];
	uint16_t port;
	int fd = listener(&port);

	cr_assert_eq(open_port(port), -EADDRINUSE);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	cr_assert(strstr(last_log, text), "%s", last_log);
	close(fd);
	cr_assert_eq(open_port(port), 0, "%s", last_log);
	/* a second one of our own */
	cr_assert_eq(open_port(port), -EADDRINUSE);
	fantail_net_close(net);
	cr_assert_eq(open_port(port), 0, "closing frees the port: %s",
		     last_log);
	fantail_net_close(net);
}

Test(slirp, port_without_right)
{
	bool root = !geteuid();
	int ret;

	if (root)
		cr_assert_eq(seteuid(65534), 0);
	ret = open_port(81);
	if (root) {
		cr_assert_eq(seteuid(0), 0);
		/* leak checkers want to trace us */
		cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
	}
	if (!ret) {
		fantail_net_close(net); /* this machine allows it to all */
		return;
	}
	cr_assert_eq(ret, -EACCES, "%d %s", ret, last_log);
	cr_assert(strstr(last_log, "127.0.0.1:81"), "%s", last_log);
}

Test(slirp, uri_parameters)
{
	static const char *const bad[] = {
		"slirp:?hostfwd=127.0.0.1:9000",
		"slirp:?hostfwd=:0-:9000",
		"slirp:?hostfwd=1.2:9-:9",
		"slirp:?hostfwd=:70000-:9",
		"slirp:?count=3",
		"slirp:?card_ip=10.0.2.2",
		"slirp",
	};
	struct fantail_net_config cfg;
	size_t i;

	fantail_net_config_default(&cfg);
	cfg.log = keep_log;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		last_log[0] = 0;
		cr_assert_eq(fantail_net_open(bad[i], &cfg, &net), -EINVAL,
			     "%s", bad[i]);
		cr_assert(last_log[0], "%s: no message", bad[i]);
	}
	cr_assert_eq(fantail_net_open("slirp:", NULL, &net), 0);
	cr_assert_eq(fantail_net_card_ip(net), 0x0a00020f);
	fantail_net_close(net);
}

/* The sleep ends for a client, for the caller's descriptor, and in time. */
Test(slirp, poll_sleeps_and_wakes)
{
	uint16_t port = plug();
	int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), fd;
	uint64_t one = 1, before = now_us();

	cr_assert_eq(fantail_net_poll(net, now_us(), 30, wake), 0);
	cr_assert_geq(now_us() - before, 29000, "slept too short");
	cr_assert_eq(write(wake, &one, 8), 8);
	cr_assert_eq(fantail_net_poll(net, now_us(), -1, wake), 1);
	cr_assert_eq(read(wake, &one, 8), 8, "it was not read");
	fd = client(port);
	cr_assert_eq(fantail_net_poll(net, now_us(), -1, wake), 0);
	cr_assert_leq(fantail_net_next_event_us(net), now_us(),
		      "a frame (ARP or SYN) must be waiting");
	close(fd);
	close(wake);
	unplug();
}

/* libslirp's own timers run on our clock: the SYN is repeated. */
Test(slirp, virtual_time_runs_the_timers)
{
	uint16_t port = plug();
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	uint64_t now = 1000, at, first = 0;
	int fd = client(port), len, syns = 0;
	struct got g;

	cr_assert_geq(fantail_net_poll(net, now, -1, -1), 0);
	while (syns < 2 && now < 60000000) {
		while ((len = fantail_net_recv(net, f, sizeof(f), now)) > 0) {
			if (card_arp(net, f, now) ||
			    !frame_parse(f, (size_t)len, &g))
				continue;
			cr_assert_eq(g.flags, TCP_SYN);
			if (!syns++)
				first = now;
		}
		at = fantail_net_next_event_us(net);
		cr_assert_neq(at, FANTAIL_NET_NEVER);
		now = at > now ? at : now;
	}
	cr_assert_eq(syns, 2);
	cr_assert_geq(now - first, 1000000);
	close(fd);
	unplug();
}

Test(slirp, instances_are_independent)
{
	struct fantail_net *other;

	plug();
	cr_assert_eq(fantail_net_open("slirp:", NULL, &other), 0);
	fantail_net_close(other);
	turn(0);
	unplug();
}
