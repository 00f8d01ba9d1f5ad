/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PARTS	   3
#define HEADER	   sizeof(struct vfu_header)
#define IGNORE_MAX 65536u /* of a message that is not for us */

int vfu_client_open(struct vfu_client *c, const char *path)
{
	const struct timeval longest = { .tv_sec = VFU_CLIENT_MS / 1000 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int rc;

	memset(c, 0, sizeof(*c));
	if (!*path || strlen(path) >= sizeof(at.sun_path))
		return -EINVAL;
	memcpy(at.sun_path, path, strlen(path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &longest,
		       sizeof(longest)) < 0 ||
	    connect(c->fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		rc = -errno;
		close(c->fd);
		return rc;
	}
	pthread_mutex_init(&c->asking, NULL);
	pthread_mutex_init(&c->sending, NULL);
	return 0;
}

void vfu_client_close(struct vfu_client *c)
{
	close(c->fd);
	pthread_mutex_destroy(&c->asking);
	pthread_mutex_destroy(&c->sending);
}

static int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int fail(struct vfu_client *c, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&c->failed, &none, error);
	return atomic_load(&c->failed);
}

/* Until there is room or @end: 0 or the sticky error. */
static int wait_for_room(struct vfu_client *c, int64_t end)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };
	int64_t left = end - clock_ms();
	int n;

	do
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : fail(c, n ? -ENOTCONN : -ETIMEDOUT);
}

/* --------------------------------------------------------------- sending */

static void attach(struct msghdr *msg, void *control, size_t bytes, int fd)
{
	struct cmsghdr *cmsg;

	memset(control, 0, bytes);
	msg->msg_control = control;
	msg->msg_controllen = bytes;
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

/* What a partial send has left over. */
static void skip(struct msghdr *msg, size_t sent)
{
	msg->msg_control = NULL;
	msg->msg_controllen = 0;
	while (msg->msg_iovlen && sent >= msg->msg_iov->iov_len) {
		sent -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + sent;
		msg->msg_iov->iov_len -= sent;
	}
}

/* Under sending. In one system call unless the server is slow. */
static int send_whole(struct vfu_client *c, struct msghdr *msg)
{
	int64_t end = 0;
	ssize_t n;
	int rc = 0;

	while (!rc && msg->msg_iovlen) {
		n = sendmsg(c->fd, msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			skip(msg, (size_t)n);
		} else if (errno == EAGAIN) {
			if (!end)
				end = clock_ms() + VFU_CLIENT_MS;
			rc = wait_for_room(c, end);
		} else if (errno != EINTR) {
			rc = fail(c, -ENOTCONN);
		}
	}
	return rc;
}

static int send_message(struct vfu_client *c, struct vfu_header *header,
			const struct iovec *parts, unsigned int n, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov[PARTS + 1] = { { header, HEADER } };
	struct msghdr msg = { .msg_iov = iov };
	int rc;

	if (n > PARTS)
		return -EINVAL;
	header->size = HEADER;
	msg.msg_iovlen = 1;
	for (unsigned int i = 0; i < n; i++) {
		header->size += (uint32_t)parts[i].iov_len;
		if (parts[i].iov_len)
			iov[msg.msg_iovlen++] = parts[i];
	}
	if (fd >= 0)
		attach(&msg, control.space, sizeof(control.space), fd);
	pthread_mutex_lock(&c->sending);
	if (!(header->flags & VFU_REPLY))
		header->id = atomic_fetch_add(&c->next_id, 1);
	rc = atomic_load(&c->failed);
	if (!rc)
		rc = send_whole(c, &msg);
	pthread_mutex_unlock(&c->sending);
	return rc;
}

/* The server is slow: in line with whoever waits as well. */
static int post_late(struct vfu_client *c, void *message, size_t size)
{
	struct iovec iov = { message, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int rc;

	pthread_mutex_lock(&c->sending);
	rc = atomic_load(&c->failed);
	if (!rc)
		rc = send_whole(c, &msg);
	pthread_mutex_unlock(&c->sending);
	return rc;
}

int vfu_client_post(struct vfu_client *c, uint16_t command,
		    struct vfu_header *header, size_t size)
{
	int rc = atomic_load(&c->failed);
	ssize_t n;

	if (rc)
		return rc;
	header->id = atomic_fetch_add(&c->next_id, 1);
	header->command = command;
	header->size = (uint32_t)size;
	header->flags = VFU_COMMAND | VFU_NO_REPLY;
	header->error = 0;
	/* Linux takes so few bytes in one piece or not at all: no lock. */
	n = send(c->fd, header, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == (ssize_t)size)
		return 0;
	return n < 0 ? post_late(c, header, size) : fail(c, -ENOTCONN);
}

/* ------------------------------------------------------------- receiving */

static int receive_whole(struct vfu_client *c, void *to, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n =
			recv(c->fd, (char *)to + have, len - have, MSG_WAITALL);

		if (n > 0)
			have += (size_t)n;
		else if (!n)
			return fail(c, -ENOTCONN);
		else if (errno != EINTR)
			return fail(c,
				    errno == EAGAIN ? -ETIMEDOUT : -ENOTCONN);
	}
	return 0;
}

static int throw_away(struct vfu_client *c, size_t len)
{
	char bytes[4096];
	int rc = 0;

	if (len > IGNORE_MAX)
		return fail(c, -EPROTO);
	while (!rc && len) {
		size_t n = len < sizeof(bytes) ? len : sizeof(bytes);

		rc = receive_whole(c, bytes, n);
		len -= n;
	}
	return rc;
}

/* All our memory has a descriptor: nobody needs to ask us for it. */
static int decline(struct vfu_client *c, const struct vfu_header *asked)
{
	struct vfu_header header = {
		.id = asked->id,
		.command = asked->command,
		.flags = VFU_REPLY | VFU_ERROR,
		.error = ENOTSUP,
	};

	return asked->flags & VFU_NO_REPLY
		       ? 0
		       : send_message(c, &header, NULL, 0, -1);
}

/* Under asking. The header of the answer to @sent. */
static int await(struct vfu_client *c, const struct vfu_header *sent,
		 struct vfu_header *got)
{
	int rc;

	for (;;) {
		rc = receive_whole(c, got, sizeof(*got));
		if (!rc && got->size < HEADER)
			rc = fail(c, -EPROTO);
		if (rc)
			return rc;
		if ((got->flags & VFU_TYPE_MASK) == VFU_REPLY)
			break;
		rc = throw_away(c, got->size - HEADER);
		if (!rc)
			rc = decline(c, got);
		if (rc)
			return rc;
	}
	if (got->id != sent->id || got->command != sent->command)
		return fail(c, -EPROTO);
	return 0;
}

int vfu_client_ask(struct vfu_client *c, uint16_t command,
		   const struct iovec *parts, unsigned int n, int fd,
		   void *reply, size_t room)
{
	struct vfu_header header = { .command = command }, got;
	size_t len;
	int rc;

	pthread_mutex_lock(&c->asking);
	rc = send_message(c, &header, parts, n, fd);
	if (!rc)
		rc = await(c, &header, &got);
	if (rc)
		goto out;
	len = got.size - HEADER;
	if (got.flags & VFU_ERROR) {
		rc = throw_away(c, len);
		if (!rc)
			rc = got.error && got.error < 4096 ? -(int)got.error
							   : -EIO;
	} else if (len > room) {
		rc = fail(c, -EPROTO);
	} else {
		rc = receive_whole(c, reply, len);
		if (!rc)
			rc = (int)len;
	}
out:
	pthread_mutex_unlock(&c->asking);
	return rc;
}
