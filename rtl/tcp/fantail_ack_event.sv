// SPDX-License-Identifier: Apache-2.0
// What one event does to the acknowledge owner's state. Combinational: state and event in, next state and verdict out.
//
// Sections, in order: judge the segment, receive side, acknowledgement, window, congestion, round trip time, timer, commands.
// Segment checks follow RFC 9293 3.10.7.4; the numbers behind "row" are those of docs/tcp.md.

module fantail_ack_event (
  input  logic [3:0]                  kind_i,        // fantail_ack: Ev*
  input  logic                        data_ok_i,     // a receive slot can be had
  input  logic [31:0]                 now_us_i,
  input  logic [31:0]                 now_ms_i,
  input  logic [31:0]                 rto_min_us_i,
  input  logic [31:0]                 rto_max_us_i,
  input  fantail_tcp_pkg::ack_t       s_i,           // state before
  input  fantail_tcp_pkg::tx_t        tx_i,
  input  fantail_tcp_pkg::enq_t       enq_i,
  input  fantail_tcp_pkg::par_t       par_i,
  input  fantail_pkg::seg_t           seg_i,         // of a segment or frame
  input  logic [31:0]                 value_i,       // of a command
  input  fantail_regs_pkg::context_t  ctx_i,         // of an install
  output fantail_tcp_pkg::ack_t       n_o,           // state after
  output logic [1:0]                  verdict_o,     // fantail_pkg::Verdict*
  output logic [10:0]                 pay_off_o,
  output logic [10:0]                 pay_len_o,
  output logic [15:0]                 ev_o,
  output logic                        wake_o,        // the transmitter may have something to do
  output logic                        cnt_dup_o,
  output logic                        cnt_fast_o,
  output logic                        cnt_timeout_o,
  output logic                        cnt_window_o,  // out of order or outside the window
  output logic                        cnt_reset_o
);

  localparam int FlagFin = 0, FlagSyn = 1, FlagRst = 2, FlagAck = 4;

  logic [31:0] mss;
  logic        segment;
  assign mss     = 32'(par_i.mss);
  assign segment = (kind_i == fantail_tcp_pkg::EvSegment) && s_i.alive;

  // ---------------------------------------------------------------- judge the segment
  logic [31:0] off, rcv_wnd, old_bytes, seg_len, fresh;
  logic        is_fin, behind, beyond, acceptable, in_order, paws, rst_in_window;

  assign is_fin   = seg_i.flags[FlagFin];
  assign off      = seg_i.seq - s_i.rcv_nxt;
  assign rcv_wnd  = s_i.rcv_edge - s_i.rcv_nxt;
  assign seg_len  = 32'(seg_i.pay_len) + 32'(is_fin);
  assign behind   = off[31];                                  // begins before rcv_nxt
  assign old_bytes = behind ? (s_i.rcv_nxt - seg_i.seq) : '0; // of it received before
  // nothing of it is new (a pure ACK from before, a repeated segment, a keepalive probe)
  assign beyond     = !behind && (off >= rcv_wnd) && (off != '0);
  assign acceptable = (behind ? (old_bytes < seg_len) : !beyond);
  assign in_order   = acceptable && (behind || off == '0);
  assign fresh      = 32'(seg_i.pay_len) - old_bytes;         // payload bytes that are new, when in_order
  assign paws       = par_i.ts && seg_i.has_ts && ($signed(seg_i.ts_val - s_i.ts_recent) < 0);  // RFC 7323 5.3
  assign rst_in_window = !behind && (off < rcv_wnd || off == '0);

  logic rst_hit, rst_challenge, syn_challenge, refuse, good;
  assign rst_hit       = segment && seg_i.flags[FlagRst] && (off == '0);                          // RFC 5961 3.2
  assign rst_challenge = segment && seg_i.flags[FlagRst] && (off != '0) && rst_in_window;
  assign syn_challenge = segment && !seg_i.flags[FlagRst] && seg_i.flags[FlagSyn];                // RFC 5961 4.2
  assign refuse        = segment && !seg_i.flags[FlagRst] && !seg_i.flags[FlagSyn] && (paws || !acceptable);  // row 11
  assign good          = segment && !seg_i.flags[FlagRst] && !seg_i.flags[FlagSyn] && seg_i.flags[FlagAck]
                      && !paws && acceptable;

  // ---------------------------------------------------------------- acknowledgement field
  logic [31:0] acked, outstanding, flight;
  logic        ack_new, ack_high, ack_same, ack_dup, fin_acked_now;

  assign acked       = seg_i.ack - s_i.una;
  assign outstanding = tx_i.max - s_i.una;
  assign ack_high    = good && !acked[31] && (acked > outstanding);                               // row 12
  assign ack_new     = good && !acked[31] && (acked != '0) && !ack_high;
  assign ack_same    = good && (acked == '0);
  assign flight      = outstanding;
  assign fin_acked_now = ack_new && enq_i.closing && (seg_i.ack == enq_i.queued + 32'd1);

  // ---------------------------------------------------------------- window (RFC 9293 3.10.7.4, row 13)
  logic [31:0] seg_wnd;
  logic        wnd_take, wnd_changed;
  assign seg_wnd     = 32'(seg_i.wnd) << par_i.snd_wscale;
  assign wnd_take    = good && !ack_high && !acked[31]
                    && ($signed(s_i.wl1 - seg_i.seq) < 0 || (s_i.wl1 == seg_i.seq && $signed(s_i.wl2 - seg_i.ack) <= 0));
  assign wnd_changed = wnd_take && (seg_wnd != s_i.swnd);
  assign ack_dup     = ack_same && (outstanding != '0) && (seg_len == '0) && (seg_wnd == s_i.swnd);  // RFC 5681 2

  // ---------------------------------------------------------------- receive side
  logic        take_data, take_fin, want_ack;
  assign take_data = good && !ack_high && in_order && (seg_i.pay_len != '0) && (fresh != '0) && !fresh[31]
                  && (fresh <= rcv_wnd) && data_ok_i && !s_i.peer_fin;
  assign take_fin  = good && !ack_high && is_fin && in_order && !s_i.peer_fin
                  && (take_data || (fresh == '0));
  // everything with sequence space is answered, unless it was dropped for lack of a slot (row 44: at once)
  assign want_ack  = rst_challenge || syn_challenge || refuse || ack_high
                  || (good && (seg_len != '0) && !(in_order && (fresh != '0) && !data_ok_i));

  // ---------------------------------------------------------------- congestion
  logic        full_ack, partial_ack, enter_rec;
  logic [31:0] half_flight, ss_target, grow, acc_next, deflated;

  assign full_ack    = ack_new && s_i.in_rec && ($signed(seg_i.ack - s_i.recover) >= 0);
  assign partial_ack = ack_new && s_i.in_rec && !full_ack;
  assign enter_rec   = ack_dup && !s_i.in_rec && (s_i.dup == 2'd2) && ($signed(s_i.una - s_i.recover) > 0);
  assign half_flight = {1'b0, flight[31:1]};
  assign ss_target   = half_flight > {mss[30:0], 1'b0} ? half_flight : {mss[30:0], 1'b0};          // RFC 5681 eq. 4
  assign grow        = acked < mss ? acked : mss;                                                  // RFC 5681 eq. 2
  assign acc_next    = s_i.acc + acked;
  assign deflated    = (s_i.cwnd > acked ? s_i.cwnd - acked : '0) + mss;                           // RFC 6582 3.2

  // ---------------------------------------------------------------- round trip time (RFC 6298 2)
  logic        karn_hit, rtt_take;
  logic [31:0] karn_us, ts_ms, rtt_us, err, abs_err, srtt_next, rttvar_next, rto_next, rto_raw;
  assign karn_hit = ack_new && tx_i.rtt_valid && ($signed(tx_i.rtt_seq - s_i.una) >= 0)
                 && ($signed(seg_i.ack - tx_i.rtt_seq) > 0);
  assign karn_us  = now_us_i - tx_i.rtt_us;
  assign ts_ms    = now_ms_i + par_i.ts_offset - seg_i.ts_ecr;
  assign rtt_take = karn_hit || (ack_new && par_i.ts && seg_i.has_ts && (ts_ms < 32'h0001_0000));
  assign rtt_us   = karn_hit ? karn_us : (ts_ms << 10) - (ts_ms << 4) - (ts_ms << 3);              // * 1000
  assign err      = rtt_us - (s_i.srtt >> 3);
  assign abs_err  = err[31] ? -err : err;
  assign srtt_next   = s_i.rtt_have ? s_i.srtt + err : rtt_us << 3;
  assign rttvar_next = s_i.rtt_have ? s_i.rttvar - (s_i.rttvar >> 2) + abs_err : rtt_us << 1;
  assign rto_raw  = (srtt_next >> 3) + (rttvar_next == '0 ? 32'd1 : rttvar_next);                  // G is 1 us
  assign rto_next = rto_raw < rto_min_us_i ? rto_min_us_i : rto_raw > rto_max_us_i ? rto_max_us_i : rto_raw;

  // ---------------------------------------------------------------- timer: judged again with our own state
  logic        outs, persist, due, give_up, timer;
  logic [31:0] deadline, since;
  fantail_deadline u_deadline (
    .ack_i         (s_i),
    .tx_max_i      (tx_i.max),
    .tx_arm_us_i   (tx_i.arm_us),
    .queued_i      (enq_i.queued),
    .mss_i         (par_i.mss),
    .rto_max_us_i,
    .outstanding_o (outs),
    .persist_o     (persist),
    .deadline_us_o (deadline),
    .since_us_o    (since)
  );
  assign due     = (outs || persist) && ($signed(now_us_i - deadline) >= 0);
  assign timer   = (kind_i == fantail_tcp_pkg::EvTimer) && s_i.alive && due;
  assign give_up = timer && outs && ((now_us_i - since) > par_i.give_up_us);                       // row 25

  // ---------------------------------------------------------------- install
  logic [31:0] ctx_mss, ctx_rto;
  assign ctx_mss = 32'(ctx_i.mss);
  assign ctx_rto = ctx_i.srtt_us + (ctx_i.srtt_us << 1);

  // ---------------------------------------------------------------- next state
  logic [31:0] initial_wnd;
  always_comb begin
    // RFC 6928: min(10 MSS, max(2 MSS, 14600))
    initial_wnd = (ctx_mss << 1) > 32'd14600 ? (ctx_mss << 1) : 32'd14600;
    if (initial_wnd > (ctx_mss << 3) + (ctx_mss << 1)) initial_wnd = (ctx_mss << 3) + (ctx_mss << 1);

    n_o           = s_i;
    verdict_o     = kind_i == fantail_tcp_pkg::EvSegment ? fantail_pkg::VerdictDrop : fantail_pkg::VerdictNone;
    pay_off_o     = seg_i.pay_off;
    pay_len_o     = seg_i.pay_len;
    ev_o          = '0;
    wake_o        = 1'b0;
    cnt_timeout_o = 1'b0;

    case (kind_i)
      fantail_tcp_pkg::EvSegment: begin
        if (rst_hit) begin
          n_o.alive = 1'b0;
          ev_o      = fantail_regs_pkg::EV_RESET;
        end
        if (want_ack || take_fin) n_o.ack_gen = s_i.ack_gen + 2'd1;

        // receive
        if (take_data) begin
          verdict_o   = fantail_pkg::VerdictData;
          pay_off_o   = seg_i.pay_off + old_bytes[10:0];
          pay_len_o   = fresh[10:0];
          n_o.rcv_nxt = s_i.rcv_nxt + fresh;
        end
        if (take_fin) begin
          n_o.peer_fin = 1'b1;
          n_o.rcv_nxt  = s_i.rcv_nxt + (take_data ? fresh : 32'd0) + 32'd1;
          ev_o         = ev_o | fantail_regs_pkg::EV_PEER_FIN;
        end
        // RFC 7323 4.3: from segments that cover the last ACK sent
        if (good && par_i.ts && seg_i.has_ts && (behind || off == '0)) n_o.ts_recent = seg_i.ts_val;

        // send window
        if (wnd_take) begin
          n_o.swnd = seg_wnd;
          n_o.wl1  = seg_i.seq;
          n_o.wl2  = seg_i.ack;
          if (seg_wnd > s_i.swnd_max) n_o.swnd_max = seg_wnd;
        end
        if (good && (s_i.swnd == '0)) begin
          n_o.progress_us = now_us_i;                       // RFC 9293 3.8.6.1: open as long as probes are answered
          if (wnd_changed) n_o.backoff = '0;
        end

        if (ack_new) begin
          n_o.una         = seg_i.ack;
          n_o.restart_us  = now_us_i;                       // RFC 6298 5.3
          n_o.progress_us = now_us_i;
          n_o.backoff     = '0;
          n_o.dup         = '0;
          if (rtt_take) begin
            n_o.rtt_have = 1'b1;
            n_o.srtt     = srtt_next;
            n_o.rttvar   = rttvar_next;
            n_o.rto_us   = rto_next;
          end
          if (full_ack) begin                               // RFC 6582 3.2 step 3, full acknowledgement
            n_o.in_rec = 1'b0;
            n_o.cwnd   = s_i.ssthresh;
          end else if (partial_ack) begin                   // the next hole, stay in recovery
            n_o.rtx_gen = s_i.rtx_gen + 2'd1;
            n_o.cwnd    = deflated;
          end else if (s_i.cwnd < s_i.ssthresh) begin       // RFC 5681 3.1, slow start
            n_o.cwnd = s_i.cwnd + grow;
          end else if (acc_next >= s_i.cwnd) begin          // avoidance: one MSS per window acknowledged
            n_o.acc  = acc_next - s_i.cwnd;
            n_o.cwnd = s_i.cwnd + mss;
          end else begin
            n_o.acc = acc_next;
          end
          if (n_o.cwnd > 32'h1000_0000) n_o.cwnd = 32'h1000_0000;
          if (fin_acked_now) begin
            n_o.fin_acked = 1'b1;
            ev_o          = ev_o | fantail_regs_pkg::EV_FIN_ACKED;
          end
        end else if (ack_dup) begin
          if (s_i.dup != 2'd3) n_o.dup = s_i.dup + 2'd1;
          if (s_i.in_rec) n_o.cwnd = s_i.cwnd + mss;        // RFC 5681 3.2 step 4
          if (enter_rec) begin                              // RFC 5681 3.2 step 2, 3
            n_o.in_rec   = 1'b1;
            n_o.recover  = tx_i.max;
            n_o.ssthresh = ss_target;
            n_o.cwnd     = ss_target + mss + (mss << 1);
            n_o.rtx_gen  = s_i.rtx_gen + 2'd1;
          end
        end
        if ((n_o.peer_fin && n_o.fin_acked) && !(s_i.peer_fin && s_i.fin_acked)) ev_o = ev_o | fantail_regs_pkg::EV_CLOSED;

        wake_o = (n_o.ack_gen != s_i.ack_gen) || (n_o.rtx_gen != s_i.rtx_gen)
              || ((ack_new || wnd_changed || (ack_dup && s_i.in_rec))
                  && ($signed(enq_i.queued + 32'(enq_i.closing) - tx_i.nxt) > 0));
      end

      fantail_tcp_pkg::EvFrame: verdict_o = seg_i.inject ? fantail_pkg::VerdictDrop : fantail_pkg::VerdictFrame;

      fantail_tcp_pkg::EvTimer: if (timer) begin
        n_o.restart_us = now_us_i;
        if (s_i.backoff != 4'd15) n_o.backoff = s_i.backoff + 4'd1;                                // RFC 6298 5.5, row 50
        wake_o = 1'b1;
        if (give_up) begin
          n_o.alive = 1'b0;
          ev_o      = fantail_regs_pkg::EV_TIMED_OUT;
        end else if (persist || (s_i.swnd == '0)) begin
          n_o.probe_gen = s_i.probe_gen + 2'd1;
        end else begin
          cnt_timeout_o = 1'b1;
          n_o.rto_gen   = s_i.rto_gen + 2'd1;
          n_o.cwnd      = mss;                                                                     // RFC 5681 3.1
          n_o.acc       = '0;
          if (s_i.backoff == '0) n_o.ssthresh = ss_target;                                         // row 28
          n_o.in_rec    = 1'b0;
          n_o.dup       = '0;
          n_o.recover   = tx_i.max;                                                                // RFC 6582 3.2 step 4
        end
      end

      fantail_tcp_pkg::EvInstall: begin
        n_o             = '0;
        n_o.alive       = 1'b1;
        n_o.una         = ctx_i.snd_nxt;
        n_o.swnd        = ctx_i.snd_wnd;
        n_o.swnd_max    = ctx_i.snd_wnd;
        n_o.wl1         = ctx_i.rcv_nxt;
        n_o.wl2         = ctx_i.snd_nxt;
        n_o.cwnd        = initial_wnd;
        n_o.ssthresh    = 32'h1000_0000;
        n_o.recover     = ctx_i.snd_nxt - 32'd1;
        n_o.rtt_have    = ctx_i.srtt_us != '0;
        n_o.srtt        = ctx_i.srtt_us << 3;
        n_o.rttvar      = ctx_i.srtt_us << 1;
        n_o.rto_us      = ctx_i.srtt_us == '0 ? 32'd1_000_000                                      // RFC 6298 2.1
                        : ctx_rto < rto_min_us_i ? rto_min_us_i : ctx_rto > rto_max_us_i ? rto_max_us_i : ctx_rto;
        n_o.restart_us  = now_us_i;
        n_o.progress_us = now_us_i;
        n_o.ts_recent   = ctx_i.ts_recent;
        n_o.rcv_nxt     = ctx_i.rcv_nxt;
        n_o.rcv_edge    = ctx_i.rcv_nxt + ctx_i.rcv_credit;
      end

      fantail_tcp_pkg::EvAbort: if (s_i.alive) begin
        n_o.alive   = 1'b0;
        n_o.rst_req = 1'b1;
        ev_o        = fantail_regs_pkg::EV_ABORTED;
        wake_o      = 1'b1;
      end

      fantail_tcp_pkg::EvOverrun: if (s_i.alive) begin
        n_o.alive   = 1'b0;
        n_o.rst_req = 1'b1;
        ev_o        = fantail_regs_pkg::EV_OVERRUN;
        wake_o      = 1'b1;
      end

      fantail_tcp_pkg::EvCredit: if (s_i.alive) begin
        n_o.rcv_edge = s_i.rcv_edge + value_i;
        // RFC 9293 3.8.6.2.2: tell the peer when a closed window opens
        if (rcv_wnd < 32'd2920) begin
          n_o.ack_gen = s_i.ack_gen + 2'd1;
          wake_o      = 1'b1;
        end
      end

      fantail_tcp_pkg::EvQuery:    ev_o = fantail_regs_pkg::EV_QUERY;
      fantail_tcp_pkg::EvRetire:   n_o.alive = 1'b0;
      fantail_tcp_pkg::EvReleased: ev_o = fantail_regs_pkg::EV_RELEASED;
      default: ;
    endcase
  end

  assign cnt_dup_o    = ack_dup;
  assign cnt_fast_o   = enter_rec;
  assign cnt_window_o = refuse || (good && (seg_len != '0) && !in_order);
  assign cnt_reset_o  = rst_hit;

endmodule
