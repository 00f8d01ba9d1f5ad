/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
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

Test(report, unwritable_place_is_an_error)
{
	const struct summary s = { 0 };

	cr_assert_eq(report_write_json(&s, "/nonexistent/s.json", false),
		     -ENOENT);
}
