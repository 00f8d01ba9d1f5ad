// SPDX-License-Identifier: Apache-2.0
// Flow table: from addresses and ports to the connection number.
//
//             +-- hash[0..] --> left  row of 4 keys --+
//   tuple ----+                                       +--> 8 comparisons --> hit, id
//             +-- hash[16..] -> right row of 4 keys --+
//
// Two choices of a bucket of four, 2 x Connections keys in all, each with its whole tuple: no false hit. A new key goes
// to the emptier bucket, the left one on a tie; keys never move.
//
// Contract
//   s_seg / m_seg   in order, one per cycle, latency three cycles; held until taken. Segments with tcp = 0 pass unhit.
//   s_flow_*        one operation; ready means done taking, the answer comes about five cycles later on flow_rsp
//                   (one pulse) and does not depend on m_seg_ready. Code of an insert: 0 done, 1 the tuple is there
//                   already, 2 both buckets are full; of a delete or an enable: 0 done, 1 it was not there. A lookup sees
//                   an operation whole or not at all; one that enters after the answer sees it.
//                   An insert takes the place; lookups find the key from its enable on, when its connection is there.
//                   s_flow_qp is the queue pair of the connection: what another one injected does not find it.
//   inj_rsp_*       answer to FRAME_INJECT, one pulse: when an injected segment leaves, or when the parser dropped it
//                   (inj_drop_i). hit: it belongs to a connection.
//   hash_key_i      is constant while keys are in the table.
//   busy_o          after reset, until the table is empty; s_flow_ready is low, segments find nothing.

