/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random valid and invalid entries on both rings of two queue pairs, against a
 * model of what must happen, written from docs/registers.md: which entry is
 * refused with which code, what stands in the records, which bytes each
 * connection is sent, which slots are out.
 *
 * The card is driven by registers and memory alone, and the other ends of
 * the connections are played frame by frame, so that nothing but the engine
 * stands between an entry and what is judged.
 *
 * Every connection id belongs to one of the two rings: only that ring's
 * entries install, join, close or release it, so its state after n entries
 * of the ring is known when they are written. The other ring's entries may
 * look at it and abort it; what they find is a state that the owner had
 * between the doorbell of the one and the record of the other.
 *
 * Each queue pair is a host of its own (struct ent_host), with its own
 * memory and ids. What it does with the other one's connections must be
 * refused; all else must be as if the other one was not there, whether that
 * one works, stops, halts or begins anew.
 *
 * One thread, virtual time; a run repeats from its seed.
 */
#ifndef TESTS_ENTRIES_H
#define TESTS_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../common/card_size.h"
#include "fantail_regs.h"
#include "fantail_sim.h"

#define ENT_HOSTS    2u
#define ENT_MARKS    32768u /* DELIVERED owed at most */
#define ENT_CONNS    256u   /* the card has no more: beyond are bad ids */
/* Ids in a row are of one ring of one host. */
#define ENT_CLASS    32u
#define ENT_GROUPS   ((uint32_t)CARD_GROUPS)
#define ENT_PAYLOAD  ((uint32_t)CARD_PAYLOAD)
#define ENT_LONGEST  16384u /* of the right payloads */
#define ENT_TABLE    (1u << 18)
#define ENT_SCRATCH  2048u /* bytes for what each entry points to */
#define ENT_RING_MAX (1u << FANTAIL_RING_LOG2_MAX)
#define ENT_PENDING  65536u /* entries without a fate, per ring */
#define ENT_SLOTS    FANTAIL_SLOT_COUNT_MAX
#define ENT_NOBODY   0xFFFFu
#define ENT_LAGGING  (3u * CARD_EXTENTS / 4) /* extents in use */
#define ENT_PASTS    16u   /* lives of an id that are remembered */
#define ENT_FRAMES   4096u /* frames under way, each kind */

/* Addresses of a host: those of the second lie far above. */
#define ENT_HOST_STEP	 0x1000000000000ull
#define ENT_TABLE_IOVA	 0x1000000000ull
#define ENT_RING_IOVA	 0x2000000000ull /* and one more for CONTROL */
#define ENT_STATUS_IOVA	 0x3000000000ull
#define ENT_SLOT_IOVA	 0x4000000000ull
#define ENT_SCRATCH_IOVA 0x5000000000ull /* and one more for CONTROL */
#define ENT_RING_STEP	 0x0100000000ull
#define ENT_NOWHERE	 0x7700000000ull

#define ENT_INDEX_MASK 0x7FFFu /* doorbells and heads */

#define ENT_LOCAL_IP  0x0A010001u /* and one more for each host */
#define ENT_PEER_IP   0x0A010100u /* of connection 0 */
#define ENT_PORT      9000
#define ENT_PEER_PORT 10000 /* of connection 0 */

enum {
	ENT_DATA,
	ENT_CONTROL,
	ENT_FOREIGN
};

struct ent_card;
struct ent_host;

/* Payload bytes that a connection is to be sent: a place in the table. */
struct ent_piece {
	uint64_t entry; /* index of the PUBLISH on DATA */
	uint32_t at, len;
	bool maybe; /* the target may have been skipped */
};

/* A way to read what was received so far: the next byte expected. */
struct ent_cursor {
	uint32_t piece, off;
};

/* One life of a connection, from an install that is not refused. */
struct ent_life {
	struct ent_life *next; /* of the same connection */
	uint16_t id, gen;
	/* what was said in the context */
	uint32_t snd_nxt, rcv_nxt;
	uint16_t mss; /* the largest that was in force */
	bool ts;
	uint8_t snd_wscale, rcv_wscale;
	/* the stream to it */
	struct ent_piece *piece;
	uint32_t pieces, piece_room, extents;
	struct ent_cursor cursor[64];
	uint32_t cursors;
	uint8_t *got; /* bytes since the last full stop */
	uint32_t got_from, got_len, got_room;
	bool closing, fin_got, rst_got, ack_due, aborting, releasing, unsure;
	bool silent;  /* a newer one was heard */
	bool reports; /* policy REPORT was in force */
	bool lagging; /* it was told so, and not yet that it is writable */
	uint32_t ts_card;
	/* the stream from it */
	uint32_t up_sent, up_acked, up_told, up_edge;
	/* what must be told, and what was */
	uint64_t dead_from; /* PUBLISH entries from here on skip it */
	uint16_t want, told, told_ever;
	uint32_t acked, queued;
	bool answered; /* CONN with QUERY since the last full stop */
};

