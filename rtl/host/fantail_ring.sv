// SPDX-License-Identifier: Apache-2.0
// Fetches the entries of one submission ring into a small FIFO.
//
// Contract: indices run freely (15 bits), all begin at 0 when enable_i rises; base_i and log2_i hold while enable_i is
// high. Whatever the doorbell announced is fetched as room allows, in requests of at most eight entries that end at
// the ring's end; a new tail leads to a request two cycles later. m_entry_index is the index of the entry offered;
// the newest announced tail is tail_i itself. Answers never wait: every line requested has a place in the FIFO.
// A failed read raises fault_valid_o for one cycle with the entry's address and stops the ring until enable_i falls;
// halted_i stops fetching. Entries fetched before are still offered. enable_i low drops what is left (also an entry
// that is being offered). empty_o: nothing is announced that has not been taken, or nothing will ever come. settled_o:
// nothing is being fetched, nor will be before an entry is taken or the doorbell comes.

module fantail_ring #(
  parameter int Depth = 64  // entries held, a power of two, at least 16
) (
  input  logic         clk,
  input  logic         rst,
  input  logic         enable_i,
  input  logic         halted_i,
  input  logic [63:0]  base_i,
  input  logic [3:0]   log2_i,
  input  logic [14:0]  tail_i,

  output logic         m_req_valid,
  input  logic         m_req_ready,
  output logic [57:0]  m_req_line,
  output logic [3:0]   m_req_lines,
  input  logic         s_rsp_valid,
  input  logic [511:0] s_rsp_data,
  input  logic         s_rsp_err,

  output logic         m_entry_valid,
  input  logic         m_entry_ready,
  output logic [511:0] m_entry_data,
  output logic [14:0]  m_entry_index,

  output logic         empty_o,
  output logic         settled_o,
  output logic         fault_valid_o,
  output logic [7:0]   fault_code_o,
  output logic [63:0]  fault_addr_o
);
  `include "fantail_assert.svh"

  logic        live_q;   // follows enable_i, rises only when nothing of the time before is outstanding
  logic        fault_q;  // stopped by a failed read
  logic [14:0] fetch_q;  // next index to request
  logic [14:0] got_q;    // next index to arrive
  logic [14:0] out_q;    // next index to hand out
  logic        run, go, fifo_ready, fifo_valid, keep;
  logic [14:0] mask, avail, room, slot, got_slot, to_end, lim_a, lim_b, lines;
  logic [$clog2(Depth):0] level;
  logic        unused_ok;  // used by properties only; bases are aligned

  assign run    = live_q && enable_i && !halted_i && !fault_q;
  assign mask   = (15'd1 << log2_i) - 15'd1;
  assign avail  = tail_i - fetch_q;
  assign room   = 15'(Depth) - (fetch_q - out_q);
  assign slot   = fetch_q & mask;
  assign to_end = mask - slot + 15'd1;
  assign lim_a  = avail < to_end ? avail : to_end;
  assign lim_b  = room < 15'd8 ? room : 15'd8;
  assign lines  = lim_a < lim_b ? lim_a : lim_b;
  // full requests, or all that is left
  assign go     = run && avail != '0 && (room >= 15'd8 || avail <= room) && (!m_req_valid || m_req_ready);

  always_ff @(posedge clk) begin
    if (go) begin
      m_req_line  <= base_i[63:6] + 58'(slot);
      m_req_lines <= lines[3:0];
    end
    if (rst) begin
      m_req_valid <= 1'b0;
      live_q      <= 1'b0;
      fault_q     <= 1'b0;
      fetch_q     <= '0;
      got_q       <= '0;
      out_q       <= '0;
    end else begin
      if (go) m_req_valid <= 1'b1;
      else if (m_req_ready) m_req_valid <= 1'b0;
      if (go) fetch_q <= fetch_q + lines;
      if (s_rsp_valid) got_q <= got_q + 15'd1;
      if (m_entry_valid && m_entry_ready) out_q <= out_q + 15'd1;
      if (fault_valid_o) fault_q <= 1'b1;
      if (!enable_i) begin
        live_q <= 1'b0;
      end else if (!live_q && fetch_q == got_q) begin
        live_q  <= 1'b1;
        fault_q <= 1'b0;
        fetch_q <= '0;
        got_q   <= '0;
        out_q   <= '0;
      end
    end
  end

  assign keep          = s_rsp_valid && live_q && !fault_q && !s_rsp_err;
  assign got_slot      = got_q & mask;
  assign fault_valid_o = s_rsp_valid && live_q && !fault_q && s_rsp_err;
  assign fault_code_o  = fantail_regs_pkg::FAULT_ENTRY_READ;
  assign fault_addr_o  = {base_i[63:6] + 58'(got_slot), 6'd0};

  fantail_fifo #(
    .Width(512),
    .Depth(Depth)
  ) u_fifo (
    .clk,
    .rst     (rst || !live_q),
    .s_valid (keep),
    .s_ready (fifo_ready),
    .s_data  (s_rsp_data),
    .m_valid (fifo_valid),
    .m_ready (m_entry_ready && live_q),
    .m_data  (m_entry_data),
    .level_o (level)
  );

  assign m_entry_valid = fifo_valid && live_q;
  assign m_entry_index = out_q;
  assign empty_o       = !m_entry_valid && (!run || tail_i == out_q);
  assign settled_o     = !go && !m_req_valid && fetch_q == got_q && live_q == enable_i;

  assign unused_ok = ^{base_i[5:0], fifo_ready, level};

  if (Depth < 16 || Depth > 4096) begin : gen_check
    $fatal(1, "fantail_ring: Depth out of range");
  end

  `ASSERT(RoomReserved, !keep || fifo_ready)
  `ASSERT(LevelMatches, !live_q || fault_q || 15'(level) == got_q - out_q)
  `ASSERT(RequestSize, !m_req_valid || (m_req_lines != '0 && m_req_lines <= 4'd8))

endmodule
