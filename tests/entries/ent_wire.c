/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other ends of the connections: they take what comes in order, judge it,
 * acknowledge all of it, and send a stream of their own, a segment at a time.
 * See entries.h.
 */
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "../fuzz/frame_ring.h"
#include "net.h"

enum {
	ETH = 14,
	IP = 20,
	TCP = 20,
	TS = 12,
	HEADERS = ETH + IP + TCP,
	FIN = 1,
	RST = 4,
	PSH = 8,
	ACK = 16,
	HOST_TYPE = 0x88B5,
	STREAM_MAX = 1 << 26, /* bytes of one life */
};

static uint32_t get(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static void put(uint8_t *p, uint32_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t s)
{
	uint32_t i;

	for (i = 0; i + 1 < len; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xFFFF) + (s >> 16);
	return (uint16_t)~s;
}

static uint16_t tcp_sum(const uint8_t *ip, uint32_t len)
{
	return fold(sum(ip + IP, len, sum(ip + 12, 8, 6 + len)));
}

void ent_queue_add(struct ent_host *h, struct ent_queue *q,
		   const uint8_t *frame, uint32_t len)
{
	struct ent_frame *f = &q->frame[q->tail % ENT_FRAMES];

	if (q->tail - q->head == ENT_FRAMES) {
		ent_fail(h, "%u frames do not come", ENT_FRAMES);
		return;
	}
	memcpy(f->bytes, frame, len);
	f->len = (uint16_t)len;
	q->tail++;
}

/* ------------------------------------------------------------- from the card */
/* A whole frame of the host: the next one of its ring. */
static void host_frame(struct ent_host *h, const uint8_t *frame, uint32_t len)
{
	struct ent_queue *q = &h->tx[frame[6] & 1];
	struct ent_frame *f = &q->frame[q->head % ENT_FRAMES];
	uint32_t want;

	if (q->head == q->tail) {
		ent_fail(h, "a frame of the host that nobody gave");
		return;
	}
	want = f->len < 60 ? 60 : f->len;
	if (len != want || memcmp(frame, f->bytes, f->len))
		ent_fail(h, "frame %llu of ring %d, %u bytes, came as %u",
			 (unsigned long long)q->head, frame[6] & 1, f->len,
			 len);
	q->head++;
	h->card->res.frames_sent++;
	ent_progress(h);
}

/* Whose segment is it? With a newer one the older ones are silent. */
static struct ent_life *whose(struct ent_host *h, uint32_t id, uint32_t seq)
{
	struct ent_life *first = h->conn[id].lives, *l, *k;

	for (l = first; l; l = l->next)
		if (!l->silent && seq - l->snd_nxt < STREAM_MAX)
			break;
	for (k = first; l && k != l; k = k->next)
		k->silent = true;
	return l;
}

static void options(struct ent_host *h, struct ent_life *l, const uint8_t *tcp,
		    uint32_t header)
{
	static const uint8_t ts[4] = { 1, 1, 8, 10 };

	if (l->ts != (header == TCP + TS)) {
		ent_fail(h, "id %u: TCP header of %u bytes", l->id, header);
	} else if (l->ts) {
		if (memcmp(tcp + TCP, ts, 4))
			ent_fail(h, "id %u: no timestamp", l->id);
		l->ts_card = get(tcp + TCP + 4, 4);
	}
}

static void fin(struct ent_host *h, struct ent_life *l, uint32_t at)
{
	if (!l->closing || at != l->got_from + l->got_len || !ent_complete(l))
		ent_fail(h, "id %u: FIN at %u, %s", l->id, at,
			 l->closing ? "before the last byte" : "unasked");
	if (!l->fin_got)
		ent_progress(h);
	l->fin_got = l->ack_due = true;
}

static void segment(struct ent_host *h, struct ent_life *l, const uint8_t *tcp,
		    uint32_t len)
{
	uint32_t header = (uint32_t)(tcp[12] >> 4) * 4, flags = tcp[13];
	uint32_t off = get(tcp + 4, 4) - l->snd_nxt, data = len - header;
	uint32_t acked = get(tcp + 8, 4) - l->rcv_nxt;
	uint32_t edge = acked + (get(tcp + 14, 2) << l->rcv_wscale);
	uint64_t before = h->card->res.bytes_received;

	if (l->rst_got && !(flags & RST))
		ent_fail(h, "id %u: a segment behind its RST", l->id);
	if (!(flags & RST))
		options(h, l, tcp, header);
	if (data > l->mss)
		ent_fail(h, "id %u: %u bytes in a segment, MSS %u", l->id, data,
			 l->mss);
	if (flags & RST) {
		if (!l->aborting)
			ent_fail(h, "id %u: an RST that nobody asked", l->id);
		l->rst_got = true;
		return;
	}
	if (acked > l->up_sent)
		ent_fail(h, "id %u: acknowledges %u of %u bytes", l->id, acked,
			 l->up_sent);
	if (acked > l->up_acked) {
		l->up_acked = acked;
		ent_progress(h);
	}
	if (edge > l->up_edge)
		l->up_edge = edge;
	if (data) {
		ent_receive(h, l, off, tcp + header, data);
		l->ack_due = true;
	}
	if (flags & FIN)
		fin(h, l, off + data);
	if (h->card->res.bytes_received != before)
		ent_progress(h);
}

void ent_card_frame(void *ctx, const uint8_t *frame, size_t len,
		    uint64_t now_us)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + IP;
	struct ent_card *c = ctx;
	struct ent_host *h;
	struct ent_life *l;
	uint32_t id, total;

	frame_ring_add(c->frames, frame, len, now_us);
	if (c->res.failed)
		return;
	if (get(frame + 12, 2) == HOST_TYPE) {
		host_frame(c->host[frame[6] >> 1 & 1], frame, (uint32_t)len);
		return;
	}
	id = get(ip + 16, 4) - ENT_PEER_IP;
	h = c->host[ent_host_of(id)];
	total = get(ip + 2, 2);
	if (len < HEADERS || get(frame + 12, 2) != 0x0800 || ip[0] != 0x45 ||
	    ip[9] != 6 || id >= ENT_CONNS || total + ETH > len ||
	    get(ip + 12, 4) != ENT_LOCAL_IP + h->qp ||
	    get(tcp, 2) != ENT_PORT || get(tcp + 2, 2) != ENT_PEER_PORT + id) {
		ent_fail(h, "a frame of %zu bytes to nobody", len);
		return;
	}
	if (fold(sum(ip, IP, 0)) || tcp_sum(ip, total - IP)) {
		ent_fail(h, "id %u: wrong checksum", id);
		return;
	}
	l = whose(h, id, get(tcp + 4, 4));
	if (!l)
		ent_fail(h, "id %u: a segment of nobody, seq %u", id,
			 get(tcp + 4, 4));
	else
		segment(h, l, tcp, total - IP);
}

