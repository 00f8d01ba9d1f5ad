/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio-user's transport, the client's end: a connection to one server, with
 * its messages and descriptors. It knows the header and nothing else.
 *
 * Threads: any, at any time. A message without a reply waits for no answer
 * of another one.
 *
 * A connection that failed stays failed: -ENOTCONN, or -ETIMEDOUT when the
 * server took longer than VFU_CLIENT_MS.
 */
#ifndef FANTAIL_VFU_CLIENT_H
#define FANTAIL_VFU_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vfio_user.h"

#define VFU_CLIENT_MS 10000 /* the longest wait for an answer */

struct vfu_client {
	int fd;
	pthread_mutex_t asking;	 /* one request at a time waits */
	pthread_mutex_t sending; /* messages leave whole */
	_Atomic uint16_t next_id;
	_Atomic int failed; /* 0 or -errno */
};

/* 0; -EINVAL: no path, or too long; or what connect gave. */
int vfu_client_open(struct vfu_client *c, const char *path);
void vfu_client_close(struct vfu_client *c);

/*
 * Send a short message of @size bytes that begins with @header, whose fields
 * are filled in here; no answer will come. One system call, and no lock,
 * unless the server is slow.
 */
int vfu_client_post(struct vfu_client *c, uint16_t command,
		    struct vfu_header *header, size_t size);

/*
 * vfu_client_ask() - send a message and wait for its answer
 * @fd: goes with it, or -1
 * @reply, @room: the answer behind its header
 *
 * Return: its length; -errno from the server; -EPROTO: longer than @room, or
 * not an answer; -ENOTCONN, -ETIMEDOUT. Blocks.
 */
int vfu_client_ask(struct vfu_client *c, uint16_t command,
		   const struct iovec *parts, unsigned int n, int fd,
		   void *reply, size_t room);

#endif /* FANTAIL_VFU_CLIENT_H */
