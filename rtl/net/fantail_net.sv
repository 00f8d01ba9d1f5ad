// SPDX-License-Identifier: Apache-2.0
// The network side: frames in, frames out.
//
//   MAC -> FIFO -> parse -> flow table -> segments      engine's frames -+
//                    ^  \-> hold: the frames' bytes                      +-> transmit mux -> MAC
//   host's injected -+                                  host's frames ---+
//
// Contract: segments leave in the order in which their frames came; the bytes of each frame wait in the hold until they
// are taken or thrown away, in the same order. Nothing is received while enable_i is low. idle_o: no frame is under way,
// in or out. In reset no frame begins; between_o says that none is on the wire, or that its last beat is being taken.

module fantail_net #(
  parameter int Connections = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                    clk,
  input  logic                    rst,
  input  logic                    rst_wire_i,           // the MAC's own reset, for between_o
  output logic                    busy_o,               // clearing after reset
  output logic                    idle_o,
  output logic                    between_o,
  input  logic                    enable_i,
  input  logic [32*QueuePairs-1:0] local_ip_i,
  input  logic [127:0]            hash_key_i,
  // MAC
  output logic [511:0]            m_mac_tdata,
  output logic [63:0]             m_mac_tkeep,
  output logic                    m_mac_tlast,
  output logic                    m_mac_tvalid,
  input  logic                    m_mac_tready,
  input  logic [511:0]            s_mac_tdata,
  input  logic [63:0]             s_mac_tkeep,
  input  logic                    s_mac_tlast,
  input  logic                    s_mac_tuser,
  input  logic                    s_mac_tvalid,
  // the engine's frames, the host's
  input  logic [511:0]            s_eng_tdata,
  input  logic [63:0]             s_eng_tkeep,
  input  logic                    s_eng_tlast,
  input  logic                    s_eng_tvalid,
  output logic                    s_eng_tready,
  input  logic                    s_htx_valid,
  output logic                    s_htx_ready,
  input  logic [511:0]            s_htx_data,
  input  logic [6:0]              s_htx_bytes,
  input  logic                    s_htx_last,
  // frames of the host that are to look received
  input  logic                    s_inj_valid,
  output logic                    s_inj_ready,
  input  logic [511:0]            s_inj_data,
  input  logic [6:0]              s_inj_bytes,
  input  logic                    s_inj_last,
  input  logic [2:0]              s_inj_qp,
  output logic                    inj_rsp_valid_o,
  output logic                    inj_rsp_hit_o,
  // flow table
  input  logic                    s_flow_valid,
  output logic                    s_flow_ready,
  input  logic [1:0]              s_flow_op,
  input  fantail_pkg::tuple_t     s_flow_tuple,
  input  logic [13:0]             s_flow_id,
  input  logic [2:0]              s_flow_qp,
  output logic                    flow_rsp_valid_o,
  output logic [1:0]              flow_rsp_code_o,
  // segments, and the bytes of their frames
  output logic                    m_seg_valid,
  input  logic                    m_seg_ready,
  output fantail_pkg::seg_t       m_seg_data,
  output logic                    hold_valid_o,
  input  logic                    hold_re_i,
  input  logic [4:0]              hold_line_i,
  output logic [511:0]            hold_data_o,
  input  logic                    hold_pop_i,
  output fantail_pkg::net_counts_t counts_o
);

  // ---------------------------------------------------------------- receive
  logic frame_valid, frame_ready, frame_last, fifo_idle, parse_idle, flow_idle, mux_idle;
  logic parsed_valid, parsed_ready, inj_drop;
  logic [511:0] frame_data;
  logic [6:0] frame_bytes;
  fantail_pkg::seg_t parsed_data;

  fantail_rx_fifo u_rx_fifo (
    .clk, .rst,
    .s_mac_tdata, .s_mac_tkeep, .s_mac_tlast, .s_mac_tuser,
    .s_mac_tvalid        (s_mac_tvalid && enable_i),
    .m_frame_valid       (frame_valid),
    .m_frame_ready       (frame_ready),
    .m_frame_data        (frame_data),
    .m_frame_bytes       (frame_bytes),
    .m_frame_last        (frame_last),
    .idle_o              (fifo_idle),
    .cnt_rx_frames_o     (counts_o.rx_frames),
    .cnt_rx_bytes_o      (counts_o.rx_bytes),
    .cnt_rx_drop_fifo_o  (counts_o.drop_fifo),
    .cnt_rx_drop_error_o (counts_o.drop_error)
  );

  fantail_rx_parse #(
    .QueuePairs(QueuePairs)
  ) u_rx_parse (
    .clk, .rst,
    .local_ip_i,
    .s_frame_valid           (frame_valid),
    .s_frame_ready           (frame_ready),
    .s_frame_data            (frame_data),
    .s_frame_bytes           (frame_bytes),
    .s_frame_last            (frame_last),
    .s_inj_valid,
    .s_inj_ready,
    .s_inj_data,
    .s_inj_bytes,
    .s_inj_last,
    .s_inj_qp,
    .m_seg_valid             (parsed_valid),
    .m_seg_ready             (parsed_ready),
    .m_seg_data              (parsed_data),
    .hold_valid_o,
    .hold_re_i,
    .hold_line_i,
    .hold_data_o,
    .hold_pop_i,
    .inj_drop_o              (inj_drop),
    .idle_o                  (parse_idle),
    .cnt_rx_drop_checksum_o  (counts_o.drop_checksum),
    .cnt_rx_drop_fragment_o  (counts_o.drop_fragment),
    .cnt_rx_drop_malformed_o (counts_o.drop_malformed),
    .stage_o                 (counts_o.receive)
  );

  fantail_flow #(
    .Connections(Connections)
  ) u_flow (
    .clk, .rst,
    .busy_o,
    .idle_o           (flow_idle),
    .hash_key_i,
    .s_seg_valid      (parsed_valid),
    .s_seg_ready      (parsed_ready),
    .s_seg_data       (parsed_data),
    .m_seg_valid,
    .m_seg_ready,
    .m_seg_data,
    .s_flow_valid,
    .s_flow_ready,
    .s_flow_op,
    .s_flow_tuple,
    .s_flow_id,
    .s_flow_qp,
    .flow_rsp_valid_o,
    .flow_rsp_code_o,
    .inj_drop_i       (inj_drop),
    .inj_rsp_valid_o,
    .inj_rsp_hit_o
  );

  // ---------------------------------------------------------------- transmit
  logic mux_tvalid;

  fantail_tx_mux u_tx_mux (
    .clk, .rst,
    .s_eng_tdata,
    .s_eng_tkeep,
    .s_eng_tlast,
    .s_eng_tvalid,
    .s_eng_tready,
    .s_htx_valid,
    .s_htx_ready,
    .s_htx_data,
    .s_htx_bytes,
    .s_htx_last,
    .m_mac_tdata, .m_mac_tkeep, .m_mac_tlast,
    .m_mac_tvalid         (mux_tvalid),
    .m_mac_tready         (m_mac_tready && !rst),
    .idle_o               (mux_idle),
    .cnt_tx_frames_o      (counts_o.tx_frames),
    .cnt_tx_bytes_o       (counts_o.tx_bytes),
    .cnt_tx_host_frames_o (counts_o.tx_host),
    .stage_o              (counts_o.mac)
  );

  assign m_mac_tvalid = mux_tvalid && !rst;

  logic mid_q;  // a frame is on the wire
  always_ff @(posedge clk) begin
    if (rst_wire_i) mid_q <= 1'b0;
    else if (m_mac_tvalid && m_mac_tready) mid_q <= !m_mac_tlast;
  end
  assign between_o = m_mac_tvalid ? (m_mac_tready && m_mac_tlast) : !mid_q;

  assign idle_o = fifo_idle && parse_idle && flow_idle && mux_idle && !m_mac_tvalid && !s_mac_tvalid;

endmodule
