/* SPDX-License-Identifier: Apache-2.0 */
#include "news.h"

#include <criterion/criterion.h>

struct news news;

/* Nothing reaches them, nothing comes from them. */
static bool silent;

static void mute(struct engine *e, const struct engine_segment *s,
		 struct fantail_net_fate *fate)
{
	(void)e;
	if (silent && s->client >= NEWS_SILENT &&
	    s->client < NEWS_SILENT + NEWS_KIND)
		fate->copies = 0;
}

static void give_up_soon(struct engine *e, uint32_t client,
			 struct fantail_context *x)
{
	(void)e;
	(void)client;
	x->give_up_ms = NEWS_GIVE_UP_MS;
}

static bool old_ones_up(struct engine *e)
{
	uint32_t i;

	for (i = 0; i < NEWS_NEWCOMERS; i++)
		if (e->client[i].state != ENGINE_UP)
			return false;
	return true;
}

static bool newcomers_shaken(struct engine *e)
{
	uint32_t i;

	for (i = NEWS_NEWCOMERS; i < NEWS_CLIENTS; i++)
		if (e->client[i].state != ENGINE_SHAKEN)
			return false;
	return true;
}

struct engine *news_start(struct fantail_qp_options qp)
{
	struct engine_options opt = {
		.clients = NEWS_CLIENTS,
		.context = give_up_soon,
		.segment = mute,
		.qp = qp,
		.mod_us_given = true,
	};
	struct engine *e = engine_open(&opt);
	uint32_t i;

	silent = false;
	for (i = 0; i < NEWS_NEWCOMERS; i++)
		engine_connect(e, i);
	engine_until(e, old_ones_up, ENGINE_FAR_US);
	e->opt.hold_installs = true;
	for (; i < NEWS_CLIENTS; i++)
		engine_connect(e, i);
	engine_until(e, newcomers_shaken, ENGINE_FAR_US);
	/* the period of these is over */
	engine_for(e, qp.mod_us + 1000);
	return e;
}

void news_end(struct engine *e)
{
	silent = true; /* they will have nothing more to complain of */
	engine_close(e);
}

void news_listen(struct engine *e)
{
	news = (struct news){ 0 };
	e->opt.record = news_note;
}

void news_note(struct engine *e, const union fantail_record *rec)
{
	news.summary_is_last = rec->type == FANTAIL_REC_SUMMARY;
	switch (rec->type) {
	case FANTAIL_REC_SUMMARY:
		news.summaries++;
		news.answers += rec->summary.collected;
		news.last = rec->summary;
		news.sum.connects += rec->summary.connects;
		news.sum.reads += rec->summary.reads;
		news.sum.errors += rec->summary.errors;
		news.sum.disconnects += rec->summary.disconnects;
		news.sum.successes += rec->summary.successes;
		break;
	case FANTAIL_REC_DATA:
		news.datas++;
		news.of[e->owner[rec->data.handle & 0xFFFF]]++;
		break;
	case FANTAIL_REC_CONN:
		news.conns++;
		news.of[e->owner[rec->conn.handle & 0xFFFF]]++;
		break;
	default:
		news.others++;
		break;
	}
}

void news_leave(struct engine *e, uint32_t client)
{
	struct fantail_peers *peers = engine_peers(e);

	if (client & 1)
		cr_assert_eq(fantail_peer_abort(peers, client), 0);
	else
		cr_assert_eq(fantail_peer_shutdown(peers, client), 0);
	engine_peers_done(e);
}

void news_publish_to_the_silent(struct engine *e)
{
	uint32_t i;

	silent = true;
	for (i = NEWS_SILENT; i < NEWS_SILENT + NEWS_KIND; i++)
		engine_unicast(e, i, 100);
	engine_submit(e);
}

void news_everything_else(struct engine *e)
{
	uint32_t i;

	engine_install_held(e);
	for (i = NEWS_READERS; i < NEWS_READERS + NEWS_KIND; i++)
		engine_peer_send(e, i, 100);
	for (i = NEWS_LEAVERS; i < NEWS_LEAVERS + NEWS_KIND; i++)
		news_leave(e, i);
}

void news_set_mod_us(struct engine *e, uint32_t us)
{
	cr_assert_eq(fantail_sim_bar_write(
			     e->sim, 0, FANTAIL_PAGE_BYTES + FANTAIL_QP_MOD_US,
			     4, us),
		     0);
}

uint64_t news_interrupts(struct engine *e)
{
	return engine_qp_count(e, FANTAIL_QPCNT_INTERRUPTS);
}
