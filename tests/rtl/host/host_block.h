/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C face of the verilated host_block: a struct of pins and two steps.
 *
 * A cycle is: host_settle() (inputs to outputs, no edge), look at the
 * outputs, host_edge(), then change inputs. Wide pins are arrays of 32-bit
 * words, lowest first.
 */
#ifndef HOST_BLOCK_H
#define HOST_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name) one machine word, W(name, words) an array of 32-bit words */
/* It would lay out lists of pins as nested calls. */
/* clang-format off */
#define HOST_INPUTS(X, W)                                                      \
	X(rst) X(soft_rst) X(awaddr) X(awvalid) X(wdata) X(wstrb) X(wvalid)    \
	X(bready) X(araddr) X(arvalid) X(rready) X(ready) X(idle) X(now_us)    \
	X(data_head) X(control_head) X(fault_valid) X(fault_code)              \
	W(fault_addr, 4) X(cnt_index) X(cnt_amount) X(stage) X(rec_valid)      \
	W(rec_data, 24) X(rec_qp) X(items) X(hold) X(telling) X(period_end)    \
	X(collect) X(dl_valid) X(dl_addr) W(dl_data, 16)        \
	X(dl_strb) X(dl_lines) X(dl_last) X(m_awready) X(m_wready) X(m_bresp)  \
	X(m_bvalid)
#define HOST_OUTPUTS(X, W)                                                     \
	X(awready) X(wready) X(bvalid) X(arready) X(rdata) X(rvalid) X(enable) \
	X(dev_reset) W(hash_key, 4) X(qp_enable) X(db_tail_valid) X(data_tail) \
	X(control_tail) X(status_head) X(status_tail) X(halted) X(irq_dev)     \
	X(rec_ready) X(dl_ready) X(dl_done) X(m_awaddr) X(m_awlen)             \
	X(m_awvalid) W(m_wdata, 16) X(m_wstrb) X(m_wlast) X(m_wvalid)          \
	X(m_bready) X(wr_fault) X(wr_busy) X(status_busy) X(irq)               \
	X(deadline_us) X(room) X(due)
/* clang-format on */

#define HOST_PIN(name)	       uint64_t name;
#define HOST_WIDE(name, words) uint32_t name[words];
struct host_pins {
	HOST_INPUTS(HOST_PIN, HOST_WIDE)
	HOST_OUTPUTS(HOST_PIN, HOST_WIDE)
};

struct host_block;

struct host_block *host_new(unsigned int seed);
void host_free(struct host_block *block);
void host_settle(struct host_block *block, struct host_pins *pins);
void host_edge(struct host_block *block);

#ifdef __cplusplus
}
#endif
#endif
