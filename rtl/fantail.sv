// SPDX-License-Identifier: Apache-2.0
// Fantail: the engine. One doorbell in, thousands of TCP segments out.
//
//   BAR0 -> submit (rings, payload reads, control) -> core (log, replication, TCP) -> transmit mux -> MAC
//                                                      ^            |
//   MAC -> receive FIFO -> parse -> flow table --------+         verdicts -> delivery -> DMA write -> host memory
//                                                                              news -> reporter -> status ring -> interrupts
//
// Interfaces: AXI4-Lite slave for BAR0; AXI4 read and write masters to host memory (64-byte beats, one ID each, responses in
// order; a write is never visible before an earlier one, as PCIe's posted writes); AXI-Stream to and from the MAC, without
// FCS, first byte in bits 7:0; one interrupt pulse per message; time in microseconds from outside. m_axi_arqp and m_axi_awqp
// say for which queue pair a burst is: with them an IOMMU, or a switch in front of it, keeps hosts apart.
//
// Reset by register (RESET.START): no new read or write begins, outstanding ones end, the frame on the wire ends, then everything but
// the register file's AXI side is reset and the memories are cleared; STATUS.READY follows.

module fantail #(
  parameter int Connections = 1024,     // 16 to 16,384, a power of two
  parameter int Groups      = 1024,     // a power of two
  parameter int LogBytes    = 1048576,  // 64 KiB to 16 MiB, a power of two
  parameter int Extents     = 64,       // per connection, a power of two, at least 8
  parameter int QueuePairs  = 1         // 1 to 8
) (
  input  logic                  clk,
  input  logic                  rst,
  // BAR0
  input  logic [15:0]           s_axil_awaddr,
  input  logic                  s_axil_awvalid,
  output logic                  s_axil_awready,
  input  logic [31:0]           s_axil_wdata,
  input  logic [3:0]            s_axil_wstrb,
  input  logic                  s_axil_wvalid,
  output logic                  s_axil_wready,
  output logic [1:0]            s_axil_bresp,
  output logic                  s_axil_bvalid,
  input  logic                  s_axil_bready,
  input  logic [15:0]           s_axil_araddr,
  input  logic                  s_axil_arvalid,
  output logic                  s_axil_arready,
  output logic [31:0]           s_axil_rdata,
  output logic [1:0]            s_axil_rresp,
  output logic                  s_axil_rvalid,
  input  logic                  s_axil_rready,
  // host memory
  output logic [63:0]           m_axi_araddr,
  output logic [7:0]            m_axi_arlen,
  output logic [2:0]            m_axi_arqp,
  output logic                  m_axi_arvalid,
  input  logic                  m_axi_arready,
  input  logic [511:0]          m_axi_rdata,
  input  logic [1:0]            m_axi_rresp,
  input  logic                  m_axi_rlast,
  input  logic                  m_axi_rvalid,
  output logic                  m_axi_rready,
  output logic [63:0]           m_axi_awaddr,
  output logic [7:0]            m_axi_awlen,
  output logic [2:0]            m_axi_awqp,
  output logic                  m_axi_awvalid,
  input  logic                  m_axi_awready,
  output logic [511:0]          m_axi_wdata,
  output logic [63:0]           m_axi_wstrb,
  output logic                  m_axi_wlast,
  output logic                  m_axi_wvalid,
  input  logic                  m_axi_wready,
  input  logic [1:0]            m_axi_bresp,
  input  logic                  m_axi_bvalid,
  output logic                  m_axi_bready,
  // MAC
  output logic [511:0]          m_mac_tdata,
  output logic [63:0]           m_mac_tkeep,
  output logic                  m_mac_tlast,
  output logic                  m_mac_tvalid,
  input  logic                  m_mac_tready,
  input  logic [511:0]          s_mac_tdata,
  input  logic [63:0]           s_mac_tkeep,
  input  logic                  s_mac_tlast,
  input  logic                  s_mac_tuser,
  input  logic                  s_mac_tvalid,
  // interrupts, time
  output logic [QueuePairs:0]   irq_o,
  input  logic [63:0]           now_us_i,
  output logic                  idle_o,
  output logic [63:0]           next_deadline_us_o
);

  localparam int IncW = 16;

  // ---------------------------------------------------------------- reset
  logic core_rst, stop, memory_busy, dma_rd_busy, dma_wr_busy, dev_reset;
  logic mac_between;

  fantail_reset u_reset (
    .clk, .rst,
    .start_i   (dev_reset),
    .drained_i (!dma_rd_busy && !dma_wr_busy && mac_between),
    .stop_o    (stop),
    .rst_o     (core_rst)
  );

  logic mac_mid_q;  // a frame is on the wire
  always_ff @(posedge clk) begin
    if (rst) mac_mid_q <= 1'b0;
    else if (m_mac_tvalid && m_mac_tready) mac_mid_q <= !m_mac_tlast;
  end
  assign mac_between = m_mac_tvalid ? (m_mac_tready && m_mac_tlast) : !mac_mid_q;

  // ---------------------------------------------------------------- BAR0
  logic         enable, irq_dev;
  logic [QueuePairs-1:0]   qp_enable, run, closing, halted, urgent, summary_only, arm;
  logic [2*QueuePairs-1:0] db_tail_valid;
  logic [31:0]  pin_limit, pin_us, rto_min_us, rto_max_us, pin_bytes, log_peak_q, log_used;
  logic [127:0] hash_key;
  logic [64*QueuePairs-1:0] data_base, control_base, status_base, slot_base;
  logic [4*QueuePairs-1:0]  data_log2, control_log2, status_log2;
  logic [13*QueuePairs-1:0] slot_count;
  logic [16*QueuePairs-1:0] mod_count;
  logic [32*QueuePairs-1:0] mod_us, local_ip;
  logic [15*QueuePairs-1:0] data_tail, control_tail, status_head, data_head, control_head, status_tail;
  logic [15*QueuePairs-1:0] shown_data_head, shown_control_head;
  logic [QueuePairs-1:0]    fault_valid, slots_running;
  logic [8*QueuePairs-1:0]  fault_code;
  logic [64*QueuePairs-1:0] fault_addr;
  logic         idle;
  logic [13:0]  pin_id;
  logic [IncW*fantail_regs_pkg::CNT_COUNT-1:0]   cnt_inc;
  logic [IncW*fantail_regs_pkg::QPCNT_COUNT*QueuePairs-1:0] qp_cnt_inc;

  fantail_bar #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_bar (
    .clk, .rst,
    .soft_rst_i      (core_rst),
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata,
    .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .enable_o        (enable),
    .dev_reset_o     (dev_reset),
    .pin_limit_o     (pin_limit),
    .pin_us_o        (pin_us),
    .rto_min_us_o    (rto_min_us),
    .rto_max_us_o    (rto_max_us),
    .hash_key_o      (hash_key),
    .data_base_o     (data_base),
    .control_base_o  (control_base),
    .status_base_o   (status_base),
    .slot_base_o     (slot_base),
    .data_log2_o     (data_log2),
    .control_log2_o  (control_log2),
    .status_log2_o   (status_log2),
    .slot_count_o    (slot_count),
    .mod_count_o     (mod_count),
    .mod_us_o        (mod_us),
    .qp_enable_o     (qp_enable),
    .urgent_o        (urgent),
    .summary_only_o  (summary_only),
    .local_ip_o      (local_ip),
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
    .irq_dev_o       (irq_dev),
    .ready_i         (!memory_busy),
    .idle_i          (idle),
    .now_us_i,
    .pin_id_i        (pin_id),
    .pin_bytes_i     (pin_bytes),
    .cnt_log_peak_i  (log_peak_q),
    .cnt_inc_i       (cnt_inc),
    .qp_cnt_inc_i    (qp_cnt_inc)
  );

  // ---------------------------------------------------------------- a queue pair's end
  logic [QueuePairs-1:0] submit_drained, deliver_busy, news_busy, status_qp_busy, quiet;
  logic                  close_valid, close_done;
  logic [2:0]            close_qp;
  logic [13:0]           close_id;
  logic [7:0]            wr_issued, wr_answered;

  fantail_close #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_close (
    .clk,
    .rst          (core_rst),
    .run_i        ({QueuePairs{enable}} & qp_enable),
    .run_o        (run),
    .busy_o       (closing),
    .drained_i    (submit_drained),
    .m_step_valid (close_valid),
    .m_step_qp    (close_qp),
    .m_step_id    (close_id),
    .done_i       (close_done),
    .quiet_i      (quiet),
    .issued_i     (wr_issued),
    .answered_i   (wr_answered)
  );
  assign quiet = ~(deliver_busy | news_busy | status_qp_busy);

  // one that ends shows what one that has ended does
  always_comb begin
    for (int q = 0; q < QueuePairs; q++) begin
      shown_data_head[15*q +: 15]    = closing[q] ? '0 : data_head[15*q +: 15];
      shown_control_head[15*q +: 15] = closing[q] ? '0 : control_head[15*q +: 15];
    end
  end

  // ---------------------------------------------------------------- submission
  logic [QueuePairs-1:0]    mark_valid, mark_ready;
  logic [32*QueuePairs-1:0] mark_pos;
  logic [64*QueuePairs-1:0] mark_cookie;
  logic submit_busy, submit_idle;
  logic [31:0] log_low, log_want, walk_pos;
  logic log_wait;
  logic [QueuePairs-1:0] hold;
  logic append_valid, walk_valid, walk_ready, walkdone_valid;
  fantail_pkg::append_t append_data;
  fantail_pkg::walk_t   walk_data;
  logic [15:0] walkdone_reached, walkdone_skipped;
  logic        list_valid, list_ready, list_end;
  logic [31:0] list_data;
  logic flow_valid, flow_ready, flow_rsp_valid;
  logic [1:0] flow_op, flow_rsp_code;
  logic [2:0] flow_qp, slot_qp, inj_qp;
  fantail_pkg::tuple_t flow_tuple;
  logic [13:0] flow_id;
  logic cmd_valid, cmd_ready, cmd_rsp_valid, cmd_rsp_bit, clear_valid;
  fantail_pkg::cmd_t cmd_data;
  logic [1023:0] ctx_data;
  fantail_regs_pkg::context_t cmd_ctx;
  logic [13:0] clear_id;
  logic slot_valid, slot_ready, slot_check, slot_rsp_valid, slot_rsp_ok;
  logic [11:0] slot_data;
  logic [13:0] slot_rsp_id;
  logic [15:0] slot_rsp_gen, slot_rsp_bytes;
  logic htx_valid, htx_ready, htx_last, inj_valid, inj_ready, inj_last, inj_rsp_valid, inj_rsp_hit;
  logic [511:0] htx_data, inj_data;
  logic [6:0] htx_bytes, inj_bytes;
  logic [QueuePairs-1:0] exec_rec_valid, exec_rec_ready, rec_ok, room;
  logic [256*QueuePairs-1:0] exec_rec_data;
  logic [6*QueuePairs-1:0] rec_reserved;
  logic [2:0] rec_valid, rec_ready;
  logic [3*256-1:0] rec_data;
  logic [3*3-1:0] rec_qp;
  logic [15:0] inc_payloads, inc_payload_bytes, inc_payload_read, inc_deliveries, inc_batches, inc_refused, inc_dma_fault;
  logic [15:0] inc_list_read;
  logic [15:0] inc_install, inc_release;

  assign cmd_ctx = ctx_data;

  fantail_submit #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .QueuePairs(QueuePairs)
  ) u_submit (
    .clk,
    .rst                  (core_rst),
    .stop_i               (stop),
    .busy_o               (submit_busy),
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
    .m_axi_rvalid,
    .m_axi_rready,
    .log_low_i            (log_low),
    .alloc_pos_o          (),
    .walk_pos_o           (walk_pos),
    .log_used_o           (),
    .log_wait_o           (log_wait),
    .log_want_o           (log_want),
    .hold_o               (hold),
    .m_append_valid       (append_valid),
    .m_append_data        (append_data),
    .m_walk_valid         (walk_valid),
    .m_walk_ready         (walk_ready),
    .m_walk_data          (walk_data),
    .m_list_valid         (list_valid),
    .m_list_ready         (list_ready),
    .m_list_data          (list_data),
    .m_list_end           (list_end),
    .s_walkdone_valid     (walkdone_valid),
    .s_walkdone_reached   (walkdone_reached),
    .s_walkdone_skipped   (walkdone_skipped),
    .m_flow_valid         (flow_valid),
    .m_flow_ready         (flow_ready),
    .m_flow_op            (flow_op),
    .m_flow_tuple         (flow_tuple),
    .m_flow_id            (flow_id),
    .m_flow_qp            (flow_qp),
    .s_flow_rsp_valid     (flow_rsp_valid),
    .s_flow_rsp_code      (flow_rsp_code),
    .m_cmd_valid          (cmd_valid),
    .m_cmd_ready          (cmd_ready),
    .m_cmd_data           (cmd_data),
    .m_ctx_data           (ctx_data),
    .s_rsp_valid          (cmd_rsp_valid),
    .s_rsp_bit            (cmd_rsp_bit),
    .m_collect_valid      (collect_valid),
    .m_collect_qp         (collect_qp),
    .m_mark_valid         (mark_valid),
    .m_mark_ready         (mark_ready),
    .m_mark_pos           (mark_pos),
    .m_mark_cookie        (mark_cookie),
    .m_clear_valid        (clear_valid),
    .m_clear_id           (clear_id),
    .slot_count_i         (slot_count),
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
    .m_htx_valid          (htx_valid),
    .m_htx_ready          (htx_ready),
    .m_htx_data           (htx_data),
    .m_htx_bytes          (htx_bytes),
    .m_htx_last           (htx_last),
    .m_inj_valid          (inj_valid),
    .m_inj_ready          (inj_ready),
    .m_inj_data           (inj_data),
    .m_inj_bytes          (inj_bytes),
    .m_inj_last           (inj_last),
    .m_inj_qp             (inj_qp),
    .s_inj_rsp_valid      (inj_rsp_valid),
    .s_inj_rsp_hit        (inj_rsp_hit),
    .m_rec_valid          (exec_rec_valid),
    .m_rec_ready          (exec_rec_ready),
    .m_rec_data           (exec_rec_data),
    .payloads_inc_o       (inc_payloads),
    .payload_bytes_inc_o  (inc_payload_bytes),
    .payload_read_inc_o   (inc_payload_read),
    .list_read_inc_o      (inc_list_read),
    .deliveries_inc_o     (inc_deliveries),
    .batches_inc_o        (inc_batches),
    .refused_inc_o        (inc_refused),
    .dma_read_fault_inc_o (inc_dma_fault),
    .install_inc_o        (inc_install),
    .release_inc_o        (inc_release)
  );

  fantail_record_turn #(
    .QueuePairs(QueuePairs)
  ) u_exec_records (
    .clk,
    .rst         (core_rst),
    .room_i      (room),
    .s_rec_valid (exec_rec_valid),
    .s_rec_ready (exec_rec_ready),
    .s_rec_data  (exec_rec_data),
    .m_rec_valid (rec_valid[0]),
    .m_rec_ready (rec_ready[0]),
    .m_rec_data  (rec_data[255:0]),
    .m_rec_qp    (rec_qp[2:0])
  );

  // ---------------------------------------------------------------- core
  logic core_busy, seg_valid, seg_ready, verdict_valid, verdict_ready, verdict_take, deliver_take;
  logic [QueuePairs-1:0] data_ok, accept, put, frame_room;
  fantail_pkg::seg_t seg_data;
  fantail_pkg::verdict_t verdict_data;
  logic [13:0] stat_id;
  fantail_pkg::conn_stats_t stat;
  logic [511:0] eng_tdata;
  logic [63:0] eng_tkeep;
  logic eng_tlast, eng_tvalid, eng_tready;
  logic outside_active, core_idle;
  logic [63:0] core_deadline, status_deadline, news_deadline;
  logic [2:0] count_qp, collect_qp, need_qp, fence_qp;
  logic collect_valid, sweep_begin, sweep_end, need_valid, fence_valid, fence_ready;
  logic [31:0] need_pos;
  logic count_connect, count_success;
  logic cnt_accept, cnt_data_slot, cnt_challenge, cnt_ignore;
  logic cnt_segment_rx, cnt_window, cnt_dup, cnt_reset, cnt_timeout, cnt_fast, cnt_lag_abort, cnt_segment_tx;
  logic cnt_retransmit, cnt_pure_ack, cnt_rst, cnt_sweep;
  logic [10:0] cnt_data_rx, cnt_payload_tx;

  fantail_core #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_core (
    .clk,
    .rst                (core_rst),
    .busy_o             (core_busy),
    .now_us_i,
    .rto_min_us_i       (rto_min_us),
    .rto_max_us_i       (rto_max_us),
    .pin_limit_i        (pin_limit),
    .pin_us_i           (pin_us),
    .s_append_valid     (append_valid),
    .s_append_data      (append_data),
    .s_walk_valid       (walk_valid),
    .s_walk_ready       (walk_ready),
    .s_walk_data        (walk_data),
    .s_list_valid       (list_valid),
    .s_list_ready       (list_ready),
    .s_list_data        (list_data),
    .s_list_end         (list_end),
    .walkdone_valid_o   (walkdone_valid),
    .walkdone_reached_o (walkdone_reached),
    .walkdone_skipped_o (walkdone_skipped),
    .hold_i             (hold),
    .walk_pos_i         (walk_pos),
    .log_wait_i         (log_wait),
    .log_want_i         (log_want),
    .log_low_o          (log_low),
    .log_used_o         (log_used),
    .s_cmd_valid        (cmd_valid),
    .s_cmd_ready        (cmd_ready),
    .s_cmd_data         (cmd_data),
    .s_cmd_ctx          (cmd_ctx),
    .cmd_rsp_valid_o    (cmd_rsp_valid),
    .cmd_rsp_bit_o      (cmd_rsp_bit),
    .s_seg_valid        (seg_valid),
    .s_seg_ready        (seg_ready),
    .s_seg_data         (seg_data),
    .data_ok_i          (data_ok),
    .slot_count_i       (slot_count),
    .accept_o           (accept),
    .put_o              (put),
    .m_verdict_valid    (verdict_valid),
    .m_verdict_ready    (verdict_ready),
    .m_verdict_data     (verdict_data),
    .stat_id_i          (stat_id),
    .stat_o             (stat),
    .begin_o            (sweep_begin),
    .sweep_o            (sweep_end),
    .need_valid_o       (need_valid),
    .need_pos_o         (need_pos),
    .need_qp_o          (need_qp),
    .s_fence_valid      (fence_valid),
    .s_fence_ready      (fence_ready),
    .s_fence_qp         (fence_qp),
    .count_qp_o         (count_qp),
    .connect_o          (count_connect),
    .success_o          (count_success),
    .m_tdata            (eng_tdata),
    .m_tkeep            (eng_tkeep),
    .m_tlast            (eng_tlast),
    .m_tvalid           (eng_tvalid),
    .m_tready           (eng_tready),
    .activity_i         (outside_active),
    .idle_o             (core_idle),
    .next_deadline_us_o (core_deadline),
    .pin_id_o           (pin_id),
    .pin_bytes_o        (pin_bytes),
    .cnt_segment_rx_o   (cnt_segment_rx),
    .cnt_data_rx_o      (cnt_data_rx),
    .cnt_accept_o       (cnt_accept),
    .cnt_window_o       (cnt_window),
    .cnt_data_slot_o    (cnt_data_slot),
    .cnt_challenge_o    (cnt_challenge),
    .cnt_ignore_o       (cnt_ignore),
    .cnt_dup_o          (cnt_dup),
    .cnt_reset_o        (cnt_reset),
    .cnt_timeout_o      (cnt_timeout),
    .cnt_fast_o         (cnt_fast),
    .cnt_lag_abort_o    (cnt_lag_abort),
    .cnt_segment_tx_o   (cnt_segment_tx),
    .cnt_payload_tx_o   (cnt_payload_tx),
    .cnt_retransmit_o   (cnt_retransmit),
    .cnt_pure_ack_o     (cnt_pure_ack),
    .cnt_rst_o          (cnt_rst),
    .cnt_sweep_o        (cnt_sweep)
  );

  always_ff @(posedge clk) begin
    if (core_rst) log_peak_q <= '0;
    else if (log_used > log_peak_q) log_peak_q <= log_used;
  end

  // ---------------------------------------------------------------- receive
  logic frame_valid, frame_ready, frame_last, fifo_idle, parse_idle, flow_busy, flow_idle;
  logic [511:0] frame_data, hold_data;
  logic [6:0] frame_bytes;
  logic parsed_valid, parsed_ready, hold_valid, hold_re, hold_pop, inj_drop;
  logic [4:0] hold_line;
  fantail_pkg::seg_t parsed_data;
  logic cnt_rx_frames, cnt_drop_fifo, cnt_drop_error, cnt_drop_checksum, cnt_drop_fragment, cnt_drop_malformed;
  logic cnt_to_host, cnt_no_slot;
  logic [10:0] cnt_rx_bytes;

  fantail_rx_fifo u_rx_fifo (
    .clk,
    .rst                 (core_rst),
    .s_mac_tdata, .s_mac_tkeep, .s_mac_tlast, .s_mac_tuser,
    .s_mac_tvalid        (s_mac_tvalid && enable),
    .m_frame_valid       (frame_valid),
    .m_frame_ready       (frame_ready),
    .m_frame_data        (frame_data),
    .m_frame_bytes       (frame_bytes),
    .m_frame_last        (frame_last),
    .idle_o              (fifo_idle),
    .cnt_rx_frames_o     (cnt_rx_frames),
    .cnt_rx_bytes_o      (cnt_rx_bytes),
    .cnt_rx_drop_fifo_o  (cnt_drop_fifo),
    .cnt_rx_drop_error_o (cnt_drop_error)
  );

  fantail_rx_parse #(
    .QueuePairs(QueuePairs)
  ) u_rx_parse (
    .clk,
    .rst                     (core_rst),
    .local_ip_i              (local_ip),
    .s_frame_valid           (frame_valid),
    .s_frame_ready           (frame_ready),
    .s_frame_data            (frame_data),
    .s_frame_bytes           (frame_bytes),
    .s_frame_last            (frame_last),
    .s_inj_valid             (inj_valid),
    .s_inj_ready             (inj_ready),
    .s_inj_data              (inj_data),
    .s_inj_bytes             (inj_bytes),
    .s_inj_last              (inj_last),
    .s_inj_qp                (inj_qp),
    .m_seg_valid             (parsed_valid),
    .m_seg_ready             (parsed_ready),
    .m_seg_data              (parsed_data),
    .hold_valid_o            (hold_valid),
    .hold_re_i               (hold_re),
    .hold_line_i             (hold_line),
    .hold_data_o             (hold_data),
    .hold_pop_i              (hold_pop),
    .inj_drop_o              (inj_drop),
    .idle_o                  (parse_idle),
    .cnt_rx_drop_checksum_o  (cnt_drop_checksum),
    .cnt_rx_drop_fragment_o  (cnt_drop_fragment),
    .cnt_rx_drop_malformed_o (cnt_drop_malformed)
  );

  fantail_flow #(
    .Connections(Connections)
  ) u_flow (
    .clk,
    .rst              (core_rst),
    .busy_o           (flow_busy),
    .idle_o           (flow_idle),
    .hash_key_i       (hash_key),
    .s_seg_valid      (parsed_valid),
    .s_seg_ready      (parsed_ready),
    .s_seg_data       (parsed_data),
    .m_seg_valid      (seg_valid),
    .m_seg_ready      (seg_ready),
    .m_seg_data       (seg_data),
    .s_flow_valid     (flow_valid),
    .s_flow_ready     (flow_ready),
    .s_flow_op        (flow_op),
    .s_flow_tuple     (flow_tuple),
    .s_flow_id        (flow_id),
    .s_flow_qp        (flow_qp),
    .flow_rsp_valid_o (flow_rsp_valid),
    .flow_rsp_code_o  (flow_rsp_code),
    .inj_drop_i       (inj_drop),
    .inj_rsp_valid_o  (inj_rsp_valid),
    .inj_rsp_hit_o    (inj_rsp_hit)
  );

  // ---------------------------------------------------------------- delivery, news
  logic [1:0] w_valid, w_ready, w_last, w_done;
  logic [127:0] w_addr, w_strb;
  logic [1023:0] w_data;
  logic [11:0] w_lines;
  logic [5:0] w_qp;
  logic ev_valid, ev_ready, deliver_idle, reporter_busy, reporter_idle, status_busy, cnt_wr_fault;
  logic [13:0] ev_id;
  logic [15:0] ev_gen, ev_bits;
  logic [7:0] ev_cause;
  logic [2:0] ev_qp;
  logic ev_fence;
  logic [QueuePairs-1:0] read_taken, irq_due, news_hold, news_telling, news_collect, news_end, collect;
  logic [15*QueuePairs-1:0] news_items;

  // while draining for a reset nothing new is delivered
  assign verdict_take  = verdict_valid && !stop;
  assign verdict_ready = deliver_take && !stop;

  fantail_deliver #(
    .QueuePairs(QueuePairs)
  ) u_deliver (
    .clk,
    .rst                   (core_rst),
    .qp_enable_i           (run),
    .slot_base_i           (slot_base),
    .slot_count_i          (slot_count),
    .accept_i              (accept),
    .put_i                 (put),
    .qp_busy_o             (deliver_busy),
    .rec_ok_i              (rec_ok),
    .reserved_o            (rec_reserved),
    .s_verdict_valid       (verdict_take),
    .s_verdict_ready       (deliver_take),
    .s_verdict_data        (verdict_data),
    .hold_valid_i          (hold_valid),
    .hold_re_o             (hold_re),
    .hold_line_o           (hold_line),
    .hold_data_i           (hold_data),
    .hold_pop_o            (hold_pop),
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
    .s_slot_valid          (slot_valid),
    .s_slot_ready          (slot_ready),
    .s_slot_data           (slot_data),
    .s_slot_check          (slot_check),
    .s_slot_qp             (slot_qp),
    .slot_rsp_valid_o      (slot_rsp_valid),
    .slot_rsp_ok_o         (slot_rsp_ok),
    .slot_rsp_id_o         (slot_rsp_id),
    .slot_rsp_gen_o        (slot_rsp_gen),
    .slot_rsp_bytes_o      (slot_rsp_bytes),
    .frame_room_i          (frame_room),
    .data_ok_o             (data_ok),
    .frame_ok_o            (),
    .running_o             (slots_running),
    .idle_o                (deliver_idle),
    .cnt_rx_to_host_o      (cnt_to_host),
    .cnt_rx_drop_no_slot_o (cnt_no_slot)
  );

  fantail_reporter #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_reporter (
    .clk,
    .rst                (core_rst),
    .busy_o             (reporter_busy),
    .idle_o             (reporter_idle),
    .qp_busy_o          (news_busy),
    .next_deadline_us_o (news_deadline),
    .now_us_i,
    .qp_enable_i        (run),
    .mod_count_i        (mod_count),
    .mod_us_i           (mod_us),
    .urgent_i           (urgent),
    .summary_only_i     (summary_only),
    .s_ev_valid         (ev_valid),
    .s_ev_ready         (ev_ready),
    .s_ev_id            (ev_id),
    .s_ev_gen           (ev_gen),
    .s_ev_qp            (ev_qp),
    .s_ev_bits          (ev_bits),
    .s_ev_cause         (ev_cause),
    .s_ev_fence         (ev_fence),
    .clear_valid_i      (clear_valid),
    .clear_id_i         (clear_id),
    .connect_i          (count_connect),
    .success_i          (count_success),
    .count_qp_i         (count_qp),
    .read_i             (read_taken),
    .collect_i          (collect),
    .s_mark_valid       (mark_valid),
    .s_mark_ready       (mark_ready),
    .s_mark_pos         (mark_pos),
    .s_mark_cookie      (mark_cookie),
    .begin_i            (sweep_begin),
    .walk_pos_i         (walk_pos),
    .need_valid_i       (need_valid),
    .need_pos_i         (need_pos),
    .need_qp_i          (need_qp),
    .sweep_i            (sweep_end),
    .m_fence_valid      (fence_valid),
    .m_fence_ready      (fence_ready),
    .m_fence_qp         (fence_qp),
    .stat_id_o          (stat_id),
    .stat_i             (stat),
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

  always_comb begin
    for (int q = 0; q < QueuePairs; q++) collect[q] = collect_valid && collect_qp == 3'(q);
  end

  fantail_status #(
    .QueuePairs(QueuePairs)
  ) u_status (
    .clk,
    .rst                (core_rst),
    .now_us_i,
    .qp_enable_i        (run),
    .halted_i           (halted),
    .urgent_i           (urgent),
    .status_base_i      (status_base),
    .status_log2_i      (status_log2),
    .data_log2_i        (data_log2),
    .control_log2_i     (control_log2),
    .mod_count_i        (mod_count),
    .mod_us_i           (mod_us),
    .status_head_i      (status_head),
    .arm_i              (arm),
    .data_head_i        (data_head),
    .control_head_i     (control_head),
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
    .status_tail_o      (status_tail),
    .irq_o              (irq_o[QueuePairs-1:0]),
    .next_deadline_us_o (status_deadline),
    .busy_o             (status_busy),
    .qp_busy_o          (status_qp_busy),
    .qp_cnt_inc_o       (qp_cnt_inc)
  );
  assign w_last[1]      = 1'b1;
  assign w_lines[11:6]  = 6'd1;
  assign irq_o[QueuePairs] = irq_dev;

  logic [1:0] w_gated_ready;
  fantail_dma_write u_dma_write (
    .clk,
    .rst       (core_rst),
    .s_w_valid ({w_valid[1] && !stop, w_valid[0]}),
    .s_w_ready (w_gated_ready),
    .s_w_addr  (w_addr),
    .s_w_data  (w_data),
    .s_w_strb  (w_strb),
    .s_w_lines (w_lines),
    .s_w_qp    (w_qp),
    .s_w_last  (w_last),
    .s_w_done  (w_done),
    .m_axi_awaddr, .m_axi_awlen, .m_axi_awqp, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast,
    .m_axi_wvalid,
    .m_axi_wready, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready,
    .issued_o  (wr_issued),
    .answered_o(wr_answered),
    .fault_o   (cnt_wr_fault),
    .busy_o    (dma_wr_busy)
  );
  assign w_ready = {w_gated_ready[1] && !stop, w_gated_ready[0]};

  // ---------------------------------------------------------------- transmit
  logic mux_idle, mux_tvalid, cnt_tx_frames, cnt_tx_host, cnt_tx_busy, cnt_tx_blocked;
  logic [6:0] cnt_tx_bytes;

  fantail_tx_mux u_tx_mux (
    .clk,
    .rst                  (core_rst),
    .s_eng_tdata          (eng_tdata),
    .s_eng_tkeep          (eng_tkeep),
    .s_eng_tlast          (eng_tlast),
    .s_eng_tvalid         (eng_tvalid),
    .s_eng_tready         (eng_tready),
    .s_htx_valid          (htx_valid),
    .s_htx_ready          (htx_ready),
    .s_htx_data           (htx_data),
    .s_htx_bytes          (htx_bytes),
    .s_htx_last           (htx_last),
    .m_mac_tdata, .m_mac_tkeep, .m_mac_tlast,
    .m_mac_tvalid         (mux_tvalid),
    .m_mac_tready         (m_mac_tready && !core_rst),
    .idle_o               (mux_idle),
    .cnt_tx_frames_o      (cnt_tx_frames),
    .cnt_tx_bytes_o       (cnt_tx_bytes),
    .cnt_tx_host_frames_o (cnt_tx_host),
    .cnt_tx_busy_o        (cnt_tx_busy),
    .cnt_tx_blocked_o     (cnt_tx_blocked)
  );

  assign m_mac_tvalid = mux_tvalid && !core_rst;  // in reset no frame begins

  // ---------------------------------------------------------------- idle, ready
  assign memory_busy    = submit_busy || core_busy || flow_busy || reporter_busy || core_rst || stop;
  assign outside_active = memory_busy || !submit_idle || !fifo_idle || !parse_idle || !flow_idle || !deliver_idle || !reporter_idle
                       || status_busy || dma_wr_busy || dma_rd_busy || !mux_idle || m_mac_tvalid || s_mac_tvalid
                       || s_axil_awvalid || s_axil_wvalid || s_axil_arvalid || (db_tail_valid != '0) || (arm != '0)
                       || (closing != '0) || (exec_rec_valid != '0) || (rec_valid != '0);
  assign idle   = core_idle && !outside_active;
  assign idle_o = idle;
  logic [63:0] host_deadline;
  assign host_deadline      = news_deadline < status_deadline ? news_deadline : status_deadline;
  assign next_deadline_us_o = core_deadline < host_deadline ? core_deadline : host_deadline;

  // ---------------------------------------------------------------- counters
  always_comb begin
    cnt_inc = '0;
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_FRAMES*IncW +: IncW]        = IncW'(cnt_rx_frames);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_BYTES*IncW +: IncW]         = IncW'(cnt_rx_bytes);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_FIFO*IncW +: IncW]     = IncW'(cnt_drop_fifo);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_ERROR*IncW +: IncW]    = IncW'(cnt_drop_error);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_CHECKSUM*IncW +: IncW] = IncW'(cnt_drop_checksum);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_FRAGMENT*IncW +: IncW] = IncW'(cnt_drop_fragment);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_MALFORMED*IncW +: IncW] = IncW'(cnt_drop_malformed);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_NO_SLOT*IncW +: IncW]  = IncW'(cnt_no_slot);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_TO_HOST*IncW +: IncW]       = IncW'(cnt_to_host);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_SEGMENTS*IncW +: IncW]      = IncW'(cnt_segment_rx);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DATA_BYTES*IncW +: IncW]    = IncW'(cnt_data_rx);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_ACCEPTED*IncW +: IncW]      = IncW'(cnt_accept);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_DATA_SLOT*IncW +: IncW] = IncW'(cnt_data_slot);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_CHALLENGED*IncW +: IncW]    = IncW'(cnt_challenge);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_IGNORED*IncW +: IncW]       = IncW'(cnt_ignore);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DROP_WINDOW*IncW +: IncW]   = IncW'(cnt_window);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_DUP_ACKS*IncW +: IncW]      = IncW'(cnt_dup);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RX_RESETS*IncW +: IncW]        = IncW'(cnt_reset);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_FRAMES*IncW +: IncW]        = IncW'(cnt_tx_frames);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_BYTES*IncW +: IncW]         = IncW'(cnt_tx_bytes);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_SEGMENTS*IncW +: IncW]      = IncW'(cnt_segment_tx);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_PAYLOAD_BYTES*IncW +: IncW] = IncW'(cnt_payload_tx);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_RETRANSMITS*IncW +: IncW]   = IncW'(cnt_retransmit);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_PURE_ACKS*IncW +: IncW]     = IncW'(cnt_pure_ack);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_RESETS*IncW +: IncW]        = IncW'(cnt_rst);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_HOST_FRAMES*IncW +: IncW]   = IncW'(cnt_tx_host);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TIMEOUTS*IncW +: IncW]         = IncW'(cnt_timeout);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_FAST_RETRANSMITS*IncW +: IncW] = IncW'(cnt_fast);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_PAYLOADS*IncW +: IncW]         = IncW'(inc_payloads);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_PAYLOAD_BYTES*IncW +: IncW]    = IncW'(inc_payload_bytes);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_PAYLOAD_READ_BYTES*IncW +: IncW] = IncW'(inc_payload_read);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_LIST_READ_BYTES*IncW +: IncW]  = IncW'(inc_list_read);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_DELIVERIES*IncW +: IncW]       = IncW'(inc_deliveries);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_BATCHES*IncW +: IncW]          = IncW'(inc_batches);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_REFUSALS*IncW +: IncW]         = IncW'(inc_refused);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_DMA_READ_FAULTS*IncW +: IncW]  = IncW'(inc_dma_fault);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_DMA_WRITE_FAULTS*IncW +: IncW]            = IncW'(cnt_wr_fault);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_LAG_ABORTS*IncW +: IncW]       = IncW'(cnt_lag_abort);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_INSTALLS*IncW +: IncW]         = IncW'(inc_install);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_RELEASES*IncW +: IncW]         = IncW'(inc_release);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_SWEEPS*IncW +: IncW]           = IncW'(cnt_sweep);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_BUSY_CYCLES*IncW +: IncW]   = IncW'(cnt_tx_busy);
    cnt_inc[fantail_regs_pkg::CNT_INDEX_TX_BLOCKED_CYCLES*IncW +: IncW] = IncW'(cnt_tx_blocked);
  end

endmodule
