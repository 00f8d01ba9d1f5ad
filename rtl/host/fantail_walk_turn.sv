// SPDX-License-Identifier: Apache-2.0
// One fan-out for all queue pairs: their walks take turns.
//
// Contract: walks and target lists of queue pair q in bit and slice q. One walk at a time; its list, and the answer when it
// has ended, belong to the queue pair whose walk was taken last. A walk that is offered is offered until it is taken.
// Nothing is delayed.

module fantail_walk_turn #(
  parameter int QueuePairs = 1  // queue pairs
) (
  input  logic                      clk,
  input  logic                      rst,
  input  logic [QueuePairs-1:0]     s_walk_valid,
  output logic [QueuePairs-1:0]     s_walk_ready,
  input  logic [118*QueuePairs-1:0] s_walk_data,
  output logic [QueuePairs-1:0]     walkdone_valid_o,
  input  logic [QueuePairs-1:0]     s_list_valid,
  output logic [QueuePairs-1:0]     s_list_ready,
  input  logic [32*QueuePairs-1:0]  s_list_data,
  input  logic [QueuePairs-1:0]     s_list_end,

  output logic                      m_walk_valid,
  input  logic                      m_walk_ready,
  output fantail_pkg::walk_t        m_walk_data,
  input  logic                      s_walkdone_valid,
  output logic                      m_list_valid,
  input  logic                      m_list_ready,
  output logic [31:0]               m_list_data,
  output logic                      m_list_end
);
  `include "fantail_assert.svh"

  logic [QueuePairs-1:0] pick, offered_q, owner_q, sel;
  logic                  any, locked_q;  // an offer stands

  fantail_turn #(
    .Num(QueuePairs)
  ) u_turn (
    .clk,
    .rst,
    .valid_i (s_walk_valid),
    .take_i  (m_walk_valid && m_walk_ready),
    .pick_o  (pick),
    .index_o (),
    .any_o   (any)
  );

  assign sel              = locked_q ? offered_q : pick;
  assign m_walk_valid     = any;
  assign s_walk_ready     = sel & {QueuePairs{m_walk_ready}};
  assign walkdone_valid_o = owner_q & {QueuePairs{s_walkdone_valid}};
  assign m_list_valid     = (owner_q & s_list_valid) != '0;
  assign m_list_end       = (owner_q & s_list_end) != '0;
  assign s_list_ready     = owner_q & {QueuePairs{m_list_ready}};

  logic [117:0] walk;
  always_comb begin
    walk        = '0;
    m_list_data = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (sel[q]) walk = walk | s_walk_data[118*q +: 118];
      if (owner_q[q]) m_list_data = m_list_data | s_list_data[32*q +: 32];
    end
  end
  assign m_walk_data = walk;

  always_ff @(posedge clk) begin
    if (rst) begin
      locked_q  <= 1'b0;
      offered_q <= '0;
      owner_q   <= '0;
    end else begin
      locked_q  <= m_walk_valid && !m_walk_ready;
      offered_q <= sel;
      if (m_walk_valid && m_walk_ready) owner_q <= sel;
    end
  end

  `ASSERT(OfferStands, !locked_q || (s_walk_valid & offered_q) != '0)

endmodule
