/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NASDAQ TotalView-ITCH 5.0: message lengths, and a seeded market that writes
 * messages of that format.
 *
 * A record is what the public files hold: a 2-byte big-endian length, then the
 * message. Not thread-safe; nothing here blocks.
 */
#ifndef FANTAIL_RUN_ITCH_H
#define FANTAIL_RUN_ITCH_H

#include <stddef.h>
#include <stdint.h>

enum {
	ITCH_PREFIX = 2,       /* bytes of the length before each message */
	ITCH_MESSAGE_MAX = 50, /* bytes of the longest message */
	ITCH_RECORD_MAX = ITCH_PREFIX + ITCH_MESSAGE_MAX,
};

/*
 * itch_length() - bytes of a message of this type, without the prefix
 * @type: first byte of the message
 *
 * Return: 12..50, or 0 when the specification has no such type.
 */
unsigned int itch_length(uint8_t type);

struct itch_market;

/*
 * itch_market_new() - a trading day of a small exchange
 * @seed: the same seed and count give the same bytes everywhere
 * @messages: length of the day in messages, at least 1; the closing events
 *	come at its end
 *
 * Return: the market, or NULL without memory. Free with itch_market_free().
 */
struct itch_market *itch_market_new(uint64_t seed, uint64_t messages);
void itch_market_free(struct itch_market *m);

/*
 * itch_market_next() - write the next record
 * @m: the market
 * @record: room for ITCH_RECORD_MAX bytes
 *
 * Return: bytes of the record with its prefix, 0 after the last one.
 */
size_t itch_market_next(struct itch_market *m, uint8_t *record);

#endif
