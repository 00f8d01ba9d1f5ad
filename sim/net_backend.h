/* SPDX-License-Identifier: Apache-2.0 */
/* Internal: what the back-ends of net.h share. */
#ifndef FANTAIL_NET_BACKEND_H
#define FANTAIL_NET_BACKEND_H

#include <poll.h>

#include "link.h"
#include "net.h"
#include "peer.h"
#include "tap.h"

/* A growing list of descriptors for poll(2). */
struct net_pollfds {
	struct pollfd *fds;
	size_t count;
	size_t size;
	bool failed; /* out of memory: some are missing */
};

/* Appends; returns the index or -1. */
int net_pollfds_add(struct net_pollfds *list, int fd, short events);

/*
 * A back-end. Time never runs backwards between calls; net->now_us is set
 * before each.
 */
struct fantail_net_ops {
	const char *scheme;
	bool external; /* input also comes from real descriptors */
	bool stops;    /* a sent frame ends a wait in virtual time */
	/* cfg is final; on error everything is undone */
	int (*open)(struct fantail_net *net);
	void (*close)(struct fantail_net *net);
	/* a frame of legal length from the card */
	void (*send)(struct fantail_net *net, const uint8_t *frame, size_t len);
	/* run what is due; frames go to net_queue() */
	void (*run)(struct fantail_net *net);
	/* earliest time at which run has work */
	uint64_t (*next_event_us)(const struct fantail_net *net);
	/* descriptors to watch, and the longest sleep (lowered only);
	 * both NULL if there are none */
	void (*fill_pollfds)(struct fantail_net *net, struct net_pollfds *list,
			     int *timeout_ms);
	void (*process_pollfds)(struct fantail_net *net,
				const struct net_pollfds *list, int error);
};

struct net_frame {
	struct net_frame *next;
	uint64_t due_us;
	size_t len;
	uint8_t bytes[];
};

struct fantail_net {
	const struct fantail_net_ops *ops;
	struct fantail_net_config cfg; /* cfg.peers points to peers_cfg */
	struct fantail_peers_config peers_cfg;
	struct fantail_tap_config tap_cfg; /* of a device made here */
	struct fantail_link_config link_cfg;
	struct fantail_link *model; /* NULL: frames pass untouched */
	void *priv;		    /* the back-end's */
	uint64_t now_us;
	struct net_frame *head, **tail; /* towards the card, by due time */
	struct net_frame *late; /* from the card, held by the link, as well */
	uint32_t queued;
	struct net_pollfds pollfds;
	struct fantail_net_stats stats;
};

extern const struct fantail_net_ops fantail_net_slirp_ops;
extern const struct fantail_net_ops fantail_net_tap_ops;
extern const struct fantail_net_ops fantail_net_peers_ops;

/* net_uri.c: ops, and what the parameters change. 0 or -errno, logged. */
int net_parse_uri(struct fantail_net *net, const char *uri);
extern const struct fantail_net_ops fantail_net_script_ops;

/*
 * Queue a frame towards the card for net->now_us + delay_us, the same delay
 * for all frames of a network, to which the link may add. Too long or too
 * many: dropped and counted.
 */
void net_queue(struct fantail_net *net, const uint8_t *frame, size_t len,
	       uint64_t delay_us);

void net_log(const struct fantail_net *net, enum fantail_net_log_level level,
	     const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
