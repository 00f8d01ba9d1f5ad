/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The main job from the outside, at small counts: what it delivers, what it
 * counts, and how it ends. The program is $FANTAIL_RUN, else
 * build/bin/fantail-run; SEED is handed on.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ARGS = 16,
	TEXT = 65536
};

TestSuite(run, .timeout = 110);

static char out_option[80], out_path[64];
static char told[TEXT]; /* stdout and stderr */

/* A run under way. */
struct job {
	pid_t pid;
	int output; /* ends when every process of it has ended */
	int input;  /* its standard input */
};

static const char *program(void)
{
	const char *path = getenv("FANTAIL_RUN");

	if (!path)
		path = "build/bin/fantail-run";
	cr_assert_eq(access(path, X_OK), 0, "%s is not built: make apps", path);
	return path;
}

static struct job start(const char *const *options)
{
	const char *path = program();
	const char *args[ARGS + 4] = { path, out_option };
	char seed[64];
	int n = 2, in[2], out[2];
	struct job job;

	snprintf(out_path, sizeof(out_path), "build/test-run/%d", getpid());
	snprintf(out_option, sizeof(out_option), "--out=%s", out_path);
	if (getenv("SEED")) {
		snprintf(seed, sizeof(seed), "--seed=%s", getenv("SEED"));
		args[n++] = seed;
	}
	for (; *options; options++)
		args[n++] = *options;
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	job.pid = fork();
	if (job.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(path, (char **)args);
		_exit(98);
	}
	close(in[0]);
	close(out[1]);
	job.input = in[1];
	job.output = out[0];
	return job;
}

/* Until all its processes are gone; told[] holds what they said. */
static int finish(struct job *job)
{
	size_t have = 0;
	int status;
	ssize_t n;

	if (job->input >= 0)
		close(job->input);
	while ((n = read(job->output, told + have, TEXT - 1 - have)) > 0)
		have += (size_t)n;
	told[have] = 0;
	close(job->output);
	cr_assert_eq(waitpid(job->pid, &status, 0), job->pid);
	cr_assert(WIFEXITED(status), "signal %d: %s", WTERMSIG(status), told);
	return WEXITSTATUS(status);
}

static int run(const char *first, ...)
{
	const char *options[ARGS] = { first };
	struct job job;
	va_list args;
	int n = 0;

	va_start(args, first);
	while (options[n])
		options[++n] = va_arg(args, const char *);
	va_end(args);
	job = start(options);
	return finish(&job);
}

static json_t *summary(void)
{
	char path[128];
	json_t *o;

	snprintf(path, sizeof(path), "%s/summary.json", out_path);
	o = json_load_file(path, 0, NULL);
	cr_assert_not_null(o, "no %s: %s", path, told);
	return o;
}

static long long value(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	cr_assert(json_is_integer(v), "%s", key);
	return json_integer_value(v);
}

static double number(json_t *o, const char *part, const char *key)
{
	json_t *v = json_object_get(json_object_get(o, part), key);

	cr_assert(json_is_number(v), "%s.%s", part, key);
	return json_number_value(v);
}

/* Every batch was measured, to its end, and times come in their order. */
static void check_fanout(json_t *o, long long batches)
{
	static const char *const parts[] = { "first_cycles", "last_cycles",
					     "acked_cycles" };
	static const char *const keys[] = { "median", "p99", "p999", "max" };
	json_t *f = json_object_get(o, "fanout");

	cr_assert_not_null(f, "%s", told);
	cr_assert_eq(value(f, "left"), batches);
	cr_assert_eq(value(f, "acked"), batches);
	cr_assert_eq(value(f, "stray_bytes"), 0);
	cr_assert(json_is_false(json_object_get(f, "full")));
	for (size_t k = 0; k < 4; k++) {
		cr_assert_gt(number(f, "first_cycles", keys[k]), 0);
		for (size_t i = 1; i < 3; i++)
			cr_assert_geq(number(f, parts[i], keys[k]),
				      number(f, parts[i - 1], keys[k]));
		for (size_t i = 0; i < 3 && k; i++)
			cr_assert_geq(number(f, parts[i], keys[k]),
				      number(f, parts[i], keys[k - 1]));
	}
}

