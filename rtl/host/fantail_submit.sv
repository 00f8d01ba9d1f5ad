// SPDX-License-Identifier: Apache-2.0
// The submission side: from doorbell and host memory to the log, the fan-out, the control of connections and the
// records of batches. Wires only, but for the turns of the queue pairs.
//
//   each queue pair (fantail_submit_qp)                       shared by all
//   tails -> ring DATA    -> data -> exec ------> records     log space, append port of the log
//            |                 |       \                      walks, one at a time
//            dma_read ---------+        ctl ----> m_cmd, m_flow, m_slot, frames
//            |      \---------- list -------/---> m_list: targets
//   tails -> ring CONTROL -> exec_control ------> records
//
// Contract: see the modules. Queue pair q in bit and slice q. CONTROL never waits for DATA, except for one operation of
// each other ring that the control unit begins before. What is shared is granted in turns, for a time that no host
// determines: a burst, a walk, an operation; log space is the exception (fantail_log_space).

module fantail_submit #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int QueuePairs  = 1,        // queue pairs, 1 to 8
  parameter int ListLines   = 64        // lines of target lists held by each, a power of two, at least 16
) (
  input  logic                        clk,
  input  logic                        rst,
  input  logic                        stop_i,            // start no further read
  output logic                        busy_o,            // tables are being cleared
  output logic                        dma_busy_o,        // reads are outstanding
  output logic                        idle_o,            // nothing to do
  output logic [QueuePairs-1:0]       qp_idle_o,         // nor in this queue pair, see fantail_submit_qp
  input  logic                        s_close_valid,     // see fantail_ctl
  input  logic [2:0]                  s_close_qp,
  input  logic [13:0]                 s_close_id,
  output logic                        close_done_o,

  input  logic [QueuePairs-1:0]       enable_i,
  input  logic [QueuePairs-1:0]       halted_i,
  input  logic [64*QueuePairs-1:0]    data_base_i,
  input  logic [64*QueuePairs-1:0]    control_base_i,
  input  logic [4*QueuePairs-1:0]     data_log2_i,
  input  logic [4*QueuePairs-1:0]     control_log2_i,
  input  logic [15*QueuePairs-1:0]    data_tail_i,
  input  logic [15*QueuePairs-1:0]    control_tail_i,
  output logic [15*QueuePairs-1:0]    data_head_o,
  output logic [15*QueuePairs-1:0]    control_head_o,
  output logic [QueuePairs-1:0]       fault_valid_o,
  output logic [8*QueuePairs-1:0]     fault_code_o,
  output logic [64*QueuePairs-1:0]    fault_addr_o,

  output logic [63:0]                 m_axi_araddr,
  output logic [7:0]                  m_axi_arlen,
  output logic [2:0]                  m_axi_arqp,
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
  output logic [QueuePairs-1:0]       hold_o,            // see fantail_exec
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
  output logic [2:0]                  m_flow_qp,
  input  logic                        s_flow_rsp_valid,
  input  logic [1:0]                  s_flow_rsp_code,

  output logic                        m_cmd_valid,
  input  logic                        m_cmd_ready,
  output fantail_pkg::cmd_t           m_cmd_data,
  output logic [1023:0]               m_ctx_data,
  input  logic                        s_rsp_valid,
  input  logic                        s_rsp_bit,

  output logic                        m_collect_valid,
  output logic [2:0]                  m_collect_qp,
  output logic [QueuePairs-1:0]       m_mark_valid,      // see fantail_exec
  input  logic [QueuePairs-1:0]       m_mark_ready,
  output logic [32*QueuePairs-1:0]    m_mark_pos,
  output logic [64*QueuePairs-1:0]    m_mark_cookie,
  input  logic [5*QueuePairs-1:0]     marks_i,           // marks that wait, see fantail_data

  output logic                        m_clear_valid,
  output logic [13:0]                 m_clear_id,

  input  logic [13*QueuePairs-1:0]    slot_count_i,
  output logic                        m_slot_valid,
  input  logic                        m_slot_ready,
  output logic [11:0]                 m_slot_data,
  output logic                        m_slot_check,
  output logic [2:0]                  m_slot_qp,
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
  output logic [2:0]                  m_inj_qp,
  input  logic                        s_inj_rsp_valid,
  input  logic                        s_inj_rsp_hit,

  output logic [QueuePairs-1:0]       m_rec_valid,
  input  logic [QueuePairs-1:0]       m_rec_ready,
  output logic [256*QueuePairs-1:0]   m_rec_data,

  output logic [15:0]                 payloads_inc_o,
  output logic [15:0]                 payload_bytes_inc_o,
  output logic [15:0]                 payload_read_inc_o,
  output logic [15:0]                 list_read_inc_o,
  output logic [15:0]                 deliveries_inc_o,
  output logic [15:0]                 batches_inc_o,
  output logic [15:0]                 refused_inc_o,
  output logic [15:0]                 dma_read_fault_inc_o,
  output logic [15:0]                 install_inc_o,
  output logic [15:0]                 release_inc_o,
  output fantail_pkg::stage_t         fetch_o,
  output fantail_pkg::stage_t         read_o,
  output fantail_pkg::stage_t         log_o
);

  logic [QueuePairs-1:0]     pay_valid, pay_ready, line_valid, line_ready;
  logic [58*QueuePairs-1:0]  pay_line, lreq_line;
  logic [17*QueuePairs-1:0]  pay_lines;
  logic [2*QueuePairs-1:0]   ent_valid, ent_ready, ent_rsp;
  logic [116*QueuePairs-1:0] ent_line;
  logic [8*QueuePairs-1:0]   ent_lines;
  logic [QueuePairs-1:0]     lreq_valid, lreq_ready, lrsp_valid;
  logic [4*QueuePairs-1:0]   lreq_lines;
  logic [511:0] line_data, cdma_data;
  logic         line_err, cdma_valid, cdma_ready, cdma_rsp, cdma_last, cdma_err;
  logic [63:0]  cdma_addr, cdma_err_addr;
  logic [10:0]  cdma_bytes;
  logic [2:0]   cdma_qp;

  fantail_dma_read #(
    .QueuePairs(QueuePairs)
  ) u_dma_read (
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
    .s_ent_valid    (ent_valid),
    .s_ent_ready    (ent_ready),
    .s_ent_line     (ent_line),
    .s_ent_lines    (ent_lines),
    .m_ent_valid    (ent_rsp),
    .s_list_valid   (lreq_valid),
    .s_list_ready   (lreq_ready),
    .s_list_line    (lreq_line),
    .s_list_lines   (lreq_lines),
    .m_list_valid   (lrsp_valid),
    .m_line_data    (line_data),
    .m_line_err     (line_err),
    .s_ctl_valid    (cdma_valid),
    .s_ctl_ready    (cdma_ready),
    .s_ctl_qp       (cdma_qp),
    .s_ctl_addr     (cdma_addr),
    .s_ctl_bytes    (cdma_bytes),
    .m_ctl_valid    (cdma_rsp),
    .m_ctl_data     (cdma_data),
    .m_ctl_last     (cdma_last),
    .m_ctl_err      (cdma_err),
    .m_ctl_err_addr (cdma_err_addr),
    .m_axi_araddr,
    .m_axi_arlen,
    .m_axi_arqp,
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

  // ---------------------------------------------------------------- log space, append port
  logic [QueuePairs-1:0]     space_valid, space_take, space_grant, space_wait, pending, log_wait;
  logic [32*QueuePairs-1:0]  space_len, oldest;
  logic [QueuePairs-1:0]     append_valid, append_ready;
  logic [558*QueuePairs-1:0] append_data;
  logic [557:0]              append;

  fantail_log_space #(
    .LogBytes  (LogBytes),
    .QueuePairs(QueuePairs)
  ) u_space (
    .clk,
    .rst,
    .log_low_i,
    .want_i     (space_valid),
    .take_i     (space_take),
    .len_i      (space_len),
    .grant_o    (space_grant),
    .wait_o     (space_wait),
    .want_pos_o (log_want_o),
    .pos_o      (alloc_pos_o),
    .used_o     (log_used_o),
    .pending_i  (pending),
    .oldest_i   (oldest),
    .walk_pos_o
  );
  assign log_wait_o = log_wait != '0;

  fantail_turn #(
    .Num(QueuePairs)
  ) u_append_turn (
    .clk,
    .rst,
    .valid_i (append_valid),
    .take_i  (1'b1),
    .pick_o  (append_ready),
    .index_o (),
    .any_o   (m_append_valid)
  );

  always_comb begin
    append = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (append_ready[q]) append = append | append_data[558*q +: 558];
    end
  end
  assign m_append_data = append;

  // ---------------------------------------------------------------- walks
  logic [QueuePairs-1:0]     walk_valid, walk_ready, walkdone, list_valid, list_ready, list_end;
  logic [118*QueuePairs-1:0] walk_data;
  logic [32*QueuePairs-1:0]  list_data;

  fantail_walk_turn #(
    .QueuePairs(QueuePairs)
  ) u_walk_turn (
    .clk,
    .rst,
    .s_walk_valid     (walk_valid),
    .s_walk_ready     (walk_ready),
    .s_walk_data      (walk_data),
    .walkdone_valid_o (walkdone),
    .s_list_valid     (list_valid),
    .s_list_ready     (list_ready),
    .s_list_data      (list_data),
    .s_list_end       (list_end),
    .m_walk_valid,
    .m_walk_ready,
    .m_walk_data,
    .s_walkdone_valid,
    .m_list_valid,
    .m_list_ready,
    .m_list_data,
    .m_list_end
  );

  // ---------------------------------------------------------------- queue pairs
  logic [2*QueuePairs-1:0]    ctl_valid, ctl_ready, ctl_done;
  logic [1024*QueuePairs-1:0] ctl_entry;
  logic [7:0]                 ctl_code;
  logic [63:0]                ctl_addr;
  logic                       ctl_idle, install_inc, release_inc;
  logic [16*QueuePairs-1:0]   payloads, payload_bytes, deliveries, batches, refused;
  logic [2*QueuePairs-1:0]    fetch;
  logic [QueuePairs-1:0]      fetch_busy, fetch_blocked;

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_qp
    fantail_submit_qp #(
      .Connections(Connections),
      .Groups     (Groups),
      .LogBytes   (LogBytes),
      .ListLines  (ListLines)
    ) u_qp (
      .clk,
      .rst,
      .idle_o              (qp_idle_o[q]),
      .qp_i                (3'(q)),
      .enable_i            (enable_i[q]),
      .halted_i            (halted_i[q]),
      .data_base_i         (data_base_i[64*q +: 64]),
      .control_base_i      (control_base_i[64*q +: 64]),
      .data_log2_i         (data_log2_i[4*q +: 4]),
      .control_log2_i      (control_log2_i[4*q +: 4]),
      .data_tail_i         (data_tail_i[15*q +: 15]),
      .control_tail_i      (control_tail_i[15*q +: 15]),
      .data_head_o         (data_head_o[15*q +: 15]),
      .control_head_o      (control_head_o[15*q +: 15]),
      .fault_valid_o       (fault_valid_o[q]),
      .fault_code_o        (fault_code_o[8*q +: 8]),
      .fault_addr_o        (fault_addr_o[64*q +: 64]),
      .m_ent_valid         (ent_valid[2*q +: 2]),
      .m_ent_ready         (ent_ready[2*q +: 2]),
      .m_ent_line          (ent_line[116*q +: 116]),
      .m_ent_lines         (ent_lines[8*q +: 8]),
      .s_ent_valid         (ent_rsp[2*q +: 2]),
      .m_pay_valid         (pay_valid[q]),
      .m_pay_ready         (pay_ready[q]),
      .m_pay_line          (pay_line[58*q +: 58]),
      .m_pay_lines         (pay_lines[17*q +: 17]),
      .s_pay_valid         (line_valid[q]),
      .s_pay_ready         (line_ready[q]),
      .m_lines_valid       (lreq_valid[q]),
      .m_lines_ready       (lreq_ready[q]),
      .m_lines_line        (lreq_line[58*q +: 58]),
      .m_lines_lines       (lreq_lines[4*q +: 4]),
      .s_lines_valid       (lrsp_valid[q]),
      .s_line_data         (line_data),
      .s_line_err          (line_err),
      .m_space_valid       (space_valid[q]),
      .m_space_take        (space_take[q]),
      .m_space_len         (space_len[32*q +: 32]),
      .s_space_grant       (space_grant[q]),
      .s_space_wait        (space_wait[q]),
      .s_space_pos         (alloc_pos_o),
      .pending_o           (pending[q]),
      .oldest_o            (oldest[32*q +: 32]),
      .log_wait_o          (log_wait[q]),
      .hold_o              (hold_o[q]),
      .m_append_valid      (append_valid[q]),
      .m_append_ready      (append_ready[q]),
      .m_append_data       (append_data[558*q +: 558]),
      .m_walk_valid        (walk_valid[q]),
      .m_walk_ready        (walk_ready[q]),
      .m_walk_data         (walk_data[118*q +: 118]),
      .s_walkdone_valid    (walkdone[q]),
      .s_walkdone_reached,
      .s_walkdone_skipped,
      .m_list_valid        (list_valid[q]),
      .m_list_ready        (list_ready[q]),
      .m_list_data         (list_data[32*q +: 32]),
      .m_list_end          (list_end[q]),
      .m_ctl_valid         (ctl_valid[2*q +: 2]),
      .m_ctl_ready         (ctl_ready[2*q +: 2]),
      .m_ctl_entry         (ctl_entry[1024*q +: 1024]),
      .s_ctl_done_valid    (ctl_done[2*q +: 2]),
      .s_ctl_done_code     (ctl_code),
      .s_ctl_done_addr     (ctl_addr),
      .m_mark_valid        (m_mark_valid[q]),
      .m_mark_ready        (m_mark_ready[q]),
      .m_mark_pos          (m_mark_pos[32*q +: 32]),
      .m_mark_cookie       (m_mark_cookie[64*q +: 64]),
      .marks_i             (marks_i[5*q +: 5]),
      .m_rec_valid         (m_rec_valid[q]),
      .m_rec_ready         (m_rec_ready[q]),
      .m_rec_data          (m_rec_data[256*q +: 256]),
      .payloads_inc_o      (payloads[16*q +: 16]),
      .payload_bytes_inc_o (payload_bytes[16*q +: 16]),
      .deliveries_inc_o    (deliveries[16*q +: 16]),
      .batches_inc_o       (batches[16*q +: 16]),
      .refused_inc_o       (refused[16*q +: 16]),
      .fetch_o             (fetch[2*q +: 2])
    );
    assign fetch_blocked[q] = fetch[2*q + 1];
    assign fetch_busy[q]    = fetch[2*q];
  end

  logic line_taken;
  assign line_taken = m_axi_rvalid && m_axi_rready;
  assign fetch_o    = {fetch_blocked != '0 && fetch_busy == '0, fetch_busy != '0};
  assign read_o     = {dma_busy_o && !line_taken, line_taken};
  assign log_o      = {log_wait_o && !m_append_valid, m_append_valid};

  always_comb begin
    payloads_inc_o      = '0;
    payload_bytes_inc_o = '0;
    deliveries_inc_o    = '0;
    batches_inc_o       = '0;
    refused_inc_o       = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      payloads_inc_o      = payloads_inc_o + payloads[16*q +: 16];
      payload_bytes_inc_o = payload_bytes_inc_o + payload_bytes[16*q +: 16];
      deliveries_inc_o    = deliveries_inc_o + deliveries[16*q +: 16];
      batches_inc_o       = batches_inc_o + batches[16*q +: 16];
      refused_inc_o       = refused_inc_o + refused[16*q +: 16];
    end
  end

  assign install_inc_o = 16'(install_inc);
  assign release_inc_o = 16'(release_inc);
  assign idle_o        = qp_idle_o == '1 && ctl_idle && !dma_busy_o;

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
    .s_close_valid,
    .s_close_qp,
    .s_close_id,
    .close_done_o,
    .m_dma_valid    (cdma_valid),
    .m_dma_ready    (cdma_ready),
    .m_dma_addr     (cdma_addr),
    .m_dma_qp       (cdma_qp),
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
    .m_flow_qp,
    .s_flow_rsp_valid,
    .s_flow_rsp_code,
    .m_cmd_valid,
    .m_cmd_ready,
    .m_cmd_data,
    .m_ctx_data,
    .s_rsp_valid,
    .s_rsp_bit,
    .m_collect_valid,
    .m_collect_qp,
    .m_clear_valid,
    .m_clear_id,
    .slot_count_i,
    .m_slot_valid,
    .m_slot_ready,
    .m_slot_data,
    .m_slot_check,
    .m_slot_qp,
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
    .m_inj_qp,
    .s_inj_rsp_valid,
    .s_inj_rsp_hit,
    .install_inc_o  (install_inc),
    .release_inc_o  (release_inc)
  );

endmodule
