// SPDX-License-Identifier: Apache-2.0
// The submission side of one queue pair: from doorbell and host memory to the log, the fan-out, the control of
// connections and the records of batches. Wires only, but for the merge of the two rings' records.
//
//   tails -> ring DATA    -> data -> exec ------> m_walk, records
//            |                 |       \
//            dma_read ---------+        ctl ----> m_cmd, m_flow, m_slot, frames
//            |      \---------- list -------/---> m_list: targets
//   tails -> ring CONTROL -> exec_control ------> records
//
// Contract: see the modules. CONTROL never waits for DATA, except for one operation that the control unit has begun.
// Records of both rings share one stream; each ring's are in order.

module fantail_submit #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int QueuePairs  = 1,        // queue pairs
  parameter int ListLines   = 64        // lines of target lists held, a power of two, at least 16
) (
  input  logic                        clk,
  input  logic                        rst,
  input  logic                        stop_i,            // start no further read
  output logic                        busy_o,            // tables are being cleared
  output logic                        dma_busy_o,        // reads are outstanding
  output logic                        idle_o,            // nothing to do

  input  logic                        enable_i,
  input  logic                        halted_i,
  input  logic [63:0]                 data_base_i,
  input  logic [63:0]                 control_base_i,
  input  logic [3:0]                  data_log2_i,
  input  logic [3:0]                  control_log2_i,
  input  logic [14:0]                 data_tail_i,
  input  logic [14:0]                 control_tail_i,
  output logic [14:0]                 data_head_o,
  output logic [14:0]                 control_head_o,
  output logic                        fault_valid_o,
  output logic [7:0]                  fault_code_o,
  output logic [63:0]                 fault_addr_o,

  output logic [63:0]                 m_axi_araddr,
  output logic [7:0]                  m_axi_arlen,
  output logic                        m_axi_arvalid,
  input  logic                        m_axi_arready,
  input  logic [511:0]                m_axi_rdata,
  input  logic [1:0]                  m_axi_rresp,
  input  logic                        m_axi_rlast,
  input  logic                        m_axi_rvalid,
  output logic                        m_axi_rready,

  input  logic [31:0]                 log_low_i,         // low watermark of the log
  output logic [31:0]                 alloc_pos_o,       // next log position to be reserved
  output logic [31:0]                 walk_pos_o,        // everything below is replicated
  output logic [31:0]                 log_used_o,        // bytes reserved above the watermark
  output logic                        log_wait_o,        // DATA waits for log space:
  output logic [31:0]                 log_want_o,        // for the watermark to come so far
  output logic                        hold_o,            // see fantail_exec
  output logic                        m_append_valid,
  output fantail_pkg::append_t        m_append_data,

  output logic                        m_walk_valid,
  input  logic                        m_walk_ready,
  output fantail_pkg::walk_t          m_walk_data,
  input  logic                        s_walkdone_valid,
  input  logic [15:0]                 s_walkdone_reached,
  input  logic [15:0]                 s_walkdone_skipped,

  output logic                        m_list_valid,      // targets of a walk with its list bit
  input  logic                        m_list_ready,
  output logic [31:0]                 m_list_data,       // handle
  output logic                        m_list_end,        // no handle: the list ends

  output logic                        m_flow_valid,
  input  logic                        m_flow_ready,
  output logic [1:0]                  m_flow_op,
  output fantail_pkg::tuple_t         m_flow_tuple,
  output logic [13:0]                 m_flow_id,
  input  logic                        s_flow_rsp_valid,
  input  logic [1:0]                  s_flow_rsp_code,

  output logic                        m_cmd_valid,
  input  logic                        m_cmd_ready,
  output fantail_pkg::cmd_t           m_cmd_data,
  output logic [1023:0]               m_ctx_data,
  input  logic                        s_rsp_valid,
  input  logic                        s_rsp_bit,

  output logic                        m_clear_valid,
  output logic [13:0]                 m_clear_id,

  input  logic [12:0]                 slot_count_i,
  output logic                        m_slot_valid,
  input  logic                        m_slot_ready,
  output logic [11:0]                 m_slot_data,
  output logic                        m_slot_check,
  input  logic                        s_slot_rsp_valid,
  input  logic                        s_slot_rsp_ok,
  input  logic [13:0]                 s_slot_rsp_id,
  input  logic [15:0]                 s_slot_rsp_gen,
  input  logic [15:0]                 s_slot_rsp_bytes,

  output logic                        m_htx_valid,
  input  logic                        m_htx_ready,
  output logic [511:0]                m_htx_data,
  output logic [6:0]                  m_htx_bytes,
  output logic                        m_htx_last,
  output logic                        m_inj_valid,
  input  logic                        m_inj_ready,
  output logic [511:0]                m_inj_data,
  output logic [6:0]                  m_inj_bytes,
  output logic                        m_inj_last,
  input  logic                        s_inj_rsp_valid,
  input  logic                        s_inj_rsp_hit,

  output logic                        m_rec_valid,
  input  logic                        m_rec_ready,
  output logic [255:0]                m_rec_data,
  output logic [2:0]                  m_rec_qp,

  output logic [15:0]                 payloads_inc_o,
  output logic [15:0]                 payload_bytes_inc_o,
  output logic [15:0]                 payload_read_inc_o,
  output logic [15:0]                 list_read_inc_o,
  output logic [15:0]                 deliveries_inc_o,
  output logic [15:0]                 batches_inc_o,
  output logic [15:0]                 refused_inc_o,
  output logic [15:0]                 dma_read_fault_inc_o,
  output logic [15:0]                 install_inc_o,
  output logic [15:0]                 release_inc_o
);

  localparam int DataDepth    = 64;
  localparam int ControlDepth = 16;

  logic         pay_valid, pay_ready, line_valid, line_ready, line_err;
  logic [57:0]  pay_line;
  logic [16:0]  pay_lines;
  logic [511:0] line_data;
  logic [1:0]   ent_valid, ent_ready, ent_rsp;
  logic [115:0] ent_line;
  logic [7:0]   ent_lines;
  logic [511:0] ent_data;
  logic         ent_err;
  logic         lreq_valid, lreq_ready, lrsp_valid, lrsp_err;
  logic [57:0]  lreq_line;
  logic [3:0]   lreq_lines;
  logic [511:0] lrsp_data;
  logic         cdma_valid, cdma_ready, cdma_rsp, cdma_last, cdma_err;
  logic [63:0]  cdma_addr, cdma_err_addr;
  logic [10:0]  cdma_bytes;
  logic [511:0] cdma_data;

  fantail_dma_read u_dma_read (
    .clk,
    .rst,
    .stop_i,
    .busy_o         (dma_busy_o),
    .s_pay_valid    (pay_valid),
    .s_pay_ready    (pay_ready),
    .s_pay_line     (pay_line),
    .s_pay_lines    (pay_lines),
    .m_pay_valid    (line_valid),
    .m_pay_ready    (line_ready),
    .m_pay_data     (line_data),
    .m_pay_err      (line_err),
    .s_ent_valid    (ent_valid),
    .s_ent_ready    (ent_ready),
    .s_ent_line     (ent_line),
    .s_ent_lines    (ent_lines),
    .m_ent_valid    (ent_rsp),
    .m_ent_data     (ent_data),
    .m_ent_err      (ent_err),
    .s_list_valid   (lreq_valid),
    .s_list_ready   (lreq_ready),
    .s_list_line    (lreq_line),
    .s_list_lines   (lreq_lines),
    .m_list_valid   (lrsp_valid),
    .m_list_data    (lrsp_data),
    .m_list_err     (lrsp_err),
    .s_ctl_valid    (cdma_valid),
    .s_ctl_ready    (cdma_ready),
    .s_ctl_addr     (cdma_addr),
    .s_ctl_bytes    (cdma_bytes),
    .m_ctl_valid    (cdma_rsp),
    .m_ctl_data     (cdma_data),
    .m_ctl_last     (cdma_last),
    .m_ctl_err      (cdma_err),
    .m_ctl_err_addr (cdma_err_addr),
    .m_axi_araddr,
    .m_axi_arlen,
    .m_axi_arvalid,
    .m_axi_arready,
    .m_axi_rdata,
    .m_axi_rresp,
    .m_axi_rlast,
    .m_axi_rvalid,
    .m_axi_rready,
    .payload_read_inc_o,
    .list_read_inc_o,
    .fault_inc_o    (dma_read_fault_inc_o)
  );

  // ---------------------------------------------------------------- rings
  logic         de_valid, de_ready, ce_valid, ce_ready, data_empty, data_settled, control_empty;
  logic [511:0] de_data, ce_data;
  logic [14:0]  de_index, ce_index;
  logic [1:0]   fault;
  logic [15:0]  fault_codes;
  logic [127:0] fault_addrs;

  fantail_ring #(
    .Depth(DataDepth)
  ) u_ring_data (
    .clk,
    .rst,
    .enable_i,
    .halted_i,
    .base_i        (data_base_i),
    .log2_i        (data_log2_i),
    .tail_i        (data_tail_i),
    .m_req_valid   (ent_valid[0]),
    .m_req_ready   (ent_ready[0]),
    .m_req_line    (ent_line[57:0]),
    .m_req_lines   (ent_lines[3:0]),
    .s_rsp_valid   (ent_rsp[0]),
    .s_rsp_data    (ent_data),
    .s_rsp_err     (ent_err),
    .m_entry_valid (de_valid),
    .m_entry_ready (de_ready),
    .m_entry_data  (de_data),
    .m_entry_index (de_index),
    .empty_o       (data_empty),
    .settled_o     (data_settled),
    .fault_valid_o (fault[0]),
    .fault_code_o  (fault_codes[7:0]),
    .fault_addr_o  (fault_addrs[63:0])
  );

  fantail_ring #(
    .Depth(ControlDepth)
  ) u_ring_control (
    .clk,
    .rst,
    .enable_i,
    .halted_i,
    .base_i        (control_base_i),
    .log2_i        (control_log2_i),
    .tail_i        (control_tail_i),
    .m_req_valid   (ent_valid[1]),
    .m_req_ready   (ent_ready[1]),
    .m_req_line    (ent_line[115:58]),
    .m_req_lines   (ent_lines[7:4]),
    .s_rsp_valid   (ent_rsp[1]),
    .s_rsp_data    (ent_data),
    .s_rsp_err     (ent_err),
    .m_entry_valid (ce_valid),
    .m_entry_ready (ce_ready),
    .m_entry_data  (ce_data),
    .m_entry_index (ce_index),
    .empty_o       (control_empty),
    .settled_o     (),
    .fault_valid_o (fault[1]),
    .fault_code_o  (fault_codes[15:8]),
    .fault_addr_o  (fault_addrs[127:64])
  );

  // only one line arrives per cycle, so never both
  assign fault_valid_o = fault != 2'b00;
  assign fault_code_o  = fault[1] ? fault_codes[15:8] : fault_codes[7:0];
  assign fault_addr_o  = fault[1] ? fault_addrs[127:64] : fault_addrs[63:0];

  // ---------------------------------------------------------------- payloads and retirement
  logic         ret_valid, ret_ready, done_valid, done_ready, done_err, data_waiting;
  logic [511:0] ret_entry;
  logic [14:0]  ret_index;
  logic [7:0]   ret_code;
  logic [31:0]  ret_pos;
  logic [63:0]  done_addr;
  logic [1:0]   ctl_valid, ctl_ready, ctl_done;
  logic [1023:0] ctl_entry;
  logic [7:0]   ctl_code;
  logic [63:0]  ctl_addr;
  logic         drec_valid, drec_ready, crec_valid, crec_ready;
  logic [255:0] drec_data, crec_data;
  logic         exec_idle, control_idle, ctl_idle, control_refused;
  logic [15:0]  data_refused;
  logic         want_valid, want_ready, want_first, list_drop, list_dropped, list_err;
  logic [61:0]  want_addr;
  logic [14:0]  want_len;
  logic [63:0]  list_err_addr;
  logic         install_inc, release_inc;

  fantail_data #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes),
    .Depth      (DataDepth)
  ) u_data (
    .clk,
    .rst,
    .enable_i,
    .s_entry_valid (de_valid),
    .s_entry_ready (de_ready),
    .s_entry_data  (de_data),
    .s_entry_index (de_index),
    .tail_i        (data_tail_i),
    .ring_empty_i  (data_empty),
    .log_low_i,
    .alloc_pos_o,
    .log_used_o,
    .m_req_valid   (pay_valid),
    .m_req_ready   (pay_ready),
    .m_req_line    (pay_line),
    .m_req_lines   (pay_lines),
    .s_line_valid  (line_valid),
    .s_line_ready  (line_ready),
    .s_line_data   (line_data),
    .s_line_err    (line_err),
    .m_append_valid,
    .m_append_data,
    .m_list_valid  (want_valid),
    .m_list_ready  (want_ready),
    .m_list_addr   (want_addr),
    .m_list_len    (want_len),
    .m_list_first  (want_first),
    .m_ret_valid   (ret_valid),
    .m_ret_ready   (ret_ready),
    .m_ret_entry   (ret_entry),
    .m_ret_index   (ret_index),
    .m_ret_code    (ret_code),
    .m_ret_pos     (ret_pos),
    .m_done_valid  (done_valid),
    .m_done_ready  (done_ready),
    .m_done_err    (done_err),
    .m_done_addr   (done_addr),
    .waiting_o     (data_waiting),
    .log_wait_o,
    .log_want_o
  );

  fantail_list #(
    .Lines(ListLines),
    .Depth(DataDepth)
  ) u_list (
    .clk,
    .rst,
    .s_list_valid (want_valid),
    .s_list_ready (want_ready),
    .s_list_addr  (want_addr),
    .s_list_len   (want_len),
    .s_list_first (want_first),
    .m_req_valid  (lreq_valid),
    .m_req_ready  (lreq_ready),
    .m_req_line   (lreq_line),
    .m_req_lines  (lreq_lines),
    .s_line_valid (lrsp_valid),
    .s_line_data  (lrsp_data),
    .s_line_err   (lrsp_err),
    .m_list_valid,
    .m_list_ready,
    .m_list_data,
    .m_list_end,
    .drop_i       (list_drop),
    .dropped_o    (list_dropped),
    .err_o        (list_err),
    .err_addr_o   (list_err_addr)
  );

  fantail_exec u_exec (
    .clk,
    .rst,
    .enable_i,
    .s_ret_valid      (ret_valid),
    .s_ret_ready      (ret_ready),
    .s_ret_entry      (ret_entry),
    .s_ret_index      (ret_index),
    .s_ret_code       (ret_code),
    .s_ret_pos        (ret_pos),
    .s_done_valid     (done_valid),
    .s_done_ready     (done_ready),
    .s_done_err       (done_err),
    .s_done_addr      (done_addr),
    .data_waiting_i   (data_waiting),
    .s_list_valid     (m_list_valid),
    .list_drop_o      (list_drop),
    .s_list_dropped   (list_dropped),
    .s_list_err       (list_err),
    .s_list_err_addr  (list_err_addr),
    .m_walk_valid,
    .m_walk_ready,
    .m_walk_data,
    .s_walkdone_valid,
    .s_walkdone_reached,
    .s_walkdone_skipped,
    .m_ctl_valid      (ctl_valid[0]),
    .m_ctl_ready      (ctl_ready[0]),
    .m_ctl_entry      (ctl_entry[511:0]),
    .s_ctl_done_valid (ctl_done[0]),
    .s_ctl_done_code  (ctl_code),
    .s_ctl_done_addr  (ctl_addr),
    .m_rec_valid      (drec_valid),
    .m_rec_ready      (drec_ready),
    .m_rec_data       (drec_data),
    .head_o           (data_head_o),
    .walk_pos_o,
    .hold_o,
    .idle_o           (exec_idle),
    .payloads_inc_o,
    .payload_bytes_inc_o,
    .deliveries_inc_o,
    .batches_inc_o,
    .refused_inc_o    (data_refused)
  );

  fantail_exec_control u_exec_control (
    .clk,
    .rst,
    .enable_i,
    .s_entry_valid    (ce_valid),
    .s_entry_ready    (ce_ready),
    .s_entry_data     (ce_data),
    .s_entry_index    (ce_index),
    .m_ctl_valid      (ctl_valid[1]),
    .m_ctl_ready      (ctl_ready[1]),
    .m_ctl_entry      (ctl_entry[1023:512]),
    .s_ctl_done_valid (ctl_done[1]),
    .s_ctl_done_code  (ctl_code),
    .s_ctl_done_addr  (ctl_addr),
    .m_rec_valid      (crec_valid),
    .m_rec_ready      (crec_ready),
    .m_rec_data       (crec_data),
    .head_o           (control_head_o),
    .refused_inc_o    (control_refused),
    .idle_o           (control_idle)
  );

  assign refused_inc_o = data_refused + 16'(control_refused);
  assign install_inc_o = 16'(install_inc);
  assign release_inc_o = 16'(release_inc);
  assign idle_o        = exec_idle && control_idle && ctl_idle && control_empty && data_waiting
      && (data_empty || (log_wait_o && data_settled)) && !dma_busy_o && !m_rec_valid;

  // ---------------------------------------------------------------- records: rings alternate, one register
  logic turn_q, take_control, rec_free;

  assign rec_free     = !m_rec_valid || m_rec_ready;
  assign take_control = crec_valid && (turn_q || !drec_valid);
  assign crec_ready   = rec_free && take_control;
  assign drec_ready   = rec_free && drec_valid && !take_control;
  assign m_rec_qp     = 3'd0;

  always_ff @(posedge clk) begin
    if (rec_free) m_rec_data <= take_control ? crec_data : drec_data;
    if (rst) begin
      m_rec_valid <= 1'b0;
      turn_q      <= 1'b1;
    end else if (rec_free) begin
      m_rec_valid <= crec_valid || drec_valid;
      if (crec_ready || drec_ready) turn_q <= drec_ready;
    end
  end

  // ---------------------------------------------------------------- control unit
  fantail_ctl #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes),
    .QueuePairs (QueuePairs)
  ) u_ctl (
    .clk,
    .rst,
    .busy_o,
    .idle_o         (ctl_idle),
    .s_req_valid    (ctl_valid),
    .s_req_ready    (ctl_ready),
    .s_req_entry    (ctl_entry),
    .m_done_valid   (ctl_done),
    .m_done_code    (ctl_code),
    .m_done_addr    (ctl_addr),
    .m_dma_valid    (cdma_valid),
    .m_dma_ready    (cdma_ready),
    .m_dma_addr     (cdma_addr),
    .m_dma_bytes    (cdma_bytes),
    .s_dma_valid    (cdma_rsp),
    .s_dma_data     (cdma_data),
    .s_dma_last     (cdma_last),
    .s_dma_err      (cdma_err),
    .s_dma_err_addr (cdma_err_addr),
    .m_flow_valid,
    .m_flow_ready,
    .m_flow_op,
    .m_flow_tuple,
    .m_flow_id,
    .s_flow_rsp_valid,
    .s_flow_rsp_code,
    .m_cmd_valid,
    .m_cmd_ready,
    .m_cmd_data,
    .m_ctx_data,
    .s_rsp_valid,
    .s_rsp_bit,
    .m_clear_valid,
    .m_clear_id,
    .slot_count_i,
    .m_slot_valid,
    .m_slot_ready,
    .m_slot_data,
    .m_slot_check,
    .s_slot_rsp_valid,
    .s_slot_rsp_ok,
    .s_slot_rsp_id,
    .s_slot_rsp_gen,
    .s_slot_rsp_bytes,
    .m_htx_valid,
    .m_htx_ready,
    .m_htx_data,
    .m_htx_bytes,
    .m_htx_last,
    .m_inj_valid,
    .m_inj_ready,
    .m_inj_data,
    .m_inj_bytes,
    .m_inj_last,
    .s_inj_rsp_valid,
    .s_inj_rsp_hit,
    .install_inc_o  (install_inc),
    .release_inc_o  (release_inc)
  );

endmodule
