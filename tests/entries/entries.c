/* SPDX-License-Identifier: Apache-2.0 */
/* The loop, and what it says in the end. See entries.h. */
#include "entries.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../fuzz/frame_ring.h"

enum {
	STUCK = 60000, /* cycles without progress: a full stop helps */
};

static const char *const op_name[ENT_OPS] = {
	"NOP",	    "PUBLISH", "INSTALL", "UPDATE", "QUERY",
	"CLOSE",    "ABORT",   "RELEASE", "JOIN",   "LEAVE",
	"FRAME_TX", "INJECT",  "RETURN",  "none",
};

static const char *const code_name[ENT_CODES] = {
	"OK",		"UNKNOWN_OP",  "RESERVED",	"WRONG_RING",
	"LENGTH",	"ID_RANGE",    "NOT_INSTALLED", "INSTALLED",
	"TUPLE_EXISTS", "FLOW_FULL",   "WRONG_QP",	"GROUP_RANGE",
	"IN_GROUP",	"LIST_ALIGN",  "INJECT_MISSED", "DMA_READ",
	"CONTEXT",	"UPDATE_CODE", "SLOT",		"UNSUPPORTED",
};

void ent_fail(struct entries *n, const char *fmt, ...)
{
	va_list ap;

	if (n->res.failed)
		return;
	n->res.failed = true;
	va_start(ap, fmt);
	vsnprintf(n->res.why, sizeof(n->res.why), fmt, ap);
	va_end(ap);
}

/* xorshift64*, Vigna 2016: fast, and the same everywhere. */
uint32_t ent_random(struct entries *n)
{
	n->rnd ^= n->rnd >> 12;
	n->rnd ^= n->rnd << 25;
	n->rnd ^= n->rnd >> 27;
	return (uint32_t)(n->rnd * 0x2545F4914F6CDD1Du >> 32);
}

uint32_t ent_below(struct entries *n, uint32_t below)
{
	return (uint32_t)((uint64_t)ent_random(n) * below >> 32);
}

bool ent_once(struct entries *n, uint32_t of)
{
	return !ent_below(n, of);
}

void ent_progress(struct entries *n)
{
	n->moved = true;
}

/* How hasty the host is, anew for each stretch. */
struct temper {
	uint32_t burst, cycles, poll_once, poll_most, control_once;
};

static void choose(struct entries *n, struct temper *t)
{
	static const uint16_t cycles[] = { 20, 60, 150, 400, 1200 };
	static const uint16_t most[] = { 1, 4, 64, 1000 };

	t->burst = 1 + ent_below(n, ent_once(n, 3) ? 200 : 16);
	t->cycles = cycles[ent_below(n, 5)];
	t->poll_once = ent_once(n, 6) ? 40 : 1 + ent_below(n, 4);
	t->poll_most = most[ent_below(n, 4)];
	t->control_once = 2 + ent_below(n, 5);
	n->calm = ent_once(n, 3);
	n->long_batches = ent_once(n, 4);
}

static void turn(struct entries *n, const struct temper *t)
{
	int ring = ent_once(n, t->control_once) ? ENT_CONTROL : ENT_DATA;
	struct ent_ring *r = &n->ring[ring];
	uint32_t i, burst = 1 + ent_below(n, t->burst);

	for (i = 0; i < burst && ent_space(n, ring) && !n->full; i++)
		ent_make(n, ring);
	while (r->rung < r->written && ent_once(n, 2))
		ent_doorbell(n, ring,
			     r->written - ent_below(n, (uint32_t)(r->written -
								  r->rung)));
	if (ent_once(n, 30))
		ent_doorbell(n, !ring, n->ring[!ring].rung);
	ent_run(n, 1 + ent_below(n, t->cycles));
	if (ent_once(n, t->poll_once))
		ent_poll(n, 1 + ent_below(n, t->poll_most));
	if (!ent_space(n, ring) && ent_once(n, 4))
		ent_read_heads(n);
	ent_wire_turn(n);
}

