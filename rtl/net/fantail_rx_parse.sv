// SPDX-License-Identifier: Apache-2.0
// Receive parser: judges frames, extracts their segment, keeps their bytes for delivery.
//
//   s_frame (MAC) --+                 +--> fantail_hold: lines of kept frames ----------> delivery
//                   +-> sum -> judge -+
//   s_inj   (host) -+                 +--> m_seg, one per kept frame, same order -------> flow table
//
//   sum    one beat per cycle: header bytes into hdr_q, TCP checksum over masked words (32-bit lanes: the ones'
//          complement sum does not care), total length cuts off the padding
//   judge  one frame per cycle without IP options and with TCP options none or NOP NOP TS first; otherwise one more
//          cycle per IP option word and per TCP option
//
// Contract
//   Frames of one source are never interleaved with the other's; the host's go first between frames. Kept: everything
//   but what is counted here: impossible header lengths (drop_malformed), a wrong IP or TCP checksum (drop_checksum;
//   RFC 9293 MUST-2/3), fragments (drop_fragment). IP options are skipped (MUST-50), TCP options but timestamps
//   skipped by length; a zero or overlong option length ends the scan, the segment lives (MUST-7).
//   m_seg holds until taken; tcp = 0 means that only inject, qp and frame_len have a meaning. m_seg_valid for a frame never
//   comes before its lines are complete in the hold. inj_drop_o: an injected frame was dropped here, no m_seg follows.
//   Whose a frame for the host is: that of the queue pair whose local_ip_i is the IPv4 destination or the ARP target
//   address (0: it has none); else queue pair 0's.
//   Hold read port: see fantail_hold.

