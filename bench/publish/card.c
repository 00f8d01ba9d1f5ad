/* SPDX-License-Identifier: Apache-2.0 */
/* By the card, in whatever process it is: one group, one batch a round. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fantail.h"
#include "publish.h"

enum {
	EVENTS = 64,
	LIMIT_S = 300,	      /* between two rounds */
	CARD_IP = 0x0a010001, /* 10.1.0.1, of peers */
	PREFIX = 8,
};

struct card {
	const struct setup *setup;
	struct fantail_dev *dev;
	struct fantail *lib;
	struct fantail_group *group;
	unsigned int joined;
	unsigned int rounds;
	unsigned int batches, delivered; /* events */
	int failed;
};

static void on_event(struct card *c, const struct fantail_event *e)
{
	switch (e->type) {
	case FANTAIL_EVENT_ACCEPT:
		if (fantail_group_join(c->group, e->conn))
			c->failed = -EIO;
		c->joined++;
		break;
	case FANTAIL_EVENT_BATCH:
		c->batches++;
		break;
	case FANTAIL_EVENT_DELIVERED:
		c->delivered++;
		break;
	case FANTAIL_EVENT_CONN:
		if (e->u.conn.dead)
			c->failed = -EPIPE;
		break;
	case FANTAIL_EVENT_REFUSED:
		c->failed = -EIO;
		break;
	default:
		break;
	}
}

/* Sleep until something is there, and take it. */
static int step(struct card *c)
{
	struct fantail_event events[EVENTS];
	int n, i;

	n = fantail_wait(c->lib, -1);
	if (n < 0)
		return n;
	n = fantail_poll(c->lib, events, EVENTS);
	for (i = 0; i < n; i++)
		on_event(c, &events[i]);
	return n < 0 ? n : c->failed;
}

/* Until @count has reached @wanted. */
static int until(struct card *c, const unsigned int *count, unsigned int wanted)
{
	int rc = 0;

	while (!rc && *count < wanted)
		rc = step(c);
	return rc;
}

static void close_card(void *state)
{
	struct card *c = state;

	fantail_close(c->lib);
	fantail_dev_close(c->dev);
	free(c);
}

static int start(struct card *c)
{
	static const uint8_t mac[6] = { 0x02, 0x66, 0x61, 0x6e, 0x00, 0x01 };
	struct fantail_options opt = {
		.ip = CARD_IP,
		.prefix_len = PREFIX,
		.flush_us = FANTAIL_FLUSH_NEVER,
	};
	struct fantail_listener *listener;
	int rc;

	/* a card that hangs ends us */
	alarm(LIMIT_S);
	rc = fantail_dev_open(c->setup->uri, NULL, &c->dev);
	if (rc)
		return rc;
	memcpy(opt.mac, mac, sizeof(mac));
	opt.dev = c->dev;
	rc = fantail_open(&opt, &c->lib);
	if (!rc)
		rc = fantail_listen(c->lib, PORT, CLIENTS_MAX, &listener);
	if (!rc)
		rc = fantail_group_create(c->lib, &c->group);
	if (!rc)
		rc = until(c, &c->joined, c->setup->clients);
	if (!rc) {
		rc = fantail_submit(c->lib);
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

static int open_card(const struct setup *setup, void **state, char *why,
		     size_t why_len)
{
	struct card *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->setup = setup;
	rc = start(c);
	if (rc) {
		snprintf(why, why_len, "cannot serve %u clients at %s: %s",
			 setup->clients, setup->uri ? setup->uri : "no --uri",
			 strerror(-rc));
		close_card(c);
		return rc;
	}
	*state = c;
	return 0;
}

/* Everything counts: writing, the doorbell, waiting, and what comes back. */
static int round_card(void *state)
{
	struct card *c = state;
	uint32_t bytes = c->setup->bytes;
	struct fantail_target to = fantail_to_group(c->group);
	unsigned int i;
	void *room;
	int rc;

	rc = fantail_arena_reserve(c->lib, (size_t)bytes * PAYLOADS, &room);
	if (rc)
		return rc;
	fill_payloads(room, bytes, c->rounds++);
	for (i = 0; !rc && i < PAYLOADS; i++)
		rc = fantail_publish(c->lib, to,
				     (uint8_t *)room + (size_t)i * bytes, bytes,
				     c->rounds);
	if (rc)
		return rc;
	rc = fantail_submit_report(c->lib);
	return rc < 0 ? rc : until(c, &c->batches, c->rounds);
}

static int arrived(void *state)
{
	struct card *c = state;

	alarm(LIMIT_S);
	return until(c, &c->delivered, c->rounds);
}

const struct sender sender_card = { "card", open_card, round_card, arrived,
				    close_card };
