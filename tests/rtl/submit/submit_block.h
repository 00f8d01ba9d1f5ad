/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C face of the verilated submit_block: a struct of pins and two steps.
 *
 * A cycle is: submit_settle() (inputs to outputs, no edge), look at the
 * outputs, submit_edge(), then change inputs. Wide pins are arrays of 32-bit
 * words, lowest first.
 */
#ifndef SUBMIT_BLOCK_H
#define SUBMIT_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name) one machine word, W(name, words) an array of 32-bit words */
/* laid out by hand: clang-format does not come to rest on these lists */
/* clang-format off */
#define SUBMIT_INPUTS(X, W) \
	X(rst) X(stop) X(enable) X(halted) X(data_base) \
	X(control_base) X(data_log2) X(control_log2) X(data_tail) \
	X(control_tail) X(ax_arready) W(ax_rdata, 16) X(ax_rresp) \
	X(ax_rlast) X(ax_rvalid) X(log_low) X(m_walk_ready) \
	X(m_list_ready) \
	X(s_walkdone_valid) X(s_walkdone_reached) \
	X(s_walkdone_skipped) X(m_flow_ready) X(s_flow_rsp_valid) \
	X(s_flow_rsp_code) X(m_cmd_ready) X(s_rsp_valid) X(s_rsp_bit) \
	X(slot_count) X(m_slot_ready) X(s_slot_rsp_valid) \
	X(s_slot_rsp_ok) X(s_slot_rsp_id) X(s_slot_rsp_gen) \
	X(s_slot_rsp_bytes) X(m_htx_ready) X(m_inj_ready) \
	X(s_inj_rsp_valid) X(s_inj_rsp_hit) X(m_rec_ready)
#define SUBMIT_OUTPUTS(X, W) \
	X(busy) X(dma_busy) X(idle) X(data_head) X(control_head) \
	X(fault_valid) X(fault_code) X(fault_addr) X(ax_araddr) \
	X(ax_arlen) X(ax_arvalid) X(ax_rready) X(alloc_pos) \
	X(walk_pos) X(log_used) X(log_wait) X(log_want) X(hold) X(m_append_valid) \
	W(m_append_data, 18) X(m_walk_valid) W(m_walk_data, 4) \
	X(m_list_valid) X(m_list_data) X(m_list_end) \
	X(m_flow_valid) X(m_flow_op) W(m_flow_tuple, 3) X(m_flow_id) \
	X(m_cmd_valid) W(m_cmd_data, 4) W(m_ctx_data, 32) \
	X(m_clear_valid) X(m_clear_id) X(m_slot_valid) X(m_slot_data) \
	X(m_slot_check) X(m_htx_valid) W(m_htx_data, 16) \
	X(m_htx_bytes) X(m_htx_last) X(m_inj_valid) W(m_inj_data, 16) \
	X(m_inj_bytes) X(m_inj_last) \
	X(m_rec_valid) W(m_rec_data, 8) \
	X(payloads_inc) X(payload_bytes_inc) X(payload_read_inc) X(list_read_inc) \
	X(deliveries_inc) X(batches_inc) X(refused_inc) \
	X(dma_read_fault_inc) X(install_inc) X(release_inc)
/* clang-format on */

#define SUBMIT_PIN(name)	 uint64_t name;
#define SUBMIT_WIDE(name, words) uint32_t name[words];
struct submit_pins {
	SUBMIT_INPUTS(SUBMIT_PIN, SUBMIT_WIDE)
	SUBMIT_OUTPUTS(SUBMIT_PIN, SUBMIT_WIDE)
};

struct submit_block;

struct submit_block *submit_new(unsigned int seed);
void submit_free(struct submit_block *block);
void submit_settle(struct submit_block *block, struct submit_pins *pins);
void submit_edge(struct submit_block *block);

#ifdef __cplusplus
}
#endif
#endif
