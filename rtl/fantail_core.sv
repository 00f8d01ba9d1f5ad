// SPDX-License-Identifier: Apache-2.0
// The core: payload log, replication, transmission, acknowledgement, sweeper, and the tables between them.
//
//   walk --> enqueue --> ready queue --> send --> frames
//               |             ^  ^        |
//               v             |  |     extents, log
//            extents          |  +-- acknowledge <-- segments
//                             |          ^
//                             +----------+-- sweeper (deadlines, lag)  --> low watermark
//
// What is known of a connection stands in fantail_conn_state; who writes a table owns what it says.

module fantail_core #(
  parameter int Connections = 1024,
  parameter int Groups      = 1024,
  parameter int LogBytes    = 1048576,
  parameter int Extents     = 64,      // per connection
  parameter int QueuePairs  = 1
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,          // clearing after reset
  input  logic [63:0]                now_us_i,
  input  logic [31:0]                rto_min_us_i,
  input  logic [31:0]                rto_max_us_i,
  input  logic [31:0]                pin_limit_i,
  input  logic [31:0]                pin_us_i,
  // payloads and walks
  input  logic                       s_append_valid,
  input  fantail_pkg::append_t       s_append_data,
  input  logic                       s_walk_valid,
  output logic                       s_walk_ready,
  input  fantail_pkg::walk_t         s_walk_data,
  input  logic                       s_list_valid,
  output logic                       s_list_ready,
  input  logic [31:0]                s_list_data,
  input  logic                       s_list_end,
  output logic                       walkdone_valid_o,
  output logic [15:0]                walkdone_reached_o,
  output logic [15:0]                walkdone_skipped_o,
  input  logic [QueuePairs-1:0]      hold_i,
  input  logic [31:0]                walk_pos_i,
  input  logic                       log_wait_i,
  input  logic [31:0]                log_want_i,
  output logic [31:0]                log_low_o,
  output logic [31:0]                log_used_o,
  // commands
  input  logic                       s_cmd_valid,
  output logic                       s_cmd_ready,
  input  fantail_pkg::cmd_t          s_cmd_data,
  input  fantail_regs_pkg::context_t s_cmd_ctx,
  output logic                       cmd_rsp_valid_o,
  output logic                       cmd_rsp_bit_o,
  // received
  input  logic                       s_seg_valid,
  output logic                       s_seg_ready,
  input  fantail_pkg::seg_t          s_seg_data,
  input  logic [QueuePairs-1:0]      data_ok_i,
  input  logic [13*QueuePairs-1:0]   slot_count_i,
  output logic [QueuePairs-1:0]      accept_o,        // see fantail_deliver
  output logic [QueuePairs-1:0]      put_o,
  output logic                       m_verdict_valid,
  input  logic                       m_verdict_ready,
  output fantail_pkg::verdict_t      m_verdict_data,
  // for CONN records, two cycles
  input  logic [13:0]                stat_id_i,
  output fantail_pkg::conn_stats_t   stat_o,
  // what COLLECT and DELIVERED go by: sweeps, and a fence behind them
  output logic                       begin_o,
  output logic                       sweep_o,
  output logic                       need_valid_o,
  output logic [31:0]                need_pos_o,
  output logic [2:0]                 need_qp_o,
  input  logic                       s_fence_valid,
  output logic                       s_fence_ready,
  input  logic [2:0]                 s_fence_qp,
  // counts of SUMMARY
  output logic [2:0]                 count_qp_o,
  output logic                       connect_o,
  output logic                       success_o,
  // frames
  output logic [511:0]               m_tdata,
  output logic [63:0]                m_tkeep,
  output logic                       m_tlast,
  output logic                       m_tvalid,
  input  logic                       m_tready,
  // idle
  input  logic                       activity_i,      // outside of the core
  output logic                       idle_o,
  output logic [63:0]                next_deadline_us_o,
  output logic [13:0]                pin_id_o,
  output logic [31:0]                pin_bytes_o,
  output fantail_pkg::core_counts_t  counts_o
);
  `include "fantail_assert.svh"

  logic [47:0] now_us;
  logic [31:0] now_ms, tail;
  logic        sweep, ms_behind;
  assign now_us = now_us_i[47:0];

  fantail_ms_clock u_ms_clock (
    .clk, .rst,
    .now_us_i,
    .now_ms_o (now_ms),
    .behind_o (ms_behind)
  );

  // ---------------------------------------------------------------- tables
  logic par_we, adr_we, enq_we, ack_we, tx_we, swp_we, state_busy;
  logic enq_rd, tx_rd, gather_rd, ack_rd, swp_rd;
  logic [13:0] conn_waddr, enq_waddr, ack_waddr, tx_waddr, swp_waddr, enq_rid, tx_rid, gather_rid, ack_rid, swp_rid;
  fantail_tcp_pkg::par_t par_wdata, par_at_enq, par_at_tx, par_at_ack, par_at_swp;
  fantail_tcp_pkg::adr_t adr_wdata, adr_at_tx;
  fantail_tcp_pkg::enq_t enq_wdata, enq_at_tx, enq_at_ack, enq_at_swp;
  fantail_tcp_pkg::ack_t ack_wdata, ack_at_enq, ack_at_tx, ack_at_swp;
  fantail_tcp_pkg::tx_t  tx_wdata, tx_at_enq, tx_at_ack, tx_at_swp;
  fantail_tcp_pkg::swp_t swp_wdata, swp_at_enq, swp_at_gather;

  fantail_conn_state #(
    .Connections(Connections)
  ) u_state (
    .clk, .rst,
    .busy_o          (state_busy),
    .par_we_i        (par_we),
    .adr_we_i        (adr_we),
    .conn_waddr_i    (conn_waddr),
    .par_wdata_i     (par_wdata),
    .adr_wdata_i     (adr_wdata),
    .enq_we_i        (enq_we),
    .enq_waddr_i     (enq_waddr),
    .enq_wdata_i     (enq_wdata),
    .ack_we_i        (ack_we),
    .ack_waddr_i     (ack_waddr),
    .ack_wdata_i     (ack_wdata),
    .tx_we_i         (tx_we),
    .tx_waddr_i      (tx_waddr),
    .tx_wdata_i      (tx_wdata),
    .swp_we_i        (swp_we),
    .swp_waddr_i     (swp_waddr),
    .swp_wdata_i     (swp_wdata),
    .enq_rd_i        (enq_rd),
    .enq_rid_i       (enq_rid),
    .par_at_enq_o    (par_at_enq),
    .ack_at_enq_o    (ack_at_enq),
    .tx_at_enq_o     (tx_at_enq),
    .swp_at_enq_o    (swp_at_enq),
    .tx_rd_i         (tx_rd),
    .tx_rid_i        (tx_rid),
    .par_at_tx_o     (par_at_tx),
    .adr_at_tx_o     (adr_at_tx),
    .enq_at_tx_o     (enq_at_tx),
    .ack_at_tx_o     (ack_at_tx),
    .gather_rd_i     (gather_rd),
    .gather_rid_i    (gather_rid),
    .swp_at_gather_o (swp_at_gather),
    .ack_rd_i        (ack_rd),
    .ack_rid_i       (ack_rid),
    .par_at_ack_o    (par_at_ack),
    .enq_at_ack_o    (enq_at_ack),
    .tx_at_ack_o     (tx_at_ack),
    .swp_rd_i        (swp_rd),
    .swp_rid_i       (swp_rid),
    .par_at_swp_o    (par_at_swp),
    .enq_at_swp_o    (enq_at_swp),
    .ack_at_swp_o    (ack_at_swp),
    .tx_at_swp_o     (tx_at_swp),
    .stat_id_i,
    .stat_o
  );

  // ---------------------------------------------------------------- commands
  fantail_pkg::cmd_t          cmd;
  fantail_regs_pkg::context_t ctx;
  logic       conn_busy, conn_idle;
  logic       cmd_enq_valid, cmd_enq_ready, cmd_enq_done, cmd_enq_bit;
  logic       cmd_tx_valid, cmd_tx_ready, cmd_swp_valid, cmd_swp_ready, cmd_ack_valid, cmd_ack_ready;
  logic [3:0] cmd_ack_kind;

  fantail_conn #(
    .Connections(Connections),
    .LogBytes(LogBytes)
  ) u_conn (
    .clk, .rst,
    .busy_o       (conn_busy),
    .idle_o       (conn_idle),
    .s_cmd_valid,
    .s_cmd_ready,
    .s_cmd_data,
    .s_cmd_ctx,
    .rsp_valid_o  (cmd_rsp_valid_o),
    .rsp_bit_o    (cmd_rsp_bit_o),
    .sweep_i      (sweep),
    .par_we_o     (par_we),
    .adr_we_o     (adr_we),
    .conn_waddr_o (conn_waddr),
    .par_wdata_o  (par_wdata),
    .adr_wdata_o  (adr_wdata),
    .m_enq_valid  (cmd_enq_valid),
    .m_enq_ready  (cmd_enq_ready),
    .enq_done_i   (cmd_enq_done),
    .enq_bit_i    (cmd_enq_bit),
    .m_tx_valid   (cmd_tx_valid),
    .m_tx_ready   (cmd_tx_ready),
    .m_swp_valid  (cmd_swp_valid),
    .m_swp_ready  (cmd_swp_ready),
    .m_ack_valid  (cmd_ack_valid),
    .m_ack_ready  (cmd_ack_ready),
    .m_ack_kind   (cmd_ack_kind),
    .cmd_o        (cmd),
    .ctx_o        (ctx)
  );

  // ---------------------------------------------------------------- replication
  logic        enq_busy, enq_idle;
  logic [QueuePairs-1:0] hold;
  logic [2:0]  held_qp;
  logic        ext_we;
  logic [13:0] ext_wid;
  logic [15:0] ext_windex;
  fantail_tcp_pkg::extent_t ext_wdata;
  logic        enq_wake_valid, enq_wake_ready, drain_valid, drain_ready, held_valid, held_ready;
  logic [13:0] enq_wake_id, drain_id, held_id;
  logic        overrun_valid, overrun_ready;
  logic [13:0] overrun_id;

  fantail_enqueue #(
    .Connections(Connections),
    .Groups(Groups),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_enqueue (
    .clk, .rst,
    .busy_o             (enq_busy),
    .idle_o             (enq_idle),
    .s_walk_valid,
    .s_walk_ready,
    .s_walk_data,
    .s_list_valid,
    .s_list_ready,
    .s_list_data,
    .s_list_end,
    .walkdone_valid_o,
    .walkdone_reached_o,
    .walkdone_skipped_o,
    .hold_i,
    .hold_o             (hold),
    .s_cmd_valid        (cmd_enq_valid),
    .s_cmd_ready        (cmd_enq_ready),
    .s_cmd_data         (cmd),
    .s_cmd_seq          (ctx.snd_nxt),
    .cmd_done_o         (cmd_enq_done),
    .cmd_bit_o          (cmd_enq_bit),
    .rd_valid_o         (enq_rd),
    .rd_id_o            (enq_rid),
    .alive_i            (ack_at_enq.alive),
    .ext_free_i         (swp_at_enq.ext_free),
    .skip_i             (swp_at_enq.skip),
    .skip_seen_i        (swp_at_enq.skip_seen),
    .policy_i           (par_at_enq.policy),
    .mss_i              (par_at_enq.mss),
    .nxt_i              (tx_at_enq.nxt),
    .enq_we_o           (enq_we),
    .enq_waddr_o        (enq_waddr),
    .enq_wdata_o        (enq_wdata),
    .ext_we_o           (ext_we),
    .ext_id_o           (ext_wid),
    .ext_index_o        (ext_windex),
    .ext_data_o         (ext_wdata),
    .wake_valid_o       (enq_wake_valid),
    .wake_ready_i       (enq_wake_ready),
    .wake_id_o          (enq_wake_id),
    .drain_valid_o      (drain_valid),
    .drain_ready_i      (drain_ready),
    .drain_id_o         (drain_id),
    .s_held_valid       (held_valid),
    .s_held_ready       (held_ready),
    .s_held_id          (held_id),
    .s_held_qp          (held_qp),
    .m_overrun_valid    (overrun_valid),
    .m_overrun_ready    (overrun_ready),
    .m_overrun_id       (overrun_id),
    .stage_o            (counts_o.fanout)
  );

  // ---------------------------------------------------------------- ready queue
  logic        ready_busy, ready_empty, ready_valid, ready_ready;
  logic        again_valid, again_ready, ack_wake_valid, ack_wake_ready;
  logic [13:0] ready_id, again_id, ack_wake_id;

  fantail_wake #(
    .Connections(Connections),
    .Sources(4)
  ) u_ready (
    .clk, .rst,
    .busy_o  (ready_busy),
    .s_valid ({drain_valid, enq_wake_valid, ack_wake_valid, again_valid}),
    .s_ready ({drain_ready, enq_wake_ready, ack_wake_ready, again_ready}),
    .s_id    ({drain_id, enq_wake_id, ack_wake_id, again_id}),
    .m_valid (ready_valid),
    .m_ready (ready_ready),
    .m_id    (ready_id),
    .empty_o (ready_empty)
  );

  `ASSERT(AgainTaken, !again_valid || again_ready)
  `ASSERT(HeldTaken, !held_valid || held_ready)

  // ---------------------------------------------------------------- extents, payload log
  logic         ext_send_valid, ext_sweep_valid, ext_sweep_ready, log_rd_valid;
  logic [13:0]  ext_send_id, ext_sweep_id;
  logic [15:0]  ext_send_index, ext_sweep_index;
  logic [31:0]  log_rd_pos;
  logic [511:0] ext_row, log_rd_data;

  fantail_extents #(
    .Connections(Connections),
    .Extents(Extents)
  ) u_extents (
    .clk,
    .we_i       (ext_we),
    .wid_i      (ext_wid),
    .windex_i   (ext_windex),
    .wdata_i    (ext_wdata),
    .rd_valid_i ({ext_sweep_valid, ext_send_valid}),
    .rd_ready_o (ext_sweep_ready),
    .rd_id_i    ({ext_sweep_id, ext_send_id}),
    .rd_index_i ({ext_sweep_index, ext_send_index}),
    .rd_row_o   (ext_row)
  );

  fantail_log #(
    .LogBytes(LogBytes)
  ) u_log (
    .clk, .rst,
    .s_append_valid,
    .s_append_data,
    .tail_o     (tail),
    .rd_valid_i (log_rd_valid),
    .rd_pos_i   (log_rd_pos),
    .rd_data_o  (log_rd_data)
  );
  assign log_used_o = tail - log_low_o;

  // ---------------------------------------------------------------- transmission
  logic send_busy, send_idle, color, take, none, none_color, read_done, read_color;

  fantail_send #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_send (
    .clk, .rst,
    .busy_o           (send_busy),
    .idle_o           (send_idle),
    .now_us_i         (now_us),
    .now_ms_i         (now_ms),
    .hold_i           (hold),
    .s_ready_valid    (ready_valid),
    .s_ready_ready    (ready_ready),
    .s_ready_id       (ready_id),
    .again_valid_o    (again_valid),
    .again_id_o       (again_id),
    .held_valid_o     (held_valid),
    .held_id_o        (held_id),
    .held_qp_o        (held_qp),
    .tx_rd_o          (tx_rd),
    .tx_rid_o         (tx_rid),
    .par_i            (par_at_tx),
    .adr_i            (adr_at_tx),
    .enq_i            (enq_at_tx),
    .ack_i            (ack_at_tx),
    .tx_we_o          (tx_we),
    .tx_waddr_o       (tx_waddr),
    .tx_wdata_o       (tx_wdata),
    .gather_rd_o      (gather_rd),
    .gather_rid_o     (gather_rid),
    .ext_rd_i         (swp_at_gather.ext_rd),
    .s_init_valid     (cmd_tx_valid),
    .s_init_ready     (cmd_tx_ready),
    .s_init_id        (cmd.id),
    .s_init_seq       (ctx.snd_nxt),
    .s_init_ack       (ctx.rcv_nxt),
    .ext_rd_valid_o   (ext_send_valid),
    .ext_rd_id_o      (ext_send_id),
    .ext_rd_index_o   (ext_send_index),
    .ext_row_i        (ext_row),
    .log_rd_valid_o   (log_rd_valid),
    .log_rd_pos_o     (log_rd_pos),
    .log_rd_data_i    (log_rd_data),
    .color_i          (color),
    .take_o           (take),
    .none_o           (none),
    .none_color_o     (none_color),
    .done_o           (read_done),
    .done_color_o     (read_color),
    .m_tdata,
    .m_tkeep,
    .m_tlast,
    .m_tvalid,
    .m_tready,
    .cnt_segment_o    (counts_o.segment_tx),
    .cnt_payload_o    (counts_o.payload_tx),
    .cnt_retransmit_o (counts_o.retransmit),
    .cnt_pure_ack_o   (counts_o.pure_ack),
    .cnt_rst_o        (counts_o.rst),
    .transmit_o       (counts_o.transmit),
    .gather_o         (counts_o.gather),
    .assemble_o       (counts_o.assemble),
    .header_o         (counts_o.header)
  );

  // ---------------------------------------------------------------- acknowledgement
  logic        ack_busy, ack_idle;
  logic        req_valid, req_ready;
  logic [13:0] req_id;
  logic [15:0] req_ev;
  logic [7:0]  req_cause;

  fantail_ack #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_ack (
    .clk, .rst,
    .busy_o           (ack_busy),
    .idle_o           (ack_idle),
    .now_us_i         (now_us),
    .now_ms_i         (now_ms),
    .rto_min_us_i,
    .rto_max_us_i,
    .data_ok_i,
    .slot_count_i,
    .accept_o,
    .put_o,
    .s_cmd_valid      (cmd_ack_valid),
    .s_cmd_ready      (cmd_ack_ready),
    .s_cmd_kind       (cmd_ack_kind),
    .s_cmd_id         (cmd.id),
    .s_cmd_value      (cmd.value[31:0]),
    .s_cmd_ctx        (ctx),
    .s_overrun_valid  (overrun_valid),
    .s_overrun_ready  (overrun_ready),
    .s_overrun_id     (overrun_id),
    .s_sweep_valid    (req_valid),
    .s_sweep_ready    (req_ready),
    .s_sweep_id       (req_id),
    .s_sweep_ev       (req_ev),
    .s_sweep_cause    (req_cause),
    .s_fence_valid,
    .s_fence_ready,
    .s_fence_qp,
    .s_seg_valid,
    .s_seg_ready,
    .s_seg_data,
    .rd_valid_o       (ack_rd),
    .rd_id_o          (ack_rid),
    .par_i            (par_at_ack),
    .enq_i            (enq_at_ack),
    .tx_i             (tx_at_ack),
    .ack_we_o         (ack_we),
    .ack_waddr_o      (ack_waddr),
    .ack_wdata_o      (ack_wdata),
    .m_verdict_valid,
    .m_verdict_ready,
    .m_verdict_data,
    .wake_valid_o     (ack_wake_valid),
    .wake_ready_i     (ack_wake_ready),
    .wake_id_o        (ack_wake_id),
    .count_qp_o,
    .connect_o,
    .success_o,
    .cnt_segment_o    (counts_o.segment_rx),
    .cnt_data_bytes_o (counts_o.data_rx),
    .cnt_accept_o     (counts_o.accept),
    .cnt_window_o     (counts_o.window),
    .cnt_no_slot_o   (counts_o.data_slot),
    .cnt_challenge_o  (counts_o.challenge),
    .cnt_ignore_o     (counts_o.ignored),
    .cnt_dup_o        (counts_o.dup),
    .cnt_reset_o      (counts_o.reset),
    .cnt_timeout_o    (counts_o.timeout),
    .cnt_fast_o       (counts_o.fast),
    .cnt_lag_abort_o  (counts_o.lag_abort),
    .stage_o          (counts_o.ack)
  );

  // ---------------------------------------------------------------- sweeper
  logic swp_busy, core_active;

  fantail_sweep #(
    .Connections(Connections),
    .LogBytes(LogBytes),
    .Extents(Extents)
  ) u_sweep (
    .clk, .rst,
    .busy_o         (swp_busy),
    .now_us_i,
    .now_ms_i       (now_ms),
    .rto_max_us_i,
    .pin_limit_i,
    .pin_us_i,
    .add_i          (enq_we && enq_wdata.installed),
    .add_id_i       (enq_waddr),
    .walk_pos_i,
    .tail_i         (tail),
    .log_wait_i,
    .log_want_i,
    .low_o          (log_low_o),
    .sweep_o        (sweep),
    .begin_o,
    .need_valid_o,
    .need_pos_o,
    .need_qp_o,
    .rd_valid_o     (swp_rd),
    .rd_id_o        (swp_rid),
    .par_i          (par_at_swp),
    .enq_i          (enq_at_swp),
    .tx_i           (tx_at_swp),
    .ack_i          (ack_at_swp),
    .s_init_valid   (cmd_swp_valid),
    .s_init_ready   (cmd_swp_ready),
    .s_init_id      (cmd.id),
    .swp_we_o       (swp_we),
    .swp_waddr_o    (swp_waddr),
    .swp_wdata_o    (swp_wdata),
    .ext_rd_valid_o (ext_sweep_valid),
    .ext_rd_ready_i (ext_sweep_ready),
    .ext_rd_id_o    (ext_sweep_id),
    .ext_rd_index_o (ext_sweep_index),
    .ext_row_i      (ext_row),
    .m_req_valid    (req_valid),
    .m_req_ready    (req_ready),
    .m_req_id       (req_id),
    .m_req_ev       (req_ev),
    .m_req_cause    (req_cause),
    .color_o        (color),
    .take_i         (take),
    .none_i         (none),
    .none_color_i   (none_color),
    .done_i         (read_done),
    .done_color_i   (read_color),
    .activity_i     (core_active),
    .idle_o,
    .next_deadline_us_o,
    .pin_id_o,
    .pin_bytes_o
  );
  assign sweep_o        = sweep;
  assign counts_o.sweep = sweep;

  assign core_active = activity_i || ms_behind || !conn_idle || !enq_idle || !ready_empty || !send_idle || !ack_idle;

  assign busy_o = state_busy || conn_busy || enq_busy || ready_busy || send_busy || ack_busy || swp_busy;

  // ---------------------------------------------------------------- watched: what the simulator's timeline looks at
  // (sim/timeline.h); nothing in the engine reads it
  logic        watch_append /*verilator public_flat_rd*/;
  logic [31:0] watch_append_pos /*verilator public_flat_rd*/;
  logic [6:0]  watch_append_bytes /*verilator public_flat_rd*/;
  logic        watch_append_last /*verilator public_flat_rd*/;
  logic        watch_walk /*verilator public_flat_rd*/;        // one begins
  logic [2:0]  watch_walk_qp /*verilator public_flat_rd*/;
  logic [31:0] watch_walk_pos /*verilator public_flat_rd*/;
  logic [31:0] watch_walk_len /*verilator public_flat_rd*/;
  logic        watch_walk_done /*verilator public_flat_rd*/;
  logic [15:0] watch_walk_reached /*verilator public_flat_rd*/;
  logic [15:0] watch_walk_skipped /*verilator public_flat_rd*/;
  logic        watch_queue /*verilator public_flat_rd*/;       // a connection's queue is written
  logic [13:0] watch_queue_id /*verilator public_flat_rd*/;
  logic [31:0] watch_queue_seq /*verilator public_flat_rd*/;   // behind its last byte
  assign watch_append       = s_append_valid;
  assign watch_append_pos   = s_append_data.pos;
  assign watch_append_bytes = s_append_data.bytes;
  assign watch_append_last  = s_append_data.last;
  assign watch_walk         = s_walk_valid && s_walk_ready;
  assign watch_walk_qp      = s_walk_data.qp;
  assign watch_walk_pos     = s_walk_data.pos;
  assign watch_walk_len     = s_walk_data.len;
  assign watch_walk_done    = walkdone_valid_o;
  assign watch_walk_reached = walkdone_reached_o;
  assign watch_walk_skipped = walkdone_skipped_o;
  assign watch_queue        = enq_we;
  assign watch_queue_id     = enq_waddr;
  assign watch_queue_seq    = enq_wdata.queued;

  // no byte below the watermark or at or above the tail is ever read
  `ASSERT(ReadWithinLog, !(log_rd_valid && (log_rd_pos - log_low_o) >= (tail - log_low_o)))

endmodule
