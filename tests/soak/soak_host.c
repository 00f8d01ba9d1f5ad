/* SPDX-License-Identifier: Apache-2.0 */
/* The soak's application: what it opens, publishes and is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

enum {
	BATCHES_MAX = 4, /* under way */
	SLOTS = 128,
	BACKLOG = 48, /* beyond it: SYN cookies */
};

/* ----------------------------------------------------------------- network */
static struct soak_life *own_life(const struct soak *s, uint32_t peer)
{
	struct soak_life *l = s->life[peer];

	return l && l->own && !l->left ? l : NULL;
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t peer,
		    const void *bytes, size_t len)
{
	struct soak *s = ctx;
	struct soak_life *l = own_life(s, peer);
	const uint8_t *p = bytes;

	(void)peers;
	s->res.bytes_down += len;
	if (!l)
		return;
	l->got += len;
	while (len) {
		struct soak_piece *piece = &l->piece[l->next_piece];
		size_t n;

		if (l->next_piece >= l->pieces) {
			l->wrong = true;
			return;
		}
		n = piece->len - l->next_off;
		if (n > len)
			n = len;
		if (memcmp(p, s->table + piece->at + l->next_off, n))
			l->wrong = true;
		p += n;
		len -= n;
		l->next_off += (uint32_t)n;
		if (l->next_off == piece->len) {
			l->next_off = 0;
			l->next_piece++;
		}
	}
}

static void on_event(void *ctx, struct fantail_peers *peers, uint32_t peer,
		     enum fantail_peer_event event)
{
	struct soak *s = ctx;
	struct soak_life *l = own_life(s, peer);
	struct fantail_peer_info info;

	(void)ctx;
	if (!l)
		return;
	switch (event) {
	case FANTAIL_PEER_EV_CONNECTED:
		l->peer_up = true;
		fantail_peer_get_info(peers, peer, &info);
		l->port = info.port;
		break;
	case FANTAIL_PEER_EV_FIN:
		l->peer_fin = true;
		break;
	case FANTAIL_PEER_EV_RESET:
		s->res.resets_seen++;
		l->peer_gone = true;
		break;
	default:
		l->peer_gone = true;
		break;
	}
}

static void on_frame(void *ctx, bool to_card, const uint8_t *frame, size_t len,
		     uint64_t now_us, struct fantail_net_fate *fate)
{
	struct soak *s = ctx;

	if (to_card && s->deaf)
		fate->copies = 0;
	frame_ring_add(s->ring, frame, len, now_us);
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	struct soak *s = ctx;

	if (level == FANTAIL_SIM_ERROR)
		soak_fail(s, "%s", msg);
}

/* All that a client may offer or leave out. */
static void configure(void *ctx, uint32_t n, struct fantail_peer_options *o)
{
	static const uint16_t mss[] = { 1460, 1460, 536, 0, 1000, 88 };

	(void)ctx;
	o->mss = mss[n % 6];
	o->wscale = n & 1 ? 7 : -1;
	o->timestamps = n & 2;
	o->sack_permitted = n & 4;
	o->ack_every = (uint8_t)(1 + n % 3);
	o->buffer = n % 7 ? 65535 : 4000;
}

static bool open_sim(struct soak *s)
{
	static const struct fantail_link_way bad = {
		.loss_ppm = 10000,
		.dup_ppm = 5000,
		.reorder_ppm = 5000,
		.corrupt_ppm = 2000,
		.delay_us = 500,
		.jitter_us = 500,
	};
	struct fantail_link_config link = { .way = { bad, bad } };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = s->opt.peers;
	peers.first_ip = SOAK_FIRST_IP;
	peers.connect_at_us = FANTAIL_NET_NEVER;
	peers.configure = configure;
	peers.on_data = on_data;
	peers.on_event = on_event;
	peers.ctx = s;
	net.card_ip = SOAK_CARD_IP;
	net.card_port = SOAK_PORT;
	net.peers = &peers;
	net.model = &link;
	net.link = on_frame;
	net.link_ctx = s;
	fantail_sim_config_init(&cfg);
	cfg.network = "peers:";
	cfg.net = &net;
	cfg.seed = s->opt.seed;
	cfg.pcap = s->opt.record;
	cfg.log = on_log;
	cfg.log_ctx = s;
	return !fantail_sim_open(&cfg, &s->sim);
}

static bool open_library(struct soak *s)
{
	static const uint8_t key[16] = "hash of the soak";
	struct fantail_options opt = { 0 };
	struct fantail_net_config net;

	fantail_net_config_default(&net);
	opt.dev = s->dev;
	memcpy(opt.mac, net.card_mac, 6);
	opt.ip = SOAK_CARD_IP;
	opt.prefix_len = 16;
	opt.qp.slot_count = SLOTS;
	opt.qp.mod_us = FANTAIL_MOD_US_DEFAULT;
	opt.isn_key = key;
	opt.give_up_ms = 30000;
	opt.arena_bytes = 1u << 20;
	return !fantail_open(&opt, &s->f);
}

