/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches a card for its timeline: finds out what happens, of which batch
 * it is, and tells the store (timeline.h).
 *
 * It looks at the engine's ports, as a logic analyser would, and at what
 * struct dut_watch shows from inside. A batch is what one entry with LAST
 * ends, if it has a PUBLISH; batches are numbered from 0 in the order in which
 * they are fetched. What belongs to which batch it knows
 *
 *   on PCIe        from rings and entries: their addresses, and those in them
 *   in the log     from positions: a walk has the place of its payloads
 *   on the wire    from sequence numbers: a walk queues bytes of a connection
 *
 * Nothing is asked of the host software. Not thread-safe: the model's lock
 * covers it. The moment @now is always the card's.
 */
#ifndef FANTAIL_TIMELINE_WATCH_H
#define FANTAIL_TIMELINE_WATCH_H

#include <stdint.h>

#include "dut.h"
#include "timeline.h"

struct timeline_watch;

/* Watch for @t, which must outlive it. 0 or -ENOMEM. */
int timeline_watch_open(struct timeline *t, unsigned int ns_per_cycle,
			struct timeline_watch **out);
void timeline_watch_close(struct timeline_watch *w);

/* No more will come: tell what is not over as far as it got. */
void timeline_watch_finish(struct timeline_watch *w, struct timeline_time now);

/* The inside of the engine, once a cycle. */
void timeline_watch_cycle(struct timeline_watch *w, struct timeline_time now,
			  const struct dut_watch *inside);

/* A register write begins; it is done: the engine has answered. */
void timeline_watch_write(struct timeline_watch *w, struct timeline_time now,
			  uint32_t offset, uint32_t value);
void timeline_watch_written(struct timeline_watch *w, struct timeline_time now);

/* The engine asks for @beats lines; it takes one; @bad: with an error. */
void timeline_watch_read(struct timeline_watch *w, struct timeline_time now,
			 unsigned int qp, uint64_t iova, unsigned int beats);
void timeline_watch_line(struct timeline_watch *w, struct timeline_time now,
			 const uint8_t *data, bool bad);

/*
 * The engine gives a beat of a write, first and last of its burst or not. It
 * is visible at cycle @visible.
 */
struct timeline_beat {
	unsigned int qp;
	uint64_t iova;
	const uint8_t *data;
	uint64_t strobe;
	bool first, last;
	uint64_t visible;
};

void timeline_watch_beat(struct timeline_watch *w, struct timeline_time now,
			 const struct timeline_beat *b);

/* Interrupts leave the engine, and are delivered at cycle @visible. */
void timeline_watch_interrupt(struct timeline_watch *w,
			      struct timeline_time now, uint32_t vectors,
			      uint64_t visible);

/* A frame has left, from @begin on; one comes, of so many beats. */
void timeline_watch_sent(struct timeline_watch *w, struct timeline_time begin,
			 struct timeline_time now, const uint8_t *frame,
			 size_t len);
void timeline_watch_received(struct timeline_watch *w, struct timeline_time now,
			     const uint8_t *frame, size_t len);

#endif
