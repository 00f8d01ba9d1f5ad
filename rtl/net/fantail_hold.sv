// SPDX-License-Identifier: Apache-2.0
// Frames wait here, whole, while their segment goes through the flow table and the ACK stage. Frames that the parser
// rejected vanish by themselves.
//
// Contract
//   s_beat_*    beats in order, one per cycle.
//   s_frame_*   once per frame and in the same order, not before its last beat has been written: number of beats and
//               whether it is kept. Always taken.
//   front_valid_o: the oldest frame is complete and kept. Its line n is on line_data_o one cycle after line_re_i with
//               line_i = n, until the next line_re_i. pop_i (one pulse, only with front_valid_o) throws the frame away;
//               a line read before pop_i stays on line_data_o.

module fantail_hold #(
  parameter int Beats = 128  // 64-byte lines of memory, a power of two
) (
  input  logic         clk,
  input  logic         rst,
  input  logic         s_beat_valid,
  output logic         s_beat_ready,
  input  logic [511:0] s_beat_data,
  input  logic         s_frame_valid,
  input  logic         s_frame_keep,
  input  logic [4:0]   s_frame_beats,
  output logic         front_valid_o,
  input  logic         line_re_i,
  input  logic [4:0]   line_i,
  output logic [511:0] line_data_o,
  input  logic         pop_i,
  output logic         empty_o
);
  `include "fantail_assert.svh"

  localparam int PtrW = $clog2(Beats);

  logic [PtrW:0]   wr_q, rd_q, level;
  logic            write;
  logic            front_any, front_keep, remove;
  logic [4:0]      front_beats;
  logic            frames_ready;
  logic [PtrW:0]   frames_level;

  assign level        = wr_q - rd_q;
  assign s_beat_ready = !level[PtrW];
  assign write        = s_beat_valid && s_beat_ready;
  assign empty_o      = level == '0;

  fantail_ram_1w1r #(
    .Width(512),
    .Depth(Beats)
  ) u_ram (
    .clk,
    .we_i    (write),
    .waddr_i (wr_q[PtrW-1:0]),
    .wdata_i (s_beat_data),
    .re_i    (line_re_i),
    .raddr_i (rd_q[PtrW-1:0] + PtrW'(line_i)),
    .rdata_o (line_data_o)
  );

  // Every frame has at least one beat, so there are never more frames than beats.
  fantail_fifo #(
    .Width(6),
    .Depth(Beats)
  ) u_frames (
    .clk,
    .rst,
    .s_valid (s_frame_valid),
    .s_ready (frames_ready),
    .s_data  ({s_frame_keep, s_frame_beats}),
    .m_valid (front_any),
    .m_ready (remove),
    .m_data  ({front_keep, front_beats}),
    .level_o (frames_level)
  );

  assign front_valid_o = front_any && front_keep;
  assign remove        = front_any && (pop_i || !front_keep);

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_q <= '0;
      rd_q <= '0;
    end else begin
      if (write) wr_q <= wr_q + 1'b1;
      if (remove) rd_q <= rd_q + (PtrW+1)'(front_beats);
    end
  end

  logic unused;
  assign unused = &{1'b0, frames_ready, frames_level};

  if ((1 << PtrW) != Beats || Beats < 32) begin : gen_check
    $fatal(1, "fantail_hold: Beats is not a power of two of at least 32");
  end

  `ASSERT(FramesFit, !s_frame_valid || frames_ready)
  `ASSERT(FramesWithinBeats, frames_level <= level)
  `ASSERT(PopOnlyFront, !pop_i || front_valid_o)

endmodule
