/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "transport.h"
#include "vfio_uapi.h"

enum {
	CONTAINER_FD = 100,
	GROUP_FD,
	IOMMU_FD,
	DEVICE_FD,
	IOAS = 7,
	DEVID = 9,
	CONFIG_AT = 0x70000,
};

static struct fake_vfio k;

struct fake_vfio *fake_vfio_new(void)
{
	int i;

	memset(&k, 0, sizeof(k));
	for (i = 0; i < FAKE_VECTORS; i++)
		k.event[i] = -1;
	return &k;
}

static void note(const char *what)
{
	size_t used = strlen(k.log);

	snprintf(k.log + used, sizeof(k.log) - used, "%s%s", used ? " " : "",
		 what);
}

static int offence(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int offence(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!k.fault[0])
		vsnprintf(k.fault, sizeof(k.fault), fmt, args);
	va_end(args);
	errno = EINVAL;
	return -1;
}

static int fail(int code)
{
	errno = code;
	return -1;
}

static int fake_open(const char *path, int flags)
{
	if ((flags & O_ACCMODE) != O_RDWR)
		return offence("%s is not opened for writing", path);
	note(path);
	if (!strcmp(path, "/dev/vfio/vfio")) {
		k.container = true;
		return CONTAINER_FD;
	}
	if (!strcmp(path, "/dev/vfio/12")) {
		if (k.group_busy)
			return fail(EBUSY);
		k.group = true;
		return GROUP_FD;
	}
	if (!strcmp(path, "/dev/iommu")) {
		if (!k.has_iommu_node)
			return fail(ENOENT);
		k.node = true;
		return IOMMU_FD;
	}
	if (!strcmp(path, "/dev/vfio/devices/vfio3")) {
		k.device = true;
		return DEVICE_FD;
	}
	return fail(ENOENT);
}

static int fake_close(int fd)
{
	bool *open = fd == CONTAINER_FD ? &k.container
		     : fd == GROUP_FD	? &k.group
		     : fd == IOMMU_FD	? &k.node
		     : fd == DEVICE_FD	? &k.device
					: NULL;

	if (!open || !*open)
		return offence("close of %d, which is not open", fd);
	*open = false;
	return 0;
}

/* ------------------------------------------------------------ mappings */

static int add_map(uint64_t va, uint64_t iova, uint64_t bytes, uint32_t rights)
{
	unsigned int i;

	note("map");
	if (k.map_error)
		return fail(k.map_error);
	if (k.known_entries && !k.entries)
		return fail(ENOSPC);
	if (!rights || !bytes || (va | iova | bytes) & 4095)
		return offence("mapping of pages: 0x%llx, 0x%llx, 0x%llx",
			       (unsigned long long)va, (unsigned long long)iova,
			       (unsigned long long)bytes);
	for (i = 0; i < k.maps; i++)
		if (iova < k.map[i].iova + k.map[i].bytes &&
		    k.map[i].iova < iova + bytes)
			return fail(EEXIST);
	if (k.maps == FAKE_MAPS)
		return fail(ENOSPC);
	k.map[k.maps++] = (struct fake_map){ va, iova, bytes, rights };
	k.entries--;
	return 0;
}

static int drop_map(uint64_t iova, uint64_t bytes)
{
	unsigned int i;

	note("unmap");
	for (i = 0; i < k.maps; i++) {
		if (k.map[i].iova != iova || k.map[i].bytes != bytes)
			continue;
		k.map[i] = k.map[--k.maps];
		k.entries++;
		return 0;
	}
	return fail(ENOENT);
}

/* -------------------------------------------------- group and container */

static int iommu_info(struct vfio_iommu_type1_info *info)
{
	struct {
		struct vfio_iommu_type1_info head;
		struct vfio_iommu_type1_info_cap_iova_range range;
		struct vfio_iova_range one;
		struct vfio_iommu_type1_info_dma_avail avail;
	} *all = (void *)info;
	uint32_t room = info->argsz;

	if (room < sizeof(*info))
		return offence("VFIO_IOMMU_GET_INFO: argsz %u", room);
	info->argsz = sizeof(*all);
	info->flags = VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = 0;
	if (room < sizeof(*all))
		return 0;
	info->cap_offset = offsetof(__typeof__(*all), range);
	all->range.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	all->range.header.next =
		k.known_entries ? offsetof(__typeof__(*all), avail) : 0;
	all->range.nr_iovas = k.aperture_last ? 1 : 0;
	all->one.start = 0;
	all->one.end = k.aperture_last;
	all->avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	all->avail.avail = k.entries;
	return 0;
}

