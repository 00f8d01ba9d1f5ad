/* SPDX-License-Identifier: Apache-2.0 */
/* Wire checker: frames up to the TCP header, counting, reporting. */
#include "wire_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_internal.h"

static const char *const names[FANTAIL_WIRE_VIOLATIONS] = {
	[FANTAIL_WIRE_LENGTH] = "length",
	[FANTAIL_WIRE_PADDING] = "padding",
	[FANTAIL_WIRE_ETHERNET] = "ethernet",
	[FANTAIL_WIRE_ARP] = "arp",
	[FANTAIL_WIRE_IP] = "ip",
	[FANTAIL_WIRE_IP_CHECKSUM] = "ip-checksum",
	[FANTAIL_WIRE_ICMP] = "icmp",
	[FANTAIL_WIRE_TCP_CHECKSUM] = "tcp-checksum",
	[FANTAIL_WIRE_RESERVED] = "reserved",
	[FANTAIL_WIRE_OPTIONS] = "options",
	[FANTAIL_WIRE_TIMESTAMP] = "timestamp",
	[FANTAIL_WIRE_UNKNOWN] = "unknown",
	[FANTAIL_WIRE_SYN] = "syn",
	[FANTAIL_WIRE_GAP] = "gap",
	[FANTAIL_WIRE_BELOW] = "below",
	[FANTAIL_WIRE_CHANGED] = "changed",
	[FANTAIL_WIRE_WINDOW] = "window",
	[FANTAIL_WIRE_MSS] = "mss",
	[FANTAIL_WIRE_FIN] = "fin",
	[FANTAIL_WIRE_AFTER_RST] = "after-rst",
	[FANTAIL_WIRE_ACK] = "ack",
};

const char *fantail_wire_violation_name(unsigned int kind)
{
	return kind < FANTAIL_WIRE_VIOLATIONS ? names[kind] : "?";
}

static void format_ip(char *out, size_t size, uint32_t ip)
{
	snprintf(out, size, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
		 ip >> 8 & 255, ip & 255);
}

static void format_segment(char *out, size_t size, const struct wire_segment *s)
{
	static const char letters[] = "FSRPAU";
	char our[16], peer[16], flags[7];
	int i, n = 0;

	format_ip(our, sizeof(our), s->key.our_ip);
	format_ip(peer, sizeof(peer), s->key.peer_ip);
	for (i = 0; i < 6; i++)
		if (s->flags & 1 << i)
			flags[n++] = letters[i];
	flags[n] = 0;
	snprintf(out, size, "%s:%u > %s:%u [%s] seq %u ack %u win %u len %u",
		 our, s->key.our_port, peer, s->key.peer_port, flags, s->seq,
		 s->ack, s->wnd, s->len);
}

void wire_violation(struct fantail_wire_check *c,
		    enum fantail_wire_violation kind, const char *fmt, ...)
{
	char line[320], why[128], decode[128] = "not TCP";
	va_list args;

	c->found++;
	c->result.violations++;
	if (!c->result.first_frame)
		c->result.first_frame = c->result.tx_frames;
	if (++c->result.by_kind[kind] > c->cfg.log_limit || !c->cfg.log)
		return;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (c->segment)
		format_segment(decode, sizeof(decode), c->segment);
	snprintf(line, sizeof(line), "sent frame %llu at %llu us: %s: %s: %s",
		 (unsigned long long)c->result.tx_frames,
		 (unsigned long long)c->now_us, names[kind], why, decode);
	c->cfg.log(c->cfg.log_ctx, line);
}

/* Options as RFC 9293 3.2 has them; all after the end of list is zero. */
static struct wire_options parse_options(const uint8_t *o, uint32_t len)
{
	struct wire_options r = { .good = true, .wscale = -1 };
	uint32_t size;

