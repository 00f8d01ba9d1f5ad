/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queue pairs: connections, groups, memory and records of each are its
 * own, and what goes wrong in one does not reach the other.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "pair.h"

#include "../libhost/host_fixture.h"

static const struct fantail_qp_options small = {
	.data_log2 = 6,
	.control_log2 = 4,
	.status_log2 = 6,
	.slot_count = 32,
	.mod_count = 1,
};

#define GROUP FANTAIL_FLAG_GROUP
#define LIST  FANTAIL_FLAG_LIST

/* Every operation that names a connection, by a host that it is not of. */
Test(pair, a_connection_is_of_one_host)
{
	static const uint8_t ops[] = {
		FANTAIL_OP_CONN_UPDATE,	 FANTAIL_OP_CONN_QUERY,
		FANTAIL_OP_CONN_CLOSE,	 FANTAIL_OP_CONN_ABORT,
		FANTAIL_OP_CONN_RELEASE, FANTAIL_OP_GROUP_JOIN,
		FANTAIL_OP_GROUP_LEAVE,
	};
	struct pair *p = pair_open(&small);
	struct fantail_entry e = { 0 };
	struct fantail_rec_batch b;
	uint32_t a, z, i;

	a = pair_install(p, 0, 3, 7);
	z = pair_install(p, 1, 12, 7);
	for (i = 0; i < sizeof(ops); i++) {
		memset(&e, 0, sizeof(e));
		e.op = ops[i];
		e.target = a;
		if (e.op == FANTAIL_OP_CONN_UPDATE)
			e.arg0 = FANTAIL_UPDATE_LAG_LIMIT;
		cr_assert_eq(pair_one(p, 1, i & 1, &e), FANTAIL_REFUSE_WRONG_QP,
			     "operation %u", e.op);
		e.target = z;
		cr_assert_eq(pair_one(p, 0, !(i & 1), &e),
			     FANTAIL_REFUSE_WRONG_QP, "operation %u", e.op);
	}
	/* An id is in use, whoever uses it. */
	memset(&e, 0, sizeof(e));
	e.op = FANTAIL_OP_CONN_INSTALL;
	e.target = 1 << 16 | 3;
	e.addr = pair_context(p, 1, 1, 3);
	cr_assert_eq(pair_one(p, 1, 1, &e), FANTAIL_REFUSE_INSTALLED);
	/* Data: as if there were no such connection. */
	b = pair_publish(p, 1, a, 0, 100);
	cr_assert_eq(b.reached, 0);
	cr_assert_eq(b.skipped, 1);
	b = pair_publish(p, 0, a, 0, 100);
	cr_assert_eq(b.reached, 1);
	b = pair_publish(p, 1, z, 0, 50);
	cr_assert_eq(b.reached, 1);
	pair_for(p, 1000);
	cr_assert_eq(p->bytes[3], 100);
	cr_assert_eq(p->bytes[12], 50);
	cr_assert_eq(pair_sent(p, 3, HOST_RST) + pair_sent(p, 12, HOST_RST), 0);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_CONN), 0);
	cr_assert_eq(pair_count(p, 1, FANTAIL_REC_CONN), 0);
	pair_close(p);
}

/* One group number is a group of each host. */
Test(pair, a_group_number_is_of_each_host)
{
	struct pair *p = pair_open(&small);
	struct fantail_rec_batch b;
	uint32_t i;

	for (i = 0; i < 12; i++) {
		unsigned int h = i % 3 == 0;
		uint32_t handle = pair_install(p, h, i, i);

		cr_assert_eq(pair_join(p, h, handle, 5), 0);
	}
	for (i = 0; i < 20; i++) {
		b = pair_publish(p, 1, 5, GROUP, 10);
		cr_assert_eq(b.reached, 4);
		cr_assert_eq(b.skipped, 0);
		b = pair_publish(p, 0, 5, GROUP, 20);
		cr_assert_eq(b.reached, 8);
		cr_assert_eq(b.skipped, 0);
		pair_forget(p);
	}
	pair_for(p, 5000);
	for (i = 0; i < 12; i++)
		cr_assert_eq(p->bytes[i], i % 3 ? 400 : 200);
	pair_close(p);
}

