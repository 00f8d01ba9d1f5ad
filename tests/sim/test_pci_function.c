/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Configuration space and MSI-X table, as a PCI bus driver reads them. */
#include <criterion/criterion.h>
#include <string.h>

#include "fantail_pci.h"
#include "pci_function.h"

static struct pci_function fn;

static void init(void)
{
	pci_function_init(&fn, 3, 4, 8, 512);
}

static uint32_t get(size_t offset, size_t bytes)
{
	uint8_t b[4] = { 0 };

	pci_config_read(&fn, offset, b, bytes);
	return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static unsigned int put(size_t offset, size_t bytes, uint32_t value)
{
	uint8_t b[4] = { (uint8_t)value, (uint8_t)(value >> 8),
			 (uint8_t)(value >> 16), (uint8_t)(value >> 24) };

	return pci_config_write(&fn, offset, b, bytes);
}

/* Offset of a capability, found as software does. */
static size_t find(uint8_t id)
{
	size_t at = get(0x34, 1);

	for (int i = 0; at && i < 48; i++) {
		cr_assert_eq(at % 4, 0);
		if (get(at, 1) == id)
			return at;
		at = get(at + 1, 1);
	}
	cr_assert_fail("no capability %u", id);
	return 0;
}

Test(pci_function, identity)
{
	init();
	cr_assert_eq(get(0, 4), FANTAIL_PCI_DEVICE << 16 | FANTAIL_PCI_VENDOR);
	cr_assert_eq(get(4, 4), 0x00100000, "off, with capabilities");
	cr_assert_eq(get(8, 4) >> 8, 0x028000, "network controller");
	cr_assert_eq(get(0x0e, 1), 0, "one function");
	cr_assert_eq(get(0x3d, 1), 0, "no interrupt pin");
	put(0, 4, 0);
	put(8, 4, 0);
	cr_assert_eq(get(0, 4), FANTAIL_PCI_DEVICE << 16 | FANTAIL_PCI_VENDOR);
}

/* All ones written, what comes back says how large. */
Test(pci_function, bars_tell_their_size)
{
	const uint32_t size[6] = { FANTAIL_PCI_BAR0_BYTES, 0,
				   FANTAIL_PCI_BAR2_BYTES };

	init();
	for (size_t bar = 0; bar < 6; bar++) {
		size_t at = 0x10 + 4 * bar;
		uint32_t low = get(at, 4);

		put(at, 4, ~0u);
		if (size[bar]) {
			cr_assert_eq(low, 4, "64 bits, memory");
			cr_assert_eq(get(at, 4), (~(size[bar] - 1)) | 4);
		} else {
			cr_assert_eq(get(at, 4), bar < 4 ? ~0u : 0,
				     "upper half, or none");
		}
	}
	put(0x10, 4, 0xe0012345);
	cr_assert_eq(get(0x10, 4), 0xe0010004);
}

Test(pci_function, power_states)
{
	size_t pm;

	init();
	pm = find(0x01);
	cr_assert(!pci_memory_on(&fn) && !pci_master_on(&fn));
	cr_assert(put(4, 2, 2) & PCI_ASKS_POWER);
	cr_assert(pci_memory_on(&fn) && !pci_master_on(&fn));
	put(4, 2, 4);
	cr_assert(!pci_memory_on(&fn) && pci_master_on(&fn));
	put(4, 2, 6);
	cr_assert(put(pm + 4, 2, 3) & PCI_ASKS_POWER);
	cr_assert(!pci_memory_on(&fn) && !pci_master_on(&fn), "D3hot");
	cr_assert_eq(get(pm + 4, 2) & 8, 8, "which loses nothing");
	put(pm + 4, 2, 0);
	cr_assert(pci_memory_on(&fn) && pci_master_on(&fn));
}

Test(pci_function, msix)
{
	uint8_t entry[16], ones[16];
	size_t cap;

	init();
	cap = find(0x11);
	cr_assert_eq(get(cap + 2, 2), 2, "three vectors, off");
	put(cap + 2, 2, 0xffff);
	cr_assert_eq(get(cap + 2, 2), 0xc002);
	cr_assert_eq(get(cap + 4, 4), FANTAIL_PCI_MSIX_TABLE | 2);
	cr_assert_eq(get(cap + 8, 4), FANTAIL_PCI_MSIX_PBA | 2);
	memset(ones, 0xff, sizeof(ones));
	for (size_t v = 0; v < 3; v++) {
		pci_bar2_read(&fn, 16 * v, entry, 16);
		cr_assert_eq(entry[12], 1, "masked");
		pci_bar2_write(&fn, 16 * v, ones, 16);
		pci_bar2_read(&fn, 16 * v, entry, 16);
		cr_assert_eq(entry[0], 0xfc);
		cr_assert_eq(entry[11], 0xff);
		cr_assert_eq(entry[12], 1);
		cr_assert_eq(entry[13] | entry[14] | entry[15], 0);
	}
	/* behind the table, and the pending bits */
	pci_bar2_write(&fn, 48, ones, 16);
	pci_bar2_read(&fn, 48, entry, 16);
	cr_assert_eq(entry[0] | entry[12], 0);
	pci_bar2_write(&fn, FANTAIL_PCI_MSIX_PBA, ones, 8);
	pci_bar2_read(&fn, FANTAIL_PCI_MSIX_PBA, entry, 8);
	cr_assert_eq(entry[0], 0);
}

Test(pci_function, express_and_its_reset)
{
	size_t cap;

	init();
	cap = find(0x10);
	cr_assert_eq(get(cap + 2, 2), 2, "version 2, endpoint");
	cr_assert_eq(get(cap + 4, 4) >> 28 & 1, 1, "can be reset");
	cr_assert_eq(get(cap + 4, 4) & 7, 2, "512 bytes");
	cr_assert_eq(get(cap + 0x12, 2), 8 << 4 | 4, "x8, 16 GT/s");
	cr_assert(!(put(cap + 8, 2, 0x7fff) & PCI_ASKS_RESET));
	cr_assert(put(cap + 8, 2, 0x8000) & PCI_ASKS_RESET);
	cr_assert_eq(get(cap + 8, 2), 0, "the bit reads 0");
	/* whatever the access is: one byte, or a range around it */
	cr_assert(put(cap + 9, 1, 0x80) & PCI_ASKS_RESET);
	cr_assert(put(cap + 6, 4, 0x80000000) & PCI_ASKS_RESET);
	cr_assert(!(put(cap + 10, 2, 0xffff) & PCI_ASKS_RESET));
}

Test(pci_function, reset_forgets_everything)
{
	uint8_t before[PCI_CONFIG_BYTES], after[PCI_CONFIG_BYTES];
	uint8_t ones[PCI_CONFIG_BYTES];

	init();
	memset(ones, 0xff, sizeof(ones));
	pci_config_read(&fn, 0, before, sizeof(before));
	pci_config_write(&fn, 0, ones, sizeof(ones));
	pci_bar2_write(&fn, 0, ones, 48);
	pci_config_read(&fn, 0, after, sizeof(after));
	cr_assert_neq(memcmp(before, after, sizeof(before)), 0);
	for (size_t i = 256; i < sizeof(after); i++)
		cr_assert_eq(after[i], 0, "no extended capability");
	pci_function_reset(&fn);
	pci_config_read(&fn, 0, after, sizeof(after));
	cr_assert_eq(memcmp(before, after, sizeof(before)), 0);
	pci_bar2_read(&fn, 0, after, 16);
	cr_assert_eq(after[0], 0);
	cr_assert_eq(after[12], 1);
}
