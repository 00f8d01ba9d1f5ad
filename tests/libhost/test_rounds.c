/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * Ten thousand lives, each of another kind: nothing stays behind. The seed is
 * printed; FANTAIL_SEED gives it back.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_fixture.h"

#define ROUNDS 10000

static struct host h;
static unsigned int seed;

static unsigned int roll(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

/* Poll until quiet; whatever is received is returned. */
static struct fantail_conn *settle(int times)
{
	struct fantail_conn *fresh = NULL;
	int i, k, n;

	for (i = 0; i < times; i++) {
		h.m->now_us += 1000;
		n = host_poll(&h);
		for (k = 0; k < n; k++) {
			if (h.ev[k].type == FANTAIL_EVENT_DATA)
				fantail_recv_return(h.f, h.ev[k].u.data.slot);
			if (h.ev[k].type == FANTAIL_EVENT_ACCEPT ||
			    (h.ev[k].type == FANTAIL_EVENT_CONNECT &&
			     h.ev[k].conn))
				fresh = h.ev[k].conn;
		}
	}
	return fresh;
}

/* A handshake that may go no further; returns the connection if it does. */
static struct fantail_conn *begin(uint16_t port)
{
	struct host_seg s = host_seg(port, HOST_SYN, 1000, 0), r;
	bool active = roll(4) == 0;

	if (active) {
		if (fantail_connect(h.f, HOST_PEER, port, 0, NULL))
			return NULL;
		settle(1);
	} else {
		s.ts_val = roll(2) ? 5 : -1;
		host_rx(&h, &s);
	}
	r = host_sent(&h, h.m->frames - 1);
	s = host_seg(port, active ? HOST_SYN | HOST_ACK : HOST_ACK,
		     active ? 1000 : 1001, r.seq + 1);
	s.dst_port = r.src_port;
	s.ts_val = r.ts_val >= 0 ? 6 : -1;
	s.ts_ecr = r.ts_val;
	switch (roll(8)) {
	case 0: /* refused or reset half-way */
		s.flags = active ? HOST_RST | HOST_ACK : HOST_RST;
		s.seq = 1001;
		host_rx(&h, &s);
		return NULL;
	case 1: /* silence */
		h.m->now_us += 6000000;
		settle(3);
		return NULL;
	case 2: /* the card does not want it */
		h.m->refuse_install = FANTAIL_REFUSE_FLOW_FULL;
		host_rx(&h, &s);
		settle(2);
		h.m->refuse_install = 0;
		return NULL;
	default:
		host_rx(&h, &s);
		return settle(2);
	}
}

static void finish(struct fantail_conn *c, struct fantail_group *g)
{
	uint32_t handle = fantail_conn_handle(c);

	if (roll(2))
		fantail_group_join(g, c);
	if (roll(2))
		fantail_publish_copy(h.f, fantail_to_conn(c), "x", 1, 0);
	if (roll(2))
		mock_data(h.m, handle, "bytes", 5);
	switch (roll(6)) {
	case 0: /* the peer resets */
		mock_conn(h.m, handle, FANTAIL_EV_RESET);
		settle(1);
		break;
	case 1: /* we abort */
		fantail_abort_conn(c);
		settle(roll(3));
		break;
	case 2: /* closed, we first */
		fantail_close_conn(c);
		settle(2);
		mock_conn(h.m, handle,
			  FANTAIL_EV_PEER_FIN | FANTAIL_EV_FIN_ACKED |
				  FANTAIL_EV_CLOSED);
		settle(1);
		break;
	case 3: /* closed, the peer first */
		mock_conn(h.m, handle, FANTAIL_EV_PEER_FIN);
		settle(1);
		fantail_close_conn(c);
		settle(2);
		mock_conn(h.m, handle,
			  FANTAIL_EV_FIN_ACKED | FANTAIL_EV_CLOSED);
		settle(1);
		break;
	case 4: /* half closed and forgotten */
		fantail_close_conn(c);
		break;
	default: /* released as it is */
		break;
	}
	fantail_release_conn(c);
	if (roll(3))
		settle(4);
}

Test(rounds, nothing_stays_behind, .timeout = 120)
{
	struct fantail_options opt = {
		.qp = { .control_log2 = 5, .status_log2 = 7, .data_log2 = 4 },
		.handshake_ms = 5000,
		.time_wait_ms = 2000,
		.time_wait_max = 32,
	};
	struct fantail_group *g;
	struct fantail_conn *c;
	struct fantail_stats s;
	const char *given;
	size_t before = 0;
	uint16_t i;

	given = getenv("FANTAIL_SEED");
	seed = given ? (unsigned int)strtoul(given, NULL, 0) : 1;
	fprintf(stderr, "seed %u\n", seed);
	host_open(&h, &opt);
	cr_assert_eq(fantail_group_create(h.f, &g), 0);
	host_arp_reply(&h, 2);
	for (i = 0; i < ROUNDS; i++) {
		c = begin((uint16_t)(i + 1));
		if (c)
			finish(c, g);
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	cr_assert_eq(mallinfo2().uordblks, before, "memory");
	settle(20); /* the last release may begin one more TIME_WAIT */
	h.m->now_us += 10000000;
	settle(20);
	cr_assert_geq(fantail_wait(h.f, 0), 0);
	cr_assert_geq(fantail_wait(h.f, 0), 0);
	s = host_stats(&h);
	fprintf(stderr, "accepted %lu connected %lu failed %lu time_wait %lu\n",
		(unsigned long)s.accepted, (unsigned long)s.connected,
		(unsigned long)s.connect_failures,
		(unsigned long)s.time_wait_entered);
	cr_assert_gt(s.accepted, 1000);
	cr_assert_gt(s.connected, 500);
	cr_assert_gt(s.time_wait_entered, 500);
	cr_assert_gt(s.install_refused, 500);
	cr_assert_eq(s.open, 0);
	cr_assert_eq(s.released, s.accepted + s.connected);
	cr_assert_eq(s.handshakes, 0);
	cr_assert_eq(s.time_wait, 0);
	cr_assert_eq(h.m->slots_used, 0);
	cr_assert_eq(fantail_slots_held(fantail_queue_pair(h.f)), 0);
	cr_assert_eq(fantail_group_members(g), 0);
	cr_assert_eq(fantail_group_destroy(g), 0);
	cr_assert_eq(fantail_next_timer_us(h.f), UINT64_MAX, "timers");
	/* And all of it can be had again. */
	for (i = 0; i < MOCK_CONNS; i++)
		host_accept(&h, 60000 + i);
	host_close(&h);
}

/* The library and the driver give back all they took. */
Test(rounds, memory_after_close)
{
	size_t before = 0;
	int i;

	for (i = 0; i < 40; i++) {
		host_open(&h, NULL);
		host_accept(&h, 40000);
		host_close(&h);
		if (i == 19) /* malloc's own caches are full */
			before = mallinfo2().uordblks;
	}
	cr_assert_eq(mallinfo2().uordblks, before);
}
