// SPDX-License-Identifier: Apache-2.0
// Status rings: takes records from three sources, gives them their last word and their place, has them written,
// and raises the queue pairs' interrupts (fantail_moderate).
//
// Contract
//   Sources: 0 exec, 1 delivery, 2 connection reporter; word 0x1C of s_rec_data is not looked at. A record is
//   taken when it is queued for writing; records reach the ring in the order in which they were taken, so an order
//   between two sources holds when the second waits until the first was taken. Sources take turns.
//   A record is taken only when its ring has room (records written and taken less status_head_i below the ring's
//   size): a full ring stops the source at its head, other queue pairs' records pass as other sources bring them.
//   Records of a queue pair that does not run (or does not exist) are taken and dropped.
//   room_o: the ring has room, or records would be dropped. Who brings records of several queue pairs goes by it, so that
//   a full ring stops nobody but its own queue pair. Places in reserved_i belong to delivery, whose records never wait
//   for a ring; rec_ok_o[q]: it may reserve one more (both of its kinds at once, while another source takes one).
//   News of connections (fantail_reporter, source 2): when due_o, a period is to end; hold_i, telling_i and items_i say what
//   waits, end_i that the last record of a period was taken in a cycle before, collect_i that the period answers COLLECT (see
//   fantail_moderate). read_o: a DATA record was taken.
//   frame_room_o: a FRAME record may come, for fewer than a quarter of the ring hold one. See fantail_frame_share.
//   The heads in the last word are data_head_i and control_head_i at the moment of taking.
//   A HEAD record goes out when half a ring of entries was consumed untold and no other record of that queue pair
//   can be taken.
//   m_w_*: single lines for fantail_dma_write, source 1; held until taken; m_w_done is its done pulse. Two records of
//   one line share a write when the first one still waits.
//   qp_busy_o[q]: a line of queue pair q is on its way.
//   status_tail_o: records whose write was issued, zero while qp_enable_i is low, as is all state of a queue pair.
//   irq_o[q]: one cycle = one interrupt message. next_deadline_us_o: earliest moderation deadline. busy_o: a record
//   or an interrupt is on its way.
//   Latency: record taken to line offered two cycles. Throughput: one record per cycle until a line waits, then up
//   to two for each write.

