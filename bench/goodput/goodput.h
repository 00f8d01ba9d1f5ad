/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goodput over a bad link: the engine as the sender of one feed to a few
 * kernel clients, beside Linux as the sender to the same clients over the same
 * link model.
 *
 *   clients in a namespace --- link model --- the card          (engine.c)
 *   clients in a namespace --- link model --- another namespace (linux.c)
 */
#ifndef FANTAIL_GOODPUT_H
#define FANTAIL_GOODPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link.h"
#include "tap.h"

enum {
	CLIENTS_MAX = 64,
	BYTES_MAX = 4000000, /* the card's log holds it with some air */
	PORT = 9000,
	SENDER_IP = 0x0a020001, /* 10.2.0.1 */
	RTO_MIN_US = 200000,	/* of Linux; the engine's floor as built */
};

struct setup {
	unsigned int clients;
	uint32_t bytes;
	bool sack;
	const char *congestion;		 /* of Linux */
	struct fantail_link_config link; /* TX is from the sender */
	const char *pcap;		 /* prefix of recordings, or NULL */
};

/* One sender, one round. */
struct outcome {
	/* from the first byte offered to all until a client has the last */
	double seconds[CLIENTS_MAX];
	uint64_t segments; /* with payload, retransmissions included */
	uint64_t retransmits;
	uint64_t fast_retransmits;
	uint64_t timeouts;
	/* the engine's: how fast the model ran, while it did not sleep, and
	 * which share of the time that was */
	double cycles_per_second;
	double busy;
	struct fantail_link_stats link[FANTAIL_LINK_DIRS];
};

/* The byte at @place of what is sent. */
uint8_t payload_byte(uint32_t place);

double clock_seconds(void);

/* ---------------------------------------------------------------- clients */

enum client_state {
	CLIENT_WAITS,
	CLIENT_OPEN,
	CLIENT_DONE,  /* every byte was right */
	CLIENT_WRONG, /* one was not, or there were too many */
	CLIENT_BROKEN,
};

/* Shared with the process of the clients. */
struct clients_view {
	_Atomic int state[CLIENTS_MAX];
	_Atomic uint32_t received[CLIENTS_MAX];
	double done_at[CLIENTS_MAX]; /* clock_seconds(), once DONE */
};

struct clients {
	struct clients_view *view;
	unsigned int count;
	pid_t pid;
};

/*
 * clients_start() - fork a process that connects in a namespace and receives
 *
 * Call before any thread exists. They connect to SENDER_IP:PORT and try again
 * when refused; the process dies with ours. Return: 0 or -errno.
 */
int clients_start(struct clients *c, const struct setup *setup,
		  const struct fantail_tap *tap);

/* 1: all are done; 0: not yet; -EBADMSG or -EPIPE: one has failed. */
int clients_poll(const struct clients *c);

void clients_stop(struct clients *c);

/* Seconds from @start for each. */
void clients_times(const struct clients *c, double start, double *seconds);

/* ---------------------------------------------------------------- senders */

/*
 * One round each. @why: one line on failure. Return: 0 or -errno.
 */
int run_engine(const struct setup *setup, struct outcome *out, char *why,
	       size_t why_len);
int run_linux(const struct setup *setup, struct outcome *out, char *why,
	      size_t why_len);

#endif
