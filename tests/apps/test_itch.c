/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <string.h>

#include "itch.h"

#define DAY 20000

TestSuite(itch, .timeout = 20);

static uint64_t field(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

/* Typed here a second time, from the specification's section numbers. */
Test(itch, lengths_are_those_of_the_specification)
{
	static const struct {
		char type;
		unsigned int length;
	} spec[] = {
		{ 'S', 12 }, { 'R', 39 }, { 'H', 25 }, { 'Y', 20 }, { 'L', 26 },
		{ 'V', 35 }, { 'W', 12 }, { 'K', 28 }, { 'J', 35 }, { 'h', 21 },
		{ 'A', 36 }, { 'F', 40 }, { 'E', 31 }, { 'C', 36 }, { 'X', 23 },
		{ 'D', 19 }, { 'U', 35 }, { 'P', 44 }, { 'Q', 40 }, { 'B', 19 },
		{ 'I', 50 }, { 'N', 20 }, { 'O', 48 },
	};
	unsigned int known = 0;

	for (size_t i = 0; i < sizeof(spec) / sizeof(*spec); i++)
		cr_assert_eq(itch_length((uint8_t)spec[i].type), spec[i].length,
			     "type %c", spec[i].type);
	for (unsigned int type = 0; type < 256; type++)
		known += itch_length((uint8_t)type) != 0;
	cr_assert_eq(known, sizeof(spec) / sizeof(*spec));
}

Test(itch, day_is_as_long_as_asked_and_well_formed)
{
	struct itch_market *m = itch_market_new(7, DAY);
	uint8_t record[ITCH_RECORD_MAX];
	unsigned int seen[256] = { 0 };
	unsigned int n = 0, sizes = 0;
	uint64_t last_ns = 0;
	size_t length;

	cr_assert_not_null(m);
	while ((length = itch_market_next(m, record))) {
		uint64_t now_ns = field(record + 7, 6);

		cr_assert_eq(field(record, 2), length - ITCH_PREFIX);
		cr_assert_eq(itch_length(record[2]), length - ITCH_PREFIX);
		cr_assert_gt(now_ns, last_ns, "message %u", n);
		cr_assert_lt(now_ns, 86400ULL * 1000000000ULL);
		last_ns = now_ns;
		if (n == 0)
			cr_assert_eq(record[2], 'S');
		else if (n <= 16)
			cr_assert_eq(record[2], 'R');
		seen[record[2]]++;
		n++;
	}
	cr_assert_eq(n, DAY);
	for (const char *type = "SRHAFECXDUPI"; *type; type++)
		cr_assert_gt(seen[(uint8_t)*type], 0, "no %c", *type);
	for (int i = 0; i < 256; i++)
		sizes += seen[i] != 0;
	cr_assert_geq(sizes, 10);
	itch_market_free(m);
}

/* A book of its own: what is named must live, and shares must suffice. */
Test(itch, orders_named_are_in_the_book)
{
	static uint32_t shares[1000 + DAY];
	static uint16_t locate[1000 + DAY];
	struct itch_market *m = itch_market_new(3, DAY);
	uint8_t record[ITCH_RECORD_MAX];
	const uint8_t *p = record + ITCH_PREFIX;

	while (itch_market_next(m, record)) {
		uint64_t ref = field(p + 11, 8), next;
		uint32_t count = (uint32_t)field(p + 19, 4);

		if (!strchr("AFECXDU", p[0]))
			continue;
		cr_assert_lt(ref, 1000 + DAY);
		if (p[0] == 'A' || p[0] == 'F') {
			cr_assert_eq(shares[ref], 0);
			shares[ref] = (uint32_t)field(p + 20, 4);
			locate[ref] = (uint16_t)field(p + 1, 2);
			cr_assert_gt(shares[ref], 0);
			continue;
		}
		cr_assert_gt(shares[ref], 0, "%c of dead order", p[0]);
		cr_assert_eq(locate[ref], field(p + 1, 2));
		if (p[0] == 'D') {
			shares[ref] = 0;
		} else if (p[0] == 'U') {
			next = field(p + 19, 8);
			cr_assert_lt(next, 1000 + DAY);
			cr_assert_eq(shares[next], 0);
			shares[next] = (uint32_t)field(p + 27, 4);
			locate[next] = locate[ref];
			shares[ref] = 0;
		} else {
			cr_assert_gt(count, 0);
			cr_assert_leq(count, shares[ref]);
			shares[ref] -= count;
			/* taking all of it out is a delete, not a cancel */
			cr_assert(p[0] != 'X' || shares[ref]);
		}
	}
	itch_market_free(m);
}

static void day_of(uint64_t seed, uint8_t *out, size_t messages)
{
	struct itch_market *m = itch_market_new(seed, messages);

	for (size_t i = 0; i < messages; i++)
		itch_market_next(m, out + i * ITCH_RECORD_MAX);
	itch_market_free(m);
}

Test(itch, same_seed_same_day)
{
	static uint8_t a[500 * ITCH_RECORD_MAX], b[sizeof(a)], c[sizeof(a)];

	day_of(11, a, 500);
	day_of(11, b, 500);
	day_of(12, c, 500);
	cr_assert_arr_eq(a, b, sizeof(a));
	cr_assert_neq(memcmp(a, c, sizeof(a)), 0);
}

Test(itch, short_days)
{
	for (uint64_t messages = 1; messages < 60; messages++) {
		struct itch_market *m = itch_market_new(1, messages);
		uint8_t record[ITCH_RECORD_MAX];
		uint64_t n = 0;

		while (itch_market_next(m, record))
			n++;
		cr_assert_eq(n, messages);
		itch_market_free(m);
	}
}
