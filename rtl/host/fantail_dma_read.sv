// SPDX-License-Identifier: Apache-2.0
// Reads host memory for everyone: AXI4 read master, one ID, data in order.
//
//   requester            request                 answer
//   payload lines q      line, lines (any)       one 64-byte line per beat, may be back-pressured
//   entries 2q, 2q+1     line, lines (1..8)      one line per beat, the ring has reserved the room
//   target lists q       the same, within 512 B  the same
//   control unit         address, bytes          realigned: byte 0 of beat 0 is the byte at address
//
// Contract: a request is cut at 512-byte boundaries, so that no burst is longer than 512 bytes or crosses 4 KiB. Up to
// MaxBursts bursts are outstanding. Entry reads go first (CONTROL before DATA), payload, lists and control unit take
// turns burst by burst, and among requesters of one kind so do the queue pairs. Each requester's lines come in the order
// of its requests. A failed line (rresp[1]) is passed on with err; a failed burst counts once in fault_inc_o. A line passes
// from the R channel to its requester in the same cycle; request to AR takes one cycle. m_pay_ready must not wait for
// anything but answers that come earlier, and the other queue pairs' turns at the log.
// m_axi_arqp says for which queue pair a burst is: bus user signals, an IOMMU's process number, or a function number.
// One request of the control unit at a time; its err and the address of the first failed line hold from the beat that
// failed to the end of its answer. stop_i starts no further burst; busy_o says that bursts are outstanding.

