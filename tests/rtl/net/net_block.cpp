// SPDX-License-Identifier: Apache-2.0
#include "net_block.h"

#include <cstring>

#include "Vblock.h"
#include "verilated.h"

struct net_block {
	VerilatedContext context;
	Vblock *dut;
};

net_block *net_new(unsigned int seed)
{
	net_block *b = new net_block;

	b->context.randReset(2);
	b->context.randSeed(static_cast<int>(seed));
	b->dut = new Vblock{ &b->context };
	b->dut->clk = 0;
	return b;
}

void net_free(net_block *b)
{
	b->dut->final();
	delete b->dut;
	delete b;
}

void net_settle(net_block *b, net_pins *pins)
{
#define TAKE(name)	    b->dut->name = pins->name;
#define TAKE_W(name, words) memcpy(b->dut->name.data(), pins->name, 4 * words);
	NET_INPUTS(TAKE, TAKE_W)
	b->dut->clk = 0;
	b->dut->eval();
#define GIVE(name)	    pins->name = b->dut->name;
#define GIVE_W(name, words) memcpy(pins->name, b->dut->name.data(), 4 * words);
	NET_OUTPUTS(GIVE, GIVE_W)
}

void net_edge(net_block *b)
{
	b->dut->clk = 1;
	b->dut->eval();
}
