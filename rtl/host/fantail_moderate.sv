// SPDX-License-Identifier: Apache-2.0
// Interrupt moderation of one queue pair.
//
// Contract
//   arm_i (with the status_head_i that came in the same doorbell) arms, firing disarms. While armed and with
//   records beyond status_head_i it fires once as soon as
//     mod_count_i records wait (0 and 1: the first), or
//     mod_us_i microseconds passed since the oldest of them was written, or
//     urgent_i is set and one of them reports a failure.
//   tail_i counts records whose write was issued, so irq_o (one cycle) never overtakes a record. failure_i says
//   that one which makes the tail failure_tail_i, in the next cycle, is a failure.
//   When the host returns a part of the waiting records, the age goes on from the newest record instead of from the
//   oldest left: the error is at most the time between these two, within one poll of the host.
//   next_deadline_us_o: when it will fire for age (all ones: not armed, or nothing waits). busy_o: it fires within two
//   cycles, time must not jump.

module fantail_moderate (
  input  logic        clk,
  input  logic        rst,
  input  logic [63:0] now_us_i,
  input  logic [15:0] mod_count_i,
  input  logic [31:0] mod_us_i,
  input  logic        urgent_i,
  input  logic        arm_i,
  input  logic [14:0] status_head_i,
  input  logic [14:0] tail_i,
  input  logic        failure_i,
  input  logic [14:0] failure_tail_i,
  output logic        irq_o,
  output logic [63:0] next_deadline_us_o,
  output logic        busy_o
);
  `include "fantail_assert.svh"

  logic        armed_q;
  logic [14:0] head_q, tail_q;           // of the cycle before
  logic [63:0] newest_us_q;              // when the newest record was written
  logic [63:0] deadline_us_q;            // mod_us_i after the oldest waiting record was
  logic        failed_q;                 // a failure was written
  logic [14:0] failed_tail_q;            // tail behind the newest failure

  logic [14:0] waiting, failed_dist;
  logic        any, grew, retime, failed, fire;

  assign waiting     = tail_i - status_head_i;
  assign any         = waiting != '0;
  assign grew        = tail_i != tail_q;
  // The first record after none, or some were returned: the oldest is another one now.
  assign retime      = (grew && tail_q == status_head_i) || status_head_i != head_q;
  assign failed_dist = failed_tail_q - status_head_i;
  assign failed      = failed_q && failed_dist != '0 && failed_dist <= waiting;
  assign fire        = armed_q && any && (16'(waiting) >= mod_count_i || (urgent_i && failed) ||
                                          (!retime && now_us_i >= deadline_us_q));

  assign next_deadline_us_o = armed_q && any && !retime ? deadline_us_q : '1;
  assign busy_o             = fire || irq_o || arm_i || (armed_q && any && retime);

  always_ff @(posedge clk) begin
    head_q <= status_head_i;
    tail_q <= tail_i;
    irq_o  <= fire;
    if (grew) newest_us_q <= now_us_i;
    if (retime) deadline_us_q <= (grew ? now_us_i : newest_us_q) + 64'(mod_us_i);
    if (arm_i) armed_q <= 1'b1;
    else if (fire) armed_q <= 1'b0;
    if (failure_i) failed_q <= 1'b1;
    else if (!failed) failed_q <= 1'b0;
    if (failure_i) failed_tail_q <= failure_tail_i;
    if (rst) begin
      head_q   <= '0;
      tail_q   <= '0;
      irq_o    <= 1'b0;
      armed_q  <= 1'b0;
      failed_q <= 1'b0;
    end
  end

  `ASSERT(FiresOnlyForRecords, !fire || any)
  `COVER(FiresForAge, fire && 16'(waiting) < mod_count_i && !urgent_i)
  `COVER(FiresForCount, fire && mod_count_i > 16'd1 && 16'(waiting) >= mod_count_i)

endmodule
