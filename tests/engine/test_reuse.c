/* SPDX-License-Identifier: Apache-2.0 */
/* What an id's former user has left behind must not reach the next. */
#include <criterion/criterion.h>

#include "engine.h"

/*
 * Found by fuzzing: the second segment of a new connection was resolved before
 * the first had ended, by the gather cursor of the id's former user, through
 * extents that did not exist.
 */
Test(reuse, first_segments_after_many_extents)
{
	struct engine_options opt = { .clients = 2, .seed = engine_seed(3) };
	struct engine *e = engine_open(&opt);
	uint32_t round, k;

	engine_connect_all(e);
	for (round = 0; round < 3; round++) {
		/* each needs an extent: the bytes before went to another */
		for (k = 0; k < 12; k++) {
			engine_unicast(e, 0, 10 + k);
			engine_unicast(e, 1, 10);
		}
		engine_submit(e);
		engine_drain(e);
		cr_assert_eq(fantail_peer_abort(engine_peers(e), 0), 0);
		engine_peers_done(e);
		engine_for(e, 1000);
		engine_release(e, 0);
		engine_connect(e, 0);
		engine_until(e, engine_all_up, ENGINE_FAR_US);
		/* one extent, several segments at once */
		engine_unicast(e, 0, 8000);
		engine_submit(e);
		engine_drain(e);
	}
	cr_assert_eq(engine_count(e, FANTAIL_CNT_LAG_ABORTS), 0);
	engine_close(e);
}