/* --------------------------------------------------------------- to the card */
static uint32_t build(const struct ent_host *h, const struct ent_life *l,
		      uint32_t ip_from, uint16_t port, uint8_t *frame,
		      uint32_t len)
{
	uint32_t header = TCP + (l && l->ts ? TS : 0),
		 total = IP + header + len;
	uint8_t *ip = frame + ETH, *tcp = ip + IP;

	memset(frame, 0, ETH + IP + header);
	frame[0] = frame[6] = 2;
	put(frame + 12, 0x0800, 2);
	ip[0] = 0x45;
	put(ip + 2, total, 2);
	ip[8] = 64;
	ip[9] = 6;
	put(ip + 12, ip_from, 4);
	put(ip + 16, ENT_LOCAL_IP + h->qp, 4);
	put(ip + 10, fold(sum(ip, IP, 0)), 2);
	put(tcp, port, 2);
	put(tcp + 2, ENT_PORT, 2);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = ACK | (len ? PSH : 0);
	return header;
}

uint32_t ent_segment(struct ent_host *h, struct ent_life *l, uint8_t *frame,
		     uint32_t off, uint32_t len)
{
	uint32_t header = build(h, l, ENT_PEER_IP + l->id,
				(uint16_t)(ENT_PEER_PORT + l->id), frame, len);
	uint8_t *tcp = frame + ETH + IP;
	uint32_t i, window = (1u << 22) >> l->snd_wscale;

	put(tcp + 4, l->rcv_nxt + off, 4);
	put(tcp + 8, l->snd_nxt + l->got_from + l->got_len + l->fin_got, 4);
	put(tcp + 14, window > 65535 ? 65535 : window, 2);
	if (l->ts) {
		put(tcp + TCP, 0x0101080A, 4);
		put(tcp + TCP + 4,
		    (uint32_t)fantail_sim_now_us(h->card->sim) / 1000, 4);
		put(tcp + TCP + 8, l->ts_card, 4);
	}
	for (i = 0; i < len; i++)
		tcp[header + i] = ent_up_byte(l, off + i);
	put(tcp + 16, tcp_sum(frame + ETH, header + len), 2);
	return ETH + IP + header + len;
}

