// SPDX-License-Identifier: Apache-2.0
// One stream of status records out of one for each queue pair: those whose ring has room take turns.
//
// Contract: a record is offered while room_i[q] is high, and may give way to another's until it is taken. Nothing is
// delayed.

module fantail_record_turn #(
  parameter int QueuePairs = 1  // queue pairs
) (
  input  logic                      clk,
  input  logic                      rst,
  input  logic [QueuePairs-1:0]     room_i,
  input  logic [QueuePairs-1:0]     s_rec_valid,
  output logic [QueuePairs-1:0]     s_rec_ready,
  input  logic [256*QueuePairs-1:0] s_rec_data,
  output logic                      m_rec_valid,
  input  logic                      m_rec_ready,
  output logic [255:0]              m_rec_data,
  output logic [2:0]                m_rec_qp
);
  logic [QueuePairs-1:0] pick;
  logic [3:0]            index;
  logic                  unused_ok;  // queue pair numbers have three bits

  fantail_turn #(
    .Num(QueuePairs)
  ) u_turn (
    .clk,
    .rst,
    .valid_i (s_rec_valid & room_i),
    .take_i  (m_rec_ready),
    .pick_o  (pick),
    .index_o (index),
    .any_o   (m_rec_valid)
  );

  assign s_rec_ready = pick & {QueuePairs{m_rec_ready}};
  assign m_rec_qp    = index[2:0];
  assign unused_ok   = index[3];

  always_comb begin
    m_rec_data = '0;
    for (int q = 0; q < QueuePairs; q++) if (pick[q]) m_rec_data = m_rec_data | s_rec_data[256*q +: 256];
  end

endmodule
