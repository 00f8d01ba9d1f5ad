/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The race between a handshake and its install: frames of the peer before it,
 * at any cycle of it and behind it. Each is found by the card or comes up and
 * is injected; none is lost, none is answered with a reset. The peer is played
 * by hand, the library and the engine are real.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fantail.h"
#include "fantail_sim.h"
#include "host_fixture.h"
#include "net.h"

#define IRS	  5000u /* first sequence number of the peer */
#define DATA	  "ten bytes."
#define LEN	  10u
#define REPEAT_US 300000u
#define BEFORE	  (-1) /* in one go with the last ACK */
#define COARSE	  24   /* cycles */
#define LAST	  960  /* cycles behind the doorbell: all is long done */

enum kind {
	DATA_ALONE,
	DATA_FIN,
	FIN_ALONE,
	SYN_THEN_DATA, /* that of the handshake, late */
	ACK_THEN_DATA,
	DATA_TWICE,
	TWO_SEGMENTS,
	KINDS,
};

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail *f;

/* What the card says to the peer under test. */
static uint16_t port = 2000;
static uint32_t iss, acked, resets;
static bool have_synack;

/* What the application has. */
static struct fantail_conn *conn;
static uint32_t got;
static uint16_t events;

static uint32_t get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void on_frame(void *ctx, const uint8_t *frame, size_t len,
		     uint64_t now_us)
{
	const uint8_t *tcp = frame + 34;
	uint8_t flags = frame[47];

	(void)ctx;
	(void)now_us;
	if (len < 54 || frame[12] != 8 || frame[13] || frame[23] != 6)
		return;
	if (tcp[2] * 256 + tcp[3] != port)
		return;
	resets += flags >> 2 & 1;
	if ((flags & (HOST_SYN | HOST_ACK)) == (HOST_SYN | HOST_ACK)) {
		have_synack = true;
		iss = get(tcp + 4);
	} else if (flags & HOST_ACK) {
		acked = get(tcp + 8);
	}
}

static void send_frame(uint8_t flags, uint32_t at, const char *data)
{
	struct host_seg s = {
		.src_ip = HOST_PEER,
		.dst_ip = HOST_IP,
		.src_port = port,
		.dst_port = HOST_PORT,
		.seq = IRS + at,
		.ack = flags & HOST_ACK ? iss + 1 : 0,
		.flags = flags,
		.wnd = 65535,
		.mss = flags & HOST_SYN ? 1460 : -1,
		.wscale = -1,
		.ts_val = -1,
		.data = data,
	};
	uint8_t frame[1514];
	size_t len = host_build(&s, frame);

	fantail_sim_lock(sim);
	cr_assert_eq(fantail_net_inject(fantail_sim_net(sim), frame, len, 0),
		     0);
	fantail_sim_unlock(sim);
}

/* What the peer sends in the race, and again when it is not acknowledged. */
static uint32_t send_kind(enum kind kind, bool again)
{
	switch (kind) {
	case DATA_ALONE:
		send_frame(HOST_ACK, 1, DATA);
		return LEN;
	case DATA_FIN:
		send_frame(HOST_ACK | HOST_FIN, 1, DATA);
		return LEN + 1;
	case FIN_ALONE:
		send_frame(HOST_ACK | HOST_FIN, 1, NULL);
		return 1;
	case SYN_THEN_DATA:
		if (!again)
			send_frame(HOST_SYN, 0, NULL);
		send_frame(HOST_ACK, 1, DATA);
		return LEN;
	case ACK_THEN_DATA:
		if (!again)
			send_frame(HOST_ACK, 1, NULL);
		send_frame(HOST_ACK, 1, DATA);
		return LEN;
	case DATA_TWICE:
		send_frame(HOST_ACK, 1, DATA);
		if (!again)
			send_frame(HOST_ACK, 1, DATA);
		return LEN;
	default:
		send_frame(HOST_ACK, 1, DATA);
		send_frame(HOST_ACK | HOST_FIN, 1 + LEN, DATA);
		return 2 * LEN + 1;
	}
}

static void take(const struct fantail_event *ev)
{
	uint16_t i;

	switch (ev->type) {
	case FANTAIL_EVENT_ACCEPT:
		cr_assert_null(conn, "accepted twice");
		conn = ev->conn;
		break;
	case FANTAIL_EVENT_CONN:
		cr_assert_eq(ev->conn, conn);
		events |= ev->u.conn.events;
		break;
	case FANTAIL_EVENT_DATA:
		cr_assert_eq(ev->conn, conn, "data before ACCEPT");
		for (i = 0; i < ev->u.data.len; i++)
			cr_assert_eq(ev->u.data.ptr[i], DATA[got++ % LEN]);
		cr_assert_eq(fantail_recv_return(f, ev->u.data.slot), 0);
		break;
	default:
		break;
	}
}

static int poll_once(void)
{
	struct fantail_event ev[16];
	int n = fantail_poll(f, ev, 16), i;

	cr_assert_geq(n, 0, "poll: %d", n);
	for (i = 0; i < n; i++)
		take(&ev[i]);
	return n;
}

/* As the driver counts them: to look costs no cycle. */
static uint64_t control_doorbells(void)
{
	struct fantail_doorbells d;

	fantail_qp_doorbells(fantail_queue_pair(f), &d);
	return d.control;
}

static void step(void)
{
	if (!poll_once())
		cr_assert_geq(fantail_wait(f, 100), 0);
}

