/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Active opens through the engine: the library connects to servers in this
 * process, in virtual time, over a bad link too.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "card_fixture.h"

#define PEERS	 CARD_CLIENTS(24)
#define SERVER	 8000u
#define UP_BYTES 2500u /* each server sends, as soon as it is connected */
#define PAYLOAD	 900u
#define BATCHES	 10u

static struct card card;
static struct server {
	struct fantail_conn *conn;
	uint16_t events;
	uint32_t up, down;
	bool wrong;
} server[PEERS];

static unsigned int connected, failed, closed, batches;
static int last_error;

static uint8_t down_byte(uint32_t at)
{
	return (uint8_t)(at * 29 + at / 241);
}

static uint8_t up_byte(uint32_t n, uint32_t at)
{
	return (uint8_t)(n * 19 + at * 5 + at / 211);
}

static void configure(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->mss = n & 1 ? 1460 : (n & 2 ? 0 : 300);
	o->wscale = n & 4 ? 7 : -1;
	o->timestamps = n & 8;
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	(void)peers;
	while (len--)
		if (*p++ != down_byte(server[n].down++))
			server[n].wrong = true;
}

static void on_peer(void *ctx, struct fantail_peers *peers, uint32_t n,
		    enum fantail_peer_event event)
{
	uint8_t up[UP_BYTES];
	uint32_t i;

	(void)ctx;
	if (event == FANTAIL_PEER_EV_FIN)
		cr_assert_eq(fantail_peer_shutdown(peers, n), 0);
	if (event != FANTAIL_PEER_EV_CONNECTED)
		return;
	for (i = 0; i < UP_BYTES; i++)
		up[i] = up_byte(n, i);
	cr_assert_eq(fantail_peer_send(peers, n, up, UP_BYTES), 0);
}

static void on_event(const struct fantail_event *ev)
{
	struct server *s;
	uint16_t i;

	switch (ev->type) {
	case FANTAIL_EVENT_CONNECT:
		s = ev->u.connect.user;
		if (ev->conn) {
			cr_assert_null(s->conn);
			cr_assert_eq(fantail_conn_user(ev->conn), s);
			s->conn = ev->conn;
			connected++;
		} else {
			last_error = ev->u.connect.error;
			failed++;
		}
		break;
	case FANTAIL_EVENT_CONN:
		s = fantail_conn_user(ev->conn);
		s->events |= ev->u.conn.events;
		closed += !!(ev->u.conn.events & FANTAIL_EV_CLOSED);
		break;
	case FANTAIL_EVENT_DATA:
		s = fantail_conn_user(ev->conn);
		for (i = 0; i < ev->u.data.len; i++)
			cr_assert_eq(ev->u.data.ptr[i],
				     up_byte((uint32_t)(s - server), s->up++));
		cr_assert_eq(fantail_recv_return(card.f, ev->u.data.slot), 0);
		break;
	case FANTAIL_EVENT_BATCH:
		batches++;
		break;
	case FANTAIL_EVENT_SUMMARY:
		break;
	default:
		/* the injection of a segment that came before the install */
		cr_assert_eq(ev->type, FANTAIL_EVENT_REFUSED);
		cr_assert_eq(ev->u.refused.code, FANTAIL_REFUSE_INJECT_MISSED);
		break;
	}
}

static void open_all(const char *network)
{
	card_init(&card, PEERS, on_event);
	card.network = network;
	card.patience_us = 100000000;
	card.peers.connect_at_us = FANTAIL_NET_NEVER;
	card.peers.configure = configure;
	card.peers.on_data = on_data;
	card.peers.on_event = on_peer;
	card.options.qp.slot_count = 256;
	card_open(&card);
}

static bool all_answered(void)
{
	return connected + failed == PEERS;
}

static bool one_connected(void)
{
	return connected == 1;
}

static bool one_failed(void)
{
	return failed == 1;
}

static bool all_moved(void)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		if (server[i].up < UP_BYTES ||
		    server[i].down < PAYLOAD * BATCHES)
			return false;
	return batches == BATCHES;
}

static bool all_closed(void)
{
	return closed == PEERS;
}

static void listen_all(void)
{
	struct fantail_peers *peers;
	uint32_t i;

	peers = card_lock(&card);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(
			fantail_peer_listen(peers, i, (uint16_t)(SERVER + i)),
			0);
	card_unlock(&card);
}

