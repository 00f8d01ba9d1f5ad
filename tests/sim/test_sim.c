/* SPDX-License-Identifier: Apache-2.0 */
/* The handle, with a card that nobody has configured. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fantail_regs.h"
#include "fantail_sim.h"

static char last_log[512];

static void keep_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level <= FANTAIL_SIM_WARN)
		snprintf(last_log, sizeof(last_log), "%s", msg);
}

static struct fantail_sim_config config(enum fantail_sim_time time)
{
	struct fantail_sim_config cfg;

	fantail_sim_config_init(&cfg);
	cfg.time = time;
	cfg.log = keep_log;
	return cfg;
}

static struct fantail_sim *open_sim(enum fantail_sim_time time)
{
	struct fantail_sim_config cfg = config(time);
	struct fantail_sim *sim;

	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0, "%s", last_log);
	return sim;
}

static uint64_t reg(struct fantail_sim *sim, uint64_t offset)
{
	uint64_t value = 0;

	cr_assert_eq(fantail_sim_bar_read(sim, 0, offset, 4, &value), 0, "%s",
		     last_log);
	return value;
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

Test(sim, ready_after_open)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);

	cr_assert(reg(sim, FANTAIL_REG_STATUS) & FANTAIL_STATUS_READY_MASK);
	cr_assert_eq(reg(sim, FANTAIL_REG_ID), FANTAIL_ID_VALUE);
	cr_assert_eq(fantail_sim_vectors(sim),
		     reg(sim, FANTAIL_REG_LIMIT_QUEUE_PAIRS) + 1);
	cr_assert_eq(fantail_sim_check(sim, NULL, 0), 0);
	fantail_sim_close(sim);
}

Test(sim, sub_word_and_double_word_registers)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	uint64_t v;

	cr_assert_eq(fantail_sim_bar_read(sim, 0, FANTAIL_REG_ID, 1, &v), 0);
	cr_assert_eq(v, 'F');
	cr_assert_eq(fantail_sim_bar_read(sim, 0, FANTAIL_REG_ID + 3, 1, &v),
		     0);
	cr_assert_eq(v, '1');
	cr_assert_eq(fantail_sim_bar_read(sim, 0, FANTAIL_REG_ID + 2, 2, &v),
		     0);
	cr_assert_eq(v, FANTAIL_ID_VALUE >> 16);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, FANTAIL_REG_ID, 8, &v), 0);
	cr_assert_eq((uint32_t)v, FANTAIL_ID_VALUE);
	cr_assert_eq(v >> 32, reg(sim, FANTAIL_REG_VERSION));
	fantail_sim_close(sim);
}

Test(sim, bad_accesses)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	uint64_t v = 77;

	cr_assert_eq(fantail_sim_bar_read(sim, 1, 0, 4, &v), -EINVAL);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, 2, 4, &v), -EINVAL);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, 0, 3, &v), -EINVAL);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, 0x10000, 4, &v), -EINVAL);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, UINT64_MAX - 3, 4, &v),
		     -EINVAL);
	cr_assert_eq(fantail_sim_bar_write(sim, 0, 0xfffd, 4, 0), -EINVAL);
	cr_assert_eq(fantail_sim_bar_write(sim, 2, 0, 4, 0), -EINVAL);
	cr_assert_eq(v, 77);
	cr_assert_eq(
		fantail_sim_set_irq_eventfd(sim, fantail_sim_vectors(sim), -1),
		-EINVAL);
	fantail_sim_close(sim);
}

Test(sim, writes_arrive_in_order, .timeout = 60)
{
	enum fantail_sim_time time;

	for (time = FANTAIL_SIM_VIRTUAL; time <= FANTAIL_SIM_REAL; time++) {
		struct fantail_sim *sim = open_sim(time);
		struct fantail_sim_stats s;
		unsigned int i;

		/* More than the queue of real time holds. */
		for (i = 1; i <= 600; i++)
			cr_assert_eq(fantail_sim_bar_write(sim, 0,
							   FANTAIL_REG_PIN_US,
							   4, i * 1000),
				     0);
		cr_assert_eq(reg(sim, FANTAIL_REG_PIN_US), 600000);
		fantail_sim_stats(sim, &s);
		cr_assert_eq(s.mmio_writes, 600);
		cr_assert_eq(s.mmio_errors, 0);
		fantail_sim_close(sim);
	}
}

