/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slow consumers in a fleet, and a feed of sixteen times the log: who stops
 * or is slow is dealt with by its policy, and the others do not notice. The
 * fleet is of any size that the engine has connections for.
 */
#ifndef TESTS_ENGINE_SLOW_H
#define TESTS_ENGINE_SLOW_H

#include <stdint.h>

/*
 * One closes its window, and is aborted for @cause; the others' completion
 * times change by less than 1 % against the run in which it reads. A fleet of
 * equals loses nobody.
 */
void slow_closed_window(uint32_t fleet, uint32_t policy, uint8_t cause);
/* Half of the feed's rate, a limit of an eighth of the log, under SKIP. */
void slow_half_the_rate(uint32_t fleet);
/* 1,400 bytes for each in one batch, everybody's limit a quarter. */
void slow_large_batch(uint32_t fleet);
/* CONTROL passes the waiting DATA: one comes, the one in the way goes. */
void slow_accept_and_abort(uint32_t fleet);

#endif /* TESTS_ENGINE_SLOW_H */
