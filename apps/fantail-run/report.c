/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool live; /* a line without its end stands there */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void report_progress_end(void)
{
	if (live)
		putchar('\n');
	live = false;
	fflush(stdout);
}

void report_step(const char *format, ...)
{
	va_list args;

	report_progress_end();
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static double part_done(const struct progress *p)
{
	if (p->messages_total)
		return (double)p->messages / (double)p->messages_total;
	if (p->payload_bytes_total)
		return (double)p->payload_bytes /
		       (double)p->payload_bytes_total;
	return 0;
}

bool report_progress(const struct progress *p)
{
	static double last, first, last_time;
	static uint64_t last_cycles;
	static int terminal = -1;
	double time = now(), rate, done;

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	if (!p)
		return time - last >= (terminal ? 0.2 : 2.0);
	if (last_time == 0) {
		/* the first look only starts the clocks */
		first = last = last_time = time;
		last_cycles = p->cycles;
		return true;
	}
	rate = (double)(p->cycles - last_cycles) / (time - last_time + 1e-9);
	last_cycles = p->cycles;
	last = last_time = time;
	done = part_done(p);

	printf("%s", terminal ? "\r\033[K" : "");
	if (p->connected < p->clients && !p->messages)
		printf("connected %" PRIu64 "/%" PRIu64, p->connected,
		       p->clients);
	else if (p->messages_total)
		printf("messages %" PRIu64 "/%" PRIu64, p->messages,
		       p->messages_total);
	else
		printf("messages %" PRIu64, p->messages);
	printf("  batches %" PRIu64 "  delivered %.1f MB  %.2f Mcycles/s",
	       p->batches, (double)p->delivered_bytes / 1e6, rate / 1e6);
	if (done > 0.01 && done < 1)
		printf("  eta %.0f s", (time - first) * (1 - done) / done);
	if (!terminal)
		putchar('\n');
	live = terminal;
	fflush(stdout);
	return true;
}

/* 1234567 as 1,234,567 */
static const char *grouped(uint64_t value, char *text, size_t size)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t out = 0;

	for (int i = 0; i < n && out + 2 < size; i++) {
		if (i && (n - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = 0;
	return text;
}

static void row(const char *what, uint64_t each, uint64_t ours)
{
	char a[32], b[32];

	printf("%-36s %20s %20s", what, grouped(each, a, sizeof(a)),
	       grouped(ours, b, sizeof(b)));
	if (ours)
		printf(" %10.1f", (double)each / (double)ours);
	putchar('\n');
}

static void report_link(const struct summary *s)
{
	static const char *const names[] = { "from the card", "to the card" };

	printf("%" PRIu64 " fast retransmissions, %" PRIu64 " timeouts\n",
	       s->fast_retransmits, s->timeouts);
	for (int d = 0; d < FANTAIL_LINK_DIRS; d++) {
		const struct fantail_link_stats *l = &s->link[d];

		printf("link, %s: %" PRIu64 " frames, %" PRIu64
		       " lost, %" PRIu64 " listed, %" PRIu64
		       " overflowed, %" PRIu64 " reordered, %" PRIu64
		       " duplicated, %" PRIu64 " corrupted, %" PRIu64
		       " discarded\n",
		       names[d], l->frames, l->lost, l->listed, l->overflow,
		       l->reordered, l->duplicated, l->corrupted, l->discarded);
	}
}

/*
 * In cycles, and below, unless @times is NULL, in microseconds, to as many
 * digits as say something.
 */
static void report_times(const char *what,
			 const struct fantail_fanout_spread *cycles,
			 const struct fantail_fanout_spread *times)
{
	const uint64_t c[] = { cycles->median, cycles->p99, cycles->p999,
			       cycles->max };
	char text[32];

	printf("%-26s %12s", what, "cycles");
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
		printf(" %12s", grouped(c[i], text, sizeof(text)));
	putchar('\n');
	if (times) {
		const uint64_t ns[] = { times->median, times->p99, times->p999,
					times->max };

		printf("%-26s %12s", "", "microseconds");
		for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++)
			printf(" %12.*f", ns[i] < 1000000 ? 2 : 0,
			       (double)ns[i] / 1e3);
		putchar('\n');
	}
}

static void report_fanout(const struct summary *s)
{
	const struct fantail_fanout_result *f = &s->fanout;

	printf("\n%-39s %12s %12s %12s %12s\n", "from the doorbell until",
	       "median", "99 %", "99.9 %", "max");
	report_times("the first segment has left", &f->first_cycles,
		     s->real_time ? NULL : &f->first_ns);
	report_times("the last segment has left", &f->last_cycles,
		     s->real_time ? NULL : &f->last_ns);
	report_times("all have acknowledged", &f->acked_cycles,
		     s->real_time ? NULL : &f->acked_ns);
	if (f->queued)
		printf("%" PRIu64 " batches waited for those before them, "
		       "and the times count that; INTERVAL= paces them\n",
		       f->queued);
	printf("%" PRIu64 " of %" PRIu64 " batches acknowledged", f->acked,
	       f->batches);
	if (f->members)
		printf("; a client's place in the fan-out, 0 first to 1 last, "
		       "is on average %.3f to %.3f",
		       f->place_mean_min, f->place_mean_max);
	putchar('\n');
	if (f->full)
		puts("too many batches were under way: not all were measured");
	if (f->stray_bytes)
		printf("%" PRIu64 " bytes left that no batch held: the times "
		       "are not to be trusted\n",
		       f->stray_bytes);
}

static double share(uint64_t part, uint64_t of)
{
	return of ? 100.0 * (double)part / (double)of : 0;
}

static uint64_t starved(const struct fantail_stages *s, unsigned int i)
{
	uint64_t taken = s->busy[i] + s->blocked[i];

	/* the counters are read one after the other */
	return s->cycles > taken ? s->cycles - taken : 0;
}

/* The last of the busiest: those before it work at its pace. */
static unsigned int busiest(const struct fantail_stages *s)
{
	unsigned int i, most = 0;

	for (i = 1; i < FANTAIL_STAGE_COUNT; i++)
		if (s->busy[i] >= s->busy[most])
			most = i;
	return most;
}

static void report_stages(const struct fantail_stages *s)
{
	unsigned int i, most = busiest(s);
	char text[32];

	printf("\n%s cycles of %-24s %11s %11s %11s\n",
	       grouped(s->cycles, text, sizeof(text)), "each stage", "busy",
	       "blocked", "starved");
	for (i = 0; i < FANTAIL_STAGE_COUNT; i++)
		printf("%-39s %9.2f %% %9.2f %% %9.2f %%\n",
		       fantail_stage_name(i), share(s->busy[i], s->cycles),
		       share(s->blocked[i], s->cycles),
		       share(starved(s, i), s->cycles));
	printf("the busiest is %s; docs/registers.md says what each does and "
	       "waits for\n",
	       fantail_stage_name(most));
}

void report_table(const struct summary *s, unsigned int disconnected)
{
	uint64_t n = s->messages * s->clients;
	char a[32], b[32], c[32];

	report_progress_end();
	printf("\nX = %s messages to Y = %s clients, N = X*Y = %s deliveries\n"
	       "\n%-36s %20s %20s %10s\n",
	       grouped(s->messages, a, sizeof(a)),
	       grouped(s->clients, b, sizeof(b)), grouped(n, c, sizeof(c)), "",
	       "N: one by one", "N': Fantail", "N/N'");
	row("data doorbells or system calls", n, s->submit_doorbells);
	row("payload bytes over PCIe", s->payload_bytes * s->clients,
	    s->pcie_payload_read_bytes);
	row("completion records, all successful", n, s->batch_records);
	row("interrupts, at most", n, s->interrupts);
	row("peak of bytes held to retransmit", s->log_bytes_peak * s->clients,
	    s->log_bytes_peak);

	printf("\n%" PRIu64 " of %" PRIu64 " clients verified every byte of "
	       "%s",
	       s->verified_clients, s->clients,
	       grouped(s->payload_bytes, a, sizeof(a)));
	if (disconnected)
		printf("; %u disconnected before the end", disconnected);
	printf("\n%s segments (%" PRIu64 " retransmitted), %s bytes on the "
	       "wire, %" PRIu64 " connection records\n",
	       grouped(s->segments, a, sizeof(a)), s->retransmitted_segments,
	       grouped(s->wire_tx_bytes, b, sizeof(b)), s->conn_records);
	if (s->has_link)
		report_link(s);
	if (s->has_fanout)
		report_fanout(s);
	if (s->stages.cycles)
		report_stages(&s->stages);
	if (s->has_model)
		printf("%s cycles in %.1f s: %.2f Mcycles/s\n",
		       grouped(s->sim_cycles, c, sizeof(c)), s->wall_seconds,
		       s->cycles_per_second / 1e6);
	else
		printf("%.1f s\n", s->wall_seconds);
	fflush(stdout);
}

static json_t *link_json(const struct fantail_link_stats *l)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "frames", (json_int_t)l->frames, "arrived",
			 (json_int_t)l->arrived, "lost", (json_int_t)l->lost,
			 "listed", (json_int_t)l->listed, "overflow",
			 (json_int_t)l->overflow, "reordered",
			 (json_int_t)l->reordered, "duplicated",
			 (json_int_t)l->duplicated, "corrupted",
			 (json_int_t)l->corrupted, "discarded",
			 (json_int_t)l->discarded);
}

