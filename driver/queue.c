/* SPDX-License-Identifier: Apache-2.0 */
/* Submission: entries, the doorbell, arming and sleeping. */
#include "queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * The one place that rings: DOORBELL_DATA or DOORBELL_CONTROL with
 * {arm, status_head, tail}. @tail NULL: status-only, the tail the card
 * knows. The word is state and the newest wins, so a lock is all it takes to
 * keep two threads from telling the card an older index last.
 */
static int doorbell(struct fantail_qp *qp, enum fantail_ring ring,
		    const uint32_t *tail, bool arm)
{
	uint32_t offset = ring == FANTAIL_RING_DATA
				  ? FANTAIL_QP_DOORBELL_DATA
				  : FANTAIL_QP_DOORBELL_CONTROL;
	struct fantail_sq *sq = &qp->sq[ring];
	uint32_t rung, consumed, word;
	int rc;

	pthread_mutex_lock(&qp->lock);
	rung = tail ? *tail : atomic_load(&sq->rung);
	consumed = atomic_load(&qp->consumed);
	word = (rung & FANTAIL_INDEX_MASK) |
	       (consumed & FANTAIL_INDEX_MASK)
		       << FANTAIL_DOORBELL_DATA_STATUS_HEAD_SHIFT |
	       (arm ? FANTAIL_DOORBELL_DATA_ARM_MASK : 0);
	/*
	 * Entries are in memory before the card hears of them, and records
	 * have been read before the card may overwrite them.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	/* Set first: the interrupt may be there before the write returns. */
	if (arm) {
		atomic_store(&qp->armed_at, consumed);
		atomic_store(&qp->armed, true);
	}
	rc = qp->dev->ops->reg_write32(qp->dev->state, qp->page + offset, word);
	if (rc) {
		if (arm)
			atomic_store(&qp->armed, false);
		goto out;
	}
	if (!tail)
		qp->count.status++;
	else if (ring == FANTAIL_RING_DATA)
		qp->count.data++;
	else
		qp->count.control++;
	atomic_store(&sq->rung, rung);
	atomic_store(&qp->told, consumed);
out:
	pthread_mutex_unlock(&qp->lock);
	return rc;
}

int fantail_doorbell_status(struct fantail_qp *qp, bool arm)
{
	return doorbell(qp, FANTAIL_RING_DATA, NULL, arm);
}

unsigned int fantail_sq_size(const struct fantail_qp *qp,
			     enum fantail_ring ring)
{
	return qp->sq[ring].mask + 1;
}

uint32_t fantail_sq_tail(const struct fantail_qp *qp, enum fantail_ring ring)
{
	return qp->sq[ring].tail;
}

uint32_t fantail_sq_rung(const struct fantail_qp *qp, enum fantail_ring ring)
{
	return atomic_load(&qp->sq[ring].rung);
}

uint32_t fantail_sq_head(const struct fantail_qp *qp, enum fantail_ring ring)
{
	return sq_head(&qp->sq[ring]);
}

unsigned int fantail_sq_space(const struct fantail_qp *qp,
			      enum fantail_ring ring)
{
	const struct fantail_sq *sq = &qp->sq[ring];

	return sq->mask + 1 - (sq->tail - sq_head(sq));
}

struct fantail_entry *fantail_sq_get(struct fantail_qp *qp,
				     enum fantail_ring ring)
{
	struct fantail_sq *sq = &qp->sq[ring];
	struct fantail_entry *e;

	if (sq->tail - sq_head(sq) > sq->mask)
		return NULL;
	e = &sq->entries[sq->tail & sq->mask];
	memset(e, 0, sizeof(*e));
	sq->tail++;
	return e;
}

struct fantail_entry *fantail_sq_entries(const struct fantail_qp *qp,
					 enum fantail_ring ring)
{
	return qp->sq[ring].entries;
}

void fantail_sq_take(struct fantail_qp *qp, enum fantail_ring ring,
		     unsigned int n)
{
	qp->sq[ring].tail += n;
}

