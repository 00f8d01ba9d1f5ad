/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers: the clients of NET=peers, which live in the simulator's network
 * and run in its time. They compare every byte like those of clients.h.
 */
#ifndef FANTAIL_RUN_RECEIVERS_H
#define FANTAIL_RUN_RECEIVERS_H

#include <stdatomic.h>

#include "peer.h"
#include "stream.h"

struct receivers {
	struct stream *stream;
	_Atomic int drop; /* receiver that shall leave, -1: nobody */
};

/*
 * receivers_configure() - let a peers: network feed the stream's receivers
 * @r: initialised here; lives until the network is closed
 * @stream: has one receiver per peer
 * @config: count, callbacks and context are set, the rest is the default
 */
void receivers_configure(struct receivers *r, struct stream *stream,
			 struct fantail_peers_config *config);

/* Let receiver @n leave with a RST when its next bytes arrive. Any thread. */
void receivers_drop(struct receivers *r, unsigned int n);

#endif
