/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C face of the verilated congestion_block: a struct of pins and one step,
 * from inputs to outputs. Names as in congestion_block.sv.
 */
#ifndef CONGESTION_BLOCK_H
#define CONGESTION_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format would stack these lists to the right */
/* clang-format off */
#define CONGESTION_INPUTS(X)                                                   \
	X(ev_new) X(ev_dup) X(ev_timeout) X(ev_first_timeout) X(ev_idle)       \
	X(mss) X(acked) X(una) X(max) X(cwnd) X(ssthresh) X(acc) X(dups)       \
	X(in_rec) X(recover)
#define CONGESTION_OUTPUTS(X)                                                  \
	X(n_cwnd) X(n_ssthresh) X(n_acc) X(n_dups) X(n_in_rec) X(n_recover)    \
	X(retransmit) X(enter)

/* clang-format on */

#define CONGESTION_PIN(name) uint32_t name;
struct congestion_pins {
	CONGESTION_INPUTS(CONGESTION_PIN)
	CONGESTION_OUTPUTS(CONGESTION_PIN)
};

struct congestion_block;

struct congestion_block *congestion_new(void);
void congestion_free(struct congestion_block *block);
void congestion_settle(struct congestion_block *block,
		       struct congestion_pins *pins);

#ifdef __cplusplus
}
#endif
#endif
