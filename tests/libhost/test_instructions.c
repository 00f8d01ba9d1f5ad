/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizers: no */
/*
 * What a publisher whose card is in another process does in user space for a
 * batch, counted instruction by instruction: from the first payload until its
 * BATCH event is taken, the sleep between included. The bytes of the payloads
 * are not written.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/vfu_child.h"
#include "traced.h"

enum {
	ROUNDS = 10, /* the first one counts nothing, the second warms up */
	PAYLOADS = 10,
	BYTES = 200,
	MOST = 2000,
};

static struct vfu_child server;

/* The tracer sees it, and we never do. */
static void mark(void)
{
	raise(SIGUSR1);
}

static int batch(struct fantail *f, const struct fantail_group *g)
{
	void *room;
	char *at;
	int i;

	if (fantail_arena_reserve(f, PAYLOADS * BYTES, &room))
		return -1;
	at = room;
	for (i = 0; i < PAYLOADS; i++, at += BYTES)
		if (fantail_publish(f, fantail_to_group(g), at, BYTES, 1))
			return -1;
	if (fantail_submit(f) != PAYLOADS)
		return -1;
	return traced_take_batch(f, -1);
}

static int publish(void)
{
	struct fantail_group *g;
	struct fantail *f;
	int i, rc = 0;

	if (traced_open(server.uri, &f, &g))
		return 1;
	for (i = 0; !rc && i < ROUNDS; i++) {
		mark();
		if (i)
			rc = batch(f, g);
		mark();
	}
	fantail_close(f);
	return rc ? 2 : 0;
}

/* Run it to its end. counts[]: instructions from a mark to the next one. */
static int trace(pid_t pid, unsigned int *counts)
{
	unsigned int marks = 0;
	int status, signal;

	status = traced_next_stop(pid, server.pid);
	while (WIFSTOPPED(status)) {
		bool inside = marks % 2;

		signal = WSTOPSIG(status);
		if (signal == SIGUSR1) {
			inside = ++marks % 2;
			kill(server.pid, inside ? SIGSTOP : SIGCONT);
		} else if (inside) {
			counts[marks / 2]++;
		}
		if (signal == SIGUSR1 || signal == SIGTRAP || signal == SIGSTOP)
			signal = 0;
		cr_assert_leq(marks, 2 * ROUNDS);
		ptrace(inside ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, NULL,
		       (void *)(long)signal);
		status = traced_next_stop(pid, server.pid);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int by_value(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a;
	unsigned int y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

Test(instructions, of_a_batch)
{
	unsigned int counts[ROUNDS] = { 0 }, *batches = counts + 2, median;
	int code;

	cr_assert_eq(vfu_child_start(&server, 0), 0);
	code = trace(traced_start(publish), counts);
	kill(server.pid, SIGCONT);
	cr_expect_eq(vfu_child_stop(&server), 0);
	if (code == TRACED_NOT)
		cr_skip_test("ptrace is forbidden [needs: strace -c true]");
	cr_assert_eq(code, 0);
	qsort(batches, ROUNDS - 2, sizeof(*batches), by_value);
	median = batches[(ROUNDS - 2) / 2] - counts[0];
	cr_assert_gt(median, 500, "%u: is it counted at all?", median);
	cr_expect_leq(median, MOST, "%u", median);
}
