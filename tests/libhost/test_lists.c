/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Target lists, and memory that more than one entry names. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;

static int publish(const uint32_t *handles, unsigned int n, const char *text)
{
	return fantail_publish_copy(h.f, fantail_to_list(handles, n), text,
				    strlen(text), 7);
}

/* The card gets the handles as they were when the payload was published. */
Test(lists, any_connections)
{
	uint32_t handles[4], i;

	host_open(&h, NULL);
	for (i = 0; i < 3; i++)
		handles[i] = fantail_conn_handle(
			host_accept(&h, (uint16_t)(4000 + i)));
	handles[3] = handles[1];
	cr_assert_eq(publish(handles, 4, "twice to one"), 0);
	handles[0] ^= 1u << 31; /* another generation */
	cr_assert_eq(publish(handles, 2, "one is gone"), 0);
	cr_assert_eq(publish(&handles[2], 1, "one"), 0);
	memset(handles, 0xFF, sizeof(handles));
	cr_assert_eq(fantail_submit(h.f), 3);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_BATCH);
	cr_assert_eq(h.ev[0].u.batch.payloads, 3);
	cr_assert_eq(h.ev[0].u.batch.reached, 4 + 1 + 1);
	cr_assert_eq(h.ev[0].u.batch.skipped, 1);
	cr_assert_eq(h.m->listed_count, 7);
	cr_assert_eq(h.m->listed[1], h.m->listed[3]);
	cr_assert_eq(h.m->listed[0] ^ h.m->listed[4], 1u << 31);
	cr_assert_eq(h.m->listed[2], h.m->listed[6]);
	cr_assert_eq(host_stats(&h).lists, 3);
	cr_assert_not(h.m->bad);
	host_close(&h);
}

Test(lists, entries_are_as_the_card_wants_them)
{
	uint32_t handles[MOCK_CONNS] = { 0 }, i, n;

	host_open(&h, NULL);
	for (i = 0; i < 40; i++)
		cr_assert_eq(publish(handles, i % MOCK_CONNS + 1, "x"), 0);
	fantail_submit(h.f);
	for (i = 0, n = 0; i < 40; i++) {
		const struct fantail_entry *e = &h.m->entry[0][i];

		cr_assert_eq(e->op, FANTAIL_OP_PUBLISH);
		cr_assert_eq(e->flags,
			     FANTAIL_FLAG_LIST |
				     (i == 39 ? FANTAIL_FLAG_LAST : 0));
		cr_assert_eq(e->target, 0);
		cr_assert_eq(e->list_len, i % MOCK_CONNS + 1);
		cr_assert_eq(e->list_addr % 64, 0, "begins at a line");
		if (i)
			cr_assert_eq(e->addr, e[-1].addr + 1,
				     "payloads lie side by side");
		n += e->list_len;
	}
	cr_assert_eq(h.m->listed_count, n);
	host_close(&h);
}

Test(lists, lengths_out_of_range)
{
	uint32_t handles[MOCK_CONNS + 1] = { 0 };

	host_open(&h, NULL);
	cr_assert_eq(publish(handles, 0, "x"), -EINVAL);
	cr_assert_eq(publish(handles, MOCK_CONNS + 1, "x"), -EINVAL);
	cr_assert_eq(publish(handles, MOCK_CONNS, "x"), 0);
	cr_assert_eq(fantail_submit(h.f), 1);
	host_close(&h);
}

Test(lists, memory_has_room_for_one_at_least)
{
	struct fantail_options opt = { .list_bytes = 4 * MOCK_CONNS };
	uint32_t handles[MOCK_CONNS] = { 0 };
	int rc, again = 0, i;

	host_open(&h, NULL);
	opt.dev = h.dev;
	opt.ip = HOST_IP;
	memcpy(opt.mac, host_mac, 6);
	fantail_close(h.f);
	h.f = NULL;
	cr_assert_eq(fantail_open(&opt, &h.f), -EINVAL);
	opt.list_bytes += 32; /* three lines */
	cr_assert_eq(fantail_open(&opt, &h.f), 0);
	for (i = 0; i < 200;) {
		handles[0] = (uint32_t)i;
		rc = publish(handles, i % 3 ? 1 : MOCK_CONNS, "x");
		if (rc == -EAGAIN) {
			again++;
			cr_assert_eq(fantail_wait(h.f, -1), 1);
			host_poll(&h);
			continue;
		}
		cr_assert_eq(rc, 0);
		i++;
	}
	fantail_submit(h.f);
	cr_assert_eq(h.m->payload_bytes, 200);
	host_close(&h);
}

/* Lists are in use until their entries are passed: every handle arrives. */
Test(lists, memory_is_not_used_before_it_is_free)
{
	struct fantail_options opt = { .arena_bytes = 1 << 20,
				       .list_bytes = 4096 };
	uint32_t handles[MOCK_CONNS], want[MOCK_LISTED], n = 0, i;
	unsigned int seed = 2, again = 0;

	opt.flush_us = FANTAIL_FLUSH_NEVER;
	host_open(&h, &opt);
	h.m->hold[0] = true;
	while (n < 60000) {
		uint32_t count = (uint32_t)rand_r(&seed) % MOCK_CONNS + 1;
		int rc;

		for (i = 0; i < count; i++)
			handles[i] = want[n + i] = (uint32_t)rand_r(&seed);
		rc = publish(handles, count, "some");
		if (rc == -EAGAIN) {
			again++;
			mock_work(h.m, FANTAIL_RING_DATA,
				  (uint32_t)rand_r(&seed) % 40 + 1);
			host_poll(&h);
			continue;
		}
		cr_assert_eq(rc, 0);
		n += count;
		if (rand_r(&seed) % 7 == 0)
			fantail_submit(h.f);
	}
	fantail_submit(h.f);
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	cr_assert_gt(again, 10, "the lists were never full");
	cr_assert_gt(host_stats(&h).list_wraps, 10);
	cr_assert_eq(h.m->listed_count, n);
	cr_assert_eq(memcmp(h.m->listed, want, 4ull * n), 0);
	host_close(&h);
}

