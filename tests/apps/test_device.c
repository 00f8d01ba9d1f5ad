/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The main job over a card in another process: fantail-sim in one, make run
 * with --device in the other. The programs are $FANTAIL_RUN and $FANTAIL_SIM,
 * else those of build/bin.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fantail_regs.h"
#include "vfio_user.h"

enum {
	ARGS = 24,
	TEXT = 32768
};

TestSuite(device, .timeout = 110);

static char folder[64], sock[80], device[120], out[100], stats[100], port[32];
static char told[TEXT];	    /* what the last program has said */
static char sim_told[1024]; /* of fantail-sim, its first lines */
static pid_t sim;
static int sim_output;

static const char *program(const char *variable, const char *otherwise)
{
	const char *path = getenv(variable);

	if (!path)
		path = otherwise;
	cr_assert_eq(access(path, X_OK), 0, "%s is not built: make apps", path);
	return path;
}

static const char *run_path(void)
{
	return program("FANTAIL_RUN", "build/bin/fantail-run");
}

/* Start it, its stdout and stderr going to *@output. */
static pid_t start(const char *const *args, int *output)
{
	int fds[2];
	pid_t pid;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execvp(args[0], (char **)(uintptr_t)args);
		_exit(98);
	}
	close(fds[1]);
	*output = fds[0];
	return pid;
}

/* Until it is gone; told[] has what it said. Its exit code. */
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

static void name_files(void)
{
	snprintf(folder, sizeof(folder), "build/test-device-%d", getpid());
	snprintf(sock, sizeof(sock), "%s.sock", folder);
	snprintf(device, sizeof(device), "--device=vfio-user:%s", sock);
	snprintf(out, sizeof(out), "--out=%s", folder);
	snprintf(stats, sizeof(stats), "--stats=%s.json", folder);
}

/* Serving, with a free port, told to port[]. */
static void start_sim(void)
{
	size_t have = 0;
	const char *at;

	name_files();
	sim = start((const char *const[]){ program("FANTAIL_SIM",
						   "build/bin/fantail-sim"),
					   sock, "--port=0", stats, NULL },
		    &sim_output);
	while (!strstr(sim_told, "9000\n")) {
		ssize_t n = read(sim_output, sim_told + have,
				 sizeof(sim_told) - 1 - have);

		cr_assert_gt(n, 0, "fantail-sim: %s", sim_told);
		have += (size_t)n;
	}
	at = strstr(sim_told, "127.0.0.1:");
	cr_assert_not_null(at);
	snprintf(port, sizeof(port), "--port=%d",
		 atoi(at + strlen("127.0.0.1:")));
}

/* It ends on request, and says that all was right. */
static void stop_sim(void)
{
	kill(sim, SIGTERM);
	cr_assert_eq(finish(sim, sim_output), 0, "%s", told);
	cr_assert_eq(access(sock, F_OK), -1, "the socket is removed");
}

