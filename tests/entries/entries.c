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

void ent_fail(struct ent_host *h, const char *fmt, ...)
{
	va_list ap;

	if (h->card->res.failed)
		return;
	h->card->res.failed = true;
	va_start(ap, fmt);
	vsnprintf(h->card->res.why, sizeof(h->card->res.why), fmt, ap);
	va_end(ap);
}

/* xorshift64*, Vigna 2016: fast, and the same everywhere. */
uint32_t ent_random(struct ent_host *h)
{
	h->card->rnd ^= h->card->rnd >> 12;
	h->card->rnd ^= h->card->rnd << 25;
	h->card->rnd ^= h->card->rnd >> 27;
	return (uint32_t)(h->card->rnd * 0x2545F4914F6CDD1Du >> 32);
}

uint32_t ent_below(struct ent_host *h, uint32_t below)
{
	return (uint32_t)((uint64_t)ent_random(h) * below >> 32);
}

bool ent_once(struct ent_host *h, uint32_t of)
{
	return !ent_below(h, of);
}

void ent_progress(struct ent_host *h)
{
	h->moved = true;
}

static void choose(struct ent_host *h)
{
	static const uint16_t cycles[] = { 20, 60, 150, 400, 1200 };
	static const uint16_t most[] = { 1, 4, 64, 1000 };
	struct ent_temper *t = &h->temper;

	t->burst = 1 + ent_below(h, ent_once(h, 3) ? 200 : 16);
	t->cycles = cycles[ent_below(h, 5)];
	t->poll_once = ent_once(h, 6) ? 40 : 1 + ent_below(h, 4);
	t->poll_most = most[ent_below(h, 4)];
	t->control_once = 2 + ent_below(h, 5);
	h->calm = ent_once(h, 3);
	h->long_batches = ent_once(h, 4);
	h->resting = false;
	ent_progress(h);
}

static void turn(struct ent_host *h)
{
	const struct ent_temper *t = &h->temper;
	int ring = ent_once(h, t->control_once) ? ENT_CONTROL : ENT_DATA;
	struct ent_ring *r = &h->ring[ring];
	uint32_t i, burst = 1 + ent_below(h, t->burst);

	for (i = 0; i < burst && ent_space(h, ring) && !h->full; i++)
		ent_make(h, ring);
	while (r->rung < r->written && ent_once(h, 2))
		ent_doorbell(h, ring,
			     r->written - ent_below(h, (uint32_t)(r->written -
								  r->rung)));
	if (ent_once(h, 30))
		ent_doorbell(h, !ring, h->ring[!ring].rung);
	ent_run(h, 1 + ent_below(h, t->cycles));
	if (ent_once(h, t->poll_once))
		ent_poll(h, 1 + ent_below(h, t->poll_most));
	if (!ent_space(h, ring) && ent_once(h, 4))
		ent_read_heads(h);
	ent_wire_turn(h);
}

void ent_others(struct ent_host *h)
{
	unsigned int i;

	for (i = 0; i < ENT_HOSTS; i++) {
		struct ent_host *other = h->card->host[i];

		if (other != h && !other->resting && !h->card->res.failed)
			turn(other);
	}
}

unsigned int ent_host_of(uint32_t id)
{
	return id / ENT_CLASS >= 6;
}

int ent_ring_of(uint32_t id)
{
	return id / ENT_CLASS == 5 || id / ENT_CLASS == 7 ? ENT_CONTROL
							  : ENT_DATA;
}

/* Is it time for a full stop? */
static bool enough(struct ent_card *c, uint64_t end)
{
	unsigned int i;

	if (c->res.entries >= end || c->res.failed)
		return true;
	for (i = 0; i < ENT_HOSTS; i++)
		if (c->host[i]->full ||
		    ent_now(c->host[i]) > c->host[i]->last_progress + STUCK)
			return true;
	return false;
}

/* A full stop, while the others go on, and what may come of it. */
static void rest(struct ent_host *h)
{
	ent_stop(h);
	if (h->card->res.failed)
		return;
	if (ent_once(h, 8))
		ent_restart(h);
	else if (ent_once(h, 6))
		ent_halt(h);
	h->resting = true;
}