/* Success, and the rows of the claim. The summary stays the caller's. */
static json_t *must_be_ok(int code, long long clients)
{
	long long batches, interrupts;
	size_t length = strlen(told);
	json_t *o;

	cr_assert_eq(code, 0, "exit %d: %s", code, told);
	cr_assert_geq(length, 4);
	cr_assert_str_eq(told + length - 4, "\nok\n", "%s", told);
	o = summary();
	cr_assert(json_is_true(json_object_get(o, "ok")));
	cr_assert_eq(value(o, "clients"), clients);
	batches = value(o, "batches");
	interrupts = value(o, "interrupts");
	cr_assert_gt(batches, 0);
	cr_assert_eq(value(o, "submit_doorbells"), batches);
	cr_assert_eq(value(o, "batch_records"), batches);
	cr_assert_geq(interrupts, 1);
	cr_assert_leq(interrupts, batches + value(o, "conn_records"));
	cr_assert_geq(value(o, "pcie_payload_read_bytes"),
		      value(o, "payload_bytes"));
	cr_assert_leq(value(o, "pcie_payload_read_bytes"),
		      value(o, "payload_bytes") + 126 * batches);
	cr_assert_leq(value(o, "log_bytes_peak"), value(o, "payload_bytes"));
	check_fanout(o, batches);
	return o;
}

static json_t *must_verify_all(int code, long long clients)
{
	json_t *o = must_be_ok(code, clients);

	cr_assert_eq(value(o, "verified_clients"), clients);
	cr_assert_eq(value(o, "deliveries"), value(o, "messages") * clients);
	return o;
}

Test(run, kernel_sockets)
{
	json_t *o = must_verify_all(run("--clients=20", "--messages=500", NULL),
				    20);

	cr_assert_eq(value(o, "messages"), 500);
	cr_assert_eq(value(o, "batches"), 50);
	/* the model's time is not ours */
	cr_assert_null(strstr(told, "microseconds"), "%s", told);
	cr_assert_null(
		json_object_get(json_object_get(o, "fanout"), "first_us"));
	json_decref(o);
}

/* Kernel TCP is the peer itself, in a namespace of the run. */
Test(run, kernel_tcp)
{
	json_t *o;
	int code;

	code = run("--net=tap", "--clients=20", "--messages=500", NULL);
	if (code == 2 && strstr(told, "needs root"))
		cr_skip_test("no rights [needs: test \"$(id -u)\" = 0]");
	o = must_verify_all(code, 20);
	cr_assert_eq(value(o, "batches"), 50);
	json_decref(o);
}

Test(run, peers)
{
	json_t *o = must_verify_all(
		run("--net=peers", "--clients=20", "--messages=500", NULL), 20);

	cr_assert_eq(value(o, "batches"), 50);
	cr_assert_gt(value(json_object_get(o, "fanout"), "queued"), 0);
	cr_assert_not_null(strstr(told, "waited for those before"), "%s", told);
	cr_assert_not_null(strstr(told, "microseconds"), "%s", told);
	json_decref(o);
}

/* The table has everybody, the plot is there if it can be. */
Test(run, places_of_the_clients)
{
	char option[128], path[128], line[256];
	unsigned int client, port, batches, lines = 0;
	double mean, least, most;
	struct stat file;
	FILE *f;

	snprintf(option, sizeof(option), "--fanout=build/test-run-%d.csv",
		 getpid());
	json_decref(must_verify_all(run("--net=peers", "--clients=30",
					"--messages=200", option, NULL),
				    30));
	f = fopen(option + 9, "re");
	cr_assert_not_null(f);
	cr_assert(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		cr_assert_eq(sscanf(line, "%u,10.1.1.%*u,%u,%u,%lf,%lf,%lf",
				    &client, &port, &batches, &mean, &least,
				    &most),
			     6, "%s", line);
		cr_assert_eq(client, lines++);
		cr_assert_eq(batches, 20);
		cr_assert(0 <= least && least <= mean && mean <= most &&
				  most <= 1,
			  "%s", line);
	}
	fclose(f);
	cr_assert_eq(lines, 30);
	unlink(option + 9);
	snprintf(path, sizeof(path), "build/test-run-%d.png", getpid());
	if (system("command -v gnuplot >/dev/null")) {
		cr_assert(strstr(told, "no plot: gnuplot is not installed"),
			  "%s", told);
		return;
	}
	cr_assert_eq(stat(path, &file), 0, "%s", told);
	cr_assert_gt(file.st_size, 1000);
	unlink(path);
}

