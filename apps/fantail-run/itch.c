/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The market has a few stocks, a price that walks, and a book of live orders.
 * Executions, cancels, deletes and replaces name orders that are in the book,
 * and no order gives more shares than it has.
 */
#include "itch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	STOCKS = 16,
	BOOK = 4096, /* live orders at most */
	HEAD = 11,   /* type, locate, tracking, timestamp */
	CLOSING = 3, /* events at the end of the day */
};

static const uint64_t DAY_START_NS = 34200ULL * 1000000000ULL; /* 09:30 */

static const uint8_t lengths[256] = {
	['S'] = 12, ['R'] = 39, ['H'] = 25, ['Y'] = 20, ['L'] = 26, ['V'] = 35,
	['W'] = 12, ['K'] = 28, ['J'] = 35, ['h'] = 21, ['A'] = 36, ['F'] = 40,
	['E'] = 31, ['C'] = 36, ['X'] = 23, ['D'] = 19, ['U'] = 35, ['P'] = 44,
	['Q'] = 40, ['B'] = 19, ['I'] = 50, ['N'] = 20, ['O'] = 48,
};

static const char symbols[STOCKS][9] = {
	"FANT    ", "TAIL    ", "BELL    ", "RING    ", "LOGB    ", "EXTN    ",
	"SWEP    ", "HEAD    ", "PHAS    ", "SLOT    ", "GATH    ", "SEGM    ",
	"ACKD    ", "WIND    ", "PROB    ", "CLSE    ",
};

struct order {
	uint64_t ref;
	uint32_t shares;
	uint32_t price; /* 1/10,000 dollar */
	uint16_t stock;
	char side;
};

struct itch_market {
	uint64_t random;
	uint64_t left; /* messages still to come */
	uint64_t sent;
	uint64_t now_ns; /* since midnight */
	uint64_t next_ref;
	uint64_t next_match;
	uint32_t price[STOCKS];
	unsigned int live; /* orders in the book */
	struct order book[BOOK];
};

unsigned int itch_length(uint8_t type)
{
	return lengths[type];
}