/* A handle of the other host, in a list: nobody, and counted. */
Test(pair, foreign_handles_in_a_list)
{
	struct pair *p = pair_open(&small);
	struct fantail_rec_batch b;
	uint32_t handle[16], n = 0, i, h;
	struct fantail_entry *e;

	for (i = 0; i < 16; i++)
		handle[i] = pair_install(p, i & 1, i, 9);
	for (h = 0; h < 2; h++) {
		e = pair_get(p, h, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH, 0);
		e->flags |= LIST;
		e->addr = pair_bytes(p, h, 300, pair_letter(h));
		e->len = 300;
		e->list_addr = pair_bytes(p, h, sizeof(handle), 0);
		e->list_len = 16;
		memcpy(pair_va(p, h, e->list_addr), handle, sizeof(handle));
		b = pair_ring(p, h, FANTAIL_RING_DATA);
		cr_assert_eq(b.reached, 8);
		cr_assert_eq(b.skipped, 8);
	}
	pair_for(p, 2000);
	for (i = 0; i < 16; i++)
		n += p->bytes[i] == 300;
	cr_assert_eq(n, 16);
	pair_close(p);
}

/* Payload, target list, context, frame of the other: none of them is read. */
static void reads_of_the_other(struct pair *p, unsigned int h, uint32_t handle)
{
	struct fantail_entry e = { 0 };
	uint32_t i;

	e.op = FANTAIL_OP_PUBLISH;
	e.target = handle;
	e.addr = pair_bytes(p, !h, 64, pair_letter(!h));
	e.len = 64;
	cr_assert_eq(pair_one(p, h, 0, &e), FANTAIL_REFUSE_DMA_READ);
	e.addr = pair_bytes(p, h, 64, pair_letter(h));
	cr_assert_eq(pair_one(p, h, 0, &e), 0);
	e.target = 0;
	e.flags = LIST;
	e.list_addr = pair_bytes(p, !h, 64, 0);
	e.list_len = 1;
	memcpy(pair_va(p, !h, e.list_addr), &handle, 4);
	cr_assert_eq(pair_one(p, h, 0, &e), FANTAIL_REFUSE_DMA_READ);
	for (i = 0; i < 2; i++) {
		memset(&e, 0, sizeof(e));
		e.op = i ? FANTAIL_OP_FRAME_TX : FANTAIL_OP_CONN_INSTALL;
		e.addr = pair_context(p, !h, h, 9);
		e.target = i ? 0 : 9;
		e.len = i ? 64 : 0;
		cr_assert_eq(pair_one(p, h, 1, &e), FANTAIL_REFUSE_DMA_READ);
	}
	pair_for(p, 1000);
	cr_assert_eq(p->bytes[handle & 0xFFFF], 64);
	cr_assert_eq(p->frames, 1);
	pair_forget(p);
}

/* A host reaches its own memory, whatever it writes into its entries. */
Test(pair, memory_of_the_other_host)
{
	struct pair *p = pair_open(&small);
	struct fantail_sim_stats before, after;
	unsigned int h;
	uint8_t *slots;
	uint32_t a, i;

	for (h = 0; h < 2; h++)
		reads_of_the_other(p, h, pair_install(p, h, 1 + h, 1));
	a = 1 << FANTAIL_HANDLE_GENERATION_SHIFT | 1;

	/* Slots in the other's memory: the frames are written nowhere. */
	pair_close_host(p, 1);
	pair_open_host(p, 1, &small);
	slots = pair_va(p, 0, pair_bytes(p, 0, 8 * 2048, 0x5A));
	slots += -(uintptr_t)slots & 2047;
	pair_write(p, 1, FANTAIL_QP_QP_CTRL, 0);
	while (pair_read(p, 1, FANTAIL_QP_QP_STATUS) &
	       FANTAIL_QP_STATUS_CLOSING_MASK)
		pair_for(p, 10);
	p->host[1].blind = true;
	pair_write(
		p, 1, FANTAIL_QP_SLOT_BASE,
		(uint32_t)(p->host[0].mem.iova +
			   (uint64_t)(slots - (uint8_t *)p->host[0].mem.va)));
	pair_write(p, 1, FANTAIL_QP_SLOT_BASE_HI,
		   (uint32_t)(p->host[0].mem.iova >> 32));
	pair_write(p, 1, FANTAIL_QP_SLOT_COUNT, 8);
	pair_write(p, 1, FANTAIL_QP_QP_CTRL, FANTAIL_QP_CTRL_ENABLE_MASK);
	pair_for(p, 100);
	fantail_sim_stats(p->sim, &before);
	pair_peer_send(p, 77, 1, 200); /* nobody's connection: a FRAME */
	pair_for(p, 1000);
	fantail_sim_stats(p->sim, &after);
	cr_assert_gt(after.write_faults, before.write_faults);
	for (i = 0; i < 7 * 2048; i++)
		cr_assert_eq(slots[i], 0x5A);
	cr_assert_eq(pair_publish(p, 0, a, 0, 64).reached, 1);
	pair_close(p);
}

