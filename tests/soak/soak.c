/* SPDX-License-Identifier: Apache-2.0 */
/* The soak's course and report. See soak.h. */
#include "soak.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const plan_name[SOAK_PLANS] = {
	"host_closes",	 "peer_closes", "both_close",
	"host_aborts",	 "peer_aborts", "host_releases",
	"peer_gives_up", "peer_stops",	"stays",
};

void soak_fail(struct soak *s, const char *fmt, ...)
{
	va_list ap;

	if (s->res.failed)
		return;
	s->res.failed = true;
	va_start(ap, fmt);
	vsnprintf(s->res.why, sizeof(s->res.why), fmt, ap);
	va_end(ap);
}

/* xorshift64*, Vigna 2016: the same everywhere. */
uint32_t soak_below(struct soak *s, uint32_t n)
{
	s->rnd ^= s->rnd >> 12;
	s->rnd ^= s->rnd << 25;
	s->rnd ^= s->rnd >> 27;
	return (uint32_t)(((s->rnd * 0x2545F4914F6CDD1Du >> 32) * n) >> 32);
}

uint64_t soak_now(struct soak *s)
{
	return fantail_sim_now_us(s->sim);
}

struct fantail_peers *soak_peers(struct soak *s)
{
	fantail_sim_lock(s->sim);
	return fantail_net_peers(fantail_sim_net(s->sim));
}

void soak_peers_done(struct soak *s)
{
	fantail_sim_unlock(s->sim);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void say(struct soak *s, const char *what)
{
	if (!s->opt.progress)
		return;
	fprintf(s->opt.progress,
		"  %-9s %" PRIu64 " lives, %" PRIu64 " exact, %" PRIu64
		" cut, %" PRIu64 " MB down, %" PRIu64 " s of card time, "
		"%.0f s\n",
		what, s->res.lives, s->res.exact, s->res.cut,
		s->res.bytes_down >> 20, soak_now(s) / 1000000,
		seconds() - s->started);
}

static void rounds(struct soak *s)
{
	double told = seconds();

	s->full = false;
	s->step_us = 2000;
	s->opt.rounds += (uint32_t)s->res.lives;
	while ((s->res.lives < s->opt.rounds || s->running) && soak_turn(s)) {
		if (seconds() < told + 10)
			continue;
		told = seconds();
		say(s, "rounds");
	}
	s->full = true;
}

static void collect(struct soak *s)
{
	struct fantail_peers_stats peers;
	char why[300];

	if (fantail_sim_check(s->sim, why, sizeof(why)))
		soak_fail(s, "%s", why);
	fantail_peers_get_stats(soak_peers(s), &peers);
	fantail_net_link_stats(fantail_sim_net(s->sim), &s->res.tx, &s->res.rx);
	soak_peers_done(s);
	fantail_stats(s->f, &s->res.lib);
	fantail_sim_stats(s->sim, &s->res.sim);
	fantail_dev_counter(s->dev, FANTAIL_CNT_TIMEOUTS, &s->res.rtos);
	fantail_dev_counter(s->dev, FANTAIL_CNT_FAST_RETRANSMITS,
			    &s->res.fast_retransmits);
	fantail_dev_counter(s->dev, FANTAIL_CNT_TX_RETRANSMITS,
			    &s->res.retransmits);
	if (peers.beyond_window)
		soak_fail(s, "bytes beyond a peer's window");
	/* the link flips a bit, the peers see it: no other fault counts */
	if (peers.bad_checksums > s->res.tx.corrupted)
		soak_fail(s, "peers saw wrong checksums");
}

static void course(struct soak *s)
{
	if (!soak_measure(s, &s->res.before))
		return;
	say(s, "measured");
	rounds(s);
	if (s->res.failed || !soak_quiet(s))
		return;
	say(s, "quiet");
	if (!soak_full_run(s))
		return;
	say(s, "full run");
	if (soak_measure(s, &s->res.after))
		soak_compare(s);
	say(s, "measured");
}

struct errand {
	struct soak *s;
	void (*go)(struct soak *);
};

static void *run_errand(void *arg)
{
	struct errand *e = arg;

	e->go(e->s);
	return NULL;
}

/*
 * In a thread of its own, which ends: what the allocator keeps for a thread
 * counts as used until then.
 */
static void apart(struct soak *s, void (*go)(struct soak *))
{
	struct errand e = { s, go };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_errand, &e))
		soak_fail(s, "no thread");
	else
		pthread_join(thread, NULL);
}

static void use(struct soak *s)
{
	course(s);
	collect(s);
}

static void run(struct soak *s)
{
	uint64_t empty, memory;

	apart(s, soak_open_card);
	/* the same of the library */
	if (!s->res.failed)
		apart(s, soak_open_library);
	if (!s->res.failed)
		apart(s, soak_close_library);
	empty = soak_memory();
	if (!s->res.failed)
		apart(s, soak_open_library);
	if (!s->res.failed)
		apart(s, soak_use_library);
	s->res.lib_bytes_before = soak_memory() - empty;
	if (!s->res.failed)
		apart(s, use);
	memory = soak_memory();
	apart(s, soak_close_library);
	s->res.lib_bytes_after = memory - soak_memory();
	apart(s, soak_close_card);
	soak_forget(s);
	if (!s->res.failed && s->res.lib_bytes_after != s->res.lib_bytes_before)
		soak_fail(s,
			  "memory of the library: %" PRIu64
			  " bytes before, %" PRIu64 " after",
			  s->res.lib_bytes_before, s->res.lib_bytes_after);
}

