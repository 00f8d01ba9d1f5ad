/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The kernel as a network: what its sockets send comes out as frames of the
 * device, and nothing is left when those who hold it are gone.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "net_frame.h"
#include "tap.h"

#define NEEDS "test \"$(id -u)\" = 0 && test -c /dev/net/tun"

enum {
	IP_CARD = 0x0a020001,
	IP_KERNEL = 0x0a020002,
	TRIES = 200, /* looks of 10 ms */
};

TestSuite(net_tap, .timeout = 60);

static struct fantail_tap open_tap(const struct fantail_tap_config *cfg)
{
	struct fantail_tap tap;
	char why[256] = "";
	int rc = fantail_tap_open(cfg, &tap, why, sizeof(why));

	if (rc == -EPERM || rc == -ENODEV)
		cr_skip_test("%s [needs: %s]", why, NEEDS);
	cr_assert_eq(rc, 0, "%s", why);
	return tap;
}

/* Run in a process inside the namespace; its exit code. */
static int inside(const struct fantail_tap *tap, int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fantail_tap_enter(tap) ? 99 : body());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	return atoi(text);
}

static int is_reno_without_sack(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) ||
	    strcmp(name, "reno"))
		return 1;
	if (read_number("/proc/sys/net/ipv4/tcp_sack") != 0)
		return 2;
	return read_number("/proc/sys/net/ipv4/tcp_timestamps") != 1 ? 3 : 0;
}

Test(net_tap, settings_hold_inside_only)
{
	struct fantail_tap_config cfg;
	struct fantail_tap tap;
	int before = read_number("/proc/sys/net/ipv4/tcp_sack");

	fantail_tap_config_default(&cfg);
	cfg.sack = false;
	tap = open_tap(&cfg);
	cr_assert_eq(inside(&tap, is_reno_without_sack), 0);
	cr_assert_eq(read_number("/proc/sys/net/ipv4/tcp_sack"), before);
	cr_assert_eq(if_nametoindex("fantail0"), 0, "it is in our namespace");
	fantail_tap_close(&tap);
	cr_assert_eq(tap.fd, -1);
}

Test(net_tap, errors_say_what)
{
	struct fantail_tap_config cfg;
	struct fantail_tap tap;
	char why[256] = "";

	fantail_tap_config_default(&cfg);
	cfg.prefix = 31;
	cr_assert_eq(fantail_tap_open(&cfg, &tap, why, sizeof(why)), -EINVAL);
	cr_assert(strstr(why, "out of range"), "%s", why);
	tap = open_tap(NULL);
	fantail_tap_close(&tap);
	fantail_tap_config_default(&cfg);
	snprintf(cfg.congestion, sizeof(cfg.congestion), "nonesuch");
	cr_assert_eq(fantail_tap_open(&cfg, &tap, why, sizeof(why)), -EINVAL);
	cr_assert(strstr(why, "'nonesuch'"), "%s", why);
}

Test(net_tap, without_rights_it_says_so)
{
	struct fantail_tap tap;
	char why[256] = "";
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (getuid() == 0 && setresuid(65534, 65534, 65534))
			_exit(9);
		_exit(fantail_tap_open(NULL, &tap, why, sizeof(why)) ==
					      -EPERM &&
				      strstr(why, "root") &&
				      strstr(why, "slirp")
			      ? 0
			      : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
}

/* A client that connects to the card and dies with the test. */
static pid_t start_client(const struct fantail_tap *tap)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9000),
		.sin_addr = { htonl(IP_CARD) },
	};
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	if (fantail_tap_enter(tap))
		_exit(99);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	_exit(connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
			      errno == ECONNREFUSED
		      ? 0
		      : 1);
}

static int next_frame(struct fantail_net *net, uint8_t *frame)
{
	int i, len = 0;

	for (i = 0; i < TRIES && len <= 0; i++) {
		fantail_net_poll(net, (uint64_t)i, 10, -1);
		len = fantail_net_recv(net, frame, FANTAIL_NET_FRAME_MAX,
				       (uint64_t)i);
	}
	return len;
}

static void answer_arp(struct fantail_net *net, const uint8_t *ask)
{
	static const uint8_t mac[6] = { 2, 'f', 'a', 'n', 0, 1 };
	uint8_t frame[ETH_MIN] = { 0 }, *arp = frame + ETH_LEN;

	memcpy(frame, ask + 6, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, ask + 12, 8);
	put16(arp + 6, 2);
	memcpy(arp + 8, mac, 6);
	put32(arp + 14, IP_CARD);
	memcpy(arp + 18, ask + 22, 10);
	cr_assert_eq(fantail_net_send(net, frame, sizeof(frame), 0), 0);
}

