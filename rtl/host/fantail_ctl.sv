// SPDX-License-Identifier: Apache-2.0
// Control unit: runs one entry that is not PUBLISH at a time, for both rings in turn.
//
// Contract
//  - s_req: ring r in bit r, slice r (0 DATA, 1 CONTROL); the entry must hold until m_done_valid[r] (one cycle) answers
//    with a REFUSE_ code and, for DMA_READ, the address of the first line that failed. Waiting rings alternate.
//  - A refused entry changes nothing. Codes are found in the order of their numbers, but what needs the context of
//    CONN_INSTALL (DMA_READ, CONTEXT, then TUPLE_EXISTS, FLOW_FULL) comes after what does not.
//  - RECV_RETURN looks at all its slots first (m_slot_check high: answer without effect), then gives them back.
//  - CONN_RELEASE is answered when the engine has let go of the connection (CmdRetire), a few microseconds.
//  - m_cmd, m_flow: one at a time, the next only after the answer.
//  - Frames: read whole, then sent without pause; FRAME_INJECT waits for the lookup's answer.
//  - A connection is live from the end of its install to its release.

module fantail_ctl #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int QueuePairs  = 1         // queue pairs
) (
  input  logic                        clk,
  input  logic                        rst,
  output logic                        busy_o,        // tables are being cleared
  output logic                        idle_o,        // nothing running

  input  logic [1:0]                  s_req_valid,
  output logic [1:0]                  s_req_ready,
  input  logic [1023:0]               s_req_entry,
  output logic [1:0]                  m_done_valid,
  output logic [7:0]                  m_done_code,
  output logic [63:0]                 m_done_addr,

  output logic                        m_dma_valid,
  input  logic                        m_dma_ready,
  output logic [63:0]                 m_dma_addr,
  output logic [10:0]                 m_dma_bytes,
  input  logic                        s_dma_valid,
  input  logic [511:0]                s_dma_data,
  input  logic                        s_dma_last,
  input  logic                        s_dma_err,
  input  logic [63:0]                 s_dma_err_addr,

  output logic                        m_flow_valid,
  input  logic                        m_flow_ready,
  output logic [1:0]                  m_flow_op,
  output fantail_pkg::tuple_t         m_flow_tuple,
  output logic [13:0]                 m_flow_id,
  input  logic                        s_flow_rsp_valid,
  input  logic [1:0]                  s_flow_rsp_code,  // 0 done, 1 exists, 2 full

  output logic                        m_cmd_valid,
  input  logic                        m_cmd_ready,
  output fantail_pkg::cmd_t           m_cmd_data,
  output logic [1023:0]               m_ctx_data,
  input  logic                        s_rsp_valid,
  input  logic                        s_rsp_bit,

  output logic                        m_clear_valid,    // forget the events of m_clear_id (one cycle, at install)
  output logic [13:0]                 m_clear_id,

  input  logic [12:0]                 slot_count_i,
  output logic                        m_slot_valid,
  input  logic                        m_slot_ready,
  output logic [11:0]                 m_slot_data,
  output logic                        m_slot_check,     // only look
  input  logic                        s_slot_rsp_valid,
  input  logic                        s_slot_rsp_ok,    // was handed out
  input  logic [13:0]                 s_slot_rsp_id,
  input  logic [15:0]                 s_slot_rsp_gen,
  input  logic [15:0]                 s_slot_rsp_bytes, // credit to return, 0 for frames

  output logic                        m_htx_valid,
  input  logic                        m_htx_ready,
  output logic [511:0]                m_htx_data,
  output logic [6:0]                  m_htx_bytes,
  output logic                        m_htx_last,
  output logic                        m_inj_valid,
  input  logic                        m_inj_ready,
  output logic [511:0]                m_inj_data,
  output logic [6:0]                  m_inj_bytes,
  output logic                        m_inj_last,
  input  logic                        s_inj_rsp_valid,
  input  logic                        s_inj_rsp_hit,


  output logic                        install_inc_o,
  output logic                        release_inc_o
);
  `include "fantail_assert.svh"

  typedef enum logic [3:0] {
    StIdle,        // wait for an entry
    StRead,        // the connection's tables are being read
    StCheck,       // refuse or begin
    StDma,         // request context or frame
    StData,        // it arrives
    StContext,     // check the context
    StFlow,        // insert or delete the tuple
    StFlowWait,    // its answer
    StCmd,         // command to the connection tables
    StCmdWait,     // its answer
    StFrame,       // send the frame
    StInjectWait,  // was it known
    StSlot,        // ask for a slot, or give it back
    StSlotWait,    // its answer
    StCredit,      // the owner's tables are being read
    StDone         // answer
  } state_e;

  state_e                     st_q, st_d;
  logic                       ring_q, turn_q, commit_q, commit_d;
  logic [511:0]               entry_bits_q;
  fantail_regs_pkg::entry_t   entry;
  fantail_regs_pkg::context_t ctx;
  logic [1023:0]              ctx_q;
  logic                       second_q;      // second beat of the context
  logic [7:0]                 code_q, code_d, entry_code, ctx_code;
  logic [63:0]                addr_q, addr_d;
  logic [3:0]                 k_q, k_d;      // slot of the entry
  logic [13:0]                owner_q;
  logic [15:0]                owner_gen_q, owner_bytes_q;
  logic                       owner_read_q;  // the tables show the slot's owner
  logic                       pick;

  // ---------------------------------------------------------------- intake: rings alternate
  assign pick        = s_req_valid[1] && (turn_q || !s_req_valid[0]);
  assign s_req_ready = st_q == StIdle && !busy_o ? {pick, s_req_valid[0] && !pick} : 2'b00;
  assign entry       = entry_bits_q;
  assign idle_o      = st_q == StIdle && s_req_valid == 2'b00;

  always_ff @(posedge clk) begin
    if (s_req_ready != 2'b00) begin
      entry_bits_q <= s_req_ready[1] ? s_req_entry[1023:512] : s_req_entry[511:0];
      ring_q       <= s_req_ready[1];
    end
    if (rst) turn_q <= 1'b1;
    else if (s_req_ready != 2'b00) turn_q <= s_req_ready[0];
  end

  // ---------------------------------------------------------------- tables
  logic [13:0]         id, table_id;
  logic [15:0]         gen, live_gen, groups;
  logic                live_installed, live_we, groups_we, tuple_we;
  logic [2:0]          live_qp;
  fantail_pkg::tuple_t tuple, ctx_tuple;
  logic                is_install, is_release, is_join, is_leave, is_return, is_tx, is_inject, is_handle;

  assign id         = entry.target[13:0];
  assign gen        = entry.target[31:16];
  assign table_id   = st_q == StCredit ? owner_q : id;
  assign is_install = entry.op == fantail_regs_pkg::OP_CONN_INSTALL;
  assign is_release = entry.op == fantail_regs_pkg::OP_CONN_RELEASE;
  assign is_join    = entry.op == fantail_regs_pkg::OP_GROUP_JOIN;
  assign is_leave   = entry.op == fantail_regs_pkg::OP_GROUP_LEAVE;
  assign is_return  = entry.op == fantail_regs_pkg::OP_RECV_RETURN;
  assign is_tx      = entry.op == fantail_regs_pkg::OP_FRAME_TX;
  assign is_inject  = entry.op == fantail_regs_pkg::OP_FRAME_INJECT;
  assign is_handle  = is_release || is_join || is_leave || entry.op == fantail_regs_pkg::OP_CONN_UPDATE
      || entry.op == fantail_regs_pkg::OP_CONN_QUERY || entry.op == fantail_regs_pkg::OP_CONN_CLOSE
      || entry.op == fantail_regs_pkg::OP_CONN_ABORT;

  fantail_ctl_live #(
    .Connections(Connections),
    .Groups     (Groups)
  ) u_live (
    .clk,
    .rst,
    .busy_o,
    .id_i        (table_id),
    .installed_o (live_installed),
    .gen_o       (live_gen),
    .qp_o        (live_qp),
    .groups_o    (groups),
    .tuple_o     (tuple),
    .live_we_i   (live_we),
    .waddr_i     (id),
    .installed_i (is_install),
    .gen_i       (gen),
    .qp_i        (3'd0),
    .tuple_we_i  (tuple_we),
    .tuple_i     (ctx_tuple),
    .groups_we_i (groups_we),
    .groups_i    (is_join ? groups + 16'd1 : groups - 16'd1)
  );

  // ---------------------------------------------------------------- refusals
  logic [11:0] slot;
  logic        slot_bad;

  assign ctx = ctx_q;

  fantail_ctl_check #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes)
  ) u_check (
    .entry_i     (entry),
    .control_i   (ring_q),
    .handle_i    (is_handle),
    .installed_i (live_installed),
    .gen_i       (live_gen),
    .qp_i        (live_qp),
    .groups_i    (groups),
    .code_o      (entry_code),
    .ctx_i       (ctx),
    .ctx_code_o  (ctx_code),
    .ctx_tuple_o (ctx_tuple),
    .k_i         (k_q),
    .slot_count_i,
    .slot_o      (slot),
    .slot_bad_o  (slot_bad)
  );

  // ---------------------------------------------------------------- state machine
  logic send;

  always_comb begin
    st_d      = st_q;
    code_d    = code_q;
    addr_d    = addr_q;
    k_d       = k_q;
    commit_d  = commit_q;
    live_we   = 1'b0;
    tuple_we  = 1'b0;
    groups_we = 1'b0;
    send      = 1'b0;
    unique case (st_q)
      StIdle: if (s_req_ready != 2'b00) st_d = StRead;
      StRead: begin
        st_d     = StCheck;
        code_d   = fantail_regs_pkg::REFUSE_OK;
        addr_d   = '0;
        k_d      = '0;
        commit_d = 1'b0;
      end
      StCheck: begin
        code_d = entry_code;
        if (code_d != fantail_regs_pkg::REFUSE_OK) st_d = StDone;
        else if (is_install || is_tx || is_inject) st_d = StDma;
        else if (is_release) st_d = StFlow;
        else if (is_return) st_d = StSlot;
        else if (is_handle) st_d = StCmd;
        else st_d = StDone;  // NOP
      end
      StDma: if (m_dma_ready) st_d = StData;
      StData: begin
        if (s_dma_valid && s_dma_last) begin
          st_d = is_install ? StContext : StFrame;
          send = !is_install && !s_dma_err;
          if (s_dma_err) begin
            st_d   = StDone;
            code_d = fantail_regs_pkg::REFUSE_DMA_READ;
            addr_d = s_dma_err_addr;
          end
        end
      end
      StContext: begin
        code_d = ctx_code;
        st_d   = ctx_code == fantail_regs_pkg::REFUSE_OK ? StFlow : StDone;
      end
      StFlow: if (m_flow_ready) st_d = StFlowWait;
      StFlowWait: begin
        if (s_flow_rsp_valid) begin
          st_d = StCmd;
          if (is_release) begin
            live_we = 1'b1;
          end else begin
            tuple_we = s_flow_rsp_code == 2'd0;
            if (s_flow_rsp_code != 2'd0) begin
              st_d   = StDone;
              code_d = s_flow_rsp_code == 2'd1 ? fantail_regs_pkg::REFUSE_TUPLE_EXISTS
                                               : fantail_regs_pkg::REFUSE_FLOW_FULL;
            end
          end
        end
      end
      StCmd: if (m_cmd_ready) st_d = StCmdWait;
      StCmdWait: begin
        if (s_rsp_valid) begin
          st_d      = StDone;
          live_we   = is_install;
          groups_we = (is_join && !s_rsp_bit) || (is_leave && s_rsp_bit);
          if (is_return) begin
            st_d = k_q == entry.len[3:0] ? StDone : StSlot;
          end
        end
      end
      StFrame: if (!send_busy) st_d = is_inject ? StInjectWait : StDone;
      StInjectWait: begin
        if (inj_answered_q) begin
          st_d = StDone;
          if (!inj_hit_q) code_d = fantail_regs_pkg::REFUSE_INJECT_MISSED;
        end
      end
      StSlot: begin
        if (!commit_q && slot_bad) begin
          st_d   = StDone;
          code_d = fantail_regs_pkg::REFUSE_SLOT;
        end else if (m_slot_ready) begin
          st_d = StSlotWait;
        end
      end
      StSlotWait: begin
        if (s_slot_rsp_valid) begin
          k_d = k_q + 4'd1;
          if (commit_q) begin
            st_d = StCredit;
          end else if (!s_slot_rsp_ok) begin
            st_d   = StDone;
            code_d = fantail_regs_pkg::REFUSE_SLOT;
          end else begin
            st_d = StSlot;
            if (k_d == entry.len[3:0]) begin
              k_d      = '0;
              commit_d = 1'b1;
            end
          end
        end
      end
      StCredit: begin
        // a slot of a frame, or of a connection that is gone, returns no credit
        if (owner_read_q) begin
          if (live_installed && live_gen == owner_gen_q && owner_bytes_q != '0) st_d = StCmd;
          else st_d = k_q == entry.len[3:0] ? StDone : StSlot;
        end
      end
      StDone: st_d = StIdle;
      default: st_d = StIdle;
    endcase
  end

  always_ff @(posedge clk) begin
    code_q       <= code_d;
    addr_q       <= addr_d;
    k_q          <= k_d;
    commit_q     <= commit_d;
    owner_read_q <= st_q == StCredit;
    if (s_slot_rsp_valid) begin
      owner_q       <= s_slot_rsp_id;
      owner_gen_q   <= s_slot_rsp_gen;
      owner_bytes_q <= s_slot_rsp_bytes;
    end
    if (st_q == StDma) second_q <= 1'b0;
    else if (s_dma_valid) second_q <= 1'b1;
    if (s_dma_valid && !second_q) ctx_q[511:0] <= s_dma_data;
    if (s_dma_valid && second_q) ctx_q[1023:512] <= s_dma_data;
    if (rst) st_q <= StIdle;
    else st_q <= st_d;
  end

  // ---------------------------------------------------------------- requests
  assign m_dma_valid = st_q == StDma;
  assign m_dma_addr  = entry.addr;
  assign m_dma_bytes = is_install ? 11'(fantail_regs_pkg::CONTEXT_BYTES) : entry.len[10:0];

  assign m_flow_valid = st_q == StFlow;
  assign m_flow_op    = is_install ? fantail_pkg::FlowInsert : fantail_pkg::FlowDelete;
  assign m_flow_tuple = is_install ? ctx_tuple : tuple;
  assign m_flow_id    = id;

  logic [3:0] cmd_op;
  always_comb begin
    case (entry.op)
      fantail_regs_pkg::OP_CONN_INSTALL: cmd_op = fantail_pkg::CmdInstall;
      fantail_regs_pkg::OP_CONN_UPDATE:  cmd_op = fantail_pkg::CmdUpdate;
      fantail_regs_pkg::OP_CONN_CLOSE:   cmd_op = fantail_pkg::CmdClose;
      fantail_regs_pkg::OP_CONN_ABORT:   cmd_op = fantail_pkg::CmdAbort;
      fantail_regs_pkg::OP_CONN_RELEASE: cmd_op = fantail_pkg::CmdRetire;
      fantail_regs_pkg::OP_GROUP_JOIN:   cmd_op = fantail_pkg::CmdJoin;
      fantail_regs_pkg::OP_GROUP_LEAVE:  cmd_op = fantail_pkg::CmdLeave;
      fantail_regs_pkg::OP_RECV_RETURN:  cmd_op = fantail_pkg::CmdCredit;
      default:                           cmd_op = fantail_pkg::CmdQuery;
    endcase
  end
  assign m_cmd_valid = st_q == StCmd;
  assign m_cmd_data  = is_return ? {cmd_op, owner_q, owner_gen_q, 3'd0, 16'd0, 48'd0, owner_bytes_q}
                                 : {cmd_op, id, gen, 3'd0, entry.arg0[15:0], entry.arg1};
  assign m_ctx_data  = ctx_q;

  assign m_clear_valid = tuple_we;
  assign m_clear_id    = id;
  assign install_inc_o = st_q == StCmdWait && s_rsp_valid && is_install;
  assign release_inc_o = st_q == StCmdWait && s_rsp_valid && is_release;

  assign m_slot_valid = st_q == StSlot && (commit_q || !slot_bad);
  assign m_slot_data  = slot;
  assign m_slot_check = !commit_q;

  assign m_done_valid = st_q == StDone ? {ring_q, !ring_q} : 2'b00;
  assign m_done_code  = code_q;
  assign m_done_addr  = addr_q;

  // ---------------------------------------------------------------- frames
  logic send_busy, frame_valid, frame_ready, inj_answered_q, inj_hit_q;

  fantail_ctl_frame u_frame (
    .clk,
    .rst,
    .clear_i (st_q == StDma),
    .s_valid (st_q == StData && s_dma_valid && !is_install),
    .s_data  (s_dma_data),
    .send_i  (send),
    .bytes_i (entry.len[10:0]),
    .m_valid (frame_valid),
    .m_ready (frame_ready),
    .m_data  (m_htx_data),
    .m_bytes (m_htx_bytes),
    .m_last  (m_htx_last),
    .busy_o  (send_busy)
  );

  assign frame_ready = is_inject ? m_inj_ready : m_htx_ready;
  assign m_htx_valid = frame_valid && !is_inject;
  assign m_inj_valid = frame_valid && is_inject;
  assign m_inj_data  = m_htx_data;
  assign m_inj_bytes = m_htx_bytes;
  assign m_inj_last  = m_htx_last;

  always_ff @(posedge clk) begin
    if (s_inj_rsp_valid) inj_hit_q <= s_inj_rsp_hit;
    if (rst || st_q == StDma) inj_answered_q <= 1'b0;
    else if (s_inj_rsp_valid) inj_answered_q <= 1'b1;
  end

  if (QueuePairs != 1) begin : gen_check
    $fatal(1, "fantail_ctl: only one queue pair");
  end

  `ASSERT(SlotStillOurs, !(st_q == StSlotWait && commit_q && s_slot_rsp_valid) || s_slot_rsp_ok)
  `ASSERT(OneAnswer, m_done_valid != 2'b11)

endmodule
