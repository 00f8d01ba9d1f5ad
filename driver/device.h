/* SPDX-License-Identifier: Apache-2.0 */
/* A device as the driver's own files see it. */
#ifndef FANTAIL_DEVICE_H
#define FANTAIL_DEVICE_H

#include "fantail_driver.h"
#include "transport.h"

#define FANTAIL_QP_MAX 8

struct fantail_region {
	struct fantail_mem mem;
	struct fantail_region *next;
};

struct fantail_dev {
	const struct fantail_transport_ops *ops;
	void *state;
	struct fantail_limits limits;
	struct fantail_region *regions; /* by rising IOVA */
	uint64_t last_now_us;
	bool qp_open[FANTAIL_QP_MAX];
};

/* A 64-bit pair of registers, low word first (it latches the high one). */
int fantail_read64(struct fantail_dev *dev, uint32_t offset, uint64_t *value);

#endif /* FANTAIL_DEVICE_H */