	for (; len && *o != OPT_EOL; o += size, len -= size) {
		size = 1;
		if (*o == OPT_NOP)
			continue;
		if (len < 2 || o[1] < 2 || o[1] > len) {
			r.good = false;
			return r;
		}
		size = o[1];
		switch (o[0]) {
		case OPT_MSS:
			r.good &= size == 4 && !r.has_mss;
			r.has_mss = r.syn_only = true;
			if (size == 4)
				r.mss = get16(o + 2);
			break;
		case OPT_WSCALE:
			r.good &= size == 3 && r.wscale < 0;
			r.syn_only = true;
			if (size == 3)
				r.wscale = o[2] < 127 ? (int8_t)o[2] : 127;
			break;
		case OPT_SACK_OK:
			r.good &= size == 2;
			r.has_sack = r.syn_only = true;
			break;
		case OPT_TS:
			r.good &= size == 10 && !r.has_ts;
			r.has_ts = true;
			if (size == 10) {
				r.ts_val = get32(o + 2);
				r.ts_ecr = get32(o + 6);
			}
			break;
		default:
			break;
		}
	}
	for (; len; len--, o++)
		r.good &= !*o;
	return r;
}

/* False: the lengths do not allow it. The caller turns the key around. */
static bool parse_tcp(struct wire_segment *s, const uint8_t *ip,
		      const uint8_t *tcp, uint32_t len)
{
	uint32_t head;

	if (len < TCP_LEN)
		return false;
	head = tcp[12] / 16 * 4;
	if (head < TCP_LEN || head > len)
		return false;
	memset(s, 0, sizeof(*s));
	s->key.our_ip = get32(ip + 12);
	s->key.peer_ip = get32(ip + 16);
	s->key.our_port = get16(tcp);
	s->key.peer_port = get16(tcp + 2);
	s->seq = get32(tcp + 4);
	s->ack = get32(tcp + 8);
	s->reserved = (uint8_t)((tcp[12] & 15) << 4 | tcp[13] >> 6);
	s->flags = tcp[13] & 0x3f;
	s->wnd = get16(tcp + 14);
	s->urgent = get16(tcp + 18);
	s->opt_len = head - TCP_LEN;
	s->opt = parse_options(tcp + TCP_LEN, s->opt_len);
	s->bytes = tcp + head;
	s->len = len - head;
	return true;
}

static int tx_tcp(struct fantail_wire_check *c, const uint8_t *ip,
		  const uint8_t *tcp, uint32_t len)
{
	struct wire_segment s;
	int ret;

	if (!parse_tcp(&s, ip, tcp, len)) {
		wire_violation(c, FANTAIL_WIRE_LENGTH, "TCP header");
		return 0;
	}
	c->segment = &s;
	c->result.segments++;
	c->result.syns += !!(s.flags & TCP_SYN);
	c->result.fins += !!(s.flags & TCP_FIN);
	c->result.resets += !!(s.flags & TCP_RST);
	if (csum_tcp(ip, tcp, len))
		wire_violation(c, FANTAIL_WIRE_TCP_CHECKSUM, "is %04x",
			       get16(tcp + 16));
	if (s.reserved || s.urgent || s.flags & TCP_URG)
		wire_violation(c, FANTAIL_WIRE_RESERVED, "bits %02x, urgent %u",
			       s.reserved, s.urgent);
	if (!s.opt.good)
		wire_violation(c, FANTAIL_WIRE_OPTIONS, "malformed");
	else if (s.opt.syn_only && !(s.flags & TCP_SYN))
		wire_violation(c, FANTAIL_WIRE_OPTIONS, "only for a SYN");
	else if (s.opt.has_sack)
		wire_violation(c, FANTAIL_WIRE_OPTIONS, "SACK permitted");
	else if (s.opt.wscale > WSCALE_MAX)
		wire_violation(c, FANTAIL_WIRE_OPTIONS, "window scale %d",
			       s.opt.wscale);
	ret = wire_flow_tx(c, &s);
	c->segment = NULL;
	return ret;
}

