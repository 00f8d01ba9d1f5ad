/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "script:" - nobody is there but a callback: it gets every frame of the card,
 * and fantail_net_inject() is the only source of frames towards it. For tests
 * that play the other side line by line.
 */
#include <errno.h>

#include "net_backend.h"

enum {
	CARD_IP = 0x0a010001 /* 10.1.0.1, as with peers */
};

static int script_open(struct fantail_net *net)
{
	if (!net->cfg.frame) {
		net_log(net, FANTAIL_NET_LOG_ERROR, "script: no callback");
		return -EINVAL;
	}
	if (!net->cfg.card_ip)
		net->cfg.card_ip = CARD_IP;
	return 0;
}

static void script_close(struct fantail_net *net)
{
	(void)net;
}

static void script_send(struct fantail_net *net, const uint8_t *frame,
			size_t len)
{
	net->cfg.frame(net->cfg.frame_ctx, frame, len, net->now_us);
}

static void script_run(struct fantail_net *net)
{
	(void)net;
}

static uint64_t script_next_event_us(const struct fantail_net *net)
{
	(void)net;
	return FANTAIL_NET_NEVER;
}

int fantail_net_inject(struct fantail_net *net, const void *frame, size_t len,
		       uint64_t delay_us)
{
	if (net->ops != &fantail_net_script_ops)
		return -ENOTSUP;
	if (len > FANTAIL_NET_FRAME_MAX)
		return -EMSGSIZE;
	net_queue(net, frame, len, delay_us);
	return 0;
}

const struct fantail_net_ops fantail_net_script_ops = {
	.scheme = "script",
	.stops = true,
	.open = script_open,
	.close = script_close,
	.send = script_send,
	.run = script_run,
	.next_event_us = script_next_event_us,
};
