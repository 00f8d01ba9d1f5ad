// SPDX-License-Identifier: Apache-2.0
// Gives out the space of the log to the queue pairs, and says how much of it is replicated.
//
// Contract
//  - want_i[q], with len_i: the next payload of queue pair q asks for log space; take_i[q]: it could take it now.
//    grant_o[q] gives it [pos_o, pos_o + len) in this cycle, one queue pair per cycle, position behind position.
//  - A turn is a run of payloads that come cycle by cycle, up to a sixteenth of the log: what lies side by side in the
//    log is one walk and one extent, and alternating payload by payload would use up the extents of both.
//  - Turns are strict: when the payload whose turn it is does not fit, nobody goes before it. A stream of small payloads
//    cannot starve a large one, and nobody waits for more than the space of one payload, a quarter of the log.
//  - wait_o[q]: queue pair q waits for log space, its own or that of the one before it. want_pos_o: what they wait for is
//    there when the watermark has come so far.
//  - walk_pos_o: everything below has been replicated. It is the oldest position that a queue pair was granted and has
//    not replicated (oldest_i where pending_i), or the next to be granted when there is none; two cycles old.

module fantail_log_space #(
  parameter int LogBytes   = 1048576,  // bytes of the payload log
  parameter int QueuePairs = 1         // queue pairs
) (
  input  logic                     clk,
  input  logic                     rst,
  input  logic [31:0]              log_low_i,   // everything below may be overwritten
  input  logic [QueuePairs-1:0]    want_i,
  input  logic [QueuePairs-1:0]    take_i,
  input  logic [32*QueuePairs-1:0] len_i,       // bytes, at most a quarter of the log
  output logic [QueuePairs-1:0]    grant_o,
  output logic [QueuePairs-1:0]    wait_o,
  output logic [31:0]              want_pos_o,
  output logic [31:0]              pos_o,       // next position to be given
  output logic [31:0]              used_o,      // bytes given above the watermark
  input  logic [QueuePairs-1:0]    pending_i,
  input  logic [32*QueuePairs-1:0] oldest_i,
  output logic [31:0]              walk_pos_o
);
  `include "fantail_assert.svh"

  logic [31:0]           pos_q, len, most;
  localparam logic [31:0] Run = 32'(LogBytes / 16);  // bytes

  logic [QueuePairs-1:0] fits, ask, pick, next;
  logic                  any, fit, stays;
  logic [QueuePairs-1:0] last_q;  // granted in the cycle before
  logic [31:0]           left_q;  // bytes of its turn

  assign ask     = want_i & take_i;
  assign stays   = (last_q & ask & fits) != '0 && left_q != '0;
  assign pick    = stays ? last_q : next;
  assign fit     = (pick & fits) != '0;
  assign grant_o = pick & fits;
  assign wait_o  = want_i & (~fits | {QueuePairs{any && !fit}});
  assign pos_o   = pos_q;
  // whose turn it is, or when nobody could go on at once, the largest
  assign want_pos_o = pos_q + (any ? len : most) - 32'(LogBytes);
  assign used_o  = pos_q - log_low_i;

  fantail_turn #(
    .Num(QueuePairs)
  ) u_turn (
    .clk,
    .rst,
    .valid_i (ask),
    .take_i  (fit && !stays),
    .pick_o  (next),
    .index_o (),
    .any_o   (any)
  );

  always_comb begin
    len  = '0;
    most = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      fits[q] = 33'(used_o) + 33'(len_i[32*q +: 32]) <= 33'(LogBytes);
      if (pick[q]) len = len | len_i[32*q +: 32];
      if (want_i[q] && len_i[32*q +: 32] > most) most = len_i[32*q +: 32];
    end
  end

  // distances from the watermark are compared: positions wrap
  logic [31:0] replicated, above;
  always_comb begin
    above = used_o;
    for (int q = 0; q < QueuePairs; q++) begin
      if (pending_i[q] && oldest_i[32*q +: 32] - log_low_i < above) above = oldest_i[32*q +: 32] - log_low_i;
    end
    replicated = log_low_i + above;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      pos_q      <= '0;
      last_q     <= '0;
      left_q     <= '0;
      walk_pos_o <= '0;
    end else begin
      last_q <= grant_o;
      if (fit) begin
        pos_q  <= pos_q + len;
        left_q <= (stays ? left_q : Run) > len ? (stays ? left_q : Run) - len : '0;
      end
      walk_pos_o <= replicated;
    end
  end

  `ASSERT(LogNeverOverfull, used_o <= 32'(LogBytes))
  `ASSERT(ReplicatedIsGiven, above <= used_o)
  for (genvar q = 0; q < QueuePairs; q++) begin : gen_pending
    `ASSERT(PendingInLog, !pending_i[q] || (oldest_i[32*q +: 32] - log_low_i) <= used_o)
  end

endmodule
