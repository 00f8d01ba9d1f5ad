// SPDX-License-Identifier: Apache-2.0
// Receive slots of one queue pair: which are free, who holds the others.
//
// Contract
//   When enable_i rises, slots 0..slot_count_i-1 become free, one per cycle; slot_count_i is constant while enable_i is
//   high. When it falls, all are forgotten.
//   m_slot_*  the next free slot, held until take_i, which hands it out and notes the owner.
//   s_slot_*  a slot comes back, or with s_slot_check is only looked at; one at a time. slot_rsp_valid_o answers two
//             cycles later, or one more: ok = it is handed out; id, gen and bytes as given with take_i, bytes = 0 for a
//             whole frame (no credit belongs to it).
//   promised_i, backlog_i  verdicts on data that wait in front of delivery; many verdicts of any kind do.
//   data_ok_o, frame_ok_o  one more segment's data, one more frame may be accepted. What the ACK stage accepts before it
//             sees data_ok_o fall finds a slot, so acknowledged data does not wait for the host: up to InFlight segments
//             between its decision and promised_i, with a backlog BacklogMax more. An eighth of the slots is out of
//             reach of data, half of them of frames.

module fantail_slots (
  input  logic        clk,
  input  logic        rst,
  input  logic        enable_i,
  input  logic [12:0] slot_count_i,  // 8..4096
  input  logic [4:0]  promised_i,
  input  logic        backlog_i,
  output logic        m_slot_valid,
  output logic [11:0] m_slot,
  input  logic        take_i,
  input  logic        take_frame_i,
  input  logic [13:0] take_id_i,
  input  logic [15:0] take_gen_i,
  input  logic [15:0] take_bytes_i,
  input  logic        s_slot_valid,
  output logic        s_slot_ready,
  input  logic [11:0] s_slot_data,
  input  logic        s_slot_check,  // only look
  output logic        slot_rsp_valid_o,
  output logic        slot_rsp_ok_o,
  output logic [13:0] slot_rsp_id_o,
  output logic [15:0] slot_rsp_gen_o,
  output logic [15:0] slot_rsp_bytes_o,
  output logic        data_ok_o,
  output logic        frame_ok_o,
  output logic        running_o,     // every slot is in the list
  output logic        idle_o
);
  `include "fantail_assert.svh"

  localparam int Slots  = 4096;              // SLOT_COUNT_MAX
  localparam int OwnerW = 2 + 14 + 16 + 16;  // {handed out, frame, id, gen, bytes}

  localparam logic [1:0] StateOff  = 2'd0;   // nothing is free
  localparam logic [1:0] StateFill = 2'd1;   // every slot becomes free
  localparam logic [1:0] StateRun  = 2'd2;

  localparam logic [1:0] ReturnIdle  = 2'd0;
  localparam logic [1:0] ReturnRead  = 2'd1; // owner is being read
  localparam logic [1:0] ReturnCheck = 2'd2; // owner is there: answer, free; waits while take_i writes

  logic [1:0]        state_q, ret_q;
  logic [11:0]       fill_q, ret_slot_q;
  logic [12:0]       free_q, frames_q;
  logic [OwnerW-1:0] owner;
  logic              ret_check_q;
  logic              fill, ret_done, ret_ok, ret_free, free_ready;
  logic              push, owner_we;
  logic [11:0]       push_slot, owner_addr;
  logic [OwnerW-1:0] owner_new;

  assign fill     = state_q == StateFill;
  assign ret_done = ret_q == ReturnCheck && !take_i && !fill;
  assign ret_ok   = state_q == StateRun && owner[OwnerW-1] && {1'b0, ret_slot_q} < slot_count_i;
  assign ret_free = ret_done && ret_ok && !ret_check_q;

  // Owners: written when a slot is handed out, comes back, or is created.
  always_comb begin : owner_write
    owner_we   = fill || take_i || ret_free;
    owner_addr = ret_slot_q;
    owner_new  = '0;
    if (fill) begin
      owner_addr = fill_q;
    end else if (take_i) begin
      owner_addr = m_slot;
      owner_new  = {1'b1, take_frame_i, take_id_i, take_gen_i, take_frame_i ? 16'd0 : take_bytes_i};
    end
  end
  fantail_ram_1w1r #(
    .Width(OwnerW),
    .Depth(Slots)
  ) u_owner (
    .clk,
    .we_i    (owner_we),
    .waddr_i (owner_addr),
    .wdata_i (owner_new),
    .re_i    (ret_q == ReturnRead),
    .raddr_i (ret_slot_q),
    .rdata_o (owner)
  );

  assign push      = fill || ret_free;
  assign push_slot = fill ? fill_q : ret_slot_q;
  logic list_valid;
  fantail_ram_fifo #(
    .Width(12),
    .Depth(Slots)
  ) u_free (
    .clk,
    .rst     (rst || state_q == StateOff),
    .s_valid (push),
    .s_ready (free_ready),
    .s_data  (push_slot),
    .m_valid (list_valid),
    .m_ready (take_i),
    .m_data  (m_slot)
  );
  assign m_slot_valid = list_valid && state_q == StateRun;

  always_ff @(posedge clk) begin
    if (rst) begin
      state_q <= StateOff;
    end else begin
      case (state_q)
        StateOff:  if (enable_i) state_q <= StateFill;
        StateFill: if (!enable_i) state_q <= StateOff;
                   else if ({1'b0, fill_q} + 13'd1 >= slot_count_i) state_q <= StateRun;
        default:   if (!enable_i) state_q <= StateOff;
      endcase
    end
    fill_q <= fill ? fill_q + 1'b1 : '0;
    if (rst || state_q == StateOff) begin
      free_q   <= '0;
      frames_q <= '0;
    end else begin
      free_q   <= free_q + {12'd0, push} - {12'd0, take_i};
      frames_q <= frames_q + {12'd0, take_i && take_frame_i} - {12'd0, ret_free && owner[OwnerW-2]};
    end
  end

  // Returns.
  assign s_slot_ready = ret_q == ReturnIdle;
  always_ff @(posedge clk) begin
    if (s_slot_valid && s_slot_ready) begin
      ret_slot_q  <= s_slot_data;
      ret_check_q <= s_slot_check;
    end
    if (rst) begin
      ret_q <= ReturnIdle;
    end else begin
      case (ret_q)
        ReturnIdle: if (s_slot_valid) ret_q <= ReturnRead;
        ReturnRead: ret_q <= ReturnCheck;
        default:    if (ret_done) ret_q <= ReturnIdle;
      endcase
    end
  end
  assign slot_rsp_valid_o = ret_done;
  assign slot_rsp_ok_o    = ret_ok;
  assign {slot_rsp_id_o, slot_rsp_gen_o, slot_rsp_bytes_o} = owner[OwnerW-3:0];

  // Room left.
  localparam int InFlight   = 6;             // ACK stage's decision to promised_i, cycles, and one frame
  localparam int BacklogMax = 16;            // verdicts that the ACK stage holds back itself
  logic [12:0] room, frame_min, data_min;
  always_comb begin : limits
    room      = free_q > {8'd0, promised_i} ? free_q - {8'd0, promised_i} : '0;
    frame_min = backlog_i ? 13'(InFlight + BacklogMax) : 13'(InFlight);
    data_min  = frame_min + ((slot_count_i - 13'd8) >> 3);
  end
  always_ff @(posedge clk) begin
    if (rst || state_q != StateRun) begin
      data_ok_o  <= 1'b0;
      frame_ok_o <= 1'b0;
    end else begin
      data_ok_o  <= room > data_min;
      frame_ok_o <= room > frame_min && frames_q < {1'b0, slot_count_i[12:1]};
    end
  end

  assign running_o = state_q == StateRun;
  assign idle_o = ret_q == ReturnIdle && !fill;

  logic unused;
  assign unused = &{1'b0, free_ready};

  `ASSERT(TakeOnlyValid, !take_i || m_slot_valid)
  `ASSERT(FreeListFits, !push || free_ready)
  `ASSERT(FreeWithinCount, state_q != StateRun || free_q <= slot_count_i)

endmodule
