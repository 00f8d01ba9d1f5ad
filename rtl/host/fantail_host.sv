// SPDX-License-Identifier: Apache-2.0
// The host side: registers, what reads host memory (fantail_submit), what writes it (fantail_host_write), and the end of
// a queue pair (fantail_close), which goes through both.
//
//   BAR0 ----------> bar ----------- registers, doorbells
//                     v
//   host memory -> submit ---------> payloads, walks, commands, frames
//                     | records of batches
//                     v
//   host memory <- host_write <----- verdicts, news, bytes of received frames
//
// Contract: those of the modules named.

module fantail_host #(
  parameter int Connections = 1024,
  parameter int Groups      = 1024,
  parameter int LogBytes    = 1048576,
  parameter int Extents     = 64,
  parameter int QueuePairs  = 1
) (
  input  logic                        clk,
  input  logic                        rst,                  // of the register file's AXI side
  input  logic                        core_rst_i,           // of everything else: also after RESET.START
  input  logic                        stop_i,               // begin no read and no write
  output logic                        dev_reset_o,          // RESET.START was written
  output logic                        busy_o,               // clearing after reset
  output logic                        dma_busy_o,           // reads or writes are under way
  output logic                        idle_o,               // nothing is under way on this side
  input  logic                        ready_i,              // STATUS.READY, STATUS.IDLE
  input  logic                        idle_i,
  input  logic [63:0]                 now_us_i,
  output logic [63:0]                 next_deadline_us_o,
  // BAR0
  input  logic [15:0]                 s_axil_awaddr,
  input  logic                        s_axil_awvalid,
  output logic                        s_axil_awready,
  input  logic [31:0]                 s_axil_wdata,
  input  logic [3:0]                  s_axil_wstrb,
  input  logic                        s_axil_wvalid,
  output logic                        s_axil_wready,
  output logic [1:0]                  s_axil_bresp,
  output logic                        s_axil_bvalid,
  input  logic                        s_axil_bready,
  input  logic [15:0]                 s_axil_araddr,
  input  logic                        s_axil_arvalid,
  output logic                        s_axil_arready,
  output logic [31:0]                 s_axil_rdata,
  output logic [1:0]                  s_axil_rresp,
  output logic                        s_axil_rvalid,
  input  logic                        s_axil_rready,
  // host memory, interrupts
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
  output logic [63:0]                 m_axi_awaddr,
  output logic [7:0]                  m_axi_awlen,
  output logic [2:0]                  m_axi_awqp,
  output logic                        m_axi_awvalid,
  input  logic                        m_axi_awready,
  output logic [511:0]                m_axi_wdata,
  output logic [63:0]                 m_axi_wstrb,
  output logic                        m_axi_wlast,
  output logic                        m_axi_wvalid,
  input  logic                        m_axi_wready,
  input  logic [1:0]                  m_axi_bresp,
  input  logic                        m_axi_bvalid,
  output logic                        m_axi_bready,
  output logic [QueuePairs:0]         irq_o,
  // payload log and fan-out, see fantail_submit
  input  logic [31:0]                 log_low_i,
  output logic [31:0]                 walk_pos_o,
  output logic                        log_wait_o,
  output logic [31:0]                 log_want_o,
  output logic [QueuePairs-1:0]       hold_o,
  output logic                        m_append_valid,
  output fantail_pkg::append_t        m_append_data,
  output logic                        m_walk_valid,
  input  logic                        m_walk_ready,
  output fantail_pkg::walk_t          m_walk_data,
  output logic                        m_list_valid,
  input  logic                        m_list_ready,
  output logic [31:0]                 m_list_data,
  output logic                        m_list_end,
  input  logic                        s_walkdone_valid,
  input  logic [15:0]                 s_walkdone_reached,
  input  logic [15:0]                 s_walkdone_skipped,
  // commands to connections
  output logic                        m_cmd_valid,
  input  logic                        m_cmd_ready,
  output fantail_pkg::cmd_t           m_cmd_data,
  output fantail_regs_pkg::context_t  m_cmd_ctx,
  input  logic                        s_cmd_rsp_valid,
  input  logic                        s_cmd_rsp_bit,
  // what became of them, see fantail_host_write
  input  logic                        s_verdict_valid,
  output logic                        s_verdict_ready,
  input  fantail_pkg::verdict_t       s_verdict_data,
  input  logic [QueuePairs-1:0]       accept_i,
  input  logic [QueuePairs-1:0]       put_i,
  output logic [QueuePairs-1:0]       data_ok_o,
  output logic [13:0]                 stat_id_o,
  input  fantail_pkg::conn_stats_t    stat_i,
  input  logic [2:0]                  count_qp_i,
  input  logic                        connect_i,
  input  logic                        success_i,
  input  logic                        begin_i,
  input  logic                        sweep_i,
  input  logic                        need_valid_i,
  input  logic [31:0]                 need_pos_i,
  input  logic [2:0]                  need_qp_i,
  output logic                        m_fence_valid,
  input  logic                        m_fence_ready,
  output logic [2:0]                  m_fence_qp,
  // flow table, frames out, frames that are to look received, bytes of received frames: see fantail_net
  output logic                        m_flow_valid,
  input  logic                        m_flow_ready,
  output logic [1:0]                  m_flow_op,
  output fantail_pkg::tuple_t         m_flow_tuple,
  output logic [13:0]                 m_flow_id,
  output logic [2:0]                  m_flow_qp,
  input  logic                        s_flow_rsp_valid,
  input  logic [1:0]                  s_flow_rsp_code,
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
  input  logic                        hold_valid_i,
  output logic                        hold_re_o,
  output logic [4:0]                  hold_line_o,
  input  logic [511:0]                hold_data_i,
  output logic                        hold_pop_o,
  // what registers say, and show
  output logic                        enable_o,
  output logic [32*QueuePairs-1:0]    local_ip_o,
  output logic [127:0]                hash_key_o,
  output logic [13*QueuePairs-1:0]    slot_count_o,
  output logic [31:0]                 pin_limit_o,
  output logic [31:0]                 pin_us_o,
  output logic [31:0]                 rto_min_us_o,
  output logic [31:0]                 rto_max_us_o,
  input  logic [13:0]                 pin_id_i,
  input  logic [31:0]                 pin_bytes_i,
  input  logic [31:0]                 log_used_i,
  input  fantail_pkg::core_counts_t   core_counts_i,
  input  fantail_pkg::net_counts_t    net_counts_i
);
  `include "fantail_assert.svh"

  // ---------------------------------------------------------------- BAR0
  localparam int IncW = 16;

  logic [QueuePairs-1:0]    qp_enable, run, closing, halted, urgent, summary_only, arm, fault_valid, slots_running, qp_busy;
  logic [2*QueuePairs-1:0]  db_tail_valid;
  logic [64*QueuePairs-1:0] data_base, control_base, status_base, slot_base, fault_addr;
  logic [4*QueuePairs-1:0]  data_log2, control_log2, status_log2;
  logic [16*QueuePairs-1:0] mod_count;
  logic [32*QueuePairs-1:0] mod_us;
  logic [15*QueuePairs-1:0] data_tail, control_tail, status_head, data_head, control_head, status_tail;
  logic [15*QueuePairs-1:0] shown_data_head, shown_control_head;
  logic [8*QueuePairs-1:0]  fault_code;
  logic [31:0]              log_peak_q;
  logic [IncW*fantail_regs_pkg::CNT_STAGES-1:0]             cnt_inc;
  logic [2*fantail_regs_pkg::STAGE_COUNT-1:0]               stage;
  logic [IncW*fantail_regs_pkg::QPCNT_COUNT*QueuePairs-1:0] qp_cnt_inc;

  fantail_bar #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_bar (
    .clk, .rst,
    .soft_rst_i      (core_rst_i),
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata,
    .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .enable_o,
    .dev_reset_o,
    .pin_limit_o,
    .pin_us_o,
    .rto_min_us_o,
    .rto_max_us_o,
    .hash_key_o,
    .data_base_o     (data_base),
    .control_base_o  (control_base),
    .status_base_o   (status_base),
    .slot_base_o     (slot_base),
    .data_log2_o     (data_log2),
    .control_log2_o  (control_log2),
    .status_log2_o   (status_log2),
    .slot_count_o,
    .mod_count_o     (mod_count),
    .mod_us_o        (mod_us),
    .qp_enable_o     (qp_enable),
    .urgent_o        (urgent),
    .summary_only_o  (summary_only),
    .local_ip_o,
    .db_tail_valid_o (db_tail_valid),
    .data_tail_o     (data_tail),
    .control_tail_o  (control_tail),
    .status_head_o   (status_head),
    .arm_o           (arm),
    .running_i       (slots_running),
    .closing_i       (closing),
    .data_head_i     (shown_data_head),
    .control_head_i  (shown_control_head),
    .status_tail_i   (status_tail),
    .fault_valid_i   (fault_valid),
    .fault_code_i    (fault_code),
    .fault_addr_i    (fault_addr),
    .halted_o        (halted),
    .irq_dev_o       (irq_o[QueuePairs]),
    .ready_i,
    .idle_i,
    .now_us_i,
    .pin_id_i,
    .pin_bytes_i,
    .cnt_log_peak_i  (log_peak_q),
    .cnt_inc_i       (cnt_inc),
    .stage_i         (stage),
    .qp_cnt_inc_i    (qp_cnt_inc)
  );

  always_ff @(posedge clk) begin
    if (core_rst_i) log_peak_q <= '0;
    else if (log_used_i > log_peak_q) log_peak_q <= log_used_i;
  end

  fantail_pkg::submit_counts_t submit_counts;
  fantail_pkg::write_counts_t  write_counts;
  fantail_tally #(
    .IncW(IncW)
  ) u_tally (
    .core_i    (core_counts_i),
    .net_i     (net_counts_i),
    .submit_i  (submit_counts),
    .write_i   (write_counts),
    .cnt_inc_o (cnt_inc),
    .stage_o   (stage)
  );

  // ---------------------------------------------------------------- a queue pair's end
  logic [QueuePairs-1:0] submit_drained;
  logic                  close_valid, close_done;
  logic [2:0]            close_qp;
  logic [13:0]           close_id;
  logic [7:0]            wr_issued, wr_answered;

  fantail_close #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_close (
    .clk,
    .rst          (core_rst_i),
    .run_i        ({QueuePairs{enable_o}} & qp_enable),
    .run_o        (run),
    .busy_o       (closing),
    .stop_i,
    .drained_i    (submit_drained),
    .m_step_valid (close_valid),
    .m_step_qp    (close_qp),
    .m_step_id    (close_id),
    .done_i       (close_done),
    .quiet_i      (~qp_busy),
    .issued_i     (wr_issued),
    .answered_i   (wr_answered)
  );

  // one that ends shows what one that has ended does
  always_comb begin
    for (int q = 0; q < QueuePairs; q++) begin
      shown_data_head[15*q +: 15]    = closing[q] ? '0 : data_head[15*q +: 15];
      shown_control_head[15*q +: 15] = closing[q] ? '0 : control_head[15*q +: 15];
    end
  end

  // ---------------------------------------------------------------- host memory, read
  logic                      submit_clearing, submit_idle, dma_rd_busy, collect_valid, clear_valid;
  logic [2:0]                collect_qp, slot_qp;
  logic [QueuePairs-1:0]     rec_valid, rec_ready, mark_valid, mark_ready;
  logic [256*QueuePairs-1:0] rec_data;
  logic [32*QueuePairs-1:0]  mark_pos;
  logic [64*QueuePairs-1:0]  mark_cookie;
  logic [5*QueuePairs-1:0]   marks;
  logic [1023:0]             ctx_data;
  logic [13:0]               clear_id, slot_rsp_id;
  logic                      slot_valid, slot_ready, slot_check, slot_rsp_valid, slot_rsp_ok;
  logic [11:0]               slot_data;
  logic [15:0]               slot_rsp_gen, slot_rsp_bytes;

  assign m_cmd_ctx = ctx_data;

  fantail_submit #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .QueuePairs(QueuePairs)
  ) u_submit (
    .clk,
    .rst                  (core_rst_i),
    .stop_i,
    .busy_o               (submit_clearing),
    .dma_busy_o           (dma_rd_busy),
    .idle_o               (submit_idle),
    .qp_idle_o            (submit_drained),
    .s_close_valid        (close_valid),
    .s_close_qp           (close_qp),
    .s_close_id           (close_id),
    .close_done_o         (close_done),
    .enable_i             (run),
    .halted_i             (halted),
    .data_base_i          (data_base),
    .control_base_i       (control_base),
    .data_log2_i          (data_log2),
    .control_log2_i       (control_log2),
    .data_tail_i          (data_tail),
    .control_tail_i       (control_tail),
    .data_head_o          (data_head),
    .control_head_o       (control_head),
    .fault_valid_o        (fault_valid),
    .fault_code_o         (fault_code),
    .fault_addr_o         (fault_addr),
    .m_axi_araddr, .m_axi_arlen, .m_axi_arqp, .m_axi_arvalid, .m_axi_arready, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast,
    .m_axi_rvalid, .m_axi_rready,
    .log_low_i,
    .alloc_pos_o          (),
    .walk_pos_o,
    .log_used_o           (),
    .log_wait_o,
    .log_want_o,
    .hold_o,
    .m_append_valid,
    .m_append_data,
    .m_walk_valid,
    .m_walk_ready,
    .m_walk_data,
    .m_list_valid,
    .m_list_ready,
    .m_list_data,
    .m_list_end,
    .s_walkdone_valid,
    .s_walkdone_reached,
    .s_walkdone_skipped,
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
    .m_ctx_data           (ctx_data),
    .s_rsp_valid          (s_cmd_rsp_valid),
    .s_rsp_bit            (s_cmd_rsp_bit),
    .m_collect_valid      (collect_valid),
    .m_collect_qp         (collect_qp),
    .m_mark_valid         (mark_valid),
    .m_mark_ready         (mark_ready),
    .m_mark_pos           (mark_pos),
    .m_mark_cookie        (mark_cookie),
    .marks_i              (marks),
    .m_clear_valid        (clear_valid),
    .m_clear_id           (clear_id),
    .slot_count_i         (slot_count_o),
    .m_slot_valid         (slot_valid),
    .m_slot_ready         (slot_ready),
    .m_slot_data          (slot_data),
    .m_slot_check         (slot_check),
    .m_slot_qp            (slot_qp),
    .s_slot_rsp_valid     (slot_rsp_valid),
    .s_slot_rsp_ok        (slot_rsp_ok),
    .s_slot_rsp_id        (slot_rsp_id),
    .s_slot_rsp_gen       (slot_rsp_gen),
    .s_slot_rsp_bytes     (slot_rsp_bytes),
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
    .m_rec_valid          (rec_valid),
    .m_rec_ready          (rec_ready),
    .m_rec_data           (rec_data),
    .payloads_inc_o       (submit_counts.payloads),
    .payload_bytes_inc_o  (submit_counts.payload_bytes),
    .payload_read_inc_o   (submit_counts.payload_read),
    .list_read_inc_o      (submit_counts.list_read),
    .deliveries_inc_o     (submit_counts.deliveries),
    .batches_inc_o        (submit_counts.batches),
    .refused_inc_o        (submit_counts.refused),
    .dma_read_fault_inc_o (submit_counts.read_fault),
    .install_inc_o        (submit_counts.install),
    .release_inc_o        (submit_counts.released),
    .fetch_o              (submit_counts.fetch),
    .read_o               (submit_counts.read),
    .log_o                (submit_counts.log)
  );

  // ---------------------------------------------------------------- host memory, written
  logic write_clearing, write_idle, dma_wr_busy;

  fantail_host_write #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_write (
    .clk,
    .rst                (core_rst_i),
    .stop_i,
    .busy_o             (write_clearing),
    .dma_busy_o         (dma_wr_busy),
    .idle_o             (write_idle),
    .next_deadline_us_o,
    .now_us_i,
    .run_i              (run),
    .halted_i           (halted),
    .running_o          (slots_running),
    .qp_busy_o          (qp_busy),
    .issued_o           (wr_issued),
    .answered_o         (wr_answered),
    .slot_base_i        (slot_base),
    .slot_count_i       (slot_count_o),
    .status_base_i      (status_base),
    .status_log2_i      (status_log2),
    .data_log2_i        (data_log2),
    .control_log2_i     (control_log2),
    .mod_count_i        (mod_count),
    .mod_us_i           (mod_us),
    .urgent_i           (urgent),
    .summary_only_i     (summary_only),
    .arm_i              (arm),
    .status_head_i      (status_head),
    .data_head_i        (data_head),
    .control_head_i     (control_head),
    .status_tail_o      (status_tail),
    .s_rec_valid        (rec_valid),
    .s_rec_ready        (rec_ready),
    .s_rec_data         (rec_data),
    .s_mark_valid       (mark_valid),
    .s_mark_ready       (mark_ready),
    .s_mark_pos         (mark_pos),
    .s_mark_cookie      (mark_cookie),
    .marks_o            (marks),
    .collect_valid_i    (collect_valid),
    .collect_qp_i       (collect_qp),
    .clear_valid_i      (clear_valid),
    .clear_id_i         (clear_id),
    .s_slot_valid       (slot_valid),
    .s_slot_ready       (slot_ready),
    .s_slot_data        (slot_data),
    .s_slot_check       (slot_check),
    .s_slot_qp          (slot_qp),
    .slot_rsp_valid_o   (slot_rsp_valid),
    .slot_rsp_ok_o      (slot_rsp_ok),
    .slot_rsp_id_o      (slot_rsp_id),
    .slot_rsp_gen_o     (slot_rsp_gen),
    .slot_rsp_bytes_o   (slot_rsp_bytes),
    .s_verdict_valid,
    .s_verdict_ready,
    .s_verdict_data,
    .accept_i,
    .put_i,
    .data_ok_o,
    .stat_id_o,
    .stat_i,
    .count_qp_i,
    .connect_i,
    .success_i,
    .begin_i,
    .sweep_i,
    .walk_pos_i         (walk_pos_o),
    .need_valid_i,
    .need_pos_i,
    .need_qp_i,
    .m_fence_valid,
    .m_fence_ready,
    .m_fence_qp,
    .hold_valid_i,
    .hold_re_o,
    .hold_line_o,
    .hold_data_i,
    .hold_pop_o,
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awqp, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast,
    .m_axi_wvalid, .m_axi_wready, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready,
    .irq_o              (irq_o[QueuePairs-1:0]),
    .qp_cnt_inc_o       (qp_cnt_inc),
    .counts_o           (write_counts)
  );

  assign busy_o     = submit_clearing || write_clearing;
  assign dma_busy_o = dma_rd_busy || dma_wr_busy;
  assign idle_o     = submit_idle && write_idle && !dma_rd_busy && !s_axil_awvalid && !s_axil_wvalid && !s_axil_arvalid
                   && (db_tail_valid == '0) && (arm == '0) && (closing == '0);

  // A slot that comes back was looked at before (fantail_ctl): it is still out, unless its queue pair has ended since.
  logic slot_run;
  always_comb begin
    slot_run = 1'b0;
    for (int q = 0; q < QueuePairs; q++) if (slot_qp == 3'(q)) slot_run = slots_running[q];
  end
  `ASSERT(SlotStillOurs, !(slot_rsp_valid && !slot_check && slot_run) || slot_rsp_ok)

endmodule