bool soak_run(const struct soak_options *opt, struct soak_result *res)
{
	struct soak *s = calloc(1, sizeof(*s));
	uint64_t memory;
	uint32_t i;

	memset(res, 0, sizeof(*res));
	if (s)
		s->ring = frame_ring_new(20000);
	if (!s || !s->ring) {
		free(s);
		res->failed = true;
		return false;
	}
	s->opt = *opt;
	s->started = seconds();
	s->step_us = 1000;
	s->rnd = opt->seed * 0x9E3779B97F4A7C15u + 0x7654321;
	if (!s->rnd)
		s->rnd = 1;
	for (i = 0; i < sizeof(s->table); i++)
		s->table[i] = (uint8_t)soak_below(s, 256);
	/* once to let everything beneath grow, once to measure */
	apart(s, soak_open_card);
	apart(s, soak_close_card);
	memory = soak_memory();
	run(s);
	s->res.leaked = (int64_t)(soak_memory() - memory);
	if (s->res.leaked > 0)
		soak_fail(s, "%lld bytes leaked", (long long)s->res.leaked);
	s->res.seconds = seconds() - s->started;
	if (s->res.failed && opt->pcap && frame_ring_write(s->ring, opt->pcap))
		fprintf(stderr, "soak: %s cannot be written\n", opt->pcap);
	*res = s->res;
	frame_ring_free(s->ring);
	free(s);
	return !res->failed;
}

/* name, value; the one list behind table and JSON. */
#define VALUES(X)                                                \
	X("lives", res->lives)                                   \
	X("accepted", res->accepted)                             \
	X("accepted_late", res->orphans)                         \
	X("never_up", res->never_up)                             \
	X("streams_exact", res->exact)                           \
	X("streams_cut", res->cut)                               \
	X("forced", res->forced)                                 \
	X("overruns", res->overruns)                             \
	X("gave_up", res->timeouts)                              \
	X("resets_seen_by_peers", res->resets_seen)              \
	X("bytes_down", res->bytes_down)                         \
	X("bytes_up", res->bytes_up)                             \
	X("batches", res->batches)                               \
	X("payloads", res->payloads)                             \
	X("retransmits", res->retransmits)                       \
	X("fast_retransmits", res->fast_retransmits)             \
	X("retransmission_timeouts", res->rtos)                  \
	X("lost_tx", res->tx.lost)                               \
	X("lost_rx", res->rx.lost)                               \
	X("corrupted_tx", res->tx.corrupted)                     \
	X("corrupted_rx", res->rx.corrupted)                     \
	X("duplicated", res->tx.duplicated + res->rx.duplicated) \
	X("reordered", res->tx.reordered + res->rx.reordered)    \
	X("rst_sent_by_library", res->lib.rst_sent)              \
	X("cookies_accepted", res->lib.cookies_accepted)         \
	X("injects", res->lib.injects)                           \
	X("time_wait_entered", res->lib.time_wait_entered)       \
	X("released", res->lib.released)                         \
	X("full_run_bytes", res->full_bytes)                     \
	X("full_run_us", res->full_us)                           \
	X("slots_of_a_flood", res->after.slots_card)             \
	X("extents_of_all", res->after.extents)                  \
	X("flow_entries_left", res->after.flows)                 \
	X("log_bytes_left", res->after.log_bytes)                \
	X("library_bytes_before", res->lib_bytes_before)         \
	X("library_bytes_after", res->lib_bytes_after)           \
	X("bytes_leaked", (uint64_t)res->leaked)                 \
	X("wire_segments", res->sim.wire_segments)               \
	X("wire_violations", res->sim.wire_violations)           \
	X("protocol_violations", res->sim.protocol_violations)   \
	X("card_us", res->sim.now_us)                            \
	X("cycles", res->sim.cycles)

void soak_print(const struct soak_result *res, FILE *to)
{
	int i;

	for (i = 0; i < SOAK_PLANS; i++)
		fprintf(to, "  plan %-24s %12" PRIu64 "\n", plan_name[i],
			res->by_plan[i]);
#define PRINT(name, value) fprintf(to, "  %-29s %12" PRIu64 "\n", name, value);
	VALUES(PRINT)
#undef PRINT
	fprintf(to, "  %.1f s\n", res->seconds);
}

int soak_write_json(const struct soak_result *res,
		    const struct soak_options *opt, const char *path)
{
	FILE *f = fopen(path, "w");
	int i;

	if (!f)
		return -errno;
	fprintf(f, "{\n  \"passed\": %s,\n  \"seed\": %" PRIu64 ",\n",
		res->failed ? "false" : "true", opt->seed);
	for (i = 0; i < SOAK_PLANS; i++)
		fprintf(f, "  \"plan_%s\": %" PRIu64 ",\n", plan_name[i],
			res->by_plan[i]);
#define PRINT(name, value) fprintf(f, "  \"%s\": %" PRIu64 ",\n", name, value);
	VALUES(PRINT)
#undef PRINT
	fprintf(f, "  \"seconds\": %.3f\n}\n", res->seconds);
	return fclose(f) ? -errno : 0;
}
