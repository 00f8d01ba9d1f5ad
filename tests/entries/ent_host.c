/* SPDX-License-Identifier: Apache-2.0 */
/* The card by its registers and memory. See entries.h. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "../fuzz/frame_ring.h"
#include "net.h"

enum {
	READY_CYCLES = 200000
};

uint32_t ent_reg(struct ent_host *h, uint32_t offset)
{
	uint64_t value = 0;
	int rc = fantail_sim_bar_read(h->card->sim, 0, offset, 4, &value);

	if (rc)
		ent_fail(h, "register %x: %d", offset, rc);
	return (uint32_t)value;
}

void ent_set_reg(struct ent_host *h, uint32_t offset, uint32_t value)
{
	int rc = fantail_sim_bar_write(h->card->sim, 0, offset, 4, value);

	if (rc)
		ent_fail(h, "register %x: %d", offset, rc);
}

static void set64(struct ent_host *h, uint32_t offset, uint64_t value)
{
	ent_set_reg(h, offset, (uint32_t)value);
	ent_set_reg(h, offset + 4, (uint32_t)(value >> 32));
}

uint64_t ent_now(const struct ent_host *h)
{
	return fantail_sim_cycles(h->card->sim);
}

uint64_t ent_counter(struct ent_host *h, uint32_t offset)
{
	uint64_t low = ent_reg(h, offset);

	return low | (uint64_t)ent_reg(h, offset + 4) << 32;
}

void ent_run(struct ent_host *h, uint32_t cycles)
{
	int rc = fantail_sim_run(h->card->sim, cycles);

	if (h->moved)
		h->last_progress = fantail_sim_cycles(h->card->sim);
	h->moved = false;
	if (rc)
		ent_fail(h, "the model stopped: %d", rc);
}

static void wait_for(struct ent_host *h, uint32_t offset, uint32_t mask,
		     uint32_t value)
{
	uint32_t i;

	for (i = 0; i < READY_CYCLES / 100 && !h->card->res.failed; i++) {
		if ((ent_reg(h, offset) & mask) == value)
			return;
		ent_run(h, 100);
		ent_others(h);
	}
	ent_fail(h, "register %x does not become %x", offset, value);
}

static void map(struct ent_host *h, uint64_t iova, void *at, size_t bytes,
		unsigned int flags)
{
	int rc = fantail_sim_dma_map(h->card->sim, iova, at, bytes,
				     flags | FANTAIL_SIM_DMA_QP(h->qp));

	if (rc)
		ent_fail(h, "map: %d", rc);
}

static void unmap(struct ent_host *h, uint64_t iova, size_t bytes)
{
	int rc = fantail_sim_dma_unmap(h->card->sim, iova, bytes);

	if (rc)
		ent_fail(h, "unmap: %d", rc);
}

static uint64_t ring_iova(const struct ent_host *h, int ring)
{
	return h->space + ENT_RING_IOVA + (uint64_t)ring * ENT_RING_STEP;
}

/* Rings and slots as large as they are, so that all beyond faults. */
void ent_map_pair(struct ent_host *h, bool there)
{
	struct {
		uint64_t iova;
		void *at;
		size_t bytes;
		unsigned int flags;
	} m[4] = {
		{ ring_iova(h, 0), h->ring[0].mem,
		  (size_t)FANTAIL_ENTRY_BYTES << h->ring[0].log2,
		  FANTAIL_SIM_DMA_READ },
		{ ring_iova(h, 1), h->ring[1].mem,
		  (size_t)FANTAIL_ENTRY_BYTES << h->ring[1].log2,
		  FANTAIL_SIM_DMA_READ },
		{ h->space + ENT_STATUS_IOVA, h->status,
		  (size_t)FANTAIL_RECORD_BYTES << h->status_log2,
		  FANTAIL_SIM_DMA_WRITE },
		{ h->space + ENT_SLOT_IOVA, h->slot_mem,
		  (size_t)h->slot_count * FANTAIL_SLOT_BYTES,
		  FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE },
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (there)
			map(h, m[i].iova, m[i].at, m[i].bytes, m[i].flags);
		else
			unmap(h, m[i].iova, m[i].bytes);
	}
}

static void choose_sizes(struct ent_host *h)
{
	static const uint8_t status[] = { 2, 3, 4, 6, 8, 10, 12, 14 };
	int r;

	for (r = 0; r < 2; r++)
		h->ring[r].log2 = ent_once(h, 3) ? 2 + ent_below(h, 13)
						 : 3 + ent_below(h, 6);
	h->status_log2 = status[ent_below(h, 8)];
	h->slot_count = ent_once(h, 3) ? 8 + ent_below(h, 4089)
				       : 8 + ent_below(h, 120);
}