static int submit(struct fantail_qp *qp, enum fantail_ring ring, uint32_t hold,
		  bool arm)
{
	struct fantail_sq *sq = &qp->sq[ring];
	uint32_t n = sq->tail - atomic_load(&sq->rung);
	uint32_t tail = sq->tail - hold;
	int rc;

	if (n <= hold)
		return 0;
	/*
	 * An interrupt that is armed, or fired and not looked at, wakes the
	 * next sleeper; and records that are there keep him awake. Arming now
	 * would only fire a second time for the same records.
	 */
	if (atomic_load(&qp->armed) || record_ready(qp))
		arm = false;
	rc = doorbell(qp, ring, &tail, arm);
	return rc ? rc : (int)(n - hold);
}

int fantail_qp_submit(struct fantail_qp *qp)
{
	return submit(qp, FANTAIL_RING_DATA, 0, true);
}

int fantail_qp_submit_part(struct fantail_qp *qp)
{
	return submit(qp, FANTAIL_RING_DATA, 1, true);
}

int fantail_qp_submit_control(struct fantail_qp *qp)
{
	return submit(qp, FANTAIL_RING_CONTROL, 0, false);
}

int fantail_qp_event_fd(const struct fantail_qp *qp)
{
	return qp->fd;
}

void fantail_qp_event_clear(struct fantail_qp *qp)
{
	uint64_t fired;

	/*
	 * Disarmed only if it fired. If it fired and was armed again before
	 * this read, the card is still armed and one doorbell is wasted.
	 */
	if (read(qp->fd, &fired, sizeof(fired)) == sizeof(fired))
		atomic_store(&qp->armed, false);
}

static inline int arm(struct fantail_qp *qp)
{
	/*
	 * Also when armed but not told: the card counts those records as
	 * waiting and would wake us for what is already consumed.
	 */
	if (!atomic_load(&qp->armed) ||
	    atomic_load(&qp->consumed) != atomic_load(&qp->told))
		return fantail_doorbell_status(qp, true);
	return 0;
}

int fantail_qp_arm(struct fantail_qp *qp)
{
	if (qp->dead)
		return qp->dead;
	return record_ready(qp) ? 1 : arm(qp);
}

int fantail_qp_wait(struct fantail_qp *qp, int64_t timeout_us)
{
	int rc;

	if (qp->dead)
		return qp->dead;
	if (record_ready(qp))
		return 1;
	/*
	 * It may have fired for records that were taken since it was armed.
	 * As long as there are none, whatever has fired is about a record
	 * that is still there.
	 */
	if (atomic_load(&qp->armed) &&
	    atomic_load(&qp->consumed) != atomic_load(&qp->armed_at))
		fantail_qp_event_clear(qp);
	rc = arm(qp);
	if (rc)
		return rc;
	rc = qp->dev->ops->wait(qp->dev->state, qp->index, qp->fd, timeout_us);
	if (rc < 0)
		return rc;
	if (rc)
		atomic_store(&qp->armed, false);
	return record_ready(qp);
}

int fantail_qp_fault(struct fantail_qp *qp, uint32_t *code, uint64_t *addr)
{
	int rc;

	rc = qp->dev->ops->reg_read32(qp->dev->state,
				      qp->page + FANTAIL_QP_FAULT_CODE, code);
	if (!rc && addr)
		rc = fantail_read64(qp->dev, qp->page + FANTAIL_QP_FAULT_ADDR,
				    addr);
	return rc;
}

int fantail_qp_counter(struct fantail_qp *qp, uint32_t offset, uint64_t *value)
{
	if (offset & 7 || offset < FANTAIL_QPCNT_BASE ||
	    offset >= FANTAIL_QPCNT_BASE + 8 * FANTAIL_QPCNT_COUNT)
		return -EINVAL;
	return fantail_read64(qp->dev, qp->page + offset, value);
}

void fantail_qp_doorbells(const struct fantail_qp *qp,
			  struct fantail_doorbells *out)
{
	*out = qp->count;
}

struct fantail_dev *fantail_qp_dev(const struct fantail_qp *qp)
{
	return qp->dev;
}
