/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vfio-user server and clients that break every rule: an error for an
 * answer or a closed connection, and the next client is served.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fantail_regs.h"
#include "vfu_child.h"
#include "vfu_raw.h"

#define IOVA	    0x100000000ull
#define PATIENCE_MS 300

static struct vfu_child server;
static int s;	/* the client's socket */
static int fds; /* the server's descriptors with a client */

static void start(void)
{
	cr_assert_eq(vfu_child_start(&server, PATIENCE_MS), 0);
	s = raw_open(server.path);
	cr_assert_geq(s, 0);
	fds = vfu_child_fds(&server);
}

/* This client is still served, and nothing of it is left open. */
static void must_serve(void)
{
	uint32_t id;

	cr_assert(raw_power_up(s));
	cr_assert(raw_get32(s, VFU_REGION_BAR0, FANTAIL_REG_ID, &id));
	cr_assert_eq(id, FANTAIL_ID_VALUE);
	cr_assert_eq(vfu_child_fds(&server), fds);
}

static void reconnect(void)
{
	close(s);
	s = raw_open(server.path);
	cr_assert_geq(s, 0);
}

/* The server hangs up, and takes the next client. */
static void must_hang_up(void)
{
	static uint8_t body[RAW_BODY];
	struct vfu_header header;
	char byte;

	while (raw_receive(s, &header, body) != RAW_CLOSED)
		;
	cr_assert_leq(recv(s, &byte, 1, MSG_DONTWAIT), 0);
	reconnect();
	must_serve();
}

static void stop(void)
{
	must_serve();
	close(s);
	cr_assert_eq(vfu_child_stop(&server), 0);
}

static int file_of(size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

/* ----------------------------------------------------------------- frames */

Test(vfu_bad, sizes_that_no_message_has)
{
	const uint32_t sizes[] = { 1,	       15,	   70000,     1u << 20,
				   0x7fffffff, 0x80000000, 0xffffffff };
	struct vfu_header header = { .command = VFU_DEVICE_GET_INFO };

	start();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		cr_assert(raw_send(s, header, sizes[i], NULL, 0, NULL, 0));
		must_hang_up();
	}
	stop();
}

Test(vfu_bad, types_that_no_message_has)
{
	struct vfu_header header = { .command = VFU_DEVICE_GET_INFO };
	struct vfu_device_info info = { .argsz = sizeof(info) };

	start();
	for (header.flags = 2; header.flags < 16; header.flags++) {
		cr_assert(raw_send(s, header, 0, &info, sizeof(info), NULL, 0));
		must_hang_up();
	}
	stop();
}

Test(vfu_bad, answers_to_nothing)
{
	struct vfu_header header = { .flags = VFU_REPLY };
	uint8_t body[80] = { 0 };

	start();
	for (header.command = 0; header.command < 20; header.command++) {
		cr_assert(raw_send(s, header, 0, body, sizeof(body), NULL, 0));
		must_hang_up();
	}
	stop();
}

Test(vfu_bad, commands_that_do_not_exist)
{
	const uint16_t commands[] = { 0,   6,	14, 15,	  16,	11,    12,   17,
				      255, 256, 32, 1000, 4096, 32768, 65535 };
	uint8_t body[64] = { 0 };

	start();
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		cr_assert_eq(raw_call(s, commands[i], NULL, 0, NULL, 0, NULL),
			     -ENOTSUP);
		cr_assert_eq(raw_call(s, commands[i], body, sizeof(body), NULL,
				      0, NULL),
			     -ENOTSUP);
	}
	stop();
}

/* Nobody waits for an answer, so that none comes, not even an error. */
Test(vfu_bad, errors_of_posted_messages_are_silent)
{
	struct vfu_header header = { .flags = VFU_NO_REPLY };
	uint8_t body[64] = { 0 };

	start();
	for (header.command = 0; header.command < 20; header.command++)
		for (size_t len = 0; len <= sizeof(body); len += 4)
			cr_assert(raw_send(s, header, 0, body, len, NULL, 0));
	stop();
}

