/* SPDX-License-Identifier: Apache-2.0 */
/* Short runs of `make fuzz-vfio`; SEED takes one back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "vfio.h"
#include "vfio_user.h"

TestSuite(vfio, .timeout = 110);

static uint64_t seed(void)
{
	const char *text = getenv("SEED");
	uint64_t value = text ? strtoull(text, NULL, 0) : 5;

	fprintf(stderr, "SEED=%llu\n", (unsigned long long)value);
	return value;
}

Test(vfio, clients_that_are_killed)
{
	struct vfio_result res;

	cr_assert(vfio_kill(20, seed(), NULL, &res), "%s", res.why);
	cr_assert_eq(res.kills, 20);
	cr_assert_lt(res.killed_early, 20, "some were in their work");
}

Test(vfio, messages_that_lie)
{
	const int reached[] = { VFU_DMA_MAP,	     VFU_DMA_UNMAP,
				VFU_GET_REGION_INFO, VFU_GET_IRQ_INFO,
				VFU_SET_IRQS,	     VFU_REGION_READ,
				VFU_REGION_WRITE };
	struct vfio_result res;

	cr_assert(vfio_fuzz(20000, seed(), NULL, &res), "%s", res.why);
	/* they reach all that they are meant for */
	for (size_t i = 0; i < sizeof(reached) / sizeof(*reached); i++) {
		cr_assert_gt(res.answers[reached[i]], 50, "%d", reached[i]);
		cr_assert_gt(res.refused[reached[i]], 50, "%d", reached[i]);
	}
	cr_assert_gt(res.answers[VFU_DEVICE_RESET], 5);
	cr_assert_gt(res.hang_ups, 50);
	cr_assert_gt(res.dma_commands, 10);
}
