// SPDX-License-Identifier: Apache-2.0
#include "submit_block.h"

#include <cstring>

#include "Vblock.h"
#include "verilated.h"

struct submit_block {
	VerilatedContext context;
	Vblock *dut;
};

submit_block *submit_new(unsigned int seed)
{
	submit_block *b = new submit_block;

	b->context.randReset(2);
	b->context.randSeed(static_cast<int>(seed));
	b->dut = new Vblock{ &b->context };
	b->dut->clk = 0;
	return b;
}

void submit_free(submit_block *b)
{
	b->dut->final();
	delete b->dut;
	delete b;
}

void submit_settle(submit_block *b, submit_pins *pins)
{
#define TAKE(name)	    b->dut->name = pins->name;
#define TAKE_W(name, words) memcpy(b->dut->name.data(), pins->name, 4 * words);
	SUBMIT_INPUTS(TAKE, TAKE_W)
	b->dut->clk = 0;
	b->dut->eval();
#define GIVE(name)	    pins->name = b->dut->name;
#define GIVE_W(name, words) memcpy(pins->name, b->dut->name.data(), 4 * words);
	SUBMIT_OUTPUTS(GIVE, GIVE_W)
}

void submit_edge(submit_block *b)
{
	b->dut->clk = 1;
	b->dut->eval();
}
