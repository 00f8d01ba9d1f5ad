/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_fixture.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fantail_regs.h"

struct vfu_child vfu_server;
int vfu_s;
int vfu_fds;

static void start(unsigned int patience_ms)
{
	cr_assert_eq(vfu_child_start(&vfu_server, patience_ms), 0);
	vfu_s = raw_open(vfu_server.path);
	cr_assert_geq(vfu_s, 0);
	vfu_fds = vfu_child_fds(&vfu_server);
}

void vfu_start(void)
{
	start(0);
}

void vfu_stop(void)
{
	close(vfu_s);
	cr_assert_eq(vfu_child_stop(&vfu_server), 0);
}

void vfu_start_hasty(void)
{
	start(VFU_HASTY_MS);
}

void vfu_end(void)
{
	vfu_must_serve();
	vfu_stop();
}

void vfu_must_serve(void)
{
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0, FANTAIL_REG_ID),
		     FANTAIL_ID_VALUE);
	cr_assert_eq(vfu_child_fds(&vfu_server), vfu_fds);
}

void vfu_reconnect(void)
{
	close(vfu_s);
	vfu_s = raw_open(vfu_server.path);
	cr_assert_geq(vfu_s, 0);
}

void vfu_must_hang_up(void)
{
	static uint8_t body[RAW_BODY];
	struct vfu_header header;
	char byte;

	while (raw_receive(vfu_s, &header, body) != RAW_CLOSED)
		;
	cr_assert_leq(recv(vfu_s, &byte, 1, MSG_DONTWAIT), 0);
	vfu_reconnect();
	vfu_must_serve();
}

uint32_t vfu_get32(uint32_t region, uint64_t offset)
{
	uint32_t value = 0;

	cr_assert(raw_get32(vfu_s, region, offset, &value));
	return value;
}

int vfu_file(size_t bytes, void **va)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	if (va)
		*va = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	return fd;
}

void vfu_program(uint64_t iova)
{
	const struct {
		uint32_t offset;
		uint64_t value;
	} regs[] = {
		{ FANTAIL_QP_DATA_BASE, iova + RING_DATA },
		{ FANTAIL_QP_CONTROL_BASE, iova + RING_CONTROL },
		{ FANTAIL_QP_STATUS_BASE, iova + RING_STATUS },
		{ FANTAIL_QP_SLOT_BASE, iova + SLOTS },
		{ FANTAIL_QP_DATA_LOG2, 4 },
		{ FANTAIL_QP_CONTROL_LOG2, 4 },
		{ FANTAIL_QP_STATUS_LOG2, 4 },
		{ FANTAIL_QP_SLOT_COUNT, 8 },
		{ FANTAIL_QP_MOD_COUNT, 1 },
		{ FANTAIL_QP_MOD_US, 0 },
	};

	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0, FANTAIL_REG_CTRL,
			    FANTAIL_CTRL_ENABLE_MASK));
	for (size_t i = 0; i < sizeof(regs) / sizeof(*regs); i++) {
		cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
				    VFU_PAGE0 + regs[i].offset,
				    (uint32_t)regs[i].value));
		if (i < 4)
			cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
					    VFU_PAGE0 + regs[i].offset + 4,
					    (uint32_t)(regs[i].value >> 32)));
	}
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    VFU_PAGE0 + FANTAIL_QP_QP_CTRL,
			    FANTAIL_QP_CTRL_ENABLE_MASK));
}

void vfu_put_payload(uint8_t *region, uint64_t iova)
{
	struct fantail_entry e = {
		.op = FANTAIL_OP_PUBLISH,
		.flags = FANTAIL_FLAG_LAST | FANTAIL_FLAG_GROUP,
		.addr = iova + PAYLOAD,
		.len = 100,
		.cookie = 77,
	};

	memcpy(region + RING_DATA, &e, sizeof(e));
}

void vfu_ring(void)
{
	struct {
		struct vfu_region_access access;
		uint32_t value;
	} body = { { VFU_PAGE0 + FANTAIL_QP_DOORBELL_DATA, VFU_REGION_BAR0, 4 },
		   1 | FANTAIL_DOORBELL_DATA_ARM_MASK };
	struct vfu_header header = {
		.command = VFU_REGION_WRITE,
		.flags = VFU_NO_REPLY,
	};

	cr_assert(raw_send(vfu_s, header, 0, &body, sizeof(body.access) + 4,
			   NULL, 0));
}

int vfu_set_vector(int fd)
{
	struct vfu_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFU_IRQ_DATA_EVENTFD | VFU_IRQ_TRIGGER,
		.index = VFU_IRQ_MSIX,
		.count = 1,
	};

	return raw_call(vfu_s, VFU_SET_IRQS, &set, sizeof(set), &fd, fd >= 0,
			NULL);
}

bool vfu_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

void vfu_must_be_batch(const uint8_t *region)
{
	struct fantail_rec_batch r;

	memcpy(&r, region + RING_STATUS, sizeof(r));
	cr_assert_eq(r.type, FANTAIL_REC_BATCH);
	cr_assert_eq(r.cookie_lo, 77);
	cr_assert_eq(r.payloads, 1);
	cr_assert_eq(r.refused, 0);
}