static int container_call(unsigned long request, void *arg)
{
	struct vfio_iommu_type1_dma_map *m = arg;
	struct vfio_iommu_type1_dma_unmap *u = arg;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		note("iommu");
		if (!k.in_container || (uintptr_t)arg != VFIO_TYPE1v2_IOMMU)
			return offence("the IOMMU is set before the group");
		k.has_iommu = true;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return k.has_iommu ? iommu_info(arg)
				   : offence("information of no IOMMU");
	case VFIO_IOMMU_MAP_DMA:
		if (!k.has_iommu || m->argsz != sizeof(*m))
			return offence("mapping: argsz %u", m->argsz);
		return add_map(m->vaddr, m->iova, m->size,
			       m->flags & (VFIO_DMA_MAP_FLAG_READ |
					   VFIO_DMA_MAP_FLAG_WRITE));
	case VFIO_IOMMU_UNMAP_DMA:
		if (u->argsz != sizeof(*u) || u->flags)
			return offence("unmapping: argsz %u", u->argsz);
		return drop_map(u->iova, u->size);
	default:
		return offence("container: call 0x%lx", request);
	}
}

static int group_call(unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		if (status->argsz != sizeof(*status))
			return offence("status: argsz %u", status->argsz);
		status->flags = k.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		note("container");
		if (*(int *)arg != CONTAINER_FD || !k.container)
			return offence("not the container's descriptor");
		k.in_container = true;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		note("device");
		if (!k.has_iommu || strcmp(arg, "0000:03:00.0") != 0)
			return offence("device before the IOMMU, or of another "
				       "name");
		k.device = true;
		return DEVICE_FD;
	default:
		return offence("group: call 0x%lx", request);
	}
}

/* -------------------------------------------------------------- iommufd */

static int iommufd_call(unsigned long request, void *arg)
{
	struct fantail_ioas_alloc *alloc = arg;
	struct fantail_ioas_iova_ranges *ranges = arg;
	struct fantail_ioas_map *m = arg;
	struct fantail_ioas_unmap *u = arg;
	struct fantail_iova_range *range;

	switch (request) {
	case FANTAIL_IOAS_ALLOC:
		note("ioas");
		if (alloc->size != sizeof(*alloc) || alloc->flags || !k.bound)
			return offence("address space before bind");
		alloc->out_ioas_id = IOAS;
		return 0;
	case FANTAIL_IOAS_IOVA_RANGES:
		if (ranges->size != sizeof(*ranges) ||
		    ranges->ioas_id != IOAS || !k.attached)
			return offence("ranges before attach");
		range = (void *)(uintptr_t)ranges->allowed_iovas;
		if (ranges->num_iovas)
			*range = (struct fantail_iova_range){
				0,
				k.aperture_last ? k.aperture_last : UINT64_MAX
			};
		ranges->num_iovas = 1;
		return 0;
	case FANTAIL_IOAS_MAP:
		if (m->size != sizeof(*m) || m->ioas_id != IOAS ||
		    !(m->flags & FANTAIL_IOAS_MAP_FIXED) || !k.attached)
			return offence("mapping: flags %x", m->flags);
		return add_map(m->user_va, m->iova, m->length,
			       (m->flags & FANTAIL_IOAS_MAP_READABLE ? 1u : 0) |
				       (m->flags & FANTAIL_IOAS_MAP_WRITEABLE
						? 2u
						: 0));
	case FANTAIL_IOAS_UNMAP:
		if (u->size != sizeof(*u) || u->ioas_id != IOAS)
			return offence("unmapping: size %u", u->size);
		return drop_map(u->iova, u->length);
	default:
		return offence("iommufd: call 0x%lx", request);
	}
}

/* --------------------------------------------------------------- device */

static int region_info(struct vfio_region_info *info)
{
	if (info->argsz < sizeof(*info))
		return offence("region: argsz %u", info->argsz);
	switch (info->index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		info->size = sizeof(k.bar0);
		info->offset = 0;
		info->flags = VFIO_REGION_INFO_FLAG_MMAP;
		return 0;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		info->size = 4096;
		info->offset = CONFIG_AT;
		return 0;
	default:
		return offence("region %u", info->index);
	}
}

