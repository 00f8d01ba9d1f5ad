// SPDX-License-Identifier: Apache-2.0
// Delivery: does what the ACK stage decided about each frame, in the order of the frames.
//
//   verdict fifo -> Take -> Move (lines to the slot) -> Record -> Event
//                     +---------- drop ----------------------------^
//
// Contract
//   s_verdict   one verdict for every segment the parser gave out, in the same order, VerdictNone ones in between; 16
//               are taken in advance. A drop without events takes one cycle, a frame of n lines n + 3.
//   m_w         lines of the frame to the same place within the slot, whole lines from the one with the first byte on,
//               the last one cut behind the last byte; addr, data, strb, last and lines (of this burst) hold until taken.
//   m_rec       DATA or FRAME record after its last line was taken; word `tail` is zero, the status block fills it in.
//   m_ev        events, and fences, after the record was taken: a connection's last DATA comes before its PEER_FIN or RESET.
//   Data waits for a slot, for it is acknowledged already; it need not when it was accepted under data_ok_o, within six
//   cycles from there to here or sixteen verdicts behind. A frame for the host is dropped and counted when frame_ok is
//   down, or the status ring has no place, or FRAME records hold their share of it (frame_room_i): the ACK stage need not
//   look at it. While its queue pair is disabled everything is dropped.
//   Queue pairs share the order of the frames and nothing else: nothing here waits for a host. So a record finds its place
//   in the status ring: accept_i[q] says that the ACK stage has accepted a payload, reserved_o[q] how many places belong
//   to what is under way; data_ok_o[q] is low while rec_ok_i[q] (fantail_status) is.
//   put_i[q]: a verdict of queue pair q is on its way here; qp_busy_o[q]: one has not passed.
//   Slots: see fantail_slots; s_slot_qp goes with s_slot_data.

