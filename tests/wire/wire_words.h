/* SPDX-License-Identifier: Apache-2.0 */
/* The words of one line of a script, and complaints about them. */
#ifndef TESTS_WIRE_WORDS_H
#define TESTS_WIRE_WORDS_H

#include "wire.h"

#define WIRE_TOKENS 64

struct wire_parser {
	struct wire_script *s;
	FILE *out;
	struct wire_line *l;
	char *token[WIRE_TOKENS];
	unsigned int tokens, at;
	bool bad;
};

/* The first one of a line is told, with file, line and text. */
void wire_bad(struct wire_parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The next word, or NULL; it stays. */
const char *wire_peek(const struct wire_parser *p);
/* The next word, or a complaint that @what is missing and "". */
const char *wire_next(struct wire_parser *p, const char *what);
/* Is it this one? Then it is taken. */
bool wire_take(struct wire_parser *p, const char *word);
/* A number, decimal or 0x. */
int64_t wire_number(struct wire_parser *p, const char *what, int64_t min,
		    int64_t max);
/* "a..b", or "a" for both. True: two were given. */
bool wire_range(struct wire_parser *p, const char *what, int64_t min,
		int64_t max, int64_t *a, int64_t *b);
/* "0", "12us", "1.5ms", "2s", in microseconds. */
uint64_t wire_to_time(struct wire_parser *p, const char *text);
uint64_t wire_duration(struct wire_parser *p, const char *what);

#endif /* TESTS_WIRE_WORDS_H */
