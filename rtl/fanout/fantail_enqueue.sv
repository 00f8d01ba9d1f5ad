// SPDX-License-Identifier: Apache-2.0
// Maps log bytes into streams: the owner of queued_seq, of the extents' write end and of "closing".
//
// Per target: if the new bytes follow the connection's last ones in the log (same delta), queued grows and nothing
// else is written. Otherwise an extent {queued, position - queued} is appended. Extents are never changed, and one is
// overwritten only after the sweeper has seen it acknowledged a whole sweep ago (ext_free).
//
//   E0  target arrives, tables are read; in a list, not while the same connection is being judged
//   E1  judge; write extent and state; count; ask for transmission
//
// Batch boundary. A connection whose bytes are not yet complete for the batch must not send a short segment. Bytes
// appended by the walk that ends the batch set `push`, and the connection goes to the ready queue at once. Others go to the
// ready queue only if a full segment may have gathered; else they are held (u_held) until the hold ends: when the
// last walk of the batch is done, or whenever the publisher keeps DATA waiting (hold_i low). hold_o is what
// the transmitter goes by. While held connections drain no further walk begins, so they leave with this batch. Each queue
// pair has batches, and a queue for what they hold, of its own.
//
// A group number names a set for each queue pair: members that belong to another one are as if they were not there.
//
// Contract: one target per cycle; a stall of the ready queue stalls the walk. Commands (install, close, retire) are taken when no
// walk is running. Overrun requests (extents exhausted) go to the acknowledge owner, who aborts. Until he has, an extent may
// become free, but the stream has ended: neither payload nor FIN follows one that was left out (`cut`).
//
// Policy SKIP. While the sweeper says skip, and when the extents are exhausted, a walk leaves the connection out: what the
// walk maps is taken whole or not at all. skip_gen asks the sweeper to tell. It is set to the opposite of skip_seen: if that
// is a cycle old, the sweeper is about to tell, and what it tells is counted later.

