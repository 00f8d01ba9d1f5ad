// SPDX-License-Identifier: Apache-2.0
// A page's 64-bit event counters, read as pairs of 32-bit words, low word first.
//
// Contract: inc_i is added in the cycle it is given. re_i with word_i = {counter, high} answers in rdata_o
// one cycle later and holds it; increments of the cycle of re_i are not yet in it. Reading a low word latches
// the high one of that moment, reading any high word returns the latch: one latch for the page, so readers of
// one page take turns. alt_i with re_i reads alt_data_i in place of a counter (gauges, counters kept
// elsewhere), latched in the same way. Counters wrap at 2^64. Nothing stalls.

module fantail_counters #(
  parameter int Num      = 40,  // counters
  parameter int IncWidth = 16   // bits of an increment
) (
  input  logic                     clk,
  input  logic                     rst,
  input  logic [IncWidth*Num-1:0]  inc_i,       // counter i in slice i
  input  logic                     re_i,
  input  logic [$clog2(Num):0]     word_i,      // counter * 2 + 1 for the high word
  input  logic                     alt_i,
  input  logic [63:0]              alt_data_i,
  output logic [31:0]              rdata_o
);
  `include "fantail_assert.svh"

  // Registers, each with its own adder: mem2reg says so to yosys, which would try a memory.
  (* mem2reg *) logic [63:0] cnt_q[Num];
  logic [31:0] high_q, rdata_q;

  assign rdata_o = rdata_q;

  // One test for all: most cycles count nothing, and simulation passes over them.
  always_ff @(posedge clk) begin
    if (rst) begin
      for (int i = 0; i < Num; i++) cnt_q[i] <= '0;
    end else if (|inc_i) begin
      for (int i = 0; i < Num; i++) cnt_q[i] <= cnt_q[i] + 64'(inc_i[IncWidth*i +: IncWidth]);
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      high_q  <= '0;
      rdata_q <= '0;
    end else if (re_i) begin
      if (word_i[0]) begin
        rdata_q <= high_q;
      end else if (alt_i) begin
        {high_q, rdata_q} <= alt_data_i;
      end else begin
        {high_q, rdata_q} <= cnt_q[word_i[$clog2(Num):1]];
      end
    end
  end

  if (Num < 2 || IncWidth < 1 || IncWidth > 64) begin : gen_check
    $fatal(1, "fantail_counters: Num from 2, IncWidth 1 to 64");
  end

  `ASSERT(WordInRange, !re_i || alt_i || word_i[0] || 32'(word_i[$clog2(Num):1]) < Num)

endmodule
