/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/wire_bytes.h"
#include "../libhost/host_fixture.h"
#include "transport.h"

enum {
	STEP_US = 200,
	HEADERS = 54, /* Ethernet, IPv4, TCP without options */
	SYN_FIN = 0x03,
};

static void on_frame(void *ctx, const uint8_t *frame, size_t len,
		     uint64_t now_us)
{
	const uint8_t *ip = frame + 14, *tcp = ip + 20;
	struct pair *p = ctx;
	struct pair_frame *f;
	uint32_t i;

	(void)now_us;
	if (len < HEADERS || get(frame + 12, 2) != 0x0800 || ip[9] != 6)
		return;
	cr_assert_lt(p->frames, PAIR_FRAMES, "too many frames");
	f = &p->frame[p->frames++];
	f->source = get(ip + 12, 4) - PAIR_IP;
	f->id = get(ip + 16, 4) - PAIR_PEER;
	f->seq = get(tcp + 4, 4);
	f->ack = get(tcp + 8, 4);
	f->flags = tcp[13];
	f->len = get(ip + 2, 2) - 40;
	f->first = f->len ? tcp[20] : 0;
	cr_assert_lt(f->source, 2);
	cr_assert_lt(f->id, CARD_CONNECTIONS);
	for (i = 0; i < f->len; i++)
		if (tcp[20 + i] != pair_letter(f->source))
			p->wrong[f->id] = true;
}

void pair_inject(struct pair *p, const uint8_t *frame, size_t len)
{
	fantail_sim_lock(p->sim);
	cr_assert_eq(fantail_net_inject(fantail_sim_net(p->sim), frame, len, 0),
		     0);
	fantail_sim_unlock(p->sim);
}

void pair_peer_segment(struct pair *p, unsigned int h, uint32_t id,
		       uint32_t seq, uint8_t flags, const char *data)
{
	struct host_seg s = {
		.src_ip = PAIR_PEER + id,
		.dst_ip = PAIR_IP + h,
		.src_port = 5000,
		.dst_port = PAIR_PORT,
		.seq = seq,
		.ack = p->next[id],
		.flags = flags,
		.wnd = 65535,
		.mss = -1,
		.wscale = -1,
		.ts_val = -1,
		.data = data,
	};
	uint8_t frame[1514];

	pair_inject(p, frame, host_build(&s, frame));
}

/* Peers take what follows, and acknowledge everything at once. */
static void answer(struct pair *p, const struct pair_frame *f)
{
	if (!f->len || p->mute || p->deaf[f->source])
		return;
	if (f->seq == p->next[f->id]) {
		p->next[f->id] += f->len;
		p->bytes[f->id] += f->len;
	}
	pair_peer_segment(p, f->source, f->id, f->ack, HOST_ACK, NULL);
}

void pair_peer_send(struct pair *p, uint32_t id, uint32_t seq, uint32_t len)
{
	char data[1400] = { 0 };

	cr_assert_lt(len, sizeof(data));
	memset(data, 'u', len);
	pair_peer_segment(p, 1, id, seq, HOST_ACK, data);
}

static void take_records(struct pair *p)
{
	struct pair_host *host;
	unsigned int h;
	int n;

	for (h = 0; h < 2; h++) {
		host = &p->host[h];
		if (!host->qp || host->blind)
			continue;
		cr_assert_lt(host->recs + 64, PAIR_RECORDS);
		n = fantail_qp_poll(host->qp, host->rec + host->recs, 64);
		cr_assert_geq(n, 0, "host %u: poll %d", h, n);
		host->recs += (uint32_t)n;
		if (n)
			fantail_qp_arm(host->qp);
	}
}

/* Frames also come while a register is written. */
static void answer_all(struct pair *p)
{
	while (p->answered < p->frames)
		answer(p, &p->frame[p->answered++]);
}

static void step(struct pair *p, uint64_t us)
{
	int rc;

	rc = fantail_sim_wait(p->sim, 3, (int64_t)us, NULL);
	cr_assert_geq(rc, 0, "wait: %d", rc);
	answer_all(p);
	take_records(p);
}

void pair_for(struct pair *p, uint64_t us)
{
	uint64_t now = fantail_sim_now_us(p->sim), end = now + us;

	while (now < end) {
		step(p, end - now < STEP_US ? end - now : STEP_US);
		now = fantail_sim_now_us(p->sim);
	}
}

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level <= FANTAIL_SIM_WARN)
		fprintf(stderr, "card: %s\n", msg);
}

