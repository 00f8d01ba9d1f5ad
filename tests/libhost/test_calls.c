/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls of a publisher whose card is in another process, counted as
 * strace does it: for a batch, from the first payload to the doorbell, the
 * one message that is the register write; and from there until its BATCH event
 * is taken, the one sleep.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/vfu_child.h"
#include "traced.h"

enum {
	BATCHES = 100,
	PAYLOADS = 10, /* of a batch */
	CALLS = 1024,
};

/* What a batch goes through, from one mark to the next. */
enum phase {
	BETWEEN,
	PUBLISH,
	SLEEP,
	PHASES,
};

struct calls {
	unsigned int of[PHASES][CALLS];
	unsigned int all[PHASES];
	unsigned int marks;
	unsigned int since_mark; /* calls */
	uint64_t last;
	unsigned int slept_once; /* batches with no other call in SLEEP */
};

static struct vfu_child server;

/* A call that nobody else makes, so that the tracer sees where we are. */
static void mark(void)
{
	syscall(SYS_getppid);
}

static int publish_batch(struct fantail *f, const struct fantail_group *g)
{
	char text[100] = { 0 };
	int i;

	mark();
	for (i = 0; i < PAYLOADS; i++)
		if (fantail_publish_copy(f, fantail_to_group(g), text,
					 sizeof(text), 1))
			return -1;
	i = fantail_submit(f);
	mark();
	return i == PAYLOADS ? 0 : -1;
}

static int publish(void)
{
	struct fantail_group *g;
	struct fantail *f;
	int i, rc;

	if (traced_open(server.uri, &f, &g))
		return 1;
	for (i = 0; i < BATCHES; i++) {
		if (publish_batch(f, g))
			return 2;
		rc = traced_take_batch(f, 10000000);
		mark();
		if (rc)
			return 3;
	}
	fantail_close(f);
	return 0;
}

static void count(struct calls *c, uint64_t number)
{
	enum phase phase = c->marks % PHASES;

	if (number != SYS_getppid) {
		c->of[phase][number % CALLS]++;
		c->all[phase]++;
		c->since_mark++;
		c->last = number;
		return;
	}
	if (phase == SLEEP && c->since_mark == 1 && c->last == SYS_epoll_pwait2)
		c->slept_once++;
	c->since_mark = 0;
	/* the card answers no batch before its publisher sleeps */
	kill(server.pid, ++c->marks % PHASES == BETWEEN ? SIGCONT : SIGSTOP);
}

/* Run it to its end, and count. Returns its exit code. */
static int trace(pid_t pid, struct calls *c)
{
	struct __ptrace_syscall_info info;
	int status, signal = 0;

	status = traced_next_stop(pid, server.pid);
	if (WIFSTOPPED(status))
		ptrace(PTRACE_SETOPTIONS, pid, NULL,
		       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	while (WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
			   &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			count(c, info.entry.nr);
		signal = WSTOPSIG(status);
		if (signal == SIGSTOP || signal == (SIGTRAP | 0x80))
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
		status = traced_next_stop(pid, server.pid);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(calls, one_for_each_batch_and_one_for_its_sleep)
{
	static struct calls c;
	int code;

	cr_assert_eq(vfu_child_start(&server, 0), 0);
	code = trace(traced_start(publish), &c);
	kill(server.pid, SIGCONT);
	cr_expect_eq(vfu_child_stop(&server), 0);
	if (code == TRACED_NOT)
		cr_skip_test("ptrace is forbidden [needs: strace -c true]");
	cr_assert_eq(code, 0);
	cr_assert_eq(c.marks, PHASES * BATCHES);
	cr_expect_eq(c.of[PUBLISH][SYS_sendto], BATCHES);
	cr_expect_eq(c.all[PUBLISH], BATCHES, "%u system calls in %u batches",
		     c.all[PUBLISH], BATCHES);
	cr_expect_eq(c.slept_once, BATCHES, "%u, %u calls", c.slept_once,
		     c.all[SLEEP]);
}
