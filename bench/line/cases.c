/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: what one costs, and whether the line is full. */
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	CONNS = 1000,
	WINDOW = 10, /* segments of the initial window, RFC 6928 */
	FULL = 1448,
	FLAT_SEGMENTS = 10000,
};

static const uint16_t sizes[] = { 1448, 200, 64 };

int case_end(struct rig *r, int rc, const char *name)
{
	if (rc)
		fprintf(stderr, "line: %s: %s\n", name,
			r->why[0] ? r->why : strerror(-rc));
	rig_close(r);
	return rc;
}

json_t *case_note(struct run *run, const struct rig *r, const char *name,
		  uint32_t bytes, uint32_t targets, uint32_t payloads,
		  const struct rig_result *x)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "bytes", bytes },
		{ "targets", targets },
		{ "payloads", payloads },
		{ "connections", r->clients },
		{ "segments", x->segments },
		{ "payload_bytes", x->payload_bytes },
		{ "cycles", rig_cycles(x) },
		{ "beats", x->mac.beats },
		{ "starved", x->mac.starved },
		{ "blocked", x->mac.blocked },
		{ "unused", x->mac.unused },
		{ "wire_bytes", x->mac.bytes + WIRE_EXTRA * x->mac.frames },
		{ "first_cycles", x->first_cycles },
		{ "batch_cycles", x->batch_cycles },
		{ "pcie_payload_bytes", x->pcie_payload_bytes },
		{ "pcie_read_bytes", x->pcie_read_bytes },
		{ "pcie_write_bytes", x->pcie_write_bytes },
		{ "register_writes", x->mmio_writes },
	};
	json_t *o = json_object(), *stages = json_object();
	size_t i;

	for (i = 0; i < FANTAIL_STAGE_COUNT; i++)
		json_object_set_new(
			stages, fantail_stage_name((unsigned int)i),
			json_pack("[I, I]", (json_int_t)x->stages.busy[i],
				  (json_int_t)x->stages.blocked[i]));
	json_object_set_new(o, "stages", stages);
	json_object_set_new(o, "case", json_string(name));
	json_object_set_new(o, "acks", json_boolean(r->cfg.acks));
	json_object_set_new(o, "paced", json_boolean(r->cfg.paced));
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		json_object_set_new(o, counts[i].name,
				    json_integer((json_int_t)counts[i].value));
	if (json_array_append(run->out, o)) {
		json_decref(o);
		return NULL;
	}
	json_decref(o);
	return o;
}

/* One batch to the first @targets clients, after a rest. */
static int batch(struct run *run, struct rig *r, const char *name,
		 struct fantail_group *g, uint32_t bytes, uint32_t targets,
		 uint32_t payloads)
{
	struct rig_result x;
	int rc;

	rc = rig_rest(r);
	if (!rc)
		rc = rig_publish(r, fantail_to_group(g), bytes, payloads, true);
	if (!rc)
		rc = rig_send(r, (uint64_t)bytes * payloads * targets, &x);
	if (!rc && x.segments != (uint64_t)payloads * targets)
		rc = rig_fail(r, -EPROTO, "not one segment for each payload");
	if (!rc && !case_note(run, r, name, bytes, targets, payloads, &x))
		rc = -ENOMEM;
	if (rc)
		return rc;
	printf("%-8s %5u B x %3u to %5u%s%s: %.3f cycles per segment\n", name,
	       bytes, payloads, targets, r->cfg.acks ? ", ACKs" : "",
	       r->cfg.paced ? ", 100 GbE" : "",
	       (double)rig_cycles(&x) / (double)x.segments);
	return 0;
}

static int segments_of(struct run *run, uint16_t bytes, bool acks, bool paced)
{
	unsigned int rounds = run->quick ? 1 : 2;
	struct rig_config cfg = {
		.block = { { bytes, CONNS } },
		.blocks = 1,
		.acks = acks,
		.paced = paced,
		.seed = run->seed,
	};
	struct rig r;
	int rc;

	rc = rig_open(&r, &cfg);
	while (!rc && rounds--)
		rc = batch(run, &r, "segments", r.group[0], bytes, CONNS,
			   WINDOW);
	/* the fan-out of a single payload */
	if (!rc && paced)
		rc = batch(run, &r, "single", r.group[0], bytes, CONNS, 1);
	return case_end(&r, rc, "segments");
}

