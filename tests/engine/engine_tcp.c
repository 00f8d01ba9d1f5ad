/* SPDX-License-Identifier: Apache-2.0 */
/* The handshakes of the fixture: SYN, SYN-ACK, install. See engine.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "../common/wire_bytes.h"
#include "engine.h"

enum {
	ETH = 14,
	IP = 20,
	TCP = 20,
	MSS_OURS = 1460,
	TS_BYTES = 12,
};

static void parse_options(struct engine_segment *s, const uint8_t *o,
			  const uint8_t *end)
{
	while (o < end && *o) {
		if (*o == 1) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return;
		if (*o == 2)
			s->mss = (uint16_t)get(o + 2, 2);
		else if (*o == 3)
			s->wscale = (int8_t)o[2];
		else if (*o == 8) {
			s->has_ts = true;
			s->ts_val = get(o + 2, 4);
			s->ts_ecr = get(o + 6, 4);
		}
		o += o[1];
	}
}

bool engine_parse(struct engine *e, const uint8_t *frame, size_t len,
		  struct engine_segment *s)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + IP;
	uint32_t src, dst, total, head, peer;

	memset(s, 0, sizeof(*s));
	s->wscale = -1;
	if (len < ETH + IP + TCP || get(frame + 12, 2) != 0x0800 ||
	    ip[0] != 0x45 || ip[9] != 6)
		return false;
	total = get(ip + 2, 2);
	head = (uint32_t)tcp[12] / 16 * 4;
	if (total < IP + head || head < TCP || total + ETH > len)
		return false;
	src = get(ip + 12, 4);
	dst = get(ip + 16, 4);
	s->to_card = dst == e->ip;
	peer = s->to_card ? src : dst;
	if (peer - ENGINE_PEER_IP >= e->clients)
		return false;
	s->client = peer - ENGINE_PEER_IP;
	s->peer_port = (uint16_t)get(tcp + (s->to_card ? 0 : 2), 2);
	s->seq = get(tcp + 4, 4);
	s->ack = get(tcp + 8, 4);
	s->flags = tcp[13];
	s->wnd = (uint16_t)get(tcp + 14, 2);
	s->len = total - IP - head;
	parse_options(s, tcp + TCP, tcp + head);
	return true;
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static uint32_t now_ms(struct engine *e)
{
	return (uint32_t)(fantail_sim_now_us(e->sim) / 1000);
}

static void send_synack(struct engine *e, struct engine_client *c,
			const uint8_t *to)
{
	uint8_t *frame, *ip, *tcp, *o;
	struct fantail_entry *entry;
	uint32_t peer = ENGINE_PEER_IP + (uint32_t)(c - e->client), len;
	void *memory;

	entry = engine_control(e, FANTAIL_OP_FRAME_TX, 0, &memory);
	frame = memory;
	memset(frame, 0, 128);
	ip = frame + ETH;
	tcp = ip + IP;
	memcpy(frame, to + 6, 6);
	memcpy(frame + 6, e->mac, 6);
	put(frame + 12, 0x0800, 2);
	o = tcp + TCP;
	put(o, 0x02040000 | MSS_OURS, 4);
	o += 4;
	if (c->peer_wscale >= 0) {
		put(o, 0x01030300, 4);
		o += 4;
	}
	if (c->ts) {
		put(o, 0x0101080A, 4);
		put(o + 4, now_ms(e) + c->ts_offset, 4);
		put(o + 8, c->ts_recent, 4);
		o += TS_BYTES;
	}
	len = (uint32_t)(o - tcp);
	ip[0] = 0x45;
	put(ip + 2, IP + len, 2);
	put(ip + 6, 0x4000, 2);
	ip[8] = 64;
	ip[9] = 6;
	put(ip + 12, e->ip, 4);
	put(ip + 16, peer, 4);
	put(ip + 10, ~sum(ip, IP, 0), 2);
	put(tcp, ENGINE_PORT, 2);
	put(tcp + 2, c->port, 2);
	put(tcp + 4, c->iss, 4);
	put(tcp + 8, c->irs + 1, 4);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = TCP_SYN | TCP_ACK;
	put(tcp + 14, 65535, 2);
	put(tcp + 16, ~sum(tcp, len, sum(ip + 12, 8, 6 + len)), 2);
	entry->len = ETH + IP + len < 60 ? 60 : ETH + IP + len;
}

static void on_syn(struct engine *e, const struct engine_segment *s,
		   const uint8_t *frame)
{
	struct engine_client *c = &e->client[s->client];
	bool again = c->state == ENGINE_SYN && c->port == s->peer_port &&
		     c->irs == s->seq;

	if (c->state == ENGINE_INSTALLING || c->state == ENGINE_UP)
		return;
	if (!again) {
		c->state = ENGINE_SYN;
		c->port = s->peer_port;
		c->irs = s->seq;
		c->iss = e->opt.isn ? e->opt.isn(e, s->client)
				    : engine_random(e, UINT32_MAX);
		c->peer_mss = s->mss ? s->mss : 536;
		c->peer_wscale = s->wscale;
		c->ts = s->has_ts;
		c->ts_recent = s->ts_val;
		/* the value wraps within the first minute of every run */
		c->ts_offset = 0u - 20000u - engine_random(e, 20000);
	}
	send_synack(e, c, frame);
}

