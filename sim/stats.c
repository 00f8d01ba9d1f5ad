/* SPDX-License-Identifier: Apache-2.0 */
/* What a card has counted, as a struct and as JSON, and the verdict. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sim_internal.h"

static void pcie_part(const struct pcie_stats *p, struct fantail_sim_stats *s)
{
	s->pcie_read_bytes = p->read_bytes;
	s->pcie_write_bytes = p->write_bytes;
	s->pcie_read_tlps = p->read_tlps;
	s->pcie_completion_tlps = p->completion_tlps;
	s->pcie_write_tlps = p->write_tlps;
	s->pcie_up_link_bytes = p->up_link_bytes;
	s->pcie_down_link_bytes = p->down_link_bytes;
	memcpy(s->class_read_bytes, p->class_read_bytes,
	       sizeof(s->class_read_bytes));
	memcpy(s->class_write_bytes, p->class_write_bytes,
	       sizeof(s->class_write_bytes));
	s->read_faults = p->read_faults;
	s->write_faults = p->write_faults;
	s->last_fault_iova = p->last_fault_iova;
}

static void card_part(const struct card_stats *c, struct fantail_sim_stats *s)
{
	s->skipped_us = c->skipped_us;
	s->mmio_writes = c->mmio_writes;
	s->mmio_reads = c->mmio_reads;
	s->mmio_errors = c->mmio_errors;
	s->interrupts = c->interrupts;
	memcpy(s->vector_interrupts, c->vector_interrupts,
	       sizeof(s->vector_interrupts));
	s->wire_tx_frames = c->tx_frames;
	s->wire_tx_bytes = c->tx_bytes;
	s->wire_rx_frames = c->rx_frames;
	s->wire_rx_bytes = c->rx_bytes;
	s->protocol_violations = c->protocol_violations;
}

static void wire_part(const struct fantail_wire_check *check,
		      struct fantail_sim_stats *s)
{
	struct fantail_wire_check_result r;

	if (!check)
		return;
	fantail_wire_check_get_result(check, &r);
	s->wire_violations = r.violations;
	s->wire_segments = r.segments;
	s->wire_data_segments = r.data_segments;
	s->wire_retransmitted_segments = r.retransmitted_segments;
	s->wire_payload_bytes = r.payload_bytes;
}

void fantail_sim_stats(struct fantail_sim *sim, struct fantail_sim_stats *stats)
{
	const struct card *card = &sim->card;

	memset(stats, 0, sizeof(*stats));
	sim_lock(sim);
	stats->cycles = card->dut.cycle;
	stats->now_us = card->now_us;
	stats->wall_seconds =
		(double)(card_clock_ns() - card->clock.start_ns) / 1e9;
	pcie_part(&card->pcie.stats, stats);
	card_part(&card->stats, stats);
	wire_part(card->check, stats);
	sim_unlock(sim);
}

void fantail_sim_mac_begin(struct fantail_sim *sim)
{
	struct card_mac_tx *tx = &sim->card.tx;

	sim_lock(sim);
	memset(&tx->window, 0, sizeof(tx->window));
	tx->starved = 0;
	tx->unused = 0;
	sim_unlock(sim);
}

void fantail_sim_mac(struct fantail_sim *sim, struct fantail_sim_mac *mac)
{
	sim_lock(sim);
	*mac = sim->card.tx.window;
	sim_unlock(sim);
}

#define COUNT(name)                                             \
	{                                                       \
#name, offsetof(struct fantail_sim_stats, name) \
	}

static const struct {
	const char *name;
	size_t offset;
} counts[] = {
	COUNT(cycles),
	COUNT(now_us),
	COUNT(skipped_us),
	COUNT(pcie_read_bytes),
	COUNT(pcie_write_bytes),
	COUNT(pcie_read_tlps),
	COUNT(pcie_completion_tlps),
	COUNT(pcie_write_tlps),
	COUNT(pcie_up_link_bytes),
	COUNT(pcie_down_link_bytes),
	COUNT(read_faults),
	COUNT(write_faults),
	COUNT(last_fault_iova),
	COUNT(mmio_writes),
	COUNT(mmio_reads),
	COUNT(mmio_errors),
	COUNT(interrupts),
	COUNT(wire_tx_frames),
	COUNT(wire_tx_bytes),
	COUNT(wire_rx_frames),
	COUNT(wire_rx_bytes),
	COUNT(wire_violations),
	COUNT(wire_segments),
	COUNT(wire_data_segments),
	COUNT(wire_retransmitted_segments),
	COUNT(wire_payload_bytes),
	COUNT(protocol_violations),
};

static json_t *array(const uint64_t *values, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; list && i < n; i++)
		if (json_array_append_new(list,
					  json_integer((json_int_t)values[i])))
			goto fail;
	return list;
fail:
	json_decref(list);
	return NULL;
}

char *fantail_sim_stats_json(struct fantail_sim *sim)
{
	struct fantail_sim_stats s;
	json_t *root = json_object();
	char *text = NULL;
	int bad = 0;
	size_t i;

	if (!root)
		return NULL;
	fantail_sim_stats(sim, &s);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)&s + counts[i].offset,
		       sizeof(value));
		bad |= json_object_set_new(root, counts[i].name,
					   json_integer((json_int_t)value));
	}
	bad |= json_object_set_new(root, "seed",
				   json_integer((json_int_t)sim->seed));
	bad |= json_object_set_new(root, "wall_seconds",
				   json_real(s.wall_seconds));
	bad |= json_object_set_new(
		root, "cycles_per_second",
		json_real(s.wall_seconds > 0 ? (double)s.cycles / s.wall_seconds
					     : 0));
	bad |= json_object_set_new(
		root, "class_read_bytes",
		array(s.class_read_bytes, FANTAIL_SIM_CLASSES));
	bad |= json_object_set_new(
		root, "class_write_bytes",
		array(s.class_write_bytes, FANTAIL_SIM_CLASSES));
	bad |= json_object_set_new(root, "vector_interrupts",
				   array(s.vector_interrupts, sim->vectors));
	if (!bad)
		text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(root);
	return text;
}

int fantail_sim_check(struct fantail_sim *sim, char *why, size_t why_len)
{
	struct card *card = &sim->card;
	int rc;

	sim_lock(sim);
	if (why && why_len)
		snprintf(why, why_len, "%s", card->first);
	rc = card->error;
	if (!rc && card->first[0])
		rc = -EPROTO;
	sim_unlock(sim);
	return rc;
}
