/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RESP_SLVERR	2
#define READ_BYTES	512u /* of a burst; of a write only 4 KiB count */
#define PAGE		4096u
/* Cycles for an input to reach idle_o; before, an old idle_o is not trusted. */
#define IDLE_GUARD	16u
#define AXIL_LIMIT	100000u /* cycles a register access may take */
#define OFFENCES_LOGGED 50u	/* later ones are only counted */
#define CLOCK_EVERY	8u	/* cycles between looks at the real clock */

uint64_t card_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void vlog(struct card *card, enum fantail_sim_level level, char *line,
		 size_t size, const char *fmt, va_list ap)
{
	vsnprintf(line, size, fmt, ap);
	if (card->log)
		card->log(card->log_ctx, level, line);
}

void card_log(struct card *card, enum fantail_sim_level level, const char *fmt,
	      ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vlog(card, level, line, sizeof(line), fmt, ap);
	va_end(ap);
}

void card_offence(struct card *card, bool wire, const char *fmt, ...)
{
	char what[200], line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %s, cycle %llu",
		 wire ? "wire" : "protocol", what,
		 (unsigned long long)card->dut.cycle);
	if (!wire)
		card->stats.protocol_violations++;
	if (!card->first[0])
		memcpy(card->first, line, sizeof(card->first));
	if (card->offences_logged++ < OFFENCES_LOGGED)
		card_log(card, FANTAIL_SIM_ERROR, "%s", line);
}

static void fail(struct card *card, int error, const char *why)
{
	if (card->error)
		return;
	card->error = error;
	card_log(card, FANTAIL_SIM_ERROR, "model stopped: %s, cycle %llu", why,
		 (unsigned long long)card->dut.cycle);
}

void card_judge_hold(struct card *card, struct card_hold *hold, bool valid,
		     bool ready, uint64_t a, uint64_t b, const uint8_t *data,
		     const char *name)
{
	if (hold->stalled) {
		if (!valid)
			card_offence(card, false, "%s: valid withdrawn", name);
		else if (a != hold->a || b != hold->b ||
			 (data && memcmp(data, hold->data, DUT_BEAT)))
			card_offence(card, false, "%s: changed before taken",
				     name);
	}
	hold->stalled = valid && !ready;
	if (hold->stalled) {
		hold->a = a;
		hold->b = b;
		if (data)
			memcpy(hold->data, data, DUT_BEAT);
	}
}

static void judge_burst(struct card *card, uint64_t addr, unsigned int beats,
			bool read)
{
	unsigned int bytes = beats * DUT_BEAT;
	const char *what = NULL;

	if (addr % DUT_BEAT)
		what = "unaligned";
	else if (read && bytes > READ_BYTES)
		what = "longer than 512 bytes";
	else if (addr % PAGE + bytes > PAGE)
		what = "across 4 KiB";
	if (what)
		card_offence(card, false, "%s burst %s: 0x%llx, %u bytes",
			     read ? "read" : "write", what,
			     (unsigned long long)addr, bytes);
}

/* AXI4-Lite master: one access at a time. */

void card_axil_write(struct card *card, const struct card_write *w)
{
	struct dut_in *in = &card->dut.in;

	in->axil_awaddr = (uint16_t)w->offset;
	in->axil_wdata = w->value;
	in->axil_wstrb = w->strobe;
	in->axil_awvalid = 1;
	in->axil_wvalid = 1;
	in->axil_bready = 1;
	card->axil.state = AXIL_WRITE;
	card->axil.since = card->dut.cycle;
	card->stats.mmio_writes++;
	if (card->fanout)
		card_fanout_write(card, w);
	if (card->watch)
		timeline_watch_write(card->watch, card_time(card), w->offset,
				     w->value);
}

void card_axil_read(struct card *card, uint32_t offset)
{
	struct dut_in *in = &card->dut.in;

	in->axil_araddr = (uint16_t)offset;
	in->axil_arvalid = 1;
	in->axil_rready = 1;
	card->axil.state = AXIL_READ;
	card->axil.since = card->dut.cycle;
	card->stats.mmio_reads++;
}

