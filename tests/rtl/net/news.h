/* SPDX-License-Identifier: Apache-2.0 */
/* News of connections, as the acknowledge owner gives it to the reporter. */
#ifndef NET_NEWS_H
#define NET_NEWS_H

#include "bench.h"
#include "fantail_regs.h"

enum {
	EV_PEER_FIN = FANTAIL_EV_PEER_FIN,
	EV_RESET = FANTAIL_EV_RESET,
	EV_TIMED_OUT = FANTAIL_EV_TIMED_OUT,
	EV_OVERRUN = FANTAIL_EV_OVERRUN,
	EV_LAGGING = FANTAIL_EV_LAGGING,
	EV_WRITABLE = FANTAIL_EV_WRITABLE,
	EV_LAG = EV_LAGGING | EV_WRITABLE,
	EV_QUERY = FANTAIL_EV_QUERY,
	EV_REPEATABLE = FANTAIL_EV_LAGGING | FANTAIL_EV_WRITABLE |
			FANTAIL_EV_SKIPPED | FANTAIL_EV_DRAINED |
			FANTAIL_EV_QUERY
};

/* What a SUMMARY record counts. */
struct news_sum {
	unsigned int connects, reads, errors, disconnects, successes;
};

/* Raise events of a connection, of queue pair 0 or @qp. */
void news_raise(struct bench *b, unsigned int id, unsigned int ev,
		unsigned int cause);
void news_raise_qp(struct bench *b, unsigned int qp, unsigned int id,
		   unsigned int ev, unsigned int cause);

/* When periods end, of both queue pairs alike. */
void news_moderate(struct bench *b, unsigned int count, unsigned int us);

/* The last SUMMARY record was this. */
void news_sum_is(const struct bench *b, struct news_sum s);

#endif /* NET_NEWS_H */
