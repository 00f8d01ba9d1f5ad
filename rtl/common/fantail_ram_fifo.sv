// SPDX-License-Identifier: Apache-2.0
// First-word fall-through FIFO over a block RAM: for deep queues.
//
// Contract: valid/ready on both sides, one word per cycle, latency two cycles. The read register is the output
// register, so up to Depth + 1 words are held.

module fantail_ram_fifo #(
  parameter int Width = 32,   // bits
  parameter int Depth = 1024  // words, a power of two
) (
  input  logic             clk,
  input  logic             rst,
  input  logic             s_valid,
  output logic             s_ready,
  input  logic [Width-1:0] s_data,
  output logic             m_valid,
  input  logic             m_ready,
  output logic [Width-1:0] m_data
);
  `include "fantail_assert.svh"

  localparam int PtrW = $clog2(Depth);

  logic [PtrW:0] wr_q, rd_q;
  logic          valid_q;
  logic          fetch;

  assign s_ready = (wr_q - rd_q) != (PtrW+1)'(Depth);
  assign fetch   = (wr_q != rd_q) && (!valid_q || m_ready);
  assign m_valid = valid_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_q    <= '0;
      rd_q    <= '0;
      valid_q <= 1'b0;
    end else begin
      if (s_valid && s_ready) wr_q <= wr_q + 1'b1;
      if (fetch) rd_q <= rd_q + 1'b1;
      if (fetch) valid_q <= 1'b1;
      else if (m_ready) valid_q <= 1'b0;
    end
  end

  fantail_ram_1w1r #(
    .Width(Width),
    .Depth(Depth)
  ) u_ram (
    .clk,
    .we_i    (s_valid && s_ready),
    .waddr_i (wr_q[PtrW-1:0]),
    .wdata_i (s_data),
    .re_i    (fetch),
    .raddr_i (rd_q[PtrW-1:0]),
    .rdata_o (m_data)
  );

  if ((1 << PtrW) != Depth) begin : gen_check
    $fatal(1, "fantail_ram_fifo: Depth is not a power of two");
  end

  `ASSERT(LevelInRange, (wr_q - rd_q) <= (PtrW+1)'(Depth))

endmodule
