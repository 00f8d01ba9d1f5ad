/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline (timeline.h) of a card: what its watcher is told, and when. */
#include <errno.h>
#include <string.h>

#include "sim_internal.h"

/*
 * Cycles, and in virtual time what was jumped over. A model in real time is
 * slower than any card, so its own clock would show the model.
 */
struct timeline_time card_time(const struct card *card)
{
	return (struct timeline_time){
		.ns = card->real ? card->dut.cycle * card->ns_per_cycle
				 : card->now_us * 1000 + card->clock.ns,
		.cycle = card->dut.cycle,
	};
}

void card_timeline_cycle(struct card *card)
{
	struct dut_watch inside;

	dut_look(&card->dut, &inside);
	timeline_watch_cycle(card->watch, card_time(card), &inside);
	if (card->dut.out.irq)
		timeline_watch_interrupt(card->watch, card_time(card),
					 card->dut.out.irq,
					 card->pcie.last_visible);
}

void card_timeline_read(struct card *card)
{
	const struct dut_out *out = &card->dut.out;

	timeline_watch_read(card->watch, card_time(card), out->axi_arqp,
			    out->axi_araddr & ~(uint64_t)(DUT_BEAT - 1),
			    out->axi_arlen + 1u);
}

void card_timeline_line(struct card *card)
{
	timeline_watch_line(card->watch, card_time(card), card->dut.axi_rdata,
			    card->dut.in.axi_rresp != 0);
}

void card_timeline_beat(struct card *card, unsigned int slot, bool last)
{
	struct timeline_beat b = {
		.qp = card->aw_qp[slot],
		.iova = card->aw_addr[slot] + (uint64_t)card->w_beat * DUT_BEAT,
		.data = card->dut.axi_wdata,
		.strobe = card->dut.out.axi_wstrb,
		.first = card->w_beat == 0,
		.last = last,
		.visible = card->pcie.last_visible,
	};

	timeline_watch_beat(card->watch, card_time(card), &b);
}

int card_timeline_open(struct card *card, const struct fantail_sim_config *cfg)
{
	struct timeline_config tc = {
		.path = cfg->timeline,
		.cycles = cfg->timeline_cycles,
		.first = cfg->timeline_first,
		.last = cfg->timeline_last,
	};
	int rc;

	if (!cfg->timeline)
		return 0;
	rc = timeline_open(&tc, &card->timeline);
	if (!rc)
		rc = timeline_watch_open(card->timeline, card->ns_per_cycle,
					 &card->watch);
	if (rc)
		card_log(card, FANTAIL_SIM_ERROR, "timeline %s: %s",
			 cfg->timeline, strerror(-rc));
	return rc;
}

/* With the model at rest. 0 or -errno. */
static int write_out(struct card *card)
{
	timeline_watch_finish(card->watch, card_time(card));
	return timeline_write(card->timeline);
}

void card_timeline_close(struct card *card)
{
	int rc = 0;

	if (!card->timeline)
		return;
	if (card->watch)
		rc = write_out(card);
	if (rc)
		card_log(card, FANTAIL_SIM_ERROR, "timeline: %s",
			 strerror(-rc));
	timeline_watch_close(card->watch);
	timeline_close(card->timeline);
}

void fantail_sim_timeline_now(struct fantail_sim *sim,
			      struct fantail_sim_moment *moment)
{
	struct timeline_time now = { 0 };

	if (sim->card.timeline) {
		sim_lock(sim);
		now = card_time(&sim->card);
		sim_unlock(sim);
	}
	moment->ns = now.ns;
	moment->cycle = now.cycle;
}

void fantail_sim_timeline_call(struct fantail_sim *sim,
			       enum fantail_sim_call call,
			       const struct fantail_sim_moment *begin,
			       uint64_t batch, uint64_t last)
{
	struct timeline_event e = {
		.kind = (enum timeline_kind)((int)TIMELINE_PUBLISH + (int)call),
		.begin = begin->ns,
		.cycle = begin->cycle,
		.batch = batch,
		.last = last,
	};

	if (!sim->card.timeline || call > FANTAIL_SIM_WAIT)
		return;
	sim_lock(sim);
	e.end = card_time(&sim->card).ns;
	timeline_add(sim->card.timeline, &e);
	sim_unlock(sim);
}

int fantail_sim_timeline_write(struct fantail_sim *sim,
			       struct fantail_sim_timeline *result)
{
	struct timeline *t = sim->card.timeline;
	int rc;

	if (!t)
		return -ENOTSUP;
	sim_lock(sim);
	rc = write_out(&sim->card);
	if (result)
		*result = (struct fantail_sim_timeline){
			.batches = t->batches,
			.slices = t->count,
			.full = t->full,
		};
	sim_unlock(sim);
	return rc;
}
