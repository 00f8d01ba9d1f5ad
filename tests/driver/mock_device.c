/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_device.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport.h"

#define QP_REG(m, name) ((m)->reg[(FANTAIL_PAGE_BYTES + FANTAIL_QP_##name) / 4])

static uint64_t qp_wide(const struct mock *m, uint32_t offset)
{
	const uint32_t *r = &m->reg[(FANTAIL_PAGE_BYTES + offset) / 4];

	return (uint64_t)r[1] << 32 | r[0];
}

static uint8_t *at(struct mock *m, uint64_t iova, size_t bytes,
		   unsigned int flags)
{
	int i;

	for (i = 0; i < MOCK_MAPS; i++) {
		struct mock_map *map = &m->map[i];

		if (map->va && iova >= map->iova &&
		    iova + bytes <= map->iova + map->bytes &&
		    (map->flags & flags) == flags)
			return map->va + (iova - map->iova);
	}
	m->bad = true;
	return NULL;
}

static void fire(struct mock *m)
{
	uint64_t one = 1;

	if (!m->armed || m->status_tail == m->status_head)
		return;
	m->armed = false;
	m->fired = true;
	m->interrupts++;
	if (m->fd >= 0 && write(m->fd, &one, sizeof(one)) != sizeof(one))
		m->bad = true;
}

uint32_t mock_tail_word(const struct mock *m)
{
	uint32_t log2 = QP_REG(m, STATUS_LOG2);
	uint32_t phase = ~(m->status_tail >> log2) & 1;

	return phase << FANTAIL_TAIL_PHASE_SHIFT |
	       (m->head[1] & 0x7FFF) << FANTAIL_TAIL_CONTROL_HEAD_SHIFT |
	       (m->head[0] & 0x7FFF);
}

void mock_record_raw(struct mock *m, const void *record, uint32_t tail)
{
	uint32_t size = 1u << QP_REG(m, STATUS_LOG2);
	uint64_t iova =
		qp_wide(m, FANTAIL_QP_STATUS_BASE) +
		(uint64_t)(m->status_tail & (size - 1)) * FANTAIL_RECORD_BYTES;
	uint8_t *to = at(m, iova, FANTAIL_RECORD_BYTES, FANTAIL_DMA_WRITE);

	cr_assert(to, "status ring not mapped");
	cr_assert(((m->status_tail - m->status_head) & 0x7FFF) < size,
		  "status ring full");
	memcpy(to, record, FANTAIL_RECORD_BYTES - 4);
	memcpy(to + FANTAIL_RECORD_BYTES - 4, &tail, 4);
	m->status_tail = (m->status_tail + 1) & 0x7FFF;
	m->records++;
	fire(m);
}

void mock_record(struct mock *m, const void *record)
{
	m->told[0] = m->head[0];
	m->told[1] = m->head[1];
	mock_record_raw(m, record, mock_tail_word(m));
}

void mock_conn(struct mock *m, uint32_t handle, uint16_t events)
{
	struct fantail_rec_conn r = {
		.type = FANTAIL_REC_CONN,
		.handle = handle,
		.events = events,
		.acked = m->acked[handle % MOCK_CONNS],
		.queued = m->queued[handle % MOCK_CONNS],
	};

	mock_record(m, &r);
}

static uint16_t fill_slot(struct mock *m, const void *bytes, size_t len)
{
	uint32_t count = QP_REG(m, SLOT_COUNT);
	uint16_t slot = 0;
	uint8_t *to;

	while (slot < count && m->slot_used[slot])
		slot++;
	cr_assert(slot < count, "no receive slot free");
	m->slot_used[slot] = 1;
	m->slots_used++;
	to = at(m,
		qp_wide(m, FANTAIL_QP_SLOT_BASE) +
			(uint64_t)slot * FANTAIL_SLOT_BYTES,
		FANTAIL_SLOT_BYTES, FANTAIL_DMA_WRITE);
	cr_assert(to);
	memcpy(to, bytes, len);
	return slot;
}

void mock_rx(struct mock *m, const void *frame, size_t len)
{
	struct fantail_rec_frame r = {
		.type = FANTAIL_REC_FRAME,
		.length = (uint16_t)len,
	};

	r.slot = fill_slot(m, frame, len);
	mock_record(m, &r);
}

void mock_data(struct mock *m, uint32_t handle, const void *bytes, size_t len)
{
	struct fantail_rec_data r = {
		.type = FANTAIL_REC_DATA,
		.handle = handle,
		.length = (uint16_t)len,
	};

	r.slot = fill_slot(m, bytes, len);
	mock_record(m, &r);
}

