/* SPDX-License-Identifier: Apache-2.0 */
/* DATA of one queue pair or of both waits for log space: who gets on. */
#include <criterion/criterion.h>

#include "pair.h"

#include "../libhost/host_fixture.h"

#define LEN 5000u

static const struct fantail_qp_options small = {
	.data_log2 = 6,
	.control_log2 = 6,
	.status_log2 = 8,
	.slot_count = 64,
	.mod_count = 1,
};

static uint64_t counter(struct pair *p, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_dev_counter(p->dev, offset, &value), 0);
	return value;
}

static uint32_t reg(struct pair *p, uint32_t offset)
{
	uint32_t value;

	cr_assert_eq(fantail_dev_read32(p->dev, offset, &value), 0);
	return value;
}

static void set(struct pair *p, uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_dev_write32(p->dev, offset, value), 0);
}

/* Every frame is kept, and a larger log takes too many. */
static struct pair *open_small(void)
{
	CARD_NEEDS(CARD_LOG == 65536);
	return pair_open(&small);
}

/* Nobody lags, however far behind. */
static uint32_t install(struct pair *p, unsigned int h, uint32_t id)
{
	struct fantail_entry e = {
		.op = FANTAIL_OP_CONN_UPDATE,
		.arg0 = FANTAIL_UPDATE_LAG_LIMIT,
		.arg1 = PAIR_LOG,
	};

	e.target = pair_install(p, h, id, 1);
	cr_assert_eq(pair_one(p, h, FANTAIL_RING_CONTROL, &e), 0);
	return e.target;
}

/* @n payloads at @at, a doorbell each, and nobody waits for them. */
static void publish(struct pair *p, unsigned int h, uint32_t target,
		    uint64_t at, uint32_t n)
{
	struct fantail_entry *e;

	while (n--) {
		e = pair_get(p, h, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH,
			     target);
		e->addr = at;
		e->len = LEN;
		cr_assert_eq(fantail_qp_submit(p->host[h].qp), 1);
	}
}

static uint8_t one(struct pair *p, unsigned int h, uint8_t op, uint32_t target,
		   uint64_t arg0)
{
	struct fantail_entry e = { .op = op, .target = target, .arg0 = arg0 };
	uint64_t begin = fantail_sim_now_us(p->sim);
	uint8_t code = pair_one(p, h, FANTAIL_RING_CONTROL, &e);

	cr_assert_leq(fantail_sim_now_us(p->sim) - begin, 400,
		      "operation %u of host %u had to wait", op, h);
	return code;
}

static uint32_t told(const struct pair *p, unsigned int h, uint32_t handle,
		     uint16_t event)
{
	const struct pair_host *host = &p->host[h];
	uint32_t i, n = 0;

	for (i = 0; i < host->recs; i++)
		n += host->rec[i].type == FANTAIL_REC_CONN &&
		     host->rec[i].conn.handle == handle &&
		     (host->rec[i].conn.events & event);
	return n;
}

/* A life on CONTROL: comes, is a member, receives, is aborted, is gone. */
static void life(struct pair *p, unsigned int h, uint32_t id)
{
	uint64_t begin = fantail_sim_now_us(p->sim);
	uint32_t handle = pair_install(p, h, id, 9);

	cr_assert_leq(fantail_sim_now_us(p->sim) - begin, 400);
	cr_assert_eq(one(p, h, FANTAIL_OP_GROUP_JOIN, handle, 3), 0);
	cr_assert_eq(one(p, h, FANTAIL_OP_CONN_QUERY, handle, 0), 0);
	pair_peer_segment(p, h, id, 1, HOST_ACK, "bytes");
	pair_for(p, 200);
	cr_assert_eq(told(p, h, handle, FANTAIL_EV_QUERY), 1);
	cr_assert_geq(pair_count(p, h, FANTAIL_REC_DATA), 1);
	cr_assert_eq(one(p, h, FANTAIL_OP_GROUP_LEAVE, handle, 3), 0);
	cr_assert_eq(one(p, h, FANTAIL_OP_CONN_ABORT, handle, 0), 0);
	pair_for(p, 200);
	cr_assert_eq(told(p, h, handle, FANTAIL_EV_ABORTED), 1);
	cr_assert_eq(pair_sent(p, id, HOST_RST), 1);
	cr_assert_eq(one(p, h, FANTAIL_OP_CONN_RELEASE, handle, 0), 0);
	pair_for(p, 200);
	cr_assert_eq(told(p, h, handle, FANTAIL_EV_RELEASED), 1);
}

