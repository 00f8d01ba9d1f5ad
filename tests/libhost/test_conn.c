/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* A connection's life after it is accepted; groups; received data. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "host_fixture.h"

static struct host h;

static uint32_t count_op(enum fantail_ring ring, uint8_t op)
{
	uint32_t i, n = 0;

	for (i = 0; i < h.m->entries[ring]; i++)
		n += h.m->entry[ring][i].op == op;
	return n;
}

/* Poll until quiet, with time for the library's timers. */
static void settle(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		h.m->now_us += 1000;
		host_poll(&h);
	}
}

Test(conn, names_and_peer)
{
	struct fantail_conn *c;
	uint32_t ip;
	uint16_t port;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	fantail_conn_peer(c, &ip, &port);
	cr_assert_eq(ip, HOST_PEER);
	cr_assert_eq(port, 40000);
	cr_assert_null(fantail_conn_user(c));
	fantail_conn_set_user(c, &h);
	cr_assert_eq(fantail_conn_user(c), &h);
	cr_assert_eq(fantail_conn_handle(c), h.m->handle[0]);
	host_close(&h);
}

Test(conn, news_are_told)
{
	struct fantail_conn *c;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	mock_conn(h.m, fantail_conn_handle(c), FANTAIL_EV_PEER_FIN);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONN);
	cr_assert_eq(h.ev[0].conn, c);
	cr_assert_eq(h.ev[0].u.conn.events, FANTAIL_EV_PEER_FIN);
	cr_assert_eq(h.ev[0].u.conn.dead, false);
	mock_conn(h.m, fantail_conn_handle(c), FANTAIL_EV_RESET);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.conn.all_events,
		     FANTAIL_EV_PEER_FIN | FANTAIL_EV_RESET);
	cr_assert_eq(h.ev[0].u.conn.dead, true);
	cr_assert_eq(fantail_close_conn(c), -ENOTCONN);
	cr_assert_eq(fantail_abort_conn(c), -ENOTCONN);
	host_close(&h);
}

/* What the card tells of a connection before the install's BATCH record. */
Test(conn, accepted_before_its_first_news)
{
	struct host_seg syn = host_seg(40000, HOST_SYN, 1000, 0), r, ack;

	host_open(&h, NULL);
	host_rx(&h, &syn);
	r = host_sent(&h, 0);
	h.m->hold[1] = true;
	ack = host_seg(40000, HOST_ACK, 1001, r.seq + 1);
	host_rx(&h, &ack);
	mock_conn(h.m, 0, FANTAIL_EV_RESET);
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	cr_assert_eq(fantail_poll(h.f, h.ev, 1), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_ACCEPT);
	cr_assert_eq(fantail_wait(h.f, -1), 1, "one more is queued");
	cr_assert_eq(fantail_poll(h.f, h.ev, 1), 1);
	cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_CONN);
	cr_assert_eq(fantail_poll(h.f, h.ev, 1), 0);
	host_close(&h);
}

/* FIN follows the data: same ring, behind it, in the same doorbell. */
Test(conn, close_goes_behind_the_data)
{
	struct fantail_conn *c;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	fantail_publish_copy(h.f, fantail_to_conn(c), "bye", 3, 5);
	cr_assert_eq(fantail_close_conn(c), 0);
	cr_assert_eq(fantail_close_conn(c), 0, "twice has no effect");
	fantail_submit(h.f);
	cr_assert_eq(h.m->data_doorbells, 1);
	cr_assert_eq(h.m->entries[0], 2);
	cr_assert_eq(h.m->entry[0][0].op, FANTAIL_OP_PUBLISH);
	cr_assert_eq(h.m->entry[0][0].flags, 0);
	cr_assert_eq(h.m->entry[0][1].op, FANTAIL_OP_CONN_CLOSE);
	cr_assert_eq(h.m->entry[0][1].flags, FANTAIL_FLAG_LAST);
	cr_assert_eq(h.m->entry[0][1].cookie, 5, "the batch's cookie");
	host_close(&h);
}

Test(conn, close_alone_goes_by_itself)
{
	struct fantail_options opt = { .flush_us = FANTAIL_FLUSH_NEVER };
	struct fantail_conn *c;

	host_open(&h, &opt);
	c = host_accept(&h, 40000);
	fantail_close_conn(c);
	settle();
	cr_assert_eq(count_op(FANTAIL_RING_DATA, FANTAIL_OP_CONN_CLOSE), 1);
	cr_assert_eq(host_stats(&h).plain_doorbells, 1);
	cr_assert_eq(host_stats(&h).batches, 0);
	host_close(&h);
}

