/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "pcap.h"

struct kept {
	uint64_t now_us;
	size_t len;
	uint8_t bytes[FANTAIL_NET_FRAME_MAX];
};

struct frame_ring {
	uint32_t size;
	uint64_t added;
	struct kept kept[];
};

struct frame_ring *frame_ring_new(uint32_t frames)
{
	struct frame_ring *r;

	r = calloc(1, sizeof(*r) + frames * sizeof(r->kept[0]));
	if (r)
		r->size = frames;
	return r;
}

void frame_ring_free(struct frame_ring *r)
{
	free(r);
}

void frame_ring_add(struct frame_ring *r, const void *frame, size_t len,
		    uint64_t now_us)
{
	struct kept *k = &r->kept[r->added++ % r->size];

	k->len = len < sizeof(k->bytes) ? len : sizeof(k->bytes);
	k->now_us = now_us;
	memcpy(k->bytes, frame, k->len);
}

int frame_ring_write(const struct frame_ring *r, const char *path)
{
	uint64_t i = r->added > r->size ? r->added - r->size : 0;
	struct fantail_pcap *pcap;
	int rc, end;

	rc = fantail_pcap_open(path, 0, &pcap);
	if (rc)
		return rc;
	for (; !rc && i < r->added; i++) {
		const struct kept *k = &r->kept[i % r->size];

		rc = fantail_pcap_write(pcap, k->bytes, k->len, k->now_us);
	}
	end = fantail_pcap_close(pcap);
	return rc ? rc : end;
}