/* A handshake up to the doorbell of its install; @kind may come before. */
static void shake(enum kind kind, bool before)
{
	uint64_t rung;
	uint32_t k;

	port++;
	conn = NULL;
	got = acked = 0;
	events = 0;
	have_synack = false;
	send_frame(HOST_SYN, 0, NULL);
	for (k = 0; !have_synack; k++) {
		cr_assert_lt(k, 100, "no SYN-ACK");
		step();
	}
	/* slots go back first */
	while (poll_once())
		;
	cr_assert_geq(fantail_wait(f, 50), 0);
	rung = control_doorbells();
	send_frame(HOST_ACK, 1, NULL);
	if (before)
		send_kind(kind, false);
	for (k = 0;; k++) {
		cr_assert_lt(k, 100, "no install");
		poll_once();
		if (control_doorbells() != rung)
			break;
		cr_assert_geq(fantail_wait(f, 100), 0);
	}
}

static uint64_t injects(void)
{
	struct fantail_stats s;

	fantail_stats(f, &s);
	cr_assert_eq(s.inject_missed, 0, "an injected frame found nobody");
	cr_assert_eq(s.rst_sent, 0);
	return s.injects;
}

/*
 * One life, @kind @cycles behind the doorbell of the install. Returns whether
 * a frame had to be injected.
 */
static bool race(enum kind kind, int cycles)
{
	bool fin = kind == DATA_FIN || kind == FIN_ALONE ||
		   kind == TWO_SEGMENTS;
	uint64_t injected = injects(), next;
	uint32_t bytes, end, again = 0;

	shake(kind, cycles == BEFORE);
	if (cycles != BEFORE) {
		if (cycles)
			cr_assert_eq(fantail_sim_run(sim, (uint64_t)cycles), 0);
		end = send_kind(kind, false);
	} else {
		end = kind == TWO_SEGMENTS ? 2 * LEN + 1
		      : kind == FIN_ALONE  ? 1
					   : LEN + fin;
	}
	bytes = end - fin;
	next = fantail_sim_now_us(sim) + REPEAT_US;
	while (!conn || got < bytes || acked != IRS + 1 + end ||
	       (fin && !(events & FANTAIL_EV_PEER_FIN))) {
		if (fantail_sim_now_us(sim) >= next) {
			cr_assert_lt(++again, 4, "kind %d at %d is stuck", kind,
				     cycles);
			(void)send_kind(kind, true);
			next += REPEAT_US;
		}
		step();
	}
	/* Only what overtakes another segment may have to be sent again. */
	cr_assert(!again || kind == TWO_SEGMENTS,
		  "kind %d at %d cycles was lost", kind, cycles);
	cr_assert_eq(got, bytes);
	cr_assert_eq(events & ~FANTAIL_EV_PEER_FIN, 0);
	cr_assert_eq(resets, 0, "kind %d at %d cycles: reset", kind, cycles);
	injected = injects() - injected;
	/* the end of it, by a reset of the peer's */
	send_frame(HOST_RST | HOST_ACK, 1 + end, NULL);
	next = fantail_sim_now_us(sim) + REPEAT_US;
	while (!(events & FANTAIL_EV_RESET)) {
		cr_assert_lt(fantail_sim_now_us(sim), next);
		step();
	}
	fantail_release_conn(conn);
	step();
	cr_assert_eq(resets, 0);
	return injected;
}

static void open_all(void)
{
	static const uint8_t key[16] = "hash of the test";
	struct fantail_dev_options dev_opt = { .hash_key = key };
	struct fantail_options opt = { 0 };
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_listener *l;

	fantail_net_config_default(&net);
	net.card_ip = HOST_IP;
	net.frame = on_frame;
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	cfg.net = &net;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
	dev_opt.sim = sim;
	cr_assert_eq(fantail_dev_open("sim:", &dev_opt, &dev), 0);
	opt.dev = dev;
	memcpy(opt.mac, host_mac, 6);
	opt.ip = HOST_IP;
	opt.prefix_len = 24;
	opt.qp.mod_us = 1;
	opt.qp.mod_count = 1;
	cr_assert_eq(fantail_open(&opt, &f), 0);
	cr_assert_eq(fantail_listen(f, HOST_PORT, 4, &l), 0);
}

static void close_all(void)
{
	uint64_t sent;
	char why[300];

	cr_assert_eq(fantail_dev_counter(dev, FANTAIL_CNT_TX_RESETS, &sent), 0);
	cr_assert_eq(sent, 0);
	fantail_close(f);
	fantail_dev_close(dev);
	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(sim);
}

/* First in coarse steps, then cycle by cycle where the card gets to know. */
static void sweep(enum kind kind)
{
	int at, known = 0, lives = 1;

	open_all();
	cr_assert(race(kind, BEFORE), "in front of the install");
	for (at = 0; at <= LAST; at += COARSE, lives++)
		if (race(kind, at))
			known = at + COARSE;
	/* at first every frame comes up, at last the card takes all */
	cr_assert_gt(known, COARSE);
	cr_assert_leq(known, LAST);
	for (at = known - 2 * COARSE; at <= known + COARSE; at++, lives++)
		race(kind, at);
	fprintf(stderr, "# kind %d: %d lives, known from %d cycles on\n", kind,
		lives, known);
	close_all();
}

Test(inject, data)
{
	sweep(DATA_ALONE);
}

Test(inject, data_with_fin)
{
	sweep(DATA_FIN);
}

Test(inject, fin)
{
	sweep(FIN_ALONE);
}

Test(inject, the_syn_again)
{
	sweep(SYN_THEN_DATA);
}

Test(inject, the_last_ack_again)
{
	sweep(ACK_THEN_DATA);
}

Test(inject, data_twice)
{
	sweep(DATA_TWICE);
}

Test(inject, two_segments)
{
	sweep(TWO_SEGMENTS);
}
