/* SPDX-License-Identifier: Apache-2.0 */
/* "vfio-user:/path": a card in another process, behind a UNIX socket. */
#include "transport.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "fantail_pci.h"
#include "vfu_client.h"

/* One for each queue pair and one for the device. */
#define VECTORS_MAX (FANTAIL_QP_MAX + 1)

enum {
	FIRED = 1, /* a vector */
	GONE,	   /* the server */
};

struct vfu_device {
	struct vfu_client client;
	uint32_t vectors;
	/* What a sleeper waits for: his vector's eventfd, or the server's end.
	 * -1: the vector has no eventfd. */
	int epoll[VECTORS_MAX];
	_Atomic bool coarse; /* it sleeps in milliseconds */
	/* TIME minus CLOCK_MONOTONIC, microseconds: both count alike. */
	uint64_t time_offset;
};

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* --------------------------------------------------------------- regions */

/* Exactly @count bytes, or an error. */
static int region_read(struct vfu_device *d, uint32_t region, uint64_t offset,
		       void *data, uint32_t count)
{
	struct vfu_region_access access = { offset, region, count };
	struct iovec part = { &access, sizeof(access) };
	struct {
		struct vfu_region_access access;
		uint8_t data[8];
	} reply;
	int rc;

	rc = vfu_client_ask(&d->client, VFU_REGION_READ, &part, 1, -1, &reply,
			    sizeof(access) + count);
	if (rc < 0)
		return rc;
	if (rc != (int)(sizeof(access) + count) || reply.access.count != count)
		return -EPROTO;
	memcpy(data, reply.data, count);
	return 0;
}

/* Posted: nothing is answered. Up to 8 bytes. */
static int region_post(struct vfu_device *d, uint32_t region, uint64_t offset,
		       const void *data, uint32_t count)
{
	struct {
		struct vfu_header header;
		struct vfu_region_access access;
		uint8_t data[8];
	} message = { .access = { offset, region, count } };

	memcpy(message.data, data, count);
	return vfu_client_post(&d->client, VFU_REGION_WRITE, &message.header,
			       sizeof(message) - sizeof(message.data) + count);
}

static int vfu_read32(void *state, uint32_t offset, uint32_t *value)
{
	return region_read(state, VFU_REGION_BAR0, offset, value, 4);
}

static int vfu_write32(void *state, uint32_t offset, uint32_t value)
{
	return region_post(state, VFU_REGION_BAR0, offset, &value, 4);
}

/* -------------------------------------------------------------- sleeping */

/*
 * The place where @vector's sleeper waits: for its eventfd @fd, or for the
 * server's end. Edges of an eventfd are told once each, so that nobody has
 * to read it. @fd -1: there is none any more.
 */
static int sleep_place(struct vfu_device *d, unsigned int vector, int fd)
{
	struct epoll_event fired = { .events = EPOLLIN | EPOLLET,
				     .data.u32 = FIRED };
	struct epoll_event gone = { .events = EPOLLRDHUP, .data.u32 = GONE };
	int epoll, rc;

	if (d->epoll[vector] >= 0)
		close(d->epoll[vector]);
	d->epoll[vector] = -1;
	if (fd < 0)
		return 0;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &fired) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, d->client.fd, &gone)) {
		rc = -errno;
		close(epoll);
		return rc;
	}
	d->epoll[vector] = epoll;
	return 0;
}

