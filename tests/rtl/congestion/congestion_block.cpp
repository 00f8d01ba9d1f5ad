// SPDX-License-Identifier: Apache-2.0
#include "congestion_block.h"

#include "Vblock.h"
#include "verilated.h"

struct congestion_block {
	VerilatedContext context;
	Vblock *dut;
};

congestion_block *congestion_new()
{
	congestion_block *b = new congestion_block;

	b->dut = new Vblock{ &b->context };
	return b;
}

void congestion_free(congestion_block *b)
{
	b->dut->final();
	delete b->dut;
	delete b;
}

void congestion_settle(congestion_block *b, congestion_pins *pins)
{
#define TAKE(name) b->dut->name = pins->name;
	CONGESTION_INPUTS(TAKE)
	b->dut->eval();
#define GIVE(name) pins->name = b->dut->name;
	CONGESTION_OUTPUTS(GIVE)
}
