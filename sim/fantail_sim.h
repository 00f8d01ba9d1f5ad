/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fantail simulator: the verilated engine as a C library.
 *
 * One handle is one card: the engine, a metered PCIe link to host memory,
 * a network on its MAC port, and its time base. Several handles may live in
 * one process; they share nothing.
 *
 * Results are 0 or a count, or a negative errno. The library never exits,
 * aborts or prints: what it has to say goes to the log callback.
 *
 * Threads: every function may be called from any thread at any time between
 * open and close, unless its comment says otherwise; calls on one handle are
 * serialised inside.
 *
 * Sticky failure: when the model itself has failed (an assertion or $finish
 * inside the engine, the cycle limit, an engine that does not answer a
 * register access), the failure is logged once with cycle and place, and
 * every later call that would advance the model returns -EIO (-ETIME for the
 * cycle limit). Statistics, check and close go on working.
 */
#ifndef FANTAIL_SIM_H
#define FANTAIL_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_sim;
struct fantail_net;
struct fantail_net_config;
struct fantail_fanout_places;
struct fantail_fanout_result;

/* Number of traffic classes that mapped memory can be metered under. */
#define FANTAIL_SIM_CLASSES 8

/* Most interrupt vectors of one engine (queue pairs + device). */
#define FANTAIL_SIM_VECTORS 32

/* "Never" as a time in microseconds. */
#define FANTAIL_SIM_NEVER UINT64_MAX

enum fantail_sim_time {
	/*
	 * Lock-step: no thread, the model stands still between calls. Time
	 * is derived from cycles and jumps over idle stretches. A run with
	 * an in-process network repeats exactly from its seed.
	 */
	FANTAIL_SIM_VIRTUAL,
	/*
	 * A thread of the library runs the model; time follows
	 * CLOCK_MONOTONIC; an idle model uses no processor.
	 */
	FANTAIL_SIM_REAL,
};

enum fantail_sim_level {
	FANTAIL_SIM_ERROR,
	FANTAIL_SIM_WARN,
	FANTAIL_SIM_INFO,
	FANTAIL_SIM_DEBUG,
};

/*
 * PCIe link and host. Zero in a field means its default, so that a zeroed
 * struct is the default link.
 */
struct fantail_sim_pcie {
	unsigned int gen;	/* 1..5, default 3 */
	unsigned int lanes;	/* 1, 2, 4, 8, 16; default 16 */
	unsigned int mps;	/* max payload size, 128..512 B; default 256 */
	unsigned int mrrs;	/* max read request, 128..4096 B; default 512 */
	unsigned int read_ns;	/* request to first data, 4..100000; 600 */
	unsigned int write_ns;	/* posted write to visible; 300 */
	unsigned int max_reads; /* read requests under way, 1..256; 64 */
};

/*
 * Log callback. @msg is one line without newline, valid during the call.
 * May be called from the model thread and with internal locks held: it must
 * not call back into the library.
 */
typedef void (*fantail_sim_log_fn)(void *ctx, enum fantail_sim_level level,
				   const char *msg);

/*
 * Configuration. Fill with fantail_sim_config_init() and change what
 * differs. Strings are copied by open.
 */
