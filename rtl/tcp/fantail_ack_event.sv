// SPDX-License-Identifier: Apache-2.0
// What one event does to the acknowledge owner's state. Combinational: state and event in, next state and verdict out.
//
// Sections, in order: judge the segment, receive side, acknowledgement, window, congestion, round trip time, timer, commands.
// Segment checks follow RFC 9293 3.10.7.4; the numbers behind "row" are those of docs/tcp.md.

module fantail_ack_event (
  input  logic [3:0]                  kind_i,        // fantail_ack: Ev*
  input  logic                        data_ok_i,     // a receive slot can be had
  input  logic [12:0]                 share_i,       // slots that one connection may hold
  input  logic [47:0]                 now_us_i,
  input  logic [31:0]                 now_ms_i,
  input  logic [31:0]                 rto_min_us_i,
  input  logic [31:0]                 rto_max_us_i,
  input  fantail_tcp_pkg::ack_t       s_i,           // state before
  input  fantail_tcp_pkg::tx_t        tx_i,
  input  fantail_tcp_pkg::enq_t       enq_i,
  input  fantail_tcp_pkg::par_t       par_i,
  input  fantail_pkg::seg_t           seg_i,         // of a segment or frame
  input  logic [31:0]                 value_i,       // of a command; EV_ of the sweeper
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
  output logic                        success_o,     // everything queued is acknowledged, and was not before
  // one of these for a segment
  output logic                        cnt_accept_o,
  output logic                        cnt_window_o,  // out of order or outside the window
  output logic                        cnt_no_slot_o,
  output logic                        cnt_challenge_o,
  output logic                        cnt_ignore_o,
  output logic                        cnt_reset_o
);

  logic [31:0] mss;
  logic        segment;
  assign mss     = 32'(par_i.mss);
  assign segment = (kind_i == fantail_tcp_pkg::EvSegment) && s_i.alive;

  // ---------------------------------------------------------------- judge the segment
  logic        reset, challenge, refuse, good, in_order, is_fin;
  logic [31:0] old_bytes, fresh, seg_len;

  fantail_judge u_judge (
    .valid_i     (segment),
    .seg_i,
    .s_i,
    .ts_i        (par_i.ts),
    .max_i       (tx_i.max),
    .reset_o     (reset),
    .challenge_o (challenge),
    .refuse_o    (refuse),
    .ignore_o    (),
    .good_o      (good),
    .in_order_o  (in_order),
    .old_bytes_o (old_bytes),
    .fresh_o     (fresh),
    .length_o    (seg_len),
    .is_fin_o    (is_fin)
  );

  // Challenge ACKs are counted per connection, so that no stranger learns of another's (RFC 5961 7, row 38)
  logic challenge_new, challenge_ok;
  assign challenge_new = (now_us_i[31:0] - s_i.challenge_us) > fantail_tcp_pkg::ChallengeUs;
  assign challenge_ok  = challenge && (challenge_new || s_i.challenges != fantail_tcp_pkg::Challenges);

  // ---------------------------------------------------------------- receive side
  logic [31:0] rcv_wnd;
  logic        take_data, take_fin, no_slot, ack_now, ack_later, ts_take, half;

  assign rcv_wnd   = s_i.rcv_edge - s_i.rcv_nxt;
  logic fits, full;
  assign full      = s_i.slots >= share_i;
  assign fits      = good && in_order && (seg_i.pay_len != '0) && (fresh != '0) && !fresh[31]
                  && (fresh <= rcv_wnd) && !s_i.peer_fin;
  assign take_data = fits && data_ok_i && !full;
  assign no_slot   = fits && !take_data;
  assign take_fin  = good && in_order && is_fin && !s_i.peer_fin && (take_data || (fresh == '0));
  assign half      = take_data && (s_i.slots + 13'd1 >= share_i >> 1);
  // The first segment waits for company, the second is acknowledged (row 44), and so is at once whatever has sequence space and
  // was not taken, unless for want of a slot: then the peer sends it again. Whose own data holds the slots is told that the
  // window is closed: its sender stops, and hears when it opens.
  assign ack_later = take_data && !take_fin && (s_i.rcv_nxt == tx_i.acked) && (s_i.shut || !half);
  assign ack_now   = challenge_ok || refuse
                  || (good && (seg_len != '0) && !ack_later && !(in_order && (fresh != '0) && !data_ok_i && !full));
  // RFC 7323 4.3: from segments that begin at or before the last ACK sent (what is older was refused)
  assign ts_take   = good && par_i.ts && ($signed(seg_i.seq - tx_i.acked) <= 0);

  // ---------------------------------------------------------------- acknowledgement and window (row 13)
  logic [31:0] acked, outstanding, seg_wnd;
  logic        ack_new, ack_dup, fin_acked_now, wnd_take, wnd_changed;

  assign acked       = seg_i.ack - s_i.una;
  assign outstanding = tx_i.max - s_i.una;
  assign ack_new     = good && !acked[31] && (acked != '0);
  assign seg_wnd     = 32'(seg_i.wnd) << par_i.snd_wscale;
  assign wnd_take    = good && !acked[31]
                    && ($signed(s_i.wl1 - seg_i.seq) < 0 || (s_i.wl1 == seg_i.seq && $signed(s_i.wl2 - seg_i.ack) <= 0));
  assign wnd_changed = wnd_take && (seg_wnd != s_i.swnd);
  // RFC 5681 2 (row 29); the answer to a probe of a closed window says nothing of loss
  assign ack_dup     = good && (acked == '0) && (outstanding != '0) && (seg_len == '0) && (seg_wnd == s_i.swnd)
                    && (s_i.swnd != '0);
  assign fin_acked_now = ack_new && enq_i.closing && (seg_i.ack == enq_i.queued + 32'd1);

  // ---------------------------------------------------------------- round trip time (row 22)
  // From the segment that is being timed, unless it was sent twice (Karn); else from the echoed timestamp.
  logic        karn, echo;
  logic [31:0] echo_ms, rtt_us, srtt, rttvar, rto_us;
  assign karn    = ack_new && tx_i.rtt_valid && ($signed(tx_i.rtt_seq - s_i.una) >= 0)
                && ($signed(seg_i.ack - tx_i.rtt_seq) > 0);
  assign echo_ms = now_ms_i + par_i.ts_offset - seg_i.ts_ecr;
  assign echo    = ack_new && par_i.ts && seg_i.has_ts && (echo_ms < 32'h0001_0000);
  assign rtt_us  = karn ? now_us_i[31:0] - tx_i.rtt_us : (echo_ms << 10) - (echo_ms << 4) - (echo_ms << 3);  // * 1000

  fantail_rtt u_rtt (
    .sample_us_i (rtt_us),
    .have_i      (s_i.rtt_have),
    .srtt_i      (s_i.srtt),
    .rttvar_i    (s_i.rttvar),
    .rto_min_us_i,
    .rto_max_us_i,
    .srtt_o      (srtt),
    .rttvar_o    (rttvar),
    .rto_us_o    (rto_us)
  );

  // ---------------------------------------------------------------- timer: judged again with our own state
  logic        outs, persist, due, delack_due, keep_due, timer, give_up, probe, timeout, delack, keep;
  logic [47:0] since;
  fantail_deadline u_deadline (
    .ack_i         (s_i),
    .tx_i,
    .queued_i      (enq_i.queued),
    .mss_i         (par_i.mss),
    .rto_max_us_i,
    .now_us_i,
    .now_ms_i,
    .keep_ms_i     (par_i.keep_ms),
    .outstanding_o (outs),
    .persist_o     (persist),
    .due_o         (due),
    .delack_due_o  (delack_due),
    .keep_due_o    (keep_due),
    .any_o         (),
    .left_us_o     (),
    .since_us_o    (since)
  );
  assign timer   = (kind_i == fantail_tcp_pkg::EvTimer) && due;
  assign delack  = (kind_i == fantail_tcp_pkg::EvTimer) && delack_due;
  assign keep    = (kind_i == fantail_tcp_pkg::EvTimer) && keep_due;                               // row 43
  // Too long without progress, and the last thing sent again was not answered (row 25)
  assign give_up = timer && outs && ((now_us_i - since) > 48'(par_i.give_up_us)) && (s_i.restart_us > since);
  // Into a closed window a byte is sent (row 16); a FIN alone is sent again as it is.
  assign probe   = timer && !give_up && (persist || (s_i.swnd == '0 && $signed(enq_i.queued - s_i.una) > 0));
  assign timeout = timer && !give_up && !probe;                                                    // row 24

  // ---------------------------------------------------------------- congestion
  logic [31:0] cwnd, ssthresh, acc, recover;
  logic [1:0]  dup;
  logic        in_rec, retransmit, enter_rec;
  fantail_congestion u_congestion (
    .new_i           (ack_new),
    .dup_i           (ack_dup),
    .timeout_i       (timeout),
    .first_timeout_i (!s_i.again),
    .idle_i          (tx_i.restart_gen != s_i.restart_seen),
    .mss_i           (mss),
    .acked_i         (acked),
    .flight_i        (outstanding),
    .una_i           (s_i.una),
    .max_i           (tx_i.max),
    .cwnd_i          (s_i.cwnd),
    .ssthresh_i      (s_i.ssthresh),
    .acc_i           (s_i.acc),
    .dup_count_i     (s_i.dup),
    .in_rec_i        (s_i.in_rec),
    .recover_i       (s_i.recover),
    .cwnd_o          (cwnd),
    .ssthresh_o      (ssthresh),
    .acc_o           (acc),
    .dup_count_o     (dup),
    .in_rec_o        (in_rec),
    .recover_o       (recover),
    .retransmit_o    (retransmit),
    .enter_o         (enter_rec)
  );

  // ---------------------------------------------------------------- install, credit
  logic [31:0] ctx_rto, initial_wnd, rcv_free;
  logic        open_wide;
  logic        unsent;
  assign ctx_rto  = ctx_i.srtt_us + (ctx_i.srtt_us << 1);                                          // RFC 6298 2.2: R + 4 R / 2
  assign rcv_free = s_i.rcv_free + value_i;
  assign open_wide = rcv_free >= 32'(par_i.rcv_step);
  assign unsent   = $signed(enq_i.queued + 32'(enq_i.closing) - tx_i.nxt) > 0;

  fantail_initial_window u_initial (
    .mss_i    (32'(ctx_i.mss)),
    .window_o (initial_wnd)
  );

  // ---------------------------------------------------------------- next state
  always_comb begin
    n_o       = s_i;
    verdict_o = kind_i == fantail_tcp_pkg::EvSegment ? fantail_pkg::VerdictDrop : fantail_pkg::VerdictNone;
    pay_off_o = seg_i.pay_off + old_bytes[10:0];
    pay_len_o = fresh[10:0];
    ev_o      = '0;
    wake_o    = 1'b0;

    case (kind_i)
      fantail_tcp_pkg::EvSegment: if (s_i.alive) begin
        if (reset) begin
          n_o.alive = 1'b0;
          ev_o      = fantail_regs_pkg::EV_RESET;
        end
        if (challenge_ok) begin
          n_o.challenges = challenge_new ? 4'd1 : s_i.challenges + 4'd1;
          if (challenge_new) n_o.challenge_us = now_us_i[31:0];
        end
        n_o.heard_ms = now_ms_i;
        n_o.keeps    = '0;
        if (ack_now) n_o.ack_gen = s_i.ack_gen + 2'd1;
        if (ack_later) n_o.delack_us = now_us_i[31:0];

        // receive
        if (take_data) begin
          verdict_o   = fantail_pkg::VerdictData;
          n_o.rcv_nxt = s_i.rcv_nxt + fresh;
          n_o.slots   = s_i.slots + 13'd1;
          if (half) n_o.shut = 1'b1;
        end
        if (take_fin) begin
          n_o.peer_fin = 1'b1;
          n_o.rcv_nxt  = s_i.rcv_nxt + (take_data ? fresh : 32'd0) + 32'd1;
          ev_o         = ev_o | fantail_regs_pkg::EV_PEER_FIN;
        end
        if (ts_take) n_o.ts_recent = seg_i.ts_val;

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

        // acknowledgement
        if (ack_new) begin
          n_o.una         = seg_i.ack;
          n_o.restart_us  = now_us_i;                       // RFC 6298 5.3
          n_o.progress_us = now_us_i;
          n_o.again       = 1'b0;
          // RFC 6298 5: a backed-off timeout stays until there is a new measurement
          if (karn || echo) begin
            n_o.backoff  = '0;
            n_o.rtt_have = 1'b1;
            n_o.srtt     = srtt;
            n_o.rttvar   = rttvar;
            n_o.rto_us   = rto_us;
          end
          if (s_i.drain && $signed(seg_i.ack - s_i.drain_seq) >= 0) begin
            n_o.drain = 1'b0;
            ev_o      = ev_o | fantail_regs_pkg::EV_DRAINED;
          end
          if (fin_acked_now) begin
            n_o.fin_acked = 1'b1;
            ev_o          = ev_o | fantail_regs_pkg::EV_FIN_ACKED;
          end
        end
        if (ack_new || ack_dup) begin
          n_o.cwnd         = cwnd;
          n_o.ssthresh     = ssthresh;
          n_o.acc          = acc;
          n_o.dup          = dup;
          n_o.in_rec       = in_rec;
          n_o.recover      = recover;
          n_o.restart_seen = tx_i.restart_gen;
          if (retransmit) begin
            n_o.rtx_gen    = s_i.rtx_gen + 2'd1;
            n_o.restart_us = now_us_i;                      // a whole RTO for what is sent now
          end
        end
        if ((n_o.peer_fin && n_o.fin_acked) && !(s_i.peer_fin && s_i.fin_acked)) ev_o = ev_o | fantail_regs_pkg::EV_CLOSED;

        wake_o = ack_now || retransmit || ((ack_new || ack_dup || wnd_changed) && unsent);
      end

      fantail_tcp_pkg::EvFrame: verdict_o = seg_i.inject ? fantail_pkg::VerdictDrop : fantail_pkg::VerdictFrame;

      fantail_tcp_pkg::EvTimer: begin
        if (timer) begin
          n_o.restart_us = now_us_i;
          if (s_i.backoff != 4'd15) n_o.backoff = s_i.backoff + 4'd1;                              // RFC 6298 5.5, row 50
        end
        if (give_up) begin
          n_o.alive = 1'b0;
          ev_o      = fantail_regs_pkg::EV_TIMED_OUT;
        end
        if (probe) n_o.probe_gen = s_i.probe_gen + 2'd1;
        if (timeout) begin                                                                         // RFC 6298 5.4
          n_o.rto_gen  = s_i.rto_gen + 2'd1;
          n_o.again    = 1'b1;
          n_o.cwnd     = cwnd;
          n_o.ssthresh = ssthresh;
          n_o.acc      = acc;
          n_o.dup      = dup;
          n_o.in_rec   = in_rec;
          n_o.recover  = recover;
        end
        if (delack) n_o.ack_gen = s_i.ack_gen + 2'd1;
        if (keep && s_i.keeps == fantail_tcp_pkg::Keeps) begin
          n_o.alive = 1'b0;
          ev_o      = fantail_regs_pkg::EV_TIMED_OUT;
        end else if (keep) begin
          n_o.keep_gen = s_i.keep_gen + 2'd1;
          n_o.keeps    = s_i.keeps + 4'd1;
        end
        wake_o = probe || timeout || delack || keep;
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
        n_o.challenge_us = now_us_i[31:0];
        n_o.heard_ms    = now_ms_i;
        n_o.ssthresh    = 32'h1000_0000;
        n_o.recover     = ctx_i.snd_nxt - 32'd1;                    // the ISS: RFC 6582 3.2 step 1
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

      fantail_tcp_pkg::EvLag: if (s_i.alive) ev_o = value_i[15:0];

      // Our window opens in steps, not in crumbs (RFC 9293 3.8.6.2.2); a peer that may have stopped is told at once.
      fantail_tcp_pkg::EvCredit, fantail_tcp_pkg::EvReturn: if (s_i.alive) begin
        n_o.rcv_free = rcv_free;
        if (open_wide) begin
          n_o.rcv_free = '0;
          n_o.rcv_edge = s_i.rcv_edge + rcv_free;
        end
        if (kind_i == fantail_tcp_pkg::EvReturn && s_i.slots != '0) n_o.slots = s_i.slots - 13'd1;
        // shown open again when few slots are left, and a step of window
        if (n_o.slots <= share_i >> 2 && (n_o.rcv_edge - s_i.rcv_nxt) >= 32'(par_i.rcv_step)) n_o.shut = 1'b0;
        if (!n_o.shut && (s_i.shut || (open_wide && rcv_wnd < 32'd2920))) begin
          n_o.ack_gen = s_i.ack_gen + 2'd1;
          wake_o      = 1'b1;
        end
      end

      fantail_tcp_pkg::EvDrain: if (s_i.alive) begin
        n_o.drain     = $signed(enq_i.queued - s_i.una) > 0;
        n_o.drain_seq = enq_i.queued;
        if (!n_o.drain) ev_o = fantail_regs_pkg::EV_DRAINED;
      end

      fantail_tcp_pkg::EvQuery:    ev_o = fantail_regs_pkg::EV_QUERY;
      fantail_tcp_pkg::EvRetire:   n_o.alive = 1'b0;
      fantail_tcp_pkg::EvReleased: ev_o = fantail_regs_pkg::EV_RELEASED;
      default: ;
    endcase
  end

  assign cnt_dup_o     = ack_dup;
  assign cnt_fast_o    = enter_rec;
  assign cnt_timeout_o = timeout;
  assign success_o     = ack_new && $signed(enq_i.queued - seg_i.ack) <= 0 && (enq_i.queued != s_i.una);

  logic untaken;                                            // sequence space that had no place
  assign untaken         = good && (seg_len != '0) && !take_data && !take_fin && !no_slot;
  assign cnt_accept_o    = good && !untaken && !no_slot;
  assign cnt_window_o    = refuse || untaken;
  assign cnt_no_slot_o   = no_slot;
  assign cnt_challenge_o = challenge;
  assign cnt_ignore_o    = (kind_i == fantail_tcp_pkg::EvSegment) && !(reset || challenge || refuse || good);
  assign cnt_reset_o     = reset;

endmodule
