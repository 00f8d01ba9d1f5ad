/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace with a TAP device, see tap.h. */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICE "fantail0"

/* A namespace belongs to a thread: one of its own makes it. */
struct maker {
	const struct fantail_tap_config *cfg;
	struct fantail_tap *tap;
	char *why;
	size_t why_len;
	int result;
};

void fantail_tap_config_default(struct fantail_tap_config *cfg)
{
	*cfg = (struct fantail_tap_config){
		.ip = 0x0a020002,
		.prefix = 24,
		.mtu = 1500,
		.queue = 16384,
		.congestion = "reno",
		.sack = true,
		.timestamps = true,
	};
}

__attribute__((format(printf, 3, 4))) static int
fail(const struct maker *m, int error, const char *format, ...)
{
	va_list args;

	if (m->why && m->why_len) {
		va_start(args, format);
		vsnprintf(m->why, m->why_len, format, args);
		va_end(args);
	}
	return -error;
}

static int fail_rights(const struct maker *m, const char *what)
{
	return fail(m, EPERM,
		    "%s needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN (try "
		    "sudo); user-mode networking (slirp) needs neither",
		    what);
}

/* Of the namespace that the calling thread is in. */
static int set_sysctl(const struct maker *m, const char *name,
		      const char *value)
{
	char path[128];
	int fd, error = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (!error)
		return 0;
	return fail(m, error, "cannot set net/%s to %s: %s", name, value,
		    strerror(error));
}

static int set_sysctls(const struct maker *m)
{
	const struct fantail_tap_config *cfg = m->cfg;
	char rto[16];
	int rc;

	/* neighbour discovery would be noise; a kernel without is fine */
	set_sysctl(m, "ipv6/conf/all/disable_ipv6", "1");
	set_sysctl(m, "ipv6/conf/default/disable_ipv6", "1");
	rc = set_sysctl(m, "ipv4/tcp_congestion_control", cfg->congestion);
	if (rc == -ENOENT)
		return fail(m, EINVAL,
			    "this kernel has no congestion control '%s'; "
			    "/proc/sys/net/ipv4/"
			    "tcp_available_congestion_control lists them",
			    cfg->congestion);
	if (!rc)
		rc = set_sysctl(m, "ipv4/tcp_sack", cfg->sack ? "1" : "0");
	if (!rc)
		rc = set_sysctl(m, "ipv4/tcp_timestamps",
				cfg->timestamps ? "1" : "0");
	/* a connection starts from nothing, whatever the one before met */
	if (!rc)
		rc = set_sysctl(m, "ipv4/tcp_no_metrics_save", "1");
	if (!rc && cfg->rto_min_us) {
		snprintf(rto, sizeof(rto), "%u", cfg->rto_min_us);
		rc = set_sysctl(m, "ipv4/tcp_rto_min_us", rto);
	}
	return rc;
}

static int open_device(const struct maker *m, int *fd)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int error;

	*fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0) {
		error = errno;
		if (error == EACCES || error == EPERM)
			return fail_rights(m, "opening /dev/net/tun");
		return fail(m, error == ENOENT ? ENODEV : error,
			    "cannot open /dev/net/tun: %s; load the kernel's "
			    "module with modprobe tun",
			    strerror(error));
	}
	snprintf(req.ifr_name, sizeof(req.ifr_name), DEVICE);
	if (ioctl(*fd, TUNSETIFF, &req) < 0) {
		error = errno;
		close(*fd);
		if (error == EPERM)
			return fail_rights(m, "a TAP device");
		return fail(m, error, "cannot make a TAP device: %s",
			    strerror(error));
	}
	return 0;
}

/* One SIOCSIF... of @name. */
static int set_if(const struct maker *m, int sock, const char *name,
		  unsigned long request, struct ifreq *req, const char *what)
{
	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
	if (ioctl(sock, request, req) < 0)
		return fail(m, errno, "cannot set %s of %s: %s", what, name,
			    strerror(errno));
	return 0;
}