static void install(struct engine *e, struct engine_client *c,
		    const struct engine_segment *s, const uint8_t *frame)
{
	uint32_t client = (uint32_t)(c - e->client);
	struct fantail_context *x;
	struct fantail_entry *entry;
	void *memory;

	c->generation++;
	c->handle = (uint32_t)c->generation << 16 | c->id;
	c->events = 0;
	c->cause = 0;
	c->fin_queued = c->releasing = false;
	c->peer_events = 0;
	c->pieces = c->next_piece = c->next_off = 0;
	c->sent = c->got = c->up_sent = c->up_got = 0;
	c->state = ENGINE_INSTALLING;
	entry = engine_control(e, FANTAIL_OP_CONN_INSTALL, c->handle, &memory);
	entry->flags = FANTAIL_FLAG_LAST;
	entry->len = FANTAIL_CONTEXT_BYTES;
	entry->cookie = 1ull << 32 | client;
	x = memory;
	memset(x, 0, sizeof(*x));
	x->local_ip = e->ip;
	x->remote_ip = ENGINE_PEER_IP + client;
	x->local_port = ENGINE_PORT;
	x->remote_port = c->port;
	memcpy(x->local_mac, e->mac, 6);
	memcpy(x->remote_mac, frame + 6, 6);
	x->snd_nxt = c->iss + 1;
	x->rcv_nxt = c->irs + 1;
	x->snd_wscale = c->peer_wscale > 0 ? (uint8_t)c->peer_wscale : 0;
	x->snd_wnd = (uint32_t)s->wnd << x->snd_wscale;
	x->mss = c->peer_mss < MSS_OURS ? c->peer_mss : MSS_OURS;
	if (c->ts)
		x->mss -= TS_BYTES;
	x->flags = c->ts ? FANTAIL_CTX_FLAGS_TIMESTAMPS_MASK : 0;
	x->ts_recent = c->ts ? c->ts_recent : 0;
	x->ts_offset = c->ts_offset;
	x->rcv_credit = 65535;
	x->lag_limit = ENGINE_LOG; /* nobody lags, unless the test wants */
	if (e->opt.context)
		e->opt.context(e, client, x);
}

static void inject(struct engine *e, const uint8_t *frame, uint32_t len)
{
	struct fantail_entry *entry;
	void *memory;

	entry = engine_control(e, FANTAIL_OP_FRAME_INJECT, 0, &memory);
	memcpy(memory, frame, len);
	entry->len = len;
	entry->cookie = 2ull << 32;
}

void engine_tcp_input(struct engine *e, const uint8_t *frame, uint32_t len)
{
	struct engine_client *c;
	struct engine_segment s;

	cr_assert(engine_parse(e, frame, len, &s),
		  "an unknown frame came to the host");
	c = &e->client[s.client];
	if (s.flags & TCP_SYN) {
		on_syn(e, &s, frame);
		return;
	}
	if (s.flags & TCP_RST || s.peer_port != c->port)
		return;
	if (c->state == ENGINE_SYN && s.flags & TCP_ACK) {
		if (s.ack != c->iss + 1)
			return;
		if (s.has_ts)
			c->ts_recent = s.ts_val;
		if (e->opt.hold_installs) {
			cr_assert_leq(len, sizeof(c->held_ack));
			memcpy(c->held_ack, frame, len);
			c->state = ENGINE_SHAKEN;
			return;
		}
		install(e, c, &s, frame);
		if (s.len || s.flags & TCP_FIN)
			inject(e, frame, len);
	} else if (c->state == ENGINE_INSTALLING || c->state == ENGINE_UP) {
		inject(e, frame, len);
	}
}

void engine_install_held(struct engine *e)
{
	struct engine_segment s;
	uint32_t i;

	for (i = 0; i < e->clients; i++) {
		struct engine_client *c = &e->client[i];

		if (c->state != ENGINE_SHAKEN)
			continue;
		cr_assert(
			engine_parse(e, c->held_ack, sizeof(c->held_ack), &s));
		install(e, c, &s, c->held_ack);
	}
	engine_ring(e);
}

void engine_installed(struct engine *e, uint32_t client)
{
	struct engine_client *c = &e->client[client];

	cr_assert_lt(client, e->clients);
	if (c->state == ENGINE_INSTALLING)
		c->state = ENGINE_UP;
}