static void refuse(struct mock *m, int ring, const struct fantail_entry *e,
		   uint8_t code)
{
	struct fantail_rec_refused r = {
		.type = FANTAIL_REC_REFUSED,
		.ring = (uint8_t)ring,
		.index = (uint16_t)(m->head[ring] & 0x7FFF),
		.code = code,
		.op = e->op,
		.target = e->target,
		.cookie_lo = (uint32_t)e->cookie,
		.cookie_hi = (uint32_t)(e->cookie >> 32),
	};

	m->batch[ring].refused++;
	mock_record(m, &r);
}

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void inject(struct mock *m, int ring, const struct fantail_entry *e)
{
	const uint8_t *p = at(m, e->addr, e->len, FANTAIL_DMA_READ);
	int i;

	cr_assert(p && e->len <= FANTAIL_FRAME_BYTES_MAX);
	m->last_inject.len = e->len;
	memcpy(m->last_inject.data, p, e->len);
	for (i = 0; i < MOCK_CONNS; i++)
		if (m->installed[i] &&
		    m->context[i].remote_ip == get_be32(p + 26) &&
		    m->context[i].remote_port == (p[34] << 8 | p[35])) {
			m->injected++;
			return;
		}
	m->inject_missed++;
	refuse(m, ring, e, FANTAIL_REFUSE_INJECT_MISSED);
}

static void return_slots(struct mock *m, const struct fantail_entry *e)
{
	uint64_t arg[3] = { e->arg0, e->arg1, e->arg2 };
	uint32_t i;

	for (i = 0; i < e->len; i++) {
		uint16_t slot = (uint16_t)(arg[i / 4] >> (16 * (i % 4)));

		cr_assert(m->slot_used[slot], "slot %u returned twice", slot);
		m->slot_used[slot] = 0;
		m->slots_used--;
	}
}

static void install(struct mock *m, int ring, const struct fantail_entry *e)
{
	uint32_t id = e->target & 0xFFFF;
	const uint8_t *p =
		at(m, e->addr, FANTAIL_CONTEXT_BYTES, FANTAIL_DMA_READ);

	cr_assert(p && id < MOCK_CONNS && !m->installed[id]);
	if (m->refuse_install) {
		refuse(m, ring, e, m->refuse_install);
		return;
	}
	memcpy(&m->context[id], p, FANTAIL_CONTEXT_BYTES);
	m->installed[id] = true;
	m->handle[id] = e->target;
}

/* Connection operations on a name that is installed. */
static void conn_op(struct mock *m, int ring, const struct fantail_entry *e)
{
	uint32_t id = e->target & 0xFFFF;

	if (id >= MOCK_CONNS || !m->installed[id] ||
	    m->handle[id] != e->target) {
		refuse(m, ring, e, FANTAIL_REFUSE_NOT_INSTALLED);
		return;
	}
	if (e->op == FANTAIL_OP_GROUP_JOIN) {
		m->memberships[id]++;
	} else if (e->op == FANTAIL_OP_GROUP_LEAVE) {
		m->memberships[id]--;
	} else if (e->op == FANTAIL_OP_CONN_ABORT) {
		mock_conn(m, e->target, FANTAIL_EV_ABORTED);
	} else if (e->op == FANTAIL_OP_CONN_QUERY) {
		mock_conn(m, e->target, FANTAIL_EV_QUERY);
	} else if (e->op == FANTAIL_OP_CONN_RELEASE) {
		if (m->memberships[id]) {
			refuse(m, ring, e, FANTAIL_REFUSE_IN_GROUP);
			return;
		}
		m->installed[id] = false;
		mock_conn(m, e->target, FANTAIL_EV_RELEASED);
	}
}

static void walk_list(struct mock *m, int ring, const struct fantail_entry *e)
{
	const uint8_t *p =
		at(m, e->list_addr, 4ull * e->list_len, FANTAIL_DMA_READ);
	uint32_t i;

	cr_assert(p && e->list_len && !(e->list_addr & 3) && !e->target);
	cr_assert(m->listed_count + e->list_len <= MOCK_LISTED);
	for (i = 0; i < e->list_len; i++) {
		uint32_t *handle = &m->listed[m->listed_count++];
		uint32_t id;

		memcpy(handle, p + 4ull * i, 4);
		id = *handle & 0xFFFF;
		if (id < MOCK_CONNS && m->installed[id] &&
		    m->handle[id] == *handle)
			m->batch[ring].reached++;
		else
			m->batch[ring].skipped++;
	}
}

