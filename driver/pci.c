/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery, identity and BARs by libpciaccess; group and driver by sysfs. */
#include "pci.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pciaccess.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fantail_pci.h"
#include "why.h"

#define SYSFS "/sys/bus/pci/devices/"

/* Last part of the link @name of the device, "" none. */
static void read_link(const char *address, const char *name, char *out,
		      size_t size)
{
	char path[128], target[PATH_MAX];
	const char *last;
	ssize_t n;

	*out = '\0';
	snprintf(path, sizeof(path), SYSFS "%s/%s", address, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) < size)
		memcpy(out, last, strlen(last) + 1);
}

/* N of "vfioN" below vfio-dev, -1: the kernel has no such node. */
static int vfio_device(const char *address)
{
	char path[128];
	struct dirent *entry;
	int n = -1;
	DIR *dir;

	snprintf(path, sizeof(path), SYSFS "%s/vfio-dev", address);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (n < 0) {
		entry = readdir(dir);
		if (!entry)
			break;
		if (!strncmp(entry->d_name, "vfio", 4))
			n = (int)strtol(entry->d_name + 4, NULL, 10);
	}
	closedir(dir);
	return n;
}

static bool is_card(const struct pci_device *dev)
{
	return dev->vendor_id == FANTAIL_PCI_VENDOR &&
	       dev->device_id == FANTAIL_PCI_DEVICE;
}

static int describe(struct pci_device *dev, struct fantail_pci_card *card)
{
	char group[32];
	int rc;

	memset(card, 0, sizeof(*card));
	snprintf(card->address, sizeof(card->address), "%04x:%02x:%02x.%x",
		 dev->domain & 0xffff, dev->bus, dev->dev, dev->func & 7);
	rc = pci_device_probe(dev);
	if (rc)
		return fantail_why(-rc, "%s: cannot read its BARs: %s",
				   card->address, strerror(rc));
	card->bar0_bytes = dev->regions[0].size;
	read_link(card->address, "iommu_group", group, sizeof(group));
	card->iommu_group = *group ? (int)strtol(group, NULL, 10) : -1;
	card->vfio_device = vfio_device(card->address);
	read_link(card->address, "driver", card->driver, sizeof(card->driver));
	return 0;
}

static int begin(void)
{
	int rc = pci_system_init();

	if (rc)
		return fantail_why(-rc, "no PCI on this machine: %s",
				   strerror(rc));
	return 0;
}

static bool parse(const char *address, unsigned int part[4])
{
	int used = 0;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &part[0], &part[1], &part[2],
		   &part[3], &used) == 4 &&
	    !address[used])
		return true;
	part[0] = 0;
	used = 0;
	return sscanf(address, "%2x:%2x.%1x%n", &part[1], &part[2], &part[3],
		      &used) == 3 &&
	       !address[used];
}

int fantail_pci_find(const char *address, struct fantail_pci_card *card)
{
	struct pci_device *dev;
	unsigned int part[4];
	int rc;

	if (!parse(address, part))
		return fantail_why(-EINVAL,
				   "'%s' is no PCI address as 0000:03:00.0",
				   address);
	rc = begin();
	if (rc)
		return rc;
	dev = pci_device_find_by_slot(part[0], part[1], part[2], part[3]);
	if (!dev)
		rc = fantail_why(-ENODEV, "%s: no PCI device is there",
				 address);
	else if (!is_card(dev))
		rc = fantail_why(-ENODEV,
				 "%s is %04x:%04x, a Fantail card is %04x:%04x",
				 address, dev->vendor_id, dev->device_id,
				 FANTAIL_PCI_VENDOR, FANTAIL_PCI_DEVICE);
	else
		rc = describe(dev, card);
	if (!rc && card->bar0_bytes < FANTAIL_PCI_BAR0_BYTES)
		rc = fantail_why(-ENODEV, "%s: BAR0 has %llu bytes, not %u",
				 card->address,
				 (unsigned long long)card->bar0_bytes,
				 FANTAIL_PCI_BAR0_BYTES);
	pci_system_cleanup();
	return rc;
}

int fantail_pci_list(struct fantail_pci_card *cards, int max)
{
	const struct pci_id_match match = {
		.vendor_id = FANTAIL_PCI_VENDOR,
		.device_id = FANTAIL_PCI_DEVICE,
		.subvendor_id = PCI_MATCH_ANY,
		.subdevice_id = PCI_MATCH_ANY,
	};
	struct pci_device_iterator *all;
	struct pci_device *dev;
	int n = 0, rc;

	rc = begin();
	if (rc)
		return rc;
	all = pci_id_match_iterator_create(&match);
	while (all && (dev = pci_device_next(all))) {
		if (n < max && describe(dev, &cards[n]))
			continue;
		n++;
	}
	pci_iterator_destroy(all);
	pci_system_cleanup();
	return n;
}
