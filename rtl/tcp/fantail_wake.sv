// SPDX-License-Identifier: Apache-2.0
// A queue of connections in which each stands at most once: the scheduler's ready queue, the queue of held
// connections, the reporter's queue of news.
//
// Contract. A producer writes its state first and wakes afterwards (the wake at least one cycle after the write).
// A consumer takes an id, which clears its mark in that cycle, and reads the state in a later cycle. Then no wake-up
// is lost: a wake that found the mark still set wrote its state before the mark was cleared, so the consumer reads
// it. s_ready is always high for the source with the lowest number that is valid; one wake per cycle. The queue
// cannot overflow, because an id is in it once.
//
// "Marked" is the difference of two bits, one written by the wake side and one by the take side, so that each memory
// has one writer:
//
//   cycle 0   arbitrate, read both bits of id
//   cycle 1   equal, and the cycle before did not push the same id: flip the wake bit, push {id, wake bit}
//   take      take bit := wake bit that came with the id

module fantail_wake #(
  parameter int Connections = 1024,
  parameter int Sources     = 2
) (
  input  logic                  clk,
  input  logic                  rst,
  output logic                  busy_o,     // clearing after reset
  input  logic [Sources-1:0]    s_valid,
  output logic [Sources-1:0]    s_ready,
  input  logic [Sources*14-1:0] s_id,
  output logic                  m_valid,
  input  logic                  m_ready,
  output logic [13:0]           m_id,
  output logic                  empty_o     // nothing queued and nothing on its way
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  logic           pick;
  logic [13:0]    pick_id;
  logic           s1_valid_q;
  logic [IdW-1:0] s1_id_q;
  logic           pushed_q;              // the cycle before pushed pushed_id_q
  logic [IdW-1:0] pushed_id_q;
  logic           wake_bit, take_bit;
  logic           push;
  logic           busy_wake, busy_take;
  logic           fifo_valid, fifo_ready;
  logic [IdW:0]   fifo_data;

  // lowest number first
  always_comb begin
    pick    = 1'b0;
    pick_id = '0;
    s_ready = '0;
    for (int i = 0; i < Sources; i++) begin
      if (!pick && s_valid[i] && !busy_o) begin
        pick       = 1'b1;
        pick_id    = s_id[i*14 +: 14];
        s_ready[i] = 1'b1;
      end
    end
  end

  assign push = s1_valid_q && (wake_bit == take_bit) && !(pushed_q && pushed_id_q == s1_id_q);

  always_ff @(posedge clk) begin
    s1_id_q     <= pick_id[IdW-1:0];
    pushed_id_q <= s1_id_q;
    if (rst) begin
      s1_valid_q <= 1'b0;
      pushed_q   <= 1'b0;
    end else begin
      s1_valid_q <= pick;
      pushed_q   <= push;
    end
  end

  fantail_table #(
    .Width(1),
    .Depth(Connections)
  ) u_wake_bit (
    .clk, .rst,
    .busy_o  (busy_wake),
    .we_i    (push),
    .waddr_i (s1_id_q),
    .wdata_i (!wake_bit),
    .re_i    (pick),
    .raddr_i (pick_id[IdW-1:0]),
    .rdata_o (wake_bit)
  );

  fantail_table #(
    .Width(1),
    .Depth(Connections)
  ) u_take_bit (
    .clk, .rst,
    .busy_o  (busy_take),
    .we_i    (m_valid && m_ready),
    .waddr_i (fifo_data[IdW:1]),
    .wdata_i (fifo_data[0]),
    .re_i    (pick),
    .raddr_i (pick_id[IdW-1:0]),
    .rdata_o (take_bit)
  );

  assign busy_o = busy_wake || busy_take;

  fantail_ram_fifo #(
    .Width(IdW + 1),
    .Depth(Connections)
  ) u_fifo (
    .clk, .rst,
    .s_valid (push),
    .s_ready (fifo_ready),
    .s_data  ({s1_id_q, !wake_bit}),
    .m_valid (fifo_valid),
    .m_ready,
    .m_data  (fifo_data)
  );

  assign m_valid = fifo_valid;
  assign m_id    = 14'(fifo_data[IdW:1]);
  assign empty_o = !m_valid && !s1_valid_q && !pushed_q && (s_valid == '0);

  `ASSERT(NeverFull, !(push && !fifo_ready))

`ifdef FORMAL
  // One id of the solver's choice. A wake that is accepted owes it a take in the same cycle or later.
  (* anyseq *) logic [IdW-1:0]   f_any;
  logic [IdW-1:0]                f_id;
  logic                          f_woken, f_pushed, f_taken;
  logic                          f_owed_q;     // woken since it was last taken
  logic                          f_queued_q;   // pushed and not taken
  logic                          f_again_q;    // taken before
  logic [IdW:0]                  f_level_q;    // ids in the queue

  assign f_woken  = pick && pick_id == 14'(f_id);
  assign f_pushed = push && s1_id_q == f_id;
  assign f_taken  = m_valid && m_ready && m_id == 14'(f_id);

  always_ff @(posedge clk) begin
    if (rst) begin
      f_id       <= f_any;
      f_owed_q   <= 1'b0;
      f_queued_q <= 1'b0;
      f_again_q  <= 1'b0;
      f_level_q  <= '0;
    end else begin
      f_owed_q   <= (f_owed_q || f_woken) && !f_taken;
      f_queued_q <= (f_queued_q || f_pushed) && !f_taken;
      f_again_q  <= f_again_q || f_taken;
      f_level_q  <= f_level_q + (IdW+1)'(push) - (IdW+1)'(m_valid && m_ready);
    end
  end

  logic f_ids_legal, f_lowest;
  always_comb begin
    f_ids_legal = 1'b1;
    f_lowest    = 1'b1;
    for (int i = 0; i < Sources; i++) begin
      if (s_valid[i] && s_id[i*14 +: 14] >= 14'(Connections)) f_ids_legal = 1'b0;
      if (s_ready[i] != (s_valid[i] && !busy_o && (s_valid & Sources'((1 << i) - 1)) == '0)) f_lowest = 1'b0;
    end
  end

  `REQUIRE(Ids, f_ids_legal)
  `ASSERT(LowestFirst, f_lowest)
  `ASSERT(OnceInQueue, !(f_pushed && f_queued_q))
  `ASSERT(TakenWasQueued, !f_taken || f_queued_q)
  `ASSERT(NoWakeLost, !f_owed_q || f_queued_q || f_pushed)
  `ASSERT(NotIdleWhileOwed, !(f_owed_q && empty_o))
  `COVER(Again, f_again_q && f_taken)
  `COVER(AllQueued, f_level_q == (IdW+1)'(Connections))
  `COVER(WokenAsTaken, f_woken && f_taken)
  `COVER(WokenWhileQueued, f_woken && f_queued_q && !f_taken)
`endif

endmodule
