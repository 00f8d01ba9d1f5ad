/* SPDX-License-Identifier: Apache-2.0 */
/* model: fleet */
/* Slow consumers in a fleet of 1,000 (slow.h). */
#include <criterion/criterion.h>

#include "../engine/policy.h"
#include "../engine/slow.h"

#define FLEET 1000

Test(fleet, closed_window_with_abort)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_ABORT, FANTAIL_CAUSE_LAG);
}

Test(fleet, closed_window_with_skip)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_SKIP, FANTAIL_CAUSE_PIN);
}

Test(fleet, closed_window_with_report)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_REPORT, FANTAIL_CAUSE_PIN);
}

Test(fleet, half_the_rate_with_skip)
{
	slow_half_the_rate(FLEET);
}

Test(fleet, a_batch_larger_than_the_log)
{
	slow_large_batch(1024);
}

Test(fleet, an_accept_and_an_abort_while_publication_waits)
{
	slow_accept_and_abort(FLEET);
}
