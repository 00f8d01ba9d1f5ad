/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripted wire tests: a text file plays the peer, the application and the
 * host, line by line, and says what the engine must put on the wire and when.
 * README.md has the grammar. Virtual time, one card for each script.
 *
 * One thread. Nothing here asserts or exits: what is wrong is written to a
 * stream and returned.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fantail_driver.h"
#include "fantail_sim.h"
#include "net.h"

#define WIRE_CONNS   26 /* @a to @z */
#define WIRE_LINES   2000
#define WIRE_VALUES  24
#define WIRE_OPTIONS 40 /* bytes of options in a TCP header */

enum wire_result {
	WIRE_PASS,
	WIRE_FAIL,   /* an expectation, or the card, failed */
	WIRE_SCRIPT, /* the script cannot be understood */
};

/*
 * Run the script in @text, whose name is @path. Offences go to @out, with the
 * exchange as a ladder when an expectation fails or @ladder is set.
 */
enum wire_result wire_run_text(const char *path, const char *text, bool ladder,
			       FILE *out);
/* The same from a file. */
enum wire_result wire_run_file(const char *path, bool ladder, FILE *out);

/* --------------------------------------------------------------- a script */
enum wire_verb {
	WIRE_CLOCK, /* in the order of wire_verbs[] in wire_parse.c */
	WIRE_INSTALL,
	WIRE_PUBLISH,
	WIRE_CLOSE,
	WIRE_ABORT,
	WIRE_RELEASE,
	WIRE_UPDATE,
	WIRE_SET,
	WIRE_RETURN,
	WIRE_COUNT,
	WIRE_QUERY,
	WIRE_QUIET,
	WIRE_DRAIN,
	WIRE_EVENT,
	WIRE_DATA,
	WIRE_FRAME,
	WIRE_SEND,   /* < */
	WIRE_EXPECT, /* > */
	WIRE_MAYBE,  /* >? */
};

struct wire_when {
	bool relative; /* to the time of the line before */
	bool window;   /* "a..b", else from_us == to_us */
	uint64_t from_us, to_us;
};

/* What a segment line names. */
enum {
	WIRE_HAS_SEQ = 0x1,
	WIRE_HAS_LEN = 0x2,
	WIRE_HAS_ACK = 0x4,
	WIRE_HAS_FLAGS = 0x8,
	WIRE_HAS_WND = 0x10,
	WIRE_HAS_VAL = 0x20,
	WIRE_HAS_ECR = 0x40,
	WIRE_HAS_END = 0x80, /* "seq a..b" */
	WIRE_HAS_PSH = 0x100,
	WIRE_HAS_TS = 0x200, /* "ts on" or "ts off" */
};

/* Numbers are relative: 0 is the first byte behind the handshake. */
struct wire_spec {
	unsigned int has;
	int64_t seq, end, ack;
	uint32_t len, len_max, wnd, val, ecr;
	uint32_t times_min, times_max; /* segments in a row */
	uint8_t flags;
	bool ts;
	/* only towards the card */
	bool bad_ip, bad_tcp, more_fragments;
	uint16_t urgent, fragment;
	uint8_t ip_options; /* bytes of NOPs */
	uint8_t reserved;   /* bits of the TCP header */
	uint8_t option[WIRE_OPTIONS];
	uint8_t option_len;
};

struct wire_install {
	uint32_t mss, wnd, wscale, rscale, ts, iss, irs, credit, id;
	uint32_t giveup_ms, srtt_us, lag, keep, keepalive_s;
};

struct wire_line {
	unsigned int number;
	const char *text; /* as written, without comment */
	enum wire_verb verb;
	uint8_t conn;
	struct wire_when when;
	struct wire_spec spec;
	struct wire_install install;
	/* numbers of PUBLISH; bits of EVENT; value, or bounds, of others */
	uint64_t value[WIRE_VALUES];
	unsigned int values;
	bool open;	  /* PUBLISH: the batch goes on */
	uint16_t offset;  /* COUNT, SET: register; UPDATE: code */
	uint16_t page;	  /* COUNT: 0 device, 1 queue pair */
	uint32_t queried; /* QUERY: bits of wire_query_names, in value[] */
};

struct wire_script {
	const char *path;
	char *text;
	struct wire_line *line;
	unsigned int lines;
};

