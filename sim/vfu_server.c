/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fantail_pci.h"
#include "fantail_regs.h"

enum {
	PATIENCE_MS = 5000,
	RESET_MS = 4000, /* a client waits 5 s for its answer */
	RESET_STEP_NS = 200000,
	LOOK_MS = 1000,
	MESSAGES_AT_ONCE = 64, /* between looks at everything else */
};

void vfu_log(struct fantail_vfu *vfu, enum fantail_sim_level level,
	     const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!vfu->cfg.log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	vfu->cfg.log(vfu->cfg.log_ctx, level, line);
}

/* ------------------------------------------------------- DMA by messages */

/* From the model's thread. */
static int send_dma(struct fantail_vfu *vfu, uint16_t command, uint64_t iova,
		    const void *data, size_t len)
{
	struct vfu_header header = { .command = command };
	struct vfu_dma_access access = { iova, len };
	struct iovec parts[2] = {
		{ &access, sizeof(access) },
		{ (void *)(uintptr_t)data, data ? len : 0 },
	};
	struct vfu_dma *slot = NULL;
	int rc = -ENOBUFS;

	pthread_mutex_lock(&vfu->dma_lock);
	for (unsigned int i = 0; !slot && i < VFU_DMA_MAX; i++)
		if (!vfu->dma[i].used)
			slot = &vfu->dma[i];
	if (slot) {
		header.id = vfu->next_id++;
		*slot = (struct vfu_dma){
			.used = true,
			.id = header.id,
			.command = command,
			.access = access,
			.since_ms = vfu_clock_ms(),
		};
		rc = vfu_socket_send(&vfu->socket, &header, parts, 2);
		slot->used = !rc;
		vfu->stats.dma_messages += !rc;
	}
	pthread_mutex_unlock(&vfu->dma_lock);
	return rc;
}

static int remote_read(void *ctx, uint64_t iova, size_t len)
{
	return send_dma(ctx, VFU_DMA_READ, iova, NULL, len);
}

static int remote_write(void *ctx, uint64_t iova, const void *data, size_t len)
{
	return send_dma(ctx, VFU_DMA_WRITE, iova, data, len);
}

static const struct fantail_sim_remote remote = {
	.read = remote_read,
	.write = remote_write,
};

/* Does the answer fit what was asked? Its data then is behind the access. */
static bool dma_fits(const struct vfu_dma *asked, const struct vfu_message *m)
{
	size_t len = sizeof(asked->access);

	if (m->header.command != asked->command)
		return false;
	if (m->header.flags & VFU_ERROR)
		return true;
	if (asked->command == VFU_DMA_READ)
		len += asked->access.count;
	return m->body_len == len &&
	       !memcmp(m->body, &asked->access, sizeof(asked->access));
}

int vfu_dma_answer(struct fantail_vfu *vfu, const struct vfu_message *m)
{
	bool ok = !(m->header.flags & VFU_ERROR);
	struct vfu_dma asked = { 0 };

	pthread_mutex_lock(&vfu->dma_lock);
	for (unsigned int i = 0; i < VFU_DMA_MAX; i++) {
		struct vfu_dma *slot = &vfu->dma[i];

		if (!slot->used || slot->id != m->header.id ||
		    !dma_fits(slot, m))
			continue;
		asked = *slot;
		slot->used = false;
		break;
	}
	pthread_mutex_unlock(&vfu->dma_lock);
	if (!asked.used || m->fd_count)
		return -EPROTO;
	if (asked.dropped)
		return 0;
	if (asked.command == VFU_DMA_WRITE)
		fantail_sim_remote_write_done(vfu->cfg.sim,
					      asked.access.address, ok);
	else
		fantail_sim_remote_read_done(vfu->cfg.sim,
					     ok ? m->body + sizeof(asked.access)
						: NULL,
					     asked.access.count);
	return 0;
}

/* Answers that still come belong to nothing any more. */
static void drop_dma(struct fantail_vfu *vfu)
{
	fantail_sim_set_remote(vfu->cfg.sim, NULL, NULL);
	pthread_mutex_lock(&vfu->dma_lock);
	for (unsigned int i = 0; i < VFU_DMA_MAX; i++)
		vfu->dma[i].dropped = true;
	pthread_mutex_unlock(&vfu->dma_lock);
}

