/* SPDX-License-Identifier: Apache-2.0 */
/* The link model, see link.h. Frames under way are in one heap each way. */
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net_frame.h"

enum {
	PPM = 1000000,
	TIME_MAX_US = 10000000,
	GAP_MAX = 1000,
	GAP_DEFAULT = 3,
	HOLD_US = 20000, /* the longest wait for frames to pass */
	QUEUE_BYTES = 1000000,
	FRAMES_MAX = 65536,
};

#define RATE_MIN 1000u
#define RATE_MAX 1000000000000u

/* What a random number decides: each has its own. */
enum purpose {
	LOSS,
	DUP,
	CORRUPT,
	BIT,
	JITTER,
	REORDER,
	PURPOSES
};

struct item {
	uint64_t due_us;
	uint64_t serial; /* frames of one time keep their order */
	uint64_t flow;	 /* held: those that may pass */
	uint32_t left;	 /* held: how many still have to */
	uint32_t len;
	uint8_t bytes[];
};

struct way {
	struct fantail_link_way cfg;
	struct fantail_link_stats stats;
	struct item **heap;
	size_t heap_len, heap_size;
	struct item **held; /* not in the heap */
	size_t held_len, held_size;
	uint64_t serial;
	uint64_t free_ns;     /* the wire is free again */
	uint64_t last_due_us; /* jitter does not overtake */
};

struct fantail_link {
	uint64_t seed;
	size_t frames_max;
	struct way way[FANTAIL_LINK_DIRS];
};

/* ------------------------------------------------------------------- heap */

static bool earlier(const struct item *a, const struct item *b)
{
	if (a->due_us != b->due_us)
		return a->due_us < b->due_us;
	return a->serial < b->serial;
}

static int grow(struct item ***list, size_t len, size_t *size)
{
	size_t want = *size ? 2 * *size : 64;
	struct item **more;

	if (len < *size)
		return 0;
	more = realloc(*list, want * sizeof(struct item *));
	if (!more)
		return -ENOMEM;
	*list = more;
	*size = want;
	return 0;
}

/* Room was made before. */
static void push(struct way *w, struct item *item)
{
	size_t i = w->heap_len++, up;

	item->serial = w->serial++;
	for (; i; i = up) {
		up = (i - 1) / 2;
		if (!earlier(item, w->heap[up]))
			break;
		w->heap[i] = w->heap[up];
	}
	w->heap[i] = item;
}

static struct item *pop(struct way *w)
{
	struct item *top = w->heap[0], *last = w->heap[--w->heap_len];
	size_t i = 0, down;

	for (; (down = 2 * i + 1) < w->heap_len; i = down) {
		if (down + 1 < w->heap_len &&
		    earlier(w->heap[down + 1], w->heap[down]))
			down++;
		if (!earlier(w->heap[down], last))
			break;
		w->heap[i] = w->heap[down];
	}
	w->heap[i] = last;
	return top;
}

/* ------------------------------------------------------------------- held */

/* Frame @n of the list goes on its way at @due_us. */
static void let_go(struct way *w, size_t n, uint64_t due_us)
{
	struct item *item = w->held[n];

	w->held[n] = w->held[--w->held_len];
	item->due_us = due_us;
	push(w, item);
}

/* A frame of @flow has been put on its way: behind it, who waited for it. */
static void passed(struct way *w, uint64_t flow, uint64_t due_us)
{
	size_t n = 0;

	while (n < w->held_len) {
		struct item *item = w->held[n];

		if (item->flow == flow && --item->left == 0)
			let_go(w, n, due_us);
		else
			n++;
	}
}

static void let_go_late(struct way *w, uint64_t now_us)
{
	size_t n = 0;

	while (n < w->held_len)
		if (w->held[n]->due_us <= now_us)
			let_go(w, n, w->held[n]->due_us);
		else
			n++;
}

/* -------------------------------------------------------------- decisions */

static uint64_t draw(const struct fantail_link *link, const struct way *w,
		     enum purpose what, unsigned int copy)
{
	uint64_t number = w->stats.frames * 2 + copy;
	uint64_t dir = w == &link->way[FANTAIL_LINK_RX];

	return mix64(mix64(link->seed ^ dir << 63) + number * PURPOSES + what);
}

static bool happens(const struct fantail_link *link, const struct way *w,
		    enum purpose what, unsigned int copy, uint32_t ppm)
{
	return ppm && (draw(link, w, what, copy) >> 32) * PPM >> 32 < ppm;
}

