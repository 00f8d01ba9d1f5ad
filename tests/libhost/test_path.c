/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's own TCP together with the engine's, over a bad path, in
 * virtual time: SYN cookies open the connections (row 10), a router with a
 * small MTU makes their segments smaller (row 46), our last ACK is lost and
 * TIME_WAIT gives it again (row 42). The wire checker watches every byte.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "card_fixture.h"
#include "host_fixture.h"
#include "internal.h"

#define PEERS	12
#define BACKLOG 2
#define MTU	1000u
#define MSS	(MTU - 40 - 12) /* timestamps */
#define PAYLOAD 6000u

static struct card card;

static struct client {
	struct fantail_conn *conn;
	uint32_t down;
	bool wrong;
} client[PEERS];

static unsigned int accepted, closed;

/* The path from the card. */
static uint32_t mtu = 1500;
static bool lose_acks;
static unsigned int too_big, acks_lost;
static uint32_t largest; /* payload that came through under MTU */
static struct {
	uint8_t bytes[64];
} quote[64];
static unsigned int quotes;

static uint8_t down_byte(uint32_t at)
{
	return (uint8_t)(at * 29 + at / 253);
}

static void path(void *ctx, bool to_card, const uint8_t *frame, size_t len,
		 uint64_t now_us, struct fantail_net_fate *fate)
{
	uint32_t ip_len, payload;
	uint8_t flags;

	(void)ctx;
	(void)now_us;
	if (to_card || len < 54 || frame[12] != 8 || frame[13] ||
	    frame[23] != 6)
		return;
	ip_len = get16(frame + 16);
	payload = ip_len - 20 - (uint32_t)(frame[46] >> 4) * 4;
	flags = frame[47];
	if (ip_len > mtu) {
		fate->copies = 0;
		too_big++;
		if (quotes < 64)
			memcpy(quote[quotes++].bytes, frame, 64);
	} else if (mtu == MTU && payload > largest) {
		largest = payload;
	}
	if (lose_acks && !payload && (flags & 7) == 0) {
		fate->copies = 0;
		acks_lost++;
	}
}

/* What the router says of the segments it could not send on. */
static void say_too_big(void)
{
	while (quotes) {
		const uint8_t *in = quote[--quotes].bytes;
		struct host_seg q = {
			.src_ip = get32(in + 26),
			.dst_ip = get32(in + 30),
			.src_port = get16(in + 34),
			.dst_port = get16(in + 36),
			.seq = get32(in + 38),
			.mss = -1,
			.wscale = -1,
			.ts_val = -1,
		};
		uint8_t frame[1514];
		struct rx_frame fr = { .data = frame };

		fr.len = (uint32_t)host_icmp_build(frame, 3, 4, MTU, &q);
		icmp_input(card.f, &fr, fr.len - 14);
	}
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		if (*p++ != down_byte(client[n].down++))
			client[n].wrong = true;
}

static void on_event(const struct fantail_event *ev)
{
	struct client *c;

	cr_assert_neq(ev->type, FANTAIL_EVENT_REFUSED);
	if (!ev->conn)
		return;
	c = &client[card_peer_of(&card, ev->conn)];
	if (ev->type == FANTAIL_EVENT_ACCEPT) {
		c->conn = ev->conn;
		accepted++;
	} else if (ev->type == FANTAIL_EVENT_CONN) {
		cr_assert_eq(ev->u.conn.events &
				     (FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT |
				      FANTAIL_EV_OVERRUN),
			     0);
		closed += !!(ev->u.conn.events & FANTAIL_EV_CLOSED);
	}
}

static void open_all(void)
{
	card_init(&card, PEERS, on_event);
	card.peers.connects_per_ms = 0; /* all at once */
	card.peers.on_data = on_data;
	card.peers.delay_us = 2000;
	card.net.link = path;
	card.options.qp.slot_count = 64;
	card.backlog = BACKLOG;
	card.each_turn = say_too_big;
	card.wait_us = 1000;
	card_open(&card);
}

