/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

TestSuite(report, .timeout = 20);

static const char *const keys[] = {
	"clients",
	"messages",
	"batches",
	"deliveries",
	"verified_clients",
	"submit_doorbells",
	"control_doorbells",
	"status_doorbells",
	"interrupts",
	"batch_records",
	"conn_records",
	"payload_bytes",
	"pcie_payload_read_bytes",
	"pcie_read_bytes",
	"pcie_write_bytes",
	"log_bytes_peak",
	"wire_tx_bytes",
	"segments",
	"retransmitted_segments",
	"sim_cycles",
	"wall_seconds",
	"cycles_per_second",
	"seed",
	"ok",
};

enum {
	KEYS = sizeof(keys) / sizeof(*keys)
};

/* Each member has a value of its own, so that none can be mixed up. */
Test(report, summary_has_these_keys_and_no_others)
{
	const struct summary s = {
		.clients = 1,
		.messages = 2,
		.batches = 3,
		.deliveries = 4,
		.verified_clients = 5,
		.submit_doorbells = 6,
		.control_doorbells = 7,
		.status_doorbells = 8,
		.interrupts = 9,
		.batch_records = 10,
		.conn_records = 11,
		.payload_bytes = 12,
		.pcie_payload_read_bytes = 13,
		.pcie_read_bytes = 14,
		.pcie_write_bytes = 15,
		.log_bytes_peak = 16,
		.wire_tx_bytes = 17,
		.segments = 18,
		.retransmitted_segments = 19,
		.sim_cycles = 20,
		.wall_seconds = 21,
		.cycles_per_second = 22,
		.has_model = true,
		.seed = 23,
		.ok = true,
	};
	const char *path = "summary-test.json";
	json_t *o;

	cr_assert_eq(report_write_json(&s, path, false), 0);
	o = json_load_file(path, 0, NULL);
	unlink(path);
	cr_assert_not_null(o);
	cr_assert_eq(json_object_size(o), KEYS);
	for (size_t i = 0; i < KEYS - 1; i++)
		cr_assert_eq(json_number_value(json_object_get(o, keys[i])),
			     (double)(i + 1), "%s", keys[i]);
	cr_assert(json_is_true(json_object_get(o, "ok")));
	json_decref(o);
}

/* Each stage by its name; what is neither busy nor blocked is starved. */
Test(report, stages)
{
	const char *path = "summary-test.json";
	struct summary s = { .stages = { .cycles = 1000 } };
	json_t *o, *stages, *one;
	unsigned int i;

	for (i = 0; i < FANTAIL_STAGE_COUNT; i++) {
		s.stages.busy[i] = 10 + i;
		s.stages.blocked[i] = 100 + i;
	}
	/* of two that are as busy the later one is named */
	s.stages.busy[FANTAIL_STAGE_HEADER] = 700;
	s.stages.busy[FANTAIL_STAGE_MAC] = 700;
	cr_assert_eq(report_write_json(&s, path, false), 0);
	o = json_load_file(path, 0, NULL);
	unlink(path);
	stages = json_object_get(o, "stages");
	cr_assert_eq(json_object_size(stages), FANTAIL_STAGE_COUNT + 2);
	cr_assert_str_eq(json_string_value(json_object_get(stages, "busiest")),
			 "mac");
	one = json_object_get(stages, "gather");
	i = FANTAIL_STAGE_GATHER;
	cr_assert_eq(json_integer_value(json_object_get(one, "busy")), 10 + i);
	cr_assert_eq(json_integer_value(json_object_get(one, "blocked")),
		     100 + i);
	cr_assert_eq(json_integer_value(json_object_get(one, "starved")),
		     1000 - 110 - 2 * i);
	json_decref(o);
}

/*
 * Nanoseconds become microseconds, and nothing changes places. In real time
 * there are no microseconds.
 */
static void check_fanout(bool real_time)
{
	struct summary s = {
		.has_fanout = true,
		.real_time = real_time,
		.fanout = {
			.batches = 9,
			.left = 8,
			.acked = 7,
			.queued = 5,
			.members = 6,
			.place_mean_min = 0.25,
			.place_mean_max = 0.75,
		},
	};
	static const struct {
		const char *key;
		size_t offset;
		double scale;
	} parts[] = {
		{ "first_cycles",
		  offsetof(struct fantail_fanout_result, first_cycles), 1 },
		{ "first_us", offsetof(struct fantail_fanout_result, first_ns),
		  1e-3 },
		{ "last_cycles",
		  offsetof(struct fantail_fanout_result, last_cycles), 1 },
		{ "last_us", offsetof(struct fantail_fanout_result, last_ns),
		  1e-3 },
		{ "acked_cycles",
		  offsetof(struct fantail_fanout_result, acked_cycles), 1 },
		{ "acked_us", offsetof(struct fantail_fanout_result, acked_ns),
		  1e-3 },
	};
	static const char *const quantiles[] = { "median", "p99", "p999",
						 "max" };
	const char *path = "summary-test-fanout.json";
	json_t *o, *f;
	size_t i, k;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		uint64_t v[4] = { 10 * i + 1, 10 * i + 2, 10 * i + 3,
				  10 * i + 4 };

		memcpy((char *)&s.fanout + parts[i].offset, v, sizeof(v));
	}
	cr_assert_eq(report_write_json(&s, path, false), 0);
	o = json_load_file(path, 0, NULL);
	unlink(path);
	f = json_object_get(o, "fanout");
	cr_assert_not_null(f);
	cr_assert_eq(json_object_size(f), real_time ? 11 : 14);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (real_time && parts[i].scale < 1) {
			cr_assert_null(json_object_get(f, parts[i].key));
			continue;
		}
		for (k = 0; k < 4; k++)
			cr_assert_float_eq(
				json_number_value(json_object_get(
					json_object_get(f, parts[i].key),
					quantiles[k])),
				(double)(10 * i + k + 1) * parts[i].scale, 1e-9,
				"%s.%s", parts[i].key, quantiles[k]);
	}
	cr_assert_eq(json_integer_value(json_object_get(f, "left")), 8);
	cr_assert_eq(json_integer_value(json_object_get(f, "acked")), 7);
	cr_assert_eq(json_integer_value(json_object_get(f, "queued")), 5);
	cr_assert_eq(json_integer_value(json_object_get(f, "clients")), 6);
	cr_assert_eq(json_real_value(json_object_get(f, "place_mean_min")),
		     0.25);
	cr_assert_eq(json_real_value(json_object_get(f, "place_mean_max")),
		     0.75);
	json_decref(o);
}

Test(report, fanout)
{
	check_fanout(false);
}

Test(report, fanout_in_real_time)
{
	check_fanout(true);
}

Test(report, unwritable_place_is_an_error)
{
	const struct summary s = { 0 };

	cr_assert_eq(report_write_json(&s, "/nonexistent/s.json", false),
		     -ENOENT);
}