static void sample_axil(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	struct card_axil *axil = &card->axil;
	struct dut_in *in = &card->dut.in;

	card->quiet = 0;
	/* Not on the pins yet: the next dut_settle() drives it. */
	if (axil->since == card->dut.cycle)
		return;
	if (in->axil_awvalid && out->axil_awready)
		in->axil_awvalid = 0;
	if (in->axil_wvalid && out->axil_wready)
		in->axil_wvalid = 0;
	if (in->axil_arvalid && out->axil_arready)
		in->axil_arvalid = 0;
	if (axil->state == AXIL_WRITE && out->axil_bvalid) {
		axil->resp = out->axil_bresp;
		axil->state = AXIL_FREE;
		in->axil_bready = 0;
		if (card->watch)
			timeline_watch_written(card->watch, card_time(card));
	} else if (axil->state == AXIL_READ && out->axil_rvalid) {
		axil->resp = out->axil_rresp;
		axil->value = out->axil_rdata;
		axil->state = AXIL_FREE;
		in->axil_rready = 0;
	} else if (card->dut.cycle - axil->since > AXIL_LIMIT) {
		fail(card, -EIO, "register access not answered");
	}
	if (axil->state == AXIL_FREE && axil->resp)
		card->stats.mmio_errors++;
}

/* AXI4 read master of the engine. */

static void sample_read(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	struct dut_in *in = &card->dut.in;
	unsigned int beats = out->axi_arlen + 1u;

	if (out->axi_arvalid || card->hold_ar.stalled)
		card_judge_hold(card, &card->hold_ar, out->axi_arvalid,
				in->axi_arready, out->axi_araddr,
				out->axi_arlen | out->axi_arqp << 8, NULL,
				"read address");
	if (out->axi_arvalid && in->axi_arready) {
		judge_burst(card, out->axi_araddr, beats, true);
		pcie_read(&card->pcie, card->dut.cycle, out->axi_arqp,
			  out->axi_araddr & ~(uint64_t)(DUT_BEAT - 1), beats);
		if (card->watch)
			card_timeline_read(card);
	}
	if (in->axi_rvalid && out->axi_rready) {
		in->axi_rvalid = 0;
		if (card->watch)
			card_timeline_line(card);
	}
	in->axi_arready = pcie_read_room(&card->pcie);
}

static void drive_read(struct card *card)
{
	struct dut_in *in = &card->dut.in;
	bool last;

	if (in->axi_rvalid || !pcie_read_due(&card->pcie, card->dut.cycle))
		return;
	in->axi_rresp = pcie_read_take(&card->pcie, card->dut.axi_rdata, &last)
				? RESP_SLVERR
				: 0;
	in->axi_rlast = last;
	in->axi_rvalid = 1;
}

/* AXI4 write master of the engine. */

static void take_write_beat(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	unsigned int head = card->aw_head % 4;
	bool last = card->w_beat + 1 == card->aw_beats[head];

	pcie_write(&card->pcie, card->dut.cycle, card->aw_qp[head],
		   card->aw_addr[head] + (uint64_t)card->w_beat * DUT_BEAT,
		   card->dut.axi_wdata, out->axi_wstrb, card->w_beat == 0);
	if (card->watch)
		card_timeline_beat(card, head, last);
	card->w_beat++;
	if (last != !!out->axi_wlast)
		card_offence(card, false, "write data: wlast at beat %u of %u",
			     card->w_beat, card->aw_beats[head]);
	if (last) {
		card->aw_head++;
		card->w_beat = 0;
		card->b_owed++;
	}
}

static void sample_write(struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	struct dut_in *in = &card->dut.in;
	unsigned int tail = card->aw_tail % 4;
	unsigned int open;

	if (out->axi_awvalid || card->hold_aw.stalled)
		card_judge_hold(card, &card->hold_aw, out->axi_awvalid,
				in->axi_awready, out->axi_awaddr,
				out->axi_awlen | out->axi_awqp << 8, NULL,
				"write address");
	if (out->axi_wvalid || card->hold_w.stalled)
		card_judge_hold(card, &card->hold_w, out->axi_wvalid,
				in->axi_wready, out->axi_wstrb, out->axi_wlast,
				card->dut.axi_wdata, "write data");
	if (in->axi_bvalid && out->axi_bready)
		card->b_owed--;
	if (out->axi_wvalid && in->axi_wready)
		take_write_beat(card);
	if (out->axi_awvalid && in->axi_awready) {
		judge_burst(card, out->axi_awaddr, out->axi_awlen + 1u, false);
		card->aw_addr[tail] = out->axi_awaddr &
				      ~(uint64_t)(DUT_BEAT - 1);
		card->aw_beats[tail] = out->axi_awlen + 1u;
		card->aw_qp[tail] = out->axi_awqp;
		card->aw_tail++;
	}
	open = card->aw_tail - card->aw_head;
	in->axi_awready = open < 4;
	in->axi_wready = open > 0 && pcie_write_room(&card->pcie);
	in->axi_bvalid = card->b_owed > 0;
	in->axi_bresp = 0;
}

