/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of connections, on both sides. See soak.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

enum {
	PATIENCE_US = 90000000, /* until a life is ended by force */
	STOP_US = 1500000,	/* that a peer stops reading */
	NUDGE_US = 300000,	/* until a lost RST is looked for */
	FIN_WAIT_US = 3000000,	/* in FIN_WAIT_2 of a connection that is gone */
};

uint8_t soak_up_byte(uint32_t peer, uint16_t port, uint64_t at)
{
	return (uint8_t)(peer * 17 + port * 29u + at * 7 + at / 251);
}

struct soak_life *soak_add(struct soak *s, uint32_t peer, uint16_t port)
{
	struct soak_life *l;

	if (peer >= s->opt.peers) {
		soak_fail(s, "peer %u is unknown", peer);
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		soak_fail(s, "no memory");
		return NULL;
	}
	l->peer = peer;
	l->port = port;
	l->force_us = soak_now(s) + PATIENCE_US;
	/* behind the newest, which is the peer's own */
	if (s->life[peer]) {
		l->next = s->life[peer]->next;
		s->life[peer]->next = l;
	} else {
		s->life[peer] = l;
	}
	return l;
}

struct soak_life *soak_find(struct soak *s, uint32_t ip, uint16_t port)
{
	uint32_t peer = ip - SOAK_FIRST_IP;
	struct soak_life *l = peer < s->opt.peers ? s->life[peer] : NULL;
	struct fantail_peer_info info;

	if (l && !l->peer_up && !l->peer_gone) {
		/* it has not told its port yet */
		fantail_peer_get_info(soak_peers(s), peer, &info);
		soak_peers_done(s);
		l->port = info.port;
	}
	for (; l; l = l->next)
		if (l->port == port && !l->accepted)
			return l;
	return NULL;
}

bool soak_nobody(const struct soak *s)
{
	uint32_t i;

	for (i = 0; i < s->opt.peers; i++)
		if (s->life[i])
			return false;
	return true;
}

/* After the card and the peers have gone: nothing may refer to them. */
void soak_forget(struct soak *s)
{
	struct soak_life *l;
	uint32_t i;

	for (i = 0; i < s->opt.peers; i++) {
		while ((l = s->life[i])) {
			s->life[i] = l->next;
			free(l->piece);
			free(l);
		}
	}
}