void pair_open_host(struct pair *p, unsigned int h,
		    const struct fantail_qp_options *opt)
{
	struct fantail_qp_options o = *opt;
	struct pair_host *host = &p->host[h];

	o.local_ip = PAIR_IP + h;
	cr_assert_eq(fantail_qp_open(p->dev, h, &o, &host->qp), 0);
	cr_assert_eq(fantail_dma_alloc(p->dev, PAIR_ARENA,
				       FANTAIL_DMA_READ | FANTAIL_DMA_WRITE |
					       FANTAIL_DMA_QP(h),
				       &host->mem),
		     0);
	host->used = 0;
	host->recs = 0;
	fantail_qp_arm(host->qp);
}

struct pair *pair_open(const struct fantail_qp_options *opt)
{
	static const uint8_t key[16] = "hash of the test";
	struct fantail_dev_options dev = { .hash_key = key };
	struct pair *p = calloc(1, sizeof(*p));
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	unsigned int h;
	uint32_t i;

	CARD_NEEDS(CARD_QUEUE_PAIRS >= 2);
	CARD_NEEDS(CARD_CONNECTIONS >= 32);
	cr_assert(p);
	for (i = 0; i < CARD_CONNECTIONS; i++)
		p->next[i] = PAIR_ISN;
	fantail_net_config_default(&net);
	net.card_ips = 2;
	net.frame = on_frame;
	net.frame_ctx = p;
	fantail_sim_config_init(&cfg);
	cfg.network = "script:";
	cfg.net = &net;
	cfg.log = on_log;
	/* it wants to see handshakes; the peers judge the bytes */
	cfg.wire_check = false;
	cfg.pcap = getenv("PCAP");
	cfg.cycle_limit = CARD_CYCLES(20000000);
	cr_assert_eq(fantail_sim_open(&cfg, &p->sim), 0);
	dev.sim = p->sim;
	cr_assert_eq(fantail_dev_open("sim:", &dev, &p->dev), 0);
	cr_assert_eq(fantail_dev_limits(p->dev)->queue_pairs, CARD_QUEUE_PAIRS);
	for (h = 0; h < 2; h++)
		pair_open_host(p, h, opt);
	return p;
}

void pair_close_host(struct pair *p, unsigned int h)
{
	struct pair_host *host = &p->host[h];

	fantail_qp_close(host->qp);
	host->qp = NULL;
	fantail_dma_free(p->dev, &host->mem);
}

