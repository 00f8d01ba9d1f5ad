/* SPDX-License-Identifier: Apache-2.0 */
/* What a scripted wire test says: offences, and the exchange as a ladder. */
#include <stdarg.h>
#include <stdlib.h>

#include "wire.h"

static void print_time(FILE *out, const struct wire *w, uint64_t now_us)
{
	if (now_us < w->zero_us)
		fprintf(out, "%14s", "");
	else
		fprintf(out, "%11.3f ms", (double)(now_us - w->zero_us) / 1000);
}

bool wire_fail(struct wire *w, const char *fmt, ...)
{
	va_list args;

	if (w->failed)
		return false;
	w->failed = true;
	if (w->now)
		fprintf(w->out, "%s:%u: %s\n", w->script->path, w->now->number,
			w->now->text);
	else
		fprintf(w->out, "%s:\n", w->script->path);
	fprintf(w->out, "    ");
	va_start(args, fmt);
	vfprintf(w->out, fmt, args);
	va_end(args);
	fprintf(w->out, "\n");
	return false;
}

void wire_note(struct wire *w, uint64_t now_us, char side, const char *fmt, ...)
{
	struct wire_row *r;
	va_list args;

	if (w->rows == w->row_room) {
		w->row_room = w->row_room ? 2 * w->row_room : 256;
		r = realloc(w->row, w->row_room * sizeof(*r));
		if (!r)
			abort();
		w->row = r;
	}
	r = &w->row[w->rows++];
	r->now_us = now_us;
	r->side = side;
	r->line = w->now ? w->now->number : 0;
	va_start(args, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, args);
	va_end(args);
}

void wire_ladder(const struct wire *w, FILE *out)
{
	static const char *const arrow[] = { ">", "<" };
	unsigned int i;

	fprintf(out, "\n  line          time      engine > peer, < engine\n");
	for (i = 0; i < w->rows; i++) {
		const struct wire_row *r = &w->row[i];

		if (r->side == '>')
			fprintf(out, "      ");
		else
			fprintf(out, "%6u", r->line);
		print_time(out, w, r->now_us);
		if (r->side == ' ')
			fprintf(out, "  . %s\n", r->text);
		else
			fprintf(out, "  %s%s %s\n",
				r->side == '>' ? "-----" : "",
				arrow[r->side == '<'], r->text);
	}
	if (w->now)
		fprintf(out, "%6u  HERE: %s\n", w->now->number, w->now->text);
	fprintf(out, "\n");
}
