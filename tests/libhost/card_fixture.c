/* SPDX-License-Identifier: Apache-2.0 */
#include "card_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void card_init(struct card *c, uint32_t peers,
	       void (*on_event)(const struct fantail_event *ev))
{
	memset(c, 0, sizeof(*c));
	fantail_peers_config_default(&c->peers);
	c->peers.count = peers;
	c->peers.first_ip = CARD_PEER_IP;
	fantail_net_config_default(&c->net);
	c->net.card_ip = CARD_IP;
	c->net.card_port = CARD_PORT;
	memcpy(c->options.mac, c->net.card_mac, 6);
	c->options.ip = CARD_IP;
	c->options.prefix_len = 16;
	c->network = "peers:";
	c->wait_us = 10000;
	c->patience_us = 20000000;
	c->on_event = on_event;
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level <= FANTAIL_SIM_WARN)
		fprintf(stderr, "card: %s\n", msg);
}

void card_open_device(struct card *c)
{
	struct fantail_dev_options opt = { 0 };
	struct fantail_sim_config cfg;

	c->net.peers = &c->peers;
	fantail_sim_config_init(&cfg);
	cfg.network = c->network;
	cfg.net = &c->net;
	cfg.log = on_log;
	cr_assert_eq(fantail_sim_open(&cfg, &c->sim), 0);
	opt.sim = c->sim;
	cr_assert_eq(fantail_dev_open("sim:", &opt, &c->dev), 0);
}

void card_open(struct card *c)
{
	struct fantail_listener *l;

	card_open_device(c);
	c->options.dev = c->dev;
	cr_assert_eq(fantail_open(&c->options, &c->f), 0);
	if (c->backlog)
		cr_assert_eq(fantail_listen(c->f, CARD_PORT, c->backlog, &l),
			     0);
	cr_assert_eq(fantail_group_create(c->f, &c->group), 0);
}

void card_close(struct card *c)
{
	char why[300];

	fantail_close(c->f);
	fantail_dev_close(c->dev);
	cr_assert_eq(fantail_sim_check(c->sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(c->sim);
}

/* Events handed over. */
static int turn(struct card *c)
{
	struct fantail_event ev[16];
	int n, i;

	if (c->each_turn)
		c->each_turn();
	n = fantail_poll(c->f, ev, 16);
	cr_assert_geq(n, 0, "poll: %d", n);
	for (i = 0; i < n; i++)
		c->on_event(&ev[i]);
	return n;
}

static void rest(struct card *c, int64_t us)
{
	int rc = fantail_wait(c->f, us);

	cr_assert_geq(rc, 0, "wait: %d", rc);
}

void card_run_until(struct card *c, bool (*done)(void))
{
	uint64_t end = fantail_dev_now_us(c->dev) + c->patience_us;

	while (!done()) {
		if (turn(c))
			continue;
		cr_assert_lt(fantail_dev_now_us(c->dev), end, "stuck");
		rest(c, c->wait_us);
	}
}

void card_run_for(struct card *c, uint64_t us)
{
	uint64_t end = fantail_dev_now_us(c->dev) + us, now;
	int n;

	do {
		n = turn(c);
		now = fantail_dev_now_us(c->dev);
		if (!n && now < end)
			rest(c, (int64_t)(end - now));
	} while (n || fantail_dev_now_us(c->dev) < end);
}

struct fantail_peers *card_lock(struct card *c)
{
	fantail_sim_lock(c->sim);
	return fantail_net_peers(fantail_sim_net(c->sim));
}

void card_unlock(struct card *c)
{
	fantail_sim_unlock(c->sim);
}

uint32_t card_peer_of(const struct card *c, const struct fantail_conn *conn)
{
	uint16_t port;
	uint32_t ip;

	fantail_conn_peer(conn, &ip, &port);
	cr_assert_lt(ip - CARD_PEER_IP, c->peers.count, "peer %x", ip);
	return ip - CARD_PEER_IP;
}
