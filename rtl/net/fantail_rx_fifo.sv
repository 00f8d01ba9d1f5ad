// SPDX-License-Identifier: Apache-2.0
// Receive FIFO: the MAC cannot be stopped, the parser can. A frame enters whole or not at all.
//
// Contract
//   s_mac_*   one 64-byte beat per cycle at most, never refused. tkeep is contiguous from bit 0 and full in all beats
//             but the last; tuser on the last beat marks a bad frame.
//   m_frame_* beats of whole good frames in order, held until taken; bytes counts the bytes of this beat (64 in all but
//             the last). One beat per cycle; a frame begins to come out three cycles after its last beat came in.
//   Dropped and counted: no room for the whole frame (drop_fifo); tuser, or shorter than 14 or longer than 1,514 bytes
//   (drop_error). A frame that is both counts as drop_error.

module fantail_rx_fifo #(
  parameter int Bytes = 16384  // bytes of memory, a power of two
) (
  input  logic         clk,
  input  logic         rst,
  input  logic [511:0] s_mac_tdata,
  input  logic [63:0]  s_mac_tkeep,
  input  logic         s_mac_tlast,
  input  logic         s_mac_tuser,
  input  logic         s_mac_tvalid,
  output logic         m_frame_valid,
  input  logic         m_frame_ready,
  output logic [511:0] m_frame_data,
  output logic [6:0]   m_frame_bytes,
  output logic         m_frame_last,
  output logic         idle_o,               // nothing held, nothing coming in
  output logic         cnt_rx_frames_o,      // increments, one pulse per frame
  output logic [10:0]  cnt_rx_bytes_o,
  output logic         cnt_rx_drop_fifo_o,
  output logic         cnt_rx_drop_error_o
);
  `include "fantail_assert.svh"

  localparam int Beats    = Bytes / 64;
  localparam int PtrW     = $clog2(Beats);
  localparam int MinBytes = 14;
  localparam int MaxBeats = 24;              // of a frame of FRAME_BYTES_MAX
  localparam int Width    = 512 + 7 + 1;

  logic [PtrW:0]    wr_q;      // next beat to write
  logic [PtrW:0]    commit_q;  // end of the last whole frame
  logic [PtrW:0]    rd_q;      // next beat to read
  logic [4:0]       beats_q;   // beats of this frame so far, saturating at MaxBeats
  logic             full_q;    // a beat of this frame found no room
  logic             out_q;     // m_frame_* is a beat
  logic             full, write, fetch;
  logic             bad;       // at the last beat: wrong size or error
  logic             keep;      // at the last beat: frame enters
  logic [6:0]       last_bytes;
  logic [10:0]      frame_bytes;
  logic [Width-1:0] rd_word;

  // Bytes of a contiguous tkeep: 1 + number of its highest bit, found by halving.
  always_comb begin : bytes_of_keep
    logic [31:1] k32;
    logic [15:1] k16;
    logic [7:1]  k8;
    logic [3:1]  k4;
    logic [5:0]  top;
    k32 = '0;
    k16 = '0;
    k8  = '0;
    k4  = '0;
    top = '0;
    if (s_mac_tvalid && s_mac_tlast) begin
      top[5] = s_mac_tkeep[32];
      k32    = top[5] ? s_mac_tkeep[63:33] : s_mac_tkeep[31:1];
      top[4] = k32[16];
      k16    = top[4] ? k32[31:17] : k32[15:1];
      top[3] = k16[8];
      k8     = top[3] ? k16[15:9] : k16[7:1];
      top[2] = k8[4];
      k4     = top[2] ? k8[7:5] : k8[3:1];
      top[1] = k4[2];
      top[0] = top[1] ? k4[3] : k4[1];
    end
    last_bytes = s_mac_tlast ? {1'b0, top} + 7'(s_mac_tkeep[0]) : 7'd64;
  end

  assign frame_bytes = {beats_q, 6'd0} + {4'd0, last_bytes};
  assign bad         = s_mac_tuser || frame_bytes < 11'(MinBytes) || beats_q == 5'(MaxBeats)
                       || frame_bytes > 11'(fantail_regs_pkg::FRAME_BYTES_MAX);
  assign full        = (PtrW+1)'(wr_q - rd_q) == (PtrW+1)'(Beats);
  assign write       = s_mac_tvalid && !full && !full_q && beats_q != 5'(MaxBeats);
  assign keep        = write && s_mac_tlast && !bad;

  always_ff @(posedge clk) begin
    if (rst) begin
      wr_q     <= '0;
      commit_q <= '0;
      beats_q  <= '0;
      full_q   <= 1'b0;
    end else if (s_mac_tvalid) begin
      if (s_mac_tlast) begin
        wr_q    <= keep ? wr_q + 1'b1 : commit_q;
        if (keep) commit_q <= wr_q + 1'b1;
        beats_q <= '0;
        full_q  <= 1'b0;
      end else begin
        if (write) wr_q <= wr_q + 1'b1;
        if (beats_q != 5'(MaxBeats)) beats_q <= beats_q + 1'b1;
        if (full) full_q <= 1'b1;
      end
    end
  end

  assign cnt_rx_frames_o     = keep;
  assign cnt_rx_bytes_o      = keep ? frame_bytes : '0;
  assign cnt_rx_drop_error_o = s_mac_tvalid && s_mac_tlast && bad;
  assign cnt_rx_drop_fifo_o  = s_mac_tvalid && s_mac_tlast && !bad && !keep;

  // ---------------------------------------------------------------- read side
  assign fetch = commit_q != rd_q && (!out_q || m_frame_ready);

  fantail_ram_1w1r #(
    .Width(Width),
    .Depth(Beats)
  ) u_ram (
    .clk,
    .we_i    (write),
    .waddr_i (wr_q[PtrW-1:0]),
    .wdata_i ({s_mac_tlast, last_bytes, s_mac_tdata}),
    .re_i    (fetch),
    .raddr_i (rd_q[PtrW-1:0]),
    .rdata_o (rd_word)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      rd_q  <= '0;
      out_q <= 1'b0;
    end else begin
      if (fetch) rd_q <= rd_q + 1'b1;
      if (fetch) out_q <= 1'b1;
      else if (m_frame_ready) out_q <= 1'b0;
    end
  end

  assign m_frame_valid = out_q;
  assign {m_frame_last, m_frame_bytes, m_frame_data} = rd_word;
  assign idle_o        = !out_q && wr_q == rd_q && !s_mac_tvalid && beats_q == '0;

`ifdef FORMAL
  localparam int MinBeats = 4;     // soon full; longer frames find no room