/* Every length but the right one, for every command. */
Test(vfu_bad, bodies_too_short_and_too_long)
{
	const struct {
		size_t len;
		uint16_t command;
		bool more; /* may be longer */
	} right[] = {
		{ 32, VFU_DMA_MAP, false },
		{ 24, VFU_DMA_UNMAP, false },
		{ 16, VFU_DEVICE_GET_INFO, false },
		{ 32, VFU_GET_REGION_INFO, true },
		{ 16, VFU_GET_IRQ_INFO, false },
		{ 20, VFU_SET_IRQS, true },
		{ 16, VFU_REGION_READ, false },
		{ 16, VFU_REGION_WRITE, true },
		{ 0, VFU_DEVICE_RESET, false },
	};
	static uint8_t body[256];

	start();
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		for (size_t len = 0; len < sizeof(body); len++) {
			if (len == right[i].len ||
			    (len > right[i].len && right[i].more))
				continue;
			cr_assert_eq(raw_call(s, right[i].command, body, len,
					      NULL, 0, NULL),
				     -EINVAL, "command %u, %zu bytes",
				     right[i].command, len);
		}
	stop();
}

/* A message arrives in as many pieces as it likes. */
Test(vfu_bad, single_bytes)
{
	struct {
		struct vfu_header header;
		struct vfu_device_info info;
	} m = { { .id = 3, .command = VFU_DEVICE_GET_INFO, .size = sizeof(m) },
		{ .argsz = sizeof(m.info) } };
	uint8_t body[RAW_BODY];
	struct vfu_header got;

	start();
	for (size_t i = 0; i < sizeof(m); i++) {
		cr_assert_eq(send(s, (char *)&m + i, 1, MSG_NOSIGNAL), 1);
		usleep(1000);
	}
	cr_assert_eq(raw_receive(s, &got, body), sizeof(m.info));
	cr_assert_eq(got.id, 3);
	stop();
}

/* ---------------------------------------------------------------- version */

static int version(const char *body, size_t len)
{
	return raw_call(s, VFU_VERSION, body, len, NULL, 0, NULL);
}

Test(vfu_bad, versions)
{
	static const struct {
		const char *body;
		size_t len;
	} bad[] = {
		{ "\0\0\0", 3 },
		{ "\1\0\0\0", 4 },
		{ "\377\377\377\377", 4 },
		{ "\0\0\0\0{", 5 },
		{ "\0\0\0\0{}", 6 }, /* no NUL */
		{ "\0\0\0\0{", 6 },
		{ "\0\0\0\0[]", 7 },
		{ "\0\0\0\0{\"capabilities\":3}", 23 },
		{ "\0\0\0\0\377\376", 7 },
	};
	static char deep[4000];

	start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		close(s);
		s = raw_connect(server.path);
		cr_assert_eq(version(bad[i].body, bad[i].len), -EINVAL, "%zu",
			     i);
		must_hang_up();
	}
	/* brackets as deep as a message is long */
	memset(deep + 4, '[', sizeof(deep) - 5);
	close(s);
	s = raw_connect(server.path);
	cr_assert_eq(version(deep, sizeof(deep)), -EINVAL);
	must_hang_up();
	stop();
}

Test(vfu_bad, nothing_goes_before_the_version)
{
	uint8_t body[64] = { 0 };

	start();
	for (uint16_t c = 2; c < 20; c++) {
		close(s);
		s = raw_connect(server.path);
		cr_assert_eq(raw_call(s, c, body, 16, NULL, 0, NULL), -EINVAL);
		must_hang_up();
	}
	stop();
}

/* ------------------------------------------------------------ descriptors */

Test(vfu_bad, descriptors_that_do_not_belong)
{
	struct vfu_region_access a = { 0, VFU_REGION_CONFIG, 4 };
	struct vfu_dma_map m = { sizeof(m), 3, 0, IOVA, 4096 };
	int fd[64];

	for (int i = 0; i < 64; i++)
		fd[i] = file_of(4096);
	start();
	cr_assert_eq(raw_call(s, VFU_REGION_READ, &a, sizeof(a), fd, 1, NULL),
		     -EINVAL);
	cr_assert_eq(raw_call(s, VFU_DMA_MAP, &m, sizeof(m), fd, 2, NULL),
		     -EINVAL);
	cr_assert_eq(raw_call(s, VFU_DEVICE_RESET, NULL, 0, fd, 16, NULL),
		     -EINVAL);
	must_serve();
	/* more than any message may have */
	raw_call(s, VFU_DMA_MAP, &m, sizeof(m), fd, 17, NULL);
	must_hang_up();
	raw_call(s, VFU_DMA_MAP, &m, sizeof(m), fd, 64, NULL);
	must_hang_up();
	stop();
}

