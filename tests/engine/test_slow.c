/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizers: no */
/* Slow consumers in a fleet of 200 (slow.h). */
#include <criterion/criterion.h>

#include "policy.h"
#include "slow.h"

#define FLEET 200

Test(slow, closed_window_with_abort)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_ABORT, FANTAIL_CAUSE_LAG);
}

Test(slow, closed_window_with_skip)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_SKIP, FANTAIL_CAUSE_PIN);
}

Test(slow, closed_window_with_report)
{
	slow_closed_window(FLEET, FANTAIL_POLICY_REPORT, FANTAIL_CAUSE_PIN);
}

Test(slow, half_the_rate_with_skip)
{
	slow_half_the_rate(FLEET);
}

Test(slow, a_batch_larger_than_the_log)
{
	slow_large_batch(FLEET);
}

Test(slow, an_accept_and_an_abort_while_publication_waits)
{
	slow_accept_and_abort(20);
}
