// SPDX-License-Identifier: Apache-2.0
// Resolves a segment job into pieces of the log: {position, length}, one per extent that the segment touches.
//
//   A0  job arrives; read the gather cursor (where this connection's last segment ended) and ext_rd (where una is)
//   A1  read the row of extents
//   A2  row and job wait side by side
//   R   one piece per cycle; the next row is read when a segment runs over the end of this one
//
// The cursor is a hint. It must not be behind ext_rd (then ext_rd is taken), nor ahead of the job (then the job starts
// again from ext_rd: a rewind overtook it). Until a job of a new user of the id has ended, it is that of the former one,
// and may point at extents that do not exist: then ext_rd is taken. From a start at or before the right extent, R walks
// forward until it stands in it.
//
// Contract: jobs leave in order, each as one or more pieces, the last marked; a job without payload is one piece of length zero.
// The job stays at m_job_data until m_piece_last is taken.

module fantail_gather #(
  parameter int Connections = 1024
) (
  input  logic                      clk,
  input  logic                      rst,
  output logic                      busy_o,
  output logic                      idle_o,
  input  logic                      s_job_valid,
  output logic                      s_job_ready,
  input  fantail_tcp_pkg::job_t     s_job_data,
  // sweeper's table, one cycle
  output logic                      swp_rd_o,
  output logic [13:0]               swp_id_o,
  input  logic [15:0]               ext_rd_i,
  // extents, one cycle, always granted
  output logic                      ext_rd_valid_o,
  output logic [13:0]               ext_rd_id_o,
  output logic [15:0]               ext_rd_index_o,
  input  logic [511:0]              ext_row_i,
  // pieces
  output logic                      m_piece_valid,
  input  logic                      m_piece_ready,
  output logic [31:0]               m_piece_pos,
  output logic [10:0]               m_piece_len,
  output logic                      m_piece_last,
  output fantail_tcp_pkg::job_t     m_job_data,
  output fantail_pkg::stage_t       stage_o
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  // ---------------------------------------------------------------- A0: cursor and ext_rd
  logic                  a1_valid_q, a2_valid_q;
  fantail_tcp_pkg::job_t a1_job_q, a2_job_q;
  logic [15:0]           cursor;
  logic                  cursor_we;
  logic [13:0]           cursor_wid;
  logic [15:0]           cursor_wdata;
  logic                  row_wanted;      // R reads a row: A1 waits
  logic                  a1_go;
  logic [2:0]            level;

  // at most four jobs between A0 and R
  assign s_job_ready = (!a1_valid_q || a1_go) && ((3'(a1_valid_q) + 3'(a2_valid_q) + level) < 3'd4) && !busy_o;
  assign swp_rd_o    = s_job_valid && s_job_ready;
  assign swp_id_o    = s_job_data.id;

  fantail_table #(
    .Width(16),
    .Depth(Connections)
  ) u_cursor (
    .clk, .rst,
    .busy_o,
    .we_i    (cursor_we),
    .waddr_i (cursor_wid[IdW-1:0]),
    .wdata_i (cursor_wdata),
    .re_i    (swp_rd_o),
    .raddr_i (s_job_data.id[IdW-1:0]),
    .rdata_o (cursor)
  );

  // ---------------------------------------------------------------- A1: row
  logic [15:0] a1_start, a2_start_q, a2_ext_rd_q;
  assign a1_start = (a1_job_q.from_una || $signed(cursor - ext_rd_i) < 0 || $signed(cursor - a1_job_q.ext_wr) >= 0)
                  ? ext_rd_i : cursor;
  assign a1_go    = a1_valid_q && !row_wanted;

  // ---------------------------------------------------------------- A2: queue of jobs with their rows
  localparam int QueueW = fantail_tcp_pkg::JobW + 512 + 32;
  logic              q_valid, q_pop;
  logic [QueueW-1:0] q_data;
  logic              q_ready;

  fantail_fifo #(
    .Width(QueueW),
    .Depth(4)
  ) u_queue (
    .clk, .rst,
    .s_valid (a2_valid_q),
    .s_ready (q_ready),
    .s_data  ({a2_job_q, ext_row_i, a2_start_q, a2_ext_rd_q}),
    .m_valid (q_valid),
    .m_ready (q_pop),
    .m_data  (q_data),
    .level_o (level)
  );

  logic [511:0] q_row;
  logic [15:0]  q_start, q_ext_rd;
  assign {m_job_data, q_row, q_start, q_ext_rd} = q_data;

  // ---------------------------------------------------------------- R: pieces
  typedef enum logic [1:0] {
    First,    // row from the queue
    Wait,     // another row is being read
    Row,      // row in row_q
    More      // row in row_q, next piece of it
  } state_e;

  state_e       state_q, state_d;
  logic [511:0] row_q, row;
  logic [15:0]  index_q, index, start_q, start;
  logic [31:0]  seq_q, seq, seg_end, left;
  logic         cand_valid_q;            // last lane of the row before may hold seq
  logic [31:0]  cand_delta_q;
  logic [15:0]  cand_index_q;

  logic         found, next, final_found;
  logic [15:0]  found_index;
  logic [31:0]  delta, next_seq;

  assign row     = state_q == First ? q_row : row_q;
  assign index   = state_q == First ? {q_start[15:3], 3'd0} : index_q;
  assign start   = state_q == First ? q_start : start_q;
  assign seq     = state_q == First ? m_job_data.seq : seq_q;
  assign seg_end = m_job_data.seq + 32'(m_job_data.len);
  assign left    = seg_end - seq;

  fantail_find_extent u_find (
    .row_i         (row),
    .index_i       (index),
    .start_i       (start),
    .wr_i          (m_job_data.ext_wr),
    .seq_i         (seq),
    .found_o       (found),
    .found_index_o (found_index),
    .delta_o       (delta),
    .begins_o      (),
    .next_o        (next),
    .next_seq_o    (next_seq),
    .next_delta_o  (),
    .final_o       (final_found)
  );

  logic        active, empty_job, use_cand, resolved, ahead, need_row;
  logic [31:0] to_next, piece_len;
  logic [31:0] piece_delta;
  logic [15:0] piece_index;

  assign active      = q_valid && (state_q != Wait);
  assign empty_job   = m_job_data.len == '0;
  // nothing in this row begins at or before seq: it is the last lane of the row before, or the start was too far
  assign use_cand    = !found && cand_valid_q && state_q != First;
  assign ahead       = !found && !use_cand;
  assign piece_delta = use_cand ? cand_delta_q : delta;
  assign piece_index = use_cand ? cand_index_q : found_index;
  assign resolved    = use_cand || (found && (next || final_found));
  assign need_row    = active && !empty_job && !resolved;
  assign to_next     = next_seq - seq;
  assign piece_len   = ((use_cand || next) && to_next < left) ? to_next : left;

  assign m_piece_valid = active && (empty_job || resolved);
  assign m_piece_pos   = seq + piece_delta;
  assign m_piece_len   = empty_job ? '0 : piece_len[10:0];
  assign m_piece_last  = empty_job || (piece_len == left);
  assign q_pop         = m_piece_valid && m_piece_ready && m_piece_last;

  assign row_wanted     = need_row;
  assign ext_rd_valid_o = need_row || a1_valid_q;
  assign ext_rd_id_o    = need_row ? m_job_data.id : a1_job_q.id;
  assign ext_rd_index_o = !need_row ? a1_start : ahead ? q_ext_rd : (index + 16'd8);

  assign cursor_we    = q_pop && !empty_job && !m_job_data.keep_cursor;
  assign cursor_wid   = m_job_data.id;
  assign cursor_wdata = piece_index;

  always_comb begin
    state_d = state_q;
    if (state_q == Wait) state_d = Row;
    else if (need_row) state_d = Wait;
    else if (q_pop) state_d = First;
    else if (m_piece_valid && m_piece_ready) state_d = More;
  end

  always_ff @(posedge clk) begin
    if (swp_rd_o) a1_job_q <= s_job_data;
    if (a1_go) begin
      a2_job_q    <= a1_job_q;
      a2_start_q  <= a1_start;
      a2_ext_rd_q <= ext_rd_i;
    end
    if (state_q == Wait) row_q <= ext_row_i;
    else if (state_q == First && active && !need_row) row_q <= q_row;
    if (active) begin
      index_q <= index;
      start_q <= start;
      seq_q   <= seq;
      if (m_piece_valid && m_piece_ready) begin
        seq_q        <= seq + piece_len;
        cand_valid_q <= 1'b0;
      end
      if (need_row) begin
        index_q      <= ahead ? {q_ext_rd[15:3], 3'd0} : index + 16'd8;
        start_q      <= ahead ? q_ext_rd : start;
        cand_valid_q <= found;
        cand_delta_q <= delta;
        cand_index_q <= found_index;
      end
    end
    if (rst) begin
      a1_valid_q <= 1'b0;
      a2_valid_q <= 1'b0;
      state_q    <= First;
    end else begin
      if (s_job_ready) a1_valid_q <= s_job_valid;
      else if (a1_go) a1_valid_q <= 1'b0;
      a2_valid_q <= a1_go;
      state_q    <= state_d;
    end
  end

  logic blocked;
  assign blocked = m_piece_valid && !m_piece_ready;
  assign stage_o = {blocked, q_valid && !blocked};

  assign idle_o = !s_job_valid && !a1_valid_q && !a2_valid_q && !q_valid;

  // what is looked at exists
  `ASSERT(StartExists, !(a1_go && a1_job_q.len != '0 && $signed(a1_job_q.ext_wr - a1_start) <= 0))
  `ASSERT(QueueRoom, !(a2_valid_q && !q_ready))
  // starting at ext_rd must always find the extent
  `ASSERT(StartNotAhead, !(active && !empty_job && ahead && start == q_ext_rd && state_q != First))
  `ASSERT(LogBytesExist, !(active && !empty_job && m_job_data.ext_wr == q_ext_rd))

endmodule
