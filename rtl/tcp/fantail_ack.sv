// SPDX-License-Identifier: Apache-2.0
// The acknowledge owner: una, windows, congestion, timers' verdicts, receive state, life and death of a connection.
//
//   A0  choose an event, unless its connection is in A1 or A2; read the tables
//   A1  fantail_ack_event: next state, verdict
//   A2  write back; verdict out
//   then wake the transmitter, a cycle after the write
//
// Contract: one event per cycle while verdicts are taken. Frames keep their order. Everything that is not a frame
// comes first. Segments are accepted only while data_ok_i says that a slot can be had. One connection's data holds at
// most a quarter of its queue pair's slots; its window is shown closed from an eighth on.

module fantail_ack #(
  parameter int Connections = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,
  output logic                       idle_o,
  input  logic [47:0]                now_us_i,
  input  logic [31:0]                now_ms_i,
  input  logic [31:0]                rto_min_us_i,
  input  logic [31:0]                rto_max_us_i,
  input  logic [QueuePairs-1:0]      data_ok_i,
  input  logic [13*QueuePairs-1:0]   slot_count_i,
  output logic [QueuePairs-1:0]      accept_o,       // payload of its connection is accepted in this cycle
  output logic [QueuePairs-1:0]      put_o,          // a verdict of its connection, or a frame for its host, is on its way
  // commands
  input  logic                       s_cmd_valid,
  output logic                       s_cmd_ready,
  input  logic [3:0]                 s_cmd_kind,     // Ev*
  input  logic [13:0]                s_cmd_id,
  input  logic [31:0]                s_cmd_value,
  input  fantail_regs_pkg::context_t s_cmd_ctx,
  // extents exhausted
  input  logic                       s_overrun_valid,
  output logic                       s_overrun_ready,
  input  logic [13:0]                s_overrun_id,
  // sweeper
  input  logic                       s_sweep_valid,
  output logic                       s_sweep_ready,
  input  logic [13:0]                s_sweep_id,
  input  logic [15:0]                s_sweep_ev,     // EV_ to raise; if none:
  input  logic [7:0]                 s_sweep_cause,  // CAUSE_NONE: a deadline passed; else abort
  // fence of a queue pair, behind everything that came before
  input  logic                       s_fence_valid,
  output logic                       s_fence_ready,
  input  logic [2:0]                 s_fence_qp,
  // received segments and frames
  input  logic                       s_seg_valid,
  output logic                       s_seg_ready,
  input  fantail_pkg::seg_t          s_seg_data,
  // copies of other owners' tables
  output logic                       rd_valid_o,
  output logic [13:0]                rd_id_o,
  input  fantail_tcp_pkg::par_t      par_i,
  input  fantail_tcp_pkg::enq_t      enq_i,
  input  fantail_tcp_pkg::tx_t       tx_i,
  // own table
  output logic                       ack_we_o,
  output logic [13:0]                ack_waddr_o,
  output fantail_tcp_pkg::ack_t      ack_wdata_o,
  // results
  output logic                       m_verdict_valid,
  input  logic                       m_verdict_ready,
  output fantail_pkg::verdict_t      m_verdict_data,
  output logic                       wake_valid_o,
  input  logic                       wake_ready_i,
  output logic [13:0]                wake_id_o,
  // counts of SUMMARY, of this queue pair
  output logic [2:0]                 count_qp_o,
  output logic                       connect_o,
  output logic                       success_o,
  // counters
  output logic                       cnt_segment_o,
  output logic [10:0]                cnt_data_bytes_o,
  output logic                       cnt_accept_o,     // one of these for each cnt_segment_o
  output logic                       cnt_window_o,
  output logic                       cnt_no_slot_o,
  output logic                       cnt_challenge_o,
  output logic                       cnt_ignore_o,
  output logic                       cnt_dup_o,
  output logic                       cnt_reset_o,
  output logic                       cnt_timeout_o,
  output logic                       cnt_fast_o,
  output logic                       cnt_lag_abort_o,
  output fantail_pkg::stage_t        stage_o
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  // ---------------------------------------------------------------- A0
  logic        a0_valid, a0_free, a0_go;
  logic [3:0]  a0_kind;
  logic [13:0] a0_id;
  logic [7:0]  a0_cause;
  logic [4:0]  verdict_level;
  logic [3:0]  wake_level;
  logic        a1_valid_q, a2_valid_q;
  logic [3:0]  a1_kind_q;
  logic [13:0] a1_id_q, a2_id_q;
  logic [7:0]  a1_cause_q;

  always_comb begin
    a0_kind  = fantail_tcp_pkg::EvSegment;
    a0_id    = s_seg_data.id;
    a0_cause = fantail_regs_pkg::CAUSE_NONE;
    a0_valid = 1'b1;
    if (s_cmd_valid) begin
      a0_kind = s_cmd_kind;
      a0_id   = s_cmd_id;
    end else if (s_overrun_valid) begin
      a0_kind  = fantail_tcp_pkg::EvOverrun;
      a0_id    = s_overrun_id;
      a0_cause = fantail_regs_pkg::CAUSE_EXTENTS;
    end else if (s_sweep_valid) begin
      a0_kind  = s_sweep_ev != '0 ? fantail_tcp_pkg::EvLag
               : s_sweep_cause == fantail_regs_pkg::CAUSE_NONE ? fantail_tcp_pkg::EvTimer : fantail_tcp_pkg::EvOverrun;
      a0_id    = s_sweep_id;
      a0_cause = s_sweep_cause;
    end else if (s_fence_valid) begin
      a0_kind = fantail_tcp_pkg::EvFence;
      a0_id   = '0;
    end else begin
      a0_valid = s_seg_valid;
      if (!s_seg_data.hit) a0_kind = fantail_tcp_pkg::EvFrame;
    end
  end

  logic a0_room;
  assign a0_room = (verdict_level < 5'd12) && (wake_level < 4'd4);
  assign a0_free = !(a1_valid_q && a1_id_q == a0_id) && !(a2_valid_q && a2_id_q == a0_id) && a0_room && !busy_o;
  assign a0_go   = a0_valid && a0_free;

  assign s_cmd_ready     = a0_free;
  assign s_overrun_ready = a0_free && !s_cmd_valid;
  assign s_sweep_ready   = a0_free && !s_cmd_valid && !s_overrun_valid;
  assign s_fence_ready   = a0_free && !s_cmd_valid && !s_overrun_valid && !s_sweep_valid;
  assign s_seg_ready     = a0_free && !s_cmd_valid && !s_overrun_valid && !s_sweep_valid && !s_fence_valid;
  assign rd_valid_o      = a0_go;
  assign rd_id_o         = a0_id;

  logic [fantail_tcp_pkg::AckW-1:0] own_bits;
  fantail_tcp_pkg::ack_t            own, n;
  fantail_table #(
    .Width(fantail_tcp_pkg::AckW),
    .Depth(Connections)
  ) u_state (
    .clk, .rst,
    .busy_o,
    .we_i    (ack_we_o),
    .waddr_i (ack_waddr_o[IdW-1:0]),
    .wdata_i (ack_wdata_o),
    .re_i    (a0_go),
    .raddr_i (a0_id[IdW-1:0]),
    .rdata_o (own_bits)
  );
  assign own = own_bits;

  // ---------------------------------------------------------------- A1
  fantail_pkg::seg_t          a1_seg_q;
  logic [31:0]                a1_value_q;
  logic [2:0]                 a1_fence_qp_q;
  fantail_regs_pkg::context_t a1_ctx_q;
  logic [1:0]                 verdict;
  logic [10:0]                pay_off, pay_len;
  logic [15:0]                ev;
  logic                       wake, cnt_dup, cnt_fast, cnt_timeout, cnt_reset;
  logic                       cnt_accept, cnt_window, cnt_no_slot, cnt_challenge, cnt_ignore, success;

  logic        data_ok;  // of the connection's queue pair
  logic [12:0] share;    // of its slots, for one connection
  always_comb begin
    data_ok = 1'b0;
    share   = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (par_i.qp == 3'(q)) begin
        data_ok = data_ok_i[q];
        share   = slot_count_i[13*q +: 13] >> 2;
      end
      accept_o[q] = a1_valid_q && verdict == fantail_pkg::VerdictData && par_i.qp == 3'(q);
      put_o[q]    = a2_valid_q && a2_tell_q && a2_verdict_q.qp == 3'(q);
    end
  end

  fantail_ack_event u_event (
    .kind_i        (a1_kind_q),
    .data_ok_i     (data_ok),
    .share_i       (share),
    .now_us_i,
    .now_ms_i,
    .rto_min_us_i,
    .rto_max_us_i,
    .s_i           (own),
    .tx_i,
    .enq_i,
    .par_i,
    .seg_i         (a1_seg_q),
    .value_i       (a1_value_q),
    .ctx_i         (a1_ctx_q),
    .n_o           (n),
    .verdict_o     (verdict),
    .pay_off_o     (pay_off),
    .pay_len_o     (pay_len),
    .ev_o          (ev),
    .wake_o        (wake),
    .cnt_dup_o     (cnt_dup),
    .cnt_fast_o    (cnt_fast),
    .cnt_timeout_o (cnt_timeout),
    .success_o     (success),
    .cnt_accept_o  (cnt_accept),
    .cnt_window_o  (cnt_window),
    .cnt_no_slot_o (cnt_no_slot),
    .cnt_challenge_o (cnt_challenge),
    .cnt_ignore_o  (cnt_ignore),
    .cnt_reset_o   (cnt_reset)
  );

  // ---------------------------------------------------------------- A2
  logic                  a2_write_q, a2_wake_q, a2_tell_q;
  fantail_tcp_pkg::ack_t a2_state_q;
  fantail_pkg::verdict_t a2_verdict_q, a1_verdict;

  always_comb begin
    a1_verdict           = '0;
    a1_verdict.kind      = verdict;
    a1_verdict.id        = a1_id_q;
    a1_verdict.handle    = {par_i.gen, 2'b00, a1_id_q};
    a1_verdict.qp        = a1_kind_q == fantail_tcp_pkg::EvFrame ? a1_seg_q.qp : par_i.qp;
    a1_verdict.pay_off   = pay_off;
    a1_verdict.pay_len   = pay_len;
    a1_verdict.frame_len = a1_seg_q.frame_len;
    a1_verdict.reason    = a1_seg_q.tcp ? fantail_regs_pkg::REASON_NO_FLOW : fantail_regs_pkg::REASON_NOT_TCP;
    a1_verdict.ev        = ev;
    a1_verdict.cause     = a1_cause_q;
    if (a1_kind_q == fantail_tcp_pkg::EvFence) begin
      a1_verdict.fence = 1'b1;
      a1_verdict.qp    = a1_fence_qp_q;
    end
  end

  always_ff @(posedge clk) begin
    a1_kind_q  <= a0_kind;
    a1_id_q    <= a0_id;
    a1_cause_q <= a0_cause;
    a1_fence_qp_q <= s_fence_qp;
    if (a0_go) begin
      a1_seg_q   <= s_seg_data;
      a1_value_q <= s_cmd_valid ? s_cmd_value : 32'(s_sweep_ev);
    end
    if (a0_go && s_cmd_valid) a1_ctx_q <= s_cmd_ctx;
    a2_id_q      <= a1_id_q;
    a2_write_q   <= a1_kind_q != fantail_tcp_pkg::EvFrame && a1_kind_q != fantail_tcp_pkg::EvFence;
    a2_wake_q    <= wake;
    a2_state_q   <= n;
    a2_verdict_q <= a1_verdict;
    a2_tell_q    <= (verdict != fantail_pkg::VerdictNone) || (ev != '0) || (a1_kind_q == fantail_tcp_pkg::EvFence);
    if (rst) begin
      a1_valid_q <= 1'b0;
      a2_valid_q <= 1'b0;
    end else begin
      a1_valid_q <= a0_go;
      a2_valid_q <= a1_valid_q;
    end
  end

  assign ack_we_o    = a2_valid_q && a2_write_q;
  assign ack_waddr_o = a2_id_q;
  assign ack_wdata_o = a2_state_q;

  logic verdict_ready, wake_ready;
  fantail_fifo #(
    .Width(fantail_pkg::VerdictW),
    .Depth(16)
  ) u_verdict (
    .clk, .rst,
    .s_valid (a2_valid_q && a2_tell_q),
    .s_ready (verdict_ready),
    .s_data  (a2_verdict_q),
    .m_valid (m_verdict_valid),
    .m_ready (m_verdict_ready),
    .m_data  (m_verdict_data),
    .level_o (verdict_level)
  );

  logic        a3_wake_q;
  logic [13:0] a3_id_q;
  always_ff @(posedge clk) begin
    a3_id_q <= a2_id_q;
    if (rst) a3_wake_q <= 1'b0;
    else a3_wake_q <= a2_valid_q && a2_wake_q;
  end
  fantail_fifo #(
    .Width(14),
    .Depth(8)
  ) u_wake (
    .clk, .rst,
    .s_valid (a3_wake_q),
    .s_ready (wake_ready),
    .s_data  (a3_id_q),
    .m_valid (wake_valid_o),
    .m_ready (wake_ready_i),
    .m_data  (wake_id_o),
    .level_o (wake_level)
  );

  assign idle_o = !s_cmd_valid && !s_overrun_valid && !s_sweep_valid && !s_fence_valid && !s_seg_valid && !a1_valid_q && !a2_valid_q
               && !a3_wake_q && !m_verdict_valid && !wake_valid_o;

  assign count_qp_o       = par_i.qp;
  assign connect_o        = a1_valid_q && (a1_kind_q == fantail_tcp_pkg::EvInstall);
  assign success_o        = a1_valid_q && success;

  assign cnt_segment_o    = a1_valid_q && (a1_kind_q == fantail_tcp_pkg::EvSegment);
  assign cnt_data_bytes_o = (a1_valid_q && verdict == fantail_pkg::VerdictData) ? pay_len : '0;
  assign cnt_accept_o     = a1_valid_q && cnt_accept;
  assign cnt_window_o     = a1_valid_q && cnt_window;
  assign cnt_no_slot_o    = a1_valid_q && cnt_no_slot;
  assign cnt_challenge_o  = a1_valid_q && cnt_challenge;
  assign cnt_ignore_o     = a1_valid_q && cnt_ignore;
  assign cnt_dup_o        = a1_valid_q && cnt_dup;
  assign cnt_reset_o      = a1_valid_q && cnt_reset;
  assign cnt_timeout_o    = a1_valid_q && cnt_timeout;
  assign cnt_fast_o       = a1_valid_q && cnt_fast;
  assign cnt_lag_abort_o  = a1_valid_q && (ev == fantail_regs_pkg::EV_OVERRUN);
  // an event that waits for its connection's last one is work of this stage
  assign stage_o          = {a0_valid && !a0_room, a0_valid && a0_room};

  `ASSERT(VerdictRoom, !(a2_valid_q && a2_tell_q && !verdict_ready))
  `ASSERT(WakeRoom, !(a3_wake_q && !wake_ready))
  `ASSERT(OneFate, 32'(cnt_accept_o) + 32'(cnt_window_o) + 32'(cnt_no_slot_o) + 32'(cnt_challenge_o)
                   + 32'(cnt_ignore_o) + 32'(cnt_reset_o) == 32'(cnt_segment_o))
  // The sweeper's verdict was judged again: nothing times out when nothing is outstanding, or before its time.
  `ASSERT(TimeoutIsDue, !(a1_valid_q && cnt_timeout && (tx_i.max == own.una || (now_us_i - own.restart_us) < 48'(own.rto_us))))
  // recover is una - 1 unless a loss has set it, and then at most what was sent: 32 bits compare it rightly (row 33)
  `ASSERT(RecoverNear, !(a1_valid_q && own.alive && n.alive
                         && ($signed(n.una - n.recover) > 1 || $signed(n.recover - tx_i.max) > 0)))
  // No connection has more slots than its share (a segment that is accepted needs a place below it).
  `ASSERT(SlotShare, !(a1_valid_q && verdict == fantail_pkg::VerdictData && own.slots >= share))
  // una never runs past what was sent (row 12)
  `ASSERT(UnaBelowMax, !(a1_valid_q && own.alive && n.alive && $signed(n.una - tx_i.max) > 0))

endmodule
