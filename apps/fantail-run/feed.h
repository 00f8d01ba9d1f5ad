/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feed: where the published messages come from, one after the other.
 *
 * A source is the synthetic market of itch.h, a file, or standard input. A file
 * or pipe is read as it is needed, never as a whole. What is published are the
 * bytes of the feed as they stand: length prefixes and line ends included.
 * One thread per feed.
 */
#ifndef FANTAIL_RUN_FEED_H
#define FANTAIL_RUN_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum feed_framing {
	FEED_ITCH,  /* 2-byte big-endian length, ITCH 5.0 message */
	FEED_LINES, /* up to and with '\n'; the last may lack it */
	FEED_FIXED, /* fixed_bytes each */
};

enum {
	FEED_MESSAGE_MAX = 65536, /* bytes; longer lines come in pieces */
};

struct feed_config {
	const char *path; /* NULL: synthetic; "-": standard input */
	enum feed_framing framing;
	size_t fixed_bytes; /* FEED_FIXED: 1..FEED_MESSAGE_MAX */
	uint64_t messages;  /* stop after so many, 0: at the feed's end;
				 * synthetic: length of the day, not 0 */
	uint64_t seed;	    /* synthetic only */
};

struct feed;

/*
 * feed_parse_framing() - read "itch", "lines" or "fixed:N"
 * @text: the option's value
 * @config: framing and fixed_bytes are set on success
 *
 * Return: 0, or -EINVAL with @config untouched.
 */
int feed_parse_framing(const char *text, struct feed_config *config);

/*
 * feed_open() - open a source
 * @config: copied; the path is only used during the call
 * @feed: the feed on success
 * @error: room for a line (culprit and remedy) on failure
 * @size: bytes at @error
 *
 * Return: 0, or a negative errno with @error filled: whatever open(2) says,
 * -EISDIR, -ENODATA for an empty file, -ENOMEM.
 */
int feed_open(const struct feed_config *config, struct feed **feed, char *error,
	      size_t size);
void feed_close(struct feed *f);

/*
 * feed_next() - the next message
 * @f: the feed
 * @data: its bytes, valid until the next call
 * @length: how many, 1..FEED_MESSAGE_MAX
 *
 * Never blocks: a pipe that has nothing for now gives -EAGAIN, see feed_fd().
 *
 * Return: 1 a message; 0 the end; -EAGAIN; -EBADMSG the feed is not what the
 * framing says or ends inside a message, -EIO it cannot be read: both are
 * final and feed_error() says it in a line.
 */
int feed_next(struct feed *f, const uint8_t **data, size_t *length);

/* What went wrong, naming the byte; "" when nothing did. */
const char *feed_error(const struct feed *f);

/* Descriptor to wait on after -EAGAIN, -1 when this feed never says that. */
int feed_fd(const struct feed *f);

/* Name for people: the path, "standard input" or "synthetic ITCH 5.0". */
const char *feed_name(const struct feed *f);

/* Bytes of a regular file, 0 when unknown: for estimates only. */
uint64_t feed_size_bytes(const struct feed *f);

/*
 * feed_check() - read a regular file through, so that a broken one is refused
 * before anything is started
 * @config: as for feed_open(); synthetic feeds and pipes are not read
 * @messages: messages in the file when it is one, else unchanged
 *
 * Return: as feed_open() and feed_next().
 */
int feed_check(const struct feed_config *config, uint64_t *messages,
	       char *error, size_t size);

#endif
