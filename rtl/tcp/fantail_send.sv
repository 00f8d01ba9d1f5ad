// SPDX-License-Identifier: Apache-2.0
// The way of a segment: from a connection that may have something to send to the frame on its way to the MAC.
//
//   ready queue --> transmit --> gather --> assemble --> header --> frame
//                      |           |           |
//                   tx state    extents       log
//
// Contract: one decision a cycle at most, and none waits for another connection; frames leave in the order of the
// decisions. A connection that can send more goes back into the ready queue (again), one that must wait for the end of a
// batch into the held queue. For fantail_sweep's grace periods a pick says take_o when it reads una, and later either
// none_o, when there is nothing to send, or done_o, when the log has been read; both with the colour that color_i had at
// the pick. Extents answer in the next cycle, the log as fantail_log says; both always.

module fantail_send #(
  parameter int Connections = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                  clk,
  input  logic                  rst,
  output logic                  busy_o,         // clearing after reset
  output logic                  idle_o,
  input  logic [47:0]           now_us_i,
  input  logic [31:0]           now_ms_i,
  input  logic [QueuePairs-1:0] hold_i,         // a batch of that queue pair is open
  // who may send
  input  logic                  s_ready_valid,
  output logic                  s_ready_ready,
  input  logic [13:0]           s_ready_id,
  output logic                  again_valid_o,
  output logic [13:0]           again_id_o,
  output logic                  held_valid_o,
  output logic [13:0]           held_id_o,
  output logic [2:0]            held_qp_o,
  // state of connections
  output logic                  tx_rd_o,
  output logic [13:0]           tx_rid_o,
  input  fantail_tcp_pkg::par_t par_i,
  input  fantail_tcp_pkg::adr_t adr_i,
  input  fantail_tcp_pkg::enq_t enq_i,
  input  fantail_tcp_pkg::ack_t ack_i,
  output logic                  tx_we_o,
  output logic [13:0]           tx_waddr_o,
  output fantail_tcp_pkg::tx_t  tx_wdata_o,
  output logic                  gather_rd_o,
  output logic [13:0]           gather_rid_o,
  input  logic [15:0]           ext_rd_i,
  // a new connection
  input  logic                  s_init_valid,
  output logic                  s_init_ready,
  input  logic [13:0]           s_init_id,
  input  logic [31:0]           s_init_seq,
  input  logic [31:0]           s_init_ack,
  // extents, payload log
  output logic                  ext_rd_valid_o,
  output logic [13:0]           ext_rd_id_o,
  output logic [15:0]           ext_rd_index_o,
  input  logic [511:0]          ext_row_i,
  output logic                  log_rd_valid_o,
  output logic [31:0]           log_rd_pos_o,
  input  logic [511:0]          log_rd_data_i,
  // grace periods
  input  logic                  color_i,
  output logic                  take_o,
  output logic                  none_o,
  output logic                  none_color_o,
  output logic                  done_o,
  output logic                  done_color_o,
  // frames
  output logic [511:0]          m_tdata,
  output logic [63:0]           m_tkeep,
  output logic                  m_tlast,
  output logic                  m_tvalid,
  input  logic                  m_tready,
  // counters: increments
  output logic                  cnt_segment_o,
  output logic [10:0]           cnt_payload_o,
  output logic                  cnt_retransmit_o,
  output logic                  cnt_pure_ack_o,
  output logic                  cnt_rst_o,
  output fantail_pkg::stage_t   transmit_o,
  output fantail_pkg::stage_t   gather_o,
  output fantail_pkg::stage_t   assemble_o,
  output fantail_pkg::stage_t   header_o
);

  localparam int Lines = 128;  // frame buffer

  logic tx_busy, tx_idle, gather_busy, gather_idle, assemble_idle, header_idle;
  logic job_valid, job_ready, piece_valid, piece_ready, piece_last;
  logic [31:0] piece_pos;
  logic [10:0] piece_len;
  fantail_tcp_pkg::job_t job, piece_job, hdr_job;

  fantail_transmit #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_transmit (
    .clk, .rst,
    .busy_o        (tx_busy),
    .idle_o        (tx_idle),
    .now_us_i,
    .hold_i,
    .s_ready_valid,
    .s_ready_ready,
    .s_ready_id,
    .rd_valid_o    (tx_rd_o),
    .rd_id_o       (tx_rid_o),
    .par_i,
    .adr_i,
    .enq_i,
    .ack_i,
    .tx_we_o,
    .tx_waddr_o,
    .tx_wdata_o,
    .s_init_valid,
    .s_init_ready,
    .s_init_id,
    .s_init_seq,
    .s_init_ack,
    .m_job_valid   (job_valid),
    .m_job_ready   (job_ready),
    .m_job_data    (job),
    .again_valid_o,
    .again_id_o,
    .held_valid_o,
    .held_id_o,
    .held_qp_o,
    .color_i,
    .take_o,
    .none_o,
    .none_color_o,
    .cnt_retransmit_o,
    .stage_o       (transmit_o)
  );

  fantail_gather #(
    .Connections(Connections)
  ) u_gather (
    .clk, .rst,
    .busy_o        (gather_busy),
    .idle_o        (gather_idle),
    .s_job_valid   (job_valid),
    .s_job_ready   (job_ready),
    .s_job_data    (job),
    .swp_rd_o      (gather_rd_o),
    .swp_id_o      (gather_rid_o),
    .ext_rd_i,
    .ext_rd_valid_o,
    .ext_rd_id_o,
    .ext_rd_index_o,
    .ext_row_i,
    .m_piece_valid (piece_valid),
    .m_piece_ready (piece_ready),
    .m_piece_pos   (piece_pos),
    .m_piece_len   (piece_len),
    .m_piece_last  (piece_last),
    .m_job_data    (piece_job),
    .stage_o       (gather_o)
  );

  logic                     hdr_valid, hdr_ready, buf_rd, line_free;
  logic [15:0]              hdr_sum;
  logic [$clog2(Lines)-1:0] hdr_line, buf_line;
  logic [511:0]             buf_data;

  fantail_assemble #(
    .Lines(Lines)
  ) u_assemble (
    .clk, .rst,
    .idle_o        (assemble_idle),
    .s_piece_valid (piece_valid),
    .s_piece_ready (piece_ready),
    .s_piece_pos   (piece_pos),
    .s_piece_len   (piece_len),
    .s_piece_last  (piece_last),
    .s_job_data    (piece_job),
    .log_rd_valid_o,
    .log_rd_pos_o,
    .log_rd_data_i,
    .m_hdr_valid   (hdr_valid),
    .m_hdr_ready   (hdr_ready),
    .m_hdr_job     (hdr_job),
    .m_hdr_sum     (hdr_sum),
    .m_hdr_line    (hdr_line),
    .buf_rd_i      (buf_rd),
    .buf_line_i    (buf_line),
    .buf_data_o    (buf_data),
    .free_i        (line_free),
    .done_o,
    .done_color_o,
    .stage_o       (assemble_o)
  );

  fantail_header #(
    .Lines(Lines)
  ) u_header (
    .clk, .rst,
    .idle_o      (header_idle),
    .now_ms_i,
    .s_hdr_valid (hdr_valid),
    .s_hdr_ready (hdr_ready),
    .s_hdr_job   (hdr_job),
    .s_hdr_sum   (hdr_sum),
    .s_hdr_line  (hdr_line),
    .buf_rd_o    (buf_rd),
    .buf_line_o  (buf_line),
    .buf_data_i  (buf_data),
    .free_o      (line_free),
    .m_tdata,
    .m_tkeep,
    .m_tlast,
    .m_tvalid,
    .m_tready,
    .cnt_segment_o,
    .cnt_payload_o,
    .cnt_pure_ack_o,
    .cnt_rst_o,
    .stage_o     (header_o)
  );

  assign busy_o = tx_busy || gather_busy;
  assign idle_o = tx_idle && gather_idle && assemble_idle && header_idle && !m_tvalid;

endmodule
