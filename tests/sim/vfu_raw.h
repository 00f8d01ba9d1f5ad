/* SPDX-License-Identifier: Apache-2.0 */
/* A vfio-user client that sends whatever it is told to. */
#ifndef FANTAIL_TEST_VFU_RAW_H
#define FANTAIL_TEST_VFU_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_user.h"

#define RAW_CLOSED (-100000) /* the server hung up, or says nothing */
#define RAW_BODY   70000u    /* room for every answer */

/* Connect. The descriptor, or -1. */
int raw_connect(const char *path);

/*
 * raw_send() - a message; size in the header is that of the message unless
 * @size is not 0
 *
 * Return: false when the server does not take it.
 */
bool raw_send(int s, struct vfu_header header, uint32_t size, const void *body,
	      size_t len, const int *fds, unsigned int n);

/*
 * raw_receive() - the next message
 * @body: RAW_BODY bytes
 *
 * Return: length of the body, or RAW_CLOSED.
 */
int raw_receive(int s, struct vfu_header *header, void *body);

/*
 * raw_call() - a command and its answer
 * @reply: RAW_BODY bytes, or NULL
 *
 * Return: length of the answer's body; -errno that the server gave; or
 * RAW_CLOSED.
 */
int raw_call(int s, uint16_t command, const void *body, size_t len,
	     const int *fds, unsigned int n, void *reply);

/* VERSION. As raw_call(). */
int raw_version(int s);

/* Connect and VERSION. The descriptor, or -1. */
int raw_open(const char *path);

/* Requests that appear again and again, as raw_call(). */
int raw_map(int s, uint64_t iova, uint64_t size, uint64_t offset,
	    uint32_t flags, int fd);
int raw_unmap(int s, uint64_t iova, uint64_t size);
int raw_read(int s, uint32_t region, uint64_t offset, uint32_t count,
	     void *data);
int raw_write(int s, uint32_t region, uint64_t offset, uint32_t count,
	      const void *data);

/* 4 bytes of a region; fail the caller's way when false. */
bool raw_get32(int s, uint32_t region, uint64_t offset, uint32_t *value);
bool raw_put32(int s, uint32_t region, uint64_t offset, uint32_t value);

/* Memory space and bus mastering on. */
bool raw_power_up(int s);

#endif
