/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vfio-user server and what clients give it that it cannot use:
 * descriptors, interrupts, mappings. An error for an answer or a closed
 * connection, and nothing is left open.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/card_size.h"
#include "vfu_fixture.h"

/* ------------------------------------------------------------ descriptors */

Test(vfu_claims, descriptors_that_do_not_belong)
{
	struct vfu_region_access a = { 0, VFU_REGION_CONFIG, 4 };
	struct vfu_dma_map m = { sizeof(m), 3, 0, IOVA, 4096 };
	int fd[64];

	for (int i = 0; i < 64; i++)
		fd[i] = vfu_file(4096, NULL);
	vfu_start_hasty();
	cr_assert_eq(
		raw_call(vfu_s, VFU_REGION_READ, &a, sizeof(a), fd, 1, NULL),
		-EINVAL);
	cr_assert_eq(raw_call(vfu_s, VFU_DMA_MAP, &m, sizeof(m), fd, 2, NULL),
		     -EINVAL);
	cr_assert_eq(raw_call(vfu_s, VFU_DEVICE_RESET, NULL, 0, fd, 16, NULL),
		     -EINVAL);
	vfu_must_serve();
	/* more than any message may have */
	raw_call(vfu_s, VFU_DMA_MAP, &m, sizeof(m), fd, 17, NULL);
	vfu_must_hang_up();
	raw_call(vfu_s, VFU_DMA_MAP, &m, sizeof(m), fd, 64, NULL);
	vfu_must_hang_up();
	vfu_end();
}

/* They come with any byte, and pile up. */
Test(vfu_claims, descriptors_in_the_middle)
{
	struct vfu_header h = { .command = VFU_DEVICE_GET_INFO, .size = 32 };
	struct iovec iov = { &h, 1 };
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = vfu_file(4096, NULL);

	vfu_start_hasty();
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
		if (sendmsg(vfu_s, &msg, MSG_NOSIGNAL) < 0)
			break;
	}
	vfu_must_hang_up();
	vfu_end();
}

static int irqs(uint32_t flags, uint32_t index, uint32_t start_at,
		uint32_t count, const int *fd, unsigned int n)
{
	struct vfu_irq_set set = { sizeof(set), flags, index, start_at, count };

	return raw_call(vfu_s, VFU_SET_IRQS, &set, sizeof(set), fd, n, NULL);
}

Test(vfu_claims, interrupts)
{
	const uint32_t eventfds = VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER;
	enum {
		VECTORS = 1 + CARD_QUEUE_PAIRS,
		EVENTS = VECTORS + 2
	};
	int event[EVENTS], pipes[2], file = vfu_file(4096, NULL);

	for (int i = 0; i < EVENTS; i++)
		event[i] = eventfd(0, EFD_NONBLOCK);
	cr_assert_eq(pipe(pipes), 0);
	vfu_start_hasty();
	for (uint32_t index = 0; index < 7; index++)
		if (index != VFU_IRQ_MSIX)
			cr_assert_eq(irqs(eventfds, index, 0, 1, event, 1),
				     -EINVAL);
	cr_assert_eq(irqs(eventfds, 0xffffffff, 0, 1, event, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, event, 2), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 2, event, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, VECTORS + 1, event,
			  VECTORS + 1),
		     -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, VECTORS, 1, event, 1),
		     -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, ~0u, 2, event, 2), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 1, ~0u, event, 1), -EINVAL);
	/* whoever writes to one of these could be made to wait */
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &pipes[1], 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &file, 1), -EINVAL);
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 1, &vfu_s, 1), -EINVAL);
	for (uint32_t flags = 0; flags < 64; flags++)
		if (flags != eventfds)
			cr_assert_eq(irqs(flags, VFU_IRQ_MSIX, 0, 1, event, 1),
				     -EINVAL, "%u", flags);
	cr_assert_eq(irqs(VFU_IRQ_DATA_BOOL | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX, 0,
			  1, NULL, 0),
		     -EINVAL, "its byte is missing");
	vfu_must_serve();
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 0, 2, event, 2), 0);
	vfu_fds += 2;
	/* set again, the old one goes */
	cr_assert_eq(irqs(eventfds, VFU_IRQ_MSIX, 1, 1, event + 2, 1), 0);
	vfu_end();
}

