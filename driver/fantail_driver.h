/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fantail driver: a card, its registered memory and its rings. It knows
 * nothing of TCP; libhost/fantail.h does.
 *
 * Register names in this driver are those of docs/registers.md.
 *
 * Results are 0, a count, or -errno; the driver never prints, exits or
 * aborts. No function has an effect when it returns an error, unless its
 * comment says so.
 *
 * Threads: of one queue pair, the DATA ring, the CONTROL ring and the status
 * ring may each be used by a thread of its own; two threads on one ring need
 * the caller's lock. Everything else of a device: one thread at a time.
 */
#ifndef FANTAIL_DRIVER_H
#define FANTAIL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fantail_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_dev;
struct fantail_qp;
struct fantail_sim;

/* Options of fantail_dev_open(). Zeroed: defaults. */
struct fantail_dev_options {
	/* For "sim:": the simulator handle; stays the caller's. */
	struct fantail_sim *sim;
	/*
	 * 16 bytes of key for the card's flow table (HASH_KEY0..3), or NULL:
	 * random. Give one where a run must repeat.
	 */
	const uint8_t *hash_key;
};

/* What the card can do (the LIMIT_ registers). */
struct fantail_limits {
	uint32_t connections;
	uint32_t groups;
	uint32_t log_bytes;
	uint32_t extents;
	uint32_t queue_pairs;
	uint32_t payload_bytes;
};

/**
 * fantail_dev_open - attach to a card, reset it, and enable it
 * @uri: "sim:", the model in this process; "vfio-user:PATH", a card in another
 *	one that serves the UNIX socket PATH, as fantail-sim does; or
 *	"vfio:DDDD:BB:DD.F", a card of this machine that is bound to vfio-pci,
 *	with "?iommu=group" or "?iommu=iommufd" behind it to choose
 * @opt: options, or NULL; need not outlive the call
 * @out: the device, written only on success
 *
 * Checks ID and the major VERSION, resets the card (RESET) and waits up to
 * one second of the card's time for STATUS.READY.
 *
 * Returns 0; -EINVAL: no URI or a missing option; -EPROTONOSUPPORT: unknown
 * scheme; -ENODEV: not this card or another major version; -ETIMEDOUT: the
 * reset does not end; -ENOMEM; or what the transport gave (-ENOENT,
 * -ECONNREFUSED: no server; -ETIMEDOUT: it does not answer within ten
 * seconds, another client may have it). Blocks.
 */
int fantail_dev_open(const char *uri, const struct fantail_dev_options *opt,
		     struct fantail_dev **out);

/**
 * fantail_dev_close - disable the card, free its memory, detach
 * @dev: the device, or NULL
 *
 * All queue pairs must be closed. Frees every fantail_dma_alloc() that is
 * left. Blocks until the card's accesses have ended.
 */
void fantail_dev_close(struct fantail_dev *dev);

/*
 * One sentence on why the last call of this thread that opens or maps has
 * failed: the culprit and the remedy, "" when no more is known than the error
 * code. Valid until the next such call.
 */
const char *fantail_driver_why(void);

/* The card's limits; valid as long as @dev. */
const struct fantail_limits *fantail_dev_limits(const struct fantail_dev *dev);

/**
 * fantail_dev_now_us - the card's time (TIME) in microseconds
 *
 * Returns the time; after a failed register access, the last one known.
 */
uint64_t fantail_dev_now_us(struct fantail_dev *dev);

/**
 * fantail_dev_read32, fantail_dev_write32 - a register of the device page
 * @offset: FANTAIL_REG_..., a multiple of 4 below FANTAIL_PAGE_BYTES
 *
 * Return 0; -EINVAL: bad offset; or what the transport gave.
 */
int fantail_dev_read32(struct fantail_dev *dev, uint32_t offset,
		       uint32_t *value);
int fantail_dev_write32(struct fantail_dev *dev, uint32_t offset,
			uint32_t value);

/**
 * fantail_dev_counter - a 64-bit counter of the device page
 * @offset: FANTAIL_CNT_...; low and high word are of one moment
 *
 * Not for several threads at once (the low word latches the high one).
 * Returns 0; -EINVAL; or what the transport gave.
 */