struct fantail_sim_config {
	/*
	 * Network URI ("slirp:...", "peers:...", "script:"), or NULL for no
	 * cable: sent frames are checked, recorded and dropped, nothing is
	 * received.
	 */
	const char *network;
	/*
	 * Settings of the network (net.h), only read while opening; NULL:
	 * its defaults. seed, log and log_ctx in it are replaced by those
	 * of this struct.
	 */
	const struct fantail_net_config *net;
	enum fantail_sim_time time; /* default FANTAIL_SIM_VIRTUAL */
	uint64_t seed;		    /* for everything random; default 1 */
	const char *pcap;	    /* record frames here; NULL: do not */
	/* bytes of that file, 24 and more; the first frame that does not fit
	 * ends the recording, which the log says once. 0: no limit */
	uint64_t pcap_limit;
	/*
	 * Waves, only in a traced build (-ENOTSUP otherwise): FST file,
	 * first cycle, and number of cycles (0: to the end).
	 */
	const char *trace;
	uint64_t trace_first;
	uint64_t trace_cycles;
	/*
	 * Timeline of batches (trace event format, for ui.perfetto.dev): its
	 * file, NULL: none; and its window, both ends included, of batches
	 * or of cycles. See fantail_sim_timeline_write().
	 */
	const char *timeline;
	bool timeline_cycles;	   /* default false: batches */
	uint64_t timeline_first;   /* default 0 */
	uint64_t timeline_last;	   /* default 2 */
	uint64_t cycle_limit;	   /* 0: none */
	unsigned int ns_per_cycle; /* 1..1000; default 4 (250 MHz) */
	struct fantail_sim_pcie pcie;
	bool wire_check; /* judge sent frames; default true */
	/* Pace the MAC in both directions at 100 GbE; default false. */
	bool mac_pacing;
	fantail_sim_log_fn log; /* NULL: silent */
	void *log_ctx;
};

/* Fill @cfg with the defaults named in struct fantail_sim_config. */
void fantail_sim_config_init(struct fantail_sim_config *cfg);

/**
 * fantail_sim_open - build a card, connect it, and bring it out of reset
 * @cfg: configuration; need not outlive the call
 * @out: the handle, written only on success
 *
 * Opens network, recorder and waves, resets the engine and runs it until
 * STATUS.ready. In real time this also starts the model thread. Blocks for
 * the reset (thousands of cycles, milliseconds).
 *
 * Returns 0; -EINVAL: a value out of range or a malformed network URI (the
 * log names it); -ENOTSUP: trace asked of a build without waves, or a
 * network that needs real time opened in virtual time; -ENOMEM; -EIO: the
 * engine failed or did not become ready; or what opening the network or a
 * file gave. On failure nothing is left open.
 */
int fantail_sim_open(const struct fantail_sim_config *cfg,
		     struct fantail_sim **out);

/**
 * fantail_sim_close - stop the model and release everything
 * @sim: the handle, or NULL
 *
 * Writes out recordings and waves. No other call on @sim may be under way.
 * Mapped memory is not touched afterwards; event descriptors stay the
 * caller's.
 */
void fantail_sim_close(struct fantail_sim *sim);

/* Flags of fantail_sim_dma_map(): what the engine may do. */
#define FANTAIL_SIM_DMA_READ	 0x1u
#define FANTAIL_SIM_DMA_WRITE	 0x2u
/*
 * The memory is of a file that another process may truncate: an access to a
 * page that is gone then faults. Takes over SIGBUS (guard.h).
 */
#define FANTAIL_SIM_DMA_FILE	 0x4u
/* Meter this memory's traffic as class 0..7 as well (default 0). */
#define FANTAIL_SIM_DMA_CLASS(c) (((unsigned int)(c)&0x7u) << 8)
/*
 * Only queue pair 0..7 reaches it, as if each were a function behind an IOMMU;
 * without, every queue pair does.
 */
#define FANTAIL_SIM_DMA_QP(q)	 ((((unsigned int)(q)&0x7u) | 0x8u) << 12)
#define FANTAIL_SIM_DMA_QP_MASK	 (0xfu << 12)

/**
 * fantail_sim_dma_map - let the engine reach host memory
 * @sim: the handle
 * @iova: address the engine uses; any alignment, but it reads memory in
 *	lines of 64 bytes, and a line that is not mapped whole faults
 * @ptr: the memory; must stay valid until unmapped or closed
 * @len: bytes, at least 1; @iova + @len must not wrap
 * @flags: FANTAIL_SIM_DMA_READ, _WRITE or both, and a _CLASS and a _QP
 *
 * Whatever is not mapped, or not mapped with the right or for the queue pair
 * that the engine says its access is for (m_axi_arqp, m_axi_awqp), faults: a read
 * answers with an error, a write is dropped; both are counted.
 *
 * Returns 0; -EINVAL: zero length, wrap, NULL or unknown flags; -EEXIST:
 * overlaps a mapping; -ENOMEM. On error nothing has changed.
 */
