/* SPDX-License-Identifier: Apache-2.0 */
/* A wire checker, and the segments of one connection to show it. */
#ifndef WIRE_CARD_H
#define WIRE_CARD_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "net_card.h"
#include "wire_check.h"

#define CARD	 0x0a000001u
#define PEER	 0x0a000002u
#define ISN	 0xfffffff0u /* wraps within the first segments */
#define PEER_ISN 5000u

static struct fantail_wire_check *check;
static char last_line[400];
static unsigned int lines;

static inline void log_line(void *ctx, const char *line)
{
	(void)ctx;
	lines++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static inline void setup(void)
{
	struct fantail_wire_check_config cfg = {
		.card_ip = CARD,
		.log = log_line,
	};

	memcpy(cfg.card_mac, card_mac, 6);
	cr_assert_eq(fantail_wire_check_open(&cfg, &check), 0);
}

static inline void teardown(void)
{
	fantail_wire_check_close(check);
}

static inline struct seg tx_seg(uint32_t at, uint8_t flags, const char *data)
{
	return (struct seg){
		.src = CARD,
		.dst = PEER,
		.sport = CARD_PORT,
		.dport = 4000,
		.seq = ISN + 1 + at,
		.ack = PEER_ISN + 1,
		.flags = flags,
		.data = data,
		.len = data ? strlen(data) : 0,
	};
}

static inline struct seg rx_seg(uint32_t acked, uint8_t flags, uint16_t wnd)
{
	return (struct seg){
		.src = PEER,
		.dst = CARD,
		.sport = 4000,
		.dport = CARD_PORT,
		.seq = PEER_ISN + 1,
		.ack = ISN + 1 + acked,
		.flags = flags,
		.wnd = wnd,
	};
}

static inline int tx(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	return fantail_wire_check_tx(check, f, len, 7);
}

static inline void rx(const struct seg *s)
{
	uint8_t f[FANTAIL_NET_FRAME_MAX];
	size_t len = frame_build(f, s);

	cr_assert_eq(fantail_wire_check_rx(check, f, len, 7), 0);
}

static inline int tx_data(uint32_t at, const char *data)
{
	struct seg s = tx_seg(at, TCP_ACK, data);

	return tx(&s);
}

static inline void rx_ack(uint32_t acked, uint16_t wnd)
{
	struct seg s = rx_seg(acked, TCP_ACK, wnd);

	rx(&s);
}

static inline void rx_syn(uint16_t mss, bool ts, int wscale, uint16_t wnd)
{
	struct seg s = rx_seg(0, TCP_SYN, wnd);

	s.seq = PEER_ISN;
	s.ack = 0;
	if (mss)
		seg_mss(&s, mss);
	if (ts)
		seg_ts(&s, 1, 0);
	if (wscale >= 0)
		seg_wscale(&s, (uint8_t)wscale);
	rx(&s);
}

static inline int tx_syn_ack(bool ts, int wscale)
{
	struct seg s = tx_seg(0, TCP_SYN | TCP_ACK, NULL);

	s.seq = ISN;
	seg_mss(&s, 1460);
	if (ts)
		seg_ts(&s, 1, 1);
	if (wscale >= 0)
		seg_wscale(&s, (uint8_t)wscale);
	return tx(&s);
}

/* A connection without options but the MSS. */
static inline void connect_mss(uint16_t mss, uint16_t wnd)
{
	rx_syn(mss, false, -1, wnd);
	cr_assert_eq(tx_syn_ack(false, -1), 0);
	rx_ack(0, wnd);
}

static inline struct fantail_wire_check_result result(void)
{
	struct fantail_wire_check_result r;

	fantail_wire_check_get_result(check, &r);
	return r;
}

/* Exactly one violation so far, of this kind, reported with its name. */
static inline void expect(enum fantail_wire_violation kind)
{
	struct fantail_wire_check_result r = result();
	const char *name = fantail_wire_violation_name(kind);

	cr_assert_eq(r.by_kind[kind], 1, "%s: %llu, last: %s", name,
		     (unsigned long long)r.by_kind[kind], last_line);
	cr_assert_eq(r.violations, 1, "%s: others too, last: %s", name,
		     last_line);
	cr_assert_eq(lines, 1);
	cr_assert(strstr(last_line, name), "%s", last_line);
	cr_assert_eq(r.first_frame, r.tx_frames, "not the last frame");
}

#endif