/* Leaves its groups, is aborted, released; the id gets a new generation. */
Test(conn, release_of_a_live_member)
{
	struct fantail_group *g[3];
	struct fantail_conn *c;
	uint32_t handle, i, k;

	host_open(&h, NULL);
	for (k = 0; k < 3; k++)
		cr_assert_eq(fantail_group_create(h.f, &g[k]), 0);
	for (i = 0; i < 3 * MOCK_CONNS; i++) {
		c = host_accept(&h, (uint16_t)(40000 + i));
		handle = fantail_conn_handle(c);
		cr_assert_eq(handle & 0xFFFF, i % MOCK_CONNS);
		cr_assert_eq(handle >> 16, i / MOCK_CONNS);
		for (k = 0; k < 3; k++)
			cr_assert_eq(fantail_group_join(g[k], c), 0);
		cr_assert_eq(fantail_group_destroy(g[1]), -EBUSY);
		fantail_release_conn(c);
		settle();
		cr_assert_eq(host_stats(&h).open, 0);
		cr_assert_eq(host_stats(&h).released, i + 1);
		cr_assert_eq(h.m->installed[i % MOCK_CONNS], false);
		cr_assert_eq(fantail_group_members(g[0]), 0);
	}
	cr_assert_eq(host_stats(&h).refused, 0);
	cr_assert_eq(fantail_group_destroy(g[1]), 0);
	host_close(&h);
}

Test(conn, nothing_of_a_released_one_reaches_the_application)
{
	struct fantail_conn *c;
	uint32_t handle;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	handle = fantail_conn_handle(c);
	h.m->hold[0] = true;
	h.m->hold[1] = true;
	fantail_release_conn(c);
	mock_data(h.m, handle, "late", 4);
	mock_conn(h.m, handle, FANTAIL_EV_PEER_FIN);
	cr_assert_eq(host_poll(&h), 0);
	h.m->hold[0] = false;
	h.m->hold[1] = false;
	mock_work(h.m, FANTAIL_RING_CONTROL, UINT32_MAX);
	settle();
	cr_assert_eq(host_stats(&h).open, 0);
	mock_conn(h.m, handle, FANTAIL_EV_RESET);
	mock_data(h.m, handle, "later", 5);
	cr_assert_eq(host_poll(&h), 0, "stale");
	cr_assert_geq(host_stats(&h).stale_records, 2);
	fantail_wait(h.f, 10);
	fantail_wait(h.f, 10);
	cr_assert_eq(h.m->slots_used, 0);
	host_close(&h);
}

/* Wishes that find the ring full are carried out later. */
Test(conn, release_waits_for_room)
{
	struct fantail_options opt = { .qp = { .data_log2 = 2 } };
	struct fantail_group *g;
	struct fantail_conn *c;
	int i;

	opt.flush_us = FANTAIL_FLUSH_NEVER;
	host_open(&h, &opt);
	fantail_group_create(h.f, &g);
	c = host_accept(&h, 40000);
	fantail_group_join(g, c);
	settle();
	h.m->hold[0] = true;
	for (i = 0; i < 4; i++)
		fantail_publish_copy(h.f, fantail_to_group(g), "x", 1, 0);
	fantail_submit(h.f);
	mock_conn(h.m, fantail_conn_handle(c), FANTAIL_EV_RESET);
	host_poll(&h);
	fantail_release_conn(c);
	settle();
	cr_assert_eq(host_stats(&h).open, 1);
	h.m->hold[0] = false;
	mock_work(h.m, FANTAIL_RING_DATA, UINT32_MAX);
	settle();
	cr_assert_eq(host_stats(&h).open, 0);
	cr_assert_eq(count_op(FANTAIL_RING_DATA, FANTAIL_OP_GROUP_LEAVE), 1);
	cr_assert_eq(count_op(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_ABORT), 0,
		     "it was dead");
	host_close(&h);
}

/* An abort passes a DATA ring that waits. */
Test(conn, abort_goes_on_control)
{
	struct fantail_conn *c;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	h.m->hold[0] = true;
	fantail_abort_conn(c);
	host_poll(&h);
	cr_assert_eq(count_op(FANTAIL_RING_CONTROL, FANTAIL_OP_CONN_ABORT), 1);
	cr_assert_eq(host_poll(&h), 1);
	cr_assert_eq(h.ev[0].u.conn.events, FANTAIL_EV_ABORTED);
	cr_assert_eq(h.ev[0].u.conn.dead, true);
	host_close(&h);
}