void pair_close(struct pair *p)
{
	char why[300];
	unsigned int h;
	uint32_t i;

	for (i = 0; i < CARD_CONNECTIONS; i++)
		cr_assert_not(p->wrong[i], "connection %u: wrong bytes", i);
	for (h = 0; h < 2; h++)
		if (p->host[h].qp)
			pair_close_host(p, h);
	fantail_dev_close(p->dev);
	cr_assert_eq(fantail_sim_check(p->sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(p->sim);
	free(p);
}

struct fantail_entry *pair_get(struct pair *p, unsigned int h,
			       enum fantail_ring ring, uint8_t op,
			       uint32_t target)
{
	struct fantail_entry *e = fantail_sq_get(p->host[h].qp, ring);

	cr_assert(e, "host %u: ring %d is full", h, ring);
	e->op = op;
	e->target = target;
	e->flags = FANTAIL_FLAG_LAST;
	return e;
}

struct fantail_rec_batch pair_ring(struct pair *p, unsigned int h,
				   enum fantail_ring ring)
{
	struct pair_host *host = &p->host[h];
	uint64_t end = fantail_sim_now_us(p->sim) + PAIR_FAR_US;
	uint32_t i = host->recs;
	int rc;

	rc = ring == FANTAIL_RING_DATA ? fantail_qp_submit(host->qp)
				       : fantail_qp_submit_control(host->qp);
	cr_assert_gt(rc, 0);
	for (;;) {
		for (; i < host->recs; i++)
			if (host->rec[i].type == FANTAIL_REC_BATCH &&
			    host->rec[i].batch.ring == ring)
				return host->rec[i].batch;
		cr_assert_lt(fantail_sim_now_us(p->sim), end,
			     "host %u: no BATCH record", h);
		step(p, STEP_US);
	}
}

uint8_t pair_one(struct pair *p, unsigned int h, enum fantail_ring ring,
		 const struct fantail_entry *e)
{
	struct pair_host *host = &p->host[h];
	struct fantail_entry *to = pair_get(p, h, ring, e->op, e->target);
	uint32_t i = host->recs;
	struct fantail_rec_batch batch;

	*to = *e;
	to->flags |= FANTAIL_FLAG_LAST;
	batch = pair_ring(p, h, ring);
	cr_assert_eq(batch.entries, 1);
	for (; i < host->recs; i++) {
		if (host->rec[i].type == FANTAIL_REC_REFUSED) {
			cr_assert_eq(batch.refused, 1);
			return host->rec[i].refused.code;
		}
	}
	cr_assert_eq(batch.refused, 0);
	return 0;
}

void *pair_va(struct pair *p, unsigned int h, uint64_t iova)
{
	return (uint8_t *)p->host[h].mem.va + (iova - p->host[h].mem.iova);
}

uint64_t pair_bytes(struct pair *p, unsigned int h, uint32_t bytes,
		    uint8_t fill)
{
	struct pair_host *host = &p->host[h];
	uint64_t iova;

	bytes = (bytes + 63) & ~63u;
	if (host->used + bytes > PAIR_ARENA)
		host->used = 0; /* what was there is long done */
	iova = host->mem.iova + host->used;
	host->used += bytes;
	memset(pair_va(p, h, iova), fill, bytes);
	return iova;
}

uint64_t pair_context(struct pair *p, unsigned int memory, unsigned int h,
		      uint32_t id)
{
	static const uint8_t mac[6] = { 0x02, 'f', 'a', 'n', 0, 1 };
	uint64_t iova = pair_bytes(p, memory, FANTAIL_CONTEXT_BYTES, 0);
	struct fantail_context *x = pair_va(p, memory, iova);

	x->local_ip = PAIR_IP + h;
	x->remote_ip = PAIR_PEER + id;
	x->local_port = PAIR_PORT;
	x->remote_port = 5000;
	memcpy(x->local_mac, mac, 6);
	memcpy(x->remote_mac, host_peer_mac, 6);
	x->snd_nxt = PAIR_ISN;
	x->rcv_nxt = 1;
	x->snd_wnd = 65535;
	x->mss = 1460;
	x->rcv_credit = 65535;
	return iova;
}

uint32_t pair_install(struct pair *p, unsigned int h, uint32_t id, uint32_t gen)
{
	struct fantail_entry e = {
		.op = FANTAIL_OP_CONN_INSTALL,
		.target = gen << FANTAIL_HANDLE_GENERATION_SHIFT | id,
		.addr = pair_context(p, h, h, id),
	};
	uint8_t code = pair_one(p, h, FANTAIL_RING_CONTROL, &e);

	cr_assert_eq(code, 0, "install of %u by %u: %u", id, h, code);
	p->next[id] = PAIR_ISN;
	p->bytes[id] = 0;
	return e.target;
}

uint8_t pair_join(struct pair *p, unsigned int h, uint32_t handle,
		  uint32_t group)
{
	struct fantail_entry e = {
		.op = FANTAIL_OP_GROUP_JOIN,
		.target = handle,
		.arg0 = group,
	};

	return pair_one(p, h, FANTAIL_RING_CONTROL, &e);
}

struct fantail_rec_batch pair_publish(struct pair *p, unsigned int h,
				      uint32_t target, uint8_t flags,
				      uint32_t len)
{
	struct fantail_entry *e =
		pair_get(p, h, FANTAIL_RING_DATA, FANTAIL_OP_PUBLISH, target);

	e->flags |= flags;
	e->addr = pair_bytes(p, h, len, pair_letter(h));
	e->len = len;
	return pair_ring(p, h, FANTAIL_RING_DATA);
}

uint32_t pair_count(const struct pair *p, unsigned int h, uint8_t type)
{
	uint32_t i, n = 0;

	for (i = 0; i < p->host[h].recs; i++)
		n += p->host[h].rec[i].type == type;
	return n;
}

uint32_t pair_sent(const struct pair *p, uint32_t id, uint8_t flags)
{
	uint32_t i, n = 0;

	for (i = 0; i < p->frames; i++)
		n += p->frame[i].id == id &&
		     (p->frame[i].flags & flags) == flags;
	return n;
}

void pair_forget(struct pair *p)
{
	answer_all(p);
	p->frames = 0;
	p->answered = 0;
	p->host[0].recs = 0;
	p->host[1].recs = 0;
}

uint32_t pair_read(struct pair *p, unsigned int h, uint32_t offset)
{
	uint64_t value;

	cr_assert_eq(fantail_sim_bar_read(p->sim, 0,
					  FANTAIL_PAGE_BYTES * (1 + h) + offset,
					  4, &value),
		     0);
	return (uint32_t)value;
}

void pair_write(struct pair *p, unsigned int h, uint32_t offset, uint32_t value)
{
	cr_assert_eq(fantail_sim_bar_write(
			     p->sim, 0, FANTAIL_PAGE_BYTES * (1 + h) + offset,
			     4, value),
		     0);
}
