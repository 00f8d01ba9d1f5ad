/* SPDX-License-Identifier: Apache-2.0 */
/* "peers:" - the Ethernet, ARP and timers around the peers. See peer.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"

enum {
	CARD_IP = 0x0a010001,  /* 10.1.0.1 */
	FIRST_IP = 0x0a010100, /* 10.1.1.0 */
	ARP_RETRY_US = 1000000,
	LOG_LIMIT = 20,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	NOT_QUEUED = UINT32_MAX,
};

void fantail_peers_config_default(struct fantail_peers_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->count = 100;
	cfg->first_ip = FIRST_IP;
	cfg->connects_per_ms = 20;
	cfg->connect_retry_us = 100000;
	cfg->options = (struct fantail_peer_options){
		.mss = 1460,
		.wscale = 7,
		.timestamps = true,
		.ack_every = 2,
		.ack_delay_us = 40000,
		.buffer = 65535,
		.reassembly = 65536,
		.syn_rto_us = 1000000,
		.rto_us = 500000,
		.retries = 8,
	};
}

/* The heap of peers by due_us, then index, so that order is deterministic. */
static bool before(const struct peer *a, const struct peer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us
				      : a->index < b->index;
}

static void place(struct fantail_peers *ps, struct peer *p, uint32_t i)
{
	ps->heap[i] = p;
	p->heap_index = i;
}

static void sift_up(struct fantail_peers *ps, struct peer *p, uint32_t i)
{
	while (i && before(p, ps->heap[(i - 1) / 2])) {
		place(ps, ps->heap[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	place(ps, p, i);
}

static void sift_down(struct fantail_peers *ps, struct peer *p, uint32_t i)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= ps->heap_len)
			break;
		if (child + 1 < ps->heap_len &&
		    before(ps->heap[child + 1], ps->heap[child]))
			child++;
		if (!before(ps->heap[child], p))
			break;
		place(ps, ps->heap[child], i);
		i = child;
	}
	place(ps, p, i);
}

static void heap_remove(struct fantail_peers *ps, struct peer *p)
{
	uint32_t i = p->heap_index;
	struct peer *last;

	if (i == NOT_QUEUED)
		return;
	p->heap_index = NOT_QUEUED;
	last = ps->heap[--ps->heap_len];
	if (last == p)
		return;
	if (i && before(last, ps->heap[(i - 1) / 2]))
		sift_up(ps, last, i);
	else
		sift_down(ps, last, i);
}

/* Bring the heap up to date with the peer's deadlines. */
void peers_schedule(struct fantail_peers *ps, struct peer *p)
{
	uint64_t due = p->ack_due_us;

	if (p->rto_due_us < due)
		due = p->rto_due_us;
	if (p->start_us < due)
		due = p->start_us;
	if (due == p->due_us && (p->heap_index != NOT_QUEUED || due == NEVER))
		return;
	heap_remove(ps, p);
	p->due_us = due;
	if (due != NEVER)
		sift_up(ps, p, ps->heap_len++);
}

void peers_fault(struct fantail_peers *ps, uint64_t *counter,
		 const struct peer *p, const char *what)
{
	(*counter)++;
	if (ps->logged >= LOG_LIMIT)
		return;
	ps->logged++;
	if (p)
		net_log(ps->net, FANTAIL_NET_LOG_WARN,
			"peers: %llu us: peer %u port %u: %s",
			(unsigned long long)ps->net->now_us, p->index, p->port,
			what);
	else
		net_log(ps->net, FANTAIL_NET_LOG_WARN, "peers: %llu us: %s",
			(unsigned long long)ps->net->now_us, what);
}

void peers_mac(const struct fantail_peers *ps, uint32_t index, uint8_t *mac)
{
	static const uint8_t none[6];

	if (memcmp(ps->cfg.router_mac, none, 6)) {
		memcpy(mac, ps->cfg.router_mac, 6);
		return;
	}
	mac[0] = 0x02;
	mac[1] = 'p';
	put32(mac + 2, index);
}

