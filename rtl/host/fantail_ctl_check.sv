// SPDX-License-Identifier: Apache-2.0
// What the control unit can refuse: the entry by itself, against the connection it names, and its context.
//
// Contract: combinational. code_o is the smallest code that the entry and the tables of its connection give, ctx_code_o
// the smallest that the context gives. slot_o is slot number k_i of a RECV_RETURN; slot_bad_o says that it is out of
// range or the same as an earlier one of the entry.

module fantail_ctl_check #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int QueuePairs  = 1         // queue pairs
) (
  input  fantail_regs_pkg::entry_t   entry_i,
  input  logic                       control_i,    // on the CONTROL ring
  input  logic [2:0]                 qp_i,         // of the entry
  input  logic                       handle_i,     // names an installed connection
  input  logic                       installed_i,  // tables at the entry's id
  input  logic [15:0]                gen_i,
  input  logic [2:0]                 live_qp_i,
  input  logic [15:0]                groups_i,
  output logic [7:0]                 code_o,
  input  fantail_regs_pkg::context_t ctx_i,
  output logic [7:0]                 ctx_code_o,
  output fantail_pkg::tuple_t        ctx_tuple_o,
  input  logic [3:0]                 k_i,
  input  logic [13*QueuePairs-1:0]   slot_count_i,
  output logic [11:0]                slot_o,
  output logic                       slot_bad_o
);

  localparam logic [15:0] MssMax    = 16'd1460;
  localparam logic [7:0]  WscaleMax = 8'd14;          // RFC 7323 2.3
  localparam logic [31:0] WindowMax = 32'h4000_0000;  // RFC 7323 2.3

  logic         is_install, is_release, unused_ctx;
  logic [7:0]   static_code, live_code;
  logic [191:0] slots;
  logic [15:0]  slot;
  logic         twice;

  // ---------------------------------------------------------------- entry and connection
  fantail_entry_check #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes)
  ) u_check (
    .entry_i,
    .control_i,
    .code_o (static_code)
  );

  assign is_install = entry_i.op == fantail_regs_pkg::OP_CONN_INSTALL;
  assign is_release = entry_i.op == fantail_regs_pkg::OP_CONN_RELEASE;

  always_comb begin
    live_code = fantail_regs_pkg::REFUSE_OK;
    if (handle_i && !(installed_i && gen_i == entry_i.target[31:16]))
      live_code = fantail_regs_pkg::REFUSE_NOT_INSTALLED;
    else if (is_install && installed_i) live_code = fantail_regs_pkg::REFUSE_INSTALLED;
    else if (handle_i && live_qp_i != qp_i) live_code = fantail_regs_pkg::REFUSE_WRONG_QP;
    else if (is_release && groups_i != '0) live_code = fantail_regs_pkg::REFUSE_IN_GROUP;
  end

  // OK is 0: the smaller code of those that are set
  assign code_o = static_code == fantail_regs_pkg::REFUSE_OK
      || (live_code != fantail_regs_pkg::REFUSE_OK && live_code < static_code) ? live_code : static_code;

  // ---------------------------------------------------------------- context
  always_comb begin
    ctx_code_o = fantail_regs_pkg::REFUSE_OK;
    if (ctx_i.rsvd0 != '0 || 32'(ctx_i.mss) < fantail_regs_pkg::MSS_MIN || ctx_i.mss > MssMax
        || ctx_i.snd_wscale > WscaleMax || ctx_i.rcv_wscale > WscaleMax || ctx_i.snd_wnd > WindowMax
        || (ctx_i.keepalive_s != '0 && (ctx_i.keepalive_s < 32'd7200 || ctx_i.keepalive_s > 32'd2_000_000))  // RFC 9293 3.8.4
        || ctx_i.flags[31:3] != '0 || ctx_i.flags[2:1] > fantail_regs_pkg::POLICY_REPORT)
      ctx_code_o = fantail_regs_pkg::REFUSE_CONTEXT;
  end
  assign ctx_tuple_o = {ctx_i.local_ip, ctx_i.remote_ip, ctx_i.local_port, ctx_i.remote_port};
  assign unused_ctx  = ^ctx_i;

  // ---------------------------------------------------------------- slots of RECV_RETURN
  assign slots = {entry_i.arg2, entry_i.arg1, entry_i.arg0};
  assign slot  = 16'(slots >> {k_i, 4'd0});
  logic [12:0] slot_count;
  always_comb begin
    slot_count = '0;
    for (int q = 0; q < QueuePairs; q++) if (qp_i == 3'(q)) slot_count = slot_count_i[13*q +: 13];
    twice = 1'b0;
    for (int j = 0; j < 12; j++) begin
      if (4'(j) < k_i && slots[16*j +: 16] == slot) twice = 1'b1;
    end
  end
  assign slot_o     = slot[11:0];
  assign slot_bad_o = slot >= 16'(slot_count) || twice;

endmodule
