// SPDX-License-Identifier: Apache-2.0
// When one queue pair is told of its connections: news is held until its period ends, then all of it goes at once, a CONN
// record for each connection with news and one SUMMARY, and the interrupt behind them.
//
//   Idle: news gathers --> Tell: ids that waited when it began --> Sum: SUMMARY --> Marks: DELIVERED --> End --> Idle
//
// Contract
//   A period ends as soon as
//     mod_count_i items wait (ids and, if one is due, the SUMMARY; 0 and 1: the first), or
//     the oldest news is mod_us_i microseconds old, or
//     a connection fails (failure_i) while urgent_i is set, or
//     due_i: an interrupt is due for other records (it waits for the news, see fantail_moderate), or
//     collect_i pulses: then all ids are told and a SUMMARY comes whatever it counts, marked as the answer.
//   What comes while a period is being told belongs to the next one, but for counts that come before their SUMMARY.
//   SUMMARY: when there were connects, reads, errors or disconnects since the last. Successes alone are no news.
//   summary_only_i: ids wait for collect_i; only the SUMMARY is news.
//   s_mark      cookies of DELIVERED records. One goes when what was news when it came has been told: at the end of a period,
//               or at once when there is none.
//   tell_o      the reporter may take the oldest id: told_i, later s_done_i with the record or, if there was nothing to tell,
//               without. One id is under way at a time; its record always finds a place.
//   m_rec       CONN, SUMMARY and DELIVERED records, held until taken; word `tail` is zero.
//   end_o       pulse: the last record of a period was taken, in a cycle before. None when no record was written.
//   hold_o      news waits or is being told. telling_o: is being told. collect_o: and is the answer to collect_i.
//   While enable_i is low nothing is counted, and news is thrown away as fast as it comes.
//   next_deadline_us_o: when news will be told for age (all ones: none waits). busy_o: time must not jump.

