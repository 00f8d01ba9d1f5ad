// SPDX-License-Identifier: Apache-2.0
// The payload log: a circular store of LogBytes bytes, addressed by a position that only grows (modulo 2^32).
//
// Two banks hold the even and the odd 64-byte lines, so that any 64 consecutive bytes can be written and any 64 be
// read in one cycle, whatever their alignment. Both sides use the same trick: bytes keep their place modulo 64.
//
//   write   host line, rotated so that byte k of the payload stands at (pos + k) mod 64; both banks get the same
//           64 bytes and differ in their byte enables
//   read    byte i of the answer is the byte whose position is i modulo 64 among [pos, pos + 64): the collector
//           rotates once, from the log's alignment to the frame's
//
// Contract: append beats are always taken (the space was reserved). A read answers two cycles after rd_valid_i; a byte
// may be read from the cycle after its append beat. Positions outside [low, tail) must not be read (asserted outside:
// fantail_gather knows what it reads).

module fantail_log #(
  parameter int LogBytes = 1048576  // a power of two, 64 KiB to 16 MiB
) (
  input  logic                   clk,
  input  logic                   rst,
  input  logic                   s_append_valid,
  input  fantail_pkg::append_t   s_append_data,
  output logic [31:0]            tail_o,       // position behind the highest appended byte
  input  logic                   rd_valid_i,
  input  logic [31:0]            rd_pos_i,
  output logic [511:0]           rd_data_o
);
  `include "fantail_assert.svh"

  localparam int Lines = LogBytes / 128;  // of one bank
  localparam int AddrW = $clog2(Lines);

  // ---------------------------------------------------------------- write
  logic [5:0]    wr_place;    // of the first byte in its line
  logic [5:0]    wr_rotate;   // bytes to the left
  logic [1023:0] wr_twice;
  logic [511:0]  wr_data_q;
  logic [127:0]  wr_mask;     // bytes of the two lines
  logic [63:0]   wr_even_q, wr_odd_q;
  logic [AddrW-1:0] wr_even_addr_q, wr_odd_addr_q;

  assign wr_place  = s_append_data.pos[5:0];
  assign wr_rotate = wr_place - s_append_data.off;
  assign wr_twice  = {s_append_data.data, s_append_data.data} << {wr_rotate, 3'b000};
  assign wr_mask   = ((128'd1 << s_append_data.bytes) - 128'd1) << wr_place;

  // payloads of different queue pairs arrive out of the order of their positions
  logic [31:0] append_end, append_dist;
  assign append_end  = s_append_data.pos + 32'(s_append_data.bytes);
  assign append_dist = append_end - tail_o;

  always_ff @(posedge clk) begin
    if (s_append_valid) begin
      wr_data_q      <= wr_twice[1023:512];
      wr_even_addr_q <= s_append_data.pos[7 +: AddrW] + AddrW'(s_append_data.pos[6]);
      wr_odd_addr_q  <= s_append_data.pos[7 +: AddrW];
      wr_even_q      <= s_append_data.pos[6] ? wr_mask[127:64] : wr_mask[63:0];
      wr_odd_q       <= s_append_data.pos[6] ? wr_mask[63:0] : wr_mask[127:64];
    end
    if (rst || !s_append_valid) begin
      wr_even_q <= '0;
      wr_odd_q  <= '0;
    end
    if (rst) tail_o <= '0;
    else if (s_append_valid && !append_dist[31]) tail_o <= append_end;
  end

  // ---------------------------------------------------------------- read
  logic [5:0]   rd_place_q, rd_place_qq;
  logic         rd_swap_q, rd_swap_qq;
  logic         rd_valid_q;
  logic [AddrW-1:0] rd_even_addr_q, rd_odd_addr_q;
  logic [511:0] even, odd, first, second;

  always_ff @(posedge clk) begin
    rd_valid_q <= rd_valid_i && !rst;
    if (rd_valid_i) begin
      rd_even_addr_q <= rd_pos_i[7 +: AddrW] + AddrW'(rd_pos_i[6]);
      rd_odd_addr_q  <= rd_pos_i[7 +: AddrW];
      rd_place_q     <= rd_pos_i[5:0];
      rd_swap_q      <= rd_pos_i[6];
    end
    rd_place_qq <= rd_place_q;
    rd_swap_qq  <= rd_swap_q;
  end

  assign first  = rd_swap_qq ? odd : even;
  assign second = rd_swap_qq ? even : odd;

  logic [511:0] place_mask;  // bytes that stand before the first one come from the second line
  assign place_mask = {512{1'b1}} << {rd_place_qq, 3'b000};
  assign rd_data_o  = (first & place_mask) | (second & ~place_mask);

  fantail_ram_be #(
    .Lanes(64),
    .LaneWidth(8),
    .Depth(Lines)
  ) u_even (
    .clk,
    .we_i    (wr_even_q),
    .waddr_i (wr_even_addr_q),
    .wdata_i (wr_data_q),
    .re_i    (rd_valid_q),
    .raddr_i (rd_even_addr_q),
    .rdata_o (even)
  );

  fantail_ram_be #(
    .Lanes(64),
    .LaneWidth(8),
    .Depth(Lines)
  ) u_odd (
    .clk,
    .we_i    (wr_odd_q),
    .waddr_i (wr_odd_addr_q),
    .wdata_i (wr_data_q),
    .re_i    (rd_valid_q),
    .raddr_i (rd_odd_addr_q),
    .rdata_o (odd)
  );

  if ((1 << $clog2(LogBytes)) != LogBytes || LogBytes < 65536 || LogBytes > 16777216) begin : gen_check
    $fatal(1, "fantail_log: LogBytes must be a power of two from 64 KiB to 16 MiB");
  end

  `ASSERT(BeatWithinLine, !s_append_valid ||
          (8'(s_append_data.off) + 8'(s_append_data.bytes) <= 8'd64 && s_append_data.bytes != 7'd0))

endmodule