int fantail_sim_dma_map(struct fantail_sim *sim, uint64_t iova, void *ptr,
			size_t len, unsigned int flags);

/**
 * fantail_sim_dma_unmap - take memory away from the engine
 * @sim: the handle
 * @iova: start of a mapping
 * @len: its length, exactly
 *
 * After return the memory is no longer read or written. Accesses still
 * under way in the engine or on the link fault.
 *
 * Returns 0, or -ENOENT when no mapping is exactly this.
 */
int fantail_sim_dma_unmap(struct fantail_sim *sim, uint64_t iova, size_t len);

/*
 * Remote memory: whoever has it must be asked, and answers later. The card
 * waits for the answer and works on meanwhile. Both are called with locks
 * held, from whatever thread runs the model: they only send, never block,
 * and do not call this library. 0, or -errno: the access faults.
 */
struct fantail_sim_remote {
	/*
	 * One read at a time, of whole lines, to be answered by
	 * fantail_sim_remote_read_done().
	 */
	int (*read)(void *ctx, uint64_t iova, size_t len);
	/*
	 * At most 64 bytes; up to 64 under way, each to be confirmed by
	 * fantail_sim_remote_write_done().
	 */
	int (*write)(void *ctx, uint64_t iova, const void *data, size_t len);
};

/**
 * fantail_sim_set_remote - who has the remote memory
 * @remote: NULL: nobody (any more): accesses under way and later ones fault
 *
 * What is under way when it is NULL must not be answered afterwards.
 */
void fantail_sim_set_remote(struct fantail_sim *sim,
			    const struct fantail_sim_remote *remote, void *ctx);

/**
 * fantail_sim_dma_map_remote - as fantail_sim_dma_map(), of remote memory
 * @iova, @len: multiples of 64
 *
 * A register read does not wait until what the card wrote there before has
 * been confirmed; all other writes and interrupts behind it do.
 */
int fantail_sim_dma_map_remote(struct fantail_sim *sim, uint64_t iova,
			       size_t len, unsigned int flags);

/* The answer to the read under way; @data NULL: it failed. */
void fantail_sim_remote_read_done(struct fantail_sim *sim, const void *data,
				  size_t len);

/* A write is done; not @ok: it failed at @iova, which is counted. */
void fantail_sim_remote_write_done(struct fantail_sim *sim, uint64_t iova,
				   bool ok);

/**
 * fantail_sim_set_bus_master - may the card reach memory at all?
 * @on: true after open; false: reads fault, writes and interrupts are lost
 */
void fantail_sim_set_bus_master(struct fantail_sim *sim, bool on);

/**
 * fantail_sim_bar_read - read a register
 * @sim: the handle
 * @bar: 0
 * @offset: byte offset, aligned to @size
 * @size: 1, 2, 4, or 8 (as two 4-byte reads, low word first)
 * @value: result, zero-extended, written only on success
 *
 * Blocks until the engine answered. As on PCIe, everything the engine had
 * written to host memory before its answer is visible on return.
 *
 * Returns 0; -EINVAL: bad bar, size, offset or alignment; -EREMOTEIO: the
 * engine answered with an error response; -EIO or -ETIME (see top).
 */
int fantail_sim_bar_read(struct fantail_sim *sim, unsigned int bar,
			 uint64_t offset, unsigned int size, uint64_t *value);

/**
 * fantail_sim_bar_write - write a register, posted
 * @sim: the handle
 * @bar: 0
 * @offset: byte offset, aligned to @size
 * @size: 1, 2, 4, or 8 (as two 4-byte writes, low word first)
 * @value: the low @size bytes are written
 *
 * Writes reach the engine in the order of the calls. All memory writes the
 * caller made before are visible to the engine before the register write.
 * Virtual time: the model runs the few cycles until the engine took the
 * write. Real time: returns at once unless 256 writes wait already.
 *
 * Returns 0; -EINVAL; -EIO or -ETIME (see top). Error responses to writes
 * are not reported (PCIe has none) but counted as mmio_errors.
 */
