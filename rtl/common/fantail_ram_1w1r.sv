// SPDX-License-Identifier: Apache-2.0
// One write port, one read port, one clock.
//
// Contract: rdata_o shows the word at raddr_i one cycle after re_i and holds it until the next re_i. Reading the
// address that is being written returns the old word (read first), which block RAM and UltraRAM do natively.
// Contents are undefined after power-up and are not reset.

module fantail_ram_1w1r #(
  parameter int Width = 32,  // bits
  parameter int Depth = 64   // words
) (
  input  logic                     clk,
  input  logic                     we_i,
  input  logic [$clog2(Depth)-1:0] waddr_i,
  input  logic [Width-1:0]         wdata_i,
  input  logic                     re_i,
  input  logic [$clog2(Depth)-1:0] raddr_i,
  output logic [Width-1:0]         rdata_o
);

  logic [Width-1:0] mem[Depth];

  always_ff @(posedge clk) begin
    if (re_i) rdata_o <= mem[raddr_i];
    if (we_i) mem[waddr_i] <= wdata_i;
  end

  if (Depth < 2) begin : gen_check
    $fatal(1, "fantail_ram_1w1r: Depth below 2");
  end

endmodule