/* They come with any byte, and pile up. */
Test(vfu_bad, descriptors_in_the_middle)
{
	struct vfu_header h = { .command = VFU_DEVICE_GET_INFO, .size = 32 };
	struct iovec iov = { &h, 1 };
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = file_of(4096);

	start();
	for (int i = 0; i < 20; i++) {
		struct cmsghdr *c;

		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		iov.iov_base = i < 16 ? (char *)&h + i : (char *)&h;
		if (sendmsg(s, &msg, MSG_NOSIGNAL) < 0)
			break;
	}
	must_hang_up();
	stop();
}

static int irqs(uint32_t flags, uint32_t index, uint32_t start_at,
		uint32_t count, const int *fd, unsigned int n)
{
	struct vfu_irq_set set = { sizeof(set), flags, index, start_at, count };

	return raw_call(s, VFU_SET_IRQS, &set, sizeof(set), fd, n, NULL);
}

Test(vfu_bad, interrupts)
{
	const uint32_t eventfds = VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER;
	int event[4], pipes[2], file = file_of(4096);

	for (int i = 0; i < 4; i++)
		event[i] = eventfd(0, EFD_NONBLOCK);
	cr_assert_eq(pipe(pipes), 0);
	start();
	for (uint32_t index = 0; index < 7; index++)
		if (index != VFU_IRQ_MSIX)
			cr_assert_eq(irqs(eventfds, index, 0, 1, event, 1),
				     -EINVAL);
	cr_assert_eq(irqs(eventfds, 0xffffffff, 0, 1, event, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, event, 2), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 2, event, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 4, event, 4), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 3, 1, event, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, ~0u, 2, event, 2), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 1, ~0u, event, 1), -EINVAL);
	/* whoever writes to one of these could be made to wait */
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &pipes[1], 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &file, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &s, 1), -EINVAL);
	for (uint32_t flags = 0; flags < 64; flags++)
		if (flags != eventfds)
			cr_assert_eq(irqs(flags, VFU_IRQ_MSIX, 0, 1, event, 1),
				     -EINVAL, "%u", flags);
	cr_assert_eq(irqs(VFU_IRQ_DATA_BOOL | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX, 0,
			  1, NULL, 0),
		     -EINVAL, "its byte is missing");
	must_serve();
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 2, event, 2), 0);
	fds += 2;
	/* set again, the old one goes */
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 1, 1, event + 2, 1), 0);
	stop();
}

/* Full and blocking: whoever writes to it would wait for ever. */
Test(vfu_bad, an_eventfd_that_is_full)
{
	uint64_t most = UINT64_MAX - 1;
	int event = eventfd(0, 0);

	cr_assert_eq(write(event, &most, sizeof(most)), sizeof(most));
	start();
	cr_assert_eq(irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX,
			  0, 1, &event, 1),
		     0);
	fds++;
	cr_assert_eq(irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX, 0,
			  1, NULL, 0),
		     0);
	stop();
}

/* ---------------------------------------------------------------- regions */

