/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of periods and COLLECT: ten clients each that are read
 * from, that fall silent and are given up, that leave, and that are new; and
 * the records which tell of them, counted.
 */
#ifndef TESTS_ENGINE_NEWS_H
#define TESTS_ENGINE_NEWS_H

#include "engine.h"

enum {
	/* clients of each kind, and the first of them */
	NEWS_KIND = CARD_MIN(10, CARD_CONNECTIONS / 4),
	NEWS_READERS = 0,
	NEWS_SILENT = NEWS_KIND,
	NEWS_LEAVERS = 2 * NEWS_KIND,
	NEWS_NEWCOMERS = 3 * NEWS_KIND,
	NEWS_CLIENTS = 4 * NEWS_KIND,
	NEWS_GIVE_UP_MS = 1000,
};

/* Since news_listen(). */
struct news {
	unsigned int summaries, answers /* to COLLECT */, datas, conns, others;
	unsigned int of[ENGINE_CLIENTS]; /* DATA and CONN records */
	bool summary_is_last;
	struct fantail_rec_summary sum;	 /* of all */
	struct fantail_rec_summary last; /* the last one */
};

extern struct news news;

/* Thirty are up, ten have shaken hands, and nothing waits to be told. */
struct engine *news_start(struct fantail_qp_options qp);
void news_end(struct engine *e);

/* Count from zero, what engine_poll() reads or is given here. */
void news_listen(struct engine *e);
void news_note(struct engine *e, const union fantail_record *rec);

/* One disconnects: even ones close, odd ones reset. */
void news_leave(struct engine *e, uint32_t client);
/* Ten send errors, when they are given up. */
void news_publish_to_the_silent(struct engine *e);
/* Ten installs, ten reads, ten disconnects. */
void news_everything_else(struct engine *e);

void news_set_mod_us(struct engine *e, uint32_t us);
uint64_t news_interrupts(struct engine *e);

#endif /* TESTS_ENGINE_NEWS_H */