static void enable(struct ent_host *h)
{
	const uint32_t page = h->page;
	int r;

	choose_sizes(h);
	memset(h->status, 0, (size_t)FANTAIL_RECORD_BYTES << h->status_log2);
	ent_map_pair(h, true);
	ent_set_reg(h, page + FANTAIL_QP_LOCAL_IP, ENT_LOCAL_IP + h->qp);
	set64(h, page + FANTAIL_QP_DATA_BASE, ring_iova(h, 0));
	set64(h, page + FANTAIL_QP_CONTROL_BASE, ring_iova(h, 1));
	set64(h, page + FANTAIL_QP_STATUS_BASE, h->space + ENT_STATUS_IOVA);
	set64(h, page + FANTAIL_QP_SLOT_BASE, h->space + ENT_SLOT_IOVA);
	ent_set_reg(h, page + FANTAIL_QP_DATA_LOG2, h->ring[0].log2);
	ent_set_reg(h, page + FANTAIL_QP_CONTROL_LOG2, h->ring[1].log2);
	ent_set_reg(h, page + FANTAIL_QP_STATUS_LOG2, h->status_log2);
	ent_set_reg(h, page + FANTAIL_QP_SLOT_COUNT, h->slot_count);
	ent_set_reg(h, page + FANTAIL_QP_MOD_COUNT, ent_below(h, 100));
	ent_set_reg(h, page + FANTAIL_QP_MOD_US, ent_below(h, 100));
	h->summary_only = ent_once(h, 4);
	ent_set_reg(h, page + FANTAIL_QP_QP_CTRL,
		    FANTAIL_QP_CTRL_ENABLE_MASK |
			    (ent_once(h, 2) ? FANTAIL_QP_CTRL_URGENT_MASK : 0) |
			    (h->summary_only ? FANTAIL_QP_CTRL_SUMMARY_ONLY_MASK
					     : 0));
	wait_for(h, page + FANTAIL_QP_QP_STATUS, FANTAIL_QP_STATUS_RUNNING_MASK,
		 FANTAIL_QP_STATUS_RUNNING_MASK);
	for (r = 0; r < 2; r++)
		h->ring[r].base = h->ring[r].record_head = h->ring[r].written;
	h->consumed = h->told = 0;
	h->collects = h->collected = 0;
	memset(h->slot, 0, sizeof(h->slot));
	memset(h->slot_again, 0, sizeof(h->slot_again));
}

static void disable(struct ent_host *h)
{
	const uint32_t mask = FANTAIL_QP_STATUS_RUNNING_MASK |
			      FANTAIL_QP_STATUS_CLOSING_MASK;

	ent_set_reg(h, h->page + FANTAIL_QP_QP_CTRL, 0);
	wait_for(h, h->page + FANTAIL_QP_QP_STATUS, mask, 0);
	ent_map_pair(h, false);
}

static void drop_lives(struct ent_conn *c)
{
	while (c->lives) {
		struct ent_life *l = c->lives;

		c->lives = l->next;
		ent_life_free(l);
	}
	memset(&c->chain[0], 0, sizeof(c->chain[0]));
	c->states = 1;
}

/*
 * Only at a full stop: connections are aborted and forgotten, rings and slots
 * begin anew.
 */
void ent_restart(struct ent_host *h)
{
	struct ent_life *l;
	uint32_t i;

	for (i = 0; i < ENT_CONNS; i++) {
		l = ent_newest(&h->conn[i])->life;
		h->expect.releases += l != NULL;
		for (; l; l = l->next)
			l->aborting = true;
	}
	ent_past_end(h, false);
	disable(h);
	ent_past_end(h, true);
	for (i = 0; i < ENT_CONNS; i++) {
		l = ent_newest(&h->conn[i])->life;
		if (l && !l->rst_got && !l->fin_got)
			ent_fail(h, "id %u: not aborted with its queue pair",
				 i);
		drop_lives(&h->conn[i]);
	}
	if (ent_once(h, 4))
		ent_bad_size(h);
	enable(h);
	h->card->res.restarts++;
}