int fantail_dev_counter(struct fantail_dev *dev, uint32_t offset,
			uint64_t *value);

/*
 * Cycles of the engine, and what each stage (FANTAIL_STAGE_) did with them:
 * busy, it moved work on; blocked, it had work that another held up; in the
 * rest of the cycles it had none. Sums since the device was opened or reset.
 */
struct fantail_stages {
	uint64_t cycles;
	uint64_t busy[FANTAIL_STAGE_COUNT];
	uint64_t blocked[FANTAIL_STAGE_COUNT];
};

/**
 * fantail_dev_stages - read the counters of the stages
 * @s: set, register by register, not all at one moment: let the engine rest,
 *     or count for long
 *
 * Two register reads for each counter. Not for several threads at once.
 * Returns 0 or what the transport gave.
 */
int fantail_dev_stages(struct fantail_dev *dev, struct fantail_stages *s);

/* Make @s what was counted since @before. */
void fantail_stages_since(struct fantail_stages *s,
			  const struct fantail_stages *before);

/* "fetch" and so on; NULL: there is no such stage. Static. */
const char *fantail_stage_name(unsigned int stage);

/* Registered memory: @va for the host, @iova for the card. */
struct fantail_mem {
	void *va;
	uint64_t iova;
	size_t bytes;
};

/**
 * fantail_dma_alloc - memory that the card can reach
 * @bytes: at least 1; rounded up to whole pages, from 2 MiB on to huge pages
 *	if so many are free
 * @flags: FANTAIL_DMA_ of transport.h: what the card may do, and for which
 *	queue pair
 * @mem: filled on success; page-aligned both ways, zeroed
 *
 * The driver chooses the IOVA and leaves an unmapped page behind every
 * region, so that a read past the end faults.
 *
 * Returns 0; -EINVAL: @bytes 0, bad flags or no such queue pair; -ENOMEM; or what the transport
 * gave. Blocks.
 */
int fantail_dma_alloc(struct fantail_dev *dev, size_t bytes, unsigned int flags,
		      struct fantail_mem *mem);

/**
 * fantail_dma_free - take the memory from the card and release it
 * @mem: from fantail_dma_alloc(); zeroed. An empty one is ignored.
 */
void fantail_dma_free(struct fantail_dev *dev, struct fantail_mem *mem);

/* ------------------------------------------------------------ queue pairs */

enum fantail_ring {
	FANTAIL_RING_DATA = 0,	  /* every operation */
	FANTAIL_RING_CONTROL = 1, /* all but PUBLISH; never waits */
};

/*
 * Sizes and moderation of a queue pair. A zero in a field means its default,
 * but for mod_us, where FANTAIL_MOD_US_DEFAULT does.
 */
struct fantail_qp_options {
	unsigned int data_log2;	   /* entries, 2..14; default 10 */
	unsigned int control_log2; /* entries, 2..14; default 10 */
	/* records, 2..14; default 12. A quarter of them may be frames, so four
	 * handshakes at once need 16; the rest is sent again, seconds later. */
	unsigned int status_log2;
	/* receive slots, 8..4096; default 1024. Data of one connection holds
	 * at most a quarter of them, and its window closes before. */
	unsigned int slot_count;
	unsigned int mod_count; /* items, to 65535; default 64 */
	uint32_t mod_us;	/* microseconds; default 50 */
	bool urgent;		/* a failure ends its period at once */
	bool summary_only;	/* CONN records wait for COLLECT */
	/*
	 * Frames and ARP requests for this IPv4 address go to this queue
	 * pair (LOCAL_IP); 192.0.2.1 is 0xC0000201; 0: only what goes to
	 * nobody else, to queue pair 0.
	 */
	uint32_t local_ip;
};

#define FANTAIL_MOD_US_DEFAULT 50u

/* Fill with the defaults above. */
void fantail_qp_options_init(struct fantail_qp_options *opt);