module fantail_enqueue #(
  parameter int Connections = 1024,
  parameter int Groups      = 1024,
  parameter int Extents     = 64,    // per connection, a power of two, at least 8
  parameter int QueuePairs  = 1
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,       // clearing after reset
  output logic                       idle_o,       // no walk, nothing held that could go
  // walks
  input  logic                       s_walk_valid,
  output logic                       s_walk_ready,
  input  fantail_pkg::walk_t         s_walk_data,
  input  logic                       s_list_valid, // targets of a walk to a list
  output logic                       s_list_ready,
  input  logic [31:0]                s_list_data,  // handle
  input  logic                       s_list_end,   // no handle: the list ends
  output logic                       walkdone_valid_o,
  output logic [15:0]                walkdone_reached_o,  // connections
  output logic [15:0]                walkdone_skipped_o,
  input  logic [QueuePairs-1:0]      hold_i,
  output logic [QueuePairs-1:0]      hold_o,
  // commands: install, close, retire, join, leave, purge
  input  logic                       s_cmd_valid,
  output logic                       s_cmd_ready,
  input  fantail_pkg::cmd_t          s_cmd_data,
  input  logic [31:0]                s_cmd_seq,    // snd_nxt of an install
  output logic                       cmd_done_o,
  output logic                       cmd_bit_o,    // was a member before
  // reads of other owners' tables (one cycle)
  output logic                       rd_valid_o,
  output logic [13:0]                rd_id_o,
  input  logic                       alive_i,
  input  logic [15:0]                ext_free_i,
  input  logic                       skip_i,
  input  logic                       skip_seen_i,
  input  logic [1:0]                 policy_i,     // POLICY_
  input  logic [10:0]                mss_i,
  input  logic [31:0]                nxt_i,        // next sequence number to be sent
  // own table, for the copies of other readers
  output logic                       enq_we_o,
  output logic [13:0]                enq_waddr_o,
  output fantail_tcp_pkg::enq_t      enq_wdata_o,
  // extents
  output logic                       ext_we_o,
  output logic [13:0]                ext_id_o,
  output logic [15:0]                ext_index_o,
  output fantail_tcp_pkg::extent_t   ext_data_o,
  // requests
  output logic                       wake_valid_o,
  input  logic                       wake_ready_i,
  output logic [13:0]                wake_id_o,
  output logic                       drain_valid_o,   // held connections on their way to the ready queue
  input  logic                       drain_ready_i,
  output logic [13:0]                drain_id_o,
  input  logic                       s_held_valid,    // transmitter: short segment, not pushed
  output logic                       s_held_ready,
  input  logic [13:0]                s_held_id,
  input  logic [2:0]                 s_held_qp,
  output logic                       m_overrun_valid,
  input  logic                       m_overrun_ready,
  output logic [13:0]                m_overrun_id,
  output fantail_pkg::stage_t        stage_o
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  // ---------------------------------------------------------------- targets
  logic        walk_start;
  logic        target_valid, target_ready, scan_done;
  logic [13:0] target_id;
  logic [15:0] target_gen;
  logic        target_named, target_none;
  logic        walk_busy, op_valid, op_ready, op_done, op_was;
  logic        active_q;                    // a walk is running
  fantail_pkg::walk_t walk_q;
  logic [14:0] span_q;  // highest id ever installed, plus one

  assign walk_start = s_walk_valid && s_walk_ready;

  logic scan_ready;
  assign s_walk_ready = scan_ready && !active_q && !draining_q && !cmd_active_q && !s_cmd_valid;

  fantail_walk #(
    .Connections(Connections),
    .Groups(Groups),
    .QueuePairs(QueuePairs)
  ) u_walk (
    .clk, .rst,
    .busy_o         (walk_busy),
    .s_walk_valid   (s_walk_valid && !active_q && !draining_q && !cmd_active_q && !s_cmd_valid),
    .s_walk_ready   (scan_ready),
    .s_walk_data,
    .span_i         (span_q),
    .hold_i         (hold_o),
    .s_list_valid,
    .s_list_ready,
    .s_list_data,
    .s_list_end,
    .m_target_valid (target_valid),
    .m_target_ready (target_ready),
    .m_target_id    (target_id),
    .m_target_named (target_named),
    .m_target_gen   (target_gen),
    .m_target_none  (target_none),
    .done_o         (scan_done),
    .s_op_valid     (op_valid),
    .s_op_ready     (op_ready),
    .s_op_join      (cmd_q.op == fantail_pkg::CmdJoin),
    .s_op_all       (cmd_q.op == fantail_pkg::CmdPurge),
    .s_op_id        (cmd_q.id),
    .s_op_group     (cmd_q.arg),
    .op_done_o      (op_done),
    .op_was_o       (op_was)
  );

  // ---------------------------------------------------------------- commands
  fantail_pkg::cmd_t cmd_q;
  logic [31:0]       cmd_seq_q;
  logic              cmd_active_q, cmd_read_q, cmd_sent_q;
  logic              cmd_member;
  logic              cmd_write;

  assign s_cmd_ready = !active_q && !cmd_active_q && !busy_o;
  assign cmd_member  = (cmd_q.op == fantail_pkg::CmdJoin) || (cmd_q.op == fantail_pkg::CmdLeave)
                    || (cmd_q.op == fantail_pkg::CmdPurge);
  assign op_valid    = cmd_active_q && cmd_member && !cmd_sent_q;
  assign cmd_write   = cmd_active_q && !cmd_member && cmd_read_q && wake_in_ready;
  assign cmd_done_o  = cmd_active_q && (cmd_member ? op_done : (cmd_read_q && wake_in_ready));
  assign cmd_bit_o   = op_was;

  // ---------------------------------------------------------------- E0: read
  logic                     e0_go, e1_valid_q, e1_ready;
  logic [13:0]              e1_id_q;
  logic [15:0]              e1_gen_q;
  logic                     e1_named_q, e1_none_q, again;
  fantail_tcp_pkg::enq_t    e1_state;
  logic [fantail_tcp_pkg::EnqW-1:0] e1_bits;

  // its state is being written
  assign again        = e1_valid_q && walk_q.to_list && target_id == e1_id_q;
  assign target_ready = (!e1_valid_q || e1_ready) && !again;
  assign e0_go        = target_valid && target_ready;
  assign rd_valid_o   = e0_go || (cmd_active_q && !cmd_read_q);
  assign rd_id_o      = cmd_active_q ? cmd_q.id : target_id;

  logic enq_busy;
  fantail_table #(
    .Width(fantail_tcp_pkg::EnqW),
    .Depth(Connections)
  ) u_state (
    .clk, .rst,
    .busy_o  (enq_busy),
    .we_i    (enq_we_o),
    .waddr_i (enq_waddr_o[IdW-1:0]),
    .wdata_i (enq_wdata_o),
    .re_i    (rd_valid_o),
    .raddr_i (rd_id_o[IdW-1:0]),
    .rdata_o (e1_bits)
  );
  assign e1_state = e1_bits;

  // ---------------------------------------------------------------- E1: judge
  logic        ours, usable, follows, full, no_extent, skips, left_out, overrun, append;
  logic [31:0] new_delta, new_queued, unsent;
  logic        to_ready, walk_hold;
  logic        held_in_ready;
  logic        absent;   // a group's member that is not ours

  assign ours       = e1_state.installed && (e1_state.qp == walk_q.qp) && !e1_none_q
                   && (!e1_named_q || e1_state.gen == e1_gen_q);
  assign absent     = !e1_named_q && e1_state.qp != walk_q.qp;
  assign usable     = ours && !e1_state.closing && !e1_state.cut && alive_i;
  assign new_delta  = walk_q.pos - e1_state.queued;
  // An extent ends after 2^30 bytes, so that sequence numbers within it can always be compared.
  assign follows    = (e1_state.ext_wr != 16'd0) && (e1_state.delta == new_delta)
                   && ((e1_state.queued - e1_state.first) < 32'h4000_0000);
  assign full       = (e1_state.ext_wr - ext_free_i) >= 16'(Extents);
  assign no_extent  = !follows && full;
  assign skips      = policy_i == fantail_regs_pkg::POLICY_SKIP;
  assign left_out   = usable && skips && (skip_i || no_extent);
  assign overrun    = usable && !skips && no_extent;
  assign append     = usable && !overrun && !left_out;
  assign new_queued = e1_state.queued + walk_q.len;
  assign unsent     = new_queued - nxt_i;
  // Ready now, or held until the batch's end. Unsent may be stale and too large: then the transmitter holds it.
  assign to_ready   = walk_q.last || !walk_hold || (unsent >= 32'(mss_i));

  assign e1_ready   = overrun ? m_overrun_ready : !append || (to_ready ? wake_in_ready : held_in_ready);

  assign m_overrun_valid = e1_valid_q && overrun;
  assign m_overrun_id    = e1_id_q;

  logic e1_fire;
  assign e1_fire = e1_valid_q && e1_ready;

  always_comb begin
    enq_wdata_o = e1_state;
    enq_waddr_o = e1_id_q;
    enq_we_o    = e1_fire && ours;
    if (cmd_active_q) begin
      enq_waddr_o = cmd_q.id;
      enq_we_o    = cmd_write;
      case (cmd_q.op)
        fantail_pkg::CmdInstall: begin
          enq_wdata_o           = '0;
          enq_wdata_o.installed = 1'b1;
          enq_wdata_o.push      = 1'b1;
          enq_wdata_o.gen       = cmd_q.gen;
          enq_wdata_o.qp        = cmd_q.qp;
          enq_wdata_o.queued    = cmd_seq_q;
        end
        fantail_pkg::CmdClose: begin
          enq_wdata_o.closing = !e1_state.cut;
          enq_wdata_o.push    = 1'b1;
        end
        default: enq_wdata_o.installed = 1'b0;  // retire
      endcase
    end else if (append) begin
      enq_wdata_o.queued = new_queued;
      enq_wdata_o.push   = walk_q.last;
      if (!follows) begin
        enq_wdata_o.delta  = new_delta;
        enq_wdata_o.first  = e1_state.queued;
        enq_wdata_o.ext_wr = e1_state.ext_wr + 16'd1;
      end
    end else begin
      enq_wdata_o.skipped = e1_state.skipped + 32'(walk_q.payloads);
      if (left_out) enq_wdata_o.skip_gen = !skip_seen_i;
      enq_wdata_o.cut     = e1_state.cut || overrun;
    end
  end

  assign ext_we_o             = e1_fire && append && !follows;
  assign ext_id_o             = e1_id_q;
  assign ext_index_o          = e1_state.ext_wr;
  assign ext_data_o.first_seq = e1_state.queued;
  assign ext_data_o.delta     = new_delta;

  // ---------------------------------------------------------------- wake-ups: one cycle after the state was written
  logic        wake_valid_q, held_valid_q;
  logic [13:0] wake_id_q, held_id_q;
  logic [2:0]  held_qp_q;
  logic        wake_in_ready;
  assign wake_in_ready = !wake_valid_q || wake_ready_i;
  assign wake_valid_o  = wake_valid_q;
  assign wake_id_o     = wake_id_q;

  // ---------------------------------------------------------------- held connections
  logic       draining_q;
  logic [4:0] drain_wait_q;   // longer than a verdict of the transmitter is under way
  logic [QueuePairs-1:0]    held_valid, held_empty, held_busy, held_to_ready, held_from_ready, draining;
  logic [QueuePairs-1:0]    drain_pick;
  logic [14*QueuePairs-1:0] held_ids;

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_held
    logic [1:0] src_ready;
    fantail_wake #(
      .Connections(Connections),
      .Sources(2)
    ) u_held (
      .clk, .rst,
      .busy_o  (held_busy[q]),
      .s_valid ({held_valid_q && held_qp_q == 3'(q), s_held_valid && s_held_qp == 3'(q)}),
      .s_ready (src_ready),
      .s_id    ({held_id_q, s_held_id}),
      .m_valid (held_valid[q]),
      .m_ready (drain_pick[q] && drain_ready_i),
      .m_id    (held_ids[14*q +: 14]),
      .empty_o (held_empty[q])
    );
    assign held_from_ready[q] = src_ready[0] || s_held_qp != 3'(q);
    assign held_to_ready[q]   = src_ready[1] || held_qp_q != 3'(q);
    assign draining[q]        = draining_q && walk_q.qp == 3'(q);  // no walk begins meanwhile
  end

  fantail_turn #(
    .Num(QueuePairs)
  ) u_drain_turn (
    .clk, .rst,
    .valid_i (held_valid & ~hold_o),
    .take_i  (drain_ready_i),
    .pick_o  (drain_pick),
    .index_o (),
    .any_o   (drain_valid_o)
  );

  always_comb begin
    drain_id_o = '0;
    walk_hold  = 1'b0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (drain_pick[q]) drain_id_o = drain_id_o | held_ids[14*q +: 14];
      if (walk_q.qp == 3'(q)) walk_hold = hold_o[q];
    end
  end

  assign held_in_ready = !held_valid_q || held_to_ready == '1;
  assign s_held_ready  = held_from_ready == '1;
  assign hold_o        = hold_i & ~draining;

  // ---------------------------------------------------------------- the walk's end
  logic        scanned_q;
  logic [15:0] reached_q, skipped_q;
  assign walkdone_valid_o   = active_q && scanned_q && !e1_valid_q;
  assign walkdone_reached_o = reached_q;
  assign walkdone_skipped_o = skipped_q;

  always_ff @(posedge clk) begin
    if (s_cmd_valid && s_cmd_ready) begin
      cmd_q     <= s_cmd_data;
      cmd_seq_q <= s_cmd_seq;
    end
    if (cmd_write && cmd_q.op == fantail_pkg::CmdInstall && 15'(cmd_q.id) >= span_q) span_q <= 15'(cmd_q.id) + 15'd1;
    if (walk_start) begin
      walk_q    <= s_walk_data;
      reached_q <= '0;
      skipped_q <= '0;
    end
    if (e0_go) begin
      e1_id_q    <= target_id;
      e1_gen_q   <= target_gen;
      e1_named_q <= target_named;
      e1_none_q  <= target_none;
    end
    if (e1_fire) begin
      if (append) reached_q <= reached_q + 16'd1;
      else if (!absent) skipped_q <= skipped_q + 16'd1;
    end
    if (wake_in_ready) wake_id_q <= cmd_active_q ? cmd_q.id : e1_id_q;
    if (held_in_ready) {held_qp_q, held_id_q} <= {walk_q.qp, e1_id_q};

    if (rst) begin
      active_q     <= 1'b0;
      scanned_q    <= 1'b0;
      e1_valid_q   <= 1'b0;
      wake_valid_q <= 1'b0;
      held_valid_q <= 1'b0;
      cmd_active_q <= 1'b0;
      cmd_read_q   <= 1'b0;
      cmd_sent_q   <= 1'b0;
      draining_q   <= 1'b0;
      drain_wait_q <= '0;
      span_q       <= '0;
    end else begin
      if (walk_start) begin
        active_q  <= 1'b1;
        scanned_q <= 1'b0;
      end else if (walkdone_valid_o) begin
        active_q <= 1'b0;
      end else if (active_q && scan_done) begin
        scanned_q <= 1'b1;
      end

      if (!e1_valid_q || e1_ready) e1_valid_q <= e0_go;
      if (wake_in_ready) wake_valid_q <= (e1_fire && append && to_ready)
                                      || (cmd_write && (cmd_q.op == fantail_pkg::CmdClose || cmd_q.op == fantail_pkg::CmdInstall));
      if (held_in_ready) held_valid_q <= e1_fire && append && !to_ready;

      if (s_cmd_valid && s_cmd_ready) begin
        cmd_active_q <= 1'b1;
        cmd_read_q   <= 1'b0;
        cmd_sent_q   <= 1'b0;
      end else begin
        if (cmd_done_o) cmd_active_q <= 1'b0;
        if (cmd_active_q) cmd_read_q <= 1'b1;
        if (op_valid && op_ready) cmd_sent_q <= 1'b1;
      end

      if (walkdone_valid_o && walk_q.last) begin
        draining_q   <= 1'b1;
        drain_wait_q <= '1;
      end else begin
        if (drain_wait_q != '0) drain_wait_q <= drain_wait_q - 5'd1;
        if ((draining & ~held_empty) == '0 && !held_valid_q && drain_wait_q == '0) draining_q <= 1'b0;
      end
    end
  end

  logic blocked;
  assign blocked = e1_valid_q && !e1_ready;
  assign stage_o = {blocked, active_q && !blocked && !(walk_q.to_list && !s_list_valid && !scanned_q)};

  assign busy_o = walk_busy || enq_busy || held_busy != '0;
  assign idle_o = !active_q && !e1_valid_q && !wake_valid_q && !held_valid_q && !cmd_active_q
               && !draining_q && (held_empty | hold_o) == '1;

  if ((1 << $clog2(Extents)) != Extents || Extents < 8) begin : gen_check
    $fatal(1, "fantail_enqueue: Extents must be a power of two, at least 8");
  end

  `ASSERT(NoOverfull, !(ext_we_o && (e1_state.ext_wr - ext_free_i) >= 16'(Extents)))

endmodule
