/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher in a child process that its parent traces, whose card is in a
 * third one: for tests that count what it does.
 */
#ifndef TESTS_LIBHOST_TRACED_H
#define TESTS_LIBHOST_TRACED_H

#include <sys/types.h>

#include "fantail.h"

#define TRACED_NOT 77 /* exit code: ptrace is forbidden */

/* Fork: it stops once, traced by us, then ends with what @publish returns. */
pid_t traced_start(int (*publish)(void));

/*
 * Wait until it stops or ends; returns waitpid()'s status. When it sleeps,
 * the process of the card is sent SIGCONT: one that was stopped stands still
 * until its publisher sleeps, however slow either of them is.
 */
int traced_next_stop(pid_t pid, pid_t card);

/* In it: the library on the card at @uri, and a group. 0, or -1. */
int traced_open(const char *uri, struct fantail **f, struct fantail_group **g);
/* Sleep as fantail_wait() does until the BATCH event, and take it. 0, or -1:
 * it was another event. */
int traced_take_batch(struct fantail *f, int64_t timeout_us);

#endif /* TESTS_LIBHOST_TRACED_H */
