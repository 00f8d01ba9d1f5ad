/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library on the engine, with TCP peers in this process, in virtual time.
 * What goes wrong here fails the test.
 */
#ifndef CARD_FIXTURE_H
#define CARD_FIXTURE_H

#include "../common/card_size.h"
#include "fantail.h"
#include "fantail_sim.h"
#include "net.h"
#include "peer.h"

#define CARD_IP	     0x0A010001u
#define CARD_PORT    9000u
#define CARD_PEER_IP 0x0A010100u /* of peer 0, the others behind it */

struct card {
	/* As card_init() leaves them, changed by the test before it opens. */
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_options options;
	const char *network;	 /* "peers:" */
	uint32_t backlog;	 /* listen on CARD_PORT; 0: do not */
	int64_t wait_us;	 /* the longest sleep; 10 ms */
	uint64_t patience_us;	 /* of card_run_until(); 20 s */
	void (*each_turn)(void); /* before a look for events, or NULL */
	void (*on_event)(const struct fantail_event *ev);
	/* From card_open() on. */
	struct fantail_sim *sim;
	struct fantail_dev *dev;
	struct fantail *f;
	struct fantail_group *group;
};

/* Defaults, with so many @peers, that connect by themselves. */
void card_init(struct card *c, uint32_t peers,
	       void (*on_event)(const struct fantail_event *ev));

/* The card alone, or the card, the library, and a group. */
void card_open_device(struct card *c);
void card_open(struct card *c);

/* All of it; then the wire checker is asked. */
void card_close(struct card *c);

/* Hand over events, and sleep in between, until @done; no longer than
 * patience_us of the card's time. */
void card_run_until(struct card *c, bool (*done)(void));
/* The same for @us, and as long as there are events. */
void card_run_for(struct card *c, uint64_t us);

/* The peers, for the calls of peer.h; the card stands still until unlocked. */
struct fantail_peers *card_lock(struct card *c);
void card_unlock(struct card *c);

/* Which peer this connection is to. */
uint32_t card_peer_of(const struct card *c, const struct fantail_conn *conn);

#endif /* CARD_FIXTURE_H */
