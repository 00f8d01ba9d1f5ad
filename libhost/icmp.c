/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP (RFC 792): echo, and errors about our segments.
 *
 * An error is believed if it quotes a segment of a connection of ours whose
 * sequence number is in flight (RFC 5927 4.1). Of an installed connection only
 * the card knows what is: it is asked with CONN_QUERY, one error at a time,
 * and the answer decides.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define ECHO_REPLY    0u
#define UNREACHABLE   3u
#define QUENCH	      4u
#define ECHO_REQUEST  8u
#define TIME_EXCEEDED 11u
#define BAD_PARAMETER 12u
#define ICMP_HEADER   8u
#define QUOTE_BYTES   28u /* IP header and 64 bits */
#define HEADERS	      40u /* IPv4 and TCP without options */
#define ERRORS_PER_S  200u

enum icmp_kind {
	ICMP_NONE,
	ICMP_SOFT,
	ICMP_HARD,
	ICMP_TOO_BIG
};

/*
 * RFC 1122 3.2.2.6: the request is turned round where it lies, in its receive
 * slot, so a reply of any size needs no other memory.
 */
static void echo(struct fantail *f, struct rx_frame *fr, uint8_t *ip,
		 uint32_t ip_len)
{
	uint32_t header = (uint32_t)(ip[0] & 15) * 4;
	uint8_t *icmp = ip + header;

	memcpy(fr->data, fr->data + 6, ETH_ALEN);
	memcpy(fr->data + 6, f->opt.mac, ETH_ALEN);
	memcpy(ip + 16, ip + 12, 4);
	put32(ip + 12, f->opt.ip);
	ip[8] = 64;
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum_fold(sum16(ip, header, 0)));
	icmp[0] = ECHO_REPLY;
	put16(icmp + 2, 0);
	put16(icmp + 2, (uint16_t)~sum_fold(sum16(icmp, ip_len - header, 0)));

	/* Without what padding the request had. */
	if (!control_frame_from_slot(f, FANTAIL_OP_FRAME_TX, fr->slot,
				     14 + ip_len)) {
		f->stats.frames_sent++;
		f->stats.echo_replies++;
	}
}

/*
 * RFC 9293 3.9.2.2 MUST-54..56, row 45: protocol and port unreachable are
 * hard; net and host unreachable, source route failed, time exceeded and
 * parameter problem are soft. So is what later RFCs added. RFC 9293 MUST-55:
 * source quench is silently discarded.
 */
static enum icmp_kind kind_of(const uint8_t *icmp)
{
	if (icmp[0] == TIME_EXCEEDED || icmp[0] == BAD_PARAMETER)
		return ICMP_SOFT;
	if (icmp[0] != UNREACHABLE)
		return ICMP_NONE;
	if (icmp[1] == 4)
		return ICMP_TOO_BIG;
	return icmp[1] == 2 || icmp[1] == 3 ? ICMP_HARD : ICMP_SOFT;
}

/* RFC 1191 7.1: below the length that did not fit, when no MTU is told. */
static uint32_t plateau(uint32_t len)
{
	static const uint16_t table[] = { 1492, 1006, 508, 296, 68 };
	unsigned int i = 0;

	while (i < 4 && table[i] >= len)
		i++;
	return table[i];
}

/* RFC 1191 4, row 46. The MSS, TCP options included, not below the floor. */
static uint16_t path_mss(const struct fantail *f, const uint8_t *icmp)
{
	uint32_t mtu = get16(icmp + 6);
	uint32_t floor = f->opt.mss_floor;

	if (!mtu)
		mtu = plateau(get16(icmp + ICMP_HEADER + 2));
	return (uint16_t)(mtu < floor + HEADERS ? floor : mtu - HEADERS);
}

/* A handshake: its SYN or SYN-ACK is all that can be meant. */
static void embryo_error(struct fantail *f, struct embryo *e,
			 enum icmp_kind kind, uint32_t seq, uint16_t mss)
{
	if (seq != e->iss) {
		f->stats.icmp_out_of_seq++;
	} else if (kind == ICMP_HARD) {
		f->stats.icmp_hard++;
		embryo_fail(f, e, -ECONNREFUSED);
	} else if (kind == ICMP_SOFT) {
		/* RFC 9293 3.9.2.2 MUST-56: tried on; told at the end. */
		f->stats.icmp_soft++;
		e->soft_error = -EHOSTUNREACH;
	} else if (!e->syn_sent && mss < e->peer_mss) {
		f->stats.icmp_mss_lowered++;
		e->peer_mss = mss;
	} else {
		f->stats.icmp_ignored++;
	}
}

static void conn_error(struct fantail *f, struct fantail_conn *c,
		       enum icmp_kind kind, uint32_t seq, uint16_t mss)
{
	if (c->state != CONN_OPEN) {
		f->stats.icmp_ignored++;
		return;
	}
	if (c->icmp_kind || !rate_allows(f, &f->icmp_rate, ERRORS_PER_S) ||
	    conn_query(c)) {
		f->stats.icmp_limited++;
		return;
	}
	c->icmp_kind = kind;
	c->icmp_seq = seq;
	c->icmp_mss = mss;
}

