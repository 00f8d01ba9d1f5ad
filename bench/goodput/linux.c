/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux as the sender: a process in a namespace of its own stands in the
 * card's place. This process carries the frames between the two namespaces,
 * through the same link model at the same place.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "goodput.h"
#include "net.h"
#include "pcap.h"

enum {
	LIMIT_S = 120,
	QUIET_MS = 1000,
};

/* Shared with the process of the sender. */
struct sender_view {
	_Atomic int error; /* errno */
	_Atomic int going; /* start is set */
	_Atomic int stop;
	_Atomic int stopped; /* counts are set */
	double start;
	uint64_t segments, retransmits, timeouts, fast;
};

struct wire {
	struct fantail_net *sender, *clients;
	struct fantail_pcap *pcap;
	double zero;
};

/* ----------------------------------------------------------------- sender */

/* A value of /proc/net/snmp or netstat: names in one line, then values. */
static uint64_t counter(const char *path, const char *name)
{
	char names[4096], values[4096], *n, *v, *sn, *sv;
	FILE *f = fopen(path, "re");
	uint64_t found = 0;

	if (!f)
		return 0;
	while (fgets(names, sizeof(names), f) &&
	       fgets(values, sizeof(values), f)) {
		n = strtok_r(names, " \n", &sn);
		v = strtok_r(values, " \n", &sv);
		for (; n && v; n = strtok_r(NULL, " \n", &sn),
			       v = strtok_r(NULL, " \n", &sv))
			if (!strcmp(n, name))
				found = strtoull(v, NULL, 10);
	}
	fclose(f);
	return found;
}

static int accept_all(const struct setup *setup, int *fds)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int room = (int)setup->bytes * 2;
	unsigned int n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, CLIENTS_MAX) < 0)
		return -errno;
	for (n = 0; n < setup->clients; n++) {
		fds[n] = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
		if (fds[n] < 0)
			return -errno;
		/* so that all is offered at once, as to the card */
		if (setsockopt(fds[n], SOL_SOCKET, SO_SNDBUFFORCE, &room,
			       sizeof(room)) < 0 ||
		    setsockopt(fds[n], IPPROTO_TCP, TCP_CONGESTION,
			       setup->congestion,
			       (socklen_t)strlen(setup->congestion)) < 0)
			return -errno;
	}
	return 0;
}

static int send_all(const struct setup *setup, const int *fds)
{
	struct pollfd p[CLIENTS_MAX];
	uint32_t sent[CLIENTS_MAX] = { 0 }, i;
	uint8_t *bytes = malloc(setup->bytes);
	unsigned int n, left = setup->clients;
	int rc = 0;

	if (!bytes)
		return -ENOMEM;
	for (i = 0; i < setup->bytes; i++)
		bytes[i] = payload_byte(i);
	for (n = 0; n < setup->clients; n++)
		p[n] = (struct pollfd){ .fd = fds[n], .events = POLLOUT };
	while (left && !rc) {
		poll(p, setup->clients, -1);
		for (n = 0; n < setup->clients && !rc; n++) {
			ssize_t done;

			if (p[n].fd < 0 || !p[n].revents)
				continue;
			done = send(p[n].fd, bytes + sent[n],
				    setup->bytes - sent[n], MSG_NOSIGNAL);
			if (done < 0 && errno != EAGAIN && errno != EINTR)
				rc = -errno;
			sent[n] += done > 0 ? (uint32_t)done : 0;
			if (sent[n] == setup->bytes) {
				p[n].fd = -1;
				left--;
			}
		}
	}
	free(bytes);
	return rc;
}

