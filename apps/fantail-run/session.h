/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session: the connections of one run, what the card says about them, and the
 * one place where the publisher sleeps.
 */
#ifndef FANTAIL_RUN_SESSION_H
#define FANTAIL_RUN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "fantail.h"
#include "publisher.h"
#include "report.h"
#include "rig.h"

/* One accepted connection. */
struct client {
	struct fantail_conn *conn; /* NULL once released */
	bool gone;		   /* to be released */
	uint16_t port;		   /* its side's, and its address: ip */
	uint32_t ip;
};

struct session {
	struct publisher_job *job;
	struct summary *summary;
	struct rig *rig;
	struct fantail_group *group;
	struct client *clients; /* by accept order */
	unsigned int accepted;
	unsigned int joined; /* clients[0..joined) asked for it */
	unsigned int alive;  /* accepted and not gone */
	bool accepting;
	bool closing; /* a FIN is what we want now */
	/* batches */
	uint64_t done;		  /* BATCH events */
	uint64_t bytes_in_flight; /* submitted, not done */
	/* interrupts that brought frames for the library and nothing else */
	uint64_t frame_interrupts;
	bool woken; /* by an interrupt, not looked at yet */
	/* watching for a standstill */
	uint64_t last_marker;
	double looked_at;     /* wall clock, seconds */
	double moved_at;      /* wall clock, seconds */
	uint64_t moved_at_us; /* card's clock */
	int result;	      /* sticky: EXIT_FAILED with job->error */
};

/*
 * session_fail() - the run has failed; the first reason counts
 *
 * Return: EXIT_FAILED.
 */
__attribute__((format(printf, 2, 3))) int session_fail(struct session *s,
						       const char *format, ...);

/*
 * session_step() - take what is there, and sleep if there is nothing
 * @fd: also wakes when readable; -1: none
 * @timeout_us: sleep at most so long, card's time; the clients are looked
 *	at from time to time in any case
 *
 * The sleep is on the event descriptor of the library (in virtual time, in
 * its wait). Handles events, draws the progress, finds failed clients, and a
 * run that stands still.
 *
 * Return: 0, or the session's result.
 */
int session_step(struct session *s, int fd, int64_t timeout_us);

/* Take what is there without sleeping. Return: as session_step(). */
int session_poll(struct session *s);

/*
 * session_look() - from time to time: failed clients, a standstill, progress
 *
 * Part of session_step(); cheap when called too often.
 * Return: as session_step().
 */
int session_look(struct session *s);

/* Was Ctrl-C pressed? */
bool session_stopped(const struct session *s);

/* Our own clock, in seconds. */
double session_clock(void);

/* Waiting for a feed is no standstill: start the watch again. */
void session_moved(struct session *s);

#endif