static void deliver(struct card *card, uint32_t vectors)
{
	uint32_t left = vectors;

	while (left) {
		card->stats.interrupts++;
		card->stats.vector_interrupts[__builtin_ctz(left)]++;
		left &= left - 1;
	}
	card->irq(card->ctx, vectors);
}

static void land_writes(struct card *card)
{
	while (pcie_write_due(&card->pcie, card->dut.cycle)) {
		uint32_t vectors = pcie_write_take(&card->pcie);

		if (vectors)
			deliver(card, vectors);
	}
}

static void set_time(struct card *card, uint64_t now_us)
{
	if (now_us <= card->now_us)
		return;
	card->now_us = now_us;
	card->rx.look = true;
}

void card_look_at_clock(struct card *card)
{
	set_time(card, (card_clock_ns() - card->clock.start_ns) / 1000);
}

static void advance_time(struct card *card)
{
	uint64_t now_us = card->now_us;

	if (card->real) {
		if (card->dut.cycle % CLOCK_EVERY == 0)
			card_look_at_clock(card);
		return;
	}
	card->clock.ns += card->ns_per_cycle;
	while (card->clock.ns >= 1000) {
		card->clock.ns -= 1000;
		now_us++;
	}
	set_time(card, now_us);
}

void card_jump(struct card *card, uint64_t now_us)
{
	card->stats.skipped_us += now_us - card->now_us;
	card->clock.ns = 0;
	set_time(card, now_us);
}

/* Is anything moving on a port? */
static bool ports_busy(const struct card *card)
{
	const struct dut_out *out = &card->dut.out;
	const struct dut_in *in = &card->dut.in;

	return out->axi_arvalid | out->axi_awvalid | out->axi_wvalid |
	       out->mac_tx_tvalid | in->axi_rvalid | in->axi_bvalid |
	       in->mac_rx_tvalid | (out->irq != 0);
}

int card_cycle(struct card *card)
{
	struct dut *dut = &card->dut;

	if (card->error)
		return card->error;
	card->quiet++;
	if (ports_busy(card))
		card->quiet = 0;
	/* Judge and take what the settled pins say ... */
	if (card->axil.state != AXIL_FREE)
		sample_axil(card);
	sample_read(card);
	sample_write(card);
	if (dut->out.irq)
		pcie_interrupt(&card->pcie, dut->cycle, dut->out.irq);
	if (card->watch)
		card_timeline_cycle(card);
	card_mac_sample(card);
	/* ... then the edge, and only then new inputs. */
	dut_edge(dut);
	land_writes(card);
	advance_time(card);
	dut->in.now_us = card->now_us;
	drive_read(card);
	card_mac_drive(card);
	dut_settle(dut);
	if (dut->failed)
		fail(card, -EIO, "the engine stopped itself");
	else if (card->cycle_limit && dut->cycle >= card->cycle_limit)
		fail(card, -ETIME, "cycle limit");
	return card->error;
}

bool card_idle(const struct card *card)
{
	return card->dut.out.idle && card->quiet >= IDLE_GUARD &&
	       !ports_busy(card) && card->axil.state == AXIL_FREE &&
	       !card->rx.len && !card->rx.look && !card->tx.in_frame &&
	       card->aw_head == card->aw_tail && pcie_quiet(&card->pcie);
}

uint64_t card_next_us(const struct card *card)
{
	uint64_t next = card->dut.out.next_deadline_us;
	uint64_t event;

	if (card->net) {
		event = fantail_net_next_event_us(card->net);
		if (event < next)
			next = event;
	}
	return next;
}
