/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the long runs, which they take from environment variables. */
#ifndef TESTS_ENV_NUMBER_H
#define TESTS_ENV_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the variable @name, decimal or 0x..., from @least to @most, into @out.
 * Unset or empty leaves @out as it is. False: it is no such number, and a line
 * on stderr says so.
 */
bool env_number(const char *name, uint64_t least, uint64_t most, uint64_t *out);

#endif /* TESTS_ENV_NUMBER_H */
