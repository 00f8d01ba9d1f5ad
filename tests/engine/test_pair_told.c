/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queue pairs with news at the same time: periods, COLLECT, DELIVERED.
 * Each host is told of its own, once.
 */
#include <criterion/criterion.h>

#include "pair.h"

#include "../libhost/host_fixture.h"

#define CONNS	12 /* of each host; ids 2 * i + h */
#define FOREVER UINT32_MAX

static uint32_t handle[2][CONNS];
static uint32_t sent[2][CONNS]; /* by the peer */

static const struct fantail_qp_options options = {
	.data_log2 = 6,
	.control_log2 = 6,
	.status_log2 = 8,
	.slot_count = 64,
	.mod_count = 1000,
	.mod_us = 20000,
};

static uint32_t id_of(unsigned int h, uint32_t i)
{
	return 2 * i + h;
}

static void install(struct pair *p, unsigned int h, uint32_t i)
{
	handle[h][i] = pair_install(p, h, id_of(h, i), 5);
	sent[h][i] = 0;
}

/* The first @n of each host are up, and nothing waits to be told. */
static struct pair *start(const struct fantail_qp_options *opt, uint32_t n)
{
	struct pair *p = pair_open(opt);
	unsigned int h;
	uint32_t i;

	for (h = 0; h < 2; h++)
		for (i = 0; i < n; i++)
			install(p, h, i);
	pair_for(p, 3ull * opt->mod_us);
	pair_forget(p);
	return p;
}

static void reads(struct pair *p, unsigned int h, uint32_t i)
{
	pair_peer_segment(p, h, id_of(h, i), 1 + sent[h][i], HOST_ACK, "news");
	sent[h][i] += 4;
}

static void resets(struct pair *p, unsigned int h, uint32_t i)
{
	pair_peer_segment(p, h, id_of(h, i), 1 + sent[h][i],
			  HOST_RST | HOST_ACK, NULL);
}

static void closes(struct pair *p, unsigned int h, uint32_t i)
{
	pair_peer_segment(p, h, id_of(h, i), 1 + sent[h][i],
			  HOST_FIN | HOST_ACK, NULL);
}

/* What a host has been told since pair_forget(). */
struct told {
	uint32_t summaries, answers, conns, datas;
	uint32_t of[CONNS]; /* CONN records */
	struct fantail_rec_summary sum;
};

static uint32_t index_of(unsigned int h, uint32_t named)
{
	uint32_t i, found = 0, n = 0;

	for (i = 0; i < CONNS; i++) {
		if (handle[h][i] != named)
			continue;
		found = i;
		n++;
	}
	cr_assert_eq(n, 1, "host %u hears of %08x", h, named);
	return found;
}

static struct told look(const struct pair *p, unsigned int h)
{
	const struct pair_host *host = &p->host[h];
	struct told t = { 0 };
	uint32_t k;

	for (k = 0; k < host->recs; k++) {
		const union fantail_record *r = &host->rec[k];

		switch (r->type) {
		case FANTAIL_REC_SUMMARY:
			t.summaries++;
			t.answers += r->summary.collected;
			t.sum = r->summary;
			break;
		case FANTAIL_REC_DATA:
			t.datas++;
			break;
		case FANTAIL_REC_CONN:
			t.of[index_of(h, r->conn.handle)]++;
			t.conns++;
			break;
		default:
			break;
		}
	}
	return t;
}

static void check_sum(const struct told *t, uint32_t connects, uint32_t datas,
		      uint32_t disconnects)
{
	cr_assert_eq(t->summaries, 1, "%u SUMMARY records", t->summaries);
	cr_assert_eq(t->sum.connects, connects);
	cr_assert_eq(t->sum.reads, datas);
	cr_assert_eq(t->sum.errors, 0);
	cr_assert_eq(t->sum.disconnects, disconnects);
}

/* Three installs, five reads, four disconnects of one; two, seven, three. */
static void news_of_both(struct pair *p)
{
	uint32_t i;

	for (i = 0; i < 7; i++) {
		if (i < 5)
			reads(p, 0, i);
		reads(p, 1, i);
		if (i < 3)
			resets(p, 0, 5 + i);
		if (i == 3)
			closes(p, 0, 8);
		if (i < 2)
			closes(p, 1, 7 + i);
		if (i == 2)
			resets(p, 1, 9);
	}
	for (i = 9; i < 12; i++)
		install(p, 0, i);
	for (i = 10; i < 12; i++)
		install(p, 1, i);
}

/* Of host 0, 5 to 8 have left, of host 1 7 to 9. */
static void check_left(const struct told *t, unsigned int h)
{
	uint32_t first = h ? 7 : 5, last = h ? 9 : 8, i;

	for (i = 0; i < CONNS; i++)
		cr_assert_eq(t->of[i], i >= first && i <= last,
			     "host %u: %u records of %u", h, t->of[i], i);
}

