// SPDX-License-Identifier: Apache-2.0
// Turns a walk command into its targets, one connection per cycle: the members of a group, the handles of a list, or
// one connection.
//
// Groups are bitmaps, one row of 64 connections per word. A walk visits the rows of the connections in use (below
// span_i), beginning at its group's turn, an id:
//
//   visit 0      row of the start, bits from the start on
//   visit 1..n-1 the following rows, around the end
//   visit n      row of the start again, bits before the start
//
// The next row is read while the current one is emptied: a row costs max(1, members) cycles.
//
// A group's turn moves on by Step / 256 of its members from round to round, so that over a few rounds nobody is early
// or late on average. Walks whose bytes leave together are one round: a round ends with the walk that ends its batch,
// or when hold_i lets go what was held. Members are counted, not ids: where ids are missing nobody is first for all of
// them. Each group has a turn of its own, so that no pattern of walks to others stops it. Over any 20 rounds of a
// group of any size the mean place of each member is within a tenth of the middle; a step of the golden ratio misses
// that by a little.
//
// Contract: one walk at a time; s_walk is taken when the walk begins. Targets come on m_target; done_o when the last one
// has been taken. A list's handles come on s_list, in any order and repeated, and behind them one word with s_list_end;
// a walk with to_list takes all of that. Membership changes (s_op) are taken between walks only and answered two cycles
// later with the old bit; with s_op_all, a connection leaves every group, two cycles for each.