/* Returns false after having told what is wrong, with file and line. */
bool wire_parse(struct wire_script *s, const char *path, const char *text,
		FILE *out);
void wire_script_free(struct wire_script *s);

extern const char *const wire_event_names[16];
extern const char *const wire_query_names[4];

/* --------------------------------------------------------------- the wire */
enum {
	WIRE_FIN = 1,
	WIRE_SYN = 2,
	WIRE_RST = 4,
	WIRE_PSH = 8,
	WIRE_ACK = 16,
	WIRE_URG = 32,
};

/* A segment of the card. Sequence numbers are absolute. */
struct wire_segment {
	uint64_t now_us;
	int conn; /* -1: of none */
	uint32_t peer_ip;
	uint16_t peer_port;
	uint32_t seq, ack, len;
	uint8_t flags;
	uint16_t wnd; /* as in the header */
	bool has_ts;
	uint32_t val, ecr;
	uint8_t bytes[FANTAIL_NET_FRAME_MAX]; /* payload */
};

struct wire_conn {
	bool open; /* installed */
	struct wire_install opt;
	uint32_t iss, irs; /* of the first bytes behind the handshake */
	uint32_t handle;
	uint16_t port;
	/* the engine's stream */
	uint64_t published;
	uint32_t last_val; /* newest timestamp of the engine */
	/* the peer: defaults of the next "<" */
	int64_t seq, ack;
	uint32_t wnd;
	uint64_t up_got; /* of its stream, by the application */
	/* news not yet named by the script */
	uint16_t events;
	uint64_t data;
	struct fantail_rec_conn last;
	unsigned int queries;
};

/* A row of the ladder. */
struct wire_row {
	uint64_t now_us;
	char side; /* '>' '<' or ' ' for all else */
	unsigned int line;
	char text[120];
};

struct wire {
	const struct wire_script *script;
	const struct wire_line *now; /* being executed */
	FILE *out;
	bool failed;
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	struct fantail_mem arena, scratch;
	size_t arena_used;
	bool open_batch; /* a PUBLISH waits for its end */
	uint8_t mac[6];
	uint32_t ip;
	uint64_t zero_us; /* time 0 of the script */
	uint64_t base_us; /* of the line before */
	struct wire_conn conn[WIRE_CONNS];
	/* segments of the card that no line has taken */
	struct wire_segment **seen;
	unsigned int seen_count, seen_room;
	struct wire_row *row;
	unsigned int rows, row_room;
	bool shaking;	     /* frames belong to a handshake */
	unsigned int frames; /* FRAME records not named */
	unsigned int batches;
	uint16_t kept[64]; /* slots */
	unsigned int kept_count;
	uint64_t *count_base; /* by register word of both pages */
};

/* Say what is wrong with the line being executed; returns false. */
bool wire_fail(struct wire *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Append a row to the ladder. */
void wire_note(struct wire *w, uint64_t now_us, char side, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void wire_ladder(const struct wire *w, FILE *out);

/* wire_frame.c */
uint8_t wire_byte(bool up, unsigned int conn, uint64_t at);
size_t wire_build(const struct wire *w, const struct wire_conn *c,
		  const struct wire_spec *s, uint8_t *frame);
/* A SYN, SYN-ACK or ACK of the handshake, by flags. */
size_t wire_build_shake(const struct wire *w, const struct wire_conn *c,
			uint8_t flags, uint8_t *frame);
bool wire_decode(const struct wire *w, const uint8_t *frame, size_t len,
		 struct wire_segment *s);
/* As a line of a script. */
void wire_format(const struct wire *w, const struct wire_segment *s, char *text,
		 size_t size);
void wire_format_flags(uint8_t flags, char *text);

/* wire_card.c: false after wire_fail() */
bool wire_open(struct wire *w);
void wire_close(struct wire *w);
uint64_t wire_now(const struct wire *w);
/* Take records, let time pass until @until_us or until something happened. */
bool wire_step(struct wire *w, uint64_t until_us);
bool wire_inject(struct wire *w, const uint8_t *frame, size_t len);
bool wire_do_install(struct wire *w, const struct wire_line *l);
bool wire_do_publish(struct wire *w, const struct wire_line *l);
bool wire_do_command(struct wire *w, const struct wire_line *l);
bool wire_do_return(struct wire *w);
bool wire_read_count(struct wire *w, const struct wire_line *l, uint64_t *n);

#endif /* TESTS_WIRE_H */
