// SPDX-License-Identifier: Apache-2.0
// Toeplitz hash of a TCP/IPv4 tuple: hash bit n (from the left) is the parity of the tuple under the key's 96-bit
// window at n, as receive-side scaling computes it over remote address, local address, remote port, local port.
//
// Contract: combinational; zero while valid_i is low, which spares the simulator the work.

module fantail_toeplitz (
  input  logic                valid_i,
  input  fantail_pkg::tuple_t tuple_i,
  input  logic [127:0]        key_i,   // first key byte in the upper bits
  output logic [31:0]         hash_o
);

  logic [95:0] text;
  assign text = {tuple_i.remote_ip, tuple_i.local_ip, tuple_i.remote_port, tuple_i.local_port};

  always_comb begin : hash
    hash_o = '0;
    if (valid_i) begin
      for (int n = 0; n < 32; n++) hash_o[31-n] = ^(text & key_i[32-n +: 96]);
    end
  end

endmodule
