/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Batches, the arena and the doorbells they take. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;
static struct fantail_target to;

static void open_group(const struct fantail_options *opt)
{
	struct fantail_group *g;

	host_open(&h, opt);
	cr_assert_eq(fantail_group_create(h.f, &g), 0);
	to = fantail_to_group(g);
}

static int publish(const char *text, uint64_t cookie)
{
	return fantail_publish_copy(h.f, to, text, strlen(text), cookie);
}

Test(publish, one_register_write_per_batch)
{
	int b, i;

	open_group(NULL);
	for (b = 0; b < 200; b++) {
		for (i = 0; i < 10; i++)
			cr_assert_eq(publish("payload", (uint64_t)b), 0);
		cr_assert_eq(fantail_submit(h.f), 10);
		cr_assert_eq(host_poll(&h), 1);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_BATCH);
		cr_assert_eq(h.ev[0].u.batch.cookie, (uint64_t)b);
		cr_assert_eq(h.ev[0].u.batch.payloads, 10);
		cr_assert_eq(h.ev[0].u.batch.entries, 10);
		cr_assert_eq(h.ev[0].u.batch.bytes, 70);
	}
	cr_assert_eq(h.m->writes, 200);
	cr_assert_eq(h.m->data_doorbells, 200);
	cr_assert_eq(fantail_submit(h.f), 0);
	cr_assert_eq(h.m->writes, 200, "no write for nothing");
	cr_assert_eq(host_stats(&h).batches_done, 200);
	host_close(&h);
}

Test(publish, payloads_lie_side_by_side)
{
	uint64_t end = 0;
	uint32_t i;

	open_group(NULL);
	for (i = 0; i < 9; i++)
		publish("odd", i);
	fantail_submit(h.f);
	for (i = 0; i < 9; i++) {
		const struct fantail_entry *e = &h.m->entry[0][i];

		cr_assert_eq(e->op, FANTAIL_OP_PUBLISH);
		cr_assert_eq(e->flags,
			     FANTAIL_FLAG_GROUP |
				     (i == 8 ? FANTAIL_FLAG_LAST : 0));
		cr_assert_eq(e->cookie, i);
		if (i)
			cr_assert_eq(e->addr, end);
		end = e->addr + e->len;
	}
	host_close(&h);
}

Test(publish, only_what_was_reserved_or_published)
{
	char outside[8];
	void *p, *q;

	open_group(NULL);
	cr_assert_eq(fantail_publish(h.f, to, outside, 8, 0), -EINVAL);
	cr_assert_eq(fantail_arena_reserve(h.f, 100, &p), 0);
	cr_assert_eq(fantail_arena_reserve(h.f, 0, &q), -EINVAL);
	cr_assert_eq(
		fantail_arena_reserve(h.f, fantail_payload_max(h.f) + 1, &q),
		-EMSGSIZE);
	memset(p, 7, 100);
	cr_assert_eq(fantail_publish(h.f, to, p, 101, 0), -EINVAL);
	cr_assert_eq(fantail_publish(h.f, to, p, 0, 0), -EINVAL);
	cr_assert_eq(fantail_publish(h.f, to, p, 60, 0), 0);
	cr_assert_eq(fantail_publish(h.f, to, (char *)p + 60, 40, 0), 0);
	cr_assert_eq(fantail_publish(h.f, to, (char *)p + 100, 1, 0), -EINVAL);
	/* The same bytes for someone else, while they are not done. */
	cr_assert_eq(fantail_publish(h.f, to, p, 60, 0), 0);
	cr_assert_eq(fantail_submit(h.f), 3);
	host_poll(&h);
	cr_assert_eq(fantail_publish(h.f, to, p, 60, 0), -EINVAL, "done");
	cr_assert_eq(h.m->payload_bytes, 160);
	host_close(&h);
}

Test(publish, a_reservation_does_not_advance)
{
	void *p, *q;

	open_group(NULL);
	cr_assert_eq(fantail_arena_reserve(h.f, 1000, &p), 0);
	cr_assert_eq(fantail_arena_reserve(h.f, 10, &q), 0);
	cr_assert_eq(p, q);
	cr_assert_eq(fantail_publish(h.f, to, p, 11, 0), -EINVAL);
	host_close(&h);
}

