/* SPDX-License-Identifier: Apache-2.0 */
/* VFIO device nodes with iommufd: Documentation/userspace-api/iommufd.rst. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "pci.h"
#include "transport.h"
#include "vfio.h"
#include "vfio_uapi.h"
#include "why.h"

#define IOMMU "/dev/iommu"

static int read_ranges(struct fantail_vfio_space *s)
{
	struct fantail_iova_range range[FANTAIL_VFIO_RANGES] = { { 0 } };
	struct fantail_ioas_iova_ranges get = {
		.size = sizeof(get),
		.ioas_id = s->ioas,
		.num_iovas = FANTAIL_VFIO_RANGES,
		.allowed_iovas = (uintptr_t)range,
	};
	unsigned int i;

	/* with more ranges than these: -EMSGSIZE, and the first are there */
	if (s->sys->ioctl(s->fd, FANTAIL_IOAS_IOVA_RANGES, &get) &&
	    errno != EMSGSIZE)
		return fantail_why(-errno, IOMMU ": address ranges: %s",
				   strerror(errno));
	for (i = 0; i < get.num_iovas && i < FANTAIL_VFIO_RANGES; i++) {
		s->first[i] = range[i].start;
		s->last[i] = range[i].last;
	}
	s->ranges = i;
	return 0;
}

static int attach(struct fantail_vfio_space *s,
		  const struct fantail_pci_card *card)
{
	struct fantail_vfio_bind bind = { .argsz = sizeof(bind) };
	struct fantail_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct fantail_vfio_attach to = { .argsz = sizeof(to) };
	char path[64];

	if (card->vfio_device < 0)
		return fantail_why(-ENODEV,
				   "%s has no VFIO device node: bind it to "
				   "vfio-pci, on Linux 6.6 or newer",
				   card->address);
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d",
		 card->vfio_device);
	s->device = s->sys->open(path, O_RDWR);
	if (s->device < 0)
		return fantail_why(-errno, "%s: %s", path, strerror(errno));
	s->fd = s->sys->open(IOMMU, O_RDWR);
	if (s->fd < 0)
		return fantail_why(-errno, IOMMU ": %s%s", strerror(errno),
				   errno == ENOENT ? " (modprobe iommufd)"
						   : "");
	bind.iommufd = s->fd;
	if (s->sys->ioctl(s->device, FANTAIL_VFIO_BIND_IOMMUFD, &bind))
		return fantail_why(-errno, "%s: cannot bind to " IOMMU ": %s",
				   path, strerror(errno));
	if (s->sys->ioctl(s->fd, FANTAIL_IOAS_ALLOC, &alloc))
		return fantail_why(-errno, IOMMU ": no address space: %s",
				   strerror(errno));
	s->ioas = alloc.out_ioas_id;
	to.pt_id = s->ioas;
	if (s->sys->ioctl(s->device, FANTAIL_VFIO_ATTACH, &to))
		return fantail_why(-errno, "%s: cannot attach: %s", path,
				   strerror(errno));
	return read_ranges(s);
}

static int map(struct fantail_vfio_space *s, void *va, uint64_t iova,
	       size_t bytes, unsigned int flags)
{
	struct fantail_ioas_map m = {
		.size = sizeof(m),
		.flags = FANTAIL_IOAS_MAP_FIXED,
		.ioas_id = s->ioas,
		.user_va = (uintptr_t)va,
		.length = bytes,
		.iova = iova,
	};

	if (flags & FANTAIL_DMA_READ)
		m.flags |= FANTAIL_IOAS_MAP_READABLE;
	if (flags & FANTAIL_DMA_WRITE)
		m.flags |= FANTAIL_IOAS_MAP_WRITEABLE;
	return s->sys->ioctl(s->fd, FANTAIL_IOAS_MAP, &m) ? -errno : 0;
}

static int unmap(struct fantail_vfio_space *s, uint64_t iova, size_t bytes)
{
	struct fantail_ioas_unmap m = {
		.size = sizeof(m),
		.ioas_id = s->ioas,
		.iova = iova,
		.length = bytes,
	};

	return s->sys->ioctl(s->fd, FANTAIL_IOAS_UNMAP, &m) ? -errno : 0;
}

const struct fantail_vfio_iommu fantail_vfio_iommufd = {
	.name = "iommufd",
	.attach = attach,
	.map = map,
	.unmap = unmap,
};