/* Full and blocking: whoever writes to it would wait for ever. */
Test(vfu_claims, an_eventfd_that_is_full)
{
	uint64_t most = UINT64_MAX - 1;
	int event = eventfd(0, 0);

	cr_assert_eq(write(event, &most, sizeof(most)), sizeof(most));
	vfu_start_hasty();
	cr_assert_eq(irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX,
			  0, 1, &event, 1),
		     0);
	vfu_fds++;
	cr_assert_eq(irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_TRIGGER, VFU_IRQ_MSIX, 0,
			  1, NULL, 0),
		     0);
	vfu_end();
}

/* ----------------------------------------------------------------- memory */

Test(vfu_claims, mappings)
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
	int fd = vfu_file(8192, NULL), reader, pipes[2];
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(pipe(pipes), 0);
	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(raw_map(vfu_s, bad[i].iova, bad[i].size,
				     bad[i].offset, bad[i].flags, fd),
			     -EINVAL, "%zu", i);
	cr_assert_eq(raw_map(vfu_s, IOVA, 4096, 0, 3, pipes[0]), -EINVAL);
	cr_assert_eq(raw_map(vfu_s, IOVA, 4096, 0, 3, dir), -EINVAL);
	cr_assert_eq(raw_map(vfu_s, IOVA, 4096, 0, 3, vfu_s), -EINVAL);
	cr_assert_eq(raw_map(vfu_s, IOVA, 4096, 0, 3, reader), -EACCES);
	/* without a descriptor: the size is not bounded by any file */
	cr_assert_eq(raw_map(vfu_s, ~0xfffull, 8192, 0, 3, -1), -EINVAL);
	cr_assert_eq(raw_map(vfu_s, 0, ~0xfffull, 0, 3, -1), 0);
	cr_assert_eq(raw_map(vfu_s, IOVA, 4096, 0, 3, fd), -EEXIST);
	cr_assert_eq(raw_map(vfu_s, ~0xfffull, 4096, 0, 3, fd), 0);
	cr_assert_eq(raw_unmap(vfu_s, 1, ~0ull), -EINVAL);
	cr_assert_eq(raw_unmap(vfu_s, 0, 0), -EINVAL);
	cr_assert_eq(raw_unmap(vfu_s, ~0ull, 2), -EINVAL);
	cr_assert_eq(raw_unmap(vfu_s, 0, 4096), -EINVAL, "cuts it");
	cr_assert_eq(raw_unmap(vfu_s, 0, ~0ull), -EINVAL, "cuts the last");
	cr_assert_eq(raw_unmap(vfu_s, 0, ~0xfffull), 24);
	cr_assert_eq(raw_unmap(vfu_s, ~0xfffull, 4096), 24);
	vfu_end();
}

Test(vfu_claims, mappings_that_overlap)
{
	int fd = vfu_file(1 << 16, NULL);

	vfu_start_hasty();
	cr_assert_eq(raw_map(vfu_s, IOVA + 0x4000, 0x4000, 0, 3, fd), 0);
	for (uint64_t first = 0; first < 0xc000; first += 0x1000)
		for (uint64_t n = 0x1000; n <= 0xc000; n += 0x1000) {
			int rc = raw_map(vfu_s, IOVA + first, n, 0, 3, fd);

			if (first < 0x8000 && first + n > 0x4000) {
				cr_assert_eq(rc, -EEXIST);
				continue;
			}
			cr_assert_eq(rc, 0);
			cr_assert_eq(raw_unmap(vfu_s, IOVA + first, n), 24);
		}
	vfu_end();
}

/* As many as it likes, and one more; then they are all gone. */
Test(vfu_claims, mappings_without_end)
{
	int fd = vfu_file(4096, NULL), n = 0, rc;
	uint64_t iova = IOVA;

	vfu_start_hasty();
	do
		rc = raw_map(vfu_s, iova += 8192, 4096, 0, 3, fd);
	while (!rc && ++n < 100000);
	cr_assert_eq(rc, -ENOSPC);
	cr_assert_eq(n, 32768);
	vfu_must_serve();
	vfu_reconnect();
	cr_assert_eq(raw_map(vfu_s, iova, 4096, 0, 3, fd), 0);
	vfu_end();
}