/*
 * Entries that share memory, because a payload was cut or published again:
 * it is in use until the last of them is passed.
 */
Test(lists, shared_memory_is_not_used_before_it_is_free)
{
	struct fantail_options opt = { .arena_bytes = 1 << 18,
				       .list_bytes = 4096,
				       .qp = { .data_log2 = 5 } };
	static uint8_t all[MOCK_PAYLOADS];
	uint32_t handles[MOCK_CONNS], want[MOCK_LISTED], n = 0, sent = 0, i;
	unsigned int seed = 3, again = 0, cut = 0, twice = 0;
	struct fantail_target to;
	const struct fantail_rec_head head = { .type = FANTAIL_REC_HEAD };
	const uint8_t *before = NULL;
	size_t before_len = 0;

	opt.flush_us = FANTAIL_FLUSH_NEVER;
	host_open(&h, &opt);
	h.m->hold[0] = true;
	while (sent < MOCK_PAYLOADS - 2 * fantail_payload_max(h.f)) {
		size_t most = rand_r(&seed) % 3 ? fantail_payload_max(h.f)
						: 5000;
		size_t len = (size_t)rand_r(&seed) % most + 1;
		bool again_same = before && rand_r(&seed) % 3 == 0;
		const uint8_t *from = before;
		void *p;
		int rc;

		for (i = 0; i < 4; i++)
			handles[i] = (uint32_t)rand_r(&seed);
		to = fantail_to_list(handles, 4);
		if (again_same) {
			len = before_len;
		} else {
			rc = fantail_arena_reserve(h.f, len, &p);
			if (rc == -EAGAIN)
				goto full;
			cr_assert_eq(rc, 0);
			memset(p, rand_r(&seed) % 256, len);
			from = p;
		}
		memcpy(all + sent, from, len);
		rc = fantail_publish(h.f, to, from, len, 1);
		if (rc == -EAGAIN)
			goto full;
		if (rc == -EINVAL && again_same) { /* it is done */
			before = NULL;
			continue;
		}
		cr_assert_eq(rc, 0);
		for (i = 0; i < len; i += 16384, n += 4)
			memcpy(want + n, handles, 16);
		sent += (uint32_t)len;
		cut += len > 16384;
		twice += again_same;
		before = from;
		before_len = len;
		if (rand_r(&seed) % 5 == 0)
			fantail_submit(h.f);
		continue;
	full:
		again++;
		mock_work(h.m, FANTAIL_RING_DATA,
			  (uint32_t)rand_r(&seed) % 3 + 1);
		mock_record(h.m, &head);
		host_poll(&h);
	}
	fantail_submit(h.f);
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	cr_assert_gt(again, 10);
	cr_assert_gt(cut, 5);
	cr_assert_gt(twice, 10);
	cr_assert_eq(h.m->payload_bytes, sent);
	cr_assert_eq(memcmp(h.m->payload, all, sent), 0);
	cr_assert_eq(h.m->listed_count, n);
	cr_assert_eq(memcmp(h.m->listed, want, 4ull * n), 0);
	host_close(&h);
}

/* The first batch is done, the second sends the same bytes again. */
Test(lists, a_payload_published_again_stays)
{
	struct fantail_options opt = { .arena_bytes = 65536 };
	uint32_t handles[1] = { 0 };
	void *p, *q;
	int i;

	opt.flush_us = FANTAIL_FLUSH_NEVER;
	host_open(&h, &opt);
	h.m->hold[0] = true;
	cr_assert_eq(fantail_arena_reserve(h.f, 16000, &p), 0);
	memset(p, 'a', 16000);
	for (i = 0; i < 2; i++) {
		cr_assert_eq(fantail_publish(h.f, fantail_to_list(handles, 1),
					     p, 16000, 0),
			     0);
		cr_assert_eq(fantail_submit(h.f), 1);
	}
	mock_work(h.m, FANTAIL_RING_DATA, 1);
	cr_assert_eq(host_poll(&h), 1);
	for (i = 0; fantail_arena_reserve(h.f, 16000, &q) == 0; i++) {
		memset(q, 'b', 16000);
		cr_assert_eq(fantail_publish(h.f, fantail_to_list(handles, 1),
					     q, 16000, 0),
			     0);
	}
	cr_assert_eq(i, 3);
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	for (i = 0; i < 32000; i++)
		cr_assert_eq(h.m->payload[i], 'a', "byte %d", i);
	host_close(&h);
}

/* A list that could not be read: REFUSED says how far it came. */
Test(lists, a_refusal_says_who_was_reached)
{
	struct fantail_rec_refused r = {
		.type = FANTAIL_REC_REFUSED,
		.code = FANTAIL_REFUSE_DMA_READ,
		.op = FANTAIL_OP_PUBLISH,
		.reached = 1234,
		.cookie_lo = 9,
	};

	host_open(&h, NULL);
	mock_record(h.m, &r);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_REFUSED);
	cr_assert_eq(h.ev[0].u.refused.code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq(h.ev[0].u.refused.reached, 1234);
	cr_assert_eq(h.ev[0].u.refused.cookie, 9);
	host_close(&h);
}
