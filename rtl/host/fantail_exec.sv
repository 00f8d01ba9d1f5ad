// SPDX-License-Identifier: Apache-2.0
// Retires the entries of the DATA ring in order: payloads become walks, other operations go to the control unit,
// batches end in records.
//
// Contract
//  - Consecutive good PUBLISH entries of one target whose payloads are all in the log, and follow each other there,
//    become one walk; a payload that is still being read is not waited for. While a walk runs, the next one
//    collects. A walk never goes past LAST (its last bit), one walk is outstanding.
//  - A payload to a target list is a walk of its own, begun when the list's first word is offered (s_list_valid). Its
//    entry stays until the walk has ended: then s_list_err says whether a line of the list failed. If so the entry is
//    refused, with the number of targets reached; if the payload failed, its list is dropped.
//  - Anything else waits until all walks before it have ended. A refused or failed entry gives a REFUSED record.
//  - REPORT_DELIVERED: m_mark has the log position behind the payload, or behind all before a NOP, and the cookie, in order;
//    perhaps before its walk has ended (see walk_pos_o). There is room for that of a payload (fantail_data); a NOP without
//    waits, and all goes that is queued.
//  - LAST gives exactly one BATCH record, after everything before it.
//  - head_o passes an entry when its effect is visible, before its records are offered. It returns to 0 while enable_i
//    is low and nothing runs, and an open batch is forgotten.
//  - pending_o: log space of this queue pair is not replicated yet, from oldest_o on.
//  - hold_o: a batch is open and its next bytes are on their way, so segments may wait to be filled. Low whenever
//    DATA waits for anything: entries, log space, the control unit.
//  - Payload done to m_walk_valid: two cycles. Records and walks hold until taken.

