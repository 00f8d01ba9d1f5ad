// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <string.h>

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t add_bytes(uint32_t sum, const uint8_t *p, int n)
{
	for (int i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static unsigned int fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static uint32_t tcp_sum(const uint8_t *f, int ip_header, int tcp_len)
{
	uint32_t sum = 6 + (uint32_t)tcp_len;

	sum = add_bytes(sum, f + 26, 8);
	return add_bytes(sum, f + 14 + ip_header, tcp_len);
}

/* Sums that fit the frame's own lengths, as far as those lie in the frame. */
static void fix_checksums(struct frame *f)
{
	int ip_header = (f->b[14] & 15) * 4;
	int tcp_len = (int)be16(f->b + 16) - ip_header;

	if (f->len < 34 || ip_header < 20 || 14 + ip_header > f->len)
		return;
	put16(f->b + 24, 0);
	put16(f->b + 24, ~fold(add_bytes(0, f->b + 14, ip_header)) & 0xFFFF);
	if (tcp_len < 20 || 14 + ip_header + tcp_len > f->len)
		return;
	put16(f->b + 14 + ip_header + 16, 0);
	put16(f->b + 14 + ip_header + 16,
	      ~fold(tcp_sum(f->b, ip_header, tcp_len)) & 0xFFFF);
}

static void options(const uint8_t *p, int left, struct seg *seg)
{
	while (left > 0 && p[0] != 0) {
		int n = 1;

		if (p[0] != 1) {
			if (left < 2 || p[1] < 2 || p[1] > left)
				return;
			n = p[1];
			if (p[0] == 8 && n == 10) {
				seg->has_ts = true;
				seg->ts_val = be32(p + 2);
				seg->ts_ecr = be32(p + 6);
				return;
			}
		}
		p += n;
		left -= n;
	}
}

enum judgement judge(const struct frame *f, struct seg *seg)
{
	const uint8_t *ip = f->b + 14, *tcp;
	int ip_header, total, tcp_header, tcp_len;

	memset(seg, 0, sizeof(*seg));
	seg->frame_len = (unsigned int)f->len;
	if (f->bad || f->len < 14 || f->len > 1514)
		return DROP_SIZE;
	if (be16(f->b + 12) != 0x0800)
		return KEEP_OTHER;
	if (f->len < 34)
		return DROP_MALFORMED;
	ip_header = (ip[0] & 15) * 4;
	total = (int)be16(ip + 2);
	if (ip[0] >> 4 != 4 || ip_header < 20 || total < ip_header ||
	    14 + total > f->len)
		return DROP_MALFORMED;
	if (fold(add_bytes(0, ip, ip_header)) != 0xFFFF)
		return DROP_CHECKSUM;
	if (be16(ip + 6) & 0x3FFF)
		return DROP_FRAGMENT;
	if (ip[9] != 6)
		return KEEP_OTHER;
	tcp = ip + ip_header;
	tcp_len = total - ip_header;
	if (tcp_len < 20)
		return DROP_MALFORMED;
	tcp_header = (tcp[12] >> 4) * 4;
	if (tcp_header < 20 || tcp_header > tcp_len)
		return DROP_MALFORMED;
	if (fold(tcp_sum(f->b, ip_header, tcp_len)) != 0xFFFF)
		return DROP_CHECKSUM;
	seg->tcp = true;
	seg->tuple.remote_ip = be32(ip + 12);
	seg->tuple.local_ip = be32(ip + 16);
	seg->tuple.remote_port = (uint16_t)be16(tcp);
	seg->tuple.local_port = (uint16_t)be16(tcp + 2);
	seg->seq = be32(tcp + 4);
	seg->ack = be32(tcp + 8);
	seg->flags = tcp[13];
	seg->wnd = be16(tcp + 14);
	seg->pay_off = (unsigned int)(14 + ip_header + tcp_header);
	seg->pay_len = (unsigned int)(tcp_len - tcp_header);
	options(tcp + 20, tcp_header - 20, seg);
	return KEEP_TCP;
}

static void headers(struct frame *f, const struct tuple *t, int ip_header,
		    int tcp_header, int payload)
{
	uint8_t *ip = f->b + 14, *tcp = ip + ip_header;

	put16(f->b + 12, 0x0800);
	ip[0] = (uint8_t)(0x40 | ip_header / 4);
	put16(ip + 2, (unsigned int)(ip_header + tcp_header + payload));
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, t->remote_ip);
	put32(ip + 16, t->local_ip);
	put16(tcp, t->remote_port);
	put16(tcp + 2, t->local_port);
	tcp[12] = (uint8_t)(tcp_header / 4 << 4);
	f->len = 14 + ip_header + tcp_header + payload;
}

/* Options of up to 40 bytes, right and wrong ones. Returns their length. */
static int random_options(struct bench *b, uint8_t *p)
{
	static const uint8_t fast[4] = { 1, 1, 8, 10 };
	int n = 0, room = (int)(bench_rnd(b) % 11) * 4;

	if (bench_rnd(b) % 3 == 0 && room >= 12) {
		memcpy(p, fast, sizeof(fast));
		n = 12;
	}
	while (n < room) {
		switch (bench_rnd(b) % 8) {
		case 0:
			p[n] = 8;
			if (n + 1 < room)
				p[n + 1] = 10;
			n += 10;
			break;
		case 1:
			p[n] = (uint8_t)(2 + bench_rnd(b) % 250);
			if (n + 1 < room)
				p[n + 1] = (uint8_t)(bench_rnd(b) % 12);
			n += 2 + (int)(bench_rnd(b) % 8);
			break;
		case 2:
			p[n++] = bench_rnd(b) % 4 ? 1 : 0;
			break;
		case 3:
			p[n] = 8;
			if (n + 1 < room)
				p[n + 1] = (uint8_t)bench_rnd(b);
			n += 1 + (int)(bench_rnd(b) % 12);
			break;
		case 4:
			p[n] = 3;
			if (n + 1 < room)
				p[n + 1] = 3;
			n += 3;
			break;
		default:
			p[n++] = 1;
			break;
		}
	}
	return room;
}

void frame_random(struct bench *b, struct frame *f)
{
	struct tuple t = { bench_rnd(b), bench_rnd(b), (uint16_t)bench_rnd(b),
			   (uint16_t)bench_rnd(b) };
	int ip_header = 20, tcp_header, payload, room;

	memset(f, 0, sizeof(*f));
	for (int i = 0; i < FRAME_MAX; i++)
		f->b[i] = (uint8_t)bench_rnd(b);
	if (bench_rnd(b) % 4 == 0)
		ip_header += (int)(bench_rnd(b) % 11) * 4;
	tcp_header = 20 + random_options(b, f->b + 14 + ip_header + 20);
	room = 1514 - 14 - ip_header - tcp_header;
	switch (bench_rnd(b) % 4) {
	case 0:
		payload = 0;
		break;
	case 1:
		payload = (int)(bench_rnd(b) % 70);
		break;
	case 2:
		payload = room - (int)(bench_rnd(b) % 70);
		break;
	default:
		payload = (int)(bench_rnd(b) % (unsigned int)(room + 1));
		break;
	}
	headers(f, &t, ip_header, tcp_header, payload);
	fix_checksums(f);
	if (bench_rnd(b) % 3 == 0)
		f->len += (int)(bench_rnd(b) % 80);
	if (f->len < 60)
		f->len = 60;
	if (f->len > 1514)
		f->len = 1514;
}

void frame_mutate(struct bench *b, struct frame *f)
{
	unsigned int at;

	switch (bench_rnd(b) % 12) {
	case 0:
		at = bench_rnd(b) % (unsigned int)f->len;
		f->b[at] ^= (uint8_t)(1u << bench_rnd(b) % 8);
		break;
	case 1:
		f->b[14] = (uint8_t)bench_rnd(b);
		break;
	case 2:
		put16(f->b + 16, bench_rnd(b) % 1600);
		break;
	case 3:
		f->b[20] = (uint8_t)bench_rnd(b);
		break;
	case 4:
		f->b[23] = (uint8_t)(bench_rnd(b) % 20);
		break;
	case 5:
		f->b[14 + 20 + 12] = (uint8_t)bench_rnd(b);
		break;
	case 6:
		f->len = (int)(bench_rnd(b) % (unsigned int)f->len) + 1;
		break;
	case 7:
		put16(f->b + 12, bench_rnd(b) % 2 ? 0x0806 : bench_rnd(b));
		break;
	case 8:
		f->len = 1500 + (int)(bench_rnd(b) % 200);
		break;
	case 9:
		put16(f->b + 16, (unsigned int)(f->len - 14));
		break;
	case 10:
		f->bad = bench_rnd(b) % 4 == 0;
		break;
	default:
		at = bench_rnd(b) % 60;
		f->b[at] = (uint8_t)bench_rnd(b);
		break;
	}
	if (bench_rnd(b) % 2)
		fix_checksums(f);
}

void frame_ack(struct frame *f, const struct tuple *t)
{
	memset(f, 0, sizeof(*f));
	headers(f, t, 20, 20, 0);
	f->b[14 + 20 + 13] = 0x10;
	fix_checksums(f);
	f->len = 60;
}

void frame_data(struct frame *f, const struct tuple *t, unsigned int bytes)
{
	static const uint8_t ts[4] = { 1, 1, 8, 10 };

	memset(f, 0, sizeof(*f));
	headers(f, t, 20, 32, (int)bytes);
	memcpy(f->b + 54, ts, sizeof(ts));
	for (unsigned int i = 0; i < bytes; i++)
		f->b[66 + i] = (uint8_t)(i * 7 + bytes);
	fix_checksums(f);
}

/* As the receive-side scaling specification has it, bit by bit. */
uint32_t toeplitz(const struct tuple *t)
{
	static const uint8_t key[16] = { 0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B,
					 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D,
					 0x43, 0xA3, 0x8F, 0xB0 };
	uint8_t in[12];
	uint32_t hash = 0, window = be32(key);

	put32(in, t->remote_ip);
	put32(in + 4, t->local_ip);
	put16(in + 8, t->remote_port);
	put16(in + 10, t->local_port);
	for (int i = 0; i < 96; i++) {
		int next = i + 32;

		if (in[i / 8] >> (7 - i % 8) & 1)
			hash ^= window;
		window <<= 1;
		window |= key[next / 8] >> (7 - next % 8) & 1;
	}
	return hash;
}