`else
  localparam int MinBeats = 32;
`endif
  if ((1 << PtrW) != Beats || Beats < MinBeats) begin : gen_check
    $fatal(1, "fantail_rx_fifo: Bytes is not a power of two of at least 2,048");
  end

  `ASSERT(NeverPastCommit, (PtrW+1)'(commit_q - rd_q) <= (PtrW+1)'(wr_q - rd_q))
  `ASSERT(NoOverflow, (PtrW+1)'(wr_q - rd_q) <= (PtrW+1)'(Beats))
  `REQUIRE(Keep, !s_mac_tvalid || (s_mac_tkeep[0] && (s_mac_tkeep & (s_mac_tkeep + 64'd1)) == '0
                                   && (s_mac_tlast || s_mac_tkeep == '1)))

`ifdef FORMAL
  // One beat of the solver's choice: when its frame is kept it leaves after exactly the beats of kept frames that were
  // in front of it, unharmed; when not, nothing of the frame does. Of the data one bit is looked at: all go one way.
  typedef enum logic [1:0] {
    None,      // no beat is chosen
    Incoming,  // its frame is not complete
    Kept       // its frame was kept
  } chosen_e;

  (* anyseq *) logic f_choose;
  chosen_e       f_chosen_q;
  logic          f_data_q;
  logic [63:0]   f_keep_q;
  logic          f_last_q;
  logic [PtrW:0] f_held_q;         // beats of kept frames that are not out yet
  logic [PtrW:0] f_ahead_q;        // of these in front of the chosen one; of its frame, while that comes in
  logic [4:0]    f_beats_q;        // of the frame that comes in, before this one; at most 25
  logic          f_full_q;         // the memory was full at one of them
  logic          f_old_q;          // held for a cycle
  logic          f_waits_q;
  logic          f_get, f_end, f_good, f_full, f_chosen_now;
  logic [12:0]   f_bytes;          // of the frame, at its last beat
  logic [6:0]    f_keep_bytes, f_chosen_bytes;

  always_comb begin
    f_keep_bytes   = '0;
    f_chosen_bytes = '0;
    for (int i = 0; i < 64; i++) begin
      if (s_mac_tkeep[i]) f_keep_bytes = 7'(i) + 7'd1;
      if (f_keep_q[i]) f_chosen_bytes = 7'(i) + 7'd1;
    end
  end
  assign f_get        = m_frame_valid && m_frame_ready;
  assign f_end        = s_mac_tvalid && s_mac_tlast;
  assign f_bytes      = {2'd0, f_beats_q, 6'd0} + 13'(f_keep_bytes);
  assign f_good       = !s_mac_tuser && f_bytes >= 13'd14 && f_bytes <= 13'd1514;
  assign f_full       = f_full_q || 7'(f_held_q) + 7'(f_beats_q) >= 7'(Beats);
  assign f_chosen_now = s_mac_tvalid && f_choose && f_chosen_q == None;

  always_ff @(posedge clk) begin
    if (f_chosen_now) begin
      f_data_q <= s_mac_tdata[0];
      f_keep_q <= s_mac_tkeep;
      f_last_q <= s_mac_tlast;
    end
    if (rst) begin
      f_chosen_q <= None;
      f_held_q   <= '0;
      f_beats_q  <= '0;
      f_full_q   <= 1'b0;
      f_old_q    <= 1'b0;
      f_waits_q  <= 1'b0;
    end else begin
      f_waits_q <= m_frame_valid && !m_frame_ready;
      f_old_q   <= f_held_q != (PtrW+1)'(f_get);
      f_held_q  <= f_held_q - (PtrW+1)'(f_get) + (cnt_rx_frames_o ? (PtrW+1)'(f_beats_q) + 1'b1 : '0);
      if (s_mac_tvalid) begin
        f_beats_q <= s_mac_tlast ? '0 : f_beats_q == 5'd25 ? f_beats_q : f_beats_q + 1'b1;
        f_full_q  <= !s_mac_tlast && f_full;
      end
      if (f_chosen_now || f_chosen_q == Incoming) begin
        if (f_end && cnt_rx_frames_o) begin
          f_chosen_q <= Kept;
          f_ahead_q  <= f_held_q - (PtrW+1)'(f_get) + (f_chosen_now ? (PtrW+1)'(f_beats_q) : f_ahead_q);
        end else begin
          f_chosen_q <= f_end ? None : Incoming;
          if (f_chosen_now) f_ahead_q <= (PtrW+1)'(f_beats_q);
        end
      end else if (f_chosen_q == Kept && f_get) begin
        if (f_ahead_q == '0) f_chosen_q <= None;
        else f_ahead_q <= f_ahead_q - 1'b1;
      end
    end
  end

  `ASSERT(Unharmed, !(f_chosen_q == Kept && f_ahead_q == '0 && m_frame_valid)
          || (m_frame_data[0] == f_data_q && m_frame_last == f_last_q && m_frame_bytes == f_chosen_bytes))
  `ASSERT(Out, m_frame_valid == f_old_q)
  `ASSERT(OnlyKept, !m_frame_valid || f_held_q != '0)
  `ASSERT(Holds, !f_waits_q || m_frame_valid)
  `ASSERT(KeptIsGood, !cnt_rx_frames_o || (f_end && f_good && cnt_rx_bytes_o == f_bytes[10:0]))
  `ASSERT(OneOfThree, 2'(cnt_rx_frames_o) + 2'(cnt_rx_drop_fifo_o) + 2'(cnt_rx_drop_error_o) == 2'(f_end))
  `ASSERT(ErrorIsBad, cnt_rx_drop_error_o == (f_end && !f_good))
  `ASSERT(DroppedWhenFull, !cnt_rx_drop_fifo_o || f_full)
  `COVER(ChosenMiddleLeaves, f_chosen_q == Kept && f_ahead_q == '0 && f_get && !f_last_q)
  `COVER(DropsAfterPart, cnt_rx_drop_error_o && f_held_q != '0 && f_beats_q == 5'd2)
  `COVER(Full, cnt_rx_drop_fifo_o && f_chosen_q == Kept)
`endif

endmodule
