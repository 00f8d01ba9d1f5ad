/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * What runs inside the guest of `make vm-test`, statically linked:
 *   guest cases URI                      the list of tests/driver/cases.h
 *   guest serve URI CLIENTS BYTES SEED   publish stream SEED to CLIENTS
 *   guest memory URI                     huge pages, limits (memory.c)
 *   guest reset URI ADDRESS              function-level reset while it works
 *   guest hang URI                       use the card until killed
 * URI may be that of any card, as vfio-user:build/fantail.sock: then it is no
 * guest. Each thing that is so is one line on stdout, "ok - NAME" or "not ok - NAME",
 * with remarks "# ..." before it. The exit code is 0 if all was so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "fantail.h"
#include "guest.h"
#include "stream.h"
#include "transport.h"
#include "../driver/cases.h"

enum {
	PORT = 9000,
	CASE_SECONDS = 60,
	SERVE_SECONDS = 120,
	MESSAGE_MAX = 2000,
	MESSAGES = 5,  /* of a batch */
	IN_FLIGHT = 4, /* batches */
	EVENTS = 32,
};

/* There is no model in the guest. */
static int no_sim(const char *rest, const struct fantail_dev_options *opt,
		  void **state)
{
	(void)rest;
	(void)opt;
	(void)state;
	return -ENOTSUP;
}

const struct fantail_transport_ops fantail_transport_sim = {
	.scheme = "sim:",
	.open = no_sim,
};

static int failures;
static const char *stage = ""; /* before each name */

bool tell(bool good, const char *name)
{
	printf("%sok - %s%s\n", good ? "" : "not ", stage, name);
	fflush(stdout);
	failures += !good;
	return good;
}

/* ----------------------------------------------------------------- cases */

void case_failed(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s (%s)\n", file, line, what, fantail_driver_why());
	fflush(stdout);
	_exit(1);
}

/* In a process of its own, which leaves nothing to the next one. */
static void run_case(const char *name, void (*run)(const struct case_card *),
		     const char *uri)
{
	struct case_card card = { .uri = uri };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(CASE_SECONDS);
		run(&card);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("# signal %d\n", WTERMSIG(status));
	tell(!status, name);
}

static void cases(const char *uri)
{
	static char transport[32];

	snprintf(transport, sizeof(transport), "%.*s/", (int)strcspn(uri, ":"),
		 uri);
	stage = transport;
#define RUN(name) run_case(#name, case_##name, uri);
	CASES(RUN)
}

/* ---------------------------------------------------------- observations */

/* Interrupts of the card's vectors that the kernel has counted. */
static unsigned long kernel_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	unsigned long sum = 0;
	char line[512];
	char *at, *end;

	while (f && fgets(line, sizeof(line), f)) {
		at = strchr(line, ':');
		if (!at || !strstr(line, "vfio-msix"))
			continue;
		/* one number for each processor */
		for (at++;; at = end) {
			unsigned long n = strtoul(at, &end, 10);

			if (end == at)
				break;
			sum += n;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

/* The nodes of /dev that this process holds: which way to the card it is. */
static void tell_nodes(void)
{
	char path[300], target[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	ssize_t n;

	printf("# nodes");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strstr(target, "vfio") || strstr(target, "iommu"))
			printf(" %s", target);
	}
	putchar('\n');
	if (dir)
		closedir(dir);
}

static unsigned int regions(const struct fantail_dev *dev, size_t *bytes)
{
	const struct fantail_region *r;
	unsigned int n = 0;

	*bytes = 0;
	for (r = dev->regions; r; r = r->next, n++)
		*bytes += r->mem.bytes;
	return n;
}

/* --------------------------------------------------------------- serving */

struct server {
	struct fantail *lib;
	struct fantail_group *group;
	struct fantail_conn *conn[256];
	unsigned int clients, accepted, closed, failed;
	uint32_t seed, bytes, sent;
	uint64_t batches, done, reached;
	/* of the card and of the kernel, before the first batch */
	uint64_t doorbells;
	unsigned long interrupts;
};

static void on_event(struct server *s, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		if (s->accepted == s->clients) {
			fantail_abort_conn(e->conn);
			return;
		}
		s->conn[s->accepted++] = e->conn;
		return;
	case FANTAIL_EVENT_BATCH:
		s->done++;
		s->reached += e->u.batch.reached;
		s->failed += e->u.batch.refused;
		return;
	case FANTAIL_EVENT_CONN:
		if (e->u.conn.events & FANTAIL_EV_CLOSED)
			s->closed++;
		else if (e->u.conn.dead)
			s->failed++;
		return;
	case FANTAIL_EVENT_DATA:
		fantail_recv_return(s->lib, e->u.data.slot);
		return;
	case FANTAIL_EVENT_REFUSED:
		s->failed++;
		return;
	default:
		return;
	}
}