void soak_peer_send(struct soak *s, struct soak_life *l, uint32_t len)
{
	uint8_t bytes[4096];
	uint32_t i;
	int rc;

	if (len > sizeof(bytes))
		len = sizeof(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = soak_up_byte(l->peer, l->port, l->up_sent + i);
	rc = fantail_peer_send(soak_peers(s), l->peer, bytes, len);
	soak_peers_done(s);
	if (!rc)
		l->up_sent += len;
}

static void peer_shutdown(struct soak *s, struct soak_life *l)
{
	if (l->peer_gone || l->peer_shut)
		return;
	l->peer_shut = !fantail_peer_shutdown(soak_peers(s), l->peer);
	soak_peers_done(s);
}

static void peer_abort(struct soak *s, struct soak_life *l)
{
	if (l->peer_gone)
		return;
	fantail_peer_abort(soak_peers(s), l->peer);
	soak_peers_done(s);
	l->peer_gone = true;
}

static void peer_pause(struct soak *s, struct soak_life *l, bool pause)
{
	if (pause)
		fantail_peer_pause(soak_peers(s), l->peer);
	else
		fantail_peer_resume(soak_peers(s), l->peer);
	soak_peers_done(s);
	l->peer_paused = pause;
}

static void host_close(struct soak_life *l)
{
	if (!l->accepted || l->closed || l->dead || l->done)
		return;
	l->closed = true;
	fantail_close_conn(l->conn);
}

static void host_release(struct soak_life *l)
{
	if (!l->accepted || l->done)
		return;
	l->closed = l->done = l->cut_off = true;
	fantail_conn_set_user(l->conn, NULL);
	fantail_release_conn(l->conn);
}

static enum soak_plan choose_plan(struct soak *s)
{
	static const uint8_t share[] = { 25, 25, 15, 9, 9, 6, 4, 7 };
	uint32_t r = soak_below(s, 100), i;

	for (i = 0; r >= share[i]; i++)
		r -= share[i];
	return (enum soak_plan)i;
}

void soak_begin(struct soak *s, uint32_t peer, enum soak_plan plan)
{
	struct soak_life *l, *old = s->life[peer];
	uint64_t now = soak_now(s);

	s->life[peer] = NULL;
	l = soak_add(s, peer, 0);
	if (!l)
		return;
	l->next = old;
	l->own = true;
	l->plan = plan == SOAK_PLANS ? choose_plan(s) : plan;
	l->end_us = now + 20000 + soak_below(s, 300000);
	if (l->plan == SOAK_PEER_GIVES_UP)
		l->end_us = now + soak_below(s, 6000);
	l->next_up_us = now + soak_below(s, 100000);
	s->res.lives++;
	s->res.by_plan[l->plan]++;
	s->running++;
	if (fantail_peer_connect(soak_peers(s), peer, 0))
		soak_fail(s, "peer %u is not free to connect", peer);
	soak_peers_done(s);
}

/* After the plan: what the other side does about it. */
static void follow(struct soak *s, struct soak_life *l, uint64_t now)
{
	if (now < l->step_us)
		return;
	l->step_us = now + 20000 + soak_below(s, 100000);
	/* half closed: the other direction goes on for a while */
	if (l->peer_fin && !l->peer_shut && !l->peer_gone) {
		if (l->step++ < 2 && soak_below(s, 2))
			soak_peer_send(s, l, 1 + soak_below(s, 2000));
		else
			peer_shutdown(s, l);
	}
	if (l->peer_fin_told && soak_below(s, 2))
		host_close(l);
	if (l->peer_paused && now > l->end_us + STOP_US)
		peer_pause(s, l, false);
	if (l->plan == SOAK_PEER_STOPS && !l->peer_paused)
		host_close(l);
	/* a RST was lost: what is sent now brings another */
	if (l->peer_gone && !l->dead)
		host_close(l);
	if ((l->done || l->dead) && l->peer_up && !l->peer_gone) {
		if (l->peer_shut && now > l->end_us + FIN_WAIT_US)
			peer_abort(s, l); /* it has nothing to send */
		else if (!l->peer_shut && now > l->end_us + NUDGE_US)
			soak_peer_send(s, l, 1);
	}
}

static void carry_out(struct soak *s, struct soak_life *l)
{
	l->ended = true;
	l->end_us = soak_now(s);
	l->step_us = l->end_us + soak_below(s, 50000);
	switch (l->plan) {
	case SOAK_BOTH_CLOSE:
		peer_shutdown(s, l);
		host_close(l);
		break;
	case SOAK_HOST_CLOSES:
		host_close(l);
		break;
	case SOAK_PEER_CLOSES:
		peer_shutdown(s, l);
		break;
	case SOAK_HOST_ABORTS:
		if (l->accepted && !l->dead)
			fantail_abort_conn(l->conn);
		l->closed = l->cut_off = true;
		break;
	case SOAK_HOST_RELEASES:
		host_release(l);
		break;
	case SOAK_PEER_ABORTS:
	case SOAK_PEER_GIVES_UP:
		peer_abort(s, l);
		break;
	case SOAK_PEER_STOPS:
		peer_pause(s, l, true);
		break;
	default:
		break;
	}
}

/* FIN has reached the peer: it must have every byte published before. */
static void check(struct soak *s, struct soak_life *l)
{
	if (l->wrong)
		soak_fail(s, "peer %u port %u received a wrong byte", l->peer,
			  l->port);
	if (!l->peer_fin || l->checked)
		return;
	l->checked = true;
	s->res.exact++;
	if (l->got != l->sent)
		soak_fail(s, "peer %u port %u: FIN after %llu of %llu bytes",
			  l->peer, l->port, (unsigned long long)l->got,
			  (unsigned long long)l->sent);
}

static void describe(const struct soak *s, const struct soak_life *l)
{
	if (!s->opt.progress)
		return;
	fprintf(s->opt.progress,
		"  peer %u port %u plan %d ended %d left %d: peer up %d fin %d "
		"shut %d gone %d, %llu of %llu bytes; host accepted %d closed "
		"%d dead %d done %d events %04x, %llu of %llu bytes\n",
		l->peer, l->port, l->plan, l->ended, l->left, l->peer_up,
		l->peer_fin, l->peer_shut, l->peer_gone,
		(unsigned long long)l->got, (unsigned long long)l->sent,
		l->accepted, l->closed, l->dead, l->done, l->events,
		(unsigned long long)l->up_got, (unsigned long long)l->up_sent);
}

void soak_dump(const struct soak *s)
{
	const struct soak_life *l;
	uint32_t i, n = 0;

	for (i = 0; i < s->opt.peers; i++)
		for (l = s->life[i]; l && n < 20; l = l->next, n++)
			describe(s, l);
}

static void force(struct soak *s, struct soak_life *l)
{
	s->res.forced++;
	describe(s, l);
	l->ended = true;
	peer_abort(s, l);
	host_release(l);
}

static bool ends_now(const struct soak_life *l, uint64_t now)
{
	if (l->ended || l->plan == SOAK_STAYS)
		return false;
	return l->dead || (now >= l->end_us && (l->accepted || l->peer_gone ||
						l->plan == SOAK_PEER_GIVES_UP));
}

/* True: this life is over on both sides. */
static bool tick_life(struct soak *s, struct soak_life *l, uint64_t now)
{
	check(s, l);
	if (l->peer_up && !l->peer_gone && !l->peer_shut && !l->ended &&
	    l->plan != SOAK_STAYS && now >= l->next_up_us) {
		l->next_up_us = now + soak_below(s, 200000);
		soak_peer_send(s, l, 1 + soak_below(s, 3000));
	}
	/* a SYN cookie whose ACK was lost needs more to become a connection */
	if (l->plan == SOAK_STAYS && l->peer_up && !l->up_sent)
		soak_peer_send(s, l, 1);
	if (ends_now(l, now))
		carry_out(s, l);
	else if (l->ended)
		follow(s, l, now);
	if (l->dead && now >= l->release_us)
		host_release(l);
	if (now >= l->force_us && l->plan != SOAK_STAYS)
		force(s, l);
	return l->peer_gone && (l->done || !l->accepted);
}

/* Its peer may begin another, whatever the host still knows of it. */
static void leave(struct soak *s, struct soak_life *l, uint64_t now)
{
	l->left = true;
	s->running--;
	s->start_us[l->peer] = now + soak_below(s, 20000);
	s->res.never_up += !l->peer_up;
	s->res.cut += l->peer_up && !l->checked;
	/* whoever is to read next reads */
	if (l->peer_paused)
		peer_pause(s, l, false);
}

void soak_tick(struct soak *s)
{
	struct soak_life **at, *l;
	uint64_t now = soak_now(s);
	uint32_t i;

	for (i = 0; i < s->opt.peers && !s->res.failed; i++) {
		at = &s->life[i];
		while ((l = *at)) {
			if (tick_life(s, l, now)) {
				if (l->own && !l->left)
					leave(s, l, now);
				*at = l->next;
				free(l->piece);
				free(l);
				continue;
			}
			if (l->own && l->peer_gone && !l->left)
				leave(s, l, now);
			at = &l->next;
		}
		l = s->life[i];
		if ((!l || !l->own || l->left) && !s->full &&
		    s->res.lives < s->opt.rounds && now >= s->start_us[i])
			soak_begin(s, i, SOAK_PLANS);
	}
}
