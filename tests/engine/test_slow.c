/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizers: no */
/* Slow consumers in a fleet of 200 (slow.h). */
#include <criterion/criterion.h>

#include "policy.h"
#include "slow.h"

#define FLEET 200

/* Sixteen logs to everybody take the model hours when the log is large. */
static void needs(void)
{
	CARD_NEEDS(CARD_CONNECTIONS >= FLEET);
	CARD_NEEDS(CARD_LOG == 65536);
}

Test(slow, closed_window_with_abort)
{
	needs();
	slow_closed_window(FLEET, FANTAIL_POLICY_ABORT, FANTAIL_CAUSE_LAG);
}

Test(slow, closed_window_with_skip)
{
	needs();
	slow_closed_window(FLEET, FANTAIL_POLICY_SKIP, FANTAIL_CAUSE_PIN);
}

Test(slow, closed_window_with_report)
{
	needs();
	slow_closed_window(FLEET, FANTAIL_POLICY_REPORT, FANTAIL_CAUSE_PIN);
}

Test(slow, half_the_rate_with_skip)
{
	needs();
	slow_half_the_rate(FLEET);
}

Test(slow, a_batch_larger_than_the_log)
{
	needs();
	slow_large_batch(FLEET);
}

Test(slow, an_accept_and_an_abort_while_publication_waits)
{
	needs();
	slow_accept_and_abort(20);
}
