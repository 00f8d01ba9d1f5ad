// SPDX-License-Identifier: Apache-2.0
// Carries the control unit's commands to the owners of connection state, one at a time, and owns the parameters
// (par, adr) that only commands change.
//
//   install   par, adr, then sweeper, transmitter, acknowledge owner, and last the enqueue owner: from then on the
//             connection takes data
//   update    parameters; an MSS above 1,448 counts as 1,448 with timestamps, or frames would be too long (install, too)
//   retire    acknowledge owner and enqueue owner first; then two sweeps, so that no pipeline, no sweep and no grace period knows
//             the old generation; then RELEASED
//
// Contract: s_cmd valid/ready; rsp_valid_o pulses when the command has taken effect, rsp_bit_o with join and leave.

module fantail_conn #(
  parameter int Connections = 1024,
  parameter int LogBytes    = 1048576
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,
  output logic                       idle_o,
  input  logic                       s_cmd_valid,
  output logic                       s_cmd_ready,
  input  fantail_pkg::cmd_t          s_cmd_data,
  input  fantail_regs_pkg::context_t s_cmd_ctx,
  output logic                       rsp_valid_o,
  output logic                       rsp_bit_o,
  input  logic                       sweep_i,         // pulse: a sweep is committed
  // par and adr, for the copies of readers
  output logic                       par_we_o,
  output logic                       adr_we_o,
  output logic [13:0]                conn_waddr_o,
  output fantail_tcp_pkg::par_t      par_wdata_o,
  output fantail_tcp_pkg::adr_t      adr_wdata_o,
  // enqueue owner
  output logic                       m_enq_valid,
  input  logic                       m_enq_ready,
  input  logic                       enq_done_i,
  input  logic                       enq_bit_i,
  // transmitter, sweeper
  output logic                       m_tx_valid,
  input  logic                       m_tx_ready,
  output logic                       m_swp_valid,
  input  logic                       m_swp_ready,
  // acknowledge owner
  output logic                       m_ack_valid,
  input  logic                       m_ack_ready,
  output logic [3:0]                 m_ack_kind,
  // the command, for all of them
  output fantail_pkg::cmd_t          cmd_o,
  output fantail_regs_pkg::context_t ctx_o
);

  localparam int IdW = $clog2(Connections);

  typedef enum logic [3:0] {
    Idle,
    Fetch,    // par and adr are being read (update)
    Params,   // par and adr are written
    Sweeper,  // install
    Transmit, // install
    Acknow,   // an event for the acknowledge owner
    Enqueue,  // a command for the enqueue owner
    EnqWait,  // its answer
    Sweep,    // retire: wait for sweeps
    Released, // retire: the last event
    Done
  } state_e;

  state_e      state_q, state_d;
  logic [1:0]  sweeps_q;
  logic        bit_q;
  fantail_pkg::cmd_t          cmd_q;
  fantail_regs_pkg::context_t ctx_q;

  assign cmd_o = cmd_q;
  assign ctx_o = ctx_q;

  logic par_busy, adr_busy;
  logic [fantail_tcp_pkg::ParW-1:0] par_bits;
  logic [fantail_tcp_pkg::AdrW-1:0] adr_bits;
  fantail_tcp_pkg::par_t par_old;
  fantail_tcp_pkg::adr_t adr_old;
  fantail_table #(
    .Width(fantail_tcp_pkg::ParW),
    .Depth(Connections)
  ) u_par (
    .clk, .rst,
    .busy_o  (par_busy),
    .we_i    (par_we_o),
    .waddr_i (conn_waddr_o[IdW-1:0]),
    .wdata_i (par_wdata_o),
    .re_i    (state_q == Fetch),
    .raddr_i (cmd_q.id[IdW-1:0]),
    .rdata_o (par_bits)
  );
  fantail_table #(
    .Width(fantail_tcp_pkg::AdrW),
    .Depth(Connections)
  ) u_adr (
    .clk, .rst,
    .busy_o  (adr_busy),
    .we_i    (adr_we_o),
    .waddr_i (conn_waddr_o[IdW-1:0]),
    .wdata_i (adr_wdata_o),
    .re_i    (state_q == Fetch),
    .raddr_i (cmd_q.id[IdW-1:0]),
    .rdata_o (adr_bits)
  );
  assign par_old = par_bits;
  assign adr_old = adr_bits;
  assign busy_o  = par_busy || adr_busy;

  logic        install, credit_update;
  logic [31:0] lag_value;
  logic [10:0] mss_value, mss_limit;  // a segment with timestamps has 12 bytes less in its frame
  assign install       = cmd_q.op == fantail_pkg::CmdInstall;
  assign credit_update = s_cmd_data.op == fantail_pkg::CmdUpdate && s_cmd_data.arg[7:0] == fantail_regs_pkg::UPDATE_CREDIT;
  assign lag_value     = install ? ctx_q.lag_limit : cmd_q.value[31:0];

  always_comb begin
    conn_waddr_o = cmd_q.id;
    mss_value    = install ? ctx_q.mss[10:0] : cmd_q.value[10:0];
    mss_limit    = (install ? ctx_q.flags[0] : par_old.ts) && mss_value > 11'd1448 ? 11'd1448 : mss_value;
    par_we_o     = state_q == Params;
    adr_we_o     = state_q == Params;
    par_wdata_o  = par_old;
    adr_wdata_o  = adr_old;
    if (install) begin
      par_wdata_o.gen        = cmd_q.gen;
      par_wdata_o.qp         = cmd_q.qp;
      par_wdata_o.policy     = ctx_q.flags[2:1];
      par_wdata_o.lag_limit  = lag_value == '0 ? 32'(LogBytes / 4) : lag_value;
      // 0 is 100 s; the engine's clock of 32 bits in microseconds allows 35 minutes (RFC 9293 3.8.3: at least 100 s)
      par_wdata_o.give_up_us = ctx_q.give_up_ms == '0 ? 32'd100_000_000
                             : ctx_q.give_up_ms > 32'd2_000_000 ? 32'd2_000_000_000
                             : (ctx_q.give_up_ms << 10) - (ctx_q.give_up_ms << 4) - (ctx_q.give_up_ms << 3);
      par_wdata_o.keep_ms    = (ctx_q.keepalive_s << 10) - (ctx_q.keepalive_s << 4) - (ctx_q.keepalive_s << 3);
      par_wdata_o.mss        = mss_limit;
      par_wdata_o.snd_wscale = ctx_q.snd_wscale[3:0];
      par_wdata_o.rcv_wscale = ctx_q.rcv_wscale[3:0];
      par_wdata_o.ts         = ctx_q.flags[0];
      par_wdata_o.rcv_step   = ctx_q.rcv_credit < 32'd2920 ? ctx_q.rcv_credit[11:1] : 11'd1460;
      par_wdata_o.iss        = ctx_q.snd_nxt;
      par_wdata_o.ts_offset  = ctx_q.ts_offset;
      adr_wdata_o.local_mac   = ctx_q.local_mac;
      adr_wdata_o.remote_mac  = ctx_q.remote_mac;
      adr_wdata_o.local_ip    = ctx_q.local_ip;
      adr_wdata_o.remote_ip   = ctx_q.remote_ip;
      adr_wdata_o.local_port  = ctx_q.local_port;
      adr_wdata_o.remote_port = ctx_q.remote_port;
    end else begin
      case (cmd_q.arg[7:0])
        fantail_regs_pkg::UPDATE_MSS:       par_wdata_o.mss = mss_limit;
        fantail_regs_pkg::UPDATE_MAC:       adr_wdata_o.remote_mac = cmd_q.value[47:0];
        fantail_regs_pkg::UPDATE_POLICY:    par_wdata_o.policy = cmd_q.value[1:0];
        fantail_regs_pkg::UPDATE_LAG_LIMIT: par_wdata_o.lag_limit = lag_value == '0 ? 32'(LogBytes / 4) : lag_value;
        default: ;
      endcase
    end
  end

  always_comb begin
    state_d     = state_q;
    s_cmd_ready = 1'b0;
    m_enq_valid = 1'b0;
    m_tx_valid  = 1'b0;
    m_swp_valid = 1'b0;
    m_ack_valid = 1'b0;
    m_ack_kind  = fantail_tcp_pkg::EvQuery;
    unique case (state_q)
      Idle: begin
        s_cmd_ready = !busy_o;
        if (s_cmd_valid && s_cmd_ready) begin
          case (s_cmd_data.op)
            fantail_pkg::CmdInstall: state_d = Params;
            fantail_pkg::CmdUpdate:  state_d = credit_update ? Acknow : Fetch;
            fantail_pkg::CmdClose, fantail_pkg::CmdJoin, fantail_pkg::CmdLeave, fantail_pkg::CmdPurge: state_d = Enqueue;
            default: state_d = Acknow;
          endcase
        end
      end
      Fetch:   state_d = Params;
      Params:  state_d = install ? Sweeper : Done;
      Sweeper: begin
        m_swp_valid = 1'b1;
        if (m_swp_ready) state_d = Transmit;
      end
      Transmit: begin
        m_tx_valid = 1'b1;
        if (m_tx_ready) state_d = Acknow;
      end
      Acknow: begin
        m_ack_valid = 1'b1;
        case (cmd_q.op)
          fantail_pkg::CmdInstall: m_ack_kind = fantail_tcp_pkg::EvInstall;
          fantail_pkg::CmdAbort:   m_ack_kind = fantail_tcp_pkg::EvAbort;
          fantail_pkg::CmdRetire:  m_ack_kind = fantail_tcp_pkg::EvRetire;
          fantail_pkg::CmdQuery:   m_ack_kind = cmd_q.arg[7:0] == fantail_regs_pkg::QUERY_DRAINED ? fantail_tcp_pkg::EvDrain
                                                                                              : fantail_tcp_pkg::EvQuery;
          fantail_pkg::CmdCredit:  m_ack_kind = fantail_tcp_pkg::EvReturn;
          default:                 m_ack_kind = fantail_tcp_pkg::EvCredit;
        endcase
        if (m_ack_ready) state_d = (install || cmd_q.op == fantail_pkg::CmdRetire) ? Enqueue : Done;
      end
      Enqueue: begin
        m_enq_valid = 1'b1;
        if (m_enq_ready) state_d = EnqWait;
      end
      EnqWait: if (enq_done_i) state_d = cmd_q.op == fantail_pkg::CmdRetire ? Sweep : Done;
      Sweep:   if (sweep_i && sweeps_q == 2'd1) state_d = Released;
      Released: begin
        m_ack_valid = 1'b1;
        m_ack_kind  = fantail_tcp_pkg::EvReleased;
        if (m_ack_ready) state_d = Done;
      end
      Done:    state_d = Idle;
      default: state_d = Idle;
    endcase
  end

  always_ff @(posedge clk) begin
    if (s_cmd_valid && s_cmd_ready) begin
      cmd_q <= s_cmd_data;
      ctx_q <= s_cmd_ctx;
    end
    if (state_q == EnqWait) begin
      sweeps_q <= '0;
      bit_q    <= enq_bit_i;
    end else if (state_q == Sweep && sweep_i) begin
      sweeps_q <= sweeps_q + 2'd1;
    end
    if (rst) state_q <= Idle;
    else state_q <= state_d;
  end

  assign rsp_valid_o = state_q == Done;
  assign rsp_bit_o   = bit_q;
  assign idle_o      = (state_q == Idle) && !s_cmd_valid;

endmodule