static void tx_icmp(struct fantail_wire_check *c, const uint8_t *icmp,
		    uint32_t len)
{
	if (len < 8)
		wire_violation(c, FANTAIL_WIRE_LENGTH, "ICMP of %u bytes", len);
	else if (csum_fold(csum_add(0, icmp, len)))
		wire_violation(c, FANTAIL_WIRE_ICMP, "checksum %04x",
			       get16(icmp + 2));
}

/* The frame ends with what it carries, or with zeros up to 60 bytes. */
static void check_padding(struct fantail_wire_check *c, const uint8_t *frame,
			  size_t len, size_t used)
{
	size_t want = used < ETH_MIN ? ETH_MIN : used, i;

	if (len != want)
		wire_violation(c, FANTAIL_WIRE_PADDING,
			       "%zu bytes on the wire for %zu", len, used);
	for (i = used; i < len; i++) {
		if (frame[i]) {
			wire_violation(c, FANTAIL_WIRE_PADDING,
				       "byte %zu is %02x", i, frame[i]);
			break;
		}
	}
}

static bool ours(const struct fantail_wire_check *c, uint32_t ip)
{
	return !c->cfg.card_ip || ip - c->cfg.card_ip < c->cfg.card_ips;
}

static int tx_ip(struct fantail_wire_check *c, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_LEN;
	uint32_t head, total;

	if (len < ETH_LEN + IP_LEN) {
		wire_violation(c, FANTAIL_WIRE_LENGTH, "%zu bytes", len);
		return 0;
	}
	head = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (head < IP_LEN || total < head || total > len - ETH_LEN ||
	    total > c->cfg.mtu) {
		wire_violation(c, FANTAIL_WIRE_LENGTH,
			       "IPv4 header %u total %u frame %zu", head, total,
			       len);
		return 0;
	}
	check_padding(c, frame, len, ETH_LEN + total);
	if (csum_fold(csum_add(0, ip, head)))
		wire_violation(c, FANTAIL_WIRE_IP_CHECKSUM, "is %04x",
			       get16(ip + 10));
	if (ip[0] >> 4 != 4 || !ip[8] || get16(ip + 6) & 0xbfff)
		wire_violation(c, FANTAIL_WIRE_IP,
			       "version %u TTL %u fragment %04x", ip[0] >> 4,
			       ip[8], get16(ip + 6));
	if (!ours(c, get32(ip + 12)))
		wire_violation(c, FANTAIL_WIRE_IP, "source %08x",
			       get32(ip + 12));
	if (ip[9] == PROTO_ICMP)
		tx_icmp(c, ip + head, total - head);
	if (ip[9] != PROTO_TCP)
		return 0;
	if (get16(ip + 6) != 0x4000) /* DF */
		wire_violation(c, FANTAIL_WIRE_IP, "TCP without DF");
	return tx_tcp(c, ip, ip + head, total - head);
}

