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

uint32_t ent_reg(struct entries *n, uint32_t offset)
{
	uint64_t value = 0;
	int rc = fantail_sim_bar_read(n->sim, 0, offset, 4, &value);

	if (rc)
		ent_fail(n, "register %x: %d", offset, rc);
	return (uint32_t)value;
}

void ent_set_reg(struct entries *n, uint32_t offset, uint32_t value)
{
	int rc = fantail_sim_bar_write(n->sim, 0, offset, 4, value);

	if (rc)
		ent_fail(n, "register %x: %d", offset, rc);
}

static void set64(struct entries *n, uint32_t offset, uint64_t value)
{
	ent_set_reg(n, offset, (uint32_t)value);
	ent_set_reg(n, offset + 4, (uint32_t)(value >> 32));
}

uint64_t ent_counter(struct entries *n, uint32_t offset)
{
	uint64_t low = ent_reg(n, offset);

	return low | (uint64_t)ent_reg(n, offset + 4) << 32;
}

void ent_run(struct entries *n, uint32_t cycles)
{
	int rc = fantail_sim_run(n->sim, cycles);

	if (n->moved)
		n->last_progress = fantail_sim_cycles(n->sim);
	n->moved = false;
	if (rc)
		ent_fail(n, "the model stopped: %d", rc);
}

static void wait_for(struct entries *n, uint32_t offset, uint32_t mask,
		     uint32_t value)
{
	uint32_t i;

	for (i = 0; i < READY_CYCLES / 100 && !n->res.failed; i++) {
		if ((ent_reg(n, offset) & mask) == value)
			return;
		ent_run(n, 100);
	}
	ent_fail(n, "register %x does not become %x", offset, value);
}

static void map(struct entries *n, uint64_t iova, void *at, size_t bytes,
		unsigned int flags)
{
	int rc = fantail_sim_dma_map(n->sim, iova, at, bytes, flags);

	if (rc)
		ent_fail(n, "map: %d", rc);
}

static void unmap(struct entries *n, uint64_t iova, size_t bytes)
{
	int rc = fantail_sim_dma_unmap(n->sim, iova, bytes);

	if (rc)
		ent_fail(n, "unmap: %d", rc);
}

static uint64_t ring_iova(int ring)
{
	return ENT_RING_IOVA + (uint64_t)ring * ENT_RING_STEP;
}

/* Rings and slots as large as they are, so that all beyond faults. */
static void map_pair(struct entries *n, bool there)
{
	struct {
		uint64_t iova;
		void *at;
		size_t bytes;
		unsigned int flags;
	} m[4] = {
		{ ring_iova(0), n->ring[0].mem,
		  (size_t)FANTAIL_ENTRY_BYTES << n->ring[0].log2,
		  FANTAIL_SIM_DMA_READ },
		{ ring_iova(1), n->ring[1].mem,
		  (size_t)FANTAIL_ENTRY_BYTES << n->ring[1].log2,
		  FANTAIL_SIM_DMA_READ },
		{ ENT_STATUS_IOVA, n->status,
		  (size_t)FANTAIL_RECORD_BYTES << n->status_log2,
		  FANTAIL_SIM_DMA_WRITE },
		{ ENT_SLOT_IOVA, n->slot_mem,
		  (size_t)n->slot_count * FANTAIL_SLOT_BYTES,
		  FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE },
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (there)
			map(n, m[i].iova, m[i].at, m[i].bytes, m[i].flags);
		else
			unmap(n, m[i].iova, m[i].bytes);
	}
}

static void choose_sizes(struct entries *n)
{
	static const uint8_t status[] = { 2, 3, 4, 6, 8, 10, 12, 14 };
	int r;

	for (r = 0; r < 2; r++)
		n->ring[r].log2 = ent_once(n, 3) ? 2 + ent_below(n, 13)
						 : 3 + ent_below(n, 6);
	n->status_log2 = status[ent_below(n, 8)];
	n->slot_count = ent_once(n, 3) ? 8 + ent_below(n, 4089)
				       : 8 + ent_below(n, 120);
}

