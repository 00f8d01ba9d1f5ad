/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* What a batch costs its publisher: doorbells, and no allocation. */
#include <criterion/criterion.h>

#include "allocations.h"
#include "host_fixture.h"

#define PAYLOADS 10

static struct host h;
static void *volatile kept;

/* Ten payloads to a group in batches of @size; returns BATCH events. */
static int batches(struct fantail_group *g, unsigned int size)
{
	unsigned int i;
	void *place;
	int n = 0;

	for (i = 0; i < PAYLOADS; i++) {
		if (fantail_arena_reserve(h.f, 200, &place) ||
		    fantail_publish(h.f, fantail_to_group(g), place, 200, i))
			return -1;
		if ((i + 1) % size == 0) {
			fantail_submit(h.f);
			n += fantail_poll(h.f, h.ev, 64);
		}
	}
	return n;
}

static struct fantail_group *setup(void)
{
	struct fantail_group *g;
	uint16_t i;

	host_open(&h, NULL);
	cr_assert_eq(fantail_group_create(h.f, &g), 0);
	for (i = 0; i < 3; i++)
		cr_assert_eq(fantail_group_join(
				     g, host_accept(&h, (uint16_t)(4000 + i))),
			     0);
	fantail_submit(h.f);
	host_poll(&h);
	return g;
}

Test(cheap, one_doorbell_for_each_batch)
{
	static const unsigned int sizes[] = { 1, 2, 5, 10 };
	struct fantail_group *g = setup();
	uint64_t before;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		before = h.m->data_doorbells;
		cr_expect_eq(batches(g, sizes[i]), PAYLOADS / (int)sizes[i]);
		cr_expect_eq(h.m->data_doorbells - before, PAYLOADS / sizes[i]);
	}
	host_close(&h);
}

/* From the first payload until its BATCH event is taken, with a sleep. */
static void batch_and_sleep(const struct fantail_group *g)
{
	void *place;
	int i;

	for (i = 0; i < PAYLOADS; i++) {
		cr_assert_eq(fantail_arena_reserve(h.f, 200, &place), 0);
		cr_assert_eq(fantail_publish(h.f, fantail_to_group(g), place,
					     200, 1),
			     0);
	}
	cr_assert_eq(fantail_submit_report(h.f), PAYLOADS);
	cr_assert_eq(fantail_wait(h.f, -1), 1);
	cr_assert_geq(fantail_poll(h.f, h.ev, 64), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_BATCH);
}

Test(cheap, one_register_write_for_a_batch_and_its_sleep)
{
	struct fantail_group *g = setup();
	uint64_t before;
	int i;

	h.m->hold[FANTAIL_RING_DATA] = true;
	h.m->work_in_wait = PAYLOADS + 1;
	/* what came before was taken without a sleep */
	batch_and_sleep(g);
	before = h.m->writes;
	for (i = 0; i < 50; i++)
		batch_and_sleep(g);
	cr_expect_eq(h.m->writes - before, 50, "%lu",
		     (unsigned long)(h.m->writes - before));
	host_close(&h);
}

Test(cheap, a_batch_allocates_nothing)
{
	struct fantail_group *g = setup();
	unsigned int i;
	int n = 0;

	count_allocations();
	/* does the count count? */
	counting = true;
	kept = malloc(100);
	counting = false;
	cr_assert_eq(allocations, 1, "%u", allocations);
	free(kept);
	allocations = 0;
	batches(g, 10);
	for (i = 0; i < 400; i++) {
		counting = true;
		n += batches(g, 10);
		counting = false;
	}
	cr_expect_eq(n, 400);
	cr_expect_eq(allocations, 0);
	host_close(&h);
}