static void tx_arp(struct fantail_wire_check *c, const uint8_t *frame,
		   size_t len)
{
	static const uint8_t fixed[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *arp = frame + ETH_LEN;

	if (len < ETH_LEN + ARP_LEN) {
		wire_violation(c, FANTAIL_WIRE_LENGTH, "ARP of %zu bytes", len);
		return;
	}
	check_padding(c, frame, len, ETH_LEN + ARP_LEN);
	if (memcmp(arp, fixed, sizeof(fixed)) || get16(arp + 6) < 1 ||
	    get16(arp + 6) > 2 || memcmp(arp + 8, frame + 6, 6))
		wire_violation(c, FANTAIL_WIRE_ARP,
			       "operation %u or fixed fields", get16(arp + 6));
	if (!ours(c, get32(arp + 14)))
		wire_violation(c, FANTAIL_WIRE_ARP, "sender %08x",
			       get32(arp + 14));
}

static void check_ethernet(struct fantail_wire_check *c, const uint8_t *frame)
{
	static const uint8_t none[6];

	if (frame[6] & 1 || !memcmp(frame + 6, none, 6) ||
	    (memcmp(c->cfg.card_mac, none, 6) &&
	     memcmp(c->cfg.card_mac, frame + 6, 6)))
		wire_violation(c, FANTAIL_WIRE_ETHERNET, "source address");
	if (!memcmp(frame, none, 6))
		wire_violation(c, FANTAIL_WIRE_ETHERNET,
			       "destination address is zero");
}

int fantail_wire_check_tx(struct fantail_wire_check *c, const void *bytes,
			  size_t len, uint64_t now_us)
{
	const uint8_t *frame = bytes;
	int ret = 0;

	c->result.tx_frames++;
	c->result.tx_bytes += len;
	c->now_us = now_us;
	c->found = 0;
	if (len < ETH_LEN) {
		wire_violation(c, FANTAIL_WIRE_LENGTH, "%zu bytes", len);
		return c->found;
	}
	check_ethernet(c, frame);
	switch (get16(frame + 12)) {
	case TYPE_IPV4:
		ret = tx_ip(c, frame, len);
		break;
	case TYPE_ARP:
		tx_arp(c, frame, len);
		break;
	default:
		wire_violation(c, FANTAIL_WIRE_ETHERNET, "type %04x",
			       get16(frame + 12));
		break;
	}
	return ret ? ret : c->found;
}

int fantail_wire_check_rx(struct fantail_wire_check *c, const void *bytes,
			  size_t len, uint64_t now_us)
{
	const uint8_t *frame = bytes, *ip = frame + ETH_LEN;
	struct wire_segment s;
	struct wire_key key;
	uint32_t head, total;

	c->now_us = now_us;
	c->result.rx_frames++;
	if (len < ETH_LEN + IP_LEN || get16(frame + 12) != TYPE_IPV4)
		goto ignore;
	head = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || head < IP_LEN || total < head ||
	    total > len - ETH_LEN || ip[9] != PROTO_TCP ||
	    get16(ip + 6) & 0x3fff || csum_fold(csum_add(0, ip, head)) ||
	    !parse_tcp(&s, ip, ip + head, total - head) ||
	    csum_tcp(ip, ip + head, total - head))
		goto ignore;
	key = s.key;
	s.key.our_ip = key.peer_ip;
	s.key.our_port = key.peer_port;
	s.key.peer_ip = key.our_ip;
	s.key.peer_port = key.our_port;
	return wire_flow_rx(c, &s);

ignore:
	c->result.rx_ignored++;
	return 0;
}

int fantail_wire_check_open(const struct fantail_wire_check_config *cfg,
			    struct fantail_wire_check **out)
{
	struct fantail_wire_check *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (cfg)
		c->cfg = *cfg;
	if (!c->cfg.mtu)
		c->cfg.mtu = 1500;
	if (!c->cfg.card_ips)
		c->cfg.card_ips = 1;
	if (!c->cfg.max_flows)
		c->cfg.max_flows = 65536;
	if (!c->cfg.store_bytes)
		c->cfg.store_bytes = 256ULL << 20;
	if (!c->cfg.log_limit)
		c->cfg.log_limit = 10;
	*out = c;
	return 0;
}

void fantail_wire_check_close(struct fantail_wire_check *c)
{
	if (!c)
		return;
	wire_flows_free(c);
	free(c);
}

int fantail_wire_check_mark(struct fantail_wire_check *c, uint32_t card_ip,
			    uint16_t card_port, uint32_t peer_ip,
			    uint16_t peer_port, uint32_t mark,
			    uint32_t *unacked)
{
	const struct wire_key key = {
		.our_ip = card_ip,
		.peer_ip = peer_ip,
		.our_port = card_port,
		.peer_port = peer_port,
	};

	return wire_flow_mark(c, &key, mark, unacked);
}

void fantail_wire_check_get_result(const struct fantail_wire_check *c,
				   struct fantail_wire_check_result *result)
{
	*result = c->result;
}
