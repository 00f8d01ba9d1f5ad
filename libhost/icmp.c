/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP (RFC 792): echo. The request is turned round where it lies, in its
 * receive slot, so a reply of any size needs no other memory. Unreachable
 * and fragmentation needed will be sorted here.
 */
#include "internal.h"

#include <string.h>

#define ECHO_REPLY   0u
#define ECHO_REQUEST 8u
#define ICMP_HEADER  8u

void icmp_input(struct fantail *f, struct rx_frame *fr, uint32_t ip_len)
{
	uint8_t *ip = fr->data + 14;
	uint32_t header = (uint32_t)(ip[0] & 15) * 4;
	uint8_t *icmp = ip + header;
	uint32_t len = ip_len - header;

	if (len < ICMP_HEADER || sum_fold(sum16(icmp, len, 0)) != 0xFFFF) {
		f->stats.frames_bad++;
		return;
	}
	/* RFC 1122 3.2.2.6: options would have to be turned round too. */
	if (icmp[0] != ECHO_REQUEST || icmp[1] || header != 20)
		return;

	memcpy(fr->data, fr->data + 6, ETH_ALEN);
	memcpy(fr->data + 6, f->opt.mac, ETH_ALEN);
	memcpy(ip + 16, ip + 12, 4);
	put32(ip + 12, f->opt.ip);
	ip[8] = 64;
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum_fold(sum16(ip, header, 0)));
	icmp[0] = ECHO_REPLY;
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum16(icmp, len, 0)));

	/* Without what padding the request had. */
	if (!control_frame_from_slot(f, FANTAIL_OP_FRAME_TX, fr->slot,
				     14 + ip_len)) {
		f->stats.frames_sent++;
		f->stats.echo_replies++;
	}
}