static int case_segments(struct run *run)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 4 * sizeof(sizes) / sizeof(*sizes); i++)
		rc = segments_of(run, sizes[i / 4], i & 1, i & 2);
	return rc;
}

/* ------------------------------------------------------------------ sweep */

enum {
	SWEEP_ALL = 260, /* each size to here from 64 on */
	SWEEP_STEP = 64, /* then */
};

static uint16_t next_size(uint16_t bytes)
{
	if (bytes < SWEEP_ALL)
		return bytes + 1;
	if (bytes == SWEEP_ALL)
		return (SWEEP_ALL / SWEEP_STEP + 1) * SWEEP_STEP;
	/* 1,408 is the last multiple below a full segment */
	return bytes + SWEEP_STEP > FULL && bytes < FULL ? FULL
							 : bytes + SWEEP_STEP;
}

static int sweep_card(struct run *run, const struct rig_config *cfg)
{
	unsigned int b;
	struct rig r;
	int rc;

	rc = rig_open(&r, cfg);
	for (b = 0; !rc && b < cfg->blocks; b++)
		rc = batch(run, &r, "sweep", r.group[b], cfg->block[b].payload,
			   cfg->block[b].clients, WINDOW);
	return case_end(&r, rc, "sweep");
}

/* Sizes share a card, each has some connections of it. */
static int case_sweep(struct run *run)
{
	unsigned int blocks = run->quick ? 32 : 16, acks;
	struct rig_config cfg = { .paced = true, .seed = run->seed };
	uint16_t bytes;
	int rc = 0;

	for (acks = 0; acks < 2; acks++) {
		cfg.acks = acks;
		for (bytes = 64; !rc && bytes <= FULL;) {
			for (cfg.blocks = 0;
			     cfg.blocks < blocks && bytes <= FULL;
			     bytes = next_size(bytes))
				cfg.block[cfg.blocks++] =
					(struct rig_block){ bytes,
							    1024 / blocks };
			rc = sweep_card(run, &cfg);
		}
	}
	return rc;
}

/* --------------------------------------------------------------- the rest */

/* Groups of 1 to 1,000 of the same connections. */
static int case_fanout(struct run *run)
{
	static const uint32_t targets[] = { 1,	2,   5,	  10,  20,
					    50, 100, 200, 500, 1000 };
	struct rig_config cfg = {
		.block = { { FULL, CONNS } },
		.blocks = 1,
		.seed = run->seed,
	};
	struct fantail_group *g;
	unsigned int i;
	struct rig r;
	int rc;

	rc = rig_open(&r, &cfg);
	for (i = 0; !rc && i < sizeof(targets) / sizeof(*targets); i++) {
		rc = rig_group(&r, targets[i], &g);
		if (!rc)
			rc = batch(run, &r, "fanout", g, FULL, targets[i],
				   WINDOW);
	}
	return case_end(&r, rc, "fanout");
}

/* Does it cost more in a large table, or with few targets? */
static int case_flat(struct run *run)
{
	static const uint32_t targets[] = { 16, 256, 1024, 16384 };
	struct rig_config cfg = {
		.block = { { FULL, 16384 } },
		.blocks = 1,
		.acks = true,
		.seed = run->seed,
	};
	struct fantail_group *g;
	unsigned int i;
	struct rig r;
	int rc;

	rc = rig_open(&r, &cfg);
	for (i = 0; !rc && i < sizeof(targets) / sizeof(*targets); i++) {
		rc = rig_group(&r, targets[i], &g);
		if (!rc)
			rc = batch(run, &r, "flat", g, FULL, targets[i],
				   (FLAT_SEGMENTS + targets[i] - 1) /
					   targets[i]);
	}
	return case_end(&r, rc, "flat");
}

const struct bench_case cases[] = {
	{ "segments", "one payload per segment, to 1,000 connections",
	  case_segments },
	{ "sweep", "sizes from 64 to 1,448 bytes at 100 GbE", case_sweep },
	{ "gather", "ten small payloads, each for half of 1,000 connections",
	  case_gather },
	{ "append", "cycles to append to a connection", case_append },
	{ "pcie", "payload bytes over PCIe", case_pcie },
	{ "latency", "doorbell to first beat", case_latency },
	{ "fanout", "full segments to 1 to 1,000 connections", case_fanout },
	{ "flat", "16 to 16,384 targets, in a build with so many", case_flat },
	{ NULL, NULL, NULL },
};