module fantail_flow #(
  parameter int Connections = 1024  // a power of two, 16 to 16,384
) (
  input  logic                clk,
  input  logic                rst,
  output logic                busy_o,
  output logic                idle_o,
  input  logic [127:0]        hash_key_i,
  input  logic                s_seg_valid,
  output logic                s_seg_ready,
  input  fantail_pkg::seg_t   s_seg_data,
  output logic                m_seg_valid,
  input  logic                m_seg_ready,
  output fantail_pkg::seg_t   m_seg_data,
  input  logic                s_flow_valid,
  output logic                s_flow_ready,
  input  logic [1:0]          s_flow_op,      // FlowInsert, FlowDelete, FlowEnable
  input  fantail_pkg::tuple_t s_flow_tuple,
  input  logic [13:0]         s_flow_id,
  input  logic [2:0]          s_flow_qp,
  output logic                flow_rsp_valid_o,
  output logic [1:0]          flow_rsp_code_o,
  input  logic                inj_drop_i,
  output logic                inj_rsp_valid_o,
  output logic                inj_rsp_hit_o
);
  `include "fantail_assert.svh"

  localparam int Rows = Connections / 4;      // of each side
  localparam int RowW = $clog2(Rows);
  localparam int KeyW = 128;                  // {13 bits zero, enabled, queue pair, valid, id, tuple}
  localparam int ValidBit  = 96 + 14;
  localparam int EnableBit = ValidBit + 4;

  // ---------------------------------------------------------------- operations
  localparam logic [2:0] OpIdle    = 3'd0;
  localparam logic [2:0] OpHash    = 3'd1;    // operands are registered, hash
  localparam logic [2:0] OpRead    = 3'd2;    // read both rows, lookups stand
  localparam logic [2:0] OpCompare = 3'd3;    // rows are there, decide
  localparam logic [2:0] OpWrite   = 3'd4;    // write one row, answer
  localparam logic [2:0] OpReturn  = 3'd5;    // read the rows of the segment in the last stage again

  logic [2:0]  op_q;
  logic        op_insert_q, op_delete_q;      // neither: enable
  logic [95:0] op_tuple_q;
  logic [13:0] op_id_q;
  logic [2:0]  op_qp_q;
  logic        op_side_q;                     // row to write: 1 right
  logic        op_write_q;                    // there is something to write
  logic [1:0]  op_code_q;
  logic [511:0] op_row_q;
  logic [RowW-1:0] op_left_q, op_right_q;

  // ---------------------------------------------------------------- lookup pipeline
  //   hash      s_seg is hashed         -> p1
  //   read      rows of p1 are read     -> p2
  //   compare   rows against p2         -> m_seg
  logic              p1_valid_q, p2_valid_q;
  fantail_pkg::seg_t p1_q, p2_q;
  logic [RowW-1:0]   p1_left_q, p1_right_q, p2_left_q, p2_right_q;
  logic              stand;                   // an operation has the rows
  logic              move2, move1;            // p2 and p1 go on

  assign stand       = op_q == OpRead || op_q == OpCompare || op_q == OpWrite || op_q == OpReturn;
  assign move2       = !stand && (!m_seg_valid || m_seg_ready);
  assign move1       = !stand && (!p2_valid_q || move2);
  assign s_seg_ready = op_q != OpHash && (!p1_valid_q || move1);

  // One hash unit: an operation uses it in a cycle in which no segment is taken.
  logic                hash_op;
  fantail_pkg::tuple_t hash_tuple;
  logic [31:0]         hash;
  assign hash_op = op_q == OpHash;
  always_comb begin : hash_operand
    hash_tuple = op_tuple_q;
    if (!hash_op) begin
      hash_tuple.local_ip    = s_seg_data.local_ip;
      hash_tuple.remote_ip   = s_seg_data.remote_ip;
      hash_tuple.local_port  = s_seg_data.local_port;
      hash_tuple.remote_port = s_seg_data.remote_port;
    end
  end
  fantail_toeplitz u_hash (
    .valid_i (hash_op || s_seg_valid),
    .tuple_i (hash_tuple),
    .key_i   (hash_key_i),
    .hash_o  (hash)
  );

  logic [RowW-1:0] read_left, read_right;
  logic            read;
  logic            busy_left, busy_right;
  logic [511:0]    row_left, row_right;
  always_comb begin : read_address
    read       = p1_valid_q && move1;
    read_left  = p1_left_q;
    read_right = p1_right_q;
    if (op_q == OpRead) begin
      read       = 1'b1;
      read_left  = op_left_q;
      read_right = op_right_q;
    end else if (op_q == OpReturn) begin
      read       = 1'b1;
      read_left  = p2_left_q;
      read_right = p2_right_q;
    end
  end

  fantail_table #(
    .Width(512),
    .Depth(Rows)
  ) u_left (
    .clk,
    .rst,
    .busy_o  (busy_left),
    .we_i    (op_q == OpWrite && op_write_q && !op_side_q),
    .waddr_i (op_left_q),
    .wdata_i (op_row_q),
    .re_i    (read),
    .raddr_i (read_left),
    .rdata_o (row_left)
  );
  fantail_table #(
    .Width(512),
    .Depth(Rows)
  ) u_right (
    .clk,
    .rst,
    .busy_o  (busy_right),
    .we_i    (op_q == OpWrite && op_write_q && op_side_q),
    .waddr_i (op_right_q),
    .wdata_i (op_row_q),
    .re_i    (read),
    .raddr_i (read_right),
    .rdata_o (row_right)
  );
  assign busy_o = busy_left || busy_right;

  // ---------------------------------------------------------------- compare: eight keys, for a segment or an operation
  logic        compare_op, compare_seg;
  logic [95:0] want;
  logic [3:0]  used_left, used_right, match_left, match_right;
  logic [13:0] match_id;
  logic [2:0]  match_qp;
  logic        match_enabled;
  assign compare_op  = op_q == OpCompare;
  assign compare_seg = p2_valid_q && p2_q.tcp && !stand && !busy_o;
  assign want        = compare_op ? op_tuple_q : {p2_q.local_ip, p2_q.remote_ip, p2_q.local_port, p2_q.remote_port};
  always_comb begin : compare
    used_left   = '0;
    used_right  = '0;
    match_left  = '0;
    match_right = '0;
    match_id    = '0;
    match_qp    = '0;
    match_enabled = 1'b0;
    if (compare_op || compare_seg) begin
      for (int k = 0; k < 4; k++) begin
        used_left[k]   = row_left[k*KeyW + ValidBit];
        used_right[k]  = row_right[k*KeyW + ValidBit];
        match_left[k]  = used_left[k] && row_left[k*KeyW +: 96] == want;
        match_right[k] = used_right[k] && row_right[k*KeyW +: 96] == want;
        match_id       = match_id | ({14{match_left[k]}} & row_left[k*KeyW + 96 +: 14])
                         | ({14{match_right[k]}} & row_right[k*KeyW + 96 +: 14]);
        match_qp       = match_qp | ({3{match_left[k]}} & row_left[k*KeyW + ValidBit + 1 +: 3])
                         | ({3{match_right[k]}} & row_right[k*KeyW + ValidBit + 1 +: 3]);
        match_enabled  = match_enabled || (match_left[k] && row_left[k*KeyW + EnableBit])
                         || (match_right[k] && row_right[k*KeyW + EnableBit]);
      end
    end
  end

  // What an operation does to which key of which row.
  logic         side, found, full;
  logic [2:0]   count_left, count_right;
  logic [3:0]   lane, used;
  logic [511:0] new_row;
  always_comb begin : edit
    count_left  = {2'd0, used_left[0]} + {2'd0, used_left[1]} + {2'd0, used_left[2]} + {2'd0, used_left[3]};
    count_right = {2'd0, used_right[0]} + {2'd0, used_right[1]} + {2'd0, used_right[2]} + {2'd0, used_right[3]};
    found       = {match_left, match_right} != '0;
    full        = used_left == '1 && used_right == '1;
    side        = op_insert_q ? count_right < count_left : match_right != '0;
    used        = side ? used_right : used_left;
    lane        = op_insert_q ? ~used & (used + 4'd1) : match_left | match_right;
    new_row     = op_row_q;
    if (compare_op) begin
      new_row = side ? row_right : row_left;
      for (int k = 0; k < 4; k++) begin
        if (lane[k] && op_insert_q) new_row[k*KeyW +: KeyW] = {14'd0, op_qp_q, 1'b1, op_id_q, op_tuple_q};
        if (lane[k] && op_delete_q) new_row[k*KeyW +: KeyW] = '0;
        if (lane[k] && !op_insert_q && !op_delete_q) new_row[k*KeyW + EnableBit] = 1'b1;
      end
    end
  end

  assign s_flow_ready = op_q == OpIdle && !busy_o;
  always_ff @(posedge clk) begin
    if (s_flow_valid && s_flow_ready) begin
      op_insert_q <= s_flow_op == fantail_pkg::FlowInsert;
      op_delete_q <= s_flow_op == fantail_pkg::FlowDelete;
      op_tuple_q  <= s_flow_tuple;
      op_id_q     <= s_flow_id;
      op_qp_q     <= s_flow_qp;
    end
    if (op_q == OpHash) begin
      op_left_q  <= hash[RowW-1:0];
      op_right_q <= hash[16 +: RowW];
    end
    if (compare_op) begin
      op_side_q  <= side;
      op_write_q <= op_insert_q ? !found && !full : found;
      op_row_q   <= new_row;
      if (op_insert_q) op_code_q <= found ? 2'd1 : full ? 2'd2 : 2'd0;
      else op_code_q <= {1'b0, !found};
    end
    if (rst) begin
      op_q <= OpIdle;
    end else begin
      case (op_q)
        OpIdle:    if (s_flow_valid && s_flow_ready) op_q <= OpHash;
        OpHash:    op_q <= OpRead;
        OpRead:    op_q <= OpCompare;
        OpCompare: op_q <= OpWrite;
        OpWrite:   op_q <= OpReturn;
        default:   op_q <= OpIdle;
      endcase
    end
  end
  assign flow_rsp_valid_o = op_q == OpReturn;
  assign flow_rsp_code_o  = op_code_q;

  // ---------------------------------------------------------------- pipeline registers
  always_ff @(posedge clk) begin
    if (s_seg_valid && s_seg_ready) begin
      p1_q       <= s_seg_data;
      p1_left_q  <= hash[RowW-1:0];
      p1_right_q <= hash[16 +: RowW];
    end
    if (p1_valid_q && move1) begin
      p2_q       <= p1_q;
      p2_left_q  <= p1_left_q;
      p2_right_q <= p1_right_q;
    end
    if (p2_valid_q && move2) begin
      m_seg_data     <= p2_q;
      m_seg_data.hit <= found && match_enabled && (!p2_q.inject || match_qp == p2_q.qp);
      m_seg_data.id  <= match_id;
    end
    if (rst) begin
      p1_valid_q  <= 1'b0;
      p2_valid_q  <= 1'b0;
      m_seg_valid <= 1'b0;
    end else begin
      if (s_seg_valid && s_seg_ready) p1_valid_q <= 1'b1;
      else if (move1) p1_valid_q <= 1'b0;
      if (p1_valid_q && move1) p2_valid_q <= 1'b1;
      else if (move2) p2_valid_q <= 1'b0;
      if (p2_valid_q && move2) m_seg_valid <= 1'b1;
      else if (m_seg_ready) m_seg_valid <= 1'b0;
    end
  end

  assign inj_rsp_valid_o = inj_drop_i || (m_seg_valid && m_seg_ready && m_seg_data.inject);
  assign inj_rsp_hit_o   = !inj_drop_i && m_seg_data.hit;
  assign idle_o          = op_q == OpIdle && !s_seg_valid && !p1_valid_q && !p2_valid_q && !m_seg_valid;

  logic unused;
  assign unused = &{1'b0, hash};

  if ((4 << RowW) != Connections || Connections < 16 || Connections > 16384) begin : gen_check
    $fatal(1, "fantail_flow: Connections is not a power of two from 16 to 16384");
  end

  `ASSERT(OneMatch, (({match_left, match_right}) & (({match_left, match_right}) - 8'd1)) == '0)
  `ASSERT(KnownOp, !s_flow_valid || s_flow_op != 2'd0)

endmodule