/* Of a connection that is not there. */
uint32_t ent_stray_segment(struct ent_host *h, uint8_t *frame)
{
	uint32_t len = ent_below(h, 200), i, header;
	uint8_t *tcp = frame + ETH + IP;

	header = build(h, NULL, 0xC0A80000u + ent_below(h, 65536),
		       (uint16_t)ent_random(h), frame, len);
	put(tcp + 4, ent_random(h), 4);
	put(tcp + 8, ent_random(h), 4);
	for (i = 0; i < len; i++)
		tcp[header + i] = (uint8_t)ent_random(h);
	put(tcp + 16, tcp_sum(frame + ETH, header + len), 2);
	return ETH + IP + header + len;
}

static void inject(struct ent_host *h, uint8_t *frame, uint32_t len)
{
	int rc;

	frame_ring_add(h->card->frames, frame, len,
		       fantail_sim_now_us(h->card->sim));
	fantail_sim_lock(h->card->sim);
	rc = fantail_net_inject(fantail_sim_net(h->card->sim), frame, len, 0);
	fantail_sim_unlock(h->card->sim);
	if (rc)
		ent_fail(h, "inject: %d", rc);
}

/* Bytes for the card, new ones or again what it has not taken. */
static void send_up(struct ent_host *h, struct ent_life *l)
{
	uint8_t frame[FANTAIL_FRAME_BYTES_MAX];
	uint32_t len;

	if (l->up_sent == l->up_acked) {
		len = 1 + ent_below(h, ent_once(h, 3) ? 1400 : 100);
		if (h->stopping || l->up_acked + len > l->up_edge)
			return;
		l->up_sent += len;
	}
	h->quiet = false;
	inject(h, frame,
	       ent_segment(h, l, frame, l->up_acked, l->up_sent - l->up_acked));
}

static void stray(struct ent_host *h)
{
	uint8_t frame[FANTAIL_FRAME_BYTES_MAX] = { 2, 0, 0, 0, 0, 0, 4 };
	uint32_t len, i;

	/* other frames than those for an address are of queue pair 0 */
	if (h->qp || ent_once(h, 2)) {
		len = ent_stray_segment(h, frame);
	} else {
		len = 14 + ent_below(h, ent_once(h, 4) ? 1501 : 100);
		put(frame + 12, HOST_TYPE, 2);
		for (i = ETH; i < len; i++)
			frame[i] = (uint8_t)ent_random(h);
	}
	if (len < 60) {
		memset(frame + len, 0, 60 - len);
		len = 60;
	}
	h->quiet = false;
	ent_queue_add(h, &h->rx, frame, len);
	inject(h, frame, len);
}

static struct ent_life *on_wire(struct ent_host *h, uint32_t id)
{
	struct ent_life *l = h->conn[id].lives;

	while (l && (l->silent || l->told & FANTAIL_EV_RELEASED))
		l = l->next;
	return l;
}

void ent_wire_turn(struct ent_host *h)
{
	uint8_t frame[FANTAIL_FRAME_BYTES_MAX];
	struct ent_life *l;
	uint32_t id, at = ent_below(h, ENT_CONNS), i, sent = 0;

	for (i = 0; i < ENT_CONNS && sent < 24; i++) {
		id = (at + i) % ENT_CONNS;
		l = on_wire(h, id);
		if (!l || !l->ack_due)
			continue;
		l->ack_due = false;
		inject(h, frame, ent_segment(h, l, frame, l->up_sent, 0));
		sent++;
	}
	if (h->stopping) {
		for (i = 0; i < ENT_CONNS; i++) {
			l = on_wire(h, i);
			if (l && l->up_sent != l->up_acked && !l->aborting &&
			    !l->releasing && ent_once(h, 4))
				send_up(h, l);
		}
	} else if (!h->calm) {
		l = on_wire(h, ent_below(h, ENT_CONNS));
		if (l && ent_once(h, 2))
			send_up(h, l);
		if (ent_once(h, 20))
			stray(h);
	}
}

void ent_acknowledge_all(struct ent_host *h)
{
	uint32_t id;

	for (id = 0; id < ENT_CONNS; id++) {
		struct ent_life *l = on_wire(h, id);

		if (l)
			l->ack_due = true;
	}
}