void peers_event(struct fantail_peers *ps, struct peer *p,
		 enum fantail_peer_event event)
{
	switch (event) {
	case FANTAIL_PEER_EV_CONNECTED:
		ps->stats.connects++;
		break;
	case FANTAIL_PEER_EV_FIN:
		ps->stats.fins++;
		break;
	case FANTAIL_PEER_EV_RESET:
		ps->stats.resets++;
		break;
	case FANTAIL_PEER_EV_REFUSED:
		ps->stats.refused++;
		break;
	case FANTAIL_PEER_EV_TIMED_OUT:
		ps->stats.timed_out++;
		break;
	case FANTAIL_PEER_EV_CLOSED:
		break;
	}
	if (ps->cfg.on_event)
		ps->cfg.on_event(ps->cfg.ctx, ps, p->index, event);
}

static struct peer *by_ip(const struct fantail_peers *ps, uint32_t ip)
{
	uint32_t index = ip - ps->cfg.first_ip;

	return index < ps->cfg.count ? &ps->peer[index] : NULL;
}

static void send_arp(struct fantail_peers *ps, uint32_t index, uint16_t op,
		     const uint8_t *to_mac, uint32_t to_ip)
{
	static const uint8_t fixed[6] = { 0, 1, 8, 0, 6, 4 };
	static const uint8_t none[6];
	uint8_t frame[ETH_MIN] = { 0 }, *arp = frame + ETH_LEN;

	memset(frame, 0xff, 6);
	if (to_mac)
		memcpy(frame, to_mac, 6);
	peers_mac(ps, index, frame + 6);
	put16(frame + 12, TYPE_ARP);
	memcpy(arp, fixed, sizeof(fixed));
	put16(arp + 6, op);
	memcpy(arp + 8, frame + 6, 6);
	put32(arp + 14, ps->cfg.first_ip + index);
	memcpy(arp + 18, to_mac ? to_mac : none, 6);
	put32(arp + 24, to_ip);
	net_queue(ps->net, frame, sizeof(frame), ps->cfg.delay_us);
}

/* The card's address is known: whoever waited for it goes on. */
static void learn(struct fantail_peers *ps, const uint8_t *mac)
{
	uint32_t i;

	memcpy(ps->mac, mac, 6);
	if (ps->mac_known)
		return;
	ps->mac_known = true;
	ps->arp_due_us = NEVER;
	for (i = 0; i < ps->cfg.count; i++) {
		struct peer *p = &ps->peer[i];

		if (p->state == FANTAIL_PEER_WAITING && p->start_us == NEVER) {
			p->start_us = ps->net->now_us;
			peers_schedule(ps, p);
		}
	}
}

static void input_arp(struct fantail_peers *ps, const uint8_t *arp, size_t len)
{
	static const uint8_t fixed[6] = { 0, 1, 8, 0, 6, 4 };
	struct peer *p;
	uint16_t op;

	if (len < ARP_LEN || memcmp(arp, fixed, sizeof(fixed))) {
		peers_fault(ps, &ps->stats.bad_frames, NULL, "malformed ARP");
		return;
	}
	op = get16(arp + 6);
	if (fantail_net_is_card(ps->net, get32(arp + 14)))
		learn(ps, arp + 8);
	p = by_ip(ps, get32(arp + 24));
	if (op == ARP_REQUEST && p)
		send_arp(ps, p->index, ARP_REPLY, arp + 8, get32(arp + 14));
}

static bool parse_options(struct segment *s, const uint8_t *o, uint32_t len)
{
	uint32_t size;

	for (; len && *o != OPT_EOL; o += size, len -= size) {
		size = 1;
		if (*o == OPT_NOP)
			continue;
		if (len < 2 || o[1] < 2 || o[1] > len)
			return false;
		size = o[1];
		if (o[0] == OPT_MSS && size == 4) {
			s->mss = get16(o + 2);
		} else if (o[0] == OPT_WSCALE && size == 3) {
			s->wscale = o[2] <= 127 ? (int8_t)o[2] : 127;
		} else if (o[0] == OPT_TS && size == 10) {
			s->has_ts = true;
			s->ts_val = get32(o + 2);
			s->ts_ecr = get32(o + 6);
		}
	}
	return true;
}

