/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory that is not there: every kind of read and of write, on either
 * queue pair, while the other one works. A read ends in a REFUSED record or a
 * halted queue pair, with the address; a write is dropped and counted by who
 * drops it: PCIe does not answer writes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "pair.h"

#include "../libhost/host_fixture.h"

#define NOBODY 0x7700000000ull /* mapped by nobody */

static const struct fantail_qp_options small = {
	.data_log2 = 6,
	.control_log2 = 4,
	.status_log2 = 6,
	.slot_count = 32,
	.mod_count = 1,
};

static uint64_t counter(struct pair *p, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_dev_counter(p->dev, offset, &value), 0);
	return value;
}

/* 2,000 bytes to a connection, and each gets there. */
static void works(struct pair *p, unsigned int h, uint32_t handle)
{
	uint32_t id = handle & 0xFFFF;
	uint64_t bytes = p->bytes[id];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		pair_forget(p);
		cr_assert_eq(pair_publish(p, h, handle, 0, 500).reached, 1);
	}
	pair_for(p, 500);
	cr_assert_eq(p->bytes[id], bytes + 2000);
	pair_forget(p);
}

/* ------------------------------------------------------------------ reads */

enum kind {
	PAYLOAD,
	LIST,
	CONTEXT,
	FRAME_TX,
	FRAME_INJECT,
	KINDS,
};

/* An entry that reads @kind at @at, what else it needs being there. */
static struct fantail_entry reader(struct pair *p, unsigned int h,
				   enum kind kind, uint64_t at, uint32_t handle)
{
	struct fantail_entry e = { .addr = at };

	switch (kind) {
	case PAYLOAD:
		e.op = FANTAIL_OP_PUBLISH;
		e.target = handle;
		e.len = 300;
		break;
	case LIST:
		e.op = FANTAIL_OP_PUBLISH;
		e.flags = FANTAIL_FLAG_LIST;
		e.addr = pair_bytes(p, h, 300, pair_letter(h));
		e.len = 300;
		e.list_addr = at;
		e.list_len = CARD_CLIENTS(100);
		break;
	case CONTEXT:
		e.op = FANTAIL_OP_CONN_INSTALL;
		e.target = 1 << FANTAIL_HANDLE_GENERATION_SHIFT | 27;
		break;
	default:
		e.op = kind == FRAME_TX ? FANTAIL_OP_FRAME_TX
					: FANTAIL_OP_FRAME_INJECT;
		e.len = 300;
		break;
	}
	return e;
}

static void refused(struct pair *p, unsigned int h, enum kind kind,
		    enum fantail_ring ring, const struct fantail_entry *e,
		    uint64_t where)
{
	uint64_t faults = counter(p, FANTAIL_CNT_DMA_READ_FAULTS);
	uint64_t frames = counter(p, FANTAIL_CNT_TX_FRAMES);
	struct fantail_rec_refused r = { 0 };
	uint64_t at;
	uint32_t i;

	pair_forget(p);
	cr_assert_eq(pair_one(p, h, ring, e), FANTAIL_REFUSE_DMA_READ,
		     "kind %d", kind);
	for (i = 0; i < p->host[h].recs; i++)
		if (p->host[h].rec[i].type == FANTAIL_REC_REFUSED)
			r = p->host[h].rec[i].refused;
	/* where a list begins to be read moves from batch to batch */
	at = r.addr_lo | (uint64_t)r.addr_hi << 32;
	cr_assert(at == where || (kind == LIST && !(at % 64) && at > where &&
				  at < e->list_addr + 4ull * e->list_len),
		  "kind %d on ring %d: %llx", kind, ring,
		  (unsigned long long)at);
	cr_assert_eq(r.op, e->op);
	/* bursts: the rest of a list is read, too */
	faults = counter(p, FANTAIL_CNT_DMA_READ_FAULTS) - faults;
	cr_assert_geq(faults, 1);
	cr_assert_leq(faults, kind == LIST ? 8 : 1);
	pair_for(p, 200);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_REFUSED) +
			     pair_count(p, 1, FANTAIL_REC_REFUSED),
		     1);
	if (kind != LIST)
		cr_assert_eq(counter(p, FANTAIL_CNT_TX_FRAMES), frames,
			     "kind %d was sent", kind);
}

/* Nothing is mapped there, or the memory ends on the way. */
Test(faults, every_kind_of_read)
{
	struct pair *p = pair_open(&small);
	struct fantail_entry e;
	uint32_t handle[2], k;
	enum fantail_ring ring;
	unsigned int h;
	uint64_t end;

	for (h = 0; h < 2; h++)
		handle[h] = pair_install(p, h, 10 + h, 1);
	for (h = 0; h < 2; h++) {
		end = p->host[h].mem.iova + p->host[h].mem.bytes;
		memset(pair_va(p, h, end - 64), 0, 64);
		for (k = 0; k < 2 * KINDS; k++) {
			enum kind kind = k / 2;

			/* the second line is the one that is missing */
			e = reader(p, h, kind, k & 1 ? end - 64 : NOBODY + 192,
				   handle[h]);
			for (ring = 0; ring < 2; ring++) {
				if (ring == FANTAIL_RING_CONTROL &&
				    e.op == FANTAIL_OP_PUBLISH)
					continue;
				refused(p, h, kind, ring, &e,
					k & 1 ? end : NOBODY + 192);
				works(p, h, handle[h]);
				works(p, !h, handle[!h]);
			}
		}
	}
	/* Nothing has changed: the id is free, the other's are not. */
	works(p, 0, pair_install(p, 0, 77, 1));
	cr_assert_eq(counter(p, FANTAIL_CNT_INSTALLS), 3);
	pair_close(p);
}