void soak_open_card(struct soak *s)
{
	static const uint8_t key[16] = "flow table's key";
	struct fantail_dev_options opt = { .hash_key = key };

	if (!open_sim(s)) {
		soak_fail(s, "cannot open the simulator");
		return;
	}
	opt.sim = s->sim;
	if (fantail_dev_open("sim:", &opt, &s->dev))
		soak_fail(s, "cannot open the card");
}

void soak_open_library(struct soak *s)
{
	if (!open_library(s))
		soak_fail(s, "cannot open the library");
}

void soak_use_library(struct soak *s)
{
	int i;

	if (fantail_listen(s->f, SOAK_PORT, BACKLOG, &s->listener))
		soak_fail(s, "cannot listen");
	for (i = 0; i <= SOAK_GROUPS; i++)
		if (fantail_group_create(s->f, &s->group[i]))
			soak_fail(s, "cannot create a group");
}

void soak_close_library(struct soak *s)
{
	fantail_close(s->f);
	s->f = NULL;
}

void soak_close_card(struct soak *s)
{
	fantail_dev_close(s->dev);
	fantail_sim_close(s->sim);
	s->dev = NULL;
	s->sim = NULL;
}

/* ------------------------------------------------------------- publication */
static bool expect(struct soak_life *l, uint32_t at, uint32_t len)
{
	if (l->pieces == l->room) {
		uint32_t room = l->room ? 2 * l->room : 64;
		struct soak_piece *p;

		p = realloc(l->piece, room * sizeof(*p));
		if (!p)
			return false;
		l->piece = p;
		l->room = room;
	}
	l->piece[l->pieces++] = (struct soak_piece){ at, len };
	l->sent += len;
	return true;
}

static bool listens(const struct soak_life *l)
{
	return l->accepted && !l->closed && !l->dead && !l->done;
}

/* Abort and release do not wait for what is published, nor it for them. */
static bool may_hear(const struct soak_life *l)
{
	return l->accepted && !l->dead && (l->cut_off || !l->closed);
}

/* To one life, or to those in a group. */
void soak_publish(struct soak *s, struct soak_life *to, uint32_t group,
		  uint32_t len)
{
	uint32_t at = soak_below(s, SOAK_TABLE), i;
	struct fantail_target target;
	struct soak_life *l;
	int rc;

	if (to && !listens(to))
		return;
	target = to ? fantail_to_conn(to->conn)
		    : fantail_to_group(s->group[group]);
	rc = fantail_publish_copy(s->f, target, s->table + at, len,
				  s->res.payloads);
	if (rc) {
		soak_fail(s, "publish: %s", strerror(-rc));
		return;
	}
	s->res.payloads++;
	if (to) {
		expect(to, at, len);
		return;
	}
	for (i = 0; i < s->opt.peers; i++)
		for (l = s->life[i]; l; l = l->next)
			if (may_hear(l) && l->groups >> group & 1)
				expect(l, at, len);
}

void soak_submit(struct soak *s)
{
	int rc = fantail_submit(s->f);

	if (rc < 0)
		soak_fail(s, "submit: %s", strerror(-rc));
	if (rc <= 0)
		return;
	s->batches_open++;
	s->res.batches++;
}

static struct soak_life *some_life(struct soak *s)
{
	uint32_t i = soak_below(s, s->opt.peers), n;

	for (n = 0; n < s->opt.peers; n++, i = (i + 1) % s->opt.peers)
		if (s->life[i] && listens(s->life[i]))
			return s->life[i];
	return NULL;
}

static void publish_some(struct soak *s)
{
	uint32_t n = 1 + soak_below(s, 6), len;
	struct soak_life *l;

	if (s->full || s->batches_open >= BATCHES_MAX ||
	    soak_now(s) < s->next_batch_us)
		return;
	s->next_batch_us = soak_now(s) + 1000 + soak_below(s, 10000);
	while (n--) {
		len = 1 + soak_below(s, soak_below(s, 8) ? 500 : SOAK_PAYLOAD);
		l = soak_below(s, 2) ? some_life(s) : NULL;
		soak_publish(s, l, soak_below(s, SOAK_GROUPS), len);
	}
	soak_submit(s);
}

