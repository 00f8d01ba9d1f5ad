/* SPDX-License-Identifier: Apache-2.0 */
/* Appending, gathering, reading, and the way from doorbell to wire. */
#include <errno.h>
#include <stdio.h>

#include "cases.h"

enum {
	CONNS = 1000,
	FULL = 1448,
	LINE = 64,
	SMALL = 100, /* bytes of a gathered payload */
	SUBSETS = 10,
	WALKS_FEW = 2,
	WALKS_MANY = 12,
};

static const struct rig_config thousand = {
	.block = { { FULL, CONNS } },
	.blocks = 1,
};

/* xorshift64: subsets repeat from the seed. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ----------------------------------------------------------------- gather */

struct subsets {
	bool in[SUBSETS][CONNS];
	uint32_t handles[SUBSETS][CONNS];
	uint32_t count[SUBSETS];
	struct fantail_group *group[SUBSETS];
	uint64_t bytes;	   /* all of it */
	uint64_t beats;	   /* of the packed segments */
	uint32_t targeted; /* connections that get anything */
};

static int choose(struct rig *r, struct subsets *s, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u | 1;
	uint32_t i, k, bytes;
	int rc = 0;

	for (k = 0; !rc && k < SUBSETS; k++)
		rc = fantail_group_create(r->lib, &s->group[k]);
	for (i = 0; !rc && i < CONNS; i++) {
		bytes = 0;
		for (k = 0; !rc && k < SUBSETS; k++) {
			if (!(next_random(&state) >> 40 & 1))
				continue;
			bytes += SMALL;
			s->handles[k][s->count[k]++] =
				fantail_conn_handle(r->conn[i]);
			rc = rig_join(r, s->group[k], i);
		}
		s->bytes += bytes;
		s->targeted += bytes > 0;
		if (bytes)
			s->beats += (HEADERS + bytes + LINE - 1) / LINE;
	}
	return rc;
}

static int gather_once(struct run *run, struct rig *r, struct subsets *s,
		       bool lists)
{
	struct fantail_target to;
	struct rig_result x;
	json_t *o = NULL;
	unsigned int k;
	int rc;

	rc = rig_rest(r);
	for (k = 0; !rc && k < SUBSETS; k++) {
		to = lists ? fantail_to_list(s->handles[k], s->count[k])
			   : fantail_to_group(s->group[k]);
		rc = rig_publish(r, to, SMALL, 1, true);
	}
	if (!rc)
		rc = rig_send(r, s->bytes, &x);
	if (!rc) {
		o = case_note(run, r, "gather", SMALL, s->targeted, SUBSETS,
			      &x);
		rc = o ? 0 : -ENOMEM;
	}
	if (rc)
		return rc;
	json_object_set_new(o, "lists", json_boolean(lists));
	json_object_set_new(o, "packed_beats",
			    json_integer((json_int_t)s->beats));
	printf("gather   by %s: %llu cycles for %llu beats, packed %llu\n",
	       lists ? "lists" : "groups", (unsigned long long)rig_cycles(&x),
	       (unsigned long long)x.mac.beats, (unsigned long long)s->beats);
	return 0;
}

int case_gather(struct run *run)
{
	static struct subsets s;
	struct rig_config cfg = thousand;
	struct rig r;
	int rc;

	cfg.seed = run->seed;
	rc = rig_open(&r, &cfg);
	if (!rc)
		rc = choose(&r, &s, run->seed);
	if (!rc)
		rc = gather_once(run, &r, &s, false);
	if (!rc)
		rc = gather_once(run, &r, &s, true);
	return case_end(&r, rc, "gather");
}

/* ----------------------------------------------------------------- append */

/* Two groups in turn, so that no walk can be merged with the one before. */
static int append_walks(struct run *run, struct rig *r,
			const struct fantail_target *to, bool lists,
			unsigned int walks, struct rig_result *x)
{
	unsigned int i;
	json_t *o;
	int rc;

	rc = rig_rest(r);
	for (i = 0; !rc && i < walks; i++)
		rc = rig_publish(r, to[i % 2], LINE, 1, true);
	if (!rc)
		rc = rig_send(r, (uint64_t)LINE * CONNS * walks, x);
	if (rc)
		return rc;
	o = case_note(run, r, "append", LINE, CONNS, walks, x);
	if (!o)
		return -ENOMEM;
	json_object_set_new(o, "lists", json_boolean(lists));
	return 0;
}

