/* SPDX-License-Identifier: Apache-2.0 */
/* model: default */
/*
 * What a batch costs its host, through the library and the engine: for ten
 * clients and for a thousand the same.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "allocations.h"
#include "card_fixture.h"
#include "device.h"

enum {
	MOST = 1000,
	PAYLOADS = 10,
	LEN = 100,
	WARM = 3, /* batches before it counts */
	BATCHES = 10,
};

static struct card card;
static uint32_t got[MOST], accepted, batches, others, clients;
static bool wrong;

/* ------------------------------------- the simulator's calls do not count */

static const struct fantail_transport_ops *inner;

static int write32(void *state, uint32_t offset, uint32_t value)
{
	bool was = counting;
	int rc;

	counting = false;
	rc = inner->reg_write32(state, offset, value);
	counting = was;
	return rc;
}

static int read32(void *state, uint32_t offset, uint32_t *value)
{
	bool was = counting;
	int rc;

	counting = false;
	rc = inner->reg_read32(state, offset, value);
	counting = was;
	return rc;
}

static int nap(void *state, unsigned int vector, int fd, int64_t timeout_us)
{
	bool was = counting;
	int rc;

	counting = false;
	rc = inner->wait(state, vector, fd, timeout_us);
	counting = was;
	return rc;
}

/* The simulator stands in for the card: what it allocates is not the host's. */
static void spare_the_simulator(struct fantail_dev *dev)
{
	static struct fantail_transport_ops ops;

	inner = dev->ops;
	ops = *inner;
	ops.reg_write32 = write32;
	ops.reg_read32 = read32;
	ops.wait = nap;
	dev->ops = &ops;
}

/* ---------------------------------------------------------------- a fleet */

static uint8_t byte(uint32_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		wrong |= *p++ != byte(got[n]++);
}

static void on_event(const struct fantail_event *ev)
{
	switch (ev->type) {
	case FANTAIL_EVENT_ACCEPT:
		accepted++;
		cr_assert_eq(fantail_group_join(card.group, ev->conn), 0);
		break;
	case FANTAIL_EVENT_BATCH:
		batches++;
		break;
	default:
		others++;
		break;
	}
}

static bool all_accepted(void)
{
	return accepted == clients;
}

static void start(uint32_t n)
{
	clients = n;
	accepted = batches = others = 0;
	wrong = false;
	for (n = 0; n < MOST; n++)
		got[n] = 0;
	card_init(&card, clients, on_event);
	card.peers.on_data = on_data;
	card.peers.connects_per_ms = 50;
	card.backlog = clients;
	card.options.flush_us = FANTAIL_FLUSH_NEVER;
	card_open(&card);
	spare_the_simulator(card.dev);
	card_run_until(&card, all_accepted);
	fantail_submit(card.f);
	card_run_for(&card, 100000);
	batches = others = 0;
}

static bool all_have(uint32_t bytes)
{
	uint32_t i;

	for (i = 0; i < clients; i++)
		if (got[i] != bytes)
			return false;
	return true;
}

/* --------------------------------------------------------------- the cost */

struct cost {
	uint64_t doorbells, written, batch_records, interrupts, records;
};

static uint64_t counter(uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(
		fantail_qp_counter(fantail_queue_pair(card.f), offset, &value),
		0);
	return value;
}

static struct cost cost(void)
{
	struct fantail_doorbells d;

	fantail_qp_doorbells(fantail_queue_pair(card.f), &d);
	return (struct cost){
		counter(FANTAIL_QPCNT_DATA_DOORBELLS),
		d.data,
		counter(FANTAIL_QPCNT_BATCH_RECORDS),
		counter(FANTAIL_QPCNT_INTERRUPTS),
		counter(FANTAIL_QPCNT_BATCH_RECORDS) +
			counter(FANTAIL_QPCNT_CONN_RECORDS) +
			counter(FANTAIL_QPCNT_DATA_RECORDS) +
			counter(FANTAIL_QPCNT_FRAME_RECORDS) +
			counter(FANTAIL_QPCNT_REFUSED_RECORDS) +
			counter(FANTAIL_QPCNT_HEAD_RECORDS) +
			counter(FANTAIL_QPCNT_SUMMARY_RECORDS) +
			counter(FANTAIL_QPCNT_DELIVERED_RECORDS),
	};
}

/* Ten payloads, a batch each @size; until all is there, and acknowledged. */
static void publish(uint32_t *at, uint32_t size)
{
	uint32_t want = batches + PAYLOADS / size, i, k;
	struct fantail_event ev[16];
	uint64_t end;
	int rc = 0, n;
	void *place;

	counting = true;
	for (k = 0; k < PAYLOADS && !rc; k++) {
		rc = fantail_arena_reserve(card.f, LEN, &place);
		for (i = 0; i < LEN && !rc; i++)
			((uint8_t *)place)[i] = byte((*at)++);
		if (!rc)
			rc = fantail_publish(card.f,
					     fantail_to_group(card.group),
					     place, LEN, *at);
		if (k % size == size - 1)
			fantail_submit(card.f);
	}
	counting = false;
	cr_assert_eq(rc, 0);
	/* the longest delayed ACK takes 40 ms */
	end = fantail_dev_now_us(card.dev) + 100000;
	while (fantail_dev_now_us(card.dev) < end) {
		counting = true;
		n = fantail_poll(card.f, ev, 16);
		if (!n)
			rc = fantail_wait(card.f, 20000);
		counting = false;
		cr_assert_geq(n, 0);
		cr_assert_geq(rc, 0);
		for (i = 0; i < (uint32_t)n; i++)
			on_event(&ev[i]);
	}
	cr_assert_eq(batches, want);
	cr_assert(all_have(*at));
}

static void ten_payloads(uint32_t to)
{
	static const uint32_t sizes[] = { 1, 2, 5, 10 };
	struct cost a, b;
	uint32_t at = 0, i;

	start(to);
	count_allocations();
	for (i = 0; i < WARM; i++)
		publish(&at, PAYLOADS);
	allocations = 0;
	for (i = 0; i < BATCHES; i++) {
		a = cost();
		publish(&at, PAYLOADS);
		b = cost();
		cr_assert_eq(b.doorbells - a.doorbells, 1);
		cr_assert_eq(b.written - a.written, 1);
		cr_assert_eq(b.batch_records - a.batch_records, 1);
		cr_assert_leq(b.interrupts - a.interrupts, 1);
		/* successes are counted, not told */
		cr_assert_eq(b.records - a.records, 1);
	}
	cr_assert_eq(allocations, 0, "%u allocations", allocations);
	cr_assert_eq(others, 0);
	/* BATCH=1, 2, 5, 10 */
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		a = cost();
		publish(&at, sizes[i]);
		b = cost();
		cr_assert_eq(b.doorbells - a.doorbells, PAYLOADS / sizes[i]);
		cr_assert_eq(b.batch_records - a.batch_records,
			     PAYLOADS / sizes[i]);
		cr_assert_eq(b.records - a.records, PAYLOADS / sizes[i]);
	}
	cr_assert_eq(allocations, 0);
	cr_assert_not(wrong);
	card_close(&card);
}

Test(thousand, ten_clients)
{
	ten_payloads(10);
}

Test(thousand, a_thousand_clients, .timeout = 110)
{
	ten_payloads(MOST);
}
