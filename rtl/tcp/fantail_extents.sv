// SPDX-License-Identifier: Apache-2.0
// The extents: for every connection a ring of Extents entries {first_seq, delta}, eight to a row of 512 bits.
//
// A ring per connection instead of a shared pool: no allocator, no free list, nothing that one tenant's slow
// client can take from another, and the address of an entry is {id, index}.
//
// Contract: the write port is the enqueue owner's. The read port is shared: source 0 (gather) always wins, source 1
// (sweeper) is told by rd_ready_o. Data comes one cycle after the request and stays one cycle.

module fantail_extents #(
  parameter int Connections = 1024,
  parameter int Extents     = 64     // per connection, a power of two, at least 8
) (
  input  logic                      clk,
  input  logic                      we_i,
  input  logic [13:0]               wid_i,
  input  logic [15:0]               windex_i,
  input  fantail_tcp_pkg::extent_t  wdata_i,
  input  logic [1:0]                rd_valid_i,
  output logic                      rd_ready_o,   // of source 1
  input  logic [27:0]               rd_id_i,
  input  logic [31:0]               rd_index_i,   // any entry of the row
  output logic [511:0]              rd_row_o
);

  localparam int IdW  = $clog2(Connections);
  localparam int IdxW = $clog2(Extents);

  logic [13:0] rid;
  logic [15:0] rindex;

  assign rd_ready_o = !rd_valid_i[0];
  assign rid        = rd_valid_i[0] ? rd_id_i[13:0] : rd_id_i[27:14];
  assign rindex     = rd_valid_i[0] ? rd_index_i[15:0] : rd_index_i[31:16];

  if (IdxW > 3) begin : gen_rows
    fantail_ram_be #(
      .Lanes(8),
      .LaneWidth(64),
      .Depth(Connections * Extents / 8)
    ) u_ram (
      .clk,
      .we_i    (8'(we_i) << windex_i[2:0]),
      .waddr_i ({wid_i[IdW-1:0], windex_i[IdxW-1:3]}),
      .wdata_i ({8{wdata_i}}),
      .re_i    (rd_valid_i != '0),
      .raddr_i ({rid[IdW-1:0], rindex[IdxW-1:3]}),
      .rdata_o (rd_row_o)
    );
  end else begin : gen_row
    fantail_ram_be #(
      .Lanes(8),
      .LaneWidth(64),
      .Depth(Connections)
    ) u_ram (
      .clk,
      .we_i    (8'(we_i) << windex_i[2:0]),
      .waddr_i (wid_i[IdW-1:0]),
      .wdata_i ({8{wdata_i}}),
      .re_i    (rd_valid_i != '0),
      .raddr_i (rid[IdW-1:0]),
      .rdata_o (rd_row_o)
    );
  end

endmodule