/* In milliseconds where the kernel is older than Linux 5.11. */
static int sleep_at(struct vfu_device *d, int epoll, struct epoll_event *events,
		    int room, int64_t timeout_us)
{
	int64_t ms = timeout_us / 1000 + (timeout_us % 1000 != 0);
	struct timespec ts;
	int n;

	if (timeout_us < 0)
		return epoll_wait(epoll, events, room, -1);
	ts.tv_sec = (time_t)(timeout_us / 1000000);
	ts.tv_nsec = (long)(timeout_us % 1000000) * 1000;
	if (!atomic_load(&d->coarse)) {
		n = epoll_pwait2(epoll, events, room, &ts, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		atomic_store(&d->coarse, true);
	}
	return epoll_wait(epoll, events, room,
			  ms < INT_MAX ? (int)ms : INT_MAX);
}

/* Only let time pass. */
static int pause_us(struct vfu_device *d, int64_t timeout_us)
{
	struct pollfd server = { .fd = d->client.fd, .events = POLLRDHUP };
	const struct timespec ts = {
		.tv_sec = (time_t)(timeout_us / 1000000),
		.tv_nsec = (long)(timeout_us % 1000000) * 1000,
	};
	int n;

	n = ppoll(&server, 1, timeout_us < 0 ? NULL : &ts, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? -ENOTCONN : 0;
}

static int vfu_wait(void *state, unsigned int vector, int fd,
		    int64_t timeout_us)
{
	struct vfu_device *d = state;
	struct epoll_event events[2];
	int n, i;

	(void)fd;
	if (vector == FANTAIL_NO_VECTOR)
		return pause_us(d, timeout_us);
	n = sleep_at(d, d->epoll[vector], events, 2, timeout_us);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < n; i++)
		if (events[i].data.u32 == FIRED)
			return 1;
	return n ? -ENOTCONN : 0;
}

/* ------------------------------------------------------------- attaching */

static int negotiate(struct vfu_device *d)
{
	static const char text[] = "{\"capabilities\":{\"max_msg_fds\":1,"
				   "\"max_data_xfer_size\":65536}}";
	struct vfu_version version = { VFU_MAJOR, VFU_MINOR };
	struct iovec parts[2] = {
		{ &version, sizeof(version) },
		{ (void *)(uintptr_t)text, sizeof(text) },
	};
	struct {
		struct vfu_version version;
		char text[4096];
	} reply;
	int rc;

	rc = vfu_client_ask(&d->client, VFU_VERSION, parts, 2, -1, &reply,
			    sizeof(reply));
	if (rc < 0)
		return rc;
	if (rc < (int)sizeof(version) || reply.version.major != VFU_MAJOR ||
	    reply.version.minor > VFU_MINOR)
		return -EPROTONOSUPPORT;
	return 0;
}

/* A question whose answer has its own form. */
static int ask_info(struct vfu_device *d, uint16_t command, void *info,
		    size_t bytes)
{
	struct iovec part = { info, bytes };
	int rc;

	rc = vfu_client_ask(&d->client, command, &part, 1, -1, info, bytes);
	if (rc < 0)
		return rc;
	return rc == (int)bytes ? 0 : -EPROTO;
}

static int check_region(struct vfu_device *d, uint32_t index, uint64_t least)
{
	struct vfu_region_info info = { .argsz = sizeof(info), .index = index };
	int rc;

	rc = ask_info(d, VFU_GET_REGION_INFO, &info, sizeof(info));
	if (rc)
		return rc;
	return info.size < least || !(info.flags & VFU_REGION_READABLE) ||
			       !(info.flags & VFU_REGION_WRITABLE)
		       ? -ENODEV
		       : 0;
}

/* Is it a PCI device with our registers? */
static int check_device(struct vfu_device *d)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	struct vfu_irq_info irq = {
		.argsz = sizeof(irq),
		.index = VFU_IRQ_MSIX,
	};
	int rc;

	rc = ask_info(d, VFU_DEVICE_GET_INFO, &info, sizeof(info));
	if (rc)
		return rc;
	if (!(info.flags & VFU_DEVICE_PCI) ||
	    info.regions <= VFU_REGION_CONFIG || info.irqs <= VFU_IRQ_MSIX)
		return -ENODEV;
	rc = check_region(d, VFU_REGION_BAR0, FANTAIL_PCI_BAR0_BYTES);
	if (!rc)
		rc = check_region(d, VFU_REGION_CONFIG, 256);
	if (!rc)
		rc = ask_info(d, VFU_GET_IRQ_INFO, &irq, sizeof(irq));
	d->vectors = irq.count;
	return rc;
}

/* Identity, then memory space and bus mastering on. */
static int power_up(struct vfu_device *d)
{
	uint32_t id;
	uint16_t command;
	int rc;

	rc = region_read(d, VFU_REGION_CONFIG, 0, &id, sizeof(id));
	if (rc)
		return rc;
	if (id != (FANTAIL_PCI_VENDOR | FANTAIL_PCI_DEVICE << 16))
		return -ENODEV;
	rc = region_read(d, VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND, &command,
			 sizeof(command));
	if (rc)
		return rc;
	command |= FANTAIL_PCI_COMMAND_MEMORY | FANTAIL_PCI_COMMAND_MASTER;
	return region_post(d, VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND, &command,
			   sizeof(command));
}

