/* SPDX-License-Identifier: Apache-2.0 */
/* Internal: the parts of who watches, see timeline_watch.h. */
#ifndef FANTAIL_TIMELINE_INTERNAL_H
#define FANTAIL_TIMELINE_INTERNAL_H

#include <stdbool.h>

#include "fantail_regs.h"
#include "fifo.h"
#include "timeline_watch.h"

#define WATCH_QPS	  8u
#define WATCH_CONNECTIONS 16384u
#define WATCH_BUCKETS	  32768u /* a power of two */

/* A batch of a DATA ring, from its first entry to its last acknowledgement. */
struct watch_batch {
	uint64_t number; /* TIMELINE_NO_BATCH: no PUBLISH so far */
	unsigned int qp;
	bool recorded;
	struct timeline_time doorbell;
	uint64_t payloads, bytes;
	bool rung_for;	    /* its doorbell has been told */
	uint64_t receivers; /* connections that got some of it */
	uint64_t open;	    /* pieces of streams, not acknowledged */
};

/* A PUBLISH that has been fetched and not replicated. */
struct watch_payload {
	struct watch_batch *batch;
	uint64_t addr, len;
	uint64_t list_addr, list_bytes;
	bool read, list_read; /* asked for to its last line */
};

struct watch_doorbell {
	struct timeline_time begin;
	uint64_t end;	 /* ns; 0: under way */
	uint64_t behind; /* index behind its last entry */
	uint64_t entries, tail;
	bool told;
};

/* An install's context, to be read. */
struct watch_context {
	uint64_t addr;
	uint32_t handle;
	struct fantail_context context;
};

struct watch_qp {
	uint64_t base[2], status_base, slot_base; /* rings: DATA, CONTROL */
	uint32_t log2[2], status_log2, slots;
	bool enabled;
	uint32_t tail;	      /* of DATA, as rung last */
	uint64_t rung;	      /* entries of DATA submitted */
	uint64_t fetched;     /* of them */
	struct fifo bells;    /* struct watch_doorbell, not wholly fetched */
	struct fifo batches;  /* struct watch_batch *, no record yet */
	struct fifo payloads; /* struct watch_payload */
	struct fifo contexts; /* struct watch_context */
	struct watch_batch *batch;  /* being fetched, or NULL */
	uint64_t told, told_last;   /* batches no interrupt followed yet */
	struct timeline_event slot; /* write under way */
};

/* A read under way. */
struct watch_read {
	struct timeline_event event;
	unsigned int qp, beats, done;
	uint64_t iova;
};

/* Payload bytes on their way into the log, or in it and not replicated. */
struct watch_append {
	uint32_t pos, len;
	bool whole, told;
	uint64_t begin, end, cycle;
};

/* Bytes of a stream, up to the sequence number end, are of a batch. */
struct watch_piece {
	uint32_t end;
	struct watch_batch *batch;
};

struct watch_tuple {
	uint32_t local_ip, remote_ip;
	uint16_t local_port, remote_port;
};

struct watch_conn {
	bool known;
	struct watch_tuple tuple;
	uint32_t next;	      /* of its bucket: id + 1; 0: none */
	uint32_t queued;      /* sequence numbers: behind what is queued, */
	uint32_t sent, acked; /* sent, acknowledged */
	struct fifo pieces;   /* struct watch_piece, not acknowledged */
};

struct watch_walk {
	bool busy;
	struct timeline_event event;
	struct watch_batch *batch; /* NULL: not known */
};

struct timeline_watch {
	struct timeline *t;
	unsigned int ns_per_cycle;
	struct timeline_time now; /* of the call under way */
	bool over;		  /* all that was wanted has been seen */
	uint64_t over_ns;	  /* when it will be; 0: not known */
	bool opened;		  /* a batch that is wanted has come */
	uint64_t batches;	  /* numbered so far */
	uint64_t finished;	  /* of those that are wanted */
	struct watch_qp qp[WATCH_QPS];
	struct watch_doorbell *ringing; /* by the register write under way */
	struct timeline_event other;	/* or this one rings */
	bool other_rings;
	struct fifo reads;   /* struct watch_read */
	struct fifo appends; /* struct watch_append */
	struct watch_walk walk;
	struct watch_conn *conns;
	uint32_t *buckets; /* id + 1; 0: none */
};

/* When it is cycle @cycle, in ns. */
static inline uint64_t watch_at(const struct timeline_watch *w, uint64_t cycle)
{
	return w->now.ns + (cycle - w->now.cycle) * w->ns_per_cycle;
}

/* A slice of @kind from now to @end ns, of no batch yet. */
static inline struct timeline_event watch_slice(const struct timeline_watch *w,
						enum timeline_kind kind,
						uint64_t end)
{
	return (struct timeline_event){
		.kind = kind,
		.begin = w->now.ns,
		.cycle = w->now.cycle,
		.end = end,
		.batch = TIMELINE_NO_BATCH,
		.last = TIMELINE_NO_BATCH,
	};
}

static inline void watch_name(struct timeline_event *e,
			      const struct watch_batch *b)
{
	if (!b || b->number == TIMELINE_NO_BATCH)
		return;
	if (e->batch == TIMELINE_NO_BATCH)
		e->batch = b->number;
	e->last = b->number;
}

/* timeline_watch.c */
/* A record has told of @b, or its last piece is acknowledged: is it over? */
void watch_settle(struct timeline_watch *w, struct watch_batch *b);
/* Memory is short: from here on nothing is seen any more. */
void watch_fail(struct timeline_watch *w);

/* timeline_entries.c: what the engine has fetched, and writes */
void watch_entry(struct timeline_watch *w, struct watch_qp *qp,
		 const uint8_t *line, struct watch_read *read);
void watch_context(struct timeline_watch *w, struct watch_qp *qp, uint64_t iova,
		   const uint8_t *line);
void watch_qp_begin(struct timeline_watch *w, struct watch_qp *qp);
void watch_qp_free(struct watch_qp *qp);
/* The oldest batch without a record has got it, or never will. */
uint64_t watch_recorded(struct timeline_watch *w, struct watch_qp *qp);

/* timeline_log.c: appends and walks, of one cycle */
void watch_inside(struct timeline_watch *w, const struct dut_watch *in);

/* timeline_streams.c: connections, frames */
void watch_queued(struct timeline_watch *w, uint32_t id, uint32_t seq);
void watch_install(struct timeline_watch *w, uint32_t id,
		   const struct fantail_context *c);
void watch_release(struct timeline_watch *w, struct watch_conn *c);

#endif