Test(sim, virtual_time_jumps_over_idle_stretches, .timeout = 60)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	uint64_t from = fantail_sim_now_us(sim);
	struct fantail_sim_stats s;
	uint32_t fired = 1;
	uint64_t v;

	cr_assert_eq(fantail_sim_wait(sim, 1, 3600000000, &fired), 0);
	cr_assert_eq(fired, 0);
	cr_assert_eq(fantail_sim_now_us(sim) - from, 3600000000);
	fantail_sim_stats(sim, &s);
	cr_assert_gt(s.skipped_us, 3500000000u);
	cr_assert_lt(s.cycles, 10000000u);
	/* The card's own clock says the same. */
	cr_assert_eq(fantail_sim_bar_read(sim, 0, FANTAIL_REG_TIME, 8, &v), 0);
	cr_assert(v >= from + 3600000000 && v < from + 3600000010, "TIME %llu",
		  (unsigned long long)v);
	fantail_sim_close(sim);
}

Test(sim, nothing_to_wait_for, .timeout = 60)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);

	cr_assert_eq(fantail_sim_wait(sim, 1, -1, NULL), -EDEADLK);
	fantail_sim_close(sim);
}

Test(sim, looking_makes_progress)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	uint64_t from = fantail_sim_now_us(sim);
	int i;

	for (i = 0; i < 10; i++)
		cr_assert_eq(fantail_sim_wait(sim, 1, 0, NULL), 0);
	cr_assert_eq(fantail_sim_now_us(sim) - from, 10);
	fantail_sim_close(sim);
}

Test(sim, the_same_twice_from_one_seed, .timeout = 60)
{
	struct fantail_sim_stats s[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct fantail_sim_config cfg = config(FANTAIL_SIM_VIRTUAL);
		struct fantail_sim *sim;

		cfg.network = "peers:";
		cfg.seed = 5;
		cr_assert_eq(fantail_sim_open(&cfg, &sim), 0, "%s", last_log);
		cr_assert_eq(fantail_sim_wait(sim, 1, 5000, NULL), 0);
		fantail_sim_stats(sim, &s[i]);
		fantail_sim_close(sim);
	}
	cr_assert_gt(s[0].wire_rx_frames, 0);
	cr_assert_eq(s[0].cycles, s[1].cycles);
	cr_assert_eq(s[0].now_us, s[1].now_us);
	cr_assert_eq(s[0].skipped_us, s[1].skipped_us);
	cr_assert_eq(s[0].wire_rx_frames, s[1].wire_rx_frames);
	cr_assert_eq(s[0].wire_rx_bytes, s[1].wire_rx_bytes);
	cr_assert_eq(s[0].wire_tx_frames, s[1].wire_tx_frames);
}

Test(sim, an_idle_card_in_real_time_sleeps, .timeout = 60)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_REAL);
	uint64_t from;
	double cpu;

	/* Let it come to rest. */
	cr_assert_eq(fantail_sim_wait(sim, 1, 300000, NULL), 0);
	cpu = cpu_seconds();
	from = fantail_sim_now_us(sim);
	cr_assert_eq(fantail_sim_wait(sim, 1, 1000000, NULL), 0);
	cr_assert_geq(fantail_sim_now_us(sim) - from, 1000000);
	cpu = cpu_seconds() - cpu;
	cr_assert_lt(cpu, 0.3, "%.2f s of processor in an idle second", cpu);
	cr_assert_eq(reg(sim, FANTAIL_REG_ID), FANTAIL_ID_VALUE);
	cr_assert_eq(fantail_sim_run(sim, 1), -ENOTSUP);
	fantail_sim_close(sim);
}

Test(sim, two_cards_share_nothing, .timeout = 60)
{
	struct fantail_sim *a = open_sim(FANTAIL_SIM_VIRTUAL);
	struct fantail_sim *b = open_sim(FANTAIL_SIM_REAL);

	cr_assert_eq(fantail_sim_bar_write(a, 0, FANTAIL_REG_PIN_US, 4, 111),
		     0);
	cr_assert_eq(fantail_sim_bar_write(b, 0, FANTAIL_REG_PIN_US, 4, 222),
		     0);
	cr_assert_eq(reg(a, FANTAIL_REG_PIN_US), 111);
	cr_assert_eq(reg(b, FANTAIL_REG_PIN_US), 222);
	fantail_sim_close(a);
	cr_assert_eq(reg(b, FANTAIL_REG_PIN_US), 222);
	fantail_sim_close(b);
}

