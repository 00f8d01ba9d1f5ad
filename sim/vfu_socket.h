/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio-user's transport, the server's end: one listening UNIX socket, one
 * client at a time, whole messages with their descriptors. It knows the
 * header and nothing of what the messages say.
 *
 * Threads: vfu_socket_send() from any; the rest from the server's.
 */
#ifndef FANTAIL_VFU_SOCKET_H
#define FANTAIL_VFU_SOCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vfio_user.h"

#define VFU_BODY_MAX (65536u + 64u) /* bytes behind a header we take */
#define VFU_FDS_MAX  16u	    /* descriptors in one message */
#define VFU_OUT_MAX  (256u * 1024u) /* bytes that may wait to be sent */
/* With so much waiting no more is taken from the client. */
#define VFU_OUT_FULL (VFU_OUT_MAX / 2)

struct vfu_message {
	struct vfu_header header;
	const uint8_t *body; /* until the next receive */
	size_t body_len;
	int fds[VFU_FDS_MAX]; /* -1: taken by the receiver */
	unsigned int fd_count;
};

struct vfu_socket {
	int listen_fd;
	int fd; /* the client, -1: none */
	char *path;

	/* The message that is arriving. */
	struct vfu_header header;
	uint8_t body[VFU_BODY_MAX];
	size_t have; /* bytes of it, header included */
	int fds[VFU_FDS_MAX];
	unsigned int fd_count;
	uint64_t since_ms; /* its first byte came then */

	pthread_mutex_t lock; /* of what waits to be sent, and of sending */
	uint8_t out[VFU_OUT_MAX];
	size_t out_len;
	uint64_t out_since_ms; /* nothing has left since */
	bool out_broken;
	int kick_fd; /* readable: something new waits to be sent */
};

/*
 * vfu_socket_open() - bind and listen
 * @path: of the socket; one that nobody listens on any more is replaced
 *
 * Return: 0; -EADDRINUSE: somebody does, or it is no socket; -ENAMETOOLONG;
 * or another -errno. On error nothing stays open.
 */
int vfu_socket_open(struct vfu_socket *s, const char *path);

/* Disconnect, stop listening, remove the path. */
void vfu_socket_close(struct vfu_socket *s);

/* Take the next client. 0, -EAGAIN: none, or another -errno. */
int vfu_socket_accept(struct vfu_socket *s);

/* Forget the client, what it sent and what it was to get. */
void vfu_socket_disconnect(struct vfu_socket *s);

/*
 * vfu_socket_receive() - the next message
 * @m: filled when 1 is returned; vfu_message_done() releases its descriptors
 *
 * Return: 1; 0: not all of it is there yet; -ENOTCONN: the client has gone;
 * -EPROTO: a size no message has; -EMSGSIZE: longer than we take; -EMFILE:
 * more descriptors than we take; or another -errno. After an error nothing
 * but vfu_socket_disconnect() makes sense.
 */
int vfu_socket_receive(struct vfu_socket *s, struct vfu_message *m);

/* Close those descriptors that nobody has taken. */
void vfu_message_done(struct vfu_message *m);

/*
 * vfu_socket_send() - a message, or its place in the queue
 * @header: size is filled in
 * @parts, @n: what follows it, up to four
 *
 * Never blocks. Return: 0; -ENOBUFS: too much is waiting; -ENOTCONN.
 */
int vfu_socket_send(struct vfu_socket *s, struct vfu_header *header,
		    const struct iovec *parts, unsigned int n);

/* Send on what waits. 0, or -errno: the client has gone. */
int vfu_socket_flush(struct vfu_socket *s);

/* Bytes that wait to be sent. */
size_t vfu_socket_waiting(struct vfu_socket *s);

/*
 * For how many milliseconds the client has owed us the rest of a message, or
 * has not read what we sent; 0: it owes nothing.
 */
uint64_t vfu_socket_stalled_ms(struct vfu_socket *s, uint64_t now_ms);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t vfu_clock_ms(void);

#endif /* FANTAIL_VFU_SOCKET_H */
