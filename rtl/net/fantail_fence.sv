// SPDX-License-Identifier: Apache-2.0
// What one queue pair asks of a whole sweep: COLLECT, and DELIVERED marks.
//
//   collect_i -> asked --sweep begins--> sweeping --ends--> swept -+
//                                                                  +--> fence --> acknowledge owner, delivery, reporter --+
//   s_mark -> positions --a sweep finds nothing below--> judged ---+                                                      |
//             cookies ------------------------------------------------> may be told, collect_o  <--- fence_i -------------+
//
// Contract
//   collect_i   a pulse. A sweep that begins after it, then a fence behind everything that the sweep has raised; when that has
//               come through, collect_o pulses. Pulses before a sweep begins are one; one that comes later has a sweep of its own.
//   s_mark      in order: the log position behind what is to be delivered, and the cookie. Ready while fewer than 16 wait;
//               marks_o says how many do.
//               A mark is judged when a sweep ends that found no byte needed below it, by any connection of this queue pair,
//               and that began when all below it had been replicated. A connection that has failed needs nothing; what is
//               raised for it goes before the fence.
//   m_told      cookies of marks whose fence has come through, in order; they hold until taken.
//   One fence is under way at a time. While enable_i is low, all is forgotten, but a fence under way is awaited.
//   busy_o: something will happen without further input. Marks that wait for acknowledgements, or to be told, do not count.

module fantail_fence (
  input  logic        clk,
  input  logic        rst,
  input  logic        enable_i,
  input  logic        collect_i,
  input  logic        s_mark_valid,
  output logic        s_mark_ready,
  input  logic [31:0] s_mark_pos,
  input  logic [63:0] s_mark_cookie,
  output logic [4:0]  marks_o,
  // sweeper
  input  logic        begin_i,          // pulse: a sweep begins,
  input  logic [31:0] walk_pos_i,       // with all below replicated
  input  logic        need_valid_i,     // a connection of this queue pair needs
  input  logic [31:0] need_pos_i,       // this byte first
  input  logic        sweep_i,          // pulse: a sweep has ended
  // fence
  output logic        m_fence_valid,
  input  logic        m_fence_ready,
  input  logic        fence_i,          // pulse: it has come through
  // to the period
  output logic        collect_o,
  output logic        m_told_valid,
  input  logic        m_told_ready,
  output logic [63:0] m_told_cookie,
  output logic [4:0]  told_o,           // how many
  output logic        busy_o
);
  `include "fantail_assert.svh"

  localparam int Depth = 16;

  logic        clear;
  logic        asked_q, sweeping_q, swept_q;   // COLLECT: before, in, behind its sweep
  logic        judging_q;                      // marks are held against the last sweep
  logic [31:0] low_q, found_q;                 // lowest position needed: this sweep so far, the last one
  logic [4:0]  judged_q;                       // marks that wait for a fence
  logic [4:0]  fenced_q;                       // behind the fence under way
  logic [4:0]  told_q;                         // may be told
  logic        offer_q, flight_q, flight_collect_q;
  logic        pos_valid, pos_ready, pos_pop, cookie_ready, cookie_valid, send, through, take;
  logic [31:0] pos;
  logic [4:0]  pos_level, cookie_level;

  assign clear = rst || !enable_i;

  // Cookies wait longer than positions, so their queue says whether there is room.
  fantail_fifo #(
    .Width(32),
    .Depth(Depth)
  ) u_positions (
    .clk,
    .rst     (clear),
    .s_valid (s_mark_valid && cookie_ready),
    .s_ready (pos_ready),
    .s_data  (s_mark_pos),
    .m_valid (pos_valid),
    .m_ready (pos_pop),
    .m_data  (pos),
    .level_o (pos_level)
  );
  fantail_fifo #(
    .Width(64),
    .Depth(Depth)
  ) u_cookies (
    .clk,
    .rst     (clear),
    .s_valid (s_mark_valid),
    .s_ready (cookie_ready),
    .s_data  (s_mark_cookie),
    .m_valid (cookie_valid),
    .m_ready (take),
    .m_data  (m_told_cookie),
    .level_o (cookie_level)
  );
  assign s_mark_ready = cookie_ready;
  assign marks_o      = cookie_level;

  // ---------------------------------------------------------------- sweeps
  assign pos_pop = judging_q && pos_valid && $signed(pos - found_q) <= 0;

  always_ff @(posedge clk) begin
    if (begin_i) low_q <= walk_pos_i;
    else if (need_valid_i && $signed(need_pos_i - low_q) < 0) low_q <= need_pos_i;
    if (sweep_i) found_q <= low_q;
    if (clear) begin
      asked_q    <= 1'b0;
      sweeping_q <= 1'b0;
      swept_q    <= 1'b0;
      judging_q  <= 1'b0;
    end else begin
      asked_q    <= collect_i || (asked_q && !begin_i);
      sweeping_q <= begin_i ? asked_q : sweeping_q && !sweep_i;
      swept_q    <= (sweeping_q && sweep_i) || (swept_q && !send);
      judging_q  <= sweep_i ? pos_valid && $signed(pos - low_q) <= 0 : pos_pop;
    end
  end

  // ---------------------------------------------------------------- fence
  assign send          = offer_q && m_fence_ready;
  assign through       = flight_q && fence_i;
  assign m_fence_valid = offer_q;
  assign collect_o     = through && flight_collect_q;

  always_ff @(posedge clk) begin
    if (clear) begin
      judged_q         <= '0;
      fenced_q         <= '0;
      told_q           <= '0;
      flight_collect_q <= 1'b0;
    end else begin
      judged_q <= (send ? '0 : judged_q) + 5'(pos_pop);
      if (send) fenced_q <= judged_q;
      else if (through) fenced_q <= '0;
      told_q <= told_q + (through ? fenced_q : '0) - 5'(take);
      if (send) flight_collect_q <= swept_q;
    end
    if (rst) begin
      offer_q  <= 1'b0;
      flight_q <= 1'b0;
    end else begin
      if (send) offer_q <= 1'b0;
      else if (!flight_q && !judging_q && enable_i && (swept_q || judged_q != '0)) offer_q <= 1'b1;
      if (send) flight_q <= 1'b1;
      else if (fence_i) flight_q <= 1'b0;
    end
  end

  assign told_o       = told_q;
  assign m_told_valid = told_q != '0;
  assign take         = m_told_valid && m_told_ready;
  assign busy_o       = asked_q || sweeping_q || swept_q || judging_q || judged_q != '0 || offer_q || flight_q
                     || collect_i || (s_mark_valid && s_mark_ready);

  logic unused;
  assign unused = &{1'b0, pos_level};

  `ASSERT(RoomForBoth, !(s_mark_valid && cookie_ready) || pos_ready)
  `ASSERT(CookieIsThere, !m_told_valid || cookie_valid)
  `ASSERT(CountsAreThere, judged_q + fenced_q + told_q + pos_level == cookie_level)

endmodule
