// SPDX-License-Identifier: Apache-2.0
// The core: payload log, replication, transmission, acknowledgement, sweeper, and the tables between them.
//
//   walk --> enqueue --> ready queue --> transmit --> gather --> assemble --> header --> frames
//               |             ^  ^                      |            |
//               v             |  |                   extents        log
//            extents          |  +-- acknowledge <-- segments
//                             |          ^
//                             +----------+-- sweeper (deadlines, lag)  --> low watermark
//
// Every table has one writer. Its name says who owns it; a copy per reader is written at the same time.

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
  // counters: increments
  output logic                       cnt_segment_rx_o,
  output logic [10:0]                cnt_data_rx_o,
  output logic                       cnt_accept_o,
  output logic                       cnt_window_o,
  output logic                       cnt_data_slot_o,
  output logic                       cnt_challenge_o,
  output logic                       cnt_ignore_o,
  output logic                       cnt_dup_o,
  output logic                       cnt_reset_o,
  output logic                       cnt_timeout_o,
  output logic                       cnt_fast_o,
  output logic                       cnt_lag_abort_o,
  output logic                       cnt_segment_tx_o,
  output logic [10:0]                cnt_payload_tx_o,
  output logic                       cnt_retransmit_o,
  output logic                       cnt_pure_ack_o,
  output logic                       cnt_rst_o,
  output logic                       cnt_sweep_o
);
  `include "fantail_assert.svh"

  localparam int IdW   = $clog2(Connections);
  localparam int Lines = 128;  // frame buffer

  logic [47:0] now_us;
  logic [31:0] now_ms, tail;
  logic [14:0] span;
  logic        sweep, ms_behind;
  assign now_us = now_us_i[47:0];

  fantail_ms_clock u_ms_clock (
    .clk, .rst,
    .now_us_i,
    .now_ms_o (now_ms),
    .behind_o (ms_behind)
  );

  // ---------------------------------------------------------------- tables
  logic par_we, adr_we, enq_we, ack_we, tx_we, swp_we;
  logic busy_par, busy_adr, busy_enq, busy_ack, busy_tx, busy_swp;
  logic [13:0] conn_waddr, enq_waddr, ack_waddr, tx_waddr, swp_waddr;
  fantail_tcp_pkg::par_t par_wdata;
  fantail_tcp_pkg::adr_t adr_wdata;
  fantail_tcp_pkg::enq_t enq_wdata;
  fantail_tcp_pkg::ack_t ack_wdata;
  fantail_tcp_pkg::tx_t  tx_wdata;
  fantail_tcp_pkg::swp_t swp_wdata;
  logic tx_rd, ack_rd, enq_rd, swp_rd, gather_rd, stat_rd;
  logic [13:0] tx_rid, ack_rid, enq_rid, swp_rid, gather_rid, stat_rid;
  assign stat_rd  = 1'b1;
  assign stat_rid = stat_id_i;

  // par: read by tx, ack, enq, swp, stat
  logic [5*fantail_tcp_pkg::ParW-1:0] par_copies;
  fantail_tcp_pkg::par_t par_at_tx;
  assign par_at_tx = par_copies[0*fantail_tcp_pkg::ParW +: fantail_tcp_pkg::ParW];
  fantail_tcp_pkg::par_t par_at_ack;
  assign par_at_ack = par_copies[1*fantail_tcp_pkg::ParW +: fantail_tcp_pkg::ParW];
  fantail_tcp_pkg::par_t par_at_enq;
  assign par_at_enq = par_copies[2*fantail_tcp_pkg::ParW +: fantail_tcp_pkg::ParW];
  fantail_tcp_pkg::par_t par_at_swp;
  assign par_at_swp = par_copies[3*fantail_tcp_pkg::ParW +: fantail_tcp_pkg::ParW];
  fantail_tcp_pkg::par_t par_at_stat;
  assign par_at_stat = par_copies[4*fantail_tcp_pkg::ParW +: fantail_tcp_pkg::ParW];
  fantail_table #(
    .Width(fantail_tcp_pkg::ParW),
    .Depth(Connections),
    .Readers(5)
  ) u_table_par (
    .clk, .rst,
    .busy_o  (busy_par),
    .we_i    (par_we),
    .waddr_i (conn_waddr[IdW-1:0]),
    .wdata_i (par_wdata),
    .re_i    ({stat_rd, swp_rd, enq_rd, ack_rd, tx_rd}),
    .raddr_i ({stat_rid[IdW-1:0], swp_rid[IdW-1:0], enq_rid[IdW-1:0], ack_rid[IdW-1:0], tx_rid[IdW-1:0]}),
    .rdata_o (par_copies)
  );

  // adr: read by tx
  logic [1*fantail_tcp_pkg::AdrW-1:0] adr_copies;
  fantail_tcp_pkg::adr_t adr_at_tx;
  assign adr_at_tx = adr_copies[0*fantail_tcp_pkg::AdrW +: fantail_tcp_pkg::AdrW];
  fantail_table #(
    .Width(fantail_tcp_pkg::AdrW),
    .Depth(Connections),
    .Readers(1)
  ) u_table_adr (
    .clk, .rst,
    .busy_o  (busy_adr),
    .we_i    (adr_we),
    .waddr_i (conn_waddr[IdW-1:0]),
    .wdata_i (adr_wdata),
    .re_i    ({tx_rd}),
    .raddr_i ({tx_rid[IdW-1:0]}),
    .rdata_o (adr_copies)
  );

  // enq: read by tx, ack, swp, stat
  logic [4*fantail_tcp_pkg::EnqW-1:0] enq_copies;
  fantail_tcp_pkg::enq_t enq_at_tx;
  assign enq_at_tx = enq_copies[0*fantail_tcp_pkg::EnqW +: fantail_tcp_pkg::EnqW];
  fantail_tcp_pkg::enq_t enq_at_ack;
  assign enq_at_ack = enq_copies[1*fantail_tcp_pkg::EnqW +: fantail_tcp_pkg::EnqW];
  fantail_tcp_pkg::enq_t enq_at_swp;
  assign enq_at_swp = enq_copies[2*fantail_tcp_pkg::EnqW +: fantail_tcp_pkg::EnqW];
  fantail_tcp_pkg::enq_t enq_at_stat;
  assign enq_at_stat = enq_copies[3*fantail_tcp_pkg::EnqW +: fantail_tcp_pkg::EnqW];
  fantail_table #(
    .Width(fantail_tcp_pkg::EnqW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_enq (
    .clk, .rst,
    .busy_o  (busy_enq),
    .we_i    (enq_we),
    .waddr_i (enq_waddr[IdW-1:0]),
    .wdata_i (enq_wdata),
    .re_i    ({stat_rd, swp_rd, ack_rd, tx_rd}),
    .raddr_i ({stat_rid[IdW-1:0], swp_rid[IdW-1:0], ack_rid[IdW-1:0], tx_rid[IdW-1:0]}),
    .rdata_o (enq_copies)
  );

  // ack: read by enq, tx, swp, stat
  logic [4*fantail_tcp_pkg::AckW-1:0] ack_copies;
  fantail_tcp_pkg::ack_t ack_at_enq;
  assign ack_at_enq = ack_copies[0*fantail_tcp_pkg::AckW +: fantail_tcp_pkg::AckW];
  fantail_tcp_pkg::ack_t ack_at_tx;
  assign ack_at_tx = ack_copies[1*fantail_tcp_pkg::AckW +: fantail_tcp_pkg::AckW];
  fantail_tcp_pkg::ack_t ack_at_swp;
  assign ack_at_swp = ack_copies[2*fantail_tcp_pkg::AckW +: fantail_tcp_pkg::AckW];
  fantail_tcp_pkg::ack_t ack_at_stat;
  assign ack_at_stat = ack_copies[3*fantail_tcp_pkg::AckW +: fantail_tcp_pkg::AckW];
  fantail_table #(
    .Width(fantail_tcp_pkg::AckW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_ack (
    .clk, .rst,
    .busy_o  (busy_ack),
    .we_i    (ack_we),
    .waddr_i (ack_waddr[IdW-1:0]),
    .wdata_i (ack_wdata),
    .re_i    ({stat_rd, swp_rd, tx_rd, enq_rd}),
    .raddr_i ({stat_rid[IdW-1:0], swp_rid[IdW-1:0], tx_rid[IdW-1:0], enq_rid[IdW-1:0]}),
    .rdata_o (ack_copies)
  );

  // tx: read by enq, ack, swp, stat
  logic [4*fantail_tcp_pkg::TxW-1:0] tx_copies;
  fantail_tcp_pkg::tx_t tx_at_enq;
  assign tx_at_enq = tx_copies[0*fantail_tcp_pkg::TxW +: fantail_tcp_pkg::TxW];
  fantail_tcp_pkg::tx_t tx_at_ack;
  assign tx_at_ack = tx_copies[1*fantail_tcp_pkg::TxW +: fantail_tcp_pkg::TxW];
  fantail_tcp_pkg::tx_t tx_at_swp;
  assign tx_at_swp = tx_copies[2*fantail_tcp_pkg::TxW +: fantail_tcp_pkg::TxW];
  fantail_tcp_pkg::tx_t tx_at_stat;
  assign tx_at_stat = tx_copies[3*fantail_tcp_pkg::TxW +: fantail_tcp_pkg::TxW];
  fantail_table #(
    .Width(fantail_tcp_pkg::TxW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_tx (
    .clk, .rst,
    .busy_o  (busy_tx),
    .we_i    (tx_we),
    .waddr_i (tx_waddr[IdW-1:0]),
    .wdata_i (tx_wdata),
    .re_i    ({stat_rd, swp_rd, ack_rd, enq_rd}),
    .raddr_i ({stat_rid[IdW-1:0], swp_rid[IdW-1:0], ack_rid[IdW-1:0], enq_rid[IdW-1:0]}),
    .rdata_o (tx_copies)
  );

  // swp: read by enq, gather
  logic [2*fantail_tcp_pkg::SwpW-1:0] swp_copies;
  fantail_tcp_pkg::swp_t swp_at_enq;
  assign swp_at_enq = swp_copies[0*fantail_tcp_pkg::SwpW +: fantail_tcp_pkg::SwpW];
  fantail_tcp_pkg::swp_t swp_at_gather;
  assign swp_at_gather = swp_copies[1*fantail_tcp_pkg::SwpW +: fantail_tcp_pkg::SwpW];
  fantail_table #(
    .Width(fantail_tcp_pkg::SwpW),
    .Depth(Connections),
    .Readers(2)
  ) u_table_swp (
    .clk, .rst,
    .busy_o  (busy_swp),
    .we_i    (swp_we),
    .waddr_i (swp_waddr[IdW-1:0]),
    .wdata_i (swp_wdata),
    .re_i    ({gather_rd, enq_rd}),
    .raddr_i ({gather_rid[IdW-1:0], enq_rid[IdW-1:0]}),
    .rdata_o (swp_copies)
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
    .span_o             (span),
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
    .m_overrun_id       (overrun_id)
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

  // ---------------------------------------------------------------- transmission
  logic tx_busy, tx_idle, gather_busy, gather_idle, assemble_idle, header_idle;
  logic job_valid, job_ready, piece_valid, piece_ready, piece_last;
  logic [31:0] piece_pos;
  logic [10:0] piece_len;
  fantail_tcp_pkg::job_t job, piece_job, hdr_job;
  logic color, take, none, none_color, read_done, read_color;

  fantail_transmit #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_transmit (
    .clk, .rst,
    .busy_o           (tx_busy),
    .idle_o           (tx_idle),
    .now_us_i         (now_us),
    .hold_i           (hold),
    .s_ready_valid    (ready_valid),
    .s_ready_ready    (ready_ready),
    .s_ready_id       (ready_id),
    .rd_valid_o       (tx_rd),
    .rd_id_o          (tx_rid),
    .par_i            (par_at_tx),
    .adr_i            (adr_at_tx),
    .enq_i            (enq_at_tx),
    .ack_i            (ack_at_tx),
    .tx_we_o          (tx_we),
    .tx_waddr_o       (tx_waddr),
    .tx_wdata_o       (tx_wdata),
    .s_init_valid     (cmd_tx_valid),
    .s_init_ready     (cmd_tx_ready),
    .s_init_id        (cmd.id),
    .s_init_seq       (ctx.snd_nxt),
    .s_init_ack       (ctx.rcv_nxt),
    .m_job_valid      (job_valid),
    .m_job_ready      (job_ready),
    .m_job_data       (job),
    .again_valid_o    (again_valid),
    .again_id_o       (again_id),
    .held_valid_o     (held_valid),
    .held_id_o        (held_id),
    .held_qp_o        (held_qp),
    .color_i          (color),
    .take_o           (take),
    .none_o           (none),
    .none_color_o     (none_color),
    .cnt_retransmit_o
  );

  logic         ext_gather_valid, ext_sweep_valid, ext_sweep_ready;
  logic [13:0]  ext_gather_id, ext_sweep_id;
  logic [15:0]  ext_gather_index, ext_sweep_index;
  logic [511:0] ext_row;

  fantail_extents #(
    .Connections(Connections),
    .Extents(Extents)
  ) u_extents (
    .clk,
    .we_i       (ext_we),
    .wid_i      (ext_wid),
    .windex_i   (ext_windex),
    .wdata_i    (ext_wdata),
    .rd_valid_i ({ext_sweep_valid, ext_gather_valid}),
    .rd_ready_o (ext_sweep_ready),
    .rd_id_i    ({ext_sweep_id, ext_gather_id}),
    .rd_index_i ({ext_sweep_index, ext_gather_index}),
    .rd_row_o   (ext_row)
  );

  fantail_gather #(
    .Connections(Connections)
  ) u_gather (
    .clk, .rst,
    .busy_o         (gather_busy),
    .idle_o         (gather_idle),
    .s_job_valid    (job_valid),
    .s_job_ready    (job_ready),
    .s_job_data     (job),
    .swp_rd_o       (gather_rd),
    .swp_id_o       (gather_rid),
    .ext_rd_i       (swp_at_gather.ext_rd),
    .ext_rd_valid_o (ext_gather_valid),
    .ext_rd_id_o    (ext_gather_id),
    .ext_rd_index_o (ext_gather_index),
    .ext_row_i      (ext_row),
    .m_piece_valid  (piece_valid),
    .m_piece_ready  (piece_ready),
    .m_piece_pos    (piece_pos),
    .m_piece_len    (piece_len),
    .m_piece_last   (piece_last),
    .m_job_data     (piece_job)
  );

  logic         log_rd_valid;
  logic [31:0]  log_rd_pos;
  logic [511:0] log_rd_data;

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

  logic                     hdr_valid, hdr_ready, buf_rd, line_free;
  logic [15:0]              hdr_sum;
  logic [$clog2(Lines)-1:0] hdr_line, buf_line;
  logic [511:0]             buf_data;

  fantail_assemble #(
    .Lines(Lines)
  ) u_assemble (
    .clk, .rst,
    .idle_o         (assemble_idle),
    .s_piece_valid  (piece_valid),
    .s_piece_ready  (piece_ready),
    .s_piece_pos    (piece_pos),
    .s_piece_len    (piece_len),
    .s_piece_last   (piece_last),
    .s_job_data     (piece_job),
    .log_rd_valid_o (log_rd_valid),
    .log_rd_pos_o   (log_rd_pos),
    .log_rd_data_i  (log_rd_data),
    .m_hdr_valid    (hdr_valid),
    .m_hdr_ready    (hdr_ready),
    .m_hdr_job      (hdr_job),
    .m_hdr_sum      (hdr_sum),
    .m_hdr_line     (hdr_line),
    .buf_rd_i       (buf_rd),
    .buf_line_i     (buf_line),
    .buf_data_o     (buf_data),
    .free_i         (line_free),
    .done_o         (read_done),
    .done_color_o   (read_color)
  );

  fantail_header #(
    .Lines(Lines)
  ) u_header (
    .clk, .rst,
    .idle_o         (header_idle),
    .now_ms_i       (now_ms),
    .s_hdr_valid    (hdr_valid),
    .s_hdr_ready    (hdr_ready),
    .s_hdr_job      (hdr_job),
    .s_hdr_sum      (hdr_sum),
    .s_hdr_line     (hdr_line),
    .buf_rd_o       (buf_rd),
    .buf_line_o     (buf_line),
    .buf_data_i     (buf_data),
    .free_o         (line_free),
    .m_tdata,
    .m_tkeep,
    .m_tlast,
    .m_tvalid,
    .m_tready,
    .cnt_segment_o  (cnt_segment_tx_o),
    .cnt_payload_o  (cnt_payload_tx_o),
    .cnt_pure_ack_o,
    .cnt_rst_o
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
    .cnt_segment_o    (cnt_segment_rx_o),
    .cnt_data_bytes_o (cnt_data_rx_o),
    .cnt_accept_o,
    .cnt_window_o,
    .cnt_no_slot_o   (cnt_data_slot_o),
    .cnt_challenge_o,
    .cnt_ignore_o,
    .cnt_dup_o,
    .cnt_reset_o,
    .cnt_timeout_o,
    .cnt_fast_o,
    .cnt_lag_abort_o
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
    .span_i         (span),
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
  assign cnt_sweep_o = sweep;
  assign sweep_o     = sweep;

  assign core_active = activity_i || ms_behind || !conn_idle || !enq_idle || !ready_empty || !tx_idle || !gather_idle || !assemble_idle
                    || !header_idle || !ack_idle || m_tvalid;

  // ---------------------------------------------------------------- for CONN records
  fantail_pkg::conn_stats_t stat_q;
  always_ff @(posedge clk) begin
    stat_q.installed   <= enq_at_stat.installed;
    stat_q.gen         <= par_at_stat.gen;
    stat_q.qp          <= par_at_stat.qp;
    stat_q.acked       <= ack_at_stat.una - par_at_stat.iss - 32'(ack_at_stat.fin_acked);
    stat_q.queued      <= enq_at_stat.queued - par_at_stat.iss;
    stat_q.retransmits <= tx_at_stat.retransmits;
    stat_q.skipped     <= enq_at_stat.skipped;
  end
  assign stat_o = stat_q;

  assign busy_o = busy_par || busy_adr || busy_enq || busy_ack || busy_tx || busy_swp || conn_busy || enq_busy || ready_busy
               || tx_busy || gather_busy || ack_busy || swp_busy;

  // no byte below the watermark or at or above the tail is ever read
  `ASSERT(ReadWithinLog, !(log_rd_valid && (log_rd_pos - log_low_o) >= (tail - log_low_o)))

endmodule