static void publish(struct mock *m, int ring, const struct fantail_entry *e)
{
	const uint8_t *p = at(m, e->addr, e->len, FANTAIL_DMA_READ);

	if (e->flags & FANTAIL_FLAG_LIST)
		walk_list(m, ring, e);
	cr_assert(p && m->payload_bytes + e->len <= MOCK_PAYLOADS);
	memcpy(m->payload + m->payload_bytes, p, e->len);
	m->payload_bytes += e->len;
	m->batch[ring].payloads++;
	m->batch[ring].bytes += e->len;
}

static void frame_tx(struct mock *m, const struct fantail_entry *e)
{
	const uint8_t *p = at(m, e->addr, e->len, FANTAIL_DMA_READ);
	struct mock_frame *f = &m->frame[m->frames++ % MOCK_FRAMES];

	cr_assert(p && e->len <= FANTAIL_FRAME_BYTES_MAX);
	f->len = e->len;
	memcpy(f->data, p, e->len);
}

static void execute(struct mock *m, int ring, const struct fantail_entry *e)
{
	struct fantail_rec_batch *b = &m->batch[ring];

	b->entries++;
	if (e->op == FANTAIL_OP_PUBLISH)
		publish(m, ring, e);
	else if (e->op == FANTAIL_OP_FRAME_TX)
		frame_tx(m, e);
	else if (e->op == FANTAIL_OP_FRAME_INJECT)
		inject(m, ring, e);
	else if (e->op == FANTAIL_OP_RECV_RETURN)
		return_slots(m, e);
	else if (e->op == FANTAIL_OP_CONN_INSTALL)
		install(m, ring, e);
	else if (e->op != FANTAIL_OP_NOP)
		conn_op(m, ring, e);
	m->head[ring]++;
	if (e->flags & FANTAIL_FLAG_LAST) {
		b->type = FANTAIL_REC_BATCH;
		b->ring = (uint8_t)ring;
		b->cookie_lo = (uint32_t)e->cookie;
		b->cookie_hi = (uint32_t)(e->cookie >> 32);
		mock_record(m, b);
		memset(b, 0, sizeof(*b));
	}
}

void mock_work(struct mock *m, enum fantail_ring ring, uint32_t n)
{
	uint32_t log2 = ring ? QP_REG(m, CONTROL_LOG2) : QP_REG(m, DATA_LOG2);
	uint64_t base = qp_wide(m, ring ? FANTAIL_QP_CONTROL_BASE
					: FANTAIL_QP_DATA_BASE);

	while (n-- && ((m->tail[ring] - m->head[ring]) & 0x7FFF)) {
		uint32_t i = m->head[ring] & ((1u << log2) - 1);
		struct fantail_entry e;
		uint8_t *p = at(m, base + (uint64_t)i * FANTAIL_ENTRY_BYTES,
				FANTAIL_ENTRY_BYTES, FANTAIL_DMA_READ);

		cr_assert(p, "ring not mapped");
		memcpy(&e, p, sizeof(e));
		m->entry[ring][m->entries[ring]++ % MOCK_ENTRIES] = e;
		execute(m, ring, &e);
		if (!m->mute &&
		    m->head[ring] - m->told[ring] >= 1u << (log2 - 1)) {
			struct fantail_rec_head r = {
				.type = FANTAIL_REC_HEAD
			};

			mock_record(m, &r);
		}
	}
}

static void ring_doorbell(struct mock *m, int ring, uint32_t word)
{
	uint32_t log2 = ring ? QP_REG(m, CONTROL_LOG2) : QP_REG(m, DATA_LOG2);
	uint32_t tail = word & 0xFFFF;
	uint32_t head = word >> FANTAIL_DOORBELL_DATA_STATUS_HEAD_SHIFT &
			0x7FFF;

	m->doorbells++;
	m->last_doorbell = word;
	if (tail > 0x7FFF || ((tail - m->head[ring]) & 0x7FFF) > 1u << log2 ||
	    ((head - m->status_head) & 0x7FFF) >
		    ((m->status_tail - m->status_head) & 0x7FFF))
		m->bad = true;
	if (tail == (m->tail[ring] & 0x7FFF))
		m->status_doorbells++;
	else if (ring)
		m->control_doorbells++;
	else
		m->data_doorbells++;
	m->tail[ring] = tail;
	m->status_head = head;
	if (word & FANTAIL_DOORBELL_DATA_ARM_MASK)
		m->armed = true;
	fire(m);
	if (!m->hold[ring])
		mock_work(m, ring, UINT32_MAX);
}

static int mock_write32(void *state, uint32_t offset, uint32_t value)
{
	struct mock *m = state;

	if (m->fail_write) {
		m->fail_write--;
		return -EIO;
	}
	m->writes++;
	if (offset == FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_DATA)
		ring_doorbell(m, 0, value);
	else if (offset == FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_CONTROL)
		ring_doorbell(m, 1, value);
	else if (offset < sizeof(m->reg))
		m->reg[offset / 4] = value;
	else
		m->bad = true;
	return 0;
}

