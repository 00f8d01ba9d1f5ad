// SPDX-License-Identifier: Apache-2.0
// Proof harness: a sweep visits every connection that was installed when it began, though it leaves out blocks of ids
// in which it has found nobody.
//
// The sweeper is the real one. Connections are installed and retired when the solver says, one a cycle, as the enqueue
// owner writes them; none has bytes or deadlines, so nothing but the map of blocks decides who is visited.

module fantail_visits #(
  parameter int Connections = 8,
  parameter int BlockIds    = 2
) (
  input logic        clk,
  input logic        rst,
  input logic        install_i,
  input logic        retire_i,
  input logic [13:0] id_i
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  logic [Connections-1:0] installed_q, since_q, visited_q;
  logic [IdW-1:0]         id;
  logic                   begins, ends, rd_valid, rd_installed_q;
  logic [13:0]            rd_id;
  fantail_tcp_pkg::enq_t  enq;

  assign id = id_i[IdW-1:0];

  always_ff @(posedge clk) begin
    if (install_i) installed_q[id] <= 1'b1;
    else if (retire_i) installed_q[id] <= 1'b0;
    // of this sweep: installed since it began, visited
    if (begins) begin
      since_q   <= installed_q;
      visited_q <= '0;
    end
    if (!install_i && retire_i) since_q[id] <= 1'b0;
    if (rd_valid) begin
      visited_q[rd_id[IdW-1:0]] <= 1'b1;
      rd_installed_q            <= installed_q[rd_id[IdW-1:0]];
    end
    if (rst) begin
      installed_q <= '0;
      since_q     <= '0;
    end
  end

  always_comb begin
    enq           = '0;
    enq.installed = rd_installed_q;
  end

  fantail_sweep #(
    .Connections(Connections),
    .LogBytes(16),
    .BlockIds(BlockIds)
  ) u_sweep (
    .clk, .rst,
    .busy_o             (),
    .now_us_i           (64'd0),
    .now_ms_i           (32'd0),
    .rto_max_us_i       (32'd0),
    .pin_limit_i        ('1),
    .pin_us_i           ('1),
    .add_i              (install_i),
    .add_id_i           (14'(id)),
    .walk_pos_i         (32'd0),
    .tail_i             (32'd0),
    .log_wait_i         (1'b0),
    .log_want_i         (32'd0),
    .low_o              (),
    .sweep_o            (ends),
    .begin_o            (begins),
    .need_valid_o       (),
    .need_pos_o         (),
    .need_qp_o          (),
    .rd_valid_o         (rd_valid),
    .rd_id_o            (rd_id),
    .par_i              ('0),
    .enq_i              (enq),
    .tx_i               ('0),
    .ack_i              ('0),
    .s_init_valid       (1'b0),
    .s_init_ready       (),
    .s_init_id          ('0),
    .swp_we_o           (),
    .swp_waddr_o        (),
    .swp_wdata_o        (),
    .ext_rd_valid_o     (),
    .ext_rd_ready_i     (1'b1),
    .ext_rd_id_o        (),
    .ext_rd_index_o     (),
    .ext_row_i          ('0),
    .m_req_valid        (),
    .m_req_ready        (1'b1),
    .m_req_id           (),
    .m_req_ev           (),
    .m_req_cause        (),
    .color_o            (),
    .take_i             (1'b0),
    .none_i             (1'b0),
    .none_color_i       (1'b0),
    .done_i             (1'b0),
    .done_color_i       (1'b0),
    .activity_i         (1'b1),
    .idle_o             (),
    .next_deadline_us_o (),
    .pin_id_o           (),
    .pin_bytes_o        ()
  );

  // ---------------------------------------------------------------- what is proved
  logic ever_q;                          // somebody was visited
  always_ff @(posedge clk) ever_q <= !rst && (ever_q || rd_valid);

  `ASSERT(NobodyMissed, !ends || (since_q & ~visited_q) == '0)
  `ASSERT(NeverShort, !ends || !ever_q || visited_q != '0)
  `COVER(LeavesOut, ends && visited_q[0] && visited_q != '1)
  `COVER(TwoBlocks, ends && visited_q[0] && !visited_q[2] && visited_q[Connections-1])

endmodule
