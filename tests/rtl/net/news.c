// SPDX-License-Identifier: Apache-2.0
#include "news.h"

#include <criterion/criterion.h>

void news_raise_qp(struct bench *b, unsigned int qp, unsigned int id,
		   unsigned int ev, unsigned int cause)
{
	struct verdict v = { .kind = KIND_NONE,
			     .id = id,
			     .handle = 0x00420000 | id,
			     .qp = qp,
			     .ev = ev,
			     .cause = cause };

	bench_verdict(b, &v);
}

void news_raise(struct bench *b, unsigned int id, unsigned int ev,
		unsigned int cause)
{
	news_raise_qp(b, 0, id, ev, cause);
}

void news_moderate(struct bench *b, unsigned int count, unsigned int us)
{
	b->p.mod_count = count | (uint64_t)count << 16;
	b->p.mod_us = us | (uint64_t)us << 32;
}

void news_sum_is(const struct bench *b, struct news_sum s)
{
	cr_assert_eq(get32(b->last_sum + 4), s.connects);
	cr_assert_eq(get32(b->last_sum + 8), s.reads);
	cr_assert_eq(get32(b->last_sum + 12), s.errors);
	cr_assert_eq(get32(b->last_sum + 16), s.disconnects);
	cr_assert_eq(get32(b->last_sum + 20), s.successes);
}