/* So that asking for the time costs nobody anything. */
static int set_clock(struct vfu_device *d)
{
	uint32_t lo = 0, hi = 0;
	int rc;

	rc = vfu_read32(d, FANTAIL_REG_TIME, &lo);
	if (rc)
		return rc;
	/* the low word latches the high one */
	d->time_offset = lo - clock_us();
	rc = vfu_read32(d, FANTAIL_REG_TIME + 4, &hi);
	d->time_offset += (uint64_t)hi << 32;
	return rc;
}

static int vfu_open(const char *rest, const struct fantail_dev_options *opt,
		    void **state)
{
	struct vfu_device *d;
	unsigned int v;
	int rc;

	(void)opt;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	for (v = 0; v < VECTORS_MAX; v++)
		d->epoll[v] = -1;
	rc = vfu_client_open(&d->client, rest);
	if (rc)
		goto err_free;
	rc = negotiate(d);
	if (!rc)
		rc = check_device(d);
	if (!rc)
		rc = power_up(d);
	if (!rc)
		rc = set_clock(d);
	if (rc)
		goto err_close;
	*state = d;
	return 0;

err_close:
	vfu_client_close(&d->client);
err_free:
	free(d);
	return rc;
}

/* The server resets the card and drops what it had of us. */
static void vfu_close(void *state)
{
	struct vfu_device *d = state;
	unsigned int v;

	for (v = 0; v < VECTORS_MAX; v++)
		sleep_place(d, v, -1);
	vfu_client_close(&d->client);
	free(d);
}

/* ------------------------------------------------- memory and interrupts */

static int vfu_dma_map(void *state, void *va, int fd, uint64_t iova,
		       size_t bytes, unsigned int flags)
{
	struct vfu_device *d = state;
	struct vfu_dma_map request = {
		.argsz = sizeof(request),
		.flags = (flags & FANTAIL_DMA_READ ? VFU_MAP_READ : 0) |
			 (flags & FANTAIL_DMA_WRITE ? VFU_MAP_WRITE : 0),
		.iova = iova,
		.size = bytes,
	};
	struct iovec part = { &request, sizeof(request) };
	char reply[sizeof(request)];
	int rc;

	(void)va;
	rc = vfu_client_ask(&d->client, VFU_DMA_MAP, &part, 1, fd, reply,
			    sizeof(reply));
	return rc < 0 ? rc : 0;
}

static int vfu_dma_unmap(void *state, uint64_t iova, size_t bytes)
{
	struct vfu_device *d = state;
	struct vfu_dma_unmap request = {
		.argsz = sizeof(request),
		.iova = iova,
		.size = bytes,
	};

	return ask_info(d, VFU_DMA_UNMAP, &request, sizeof(request));
}

/* Without a descriptor the vector has none any more. */
static int vfu_irq(void *state, unsigned int vector, int fd)
{
	struct vfu_device *d = state;
	struct vfu_irq_set request = {
		.argsz = sizeof(request),
		.flags = VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER,
		.index = VFU_IRQ_MSIX,
		.start = vector,
		.count = 1,
	};
	struct iovec part = { &request, sizeof(request) };
	char reply[sizeof(request)];
	int rc;

	if (vector >= d->vectors || vector >= VECTORS_MAX)
		return -EINVAL;
	rc = sleep_place(d, vector, fd);
	if (rc)
		return rc;
	rc = vfu_client_ask(&d->client, VFU_SET_IRQS, &part, 1, fd, reply,
			    sizeof(reply));
	return rc < 0 ? rc : 0;
}

/* ------------------------------------------------------------------ time */

static uint64_t vfu_now_us(void *state)
{
	struct vfu_device *d = state;

	return clock_us() + d->time_offset;
}

const struct fantail_transport_ops fantail_transport_vfio_user = {
	.scheme = "vfio-user:",
	.open = vfu_open,
	.close = vfu_close,
	.reg_read32 = vfu_read32,
	.reg_write32 = vfu_write32,
	.dma_map = vfu_dma_map,
	.dma_unmap = vfu_dma_unmap,
	.irq_set_eventfd = vfu_irq,
	.wait = vfu_wait,
	.now_us = vfu_now_us,
};