/* ------------------------------------------------------------------ events */
static void join(struct soak *s, struct soak_life *l, uint32_t group)
{
	int rc = fantail_group_join(s->group[group], l->conn);

	if (!rc)
		l->groups |= 1u << group;
	else if (rc != -ENOTCONN)
		soak_fail(s, "join: %s", strerror(-rc));
}

static void on_accept(struct soak *s, struct fantail_conn *c)
{
	struct soak_life *l;
	uint16_t port;
	uint32_t ip;

	fantail_conn_peer(c, &ip, &port);
	l = soak_find(s, ip, port);
	if (!l || l->accepted) {
		/* the peer has left during the handshake */
		s->res.orphans++;
		l = soak_add(s, ip - SOAK_FIRST_IP, port);
		if (!l)
			return;
		l->peer_gone = true;
		l->end_us = l->step_us = soak_now(s) + 100000;
	}
	l->accepted = true;
	l->conn = c;
	s->res.accepted++;
	fantail_conn_set_user(c, l);
	if (l->plan == SOAK_STAYS) {
		join(s, l, SOAK_GROUPS);
		return;
	}
	join(s, l, soak_below(s, SOAK_GROUPS));
	if (soak_below(s, 2))
		join(s, l, soak_below(s, SOAK_GROUPS));
}

static void on_up(struct soak *s, struct soak_life *l,
		  const struct fantail_event *ev)
{
	uint32_t i;

	if (l->peer_fin_told)
		soak_fail(s, "DATA behind the FIN of peer %u", l->peer);
	for (i = 0; i < ev->u.data.len; i++)
		if (ev->u.data.ptr[i] !=
		    soak_up_byte(l->peer, l->port, l->up_got++))
			soak_fail(s, "byte %llu from peer %u port %u is wrong",
				  (unsigned long long)l->up_got - 1, l->peer,
				  l->port);
	s->res.bytes_up += ev->u.data.len;
}

static void on_news(struct soak *s, struct soak_life *l,
		    const struct fantail_event *ev)
{
	l->events |= ev->u.conn.events;
	l->queued = ev->u.conn.queued;
	if (ev->u.conn.events & FANTAIL_EV_OVERRUN)
		l->cause = ev->u.conn.cause;
	s->res.retransmits += ev->u.conn.dead ? ev->u.conn.retransmits : 0;
	if (ev->u.conn.events & FANTAIL_EV_PEER_FIN) {
		l->peer_fin_told = true;
		if (!l->peer_shut || l->up_got != l->up_sent)
			soak_fail(s, "peer %u: %llu of %llu bytes before FIN",
				  l->peer, (unsigned long long)l->up_got,
				  (unsigned long long)l->up_sent);
	}
	s->res.overruns += !!(ev->u.conn.events & FANTAIL_EV_OVERRUN);
	s->res.timeouts += !!(ev->u.conn.events & FANTAIL_EV_TIMED_OUT);
	if (ev->u.conn.dead && !l->dead) {
		l->dead = true;
		l->release_us = soak_now(s) + soak_below(s, 20000);
	}
}

static void on_library_event(struct soak *s, const struct fantail_event *ev)
{
	struct soak_life *l = ev->conn ? fantail_conn_user(ev->conn) : NULL;

	switch (ev->type) {
	case FANTAIL_EVENT_ACCEPT:
		on_accept(s, ev->conn);
		break;
	case FANTAIL_EVENT_BATCH:
		s->batches_open--;
		break;
	case FANTAIL_EVENT_DATA:
		if (l)
			on_up(s, l, ev);
		if (s->keep_slots && s->kept < 4096)
			s->kept_slot[s->kept++] = ev->u.data.slot;
		else if (fantail_recv_return(s->f, ev->u.data.slot))
			soak_fail(s, "slot %u was not ours", ev->u.data.slot);
		break;
	case FANTAIL_EVENT_CONN:
		if (l)
			on_news(s, l, ev);
		break;
	case FANTAIL_EVENT_REFUSED:
		soak_fail(s, "op %u on %08x refused with %u", ev->u.refused.op,
			  ev->u.refused.target, ev->u.refused.code);
		break;
	default:
		break;
	}
}

bool soak_turn(struct soak *s)
{
	struct fantail_event ev[32];
	int n, i;

	do {
		n = fantail_poll(s->f, ev, 32);
		for (i = 0; i < n; i++)
			on_library_event(s, &ev[i]);
	} while (n > 0 && !s->res.failed);
	if (n < 0)
		soak_fail(s, "poll: %s", strerror(-n));
	if (!s->res.failed)
		soak_tick(s);
	if (!s->res.failed)
		publish_some(s);
	if (s->res.failed)
		return false;
	n = fantail_wait(s->f, s->step_us);
	if (n < 0)
		soak_fail(s, "wait: %s", strerror(-n));
	return !s->res.failed;
}
