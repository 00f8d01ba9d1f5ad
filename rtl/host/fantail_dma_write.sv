// SPDX-License-Identifier: Apache-2.0
// AXI4 write master with two sources: 0 delivery (bursts of consecutive lines), 1 status (single lines).
//
// Contract
//   Source i is a stream of bursts of whole 64-byte lines. s_w_addr is the line of the beat, the lines of a burst
//   follow each other; s_w_lines (1..32) counts on the first beat, s_w_last marks the last, and the two agree. Once a
//   burst's first beat was taken no other source is served until its last one. When both wait, they take turns.
//   Order: writes reach AW and W in the order in which their beats were taken, across both sources; the other side
//   keeps that order. So what is handed over after another write's last beat was taken is never visible before it.
//   A burst that crosses 4 KiB is issued as two. AW and the first W beat of a burst are offered in the same cycle;
//   either may be accepted first, and the next burst is not offered before this one's AW is gone.
//   s_w_done[i] pulses when the AW and the last W beat of a burst of source i have both been accepted.
//   Latency: a beat taken is offered in the next cycle. Throughput: one beat per cycle, also single lines.
//   s_w_qp goes with the beats and comes out with AW: for which queue pair the burst is (see fantail_dma_read).
//   Write responses may be up to MaxPending behind, then AW waits. fault_o pulses for each error response (a
//   posted write over PCIe has none: nothing may depend on it). busy_o while a beat or a response is outstanding.

