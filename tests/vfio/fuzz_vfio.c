/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that could be meant, most of them mutated. What the server says is
 * read as it comes; every now and then a question must be answered, or the
 * server must have hung up.
 */
#include "fuzz_vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fantail_pci.h"
#include "fantail_regs.h"

enum {
	SYNC_EVERY = 16,
	SYNC_ID = 0xface,
	SYNC_MS = 300,
	PATIENCE_MS = 200,
	KIB_SLACK = 8192,
};

/* ------------------------------------------------------------ the wire */

static bool lost(struct fuzz *f, const char *why)
{
	if (!f->res->why[0])
		snprintf(f->res->why, sizeof(f->res->why), "message %llu: %s",
			 (unsigned long long)f->res->messages, why);
	return false;
}

static bool reconnect(struct fuzz *f)
{
	uint32_t id;

	if (f->s >= 0)
		close(f->s);
	f->in_len = 0;
	f->s = raw_open(f->server.path);
	if (f->s < 0)
		return lost(f, vfu_child_lives(&f->server)
				       ? "the next client is not served"
				       : "the server has died");
	f->res->connections++;
	if (lie_chance(f, 10))
		return true;
	if (!raw_power_up(f->s) ||
	    !raw_get32(f->s, VFU_REGION_BAR0, FANTAIL_REG_ID, &id))
		return lost(f, "the next client has no registers");
	return true;
}

/* The server asks for memory: it may get it, or nonsense, or nothing. */
static void on_command(struct fuzz *f, const struct vfu_header *h,
		       const uint8_t *body, size_t len)
{
	struct vfu_header header = {
		.id = h->id,
		.command = h->command,
		.flags = VFU_REPLY,
	};
	struct vfu_dma_access access;
	uint8_t reply[16 + 4096] = { 0 };
	size_t reply_len = sizeof(access);

	f->res->dma_commands++;
	if (len < sizeof(access))
		return;
	memcpy(&access, body, sizeof(access));
	memcpy(reply, &access, sizeof(access));
	if (h->command == VFU_DMA_READ && access.count <= 4096)
		reply_len += access.count;
	if (lie_chance(f, 5))
		return;
	if (lie_chance(f, 10)) {
		header.flags |= VFU_ERROR;
		reply_len = 0;
	}
	if (lie_chance(f, 3))
		reply_len = lie_below(f, sizeof(reply));
	for (size_t i = sizeof(access); i < reply_len; i += 7)
		reply[i] = (uint8_t)lie_below(f, 24);
	raw_send(f->s, header, 0, reply, reply_len, NULL, 0);
}

static void on_message(struct fuzz *f, const uint8_t *message, size_t len)
{
	struct vfu_header h;

	memcpy(&h, message, sizeof(h));
	if ((h.flags & VFU_TYPE_MASK) == VFU_COMMAND) {
		on_command(f, &h, message + sizeof(h), len - sizeof(h));
		return;
	}
	if (h.id == SYNC_ID && h.command == VFU_DEVICE_GET_INFO)
		f->synced = true;
	if (h.command >= VFIO_COMMANDS)
		return;
	if (h.flags & VFU_ERROR)
		f->res->refused[h.command]++;
	else
		f->res->answers[h.command]++;
}

/* Take what is there. False: the server has hung up. */
static bool drain(struct fuzz *f, int flags)
{
	size_t at = 0;
	ssize_t n;

	n = recv(f->s, f->in + f->in_len, sizeof(f->in) - f->in_len, flags);
	if (!n || (n < 0 && errno != EAGAIN))
		return false;
	f->got = n > 0;
	if (f->got)
		f->in_len += (size_t)n;
	while (f->in_len - at >= sizeof(struct vfu_header)) {
		struct vfu_header h;

		memcpy(&h, f->in + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > RAW_BODY) {
			lost(f, "the server sends nonsense");
			return false;
		}
		if (f->in_len - at < h.size)
			break;
		on_message(f, f->in + at, h.size);
		at += h.size;
	}
	f->in_len -= at;
	memmove(f->in, f->in + at, f->in_len);
	return true;
}

/*
 * A question that must be answered. After a size that was not true it is
 * taken for something else: then we hang up ourselves.
 */
