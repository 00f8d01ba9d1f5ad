// SPDX-License-Identifier: Apache-2.0
// The sweeper: visits every connection again and again, and turns what it sees into the log's low watermark, into
// free extents, and into requests to the acknowledge owner (a deadline passed, a receiver lags).
//
// Who is visited. Ids come in blocks of BlockIds, and a bit for each block says whether one of its connections is installed: the
// others cost nothing, so a sweep of few takes as long on a large card as on a small one. add_i sets the bit; a visit of the
// whole block that finds nobody, while nobody comes, clears it. But the first block of a sweep stays: a release waits two sweeps
// for what is in the pipelines, so no sweep may be shorter than a block.
//
// Watermark. The candidate starts at the replication position: whatever is appended after the sweep begins lies at or above it. Each
// connection with unacknowledged bytes lowers it to the lowest position of one. That is the oldest byte's, or where the
// next extent begins: a handle that stands in a list twice gets the same bytes twice, so the positions of a stream grow
// from extent to extent, but for repeats. When the sweep ends the candidate is right for
// every segment that will be picked from then on, because a later pick reads an una at least as new as the sweep did. Segments picked
// before may still be reading: so the colour of picks is changed, and the watermark moves only when no segment of
// the old colour is left (a grace period, as in read-copy-update). No reference counts, no floors.
//
//   visit ... visit | change colour | wait: old colour gone | commit | visit ...
//
// Extents below the one that holds una are free a whole sweep later, for the same reason: ext_free is the ext_rd of the visit before.
//
// Lag. newest_q is the newest position any connection has had acknowledged: where the oldest byte it needs stands, unless
// that begins an extent, for what was acknowledged before stands elsewhere; behind its last byte when it needs none. Lag =
// newest - own oldest needed. But our own backlog is nobody's lag: while a connection's bytes wait to be sent, and not for
// its window, mark follows newest_q, and lag counts from there if that is ahead. Nor is it lag that all bytes are on the
// wire and none is overdue: else, of many payloads to one connection each, those acknowledged at once would put away those
// behind a delayed ACK. So only who has bytes that its window does not let us send, or has timed out, begins to lag. What is
// done above the connection's limit is its policy:
//   ABORT   it is aborted
//   SKIP    skip is set while the lag is above the limit, and fantail_enqueue leaves payloads out; SKIPPED is told once for
//           what was left out between two visits, after skip_seen has been written
//   REPORT  LAGGING once above, then WRITABLE once below half; three quarters of the extents in use count as above, less
//           than three eighths as below half. Who was told LAGGING is told WRITABLE, even if the policy changes.
//
// A waiting log. DATA waits until the watermark has come to log_want_i; whoever needs a byte below holds it up. One that
// has bytes on the wire, or cannot send for want of a window, and whose una has stood still for pin_us_i, is aborted. The
// time runs from each one's own last progress, not from the turn at which it is in the way. The answer to a probe is no
// progress. When the time is up is a deadline like others, so waiting for it is idle.
//
// A visit takes two cycles, four and more when bytes are unacknowledged (row of extents); a block one more.