static void error_input(struct fantail *f, const uint8_t *icmp, uint32_t len)
{
	const uint8_t *ip = icmp + ICMP_HEADER, *tcp;
	enum icmp_kind kind = kind_of(icmp);
	uint32_t header = (uint32_t)(ip[0] & 15) * 4, peer, seq;
	struct flow *flow = NULL;
	uint16_t mss;

	/* RFC 9293 3.9.2.2 MUST-54, row 45: by the quoted segment. */
	if (len >= ICMP_HEADER + QUOTE_BYTES && ip[0] >> 4 == 4 &&
	    header >= 20 && len >= ICMP_HEADER + header + 8 && ip[9] == 6 &&
	    !(get16(ip + 6) & 0x1FFF) && get32(ip + 12) == f->opt.ip) {
		tcp = ip + header;
		peer = get32(ip + 16);
		seq = get32(tcp + 4);
		flow = flows_find(f, peer, get16(tcp + 2), get16(tcp));
	}
	if (!flow) {
		f->stats.icmp_unmatched++;
		return;
	}
	mss = path_mss(f, icmp);
	if (flow->kind == FLOW_CONN)
		conn_error(f, (struct fantail_conn *)flow, kind, seq, mss);
	else if (flow->kind == FLOW_EMBRYO)
		embryo_error(f, (struct embryo *)flow, kind, seq, mss);
	else
		f->stats.icmp_ignored++;
}

static void tell(struct fantail *f, struct fantail_conn *c, int error,
		 uint32_t mss)
{
	struct fantail_event *ev;

	if (c->gone)
		return;
	ev = event_add(f, FANTAIL_EVENT_ERROR, c);
	ev->u.error.error = error;
	ev->u.error.mss = mss;
}

/*
 * RFC 1191 6.3, row 46: smaller segments from now on, also of what is sent
 * again; DF stays set. Never larger again: RFC 1191 6.3 allows it, nobody
 * needs it.
 */
static void lower_mss(struct fantail *f, struct fantail_conn *c)
{
	uint16_t mss = tcp_payload_mss(c->icmp_mss, c->timestamps);

	if (mss >= c->mss) {
		f->stats.icmp_ignored++;
		return;
	}
	/* No room: the segment is sent, and refused, once more. */
	if (conn_update(c, FANTAIL_UPDATE_MSS, mss)) {
		f->stats.icmp_limited++;
		return;
	}
	f->stats.icmp_mss_lowered++;
	log_line(f, FANTAIL_LOG_INFO, "connection %08x: MSS %u, was %u",
		 c->handle, mss, c->mss);
	c->mss = mss;
	tell(f, c, -EMSGSIZE, mss);
}

void icmp_verdict(struct fantail *f, struct fantail_conn *c,
		  const struct fantail_rec_conn *r)
{
	enum icmp_kind kind = (enum icmp_kind)c->icmp_kind;
	uint32_t una = c->snd_base + r->acked;
	uint32_t in_flight = r->queued - r->acked + 1; /* and a FIN */

	c->icmp_kind = ICMP_NONE;
	if (kind == ICMP_NONE || c->state != CONN_OPEN)
		return;
	/* RFC 5927 4.1 */
	if (c->icmp_seq - una >= in_flight) {
		f->stats.icmp_out_of_seq++;
	} else if (kind == ICMP_SOFT) {
		f->stats.icmp_soft++;
		tell(f, c, -EHOSTUNREACH, 0);
	} else if (kind == ICMP_HARD) {
		/* RFC 9293 3.9.2.2 SHLD-25 */
		f->stats.icmp_hard++;
		log_line(f, FANTAIL_LOG_INFO,
			 "connection %08x: aborted for ICMP unreachable",
			 c->handle);
		tell(f, c, -ECONNREFUSED, 0);
		fantail_abort_conn(c);
	} else {
		lower_mss(f, c);
	}
}

void icmp_input(struct fantail *f, struct rx_frame *fr, uint32_t ip_len)
{
	uint8_t *ip = fr->data + 14;
	uint32_t header = (uint32_t)(ip[0] & 15) * 4;
	uint8_t *icmp = ip + header;
	uint32_t len = ip_len - header;

	if (len < ICMP_HEADER || sum_fold(sum16(icmp, len, 0)) != 0xFFFF)
		f->stats.frames_bad++;
	else if (icmp[0] == QUENCH)
		f->stats.icmp_quench++;
	else if (kind_of(icmp) != ICMP_NONE)
		error_input(f, icmp, len);
	/* RFC 1122 3.2.2.6: options would have to be turned round too. */
	else if (icmp[0] == ECHO_REQUEST && !icmp[1] && header == 20)
		echo(f, fr, ip, ip_len);
	else
		f->stats.icmp_ignored++;
}
