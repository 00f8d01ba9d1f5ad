// SPDX-License-Identifier: Apache-2.0
// A table with one writer and several readers: one copy per reader, all written at once, zeroed after reset.
//
// Contract: read ports as fantail_ram_1w1r (one cycle, old word while being written). After reset the table writes
// zeros, one word per cycle; busy_o is high meanwhile and we_i must be low.

module fantail_table #(
  parameter int Width   = 32,  // bits
  parameter int Depth   = 64,  // words
  parameter int Readers = 1    // read ports
) (
  input  logic                             clk,
  input  logic                             rst,
  output logic                             busy_o,
  input  logic                             we_i,
  input  logic [$clog2(Depth)-1:0]         waddr_i,
  input  logic [Width-1:0]                 wdata_i,
  input  logic [Readers-1:0]               re_i,
  input  logic [Readers*$clog2(Depth)-1:0] raddr_i,
  output logic [Readers*Width-1:0]         rdata_o
);
  `include "fantail_assert.svh"

  localparam int AddrW = $clog2(Depth);

  logic             clear_q;
  logic [AddrW-1:0] clear_addr_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      clear_q      <= 1'b1;
      clear_addr_q <= '0;
    end else if (clear_q) begin
      clear_addr_q <= clear_addr_q + 1'b1;
      if (clear_addr_q == AddrW'(Depth - 1)) clear_q <= 1'b0;
    end
  end
  assign busy_o = clear_q;

  for (genvar r = 0; r < Readers; r++) begin : gen_copy
    fantail_ram_1w1r #(
      .Width(Width),
      .Depth(Depth)
    ) u_ram (
      .clk,
      .we_i    (we_i || clear_q),
      .waddr_i (clear_q ? clear_addr_q : waddr_i),
      .wdata_i (clear_q ? '0 : wdata_i),
      .re_i    (re_i[r]),
      .raddr_i (raddr_i[r*AddrW +: AddrW]),
      .rdata_o (rdata_o[r*Width +: Width])
    );
  end

  `REQUIRE(NoWriteWhileClearing, !(we_i && clear_q))

endmodule