static uint64_t dma_stalled_ms(struct fantail_vfu *vfu, uint64_t now_ms)
{
	uint64_t since = UINT64_MAX;

	pthread_mutex_lock(&vfu->dma_lock);
	for (unsigned int i = 0; i < VFU_DMA_MAX; i++)
		if (vfu->dma[i].used && vfu->dma[i].since_ms < since)
			since = vfu->dma[i].since_ms;
	pthread_mutex_unlock(&vfu->dma_lock);
	return since < now_ms ? now_ms - since : 0;
}

/* ---------------------------------------------------------------- device */

void vfu_power(struct fantail_vfu *vfu)
{
	fantail_sim_set_bus_master(vfu->cfg.sim, pci_master_on(&vfu->fn));
}

/* RESET drains what the engine has under way and clears everything. */
static int reset_engine(struct fantail_vfu *vfu)
{
	const struct timespec step = { .tv_nsec = RESET_STEP_NS };
	uint64_t end = vfu_clock_ms() + RESET_MS;
	uint64_t status;
	int rc;

	rc = fantail_sim_bar_write(vfu->cfg.sim, 0, FANTAIL_REG_RESET, 4,
				   FANTAIL_RESET_START_MASK);
	while (!rc) {
		rc = fantail_sim_bar_read(vfu->cfg.sim, 0, FANTAIL_REG_STATUS,
					  4, &status);
		if (rc || status & FANTAIL_STATUS_READY_MASK)
			break;
		if (vfu_clock_ms() > end)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
	}
	return rc;
}

int vfu_reset(struct fantail_vfu *vfu)
{
	int rc;

	/* nothing of the past may wait for the client, who waits for us */
	drop_dma(vfu);
	rc = reset_engine(vfu);
	if (rc)
		vfu_log(vfu, FANTAIL_SIM_ERROR, "reset of the engine: %s",
			strerror(-rc));
	pci_function_reset(&vfu->fn);
	vfu_power(vfu);
	fantail_sim_set_remote(vfu->cfg.sim, &remote, vfu);
	return rc;
}

void vfu_set_irq(struct fantail_vfu *vfu, unsigned int vector, int fd)
{
	fantail_sim_set_irq_eventfd(vfu->cfg.sim, vector, fd);
	if (vfu->irq_fd[vector] >= 0)
		close(vfu->irq_fd[vector]);
	vfu->irq_fd[vector] = fd;
}

/* ---------------------------------------------------------------- client */

static void disconnect(struct fantail_vfu *vfu)
{
	int rc;

	vfu_socket_disconnect(&vfu->socket);
	for (unsigned int v = 0; v < vfu->vectors; v++)
		vfu_set_irq(vfu, v, -1);
	/* first the engine, then its memory: nothing faults */
	rc = vfu_reset(vfu);
	if (rc)
		vfu_log(vfu, FANTAIL_SIM_WARN,
			"the card could not be reset behind its client");
	vfu_memory_clear(&vfu->memory);
	pthread_mutex_lock(&vfu->dma_lock);
	memset(vfu->dma, 0, sizeof(vfu->dma));
	pthread_mutex_unlock(&vfu->dma_lock);
	vfu->negotiated = false;
	vfu_log(vfu, FANTAIL_SIM_INFO, "client gone");
}

static void hang_up(struct fantail_vfu *vfu, int why)
{
	if (why != -ENOTCONN && why != -ECONNRESET) {
		vfu->stats.broken++;
		vfu_log(vfu, FANTAIL_SIM_WARN, "client disconnected: %s",
			why == -ETIMEDOUT ? "it does not read or answer"
					  : strerror(-why));
	}
	disconnect(vfu);
}

/* 0, or -errno: hang up. */
static int take_messages(struct fantail_vfu *vfu)
{
	struct vfu_message m;
	int rc = 0;

	for (int i = 0; !rc && i < MESSAGES_AT_ONCE; i++) {
		if (vfu_socket_waiting(&vfu->socket) > VFU_OUT_FULL)
			break;
		rc = vfu_socket_receive(&vfu->socket, &m);
		if (rc <= 0)
			return rc;
		vfu->stats.messages++;
		rc = vfu_message(vfu, &m);
		vfu_message_done(&m);
	}
	return rc;
}

static int look_for_stall(struct fantail_vfu *vfu)
{
	uint64_t now_ms = vfu_clock_ms();

	if (vfu_socket_stalled_ms(&vfu->socket, now_ms) <
		    vfu->cfg.patience_ms &&
	    dma_stalled_ms(vfu, now_ms) < vfu->cfg.patience_ms)
		return 0;
	return -ETIMEDOUT;
}

