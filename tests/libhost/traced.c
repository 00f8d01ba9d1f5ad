/* SPDX-License-Identifier: Apache-2.0 */
#include "traced.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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
