/* SPDX-License-Identifier: Apache-2.0 */
/* Finding cards on this machine's PCI buses. */
#ifndef FANTAIL_DRIVER_PCI_H
#define FANTAIL_DRIVER_PCI_H

#include <stdint.h>

struct fantail_pci_card {
	char address[16]; /* "0000:03:00.0" */
	uint64_t bar0_bytes;
	int iommu_group; /* -1: none, the IOMMU is off */
	int vfio_device; /* N of /dev/vfio/devices/vfioN, -1: none */
	char driver[32]; /* kernel driver bound to it, "" none */
};

/**
 * fantail_pci_find - a card by its address
 * @address: "DDDD:BB:DD.F" or "BB:DD.F", hexadecimal
 * @card: filled on success
 *
 * Returns 0; -EINVAL: no such form; -ENODEV: nothing is there, or no Fantail
 * card; or what libpciaccess gave. fantail_driver_why() says more.
 */
int fantail_pci_find(const char *address, struct fantail_pci_card *card);

/**
 * fantail_pci_list - all cards of this machine
 * @cards: room for @max cards
 *
 * Returns how many there are, which may be more than @max, or -errno.
 */
int fantail_pci_list(struct fantail_pci_card *cards, int max);

#endif /* FANTAIL_DRIVER_PCI_H */
