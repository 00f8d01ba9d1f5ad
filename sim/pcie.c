/* SPDX-License-Identifier: Apache-2.0 */
#include "pcie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Bytes on the link besides payload, 8 GT/s and up: 4 of framing (STP with
 * the sequence number) and 4 of LCRC, and the header: 16 for a request with
 * a 64-bit address, 12 for a completion or a request below 4 GiB.
 */
#define TLP_FRAME 8u
#define HEADER_64 16u
#define HEADER_32 12u

#define FRAC	   20 /* fixed point of link times */
#define MSIX_BYTES 4u
#define IRQ_SLOTS  4u /* beats kept free for interrupts */

static bool power_of_two(unsigned int x)
{
	return x && !(x & (x - 1));
}

static void set_default(unsigned int *field, unsigned int value)
{
	if (!*field)
		*field = value;
}

static const char *check(struct fantail_sim_pcie *c)
{
	set_default(&c->gen, 3);
	set_default(&c->lanes, 16);
	set_default(&c->mps, 256);
	set_default(&c->mrrs, 512);
	set_default(&c->read_ns, 600);
	set_default(&c->write_ns, 300);
	set_default(&c->max_reads, 64);
	if (c->gen > 5)
		return "gen: 1 to 5";
	if (!power_of_two(c->lanes) || c->lanes > 16)
		return "lanes: 1, 2, 4, 8 or 16";
	if (!power_of_two(c->mps) || c->mps < 128 || c->mps > 512)
		return "mps: 128, 256 or 512";
	if (!power_of_two(c->mrrs) || c->mrrs < 128 || c->mrrs > 4096)
		return "mrrs: power of two, 128 to 4096";
	if (c->read_ns < 4 || c->read_ns > 100000)
		return "read_ns: 4 to 100000";
	if (c->write_ns > 100000)
		return "write_ns: up to 100000";
	if (c->max_reads > 256)
		return "max_reads: 1 to 256";
	return NULL;
}

/* Cycles << FRAC that one byte takes one direction of the link. */
static uint64_t byte_time(const struct fantail_sim_pcie *c,
			  unsigned int ns_per_cycle)
{
	static const double gtps[] = { 2.5, 5, 8, 16, 32 };
	double encoding = c->gen < 3 ? 8.0 / 10 : 128.0 / 130;
	double bytes_per_ns = gtps[c->gen - 1] * encoding * c->lanes / 8;

	return (uint64_t)((1 << FRAC) / (bytes_per_ns * ns_per_cycle) + 0.5);
}

int pcie_init(struct pcie *pcie, const struct fantail_sim_pcie *cfg,
	      unsigned int ns_per_cycle, struct hostmem *mem, const char **why)
{
	memset(pcie, 0, sizeof(*pcie));
	pcie->mem = mem;
	pcie->cfg = *cfg;
	*why = check(&pcie->cfg);
	if (*why)
		return -EINVAL;
	pcie->byte_time = byte_time(&pcie->cfg, ns_per_cycle);
	pcie->read_cycles =
		(pcie->cfg.read_ns + ns_per_cycle - 1) / ns_per_cycle;
	pcie->write_cycles =
		(pcie->cfg.write_ns + ns_per_cycle - 1) / ns_per_cycle;
	pcie->r = calloc(PCIE_READ_BEATS, sizeof(*pcie->r));
	pcie->w = calloc(PCIE_WRITE_BEATS, sizeof(*pcie->w));
	if (!pcie->r || !pcie->w) {
		pcie_free(pcie);
		return -ENOMEM;
	}
	return 0;
}

void pcie_free(struct pcie *pcie)
{
	free(pcie->r);
	free(pcie->w);
	pcie->r = NULL;
	pcie->w = NULL;
}

static unsigned int request_header(uint64_t iova)
{
	return (iova >> 32 ? HEADER_64 : HEADER_32) + TLP_FRAME;
}

/*
 * Occupy a direction for @bytes, not before @from (cycles << FRAC). Returns
 * when the last of them has passed.
 */
static uint64_t occupy(struct pcie *pcie, uint64_t *free_at, uint64_t from,
		       unsigned int bytes)
{
	if (*free_at < from)
		*free_at = from;
	*free_at += bytes * pcie->byte_time;
	return *free_at;
}

