// SPDX-License-Identifier: Apache-2.0
// Control unit: runs one entry that is not PUBLISH at a time, for all rings in turn.
//
// Contract
//  - s_req: ring r in bit r, slice r (queue pair q: 2q DATA, 2q+1 CONTROL); the entry must hold until m_done_valid[r] (one
//    cycle) answers with a REFUSE_ code and, for DMA_READ, the address of the first line that failed. Rings take turns.
//  - A connection belongs to the queue pair that installed it. Others are refused (WRONG_QP), and what they inject does not
//    find it (m_inj_qp, m_flow_qp). Slots are those of the entry's queue pair.
//  - A refused entry changes nothing. Codes are found in the order of their numbers, but what needs the context of
//    CONN_INSTALL (DMA_READ, CONTEXT, then TUPLE_EXISTS, FLOW_FULL) comes after what does not.
//  - RECV_RETURN looks at all its slots first (m_slot_check high: answer without effect), then gives them back, unless its
//    queue pair ends in between.
//  - CONN_RELEASE is answered when the engine has let go of the connection (CmdRetire), a few microseconds.
//  - NOP with COLLECT is answered at once; m_collect_valid is a pulse.
//  - s_close: a step of a queue pair's end (fantail_close), held until close_done_o. If connection s_close_id belongs to
//    s_close_qp it is aborted, leaves its groups and is released. Between two steps a waiting ring is served.
//  - m_cmd, m_flow: one at a time, the next only after the answer.
//  - Frames: read whole, then sent without pause; FRAME_INJECT waits for the lookup's answer.
//  - A connection is live from the end of its install to its release. Frames find it when all else of it is installed: before,
//    they go to the host.

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

  input  logic [2*QueuePairs-1:0]     s_req_valid,
  output logic [2*QueuePairs-1:0]     s_req_ready,
  input  logic [1024*QueuePairs-1:0]  s_req_entry,
  output logic [2*QueuePairs-1:0]     m_done_valid,
  output logic [7:0]                  m_done_code,
  output logic [63:0]                 m_done_addr,
  input  logic                        s_close_valid,
  input  logic [2:0]                  s_close_qp,
  input  logic [13:0]                 s_close_id,
  output logic                        close_done_o,  // pulse

  output logic                        m_dma_valid,
  input  logic                        m_dma_ready,
  output logic [63:0]                 m_dma_addr,
  output logic [2:0]                  m_dma_qp,
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
  output logic [2:0]                  m_flow_qp,
  input  logic                        s_flow_rsp_valid,
  input  logic [1:0]                  s_flow_rsp_code,  // 0 done, 1 exists, 2 full

  output logic                        m_cmd_valid,
  input  logic                        m_cmd_ready,
  output fantail_pkg::cmd_t           m_cmd_data,
  output logic [1023:0]               m_ctx_data,
  input  logic                        s_rsp_valid,
  input  logic                        s_rsp_bit,

  output logic                        m_collect_valid,
  output logic [2:0]                  m_collect_qp,

  output logic                        m_clear_valid,    // forget the events of m_clear_id (one cycle, at install)
  output logic [13:0]                 m_clear_id,

  input  logic [13*QueuePairs-1:0]    slot_count_i,
  output logic                        m_slot_valid,
  input  logic                        m_slot_ready,
  output logic [11:0]                 m_slot_data,
  output logic                        m_slot_check,     // only look
  output logic [2:0]                  m_slot_qp,
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
  output logic [2:0]                  m_inj_qp,
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
  logic [3:0]                 ring_q;        // of the entry
  logic [2:0]                 qp;            // its queue pair
  logic                       commit_q, commit_d;
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

  // ---------------------------------------------------------------- intake: rings take turns
  localparam logic [1:0] StepAbort  = 2'd0;
  localparam logic [1:0] StepLeave  = 2'd1;
  localparam logic [1:0] StepRetire = 2'd2;
  localparam logic [1:0] StepEnable = 2'd3;  // of an install: its key can be found
  logic                    close_q;       // a step, not an entry
  logic [1:0]              step_q, step_d;
  logic                    close_turn_q, close_taken;
  logic [2*QueuePairs-1:0] pick;
  logic [3:0]              pick_ring;
  logic                    any, taken;
  logic [511:0]            pick_entry;

  fantail_turn #(
    .Num(2 * QueuePairs)
  ) u_turn (
    .clk,
    .rst,
    .valid_i (s_req_valid),
    .take_i  (taken),
    .pick_o  (pick),
    .index_o (pick_ring),
    .any_o   (any)
  );

  assign close_taken = s_close_valid && (close_turn_q || !any) && st_q == StIdle && !busy_o;
  assign taken       = any && st_q == StIdle && !busy_o && !close_taken;
  assign s_req_ready = taken ? pick : '0;
  assign entry       = entry_bits_q;
  assign qp          = ring_q[3:1];
  assign idle_o      = st_q == StIdle && !any && !s_close_valid;

  fantail_regs_pkg::entry_t release_entry;
  always_comb begin
    release_entry        = '0;
    release_entry.op     = fantail_regs_pkg::OP_CONN_RELEASE;
    release_entry.target = 32'(s_close_id);
    pick_entry           = '0;
    for (int r = 0; r < 2 * QueuePairs; r++) if (pick[r]) pick_entry = pick_entry | s_req_entry[512*r +: 512];
  end

  always_ff @(posedge clk) begin
    if (taken) begin
      entry_bits_q <= pick_entry;
      ring_q       <= pick_ring;
      close_q      <= 1'b0;
    end
    if (close_taken) begin
      entry_bits_q <= release_entry;
      ring_q       <= {s_close_qp, 1'b1};
      close_q      <= 1'b1;
    end
    if (rst) close_turn_q <= 1'b0;
    else if (taken || close_taken) close_turn_q <= taken;
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
    .qp_i        (qp),
    .tuple_we_i  (tuple_we),
    .tuple_i     (ctx_tuple),
    .groups_we_i (groups_we),
    .groups_i    (close_q ? '0 : is_join ? groups + 16'd1 : groups - 16'd1)
  );

  // ---------------------------------------------------------------- refusals
  logic [11:0] slot;
  logic        slot_bad;

  assign ctx = ctx_q;

  fantail_ctl_check #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes),
    .QueuePairs (QueuePairs)
  ) u_check (
    .entry_i     (entry),
    .control_i   (ring_q[0]),
    .qp_i        (qp),
    .handle_i    (is_handle),
    .installed_i (live_installed),
    .gen_i       (live_gen),
    .live_qp_i   (live_qp),
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
    step_d    = step_q;
    live_we   = 1'b0;
    tuple_we  = 1'b0;
    groups_we = 1'b0;
    send      = 1'b0;
    unique case (st_q)
      StIdle: if (taken || close_taken) st_d = StRead;
      StRead: begin
        st_d     = StCheck;
        code_d   = fantail_regs_pkg::REFUSE_OK;
        addr_d   = '0;
        k_d      = '0;
        commit_d = 1'b0;
        step_d   = StepAbort;
      end
      StCheck: begin
        code_d = entry_code;
        if (close_q) st_d = live_installed && live_qp == qp ? StCmd : StDone;
        else if (code_d != fantail_regs_pkg::REFUSE_OK) st_d = StDone;
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
            step_d  = groups != '0 ? StepLeave : StepRetire;
          end else begin
            tuple_we = step_q != StepEnable && s_flow_rsp_code == 2'd0;
            if (step_q == StepEnable) st_d = StDone;
            else if (s_flow_rsp_code != 2'd0) begin
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
          if (is_install) begin
            st_d   = StFlow;
            step_d = StepEnable;
          end
          groups_we = (is_join && !s_rsp_bit) || (is_leave && s_rsp_bit);
          if (is_return) begin
            st_d = k_q == entry.len[3:0] ? StDone : StSlot;
          end
          if (close_q) begin
            groups_we = step_q == StepLeave;
            step_d    = StepRetire;
            if (step_q == StepAbort) st_d = StFlow;
            if (step_q == StepLeave) st_d = StCmd;
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
          if (!s_slot_rsp_ok) begin
            // behind the look: the queue pair has ended, and with it its slots
            st_d   = StDone;
            code_d = commit_q ? code_q : fantail_regs_pkg::REFUSE_SLOT;
          end else if (commit_q) begin
            st_d = StCredit;
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
          if (live_installed && live_gen == owner_gen_q && live_qp == qp && owner_bytes_q != '0) st_d = StCmd;
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
    step_q       <= step_d;
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
  assign m_dma_qp    = qp;
  assign m_dma_bytes = is_install ? 11'(fantail_regs_pkg::CONTEXT_BYTES) : entry.len[10:0];

  assign m_flow_valid = st_q == StFlow;
  assign m_flow_op    = !is_install ? fantail_pkg::FlowDelete
                      : step_q == StepEnable ? fantail_pkg::FlowEnable : fantail_pkg::FlowInsert;
  assign m_flow_tuple = is_install ? ctx_tuple : tuple;
  assign m_flow_id    = id;
  assign m_flow_qp    = qp;

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
    if (close_q && step_q == StepAbort) cmd_op = fantail_pkg::CmdAbort;
    if (close_q && step_q == StepLeave) cmd_op = fantail_pkg::CmdPurge;
  end
  assign m_cmd_valid = st_q == StCmd;
  assign m_cmd_data  = is_return ? {cmd_op, owner_q, owner_gen_q, qp, 16'd0, 48'd0, owner_bytes_q}
                                 : {cmd_op, id, gen, qp, entry.arg0[15:0], entry.arg1};
  assign m_ctx_data  = ctx_q;

  assign m_collect_valid = st_q == StDone && code_q == fantail_regs_pkg::REFUSE_OK && entry.op == fantail_regs_pkg::OP_NOP
      && (entry.flags & fantail_regs_pkg::FLAG_COLLECT) != '0;
  assign m_collect_qp    = qp;

  assign m_clear_valid = tuple_we;
  assign m_clear_id    = id;
  assign install_inc_o = st_q == StCmdWait && s_rsp_valid && is_install;
  assign release_inc_o = st_q == StCmdWait && s_rsp_valid && is_release && (!close_q || step_q == StepRetire);

  assign m_slot_valid = st_q == StSlot && (commit_q || !slot_bad);
  assign m_slot_data  = slot;
  assign m_slot_check = !commit_q;
  assign m_slot_qp    = qp;

  assign close_done_o = st_q == StDone && close_q;
  assign m_done_valid = st_q == StDone && !close_q ? (2*QueuePairs)'(16'd1 << ring_q) : '0;
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
  assign m_inj_qp    = qp;

  always_ff @(posedge clk) begin
    if (s_inj_rsp_valid) inj_hit_q <= s_inj_rsp_hit;
    if (rst || st_q == StDma) inj_answered_q <= 1'b0;
    else if (s_inj_rsp_valid) inj_answered_q <= 1'b1;
  end

  `ASSERT(OneAnswer, (m_done_valid & (m_done_valid - 1'b1)) == '0)

endmodule