module fantail_exec (
  input  logic                 clk,
  input  logic                 rst,
  input  logic                 enable_i,
  input  logic [2:0]           qp_i,                // this queue pair

  input  logic                 s_ret_valid,
  output logic                 s_ret_ready,
  input  logic [511:0]         s_ret_entry,
  input  logic [14:0]          s_ret_index,
  input  logic [7:0]           s_ret_code,
  input  logic [31:0]          s_ret_pos,
  input  logic                 s_done_valid,
  output logic                 s_done_ready,
  input  logic                 s_done_err,
  input  logic [63:0]          s_done_addr,
  input  logic                 granted_i,           // an entry on s_ret, or behind it, has log space,
  input  logic [31:0]          granted_pos_i,       // the oldest of them from here on
  input  logic                 data_waiting_i,

  input  logic                 s_list_valid,        // the next list's handles are offered to the walk
  output logic                 list_drop_o,         // throw it away, answered by
  input  logic                 s_list_dropped,
  input  logic                 s_list_err,          // of the list walked last
  input  logic [63:0]          s_list_err_addr,

  output logic                 m_walk_valid,
  input  logic                 m_walk_ready,
  output fantail_pkg::walk_t   m_walk_data,
  input  logic                 s_walkdone_valid,
  input  logic [15:0]          s_walkdone_reached,  // targets
  input  logic [15:0]          s_walkdone_skipped,

  output logic                 m_ctl_valid,
  input  logic                 m_ctl_ready,
  output logic [511:0]         m_ctl_entry,
  input  logic                 s_ctl_done_valid,
  input  logic [7:0]           s_ctl_done_code,
  input  logic [63:0]          s_ctl_done_addr,

  output logic                 m_rec_valid,
  input  logic                 m_rec_ready,
  output logic [255:0]         m_rec_data,

  output logic                 m_mark_valid,
  input  logic                 m_mark_ready,
  output logic [31:0]          m_mark_pos,
  output logic [63:0]          m_mark_cookie,

  output logic [14:0]          head_o,
  output logic                 pending_o,
  output logic [31:0]          oldest_o,
  output logic                 hold_o,
  output logic                 idle_o,
  output logic                 mark_wait_o,         // nothing to do but wait for room for a mark

  output logic [15:0]          payloads_inc_o,
  output logic [15:0]          payload_bytes_inc_o,
  output logic [15:0]          deliveries_inc_o,     // bytes times targets
  output logic [15:0]          batches_inc_o,
  output logic [15:0]          refused_inc_o
);
  `include "fantail_assert.svh"

  typedef enum logic [3:0] {
    StTake,     // look at the oldest entry
    StList,     // walk of a target list
    StListEnd,  // did its list fail?
    StDrop,     // a list is thrown away, its payload failed
    StCtl,      // offer it to the control unit
    StCtlWait,  // its answer
    StRefuse,   // REFUSED record
    StFlush,    // LAST was taken: wait for the walks
    StBatch     // BATCH record
  } state_e;

  state_e                         st_q;
  fantail_regs_pkg::entry_t       entry;
  logic                           unused_entry;  // fields of the control unit
  fantail_regs_pkg::rec_batch_t   rec_batch;
  fantail_regs_pkg::rec_refused_t rec_refused;
  logic                           publish, good, known, last, group, list, marks, mark_free, mark_wait, ctl_good;
  logic                           joins, can_start, take_good, take_list, take_other, pop, quiet, move, list_ok, counts;

  assign entry   = s_ret_entry;
  assign unused_entry = ^entry;
  assign publish = entry.op == fantail_regs_pkg::OP_PUBLISH && s_ret_code == fantail_regs_pkg::REFUSE_OK;
  assign known   = s_ret_valid && (!publish || (s_done_valid && (!list || s_list_valid)));  // its fate is known
  assign good    = publish && !s_done_err;
  assign last    = (entry.flags & fantail_regs_pkg::FLAG_LAST) != '0;
  assign group   = (entry.flags & fantail_regs_pkg::FLAG_GROUP) != '0;
  assign list    = (entry.flags & fantail_regs_pkg::FLAG_LIST) != '0;
  assign marks   = (entry.flags & fantail_regs_pkg::FLAG_REPORT_DELIVERED) != '0 && s_ret_code == fantail_regs_pkg::REFUSE_OK;

  // ---------------------------------------------------------------- run: collects payloads; walk: the one under way
  logic        run_valid_q, run_group_q, run_last_q;
  logic [31:0] run_target_q, run_pos_q, run_len_q;
  logic [15:0] run_payloads_q;
  logic [14:0] run_head_q;      // index behind its last entry
  logic        walk_valid_q, walk_busy_q, walk_group_q, walk_list_q, walk_last_q;
  logic [31:0] walk_target_q, walk_pos_q, walk_len_q;
  logic [15:0] walk_payloads_q;
  logic [14:0] walk_head_q;
  logic        sum_q;           // the answer is being added up
  logic [15:0] reached_q, skipped_q, sum_payloads_q;
  logic [31:0] sum_len_q;

  // Log positions follow each other: a hole waits until the run is empty, and so does what follows LAST.
  // Those of other queue pairs may lie between two of ours.
  assign joins      = run_valid_q && run_group_q == group && run_target_q == entry.target && run_payloads_q != '1
      && s_ret_pos == run_pos_q + run_len_q;
  assign can_start  = !run_valid_q || !walk_busy_q;
  assign take_good  = st_q == StTake && known && good && !list && (joins || can_start) && !mark_wait;
  assign move       = run_valid_q && !walk_busy_q && !(take_good && joins);
  assign quiet      = !run_valid_q && !walk_busy_q && !sum_q;
  assign take_list  = st_q == StTake && known && good && list && quiet && !mark_wait;
  assign take_other = st_q == StTake && known && !good && quiet && !mark_wait;
  assign list_ok    = st_q == StListEnd && !s_list_err;
  assign counts     = take_good || list_ok;  // a payload of the batch

  assign list_drop_o = take_other && publish && list;

  always_ff @(posedge clk) begin
    if (take_good) begin
      run_head_q <= s_ret_index + 15'd1;
      run_last_q <= last;
      if (joins) begin
        run_len_q      <= run_len_q + entry.len;
        run_payloads_q <= run_payloads_q + 16'd1;
      end else begin
        run_group_q    <= group;
        run_target_q   <= entry.target;
        run_pos_q      <= s_ret_pos;
        run_len_q      <= entry.len;
        run_payloads_q <= 16'd1;
      end
    end
    if (take_list) begin
      walk_list_q     <= 1'b1;
      walk_group_q    <= 1'b0;
      walk_target_q   <= '0;
      walk_pos_q      <= s_ret_pos;
      walk_len_q      <= entry.len;
      walk_payloads_q <= 16'd1;
      walk_last_q     <= last;
      walk_head_q     <= s_ret_index + 15'd1;
    end
    if (move) begin
      walk_list_q     <= 1'b0;
      walk_group_q    <= run_group_q;
      walk_target_q   <= run_target_q;
      walk_pos_q      <= run_pos_q;
      walk_len_q      <= run_len_q;
      walk_payloads_q <= run_payloads_q;
      walk_last_q     <= run_last_q;
      walk_head_q     <= run_head_q;
    end
    if (s_walkdone_valid) begin
      reached_q      <= s_walkdone_reached;
      skipped_q      <= s_walkdone_skipped;
      sum_payloads_q <= walk_payloads_q;
      sum_len_q      <= walk_len_q;
    end
    if (rst) begin
      run_valid_q  <= 1'b0;
      walk_valid_q <= 1'b0;
      walk_busy_q  <= 1'b0;
      sum_q        <= 1'b0;
    end else begin
      run_valid_q  <= take_good || (run_valid_q && !move);
      if (move || take_list) walk_valid_q <= 1'b1;
      else if (m_walk_ready) walk_valid_q <= 1'b0;
      if (move || take_list) walk_busy_q <= 1'b1;
      else if (s_walkdone_valid) walk_busy_q <= 1'b0;
      sum_q <= s_walkdone_valid;
    end
  end

  assign m_walk_valid = walk_valid_q;
  assign m_walk_data  = {walk_list_q, walk_group_q, walk_target_q, qp_i, walk_pos_q, walk_len_q, walk_payloads_q,
                         walk_last_q};

  // ---------------------------------------------------------------- entries that are no good payload
  logic [7:0]  code_q;
  logic [63:0] addr_q;
  logic [15:0] partly_q;  // targets that a failed list reached
  logic        rec_free, put_refused, put_batch;

  assign rec_free     = !m_rec_valid || m_rec_ready;
  assign put_refused  = st_q == StRefuse && rec_free;
  assign put_batch    = st_q == StBatch && rec_free;
  assign ctl_good     = st_q == StCtlWait && s_ctl_done_valid && s_ctl_done_code == fantail_regs_pkg::REFUSE_OK;
  assign pop          = take_good || list_ok || put_refused || ctl_good;
  assign s_ret_ready  = pop;
  assign s_done_ready = pop && publish;
  assign m_ctl_valid  = st_q == StCtl;
  assign m_ctl_entry  = s_ret_entry;

  always_ff @(posedge clk) begin
    if (take_other) begin
      code_q <= publish ? fantail_regs_pkg::REFUSE_DMA_READ : s_ret_code;
      addr_q <= publish ? s_done_addr : '0;
    end
    if (st_q == StListEnd) begin
      code_q <= fantail_regs_pkg::REFUSE_DMA_READ;
      addr_q <= s_list_err_addr;
    end
    partly_q <= st_q == StListEnd ? reached_q : st_q == StRefuse ? partly_q : '0;
    if (s_ctl_done_valid) begin
      code_q <= s_ctl_done_code;
      addr_q <= s_ctl_done_addr;
    end
    if (rst) begin
      st_q <= StTake;
    end else begin
      unique case (st_q)
        StTake: begin
          if (take_good && last) st_q <= StFlush;
          if (take_list) st_q <= StList;
          if (take_other) st_q <= publish || s_ret_code != fantail_regs_pkg::REFUSE_OK ? StRefuse : StCtl;
          if (list_drop_o) st_q <= StDrop;
        end
        StList: if (s_walkdone_valid) st_q <= StListEnd;
        StListEnd: begin
          if (s_list_err) st_q <= StRefuse;
          else st_q <= last ? StBatch : StTake;
        end
        StDrop: if (s_list_dropped) st_q <= StRefuse;
        StCtl: if (m_ctl_ready) st_q <= StCtlWait;
        StCtlWait: begin
          if (s_ctl_done_valid) begin
            if (s_ctl_done_code != fantail_regs_pkg::REFUSE_OK) st_q <= StRefuse;
            else st_q <= last ? StBatch : StTake;
          end
        end
        StRefuse: if (rec_free) st_q <= last ? StBatch : StTake;
        StFlush: if (quiet) st_q <= StBatch;
        StBatch: if (rec_free) st_q <= StTake;
        default: st_q <= StTake;
      endcase
    end
  end

  // ---------------------------------------------------------------- marks: one register, free before the entry is taken
  logic mark_put;

  assign mark_free = !m_mark_valid || m_mark_ready;
  assign mark_wait = marks && !mark_free;
  assign mark_put  = marks && (take_good || list_ok || ctl_good);

  always_ff @(posedge clk) begin
    if (mark_put) begin
      m_mark_pos    <= s_ret_pos + entry.len;  // len of NOP is 0
      m_mark_cookie <= entry.cookie;
    end
    if (rst) m_mark_valid <= 1'b0;
    else if (mark_put) m_mark_valid <= 1'b1;
    else if (m_mark_ready) m_mark_valid <= 1'b0;
  end

  // ---------------------------------------------------------------- head, hold, positions
  logic [14:0] head_q;
  logic        open_q, waiting;  // open: something was consumed since the last LAST

  assign waiting = (!s_ret_valid && data_waiting_i && quiet) || (st_q == StTake && s_ret_valid && mark_wait);

  always_ff @(posedge clk) begin
    if (rst) begin
      head_q   <= '0;
      open_q   <= 1'b0;
      hold_o   <= 1'b0;
    end else begin
      if (s_walkdone_valid) head_q <= walk_head_q;
      else if (st_q == StCtlWait && s_ctl_done_valid) head_q <= s_ret_index + 15'd1;
      else if (st_q == StDrop ? s_list_dropped
               : take_other && !list_drop_o && (publish || s_ret_code != fantail_regs_pkg::REFUSE_OK))
        head_q <= s_ret_index + 15'd1;
      else if (!enable_i && idle_o) head_q <= '0;
      if (put_batch || (!enable_i && idle_o)) open_q <= 1'b0;
      else if (pop || take_list) open_q <= 1'b1;
      hold_o <= open_q && (st_q == StTake || st_q == StList || st_q == StListEnd || st_q == StFlush) && !waiting;
    end
  end

  assign head_o    = head_q;
  // An entry without log space may have waited while others passed its place in the log: that counts for nothing.
  assign pending_o = walk_busy_q || run_valid_q || granted_i;
  assign oldest_o  = walk_busy_q ? walk_pos_q : run_valid_q ? run_pos_q : granted_pos_i;
  assign idle_o    = st_q == StTake && !s_ret_valid && quiet && !m_rec_valid && !m_mark_valid;
  assign mark_wait_o = st_q == StTake && s_ret_valid && mark_wait && quiet && !m_rec_valid;

  // ---------------------------------------------------------------- sums of the batch
  logic [15:0] entries_q, refused_q, payloads_q;  // saturating
  logic [31:0] batch_reached_q, batch_skipped_q, bytes_q;
  logic [63:0] cookie_q;                          // of the entry taken last

  always_ff @(posedge clk) begin
    if (pop) cookie_q <= entry.cookie;
    if (rst || put_batch || (!enable_i && idle_o)) begin
      entries_q       <= '0;
      refused_q       <= '0;
      payloads_q      <= '0;
      batch_reached_q <= '0;
      batch_skipped_q <= '0;
      bytes_q         <= '0;
    end else begin
      if (pop && entries_q != '1) entries_q <= entries_q + 16'd1;
      if (put_refused && refused_q != '1) refused_q <= refused_q + 16'd1;
      if (counts && payloads_q != '1) payloads_q <= payloads_q + 16'd1;
      if (counts) bytes_q <= bytes_q + entry.len;
      if (sum_q) batch_reached_q <= batch_reached_q + 32'(sum_payloads_q) * 32'(reached_q);
      if (sum_q) batch_skipped_q <= batch_skipped_q + 32'(sum_payloads_q) * 32'(skipped_q);
    end
  end

  // ---------------------------------------------------------------- records
  always_comb begin
    rec_batch           = '0;
    rec_batch.type_     = fantail_regs_pkg::REC_BATCH;
    rec_batch.entries   = entries_q;
    rec_batch.reached   = batch_reached_q;
    rec_batch.skipped   = batch_skipped_q;
    rec_batch.refused   = refused_q;
    rec_batch.payloads  = payloads_q;
    rec_batch.bytes     = bytes_q;
    rec_batch.cookie_lo = cookie_q[31:0];
    rec_batch.cookie_hi = cookie_q[63:32];
  end

  always_comb begin
    rec_refused           = '0;
    rec_refused.type_     = fantail_regs_pkg::REC_REFUSED;
    rec_refused.index     = {1'b0, s_ret_index};
    rec_refused.code      = code_q;
    rec_refused.op        = entry.op;
    rec_refused.reached   = partly_q;
    rec_refused.target    = entry.target;
    rec_refused.addr_lo   = addr_q[31:0];
    rec_refused.addr_hi   = addr_q[63:32];
    rec_refused.cookie_lo = entry.cookie[31:0];
    rec_refused.cookie_hi = entry.cookie[63:32];
  end

  always_ff @(posedge clk) begin
    if (put_refused) m_rec_data <= rec_refused;
    if (put_batch) m_rec_data <= rec_batch;
    if (rst) m_rec_valid <= 1'b0;
    else if (put_refused || put_batch) m_rec_valid <= 1'b1;
    else if (m_rec_ready) m_rec_valid <= 1'b0;
  end

  // ---------------------------------------------------------------- counters; large sums go out in portions of 13 bits:
  // eight queue pairs' add up to 16
  logic [47:0] bytes_owed_q, deliveries_owed_q;

  assign payloads_inc_o      = 16'(counts);
  assign batches_inc_o       = 16'(put_batch);
  assign refused_inc_o       = 16'(put_refused);
  assign payload_bytes_inc_o = bytes_owed_q[47:13] != '0 ? 16'h1FFF : bytes_owed_q[15:0];
  assign deliveries_inc_o    = deliveries_owed_q[47:13] != '0 ? 16'h1FFF : deliveries_owed_q[15:0];

  always_ff @(posedge clk) begin
    if (rst) begin
      bytes_owed_q      <= '0;
      deliveries_owed_q <= '0;
    end else begin
      bytes_owed_q      <= bytes_owed_q - 48'(payload_bytes_inc_o) + (counts ? 48'(entry.len) : 48'd0);
      deliveries_owed_q <= deliveries_owed_q - 48'(deliveries_inc_o)
          + (sum_q ? 48'(sum_len_q) * 48'(reached_q) : 48'd0);
    end
  end

  `ASSERT(MarkHasRoom, !mark_put || mark_free)
  `ASSERT(PayloadHasRoom, !(s_ret_valid && publish && mark_wait))
  `ASSERT(WalkOfSomething, !m_walk_valid || (m_walk_data.len != '0 && m_walk_data.payloads != '0))
  `ASSERT(AnswerToAWalk, !s_walkdone_valid || (walk_busy_q && !walk_valid_q))
  `ASSERT(RunHasNoHole, !(take_good && joins) || run_pos_q + run_len_q == s_ret_pos)
  `ASSERT(NothingJoinsLast, !(take_good && run_valid_q && run_last_q))
  `ASSERT(ListAlone, st_q != StList || (walk_busy_q && walk_list_q && !run_valid_q))
  `ASSERT(BatchIsQuiet, st_q != StBatch || quiet)
  `ASSERT(DoneHasEntry, !s_done_valid || s_ret_valid)
  `COVER(JoinedWalk, m_walk_valid && m_walk_data.payloads > 16'd1)

endmodule
