/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one host may find of another's connections. The two know nothing of
 * each other but the time: an entry finds what was there at some cycle
 * between its doorbell and its record. See entries.h.
 */
#include <string.h>

#include "entries.h"

static uint32_t id_of(const struct ent_entry *p)
{
	return p->e.target & FANTAIL_HANDLE_ID_MASK;
}

static uint16_t gen_of(const struct ent_entry *p)
{
	return (uint16_t)(p->e.target >> FANTAIL_HANDLE_GENERATION_SHIFT);
}

/* The newest life of that generation. */
static struct ent_past *find(struct ent_card *c, const struct ent_entry *p)
{
	struct ent_past *past = c->past[id_of(p)];
	uint32_t i = c->pasts[id_of(p)], k;

	for (k = 0; k < ENT_PASTS && i--; k++)
		if (past[i % ENT_PASTS].gen == gen_of(p))
			return &past[i % ENT_PASTS];
	return NULL;
}

static bool installs(const struct ent_entry *p)
{
	return p->e.op == FANTAIL_OP_CONN_INSTALL && !p->code && !p->foreign;
}

static bool releases(const struct ent_entry *p)
{
	return p->e.op == FANTAIL_OP_CONN_RELEASE && !p->code && !p->foreign;
}

void ent_past_rung(struct ent_host *h, const struct ent_entry *p)
{
	struct ent_card *c = h->card;
	struct ent_past *past;

	if (installs(p)) {
		past = &c->past[id_of(p)][c->pasts[id_of(p)]++ % ENT_PASTS];
		past->gen = gen_of(p);
		past->may_from = ent_now(h);
		past->sure_from = past->sure_to = past->may_to = UINT64_MAX;
	} else if (releases(p)) {
		past = find(c, p);
		if (past)
			past->sure_to = ent_now(h);
	}
}

void ent_past_done(struct ent_host *h, const struct ent_entry *p)
{
	struct ent_past *past = NULL;

	if (installs(p) || releases(p))
		past = find(h->card, p);
	if (!past)
		return;
	if (installs(p))
		past->sure_from = ent_now(h);
	else
		past->may_to = ent_now(h);
}

/* The queue pair ends, or has ended. */
void ent_past_end(struct ent_host *h, bool ended)
{
	uint32_t id, k;

	for (id = 0; id < ENT_CONNS; id++)
		for (k = 0; k < ENT_PASTS && ent_host_of(id) == h->qp; k++) {
			struct ent_past *past = &h->card->past[id][k];

			if (past->sure_to == UINT64_MAX)
				past->sure_to = ent_now(h);
			if (ended && past->may_to == UINT64_MAX)
				past->may_to = ent_now(h);
		}
}

static uint8_t least(uint8_t a, uint8_t b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

bool ent_foreign_legal(struct ent_host *h, int ring, const struct ent_entry *p,
		       uint8_t code)
{
	struct ent_past *past = h->card->past[id_of(p)];
	bool install = p->e.op == FANTAIL_OP_CONN_INSTALL;
	uint8_t own = ent_static_code(&p->e, ring);
	bool may = false, sure = false;
	uint32_t k;

	for (k = 0; k < ENT_PASTS; k++) {
		if (k >= h->card->pasts[id_of(p)])
			break;
		if (!install && past[k].gen != gen_of(p))
			continue;
		may |= past[k].may_from <= ent_now(h) &&
		       past[k].may_to >= p->rung;
		sure |= past[k].sure_from <= p->rung &&
			past[k].sure_to >= ent_now(h);
	}
	if (may && code == least(own, install ? FANTAIL_REFUSE_INSTALLED
					      : FANTAIL_REFUSE_WRONG_QP))
		return true;
	if (install)
		return !sure && code == (own ? own : p->behind);
	return !sure && code == least(own, FANTAIL_REFUSE_NOT_INSTALLED);
}
