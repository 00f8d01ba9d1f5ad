// SPDX-License-Identifier: Apache-2.0
// One macro set for properties: clocked immediate assertions, which Verilator checks in simulation, yosys
// proves (read_verilog -formal) and synthesis ignores. The module has clk and rst.
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
`else
`define ASSERT(Name, Expr)
`endif

`ifdef FORMAL
`define ASSUME(Name, Expr) always_ff @(posedge clk) if (!rst) begin Name: assume (Expr); end
`define COVER(Name, Expr) always_ff @(posedge clk) if (!rst) begin Name: cover (Expr); end
`else
`define ASSUME(Name, Expr)
`define COVER(Name, Expr)
`endif

`endif