module fantail_period (
  input  logic         clk,
  input  logic         rst,
  input  logic [63:0]  now_us_i,
  input  logic         enable_i,
  input  logic [15:0]  mod_count_i,
  input  logic [31:0]  mod_us_i,
  input  logic         urgent_i,
  input  logic         summary_only_i,
  // pulses, each counts one
  input  logic         connect_i,       // connection installed
  input  logic         read_i,          // DATA record taken
  input  logic         error_i,         // connection failed: timed out, aborted by us
  input  logic         disconnect_i,    // peer closed or reset
  input  logic         success_i,       // connection had everything acknowledged
  input  logic         failure_i,       // what URGENT does not wait for
  input  logic         collect_i,       // tell all, now
  // DELIVERED
  input  logic         s_mark_valid,
  output logic         s_mark_ready,
  input  logic [63:0]  s_mark_cookie,
  input  logic [4:0]   marks_i,         // that wait
  // ids with news
  input  logic [14:0]  ids_i,           // that wait
  output logic         tell_o,
  input  logic         told_i,
  input  logic         s_done_valid,
  input  logic         s_done_rec,      // with a record
  input  logic [223:0] s_done_data,
  output logic         m_rec_valid,
  input  logic         m_rec_ready,
  output logic [255:0] m_rec_data,
  // interrupt
  input  logic         due_i,
  output logic [14:0]  items_o,         // records that the news would be
  output logic         hold_o,
  output logic         telling_o,
  output logic         collect_o,
  output logic         end_o,
  // idle
  output logic         busy_o,
  output logic [63:0]  next_deadline_us_o
);
  `include "fantail_assert.svh"

  typedef enum logic [2:0] {
    Idle,  // news gathers
    Tell,  // CONN records
    Sum,   // SUMMARY, if there is something to sum up
    Marks, // DELIVERED records
    End    // the last record is on its way to the status ring
  } state_e;

  state_e       state_q, state_d;
  logic [14:0]  left_q;                 // ids of this period not taken yet
  logic         under_way_q;            // an id was taken, its record is not here
  logic         some_q;                 // a record was written in this period
  logic         hurry_q;                // a failure waits, URGENT
  logic         asked_q;                // COLLECT waits
  logic         answer_q;               // this period answers it
  logic [4:0]   marks_q;                // marks of this period
  logic         open_q;                 // news came since the period before
  logic [63:0]  first_us_q;             // when the first of it came
  logic         rec_valid_q;
  logic [255:0] rec_q;
  logic [31:0]  connects_q, reads_q, errors_q, disconnects_q, successes_q;
  logic         counts_q;               // one of the first four is not zero
  logic         ids, news, pending, start, aged, take_sum, take_mark;
  logic [63:0]  deadline_us;

  // ---------------------------------------------------------------- what waits
  assign ids         = ids_i != '0 && !(summary_only_i && enable_i);
  assign news        = connect_i || read_i || error_i || disconnect_i;
  assign pending     = ids || counts_q;
  assign items_o     = (ids ? ids_i : '0) + 15'(counts_q);
  assign deadline_us = first_us_q + 64'(mod_us_i);
  assign aged        = open_q && now_us_i >= deadline_us;
  assign start       = state_q == Idle && (asked_q || (s_mark_valid && !pending) ||
                       (pending && (16'(items_o) >= mod_count_i || aged || hurry_q || due_i || !enable_i)));

  assign hold_o             = pending || asked_q || state_q != Idle;
  assign telling_o          = state_q != Idle;
  assign collect_o          = answer_q && state_q != Idle;
  assign busy_o             = state_q != Idle || start || asked_q || collect_i || (pending && !open_q);
  assign next_deadline_us_o = state_q == Idle && pending && open_q ? deadline_us : '1;

  // ---------------------------------------------------------------- steps
  always_comb begin
    state_d   = state_q;
    take_sum  = 1'b0;
    take_mark = 1'b0;
    unique case (state_q)
      Idle: if (start) state_d = Tell;
      Tell: if (left_q == '0 && !under_way_q && !rec_valid_q) state_d = Sum;
      Sum: begin
        take_sum = (counts_q || answer_q) && enable_i;
        state_d  = Marks;
      end
      Marks: begin
        take_mark = marks_q != '0 && s_mark_valid && !rec_valid_q;
        if (marks_q == '0 || !enable_i) state_d = End;
      end
      default: if (!rec_valid_q) state_d = Idle;  // End
    endcase
  end
  assign s_mark_ready = take_mark;
  assign tell_o = state_q == Tell && left_q != '0 && !under_way_q && !rec_valid_q;
  assign end_o  = state_q == End && !rec_valid_q && some_q;

  always_ff @(posedge clk) begin
    if (start) left_q <= ids || asked_q ? ids_i : '0;
    else if (told_i) left_q <= left_q - 15'd1;
    if (!enable_i) marks_q <= '0;
    else if (start) marks_q <= marks_i;
    else if (take_mark) marks_q <= marks_q - 5'd1;
    if (!enable_i) answer_q <= 1'b0;
    else if (start) answer_q <= asked_q;
    // DELIVERED alone ends no period: it is moderated like other records
    if (start) some_q <= 1'b0;
    else if ((s_done_valid && s_done_rec) || take_sum) some_q <= 1'b1;
    // what comes while a period is told has an age of its own
    if (start || !open_q) first_us_q <= now_us_i;
    if (rst) begin
      state_q     <= Idle;
      under_way_q <= 1'b0;
      hurry_q     <= 1'b0;
      open_q      <= 1'b0;
      asked_q     <= 1'b0;
    end else begin
      state_q <= state_d;
      if (told_i) under_way_q <= 1'b1;
      else if (s_done_valid) under_way_q <= 1'b0;
      if (failure_i && urgent_i) hurry_q <= 1'b1;
      else if (start || !pending) hurry_q <= 1'b0;
      asked_q <= enable_i && (collect_i || (asked_q && !start));
      if (start) open_q <= news;
      else if (state_q == Idle) open_q <= pending;
      else if (news || ids_i > left_q) open_q <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- counts
  always_ff @(posedge clk) begin
    if (rst || !enable_i) begin
      connects_q    <= '0;
      reads_q       <= '0;
      errors_q      <= '0;
      disconnects_q <= '0;
      successes_q   <= '0;
      counts_q      <= 1'b0;
    end else begin
      connects_q    <= (take_sum ? '0 : connects_q) + 32'(connect_i);
      reads_q       <= (take_sum ? '0 : reads_q) + 32'(read_i);
      errors_q      <= (take_sum ? '0 : errors_q) + 32'(error_i);
      disconnects_q <= (take_sum ? '0 : disconnects_q) + 32'(disconnect_i);
      successes_q   <= (take_sum ? '0 : successes_q) + 32'(success_i);
      counts_q      <= (counts_q && !take_sum) || news;
    end
  end

  // ---------------------------------------------------------------- the record on its way
  fantail_regs_pkg::rec_summary_t summary;
  always_comb begin
    summary             = '0;
    summary.type_       = fantail_regs_pkg::REC_SUMMARY;
    summary.collected   = 8'(answer_q);
    summary.connects    = connects_q;
    summary.reads       = reads_q;
    summary.errors      = errors_q;
    summary.disconnects = disconnects_q;
    summary.successes   = successes_q;
  end

  fantail_regs_pkg::rec_delivered_t delivered;
  always_comb begin
    delivered           = '0;
    delivered.type_     = fantail_regs_pkg::REC_DELIVERED;
    delivered.cookie_lo = s_mark_cookie[31:0];
    delivered.cookie_hi = s_mark_cookie[63:32];
  end

  always_ff @(posedge clk) begin
    if (s_done_valid) rec_q <= {32'd0, s_done_data};
    if (take_sum) rec_q <= summary;
    if (take_mark) rec_q <= delivered;
    if (rst) rec_valid_q <= 1'b0;
    else if ((s_done_valid && s_done_rec) || take_sum || take_mark) rec_valid_q <= 1'b1;
    else if (m_rec_ready) rec_valid_q <= 1'b0;
  end
  assign m_rec_valid = rec_valid_q;
  assign m_rec_data  = rec_q;

  `ASSERT(PlaceForRecord, !(s_done_valid && s_done_rec && rec_valid_q))
  `ASSERT(DoneOfTold, !s_done_valid || under_way_q)
  `ASSERT(TakesOnlyWhatItMay, !told_i || tell_o)
  `ASSERT(IdsAreThere, state_q != Tell || ids_i >= left_q)

endmodule
