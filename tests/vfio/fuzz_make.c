/* SPDX-License-Identifier: Apache-2.0 */
/* The messages: templates, values that have been trouble before, mutation. */
#include "fuzz_vfio.h"

#include <string.h>

#include "fantail_regs.h"

uint64_t lie_draw(struct fuzz *f)
{
	/* xorshift64* */
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * 0x2545f4914f6cdd1dull;
}

uint64_t lie_below(struct fuzz *f, uint64_t n)
{
	return (lie_draw(f) >> 11) % n;
}

bool lie_chance(struct fuzz *f, unsigned int percent)
{
	return lie_below(f, 100) < percent;
}

static uint64_t value64(struct fuzz *f)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		4,
		8,
		16,
		64,
		0xfff,
		0x1000,
		0x1001,
		0x2000,
		0x10000,
		IOVA,
		1ull << 31,
		1ull << 32,
		1ull << 63,
		~0ull,
		~0xfffull,
		0x7fffffffffffffffull,
		0xffffffffull,
	};
	uint64_t v = values[lie_below(f, sizeof(values) / sizeof(*values))];

	switch (lie_below(f, 8)) {
	case 0:
		return lie_draw(f);
	case 1:
		return v + lie_below(f, 5) - 2;
	case 2:
		return v - values[lie_below(f, 13)];
	default:
		return v;
	}
}

/* A page among a few, so that mappings meet. */
static uint64_t page(struct fuzz *f)
{
	return IOVA + lie_below(f, 64) * 4096;
}

static int any_fd(struct fuzz *f)
{
	return f->kinds[lie_below(f, KINDS)];
}

static void set_body(struct fuzz *f, const void *data, size_t len)
{
	memcpy(f->body, data, len);
	f->len = len;
}

/* ------------------------------------------------------------- templates */

static void make_map(struct fuzz *f)
{
	struct vfu_dma_map m = {
		.argsz = sizeof(m),
		.flags = (uint32_t)(1 + lie_below(f, 3)),
		.offset = 4096 * lie_below(f, 4),
		.iova = page(f),
		.size = 4096 * (1 + lie_below(f, 4)),
	};

	if (lie_chance(f, 20))
		m.iova = value64(f);
	if (lie_chance(f, 20))
		m.size = value64(f);
	if (lie_chance(f, 10))
		m.offset = value64(f);
	set_body(f, &m, sizeof(m));
	if (lie_chance(f, 80)) {
		f->fds[0] = lie_chance(f, 90) ? f->kinds[0] : any_fd(f);
		f->fd_count = 1;
	}
}

static void make_unmap(struct fuzz *f)
{
	struct vfu_dma_unmap u = {
		.argsz = sizeof(u),
		.iova = page(f),
		.size = 4096 * (1 + lie_below(f, 16)),
	};

	if (lie_chance(f, 20))
		u.iova = value64(f);
	if (lie_chance(f, 20))
		u.size = value64(f);
	if (lie_chance(f, 5))
		u = (struct vfu_dma_unmap){ sizeof(u), VFU_UNMAP_ALL, 0, 0 };
	set_body(f, &u, sizeof(u));
}

static void make_irqs(struct fuzz *f)
{
	struct vfu_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFU_IRQ_TRIGGER | 1u << lie_below(f, 3),
		.index = lie_chance(f, 90) ? VFU_IRQ_MSIX
					   : (uint32_t)value64(f),
		.start = (uint32_t)lie_below(f, 3),
		.count = (uint32_t)lie_below(f, 3),
	};

	if (lie_chance(f, 10))
		set.start = (uint32_t)value64(f);
	if (lie_chance(f, 10))
		set.count = (uint32_t)value64(f);
	set_body(f, &set, sizeof(set));
	if (set.flags & VFU_IRQ_DATA_EVENTFD && lie_chance(f, 80))
		for (f->fd_count = 0;
		     f->fd_count < set.count && f->fd_count < FDS;)
			f->fds[f->fd_count++] = lie_chance(f, 90) ? f->kinds[1]
								  : any_fd(f);
	if (set.flags & VFU_IRQ_DATA_BOOL && set.count < 64)
		f->len += set.count;
}

/* Of the card's registers those that make it work, too. */
static uint64_t bar_offset(struct fuzz *f)
{
	static const uint16_t offsets[] = {
		FANTAIL_REG_CTRL,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_CTRL,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_DATA,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DOORBELL_CONTROL,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DATA_BASE,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DATA_BASE_HI,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_CONTROL_BASE_HI,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_STATUS_BASE_HI,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_SLOT_BASE_HI,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_DATA_LOG2,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_CONTROL_LOG2,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_STATUS_LOG2,
		FANTAIL_PAGE_BYTES + FANTAIL_QP_SLOT_COUNT,
	};

	if (lie_chance(f, 50))
		return offsets[lie_below(f,
					 sizeof(offsets) / sizeof(*offsets))];
	return 4 * lie_below(f, 0x4000);
}