static void enable(struct entries *n)
{
	const uint32_t page = FANTAIL_PAGE_BYTES;
	int r;

	choose_sizes(n);
	memset(n->status, 0, (size_t)FANTAIL_RECORD_BYTES << n->status_log2);
	map_pair(n, true);
	set64(n, page + FANTAIL_QP_DATA_BASE, ring_iova(0));
	set64(n, page + FANTAIL_QP_CONTROL_BASE, ring_iova(1));
	set64(n, page + FANTAIL_QP_STATUS_BASE, ENT_STATUS_IOVA);
	set64(n, page + FANTAIL_QP_SLOT_BASE, ENT_SLOT_IOVA);
	ent_set_reg(n, page + FANTAIL_QP_DATA_LOG2, n->ring[0].log2);
	ent_set_reg(n, page + FANTAIL_QP_CONTROL_LOG2, n->ring[1].log2);
	ent_set_reg(n, page + FANTAIL_QP_STATUS_LOG2, n->status_log2);
	ent_set_reg(n, page + FANTAIL_QP_SLOT_COUNT, n->slot_count);
	ent_set_reg(n, page + FANTAIL_QP_MOD_COUNT, ent_below(n, 100));
	ent_set_reg(n, page + FANTAIL_QP_MOD_US, ent_below(n, 100));
	ent_set_reg(n, page + FANTAIL_QP_QP_CTRL,
		    FANTAIL_QP_CTRL_ENABLE_MASK |
			    (ent_once(n, 2) ? FANTAIL_QP_CTRL_URGENT_MASK : 0));
	wait_for(n, page + FANTAIL_QP_QP_STATUS, FANTAIL_QP_STATUS_RUNNING_MASK,
		 FANTAIL_QP_STATUS_RUNNING_MASK);
	for (r = 0; r < 2; r++)
		n->ring[r].base = n->ring[r].record_head = n->ring[r].written;
	n->consumed = n->told = 0;
	memset(n->slot, 0, sizeof(n->slot));
	memset(n->slot_again, 0, sizeof(n->slot_again));
}

