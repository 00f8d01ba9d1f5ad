/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fantail_driver.h"
#include "pci.h"

#define CARDS 16

/* ------------------------------------------------------------- findings */

static struct doctor_finding *add(struct doctor *d, const char *name,
				  unsigned int need, bool good, const char *fmt,
				  ...) __attribute__((format(printf, 5, 6)));
static struct doctor_finding *add(struct doctor *d, const char *name,
				  unsigned int need, bool good, const char *fmt,
				  ...)
{
	static struct doctor_finding spare;
	struct doctor_finding *f =
		d->count < DOCTOR_MAX ? &d->finding[d->count++] : &spare;
	va_list args;

	f->name = name;
	f->need = need;
	f->good = good;
	f->mend[0] = '\0';
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
	return f;
}

static void mend(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void mend(struct doctor_finding *f, const char *fmt, ...)
{
	va_list args;

	if (f->good)
		return;
	va_start(args, fmt);
	vsnprintf(f->mend, sizeof(f->mend), fmt, args);
	va_end(args);
}

/* First line of a file, "" none. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, (int)size, file))
		line[0] = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

static unsigned int entries(const char *path)
{
	struct dirent *entry;
	unsigned int n = 0;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* ------------------------------------------------------------- the model */

/* First line that a program prints, "" when it is not there. */
static void ask(const char *command, char *line, size_t size)
{
	/* of constants only */
	FILE *pipe = popen(command, "re"); // NOLINT(cert-env33-c)

	line[0] = '\0';
	if (!pipe)
		return;
	if (!fgets(line, (int)size, pipe))
		line[0] = '\0';
	pclose(pipe);
	line[strcspn(line, "\n")] = '\0';
}

static void look_at_tools(struct doctor *d)
{
	static const struct {
		const char *name, *command, *package;
		unsigned int need;
	} tools[] = {
		{ "compiler", "gcc --version 2>/dev/null", "gcc g++",
		  DOCTOR_MODEL },
		{ "make", "make --version 2>/dev/null", "make", DOCTOR_MODEL },
		{ "Verilator", "verilator --version 2>/dev/null", "verilator",
		  DOCTOR_MODEL },
		{ "Python", "python3 --version 2>/dev/null", "python3",
		  DOCTOR_MODEL },
		{ "ccache", "ccache --version 2>/dev/null", "ccache", 0 },
		{ "yosys", "yosys -V 2>/dev/null", "yosys", 0 },
		{ "gnuplot", "gnuplot --version 2>/dev/null", "gnuplot-nox",
		  0 },
		{ "tshark", "tshark --version 2>/dev/null", "tshark", 0 },
	};
	struct doctor_finding *f;
	char line[128];
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		ask(tools[i].command, line, sizeof(line));
		f = add(d, tools[i].name, tools[i].need, *line, "%s",
			*line ? line : "not installed");
		mend(f, "apt-get install %s", tools[i].package);
	}
}

