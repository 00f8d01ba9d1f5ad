/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card, cycle by cycle: the engine's ports between the PCIe model, the
 * network and register accesses. No threads and no locks in here; sim.c
 * owns both.
 */
#ifndef FANTAIL_CARD_H
#define FANTAIL_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dut.h"
#include "fanout.h"
#include "fantail_sim.h"
#include "hostmem.h"
#include "net.h"
#include "pcap.h"
#include "pcie.h"
#include "timeline_watch.h"
#include "wire_check.h"

#define CARD_FRAME_MIN 60 /* bytes without FCS */
#define CARD_FRAME_MAX FANTAIL_NET_FRAME_MAX
#define CARD_MMIO_RING 256u

/* A register write on its way. */
struct card_write {
	uint32_t offset;
	uint32_t value;
	uint8_t strobe;
};

enum card_axil_state {
	AXIL_FREE,
	AXIL_WRITE,
	AXIL_READ
};

/* The one register access under way. */
struct card_axil {
	enum card_axil_state state;
	uint32_t value; /* of the last read */
	uint8_t resp;	/* of the last access */
	uint64_t since; /* cycle it started */
};

/* A stalled channel: what must still be there in the next cycle. */
struct card_hold {
	bool stalled;
	uint64_t a, b;
	uint8_t data[DUT_BEAT];
};

struct card_mac_tx {
	unsigned int len;
	bool in_frame;
	bool oversize;
	unsigned int paused; /* cycles without a beat, in this frame */
	int64_t credit;	     /* bytes that may be sent, with pacing */
	/* What fantail_sim_mac() tells, and what is part of it once a beat
	 * follows. */
	struct fantail_sim_mac window;
	uint64_t starved, unused;
	uint64_t skipped_us; /* card_stats.skipped_us at the first beat */
	struct timeline_time begin; /* of this frame, for the timeline */
	uint8_t frame[CARD_FRAME_MAX + DUT_BEAT];
};

struct card_mac_rx {
	unsigned int len; /* of the frame being handed over, 0: none */
	unsigned int pos; /* of the next beat */
	bool look;	  /* the network may have a frame */
	int64_t credit;
	uint8_t frame[CARD_FRAME_MAX + DUT_BEAT];
};

struct card_stats {
	uint64_t skipped_us;
	uint64_t mmio_writes, mmio_reads, mmio_errors;
	uint64_t interrupts;
	uint64_t vector_interrupts[FANTAIL_SIM_VECTORS];
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	uint64_t protocol_violations;
};

struct card {
	struct dut dut;
	struct pcie pcie;
	struct hostmem mem;
	struct card_axil axil;
	struct card_mac_tx tx;
	struct card_mac_rx rx;
	/* Write bursts accepted, data not yet complete: at most 4. */
	uint64_t aw_addr[4];
	unsigned int aw_beats[4];
	unsigned int aw_qp[4];
	unsigned int aw_head, aw_tail;
	unsigned int w_beat; /* of the burst at the head */
	unsigned int b_owed; /* write responses to give */
	struct card_hold hold_ar, hold_aw, hold_w, hold_mac;
	unsigned int quiet; /* cycles without any traffic */

	struct fantail_net *net; /* or NULL */
	struct fantail_wire_check *check;
	struct fantail_pcap *pcap;
	struct fantail_fanout *fanout; /* or NULL */
	unsigned int fanout_qp;
	uint16_t fanout_tail;	      /* of its DATA ring, as rung last */
	struct timeline *timeline;    /* or NULL */
	struct timeline_watch *watch; /* with timeline */
	bool mac_pacing;
	int64_t pacing_bytes; /* of 100 GbE in one cycle */

	/* Time. */
	bool real;
	struct card_clock {
		uint64_t start_ns; /* CLOCK_MONOTONIC at open */
		uint64_t ns;	   /* virtual: of the running microsecond */
	} clock;
	unsigned int ns_per_cycle;
	uint64_t now_us;
	uint64_t cycle_limit;
	int error; /* sticky: 0, -EIO, -ETIME */
	bool stop; /* the network wants a wait in virtual time to end */

	/* Interrupts delivered; called with the mask, never zero. */
	void (*irq)(void *ctx, uint32_t vectors);
	fantail_sim_log_fn log;
	void *ctx; /* of irq */
	void *log_ctx;
	char first[256]; /* first offence, for check */
	unsigned int offences_logged;
	struct card_stats stats;
};

uint64_t card_clock_ns(void);

/* One line to the log callback. */
void card_log(struct card *card, enum fantail_sim_level level, const char *fmt,
	      ...) __attribute__((format(printf, 3, 4)));

/* Count, remember and log an offence of the engine (@wire: on the wire). */
void card_offence(struct card *card, bool wire, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One cycle. Returns 0 or the sticky error. */
int card_cycle(struct card *card);

/* Start a register access; only when axil.state is AXIL_FREE. */
void card_axil_write(struct card *card, const struct card_write *w);
void card_axil_read(struct card *card, uint32_t offset);

/* Has the engine nothing to do before its deadline, nor anybody around it? */
bool card_idle(const struct card *card);

/*
 * The next time at which an idle card has something to do by itself,
 * FANTAIL_SIM_NEVER: not by itself.
 */
uint64_t card_next_us(const struct card *card);

/* Virtual time: jump over an idle stretch. */
void card_jump(struct card *card, uint64_t now_us);

/*
 * Rule of a valid/ready channel: what was offered and not taken is offered
 * again unchanged. @data: 64 bytes, or NULL.
 */
void card_judge_hold(struct card *card, struct card_hold *hold, bool valid,
		     bool ready, uint64_t a, uint64_t b, const uint8_t *data,
		     const char *name);

/* sim_fanout.c: what the meter is told, once there is one. */
void card_fanout_hooks(struct card *card, struct fantail_wire_check_config *wc);
void card_fanout_write(struct card *card, const struct card_write *w);

/* sim_timeline.c: the timeline, once there is one. */
int card_timeline_open(struct card *card, const struct fantail_sim_config *cfg);
void card_timeline_close(struct card *card);
struct timeline_time card_time(const struct card *card);
void card_timeline_cycle(struct card *card);
void card_timeline_read(struct card *card);
void card_timeline_line(struct card *card);
void card_timeline_beat(struct card *card, unsigned int slot, bool last);

/* Real time: after a sleep, before anything relies on now_us. */
void card_look_at_clock(struct card *card);

/* mac.c: the two sides of the MAC, around the rising edge. */
void card_mac_sample(struct card *card);
void card_mac_drive(struct card *card);

#endif /* FANTAIL_CARD_H */
