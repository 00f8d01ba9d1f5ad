/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers.h"

#include <errno.h>

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t peer,
		    const void *bytes, size_t len)
{
	struct receivers *rs = ctx;
	struct receiver *r = stream_receiver(rs->stream, peer);
	int leaver = (int)peer;

	if (atomic_load(&r->state) != RECEIVER_OPEN)
		return;
	if (atomic_compare_exchange_strong(&rs->drop, &leaver, -1)) {
		atomic_store(&r->state, RECEIVER_DROPPED);
		fantail_peer_abort(peers, peer);
		return;
	}
	if (stream_verify(rs->stream, r, bytes, len))
		fantail_peer_abort(peers, peer);
}

static void on_event(void *ctx, struct fantail_peers *peers, uint32_t peer,
		     enum fantail_peer_event event)
{
	struct receivers *rs = ctx;
	struct receiver *r = stream_receiver(rs->stream, peer);
	int state = atomic_load(&r->state);

	switch (event) {
	case FANTAIL_PEER_EV_CONNECTED:
		atomic_store(&r->state, RECEIVER_OPEN);
		break;
	case FANTAIL_PEER_EV_FIN:
		if (state == RECEIVER_OPEN)
			stream_end(rs->stream, r);
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

void receivers_configure(struct receivers *r, struct stream *stream,
			 struct fantail_peers_config *config)
{
	r->stream = stream;
	atomic_store(&r->drop, -1);
	fantail_peers_config_default(config);
	config->count = stream_receivers(stream);
	config->on_data = on_data;
	config->on_event = on_event;
	config->ctx = r;
}

void receivers_drop(struct receivers *r, unsigned int n)
{
	atomic_store(&r->drop, (int)n);
}
