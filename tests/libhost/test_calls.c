/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls of a publisher whose card is in another process, counted as
 * strace does it: for a batch, from the first payload to the doorbell, the
 * one message that is the register write.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fantail.h"
#include "../sim/vfu_child.h"

enum {
	BATCHES = 100,
	PAYLOADS = 10, /* of a batch */
	CALLS = 1024,
	NO_TRACE = 77, /* exit code */
};

static struct vfu_child server;

/* A call that nobody else makes, so that the tracer sees where we are. */
static void mark(void)
{
	syscall(SYS_getppid);
}

static int batch(struct fantail *f, const struct fantail_group *g)
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
	struct fantail_options opt = {
		.uri = server.uri,
		.mac = { 2 },
		.ip = 0x0a00020f,
		.flush_us = FANTAIL_FLUSH_NEVER,
	};
	struct fantail_event event;
	struct fantail_group *g;
	struct fantail *f;
	int i, n = 0;

	if (fantail_open(&opt, &f) || fantail_group_create(f, &g))
		return 1;
	for (i = 0; i < BATCHES; i++) {
		if (batch(f, g))
			return 2;
		while ((n = fantail_poll(f, &event, 1)) == 0)
			if (fantail_wait(f, 10000000) < 0)
				return 3;
		if (n < 0 || event.type != FANTAIL_EVENT_BATCH)
			return 4;
	}
	fantail_close(f);
	return 0;
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(NO_TRACE);
	raise(SIGSTOP);
	_exit(publish());
}

/*
 * Run it to its end, and count the calls between each two marks. Returns how
 * many pairs of marks there were; *@code is its exit code.
 */
static unsigned int trace(pid_t pid, unsigned int *calls, int *code)
{
	struct __ptrace_syscall_info info;
	unsigned int marks = 0;
	int status, signal = 0;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFSTOPPED(status))
		ptrace(PTRACE_SETOPTIONS, pid, NULL,
		       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	while (WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
			   &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			if (info.entry.nr == SYS_getppid)
				marks++;
			else if (marks % 2 && info.entry.nr < CALLS)
				calls[info.entry.nr]++;
		}
		signal = WSTOPSIG(status);
		if (signal == SIGSTOP || signal == (SIGTRAP | 0x80))
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
	}
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return marks / 2;
}

Test(calls, one_for_each_batch)
{
	static unsigned int calls[CALLS];
	unsigned int all = 0, batches, i;
	int code;

	cr_assert_eq(vfu_child_start(&server, 0), 0);
	batches = trace(start(), calls, &code);
	cr_expect_eq(vfu_child_stop(&server), 0);
	if (code == NO_TRACE)
		cr_skip_test("ptrace is forbidden [needs: strace -c true]");
	cr_assert_eq(code, 0);
	cr_assert_eq(batches, BATCHES);
	for (i = 0; i < CALLS; i++)
		all += calls[i];
	cr_expect_eq(calls[SYS_sendmsg], BATCHES);
	cr_expect_leq(all, BATCHES, "%u system calls in %u batches", all,
		      BATCHES);
}