static int mock_read32(void *state, uint32_t offset, uint32_t *value)
{
	struct mock *m = state;

	if (offset >= sizeof(m->reg))
		return -EINVAL;
	*value = m->reg[offset / 4];
	if (offset == FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_STATUS)
		*value = QP_REG(m, QP_CTRL) ? m->qp_status : 0;
	return 0;
}

static int mock_transport_open(const char *rest,
			       const struct fantail_dev_options *opt,
			       void **state)
{
	if (*rest || !opt->sim)
		return -EINVAL;
	*state = opt->sim;
	return 0;
}

static void mock_transport_close(void *state)
{
	struct mock *m = state;
	int i;

	for (i = 0; i < MOCK_MAPS; i++)
		cr_assert(!m->map[i].va, "mapping left");
}

static int mock_dma_map(void *state, void *va, int fd, uint64_t iova,
			size_t bytes, unsigned int flags)
{
	struct mock *m = state;
	int i;

	(void)fd;
	for (i = 0; i < MOCK_MAPS; i++)
		if (!m->map[i].va) {
			m->map[i] = (struct mock_map){ va, iova, bytes, flags };
			return 0;
		}
	return -ENOSPC;
}

static int mock_dma_unmap(void *state, uint64_t iova, size_t bytes)
{
	struct mock *m = state;
	int i;

	for (i = 0; i < MOCK_MAPS; i++)
		if (m->map[i].va && m->map[i].iova == iova &&
		    m->map[i].bytes == bytes) {
			m->map[i].va = NULL;
			return 0;
		}
	return -ENOENT;
}

static int mock_irq(void *state, unsigned int vector, int fd)
{
	struct mock *m = state;

	if (vector)
		return -EINVAL;
	m->fd = fd;
	return 0;
}

static int mock_wait(void *state, unsigned int vector, int fd,
		     int64_t timeout_us)
{
	struct mock *m = state;
	uint64_t count;

	mock_work(m, FANTAIL_RING_DATA, m->work_in_wait);
	if (vector != FANTAIL_NO_VECTOR && m->fired) {
		m->fired = false;
		if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			m->bad = true;
		return 1;
	}
	if (timeout_us < 0)
		return -EDEADLK;
	m->now_us += (uint64_t)timeout_us;
	return 0;
}

static uint64_t mock_now_us(void *state)
{
	const struct mock *m = state;

	return m->now_us;
}

/* In place of driver/transport_sim.c. */
const struct fantail_transport_ops fantail_transport_sim = {
	.scheme = "sim:",
	.open = mock_transport_open,
	.close = mock_transport_close,
	.reg_read32 = mock_read32,
	.reg_write32 = mock_write32,
	.dma_map = mock_dma_map,
	.dma_unmap = mock_dma_unmap,
	.irq_set_eventfd = mock_irq,
	.wait = mock_wait,
	.now_us = mock_now_us,
};

struct mock *mock_new(void)
{
	struct mock *m = calloc(1, sizeof(*m));

	cr_assert(m);
	m->fd = -1;
	m->now_us = 1000000;
	m->qp_status = FANTAIL_QP_STATUS_RUNNING_MASK;
	m->reg[FANTAIL_REG_ID / 4] = FANTAIL_ID_VALUE;
	m->reg[FANTAIL_REG_VERSION / 4] = FANTAIL_VERSION;
	m->reg[FANTAIL_REG_STATUS / 4] = FANTAIL_STATUS_READY_MASK;
	m->reg[FANTAIL_REG_LIMIT_CONNECTIONS / 4] = MOCK_CONNS;
	m->reg[FANTAIL_REG_LIMIT_GROUPS / 4] = MOCK_GROUPS;
	m->reg[FANTAIL_REG_LIMIT_LOG_BYTES / 4] = 65536;
	m->reg[FANTAIL_REG_LIMIT_EXTENTS / 4] = 16;
	m->reg[FANTAIL_REG_LIMIT_QUEUE_PAIRS / 4] = 1;
	m->reg[FANTAIL_REG_LIMIT_PAYLOAD / 4] = 16384;
	return m;
}

void mock_free(struct mock *m)
{
	cr_assert(!m->bad, "a doorbell or an address was wrong");
	free(m);
}

struct fantail_dev *mock_open(struct mock *m)
{
	struct fantail_dev_options opt = { .sim = (struct fantail_sim *)m };
	struct fantail_dev *dev;

	cr_assert_eq(fantail_dev_open("sim:", &opt, &dev), 0);
	return dev;
}