static void stretch(struct ent_card *c)
{
	uint64_t end = c->res.entries + 200 + ent_below(c->host[0], 1500);
	unsigned int i, first;

	for (i = 0; i < ENT_HOSTS; i++)
		choose(c->host[i]);
	if (end > c->opt.entries)
		end = c->opt.entries;
	while (!enough(c, end))
		turn(c->host[ent_once(c->host[0], 3)]);
	if (!c->res.failed && ent_once(c->host[0], 12)) {
		ent_card_reset(c);
		return;
	}
	first = ent_below(c->host[0], ENT_HOSTS);
	for (i = 0; i < ENT_HOSTS && !c->res.failed; i++)
		rest(c->host[(first + i) % ENT_HOSTS]);
	if (!c->res.failed)
		ent_check_card(c);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void loop(struct ent_card *c)
{
	double start = seconds(), told = start;

	while (!c->res.failed && c->res.entries < c->opt.entries) {
		stretch(c);
		if (!c->opt.progress || seconds() < told + 10)
			continue;
		told = seconds();
		fprintf(c->opt.progress,
			"  %llu entries, %.0f per second, %llu full stops\n",
			(unsigned long long)c->res.entries,
			(double)c->res.entries / (told - start),
			(unsigned long long)c->res.stops);
	}
	c->res.seconds = seconds() - start;
}

bool entries_run(const struct entries_options *opt, struct entries_result *res)
{
	struct ent_card *c = calloc(1, sizeof(*c));
	int rc;

	memset(res, 0, sizeof(*res));
	if (!c) {
		res->failed = true;
		return false;
	}
	c->opt = *opt;
	c->rnd = opt->seed * 0x9E3779B97F4A7C15u + 0x1234567;
	if (!c->rnd)
		c->rnd = 1;
	if (ent_card_open(c))
		loop(c);
	if (c->res.failed && c->frames && opt->pcap) {
		rc = frame_ring_write(c->frames, opt->pcap);
		if (rc && opt->progress)
			fprintf(opt->progress, "  %s: %s\n", opt->pcap,
				strerror(-rc));
	}
	ent_card_close(c);
	*res = c->res;
	free(c);
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
		"  %llu codes decided by the other ring; %llu CONN (%llu of "
		"lag), %llu DATA, "
		"%llu FRAME, %llu HEAD records\n"
		"  %llu entries named another queue pair's connections; %llu "
		"SUMMARY records, %llu of them for COLLECT, %llu DELIVERED\n"
		"  %llu doorbells, %llu full stops, %llu restarts, %llu "
		"resets; halted by a doorbell %llu, a ring that cannot be read "
		"%llu, sizes %llu\n"
		"  %llu entries in %.1f s; %llu cycles, %.1f per entry\n",
		(unsigned long long)res->batches,
		(unsigned long long)res->payloads,
		(unsigned long long)res->reached,
		(unsigned long long)res->skipped,
		(unsigned long long)res->bytes_received,
		(unsigned long long)res->up_bytes,
		(unsigned long long)res->raced,
		(unsigned long long)res->conn_records,
		(unsigned long long)res->lagging,
		(unsigned long long)res->data_records,
		(unsigned long long)res->frame_records,
		(unsigned long long)res->head_records,
		(unsigned long long)res->foreign,
		(unsigned long long)res->summary_records,
		(unsigned long long)res->collected,
		(unsigned long long)res->delivered_records,
		(unsigned long long)res->doorbells,
		(unsigned long long)res->stops,
		(unsigned long long)res->restarts,
		(unsigned long long)res->resets,
		(unsigned long long)res->faults[FANTAIL_FAULT_DOORBELL],
		(unsigned long long)res->faults[FANTAIL_FAULT_ENTRY_READ],
		(unsigned long long)res->faults[FANTAIL_FAULT_RING_SIZE],
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
		"  \"restarts\": %llu,\n  \"halts_doorbell\": %llu,\n"
		"  \"halts_entry_read\": %llu,\n  \"halts_ring_size\": %llu,\n"
		"  \"foreign\": %llu,\n  \"collected\": %llu,\n"
		"  \"resets\": %llu,\n  \"cycles\": %llu,\n"
		"  \"seconds\": %.3f,\n  \"entries\": %llu\n}\n",
		(unsigned long long)res->raced,
		(unsigned long long)res->batches,
		(unsigned long long)res->bytes_received,
		(unsigned long long)res->up_bytes,
		(unsigned long long)res->doorbells,
		(unsigned long long)res->stops,
		(unsigned long long)res->restarts,
		(unsigned long long)res->faults[FANTAIL_FAULT_DOORBELL],
		(unsigned long long)res->faults[FANTAIL_FAULT_ENTRY_READ],
		(unsigned long long)res->faults[FANTAIL_FAULT_RING_SIZE],
		(unsigned long long)res->foreign,
		(unsigned long long)res->collected,
		(unsigned long long)res->resets,
		(unsigned long long)res->cycles, res->seconds,
		(unsigned long long)res->entries);
	return fclose(f) ? -errno : 0;
}
