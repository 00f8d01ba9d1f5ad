/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card served over vfio-user by a child process of the test: the engine
 * the test is linked with, no cable, real time. It goes when the test does.
 */
#ifndef FANTAIL_TEST_VFU_CHILD_H
#define FANTAIL_TEST_VFU_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct vfu_child {
	pid_t pid;
	int stop; /* closing it ends the child */
	char path[64];
	char uri[80]; /* for fantail_dev_open() */
};

/*
 * vfu_child_start() - when it returns the socket can be connected to
 * @patience_ms: as in struct fantail_vfu_config
 *
 * Before the caller has threads. Return: 0, or -1: the child has said why.
 */
int vfu_child_start(struct vfu_child *c, unsigned int patience_ms);

/*
 * vfu_child_stop() - end it
 *
 * Return: 0: it served to its end, and the card broke no rule; else the
 * child has said why.
 */
int vfu_child_stop(struct vfu_child *c);

/* Is it still there? */
bool vfu_child_lives(const struct vfu_child *c);

/* Descriptors it has open, and its resident memory in KiB; -1: it is gone. */
int vfu_child_fds(const struct vfu_child *c);
long vfu_child_kib(const struct vfu_child *c);

#endif