Test(conn, groups_run_out_and_come_back)
{
	struct fantail_group *g[MOCK_GROUPS], *more;
	struct fantail_conn *c;
	int i;

	host_open(&h, NULL);
	for (i = 0; i < MOCK_GROUPS; i++)
		cr_assert_eq(fantail_group_create(h.f, &g[i]), 0);
	cr_assert_eq(fantail_group_create(h.f, &more), -ENOSPC);
	cr_assert_eq(fantail_group_destroy(g[3]), 0);
	cr_assert_eq(fantail_group_create(h.f, &more), 0);
	cr_assert_eq(fantail_to_group(more).id, 3);
	c = host_accept(&h, 40000);
	cr_assert_eq(fantail_group_join(more, c), 0);
	cr_assert_eq(fantail_group_join(more, c), 0);
	cr_assert_eq(fantail_group_members(more), 1);
	cr_assert_eq(fantail_group_leave(more, c), 0);
	cr_assert_eq(fantail_group_leave(more, c), 0);
	fantail_submit(h.f);
	cr_assert_eq(h.m->entries[0], 2);
	cr_assert_eq(h.m->entry[0][0].arg0, 3);
	host_close(&h);
}

/* A join takes effect for what is published behind it, in one doorbell. */
Test(conn, join_and_publish_in_one_batch)
{
	struct fantail_group *g;
	struct fantail_conn *c;

	host_open(&h, NULL);
	fantail_group_create(h.f, &g);
	c = host_accept(&h, 40000);
	fantail_group_join(g, c);
	fantail_publish_copy(h.f, fantail_to_group(g), "x", 1, 0);
	cr_assert_eq(fantail_submit(h.f), 1);
	cr_assert_eq(h.m->data_doorbells, 1);
	cr_assert_eq(h.m->entry[0][0].op, FANTAIL_OP_GROUP_JOIN);
	cr_assert_eq(h.m->entry[0][1].op, FANTAIL_OP_PUBLISH);
	host_close(&h);
}

Test(conn, received_data_is_kept_until_returned)
{
	struct fantail_conn *c;
	uint16_t slot[20];
	int i;

	host_open(&h, NULL);
	c = host_accept(&h, 40000);
	fantail_wait(h.f, 0);
	cr_assert_eq(h.m->slots_used, 0);
	for (i = 0; i < 20; i++) {
		mock_data(h.m, fantail_conn_handle(c), "bytes", 5);
		cr_assert_eq(host_poll(&h), 1);
		cr_assert_eq(h.ev[0].type, FANTAIL_EVENT_DATA);
		cr_assert_eq(h.ev[0].conn, c);
		cr_assert_eq(h.ev[0].u.data.len, 5);
		cr_assert_eq(memcmp(h.ev[0].u.data.ptr, "bytes", 5), 0);
		slot[i] = h.ev[0].u.data.slot;
	}
	cr_assert_eq(h.m->slots_used, 20);
	for (i = 19; i >= 0; i--) {
		cr_assert_eq(fantail_recv_return(h.f, slot[i]), 0);
		cr_assert_eq(fantail_recv_return(h.f, slot[i]), -EINVAL);
	}
	cr_assert_eq(fantail_recv_return(h.f, 65535), -EINVAL);
	h.m->control_doorbells = 0;
	h.m->entries[1] = 0;
	fantail_wait(h.f, 0);
	cr_assert_eq(h.m->slots_used, 0);
	cr_assert_eq(h.m->control_doorbells, 1);
	cr_assert_eq(h.m->entries[1], 2, "12 and 8 slots");
	host_close(&h);
}

/* The CONTROL ring wraps often while every frame keeps its own memory. */
Test(conn, ten_thousand_rounds)
{
	struct fantail_options opt = {
		.qp = { .control_log2 = 3, .status_log2 = 4, .data_log2 = 3 },
	};
	struct fantail_stats s;
	int i;

	host_open(&h, &opt);
	for (i = 0; i < 10000; i++) {
		fantail_release_conn(host_accept(&h, (uint16_t)(i + 1)));
		settle();
	}
	s = host_stats(&h);
	cr_assert_eq(s.accepted, 10000);
	cr_assert_eq(s.released, 10000);
	cr_assert_eq(s.open, 0);
	cr_assert_eq(s.handshakes, 0);
	cr_assert_eq(s.refused, 0);
	fantail_wait(h.f, 0);
	fantail_wait(h.f, 0);
	cr_assert_eq(h.m->slots_used, 0);
	host_close(&h);
}
