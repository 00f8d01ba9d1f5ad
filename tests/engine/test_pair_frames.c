/* SPDX-License-Identifier: Apache-2.0 */
/* Two queue pairs: which host gets a frame, and what injected ones find. */
#include <criterion/criterion.h>
#include <string.h>

#include "pair.h"

#include "../libhost/host_fixture.h"

static const struct fantail_qp_options small = {
	.data_log2 = 6,
	.control_log2 = 4,
	.status_log2 = 6,
	.slot_count = 32,
	.mod_count = 1,
};

static void ether(uint8_t *f, uint16_t type)
{
	memset(f, 0, 60);
	memset(f, 0xFF, 6);
	memcpy(f + 6, host_peer_mac, 6);
	f[12] = (uint8_t)(type >> 8);
	f[13] = (uint8_t)type;
}

static void put_ip(uint8_t *p, uint32_t ip)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(ip >> (24 - 8 * i));
}

/* Frames for the host: whose address they name, else queue pair 0. */
Test(pair_frames, frames_go_by_address)
{
	static const struct {
		uint32_t ip;
		unsigned int host;
	} to[] = {
		{ PAIR_IP, 0 },	    { PAIR_IP + 1, 1 }, { PAIR_IP + 2, 0 },
		{ 0xFFFFFFFFu, 0 }, { 0, 0 },		{ PAIR_IP + 1, 1 },
	};
	struct pair *p = pair_open(&small);
	uint8_t f[60];
	uint32_t i, kind;
	uint64_t count;
	uint16_t sum;

	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		for (kind = 0; kind < 2; kind++) {
			ether(f, kind ? 0x0800 : 0x0806);
			if (kind) {
				f[14] = 0x45;
				f[17] = 46;
				f[22] = 64;
				f[23] = 17;
				put_ip(f + 26, PAIR_PEER);
				put_ip(f + 30, to[i].ip);
				sum = host_checksum(f + 14, 20, 0);
				f[24] = (uint8_t)(sum >> 8);
				f[25] = (uint8_t)sum;
			} else {
				put_ip(f + 38, to[i].ip);
			}
			pair_forget(p);
			pair_inject(p, f, sizeof(f));
			pair_for(p, 200);
			cr_assert_eq(
				pair_count(p, to[i].host, FANTAIL_REC_FRAME), 1,
				"%08x kind %u", to[i].ip, kind);
			cr_assert_eq(
				pair_count(p, !to[i].host, FANTAIL_REC_FRAME),
				0);
		}
	}
	/* Neither: queue pair 0. Nobody at home: dropped and counted. */
	ether(f, 0x88CC);
	pair_forget(p);
	pair_inject(p, f, sizeof(f));
	pair_for(p, 200);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_FRAME), 1);
	pair_close_host(p, 1);
	ether(f, 0x0806);
	put_ip(f + 38, PAIR_IP + 1);
	pair_forget(p);
	pair_inject(p, f, sizeof(f));
	pair_for(p, 200);
	cr_assert_eq(pair_count(p, 0, FANTAIL_REC_FRAME), 0);
	fantail_dev_counter(p->dev, FANTAIL_CNT_RX_DROP_NO_SLOT, &count);
	cr_assert_eq(count, 1);
	pair_close(p);
}

/* What a host injects does not find the other's connections. */
Test(pair_frames, injected_frames)
{
	struct pair *p = pair_open(&small);
	struct host_seg s = {
		.src_ip = PAIR_PEER + 4,
		.dst_ip = PAIR_IP + 1,
		.src_port = 5000,
		.dst_port = PAIR_PORT,
		.seq = 1,
		.ack = PAIR_ISN,
		.flags = HOST_ACK,
		.wnd = 65535,
		.mss = -1,
		.wscale = -1,
		.ts_val = -1,
		.data = "not yours",
	};
	struct fantail_entry e = { .op = FANTAIL_OP_FRAME_INJECT };
	uint8_t frame[1514];
	unsigned int h;

	pair_install(p, 1, 4, 1);
	e.len = (uint32_t)host_build(&s, frame);
	for (h = 0; h < 2; h++) {
		e.addr = pair_bytes(p, h, e.len, 0);
		memcpy(pair_va(p, h, e.addr), frame, e.len);
		pair_forget(p);
		cr_assert_eq(pair_one(p, h, FANTAIL_RING_CONTROL, &e),
			     h ? 0 : FANTAIL_REFUSE_INJECT_MISSED);
		pair_for(p, 500);
		cr_assert_eq(pair_count(p, 1, FANTAIL_REC_DATA), h);
		cr_assert_eq(pair_count(p, 0, FANTAIL_REC_DATA), 0);
	}
	pair_close(p);
}
