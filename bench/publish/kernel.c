/* SPDX-License-Identifier: Apache-2.0 */
/* By the kernel: sockets over loopback, received by a process of their own. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#include "publish.h"

enum {
	READ_BYTES = 65536,
	LOOK_NS = 200000, /* between looks at what has arrived */
	LIMIT_LOOKS = 300000,
	FDS = 4096,
};

struct kernel {
	const struct setup *setup;
	int fd[CLIENTS_MAX];
	unsigned int open;
	pid_t pid;
	_Atomic uint64_t *received; /* by all; shared */
	uint64_t sent;
	unsigned int rounds;
	uint8_t *payloads;
	struct iovec iov[PAYLOADS];
#ifdef HAVE_LIBURING
	struct io_uring ring;
	bool has_ring;
#endif
};

static int connect_all(const struct setup *setup, int epoll, uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	struct epoll_event e = { .events = EPOLLIN };
	unsigned int i;

	for (i = 0; i < setup->clients; i++) {
		e.data.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (e.data.fd < 0 ||
		    connect(e.data.fd, (struct sockaddr *)&to, sizeof(to)) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e))
			return -errno;
	}
	return 0;
}

static void become_clients(const struct kernel *k, uint16_t port, pid_t parent)
{
	static struct epoll_event events[256];
	static uint8_t buffer[READ_BYTES];
	int epoll = epoll_create1(EPOLL_CLOEXEC), n, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || epoll < 0 ||
	    connect_all(k->setup, epoll, port))
		_exit(1);
	for (;;) {
		n = epoll_wait(epoll, events, 256, -1);
		for (i = 0; i < n; i++) {
			ssize_t got = recv(events[i].data.fd, buffer,
					   sizeof(buffer), MSG_DONTWAIT);

			if (!got)
				_exit(0);
			if (got > 0)
				atomic_fetch_add(k->received, (uint64_t)got);
		}
	}
}

static int listen_here(uint16_t *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(fd, CLIENTS_MAX) ||
	    getsockname(fd, (struct sockaddr *)&at, &len)) {
		close(fd);
		return -errno;
	}
	*port = at.sin_port;
	return fd;
}

static int accept_all(struct kernel *k, int listener)
{
	int one = 1;

	for (; k->open < k->setup->clients; k->open++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return -errno;
		k->fd[k->open] = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	return 0;
}

static void close_kernel(void *state)
{
	struct kernel *k = state;
	unsigned int i;

#ifdef HAVE_LIBURING
	if (k->has_ring)
		io_uring_queue_exit(&k->ring);
#endif
	for (i = 0; i < k->open; i++)
		close(k->fd[i]);
	if (k->pid > 0) {
		kill(k->pid, SIGKILL);
		waitpid(k->pid, NULL, 0);
	}
	if (k->received)
		munmap((void *)k->received, sizeof(*k->received));
	free(k->payloads);
	free(k);
}

static int start(struct kernel *k)
{
	struct rlimit limit;
	pid_t parent = getpid();
	uint16_t port = 0;
	int listener, rc;
	unsigned int i;
	void *p;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur < FDS) {
		limit.rlim_cur = limit.rlim_max < FDS ? limit.rlim_max : FDS;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			return -errno;
	}
	k->payloads = malloc((size_t)k->setup->bytes * PAYLOADS);
	if (!k->payloads)
		return -ENOMEM;
	for (i = 0; i < PAYLOADS; i++)
		k->iov[i] = (struct iovec){
			k->payloads + (size_t)i * k->setup->bytes,
			k->setup->bytes,
		};
	p = mmap(NULL, sizeof(*k->received), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	k->received = p;
	listener = listen_here(&port);
	if (listener < 0)
		return listener;
	k->pid = fork();
	if (!k->pid) {
		close(listener);
		become_clients(k, port, parent);
	}
	rc = k->pid < 0 ? -errno : accept_all(k, listener);
	close(listener);
	return rc;
}

static int open_kernel(const struct setup *setup, void **state, char *why,
		       size_t why_len)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return -ENOMEM;
	k->setup = setup;
	rc = start(k);
	if (rc) {
		snprintf(why, why_len, "cannot connect %u clients: %s",
			 setup->clients, strerror(-rc));
		close_kernel(k);
		return rc;
	}
	*state = k;
	return 0;
}

