/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of modelspeed share. */
#ifndef FANTAIL_MODELSPEED_H
#define FANTAIL_MODELSPEED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pipe_run - a saturated 512-bit pipe, the yardstick
 * @cycles: how many
 *
 * Returns the beats that left, about @cycles; 0: no memory.
 */
uint64_t pipe_run(uint64_t cycles);

#ifdef __cplusplus
}
#endif

#endif