static void input_tcp(struct fantail_peers *ps, struct peer *p,
		      const uint8_t *ip, const uint8_t *tcp, uint32_t len)
{
	struct segment s = { .wscale = -1 };
	uint32_t head;

	if (len < TCP_LEN || tcp[12] / 16 * 4 < TCP_LEN ||
	    tcp[12] / 16 * 4u > len) {
		peers_fault(ps, &ps->stats.bad_frames, p, "TCP length");
		return;
	}
	if (csum_tcp(ip, tcp, len)) {
		peers_fault(ps, &ps->stats.bad_checksums, p, "TCP checksum");
		return;
	}
	head = tcp[12] / 16 * 4;
	s.card_port = get16(tcp);
	s.seq = get32(tcp + 4);
	s.ack = get32(tcp + 8);
	s.flags = tcp[13] & 0x3f;
	s.wnd = get16(tcp + 14);
	s.bytes = tcp + head;
	s.len = len - head;
	if (!parse_options(&s, tcp + TCP_LEN, head - TCP_LEN)) {
		peers_fault(ps, &ps->stats.bad_frames, p, "TCP options");
		return;
	}
	if (get16(tcp + 2) != p->port || (s.card_port != p->card_port &&
					  p->state != FANTAIL_PEER_LISTENING)) {
		ps->stats.unknown++;
		peer_reply_reset(ps, p, get16(tcp + 2), &s);
		return;
	}
	p->segments_received++;
	ps->stats.segments_received++;
	peer_input(ps, p, &s);
}

static void input_ip(struct fantail_peers *ps, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_LEN;
	uint32_t head, total;
	struct peer *p;

	len -= ETH_LEN;
	head = len ? (ip[0] & 15) * 4 : 0;
	if (head < IP_LEN || len < head || ip[0] >> 4 != 4 ||
	    get16(ip + 2) < head || get16(ip + 2) > len ||
	    get16(ip + 6) & 0x3fff) {
		peers_fault(ps, &ps->stats.bad_frames, NULL,
			    "IPv4 length, version or fragment");
		return;
	}
	total = get16(ip + 2);
	if (csum_fold(csum_add(0, ip, head))) {
		peers_fault(ps, &ps->stats.bad_checksums, NULL,
			    "IPv4 checksum");
		return;
	}
	p = by_ip(ps, get32(ip + 16));
	if (!p || get32(ip + 12) != peer_card_ip(ps, p) || ip[9] != PROTO_TCP) {
		ps->stats.unknown++;
		return;
	}
	learn(ps, frame + 6);
	input_tcp(ps, p, ip, ip + head, total - head);
}

static void peers_send(struct fantail_net *net, const uint8_t *frame,
		       size_t len)
{
	struct fantail_peers *ps = net->priv;

	if (get16(frame + 12) == TYPE_ARP)
		input_arp(ps, frame + ETH_LEN, len - ETH_LEN);
	else if (get16(frame + 12) == TYPE_IPV4)
		input_ip(ps, frame, len);
	else
		ps->stats.unknown++;
}

static void peers_run(struct fantail_net *net)
{
	struct fantail_peers *ps = net->priv;

	/* a peer's new deadline lies in the future, or it is done: this ends */
	while (ps->heap_len && ps->heap[0]->due_us <= net->now_us)
		peer_expired(ps, ps->heap[0]);
	if (ps->arp_due_us <= net->now_us) {
		send_arp(ps, ps->arp_asker, ARP_REQUEST, NULL,
			 net->cfg.card_ip);
		ps->arp_due_us = net->now_us + ARP_RETRY_US;
	}
}

static uint64_t peers_next_event_us(const struct fantail_net *net)
{
	const struct fantail_peers *ps = net->priv;
	uint64_t next = ps->arp_due_us;

	if (ps->heap_len && ps->heap[0]->due_us < next)
		next = ps->heap[0]->due_us;
	return next;
}

