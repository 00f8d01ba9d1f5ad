// SPDX-License-Identifier: Apache-2.0
// Fantail: the engine. One doorbell in, thousands of TCP segments out.
//
//                   fantail_host                      fantail_core               fantail_net
//   BAR0, host memory -> rings, payloads, control --> log, replication, TCP --> transmit mux -> MAC
//   host memory <------ slots, status, news <-------- acknowledgement <-------- FIFO, parse, flow table <- MAC
//
// Interfaces: AXI4-Lite slave for BAR0; AXI4 read and write masters to host memory (64-byte beats, one ID each, responses in
// order; a write is never visible before an earlier one, as PCIe's posted writes); AXI-Stream to and from the MAC, without
// FCS, first byte in bits 7:0; one interrupt pulse per message; time in microseconds from outside. m_axi_arqp and m_axi_awqp
// say for which queue pair a burst is: with them an IOMMU, or a switch in front of it, keeps hosts apart.
//
// Reset by register (RESET.START): no new read or write begins, outstanding ones end, the frame on the wire ends, then
// everything but the register file's AXI side is reset and the memories are cleared; STATUS.READY follows.

module fantail #(
  parameter int Connections = 1024,     // 16 to 16,384, a power of two
  parameter int Groups      = 1024,     // a power of two
  parameter int LogBytes    = 1048576,  // 64 KiB to 16 MiB, a power of two
  parameter int Extents     = 64,       // per connection, a power of two, at least 8
  parameter int QueuePairs  = 1         // 1 to 8
) (
  input  logic                  clk,
  input  logic                  rst,
  // BAR0
  input  logic [15:0]           s_axil_awaddr,
  input  logic                  s_axil_awvalid,
  output logic                  s_axil_awready,
  input  logic [31:0]           s_axil_wdata,
  input  logic [3:0]            s_axil_wstrb,
  input  logic                  s_axil_wvalid,
  output logic                  s_axil_wready,
  output logic [1:0]            s_axil_bresp,
  output logic                  s_axil_bvalid,
  input  logic                  s_axil_bready,
  input  logic [15:0]           s_axil_araddr,
  input  logic                  s_axil_arvalid,
  output logic                  s_axil_arready,
  output logic [31:0]           s_axil_rdata,
  output logic [1:0]            s_axil_rresp,
  output logic                  s_axil_rvalid,
  input  logic                  s_axil_rready,
  // host memory
  output logic [63:0]           m_axi_araddr,
  output logic [7:0]            m_axi_arlen,
  output logic [2:0]            m_axi_arqp,
  output logic                  m_axi_arvalid,
  input  logic                  m_axi_arready,
  input  logic [511:0]          m_axi_rdata,
  input  logic [1:0]            m_axi_rresp,
  input  logic                  m_axi_rlast,
  input  logic                  m_axi_rvalid,
  output logic                  m_axi_rready,
  output logic [63:0]           m_axi_awaddr,
  output logic [7:0]            m_axi_awlen,
  output logic [2:0]            m_axi_awqp,
  output logic                  m_axi_awvalid,
  input  logic                  m_axi_awready,
  output logic [511:0]          m_axi_wdata,
  output logic [63:0]           m_axi_wstrb,
  output logic                  m_axi_wlast,
  output logic                  m_axi_wvalid,
  input  logic                  m_axi_wready,
  input  logic [1:0]            m_axi_bresp,
  input  logic                  m_axi_bvalid,
  output logic                  m_axi_bready,
  // MAC
  output logic [511:0]          m_mac_tdata,
  output logic [63:0]           m_mac_tkeep,
  output logic                  m_mac_tlast,
  output logic                  m_mac_tvalid,
  input  logic                  m_mac_tready,
  input  logic [511:0]          s_mac_tdata,
  input  logic [63:0]           s_mac_tkeep,
  input  logic                  s_mac_tlast,
  input  logic                  s_mac_tuser,
  input  logic                  s_mac_tvalid,
  // interrupts, time
  output logic [QueuePairs:0]   irq_o,
  input  logic [63:0]           now_us_i,
  output logic                  idle_o,
  output logic [63:0]           next_deadline_us_o
);

  logic core_rst, stop, dev_reset, dma_busy, mac_between;
  logic host_busy, core_busy, net_busy, host_idle, core_idle, net_idle, clearing, outside_active;
  logic [63:0] core_deadline, host_deadline;

  // registers
  logic                     enable;
  logic [32*QueuePairs-1:0] local_ip;
  logic [13*QueuePairs-1:0] slot_count;
  logic [127:0]             hash_key;
  logic [31:0]              pin_limit, pin_us, rto_min_us, rto_max_us, pin_bytes, log_used;
  logic [13:0]              pin_id;
  fantail_pkg::core_counts_t core_counts;
  fantail_pkg::net_counts_t  net_counts;

  // payloads, walks, commands: host to core
  logic [31:0]           log_low, walk_pos, log_want, list_data;
  logic [QueuePairs-1:0] hold;
  logic                  log_wait, append_valid, walk_valid, walk_ready, list_valid, list_ready, list_end, walkdone_valid;
  logic [15:0]           walkdone_reached, walkdone_skipped;
  logic                  cmd_valid, cmd_ready, cmd_rsp_valid, cmd_rsp_bit;
  fantail_pkg::append_t       append_data;
  fantail_pkg::walk_t         walk_data;
  fantail_pkg::cmd_t          cmd_data;
  fantail_regs_pkg::context_t cmd_ctx;

  // verdicts, counts, sweeps: core to host
  logic                  verdict_valid, verdict_ready, count_connect, count_success, sweep_begin, sweep_end;
  logic                  need_valid, fence_valid, fence_ready;
  logic [QueuePairs-1:0] data_ok, accept, put;
  logic [13:0]           stat_id;
  logic [2:0]            count_qp, need_qp, fence_qp;
  logic [31:0]           need_pos;
  fantail_pkg::verdict_t    verdict_data;
  fantail_pkg::conn_stats_t stat;

  // frames: host, core and network
  logic         flow_valid, flow_ready, flow_rsp_valid, seg_valid, seg_ready, inj_rsp_valid, inj_rsp_hit;
  logic [1:0]   flow_op, flow_rsp_code;
  logic [13:0]  flow_id;
  logic [2:0]   flow_qp, inj_qp;
  logic         htx_valid, htx_ready, htx_last, inj_valid, inj_ready, inj_last;
  logic [511:0] htx_data, inj_data, frame_data, eng_tdata;
  logic [6:0]   htx_bytes, inj_bytes;
  logic         frame_valid, frame_re, frame_pop, eng_tlast, eng_tvalid, eng_tready;
  logic [4:0]   frame_line;
  logic [63:0]  eng_tkeep;
  fantail_pkg::tuple_t flow_tuple;
  fantail_pkg::seg_t   seg_data;

  fantail_reset u_reset (
    .clk, .rst,
    .start_i   (dev_reset),
    .drained_i (!dma_busy && mac_between),
    .stop_o    (stop),
    .rst_o     (core_rst)
  );

  fantail_host #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_host (
    .clk,
    .rst,
    .core_rst_i         (core_rst),
    .stop_i             (stop),
    .dev_reset_o        (dev_reset),
    .busy_o             (host_busy),
    .dma_busy_o         (dma_busy),
    .idle_o             (host_idle),
    .ready_i            (!clearing),
    .idle_i             (idle_o),
    .now_us_i,
    .next_deadline_us_o (host_deadline),
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata,
    .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .m_axi_araddr, .m_axi_arlen, .m_axi_arqp, .m_axi_arvalid, .m_axi_arready, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast,
    .m_axi_rvalid, .m_axi_rready, .m_axi_awaddr, .m_axi_awlen, .m_axi_awqp, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata,
    .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready,
    .irq_o,
    .log_low_i          (log_low),
    .walk_pos_o         (walk_pos),
    .log_wait_o         (log_wait),
    .log_want_o         (log_want),
    .hold_o             (hold),
    .m_append_valid     (append_valid),
    .m_append_data      (append_data),
    .m_walk_valid       (walk_valid),
    .m_walk_ready       (walk_ready),
    .m_walk_data        (walk_data),
    .m_list_valid       (list_valid),
    .m_list_ready       (list_ready),
    .m_list_data        (list_data),
    .m_list_end         (list_end),
    .s_walkdone_valid   (walkdone_valid),
    .s_walkdone_reached (walkdone_reached),
    .s_walkdone_skipped (walkdone_skipped),
    .m_cmd_valid        (cmd_valid),
    .m_cmd_ready        (cmd_ready),
    .m_cmd_data         (cmd_data),
    .m_cmd_ctx          (cmd_ctx),
    .s_cmd_rsp_valid    (cmd_rsp_valid),
    .s_cmd_rsp_bit      (cmd_rsp_bit),
    .s_verdict_valid    (verdict_valid),
    .s_verdict_ready    (verdict_ready),
    .s_verdict_data     (verdict_data),
    .accept_i           (accept),
    .put_i              (put),
    .data_ok_o          (data_ok),
    .stat_id_o          (stat_id),
    .stat_i             (stat),
    .count_qp_i         (count_qp),
    .connect_i          (count_connect),
    .success_i          (count_success),
    .begin_i            (sweep_begin),
    .sweep_i            (sweep_end),
    .need_valid_i       (need_valid),
    .need_pos_i         (need_pos),
    .need_qp_i          (need_qp),
    .m_fence_valid      (fence_valid),
    .m_fence_ready      (fence_ready),
    .m_fence_qp         (fence_qp),
    .m_flow_valid       (flow_valid),
    .m_flow_ready       (flow_ready),
    .m_flow_op          (flow_op),
    .m_flow_tuple       (flow_tuple),
    .m_flow_id          (flow_id),
    .m_flow_qp          (flow_qp),
    .s_flow_rsp_valid   (flow_rsp_valid),
    .s_flow_rsp_code    (flow_rsp_code),
    .m_htx_valid        (htx_valid),
    .m_htx_ready        (htx_ready),
    .m_htx_data         (htx_data),
    .m_htx_bytes        (htx_bytes),
    .m_htx_last         (htx_last),
    .m_inj_valid        (inj_valid),
    .m_inj_ready        (inj_ready),
    .m_inj_data         (inj_data),
    .m_inj_bytes        (inj_bytes),
    .m_inj_last         (inj_last),
    .m_inj_qp           (inj_qp),
    .s_inj_rsp_valid    (inj_rsp_valid),
    .s_inj_rsp_hit      (inj_rsp_hit),
    .hold_valid_i       (frame_valid),
    .hold_re_o          (frame_re),
    .hold_line_o        (frame_line),
    .hold_data_i        (frame_data),
    .hold_pop_o         (frame_pop),
    .enable_o           (enable),
    .local_ip_o         (local_ip),
    .hash_key_o         (hash_key),
    .slot_count_o       (slot_count),
    .pin_limit_o        (pin_limit),
    .pin_us_o           (pin_us),
    .rto_min_us_o       (rto_min_us),
    .rto_max_us_o       (rto_max_us),
    .pin_id_i           (pin_id),
    .pin_bytes_i        (pin_bytes),
    .log_used_i         (log_used),
    .core_counts_i      (core_counts),
    .net_counts_i       (net_counts)
  );

  fantail_core #(
    .Connections(Connections),
    .Groups(Groups),
    .LogBytes(LogBytes),
    .Extents(Extents),
    .QueuePairs(QueuePairs)
  ) u_core (
    .clk,
    .rst                (core_rst),
    .busy_o             (core_busy),
    .now_us_i,
    .rto_min_us_i       (rto_min_us),
    .rto_max_us_i       (rto_max_us),
    .pin_limit_i        (pin_limit),
    .pin_us_i           (pin_us),
    .s_append_valid     (append_valid),
    .s_append_data      (append_data),
    .s_walk_valid       (walk_valid),
    .s_walk_ready       (walk_ready),
    .s_walk_data        (walk_data),
    .s_list_valid       (list_valid),
    .s_list_ready       (list_ready),
    .s_list_data        (list_data),
    .s_list_end         (list_end),
    .walkdone_valid_o   (walkdone_valid),
    .walkdone_reached_o (walkdone_reached),
    .walkdone_skipped_o (walkdone_skipped),
    .hold_i             (hold),
    .walk_pos_i         (walk_pos),
    .log_wait_i         (log_wait),
    .log_want_i         (log_want),
    .log_low_o          (log_low),
    .log_used_o         (log_used),
    .s_cmd_valid        (cmd_valid),
    .s_cmd_ready        (cmd_ready),
    .s_cmd_data         (cmd_data),
    .s_cmd_ctx          (cmd_ctx),
    .cmd_rsp_valid_o    (cmd_rsp_valid),
    .cmd_rsp_bit_o      (cmd_rsp_bit),
    .s_seg_valid        (seg_valid),
    .s_seg_ready        (seg_ready),
    .s_seg_data         (seg_data),
    .data_ok_i          (data_ok),
    .slot_count_i       (slot_count),
    .accept_o           (accept),
    .put_o              (put),
    .m_verdict_valid    (verdict_valid),
    .m_verdict_ready    (verdict_ready),
    .m_verdict_data     (verdict_data),
    .stat_id_i          (stat_id),
    .stat_o             (stat),
    .begin_o            (sweep_begin),
    .sweep_o            (sweep_end),
    .need_valid_o       (need_valid),
    .need_pos_o         (need_pos),
    .need_qp_o          (need_qp),
    .s_fence_valid      (fence_valid),
    .s_fence_ready      (fence_ready),
    .s_fence_qp         (fence_qp),
    .count_qp_o         (count_qp),
    .connect_o          (count_connect),
    .success_o          (count_success),
    .m_tdata            (eng_tdata),
    .m_tkeep            (eng_tkeep),
    .m_tlast            (eng_tlast),
    .m_tvalid           (eng_tvalid),
    .m_tready           (eng_tready),
    .activity_i         (outside_active),
    .idle_o             (core_idle),
    .next_deadline_us_o (core_deadline),
    .pin_id_o           (pin_id),
    .pin_bytes_o        (pin_bytes),
    .counts_o           (core_counts)
  );

  fantail_net #(
    .Connections(Connections),
    .QueuePairs(QueuePairs)
  ) u_net (
    .clk,
    .rst              (core_rst),
    .rst_wire_i       (rst),
    .busy_o           (net_busy),
    .idle_o           (net_idle),
    .between_o        (mac_between),
    .enable_i         (enable),
    .local_ip_i       (local_ip),
    .hash_key_i       (hash_key),
    .m_mac_tdata, .m_mac_tkeep, .m_mac_tlast, .m_mac_tvalid, .m_mac_tready,
    .s_mac_tdata, .s_mac_tkeep, .s_mac_tlast, .s_mac_tuser, .s_mac_tvalid,
    .s_eng_tdata      (eng_tdata),
    .s_eng_tkeep      (eng_tkeep),
    .s_eng_tlast      (eng_tlast),
    .s_eng_tvalid     (eng_tvalid),
    .s_eng_tready     (eng_tready),
    .s_htx_valid      (htx_valid),
    .s_htx_ready      (htx_ready),
    .s_htx_data       (htx_data),
    .s_htx_bytes      (htx_bytes),
    .s_htx_last       (htx_last),
    .s_inj_valid      (inj_valid),
    .s_inj_ready      (inj_ready),
    .s_inj_data       (inj_data),
    .s_inj_bytes      (inj_bytes),
    .s_inj_last       (inj_last),
    .s_inj_qp         (inj_qp),
    .inj_rsp_valid_o  (inj_rsp_valid),
    .inj_rsp_hit_o    (inj_rsp_hit),
    .s_flow_valid     (flow_valid),
    .s_flow_ready     (flow_ready),
    .s_flow_op        (flow_op),
    .s_flow_tuple     (flow_tuple),
    .s_flow_id        (flow_id),
    .s_flow_qp        (flow_qp),
    .flow_rsp_valid_o (flow_rsp_valid),
    .flow_rsp_code_o  (flow_rsp_code),
    .m_seg_valid      (seg_valid),
    .m_seg_ready      (seg_ready),
    .m_seg_data       (seg_data),
    .hold_valid_o     (frame_valid),
    .hold_re_i        (frame_re),
    .hold_line_i      (frame_line),
    .hold_data_o      (frame_data),
    .hold_pop_i       (frame_pop),
    .counts_o         (net_counts)
  );

  // ---------------------------------------------------------------- idle, ready
  assign clearing           = host_busy || core_busy || net_busy || core_rst || stop;
  assign outside_active     = clearing || !host_idle || !net_idle;
  assign idle_o             = core_idle && !outside_active;
  assign next_deadline_us_o = core_deadline < host_deadline ? core_deadline : host_deadline;

endmodule
