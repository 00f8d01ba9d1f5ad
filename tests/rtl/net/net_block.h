/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C face of the verilated net_block: a struct of pins and two steps.
 *
 * A cycle is: net_settle() (inputs to outputs, no edge), look at the outputs,
 * net_edge(), then change inputs. Wide pins are arrays of 32-bit words, lowest
 * first.
 */
#ifndef NET_BLOCK_H
#define NET_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format would stack these lists to the right */
/* clang-format off */
/* X(name) one machine word, W(name, words) an array of 32-bit words */
#define NET_INPUTS(X, W)                                                       \
	X(rst) W(mac_data, 16) X(mac_keep) X(mac_last) X(mac_user)             \
	X(mac_valid) X(inj_valid) W(inj_data, 16) X(inj_bytes) X(inj_last)     \
	X(seg_ready) X(v_valid) X(v_kind) X(v_id) X(v_handle) X(v_pay_off)     \
	X(v_pay_len) X(v_frame_len) X(v_reason) X(v_ev) X(v_cause)             \
	X(flow_valid) X(flow_op) X(flow_id) X(flow_local_ip)                   \
	X(flow_remote_ip) X(flow_local_port) X(flow_remote_port) X(qp_enable)  \
	X(slot_base) X(slot_count) X(w_ready) X(rec_ready) X(slot_valid)       \
	X(slot) X(slot_check) X(crec_ready) X(clear_valid) X(clear_id)         \
	X(v_qp) X(now_us) X(run) X(mod_count) X(mod_us) X(urgent)              \
	X(v_fence) X(collect) X(mark_valid) X(mark_pos) X(mark_cookie)         \
	X(sweep_begin) X(sweep_end) X(walk_pos) X(need_valid) X(need_pos)      \
	X(need_qp) X(fence_ready)                                              \
	X(summary_only) X(connect) X(success) X(reads) X(room) X(due)          \
	X(stat_acked) W(eng_data, 16) X(eng_keep) X(eng_last) X(eng_valid)     \
	X(htx_valid) W(htx_data, 16) X(htx_bytes) X(htx_last) X(tx_ready)
#define NET_OUTPUTS(X, W)                                                      \
	X(busy) X(idle) X(rx_frames) X(rx_bytes) X(drop_fifo) X(drop_error)    \
	X(drop_checksum) X(drop_fragment) X(drop_malformed) X(drop_no_slot)    \
	X(to_host) X(inj_ready) X(inj_rsp_valid) X(inj_rsp_hit) X(seg_valid)   \
	X(seg_tcp) X(seg_hit) X(seg_inject) X(seg_id) X(seg_local_ip)          \
	X(seg_remote_ip) X(seg_local_port) X(seg_remote_port) X(seg_seq)       \
	X(seg_ack) X(seg_flags) X(seg_wnd) X(seg_has_ts) X(seg_ts_val)         \
	X(seg_ts_ecr) X(seg_pay_off) X(seg_pay_len) X(seg_frame_len)           \
	X(v_ready) X(flow_ready) X(flow_rsp_valid) X(flow_rsp_code)            \
	X(w_valid) X(w_addr) W(w_data, 16) X(w_strb) X(w_last) X(w_lines)      \
	X(rec_valid) W(rec_data, 8) X(slot_ready) X(slot_rsp_valid)            \
	X(slot_rsp_ok) X(slot_rsp_id) X(slot_rsp_gen) X(slot_rsp_bytes)        \
	X(collecting) X(mark_ready) X(fence_valid) X(fence_qp)                 \
	X(crec_qp) X(items) X(held) X(period_end) X(deadline_us)               \
	X(data_ok) X(frame_ok) X(crec_valid) W(crec_data, 8) X(stat_id)        \
	X(eng_ready) X(htx_ready) W(tx_data, 16) X(tx_keep) X(tx_last)         \
	X(tx_valid) X(tx_bytes) X(tx_frames) X(tx_host_frames) X(tx_busy)      \
	X(tx_blocked)

/* clang-format on */

#define NET_PIN(name)	      uint64_t name;
#define NET_WIDE(name, words) uint32_t name[words];
struct net_pins {
	NET_INPUTS(NET_PIN, NET_WIDE)
	NET_OUTPUTS(NET_PIN, NET_WIDE)
};

struct net_block;

struct net_block *net_new(unsigned int seed);
void net_free(struct net_block *block);
void net_settle(struct net_block *block, struct net_pins *pins);
void net_edge(struct net_block *block);

#ifdef __cplusplus
}
#endif
#endif