/* Payloads of both under way at once: each byte goes to its own. */
Test(pair, both_publish_at_once)
{
	struct pair *p = pair_open(&small);
	uint32_t handle[2], i, h, k, len;
	uint64_t total[2] = { 0, 0 };
	struct fantail_entry *e;

	for (h = 0; h < 2; h++) {
		handle[h] = pair_install(p, h, 10 * h, 2);
		for (i = 1; i < 8; i++)
			cr_assert_eq(
				pair_join(p, h,
					  pair_install(p, h, 10 * h + i, 2), 0),
				0);
	}
	for (i = 0; i < 60; i++) {
		uint64_t at[2];

		for (h = 0; h < 2; h++)
			at[h] = pair_bytes(p, h, 4096, pair_letter(h));
		for (k = 0; k < 20; k++) {
			h = (k + i) & 1;
			len = 1 + (i * 37 + k * 101) % (h ? 190 : 400);
			e = pair_get(p, h, FANTAIL_RING_DATA,
				     FANTAIL_OP_PUBLISH,
				     k < 10 ? 0 : handle[h]);
			e->flags = (k < 10 ? GROUP : 0) |
				   (k >= 18 ? FANTAIL_FLAG_LAST : 0);
			e->addr = at[h];
			e->len = len;
			at[h] += len;
			if (k >= 10)
				total[h] += len;
		}
		cr_assert_eq(fantail_qp_submit(p->host[1].qp), 10);
		cr_assert_eq(pair_ring(p, 0, FANTAIL_RING_DATA).entries, 10);
		while (pair_count(p, 1, FANTAIL_REC_BATCH) < 1)
			pair_for(p, 10);
		pair_for(p, 200);
		pair_forget(p);
	}
	pair_for(p, 5000);
	cr_assert_eq(p->bytes[0], total[0], "%u of %u",
		     (unsigned int)p->bytes[0], (unsigned int)total[0]);
	cr_assert_eq(p->bytes[10], total[1]);
	for (i = 2; i < 8; i++) {
		cr_assert_eq(p->bytes[i], p->bytes[1]);
		cr_assert_eq(p->bytes[10 + i], p->bytes[11]);
	}
	pair_close(p);
}

static void works(struct pair *p, unsigned int h, uint32_t handle)
{
	uint32_t id = handle & 0xFFFF, i;
	uint64_t bytes = p->bytes[id];

	for (i = 0; i < 20; i++) {
		pair_forget(p);
		cr_assert_eq(pair_publish(p, h, handle, 0, 1000).reached, 1);
	}
	pair_for(p, 500);
	cr_assert_eq(p->bytes[id], bytes + 20000);
}

