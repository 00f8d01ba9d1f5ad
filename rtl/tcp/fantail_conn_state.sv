// SPDX-License-Identifier: Apache-2.0
// State of the connections: the six tables, each with one writer and a copy for each of its readers.
//
//          written by        read by
//   par    conn              transmit, ack, enqueue, sweep, records
//   adr    conn              transmit
//   enq    enqueue           transmit, ack, sweep, records
//   ack    ack               enqueue, transmit, sweep, records
//   tx     transmit          enqueue, ack, sweep, records
//   swp    sweep             enqueue, gather
//
// Contract: a reader gives an id with rd high; what all its copies held in that cycle comes in the next one, and stays
// until it reads again. What CONN records need (stat) is looked up all the time, two cycles behind its id. After reset
// busy_o is high while the tables are zeroed; nobody writes then.

module fantail_conn_state #(
  parameter int Connections = 1024
) (
  input  logic                     clk,
  input  logic                     rst,
  output logic                     busy_o,
  // writers
  input  logic                     par_we_i,
  input  logic                     adr_we_i,
  input  logic [13:0]              conn_waddr_i,
  input  fantail_tcp_pkg::par_t    par_wdata_i,
  input  fantail_tcp_pkg::adr_t    adr_wdata_i,
  input  logic                     enq_we_i,
  input  logic [13:0]              enq_waddr_i,
  input  fantail_tcp_pkg::enq_t    enq_wdata_i,
  input  logic                     ack_we_i,
  input  logic [13:0]              ack_waddr_i,
  input  fantail_tcp_pkg::ack_t    ack_wdata_i,
  input  logic                     tx_we_i,
  input  logic [13:0]              tx_waddr_i,
  input  fantail_tcp_pkg::tx_t     tx_wdata_i,
  input  logic                     swp_we_i,
  input  logic [13:0]              swp_waddr_i,
  input  fantail_tcp_pkg::swp_t    swp_wdata_i,
  // readers: enqueue
  input  logic                     enq_rd_i,
  input  logic [13:0]              enq_rid_i,
  output fantail_tcp_pkg::par_t    par_at_enq_o,
  output fantail_tcp_pkg::ack_t    ack_at_enq_o,
  output fantail_tcp_pkg::tx_t     tx_at_enq_o,
  output fantail_tcp_pkg::swp_t    swp_at_enq_o,
  // transmit
  input  logic                     tx_rd_i,
  input  logic [13:0]              tx_rid_i,
  output fantail_tcp_pkg::par_t    par_at_tx_o,
  output fantail_tcp_pkg::adr_t    adr_at_tx_o,
  output fantail_tcp_pkg::enq_t    enq_at_tx_o,
  output fantail_tcp_pkg::ack_t    ack_at_tx_o,
  // gather
  input  logic                     gather_rd_i,
  input  logic [13:0]              gather_rid_i,
  output fantail_tcp_pkg::swp_t    swp_at_gather_o,
  // acknowledge
  input  logic                     ack_rd_i,
  input  logic [13:0]              ack_rid_i,
  output fantail_tcp_pkg::par_t    par_at_ack_o,
  output fantail_tcp_pkg::enq_t    enq_at_ack_o,
  output fantail_tcp_pkg::tx_t     tx_at_ack_o,
  // sweep
  input  logic                     swp_rd_i,
  input  logic [13:0]              swp_rid_i,
  output fantail_tcp_pkg::par_t    par_at_swp_o,
  output fantail_tcp_pkg::enq_t    enq_at_swp_o,
  output fantail_tcp_pkg::ack_t    ack_at_swp_o,
  output fantail_tcp_pkg::tx_t     tx_at_swp_o,
  // CONN records
  input  logic [13:0]              stat_id_i,
  output fantail_pkg::conn_stats_t stat_o
);

  localparam int IdW = $clog2(Connections);

  logic [IdW-1:0] enq_rid, tx_rid, gather_rid, ack_rid, swp_rid, stat_rid;
  assign enq_rid    = enq_rid_i[IdW-1:0];
  assign tx_rid     = tx_rid_i[IdW-1:0];
  assign gather_rid = gather_rid_i[IdW-1:0];
  assign ack_rid    = ack_rid_i[IdW-1:0];
  assign swp_rid    = swp_rid_i[IdW-1:0];
  assign stat_rid   = stat_id_i[IdW-1:0];

  fantail_tcp_pkg::par_t par_at_stat;
  fantail_tcp_pkg::enq_t enq_at_stat;
  fantail_tcp_pkg::ack_t ack_at_stat;
  fantail_tcp_pkg::tx_t  tx_at_stat;
  logic busy_par, busy_adr, busy_enq, busy_ack, busy_tx, busy_swp;
  assign busy_o = busy_par || busy_adr || busy_enq || busy_ack || busy_tx || busy_swp;

  fantail_table #(
    .Width(fantail_tcp_pkg::ParW),
    .Depth(Connections),
    .Readers(5)
  ) u_table_par (
    .clk, .rst,
    .busy_o  (busy_par),
    .we_i    (par_we_i),
    .waddr_i (conn_waddr_i[IdW-1:0]),
    .wdata_i (par_wdata_i),
    .re_i    ({1'b1, swp_rd_i, enq_rd_i, ack_rd_i, tx_rd_i}),
    .raddr_i ({stat_rid, swp_rid, enq_rid, ack_rid, tx_rid}),
    .rdata_o ({par_at_stat, par_at_swp_o, par_at_enq_o, par_at_ack_o, par_at_tx_o})
  );

  fantail_table #(
    .Width(fantail_tcp_pkg::AdrW),
    .Depth(Connections),
    .Readers(1)
  ) u_table_adr (
    .clk, .rst,
    .busy_o  (busy_adr),
    .we_i    (adr_we_i),
    .waddr_i (conn_waddr_i[IdW-1:0]),
    .wdata_i (adr_wdata_i),
    .re_i    (tx_rd_i),
    .raddr_i (tx_rid),
    .rdata_o (adr_at_tx_o)
  );

  fantail_table #(
    .Width(fantail_tcp_pkg::EnqW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_enq (
    .clk, .rst,
    .busy_o  (busy_enq),
    .we_i    (enq_we_i),
    .waddr_i (enq_waddr_i[IdW-1:0]),
    .wdata_i (enq_wdata_i),
    .re_i    ({1'b1, swp_rd_i, ack_rd_i, tx_rd_i}),
    .raddr_i ({stat_rid, swp_rid, ack_rid, tx_rid}),
    .rdata_o ({enq_at_stat, enq_at_swp_o, enq_at_ack_o, enq_at_tx_o})
  );

  fantail_table #(
    .Width(fantail_tcp_pkg::AckW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_ack (
    .clk, .rst,
    .busy_o  (busy_ack),
    .we_i    (ack_we_i),
    .waddr_i (ack_waddr_i[IdW-1:0]),
    .wdata_i (ack_wdata_i),
    .re_i    ({1'b1, swp_rd_i, tx_rd_i, enq_rd_i}),
    .raddr_i ({stat_rid, swp_rid, tx_rid, enq_rid}),
    .rdata_o ({ack_at_stat, ack_at_swp_o, ack_at_tx_o, ack_at_enq_o})
  );

  fantail_table #(
    .Width(fantail_tcp_pkg::TxW),
    .Depth(Connections),
    .Readers(4)
  ) u_table_tx (
    .clk, .rst,
    .busy_o  (busy_tx),
    .we_i    (tx_we_i),
    .waddr_i (tx_waddr_i[IdW-1:0]),
    .wdata_i (tx_wdata_i),
    .re_i    ({1'b1, swp_rd_i, ack_rd_i, enq_rd_i}),
    .raddr_i ({stat_rid, swp_rid, ack_rid, enq_rid}),
    .rdata_o ({tx_at_stat, tx_at_swp_o, tx_at_ack_o, tx_at_enq_o})
  );

  fantail_table #(
    .Width(fantail_tcp_pkg::SwpW),
    .Depth(Connections),
    .Readers(2)
  ) u_table_swp (
    .clk, .rst,
    .busy_o  (busy_swp),
    .we_i    (swp_we_i),
    .waddr_i (swp_waddr_i[IdW-1:0]),
    .wdata_i (swp_wdata_i),
    .re_i    ({gather_rd_i, enq_rd_i}),
    .raddr_i ({gather_rid, enq_rid}),
    .rdata_o ({swp_at_gather_o, swp_at_enq_o})
  );

  fantail_pkg::conn_stats_t stat_q;
  always_ff @(posedge clk) begin
    stat_q.installed   <= enq_at_stat.installed;
    stat_q.gen         <= par_at_stat.gen;
    stat_q.qp          <= par_at_stat.qp;
    stat_q.acked       <= ack_at_stat.una - par_at_stat.iss - 32'(ack_at_stat.fin_acked);
    stat_q.queued      <= enq_at_stat.queued - par_at_stat.iss;
    stat_q.retransmits <= tx_at_stat.retransmits;
    stat_q.skipped     <= enq_at_stat.skipped;
  end
  assign stat_o = stat_q;

endmodule