module fantail_status #(
  parameter int QueuePairs = 1,  // 1..8
  parameter int IncWidth   = 16  // bits of a counter increment
) (
  input  logic                     clk,
  input  logic                     rst,
  input  logic [63:0]              now_us_i,
  // configuration, doorbells
  input  logic [QueuePairs-1:0]    qp_enable_i,
  input  logic [QueuePairs-1:0]    halted_i,
  input  logic [QueuePairs-1:0]    urgent_i,
  input  logic [64*QueuePairs-1:0] status_base_i,
  input  logic [4*QueuePairs-1:0]  status_log2_i,
  input  logic [4*QueuePairs-1:0]  data_log2_i,
  input  logic [4*QueuePairs-1:0]  control_log2_i,
  input  logic [16*QueuePairs-1:0] mod_count_i,
  input  logic [32*QueuePairs-1:0] mod_us_i,
  input  logic [15*QueuePairs-1:0] status_head_i,
  input  logic [QueuePairs-1:0]    arm_i,
  input  logic [15*QueuePairs-1:0] data_head_i,
  input  logic [15*QueuePairs-1:0] control_head_i,
  // records
  input  logic [2:0]               s_rec_valid,
  output logic [2:0]               s_rec_ready,
  input  logic [3*256-1:0]         s_rec_data,
  input  logic [3*3-1:0]           s_rec_qp,
  input  logic [6*QueuePairs-1:0]  reserved_i,
  output logic [QueuePairs-1:0]    rec_ok_o,
  // news of connections
  output logic [QueuePairs-1:0]    room_o,
  output logic [QueuePairs-1:0]    read_o,
  output logic [QueuePairs-1:0]    frame_room_o,
  output logic [QueuePairs-1:0]    due_o,
  input  logic [15*QueuePairs-1:0] items_i,
  input  logic [QueuePairs-1:0]    hold_i,
  input  logic [QueuePairs-1:0]    telling_i,
  input  logic [QueuePairs-1:0]    collect_i,
  input  logic [QueuePairs-1:0]    end_i,
  // lines to write
  output logic                     m_w_valid,
  input  logic                     m_w_ready,
  output logic [63:0]              m_w_addr,
  output logic [511:0]             m_w_data,
  output logic [63:0]              m_w_strb,
  output logic [2:0]               m_w_qp,
  input  logic                     m_w_done,
  // results
  output logic [15*QueuePairs-1:0] status_tail_o,
  output logic [QueuePairs-1:0]    irq_o,
  output logic [63:0]              next_deadline_us_o,
  output logic                     busy_o,
  output logic [QueuePairs-1:0]    qp_busy_o,
  output logic [IncWidth*fantail_regs_pkg::QPCNT_COUNT*QueuePairs-1:0] qp_cnt_inc_o
);
  `include "fantail_assert.svh"

  localparam int NumQpCounters = fantail_regs_pkg::QPCNT_COUNT;
  localparam logic [15:0] FailureEvents =
      fantail_regs_pkg::EV_RESET | fantail_regs_pkg::EV_TIMED_OUT | fantail_regs_pkg::EV_OVERRUN;

  // Line being filled (a) and line being written (b). A line in a may take a second record; b is what the
  // write port sees and does not change. b is done when the write was issued.
  logic         a_valid_q, b_valid_q, b_busy_q;
  logic [2:0]   a_qp_q, b_qp_q;
  logic [63:0]  a_addr_q;
  logic [511:0] a_data_q;
  logic [1:0]   a_half_q, b_half_q;
  logic         a_fail_q, b_fail_q;
  logic         b_stale_q;               // its queue pair was disabled meanwhile

  // ---------------------------------------------------------------- state of each queue pair
  logic [15*QueuePairs-1:0] taken_q;     // records taken
  logic [7:0]               live, open, open_dlv, head_due, same_waits, enabled, grant_qp;
  logic                     a_move, b_done, grant, grant_drop, grant_head, grant_fail, a_alive;
  logic [15*QueuePairs-1:0] failure_tail;
  logic [64*QueuePairs-1:0] deadline_us;
  logic [QueuePairs-1:0]    mod_busy;
  logic [7:0]               grant_type;

  assign b_done = b_busy_q && m_w_done;
  assign a_move = a_valid_q && (!b_busy_q || b_done);

  for (genvar q = 0; q < 8; q++) begin : gen_qp
    if (q < QueuePairs) begin : gen_exists
      logic        qp_rst, room, fits, done;
      logic [14:0] taken, size, free, reserved, told_data_q, told_control_q, issued_q;

      assign qp_rst      = rst || !qp_enable_i[q];
      assign enabled[q]  = qp_enable_i[q];
      assign live[q]     = qp_enable_i[q] && !halted_i[q];
      assign taken       = taken_q[15*q +: 15];
      assign size        = 15'd1 << status_log2_i[4*q +: 4];
      assign free        = size - 15'(taken - status_head_i[15*q +: 15]);
      assign reserved    = 15'(reserved_i[6*q +: 6]);
      assign room        = free > reserved;
      assign rec_ok_o[q] = free >= reserved + 15'd3;
      assign room_o[q]   = room || !live[q];
      // An odd record goes beside the even one of its line if that is still in a.
      assign fits        = !a_valid_q || a_move || (a_qp_q == 3'(q) && taken[0]);
      assign open[q]     = room && fits;
      assign open_dlv[q] = free != '0 && fits;
      assign read_o[q]   = grant && grant_qp[q] && grant_type == fantail_regs_pkg::REC_DATA;
      assign head_due[q] =
          15'(data_head_i[15*q +: 15] - told_data_q) >= 15'd1 << (data_log2_i[4*q +: 4] - 4'd1) ||
          15'(control_head_i[15*q +: 15] - told_control_q) >= 15'd1 << (control_log2_i[4*q +: 4] - 4'd1);
      assign same_waits[q] = (s_rec_valid[0] && s_rec_qp[2:0] == 3'(q)) || (s_rec_valid[1] && s_rec_qp[5:3] == 3'(q)) ||
                             (s_rec_valid[2] && s_rec_qp[8:6] == 3'(q));
      assign qp_busy_o[q] = (a_valid_q && a_qp_q == 3'(q)) || (b_busy_q && b_qp_q == 3'(q));
      assign done        = b_done && !b_stale_q && b_qp_q == 3'(q);
      assign failure_tail[15*q +: 15]  = issued_q + 15'(b_half_q[0]) + 15'(b_half_q[1]);
      assign status_tail_o[15*q +: 15] = issued_q;

      always_ff @(posedge clk) begin
        if (qp_rst) begin
          taken_q[15*q +: 15] <= '0;
          issued_q            <= '0;
          told_data_q         <= '0;
          told_control_q      <= '0;
        end else begin
          if (done) issued_q <= failure_tail[15*q +: 15];
          if (grant && grant_qp[q]) begin
            taken_q[15*q +: 15] <= taken + 15'd1;
            told_data_q         <= data_head_i[15*q +: 15];
            told_control_q      <= control_head_i[15*q +: 15];
          end
        end
      end

      fantail_frame_share u_frame_share (
        .clk,
        .rst      (qp_rst),
        .log2_i   (status_log2_i[4*q +: 4]),
        .record_i (grant && grant_qp[q] && grant_type == fantail_regs_pkg::REC_FRAME),
        .index_i  (taken),
        .head_i   (status_head_i[15*q +: 15]),
        .room_o   (frame_room_o[q])
      );

      fantail_moderate u_moderate (
        .clk,
        .rst                (qp_rst),
        .now_us_i,
        .mod_count_i        (mod_count_i[16*q +: 16]),
        .mod_us_i           (mod_us_i[32*q +: 32]),
        .urgent_i           (urgent_i[q]),
        .arm_i              (arm_i[q]),
        .status_head_i      (status_head_i[15*q +: 15]),
        .tail_i             (issued_q),
        .failure_i          (done && b_fail_q),
        .failure_tail_i     (failure_tail[15*q +: 15]),
        .items_i            (items_i[15*q +: 15]),
        .hold_i             (hold_i[q]),
        .stuck_i            (telling_i[q] && !room_o[q]),
        .end_i              (end_i[q]),
        .collect_i          (collect_i[q]),
        .end_tail_i         (taken),
        .due_o              (due_o[q]),
        .irq_o              (irq_o[q]),
        .next_deadline_us_o (deadline_us[64*q +: 64]),
        .busy_o             (mod_busy[q])
      );

      // Counters by record type; the doorbell counters are fantail_bar's.
      logic [NumQpCounters-1:0] count_q;
      always_ff @(posedge clk) begin
        count_q <= '0;
        if (grant && grant_qp[q]) begin
          case (grant_type)
            fantail_regs_pkg::REC_BATCH:   count_q[fantail_regs_pkg::QPCNT_INDEX_BATCH_RECORDS]   <= 1'b1;
            fantail_regs_pkg::REC_CONN:    count_q[fantail_regs_pkg::QPCNT_INDEX_CONN_RECORDS]    <= 1'b1;
            fantail_regs_pkg::REC_DATA:    count_q[fantail_regs_pkg::QPCNT_INDEX_DATA_RECORDS]    <= 1'b1;
            fantail_regs_pkg::REC_FRAME:   count_q[fantail_regs_pkg::QPCNT_INDEX_FRAME_RECORDS]   <= 1'b1;
            fantail_regs_pkg::REC_REFUSED: count_q[fantail_regs_pkg::QPCNT_INDEX_REFUSED_RECORDS] <= 1'b1;
            fantail_regs_pkg::REC_SUMMARY: count_q[fantail_regs_pkg::QPCNT_INDEX_SUMMARY_RECORDS] <= 1'b1;
            fantail_regs_pkg::REC_DELIVERED: count_q[fantail_regs_pkg::QPCNT_INDEX_DELIVERED_RECORDS] <= 1'b1;
            fantail_regs_pkg::REC_HEAD:    count_q[fantail_regs_pkg::QPCNT_INDEX_HEAD_RECORDS]    <= 1'b1;
            default: ;
          endcase
        end
        if (irq_o[q]) count_q[fantail_regs_pkg::QPCNT_INDEX_INTERRUPTS] <= 1'b1;
        if (rst) count_q <= '0;
      end
      for (genvar i = 0; i < NumQpCounters; i++) begin : gen_count
        assign qp_cnt_inc_o[IncWidth*(NumQpCounters*q+i) +: IncWidth] = IncWidth'(count_q[i]);
      end
    end else begin : gen_absent
      assign {enabled[q], live[q], open[q], open_dlv[q], head_due[q], same_waits[q]} = '0;
    end
  end

  // ---------------------------------------------------------------- who is next
  logic [1:0]   turn_q;                  // the source taken last
  logic [2:0]   may, drop, pick;
  logic [255:0] grant_rec;

  always_comb begin
    for (int i = 0; i < 3; i++) begin
      drop[i] = s_rec_valid[i] && !live[s_rec_qp[3*i +: 3]];
      may[i]  = drop[i] || (s_rec_valid[i] && (i == 1 ? open_dlv[s_rec_qp[3*i +: 3]] : open[s_rec_qp[3*i +: 3]]));
    end
  end

  // First of the sources that may, from the one behind turn_q on.
  always_comb begin
    case (turn_q)
      2'd0:    pick = may[1] ? 3'b010 : may[2] ? 3'b100 : {2'd0, may[0]};
      2'd1:    pick = may[2] ? 3'b100 : may[0] ? 3'b001 : {1'd0, may[1], 1'd0};
      default: pick = may[0] ? 3'b001 : may[1] ? 3'b010 : {may[2], 2'd0};
    endcase
  end

  // HEAD first: it is rare, and nothing of its queue pair waits for it.
  logic [7:0] head_may;

  assign head_may    = live & open & head_due & ~same_waits;
  assign grant_head  = |head_may;
  assign s_rec_ready = grant_head ? 3'd0 : pick;
  assign grant_drop  = |(pick & drop);
  assign grant       = grant_head || (pick != '0 && !grant_drop);

  // Which queue pair, one-hot.
  logic [2:0] pick_qp;
  always_comb begin
    pick_qp = ({3{pick[0]}} & s_rec_qp[2:0]) | ({3{pick[1]}} & s_rec_qp[5:3]) |
              ({3{pick[2]}} & s_rec_qp[8:6]);
    grant_qp = grant_head ? head_may & (~head_may + 8'd1) : 8'd1 << pick_qp;
  end

  // ---------------------------------------------------------------- the record and its place
  fantail_regs_pkg::tail_t     tail;
  fantail_regs_pkg::rec_conn_t rec;
  logic [2:0]  qp;
  logic [63:0] base;
  logic [14:0] index;
  logic [3:0]  log2;

  always_comb begin
    qp    = '0;
    base  = '0;
    index = '0;
    log2  = '0;
    tail  = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (grant_qp[q]) begin
        qp                = 3'(q);
        base              = status_base_i[64*q +: 64];
        index             = taken_q[15*q +: 15];
        log2              = status_log2_i[4*q +: 4];
        tail.data_head    = data_head_i[15*q +: 15];
        tail.control_head = control_head_i[15*q +: 15];
      end
    end
    tail.phase = !index[log2];  // the bit above the place within the ring counts the passes
  end

  always_comb begin
    rec = '0;
    rec.type_ = fantail_regs_pkg::REC_HEAD;
    for (int i = 0; i < 3; i++) begin
      if (s_rec_ready[i]) rec = s_rec_data[256*i +: 256];
    end
  end

  assign grant_type = rec.type_;
  assign grant_fail = rec.type_ == fantail_regs_pkg::REC_REFUSED ||
                      (rec.type_ == fantail_regs_pkg::REC_CONN && (rec.events & FailureEvents) != '0);
  assign grant_rec  = {tail, rec[223:0]};

  // ---------------------------------------------------------------- lines
  assign a_alive   = enabled[a_qp_q];
  assign m_w_valid = b_valid_q;
  assign m_w_qp    = b_qp_q;
  assign m_w_strb  = {{32{b_half_q[1]}}, {32{b_half_q[0]}}};
  assign busy_o    = grant || a_valid_q || b_busy_q || (|mod_busy);

  always_ff @(posedge clk) begin
    if (pick != '0 && !grant_head) turn_q <= pick[2:1];

    // b: offered, then waiting for the write to be issued
    if (m_w_ready) b_valid_q <= 1'b0;
    if (b_done) b_busy_q <= 1'b0;
    if (b_busy_q && !enabled[b_qp_q]) b_stale_q <= 1'b1;
    if (a_move) begin
      a_valid_q <= 1'b0;
      b_valid_q <= a_alive;
      b_busy_q  <= a_alive;
      b_stale_q <= 1'b0;
      b_qp_q    <= a_qp_q;
      b_half_q  <= a_half_q;
      b_fail_q  <= a_fail_q;
      m_w_addr  <= a_addr_q;
      m_w_data  <= a_data_q;
    end else if (!a_alive) begin
      a_valid_q <= 1'b0;
    end

    if (grant) begin
      a_valid_q <= 1'b1;
      a_qp_q    <= qp;
      a_addr_q  <= base + {44'd0, index[14:1] & 14'((15'd1 << (log2 - 4'd1)) - 15'd1), 6'd0};
      if (index[0]) a_data_q[511:256] <= grant_rec;
      else a_data_q[255:0] <= grant_rec;
      // with a still there, this is the other half of its line
      a_half_q  <= {index[0], !index[0]} | (a_valid_q && !a_move ? a_half_q : 2'b00);
      a_fail_q  <= grant_fail || (a_valid_q && !a_move && a_fail_q);
    end

    if (rst) begin
      turn_q    <= '0;
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      b_busy_q  <= 1'b0;
      b_stale_q <= 1'b0;
    end
  end

  always_comb begin
    next_deadline_us_o = '1;
    for (int q = 0; q < QueuePairs; q++) begin
      if (deadline_us[64*q +: 64] < next_deadline_us_o) next_deadline_us_o = deadline_us[64*q +: 64];
    end
  end

  // ---------------------------------------------------------------- checks
  if (QueuePairs < 1 || QueuePairs > 8) begin : gen_check
    $fatal(1, "fantail_status: QueuePairs must be 1 to 8");
  end

  logic unused;
  assign unused = &{1'b0, rec.tail};

  `ASSERT(OneSourceAtATime, (s_rec_ready & (s_rec_ready - 3'd1)) == '0)
  `ASSERT(ReadyMeansTaken, !(s_rec_ready != '0 && !grant && !grant_drop))
  `ASSERT(SecondHalfOfSameLine, !(grant && a_valid_q && !a_move && a_alive) ||
          (qp == a_qp_q && index[0] && a_half_q == 2'b01))
  `ASSERT(DoneOnlyWhenBusy, !m_w_done || b_busy_q)

endmodule
