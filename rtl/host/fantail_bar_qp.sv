// SPDX-License-Identifier: Apache-2.0
// One queue pair's register page: rings and slots, moderation, doorbells with their index check, fault state.
//
// Contract
//   wr_en_i    one whole-word write per cycle, takes effect in the next cycle
//   disable_i  never together with wr_en_i
//   rd_en_i    one read per cycle, rd_data_o one cycle later, held until the next
//   enable     a write that raises QP_CTRL.ENABLE takes bases and sizes (outputs hold them until the next such
//              write, whatever is written meanwhile), zeroes both tails and the status head and clears an old
//              fault. Sizes out of range or a misaligned base halt at once with RING_SIZE and qp_enable_o stays
//              low. All other blocks hold this queue pair's heads and status tail at zero while qp_enable_o is
//              low.
//   doorbell   counts only while enabled and not halted, else it is ignored. Both its indices must lie ahead of
//              (or at) the last accepted ones, the tail at most one ring beyond the head, the status head at
//              most at status_tail_i; else the queue pair halts with DOORBELL and the word as FAULT_ADDR, and
//              nothing of the doorbell is taken. Bit 15 of TAIL is not looked at (indices have 15 bits).
//   fault_i    halts with code and address. The first fault stays until ENABLE rises again. halt_o is its pulse.
//   Pulses (db_tail_valid_o, arm_o, halt_o) come together with the new levels.

