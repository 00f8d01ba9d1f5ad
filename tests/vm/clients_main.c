/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * clients PORT COUNT BYTES SEED: on the host of `make vm-test`, COUNT kernel
 * sockets connect to 127.0.0.1:PORT and compare every byte with stream SEED
 * (stream.h), which must end behind BYTES. One line for each that failed; the
 * exit code is 0 if none did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream.h"

enum {
	CLIENTS_MAX = 256,
	READ_BYTES = 65536,
	SILENCE_MS = 60000,
};

struct client {
	uint32_t got;
	bool right;
};

static struct client client[CLIENTS_MAX];
static struct pollfd fds[CLIENTS_MAX]; /* fd -1: it is over */
static uint32_t seed, bytes;

static int connect_one(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "clients: connect: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static void end(unsigned int n)
{
	close(fds[n].fd);
	fds[n].fd = -1;
}

static void compare(unsigned int n, const uint8_t *data, size_t length)
{
	struct client *c = &client[n];

	for (size_t i = 0; i < length; i++, c->got++) {
		if (c->got < bytes && data[i] == stream_byte(seed, c->got))
			continue;
		fprintf(stderr, "clients: client %u: byte %u is %02x, not %s\n",
			n, c->got, data[i],
			c->got < bytes ? "as published" : "the end");
		end(n);
		return;
	}
}

static void read_one(unsigned int n)
{
	static uint8_t data[READ_BYTES];
	ssize_t got = recv(fds[n].fd, data, sizeof(data), 0);

	if (got > 0) {
		compare(n, data, (size_t)got);
		return;
	}
	client[n].right = !got && client[n].got == bytes;
	if (!client[n].right)
		fprintf(stderr, "clients: client %u: %s behind %u of %u\n", n,
			got ? strerror(errno) : "end", client[n].got, bytes);
	end(n);
}

int main(int argc, char **argv)
{
	unsigned int count, n, open, right = 0;
	uint16_t port;

	if (argc != 5)
		return 2;
	port = (uint16_t)strtoul(argv[1], NULL, 10);
	count = (unsigned int)strtoul(argv[2], NULL, 10);
	bytes = (uint32_t)strtoul(argv[3], NULL, 10);
	seed = (uint32_t)strtoul(argv[4], NULL, 10);
	if (!count || count > CLIENTS_MAX)
		return 2;
	for (n = 0; n < count; n++)
		fds[n] = (struct pollfd){ connect_one(port), POLLIN, 0 };
	do {
		if (poll(fds, count, SILENCE_MS) <= 0) {
			fprintf(stderr, "clients: nothing comes any more\n");
			return 1;
		}
		for (open = n = 0; n < count; n++) {
			if (fds[n].fd >= 0 && fds[n].revents)
				read_one(n);
			open += fds[n].fd >= 0;
		}
	} while (open);
	for (n = 0; n < count; n++)
		right += client[n].right;
	printf("%u of %u clients have every one of %u bytes\n", right, count,
	       bytes);
	return right == count ? 0 : 1;
}