/* A status record, one member per FANTAIL_REC_ type. */
union fantail_record {
	uint8_t type;
	struct fantail_rec_head head;
	struct fantail_rec_batch batch;
	struct fantail_rec_delivered delivered;
	struct fantail_rec_conn conn;
	struct fantail_rec_summary summary;
	struct fantail_rec_data data;
	struct fantail_rec_frame frame;
	struct fantail_rec_refused refused;
};

/**
 * fantail_qp_open - set up and enable a queue pair
 * @dev: the device
 * @index: 0..limits.queue_pairs - 1
 * @opt: sizes, or NULL: defaults
 * @out: the queue pair, written only on success
 *
 * Returns 0; -EINVAL: index or a size out of range; -EBUSY: open already;
 * -EIO: the card halts it at once; -ETIMEDOUT: it does not start; -ENOMEM,
 * -EMFILE; or what the transport gave. Blocks.
 */
int fantail_qp_open(struct fantail_dev *dev, unsigned int index,
		    const struct fantail_qp_options *opt,
		    struct fantail_qp **out);

/**
 * fantail_qp_close - disable the queue pair and free its memory
 * @qp: the queue pair, or NULL
 *
 * The card finishes the payloads that it has begun, aborts what connections
 * of the queue pair are left (their peers get a RST), forgets them and their
 * memberships, and does not touch its memory afterwards; other queue pairs do
 * not notice. Unread records are lost. Blocks until the card says so.
 */
void fantail_qp_close(struct fantail_qp *qp);

/**
 * fantail_sq_get - the next entry of a ring
 * @ring: DATA or CONTROL
 *
 * Returns a zeroed entry in the ring, to be filled before the next submit
 * on that ring, or NULL: full. What is got is submitted.
 */
struct fantail_entry *fantail_sq_get(struct fantail_qp *qp,
				     enum fantail_ring ring);

/**
 * fantail_sq_entries, fantail_sq_take - the ring in place
 * @n: how many, up to fantail_sq_space()
 *
 * For whoever fills many: the entry with index i (fantail_sq_tail() is the
 * first free one) is number i modulo fantail_sq_size() of the array. What is
 * free may be written, from zero on, in its order; taking @n counts as having
 * got so many. The array stays the driver's.
 */
struct fantail_entry *fantail_sq_entries(const struct fantail_qp *qp,
					 enum fantail_ring ring);
void fantail_sq_take(struct fantail_qp *qp, enum fantail_ring ring,
		     unsigned int n);

/* Entries that fantail_sq_get() will give before it gives NULL. */
unsigned int fantail_sq_space(const struct fantail_qp *qp,
			      enum fantail_ring ring);

/* Entries in the ring when empty. */
unsigned int fantail_sq_size(const struct fantail_qp *qp,
			     enum fantail_ring ring);

/*
 * Free-running 32-bit indices: of the entry fantail_sq_get() gives next; of
 * the next one a doorbell would submit; and the head, which passes an entry
 * when its memory will not be read again. The head is as of the last record
 * polled.
 */
uint32_t fantail_sq_tail(const struct fantail_qp *qp, enum fantail_ring ring);
uint32_t fantail_sq_rung(const struct fantail_qp *qp, enum fantail_ring ring);
uint32_t fantail_sq_head(const struct fantail_qp *qp, enum fantail_ring ring);

/**
 * fantail_qp_submit - submit all entries got from the DATA ring
 *
 * Exactly one register write (DOORBELL_DATA), which also returns the
 * consumed records and arms the interrupt; none if nothing was got since
 * the last one.
 *
 * Returns the number of entries submitted, or what the transport gave.
 */
int fantail_qp_submit(struct fantail_qp *qp);

/* The same, but the newest entry stays back and may still be changed. */
int fantail_qp_submit_part(struct fantail_qp *qp);

/*
 * The same for the CONTROL ring (DOORBELL_CONTROL). Does not arm, so that
 * housekeeping wakes nobody.
 */
int fantail_qp_submit_control(struct fantail_qp *qp);

