/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_BYTES	(4ULL << 30) /* address space, not memory */
#define GIVE_BACK_BYTES (4ULL << 20) /* a power of two, divides the window */

/* What the processes share. */
struct shared {
	_Atomic uint64_t published;
	_Atomic bool finished;
	struct receiver receivers[];
};

struct stream {
	struct shared *shared;
	size_t shared_bytes;
	unsigned int count;
	uint64_t freed; /* publisher only: below is given back */
	uint8_t *bytes; /* byte n of the stream at n % WINDOW_BYTES */
	int fd;
};

int stream_new(unsigned int receivers, struct stream **stream)
{
	struct stream *s = calloc(1, sizeof(*s));
	void *p;
	int rc;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->count = receivers;
	s->shared_bytes =
		sizeof(*s->shared) + receivers * sizeof(struct receiver);
	p = mmap(NULL, s->shared_bytes, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		goto fail;
	s->shared = p;
	s->fd = memfd_create("fantail-stream", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)WINDOW_BYTES) < 0)
		goto fail;
	p = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, s->fd, 0);
	if (p == MAP_FAILED)
		goto fail;
	s->bytes = p;
	*stream = s;
	return 0;
fail:
	rc = -errno;
	stream_free(s);
	return rc;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->bytes)
		munmap(s->bytes, WINDOW_BYTES);
	if (s->fd >= 0)
		close(s->fd);
	if (s->shared)
		munmap(s->shared, s->shared_bytes);
	free(s);
}

/* The oldest byte that a receiver in the race still has to see. */
static uint64_t oldest_needed(const struct stream *s)
{
	uint64_t oldest = atomic_load(&s->shared->published);

	for (unsigned int i = 0; i < s->count; i++) {
		const struct receiver *r = &s->shared->receivers[i];
		int state = atomic_load(&r->state);
		uint64_t at = atomic_load(&r->received);

		if (state != RECEIVER_IDLE && state != RECEIVER_OPEN)
			continue;
		if (at < oldest)
			oldest = at;
	}
	return oldest;
}

static void give_back(struct stream *s)
{
	uint64_t keep = oldest_needed(s) & ~(GIVE_BACK_BYTES - 1);

	for (; s->freed < keep; s->freed += GIVE_BACK_BYTES)
		fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)(s->freed % WINDOW_BYTES),
			  (off_t)GIVE_BACK_BYTES);
}

int stream_append(struct stream *s, const uint8_t *data, size_t length)
{
	uint64_t at = atomic_load(&s->shared->published);
	size_t first = (size_t)(WINDOW_BYTES - at % WINDOW_BYTES);

	/* the walk over the receivers is paid once per block */
	if (at / GIVE_BACK_BYTES != (at + length) / GIVE_BACK_BYTES)
		give_back(s);
	if (at + length - s->freed > WINDOW_BYTES)
		return -EAGAIN;
	if (first > length)
		first = length;
	memcpy(s->bytes + at % WINDOW_BYTES, data, first);
	memcpy(s->bytes, data + first, length - first);
	atomic_store(&s->shared->published, at + length);
	return 0;
}

void stream_finish(struct stream *s)
{
	atomic_store(&s->shared->finished, true);
}

uint64_t stream_published(const struct stream *s)
{
	return atomic_load(&s->shared->published);
}

struct receiver *stream_receiver(struct stream *s, unsigned int n)
{
	return &s->shared->receivers[n];
}

unsigned int stream_receivers(const struct stream *s)
{
	return s->count;
}

uint64_t stream_delivered(const struct stream *s)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < s->count; i++)
		sum += atomic_load(&s->shared->receivers[i].received);
	return sum;
}

unsigned int stream_count(const struct stream *s, enum receiver_state state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->count; i++)
		n += atomic_load(&s->shared->receivers[i].state) == (int)state;
	return n;
}

void stream_fail(struct receiver *r, enum receiver_fault fault, int error)
{
	r->fault = fault;
	r->error = error;
	atomic_store(&r->state, RECEIVER_FAILED);
}

/* Compare within one run of the window: 0, or -EBADMSG with the place. */
static int compare(struct stream *s, struct receiver *r, const uint8_t *data,
		   size_t length)
{
	uint64_t at = atomic_load(&r->received);
	const uint8_t *want = s->bytes + at % WINDOW_BYTES;
	size_t i = 0;

	if (!memcmp(want, data, length)) {
		atomic_store(&r->received, at + length);
		return 0;
	}
	while (want[i] == data[i])
		i++;
	r->expected = want[i];
	r->got = data[i];
	atomic_store(&r->received, at + i);
	stream_fail(r, FAULT_BYTE, 0);
	return -EBADMSG;
}

int stream_verify(struct stream *s, struct receiver *r, const uint8_t *data,
		  size_t length)
{
	uint64_t at = atomic_load(&r->received);
	uint64_t left = stream_published(s) - at;
	size_t right = length < left ? length : (size_t)left;
	size_t first = (size_t)(WINDOW_BYTES - at % WINDOW_BYTES);
	int rc;

	if (first > right)
		first = right;
	rc = compare(s, r, data, first);
	if (!rc && right > first)
		rc = compare(s, r, data + first, right - first);
	if (rc)
		return rc;
	if (right == length)
		return 0;
	r->got = data[right];
	stream_fail(r, FAULT_EXTRA, 0);
	return -EBADMSG;
}

void stream_end(struct stream *s, struct receiver *r)
{
	if (atomic_load(&s->shared->finished) &&
	    atomic_load(&r->received) == stream_published(s))
		atomic_store(&r->state, RECEIVER_VERIFIED);
	else
		stream_fail(r, FAULT_EARLY_END, 0);
}

void stream_describe(struct stream *s, unsigned int n, char *text, size_t size)
{
	const struct receiver *r = stream_receiver(s, n);
	uint64_t at = atomic_load(&r->received);

	switch (r->fault) {
	case FAULT_CONNECT:
		snprintf(text, size, "client %u could not connect: %s", n,
			 strerror(r->error));
		break;
	case FAULT_BYTE:
		snprintf(text, size,
			 "client %u got a wrong byte at offset "
			 "%" PRIu64 ": expected 0x%02x, got 0x%02x",
			 n, at, r->expected, r->got);
		break;
	case FAULT_EXTRA:
		snprintf(text, size,
			 "client %u got byte 0x%02x at offset "
			 "%" PRIu64 " where nothing was published",
			 n, r->got, at);
		break;
	case FAULT_EARLY_END:
		snprintf(text, size,
			 "client %u got the end of the stream at "
			 "offset %" PRIu64 ", %" PRIu64 " bytes were published",
			 n, at, stream_published(s));
		break;
	case FAULT_SOCKET:
		snprintf(text, size,
			 "client %u lost its connection at offset "
			 "%" PRIu64 " of %" PRIu64 ": %s",
			 n, at, stream_published(s), strerror(r->error));
		break;
	case FAULT_SILENCE:
		snprintf(text, size,
			 "client %u still waits at offset %" PRIu64 ", %" PRIu64
			 " bytes were published",
			 n, at, stream_published(s));
		break;
	default:
		snprintf(text, size, "client %u is well", n);
	}
}
