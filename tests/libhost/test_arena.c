/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The payloads' memory: it grows when it is full, and shrinks for nobody. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

enum {
	FIRST = 65536,
	MOST = 4 * FIRST,
};

static struct host h;
static struct fantail_target to;
static uint8_t sent[1 << 20];
static uint32_t bytes;

static void open_arena(uint32_t first, uint32_t most)
{
	struct fantail_options opt = {
		.arena_bytes = first,
		.arena_max = most,
		.flush_us = FANTAIL_FLUSH_NEVER,
	};
	struct fantail_group *g;

	host_open(&h, &opt);
	cr_assert_eq(fantail_group_create(h.f, &g), 0);
	to = fantail_to_group(g);
	bytes = 0;
}

/* A payload of its own bytes. 0 or -EAGAIN. */
static int publish(uint32_t len)
{
	uint32_t i;
	int rc;

	for (i = 0; i < len; i++)
		sent[bytes + i] = (uint8_t)((bytes + i) * 2654435761u >> 24);
	rc = fantail_publish_copy(h.f, to, sent + bytes, len, bytes);
	if (!rc)
		bytes += len;
	return rc;
}

static unsigned int mappings(void)
{
	unsigned int n = 0, i;

	for (i = 0; i < MOCK_MAPS; i++)
		n += h.m->map[i].va != NULL;
	return n;
}

static void all_arrived(void)
{
	fantail_submit(h.f);
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	while (host_poll(&h))
		;
	cr_assert_eq(h.m->payload_bytes, bytes);
	cr_assert_eq(memcmp(h.m->payload, sent, bytes), 0);
	cr_assert_not(h.m->bad);
}

/* While the card reads the old one, both are mapped; then one is. */
Test(arena, doubles_and_gives_back)
{
	unsigned int before;

	open_arena(FIRST, MOST);
	before = mappings();
	h.m->hold[0] = true;
	while (!publish(1000))
		if (bytes / 1000 % 10 == 0)
			fantail_submit(h.f);
	cr_expect_eq(host_stats(&h).arena_grown, 2);
	cr_expect_gt(bytes, MOST + MOST / 2 + MOST / 4 - 3 * 1000);
	cr_expect_eq(mappings(), before + 2);
	all_arrived();
	cr_expect_eq(fantail_publish_copy(h.f, to, "x", 1, 0), 0);
	cr_expect_eq(mappings(), before, "the smaller ones are free");
	host_close(&h);
}

Test(arena, bytes_survive_growth)
{
	unsigned int seed = 1, again = 0;

	open_arena(FIRST, MOST);
	h.m->hold[0] = true;
	while (bytes < 900000) {
		if (publish((uint32_t)rand_r(&seed) % 999 + 1)) {
			again++;
			mock_work(h.m, FANTAIL_RING_DATA,
				  (uint32_t)rand_r(&seed) % 40 + 1);
			host_poll(&h);
		} else if (rand_r(&seed) % 7 == 0) {
			fantail_submit(h.f);
		}
	}
	cr_expect_gt(again, 10);
	cr_expect_eq(host_stats(&h).arena_grown, 2);
	all_arrived();
	host_close(&h);
}

/* What lies in the old memory may be sent to somebody else, until done. */
Test(arena, old_payloads_can_be_published_again)
{
	uint32_t first = 1000;
	void *place;
	unsigned int before;

	open_arena(FIRST, MOST);
	before = mappings();
	h.m->hold[0] = true;
	cr_assert_eq(fantail_arena_reserve(h.f, first, &place), 0);
	memset(place, 7, first);
	memset(sent, 7, first);
	cr_assert_eq(fantail_publish(h.f, to, place, first, 0), 0);
	bytes = first;
	while (!host_stats(&h).arena_grown)
		cr_assert_eq(publish(1000), 0);
	cr_assert_eq(fantail_submit(h.f), (int)(bytes / 1000));
	cr_expect_eq(fantail_publish(h.f, to, place, first + FIRST, 0),
		     -EINVAL);
	cr_expect_eq(fantail_publish(h.f, to, place, first, 0), 0);
	memset(sent + bytes, 7, first);
	bytes += first;
	/* all but that one */
	mock_work(h.m, FANTAIL_RING_DATA, bytes / 1000 - 1);
	host_poll(&h);
	cr_assert_eq(publish(1000), 0);
	cr_expect_eq(mappings(), before + 1, "the card may still read it");
	all_arrived();
	cr_expect_eq(fantail_publish(h.f, to, place, first, 0), -EINVAL,
		     "done");
	cr_expect_eq(mappings(), before);
	host_close(&h);
}

/* No memory, or no mapping: it stays as it is, and says so once. */
Test(arena, stays_where_it_cannot_grow)
{
	struct mock_map none = { .va = (uint8_t *)&none };
	int i, free_maps = 0;

	open_arena(FIRST, MOST);
	for (i = 0; i < MOCK_MAPS; i++)
		if (!h.m->map[i].va) {
			h.m->map[i] = none;
			free_maps++;
		}
	cr_assert_gt(free_maps, 0);
	h.m->hold[0] = true;
	while (!publish(1000))
		;
	cr_expect_leq(bytes, FIRST);
	cr_expect_eq(publish(1000), -EAGAIN);
	cr_expect_eq(host_stats(&h).arena_grown, 0);
	for (i = 0; i < MOCK_MAPS; i++)
		if (h.m->map[i].va == none.va)
			h.m->map[i].va = NULL;
	all_arrived();
	cr_expect_eq(publish(1000), 0);
	host_close(&h);
}

Test(arena, fixed_unless_asked)
{
	open_arena(FIRST, 0);
	h.m->hold[0] = true;
	while (!publish(1000))
		;
	cr_expect_leq(bytes, FIRST);
	cr_expect_eq(host_stats(&h).arena_grown, 0);
	host_close(&h);
	open_arena(0, 0);
	h.m->hold[0] = true;
	for (bytes = 0; bytes < 900000;)
		cr_assert_eq(publish(1000), 0);
	host_close(&h);
}

Test(arena, sizes_out_of_range)
{
	struct fantail_options opt = { .arena_bytes = MOST,
				       .arena_max = FIRST };
	struct fantail *f;

	host_open(&h, NULL);
	opt.dev = h.dev;
	opt.ip = HOST_IP;
	memcpy(opt.mac, host_mac, 6);
	cr_expect_eq(fantail_open(&opt, &f), -EINVAL);
	opt.arena_max = (1u << 30) + 1;
	cr_expect_eq(fantail_open(&opt, &f), -EINVAL);
	host_close(&h);
}
