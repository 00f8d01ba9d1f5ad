/* SPDX-License-Identifier: Apache-2.0 */
/* The card as a PCI function: what simulator and driver must agree on. */
#ifndef FANTAIL_PCI_H
#define FANTAIL_PCI_H

/* No identifier is registered; this vendor number belongs to nobody. */
#define FANTAIL_PCI_VENDOR 0xfa17u
#define FANTAIL_PCI_DEVICE 0x0001u

#define FANTAIL_PCI_BAR0_BYTES 0x10000u /* registers */
#define FANTAIL_PCI_BAR2_BYTES 0x2000u	/* MSI-X table and PBA */
#define FANTAIL_PCI_MSIX_TABLE 0x0000u	/* offset in BAR2 */
#define FANTAIL_PCI_MSIX_PBA   0x1000u	/* offset in BAR2 */

/* Of the configuration space. */
#define FANTAIL_PCI_COMMAND	   0x04u
#define FANTAIL_PCI_COMMAND_MEMORY 0x2u /* BARs answer */
#define FANTAIL_PCI_COMMAND_MASTER 0x4u /* DMA and interrupts may leave */

#endif /* FANTAIL_PCI_H */
