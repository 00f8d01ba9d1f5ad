// SPDX-License-Identifier: Apache-2.0
// Keeps the FRAME records of one queue pair to a quarter of its status ring, so that frames for the host, which any
// stranger can send, leave room for what the connections have to say.
//
// Contract
//   record_i   a FRAME record was taken, with index_i of the record; only after a cycle in which room_o was high.
//   head_i     records that the host has consumed, free-running; a FRAME record before it no longer counts, from three
//              cycles later on, one each cycle.
//   room_o     another FRAME record may be taken; falls in the cycle after record_i.
//   log2_i holds while rst is low; rst forgets all.

module fantail_frame_share (
  input  logic        clk,
  input  logic        rst,
  input  logic [3:0]  log2_i,    // records of the ring, as a power of two, 2..14
  input  logic        record_i,
  input  logic [14:0] index_i,
  input  logic [14:0] head_i,
  output logic        room_o
);
  `include "fantail_assert.svh"

  localparam int Most = 4096;  // a quarter of the largest ring

  logic        oldest_valid, ready, pop;
  logic [14:0] oldest;
  logic [12:0] count_q;  // FRAME records that were not consumed

  fantail_ram_fifo #(
    .Width(15),
    .Depth(Most)
  ) u_index (
    .clk,
    .rst,
    .s_valid (record_i),
    .s_ready (ready),
    .s_data  (index_i),
    .m_valid (oldest_valid),
    .m_ready (pop),
    .m_data  (oldest)
  );

  // Records in the ring begin at the head; an index elsewhere lies before it.
  assign pop    = oldest_valid && 15'(oldest - head_i) >= 15'd1 << log2_i;
  assign room_o = count_q < 13'd1 << (log2_i - 4'd2);

  always_ff @(posedge clk) begin
    if (rst) count_q <= '0;
    else count_q <= count_q + 13'(record_i) - 13'(pop);
  end

  `ASSERT(ShareFits, !record_i || ready)
  `ASSERT(ShareKept, count_q <= 13'd1 << (log2_i - 4'd2))

endmodule
