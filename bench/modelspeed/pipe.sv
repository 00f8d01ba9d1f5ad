// SPDX-License-Identifier: Apache-2.0
// The yardstick of `make modelspeed`: what a network card does to a beat of 64 bytes, once. A register slice, a buffer in
// memory, a shift by whole words and the ones' complement sum: how fast this machine runs a verilated model at all.
//
// Contract: valid/ready on both sides, one beat per cycle; a beat leaves turned by shift_i words; sum_o is of what has left.

module pipe #(
  parameter int Depth = 64  // beats, a power of two
) (
  input  logic         clk,
  input  logic         rst,
  input  logic [511:0] s_tdata,
  input  logic         s_tlast,
  input  logic         s_tvalid,
  output logic         s_tready,
  output logic [511:0] m_tdata,
  output logic         m_tlast,
  output logic         m_tvalid,
  input  logic         m_tready,
  input  logic [3:0]   shift_i,
  output logic [31:0]  sum_o
);

  localparam int PtrW = $clog2(Depth);

  // ---------------------------------------------------------------- in: two places, so that ready is a register
  logic [512:0] in_q, spare_q;
  logic         in_valid_q, spare_valid_q, in_ready;

  assign s_tready = !spare_valid_q;

  always_ff @(posedge clk) begin
    if (s_tready) spare_q <= {s_tlast, s_tdata};
    if (in_ready || !in_valid_q) in_q <= spare_valid_q ? spare_q : {s_tlast, s_tdata};
    if (rst) begin
      in_valid_q    <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (in_ready || !in_valid_q) begin
      in_valid_q    <= spare_valid_q || s_tvalid;
      spare_valid_q <= 1'b0;
    end else if (s_tready) begin
      spare_valid_q <= s_tvalid;
    end
  end

  // ---------------------------------------------------------------- buffer: a memory with a registered read
  logic [512:0]  mem[Depth];
  logic [PtrW:0] wr_q, rd_q;
  logic [512:0]  out_q;
  logic          out_valid_q, put, get;

  assign in_ready = wr_q - rd_q != (PtrW+1)'(Depth);
  assign put      = in_valid_q && in_ready;
  assign get      = wr_q != rd_q && (!out_valid_q || out_ready);

  always_ff @(posedge clk) begin
    if (put) mem[wr_q[PtrW-1:0]] <= in_q;
    if (get) out_q <= mem[rd_q[PtrW-1:0]];
    if (rst) begin
      wr_q        <= '0;
      rd_q        <= '0;
      out_valid_q <= 1'b0;
    end else begin
      if (put) wr_q <= wr_q + 1'b1;
      if (get) rd_q <= rd_q + 1'b1;
      out_valid_q <= get || (out_valid_q && !out_ready);
    end
  end

  // ---------------------------------------------------------------- shift, a step for each bit of it; out
  logic [512:0] turned_q;
  logic [511:0] turned;
  logic         turned_valid_q, out_ready;

  assign out_ready = !turned_valid_q || m_tready;

  always_comb begin
    turned = out_q[511:0];
    for (int i = 0; i < 4; i++) begin
      if (shift_i[i]) turned = (turned >> (32 << i)) | (turned << (512 - (32 << i)));
    end
  end

  always_ff @(posedge clk) begin
    if (out_ready) turned_q <= {out_q[512], turned};
    if (rst) turned_valid_q <= 1'b0;
    else if (out_ready) turned_valid_q <= out_valid_q;
  end

  assign m_tdata  = turned_q[511:0];
  assign m_tlast  = turned_q[512];
  assign m_tvalid = turned_valid_q;

  // ---------------------------------------------------------------- sum: of the halves of each word, then of all
  logic [31:0] beat, sum_q;

  always_comb begin
    beat = '0;
    for (int i = 0; i < 32; i++) beat = beat + 32'(turned_q[16*i +: 16]);
  end

  always_ff @(posedge clk) begin
    if (rst) sum_q <= '0;
    else if (m_tvalid && m_tready) sum_q <= sum_q + beat;
  end

  assign sum_o = 32'(sum_q[15:0]) + 32'(sum_q[31:16]);

endmodule