/* Off and on again with another value in a register of 64 bits. */
static void move(struct pair *p, unsigned int h, uint32_t reg, uint64_t to)
{
	pair_write(p, h, FANTAIL_QP_QP_CTRL, 0);
	while (pair_read(p, h, FANTAIL_QP_QP_STATUS) &
	       FANTAIL_QP_STATUS_CLOSING_MASK)
		pair_for(p, 10);
	pair_write(p, h, reg, (uint32_t)to);
	pair_write(p, h, reg + 4, (uint32_t)(to >> 32));
	pair_write(p, h, FANTAIL_QP_QP_CTRL, FANTAIL_QP_CTRL_ENABLE_MASK);
	while (!(pair_read(p, h, FANTAIL_QP_QP_STATUS) &
		 FANTAIL_QP_STATUS_RUNNING_MASK))
		pair_for(p, 10);
	cr_assert_eq(fantail_qp_arm(p->host[h].qp), 0);
}

/* A ring of which only the first @there entries are there. */
static void ring_ends(struct pair *p, unsigned int h, enum fantail_ring ring,
		      uint32_t there, uint32_t other)
{
	const bool data = ring == FANTAIL_RING_DATA;
	const struct fantail_mem *mem = &p->host[h].mem;
	uint64_t base = mem->iova + mem->bytes - there * FANTAIL_ENTRY_BYTES;
	uint64_t faults = counter(p, FANTAIL_CNT_DMA_READ_FAULTS);
	uint32_t code, value;
	uint64_t addr;

	memset(pair_va(p, h, base), 0, there * FANTAIL_ENTRY_BYTES);
	move(p, h, data ? FANTAIL_QP_DATA_BASE : FANTAIL_QP_CONTROL_BASE, base);
	/* what is there is done, and nothing is wrong */
	if (there) {
		pair_write(p, h,
			   data ? FANTAIL_QP_DOORBELL_DATA
				: FANTAIL_QP_DOORBELL_CONTROL,
			   there);
		pair_for(p, 100);
	}
	cr_assert_eq(pair_read(p, h,
			       data ? FANTAIL_QP_DATA_HEAD
				    : FANTAIL_QP_CONTROL_HEAD),
		     there);
	cr_assert_eq(pair_read(p, h, FANTAIL_QP_QP_STATUS),
		     FANTAIL_QP_STATUS_RUNNING_MASK);
	pair_write(p, h,
		   data ? FANTAIL_QP_DOORBELL_DATA
			: FANTAIL_QP_DOORBELL_CONTROL,
		   there + 5);
	pair_for(p, 100);
	cr_assert_eq(pair_read(p, h, FANTAIL_QP_QP_STATUS),
		     FANTAIL_QP_STATUS_HALTED_MASK);
	cr_assert_eq(fantail_qp_fault(p->host[h].qp, &code, &addr), 0);
	cr_assert_eq(code, FANTAIL_FAULT_ENTRY_READ);
	cr_assert_eq(addr, mem->iova + mem->bytes);
	cr_assert_eq(counter(p, FANTAIL_CNT_DMA_READ_FAULTS), faults + 1);
	cr_assert_eq(fantail_dev_read32(p->dev, FANTAIL_REG_STATUS, &value), 0);
	cr_assert(value & FANTAIL_STATUS_FAULT_MASK);
	/* and the other one does not notice */
	cr_assert_eq(pair_read(p, !h, FANTAIL_QP_QP_STATUS),
		     FANTAIL_QP_STATUS_RUNNING_MASK);
	works(p, !h, other);
}

Test(faults, every_ring)
{
	struct pair *p = pair_open(&small);
	uint32_t handle[2], there;
	enum fantail_ring ring;
	unsigned int h;

	for (h = 0; h < 2; h++)
		handle[h] = pair_install(p, h, 20 + h, 1);
	for (h = 0; h < 2; h++) {
		for (there = 0; there < 8; there += 3) {
			for (ring = 0; ring < 2; ring++) {
				pair_close_host(p, h);
				pair_open_host(p, h, &small);
				p->host[h].blind = true;
				ring_ends(p, h, ring, there, handle[!h]);
				p->host[h].blind = false;
			}
		}
		/* back again, and everything is as it was */
		pair_close_host(p, h);
		pair_open_host(p, h, &small);
		handle[h] = pair_install(p, h, 20 + h, 2);
		works(p, h, handle[h]);
	}
	works(p, 0, handle[0]);
	pair_close(p);
}

