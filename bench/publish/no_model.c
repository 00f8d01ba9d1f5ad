/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No engine in this program: the card is in another process, and a verilated
 * model is compiled for this processor, of which valgrind knows only a part.
 */
#include <errno.h>

#include "dut.h"

bool dut_can_trace(void)
{
	return false;
}

int dut_open(struct dut *dut, const struct dut_config *cfg)
{
	(void)dut;
	(void)cfg;
	return -ENOTSUP;
}

void dut_close(struct dut *dut)
{
	(void)dut;
}

void dut_edge(struct dut *dut)
{
	(void)dut;
}

void dut_settle(struct dut *dut)
{
	(void)dut;
}

void dut_look(const struct dut *dut, struct dut_watch *watch)
{
	(void)dut;
	*watch = (struct dut_watch){ 0 };
}
