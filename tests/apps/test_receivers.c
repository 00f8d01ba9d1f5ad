/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* The receivers in the simulator's network, against a scripted card. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "../sim/net_card.h"
#include "receivers.h"

enum {
	PEERS = 3,
	ISN = 5000
};

static struct stream *stream;
static struct fantail_net *net;
static uint64_t now;

/* The connection of a peer, as the card keeps it. */
static struct {
	uint32_t ip, ack;
	uint16_t port;
} conns[PEERS];

static void send_to(unsigned int n, uint8_t flags, uint32_t offset,
		    const char *text)
{
	struct seg s = {
		.src = fantail_net_card_ip(net),
		.dst = conns[n].ip,
		.sport = CARD_PORT,
		.dport = conns[n].port,
		.seq = ISN + offset,
		.ack = conns[n].ack,
		.flags = flags,
		.data = text,
		.len = text ? strlen(text) : 0,
	};
	uint8_t f[FANTAIL_NET_FRAME_MAX];

	if (flags & TCP_SYN)
		seg_mss(&s, 1460);
	cr_assert_eq(fantail_net_send(net, f, frame_build(f, &s), now), 0);
}

/* Let time pass; answer ARP and SYN. */
static void pump(void)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	struct got g;
	int length;

	now += 100000;
	while ((length = fantail_net_recv(net, f, sizeof(f), now)) > 0) {
		unsigned int n;

		if (card_arp(net, f, now) ||
		    !frame_parse(f, (size_t)length, &g))
			continue;
		n = g.src & 0xff;
		cr_assert_lt(n, PEERS);
		if (!(g.flags & TCP_SYN))
			continue;
		conns[n].ip = g.src;
		conns[n].port = g.sport;
		conns[n].ack = g.seq + 1;
		send_to(n, TCP_SYN | TCP_ACK, 0, NULL);
	}
}

static void setup(void)
{
	struct fantail_peers_config peers;
	struct fantail_net_config cfg;

	cr_assert_eq(stream_new(PEERS, &stream), 0);
	fantail_net_config_default(&cfg);
	receivers_configure(stream, &peers);
	/* no options but MSS: the card here sends plain segments */
	peers.options.timestamps = false;
	cfg.peers = &peers;
	cr_assert_eq(fantail_net_open("peers:", &cfg, &net), 0);
	for (int i = 0; i < 10; i++)
		pump();
	cr_assert_eq(stream_count(stream, RECEIVER_OPEN), PEERS);
	cr_assert_eq(stream_append(stream, (const uint8_t *)"abcdef", 6), 0);
}

static void teardown(void)
{
	fantail_net_close(net);
	stream_free(stream);
}

TestSuite(receivers, .init = setup, .fini = teardown, .timeout = 20);

Test(receivers, right_bytes_and_fin)
{
	send_to(0, TCP_ACK, 1, "abc");
	send_to(0, TCP_ACK | TCP_PSH, 4, "def");
	pump();
	cr_assert_eq(stream_receiver(stream, 0)->received, 6);
	stream_finish(stream);
	send_to(0, TCP_ACK | TCP_FIN, 7, NULL);
	pump();
	cr_assert_eq(stream_receiver(stream, 0)->state, RECEIVER_VERIFIED);
	cr_assert_eq(stream_count(stream, RECEIVER_OPEN), PEERS - 1);
}

Test(receivers, wrong_byte)
{
	char text[200];

	send_to(1, TCP_ACK, 1, "abXdef");
	pump();
	cr_assert_eq(stream_receiver(stream, 1)->state, RECEIVER_FAILED);
	stream_describe(stream, 1, text, sizeof(text));
	cr_assert_str_eq(text, "client 1 got a wrong byte at offset 2: "
			       "expected 0x63, got 0x58");
	cr_assert_eq(stream_count(stream, RECEIVER_OPEN), PEERS - 1);
}

Test(receivers, fin_before_the_end)
{
	send_to(2, TCP_ACK, 1, "abcd");
	stream_finish(stream);
	send_to(2, TCP_ACK | TCP_FIN, 5, NULL);
	pump();
	cr_assert_eq(stream_receiver(stream, 2)->state, RECEIVER_FAILED);
	cr_assert_eq(stream_receiver(stream, 2)->fault, FAULT_EARLY_END);
}

Test(receivers, reset)
{
	send_to(2, TCP_RST | TCP_ACK, 1, NULL);
	pump();
	cr_assert_eq(stream_receiver(stream, 2)->fault, FAULT_SOCKET);
	cr_assert_eq(stream_receiver(stream, 2)->error, ECONNRESET);
}
