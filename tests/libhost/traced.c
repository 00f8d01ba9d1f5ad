/* SPDX-License-Identifier: Apache-2.0 */
#include "traced.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t traced_start(int (*publish)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(TRACED_NOT);
	raise(SIGSTOP);
	_exit(publish());
}

int traced_open(const char *uri, struct fantail **f, struct fantail_group **g)
{
	struct fantail_options opt = {
		.uri = uri,
		.mac = { 2 },
		.ip = 0x0a00020f,
		.flush_us = FANTAIL_FLUSH_NEVER,
	};

	return fantail_open(&opt, f) || fantail_group_create(*f, g) ? -1 : 0;
}

int traced_take_batch(struct fantail *f, int64_t timeout_us)
{
	struct fantail_event event;
	int n;

	do {
		if (fantail_wait(f, timeout_us) < 0)
			return -1;
		n = fantail_poll(f, &event, 1);
	} while (!n);
	return n == 1 && event.type == FANTAIL_EVENT_BATCH ? 0 : -1;
}

/* In a system call that waits for something, not stopped by us. */
static bool sleeps(pid_t pid)
{
	char path[32], text[128], *state;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && !strncmp(state, ") S", 3);
}

int traced_next_stop(pid_t pid, pid_t card)
{
	int status, got;

	while (!(got = waitpid(pid, &status, WNOHANG)))
		if (sleeps(pid))
			kill(card, SIGCONT);
	cr_assert_eq(got, pid);
	return status;
}