/* Ten are up of one, nine of the other. */
static struct pair *start_uneven(const struct fantail_qp_options *opt)
{
	struct pair *p = start(opt, 9);

	install(p, 1, 9);
	pair_for(p, 3ull * opt->mod_us);
	pair_forget(p);
	return p;
}

Test(pair_told, periods_of_both)
{
	struct pair *p = start_uneven(&options);
	struct told t;

	news_of_both(p);
	pair_for(p, 60000);
	t = look(p, 0);
	check_sum(&t, 3, 5, 4);
	cr_assert_eq(t.datas, 5);
	check_left(&t, 0);
	t = look(p, 1);
	check_sum(&t, 2, 7, 3);
	cr_assert_eq(t.datas, 7);
	check_left(&t, 1);
	pair_close(p);
}

/* One period ends soon and often, the other one late and once. */
Test(pair_told, periods_of_their_own)
{
	struct pair *p = start_uneven(&options);
	struct told t;
	uint32_t i;

	pair_write(p, 0, FANTAIL_QP_MOD_US, 100);
	for (i = 0; i < 5; i++) {
		resets(p, 0, i);
		resets(p, 1, i);
		pair_for(p, 1000);
	}
	t = look(p, 0);
	cr_assert_eq(t.summaries, 5);
	cr_assert_eq(t.conns, 5);
	cr_assert_eq(look(p, 1).summaries + look(p, 1).conns, 0);
	pair_for(p, 40000);
	t = look(p, 1);
	check_sum(&t, 0, 0, 5);
	cr_assert_eq(t.conns, 5);
	cr_assert_eq(look(p, 0).conns, 5);
	pair_close(p);
}

static void collect(struct pair *p, unsigned int h, enum fantail_ring ring)
{
	pair_get(p, h, ring, FANTAIL_OP_NOP, 0)->flags = FANTAIL_FLAG_COLLECT |
							 FANTAIL_FLAG_LAST;
	if (ring == FANTAIL_RING_DATA)
		cr_assert_eq(fantail_qp_submit(p->host[h].qp), 1);
	else
		cr_assert_eq(fantail_qp_submit_control(p->host[h].qp), 1);
}

static void check_answers(struct pair *p)
{
	struct told t = look(p, 0);

	check_sum(&t, 3, 5, 4);
	cr_assert_eq(t.answers, 1);
	check_left(&t, 0);
	t = look(p, 1);
	check_sum(&t, 2, 7, 3);
	cr_assert_eq(t.answers, 1);
	check_left(&t, 1);
}

/* Both ask at once, one of them wants sums only. */
static void collect_of_both(bool summary_only)
{
	struct fantail_qp_options opt = options;
	struct pair *p;
	struct told t;

	opt.summary_only = summary_only;
	p = start_uneven(&opt);
	pair_write(p, 0, FANTAIL_QP_MOD_US, FOREVER);
	pair_write(p, 1, FANTAIL_QP_MOD_US, FOREVER);
	news_of_both(p);
	pair_for(p, 100000);
	cr_assert_eq(look(p, 0).conns + look(p, 0).summaries, 0);
	cr_assert_eq(look(p, 1).conns + look(p, 1).summaries, 0);
	collect(p, 0, FANTAIL_RING_CONTROL);
	collect(p, 1, FANTAIL_RING_DATA);
	pair_for(p, 5000);
	check_answers(p);
	/* one asks again: it alone is answered */
	pair_forget(p);
	collect(p, 0, FANTAIL_RING_DATA);
	pair_for(p, 5000);
	t = look(p, 0);
	check_sum(&t, 0, 0, 0);
	cr_assert_eq(t.answers, 1);
	cr_assert_eq(t.conns, 0);
	t = look(p, 1);
	cr_assert_eq(t.summaries + t.conns, 0);
	pair_close(p);
}

Test(pair_told, collect_of_both)
{
	collect_of_both(false);
}

Test(pair_told, collect_of_both_in_summary_only_mode)
{
	collect_of_both(true);
}

/* ------------------------------------------------------------- DELIVERED */

static void publish(struct pair *p, unsigned int h, uint32_t i, uint64_t cookie)
{
	struct fantail_entry *e = pair_get(p, h, FANTAIL_RING_DATA,
					   FANTAIL_OP_PUBLISH, handle[h][i]);

	e->flags |= FANTAIL_FLAG_REPORT_DELIVERED;
	e->addr = pair_bytes(p, h, 100, pair_letter(h));
	e->len = 100;
	e->cookie = cookie;
	cr_assert_eq(fantail_qp_submit(p->host[h].qp), 1);
}

