// SPDX-License-Identifier: Apache-2.0
// One macro set for properties: clocked immediate assertions, which Verilator checks in simulation, yosys
// proves (read_verilog -formal) and synthesis ignores. The module has clk and rst.
//
//   ASSERT    what the module promises
//   REQUIRE   what its user must keep: tools/formal assumes it where the module is the top, proves it where it is
//             instantiated
//   COVER     what can happen, or a property would hold for want of input
//   ASSUME    limits of a proof, only in harnesses (formal/) and for what no user can break
`ifndef FANTAIL_ASSERT_SVH
`define FANTAIL_ASSERT_SVH

`ifdef FORMAL
`define FANTAIL_PROPERTIES
`endif
`ifdef FANTAIL_SIM_ASSERT
`define FANTAIL_PROPERTIES
`endif

`ifdef FANTAIL_PROPERTIES
`define ASSERT(Name, Expr) always_ff @(posedge clk) if (!rst) begin Name: assert (Expr); end
`define REQUIRE(Name, Expr) always_ff @(posedge clk) if (!rst) begin Require``Name: assert (Expr); end
`else
`define ASSERT(Name, Expr)
`define REQUIRE(Name, Expr)
`endif

`ifdef FORMAL
`define ASSUME(Name, Expr) always_ff @(posedge clk) if (!rst) begin Name: assume (Expr); end
`define COVER(Name, Expr) always_ff @(posedge clk) if (!rst) begin Name: cover (Expr); end
`else
`define ASSUME(Name, Expr)
`define COVER(Name, Expr)
`endif

`endif

`ifdef FORMAL
// In each module: a proof begins with one cycle of reset and sees no other.
logic f_started_q = 1'b0;
always_ff @(posedge clk) f_started_q <= 1'b1;
always_comb assume (rst == !f_started_q);
`endif
