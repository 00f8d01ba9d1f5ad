/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verilated engine as a struct of pins.
 *
 * One clock cycle is: judge struct dut_out, dut_edge(), write struct dut_in
 * and the wide inputs, dut_settle(). Inputs written before the edge would be
 * seen by it, and handshakes would be lost.
 *
 * One model may be driven by different threads, one at a time.
 */
#ifndef FANTAIL_DUT_H
#define FANTAIL_DUT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUT_BEAT 64 /* bytes of a wide data bus */

/* Inputs: copied into the model by dut_settle(). */
struct dut_in {
	uint64_t now_us;
	uint32_t axil_wdata;
	uint16_t axil_awaddr;
	uint16_t axil_araddr;
	uint8_t rst;
	uint8_t axil_awvalid;
	uint8_t axil_wvalid;
	uint8_t axil_wstrb;
	uint8_t axil_bready;
	uint8_t axil_arvalid;
	uint8_t axil_rready;
	uint8_t axi_arready;
	uint8_t axi_rvalid;
	uint8_t axi_rresp;
	uint8_t axi_rlast;
	uint8_t axi_awready;
	uint8_t axi_wready;
	uint8_t axi_bvalid;
	uint8_t axi_bresp;
	uint8_t mac_tx_tready;
	uint8_t mac_rx_tvalid;
	uint8_t mac_rx_tlast;
	uint8_t mac_rx_tuser;
	uint64_t mac_rx_tkeep;
};

/* Outputs: as settled by the last dut_settle(). */
struct dut_out {
	uint64_t axi_araddr;
	uint64_t axi_awaddr;
	uint64_t axi_wstrb;
	uint64_t mac_tx_tkeep;
	uint64_t next_deadline_us;
	uint32_t axil_rdata;
	uint32_t irq;
	uint8_t axi_arlen;
	uint8_t axi_arqp;
	uint8_t axi_awlen;
	uint8_t axi_awqp;
	uint8_t axil_awready;
	uint8_t axil_wready;
	uint8_t axil_bresp;
	uint8_t axil_bvalid;
	uint8_t axil_arready;
	uint8_t axil_rresp;
	uint8_t axil_rvalid;
	uint8_t axi_arvalid;
	uint8_t axi_rready;
	uint8_t axi_awvalid;
	uint8_t axi_wlast;
	uint8_t axi_wvalid;
	uint8_t axi_bready;
	uint8_t mac_tx_tlast;
	uint8_t mac_tx_tvalid;
	uint8_t idle;
};

/* Inside the engine, as settled (watch_ in rtl/fantail_core.sv). */
struct dut_watch {
	bool append; /* payload bytes go into the log: */
	bool append_last;
	uint8_t append_bytes;
	uint32_t append_pos;
	bool walk; /* replication begins, of these bytes of the log: */
	uint8_t walk_qp;
	uint32_t walk_pos, walk_len;
	bool walk_done; /* it ends */
	uint16_t walk_reached, walk_skipped;
	bool queue; /* a connection's queue is written: */
	uint16_t queue_id;
	uint32_t queue_seq; /* sequence number behind it */
};

struct dut_model;

struct dut {
	struct dut_in in;
	struct dut_out out;
	/* The model's own pins, byte 0 first, valid while the dut is open. */
	const uint8_t *axi_wdata;
	const uint8_t *mac_tx_tdata;
	uint8_t *axi_rdata; /* write between edge and settle only */
	uint8_t *mac_rx_tdata;
	uint64_t cycle; /* rising edges so far */
	bool failed;	/* assertion, $stop, $finish or fatal error */
	struct dut_model *model;
};

/* One line from the model, without newline; @bad: it has failed. */
typedef void (*dut_log_fn)(void *ctx, bool bad, const char *msg);

struct dut_config {
	dut_log_fn log;
	void *log_ctx;
	uint64_t seed;	       /* of the model's random initial values */
	const char *trace;     /* FST file or NULL */
	uint64_t trace_first;  /* first cycle */
	uint64_t trace_cycles; /* 0: to the end */
	unsigned int ps_per_cycle;
};

/* Is this a build with waves? */
bool dut_can_trace(void);

/*
 * Build a model, pins zero and settled. 0, -ENOMEM, -ENOTSUP (waves asked
 * of a build without), -EACCES (wave file cannot be written).
 */
int dut_open(struct dut *dut, const struct dut_config *cfg);
void dut_close(struct dut *dut);

/* Rising edge with the inputs as last settled. */
void dut_edge(struct dut *dut);

/* Falling edge with the new inputs; then the outputs are valid. */
void dut_settle(struct dut *dut);

/* A look inside, after dut_settle(). Costs nothing when it is not taken. */
void dut_look(const struct dut *dut, struct dut_watch *watch);

#ifdef __cplusplus
}
#endif

#endif /* FANTAIL_DUT_H */
