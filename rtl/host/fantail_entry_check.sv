// SPDX-License-Identifier: Apache-2.0
// What can be refused in a submission entry by looking at it alone.
//
// Contract: combinational. code_o is the first REFUSE_ code, in the order of their numbers, that the entry earns
// without knowledge of connections or host memory; REFUSE_OK otherwise. Codes are numbered in the order in which they are
// reported, so a caller that knows more takes the smaller of the two. A field an operation does not use counts
// as reserved: it must be zero. len of CONN_INSTALL may be 0 or the size of a context.

module fantail_entry_check #(
  parameter int Connections = 1024,    // connections
  parameter int Groups      = 1024,    // groups
  parameter int LogBytes    = 1048576  // bytes of the payload log; a payload is at most a quarter
) (
  input  fantail_regs_pkg::entry_t entry_i,
  input  logic                     control_i,  // on the CONTROL ring
  output logic [7:0]               code_o
);

  localparam logic [31:0] FrameBytesMin = 32'd14;
  localparam logic [63:0] MssMax        = 64'd1460;

  logic       use_target, use_addr, use_len, use_list, use_arg0, use_arg1, use_arg2;
  logic       known, handle, joins, publish, frame, update, list, group, both;
  logic [7:0] flags_ok;
  logic       unused_cookie;
  logic       reserved, len_bad, id_bad, group_bad, value_bad, code_bad, unsupported;

  assign publish = entry_i.op == fantail_regs_pkg::OP_PUBLISH;
  assign frame   = entry_i.op == fantail_regs_pkg::OP_FRAME_TX || entry_i.op == fantail_regs_pkg::OP_FRAME_INJECT;
  assign update  = entry_i.op == fantail_regs_pkg::OP_CONN_UPDATE;
  assign joins   = entry_i.op == fantail_regs_pkg::OP_GROUP_JOIN || entry_i.op == fantail_regs_pkg::OP_GROUP_LEAVE;
  assign list    = publish && (entry_i.flags & fantail_regs_pkg::FLAG_LIST) != '0;
  assign both    = publish && (entry_i.flags & fantail_regs_pkg::FLAG_LIST) != '0
      && (entry_i.flags & fantail_regs_pkg::FLAG_GROUP) != '0;
  assign group   = publish && !list && (entry_i.flags & fantail_regs_pkg::FLAG_GROUP) != '0;
  assign known   = entry_i.op <= fantail_regs_pkg::OP_RECV_RETURN;

  // which fields an operation uses
  always_comb begin
    use_target = 1'b0;
    use_addr   = 1'b0;
    use_len    = 1'b0;
    use_list   = 1'b0;
    use_arg0   = 1'b0;
    use_arg1   = 1'b0;
    use_arg2   = 1'b0;
    handle     = 1'b0;
    flags_ok   = fantail_regs_pkg::FLAG_LAST | fantail_regs_pkg::FLAG_REPORT_DELIVERED;
    case (entry_i.op)
      fantail_regs_pkg::OP_NOP: flags_ok = flags_ok | fantail_regs_pkg::FLAG_COLLECT;
      fantail_regs_pkg::OP_PUBLISH: begin
        use_target = !list;
        use_addr   = 1'b1;
        use_len    = 1'b1;
        use_list   = list;
        handle     = !list && !group;
        flags_ok   = flags_ok | fantail_regs_pkg::FLAG_GROUP | fantail_regs_pkg::FLAG_LIST;
      end
      fantail_regs_pkg::OP_CONN_INSTALL: begin
        use_target = 1'b1;
        use_addr   = 1'b1;
        use_len    = 1'b1;
        handle     = 1'b1;
      end
      fantail_regs_pkg::OP_CONN_UPDATE: begin
        use_target = 1'b1;
        use_arg0   = 1'b1;
        use_arg1   = 1'b1;
        handle     = 1'b1;
      end
      fantail_regs_pkg::OP_CONN_QUERY: begin
        use_target = 1'b1;
        use_arg0   = entry_i.arg0 == 64'(fantail_regs_pkg::QUERY_DRAINED);
        handle     = 1'b1;
      end
      fantail_regs_pkg::OP_CONN_CLOSE, fantail_regs_pkg::OP_CONN_ABORT,
      fantail_regs_pkg::OP_CONN_RELEASE: begin
        use_target = 1'b1;
        handle     = 1'b1;
      end
      fantail_regs_pkg::OP_GROUP_JOIN, fantail_regs_pkg::OP_GROUP_LEAVE: begin
        use_target = 1'b1;
        use_arg0   = 1'b1;
        handle     = 1'b1;
      end
      fantail_regs_pkg::OP_FRAME_TX, fantail_regs_pkg::OP_FRAME_INJECT: begin
        use_addr = 1'b1;
        use_len  = 1'b1;
      end
      fantail_regs_pkg::OP_RECV_RETURN: begin
        use_len  = 1'b1;
        use_arg0 = 1'b1;
        use_arg1 = 1'b1;
        use_arg2 = 1'b1;
      end
      default: ;
    endcase
  end

  assign reserved = entry_i.rsvd0 != '0 || both || (entry_i.flags & ~flags_ok) != '0
      || (!use_target && entry_i.target != '0) || (!use_addr && entry_i.addr != '0)
      || (!use_len && entry_i.len != '0) || (!use_list && (entry_i.list_len != '0 || entry_i.list_addr != '0))
      || (!use_arg0 && entry_i.arg0 != '0) || (!use_arg1 && entry_i.arg1 != '0) || (!use_arg2 && entry_i.arg2 != '0);

  always_comb begin
    len_bad = 1'b0;
    if (publish) len_bad = entry_i.len == '0 || entry_i.len > 32'(LogBytes / 4)
        || (list && (entry_i.list_len == '0 || entry_i.list_len > 32'(Connections)));
    if (frame) len_bad = entry_i.len < FrameBytesMin || entry_i.len > fantail_regs_pkg::FRAME_BYTES_MAX;
    if (entry_i.op == fantail_regs_pkg::OP_RECV_RETURN)
      len_bad = entry_i.len == '0 || entry_i.len > fantail_regs_pkg::RETURN_MAX;
    if (entry_i.op == fantail_regs_pkg::OP_CONN_INSTALL)
      len_bad = entry_i.len != '0 && entry_i.len != fantail_regs_pkg::CONTEXT_BYTES;
  end

  assign id_bad    = handle && 32'(entry_i.target[15:0]) >= 32'(Connections);
  assign group_bad = (group && entry_i.target >= 32'(Groups)) || (joins && entry_i.arg0 >= 64'(Groups));

  // arguments of CONN_UPDATE
  always_comb begin
    value_bad = 1'b0;
    code_bad  = 1'b0;
    if (update) begin
      case (entry_i.arg0)
        64'(fantail_regs_pkg::UPDATE_CREDIT), 64'(fantail_regs_pkg::UPDATE_LAG_LIMIT):
          value_bad = entry_i.arg1[63:32] != '0;
        64'(fantail_regs_pkg::UPDATE_MSS):
          value_bad = entry_i.arg1 < 64'(fantail_regs_pkg::MSS_MIN) || entry_i.arg1 > MssMax;
        64'(fantail_regs_pkg::UPDATE_MAC): value_bad = entry_i.arg1[63:48] != '0;
        64'(fantail_regs_pkg::UPDATE_POLICY): value_bad = entry_i.arg1 > 64'(fantail_regs_pkg::POLICY_REPORT);
        default: code_bad = 1'b1;
      endcase
    end
  end

  // marks are of the DATA ring, and of payloads or nothing
  assign unsupported = (entry_i.flags & fantail_regs_pkg::FLAG_REPORT_DELIVERED) != '0
      && (control_i || !(publish || entry_i.op == fantail_regs_pkg::OP_NOP));

  assign unused_cookie = ^entry_i.cookie;

  // in the order of the codes
  always_comb begin
    code_o = fantail_regs_pkg::REFUSE_OK;
    if (!known) code_o = fantail_regs_pkg::REFUSE_UNKNOWN_OP;
    else if (reserved) code_o = fantail_regs_pkg::REFUSE_RESERVED;
    else if (publish && control_i) code_o = fantail_regs_pkg::REFUSE_WRONG_RING;
    else if (len_bad) code_o = fantail_regs_pkg::REFUSE_LENGTH;
    else if (id_bad) code_o = fantail_regs_pkg::REFUSE_ID_RANGE;
    else if (group_bad) code_o = fantail_regs_pkg::REFUSE_GROUP_RANGE;
    else if (list && entry_i.list_addr[1:0] != '0) code_o = fantail_regs_pkg::REFUSE_LIST_ALIGN;
    else if (value_bad) code_o = fantail_regs_pkg::REFUSE_CONTEXT;
    else if (code_bad) code_o = fantail_regs_pkg::REFUSE_UPDATE_CODE;
    else if (unsupported) code_o = fantail_regs_pkg::REFUSE_UNSUPPORTED;
  end

endmodule
