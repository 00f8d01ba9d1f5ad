/* SPDX-License-Identifier: Apache-2.0 */
/* The fan-out meter (fanout.h) of a card: what it is told, and when. */
#include <errno.h>

#include "fantail_regs.h"
#include "sim_internal.h"

#define BATCHES_UNDER_WAY 16384u

static struct fantail_fanout_time now(const struct card *card)
{
	return (struct fantail_fanout_time){
		.cycle = card->dut.cycle,
		/* a real clock is looked at in whole microseconds */
		.ns = card->now_us * 1000 + (card->real ? 0 : card->clock.ns),
	};
}

void card_fanout_write(struct card *card, const struct card_write *w)
{
	uint32_t page = FANTAIL_PAGE_BYTES * (1 + card->fanout_qp);
	uint16_t tail = (uint16_t)(w->value & FANTAIL_DOORBELL_DATA_TAIL_MASK);

	/* it also arms, and returns records: only a new tail submits */
	if (w->offset != page + FANTAIL_QP_DOORBELL_DATA ||
	    tail == card->fanout_tail)
		return;
	card->fanout_tail = tail;
	fantail_fanout_rung(card->fanout, now(card));
}

static void on_sent(void *ctx, uint32_t mark, uint32_t bytes)
{
	struct card *card = ctx;

	fantail_fanout_sent(card->fanout, mark, bytes, now(card));
}

static void on_acked(void *ctx, uint32_t mark, uint32_t bytes)
{
	struct card *card = ctx;

	fantail_fanout_acked(card->fanout, mark, bytes, now(card));
}

static void on_over(void *ctx, uint32_t mark, uint32_t bytes)
{
	struct card *card = ctx;

	(void)bytes;
	fantail_fanout_gone(card->fanout, mark);
}

void card_fanout_hooks(struct card *card, struct fantail_wire_check_config *wc)
{
	/* nothing is marked before there is a meter */
	wc->sent = on_sent;
	wc->acked = on_acked;
	wc->over = on_over;
	wc->mark_ctx = card;
}

int fantail_sim_fanout_open(struct fantail_sim *sim, uint32_t members,
			    unsigned int queue_pair)
{
	struct card *card = &sim->card;
	uint32_t tail;
	int rc;

	if (queue_pair >= sim->vectors - 1)
		return -EINVAL;
	sim_lock(sim);
	if (card->fanout)
		rc = -EBUSY;
	else if (!card->check)
		rc = -ENOTSUP;
	else
		rc = sim_read_word(sim,
				   FANTAIL_PAGE_BYTES * (1 + queue_pair) +
					   FANTAIL_QP_DATA_HEAD,
				   &tail);
	if (!rc)
		rc = fantail_fanout_open(members, BATCHES_UNDER_WAY,
					 &card->fanout);
	if (!rc) {
		card->fanout_qp = queue_pair;
		card->fanout_tail =
			(uint16_t)(tail & FANTAIL_DOORBELL_DATA_TAIL_MASK);
	}
	sim_unlock(sim);
	return rc;
}

int fantail_sim_fanout_join(struct fantail_sim *sim, uint32_t member,
			    uint32_t ip, uint16_t port, uint16_t card_port)
{
	struct card *card = &sim->card;
	uint32_t unacked = 0;
	int rc;

	sim_lock(sim);
	if (!card->fanout || !card->net)
		rc = -ENOTSUP;
	else
		rc = fantail_wire_check_mark(
			card->check, fantail_net_card_ip(card->net), card_port,
			ip, port, member, &unacked);
	if (!rc)
		rc = fantail_fanout_join(card->fanout, member, unacked);
	sim_unlock(sim);
	return rc;
}

int fantail_sim_fanout_batch(struct fantail_sim *sim, const uint32_t *bytes,
			     uint32_t each)
{
	int rc = -ENOTSUP;

	sim_lock(sim);
	if (sim->card.fanout)
		rc = fantail_fanout_batch(sim->card.fanout, bytes, each);
	sim_unlock(sim);
	return rc;
}

int fantail_sim_fanout_result(struct fantail_sim *sim,
			      struct fantail_fanout_result *result)
{
	int rc = -ENOTSUP;

	sim_lock(sim);
	if (sim->card.fanout) {
		fantail_fanout_get_result(sim->card.fanout, result);
		rc = 0;
	}
	sim_unlock(sim);
	return rc;
}

int fantail_sim_fanout_places(struct fantail_sim *sim, uint32_t member,
			      struct fantail_fanout_places *places)
{
	int rc = -ENOTSUP;

	sim_lock(sim);
	if (sim->card.fanout)
		rc = fantail_fanout_get_places(sim->card.fanout, member,
					       places);
	sim_unlock(sim);
	return rc;
}