module fantail_bar_qp #(
  parameter int IncWidth = 16  // bits of a counter increment
) (
  input  logic        clk,
  input  logic        rst,
  // register access
  input  logic        disable_i,     // the device stops: as QP_CTRL.ENABLE written 0
  input  logic        wr_en_i,
  input  logic [11:0] wr_off_i,
  input  logic [31:0] wr_data_i,
  input  logic        rd_en_i,
  input  logic [11:0] rd_off_i,
  output logic [31:0] rd_data_o,
  // configuration
  output logic [63:0] data_base_o,
  output logic [63:0] control_base_o,
  output logic [63:0] status_base_o,
  output logic [63:0] slot_base_o,
  output logic [3:0]  data_log2_o,
  output logic [3:0]  control_log2_o,
  output logic [3:0]  status_log2_o,
  output logic [12:0] slot_count_o,
  output logic [15:0] mod_count_o,
  output logic [31:0] mod_us_o,
  output logic        qp_enable_o,
  output logic        urgent_o,
  output logic        summary_only_o,
  output logic [31:0] local_ip_o,
  // doorbells
  output logic [1:0]  db_tail_valid_o,
  output logic [14:0] data_tail_o,
  output logic [14:0] control_tail_o,
  output logic [14:0] status_head_o,
  output logic        arm_o,
  // state of the queue pair
  input  logic        running_i,     // the queue pair's blocks have come up
  input  logic        closing_i,     // ENABLE fell, and they have not ended
  input  logic [14:0] data_head_i,
  input  logic [14:0] control_head_i,
  input  logic [14:0] status_tail_i,
  input  logic        fault_valid_i,
  input  logic [7:0]  fault_code_i,
  input  logic [63:0] fault_addr_i,
  output logic        halted_o,
  output logic        halt_o,
  input  logic [IncWidth*fantail_regs_pkg::QPCNT_COUNT-1:0] cnt_inc_i
);
  `include "fantail_assert.svh"

  localparam int NumCounters = fantail_regs_pkg::QPCNT_COUNT;
  localparam int CntWordW    = $clog2(NumCounters) + 1;
  localparam logic [11:0] CntBase = fantail_regs_pkg::QPCNT_BASE;
  localparam logic [11:0] CntEnd  = CntBase + 12'(8 * NumCounters);
  // reset values, the word of offset o at bit 8 * o
  localparam logic [32*fantail_regs_pkg::QP_TAB_WORDS-1:0] Reset = fantail_regs_pkg::QP_TAB_RESET;

  // ---------------------------------------------------------------- registers as written
  logic [63:0] data_base_q, control_base_q, status_base_q, slot_base_q;
  logic [3:0]  data_log2_q, control_log2_q, status_log2_q;
  logic [12:0] slot_count_q;
  logic        enable_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      data_base_q    <= '0;
      control_base_q <= '0;
      status_base_q  <= '0;
      slot_base_q    <= '0;
      data_log2_q    <= Reset[8*fantail_regs_pkg::QP_DATA_LOG2 +: 4];
      control_log2_q <= Reset[8*fantail_regs_pkg::QP_CONTROL_LOG2 +: 4];
      status_log2_q  <= Reset[8*fantail_regs_pkg::QP_STATUS_LOG2 +: 4];
      slot_count_q   <= Reset[8*fantail_regs_pkg::QP_SLOT_COUNT +: 13];
      mod_count_o    <= Reset[8*fantail_regs_pkg::QP_MOD_COUNT +: 16];
      mod_us_o       <= Reset[8*fantail_regs_pkg::QP_MOD_US +: 32];
      enable_q       <= 1'b0;
      urgent_o       <= 1'b0;
      summary_only_o <= 1'b0;
      local_ip_o     <= '0;
    end else if (disable_i) begin
      enable_q       <= 1'b0;
    end else if (wr_en_i) begin
      case (wr_off_i)
        fantail_regs_pkg::QP_DATA_BASE:       data_base_q[31:0]     <= wr_data_i;
        fantail_regs_pkg::QP_DATA_BASE_HI:    data_base_q[63:32]    <= wr_data_i;
        fantail_regs_pkg::QP_CONTROL_BASE:    control_base_q[31:0]  <= wr_data_i;
        fantail_regs_pkg::QP_CONTROL_BASE_HI: control_base_q[63:32] <= wr_data_i;
        fantail_regs_pkg::QP_STATUS_BASE:     status_base_q[31:0]   <= wr_data_i;
        fantail_regs_pkg::QP_STATUS_BASE_HI:  status_base_q[63:32]  <= wr_data_i;
        fantail_regs_pkg::QP_SLOT_BASE:       slot_base_q[31:0]     <= wr_data_i;
        fantail_regs_pkg::QP_SLOT_BASE_HI:    slot_base_q[63:32]    <= wr_data_i;
        fantail_regs_pkg::QP_DATA_LOG2:       data_log2_q           <= wr_data_i[3:0];
        fantail_regs_pkg::QP_CONTROL_LOG2:    control_log2_q        <= wr_data_i[3:0];
        fantail_regs_pkg::QP_STATUS_LOG2:     status_log2_q         <= wr_data_i[3:0];
        fantail_regs_pkg::QP_SLOT_COUNT:      slot_count_q          <= wr_data_i[12:0];
        fantail_regs_pkg::QP_MOD_COUNT:       mod_count_o           <= wr_data_i[15:0];
        fantail_regs_pkg::QP_MOD_US:          mod_us_o              <= wr_data_i;
        fantail_regs_pkg::QP_LOCAL_IP:        local_ip_o            <= wr_data_i;
        fantail_regs_pkg::QP_QP_CTRL:         {summary_only_o, urgent_o, enable_q} <= wr_data_i[2:0];
        default: ;  // read-only, doorbells (below) and holes
      endcase
    end
  end

  // ---------------------------------------------------------------- enable: take and check
  logic        wr_ctrl, rise, fall, size_bad;
  logic [63:0] size_addr;

  assign wr_ctrl = wr_en_i && wr_off_i == fantail_regs_pkg::QP_QP_CTRL;
  assign rise    = wr_ctrl && wr_data_i[0] && !enable_q;
  assign fall    = disable_i || (wr_ctrl && !wr_data_i[0]);

  localparam logic [3:0]  Log2Min = fantail_regs_pkg::RING_LOG2_MIN[3:0];
  localparam logic [3:0]  Log2Max = fantail_regs_pkg::RING_LOG2_MAX[3:0];
  localparam logic [12:0] SlotMin = 13'd8;
  localparam logic [12:0] SlotMax = fantail_regs_pkg::SLOT_COUNT_MAX[12:0];

  // The first value out of range, in the order of the registers.
  always_comb begin
    size_bad  = 1'b1;
    size_addr = '0;
    if (data_base_q[5:0] != '0) size_addr = data_base_q;
    else if (control_base_q[5:0] != '0) size_addr = control_base_q;
    else if (status_base_q[5:0] != '0) size_addr = status_base_q;
    else if (slot_base_q[10:0] != '0) size_addr = slot_base_q;
    else if (data_log2_q < Log2Min || data_log2_q > Log2Max) size_addr = 64'(data_log2_q);
    else if (control_log2_q < Log2Min || control_log2_q > Log2Max) size_addr = 64'(control_log2_q);
    else if (status_log2_q < Log2Min || status_log2_q > Log2Max) size_addr = 64'(status_log2_q);
    else if (slot_count_q < SlotMin || slot_count_q > SlotMax) size_addr = 64'(slot_count_q);
    else size_bad = 1'b0;
  end

  // ---------------------------------------------------------------- doorbells
  logic        db_data, db_control, db_valid, db_ok;
  logic [14:0] tail_old, tail_new, head, size, shead_new;

  assign db_data    = wr_off_i == fantail_regs_pkg::QP_DOORBELL_DATA;
  assign db_control = wr_off_i == fantail_regs_pkg::QP_DOORBELL_CONTROL;
  assign db_valid   = wr_en_i && (db_data || db_control) && qp_enable_o && !halted_o;
  assign tail_new   = wr_data_i[14:0];
  assign shead_new  = wr_data_i[30:16];
  assign tail_old   = db_data ? data_tail_o : control_tail_o;
  assign head       = db_data ? data_head_i : control_head_i;
  assign size       = 15'd1 << (db_data ? data_log2_o : control_log2_o);
  // Distances are taken from what the engine has consumed, so that a wrap of the index does not matter.
  assign db_ok      = 15'(tail_new - head) <= size && 15'(tail_new - head) >= 15'(tail_old - head) &&
                      15'(shead_new - status_head_o) <= 15'(status_tail_i - status_head_o);

  logic        halt_d;
  logic [7:0]  fault_code_d, fault_code_q;
  logic [63:0] fault_addr_d, fault_addr_q;

  always_comb begin
    halt_d       = 1'b0;
    fault_code_d = fantail_regs_pkg::FAULT_RING_SIZE;
    fault_addr_d = size_addr;
    if (rise) begin
      halt_d = size_bad;
    end else if (qp_enable_o && !halted_o) begin
      if (fault_valid_i) begin
        halt_d       = 1'b1;
        fault_code_d = fault_code_i;
        fault_addr_d = fault_addr_i;
      end else if (db_valid && !db_ok) begin
        halt_d       = 1'b1;
        fault_code_d = fantail_regs_pkg::FAULT_DOORBELL;
        fault_addr_d = 64'(wr_data_i);
      end
    end
  end

  logic [1:0] moved;  // by this doorbell: bit 0 the DATA tail, bit 1 the CONTROL tail
  logic       db_take;
  logic [2:0] db_count_q;

  assign db_take = db_valid && db_ok && !fault_valid_i;
  assign moved   = {db_control, db_data} & {2{db_take && tail_new != tail_old}};

  always_ff @(posedge clk) begin
    db_tail_valid_o <= moved;
    db_count_q      <= {db_take && moved == 2'b00, moved};
    arm_o           <= db_take && wr_data_i[31];
    halt_o          <= halt_d;
    if (halt_d) begin
      halted_o     <= 1'b1;
      fault_code_q <= fault_code_d;
      fault_addr_q <= fault_addr_d;
    end
    if (db_take) begin
      status_head_o <= shead_new;
      if (db_data) data_tail_o <= tail_new;
      else control_tail_o <= tail_new;
    end
    if (rise) begin
      data_base_o    <= data_base_q;
      control_base_o <= control_base_q;
      status_base_o  <= status_base_q;
      slot_base_o    <= slot_base_q;
      data_log2_o    <= data_log2_q;
      control_log2_o <= control_log2_q;
      status_log2_o  <= status_log2_q;
      slot_count_o   <= slot_count_q;
      qp_enable_o    <= !size_bad;
      if (!size_bad) begin
        halted_o     <= 1'b0;
        fault_code_q <= fantail_regs_pkg::FAULT_NONE;
        fault_addr_q <= '0;
      end
    end
    if (rst || rise || fall) begin
      data_tail_o    <= '0;
      control_tail_o <= '0;
      status_head_o  <= '0;
    end
    if (fall) qp_enable_o <= 1'b0;
    if (rst) begin
      db_tail_valid_o <= '0;
      db_count_q      <= '0;
      arm_o           <= 1'b0;
      halt_o          <= 1'b0;
      halted_o        <= 1'b0;
      fault_code_q    <= fantail_regs_pkg::FAULT_NONE;
      fault_addr_q    <= '0;
      qp_enable_o     <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- counters and reading
  logic        rd_cnt, rd_cnt_q;
  logic [31:0] cnt_rdata, reg_rdata_q;
  logic [CntWordW-1:0] cnt_word;

  assign cnt_word = CntWordW'((rd_off_i - CntBase) >> 2);
  assign rd_cnt  = rd_off_i >= CntBase && rd_off_i < CntEnd;

  // The doorbell counters are this module's own; their slices of cnt_inc_i are not looked at.
  logic [IncWidth*NumCounters-1:0] cnt_inc;
  always_comb begin
    cnt_inc = cnt_inc_i;
    cnt_inc[IncWidth*fantail_regs_pkg::QPCNT_INDEX_DATA_DOORBELLS +: IncWidth]    = IncWidth'(db_count_q[0]);
    cnt_inc[IncWidth*fantail_regs_pkg::QPCNT_INDEX_CONTROL_DOORBELLS +: IncWidth] = IncWidth'(db_count_q[1]);
    cnt_inc[IncWidth*fantail_regs_pkg::QPCNT_INDEX_STATUS_DOORBELLS +: IncWidth]  = IncWidth'(db_count_q[2]);
  end

  fantail_counters #(.Num(NumCounters), .IncWidth(IncWidth)) u_counters (
    .clk, .rst,
    .inc_i      (cnt_inc),
    .re_i       (rd_en_i && rd_cnt),
    .word_i     (cnt_word),
    .alt_i      (1'b0),
    .alt_data_i (64'd0),
    .rdata_o    (cnt_rdata)
  );

  assign rd_data_o = rd_cnt_q ? cnt_rdata : reg_rdata_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      rd_cnt_q    <= 1'b0;
      reg_rdata_q <= '0;
    end else if (rd_en_i) begin
      rd_cnt_q <= rd_cnt;
      case (rd_off_i)
        fantail_regs_pkg::QP_DATA_BASE:       reg_rdata_q <= data_base_q[31:0];
        fantail_regs_pkg::QP_DATA_BASE_HI:    reg_rdata_q <= data_base_q[63:32];
        fantail_regs_pkg::QP_CONTROL_BASE:    reg_rdata_q <= control_base_q[31:0];
        fantail_regs_pkg::QP_CONTROL_BASE_HI: reg_rdata_q <= control_base_q[63:32];
        fantail_regs_pkg::QP_STATUS_BASE:     reg_rdata_q <= status_base_q[31:0];
        fantail_regs_pkg::QP_STATUS_BASE_HI:  reg_rdata_q <= status_base_q[63:32];
        fantail_regs_pkg::QP_SLOT_BASE:       reg_rdata_q <= slot_base_q[31:0];
        fantail_regs_pkg::QP_SLOT_BASE_HI:    reg_rdata_q <= slot_base_q[63:32];
        fantail_regs_pkg::QP_DATA_LOG2:       reg_rdata_q <= 32'(data_log2_q);
        fantail_regs_pkg::QP_CONTROL_LOG2:    reg_rdata_q <= 32'(control_log2_q);
        fantail_regs_pkg::QP_STATUS_LOG2:     reg_rdata_q <= 32'(status_log2_q);
        fantail_regs_pkg::QP_SLOT_COUNT:      reg_rdata_q <= 32'(slot_count_q);
        fantail_regs_pkg::QP_MOD_COUNT:       reg_rdata_q <= 32'(mod_count_o);
        fantail_regs_pkg::QP_MOD_US:          reg_rdata_q <= mod_us_o;
        fantail_regs_pkg::QP_LOCAL_IP:        reg_rdata_q <= local_ip_o;
        fantail_regs_pkg::QP_QP_CTRL:         reg_rdata_q <= 32'({summary_only_o, urgent_o, enable_q});
        fantail_regs_pkg::QP_QP_STATUS:       reg_rdata_q <= 32'({closing_i, halted_o, qp_enable_o && running_i && !halted_o});
        fantail_regs_pkg::QP_FAULT_CODE:      reg_rdata_q <= 32'(fault_code_q);
        fantail_regs_pkg::QP_FAULT_ADDR:      reg_rdata_q <= fault_addr_q[31:0];
        fantail_regs_pkg::QP_FAULT_ADDR_HI:   reg_rdata_q <= fault_addr_q[63:32];
        fantail_regs_pkg::QP_DATA_HEAD:       reg_rdata_q <= 32'(data_head_i);
        fantail_regs_pkg::QP_CONTROL_HEAD:    reg_rdata_q <= 32'(control_head_i);
        fantail_regs_pkg::QP_STATUS_TAIL:     reg_rdata_q <= 32'(status_tail_i);
        default:                              reg_rdata_q <= '0;  // doorbells and holes
      endcase
    end
  end

  `ASSERT(DataHeadBehindTail, !qp_enable_o || halted_o || 15'(data_tail_o - data_head_i) <= 15'd1 << data_log2_o)
  `ASSERT(ControlHeadBehindTail, !qp_enable_o || halted_o ||
          15'(control_tail_o - control_head_i) <= 15'd1 << control_log2_o)
  `ASSERT(OneWriter, !(disable_i && wr_en_i))
  `ASSERT(HaltNeedsCode, !halted_o || fault_code_q != fantail_regs_pkg::FAULT_NONE)

endmodule
