/* SPDX-License-Identifier: Apache-2.0 */
/* Time in the simulator, where a whole card is needed to see it. */
#include <criterion/criterion.h>

#include "engine.h"

#define DELAY_US 50000
#define IDLE_US	 3000000

static bool arrived(struct engine *e)
{
	return e->client[0].up_got == 100;
}

/*
 * What a peer is asked to do after an idle stretch, which virtual time jumps
 * over, it does then: not when its network last saw a frame.
 */
Test(time, peers_act_at_the_present_time)
{
	struct engine_options opt = {
		.clients = 1,
		.peer_delay_us = DELAY_US,
	};
	struct engine *e = engine_open(&opt);
	uint64_t start;

	engine_connect_all(e);
	engine_for(e, IDLE_US);
	start = fantail_sim_now_us(e->sim);
	engine_peer_send(e, 0, 100);
	engine_until(e, arrived, ENGINE_FAR_US);
	cr_assert_geq(fantail_sim_now_us(e->sim) - start, DELAY_US);
	cr_assert_leq(fantail_sim_now_us(e->sim) - start, 2 * DELAY_US);
	engine_close(e);
}
