/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registered memory with a kernel and an IOMMU: huge pages when there are
 * some, and the name of the limit that a mapping has hit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device.h"
#include "guest.h"

enum {
	MIB = 1 << 20,
	PAGE = 4096,
	MAPPINGS = 512, /* more than init.sh allows */
	NOBODY = 65534,
	LOCKED = 65536,
};

#define NOWHERE (1ull << 60) /* no IOMMU translates so much */

static long free_huge_pages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/"
			"free_hugepages",
			"re");
	char line[32] = "";

	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return strtol(line, NULL, 10);
}

/* The card reads @mem from the last page on: is it all there? */
static bool card_reads(struct fantail_dev *dev, const struct fantail_mem *mem)
{
	union fantail_record rec = { 0 };
	struct fantail_entry *e;
	struct fantail_qp *qp;
	bool good = false;

	if (fantail_qp_open(dev, 0, NULL, &qp))
		return false;
	e = fantail_sq_get(qp, FANTAIL_RING_DATA);
	e->op = FANTAIL_OP_PUBLISH;
	e->flags = FANTAIL_FLAG_LAST | FANTAIL_FLAG_GROUP;
	e->addr = mem->iova + mem->bytes - PAGE;
	e->len = PAGE;
	if (fantail_qp_submit(qp) == 1 && fantail_qp_wait(qp, 10000000) == 1 &&
	    fantail_qp_poll(qp, &rec, 1) == 1)
		good = rec.type == FANTAIL_REC_BATCH && !rec.batch.refused &&
		       rec.batch.bytes == PAGE;
	fantail_qp_close(qp);
	return good;
}

static void huge_pages(struct fantail_dev *dev)
{
	struct fantail_mem some = { 0 }, more = { 0 };
	long before = free_huge_pages(), with, without;
	bool reads;

	if (!tell(before > 0 && !fantail_dma_alloc(dev, 4 * MIB - PAGE,
						   FANTAIL_DMA_READ, &some),
		  "mapped where huge pages are free"))
		return;
	with = before - free_huge_pages();
	reads = card_reads(dev, &some);
	printf("# %ld huge pages were free, %ld taken for %zu bytes\n", before,
	       with, some.bytes);
	tell(with == 2 && some.bytes == 4 * MIB && some.iova % (2 * MIB) == 0 &&
		     reads,
	     "huge pages when there are some");
	/* more than are left */
	if (!tell(!fantail_dma_alloc(dev, (size_t)before * 2 * MIB,
				     FANTAIL_DMA_READ, &more),
		  "mapped where too few are free"))
		return;
	without = before - with - free_huge_pages();
	tell(!without && card_reads(dev, &more),
	     "ordinary pages when there are too few");
	fantail_dma_free(dev, &more);
	fantail_dma_free(dev, &some);
	tell(free_huge_pages() == before, "huge pages given back");
}

static void limit(int rc, const char *word, const char *name)
{
	printf("# %s\n", fantail_driver_why());
	tell(rc < 0 && strstr(fantail_driver_why(), word), name);
}

static void aperture(struct fantail_dev *dev)
{
	static uint8_t page[PAGE] __attribute__((aligned(PAGE)));

	limit(dev->ops->dma_map(dev->state, page, -1, NOWHERE, PAGE,
				FANTAIL_DMA_READ),
	      "aperture", "a mapping error names the aperture");
}

static void entries(struct fantail_dev *dev)
{
	static struct fantail_mem mem[MAPPINGS];
	int n, rc = 0;

	for (n = 0; !rc && n < MAPPINGS; n++)
		rc = fantail_dma_alloc(dev, PAGE, FANTAIL_DMA_READ, &mem[n]);
	printf("# %d mappings\n", n - (rc != 0));
	limit(rc, "dma_entry_limit", "a mapping error names the entries");
	while (n--)
		fantail_dma_free(dev, &mem[n]);
}

/* As a user whom the limit holds. */
static void locked(struct fantail_dev *dev)
{
	const struct rlimit little = { LOCKED, LOCKED };
	struct fantail_mem mem = { 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &little) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		perror("# limit");
	limit(fantail_dma_alloc(dev, 2 * LOCKED, FANTAIL_DMA_READ, &mem),
	      "may be locked", "a mapping error names locked memory");
}

void memory(const char *uri)
{
	struct fantail_dev *dev = NULL;

	if (!tell(!fantail_dev_open(uri, NULL, &dev), "device opened"))
		return;
	huge_pages(dev);
	aperture(dev);
	/* the container counts mappings; iommufd has no such limit */
	if (!strstr(uri, "=iommufd"))
		entries(dev);
	locked(dev);
	fantail_dev_close(dev);
}
