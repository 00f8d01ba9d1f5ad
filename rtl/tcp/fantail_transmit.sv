// SPDX-License-Identifier: Apache-2.0
// The transmit owner: takes a connection from the ready queue, decides what it may send, and hands a self-contained
// job to the gather stage. Owns snd_nxt, snd_max and what was served of the acknowledge owner's requests.
//
//   T0  take an id (never one that is in T1 or T2: at most one decision per connection at a time)
//   T1  read the tables
//   T2  differences: what is queued, what the windows allow, what is asked for
//   T3  decide; write the state back; job out; wake again if more can go now
//
// Order of what is asked for: RST; one segment at una (fast retransmission); window probe; new or rewound data, with FIN
// behind the last byte; a pure ACK. Any segment serves a request for an ACK.
//
// Contract: one decision per cycle while the job queue has room. Never waits for anything else.

module fantail_transmit #(
  parameter int Connections = 1024,
  parameter int QueuePairs  = 1
) (
  input  logic                       clk,
  input  logic                       rst,
  output logic                       busy_o,
  output logic                       idle_o,
  input  logic [47:0]                now_us_i,
  input  logic [QueuePairs-1:0]      hold_i,         // batch open: no short segments, see fantail_enqueue
  // ready queue
  input  logic                       s_ready_valid,
  output logic                       s_ready_ready,
  input  logic [13:0]                s_ready_id,
  // copies of other owners' tables, one cycle after rd_valid_o
  output logic                       rd_valid_o,
  output logic [13:0]                rd_id_o,
  input  fantail_tcp_pkg::par_t      par_i,
  input  fantail_tcp_pkg::adr_t      adr_i,
  input  fantail_tcp_pkg::enq_t      enq_i,
  input  fantail_tcp_pkg::ack_t      ack_i,
  // own table, for the copies of other readers
  output logic                       tx_we_o,
  output logic [13:0]                tx_waddr_o,
  output fantail_tcp_pkg::tx_t       tx_wdata_o,
  // install
  input  logic                       s_init_valid,
  output logic                       s_init_ready,
  input  logic [13:0]                s_init_id,
  input  logic [31:0]                s_init_seq,     // SND.NXT
  input  logic [31:0]                s_init_ack,     // RCV.NXT
  // jobs
  output logic                       m_job_valid,
  input  logic                       m_job_ready,
  output fantail_tcp_pkg::job_t      m_job_data,
  // wake-ups
  output logic                       again_valid_o,  // source 0 of the ready queue: always taken
  output logic [13:0]                again_id_o,
  output logic                       held_valid_o,   // source 0 of the held queue: always taken
  output logic [13:0]                held_id_o,
  output logic [2:0]                 held_qp_o,
  // grace period, see fantail_sweep
  input  logic                       color_i,
  output logic                       take_o,         // pulse, with color_i
  output logic                       none_o,         // pulse: a decision without a job ended
  output logic                       none_color_o,
  // counters
  output logic                       cnt_retransmit_o,
  output fantail_pkg::stage_t        stage_o
);
  `include "fantail_assert.svh"

  localparam int IdW = $clog2(Connections);

  localparam logic [7:0] FlagFin = 8'h01, FlagRst = 8'h04, FlagPsh = 8'h08, FlagAck = 8'h10;

  // ---------------------------------------------------------------- T0, T1
  logic        t1_valid_q, t2_valid_q, t3_valid_q;
  logic [13:0] t1_id_q, t2_id_q, t3_id_q;
  logic        t1_color_q, t2_color_q, t3_color_q;
  logic        conflict, room;
  logic [3:0]  job_level;

  assign conflict = (t1_valid_q && t1_id_q == s_ready_id) || (t2_valid_q && t2_id_q == s_ready_id);
  assign room     = job_level < 4'd4;   // of 8: up to three more are on their way
  assign s_ready_ready = room && !conflict && !s_init_valid && !busy_o;
  assign take_o        = s_ready_valid && s_ready_ready;

  assign rd_valid_o = t1_valid_q;
  assign rd_id_o    = t1_id_q;

  logic [fantail_tcp_pkg::TxW-1:0] own_bits;
  fantail_tcp_pkg::tx_t            own;
  fantail_table #(
    .Width(fantail_tcp_pkg::TxW),
    .Depth(Connections)
  ) u_state (
    .clk, .rst,
    .busy_o,
    .we_i    (tx_we_o),
    .waddr_i (tx_waddr_o[IdW-1:0]),
    .wdata_i (tx_wdata_o),
    .re_i    (t1_valid_q),
    .raddr_i (t1_id_q[IdW-1:0]),
    .rdata_o (own_bits)
  );
  assign own = own_bits;

  // ---------------------------------------------------------------- T2: differences
  logic        rto_ask, nxt_behind;
  logic [31:0] win, base, mss_in, initial_wnd, floor, cwnd, limited;
  logic        idle_long, restart;

  assign rto_ask    = ack_i.rto_gen != own.rto_seen;
  assign nxt_behind = $signed(own.nxt - ack_i.una) < 0;
  assign base       = (rto_ask || nxt_behind) ? ack_i.una : own.nxt;  // RFC 6298 5.4

  // Idle for longer than an RTO: cwnd shrinks to the initial window (RFC 5681 4.1). cwnd is not ours: until its owner has
  // heard of it, and done the same, we go by the smaller one.
  fantail_initial_window u_initial (
    .mss_i    (mss_in),
    .window_o (initial_wnd)
  );
  assign mss_in    = 32'(par_i.mss);
  assign idle_long = (own.max == ack_i.una) && ((now_us_i - own.last_us) > 48'(ack_i.rto_us));
  assign restart   = (idle_long || own.restart_gen != ack_i.restart_seen) && (ack_i.cwnd > initial_wnd);
  // First and second duplicate ACK: one new segment each (RFC 3042)
  assign limited   = (ack_i.in_rec || ack_i.dup == 2'd0 || base != own.max) ? '0 : ack_i.dup == 2'd1 ? mss_in : mss_in << 1;
  // At least a segment (RFC 5681 3.1): less is left when the MSS was raised, and no timer would run for it.
  assign floor     = ack_i.cwnd < mss_in ? mss_in : ack_i.cwnd;
  assign cwnd      = (restart ? initial_wnd : floor) + limited;
  assign win       = cwnd < ack_i.swnd ? cwnd : ack_i.swnd;

  fantail_tcp_pkg::tx_t  own_q;
  fantail_tcp_pkg::ack_t ack_q;
  fantail_tcp_pkg::enq_t enq_q;
  fantail_tcp_pkg::par_t par_q;
  fantail_tcp_pkg::adr_t adr_q;
  logic [31:0] base_q, avail_q, allow_q, sent_q, una_avail_q, wnd_q, right_q;
  logic        rtx_ask_q, probe_ask_q, ack_ask_q, rst_ask_q, rto_ask_q, old_q, idle_long_q, keep_ask_q;
  logic [QueuePairs-1:0] t2_hold_q;
  logic        t2_hold, t3_hold_q;      // hold_i when the tables were read: later it may be about bytes that we do not see

  always_comb begin
    t2_hold = 1'b0;
    for (int q = 0; q < QueuePairs; q++) if (par_i.qp == 3'(q)) t2_hold = t2_hold_q[q];
  end

  always_ff @(posedge clk) begin
    t1_id_q    <= s_ready_id;
    t1_color_q <= color_i;
    t2_id_q    <= t1_id_q;
    t2_color_q <= t1_color_q;
    t3_id_q    <= t2_id_q;
    t3_color_q <= t2_color_q;
    t2_hold_q  <= hold_i;
    t3_hold_q  <= t2_hold;
    if (t2_valid_q) begin
      own_q       <= own;
      ack_q       <= ack_i;
      enq_q       <= enq_i;
      par_q       <= par_i;
      adr_q       <= adr_i;
      base_q      <= base;
      avail_q     <= enq_i.queued - base;                 // may be -1: FIN sent
      allow_q     <= (ack_i.una + win) - base;            // may be negative: window shrunk
      right_q     <= ack_i.una + ack_i.swnd;
      sent_q      <= own.max - ack_i.una;                 // outstanding, FIN included
      una_avail_q <= enq_i.queued - ack_i.una;
      wnd_q       <= ack_i.shut ? '0 : (ack_i.rcv_edge - ack_i.rcv_nxt) >> par_i.rcv_wscale;
      rto_ask_q   <= rto_ask;
      rtx_ask_q   <= ack_i.rtx_gen != own.rtx_seen;
      probe_ask_q <= ack_i.probe_gen != own.probe_seen;
      ack_ask_q   <= ack_i.ack_gen != own.ack_seen;
      rst_ask_q   <= ack_i.rst_req && !own.rst_sent;
      idle_long_q <= idle_long;
      keep_ask_q  <= ack_i.keep_gen != own.keep_seen;
      old_q       <= $signed(base - own.max) < 0;         // below what was sent before
    end
    if (rst) begin
      t1_valid_q <= 1'b0;
      t2_valid_q <= 1'b0;
      t3_valid_q <= 1'b0;
    end else begin
      t1_valid_q <= take_o;
      t2_valid_q <= t1_valid_q;
      t3_valid_q <= t2_valid_q;
    end
  end

  // ---------------------------------------------------------------- T3: decide
  logic [31:0] mss, normal_len, una_len, len, seq, plain_seq, new_nxt, rest;
  logic        has_data, fits_all, normal_ok, held, override, again, fin_due, fin_sent;
  logic        alive, do_rst, do_rtx, do_probe, do_normal, do_keep, do_ack, send, send_fin;
  logic        is_old, first_out, more;

  assign mss      = 32'(par_q.mss);
  assign fin_sent = avail_q == 32'hFFFF_FFFF;
  assign has_data = !avail_q[31] && (avail_q != '0);

  always_comb begin
    normal_len = has_data ? avail_q : '0;
    if (normal_len > mss) normal_len = mss;
    if (allow_q[31]) normal_len = '0;
    else if (normal_len > allow_q) normal_len = allow_q;
    una_len = una_avail_q;
    if (una_len > sent_q) una_len = sent_q;
    if (una_len > mss) una_len = mss;
  end

  // RFC 9293 3.8.6.2.1: a full segment, all that is queued, half the largest window seen, or, when the peer has shown no
  // more for a persist time, what fits
  assign fits_all  = normal_len == avail_q;
  assign held      = (normal_len != '0) && (normal_len != mss) && fits_all && t3_hold_q && !enq_q.push && !old_q;
  assign again     = old_q && (base_q == ack_q.una);      // the earliest segment, as much of it as the window takes
  assign override  = probe_ask_q && (normal_len != '0) && (sent_q == '0);
  assign normal_ok = (normal_len != '0) && !held
                  && (normal_len == mss || fits_all || normal_len >= {1'b0, ack_q.swnd_max[31:1]} || override || again);
  assign fin_due   = enq_q.closing && !fin_sent && (avail_q == '0 || (normal_ok && fits_all));

  // Frames wake a connection from its install on, but the enqueue owner hears of it last and may wait for a walk: until
  // then its state is that of the id's former user. It wakes us when it has heard.
  assign alive     = ack_q.alive && enq_q.installed;
  assign do_rst    = rst_ask_q;
  assign do_rtx    = alive && rtx_ask_q && !rto_ask_q && (sent_q != '0) && !sent_q[31];
  assign do_probe  = alive && !do_rtx && probe_ask_q && !override && (una_avail_q != '0) && !una_avail_q[31];
  assign do_normal = alive && !do_rtx && !do_probe && (normal_ok || fin_due);
  assign do_keep   = alive && !do_rtx && !do_probe && !do_normal && keep_ask_q && (sent_q == '0);
  assign do_ack    = alive && !do_rtx && !do_probe && !do_normal && !do_keep && ack_ask_q;
  assign send      = t3_valid_q && (do_rst || do_rtx || do_probe || do_normal || do_keep || do_ack);

  // What carries no bytes stands at SND.NXT, but within the peer's window: a probe may have gone beyond it, and the peer
  // would not look at a RST or an ACK there (RFC 9293 3.10.7.4, RFC 5961 3.2).
  assign plain_seq = $signed(right_q - own_q.max) < 0 ? right_q : own_q.max;

  always_comb begin
    seq      = base_q;
    len      = '0;
    send_fin = 1'b0;
    if (do_rst) begin
      seq = plain_seq;
    end else if (do_rtx) begin
      seq      = ack_q.una;
      len      = una_len;
      send_fin = enq_q.closing && (una_avail_q == una_len) && (sent_q == una_len + 32'd1);
    end else if (do_probe) begin
      seq = ack_q.una;
      len = 32'd1;
    end else if (do_normal) begin
      len      = normal_ok ? normal_len : '0;
      send_fin = fin_due;
    end else if (do_keep) begin
      seq = ack_q.una - 32'd1;  // RFC 9293 3.8.4
    end else begin
      seq = plain_seq;  // pure ACK
    end
  end

  assign new_nxt   = seq + len + 32'(send_fin);
  assign is_old    = (len != '0 || send_fin) && ($signed(seq - own_q.max) < 0);
  assign first_out = (len != '0 || send_fin) && (sent_q == '0);
  assign rest      = avail_q - len;
  assign more      = t3_valid_q && ((do_normal && (len != '0) && !rest[31] && (rest != '0 || (enq_q.closing && !send_fin)) && (allow_q != len))
                  || do_rtx || do_probe);
  assign cnt_retransmit_o = send && is_old && !do_rst;

  always_comb begin
    tx_wdata_o = own_q;
    tx_waddr_o = t3_id_q;
    tx_we_o    = t3_valid_q;
    if (s_init_valid && s_init_ready) begin
      tx_we_o        = 1'b1;
      tx_waddr_o     = s_init_id;
      tx_wdata_o     = '0;
      tx_wdata_o.nxt     = s_init_seq;
      tx_wdata_o.max     = s_init_seq;
      tx_wdata_o.acked   = s_init_ack;
      tx_wdata_o.last_us = now_us_i;
      tx_wdata_o.fresh   = 1'b1;
    end else begin
      tx_wdata_o.rto_seen = ack_q.rto_gen;
      tx_wdata_o.rtx_seen = ack_q.rtx_gen;
      tx_wdata_o.nxt      = base_q;
      if (!do_rtx) tx_wdata_o.probe_seen = ack_q.probe_gen;
      tx_wdata_o.keep_seen = ack_q.keep_gen;
      if (send && !do_rst) begin
        tx_wdata_o.ack_seen = ack_q.ack_gen;
        tx_wdata_o.acked    = ack_q.rcv_nxt;
      end
      if (send && len != '0) tx_wdata_o.last_us = now_us_i;
      if (do_normal && len != '0 && idle_long_q) tx_wdata_o.restart_gen = own_q.restart_gen + 2'd1;
      if (do_rst) tx_wdata_o.rst_sent = 1'b1;
      if (do_normal && len != '0) tx_wdata_o.fresh = 1'b0;
      if (do_normal) tx_wdata_o.nxt = new_nxt;
      if ((do_normal || do_probe) && ($signed(new_nxt - own_q.max) > 0)) tx_wdata_o.max = new_nxt;
      if (first_out && !do_rst) tx_wdata_o.arm_us = now_us_i;  // RFC 6298 5.1
      if (send && is_old) begin
        tx_wdata_o.retransmits = own_q.retransmits + 32'd1;
        tx_wdata_o.rtt_valid   = 1'b0;                         // Karn: RFC 6298 3
      end else if (do_normal && len != '0 && (!own_q.rtt_valid || $signed(ack_q.una - own_q.rtt_seq) > 0)) begin
        tx_wdata_o.rtt_valid = 1'b1;
        tx_wdata_o.rtt_seq   = seq;
        tx_wdata_o.rtt_us    = now_us_i[31:0];
      end
    end
  end

  assign s_init_ready = !t1_valid_q && !t2_valid_q && !t3_valid_q && !busy_o;

  // ---------------------------------------------------------------- wake-ups, a cycle after the write
  always_ff @(posedge clk) begin
    again_id_o <= t3_id_q;
    held_id_o  <= t3_id_q;
    held_qp_o  <= par_q.qp;
    if (rst) begin
      again_valid_o <= 1'b0;
      held_valid_o  <= 1'b0;
    end else begin
      again_valid_o <= more;
      held_valid_o  <= t3_valid_q && alive && held && !do_rtx && !do_probe;
    end
  end

  // ---------------------------------------------------------------- jobs
  fantail_tcp_pkg::job_t job;
  always_comb begin
    job             = '0;
    job.id          = t3_id_q;
    job.color       = t3_color_q;
    job.seq         = seq;
    job.len         = len[10:0];
    job.from_una    = do_rtx || do_probe || rto_ask_q || own_q.fresh
                   || (base_q != own_q.nxt);
    job.keep_cursor = do_rtx || do_probe;
    job.ext_wr      = enq_q.ext_wr;
    job.flags       = do_rst ? (FlagRst | FlagAck)
                    : (FlagAck | (send_fin ? FlagFin : 8'd0)
                       | ((len != '0 && (seq + len == enq_q.queued)) ? FlagPsh : 8'd0));  // RFC 9293 3.9.1.2
    job.ack         = ack_q.rcv_nxt;
    job.wnd         = wnd_q > 32'hFFFF ? 16'hFFFF : wnd_q[15:0];
    job.ts          = par_q.ts && !do_rst;                     // RFC 7323 3.2
    job.ts_ecr      = ack_q.ts_recent;
    job.ts_offset   = par_q.ts_offset;
    job.retransmit  = is_old;
    job.adr         = adr_q;
  end

  logic job_ready;
  fantail_fifo #(
    .Width(fantail_tcp_pkg::JobW),
    .Depth(8)
  ) u_jobs (
    .clk, .rst,
    .s_valid (send),
    .s_ready (job_ready),
    .s_data  (job),
    .m_valid (m_job_valid),
    .m_ready (m_job_ready),
    .m_data  (m_job_data),
    .level_o (job_level)
  );

  // a connection that waits for its own last decision is work of this stage
  assign stage_o = {s_ready_valid && !room, s_ready_valid && room};

  assign none_o       = t3_valid_q && !send;
  assign none_color_o = t3_color_q;
  assign idle_o       = !s_ready_valid && !t1_valid_q && !t2_valid_q && !t3_valid_q && !m_job_valid
                     && !again_valid_o && !held_valid_o;

  `ASSERT(JobRoom, !(send && !job_ready))
  // no new byte beyond the peer's window, probes excepted (tcp-requirements 15)
  `ASSERT(WithinWindow, !(t3_valid_q && do_normal && len != '0 && $signed(seq + len - ack_q.una - ack_q.swnd) > 0))

`ifdef FORMAL
  // Takes in T1, T2, T3, and their colours. Tables are as their owners keep them: una, nxt <= max <= queued + FIN.
  logic [2:0]  f_taken_q, f_color_q;
  logic [31:0] f_sent, f_waiting;

  assign f_sent    = own.max - ack_i.una;
  assign f_waiting = enq_i.queued - ack_i.una;

  always_ff @(posedge clk) begin
    f_taken_q <= rst ? '0 : {f_taken_q[1:0], take_o};
    f_color_q <= {f_color_q[1:0], color_i};
  end

  `ASSUME(Tables, !t2_valid_q || (f_sent <= 32'h4000_0000 && f_waiting + 32'd1 <= 32'h4000_0000
                                  && f_sent <= f_waiting + 32'd1 && own.max - own.nxt <= 32'h4000_0000
                                  && ack_i.swnd <= 32'h4000_0000))

  // a take ends once, after three cycles, with its colour: as a job or as none
  `ASSERT(TakesAreIds, !take_o || s_ready_valid)
  `ASSERT(ReadsAfterTake, rd_valid_o == f_taken_q[0])
  `ASSERT(EndsOnce, f_taken_q[2] == (send ^ none_o) && !(send && none_o))
  `ASSERT(EndsWithColor, !f_taken_q[2] || (send ? job.color : none_color_o) == f_color_q[2])
  `ASSERT(OneDecision, !(take_o && ((t1_valid_q && t1_id_q == s_ready_id) || (t2_valid_q && t2_id_q == s_ready_id))))
  // what is read lies between the una that was read and what is queued
  `ASSERT(NotBelowUna, !(send && len != '0) || $signed(seq - ack_q.una) >= 0)
  `ASSERT(OnlyQueued, !(send && len != '0) || $signed(enq_q.queued - seq - len) >= 0)
  `COVER(Retransmits, send && do_rtx && len == 32'd1460)
  `COVER(NormalWithFin, send && do_normal && len != '0 && send_fin)
  `COVER(NoJob, none_o)
`endif

endmodule