static bool is_listed(const struct way *w)
{
	unsigned int i;

	for (i = 0; i < w->cfg.lose_count; i++)
		if (w->stats.frames >= w->cfg.lose[i].first &&
		    w->stats.frames <= w->cfg.lose[i].last)
			return true;
	return false;
}

static bool is_ipv4(const uint8_t *frame, size_t len)
{
	return len >= ETH_LEN + IP_LEN && get16(frame + 12) == TYPE_IPV4;
}

/* Addresses and ports; one value for all that is not TCP. */
static uint64_t flow_of(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_LEN;

	if (len < ETH_LEN + IP_LEN + TCP_LEN || !is_ipv4(frame, len) ||
	    ip[0] != 0x45 || ip[9] != PROTO_TCP)
		return 0;
	return mix64((uint64_t)get32(ip + 12) << 32 | get32(ip + 16)) ^
	       get32(ip + 20);
}

/* When the last bit is out; false: no room to wait. */
static bool leaves(struct way *w, size_t len, uint64_t at_us, uint64_t *out_us)
{
	uint64_t at_ns = at_us * 1000, waiting;

	*out_us = at_us;
	if (!w->cfg.rate_bps)
		return true;
	if (w->free_ns < at_ns)
		w->free_ns = at_ns;
	waiting = (uint64_t)((double)(w->free_ns - at_ns) *
			     (double)w->cfg.rate_bps / 8e9);
	/* the frame on the wire waits no more: an idle link takes any */
	if (waiting && waiting + len > w->cfg.queue_bytes)
		return false;
	w->free_ns +=
		(uint64_t)((double)len * 8e9 / (double)w->cfg.rate_bps + 0.5);
	*out_us = (w->free_ns + 999) / 1000;
	return true;
}

/* Flip a bit; false: nothing protects this frame, it is to be discarded. */
static bool damage(const struct fantail_link *link, const struct way *w,
		   struct item *item, unsigned int copy)
{
	uint64_t bits, bit;
	size_t end;

	if (!is_ipv4(item->bytes, item->len))
		return false;
	end = ETH_LEN + (size_t)get16(item->bytes + ETH_LEN + 2);
	if (end > item->len || end < ETH_LEN + IP_LEN)
		end = item->len;
	bits = (end - ETH_LEN) * 8;
	bit = (draw(link, w, BIT, copy) >> 32) * bits >> 32;
	item->bytes[ETH_LEN + bit / 8] ^= (uint8_t)(1u << bit % 8);
	return true;
}

static void hold(struct way *w, struct item *item)
{
	item->left = w->cfg.reorder_frames;
	item->due_us += HOLD_US;
	w->held[w->held_len++] = item;
}

static int send_copy(struct fantail_link *link, struct way *w,
		     const uint8_t *frame, size_t len, uint64_t out_us,
		     unsigned int copy)
{
	const struct fantail_link_way *cfg = &w->cfg;
	uint64_t flow = 0, jitter = 0, due_us;
	struct item *item = NULL;
	bool held;

	if (w->heap_len + w->held_len < link->frames_max &&
	    !grow(&w->heap, w->heap_len + w->held_len, &w->heap_size) &&
	    !grow(&w->held, w->held_len, &w->held_size))
		item = malloc(sizeof(*item) + len);
	if (!item) {
		w->stats.overflow++;
		return -ENOMEM;
	}
	memcpy(item->bytes, frame, len);
	item->len = (uint32_t)len;
	if (cfg->reorder_ppm)
		flow = flow_of(frame, len);
	if (happens(link, w, CORRUPT, copy, cfg->corrupt_ppm)) {
		if (!damage(link, w, item, copy)) {
			w->stats.discarded++;
			free(item);
			return 0;
		}
		w->stats.corrupted++;
	}
	if (cfg->jitter_us)
		jitter = (draw(link, w, JITTER, copy) >> 32) *
				 ((uint64_t)cfg->jitter_us + 1) >>
			 32;
	due_us = out_us + cfg->delay_us + jitter;
	if (cfg->jitter_us && due_us < w->last_due_us)
		due_us = w->last_due_us;
	item->due_us = due_us;
	item->flow = flow;
	held = happens(link, w, REORDER, copy, cfg->reorder_ppm);
	if (held) {
		w->stats.reordered++;
		if (cfg->reorder_frames) {
			hold(w, item);
			return 0;
		}
		item->due_us += cfg->reorder_us;
	} else {
		w->last_due_us = due_us;
	}
	push(w, item);
	if (!held && w->held_len)
		passed(w, flow, due_us);
	return 0;
}

