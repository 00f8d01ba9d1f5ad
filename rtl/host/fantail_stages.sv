// SPDX-License-Identifier: Apache-2.0
// Counts, for each stage of the engine, the cycles in which it was busy, and those in which it was blocked.
//
// Contract: stage i has busy in bit 2 * i of stage_i, blocked in bit 2 * i + 1, not both; neither means starved. A cycle is
// counted in the next one. count_o is the counter of bit index_i, combinational. Counters wrap at 2^64.

module fantail_stages #(
  parameter int Num = 14  // stages
) (
  input  logic                     clk,
  input  logic                     rst,
  input  logic [2*Num-1:0]         stage_i,
  input  logic [$clog2(2*Num)-1:0] index_i,
  output logic [63:0]              count_o
);
  `include "fantail_assert.svh"

  // Registers, each with its own adder: mem2reg says so to yosys, which would try a memory.
  (* mem2reg *) logic [63:0] cnt_q[2*Num];
  logic [2*Num-1:0] stage_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      stage_q <= '0;
      for (int i = 0; i < 2*Num; i++) cnt_q[i] <= '0;
    end else begin
      stage_q <= stage_i;
      for (int i = 0; i < 2*Num; i++) if (stage_q[i]) cnt_q[i] <= cnt_q[i] + 64'd1;
    end
  end

  assign count_o = cnt_q[index_i];

  logic [Num-1:0] both;
  always_comb begin
    for (int i = 0; i < Num; i++) both[i] = stage_i[2*i] && stage_i[2*i + 1];
  end
  `ASSERT(BusyOrBlocked, both == '0)

endmodule
