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

`ifdef FORMAL
  // One word of the solver's choice: it leaves after exactly the words that were in front of it, and unharmed.
  (* anyseq *) logic f_choose;
  logic              f_put, f_get;
  logic              f_in_q;       // the chosen word is held
  logic [Width-1:0]  f_word_q;
  logic [PtrW:0]     f_held_q;     // words put and not got
  logic [PtrW:0]     f_ahead_q;    // of these, in front of the chosen one
  logic              f_old_q;      // at least one of them was put before the last cycle
  logic              f_waits_q;    // a word was offered and not taken
  logic [Width-1:0]  f_waits_word_q;
  logic              f_was_full_q;

  assign f_put = s_valid && s_ready;
  assign f_get = m_valid && m_ready;

  always_ff @(posedge clk) begin
    f_waits_word_q <= m_data;
    if (rst) begin
      f_in_q       <= 1'b0;
      f_held_q     <= '0;
      f_old_q      <= 1'b0;
      f_waits_q    <= 1'b0;
      f_was_full_q <= 1'b0;
    end else begin
      f_held_q     <= f_held_q + (PtrW+1)'(f_put) - (PtrW+1)'(f_get);
      f_old_q      <= f_held_q != (PtrW+1)'(f_get);
      f_waits_q    <= m_valid && !m_ready;
      f_was_full_q <= f_was_full_q || !s_ready;
      if (f_put && f_choose && !f_in_q) begin
        f_in_q    <= 1'b1;
        f_word_q  <= s_data;
        f_ahead_q <= f_held_q - (PtrW+1)'(f_get);
      end else if (f_in_q && f_get) begin
        if (f_ahead_q == '0) f_in_q <= 1'b0;
        else f_ahead_q <= f_ahead_q - 1'b1;
      end
    end
  end

  `ASSERT(HeldCounts, f_held_q == (wr_q - rd_q) + (PtrW+1)'(valid_q))
  `ASSERT(ReadyBelowDepth, s_ready || f_held_q >= (PtrW+1)'(Depth))
  `ASSERT(TwoCycles, m_valid == f_old_q)
  `ASSERT(Order, !(f_in_q && f_ahead_q == '0 && m_valid) || m_data == f_word_q)
  `ASSERT(InPlace, !f_in_q || f_ahead_q < f_held_q)
  `ASSERT(Holds, !f_waits_q || (m_valid && m_data == f_waits_word_q))
  `COVER(ChosenLeavesFull, f_in_q && f_get && f_ahead_q == '0 && f_held_q == (PtrW+1)'(Depth + 1))
  `COVER(EmptyAfterFull, f_was_full_q && f_held_q == '0)
`endif

endmodule
