// SPDX-License-Identifier: Apache-2.0
#include "host_block.h"

#include <cstring>

#include "Vblock.h"
#include "verilated.h"

struct host_block {
	VerilatedContext context;
	Vblock *dut;
};

host_block *host_new(unsigned int seed)
{
	host_block *b = new host_block;

	b->context.randReset(2);
	b->context.randSeed(static_cast<int>(seed));
	b->dut = new Vblock{ &b->context };
	b->dut->clk = 0;
	return b;
}

void host_free(host_block *b)
{
	b->dut->final();
	delete b->dut;
	delete b;
}

void host_settle(host_block *b, host_pins *pins)
{
#define TAKE(name)	    b->dut->name = pins->name;
#define TAKE_W(name, words) memcpy(b->dut->name.data(), pins->name, 4 * words);
	HOST_INPUTS(TAKE, TAKE_W)
	b->dut->clk = 0;
	b->dut->eval();
#define GIVE(name)	    pins->name = b->dut->name;
#define GIVE_W(name, words) memcpy(pins->name, b->dut->name.data(), 4 * words);
	HOST_OUTPUTS(GIVE, GIVE_W)
}

void host_edge(host_block *b)
{
	b->dut->clk = 1;
	b->dut->eval();
}
