/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "vfio:DDDD:BB:DD.F": a card of this machine, bound to vfio-pci. Registers
 * are mapped; interrupts are MSI-X to event descriptors; DMA goes through the
 * IOMMU, so that the card reaches what was mapped and nothing else.
 */
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fantail_driver.h"
#include "fantail_pci.h"
#include "pci.h"
#include "vfio.h"
#include "why.h"

#define VECTORS_MAX 32

struct vfio_card {
	struct fantail_vfio_space space;
	uint64_t config; /* offset of the configuration space */
	volatile uint32_t *bar0;
	size_t bar0_bytes;
	unsigned int vectors;
	int event[VECTORS_MAX]; /* of each vector, -1 none */
	bool armed;		/* MSI-X is on */
};

/* ------------------------------------------------------- system calls */

static int sys_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC);
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

const struct fantail_vfio_sys fantail_vfio_system = {
	.open = sys_open,
	.close = close,
	.ioctl = sys_ioctl,
	.mmap = mmap,
	.munmap = munmap,
	.pread = pread,
	.pwrite = pwrite,
};

void fantail_vfio_detach(struct fantail_vfio_space *s)
{
	if (s->device >= 0)
		s->sys->close(s->device);
	if (s->group >= 0)
		s->sys->close(s->group);
	if (s->fd >= 0)
		s->sys->close(s->fd);
	s->device = s->group = s->fd = -1;
}

/* ----------------------------------------------------------- attaching */

static int check_device(struct vfio_card *c)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (c->space.sys->ioctl(c->space.device, VFIO_DEVICE_GET_INFO, &info))
		return fantail_why(-errno, "VFIO_DEVICE_GET_INFO: %s",
				   strerror(errno));
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX ||
	    info.num_irqs <= VFIO_PCI_MSIX_IRQ_INDEX)
		return fantail_why(-ENODEV, "VFIO shows no PCI device");
	/* a card left running by somebody must not write to our memory */
	if (!(info.flags & VFIO_DEVICE_FLAGS_RESET))
		return 0;
	if (c->space.sys->ioctl(c->space.device, VFIO_DEVICE_RESET, NULL))
		return fantail_why(-errno, "function-level reset: %s",
				   strerror(errno));
	return 0;
}

static int region(struct vfio_card *c, uint32_t index,
		  struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	if (c->space.sys->ioctl(c->space.device, VFIO_DEVICE_GET_REGION_INFO,
				info))
		return fantail_why(-errno, "VFIO region %u: %s", index,
				   strerror(errno));
	return 0;
}

/* Memory accesses, DMA and interrupts are off until the command says so. */
static int set_command(struct vfio_card *c, bool on)
{
	const uint16_t bits = FANTAIL_PCI_COMMAND_MEMORY |
			      FANTAIL_PCI_COMMAND_MASTER;
	off_t at = (off_t)(c->config + FANTAIL_PCI_COMMAND);
	uint16_t command;

	if (c->space.sys->pread(c->space.device, &command, sizeof(command),
				at) != sizeof(command))
		return fantail_why(-EIO, "cannot read the PCI command");
	command = (uint16_t)(on ? command | bits : command & ~bits);
	if (c->space.sys->pwrite(c->space.device, &command, sizeof(command),
				 at) != sizeof(command))
		return fantail_why(-EIO, "cannot write the PCI command");
	return 0;
}