/* A connection after some number of its ring's entries. */
struct ent_state {
	uint64_t pos;
	struct ent_life *life; /* NULL: not installed */
	uint64_t groups;       /* a bit each */
	bool closing, dead;
};

struct ent_conn {
	int owner; /* ENT_DATA, ENT_CONTROL, ENT_FOREIGN: another host */
	uint16_t gen;
	struct ent_state *chain; /* oldest first, never empty */
	uint32_t states, room;
	struct ent_life *lives; /* oldest first: the one on the wire */
	uint32_t next_seq;
};

/* An entry that was written and has no fate yet. */
struct ent_entry {
	struct fantail_entry e;
	uint64_t number;
	uint64_t lo;	 /* entries of the other ring known to be done before */
	uint64_t rung;	 /* cycle of its doorbell */
	uint8_t code;	 /* unless it depends on the other ring */
	uint8_t behind;	 /* earned only when nothing else is wrong */
	bool observer;	 /* it does */
	bool foreign;	 /* it names a connection of the other host */
	bool list_fails; /* some line of the list, not the payload */
	uint16_t id;	 /* of the connection looked at, or ENT_NOBODY */
	uint64_t bad_line; /* told with DMA_READ */
	uint32_t *handles; /* of a list */
	bool skip;	   /* by the generator */
};

struct ent_batch_sum {
	uint64_t entries, refused, payloads;
	uint32_t reached_min, reached_max, targets_min, targets_max, bytes;
};

struct ent_ring {
	uint8_t *mem;
	uint8_t *scratch;
	unsigned int log2;
	/* indices since the device was reset; base: at the last restart */
	uint64_t base, written, rung, head, record_head, retired;
	struct ent_entry *entry; /* ENT_PENDING of them */
	struct ent_batch_sum batch;
	bool last_refused; /* its BATCH comes next */
	uint64_t floor;	   /* entries of the other ring done at least */
	uint64_t open;	   /* entries written since the last LAST */
};

/* How hasty the host is, anew for each stretch. */
struct ent_temper {
	uint32_t burst, cycles, poll_once, poll_most, control_once;
};

enum ent_slot {
	ENT_SLOT_FREE,
	ENT_SLOT_OUT,
	ENT_SLOT_RETURNING
};

struct ent_frame {
	uint8_t bytes[FANTAIL_FRAME_BYTES_MAX];
	uint16_t len;
};

/* Frames in the order in which they must come. */
struct ent_queue {
	struct ent_frame *frame;
	uint64_t head, tail;
};

struct entries_options {
	uint64_t entries;
	uint64_t seed;
	const char *pcap; /* last frames, written on failure */
	FILE *progress;	  /* NULL: silent */
};

#define ENT_CODES  20
#define ENT_FAULTS 4
#define ENT_OPS	   14 /* the last one: no such operation */

struct entries_result {
	uint64_t entries, done[ENT_OPS], refused[ENT_CODES];
	uint64_t foreign; /* entries that named another host's connection */
	uint64_t raced;	  /* entries whose code another ring decided */
	uint64_t batches, payloads, reached, skipped, bytes;
	uint64_t conn_records, data_records, frame_records, head_records;
	uint64_t lagging; /* CONN records that say so, or that it is over */
	uint64_t delivered_records;
	uint64_t summary_records;
	uint64_t frames_sent, frames_lost, bytes_received, up_bytes;
	uint64_t stops, restarts, resets, collected;
	uint64_t faults[ENT_FAULTS]; /* by FAULT_ code */
	uint64_t doorbells, cycles;
	double seconds;
	bool failed;
	char why[500];
};

/* Counters of the card, one host's part. */
struct ent_expect {
	uint64_t installs, releases, payloads, bytes, batches, refusals;
};

/*
 * A life of an id in time, for the other host, that looks at it in between:
 * cycles from which on and until which it may have been there, and surely was.
 */
struct ent_past {
	uint16_t gen;
	uint64_t may_from, sure_from, sure_to, may_to;
};

