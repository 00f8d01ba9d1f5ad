// SPDX-License-Identifier: Apache-2.0
// News of connections: what was raised, what was told, and the records that tell the difference, for every queue pair in
// periods (fantail_period).
//
//   s_ev ---+                            +--> ids with news, a queue for each queue pair --> pick --> read statistics --+
//           +--> one row per connection -+                                                    |                         |
//   clear --+          ^----------------------------------------------------------------------+        period <-- CONN -+
//   counts ------------------------------------------------------------------------------------------> SUMMARY --> m_rec
//   marks, COLLECT --> fence --> sweeper, acknowledge owner, delivery --> s_ev ------------------> DELIVERED
//
// Contract
//   s_ev       raises events of a connection. One-shot events count once per generation; the repeatable ones (LAGGING,
//              WRITABLE, SKIPPED, DRAINED, QUERY) whenever raised. Events raised before their record is built share it.
//              LAGGING takes back a WRITABLE not told yet, and that cancels both if LAGGING had been told: so a
//              record with WRITABLE says writable now, whether LAGGING stands beside it or not.
//              With s_ev_fence it raises nothing: what a queue pair has asked of a whole sweep has come through (fantail_fence).
//   clear      an install: the new generation starts without events. A pulse, at most one every eight cycles. What the old one
//              had not been told of is told no more.
//   m_rec      CONN record with the events not told before, connections in the order of their oldest untold event, and
//              SUMMARY and DELIVERED; `tail` is zero. A record that waits holds back no s_ev. It is offered while room_i says that its status
//              ring has room, and may give way to another queue pair's as long as it is not taken: a full ring holds back
//              nobody else.
//   Counts     connect_i, success_i with count_qp_i; read_i for each queue pair. Errors and disconnects are counted here: the
//              first TIMED_OUT or OVERRUN, and the first PEER_FIN or RESET, of a generation.
//   stat_id_o is held for at least three cycles before stat_i is taken.
//   Nothing is lost: a row is read, marked as told and, if need be, queued in one go; one unit does all that.
//   qp_busy_o[q]: news of queue pair q waits, or is being told.
//   idle_o: nothing to do before next_deadline_us_o, though news may wait for the end of its period.

