/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network that the card's MAC port is plugged into.
 *
 * A network is one of several back-ends behind one constant struct of
 * operations, chosen by a URI when it is opened:
 *
 *   slirp:  user-mode networking (libslirp). A port of the local machine is
 *           forwarded to the card, so ordinary sockets connect to it.
 *   tap:    the Linux kernel's own TCP, in a network namespace, see tap.h.
 *           Needs the right to make one.
 *   peers:  thousands of small TCP receivers inside this process, see peer.h.
 *   script: a callback, for tests that play the other side line by line.
 *
 * A frame is an Ethernet frame without FCS, 14 to FANTAIL_NET_FRAME_MAX bytes;
 * towards the card it is padded to 60, as on a wire.
 * Time is an input: every call that can depend on it takes now_us, which never
 * runs backwards. The same code therefore runs in virtual and in real time.
 *
 * Threads: one network is used by one thread at a time (the model's). Several
 * networks may live in one process; nothing is shared between them.
 */
#ifndef FANTAIL_NET_H
#define FANTAIL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FANTAIL_NET_FRAME_MAX 1514
#define FANTAIL_NET_NEVER     UINT64_MAX

struct fantail_net;
struct fantail_peers;
struct fantail_peers_config;
struct fantail_tap;
struct fantail_link_config;
struct fantail_link_stats;

enum fantail_net_log_level {
	FANTAIL_NET_LOG_ERROR,
	FANTAIL_NET_LOG_WARN,
	FANTAIL_NET_LOG_INFO,
};

/* Called with one line of text without a newline, from the calling thread. */
typedef void (*fantail_net_log_fn)(void *ctx, enum fantail_net_log_level level,
				   const char *line);

/* What the way between card and network does to one frame. */
struct fantail_net_fate {
	uint8_t copies;	   /* 0: lost, 1 at the call, 2: arrives twice, ... */
	uint64_t delay_us; /* later than without; frames behind overtake */
};

/*
 * For tests that decide about single frames: called once for each frame, in
 * either direction (@to_card), before it goes on its way. @fate holds what
 * happens without it and may be changed. It must not call the network.
 * A link model (link.h), if there is one, comes behind it.
 * The wire checker and recordings stand on the card's side of it: they see
 * what the card sends, lost or not, and only what reaches the card.
 */
typedef void (*fantail_net_link_fn)(void *ctx, bool to_card,
				    const uint8_t *frame, size_t len,
				    uint64_t now_us,
				    struct fantail_net_fate *fate);

/*
 * script: a frame that the card has sent, only valid during the call. It must
 * not call the network; a wait in virtual time ends behind it, so that whoever
 * waits can answer at this time.
 */
typedef void (*fantail_net_frame_fn)(void *ctx, const uint8_t *frame,
				     size_t len, uint64_t now_us);

/*
 * Everything a back-end may want to know. Start from
 * fantail_net_config_default() (or pass NULL to fantail_net_open()), then
 * change what differs. Parameters in the URI win over this struct.
 * IPv4 addresses and ports are in host byte order.
 */
struct fantail_net_config {
	/* the card, as seen on the wire; card_ip 0: the back-end's default,
	 * 10.0.2.15 for slirp, 10.2.0.1 for tap, 10.1.0.1 for peers */
	uint32_t card_ip;
	/* addresses from card_ip on that are the card's, 1 to 8; default 1 */
	uint8_t card_ips;
	uint8_t card_mac[6];
	uint16_t card_port; /* port the card listens on; default 9000 */

	/* slirp: forward host_ip:host_port to card_ip:card_port.
	 * host_port 0: no forward; host_ip default 127.0.0.1 */
	uint32_t host_ip;
	uint16_t host_port;

	/* all randomness of a back-end derives from it; default 1 */
	uint64_t seed;

	/* frames waiting towards the card, beyond it they are dropped and
	 * counted; default 65536 */
	uint32_t queue_frames;

	/* peers: NULL means fantail_peers_config_default(), see peer.h; only
	 * read while opening */
	const struct fantail_peers_config *peers;

	/* tap: a device made before, which stays the caller's; NULL: one is
	 * made, see fantail_net_tap() */
	const struct fantail_tap *tap;

	/* script: who is at the other end; NULL is refused there */
	fantail_net_frame_fn frame;
	void *frame_ctx;

	/* what the way does to frames, see link.h; seed and frames_max in it
	 * are replaced by those of this struct. Only read while opening;
	 * NULL: nothing */
	const struct fantail_link_config *model;

	/* may be NULL: nothing is lost, late or repeated */
	fantail_net_link_fn link;
	void *link_ctx;

	/* may be NULL */
	fantail_net_log_fn log;
	void *log_ctx;
};

struct fantail_net_stats {
	uint64_t tx_frames; /* from the card */
	uint64_t tx_bytes;
	uint64_t rx_frames; /* towards the card */
	uint64_t rx_bytes;
	uint64_t tx_bad;     /* frames from the card refused, see send */
	uint64_t tx_refused; /* tap: not taken by the device: lost */
	uint64_t rx_dropped; /* towards the card: queue full or too long */
	uint64_t link_lost;  /* by the callback, both directions */
};

/**
 * fantail_net_config_default() - fill in every default.
 * @cfg: written whole
 *
 * card_mac becomes 02:66:61:6e:00:01.
 */
void fantail_net_config_default(struct fantail_net_config *cfg);

/**
 * fantail_net_open() - plug in a network.
 * @uri: "slirp:", "tap:", "peers:" or "script:", optionally followed by '?' and
 *       parameters "name=value" separated by '&':
 *       all:   card_ip, card_port, seed, and the link model's settings as
 *              fantail_link_set() takes them, for both directions or with
 *              tx. or rx. before the name (loss=2%&rx.delay=20ms)
 *       slirp: hostfwd=[ip]:port-[ip]:port (as 127.0.0.1:9000-:9000)
 *       tap:   ip (the kernel's), congestion, sack (0, 1), timestamps
 *              (0, 1); they go to a device that is made here
 *       peers: count, mss, wscale (-1: none), timestamps (0, 1), buffer
 *              (bytes), ack_every (segments), ack_delay_us, delay_us,
 *              connects_per_ms
 * @cfg: NULL for all defaults; copied, not kept
 * @out: set on success only
 *
 * Return: 0, or
 *   -EINVAL       unknown back-end, parameter or value (the log names it)
 *   -EADDRINUSE   the host port is taken (the log names it)
 *   -EACCES       the host port needs rights that the process lacks
 *   -EPERM        so does a TAP device (the log names the remedy)
 *   -ENOMEM, or another -errno of the host's sockets.
 * On error nothing stays open. Does not block.
 */
int fantail_net_open(const char *uri, const struct fantail_net_config *cfg,
		     struct fantail_net **out);

/**
 * fantail_net_close() - unplug and free; NULL is allowed.
 *
 * No callback of the network runs after it.
 */
void fantail_net_close(struct fantail_net *net);

/**
 * fantail_net_send() - a whole frame that the card has sent.
 * @frame: only read during the call
 * @len: 14 to FANTAIL_NET_FRAME_MAX bytes
 * @now_us: time at which the last byte left the card
 *
 * Callbacks of peers (peer.h) may run inside. Never blocks.
 *
 * Return: 0; 1: whoever waits in virtual time should look (script); or
 * -EMSGSIZE (counted in tx_bad, no other effect).
 */
int fantail_net_send(struct fantail_net *net, const void *frame, size_t len,
		     uint64_t now_us);

/**
 * fantail_net_recv() - the next frame that is due towards the card.
 * @frame: at least FANTAIL_NET_FRAME_MAX bytes
 * @size: of that buffer
 * @now_us: frames and timers due up to and including this time are considered
 *
 * Also runs the back-end's timers. Cheap when nothing is due: call it each
 * time the MAC's receive side is free, until it returns 0. Never blocks. It
 * does not look at real file descriptors; fantail_net_poll() does.
 *
 * Return: the frame's length, 0 if none is due, or -EMSGSIZE if @size is below
 * FANTAIL_NET_FRAME_MAX.
 */
int fantail_net_recv(struct fantail_net *net, void *frame, size_t size,
		     uint64_t now_us);

/**
 * fantail_net_set_time() - time has gone on, and nothing else happened.
 *
 * What peers are asked to do next, they do at this time.
 */
void fantail_net_set_time(struct fantail_net *net, uint64_t now_us);

/**
 * fantail_net_next_event_us() - when fantail_net_recv() can next have work.
 *
 * Return: a time (now or the past: work is waiting), or FANTAIL_NET_NEVER.
 * What real file descriptors may bring is not included, see
 * fantail_net_is_external().
 */
uint64_t fantail_net_next_event_us(const struct fantail_net *net);

/**
 * fantail_net_is_external() - does input arrive from outside the model?
 *
 * If so (slirp, tap), virtual time must not jump on idleness alone: what the
 * world does in the meantime takes real time. Poll, and let time follow the clock.
 */
bool fantail_net_is_external(const struct fantail_net *net);

/**
 * fantail_net_poll() - look after real file descriptors, optionally sleep.
 * @now_us: current time
 * @timeout_ms: 0 does not block; otherwise at most so many milliseconds of
 *              real time, ended early by any descriptor that is ready and by
 *              the network's next event; -1 has no limit of its own
 * @wake_fd: a descriptor of the caller that also ends the sleep when it is
 *           readable (an eventfd, say); it is not read. -1: none
 *
 * For slirp and tap call it at least every few milliseconds while time goes on, since
 * data of kernel sockets moves only in here; for peers it only sleeps.
 * Frames found are handed out by fantail_net_recv(). A signal ends the sleep.
 *
 * Return: 1 if @wake_fd is readable, 0 if not, or -errno of poll(2).
 */
int fantail_net_poll(struct fantail_net *net, uint64_t now_us, int timeout_ms,
		     int wake_fd);

/** fantail_net_get_stats() - a copy of the counters. */
void fantail_net_get_stats(const struct fantail_net *net,
			   struct fantail_net_stats *stats);

/**
 * fantail_net_link_stats() - what the link model did to frames, link.h
 * @tx: of the card's frames
 * @rx: of those towards it
 *
 * Return: true, or false when there is no link model: both are zero.
 */
bool fantail_net_link_stats(const struct fantail_net *net,
			    struct fantail_link_stats *tx,
			    struct fantail_link_stats *rx);

/** fantail_net_card_ip() - the card's IPv4 address after defaults and URI. */
uint32_t fantail_net_card_ip(const struct fantail_net *net);

/** fantail_net_card_ips() - how many addresses the card has from there on. */
uint32_t fantail_net_card_ips(const struct fantail_net *net);

/** fantail_net_is_card() - is @ip an address of the card? */
bool fantail_net_is_card(const struct fantail_net *net, uint32_t ip);

/**
 * fantail_net_peers() - the peers of a "peers:" network, for peer.h.
 *
 * Return: valid until the network is closed; NULL for other back-ends.
 */
struct fantail_peers *fantail_net_peers(struct fantail_net *net);

/**
 * fantail_net_inject() - a frame towards the card of a "script:" network.
 * @frame: only read during the call; padded to 60 bytes
 * @delay_us: from the network's present time, that of the last call
 *
 * Return: 0, -EMSGSIZE, or -ENOTSUP for another back-end.
 */
int fantail_net_inject(struct fantail_net *net, const void *frame, size_t len,
		       uint64_t delay_us);

/**
 * fantail_net_tap() - namespace and device of a "tap:" network, for tap.h.
 *
 * Return: valid until the network is closed; NULL for other back-ends.
 */
const struct fantail_tap *fantail_net_tap(const struct fantail_net *net);

#ifdef __cplusplus
}
#endif

#endif
