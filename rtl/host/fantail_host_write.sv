// SPDX-License-Identifier: Apache-2.0
// All that writes host memory: received bytes and frames into slots, records into status rings; and the interrupts.
//
//   verdicts -> deliver ---- payloads, frames -----------------------> DMA write -> host memory
//                  | \------ DATA, FRAME ------------> status ------->
//                  | events                              ^  \--------> interrupts
//               reporter --- CONN, SUMMARY, DELIVERED -->|
//   batches, a stream for each queue pair --> turn ----->|
//
// Contract: a record is written behind the bytes that it announces, an event is told behind the verdicts before it, and
// an interrupt fires when the records that it is for have been written. A host that does not read its status ring holds
// up nobody else. While stop_i is high no write begins.

module fantail_host_write #(
  parameter int Connections = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                          clk,
  input  logic                          rst,
  input  logic                          stop_i,               // for a reset: begin nothing
  output logic                          busy_o,               // clearing after reset
  output logic                          dma_busy_o,           // writes are under way
  output logic                          idle_o,               // nothing is under way
  output logic [63:0]                   next_deadline_us_o,
  input  logic [63:0]                   now_us_i,
  // queue pairs
  input  logic [QueuePairs-1:0]         run_i,
  input  logic [QueuePairs-1:0]         halted_i,
  output logic [QueuePairs-1:0]         running_o,            // their slots are set up
  output logic [QueuePairs-1:0]         qp_busy_o,            // verdicts, news or records of theirs are left
  output logic [7:0]                    issued_o,             // writes, and their answers: see fantail_close
  output logic [7:0]                    answered_o,
  input  logic [64*QueuePairs-1:0]      slot_base_i,
  input  logic [13*QueuePairs-1:0]      slot_count_i,
  input  logic [64*QueuePairs-1:0]      status_base_i,
  input  logic [4*QueuePairs-1:0]       status_log2_i,
  input  logic [4*QueuePairs-1:0]       data_log2_i,
  input  logic [4*QueuePairs-1:0]       control_log2_i,
  input  logic [16*QueuePairs-1:0]      mod_count_i,
  input  logic [32*QueuePairs-1:0]      mod_us_i,
  input  logic [QueuePairs-1:0]         urgent_i,
  input  logic [QueuePairs-1:0]         summary_only_i,
  input  logic [QueuePairs-1:0]         arm_i,
  input  logic [15*QueuePairs-1:0]      status_head_i,
  input  logic [15*QueuePairs-1:0]      data_head_i,
  input  logic [15*QueuePairs-1:0]      control_head_i,
  output logic [15*QueuePairs-1:0]      status_tail_o,
  // from the submission side: records of batches, marks for DELIVERED, COLLECT, ids that are installed, slots returned
  input  logic [QueuePairs-1:0]         s_rec_valid,
  output logic [QueuePairs-1:0]         s_rec_ready,
  input  logic [256*QueuePairs-1:0]     s_rec_data,
  input  logic [QueuePairs-1:0]         s_mark_valid,
  output logic [QueuePairs-1:0]         s_mark_ready,
  input  logic [32*QueuePairs-1:0]      s_mark_pos,
  input  logic [64*QueuePairs-1:0]      s_mark_cookie,
  output logic [5*QueuePairs-1:0]       marks_o,           // that wait
  input  logic                          collect_valid_i,
  input  logic [2:0]                    collect_qp_i,
  input  logic                          clear_valid_i,
  input  logic [13:0]                   clear_id_i,
  input  logic                          s_slot_valid,
  output logic                          s_slot_ready,
  input  logic [11:0]                   s_slot_data,
  input  logic                          s_slot_check,
  input  logic [2:0]                    s_slot_qp,
  output logic                          slot_rsp_valid_o,
  output logic                          slot_rsp_ok_o,
  output logic [13:0]                   slot_rsp_id_o,
  output logic [15:0]                   slot_rsp_gen_o,
  output logic [15:0]                   slot_rsp_bytes_o,
  // from the core: verdicts, counts, sweeps
  input  logic                          s_verdict_valid,
  output logic                          s_verdict_ready,
  input  fantail_pkg::verdict_t         s_verdict_data,
  input  logic [QueuePairs-1:0]         accept_i,
  input  logic [QueuePairs-1:0]         put_i,
  output logic [QueuePairs-1:0]         data_ok_o,
  output logic [13:0]                   stat_id_o,
  input  fantail_pkg::conn_stats_t      stat_i,
  input  logic [2:0]                    count_qp_i,
  input  logic                          connect_i,
  input  logic                          success_i,
  input  logic                          begin_i,
  input  logic                          sweep_i,
  input  logic [31:0]                   walk_pos_i,
  input  logic                          need_valid_i,
  input  logic [31:0]                   need_pos_i,
  input  logic [2:0]                    need_qp_i,
  output logic                          m_fence_valid,
  input  logic                          m_fence_ready,
  output logic [2:0]                    m_fence_qp,
  // bytes of received frames
  input  logic                          hold_valid_i,
  output logic                          hold_re_o,
  output logic [4:0]                    hold_line_o,
  input  logic [511:0]                  hold_data_i,
  output logic                          hold_pop_o,
  // host memory, interrupts
  output logic [63:0]                   m_axi_awaddr,
  output logic [7:0]                    m_axi_awlen,
  output logic [2:0]                    m_axi_awqp,
  output logic                          m_axi_awvalid,
  input  logic                          m_axi_awready,
  output logic [511:0]                  m_axi_wdata,
  output logic [63:0]                   m_axi_wstrb,
  output logic                          m_axi_wlast,
  output logic                          m_axi_wvalid,
  input  logic                          m_axi_wready,
  input  logic [1:0]                    m_axi_bresp,
  input  logic                          m_axi_bvalid,
  output logic                          m_axi_bready,
  output logic [QueuePairs-1:0]         irq_o,
  // counters: increments
  output logic [16*fantail_regs_pkg::QPCNT_COUNT*QueuePairs-1:0] qp_cnt_inc_o,
  output fantail_pkg::write_counts_t    counts_o
);

  logic [2:0]       rec_valid, rec_ready;  // 0 batches, 1 delivery, 2 reporter
  logic [3*256-1:0] rec_data;
  logic [3*3-1:0]   rec_qp;
  logic [QueuePairs-1:0]   rec_ok, room, frame_room, read_taken, irq_due, deliver_busy, news_busy, status_qp_busy, collect;
  logic [QueuePairs-1:0]   news_hold, news_telling, news_collect, news_end;
  logic [6*QueuePairs-1:0] rec_reserved;
  logic [15*QueuePairs-1:0] news_items;
  logic [1:0]    w_valid, w_ready, w_gated_ready, w_last, w_done;  // 0 delivery, 1 status
  logic [127:0]  w_addr, w_strb;
  logic [1023:0] w_data;
  logic [11:0]   w_lines;
  logic [5:0]    w_qp;
  logic ev_valid, ev_ready, ev_fence, verdict_take, deliver_take, deliver_idle, reporter_idle, status_busy;
  logic [13:0] ev_id;
  logic [15:0] ev_gen, ev_bits;
  logic [7:0]  ev_cause;
  logic [2:0]  ev_qp;
  logic [63:0] news_deadline, status_deadline;

  fantail_record_turn #(
    .QueuePairs(QueuePairs)
  ) u_records (
    .clk,
    .rst,
    .room_i      (room),
    .s_rec_valid,
    .s_rec_ready,
    .s_rec_data,
    .m_rec_valid (rec_valid[0]),
    .m_rec_ready (rec_ready[0]),
    .m_rec_data  (rec_data[255:0]),
    .m_rec_qp    (rec_qp[2:0])
  );

  // while draining for a reset nothing new is delivered
  assign verdict_take    = s_verdict_valid && !stop_i;
  assign s_verdict_ready = deliver_take && !stop_i;

  fantail_deliver #(
    .QueuePairs(QueuePairs)
  ) u_deliver (
    .clk,
    .rst,
    .qp_enable_i           (run_i),
    .slot_base_i,
    .slot_count_i,
    .accept_i,
    .put_i,
    .qp_busy_o             (deliver_busy),
    .rec_ok_i              (rec_ok),
    .reserved_o            (rec_reserved),
    .s_verdict_valid       (verdict_take),
    .s_verdict_ready       (deliver_take),
    .s_verdict_data,
    .hold_valid_i,
    .hold_re_o,
    .hold_line_o,
    .hold_data_i,
    .hold_pop_o,
    .m_w_valid             (w_valid[0]),
    .m_w_ready             (w_ready[0]),
    .m_w_addr              (w_addr[63:0]),
    .m_w_data              (w_data[511:0]),
    .m_w_strb              (w_strb[63:0]),
    .m_w_last              (w_last[0]),
    .m_w_lines             (w_lines[5:0]),
    .m_w_qp                (w_qp[2:0]),
    .m_rec_valid           (rec_valid[1]),
    .m_rec_ready           (rec_ready[1]),
    .m_rec_data            (rec_data[511:256]),
    .m_rec_qp              (rec_qp[5:3]),
    .m_ev_valid            (ev_valid),
    .m_ev_ready            (ev_ready),
    .m_ev_id               (ev_id),
    .m_ev_gen              (ev_gen),
    .m_ev_qp               (ev_qp),
    .m_ev_fence            (ev_fence),
    .m_ev_bits             (ev_bits),
    .m_ev_cause            (ev_cause),
    .s_slot_valid,
    .s_slot_ready,
    .s_slot_data,
    .s_slot_check,
    .s_slot_qp,
    .slot_rsp_valid_o,
    .slot_rsp_ok_o,
    .slot_rsp_id_o,
    .slot_rsp_gen_o,
    .slot_rsp_bytes_o,
    .frame_room_i          (frame_room),
    .data_ok_o,
    .frame_ok_o            (),
    .running_o,
    .idle_o                (deliver_idle),
    .cnt_rx_to_host_o      (counts_o.to_host),
    .cnt_rx_drop_no_slot_o (counts_o.no_slot),
    .stage_o               (counts_o.deliver)
  );

  always_comb begin
    for (int q = 0; q < QueuePairs; q++) collect[q] = collect_valid_i && collect_qp_i == 3'(q);
  end

  fantail_reporter #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_reporter (
    .clk,
    .rst,
    .busy_o,
    .idle_o             (reporter_idle),
    .qp_busy_o          (news_busy),
    .next_deadline_us_o (news_deadline),
    .now_us_i,
    .qp_enable_i        (run_i),
    .mod_count_i,
    .mod_us_i,
    .urgent_i,
    .summary_only_i,
    .s_ev_valid         (ev_valid),
    .s_ev_ready         (ev_ready),
    .s_ev_id            (ev_id),
    .s_ev_gen           (ev_gen),
    .s_ev_qp            (ev_qp),
    .s_ev_bits          (ev_bits),
    .s_ev_cause         (ev_cause),
    .s_ev_fence         (ev_fence),
    .clear_valid_i,
    .clear_id_i,
    .connect_i,
    .success_i,
    .count_qp_i,
    .read_i             (read_taken),
    .collect_i          (collect),
    .s_mark_valid,
    .s_mark_ready,
    .s_mark_pos,
    .s_mark_cookie,
    .marks_o,
    .begin_i,
    .walk_pos_i,
    .need_valid_i,
    .need_pos_i,
    .need_qp_i,
    .sweep_i,
    .m_fence_valid,
    .m_fence_ready,
    .m_fence_qp,
    .stat_id_o,
    .stat_i,
    .m_rec_valid        (rec_valid[2]),
    .m_rec_ready        (rec_ready[2]),
    .m_rec_data         (rec_data[767:512]),
    .m_rec_qp           (rec_qp[8:6]),
    .room_i             (room),
    .due_i              (irq_due),
    .items_o            (news_items),
    .hold_o             (news_hold),
    .telling_o          (news_telling),
    .collect_o          (news_collect),
    .end_o              (news_end)
  );

  fantail_status #(
    .QueuePairs(QueuePairs)
  ) u_status (
    .clk,
    .rst,
    .now_us_i,
    .qp_enable_i        (run_i),
    .halted_i,
    .urgent_i,
    .status_base_i,
    .status_log2_i,
    .data_log2_i,
    .control_log2_i,
    .mod_count_i,
    .mod_us_i,
    .status_head_i,
    .arm_i,
    .data_head_i,
    .control_head_i,
    .s_rec_valid        (rec_valid),
    .s_rec_ready        (rec_ready),
    .s_rec_data         (rec_data),
    .s_rec_qp           (rec_qp),
    .reserved_i         (rec_reserved),
    .rec_ok_o           (rec_ok),
    .room_o             (room),
    .read_o             (read_taken),
    .frame_room_o       (frame_room),
    .due_o              (irq_due),
    .items_i            (news_items),
    .hold_i             (news_hold),
    .telling_i          (news_telling),
    .collect_i          (news_collect),
    .end_i              (news_end),
    .m_w_valid          (w_valid[1]),
    .m_w_ready          (w_ready[1]),
    .m_w_addr           (w_addr[127:64]),
    .m_w_data           (w_data[1023:512]),
    .m_w_strb           (w_strb[127:64]),
    .m_w_qp             (w_qp[5:3]),
    .m_w_done           (w_done[1]),
    .status_tail_o,
    .irq_o,
    .next_deadline_us_o (status_deadline),
    .busy_o             (status_busy),
    .qp_busy_o          (status_qp_busy),
    .qp_cnt_inc_o
  );

  assign w_last[1]     = 1'b1;
  assign w_lines[11:6] = 6'd1;

  fantail_dma_write u_dma_write (
    .clk,
    .rst,
    .s_w_valid ({w_valid[1] && !stop_i, w_valid[0]}),
    .s_w_ready (w_gated_ready),
    .s_w_addr  (w_addr),
    .s_w_data  (w_data),
    .s_w_strb  (w_strb),
    .s_w_lines (w_lines),
    .s_w_qp    (w_qp),
    .s_w_last  (w_last),
    .s_w_done  (w_done),
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awqp, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast,
    .m_axi_wvalid, .m_axi_wready, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready,
    .issued_o,
    .answered_o,
    .fault_o   (counts_o.write_fault),
    .busy_o    (dma_busy_o)
  );

  logic rec_taken;
  assign rec_taken       = (rec_valid & rec_ready) != '0;
  assign counts_o.status = {rec_valid != '0 && !rec_taken, rec_taken};
  assign counts_o.write  = {m_axi_wvalid && !m_axi_wready, m_axi_wvalid && m_axi_wready};

  assign w_ready = {w_gated_ready[1] && !stop_i, w_gated_ready[0]};

  assign qp_busy_o          = deliver_busy | news_busy | status_qp_busy;
  assign next_deadline_us_o = news_deadline < status_deadline ? news_deadline : status_deadline;
  assign idle_o             = deliver_idle && reporter_idle && !status_busy && !dma_busy_o && (s_rec_valid == '0)
                           && (rec_valid == '0);

endmodule
