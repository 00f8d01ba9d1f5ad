/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "tap:" - the Linux kernel at the other end. Frames go to and come from a TAP
 * device in a network namespace, see tap.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net_backend.h"
#include "tap.h"

enum {
	CARD_IP = 0x0a020001, /* 10.2.0.1 */
	READS = 256,	      /* frames taken in one poll */
};

struct net_tap {
	struct fantail_tap tap;
	bool own;   /* made here, to be closed here */
	bool dead;  /* the device has vanished */
	int polled; /* its place among the descriptors, or -1 */
};

static void vanish(struct fantail_net *net, int error)
{
	struct net_tap *t = net->priv;

	if (!t->dead)
		net_log(net, FANTAIL_NET_LOG_ERROR,
			"tap: the device does not work any more: %s",
			strerror(error));
	t->dead = true;
}

static void tap_send(struct fantail_net *net, const uint8_t *frame, size_t len)
{
	struct net_tap *t = net->priv;
	ssize_t n;

	if (t->dead)
		return;
	do
		n = write(t->tap.fd, frame, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return;
	/*
	 * EINVAL: no frame that a device could take (a damaged one). The rest
	 * is a lack of memory: lost, as on a wire.
	 */
	net->stats.tx_refused++;
	if (errno == EBADFD || errno == EIO)
		vanish(net, errno);
}

static void tap_run(struct fantail_net *net)
{
	(void)net;
}

static uint64_t tap_next_event_us(const struct fantail_net *net)
{
	(void)net;
	return FANTAIL_NET_NEVER;
}

static void tap_fill_pollfds(struct fantail_net *net, struct net_pollfds *list,
			     int *timeout_ms)
{
	struct net_tap *t = net->priv;

	(void)timeout_ms;
	t->polled = t->dead ? -1 : net_pollfds_add(list, t->tap.fd, POLLIN);
}

static void tap_process_pollfds(struct fantail_net *net,
				const struct net_pollfds *list, int error)
{
	uint8_t frame[FANTAIL_NET_FRAME_MAX + 4];
	struct net_tap *t = net->priv;
	ssize_t n;
	int i;

	if (error || t->polled < 0 || !list->fds[t->polled].revents)
		return;
	for (i = 0; i < READS; i++) {
		n = read(t->tap.fd, frame, sizeof(frame));
		if (n > 0)
			net_queue(net, frame, (size_t)n, 0);
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			vanish(net, errno);
		if (n < 0 && errno != EINTR)
			return;
	}
}

static void tap_close(struct fantail_net *net)
{
	struct net_tap *t = net->priv;

	if (t->own)
		fantail_tap_close(&t->tap);
	free(t);
}

static int tap_open(struct fantail_net *net)
{
	struct net_tap *t = calloc(1, sizeof(*t));
	char why[200];
	int rc;

	if (!t)
		return -ENOMEM;
	if (!net->cfg.card_ip)
		net->cfg.card_ip = CARD_IP;
	t->polled = -1;
	if (net->cfg.tap) {
		t->tap = *net->cfg.tap;
	} else {
		rc = fantail_tap_open(&net->tap_cfg, &t->tap, why, sizeof(why));
		if (rc) {
			net_log(net, FANTAIL_NET_LOG_ERROR, "tap: %s", why);
			free(t);
			return rc;
		}
		t->own = true;
	}
	net->priv = t;
	return 0;
}

const struct fantail_net_ops fantail_net_tap_ops = {
	.scheme = "tap",
	.external = true,
	.open = tap_open,
	.close = tap_close,
	.send = tap_send,
	.run = tap_run,
	.next_event_us = tap_next_event_us,
	.fill_pollfds = tap_fill_pollfds,
	.process_pollfds = tap_process_pollfds,
};

const struct fantail_tap *fantail_net_tap(const struct fantail_net *net)
{
	const struct net_tap *t = net->priv;

	return net->ops == &fantail_net_tap_ops ? &t->tap : NULL;
}