/* Batches that do not queue behind each other come in a fair order, soon. */
Test(run, fair_order_at_an_interval)
{
	json_t *o =
		must_verify_all(run("--net=peers", "--clients=50",
				    "--messages=400", "--interval=100us", NULL),
				50);
	json_t *f = json_object_get(o, "fanout");

	cr_assert_eq(value(o, "batches"), 40);
	cr_assert_geq(json_real_value(json_object_get(f, "place_mean_min")),
		      0.45);
	cr_assert_leq(json_real_value(json_object_get(f, "place_mean_max")),
		      0.55);
	cr_assert_leq(number(f, "last_us", "max"), 100);
	cr_assert_eq(value(f, "queued"), 0);
	cr_assert_null(strstr(told, "waited for those before"), "%s", told);
	cr_assert_not_null(strstr(told, "microseconds"), "%s", told);
	json_decref(o);
}

/* The recording ends in time, says so, and nothing else changes. */
Test(run, recording_has_a_limit)
{
	char path[128];
	struct stat file;

	json_decref(must_verify_all(run("--net=peers", "--clients=20",
					"--messages=500", "--pcap-limit=100k",
					NULL),
				    20));
	cr_assert(strstr(told, "recording ends at its limit"), "%s", told);
	snprintf(path, sizeof(path), "%s/wire.pcap", out_path);
	cr_assert_eq(stat(path, &file), 0);
	cr_assert_leq(file.st_size, 102400);
	cr_assert_gt(file.st_size, 100000);
}

/* One payload, read once and announced once, whoever gets it. */
Test(run, costs_do_not_depend_on_the_clients)
{
	json_t *few = must_verify_all(
		run("--net=peers", "--clients=20", "--messages=300", NULL), 20);
	json_t *many = must_verify_all(
		run("--net=peers", "--clients=200", "--messages=300", NULL),
		200);

	cr_assert_eq(value(few, "submit_doorbells"),
		     value(many, "submit_doorbells"));
	cr_assert_eq(value(few, "pcie_payload_read_bytes"),
		     value(many, "pcie_payload_read_bytes"));
	json_decref(few);
	json_decref(many);
}

static long long link_value(json_t *o, const char *way, const char *key)
{
	json_t *part = json_object_get(o, "link");

	cr_assert_not_null(part, "%s", told);
	return value(way ? json_object_get(part, way) : part, key);
}

/* Everything at once, in both directions: every byte arrives, and again. */
Test(run, bad_link)
{
	static const char *const kinds[] = { "lost", "reordered", "duplicated",
					     "corrupted" };
	json_t *o[2];

	for (int i = 0; i < 2; i++)
		o[i] = must_verify_all(run("--net=peers", "--clients=50",
					   "--messages=2000", "--loss=2%",
					   "--reorder=1%", "--dup=1%",
					   "--delay=20ms", "--jitter=1ms",
					   "--corrupt=0.5%", NULL),
				       50);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		cr_assert_gt(link_value(o[0], "tx", kinds[i]), 0, "%s",
			     kinds[i]);
		cr_assert_gt(link_value(o[0], "rx", kinds[i]), 0, "%s",
			     kinds[i]);
	}
	cr_assert_geq(value(o[0], "retransmitted_segments"),
		      link_value(o[0], NULL, "fast_retransmits"));
	cr_assert_gt(value(o[0], "retransmitted_segments"), 0);
	cr_assert_eq(value(o[0], "sim_cycles"), value(o[1], "sim_cycles"));
	json_decref(o[0]);
	json_decref(o[1]);
}

/* One direction only, and real time. */
Test(run, bad_link_sockets)
{
	json_t *o = must_verify_all(run("--clients=10", "--messages=500",
					"--loss=5%", "--link-dir=tx",
					"--delay=5ms", NULL),
				    10);

	cr_assert_gt(link_value(o, "tx", "lost"), 0);
	cr_assert_eq(link_value(o, "rx", "lost"), 0);
	cr_assert_gt(link_value(o, "rx", "frames"), 0);
	json_decref(o);
}

/* The log holds one copy, whoever still has to acknowledge it. */
Test(run, single_batch_is_held_once)
{
	static const char *const clients[] = { "--clients=20",
					       "--clients=200" };

	for (int i = 0; i < 2; i++) {
		json_t *o = must_verify_all(
			run("--net=peers", clients[i], "--messages=10", NULL),
			i ? 200 : 20);

		cr_assert_leq(value(o, "payload_bytes"), 1400);
		cr_assert_eq(value(o, "log_bytes_peak"),
			     value(o, "payload_bytes"));
		json_decref(o);
	}
}

