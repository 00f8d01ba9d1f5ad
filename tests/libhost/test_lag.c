/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* Slow consumers: policies, and the blocking mode. */
#include <criterion/criterion.h>
#include <errno.h>

#include "host_fixture.h"

static struct host h;
static struct fantail_conn *conn[3];
static struct fantail_group *group;

/* Connections 0 and 1 are in the group, 2 is not. */
static void start(bool blocking, uint32_t block_ms)
{
	struct fantail_options opt = {
		.policy = FANTAIL_POLICY_REPORT,
		.blocking = blocking,
		.block_ms = block_ms,
	};
	uint16_t i;

	host_open(&h, &opt);
	for (i = 0; i < 3; i++)
		conn[i] = host_accept(&h, (uint16_t)(4000 + i));
	cr_assert_eq(fantail_group_create(h.f, &group), 0);
	cr_assert_eq(fantail_group_join(group, conn[0]), 0);
	cr_assert_eq(fantail_group_join(group, conn[1]), 0);
	fantail_submit(h.f);
}

static int publish(struct fantail_target to)
{
	return fantail_publish_copy(h.f, to, "news", 4, 0);
}

static int to_group(void)
{
	return publish(fantail_to_group(group));
}

static int to_list(int a, int b)
{
	uint32_t handles[2] = { fantail_conn_handle(conn[a]),
				fantail_conn_handle(conn[b]) };

	return publish(fantail_to_list(handles, 2));
}

static int to_conn(int i)
{
	return publish(fantail_to_conn(conn[i]));
}

/* News of a connection; the application hears it. */
static void news(int i, uint16_t events)
{
	mock_conn(h.m, fantail_conn_handle(conn[i]), events);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONN);
	cr_assert_eq(h.ev[0].conn, conn[i]);
	cr_assert_eq(h.ev[0].u.conn.events, events);
}

static unsigned int entries(enum fantail_ring ring, uint8_t op)
{
	unsigned int n = 0, i;

	for (i = 0; i < h.m->entries[ring]; i++)
		n += h.m->entry[ring][i].op == op;
	return n;
}

Test(lag, blocking_mode_waits_for_writable)
{
	start(true, 0);
	cr_assert_eq(to_group(), 0);
	news(1, FANTAIL_EV_LAGGING);
	cr_assert_eq(to_group(), -EAGAIN);
	cr_assert_eq(to_conn(1), -EAGAIN);
	cr_assert_eq(to_list(2, 1), -EAGAIN);
	cr_assert(fantail_lagging(h.f, fantail_to_group(group)));
	/* the others are none of its business */
	cr_assert_eq(to_conn(0), 0);
	cr_assert_eq(to_list(2, 0), 0);
	news(0, FANTAIL_EV_LAGGING);
	cr_assert_eq(host_stats(&h).lagging, 2);
	news(1, FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), -EAGAIN, "the other one");
	cr_assert_eq(to_conn(1), 0);
	news(0, FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	cr_assert_eq(host_stats(&h).lagging, 0);
	cr_assert_eq(host_stats(&h).lag_again, 4);
	cr_assert_eq(fantail_submit(h.f), 5);
	host_close(&h);
}