static uint64_t up(struct pcie *pcie, uint64_t now, unsigned int bytes)
{
	pcie->stats.up_link_bytes += bytes;
	return occupy(pcie, &pcie->up_free, now << FRAC, bytes);
}

static uint64_t round_up(uint64_t fixed)
{
	return (fixed + (1 << FRAC) - 1) >> FRAC;
}

bool pcie_read_room(const struct pcie *pcie)
{
	return pcie->reads < pcie->cfg.max_reads &&
	       pcie->r_tail - pcie->r_head + PCIE_BURST_MAX <= PCIE_READ_BEATS;
}

/* Bytes from @iova to the next multiple of @unit, at most @left. */
static unsigned int chunk(uint64_t iova, unsigned int unit, unsigned int left)
{
	unsigned int n = unit - (unsigned int)(iova & (unit - 1));

	return n < left ? n : left;
}

/* One completion: its beats become due together, when all has arrived. */
static void completion(struct pcie *pcie, unsigned int qp, uint64_t iova,
		       uint64_t from, unsigned int bytes)
{
	uint64_t at = occupy(pcie, &pcie->down_free, from,
			     bytes + HEADER_32 + TLP_FRAME);
	unsigned int n;

	at = round_up(at);
	if (at < pcie->last_visible)
		at = pcie->last_visible;
	for (n = 0; n < bytes; n += HOSTMEM_BEAT)
		pcie->r[pcie->r_tail++ % PCIE_READ_BEATS] =
			(struct pcie_read_beat){
				.iova = iova + n,
				.ready = at,
				.qp = (uint8_t)qp,
				.starts_tlp = n == 0,
				.behind = pcie->w_tail,
			};
}

void pcie_read(struct pcie *pcie, uint64_t now, unsigned int qp, uint64_t iova,
	       unsigned int beats)
{
	unsigned int left = beats * HOSTMEM_BEAT;
	unsigned int request, part;
	uint64_t from;

	while (left) {
		request = chunk(iova, pcie->cfg.mrrs, left);
		from = up(pcie, now, request_header(iova)) +
		       (pcie->read_cycles << FRAC);
		left -= request;
		for (; request; request -= part, iova += part) {
			part = chunk(iova, pcie->cfg.mps, request);
			completion(pcie, qp, iova, from, part);
		}
		pcie->r[(pcie->r_tail - 1) % PCIE_READ_BEATS].ends_request =
			true;
		pcie->reads++;
		pcie->stats.read_tlps++;
	}
	pcie->r[(pcie->r_tail - 1) % PCIE_READ_BEATS].last = true;
}

/* Beats from the head on that are due and lie side by side. */
static unsigned int run_of_lines(const struct pcie *pcie, uint64_t now)
{
	const struct pcie_read_beat *first =
		&pcie->r[pcie->r_head % PCIE_READ_BEATS];
	unsigned int n = 1;

	while (n < HOSTMEM_ASK_LINES && pcie->r_head + n != pcie->r_tail) {
		const struct pcie_read_beat *beat =
			&pcie->r[(pcie->r_head + n) % PCIE_READ_BEATS];

		if (beat->ready > now || beat->qp != first->qp ||
		    beat->iova != first->iova + (uint64_t)n * HOSTMEM_BEAT)
			break;
		n++;
	}
	return n;
}

bool pcie_read_due(struct pcie *pcie, uint64_t now)
{
	const struct pcie_read_beat *beat =
		&pcie->r[pcie->r_head % PCIE_READ_BEATS];

	if (pcie->r_head == pcie->r_tail || beat->ready > now)
		return false;
	if (!pcie->mem->remote_maps)
		return true;
	/* writes before it are late when they wait for an answer */
	if ((int32_t)(beat->behind - pcie->w_head) > 0)
		return false;
	return hostmem_read_ready(pcie->mem, beat->qp, beat->iova,
				  run_of_lines(pcie, now));
}

int pcie_read_take(struct pcie *pcie, uint8_t *data, bool *last)
{
	const struct pcie_read_beat *beat =
		&pcie->r[pcie->r_head++ % PCIE_READ_BEATS];
	struct pcie_stats *s = &pcie->stats;
	int class;

	*last = beat->last;
	if (beat->ends_request)
		pcie->reads--;
	if (beat->starts_tlp) {
		s->completion_tlps++;
		s->down_link_bytes += HEADER_32 + TLP_FRAME;
	}
	class = hostmem_read(pcie->mem, beat->qp, beat->iova, data);
	if (class < 0) {
		s->read_faults++;
		s->last_fault_iova = beat->iova;
		return class;
	}
	s->read_bytes += HOSTMEM_BEAT;
	s->down_link_bytes += HOSTMEM_BEAT;
	s->class_read_bytes[class] += HOSTMEM_BEAT;
	return 0;
}

