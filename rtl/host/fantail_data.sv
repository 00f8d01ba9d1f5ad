// SPDX-License-Identifier: Apache-2.0
// Takes the entries of the DATA ring in order, reserves log space for payloads, reads them and appends them to the log.
//
//   entry -> check (A) -> reserve log bytes, request lines (B) -> lines arrive -> append beats -> done
//                                   \-> retire FIFO, every entry in order ->
//
// Contract
//  - Every entry goes to m_ret in order, with its refusal code (PUBLISH only; other operations are checked where
//    they run) and, for a good PUBLISH, the log position of its first byte. Each good PUBLISH then has exactly one
//    word in m_done, in the same order, in the cycle after its last beat was taken on m_append: err says
//    that a line failed and its log bytes are a hole.
//  - Log space is asked for on m_space (fantail_log_space): the payload and all behind it wait until s_space_grant gives
//    it [s_space_pos, s_space_pos + len) in the same cycle. It asks only when it could go on at once, and while records
//    have room (room_i), and marks: what was granted never waits for the host to read, nor for an acknowledgement. Marks
//    are those that wait already (marks_i, at most 16), those of entries before it, and its own (REPORT_DELIVERED).
//  - Payloads that share a host line: the line is read again only if this entry was beyond the announced tail when
//    the line was requested, because the host may have written its bytes later. Carrying works across requests,
//    entry fetches and batches. So payloads side by side cost each line once.
//  - Requests of payloads that follow each other are joined while entries arrive without a gap.
//  - Each good PUBLISH to a target list is told on m_list, in order, when it is reserved; there is always room.
//  - m_append: at most one aligned line per beat, one beat per cycle. s_line_ready waits only for m_append_ready and for
//    the payload that the line belongs to, which is known before its lines are requested.
//  - When enable_i falls, an entry without log space is forgotten; what was granted is finished.
//  - waiting_o: there is no entry, or the entry waits for log space, for the host to read, or for room for a mark
//    (mark_wait_o). One entry per cycle.

