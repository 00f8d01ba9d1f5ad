/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: the queue towards the card, sleeping. See net.h. */
#include "net.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_backend.h"
#include "net_frame.h"

void net_log(const struct fantail_net *net, enum fantail_net_log_level level,
	     const char *fmt, ...)
{
	char line[256];
	va_list args;

	if (!net->cfg.log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	net->cfg.log(net->cfg.log_ctx, level, line);
}

void fantail_net_config_default(struct fantail_net_config *cfg)
{
	static const uint8_t mac[6] = { 0x02, 'f', 'a', 'n', 0, 1 };

	memset(cfg, 0, sizeof(*cfg));
	memcpy(cfg->card_mac, mac, sizeof(mac));
	cfg->card_port = 9000;
	cfg->card_ips = 1;
	cfg->host_ip = 0x7f000001; /* 127.0.0.1 */
	cfg->seed = 1;
	cfg->queue_frames = 65536;
}

static int open_link(struct fantail_net *net)
{
	struct fantail_link_config *cfg = &net->link_cfg;
	int ret;

	if (fantail_link_is_perfect(&cfg->way[FANTAIL_LINK_TX]) &&
	    fantail_link_is_perfect(&cfg->way[FANTAIL_LINK_RX]))
		return 0;
	cfg->seed = net->cfg.seed;
	cfg->frames_max = net->cfg.queue_frames;
	ret = fantail_link_open(cfg, &net->model);
	if (ret == -EINVAL)
		net_log(net, FANTAIL_NET_LOG_ERROR,
			"a setting of the link is out of range");
	return ret;
}

int fantail_net_open(const char *uri, const struct fantail_net_config *cfg,
		     struct fantail_net **out)
{
	struct fantail_net *net = calloc(1, sizeof(*net));
	int ret;

	if (!net)
		return -ENOMEM;
	net->tail = &net->head;
	if (cfg)
		net->cfg = *cfg;
	else
		fantail_net_config_default(&net->cfg);
	if (net->cfg.peers)
		net->peers_cfg = *net->cfg.peers;
	else
		fantail_peers_config_default(&net->peers_cfg);
	net->cfg.peers = &net->peers_cfg;
	fantail_tap_config_default(&net->tap_cfg);
	if (net->cfg.model)
		net->link_cfg = *net->cfg.model;

	ret = net_parse_uri(net, uri);
	if (ret)
		goto err_free;
	ret = open_link(net);
	if (ret)
		goto err_free;
	ret = net->ops->open(net);
	if (ret)
		goto err_link;
	*out = net;
	return 0;

err_link:
	fantail_link_close(net->model);
err_free:
	free(net);
	return ret;
}

void fantail_net_close(struct fantail_net *net)
{
	struct net_frame *frame;

	if (!net)
		return;
	net->ops->close(net);
	while ((frame = net->head)) {
		net->head = frame->next;
		free(frame);
	}
	while ((frame = net->late)) {
		net->late = frame->next;
		free(frame);
	}
	fantail_link_close(net->model);
	free(net->pollfds.fds);
	free(net);
}

/* The clock never runs backwards, whatever the caller says. */
static void set_now(struct fantail_net *net, uint64_t now_us)
{
	if (now_us > net->now_us)
		net->now_us = now_us;
}

void fantail_net_set_time(struct fantail_net *net, uint64_t now_us)
{
	set_now(net, now_us);
}

static struct net_frame *make_frame(const uint8_t *bytes, size_t len,
				    size_t padded, uint64_t due_us)
{
	struct net_frame *frame = calloc(1, sizeof(*frame) + padded);

	if (!frame)
		return NULL;
	frame->due_us = due_us;
	frame->len = padded;
	memcpy(frame->bytes, bytes, len);
	return frame;
}

/* Behind all that are due no later. */
static struct net_frame **place_of(struct net_frame **at, uint64_t due_us)
{
	while (*at && (*at)->due_us <= due_us)
		at = &(*at)->next;
	return at;
}

static struct fantail_net_fate ask_link(struct fantail_net *net, bool to_card,
					const uint8_t *frame, size_t len)
{
	struct fantail_net_fate fate = { .copies = 1 };

	if (net->cfg.link)
		net->cfg.link(net->cfg.link_ctx, to_card, frame, len,
			      net->now_us, &fate);
	net->stats.link_lost += !fate.copies;
	return fate;
}

static void queue_one(struct fantail_net *net, const uint8_t *bytes, size_t len,
		      uint64_t due_us)
{
	/* as on a wire, whatever the back-end made */
	size_t padded = len < ETH_MIN ? ETH_MIN : len;
	struct net_frame *frame = NULL, **at = net->tail;

	if (len <= FANTAIL_NET_FRAME_MAX && net->queued < net->cfg.queue_frames)
		frame = make_frame(bytes, len, padded, due_us);
	if (!frame) {
		net->stats.rx_dropped++;
		return;
	}
	/* only a link makes frames overtake */
	if (net->cfg.link)
		at = place_of(&net->head, due_us);
	frame->next = *at;
	*at = frame;
	if (!frame->next)
		net->tail = &frame->next;
	net->queued++;
}

void net_queue(struct fantail_net *net, const uint8_t *bytes, size_t len,
	       uint64_t delay_us)
{
	struct fantail_net_fate fate = ask_link(net, true, bytes, len);
	uint64_t at_us = net->now_us + delay_us + fate.delay_us;

	while (fate.copies--)
		if (!net->model || len < ETH_LEN || len > FANTAIL_NET_FRAME_MAX)
			queue_one(net, bytes, len, at_us);
		else if (fantail_link_put(net->model, FANTAIL_LINK_RX, bytes,
					  len, at_us))
			net->stats.rx_dropped++;
}

/* What the link model lets out towards the network. */
static void run_link(struct fantail_net *net)
{
	uint8_t frame[FANTAIL_NET_FRAME_MAX];
	size_t len;

	while ((len = fantail_link_take(net->model, FANTAIL_LINK_TX, frame,
					sizeof(frame), net->now_us)))
		net->ops->send(net, frame, len);
}

/* A frame from the card enters the way to the network. */
static void pass_on(struct fantail_net *net, const uint8_t *bytes, size_t len)
{
	if (!net->model) {
		net->ops->send(net, bytes, len);
		return;
	}
	/* out of memory: lost and counted there */
	(void)fantail_link_put(net->model, FANTAIL_LINK_TX, bytes, len,
			       net->now_us);
	run_link(net);
}

/* Frames from the card that the link has held back long enough. */
static void deliver_late(struct fantail_net *net)
{
	struct net_frame *frame;

	while ((frame = net->late) && frame->due_us <= net->now_us) {
		net->late = frame->next;
		pass_on(net, frame->bytes, frame->len);
		free(frame);
	}
}

static void hold_back(struct fantail_net *net, const uint8_t *bytes, size_t len,
		      uint64_t due_us)
{
	struct net_frame *frame = make_frame(bytes, len, len, due_us);
	struct net_frame **at = place_of(&net->late, due_us);

	if (!frame) {
		net->stats.link_lost++;
		return;
	}
	frame->next = *at;
	*at = frame;
}

int fantail_net_send(struct fantail_net *net, const void *frame, size_t len,
		     uint64_t now_us)
{
	struct fantail_net_fate fate;

	set_now(net, now_us);
	if (len < ETH_LEN || len > FANTAIL_NET_FRAME_MAX) {
		net->stats.tx_bad++;
		return -EMSGSIZE;
	}
	net->stats.tx_frames++;
	net->stats.tx_bytes += len;
	deliver_late(net);
	fate = ask_link(net, false, frame, len);
	while (fate.copies--) {
		if (fate.delay_us)
			hold_back(net, frame, len, net->now_us + fate.delay_us);
		else
			pass_on(net, frame, len);
	}
	return net->ops->stops;
}

/* The link's next frame towards the card, padded as on a wire. */
static size_t take_from_link(struct fantail_net *net, uint8_t *frame,
			     size_t size)
{
	size_t len = fantail_link_take(net->model, FANTAIL_LINK_RX, frame, size,
				       net->now_us);

	if (len && len < ETH_MIN) {
		memset(frame + len, 0, ETH_MIN - len);
		len = ETH_MIN;
	}
	net->stats.rx_frames += len != 0;
	net->stats.rx_bytes += len;
	return len;
}

int fantail_net_recv(struct fantail_net *net, void *buffer, size_t size,
		     uint64_t now_us)
{
	struct net_frame *frame;
	int len;

	set_now(net, now_us);
	if (size < FANTAIL_NET_FRAME_MAX)
		return -EMSGSIZE;
	deliver_late(net);
	if (net->model)
		run_link(net);
	net->ops->run(net);
	if (net->model) {
		len = (int)take_from_link(net, buffer, size);
		if (len)
			return len;
	}
	frame = net->head;
	if (!frame || frame->due_us > net->now_us)
		return 0;
	net->head = frame->next;
	if (!net->head)
		net->tail = &net->head;
	net->queued--;
	len = (int)frame->len;
	memcpy(buffer, frame->bytes, frame->len);
	net->stats.rx_frames++;
	net->stats.rx_bytes += frame->len;
	free(frame);
	return len;
}

uint64_t fantail_net_next_event_us(const struct fantail_net *net)
{
	uint64_t next = net->ops->next_event_us(net), due;
	enum fantail_link_dir d;

	if (net->head && net->head->due_us < next)
		next = net->head->due_us;
	if (net->late && net->late->due_us < next)
		next = net->late->due_us;
	if (net->model) {
		for (d = 0; d < FANTAIL_LINK_DIRS; d++) {
			due = fantail_link_next_us(net->model, d);
			if (due < next)
				next = due;
		}
	}
	return next;
}

bool fantail_net_is_external(const struct fantail_net *net)
{
	return net->ops->external;
}

int net_pollfds_add(struct net_pollfds *list, int fd, short events)
{
	struct pollfd *fds;
	size_t size;

	if (list->count == list->size) {
		size = list->size ? 2 * list->size : 16;
		fds = realloc(list->fds, size * sizeof(*fds));
		if (!fds) {
			list->failed = true;
			return -1;
		}
		list->fds = fds;
		list->size = size;
	}
	list->fds[list->count] = (struct pollfd){ .fd = fd, .events = events };
	return (int)list->count++;
}

/* Lower a poll(2) timeout, -1 being the longest. */
static int min_timeout(int timeout_ms, uint64_t other_ms)
{
	if (timeout_ms >= 0 && (uint64_t)timeout_ms <= other_ms)
		return timeout_ms;
	return other_ms > INT_MAX ? INT_MAX : (int)other_ms;
}

int fantail_net_poll(struct fantail_net *net, uint64_t now_us, int timeout_ms,
		     int wake_fd)
{
	struct net_pollfds *list = &net->pollfds;
	uint64_t next;
	int wake = -1, ret, error = 0;

	set_now(net, now_us);
	list->count = 0;
	list->failed = false;
	if (net->ops->fill_pollfds)
		net->ops->fill_pollfds(net, list, &timeout_ms);
	if (wake_fd >= 0)
		wake = net_pollfds_add(list, wake_fd, POLLIN);
	if (list->failed)
		timeout_ms = 0;
	next = fantail_net_next_event_us(net);
	if (next <= net->now_us)
		timeout_ms = 0;
	else if (next != FANTAIL_NET_NEVER)
		timeout_ms = min_timeout(timeout_ms,
					 (next - net->now_us + 999) / 1000);

	ret = poll(list->fds, list->count, timeout_ms);
	if (ret < 0)
		error = errno;
	if (net->ops->process_pollfds)
		net->ops->process_pollfds(net, list, error);
	if (error && error != EINTR)
		return -error;
	if (list->failed)
		return -ENOMEM;
	return !error && wake >= 0 && list->fds[wake].revents;
}

void fantail_net_get_stats(const struct fantail_net *net,
			   struct fantail_net_stats *stats)
{
	*stats = net->stats;
}

bool fantail_net_link_stats(const struct fantail_net *net,
			    struct fantail_link_stats *tx,
			    struct fantail_link_stats *rx)
{
	memset(tx, 0, sizeof(*tx));
	memset(rx, 0, sizeof(*rx));
	if (!net->model)
		return false;
	fantail_link_get_stats(net->model, FANTAIL_LINK_TX, tx);
	fantail_link_get_stats(net->model, FANTAIL_LINK_RX, rx);
	return true;
}

uint32_t fantail_net_card_ips(const struct fantail_net *net)
{
	return net->cfg.card_ips;
}

bool fantail_net_is_card(const struct fantail_net *net, uint32_t ip)
{
	return ip - net->cfg.card_ip < net->cfg.card_ips;
}

uint32_t fantail_net_card_ip(const struct fantail_net *net)
{
	return net->cfg.card_ip;
}

struct fantail_peers *fantail_net_peers(struct fantail_net *net)
{
	return net->ops == &fantail_net_peers_ops ? net->priv : NULL;
}