Test(vfu_bad, offsets)
{
	const struct vfu_region_access bad[] = {
		{ 0, VFU_REGION_BAR0, 0 },
		{ 0, VFU_REGION_BAR0, 3 },
		{ 0, VFU_REGION_BAR0, 16 },
		{ 2, VFU_REGION_BAR0, 4 },
		{ 0x10000, VFU_REGION_BAR0, 4 },
		{ 0xfffe, VFU_REGION_BAR0, 4 },
		{ ~0ull, VFU_REGION_BAR0, 1 },
		{ ~0ull - 3, VFU_REGION_BAR0, 4 },
		{ ~0ull - 3, VFU_REGION_BAR0, 8 },
		{ 1ull << 32, VFU_REGION_BAR0, 4 },
		{ 0, VFU_REGION_BAR0, 0x10000 },
		{ 0, VFU_REGION_BAR0, ~0u },
		{ 0, VFU_REGION_CONFIG, 4097 },
		{ 1, VFU_REGION_CONFIG, 4096 },
		{ 4096, VFU_REGION_CONFIG, 1 },
		{ ~0ull, VFU_REGION_CONFIG, 2 },
		{ ~0ull - 4094, VFU_REGION_CONFIG, 4096 },
		{ 0x2000, VFU_REGION_BAR2, 1 },
		{ 0x1fff, VFU_REGION_BAR2, 2 },
		{ 0, 1, 4 },
		{ 0, 6, 4 },
		{ 0, 8, 4 },
		{ 0, 9, 4 },
		{ 0, ~0u, 4 },
	};
	static uint8_t body[70000];

	start();
	cr_assert(raw_power_up(s));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t data = bad[i].count < 65536 ? bad[i].count : 65536;

		cr_assert_eq(raw_call(s, VFU_REGION_READ, &bad[i],
				      sizeof(bad[i]), NULL, 0, NULL),
			     -EINVAL, "read %zu", i);
		memcpy(body, &bad[i], sizeof(bad[i]));
		cr_assert_eq(raw_call(s, VFU_REGION_WRITE, body,
				      sizeof(bad[i]) + data, NULL, 0, NULL),
			     -EINVAL, "write %zu", i);
	}
	/* data of another length than its count */
	memcpy(body, &(struct vfu_region_access){ 4, VFU_REGION_CONFIG, 4 },
	       16);
	for (size_t len = 16; len < 64; len++)
		if (len != 20)
			cr_assert_eq(raw_call(s, VFU_REGION_WRITE, body, len,
					      NULL, 0, NULL),
				     -EINVAL);
	stop();
}

/* ----------------------------------------------------------------- memory */

Test(vfu_bad, mappings)
{
	const struct {
		uint64_t iova, size, offset;
		uint32_t flags;
	} bad[] = {
		{ IOVA, 0, 0, 3 },
		{ IOVA, 4097, 0, 3 },
		{ IOVA + 1, 4096, 0, 3 },
		{ IOVA, 4096, 1, 3 },
		{ IOVA, 4096, 0, 0 },
		{ IOVA, 4096, 0, 4 },
		{ IOVA, 4096, 0, ~0u },
		{ IOVA, 16384, 0, 3 }, /* the file has 8,192 bytes */
		{ IOVA, 8192, 4096, 3 },
		{ IOVA, 4096, 8192, 3 },
		{ IOVA, 4096, ~0xfffull, 3 },
		{ IOVA, 8192, ~0xfffull, 3 },
		{ IOVA, ~0xfffull, 0, 3 },
		{ IOVA, ~0xfffull, 0x1000, 3 },
		{ ~0xfffull, 8192, 0, 3 }, /* wraps */
		{ IOVA, 1ull << 63, 1ull << 63, 3 },
	};
	int fd = file_of(8192), reader, pipes[2];
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(pipe(pipes), 0);
	start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(raw_map(s, bad[i].iova, bad[i].size, bad[i].offset,
				     bad[i].flags, fd),
			     -EINVAL, "%zu", i);
	cr_assert_eq(raw_map(s, IOVA, 4096, 0, 3, pipes[0]), -EINVAL);
	cr_assert_eq(raw_map(s, IOVA, 4096, 0, 3, dir), -EINVAL);
	cr_assert_eq(raw_map(s, IOVA, 4096, 0, 3, s), -EINVAL);
	cr_assert_eq(raw_map(s, IOVA, 4096, 0, 3, reader), -EACCES);
	/* without a descriptor: the size is not bounded by any file */
	cr_assert_eq(raw_map(s, ~0xfffull, 8192, 0, 3, -1), -EINVAL);
	cr_assert_eq(raw_map(s, 0, ~0xfffull, 0, 3, -1), 0);
	cr_assert_eq(raw_map(s, IOVA, 4096, 0, 3, fd), -EEXIST);
	cr_assert_eq(raw_map(s, ~0xfffull, 4096, 0, 3, fd), 0);
	cr_assert_eq(raw_unmap(s, 1, ~0ull), -EINVAL);
	cr_assert_eq(raw_unmap(s, 0, 0), -EINVAL);
	cr_assert_eq(raw_unmap(s, ~0ull, 2), -EINVAL);
	cr_assert_eq(raw_unmap(s, 0, 4096), -EINVAL, "cuts it");
	cr_assert_eq(raw_unmap(s, 0, ~0ull), -EINVAL, "cuts the last");
	cr_assert_eq(raw_unmap(s, 0, ~0xfffull), 24);
	cr_assert_eq(raw_unmap(s, ~0xfffull, 4096), 24);
	stop();
}