/* What the hosts share. */
struct ent_card {
	struct entries_options opt;
	struct entries_result res;
	struct fantail_sim *sim;
	struct frame_ring *frames;
	uint64_t rnd;
	struct ent_host *host[ENT_HOSTS];
	struct ent_past past[ENT_CONNS][ENT_PASTS];
	uint32_t pasts[ENT_CONNS];
	bool crowded; /* hash key of ENT_CLASS ids in the same two buckets */
};

struct ent_host {
	struct ent_card *card;
	unsigned int qp;
	uint32_t page;	/* of its registers */
	uint64_t space; /* of its addresses */
	uint8_t *table;
	/* the queue pair */
	struct ent_ring ring[2];
	uint8_t *status, *slot_mem;
	unsigned int status_log2, slot_count;
	uint64_t consumed, told; /* records, since the restart */
	/* the model */
	struct ent_conn conn[ENT_CONNS];
	enum ent_slot slot[ENT_SLOTS];
	uint8_t slot_again[ENT_SLOTS]; /* taken while a return has no fate */
	bool resting;  /* takes no turns: at a full stop, or in a reset */
	bool quiet;    /* nothing that takes a slot since the last stop */
	bool full;     /* somebody is near his last extent: stop soon */
	bool stopping; /* no new news from the wire */
	bool calm;     /* nor in this stretch */
	struct ent_queue tx[2]; /* FRAME_TX of each ring */
	struct ent_queue rx;	/* frames for the host */
	struct ent_expect expect;
	uint64_t summary_connects, summary_reads, summary_errors;
	uint64_t summary_disconnects, data_records; /* since the reset */
	uint64_t mark[ENT_MARKS]; /* DELIVERED owed, or told too early */
	uint32_t mark_head, mark_tail;
	bool mark_told;
	uint64_t serial;
	uint32_t next_at; /* behind the last payload */
	bool long_batches;
	bool summary_only;
	/* COLLECT and its answers since the last full stop */
	uint64_t collects, collected, collected_before;
	struct fantail_context context; /* of the install being written */
	uint64_t naps;
	bool moved;		/* since the last turn of the model */
	uint64_t last_progress; /* cycle */
	uint32_t idle_turns;
	struct ent_temper temper;
};

/* Run; false: it has failed, and res->why says why. */
bool entries_run(const struct entries_options *opt, struct entries_result *res);
void entries_print(const struct entries_result *res, FILE *to);
int entries_write_json(const struct entries_result *res,
		       const struct entries_options *opt, const char *path);

