// SPDX-License-Identifier: Apache-2.0
// Initial window, also the most that is left after idle: min(10 MSS, max(2 MSS, 14600)). RFC 6928 2, RFC 5681 4.1.

module fantail_initial_window (
  input  logic [31:0] mss_i,    // bytes
  output logic [31:0] window_o  // bytes
);

  logic [31:0] two, ten, most;

  assign two      = mss_i << 1;
  assign ten      = (mss_i << 3) + two;
  assign most     = two > 32'd14600 ? two : 32'd14600;
  assign window_o = most > ten ? ten : most;

endmodule