static bool sync_up(struct fuzz *f)
{
	struct vfu_header header = {
		.id = SYNC_ID,
		.command = VFU_DEVICE_GET_INFO,
	};
	struct vfu_device_info info = { .argsz = sizeof(info) };
	const struct timeval limit = { .tv_usec = SYNC_MS * 1000 };

	f->synced = false;
	setsockopt(f->s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!raw_send(f->s, header, 0, &info, sizeof(info), NULL, 0))
		return false;
	for (int i = 0; i < 1000 && !f->synced; i++) {
		if (!drain(f, 0))
			return false;
		/* nothing came for the whole time */
		if (!f->got)
			return false;
	}
	return f->synced;
}

static bool post32(struct fuzz *f, uint32_t region, uint64_t offset,
		   uint32_t value)
{
	struct vfu_header header = {
		.command = VFU_REGION_WRITE,
		.flags = VFU_NO_REPLY,
	};
	struct {
		struct vfu_region_access access;
		uint32_t value;
	} body = { { offset, region, 4 }, value };

	return raw_send(f->s, header, 0, &body, sizeof(body.access) + 4, NULL,
			0);
}

static bool post_reg(struct fuzz *f, uint64_t offset, uint32_t value)
{
	return post32(f, VFU_REGION_BAR0, offset, value);
}

/*
 * A queue pair at work, in memory that we have or that it must ask us for:
 * what follows hits a card that does something.
 */
static bool start_card(struct fuzz *f)
{
	static const uint32_t bases[] = {
		FANTAIL_QP_DATA_BASE,
		FANTAIL_QP_CONTROL_BASE,
		FANTAIL_QP_STATUS_BASE,
		FANTAIL_QP_SLOT_BASE,
	};
	const uint32_t qp = FANTAIL_PAGE_BYTES;
	struct vfu_dma_unmap all = { sizeof(all), VFU_UNMAP_ALL, 0, 0 };
	struct vfu_dma_map map = { sizeof(map), 3, 0, IOVA, 1 << 16 };
	struct vfu_header header = { .command = VFU_DMA_UNMAP };
	bool ok;

	ok = raw_send(f->s, header, 0, &all, sizeof(all), NULL, 0);
	header.command = VFU_DMA_MAP;
	ok = ok && raw_send(f->s, header, 0, &map, sizeof(map), f->kinds,
			    lie_chance(f, 30));
	header.command = VFU_DEVICE_RESET;
	ok = ok && raw_send(f->s, header, 0, NULL, 0, NULL, 0);
	ok = ok && post32(f, VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND, 6);
	ok = ok && post_reg(f, FANTAIL_REG_CTRL, FANTAIL_CTRL_ENABLE_MASK);
	for (uint32_t i = 0; ok && i < 4; i++)
		ok = post_reg(f, qp + bases[i], i << 14) &&
		     post_reg(f, qp + bases[i] + 4, 1);
	ok = ok && post_reg(f, qp + FANTAIL_QP_DATA_LOG2, 8);
	ok = ok && post_reg(f, qp + FANTAIL_QP_CONTROL_LOG2, 8);
	ok = ok && post_reg(f, qp + FANTAIL_QP_STATUS_LOG2, 9);
	ok = ok && post_reg(f, qp + FANTAIL_QP_SLOT_COUNT, 8);
	ok = ok &&
	     post_reg(f, qp + FANTAIL_QP_QP_CTRL, FANTAIL_QP_CTRL_ENABLE_MASK);
	return ok && post_reg(f, qp + FANTAIL_QP_DOORBELL_DATA, 200);
}

static bool step(struct fuzz *f, uint64_t n)
{
	bool ok;

	if (n % 200 == 0)
		(void)start_card(f);
	lie_make(f);
	if (lie_chance(f, 60))
		do
			lie_mutate(f);
		while (lie_chance(f, 30));
	f->res->messages++;
	ok = raw_send(f->s, f->header, f->size, f->body, f->len, f->fds,
		      f->fd_count);
	if (ok)
		ok = drain(f, MSG_DONTWAIT);
	if (ok && n % SYNC_EVERY == SYNC_EVERY - 1)
		ok = sync_up(f);
	/* some leave in the middle */
	if (ok && lie_chance(f, 1) && lie_chance(f, 10))
		return reconnect(f);
	if (ok)
		return true;
	f->res->hang_ups++;
	return !f->res->why[0] && reconnect(f);
}

