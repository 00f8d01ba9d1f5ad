// SPDX-License-Identifier: Apache-2.0
// News of connections: what was raised, what was told, and the CONN records that tell the difference.
//
//   s_ev ---+                            +--> ids with news --> pick --> read statistics --> m_rec
//           +--> one row per connection -+                       |
//   clear --+          ^-----------------------------------------+
//
// Contract
//   s_ev       raises events of a connection. One-shot events count once per generation; the repeatable ones (LAGGING,
//              WRITABLE, SKIPPED, DRAINED, QUERY) whenever raised. Events raised before their record is built share it.
//              LAGGING takes back a WRITABLE not told yet, and that cancels both if LAGGING had been told: so a
//              record with WRITABLE says writable now, whether LAGGING stands beside it or not.
//   clear      an install: the new generation starts without events. A pulse, at most one every eight cycles.
//   m_rec      CONN record with the events not told before; `tail` is zero. Connections in the order of their oldest
//              untold event. A record that waits holds back no s_ev.
//   stat_id_o is held for at least three cycles before stat_i is taken.
//   Nothing is lost: a row is read, marked as told and, if need be, queued in one go; one unit does all that.

module fantail_reporter #(
  parameter int Connections = 1024  // a power of two, 16 to 16,384
) (
  input  logic                     clk,
  input  logic                     rst,
  output logic                     busy_o,
  output logic                     idle_o,
  input  logic                     s_ev_valid,
  output logic                     s_ev_ready,
  input  logic [13:0]              s_ev_id,
  input  logic [15:0]              s_ev_gen,
  input  logic [15:0]              s_ev_bits,
  input  logic [7:0]               s_ev_cause,
  input  logic                     clear_valid_i,
  input  logic [13:0]              clear_id_i,
  output logic [13:0]              stat_id_o,
  input  fantail_pkg::conn_stats_t stat_i,
  output logic                     m_rec_valid,
  input  logic                     m_rec_ready,
  output logic [255:0]             m_rec_data,
  output logic [2:0]               m_rec_qp
);
  `include "fantail_assert.svh"

  localparam int IdW  = $clog2(Connections);
  localparam int RowW = 1 + 16 + 8 + 16 + 16;  // {queued, gen, cause, untold, all}
  localparam logic [15:0] Repeatable = fantail_regs_pkg::EV_LAGGING | fantail_regs_pkg::EV_WRITABLE
                                       | fantail_regs_pkg::EV_SKIPPED | fantail_regs_pkg::EV_DRAINED
                                       | fantail_regs_pkg::EV_QUERY;

  // ---------------------------------------------------------------- rows: read in one cycle, edited in the next
  localparam logic [1:0] EditNone  = 2'd0;     // choose and read
  localparam logic [1:0] EditClear = 2'd1;
  localparam logic [1:0] EditRaise = 2'd2;
  localparam logic [1:0] EditTell  = 2'd3;

  logic [1:0]      edit_q, edit_d;
  logic [13:0]     id_q, id_d;
  logic            clear_q;                    // an install waits
  logic [13:0]     clear_id_q;
  logic            row_queued;
  logic [15:0]     row_gen, row_untold, row_all;
  logic [7:0]      row_cause;
  logic [RowW-1:0] row_new;
  logic [15:0]     fresh;
  logic            queue_push, queue_valid, queue_pop, queue_ready;
  logic [IdW-1:0]  queue_id;
  logic            rec_free;                   // a record may be begun

  always_comb begin : choose
    edit_d = EditNone;
    id_d   = id_q;
    if (edit_q == EditNone && !busy_o) begin
      if (clear_q) begin
        edit_d = EditClear;
        id_d   = clear_id_q;
      end else if (s_ev_valid) begin
        edit_d = EditRaise;
        id_d   = s_ev_id;
      end else if (queue_valid && rec_free) begin
        edit_d = EditTell;
        id_d   = 14'(queue_id);
      end
    end
  end
  assign s_ev_ready = edit_q == EditRaise;     // s_ev still stands
  assign queue_pop  = edit_q == EditTell;

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
    .rdata_o ({row_queued, row_gen, row_cause, row_untold, row_all})
  );

  logic        relapse;
  logic [15:0] merged;
  assign fresh   = s_ev_bits & (~row_all | Repeatable);
  assign relapse = (fresh & fantail_regs_pkg::EV_LAGGING) != '0 && (row_untold & fantail_regs_pkg::EV_WRITABLE) != '0;
  assign merged  = relapse ? (row_untold | (fresh & ~fantail_regs_pkg::EV_LAGGING)) & ~fantail_regs_pkg::EV_WRITABLE
                           : row_untold | fresh;
  always_comb begin : edit
    row_new    = {row_queued, row_gen, row_cause, row_untold, row_all};
    queue_push = 1'b0;
    case (edit_q)
      EditClear: row_new = {row_queued, 56'd0};
      EditRaise: begin
        row_new = {
          row_queued || fresh != '0,
          s_ev_gen,
          (fresh & fantail_regs_pkg::EV_OVERRUN) != '0 ? s_ev_cause : row_cause,
          merged,
          row_all | s_ev_bits
        };
        queue_push = !row_queued && fresh != '0;
      end
      EditTell: row_new = {1'b0, row_gen, row_cause, 16'd0, row_all};
      default: ;
    endcase
  end

  always_ff @(posedge clk) begin
    id_q <= id_d;
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

  // Ids with news. The row's first bit says that its id is in here: once at most.
  fantail_ram_fifo #(
    .Width(IdW),
    .Depth(Connections)
  ) u_queue (
    .clk,
    .rst,
    .s_valid (queue_push),
    .s_ready (queue_ready),
    .s_data  (id_q[IdW-1:0]),
    .m_valid (queue_valid),
    .m_ready (queue_pop),
    .m_data  (queue_id)
  );

  logic [IdW:0] queued_q;                      // ids in the queue
  always_ff @(posedge clk) begin
    if (rst) queued_q <= '0;
    else queued_q <= queued_q + (IdW+1)'(queue_push) - (IdW+1)'(queue_pop);
  end

  // ---------------------------------------------------------------- records
  localparam logic [2:0] RecIdle = 3'd0;
  localparam logic [2:0] RecWait = 3'd3;       // counts down to RecTake while the statistics are read
  localparam logic [2:0] RecTake = 3'd1;
  localparam logic [2:0] RecSend = 3'd4;

  logic [2:0]                  rec_q;
  fantail_regs_pkg::rec_conn_t record_q;

  // A record is begun only when the one before has left, so news goes on merging in the rows.
  assign rec_free = rec_q == RecIdle;

  always_ff @(posedge clk) begin
    if (edit_q == EditTell) begin
      record_q            <= '0;
      record_q.type_      <= fantail_regs_pkg::REC_CONN;
      record_q.cause      <= row_cause;
      record_q.events     <= row_untold;
      record_q.all_events <= row_all;
      record_q.handle     <= {row_gen, 2'd0, id_q};
      stat_id_o           <= id_q;
    end else if (rec_q == RecTake) begin
      record_q.acked       <= stat_i.acked;
      record_q.queued      <= stat_i.queued;
      record_q.retransmits <= stat_i.retransmits;
      record_q.skipped     <= stat_i.skipped;
      m_rec_qp             <= stat_i.qp;
    end
    if (rst) begin
      rec_q <= RecIdle;
    end else begin
      case (rec_q)
        RecIdle: if (edit_q == EditTell && row_untold != '0) rec_q <= RecWait;
        RecTake: rec_q <= RecSend;
        RecSend: if (m_rec_ready) rec_q <= RecIdle;
        default: rec_q <= rec_q - 1'b1;
      endcase
    end
  end
  assign m_rec_valid = rec_q == RecSend;
  assign m_rec_data  = record_q;

  assign idle_o = edit_q == EditNone && !clear_q && !s_ev_valid && queued_q == '0 && rec_q == RecIdle;

  logic unused;
  assign unused = &{1'b0, stat_i.installed, stat_i.gen, queue_ready, id_q};

  if ((1 << IdW) != Connections || Connections < 16 || Connections > 16384) begin : gen_check
    $fatal(1, "fantail_reporter: Connections is not a power of two from 16 to 16384");
  end

  `ASSERT(QueueFits, !queue_push || queue_ready)
  `ASSERT(OneClear, !clear_valid_i || !clear_q)

endmodule