/* Both DATA rings stand, behind a receiver of one; CONTROL does all it can. */
Test(pair_waits, control_passes_data)
{
	struct pair *p = open_small();
	uint32_t stuck, other, head[2], k;
	uint64_t at[2];
	unsigned int h;

	set(p, FANTAIL_REG_PIN_LIMIT, PAIR_LOG);
	set(p, FANTAIL_REG_PIN_US, 100000000);
	other = install(p, 0, 1);
	stuck = install(p, 1, 2);
	for (h = 0; h < 2; h++)
		at[h] = pair_bytes(p, h, LEN, pair_letter(h));
	p->deaf[1] = true;
	publish(p, 1, stuck, at[1], 20);
	pair_for(p, 2000);
	publish(p, 0, other, at[0], 3);
	pair_for(p, 2000);
	for (h = 0; h < 2; h++)
		head[h] = pair_read(p, h, FANTAIL_QP_DATA_HEAD);
	cr_assert_eq(head[0], 0);
	cr_assert_eq(head[1], PAIR_LOG / LEN);
	for (k = 0; k < 3; k++) {
		for (h = 0; h < 2; h++) {
			pair_forget(p);
			life(p, h, 10 + 2 * k + h);
		}
	}
	for (h = 0; h < 2; h++)
		cr_assert_eq(pair_read(p, h, FANTAIL_QP_DATA_HEAD), head[h],
			     "DATA of host %u went on", h);
	/* the one in the way goes, and both go on */
	pair_forget(p);
	cr_assert_eq(one(p, 1, FANTAIL_OP_CONN_ABORT, stuck, 0), 0);
	pair_for(p, 5000);
	cr_assert_eq(pair_read(p, 0, FANTAIL_QP_DATA_HEAD), 3);
	cr_assert_eq(pair_read(p, 1, FANTAIL_QP_DATA_HEAD), 20);
	cr_assert_eq(p->bytes[1], 3 * LEN);
	cr_assert_eq(counter(p, FANTAIL_CNT_LAG_ABORTS), 0);
	pair_close(p);
}

/*
 * The log is full between one that takes and one that does not: above
 * PIN_LIMIT the latter is let go, though both DATA rings wait and PIN_US is
 * far away. Its host is told, the other one gets on.
 */
Test(pair_waits, pin_limit_with_both_waiting)
{
	struct pair *p = open_small();
	const struct fantail_rec_conn *r = NULL;
	uint32_t taker, holder, i;
	uint64_t at[2];
	unsigned int h;

	set(p, FANTAIL_REG_PIN_US, 100000000);
	cr_assert_eq(reg(p, FANTAIL_REG_PIN_LIMIT), PAIR_LOG / 4 * 3);
	taker = install(p, 0, 1);
	holder = install(p, 1, 2);
	for (h = 0; h < 2; h++)
		at[h] = pair_bytes(p, h, LEN, pair_letter(h));
	p->deaf[1] = true;
	publish(p, 1, holder, at[1], 1);
	pair_for(p, 500);
	publish(p, 0, taker, at[0], 20);
	pair_for(p, 3000);
	/* nor is there more for it than its window takes */
	publish(p, 1, holder, at[1], 3);
	pair_for(p, 500000);
	/* as much as there is space for, and nobody has timed out yet */
	cr_assert_lt(pair_read(p, 0, FANTAIL_QP_DATA_HEAD), 20);
	cr_assert_lt(pair_read(p, 1, FANTAIL_QP_DATA_HEAD), 4);
	cr_assert_eq(counter(p, FANTAIL_CNT_LAG_ABORTS), 0);
	cr_assert_eq(reg(p, FANTAIL_REG_PIN_ID), 2);
	cr_assert_gt(reg(p, FANTAIL_REG_PIN_BYTES), PAIR_LOG / 4 * 3);
	for (h = 0; h < 2; h++)
		life(p, h, 10 + h);
	pair_forget(p);
	pair_for(p, 3000000);
	cr_assert_eq(counter(p, FANTAIL_CNT_LAG_ABORTS), 1);
	cr_assert_eq(p->bytes[1], 20 * LEN);
	cr_assert_eq(pair_read(p, 0, FANTAIL_QP_DATA_HEAD), 20);
	cr_assert_eq(pair_read(p, 1, FANTAIL_QP_DATA_HEAD), 4);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_CONN), 0);
	cr_assert_eq(told(p, 1, holder, FANTAIL_EV_OVERRUN), 1);
	for (i = 0; i < p->host[1].recs; i++)
		if (p->host[1].rec[i].type == FANTAIL_REC_CONN)
			r = &p->host[1].rec[i].conn;
	cr_assert(r && r->cause == FANTAIL_CAUSE_PIN);
	pair_close(p);
}
