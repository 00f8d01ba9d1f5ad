/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library through the engine to TCP peers in this process, in virtual
 * time: handshakes with every mix of options, data both ways, both orders of
 * closing, ids used again.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "card_fixture.h"

#define PEERS	 CARD_CLIENTS(32)
#define ROUNDS	 4
#define UP_BYTES 3000 /* each peer sends, right behind its handshake */
#define BATCHES	 40
#define BURST	 5 /* batches until all is delivered */
#define PAYLOAD	 700

static struct card card;
static struct client {
	struct fantail_conn *conn;
	uint16_t events;
	uint32_t up;   /* bytes received from it */
	uint32_t down; /* bytes it has received */
	bool wrong;    /* a byte was not what was sent */
} client[PEERS];

static unsigned int accepted, closed, batches, published, refused;

/* Byte @at of the stream to everybody, and of peer @n's stream to us. */
static uint8_t down_byte(uint32_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

static uint8_t up_byte(uint32_t n, uint32_t at)
{
	return (uint8_t)(n * 17 + at * 3 + at / 200);
}

/* All that a client may offer or leave out. */
static void configure(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	(void)ctx;
	o->mss = n & 1 ? 1460 : (n & 2 ? 0 : 300);
	o->wscale = n & 4 ? 7 : -1;
	o->timestamps = n & 8;
	o->sack_permitted = n & 16;
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

static void on_conn_event(const struct fantail_event *ev)
{
	uint32_t n = card_peer_of(&card, ev->conn);
	struct client *c = &client[n];
	uint16_t i;

	if (ev->type == FANTAIL_EVENT_ACCEPT) {
		cr_assert_null(c->conn);
		c->conn = ev->conn;
		accepted++;
		return;
	}
	cr_assert_eq(c->conn, ev->conn);
	if (ev->type == FANTAIL_EVENT_CONN) {
		c->events |= ev->u.conn.events;
		closed += !!(ev->u.conn.events & FANTAIL_EV_CLOSED);
	} else {
		for (i = 0; i < ev->u.data.len; i++)
			cr_assert_eq(ev->u.data.ptr[i], up_byte(n, c->up++));
		cr_assert_eq(fantail_recv_return(card.f, ev->u.data.slot), 0);
	}
}

static void on_event(const struct fantail_event *ev)
{
	if (ev->conn)
		on_conn_event(ev);
	else if (ev->type == FANTAIL_EVENT_BATCH)
		batches++;
	else if (ev->type != FANTAIL_EVENT_SUMMARY)
		refused++;
}

static void open_all(void)
{
	card_init(&card, PEERS, on_event);
	card.peers.connect_at_us = FANTAIL_NET_NEVER;
	card.peers.configure = configure;
	card.peers.on_data = on_data;
	card.options.qp.slot_count = 64;
	card.backlog = PEERS;
	card_open(&card);
}

static bool all_accepted(void)
{
	return accepted == PEERS;
}

static bool all_received(void)
{
	int i;

	for (i = 0; i < PEERS; i++)
		if (client[i].up < UP_BYTES)
			return false;
	return true;
}

static bool all_delivered(void)
{
	int i;

	for (i = 0; i < PEERS; i++)
		if (client[i].down < published * PAYLOAD * 3)
			return false;
	return batches == published;
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

/* Each connects and has data queued already: some rides on the last ACK. */
static void connect_all(void)
{
	struct fantail_peers *peers;
	uint8_t up[UP_BYTES];
	uint32_t n, i;

	peers = card_lock(&card);
	for (n = 0; n < PEERS; n++) {
		for (i = 0; i < UP_BYTES; i++)
			up[i] = up_byte(n, i);
		cr_assert_eq(fantail_peer_connect(peers, n, 0), 0);
		cr_assert_eq(fantail_peer_send(peers, n, up, UP_BYTES), 0);
	}
	card_unlock(&card);
}

/* To everybody, in one of three ways; returns the payloads it takes. */
static int publish_one(uint32_t batch, uint32_t k, const void *p)
{
	uint32_t half[2][PEERS], count[2] = { 0 }, i;

	if (k != 1) {
		cr_assert_eq(fantail_publish(card.f,
					     fantail_to_group(card.group), p,
					     PAYLOAD, batch),
			     0);
		return 1;
	}
	for (i = 0; i < PEERS; i++) {
		uint32_t which = i >> batch % (PEERS > 16 ? 5 : 4) & 1;

		half[which][count[which]++] =
			fantail_conn_handle(client[i].conn);
	}
	for (i = 0; i < 2; i++)
		cr_assert_eq(fantail_publish(card.f,
					     fantail_to_list(half[i], count[i]),
					     p, PAYLOAD, batch),
			     0);
	memset(half, 0xFF, sizeof(half));
	return 2;
}

static void publish_all(void)
{
	uint32_t at = 0, b, k, i;
	uint8_t *p;
	void *room;
	int rc, n;

	for (i = 0; i < PEERS; i++)
		cr_assert_eq(fantail_group_join(card.group, client[i].conn), 0);
	for (b = 0; b < BATCHES; b++) {
		for (k = 0, n = 0; k < 3; k++) {
			rc = fantail_arena_reserve(card.f, PAYLOAD, &room);
			cr_assert_eq(rc, 0);
			p = room;
			for (i = 0; i < PAYLOAD; i++)
				p[i] = down_byte(at++);
			n += publish_one(b, k, p);
		}
		cr_assert_eq(fantail_submit(card.f), n);
		published++;
		/* the small engine aborts who lags a quarter of 64 KiB */
		if (published % BURST == 0)
			card_run_until(&card, all_delivered);
	}
	card_run_until(&card, all_delivered);
	for (i = 0; i < PEERS; i++) {
		cr_assert_eq(client[i].wrong, false, "peer %u", i);
		cr_assert_eq(client[i].down, BATCHES * PAYLOAD * 3);
	}
}

/* Half of the peers first, then we; the others the other way round. */
static void close_both_ways(void)
{
	struct fantail_peers *peers;
	uint32_t n;

	peers = card_lock(&card);
	for (n = 0; n < PEERS; n += 2)
		cr_assert_eq(fantail_peer_shutdown(peers, n), 0);
	card_unlock(&card);
	for (n = 0; n < PEERS; n++)
		cr_assert_eq(fantail_close_conn(client[n].conn), 0);
	fantail_submit(card.f);
	cr_assert_geq(fantail_wait(card.f, 100000), 0);
	card_lock(&card);
	for (n = 1; n < PEERS; n += 2)
		cr_assert_eq(fantail_peer_shutdown(peers, n), 0);
	card_unlock(&card);
	card_run_until(&card, all_closed);
	for (n = 0; n < PEERS; n++) {
		cr_assert(client[n].events & FANTAIL_EV_PEER_FIN);
		cr_assert_eq(client[n].events &
				     (FANTAIL_EV_RESET | FANTAIL_EV_TIMED_OUT |
				      FANTAIL_EV_OVERRUN),
			     0);
		fantail_release_conn(client[n].conn);
	}
	card_run_until(&card, all_released);
}

Test(peers, whole_lives)
{
	struct fantail_stats s;
	uint64_t doorbells;
	int round;

	open_all();
	for (round = 0; round < ROUNDS; round++) {
		memset(client, 0, sizeof(client));
		accepted = closed = batches = published = 0;
		connect_all();
		card_run_until(&card, all_accepted);
		card_run_until(&card, all_received);
		publish_all();
		close_both_ways();
	}
	fantail_stats(card.f, &s);
	cr_assert_eq(s.accepted, PEERS * ROUNDS);
	cr_assert_eq(s.released, PEERS * ROUNDS);
	cr_assert_eq(s.batches, BATCHES * ROUNDS);
	cr_assert_eq(s.batches_done, BATCHES * ROUNDS);
	cr_assert_eq(s.lists, 2 * BATCHES * ROUNDS);
	cr_assert_eq(s.part_doorbells, 0);
	cr_assert_eq(s.data_bytes, UP_BYTES * PEERS * ROUNDS);
	cr_assert_gt(s.injects, 0, "nothing came before its install");
	cr_assert_eq(s.rst_sent, 0);
	cr_assert_eq(s.install_refused, 0);
	cr_assert_eq(refused + s.refused - s.inject_missed, 0);
	cr_assert_eq(fantail_qp_counter(fantail_queue_pair(card.f),
					FANTAIL_QPCNT_DATA_DOORBELLS,
					&doorbells),
		     0);
	cr_assert_eq(doorbells, s.batches + s.plain_doorbells);
	/* Everything came back. */
	cr_assert_eq(fantail_group_destroy(card.group), 0);
	cr_assert_geq(fantail_wait(card.f, 0), 0);
	cr_assert_eq(fantail_slots_held(fantail_queue_pair(card.f)), 0);
	card_close(&card);
}