module fantail_deliver #(
  parameter int QueuePairs = 1
) (
  input  logic                  clk,
  input  logic                  rst,
  input  logic [QueuePairs-1:0]    qp_enable_i,
  input  logic [64*QueuePairs-1:0] slot_base_i,   // bytes, 2,048-byte aligned
  input  logic [13*QueuePairs-1:0] slot_count_i,
  input  logic [QueuePairs-1:0]    accept_i,
  input  logic [QueuePairs-1:0]    put_i,
  output logic [QueuePairs-1:0]    qp_busy_o,
  input  logic [QueuePairs-1:0]    rec_ok_i,
  output logic [6*QueuePairs-1:0]  reserved_o,
  input  logic                  s_verdict_valid,
  output logic                  s_verdict_ready,
  input  fantail_pkg::verdict_t s_verdict_data,
  input  logic                  hold_valid_i,
  output logic                  hold_re_o,
  output logic [4:0]            hold_line_o,
  input  logic [511:0]          hold_data_i,
  output logic                  hold_pop_o,
  output logic                  m_w_valid,
  input  logic                  m_w_ready,
  output logic [63:0]           m_w_addr,
  output logic [511:0]          m_w_data,
  output logic [63:0]           m_w_strb,
  output logic                  m_w_last,
  output logic [5:0]            m_w_lines,
  output logic [2:0]            m_w_qp,
  output logic                  m_rec_valid,
  input  logic                  m_rec_ready,
  output logic [255:0]          m_rec_data,
  output logic [2:0]            m_rec_qp,
  output logic                  m_ev_valid,
  input  logic                  m_ev_ready,
  output logic [13:0]           m_ev_id,
  output logic [15:0]           m_ev_gen,
  output logic [2:0]            m_ev_qp,
  output logic [15:0]           m_ev_bits,
  output logic [7:0]            m_ev_cause,
  output logic                  m_ev_fence,    // no event, but a fence of m_ev_qp
  input  logic                  s_slot_valid,
  output logic                  s_slot_ready,
  input  logic [11:0]           s_slot_data,
  input  logic                  s_slot_check,
  input  logic [2:0]            s_slot_qp,
  output logic                  slot_rsp_valid_o,
  output logic                  slot_rsp_ok_o,
  output logic [13:0]           slot_rsp_id_o,
  output logic [15:0]           slot_rsp_gen_o,
  output logic [15:0]           slot_rsp_bytes_o,
  input  logic [QueuePairs-1:0] frame_room_i,  // the status ring has room for one more FRAME record
  output logic [QueuePairs-1:0] data_ok_o,
  output logic [QueuePairs-1:0] frame_ok_o,
  output logic [QueuePairs-1:0] running_o,     // slots can be handed out
  output logic                  idle_o,
  output logic                  cnt_rx_to_host_o,
  output logic                  cnt_rx_drop_no_slot_o,
  output fantail_pkg::stage_t   stage_o
);
  `include "fantail_assert.svh"

  fantail_pkg::verdict_t v;                    // oldest verdict
  logic                  v_valid, v_pop;       // taken: done with it
  logic [4:0]            v_level;
  fantail_fifo #(
    .Width(fantail_pkg::VerdictW),
    .Depth(16)
  ) u_verdicts (
    .clk,
    .rst,
    .s_valid (s_verdict_valid),
    .s_ready (s_verdict_ready),
    .s_data  (s_verdict_data),
    .m_valid (v_valid),
    .m_ready (v_pop),
    .m_data  (v),
    .level_o (v_level)
  );

  // ---------------------------------------------------------------- slots and places of each queue pair
  logic                     slot_valid, slot_take, enabled, frame_ok, reserve_frame;
  logic [11:0]              slot;
  logic [63:0]              slot_base;
  logic [QueuePairs-1:0]    slot_valids, slot_ready, slots_data_ok, slots_frame_ok, slots_idle, rsp_valid, rsp_ok;
  logic [12*QueuePairs-1:0] slots;
  logic [14*QueuePairs-1:0] rsp_id;
  logic [16*QueuePairs-1:0] rsp_gen, rsp_bytes;

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_slots
    logic       ours, promise, promise_end, reserve_end;
    logic [4:0] promised_q;                    // verdicts on data that have no slot yet
    logic [5:0] reserved_q;                    // records that will come
    logic [5:0] verdicts_q;                    // verdicts that have not passed

    assign ours        = v.qp == 3'(q);
    assign promise     = s_verdict_valid && s_verdict_ready && s_verdict_data.kind == fantail_pkg::VerdictData
                         && s_verdict_data.qp == 3'(q);
    assign promise_end = v_pop && v.kind == fantail_pkg::VerdictData && ours;
    assign reserve_end = promise_end || (v_pop && moved_q && v.kind == fantail_pkg::VerdictFrame && ours);
    always_ff @(posedge clk) begin
      if (rst) begin
        promised_q <= '0;
        reserved_q <= '0;
        verdicts_q <= '0;
      end else begin
        promised_q <= promised_q + {4'd0, promise} - {4'd0, promise_end};
        reserved_q <= reserved_q + {5'd0, accept_i[q]} + {5'd0, reserve_frame && ours} - {5'd0, reserve_end};
        verdicts_q <= verdicts_q + {5'd0, put_i[q]} - {5'd0, v_pop && ours};
      end
    end
    assign reserved_o[6*q +: 6] = reserved_q;
    assign qp_busy_o[q]         = verdicts_q != '0;

    fantail_slots u_slots (
      .clk,
      .rst,
      .enable_i         (qp_enable_i[q]),
      .slot_count_i     (slot_count_i[13*q +: 13]),
      .promised_i       (promised_q),
      .backlog_i        (v_level >= 5'd12),
      .m_slot_valid     (slot_valids[q]),
      .m_slot           (slots[12*q +: 12]),
      .take_i           (slot_take && ours),
      .take_frame_i     (v.kind == fantail_pkg::VerdictFrame),
      .take_id_i        (v.id),
      .take_gen_i       (v.handle[31:16]),
      .take_bytes_i     ({5'd0, v.pay_len}),
      .s_slot_valid     (s_slot_valid && s_slot_qp == 3'(q)),
      .s_slot_ready     (slot_ready[q]),
      .s_slot_data,
      .s_slot_check,
      .slot_rsp_valid_o (rsp_valid[q]),
      .slot_rsp_ok_o    (rsp_ok[q]),
      .slot_rsp_id_o    (rsp_id[14*q +: 14]),
      .slot_rsp_gen_o   (rsp_gen[16*q +: 16]),
      .slot_rsp_bytes_o (rsp_bytes[16*q +: 16]),
      .data_ok_o        (slots_data_ok[q]),
      .frame_ok_o       (slots_frame_ok[q]),
      .running_o        (running_o[q]),
      .idle_o           (slots_idle[q])
    );
    assign data_ok_o[q]  = slots_data_ok[q] && rec_ok_i[q];
    assign frame_ok_o[q] = slots_frame_ok[q] && rec_ok_i[q] && frame_room_i[q];

    `ASSERT(ReservedIsUnderWay, !reserve_end || reserved_q != '0)
    `ASSERT(VerdictWasPut, !(v_pop && ours) || verdicts_q != '0)
  end

  always_comb begin
    slot_valid       = 1'b0;
    slot             = '0;
    slot_base        = '0;
    enabled          = 1'b0;
    frame_ok         = 1'b0;
    s_slot_ready     = 1'b0;
    slot_rsp_ok_o    = 1'b0;
    slot_rsp_id_o    = '0;
    slot_rsp_gen_o   = '0;
    slot_rsp_bytes_o = '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (v.qp == 3'(q)) begin
        slot_valid = slot_valids[q];
        slot       = slots[12*q +: 12];
        slot_base  = slot_base_i[64*q +: 64];
        enabled    = qp_enable_i[q];
        frame_ok   = frame_ok_o[q];
      end
      if (s_slot_qp == 3'(q)) s_slot_ready = slot_ready[q];
      if (rsp_valid[q]) begin  // one return is under way at most
        slot_rsp_ok_o    = rsp_ok[q];
        slot_rsp_id_o    = rsp_id[14*q +: 14];
        slot_rsp_gen_o   = rsp_gen[16*q +: 16];
        slot_rsp_bytes_o = rsp_bytes[16*q +: 16];
      end
    end
  end
  assign slot_rsp_valid_o = rsp_valid != '0;

  // ---------------------------------------------------------------- what the oldest verdict wants
  localparam logic [1:0] StateTake   = 2'd0;   // wait for a verdict and what it needs
  localparam logic [1:0] StateMove   = 2'd1;   // a line is on hold_data_i
  localparam logic [1:0] StateRecord = 2'd2;
  localparam logic [1:0] StateEvent  = 2'd3;

  logic [1:0]  state_q, state_d;
  logic [4:0]  line_q, line_d;                 // line on hold_data_i
  logic        moved_q;                        // its frame is moved: it has a slot and a place
  logic [63:0] slot_addr_q;                    // address of the slot of the frame being moved
  logic [11:0] slot_q;
  logic        is_frame, is_data, want_slot, no_slot, tells;
  logic [10:0] end_byte;                       // behind the last byte of the frame that goes to the host
  logic [4:0]  first_line, last_line;

  assign tells      = v.ev != '0 || v.fence;
  assign is_frame   = v.kind == fantail_pkg::VerdictFrame;
  assign is_data    = v.kind == fantail_pkg::VerdictData && v.pay_len != '0;
  assign no_slot    = is_frame && !(enabled && frame_ok);
  assign want_slot  = enabled && (is_data || (is_frame && frame_ok));
  assign end_byte   = is_frame ? v.frame_len : v.pay_off + v.pay_len;
  assign first_line = is_frame ? '0 : v.pay_off[10:6];
  assign last_line  = 5'((end_byte - 11'd1) >> 6);

  logic start;                                 // first line is being read
  always_comb begin : control
    state_d               = state_q;
    line_d                = line_q;
    start                 = 1'b0;
    v_pop                 = 1'b0;
    hold_re_o             = 1'b0;
    hold_pop_o            = 1'b0;
    slot_take             = 1'b0;
    cnt_rx_drop_no_slot_o = 1'b0;
    case (state_q)
      StateTake: begin
        line_d = first_line;
        if (v_valid) begin
          if (v.kind == fantail_pkg::VerdictNone) begin
            if (tells) state_d = StateEvent;
            else v_pop = 1'b1;
          end else if (hold_valid_i && !want_slot) begin
            hold_pop_o            = 1'b1;
            cnt_rx_drop_no_slot_o = no_slot;
            if (tells) state_d = StateEvent;
            else v_pop = 1'b1;
          end else if (hold_valid_i && slot_valid) begin
            start     = 1'b1;
            hold_re_o = 1'b1;
            state_d   = StateMove;
          end
        end
      end
      StateMove: begin
        if (m_w_ready) begin
          if (m_w_last) begin
            hold_pop_o = 1'b1;
            // A queue pair that was reset meanwhile has forgotten the slot.
            if (slot_valid && slot == slot_q) state_d = StateRecord;
            else if (tells) state_d = StateEvent;
            else begin
              state_d = StateTake;
              v_pop   = 1'b1;
            end
          end else begin
            hold_re_o = 1'b1;
            line_d    = line_q + 1'b1;
          end
        end
      end
      StateRecord: begin
        if (m_rec_ready) begin
          slot_take = slot_valid && slot == slot_q;
          if (tells) begin
            state_d = StateEvent;
          end else begin
            state_d = StateTake;
            v_pop   = 1'b1;
          end
        end
      end
      default: begin  // StateEvent
        if (m_ev_ready) begin
          state_d = StateTake;
          v_pop   = 1'b1;
        end
      end
    endcase
  end
  assign hold_line_o = line_d;

  always_ff @(posedge clk) begin
    if (rst) state_q <= StateTake;
    else state_q <= state_d;
    line_q <= line_d;
    if (rst || v_pop) moved_q <= 1'b0;
    else if (start) moved_q <= 1'b1;
    if (start) begin
      slot_q      <= slot;
      slot_addr_q <= slot_base + {41'd0, slot, 11'd0};
    end
  end

  // ---------------------------------------------------------------- lines
  assign m_w_valid = state_q == StateMove;
  assign m_w_addr  = slot_addr_q + {53'd0, line_q, 6'd0};
  assign m_w_data  = hold_data_i;
  assign m_w_last  = line_q == last_line;
  assign m_w_lines = {1'b0, last_line} - {1'b0, first_line} + 6'd1;
  assign m_w_qp    = v.qp;
  assign m_w_strb  = m_w_last && end_byte[5:0] != '0 ? (64'd1 << end_byte[5:0]) - 64'd1 : '1;

  // ---------------------------------------------------------------- record
  fantail_regs_pkg::rec_data_t  rec_data;
  fantail_regs_pkg::rec_frame_t rec_frame;
  always_comb begin : record
    rec_data  = '0;
    rec_frame = '0;
    if (state_q == StateRecord) begin
      rec_data.type_   = fantail_regs_pkg::REC_DATA;
      rec_data.slot    = {4'd0, slot_q};
      rec_data.handle  = v.handle;
      rec_data.offset  = {5'd0, v.pay_off};
      rec_data.length  = {5'd0, v.pay_len};
      rec_frame.type_  = fantail_regs_pkg::REC_FRAME;
      rec_frame.reason = v.reason;
      rec_frame.slot   = {4'd0, slot_q};
      rec_frame.length = {5'd0, v.frame_len};
    end
  end
  assign m_rec_valid      = state_q == StateRecord;
  assign m_rec_data       = is_frame ? rec_frame : rec_data;
  assign m_rec_qp         = v.qp;
  assign cnt_rx_to_host_o = m_rec_valid && m_rec_ready && is_frame;

  assign m_ev_valid = state_q == StateEvent;
  assign m_ev_id    = v.id;
  assign m_ev_gen   = v.handle[31:16];
  assign m_ev_qp    = v.qp;
  assign m_ev_bits  = v.ev;
  assign m_ev_cause = v.cause;
  assign m_ev_fence = v.fence;

  assign reserve_frame = start && is_frame;

  logic blocked;
  assign blocked = v_valid && !v_pop && state_d == state_q && !(m_w_valid && m_w_ready);
  assign stage_o = {blocked, v_valid && !blocked};

  assign idle_o = v_level == '0 && state_q == StateTake && slots_idle == '1;

  `ASSERT(BurstInSlot, !m_w_valid || last_line >= first_line)

endmodule
