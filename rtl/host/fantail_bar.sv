// SPDX-License-Identifier: Apache-2.0
// BAR0: AXI4-Lite slave, device page and one page for each queue pair (fantail_bar_qp).
//
// Contract
//   write      AW and W are taken together; one write per cycle at most, in effect in the next cycle. Partial
//              strobes: ignored and counted. Always answered OKAY.
//   read       AR taken to R valid: two cycles; one read in three cycles. Holes and other pages read 0.
//   wide       reading the low word of TIME or of a counter latches its high word (one latch for TIME, one for
//              the counters of each page).
//   reset      rst is the power-on reset. RESET.START pulses dev_reset_o; from then on STATUS.READY is 0, both
//              enables read 0 inside the engine and writes are ignored, until the surrounding has drained DMA,
//              given soft_rst_i for at least one cycle and taken it away; READY then follows ready_i. soft_rst_i
//              resets all registers and counters, but never an AXI transfer in flight.
//   enable     a write that clears CTRL.ENABLE also clears QP_CTRL.ENABLE of every queue pair: a device that runs
//              again begins with empty rings.
//   qp_enable  see fantail_bar_qp. Blocks run a queue pair while enable_o && qp_enable_o[q] && !halted_o[q].
//   counters   cnt_inc_i slice i belongs to counter CNT_INDEX i. The slices of LOG_PEAK, BAD_STROBES and CYCLES,
//              and of the doorbell counters in qp_cnt_inc_i, are not counted: those are kept here.
//   irq_dev_o  one-cycle pulse when a queue pair halts.
// hash_key_o has HASH_KEY0 in its most significant word.