/* Sleep for the interrupt, then look. Negative: the card is lost. */
static int step(struct server *s)
{
	struct fantail_event events[EVENTS];
	int n, i;

	n = fantail_wait(s->lib, 200000);
	while (n >= 0) {
		n = fantail_poll(s->lib, events, EVENTS);
		for (i = 0; i < n; i++)
			on_event(s, &events[i]);
		if (n < EVENTS)
			break;
	}
	return n;
}

/* One doorbell. 0; -EAGAIN: nothing went, there is no room; or -errno. */
static int publish_batch(struct server *s)
{
	unsigned int m, i, len;
	uint8_t data[MESSAGE_MAX];
	int rc = 0;

	for (m = 0; !rc && m < MESSAGES && s->sent < s->bytes; m++) {
		/* of many lengths, and none aligned */
		len = 1 + (s->sent * 7919u + s->seed) % MESSAGE_MAX;
		if (len > s->bytes - s->sent)
			len = s->bytes - s->sent;
		for (i = 0; i < len; i++)
			data[i] = stream_byte(s->seed, s->sent + i);
		rc = fantail_publish_copy(s->lib, fantail_to_group(s->group),
					  data, len, s->sent);
		if (!rc)
			s->sent += len;
	}
	if (rc && rc != -EAGAIN)
		return rc;
	rc = fantail_submit(s->lib);
	s->batches += rc > 0;
	return rc > 0 ? 0 : rc ? rc : -EAGAIN;
}

/* All is published: 0 or -errno of a counter. */
static int judge_batches(const struct server *s)
{
	struct fantail_qp *qp = fantail_queue_pair(s->lib);
	uint64_t doorbells;
	int rc;

	rc = fantail_qp_counter(qp, FANTAIL_QPCNT_DATA_DOORBELLS, &doorbells);
	if (rc)
		return rc;
	printf("# %u bytes in %llu batches, %llu doorbells, %llu deliveries\n",
	       s->sent, (unsigned long long)s->batches,
	       (unsigned long long)(doorbells - s->doorbells),
	       (unsigned long long)s->reached);
	tell(s->batches > 1 && doorbells - s->doorbells == s->batches,
	     "one doorbell for each batch");
	return 0;
}

/* All is over. 0 or -errno of a counter. */
static int judge(const struct server *s)
{
	unsigned long counted = kernel_interrupts() - s->interrupts;
	struct fantail_dev *dev = fantail_device(s->lib);
	uint64_t fired, faults;
	unsigned int n;
	size_t bytes;
	int rc;

	rc = fantail_qp_counter(fantail_queue_pair(s->lib),
				FANTAIL_QPCNT_INTERRUPTS, &fired);
	if (!rc)
		rc = fantail_dev_counter(dev, FANTAIL_CNT_DMA_READ_FAULTS,
					 &faults);
	if (rc)
		return rc;
	n = regions(dev, &bytes);
	printf("# %u regions, %zu KiB\n", n, bytes >> 10);
	tell(n && !faults, "DMA mapped, no fault");
	printf("# %u accepted, %u closed, %u failed\n", s->accepted, s->closed,
	       s->failed);
	tell(!s->failed && s->closed == s->clients, "every client served");
	printf("# the kernel counts %lu, the card %llu\n", counted,
	       (unsigned long long)fired);
	tell(counted && counted <= fired, "interrupts by MSI-X");
	return 0;
}

/* From the first connection to the last FIN. 0 or -errno. */
static int serve_all(struct server *s)
{
	struct fantail_listener *listener;
	unsigned int i;
	int rc;

	rc = fantail_group_create(s->lib, &s->group);
	if (!rc)
		rc = fantail_listen(s->lib, PORT, s->clients, &listener);
	if (rc)
		return rc;
	printf("# listening %u\n", s->seed);
	fflush(stdout);
	while (s->accepted < s->clients)
		if ((rc = step(s)) < 0)
			return rc;
	for (i = 0; i < s->accepted; i++)
		if ((rc = fantail_group_join(s->group, s->conn[i])))
			return rc;
	/* the doorbell of the set-up; what follows is counted */
	rc = fantail_submit(s->lib);
	if (rc >= 0)
		rc = fantail_qp_counter(fantail_queue_pair(s->lib),
					FANTAIL_QPCNT_DATA_DOORBELLS,
					&s->doorbells);
	while (rc >= 0 && s->sent < s->bytes) {
		rc = publish_batch(s);
		if (rc == -EAGAIN)
			rc = step(s);
		while (rc >= 0 && s->batches - s->done > IN_FLIGHT)
			rc = step(s);
	}
	while (rc >= 0 && s->done < s->batches)
		rc = step(s);
	if (rc >= 0)
		rc = judge_batches(s);
	for (i = 0; rc >= 0 && i < s->accepted; i++)
		rc = fantail_close_conn(s->conn[i]);
	if (rc >= 0)
		rc = fantail_submit(s->lib);
	while (rc >= 0 && s->closed + s->failed < s->accepted)
		rc = step(s);
	return rc < 0 ? rc : 0;
}

