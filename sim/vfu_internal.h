/* SPDX-License-Identifier: Apache-2.0 */
/* What vfu_server.c and vfu_message.c share. */
#ifndef FANTAIL_VFU_INTERNAL_H
#define FANTAIL_VFU_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostmem.h"
#include "pci_function.h"
#include "vfu_memory.h"
#include "vfu_server.h"
#include "vfu_socket.h"

/* One read and all the writes that may be under way. */
#define VFU_DMA_MAX (HOSTMEM_OWED_MAX + 1)

/* A DMA message of ours that the client has not answered. */
struct vfu_dma {
	bool used;
	bool dropped; /* nobody waits for it any more */
	uint16_t id;
	uint16_t command;
	struct vfu_dma_access access;
	uint64_t since_ms;
};

struct fantail_vfu {
	struct fantail_vfu_config cfg;
	struct vfu_socket socket;
	struct pci_function fn;
	struct vfu_memory memory;
	unsigned int vectors;
	int irq_fd[PCI_VECTORS_MAX];
	bool negotiated; /* the client has sent VERSION */

	/* From the model's thread, too. */
	pthread_mutex_t dma_lock;
	struct vfu_dma dma[VFU_DMA_MAX];
	uint16_t next_id;

	struct fantail_vfu_stats stats;
};

void vfu_log(struct fantail_vfu *vfu, enum fantail_sim_level level,
	     const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* vfu_server.c: device model */

/* Reset engine and PCI function. 0 or -errno. */
int vfu_reset(struct fantail_vfu *vfu);

/* Bus mastering or power state may have changed. */
void vfu_power(struct fantail_vfu *vfu);

/* Give a vector its descriptor, -1: none; the old one is closed. */
void vfu_set_irq(struct fantail_vfu *vfu, unsigned int vector, int fd);

/* The client's answer to a DMA message. 0, or -EPROTO: there was none. */
int vfu_dma_answer(struct fantail_vfu *vfu, const struct vfu_message *m);

/*
 * vfu_message.c: do what a message asks for, and answer it. Descriptors that
 * are kept are taken out of it.
 *
 * Return: 0, or -errno: the connection makes no sense any more.
 */
int vfu_message(struct fantail_vfu *vfu, struct vfu_message *m);

#endif /* FANTAIL_VFU_INTERNAL_H */