/* ----------------------------------------------------------------- writes */

/* Records go nowhere; everything else goes on. */
static void no_status_ring(struct pair *p, unsigned int h, uint32_t other)
{
	uint32_t handle = 1 << FANTAIL_HANDLE_GENERATION_SHIFT | (12 + h);
	struct fantail_sim_stats before, after;
	struct fantail_entry *e;
	uint32_t i;

	p->host[h].blind = true;
	move(p, h, FANTAIL_QP_STATUS_BASE, NOBODY);
	fantail_sim_stats(p->sim, &before);
	e = pair_get(p, h, FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_INSTALL,
		     handle);
	e->addr = pair_context(p, h, h, 12 + h);
	cr_assert_eq(fantail_qp_submit_control(p->host[h].qp), 1);
	p->next[12 + h] = PAIR_ISN;
	p->bytes[12 + h] = 0;
	pair_for(p, 100);
	for (i = 0; i < 10; i++) {
		e = pair_get(p, h, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH,
			     handle);
		e->addr = pair_bytes(p, h, 700, pair_letter(h));
		e->len = 700;
		cr_assert_eq(fantail_qp_submit(p->host[h].qp), 1);
		pair_for(p, 200);
		pair_forget(p);
	}
	fantail_sim_stats(p->sim, &after);
	cr_assert_eq(p->bytes[12 + h], 7000);
	cr_assert_eq(pair_read(p, h, FANTAIL_QP_DATA_HEAD), 10);
	cr_assert_eq(pair_read(p, h, FANTAIL_QP_CONTROL_HEAD), 1);
	/* each of them was written, to nobody */
	cr_assert_geq(pair_read(p, h, FANTAIL_QP_STATUS_TAIL), 11);
	cr_assert_geq(after.write_faults, before.write_faults + 11);
	cr_assert_eq(after.last_fault_iova & ~0xFFFull, NOBODY);
	cr_assert_eq(pair_read(p, h, FANTAIL_QP_QP_STATUS),
		     FANTAIL_QP_STATUS_RUNNING_MASK);
	works(p, !h, other);
	p->host[h].blind = false;
}

Test(faults, a_status_ring_nowhere)
{
	struct pair *p = pair_open(&small);
	uint32_t handle[2];
	unsigned int h;

	for (h = 0; h < 2; h++)
		handle[h] = pair_install(p, h, 20 + h, 1);
	for (h = 0; h < 2; h++) {
		pair_close_host(p, h);
		pair_open_host(p, h, &small);
		no_status_ring(p, h, handle[!h]);
		pair_close_host(p, h);
		pair_open_host(p, h, &small);
		handle[h] = pair_install(p, h, 20 + h, 2);
		works(p, h, handle[h]);
		works(p, !h, handle[!h]);
	}
	pair_close(p);
}

/* Received bytes go nowhere: told and acknowledged all the same. */
Test(faults, slots_nowhere)
{
	struct fantail_sim_stats before, after;
	uint32_t handle[2], i, n, seq[2] = { 1, 1 };
	struct fantail_qp_options opt = small;
	struct pair *p;
	unsigned int h;

	opt.slot_count = 128; /* one connection may hold a quarter */
	p = pair_open(&opt);
	for (h = 0; h < 2; h++) {
		if (h)
			move(p, h, FANTAIL_QP_SLOT_BASE, NOBODY);
		handle[h] = pair_install(p, h, 20 + h, 1);
	}
	fantail_sim_stats(p->sim, &before);
	pair_forget(p);
	for (i = 0; i < 20; i++) {
		for (h = 0; h < 2; h++) {
			pair_peer_segment(p, h, 20 + h, seq[h], HOST_ACK,
					  "into the slot");
			seq[h] += 13;
		}
		pair_for(p, 50);
	}
	pair_for(p, 1000);
	fantail_sim_stats(p->sim, &after);
	for (h = 0; h < 2; h++) {
		struct pair_host *host = &p->host[h];

		cr_assert_eq(pair_count(p, h, FANTAIL_REC_DATA), 20);
		for (i = 0, n = 0; i < host->recs; i++) {
			const struct fantail_rec_data *r = &host->rec[i].data;
			const char *at;

			if (r->type != FANTAIL_REC_DATA)
				continue;
			n++;
			cr_assert_eq(r->length, 13);
			at = (const char *)fantail_slot(host->qp, r->slot) +
			     r->offset;
			cr_assert_eq(!memcmp(at, "into the slot", 13), !h);
		}
		cr_assert_eq(n, 20);
		/* the newest ACK covers them all */
		for (i = p->frames; i-- > 0 && p->frame[i].id != 20 + h;)
			;
		cr_assert_eq(p->frame[i].ack, seq[h]);
	}
	cr_assert_geq(after.write_faults, before.write_faults + 20);
	cr_assert_eq(after.last_fault_iova >> 20, NOBODY >> 20);
	works(p, 0, handle[0]);
	works(p, 1, handle[1]);
	pair_close(p);
}
