/* SPDX-License-Identifier: Apache-2.0 */
#include "clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_BYTES = 256 * 1024,
	EVENTS = 64,
	NOBODY = -1,
	CROWD = 64, /* connecting at once, in a namespace */
};

/* What the publisher tells the process; the eventfd says to look again. */
struct orders {
	_Atomic unsigned int allowed; /* connections that may exist */
	_Atomic int drop;	      /* client that shall leave */
};

struct clients {
	struct orders *orders;
	struct stream *stream;
	const struct fantail_tap *tap;
	uint32_t ip;
	uint16_t port;
	int wake; /* eventfd */
	pid_t pid;
	int result; /* of clients_running(), once known */
	/* used in the process only */
	int epoll;
	unsigned int started; /* clients that began to connect */
	unsigned int over;    /* clients that are done */
	int *fds;
	uint8_t *buffer;
};

static void leave(struct clients *c, unsigned int n, bool reset)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (c->fds[n] < 0)
		return;
	if (reset)
		setsockopt(c->fds[n], SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	close(c->fds[n]);
	c->fds[n] = -1;
	c->over++;
}

static void fail_client(struct clients *c, unsigned int n,
			enum receiver_fault fault, int error)
{
	stream_fail(stream_receiver(c->stream, n), fault, error);
	leave(c, n, true);
}

/* Begin to connect client @n; the rest comes by epoll. */
static void connect_client(struct clients *c, unsigned int n)
{
	struct receiver *r = stream_receiver(c->stream, n);
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(c->port),
		.sin_addr = { htonl(c->ip) },
	};
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP,
		.data = { .u64 = n },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	c->fds[n] = fd;
	if (fd < 0) {
		stream_fail(r, FAULT_CONNECT, errno);
		c->over++;
		return;
	}
	atomic_store(&r->state, RECEIVER_OPEN);
	if ((connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail_client(c, n, FAULT_CONNECT, errno);
}

static void read_client(struct clients *c, unsigned int n)
{
	struct receiver *r = stream_receiver(c->stream, n);

	while (c->fds[n] >= 0) {
		ssize_t got = recv(c->fds[n], c->buffer, READ_BYTES, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (got < 0) {
			fail_client(c, n, FAULT_SOCKET, errno);
		} else if (got == 0) {
			stream_end(c->stream, r);
			leave(c, n, false);
		} else if (stream_verify(c->stream, r, c->buffer,
					 (size_t)got)) {
			leave(c, n, true);
		}
	}
}

static void follow_orders(struct clients *c)
{
	unsigned int count = stream_receivers(c->stream);
	unsigned int allowed = atomic_load(&c->orders->allowed);
	int drop = atomic_exchange(&c->orders->drop, NOBODY);
	uint64_t ticks;

	/* non-blocking: an empty eventfd is no error here */
	(void)!read(c->wake, &ticks, sizeof(ticks));
	while (c->started < allowed && c->started < count)
		connect_client(c, c->started++);
	if (drop != NOBODY && c->fds[drop] >= 0) {
		atomic_store(
			&stream_receiver(c->stream, (unsigned int)drop)->state,
			RECEIVER_DROPPED);
		leave(c, (unsigned int)drop, false);
	}
}

/* The process: 0 when every client is done. */
static int run(struct clients *c, pid_t parent)
{
	unsigned int count = stream_receivers(c->stream);
	struct epoll_event events[EVENTS];
	struct epoll_event wake = {
		.events = EPOLLIN,
		.data = { .u64 = UINT64_MAX },
	};

	c->buffer = malloc(READ_BYTES);
	c->fds = malloc(count * sizeof(*c->fds));
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!c->buffer || !c->fds || c->epoll < 0 ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->wake, &wake) < 0)
		return EXIT_FAILURE;
	memset(c->fds, 0xff, count * sizeof(*c->fds));

	while (c->over < count) {
		int n = epoll_wait(c->epoll, events, EVENTS, 1000);

		if (n < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (getppid() != parent)
			return EXIT_FAILURE;
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == UINT64_MAX)
				follow_orders(c);
			else
				read_client(c,
					    (unsigned int)events[i].data.u64);
		}
	}
	return EXIT_SUCCESS;
}

static void become_clients(struct clients *c, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* the parent may have died before that */
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	/* Ctrl-C reaches both: the publisher decides what it means */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	/* a pipe that feeds the publisher is none of ours */
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (c->tap) {
		if (fantail_tap_enter(c->tap))
			_exit(EXIT_FAILURE);
		/* the device is the publisher's */
		close(c->tap->fd);
	}
	_exit(run(c, parent));
}

int clients_start(struct stream *stream, const struct fantail_tap *tap,
		  uint32_t ip, uint16_t port, struct clients **clients)
{
	struct clients *c = calloc(1, sizeof(*c));
	pid_t parent = getpid();
	void *p;
	int rc;

	if (!c)
		return -ENOMEM;
	c->stream = stream;
	c->tap = tap;
	c->ip = ip;
	c->port = port;
	c->result = 1;
	p = mmap(NULL, sizeof(*c->orders), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		rc = -errno;
		goto fail_free;
	}
	c->orders = p;
	atomic_store(&c->orders->drop, NOBODY);
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wake < 0) {
		rc = -errno;
		goto fail_unmap;
	}
	c->pid = fork();
	if (c->pid < 0) {
		rc = -errno;
		goto fail_close;
	}
	if (c->pid == 0)
		become_clients(c, parent);
	*clients = c;
	return 0;

fail_close:
	close(c->wake);
fail_unmap:
	munmap(c->orders, sizeof(*c->orders));
fail_free:
	free(c);
	return rc;
}

static void wake(struct clients *c)
{
	uint64_t one = 1;

	/* fails only when the counter is full: then it wakes anyway */
	(void)!write(c->wake, &one, sizeof(one));
}

void clients_go(struct clients *c)
{
	atomic_store(&c->orders->allowed, c->tap ? CROWD : 1);
	wake(c);
}

void clients_accepted(struct clients *c)
{
	atomic_fetch_add(&c->orders->allowed, 1);
	wake(c);
}

void clients_drop(struct clients *c, unsigned int n)
{
	atomic_store(&c->orders->drop, (int)n);
	wake(c);
}

int clients_running(struct clients *c)
{
	int status;

	if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return c->result;
	c->pid = 0;
	c->result = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
	return c->result;
}

void clients_stop(struct clients *c)
{
	if (!c)
		return;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	close(c->wake);
	munmap(c->orders, sizeof(*c->orders));
	free(c);
}