Test(vfu_bad, mappings_that_overlap)
{
	int fd = file_of(1 << 16);

	start();
	cr_assert_eq(raw_map(s, IOVA + 0x4000, 0x4000, 0, 3, fd), 0);
	for (uint64_t first = 0; first < 0xc000; first += 0x1000)
		for (uint64_t n = 0x1000; n <= 0xc000; n += 0x1000) {
			int rc = raw_map(s, IOVA + first, n, 0, 3, fd);

			if (first < 0x8000 && first + n > 0x4000) {
				cr_assert_eq(rc, -EEXIST);
				continue;
			}
			cr_assert_eq(rc, 0);
			cr_assert_eq(raw_unmap(s, IOVA + first, n), 24);
		}
	stop();
}

/* As many as it likes, and one more; then they are all gone. */
Test(vfu_bad, mappings_without_end)
{
	int fd = file_of(4096), n = 0, rc;
	uint64_t iova = IOVA;

	start();
	do
		rc = raw_map(s, iova += 8192, 4096, 0, 3, fd);
	while (!rc && ++n < 100000);
	cr_assert_eq(rc, -ENOSPC);
	cr_assert_eq(n, 32768);
	must_serve();
	reconnect();
	cr_assert_eq(raw_map(s, iova, 4096, 0, 3, fd), 0);
	stop();
}

/* --------------------------------------------------- clients that give up */

Test(vfu_bad, a_client_that_stops_in_the_middle)
{
	struct vfu_header h = { .command = VFU_DEVICE_GET_INFO, .size = 32 };

	start();
	for (size_t n = 1; n <= sizeof(h); n += 3) {
		cr_assert_eq(send(s, &h, n, MSG_NOSIGNAL), (ssize_t)n);
		/* it neither goes on nor goes away */
		must_hang_up();
		cr_assert_eq(send(s, &h, n, MSG_NOSIGNAL), (ssize_t)n);
		/* it goes away */
		reconnect();
		must_serve();
	}
	stop();
}

Test(vfu_bad, a_client_that_does_not_read)
{
	struct vfu_region_access a = { 0, VFU_REGION_CONFIG, 4096 };
	struct vfu_header h = { .command = VFU_REGION_READ };
	const struct timeval limit = { .tv_usec = 100000 };
	int i;

	start();
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	for (i = 0; i < 100000; i++)
		if (!raw_send(s, h, 0, &a, sizeof(a), NULL, 0))
			break;
	cr_assert_lt(i, 100000, "it takes everything");
	/* by now it has lost patience; what it had sent is still ours */
	usleep(4 * PATIENCE_MS * 1000);
	must_hang_up();
	stop();
}

/* The card waits for memory that the client does not give. */
Test(vfu_bad, a_client_that_owes_dma)
{
	uint8_t body[RAW_BODY];
	struct vfu_header h;

	start();
	cr_assert(raw_power_up(s));
	cr_assert_eq(raw_map(s, 0, 1 << 20, 0, 3, -1), 0);
	/* a queue pair at address 0 will do */
	cr_assert(raw_put32(s, VFU_REGION_BAR0, FANTAIL_REG_CTRL,
			    FANTAIL_CTRL_ENABLE_MASK));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_DATA_LOG2, 4));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_CONTROL_LOG2, 4));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_STATUS_LOG2, 4));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_SLOT_COUNT, 8));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_CTRL,
			    FANTAIL_QP_CTRL_ENABLE_MASK));
	cr_assert(raw_put32(s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_DATA, 1));
	cr_assert_geq(raw_receive(s, &h, body), 16);
	cr_assert_eq(h.command, VFU_DMA_READ);
	must_hang_up();
	stop();
}
