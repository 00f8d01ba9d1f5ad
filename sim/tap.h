/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network namespace with one TAP device in it: the other end of the wire is
 * the Linux kernel. Whoever enters the namespace has ordinary sockets there,
 * and what they send comes out of the device's descriptor as frames.
 *
 * Nothing of it has a name outside: device and namespace are gone when the
 * last descriptor and the last process in them are, however those ended.
 */
#ifndef FANTAIL_TAP_H
#define FANTAIL_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Start from fantail_tap_config_default(). Addresses in host byte order. */
struct fantail_tap_config {
	uint32_t ip;		 /* of the kernel; default 10.2.0.2 */
	unsigned int prefix;	 /* length, 1 to 30; default 24 */
	unsigned int mtu;	 /* 576 to 1500; default 1500 */
	unsigned int queue;	 /* frames towards the descriptor; 16384 */
	char congestion[16];	 /* of every socket; default reno */
	bool sack;		 /* offer and accept; default true */
	bool timestamps;	 /* offer and accept; default true */
	unsigned int rto_min_us; /* of every socket; 0: the kernel's */
};

struct fantail_tap {
	int fd; /* of the device, non-blocking: one frame per read or write */
	int ns; /* of the namespace, for fantail_tap_enter() */
};

/** fantail_tap_config_default() - fill in every default, all of @cfg. */
void fantail_tap_config_default(struct fantail_tap_config *cfg);

/**
 * fantail_tap_open() - make a namespace and its device.
 * @cfg: NULL for all defaults; not kept
 * @tap: set on success only
 * @why: on error receives one line that names cause and remedy, terminated;
 *       @why_len bytes; may be NULL
 *
 * The caller's own namespace does not change. The device is up, loopback as
 * well; IPv6 is off. Any thread; takes milliseconds.
 *
 * Return: 0, or
 *   -EINVAL  a value out of range, or an unknown congestion control
 *   -EPERM   the process may not do it (needs CAP_SYS_ADMIN, CAP_NET_ADMIN)
 *   -ENODEV  the kernel has no TAP devices
 *   or another -errno. On error nothing is left.
 */
int fantail_tap_open(const struct fantail_tap_config *cfg,
		     struct fantail_tap *tap, char *why, size_t why_len);

/**
 * fantail_tap_enter() - move the calling thread into the namespace.
 *
 * Return: 0 or -errno.
 */
int fantail_tap_enter(const struct fantail_tap *tap);

/* Close both descriptors; those that are negative are left alone. */
void fantail_tap_close(struct fantail_tap *tap);

#ifdef __cplusplus
}
#endif

#endif
