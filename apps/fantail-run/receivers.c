/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers.h"

#include <errno.h>

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t peer,
		    const void *bytes, size_t len)
{
	struct stream *stream = ctx;
	struct receiver *r = stream_receiver(stream, peer);

	if (atomic_load(&r->state) != RECEIVER_OPEN)
		return;
	if (stream_verify(stream, r, bytes, len))
		fantail_peer_abort(peers, peer);
}

static void on_event(void *ctx, struct fantail_peers *peers, uint32_t peer,
		     enum fantail_peer_event event)
{
	struct stream *stream = ctx;
	struct receiver *r = stream_receiver(stream, peer);
	int state = atomic_load(&r->state);

	switch (event) {
	case FANTAIL_PEER_EV_CONNECTED:
		atomic_store(&r->state, RECEIVER_OPEN);
		break;
	case FANTAIL_PEER_EV_FIN:
		if (state == RECEIVER_OPEN)
			stream_end(stream, r);
		fantail_peer_shutdown(peers, peer);
		break;
	case FANTAIL_PEER_EV_RESET:
		if (state == RECEIVER_OPEN)
			stream_fail(r, FAULT_SOCKET, ECONNRESET);
		break;
	case FANTAIL_PEER_EV_REFUSED:
		stream_fail(r, FAULT_CONNECT, ECONNREFUSED);
		break;
	case FANTAIL_PEER_EV_TIMED_OUT:
		if (state == RECEIVER_OPEN)
			stream_fail(r, FAULT_SOCKET, ETIMEDOUT);
		else if (state == RECEIVER_IDLE)
			stream_fail(r, FAULT_CONNECT, ETIMEDOUT);
		break;
	case FANTAIL_PEER_EV_CLOSED:
		break;
	}
}

void receivers_configure(struct stream *stream,
			 struct fantail_peers_config *config)
{
	fantail_peers_config_default(config);
	config->count = stream_receivers(stream);
	config->on_data = on_data;
	config->on_event = on_event;
	config->ctx = stream;
}
