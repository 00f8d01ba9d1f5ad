// SPDX-License-Identifier: Apache-2.0
// What the submission side has for each queue pair: two rings, payloads, target lists, retirement, records. Wires only,
// but for the queue in front of the status ring.
//
//   tails -> ring DATA    -> data -> exec ---------> m_walk, records
//                              \-> list -> m_list
//   tails -> ring CONTROL -> exec_control ---------> records
//
// Contract: see the modules. The two rings share nothing but the stream of records, in which each ring's are in order.
// Records of the DATA ring wait for the status ring in a queue of their own, in which every payload with log space has
// its places; so has its mark, if it has one: a host that does not read holds no part of the log (fantail_data).
// idle_o: nothing runs and no read is outstanding; a payload may wait for log space while enable_i is high.

module fantail_submit_qp #(
  parameter int Connections = 1024,     // connections
  parameter int Groups      = 1024,     // groups
  parameter int LogBytes    = 1048576,  // bytes of the payload log
  parameter int ListLines   = 64        // lines of target lists held, a power of two, at least 16
) (
  input  logic                 clk,
  input  logic                 rst,
  output logic                 idle_o,
  input  logic [2:0]           qp_i,               // this queue pair

  input  logic                 enable_i,
  input  logic                 halted_i,
  input  logic [63:0]          data_base_i,
  input  logic [63:0]          control_base_i,
  input  logic [3:0]           data_log2_i,
  input  logic [3:0]           control_log2_i,
  input  logic [14:0]          data_tail_i,
  input  logic [14:0]          control_tail_i,
  output logic [14:0]          data_head_o,
  output logic [14:0]          control_head_o,
  output logic                 fault_valid_o,
  output logic [7:0]           fault_code_o,
  output logic [63:0]          fault_addr_o,

  // reads: see fantail_dma_read; bit 0 DATA, 1 CONTROL
  output logic [1:0]           m_ent_valid,
  input  logic [1:0]           m_ent_ready,
  output logic [115:0]         m_ent_line,
  output logic [7:0]           m_ent_lines,
  input  logic [1:0]           s_ent_valid,
  output logic                 m_pay_valid,
  input  logic                 m_pay_ready,
  output logic [57:0]          m_pay_line,
  output logic [16:0]          m_pay_lines,
  input  logic                 s_pay_valid,
  output logic                 s_pay_ready,
  output logic                 m_lines_valid,      // of target lists
  input  logic                 m_lines_ready,
  output logic [57:0]          m_lines_line,
  output logic [3:0]           m_lines_lines,
  input  logic                 s_lines_valid,
  input  logic [511:0]         s_line_data,        // of all of them
  input  logic                 s_line_err,

  // log: see fantail_log_space
  output logic                 m_space_valid,
  output logic                 m_space_take,
  output logic [31:0]          m_space_len,
  input  logic                 s_space_grant,
  input  logic                 s_space_wait,
  input  logic [31:0]          s_space_pos,
  output logic                 pending_o,
  output logic [31:0]          oldest_o,
  output logic                 log_wait_o,
  output logic                 hold_o,
  output logic                 m_append_valid,
  input  logic                 m_append_ready,
  output fantail_pkg::append_t m_append_data,

  output logic                 m_walk_valid,
  input  logic                 m_walk_ready,
  output fantail_pkg::walk_t   m_walk_data,
  input  logic                 s_walkdone_valid,
  input  logic [15:0]          s_walkdone_reached,
  input  logic [15:0]          s_walkdone_skipped,
  output logic                 m_list_valid,
  input  logic                 m_list_ready,
  output logic [31:0]          m_list_data,
  output logic                 m_list_end,

  // control unit; bit 0 DATA, 1 CONTROL
  output logic [1:0]           m_ctl_valid,
  input  logic [1:0]           m_ctl_ready,
  output logic [1023:0]        m_ctl_entry,
  input  logic [1:0]           s_ctl_done_valid,
  input  logic [7:0]           s_ctl_done_code,
  input  logic [63:0]          s_ctl_done_addr,

  output logic                 m_mark_valid,       // see fantail_exec
  input  logic                 m_mark_ready,
  output logic [31:0]          m_mark_pos,
  output logic [63:0]          m_mark_cookie,
  input  logic [4:0]           marks_i,            // that wait, see fantail_data

  output logic                 m_rec_valid,
  input  logic                 m_rec_ready,
  output logic [255:0]         m_rec_data,

  output logic [15:0]          payloads_inc_o,
  output logic [15:0]          payload_bytes_inc_o,
  output logic [15:0]          deliveries_inc_o,
  output logic [15:0]          batches_inc_o,
  output logic [15:0]          refused_inc_o,
  output fantail_pkg::stage_t  fetch_o
);
  localparam int DataDepth    = 64;
  localparam int ControlDepth = 16;
  localparam int Records      = 4 * DataDepth;  // in the queue
  localparam int RoomW        = $clog2(Records) + 1;

  // ---------------------------------------------------------------- rings
  logic         de_valid, de_ready, ce_valid, ce_ready, data_empty, control_empty;
  logic [511:0] de_data, ce_data;
  logic [14:0]  de_index, ce_index;
  logic [1:0]   fault, settled;
  logic [15:0]  fault_codes;
  logic [127:0] fault_addrs;

  fantail_ring #(
    .Depth(DataDepth)
  ) u_ring_data (
    .clk,
    .rst,
    .enable_i,
    .halted_i,
    .base_i        (data_base_i),
    .log2_i        (data_log2_i),
    .tail_i        (data_tail_i),
    .m_req_valid   (m_ent_valid[0]),
    .m_req_ready   (m_ent_ready[0]),
    .m_req_line    (m_ent_line[57:0]),
    .m_req_lines   (m_ent_lines[3:0]),
    .s_rsp_valid   (s_ent_valid[0]),
    .s_rsp_data    (s_line_data),
    .s_rsp_err     (s_line_err),
    .m_entry_valid (de_valid),
    .m_entry_ready (de_ready),
    .m_entry_data  (de_data),
    .m_entry_index (de_index),
    .empty_o       (data_empty),
    .settled_o     (settled[0]),
    .fault_valid_o (fault[0]),
    .fault_code_o  (fault_codes[7:0]),
    .fault_addr_o  (fault_addrs[63:0])
  );

  fantail_ring #(
    .Depth(ControlDepth)
  ) u_ring_control (
    .clk,
    .rst,
    .enable_i,
    .halted_i,
    .base_i        (control_base_i),
    .log2_i        (control_log2_i),
    .tail_i        (control_tail_i),
    .m_req_valid   (m_ent_valid[1]),
    .m_req_ready   (m_ent_ready[1]),
    .m_req_line    (m_ent_line[115:58]),
    .m_req_lines   (m_ent_lines[7:4]),
    .s_rsp_valid   (s_ent_valid[1]),
    .s_rsp_data    (s_line_data),
    .s_rsp_err     (s_line_err),
    .m_entry_valid (ce_valid),
    .m_entry_ready (ce_ready),
    .m_entry_data  (ce_data),
    .m_entry_index (ce_index),
    .empty_o       (control_empty),
    .settled_o     (settled[1]),
    .fault_valid_o (fault[1]),
    .fault_code_o  (fault_codes[15:8]),
    .fault_addr_o  (fault_addrs[127:64])
  );

  // only one line arrives per cycle, so never both
  assign fault_valid_o = fault != 2'b00;
  assign fault_code_o  = fault[1] ? fault_codes[15:8] : fault_codes[7:0];
  assign fault_addr_o  = fault[1] ? fault_addrs[127:64] : fault_addrs[63:0];

  logic entry_taken;
  assign entry_taken = (de_valid && de_ready) || (ce_valid && ce_ready);
  assign fetch_o     = {(de_valid || ce_valid) && !entry_taken, entry_taken};

  // ---------------------------------------------------------------- payloads and retirement
  logic         ret_valid, ret_ready, done_valid, done_ready, done_err, data_waiting, granted;
  logic [31:0]  granted_pos;
  logic [511:0] ret_entry;
  logic [14:0]  ret_index;
  logic [7:0]   ret_code;
  logic [31:0]  ret_pos;
  logic [63:0]  done_addr;
  logic         drec_valid, drec_ready, crec_valid, crec_ready;
  logic [255:0] drec_data, crec_data;
  logic         exec_idle, mark_wait, room_wait, control_idle, control_refused;
  logic [15:0]  data_refused;
  logic         want_valid, want_ready, want_first, list_drop, list_dropped, list_err, list_idle;
  logic [61:0]  want_addr;
  logic [14:0]  want_len;
  logic [63:0]  list_err_addr;
  logic [RoomW-1:0] room_q;  // records that the queue can still take

  fantail_data #(
    .Connections(Connections),
    .Groups     (Groups),
    .LogBytes   (LogBytes),
    .Depth      (DataDepth)
  ) u_data (
    .clk,
    .rst,
    .enable_i,
    .s_entry_valid (de_valid),
    .s_entry_ready (de_ready),
    .s_entry_data  (de_data),
    .s_entry_index (de_index),
    .tail_i        (data_tail_i),
    .ring_empty_i  (data_empty),
    .m_space_valid,
    .m_space_take,
    .m_space_len,
    .s_space_grant,
    .s_space_wait,
    .s_space_pos,
    .room_i        (room_q),
    .marks_i       (marks_i + 5'(m_mark_valid)),
    .m_req_valid   (m_pay_valid),
    .m_req_ready   (m_pay_ready),
    .m_req_line    (m_pay_line),
    .m_req_lines   (m_pay_lines),
    .s_line_valid  (s_pay_valid),
    .s_line_ready  (s_pay_ready),
    .s_line_data,
    .s_line_err,
    .m_append_valid,
    .m_append_ready,
    .m_append_data,
    .m_list_valid  (want_valid),
    .m_list_ready  (want_ready),
    .m_list_addr   (want_addr),
    .m_list_len    (want_len),
    .m_list_first  (want_first),
    .m_ret_valid   (ret_valid),
    .m_ret_ready   (ret_ready),
    .m_ret_entry   (ret_entry),
    .m_ret_index   (ret_index),
    .m_ret_code    (ret_code),
    .m_ret_pos     (ret_pos),
    .m_done_valid  (done_valid),
    .m_done_ready  (done_ready),
    .m_done_err    (done_err),
    .m_done_addr   (done_addr),
    .granted_o     (granted),
    .granted_pos_o (granted_pos),
    .waiting_o     (data_waiting),
    .mark_wait_o   (room_wait),
    .log_wait_o
  );

  fantail_list #(
    .Lines(ListLines),
    .Depth(DataDepth)
  ) u_list (
    .clk,
    .rst,
    .s_list_valid (want_valid),
    .s_list_ready (want_ready),
    .s_list_addr  (want_addr),
    .s_list_len   (want_len),
    .s_list_first (want_first),
    .m_req_valid  (m_lines_valid),
    .m_req_ready  (m_lines_ready),
    .m_req_line   (m_lines_line),
    .m_req_lines  (m_lines_lines),
    .s_line_valid (s_lines_valid),
    .s_line_data,
    .s_line_err,
    .m_list_valid,
    .m_list_ready,
    .m_list_data,
    .m_list_end,
    .drop_i       (list_drop),
    .dropped_o    (list_dropped),
    .err_o        (list_err),
    .err_addr_o   (list_err_addr),
    .idle_o       (list_idle)
  );

  fantail_exec u_exec (
    .clk,
    .rst,
    .enable_i,
    .qp_i,
    .s_ret_valid      (ret_valid),
    .s_ret_ready      (ret_ready),
    .s_ret_entry      (ret_entry),
    .s_ret_index      (ret_index),
    .s_ret_code       (ret_code),
    .s_ret_pos        (ret_pos),
    .s_done_valid     (done_valid),
    .s_done_ready     (done_ready),
    .s_done_err       (done_err),
    .s_done_addr      (done_addr),
    .granted_i        (granted),
    .granted_pos_i    (granted_pos),
    .data_waiting_i   (data_waiting),
    .s_list_valid     (m_list_valid),
    .list_drop_o      (list_drop),
    .s_list_dropped   (list_dropped),
    .s_list_err       (list_err),
    .s_list_err_addr  (list_err_addr),
    .m_walk_valid,
    .m_walk_ready,
    .m_walk_data,
    .s_walkdone_valid,
    .s_walkdone_reached,
    .s_walkdone_skipped,
    .m_ctl_valid      (m_ctl_valid[0]),
    .m_ctl_ready      (m_ctl_ready[0]),
    .m_ctl_entry      (m_ctl_entry[511:0]),
    .s_ctl_done_valid (s_ctl_done_valid[0]),
    .s_ctl_done_code,
    .s_ctl_done_addr,
    .m_rec_valid      (drec_valid),
    .m_rec_ready      (drec_ready),
    .m_rec_data       (drec_data),
    .m_mark_valid,
    .m_mark_ready,
    .m_mark_pos,
    .m_mark_cookie,
    .head_o           (data_head_o),
    .pending_o,
    .oldest_o,
    .hold_o,
    .idle_o           (exec_idle),
    .mark_wait_o      (mark_wait),
    .payloads_inc_o,
    .payload_bytes_inc_o,
    .deliveries_inc_o,
    .batches_inc_o,
    .refused_inc_o    (data_refused)
  );

  fantail_exec_control u_exec_control (
    .clk,
    .rst,
    .enable_i,
    .s_entry_valid    (ce_valid),
    .s_entry_ready    (ce_ready),
    .s_entry_data     (ce_data),
    .s_entry_index    (ce_index),
    .m_ctl_valid      (m_ctl_valid[1]),
    .m_ctl_ready      (m_ctl_ready[1]),
    .m_ctl_entry      (m_ctl_entry[1023:512]),
    .s_ctl_done_valid (s_ctl_done_valid[1]),
    .s_ctl_done_code,
    .s_ctl_done_addr,
    .m_rec_valid      (crec_valid),
    .m_rec_ready      (crec_ready),
    .m_rec_data       (crec_data),
    .head_o           (control_head_o),
    .refused_inc_o    (control_refused),
    .idle_o           (control_idle)
  );

  assign refused_inc_o = data_refused + 16'(control_refused);

  // ---------------------------------------------------------------- records of DATA wait here
  logic         qrec_valid, qrec_ready;
  logic [255:0] qrec_data;
  logic         in, out;

  fantail_ram_fifo #(
    .Width(256),
    .Depth(Records)
  ) u_records (
    .clk,
    .rst,
    .s_valid (drec_valid),
    .s_ready (drec_ready),
    .s_data  (drec_data),
    .m_valid (qrec_valid),
    .m_ready (qrec_ready),
    .m_data  (qrec_data)
  );

  assign in  = drec_valid && drec_ready;
  assign out = qrec_valid && qrec_ready;
  always_ff @(posedge clk) begin
    if (rst) room_q <= RoomW'(Records);
    else room_q <= room_q + RoomW'(out) - RoomW'(in);
  end

  // ---------------------------------------------------------------- rings alternate, one register
  logic turn_q, take_control, rec_free;

  assign rec_free     = !m_rec_valid || m_rec_ready;
  assign take_control = crec_valid && (turn_q || !qrec_valid);
  assign crec_ready   = rec_free && take_control;
  assign qrec_ready   = rec_free && qrec_valid && !take_control;

  always_ff @(posedge clk) begin
    if (rec_free) m_rec_data <= take_control ? crec_data : qrec_data;
    if (rst) begin
      m_rec_valid <= 1'b0;
      turn_q      <= 1'b1;
    end else if (rec_free) begin
      m_rec_valid <= crec_valid || qrec_valid;
      if (crec_ready || qrec_ready) turn_q <= qrec_ready;
    end
  end

  // with a mark that finds no place, entries and payloads read ahead stand where they are
  assign idle_o = (mark_wait || (exec_idle && data_waiting && (data_empty || log_wait_o || room_wait) && list_idle))
      && control_idle && control_empty && settled == 2'b11 && room_q == RoomW'(Records) && !m_rec_valid;

endmodule