int fantail_sim_bar_write(struct fantail_sim *sim, unsigned int bar,
			  uint64_t offset, unsigned int size, uint64_t value);

/**
 * fantail_sim_set_irq_eventfd - deliver a vector to an event descriptor
 * @sim: the handle
 * @vector: 0..QUEUE_PAIRS (the last is the device's)
 * @fd: a non-blocking eventfd, to which 1 is added per interrupt; -1: none
 *
 * The descriptor stays the caller's and must be unset before it is closed.
 * In virtual time nothing happens while the caller sleeps in poll(): use
 * fantail_sim_wait().
 *
 * Returns 0 or -EINVAL.
 */
int fantail_sim_set_irq_eventfd(struct fantail_sim *sim, unsigned int vector,
				int fd);

/**
 * fantail_sim_wait - wait for an interrupt
 * @sim: the handle
 * @vectors: mask of the vectors waited for
 * @timeout_us: microseconds of the card's time; negative: no limit; 0: look
 * @fired: if not NULL, the mask of those that had fired, else 0
 *
 * Returns at once if a vector in the mask has fired since it was last
 * reported here. Reporting clears it; event descriptors are not read. In
 * virtual time this is the only place where time passes: cycles are run,
 * and idle stretches skipped, until an interrupt or the timeout (with 0 at
 * most one microsecond is run, so that a polling loop makes progress); a
 * frame sent into a "script:" network ends it as well. In real time the
 * caller sleeps.
 *
 * Returns the number of vectors that had fired; 0: timeout; -EDEADLK:
 * virtual time, no timeout, and nothing can ever happen again; -EIO or
 * -ETIME (see top).
 */
int fantail_sim_wait(struct fantail_sim *sim, uint32_t vectors,
		     int64_t timeout_us, uint32_t *fired);

/**
 * fantail_sim_run - run a number of cycles, virtual time only
 * @sim: the handle
 * @cycles: how many; no idle stretch is skipped
 *
 * Returns 0; -ENOTSUP in real time; -EIO or -ETIME (see top).
 */
int fantail_sim_run(struct fantail_sim *sim, uint64_t cycles);

/* The card's time in microseconds since open, as in its TIME register. */
uint64_t fantail_sim_now_us(struct fantail_sim *sim);

/* Cycles run since open, reset included. */
uint64_t fantail_sim_cycles(struct fantail_sim *sim);

/* Number of interrupt vectors of this build (queue pairs + 1). */
unsigned int fantail_sim_vectors(struct fantail_sim *sim);

/**
 * fantail_sim_net - the network the card is plugged into
 * @sim: the handle
 *
 * For back-ends with an interface of their own (peers). Use it only between
 * fantail_sim_lock() and fantail_sim_unlock(). Callbacks of the network run
 * inside the library and must not call it, except fantail_sim_net().
 *
 * Returns the network, valid until close, or NULL when there is none.
 */
struct fantail_net *fantail_sim_net(struct fantail_sim *sim);

/*
 * Stop and continue the model, so that what it uses may be touched. Call
 * nothing else of this library in between, and be short: in real time the
 * card stands still while its clock goes on. The network's time is the card's. After unlock a card that slept
 * looks at its network again.
 */
void fantail_sim_lock(struct fantail_sim *sim);
void fantail_sim_unlock(struct fantail_sim *sim);

