/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for the kernel's VFIO: what the driver opens and the calls it
 * makes, judged by structure and order. A call out of order, with a wrong
 * size, or on the wrong descriptor is written into fault, and refused.
 */
#ifndef TESTS_FAKE_VFIO_H
#define TESTS_FAKE_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

#define FAKE_MAPS    8
#define FAKE_VECTORS 3

struct fake_map {
	uint64_t va, iova, bytes;
	uint32_t rights; /* 1 the card may read, 2 write */
};

struct fake_vfio {
	/* what the kernel is like */
	bool has_iommu_node;
	bool not_viable;
	bool group_busy;
	uint64_t aperture_last; /* 0: it does not say */
	uint32_t entries;	/* mappings left, with known_entries */
	bool known_entries;
	int map_error; /* errno of the next mapping, 0 none */
	/* what happened */
	char log[1024];	 /* calls in order, blanks between */
	char fault[160]; /* first offence */
	bool container, group, node, device; /* open */
	bool in_container, has_iommu, bound, attached;
	int resets;
	uint16_t command; /* of the configuration space */
	int event[FAKE_VECTORS];
	unsigned int events; /* vectors that are on */
	struct fake_map map[FAKE_MAPS];
	unsigned int maps;
	uint32_t bar0[16384];
	bool bar0_mapped;
};

/* One kernel at a time, new. */
struct fake_vfio *fake_vfio_new(void);

extern const struct fantail_vfio_sys fake_vfio_sys;

#endif /* TESTS_FAKE_VFIO_H */
