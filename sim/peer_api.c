/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: what their user may ask of one of them. See peer.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"

static struct peer *find(const struct fantail_peers *ps, uint32_t index)
{
	return index < ps->cfg.count ? &ps->peer[index] : NULL;
}

static bool alive(const struct peer *p)
{
	return p->state == FANTAIL_PEER_WAITING ||
	       p->state == FANTAIL_PEER_SYN_SENT ||
	       p->state == FANTAIL_PEER_SYN_RECEIVED ||
	       p->state == FANTAIL_PEER_CONNECTED;
}

int fantail_peer_get_info(const struct fantail_peers *ps, uint32_t index,
			  struct fantail_peer_info *info)
{
	const struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	*info = (struct fantail_peer_info){
		.state = p->state,
		.ip = ps->cfg.first_ip + index,
		.port = p->port,
		.fin_received = p->fin_received,
		.fin_sent = p->fin_sent,
		.paused = p->paused,
		.unread = p->unread,
		.unsent = p->out_len,
		.bytes_received = p->bytes_received,
		.bytes_sent = p->bytes_sent,
		.connects = p->connects,
		.segments_received = p->segments_received,
		.acks_sent = p->acks_sent,
		.dup_acks_sent = p->dup_acks_sent,
		.duplicates = p->duplicates,
		.out_of_order = p->out_of_order,
		.retransmits = p->retransmits,
	};
	return 0;
}

/* Nothing is left of what was before. */
static void renew(struct peer *p)
{
	peer_forget(p);
	p->fin_queued = p->fin_sent = p->fin_acked = p->fin_received = false;
	p->refusals = 0;
}

int fantail_peer_connect(struct fantail_peers *ps, uint32_t index,
			 uint64_t at_us)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	if (alive(p))
		return -EISCONN;
	renew(p);
	p->card_port = ps->net->cfg.card_port;
	p->state = FANTAIL_PEER_WAITING;
	p->start_us = at_us == NEVER ? NEVER - 1 : at_us;
	peers_schedule(ps, p);
	return 0;
}

int fantail_peer_listen(struct fantail_peers *ps, uint32_t index, uint16_t port)
{
	struct peer *p = find(ps, index);

	if (!p || !port)
		return -EINVAL;
	if (alive(p))
		return -EISCONN;
	renew(p);
	p->port = port;
	p->state = FANTAIL_PEER_LISTENING;
	peers_schedule(ps, p);
	return 0;
}

int fantail_peer_send(struct fantail_peers *ps, uint32_t index,
		      const void *bytes, size_t len)
{
	struct peer *p = find(ps, index);
	size_t size;
	uint8_t *out;

	if (!p)
		return -EINVAL;
	if (!alive(p))
		return -ENOTCONN;
	if (p->fin_queued)
		return -EPIPE;
	/* sequence numbers limit what can be queued */
	if (len > INT_MAX - (size_t)p->out_len)
		return -ENOMEM;
	if (p->out_len + len > p->out_size) {
		size = p->out_size ? p->out_size : 256;
		while (size < p->out_len + len)
			size *= 2;
		out = realloc(p->out, size);
		if (!out)
			return -ENOMEM;
		p->out = out;
		p->out_size = (uint32_t)size;
	}
	if (len)
		memcpy(p->out + p->out_len, bytes, len);
	p->out_len += (uint32_t)len;
	peer_output(ps, p);
	peers_schedule(ps, p);
	return 0;
}

int fantail_peer_shutdown(struct fantail_peers *ps, uint32_t index)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	if (p->state == FANTAIL_PEER_CLOSED)
		return 0;
	if (!alive(p))
		return -ENOTCONN;
	p->fin_queued = true;
	peer_output(ps, p);
	peers_schedule(ps, p);
	return 0;
}

int fantail_peer_abort(struct fantail_peers *ps, uint32_t index)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	if (!alive(p))
		return -ENOTCONN;
	if (p->state == FANTAIL_PEER_CONNECTED ||
	    p->state == FANTAIL_PEER_SYN_RECEIVED)
		peer_transmit(ps, p, TCP_RST | TCP_ACK, p->snd_max, NULL, 0);
	peer_forget(p);
	p->state = FANTAIL_PEER_RESET;
	peers_schedule(ps, p);
	return 0;
}

int fantail_peer_pause(struct fantail_peers *ps, uint32_t index)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	p->paused = true;
	return 0;
}

/* Tell the card of a window that has opened usefully. */
static void update_window(struct fantail_peers *ps, struct peer *p)
{
	uint32_t old = p->rcv_adv;

	if (p->state != FANTAIL_PEER_CONNECTED || p->fin_received)
		return;
	peer_window(p);
	if (p->rcv_adv != old)
		peer_ack(ps, p, false);
	peers_schedule(ps, p);
}

int fantail_peer_consume(struct fantail_peers *ps, uint32_t index,
			 uint32_t bytes)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	if (bytes > INT_MAX)
		bytes = INT_MAX;
	if (bytes > p->unread)
		bytes = p->unread;
	p->unread -= bytes;
	if (bytes)
		update_window(ps, p);
	return (int)bytes;
}

int fantail_peer_resume(struct fantail_peers *ps, uint32_t index)
{
	struct peer *p = find(ps, index);

	if (!p)
		return -EINVAL;
	p->paused = false;
	if (p->unread) {
		p->unread = 0;
		update_window(ps, p);
	}
	return 0;
}

int fantail_peer_set_buffer(struct fantail_peers *ps, uint32_t index,
			    uint32_t bytes)
{
	struct peer *p = find(ps, index);

	if (!p || bytes > 1u << 30)
		return -EINVAL;
	p->opt.buffer = bytes;
	if (p->state == FANTAIL_PEER_CONNECTED) {
		p->rcv_adv = p->rcv_nxt;
		peer_ack(ps, p, false);
		peers_schedule(ps, p);
	}
	return 0;
}