static void look_at_system(struct doctor *d)
{
	struct utsname name;

	if (!uname(&name))
		add(d, "kernel", 0, true, "%s %s, pages of %ld bytes",
		    name.sysname, name.release, sysconf(_SC_PAGESIZE));
	add(d, "processors", 0, true, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
}

/* ------------------------------------------------------------- networks */

static void look_at_networks(struct doctor *d)
{
	struct doctor_finding *f;
	char line[256];
	int fd;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	f = add(d, "TAP", DOCTOR_TAP, fd >= 0, "/dev/net/tun: %s",
		fd >= 0 ? "can be opened" : strerror(errno));
	mend(f, errno == ENOENT ? "modprobe tun" : "run as root");
	if (fd >= 0)
		close(fd);
	f = add(d, "rights for tap:", DOCTOR_TAP, !geteuid(), "%s",
		geteuid() ? "not root" : "root");
	mend(f, "sudo make run NET=tap");
	read_line("/proc/sys/net/ipv4/tcp_available_congestion_control", line,
		  sizeof(line));
	add(d, "congestion control", 0, true, "%.100s",
	    *line ? line : "unknown");
	read_line("/proc/sys/kernel/io_uring_disabled", line, sizeof(line));
	f = add(d, "io_uring", 0, !*line || !strcmp(line, "0"), "%s",
		!*line || !strcmp(line, "0") ? "allowed" : "restricted");
	mend(f, "sysctl kernel.io_uring_disabled=0");
}

/* ----------------------------------------------------------------- card */

static void look_at_vfio(struct doctor *d)
{
	unsigned int groups = entries("/sys/kernel/iommu_groups");
	struct doctor_finding *f;
	int fd;

	f = add(d, "IOMMU", DOCTOR_CARD, groups, "%u groups", groups);
	mend(f, "enable it in the firmware, and intel_iommu=on (or amd_iommu) "
		"on the kernel's command line");
	f = add(d, "vfio-pci", DOCTOR_CARD,
		!access("/sys/bus/pci/drivers/vfio-pci", F_OK), "%s",
		access("/sys/bus/pci/drivers/vfio-pci", F_OK) ? "not loaded"
							      : "loaded");
	mend(f, "modprobe vfio-pci");
	fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	f = add(d, "VFIO container", DOCTOR_CARD, fd >= 0, "/dev/vfio/vfio: %s",
		fd >= 0 ? "can be opened" : strerror(errno));
	mend(f,
	     errno == ENOENT ? "modprobe vfio" : "chmod 0666 /dev/vfio/vfio");
	if (fd >= 0)
		close(fd);
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	f = add(d, "iommufd", 0, fd >= 0, "/dev/iommu: %s",
		fd >= 0 ? "can be opened" : strerror(errno));
	mend(f, "modprobe iommufd (Linux 6.6 or newer); groups do as well");
	if (fd >= 0)
		close(fd);
}

static void look_at_card(struct doctor *d, const struct fantail_pci_card *c)
{
	bool bound = !strcmp(c->driver, "vfio-pci");
	struct doctor_finding *f;
	unsigned int others;
	char path[96];
	int fd;

	f = add(d, "card", DOCTOR_CARD, bound, "%s, driver %s", c->address,
		*c->driver ? c->driver : "none");
	mend(f,
	     "echo vfio-pci >/sys/bus/pci/devices/%s/driver_override; "
	     "echo %s >/sys/bus/pci/drivers_probe",
	     c->address, c->address);
	if (c->iommu_group < 0) {
		f = add(d, "its group", DOCTOR_CARD, false, "none");
		mend(f, "enable the IOMMU");
		return;
	}
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		 c->iommu_group);
	others = entries(path);
	snprintf(path, sizeof(path), "/dev/vfio/%d", c->iommu_group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	f = add(d, "its group", DOCTOR_CARD, fd >= 0 || errno == EBUSY,
		"%s: %s, %u device%s in it", path,
		fd >= 0 ? "can be opened" : strerror(errno), others,
		others == 1 ? "" : "s");
	mend(f,
	     errno == EACCES ? "chown $USER %s"
			     : "bind all devices of group %s to vfio-pci",
	     path);
	if (fd >= 0)
		close(fd);
}

static void look_at_cards(struct doctor *d)
{
	struct fantail_pci_card cards[CARDS];
	struct doctor_finding *f;
	int n, i;

	n = fantail_pci_list(cards, CARDS);
	if (n < 1) {
		f = add(d, "card", DOCTOR_CARD, false, "%s",
			n < 0 ? fantail_driver_why() : "none on the PCI bus");
		mend(f, "make run uses the model instead");
		return;
	}
	for (i = 0; i < n && i < CARDS; i++)
		look_at_card(d, &cards[i]);
}

static void look_at_memory(struct doctor *d)
{
	/* of a default application: rings, slots and arena */
	const rlim_t enough = 16u << 20;
	struct doctor_finding *f;
	struct rlimit limit;
	char line[64];
	bool good;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit)) {
		good = limit.rlim_cur == RLIM_INFINITY ||
		       limit.rlim_cur >= enough || !geteuid();
		if (limit.rlim_cur == RLIM_INFINITY)
			f = add(d, "locked memory", DOCTOR_CARD, good,
				"no limit");
		else
			f = add(d, "locked memory", DOCTOR_CARD, good,
				"%" PRIu64 " KiB%s",
				(uint64_t)limit.rlim_cur >> 10,
				geteuid() ? "" : ", no limit for root");
		mend(f,
		     "ulimit -l %" PRIu64 ", or memlock in "
		     "/etc/security/limits.conf",
		     (uint64_t)enough >> 10);
	}
	read_line("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
		  line, sizeof(line));
	f = add(d, "huge pages", 0, strtol(line, NULL, 10) > 0,
		"%s of 2 MiB free", *line ? line : "none");
	mend(f, "echo 64 >/proc/sys/vm/nr_hugepages");
}

void doctor_look(struct doctor *d)
{
	memset(d, 0, sizeof(*d));
	look_at_system(d);
	look_at_tools(d);
	look_at_networks(d);
	look_at_vfio(d);
	look_at_memory(d);
	look_at_cards(d);
}

bool doctor_good(const struct doctor *d, unsigned int need)
{
	unsigned int i;

	for (i = 0; i < d->count; i++)
		if (d->finding[i].need & need && !d->finding[i].good)
			return false;
	return true;
}

/* --------------------------------------------------------------- telling */

static const struct {
	unsigned int need;
	const char *name, *what;
} needs[] = {
	{ DOCTOR_MODEL, "model", "the model (make run)" },
	{ DOCTOR_TAP, "tap", "Linux TCP as the peer (make run NET=tap)" },
	{ DOCTOR_CARD, "card", "a card (vfio:DDDD:BB:DD.F)" },
};

#define NEEDS (sizeof(needs) / sizeof(needs[0]))

void doctor_print(const struct doctor *d, FILE *to)
{
	const struct doctor_finding *f;
	unsigned int i;

	for (i = 0; i < d->count; i++) {
		f = &d->finding[i];
		fprintf(to, "%-5s %-20s %s\n",
			f->good	  ? "ok"
			: f->need ? "LACKS"
				  : "-",
			f->name, f->text);
		if (f->mend[0])
			fprintf(to, "%-26s   %s\n", "", f->mend);
	}
	fputc('\n', to);
	for (i = 0; i < NEEDS; i++)
		fprintf(to, "%-5s %s\n",
			doctor_good(d, needs[i].need) ? "ready" : "not",
			needs[i].what);
}

int doctor_print_json(const struct doctor *d, FILE *to)
{
	json_t *all = json_object(), *list = json_array();
	const struct doctor_finding *f;
	unsigned int i;
	int rc;

	for (i = 0; i < d->count; i++) {
		f = &d->finding[i];
		json_array_append_new(
			list,
			json_pack("{s:s, s:b, s:b, s:s, s:s}", "name", f->name,
				  "good", f->good, "needed", f->need != 0,
				  "text", f->text, "mend", f->mend));
	}
	for (i = 0; i < NEEDS; i++)
		json_object_set_new(
			all, needs[i].name,
			json_boolean(doctor_good(d, needs[i].need)));
	json_object_set_new(all, "findings", list);
	rc = json_dumpf(all, to, JSON_INDENT(2));
	json_decref(all);
	fputc('\n', to);
	return rc ? -ENOMEM : 0;
}
