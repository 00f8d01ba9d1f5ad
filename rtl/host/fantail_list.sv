// SPDX-License-Identifier: Apache-2.0
// Reads the target lists of payloads ahead of their walks, and gives their handles one by one.
//
//   list {addr, len} -> fetch: lines, in bursts, as room allows -> line FIFO -> unpack -> handles, end
//
// The order of the fan-out rotates: handles are given from a place on that moves by Step / 2^16 of the list's length
// from batch to batch, around the end; that of fantail_walk, and the same for all lists of a batch. Every line is read once: the one in which the start lies is kept until
// its first handles have their turn.
//
//   line ls       |........AB|   from the start on      (given first)
//   line ls+1..   |CDEFGHIJKL|   to the list's end
//   line 0..ls-1  |..MNOPQRST|   from its beginning on
//   line ls       |UVWXYZab..|   up to the start        (the copy)
//
// Contract
//  - Lists are given in the order in which they came. Behind a list's last handle comes one word with m_list_end.
//  - One handle per cycle while lines are there; one cycle for the end.
//  - A line is requested only when it has a place here: answers never wait. Lists are fetched ahead up to Lines lines
//    and 32 lists. A request is at most 8 lines and does not cross 512 bytes.
//  - When a line fails, the handles of the lines given before it stand, the rest of the list is read and thrown away,
//    and its end comes. err_o and err_addr_o (first failed line) tell of the list whose end was taken last.
//  - drop_i, while the first word of a list is offered and not taken, throws that list away; dropped_o when all of
//    its lines have arrived.
//  - A list's end, or dropped_o, comes when its memory will not be read again.

