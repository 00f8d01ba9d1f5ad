// SPDX-License-Identifier: Apache-2.0
// The yardstick, driven as sim/ drives the engine: two evaluations a cycle,
// every beat copied in and out.

#include "modelspeed.h"

#include <cstring>
#include <memory>
#include <new>

#include "Vpipe.h"
#include "verilated.h"

namespace
{

const unsigned int words = 16;

void clock_edge(Vpipe *top, unsigned int clk)
{
	top->clk = clk & 1;
	top->eval();
}

} // namespace

extern "C" uint64_t pipe_run(uint64_t cycles)
try {
	std::unique_ptr<VerilatedContext> context(new VerilatedContext);
	std::unique_ptr<Vpipe> top(new Vpipe(context.get(), "pipe"));
	uint32_t in[words] = { 0 }, out[words] = { 0 };
	uint64_t beats = 0;

	top->rst = 1;
	for (unsigned int i = 0; i < 8; i++)
		clock_edge(top.get(), i);
	top->rst = 0;
	top->s_tvalid = 1;
	top->m_tready = 1;
	for (uint64_t i = 0; i < cycles; i++) {
		if (top->m_tvalid) {
			memcpy(out, &top->m_tdata[0], sizeof(out));
			beats++;
		}
		clock_edge(top.get(), 1);
		if (top->s_tready) {
			in[i % words] += static_cast<uint32_t>(i) + out[0];
			memcpy(&top->s_tdata[0], in, sizeof(in));
			top->s_tlast = i % 24 == 23;
			top->shift_i = i / 24 % 16;
		}
		clock_edge(top.get(), 0);
	}
	top->final();
	return beats;
} catch (const std::bad_alloc &) {
	return 0;
}
