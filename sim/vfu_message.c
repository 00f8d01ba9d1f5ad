/* SPDX-License-Identifier: Apache-2.0 */
/* What each message of the client asks for, checked, done and answered. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fantail_pci.h"
#include "vfu_internal.h"

/* What an answer says; the header is added when it is sent. */
struct answer {
	uint8_t body[sizeof(struct vfu_region_access) + VFU_BODY_MAX];
	size_t len;
};

static void answer_with(struct answer *a, const void *data, size_t len)
{
	memcpy(a->body + a->len, data, len);
	a->len += len;
}

/* --------------------------------------------------------------- version */

/*
 * Of the client's capabilities none changes what we do: our messages are
 * smaller than any limit, and carry no descriptor. But it must be JSON.
 */
static int check_capabilities(const char *text, size_t len)
{
	json_t *root, *caps;
	int rc = 0;

	if (!len)
		return 0;
	if (text[len - 1])
		return -EINVAL;
	root = json_loads(text, 0, NULL);
	if (!root)
		return -EINVAL;
	caps = json_object_get(root, "capabilities");
	if (!json_is_object(root) || (caps && !json_is_object(caps)))
		rc = -EINVAL;
	json_decref(root);
	return rc;
}

static int on_version(struct fantail_vfu *vfu, struct vfu_message *m,
		      struct answer *a)
{
	struct vfu_version version;
	char text[96];
	int len;

	if (vfu->negotiated)
		return -EINVAL;
	memcpy(&version, m->body, sizeof(version));
	if (version.major != VFU_MAJOR ||
	    check_capabilities((const char *)m->body + sizeof(version),
			       m->body_len - sizeof(version)))
		return -EINVAL;
	if (version.minor > VFU_MINOR)
		version.minor = VFU_MINOR;
	answer_with(a, &version, sizeof(version));
	len = snprintf(text, sizeof(text),
		       "{\"capabilities\":{\"max_msg_fds\":%u,"
		       "\"max_data_xfer_size\":%u}}",
		       VFU_FDS_MAX, VFU_BODY_MAX / 4096 * 4096);
	/* some clients have no room for more than they have sent */
	if (m->body_len >= sizeof(version) + (size_t)len + 1)
		answer_with(a, text, (size_t)len + 1);
	vfu->negotiated = true;
	return 0;
}

/* ---------------------------------------------------------------- memory */

static int on_dma_map(struct fantail_vfu *vfu, struct vfu_message *m,
		      struct answer *a)
{
	struct vfu_dma_map request;

	(void)a;
	memcpy(&request, m->body, sizeof(request));
	return vfu_memory_map(&vfu->memory, &request,
			      m->fd_count ? m->fds[0] : -1);
}

static int on_dma_unmap(struct fantail_vfu *vfu, struct vfu_message *m,
			struct answer *a)
{
	struct vfu_dma_unmap request;
	int rc = 0;

	memcpy(&request, m->body, sizeof(request));
	if (request.flags == VFU_UNMAP_ALL && !request.iova && !request.size)
		vfu_memory_clear(&vfu->memory);
	else if (request.flags)
		rc = -EINVAL;
	else
		rc = vfu_memory_unmap(&vfu->memory, request.iova, request.size);
	answer_with(a, &request, sizeof(request));
	return rc;
}

/* ----------------------------------------------------------- description */

static int on_device_info(struct fantail_vfu *vfu, struct vfu_message *m,
			  struct answer *a)
{
	struct vfu_device_info info;

	(void)vfu;
	memcpy(&info, m->body, sizeof(info));
	info = (struct vfu_device_info){
		.argsz = sizeof(info),
		.flags = VFU_DEVICE_RESETS | VFU_DEVICE_PCI,
		.regions = VFU_REGIONS,
		.irqs = VFU_IRQS,
	};
	answer_with(a, &info, sizeof(info));
	return 0;
}

static uint64_t region_bytes(uint32_t index)
{
	switch (index) {
	case VFU_REGION_BAR0:
		return FANTAIL_PCI_BAR0_BYTES;
	case VFU_REGION_BAR2:
		return FANTAIL_PCI_BAR2_BYTES;
	case VFU_REGION_CONFIG:
		return PCI_CONFIG_BYTES;
	default:
		return 0;
	}
}

static int on_region_info(struct fantail_vfu *vfu, struct vfu_message *m,
			  struct answer *a)
{
	struct vfu_region_info info;

	(void)vfu;
	memcpy(&info, m->body, sizeof(info));
	if (info.index >= VFU_REGIONS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.size = region_bytes(info.index);
	info.flags = info.size ? VFU_REGION_READABLE | VFU_REGION_WRITABLE : 0;
	info.cap_offset = 0;
	info.offset = 0;
	answer_with(a, &info, sizeof(info));
	return 0;
}

static int on_irq_info(struct fantail_vfu *vfu, struct vfu_message *m,
		       struct answer *a)
{
	struct vfu_irq_info info;

