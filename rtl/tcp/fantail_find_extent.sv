// SPDX-License-Identifier: Apache-2.0
// Finds the extent that holds a sequence number in a row of eight. Combinational.
//
// Entries [start_i, wr_i) exist; index_i is the index of the row's first lane. Of those in the row the one
// looked for is the last that begins at or before seq_i.
//
//   found_o   such an entry stands in the row, at index found_index_o, with delta_o; begins_o: it begins at seq_i
//   next_o    the entry behind it stands in the row too and begins at next_seq_o, with next_delta_o; when none is found,
//             the first entry of the row
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
  output logic         begins_o,
  output logic         next_o,
  output logic [31:0]  next_seq_o,
  output logic [31:0]  next_delta_o,
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
    begins_o      = 1'b0;
    next_o        = 1'b0;
    next_seq_o    = row_i[63:32];
    next_delta_o  = row_i[31:0];
    for (int l = 0; l < 8; l++) begin
      if (reached[l]) begin
        found_index_o = index_i + 16'(l);
        delta_o       = row_i[l*64 +: 32];
        begins_o      = row_i[l*64+32 +: 32] == seq_i;
      end
    end
    for (int l = 7; l >= 0; l--) begin
      if (exists[l] && !reached[l]) begin
        next_o       = 1'b1;
        next_seq_o   = row_i[l*64+32 +: 32];
        next_delta_o = row_i[l*64 +: 32];
      end
    end
    final_o = (found_index_o + 16'd1) == wr_i;
  end

`ifdef FORMAL
  // Existing entries begin in growing order, all within 2^30 of seq_i.
  logic        f_legal;
  logic [2:0]  f_lane;
  logic [15:0] f_count;
  logic [7:0]  f_exists, f_reached;

  assign f_count = wr_i - start_i;
  assign f_lane  = found_index_o[2:0];

  always_comb begin
    f_legal = index_i[2:0] == '0 && f_count <= 16'h4000;
    for (int l = 0; l < 8; l++) begin
      f_exists[l]  = 16'(index_i + 16'(l) - start_i) < f_count;
      f_reached[l] = f_exists[l] && (seq_i - row_i[l*64+32 +: 32]) < 32'h8000_0000;
      if (f_exists[l] && (row_i[l*64+32 +: 32] - seq_i + 32'h4000_0000) >= 32'h8000_0000) f_legal = 1'b0;
    end
    for (int l = 1; l < 8; l++) begin
      if (f_exists[l] && f_exists[l-1] && $signed(row_i[l*64+32 +: 32] - row_i[l*64-32 +: 32]) <= 0) f_legal = 1'b0;
    end
  end

  // What one lane says against the answer
  logic [7:0] f_passed_over, f_not_reached, f_delta, f_begins, f_next, f_next_seq;
  always_comb begin
    for (int l = 0; l < 8; l++) begin
      f_passed_over[l] = f_reached[l] && f_lane < 3'(l);
      f_not_reached[l] = f_lane == 3'(l) && !f_reached[l];
      f_delta[l]       = f_lane == 3'(l) && delta_o != row_i[l*64 +: 32];
      f_begins[l]      = f_lane == 3'(l) && begins_o != (row_i[l*64+32 +: 32] == seq_i);
      f_next[l]        = 4'(f_lane) + 4'd1 == 4'(l) && next_o != f_exists[l];
      f_next_seq[l]    = 4'(f_lane) + 4'd1 == 4'(l) && next_o
          && ({next_seq_o, next_delta_o} != row_i[l*64 +: 64] || f_reached[l]);
    end
  end

  always_comb if (f_legal) begin
    FoundIfReached: assert (found_o == (f_reached != '0));
    if (found_o) begin
      InRow: assert (found_index_o[15:3] == index_i[15:3]);
      LastReached: assert (f_passed_over == '0 && f_not_reached == '0);
      Delta: assert (f_delta == '0);
      Begins: assert (f_begins == '0);
      Next: assert (f_next == '0 && f_next_seq == '0 && !(f_lane == 3'd7 && next_o));
      Final: assert (final_o == (f_count == 16'(found_index_o - start_i) + 16'd1));
      FinalHasNoNext: assert (!(final_o && next_o));
    end else if (f_exists[0]) begin
      NextIsFirst: assert (next_o && {next_seq_o, next_delta_o} == row_i[63:0]);
    end
  end
  always_comb if (f_legal) begin
    FoundMiddle: cover (found_o && next_o && f_lane == 3'd5);
    FoundLast: cover (found_o && !next_o && !final_o && f_lane == 3'd7);
    FoundFinal: cover (found_o && final_o && f_lane == 3'd3);
    NoneReached: cover (!found_o && f_exists == '1);
  end
`endif

endmodule
