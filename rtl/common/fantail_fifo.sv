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

`ifdef FORMAL
  // One word of the solver's choice: it leaves after exactly the words that were in front of it, and unharmed.
  (* anyseq *) logic f_choose;
  logic              f_put, f_get;
  logic              f_in_q;       // the chosen word is held
  logic [Width-1:0]  f_word_q;
  logic [PtrW:0]     f_held_q;     // words put and not got
  logic [PtrW:0]     f_ahead_q;    // of these, in front of the chosen one
  logic              f_waits_q;    // a word was offered and not taken
  logic [Width-1:0]  f_waits_word_q;
  logic              f_was_full_q;
  logic [PtrW-1:0]   f_place;

  assign f_put   = s_valid && s_ready;
  assign f_get   = m_valid && m_ready;
  assign f_place = rd_q[PtrW-1:0] + f_ahead_q[PtrW-1:0];

  always_ff @(posedge clk) begin
    f_waits_word_q <= m_data;
    if (rst) begin
      f_in_q       <= 1'b0;
      f_held_q     <= '0;
      f_waits_q    <= 1'b0;
      f_was_full_q <= 1'b0;
    end else begin
      f_held_q     <= f_held_q + (PtrW+1)'(f_put) - (PtrW+1)'(f_get);
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

  `ASSERT(LevelCounts, level_o == f_held_q)
  `ASSERT(ReadyUnlessFull, s_ready == (f_held_q != (PtrW+1)'(Depth)))
  `ASSERT(ValidUnlessEmpty, m_valid == (f_held_q != '0))
  `ASSERT(Order, !(f_in_q && f_ahead_q == '0) || (m_valid && m_data == f_word_q))
  `ASSERT(InPlace, !f_in_q || (f_ahead_q < f_held_q && mem[f_place] == f_word_q))
  `ASSERT(Holds, !f_waits_q || (m_valid && m_data == f_waits_word_q))
  `COVER(ChosenLeavesFull, f_in_q && f_get && f_ahead_q == '0 && !s_ready)
  `COVER(EmptyAfterFull, f_was_full_q && !m_valid)
`endif

endmodule
