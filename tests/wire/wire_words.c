/* SPDX-License-Identifier: Apache-2.0 */
/* The words of one line of a script. See wire_words.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire_words.h"

void wire_bad(struct wire_parser *p, const char *fmt, ...)
{
	va_list args;

	if (p->bad)
		return;
	p->bad = true;
	fprintf(p->out, "%s:%u: ", p->s->path, p->l->number);
	va_start(args, fmt);
	vfprintf(p->out, fmt, args);
	va_end(args);
	fprintf(p->out, "\n    %s\n", p->l->text);
}

const char *wire_peek(const struct wire_parser *p)
{
	return p->at < p->tokens ? p->token[p->at] : NULL;
}

/* The next word, or a complaint and "". */
const char *wire_next(struct wire_parser *p, const char *what)
{
	if (p->at < p->tokens)
		return p->token[p->at++];
	wire_bad(p, "%s is missing", what);
	return "";
}

bool wire_take(struct wire_parser *p, const char *word)
{
	if (!wire_peek(p) || strcmp(wire_peek(p), word))
		return false;
	p->at++;
	return true;
}

/* A number, decimal or 0x. */
static int64_t to_number(struct wire_parser *p, const char *text, int64_t min,
			 int64_t max)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(text, &end, 0);
	if (errno || end == text || *end)
		wire_bad(p, "'%s' is not a number", text);
	else if (v < min || v > max)
		wire_bad(p, "%s is not in %lld..%lld", text, (long long)min,
			 (long long)max);
	else
		return v;
	return min;
}

int64_t wire_number(struct wire_parser *p, const char *what, int64_t min,
		    int64_t max)
{
	const char *text = wire_next(p, what);

	return p->bad ? min : to_number(p, text, min, max);
}

/* "a..b", or "a" for both. True: two were given. */
bool wire_range(struct wire_parser *p, const char *what, int64_t min,
		int64_t max, int64_t *a, int64_t *b)
{
	char text[64];
	char *dots;

	snprintf(text, sizeof(text), "%s", wire_next(p, what));
	dots = strstr(text, "..");
	if (dots)
		*dots = 0;
	*a = *b = p->bad ? min : to_number(p, text, min, max);
	if (dots)
		*b = p->bad ? min : to_number(p, dots + 2, min, max);
	if (*a > *b)
		wire_bad(p, "%lld is above %lld", (long long)*a, (long long)*b);
	return dots;
}

/* "0", "12us", "1.5ms", "2s", in microseconds. */
uint64_t wire_to_time(struct wire_parser *p, const char *text)
{
	double v, us;
	char *end;

	v = strtod(text, &end);
	if (!strcmp(end, "us"))
		us = v;
	else if (!strcmp(end, "ms"))
		us = v * 1e3;
	else if (!strcmp(end, "s"))
		us = v * 1e6;
	else if (!*end && end != text && v == 0)
		us = 0;
	else
		us = -1;
	if (us < 0 || us > 1e11 || end == text) {
		wire_bad(p, "'%s' is not a time (10us, 1.5ms, 2s)", text);
		return 0;
	}
	return (uint64_t)(us + 0.5);
}

uint64_t wire_duration(struct wire_parser *p, const char *what)
{
	const char *text = wire_next(p, what);

	return p->bad ? 0 : wire_to_time(p, text);
}