static void nap(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

static void become_sender(const struct setup *setup,
			  const struct fantail_tap *tap,
			  struct sender_view *view, pid_t parent)
{
	uint64_t segments = 0;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int fds[CLIENTS_MAX] = { 0 };
	unsigned int n;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	rc = fantail_tap_enter(tap);
	close(tap->fd);
	if (!rc)
		rc = accept_all(setup, fds);
	if (!rc) {
		poll(NULL, 0, QUIET_MS);
		view->start = clock_seconds();
		atomic_store(&view->going, 1);
		rc = send_all(setup, fds);
	}
	if (rc) {
		atomic_store(&view->error, -rc);
		_exit(1);
	}
	while (!atomic_load(&view->stop))
		nap();
	for (n = 0; n < setup->clients; n++)
		if (!getsockopt(fds[n], IPPROTO_TCP, TCP_INFO, &info, &len))
			segments += info.tcpi_data_segs_out;
	view->segments = segments;
	view->retransmits =
		counter("/proc/thread-self/net/snmp", "RetransSegs");
	view->timeouts =
		counter("/proc/thread-self/net/netstat", "TCPTimeouts");
	/* entries into recovery, as the engine counts them */
	view->fast =
		counter("/proc/thread-self/net/netstat", "TCPRenoRecovery") +
		counter("/proc/thread-self/net/netstat", "TCPSackRecovery");
	atomic_store(&view->stopped, 1);
	_exit(0);
}

/* ------------------------------------------------------------------- wire */

static void record(struct wire *w, const uint8_t *frame, int len, uint64_t now)
{
	if (w->pcap)
		fantail_pcap_write(w->pcap, frame, (size_t)len, now);
}

/* Carry what is there; sleep until more is, at most a few milliseconds. */
static void carry(struct wire *w)
{
	uint64_t now = (uint64_t)((clock_seconds() - w->zero) * 1e6), next;
	int from = fantail_net_tap(w->sender)->fd, wait = 5, len;
	uint8_t frame[FANTAIL_NET_FRAME_MAX];

	/* the link stands in the clients' network: before it is the "card" */
	while ((len = fantail_net_recv(w->clients, frame, sizeof(frame), now)) >
	       0) {
		record(w, frame, len, now);
		fantail_net_send(w->sender, frame, (size_t)len, now);
	}
	while ((len = fantail_net_recv(w->sender, frame, sizeof(frame), now)) >
	       0) {
		record(w, frame, len, now);
		fantail_net_send(w->clients, frame, (size_t)len, now);
	}
	/* less than a millisecond is waited for awake */
	next = fantail_net_next_event_us(w->clients);
	if (next < now + 5000)
		wait = next > now ? (int)((next - now) / 1000) : 0;
	fantail_net_poll(w->clients, now, wait, from);
	fantail_net_poll(w->sender, now, 0, -1);
}

static int open_wire(struct wire *w, const struct setup *setup,
		     const struct fantail_tap *a, const struct fantail_tap *b)
{
	struct fantail_net_config cfg;
	char path[4096];
	int rc;

	fantail_net_config_default(&cfg);
	cfg.seed = setup->link.seed;
	cfg.tap = a;
	rc = fantail_net_open("tap:", &cfg, &w->sender);
	if (rc)
		return rc;
	cfg.tap = b;
	cfg.model = &setup->link;
	rc = fantail_net_open("tap:", &cfg, &w->clients);
	if (rc || !setup->pcap)
		return rc;
	snprintf(path, sizeof(path), "%s-linux.pcap", setup->pcap);
	return fantail_pcap_open(path, 0, &w->pcap);
}

static void close_wire(struct wire *w)
{
	if (w->pcap)
		fantail_pcap_close(w->pcap);
	fantail_net_close(w->clients);
	fantail_net_close(w->sender);
}

static int measure(struct wire *w, struct clients *clients,
		   struct sender_view *view, struct outcome *out)
{
	double end = clock_seconds() + LIMIT_S;
	int rc;

	do {
		carry(w);
		rc = clients_poll(clients);
		if (!rc && atomic_load(&view->error))
			rc = -atomic_load(&view->error);
		if (!rc && clock_seconds() > end)
			rc = -ETIMEDOUT;
	} while (!rc);
	if (rc < 0)
		return rc;
	atomic_store(&view->stop, 1);
	while (!atomic_load(&view->stopped) && clock_seconds() < end)
		carry(w);
	clients_times(clients, view->start, out->seconds);
	out->segments = view->segments;
	out->retransmits = view->retransmits;
	out->fast_retransmits = view->fast;
	out->timeouts = view->timeouts;
	fantail_net_link_stats(w->clients, &out->link[FANTAIL_LINK_TX],
			       &out->link[FANTAIL_LINK_RX]);
	return 0;
}

/* Two namespaces, two processes, and the wire between them. */
static int run_between(const struct setup *setup, const struct fantail_tap *a,
		       const struct fantail_tap *b, struct sender_view *view,
		       struct outcome *out)
{
	struct wire w = { .zero = clock_seconds() };
	struct clients clients;
	pid_t parent = getpid(), pid;
	int rc;

	rc = clients_start(&clients, setup, b);
	if (rc)
		return rc;
	pid = fork();
	if (!pid)
		become_sender(setup, a, view, parent);
	rc = pid < 0 ? -errno : 0;
	if (!rc)
		rc = open_wire(&w, setup, a, b);
	if (!rc)
		rc = measure(&w, &clients, view, out);
	close_wire(&w);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	clients_stop(&clients);
	return rc;
}

int run_linux(const struct setup *setup, struct outcome *out, char *why,
	      size_t why_len)
{
	struct fantail_tap a = { -1, -1 }, b = { -1, -1 };
	struct fantail_tap_config cfg;
	struct sender_view *view;
	int rc;

	*why = 0;
	memset(out, 0, sizeof(*out));
	view = mmap(NULL, sizeof(*view), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (view == MAP_FAILED)
		return -errno;
	fantail_tap_config_default(&cfg);
	cfg.sack = setup->sack;
	rc = fantail_tap_open(&cfg, &b, why, why_len);
	cfg.ip = SENDER_IP;
	cfg.rto_min_us = RTO_MIN_US;
	if (!rc)
		rc = fantail_tap_open(&cfg, &a, why, why_len);
	if (!rc) {
		rc = run_between(setup, &a, &b, view, out);
		if (rc)
			snprintf(why, why_len, "linux: %s", strerror(-rc));
	}
	fantail_tap_close(&a);
	fantail_tap_close(&b);
	munmap(view, sizeof(*view));
	return rc;
}