static int set_irqs(const struct vfio_irq_set *set)
{
	const uint32_t none = VFIO_IRQ_SET_ACTION_TRIGGER |
			      VFIO_IRQ_SET_DATA_NONE;
	const uint32_t events = VFIO_IRQ_SET_ACTION_TRIGGER |
				VFIO_IRQ_SET_DATA_EVENTFD;
	unsigned int i;

	note("irqs");
	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX || set->start)
		return offence("interrupts: index %u", set->index);
	if (set->flags == none && !set->count) {
		for (i = 0; i < FAKE_VECTORS; i++)
			k.event[i] = -1;
		k.events = 0;
		return 0;
	}
	if (set->flags != events || set->count > FAKE_VECTORS ||
	    set->argsz != sizeof(*set) + set->count * sizeof(int))
		return offence("interrupts: flags %x, argsz %u", set->flags,
			       set->argsz);
	/* as kernels before 6.5: what is on cannot grow */
	if (k.events && set->count > k.events)
		return offence("MSI-X grows from %u vectors", k.events);
	k.events = set->count;
	memcpy(k.event, set->data, set->count * sizeof(int));
	return 0;
}

static int device_call(unsigned long request, void *arg)
{
	struct vfio_device_info *info = arg;
	struct vfio_irq_info *irq = arg;
	struct fantail_vfio_bind *bind = arg;
	struct fantail_vfio_attach *attach = arg;

	switch (request) {
	case FANTAIL_VFIO_BIND_IOMMUFD:
		note("bind");
		if (bind->argsz != sizeof(*bind) || bind->iommufd != IOMMU_FD)
			return offence("bind to %d", bind->iommufd);
		k.bound = true;
		bind->out_devid = DEVID;
		return 0;
	case FANTAIL_VFIO_ATTACH:
		note("attach");
		if (attach->argsz != sizeof(*attach) || attach->pt_id != IOAS)
			return offence("attach to %u", attach->pt_id);
		k.attached = true;
		return 0;
	case VFIO_DEVICE_GET_INFO:
		if (info->argsz < offsetof(struct vfio_device_info, cap_offset))
			return offence("device: argsz %u", info->argsz);
		info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		info->num_regions = VFIO_PCI_NUM_REGIONS;
		info->num_irqs = VFIO_PCI_NUM_IRQS;
		return 0;
	case VFIO_DEVICE_RESET:
		note("reset");
		k.resets++;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		if (irq->argsz != sizeof(*irq))
			return offence("interrupts: argsz %u", irq->argsz);
		irq->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
		irq->count = FAKE_VECTORS;
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	default:
		return offence("device: call 0x%lx", request);
	}
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	switch (fd) {
	case CONTAINER_FD:
		return container_call(request, arg);
	case GROUP_FD:
		return group_call(request, arg);
	case IOMMU_FD:
		return iommufd_call(request, arg);
	case DEVICE_FD:
		if (!k.has_iommu && !k.attached &&
		    request != FANTAIL_VFIO_BIND_IOMMUFD &&
		    request != FANTAIL_VFIO_ATTACH)
			return offence("the device is used without an IOMMU");
		return device_call(request, arg);
	default:
		return offence("a call on descriptor %d", fd);
	}
}

static void *fake_mmap(void *va, size_t bytes, int prot, int flags, int fd,
		       off_t offset)
{
	note("mmap");
	if (va || fd != DEVICE_FD || offset || bytes != sizeof(k.bar0) ||
	    prot != (PROT_READ | PROT_WRITE) || flags != MAP_SHARED ||
	    !(k.command & 2)) {
		offence("BAR0 is mapped wrongly, or before memory is on");
		return MAP_FAILED;
	}
	k.bar0_mapped = true;
	return k.bar0;
}

static int fake_munmap(void *va, size_t bytes)
{
	if (va != k.bar0 || bytes != sizeof(k.bar0))
		return offence("munmap of something else");
	k.bar0_mapped = false;
	return 0;
}

static ssize_t fake_pread(int fd, void *buf, size_t bytes, off_t offset)
{
	if (fd != DEVICE_FD || offset != CONFIG_AT + 4 || bytes != 2)
		return offence("read of configuration space at 0x%llx",
			       (unsigned long long)offset);
	memcpy(buf, &k.command, 2);
	return 2;
}

static ssize_t fake_pwrite(int fd, const void *buf, size_t bytes, off_t offset)
{
	if (fd != DEVICE_FD || offset != CONFIG_AT + 4 || bytes != 2)
		return offence("write of configuration space at 0x%llx",
			       (unsigned long long)offset);
	memcpy(&k.command, buf, 2);
	return 2;
}

const struct fantail_vfio_sys fake_vfio_sys = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
	.pread = fake_pread,
	.pwrite = fake_pwrite,
};