static bool all_accepted(void)
{
	return accepted == PEERS;
}

static bool all_delivered(void)
{
	int i;

	for (i = 0; i < PEERS; i++)
		if (client[i].down < PAYLOAD)
			return false;
	return true;
}

static bool all_closed(void)
{
	return closed == PEERS;
}

static bool all_released(void)
{
	struct fantail_stats s;

	fantail_stats(card.f, &s);
	return !s.open;
}

static bool peers_closed(void)
{
	struct fantail_peer_info info;
	struct fantail_peers *peers;
	bool all = true;
	uint32_t i;

	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++) {
		fantail_peer_get_info(peers, i, &info);
		all = all && info.state == FANTAIL_PEER_CLOSED;
	}
	card_unlock(&card);
	return all;
}

/* One payload to all; the path lets none of its first segments through. */
static void send_over_small_mtu(void)
{
	struct fantail_stats s;
	void *room;
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(card.group, client[i].conn), 0);
	mtu = MTU;
	cr_assert_eq(fantail_arena_reserve(card.f, PAYLOAD, &room), 0);
	for (i = 0; i < PAYLOAD; i++)
		((uint8_t *)room)[i] = down_byte(i);
	cr_assert_eq(fantail_publish(card.f, fantail_to_group(card.group), room,
				     PAYLOAD, 1),
		     0);
	cr_assert_eq(fantail_submit(card.f), 1);
	card_run_until(&card, all_delivered);
	for (i = 0; i < PEERS; i++) {
		cr_assert_eq(client[i].wrong, false);
		cr_assert_eq(client[i].down, PAYLOAD);
		cr_assert_eq(client[i].conn->mss, MSS);
		cr_assert_eq(fantail_group_leave(card.group, client[i].conn),
			     0);
	}
	cr_assert_eq(fantail_group_destroy(card.group), 0);
	fantail_stats(card.f, &s);
	cr_assert_eq(s.icmp_mss_lowered, PEERS);
	cr_assert_eq(largest, MSS, "smaller, and full");
	cr_assert_geq(too_big, PEERS);
	/* what was in flight at the time, and no more */
	cr_assert_leq(too_big, PEERS * (PAYLOAD / 1448 + 1));
}

/* We first; the peers' FINs are never acknowledged before we have forgotten. */
static void close_with_lost_acks(void)
{
	struct fantail_peers *peers;
	struct fantail_stats s;
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		fantail_close_conn(client[i].conn);
	fantail_submit(card.f);
	cr_assert_geq(fantail_wait(card.f, 50000), 0);
	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_peer_shutdown(peers, i), 0);
	card_unlock(&card);
	lose_acks = true;
	card_run_until(&card, all_closed);
	for (i = 0; i < PEERS; i++)
		fantail_release_conn(client[i].conn);
	card_run_until(&card, all_released);
	cr_assert_geq(acks_lost, PEERS);
	cr_assert_not(peers_closed());
	lose_acks = false;
	card_run_until(&card, peers_closed);
	fantail_stats(card.f, &s);
	cr_assert_eq(s.time_wait_entered, PEERS);
	cr_assert_eq(s.time_wait, PEERS);
	cr_assert_geq(s.time_wait_acks, PEERS);
	cr_assert_eq(s.challenges, 0, "each was the FIN we expected");
	cr_assert_eq(s.rst_sent, 0);
}

Test(path, cookies_small_mtu_and_time_wait)
{
	struct fantail_stats s;

	open_all();
	card_run_until(&card, all_accepted);
	fantail_stats(card.f, &s);
	cr_assert_geq(s.cookies_accepted, PEERS - BACKLOG - 2);
	cr_assert_eq(s.cookies_bad, 0);
	cr_assert_eq(s.syn_dropped, 0);
	send_over_small_mtu();
	close_with_lost_acks();
	card_close(&card);
}
