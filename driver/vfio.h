/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card through the kernel's VFIO: one function for each of its two ways to
 * get a device descriptor and an address space, the group in a container
 * (every kernel) and the device node with iommufd (Linux 6.6 and newer).
 */
#ifndef FANTAIL_VFIO_H
#define FANTAIL_VFIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fantail_pci_card;

/* System calls, results as theirs; tests have a stand-in. */
struct fantail_vfio_sys {
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	void *(*mmap)(void *va, size_t bytes, int prot, int flags, int fd,
		      off_t offset);
	int (*munmap)(void *va, size_t bytes);
	ssize_t (*pread)(int fd, void *buf, size_t bytes, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buf, size_t bytes, off_t offset);
};

extern const struct fantail_vfio_sys fantail_vfio_system;

#define FANTAIL_VFIO_RANGES 32

/* The address space that the card sees. */
struct fantail_vfio_space {
	const struct fantail_vfio_sys *sys;
	const struct fantail_vfio_iommu *iommu;
	int fd;	       /* container or /dev/iommu, -1: none */
	int group;     /* its descriptor, -1: none */
	int device;    /* -1: none */
	uint32_t ioas; /* iommufd: the address space */
	/* what may be mapped, 0 ranges: the kernel does not say */
	unsigned int ranges;
	uint64_t first[FANTAIL_VFIO_RANGES], last[FANTAIL_VFIO_RANGES];
	uint32_t left; /* mappings the kernel still allows, if it says so */
	int left_known;
};

struct fantail_vfio_iommu {
	const char *name; /* as in "vfio:...?iommu=group" */
	/* Device descriptor and address space, or -errno and a why. */
	int (*attach)(struct fantail_vfio_space *space,
		      const struct fantail_pci_card *card);
	/* 0 or -errno as the kernel gave. @flags as of transport.h. */
	int (*map)(struct fantail_vfio_space *space, void *va, uint64_t iova,
		   size_t bytes, unsigned int flags);
	int (*unmap)(struct fantail_vfio_space *space, uint64_t iova,
		     size_t bytes);
};

extern const struct fantail_vfio_iommu fantail_vfio_group;
extern const struct fantail_vfio_iommu fantail_vfio_iommufd;

/* Close whatever is open in @space. */
void fantail_vfio_detach(struct fantail_vfio_space *space);

/**
 * fantail_vfio_open - attach to a card and map its registers
 * @sys: system calls
 * @card: as found by fantail_pci_find()
 * @iommu: "group", "iommufd", or NULL: the device node where the system
 *	offers it, else the group
 * @state: for the transport, written only on success
 */
int fantail_vfio_open(const struct fantail_vfio_sys *sys,
		      const struct fantail_pci_card *card, const char *iommu,
		      void **state);

#endif /* FANTAIL_VFIO_H */
