// SPDX-License-Identifier: Apache-2.0
// Milliseconds from microseconds: a serial divider by 1,000 that runs all the time.
//
// Contract: now_ms_o is now_us_i / 1000 of at most 128 cycles ago, modulo 2^32.

module fantail_ms_clock (
  input  logic        clk,
  input  logic        rst,
  input  logic [63:0] now_us_i,
  output logic [31:0] now_ms_o
);

  logic [63:0] shift_q;
  logic [9:0]  rest_q;
  logic [31:0] quotient_q;
  logic [6:0]  step_q;
  logic [10:0] trial;

  assign trial = {rest_q, shift_q[63]};

  always_ff @(posedge clk) begin
    shift_q    <= shift_q << 1;
    rest_q     <= trial >= 11'd1000 ? 10'(trial - 11'd1000) : trial[9:0];
    quotient_q <= {quotient_q[30:0], trial >= 11'd1000};
    step_q     <= step_q + 7'd1;
    if (step_q == 7'd64) now_ms_o <= quotient_q;
    if (rst || step_q == 7'd64) begin
      shift_q <= now_us_i;
      rest_q  <= '0;
      step_q  <= '0;
    end
    if (rst) now_ms_o <= '0;
  end

endmodule
