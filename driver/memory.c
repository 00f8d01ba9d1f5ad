/* SPDX-License-Identifier: Apache-2.0 */
/* Registered memory: whole pages, IOVAs chosen here, a gap behind each. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "why.h"

#define PAGE	  4096ull
/* Above 4 GiB, so that a lost upper address word shows at once. */
#define IOVA_BASE 0x100000000ull
#define IOVA_END  (1ull << 39) /* what every IOMMU can translate */

/*
 * Pages of a file in memory, so that a card in another process can map them,
 * too. Zeroed. Return: the file's descriptor or -errno.
 */
static int alloc_pages(size_t bytes, void **va)
{
	int fd = memfd_create("fantail", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) < 0)
		goto fail;
	*va = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*va != MAP_FAILED)
		return fd;
fail:
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
	int fd, rc;

	fantail_why(0, "%s", "");
	if (!bytes || bytes > IOVA_END - IOVA_BASE ||
	    !(flags & (FANTAIL_DMA_READ | FANTAIL_DMA_WRITE)) ||
	    flags & ~(FANTAIL_DMA_READ | FANTAIL_DMA_WRITE |
		      FANTAIL_DMA_PAYLOAD | FANTAIL_DMA_QP_MASK) ||
	    (flags & FANTAIL_DMA_QP_MASK) >
		    FANTAIL_DMA_QP(dev->limits.queue_pairs - 1))
		return -EINVAL;
	bytes = (bytes + PAGE - 1) & ~(PAGE - 1);

	/* First hole that holds the region and its gap. */
	while (*at && iova + bytes + PAGE > (*at)->mem.iova) {
		iova = (*at)->mem.iova + (*at)->mem.bytes + PAGE;
		at = &(*at)->next;
	}
	if (iova + bytes + PAGE > IOVA_END)
		return -ENOMEM;

	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->mem.iova = iova;
	region->mem.bytes = bytes;
	fd = alloc_pages(bytes, &region->mem.va);
	if (fd < 0) {
		rc = fd;
		goto err_free;
	}
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