static int map_registers(struct vfio_card *c)
{
	struct vfio_region_info info;
	void *va;
	int rc;

	rc = region(c, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (rc)
		return rc;
	c->config = info.offset;
	rc = region(c, VFIO_PCI_BAR0_REGION_INDEX, &info);
	if (rc)
		return rc;
	if (info.size < FANTAIL_PCI_BAR0_BYTES ||
	    !(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return fantail_why(-ENODEV,
				   "BAR0 (%llu bytes) cannot be mapped",
				   (unsigned long long)info.size);
	rc = set_command(c, true);
	if (rc)
		return rc;
	va = c->space.sys->mmap(NULL, info.size, PROT_READ | PROT_WRITE,
				MAP_SHARED, c->space.device,
				(off_t)info.offset);
	if (va == MAP_FAILED)
		return fantail_why(-errno, "cannot map BAR0: %s",
				   strerror(errno));
	c->bar0 = va;
	c->bar0_bytes = info.size;
	return 0;
}

static int count_vectors(struct vfio_card *c)
{
	struct vfio_irq_info info = { .argsz = sizeof(info),
				      .index = VFIO_PCI_MSIX_IRQ_INDEX };

	if (c->space.sys->ioctl(c->space.device, VFIO_DEVICE_GET_IRQ_INFO,
				&info))
		return fantail_why(-errno, "MSI-X: %s", strerror(errno));
	if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return fantail_why(-ENODEV, "the card has no MSI-X");
	c->vectors = info.count < VECTORS_MAX ? info.count : VECTORS_MAX;
	return 0;
}

static const struct fantail_vfio_iommu *
choose(const struct fantail_vfio_sys *sys, const struct fantail_pci_card *card,
       const char *name)
{
	static const struct fantail_vfio_iommu *const all[] = {
		&fantail_vfio_iommufd,
		&fantail_vfio_group,
	};
	size_t i;
	int fd;

	for (i = 0; name && i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(name, all[i]->name))
			return all[i];
	if (name)
		return NULL;
	if (card->vfio_device < 0)
		return &fantail_vfio_group;
	fd = sys->open("/dev/iommu", O_RDWR);
	if (fd < 0)
		return &fantail_vfio_group;
	sys->close(fd);
	return &fantail_vfio_iommufd;
}

static void vfio_close(void *state)
{
	struct vfio_card *c = state;

	if (c->bar0) {
		(void)set_command(c, false);
		c->space.sys->munmap((void *)(uintptr_t)c->bar0, c->bar0_bytes);
	}
	fantail_vfio_detach(&c->space);
	free(c);
}

int fantail_vfio_open(const struct fantail_vfio_sys *sys,
		      const struct fantail_pci_card *card, const char *iommu,
		      void **state)
{
	struct vfio_card *c;
	unsigned int i;
	int rc;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->space.sys = sys;
	c->space.fd = c->space.group = c->space.device = -1;
	for (i = 0; i < VECTORS_MAX; i++)
		c->event[i] = -1;
	c->space.iommu = choose(sys, card, iommu);
	if (!c->space.iommu) {
		rc = fantail_why(-EINVAL, "iommu=%s: not group or iommufd",
				 iommu);
		goto err;
	}
	rc = c->space.iommu->attach(&c->space, card);
	if (!rc)
		rc = check_device(c);
	if (!rc)
		rc = map_registers(c);
	if (!rc)
		rc = count_vectors(c);
	if (rc)
		goto err;
	*state = c;
	return 0;

err:
	vfio_close(c);
	return rc;
}

static int vfio_open(const char *rest, const struct fantail_dev_options *opt,
		     void **state)
{
	const char *query = strchr(rest, '?');
	struct fantail_pci_card card;
	const char *iommu = NULL;
	char address[32];
	int rc;

	(void)opt;
	if (query) {
		if (strncmp(query, "?iommu=", 7))
			return fantail_why(-EINVAL,
					   "vfio:%s: the only parameter is "
					   "iommu=group|iommufd",
					   rest);
		iommu = query + 7;
	}
	rc = snprintf(address, sizeof(address), "%.*s",
		      query ? (int)(query - rest) : (int)strlen(rest), rest);
	if (rc < 0 || (size_t)rc >= sizeof(address))
		return fantail_why(-EINVAL, "'%s' is no PCI address", rest);
	rc = fantail_pci_find(address, &card);
	if (rc)
		return rc;
	return fantail_vfio_open(&fantail_vfio_system, &card, iommu, state);
}

/* ----------------------------------------------------------- registers */

static int vfio_read32(void *state, uint32_t offset, uint32_t *value)
{
	struct vfio_card *c = state;

	if (offset > c->bar0_bytes - 4)
		return -EINVAL;
	*value = c->bar0[offset / 4];
	/* what the card wrote before its answer is read after it */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return 0;
}

static int vfio_write32(void *state, uint32_t offset, uint32_t value)
{
	struct vfio_card *c = state;

	if (offset > c->bar0_bytes - 4)
		return -EINVAL;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	c->bar0[offset / 4] = value;
	return 0;
}

/* ----------------------------------------------------------------- DMA */

static bool in_aperture(const struct fantail_vfio_space *s, uint64_t iova,
			size_t bytes)
{
	uint64_t last = iova + bytes - 1;
	unsigned int i;

	if (!s->ranges)
		return true;
	for (i = 0; i < s->ranges; i++)
		if (iova >= s->first[i] && last <= s->last[i])
			return true;
	return false;
}

/* Which limit was it? */
static int explain(const struct fantail_vfio_space *s, int rc, uint64_t iova,
		   size_t bytes)
{
	struct rlimit limit;

	if (!in_aperture(s, iova, bytes))
		return fantail_why(rc,
				   "mapping %zu bytes at IOVA 0x%llx: outside "
				   "the IOMMU's aperture, which ends at 0x%llx",
				   bytes, (unsigned long long)iova,
				   (unsigned long long)s->last[s->ranges - 1]);
	if (rc == -ENOSPC || (s->left_known && !s->left))
		return fantail_why(rc,
				   "mapping %zu bytes: no mapping left, raise "
				   "dma_entry_limit of vfio_iommu_type1",
				   bytes);
	if (rc == -ENOMEM && !getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		return fantail_why(rc,
				   "mapping %zu bytes: more than the %llu that "
				   "may be locked, raise it by ulimit -l",
				   bytes, (unsigned long long)limit.rlim_cur);
	return fantail_why(rc, "mapping %zu bytes at IOVA 0x%llx: %s", bytes,
			   (unsigned long long)iova, strerror(-rc));
}

static int vfio_dma_map(void *state, void *va, int fd, uint64_t iova,
			size_t bytes, unsigned int flags)
{
	struct fantail_vfio_space *s = &((struct vfio_card *)state)->space;
	int rc = s->iommu->map(s, va, iova, bytes, flags);

	(void)fd; /* the kernel takes the pages by address */
	if (rc)
		return explain(s, rc, iova, bytes);
	if (s->left_known && s->left)
		s->left--;
	return 0;
}

static int vfio_dma_unmap(void *state, uint64_t iova, size_t bytes)
{
	struct fantail_vfio_space *s = &((struct vfio_card *)state)->space;
	int rc = s->iommu->unmap(s, iova, bytes);

	if (!rc && s->left_known)
		s->left++;
	return rc;
}

/* ---------------------------------------------------------- interrupts */

/*
 * All vectors in one call: kernels before 6.5 cannot add a vector to MSI-X
 * that is on. No descriptor is -1.
 */
static int set_events(struct vfio_card *c)
{
	uint8_t room[sizeof(struct vfio_irq_set) + sizeof(c->event)]
		__attribute__((aligned(8))) = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)room;
	unsigned int i;
	bool any = false;

	for (i = 0; i < c->vectors; i++)
		any |= c->event[i] >= 0;
	if (!any && !c->armed)
		return 0;
	set->argsz = sizeof(*set);
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	if (any) {
		set->argsz += c->vectors * (uint32_t)sizeof(int);
		set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			     VFIO_IRQ_SET_DATA_EVENTFD;
		set->count = c->vectors;
		memcpy(set->data, c->event, c->vectors * sizeof(int));
	}
	if (c->space.sys->ioctl(c->space.device, VFIO_DEVICE_SET_IRQS, set))
		return fantail_why(-errno, "MSI-X: %s", strerror(errno));
	c->armed = any;
	return 0;
}

static int vfio_irq(void *state, unsigned int vector, int fd)
{
	struct vfio_card *c = state;
	int before, rc;

	if (vector >= c->vectors)
		return -EINVAL;
	before = c->event[vector];
	c->event[vector] = fd;
	rc = set_events(c);
	if (rc)
		c->event[vector] = before;
	return rc;
}

static int vfio_wait(void *state, unsigned int vector, int fd,
		     int64_t timeout_us)
{
	struct pollfd p = { .fd = vector == FANTAIL_NO_VECTOR ? -1 : fd,
			    .events = POLLIN };
	struct timespec t = { .tv_sec = timeout_us / 1000000,
			      .tv_nsec = timeout_us % 1000000 * 1000 };
	uint64_t fired;
	int n;

	(void)state;
	n = ppoll(&p, 1, timeout_us < 0 ? NULL : &t, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n && read(fd, &fired, sizeof(fired)) != sizeof(fired))
		return 0;
	return n;
}

const struct fantail_transport_ops fantail_transport_vfio = {
	.scheme = "vfio:",
	.open = vfio_open,
	.close = vfio_close,
	.reg_read32 = vfio_read32,
	.reg_write32 = vfio_write32,
	.dma_map = vfio_dma_map,
	.dma_unmap = vfio_dma_unmap,
	.irq_set_eventfd = vfio_irq,
	.wait = vfio_wait,
};
