/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes that the guest publishes and the clients expect. */
#ifndef FANTAIL_TEST_VM_STREAM_H
#define FANTAIL_TEST_VM_STREAM_H

#include <stdint.h>

/*
 * Byte @at of stream @seed: a mix of its number, so that a byte that is lost,
 * doubled or in the wrong place shows at once.
 */
static inline uint8_t stream_byte(uint32_t seed, uint32_t at)
{
	uint32_t x = (at + seed * 0x9e3779b9u) * 0x85ebca6bu;

	x = (x ^ x >> 15) * 0xc2b2ae35u;
	return (uint8_t)(x >> 24);
}

#endif
