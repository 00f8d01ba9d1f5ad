// SPDX-License-Identifier: Apache-2.0
// The host side as the test drives it: BAR0, status rings and the write master, two queue pairs. The test is
// the host (AXI4-Lite, AXI write slave) and the rest of the engine (records, slot writes, heads).

module host_block (
  input  logic          clk,
  input  logic          rst,
  input  logic          soft_rst,
  input  logic [15:0]   awaddr,
  input  logic          awvalid,
  output logic          awready,
  input  logic [31:0]   wdata,
  input  logic [3:0]    wstrb,
  input  logic          wvalid,
  output logic          wready,
  output logic          bvalid,
  input  logic          bready,
  input  logic [15:0]   araddr,
  input  logic          arvalid,
  output logic          arready,
  output logic [31:0]   rdata,
  output logic          rvalid,
  input  logic          rready,
  output logic          enable,
  output logic          dev_reset,
  output logic [127:0]  hash_key,
  output logic [1:0]    qp_enable,
  output logic [3:0]    db_tail_valid,
  output logic [29:0]   data_tail,
  output logic [29:0]   control_tail,
  output logic [29:0]   status_head,
  output logic [29:0]   status_tail,
  output logic [1:0]    halted,
  output logic          irq_dev,
  input  logic          ready,
  input  logic          idle,
  input  logic [63:0]   now_us,
  input  logic [29:0]   data_head,
  input  logic [29:0]   control_head,
  input  logic [1:0]    fault_valid,
  input  logic [15:0]   fault_code,
  input  logic [127:0]  fault_addr,
  input  logic [5:0]    cnt_index,
  input  logic [15:0]   cnt_amount,
  input  logic [31:0]   stage,
  input  logic [2:0]    rec_valid,
  output logic [2:0]    rec_ready,
  input  logic [767:0]  rec_data,
  input  logic [8:0]    rec_qp,
  input  logic [29:0]   items,
  input  logic [1:0]    hold,
  input  logic [1:0]    telling,
  input  logic [1:0]    period_end,
  input  logic [1:0]    collect,
  input  logic          dl_valid,
  output logic          dl_ready,
  input  logic [63:0]   dl_addr,
  input  logic [511:0]  dl_data,
  input  logic [63:0]   dl_strb,
  input  logic [5:0]    dl_lines,
  input  logic          dl_last,
  output logic          dl_done,
  output logic [63:0]   m_awaddr,
  output logic [7:0]    m_awlen,
  output logic          m_awvalid,
  input  logic          m_awready,
  output logic [511:0]  m_wdata,
  output logic [63:0]   m_wstrb,
  output logic          m_wlast,
  output logic          m_wvalid,
  input  logic          m_wready,
  input  logic [1:0]    m_bresp,
  input  logic          m_bvalid,
  output logic          m_bready,
  output logic          wr_fault,
  output logic          wr_busy,
  output logic          status_busy,
  output logic [1:0]    room,
  output logic [1:0]    due,
  output logic [1:0]    irq,
  output logic [63:0]   deadline_us
);
  localparam int NumCnt = fantail_regs_pkg::CNT_STAGES;
  localparam int NumQp  = fantail_regs_pkg::QPCNT_COUNT;

  logic [16*NumCnt-1:0]  cnt_inc;
  logic [32*NumQp-1:0]   qp_cnt_inc;
  logic [127:0]          status_base;
  logic [7:0]            data_log2, control_log2, status_log2;
  logic [31:0]           mod_count;
  logic [63:0]           mod_us;
  logic [1:0]            urgent, arm;
  logic                  st_valid, st_ready, st_done;
  logic [63:0]           st_addr, st_strb;
  logic [511:0]          st_data;

  always_comb begin
    cnt_inc = '0;
    for (int i = 0; i < NumCnt; i++) if (6'(i) == cnt_index) cnt_inc[16*i +: 16] = cnt_amount;
  end

  fantail_bar #(.Connections(256), .Groups(64), .LogBytes(65536), .Extents(16), .QueuePairs(2)) u_bar (
    .clk, .rst, .soft_rst_i(soft_rst),
    .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(), .s_axil_bvalid(bvalid),
    .s_axil_bready(bready), .s_axil_araddr(araddr), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
    .s_axil_rdata(rdata), .s_axil_rresp(), .s_axil_rvalid(rvalid), .s_axil_rready(rready),
    .enable_o(enable), .dev_reset_o(dev_reset), .pin_limit_o(), .pin_us_o(), .rto_min_us_o(), .rto_max_us_o(),
    .hash_key_o(hash_key), .data_base_o(), .control_base_o(), .status_base_o(status_base), .slot_base_o(),
    .data_log2_o(data_log2), .control_log2_o(control_log2), .status_log2_o(status_log2), .slot_count_o(),
    .mod_count_o(mod_count), .mod_us_o(mod_us), .qp_enable_o(qp_enable), .urgent_o(urgent), .summary_only_o(), .local_ip_o(),
    .db_tail_valid_o(db_tail_valid), .data_tail_o(data_tail), .control_tail_o(control_tail),
    .status_head_o(status_head), .arm_o(arm), .running_i('1), .closing_i('0), .data_head_i(data_head), .control_head_i(control_head),
    .status_tail_i(status_tail), .fault_valid_i(fault_valid), .fault_code_i(fault_code),
    .fault_addr_i(fault_addr), .halted_o(halted), .irq_dev_o(irq_dev), .ready_i(ready), .idle_i(idle),
    .now_us_i(now_us), .pin_id_i(14'h1234), .pin_bytes_i(32'h89ABCDEF), .cnt_log_peak_i(32'h00C0FFEE),
    .cnt_inc_i(cnt_inc), .stage_i(stage[2*fantail_regs_pkg::STAGE_COUNT-1:0]), .qp_cnt_inc_i(qp_cnt_inc)
  );

  fantail_status #(.QueuePairs(2)) u_status (
    .clk, .rst(rst || soft_rst), .now_us_i(now_us), .qp_enable_i(qp_enable), .halted_i(halted), .urgent_i(urgent),
    .status_base_i(status_base), .status_log2_i(status_log2), .data_log2_i(data_log2),
    .control_log2_i(control_log2), .mod_count_i(mod_count), .mod_us_i(mod_us), .status_head_i(status_head),
    .arm_i(arm), .data_head_i(data_head), .control_head_i(control_head), .s_rec_valid(rec_valid),
    .s_rec_ready(rec_ready), .s_rec_data(rec_data), .s_rec_qp(rec_qp), .reserved_i('0), .rec_ok_o(), .room_o(room), .read_o(), .frame_room_o(), .due_o(due),
    .items_i(items), .hold_i(hold), .telling_i(telling), .end_i(period_end), .collect_i(collect), .m_w_qp(),
    .m_w_valid(st_valid),
    .m_w_ready(st_ready), .m_w_addr(st_addr), .m_w_data(st_data), .m_w_strb(st_strb), .m_w_done(st_done),
    .status_tail_o(status_tail), .irq_o(irq), .next_deadline_us_o(deadline_us), .busy_o(status_busy), .qp_busy_o(),
    .qp_cnt_inc_o(qp_cnt_inc)
  );

  fantail_dma_write #(.MaxPending(4)) u_write (
    .clk, .rst,
    .s_w_valid({st_valid, dl_valid}), .s_w_ready({st_ready, dl_ready}), .s_w_addr({st_addr, dl_addr}),
    .s_w_data({st_data, dl_data}), .s_w_strb({st_strb, dl_strb}), .s_w_lines({6'd1, dl_lines}), .s_w_qp('0),
    .s_w_last({1'b1, dl_last}), .s_w_done({st_done, dl_done}),
    .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awqp(), .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready),
    .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid),
    .m_axi_wready(m_wready), .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready),
    .issued_o(), .answered_o(), .fault_o(wr_fault), .busy_o(wr_busy)
  );
endmodule
