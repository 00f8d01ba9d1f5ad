/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_function.h"

#include <string.h>

#include "fantail_pci.h"

/* Offsets of the header, and of what we have put where. */
enum {
	VENDOR = 0x00,
	DEVICE = 0x02,
	COMMAND = FANTAIL_PCI_COMMAND,
	STATUS = 0x06,
	REVISION = 0x08,
	CLASS = 0x09,
	CACHE_LINE = 0x0c,
	BAR0 = 0x10,
	BAR2 = 0x18,
	SUBSYSTEM_VENDOR = 0x2c,
	SUBSYSTEM = 0x2e,
	CAPABILITIES = 0x34,
	INTERRUPT_LINE = 0x3c,
	PM = 0x40,
	PM_STATE = PM + 4,
	MSIX = 0x50,
	PCIE = 0x60,
	PCIE_CONTROL = PCIE + 8,
};

#define COMMAND_BITS	(0x0400u | 0x0140u | 0x6u) /* INTx off, SERR, parity */
#define STATUS_CAPS	0x10u
#define BAR_64		0x4u
#define PM_NO_RESET	0x8u /* D3hot to D0 keeps everything */
#define MSIX_BITS	0xc000u
#define CAP_EXT_TAG	(1u << 5)
#define CAP_ROLE_ERRORS (1u << 15)
#define CAP_FLR		(1u << 28)
#define CONTROL_BITS	0x7fffu
#define CONTROL_FLR	0x8000u

static void put(uint8_t *to, size_t offset, uint64_t value, size_t bytes)
{
	/* configuration space is little-endian, whatever we are */
	for (size_t i = 0; i < bytes; i++)
		to[offset + i] = (uint8_t)(value >> 8 * i);
}

static void set(struct pci_function *fn, size_t offset, size_t bytes,
		uint64_t value, uint64_t writable)
{
	put(fn->initial, offset, value, bytes);
	put(fn->writable, offset, writable, bytes);
}

static void set_bar(struct pci_function *fn, size_t offset, uint64_t bytes)
{
	set(fn, offset, 8, BAR_64, ~(bytes - 1));
}

static void set_header(struct pci_function *fn)
{
	set(fn, VENDOR, 2, FANTAIL_PCI_VENDOR, 0);
	set(fn, DEVICE, 2, FANTAIL_PCI_DEVICE, 0);
	set(fn, COMMAND, 2, 0, COMMAND_BITS);
	set(fn, STATUS, 2, STATUS_CAPS, 0);
	set(fn, REVISION, 1, 1, 0);
	set(fn, CLASS, 3, 0x028000, 0); /* network controller, other */
	set(fn, CACHE_LINE, 1, 0, 0xff);
	set_bar(fn, BAR0, FANTAIL_PCI_BAR0_BYTES);
	set_bar(fn, BAR2, FANTAIL_PCI_BAR2_BYTES);
	set(fn, SUBSYSTEM_VENDOR, 2, FANTAIL_PCI_VENDOR, 0);
	set(fn, SUBSYSTEM, 2, FANTAIL_PCI_DEVICE, 0);
	set(fn, CAPABILITIES, 1, PM, 0);
	set(fn, INTERRUPT_LINE, 1, 0, 0xff); /* no pin, though */
}

static unsigned int log2_of(unsigned int n)
{
	return 31 - (unsigned int)__builtin_clz(n);
}

static void set_express(struct pci_function *fn, unsigned int gen,
			unsigned int lanes, unsigned int mps)
{
	set(fn, PCIE, 2, 0x10, 0);
	set(fn, PCIE + 2, 2, 2, 0); /* version 2, endpoint */
	set(fn, PCIE + 4, 4,
	    CAP_FLR | CAP_ROLE_ERRORS | CAP_EXT_TAG | (log2_of(mps) - 7), 0);
	/* read requests up to 512 bytes, relaxed ordering, no snoop */
	set(fn, PCIE_CONTROL, 2, 0x2810, CONTROL_BITS);
	set(fn, PCIE + 0x0c, 4, lanes << 4 | gen, 0);
	set(fn, PCIE + 0x10, 2, 0, 0x00c3);
	set(fn, PCIE + 0x12, 2, lanes << 4 | gen, 0);
	set(fn, PCIE + 0x28, 2, 0, 0x001f); /* device control 2 */
	set(fn, PCIE + 0x2c, 4, ((1u << gen) - 1) << 1, 0); /* speeds */
	set(fn, PCIE + 0x30, 2, gen, 0x000f);
}

