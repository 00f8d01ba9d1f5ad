/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of cases.h over sim: and over vfio-user:, on the small engine with
 * assertions. The same names, the same results.
 */
#include <criterion/criterion.h>

#include "cases.h"
#include "fantail_sim.h"
#include "../sim/vfu_child.h"

void case_failed(const char *file, int line, const char *what)
{
	cr_assert_fail("%s:%d: %s", file, line, what);
	__builtin_unreachable();
}

static void over_sim(void (*run)(const struct case_card *))
{
	struct case_card card = { .uri = "sim:", .virtual_time = true };
	struct fantail_sim_config cfg;
	char why[200];

	fantail_sim_config_init(&cfg);
	cr_assert_eq(fantail_sim_open(&cfg, &card.opt.sim), 0);
	run(&card);
	cr_assert_eq(fantail_sim_check(card.opt.sim, why, sizeof(why)), 0, "%s",
		     why);
	fantail_sim_close(card.opt.sim);
}

static void over_vfio_user(void (*run)(const struct case_card *))
{
	struct case_card card = { 0 };
	struct vfu_child server = { 0 };

	cr_assert_eq(vfu_child_start(&server, 0), 0);
	card.uri = server.uri;
	run(&card);
	cr_assert_eq(vfu_child_stop(&server), 0);
}

#define OVER_EACH(name)                      \
	Test(sim, name)                      \
	{                                    \
		over_sim(case_##name);       \
	}                                    \
	Test(vfio_user, name)                \
	{                                    \
		over_vfio_user(case_##name); \
	}
CASES(OVER_EACH)