static json_t *load(const char *name)
{
	char path[160];
	json_t *o;

	snprintf(path, sizeof(path), "%s%s", folder, name);
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

/* fantail-run with these options and the output folder. Its exit code. */
static int run(const char *first, ...)
{
	const char *args[ARGS] = { run_path(), out, first };
	int n = 2, output;
	va_list list;
	pid_t pid;

	va_start(list, first);
	while (args[n])
		args[++n] = va_arg(list, const char *);
	va_end(list);
	pid = start(args, &output);
	return finish(pid, output);
}

static void must_be_right(void)
{
	json_t *o;

	cr_assert_eq(run("--clients=20", "--messages=500", device, port, NULL),
		     0, "%s", told);
	o = load("/summary.json");
	cr_assert_eq(value(o, "verified_clients"), 20);
	cr_assert_eq(value(o, "batches"), 50);
	json_decref(o);
}

/* What the claim is about does not depend on where the card is. */
Test(device, same_figures_as_in_process)
{
	static const char *const same[] = {
		"messages",
		"batches",
		"deliveries",
		"submit_doorbells",
		"batch_records",
		"payload_bytes",
		"pcie_payload_read_bytes",
		"verified_clients",
	};
	json_t *here, *there, *card;

	name_files();
	cr_assert_eq(run("--clients=20", "--messages=500", NULL), 0, "%s",
		     told);
	here = load("/summary.json");
	start_sim();
	must_be_right();
	there = load("/summary.json");
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		cr_assert_eq(value(here, same[i]), value(there, same[i]),
			     "%s: %lld, %lld", same[i], value(here, same[i]),
			     value(there, same[i]));
	stop_sim();
	/* every register write was one posted message */
	card = load(".json");
	cr_assert_eq(value(json_object_get(card, "server"), "posted_writes"),
		     value(json_object_get(card, "server"), "region_writes"));
	cr_assert_eq(value(json_object_get(card, "server"), "refused"), 0);
	cr_assert_eq(value(card, "read_faults"), 0);
	cr_assert_eq(value(card, "write_faults"), 0);
	json_decref(here);
	json_decref(there);
	json_decref(card);
}

/* The first @n bytes of the string in a line of strace -xx; false: fewer. */
static bool bytes_of(const char *line, unsigned int *bytes, int n)
{
	const char *at = strchr(line, '"');

	if (!at++)
		return false;
	for (int i = 0; i < n; i++, at += 4)
		if (sscanf(at, "\\x%2x", &bytes[i]) != 1)
			return false;
	return true;
}

/*
 * Does this system call submit a batch: a REGION_WRITE to DOORBELL_DATA with
 * a tail that has moved? Then it must be the whole message: header, where to,
 * the register's value.
 */
static bool submits(const char *line, unsigned int *tail)
{
	enum {
		ACCESS = sizeof(struct vfu_header),
		VALUE = ACCESS + sizeof(struct vfu_region_access),
		BYTES = VALUE + 4,
	};
	const unsigned int doorbell =
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_DATA;
	unsigned int m[BYTES] = { 0 }, now;

	if (!bytes_of(line, m, BYTES) ||
	    (m[2] | m[3] << 8) != VFU_REGION_WRITE ||
	    (m[ACCESS] | m[ACCESS + 1] << 8) != doorbell)
		return false;
	now = (m[VALUE] | m[VALUE + 1] << 8) & 0x7fff;
	if (now == *tail)
		return false;
	*tail = now;
	cr_assert(strstr(line, "\", 36, "), "in pieces: %s", line);
	/* strace tells the end elsewhere when another thread comes between */
	cr_assert(strstr(line, ") = 36") || strstr(line, "<unfinished"), "%s",
		  line);
	return true;
}

/* One system call for a batch, counted from outside. */
Test(device, one_system_call_submits_a_batch)
{
	char log[120], line[1024];
	const char *args[] = { "strace",
			       "-f",
			       "-xx",
			       "-s",
			       "64",
			       "-o",
			       log,
			       "-e",
			       "trace=sendmsg,sendto,write,writev,ioctl",
			       run_path(),
			       out,
			       device,
			       port,
			       "--clients=5",
			       "--messages=1000",
			       NULL };
	unsigned int tail = 0, batches = 0;
	int output;
	pid_t pid;
	FILE *f;

	if (system("command -v strace >/dev/null"))
		cr_skip_test("no strace [needs: command -v strace]");
	start_sim();
	snprintf(log, sizeof(log), "%s.strace", folder);
	/* who looks for leaks wants to be the tracer himself */
	snprintf(line, sizeof(line), "%s:detect_leaks=0",
		 getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "");
	setenv("ASAN_OPTIONS", line, 1);
	pid = start(args, &output);
	cr_assert_eq(finish(pid, output), 0, "%s", told);
	f = fopen(log, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		batches += submits(line, &tail);
	fclose(f);
	remove(log);
	/* making the group and letting everybody join takes entries, too */
	cr_assert_geq(batches, 100);
	cr_assert_leq(batches, 100 + 2 * 5 + 4);
	stop_sim();
}

Test(device, statistics_on_request)
{
	const struct timespec tick = { .tv_nsec = 10000000 };
	char path[120];
	json_t *o;

	start_sim();
	must_be_right();
	snprintf(path, sizeof(path), "%s.json", folder);
	remove(path);
	kill(sim, SIGUSR1);
	for (int i = 0; i < 500 && access(path, F_OK); i++)
		nanosleep(&tick, NULL);
	nanosleep(&tick, NULL);
	o = load(".json");
	cr_assert_gt(value(o, "wire_payload_bytes"), 0);
	cr_assert_eq(value(o, "wire_violations"), 0);
	cr_assert_eq(value(json_object_get(o, "server"), "clients"), 1);
	json_decref(o);
	must_be_right();
	stop_sim();
	o = load(".json");
	cr_assert_eq(value(json_object_get(o, "server"), "clients"), 2);
	json_decref(o);
}

/* In the middle of publishing; the next one finds a card like new. */
Test(device, publisher_killed)
{
	const struct timespec while_busy = { .tv_nsec = 300000000 };
	int output;
	pid_t pid;

	start_sim();
	for (int i = 0; i < 3; i++) {
		pid = start((const char *const[]){ run_path(), out, device,
						   port, "--clients=20",
						   "--messages=1000000", NULL },
			    &output);
		nanosleep(&while_busy, NULL);
		kill(pid, SIGKILL);
		cr_assert_eq(finish(pid, output), 1000);
		must_be_right();
	}
	stop_sim();
}

/* The publisher says so and ends; it does not wait for what will not come. */
Test(device, card_killed)
{
	const struct timespec while_busy = { .tv_nsec = 500000000 };
	int output, output2;
	pid_t pid;

	start_sim();
	pid = start((const char *const[]){ run_path(), out, device, port,
					   "--clients=5", "--messages=1000000",
					   NULL },
		    &output);
	nanosleep(&while_busy, NULL);
	kill(sim, SIGKILL);
	cr_assert_eq(finish(pid, output), 1, "%s", told);
	cr_assert(strstr(told, "fantail-run: "), "%s", told);
	output2 = sim_output;
	cr_assert_eq(finish(sim, output2), 1000);
	remove(sock);
}

static void refused(int code, const char *text)
{
	cr_assert_eq(code, 2, "%d: %s", code, told);
	cr_assert(strstr(told, text), "%s", told);
	cr_assert_eq(strchr(told, '\n'), told + strlen(told) - 1, "%s", told);
}

Test(device, bad_input)
{
	static const char *const bad[][3] = {
		{ "--net=peers", "--net" },
		{ "--net=tap", "--net" },
		{ "--loss=1%", "--device" },
		{ "--mps=128", "--device" },
		{ "--trace=x.fst", "--device" },
		{ "--fanout=x.csv", "--fanout" },
		{ "--pcap-limit=1m", "--pcap-limit" },
	};

	name_files();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(run(device, bad[i][0], NULL), bad[i][1]);
	refused(run("--device=pci:1", NULL), "--device");
	/* the clients' process is started before the card is opened */
	cr_assert_eq(run(device, NULL), 2);
	cr_assert(strstr(told, "nobody serves"), "%s", told);
}

static int sim_says(const char *first, const char *second)
{
	const char *path = program("FANTAIL_SIM", "build/bin/fantail-sim");
	const char *const args[] = { path, first, second, NULL };
	int output;
	pid_t pid = start(args, &output);

	return finish(pid, output);
}

Test(device, bad_input_of_the_card)
{
	name_files();
	refused(sim_says(NULL, NULL), "name the socket");
	refused(sim_says(sock, "other"), "one socket too many");
	refused(sim_says(sock, "--net=wire"), "--net");
	refused(sim_says(sock, "--port=70000"), "--port");
	refused(sim_says(sock, "--clock-ns=0"), "--clock-ns");
	refused(sim_says(sock, "--mrrs=100"), "--mrrs");
	refused(sim_says(sock, "--bad"), "--bad");
	refused(sim_says("/proc/none/x.sock", "--net=none"), "cannot serve");
	start_sim();
	refused(sim_says(sock, "--net=none"), "another server");
	stop_sim();
}