/* A doorbell out of range, entries that cannot be read: one host halts. */
Test(pair, a_halted_host)
{
	struct pair *p = pair_open(&small);
	uint32_t a = pair_install(p, 0, 1, 1), z = pair_install(p, 1, 2, 1);

	works(p, 0, a);
	works(p, 1, z);
	pair_write(p, 1, FANTAIL_QP_DOORBELL_DATA, 0x4000);
	cr_assert(pair_read(p, 1, FANTAIL_QP_QP_STATUS) &
		  FANTAIL_QP_STATUS_HALTED_MASK);
	cr_assert_eq(pair_read(p, 1, FANTAIL_QP_FAULT_CODE),
		     FANTAIL_FAULT_DOORBELL);
	cr_assert_eq(pair_read(p, 0, FANTAIL_QP_QP_STATUS),
		     FANTAIL_QP_STATUS_RUNNING_MASK);
	works(p, 0, a);

	/* Its rings where there is no memory of its own. */
	pair_close_host(p, 1);
	pair_open_host(p, 1, &small);
	pair_write(p, 1, FANTAIL_QP_QP_CTRL, 0);
	pair_for(p, 2000);
	pair_write(p, 1, FANTAIL_QP_DATA_BASE, (uint32_t)p->host[0].mem.iova);
	pair_write(p, 1, FANTAIL_QP_DATA_BASE_HI,
		   (uint32_t)(p->host[0].mem.iova >> 32));
	pair_write(p, 1, FANTAIL_QP_QP_CTRL, FANTAIL_QP_CTRL_ENABLE_MASK);
	pair_for(p, 100);
	pair_write(p, 1, FANTAIL_QP_DOORBELL_DATA, 1);
	pair_for(p, 100);
	cr_assert_eq(pair_read(p, 1, FANTAIL_QP_FAULT_CODE),
		     FANTAIL_FAULT_ENTRY_READ);
	works(p, 0, a);
	pair_close(p);
}

/*
 * A host that does not look at its records: its payloads leave the log all
 * the same, its peers' bytes and its frames wait or are dropped, and the
 * other one does everything.
 */
Test(pair, a_full_status_ring)
{
	struct fantail_qp_options tiny = small;
	struct pair *p;
	uint32_t a, z, i, dropped;
	uint64_t count;

	tiny.status_log2 = 2;
	p = pair_open(&tiny);
	a = pair_install(p, 0, 1, 1);
	z = pair_install(p, 1, 2, 1);
	p->host[1].blind = true;
	for (i = 0; i < 60; i++) {
		struct fantail_entry *e = pair_get(p, 1, FANTAIL_RING_DATA,
						   FANTAIL_OP_PUBLISH, z);

		e->addr = pair_bytes(p, 1, 900, pair_letter(1));
		e->len = 900;
	}
	cr_assert_eq(fantail_qp_submit(p->host[1].qp), 60);
	for (i = 0; i < 8; i++) {
		struct fantail_entry *e = pair_get(p, 1, FANTAIL_RING_CONTROL,
						   FANTAIL_OP_CONN_QUERY, z);

		(void)e;
	}
	cr_assert_eq(fantail_qp_submit_control(p->host[1].qp), 8);
	pair_for(p, 1000);
	pair_forget(p);
	cr_assert_eq(p->bytes[2], 60 * 900, "replicated, unseen");
	/* Frames and bytes for it, then for the other one. */
	for (i = 0; i < 40; i++) {
		pair_peer_send(p, 2, 1, 100);
		pair_peer_send(p, 99, 1, 100);
		pair_for(p, 20);
		pair_forget(p);
	}
	fantail_dev_counter(p->dev, FANTAIL_CNT_RX_DROP_NO_SLOT, &count);
	dropped = (uint32_t)count;
	cr_assert_gt(dropped, 30);
	works(p, 0, a);
	for (i = 0; i < 10; i++) {
		struct fantail_entry e = { .op = FANTAIL_OP_CONN_QUERY,
					   .target = a };

		pair_forget(p);
		cr_assert_eq(pair_one(p, 0, FANTAIL_RING_CONTROL, &e), 0);
		pair_for(p, 100);
		cr_assert_eq(pair_count(p, 0, FANTAIL_REC_CONN), 1);
	}
	/* It looks again: nothing was lost. */
	pair_forget(p);
	p->host[1].blind = false;
	pair_for(p, 4000);
	cr_assert_eq(pair_count(p, 1, FANTAIL_REC_BATCH), 68);
	cr_assert_geq(pair_count(p, 1, FANTAIL_REC_CONN), 1);
	works(p, 1, z);
	pair_close(p);
}