Test(sim, cycle_limit_is_sticky)
{
	struct fantail_sim *sim;
	struct fantail_sim_config cfg = config(FANTAIL_SIM_VIRTUAL);
	uint64_t ready, v;

	sim = open_sim(FANTAIL_SIM_VIRTUAL);
	ready = fantail_sim_cycles(sim);
	fantail_sim_close(sim);
	cfg.cycle_limit = ready + 1000;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
	cr_assert_eq(fantail_sim_run(sim, 500), 0);
	cr_assert_eq(fantail_sim_run(sim, 5000), -ETIME);
	cr_assert_eq(fantail_sim_cycles(sim), cfg.cycle_limit);
	cr_assert_eq(fantail_sim_bar_read(sim, 0, 0, 4, &v), -ETIME);
	cr_assert_eq(fantail_sim_bar_write(sim, 0, 0, 4, 0), -ETIME);
	cr_assert_eq(fantail_sim_wait(sim, 1, 10, NULL), -ETIME);
	cr_assert_eq(fantail_sim_check(sim, NULL, 0), -ETIME);
	fantail_sim_close(sim);
}

Test(sim, bad_configurations)
{
	struct fantail_sim *sim = NULL;
	struct fantail_sim_config cfg = config(FANTAIL_SIM_VIRTUAL);

	cfg.ns_per_cycle = 0;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -EINVAL);
	cfg = config(FANTAIL_SIM_VIRTUAL);
	cfg.pcie.mps = 100;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -EINVAL);
	cr_assert(strstr(last_log, "mps"), "%s", last_log);
	cfg = config(FANTAIL_SIM_VIRTUAL);
	cfg.network = "pigeons:";
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -EINVAL);
	cr_assert(strstr(last_log, "pigeons"), "%s", last_log);
	cfg.network = "slirp:";
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -ENOTSUP);
	cfg = config(FANTAIL_SIM_VIRTUAL);
	cfg.pcap = "no/such/folder/x.pcap";
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -ENOENT);
	cr_assert(strstr(last_log, "no/such/folder"), "%s", last_log);
	cr_assert_null(sim);
	fantail_sim_close(NULL);
}

Test(sim, no_waves_in_this_build)
{
	struct fantail_sim_config cfg = config(FANTAIL_SIM_VIRTUAL);
	struct fantail_sim *sim;

	cfg.trace = "x.fst";
	cr_assert_eq(fantail_sim_open(&cfg, &sim), -ENOTSUP);
	cr_assert(strstr(last_log, "no waves"), "%s", last_log);
}

Test(sim, json_has_the_struct_s_numbers)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	struct fantail_sim_stats s;
	json_error_t error;
	json_t *root;
	char *text;

	reg(sim, FANTAIL_REG_ID);
	fantail_sim_stats(sim, &s);
	text = fantail_sim_stats_json(sim);
	cr_assert_not_null(text);
	root = json_loads(text, 0, &error);
	cr_assert_not_null(root, "%s", error.text);
	cr_assert_eq(json_integer_value(json_object_get(root, "cycles")),
		     (json_int_t)s.cycles);
	cr_assert_eq(json_integer_value(json_object_get(root, "mmio_reads")),
		     (json_int_t)s.mmio_reads);
	cr_assert_eq(json_integer_value(json_object_get(root, "seed")), 1);
	cr_assert_eq(
		json_array_size(json_object_get(root, "vector_interrupts")),
		fantail_sim_vectors(sim));
	json_decref(root);
	free(text);
	fantail_sim_close(sim);
}

Test(sim, mappings)
{
	struct fantail_sim *sim = open_sim(FANTAIL_SIM_VIRTUAL);
	unsigned int rw = FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE;
	static uint8_t page[4096];

	cr_assert_eq(fantail_sim_dma_map(sim, 0x1000, page, 4096, rw), 0);
	cr_assert_eq(fantail_sim_dma_map(sim, 0x1fff, page, 1, rw), -EEXIST);
	cr_assert_eq(fantail_sim_dma_map(sim, 0x3000, page, 0, rw), -EINVAL);
	cr_assert_eq(fantail_sim_dma_unmap(sim, 0x1000, 1), -ENOENT);
	cr_assert_eq(fantail_sim_dma_unmap(sim, 0x1000, 4096), 0);
	fantail_sim_close(sim);
}
