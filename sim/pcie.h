/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCIe link between engine and host memory, delayed and metered.
 *
 * Two directions, each as fast as lanes, generation and encoding allow; a
 * TLP takes the link for its payload, header, framing and LCRC. DLLPs are
 * left out (a few per cent).
 *
 * Reads: a burst becomes requests of at most MRRS; the host answers after
 * the read latency with completions cut at MPS boundaries. Data returns in
 * the order of the requests; at most max_reads requests are under way.
 * Memory is looked at when a beat is handed out, and never before the writes
 * accepted earlier are visible (a read does not pass a posted write).
 *
 * Writes are posted: accepted into a buffer, visible after link and write
 * latency, in order. Interrupts are memory writes in the same order.
 *
 * Times are cycles of the caller's counter, which only grows. Not
 * thread-safe: the model's lock covers it.
 */
#ifndef FANTAIL_PCIE_H
#define FANTAIL_PCIE_H

#include <stdbool.h>
#include <stdint.h>

#include "fantail_sim.h"
#include "hostmem.h"

#define PCIE_READ_BEATS	 4096u /* ring of beats asked for */
#define PCIE_WRITE_BEATS 256u  /* ring of posted beats: 16 KiB */
#define PCIE_BURST_MAX	 256u  /* beats the port can ask for at once */

struct pcie_read_beat {
	uint64_t iova;
	uint64_t ready;	 /* first cycle at which it may be handed out */
	uint8_t qp;	 /* queue pair that asked */
	bool last;	 /* of the burst */
	bool starts_tlp; /* first of a completion */
	bool ends_request;
	uint32_t behind; /* w_tail when it was asked for */
};

struct pcie_write_beat {
	uint64_t iova;
	uint64_t visible; /* cycle */
	uint64_t strobe;
	uint32_t irq; /* interrupts right after this beat */
	uint8_t qp;   /* queue pair that writes */
	uint8_t data[HOSTMEM_BEAT];
};

struct pcie_stats {
	uint64_t read_bytes;
	uint64_t write_bytes;
	uint64_t read_tlps;
	uint64_t completion_tlps;
	uint64_t write_tlps;
	uint64_t up_link_bytes;
	uint64_t down_link_bytes;
	uint64_t class_read_bytes[FANTAIL_SIM_CLASSES];
	uint64_t class_write_bytes[FANTAIL_SIM_CLASSES];
	uint64_t read_faults;
	uint64_t write_faults;
	uint64_t last_fault_iova;
};

struct pcie {
	struct hostmem *mem;
	struct fantail_sim_pcie cfg; /* defaults filled in */
	uint64_t byte_time;	     /* cycles << 20, per link byte */
	uint64_t read_cycles;
	uint64_t write_cycles;
	uint64_t up_free; /* direction busy until, << 20 */
	uint64_t down_free;
	uint64_t last_visible;	 /* of the newest write, cycles */
	unsigned int reads;	 /* requests under way */
	bool write_tlp_open;	 /* next beat continues a write TLP */
	uint32_t r_head, r_tail; /* free-running */
	uint32_t w_head, w_tail;
	struct pcie_stats stats;
	struct pcie_read_beat *r;
	struct pcie_write_beat *w;
};

/*
 * 0; -EINVAL: a parameter out of range, @why then names it; -ENOMEM.
 * @cfg as in fantail_sim.h, zero fields mean defaults.
 */
int pcie_init(struct pcie *pcie, const struct fantail_sim_pcie *cfg,
	      unsigned int ns_per_cycle, struct hostmem *mem, const char **why);
void pcie_free(struct pcie *pcie);

/* Is there room for any burst? */
bool pcie_read_room(const struct pcie *pcie);

/* Ask for @beats (1..256) lines at @iova for queue pair @qp. Only while there is room. */
void pcie_read(struct pcie *pcie, uint64_t now, unsigned int qp, uint64_t iova,
	       unsigned int beats);

/* Is a beat due? One of remote memory is when it has been answered. */
bool pcie_read_due(struct pcie *pcie, uint64_t now);

/*
 * Take the beat that is due: 64 bytes to @data, @last of its burst. Returns
 * 0, or -EFAULT (data zero, counted).
 */
int pcie_read_take(struct pcie *pcie, uint8_t *data, bool *last);

/* Is there room for a beat? */
bool pcie_write_room(const struct pcie *pcie);

/* Post a beat of queue pair @qp; @first of its burst. Only while there is room. */
void pcie_write(struct pcie *pcie, uint64_t now, unsigned int qp, uint64_t iova,
		const uint8_t *data, uint64_t strobe, bool first);

/* Post interrupts, one MSI-X message per bit. There is always room. */
void pcie_interrupt(struct pcie *pcie, uint64_t now, uint32_t vectors);

/* Does the oldest write wait for the answer to one of remote memory? */
bool pcie_write_blocked(struct pcie *pcie);

/* Does pcie_write_take() have work? */
static inline bool pcie_write_due(struct pcie *pcie, uint64_t now)
{
	return pcie->w_head != pcie->w_tail &&
	       pcie->w[pcie->w_head % PCIE_WRITE_BEATS].visible <= now &&
	       !pcie_write_blocked(pcie);
}

/*
 * Make the oldest write visible. Returns the interrupts that follow it; a
 * fault drops the data and is counted.
 */
uint32_t pcie_write_take(struct pcie *pcie);

/* Nothing under way in either direction? */
static inline bool pcie_quiet(const struct pcie *pcie)
{
	return pcie->r_head == pcie->r_tail && pcie->w_head == pcie->w_tail;
}

#endif /* FANTAIL_PCIE_H */