/* splitmix64: small, seedable with any value, the same on every machine */
static uint64_t next_random(struct itch_market *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint32_t below(struct itch_market *m, uint32_t limit)
{
	return (uint32_t)(next_random(m) % limit);
}

static uint8_t *put(uint8_t *p, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	return p + bytes;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t length = strlen(text);

	memcpy(p, text, length);
	return p + length;
}

/* The eleven bytes every message begins with; stock 0xffff means none. */
static uint8_t *put_head(struct itch_market *m, uint8_t *record, char type,
			 unsigned int stock)
{
	uint8_t *p = put(record, lengths[(uint8_t)type], ITCH_PREFIX);

	*p++ = (uint8_t)type;
	p = put(p, stock < STOCKS ? stock + 1 : 0, 2);
	p = put(p, m->sent & 0xffff, 2);
	return put(p, m->now_ns, 6);
}

static void put_event(struct itch_market *m, uint8_t *record, char code)
{
	*put_head(m, record, 'S', STOCKS) = (uint8_t)code;
}

static void put_directory(struct itch_market *m, uint8_t *record,
			  unsigned int stock)
{
	uint8_t *p = put_head(m, record, 'R', stock);

	p = put_text(p, symbols[stock]);
	p = put_text(p, "QN");	  /* global select, normal */
	p = put(p, 100, 4);	  /* round lot */
	p = put_text(p, "NC");	  /* odd lots too; common stock */
	p = put_text(p, "Z ");	  /* issue sub-type: not applicable */
	p = put_text(p, "PN 1N"); /* live, no threshold, -, tier 1, no ETP */
	p = put(p, 0, 4);	  /* leverage */
	*p = 'N';		  /* not inverse */
}

static void put_trading(struct itch_market *m, uint8_t *record,
			unsigned int stock)
{
	uint8_t *p = put_head(m, record, 'H', stock);

	p = put_text(p, symbols[stock]);
	put_text(p, "T     "); /* trading, reserved, no reason */
}

static void put_add(struct itch_market *m, uint8_t *record)
{
	struct order *o = &m->book[m->live++];
	bool attributed = below(m, 8) == 0;
	uint8_t *p;

	o->ref = m->next_ref++;
	o->stock = (uint16_t)below(m, STOCKS);
	o->side = below(m, 2) ? 'B' : 'S';
	o->shares = 100 * (1 + below(m, 20));
	o->price = m->price[o->stock];
	if (o->side == 'B')
		o->price -= 100 * (1 + below(m, 10));
	else
		o->price += 100 * (1 + below(m, 10));

	p = put_head(m, record, attributed ? 'F' : 'A', o->stock);
	p = put(p, o->ref, 8);
	*p++ = (uint8_t)o->side;
	p = put(p, o->shares, 4);
	p = put_text(p, symbols[o->stock]);
	p = put(p, o->price, 4);
	if (attributed)
		put_text(p, "FNTL");
}

static void forget(struct itch_market *m, struct order *o)
{
	*o = m->book[--m->live];
}

/* Some shares of a live order; all of them takes it out of the book. */
static void put_taken(struct itch_market *m, uint8_t *record, char type)
{
	struct order *o = &m->book[below(m, m->live)];
	bool all = type == 'D' || below(m, 2);
	uint32_t shares = all ? o->shares : 1 + below(m, o->shares);
	uint8_t *p;

	/* a cancel is partial: taking everything out is a delete */
	if (type == 'X' && shares == o->shares)
		type = 'D';
	p = put(put_head(m, record, type, o->stock), o->ref, 8);
	if (type == 'X') {
		put(p, shares, 4);
	} else if (type != 'D') {
		p = put(p, shares, 4);
		p = put(p, m->next_match++, 8);
		if (type == 'C') {
			*p++ = 'Y';
			put(p, o->price, 4);
		}
	}
	o->shares -= shares;
	if (!o->shares)
		forget(m, o);
}

static void put_replace(struct itch_market *m, uint8_t *record)
{
	struct order *o = &m->book[below(m, m->live)];
	uint8_t *p = put_head(m, record, 'U', o->stock);

	p = put(p, o->ref, 8);
	o->ref = m->next_ref++;
	o->shares = 100 * (1 + below(m, 20));
	o->price += 100 * (1 + below(m, 4));
	p = put(p, o->ref, 8);
	p = put(p, o->shares, 4);
	put(p, o->price, 4);
}

/* A trade against an order that is not displayed: its number is zero. */
static void put_trade(struct itch_market *m, uint8_t *record)
{
	unsigned int stock = below(m, STOCKS);
	uint8_t *p = put_head(m, record, 'P', stock);

	p = put(p, 0, 8);
	*p++ = 'B';
	p = put(p, 100 * (1 + below(m, 10)), 4);
	p = put_text(p, symbols[stock]);
	p = put(p, m->price[stock], 4);
	put(p, m->next_match++, 8);
}

static void put_imbalance(struct itch_market *m, uint8_t *record)
{
	unsigned int stock = below(m, STOCKS);
	uint8_t *p = put_head(m, record, 'I', stock);

	p = put(p, 100 * (1 + below(m, 1000)), 8);
	p = put(p, 100 * (1 + below(m, 100)), 8);
	*p++ = below(m, 2) ? 'B' : 'S';
	p = put_text(p, symbols[stock]);
	for (int i = 0; i < 3; i++) /* far, near, reference */
		p = put(p, m->price[stock], 4);
	put_text(p, "C "); /* closing cross, variation unknown */
}

/* What a day is made of, in parts of a hundred. */
static void put_business(struct itch_market *m, uint8_t *record)
{
	uint32_t dice = below(m, 100);
	unsigned int stock = below(m, STOCKS);
	int32_t step = (int32_t)below(m, 5) - 2;

	if (m->price[stock] > 100000 || step > 0)
		m->price[stock] += (uint32_t)(step * 100);

	if (dice >= 96)
		put_trade(m, record);
	else if (dice >= 95)
		put_imbalance(m, record);
	else if (m->live < 32 || (dice < 45 && m->live < BOOK))
		put_add(m, record);
	else if (dice < 55)
		put_taken(m, record, 'E');
	else if (dice < 58)
		put_taken(m, record, 'C');
	else if (dice < 64)
		put_taken(m, record, 'X');
	else if (dice < 80)
		put_replace(m, record);
	else
		put_taken(m, record, 'D');
}

struct itch_market *itch_market_new(uint64_t seed, uint64_t messages)
{
	struct itch_market *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->random = seed;
	m->left = messages;
	m->now_ns = DAY_START_NS;
	m->next_ref = 1000;
	m->next_match = 1;
	for (unsigned int i = 0; i < STOCKS; i++)
		m->price[i] = 100 * (2000 + below(m, 20000));
	return m;
}

void itch_market_free(struct itch_market *m)
{
	free(m);
}

size_t itch_market_next(struct itch_market *m, uint8_t *record)
{
	static const char opening[] = { 'O', 'S', 'Q' };
	static const char closing[CLOSING] = { 'M', 'E', 'C' };
	uint64_t n = m->sent;

	if (!m->left)
		return 0;
	m->now_ns += 1 + below(m, 2000000);
	/* start of messages; who is there; start of system and of trading */
	if (n == 0)
		put_event(m, record, opening[0]);
	else if (n <= STOCKS)
		put_directory(m, record, (unsigned int)n - 1);
	else if (m->left <= CLOSING)
		put_event(m, record, closing[CLOSING - m->left]);
	else if (n <= 2 * STOCKS)
		put_trading(m, record, (unsigned int)n - STOCKS - 1);
	else if (n <= 2 * STOCKS + 2)
		put_event(m, record, opening[n - 2 * STOCKS]);
	else
		put_business(m, record);
	m->sent++;
	m->left--;
	return ITCH_PREFIX + (size_t)record[1];
}
