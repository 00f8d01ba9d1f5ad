// SPDX-License-Identifier: Apache-2.0
// Reads the pieces of a segment from the log, packs them behind the header room into frame lines, sums them up, and keeps the
// frame until header and payload can leave without a pause.
//
//   E    one chunk of at most 64 bytes per cycle: log read at any alignment
//   L1,L2 the log answers; bytes stand at their position modulo 64
//   C    rotate once to the frame's alignment; fill the collector; a full line (or the last) goes to the buffer
//   S    ones' complement sum of that line
//
//         fill                                   header room H = 54, or 66 with timestamps
//          v                                     line 0 [hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh....]
//   acc [######............]  chunk [abcdefgh]   line 1 [hh##########################################]
//        -> [######abcdefgh....]                 line 2 [#####...
//
// A line in which no payload stands (line 0 with timestamps) is not written. Lines are kept in memory order, and so are sums: little-
// endian 16-bit lanes, which the ones' complement sum does not mind (RFC 1071 2 B).
//
// Contract: m_hdr (job, payload sum, first line, lines) leaves when the frame's last line has been written and summed. The reader
// of the buffer returns lines with free_i. done_o pulses, with the job's color, when the job's last log read has been answered.

module fantail_assemble #(
  parameter int Lines = 128  // of the frame buffer, a power of two, at least 64
) (
  input  logic                      clk,
  input  logic                      rst,
  output logic                      idle_o,
  // pieces
  input  logic                      s_piece_valid,
  output logic                      s_piece_ready,
  input  logic [31:0]               s_piece_pos,
  input  logic [10:0]               s_piece_len,
  input  logic                      s_piece_last,
  input  fantail_tcp_pkg::job_t     s_job_data,
  // log, two cycles
  output logic                      log_rd_valid_o,
  output logic [31:0]               log_rd_pos_o,
  input  logic [511:0]              log_rd_data_i,
  // frames whose payload is complete
  output logic                      m_hdr_valid,
  input  logic                      m_hdr_ready,
  output fantail_tcp_pkg::job_t     m_hdr_job,
  output logic [15:0]               m_hdr_sum,
  output logic [$clog2(Lines)-1:0]  m_hdr_line,
  // buffer reader: data one cycle after buf_rd_i, held
  input  logic                      buf_rd_i,
  input  logic [$clog2(Lines)-1:0]  buf_line_i,
  output logic [511:0]              buf_data_o,
  input  logic                      free_i,        // one line given back
  // grace period
  output logic                      done_o,
  output logic                      done_color_o,
  output fantail_pkg::stage_t       stage_o
);
  `include "fantail_assert.svh"

  localparam int LineW = $clog2(Lines);

  // ---------------------------------------------------------------- E: chunks
  logic              open_q;        // a job is being read
  logic              flush_q;       // its last line still has to leave
  logic [31:0]       pos_q, pos;
  logic [10:0]       left_q, left;
  logic [5:0]        fill_q, fill;
  logic [LineW-1:0]  line_q, line, base_q;
  logic [LineW:0]    used_q;
  logic              room;
  logic              first_chunk, chunk_go, chunk_last, piece_done, job_done, empty_job;
  logic              mid_q;         // within a piece
  logic [6:0]        take;
  logic [6:0]        fill_after;
  logic              emit, spill;
  logic [LineW-1:0]  job_lines;
  logic [3:0]        in_flight_q;   // headers between E and the header queue
  logic              hdr_room;

  assign empty_job   = s_piece_len == '0;
  assign first_chunk = !open_q;
  assign room        = (used_q <= (LineW+1)'(Lines - 26)) && hdr_room;
  assign pos         = mid_q ? pos_q : s_piece_pos;
  assign left        = mid_q ? left_q : s_piece_len;
  assign fill        = first_chunk ? (s_job_data.ts ? 6'd2 : 6'd54) : fill_q;
  assign line        = first_chunk ? (s_job_data.ts ? base_q + 1'b1 : base_q) : line_q;
  assign take        = left > 11'd64 ? 7'd64 : left[6:0];
  assign fill_after  = 7'(fill) + take;
  assign chunk_go    = s_piece_valid && !flush_q && (open_q || room);
  assign chunk_last  = left <= 11'd64;
  assign piece_done  = chunk_go && chunk_last;
  assign job_done    = piece_done && s_piece_last;
  assign emit        = fill_after[6] || job_done;           // a line leaves the collector
  assign spill       = job_done && (fill_after > 7'd64);    // and a second one follows: the flush
  assign s_piece_ready = piece_done;
  assign job_lines   = LineW'((12'(s_job_data.len) + (s_job_data.ts ? 12'd66 : 12'd54) + 12'd63) >> 6);

  assign log_rd_valid_o = chunk_go && !empty_job;
  assign log_rd_pos_o   = pos;

  always_ff @(posedge clk) begin
    if (chunk_go) begin
      pos_q  <= pos + 32'd64;
      left_q <= left - 11'd64;
      fill_q <= fill_after[5:0];
      line_q <= fill_after[6] ? line + 1'b1 : line;
    end
    if (rst) begin
      open_q  <= 1'b0;
      mid_q   <= 1'b0;
      flush_q <= 1'b0;
      base_q  <= '0;
      used_q  <= '0;
    end else begin
      if (chunk_go) begin
        open_q <= !job_done;
        mid_q  <= !chunk_last;
      end
      flush_q <= chunk_go && spill;
      if (job_done) base_q <= base_q + job_lines;
      used_q <= used_q + (job_done ? (LineW+1)'(job_lines) : '0) - (LineW+1)'(free_i);
    end
  end

  // ---------------------------------------------------------------- L1, L2: with the log
  typedef struct packed {
    logic             valid;    // a chunk or a flush
    logic [5:0]       rotate;   // left, bytes
    logic [5:0]       fill;
    logic [6:0]       take;
    logic             emit;
    logic             final_line; // last line of the frame
    logic             first;    // collector starts empty
    logic [LineW-1:0] line;
  } step_t;

  step_t e_step, l1_q, l2_q;
  fantail_tcp_pkg::job_t l1_job_q, l2_job_q, s_job_q;
  logic [LineW-1:0] l1_base_q, l2_base_q, s_base_q;

  always_comb begin
    e_step            = '0;
    e_step.valid      = chunk_go || flush_q;
    e_step.rotate     = fill - pos[5:0];
    e_step.fill       = fill;
    e_step.take       = take;
    e_step.emit       = emit;
    e_step.final_line = job_done && !spill;
    e_step.first      = first_chunk;
    e_step.line       = line;
    if (flush_q) begin
      e_step.fill       = '0;
      e_step.take       = '0;
      e_step.emit       = 1'b1;
      e_step.final_line = 1'b1;
      e_step.first      = 1'b0;
      e_step.line       = line_q;
    end
  end

  always_ff @(posedge clk) begin
    l1_q <= e_step;
    l2_q <= l1_q;
    if (job_done) begin
      l1_job_q  <= s_job_data;
      l1_base_q <= base_q;
    end
    l2_job_q  <= l1_job_q;
    l2_base_q <= l1_base_q;
    if (rst) begin
      l1_q.valid <= 1'b0;
      l2_q.valid <= 1'b0;
    end
  end

  // ---------------------------------------------------------------- C: collector
  logic [511:0]  acc_q, turned, into_line, into_next, full_line, mask_line, mask_next, keep_line;
  logic [1023:0] twice;
  logic [6:0]    end_place;
  logic          write_line;

  assign end_place = 7'(l2_q.fill) + l2_q.take;
  assign twice     = {log_rd_data_i, log_rd_data_i} << {l2_q.rotate, 3'b000};
  assign turned    = twice[1023:512];
  assign mask_line = ({512{1'b1}} << {l2_q.fill, 3'b000})
                   & (end_place[6] ? {512{1'b1}} : ~({512{1'b1}} << {end_place[5:0], 3'b000}));
  assign mask_next = end_place[6] ? ~({512{1'b1}} << {end_place[5:0], 3'b000}) : '0;
  assign into_line = l2_q.take == '0 ? '0 : turned & mask_line;
  assign into_next = l2_q.take == '0 ? '0 : turned & mask_next;
  assign keep_line = l2_q.first ? '0 : acc_q;
  assign full_line = keep_line | into_line;
  assign write_line = l2_q.valid && l2_q.emit;

  fantail_ram_1w1r #(
    .Width(512),
    .Depth(Lines)
  ) u_buffer (
    .clk,
    .we_i    (write_line),
    .waddr_i (l2_q.line),
    .wdata_i (full_line),
    .re_i    (buf_rd_i),
    .raddr_i (buf_line_i),
    .rdata_o (buf_data_o)
  );

  // ---------------------------------------------------------------- S: sum
  logic [511:0] sum_line_q;
  logic         sum_valid_q, sum_final_q, sum_first_q, head_q;
  logic [20:0]  line_sum;
  logic [31:0]  total, total_q, folded;

  always_comb begin
    line_sum = '0;
    if (sum_valid_q) begin
      for (int i = 0; i < 32; i++) line_sum = line_sum + 21'(sum_line_q[i*16 +: 16]);
    end
  end
  assign total  = (sum_first_q ? 32'd0 : total_q) + 32'(line_sum);
  assign folded = 32'(total[15:0]) + 32'(total[31:16]);

  always_ff @(posedge clk) begin
    if (l2_q.valid) acc_q <= l2_q.emit ? into_next : full_line;
    if (write_line) sum_line_q <= full_line;
    sum_first_q <= head_q;
    s_job_q     <= l2_job_q;
    s_base_q    <= l2_base_q;
    if (sum_valid_q) total_q <= total;
    if (rst) begin
      sum_valid_q <= 1'b0;
      sum_final_q <= 1'b0;
      head_q      <= 1'b1;
    end else begin
      sum_valid_q <= write_line;
      sum_final_q <= write_line && l2_q.final_line;
      if (write_line) head_q <= l2_q.final_line;   // the next line is the first of a frame
    end
  end

  // ---------------------------------------------------------------- to the header builder
  localparam int HdrW = fantail_tcp_pkg::JobW + 16 + LineW;
  logic       hdr_ready;
  logic [3:0] hdr_level;

  fantail_fifo #(
    .Width(HdrW),
    .Depth(8)
  ) u_hdr (
    .clk, .rst,
    .s_valid (sum_final_q),
    .s_ready (hdr_ready),
    .s_data  ({s_job_q, 16'(folded[15:0] + 16'(folded[16])), s_base_q}),
    .m_valid (m_hdr_valid),
    .m_ready (m_hdr_ready),
    .m_data  ({m_hdr_job, m_hdr_sum, m_hdr_line}),
    .level_o (hdr_level)
  );

  assign hdr_room = (hdr_level + in_flight_q) < 4'd8;
  always_ff @(posedge clk) begin
    if (rst) in_flight_q <= '0;
    else in_flight_q <= in_flight_q + 4'(job_done) - 4'(sum_final_q);
  end

  // The last log read of the job is answered when its last chunk is in L2.
  assign done_o       = l2_q.valid && l2_q.final_line;
  assign done_color_o = l2_job_q.color;

  assign stage_o = {s_piece_valid && !e_step.valid, e_step.valid};

  assign idle_o = !s_piece_valid && !open_q && !flush_q && !l1_q.valid && !l2_q.valid && !sum_valid_q && !m_hdr_valid
               && (used_q == '0);

  if (Lines < 64) begin : gen_check
    $fatal(1, "fantail_assemble: Lines must be at least 64");
  end

  `ASSERT(HdrRoom, !(sum_final_q && !hdr_ready))
  `ASSERT(BufferRoom, used_q <= (LineW+1)'(Lines))

endmodule
