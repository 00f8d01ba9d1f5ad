/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The transport of real cards, against a stand-in for the kernel: structures
 * and order of the calls, of groups and of iommufd alike; what is said when
 * something is missing; nothing stays open.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "fake_vfio.h"
#include "fantail_driver.h"
#include "pci.h"
#include "transport.h"
#include "vfio.h"

static const struct fantail_transport_ops *const ops = &fantail_transport_vfio;
static const struct fantail_pci_card card = {
	.address = "0000:03:00.0",
	.bar0_bytes = 65536,
	.iommu_group = 12,
	.vfio_device = 3,
	.driver = "vfio-pci",
};
static uint8_t page[8192] __attribute__((aligned(4096)));

static void *attach(struct fake_vfio *k, const char *iommu)
{
	void *state = NULL;
	int rc = fantail_vfio_open(&fake_vfio_sys, &card, iommu, &state);

	cr_assert_eq(rc, 0, "%d: %s; kernel: %s", rc, fantail_driver_why(),
		     k->fault);
	cr_assert_str_empty(k->fault);
	return state;
}

static void all_closed(const struct fake_vfio *k)
{
	cr_expect_not(k->container || k->group || k->node || k->device);
	cr_expect_not(k->bar0_mapped);
	cr_expect_str_empty(k->fault);
}

/* Everything a card is asked for, over one of the two. */
static void use(struct fake_vfio *k, const char *iommu)
{
	void *state = attach(k, iommu);
	uint64_t va = (uintptr_t)page;
	uint32_t value = 0;

	cr_expect_eq(k->resets, 1);
	cr_expect_eq(k->command & 6, 6, "memory and bus master");
	cr_expect_eq(ops->reg_write32(state, 0x1080, 0x80000001), 0);
	cr_expect_eq(k->bar0[0x1080 / 4], 0x80000001);
	k->bar0[3] = 5;
	cr_expect_eq(ops->reg_read32(state, 12, &value), 0);
	cr_expect_eq(value, 5);
	cr_expect_eq(ops->reg_read32(state, 65536, &value), -EINVAL);

	cr_expect_eq(ops->dma_map(state, page, -1, 1ull << 32, 8192,
				  FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD),
		     0);
	cr_expect_eq(k->maps, 1);
	cr_expect(k->map[0].va == va && k->map[0].iova == 1ull << 32 &&
		  k->map[0].bytes == 8192 && k->map[0].rights == 1);
	cr_expect_eq(ops->dma_map(state, page, -1, 1ull << 33, 4096,
				  FANTAIL_DMA_WRITE),
		     0);
	cr_expect_eq(k->map[1].rights, 2);
	cr_expect_eq(ops->dma_unmap(state, 1ull << 32, 8192), 0);
	cr_expect_eq(ops->dma_unmap(state, 1ull << 32, 8192), -ENOENT);

	cr_expect_eq(ops->irq_set_eventfd(state, 0, 50), 0);
	cr_expect_eq(ops->irq_set_eventfd(state, 2, 52), 0);
	cr_expect(k->event[0] == 50 && k->event[1] == -1 && k->event[2] == 52);
	cr_expect_eq(ops->irq_set_eventfd(state, FAKE_VECTORS, 53), -EINVAL);
	cr_expect_eq(ops->irq_set_eventfd(state, 0, -1), 0);
	cr_expect(k->event[0] == -1 && k->event[2] == 52);
	cr_expect_eq(ops->irq_set_eventfd(state, 2, -1), 0);
	cr_expect_eq(k->events, 0, "MSI-X is off");
	ops->close(state);
	cr_expect_eq(k->command & 6, 0, "the card is silent");
	all_closed(k);
}

Test(vfio, group)
{
	struct fake_vfio *k = fake_vfio_new();

	use(k, "group");
	cr_expect_eq(strncmp(k->log,
			     "/dev/vfio/vfio /dev/vfio/12 container iommu "
			     "device reset mmap map",
			     60),
		     0, "%s", k->log);
}

Test(vfio, iommufd)
{
	struct fake_vfio *k = fake_vfio_new();

	k->has_iommu_node = true;
	use(k, "iommufd");
	cr_expect_eq(strncmp(k->log,
			     "/dev/vfio/devices/vfio3 /dev/iommu bind ioas "
			     "attach reset mmap map",
			     60),
		     0, "%s", k->log);
}