static void peers_close(struct fantail_net *net)
{
	struct fantail_peers *ps = net->priv;
	uint32_t i;

	for (i = 0; i < ps->cfg.count; i++)
		peer_forget(&ps->peer[i]);
	free(ps->heap);
	free(ps->peer);
	free(ps);
}

static bool good_options(const struct fantail_peer_options *o)
{
	return o->wscale >= -1 && o->wscale <= WSCALE_MAX && o->ack_every &&
	       (!o->mss || o->mss >= 64) && o->buffer <= 1u << 30 &&
	       o->syn_rto_us && o->rto_us;
}

static int init_peer(struct fantail_peers *ps, uint32_t i)
{
	const struct fantail_peers_config *cfg = &ps->cfg;
	struct peer *p = &ps->peer[i];

	p->index = i;
	p->card_port = ps->net->cfg.card_port;
	p->opt = cfg->options;
	p->due_us = p->ack_due_us = p->rto_due_us = p->start_us = NEVER;
	if (cfg->configure)
		cfg->configure(cfg->ctx, i, &p->opt);
	p->heap_index = NOT_QUEUED;
	if (!good_options(&p->opt) || p->opt.card >= ps->net->cfg.card_ips) {
		net_log(ps->net, FANTAIL_NET_LOG_ERROR,
			"peers: options of peer %u out of range", i);
		return -EINVAL;
	}
	if (cfg->connect_at_us == NEVER)
		return 0;
	p->state = FANTAIL_PEER_WAITING;
	p->start_us = cfg->connect_at_us;
	if (cfg->connects_per_ms)
		p->start_us += i * 1000ULL / cfg->connects_per_ms;
	peers_schedule(ps, p);
	return 0;
}

static int peers_open(struct fantail_net *net)
{
	const struct fantail_peers_config *cfg = net->cfg.peers;
	struct fantail_peers *ps;
	uint32_t i;
	int ret = -ENOMEM;

	if (!net->cfg.card_ip)
		net->cfg.card_ip = CARD_IP;
	if (!cfg->count || cfg->count > FANTAIL_PEERS_MAX ||
	    net->cfg.card_ip - cfg->first_ip < cfg->count ||
	    !net->cfg.card_ips || net->cfg.card_ips > 8 ||
	    cfg->first_ip - net->cfg.card_ip < net->cfg.card_ips) {
		net_log(net, FANTAIL_NET_LOG_ERROR,
			"peers: count must be 1 to %u, the card has 1 to 8 "
			"addresses, and no peer may have one of them",
			FANTAIL_PEERS_MAX);
		return -EINVAL;
	}
	ps = calloc(1, sizeof(*ps));
	if (!ps)
		return -ENOMEM;
	ps->net = net;
	ps->cfg = *cfg;
	ps->arp_due_us = NEVER;
	ps->peer = calloc(cfg->count, sizeof(*ps->peer));
	ps->heap = calloc(cfg->count, sizeof(struct peer *));
	if (!ps->peer || !ps->heap)
		goto err_free;
	if (cfg->no_arp) {
		memcpy(ps->mac, net->cfg.card_mac, 6);
		ps->mac_known = true;
	}
	for (i = 0; i < cfg->count; i++) {
		ret = init_peer(ps, i);
		if (ret)
			goto err_free;
	}
	net->priv = ps;
	return 0;

err_free:
	free(ps->heap);
	free(ps->peer);
	free(ps);
	return ret;
}

const struct fantail_net_ops fantail_net_peers_ops = {
	.scheme = "peers",
	.open = peers_open,
	.close = peers_close,
	.send = peers_send,
	.run = peers_run,
	.next_event_us = peers_next_event_us,
};

uint32_t fantail_peers_count(const struct fantail_peers *ps)
{
	return ps->cfg.count;
}

void fantail_peers_get_stats(const struct fantail_peers *ps,
			     struct fantail_peers_stats *stats)
{
	uint32_t i;

	*stats = ps->stats;
	stats->connected = 0;
	for (i = 0; i < ps->cfg.count; i++)
		stats->connected += ps->peer[i].state == FANTAIL_PEER_CONNECTED;
}