module fantail_sweep #(
  parameter int Connections = 1024,
  parameter int LogBytes    = 1048576,
  parameter int Extents     = 64,       // per connection
  parameter int BlockIds    = 64        // power of two
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,
  input  logic [63:0]                now_us_i,
  input  logic [31:0]                now_ms_i,
  input  logic [31:0]                rto_max_us_i,
  input  logic [31:0]                pin_limit_i,
  input  logic [31:0]                pin_us_i,
  input  logic                       add_i,           // this connection is installed: by now it is in enq_i's table
  input  logic [13:0]                add_id_i,
  input  logic [31:0]                walk_pos_i,      // everything below is replicated
  input  logic [31:0]                tail_i,          // log tail
  input  logic                       log_wait_i,      // DATA waits for log space:
  input  logic [31:0]                log_want_i,      // for the watermark to come so far
  output logic [31:0]                low_o,           // log low watermark
  output logic                       sweep_o,         // pulse: a sweep is committed
  output logic                       begin_o,         // pulse: a sweep begins, with walk_pos_i
  output logic                       need_valid_o,    // a connection of this queue pair needs this byte first
  output logic [31:0]                need_pos_o,
  output logic [2:0]                 need_qp_o,
  // copies of other owners' tables
  output logic                       rd_valid_o,
  output logic [13:0]                rd_id_o,
  input  fantail_tcp_pkg::par_t      par_i,
  input  fantail_tcp_pkg::enq_t      enq_i,
  input  fantail_tcp_pkg::tx_t       tx_i,
  input  fantail_tcp_pkg::ack_t      ack_i,
  // own table
  input  logic                       s_init_valid,    // install: forget
  output logic                       s_init_ready,
  input  logic [13:0]                s_init_id,
  output logic                       swp_we_o,
  output logic [13:0]                swp_waddr_o,
  output fantail_tcp_pkg::swp_t      swp_wdata_o,
  // extents
  output logic                       ext_rd_valid_o,
  input  logic                       ext_rd_ready_i,
  output logic [13:0]                ext_rd_id_o,
  output logic [15:0]                ext_rd_index_o,
  input  logic [511:0]               ext_row_i,
  // requests to the acknowledge owner
  output logic                       m_req_valid,
  input  logic                       m_req_ready,
  output logic [13:0]                m_req_id,
  output logic [15:0]                m_req_ev,        // EV_ to be told; if none:
  output logic [7:0]                 m_req_cause,     // CAUSE_NONE: a deadline passed; else abort
  // grace period
  output logic                       color_o,
  input  logic                       take_i,          // a pick, of the current colour
  input  logic                       none_i,          // a pick ended without a segment
  input  logic                       none_color_i,
  input  logic                       done_i,          // a segment was read whole
  input  logic                       done_color_i,
  // idle
  input  logic                       activity_i,      // any other block has work
  output logic                       idle_o,          // a whole sweep saw no work and none has come since
  output logic [63:0]                next_deadline_us_o,
  output logic [13:0]                pin_id_o,
  output logic [31:0]                pin_bytes_o
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  typedef enum logic [3:0] {
    Start,   // begin a sweep
    Find,    // the next block in use, from id_q on
    Read,    // tables are being read
    Judge,   // tables are here
    Ask,     // the row of extents is asked for
    Row,     // the row is here
    Request, // a request waits for the acknowledge owner
    Grace    // sweep done, old colour still at work
  } state_e;

  state_e      state_q, state_d;
  logic [13:0] id_q;
  logic [47:0] now_us;
  assign now_us = now_us_i[47:0];

  // ---------------------------------------------------------------- own table
  logic [fantail_tcp_pkg::SwpW-1:0] own_bits;
  fantail_tcp_pkg::swp_t            own;
  fantail_table #(
    .Width(fantail_tcp_pkg::SwpW),
    .Depth(Connections)
  ) u_state (
    .clk, .rst,
    .busy_o,
    .we_i    (swp_we_o),
    .waddr_i (swp_waddr_o[IdW-1:0]),
    .wdata_i (swp_wdata_o),
    .re_i    (rd_valid_o),
    .raddr_i (id_q[IdW-1:0]),
    .rdata_o (own_bits)
  );
  assign own = own_bits;

  // ---------------------------------------------------------------- judge
  logic        active, pinned, late, overdue, due, delack_due, keep_due, any_timer;
  logic [31:0] waiting, to_deadline;
  logic        outstanding, persist;

  assign active  = enq_i.installed && ack_i.alive;
  assign waiting = enq_i.queued - ack_i.una;                       // -1 when a FIN was acknowledged
  assign pinned  = active && (waiting != '0) && !waiting[31];

  fantail_deadline u_deadline (
    .ack_i,
    .tx_i,
    .queued_i      (enq_i.queued),
    .mss_i         (par_i.mss),
    .rto_max_us_i,
    .now_us_i      (now_us),
    .now_ms_i,
    .keep_ms_i     (par_i.keep_ms),
    .outstanding_o (outstanding),
    .persist_o     (persist),
    .due_o         (due),
    .delack_due_o  (delack_due),
    .keep_due_o    (keep_due),
    .any_o         (any_timer),
    .left_us_o     (to_deadline),
    .since_us_o    ()
  );
  assign late    = active && any_timer;
  assign overdue = active && (due || delack_due || keep_due);

  // since when it is the peer's turn and una stands still
  logic        owes;
  logic [31:0] still_us, stalled;
  assign owes     = pinned && (outstanding || persist);
  assign still_us = (owes && own.owes && own.una_seen == ack_i.una[15:0]) ? own.still_us : now_us[31:0];
  assign stalled  = now_us[31:0] - still_us;

  // ---------------------------------------------------------------- row of extents
  logic        found, begins, next, final_found;
  logic [15:0] found_index, index_q;
  logic [31:0] delta, next_seq, next_delta;
  logic        cand_valid_q, cand_begins_q;
  logic [15:0] cand_index_q;
  logic [31:0] cand_delta_q;

  fantail_find_extent u_find (
    .row_i         (ext_row_i),
    .index_i       (index_q),
    .start_i       (own.ext_rd),
    .wr_i          (enq_i.ext_wr),
    .seq_i         (ack_i.una),
    .found_o       (found),
    .found_index_o (found_index),
    .delta_o       (delta),
    .begins_o      (begins),
    .next_o        (next),
    .next_seq_o    (next_seq),
    .next_delta_o  (next_delta),
    .final_o       (final_found)
  );

  logic        row_more, row_done, acked;              // acked: the byte before the oldest was this connection's
  logic [31:0] oldest, behind, need;
  logic [15:0] here;
  assign row_more = found && !next && !final_found;    // perhaps further on
  assign row_done = (state_q == Row) && !row_more;
  assign oldest   = ack_i.una + (found ? delta : cand_delta_q);
  assign behind   = next_seq + next_delta;             // where the next extent begins
  assign need     = next && $signed(behind - oldest) < 0 ? behind : oldest;
  assign here     = found ? found_index : cand_index_q;
  assign acked    = !(found ? begins : cand_begins_q);

  // ---------------------------------------------------------------- lag
  logic [31:0] newest_q, mark, lag, drained_pos;
  logic [31:0] unsent, next_len, window;
  logic        backlog, slow, beyond, above, below, over, pin_limit, pins, pin_time;
  logic [31:0] cand_q, low_q;

  assign backlog     = pinned && !outstanding && !persist && !own.closed;
  assign mark        = (!pinned || backlog) ? newest_q : own.mark;
  assign lag         = newest_q - (($signed(mark - need) > 0) ? mark : need);
  assign unsent      = enq_i.queued - tx_i.nxt;
  assign next_len    = unsent < 32'(par_i.mss) ? unsent : 32'(par_i.mss);
  assign window      = ack_i.swnd < ack_i.cwnd ? ack_i.swnd : ack_i.cwnd;
  assign slow        = ($signed(unsent) > 0 && (tx_i.nxt - ack_i.una + next_len) > window) || ack_i.backoff != '0;
  assign beyond      = pinned && !lag[31] && (lag > par_i.lag_limit);
  assign above       = beyond && slow;
  assign below       = !pinned || lag[31] || (lag < {1'b0, par_i.lag_limit[31:1]});
  assign over        = above && (par_i.policy == fantail_regs_pkg::POLICY_ABORT);
  assign pin_limit   = slow && !lag[31] && (lag > pin_limit_i);
  assign pins        = log_wait_i && owes && ($signed(need - log_want_i) < 0);
  assign pin_time    = pins && (stalled > pin_us_i);
  assign drained_pos = enq_i.queued + enq_i.delta;

  // ---------------------------------------------------------------- grace period: picks at work, by colour
  logic       color_q;
  logic [7:0] count0_q, count1_q;
  logic       old_gone;
  assign color_o  = color_q;
  assign old_gone = color_q ? (count0_q == '0) : (count1_q == '0);

  // ---------------------------------------------------------------- blocks
  localparam int Ids    = Connections < BlockIds ? Connections : BlockIds;
  localparam int Blocks = Connections / Ids;
  localparam int IdsW   = $clog2(Ids);
  localparam int BlockW = Blocks > 1 ? $clog2(Blocks) : 1;

  logic [Blocks-1:0] used_q;            // one is installed, or was
  logic              seen_q, first_q;   // in this block; no block before it in this sweep
  logic [BlockW-1:0] block, add_block, next_block;
  logic              found_block;

  assign block     = BlockW'(id_q >> IdsW);
  assign add_block = BlockW'(add_id_i >> IdsW);

  always_comb begin
    found_block = 1'b0;
    next_block  = '0;
    if (state_q == Find) begin
      for (int b = Blocks - 1; b >= 0; b--) begin
        if (used_q[b] && BlockW'(b) >= block) begin
          found_block = 1'b1;
          next_block  = BlockW'(b);
        end
      end
    end
  end

  always_ff @(posedge clk) begin
    if (state_q == Start) first_q <= 1'b1;
    if (state_q == Find) seen_q <= 1'b0;
    else if ((state_q == Judge && enq_i.installed) || (add_i && add_block == block)) seen_q <= 1'b1;
    if (visit_done && block_end) begin
      if (!first_q && !seen_q && !enq_i.installed) used_q[block] <= 1'b0;
      first_q <= 1'b0;
    end
    if (add_i) used_q[add_block] <= 1'b1;
    if (rst) used_q <= '0;
  end

  // ---------------------------------------------------------------- steps
  logic        block_end, visit_done, changed;
  logic [15:0] news, news_q;         // told first
  logic        act_q;                // then a deadline or an abort
  logic [7:0]  cause_q;
  logic [13:0] cand_id_q;
  logic        quiet_q;
  logic [31:0] best_q;               // smallest distance to a deadline
  logic        best_valid_q;
  logic [63:0] sweep_us_q;           // when the sweep began
  logic [31:0] passed, since_begin, pin_left, pin_begin;
  logic        settled;              // the watermark stays where it is: DATA that waits goes on waiting

  assign block_end   = (id_q & 14'(Ids - 1)) == 14'(Ids - 1);
  assign passed      = now_us[31:0] - sweep_us_q[31:0];
  assign since_begin = to_deadline + passed;
  assign pin_left    = pin_us_i - stalled + 32'd1;
  assign pin_begin   = (pin_left > 32'h3FFF_FFFF ? 32'h3FFF_FFFF : pin_left) + passed;
  assign settled     = cand_q == low_q || !log_wait_i;

  always_comb begin
    state_d        = state_q;
    rd_valid_o     = 1'b0;
    visit_done     = 1'b0;
    ext_rd_valid_o = 1'b0;
    m_req_valid    = 1'b0;
    unique case (state_q)
      Start: if (!busy_o) state_d = Find;
      Find: state_d = found_block ? Read : Grace;
      Read: begin
        rd_valid_o = 1'b1;
        state_d    = Judge;
      end
      Judge: begin
        if (pinned) state_d = Ask;
        else if (overdue || news != '0) state_d = Request;
        else visit_done = 1'b1;
      end
      Ask: begin
        ext_rd_valid_o = 1'b1;
        if (ext_rd_ready_i) state_d = Row;
      end
      Row: begin
        if (row_more) state_d = Ask;
        else if (over || pin_limit || pin_time || overdue || news != '0) state_d = Request;
        else visit_done = 1'b1;
      end
      Request: begin
        m_req_valid = 1'b1;
        visit_done  = m_req_ready && !(news_q != '0 && act_q);
      end
      Grace: if (old_gone) state_d = Start;
      default: state_d = Start;
    endcase
    if (visit_done) state_d = !block_end ? Read : id_q == 14'(Connections - 1) ? Grace : Find;
  end

  assign rd_id_o        = id_q;
  assign ext_rd_id_o    = id_q;
  assign ext_rd_index_o = index_q;
  assign m_req_id       = id_q;
  assign m_req_ev       = news_q;
  assign m_req_cause    = cause_q;

  // own state: what was found, and what was found the visit before
  fantail_tcp_pkg::swp_t found_state;
  logic                  store;
  logic [15:0]           used;          // extents
  always_comb begin
    found_state          = own;
    found_state.ext_free = own.ext_rd;
    found_state.una_seen = ack_i.una[15:0];
    found_state.owes     = owes;
    if (owes) found_state.still_us = still_us;
    if (pinned) found_state.ext_rd = here;
    else if (active && enq_i.ext_wr != '0) found_state.ext_rd = enq_i.ext_wr - 16'd1;
    found_state.mark      = mark;
    found_state.closed    = pinned && (own.closed || persist);
    found_state.skip      = beyond && (slow || own.skip) && (par_i.policy == fantail_regs_pkg::POLICY_SKIP);
    found_state.skip_seen = enq_i.skip_gen;
    found_state.lagging   = (par_i.policy == fantail_regs_pkg::POLICY_REPORT)
                         && (own.lagging ? !(below && used < 16'(Extents / 8 * 3))
                                         : (above || used >= 16'(Extents / 4 * 3)));
  end
  assign used = enq_i.ext_wr - (pinned ? here : enq_i.ext_wr - 16'(enq_i.ext_wr != '0));

  always_comb begin
    news = '0;
    if (active) begin
      if (found_state.skip_seen != own.skip_seen) news = news | fantail_regs_pkg::EV_SKIPPED;
      if (found_state.lagging && !own.lagging) news = news | fantail_regs_pkg::EV_LAGGING;
      if (!found_state.lagging && own.lagging) news = news | fantail_regs_pkg::EV_WRITABLE;
    end
  end
  assign changed = found_state != own;
  assign store   = active && changed && (row_done || (state_q == Judge && !pinned));

  assign s_init_ready = !store && !busy_o && (state_q == Start || state_q == Grace || state_q == Read);
  always_comb begin
    swp_we_o    = store;
    swp_waddr_o = id_q;
    swp_wdata_o = found_state;
    if (s_init_valid && s_init_ready) begin
      swp_we_o    = 1'b1;
      swp_waddr_o = s_init_id;
      swp_wdata_o = '0;
      swp_wdata_o.mark = newest_q;
    end
  end

  always_ff @(posedge clk) begin
    unique case (state_q)
      Start: begin
        id_q         <= '0;
        cand_q       <= walk_pos_i;
        cand_id_q    <= '0;
        best_valid_q <= 1'b0;
        best_q       <= 32'h7FFF_FFFF;
        sweep_us_q   <= now_us_i;
      end
      Find: id_q <= 14'(next_block) << IdsW;
      Judge: begin
        index_q      <= {own.ext_rd[15:3], 3'd0};
        cand_valid_q <= 1'b0;
        cause_q      <= fantail_regs_pkg::CAUSE_NONE;
        news_q       <= news;
        act_q        <= overdue;
        if (late && !overdue && $signed(since_begin - best_q) < 0) begin
          best_valid_q <= 1'b1;
          best_q       <= since_begin;
        end
        // drained, and not counted yet
        if (active && !pinned && enq_i.ext_wr != '0 && own.una_seen != ack_i.una[15:0]
            && (drained_pos - low_q) <= (tail_i - low_q) && $signed(drained_pos - newest_q) > 0) newest_q <= drained_pos;
      end
      Row: begin
        if (row_more) begin
          cand_valid_q  <= 1'b1;
          cand_index_q  <= found_index;
          cand_delta_q  <= delta;
          cand_begins_q <= begins;
          index_q       <= index_q + 16'd8;
        end else begin
          if ($signed(need - cand_q) < 0) begin
            cand_q    <= need;
            cand_id_q <= id_q;
          end
          if (acked && $signed(oldest - newest_q) > 0) newest_q <= oldest;
          if (pins && !pin_time && !overdue && $signed(pin_begin - best_q) < 0) begin
            best_valid_q <= 1'b1;
            best_q       <= pin_begin;
          end
          cause_q <= (pin_limit || pin_time) ? fantail_regs_pkg::CAUSE_PIN
                   : over ? fantail_regs_pkg::CAUSE_LAG : fantail_regs_pkg::CAUSE_NONE;
          news_q  <= news;
          act_q   <= pin_limit || pin_time || over || overdue;
        end
      end
      Request: if (m_req_ready) news_q <= '0;
      Grace: if (old_gone) begin
        low_q       <= cand_q;
        pin_id_o    <= cand_id_q;
        pin_bytes_o <= tail_i - cand_q;
        if ($signed(cand_q - newest_q) > 0) newest_q <= cand_q;
      end
      default: ;
    endcase
    if (visit_done) id_q <= id_q + 14'd1;
    if (state_d == Grace && state_q != Grace) color_q <= !color_q;

    if (state_q == Start) quiet_q <= !activity_i;
    else if (activity_i || m_req_valid) quiet_q <= 1'b0;

    if (activity_i || m_req_valid) begin
      idle_o <= 1'b0;
    end else if (sweep_o && quiet_q && settled) begin
      idle_o             <= 1'b1;
      next_deadline_us_o <= best_valid_q ? sweep_us_q + 64'(best_q) : '1;
    end

    count0_q <= count0_q + 8'(take_i && !color_q) - 8'(none_i && !none_color_i) - 8'(done_i && !done_color_i);
    count1_q <= count1_q + 8'(take_i && color_q) - 8'(none_i && none_color_i) - 8'(done_i && done_color_i);

    if (rst) begin
      state_q     <= Start;
      low_q       <= '0;
      newest_q    <= '0;
      color_q     <= 1'b0;
      count0_q    <= '0;
      count1_q    <= '0;
      quiet_q     <= 1'b0;
      idle_o      <= 1'b0;
      pin_id_o    <= '0;
      pin_bytes_o <= '0;
    end else begin
      state_q <= state_d;
    end
  end

  assign sweep_o = (state_q == Grace) && old_gone;
  assign low_o   = low_q;
  assign begin_o = (state_q == Start) && !busy_o;
  assign need_valid_o = row_done;
  assign need_pos_o   = need;
  assign need_qp_o    = enq_i.qp;

  `ASSERT(LowOnlyGrows, !(sweep_o && $signed(cand_q - low_q) < 0))
  `ASSERT(LowBelowTail, !(sweep_o && (tail_i - cand_q) > 32'(LogBytes)))
  `ASSERT(FoundInRow, !(row_done && !found && !cand_valid_q))
  `ASSERT(PicksBalanced, (count0_q < 8'd200) && (count1_q < 8'd200))

endmodule
