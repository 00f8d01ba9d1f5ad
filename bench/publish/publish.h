/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a publisher's processor has to do for a payload that is delivered: ten
 * payloads a round, each to every client, by the kernel or by the card.
 */
#ifndef FANTAIL_BENCH_PUBLISH_H
#define FANTAIL_BENCH_PUBLISH_H

#include <stddef.h>
#include <stdint.h>

enum {
	CLIENTS_MAX = 1000, /* io_uring: one entry for each */
	PAYLOADS = 10,	    /* of a round */
	PORT = 9000,
	WARM_UP = 2, /* rounds ahead of what is measured */
};

struct setup {
	unsigned int clients;
	unsigned int rounds;
	uint32_t bytes;	 /* of a payload */
	const char *uri; /* of the card */
};

/* Of this process, for a round. */
struct cost {
	double user, system; /* seconds */
	double cpu;	     /* seconds, by the scheduler's clock */
};

/*
 * A way to publish. All return 0 or -errno, and then @why is a line;
 * -ENOTSUP: not on this machine.
 */
struct sender {
	const char *name;
	int (*open)(const struct setup *setup, void **state, char *why,
		    size_t why_len);
	/* One round, until its memory may be used again. */
	int (*round)(void *state);
	/* Wait, at no one's expense, until everything has arrived. */
	int (*arrived)(void *state);
	void (*close)(void *state);
};

extern const struct sender sender_send, sender_writev, sender_uring,
	sender_card;

/* The bytes of a round, payload behind payload. */
void fill_payloads(uint8_t *to, uint32_t bytes, unsigned int round);

#endif
