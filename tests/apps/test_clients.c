/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The clients against a plain kernel server that plays the publisher. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients.h"

enum {
	CLIENTS = 20
};

TestSuite(clients, .timeout = 30);

static struct stream *stream;
static struct clients *clients;
static int listener, peers[CLIENTS];

static void start(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(at);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&at, &length);
	cr_assert_eq(stream_new(CLIENTS, &stream), 0);
	cr_assert_eq(clients_start(stream, NULL, INADDR_LOOPBACK,
				   ntohs(at.sin_port), &clients),
		     0);
	clients_go(clients);
	for (int i = 0; i < CLIENTS; i++) {
		peers[i] = accept(listener, NULL, NULL);
		cr_assert_geq(peers[i], 0);
		/* paced: nobody else knocks before we say so */
		cr_assert_eq(stream_count(stream, RECEIVER_OPEN), i + 1);
		clients_accepted(clients);
	}
}

static void publish(const char *text)
{
	size_t length = strlen(text);

	cr_assert_eq(stream_append(stream, (const uint8_t *)text, length), 0);
	for (int i = 0; i < CLIENTS; i++)
		send(peers[i], text, length, MSG_NOSIGNAL);
}

/* Wait until none is open, as the publisher does. */
static void settle(void)
{
	while (clients_running(clients) == 1)
		usleep(1000);
	cr_assert_eq(clients_running(clients), 0);
}

Test(clients, verify_and_end)
{
	start();
	publish("The quick brown fox ");
	publish("jumps over the lazy dog\n");
	stream_finish(stream);
	for (int i = 0; i < CLIENTS; i++)
		close(peers[i]);
	settle();
	cr_assert_eq(stream_count(stream, RECEIVER_VERIFIED), CLIENTS);
	cr_assert_eq(stream_delivered(stream), CLIENTS * 44);
	clients_stop(clients);
	stream_free(stream);
}

Test(clients, each_fault_is_told_apart)
{
	struct linger reset = { .l_onoff = 1 };

	start();
	publish("0123456789");
	send(peers[3], "x", 1, 0);
	setsockopt(peers[4], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	while (stream_delivered(stream) != CLIENTS * 10)
		usleep(1000);
	close(peers[4]);
	close(peers[5]);
	while (stream_count(stream, RECEIVER_FAILED) != 3)
		usleep(1000);
	cr_assert_eq(stream_receiver(stream, 3)->fault, FAULT_EXTRA);
	cr_assert_eq(stream_receiver(stream, 4)->fault, FAULT_SOCKET);
	cr_assert_eq(stream_receiver(stream, 4)->error, ECONNRESET);
	cr_assert_eq(stream_receiver(stream, 5)->fault, FAULT_EARLY_END);
	send(peers[6], "abc", 3, 0);
	stream_append(stream, (const uint8_t *)"abd", 3);
	send(peers[7], "abd", 3, 0);
	while (stream_receiver(stream, 7)->received != 13)
		usleep(1000);
	stream_finish(stream);
	for (int i = 0; i < CLIENTS; i++)
		if (i != 4 && i != 5)
			close(peers[i]);
	settle();
	cr_assert_eq(stream_receiver(stream, 7)->state, RECEIVER_VERIFIED);
	cr_assert_eq(stream_count(stream, RECEIVER_VERIFIED), 1);
	cr_assert_eq(stream_receiver(stream, 6)->state, RECEIVER_FAILED);
	clients_stop(clients);
	stream_free(stream);
}

Test(clients, one_leaves_the_others_stay)
{
	char byte;

	start();
	publish("abc");
	/* closing over unread bytes would be a reset, not a FIN */
	while (stream_receiver(stream, 2)->received != 3)
		usleep(1000);
	clients_drop(clients, 2);
	cr_assert_eq(recv(peers[2], &byte, 1, 0), 0);
	publish("def");
	stream_finish(stream);
	for (int i = 0; i < CLIENTS; i++)
		close(peers[i]);
	settle();
	cr_assert_eq(stream_count(stream, RECEIVER_VERIFIED), CLIENTS - 1);
	cr_assert_eq(stream_count(stream, RECEIVER_DROPPED), 1);
	clients_stop(clients);
	stream_free(stream);
}

Test(clients, refused_connection)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* bound but not listening: nobody else can take the port */
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	cr_assert_eq(stream_new(1, &stream), 0);
	cr_assert_eq(clients_start(stream, NULL, INADDR_LOOPBACK,
				   ntohs(at.sin_port), &clients),
		     0);
	clients_go(clients);
	settle();
	cr_assert_eq(stream_count(stream, RECEIVER_FAILED), 1);
	cr_assert_eq(stream_receiver(stream, 0)->error, ECONNREFUSED);
	clients_stop(clients);
	stream_free(stream);
}
