/* SPDX-License-Identifier: Apache-2.0 */
/* The receivers: kernel sockets in a namespace, one process for all. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "goodput.h"

enum {
	READ_BYTES = 65536,
	AGAIN_MS = 20, /* until the next look at those that were refused */
};

uint8_t payload_byte(uint32_t place)
{
	uint32_t x = (place + 1) * 2654435761u;

	return (uint8_t)(x >> 24 ^ x >> 13);
}

double clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int connect_one(struct pollfd *p)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr = { htonl(SENDER_IP) },
	};

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	p->events = POLLIN;
	if (p->fd < 0)
		return -errno;
	if (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void give_up(struct clients *c, unsigned int n, struct pollfd *p,
		    enum client_state state)
{
	atomic_store(&c->view->state[n], state);
	close(p->fd);
	p->fd = -1;
}

static void look_at_bytes(struct clients *c, unsigned int n, struct pollfd *p,
			  const uint8_t *bytes, uint32_t len, uint32_t total)
{
	uint32_t have = atomic_load(&c->view->received[n]), i;

	for (i = 0; i < len; i++)
		if (have + i >= total || bytes[i] != payload_byte(have + i)) {
			give_up(c, n, p, CLIENT_WRONG);
			return;
		}
	atomic_store(&c->view->received[n], have + len);
	if (have + len == total) {
		c->view->done_at[n] = clock_seconds();
		atomic_store(&c->view->state[n], CLIENT_DONE);
	}
}

static void read_one(struct clients *c, unsigned int n, struct pollfd *p,
		     uint8_t *buffer, uint32_t total)
{
	for (;;) {
		ssize_t got = recv(p->fd, buffer, READ_BYTES, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (got < 0 && errno == ECONNREFUSED) {
			/* nobody listens yet: try again later */
			close(p->fd);
			p->fd = -1;
			return;
		}
		if (got <= 0) {
			if (atomic_load(&c->view->state[n]) != CLIENT_DONE)
				give_up(c, n, p, CLIENT_BROKEN);
			else
				give_up(c, n, p, CLIENT_DONE);
			return;
		}
		atomic_store(&c->view->state[n], CLIENT_OPEN);
		look_at_bytes(c, n, p, buffer, (uint32_t)got, total);
		if (p->fd < 0)
			return;
	}
}

static bool wants_to_connect(const struct clients *c, unsigned int n,
			     const struct pollfd *p)
{
	return p->fd < 0 && atomic_load(&c->view->state[n]) == CLIENT_WAITS;
}

static void become_clients(struct clients *c, const struct setup *setup,
			   const struct fantail_tap *tap, pid_t parent)
{
	static struct pollfd fds[CLIENTS_MAX];
	static uint8_t buffer[READ_BYTES];
	unsigned int n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || fantail_tap_enter(tap))
		_exit(1);
	close(tap->fd);
	memset(fds, 0xff, sizeof(fds));
	for (;;) {
		for (n = 0; n < c->count; n++)
			if (wants_to_connect(c, n, &fds[n]) &&
			    connect_one(&fds[n]))
				give_up(c, n, &fds[n], CLIENT_BROKEN);
		poll(fds, c->count, AGAIN_MS);
		for (n = 0; n < c->count; n++)
			if (fds[n].fd >= 0 && fds[n].revents)
				read_one(c, n, &fds[n], buffer, setup->bytes);
	}
}

int clients_start(struct clients *c, const struct setup *setup,
		  const struct fantail_tap *tap)
{
	pid_t parent = getpid();
	void *p;

	c->count = setup->clients;
	p = mmap(NULL, sizeof(*c->view), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	c->view = p;
	c->pid = fork();
	if (c->pid < 0) {
		munmap(c->view, sizeof(*c->view));
		return -errno;
	}
	if (!c->pid)
		become_clients(c, setup, tap, parent);
	return 0;
}

int clients_poll(const struct clients *c)
{
	unsigned int n, done = 0;

	for (n = 0; n < c->count; n++) {
		int state = atomic_load(&c->view->state[n]);

		if (state == CLIENT_WRONG)
			return -EBADMSG;
		if (state == CLIENT_BROKEN)
			return -EPIPE;
		done += state == CLIENT_DONE;
	}
	return done == c->count;
}

void clients_stop(struct clients *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	munmap(c->view, sizeof(*c->view));
}

void clients_times(const struct clients *c, double start, double *seconds)
{
	unsigned int n;

	for (n = 0; n < c->count; n++)
		seconds[n] = c->view->done_at[n] - start;
}
