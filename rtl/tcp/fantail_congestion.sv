// SPDX-License-Identifier: Apache-2.0
// Congestion control: slow start, avoidance by bytes, NewReno recovery, limited transmit, timeout, idle restart.
// Combinational: state and what happened in, next state out. No divider: avoidance counts acknowledged bytes.
//
// What happened, at most one of these at a time (idle may come with any of them and is applied first):
//
//   new     acked_i new bytes were acknowledged              RFC 5681 3.1, RFC 6582 3.2
//   dup     a duplicate ACK                                  RFC 5681 3.2, RFC 3042
//   timeout the retransmission timer expired                 RFC 5681 3.1, RFC 6582 3.2
//   idle    nothing was sent for longer than an RTO          RFC 5681 4.1
//
// flight_i is what is outstanding before the event (SND.MAX - SND.UNA), never cwnd (RFC 5681 equation 4).
// Limited transmit needs no state of its own: the transmitter adds min(dup, 2) * MSS to cwnd outside of recovery.

module fantail_congestion (
  input  logic        new_i,
  input  logic        dup_i,
  input  logic        timeout_i,
  input  logic        first_timeout_i,  // of a segment: later ones leave ssthresh alone
  input  logic        idle_i,
  input  logic [31:0] mss_i,            // bytes
  input  logic [31:0] acked_i,
  input  logic [31:0] flight_i,
  input  logic [31:0] una_i,            // before the event
  input  logic [31:0] max_i,            // highest sequence number sent, plus one
  input  logic [31:0] cwnd_i,           // state, bytes
  input  logic [31:0] ssthresh_i,
  input  logic [31:0] acc_i,
  input  logic [1:0]  dup_count_i,
  input  logic        in_rec_i,
  input  logic [31:0] recover_i,
  output logic [31:0] cwnd_o,
  output logic [31:0] ssthresh_o,
  output logic [31:0] acc_o,
  output logic [1:0]  dup_count_o,
  output logic        in_rec_o,
  output logic [31:0] recover_o,
  output logic        retransmit_o,     // the segment at una, once
  output logic        enter_o           // recovery begins
);

  localparam logic [31:0] CwndMax = 32'h1000_0000;

  logic [31:0] flight, two_mss, three_mss, initial_wnd, cwnd, half, target;
  logic [31:0] ack, left, full_exit, deflated, grow, acc_sum;
  logic        full, partial, beyond;

  assign two_mss   = mss_i << 1;
  assign three_mss = two_mss + mss_i;

  fantail_initial_window u_initial (
    .mss_i,
    .window_o (initial_wnd)
  );
  assign cwnd = (idle_i && cwnd_i > initial_wnd) ? initial_wnd : cwnd_i;

  // RFC 5681 equation 4: max(FlightSize / 2, 2 MSS). What limited transmit has sent beyond cwnd does not count (3.2 step 2).
  assign flight = (dup_i && flight_i > cwnd) ? cwnd : flight_i;
  assign half   = {1'b0, flight[31:1]};
  assign target = half > two_mss ? half : two_mss;

  assign ack     = una_i + acked_i;
  assign left    = flight_i - acked_i;                                     // outstanding after the ACK
  assign full    = new_i && in_rec_i && ($signed(ack - recover_i) >= 0);   // RFC 6582 3.2 step 3
  assign partial = new_i && in_rec_i && !full;
  assign beyond  = new_i && ($signed(ack - recover_i) > 0);

  // RFC 6582 3.2 step 3 (1): min(ssthresh, max(FlightSize, MSS) + MSS), against a burst
  always_comb begin
    full_exit = (left > mss_i ? left : mss_i) + mss_i;
    if (full_exit > ssthresh_i) full_exit = ssthresh_i;
  end
  // partial ACK: deflate by what was acknowledged; add back one MSS if that was at least one
  assign deflated = (cwnd > acked_i ? cwnd - acked_i : 32'd0) + ((acked_i >= mss_i || cwnd <= acked_i) ? mss_i : 32'd0);
  assign grow     = acked_i < mss_i ? acked_i : mss_i;                     // RFC 5681 equation 2
  assign acc_sum  = acc_i + acked_i;

  // Three duplicate ACKs, and what is acknowledged lies above `recover` (RFC 6582 3.2 step 2)
  assign enter_o = dup_i && !in_rec_i && (dup_count_i == 2'd2) && ($signed(una_i - recover_i) > 0);

  always_comb begin
    cwnd_o       = cwnd;
    ssthresh_o   = ssthresh_i;
    acc_o        = acc_i;
    dup_count_o  = dup_count_i;
    in_rec_o     = in_rec_i;
    recover_o    = recover_i;
    retransmit_o = 1'b0;
    // Once passed, `recover` follows una at a byte's distance: what is acknowledged lies above it (RFC 6582 3.2
    // step 2) until a loss sets it anew, and the signed difference says so however many bytes go well in between.
    if (beyond) recover_o = ack - 32'd1;
    if (timeout_i) begin
      cwnd_o      = mss_i;                                                 // RFC 5681 3.1: loss window
      acc_o       = '0;
      dup_count_o = '0;
      in_rec_o    = 1'b0;
      recover_o   = max_i;                                                 // RFC 6582 3.2 step 4
      if (first_timeout_i) ssthresh_o = target;
    end else if (new_i) begin
      dup_count_o = '0;
      if (full) begin
        in_rec_o = 1'b0;
        acc_o    = '0;
        cwnd_o   = full_exit;
      end else if (partial) begin                                          // the next hole, stay
        retransmit_o = 1'b1;
        cwnd_o       = deflated;
      end else if (cwnd < ssthresh_i) begin                                // slow start
        cwnd_o = cwnd + grow;
      end else if (acc_sum >= cwnd) begin                                  // avoidance: one MSS per cwnd of bytes
        acc_o  = acc_sum - cwnd;
        cwnd_o = cwnd + mss_i;
      end else begin
        acc_o = acc_sum;
      end
    end else if (dup_i) begin
      if (dup_count_i != 2'd3) dup_count_o = dup_count_i + 2'd1;           // saturates
      if (in_rec_i) begin
        cwnd_o = cwnd + mss_i;                                             // RFC 5681 3.2 step 4: inflate
      end else if (enter_o) begin                                          // steps 2 and 3
        in_rec_o     = 1'b1;
        recover_o    = max_i;
        ssthresh_o   = target;
        cwnd_o       = target + three_mss;
        retransmit_o = 1'b1;
      end
    end
    if (cwnd_o > CwndMax) cwnd_o = CwndMax;
  end

endmodule
