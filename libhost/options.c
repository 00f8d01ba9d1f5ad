/* SPDX-License-Identifier: Apache-2.0 */
/* TCP options: what a peer says, what we say, and the MSS that follows. */
#include "internal.h"

#include <string.h>

#define OPT_END	   0u
#define OPT_NOP	   1u
#define OPT_MSS	   2u
#define OPT_WSCALE 3u
#define OPT_SACK   4u
#define OPT_TS	   8u

#define WSCALE_MAX 14u /* RFC 7323 2.3 */
#define TS_BYTES   12u /* the option with its padding */

/* One option whose length is known to lie within the header. */
static void take_option(const uint8_t *p, struct tcp_options *o)
{
	if (p[0] == OPT_MSS && p[1] == 4) {
		o->has_mss = true;
		o->mss = get16(p + 2);
	} else if (p[0] == OPT_WSCALE && p[1] == 3) {
		o->has_wscale = true;
		/* RFC 7323 2.3, row 14: above 14 means 14. */
		o->wscale = p[2] > WSCALE_MAX ? WSCALE_MAX : p[2];
	} else if (p[0] == OPT_SACK && p[1] == 2) {
		o->has_sack = true;
	} else if (p[0] == OPT_TS && p[1] == 10) {
		o->has_ts = true;
		o->ts_val = get32(p + 2);
		o->ts_ecr = get32(p + 6);
	}
}

/*
 * RFC 9293 3.1 MUST-4/6/7, row 2: EOL, NOP, MSS; unknown ones are skipped by
 * their length. A length below 2 or beyond the header ends the parse: what
 * came before it counts, and the segment lives.
 */
bool tcp_parse_options(const uint8_t *p, size_t len, struct tcp_options *o)
{
	memset(o, 0, sizeof(*o));
	while (len && *p != OPT_END) {
		size_t n = 1;

		if (*p != OPT_NOP) {
			if (len < 2 || p[1] < 2 || p[1] > len)
				return false;
			n = p[1];
			take_option(p, o);
		}
		len -= n;
		p += n;
	}
	return true;
}

/*
 * RFC 9293 3.1 MUST-69, row 3: all options in multiples of four, filled up
 * with NOP, so that no padding is left to clear. RFC 2018 2, row 36:
 * SACK-permitted is never among them.
 */
size_t tcp_build_options(uint8_t *p, const struct tcp_options *o)
{
	uint8_t *start = p;

	if (o->has_mss) {
		p[0] = OPT_MSS;
		p[1] = 4;
		put16(p + 2, o->mss);
		p += 4;
	}
	if (o->has_wscale) {
		p[0] = OPT_NOP;
		p[1] = OPT_WSCALE;
		p[2] = 3;
		p[3] = o->wscale;
		p += 4;
	}
	if (o->has_ts) {
		p[0] = OPT_NOP;
		p[1] = OPT_NOP;
		p[2] = OPT_TS;
		p[3] = 10;
		put32(p + 4, o->ts_val);
		put32(p + 8, o->ts_ecr);
		p += 12;
	}
	return (size_t)(p - start);
}

/* RFC 9293 3.7.1 MUST-15, row 4: no option, or a senseless one, is 536. */
uint16_t tcp_peer_mss(const struct tcp_options *o)
{
	return o->has_mss && o->mss ? o->mss : MSS_DEFAULT;
}

/* RFC 9293 3.7.1 MUST-16, row 5: less the options of every segment. */
uint16_t tcp_payload_mss(uint32_t mss, bool timestamps)
{
	if (mss > MSS_OURS)
		mss = MSS_OURS;
	if (timestamps)
		mss = mss > TS_BYTES ? mss - TS_BYTES : 0;
	/* The card's floor, for peers that ask for less than sense. */
	return (uint16_t)(mss < FANTAIL_MSS_MIN ? FANTAIL_MSS_MIN : mss);
}

/* The least shift that lets 16 bits hold our credit. */
uint8_t tcp_our_wscale(const struct fantail *f)
{
	uint8_t shift = 0;

	while (f->opt.rcv_credit >> shift > 65535)
		shift++;
	return shift;
}

/* RFC 7323 2.2, row 14: the window of a SYN is never scaled. */
uint16_t tcp_syn_window(const struct fantail *f)
{
	uint32_t credit = f->opt.rcv_credit;

	return (uint16_t)(credit < 65535 ? credit : 65535);
}
