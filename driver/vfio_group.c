/* SPDX-License-Identifier: Apache-2.0 */
/* VFIO groups in a container: Documentation/driver-api/vfio.rst. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"
#include "transport.h"
#include "vfio.h"
#include "why.h"

#define CONTAINER "/dev/vfio/vfio"

static int open_group(struct fantail_vfio_space *s,
		      const struct fantail_pci_card *card)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int rc;

	if (card->iommu_group < 0)
		return fantail_why(-ENODEV,
				   "%s has no IOMMU group: enable the IOMMU "
				   "(firmware, and intel_iommu=on)",
				   card->address);
	snprintf(path, sizeof(path), "/dev/vfio/%d", card->iommu_group);
	s->group = s->sys->open(path, O_RDWR);
	if (s->group < 0) {
		rc = -errno;
		if (rc == -ENOENT)
			return fantail_why(rc, "no %s: bind %s to vfio-pci",
					   path, card->address);
		return fantail_why(rc, "%s: %s%s", path, strerror(-rc),
				   rc == -EBUSY ? " (another process has it)"
						: "");
	}
	if (s->sys->ioctl(s->group, VFIO_GROUP_GET_STATUS, &status))
		return fantail_why(-errno, "%s: %s", path, strerror(errno));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return fantail_why(-EPERM,
				   "group %d is not viable: bind all its "
				   "devices to vfio-pci",
				   card->iommu_group);
	return 0;
}

/* The capabilities of VFIO_IOMMU_GET_INFO, checked against its size. */
static void read_info(struct fantail_vfio_space *s, const uint8_t *info,
		      uint32_t size, uint32_t at)
{
	const struct vfio_iommu_type1_info_cap_iova_range *ranges;
	const struct vfio_iommu_type1_info_dma_avail *avail;
	const struct vfio_info_cap_header *cap;
	uint32_t i, last = 0;

	while (at > last && at <= size - sizeof(*cap)) {
		cap = (const void *)(info + at);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
		    at <= size - sizeof(*ranges)) {
			ranges = (const void *)cap;
			for (i = 0;
			     i < ranges->nr_iovas && i < FANTAIL_VFIO_RANGES &&
			     at + sizeof(*ranges) +
					     (i + 1) *
						     sizeof(ranges->iova_ranges
								    [0]) <=
				     size;
			     i++) {
				s->first[i] = ranges->iova_ranges[i].start;
				s->last[i] = ranges->iova_ranges[i].end;
			}
			s->ranges = i;
		}
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL &&
		    at <= size - sizeof(*avail)) {
			avail = (const void *)cap;
			s->left = avail->avail;
			s->left_known = true;
		}
		last = at;
		at = cap->next;
	}
}

static int get_info(struct fantail_vfio_space *s)
{
	struct vfio_iommu_type1_info head = { .argsz = sizeof(head) };
	struct vfio_iommu_type1_info *info;
	uint32_t size;

	if (s->sys->ioctl(s->fd, VFIO_IOMMU_GET_INFO, &head))
		return fantail_why(-errno, "VFIO_IOMMU_GET_INFO: %s",
				   strerror(errno));
	size = head.argsz;
	if (size <= sizeof(head))
		return 0;
	info = calloc(1, size);
	if (!info)
		return -ENOMEM;
	info->argsz = size;
	if (!s->sys->ioctl(s->fd, VFIO_IOMMU_GET_INFO, info) &&
	    info->flags & VFIO_IOMMU_INFO_CAPS)
		read_info(s, (const uint8_t *)info, size, info->cap_offset);
	free(info);
	return 0;
}

static int attach(struct fantail_vfio_space *s,
		  const struct fantail_pci_card *card)
{
	char address[sizeof(card->address)];
	int rc;

	s->fd = s->sys->open(CONTAINER, O_RDWR);
	if (s->fd < 0)
		return fantail_why(-errno, CONTAINER ": %s%s", strerror(errno),
				   errno == ENOENT ? " (modprobe vfio-pci)"
						   : "");
	if (s->sys->ioctl(s->fd, VFIO_GET_API_VERSION, NULL) !=
	    VFIO_API_VERSION)
		return fantail_why(-EPROTO,
				   CONTAINER " has an unknown version");
	if (s->sys->ioctl(s->fd, VFIO_CHECK_EXTENSION,
			  (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU) != 1)
		return fantail_why(-ENOTSUP,
				   CONTAINER " has no type 1 IOMMU (modprobe "
					     "vfio_iommu_type1)");
	rc = open_group(s, card);
	if (rc)
		return rc;
	if (s->sys->ioctl(s->group, VFIO_GROUP_SET_CONTAINER, &s->fd))
		return fantail_why(-errno, "group %d: container: %s",
				   card->iommu_group, strerror(errno));
	if (s->sys->ioctl(s->fd, VFIO_SET_IOMMU,
			  (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU))
		return fantail_why(-errno, "group %d: type 1 IOMMU: %s",
				   card->iommu_group, strerror(errno));
	rc = get_info(s);
	if (rc)
		return rc;
	memcpy(address, card->address, sizeof(address));
	s->device = s->sys->ioctl(s->group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (s->device < 0)
		return fantail_why(-errno, "%s: no device in group %d: %s",
				   card->address, card->iommu_group,
				   strerror(errno));
	return 0;
}

static int map(struct fantail_vfio_space *s, void *va, uint64_t iova,
	       size_t bytes, unsigned int flags)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = sizeof(m),
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = bytes,
	};

	if (flags & FANTAIL_DMA_READ)
		m.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (flags & FANTAIL_DMA_WRITE)
		m.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return s->sys->ioctl(s->fd, VFIO_IOMMU_MAP_DMA, &m) ? -errno : 0;
}

static int unmap(struct fantail_vfio_space *s, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap m = {
		.argsz = sizeof(m),
		.iova = iova,
		.size = bytes,
	};

	if (s->sys->ioctl(s->fd, VFIO_IOMMU_UNMAP_DMA, &m))
		return -errno;
	return m.size == bytes ? 0 : -ENOENT;
}

const struct fantail_vfio_iommu fantail_vfio_group = {
	.name = "group",
	.attach = attach,
	.map = map,
	.unmap = unmap,
};
