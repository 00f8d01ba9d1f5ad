/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in frames, of 1 to 4 bytes, the most significant first. */
#ifndef TESTS_WIRE_BYTES_H
#define TESTS_WIRE_BYTES_H

#include <stdint.h>

static inline uint32_t get(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static inline void put(uint8_t *p, uint32_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

#endif /* TESTS_WIRE_BYTES_H */
