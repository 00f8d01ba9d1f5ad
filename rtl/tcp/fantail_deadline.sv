// SPDX-License-Identifier: Apache-2.0
// When is a connection's next timer due? Combinational, from copies of the owners' state: the sweeper asks, and the
// acknowledge owner asks again with its own state before it acts.
//
//   retransmission  something is outstanding: later of (timer restarted by an ACK, oldest byte sent) + RTO   RFC 6298 5
//   persist         nothing is outstanding, something is queued, and the window is too small to send it      RFC 9293 3.8.6.1
//   keepalive       asked for; nothing to send, and nothing was heard for long                            RFC 9293 3.8.4
//   delayed ACK     data was received that no segment has acknowledged, and none is asked to                 RFC 9293 3.8.6.3
//
// RTO is doubled `backoff` times and capped (RFC 6298 2.5, 5.5).

module fantail_deadline (
  input  fantail_tcp_pkg::ack_t ack_i,
  input  fantail_tcp_pkg::tx_t  tx_i,
  input  logic [31:0]           queued_i,
  input  logic [10:0]           mss_i,
  input  logic [31:0]           rto_max_us_i,
  input  logic [47:0]           now_us_i,
  input  logic [31:0]           now_ms_i,
  input  logic [31:0]           keep_ms_i,
  output logic                  outstanding_o,
  output logic                  persist_o,
  output logic                  due_o,           // retransmission or persist timer
  output logic                  delack_due_o,
  output logic                  keep_due_o,
  output logic                  any_o,           // one of them runs
  output logic [31:0]           left_us_o,       // until the earliest, signed
  output logic [47:0]           since_us_o       // later of last progress and first transmission
);

  logic [31:0] waiting, rto, left, delack_left;
  logic [47:0] backed_off, base, left_long;
  logic        delack, keep, override;
  logic [31:0] keep_left_ms, keep_left, main_left;

  assign outstanding_o = ack_i.alive && (tx_i.max != ack_i.una);
  assign waiting       = queued_i - ack_i.una;
  assign persist_o     = ack_i.alive && !outstanding_o && (waiting != '0) && !waiting[31]
                      && (ack_i.swnd < waiting) && (ack_i.swnd < 32'(mss_i))
                      && ((ack_i.swnd < {1'b0, ack_i.swnd_max[31:1]}) || (ack_i.swnd == '0));
  assign delack        = ack_i.alive && (tx_i.acked != ack_i.rcv_nxt) && (tx_i.ack_seen == ack_i.ack_gen);

  assign base       = (outstanding_o && tx_i.arm_us > ack_i.restart_us) ? tx_i.arm_us : ack_i.restart_us;
  assign since_us_o = (outstanding_o && tx_i.arm_us > ack_i.progress_us) ? tx_i.arm_us : ack_i.progress_us;
  assign backed_off = 48'(ack_i.rto_us) << ack_i.backoff;
  // A window that is small, not closed, is used up after the override timeout (RFC 9293 3.8.6.2.1: 0.1 to 1 s).
  assign override   = persist_o && (ack_i.swnd != '0) && (backed_off > 48'(fantail_tcp_pkg::OverrideUs));
  assign rto        = override ? fantail_tcp_pkg::OverrideUs
                    : backed_off > 48'(rto_max_us_i) ? rto_max_us_i : backed_off[31:0];

  assign left_long    = base + 48'(rto) - now_us_i;
  assign left         = left_long[47] ? '1 : left_long > 48'h7FFF_FFFF ? 32'h7FFF_FFFF : left_long[31:0];  // all ones: past
  assign delack_left  = ack_i.delack_us + fantail_tcp_pkg::DelayedAckUs - now_us_i[31:0];
  assign due_o        = (outstanding_o || persist_o) && ($signed(left) <= 0);
  assign delack_due_o = delack && ($signed(delack_left) <= 0);
  assign keep         = ack_i.alive && (keep_ms_i != '0) && !outstanding_o && !persist_o;
  assign keep_left_ms = keep_ms_i + 32'(ack_i.keeps) * fantail_tcp_pkg::KeepEveryMs - (now_ms_i - ack_i.heard_ms);
  assign keep_due_o   = keep && ($signed(keep_left_ms) <= 0);
  // far away is looked at again after 1,000 s
  assign keep_left    = $signed(keep_left_ms) > 32'sd1_000_000 ? 32'd1_000_000_000
                      : (keep_left_ms << 10) - (keep_left_ms << 4) - (keep_left_ms << 3);

  assign any_o     = outstanding_o || persist_o || delack || keep;
  assign main_left = (outstanding_o || persist_o) ? left : keep ? keep_left : delack_left;
  assign left_us_o = (delack && $signed(delack_left - main_left) < 0) ? delack_left : main_left;

endmodule
