// SPDX-License-Identifier: Apache-2.0
// Proof harness: no segment reads a byte below the log's low watermark, and nothing overwrites what one reads.
//
// The sweeper is the real one. Around it stand the simplest neighbours that keep the rules of the real ones, and
// the solver decides when they act:
//
//   walk     appends bytes to the log, at or above walk_pos, and maps them into the stream of connection 0 as
//            extents (two at most); walk_pos grows. The tail stays within LogBytes of the watermark. That the sweeper
//            visits the connection is proved elsewhere (fantail_visits): it is alone, in a block of its own.
//   ack      una only grows, never beyond what is queued; the connection may die.
//   reader   a segment is picked (take, with the colour), reads the tables one cycle later, and takes one byte at or
//            above the una it read, of those that are queued; it may read it in any later cycle up to done.
//            One segment is followed, others only count: each ends once, with the colour of its take.
//
// Stream offsets stand for sequence numbers Iss + offset. Positions end after a few turns of a log of LogBytes bytes.

module fantail_grace #(
  parameter int LogBytes = 16,     // of the log
  parameter logic [31:0] Iss = '0  // sequence number of the stream's first byte
) (
  input logic        clk,
  input logic        rst,
  input logic        append_i,       // append bytes_i at place_i
  input logic [1:0]  bytes_i,
  input logic [4:0]  place_i,
  input logic [4:0]  walk_to_i,
  input logic [4:0]  tail_to_i,
  input logic [2:0]  una_to_i,
  input logic        die_i,
  input logic        outstanding_i,  // the table of transmit says so
  input logic        take_i,
  input logic        follow_i,       // follow the segment taken now
  input logic [2:0]  byte_i,         // its byte
  input logic        none_i,
  input logic        none_color_i,
  input logic        done_i,
  input logic        done_color_i,
  input logic        end_i,          // the segment followed ends
  input logic        row_ready_i,
  input logic        req_ready_i
);
  `include "fantail_assert.svh"

  // ---------------------------------------------------------------- log, extents, stream
  logic [4:0]  walk_q, tail_q;
  logic [2:0]  queued_q, una_q;
  logic [1:0]  extents_q;           // written
  logic [2:0]  second_q;            // offset at which the second one begins
  logic [4:0]  first_pos_q;         // position of offset 0
  logic [4:0]  second_pos_q;        // position of second_q
  logic        alive_q;
  logic [4:0]  end_pos;             // behind the newest byte
  logic        append;
  logic [31:0] low;

  assign end_pos = extents_q == 2'd2 ? second_pos_q + 5'(queued_q - second_q) : first_pos_q + 5'(queued_q);
  assign append  = append_i && bytes_i != '0 && place_i >= walk_q && 6'(place_i) + 6'(bytes_i) <= 6'(tail_q)
                && 4'(queued_q) + 4'(bytes_i) < 4'd8 && (extents_q == 2'd0 || place_i >= end_pos)
                && (extents_q != 2'd2 || place_i == end_pos);

  always_ff @(posedge clk) begin
    if (rst) begin
      walk_q    <= '0;
      tail_q    <= '0;
      queued_q  <= '0;
      una_q     <= '0;
      extents_q <= '0;
      alive_q   <= 1'b1;
    end else begin
      if (append) begin
        queued_q <= queued_q + 3'(bytes_i);
        if (extents_q == 2'd0) begin
          extents_q   <= 2'd1;
          first_pos_q <= place_i;
        end else if (place_i != end_pos) begin
          extents_q    <= 2'd2;
          second_q     <= queued_q;
          second_pos_q <= place_i;
        end
      end
      if (tail_to_i > tail_q && 32'(tail_to_i) - low <= 32'(LogBytes)) tail_q <= tail_to_i;
      if (walk_to_i > walk_q && walk_to_i <= tail_q) walk_q <= walk_to_i;
      if (una_to_i > una_q && una_to_i <= queued_q) una_q <= una_to_i;
      if (die_i) alive_q <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- the sweeper's copies of the tables
  logic                  rd_valid;
  logic [13:0]           rd_id;
  logic                  rd_ours_q, rd_alive_q, rd_outstanding_q;
  logic [2:0]            rd_queued_q, rd_una_q;
  logic [1:0]            rd_extents_q;
  logic                  ext_rd_valid, row_valid_q;
  logic [127:0]          lanes_q;
  fantail_tcp_pkg::par_t par;
  fantail_tcp_pkg::enq_t enq;
  fantail_tcp_pkg::tx_t  tx;
  fantail_tcp_pkg::ack_t ack;

  always_ff @(posedge clk) begin
    if (rd_valid) begin
      rd_ours_q        <= rd_id == '0;
      rd_alive_q       <= alive_q;
      rd_queued_q      <= queued_q;
      rd_una_q         <= una_q;
      rd_extents_q     <= extents_q;
      rd_outstanding_q <= outstanding_i;
    end
    row_valid_q <= ext_rd_valid && row_ready_i;
    lanes_q     <= {Iss + 32'(second_q), 32'(second_pos_q) - Iss - 32'(second_q), Iss, 32'(first_pos_q) - Iss};
  end

  always_comb begin
    par           = '0;
    enq           = '0;
    tx            = '0;
    ack           = '0;
    enq.installed = rd_ours_q;
    enq.queued    = Iss + 32'(rd_queued_q);
    enq.ext_wr    = 16'(rd_extents_q);
    ack.alive     = rd_alive_q;
    ack.una       = Iss + 32'(rd_una_q);
    tx.max        = ack.una + 32'(rd_outstanding_q);
  end

  // ---------------------------------------------------------------- segments
  typedef enum logic [1:0] {
    Idle,    // none is followed
    Picked,  // reads the tables in this cycle
    Reads,   // may read its byte
    Empty    // has no byte to read
  } follow_e;

  follow_e    follow_q;
  logic       follow_color_q, color, take, end_none, end_done;
  logic [2:0] byte_q;
  logic [4:0] byte_pos;
  logic [1:0] others0_q, others1_q;
  logic       others_none, others_done, ends0, ends1, take_other;

  assign byte_pos    = extents_q == 2'd2 && byte_q >= second_q ? second_pos_q + 5'(byte_q - second_q)
                                                               : first_pos_q + 5'(byte_q);
  assign take        = take_i && (color ? others1_q : others0_q) != 2'd2;
  assign take_other  = take && !(follow_i && follow_q == Idle);
  assign end_none    = end_i && follow_q == Empty;
  assign end_done    = end_i && follow_q == Reads;
  assign others_none = none_i && !end_none && (none_color_i ? others1_q : others0_q) != '0;
  assign others_done = done_i && !end_done && !(others_none && none_color_i == done_color_i)
                    && (done_color_i ? others1_q : others0_q) != '0;
  assign ends0       = (others_none && !none_color_i) || (others_done && !done_color_i);
  assign ends1       = (others_none && none_color_i) || (others_done && done_color_i);

  always_ff @(posedge clk) begin
    if (rst) begin
      follow_q  <= Idle;
      others0_q <= '0;
      others1_q <= '0;
    end else begin
      others0_q <= others0_q + 2'(take_other && !color) - 2'(ends0);
      others1_q <= others1_q + 2'(take_other && color) - 2'(ends1);
      if (follow_q == Idle && take && follow_i) begin
        follow_q       <= Picked;
        follow_color_q <= color;
      end
      if (follow_q == Picked) begin
        follow_q <= alive_q && byte_i >= una_q && byte_i < queued_q ? Reads : Empty;
        byte_q   <= byte_i;
      end
      if (end_none || end_done) follow_q <= Idle;
    end
  end

  logic [31:0] low_q;
  always_ff @(posedge clk) low_q <= rst ? '0 : low;

  fantail_sweep #(
    .Connections(2),
    .LogBytes(LogBytes),
    .BlockIds(1)
  ) u_sweep (
    .clk, .rst,
    .busy_o             (),
    .now_us_i           (64'd0),
    .rto_max_us_i       (32'd0),
    .pin_limit_i        ('1),
    .pin_us_i           ('1),
    .add_i              (1'b1),
    .add_id_i           (14'd0),
    .walk_pos_i         (32'(walk_q)),
    .tail_i             (32'(tail_q)),
    .log_wait_i         (1'b0),
    .log_want_i         (32'd0),
    .low_o              (low),
    .sweep_o            (),
    .rd_valid_o         (rd_valid),
    .rd_id_o            (rd_id),
    .par_i              (par),
    .enq_i              (enq),
    .tx_i               (tx),
    .ack_i              (ack),
    .s_init_valid       (1'b0),
    .s_init_ready       (),
    .s_init_id          ('0),
    .swp_we_o           (),
    .swp_waddr_o        (),
    .swp_wdata_o        (),
    .ext_rd_valid_o     (ext_rd_valid),
    .ext_rd_ready_i     (row_ready_i),
    .ext_rd_id_o        (),
    .ext_rd_index_o     (),
    .ext_row_i          (row_valid_q ? {384'd0, lanes_q} : '1),
    .m_req_valid        (),
    .m_req_ready        (req_ready_i),
    .m_req_id           (),
    .m_req_ev           (),
    .m_req_cause        (),
    .color_o            (color),
    .take_i             (take),
    .none_i             (end_none || others_none),
    .none_color_i       (end_none ? follow_color_q : none_color_i),
    .done_i             (end_done || others_done),
    .done_color_i       (end_done ? follow_color_q : done_color_i),
    .activity_i         (1'b1),
    .idle_o             (),
    .next_deadline_us_o (),
    .pin_id_o           (),
    .pin_bytes_o        ()
  );

  // ---------------------------------------------------------------- what is proved
  `ASSERT(NoReadBelowLow, follow_q != Reads || 32'(byte_pos) >= low)
  `ASSERT(NoReadOverwritten, follow_q != Reads || 6'(byte_pos) + 6'(LogBytes) >= 6'(tail_q))
  `ASSERT(LowOnlyGrows, low >= low_q)
  `ASSERT(LowBelowWalk, low <= 32'(walk_q))
  `COVER(LowReachesByte, follow_q == Reads && 32'(byte_pos) == low && low > 32'd2)
  `COVER(LowGrowsTwice, low > low_q && low_q != '0)
  `COVER(HeldByReader, follow_q == Reads && una_q > byte_q && end_done && low != '0)

endmodule