module fantail_bar #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int Extents     = 64,       // extents per connection
  parameter int QueuePairs  = 1,        // queue pairs, 1..8
  parameter int IncWidth    = 16        // bits of a counter increment
) (
  input  logic                      clk,
  input  logic                      rst,
  input  logic                      soft_rst_i,
  // AXI4-Lite
  input  logic [15:0]               s_axil_awaddr,
  input  logic                      s_axil_awvalid,
  output logic                      s_axil_awready,
  input  logic [31:0]               s_axil_wdata,
  input  logic [3:0]                s_axil_wstrb,
  input  logic                      s_axil_wvalid,
  output logic                      s_axil_wready,
  output logic [1:0]                s_axil_bresp,
  output logic                      s_axil_bvalid,
  input  logic                      s_axil_bready,
  input  logic [15:0]               s_axil_araddr,
  input  logic                      s_axil_arvalid,
  output logic                      s_axil_arready,
  output logic [31:0]               s_axil_rdata,
  output logic [1:0]                s_axil_rresp,
  output logic                      s_axil_rvalid,
  input  logic                      s_axil_rready,
  // device configuration
  output logic                      enable_o,
  output logic                      dev_reset_o,
  output logic [31:0]               pin_limit_o,
  output logic [31:0]               pin_us_o,
  output logic [31:0]               rto_min_us_o,
  output logic [31:0]               rto_max_us_o,
  output logic [127:0]              hash_key_o,
  // queue pair configuration, queue pair q in slice q
  output logic [64*QueuePairs-1:0]  data_base_o,
  output logic [64*QueuePairs-1:0]  control_base_o,
  output logic [64*QueuePairs-1:0]  status_base_o,
  output logic [64*QueuePairs-1:0]  slot_base_o,
  output logic [4*QueuePairs-1:0]   data_log2_o,
  output logic [4*QueuePairs-1:0]   control_log2_o,
  output logic [4*QueuePairs-1:0]   status_log2_o,
  output logic [13*QueuePairs-1:0]  slot_count_o,
  output logic [16*QueuePairs-1:0]  mod_count_o,
  output logic [32*QueuePairs-1:0]  mod_us_o,
  output logic [QueuePairs-1:0]     qp_enable_o,
  output logic [QueuePairs-1:0]     urgent_o,
  output logic [QueuePairs-1:0]     summary_only_o,
  output logic [32*QueuePairs-1:0]  local_ip_o,
  // doorbells
  output logic [2*QueuePairs-1:0]   db_tail_valid_o,  // bit 2q: DATA tail moved, 2q+1: CONTROL tail moved
  output logic [15*QueuePairs-1:0]  data_tail_o,
  output logic [15*QueuePairs-1:0]  control_tail_o,
  output logic [15*QueuePairs-1:0]  status_head_o,
  output logic [QueuePairs-1:0]     arm_o,
  // state shown and checked
  input  logic [QueuePairs-1:0]     running_i,        // the queue pair's blocks have come up
  input  logic [QueuePairs-1:0]     closing_i,        // ENABLE fell, and they have not ended
  input  logic [15*QueuePairs-1:0]  data_head_i,
  input  logic [15*QueuePairs-1:0]  control_head_i,
  input  logic [15*QueuePairs-1:0]  status_tail_i,    // records written
  input  logic [QueuePairs-1:0]     fault_valid_i,
  input  logic [8*QueuePairs-1:0]   fault_code_i,
  input  logic [64*QueuePairs-1:0]  fault_addr_i,
  output logic [QueuePairs-1:0]     halted_o,
  output logic                      irq_dev_o,
  input  logic                      ready_i,          // no block is clearing its memories
  input  logic                      idle_i,
  input  logic [63:0]               now_us_i,
  input  logic [13:0]               pin_id_i,
  input  logic [31:0]               pin_bytes_i,
  input  logic [31:0]               cnt_log_peak_i,
  input  logic [IncWidth*fantail_regs_pkg::CNT_STAGES-1:0]             cnt_inc_i,
  input  logic [2*fantail_regs_pkg::STAGE_COUNT-1:0]                   stage_i,   // see fantail_stages
  input  logic [IncWidth*fantail_regs_pkg::QPCNT_COUNT*QueuePairs-1:0] qp_cnt_inc_i
);
  `include "fantail_assert.svh"

  localparam int NumCounters   = fantail_regs_pkg::CNT_STAGES;  // those of stages come behind them
  localparam int NumStages     = fantail_regs_pkg::STAGE_COUNT;
  localparam int NumQpCounters = fantail_regs_pkg::QPCNT_COUNT;
  localparam int CntWordW      = $clog2(NumCounters) + 1;
  localparam logic [11:0] CntBase = fantail_regs_pkg::CNT_BASE;
  localparam logic [11:0] CntEnd  = CntBase + 12'(8 * fantail_regs_pkg::CNT_COUNT);
  localparam logic [11:0] CntStages = CntBase + 12'(8 * NumCounters);
  // reset values, the word of offset o at bit 8 * o
  localparam logic [32*fantail_regs_pkg::REG_TAB_WORDS-1:0] Reset = fantail_regs_pkg::REG_TAB_RESET;

  // ---------------------------------------------------------------- AXI4-Lite
  logic        wr_take, wr_ok, wr_bad, rd_take, resetting_q, page_rst;
  logic        rd_valid_q;               // a page answers in this cycle
  logic [3:0]  rd_page_q;
  logic [11:0] wr_off, rd_off;
  logic [32*QueuePairs-1:0] qp_rdata;
  logic [31:0] dev_rdata, sel_rdata;

  assign page_rst       = rst || soft_rst_i;
  assign wr_take        = s_axil_awvalid && s_axil_wvalid && (!s_axil_bvalid || s_axil_bready);
  assign wr_bad         = wr_take && s_axil_wstrb != 4'hF;
  assign wr_ok          = wr_take && s_axil_wstrb == 4'hF && !resetting_q;
  assign s_axil_awready = wr_take;
  assign s_axil_wready  = wr_take;
  assign s_axil_bresp   = 2'b00;
  assign rd_take        = s_axil_arvalid && !rd_valid_q && (!s_axil_rvalid || s_axil_rready);
  assign s_axil_arready = rd_take;
  assign s_axil_rresp   = 2'b00;
  // Accesses are words: the two lowest address bits do not count.
  assign wr_off         = {s_axil_awaddr[11:2], 2'b00};
  assign rd_off         = {s_axil_araddr[11:2], 2'b00};

  always_comb begin
    sel_rdata = rd_page_q == 4'd0 ? dev_rdata : '0;
    for (int q = 0; q < QueuePairs; q++) begin
      if (rd_page_q == 4'(q + 1)) sel_rdata = qp_rdata[32*q +: 32];
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
      rd_valid_q    <= 1'b0;
    end else begin
      if (wr_take) s_axil_bvalid <= 1'b1;
      else if (s_axil_bready) s_axil_bvalid <= 1'b0;
      rd_valid_q <= rd_take;
      if (rd_valid_q) s_axil_rvalid <= 1'b1;
      else if (s_axil_rready) s_axil_rvalid <= 1'b0;
    end
    if (rd_take) rd_page_q <= s_axil_araddr[15:12];
    if (rd_valid_q) s_axil_rdata <= sel_rdata;
  end

  // ---------------------------------------------------------------- device page: writes
  logic ctrl_enable_q, wr_dev, dev_off;

  assign wr_dev   = wr_ok && s_axil_awaddr[15:12] == 4'd0;
  assign dev_off  = resetting_q || (wr_dev && wr_off == fantail_regs_pkg::REG_CTRL && !s_axil_wdata[0]);
  assign enable_o = ctrl_enable_q && !resetting_q;

  always_ff @(posedge clk) begin
    dev_reset_o <= 1'b0;
    if (page_rst) begin
      ctrl_enable_q <= 1'b0;
      resetting_q   <= 1'b0;
      pin_limit_o   <= 32'(LogBytes / 4 * 3);
      pin_us_o      <= Reset[8*fantail_regs_pkg::REG_PIN_US +: 32];
      rto_min_us_o  <= Reset[8*fantail_regs_pkg::REG_RTO_MIN_US +: 32];
      rto_max_us_o  <= Reset[8*fantail_regs_pkg::REG_RTO_MAX_US +: 32];
      hash_key_o    <= {Reset[8*fantail_regs_pkg::REG_HASH_KEY0 +: 32], Reset[8*fantail_regs_pkg::REG_HASH_KEY1 +: 32],
                        Reset[8*fantail_regs_pkg::REG_HASH_KEY2 +: 32], Reset[8*fantail_regs_pkg::REG_HASH_KEY3 +: 32]};
    end else if (wr_dev) begin
      case (wr_off)
        fantail_regs_pkg::REG_CTRL:       ctrl_enable_q      <= s_axil_wdata[0];
        fantail_regs_pkg::REG_PIN_LIMIT:  pin_limit_o        <= s_axil_wdata;
        fantail_regs_pkg::REG_PIN_US:     pin_us_o           <= s_axil_wdata;
        fantail_regs_pkg::REG_RTO_MIN_US: rto_min_us_o       <= s_axil_wdata;
        fantail_regs_pkg::REG_RTO_MAX_US: rto_max_us_o       <= s_axil_wdata;
        fantail_regs_pkg::REG_HASH_KEY0:  hash_key_o[127:96] <= s_axil_wdata;
        fantail_regs_pkg::REG_HASH_KEY1:  hash_key_o[95:64]  <= s_axil_wdata;
        fantail_regs_pkg::REG_HASH_KEY2:  hash_key_o[63:32]  <= s_axil_wdata;
        fantail_regs_pkg::REG_HASH_KEY3:  hash_key_o[31:0]   <= s_axil_wdata;
        fantail_regs_pkg::REG_RESET: begin
          dev_reset_o <= s_axil_wdata[0];
          resetting_q <= s_axil_wdata[0];
        end
        default: ;  // read-only and holes
      endcase
    end
  end

  // ---------------------------------------------------------------- device page: reads
  logic        rd_dev, rd_cnt, rd_cnt_q, cnt_alt;
  logic [CntWordW-1:0] cnt_word;
  logic [31:0] cnt_rdata, reg_rdata_q, time_hi_q;
  logic [63:0] cnt_alt_data, cycles_q, bad_strobes_q, stage_count;

  assign rd_dev  = rd_take && s_axil_araddr[15:12] == 4'd0;
  assign rd_cnt  = rd_off >= CntBase && rd_off < CntEnd;
  assign cnt_word = CntWordW'((rd_off - CntBase) >> 2);

  // Some entries of the counter table live elsewhere: a gauge, and those that would keep the others awake.
  always_comb begin
    cnt_alt      = 1'b1;
    cnt_alt_data = 64'(cnt_log_peak_i);
    case ({rd_off[11:3], 3'b000})
      fantail_regs_pkg::CNT_LOG_PEAK:    cnt_alt_data = 64'(cnt_log_peak_i);
      fantail_regs_pkg::CNT_BAD_STROBES: cnt_alt_data = bad_strobes_q;
      fantail_regs_pkg::CNT_CYCLES:      cnt_alt_data = cycles_q;
      default: begin
        cnt_alt      = rd_off >= CntStages;
        cnt_alt_data = stage_count;
      end
    endcase
  end

  always_ff @(posedge clk) begin
    if (page_rst) begin
      cycles_q      <= '0;
      bad_strobes_q <= '0;
    end else begin
      cycles_q <= cycles_q + 64'd1;
      if (wr_bad) bad_strobes_q <= bad_strobes_q + 64'd1;
    end
  end

  fantail_stages #(.Num(NumStages)) u_stages (
    .clk,
    .rst     (page_rst),
    .stage_i,
    .index_i ($clog2(2 * NumStages)'((rd_off - CntStages) >> 3)),
    .count_o (stage_count)
  );

  fantail_counters #(.Num(NumCounters), .IncWidth(IncWidth)) u_counters (
    .clk,
    .rst        (page_rst),
    .inc_i      (cnt_inc_i),
    .re_i       (rd_dev && rd_cnt),
    .word_i     (cnt_word),
    .alt_i      (cnt_alt),
    .alt_data_i (cnt_alt_data),
    .rdata_o    (cnt_rdata)
  );

  assign dev_rdata = rd_cnt_q ? cnt_rdata : reg_rdata_q;

  always_ff @(posedge clk) begin
    if (page_rst) time_hi_q <= '0;
    else if (rd_dev && rd_off == fantail_regs_pkg::REG_TIME) time_hi_q <= now_us_i[63:32];
    if (rd_dev) begin
      rd_cnt_q <= rd_cnt;
      case (rd_off)
        fantail_regs_pkg::REG_ID:                reg_rdata_q <= fantail_regs_pkg::ID_VALUE;
        fantail_regs_pkg::REG_VERSION:           reg_rdata_q <= Reset[8*fantail_regs_pkg::REG_VERSION +: 32];
        fantail_regs_pkg::REG_CTRL:              reg_rdata_q <= 32'(ctrl_enable_q);
        fantail_regs_pkg::REG_STATUS:            reg_rdata_q <= 32'({idle_i, |halted_o,
                                                                     ready_i && !resetting_q && !soft_rst_i});
        fantail_regs_pkg::REG_LIMIT_CONNECTIONS: reg_rdata_q <= 32'(Connections);
        fantail_regs_pkg::REG_LIMIT_GROUPS:      reg_rdata_q <= 32'(Groups);
        fantail_regs_pkg::REG_LIMIT_LOG_BYTES:   reg_rdata_q <= 32'(LogBytes);
        fantail_regs_pkg::REG_LIMIT_EXTENTS:     reg_rdata_q <= 32'(Extents);
        fantail_regs_pkg::REG_LIMIT_QUEUE_PAIRS: reg_rdata_q <= 32'(QueuePairs);
        fantail_regs_pkg::REG_LIMIT_PAYLOAD:     reg_rdata_q <= 32'(LogBytes / 4);
        fantail_regs_pkg::REG_TIME:              reg_rdata_q <= now_us_i[31:0];
        fantail_regs_pkg::REG_TIME_HI:           reg_rdata_q <= time_hi_q;
        fantail_regs_pkg::REG_PIN_LIMIT:         reg_rdata_q <= pin_limit_o;
        fantail_regs_pkg::REG_PIN_US:            reg_rdata_q <= pin_us_o;
        fantail_regs_pkg::REG_PIN_ID:            reg_rdata_q <= 32'(pin_id_i);
        fantail_regs_pkg::REG_PIN_BYTES:         reg_rdata_q <= pin_bytes_i;
        fantail_regs_pkg::REG_RTO_MIN_US:        reg_rdata_q <= rto_min_us_o;
        fantail_regs_pkg::REG_RTO_MAX_US:        reg_rdata_q <= rto_max_us_o;
        fantail_regs_pkg::REG_HASH_KEY0:         reg_rdata_q <= hash_key_o[127:96];
        fantail_regs_pkg::REG_HASH_KEY1:         reg_rdata_q <= hash_key_o[95:64];
        fantail_regs_pkg::REG_HASH_KEY2:         reg_rdata_q <= hash_key_o[63:32];
        fantail_regs_pkg::REG_HASH_KEY3:         reg_rdata_q <= hash_key_o[31:0];
        default:                                 reg_rdata_q <= '0;
      endcase
    end
  end

  // ---------------------------------------------------------------- queue pair pages
  logic [QueuePairs-1:0] qp_enable, halt;

  assign qp_enable_o = qp_enable & {QueuePairs{!resetting_q}};
  assign irq_dev_o   = |halt;

  for (genvar q = 0; q < QueuePairs; q++) begin : gen_qp
    fantail_bar_qp #(.IncWidth(IncWidth)) u_qp (
      .clk,
      .rst             (page_rst),
      .disable_i       (dev_off),
      .wr_en_i         (wr_ok && s_axil_awaddr[15:12] == 4'(q + 1)),
      .wr_off_i        (wr_off),
      .wr_data_i       (s_axil_wdata),
      .rd_en_i         (rd_take && s_axil_araddr[15:12] == 4'(q + 1)),
      .rd_off_i        (rd_off),
      .rd_data_o       (qp_rdata[32*q +: 32]),
      .data_base_o     (data_base_o[64*q +: 64]),
      .control_base_o  (control_base_o[64*q +: 64]),
      .status_base_o   (status_base_o[64*q +: 64]),
      .slot_base_o     (slot_base_o[64*q +: 64]),
      .data_log2_o     (data_log2_o[4*q +: 4]),
      .control_log2_o  (control_log2_o[4*q +: 4]),
      .status_log2_o   (status_log2_o[4*q +: 4]),
      .slot_count_o    (slot_count_o[13*q +: 13]),
      .mod_count_o     (mod_count_o[16*q +: 16]),
      .mod_us_o        (mod_us_o[32*q +: 32]),
      .qp_enable_o     (qp_enable[q]),
      .urgent_o        (urgent_o[q]),
      .summary_only_o  (summary_only_o[q]),
      .local_ip_o      (local_ip_o[32*q +: 32]),
      .db_tail_valid_o (db_tail_valid_o[2*q +: 2]),
      .data_tail_o     (data_tail_o[15*q +: 15]),
      .control_tail_o  (control_tail_o[15*q +: 15]),
      .status_head_o   (status_head_o[15*q +: 15]),
      .arm_o           (arm_o[q]),
      .running_i       (running_i[q]),
      .closing_i       (closing_i[q]),
      .data_head_i     (data_head_i[15*q +: 15]),
      .control_head_i  (control_head_i[15*q +: 15]),
      .status_tail_i   (status_tail_i[15*q +: 15]),
      .fault_valid_i   (fault_valid_i[q]),
      .fault_code_i    (fault_code_i[8*q +: 8]),
      .fault_addr_i    (fault_addr_i[64*q +: 64]),
      .halted_o        (halted_o[q]),
      .halt_o          (halt[q]),
      .cnt_inc_i       (qp_cnt_inc_i[IncWidth*NumQpCounters*q +: IncWidth*NumQpCounters])
    );
  end

  // ---------------------------------------------------------------- checks
  if (QueuePairs < 1 || QueuePairs > 8) begin : gen_check_qp
    $fatal(1, "fantail_bar: QueuePairs must be 1 to 8");
  end

  logic unused;
  assign unused = &{1'b0, s_axil_awaddr[1:0], s_axil_araddr[1:0]};

  `ASSERT(ReadAnswerNotLost, !(rd_valid_q && s_axil_rvalid && !s_axil_rready))

endmodule