static int set_address(const struct maker *m, int sock, unsigned long request,
		       uint32_t ip, const char *what)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(ip) },
	};
	struct ifreq req = { 0 };

	memcpy(&req.ifr_addr, &in, sizeof(in));
	return set_if(m, sock, DEVICE, request, &req, what);
}

static int set_up(const struct maker *m, int sock, const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_UP | IFF_RUNNING };

	return set_if(m, sock, name, SIOCSIFFLAGS, &req, "the state");
}

static int configure(const struct maker *m)
{
	const struct fantail_tap_config *cfg = m->cfg;
	struct ifreq mtu = { .ifr_mtu = (int)cfg->mtu };
	struct ifreq queue = { .ifr_qlen = (int)cfg->queue };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (sock < 0)
		return fail(m, errno, "cannot open a socket: %s",
			    strerror(errno));
	rc = set_up(m, sock, "lo");
	if (!rc)
		rc = set_address(m, sock, SIOCSIFADDR, cfg->ip, "the address");
	if (!rc)
		rc = set_address(m, sock, SIOCSIFNETMASK,
				 ~(UINT32_MAX >> cfg->prefix), "the netmask");
	if (!rc)
		rc = set_if(m, sock, DEVICE, SIOCSIFMTU, &mtu, "the MTU");
	if (!rc)
		rc = set_if(m, sock, DEVICE, SIOCSIFTXQLEN, &queue,
			    "the queue length");
	if (!rc)
		rc = set_up(m, sock, DEVICE);
	close(sock);
	return rc;
}

static int make(const struct maker *m)
{
	struct fantail_tap tap = { .fd = -1, .ns = -1 };
	int rc;

	if (unshare(CLONE_NEWNET) < 0) {
		if (errno == EPERM)
			return fail_rights(m, "a network namespace");
		return fail(m, errno, "cannot make a network namespace: %s",
			    strerror(errno));
	}
	tap.ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (tap.ns < 0)
		return fail(m, errno, "cannot open the network namespace: %s",
			    strerror(errno));
	rc = set_sysctls(m);
	if (!rc)
		rc = open_device(m, &tap.fd);
	if (!rc)
		rc = configure(m);
	if (rc)
		fantail_tap_close(&tap);
	else
		*m->tap = tap;
	return rc;
}

static void *maker_thread(void *arg)
{
	struct maker *m = arg;

	m->result = make(m);
	return NULL;
}

int fantail_tap_open(const struct fantail_tap_config *cfg,
		     struct fantail_tap *tap, char *why, size_t why_len)
{
	struct fantail_tap_config defaults;
	struct maker m = {
		.cfg = cfg,
		.tap = tap,
		.why = why,
		.why_len = why_len,
	};
	pthread_t thread;
	int rc;

	if (!cfg) {
		fantail_tap_config_default(&defaults);
		m.cfg = &defaults;
	}
	if (m.cfg->prefix < 1 || m.cfg->prefix > 30 || m.cfg->mtu < 576 ||
	    m.cfg->mtu > 1500 || !m.cfg->queue || m.cfg->queue > 1 << 20 ||
	    !m.cfg->congestion[0])
		return fail(&m, EINVAL,
			    "a value of the TAP device is out of "
			    "range");
	rc = pthread_create(&thread, NULL, maker_thread, &m);
	if (rc)
		return fail(&m, rc, "cannot start a thread: %s", strerror(rc));
	pthread_join(thread, NULL);
	return m.result;
}

int fantail_tap_enter(const struct fantail_tap *tap)
{
	return setns(tap->ns, CLONE_NEWNET) < 0 ? -errno : 0;
}

void fantail_tap_close(struct fantail_tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	if (tap->ns >= 0)
		close(tap->ns);
	tap->fd = tap->ns = -1;
}
