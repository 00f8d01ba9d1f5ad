// SPDX-License-Identifier: Apache-2.0
// Interrupt moderation of one queue pair.
//
// Contract
//   arm_i (with the status_head_i that came in the same doorbell) arms, firing disarms. While armed and with
//   records beyond status_head_i it fires once as soon as
//     mod_count_i records wait (0 and 1: the first), or
//     mod_us_i microseconds passed since the oldest of them was written, or
//     urgent_i is set and one of them reports a failure, or
//     one of them is the last of a period (end_i, fantail_period).
//   tail_i counts records whose write was issued, so irq_o (one cycle) never overtakes a record. failure_i says
//   that one which makes the tail failure_tail_i, in the next cycle, is a failure.
//   News of connections that has no record yet goes with them: while hold_i is up nothing but the end of a period fires.
//   due_o: it would fire but for that, so the period is to end; items_i, the records that the news would be, count for it.
//   end_i says that the record which makes the tail end_tail_i, written or not, is the last of a period. stuck_i: the period
//   cannot end, the ring is full; fires at once. collect_i says that the period answers COLLECT: its end, and a full ring
//   before it, fire once though not armed.
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
  input  logic [14:0] items_i,
  input  logic        hold_i,
  input  logic        stuck_i,
  input  logic        end_i,
  input  logic [14:0] end_tail_i,
  input  logic        collect_i,
  output logic        due_o,
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
  logic        end_q;                    // a period has ended
  logic [14:0] end_tail_q;               // tail behind its last record
  logic        answer_q;                 // it answered COLLECT, and has not fired
  logic        stuck_q;                  // has fired for a full ring under COLLECT

  logic [14:0] waiting, failed_dist, end_dist;
  logic        any, grew, retime, failed, aged, ending, ended, forced, fire;

  assign waiting     = tail_i - status_head_i;
  assign any         = waiting != '0;
  assign grew        = tail_i != tail_q;
  // The first record after none, or some were returned: the oldest is another one now.
  assign retime      = (grew && tail_q == status_head_i) || status_head_i != head_q;
  assign failed_dist = failed_tail_q - status_head_i;
  assign failed      = failed_q && failed_dist != '0 && failed_dist <= waiting;
  assign end_dist    = end_tail_q - status_head_i;
  assign ending      = end_q && end_dist != '0 && end_dist <= 15'h4000;  // not returned
  assign ended       = ending && end_dist <= waiting;
  assign aged        = !retime && now_us_i >= deadline_us_q;
  assign due_o       = armed_q && any && (17'(waiting) + 17'(items_i) >= 17'(mod_count_i) || (urgent_i && failed) || aged);
  assign forced      = any && ((ended && answer_q) || (stuck_i && collect_i && !stuck_q));
  assign fire        = forced || (armed_q && any && (ended || stuck_i || (!hold_i && !ending &&
                                          (16'(waiting) >= mod_count_i || (urgent_i && failed) || aged))));

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
    if (end_i) end_q <= 1'b1;
    else if (!ending) end_q <= 1'b0;
    if (end_i) end_tail_q <= end_tail_i;
    if (end_i && collect_i) answer_q <= 1'b1;
    else if (ended || !ending) answer_q <= 1'b0;
    stuck_q <= stuck_i && (stuck_q || fire);
    if (rst) begin
      head_q   <= '0;
      tail_q   <= '0;
      irq_o    <= 1'b0;
      armed_q  <= 1'b0;
      failed_q <= 1'b0;
      end_q    <= 1'b0;
      answer_q <= 1'b0;
      stuck_q  <= 1'b0;
    end
  end

  `ASSERT(FiresOnlyForRecords, !fire || any)
  `COVER(Age, fire && 16'(waiting) < mod_count_i && !urgent_i)
  `COVER(Count, fire && mod_count_i > 16'd1 && 16'(waiting) >= mod_count_i)

`ifdef FORMAL
  // One record and one failure of the solver's choice. Moderation is not changed meanwhile; times are short.
  (* anyseq *) logic f_choose, f_choose_failure;
  logic        f_armed_q;              // armed since it last fired
  logic        f_chosen_q;             // a record was chosen
  logic [14:0] f_record_q;             // its index
  logic [63:0] f_record_us_q;          // when it was written
  logic [63:0] f_age_us_q;             // what its age is counted from at the latest
  logic [63:0] f_newest_us_q;          // when the newest record was written
  logic        f_failure_q;            // a failure was chosen
  logic [14:0] f_failure_record_q;
  logic        f_any_failure_q;        // the same for the newest failure
  logic [14:0] f_newest_failure_q;
  logic        f_any_end_q;            // a period has ended
  logic [14:0] f_newest_end_q;         // index of its last record
  logic        f_answer_q;             // it answers COLLECT,
  logic        f_answered_q;           // and has fired
  logic        f_failing_q, f_fired_q, f_running_q, f_twice_q;
  logic [63:0] f_now_us_q;
  logic [15:0] f_count_q;
  logic [31:0] f_us_q;
  logic        f_waits, f_failure_waits, f_newest_failure_waits, f_count_reached, f_end_waits, f_ending, f_held;

  assign f_waits                = f_chosen_q && 15'(f_record_q - status_head_i) < waiting;
  assign f_failure_waits        = f_failure_q && 15'(f_failure_record_q - status_head_i) < waiting;
  assign f_newest_failure_waits = f_any_failure_q && 15'(f_newest_failure_q - status_head_i) < waiting;
  assign f_count_reached        = any && 16'(waiting) >= mod_count_i;
  assign f_end_waits            = f_any_end_q && 15'(f_newest_end_q - status_head_i) < waiting;
  // news is on its way to the ring, or the last record of a period
  assign f_ending               = f_any_end_q && 15'(f_newest_end_q - status_head_i) < 15'h4000;
  assign f_held                 = hold_i || (f_ending && !f_end_waits);

  always_ff @(posedge clk) begin
    f_now_us_q     <= now_us_i;
    f_count_q      <= mod_count_i;
    f_us_q         <= mod_us_i;
    f_fired_q      <= fire;
    f_failing_q    <= failure_i;
    f_running_q    <= 1'b1;
    if (grew) f_newest_us_q <= now_us_i;
    if (f_waits && status_head_i != head_q) f_age_us_q <= grew ? now_us_i : f_newest_us_q;
    if (grew && f_choose && !f_chosen_q) begin
      f_chosen_q    <= 1'b1;
      f_record_q    <= tail_i - 15'd1;
      f_record_us_q <= now_us_i;
      f_age_us_q    <= now_us_i;
    end
    if (failure_i) begin
      f_any_failure_q    <= 1'b1;
      f_newest_failure_q <= failure_tail_i - 15'd1;
      if (f_choose_failure && !f_failure_q) begin
        f_failure_q        <= 1'b1;
        f_failure_record_q <= failure_tail_i - 15'd1;
      end
    end
    if (end_i) begin
      f_any_end_q    <= 1'b1;
      f_newest_end_q <= end_tail_i - 15'd1;
      // a period that ends before the answer is written takes over from it
      f_answer_q     <= collect_i || (f_answer_q && !f_answered_q && f_ending && !f_end_waits);
      f_answered_q   <= 1'b0;
    end else if (fire && f_end_waits) begin
      f_answered_q <= 1'b1;
    end
    if (arm_i) f_armed_q <= 1'b1;
    else if (fire) f_armed_q <= 1'b0;
    if (irq_o) f_twice_q <= 1'b1;
    if (rst) begin
      f_armed_q       <= 1'b0;
      f_chosen_q      <= 1'b0;
      f_failure_q     <= 1'b0;
      f_any_failure_q <= 1'b0;
      f_any_end_q     <= 1'b0;
      f_answer_q      <= 1'b0;
      f_failing_q     <= 1'b0;
      f_fired_q       <= 1'b0;
      f_running_q     <= 1'b0;
      f_twice_q       <= 1'b0;
    end
  end

  `REQUIRE(HeadBehindTail, waiting <= 15'h4000)
  `REQUIRE(HeadAdvances, 15'(status_head_i - head_q) <= 15'(tail_i - head_q))
  `REQUIRE(TailAdvances, 15'(tail_i - tail_q) <= 15'd2)
  `REQUIRE(FailureIsWritten, !f_failing_q || tail_i == f_newest_failure_q + 15'd1)
  `REQUIRE(FailureIsNext, !failure_i || (15'(failure_tail_i - tail_i) - 15'd1) < 15'd2)
  `REQUIRE(EndIsNear, !end_i || 15'(end_tail_i - tail_i) <= 15'd4)
  `REQUIRE(RingIsWideEnough, !end_i || 15'(end_tail_i - status_head_i) <= 15'h4000)
  `REQUIRE(TimeGrows, !f_running_q || now_us_i >= f_now_us_q)
  `REQUIRE(TimeDoesNotWrap, !now_us_i[63])
  `ASSUME(SameModeration, !f_running_q || (mod_count_i == f_count_q && mod_us_i == f_us_q))

  `ASSERT(OncePerArm, !fire || f_armed_q || forced)
  `ASSERT(IrqIsFire, irq_o == f_fired_q)
  `ASSERT(FiresForCount, !(f_armed_q && f_count_reached && !f_held) || fire)
  `ASSERT(FiresForFailure, !(f_armed_q && urgent_i && f_failure_waits && !f_held) || fire)
  `ASSERT(FiresForAge, !(f_armed_q && f_waits && status_head_i == head_q && !f_held
          && now_us_i >= f_age_us_q + 64'(mod_us_i)) || fire)
  `ASSERT(FiresForEnd, !(f_armed_q && f_end_waits) || fire)
  `ASSERT(FiresWhenStuck, !(f_armed_q && any && stuck_i) || fire)
  `ASSERT(WaitsForNews, !(fire && f_held) || stuck_i || f_end_waits)
  `ASSERT(FiresForCollect, !(f_answer_q && f_end_waits) || fire || f_answered_q)
  `ASSERT(AnswersOnce, !(forced && !stuck_i) || (f_answer_q && !f_answered_q))
  `ASSERT(SaysDue, !(f_armed_q && f_count_reached) || due_o)
  `ASSERT(SaysDeadline, !(f_armed_q && f_waits) || busy_o || next_deadline_us_o <= f_age_us_q + 64'(mod_us_i))
  `ASSERT(NotEarly, !(fire && f_waits && f_record_q == status_head_i) || f_count_reached
          || (urgent_i && f_newest_failure_waits) || f_end_waits || stuck_i || now_us_i >= f_record_us_q + 64'(mod_us_i))
  `COVER(Urgent, fire && urgent_i && f_failure_waits && 16'(waiting) < mod_count_i)
  `COVER(FiresAgain, irq_o && f_twice_q)
  `COVER(PartReturned, f_waits && f_age_us_q > f_record_us_q && fire)
`endif

endmodule
