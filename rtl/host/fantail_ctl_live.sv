// SPDX-License-Identifier: Apache-2.0
// What the control unit remembers of every connection: is it installed, under which generation and queue pair, in how
// many groups is it, and its tuple.
//
// Contract: tables with one writer (the control unit). Reads take one cycle: what id_i names stands on the outputs in the next cycle. A write is seen by reads that begin after it. busy_o while clearing.

module fantail_ctl_live #(
  parameter int Connections = 1024,  // connections
  parameter int Groups      = 1024   // groups
) (
  input  logic                   clk,
  input  logic                   rst,
  output logic                   busy_o,

  input  logic [13:0]            id_i,
  output logic                   installed_o,
  output logic [15:0]            gen_o,
  output logic [2:0]             qp_o,
  output logic [15:0]            groups_o,     // groups that it is a member of
  output fantail_pkg::tuple_t    tuple_o,

  input  logic                   live_we_i,
  input  logic [13:0]            waddr_i,
  input  logic                   installed_i,
  input  logic [15:0]            gen_i,
  input  logic [2:0]             qp_i,
  input  logic                   tuple_we_i,
  input  fantail_pkg::tuple_t    tuple_i,
  input  logic                   groups_we_i,
  input  logic [15:0]            groups_i
);

  localparam int AddrW  = $clog2(Connections);
  localparam int CountW = $clog2(Groups + 1);

  logic                         live_busy, count_busy;
  logic [CountW-1:0]            count;
  logic                         unused_high;

  fantail_table #(
    .Width  (20),
    .Depth  (Connections),
    .Readers(1)
  ) u_live (
    .clk,
    .rst,
    .busy_o  (live_busy),
    .we_i    (live_we_i),
    .waddr_i (waddr_i[AddrW-1:0]),
    .wdata_i ({installed_i, gen_i, qp_i}),
    .re_i    ('1),
    .raddr_i (id_i[AddrW-1:0]),
    .rdata_o ({installed_o, gen_o, qp_o})
  );

  fantail_table #(
    .Width  (CountW),
    .Depth  (Connections),
    .Readers(1)
  ) u_groups (
    .clk,
    .rst,
    .busy_o  (count_busy),
    .we_i    (groups_we_i),
    .waddr_i (waddr_i[AddrW-1:0]),
    .wdata_i (groups_i[CountW-1:0]),
    .re_i    (1'b1),
    .raddr_i (id_i[AddrW-1:0]),
    .rdata_o (count)
  );

  fantail_ram_1w1r #(
    .Width(96),
    .Depth(Connections)
  ) u_tuple (
    .clk,
    .we_i    (tuple_we_i),
    .waddr_i (waddr_i[AddrW-1:0]),
    .wdata_i (tuple_i),
    .re_i    (1'b1),
    .raddr_i (id_i[AddrW-1:0]),
    .rdata_o (tuple_o)
  );

  assign busy_o   = live_busy || count_busy;
  assign groups_o = 16'(count);


  // the high bits of ids that this build does not have
  assign unused_high = ^{id_i, waddr_i, groups_i};

endmodule
