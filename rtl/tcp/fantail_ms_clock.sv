// SPDX-License-Identifier: Apache-2.0
// Milliseconds from microseconds, without a divider.
//
// The clock keeps a millisecond and the microsecond at which it began, and goes on when 1,000 have passed. Time may
// jump: then it catches up by the largest power of two of milliseconds that has surely passed, one step a cycle.
//
// Contract: now_ms_o is floor(now_us_i / 1000) modulo 2^32, one cycle late; after a jump by t milliseconds at most
// 2 * log2(t) cycles late, before anything that the jump sets going can reach a header.

module fantail_ms_clock (
  input  logic        clk,
  input  logic        rst,
  input  logic [63:0] now_us_i,
  output logic [31:0] now_ms_o,
  output logic        behind_o   // not yet there
);
  `include "fantail_assert.svh"

  logic [63:0] begin_us_q, passed;   // since this millisecond began
  logic [5:0]  step;                 // 2^step milliseconds
  logic        behind;
  assign behind_o = behind;

  assign passed = now_us_i - begin_us_q;
  assign behind = passed >= 64'd1000;

  // 1000 * 2^step <= 1024 * 2^step <= passed
  always_comb begin
    step = '0;
    if (behind) begin
      for (int i = 10; i < 64; i++) if (passed[i]) step = 6'(i - 10);
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      begin_us_q <= '0;
      now_ms_o   <= '0;
    end else if (behind) begin
      begin_us_q <= begin_us_q + (64'd1000 << step);
      now_ms_o   <= now_ms_o + (32'd1 << step);
    end
  end

  `ASSERT(NeverAhead, begin_us_q <= now_us_i)

endmodule
