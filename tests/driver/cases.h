/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a card must do whichever way the driver reaches it: one list of cases,
 * run over every transport under the same names. They need no test framework,
 * so that a program of its own can run them where there is none.
 *
 * The engine is the small one of the tests.
 */
#ifndef FANTAIL_TEST_CASES_H
#define FANTAIL_TEST_CASES_H

#include <stdbool.h>

#include "fantail_driver.h"

/* How to open the card, and what its time is like. */
struct case_card {
	const char *uri;
	struct fantail_dev_options opt;
	bool virtual_time; /* passes only while somebody waits */
};

#define CASES(X)                                 \
	X(limits_and_time)                       \
	X(rings_and_phase_wrap)                  \
	X(a_wait_ends_with_the_interrupt)        \
	X(a_payload_for_nobody_is_read_once)     \
	X(refusals_name_the_entry)               \
	X(a_bad_doorbell_halts_and_is_named)     \
	X(opened_again)                          \
	X(memory_has_two_names)                  \
	X(memory_taken_away_faults_where_it_was) \
	X(a_ring_taken_away_halts_and_is_named)

#define CASE_DECLARE(name) void case_##name(const struct case_card *card);
CASES(CASE_DECLARE)

/*
 * Who runs the cases provides this: @what was not so. It does not return.
 */
__attribute__((noreturn)) void case_failed(const char *file, int line,
					   const char *what);

#endif
