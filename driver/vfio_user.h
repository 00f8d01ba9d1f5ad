/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire of vfio-user, as QEMU's docs/interop/vfio-user.rst has it: what
 * the driver's transport and the simulator's server share. Host byte order;
 * a UNIX stream socket; descriptors travel with a message's first byte.
 */
#ifndef FANTAIL_VFIO_USER_H
#define FANTAIL_VFIO_USER_H

#include <stdint.h>

#define VFU_MAJOR 0u
#define VFU_MINOR 0u

struct vfu_header {
	uint16_t id; /* the sender's; a reply repeats it */
	uint16_t command;
	uint32_t size; /* of the message, header included */
	uint32_t flags;
	uint32_t error; /* positive errno, with VFU_ERROR */
};

#define VFU_TYPE_MASK 0xfu
#define VFU_COMMAND   0x0u
#define VFU_REPLY     0x1u
#define VFU_NO_REPLY  0x10u /* nobody waits for an answer */
#define VFU_ERROR     0x20u /* the reply is the header alone */

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_DEVICE_GET_INFO = 4,
	VFU_GET_REGION_INFO = 5,
	VFU_GET_REGION_IO_FDS = 6,
	VFU_GET_IRQ_INFO = 7,
	VFU_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,  /* from the server */
	VFU_DMA_WRITE = 12, /* from the server */
	VFU_DEVICE_RESET = 13,
	VFU_REGION_WRITE_MULTI = 15,
};

/* Behind it JSON text with its NUL, or nothing. */
struct vfu_version {
	uint16_t major;
	uint16_t minor;
};

struct vfu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the descriptor */
	uint64_t iova;
	uint64_t size;
};

#define VFU_MAP_READ  0x1u
#define VFU_MAP_WRITE 0x2u

struct vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
};

#define VFU_UNMAP_ALL 0x2u /* iova and size are 0 */

struct vfu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t regions;
	uint32_t irqs;
};

#define VFU_DEVICE_RESETS 0x1u
#define VFU_DEVICE_PCI	  0x2u

struct vfu_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

#define VFU_REGION_READABLE 0x1u
#define VFU_REGION_WRITABLE 0x2u

enum vfu_region {
	VFU_REGION_BAR0 = 0,
	VFU_REGION_BAR2 = 2,
	VFU_REGION_CONFIG = 7,
	VFU_REGIONS = 9,
};

struct vfu_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

#define VFU_IRQ_EVENTFD	 0x1u
#define VFU_IRQ_NORESIZE 0x8u

enum vfu_irq {
	VFU_IRQ_INTX = 0,
	VFU_IRQ_MSI = 1,
	VFU_IRQ_MSIX = 2,
	VFU_IRQS = 5,
};

/* Behind it one byte for each vector with VFU_IRQ_DATA_BOOL. */
struct vfu_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};

#define VFU_IRQ_DATA_NONE    0x1u
#define VFU_IRQ_DATA_BOOL    0x2u
#define VFU_IRQ_DATA_EVENTFD 0x4u
#define VFU_IRQ_DATA_MASK    0x7u
#define VFU_IRQ_MASK	     0x8u
#define VFU_IRQ_UNMASK	     0x10u
#define VFU_IRQ_TRIGGER	     0x20u

/* Data follows in a write, and in the answer to a read. */
struct vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* Data follows in a write, and in the answer to a read. */
struct vfu_dma_access {
	uint64_t address;
	uint64_t count;
};

_Static_assert(sizeof(struct vfu_header) == 16, "wire");
_Static_assert(sizeof(struct vfu_version) == 4, "wire");
_Static_assert(sizeof(struct vfu_dma_map) == 32, "wire");
_Static_assert(sizeof(struct vfu_dma_unmap) == 24, "wire");
_Static_assert(sizeof(struct vfu_device_info) == 16, "wire");
_Static_assert(sizeof(struct vfu_region_info) == 32, "wire");
_Static_assert(sizeof(struct vfu_irq_info) == 16, "wire");
_Static_assert(sizeof(struct vfu_irq_set) == 20, "wire");
_Static_assert(sizeof(struct vfu_region_access) == 16, "wire");
_Static_assert(sizeof(struct vfu_dma_access) == 16, "wire");

#endif /* FANTAIL_VFIO_USER_H */