static void forget_everything(struct ent_host *h)
{
	uint32_t i;
	int r;

	for (i = 0; i < ENT_CONNS; i++)
		drop_lives(&h->conn[i]);
	for (r = 0; r < 2; r++) {
		struct ent_ring *q = &h->ring[r];

		for (; q->retired < q->written; q->retired++) {
			struct ent_entry *p =
				&q->entry[q->retired % ENT_PENDING];

			free(p->handles);
			p->handles = NULL;
		}
		q->base = q->written = q->rung = q->head = q->retired = 0;
		q->record_head = q->floor = q->open = 0;
		q->last_refused = false;
		memset(&q->batch, 0, sizeof(q->batch));
		h->tx[r].head = h->tx[r].tail;
	}
	h->rx.head = h->rx.tail;
	h->mark_head = h->mark_tail;
	memset(&h->expect, 0, sizeof(h->expect));
	h->summary_connects = h->summary_reads = h->data_records = 0;
	h->summary_errors = h->summary_disconnects = 0;
}

static void start_device(struct ent_card *c)
{
	struct ent_host *h = c->host[0];

	ent_set_reg(h, FANTAIL_REG_RESET, FANTAIL_RESET_START_MASK);
	wait_for(h, FANTAIL_REG_STATUS, FANTAIL_STATUS_READY_MASK,
		 FANTAIL_STATUS_READY_MASK);
	c->crowded = ent_once(h, 3);
	if (c->crowded) {
		/* left and right row are bits 5 to 7 of the remote address */
		ent_set_reg(h, FANTAIL_REG_HASH_KEY0, 0);
		ent_set_reg(h, FANTAIL_REG_HASH_KEY1, 0x08000800);
		ent_set_reg(h, FANTAIL_REG_HASH_KEY2, 0);
		ent_set_reg(h, FANTAIL_REG_HASH_KEY3, 0);
	}
	ent_set_reg(h, FANTAIL_REG_PIN_LIMIT, 0xFFFFFFFF);
	ent_set_reg(h, FANTAIL_REG_CTRL, FANTAIL_CTRL_ENABLE_MASK);
}

/* In the middle of things: nothing is left of them. */
void ent_card_reset(struct ent_card *c)
{
	unsigned int i;

	for (i = 0; i < ENT_HOSTS; i++)
		c->host[i]->resting = true;
	start_device(c);
	for (i = 0; i < ENT_HOSTS; i++) {
		ent_map_pair(c->host[i], false);
		forget_everything(c->host[i]);
	}
	memset(c->pasts, 0, sizeof(c->pasts));
	/* what was on its way to the card meets nobody */
	ent_run(c->host[0], 20000);
	for (i = 0; i < ENT_HOSTS; i++) {
		enable(c->host[i]);
		c->host[i]->quiet = true;
	}
	c->res.resets++;
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct ent_card *c = ctx;

	if (level == FANTAIL_SIM_ERROR)
		ent_fail(c->host[0], "%s", msg);
}

static void allocate(struct ent_host *h)
{
	uint32_t i;
	int r;

	h->table = malloc(ENT_TABLE);
	h->status = calloc(ENT_RING_MAX, FANTAIL_RECORD_BYTES);
	h->slot_mem = calloc(ENT_SLOTS, FANTAIL_SLOT_BYTES);
	h->rx.frame = calloc(ENT_FRAMES, sizeof(*h->rx.frame));
	if (!h->table || !h->status || !h->slot_mem || !h->rx.frame)
		abort();
	for (r = 0; r < 2; r++) {
		h->ring[r].mem = calloc(ENT_RING_MAX, FANTAIL_ENTRY_BYTES);
		h->ring[r].scratch = calloc(ENT_RING_MAX, ENT_SCRATCH);
		h->ring[r].entry =
			calloc(ENT_PENDING, sizeof(struct ent_entry));
		h->tx[r].frame = calloc(ENT_FRAMES, sizeof(struct ent_frame));
		if (!h->ring[r].mem || !h->ring[r].scratch ||
		    !h->ring[r].entry || !h->tx[r].frame)
			abort();
	}
	for (i = 0; i < ENT_TABLE; i++)
		h->table[i] = (uint8_t)ent_random(h);
	for (i = 0; i < ENT_CONNS; i++) {
		h->conn[i].chain = calloc(8, sizeof(struct ent_state));
		if (!h->conn[i].chain)
			abort();
		h->conn[i].room = 8;
		h->conn[i].states = 1;
		h->conn[i].owner = ent_ring_of(i);
		if (ent_host_of(i) != h->qp)
			h->conn[i].owner = ENT_FOREIGN;
		h->conn[i].gen = (uint16_t)ent_random(h);
		h->conn[i].next_seq = ent_random(h);
	}
}