static bool open_kinds(struct fuzz *f)
{
	f->kinds[0] = memfd_create("fuzz", MFD_CLOEXEC);
	f->kinds[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->kinds[2] = memfd_create("short", MFD_CLOEXEC);
	f->kinds[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	f->kinds[4] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	f->kinds[5] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < KINDS; i++)
		if (f->kinds[i] < 0)
			return lost(f, "no descriptors");
	if (ftruncate(f->kinds[0], 1 << 16) || ftruncate(f->kinds[2], 5000))
		return lost(f, "no memory");
	return true;
}

/* Truncated and grown again, while it may be mapped. */
static void shake_file(struct fuzz *f)
{
	(void)!ftruncate(f->kinds[0], (off_t)(4096 * lie_below(f, 17)));
	if (lie_chance(f, 80))
		(void)!ftruncate(f->kinds[0], 1 << 16);
}

static bool settle(struct fuzz *f)
{
	for (int i = 0; i < 2000; i++) {
		if (vfu_child_fds(&f->server) == f->res->fds_first)
			break;
		usleep(1000);
	}
	f->res->fds_last = vfu_child_fds(&f->server);
	f->res->kib_last = vfu_child_kib(&f->server);
	if (f->res->fds_last != f->res->fds_first)
		return lost(f, "descriptors are left open");
	if (f->res->kib_last > f->res->kib_first + KIB_SLACK)
		return lost(f, "memory has grown");
	return true;
}

static bool run(struct fuzz *f, uint64_t messages, FILE *progress)
{
	bool ok = reconnect(f);

	for (uint64_t n = 0; ok && n < messages; n++) {
		ok = step(f, n);
		if (n % 97 == 96)
			shake_file(f);
		if (ok && n == messages / 10) {
			/* what is allocated once has been */
			ok = reconnect(f);
			f->res->fds_first = vfu_child_fds(&f->server);
			f->res->kib_first = vfu_child_kib(&f->server);
		}
		if (progress && n % 10000 == 9999) {
			fprintf(progress, "\rmessages %llu ",
				(unsigned long long)n + 1);
			fflush(progress);
		}
	}
	return ok && reconnect(f) && settle(f);
}

bool vfio_fuzz(uint64_t messages, uint64_t seed, FILE *progress,
	       struct vfio_result *res)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	bool ok;

	memset(res, 0, sizeof(*res));
	if (!f)
		return false;
	f->res = res;
	f->s = -1;
	f->state = seed * 0x9e3779b97f4a7c15ull + 1;
	if (vfu_child_start(&f->server, PATIENCE_MS)) {
		free(f);
		snprintf(res->why, sizeof(res->why), "no server");
		return false;
	}
	ok = open_kinds(f) && run(f, messages, progress);
	if (f->s >= 0)
		close(f->s);
	if (vfu_child_stop(&f->server))
		ok = lost(f, "the server, its card or a sanitizer complains");
	for (int i = 0; i < KINDS; i++)
		if (f->kinds[i] > 0)
			close(f->kinds[i]);
	free(f);
	return ok;
}

void vfio_print(const struct vfio_result *res, FILE *to)
{
	if (res->messages) {
		fprintf(to,
			"%llu messages, %llu connections, %llu hang-ups, "
			"%llu DMA commands\n",
			(unsigned long long)res->messages,
			(unsigned long long)res->connections,
			(unsigned long long)res->hang_ups,
			(unsigned long long)res->dma_commands);
		for (int c = 0; c < VFIO_COMMANDS; c++)
			if (res->answers[c] || res->refused[c])
				fprintf(to,
					"  command %2d: %llu answered, %llu "
					"refused\n",
					c, (unsigned long long)res->answers[c],
					(unsigned long long)res->refused[c]);
	}
	if (res->kills)
		fprintf(to, "%llu clients killed, %llu of them early\n",
			(unsigned long long)res->kills,
			(unsigned long long)res->killed_early);
	fprintf(to, "server: %d descriptors, then %d; %ld KiB, then %ld\n",
		res->fds_first, res->fds_last, res->kib_first, res->kib_last);
}