Test(publish, cut_at_the_cards_limit)
{
	size_t len = 3 * 16384 + 5;
	size_t i;
	uint8_t *p;

	open_group(NULL);
	cr_assert_eq(fantail_arena_reserve(h.f, len, (void **)&p), 0);
	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + i / 256);
	cr_assert_eq(fantail_publish(h.f, to, p, len, 1), 0);
	cr_assert_eq(fantail_submit(h.f), 4);
	cr_assert_eq(h.m->entry[0][3].len, 5);
	cr_assert_eq(h.m->payload_bytes, len);
	cr_assert_eq(memcmp(h.m->payload, p, len), 0);
	host_close(&h);
}

/*
 * A small arena, batches held by the card: memory is used again only when
 * its batch is done, and every byte arrives.
 */
Test(publish, arena_memory_is_not_used_before_it_is_free)
{
	struct fantail_options opt = { .arena_bytes = 65536 };
	static char text[1000], all[1 << 20];
	uint32_t sent = 0, again = 0;
	unsigned int i, seed = 1;

	opt.flush_us = FANTAIL_FLUSH_NEVER;
	open_group(&opt);
	h.m->hold[0] = true;
	for (i = 0; sent < 900000; i++) {
		size_t len = (size_t)rand_r(&seed) % 999 + 1;
		int rc;

		memset(text, 'a' + (int)(i % 26), len);
		rc = fantail_publish_copy(h.f, to, text, len, i);
		if (rc == -EAGAIN) {
			again++;
			mock_work(h.m, FANTAIL_RING_DATA,
				  (uint32_t)rand_r(&seed) % 40 + 1);
			host_poll(&h);
			continue;
		}
		cr_assert_eq(rc, 0);
		memcpy(all + sent, text, len);
		sent += (uint32_t)len;
		if (i % 7 == 0)
			fantail_submit(h.f);
	}
	fantail_submit(h.f);
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	cr_assert_gt(again, 10, "the arena was never full");
	cr_assert_gt(host_stats(&h).arena_wraps, 10);
	cr_assert_eq(h.m->payload_bytes, sent);
	cr_assert_eq(memcmp(h.m->payload, all, sent), 0);
	host_close(&h);
}

/* One batch larger than the arena ends itself and goes on as another. */
Test(publish, arena_full_of_the_open_batch)
{
	struct fantail_options opt = { .arena_bytes = 65536 };
	static char text[16000];
	int i;

	open_group(&opt);
	for (i = 0; i < 4; i++)
		cr_assert_eq(fantail_publish_copy(h.f, to, text, 16000, 0), 0);
	h.m->hold[0] = true;
	cr_assert_eq(fantail_publish_copy(h.f, to, text, 16000, 1), -EAGAIN);
	cr_assert_eq(h.m->data_doorbells, 1);
	cr_assert_eq(fantail_publish_copy(h.f, to, text, 16000, 1), -EAGAIN);
	cr_assert_eq(h.m->data_doorbells, 1, "a BATCH is due");
	mock_work(h.m, FANTAIL_RING_DATA, 4);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(fantail_publish_copy(h.f, to, text, 16000, 1), 0);
	cr_assert_eq(host_stats(&h).batches_flushed, 1);
	host_close(&h);
}

Test(publish, a_batch_longer_than_the_ring)
{
	struct fantail_options opt = { .qp = { .data_log2 = 4 } };
	int i, again = 0, rc;

	open_group(&opt);
	for (i = 0; i < 100;) {
		rc = publish("x", 42);
		if (rc == -EAGAIN) {
			cr_assert_eq(fantail_wait(h.f, -1), 1,
				     "somebody must wake us");
			cr_assert_eq(host_poll(&h), 0);
			again++;
			continue;
		}
		cr_assert_eq(rc, 0);
		i++;
	}
	cr_assert_gt(again, 1);
	fantail_submit(h.f);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.batch.payloads, 100, "one batch");
	cr_assert_eq(h.ev[0].u.batch.cookie, 42);
	cr_assert_eq(h.m->data_doorbells, host_stats(&h).part_doorbells + 1);
	host_close(&h);
}

Test(publish, full_while_batches_are_under_way_rings_nothing)
{
	struct fantail_options opt = { .qp = { .data_log2 = 4 } };
	int i;

	open_group(&opt);
	h.m->hold[0] = true;
	for (i = 0; i < 10; i++)
		publish("x", 1);
	fantail_submit(h.f);
	for (i = 0; i < 6; i++)
		cr_assert_eq(publish("y", 2), 0);
	for (i = 0; i < 5; i++)
		cr_assert_eq(publish("y", 2), -EAGAIN);
	cr_assert_eq(h.m->data_doorbells, 1);
	mock_work(h.m, FANTAIL_RING_DATA, 10);
	host_poll(&h);
	cr_assert_eq(publish("y", 2), 0);
	fantail_submit(h.f);
	cr_assert_eq(h.m->data_doorbells, 2);
	host_close(&h);
}

