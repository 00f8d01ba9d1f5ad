// SPDX-License-Identifier: Apache-2.0
// The whole of rtl/net as the test drives it. The test is the MAC, the ACK stage, the control unit, the status block
// and the write master; small memories, so that full ones are met.

module net_block (
  input  logic          clk,
  input  logic          rst,
  input  logic [511:0]  mac_data,
  input  logic [63:0]   mac_keep,
  input  logic          mac_last,
  input  logic          mac_user,
  input  logic          mac_valid,
  input  logic          inj_valid,
  input  logic [511:0]  inj_data,
  input  logic [6:0]    inj_bytes,
  input  logic          inj_last,
  input  logic          seg_ready,
  input  logic          v_valid,
  input  logic [1:0]    v_kind,
  input  logic [13:0]   v_id,
  input  logic [31:0]   v_handle,
  input  logic [10:0]   v_pay_off,
  input  logic [10:0]   v_pay_len,
  input  logic [10:0]   v_frame_len,
  input  logic [7:0]    v_reason,
  input  logic [15:0]   v_ev,
  input  logic [7:0]    v_cause,
  input  logic          flow_valid,
  input  logic [1:0]    flow_op,
  input  logic [13:0]   flow_id,
  input  logic [31:0]   flow_local_ip,
  input  logic [31:0]   flow_remote_ip,
  input  logic [15:0]   flow_local_port,
  input  logic [15:0]   flow_remote_port,
  input  logic          qp_enable,
  input  logic [63:0]   slot_base,
  input  logic [12:0]   slot_count,
  input  logic          w_ready,
  input  logic          rec_ready,
  input  logic          slot_valid,
  input  logic [11:0]   slot,
  input  logic          slot_check,
  input  logic          crec_ready,
  input  logic          clear_valid,
  input  logic [13:0]   clear_id,
  input  logic [31:0]   stat_acked,
  input  logic [2:0]    v_qp,
  input  logic [63:0]   now_us,
  input  logic [1:0]    run,
  input  logic [31:0]   mod_count,
  input  logic [63:0]   mod_us,
  input  logic [1:0]    urgent,
  input  logic [1:0]    summary_only,
  input  logic [1:0]    connect,
  input  logic          success,
  input  logic [1:0]    reads,
  input  logic [1:0]    room,
  input  logic [1:0]    due,
  input  logic          v_fence,
  input  logic [1:0]    collect,
  input  logic [1:0]    mark_valid,
  input  logic [31:0]   mark_pos,
  input  logic [63:0]   mark_cookie,
  input  logic          sweep_begin,
  input  logic          sweep_end,
  input  logic [31:0]   walk_pos,
  input  logic          need_valid,
  input  logic [31:0]   need_pos,
  input  logic [2:0]    need_qp,
  input  logic          fence_ready,
  input  logic [511:0]  eng_data,
  input  logic [63:0]   eng_keep,
  input  logic          eng_last,
  input  logic          eng_valid,
  input  logic          htx_valid,
  input  logic [511:0]  htx_data,
  input  logic [6:0]    htx_bytes,
  input  logic          htx_last,
  input  logic          tx_ready,
  output logic          busy,
  output logic          idle,
  output logic          rx_frames,
  output logic [10:0]   rx_bytes,
  output logic          drop_fifo,
  output logic          drop_error,
  output logic          drop_checksum,
  output logic          drop_fragment,
  output logic          drop_malformed,
  output logic          drop_no_slot,
  output logic          to_host,
  output logic          inj_ready,
  output logic          inj_rsp_valid,
  output logic          inj_rsp_hit,
  output logic          seg_valid,
  output logic          seg_tcp,
  output logic          seg_hit,
  output logic          seg_inject,
  output logic [13:0]   seg_id,
  output logic [31:0]   seg_local_ip,
  output logic [31:0]   seg_remote_ip,
  output logic [15:0]   seg_local_port,
  output logic [15:0]   seg_remote_port,
  output logic [31:0]   seg_seq,
  output logic [31:0]   seg_ack,
  output logic [7:0]    seg_flags,
  output logic [15:0]   seg_wnd,
  output logic          seg_has_ts,
  output logic [31:0]   seg_ts_val,
  output logic [31:0]   seg_ts_ecr,
  output logic [10:0]   seg_pay_off,
  output logic [10:0]   seg_pay_len,
  output logic [10:0]   seg_frame_len,
  output logic          v_ready,
  output logic          flow_ready,
  output logic          flow_rsp_valid,
  output logic [1:0]    flow_rsp_code,
  output logic          w_valid,
  output logic [63:0]   w_addr,
  output logic [511:0]  w_data,
  output logic [63:0]   w_strb,
  output logic          w_last,
  output logic [5:0]    w_lines,
  output logic          rec_valid,
  output logic [255:0]  rec_data,
  output logic          slot_ready,
  output logic          slot_rsp_valid,
  output logic          slot_rsp_ok,
  output logic [13:0]   slot_rsp_id,
  output logic [15:0]   slot_rsp_gen,
  output logic [15:0]   slot_rsp_bytes,
  output logic          data_ok,
  output logic          frame_ok,
  output logic          crec_valid,
  output logic [255:0]  crec_data,
  output logic [2:0]    crec_qp,
  output logic [29:0]   items,
  output logic [1:0]    held,
  output logic [1:0]    period_end,
  output logic [1:0]    collecting,
  output logic [1:0]    mark_ready,
  output logic          fence_valid,
  output logic [2:0]    fence_qp,
  output logic [63:0]   deadline_us,
  output logic [13:0]   stat_id,
  output logic          eng_ready,
  output logic          htx_ready,
  output logic [511:0]  tx_data,
  output logic [63:0]   tx_keep,
  output logic          tx_last,
  output logic          tx_valid,
  output logic [6:0]    tx_bytes,
  output logic          tx_frames,
  output logic          tx_host_frames,
  output logic          tx_busy,
  output logic          tx_blocked
);

  // ---------------------------------------------------------------- receive
  logic              frame_valid, frame_ready, frame_last;
  logic [511:0]      frame_data;
  logic [6:0]        frame_bytes;
  logic              fifo_idle, parse_idle, flow_idle, deliver_idle, reporter_idle, mux_idle;
  logic              flow_busy, reporter_busy;
  logic              inj_drop;
  fantail_pkg::seg_t parsed, seg;
  logic              parsed_valid, parsed_ready;
  logic              hold_valid, hold_re, hold_pop;
  logic [4:0]        hold_line;
  logic [511:0]      hold_data;

  fantail_rx_fifo #(
    .Bytes(4096)
  ) u_fifo (
    .clk,
    .rst,
    .s_mac_tdata         (mac_data),
    .s_mac_tkeep         (mac_keep),
    .s_mac_tlast         (mac_last),
    .s_mac_tuser         (mac_user),
    .s_mac_tvalid        (mac_valid),
    .m_frame_valid       (frame_valid),
    .m_frame_ready       (frame_ready),
    .m_frame_data        (frame_data),
    .m_frame_bytes       (frame_bytes),
    .m_frame_last        (frame_last),
    .idle_o              (fifo_idle),
    .cnt_rx_frames_o     (rx_frames),
    .cnt_rx_bytes_o      (rx_bytes),
    .cnt_rx_drop_fifo_o  (drop_fifo),
    .cnt_rx_drop_error_o (drop_error)
  );

  fantail_rx_parse #(
    .HoldBeats(64)
  ) u_parse (
    .clk,
    .rst,
    .local_ip_i              ('0),
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
    .s_inj_qp                ('0),
    .m_seg_valid             (parsed_valid),
    .m_seg_ready             (parsed_ready),
    .m_seg_data              (parsed),
    .hold_valid_o            (hold_valid),
    .hold_re_i               (hold_re),
    .hold_line_i             (hold_line),
    .hold_data_o             (hold_data),
    .hold_pop_i              (hold_pop),
    .inj_drop_o              (inj_drop),
    .idle_o                  (parse_idle),
    .cnt_rx_drop_checksum_o  (drop_checksum),
    .cnt_rx_drop_fragment_o  (drop_fragment),
    .cnt_rx_drop_malformed_o (drop_malformed),
    .stage_o                 ()
  );

  fantail_flow #(
    .Connections(64)
  ) u_flow (
    .clk,
    .rst,
    .busy_o           (flow_busy),
    .idle_o           (flow_idle),
    .hash_key_i       (128'h6D5A56DA_255B0EC2_4167253D_43A38FB0),
    .s_seg_valid      (parsed_valid),
    .s_seg_ready      (parsed_ready),
    .s_seg_data       (parsed),
    .m_seg_valid      (seg_valid),
    .m_seg_ready      (seg_ready),
    .m_seg_data       (seg),
    .s_flow_valid     (flow_valid),
    .s_flow_ready     (flow_ready),
    .s_flow_op        (flow_op),
    .s_flow_tuple     ({flow_local_ip, flow_remote_ip, flow_local_port, flow_remote_port}),
    .s_flow_id        (flow_id),
    .s_flow_qp        ('0),
    .flow_rsp_valid_o (flow_rsp_valid),
    .flow_rsp_code_o  (flow_rsp_code),
    .inj_drop_i       (inj_drop),
    .inj_rsp_valid_o  (inj_rsp_valid),
    .inj_rsp_hit_o    (inj_rsp_hit)
  );
  assign seg_tcp         = seg.tcp;
  assign seg_hit         = seg.hit;
  assign seg_inject      = seg.inject;
  assign seg_id          = seg.id;
  assign seg_local_ip    = seg.local_ip;
  assign seg_remote_ip   = seg.remote_ip;
  assign seg_local_port  = seg.local_port;
  assign seg_remote_port = seg.remote_port;
  assign seg_seq         = seg.seq;
  assign seg_ack         = seg.ack;
  assign seg_flags       = seg.flags;
  assign seg_wnd         = seg.wnd;
  assign seg_has_ts      = seg.has_ts;
  assign seg_ts_val      = seg.ts_val;
  assign seg_ts_ecr      = seg.ts_ecr;
  assign seg_pay_off     = seg.pay_off;
  assign seg_pay_len     = seg.pay_len;
  assign seg_frame_len   = seg.frame_len;

  // ---------------------------------------------------------------- delivery, the test being the ACK stage
  fantail_pkg::verdict_t verdict;
  logic        ev_valid, ev_ready, ev_fence;
  logic [13:0] ev_id;
  logic [15:0] ev_gen, ev_bits;
  logic [7:0]  ev_cause;
  logic [2:0]  rec_qp, ev_qp;
  always_comb begin
    verdict           = '0;
    verdict.kind      = v_kind;
    verdict.id        = v_id;
    verdict.handle    = v_handle;
    verdict.qp        = v_qp;
    verdict.pay_off   = v_pay_off;
    verdict.pay_len   = v_pay_len;
    verdict.frame_len = v_frame_len;
    verdict.reason    = v_reason;
    verdict.ev        = v_ev;
    verdict.cause     = v_cause;
    verdict.fence     = v_fence;
  end

  fantail_deliver u_deliver (
    .clk,
    .rst,
    .qp_enable_i           (qp_enable),
    .frame_room_i          (1'b1),
    .slot_base_i           (slot_base),
    .slot_count_i          (slot_count),
    .accept_i              (v_valid && v_ready && v_kind == fantail_pkg::VerdictData),
    .put_i                 (v_valid && v_ready && verdict.qp == '0),
    .qp_busy_o             (),
    .rec_ok_i              ('1),
    .reserved_o            (),
    .s_verdict_valid       (v_valid),
    .s_verdict_ready       (v_ready),
    .s_verdict_data        (verdict),
    .hold_valid_i          (hold_valid),
    .hold_re_o             (hold_re),
    .hold_line_o           (hold_line),
    .hold_data_i           (hold_data),
    .hold_pop_o            (hold_pop),
    .m_w_valid             (w_valid),
    .m_w_ready             (w_ready),
    .m_w_addr              (w_addr),
    .m_w_data              (w_data),
    .m_w_strb              (w_strb),
    .m_w_last              (w_last),
    .m_w_lines             (w_lines),
    .m_w_qp                (),
    .m_rec_valid           (rec_valid),
    .m_rec_ready           (rec_ready),
    .m_rec_data            (rec_data),
    .m_rec_qp              (rec_qp),
    .m_ev_valid            (ev_valid),
    .m_ev_ready            (ev_ready),
    .m_ev_id               (ev_id),
    .m_ev_gen              (ev_gen),
    .m_ev_qp               (ev_qp),
    .m_ev_bits             (ev_bits),
    .m_ev_cause            (ev_cause),
    .m_ev_fence            (ev_fence),
    .s_slot_valid          (slot_valid),
    .s_slot_ready          (slot_ready),
    .s_slot_data           (slot),
    .s_slot_check          (slot_check),
    .s_slot_qp             ('0),
    .slot_rsp_valid_o      (slot_rsp_valid),
    .slot_rsp_ok_o         (slot_rsp_ok),
    .slot_rsp_id_o         (slot_rsp_id),
    .slot_rsp_gen_o        (slot_rsp_gen),
    .slot_rsp_bytes_o      (slot_rsp_bytes),
    .data_ok_o             (data_ok),
    .frame_ok_o            (frame_ok),
    .running_o             (),
    .idle_o                (deliver_idle),
    .cnt_rx_to_host_o      (to_host),
    .cnt_rx_drop_no_slot_o (drop_no_slot),
    .stage_o               ()
  );

  fantail_pkg::conn_stats_t stats;
  always_comb begin
    stats       = '0;
    stats.acked = stat_acked;
  end
  fantail_reporter #(
    .Connections(64),
    .QueuePairs(2)
  ) u_reporter (
    .clk,
    .rst,
    .busy_o             (reporter_busy),
    .idle_o             (reporter_idle),
    .qp_busy_o          (),
    .next_deadline_us_o (deadline_us),
    .now_us_i           (now_us),
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
    .connect_i          (connect != '0),
    .success_i          (connect == 2'b11 || success),
    .count_qp_i         ({2'd0, connect == 2'b10}),
    .read_i             (reads),
    .collect_i          (collect),
    .s_mark_valid       (mark_valid),
    .s_mark_ready       (mark_ready),
    .s_mark_pos         ({2{mark_pos}}),
    .s_mark_cookie      ({2{mark_cookie}}),
    .marks_o            (),
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
    .stat_i             (stats),
    .m_rec_valid        (crec_valid),
    .m_rec_ready        (crec_ready),
    .m_rec_data         (crec_data),
    .m_rec_qp           (crec_qp),
    .room_i             (room),
    .due_i              (due),
    .items_o            (items),
    .hold_o             (held),
    .telling_o          (),
    .collect_o          (collecting),
    .end_o              (period_end)
  );

  // ---------------------------------------------------------------- transmit
  fantail_tx_mux u_mux (
    .clk,
    .rst,
    .s_eng_tdata          (eng_data),
    .s_eng_tkeep          (eng_keep),
    .s_eng_tlast          (eng_last),
    .s_eng_tvalid         (eng_valid),
    .s_eng_tready         (eng_ready),
    .s_htx_valid          (htx_valid),
    .s_htx_ready          (htx_ready),
    .s_htx_data           (htx_data),
    .s_htx_bytes          (htx_bytes),
    .s_htx_last           (htx_last),
    .m_mac_tdata          (tx_data),
    .m_mac_tkeep          (tx_keep),
    .m_mac_tlast          (tx_last),
    .m_mac_tvalid         (tx_valid),
    .m_mac_tready         (tx_ready),
    .idle_o               (mux_idle),
    .cnt_tx_frames_o      (tx_frames),
    .cnt_tx_bytes_o       (tx_bytes),
    .cnt_tx_host_frames_o (tx_host_frames),
    .stage_o              ({tx_blocked, tx_busy})
  );

  assign busy = flow_busy || reporter_busy;
  assign idle = fifo_idle && parse_idle && flow_idle && deliver_idle && reporter_idle && mux_idle;
endmodule