module fantail_rx_parse #(
  parameter int HoldBeats  = 128, // 64-byte lines of frames waiting for their verdict, a power of two
  parameter int QueuePairs = 1
) (
  input  logic              clk,
  input  logic              rst,
  input  logic [32*QueuePairs-1:0] local_ip_i,
  input  logic              s_frame_valid,
  output logic              s_frame_ready,
  input  logic [511:0]      s_frame_data,
  input  logic [6:0]        s_frame_bytes,
  input  logic              s_frame_last,
  input  logic              s_inj_valid,
  output logic              s_inj_ready,
  input  logic [511:0]      s_inj_data,
  input  logic [6:0]        s_inj_bytes,
  input  logic              s_inj_last,
  input  logic [2:0]        s_inj_qp,          // who injects; constant until the answer
  output logic              m_seg_valid,
  input  logic              m_seg_ready,
  output fantail_pkg::seg_t m_seg_data,
  output logic              hold_valid_o,
  input  logic              hold_re_i,
  input  logic [4:0]        hold_line_i,
  output logic [511:0]      hold_data_o,
  input  logic              hold_pop_i,
  output logic              inj_drop_o,
  output logic              idle_o,
  output logic              cnt_rx_drop_checksum_o,
  output logic              cnt_rx_drop_fragment_o,
  output logic              cnt_rx_drop_malformed_o,
  output fantail_pkg::stage_t stage_o
);
  `include "fantail_assert.svh"

  localparam logic [15:0] EtherIpv4 = 16'h0800;
  localparam logic [15:0] EtherArp  = 16'h0806;
  localparam logic [7:0]  ProtoTcp  = 8'd6;
  localparam int HeaderBytes = 134;            // Ethernet 14, IP 60, TCP 60
  localparam int TailBytes   = HeaderBytes - 34;

  // ---------------------------------------------------------------- input: which source, which beat
  logic         inside_q;                      // between the first and the last beat of a frame
  logic         sel_q;                         // its source
  logic         sel, first, in_valid, in_last, take;
  logic         sum_ready, hold_ready;
  logic [511:0] in_data;
  logic [6:0]   in_bytes;

  assign sel           = inside_q ? sel_q : s_inj_valid;
  assign first         = !inside_q;
  assign in_valid      = sel ? s_inj_valid : s_frame_valid;
  assign in_data       = sel ? s_inj_data : s_frame_data;
  assign in_bytes      = sel ? s_inj_bytes : s_frame_bytes;
  assign in_last       = sel ? s_inj_last : s_frame_last;
  assign take          = in_valid && sum_ready && hold_ready;
  assign s_inj_ready   = sel && sum_ready && hold_ready;
  assign s_frame_ready = !sel && sum_ready && hold_ready;
  assign stage_o       = {in_valid && !take, take};

  always_ff @(posedge clk) begin
    if (rst) begin
      inside_q <= 1'b0;
      sel_q    <= 1'b0;
    end else if (take) begin
      inside_q <= !in_last;
      sel_q    <= sel;
    end
  end

  // ---------------------------------------------------------------- sum: mask, add
  // What the first beat says about the later ones.
  logic [16:0] rest_q;                         // IP bytes from the next beat on, counted from the frame's start
  logic [15:0] skip_q;                         // bytes of beat 1 that are IP options
  logic        tcp_q;                          // sum at all
  logic [4:0]  beats_q;                        // beats so far
  logic [10:0] len_q;                          // bytes so far

  logic [3:0]  in_ihl;
  logic [15:0] in_total;
  logic        in_tcp;
  logic [16:0] in_rest;
  logic [79:0] in_skip;                        // bytes of beats 0 and 1 that are IP options
  logic [63:0] in_mask;
  logic [33:0] part0, part1, part2, part3;

  always_comb begin : mask_and_add
    logic [31:0] w;
    in_ihl   = in_data[14*8 +: 4];
    in_total = {in_data[16*8 +: 8], in_data[17*8 +: 8]};
    in_tcp   = tcp_q;
    in_rest  = rest_q;
    in_skip  = '0;
    in_mask  = '0;
    part0    = '0;
    part1    = '0;
    part2    = '0;
    part3    = '0;
    w        = '0;
    if (in_valid && first) begin
      in_tcp  = {in_data[12*8 +: 8], in_data[13*8 +: 8]} == EtherIpv4 && in_data[23*8 +: 8] == ProtoTcp;
      in_rest = {1'b0, in_total} + 17'd14;
      if (in_ihl > 4'd5) in_skip = ((80'd1 << {in_ihl - 4'd5, 2'd0}) - 80'd1) << 34;
    end
    if (in_valid && in_tcp) begin
      in_mask = in_rest >= 17'd64 ? '1 : (64'd1 << in_rest[5:0]) - 64'd1;
      // From the IP addresses (pseudo header) on, without the options.
      if (first) in_mask = in_mask & ~in_skip[63:0] & ~64'h3FF_FFFF;
      else if (beats_q == 5'd1) in_mask = in_mask & ~{48'd0, skip_q};
      for (int i = 0; i < 16; i++) begin
        w = in_data[i*32 +: 32] & {{8{in_mask[i*4+3]}}, {8{in_mask[i*4+2]}}, {8{in_mask[i*4+1]}}, {8{in_mask[i*4]}}};
        if (i < 4) part0 = part0 + {2'd0, w};
        else if (i < 8) part1 = part1 + {2'd0, w};
        else if (i < 12) part2 = part2 + {2'd0, w};
        else part3 = part3 + {2'd0, w};
      end
    end
  end

  logic         s1_valid_q, s1_last_q, s1_first_q, s1_inject_q;
  logic [33:0]  s1_part0_q, s1_part1_q, s1_part2_q, s1_part3_q;
  logic [16:0]  s1_pseudo_q;                   // TCP length and protocol, byte-swapped like the data
  logic [41:0]  acc_q, acc;
  logic [HeaderBytes*8-1:0] hdr_q;
  logic [15:0]  in_tcp_len;
  logic         judge_ready, load;

  assign in_tcp_len = in_total - {10'd0, in_ihl, 2'd0};
  assign load       = s1_valid_q && s1_last_q && judge_ready;
  assign sum_ready  = !(s1_valid_q && s1_last_q) || judge_ready;

  always_comb begin : accumulate
    acc = '0;
    if (s1_valid_q) begin
      acc = (s1_first_q ? {25'd0, s1_pseudo_q} : acc_q) + {8'd0, s1_part0_q} + {8'd0, s1_part1_q}
            + {8'd0, s1_part2_q} + {8'd0, s1_part3_q};
    end
  end

  always_ff @(posedge clk) begin
    if (take) begin
      s1_first_q  <= first;
      s1_last_q   <= in_last;
      s1_inject_q <= sel;
      s1_part0_q  <= part0;
      s1_part1_q  <= part1;
      s1_part2_q  <= part2;
      s1_part3_q  <= part3;
      rest_q      <= in_rest > 17'd64 ? in_rest - 17'd64 : '0;
      tcp_q       <= in_tcp;
      beats_q     <= first ? 5'd1 : beats_q + 1'b1;
      len_q       <= (first ? 11'd0 : len_q) + {4'd0, in_bytes};
      if (first) begin
        skip_q        <= in_skip[79:64];
        s1_pseudo_q   <= {1'b0, in_tcp_len[7:0], in_tcp_len[15:8]} + {1'b0, ProtoTcp, 8'd0};
        hdr_q[511:0]  <= in_data;
      end else if (beats_q == 5'd1) begin
        hdr_q[1023:512] <= in_data;
      end else if (beats_q == 5'd2) begin
        hdr_q[HeaderBytes*8-1:1024] <= in_data[HeaderBytes*8-1-1024:0];
      end
    end
    if (s1_valid_q && sum_ready) acc_q <= acc;
    if (rst) s1_valid_q <= 1'b0;
    else if (take) s1_valid_q <= 1'b1;
    else if (sum_ready) s1_valid_q <= 1'b0;
  end

  // ---------------------------------------------------------------- judge
  localparam logic [1:0] JudgeEmpty = 2'd0;    // no frame
  localparam logic [1:0] JudgeCheck = 2'd1;    // IP options leave one word per cycle, then the checks
  localparam logic [1:0] JudgeScan  = 2'd2;    // one TCP option per cycle

  logic [1:0]   state_q, next_state;
  logic [1:0]   state_d;                       // of a frame that stays
  logic         b_inject_q;
  logic [4:0]   b_beats_q;
  logic [10:0]  b_len_q;
  logic [15:0]  b_type_q;
  logic [7:0]   b_vhl_q;
  logic [15:0]  b_total_q;
  logic         b_frag_q;                      // more fragments follow, or an offset
  logic [7:0]   b_proto_q;
  logic [31:0]  b_src_q, b_dst_q;
  logic [39:0]  b_ipsum_q;
  logic [41:0]  b_sum_q;
  logic [3:0]   b_words_q;                     // IP option words still before the TCP header
  logic [5:0]   b_left_q;                      // TCP option bytes still to scan
  logic [TailBytes*8-1:0] tail_q;              // what follows the addresses; from JudgeCheck's end on, the TCP header

  logic [39:0]  ip_words;
  always_comb begin : add_ip_header
    ip_words = '0;
    if (load) begin
      for (int i = 0; i < 5; i++) ip_words = ip_words + {8'd0, hdr_q[(14+4*i)*8 +: 32]};
    end
  end

  // The checks, in this order.
  logic        is_ip, ip_bad, ip_sum_bad, fragment, is_tcp, tcp_bad, tcp_sum_bad, fast_ts, no_options;
  logic [15:0] ip_header, tcp_len, tcp_header;
  logic        drop_malformed, drop_checksum, drop_fragment, drop;
  always_comb begin : check
    logic [18:0] fold1;
    logic [17:0] fold2;
    is_ip       = b_type_q == EtherIpv4;
    ip_header   = {10'd0, b_vhl_q[3:0], 2'd0};
    tcp_len     = b_total_q - ip_header;
    tcp_header  = {10'd0, tail_q[12*8+4 +: 4], 2'd0};
    ip_bad      = 1'b0;
    ip_sum_bad  = 1'b0;
    fragment    = 1'b0;
    is_tcp      = 1'b0;
    tcp_bad     = 1'b0;
    tcp_sum_bad = 1'b0;
    fold1       = '0;
    fold2       = '0;
    if (state_q == JudgeCheck && is_ip) begin
      ip_bad      = b_len_q < 11'd34 || b_vhl_q[7:4] != 4'd4 || b_vhl_q[3:0] < 4'd5 || b_total_q < ip_header
                    || {1'b0, b_total_q} + 17'd14 > {6'd0, b_len_q};
      fold1       = {3'd0, b_ipsum_q[15:0]} + {3'd0, b_ipsum_q[31:16]} + {11'd0, b_ipsum_q[39:32]};
      fold2       = {2'd0, fold1[15:0]} + {15'd0, fold1[18:16]};
      ip_sum_bad  = fold2 != 18'hFFFF;
      fragment    = b_frag_q;
      is_tcp      = b_proto_q == ProtoTcp;
      tcp_bad     = tcp_len < 16'd20 || tcp_header < 16'd20 || tcp_header > tcp_len;
      fold1       = {3'd0, b_sum_q[15:0]} + {3'd0, b_sum_q[31:16]} + {9'd0, b_sum_q[41:32]};
      fold2       = {2'd0, fold1[15:0]} + {15'd0, fold1[18:16]};
      tcp_sum_bad = fold2 != 18'hFFFF;
    end
    drop_malformed = ip_bad || (!ip_sum_bad && !fragment && is_tcp && tcp_bad);
    drop_checksum  = !ip_bad && (ip_sum_bad || (!fragment && is_tcp && !tcp_bad && tcp_sum_bad));
    drop_fragment  = !ip_bad && !ip_sum_bad && fragment;
    drop           = drop_malformed || drop_checksum || drop_fragment;
  end

  // Timestamps alone (RFC 7323 appendix A) stand behind two NOPs: no scan.
  assign no_options = tcp_header == 16'd20;
  assign fast_ts    = tcp_header >= 16'd32 && tail_q[20*8 +: 32] == 32'h0A08_0101;

  // One option per cycle.
  logic [7:0]  opt_kind, opt_len;
  logic        opt_ts, opt_end;
  logic [5:0]  opt_step;
  assign opt_kind = tail_q[20*8 +: 8];
  assign opt_len  = tail_q[21*8 +: 8];
  always_comb begin : option
    opt_ts   = 1'b0;
    opt_end  = 1'b0;
    opt_step = 6'd1;
    if (b_left_q == '0 || opt_kind == 8'd0) begin
      opt_end = 1'b1;
    end else if (opt_kind != 8'd1) begin
      opt_step = opt_len[5:0];
      if (b_left_q < 6'd2 || opt_len < 8'd2 || opt_len > {2'd0, b_left_q}) opt_end = 1'b1;
      else if (opt_kind == 8'd8 && opt_len == 8'd10) opt_ts = 1'b1;
    end
  end

  logic emit, emit_tcp, emit_ts, can_emit, checked;
  assign can_emit = !m_seg_valid || m_seg_ready;
  assign checked  = state_q == JudgeCheck && (b_words_q == '0 || !is_ip || ip_bad);
  always_comb begin : judge
    state_d     = state_q;
    emit        = 1'b0;
    emit_tcp    = 1'b0;
    emit_ts     = 1'b0;
    judge_ready = state_q == JudgeEmpty;
    case (state_q)
      JudgeCheck: begin
        if (checked) begin
          if (drop) begin
            judge_ready = 1'b1;
          end else if (is_tcp && !no_options && !fast_ts) begin
            state_d = JudgeScan;
          end else if (can_emit) begin
            emit        = 1'b1;
            emit_tcp    = is_tcp;
            emit_ts     = is_tcp && !no_options;
            judge_ready = 1'b1;
          end
        end
      end
      JudgeScan: begin
        if ((opt_end || opt_ts) && can_emit) begin
          emit        = 1'b1;
          emit_tcp    = 1'b1;
          emit_ts     = opt_ts;
          judge_ready = 1'b1;
        end
      end
      default: ;
    endcase
  end
  logic [2:0]  b_qp_q, host_qp;
  logic [31:0] host_ip;
  always_comb begin : whose
    host_qp = '0;
    host_ip = {hdr_q[30*8 +: 8], hdr_q[31*8 +: 8], hdr_q[32*8 +: 8], hdr_q[33*8 +: 8]};
    if ({hdr_q[12*8 +: 8], hdr_q[13*8 +: 8]} == EtherArp)
      host_ip = {hdr_q[38*8 +: 8], hdr_q[39*8 +: 8], hdr_q[40*8 +: 8], hdr_q[41*8 +: 8]};
    else if ({hdr_q[12*8 +: 8], hdr_q[13*8 +: 8]} != EtherIpv4) host_ip = '0;
    for (int q = QueuePairs - 1; q > 0; q--) begin
      if (host_ip != '0 && local_ip_i[32*q +: 32] == host_ip) host_qp = 3'(q);
    end
    if (local_ip_i[31:0] == host_ip) host_qp = '0;
  end

  assign next_state = !judge_ready ? state_d : load ? JudgeCheck : JudgeEmpty;

  always_ff @(posedge clk) begin
    if (rst) state_q <= JudgeEmpty;
    else state_q <= next_state;

    if (load) begin
      b_inject_q <= s1_inject_q;
      b_qp_q     <= host_qp;
      b_beats_q  <= beats_q;
      b_len_q    <= len_q;
      b_type_q   <= {hdr_q[12*8 +: 8], hdr_q[13*8 +: 8]};
      b_vhl_q    <= hdr_q[14*8 +: 8];
      b_total_q  <= {hdr_q[16*8 +: 8], hdr_q[17*8 +: 8]};
      b_frag_q   <= {hdr_q[20*8 +: 6], hdr_q[21*8 +: 8]} != '0;
      b_proto_q  <= hdr_q[23*8 +: 8];
      b_src_q    <= {hdr_q[26*8 +: 8], hdr_q[27*8 +: 8], hdr_q[28*8 +: 8], hdr_q[29*8 +: 8]};
      b_dst_q    <= {hdr_q[30*8 +: 8], hdr_q[31*8 +: 8], hdr_q[32*8 +: 8], hdr_q[33*8 +: 8]};
      b_words_q  <= hdr_q[14*8 +: 4] > 4'd5 ? hdr_q[14*8 +: 4] - 4'd5 : '0;
      b_ipsum_q  <= ip_words;
      b_sum_q    <= acc;
      tail_q     <= hdr_q[34*8 +: TailBytes*8];
    end else if (state_q == JudgeCheck && !checked) begin
      b_ipsum_q <= b_ipsum_q + {8'd0, tail_q[31:0]};
      b_words_q <= b_words_q - 1'b1;
      tail_q    <= {32'd0, tail_q[TailBytes*8-1:32]};
    end else if (state_q == JudgeScan && !opt_end && !opt_ts) begin
      tail_q[20*8 +: 320] <= tail_q[20*8 +: 320] >> {opt_step, 3'd0};
      b_left_q            <= b_left_q - opt_step;
    end
    if (state_q == JudgeCheck) b_left_q <= tcp_header[5:0] - 6'd20;
  end

  // ---------------------------------------------------------------- segment out
  // Timestamps stand 4 bytes behind the options' start in the fast case, 2 in the scanned one.
  logic [63:0] ts;
  assign ts = state_q == JudgeScan ? tail_q[22*8 +: 64] : tail_q[24*8 +: 64];

  always_ff @(posedge clk) begin
    if (emit) begin
      m_seg_data             <= '0;
      m_seg_data.tcp         <= emit_tcp;
      m_seg_data.inject      <= b_inject_q;
      m_seg_data.qp          <= b_inject_q ? s_inj_qp : b_qp_q;
      m_seg_data.frame_len   <= b_len_q;
      if (emit_tcp) begin
        m_seg_data.local_ip    <= b_dst_q;
        m_seg_data.remote_ip   <= b_src_q;
        m_seg_data.remote_port <= {tail_q[0*8 +: 8], tail_q[1*8 +: 8]};
        m_seg_data.local_port  <= {tail_q[2*8 +: 8], tail_q[3*8 +: 8]};
        m_seg_data.seq         <= {tail_q[4*8 +: 8], tail_q[5*8 +: 8], tail_q[6*8 +: 8], tail_q[7*8 +: 8]};
        m_seg_data.ack         <= {tail_q[8*8 +: 8], tail_q[9*8 +: 8], tail_q[10*8 +: 8], tail_q[11*8 +: 8]};
        m_seg_data.flags       <= tail_q[13*8 +: 8];
        m_seg_data.wnd         <= {tail_q[14*8 +: 8], tail_q[15*8 +: 8]};
        m_seg_data.has_ts      <= emit_ts;
        m_seg_data.ts_val      <= {ts[7:0], ts[15:8], ts[23:16], ts[31:24]};
        m_seg_data.ts_ecr      <= {ts[39:32], ts[47:40], ts[55:48], ts[63:56]};
        m_seg_data.pay_off     <= 11'd14 + ip_header[10:0] + tcp_header[10:0];
        m_seg_data.pay_len     <= tcp_len[10:0] - tcp_header[10:0];
      end
    end
    if (rst) m_seg_valid <= 1'b0;
    else if (emit) m_seg_valid <= 1'b1;
    else if (m_seg_ready) m_seg_valid <= 1'b0;
  end

  logic hold_empty, drop_now;
  assign drop_now                = checked && drop;
  assign cnt_rx_drop_malformed_o = drop_now && drop_malformed;
  assign cnt_rx_drop_checksum_o  = drop_now && drop_checksum;
  assign cnt_rx_drop_fragment_o  = drop_now && drop_fragment;
  assign inj_drop_o              = drop_now && b_inject_q;
  assign idle_o                  = hold_empty && !inside_q && !s1_valid_q && state_q == JudgeEmpty && !m_seg_valid;

  fantail_hold #(
    .Beats(HoldBeats)
  ) u_hold (
    .clk,
    .rst,
    .s_beat_valid  (in_valid && sum_ready),
    .s_beat_ready  (hold_ready),
    .s_beat_data   (in_data),
    .s_frame_valid (emit || drop_now),
    .s_frame_keep  (emit),
    .s_frame_beats (b_beats_q),
    .front_valid_o (hold_valid_o),
    .line_re_i     (hold_re_i),
    .line_i        (hold_line_i),
    .line_data_o   (hold_data_o),
    .pop_i         (hold_pop_i),
    .empty_o       (hold_empty)
  );

  `ASSERT(LoadOnlyFree, !load || next_state == JudgeCheck)
  `ASSERT(EmitOrDrop, !(emit && drop_now))

endmodule