/* The device node where the system offers it, else the group. */
Test(vfio, chooses)
{
	struct fake_vfio *k = fake_vfio_new();

	k->has_iommu_node = true;
	ops->close(attach(k, NULL));
	cr_expect(k->bound && !k->in_container);
	all_closed(k);
	k = fake_vfio_new();
	ops->close(attach(k, NULL));
	cr_expect(!k->bound && k->in_container);
	all_closed(k);
}

static void refused(struct fake_vfio *k, const struct fantail_pci_card *c,
		    const char *iommu, int rc, const char *why)
{
	void *state = NULL;

	cr_expect_eq(fantail_vfio_open(&fake_vfio_sys, c, iommu, &state), rc);
	cr_expect_null(state);
	cr_expect(strstr(fantail_driver_why(), why), "'%s' in '%s'", why,
		  fantail_driver_why());
	all_closed(k);
}

Test(vfio, says_what_is_missing)
{
	struct fantail_pci_card other = card;
	struct fake_vfio *k = fake_vfio_new();

	other.iommu_group = -1;
	refused(k, &other, "group", -ENODEV, "intel_iommu=on");
	other.iommu_group = 13;
	refused(k, &other, "group", -ENOENT, "bind 0000:03:00.0 to vfio-pci");
	other.vfio_device = -1;
	refused(k, &other, "iommufd", -ENODEV, "Linux 6.6");
	refused(k, &card, "iommufd", -ENOENT, "modprobe iommufd");
	refused(k, &card, "apple", -EINVAL, "iommu=apple");
	k->not_viable = true;
	refused(k, &card, "group", -EPERM, "not viable");
	k->group_busy = true;
	refused(k, &card, "group", -EBUSY, "another process");
}

static void unmapped(void *state, uint64_t iova, int rc, const char *why)
{
	cr_expect_eq(
		ops->dma_map(state, page, -1, iova, 4096, FANTAIL_DMA_READ),
		rc);
	cr_expect(strstr(fantail_driver_why(), why), "'%s' in '%s'", why,
		  fantail_driver_why());
}

Test(vfio, names_the_limit)
{
	static const char *const both[] = { "group", "iommufd" };
	struct fake_vfio *k;
	unsigned int i;
	void *state;

	for (i = 0; i < 2; i++) {
		k = fake_vfio_new();
		k->has_iommu_node = true;
		k->aperture_last = (1ull << 39) - 1;
		state = attach(k, both[i]);
		k->map_error = EINVAL;
		unmapped(state, 1ull << 39, -EINVAL, "0x7fffffffff");
		unmapped(state, 1ull << 32, -EINVAL, "Invalid argument");
		k->map_error = ENOSPC;
		unmapped(state, 1ull << 32, -ENOSPC, "dma_entry_limit");
		ops->close(state);
		all_closed(k);
	}
	k = fake_vfio_new();
	k->known_entries = true;
	k->entries = 1;
	state = attach(k, "group");
	cr_expect_eq(ops->dma_map(state, page, -1, 1ull << 32, 4096,
				  FANTAIL_DMA_READ),
		     0);
	unmapped(state, 1ull << 33, -ENOSPC, "no mapping left");
	cr_expect_eq(ops->dma_unmap(state, 1ull << 32, 4096), 0);
	cr_expect_eq(ops->dma_map(state, page, -1, 1ull << 33, 4096,
				  FANTAIL_DMA_READ),
		     0);
	ops->close(state);
}

Test(vfio, locked_memory)
{
	const struct rlimit little = { 65536, 65536 };
	struct fake_vfio *k = fake_vfio_new();
	void *state = attach(k, "group");

	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &little), 0);
	k->map_error = ENOMEM;
	unmapped(state, 1ull << 32, -ENOMEM, "65536 that may be locked");
	ops->close(state);
}

/* On this machine, whatever it has: a clear word, never a crash. */
Test(vfio, no_card)
{
	void *state = NULL;

	cr_expect_eq(ops->open("zz", NULL, &state), -EINVAL);
	cr_expect(strstr(fantail_driver_why(), "0000:03:00.0"));
	cr_expect_eq(ops->open("00:00.0?iommu", NULL, &state), -EINVAL);
	cr_expect_lt(ops->open("ffff:ff:1f.7", NULL, &state), 0);
	cr_expect_str_not_empty(fantail_driver_why());
	cr_expect_null(state);
}
