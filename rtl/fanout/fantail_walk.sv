// SPDX-License-Identifier: Apache-2.0
// Turns a walk command into its targets, one connection per cycle: the members of a group, the handles of a list, or
// one connection.
//
// Groups are bitmaps, one row of 64 connections per word. A walk visits the rows of the connections in use (below
// span_i), beginning at a place that moves by the golden ratio of the span from walk to walk, so that over a few
// walks no client is early or late on average:
//
//   visit 0      row of the start, bits from the start on
//   visit 1..n-1 the following rows, around the end
//   visit n      row of the start again, bits before the start
//
// The next row is read while the current one is emptied: a row costs max(1, members) cycles.
//
// Contract: one walk at a time; s_walk is taken when the walk begins. Targets come on m_target; done_o when the last one
// has been taken. A list's handles come on s_list, in any order and repeated, and behind them one word with s_list_end;
// a walk with to_list takes all of that. Membership changes (s_op) are taken between walks only and answered two cycles
// later with the old bit.

module fantail_walk #(
  parameter int Connections = 1024,
  parameter int Groups      = 1024
) (
  input  logic                  clk,
  input  logic                  rst,
  output logic                  busy_o,      // clearing after reset
  // walks
  input  logic                  s_walk_valid,
  output logic                  s_walk_ready,
  input  fantail_pkg::walk_t    s_walk_data,
  input  logic [14:0]           span_i,      // connections in use: highest id ever installed, plus one
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
    Scan     // group
  } state_e;

  state_e            state_q, state_d;
  logic [13:0]       id_q;
  logic [15:0]       group_q, gen_q;
  logic              join_q;
  logic [13:0]       id_row;
  logic [AddrW-1:0]  id_addr;
  assign id_row  = id_q >> RowLog;
  assign id_addr = (AddrW'(group_q) << RowBits) | AddrW'(id_row);

  // ---------------------------------------------------------------- bitmap memory
  logic              ram_re, ram_we;
  logic [AddrW-1:0]  ram_raddr;
  logic [RowW-1:0]   ram_rdata, ram_wdata;
  logic [RowW-1:0]   op_bit;

  fantail_table #(
    .Width(RowW),
    .Depth(Groups * Rows)
  ) u_bitmap (
    .clk, .rst,
    .busy_o,
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
  assign op_done_o = state_q == OpWrite;
  assign op_was_o  = (ram_rdata & op_bit) != '0;

  // ---------------------------------------------------------------- rotation
  logic [15:0] phase_q;        // fraction of the span
  logic [30:0] start_q;        // phase * span, 16 fraction bits
  logic [13:0] start;
  assign start = start_q[29:16];

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
  assign from_start = {RowW{1'b1}} << start[RowLog-1:0];

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
          state_d      = s_walk_data.to_list ? List : s_walk_data.group ? Scan : Single;
        end
      end
      OpRead: begin
        ram_re    = 1'b1;
        ram_raddr = id_addr;
        state_d   = OpWrite;
      end
      OpWrite: state_d = Idle;
      Single:  if (m_target_ready) state_d = Idle;
      List:    if (done_o) state_d = Idle;
      Scan:    if (done_o) state_d = Idle;
      default: state_d = Idle;
    endcase
  end

  always_ff @(posedge clk) begin
    start_q <= phase_q * 15'(span_i);
    if (s_op_valid && s_op_ready) begin
      id_q    <= s_op_id;
      group_q <= s_op_group;
      join_q  <= s_op_join;
    end
    if (s_walk_valid && s_walk_ready) begin
      id_q         <= s_walk_data.target[13:0];
      gen_q        <= s_walk_data.target[31:16];
      group_q      <= s_walk_data.target[15:0];
      row_q        <= RIdxW'(start >> RowLog);
      visits_q     <= (RIdxW+1)'(last_row) + (RIdxW+1)'(2);
      next_valid_q <= 1'b0;
      next_first_q <= 1'b1;
      cur_q        <= '0;
      cur_final_q  <= 1'b0;
    end else if (state_q == Scan) begin
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
    if (done_o) phase_q <= phase_q + 16'd40503;  // 65536 / golden ratio
    if (rst) begin
      state_q <= Idle;
      phase_q <= '0;
    end else begin
      state_q <= state_d;
    end
  end

  if (Connections < 16 || Connections > 16384 || (1 << $clog2(Connections)) != Connections) begin : gen_check
    $fatal(1, "fantail_walk: Connections must be a power of two from 16 to 16384");
  end

  `ASSERT(RowsInOrder, !(state_q == Scan && cur_final_q && next_valid_q))

endmodule