/*
 * Entries without log space wait for room for their records, while the other
 * host's payloads pass their place in the log. The payload behind them is kept
 * from its own place on.
 */
Test(pair, the_log_passes_entries_that_wait)
{
	enum {
		REFUSED = 200
	};
	static const struct fantail_qp_options opt = {
		.data_log2 = 8,
		.control_log2 = 4,
		.status_log2 = 4,
		.slot_count = 32,
		.mod_count = 1,
	};
	struct pair *p = pair_open(&opt);
	uint32_t a = pair_install(p, 0, 1, 1), z = pair_install(p, 1, 2, 1), i;
	struct fantail_entry *e;

	p->host[0].blind = true;
	for (i = 0; i < REFUSED; i++)
		pair_get(p, 0, FANTAIL_RING_DATA, FANTAIL_OP_NOP, 0)->rsvd0 = 1;
	e = pair_get(p, 0, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH, a);
	e->addr = pair_bytes(p, 0, 500, pair_letter(0));
	e->len = 500;
	cr_assert_eq(fantail_qp_submit(p->host[0].qp), REFUSED + 1);
	pair_for(p, 200);
	for (i = 0; i < 8; i++) {
		cr_assert_eq(pair_publish(p, 1, z, 0, 700).reached, 1);
		pair_for(p, 40);
		pair_forget(p);
	}
	cr_assert_eq(p->bytes[1], 0);
	p->host[0].blind = false;
	for (i = 0; i < 400 && pair_count(p, 0, FANTAIL_REC_BATCH) <= REFUSED;
	     i++)
		pair_for(p, 20);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_REFUSED), REFUSED);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_BATCH), REFUSED + 1);
	cr_assert_eq(p->bytes[1], 500);
	cr_assert_eq(p->bytes[2], 5600);
	pair_close(p);
}

/* A log that one host's silent peer holds: the other waits no longer. */
Test(pair, a_log_that_the_other_holds)
{
	struct pair *p = pair_open(&small);
	uint32_t a = pair_install(p, 0, 1, 1), z = pair_install(p, 1, 2, 1), i;
	uint64_t start;

	p->mute = true;
	for (i = 0; i < 8; i++) {
		struct fantail_entry *e = pair_get(p, 1, FANTAIL_RING_DATA,
						   FANTAIL_OP_PUBLISH, z);

		e->addr = pair_bytes(p, 1, 12000, pair_letter(1));
		e->len = 12000;
	}
	cr_assert_eq(fantail_qp_submit(p->host[1].qp), 8);
	pair_for(p, 3000);
	p->mute = false;
	pair_forget(p);
	/* Held until the peer is given up for it; then at once. */
	start = fantail_sim_now_us(p->sim);
	cr_assert_eq(pair_publish(p, 0, a, 0, 12000).reached, 1);
	cr_assert_lt(fantail_sim_now_us(p->sim), start + 2000000);
	pair_for(p, 2000);
	works(p, 0, a);
	pair_close(p);
}