static void map_host(struct ent_host *h)
{
	int r;

	map(h, h->space + ENT_TABLE_IOVA, h->table, ENT_TABLE,
	    FANTAIL_SIM_DMA_READ);
	for (r = 0; r < 2; r++)
		map(h,
		    h->space + ENT_SCRATCH_IOVA + (uint64_t)r * ENT_RING_STEP,
		    h->ring[r].scratch, (size_t)ENT_RING_MAX * ENT_SCRATCH,
		    FANTAIL_SIM_DMA_READ);
}

static void new_host(struct ent_card *c, unsigned int qp)
{
	struct ent_host *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->card = c;
	h->qp = qp;
	h->page = FANTAIL_PAGE_BYTES * (1 + qp);
	h->space = ENT_HOST_STEP * qp;
	h->resting = h->quiet = true;
	c->host[qp] = h;
	allocate(h);
}

bool ent_card_open(struct ent_card *c)
{
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	unsigned int i;

	c->frames = frame_ring_new(8192);
	if (!c->frames)
		abort();
	for (i = 0; i < ENT_HOSTS; i++)
		new_host(c, i);
	fantail_net_config_default(&net);
	net.frame = ent_card_frame;
	net.frame_ctx = c;
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	cfg.net = &net;
	cfg.seed = c->opt.seed;
	/* no handshakes that it could have seen; the model judges */
	cfg.wire_check = false;
	cfg.log = on_log;
	cfg.log_ctx = c;
	if (fantail_sim_open(&cfg, &c->sim)) {
		ent_fail(c->host[0], "the card does not open");
		return false;
	}
	for (i = 0; i < ENT_HOSTS; i++)
		map_host(c->host[i]);
	start_device(c);
	for (i = 0; i < ENT_HOSTS; i++)
		enable(c->host[i]);
	return !c->res.failed;
}

static void free_host(struct ent_host *h)
{
	uint32_t i;
	int r;

	forget_everything(h);
	for (i = 0; i < ENT_CONNS; i++)
		free(h->conn[i].chain);
	for (r = 0; r < 2; r++) {
		free(h->ring[r].mem);
		free(h->ring[r].scratch);
		free(h->ring[r].entry);
		free(h->tx[r].frame);
	}
	free(h->rx.frame);
	free(h->table);
	free(h->status);
	free(h->slot_mem);
	free(h);
}

void ent_card_close(struct ent_card *c)
{
	unsigned int i;

	if (c->sim) {
		c->res.cycles = fantail_sim_cycles(c->sim);
		fantail_sim_close(c->sim);
	}
	for (i = 0; i < ENT_HOSTS; i++)
		free_host(c->host[i]);
	frame_ring_free(c->frames);
}

/* --------------------------------------------------------------- doorbells */
void ent_doorbell(struct ent_host *h, int ring, uint64_t tail)
{
	struct ent_ring *r = &h->ring[ring];
	uint64_t i;

	for (i = r->rung; i < tail; i++) {
		struct ent_entry *p = &r->entry[i % ENT_PENDING];

		p->lo = h->ring[!ring].head;
		p->rung = ent_now(h);
		h->collects += !p->code && p->e.flags & FANTAIL_FLAG_COLLECT;
		ent_past_rung(h, p);
	}
	r->rung = tail;
	/* old status heads, too, but none that goes back */
	h->told += ent_below(h, (uint32_t)(h->consumed - h->told) + 1);
	ent_set_reg(h,
		    h->page + (ring == ENT_DATA ? FANTAIL_QP_DOORBELL_DATA
						: FANTAIL_QP_DOORBELL_CONTROL),
		    (uint32_t)(ent_once(h, 2) ? FANTAIL_DOORBELL_DATA_ARM_MASK
					      : 0) |
			    (uint32_t)(h->told & ENT_INDEX_MASK)
				    << FANTAIL_DOORBELL_DATA_STATUS_HEAD_SHIFT |
			    (uint32_t)((tail - r->base) & 0xFFFF));
	h->card->res.doorbells++;
}

void ent_read_heads(struct ent_host *h)
{
	static const uint32_t reg[2] = { FANTAIL_QP_DATA_HEAD,
					 FANTAIL_QP_CONTROL_HEAD };
	int r;

	for (r = 0; r < 2; r++) {
		struct ent_ring *q = &h->ring[r];
		uint64_t step =
			(ent_reg(h, h->page + reg[r]) - (q->head - q->base)) &
			ENT_INDEX_MASK;

		if (step > q->rung - q->head)
			ent_fail(h, "head %d moves by %llu", r,
				 (unsigned long long)step);
		q->head += step;
	}
}
