/* SPDX-License-Identifier: Apache-2.0 */
/* The vfio-user server, as a client that keeps the rules sees it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/card_size.h"
#include "fantail_pci.h"
#include "fantail_regs.h"
#include "vfu_fixture.h"

/* --------------------------------------------------------- negotiation */

Test(vfu, version_is_never_above_the_clients)
{
	struct vfu_version asked = { 0, 7 }, got;
	static char reply[RAW_BODY];

	cr_assert_eq(vfu_child_start(&vfu_server, 0), 0);
	vfu_s = raw_connect(vfu_server.path);
	/* no room for text: none comes */
	cr_assert_eq(raw_call(vfu_s, VFU_VERSION, &asked, sizeof(asked), NULL,
			      0, reply),
		     sizeof(got));
	memcpy(&got, reply, sizeof(got));
	cr_assert_eq(got.major, 0);
	cr_assert_eq(got.minor, 0);
	cr_assert_eq(raw_call(vfu_s, VFU_VERSION, &asked, sizeof(asked), NULL,
			      0, reply),
		     -EINVAL, "once only");
	vfu_stop();
}

Test(vfu, version_tells_limits_when_there_is_room)
{
	char asked[200] = "\0\0\0\0{}", reply[RAW_BODY];
	int len;

	memset(asked + 6, ' ', sizeof(asked) - 7);
	cr_assert_eq(vfu_child_start(&vfu_server, 0), 0);
	vfu_s = raw_connect(vfu_server.path);
	len = raw_call(vfu_s, VFU_VERSION, asked, sizeof(asked), NULL, 0,
		       reply);
	cr_assert_gt(len, 4);
	cr_assert_leq(len, (int)sizeof(asked));
	cr_assert_eq(reply[len - 1], 0);
	cr_assert(strstr(reply + 4, "\"max_msg_fds\":16"), "%s", reply + 4);
	vfu_stop();
}

/* ---------------------------------------------------------- description */

Test(vfu, device_regions_and_interrupts)
{
	struct vfu_device_info dev = { .argsz = sizeof(dev) };
	static char reply[RAW_BODY];
	const uint32_t vectors = 1 + CARD_QUEUE_PAIRS;
	const uint64_t bytes[VFU_REGIONS] = {
		[VFU_REGION_BAR0] = 0x10000,
		[VFU_REGION_BAR2] = 0x2000,
		[VFU_REGION_CONFIG] = 4096,
	};

	vfu_start();
	cr_assert_eq(raw_call(vfu_s, VFU_DEVICE_GET_INFO, &dev, sizeof(dev),
			      NULL, 0, reply),
		     sizeof(dev));
	memcpy(&dev, reply, sizeof(dev));
	cr_assert_eq(dev.flags, VFU_DEVICE_RESETS | VFU_DEVICE_PCI);
	cr_assert_eq(dev.regions, VFU_REGIONS);
	cr_assert_eq(dev.irqs, VFU_IRQS);
	for (uint32_t i = 0; i < VFU_REGIONS; i++) {
		struct vfu_region_info r = { .argsz = 32, .index = i };

		cr_assert_eq(raw_call(vfu_s, VFU_GET_REGION_INFO, &r, sizeof(r),
				      NULL, 0, reply),
			     sizeof(r));
		memcpy(&r, reply, sizeof(r));
		cr_assert_eq(r.argsz, sizeof(r));
		cr_assert_eq(r.size, bytes[i], "region %u", i);
		cr_assert_eq(r.flags, bytes[i] ? 3 : 0);
	}
	for (uint32_t i = 0; i < VFU_IRQS; i++) {
		struct vfu_irq_info q = { .argsz = 16, .index = i };

		cr_assert_eq(raw_call(vfu_s, VFU_GET_IRQ_INFO, &q, sizeof(q),
				      NULL, 0, reply),
			     sizeof(q));
		memcpy(&q, reply, sizeof(q));
		cr_assert_eq(q.count, i == VFU_IRQ_MSIX ? vectors : 0);
	}
	vfu_stop();
}

/* All of it in one go, as QEMU does. */
Test(vfu, configuration_space_is_read_whole)
{
	uint8_t config[4096];

	vfu_start();
	cr_assert_gt(
		raw_read(vfu_s, VFU_REGION_CONFIG, 0, sizeof(config), config),
		0);
	cr_assert_eq(config[0] | config[1] << 8, FANTAIL_PCI_VENDOR);
	cr_assert_eq(config[2] | config[3] << 8, FANTAIL_PCI_DEVICE);
	cr_assert_eq(config[6] & 0x10, 0x10, "it has capabilities");
	for (size_t i = 256; i < sizeof(config); i++)
		cr_assert_eq(config[i], 0);
	vfu_stop();
}

Test(vfu, registers_need_memory_space)
{
	uint64_t wide;
	uint32_t value;
	uint8_t byte;

	vfu_start();
	cr_assert_eq(raw_read(vfu_s, VFU_REGION_BAR0, 0, 4, &value), -EIO);
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0, FANTAIL_REG_ID),
		     FANTAIL_ID_VALUE);
	cr_assert_gt(raw_read(vfu_s, VFU_REGION_BAR0, 1, 1, &byte), 0);
	cr_assert_eq(byte, FANTAIL_ID_VALUE >> 8 & 0xff);
	cr_assert_gt(raw_read(vfu_s, VFU_REGION_BAR0, 0, 8, &wide), 0);
	cr_assert_eq(wide, (uint64_t)FANTAIL_VERSION << 32 | FANTAIL_ID_VALUE);
	/* power state D3hot: nobody at home; back in D0 all is as it was */
	cr_assert(raw_put32(vfu_s, VFU_REGION_CONFIG, 0x44, 3));
	cr_assert_eq(raw_read(vfu_s, VFU_REGION_BAR0, 0, 4, &value), -EIO);
	cr_assert(raw_put32(vfu_s, VFU_REGION_CONFIG, 0x44, 0));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0, FANTAIL_REG_ID),
		     FANTAIL_ID_VALUE);
	vfu_stop();
}

