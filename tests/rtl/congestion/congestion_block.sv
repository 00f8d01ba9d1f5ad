// SPDX-License-Identifier: Apache-2.0
// fantail_congestion as the test drives it: state and event in, next state out. No clock.

module congestion_block (
  input  logic        ev_new,
  input  logic        ev_dup,
  input  logic        ev_timeout,
  input  logic        ev_first_timeout,
  input  logic        ev_idle,
  input  logic [31:0] mss,
  input  logic [31:0] acked,
  input  logic [31:0] una,
  input  logic [31:0] max,
  input  logic [31:0] cwnd,
  input  logic [31:0] ssthresh,
  input  logic [31:0] acc,
  input  logic [1:0]  dups,
  input  logic        in_rec,
  input  logic [31:0] recover,
  output logic [31:0] n_cwnd,
  output logic [31:0] n_ssthresh,
  output logic [31:0] n_acc,
  output logic [1:0]  n_dups,
  output logic        n_in_rec,
  output logic [31:0] n_recover,
  output logic        retransmit,
  output logic        enter
);

  fantail_congestion u_congestion (
    .new_i           (ev_new),
    .dup_i           (ev_dup),
    .timeout_i       (ev_timeout),
    .first_timeout_i (ev_first_timeout),
    .idle_i          (ev_idle),
    .mss_i           (mss),
    .acked_i         (acked),
    .flight_i        (max - una),
    .una_i           (una),
    .max_i           (max),
    .cwnd_i          (cwnd),
    .ssthresh_i      (ssthresh),
    .acc_i           (acc),
    .dup_count_i     (dups),
    .in_rec_i        (in_rec),
    .recover_i       (recover),
    .cwnd_o          (n_cwnd),
    .ssthresh_o      (n_ssthresh),
    .acc_o           (n_acc),
    .dup_count_o     (n_dups),
    .in_rec_o        (n_in_rec),
    .recover_o       (n_recover),
    .retransmit_o    (retransmit),
    .enter_o         (enter)
  );

endmodule
