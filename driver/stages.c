/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the stages without a card: their names, differences. */
#include "fantail_driver.h"
#include "fantail_regs.h"

static const char *const names[FANTAIL_STAGE_COUNT] = FANTAIL_STAGE_NAMES;

const char *fantail_stage_name(unsigned int stage)
{
	return stage < FANTAIL_STAGE_COUNT ? names[stage] : NULL;
}

void fantail_stages_since(struct fantail_stages *s,
			  const struct fantail_stages *before)
{
	unsigned int i;

	s->cycles -= before->cycles;
	for (i = 0; i < FANTAIL_STAGE_COUNT; i++) {
		s->busy[i] -= before->busy[i];
		s->blocked[i] -= before->blocked[i];
	}
}
