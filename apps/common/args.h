/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all programs do alike with their command line: one line on stderr and
 * exit code 2 when it is wrong, before anything was started.
 */
#ifndef FANTAIL_ARGS_H
#define FANTAIL_ARGS_H

#include <argp.h>
#include <stdint.h>

enum {
	EXIT_BAD_INPUT = 2, /* nothing was started */
};

/* Keys of options that have no letter. */
enum {
	ARGS_KEY_FIRST = 256,
	ARGS_KEY_MODEL = 512,	 /* those of model_options.h from here */
	ARGS_KEY_TIMELINE = 768, /* and of timeline_options.h */
	ARGS_KEY_LAST = 1023,
};

/* bad_input() - say "program: ..." in one line on stderr and exit with 2 */
__attribute__((noreturn, format(printf, 1, 2))) void
bad_input(const char *format, ...);

/* Index of the argument behind the last one understood: the culprit. */
extern int args_next;

/* For a parser: @key has been reached. */
void args_seen(const struct argp_state *state, int key);

/* The value of --@name, or bad_input(). */
uint64_t args_number(const char *name, const char *text, uint64_t least,
		     uint64_t most);

/* The same of a power of two. */
unsigned int args_power(const char *name, const char *text, unsigned int least,
			unsigned int most);

/*
 * The value of --@name as 4096, 64k, 64m or 2g, in bytes; 0, or from @least
 * on.
 */
uint64_t args_bytes(const char *name, const char *text, uint64_t least);

/* A recording below that holds nothing. */
#define ARGS_PCAP_LEAST 4096

/* The value of --@name as FIRST:LAST, numbers of a @what in rising order. */
void args_range(const char *name, const char *what, const char *text,
		uint64_t *first, uint64_t *last);

/* --trace-window=FIRST:LAST, as first cycle and number of cycles. */
void args_window(const char *text, uint64_t *from, uint64_t *cycles);

/*
 * Is the local TCP port of --port ours to take? Asked before anything is
 * started, so that the answer is one line. With 0, a free one is chosen.
 */
uint16_t args_claim_port(uint16_t port);

#endif