/* Bytes are payload bytes; link bytes include headers and framing. */
struct fantail_sim_stats {
	uint64_t cycles;
	uint64_t now_us;
	double wall_seconds; /* since open */
	uint64_t skipped_us; /* virtual time jumped over */
	/* Host memory, as seen on the link. */
	uint64_t pcie_read_bytes;  /* completions, card <- host */
	uint64_t pcie_write_bytes; /* written bytes, card -> host */
	uint64_t pcie_read_tlps;   /* read requests */
	uint64_t pcie_completion_tlps;
	uint64_t pcie_write_tlps;      /* memory writes and MSI-X */
	uint64_t pcie_up_link_bytes;   /* card -> host */
	uint64_t pcie_down_link_bytes; /* host -> card */
	uint64_t class_read_bytes[FANTAIL_SIM_CLASSES];
	uint64_t class_write_bytes[FANTAIL_SIM_CLASSES];
	uint64_t read_faults; /* 64-byte beats */
	uint64_t write_faults;
	uint64_t last_fault_iova; /* of the last fault, if any */
	/* Registers and interrupts. */
	uint64_t mmio_writes; /* of 4 bytes or less */
	uint64_t mmio_reads;
	uint64_t mmio_errors;
	uint64_t interrupts;
	uint64_t vector_interrupts[FANTAIL_SIM_VECTORS];
	/* Wire, without FCS. tx: sent by the engine. */
	uint64_t wire_tx_frames;
	uint64_t wire_tx_bytes;
	uint64_t wire_rx_frames;
	uint64_t wire_rx_bytes;
	/* Found by the wire checker, all 0 without it. */
	uint64_t wire_violations;
	uint64_t wire_segments;	     /* TCP segments sent */
	uint64_t wire_data_segments; /* of them with payload */
	uint64_t wire_retransmitted_segments;
	uint64_t wire_payload_bytes;  /* first transmissions */
	uint64_t protocol_violations; /* AXI rules broken by the engine */
};

/* Copy the statistics as of now. */
void fantail_sim_stats(struct fantail_sim *sim,
		       struct fantail_sim_stats *stats);

/*
 * The transmit side of the MAC port, from one fantail_sim_mac_begin() on.
 * A beat is 64 bytes; cycles count the edge at which one is taken.
 */
struct fantail_sim_mac {
	uint64_t first; /* cycle of the first beat; 0: none yet */
	uint64_t last;	/* cycle of the newest */
	uint64_t beats;
	uint64_t frames; /* whole ones */
	uint64_t bytes;	 /* without FCS */
	/* Between the first and the newest beat: */
	uint64_t starved;    /* cycles: ready, and nothing offered */
	uint64_t blocked;    /* cycles: offered, and not ready */
	uint64_t skipped_us; /* virtual time jumped over */
	/*
	 * With pacing: bytes that the wire could have carried but was not
	 * given. The MAC takes up to 128 bytes ahead of it, so a pause that
	 * this hides costs nothing.
	 */
	uint64_t unused;
};

/* Forget what was counted, and count from here. */
void fantail_sim_mac_begin(struct fantail_sim *sim);

/* Copy what was counted. */
void fantail_sim_mac(struct fantail_sim *sim, struct fantail_sim_mac *mac);

/**
 * fantail_sim_stats_json - the statistics as a JSON object
 * @sim: the handle
 *
 * Names are those of struct fantail_sim_stats, and cycles_per_second, seed.
 * Returns a string the caller releases with free(), or NULL: no memory.
 */
char *fantail_sim_stats_json(struct fantail_sim *sim);

/**
 * fantail_sim_fanout_open - measure how batches leave
 * @sim: the handle
 * @members: connections, 1..65536; they are named 0 to @members - 1
 * @queue_pair: whose DATA doorbells publish
 *
 * fanout.h says what is measured. A frame has left when the MAC has its last
 * byte, and an ACK has come when its first byte reaches the MAC. The meter is
 * told of each batch, takes a few words for each of those under way (at most
 * 16384), and ends with the card.
 *
 * Returns 0; -EINVAL: a value out of range; -EBUSY: there is one; -ENOTSUP:
 * no wire checker; -ENOMEM; -EIO or -ETIME (see top).
 */
int fantail_sim_fanout_open(struct fantail_sim *sim, uint32_t members,
			    unsigned int queue_pair);

/**
 * fantail_sim_fanout_join - a connection takes part from the next batch on
 * @sim: the handle
 * @member: a name that is free: not joined before, or its connection ended
 * @ip: address of the other side, host order
 * @port: its port
 * @card_port: the card's
 *
 * The connection must be open on the wire. It ends with a RST of either side.
 *
 * Returns 0; -EINVAL: @member; -ENOENT: no such connection; -ENOTSUP: no
 * meter, or no network.
 */
