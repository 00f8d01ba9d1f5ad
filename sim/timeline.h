/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline: what happens to batches, as slices on tracks, and the file
 * that ui.perfetto.dev and chrome://tracing open (the trace event format).
 *
 * This is the store: slices of a window of batches, or of cycles, in memory,
 * and a file at the end. timeline_watch.h finds out what happens.
 *
 * Not thread-safe: the model's lock covers it.
 */
#ifndef FANTAIL_TIMELINE_H
#define FANTAIL_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TIMELINE_NO_BATCH UINT64_MAX
#define TIMELINE_EVENTS	  500000u /* most of one file; 80 bytes each */
#define TIMELINE_VALUES	  4

/* What a slice shows; timeline_kinds.c names it, its track and its values. */
enum timeline_kind {
	TIMELINE_BATCH, /* from the doorbell to the last acknowledgement */
	/* calls of the library, in the order of enum fantail_sim_call */
	TIMELINE_PUBLISH,
	TIMELINE_SUBMIT,
	TIMELINE_POLL,
	TIMELINE_WAIT,
	/* PCIe */
	TIMELINE_DOORBELL,
	TIMELINE_DOORBELL_OTHER, /* submits nothing to DATA */
	TIMELINE_ENTRIES,
	TIMELINE_PAYLOAD,
	TIMELINE_LIST,
	TIMELINE_CONTROL, /* entries of CONTROL */
	TIMELINE_READ,	  /* contexts, frames */
	TIMELINE_RECORD,  /* the first of those by type, FANTAIL_REC_ */
	TIMELINE_RECORD_BATCH,
	TIMELINE_RECORD_LAST = TIMELINE_RECORD + 8,
	TIMELINE_SLOT,
	TIMELINE_INTERRUPT,
	/* inside the engine */
	TIMELINE_APPEND,
	TIMELINE_WALK,
	/* wire */
	TIMELINE_SEGMENT,
	TIMELINE_RETRANSMISSION,
	TIMELINE_FRAME, /* sent, without payload of a connection */
	TIMELINE_ACK,
	TIMELINE_RECEIVED, /* a frame that acknowledges nothing new */
	TIMELINE_KINDS,
};

/* A moment: what the time axis shows, and the cycle. */
struct timeline_time {
	uint64_t ns;
	uint64_t cycle;
};

struct timeline_event {
	uint64_t begin, end;  /* ns */
	uint64_t cycle;	      /* of begin */
	uint64_t batch, last; /* TIMELINE_NO_BATCH, or first and last */
	uint64_t value[TIMELINE_VALUES];
	enum timeline_kind kind;
};

struct timeline_config {
	const char *path;
	bool cycles; /* the window is of cycles, not of batches */
	uint64_t first, last;
};

struct timeline {
	struct timeline_config cfg;
	FILE *file; /* NULL once it has been written */
	struct timeline_event *events;
	size_t count, space;
	bool full;	  /* some have been left out */
	bool collecting;  /* those of no batch */
	size_t mark;	  /* count when that began */
	uint64_t batches; /* whose doorbell is in it; the watcher's */
};

/*
 * timeline_open() - create the file, and keep nothing yet
 * @cfg: copied but for the path, which is not needed later
 *
 * Return: 0, -ENOMEM, -EINVAL: first behind last, or what fopen() gave.
 */
int timeline_open(const struct timeline_config *cfg, struct timeline **out);

/* Free; what has not been written is lost. NULL is allowed. */
void timeline_close(struct timeline *t);

/* Is one of the batches from @batch to @last wanted? */
bool timeline_wants(const struct timeline *t, uint64_t batch, uint64_t last);

/* timeline_add() - keep a copy if it lies in the window. Return: was it? */
bool timeline_add(struct timeline *t, const struct timeline_event *e);

/*
 * With a window of batches: what belongs to none is kept from here on. It is
 * dropped again by timeline_forget(), when no batch of the window came of it.
 */
void timeline_collect(struct timeline *t);
void timeline_forget(struct timeline *t);
void timeline_stop(struct timeline *t);

/* timeline_write() - write the file and close it. Return: 0 or -errno. */
int timeline_write(struct timeline *t);

/* ------------------------------------------------- timeline_kinds.c: words */

enum timeline_form {
	TIMELINE_NUMBER,
	TIMELINE_ADDRESS,
};

struct timeline_value {
	const char *name; /* NULL: none */
	enum timeline_form form;
};

enum timeline_track {
	TIMELINE_TRACK_BATCH,
	TIMELINE_TRACK_HOST,
	TIMELINE_TRACK_DOORBELL,
	TIMELINE_TRACK_ENTRIES,
	TIMELINE_TRACK_PAYLOAD,
	TIMELINE_TRACK_LIST,
	TIMELINE_TRACK_READ,
	TIMELINE_TRACK_RECORD,
	TIMELINE_TRACK_INTERRUPT,
	TIMELINE_TRACK_APPEND,
	TIMELINE_TRACK_WALK,
	TIMELINE_TRACK_SENT,
	TIMELINE_TRACK_RECEIVED,
	TIMELINE_TRACKS,
};

struct timeline_word {
	const char *name;
	enum timeline_track track;
	struct timeline_value value[TIMELINE_VALUES];
};

struct timeline_row {
	const char *name;
	int pid; /* of timeline_sides */
};

extern const struct timeline_word timeline_words[TIMELINE_KINDS];
extern const struct timeline_row timeline_rows[TIMELINE_TRACKS];
/* Names of pid 1 and on; NULL ends them. */
extern const char *const timeline_sides[];

#endif