module fantail_dma_write #(
  parameter int MaxPending = 64  // bursts without response
) (
  input  logic          clk,
  input  logic          rst,
  // sources
  input  logic [1:0]    s_w_valid,
  output logic [1:0]    s_w_ready,
  input  logic [127:0]  s_w_addr,
  input  logic [1023:0] s_w_data,
  input  logic [127:0]  s_w_strb,
  input  logic [11:0]   s_w_lines,
  input  logic [5:0]    s_w_qp,
  input  logic [1:0]    s_w_last,
  output logic [1:0]    s_w_done,
  // AXI4 write channels
  output logic [63:0]   m_axi_awaddr,
  output logic [7:0]    m_axi_awlen,
  output logic [2:0]    m_axi_awqp,
  output logic          m_axi_awvalid,
  input  logic          m_axi_awready,
  output logic [511:0]  m_axi_wdata,
  output logic [63:0]   m_axi_wstrb,
  output logic          m_axi_wlast,
  output logic          m_axi_wvalid,
  input  logic          m_axi_wready,
  input  logic [1:0]    m_axi_bresp,
  input  logic          m_axi_bvalid,
  output logic          m_axi_bready,
  output logic [7:0]    issued_o,    // bursts since reset, modulo 256
  output logic [7:0]    answered_o,
  output logic          fault_o,
  output logic          busy_o
);
  `include "fantail_assert.svh"

  localparam int PendW = $clog2(MaxPending + 1);

  logic             locked_q;      // inside a burst of source sel_q
  logic             sel_q;         // the source served last
  logic [5:0]       left_q;        // lines of the burst still to come
  logic [5:0]       chunk_q;       // of these, lines of the open AXI burst; 0: the next beat opens one
  logic             done_wait_q;   // last W accepted, AW not yet
  logic             wburst_q;      // the beat on W ends a source's burst
  logic             wsel_q;        // its source
  logic [PendW-1:0] pending_q;

  // ---------------------------------------------------------------- which beat goes next
  logic        sel, valid, opens, take, aw_free, w_free, last;
  logic [5:0]  lines, chunk;
  logic [63:0] addr;

  always_comb begin
    if (locked_q) sel = sel_q;
    else if (s_w_valid == 2'b11) sel = !sel_q;
    else sel = s_w_valid[1];
  end

  assign valid   = sel ? s_w_valid[1] : s_w_valid[0];
  assign last    = sel ? s_w_last[1] : s_w_last[0];
  assign addr    = sel ? s_w_addr[127:64] : s_w_addr[63:0];
  assign opens   = !locked_q || chunk_q == '0;
  assign aw_free = (!m_axi_awvalid || m_axi_awready) && pending_q < PendW'(MaxPending);
  assign w_free  = !m_axi_wvalid || m_axi_wready;
  assign take    = valid && w_free && (!opens || aw_free);
  assign s_w_ready = {take && sel, take && !sel};

  // Lines of the burst from this beat on, and how many of them lie in this 4 KiB page.
  always_comb begin
    lines = left_q;
    if (!locked_q) lines = sel ? s_w_lines[11:6] : s_w_lines[5:0];
    chunk = lines;
    if (7'(lines) > 7'd64 - 7'(addr[11:6])) chunk = 6'(7'd64 - 7'(addr[11:6]));
  end

  always_ff @(posedge clk) begin
    if (m_axi_awready) m_axi_awvalid <= 1'b0;
    if (m_axi_wready) m_axi_wvalid <= 1'b0;
    if (take) begin
      locked_q     <= !last;
      sel_q        <= sel;
      left_q       <= lines - 6'd1;
      chunk_q      <= (opens ? chunk : chunk_q) - 6'd1;
      m_axi_wvalid <= 1'b1;
      m_axi_wdata  <= sel ? s_w_data[1023:512] : s_w_data[511:0];
      m_axi_wstrb  <= sel ? s_w_strb[127:64] : s_w_strb[63:0];
      m_axi_wlast  <= (opens ? chunk : chunk_q) == 6'd1;
      wburst_q     <= last;
      wsel_q       <= sel;
      if (opens) begin
        m_axi_awvalid <= 1'b1;
        m_axi_awaddr  <= {addr[63:6], 6'd0};
        m_axi_awlen   <= 8'(chunk) - 8'd1;
        m_axi_awqp    <= sel ? s_w_qp[5:3] : s_w_qp[2:0];
      end
    end
    if (rst) begin
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid  <= 1'b0;
      locked_q      <= 1'b0;
      sel_q         <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- issued, answered
  logic w_done, aw_done;

  // An AXI burst opens only when the AW before it is gone, so a waiting AW belongs to the newest burst.
  assign w_done   = done_wait_q || (m_axi_wvalid && m_axi_wready && wburst_q);
  assign aw_done  = !m_axi_awvalid || m_axi_awready;
  assign s_w_done = {w_done && aw_done && wsel_q, w_done && aw_done && !wsel_q};

  assign m_axi_bready = 1'b1;
  assign busy_o       = m_axi_awvalid || m_axi_wvalid || locked_q || pending_q != '0;

  always_ff @(posedge clk) begin
    if (rst) begin
      done_wait_q <= 1'b0;
      pending_q   <= '0;
      issued_o    <= '0;
      answered_o  <= '0;
      fault_o     <= 1'b0;
    end else begin
      done_wait_q <= w_done && !aw_done;
      issued_o    <= issued_o + 8'(take && opens);
      answered_o  <= answered_o + 8'(m_axi_bvalid);
      fault_o     <= m_axi_bvalid && m_axi_bresp[1];
      if ((take && opens) != m_axi_bvalid) begin
        if (m_axi_bvalid) pending_q <= pending_q - 1'b1;
        else pending_q <= pending_q + 1'b1;
      end
    end
  end

  // ---------------------------------------------------------------- checks
  if (MaxPending < 1) begin : gen_check
    $fatal(1, "fantail_dma_write: MaxPending must be positive");
  end

  logic unused;
  assign unused = &{1'b0, m_axi_bresp[0], addr[5:0]};

  `REQUIRE(LastAgreesWithLines, !take || last == (lines == 6'd1))
  `REQUIRE(LinesInRange, !take || (lines != 6'd0 && lines <= 6'd32))
  `REQUIRE(AddressAligned, !take || addr[5:0] == 6'd0)
  `REQUIRE(ResponseExpected, !m_axi_bvalid || pending_q != '0)
  `ASSERT(DoneWaitHoldsSource, !(done_wait_q && m_axi_wvalid))
  `COVER(Split, take && opens && chunk != lines)

`ifdef FORMAL
  // What was taken last, and the AXI burst that is open
  logic         f_run_q;            // inside a source's burst
  logic         f_src_q;            // the source taken from last
  logic [63:0]  f_line_q;           // what was taken
  logic [511:0] f_data_q;
  logic [63:0]  f_strb_q;
  logic         f_end_q;
  logic [5:0]   f_beat_q;           // beats of the AXI burst before the one on W
  logic         f_aw_wait_q, f_w_wait_q;
  logic [63:0]  f_aw_addr_q;        // last seen on AW and W
  logic [7:0]   f_aw_len_q;
  logic [2:0]   f_qp_q, f_aw_qp_q, f_axi_qp;
  logic [511:0] f_w_data_q;
  logic [63:0]  f_w_strb_q;
  logic         f_w_last_q;
  logic         f_sent_q;           // the last beat of a source's burst is gone, its AW not
  logic         f_served_q;
  logic         f_ended;
  logic [63:0]  f_axi_line;
  logic [7:0]   f_axi_len;

  assign f_axi_line = (m_axi_awvalid ? m_axi_awaddr : f_aw_addr_q) + {52'd0, f_beat_q, 6'd0};
  assign f_axi_qp   = m_axi_awvalid ? m_axi_awqp : f_aw_qp_q;
  assign f_axi_len  = m_axi_awvalid ? m_axi_awlen : f_aw_len_q;
  assign f_ended    = f_sent_q || (m_axi_wvalid && m_axi_wready && f_end_q);

  always_ff @(posedge clk) begin
    f_aw_addr_q <= m_axi_awvalid ? m_axi_awaddr : f_aw_addr_q;
    f_aw_len_q  <= f_axi_len;
    f_aw_qp_q   <= f_axi_qp;
    f_w_data_q  <= m_axi_wdata;
    f_w_strb_q  <= m_axi_wstrb;
    f_w_last_q  <= m_axi_wlast;
    f_aw_wait_q <= !rst && m_axi_awvalid && !m_axi_awready;
    f_w_wait_q  <= !rst && m_axi_wvalid && !m_axi_wready;
    f_sent_q    <= !rst && f_ended && m_axi_awvalid && !m_axi_awready;
    if (m_axi_wvalid && m_axi_wready) f_beat_q <= m_axi_wlast ? '0 : f_beat_q + 6'd1;
    if (s_w_valid[0] && s_w_ready[0]) begin
      {f_run_q, f_src_q, f_end_q} <= {!s_w_last[0], 1'b0, s_w_last[0]};
      {f_qp_q, f_line_q, f_data_q, f_strb_q} <= {s_w_qp[2:0], s_w_addr[63:0], s_w_data[511:0], s_w_strb[63:0]};
    end
    if (s_w_valid[1] && s_w_ready[1]) begin
      {f_run_q, f_src_q, f_end_q} <= {!s_w_last[1], 1'b1, s_w_last[1]};
      {f_qp_q, f_line_q, f_data_q, f_strb_q} <= {s_w_qp[5:3], s_w_addr[127:64], s_w_data[1023:512], s_w_strb[127:64]};
    end
    f_served_q <= !rst && (f_served_q || s_w_done[1]);
    if (rst) begin
      f_run_q  <= 1'b0;
      f_src_q  <= 1'b0;
      f_beat_q <= '0;
    end
  end

  `REQUIRE(LinesFollow, !(valid && locked_q) || addr == f_line_q + 64'd64)
  `REQUIRE(QueuePairStays, !(valid && locked_q) || (sel ? s_w_qp[5:3] : s_w_qp[2:0]) == f_qp_q)

  `ASSERT(TakesOne, !(s_w_ready[0] && s_w_ready[1]) && (s_w_ready & ~s_w_valid) == '0)
  `ASSERT(BurstsWhole, !f_run_q || !s_w_ready[!f_src_q])
  `ASSERT(TakeTurns, f_run_q || s_w_valid != '1 || !s_w_ready[f_src_q])
  `ASSERT(AwHolds, !f_aw_wait_q || (m_axi_awvalid && m_axi_awaddr == f_aw_addr_q && m_axi_awlen == f_aw_len_q
                                   && m_axi_awqp == f_aw_qp_q))
  `ASSERT(WHolds, !f_w_wait_q || (m_axi_wvalid && m_axi_wdata == f_w_data_q && m_axi_wstrb == f_w_strb_q
                                  && m_axi_wlast == f_w_last_q))
  `ASSERT(AwWithinPage, !m_axi_awvalid || (8'(m_axi_awaddr[11:6]) + m_axi_awlen < 8'd64 && m_axi_awaddr[5:0] == '0))
  `ASSERT(AtMost32Lines, !(m_axi_awvalid || m_axi_wvalid || locked_q) || f_axi_len < 8'd32)
  `ASSERT(WLast, !m_axi_wvalid || m_axi_wlast == (8'(f_beat_q) == f_axi_len))
  `ASSERT(AwWithFirstW, !m_axi_awvalid || m_axi_wvalid || f_beat_q != '0 || m_axi_wlast)
  `ASSERT(InPlace, !m_axi_wvalid || f_axi_line == f_line_q)
  `ASSERT(RightQueuePair, !m_axi_wvalid || f_axi_qp == f_qp_q)
  `ASSERT(Unharmed, !m_axi_wvalid || (m_axi_wdata == f_data_q && m_axi_wstrb == f_strb_q))
  `ASSERT(Done, s_w_done == (f_ended && (!m_axi_awvalid || m_axi_awready) ? (f_src_q ? 2'b10 : 2'b01) : 2'b00))
  `ASSERT(PendingInRange, pending_q <= PendW'(MaxPending))
  `ASSERT(BusyWhileValid, busy_o || !(m_axi_awvalid || m_axi_wvalid))
  // what induction needs: registers against the reference
  `ASSERT(SameState, locked_q == f_run_q && sel_q == f_src_q && done_wait_q == f_sent_q
          && (!m_axi_wvalid || (wburst_q == f_end_q && f_end_q == !locked_q))
          && (!(m_axi_wvalid || f_sent_q) || wsel_q == f_src_q))
  `ASSERT(SentWaits, !f_sent_q || (m_axi_awvalid && !m_axi_wvalid && !f_run_q))
  `ASSERT(ChunkLeft, !locked_q || (chunk_q <= left_q && left_q != '0 && left_q < 6'd32
          && (m_axi_wvalid || f_beat_q != '0 ? 8'(chunk_q) + 8'(f_beat_q) + 8'(m_axi_wvalid) == f_axi_len + 8'd1
                                             : chunk_q == '0)))
  `ASSERT(ChunkQueuePair, !(locked_q && chunk_q != '0) || f_axi_qp == f_qp_q)
  `ASSERT(NextInPlace, !(locked_q && chunk_q != '0 && !m_axi_wvalid) || f_axi_line == f_line_q + 64'd64)
  `ASSERT(BeatInBurst, f_beat_q == '0 || 8'(f_beat_q) <= f_axi_len)
  `ASSERT(ChunkEnds, locked_q || f_beat_q == '0 || m_axi_wvalid)
  `ASSERT(ChunkOver, locked_q || !m_axi_wvalid || 8'(f_beat_q) == f_axi_len)
  `ASSERT(ChunkWithinPage, !locked_q || chunk_q == '0 || 7'(f_line_q[11:6]) + 7'(chunk_q) < 7'd64)
  `ASSERT(SplitsAtPage, !locked_q || chunk_q == left_q || 7'(f_line_q[11:6]) + 7'(chunk_q) == 7'd63)
  `ASSERT(Aligned, !(m_axi_wvalid || locked_q) || f_line_q[5:0] == '0)
  `COVER(SplitEnds, m_axi_wvalid && m_axi_wlast && !f_end_q && m_axi_wready)
  `COVER(LateAw, f_sent_q && s_w_done != '0)
  `COVER(Full, pending_q == PendW'(MaxPending) && s_w_valid == '1)
  `COVER(Turns, f_served_q && s_w_done[0])
`endif

endmodule
