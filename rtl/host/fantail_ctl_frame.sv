// SPDX-License-Identifier: Apache-2.0
// Holds one frame of the host until all of it has arrived, then hands it on.
//
// Contract: s_valid has no ready; at most 24 beats between clear_i and the next. clear_i drops what is held. send_i for
// one cycle, with bytes_i the length of the frame, begins: from then on m_valid stays high until the last beat was
// taken (a frame never pauses). m_bytes counts the valid bytes of the beat.

module fantail_ctl_frame (
  input  logic         clk,
  input  logic         rst,
  input  logic         clear_i,
  input  logic         s_valid,
  input  logic [511:0] s_data,
  input  logic         send_i,
  input  logic [10:0]  bytes_i,
  output logic         m_valid,
  input  logic         m_ready,
  output logic [511:0] m_data,
  output logic [6:0]   m_bytes,
  output logic         m_last,
  output logic         busy_o    // sending
);
  `include "fantail_assert.svh"

  logic        send_q, fifo_valid, fifo_ready;
  logic [10:0] left_q;  // bytes still to hand out
  logic [5:0]  level;
  logic        unused_ok;  // used by properties only

  fantail_fifo #(
    .Width(512),
    .Depth(32)
  ) u_fifo (
    .clk,
    .rst     (rst || clear_i),
    .s_valid,
    .s_ready (fifo_ready),
    .s_data,
    .m_valid (fifo_valid),
    .m_ready (m_ready && send_q),
    .m_data,
    .level_o (level)
  );

  assign unused_ok = ^{level, fifo_ready};

  assign m_valid = send_q && fifo_valid;
  assign m_last  = left_q <= 11'd64;
  assign m_bytes = m_last ? left_q[6:0] : 7'd64;
  assign busy_o  = send_q;

  always_ff @(posedge clk) begin
    if (send_i) left_q <= bytes_i;
    else if (m_valid && m_ready) left_q <= left_q - 11'd64;
    if (rst) send_q <= 1'b0;
    else if (send_i) send_q <= 1'b1;
    else if (m_valid && m_ready && m_last) send_q <= 1'b0;
  end

  `ASSERT(Room, !s_valid || fifo_ready)
  `ASSERT(NeverPauses, !send_q || level != '0)

endmodule
