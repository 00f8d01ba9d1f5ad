// SPDX-License-Identifier: Apache-2.0
// Round-trip time and retransmission timeout, RFC 6298 section 2. Combinational.
//
//   first sample   SRTT = R, RTTVAR = R / 2
//   later          RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, with the old SRTT; then SRTT = 7/8 SRTT + 1/8 R
//   always         RTO = SRTT + max(G, 4 RTTVAR), within floor and cap; G, the clock's granularity, is 1 us
//
// srtt is kept times 8 and rttvar times 4, so the fractions cost no precision and 4 RTTVAR is rttvar itself.

module fantail_rtt (
  input  logic [31:0] sample_us_i,
  input  logic        have_i,       // srtt and rttvar are valid
  input  logic [31:0] srtt_i,       // us * 8
  input  logic [31:0] rttvar_i,     // us * 4
  input  logic [31:0] rto_min_us_i,
  input  logic [31:0] rto_max_us_i,
  output logic [31:0] srtt_o,
  output logic [31:0] rttvar_o,
  output logic [31:0] rto_us_o
);

  logic [31:0] err, abs_err, raw;

  assign err      = sample_us_i - (srtt_i >> 3);
  assign abs_err  = err[31] ? -err : err;
  assign rttvar_o = have_i ? rttvar_i - (rttvar_i >> 2) + abs_err : sample_us_i << 1;
  assign srtt_o   = have_i ? srtt_i + err : sample_us_i << 3;
  assign raw      = (srtt_o >> 3) + (rttvar_o == '0 ? 32'd1 : rttvar_o);
  assign rto_us_o = raw < rto_min_us_i ? rto_min_us_i : raw > rto_max_us_i ? rto_max_us_i : raw;

endmodule