/* A RST for a SYN, as from a port where nobody listens. */
static void refuse(struct fantail_net *net, const uint8_t *syn)
{
	uint8_t frame[ETH_MIN] = { 0 }, *ip = frame + ETH_LEN, *tcp = ip + 20;
	const uint8_t *from = syn + ETH_LEN;

	memcpy(frame, syn + 6, 6);
	memcpy(frame + 6, syn, 6);
	put16(frame + 12, TYPE_IPV4);
	ip[0] = 0x45;
	put16(ip + 2, 40);
	ip[8] = 64;
	ip[9] = PROTO_TCP;
	memcpy(ip + 12, from + 16, 4);
	memcpy(ip + 16, from + 12, 4);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	memcpy(tcp, from + 22, 2);
	memcpy(tcp + 2, from + 20, 2);
	put32(tcp + 8, get32(from + 24) + 1);
	tcp[12] = 0x50;
	tcp[13] = TCP_RST | TCP_ACK;
	put16(tcp + 16, csum_tcp(ip, tcp, 20));
	cr_assert_eq(fantail_net_send(net, frame, 54, 0), 0);
}

/* The kernel asks for our address, knocks, and believes the answer. */
Test(net_tap, kernel_connects_and_is_refused)
{
	struct fantail_tap tap = open_tap(NULL);
	struct fantail_net_config cfg;
	uint8_t frame[FANTAIL_NET_FRAME_MAX];
	struct fantail_net_stats stats;
	struct fantail_net *net;
	int len, status;
	pid_t pid;

	fantail_net_config_default(&cfg);
	cfg.tap = &tap;
	cr_assert_eq(fantail_net_open("tap:", &cfg, &net), 0);
	cr_assert(fantail_net_is_external(net));
	cr_assert_eq(fantail_net_card_ip(net), IP_CARD);
	cr_assert_eq(fantail_net_tap(net)->ns, tap.ns);
	pid = start_client(&tap);

	len = next_frame(net, frame);
	cr_assert_geq(len, ETH_MIN);
	cr_assert_eq(get16(frame + 12), TYPE_ARP);
	cr_assert_eq(get32(frame + ETH_LEN + 14), IP_KERNEL);
	answer_arp(net, frame);
	len = next_frame(net, frame);
	cr_assert_gt(len, 54);
	cr_assert_eq(get16(frame + 12), TYPE_IPV4);
	cr_assert_eq(frame[ETH_LEN + 9], PROTO_TCP);
	cr_assert_eq(frame[ETH_LEN + 33], TCP_SYN);
	cr_assert_eq(csum_tcp(frame + ETH_LEN, frame + ETH_LEN + 20,
			      get16(frame + ETH_LEN + 2) - 20u),
		     0, "the kernel left the checksum to a device");
	refuse(net, frame);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
	fantail_net_get_stats(net, &stats);
	cr_assert_eq(stats.tx_refused, 0);
	fantail_net_close(net);
	cr_assert_neq(fcntl(tap.fd, F_GETFD), -1, "it was the caller's");
	fantail_tap_close(&tap);
}

/* The device of a network that made its own is reached through it. */
Test(net_tap, makes_its_own)
{
	struct fantail_net *net;
	int rc = fantail_net_open("tap:?sack=0&congestion=reno", NULL, &net);

	if (rc == -EPERM || rc == -ENODEV)
		cr_skip_test("no rights [needs: %s]", NEEDS);
	cr_assert_eq(rc, 0);
	cr_assert_eq(inside(fantail_net_tap(net), is_reno_without_sack), 0);
	fantail_net_close(net);
	cr_assert_eq(fantail_net_open("tap:?sack=2", NULL, &net), -EINVAL);
	cr_assert_eq(fantail_net_open("tap:?congestion=", NULL, &net), -EINVAL);
}

/* When the last holder is killed, the device ends: reading says so. */
Test(net_tap, nothing_outlives_its_holders)
{
	struct fantail_tap tap;
	char byte = 0;
	int fds[2], status;
	ino_t inode;
	struct stat st;
	pid_t pid;

	tap = open_tap(NULL);
	fantail_tap_close(&tap);
	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		tap = open_tap(NULL);
		fstat(tap.ns, &st);
		inode = st.st_ino;
		(void)!write(fds[1], &inode, sizeof(inode));
		for (;;)
			pause();
	}
	close(fds[1]);
	cr_assert_eq(read(fds[0], &inode, sizeof(inode)), sizeof(inode));
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	/* the pipe is ours alone: nobody of them lives on */
	cr_assert_eq(read(fds[0], &byte, 1), 0);
	cr_assert_eq(if_nametoindex("fantail0"), 0);
	cr_assert_eq(stat("/proc/self/ns/net", &st), 0);
	cr_assert_neq(st.st_ino, inode, "the test itself moved");
}
