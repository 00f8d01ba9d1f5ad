/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver needs of the kernel's VFIO device nodes and of iommufd
 * (Linux 6.6 and newer) and Debian 12's headers do not have. Numbers and
 * layouts are those of Documentation/userspace-api/iommufd.rst and vfio.rst;
 * only calls that the driver makes are here.
 */
#ifndef FANTAIL_VFIO_UAPI_H
#define FANTAIL_VFIO_UAPI_H

#include <linux/ioctl.h>
#include <stdint.h>

#define FANTAIL_UAPI_TYPE ';'

/* On /dev/vfio/devices/vfioN. */
#define FANTAIL_VFIO_BIND_IOMMUFD _IO(FANTAIL_UAPI_TYPE, 118)
struct fantail_vfio_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};

#define FANTAIL_VFIO_ATTACH _IO(FANTAIL_UAPI_TYPE, 119)
struct fantail_vfio_attach {
	uint32_t argsz, flags;
	uint32_t pt_id; /* of an address space */
};

/* On /dev/iommu. */
#define FANTAIL_IOAS_ALLOC _IO(FANTAIL_UAPI_TYPE, 0x81)
struct fantail_ioas_alloc {
	uint32_t size, flags;
	uint32_t out_ioas_id;
};

struct fantail_iova_range {
	uint64_t start, last;
};

#define FANTAIL_IOAS_IOVA_RANGES _IO(FANTAIL_UAPI_TYPE, 0x84)
struct fantail_ioas_iova_ranges {
	uint32_t size, ioas_id;
	uint32_t num_iovas, reserved;
	uint64_t allowed_iovas; /* pointer to struct fantail_iova_range */
	uint64_t out_iova_alignment;
};

#define FANTAIL_IOAS_MAP	   _IO(FANTAIL_UAPI_TYPE, 0x85)
#define FANTAIL_IOAS_MAP_FIXED	   0x1u
#define FANTAIL_IOAS_MAP_WRITEABLE 0x2u
#define FANTAIL_IOAS_MAP_READABLE  0x4u
struct fantail_ioas_map {
	uint32_t size, flags;
	uint32_t ioas_id, reserved;
	uint64_t user_va, length, iova;
};

#define FANTAIL_IOAS_UNMAP _IO(FANTAIL_UAPI_TYPE, 0x86)
struct fantail_ioas_unmap {
	uint32_t size, ioas_id;
	uint64_t iova, length;
};

_Static_assert(sizeof(struct fantail_vfio_bind) == 16, "as the kernel's");
_Static_assert(sizeof(struct fantail_vfio_attach) == 12, "as the kernel's");
_Static_assert(sizeof(struct fantail_ioas_alloc) == 12, "as the kernel's");
_Static_assert(sizeof(struct fantail_ioas_iova_ranges) == 32,
	       "as the kernel's");
_Static_assert(sizeof(struct fantail_ioas_map) == 40, "as the kernel's");
_Static_assert(sizeof(struct fantail_ioas_unmap) == 24, "as the kernel's");

#endif /* FANTAIL_VFIO_UAPI_H */
