/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers: the clients of NET=peers, which live in the simulator's network
 * and run in its time. They compare every byte like those of clients.h.
 */
#ifndef FANTAIL_RUN_RECEIVERS_H
#define FANTAIL_RUN_RECEIVERS_H

#include "peer.h"
#include "stream.h"

/*
 * receivers_configure() - let a peers: network feed the stream's receivers
 * @stream: has one receiver per peer; lives until the network is closed
 * @config: count, callbacks and context are set, the rest is the default
 */
void receivers_configure(struct stream *stream,
			 struct fantail_peers_config *config);

#endif