Test(publish, again_has_no_effect)
{
	struct fantail_options opt = { .qp = { .data_log2 = 2 } };
	struct fantail_stats before, after;
	int i;

	open_group(&opt);
	h.m->hold[0] = true;
	for (i = 0; i < 4; i++)
		cr_assert_eq(publish("abc", 1), 0);
	before = host_stats(&h);
	cr_assert_eq(publish("def", 1), -EAGAIN);
	after = host_stats(&h);
	cr_assert_eq(after.payloads, before.payloads);
	cr_assert_eq(after.payload_bytes, before.payload_bytes);
	h.m->hold[0] = false;
	fantail_submit(h.f);
	cr_assert_eq(h.m->payload_bytes, 12);
	cr_assert_eq(memcmp(h.m->payload, "abcabcabcabc", 12), 0);
	host_close(&h);
}

Test(publish, flushes_by_count_and_by_bytes)
{
	struct fantail_options opt = {
		.flush_payloads = 5,
		.flush_bytes = 20,
	};
	int i;

	open_group(&opt);
	for (i = 0; i < 10; i++)
		publish("x", 0);
	cr_assert_eq(h.m->data_doorbells, 2);
	publish("twelve bytes", 0);
	cr_assert_eq(h.m->data_doorbells, 2);
	publish("twelve bytes", 0);
	cr_assert_eq(h.m->data_doorbells, 3);
	cr_assert_eq(host_stats(&h).batches_flushed, 3);
	host_close(&h);
}

Test(publish, flushes_by_time)
{
	struct fantail_options opt = { .flush_us = 300 };

	open_group(&opt);
	publish("x", 9);
	host_poll(&h);
	cr_assert_eq(fantail_next_timer_us(h.f), h.m->now_us + 300);
	h.m->now_us += 299;
	host_poll(&h);
	cr_assert_eq(h.m->data_doorbells, 0);
	h.m->now_us += 1;
	host_poll(&h);
	cr_assert_eq(h.m->data_doorbells, 1);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.batch.cookie, 9);
	host_close(&h);
}

Test(publish, wait_keeps_the_flush_time)
{
	struct fantail_options opt = { .flush_us = 300 };
	uint64_t start;

	open_group(&opt);
	publish("x", 9);
	start = h.m->now_us;
	cr_assert_eq(fantail_wait(h.f, -1), 1);
	cr_assert_eq(h.m->now_us, start + 300);
	cr_assert_eq(host_poll(&h), 1);
	host_close(&h);
}

Test(publish, never_flushes_when_told_so)
{
	struct fantail_options opt = { .flush_us = FANTAIL_FLUSH_NEVER };

	open_group(&opt);
	publish("x", 9);
	cr_assert_eq(fantail_wait(h.f, 1000000), 0);
	cr_assert_eq(h.m->data_doorbells, 0);
	host_close(&h);
}

Test(publish, the_cards_nonsense_ends_in_eproto)
{
	struct fantail_rec_head r = { .type = FANTAIL_REC_HEAD };
	struct fantail_event ev;

	open_group(NULL);
	mock_record_raw(h.m, &r, mock_tail_word(h.m) + 5);
	cr_assert_eq(fantail_poll(h.f, &ev, 1), -EPROTO);
	cr_assert_eq(fantail_wait(h.f, 100), -EPROTO);
	host_close(&h);
}

Test(publish, more_events_than_room)
{
	int i;

	open_group(NULL);
	for (i = 0; i < 100; i++) {
		publish("x", (uint64_t)i);
		fantail_submit(h.f);
	}
	for (i = 0; i < 100; i++) {
		cr_assert_eq(fantail_poll(h.f, h.ev, 1), 1);
		cr_assert_eq(h.ev[0].u.batch.cookie, (uint64_t)i);
	}
	cr_assert_eq(fantail_poll(h.f, h.ev, 1), 0);
	cr_assert_eq(fantail_poll(h.f, h.ev, 0), -EINVAL);
	host_close(&h);
}