static void log_line(void *ctx, enum fantail_log_level level, const char *line)
{
	(void)ctx;
	if (level != FANTAIL_LOG_INFO)
		printf("# %s\n", line);
}

static void serve(const char *uri, const char *const *arg)
{
	struct fantail_options opt = {
		.uri = uri,
		.mac = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 },
		.ip = 0x0a00020f, /* 10.0.2.15 */
		.prefix_len = 24,
		.gateway = 0x0a000202,
		.flush_us = FANTAIL_FLUSH_NEVER,
		.log = log_line,
	};
	struct server s = {
		.clients = (unsigned int)strtoul(arg[0], NULL, 10),
		.bytes = (uint32_t)strtoul(arg[1], NULL, 10),
		.seed = (uint32_t)strtoul(arg[2], NULL, 10),
	};
	static char name[32];
	int rc;

	snprintf(name, sizeof(name), "serve %u: ", s.seed);
	stage = name;
	alarm(SERVE_SECONDS);
	opt.qp.mod_us = FANTAIL_MOD_US_DEFAULT;
	rc = fantail_open(&opt, &s.lib);
	if (rc)
		printf("# %s: %s\n", strerror(-rc), fantail_driver_why());
	else
		tell_nodes();
	if (!tell(!rc, "device opened"))
		return;
	s.interrupts = kernel_interrupts();
	rc = serve_all(&s);
	if (!rc)
		rc = judge(&s);
	if (rc)
		printf("# %s\n", strerror(-rc));
	tell(!rc, "to the end");
	fantail_close(s.lib);
}

/* ----------------------------------------------------------------- reset */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* A card that has answered a doorbell, and goes on. */
static bool work(const char *uri, struct fantail_dev **dev,
		 struct fantail_qp **qp)
{
	struct fantail_entry *e;

	if (fantail_dev_open(uri, NULL, dev) ||
	    fantail_qp_open(*dev, 0, NULL, qp))
		return false;
	e = fantail_sq_get(*qp, FANTAIL_RING_DATA);
	e->op = FANTAIL_OP_NOP;
	e->flags = FANTAIL_FLAG_LAST;
	return fantail_qp_submit(*qp) == 1 &&
	       fantail_qp_wait(*qp, 10000000) == 1;
}

/*
 * The kernel resets the function while a queue pair is at work: its registers
 * are as after power-up, the BARs where they were.
 */
static void reset(const char *uri, const char *address)
{
	uint64_t before = 0, after = 0;
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	uint32_t id = 0;
	char path[128];
	int rc;

	if (!tell(work(uri, &dev, &qp), "a queue pair at work"))
		return;
	rc = fantail_qp_counter(qp, FANTAIL_QPCNT_DATA_DOORBELLS, &before);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	if (!tell(write_file(path, "1"), "by the kernel"))
		return;
	if (!rc)
		rc = fantail_dev_read32(dev, FANTAIL_REG_ID, &id);
	if (!rc)
		rc = fantail_qp_counter(qp, FANTAIL_QPCNT_DATA_DOORBELLS,
					&after);
	printf("# ID %08x, %llu doorbells, were %llu\n", id,
	       (unsigned long long)after, (unsigned long long)before);
	tell(!rc && id == FANTAIL_ID_VALUE && before == 1 && !after,
	     "registers as after power-up");
	fantail_qp_close(qp);
	fantail_dev_close(dev);
}

/* -------------------------------------------------------------------- all */

static void hang(const char *uri)
{
	struct fantail_dev *dev;
	struct fantail_qp *qp;

	if (tell(work(uri, &dev, &qp), "a queue pair at work"))
		pause();
}

static void as_stage(const char *name)
{
	stage = name;
	alarm(CASE_SECONDS);
}

int main(int argc, char **argv)
{
	const char *const *arg = (const char *const *)argv + 3;

	if (argc == 3 && !strcmp(argv[1], "cases")) {
		cases(argv[2]);
	} else if (argc == 6 && !strcmp(argv[1], "serve")) {
		serve(argv[2], arg);
	} else if (argc == 3 && !strcmp(argv[1], "memory")) {
		as_stage("memory: ");
		memory(argv[2]);
	} else if (argc == 4 && !strcmp(argv[1], "reset")) {
		as_stage("reset: ");
		reset(argv[2], arg[0]);
	} else if (argc == 3 && !strcmp(argv[1], "hang")) {
		as_stage("kill: ");
		hang(argv[2]);
	} else {
		return 2;
	}
	return failures != 0;
}
