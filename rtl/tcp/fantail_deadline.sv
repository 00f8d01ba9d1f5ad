// SPDX-License-Identifier: Apache-2.0
// When is a connection's next timer due? Combinational, from copies of the owners' state: the sweeper asks, and the
// acknowledge owner asks again with its own state before it acts.
//
//   retransmission  something is outstanding: later of (timer restarted by an ACK, oldest byte sent) + RTO   RFC 6298 5
//   persist         nothing is outstanding, something is queued, and the window is too small to send it      RFC 9293 3.8.6.1
//   delayed ACK     data was received that no segment has acknowledged, and none is asked to                 RFC 9293 3.8.6.3
//
// RTO is doubled `backoff` times and capped (RFC 6298 2.5, 5.5).

module fantail_deadline (
  input  fantail_tcp_pkg::ack_t ack_i,
  input  fantail_tcp_pkg::tx_t  tx_i,
  input  logic [31:0]           queued_i,
  input  logic [10:0]           mss_i,
  input  logic [31:0]           rto_max_us_i,
  input  logic [31:0]           now_us_i,
  output logic                  outstanding_o,
  output logic                  persist_o,
  output logic                  due_o,           // retransmission or persist timer
  output logic                  delack_due_o,
  output logic                  any_o,           // one of the three runs
  output logic [31:0]           left_us_o,       // until the earliest, signed
  output logic [31:0]           since_us_o       // later of last progress and first transmission
);

  logic [31:0] waiting, base, rto, left, delack_left;
  logic [47:0] backed_off;
  logic        delack;

  assign outstanding_o = ack_i.alive && (tx_i.max != ack_i.una);
  assign waiting       = queued_i - ack_i.una;
  assign persist_o     = ack_i.alive && !outstanding_o && (waiting != '0) && !waiting[31]
                      && (ack_i.swnd < waiting) && (ack_i.swnd < 32'(mss_i))
                      && ((ack_i.swnd < {1'b0, ack_i.swnd_max[31:1]}) || (ack_i.swnd == '0));
  assign delack        = ack_i.alive && (tx_i.acked != ack_i.rcv_nxt) && (tx_i.ack_seen == ack_i.ack_gen);

  assign base       = (outstanding_o && $signed(tx_i.arm_us - ack_i.restart_us) > 0) ? tx_i.arm_us : ack_i.restart_us;
  assign since_us_o = (outstanding_o && $signed(tx_i.arm_us - ack_i.progress_us) > 0) ? tx_i.arm_us : ack_i.progress_us;
  assign backed_off = 48'(ack_i.rto_us) << ack_i.backoff;
  assign rto        = backed_off > 48'(rto_max_us_i) ? rto_max_us_i : backed_off[31:0];

  assign left         = base + rto - now_us_i;
  assign delack_left  = ack_i.delack_us + fantail_tcp_pkg::DelayedAckUs - now_us_i;
  assign due_o        = (outstanding_o || persist_o) && ($signed(left) <= 0);
  assign delack_due_o = delack && ($signed(delack_left) <= 0);
  assign any_o        = outstanding_o || persist_o || delack;
  assign left_us_o    = !(outstanding_o || persist_o) ? delack_left
                      : (delack && $signed(delack_left - left) < 0) ? delack_left : left;

endmodule
