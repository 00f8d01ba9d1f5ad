/* SPDX-License-Identifier: Apache-2.0 */
/* A run repeats from its seed, and doing nothing costs nothing. */
#include <criterion/criterion.h>

#include "engine.h"

static void lose_some(struct engine *e, const struct engine_segment *s,
		      struct fantail_net_fate *fate)
{
	if (!(s->flags & TCP_SYN) && engine_random(e, 20) == 0)
		fate->copies = 0;
}

struct outcome {
	uint64_t cycles, now_us, segments, read_bytes, interrupts;
};

static struct outcome run(uint64_t seed)
{
	struct engine_options opt = {
		.clients = 9,
		.segment = lose_some,
		.seed = seed,
	};
	struct engine *e = engine_open(&opt);
	struct fantail_sim_stats s;
	struct outcome out;
	uint32_t i;

	engine_connect_all(e);
	engine_join_all(e, 0);
	for (i = 0; i < 20; i++) {
		engine_group(e, 0, 1 + engine_random(e, 4000));
		engine_peer_send(e, i % e->clients, 500);
		engine_submit(e);
		engine_until(e, engine_all_delivered, ENGINE_FAR_US);
	}
	fantail_sim_stats(e->sim, &s);
	out = (struct outcome){ s.cycles, s.now_us, s.wire_segments,
				s.pcie_read_bytes, s.interrupts };
	engine_close(e);
	return out;
}

Test(repeat, from_the_seed)
{
	struct outcome a = run(3), b = run(3), c = run(4);

	cr_assert_eq(a.cycles, b.cycles, "%llu and %llu cycles",
		     (unsigned long long)a.cycles,
		     (unsigned long long)b.cycles);
	cr_assert_eq(a.now_us, b.now_us);
	cr_assert_eq(a.segments, b.segments);
	cr_assert_eq(a.read_bytes, b.read_bytes);
	cr_assert_eq(a.interrupts, b.interrupts);
	cr_assert_neq(a.cycles, c.cycles);
}

/* Connections that have nothing to say let time jump. */
Test(repeat, an_idle_second_costs_few_cycles)
{
	struct engine_options opt = { .clients = CARD_CLIENTS(50) };
	struct engine *e = engine_open(&opt);
	uint64_t cycles;

	engine_connect_all(e);
	engine_join_all(e, 0);
	engine_group(e, 0, 1000);
	engine_submit(e);
	engine_drain(e);
	cycles = fantail_sim_cycles(e->sim);
	cr_assert_geq(fantail_sim_wait(e->sim, 0, 1000000, NULL), 0);
	cr_assert_lt(fantail_sim_cycles(e->sim) - cycles, 5000);
	/* and so does an hour */
	cr_assert_geq(fantail_sim_wait(e->sim, 0, 3600000000ll, NULL), 0);
	cr_assert_lt(fantail_sim_cycles(e->sim) - cycles, 10000);
	engine_group(e, 0, 1000);
	engine_submit(e);
	engine_drain(e);
	engine_close(e);
}