/* Cookies in order, of this host's own; returns how many. */
static uint32_t delivered(struct pair *p, unsigned int h, uint32_t first)
{
	const struct pair_host *host = &p->host[h];
	uint32_t i, n = 0;

	for (i = 0; i < host->recs; i++) {
		if (host->rec[i].type != FANTAIL_REC_DELIVERED)
			continue;
		cr_assert_eq(host->rec[i].delivered.cookie_hi, 7 + h);
		cr_assert_eq(host->rec[i].delivered.cookie_lo, first + n);
		n++;
	}
	return n;
}

/* One host's peers say nothing: its marks wait, the other's do not. */
Test(pair_told, delivered_of_both)
{
	struct fantail_qp_options opt = options;
	uint32_t i, k, first = 0;
	struct pair *p;

	opt.mod_us = 100;
	p = start(&opt, CONNS);
	p->deaf[1] = true;
	/* more than sixteen marks: DATA of host 1 waits as well */
	for (k = 0; k < 4; k++) {
		for (i = 0; i < 6; i++) {
			publish(p, 0, i, 7ull << 32 | (6 * k + i));
			publish(p, 1, i, 8ull << 32 | (6 * k + i));
		}
		pair_for(p, 3000);
		cr_assert_eq(delivered(p, 0, first), 6, "round %u: %u", k,
			     delivered(p, 0, first));
		cr_assert_eq(delivered(p, 1, 0), 0);
		first += 6;
		pair_forget(p);
	}
	for (i = 0; i < 6; i++)
		cr_assert_eq(p->bytes[id_of(0, i)], 400);
	cr_assert_lt(pair_read(p, 1, FANTAIL_QP_DATA_HEAD), 24);
	/* those of host 1 hear again, but for one, which is aborted */
	p->deaf[1] = false;
	for (k = 0; k < 40; k++)
		pair_for(p, 100000);
	cr_assert_eq(delivered(p, 1, 0), 24);
	cr_assert_eq(delivered(p, 0, first), 0);
	for (i = 0; i < 6; i++)
		cr_assert_eq(p->bytes[id_of(1, i)], 400);
	pair_close(p);
}

/*
 * A host that does not read, and has marks that nobody can tell it: what has
 * log space is replicated all the same, and the log is not the other's loss.
 */
Test(pair_told, marks_of_a_blind_host)
{
	struct fantail_qp_options opt = options;
	uint32_t i, k;
	struct pair *p;

	opt.mod_us = 100;
	opt.status_log2 = 3;
	p = start(&opt, 6);
	p->host[1].blind = true;
	for (i = 0; i < 48; i++) {
		publish(p, 1, i % 6, 8ull << 32 | i);
		if (i % 8 == 7)
			pair_for(p, 200);
		pair_forget(p);
	}
	/* twice the log, and DELIVERED again and again */
	for (k = 0; k < 16; k++) {
		pair_forget(p);
		for (i = 0; i < 6; i++)
			cr_assert_eq(pair_publish(p, 0, handle[0][i], 0, 1400)
					     .reached,
				     1);
		publish(p, 0, 0, 7ull << 32 | k);
		pair_for(p, 600);
		cr_assert_eq(delivered(p, 0, k), 1, "round %u", k);
	}
	pair_forget(p);
	p->host[1].blind = false;
	pair_for(p, 20000);
	cr_assert_eq(delivered(p, 1, 0), 48);
	pair_for(p, 1000);
	for (i = 0; i < 6; i++)
		cr_assert_eq(p->bytes[id_of(1, i)], 800);
	pair_close(p);
}

/* A failure of one host delivers its payload, and nothing of the other. */
Test(pair_told, delivered_by_failure_of_one)
{
	struct fantail_qp_options opt = options;
	struct fantail_entry e = { .op = FANTAIL_OP_CONN_ABORT };
	struct pair *p;
	uint32_t i;

	opt.mod_us = 100;
	p = start(&opt, CONNS);
	p->mute = true;
	publish(p, 0, 3, 7ull << 32);
	publish(p, 1, 3, 8ull << 32);
	pair_for(p, 1000);
	cr_assert_eq(delivered(p, 0, 0) + delivered(p, 1, 0), 0);
	e.target = handle[0][3];
	cr_assert_eq(pair_one(p, 0, FANTAIL_RING_CONTROL, &e), 0);
	pair_for(p, 1000);
	cr_assert_eq(delivered(p, 0, 0), 1);
	cr_assert_eq(delivered(p, 1, 0), 0);
	/* the failure was told before */
	for (i = 0; i < p->host[0].recs; i++)
		if (p->host[0].rec[i].type == FANTAIL_REC_CONN ||
		    p->host[0].rec[i].type == FANTAIL_REC_DELIVERED)
			break;
	cr_assert_eq(p->host[0].rec[i].type, FANTAIL_REC_CONN);
	p->mute = false;
	pair_for(p, 2000000);
	cr_assert_eq(delivered(p, 1, 0), 1);
	cr_assert_eq(delivered(p, 0, 0), 1);
	pair_close(p);
}
