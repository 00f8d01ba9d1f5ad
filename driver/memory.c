/* SPDX-License-Identifier: Apache-2.0 */
/* Registered memory: whole pages, IOVAs chosen here, a gap behind each. */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "why.h"

#define PAGE	  4096ull
#define HUGE_PAGE (2ull << 20)
/* Above 4 GiB, so that a lost upper address word shows at once. */
#define IOVA_BASE 0x100000000ull
#define IOVA_END  (1ull << 39) /* what every IOMMU can translate */

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

/* Return: descriptor of a file in memory, which has its pages, or -errno. */
static int alloc_file(size_t bytes, unsigned int flags)
{
	int fd = memfd_create("fantail", MFD_CLOEXEC | flags);
	int rc;

	if (fd < 0)
		return -errno;
	/* pages that cannot be had shall be missed here, not when touched */
	do
		rc = fallocate(fd, 0, 0, (off_t)bytes) ? -errno : 0;
	while (rc == -EINTR);
	if (!rc)
		return fd;
	close(fd);
	return rc == -ENOSPC ? -ENOMEM : rc;
}

/*
 * Pages of a file in memory, so that a card in another process can map them,
 * too. Zeroed. Huge ones if @bytes fill one and so many are free; @bytes
 * becomes what they hold. Return: the file's descriptor or -errno.
 */
static int alloc_pages(size_t *bytes, void **va)
{
	size_t huge = round_up(*bytes, HUGE_PAGE);
	int fd = -ENOMEM, rc;

	if (*bytes >= HUGE_PAGE)
		fd = alloc_file(huge, MFD_HUGETLB | MFD_HUGE_2MB);
	if (fd >= 0)
		*bytes = huge;
	else
		fd = alloc_file(*bytes, 0);
	if (fd < 0)
		return fd;
	/* the pages are there: nobody shall find them one fault at a time */
	*va = mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, fd, 0);
	if (*va != MAP_FAILED)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int fantail_dma_alloc(struct fantail_dev *dev, size_t bytes, unsigned int flags,
		      struct fantail_mem *mem)
{
	struct fantail_region **at = &dev->regions;
	struct fantail_region *region;
	uint64_t iova = IOVA_BASE;
	size_t unit, room;
	int fd, rc;

	fantail_why(0, "%s", "");
	if (!bytes || bytes > IOVA_END - IOVA_BASE ||
	    !(flags & (FANTAIL_DMA_READ | FANTAIL_DMA_WRITE)) ||
	    flags & ~(FANTAIL_DMA_READ | FANTAIL_DMA_WRITE |
		      FANTAIL_DMA_PAYLOAD | FANTAIL_DMA_QP_MASK) ||
	    (flags & FANTAIL_DMA_QP_MASK) >
		    FANTAIL_DMA_QP(dev->limits.queue_pairs - 1))
		return -EINVAL;
	bytes = round_up(bytes, PAGE);

	/*
	 * First hole that holds the region and its gap. An IOMMU can map a
	 * huge page as one where it is aligned both ways.
	 */
	unit = bytes < HUGE_PAGE ? PAGE : HUGE_PAGE;
	room = round_up(bytes, unit) + PAGE;
	while (*at && iova + room > (*at)->mem.iova) {
		iova = (*at)->mem.iova + (*at)->mem.bytes + PAGE;
		iova = round_up(iova, unit);
		at = &(*at)->next;
	}
	if (iova + room > IOVA_END)
		return -ENOMEM;

	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	fd = alloc_pages(&bytes, &region->mem.va);
	if (fd < 0) {
		rc = fd;
		goto err_free;
	}
	region->mem.iova = iova;
	region->mem.bytes = bytes;
	rc = dev->ops->dma_map(dev->state, region->mem.va, fd, iova, bytes,
			       flags);
	/* the mapping holds the pages */
	close(fd);
	if (rc)
		goto err_unmap;
	region->next = *at;
	*at = region;
	*mem = region->mem;
	return 0;

err_unmap:
	munmap(region->mem.va, bytes);
err_free:
	free(region);
	return rc;
}

void fantail_dma_free(struct fantail_dev *dev, struct fantail_mem *mem)
{
	struct fantail_region **at;

	for (at = &dev->regions; *at; at = &(*at)->next) {
		struct fantail_region *region = *at;

		if (region->mem.iova != mem->iova || !mem->bytes)
			continue;
		*at = region->next;
		/*
		 * If the card keeps the mapping, leaking the pages is the
		 * only safe thing: it may still write to them.
		 */
		if (!dev->ops->dma_unmap(dev->state, region->mem.iova,
					 region->mem.bytes))
			munmap(region->mem.va, region->mem.bytes);
		free(region);
		break;
	}
	memset(mem, 0, sizeof(*mem));
}
