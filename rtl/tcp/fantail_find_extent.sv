// SPDX-License-Identifier: Apache-2.0
// Finds the extent that holds a sequence number in a row of eight. Combinational.
//
// Entries [start_i, wr_i) exist; index_i is the index of the row's first lane. Of those in the row the one
// looked for is the last that begins at or before seq_i.
//
//   found_o   such an entry stands in the row, at index found_index_o, with delta_o
//   next_o    the entry behind it stands in the row too and begins at next_seq_o
//   final_o   the entry found is the newest of all
// Neither next nor final: the row's last lane was found, and only the next row tells where it ends.

module fantail_find_extent (
  input  logic [511:0] row_i,
  input  logic [15:0]  index_i,
  input  logic [15:0]  start_i,
  input  logic [15:0]  wr_i,
  input  logic [31:0]  seq_i,
  output logic         found_o,
  output logic [15:0]  found_index_o,
  output logic [31:0]  delta_o,
  output logic         next_o,
  output logic [31:0]  next_seq_o,
  output logic         final_o
);

  logic [7:0] exists, reached;

  always_comb begin
    for (int l = 0; l < 8; l++) begin
      exists[l] = ((index_i + 16'(l) - start_i) < (wr_i - start_i));
      reached[l] = exists[l] && ($signed(row_i[l*64+32 +: 32] - seq_i) <= 0);
    end
  end

  // first_seq only grows from lane to lane, so `reached` is a run of ones
  always_comb begin
    found_o       = reached != '0;
    found_index_o = index_i;
    delta_o       = row_i[31:0];
    next_o        = 1'b0;
    next_seq_o    = row_i[63:32];
    for (int l = 0; l < 8; l++) begin
      if (reached[l]) begin
        found_index_o = index_i + 16'(l);
        delta_o       = row_i[l*64 +: 32];
      end
    end
    for (int l = 7; l >= 0; l--) begin
      if (exists[l] && !reached[l]) begin
        next_o     = 1'b1;
        next_seq_o = row_i[l*64+32 +: 32];
      end
    end
    final_o = (found_index_o + 16'd1) == wr_i;
  end

endmodule
