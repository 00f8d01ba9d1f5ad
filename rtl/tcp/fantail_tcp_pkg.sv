// SPDX-License-Identifier: Apache-2.0
// State of a connection, split by owner: each struct is one table with one writer and a copy per reader. Whoever is
// not the owner reads a copy that may be some cycles old, and must be right with that. Requests between owners are
// small counters ("gen" at the one who asks, "seen" at the one who does): they differ while the request is open, and
// asking twice before it is served is one request.
//
// Times in microseconds that may lie far back have 48 bits (8.9 years); those that are looked at within minutes have 32.

package fantail_tcp_pkg;

  // Written at install and by CONN_UPDATE. Owner: fantail_conn.
  localparam int ParW = 212;
  typedef struct packed {
    logic [15:0] gen;         // generation of the handle
    logic [2:0]  qp;
    logic [1:0]  policy;      // POLICY_
    logic [31:0] lag_limit;   // bytes
    logic [31:0] give_up_us;
    logic [31:0] keep_ms;     // quiet time until the peer is asked, 0: never
    logic [10:0] mss;         // payload bytes of a full segment, options already subtracted
    logic [3:0]  snd_wscale;
    logic [3:0]  rcv_wscale;
    logic        ts;          // timestamps agreed
    logic [10:0] rcv_step;    // bytes by which our window may open at least (RFC 9293 3.8.6.2.2)
    logic [31:0] iss;         // snd_nxt at install
    logic [31:0] ts_offset;   // ms, added to the clock
  } par_t;

  // Addresses, only for building headers. Owner: fantail_conn.
  localparam int AdrW = 192;
  typedef struct packed {
    logic [47:0] local_mac;   // first octet lowest
    logic [47:0] remote_mac;
    logic [31:0] local_ip;
    logic [31:0] remote_ip;
    logic [15:0] local_port;
    logic [15:0] remote_port;
  } adr_t;

  // Owner: fantail_enqueue.
  localparam int EnqW = 168;
  typedef struct packed {
    logic        installed;
    logic        closing;     // FIN follows the queued bytes
    logic        cut;         // a payload found no extent: nothing may follow it
    logic [15:0] gen;
    logic [2:0]  qp;
    logic [31:0] queued;      // sequence number behind the last queued byte
    logic [31:0] delta;       // position - sequence of the newest extent
    logic [31:0] first;       // first_seq of the newest extent
    logic [15:0] ext_wr;      // extents written, free-running
    logic        push;        // every queued byte may go, batch boundary or not
    logic [31:0] skipped;     // payloads left out
    logic        skip_gen;    // differs from skip_seen: some were left out for lag since then
  } enq_t;

  // Owner: fantail_transmit.
  localparam int TxW = 303;
  typedef struct packed {
    logic [31:0] nxt;         // next sequence number to send
    logic [31:0] max;         // highest sequence number sent, plus one
    logic [1:0]  rtx_seen;    // requests of fantail_ack that were served
    logic [1:0]  rto_seen;
    logic [1:0]  probe_seen;
    logic [1:0]  ack_seen;
    logic [1:0]  keep_seen;
    logic [1:0]  restart_gen; // sending resumed after idle: cwnd is to be restarted
    logic [31:0] acked;       // acknowledgement number of the last segment sent
    logic [47:0] last_us;     // when payload was last sent
    logic        rst_sent;
    logic        fresh;       // no payload sent yet: the gather cursor is another generation's
    logic        rtt_valid;   // a segment is being timed
    logic [31:0] rtt_seq;     // its first sequence number
    logic [31:0] rtt_us;      // when it was sent
    logic [47:0] arm_us;      // when the oldest outstanding byte was first sent
    logic [31:0] retransmits; // segments
  } tx_t;

  // Owner: fantail_ack.
  localparam int AckW = 784;
  typedef struct packed {
    logic        alive;       // installed, neither reset nor aborted nor timed out
    logic        rst_req;     // a RST is owed to the peer
    logic        peer_fin;
    logic        fin_acked;
    logic [31:0] una;         // oldest unacknowledged sequence number
    logic [31:0] swnd;        // peer's window, bytes
    logic [31:0] swnd_max;    // largest of them
    logic [31:0] wl1;
    logic [31:0] wl2;
    logic [31:0] cwnd;        // bytes
    logic [31:0] ssthresh;
    logic [31:0] acc;         // bytes acknowledged since cwnd last grew (avoidance)
    logic [1:0]  dup;         // duplicate ACKs, saturating at 3
    logic        in_rec;      // fast recovery
    logic [31:0] recover;
    logic        rtt_have;    // srtt is valid
    logic [31:0] srtt;        // us * 8
    logic [31:0] rttvar;      // us * 4
    logic [31:0] rto_us;      // without backoff
    logic [3:0]  backoff;     // doublings, saturating
    logic [47:0] restart_us;  // when the retransmission timer was last restarted
    logic [47:0] progress_us; // when the peer last showed progress
    logic [1:0]  rtx_gen;     // retransmit the segment at una
    logic [1:0]  rto_gen;     // go back to una
    logic [1:0]  probe_gen;   // send one byte beyond the window
    logic [1:0]  ack_gen;     // send an ACK
    logic [1:0]  restart_seen;
    logic [1:0]  keep_gen;    // ask the peer whether it is there
    logic [3:0]  keeps;       // asked since it was last heard
    logic [31:0] heard_ms;    // when it was last heard
    logic        again;       // the earliest segment has timed out before
    logic [31:0] ts_recent;
    logic [31:0] rcv_nxt;
    logic [31:0] rcv_edge;    // right edge of the receive window
    logic [31:0] rcv_free;    // credit not yet added to it
    logic [12:0] slots;       // receive slots that its data holds, or will
    logic        shut;        // for these the window is shown closed
    logic [31:0] delack_us;   // when the first unacknowledged segment came
    logic [31:0] challenge_us; // when the first of the counted challenge ACKs was sent
    logic [3:0]  challenges;
    logic        drain;       // DRAINED is due
    logic [31:0] drain_seq;   // when una has come here
  } ack_t;

  // Owner: fantail_sweep.
  localparam int SwpW = 117;
  typedef struct packed {
    logic [15:0] ext_rd;      // extent that holds una, found by the last visit
    logic [15:0] una_seen;    // low bits of una at the last visit
    logic [15:0] ext_free;    // extents below were freed a whole sweep ago: may be overwritten
    logic        owes;        // at the last visit it was the peer's turn to acknowledge, or to open its window
    logic [31:0] still_us;    // visits have seen that, and una stand, since then
    logic [31:0] mark;        // newest position acknowledged by anybody, when its oldest bytes had not been sent yet
    logic        closed;      // since it last had nothing to send, its window was too small
    logic        skip;        // policy SKIP, and lag above the limit: leave payloads out
    logic        skip_seen;   // skip_gen, as the host was told
    logic        lagging;     // policy REPORT: LAGGING was raised, WRITABLE was not yet
  } swp_t;

  // Extent: the stream's bytes from first_seq on lie at position = sequence + delta, until the next extent begins.
  typedef struct packed {
    logic [31:0] first_seq;
    logic [31:0] delta;
  } extent_t;

  // A segment to be built, self-contained.
  localparam int JobW = 390;
  typedef struct packed {
    logic [13:0] id;
    logic        color;       // see fantail_sweep, grace period
    logic [31:0] seq;
    logic [10:0] len;         // payload bytes
    logic        from_una;    // the gather cursor does not apply: start at ext_rd
    logic        keep_cursor; // do not move the gather cursor
    logic [15:0] ext_wr;
    logic [7:0]  flags;       // CWR ECE URG ACK PSH RST SYN FIN
    logic [31:0] ack;
    logic [15:0] wnd;         // header field
    logic        ts;          // timestamps option
    logic [31:0] ts_ecr;
    logic [31:0] ts_offset;
    logic        retransmit;
    adr_t        adr;
  } job_t;

  // Events of the acknowledge owner.
  localparam logic [3:0] EvSegment  = 4'd0;   // a segment of the connection
  localparam logic [3:0] EvFrame    = 4'd1;   // a frame of no connection
  localparam logic [3:0] EvTimer    = 4'd2;   // the sweeper saw a deadline pass
  localparam logic [3:0] EvInstall  = 4'd3;
  localparam logic [3:0] EvAbort    = 4'd4;
  localparam logic [3:0] EvCredit   = 4'd5;
  localparam logic [3:0] EvQuery    = 4'd6;
  localparam logic [3:0] EvRetire   = 4'd7;
  localparam logic [3:0] EvReleased = 4'd8;
  localparam logic [3:0] EvOverrun  = 4'd9;
  localparam logic [3:0] EvDrain    = 4'd11;  // DRAINED is asked for
  localparam logic [3:0] EvFence    = 4'd12;  // of no connection
  localparam logic [3:0] EvReturn   = 4'd13;  // a receive slot, and its credit
  localparam logic [3:0] EvLag      = 4'd10;  // the sweeper has LAGGING, WRITABLE or SKIPPED to tell

  // An ACK of data waits at most so long for a segment to ride on (RFC 9293 3.8.6.3: below 500 ms), microseconds.
  localparam logic [31:0] DelayedAckUs = 32'd40_000;
  // At most so many challenge ACKs per connection in so many microseconds (RFC 5961 7).
  localparam logic [3:0]  Challenges   = 4'd10;
  localparam logic [31:0] ChallengeUs  = 32'd5_000_000;

  // What fits into a small window goes after so many microseconds (RFC 9293 3.8.6.2.1: 0.1 to 1 s).
  localparam logic [31:0] OverrideUs   = 32'd500_000;
  // Keepalive: so many questions, so many milliseconds apart, until the peer is given up.
  localparam logic [3:0]  Keeps        = 4'd9;
  localparam logic [31:0] KeepEveryMs  = 32'd75_000;

endpackage
