/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card in a hundred lines of C: it takes the place of the sim: transport
 * at link time, parses entries, and writes the records the contract asks
 * for. It has no wire and no time of its own; tests play both.
 */
#ifndef MOCK_DEVICE_H
#define MOCK_DEVICE_H

#include "fantail_driver.h"

#define MOCK_CONNS    40
#define MOCK_GROUPS   8
#define MOCK_MAPS     32
#define MOCK_ENTRIES  65536
#define MOCK_FRAMES   1024
#define MOCK_PAYLOADS (1u << 20)
#define MOCK_LISTED   65536

struct mock_map {
	uint8_t *va;
	uint64_t iova;
	size_t bytes;
	unsigned int flags;
};

struct mock_frame {
	uint32_t len;
	uint8_t data[FANTAIL_FRAME_BYTES_MAX];
};

struct mock {
	/* What tests set. */
	uint64_t now_us;
	bool hold[2];		    /* do not work on this ring */
	uint32_t work_in_wait;	    /* DATA entries, while somebody sleeps */
	uint8_t refuse_install;	    /* FANTAIL_REFUSE_ code, or 0 */
	bool mute;		    /* write no HEAD records */
	uint32_t qp_status;	    /* QP_STATUS while enabled */
	unsigned int fail_write;    /* fail this many register writes */
	uint32_t acked[MOCK_CONNS]; /* of CONN records */
	uint32_t queued[MOCK_CONNS];

	/* What tests look at. */
	uint64_t writes;    /* register writes */
	uint64_t doorbells; /* of them */
	uint64_t data_doorbells;
	uint64_t control_doorbells;
	uint64_t status_doorbells;
	uint64_t interrupts;
	uint64_t records;
	uint32_t last_doorbell;
	bool bad; /* a doorbell or address the card must refuse */
	struct fantail_entry entry[2][MOCK_ENTRIES];
	uint32_t entries[2];
	struct mock_frame frame[MOCK_FRAMES]; /* FRAME_TX */
	uint32_t frames;
	uint32_t injected;
	uint32_t inject_missed;
	struct mock_frame last_inject;
	struct fantail_context context[MOCK_CONNS];
	bool installed[MOCK_CONNS];
	uint32_t handle[MOCK_CONNS];
	uint32_t memberships[MOCK_CONNS];
	uint8_t payload[MOCK_PAYLOADS]; /* all published, in order */
	uint32_t payload_bytes;
	uint32_t listed[MOCK_LISTED]; /* handles of target lists */
	uint32_t listed_count;
	uint8_t slot_used[FANTAIL_SLOT_COUNT_MAX];
	uint32_t slots_used;

	/* Its own. */
	struct mock_map map[MOCK_MAPS];
	uint32_t reg[2 * FANTAIL_PAGE_BYTES / 4];
	uint32_t tail[2], head[2], told[2];
	uint32_t status_head, status_tail;
	bool armed;
	bool fired;
	int fd;
	struct fantail_rec_batch batch[2];
};

/* A card that is off; pass it as the simulator handle. */
struct mock *mock_new(void);
void mock_free(struct mock *m);

/* Open a device on it, or fail the test. */
struct fantail_dev *mock_open(struct mock *m);

/* Work on a ring, up to @n entries. */
void mock_work(struct mock *m, enum fantail_ring ring, uint32_t n);

/* Write a record with the right heads and phase. */
void mock_record(struct mock *m, const void *record);
/* The same with @tail as it is. */
void mock_record_raw(struct mock *m, const void *record, uint32_t tail);
/* The tail word that would be right for the next record. */
uint32_t mock_tail_word(const struct mock *m);

void mock_conn(struct mock *m, uint32_t handle, uint16_t events);
void mock_rx(struct mock *m, const void *frame, size_t len);
void mock_data(struct mock *m, uint32_t handle, const void *bytes, size_t len);

#endif /* MOCK_DEVICE_H */