module fantail_reporter #(
  parameter int Connections = 1024,  // a power of two, 16 to 16,384
  parameter int QueuePairs  = 1      // 1..8
) (
  input  logic                     clk,
  input  logic                     rst,
  output logic                     busy_o,
  output logic                     idle_o,
  output logic [QueuePairs-1:0]    qp_busy_o,
  output logic [63:0]              next_deadline_us_o,
  input  logic [63:0]              now_us_i,
  // configuration, queue pair q at q
  input  logic [QueuePairs-1:0]    qp_enable_i,
  input  logic [16*QueuePairs-1:0] mod_count_i,
  input  logic [32*QueuePairs-1:0] mod_us_i,
  input  logic [QueuePairs-1:0]    urgent_i,
  input  logic [QueuePairs-1:0]    summary_only_i,
  // events and counts
  input  logic                     s_ev_valid,
  output logic                     s_ev_ready,
  input  logic [13:0]              s_ev_id,
  input  logic [15:0]              s_ev_gen,
  input  logic [2:0]               s_ev_qp,
  input  logic [15:0]              s_ev_bits,
  input  logic [7:0]               s_ev_cause,
  input  logic                     s_ev_fence,
  input  logic                     clear_valid_i,
  input  logic [13:0]              clear_id_i,
  input  logic                     connect_i,
  input  logic                     success_i,
  input  logic [2:0]               count_qp_i,
  input  logic [QueuePairs-1:0]    read_i,
  // COLLECT and DELIVERED (fantail_fence)
  input  logic [QueuePairs-1:0]    collect_i,
  input  logic [QueuePairs-1:0]    s_mark_valid,
  output logic [QueuePairs-1:0]    s_mark_ready,
  input  logic [32*QueuePairs-1:0] s_mark_pos,
  input  logic [64*QueuePairs-1:0] s_mark_cookie,
  output logic [5*QueuePairs-1:0]  marks_o,
  input  logic                     begin_i,
  input  logic [31:0]              walk_pos_i,
  input  logic                     need_valid_i,
  input  logic [31:0]              need_pos_i,
  input  logic [2:0]               need_qp_i,
  input  logic                     sweep_i,
  output logic                     m_fence_valid,
  input  logic                     m_fence_ready,
  output logic [2:0]               m_fence_qp,
  // statistics of a connection
  output logic [13:0]              stat_id_o,
  input  fantail_pkg::conn_stats_t stat_i,
  // records, and what the status block says and hears of them (fantail_status)
  output logic                     m_rec_valid,
  input  logic                     m_rec_ready,
  output logic [255:0]             m_rec_data,
  output logic [2:0]               m_rec_qp,
  input  logic [QueuePairs-1:0]    room_i,
  input  logic [QueuePairs-1:0]    due_i,
  output logic [15*QueuePairs-1:0] items_o,
  output logic [QueuePairs-1:0]    hold_o,
  output logic [QueuePairs-1:0]    telling_o,
  output logic [QueuePairs-1:0]    collect_o,
  output logic [QueuePairs-1:0]    end_o
);
  `include "fantail_assert.svh"

  localparam int IdW  = $clog2(Connections);
  localparam int RowW = QueuePairs + 3 + 16 + 8 + 16 + 16;  // {queued, qp, gen, cause, untold, all}
  localparam logic [15:0] Repeatable = fantail_regs_pkg::EV_LAGGING | fantail_regs_pkg::EV_WRITABLE
                                       | fantail_regs_pkg::EV_SKIPPED | fantail_regs_pkg::EV_DRAINED
                                       | fantail_regs_pkg::EV_QUERY;
  localparam logic [15:0] Errors      = fantail_regs_pkg::EV_TIMED_OUT | fantail_regs_pkg::EV_OVERRUN;
  localparam logic [15:0] Disconnects = fantail_regs_pkg::EV_PEER_FIN | fantail_regs_pkg::EV_RESET;
  localparam logic [15:0] Failures    = Errors | fantail_regs_pkg::EV_RESET;

  // ---------------------------------------------------------------- rows: read in one cycle, edited in the next
  localparam logic [1:0] EditNone  = 2'd0;     // choose and read
  localparam logic [1:0] EditClear = 2'd1;
  localparam logic [1:0] EditRaise = 2'd2;
  localparam logic [1:0] EditTell  = 2'd3;

  logic [1:0]            edit_q, edit_d;
  logic [13:0]           id_q, id_d;
  logic                  clear_q;              // an install waits
  logic [13:0]           clear_id_q;
  logic [QueuePairs-1:0] row_queued;           // in the queue of
  logic [2:0]            row_qp;
  logic [15:0]           row_gen, row_untold, row_all;
  logic [7:0]            row_cause;
  logic [RowW-1:0]       row_new;
  logic [15:0]           fresh;
  logic [QueuePairs-1:0] ev_qp;                // one-hot
  logic [QueuePairs-1:0] tell, queue_valid, queue_push, queue_pop, pick, pick_q;
  logic [2:0]            pick_qp_q;            // the same as a number
  logic [IdW*QueuePairs-1:0] queue_id;
  logic [IdW-1:0]        pick_id;
  logic                  rec_free;             // a record may be begun
  logic                  here;                 // the id is still its queue's queue pair's
  logic                  something;            // to tell

  // The lowest queue pair first: each stops asking while its record waits.
  assign pick = tell & queue_valid & (~(tell & queue_valid) + QueuePairs'(1));

  logic [2:0] pick_qp;
  always_comb begin
    pick_id = '0;
    pick_qp = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (pick[q]) begin
        pick_id = queue_id[IdW*q +: IdW];
        pick_qp = 3'(q);
      end
    end
  end

  always_comb begin : choose
    edit_d = EditNone;
    id_d   = id_q;
    if (edit_q == EditNone && !busy_o) begin
      if (clear_q) begin
        edit_d = EditClear;
        id_d   = clear_id_q;
      end else if (s_ev_valid) begin
        if (!s_ev_fence) edit_d = EditRaise;
        id_d = s_ev_id;
      end else if (pick != '0 && rec_free) begin
        edit_d = EditTell;
        id_d   = 14'(pick_id);
      end
    end
  end
  // s_ev still stands; a fence passes when all before it has been edited
  assign s_ev_ready = s_ev_fence ? edit_q == EditNone && !busy_o && !clear_q : edit_q == EditRaise;
  assign queue_pop  = edit_q == EditTell ? pick_q : '0;

  fantail_table #(
    .Width(RowW),
    .Depth(Connections)
  ) u_rows (
    .clk,
    .rst,
    .busy_o,
    .we_i    (edit_q != EditNone),
    .waddr_i (id_q[IdW-1:0]),
    .wdata_i (row_new),
    .re_i    (edit_d != EditNone),
    .raddr_i (id_d[IdW-1:0]),
    .rdata_o ({row_queued, row_qp, row_gen, row_cause, row_untold, row_all})
  );

  logic        relapse;
  logic [15:0] merged;
  assign fresh     = s_ev_bits & (~row_all | Repeatable);
  assign here      = row_qp == pick_qp_q;
  assign something = here && row_untold != '0;
  assign relapse = (fresh & fantail_regs_pkg::EV_LAGGING) != '0 && (row_untold & fantail_regs_pkg::EV_WRITABLE) != '0;
  assign merged  = relapse ? (row_untold | (fresh & ~fantail_regs_pkg::EV_LAGGING)) & ~fantail_regs_pkg::EV_WRITABLE
                           : row_untold | fresh;
  always_comb begin : edit
    row_new    = {row_queued, row_qp, row_gen, row_cause, row_untold, row_all};
    queue_push = '0;
    case (edit_q)
      EditClear: row_new = {row_queued, 59'd0};
      EditRaise: begin
        row_new = {
          row_queued | (fresh != '0 ? ev_qp : '0),
          s_ev_qp,
          s_ev_gen,
          (fresh & fantail_regs_pkg::EV_OVERRUN) != '0 ? s_ev_cause : row_cause,
          merged,
          row_all | s_ev_bits
        };
        if (fresh != '0) queue_push = ev_qp & ~row_queued;
      end
      // An id may stand in the queue of a queue pair that it has left: nothing is told there.
      EditTell: row_new = {row_queued & ~pick_q, row_qp, row_gen, row_cause, here ? 16'd0 : row_untold, row_all};
      default: ;
    endcase
  end

  always_ff @(posedge clk) begin
    id_q <= id_d;
    if (edit_q == EditNone) begin
      pick_q    <= pick;
      pick_qp_q <= pick_qp;
    end
    if (clear_valid_i) clear_id_q <= clear_id_i;
    if (rst) begin
      edit_q  <= EditNone;
      clear_q <= 1'b0;
    end else begin
      edit_q <= edit_d;
      if (clear_valid_i) clear_q <= 1'b1;
      else if (edit_d == EditClear) clear_q <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- CONN records
  localparam logic [2:0] RecIdle = 3'd0;
  localparam logic [2:0] RecWait = 3'd3;       // counts down to RecTake while the statistics are read
  localparam logic [2:0] RecTake = 3'd1;
  localparam logic [2:0] RecDone = 3'd4;       // to its period, which has a place for it

  logic [2:0]                  rec_q;
  logic [QueuePairs-1:0]       rec_qp_q;       // one-hot
  fantail_regs_pkg::rec_conn_t record_q;

  assign rec_free = rec_q == RecIdle;

  always_ff @(posedge clk) begin
    if (edit_q == EditTell) begin
      record_q            <= '0;
      record_q.type_      <= fantail_regs_pkg::REC_CONN;
      record_q.cause      <= row_cause;
      record_q.events     <= something ? row_untold : '0;
      record_q.all_events <= row_all;
      record_q.handle     <= {row_gen, 2'd0, id_q};
      stat_id_o           <= id_q;
      rec_qp_q            <= pick_q;
    end else if (rec_q == RecTake) begin
      record_q.acked       <= stat_i.acked;
      record_q.queued      <= stat_i.queued;
      record_q.retransmits <= stat_i.retransmits;
      record_q.skipped     <= stat_i.skipped;
    end
    if (rst) begin
      rec_q <= RecIdle;
    end else begin
      case (rec_q)
        RecIdle: if (edit_q == EditTell) rec_q <= something ? RecWait : RecDone;
        RecTake: rec_q <= RecDone;
        RecDone: rec_q <= RecIdle;
        default: rec_q <= rec_q - 1'b1;
      endcase
    end
  end

  // ---------------------------------------------------------------- each queue pair: ids with news, its period
  logic [QueuePairs-1:0]     rec_valid, rec_ready, period_busy, fence_busy, fence_valid, fence_one;
  logic [256*QueuePairs-1:0] rec_data;
  logic [64*QueuePairs-1:0]  deadline_us;
  logic                      raise;

  assign raise = edit_q == EditRaise;

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_qp
    logic        queue_ready, mine;
    logic [14:0] ids_q;                        // ids in the queue
    logic        collect, told_valid, told_ready;
    logic [63:0] told_cookie;
    logic [4:0]  told;

    assign ev_qp[q] = s_ev_qp == 3'(q);
    assign mine     = raise && ev_qp[q];

    // The row's bit says that its id is in here: once at most.
    fantail_ram_fifo #(
      .Width(IdW),
      .Depth(Connections)
    ) u_queue (
      .clk,
      .rst,
      .s_valid (queue_push[q]),
      .s_ready (queue_ready),
      .s_data  (id_q[IdW-1:0]),
      .m_valid (queue_valid[q]),
      .m_ready (queue_pop[q]),
      .m_data  (queue_id[IdW*q +: IdW])
    );

    always_ff @(posedge clk) begin
      if (rst) ids_q <= '0;
      else ids_q <= ids_q + 15'(queue_push[q]) - 15'(queue_pop[q]);
    end

    fantail_fence u_fence (
      .clk,
      .rst,
      .enable_i      (qp_enable_i[q]),
      .collect_i     (collect_i[q]),
      .s_mark_valid  (s_mark_valid[q]),
      .s_mark_ready  (s_mark_ready[q]),
      .s_mark_pos    (s_mark_pos[32*q +: 32]),
      .s_mark_cookie (s_mark_cookie[64*q +: 64]),
      .marks_o       (marks_o[5*q +: 5]),
      .begin_i,
      .walk_pos_i,
      .need_valid_i  (need_valid_i && need_qp_i == 3'(q)),
      .need_pos_i,
      .sweep_i,
      .m_fence_valid (fence_valid[q]),
      .m_fence_ready (m_fence_ready && fence_one[q]),
      .fence_i       (s_ev_valid && s_ev_ready && s_ev_fence && ev_qp[q]),
      .collect_o     (collect),
      .m_told_valid  (told_valid),
      .m_told_ready  (told_ready),
      .m_told_cookie (told_cookie),
      .told_o        (told),
      .busy_o        (fence_busy[q])
    );

    fantail_period u_period (
      .clk,
      .rst,
      .now_us_i,
      .enable_i           (qp_enable_i[q]),
      .mod_count_i        (mod_count_i[16*q +: 16]),
      .mod_us_i           (mod_us_i[32*q +: 32]),
      .urgent_i           (urgent_i[q]),
      .summary_only_i     (summary_only_i[q]),
      .connect_i          (connect_i && count_qp_i == 3'(q)),
      .read_i             (read_i[q]),
      .error_i            (mine && (fresh & Errors) != '0 && (row_all & Errors) == '0),
      .disconnect_i       (mine && (fresh & Disconnects) != '0 && (row_all & Disconnects) == '0),
      .success_i          (success_i && count_qp_i == 3'(q)),
      .failure_i          (mine && (fresh & Failures) != '0),
      .collect_i          (collect),
      .s_mark_valid       (told_valid),
      .s_mark_ready       (told_ready),
      .s_mark_cookie      (told_cookie),
      .marks_i            (told),
      .ids_i              (ids_q),
      .tell_o             (tell[q]),
      .told_i             (queue_pop[q]),
      .s_done_valid       (rec_q == RecDone && rec_qp_q[q]),
      .s_done_rec         (record_q.events != '0),
      .s_done_data        (record_q[223:0]),
      .m_rec_valid        (rec_valid[q]),
      .m_rec_ready        (rec_ready[q]),
      .m_rec_data         (rec_data[256*q +: 256]),
      .due_i              (due_i[q]),
      .items_o            (items_o[15*q +: 15]),
      .hold_o             (hold_o[q]),
      .telling_o          (telling_o[q]),
      .collect_o          (collect_o[q]),
      .end_o              (end_o[q]),
      .busy_o             (period_busy[q]),
      .next_deadline_us_o (deadline_us[64*q +: 64])
    );

    assign qp_busy_o[q] = ids_q != '0 || rec_valid[q] || period_busy[q] || (rec_q != RecIdle && rec_qp_q[q]);

    `ASSERT(QueueFits, !queue_push[q] || queue_ready)
  end

  always_comb begin
    next_deadline_us_o = '1;
    for (int q = 0; q < QueuePairs; q++) begin
      if (deadline_us[64*q +: 64] < next_deadline_us_o) next_deadline_us_o = deadline_us[64*q +: 64];
    end
  end

  // the lowest queue pair first: each has one fence under way at most
  assign fence_one     = fence_valid & (~fence_valid + QueuePairs'(1));
  assign m_fence_valid = fence_valid != '0;
  always_comb begin
    m_fence_qp = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (fence_one[q]) m_fence_qp = 3'(q);
    end
  end

  // ---------------------------------------------------------------- one of the records whose ring has room, in turns
  logic [QueuePairs-1:0] offer, later, offer_one;
  logic [2:0]            turn_q;               // the queue pair served last

  assign offer     = rec_valid & room_i;
  assign offer_one = later != '0 ? later & (~later + QueuePairs'(1)) : offer & (~offer + QueuePairs'(1));
  assign rec_ready = m_rec_ready ? offer_one : '0;

  always_comb begin
    m_rec_data = '0;
    m_rec_qp   = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      later[q] = offer[q] && 3'(q) > turn_q;
      if (offer_one[q]) begin
        m_rec_data = rec_data[256*q +: 256];
        m_rec_qp   = 3'(q);
      end
    end
  end
  assign m_rec_valid = offer != '0;

  always_ff @(posedge clk) begin
    if (rst) turn_q <= '0;
    else if (m_rec_ready && offer != '0) turn_q <= m_rec_qp;
  end

  assign idle_o = edit_q == EditNone && !clear_q && !s_ev_valid && rec_q == RecIdle && period_busy == '0
               && fence_busy == '0;

  logic unused;
  assign unused = &{1'b0, stat_i.installed, stat_i.gen, stat_i.qp, id_q};

  if ((1 << IdW) != Connections || Connections < 16 || Connections > 16384) begin : gen_check
    $fatal(1, "fantail_reporter: Connections is not a power of two from 16 to 16384");
  end
  if (QueuePairs < 1 || QueuePairs > 8) begin : gen_check_qp
    $fatal(1, "fantail_reporter: QueuePairs must be 1 to 8");
  end

  `ASSERT(OneClear, !clear_valid_i || !clear_q)

endmodule
