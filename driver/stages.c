/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages of the engine did with their cycles. */
#include <errno.h>

#include "fantail_driver.h"
#include "fantail_regs.h"

static const char *const names[FANTAIL_STAGE_COUNT] = FANTAIL_STAGE_NAMES;

const char *fantail_stage_name(unsigned int stage)
{
	return stage < FANTAIL_STAGE_COUNT ? names[stage] : NULL;
}

int fantail_dev_stages(struct fantail_dev *dev, struct fantail_stages *s)
{
	uint32_t offset = FANTAIL_CNT_STAGES;
	unsigned int i;
	int rc;

	rc = fantail_dev_counter(dev, FANTAIL_CNT_CYCLES, &s->cycles);
	for (i = 0; !rc && i < FANTAIL_STAGE_COUNT; i++, offset += 16) {
		rc = fantail_dev_counter(dev, offset, &s->busy[i]);
		if (!rc)
			rc = fantail_dev_counter(dev, offset + 8,
						 &s->blocked[i]);
	}
	return rc;
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
