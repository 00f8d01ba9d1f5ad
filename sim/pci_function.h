/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCI side of the card: configuration space with its capabilities, and
 * BAR2 with MSI-X table and pending bits. It holds what was written and says
 * what that asks for; it knows neither the engine nor how it was reached.
 *
 * Capabilities: power management, MSI-X, PCI Express (with function-level
 * reset). There is no extended capability.
 *
 * Interrupts leave through event descriptors, as VFIO does it, so that the
 * table's addresses and masks are kept but not used, and no bit is pending.
 */
#ifndef FANTAIL_PCI_FUNCTION_H
#define FANTAIL_PCI_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_BYTES 4096u
#define PCI_HEADER_BYTES 256u /* the part that is not all zero */
#define PCI_VECTORS_MAX	 32u

struct pci_function {
	uint8_t config[PCI_HEADER_BYTES];
	uint8_t initial[PCI_HEADER_BYTES];  /* after a reset */
	uint8_t writable[PCI_HEADER_BYTES]; /* bits */
	uint8_t table[16 * PCI_VECTORS_MAX];
	unsigned int vectors;
};

/* What a write to the configuration space asks for. */
#define PCI_ASKS_RESET 0x1u /* function-level reset */
#define PCI_ASKS_POWER 0x2u /* memory or bus mastering may have changed */

/*
 * pci_function_init() - as after power-up
 * @vectors: 1..PCI_VECTORS_MAX
 * @gen, @lanes: the link, 1..5 and 1, 2, 4, 8 or 16
 * @mps: largest payload that the link model takes, 128..512 bytes
 */
void pci_function_init(struct pci_function *fn, unsigned int vectors,
		       unsigned int gen, unsigned int lanes, unsigned int mps);

/* Back to the values of power-up; BARs included. */
void pci_function_reset(struct pci_function *fn);

/*
 * Any range inside PCI_CONFIG_BYTES; the caller has checked it. The write
 * returns what it asks for (PCI_ASKS_).
 */
void pci_config_read(const struct pci_function *fn, size_t offset, void *data,
		     size_t count);
unsigned int pci_config_write(struct pci_function *fn, size_t offset,
			      const void *data, size_t count);

/* Any range inside BAR2; the caller has checked it. */
void pci_bar2_read(const struct pci_function *fn, size_t offset, void *data,
		   size_t count);
void pci_bar2_write(struct pci_function *fn, size_t offset, const void *data,
		    size_t count);

/* Do BARs answer? (memory space on, power state D0) */
bool pci_memory_on(const struct pci_function *fn);

/* May DMA and interrupts leave? (bus master on, power state D0) */
bool pci_master_on(const struct pci_function *fn);

#endif /* FANTAIL_PCI_FUNCTION_H */