static void make_access(struct fuzz *f, bool write)
{
	static const uint32_t regions[] = { VFU_REGION_BAR0, VFU_REGION_BAR0,
					    VFU_REGION_BAR2,
					    VFU_REGION_CONFIG };
	struct vfu_region_access a = {
		.region = regions[lie_below(f, 4)],
		.count = 1u << lie_below(f, 4),
	};

	if (a.region == VFU_REGION_BAR0)
		a.offset = bar_offset(f);
	else
		a.offset = lie_below(f, a.region == VFU_REGION_CONFIG ? 0x90
								      : 0x2000);
	if (lie_chance(f, 5))
		a.region = (uint32_t)value64(f);
	if (lie_chance(f, 10))
		a.offset = value64(f);
	if (lie_chance(f, 10))
		a.count = (uint32_t)value64(f);
	set_body(f, &a, sizeof(a));
	if (!write)
		return;
	for (uint32_t i = 0; i < a.count && f->len < BODY; i++)
		f->body[f->len++] = (uint8_t)(lie_chance(f, 40)
						      ? lie_below(f, 16)
					      : i ? 0
						  : lie_draw(f));
	if (lie_chance(f, 40))
		f->header.flags |= VFU_NO_REPLY;
}

static void make_info(struct fuzz *f)
{
	uint32_t words[8] = { 32, 0, (uint32_t)lie_below(f, 12) };

	if (lie_chance(f, 10))
		words[lie_below(f, 3)] = (uint32_t)value64(f);
	set_body(f, words, f->header.command == VFU_GET_REGION_INFO ? 32 : 16);
}

static void make_version(struct fuzz *f)
{
	static const char *const texts[] = {
		"{}", "{\"capabilities\":{}}",
		"[",  "{\"capabilities\":1}",
		"",   "{\"capabilities\":{\"max_msg_fds\":-1}}"
	};
	const char *text = texts[lie_below(f, 6)];

	memset(f->body, 0, 4);
	f->len = 4;
	memcpy(f->body + 4, text, strlen(text) + 1);
	f->len += strlen(text) + lie_chance(f, 90);
}

static void make_reply(struct fuzz *f)
{
	f->header.flags = VFU_REPLY | (lie_chance(f, 30) ? VFU_ERROR : 0);
	f->header.id = (uint16_t)lie_below(f, 8);
	f->header.command = lie_chance(f, 50) ? VFU_DMA_READ : VFU_DMA_WRITE;
	f->len = 16 + 64 * lie_below(f, 9);
}

void lie_make(struct fuzz *f)
{
	static const uint8_t often[] = {
		VFU_DMA_MAP,	     VFU_DMA_MAP,	  VFU_DMA_UNMAP,
		VFU_SET_IRQS,	     VFU_SET_IRQS,	  VFU_REGION_READ,
		VFU_REGION_READ,     VFU_REGION_WRITE,	  VFU_REGION_WRITE,
		VFU_REGION_WRITE,    VFU_REGION_WRITE,	  VFU_GET_IRQ_INFO,
		VFU_GET_REGION_INFO, VFU_DEVICE_GET_INFO,
	};

	memset(&f->header, 0, sizeof(f->header));
	memset(f->body, 0, 1024);
	f->header.id = (uint16_t)lie_below(f, 1000);
	f->header.command = often[lie_below(f, sizeof(often))];
	f->size = 0;
	f->len = 0;
	f->fd_count = 0;
	if (lie_chance(f, 1))
		f->header.command = (uint16_t)lie_below(f, VFIO_COMMANDS + 2);
	if (lie_chance(f, 1))
		f->header.command = VFU_DEVICE_RESET;
	switch (f->header.command) {
	case VFU_VERSION:
		make_version(f);
		break;
	case VFU_DMA_MAP:
		make_map(f);
		break;
	case VFU_DMA_UNMAP:
		make_unmap(f);
		break;
	case VFU_SET_IRQS:
		make_irqs(f);
		break;
	case VFU_REGION_READ:
	case VFU_REGION_WRITE:
		make_access(f, f->header.command == VFU_REGION_WRITE);
		break;
	case VFU_DEVICE_RESET:
		break;
	default:
		make_info(f);
	}
	if (lie_chance(f, 1) && lie_chance(f, 20))
		make_reply(f);
}

/* --------------------------------------------------------------- mutation */

void lie_mutate(struct fuzz *f)
{
	switch (lie_below(f, 16)) {
	case 0: /* a byte of the header, seldom of its size */
		if (lie_chance(f, 10))
			((uint8_t *)&f->header)[lie_below(f, 16)] =
				(uint8_t)lie_draw(f);
		break;
	case 1: /* a size that is not true ends in a hang-up, mostly */
		if (lie_chance(f, 10))
			f->size = (uint32_t)value64(f);
		break;
	case 2:
	case 3:
		f->len = f->len ? lie_below(f, f->len) : 0;
		break;
	case 4:
		f->len += lie_below(f, BODY - f->len < 64 ? BODY - f->len + 1
							  : 64);
		break;
	case 5:
		if (lie_chance(f, 5))
			f->len = lie_below(f, BODY);
		break;
	case 6:
		if (f->fd_count < FDS - 2)
			f->fds[f->fd_count++] = any_fd(f);
		break;
	case 7:
		if (lie_chance(f, 5))
			while (f->fd_count < FDS)
				f->fds[f->fd_count++] = any_fd(f);
		break;
	case 8:
		f->fd_count = 0;
		break;
	case 9:
	case 10:
		if (f->len >= 8) {
			uint64_t v = value64(f);

			memcpy(f->body + 4 * lie_below(f, f->len / 4 - 1), &v,
			       8);
		}
		break;
	default:
		if (f->len)
			f->body[lie_below(f, f->len)] ^=
				(uint8_t)(1u << lie_below(f, 8));
	}
}
