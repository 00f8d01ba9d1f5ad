/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that a connection receives against the pieces it is to be sent. Where
 * a piece may have been left out, every reading that fits is followed.
 * See entries.h.
 */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

#define CURSORS                                   \
	(sizeof(((struct ent_life *)0)->cursor) / \
	 sizeof(((struct ent_life *)0)->cursor[0]))

struct ent_life *ent_life_new(struct ent_host *h, uint16_t id, uint16_t gen)
{
	struct ent_life *l = calloc(1, sizeof(*l));

	(void)h;
	if (!l)
		abort();
	l->id = id;
	l->gen = gen;
	l->cursors = 1;
	l->dead_from = UINT64_MAX;
	return l;
}

void ent_life_free(struct ent_life *l)
{
	free(l->piece);
	free(l->got);
	free(l);
}

/* Pieces stay in the order of their entries. */
void ent_piece_add(struct ent_host *h, struct ent_life *l, uint64_t entry,
		   uint32_t at, uint32_t len, bool maybe)
{
	uint32_t i, k;

	(void)h;
	if (l->pieces == l->piece_room) {
		l->piece_room = 2 * l->piece_room + 16;
		l->piece = realloc(l->piece, l->piece_room * sizeof(*l->piece));
		if (!l->piece)
			abort();
	}
	for (i = l->pieces; i && l->piece[i - 1].entry > entry; i--)
		l->piece[i] = l->piece[i - 1];
	l->piece[i] = (struct ent_piece){ entry, at, len, maybe };
	for (k = 0; k < l->cursors; k++)
		if (l->cursor[k].piece > i ||
		    (l->cursor[k].piece == i && l->cursor[k].off))
			l->cursor[k].piece++;
	l->pieces++;
	l->extents++;
	l->unsure |= maybe;
}

static void add_cursor(struct ent_host *h, struct ent_life *l,
		       struct ent_cursor c)
{
	uint32_t i;

	for (i = 0; i < l->cursors; i++)
		if (l->cursor[i].piece == c.piece && l->cursor[i].off == c.off)
			return;
	if (l->cursors == CURSORS)
		ent_fail(h, "more than %zu readings of a stream", CURSORS);
	else
		l->cursor[l->cursors++] = c;
}

/* Where a piece may be left out, the next one may come. */
static void leave_out(struct ent_host *h, struct ent_life *l)
{
	uint32_t i;

	for (i = 0; i < l->cursors; i++) {
		struct ent_cursor c = l->cursor[i];

		if (!c.off && c.piece < l->pieces && l->piece[c.piece].maybe) {
			c.piece++;
			add_cursor(h, l, c);
		}
	}
}

static void take_byte(struct ent_host *h, struct ent_life *l, uint8_t byte)
{
	struct ent_cursor old[CURSORS];
	uint32_t count, i;

	leave_out(h, l);
	count = l->cursors;
	memcpy(old, l->cursor, count * sizeof(*old));
	l->cursors = 0;
	for (i = 0; i < count; i++) {
		struct ent_cursor c = old[i];

		if (c.piece >= l->pieces ||
		    h->table[l->piece[c.piece].at + c.off] != byte)
			continue;
		if (++c.off == l->piece[c.piece].len) {
			c.off = 0;
			c.piece++;
		}
		add_cursor(h, l, c);
	}
}

/* @off counts from the first byte of the life. */
bool ent_receive(struct ent_host *h, struct ent_life *l, uint32_t off,
		 const uint8_t *bytes, uint32_t len)
{
	uint32_t end = l->got_from + l->got_len, old, i;

	if (off > end || off < l->got_from) {
		ent_fail(h, "id %u: byte %u sent, %u..%u are there", l->id, off,
			 l->got_from, end);
		return false;
	}
	old = end - off < len ? end - off : len;
	if (old && memcmp(l->got + (off - l->got_from), bytes, old)) {
		ent_fail(h, "id %u: a retransmitted byte differs", l->id);
		return false;
	}
	if (l->got_len + len > l->got_room) {
		l->got_room = 2 * (l->got_len + len);
		l->got = realloc(l->got, l->got_room);
		if (!l->got)
			abort();
	}
	for (i = old; i < len; i++) {
		take_byte(h, l, bytes[i]);
		if (!l->cursors) {
			ent_fail(h, "id %u: byte %u is wrong", l->id, off + i);
			return false;
		}
		l->got[l->got_len++] = bytes[i];
	}
	h->card->res.bytes_received += len - old;
	return true;
}

bool ent_complete(const struct ent_life *l)
{
	uint32_t i, k;

	for (i = 0; i < l->cursors; i++) {
		k = l->cursor[i].piece;
		if (l->cursor[i].off)
			continue;
		while (k < l->pieces && l->piece[k].maybe)
			k++;
		if (k == l->pieces)
			return true;
	}
	return false;
}

void ent_stretch(struct ent_host *h, struct ent_life *l)
{
	if (l->lagging && !l->rst_got && !l->aborting && !l->releasing)
		ent_fail(h, "id %u has everything, and is not writable", l->id);
	l->got_from += l->got_len;
	l->got_len = 0;
	l->pieces = l->extents = 0;
	l->cursor[0] = (struct ent_cursor){ 0, 0 };
	l->cursors = 1;
	l->unsure = l->answered = false;
}

uint8_t ent_up_byte(const struct ent_life *l, uint32_t at)
{
	uint32_t x =
		(l->rcv_nxt ^ (uint32_t)l->gen << 16) + at / 4 * 0x9E3779B1u;

	x = (x ^ x >> 15) * 0x85EBCA77u;
	return (uint8_t)((x ^ x >> 13) >> 8 * (at % 4));
}
