// SPDX-License-Identifier: Apache-2.0
// Builds Ethernet, IPv4 and TCP headers with both checksums, and sends header and payload lines as one frame.
//
//   H1  lay the fields out, checksums zero
//   H2  add up the lanes of IP header, TCP header and pseudo header
//   H3  fold, complement, insert; wait in a short queue
//   O   lines from the frame buffer, header bytes laid over the first ones
//
// Sums run over little-endian 16-bit lanes in memory order: the result stands in memory order too (RFC 1071 2 B).
//
// Contract: a frame once begun is given without a pause as long as m_tready is high. One line per cycle, no gap
// between frames that wait.

module fantail_header #(
  parameter int Lines = 128  // of the frame buffer
) (
  input  logic                      clk,
  input  logic                      rst,
  output logic                      idle_o,
  input  logic [31:0]               now_ms_i,
  input  logic                      s_hdr_valid,
  output logic                      s_hdr_ready,
  input  fantail_tcp_pkg::job_t     s_hdr_job,
  input  logic [15:0]               s_hdr_sum,
  input  logic [$clog2(Lines)-1:0]  s_hdr_line,
  output logic                      buf_rd_o,
  output logic [$clog2(Lines)-1:0]  buf_line_o,
  input  logic [511:0]              buf_data_i,
  output logic                      free_o,
  output logic [511:0]              m_tdata,
  output logic [63:0]               m_tkeep,
  output logic                      m_tlast,
  output logic                      m_tvalid,
  input  logic                      m_tready,
  // counters, pulses per frame
  output logic                      cnt_segment_o,
  output logic [10:0]               cnt_payload_o,
  output logic                      cnt_pure_ack_o,
  output logic                      cnt_rst_o,
  output fantail_pkg::stage_t       stage_o
);
  `include "fantail_assert.svh"

  localparam int LineW = $clog2(Lines);

  // ---------------------------------------------------------------- H1: fields
  logic [31:0] tsval;
  logic [15:0] ip_len, tcp_len;
  logic [3:0]  data_offset;
  logic [527:0] fields;

  assign tsval       = now_ms_i + s_hdr_job.ts_offset;
  assign data_offset = s_hdr_job.ts ? 4'd8 : 4'd5;
  assign tcp_len     = {10'd0, data_offset, 2'b00} + 16'(s_hdr_job.len);
  assign ip_len      = tcp_len + 16'd20;

  always_comb begin
    fields            = '0;
    fields[0   +: 48] = s_hdr_job.adr.remote_mac;
    fields[48  +: 48] = s_hdr_job.adr.local_mac;
    fields[96  +: 16] = 16'h0008;                                             // IPv4
    fields[112 +: 16] = 16'h0045;                                             // version 4, 20 bytes, DSCP 0
    fields[128 +: 16] = {ip_len[7:0], ip_len[15:8]};
    fields[144 +: 16] = 16'h0000;                                             // identification: RFC 6864 4.1, DF is set
    fields[160 +: 16] = 16'h0040;                                             // DF
    fields[176 +: 16] = 16'h0640;                                             // TTL 64, TCP
    fields[208 +: 32] = {s_hdr_job.adr.local_ip[7:0], s_hdr_job.adr.local_ip[15:8],
                         s_hdr_job.adr.local_ip[23:16], s_hdr_job.adr.local_ip[31:24]};
    fields[240 +: 32] = {s_hdr_job.adr.remote_ip[7:0], s_hdr_job.adr.remote_ip[15:8],
                         s_hdr_job.adr.remote_ip[23:16], s_hdr_job.adr.remote_ip[31:24]};
    fields[272 +: 16] = {s_hdr_job.adr.local_port[7:0], s_hdr_job.adr.local_port[15:8]};
    fields[288 +: 16] = {s_hdr_job.adr.remote_port[7:0], s_hdr_job.adr.remote_port[15:8]};
    fields[304 +: 32] = {s_hdr_job.seq[7:0], s_hdr_job.seq[15:8], s_hdr_job.seq[23:16], s_hdr_job.seq[31:24]};
    fields[336 +: 32] = {s_hdr_job.ack[7:0], s_hdr_job.ack[15:8], s_hdr_job.ack[23:16], s_hdr_job.ack[31:24]};
    fields[368 +: 16] = {s_hdr_job.flags, data_offset, 4'd0};
    fields[384 +: 16] = {s_hdr_job.wnd[7:0], s_hdr_job.wnd[15:8]};
    if (s_hdr_job.ts) begin
      fields[432 +: 32] = 32'h0A080101;                                       // NOP NOP, timestamps, 10 bytes: RFC 7323 A
      fields[464 +: 32] = {tsval[7:0], tsval[15:8], tsval[23:16], tsval[31:24]};
      fields[496 +: 32] = {s_hdr_job.ts_ecr[7:0], s_hdr_job.ts_ecr[15:8], s_hdr_job.ts_ecr[23:16], s_hdr_job.ts_ecr[31:24]};
    end
  end

  logic             h1_valid_q, h2_valid_q, h3_ready, move;
  logic [527:0]     h1_fields_q, h2_fields_q;
  logic [15:0]      h1_sum_q, h1_tcp_len_q;
  logic [10:0]      h1_len_q, h2_len_q;
  logic             h1_ts_q, h2_ts_q;
  logic [LineW-1:0] h1_line_q, h2_line_q;

  assign move        = !h2_valid_q || h3_ready;   // H1 and H2 move together
  assign s_hdr_ready = move;

  // ---------------------------------------------------------------- H2: sums
  logic [31:0] ip_sum, tcp_sum, ip_sum_q, tcp_sum_q;
  always_comb begin
    ip_sum  = '0;
    tcp_sum = 32'(h1_sum_q) + 32'h0600 + 32'({h1_tcp_len_q[7:0], h1_tcp_len_q[15:8]});
    for (int i = 7; i < 17; i++) ip_sum = ip_sum + 32'(h1_fields_q[i*16 +: 16]);
    for (int i = 13; i < 33; i++) tcp_sum = tcp_sum + 32'(h1_fields_q[i*16 +: 16]);  // addresses belong to both
  end

  // ---------------------------------------------------------------- H3: insert
  logic [16:0]  ip_fold, tcp_fold;
  logic [15:0]  ip_csum, tcp_csum;
  logic [527:0] header;
  assign ip_fold  = 17'(ip_sum_q[15:0]) + 17'(ip_sum_q[31:16]);
  assign tcp_fold = 17'(tcp_sum_q[15:0]) + 17'(tcp_sum_q[31:16]);
  assign ip_csum  = ~(ip_fold[15:0] + 16'(ip_fold[16]));
  assign tcp_csum = ~(tcp_fold[15:0] + 16'(tcp_fold[16]));
  always_comb begin
    header            = h2_fields_q;
    header[192 +: 16] = ip_csum;
    header[400 +: 16] = tcp_csum;
  end

  always_ff @(posedge clk) begin
    if (move) begin
      h1_fields_q  <= fields;
      h1_sum_q     <= s_hdr_sum;
      h1_tcp_len_q <= tcp_len;
      h1_len_q     <= s_hdr_job.len;
      h1_ts_q      <= s_hdr_job.ts;
      h1_line_q    <= s_hdr_line;
      h2_fields_q  <= h1_fields_q;
      h2_len_q     <= h1_len_q;
      h2_ts_q      <= h1_ts_q;
      h2_line_q    <= h1_line_q;
      ip_sum_q     <= ip_sum;
      tcp_sum_q    <= tcp_sum;
    end
    if (rst) begin
      h1_valid_q <= 1'b0;
      h2_valid_q <= 1'b0;
    end else if (move) begin
      h1_valid_q <= s_hdr_valid;
      h2_valid_q <= h1_valid_q;
    end
  end

  localparam int OutW = 528 + 1 + 11 + LineW;
  logic             o_valid, o_pop, o_ts;
  logic [527:0]     o_header;
  logic [10:0]      o_len;
  logic [LineW-1:0] o_line;
  logic [2:0]       o_level;

  fantail_fifo #(
    .Width(OutW),
    .Depth(4)
  ) u_out (
    .clk, .rst,
    .s_valid (h2_valid_q),
    .s_ready (h3_ready),
    .s_data  ({header, h2_ts_q, h2_len_q, h2_line_q}),
    .m_valid (o_valid),
    .m_ready (o_pop),
    .m_data  ({o_header, o_ts, o_len, o_line}),
    .level_o (o_level)
  );

  // ---------------------------------------------------------------- O: one line per cycle
  // A line is read while the one before it is offered; the read register is the output register.
  logic [4:0]       count_q;          // lines of this frame already read
  logic [11:0]      frame_bytes, bytes_left;
  logic             line_go, line_last, line_first;
  logic             out_valid_q, out_last_q, out_first_q, out_second_q, out_ts_q;
  logic [6:0]       out_bytes_q;
  logic [527:0]     out_header_q;
  logic [511:0]     head_mask;

  assign frame_bytes = 12'(o_len) + (o_ts ? 12'd66 : 12'd54);
  assign bytes_left  = frame_bytes - {1'b0, count_q, 6'd0};
  assign line_first  = count_q == '0;
  assign line_last   = bytes_left <= 12'd64;
  assign line_go     = o_valid && (!out_valid_q || m_tready);
  assign o_pop       = line_go && line_last;
  assign buf_rd_o    = line_go;
  assign buf_line_o  = o_line + LineW'(count_q);
  assign free_o      = line_go;

  always_ff @(posedge clk) begin
    if (line_go) begin
      out_last_q   <= line_last;
      out_first_q  <= line_first;
      out_second_q <= count_q == 5'd1;
      out_ts_q     <= o_ts;
      out_bytes_q  <= line_last ? bytes_left[6:0] : 7'd64;
      if (line_first) out_header_q <= o_header;
    end
    if (rst) begin
      count_q     <= '0;
      out_valid_q <= 1'b0;
    end else begin
      if (line_go) count_q <= line_last ? '0 : count_q + 5'd1;
      if (!out_valid_q || m_tready) out_valid_q <= o_valid;
    end
  end

  assign head_mask = out_first_q ? (out_ts_q ? {512{1'b1}} : {80'd0, {432{1'b1}}})
                   : (out_second_q && out_ts_q) ? {496'd0, {16{1'b1}}} : '0;
  assign m_tvalid  = out_valid_q;
  assign m_tlast   = out_last_q;
  assign m_tkeep   = out_bytes_q[6] ? '1 : ~({64{1'b1}} << out_bytes_q[5:0]);
  assign m_tdata   = (buf_data_i & ~head_mask)
                   | ((out_first_q ? out_header_q[511:0] : {496'd0, out_header_q[527:512]}) & head_mask);

  assign cnt_segment_o  = o_pop && (o_len != '0);
  assign cnt_payload_o  = o_pop ? o_len : '0;
  assign cnt_rst_o      = o_pop && o_header[378];           // byte 47: flags
  assign cnt_pure_ack_o = o_pop && (o_len == '0) && (o_header[378 -: 3] == 3'b000);

  assign stage_o = {out_valid_q && !m_tready, line_go};

  assign idle_o = !s_hdr_valid && !h1_valid_q && !h2_valid_q && !o_valid && !out_valid_q;

  `ASSERT(OutLevel, o_level <= 3'd4)

endmodule