/**
 * fantail_qp_poll - take status records
 * @recs: room for @n records
 * @n: how many at most
 *
 * Every index the card wrote is checked before it is believed: heads stay
 * between the last head and what was submitted, slots exist and belong to
 * the card, offsets and lengths lie within the slot, the type is known. When
 * half the status ring has been consumed untold, the card is told by a
 * status-only doorbell.
 *
 * Slots of DATA and FRAME records belong to the caller until
 * fantail_slots_return().
 *
 * Returns the number of records, 0: none; -EPROTO: the card wrote something
 * impossible; this and every later call on @qp then fails so; or what the
 * transport gave. Records taken before an offence are delivered first. Never
 * blocks.
 */
int fantail_qp_poll(struct fantail_qp *qp, union fantail_record *recs, int n);

/* First byte of a receive slot (FANTAIL_SLOT_BYTES), below slot_count. */
void *fantail_slot(const struct fantail_qp *qp, uint16_t slot);

/* Its address for the card. */
uint64_t fantail_slot_iova(const struct fantail_qp *qp, uint16_t slot);

/* Number of slots; and of those the caller holds now. */
unsigned int fantail_slot_count(const struct fantail_qp *qp);
unsigned int fantail_slots_held(const struct fantail_qp *qp);

/**
 * fantail_slots_return - give receive slots back (RECV_RETURN, CONTROL ring)
 * @slots: slot numbers
 * @n: 1..FANTAIL_RETURN_MAX
 *
 * Takes one CONTROL entry; fantail_qp_submit_control() sends it. Call it from
 * the thread that polls.
 *
 * Returns 0; -EINVAL: a slot the caller does not hold, or bad @n; -EAGAIN:
 * the ring is full.
 */
int fantail_slots_return(struct fantail_qp *qp, const uint16_t *slots, int n);

/**
 * fantail_qp_event_fd - descriptor that becomes readable on an interrupt
 *
 * For poll() and epoll. Before sleeping: fantail_qp_arm(); after waking:
 * fantail_qp_event_clear(), then fantail_qp_poll() until 0. What has ended a
 * fantail_qp_wait() may still stand in it. Stays the driver's.
 */
int fantail_qp_event_fd(const struct fantail_qp *qp);

/* Consume the event; the interrupt then counts as not armed. */
void fantail_qp_event_clear(struct fantail_qp *qp);

/**
 * fantail_qp_arm - ask for an interrupt
 *
 * Armed means: the card fires when there are records beyond those returned,
 * also if they were there before. So no wake-up is lost between the last
 * fantail_qp_poll() and the sleep.
 *
 * Returns 1: records are waiting, do not sleep; 0: armed; -EPROTO; or what
 * the transport gave.
 */
int fantail_qp_arm(struct fantail_qp *qp);

/**
 * fantail_qp_wait - arm and sleep until there is something to poll
 * @timeout_us: microseconds of the card's time; 0: look; negative: no limit
 *
 * In virtual time this is where time passes. Returns 1: records are waiting;
 * 0: none (timeout, or an interrupt whose records are consumed already);
 * -EDEADLK: virtual time, no limit, and nothing can happen; -EPROTO; or what
 * the transport gave. Blocks.
 */
int fantail_qp_wait(struct fantail_qp *qp, int64_t timeout_us);

/**
 * fantail_qp_fault - why the queue pair halted
 * @code: FANTAIL_FAULT_ code (FAULT_CODE)
 * @addr: FAULT_ADDR, or NULL
 *
 * Returns 0 or what the transport gave.
 */
int fantail_qp_fault(struct fantail_qp *qp, uint32_t *code, uint64_t *addr);

/* A 64-bit counter of the queue-pair page, FANTAIL_QPCNT_... */
int fantail_qp_counter(struct fantail_qp *qp, uint32_t offset, uint64_t *value);

/* Register writes the driver has made, per doorbell kind. */
struct fantail_doorbells {
	uint64_t data;
	uint64_t control;
	uint64_t status; /* neither tail moved */
};
void fantail_qp_doorbells(const struct fantail_qp *qp,
			  struct fantail_doorbells *out);

/* Device of a queue pair. */
struct fantail_dev *fantail_qp_dev(const struct fantail_qp *qp);

#ifdef __cplusplus
}
#endif

#endif /* FANTAIL_DRIVER_H */
