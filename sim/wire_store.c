/* SPDX-License-Identifier: Apache-2.0 */
/* Wire checker: the bytes sent on a connection and not yet acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "wire_internal.h"

enum {
	STORE_MIN = 2048
};

/* Forget everything; the next byte kept is @seq. */
void wire_store_reset(struct fantail_wire_check *c, struct wire_flow *f,
		      uint32_t seq)
{
	c->store_used -= f->store_size;
	free(f->store);
	f->store = NULL;
	f->store_size = f->store_start = f->stored_len = 0;
	f->stored_seq = seq;
}

static bool grow(struct fantail_wire_check *c, struct wire_flow *f,
		 uint32_t need)
{
	uint32_t size = f->store_size ? f->store_size : STORE_MIN;
	uint8_t *store;

	while (size < need)
		size *= 2;
	if (c->store_used - f->store_size + size > c->cfg.store_bytes)
		return false;
	store = malloc(size);
	if (!store)
		return false;
	if (f->stored_len)
		memcpy(store, f->store + f->store_start, f->stored_len);
	free(f->store);
	c->store_used += size - f->store_size;
	f->store = store;
	f->store_size = size;
	f->store_start = 0;
	return true;
}

/* @bytes are new: @seq is the highest sequence number sent before them. */
void wire_store_append(struct fantail_wire_check *c, struct wire_flow *f,
		       uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	if (!f->stored_len)
		f->stored_seq = seq;
	/* behind bytes that found no room: the store has no holes */
	if (f->stored_seq + f->stored_len != seq) {
		c->result.unchecked_bytes += len;
		return;
	}
	if (f->stored_len + len > f->store_size &&
	    !grow(c, f, f->stored_len + len)) {
		c->result.unchecked_bytes += len;
		return;
	}
	if (f->store_start + f->stored_len + len > f->store_size) {
		memmove(f->store, f->store + f->store_start, f->stored_len);
		f->store_start = 0;
	}
	memcpy(f->store + f->store_start + f->stored_len, bytes, len);
	f->stored_len += len;
}

/* Bytes below @seq are acknowledged. */
void wire_store_acked(struct wire_flow *f, uint32_t seq)
{
	int32_t done = seq_diff(f->stored_seq, seq);

	if (done <= 0)
		return;
	if ((uint32_t)done >= f->stored_len) {
		f->stored_seq = seq;
		f->store_start = f->stored_len = 0;
		return;
	}
	f->stored_seq = seq;
	f->store_start += (uint32_t)done;
	f->stored_len -= (uint32_t)done;
}

int64_t wire_store_compare(struct fantail_wire_check *c,
			   const struct wire_flow *f, uint32_t seq,
			   const uint8_t *bytes, uint32_t len)
{
	int64_t first = seq_diff(f->stored_seq, seq), last = first + len, i;

	if (first < 0)
		first = 0;
	if (last > f->stored_len)
		last = f->stored_len;
	if (first >= last)
		return -1;
	bytes += (uint32_t)(f->stored_seq + (uint32_t)first - seq);
	c->result.compared_bytes += (uint64_t)(last - first);
	for (i = first; i < last; i++, bytes++)
		if (f->store[f->store_start + i] != *bytes)
			return i - seq_diff(f->stored_seq, seq);
	return -1;
}
