// SPDX-License-Identifier: Apache-2.0
// Who is next among those that ask: the first one behind the one served last, around the end.
//
// Contract: combinational from valid_i. pick_o has one bit at most, index_o is its number. take_i says that the pick is
// served in this cycle; then it comes last. Nobody is passed over twice by the same other.

module fantail_turn #(
  parameter int Num = 2  // askers, 1 to 16
) (
  input  logic           clk,
  input  logic           rst,
  input  logic [Num-1:0] valid_i,
  input  logic           take_i,
  output logic [Num-1:0] pick_o,
  output logic [3:0]     index_o,
  output logic           any_o
);
  `include "fantail_assert.svh"

  logic [Num-1:0] behind_q;  // those behind the one served last
  logic [Num-1:0] first;

  assign first  = valid_i & behind_q;
  assign any_o  = valid_i != '0;
  assign pick_o = first != '0 ? first & (~first + 1'b1) : valid_i & (~valid_i + 1'b1);

  always_comb begin
    index_o = '0;
    for (int i = 0; i < Num; i++) if (pick_o[i]) index_o = index_o | 4'(i);
  end

  always_ff @(posedge clk) begin
    if (rst) behind_q <= '0;
    else if (take_i && any_o) behind_q <= ~(pick_o | (pick_o - 1'b1));
  end

  if (Num < 1 || Num > 16) begin : gen_check
    $fatal(1, "fantail_turn: Num must be 1 to 16");
  end

  `ASSERT(OneAtMost, (pick_o & (pick_o - 1'b1)) == '0)
  `ASSERT(PicksAsker, (pick_o & ~valid_i) == '0 && (pick_o != '0) == any_o)

`ifdef FORMAL
  // one asker and another, of the solver's choice
  (* anyconst *) logic [3:0] f_one, f_other;
  logic f_passed_q;  // the other was served while the one asks

  always_ff @(posedge clk) begin
    if (rst) f_passed_q <= 1'b0;
    else if (!valid_i[f_one] || pick_o[f_one]) f_passed_q <= 1'b0;
    else if (take_i && pick_o[f_other]) f_passed_q <= 1'b1;
  end

  `ASSUME(Choice, 32'(f_one) < Num && 32'(f_other) < Num && f_one != f_other)

  `ASSERT(NotTwice, !(f_passed_q && valid_i[f_one] && take_i) || !pick_o[f_other])
  `ASSERT(Index, !any_o || pick_o[index_o])
  // what induction needs
  `ASSERT(OneBehind, !f_passed_q || behind_q[f_one] || !behind_q[f_other])
  `COVER(Passed, f_passed_q && take_i && pick_o[f_one])
`endif

endmodule
