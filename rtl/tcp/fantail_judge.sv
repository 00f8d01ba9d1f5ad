// SPDX-License-Identifier: Apache-2.0
// Judges a received segment against the receive window and the send state. Combinational, no state changes here.
// RFC 9293 3.10.7.4 in its order, with RFC 5961 (RST, SYN, ACK range) and RFC 7323 (timestamps).
//
//   behind           rcv_nxt           rcv_edge
//   ...------------------|-----------------|-----------
//        old bytes       ^ in order   future      beyond
//
// One of these is high for a segment: reset_o, challenge_o, refuse_o, ignore_o, good_o.

module fantail_judge (
  input  logic                  valid_i,        // a segment of a living connection
  input  fantail_pkg::seg_t     seg_i,
  input  fantail_tcp_pkg::ack_t s_i,
  input  logic                  ts_i,           // timestamps agreed
  input  logic [31:0]           max_i,          // highest sequence number sent, plus one
  output logic                  reset_o,        // RST at exactly rcv_nxt                         RFC 5961 3.2
  output logic                  challenge_o,    // a limited ACK, nothing else                    RFC 5961 3.2, 4.2, 5.2
  output logic                  refuse_o,       // not acceptable: an ACK, nothing else           RFC 9293 3.10.7.4, RFC 7323 5.3
  output logic                  ignore_o,       // dropped in silence
  output logic                  good_o,         // receive side, window and acknowledgement count
  output logic                  in_order_o,     // begins at or before rcv_nxt and has something new, or is empty
  output logic [31:0]           old_bytes_o,    // of it received before
  output logic [31:0]           fresh_o,        // payload bytes that are new, when in order
  output logic [31:0]           length_o,       // payload and FIN
  output logic                  is_fin_o
);

  localparam int FlagFin = 0, FlagSyn = 1, FlagRst = 2, FlagAck = 4;

  logic [31:0] off, window, acked;
  logic        behind, beyond, acceptable, paws, in_window, rst, syn, ack_bad;

  assign is_fin_o    = seg_i.flags[FlagFin];
  assign rst         = seg_i.flags[FlagRst];
  assign syn         = seg_i.flags[FlagSyn];
  assign length_o    = 32'(seg_i.pay_len) + 32'(is_fin_o);
  assign off         = seg_i.seq - s_i.rcv_nxt;
  assign window      = s_i.rcv_edge - s_i.rcv_nxt;
  assign behind      = off[31];
  assign old_bytes_o = behind ? -off : '0;
  assign fresh_o     = 32'(seg_i.pay_len) - old_bytes_o;

  // Acceptable: something of it lies in the window; an empty one may stand at rcv_nxt of a closed window.
  assign beyond      = !behind && (off >= window) && (off != '0);
  assign acceptable  = behind ? (old_bytes_o < length_o) : (!beyond && (window != '0 || length_o == '0));
  assign in_order_o  = acceptable && (behind || off == '0);
  assign in_window   = !behind && ((off < window) || (off == 32'd0));

  assign paws        = ts_i && seg_i.has_ts && ($signed(seg_i.ts_val - s_i.ts_recent) < 0);

  // RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT
  assign acked       = seg_i.ack - s_i.una;
  assign ack_bad     = acked[31] ? (-acked > s_i.swnd_max) : (acked > max_i - s_i.una);

  logic no_ts, plain;
  assign no_ts = ts_i && !seg_i.has_ts;                          // RFC 7323 3.2: dropped in silence
  assign plain = valid_i && !rst && !no_ts;

  // What the window does not show as unacceptable is a closed window's own probe: it is refused with an ACK, but its
  // acknowledgement and window still count (RFC 9293 3.10.7.4: "valid ACKs" of a zero window).
  logic probe;
  assign probe = !behind && (window == '0) && (off == '0) && (length_o != '0);

  assign reset_o     = valid_i && rst && (off == '0);
  assign challenge_o = (valid_i && rst && (off != '0) && in_window)
                    || (plain && syn)
                    || (plain && !syn && !paws && (acceptable || probe) && seg_i.flags[FlagAck] && ack_bad);
  assign refuse_o    = plain && !syn && (paws || !(acceptable || probe));
  assign good_o      = plain && !syn && !paws && (acceptable || probe) && seg_i.flags[FlagAck] && !ack_bad;
  assign ignore_o    = valid_i && !reset_o && !challenge_o && !refuse_o && !good_o;

endmodule
