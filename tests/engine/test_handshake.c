/* SPDX-License-Identifier: Apache-2.0 */
/* The library's handshakes through the engine, when one of its frames is lost. */
#include <criterion/criterion.h>
#include <string.h>

#include "../common/card_size.h"
#include "fantail.h"
#include "fantail_sim.h"
#include "net.h"
#include "peer.h"

#define PEERS CARD_CLIENTS(24)
#define PORT  9000

enum {
	SYN = 2,
	ACK = 16
};

static struct fantail_sim *sim;
static struct fantail_dev *dev;
static struct fantail *f;
static struct fantail_conn *conn[PEERS];
static unsigned int accepted, got[PEERS], lost[PEERS];

/* Of every third peer the SYN, the SYN-ACK, the last ACK: once, or twice. */
static void lose(void *ctx, bool to_card, const uint8_t *frame, size_t len,
		 uint64_t now_us, struct fantail_net_fate *fate)
{
	const uint8_t *ip = frame + 14, *tcp = ip + 20;
	uint32_t n;

	(void)ctx;
	(void)now_us;
	if (len < 54 || frame[12] != 8 || frame[13] || ip[9] != 6)
		return;
	n = (to_card ? ip : ip + 4)[15];
	if (n >= PEERS || lost[n] >= 1 + n % 2)
		return;
	if ((n % 3 == 0 && to_card && tcp[13] == SYN) ||
	    (n % 3 == 1 && !to_card && tcp[13] == (SYN | ACK)) ||
	    (n % 3 == 2 && to_card && tcp[13] == ACK)) {
		lost[n]++;
		fate->copies = 0;
	}
}

static void on_data(void *ctx, struct fantail_peers *peers, uint32_t n,
		    const void *bytes, size_t len)
{
	(void)ctx;
	(void)peers;
	(void)bytes;
	got[n] += (unsigned int)len;
}

static void open_all(void)
{
	struct fantail_dev_options dev_opt = { 0 };
	struct fantail_options opt = { 0 };
	struct fantail_peers_config peers;
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_listener *l;

	fantail_net_config_default(&net);
	fantail_peers_config_default(&peers);
	peers.count = PEERS;
	peers.first_ip = 0x0A010100;
	peers.on_data = on_data;
	net.card_ip = 0x0A010001;
	net.card_port = PORT;
	net.peers = &peers;
	net.link = lose;
	fantail_sim_config_init(&cfg);
	cfg.network = "peers:";
	cfg.net = &net;
	cr_assert_eq(fantail_sim_open(&cfg, &sim), 0);
	dev_opt.sim = sim;
	cr_assert_eq(fantail_dev_open("sim:", &dev_opt, &dev), 0);
	opt.dev = dev;
	memcpy(opt.mac, net.card_mac, 6);
	opt.ip = net.card_ip;
	opt.prefix_len = 16;
	cr_assert_eq(fantail_open(&opt, &f), 0);
	cr_assert_eq(fantail_listen(f, PORT, PEERS, &l), 0);
}

static void run_for(uint64_t us)
{
	uint64_t end = fantail_dev_now_us(dev) + us;
	struct fantail_event ev[16];
	int n, i;

	while (fantail_dev_now_us(dev) < end) {
		n = fantail_poll(f, ev, 16);
		cr_assert_geq(n, 0);
		for (i = 0; i < n; i++)
			if (ev[i].type == FANTAIL_EVENT_ACCEPT)
				conn[accepted++] = ev[i].conn;
		if (!n)
			cr_assert_geq(fantail_wait(f, 5000), 0);
	}
}

Test(handshake, any_frame_may_be_lost)
{
	struct fantail_group *group;
	char why[300];
	uint32_t i;

	open_all();
	run_for(20000000);
	cr_assert_eq(accepted, PEERS);
	cr_assert_eq(fantail_group_create(f, &group), 0);
	for (i = 0; i < PEERS; i++) {
		cr_assert_geq(lost[i], 1, "peer %u", i);
		cr_assert_eq(fantail_group_join(group, conn[i]), 0);
	}
	cr_assert_eq(fantail_publish_copy(f, fantail_to_group(group),
					  "twelve bytes", 12, 1),
		     0);
	cr_assert_eq(fantail_submit(f), 1);
	run_for(3000000);
	for (i = 0; i < PEERS; i++)
		cr_assert_eq(got[i], 12, "peer %u: %u bytes", i, got[i]);
	fantail_close(f);
	fantail_dev_close(dev);
	cr_assert_eq(fantail_sim_check(sim, why, sizeof(why)), 0, "%s", why);
	fantail_sim_close(sim);
}
