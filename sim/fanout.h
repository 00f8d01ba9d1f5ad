/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fan-out meter: when the batches left the card and were acknowledged,
 * and in which order the connections came.
 *
 * It is told of each batch how many bytes it gives to whom, and then counts
 * bytes: those that leave for the first time, and those acknowledged. So it
 * needs no memory for each frame, and one for each batch under way.
 *
 * Of a batch it measures, all from its doorbell on,
 *   first  until the frame has left that brings the first byte to anybody,
 *   last   until that has left which brings the last byte to the last of them,
 *   acked  until the last of them has acknowledged its last byte.
 * Connections that end on the way are left out from then on. And of each
 * connection its place: how many others had got their first byte of the batch
 * before it, as a share of them, 0 first to 1 last.
 *
 * Threads: one meter is used by one thread at a time.
 */
#ifndef FANTAIL_FANOUT_H
#define FANTAIL_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_fanout;

/* A moment: two clocks, since an idle card skips cycles. */
struct fantail_fanout_time {
	uint64_t cycle;
	uint64_t ns;
};

/* How a time was spread over the batches; quantiles up to 1/128 too great. */
struct fantail_fanout_spread {
	uint64_t median, p99, p999, max;
};

struct fantail_fanout_result {
	uint64_t batches; /* announced */
	uint64_t left;	  /* of them whole on the wire: first, last hold */
	uint64_t acked;	  /* of them acknowledged: acked holds */
	uint64_t queued;  /* rung when one before had not wholly left */
	/* too many batches were under way: later ones are not measured */
	bool full;
	/* sent and of no batch; the times are not to be trusted */
	uint64_t stray_bytes;
	struct fantail_fanout_spread first_cycles, first_ns;
	struct fantail_fanout_spread last_cycles, last_ns;
	struct fantail_fanout_spread acked_cycles, acked_ns;
	/* of connections with a place: least and greatest mean */
	uint32_t members;
	double place_mean_min, place_mean_max;
};

/* One connection's places. */
struct fantail_fanout_places {
	uint64_t batches; /* with more than one target */
	double mean, min, max;
};

/**
 * fantail_fanout_open() - create a meter.
 * @members: connections, 1 to 65536; they are named 0 to @members - 1
 * @batches: most batches under way, 1 to 2^20
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int fantail_fanout_open(uint32_t members, uint32_t batches,
			struct fantail_fanout **out);

/** fantail_fanout_close() - free; NULL is allowed. */
void fantail_fanout_close(struct fantail_fanout *f);

/**
 * fantail_fanout_join() - a connection takes part from the next batch on.
 * @member: one that has not joined, or is gone
 * @unacked: bytes sent before that will still be acknowledged
 *
 * Return: 0, or -EINVAL: no such member, or it takes part already.
 */
int fantail_fanout_join(struct fantail_fanout *f, uint32_t member,
			uint32_t unacked);

/** fantail_fanout_gone() - a connection has ended; nothing if it had not joined. */
void fantail_fanout_gone(struct fantail_fanout *f, uint32_t member);

/**
 * fantail_fanout_batch() - announce a batch, before its doorbell.
 * @bytes: for each member what it gets, 0 allowed; copied. NULL: all get the
 *	same
 * @each: with @bytes NULL, bytes that each gets
 *
 * Return: 0; -ENOSPC: too many under way, from now on nothing is measured;
 * -ENOMEM: as that.
 */
int fantail_fanout_batch(struct fantail_fanout *f, const uint32_t *bytes,
			 uint32_t each);

/** fantail_fanout_rung() - the doorbell of all that was announced, now. */
void fantail_fanout_rung(struct fantail_fanout *f,
			 struct fantail_fanout_time now);

/** fantail_fanout_sent() - @bytes left for the first time, in this frame. */
void fantail_fanout_sent(struct fantail_fanout *f, uint32_t member,
			 uint32_t bytes, struct fantail_fanout_time now);

/** fantail_fanout_acked() - @bytes more are acknowledged. */
void fantail_fanout_acked(struct fantail_fanout *f, uint32_t member,
			  uint32_t bytes, struct fantail_fanout_time now);

/** fantail_fanout_get_result() - what was measured so far. */
void fantail_fanout_get_result(const struct fantail_fanout *f,
			       struct fantail_fanout_result *result);

/** fantail_fanout_get_places() - of one member. 0, or -EINVAL: no such. */
int fantail_fanout_get_places(const struct fantail_fanout *f, uint32_t member,
			      struct fantail_fanout_places *places);

#ifdef __cplusplus
}
#endif

#endif