static json_t *cycles_json(const struct fantail_fanout_spread *s)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "median",
			 (json_int_t)s->median, "p99", (json_int_t)s->p99,
			 "p999", (json_int_t)s->p999, "max",
			 (json_int_t)s->max);
}

static json_t *us_json(const struct fantail_fanout_spread *s)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "median",
			 (double)s->median / 1e3, "p99", (double)s->p99 / 1e3,
			 "p999", (double)s->p999 / 1e3, "max",
			 (double)s->max / 1e3);
}

static json_t *fanout_json(const struct summary *s)
{
	const struct fantail_fanout_result *f = &s->fanout;
	json_t *o = json_pack(
		"{s:I, s:I, s:I, s:b, s:I, s:o, s:o, s:o, s:I, s:f, s:f}",
		"left", (json_int_t)f->left, "acked", (json_int_t)f->acked,
		"queued", (json_int_t)f->queued, "full", f->full, "stray_bytes",
		(json_int_t)f->stray_bytes, "first_cycles",
		cycles_json(&f->first_cycles), "last_cycles",
		cycles_json(&f->last_cycles), "acked_cycles",
		cycles_json(&f->acked_cycles), "clients",
		(json_int_t)f->members, "place_mean_min", f->place_mean_min,
		"place_mean_max", f->place_mean_max);

	if (!o || s->real_time)
		return o;
	if (json_object_set_new(o, "first_us", us_json(&f->first_ns)) ||
	    json_object_set_new(o, "last_us", us_json(&f->last_ns)) ||
	    json_object_set_new(o, "acked_us", us_json(&f->acked_ns))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *stages_json(const struct fantail_stages *s)
{
	json_t *o = json_pack("{s:I, s:s}", "cycles", (json_int_t)s->cycles,
			      "busiest", fantail_stage_name(busiest(s)));
	unsigned int i;

	for (i = 0; o && i < FANTAIL_STAGE_COUNT; i++)
		if (json_object_set_new(
			    o, fantail_stage_name(i),
			    json_pack("{s:I, s:I, s:I}", "busy",
				      (json_int_t)s->busy[i], "blocked",
				      (json_int_t)s->blocked[i], "starved",
				      (json_int_t)starved(s, i)))) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static json_t *to_json(const struct summary *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{ "clients", s->clients },
		{ "messages", s->messages },
		{ "batches", s->batches },
		{ "deliveries", s->deliveries },
		{ "verified_clients", s->verified_clients },
		{ "submit_doorbells", s->submit_doorbells },
		{ "control_doorbells", s->control_doorbells },
		{ "status_doorbells", s->status_doorbells },
		{ "interrupts", s->interrupts },
		{ "batch_records", s->batch_records },
		{ "conn_records", s->conn_records },
		{ "payload_bytes", s->payload_bytes },
		{ "pcie_payload_read_bytes", s->pcie_payload_read_bytes },
		{ "log_bytes_peak", s->log_bytes_peak },
		{ "wire_tx_bytes", s->wire_tx_bytes },
		{ "segments", s->segments },
		{ "retransmitted_segments", s->retransmitted_segments },
	}, model[] = {
		{ "pcie_read_bytes", s->pcie_read_bytes },
		{ "pcie_write_bytes", s->pcie_write_bytes },
		{ "sim_cycles", s->sim_cycles },
	};
	json_t *o = json_object();
	int bad = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		bad |= json_object_set_new(
			o, counts[i].key,
			json_integer((json_int_t)counts[i].value));
	for (size_t i = 0; s->has_model && i < sizeof(model) / sizeof(*model);
	     i++)
		bad |= json_object_set_new(
			o, model[i].key,
			json_integer((json_int_t)model[i].value));
	bad |= json_object_set_new(o, "wall_seconds",
				   json_real(s->wall_seconds));
	if (s->has_model)
		bad |= json_object_set_new(o, "cycles_per_second",
					   json_real(s->cycles_per_second));
	bad |= json_object_set_new(o, "seed",
				   json_integer((json_int_t)s->seed));
	if (s->has_link)
		bad |= json_object_set_new(
			o, "link",
			json_pack("{s:I, s:I, s:o, s:o}", "fast_retransmits",
				  (json_int_t)s->fast_retransmits, "timeouts",
				  (json_int_t)s->timeouts, "tx",
				  link_json(&s->link[FANTAIL_LINK_TX]), "rx",
				  link_json(&s->link[FANTAIL_LINK_RX])));
	if (s->has_fanout)
		bad |= json_object_set_new(o, "fanout", fanout_json(s));
	if (s->stages.cycles)
		bad |= json_object_set_new(o, "stages",
					   stages_json(&s->stages));
	bad |= json_object_set_new(o, "ok", json_boolean(s->ok));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

int report_write_json(const struct summary *s, const char *path, bool print)
{
	char part[4096];
	json_t *o = to_json(s);
	FILE *f;
	int rc = 0;

	if (!o)
		return -ENOMEM;
	if (snprintf(part, sizeof(part), "%s.part", path) >=
	    (int)sizeof(part)) {
		rc = -ENAMETOOLONG;
		goto out;
	}
	f = fopen(part, "we");
	if (!f) {
		rc = -errno;
		goto out;
	}
	if (json_dumpf(o, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ||
	    fputc('\n', f) == EOF)
		rc = -EIO;
	if (fclose(f) && !rc)
		rc = -errno;
	/* a reader sees the old one or the whole new one */
	if (!rc && rename(part, path) < 0)
		rc = -errno;
	if (rc) {
		unlink(part);
	} else if (print) {
		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
out:
	json_decref(o);
	return rc;
}