Test(vfu, msix_table_is_memory)
{
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR2, 12), 1, "masked");
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR2, 0, 0xfee00003));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR2, 12, 0xfffffffe));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR2, 0), 0xfee00000);
	cr_assert_eq(vfu_get32(VFU_REGION_BAR2, 12), 0);
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR2, FANTAIL_PCI_MSIX_PBA, ~0u));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR2, FANTAIL_PCI_MSIX_PBA), 0);
	vfu_stop();
}

/* ---------------------------------------------------------------- memory */

Test(vfu, mappings_come_and_go)
{
	int fd = vfu_file(1 << 20, NULL);

	vfu_start();
	cr_assert_eq(raw_map(vfu_s, IOVA, 0x10000, 0, 3, fd), 0);
	cr_assert_eq(raw_map(vfu_s, IOVA + 0x10000, 0x10000, 0x10000, 1, fd),
		     0);
	cr_assert_eq(raw_map(vfu_s, IOVA + 0x30000, 0x10000, 0, 1, -1), 0,
		     "by messages");
	/* never mapped is not an error; whatever lies inside goes */
	cr_assert_eq(raw_unmap(vfu_s, 0, 1ull << 32), 24);
	cr_assert_eq(raw_map(vfu_s, IOVA + 0x1f000, 0x1000, 0, 1, fd), -EEXIST);
	cr_assert_eq(raw_unmap(vfu_s, IOVA + 0x8000, 0x10000), -EINVAL,
		     "cuts mappings in two");
	cr_assert_eq(raw_map(vfu_s, IOVA + 0x1f000, 0x1000, 0, 1, fd), -EEXIST);
	cr_assert_eq(raw_unmap(vfu_s, 0, ~0xfffull), 24);
	cr_assert_eq(raw_map(vfu_s, IOVA, 0x100000, 0, 3, fd), 0);
	vfu_stop();
}

/* ---------------------------------------------------------------- resets */

static void must_be_reset(void)
{
	cr_assert_eq(vfu_get32(VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND) & 0xffff,
		     0);
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(
		vfu_get32(VFU_REGION_BAR0, VFU_PAGE0 + FANTAIL_QP_DATA_BASE),
		0);
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0, FANTAIL_REG_STATUS) &
			     FANTAIL_STATUS_READY_MASK,
		     FANTAIL_STATUS_READY_MASK);
}

Test(vfu, resets)
{
	void *region;
	int fd = vfu_file(REGION, &region);
	uint32_t control;

	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), 0);
	vfu_program(IOVA);
	cr_assert_eq(raw_call(vfu_s, VFU_DEVICE_RESET, NULL, 0, NULL, 0, NULL),
		     0);
	must_be_reset();
	vfu_program(IOVA);
	cr_assert_eq(
		vfu_get32(VFU_REGION_BAR0, VFU_PAGE0 + FANTAIL_QP_DATA_LOG2),
		4);
	/* function-level reset; the bit reads 0 */
	control = vfu_get32(VFU_REGION_CONFIG, 0x68);
	cr_assert(raw_put32(vfu_s, VFU_REGION_CONFIG, 0x68, control | 0x8000));
	cr_assert_eq(vfu_get32(VFU_REGION_CONFIG, 0x68), control);
	must_be_reset();
	/* mappings are the client'vfu_s, and stay */
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), -EEXIST);
	vfu_stop();
}

/* ------------------------------------------------------------- one by one */

Test(vfu, the_next_client_finds_nothing_of_the_last)
{
	int fd = vfu_file(REGION, NULL), fds, i;

	vfu_start();
	fds = vfu_child_fds(&vfu_server);
	for (i = 0; i < 10; i++) {
		cr_assert(raw_power_up(vfu_s));
		cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), 0);
		cr_assert_eq(vfu_set_vector(eventfd(0, EFD_NONBLOCK)), 0);
		vfu_program(IOVA);
		close(vfu_s);
		vfu_s = raw_open(vfu_server.path);
		cr_assert_geq(vfu_s, 0);
		must_be_reset();
	}
	cr_assert_eq(vfu_child_fds(&vfu_server), fds);
	vfu_stop();
}

Test(vfu, socket_of_a_dead_server_is_replaced)
{
	char command[128];

	/* the path is that of this process: the second finds the first's */
	cr_assert_eq(vfu_child_start(&vfu_server, 0), 0);
	kill(vfu_server.pid, SIGKILL);
	cr_assert_neq(vfu_child_stop(&vfu_server), 0);
	cr_assert_eq(access(vfu_server.path, F_OK), 0);
	vfu_start();
	snprintf(command, sizeof(command), "test -S %s", vfu_server.path);
	cr_assert_eq(system(command), 0);
	vfu_stop();
	cr_assert_eq(access(vfu_server.path, F_OK), -1, "removed at the end");
}
