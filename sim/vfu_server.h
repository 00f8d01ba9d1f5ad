/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated card as a PCI device in a process of its own: a vfio-user
 * server. One client at a time; when it goes, however it does, the card is
 * reset, its memory and descriptors are dropped, and the next one is served.
 *
 *   vfu_socket     framing, descriptors, queues
 *   vfu_message    what each message asks for, checked
 *   pci_function   configuration space, MSI-X table
 *   vfu_memory     mappings
 *   vfu_server     the loop; DMA by messages; reset
 *
 * The client is not believed: whatever it sends ends in an error reply or a
 * closed connection.
 *
 * The card runs in real time; a vfio-user client has no way to let virtual
 * time pass.
 */
#ifndef FANTAIL_VFU_SERVER_H
#define FANTAIL_VFU_SERVER_H

#include <stdint.h>

#include "fantail_sim.h"

struct fantail_vfu;

struct fantail_vfu_config {
	const char *path;	 /* of the socket */
	struct fantail_sim *sim; /* in real time; stays the caller's */
	/* As the simulator was told: for the link registers. */
	struct fantail_sim_pcie pcie;
	/*
	 * A client that owes us the rest of a message, does not read, or does
	 * not answer for so long is disconnected; 0: 5000.
	 */
	unsigned int patience_ms;
	fantail_sim_log_fn log; /* NULL: silent; as in fantail_sim_config */
	void *log_ctx;
};

/**
 * fantail_vfu_open() - listen
 *
 * Resets the card. A socket that a server which died has left is replaced.
 * Return: 0; -EADDRINUSE: another server listens there; -EINVAL; or what the
 * socket or the card gave. On error nothing stays open.
 */
int fantail_vfu_open(const struct fantail_vfu_config *cfg,
		     struct fantail_vfu **out);

/**
 * fantail_vfu_serve() - serve until told otherwise
 * @wake_fd: becomes readable when the caller wants to be back; not read
 *
 * May be called again; a client stays connected in between, unserved.
 * Return: 0, or -errno when serving is not possible any more.
 */
int fantail_vfu_serve(struct fantail_vfu *vfu, int wake_fd);

/** fantail_vfu_close() - disconnect, remove the socket; NULL is allowed. */
void fantail_vfu_close(struct fantail_vfu *vfu);

struct fantail_vfu_stats {
	uint64_t clients;	/* that connected */
	uint64_t messages;	/* whole ones received */
	uint64_t refused;	/* of them, ended in an error */
	uint64_t broken;	/* connections that we closed */
	uint64_t region_writes; /* messages */
	uint64_t region_reads;	/* messages */
	uint64_t posted_writes; /* of the writes, without a reply */
	uint64_t dma_messages;	/* sent by us */
	uint64_t resets;	/* asked for by a client */
	uint64_t mappings;	/* now */
};

void fantail_vfu_get_stats(const struct fantail_vfu *vfu,
			   struct fantail_vfu_stats *stats);

#endif /* FANTAIL_VFU_SERVER_H */