static void serve_client(struct fantail_vfu *vfu, short events)
{
	int rc;

	rc = vfu_socket_flush(&vfu->socket);
	if (!rc && events & (POLLIN | POLLHUP | POLLERR))
		rc = take_messages(vfu);
	if (!rc)
		rc = look_for_stall(vfu);
	if (rc)
		hang_up(vfu, rc);
}

static void welcome(struct fantail_vfu *vfu)
{
	int rc = vfu_socket_accept(&vfu->socket);

	if (rc) {
		if (rc != -EAGAIN)
			vfu_log(vfu, FANTAIL_SIM_WARN,
				"a client could not be accepted: %s",
				strerror(-rc));
		return;
	}
	vfu->stats.clients++;
	vfu_log(vfu, FANTAIL_SIM_INFO, "client connected");
}

int fantail_vfu_serve(struct fantail_vfu *vfu, int wake_fd)
{
	struct vfu_socket *s = &vfu->socket;

	for (;;) {
		size_t waiting = vfu_socket_waiting(s);
		int look_ms = s->fd < 0 ? -1 : LOOK_MS;
		struct pollfd fds[3] = {
			{ .fd = wake_fd, .events = POLLIN },
			{ .fd = s->kick_fd, .events = POLLIN },
			{ .fd = s->fd >= 0 ? s->fd : s->listen_fd,
			  .events = POLLIN },
		};

		if (waiting > VFU_OUT_FULL)
			fds[2].events = 0;
		if (waiting)
			fds[2].events |= POLLOUT;
		/* a client that stalls makes no event: look now and then */
		if (look_ms > (int)vfu->cfg.patience_ms / 4)
			look_ms = (int)vfu->cfg.patience_ms / 4 + 1;
		if (poll(fds, 3, look_ms) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents)
			return 0;
		if (s->fd >= 0)
			serve_client(vfu, fds[2].revents);
		else if (fds[2].revents)
			welcome(vfu);
	}
}

/* ------------------------------------------------------------ life cycle */

static void init_function(struct fantail_vfu *vfu)
{
	const struct fantail_sim_pcie *p = &vfu->cfg.pcie;

	pci_function_init(&vfu->fn, vfu->vectors, p->gen ? p->gen : 3,
			  p->lanes ? p->lanes : 16, p->mps ? p->mps : 256);
}

int fantail_vfu_open(const struct fantail_vfu_config *cfg,
		     struct fantail_vfu **out)
{
	struct fantail_vfu *vfu;
	int rc;

	if (!cfg->path || !cfg->sim)
		return -EINVAL;
	vfu = calloc(1, sizeof(*vfu));
	if (!vfu)
		return -ENOMEM;
	vfu->cfg = *cfg;
	vfu->cfg.path = NULL; /* the socket has its own copy */
	if (!vfu->cfg.patience_ms)
		vfu->cfg.patience_ms = PATIENCE_MS;
	vfu->memory.sim = cfg->sim;
	vfu->vectors = fantail_sim_vectors(cfg->sim);
	for (unsigned int v = 0; v < PCI_VECTORS_MAX; v++)
		vfu->irq_fd[v] = -1;
	pthread_mutex_init(&vfu->dma_lock, NULL);
	init_function(vfu);
	rc = vfu_socket_open(&vfu->socket, cfg->path);
	if (rc)
		goto err_free;
	rc = vfu_reset(vfu);
	if (rc)
		goto err_close;
	*out = vfu;
	return 0;

err_close:
	fantail_sim_set_remote(cfg->sim, NULL, NULL);
	vfu_socket_close(&vfu->socket);
err_free:
	pthread_mutex_destroy(&vfu->dma_lock);
	free(vfu);
	return rc;
}

void fantail_vfu_close(struct fantail_vfu *vfu)
{
	if (!vfu)
		return;
	if (vfu->socket.fd >= 0)
		disconnect(vfu);
	fantail_sim_set_remote(vfu->cfg.sim, NULL, NULL);
	vfu_memory_free(&vfu->memory);
	vfu_socket_close(&vfu->socket);
	pthread_mutex_destroy(&vfu->dma_lock);
	free(vfu);
}

void fantail_vfu_get_stats(const struct fantail_vfu *vfu,
			   struct fantail_vfu_stats *stats)
{
	*stats = vfu->stats;
	stats->mappings = vfu->memory.count;
}
