// SPDX-License-Identifier: Apache-2.0
// Reset by register: stop, drain, reset, release.
//
// Contract: start_i (pulse) raises stop_o; when drained_i, rst_o follows for 16 cycles. rst passes through to rst_o.

module fantail_reset (
  input  logic clk,
  input  logic rst,
  input  logic start_i,
  input  logic drained_i,
  output logic stop_o,
  output logic rst_o
);

  logic       stop_q, rst_q;
  logic [3:0] count_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      stop_q  <= 1'b0;
      rst_q   <= 1'b1;
      count_q <= '1;
    end else if (rst_q) begin
      count_q <= count_q - 4'd1;
      if (count_q == '0) rst_q <= 1'b0;
      stop_q <= 1'b0;
    end else begin
      if (start_i) stop_q <= 1'b1;
      if (stop_q && drained_i) begin
        rst_q   <= 1'b1;
        count_q <= '1;
      end
    end
  end

  assign stop_o = stop_q;
  assign rst_o  = rst_q || rst;

endmodule