static void publish_all(void)
{
	uint32_t at = 0, b, i;
	uint8_t *p;
	void *room;

	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(card.group, server[i].conn), 0);
	for (b = 0; b < BATCHES; b++) {
		cr_assert_eq(fantail_arena_reserve(card.f, PAYLOAD, &room), 0);
		p = room;
		for (i = 0; i < PAYLOAD; i++)
			p[i] = down_byte(at++);
		cr_assert_eq(fantail_publish(card.f,
					     fantail_to_group(card.group), p,
					     PAYLOAD, b),
			     0);
		cr_assert_eq(fantail_submit(card.f), 1);
	}
}

/* Connect, both ways, close: all of it over @network. */
static void whole_lives(const char *network)
{
	struct fantail_stats s;
	uint32_t i;

	open_all(network);
	listen_all();
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_connect(card.f, CARD_PEER_IP + i,
					     (uint16_t)(SERVER + i), 0,
					     &server[i]),
			     0);
	card_run_until(&card, all_answered);
	cr_assert_eq(connected, PEERS);
	publish_all();
	card_run_until(&card, all_moved);
	for (i = 0; i < PEERS; i++) {
		cr_assert_not(server[i].wrong, "server %u", i);
		cr_assert_eq(server[i].down, PAYLOAD * BATCHES);
		cr_assert_eq(server[i].up, UP_BYTES);
		cr_assert_eq(fantail_close_conn(server[i].conn), 0);
	}
	cr_assert_geq(fantail_submit(card.f), 0);
	card_run_until(&card, all_closed);
	for (i = 0; i < PEERS; i++)
		fantail_release_conn(server[i].conn);
	fantail_stats(card.f, &s);
	cr_assert_eq(s.connects, PEERS);
	cr_assert_eq(s.connected, PEERS);
	cr_assert_eq(s.connect_failures, 0);
	cr_assert_eq(s.accepted, 0);
	if (!strchr(network, '?'))
		cr_assert_eq(s.syn_retransmits, 0);
	card_close(&card);
}

Test(dial, whole_lives)
{
	whole_lives("peers:");
}

/* SYN, SYN-ACK and the ACK get lost here, and all the rest. */
Test(dial, over_a_bad_link)
{
	whole_lives("peers:?loss=8%&dup=2%&reorder=2%&delay=5ms");
}

Test(dial, nobody_listens)
{
	open_all("peers:");
	cr_assert_eq(
		fantail_connect(card.f, CARD_PEER_IP, SERVER, 0, &server[0]),
		0);
	card_run_until(&card, one_failed);
	cr_assert_eq(last_error, -ECONNREFUSED);
	card_close(&card);
}

static uint8_t state_of(uint32_t n)
{
	struct fantail_peer_info info;

	cr_assert_eq(fantail_peer_get_info(card_lock(&card), n, &info), 0);
	card_unlock(&card);
	return info.state;
}

static bool server_has_answered(void)
{
	return state_of(0) == FANTAIL_PEER_SYN_RECEIVED;
}

static bool server_listens(void)
{
	return state_of(0) == FANTAIL_PEER_LISTENING;
}

/* Its SYN-ACK is on its way: it meets a RST, and the server listens on. */
Test(dial, cancelled)
{
	struct fantail_stats s;

	open_all("peers:?delay=20ms");
	listen_all();
	cr_assert_eq(
		fantail_connect(card.f, CARD_PEER_IP, SERVER, 0, &server[0]),
		0);
	card_run_until(&card, server_has_answered);
	cr_assert_eq(fantail_connect_cancel(card.f, &server[0]), 1);
	card_run_until(&card, server_listens);
	cr_assert_eq(connected + failed, 0);
	fantail_stats(card.f, &s);
	cr_assert_eq(s.rst_sent, 1);
	cr_assert_eq(s.connects_cancelled, 1);
	cr_assert_eq(s.handshakes, 0);
	/* and it can be had after all */
	cr_assert_eq(
		fantail_connect(card.f, CARD_PEER_IP, SERVER, 0, &server[0]),
		0);
	card_run_until(&card, one_connected);
	card_close(&card);
}
