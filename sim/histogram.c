/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

enum {
	SINGLE = 256,
	PER_OCTAVE = 128,
	SINGLE_LOG2 = 8,
};

static unsigned int class_of(uint64_t value)
{
	unsigned int log2;

	if (value < SINGLE)
		return (unsigned int)value;
	log2 = 63 - (unsigned int)__builtin_clzll(value);
	return SINGLE + (log2 - SINGLE_LOG2) * PER_OCTAVE +
	       (unsigned int)(value >> (log2 - SINGLE_LOG2 + 1)) - PER_OCTAVE;
}

static uint64_t greatest_of(unsigned int class)
{
	unsigned int octave = (class - SINGLE) / PER_OCTAVE;
	uint64_t place = (class - SINGLE) % PER_OCTAVE + PER_OCTAVE;

	if (class < SINGLE)
		return class;
	return (place << (octave + 1)) + (((uint64_t)1 << (octave + 1)) - 1);
}

void fantail_histogram_add(struct fantail_histogram *h, uint64_t value)
{
	h->n++;
	h->count[class_of(value)]++;
	if (value > h->max)
		h->max = value;
}

uint64_t fantail_histogram_quantile(const struct fantail_histogram *h,
				    uint32_t ppm)
{
	const uint64_t million = 1000000;
	uint64_t need, seen = 0, value;
	unsigned int i;

	if (!h->n)
		return 0;
	/* rounded up, without the product that could overflow */
	need = h->n / million * ppm +
	       (h->n % million * ppm + million - 1) / million;
	if (!need)
		need = 1;
	for (i = 0; i < FANTAIL_HISTOGRAM_CLASSES - 1; i++) {
		seen += h->count[i];
		if (seen >= need)
			break;
	}
	value = greatest_of(i);
	return value < h->max ? value : h->max;
}
