/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The timeline of --perfetto, from the outside: is its file in the trace event
 * format, and does it agree with what the run has counted? The programs are
 * $FANTAIL_RUN and $FANTAIL_SIM, else those of build/bin; SEED is handed on.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ARGS = 24,
	TEXT = 32768,
	TRACKS = 20000, /* thread ids are below */
};

TestSuite(timeline, .timeout = 110);

static char folder[64], out[100], perfetto[120], sock[80];
static char told[TEXT];
static json_t *file, *events, *summary;

/* The slices, so that looking through them is cheap. */
struct slice {
	const char *name;
	json_int_t batch, last; /* -1: of none */
	double ts, dur;
	int tid;
	const json_t *event;
};

static struct slice *slices;
static size_t slice_count;

static void name_files(void)
{
	snprintf(folder, sizeof(folder), "build/test-timeline-%d", getpid());
	snprintf(out, sizeof(out), "--out=%s", folder);
	snprintf(perfetto, sizeof(perfetto), "--perfetto=%s/timeline.json",
		 folder);
	snprintf(sock, sizeof(sock), "%s.sock", folder);
	mkdir("build", 0777);
	mkdir(folder, 0777);
}

static const char *program(const char *variable, const char *otherwise)
{
	const char *path = getenv(variable);

	if (!path)
		path = otherwise;
	cr_assert_eq(access(path, X_OK), 0, "%s is not built: make apps", path);
	return path;
}

static pid_t start(const char *const *args, int *output)
{
	int fds[2];
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(args[0], (char **)(uintptr_t)args);
		_exit(98);
	}
	close(fds[1]);
	*output = fds[0];
	return pid;
}

