/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C face of the verilated enqueue_block: a struct of pins and two steps.
 *
 * A cycle is: enqueue_settle() (inputs to outputs, no edge), look at the
 * outputs, enqueue_edge(), then change inputs.
 */
#ifndef ENQUEUE_BLOCK_H
#define ENQUEUE_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format would stack these lists to the right */
/* clang-format off */
#define ENQUEUE_INPUTS(X)                                                      \
	X(rst) X(walk_valid) X(walk_group) X(walk_target) X(walk_pos)          \
	X(walk_len) X(walk_last) X(cmd_valid) X(cmd_op) X(cmd_id) X(cmd_gen)   \
	X(cmd_seq) X(alive) X(ext_free) X(overrun_ready)
#define ENQUEUE_OUTPUTS(X)                                                     \
	X(busy) X(walk_ready) X(done) X(reached) X(skipped) X(cmd_ready)       \
	X(cmd_done) X(we) X(closing) X(queued) X(ext_we) X(overrun_valid)      \
	X(overrun_id)

/* clang-format on */

#define ENQUEUE_PIN(name) uint32_t name;
struct enqueue_pins {
	ENQUEUE_INPUTS(ENQUEUE_PIN)
	ENQUEUE_OUTPUTS(ENQUEUE_PIN)
};

struct enqueue_block;

struct enqueue_block *enqueue_new(unsigned int seed);
void enqueue_free(struct enqueue_block *block);
void enqueue_settle(struct enqueue_block *block, struct enqueue_pins *pins);
void enqueue_edge(struct enqueue_block *block);

#ifdef __cplusplus
}
#endif
#endif