static int append_by(struct run *run, struct rig *r,
		     const struct fantail_target *to, bool lists)
{
	struct rig_result few, many;
	int rc;

	rc = append_walks(run, r, to, lists, WALKS_FEW, &few);
	if (!rc)
		rc = append_walks(run, r, to, lists, WALKS_MANY, &many);
	if (!rc)
		printf("append   by %s: %.4f cycles per target\n",
		       lists ? "lists" : "groups",
		       (double)(many.batch_cycles - few.batch_cycles) /
			       ((WALKS_MANY - WALKS_FEW) * CONNS));
	return rc;
}

int case_append(struct run *run)
{
	static uint32_t handles[CONNS];
	struct rig_config cfg = thousand;
	struct fantail_target to[2];
	struct fantail_group *other;
	uint32_t i;
	struct rig r;
	int rc;

	cfg.seed = run->seed;
	rc = rig_open(&r, &cfg);
	if (!rc)
		rc = rig_group(&r, CONNS, &other);
	if (!rc) {
		to[0] = fantail_to_group(r.group[0]);
		to[1] = fantail_to_group(other);
		rc = append_by(run, &r, to, false);
	}
	if (!rc) {
		for (i = 0; i < CONNS; i++)
			handles[i] = fantail_conn_handle(r.conn[i]);
		to[0] = to[1] = fantail_to_list(handles, CONNS);
		rc = append_by(run, &r, to, true);
	}
	return case_end(&r, rc, "append");
}

/* ------------------------------------------------------------------- PCIe */

static int pcie_once(struct run *run, struct rig *r, uint32_t targets,
		     uint32_t bytes, uint32_t payloads, bool aligned)
{
	struct fantail_target to = targets == 1 ? fantail_to_conn(r->conn[0])
						: fantail_to_group(r->group[0]);
	uint64_t lines =
		aligned ? (uint64_t)(bytes + LINE - 1) / LINE * payloads
			: ((uint64_t)bytes * payloads + LINE - 1) / LINE;
	struct rig_result x;
	json_t *o;
	int rc;

	rc = rig_rest(r);
	if (!rc)
		rc = rig_publish(r, to, bytes, payloads, aligned);
	if (!rc)
		rc = rig_send(r, (uint64_t)bytes * payloads * targets, &x);
	if (rc)
		return rc;
	o = case_note(run, r, "pcie", bytes, targets, payloads, &x);
	if (!o)
		return -ENOMEM;
	json_object_set_new(o, "aligned", json_boolean(aligned));
	json_object_set_new(o, "lines", json_integer((json_int_t)lines));
	printf("pcie     %u x %u B to %u: %llu payload bytes read, %llu are "
	       "due\n",
	       payloads, bytes, targets,
	       (unsigned long long)x.pcie_payload_bytes,
	       (unsigned long long)lines * LINE);
	return 0;
}

int case_pcie(struct run *run)
{
	static const uint32_t sizes[] = { 64, 100, 200, 1448 };
	static const uint32_t targets[] = { 1, CONNS };
	struct rig_config cfg = thousand;
	unsigned int s, t;
	struct rig r;
	int rc;

	cfg.seed = run->seed;
	rc = rig_open(&r, &cfg);
	for (s = 0; !rc && s < sizeof(sizes) / sizeof(*sizes); s++)
		for (t = 0; !rc && t < 2; t++) {
			rc = pcie_once(run, &r, targets[t], sizes[s], 10, true);
			if (!rc)
				rc = pcie_once(run, &r, targets[t], sizes[s],
					       10, false);
		}
	return case_end(&r, rc, "pcie");
}

/* ---------------------------------------------------------------- latency */

int case_latency(struct run *run)
{
	static const uint32_t sizes[] = { 1,   16,  32,	  64,  65,  100,
					  128, 129, 192,  193, 200, 255,
					  256, 512, 1024, 1448 };
	struct rig_config cfg = thousand;
	struct rig_result x;
	unsigned int i;
	struct rig r;
	int rc;

	cfg.seed = run->seed;
	rc = rig_open(&r, &cfg);
	for (i = 0; !rc && i < sizeof(sizes) / sizeof(*sizes); i++) {
		rc = rig_rest(&r);
		if (!rc)
			rc = rig_publish(&r, fantail_to_conn(r.conn[i % CONNS]),
					 sizes[i], 1, true);
		if (!rc)
			rc = rig_send(&r, sizes[i], &x);
		if (!rc && !case_note(run, &r, "latency", sizes[i], 1, 1, &x))
			rc = -ENOMEM;
		if (!rc)
			printf("latency  %4u B: first beat %llu cycles after "
			       "the doorbell\n",
			       sizes[i], (unsigned long long)x.first_cycles);
	}
	return case_end(&r, rc, "latency");
}
