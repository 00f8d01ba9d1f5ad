// SPDX-License-Identifier: Apache-2.0
// Reads host memory for everyone: AXI4 read master, one ID, data in order.
//
//   requester       request                 answer
//   payload lines   line, lines (any)       one 64-byte line per beat, may be back-pressured
//   entries 0, 1    line, lines (1..8)      one line per beat, the ring has reserved the room
//   target lists    the same, within 512 B  the same
//   control unit    address, bytes          realigned: byte 0 of beat 0 is the byte at address
//
// Contract: a request is cut at 512-byte boundaries, so that no burst is longer than 512 bytes or crosses 4 KiB. Up to
// MaxBursts bursts are outstanding. Entry reads go first (CONTROL before DATA), payload, lists and control unit take
// turns burst by burst. Each requester's lines come in the order of its requests. A failed line (rresp[1]) is passed on with
// err; a failed burst counts once in fault_inc_o. A line passes from the R channel to its requester in the same cycle;
// request to AR takes one cycle. m_pay_ready must not wait for anything but answers that come earlier.
// One request of the control unit at a time; its err and the address of the first failed line hold from the beat that
// failed to the end of its answer. stop_i starts no further burst; busy_o says that bursts are outstanding.

module fantail_dma_read #(
  parameter int MaxBursts = 32  // outstanding bursts, a power of two
) (
  input  logic         clk,
  input  logic         rst,
  input  logic         stop_i,
  output logic         busy_o,

  input  logic         s_pay_valid,
  output logic         s_pay_ready,
  input  logic [57:0]  s_pay_line,    // address / 64
  input  logic [16:0]  s_pay_lines,   // at least 1
  output logic         m_pay_valid,
  input  logic         m_pay_ready,
  output logic [511:0] m_pay_data,
  output logic         m_pay_err,

  input  logic [1:0]   s_ent_valid,
  output logic [1:0]   s_ent_ready,
  input  logic [115:0] s_ent_line,
  input  logic [7:0]   s_ent_lines,
  output logic [1:0]   m_ent_valid,
  output logic [511:0] m_ent_data,
  output logic         m_ent_err,

  input  logic         s_list_valid,
  output logic         s_list_ready,
  input  logic [57:0]  s_list_line,
  input  logic [3:0]   s_list_lines,
  output logic         m_list_valid,
  output logic [511:0] m_list_data,
  output logic         m_list_err,

  input  logic         s_ctl_valid,
  output logic         s_ctl_ready,
  input  logic [63:0]  s_ctl_addr,
  input  logic [10:0]  s_ctl_bytes,   // at least 1
  output logic         m_ctl_valid,
  output logic [511:0] m_ctl_data,
  output logic         m_ctl_last,
  output logic         m_ctl_err,
  output logic [63:0]  m_ctl_err_addr,

  output logic [63:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
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
  logic        have_prev_q;    // prev_q holds a line of which bytes are still to go
  logic [511:0] prev_q;
  logic        err_q;
  logic [57:0] err_line_q;

  // ---------------------------------------------------------------- choice of the next burst
  logic        load, track_ready, take_unit, take_list;
  logic        pick_valid;
  logic [2:0]  pick, turn_q;  // turn_q: which of payload, lists and control unit had the last burst
  logic [57:0] pick_line;
  logic [16:0] pick_left, pay_prog_q;
  logic [3:0]  data_prog_q, ctrl_prog_q, room, burst;
  logic        final_burst;

  // payload, list, unit, payload, ...
  assign take_list = s_list_valid && (turn_q == ReqPay || (!s_pay_valid && (turn_q == ReqUnit || !unit_issue_q)));
  assign take_unit = unit_issue_q && (turn_q == ReqUnit ? !s_pay_valid && !s_list_valid
                                      : turn_q == ReqList || !s_list_valid);

  always_comb begin
    pick_valid = s_pay_valid;
    pick       = ReqPay;
    pick_line  = s_pay_line + 58'(pay_prog_q);
    pick_left  = s_pay_lines - pay_prog_q;
    if (s_ent_valid[1]) begin
      pick_valid = 1'b1;
      pick       = ReqCtrl;
      pick_line  = s_ent_line[115:58] + 58'(ctrl_prog_q);
      pick_left  = 17'(s_ent_lines[7:4]) - 17'(ctrl_prog_q);
    end else if (s_ent_valid[0]) begin
      pick_valid = 1'b1;
      pick       = ReqData;
      pick_line  = s_ent_line[57:0] + 58'(data_prog_q);
      pick_left  = 17'(s_ent_lines[3:0]) - 17'(data_prog_q);
    end else if (take_list) begin
      pick_valid = 1'b1;
      pick       = ReqList;
      pick_line  = s_list_line;
      pick_left  = 17'(s_list_lines);
    end else if (take_unit) begin
      pick_valid = 1'b1;
      pick       = ReqUnit;
      pick_line  = unit_line_q;
      pick_left  = 17'(unit_lines_q);
    end
  end

  assign room        = 4'd8 - {1'b0, pick_line[2:0]};
  assign final_burst = pick_left <= 17'(room);
  assign burst       = final_burst ? pick_left[3:0] : room;
  assign load        = pick_valid && track_ready && !stop_i && (!m_axi_arvalid || m_axi_arready);

  assign s_pay_ready    = load && final_burst && pick == ReqPay;
  assign s_ent_ready[0] = load && final_burst && pick == ReqData;
  assign s_ent_ready[1] = load && final_burst && pick == ReqCtrl;
  assign s_list_ready   = load && pick == ReqList;
  assign s_ctl_ready    = !unit_busy_q;

  assign payload_read_inc_o = load && pick == ReqPay ? 16'(burst) << 6 : 16'd0;
  assign list_read_inc_o    = load && pick == ReqList ? 16'(burst) << 6 : 16'd0;

  always_ff @(posedge clk) begin
    if (load) begin
      m_axi_araddr <= {pick_line, 6'd0};
      m_axi_arlen  <= 8'(burst) - 8'd1;
    end
    if (rst) begin
      m_axi_arvalid <= 1'b0;
      turn_q        <= ReqUnit;
      pay_prog_q    <= '0;
      data_prog_q   <= '0;
      ctrl_prog_q   <= '0;
    end else begin
      if (load) m_axi_arvalid <= 1'b1;
      else if (m_axi_arready) m_axi_arvalid <= 1'b0;
      if (load) begin
        if (pick == ReqPay) pay_prog_q <= final_burst ? '0 : pay_prog_q + 17'(burst);
        if (pick == ReqData) data_prog_q <= final_burst ? '0 : data_prog_q + burst;
        if (pick == ReqCtrl) ctrl_prog_q <= final_burst ? '0 : ctrl_prog_q + burst;
        if (pick == ReqPay || pick == ReqList || pick == ReqUnit) turn_q <= pick;
      end
    end
  end

  // ---------------------------------------------------------------- who the arriving burst belongs to
  logic                     track_valid, r_fire, r_err, burst_err_q, unused_resp;
  logic [2:0]               owner;
  logic [$clog2(MaxBursts):0] track_level;

  fantail_fifo #(
    .Width(3),
    .Depth(MaxBursts)
  ) u_track (
    .clk,
    .rst,
    .s_valid (load),
    .s_ready (track_ready),
    .s_data  (pick),
    .m_valid (track_valid),
    .m_ready (r_fire && m_axi_rlast),
    .m_data  (owner),
    .level_o (track_level)
  );

  assign m_axi_rready = track_valid && (owner != ReqPay || m_pay_ready);
  assign r_fire       = m_axi_rvalid && m_axi_rready;
  assign r_err        = m_axi_rresp[1];
  assign unused_resp  = m_axi_rresp[0];  // tells kinds of success or failure apart

  assign m_pay_valid    = m_axi_rvalid && track_valid && owner == ReqPay;
  assign m_pay_data     = m_axi_rdata;
  assign m_pay_err      = r_err;
  assign m_ent_valid[0] = r_fire && owner == ReqData;
  assign m_ent_valid[1] = r_fire && owner == ReqCtrl;
  assign m_ent_data     = m_axi_rdata;
  assign m_ent_err      = r_err;

  assign m_list_valid   = r_fire && owner == ReqList;
  assign m_list_data    = m_axi_rdata;
  assign m_list_err     = r_err;

  assign fault_inc_o = 16'(r_fire && m_axi_rlast && (r_err || burst_err_q));
  assign busy_o      = m_axi_arvalid || track_level != '0 || have_prev_q;

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
  `REQUIRE(PayLines, !s_pay_valid || s_pay_lines != '0)
  `REQUIRE(EntLines, (!s_ent_valid[0] || 4'(s_ent_lines[3:0] - 4'd1) < 4'd8)
           && (!s_ent_valid[1] || 4'(s_ent_lines[7:4] - 4'd1) < 4'd8))
  `REQUIRE(CtlBytes, !(s_ctl_valid && s_ctl_ready)
           || (s_ctl_bytes != '0 && 12'(s_ctl_addr[5:0]) + 12'(s_ctl_bytes) <= 12'd1984))
  `REQUIRE(ListLines, !s_list_valid || (s_list_lines != '0 && 5'(s_list_line[2:0]) + 5'(s_list_lines) <= 5'd8))
  `COVER(RealignedFlush, m_ctl_valid && m_ctl_last && got_left_q == '0 && unit_off_q != '0)

`ifdef FORMAL
  // A memory in which each byte is the low part of its own address; the bursts that were requested of it, by number.
  localparam int NumW = $clog2(MaxBursts) + 1;

  logic [57:0]     f_line[2*MaxBursts];        // first line
  logic [3:0]      f_lines[2*MaxBursts];
  logic [2:0]      f_who[2*MaxBursts];         // requester
  logic [NumW-1:0] f_put_q, f_sent_q, f_get_q; // chosen, accepted on AR, answered
  logic [3:0]      f_beat_q;                   // lines answered of the burst
  logic [57:0]     f_answer;                   // the line that is answered
  logic [511:0]    f_bytes;
  logic [16:0]     f_pay_q;                    // lines issued of the request that stands there
  logic [3:0]      f_data_q, f_ctrl_q;
  logic [57:0]     f_unit_line_q;              // line to issue next
  logic            f_unit_q;                   // the control unit's request runs
  logic [63:0]     f_unit_addr_q;
  logic [10:0]     f_unit_bytes_q;
  logic [4:0]      f_unit_beat_q;              // beats handed out
  logic            f_unit_err_q;
  logic            f_ar_wait_q, f_pay_wait_q;
  logic [1:0]      f_ent_wait_q;
  logic [63:0]     f_ar_addr_q;
  logic [7:0]      f_ar_len_q;
  logic [74:0]     f_pay_req_q;
  logic [123:0]    f_ent_req_q;
  logic [4:0]      f_valid;                    // by requester
  logic            f_list_wait_q;
  logic [61:0]     f_list_req_q;
  (* anyseq *) logic [5:0] f_any;              // a byte of the control unit's beat
  logic [11:0]     f_place;                    // its place in the answer

  always_comb begin
    for (int i = 0; i < 64; i++) f_bytes[i*8 +: 8] = {f_answer[1:0], 6'(i)};
  end
  assign f_answer = f_line[f_get_q] + 58'(f_beat_q);
  assign f_place  = {1'b0, f_unit_beat_q, 6'd0} + 12'(f_any);
  assign f_valid  = {m_list_valid, unit_line, m_ent_valid, m_pay_valid && m_pay_ready};

  always_ff @(posedge clk) begin
    f_ar_addr_q  <= m_axi_araddr;
    f_ar_len_q   <= m_axi_arlen;
    f_pay_req_q  <= {s_pay_line, s_pay_lines};
    f_ent_req_q  <= {s_ent_line, s_ent_lines};
    f_list_req_q <= {s_list_line, s_list_lines};
    if (load) begin
      f_line[f_put_q]  <= pick_line;
      f_lines[f_put_q] <= burst;
      f_who[f_put_q]   <= pick;
    end
    if (s_ctl_valid && s_ctl_ready) begin
      f_unit_addr_q  <= s_ctl_addr;
      f_unit_bytes_q <= s_ctl_bytes;
      f_unit_line_q  <= s_ctl_addr[63:6];
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
      f_pay_q      <= '0;
      f_data_q     <= '0;
      f_ctrl_q     <= '0;
      f_unit_q     <= 1'b0;
      f_ar_wait_q  <= 1'b0;
      f_pay_wait_q <= 1'b0;
      f_list_wait_q <= 1'b0;
      f_ent_wait_q <= '0;
    end else begin
      f_ar_wait_q  <= m_axi_arvalid && !m_axi_arready;
      f_pay_wait_q <= s_pay_valid && !s_pay_ready;
      f_list_wait_q <= s_list_valid && !s_list_ready;
      f_ent_wait_q <= s_ent_valid & ~s_ent_ready;
      if (load) f_put_q <= f_put_q + 1'b1;
      if (m_axi_arvalid && m_axi_arready) f_sent_q <= f_sent_q + 1'b1;
      if (r_fire) f_beat_q <= m_axi_rlast ? '0 : f_beat_q + 4'd1;
      if (r_fire && m_axi_rlast) f_get_q <= f_get_q + 1'b1;
      if (load && pick == ReqPay) f_pay_q <= s_pay_ready ? '0 : f_pay_q + 17'(burst);
      if (load && pick == ReqData) f_data_q <= s_ent_ready[0] ? '0 : f_data_q + burst;
      if (load && pick == ReqCtrl) f_ctrl_q <= s_ent_ready[1] ? '0 : f_ctrl_q + burst;
      if (s_ctl_valid && s_ctl_ready) f_unit_q <= 1'b1;
      else if (m_ctl_valid && m_ctl_last) f_unit_q <= 1'b0;
    end
  end

  `REQUIRE(PayWaits, !f_pay_wait_q || (s_pay_valid && f_pay_req_q == {s_pay_line, s_pay_lines}))
  `REQUIRE(ListWaits, !f_list_wait_q || (s_list_valid && f_list_req_q == {s_list_line, s_list_lines}))
  `REQUIRE(DataWaits, !f_ent_wait_q[0] || (s_ent_valid[0] && f_ent_req_q[65:8] == s_ent_line[57:0]
           && f_ent_req_q[3:0] == s_ent_lines[3:0]))
  `REQUIRE(CtrlWaits, !f_ent_wait_q[1] || (s_ent_valid[1] && f_ent_req_q[123:66] == s_ent_line[115:58]
           && f_ent_req_q[7:4] == s_ent_lines[7:4]))
  `REQUIRE(Answers, !m_axi_rvalid || (f_get_q != f_sent_q && m_axi_rlast == (f_beat_q + 4'd1 == f_lines[f_get_q])))
  `ASSUME(Memory, !m_axi_rvalid || m_axi_rdata == f_bytes)

  `ASSERT(ArHolds, !f_ar_wait_q || (m_axi_arvalid && m_axi_araddr == f_ar_addr_q && m_axi_arlen == f_ar_len_q))
  `ASSERT(ArIsNewest, !m_axi_arvalid || (f_sent_q + 1'b1 == f_put_q && m_axi_araddr == {f_line[f_sent_q], 6'd0}
          && m_axi_arlen == 8'(f_lines[f_sent_q]) - 8'd1))
  `ASSERT(AtMost512Bytes, !m_axi_arvalid || m_axi_arlen < 8'd8)
  `ASSERT(Stops, !(stop_i && load))
  // all lines of a request, each once, from the first to the last
  `ASSERT(PayIssued, !(load && pick == ReqPay) || (s_pay_valid && pick_line == s_pay_line + 58'(f_pay_q)
          && f_pay_q + 17'(burst) <= s_pay_lines && s_pay_ready == (f_pay_q + 17'(burst) == s_pay_lines)))
  `ASSERT(DataIssued, !(load && pick == ReqData) || (s_ent_valid[0] && pick_line == s_ent_line[57:0] + 58'(f_data_q)
          && s_ent_ready[0] == (f_data_q + burst == s_ent_lines[3:0])))
  `ASSERT(CtrlIssued, !(load && pick == ReqCtrl) || (s_ent_valid[1] && pick_line == s_ent_line[115:58] + 58'(f_ctrl_q)
          && s_ent_ready[1] == (f_ctrl_q + burst == s_ent_lines[7:4])))
  `ASSERT(ListIssued, !(load && pick == ReqList) || (s_list_valid && s_list_ready && pick_line == s_list_line
          && burst == s_list_lines))
  `ASSERT(UnitIssued, !(load && pick == ReqUnit) || (f_unit_q && pick_line == f_unit_line_q))
  `ASSERT(ControlFirst, !(load && s_ent_valid[1]) || pick == ReqCtrl)
  // a line goes to the requester of its burst and to no other
  `ASSERT(Answered, !r_fire || f_valid == 5'd1 << f_who[f_get_q])
  `ASSERT(UnitAsked, !m_ctl_valid || f_unit_q)
  `ASSERT(UnitLast, !m_ctl_valid || m_ctl_last == ({1'b0, f_unit_beat_q, 6'd0} + 12'd64 >= 12'(f_unit_bytes_q)))
  `ASSERT(UnitBytes, !m_ctl_valid || f_place >= 12'(f_unit_bytes_q)
          || m_ctl_data[{f_any, 3'd0} +: 8] == f_unit_addr_q[7:0] + f_place[7:0])
  `ASSERT(UnitErr, !m_ctl_valid || m_ctl_err == (f_unit_err_q || (unit_line && m_axi_rresp[1])))
  `ASSERT(Busy, busy_o || (f_put_q == f_get_q && !m_axi_arvalid))
  `COVER(AllBurstsOut, f_put_q - f_get_q == NumW'(MaxBursts) && f_sent_q == f_put_q)
  `COVER(PayCut, s_pay_ready && f_pay_q != '0)
  `COVER(UnitTwoBeats, m_ctl_valid && m_ctl_last && f_unit_beat_q == 5'd1 && unit_off_q != '0)
`endif

endmodule
