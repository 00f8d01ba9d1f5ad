/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients: ordinary kernel TCP sockets in a process of their own, each of
 * which compares every byte with the published stream.
 *
 * The forwarded port of user-mode networking has a backlog of one, so the
 * process opens one connection at a time: the next when the publisher has told
 * that it accepted the last. Their numbers are therefore the publisher's
 * accept order. In a namespace of their own (tap.h) they come in crowds, in
 * any order. The process dies with its parent.
 */
#ifndef FANTAIL_RUN_CLIENTS_H
#define FANTAIL_RUN_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"
#include "tap.h"

struct clients;

/*
 * clients_start() - fork the process; call before any thread exists
 * @stream: has one receiver per client
 * @tap: namespace to live in; NULL: that of the caller
 * @ip: address to connect to, from clients_go() on; host byte order
 * @port: its port
 * @clients: set on success; end it with clients_stop()
 *
 * Return: 0 or -errno.
 */
int clients_start(struct stream *stream, const struct fantail_tap *tap,
		  uint32_t ip, uint16_t port, struct clients **clients);

/* The publisher listens: connect the first one. */
void clients_go(struct clients *c);

/* The publisher has accepted one more: connect the next. */
void clients_accepted(struct clients *c);

/* Let client @n leave at once, whatever it has got. */
void clients_drop(struct clients *c, unsigned int n);

/*
 * clients_running() - is the process still there?
 *
 * It ends by itself when no client is left connected. Never blocks.
 *
 * Return: 1 yes; 0 it ended well; -ECHILD it crashed or was killed.
 */
int clients_running(struct clients *c);

/* Kill the process if it still runs, wait for it, free. NULL is allowed. */
void clients_stop(struct clients *c);

#endif
