/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the timeline: what each slice and track is called. */
#include "fantail_regs.h"
#include "timeline.h"

#define NUMBER(n)                    \
	{                            \
		(n), TIMELINE_NUMBER \
	}
#define ADDRESS(n)                    \
	{                             \
		(n), TIMELINE_ADDRESS \
	}
#define DATA_IN_QP NUMBER("bytes"), NUMBER("qp")

/* clang-format off */
#define READ(text, row) \
	{ text, TIMELINE_TRACK_##row, { ADDRESS("address"), DATA_IN_QP } }
#define RECORD(type, text) \
	[TIMELINE_RECORD + FANTAIL_REC_##type] = \
		{ text, TIMELINE_TRACK_RECORD, { ADDRESS("address"), DATA_IN_QP } }
#define CALL(text) { text, TIMELINE_TRACK_HOST, { { NULL, 0 } } }
#define SENT(text) \
	{ text, TIMELINE_TRACK_SENT, \
	  { NUMBER("connection"), NUMBER("sequence"), NUMBER("bytes"), NUMBER("retransmitted") } }

const struct timeline_word timeline_words[TIMELINE_KINDS] = {
	[TIMELINE_BATCH] = { "batch", TIMELINE_TRACK_BATCH,
		{ NUMBER("payloads"), NUMBER("bytes"), NUMBER("receivers"), NUMBER("qp") } },
	[TIMELINE_PUBLISH] = CALL("publish"),
	[TIMELINE_SUBMIT] = CALL("submit"),
	[TIMELINE_POLL] = CALL("poll"),
	[TIMELINE_WAIT] = CALL("wait"),
	[TIMELINE_DOORBELL] = { "doorbell", TIMELINE_TRACK_DOORBELL,
		{ NUMBER("entries"), NUMBER("tail"), NUMBER("qp") } },
	[TIMELINE_DOORBELL_OTHER] = { "doorbell, no data", TIMELINE_TRACK_DOORBELL,
		{ ADDRESS("offset"), ADDRESS("value"), NUMBER("qp") } },
	[TIMELINE_ENTRIES] = READ("entry fetch", ENTRIES),
	[TIMELINE_PAYLOAD] = READ("payload read", PAYLOAD),
	[TIMELINE_LIST] = READ("target list read", LIST),
	[TIMELINE_CONTROL] = READ("control entry fetch", READ),
	[TIMELINE_READ] = READ("context or frame read", READ),
	RECORD(NONE, "record"),
	RECORD(BATCH, "BATCH record"),
	RECORD(DELIVERED, "DELIVERED record"),
	RECORD(CONN, "CONN record"),
	RECORD(SUMMARY, "SUMMARY record"),
	RECORD(DATA, "DATA record"),
	RECORD(FRAME, "FRAME record"),
	RECORD(REFUSED, "REFUSED record"),
	RECORD(HEAD, "HEAD record"),
	[TIMELINE_SLOT] = READ("slot write", RECORD),
	[TIMELINE_INTERRUPT] = { "interrupt", TIMELINE_TRACK_INTERRUPT, { NUMBER("vector") } },
	[TIMELINE_APPEND] = { "log append", TIMELINE_TRACK_APPEND,
		{ NUMBER("position"), NUMBER("bytes") } },
	[TIMELINE_WALK] = { "replication", TIMELINE_TRACK_WALK,
		{ NUMBER("position"), NUMBER("bytes"), NUMBER("reached"), NUMBER("skipped") } },
	[TIMELINE_SEGMENT] = SENT("segment"),
	[TIMELINE_RETRANSMISSION] = SENT("segment, retransmitted"),
	[TIMELINE_FRAME] = { "frame", TIMELINE_TRACK_SENT, { NUMBER("bytes") } },
	[TIMELINE_ACK] = { "ACK", TIMELINE_TRACK_RECEIVED,
		{ NUMBER("connection"), NUMBER("acknowledged"), NUMBER("bytes") } },
	[TIMELINE_RECEIVED] = { "frame", TIMELINE_TRACK_RECEIVED, { NUMBER("bytes") } },
};

const char *const timeline_sides[] = { "batches", "host", "PCIe", "engine", "wire", NULL };

const struct timeline_row timeline_rows[TIMELINE_TRACKS] = {
	[TIMELINE_TRACK_BATCH] = { "batch", 1 },
	[TIMELINE_TRACK_HOST] = { "library calls", 2 },
	[TIMELINE_TRACK_DOORBELL] = { "doorbells", 3 },
	[TIMELINE_TRACK_ENTRIES] = { "entry fetches", 3 },
	[TIMELINE_TRACK_PAYLOAD] = { "payload reads", 3 },
	[TIMELINE_TRACK_LIST] = { "target list reads", 3 },
	[TIMELINE_TRACK_READ] = { "other reads", 3 },
	[TIMELINE_TRACK_RECORD] = { "records, slots", 3 },
	[TIMELINE_TRACK_INTERRUPT] = { "interrupts", 3 },
	[TIMELINE_TRACK_APPEND] = { "log append", 4 },
	[TIMELINE_TRACK_WALK] = { "replication", 4 },
	[TIMELINE_TRACK_SENT] = { "sent", 5 },
	[TIMELINE_TRACK_RECEIVED] = { "received", 5 },
};
/* clang-format on */