/* Both in one record: it lagged, and is writable now. */
Test(lag, writable_is_the_newer_of_two)
{
	start(true, 0);
	news(0, FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	news(0, FANTAIL_EV_LAGGING);
	news(0, FANTAIL_EV_SKIPPED);
	cr_assert_eq(to_group(), -EAGAIN);
	news(0, FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	host_close(&h);
}

Test(lag, without_blocking_mode_there_is_only_news)
{
	start(false, 0);
	news(0, FANTAIL_EV_LAGGING);
	cr_assert(fantail_lagging(h.f, fantail_to_conn(conn[0])));
	cr_assert_eq(to_group(), 0);
	h.m->now_us += 1000000000;
	host_poll(&h);
	cr_assert_eq(entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_QUERY), 0);
	host_close(&h);
}

/* Members come and go while they lag. */
Test(lag, groups_change)
{
	start(true, 0);
	news(0, FANTAIL_EV_LAGGING);
	news(2, FANTAIL_EV_LAGGING);
	cr_assert_eq(fantail_group_leave(group, conn[0]), 0);
	cr_assert_eq(to_group(), 0);
	cr_assert_eq(fantail_group_join(group, conn[2]), 0);
	cr_assert_eq(to_group(), -EAGAIN);
	news(2, FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	cr_assert_eq(fantail_group_join(group, conn[0]), 0);
	cr_assert_eq(to_group(), -EAGAIN);
	news(0, FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	host_close(&h);
}

/* However a connection ends, nobody waits for it any more. */
Test(lag, the_end_of_a_connection)
{
	uint32_t id;

	start(true, 0);
	news(0, FANTAIL_EV_LAGGING);
	cr_assert_eq(fantail_close_conn(conn[0]), 0);
	cr_assert_eq(to_group(), 0);
	news(0, FANTAIL_EV_LAGGING);
	cr_assert_eq(to_group(), 0, "it is closing");
	news(1, FANTAIL_EV_LAGGING);
	cr_assert_eq(to_group(), -EAGAIN);
	news(1, FANTAIL_EV_OVERRUN);
	cr_assert_eq(to_group(), 0);
	id = fantail_conn_handle(conn[2]) & FANTAIL_HANDLE_ID_MASK;
	news(2, FANTAIL_EV_LAGGING);
	fantail_release_conn(conn[2]);
	host_poll(&h);
	host_poll(&h);
	fantail_submit(h.f);
	host_poll(&h);
	cr_assert_not(h.m->installed[id]);
	cr_assert_eq(host_stats(&h).lagging, 0);
	host_close(&h);
}

/* One who acknowledges nothing for block_ms is aborted, another is not. */
Test(lag, who_blocks_for_long_is_aborted)
{
	uint32_t id[2], k;

	start(true, 500);
	for (k = 0; k < 2; k++) {
		id[k] = fantail_conn_handle(conn[k]) & FANTAIL_HANDLE_ID_MASK;
		h.m->acked[id[k]] = 5000;
		h.m->queued[id[k]] = 90000;
		news((int)k, FANTAIL_EV_LAGGING);
	}
	h.m->now_us += 499000;
	cr_assert_eq(fantail_next_timer_us(h.f), h.m->now_us + 1000);
	cr_assert_eq(host_poll(&h), 0);
	cr_assert_eq(entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_QUERY), 0);
	for (k = 1; k <= 5; k++) {
		/* a byte is progress */
		h.m->acked[id[0]]++;
		h.m->now_us += 500000;
		host_poll(&h);
		host_poll(&h);
		host_poll(&h);
		cr_assert_eq(
			entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_QUERY),
			k + 1);
		cr_assert_eq(
			entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_ABORT),
			1);
		cr_assert_eq(host_stats(&h).lag_aborted, 1);
		cr_assert_eq(to_group(), -EAGAIN);
	}
	for (k = 0; k < h.m->entries[1]; k++)
		if (h.m->entry[1][k].op == FANTAIL_OP_CONN_ABORT)
			cr_assert_eq(h.m->entry[1][k].target,
				     fantail_conn_handle(conn[1]));
	news(0, FANTAIL_EV_WRITABLE);
	cr_assert_eq(to_group(), 0);
	host_close(&h);
}

Test(lag, blocking_for_ever)
{
	start(true, FANTAIL_BLOCK_FOREVER);
	news(0, FANTAIL_EV_LAGGING);
	h.m->now_us += 1ull << 50;
	host_poll(&h);
	cr_assert_eq(entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_QUERY), 0);
	cr_assert_eq(to_group(), -EAGAIN);
	host_close(&h);
}

Test(lag, policy_of_a_listener)
{
	uint32_t id;

	start(true, 0);
	cr_assert_eq(fantail_listener_set_policy(h.listener, 3, 0), -EINVAL);
	cr_assert_eq(fantail_listener_set_policy(h.listener,
						 FANTAIL_POLICY_SKIP, 12345),
		     0);
	id = fantail_conn_handle(conn[0]) & FANTAIL_HANDLE_ID_MASK;
	cr_assert_eq(h.m->context[id].flags >> FANTAIL_CTX_FLAGS_POLICY_SHIFT &
			     3,
		     FANTAIL_POLICY_REPORT);
	id = fantail_conn_handle(host_accept(&h, 5000)) &
	     FANTAIL_HANDLE_ID_MASK;
	cr_assert_eq(h.m->context[id].flags >> FANTAIL_CTX_FLAGS_POLICY_SHIFT &
			     3,
		     FANTAIL_POLICY_SKIP);
	cr_assert_eq(h.m->context[id].lag_limit, 12345);
	host_close(&h);
}

/* Number @n of the updates that the card has seen. */
static void check_update(uint32_t n, uint64_t code, uint64_t value)
{
	const struct fantail_entry *e = h.m->entry[1];

	while (e->op != FANTAIL_OP_CONN_UPDATE || n--)
		e++;
	cr_assert_eq(e->target, fantail_conn_handle(conn[2]));
	cr_assert_eq(e->arg0, code);
	cr_assert_eq(e->arg1, value);
}

/* In an order in which no mixture of old and new aborts it. */
Test(lag, policy_of_a_connection)
{
	start(false, 0);
	cr_assert_eq(fantail_conn_set_policy(conn[2], 3, 0), -EINVAL);
	cr_assert_eq(fantail_conn_set_policy(conn[2], FANTAIL_POLICY_SKIP, 777),
		     0);
	cr_assert_eq(fantail_conn_set_policy(conn[2], FANTAIL_POLICY_ABORT, 99),
		     0);
	host_poll(&h);
	fantail_wait(h.f, 0);
	cr_assert_eq(entries(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_UPDATE), 4);
	check_update(0, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_SKIP);
	check_update(1, FANTAIL_UPDATE_LAG_LIMIT, 777);
	check_update(2, FANTAIL_UPDATE_LAG_LIMIT, 99);
	check_update(3, FANTAIL_UPDATE_POLICY, FANTAIL_POLICY_ABORT);
	news(2, FANTAIL_EV_RESET);
	cr_assert_eq(fantail_conn_set_policy(conn[2], FANTAIL_POLICY_SKIP, 777),
		     -ENOTCONN);
	host_close(&h);
}