int fantail_link_put(struct fantail_link *link, enum fantail_link_dir dir,
		     const void *frame, size_t len, uint64_t at_us)
{
	struct way *w = &link->way[dir];
	unsigned int copy, copies = 1;
	uint64_t out_us;
	int rc = 0;

	w->stats.frames++;
	if (is_listed(w)) {
		w->stats.listed++;
		return 0;
	}
	if (!leaves(w, len, at_us, &out_us)) {
		w->stats.overflow++;
		return 0;
	}
	if (happens(link, w, LOSS, 0, w->cfg.loss_ppm)) {
		w->stats.lost++;
		return 0;
	}
	if (happens(link, w, DUP, 0, w->cfg.dup_ppm)) {
		w->stats.duplicated++;
		copies = 2;
	}
	for (copy = 0; copy < copies && !rc; copy++)
		rc = send_copy(link, w, frame, len, out_us, copy);
	return rc;
}

size_t fantail_link_take(struct fantail_link *link, enum fantail_link_dir dir,
			 void *frame, size_t size, uint64_t now_us)
{
	struct way *w = &link->way[dir];
	struct item *item;
	size_t len;

	if (w->held_len)
		let_go_late(w, now_us);
	if (!w->heap_len || w->heap[0]->due_us > now_us)
		return 0;
	item = pop(w);
	len = item->len < size ? item->len : size;
	memcpy(frame, item->bytes, len);
	free(item);
	w->stats.arrived++;
	return len;
}

uint64_t fantail_link_next_us(const struct fantail_link *link,
			      enum fantail_link_dir dir)
{
	const struct way *w = &link->way[dir];
	uint64_t next = FANTAIL_LINK_NEVER;
	size_t n;

	if (w->heap_len)
		next = w->heap[0]->due_us;
	for (n = 0; n < w->held_len; n++)
		if (w->held[n]->due_us < next)
			next = w->held[n]->due_us;
	return next;
}

void fantail_link_get_stats(const struct fantail_link *link,
			    enum fantail_link_dir dir,
			    struct fantail_link_stats *stats)
{
	*stats = link->way[dir].stats;
}

/* ---------------------------------------------------------- open and close */

bool fantail_link_is_perfect(const struct fantail_link_way *way)
{
	return !way->loss_ppm && !way->dup_ppm && !way->reorder_ppm &&
	       !way->corrupt_ppm && !way->delay_us && !way->jitter_us &&
	       !way->rate_bps && !way->lose_count;
}

static bool is_good(const struct fantail_link_way *way)
{
	unsigned int i;

	for (i = 0; i < way->lose_count && i < FANTAIL_LINK_LOSE; i++)
		if (!way->lose[i].first ||
		    way->lose[i].last < way->lose[i].first)
			return false;
	return way->loss_ppm <= PPM && way->dup_ppm <= PPM &&
	       way->reorder_ppm <= PPM && way->corrupt_ppm <= PPM &&
	       way->reorder_frames <= GAP_MAX &&
	       way->reorder_us <= TIME_MAX_US && way->delay_us <= TIME_MAX_US &&
	       way->jitter_us <= TIME_MAX_US && i == way->lose_count &&
	       (!way->rate_bps ||
		(way->rate_bps >= RATE_MIN && way->rate_bps <= RATE_MAX));
}

int fantail_link_open(const struct fantail_link_config *cfg,
		      struct fantail_link **out)
{
	struct fantail_link *link;
	int d;

	for (d = 0; d < FANTAIL_LINK_DIRS; d++)
		if (!is_good(&cfg->way[d]))
			return -EINVAL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->seed = cfg->seed;
	link->frames_max = cfg->frames_max ? cfg->frames_max : FRAMES_MAX;
	for (d = 0; d < FANTAIL_LINK_DIRS; d++) {
		struct fantail_link_way *way = &link->way[d].cfg;

		*way = cfg->way[d];
		if (!way->reorder_frames && !way->reorder_us)
			way->reorder_frames = GAP_DEFAULT;
		if (!way->queue_bytes)
			way->queue_bytes = QUEUE_BYTES;
	}
	*out = link;
	return 0;
}

static void free_way(struct way *w)
{
	size_t n;

	for (n = 0; n < w->heap_len; n++)
		free(w->heap[n]);
	for (n = 0; n < w->held_len; n++)
		free(w->held[n]);
	free(w->heap);
	free(w->held);
}

void fantail_link_close(struct fantail_link *link)
{
	int d;

	if (!link)
		return;
	for (d = 0; d < FANTAIL_LINK_DIRS; d++)
		free_way(&link->way[d]);
	free(link);
}
