// SPDX-License-Identifier: Apache-2.0
// Transmit multiplexer: the engine's segments and the host's frames onto one MAC.
//
// Contract
//   s_eng_*, s_htx_*  whole frames are ready before their first beat is offered: between first and last beat valid does
//                     not fall. The host's frames go first between frames. tkeep and bytes are full in all beats but the
//                     last; bytes beyond them may be anything.
//   m_mac_*           registered, one beat per cycle, latency one cycle; frames below 60 bytes are padded with zeros;
//                     bytes beyond tkeep are zero.

module fantail_tx_mux (
  input  logic         clk,
  input  logic         rst,
  input  logic [511:0] s_eng_tdata,
  input  logic [63:0]  s_eng_tkeep,
  input  logic         s_eng_tlast,
  input  logic         s_eng_tvalid,
  output logic         s_eng_tready,
  input  logic         s_htx_valid,
  output logic         s_htx_ready,
  input  logic [511:0] s_htx_data,
  input  logic [6:0]   s_htx_bytes,
  input  logic         s_htx_last,
  output logic [511:0] m_mac_tdata,
  output logic [63:0]  m_mac_tkeep,
  output logic         m_mac_tlast,
  output logic         m_mac_tvalid,
  input  logic         m_mac_tready,
  output logic         idle_o,
  output logic         cnt_tx_frames_o,
  output logic [6:0]   cnt_tx_bytes_o,
  output logic         cnt_tx_host_frames_o,
  output fantail_pkg::stage_t stage_o
);
  `include "fantail_assert.svh"

  localparam logic [63:0] MinKeep = 64'h0FFF_FFFF_FFFF_FFFF;  // 60 bytes

  logic         inside_q;  // between first and last beat
  logic         sel_q;     // whose frame: 1 the host's
  logic         sel, first, last, valid, room, take;
  logic [63:0]  keep;
  logic [511:0] data, data_masked;

  assign room  = !m_mac_tvalid || m_mac_tready;
  assign sel   = inside_q ? sel_q : s_htx_valid;
  assign first = !inside_q;
  assign valid = sel ? s_htx_valid : s_eng_tvalid;
  assign last  = sel ? s_htx_last : s_eng_tlast;
  assign data  = sel ? s_htx_data : s_eng_tdata;
  assign keep  = !sel ? s_eng_tkeep : s_htx_bytes[6] ? '1 : (64'd1 << s_htx_bytes[5:0]) - 64'd1;
  assign take  = valid && room;

  assign s_htx_ready  = sel && room;
  assign s_eng_tready = !sel && room;

  always_comb begin : mask
    data_masked = data;
    if (valid && last) begin
      for (int i = 0; i < 64; i++) data_masked[i*8 +: 8] = data[i*8 +: 8] & {8{keep[i]}};
    end
  end

  always_ff @(posedge clk) begin
    if (take) begin
      m_mac_tdata <= data_masked;
      m_mac_tkeep <= first && last ? keep | MinKeep : keep;
      m_mac_tlast <= last;
      sel_q       <= sel;
    end
    if (rst) begin
      m_mac_tvalid <= 1'b0;
      inside_q     <= 1'b0;
    end else begin
      if (take) m_mac_tvalid <= 1'b1;
      else if (m_mac_tready) m_mac_tvalid <= 1'b0;
      if (take) inside_q <= !last;
    end
  end

  // Counted as the MAC takes them. A contiguous tkeep is counted by halving; its top bit is known to be zero then, so
  // each half is one bit short.
  logic [6:0] out_bytes;
  always_comb begin : count
    logic [30:0] k32;
    logic [14:0] k16;
    logic [6:0]  k8;
    logic [2:0]  k4;
    out_bytes = 7'd64;
    k32       = '0;
    k16       = '0;
    k8        = '0;
    k4        = '0;
    if (m_mac_tvalid && !m_mac_tkeep[63]) begin
      out_bytes[6] = 1'b0;
      out_bytes[5] = m_mac_tkeep[31];
      k32          = m_mac_tkeep[31] ? m_mac_tkeep[62:32] : m_mac_tkeep[30:0];
      out_bytes[4] = k32[15];
      k16          = k32[15] ? k32[30:16] : k32[14:0];
      out_bytes[3] = k16[7];
      k8           = k16[7] ? k16[14:8] : k16[6:0];
      out_bytes[2] = k8[3];
      k4           = k8[3] ? k8[6:4] : k8[2:0];
      out_bytes[1] = k4[1];
      out_bytes[0] = k4[1] ? k4[2] : k4[0];
    end
  end

  logic sent;
  assign sent                 = m_mac_tvalid && m_mac_tready;
  assign stage_o              = {m_mac_tvalid && !m_mac_tready, sent};
  assign cnt_tx_bytes_o       = sent ? out_bytes : '0;
  assign cnt_tx_frames_o      = sent && m_mac_tlast;
  assign cnt_tx_host_frames_o = take && last && sel;
  assign idle_o               = !inside_q && !m_mac_tvalid && !s_htx_valid && !s_eng_tvalid;

  `ASSERT(NoPause, !inside_q || valid)

endmodule
