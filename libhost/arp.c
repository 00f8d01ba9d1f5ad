/* SPDX-License-Identifier: Apache-2.0 */
/* ARP (RFC 826): answers, requests, and what was learned. */
#include "internal.h"

#include <string.h>

#define ARP_BYTES   42u /* with the Ethernet header */
#define ARP_REQUEST 1u
#define ARP_REPLY   2u

static const uint8_t broadcast[ETH_ALEN] = {
	0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF
};

static struct arp_entry *entry_of(struct fantail *f, uint32_t ip)
{
	/* Neighbours differ in their last bits. */
	return &f->arp[ip % ARP_ENTRIES];
}

static void learn(struct fantail *f, uint32_t ip, const uint8_t *mac)
{
	struct arp_entry *a = entry_of(f, ip);

	if (!ip || ip == f->opt.ip || mac[0] & 1)
		return;
	a->ip = ip;
	memcpy(a->mac, mac, ETH_ALEN);
	a->known = true;
	connect_resolved(f, ip, mac);
}

static bool arp_send(struct fantail *f, uint16_t op, const uint8_t *dst,
		     const uint8_t *target_mac, uint32_t target_ip)
{
	struct fantail_entry *e;
	void *scratch;
	uint8_t *p;

	e = control_space(f) ? control_get(f, &scratch) : NULL;
	if (!e) {
		f->stats.frames_unsent++;
		return false;
	}
	p = scratch;
	memcpy(p, dst, ETH_ALEN);
	memcpy(p + 6, f->opt.mac, ETH_ALEN);
	put16(p + 12, 0x0806);
	put16(p + 14, 1);      /* Ethernet */
	put16(p + 16, 0x0800); /* IPv4 */
	p[18] = ETH_ALEN;
	p[19] = 4;
	put16(p + 20, op);
	memcpy(p + 22, f->opt.mac, ETH_ALEN);
	put32(p + 28, f->opt.ip);
	memcpy(p + 32, target_mac, ETH_ALEN);
	put32(p + 38, target_ip);
	control_frame(f, e, ARP_BYTES);
	return true;
}

void arp_request(struct fantail *f, uint32_t ip)
{
	static const uint8_t unknown[ETH_ALEN];

	if (arp_send(f, ARP_REQUEST, broadcast, unknown, ip))
		f->stats.arp_requests++;
}

void arp_input(struct fantail *f, struct rx_frame *fr)
{
	const uint8_t *p = fr->data;
	uint32_t sender, target;
	uint16_t op;

	if (fr->len < ARP_BYTES || get16(p + 14) != 1 ||
	    get16(p + 16) != 0x0800 || p[18] != ETH_ALEN || p[19] != 4) {
		f->stats.frames_bad++;
		return;
	}
	op = get16(p + 20);
	sender = get32(p + 28);
	target = get32(p + 38);
	if (target != f->opt.ip) {
		f->stats.arp_ignored++;
		return;
	}
	/* Only who speaks to us is learned: others would fill the cache. */
	learn(f, sender, p + 22);
	if (op == ARP_REQUEST && !(p[22] & 1) &&
	    arp_send(f, ARP_REPLY, p + 22, p + 22, sender))
		f->stats.arp_replies++;
}

uint32_t arp_route(const struct fantail *f, uint32_t ip)
{
	uint32_t host =
		f->opt.prefix_len == 32 ? 0 : UINT32_MAX >> f->opt.prefix_len;

	return (ip & ~host) == (f->opt.ip & ~host) ? ip : f->opt.gateway;
}

const uint8_t *arp_find(struct fantail *f, uint32_t ip)
{
	const struct arp_entry *a = entry_of(f, ip);

	return a->known && a->ip == ip ? a->mac : NULL;
}

const uint8_t *arp_next_hop(struct fantail *f, uint32_t ip, const uint8_t *from)
{
	const uint8_t *mac;
	uint64_t now;

	if (!f->opt.gateway || arp_route(f, ip) == ip)
		return from;
	mac = arp_find(f, f->opt.gateway);
	if (mac)
		return mac;
	/* RFC 1122 2.3.2.1: not more than one request a second. */
	now = now_us(f);
	if (!f->arp_asked_us || now - f->arp_asked_us >= 1000000) {
		f->arp_asked_us = now ? now : 1;
		arp_request(f, f->opt.gateway);
	}
	return from;
}
