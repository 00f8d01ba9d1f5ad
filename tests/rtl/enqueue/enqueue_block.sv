// SPDX-License-Identifier: Apache-2.0
// fantail_enqueue as the test drives it: the test is the publisher, the control unit and the owners of the other tables.

module enqueue_block (
  input  logic        clk,
  input  logic        rst,
  input  logic        walk_valid,
  input  logic        walk_group,
  input  logic [31:0] walk_target,
  input  logic [31:0] walk_pos,
  input  logic [31:0] walk_len,
  input  logic        walk_last,
  input  logic        cmd_valid,
  input  logic [3:0]  cmd_op,
  input  logic [13:0] cmd_id,
  input  logic [15:0] cmd_gen,
  input  logic [31:0] cmd_seq,
  input  logic        alive,
  input  logic [15:0] ext_free,
  input  logic        overrun_ready,
  output logic        busy,
  output logic        walk_ready,
  output logic        done,
  output logic [15:0] reached,
  output logic [15:0] skipped,
  output logic        cmd_ready,
  output logic        cmd_done,
  output logic        we,
  output logic        closing,
  output logic [31:0] queued,
  output logic        ext_we,
  output logic        overrun_valid,
  output logic [13:0] overrun_id
);

  fantail_pkg::walk_t    walk;
  fantail_pkg::cmd_t     cmd;
  fantail_tcp_pkg::enq_t enq;

  always_comb begin
    walk          = '0;
    walk.group    = walk_group;
    walk.target   = walk_target;
    walk.pos      = walk_pos;
    walk.len      = walk_len;
    walk.payloads = 16'd1;
    walk.last     = walk_last;
    cmd           = '0;
    cmd.op        = cmd_op;
    cmd.id        = cmd_id;
    cmd.gen       = cmd_gen;
  end
  assign closing = enq.closing;
  assign queued  = enq.queued;

  fantail_enqueue #(
    .Connections(128),
    .Groups(8),
    .Extents(8)
  ) u_enqueue (
    .clk, .rst,
    .busy_o             (busy),
    .idle_o             (),
    .s_walk_valid       (walk_valid),
    .s_walk_ready       (walk_ready),
    .s_walk_data        (walk),
    .s_list_valid       (1'b0),
    .s_list_ready       (),
    .s_list_data        ('0),
    .s_list_end         (1'b0),
    .walkdone_valid_o   (done),
    .walkdone_reached_o (reached),
    .walkdone_skipped_o (skipped),
    .hold_i             (1'b0),
    .hold_o             (),
    .s_cmd_valid        (cmd_valid),
    .s_cmd_ready        (cmd_ready),
    .s_cmd_data         (cmd),
    .s_cmd_seq          (cmd_seq),
    .cmd_done_o         (cmd_done),
    .cmd_bit_o          (),
    .rd_valid_o         (),
    .rd_id_o            (),
    .alive_i            (alive),
    .ext_free_i         (ext_free),
    .skip_i             (1'b0),
    .skip_seen_i        (1'b0),
    .policy_i           (fantail_regs_pkg::POLICY_ABORT),
    .mss_i              (11'd1000),
    .nxt_i              (32'd1),
    .enq_we_o           (we),
    .enq_waddr_o        (),
    .enq_wdata_o        (enq),
    .ext_we_o           (ext_we),
    .ext_id_o           (),
    .ext_index_o        (),
    .ext_data_o         (),
    .wake_valid_o       (),
    .wake_ready_i       (1'b1),
    .wake_id_o          (),
    .drain_valid_o      (),
    .drain_ready_i      (1'b1),
    .drain_id_o         (),
    .s_held_valid       (1'b0),
    .s_held_ready       (),
    .s_held_id          ('0),
    .s_held_qp          ('0),
    .m_overrun_valid    (overrun_valid),
    .m_overrun_ready    (overrun_ready),
    .m_overrun_id       (overrun_id),
    .stage_o            ()
  );

endmodule
