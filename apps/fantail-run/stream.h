/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published stream, kept where every receiver can compare against it.
 *
 * The publisher appends what it hands to the engine, before it does so; each
 * receiver walks the stream byte by byte beside what it gets. The bytes live
 * in anonymous shared memory (memfd), so that receivers may be in a forked
 * process; the part that everyone has verified is given back, so an endless
 * feed needs no endless memory.
 *
 * Threads: one appends; each receiver is used by one thread at a time. The
 * rest is atomic. Create the stream before forking.
 */
#ifndef FANTAIL_RUN_STREAM_H
#define FANTAIL_RUN_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum receiver_state {
	RECEIVER_IDLE,	   /* not connected yet */
	RECEIVER_OPEN,	   /* connected, all bytes right so far */
	RECEIVER_VERIFIED, /* FIN exactly at the end of the stream */
	RECEIVER_DROPPED,  /* left on purpose (--drop-client) */
	RECEIVER_FAILED,   /* see fault */
};

enum receiver_fault {
	FAULT_NONE,
	FAULT_CONNECT,	 /* error: errno of connect(2) */
	FAULT_BYTE,	 /* expected, got at received */
	FAULT_EXTRA,	 /* more bytes than published */
	FAULT_EARLY_END, /* FIN before the end of the stream */
	FAULT_SOCKET,	 /* error: errno of read(2), often a reset */
	FAULT_SILENCE,	 /* nothing arrived for too long */
};

/* One receiver's place in the stream and what became of it. */
struct receiver {
	_Atomic uint64_t received; /* bytes compared and right */
	_Atomic int state;	   /* enum receiver_state */
	/* written before state becomes RECEIVER_FAILED */
	int fault; /* enum receiver_fault */
	int error;
	uint8_t expected;
	uint8_t got;
};

struct stream;

/*
 * stream_new() - an empty stream for a number of receivers
 * @receivers: 1..65536
 *
 * Return: 0 and @stream, or -errno (-ENOMEM mostly).
 */
int stream_new(unsigned int receivers, struct stream **stream);

/* Release it in this process; the others keep theirs. NULL is allowed. */
void stream_free(struct stream *s);

/*
 * stream_append() - bytes that are published next
 *
 * Call before the engine can see them. Gives back what all have verified.
 *
 * Return: 0, or -EAGAIN when a receiver is so far behind that the window of
 * the stream (4 GiB) is full: nothing was appended.
 */
int stream_append(struct stream *s, const uint8_t *data, size_t length);

/* No byte follows: from now on a FIN at the end is right. */
void stream_finish(struct stream *s);

/* Bytes published so far. */
uint64_t stream_published(const struct stream *s);

/* The stream's receiver @n; lives as long as the stream. */
struct receiver *stream_receiver(struct stream *s, unsigned int n);
unsigned int stream_receivers(const struct stream *s);

/* Sum of all receivers' right bytes. */
uint64_t stream_delivered(const struct stream *s);

/* Receivers in this state. */
unsigned int stream_count(const struct stream *s, enum receiver_state state);

/*
 * stream_verify() - compare what a receiver got with what was published
 *
 * On the first difference the receiver becomes FAILED, with its place.
 *
 * Return: 0, or -EBADMSG.
 */
int stream_verify(struct stream *s, struct receiver *r, const uint8_t *data,
		  size_t length);

/* stream_end() - the peer's FIN: VERIFIED, or FAILED with FAULT_EARLY_END. */
void stream_end(struct stream *s, struct receiver *r);

/* stream_fail() - the receiver failed otherwise, with an errno or 0. */
void stream_fail(struct receiver *r, enum receiver_fault fault, int error);

/*
 * stream_describe() - a line about a failed receiver
 * @n: its number
 * @text: written, always terminated
 */
void stream_describe(struct stream *s, unsigned int n, char *text, size_t size);

#endif
