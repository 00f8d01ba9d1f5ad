// SPDX-License-Identifier: Apache-2.0
// One write port with lane enables, one read port, one clock. Otherwise as fantail_ram_1w1r.

module fantail_ram_be #(
  parameter int Lanes     = 64,  // lanes of a word
  parameter int LaneWidth = 8,   // bits of a lane
  parameter int Depth     = 64   // words
) (
  input  logic                       clk,
  input  logic [Lanes-1:0]           we_i,
  input  logic [$clog2(Depth)-1:0]   waddr_i,
  input  logic [Lanes*LaneWidth-1:0] wdata_i,
  input  logic                       re_i,
  input  logic [$clog2(Depth)-1:0]   raddr_i,
  output logic [Lanes*LaneWidth-1:0] rdata_o
);

  logic [Lanes*LaneWidth-1:0] mem[Depth];

  always_ff @(posedge clk) begin
    if (re_i) rdata_o <= mem[raddr_i];
    if (we_i != '0) begin
      for (int i = 0; i < Lanes; i++) begin
        if (we_i[i]) mem[waddr_i][i*LaneWidth +: LaneWidth] <= wdata_i[i*LaneWidth +: LaneWidth];
      end
    end
  end

endmodule
