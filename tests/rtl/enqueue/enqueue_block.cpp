// SPDX-License-Identifier: Apache-2.0
#include "enqueue_block.h"

#include "Vblock.h"
#include "verilated.h"

struct enqueue_block {
	VerilatedContext context;
	Vblock *dut;
};

enqueue_block *enqueue_new(unsigned int seed)
{
	enqueue_block *b = new enqueue_block;

	b->context.randReset(2);
	b->context.randSeed(static_cast<int>(seed));
	b->dut = new Vblock{ &b->context };
	b->dut->clk = 0;
	return b;
}

void enqueue_free(enqueue_block *b)
{
	b->dut->final();
	delete b->dut;
	delete b;
}

void enqueue_settle(enqueue_block *b, enqueue_pins *pins)
{
#define TAKE(name) b->dut->name = pins->name;
	ENQUEUE_INPUTS(TAKE)
	b->dut->clk = 0;
	b->dut->eval();
#define GIVE(name) pins->name = b->dut->name;
	ENQUEUE_OUTPUTS(GIVE)
}

void enqueue_edge(enqueue_block *b)
{
	b->dut->clk = 1;
	b->dut->eval();
}