bool pcie_write_room(const struct pcie *pcie)
{
	return pcie->w_tail - pcie->w_head + IRQ_SLOTS < PCIE_WRITE_BEATS;
}

/* Payload of a beat on the link: whole words from first to last byte. */
static unsigned int beat_bytes(uint64_t strobe)
{
	unsigned int first = (unsigned int)__builtin_ctzll(strobe);
	unsigned int last = 63 - (unsigned int)__builtin_clzll(strobe);

	return (last / 4 - first / 4 + 1) * 4;
}

static struct pcie_write_beat *post(struct pcie *pcie, uint64_t left_link)
{
	struct pcie_write_beat *beat =
		&pcie->w[pcie->w_tail++ % PCIE_WRITE_BEATS];

	beat->visible = round_up(left_link) + pcie->write_cycles;
	beat->irq = 0;
	beat->strobe = 0;
	pcie->last_visible = beat->visible;
	return beat;
}

void pcie_write(struct pcie *pcie, uint64_t now, unsigned int qp, uint64_t iova,
		const uint8_t *data, uint64_t strobe, bool first)
{
	struct pcie_write_beat *beat;
	unsigned int bytes = 0;

	if (first || !(iova & (pcie->cfg.mps - 1)))
		pcie->write_tlp_open = false;
	if (strobe) {
		bytes = beat_bytes(strobe);
		if (!pcie->write_tlp_open) {
			bytes += request_header(iova);
			pcie->stats.write_tlps++;
			pcie->write_tlp_open = true;
		}
	}
	beat = post(pcie, up(pcie, now, bytes));
	beat->iova = iova;
	beat->qp = (uint8_t)qp;
	beat->strobe = strobe;
	memcpy(beat->data, data, HOSTMEM_BEAT);
}

void pcie_interrupt(struct pcie *pcie, uint64_t now, uint32_t vectors)
{
	unsigned int messages = (unsigned int)__builtin_popcount(vectors);
	uint64_t at;

	at = up(pcie, now,
		messages * (request_header(UINT64_MAX) + MSIX_BYTES));
	pcie->stats.write_tlps += messages;
	/* Without room it rides on the newest beat: the order is the same. */
	if (pcie->w_tail - pcie->w_head == PCIE_WRITE_BEATS)
		pcie->w[(pcie->w_tail - 1) % PCIE_WRITE_BEATS].irq |= vectors;
	else
		post(pcie, at)->irq = vectors;
	/* Data written next starts a TLP of its own. */
	pcie->write_tlp_open = false;
}

bool pcie_write_blocked(struct pcie *pcie)
{
	const struct pcie_write_beat *beat =
		&pcie->w[pcie->w_head % PCIE_WRITE_BEATS];

	return pcie->w_head != pcie->w_tail &&
	       !hostmem_write_ready(pcie->mem, beat->qp, beat->iova,
				    beat->strobe);
}

static void land(struct pcie *pcie, const struct pcie_write_beat *beat)
{
	struct pcie_stats *s = &pcie->stats;
	unsigned int bytes;
	int class;

	class = hostmem_write(pcie->mem, beat->qp, beat->iova, beat->data,
			      beat->strobe);
	if (class < 0) {
		s->write_faults++;
		s->last_fault_iova = beat->iova;
		return;
	}
	bytes = (unsigned int)__builtin_popcountll(beat->strobe);
	s->write_bytes += bytes;
	s->class_write_bytes[class] += bytes;
}

uint32_t pcie_write_take(struct pcie *pcie)
{
	struct pcie_write_beat *beat =
		&pcie->w[pcie->w_head % PCIE_WRITE_BEATS];

	if (beat->strobe)
		land(pcie, beat);
	beat->strobe = 0;
	/* an interrupt waits until what it announces is there */
	if (beat->irq && pcie->mem->owed)
		return 0;
	pcie->w_head++;
	/* and is a write itself: none without the right to */
	return pcie->mem->off ? 0 : beat->irq;
}