Test(run, same_seed_same_run)
{
	json_t *a = must_verify_all(
		run("--net=peers", "--clients=10", "--messages=100", NULL), 10);
	json_t *b = must_verify_all(
		run("--net=peers", "--clients=10", "--messages=100", NULL), 10);

	cr_assert_eq(value(a, "sim_cycles"), value(b, "sim_cycles"));
	cr_assert_eq(value(a, "wire_tx_bytes"), value(b, "wire_tx_bytes"));
	json_decref(a);
	json_decref(b);
}

Test(run, file_in_lines)
{
	static const char file[] = "/usr/share/common-licenses/GPL-3";
	struct stat st;
	json_t *o;

	if (stat(file, &st) < 0)
		cr_skip_test("no %s [needs: test -r %s]", file, file);
	o = must_verify_all(
		run("--clients=5", "--framing=lines", "--feed", file, NULL), 5);
	cr_assert_eq(value(o, "payload_bytes"), st.st_size);
	json_decref(o);
}

static void client_leaves(const char *net)
{
	int code = run(net, "--clients=10", "--messages=400", "--drop-client=3",
		       NULL);
	json_t *o = must_be_ok(code, 10);

	cr_assert_eq(value(o, "verified_clients"), 9);
	cr_assert_geq(value(o, "conn_records"), 1);
	cr_assert(strstr(told, "1 disconnected before the end"), "%s", told);
	json_decref(o);
}

Test(run, client_leaves_sockets)
{
	client_leaves("--net=slirp");
}

Test(run, client_leaves_peers)
{
	client_leaves("--net=peers");
}

Test(run, pipe_that_pauses)
{
	static const char *const options[] = { "--clients=3", "--feed=-",
					       "--framing=lines", NULL };
	struct job job = start(options);
	json_t *o;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(write(job.input, "one\ntwo\n", 8), 8);
		usleep(300000);
	}
	o = must_verify_all(finish(&job), 3);
	cr_assert_eq(value(o, "messages"), 6);
	json_decref(o);
}

Test(run, pipe_that_ends_inside_a_message)
{
	static const char *const options[] = { "--clients=3", "--feed=-",
					       "--framing=fixed:4", NULL };
	struct job job = start(options);

	cr_assert_eq(write(job.input, "12345", 5), 5);
	cr_assert_eq(finish(&job), 2);
	cr_assert(strstr(told, "the one at byte 4 has 1 of its 4 bytes"), "%s",
		  told);
}

/* The feed never ends, Ctrl-C does: cleanly, with what there is. */
Test(run, interrupted)
{
	static const char *const options[] = { "--clients=3", "--feed=-",
					       "--framing=lines", NULL };
	struct job job = start(options);
	size_t have = 0;
	json_t *o;

	/* published means that it is past the set-up */
	while (!strstr(told, "publishing")) {
		ssize_t n = read(job.output, told + have, TEXT - 1 - have);

		cr_assert_gt(n, 0, "%s", told);
		have += (size_t)n;
	}
	cr_assert_eq(write(job.input, "one\ntwo\n", 8), 8);
	usleep(1000000);
	kill(job.pid, SIGINT);
	/* timeout(1) sends it twice: that is still one Ctrl-C */
	kill(job.pid, SIGINT);
	cr_assert_eq(finish(&job), 130, "%s", told);
	cr_assert(strstr(told, "partial"), "%s", told);
	o = summary();
	cr_assert(json_is_false(json_object_get(o, "ok")));
	cr_assert_eq(value(o, "messages"), 2);
	cr_assert_eq(value(o, "verified_clients"), 3);
	json_decref(o);
}

/* An independent decoder finds no bad checksum and nothing malformed. */
Test(run, frames_are_well_formed)
{
	char command[512];
	char line[512];
	FILE *f;

	if (system("command -v tshark >/dev/null"))
		cr_skip_test("no tshark [needs: command -v tshark]");
	json_decref(
		must_verify_all(run("--clients=5", "--messages=300", NULL), 5));
	snprintf(command, sizeof(command),
		 "tshark -r %s/wire.pcap -o tcp.check_checksum:TRUE "
		 "-o ip.check_checksum:TRUE -q -z expert,warn 2>&1",
		 out_path);
	f = popen(command, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f)) {
		cr_assert_null(strstr(line, "hecksum"), "%s", line);
		cr_assert_null(strstr(line, "alformed"), "%s", line);
	}
	cr_assert_eq(pclose(f), 0);
}
