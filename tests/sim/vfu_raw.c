/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_raw.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "fantail_pci.h"

#define FDS 64

int raw_connect(const char *path)
{
	const struct timeval limit = { .tv_sec = 20 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(s, (struct sockaddr *)&at, sizeof(at)))
		return s;
	close(s);
	return -1;
}

bool raw_send(int s, struct vfu_header header, uint32_t size, const void *body,
	      size_t len, const int *fds, unsigned int n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov[2] = {
		{ &header, sizeof(header) },
		{ (void *)(uintptr_t)body, len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	size_t sent = 0;

	header.size = size ? size : (uint32_t)(sizeof(header) + len);
	if (n) {
		struct cmsghdr *c;

		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	while (sent < sizeof(header) + len) {
		ssize_t got = sendmsg(s, &msg, MSG_NOSIGNAL);

		if (got <= 0)
			return false;
		sent += (size_t)got;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		/* the header leaves whole; of a long body, what is left */
		if (sent < sizeof(header))
			return false;
		iov[0].iov_base =
			(char *)(uintptr_t)body + (sent - sizeof(header));
		iov[0].iov_len = sizeof(header) + len - sent;
		msg.msg_iovlen = 1;
	}
	return true;
}

static bool receive_all(int s, void *to, size_t len)
{
	return !len || recv(s, to, len, MSG_WAITALL) == (ssize_t)len;
}

int raw_receive(int s, struct vfu_header *header, void *body)
{
	size_t len;

	if (!receive_all(s, header, sizeof(*header)) ||
	    header->size < sizeof(*header))
		return RAW_CLOSED;
	len = header->size - sizeof(*header);
	if (len > RAW_BODY || !receive_all(s, body, len))
		return RAW_CLOSED;
	return (int)len;
}

int raw_call(int s, uint16_t command, const void *body, size_t len,
	     const int *fds, unsigned int n, void *reply)
{
	static uint16_t id;
	static char dump[RAW_BODY];
	struct vfu_header header = { .command = command }, got;
	int rc;

	header.id = ++id;

	if (!raw_send(s, header, 0, body, len, fds, n))
		return RAW_CLOSED;
	rc = raw_receive(s, &got, reply ? reply : dump);
	if (rc < 0)
		return rc;
	if (got.id != header.id || got.command != command ||
	    (got.flags & VFU_TYPE_MASK) != VFU_REPLY)
		return RAW_CLOSED;
	if (got.flags & VFU_ERROR)
		return rc || !got.error ? RAW_CLOSED : -(int)got.error;
	return rc;
}

int raw_version(int s)
{
	static const char body[] =
		"\0\0\0\0{\"capabilities\":{\"max_msg_fds\":8,"
		"\"max_data_xfer_size\":1048576}}";

	return raw_call(s, VFU_VERSION, body, sizeof(body), NULL, 0, NULL);
}

int raw_open(const char *path)
{
	int s = raw_connect(path);

	if (s >= 0 && raw_version(s) >= 4)
		return s;
	if (s >= 0)
		close(s);
	return -1;
}

int raw_map(int s, uint64_t iova, uint64_t size, uint64_t offset,
	    uint32_t flags, int fd)
{
	struct vfu_dma_map m = { sizeof(m), flags, offset, iova, size };

	return raw_call(s, VFU_DMA_MAP, &m, sizeof(m), &fd, fd >= 0, NULL);
}

int raw_unmap(int s, uint64_t iova, uint64_t size)
{
	struct vfu_dma_unmap u = { sizeof(u), 0, iova, size };

	return raw_call(s, VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0, NULL);
}

int raw_read(int s, uint32_t region, uint64_t offset, uint32_t count,
	     void *data)
{
	static char reply[RAW_BODY];
	struct vfu_region_access a = { offset, region, count };
	int rc;

	rc = raw_call(s, VFU_REGION_READ, &a, sizeof(a), NULL, 0, reply);
	if (rc == (int)(sizeof(a) + count))
		memcpy(data, reply + sizeof(a), count);
	return rc;
}

int raw_write(int s, uint32_t region, uint64_t offset, uint32_t count,
	      const void *data)
{
	static char body[RAW_BODY];
	struct vfu_region_access a = { offset, region, count };

	memcpy(body, &a, sizeof(a));
	memcpy(body + sizeof(a), data, count);
	return raw_call(s, VFU_REGION_WRITE, body, sizeof(a) + count, NULL, 0,
			NULL);
}

bool raw_get32(int s, uint32_t region, uint64_t offset, uint32_t *value)
{
	return raw_read(s, region, offset, 4, value) ==
	       sizeof(struct vfu_region_access) + 4;
}

bool raw_put32(int s, uint32_t region, uint64_t offset, uint32_t value)
{
	return raw_write(s, region, offset, 4, &value) ==
	       sizeof(struct vfu_region_access);
}

bool raw_power_up(int s)
{
	return raw_put32(s, VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND,
			 FANTAIL_PCI_COMMAND_MEMORY |
				 FANTAIL_PCI_COMMAND_MASTER);
}