module fantail_walk #(
  parameter int Connections = 1024,
  parameter int Groups      = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                  clk,
  input  logic                  rst,
  output logic                  busy_o,      // clearing after reset
  // walks
  input  logic                  s_walk_valid,
  output logic                  s_walk_ready,
  input  fantail_pkg::walk_t    s_walk_data,
  input  logic [14:0]           span_i,      // connections in use: highest id ever installed, plus one
  input  logic [QueuePairs-1:0] hold_i,      // what walks have given is held back
  // targets of a walk to a list
  input  logic                  s_list_valid,
  output logic                  s_list_ready,
  input  logic [31:0]           s_list_data, // handle
  input  logic                  s_list_end,  // no handle: the list ends
  // targets
  output logic                  m_target_valid,
  input  logic                  m_target_ready,
  output logic [13:0]           m_target_id,
  output logic                  m_target_named,  // by a handle: its generation must fit
  output logic [15:0]           m_target_gen,
  output logic                  m_target_none,   // there is no such id
  output logic                  done_o,      // pulse: every target of the walk was taken
  // membership
  input  logic                  s_op_valid,
  output logic                  s_op_ready,
  input  logic                  s_op_join,   // else leave
  input  logic                  s_op_all,    // every group, not s_op_group
  input  logic [13:0]           s_op_id,
  input  logic [15:0]           s_op_group,
  output logic                  op_done_o,   // pulse
  output logic                  op_was_o     // was a member before
);
  `include "fantail_assert.svh"

  localparam int RowW   = Connections < 64 ? Connections : 64;
  localparam int Rows   = Connections / RowW;         // of one group
  localparam int RowLog = $clog2(RowW);
  localparam int RowBits = $clog2(Rows);
  localparam int AddrW  = $clog2(Groups * Rows);
  localparam int RIdxW  = Rows > 1 ? $clog2(Rows) : 1;

  typedef enum logic [2:0] {
    Idle,    // nothing to do
    OpRead,  // membership: row is being read
    OpWrite, // membership: row is written back
    Single,  // one connection
    List,    // handles as they come
    Turn,    // group: its turn has been read
    Scan     // group: rows
  } state_e;

  state_e            state_q, state_d;
  logic [13:0]       id_q;
  logic [15:0]       group_q, gen_q;
  logic              join_q, all_q;
  logic [13:0]       id_row;
  logic [AddrW-1:0]  id_addr;
  assign id_row  = id_q >> RowLog;
  assign id_addr = (AddrW'(group_q) << RowBits) | AddrW'(id_row);

  // ---------------------------------------------------------------- bitmap memory
  logic              ram_re, ram_we;
  logic [AddrW-1:0]  ram_raddr;
  logic [RowW-1:0]   ram_rdata, ram_wdata;
  logic [RowW-1:0]   op_bit;
  logic              bitmap_busy;

  fantail_table #(
    .Width(RowW),
    .Depth(Groups * Rows)
  ) u_bitmap (
    .clk, .rst,
    .busy_o  (bitmap_busy),
    .we_i    (ram_we),
    .waddr_i (id_addr),
    .wdata_i (ram_wdata),
    .re_i    (ram_re),
    .raddr_i (ram_raddr),
    .rdata_o (ram_rdata)
  );

  assign op_bit    = RowW'(1) << id_q[RowLog-1:0];
  assign ram_wdata = join_q ? (ram_rdata | op_bit) : (ram_rdata & ~op_bit);
  assign ram_we    = state_q == OpWrite;
  assign op_done_o = state_q == OpWrite && (!all_q || group_q == 16'(Groups - 1));
  assign op_was_o  = (ram_rdata & op_bit) != '0;

  // ---------------------------------------------------------------- turns
  localparam int Step = 115;           // of 256 members
  localparam int GroupW = $clog2(Groups);

  typedef struct packed {
    logic [2:0]  qp;                   // of the last walk
    logic [15:0] round;
    logic [13:0] start;                // id at which that round begins
    logic [13:0] next;                 // and the one after it
    logic [7:0]  fraction;             // of a member
    logic [14:0] members;
  } turn_t;

  logic              turn_re, turn_we, turn_busy;
  logic [GroupW-1:0] turn_raddr;
  turn_t             turn, turn_q, turn_new;  // of the walk: turn_q, its start as it holds now
  logic [16*QueuePairs-1:0] rounds_q;  // of each queue pair
  logic [QueuePairs-1:0]    fresh_q;   // its next walk begins a round
  logic [15:0]       round;            // of the walk
  logic [2:0]        qp_q;
  logic              last_q;           // the walk ends its batch
  logic              moves_q;          // the walk is its group's first of the round
  logic              moves;
  logic [22:0]       step;             // members to go on by, 8 fraction bits
  logic [14:0]       mark_q;           // targets before the next round's first
  logic [13:0]       next_start;
  logic              joins, leaves;

  fantail_table #(
    .Width(70),
    .Depth(Groups)
  ) u_turn (
    .clk, .rst,
    .busy_o  (turn_busy),
    .we_i    (turn_we),
    .waddr_i (GroupW'(group_q)),
    .wdata_i (turn_new),
    .re_i    (turn_re),
    .raddr_i (turn_raddr),
    .rdata_o (turn)
  );

  assign joins  = join_q && !op_was_o;
  assign leaves = !join_q && op_was_o;
  assign moves  = turn.round != round || turn.qp != qp_q;
  assign step   = turn.members * 23'(Step) + 23'(turn.fraction);

  // ---------------------------------------------------------------- scan
  logic [RIdxW-1:0]  row_q;            // next row to be read
  logic [RIdxW:0]    visits_q;         // rows still to be read
  logic [RIdxW-1:0]  next_row_q;       // row in the memory's output register
  logic              next_valid_q, next_first_q, next_final_q;
  logic [RowW-1:0]   cur_q;            // members of the current row not given yet
  logic [RIdxW-1:0]  cur_row_q;
  logic              cur_final_q;
  logic [RIdxW-1:0]  last_row;         // of the connections in use
  logic [RowW-1:0]   from_start;       // bits at and behind the start
  logic [RowLog-1:0] first_bit;
  logic              take, load, fetch, row_out;
  logic [RowW-1:0]   cur_rest;

  assign last_row   = span_i == '0 ? '0 : RIdxW'((span_i - 15'd1) >> RowLog);
  assign from_start = {RowW{1'b1}} << turn_q.start[RowLog-1:0];

  always_comb begin
    round = '0;
    for (int q = 0; q < QueuePairs; q++) if (qp_q == 3'(q)) round = rounds_q[16*q +: 16];
  end

  always_comb begin
    first_bit = '0;
    for (int i = RowW - 1; i >= 0; i--) if (cur_q[i]) first_bit = RowLog'(i);
  end
  assign cur_rest = cur_q & (cur_q - 1'b1);

  assign take     = (state_q == Scan) && (cur_q != '0) && m_target_ready;
  assign row_out  = (state_q == Scan) && ((cur_q == '0) || (take && cur_rest == '0));
  assign load     = row_out && next_valid_q;
  assign fetch    = (state_q == Scan) && (visits_q != '0) && (!next_valid_q || load);

  assign m_target_valid = (state_q == Single) || ((state_q == Scan) && (cur_q != '0))
                       || ((state_q == List) && s_list_valid && !s_list_end);
  assign m_target_id    = state_q == Single ? id_q : state_q == List ? s_list_data[13:0] : 14'({cur_row_q, first_bit});
  assign m_target_named = state_q != Scan;
  assign m_target_gen   = state_q == Single ? gen_q : s_list_data[31:16];
  assign m_target_none  = state_q == List && 32'(s_list_data[15:0]) >= 32'(Connections);
  assign s_list_ready   = state_q == List && (s_list_end || m_target_ready);
  assign done_o = ((state_q == Single) && m_target_ready)
               || ((state_q == List) && s_list_valid && s_list_end)
               || ((state_q == Scan) && row_out && !next_valid_q && (visits_q == '0));

  assign busy_o     = bitmap_busy || turn_busy;
  assign next_start = moves_q && take && mark_q == '0 ? 14'({cur_row_q, first_bit}) : turn_q.next;

  always_comb begin
    turn_re    = state_q == OpRead;
    turn_raddr = GroupW'(group_q);
    if (state_q == Idle) begin
      turn_re    = 1'b1;
      turn_raddr = GroupW'(s_walk_data.target);
    end
    turn_we  = state_q == OpWrite || (state_q == Scan && done_o);
    turn_new = turn;
    if (state_q == OpWrite) begin
      turn_new.members = turn.members + 15'(joins) - 15'(leaves);
    end else begin
      turn_new      = turn_q;
      turn_new.next = next_start;
    end
  end

  always_comb begin
    state_d      = state_q;
    s_walk_ready = 1'b0;
    s_op_ready   = 1'b0;
    ram_re       = fetch;
    ram_raddr    = (AddrW'(group_q) << RowBits) | AddrW'(row_q);
    unique case (state_q)
      Idle: begin
        if (s_op_valid && !busy_o) begin
          s_op_ready = 1'b1;
          state_d    = OpRead;
        end else if (s_walk_valid && !busy_o) begin
          s_walk_ready = 1'b1;
          state_d      = s_walk_data.to_list ? List : s_walk_data.group ? Turn : Single;
        end
      end
      OpRead: begin
        ram_re    = 1'b1;
        ram_raddr = id_addr;
        state_d   = OpWrite;
      end
      OpWrite: state_d = op_done_o ? Idle : OpRead;
      Single:  if (m_target_ready) state_d = Idle;
      List:    if (done_o) state_d = Idle;
      Turn:    state_d = Scan;
      Scan:    if (done_o) state_d = Idle;
      default: state_d = Idle;
    endcase
  end

  always_ff @(posedge clk) begin
    if (s_op_valid && s_op_ready) begin
      id_q    <= s_op_id;
      group_q <= s_op_all ? '0 : s_op_group;
      join_q  <= s_op_join;
      all_q   <= s_op_all;
    end
    if (state_q == OpWrite && all_q) group_q <= group_q + 16'd1;
    if (s_walk_valid && s_walk_ready) begin
      id_q         <= s_walk_data.target[13:0];
      gen_q        <= s_walk_data.target[31:16];
      group_q      <= s_walk_data.target[15:0];
      last_q       <= s_walk_data.last;
      qp_q         <= s_walk_data.qp;
      next_valid_q <= 1'b0;
      next_first_q <= 1'b1;
      cur_q        <= '0;
      cur_final_q  <= 1'b0;
    end else if (state_q == Turn) begin
      turn_q  <= turn;
      moves_q <= moves;
      mark_q  <= step[22:8];
      row_q   <= RIdxW'(turn.start >> RowLog);
      if (moves) begin
        turn_q.qp       <= qp_q;
        turn_q.round    <= round;
        turn_q.start    <= turn.next;
        turn_q.fraction <= step[7:0];
        row_q           <= RIdxW'(turn.next >> RowLog);
      end
      visits_q <= (RIdxW+1)'(last_row) + (RIdxW+1)'(2);
    end else if (state_q == Scan) begin
      turn_q.next <= next_start;
      if (take) mark_q <= mark_q - 1'b1;
      if (fetch) begin
        row_q        <= row_q == last_row ? '0 : row_q + 1'b1;
        visits_q     <= visits_q - 1'b1;
        next_row_q   <= row_q;
        next_final_q <= visits_q == (RIdxW+1)'(1);
      end
      if (fetch) next_valid_q <= 1'b1;
      else if (load) next_valid_q <= 1'b0;
      if (load) begin
        next_first_q <= 1'b0;
        cur_row_q    <= next_row_q;
        cur_final_q  <= next_final_q;
        cur_q        <= ram_rdata & (next_first_q ? from_start
                                   : next_final_q ? ~from_start : {RowW{1'b1}});
      end else if (take) begin
        cur_q <= cur_rest;
      end
    end
    if (rst) begin
      state_q <= Idle;
      rounds_q <= '0;
      fresh_q  <= '1;
    end else begin
      state_q <= state_d;
      for (int q = 0; q < QueuePairs; q++) begin
        if (s_walk_valid && s_walk_ready && s_walk_data.qp == 3'(q)) begin
          rounds_q[16*q +: 16] <= rounds_q[16*q +: 16] + 16'(fresh_q[q]);
          fresh_q[q]           <= 1'b0;
        end else if (!hold_i[q] || (done_o && last_q && qp_q == 3'(q))) begin
          fresh_q[q] <= 1'b1;
        end
      end
    end
  end

  if (Connections < 16 || Connections > 16384 || (1 << $clog2(Connections)) != Connections) begin : gen_check
    $fatal(1, "fantail_walk: Connections must be a power of two from 16 to 16384");
  end

`ifdef FANTAIL_PROPERTIES
  logic [14:0] given_q;  // targets of this walk
  always_ff @(posedge clk) given_q <= state_q == Scan ? given_q + 15'(take) : '0;
  // Who is in the bitmap has been counted.
  `ASSERT(MembersCounted, !(state_q == Scan && done_o && given_q + 15'(take) != turn_q.members))
`endif
  `ASSERT(RowsInOrder, !(state_q == Scan && cur_final_q && next_valid_q))

endmodule