static int arrived(void *state)
{
	static const struct timespec nap = { 0, LOOK_NS };
	struct kernel *k = state;
	unsigned int looks = 0;

	while (atomic_load(k->received) < k->sent) {
		if (looks++ == LIMIT_LOOKS)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static void next_payloads(struct kernel *k)
{
	fill_payloads(k->payloads, k->setup->bytes, k->rounds++);
	k->sent += (uint64_t)k->setup->bytes * PAYLOADS * k->setup->clients;
}

/* A system call for each payload of each client. */
static int round_send(void *state)
{
	struct kernel *k = state;
	unsigned int i, p;

	next_payloads(k);
	for (p = 0; p < PAYLOADS; p++)
		for (i = 0; i < k->open; i++)
			if (send(k->fd[i], k->iov[p].iov_base, k->setup->bytes,
				 MSG_NOSIGNAL) != (ssize_t)k->setup->bytes)
				return -EPIPE;
	return 0;
}

/* One for each client. */
static int round_writev(void *state)
{
	struct kernel *k = state;
	ssize_t all = (ssize_t)k->setup->bytes * PAYLOADS;
	unsigned int i;

	next_payloads(k);
	for (i = 0; i < k->open; i++)
		if (writev(k->fd[i], k->iov, PAYLOADS) != all)
			return -EPIPE;
	return 0;
}

const struct sender sender_send = { "send", open_kernel, round_send, arrived,
				    close_kernel };
const struct sender sender_writev = { "writev", open_kernel, round_writev,
				      arrived, close_kernel };

#ifdef HAVE_LIBURING

static int open_uring(const struct setup *setup, void **state, char *why,
		      size_t why_len)
{
	struct kernel *k;
	int rc;

	rc = open_kernel(setup, state, why, why_len);
	if (rc)
		return rc;
	k = *state;
	/* the cheapest way, where the kernel knows it */
	rc = io_uring_queue_init(1024, &k->ring,
				 IORING_SETUP_COOP_TASKRUN |
					 IORING_SETUP_SINGLE_ISSUER);
	if (rc == -EINVAL)
		rc = io_uring_queue_init(1024, &k->ring, 0);
	if (!rc) {
		k->has_ring = true;
		return 0;
	}
	snprintf(why, why_len, "the kernel forbids io_uring: %s",
		 strerror(-rc));
	close_kernel(k);
	return -ENOTSUP;
}

/* One for all. */
static int round_uring(void *state)
{
	struct kernel *k = state;
	int all = (int)k->setup->bytes * PAYLOADS, rc;
	struct io_uring_cqe *done[64];
	unsigned int i, left, n;

	next_payloads(k);
	for (i = 0; i < k->open; i++)
		io_uring_prep_writev(io_uring_get_sqe(&k->ring), k->fd[i],
				     k->iov, PAYLOADS, 0);
	rc = io_uring_submit_and_wait(&k->ring, k->open);
	if (rc < 0)
		return rc;
	for (left = k->open; left; left -= n) {
		n = io_uring_peek_batch_cqe(&k->ring, done, 64);
		if (!n)
			return -EIO;
		for (i = 0; i < n; i++)
			if (done[i]->res != all)
				return -EPIPE;
		io_uring_cq_advance(&k->ring, n);
	}
	return 0;
}

const struct sender sender_uring = { "uring", open_uring, round_uring, arrived,
				     close_kernel };

#else

static int open_uring(const struct setup *setup, void **state, char *why,
		      size_t why_len)
{
	(void)setup;
	(void)state;
	snprintf(why, why_len, "built without liburing");
	return -ENOTSUP;
}

const struct sender sender_uring = { "uring", open_uring, NULL, NULL, NULL };

#endif
