/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link model: what the way between card and network does to frames.
 *
 * Each direction has its own settings. A frame meets, in this order:
 *
 *   lose     its number is on a list
 *   rate     it waits until the frames before it are out; no room: dropped
 *   loss     chance
 *   dup      arrives twice
 *   corrupt  one bit is flipped, behind the Ethernet header and inside the IPv4
 *            packet; a frame of another kind has no checksum of its own, and
 *            is discarded as the FCS would have it
 *   delay    later, plus 0 to jitter; jitter alone does not reorder
 *   reorder  held back until so many later frames of its TCP connection (other
 *            frames: of none) have passed, or for a time
 *
 * Every decision is a function of the seed, the direction and the frame's
 * number: a run in virtual time repeats, and one setting does not change what
 * another one does to which frame.
 *
 * Threads: one link is used by one thread at a time. Time is an input and
 * never runs backwards.
 */
#ifndef FANTAIL_LINK_H
#define FANTAIL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FANTAIL_LINK_NEVER UINT64_MAX
#define FANTAIL_LINK_LOSE  32 /* ranges on a list */

enum fantail_link_dir {
	FANTAIL_LINK_TX, /* from the card */
	FANTAIL_LINK_RX, /* towards the card */
	FANTAIL_LINK_DIRS,
};

/* Numbers of frames, from 1, both ends included. */
struct fantail_link_range {
	uint64_t first, last;
};

/* One direction. Zero is a perfect link. */
struct fantail_link_way {
	uint32_t loss_ppm; /* chances in millionths, 0 to 1000000 */
	uint32_t dup_ppm;
	uint32_t reorder_ppm;
	uint32_t corrupt_ppm;
	uint32_t reorder_frames; /* 0: by time; else 1 to 1000, and 20 ms at
				  * most */
	uint32_t reorder_us;	 /* both 0: 3 frames; up to 10 s */
	uint32_t delay_us;	 /* up to 10 s */
	uint32_t jitter_us;	 /* up to 10 s */
	uint64_t rate_bps;	 /* of the frames without FCS and gap, 1 kbit/s
				  * to 1 Tbit/s; 0: no limit */
	uint64_t queue_bytes;	 /* waiting for the rate; 0: 1000000 */
	unsigned int lose_count;
	struct fantail_link_range lose[FANTAIL_LINK_LOSE];
};

struct fantail_link_config {
	struct fantail_link_way way[FANTAIL_LINK_DIRS];
	uint64_t seed;
	uint32_t frames_max; /* under way in a direction; 0: 65536 */
};

/* One direction's counts, in frames. Each that came in is in lost, listed,
 * overflow or discarded, or arrives, with its copies. */
struct fantail_link_stats {
	uint64_t frames;     /* came in */
	uint64_t arrived;    /* went out, copies included */
	uint64_t lost;	     /* by chance */
	uint64_t listed;     /* lost by number */
	uint64_t overflow;   /* no room: rate's queue, or frames_max */
	uint64_t duplicated; /* copies made */
	uint64_t reordered;  /* held back */
	uint64_t corrupted;  /* a bit flipped */
	uint64_t discarded;  /* corrupted, but not IPv4 */
};

struct fantail_link;

/**
 * fantail_link_set() - one setting from text
 * @way: changed on success only
 * @name: loss, dup, reorder, corrupt: a share ("2%", "0.1%");
 *	  reorder-gap: frames ("3") or a time ("5ms");
 *	  delay, jitter: a time ("20ms", "500us", "1s", "0");
 *	  rate: "10mbit", "1gbit", "64kbit"; queue: "64000", "256k", "1m" bytes;
 *	  lose: numbers ("3,7-9")
 * @value: the text; units in small or capital letters
 * @must: on -EINVAL set to what it must be, a static text
 *
 * Return: 0; -EINVAL; -ENOENT: no such name.
 */
int fantail_link_set(struct fantail_link_way *way, const char *name,
		     const char *value, const char **must);

/* fantail_link_is_perfect() - would nothing happen to any frame? */
bool fantail_link_is_perfect(const struct fantail_link_way *way);

/**
 * fantail_link_open() - lay a link
 * @cfg: copied
 * @out: set on success only
 *
 * Return: 0; -EINVAL: a value out of range; -ENOMEM.
 */
int fantail_link_open(const struct fantail_link_config *cfg,
		      struct fantail_link **out);

/* Free it, and what is under way; NULL is allowed. */
void fantail_link_close(struct fantail_link *link);

/**
 * fantail_link_put() - a frame enters
 * @frame: copied
 * @len: at least 14 bytes
 * @at_us: when
 *
 * Return: 0, also when it is lost; -ENOMEM: lost, counted as overflow.
 */
int fantail_link_put(struct fantail_link *link, enum fantail_link_dir dir,
		     const void *frame, size_t len, uint64_t at_us);

/**
 * fantail_link_take() - the next frame that is due at the other end
 * @frame: receives it
 * @size: of that buffer; longer frames are cut
 * @now_us: frames due up to and including this time
 *
 * Return: its length, or 0: none is due.
 */
size_t fantail_link_take(struct fantail_link *link, enum fantail_link_dir dir,
			 void *frame, size_t size, uint64_t now_us);

/* When fantail_link_take() next has a frame, or FANTAIL_LINK_NEVER. */
uint64_t fantail_link_next_us(const struct fantail_link *link,
			      enum fantail_link_dir dir);

/* A copy of the counts. */
void fantail_link_get_stats(const struct fantail_link *link,
			    enum fantail_link_dir dir,
			    struct fantail_link_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