static int finish(pid_t pid, int output)
{
	size_t have = 0;
	int status;
	ssize_t n;

	while ((n = read(output, told + have, TEXT - 1 - have)) > 0)
		have += (size_t)n;
	told[have] = 0;
	close(output);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static json_t *load(const char *name)
{
	char path[160];
	json_error_t error;
	json_t *o;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	o = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(o, "%s: line %d: %s: %s", path, error.line,
			   error.text, told);
	return o;
}

static void load_timeline(void)
{
	file = load("timeline.json");
	events = json_object_get(file, "traceEvents");
	cr_assert(json_is_array(events));
	cr_assert_str_eq(
		json_string_value(json_object_get(file, "displayTimeUnit")),
		"ns");
}

/* fantail-run with these options; its files are loaded. */
static void run(const char *first, ...)
{
	const char *args[ARGS] = {
		program("FANTAIL_RUN", "build/bin/fantail-run"), first
	};
	int n = 1, output;
	char seed[64];
	va_list list;
	pid_t pid;

	name_files();
	va_start(list, first);
	while (args[n])
		args[++n] = va_arg(list, const char *);
	va_end(list);
	args[n++] = out;
	args[n++] = perfetto;
	if (getenv("SEED")) {
		snprintf(seed, sizeof(seed), "--seed=%s", getenv("SEED"));
		args[n++] = seed;
	}
	pid = start(args, &output);
	cr_assert_eq(finish(pid, output), 0, "%s", told);
	summary = load("summary.json");
	load_timeline();
}

static void forget(void)
{
	char path[160];

	json_decref(file);
	json_decref(summary);
	summary = NULL;
	free(slices);
	slices = NULL;
	snprintf(path, sizeof(path), "rm -r %s", folder);
	cr_assert_eq(system(path), 0);
}

static const char *text(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "";
}

static double number(const json_t *e, const char *key)
{
	const json_t *v = json_object_get(e, key);

	if (!json_is_number(v))
		cr_assert_fail("%s", key);
	return json_number_value(v);
}

static json_int_t arg(const json_t *e, const char *key)
{
	const json_t *v = json_object_get(json_object_get(e, "args"), key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

/* Of an event of phase X, in the order of the file. */
static void take_slice(const json_t *e, double *until, const bool *named)
{
	struct slice *s = &slices[slice_count++];

	*s = (struct slice){
		.name = text(e, "name"),
		.batch = arg(e, "batch"),
		.last = arg(e, "last_batch"),
		.ts = number(e, "ts"),
		.dur = number(e, "dur"),
		.tid = (int)number(e, "tid"),
		.event = e,
	};
	if (s->last < 0)
		s->last = s->batch;
	if (s->tid < 0 || s->tid >= TRACKS || !named[s->tid])
		cr_assert_fail("track %d has no name", s->tid);
	if (s->ts < 0 || s->dur < 0 || s->ts < until[s->tid] - 1e-6)
		cr_assert_fail("%s at %.3f overlaps what is before", s->name,
			       s->ts);
	until[s->tid] = s->ts + s->dur;
	if (!*s->name || !*text(e, "cat") || arg(e, "cycle") < 0 ||
	    !json_is_integer(json_object_get(e, "pid")))
		cr_assert_fail("%s at %.3f lacks something", s->name, s->ts);
}

/* Its end meets a slice of its track. */
static void check_arrow(const json_t *flow)
{
	double ts = number(flow, "ts");
	int tid = (int)number(flow, "tid");

	for (size_t i = 0; i < slice_count; i++) {
		const struct slice *s = &slices[i];

		if (s->tid == tid && ts >= s->ts - 1e-6 && ts < s->ts + s->dur)
			return;
	}
	cr_assert_fail("an arrow's end at %.3f meets nothing", ts);
}

static void check_format(void)
{
	static double until[TRACKS];
	static bool named[TRACKS];
	unsigned int begun = 0, ended = 0;
	json_t *e;
	size_t i;

	memset(until, 0, sizeof(until));
	memset(named, 0, sizeof(named));
	free(slices);
	slices = calloc(json_array_size(events) + 1, sizeof(*slices));
	cr_assert_not_null(slices);
	slice_count = 0;
	json_array_foreach(events, i, e)
	{
		const char *ph = text(e, "ph");

		if (!strcmp(ph, "M") && !strcmp(text(e, "name"), "thread_name"))
			named[(int)number(e, "tid")] = true;
		else if (!strcmp(ph, "X"))
			take_slice(e, until, named);
		else if (!strcmp(ph, "s") || !strcmp(ph, "f"))
			check_arrow(e);
		else if (strcmp(ph, "M") != 0)
			cr_assert_fail("phase '%s'", ph);
		begun += !strcmp(ph, "s");
		ended += !strcmp(ph, "f");
	}
	cr_assert_eq(begun, ended);
}

static bool is(const struct slice *s, const char *name, json_int_t batch)
{
	return (batch < 0 || (s->batch <= batch && batch <= s->last)) &&
	       !strcmp(s->name, name);
}

/* Those slices of the batch, which may be of others as well; -1: of any. */
static unsigned int count(const char *name, json_int_t batch)
{
	unsigned int n = 0;

	for (size_t i = 0; i < slice_count; i++)
		n += is(&slices[i], name, batch);
	return n;
}

static json_int_t sum(const char *name, const char *key)
{
	json_int_t n = 0;

	for (size_t i = 0; i < slice_count; i++)
		if (is(&slices[i], name, -1))
			n += arg(slices[i].event, key);
	return n;
}

/* When the first of them begins, or ends; it must be there. */
static double first(const char *name, json_int_t batch, bool ends)
{
	double least = 1e300, at;

	for (size_t i = 0; i < slice_count; i++) {
		const struct slice *s = &slices[i];

		at = s->ts + (ends ? s->dur : 0);
		if (is(s, name, batch) && at < least)
			least = at;
	}
	cr_assert_lt(least, 1e300, "batch %d has no %s", (int)batch, name);
	return least;
}

static json_int_t counted(const char *key)
{
	const json_t *v = json_object_get(summary, key);

	cr_assert(json_is_integer(v), "%s", key);
	return json_integer_value(v);
}

static void check_order(json_int_t batch)
{
	double bell = first("doorbell", batch, false);
	double fetch = first("entry fetch", batch, false);
	double payload = first("payload read", batch, false);
	double append = first("log append", batch, false);
	double walk = first("replication", batch, false);
	double segment = first("segment", batch, false);
	double record = first("BATCH record", batch, true);
	double interrupt = first("interrupt", batch, true);
	double poll = first("poll", batch, true);
	double ack = first("ACK", batch, false);

	cr_assert_leq(first("publish", batch, false), bell);
	cr_assert_leq(first("submit", batch, false), bell);
	cr_assert(bell < fetch && fetch < payload && payload < append &&
		  append <= walk && walk < segment && segment < ack);
	cr_assert(segment < record && record < interrupt && interrupt <= poll,
		  "batch %d: segment %.3f record %.3f interrupt %.3f poll %.3f",
		  (int)batch, segment, record, interrupt, poll);
}

/* Batches one by one: everything of each is there, and in order. */
Test(timeline, every_batch)
{
	char name[32];

	run("--net=peers", "--clients=20", "--messages=100", "--interval=200us",
	    "--perfetto-batches=0:9", NULL);
	check_format();
	cr_assert(strstr(told, "batches: 10 "), "%s", told);
	for (int b = 0; b < 10; b++) {
		snprintf(name, sizeof(name), "batch %d", b);
		cr_assert_eq(count(name, b), 1);
		cr_assert_eq(count("doorbell", b), 1);
		cr_assert_eq(count("submit", b), 1);
		cr_assert_eq(count("publish", b), 10);
		cr_assert_eq(count("log append", b), 10);
		cr_assert_eq(count("BATCH record", b), 1);
		cr_assert_eq(count("segment", b), 20);
		cr_assert_eq(count("ACK", b), 20);
		check_order(b);
	}
	cr_assert_eq(sum("payload read", "bytes"),
		     counted("pcie_payload_read_bytes"));
	cr_assert_eq(sum("log append", "bytes"), counted("payload_bytes"));
	cr_assert_eq(sum("segment", "bytes"), 20 * counted("payload_bytes"));
	cr_assert_eq(count("segment", -1), counted("segments"));
	forget();
}

/* At full speed, over a bad link: segments hold several batches, some twice. */
Test(timeline, loss)
{
	json_int_t again, acked;

	run("--net=peers", "--clients=20", "--messages=2000", "--loss=3%",
	    "--perfetto-batches=0:199", NULL);
	check_format();
	/* the summary ends when all have everything, an ACK may be missing */
	again = count("segment, retransmitted", -1);
	cr_assert_gt(again, 0);
	cr_assert_geq(again, counted("retransmitted_segments"));
	cr_assert_eq(count("segment", -1),
		     counted("segments") - counted("retransmitted_segments"));
	cr_assert_eq(count("doorbell", -1), 200);
	cr_assert_eq(sum("payload read", "bytes"),
		     counted("pcie_payload_read_bytes"));
	/* a FIN has a number, too */
	acked = sum("ACK", "bytes") - 20 * counted("payload_bytes");
	cr_assert(acked >= 0 && acked <= 20, "%lld bytes", (long long)acked);
	forget();
}

/* Batches beside the window are absent, and so is what is before and after. */
Test(timeline, window)
{
	double bell, end;

	run("--net=peers", "--clients=10", "--messages=200", "--interval=200us",
	    "--perfetto-batches=7:8", NULL);
	check_format();
	bell = first("doorbell", 7, false);
	end = first("batch 8", 8, true);
	for (size_t i = 0; i < slice_count; i++) {
		const struct slice *s = &slices[i];

		if (s->batch < 0 && (s->ts < bell - 1e-6 || s->ts > end + 250))
			cr_assert_fail("%s at %.3f", s->name, s->ts);
		if (s->batch >= 0 && (s->batch > 8 || s->last < 7))
			cr_assert_fail("%s of batch %d", s->name,
				       (int)s->batch);
	}
	cr_assert_eq(count("doorbell", -1), 2);
	cr_assert_eq(count("segment", -1), 20);
	forget();
}

Test(timeline, cycles)
{
	json_int_t from = 0, at;
	char option[64];

	run("--net=peers", "--clients=5", "--messages=100", NULL);
	check_format();
	cr_assert_eq(count("doorbell", -1), 3, "the default is three batches");
	for (size_t i = 0; i < slice_count; i++)
		if (is(&slices[i], "doorbell", 1))
			from = arg(slices[i].event, "cycle");
	cr_assert_gt(from, 0);
	forget();
	snprintf(option, sizeof(option), "--perfetto-window=%lld:%lld",
		 (long long)from, (long long)from + 1000);
	run("--net=peers", "--clients=5", "--messages=100", option, NULL);
	check_format();
	cr_assert_gt(count("segment", -1), 0);
	for (size_t i = 0; i < slice_count; i++) {
		at = arg(slices[i].event, "cycle");
		if (at < from || at > from + 1000)
			cr_assert_fail("%s at cycle %lld", slices[i].name,
				       (long long)at);
	}
	forget();
}

/* A window in which nothing is rung for: an empty timeline, and a word. */
Test(timeline, beyond_the_end)
{
	run("--net=peers", "--clients=5", "--messages=20",
	    "--perfetto-batches=50:60", NULL);
	check_format();
	cr_assert(strstr(told, "the timeline holds no batch"), "said: %s",
		  told);
	cr_assert_eq(count("doorbell", -1), 0);
	forget();
}

/* The card in a process of its own sees all but the calls of its host. */
Test(timeline, served_card)
{
	char device[120], port[32];
	const char *at;
	size_t have = 0;
	int sim_output, output;
	pid_t sim, client;

	name_files();
	snprintf(device, sizeof(device), "--device=vfio-user:%s", sock);
	sim = start(
		(const char *const[]){
			program("FANTAIL_SIM", "build/bin/fantail-sim"), sock,
			"--port=0", "--stats=/dev/null", perfetto, NULL },
		&sim_output);
	while (!strstr(told, "9000\n")) {
		ssize_t n = read(sim_output, told + have, TEXT - 1 - have);

		cr_assert_gt(n, 0, "fantail-sim: %s", told);
		have += (size_t)n;
		told[have] = 0;
	}
	at = strstr(told, "127.0.0.1:");
	cr_assert_not_null(at);
	snprintf(port, sizeof(port), "--port=%.5s", at + strlen("127.0.0.1:"));
	port[strcspn(port, " ")] = 0;
	client = start((const char *const[]){ program("FANTAIL_RUN",
						      "build/bin/fantail-run"),
					      "--clients=10", "--messages=100",
					      device, port, out, NULL },
		       &output);
	cr_assert_eq(finish(client, output), 0, "%s", told);
	kill(sim, SIGTERM);
	cr_assert_eq(finish(sim, sim_output), 0, "%s", told);
	cr_assert(strstr(told, "batches: 3 "), "%s", told);
	load_timeline();
	check_format();
	for (int b = 0; b < 3; b++) {
		cr_assert_eq(count("doorbell", b), 1);
		cr_assert_eq(count("log append", b), 10);
		cr_assert_eq(count("BATCH record", b), 1);
		cr_assert_lt(first("doorbell", b, false),
			     first("segment", b, false));
	}
	cr_assert_eq(count("publish", -1), 0);
	forget();
}