static void stretch(struct entries *n)
{
	uint64_t end = n->res.entries + 200 + ent_below(n, 1500);
	struct temper t;

	choose(n, &t);
	ent_progress(n);
	if (end > n->opt.entries)
		end = n->opt.entries;
	while (n->res.entries < end && !n->full && !n->res.failed &&
	       fantail_sim_cycles(n->sim) < n->last_progress + STUCK)
		turn(n, &t);
	if (!n->res.failed && ent_once(n, 25)) {
		ent_reset(n);
		return;
	}
	ent_stop(n);
	if (n->res.failed)
		return;
	if (ent_once(n, 8))
		ent_restart(n);
	else if (ent_once(n, 6))
		ent_halt(n);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void loop(struct entries *n)
{
	double start = seconds(), told = start;

	while (!n->res.failed && n->res.entries < n->opt.entries) {
		stretch(n);
		if (!n->opt.progress || seconds() < told + 10)
			continue;
		told = seconds();
		fprintf(n->opt.progress,
			"  %llu entries, %.0f per second, %llu full stops\n",
			(unsigned long long)n->res.entries,
			(double)n->res.entries / (told - start),
			(unsigned long long)n->res.stops);
	}
	n->res.seconds = seconds() - start;
}

bool entries_run(const struct entries_options *opt, struct entries_result *res)
{
	struct entries *n = calloc(1, sizeof(*n));
	int rc;

	memset(res, 0, sizeof(*res));
	if (!n) {
		res->failed = true;
		return false;
	}
	n->opt = *opt;
	n->rnd = opt->seed * 0x9E3779B97F4A7C15u + 0x1234567;
	if (!n->rnd)
		n->rnd = 1;
	if (ent_open(n))
		loop(n);
	if (n->res.failed && n->frames && opt->pcap) {
		rc = frame_ring_write(n->frames, opt->pcap);
		if (rc && opt->progress)
			fprintf(opt->progress, "  %s: %s\n", opt->pcap,
				strerror(-rc));
	}
	ent_close(n);
	*res = n->res;
	free(n);
	return !res->failed;
}

void entries_print(const struct entries_result *res, FILE *to)
{
	uint64_t all = res->entries ? res->entries : 1;
	unsigned int i;

	for (i = 0; i < ENT_OPS - 1; i++)
		fprintf(to, "  done %-15s %10llu\n", op_name[i],
			(unsigned long long)res->done[i]);
	for (i = 1; i < ENT_CODES; i++)
		fprintf(to, "  refused %-15s %7llu\n", code_name[i],
			(unsigned long long)res->refused[i]);
	fprintf(to,
		"  %llu batches, %llu payloads, %llu targets reached, %llu "
		"skipped; %llu bytes out, %llu in\n"
		"  %llu codes decided by the other ring; %llu CONN, %llu DATA, "
		"%llu FRAME, %llu HEAD records\n"
		"  %llu doorbells, %llu full stops, %llu restarts, %llu of "
		"them from a halt, %llu resets\n"
		"  %llu entries in %.1f s; %llu cycles, %.1f per entry\n",
		(unsigned long long)res->batches,
		(unsigned long long)res->payloads,
		(unsigned long long)res->reached,
		(unsigned long long)res->skipped,
		(unsigned long long)res->bytes_received,
		(unsigned long long)res->up_bytes,
		(unsigned long long)res->raced,
		(unsigned long long)res->conn_records,
		(unsigned long long)res->data_records,
		(unsigned long long)res->frame_records,
		(unsigned long long)res->head_records,
		(unsigned long long)res->doorbells,
		(unsigned long long)res->stops,
		(unsigned long long)res->restarts,
		(unsigned long long)res->halts, (unsigned long long)res->resets,
		(unsigned long long)res->entries, res->seconds,
		(unsigned long long)res->cycles,
		(double)res->cycles / (double)all);
}

int entries_write_json(const struct entries_result *res,
		       const struct entries_options *opt, const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int i;

	if (!f)
		return -errno;
	fprintf(f, "{\n  \"passed\": %s,\n  \"seed\": %llu,\n",
		res->failed ? "false" : "true", (unsigned long long)opt->seed);
	for (i = 0; i < ENT_OPS - 1; i++)
		fprintf(f, "  \"done_%s\": %llu,\n", op_name[i],
			(unsigned long long)res->done[i]);
	for (i = 1; i < ENT_CODES; i++)
		fprintf(f, "  \"refused_%s\": %llu,\n", code_name[i],
			(unsigned long long)res->refused[i]);
	fprintf(f,
		"  \"raced\": %llu,\n  \"batches\": %llu,\n"
		"  \"bytes_received\": %llu,\n  \"up_bytes\": %llu,\n"
		"  \"doorbells\": %llu,\n  \"stops\": %llu,\n"
		"  \"restarts\": %llu,\n  \"halts\": %llu,\n"
		"  \"resets\": %llu,\n  \"cycles\": %llu,\n"
		"  \"seconds\": %.3f,\n  \"entries\": %llu\n}\n",
		(unsigned long long)res->raced,
		(unsigned long long)res->batches,
		(unsigned long long)res->bytes_received,
		(unsigned long long)res->up_bytes,
		(unsigned long long)res->doorbells,
		(unsigned long long)res->stops,
		(unsigned long long)res->restarts,
		(unsigned long long)res->halts, (unsigned long long)res->resets,
		(unsigned long long)res->cycles, res->seconds,
		(unsigned long long)res->entries);
	return fclose(f) ? -errno : 0;
}