/* The end of a host: its connections get a RST, and nothing is left of it. */
Test(pair, the_end_of_a_host)
{
	struct pair *p = pair_open(&small);
	struct fantail_rec_batch b;
	uint32_t mine[4], i, handle;
	uint64_t count;

	for (i = 0; i < 4; i++) {
		mine[i] = pair_install(p, 0, 2 * i, 1);
		cr_assert_eq(pair_join(p, 0, mine[i], 3), 0);
		handle = pair_install(p, 1, 2 * i + 1, 1);
		cr_assert_eq(pair_join(p, 1, handle, 3), 0);
		cr_assert_eq(pair_join(p, 1, handle, 60 - i), 0);
	}
	/* Outstanding bytes, unread records, payloads under way. */
	p->mute = true;
	cr_assert_eq(pair_publish(p, 1, 3, GROUP, 3000).reached, 4);
	for (i = 0; i < 20; i++) {
		struct fantail_entry *e = pair_get(p, 1, FANTAIL_RING_DATA,
						   FANTAIL_OP_PUBLISH, 3);

		e->flags |= GROUP;
		e->addr = pair_bytes(p, 1, 2000, pair_letter(1));
		e->len = 2000;
	}
	/* And a batch without an end. */
	for (i = 0; i < 3; i++)
		pair_get(p, 1, FANTAIL_RING_DATA, FANTAIL_OP_NOP, 0)->flags = 0;
	fantail_qp_submit(p->host[1].qp);
	pair_for(p, 100);
	pair_forget(p);
	pair_close_host(p, 1);
	pair_for(p, 1000);
	for (i = 0; i < 4; i++) {
		cr_assert_eq(pair_sent(p, 2 * i + 1, HOST_RST), 1);
		cr_assert_eq(pair_sent(p, 2 * i, HOST_RST), 0);
	}
	fantail_dev_counter(p->dev, FANTAIL_CNT_RELEASES, &count);
	cr_assert_eq(count, 4);
	p->mute = false;
	for (i = 0; i < 4; i++)
		works(p, 0, mine[i]);
	pair_forget(p);
	cr_assert_eq(pair_publish(p, 0, 3, GROUP, 100).reached, 4);

	/* Another tenant: no groups, no records, every id and tuple free. */
	pair_open_host(p, 1, &small);
	pair_for(p, 1000);
	cr_assert_eq(p->host[1].recs, 0);
	for (i = 0; i < 4; i++) {
		handle = pair_install(p, 1, 2 * i + 1, 1);
		b = pair_publish(p, 1, 3, GROUP, 10);
		cr_assert_eq(b.reached, 0);
		cr_assert_eq(b.entries, 1);
		cr_assert_eq(b.bytes, 10);
		cr_assert_eq(pair_publish(p, 1, 60 - i, GROUP, 10).reached, 0);
		works(p, 1, handle);
	}
	pair_close(p);
}

/* Closed and opened again in quick succession, while the other works. */
Test(pair, ends_again_and_again)
{
	struct pair *p = pair_open(&small);
	uint32_t a = pair_install(p, 0, 1, 1), i, k;

	for (i = 0; i < 12; i++) {
		for (k = 0; k < 3; k++) {
			uint32_t h = pair_install(p, 1, 20 + k, i);

			cr_assert_eq(pair_join(p, 1, h, k), 0);
			cr_assert_eq(pair_publish(p, 1, k, GROUP, 500).reached,
				     1);
		}
		pair_forget(p);
		pair_close_host(p, 1);
		pair_for(p, 100);
		for (k = 0; k < 3; k++)
			cr_assert_eq(pair_sent(p, 20 + k, HOST_RST), 1);
		works(p, 0, a);
		pair_open_host(p, 1, &small);
	}
	pair_close(p);
}

/*
 * The device's reset waits for what one host reads, and the other has nothing
 * under way: its connections are forgotten without a word all the same.
 */
Test(pair, a_reset_is_without_a_word)
{
	struct pair *p;
	struct fantail_entry *e;
	uint32_t z, k;

	for (k = 0; k < 10; k++) {
		p = pair_open(&small);
		pair_install(p, 0, 0, 7);
		z = pair_install(p, 1, 12, 7);
		e = pair_get(p, 1, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH, z);
		e->addr = pair_bytes(p, 1, 8192, pair_letter(1));
		e->len = 8192;
		cr_assert_eq(fantail_qp_submit(p->host[1].qp), 1);
		cr_assert_eq(fantail_sim_run(p->sim, 20 + 50 * k), 0);
		cr_assert_eq(fantail_dev_write32(p->dev, FANTAIL_REG_RESET,
						 FANTAIL_RESET_START_MASK),
			     0);
		cr_assert_eq(fantail_sim_run(p->sim, 4000), 0);
		cr_assert_eq(pair_sent(p, 0, HOST_RST), 0);
		cr_assert_eq(pair_sent(p, 12, HOST_RST), 0);
		pair_close(p);
	}
}
