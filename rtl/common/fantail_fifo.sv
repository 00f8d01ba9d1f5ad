// SPDX-License-Identifier: Apache-2.0
// First-word fall-through FIFO, memory read asynchronously: for shallow queues (registers or LUT RAM).
//
// Contract: valid/ready on both sides, one word per cycle, latency one cycle. level_o counts words held.

module fantail_fifo #(
  parameter int Width = 32,  // bits
  parameter int Depth = 16   // words, a power of two
) (
  input  logic                   clk,
  input  logic                   rst,
  input  logic                   s_valid,
  output logic                   s_ready,
  input  logic [Width-1:0]       s_data,
  output logic                   m_valid,
  input  logic                   m_ready,
  output logic [Width-1:0]       m_data,
  output logic [$clog2(Depth):0] level_o
);
  `include "fantail_assert.svh"

  localparam int PtrW = $clog2(Depth);

  logic [Width-1:0] mem[Depth];
  logic [PtrW:0]    wr_q, rd_q;

  assign level_o = wr_q - rd_q;
  assign s_ready = !level_o[PtrW];
  assign m_valid = wr_q != rd_q;
  assign m_data  = mem[rd_q[PtrW-1:0]];

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) mem[wr_q[PtrW-1:0]] <= s_data;
    if (rst) begin
      wr_q <= '0;
      rd_q <= '0;
    end else begin
      if (s_valid && s_ready) wr_q <= wr_q + 1'b1;
      if (m_valid && m_ready) rd_q <= rd_q + 1'b1;
    end
  end

  if ((1 << PtrW) != Depth) begin : gen_check
    $fatal(1, "fantail_fifo: Depth is not a power of two");
  end

  `ASSERT(LevelInRange, level_o <= (PtrW+1)'(Depth))

endmodule