void pci_function_init(struct pci_function *fn, unsigned int vectors,
		       unsigned int gen, unsigned int lanes, unsigned int mps)
{
	memset(fn, 0, sizeof(*fn));
	fn->vectors = vectors;
	set_header(fn);
	set(fn, PM, 2, MSIX << 8 | 0x01, 0);
	set(fn, PM + 2, 2, 3, 0); /* version 1.2 */
	set(fn, PM_STATE, 2, PM_NO_RESET, 0x3);
	set(fn, MSIX, 2, PCIE << 8 | 0x11, 0);
	set(fn, MSIX + 2, 2, vectors - 1, MSIX_BITS);
	set(fn, MSIX + 4, 4, FANTAIL_PCI_MSIX_TABLE | 2, 0);
	set(fn, MSIX + 8, 4, FANTAIL_PCI_MSIX_PBA | 2, 0);
	set_express(fn, gen, lanes, mps);
	pci_function_reset(fn);
}

void pci_function_reset(struct pci_function *fn)
{
	memcpy(fn->config, fn->initial, sizeof(fn->config));
	memset(fn->table, 0, sizeof(fn->table));
	for (unsigned int v = 0; v < fn->vectors; v++)
		fn->table[16 * v + 12] = 1; /* masked */
}

void pci_config_read(const struct pci_function *fn, size_t offset, void *data,
		     size_t count)
{
	uint8_t *to = data;

	for (size_t i = 0; i < count; i++)
		to[i] = offset + i < PCI_HEADER_BYTES ? fn->config[offset + i]
						      : 0;
}

unsigned int pci_config_write(struct pci_function *fn, size_t offset,
			      const void *data, size_t count)
{
	const uint8_t *from = data;
	unsigned int asks = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = offset + i;

		if (at >= PCI_HEADER_BYTES)
			break;
		fn->config[at] =
			(uint8_t)((fn->config[at] & ~fn->writable[at]) |
				  (from[i] & fn->writable[at]));
		if (at == PCIE_CONTROL + 1 && from[i] & CONTROL_FLR >> 8)
			asks |= PCI_ASKS_RESET;
		if (at == COMMAND || at == PM_STATE)
			asks |= PCI_ASKS_POWER;
	}
	return asks;
}

void pci_bar2_read(const struct pci_function *fn, size_t offset, void *data,
		   size_t count)
{
	uint8_t *to = data;

	for (size_t i = 0; i < count; i++)
		to[i] = offset + i < 16 * fn->vectors ? fn->table[offset + i]
						      : 0;
}

void pci_bar2_write(struct pci_function *fn, size_t offset, const void *data,
		    size_t count)
{
	const uint8_t *from = data;

	for (size_t i = 0; i < count && offset + i < 16 * fn->vectors; i++) {
		size_t at = offset + i;
		uint8_t bits = 0xff;

		if (at % 16 == 0)
			bits = 0xfc; /* addresses are of words */
		else if (at % 16 >= 12)
			bits = at % 16 == 12 ? 1 : 0;
		fn->table[at] = from[i] & bits;
	}
}

static bool powered(const struct pci_function *fn, unsigned int bit)
{
	return (fn->config[COMMAND] & bit) && !(fn->config[PM_STATE] & 0x3);
}

bool pci_memory_on(const struct pci_function *fn)
{
	return powered(fn, FANTAIL_PCI_COMMAND_MEMORY);
}

bool pci_master_on(const struct pci_function *fn)
{
	return powered(fn, FANTAIL_PCI_COMMAND_MASTER);
}
