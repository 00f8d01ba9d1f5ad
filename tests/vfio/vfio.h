/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vfio-user server against clients that lie, and clients that die. Runs
 * of any length; the server is a child process with the engine of the tests.
 */
#ifndef FANTAIL_TEST_VFIO_H
#define FANTAIL_TEST_VFIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define VFIO_COMMANDS 17

struct vfio_result {
	uint64_t messages;		 /* sent, mutated or not */
	uint64_t connections;		 /* opened */
	uint64_t hang_ups;		 /* by the server */
	uint64_t answers[VFIO_COMMANDS]; /* without an error, by command */
	uint64_t refused[VFIO_COMMANDS]; /* with one */
	uint64_t dma_commands;		 /* of the server's */
	uint64_t kills;
	uint64_t killed_early;	  /* before the card was open */
	int fds_first, fds_last;  /* descriptors of the server */
	long kib_first, kib_last; /* its resident memory */
	char why[300];		  /* what was wrong */
};

/*
 * vfio_fuzz() - send @messages messages, most of them mutated
 * @progress: or NULL
 *
 * The server must live, hang up or answer, serve again, and hold nothing.
 * Return: true, or false with @res->why.
 */
bool vfio_fuzz(uint64_t messages, uint64_t seed, FILE *progress,
	       struct vfio_result *res);

/*
 * vfio_kill() - kill a client in its work @kills times, each time at a moment
 * of its own; then a whole job by the next one
 */
bool vfio_kill(uint64_t kills, uint64_t seed, FILE *progress,
	       struct vfio_result *res);

/* What was counted, for people. */
void vfio_print(const struct vfio_result *res, FILE *to);

#endif