int fantail_sim_fanout_join(struct fantail_sim *sim, uint32_t member,
			    uint32_t ip, uint16_t port, uint16_t card_port);

/**
 * fantail_sim_fanout_batch - announce a batch, ahead of its doorbell
 * @sim: the handle
 * @bytes: for each member what the batch gives it, copied; NULL: all the same
 * @each: with @bytes NULL, bytes for each
 *
 * The next write that moves the queue pair's DATA tail is the doorbell.
 *
 * Returns 0; -ENOSPC or -ENOMEM: too many under way, nothing is measured any
 * more; -ENOTSUP: no meter.
 */
int fantail_sim_fanout_batch(struct fantail_sim *sim, const uint32_t *bytes,
			     uint32_t each);

/*
 * What was measured so far, over all (0 or -ENOTSUP: no meter) and of one
 * member (also -EINVAL: no such member).
 */
int fantail_sim_fanout_result(struct fantail_sim *sim,
			      struct fantail_fanout_result *result);
int fantail_sim_fanout_places(struct fantail_sim *sim, uint32_t member,
			      struct fantail_fanout_places *places);

/* What a host does, for the timeline. */
enum fantail_sim_call {
	FANTAIL_SIM_PUBLISH,
	FANTAIL_SIM_SUBMIT,
	FANTAIL_SIM_POLL,
	FANTAIL_SIM_WAIT,
};

/* No batch in particular. */
#define FANTAIL_SIM_NO_BATCH UINT64_MAX

/* A moment on the card's clock, from fantail_sim_timeline_now(). */
struct fantail_sim_moment {
	uint64_t ns;
	uint64_t cycle;
};

/* What a timeline holds. */
struct fantail_sim_timeline {
	uint64_t batches; /* whose doorbell is in it */
	uint64_t slices;
	bool full; /* it ends early: there was no room for more */
};

/* The moment at which a call begins. */
void fantail_sim_timeline_now(struct fantail_sim *sim,
			      struct fantail_sim_moment *moment);

/**
 * fantail_sim_timeline_call - a call of the host has ended
 * @sim: the handle
 * @call: which
 * @begin: when it began
 * @batch: the batch that it was for, or the first of those that it told of;
 *	FANTAIL_SIM_NO_BATCH. Batches are those of one entry with LAST each that
 *	have a PUBLISH, numbered from 0 since open
 * @last: the last of them
 *
 * Does nothing without a timeline.
 */
void fantail_sim_timeline_call(struct fantail_sim *sim,
			       enum fantail_sim_call call,
			       const struct fantail_sim_moment *begin,
			       uint64_t batch, uint64_t last);

/**
 * fantail_sim_timeline_write - end the timeline and write its file
 * @sim: the handle
 * @result: if not NULL, what it holds
 *
 * Slices that are of no batch are in a timeline of batches from the doorbell
 * of the first one on, until the last one is acknowledged and told. Without
 * this call fantail_sim_close() writes it. A second call changes nothing.
 *
 * Returns 0; -ENOTSUP: no timeline; -ENOMEM, or what writing gave.
 */
int fantail_sim_timeline_write(struct fantail_sim *sim,
			       struct fantail_sim_timeline *result);

/**
 * fantail_sim_check - has everything been right so far?
 * @sim: the handle
 * @why: if not NULL, receives a description of the first offence, empty if
 *	none; @why_len bytes, always terminated
 * @why_len: size of @why
 *
 * Judges the engine's ports (a valid withdrawn, a payload changed before it
 * was taken, a burst unaligned, too long or across 4 KiB, a frame of an
 * impossible length) and what it sent on the wire. Each offence is logged
 * as it happens.
 *
 * Returns 0; -EPROTO: a rule was broken; -EIO or -ETIME: the model failed.
 */
int fantail_sim_check(struct fantail_sim *sim, char *why, size_t why_len);

#ifdef __cplusplus
}
#endif

#endif /* FANTAIL_SIM_H */
