// SPDX-License-Identifier: Apache-2.0
// The end of a queue pair: when ENABLE falls, what it has begun is finished, its connections are aborted and forgotten, and
// nothing of it is left when it may run again, for another host perhaps.
//
//   Open --run_i falls--> Drain: entries with log space, operations, reads
//                         Scan:  every connection of the queue pair, one step of the control unit each
//                         Quiet: verdicts, news and records that still name it
//                         Write: writes to its memory
//                         Off --run_i--> Open
//
// Contract
//  - run_o[q] is what blocks run queue pair q by. It rises only from Off, however early run_i does.
//  - busy_o[q]: not run, and not Off: its memory may be reached, its connections may send.
//  - m_step: {queue pair, id}; held until done_i. Queue pairs are scanned one after the other; between two steps
//    the control unit serves whom it likes (fantail_ctl).
//  - stop_i: the device is being reset, which forgets all without a word to peers: no scan begins.
//  - issued_i, answered_i: bursts of writes since reset, modulo 256; fewer than 128 are under way.

module fantail_close #(
  parameter int Connections = 1024,  // connections
  parameter int QueuePairs  = 1      // queue pairs
) (
  input  logic                  clk,
  input  logic                  rst,
  input  logic [QueuePairs-1:0] run_i,
  output logic [QueuePairs-1:0] run_o,
  output logic [QueuePairs-1:0] busy_o,
  input  logic                  stop_i,
  input  logic [QueuePairs-1:0] drained_i,   // submission has nothing of it
  output logic                  m_step_valid,
  output logic [2:0]            m_step_qp,
  output logic [13:0]           m_step_id,
  input  logic                  done_i,      // pulse: the step was done
  input  logic [QueuePairs-1:0] quiet_i,     // no verdict, news or record of it is under way
  input  logic [7:0]            issued_i,
  input  logic [7:0]            answered_i
);
  `include "fantail_assert.svh"

  localparam logic [2:0] Off   = 3'd0;
  localparam logic [2:0] Open  = 3'd1;
  localparam logic [2:0] Drain = 3'd2;
  localparam logic [2:0] Scan  = 3'd3;
  localparam logic [2:0] Quiet = 3'd4;
  localparam logic [2:0] Write = 3'd5;

  // ---------------------------------------------------------------- one scan at a time
  logic [QueuePairs-1:0] scans, scan_of;
  logic                  scan_q;       // under way, for scan_qp_q
  logic [2:0]            scan_qp_q, first;
  logic [13:0]           id_q;
  logic                  last;

  always_comb begin
    first = '0;
    for (int q = QueuePairs - 1; q >= 0; q--) if (scans[q]) first = 3'(q);
    for (int q = 0; q < QueuePairs; q++) scan_of[q] = scan_q && scan_qp_q == 3'(q);
  end

  assign last         = id_q == 14'(Connections - 1);
  assign m_step_valid = scan_q;
  assign m_step_qp    = scan_qp_q;
  assign m_step_id    = id_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      scan_q <= 1'b0;
    end else if (!scan_q) begin
      scan_q    <= scans != '0;
      scan_qp_q <= first;
      id_q      <= '0;
    end else if (done_i) begin
      scan_q <= !last;
      id_q   <= id_q + 14'd1;
    end
  end

  // ---------------------------------------------------------------- each queue pair
  for (genvar q = 0; q < QueuePairs; q++) begin : gen_qp
    logic [2:0] st_q;
    logic [7:0] mark_q, behind;  // bursts to be answered

    assign behind    = answered_i - mark_q;
    assign scans[q]  = st_q == Scan;
    assign run_o[q]  = st_q == Open && run_i[q];
    assign busy_o[q] = st_q != Off && st_q != Open;

    always_ff @(posedge clk) begin
      if (st_q == Quiet) mark_q <= issued_i;
      if (rst) begin
        st_q <= Off;
      end else begin
        case (st_q)
          Off:     if (run_i[q]) st_q <= Open;
          Open:    if (!run_i[q]) st_q <= Drain;
          Drain:   if (drained_i[q] && !stop_i) st_q <= Scan;
          Scan:    if (scan_of[q] && done_i && last) st_q <= Quiet;
          Quiet:   if (quiet_i[q]) st_q <= Write;
          Write:   if (!behind[7]) st_q <= Off;
          default: st_q <= Off;
        endcase
      end
    end
  end

  `ASSERT(ScansOne, (scan_of & (scan_of - 1'b1)) == '0 && (scan_of & ~scans) == '0)
  `ASSERT(StepAnswered, !done_i || m_step_valid)

endmodule