module fantail_list #(
  parameter int Lines = 64,  // 64-byte lines held or under way, a power of two, at least 16
  parameter int Depth = 64   // lists that wait to be fetched, a power of two
) (
  input  logic         clk,
  input  logic         rst,

  input  logic         s_list_valid,
  output logic         s_list_ready,
  input  logic [61:0]  s_list_addr,   // address / 4
  input  logic [14:0]  s_list_len,    // handles, at least 1
  input  logic         s_list_first,  // of its batch

  output logic         m_req_valid,
  input  logic         m_req_ready,
  output logic [57:0]  m_req_line,
  output logic [3:0]   m_req_lines,
  input  logic         s_line_valid,
  input  logic [511:0] s_line_data,
  input  logic         s_line_err,

  output logic         m_list_valid,
  input  logic         m_list_ready,
  output logic [31:0]  m_list_data,   // handle
  output logic         m_list_end,    // no handle: the list ends

  input  logic         drop_i,
  output logic         dropped_o,     // pulse
  output logic         err_o,
  output logic [63:0]  err_addr_o,
  output logic         idle_o         // no list is held
);
  `include "fantail_assert.svh"

  localparam int IdxW    = 11;  // line within a list: 16,384 handles, wherever they begin, are at most 1,025 lines
  localparam int UsedW   = $clog2(Lines) + 1;
  localparam int Ahead   = 32;  // lists between fetch and unpack
  localparam int TodoW   = 58 + 4 + 15 + 15;

  localparam logic [15:0] Step = 16'd29440;  // 115 / 256

  // ---------------------------------------------------------------- lists to be fetched
  logic        want_valid, want_pop, want_first;
  logic [61:0] want_addr;
  logic [14:0] want_len;
  logic [$clog2(Depth):0] want_level;

  fantail_fifo #(
    .Width(62 + 15 + 1),
    .Depth(Depth)
  ) u_want (
    .clk,
    .rst,
    .s_valid (s_list_valid),
    .s_ready (s_list_ready),
    .s_data  ({s_list_addr, s_list_len, s_list_first}),
    .m_valid (want_valid),
    .m_ready (want_pop),
    .m_data  ({want_addr, want_len, want_first}),
    .level_o (want_level)
  );

  // ---------------------------------------------------------------- fetch
  typedef enum logic [1:0] {
    FetchIdle,   // take a list
    FetchPlan,   // its start is known: first line, number of lines
    FetchIssue   // request its lines
  } fetch_e;

  fetch_e           fetch_q;
  logic [15:0]      phase, phase_q;  // fraction of a list at which it starts, and did the one before
  logic [30:0]      start_q;      // phase * length, 16 fraction bits
  logic [57:0]      base_q;       // its first line in memory
  logic [3:0]       off_q;        // place of its first handle in that line
  logic [14:0]      len_q;
  logic [IdxW-1:0]  at_q;         // next line to request, from the list's first
  logic [IdxW-1:0]  last_q;       // its last line
  logic [IdxW-1:0]  left_q;       // lines to request
  logic [UsedW-1:0] used_q;       // lines requested and not taken out
  logic [15:0]      plan_start, plan_last;
  logic             todo_push, todo_ready, issue, line_pop;
  logic [57:0]      at_line;
  logic [3:0]       room, burst;
  logic [IdxW-1:0]  to_last, most;

  assign phase      = want_first ? phase_q + Step : phase_q;
  assign want_pop   = want_valid && fetch_q == FetchIdle && todo_ready;
  assign plan_start = 16'(off_q) + 16'(start_q[30:16]);
  assign plan_last  = 16'(off_q) + 16'(len_q) - 16'd1;
  assign todo_push  = fetch_q == FetchPlan;

  assign at_line = base_q + 58'(at_q);
  assign room    = 4'd8 - {1'b0, at_line[2:0]};
  assign to_last = last_q - at_q + 1'b1;
  assign most    = to_last < left_q ? to_last : left_q;
  assign burst   = most < IdxW'(room) ? most[3:0] : room;
  assign issue   = fetch_q == FetchIssue && used_q <= UsedW'(Lines) - UsedW'(burst) && (!m_req_valid || m_req_ready);

  always_ff @(posedge clk) begin
    if (want_pop) begin
      base_q  <= want_addr[61:4];
      off_q   <= want_addr[3:0];
      len_q   <= want_len;
      start_q <= phase * want_len;
    end
    if (todo_push) begin
      at_q   <= plan_start[IdxW+3:4];
      last_q <= plan_last[IdxW+3:4];
      left_q <= plan_last[IdxW+3:4] + 1'b1;
    end
    if (issue) begin
      m_req_line  <= at_line;
      m_req_lines <= burst;
      at_q        <= to_last == IdxW'(burst) ? '0 : at_q + IdxW'(burst);
      left_q      <= left_q - IdxW'(burst);
    end
    if (rst) begin
      fetch_q     <= FetchIdle;
      phase_q     <= '0;
      used_q      <= '0;
      m_req_valid <= 1'b0;
    end else begin
      if (want_pop) phase_q <= phase;
      unique case (fetch_q)
        FetchIdle:  if (want_pop) fetch_q <= FetchPlan;
        FetchPlan:  fetch_q <= FetchIssue;
        FetchIssue: if (issue && left_q == IdxW'(burst)) fetch_q <= FetchIdle;
        default:    fetch_q <= FetchIdle;
      endcase
      if (issue) m_req_valid <= 1'b1;
      else if (m_req_ready) m_req_valid <= 1'b0;
      used_q <= used_q + (issue ? UsedW'(burst) : '0) - UsedW'(line_pop);
    end
  end

  // ---------------------------------------------------------------- what was requested, and what has arrived
  logic             todo_valid, todo_pop;
  logic [57:0]      todo_base;
  logic [3:0]       todo_off;
  logic [14:0]      todo_len, todo_start;
  logic [$clog2(Ahead):0] todo_level;
  logic             line_valid, line_ready, line_err;
  logic [511:0]     line_data;

  fantail_fifo #(
    .Width(TodoW),
    .Depth(Ahead)
  ) u_todo (
    .clk,
    .rst,
    .s_valid (todo_push),
    .s_ready (todo_ready),
    .s_data  ({base_q, off_q, len_q, start_q[30:16]}),
    .m_valid (todo_valid),
    .m_ready (todo_pop),
    .m_data  ({todo_base, todo_off, todo_len, todo_start}),
    .level_o (todo_level)
  );

  fantail_ram_fifo #(
    .Width(513),
    .Depth(Lines)
  ) u_lines (
    .clk,
    .rst,
    .s_valid (s_line_valid),
    .s_ready (line_ready),
    .s_data  ({s_line_err, s_line_data}),
    .m_valid (line_valid),
    .m_ready (line_pop),
    .m_data  ({line_err, line_data})
  );

  // ---------------------------------------------------------------- unpack
  typedef enum logic [1:0] {
    UnpackIdle,   // take what stands behind the list before
    UnpackGive,   // handles
    UnpackDrain,  // throw the rest of the list away
    UnpackEnd     // offer the end
  } unpack_e;

  unpack_e          st_q;
  logic [57:0]      list_q;       // first line in memory
  logic [3:0]       first_slot_q; // place of the first handle in it
  logic [3:0]       final_slot_q; // place of the last handle in the last line
  logic [IdxW-1:0]  final_q;      // last line
  logic [IdxW-1:0]  start_line_q; // line and place at which the order starts
  logic [3:0]       start_slot_q;
  logic [14:0]      handles_q;    // to be given
  logic [IdxW-1:0]  lines_q;      // to be taken from the FIFO
  logic [IdxW-1:0]  here_q;       // line that is in cur_q, or will be
  logic             begun_q;      // the start's line has been taken
  logic             have_q;       // cur_q holds handles to be given
  logic [3:0]       slot_q;       // next handle in cur_q
  logic [511:0]     cur_q, copy_q;
  logic             drop_q;       // what is drained is not to be told of
  logic             fail_q;
  logic [57:0]      fail_line_q;

  logic [15:0]      todo_from, todo_last;
  logic             out_free, give, line_ends, need, from_copy, load, take, spoilt;
  logic [IdxW-1:0]  next, want;

  assign todo_pop  = todo_valid && st_q == UnpackIdle;
  assign todo_from = 16'(todo_off) + 16'(todo_start);
  assign todo_last = 16'(todo_off) + 16'(todo_len) - 16'd1;

  assign out_free  = !m_list_valid || m_list_ready;
  assign give      = st_q == UnpackGive && have_q && out_free;
  assign line_ends = slot_q == (here_q == final_q ? final_slot_q : 4'd15);
  assign next      = here_q == final_q ? '0 : here_q + 1'b1;
  assign need      = st_q == UnpackGive && (!have_q || (give && line_ends && handles_q != 15'd1));
  assign want      = have_q ? next : here_q;
  assign from_copy = begun_q && want == start_line_q;
  assign load      = need && (from_copy || line_valid);
  assign take      = need && !from_copy && line_valid;
  assign spoilt    = take && line_err;
  assign line_pop  = take || (st_q == UnpackDrain && lines_q != '0 && line_valid);

  always_ff @(posedge clk) begin
    if (todo_pop) begin
      list_q       <= todo_base;
      first_slot_q <= todo_off;
      final_q      <= todo_last[IdxW+3:4];
      final_slot_q <= todo_last[3:0];
      start_line_q <= todo_from[IdxW+3:4];
      start_slot_q <= todo_from[3:0];
      handles_q    <= todo_len;
      lines_q      <= todo_last[IdxW+3:4] + 1'b1;
      here_q       <= todo_from[IdxW+3:4];
      begun_q      <= 1'b0;
      have_q       <= 1'b0;
      drop_q       <= 1'b0;
      fail_q       <= 1'b0;
    end
    if (give) begin
      slot_q    <= slot_q + 4'd1;
      handles_q <= handles_q - 15'd1;
    end
    if (need) begin
      here_q <= want;
      have_q <= load;
    end
    if (load) begin
      cur_q   <= from_copy ? copy_q : line_data;
      slot_q  <= !begun_q ? start_slot_q : want == '0 ? first_slot_q : 4'd0;
      begun_q <= 1'b1;
      if (!begun_q) copy_q <= line_data;
    end
    if (line_pop) lines_q <= lines_q - 1'b1;
    if (spoilt) begin
      fail_q      <= 1'b1;
      fail_line_q <= list_q + 58'(want);
    end
    if (drop_i && !m_list_end) drop_q <= 1'b1;
  end

  always_ff @(posedge clk) begin
    dropped_o <= 1'b0;
    if (rst) begin
      st_q <= UnpackIdle;
    end else begin
      unique case (st_q)
        UnpackIdle: if (todo_pop) st_q <= UnpackGive;
        UnpackGive: begin
          if (spoilt) st_q <= UnpackDrain;
          else if (give && handles_q == 15'd1) st_q <= UnpackEnd;
        end
        UnpackDrain: begin
          if (lines_q == '0) begin
            st_q      <= drop_q ? UnpackIdle : UnpackEnd;
            dropped_o <= drop_q;
          end
        end
        UnpackEnd: if (out_free) st_q <= UnpackIdle;
        default:   st_q <= UnpackIdle;
      endcase
      // behind the end there is nothing of the list left, and the next one may have begun
      if (drop_i && m_list_end) dropped_o <= 1'b1;
      else if (drop_i) st_q <= UnpackDrain;
    end
  end

  // ---------------------------------------------------------------- output register
  logic        out_fail_q;
  logic [57:0] out_line_q;  // go with the end

  always_ff @(posedge clk) begin
    if (give) m_list_data <= cur_q[{slot_q, 5'd0} +: 32];
    if (out_free && st_q == UnpackEnd) begin
      out_fail_q <= fail_q;
      out_line_q <= fail_line_q;
    end
    if (out_free) m_list_end <= st_q == UnpackEnd;
    if (m_list_valid && m_list_ready && m_list_end) begin
      err_o      <= out_fail_q;
      err_addr_o <= {out_line_q, 6'd0};
    end
    if (rst) m_list_valid <= 1'b0;
    else if (drop_i) m_list_valid <= 1'b0;
    else if (out_free) m_list_valid <= give || st_q == UnpackEnd;
  end

  assign idle_o = want_level == '0 && fetch_q == FetchIdle && todo_level == '0 && st_q == UnpackIdle && used_q == '0;

  logic unused_ok;
  assign unused_ok = ^{line_ready, plan_start[3:0], plan_last[3:0], plan_start[15], plan_last[15],
                       todo_from[15], todo_last[15], start_q[15:0]};

  if (Lines < 16 || (1 << $clog2(Lines)) != Lines) begin : gen_check
    $fatal(1, "fantail_list: Lines is no power of two or below 16");
  end

  `ASSERT(LineHasRoom, !s_line_valid || line_ready)
  `ASSERT(UsedInRange, used_q <= UsedW'(Lines))
  `ASSERT(AllLinesTaken, st_q != UnpackEnd || lines_q == '0)
  `ASSERT(DropsAnOffer, !drop_i || (m_list_valid && !m_list_ready))
  `ASSERT(HasLength, !s_list_valid || s_list_len != '0)
  `COVER(Rotated, load && from_copy)
  `COVER(FullOfLines, used_q > UsedW'(Lines - 8))

endmodule