module fantail_dma_read #(
  parameter int MaxBursts  = 32,  // outstanding bursts, a power of two
  parameter int QueuePairs = 1    // queue pairs, 1 to 8
) (
  input  logic         clk,
  input  logic         rst,
  input  logic         stop_i,
  output logic         busy_o,

  input  logic [QueuePairs-1:0]     s_pay_valid,
  output logic [QueuePairs-1:0]     s_pay_ready,
  input  logic [58*QueuePairs-1:0]  s_pay_line,    // address / 64
  input  logic [17*QueuePairs-1:0]  s_pay_lines,   // at least 1
  output logic [QueuePairs-1:0]     m_pay_valid,
  input  logic [QueuePairs-1:0]     m_pay_ready,

  input  logic [2*QueuePairs-1:0]   s_ent_valid,   // bit 2q: DATA ring of queue pair q, 2q+1: its CONTROL ring
  output logic [2*QueuePairs-1:0]   s_ent_ready,
  input  logic [116*QueuePairs-1:0] s_ent_line,
  input  logic [8*QueuePairs-1:0]   s_ent_lines,
  output logic [2*QueuePairs-1:0]   m_ent_valid,

  input  logic [QueuePairs-1:0]     s_list_valid,
  output logic [QueuePairs-1:0]     s_list_ready,
  input  logic [58*QueuePairs-1:0]  s_list_line,
  input  logic [4*QueuePairs-1:0]   s_list_lines,
  output logic [QueuePairs-1:0]     m_list_valid,

  output logic [511:0] m_line_data,                // of payloads, entries and lists
  output logic         m_line_err,

  input  logic         s_ctl_valid,
  output logic         s_ctl_ready,
  input  logic [2:0]   s_ctl_qp,
  input  logic [63:0]  s_ctl_addr,
  input  logic [10:0]  s_ctl_bytes,   // at least 1
  output logic         m_ctl_valid,
  output logic [511:0] m_ctl_data,
  output logic         m_ctl_last,
  output logic         m_ctl_err,
  output logic [63:0]  m_ctl_err_addr,

  output logic [63:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arqp,
  output logic         m_axi_arvalid,
  input  logic         m_axi_arready,
  input  logic [511:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid,
  output logic         m_axi_rready,

  output logic [15:0]  payload_read_inc_o,  // bytes requested for payloads
  output logic [15:0]  list_read_inc_o,     // bytes requested for target lists
  output logic [15:0]  fault_inc_o          // bursts that failed
);
  `include "fantail_assert.svh"

  localparam logic [2:0] ReqPay  = 3'd0;
  localparam logic [2:0] ReqData = 3'd1;
  localparam logic [2:0] ReqCtrl = 3'd2;  // CONTROL ring
  localparam logic [2:0] ReqUnit = 3'd3;  // control unit
  localparam logic [2:0] ReqList = 3'd4;

  // ---------------------------------------------------------------- control unit's request, held while it runs
  logic        unit_busy_q;    // from request to the last beat of the answer
  logic        unit_issue_q;   // bursts are still to be issued
  logic [57:0] unit_line_q;    // next line to request
  logic [4:0]  unit_lines_q;   // lines to request
  logic [57:0] got_line_q;     // next line to arrive
  logic [4:0]  got_left_q;     // lines to arrive
  logic [4:0]  beats_left_q;   // beats to hand out
  logic [5:0]  unit_off_q;
  logic [2:0]  unit_qp_q;
  logic        have_prev_q;    // prev_q holds a line of which bytes are still to go
  logic [511:0] prev_q;
  logic        err_q;
  logic [57:0] err_line_q;

  // ---------------------------------------------------------------- whose turn it is among requesters of one kind
  logic                    load;
  logic [QueuePairs-1:0]   data_valid, ctrl_valid;
  logic [2:0]              pick, pick_qp, turn_q;  // turn_q: which of payload, lists and control unit had the last burst
  logic [15:0]             at;                     // queue pair next of payloads, DATA, CONTROL, lists: four bits each
  logic [3:0]              any;                    // there is one

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_rings
    assign data_valid[q] = s_ent_valid[2*q];
    assign ctrl_valid[q] = s_ent_valid[2*q+1];
  end

  fantail_turn #(.Num(QueuePairs)) u_turn_pay (
    .clk, .rst, .valid_i(s_pay_valid), .take_i(load && pick == ReqPay), .pick_o(), .index_o(at[3:0]), .any_o(any[0])
  );
  fantail_turn #(.Num(QueuePairs)) u_turn_data (
    .clk, .rst, .valid_i(data_valid), .take_i(load && pick == ReqData), .pick_o(), .index_o(at[7:4]), .any_o(any[1])
  );
  fantail_turn #(.Num(QueuePairs)) u_turn_ctrl (
    .clk, .rst, .valid_i(ctrl_valid), .take_i(load && pick == ReqCtrl), .pick_o(), .index_o(at[11:8]), .any_o(any[2])
  );
  fantail_turn #(.Num(QueuePairs)) u_turn_list (
    .clk, .rst, .valid_i(s_list_valid), .take_i(load && pick == ReqList), .pick_o(), .index_o(at[15:12]), .any_o(any[3])
  );

  // ---------------------------------------------------------------- choice of the next burst
  // What each requester has issued of the request that stands there.
  logic [17*QueuePairs-1:0] pay_prog_q;
  logic [4*QueuePairs-1:0]  data_prog_q, ctrl_prog_q;
  logic        track_ready, take_unit, take_list, pick_valid, final_burst;
  logic [57:0] pick_line;
  logic [16:0] pick_left;
  logic [3:0]  room, burst;

  // payload, list, unit, payload, ...
  assign take_list = any[3] && (turn_q == ReqPay || (!any[0] && (turn_q == ReqUnit || !unit_issue_q)));
  assign take_unit = unit_issue_q && (turn_q == ReqUnit ? !any[0] && !any[3] : turn_q == ReqList || !any[3]);

  always_comb begin
    pick_valid = any[0];
    pick       = ReqPay;
    pick_qp    = at[2:0];
    if (any[2]) begin
      pick_valid = 1'b1;
      pick       = ReqCtrl;
      pick_qp    = at[10:8];
    end else if (any[1]) begin
      pick_valid = 1'b1;
      pick       = ReqData;
      pick_qp    = at[6:4];
    end else if (take_list) begin
      pick_valid = 1'b1;
      pick       = ReqList;
      pick_qp    = at[14:12];
    end else if (take_unit) begin
      pick_valid = 1'b1;
      pick       = ReqUnit;
      pick_qp    = unit_qp_q;
    end
  end

  always_comb begin
    pick_line = unit_line_q;
    pick_left = 17'(unit_lines_q);
    for (int q = 0; q < QueuePairs; q++) begin
      if (pick_qp == 3'(q)) begin
        case (pick)
          ReqPay: begin
            pick_line = s_pay_line[58*q +: 58] + 58'(pay_prog_q[17*q +: 17]);
            pick_left = s_pay_lines[17*q +: 17] - pay_prog_q[17*q +: 17];
          end
          ReqData: begin
            pick_line = s_ent_line[116*q +: 58] + 58'(data_prog_q[4*q +: 4]);
            pick_left = 17'(s_ent_lines[8*q +: 4]) - 17'(data_prog_q[4*q +: 4]);
          end
          ReqCtrl: begin
            pick_line = s_ent_line[116*q+58 +: 58] + 58'(ctrl_prog_q[4*q +: 4]);
            pick_left = 17'(s_ent_lines[8*q+4 +: 4]) - 17'(ctrl_prog_q[4*q +: 4]);
          end
          ReqList: begin
            pick_line = s_list_line[58*q +: 58];
            pick_left = 17'(s_list_lines[4*q +: 4]);
          end
          default: ;
        endcase
      end
    end
  end

  assign room        = 4'd8 - {1'b0, pick_line[2:0]};
  assign final_burst = pick_left <= 17'(room);
  assign burst       = final_burst ? pick_left[3:0] : room;
  assign load        = pick_valid && track_ready && !stop_i && (!m_axi_arvalid || m_axi_arready);

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_taken
    logic here;
    assign here               = load && final_burst && pick_qp == 3'(q);
    assign s_pay_ready[q]     = here && pick == ReqPay;
    assign s_ent_ready[2*q]   = here && pick == ReqData;
    assign s_ent_ready[2*q+1] = here && pick == ReqCtrl;
    assign s_list_ready[q]    = here && pick == ReqList;

    always_ff @(posedge clk) begin
      if (rst) begin
        pay_prog_q[17*q +: 17] <= '0;
        data_prog_q[4*q +: 4]  <= '0;
        ctrl_prog_q[4*q +: 4]  <= '0;
      end else if (load && pick_qp == 3'(q)) begin
        if (pick == ReqPay) pay_prog_q[17*q +: 17] <= final_burst ? '0 : pay_prog_q[17*q +: 17] + 17'(burst);
        if (pick == ReqData) data_prog_q[4*q +: 4] <= final_burst ? '0 : data_prog_q[4*q +: 4] + burst;
        if (pick == ReqCtrl) ctrl_prog_q[4*q +: 4] <= final_burst ? '0 : ctrl_prog_q[4*q +: 4] + burst;
      end
    end
  end
  assign s_ctl_ready = !unit_busy_q;

  assign payload_read_inc_o = load && pick == ReqPay ? 16'(burst) << 6 : 16'd0;
  assign list_read_inc_o    = load && pick == ReqList ? 16'(burst) << 6 : 16'd0;

  always_ff @(posedge clk) begin
    if (load) begin
      m_axi_araddr <= {pick_line, 6'd0};
      m_axi_arlen  <= 8'(burst) - 8'd1;
      m_axi_arqp   <= pick_qp;
    end
    if (rst) begin
      m_axi_arvalid <= 1'b0;
      turn_q        <= ReqUnit;
    end else begin
      if (load) m_axi_arvalid <= 1'b1;
      else if (m_axi_arready) m_axi_arvalid <= 1'b0;
      if (load && (pick == ReqPay || pick == ReqList || pick == ReqUnit)) turn_q <= pick;
    end
  end

  // ---------------------------------------------------------------- who the arriving burst belongs to
  logic                     track_valid, r_fire, r_err, burst_err_q, unused_ok;
  logic [2:0]               owner, owner_qp;
  logic [$clog2(MaxBursts):0] track_level;

  fantail_fifo #(
    .Width(6),
    .Depth(MaxBursts)
  ) u_track (
    .clk,
    .rst,
    .s_valid (load),
    .s_ready (track_ready),
    .s_data  ({pick, pick_qp}),
    .m_valid (track_valid),
    .m_ready (r_fire && m_axi_rlast),
    .m_data  ({owner, owner_qp}),
    .level_o (track_level)
  );

  assign m_axi_rready = track_valid && (owner != ReqPay || (m_pay_valid & m_pay_ready) != '0);
  assign r_fire       = m_axi_rvalid && m_axi_rready;
  assign r_err        = m_axi_rresp[1];
  // the other bit of the response tells kinds of success or failure apart; indices of queue pairs have three bits
  assign unused_ok    = ^{m_axi_rresp[0], at[3], at[7], at[11], at[15]};

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_answer
    assign m_pay_valid[q]     = m_axi_rvalid && track_valid && owner == ReqPay && owner_qp == 3'(q);
    assign m_ent_valid[2*q]   = r_fire && owner == ReqData && owner_qp == 3'(q);
    assign m_ent_valid[2*q+1] = r_fire && owner == ReqCtrl && owner_qp == 3'(q);
    assign m_list_valid[q]    = r_fire && owner == ReqList && owner_qp == 3'(q);
  end
  assign m_line_data = m_axi_rdata;
  assign m_line_err  = r_err;

  assign fault_inc_o = 16'(r_fire && m_axi_rlast && (r_err || burst_err_q));
  assign busy_o      = m_axi_arvalid || track_level != '0;

  always_ff @(posedge clk) begin
    if (rst) burst_err_q <= 1'b0;
    else if (r_fire) burst_err_q <= !m_axi_rlast && (burst_err_q || r_err);
  end

  // ---------------------------------------------------------------- realigner of the control unit
  //   line k     |......AB|   off = place of A; beat k = bytes from A on, out of line k and line k+1
  //   line k+1   |CDEF....|
  logic         unit_line, unit_beat;
  logic [1023:0] pair;

  assign unit_line = r_fire && owner == ReqUnit;
  // a beat goes out when the line after it arrives, or, behind the last line, by itself
  assign unit_beat = have_prev_q && (unit_line || got_left_q == '0);
  assign pair      = {m_axi_rdata, prev_q};

  assign m_ctl_valid    = unit_beat;
  assign m_ctl_data     = 512'(pair >> {unit_off_q, 3'd0});
  assign m_ctl_last     = beats_left_q == 5'd1;
  assign m_ctl_err      = err_q || (unit_line && r_err);
  assign m_ctl_err_addr = {err_q ? err_line_q : got_line_q, 6'd0};

  always_ff @(posedge clk) begin
    if (unit_line) prev_q <= m_axi_rdata;
    if (unit_line && r_err && !err_q) err_line_q <= got_line_q;
    if (s_ctl_valid && s_ctl_ready) begin
      unit_line_q  <= s_ctl_addr[63:6];
      got_line_q   <= s_ctl_addr[63:6];
      unit_off_q   <= s_ctl_addr[5:0];
      unit_qp_q    <= s_ctl_qp;
      unit_lines_q <= 5'((12'(s_ctl_addr[5:0]) + 12'(s_ctl_bytes) + 12'd63) >> 6);
      got_left_q   <= 5'((12'(s_ctl_addr[5:0]) + 12'(s_ctl_bytes) + 12'd63) >> 6);
      beats_left_q <= 5'((12'(s_ctl_bytes) + 12'd63) >> 6);
    end else begin
      if (load && pick == ReqUnit) begin
        unit_line_q  <= unit_line_q + 58'(burst);
        unit_lines_q <= unit_lines_q - 5'(burst);
      end
      if (unit_line) begin
        got_line_q <= got_line_q + 58'd1;
        got_left_q <= got_left_q - 5'd1;
      end
      if (unit_beat) beats_left_q <= beats_left_q - 5'd1;
    end
    if (rst) begin
      unit_busy_q  <= 1'b0;
      unit_issue_q <= 1'b0;
      have_prev_q  <= 1'b0;
      err_q        <= 1'b0;
    end else begin
      if (s_ctl_valid && s_ctl_ready) begin
        unit_busy_q  <= 1'b1;
        unit_issue_q <= 1'b1;
        err_q        <= 1'b0;
      end else begin
        if (load && pick == ReqUnit && final_burst) unit_issue_q <= 1'b0;
        if (unit_line && r_err) err_q <= 1'b1;
        if (unit_beat && m_ctl_last) unit_busy_q <= 1'b0;
      end
      // bytes behind the last beat are not kept
      if (unit_line) have_prev_q <= !(unit_beat && m_ctl_last);
      else if (unit_beat) have_prev_q <= 1'b0;
    end
  end

  `REQUIRE(NoOrphanData, !m_axi_rvalid || track_valid)
  `ASSERT(BurstSize, !m_axi_arvalid || 4'(m_axi_araddr[8:6]) + m_axi_arlen[3:0] < 4'd8)
  logic [QueuePairs-1:0] pay_lines_ok, data_lines_ok, ctrl_lines_ok, list_lines_ok;
  for (genvar q = 0; q < QueuePairs; q++) begin : gen_require
    assign pay_lines_ok[q]  = !s_pay_valid[q] || s_pay_lines[17*q +: 17] != '0;
    assign data_lines_ok[q] = !s_ent_valid[2*q] || 4'(s_ent_lines[8*q +: 4] - 4'd1) < 4'd8;
    assign ctrl_lines_ok[q] = !s_ent_valid[2*q+1] || 4'(s_ent_lines[8*q+4 +: 4] - 4'd1) < 4'd8;
    assign list_lines_ok[q] = !s_list_valid[q] || (s_list_lines[4*q +: 4] != '0
                              && 5'(s_list_line[58*q +: 3]) + 5'(s_list_lines[4*q +: 4]) <= 5'd8);
  end
  `REQUIRE(PayLines, pay_lines_ok == '1)
  `REQUIRE(DataLines, data_lines_ok == '1)
  `REQUIRE(CtrlLines, ctrl_lines_ok == '1)
  `REQUIRE(ListLines, list_lines_ok == '1)
  `REQUIRE(CtlBytes, !(s_ctl_valid && s_ctl_ready)
           || (s_ctl_bytes != '0 && 12'(s_ctl_addr[5:0]) + 12'(s_ctl_bytes) <= 12'd1984))

  if (QueuePairs < 1 || QueuePairs > 8) begin : gen_check
    $fatal(1, "fantail_dma_read: QueuePairs must be 1 to 8");
  end

  `COVER(RealignedFlush, m_ctl_valid && m_ctl_last && got_left_q == '0 && unit_off_q != '0)

`ifdef FORMAL
  // A memory in which each byte is the low part of its own address; the bursts that were requested of it, by number.
  localparam int NumW = $clog2(MaxBursts) + 1;

  logic [57:0]     f_line[2*MaxBursts];        // first line
  logic [3:0]      f_lines[2*MaxBursts];
  logic [2:0]      f_who[2*MaxBursts];         // requester
  logic [2:0]      f_qp[2*MaxBursts];          // its queue pair
  logic [NumW-1:0] f_put_q, f_sent_q, f_get_q; // chosen, accepted on AR, answered
  logic [3:0]      f_beat_q;                   // lines answered of the burst
  logic [57:0]     f_answer;                   // the line that is answered
  logic [511:0]    f_bytes;
  logic [57:0]     f_unit_line_q;              // line to issue next
  logic            f_unit_q;                   // the control unit's request runs
  logic [63:0]     f_unit_addr_q;
  logic [10:0]     f_unit_bytes_q;
  logic [4:0]      f_unit_beat_q;              // beats handed out
  logic            f_unit_err_q;
  logic            f_ar_wait_q;
  logic [63:0]     f_ar_addr_q;
  logic [7:0]      f_ar_len_q;
  logic [2:0]      f_ar_qp_q, f_unit_qp_q;
  (* anyseq *) logic [5:0] f_any;              // a byte of the control unit's beat
  logic [11:0]     f_place;                    // its place in the answer

  always_comb begin
    for (int i = 0; i < 64; i++) f_bytes[i*8 +: 8] = {f_answer[1:0], 6'(i)};
  end
  assign f_answer = f_line[f_get_q] + 58'(f_beat_q);
  assign f_place  = {1'b0, f_unit_beat_q, 6'd0} + 12'(f_any);

  always_ff @(posedge clk) begin
    f_ar_addr_q  <= m_axi_araddr;
    f_ar_len_q   <= m_axi_arlen;
    f_ar_qp_q    <= m_axi_arqp;
    if (load) begin
      f_line[f_put_q]  <= pick_line;
      f_lines[f_put_q] <= burst;
      f_who[f_put_q]   <= pick;
      f_qp[f_put_q]    <= pick_qp;
    end
    if (s_ctl_valid && s_ctl_ready) begin
      f_unit_addr_q  <= s_ctl_addr;
      f_unit_bytes_q <= s_ctl_bytes;
      f_unit_line_q  <= s_ctl_addr[63:6];
      f_unit_qp_q    <= s_ctl_qp;
      f_unit_beat_q  <= '0;
      f_unit_err_q   <= 1'b0;
    end else begin
      if (load && pick == ReqUnit) f_unit_line_q <= f_unit_line_q + 58'(burst);
      if (m_ctl_valid) f_unit_beat_q <= f_unit_beat_q + 5'd1;
      if (unit_line && m_axi_rresp[1]) f_unit_err_q <= 1'b1;
    end
    if (rst) begin
      f_put_q      <= '0;
      f_sent_q     <= '0;
      f_get_q      <= '0;
      f_beat_q     <= '0;
      f_unit_q     <= 1'b0;
      f_ar_wait_q  <= 1'b0;
    end else begin
      f_ar_wait_q  <= m_axi_arvalid && !m_axi_arready;
      if (load) f_put_q <= f_put_q + 1'b1;
      if (m_axi_arvalid && m_axi_arready) f_sent_q <= f_sent_q + 1'b1;
      if (r_fire) f_beat_q <= m_axi_rlast ? '0 : f_beat_q + 4'd1;
      if (r_fire && m_axi_rlast) f_get_q <= f_get_q + 1'b1;
      if (s_ctl_valid && s_ctl_ready) f_unit_q <= 1'b1;
      else if (m_ctl_valid && m_ctl_last) f_unit_q <= 1'b0;
    end
  end

  logic [QueuePairs-1:0] f_ok_pay_waits, f_ok_list_waits, f_ok_data_waits, f_ok_ctrl_waits, f_ok_pay_issued,
      f_ok_data_issued, f_ok_ctrl_issued, f_ok_list_issued, f_ok_only_own, f_ok_control_first, f_ok_pay_takes_turns,
      f_ok_answered, f_ok_not_answered, f_ok_pay_cut;
  for (genvar q = 0; q < QueuePairs; q++) begin : gen_formal
    logic [16:0] f_pay_q;                      // lines issued of the request that stands there
    logic [3:0]  f_data_q, f_ctrl_q;
    logic        f_pay_wait_q, f_data_wait_q, f_ctrl_wait_q, f_list_wait_q, f_passed_q, f_here;
    logic [74:0] f_pay_req_q;
    logic [61:0] f_data_req_q, f_ctrl_req_q, f_list_req_q;
    logic [4:0]  f_valid;                      // by requester

    assign f_here  = load && pick_qp == 3'(q);
    assign f_valid = {m_list_valid[q], unit_line, m_ent_valid[2*q+1], m_ent_valid[2*q], m_pay_valid[q] && m_pay_ready[q]};

    always_ff @(posedge clk) begin
      f_pay_req_q  <= {s_pay_line[58*q +: 58], s_pay_lines[17*q +: 17]};
      f_data_req_q <= {s_ent_line[116*q +: 58], s_ent_lines[8*q +: 4]};
      f_ctrl_req_q <= {s_ent_line[116*q+58 +: 58], s_ent_lines[8*q+4 +: 4]};
      f_list_req_q <= {s_list_line[58*q +: 58], s_list_lines[4*q +: 4]};
      if (rst) begin
        f_pay_q       <= '0;
        f_data_q      <= '0;
        f_ctrl_q      <= '0;
        f_pay_wait_q  <= 1'b0;
        f_data_wait_q <= 1'b0;
        f_ctrl_wait_q <= 1'b0;
        f_list_wait_q <= 1'b0;
        f_passed_q    <= 1'b0;
      end else begin
        f_pay_wait_q  <= s_pay_valid[q] && !s_pay_ready[q];
        f_data_wait_q <= s_ent_valid[2*q] && !s_ent_ready[2*q];
        f_ctrl_wait_q <= s_ent_valid[2*q+1] && !s_ent_ready[2*q+1];
        f_list_wait_q <= s_list_valid[q] && !s_list_ready[q];
        // another queue pair had a burst of a payload while ours waited
        if (load && pick == ReqPay) f_passed_q <= s_pay_valid[q] && !f_here;
        else if (!s_pay_valid[q]) f_passed_q <= 1'b0;
        if (f_here && pick == ReqPay) f_pay_q <= s_pay_ready[q] ? '0 : f_pay_q + 17'(burst);
        if (f_here && pick == ReqData) f_data_q <= s_ent_ready[2*q] ? '0 : f_data_q + burst;
        if (f_here && pick == ReqCtrl) f_ctrl_q <= s_ent_ready[2*q+1] ? '0 : f_ctrl_q + burst;
      end
    end

    assign f_ok_pay_waits[q] = !f_pay_wait_q || (s_pay_valid[q]
             && f_pay_req_q == {s_pay_line[58*q +: 58], s_pay_lines[17*q +: 17]});
    assign f_ok_list_waits[q] = !f_list_wait_q || (s_list_valid[q]
             && f_list_req_q == {s_list_line[58*q +: 58], s_list_lines[4*q +: 4]});
    assign f_ok_data_waits[q] = !f_data_wait_q || (s_ent_valid[2*q]
             && f_data_req_q == {s_ent_line[116*q +: 58], s_ent_lines[8*q +: 4]});
    assign f_ok_ctrl_waits[q] = !f_ctrl_wait_q || (s_ent_valid[2*q+1]
             && f_ctrl_req_q == {s_ent_line[116*q+58 +: 58], s_ent_lines[8*q+4 +: 4]});

    // all lines of a request, each once, from the first to the last
    assign f_ok_pay_issued[q] = !(f_here && pick == ReqPay) || (s_pay_valid[q]
            && pick_line == s_pay_line[58*q +: 58] + 58'(f_pay_q)
            && f_pay_q + 17'(burst) <= s_pay_lines[17*q +: 17]
            && s_pay_ready[q] == (f_pay_q + 17'(burst) == s_pay_lines[17*q +: 17]));
    assign f_ok_data_issued[q] = !(f_here && pick == ReqData) || (s_ent_valid[2*q]
            && pick_line == s_ent_line[116*q +: 58] + 58'(f_data_q)
            && s_ent_ready[2*q] == (f_data_q + burst == s_ent_lines[8*q +: 4]));
    assign f_ok_ctrl_issued[q] = !(f_here && pick == ReqCtrl) || (s_ent_valid[2*q+1]
            && pick_line == s_ent_line[116*q+58 +: 58] + 58'(f_ctrl_q)
            && s_ent_ready[2*q+1] == (f_ctrl_q + burst == s_ent_lines[8*q+4 +: 4]));
    assign f_ok_list_issued[q] = !(f_here && pick == ReqList) || (s_list_valid[q] && s_list_ready[q]
            && pick_line == s_list_line[58*q +: 58] && burst == s_list_lines[4*q +: 4]);
    assign f_ok_only_own[q] = f_here || (!s_pay_ready[q] && !s_list_ready[q] && !s_ent_ready[2*q] && !s_ent_ready[2*q+1]);
    assign f_ok_control_first[q] = !(load && s_ent_valid[2*q+1]) || pick == ReqCtrl;
    // with two queue pairs the other one passes at most once
    assign f_ok_pay_takes_turns[q] = QueuePairs > 2 || !(load && pick == ReqPay && f_passed_q && s_pay_valid[q]) || f_here;
    // a line goes to the requester of its burst and to no other
    assign f_ok_answered[q] = !(r_fire && f_qp[f_get_q] == 3'(q)) || f_valid == 5'd1 << f_who[f_get_q];
    assign f_ok_not_answered[q] = !(r_fire && f_qp[f_get_q] != 3'(q)) || (f_valid & 5'b10111) == '0;
    assign f_ok_pay_cut[q] = s_pay_ready[q] && f_pay_q != '0;
  end
  `REQUIRE(PayWaits, f_ok_pay_waits == '1)
  `REQUIRE(ListWaits, f_ok_list_waits == '1)
  `REQUIRE(DataWaits, f_ok_data_waits == '1)
  `REQUIRE(CtrlWaits, f_ok_ctrl_waits == '1)
  `ASSERT(PayIssued, f_ok_pay_issued == '1)
  `ASSERT(DataIssued, f_ok_data_issued == '1)
  `ASSERT(CtrlIssued, f_ok_ctrl_issued == '1)
  `ASSERT(ListIssued, f_ok_list_issued == '1)
  `ASSERT(OnlyOwn, f_ok_only_own == '1)
  `ASSERT(ControlFirst, f_ok_control_first == '1)
  `ASSERT(PayTakesTurns, f_ok_pay_takes_turns == '1)
  `ASSERT(Answered, f_ok_answered == '1)
  `ASSERT(NotAnswered, f_ok_not_answered == '1)
  `COVER(PayCut, f_ok_pay_cut != '0)

  `REQUIRE(Answers, !m_axi_rvalid || (f_get_q != f_sent_q && m_axi_rlast == (f_beat_q + 4'd1 == f_lines[f_get_q])))
  `ASSUME(Memory, !m_axi_rvalid || m_axi_rdata == f_bytes)

  `ASSERT(ArHolds, !f_ar_wait_q || (m_axi_arvalid && m_axi_araddr == f_ar_addr_q && m_axi_arlen == f_ar_len_q
          && m_axi_arqp == f_ar_qp_q))
  `ASSERT(ArIsNewest, !m_axi_arvalid || (f_sent_q + 1'b1 == f_put_q && m_axi_araddr == {f_line[f_sent_q], 6'd0}
          && m_axi_arlen == 8'(f_lines[f_sent_q]) - 8'd1 && m_axi_arqp == f_qp[f_sent_q]))
  `ASSERT(AtMost512Bytes, !m_axi_arvalid || m_axi_arlen < 8'd8)
  `ASSERT(Stops, !(stop_i && load))
  `ASSERT(UnitIssued, !(load && pick == ReqUnit) || (f_unit_q && pick_line == f_unit_line_q && pick_qp == f_unit_qp_q))
  `ASSERT(UnitAsked, !m_ctl_valid || f_unit_q)
  `ASSERT(UnitLast, !m_ctl_valid || m_ctl_last == ({1'b0, f_unit_beat_q, 6'd0} + 12'd64 >= 12'(f_unit_bytes_q)))
  `ASSERT(UnitBytes, !m_ctl_valid || f_place >= 12'(f_unit_bytes_q)
          || m_ctl_data[{f_any, 3'd0} +: 8] == f_unit_addr_q[7:0] + f_place[7:0])
  `ASSERT(UnitErr, !m_ctl_valid || m_ctl_err == (f_unit_err_q || (unit_line && m_axi_rresp[1])))
  `ASSERT(Busy, busy_o == (f_put_q != f_get_q || m_axi_arvalid))
  `COVER(AllBurstsOut, f_put_q - f_get_q == NumW'(MaxBursts) && f_sent_q == f_put_q)
  `COVER(UnitTwoBeats, m_ctl_valid && m_ctl_last && f_unit_beat_q == 5'd1 && unit_off_q != '0)
`endif

endmodule