static void disable(struct entries *n)
{
	const uint32_t mask = FANTAIL_QP_STATUS_RUNNING_MASK |
			      FANTAIL_QP_STATUS_CLOSING_MASK;

	ent_set_reg(n, FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_CTRL, 0);
	wait_for(n, FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_STATUS, mask, 0);
	map_pair(n, false);
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
void ent_restart(struct entries *n)
{
	struct ent_life *l;
	uint32_t i;

	for (i = 0; i < ENT_CONNS; i++) {
		l = ent_newest(&n->conn[i])->life;
		n->expect_releases += l != NULL;
		for (; l; l = l->next)
			l->aborting = true;
	}
	disable(n);
	for (i = 0; i < ENT_CONNS; i++) {
		l = ent_newest(&n->conn[i])->life;
		if (l && !l->rst_got && !l->fin_got)
			ent_fail(n, "id %u: not aborted with its queue pair",
				 i);
		drop_lives(&n->conn[i]);
	}
	enable(n);
	n->res.restarts++;
}

static void forget_everything(struct entries *n)
{
	uint32_t i;
	int r;

	for (i = 0; i < ENT_CONNS; i++)
		drop_lives(&n->conn[i]);
	for (r = 0; r < 2; r++) {
		struct ent_ring *q = &n->ring[r];

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
		n->tx[r].head = n->tx[r].tail;
	}
	n->rx.head = n->rx.tail;
	n->mark_head = n->mark_tail;
	n->expect_installs = n->expect_releases = n->expect_payloads = 0;
	n->summary_connects = n->summary_reads = n->data_records = 0;
	n->summary_errors = n->summary_disconnects = 0;
	n->expect_bytes = n->expect_batches = n->expect_refusals = 0;
}

static void start_device(struct entries *n)
{
	ent_set_reg(n, FANTAIL_REG_RESET, FANTAIL_RESET_START_MASK);
	wait_for(n, FANTAIL_REG_STATUS, FANTAIL_STATUS_READY_MASK,
		 FANTAIL_STATUS_READY_MASK);
	ent_set_reg(n, FANTAIL_REG_PIN_LIMIT, 0xFFFFFFFF);
	ent_set_reg(n, FANTAIL_REG_CTRL, FANTAIL_CTRL_ENABLE_MASK);
}

/* In the middle of things: nothing is left of them. */
void ent_reset(struct entries *n)
{
	start_device(n);
	map_pair(n, false);
	forget_everything(n);
	/* what was on its way to the card meets nobody */
	ent_run(n, 20000);
	enable(n);
	n->quiet = true;
	n->res.resets++;
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	if (level == FANTAIL_SIM_ERROR)
		ent_fail(ctx, "%s", msg);
}

static void allocate(struct entries *n)
{
	uint32_t i;
	int r;

	n->table = malloc(ENT_TABLE);
	n->status = calloc(ENT_RING_MAX, FANTAIL_RECORD_BYTES);
	n->slot_mem = calloc(ENT_SLOTS, FANTAIL_SLOT_BYTES);
	n->rx.frame = calloc(ENT_FRAMES, sizeof(*n->rx.frame));
	n->frames = frame_ring_new(8192);
	if (!n->table || !n->status || !n->slot_mem || !n->rx.frame ||
	    !n->frames)
		abort();
	for (r = 0; r < 2; r++) {
		n->ring[r].mem = calloc(ENT_RING_MAX, FANTAIL_ENTRY_BYTES);
		n->ring[r].scratch = calloc(ENT_RING_MAX, ENT_SCRATCH);
		n->ring[r].entry =
			calloc(ENT_PENDING, sizeof(struct ent_entry));
		n->tx[r].frame = calloc(ENT_FRAMES, sizeof(struct ent_frame));
		if (!n->ring[r].mem || !n->ring[r].scratch ||
		    !n->ring[r].entry || !n->tx[r].frame)
			abort();
	}
	for (i = 0; i < ENT_TABLE; i++)
		n->table[i] = (uint8_t)ent_random(n);
	for (i = 0; i < ENT_CONNS; i++) {
		n->conn[i].chain = calloc(8, sizeof(struct ent_state));
		if (!n->conn[i].chain)
			abort();
		n->conn[i].room = 8;
		n->conn[i].states = 1;
		n->conn[i].owner = i % 8 == 7 ? ENT_CONTROL : ENT_DATA;
		n->conn[i].gen = (uint16_t)ent_random(n);
		n->conn[i].next_seq = ent_random(n);
	}
}

bool ent_open(struct entries *n)
{
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	int r;

	allocate(n);
	fantail_net_config_default(&net);
	net.frame = ent_card_frame;
	net.frame_ctx = n;
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	cfg.net = &net;
	cfg.seed = n->opt.seed;
	/* no handshakes that it could have seen; the model judges */
	cfg.wire_check = false;
	cfg.log = on_log;
	cfg.log_ctx = n;
	if (fantail_sim_open(&cfg, &n->sim)) {
		ent_fail(n, "the card does not open");
		return false;
	}
	map(n, ENT_TABLE_IOVA, n->table, ENT_TABLE, FANTAIL_SIM_DMA_READ);
	for (r = 0; r < 2; r++)
		map(n, ENT_SCRATCH_IOVA + (uint64_t)r * ENT_RING_STEP,
		    n->ring[r].scratch, (size_t)ENT_RING_MAX * ENT_SCRATCH,
		    FANTAIL_SIM_DMA_READ);
	start_device(n);
	enable(n);
	n->quiet = true;
	return !n->res.failed;
}

void ent_close(struct entries *n)
{
	uint32_t i;
	int r;

	if (n->sim) {
		n->res.cycles = fantail_sim_cycles(n->sim);
		fantail_sim_close(n->sim);
	}
	forget_everything(n);
	for (i = 0; i < ENT_CONNS; i++)
		free(n->conn[i].chain);
	for (r = 0; r < 2; r++) {
		free(n->ring[r].mem);
		free(n->ring[r].scratch);
		free(n->ring[r].entry);
		free(n->tx[r].frame);
	}
	free(n->rx.frame);
	free(n->table);
	free(n->status);
	free(n->slot_mem);
	frame_ring_free(n->frames);
}

/* --------------------------------------------------------------- doorbells */
void ent_doorbell(struct entries *n, int ring, uint64_t tail)
{
	struct ent_ring *r = &n->ring[ring];
	uint64_t i;

	for (i = r->rung; i < tail; i++)
		r->entry[i % ENT_PENDING].lo = n->ring[!ring].head;
	r->rung = tail;
	/* old status heads, too, but none that goes back */
	n->told += ent_below(n, (uint32_t)(n->consumed - n->told) + 1);
	ent_set_reg(n,
		    FANTAIL_PAGE_BYTES +
			    (ring == ENT_DATA ? FANTAIL_QP_DOORBELL_DATA
					      : FANTAIL_QP_DOORBELL_CONTROL),
		    (uint32_t)(ent_once(n, 2) ? FANTAIL_DOORBELL_DATA_ARM_MASK
					      : 0) |
			    (uint32_t)(n->told & FANTAIL_INDEX_MASK)
				    << FANTAIL_DOORBELL_DATA_STATUS_HEAD_SHIFT |
			    (uint32_t)((tail - r->base) & 0xFFFF));
	n->res.doorbells++;
}

void ent_read_heads(struct entries *n)
{
	static const uint32_t reg[2] = { FANTAIL_QP_DATA_HEAD,
					 FANTAIL_QP_CONTROL_HEAD };
	int r;

	for (r = 0; r < 2; r++) {
		struct ent_ring *q = &n->ring[r];
		uint64_t step = (ent_reg(n, FANTAIL_PAGE_BYTES + reg[r]) -
				 (q->head - q->base)) &
				FANTAIL_INDEX_MASK;

		if (step > q->rung - q->head)
			ent_fail(n, "head %d moves by %llu", r,
				 (unsigned long long)step);
		q->head += step;
	}
}