	memcpy(&info, m->body, sizeof(info));
	if (info.index >= VFU_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = info.index == VFU_IRQ_MSIX ? vfu->vectors : 0;
	info.flags = info.count ? VFU_IRQ_EVENTFD | VFU_IRQ_NORESIZE : 0;
	answer_with(a, &info, sizeof(info));
	return 0;
}

/* ------------------------------------------------------------ interrupts */

/* Anything else could block whoever writes to it. */
static bool is_eventfd(int fd)
{
	char link[64], name[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n < 0)
		return false;
	name[n] = 0;
	return !strcmp(name, "anon_inode:[eventfd]");
}

static int set_eventfds(struct fantail_vfu *vfu, const struct vfu_irq_set *set,
			struct vfu_message *m)
{
	/* none at all takes the descriptors of these vectors away */
	if (m->fd_count && m->fd_count != set->count)
		return -EINVAL;
	for (unsigned int i = 0; i < m->fd_count; i++)
		if (!is_eventfd(m->fds[i]))
			return -EINVAL;
	for (unsigned int i = 0; i < set->count; i++) {
		vfu_set_irq(vfu, set->start + i, m->fd_count ? m->fds[i] : -1);
		if (m->fd_count)
			m->fds[i] = -1;
	}
	return 0;
}

/* As if the card had; for a client that tries its handlers. */
static void trigger(struct fantail_vfu *vfu, unsigned int vector)
{
	uint64_t one = 1;
	struct pollfd pfd = { .fd = vfu->irq_fd[vector], .events = POLLOUT };

	if (pfd.fd >= 0 && poll(&pfd, 1, 0) == 1)
		while (write(pfd.fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

static int on_set_irqs(struct fantail_vfu *vfu, struct vfu_message *m,
		       struct answer *a)
{
	const uint8_t *bools = m->body + sizeof(struct vfu_irq_set);
	size_t room = m->body_len - sizeof(struct vfu_irq_set);
	uint32_t data, count, action;
	struct vfu_irq_set set;

	(void)a;
	memcpy(&set, m->body, sizeof(set));
	data = set.flags & VFU_IRQ_DATA_MASK;
	action = set.flags & ~VFU_IRQ_DATA_MASK;
	count = set.index == VFU_IRQ_MSIX ? vfu->vectors : 0;
	if (set.index >= VFU_IRQS || action != VFU_IRQ_TRIGGER ||
	    set.start > count || set.count > count - set.start)
		return -EINVAL;
	if (room != (data == VFU_IRQ_DATA_BOOL ? set.count : 0) ||
	    (m->fd_count && data != VFU_IRQ_DATA_EVENTFD))
		return -EINVAL;
	switch (data) {
	case VFU_IRQ_DATA_EVENTFD:
		return set_eventfds(vfu, &set, m);
	case VFU_IRQ_DATA_NONE:
		/* nothing of nothing: off */
		for (unsigned int v = 0; !set.count && v < count; v++)
			vfu_set_irq(vfu, v, -1);
		for (unsigned int i = 0; i < set.count; i++)
			trigger(vfu, set.start + i);
		return 0;
	case VFU_IRQ_DATA_BOOL:
		for (unsigned int i = 0; i < set.count; i++)
			if (bools[i])
				trigger(vfu, set.start + i);
		return 0;
	default:
		return -EINVAL;
	}
}

/* --------------------------------------------------------------- regions */

static int check_access(const struct fantail_vfu *vfu,
			const struct vfu_region_access *access)
{
	uint64_t bytes = region_bytes(access->region);

	if (!access->count || access->count > bytes ||
	    access->offset > bytes - access->count)
		return -EINVAL;
	if (access->region != VFU_REGION_CONFIG && !pci_memory_on(&vfu->fn))
		return -EIO;
	return 0;
}

static int on_region_read(struct fantail_vfu *vfu, struct vfu_message *m,
			  struct answer *a)
{
	struct vfu_region_access access;
	uint8_t *to = a->body + sizeof(access);
	uint64_t value;
	int rc;

	memcpy(&access, m->body, sizeof(access));
	rc = check_access(vfu, &access);
	if (rc)
		return rc;
	answer_with(a, &access, sizeof(access));
	vfu->stats.region_reads++;
	switch (access.region) {
	case VFU_REGION_CONFIG:
		pci_config_read(&vfu->fn, access.offset, to, access.count);
		break;
	case VFU_REGION_BAR2:
		pci_bar2_read(&vfu->fn, access.offset, to, access.count);
		break;
	default:
		rc = fantail_sim_bar_read(vfu->cfg.sim, 0, access.offset,
					  access.count, &value);
		memcpy(to, &value, rc ? 0 : access.count);
	}
	a->len += access.count;
	return rc;
}

static int write_config(struct fantail_vfu *vfu, size_t offset,
			const uint8_t *data, size_t count)
{
	unsigned int asks = pci_config_write(&vfu->fn, offset, data, count);

	if (asks & PCI_ASKS_RESET) {
		vfu->stats.resets++;
		return vfu_reset(vfu);
	}
	if (asks & PCI_ASKS_POWER)
		vfu_power(vfu);
	return 0;
}

static int on_region_write(struct fantail_vfu *vfu, struct vfu_message *m,
			   struct answer *a)
{
	struct vfu_region_access access;
	const uint8_t *data = m->body + sizeof(access);
	uint64_t value = 0;
	int rc;

	memcpy(&access, m->body, sizeof(access));
	rc = check_access(vfu, &access);
	if (rc)
		return rc;
	if (m->body_len - sizeof(access) != access.count)
		return -EINVAL;
	answer_with(a, &access, sizeof(access));
	vfu->stats.region_writes++;
	vfu->stats.posted_writes += !!(m->header.flags & VFU_NO_REPLY);
	switch (access.region) {
	case VFU_REGION_CONFIG:
		return write_config(vfu, access.offset, data, access.count);
	case VFU_REGION_BAR2:
		pci_bar2_write(&vfu->fn, access.offset, data, access.count);
		return 0;
	default:
		if (access.count > sizeof(value))
			return -EINVAL;
		memcpy(&value, data, access.count);
		return fantail_sim_bar_write(vfu->cfg.sim, 0, access.offset,
					     access.count, value);
	}
}

static int on_reset(struct fantail_vfu *vfu, struct vfu_message *m,
		    struct answer *a)
{
	(void)m;
	(void)a;
	vfu->stats.resets++;
	return vfu_reset(vfu);
}

/* -------------------------------------------------------------- dispatch */

/* Bytes behind the header and descriptors that a message may have. */
static const struct {
	int (*handle)(struct fantail_vfu *vfu, struct vfu_message *m,
		      struct answer *a);
	size_t least;
	size_t most;
	unsigned int fds;
} commands[] = {
	[VFU_VERSION] = { on_version, sizeof(struct vfu_version), 4096, 0 },
	[VFU_DMA_MAP] = { on_dma_map, sizeof(struct vfu_dma_map),
			  sizeof(struct vfu_dma_map), 1 },
	[VFU_DMA_UNMAP] = { on_dma_unmap, sizeof(struct vfu_dma_unmap),
			    sizeof(struct vfu_dma_unmap), 0 },
	[VFU_DEVICE_GET_INFO] = { on_device_info,
				  sizeof(struct vfu_device_info),
				  sizeof(struct vfu_device_info), 0 },
	/* clients ask with room for capabilities, too; there are none */
	[VFU_GET_REGION_INFO] = { on_region_info,
				  sizeof(struct vfu_region_info), VFU_BODY_MAX,
				  0 },
	[VFU_GET_IRQ_INFO] = { on_irq_info, sizeof(struct vfu_irq_info),
			       sizeof(struct vfu_irq_info), 0 },
	[VFU_SET_IRQS] = { on_set_irqs, sizeof(struct vfu_irq_set),
			   sizeof(struct vfu_irq_set) + PCI_VECTORS_MAX,
			   VFU_FDS_MAX },
	[VFU_REGION_READ] = { on_region_read, sizeof(struct vfu_region_access),
			      sizeof(struct vfu_region_access), 0 },
	[VFU_REGION_WRITE] = { on_region_write,
			       sizeof(struct vfu_region_access), VFU_BODY_MAX,
			       0 },
	[VFU_DEVICE_RESET] = { on_reset, 0, 0, 0 },
};

static int handle(struct fantail_vfu *vfu, struct vfu_message *m,
		  struct answer *a)
{
	unsigned int c = m->header.command;

	if (c >= sizeof(commands) / sizeof(*commands) || !commands[c].handle)
		return -ENOTSUP;
	if (m->body_len < commands[c].least || m->body_len > commands[c].most ||
	    m->fd_count > commands[c].fds)
		return -EINVAL;
	return commands[c].handle(vfu, m, a);
}

int vfu_message(struct fantail_vfu *vfu, struct vfu_message *m)
{
	uint32_t type = m->header.flags & VFU_TYPE_MASK;
	struct vfu_header header = {
		.id = m->header.id,
		.command = m->header.command,
		.flags = VFU_REPLY,
	};
	struct answer a;
	struct iovec part = { a.body, 0 };
	int rc, sent = 0;

	if (type == VFU_REPLY)
		return vfu_dma_answer(vfu, m);
	if (type != VFU_COMMAND)
		return -EPROTO;
	a.len = 0;
	if (!vfu->negotiated && m->header.command != VFU_VERSION)
		rc = -EINVAL;
	else
		rc = handle(vfu, m, &a);
	if (rc) {
		vfu->stats.refused++;
		header.flags |= VFU_ERROR;
		header.error = (uint32_t)-rc;
		vfu_log(vfu, FANTAIL_SIM_DEBUG, "command %u refused: %s",
			header.command, strerror(-rc));
	} else {
		part.iov_len = a.len;
	}
	if (!(m->header.flags & VFU_NO_REPLY))
		sent = vfu_socket_send(&vfu->socket, &header, &part, 1);
	/* without a version there is nothing to talk about */
	if (rc && !vfu->negotiated)
		return -EPROTO;
	return sent;
}
