/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of fixed size: values below 256 are counted each by itself,
 * greater ones in classes that are at most 1/128 of their values wide.
 *
 * Zeroed memory is an empty histogram. No locks: one thread at a time.
 */
#ifndef FANTAIL_HISTOGRAM_H
#define FANTAIL_HISTOGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 256 single values, and 128 classes for each further power of two. */
#define FANTAIL_HISTOGRAM_CLASSES (256 + 56 * 128)

struct fantail_histogram {
	uint64_t n;   /* values counted */
	uint64_t max; /* the greatest, exact */
	uint64_t count[FANTAIL_HISTOGRAM_CLASSES];
};

/* Count one value. */
void fantail_histogram_add(struct fantail_histogram *h, uint64_t value);

/**
 * fantail_histogram_quantile() - the value that a share of all does not exceed
 * @ppm: the share, 0 to 1,000,000
 *
 * Return: the smallest value with at least @ppm / 10^6 of the values at or
 * below it, at most 1/128 too great; 0 when there is none.
 */
uint64_t fantail_histogram_quantile(const struct fantail_histogram *h,
				    uint32_t ppm);

#ifdef __cplusplus
}
#endif

#endif
