/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADER sizeof(struct vfu_header)

uint64_t vfu_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------------- listening */

/* What a server that died has left behind, and nothing else, is removed. */
static int remove_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, rc = 0;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)at, sizeof(*at)) ||
	    errno != ECONNREFUSED)
		rc = -EADDRINUSE;
	else if (unlink(at->sun_path) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int listen_at(struct vfu_socket *s, const struct sockaddr_un *at)
{
	s->listen_fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return -errno;
	if (bind(s->listen_fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		return -errno;
	s->path = strdup(at->sun_path);
	if (!s->path) {
		unlink(at->sun_path);
		return -ENOMEM;
	}
	if (listen(s->listen_fd, 16) < 0)
		return -errno;
	return 0;
}

int vfu_socket_open(struct vfu_socket *s, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int rc;

	memset(s, 0, sizeof(*s));
	s->listen_fd = -1;
	s->fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->kick_fd < 0) {
		rc = -errno;
		goto fail;
	}
	rc = -ENAMETOOLONG;
	if (!*path || strlen(path) >= sizeof(at.sun_path))
		goto fail;
	memcpy(at.sun_path, path, strlen(path) + 1);
	rc = remove_stale(&at);
	if (!rc)
		rc = listen_at(s, &at);
	if (rc)
		goto fail;
	return 0;
fail:
	vfu_socket_close(s);
	return rc;
}

void vfu_socket_close(struct vfu_socket *s)
{
	vfu_socket_disconnect(s);
	if (s->path)
		unlink(s->path);
	free(s->path);
	s->path = NULL;
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->kick_fd >= 0)
		close(s->kick_fd);
	s->listen_fd = -1;
	s->kick_fd = -1;
	pthread_mutex_destroy(&s->lock);
}

int vfu_socket_accept(struct vfu_socket *s)
{
	int fd =
		accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&s->lock);
	s->fd = fd;
	s->out_broken = false;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void close_all(int *fds, unsigned int *count)
{
	for (unsigned int i = 0; i < *count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*count = 0;
}

void vfu_socket_disconnect(struct vfu_socket *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->out_len = 0;
	pthread_mutex_unlock(&s->lock);
	close_all(s->fds, &s->fd_count);
	s->have = 0;
}

/* ------------------------------------------------------------- receiving */

/* Descriptors that came with some bytes. Too many: all of them are closed. */
static int take_fds(struct vfu_socket *s, struct msghdr *msg)
{
	int rc = msg->msg_flags & MSG_CTRUNC ? -EMFILE : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (s->fd_count < VFU_FDS_MAX) {
				s->fds[s->fd_count++] = fd;
			} else {
				close(fd);
				rc = -EMFILE;
			}
		}
	}
	return rc;
}

/* Bytes read (at least 1), 0: would block, or -errno. */
static ssize_t receive_some(struct vfu_socket *s, void *to, size_t len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * VFU_FDS_MAX)];
	} control;
	struct iovec iov = { to, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;
	int rc;

	do
		n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	rc = take_fds(s, &msg);
	if (rc)
		return rc;
	return n ? n : -ENOTCONN;
}

static int check_size(const struct vfu_header *h)
{
	if (h->size < HEADER)
		return -EPROTO;
	return h->size - HEADER > VFU_BODY_MAX ? -EMSGSIZE : 0;
}

/* 1: the part up to @end is there. */
static int fill(struct vfu_socket *s, uint8_t *to, size_t begin, size_t end)
{
	while (s->have < end) {
		ssize_t n =
			receive_some(s, to + (s->have - begin), end - s->have);

		if (n <= 0)
			return (int)n;
		if (!s->have)
			s->since_ms = vfu_clock_ms();
		s->have += (size_t)n;
	}
	return 1;
}

int vfu_socket_receive(struct vfu_socket *s, struct vfu_message *m)
{
	int rc;

	rc = fill(s, (uint8_t *)&s->header, 0, HEADER);
	if (rc <= 0)
		return rc;
	rc = check_size(&s->header);
	if (rc)
		return rc;
	rc = fill(s, s->body, HEADER, s->header.size);
	if (rc <= 0)
		return rc;
	m->header = s->header;
	m->body = s->body;
	m->body_len = s->header.size - HEADER;
	m->fd_count = s->fd_count;
	memcpy(m->fds, s->fds, s->fd_count * sizeof(*s->fds));
	s->fd_count = 0;
	s->have = 0;
	return 1;
}

void vfu_message_done(struct vfu_message *m)
{
	close_all(m->fds, &m->fd_count);
}

/* --------------------------------------------------------------- sending */

/* Under lock. */
static void send_waiting(struct vfu_socket *s)
{
	size_t sent = 0;

	while (!s->out_broken && sent < s->out_len) {
		ssize_t n = send(s->fd, s->out + sent, s->out_len - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
			s->out_since_ms = vfu_clock_ms();
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			s->out_broken = errno != EAGAIN && errno != EWOULDBLOCK;
			break;
		}
	}
	s->out_len -= sent;
	memmove(s->out, s->out + sent, s->out_len);
}

static void append(struct vfu_socket *s, const void *data, size_t len)
{
	if (len)
		memcpy(s->out + s->out_len, data, len);
	s->out_len += len;
}

int vfu_socket_send(struct vfu_socket *s, struct vfu_header *header,
		    const struct iovec *parts, unsigned int n)
{
	size_t size = HEADER;
	uint64_t one = 1;
	int rc = 0;

	for (unsigned int i = 0; i < n; i++)
		size += parts[i].iov_len;
	header->size = (uint32_t)size;
	pthread_mutex_lock(&s->lock);
	if (s->fd < 0 || s->out_broken)
		rc = -ENOTCONN;
	else if (size > VFU_OUT_MAX - s->out_len)
		rc = -ENOBUFS;
	if (rc)
		goto out;
	if (!s->out_len)
		s->out_since_ms = vfu_clock_ms();
	append(s, header, HEADER);
	for (unsigned int i = 0; i < n; i++)
		append(s, parts[i].iov_base, parts[i].iov_len);
	send_waiting(s);
	if (s->out_len || s->out_broken)
		/* full is readable, which is all we want */
		while (write(s->kick_fd, &one, sizeof(one)) < 0 &&
		       errno == EINTR)
			;
out:
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int vfu_socket_flush(struct vfu_socket *s)
{
	uint64_t count;
	int rc;

	while (read(s->kick_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&s->lock);
	if (s->fd >= 0)
		send_waiting(s);
	rc = s->out_broken ? -ENOTCONN : 0;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

size_t vfu_socket_waiting(struct vfu_socket *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->out_len;
	pthread_mutex_unlock(&s->lock);
	return n;
}

uint64_t vfu_socket_stalled_ms(struct vfu_socket *s, uint64_t now_ms)
{
	uint64_t since = UINT64_MAX;

	pthread_mutex_lock(&s->lock);
	if (s->out_len)
		since = s->out_since_ms;
	pthread_mutex_unlock(&s->lock);
	if (s->have && s->since_ms < since)
		since = s->since_ms;
	return since < now_ms ? now_ms - since : 0;
}