/* entries.c */
void ent_fail(struct ent_host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint32_t ent_random(struct ent_host *h);
uint32_t ent_below(struct ent_host *h, uint32_t below);
/* true once in @of times */
bool ent_once(struct ent_host *h, uint32_t of);
void ent_progress(struct ent_host *h);

/* The other hosts take a turn, unless they rest. */
void ent_others(struct ent_host *h);
/* Whose is connection @id? */
unsigned int ent_host_of(uint32_t id);
int ent_ring_of(uint32_t id);

/* ent_model.c: what must happen. */
/* The code that the entry earns by itself; docs/registers.md. */
uint8_t ent_static_code(const struct fantail_entry *e, int ring);
/* The code with the connection in state @s (of the id it names). */
uint8_t ent_code(struct ent_host *h, const struct ent_entry *p, int ring,
		 const struct ent_state *s);
uint8_t ent_context_code(const struct fantail_context *x);
/* First line of the range that the card cannot read whole; 0: none. */
uint64_t ent_bad_line(const struct ent_host *h, uint64_t addr, uint64_t len);
const struct ent_state *ent_at(const struct ent_conn *c, uint64_t pos);
const struct ent_state *ent_newest(const struct ent_conn *c);
/* A new state behind entry @index of the owner, a copy to be changed. */
struct ent_state *ent_change(struct ent_host *h, struct ent_conn *c,
			     uint64_t index);
void ent_forget_states(struct ent_host *h);
bool ent_names_conn(const struct fantail_entry *e);
/* The entry has been written: what it does as far as that is known. */
void ent_written(struct ent_host *h, int ring, struct ent_entry *p,
		 uint64_t index);
/* A record says that entry @index was refused with @code, 0: done. */
void ent_mark(struct ent_host *h, uint64_t cookie, bool told);
void ent_retire(struct ent_host *h, int ring, uint64_t index, uint8_t code,
		uint32_t reached);

/* ent_past.c: what a host may find of another's connections. */
void ent_past_rung(struct ent_host *h, const struct ent_entry *p);
void ent_past_done(struct ent_host *h, const struct ent_entry *p);
void ent_past_end(struct ent_host *h, bool ended);
/* May entry @p, of whose doorbell and record we know when, earn @code? */
bool ent_foreign_legal(struct ent_host *h, int ring, const struct ent_entry *p,
		       uint8_t code);

/* ent_target.c: whom a PUBLISH reaches. */
/* How often @e names connection @id in state @s. */
uint32_t ent_times(const struct ent_entry *p, uint32_t id,
		   const struct ent_state *s);
/* May all its targets take another extent? */
bool ent_room(struct ent_host *h, const struct ent_entry *p);
void ent_expect(struct ent_host *h, const struct ent_entry *p, uint64_t index);
/* The state of a connection of CONTROL changes: look at PUBLISH again. */
void ent_expect_again(struct ent_host *h, uint32_t id,
		      const struct ent_state *s);
void ent_count(struct ent_host *h, const struct ent_entry *p, uint64_t index,
	       struct ent_batch_sum *sum);

/* ent_stream.c: bytes of a life. */
struct ent_life *ent_life_new(struct ent_host *h, uint16_t id, uint16_t gen);
void ent_life_free(struct ent_life *l);
void ent_piece_add(struct ent_host *h, struct ent_life *l, uint64_t entry,
		   uint32_t at, uint32_t len, bool maybe);
bool ent_receive(struct ent_host *h, struct ent_life *l, uint32_t off,
		 const uint8_t *bytes, uint32_t len);
/* All that must come has come. */
bool ent_complete(const struct ent_life *l);
/* Forget what was received: the next stretch begins here. */
void ent_stretch(struct ent_host *h, struct ent_life *l);
uint8_t ent_up_byte(const struct ent_life *l, uint32_t at);

/* ent_wire.c: the other ends. */
void ent_card_frame(void *ctx, const uint8_t *frame, size_t len,
		    uint64_t now_us);
/* Send what is due: ACKs, data of peers. */
void ent_wire_turn(struct ent_host *h);
void ent_acknowledge_all(struct ent_host *h);
/* A segment of a life: its ACK, and @len bytes of its stream at @off. */
uint32_t ent_segment(struct ent_host *h, struct ent_life *l, uint8_t *frame,
		     uint32_t off, uint32_t len);
uint32_t ent_stray_segment(struct ent_host *h, uint8_t *frame);
void ent_queue_add(struct ent_host *h, struct ent_queue *q,
		   const uint8_t *frame, uint32_t len);

/* ent_make.c: the generator. */
void ent_make(struct ent_host *h, int ring);
uint32_t ent_space(const struct ent_host *h, int ring);

/* ent_write.c */
const uint8_t *ent_memory(const struct ent_host *h, int ring, uint64_t addr);
void ent_name_slot(struct fantail_entry *e, uint32_t k, uint16_t slot);
/* What lies where the entry points, as far as the model needs it. */
void ent_look_up(struct ent_host *h, int ring, struct ent_entry *p);
/* Would the model know what it does? */
bool ent_allowed(struct ent_host *h, int ring, struct ent_entry *p);
void ent_write(struct ent_host *h, int ring, struct ent_entry *p);

/* ent_host.c: the card. */
bool ent_card_open(struct ent_card *c);
void ent_card_close(struct ent_card *c);
void ent_card_reset(struct ent_card *c);
void ent_restart(struct ent_host *h);
void ent_doorbell(struct ent_host *h, int ring, uint64_t tail);
void ent_read_heads(struct ent_host *h);
uint32_t ent_reg(struct ent_host *h, uint32_t offset);
void ent_set_reg(struct ent_host *h, uint32_t offset, uint32_t value);
uint64_t ent_counter(struct ent_host *h, uint32_t offset);
uint64_t ent_now(const struct ent_host *h); /* cycle */
void ent_run(struct ent_host *h, uint32_t cycles);

/* ent_record.c */
uint32_t ent_poll(struct ent_host *h, uint32_t most);

/* ent_stop.c: full stops, where everything is accounted for. */
void ent_stop(struct ent_host *h);
/* With all hosts at a full stop: the counters of the card. */
void ent_check_card(struct ent_card *c);
void ent_halt(struct ent_host *h);
/* While ENABLE is low: sizes that cannot be. */
void ent_bad_size(struct ent_host *h);
void ent_map_pair(struct ent_host *h, bool there);

#endif /* TESTS_ENTRIES_H */
