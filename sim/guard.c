/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static __thread sigjmp_buf *volatile landing; /* NULL: not guarded */
static struct sigaction before;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	sigjmp_buf *to = landing;

	/* the fault is the thread's own, so the jump interrupts only @fn */
	if (to)
		siglongjmp(*to, 1);
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL &&
		   before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else {
		/* the access is repeated, and ends the process */
		signal(number, SIG_DFL);
	}
}

static void install(void)
{
	/* left by a jump: the signal must not stay blocked */
	struct sigaction action = {
		.sa_sigaction = on_bus_error,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGBUS, &action, &before);
}

int guard_call(void (*fn)(void *arg), void *arg)
{
	sigjmp_buf here;

	pthread_once(&once, install);
	if (sigsetjmp(here, 0)) {
		landing = NULL;
		return -EFAULT;
	}
	landing = &here;
	fn(arg);
	landing = NULL;
	return 0;
}