module fantail_data #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log, a power of two
  parameter int Depth       = 64        // entries between check and retirement, a power of two
) (
  input  logic                     clk,
  input  logic                     rst,
  input  logic                     enable_i,      // of the ring; low: forget the carried line

  input  logic                     s_entry_valid,
  output logic                     s_entry_ready,
  input  logic [511:0]             s_entry_data,
  input  logic [14:0]              s_entry_index,
  input  logic [14:0]              tail_i,        // newest announced tail of the ring
  input  logic                     ring_empty_i,

  output logic                     m_space_valid, // a payload wants log space
  output logic                     m_space_take,  // it could take it now
  output logic [31:0]              m_space_len,
  input  logic                     s_space_grant,
  input  logic                     s_space_wait,  // there is none
  input  logic [31:0]              s_space_pos,
  input  logic [$clog2(Depth)+2:0] room_i,        // records that can be taken without waiting
  input  logic [4:0]               marks_i,       // marks that wait, of entries that have left m_ret

  output logic                     m_req_valid,
  input  logic                     m_req_ready,
  output logic [57:0]              m_req_line,
  output logic [16:0]              m_req_lines,
  input  logic                     s_line_valid,
  output logic                     s_line_ready,
  input  logic [511:0]             s_line_data,
  input  logic                     s_line_err,

  output logic                     m_append_valid,
  input  logic                     m_append_ready,
  output fantail_pkg::append_t     m_append_data,

  output logic                     m_list_valid,
  input  logic                     m_list_ready,
  output logic [61:0]              m_list_addr,   // address / 4
  output logic [14:0]              m_list_len,    // handles
  output logic                     m_list_first,  // of its batch

  output logic                     m_ret_valid,
  input  logic                     m_ret_ready,
  output logic [511:0]             m_ret_entry,
  output logic [14:0]              m_ret_index,
  output logic [7:0]               m_ret_code,
  output logic [31:0]              m_ret_pos,

  output logic                     m_done_valid,
  input  logic                     m_done_ready,
  output logic                     m_done_err,
  output logic [63:0]              m_done_addr,   // first failed line

  output logic                     granted_o,     // a payload on m_ret, or behind it, has log space,
  output logic [31:0]              granted_pos_o, // the oldest of them from here on
  output logic                     waiting_o,
  output logic                     mark_wait_o,
  output logic                     log_wait_o
);
  `include "fantail_assert.svh"

  localparam int LenW  = 23;  // a quarter of 16 MiB
  localparam int DescW = 32 + 6 + LenW + 1 + 58;
  localparam int LevelW = $clog2(Depth) + 1;

  // ---------------------------------------------------------------- A: check
  fantail_regs_pkg::entry_t in_entry, a_entry;
  logic         unused_ok;  // fields that only the retirement looks at, and what properties use
  logic         a_valid_q, b_take;
  logic [511:0] a_data_q;
  logic [14:0]  a_index_q;
  logic [7:0]   a_code_q, in_code;
  logic [57:0]  a_last_q, in_last;  // line of the last byte
  logic         in_publish, a_good_q;

  assign in_entry   = s_entry_data;
  assign in_publish = in_entry.op == fantail_regs_pkg::OP_PUBLISH;
  assign in_last    = 58'((in_entry.addr + 64'(in_entry.len) - 64'd1) >> 6);
  assign a_entry    = a_data_q;

  fantail_entry_check #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes)
  ) u_check (
    .entry_i   (in_entry),
    .control_i (1'b0),
    .code_o    (in_code)
  );

  assign s_entry_ready = !a_valid_q || b_take;

  always_ff @(posedge clk) begin
    if (s_entry_valid && s_entry_ready) begin
      a_data_q  <= s_entry_data;
      a_index_q <= s_entry_index;
      a_code_q  <= in_publish ? in_code : fantail_regs_pkg::REFUSE_OK;
      a_good_q  <= in_publish && in_code == fantail_regs_pkg::REFUSE_OK;
      a_last_q  <= in_last;
    end
    if (rst || (!enable_i && !b_take)) a_valid_q <= 1'b0;
    else if (s_entry_ready) a_valid_q <= s_entry_valid && enable_i;
  end

  // ---------------------------------------------------------------- B: reserve, decide on the carried line, request
  logic        carry_valid_q;  // carry_line_q is the line requested last, when carry_tail_q was the tail
  logic [57:0] carry_line_q, a_first, new_first;
  logic [14:0] carry_tail_q, ahead;
  logic        announced, carry, ret_ready, desc_ready, told, joins, reads;
  logic [16:0] new_lines;
  logic        acc_valid_q;    // lines collected for the next request
  logic [57:0] acc_line_q;
  logic [16:0] acc_lines_q;
  logic        acc_out, acc_free, acc_keep;

  assign a_first    = a_entry.addr[63:6];
  assign ahead      = a_index_q - carry_tail_q;
  assign announced  = carry_valid_q && ahead[14];
  assign carry      = announced && a_first == carry_line_q;
  assign new_first  = carry ? a_first + 58'd1 : a_first;
  assign new_lines  = 17'(a_last_q - a_first) + 17'(!carry);
  assign reads      = a_good_q && new_lines != '0;

  // an entry has at most two records, of itself and of its batch; two more are on their way to where they are counted
  assign told = room_i >= (LevelW+2)'({ret_level, 1'b0}) + (LevelW+2)'(6);

  // an entry on m_ret that asks for a mark may come to need none: then there is room again when it leaves
  localparam logic [LevelW:0] Marks = (LevelW+1)'(16);
  fantail_regs_pkg::entry_t ret_entry;
  logic                     unused_ret;  // but for the flags
  logic [LevelW-1:0]        marks_q;     // of entries on m_ret
  logic                     marks, marks_out, marked;
  assign ret_entry  = m_ret_entry;
  assign unused_ret = ^ret_entry;
  assign marks      = (a_entry.flags & fantail_regs_pkg::FLAG_REPORT_DELIVERED) != '0;
  assign marks_out  = (ret_entry.flags & fantail_regs_pkg::FLAG_REPORT_DELIVERED) != '0;
  assign marked     = (LevelW+1)'(marks_i) + (LevelW+1)'(marks_q) + (LevelW+1)'(marks) <= Marks;
  always_ff @(posedge clk) begin
    if (rst) marks_q <= '0;
    else marks_q <= marks_q + LevelW'(b_take && marks) - LevelW'(m_ret_valid && m_ret_ready && marks_out);
  end

  // acc joins what follows it directly, up to a full burst; it moves out as soon as a cycle brings nothing to join
  assign joins    = acc_valid_q && acc_lines_q < 17'd8 && acc_line_q + 58'(acc_lines_q) == new_first;
  assign acc_out  = !m_req_valid || m_req_ready;
  assign acc_free = !acc_valid_q || acc_out;
  assign b_take   = a_valid_q && (a_good_q ? s_space_grant : ret_ready);

  assign m_space_valid = a_valid_q && a_good_q;
  assign m_space_take  = ret_ready && desc_ready && told && marked && (!reads || joins || acc_free) && enable_i;
  assign m_space_len   = a_entry.len;
  assign acc_keep = b_take && a_good_q && (new_lines == '0 || joins) && acc_lines_q < 17'd8;

  always_ff @(posedge clk) begin
    if (acc_valid_q && acc_out) begin
      m_req_line  <= acc_line_q;
      m_req_lines <= acc_lines_q;
    end
    if (b_take && reads) begin
      carry_line_q <= a_last_q;
      carry_tail_q <= tail_i;
      if (joins) begin
        acc_lines_q <= acc_lines_q + new_lines;
      end else begin
        acc_line_q  <= new_first;
        acc_lines_q <= new_lines;
      end
    end
    if (rst) begin
      carry_valid_q <= 1'b0;
      acc_valid_q   <= 1'b0;
      m_req_valid   <= 1'b0;
      m_list_first  <= 1'b1;
    end else begin
      if (!enable_i || (b_take && (a_entry.flags & fantail_regs_pkg::FLAG_LAST) != '0)) m_list_first <= 1'b1;
      else if (m_list_valid) m_list_first <= 1'b0;
      if (!enable_i) carry_valid_q <= 1'b0;
      else if (b_take && reads) carry_valid_q <= 1'b1;
      else if (b_take && !announced) carry_valid_q <= 1'b0;  // nor will any later entry be
      if (acc_valid_q && !acc_keep && acc_out) m_req_valid <= 1'b1;
      else if (m_req_ready) m_req_valid <= 1'b0;
      if (b_take && reads) acc_valid_q <= 1'b1;
      else if (acc_valid_q && !acc_keep && acc_out) acc_valid_q <= 1'b0;
    end
  end

  assign m_list_valid = b_take && a_good_q && (a_entry.flags & fantail_regs_pkg::FLAG_LIST) != '0;
  assign m_list_addr  = a_entry.list_addr[63:2];
  assign m_list_len   = a_entry.list_len[14:0];

  assign log_wait_o  = s_space_wait;
  assign mark_wait_o = a_valid_q && a_good_q && !marked;
  assign waiting_o   = log_wait_o || (a_valid_q && a_good_q && !told) || mark_wait_o || (!a_valid_q && ring_empty_i);

  // ---------------------------------------------------------------- queues
  logic [$clog2(Depth):0] ret_level, desc_level, done_level;
  logic             desc_valid, desc_pop, desc_carry, done_push, done_ready;
  logic [DescW-1:0] desc;
  logic [31:0]      desc_pos;
  logic [5:0]       desc_off;
  logic [LenW-1:0]  desc_len;
  logic [57:0]      desc_line;
  logic [64:0]      done_word;

  fantail_fifo #(
    .Width(512 + 15 + 8 + 32),
    .Depth(Depth)
  ) u_retire (
    .clk,
    .rst,
    .s_valid (b_take),
    .s_ready (ret_ready),
    .s_data  ({a_data_q, a_index_q, a_code_q, s_space_pos}),
    .m_valid (m_ret_valid),
    .m_ready (m_ret_ready),
    .m_data  ({m_ret_entry, m_ret_index, m_ret_code, m_ret_pos}),
    .level_o (ret_level)
  );

  fantail_fifo #(
    .Width(DescW),
    .Depth(Depth)
  ) u_desc (
    .clk,
    .rst,
    .s_valid (b_take && a_good_q),
    .s_ready (desc_ready),
    .s_data  ({s_space_pos, a_entry.addr[5:0], a_entry.len[LenW-1:0], carry, a_first}),
    .m_valid (desc_valid),
    .m_ready (desc_pop),
    .m_data  (desc),
    .level_o (desc_level)
  );
  assign {desc_pos, desc_off, desc_len, desc_carry, desc_line} = desc;

  // ---------------------------------------------------------------- lines arrive: cut append beats
  logic            mid_q;    // within a payload: its rest is in the registers below
  logic [31:0]     pos_q, pos;
  logic [LenW-1:0] rem_q, rem;
  logic [57:0]     line_q, line;
  logic            err_q, err, from_keep, fire, ends, beat_err;
  logic [57:0]     err_line_q;
  logic [5:0]      off;
  logic [6:0]      bytes, space;
  logic [511:0]    keep_q, beat;  // keep_q: the line that arrived last
  logic            keep_err_q;
  logic            append_valid_q, append_last_q, done_err_q;
  logic [57:0]     done_line_q;  // first that failed
  logic [31:0]     append_pos_q;
  logic [5:0]      append_off_q;
  logic [6:0]      append_bytes_q;
  logic [511:0]    append_beat_q;

  assign pos       = mid_q ? pos_q : desc_pos;
  assign rem       = mid_q ? rem_q : desc_len;
  assign line      = mid_q ? line_q : desc_line;
  assign off       = mid_q ? 6'd0 : desc_off;
  assign err       = mid_q && err_q;
  assign from_keep = !mid_q && desc_carry;
  assign space     = 7'd64 - 7'(off);
  assign bytes     = rem < LenW'(space) ? rem[6:0] : space;
  assign ends      = rem == LenW'(bytes);
  assign fire      = desc_valid && (from_keep || s_line_valid) && (!append_valid_q || m_append_ready);
  assign beat      = from_keep ? keep_q : s_line_data;
  assign beat_err  = from_keep ? keep_err_q : s_line_err;
  assign desc_pop  = fire && ends;

  assign s_line_ready = desc_valid && !from_keep && (!append_valid_q || m_append_ready);

  assign done_push = append_valid_q && m_append_ready && append_last_q;
  assign done_word = {done_err_q, done_line_q, 6'd0};

  always_ff @(posedge clk) begin
    if (s_line_valid && s_line_ready) begin
      keep_q     <= s_line_data;
      keep_err_q <= s_line_err;
    end
    if (fire) begin
      pos_q          <= pos + 32'(bytes);
      rem_q          <= rem - LenW'(bytes);
      line_q         <= line + 58'd1;
      err_q          <= err || beat_err;
      append_pos_q   <= pos;
      append_off_q   <= off;
      append_bytes_q <= bytes;
      append_last_q  <= ends;
      append_beat_q  <= beat;
      done_err_q     <= err || beat_err;
      done_line_q    <= err ? err_line_q : line;
    end
    if (fire && !err) err_line_q <= line;
    if (rst) begin
      mid_q          <= 1'b0;
      append_valid_q <= 1'b0;
    end else begin
      if (fire) mid_q <= !ends;
      if (fire) append_valid_q <= 1'b1;
      else if (m_append_ready) append_valid_q <= 1'b0;
    end
  end

  assign m_append_valid = append_valid_q;
  assign m_append_data  = {append_pos_q, append_off_q, append_bytes_q, append_last_q, append_beat_q};

  fantail_fifo #(
    .Width(65),
    .Depth(Depth)
  ) u_done (
    .clk,
    .rst,
    .s_valid (done_push),
    .s_ready (done_ready),
    .s_data  (done_word),
    .m_valid (m_done_valid),
    .m_ready (m_done_ready),
    .m_data  ({m_done_err, m_done_addr}),
    .level_o (done_level)
  );

  logic              granted_ready;
  logic [LevelW-1:0] granted_level;
  fantail_fifo #(
    .Width(32),
    .Depth(Depth)
  ) u_granted (
    .clk,
    .rst,
    .s_valid (b_take && a_good_q),
    .s_ready (granted_ready),
    .s_data  (s_space_pos),
    .m_valid (granted_o),
    .m_ready (m_done_valid && m_done_ready),
    .m_data  (granted_pos_o),
    .level_o (granted_level)
  );

  assign unused_ok = ^{a_entry, ahead, ret_level, desc_level, done_level, done_ready, m_list_ready, granted_ready,
                       granted_level};

  if (LogBytes > (1 << 24) || (1 << $clog2(LogBytes)) != LogBytes) begin : gen_check
    $fatal(1, "fantail_data: LogBytes is no power of two or above 16 MiB");
  end

  // a done word belongs to an entry that is still in the retire FIFO
  `ASSERT(DoneHasRoom, !done_push || done_ready)
  `ASSERT(DoneBelongs, done_level + desc_level <= ret_level)
  `ASSERT(GrantedHasRoom, !(b_take && a_good_q) || granted_ready)
  `ASSERT(GrantedBelongs, done_level <= granted_level && granted_level <= ret_level)
  // a list is fetched before its entry leaves the retire FIFO
  `ASSERT(ListHasRoom, !m_list_valid || m_list_ready)
  `ASSERT(GrantIsWanted, !s_space_grant || (m_space_valid && m_space_take))
  `COVER(Carried, fire && from_keep)

endmodule
