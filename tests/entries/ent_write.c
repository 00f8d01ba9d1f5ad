/* SPDX-License-Identifier: Apache-2.0 */
/* An entry on its way into the ring. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

/* Where an address of the table or of a ring's own memory lies. */
const uint8_t *ent_memory(const struct ent_host *h, int ring, uint64_t addr)
{
	uint64_t own =
		h->space + ENT_SCRATCH_IOVA + (uint64_t)ring * ENT_RING_STEP;

	if (addr < own)
		return h->table + (addr - h->space - ENT_TABLE_IOVA);
	return h->ring[ring].scratch + (addr - own);
}

/* Slot @k of a RECV_RETURN. */
void ent_name_slot(struct fantail_entry *e, uint32_t k, uint16_t slot)
{
	uint64_t bits = (uint64_t)slot << 16 * (k % 4);

	if (k < 4)
		e->arg0 |= bits;
	else if (k < 8)
		e->arg1 |= bits;
	else
		e->arg2 |= bits;
}

/* What lies where the entry points, as far as the model needs it. */
void ent_look_up(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;
	uint64_t bytes = 4ull * e->list_len;
	uint32_t i;

	if (p->behind == FANTAIL_REFUSE_DMA_READ)
		p->bad_line = ent_bad_line(h, e->addr,
					   e->op == FANTAIL_OP_CONN_INSTALL
						   ? FANTAIL_CONTEXT_BYTES
						   : e->len);
	if (e->op != FANTAIL_OP_PUBLISH || ent_static_code(e, ring))
		return;
	p->bad_line = ent_bad_line(h, e->addr, e->len);
	if (p->bad_line)
		p->behind = FANTAIL_REFUSE_DMA_READ;
	if (!(e->flags & FANTAIL_FLAG_LIST))
		return;
	p->handles = malloc(bytes);
	if (!p->handles)
		abort();
	for (i = 0; i < e->list_len; i++) {
		uint64_t at = e->list_addr + 4ull * i;

		p->handles[i] = UINT32_MAX;
		if (ent_bad_line(h, at, 4))
			continue;
		memcpy(&p->handles[i], ent_memory(h, ring, at), 4);
	}
	if (!p->bad_line && ent_bad_line(h, e->list_addr, bytes)) {
		p->behind = FANTAIL_REFUSE_DMA_READ;
		p->list_fails = true;
	}
}

static bool released_untold(struct ent_host *h, uint32_t id)
{
	const struct ent_life *l = h->conn[id].lives;

	while (l && l->next)
		l = l->next;
	return l && l->releasing && !(l->told & FANTAIL_EV_RELEASED);
}

/* Entries whose effect the model could not know. */
bool ent_allowed(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct fantail_entry *e = &p->e;
	uint32_t id = e->target & FANTAIL_HANDLE_ID_MASK;
	uint8_t code = ent_static_code(e, ring);

	if (p->skip)
		return false;
	if (e->op == FANTAIL_OP_PUBLISH && !code && !p->bad_line)
		return ent_room(h, p);
	if (e->op == FANTAIL_OP_CONN_INSTALL && id < ENT_CONNS) {
		/* an id is used again when RELEASED has been told */
		return code || p->behind ||
		       (h->conn[id].owner == ring && !released_untold(h, id));
	}
	if (!ent_names_conn(e) || id >= ENT_CONNS)
		return true;
	if (e->op == FANTAIL_OP_CONN_UPDATE &&
	    e->arg0 == FANTAIL_UPDATE_LAG_LIMIT && e->arg1 != 0x7FFFFFFF &&
	    !(e->arg1 >> 32))
		return false;
	return h->conn[id].owner == ring || code ||
	       e->op == FANTAIL_OP_CONN_QUERY || e->op == FANTAIL_OP_CONN_ABORT;
}

void ent_write(struct ent_host *h, int ring, struct ent_entry *p)
{
	struct ent_ring *r = &h->ring[ring];
	uint64_t index = r->written;

	p->number = h->card->res.entries++;
	p->e.cookie = h->serial++ << 20 | ent_below(h, 1u << 20);
	r->open = p->e.flags & FANTAIL_FLAG_LAST ? 0 : r->open + 1;
	ent_written(h, ring, p, index);
	r->entry[index % ENT_PENDING] = *p;
	memcpy(r->mem + ((index - r->base) & ((1u << r->log2) - 1)) *
				FANTAIL_ENTRY_BYTES,
	       &p->e, sizeof(p->e));
	r->written++;
}
