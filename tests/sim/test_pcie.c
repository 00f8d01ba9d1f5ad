/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fantail_sim.h"
#include "pcie.h"

#define RW   (FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE)
#define BASE UINT64_C(0x100000000) /* 64-bit: headers of 16 bytes */
#define ALL  UINT64_MAX

static struct hostmem mem;
static struct pcie link;
static uint8_t host[1 << 20];

static void start(struct fantail_sim_pcie cfg)
{
	const char *why;

	cr_assert_eq(pcie_init(&link, &cfg, 4, &mem, &why), 0);
}

static void setup(void)
{
	size_t i;

	for (i = 0; i < sizeof(host); i++)
		host[i] = (uint8_t)(i ^ i >> 8);
	hostmem_init(&mem);
	cr_assert_eq(hostmem_map(&mem, BASE, host, sizeof(host),
				 RW | FANTAIL_SIM_DMA_CLASS(3)),
		     0);
}

static void teardown(void)
{
	pcie_free(&link);
	hostmem_free(&mem);
}

TestSuite(pcie, .init = setup, .fini = teardown);

/* First cycle from @now at which a beat is due. */
static uint64_t due(uint64_t now)
{
	cr_assert(link.r_head != link.r_tail);
	while (!pcie_read_due(&link, now))
		now++;
	return now;
}

Test(pcie, parameters_out_of_range)
{
	static const struct fantail_sim_pcie bad[] = {
		{ .gen = 6 },		{ .lanes = 3 },
		{ .lanes = 32 },	{ .mps = 64 },
		{ .mps = 300 },		{ .mps = 1024 },
		{ .mrrs = 64 },		{ .mrrs = 8192 },
		{ .read_ns = 1 },	{ .read_ns = 100001 },
		{ .write_ns = 100001 }, { .max_reads = 257 },
	};
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		cr_assert_eq(pcie_init(&link, &bad[i], 4, &mem, &why), -EINVAL,
			     "set %zu", i);
		cr_assert_not_null(why);
	}
}

Test(pcie, read_latency_and_data)
{
	uint8_t data[64];
	uint64_t t;
	bool last;

	start((struct fantail_sim_pcie){ 0 });
	pcie_read(&link, 1000, 0, BASE + 128, 1);
	t = due(1000);
	/* 600 ns are 150 cycles; request and completion take two more. */
	cr_assert(t >= 1150 && t <= 1153, "at %llu", (unsigned long long)t);
	cr_assert_eq(pcie_read_take(&link, data, &last), 0);
	cr_assert(last);
	cr_assert_arr_eq(data, host + 128, 64);
	cr_assert(pcie_quiet(&link));
	cr_assert_eq(link.stats.read_bytes, 64);
	cr_assert_eq(link.stats.class_read_bytes[3], 64);
	cr_assert_eq(link.stats.read_tlps, 1);
	cr_assert_eq(link.stats.completion_tlps, 1);
	cr_assert_eq(link.stats.up_link_bytes, 24);
	cr_assert_eq(link.stats.down_link_bytes, 64 + 20);
}

Test(pcie, burst_is_cut_at_mps_and_mrrs)
{
	uint8_t data[64];
	unsigned int i;
	bool last;

	start((struct fantail_sim_pcie){ .mrrs = 256, .mps = 128 });
	/* 512 bytes from 64: requests 192, 256, 64; completions 64, 128, */
	/* 128, 128, 64. */
	pcie_read(&link, 0, 0, BASE + 64, 8);
	for (i = 0; i < 8; i++) {
		due(0);
		cr_assert_eq(pcie_read_take(&link, data, &last), 0);
		cr_assert_eq(last, i == 7);
		cr_assert_arr_eq(data, host + 64 + 64 * i, 64);
	}
	cr_assert_eq(link.stats.read_tlps, 3);
	cr_assert_eq(link.stats.completion_tlps, 5);
	cr_assert_eq(link.stats.read_bytes, 512);
	cr_assert_eq(link.reads, 0);
}

Test(pcie, low_addresses_have_short_headers)
{
	uint8_t data[64];
	bool last;

	start((struct fantail_sim_pcie){ 0 });
	cr_assert_eq(hostmem_map(&mem, 0x1000, host, 4096, RW), 0);
	pcie_read(&link, 0, 0, 0x1000, 1);
	due(0);
	cr_assert_eq(pcie_read_take(&link, data, &last), 0);
	cr_assert_eq(link.stats.up_link_bytes, 20);
}

Test(pcie, read_fault_is_counted_and_zero)
{
	static const uint8_t zero[64];
	uint8_t data[64];
	bool last;

	start((struct fantail_sim_pcie){ 0 });
	pcie_read(&link, 0, 0, BASE + sizeof(host) - 64, 2);
	due(0);
	cr_assert_eq(pcie_read_take(&link, data, &last), 0);
	due(0);
	cr_assert_eq(pcie_read_take(&link, data, &last), -EFAULT);
	cr_assert(last);
	cr_assert_arr_eq(data, zero, 64);
	cr_assert_eq(link.stats.read_faults, 1);
	cr_assert_eq(link.stats.last_fault_iova, BASE + sizeof(host));
	cr_assert_eq(link.stats.read_bytes, 64);
}

Test(pcie, reads_under_way_are_bounded)
{
	uint8_t data[64];
	unsigned int n = 0, i;
	bool last;

	start((struct fantail_sim_pcie){ .max_reads = 5 });
	while (pcie_read_room(&link) && n < 100) {
		pcie_read(&link, 0, 0, BASE, 8);
		n++;
	}
	cr_assert_eq(n, 5);
	for (i = 0; i < 8; i++) {
		cr_assert_not(pcie_read_room(&link));
		due(0);
		pcie_read_take(&link, data, &last);
	}
	cr_assert(pcie_read_room(&link));
}

/* Cycles to read a megabyte in bursts of 512 with @cfg. */
static uint64_t stream_read(struct fantail_sim_pcie cfg)
{
	uint64_t now = 0, asked = 0, got = 0;
	uint8_t data[64];
	bool last;

	start(cfg);
	for (; got < sizeof(host); now++) {
		if (asked < sizeof(host) && pcie_read_room(&link)) {
			pcie_read(&link, now, 0, BASE + asked, 8);
			asked += 512;
		}
		if (!pcie_read_due(&link, now))
			continue;
		cr_assert_eq(pcie_read_take(&link, data, &last), 0);
		cr_assert_arr_eq(data, host + got, 64);
		got += 64;
	}
	return now;
}

Test(pcie, read_bandwidth_gen3_x16)
{
	/* 8 GT/s * 16 * 128/130 / 8 * 4 ns = 63.0 B per cycle, 256 of 276. */
	double want = 1048576 / (63.015 * 256 / 276) + 150;
	double got = (double)stream_read((struct fantail_sim_pcie){ 0 });

	cr_assert(got > 0.99 * want && got < 1.01 * want, "%.0f, not %.0f", got,
		  want);
}

Test(pcie, read_bandwidth_gen2_x4)
{
	/* 5 GT/s * 4 * 8/10 / 8 * 4 ns = 8 B per cycle, 128 of 148. */
	double want = 1048576 / (8.0 * 128 / 148) + 150;
	double got = (double)stream_read(
		(struct fantail_sim_pcie){ .gen = 2, .lanes = 4, .mps = 128 });

	cr_assert(got > 0.99 * want && got < 1.01 * want, "%.0f, not %.0f", got,
		  want);
}

Test(pcie, read_bandwidth_bounded_by_requests_under_way)
{
	/* One request of 512 bytes per round trip. */
	double got = (double)stream_read(
		(struct fantail_sim_pcie){ .max_reads = 1 });

	cr_assert(got > 2048 * 150, "%.0f", got);
	cr_assert(got < 2048 * 170, "%.0f", got);
}

Test(pcie, posted_write_is_delayed_and_in_order)
{
	uint8_t one[64], two[64], old;
	uint64_t now = 500;

	start((struct fantail_sim_pcie){ 0 });
	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	old = host[0];
	pcie_write(&link, 500, 0, BASE, one, ALL, true);
	pcie_write(&link, 500, 0, BASE, two, 0xff, true);
	pcie_interrupt(&link, 500, 0x3);
	while (!pcie_write_due(&link, now)) {
		cr_assert_eq(host[0], old);
		now++;
	}
	cr_assert(now >= 575 && now <= 578, "at %llu", (unsigned long long)now);
	cr_assert_eq(pcie_write_take(&link), 0);
	cr_assert_eq(host[0], 1);
	cr_assert_eq(host[63], 1);
	while (!pcie_write_due(&link, now))
		now++;
	cr_assert_eq(pcie_write_take(&link), 0);
	cr_assert_eq(host[7], 2);
	cr_assert_eq(host[8], 1);
	while (!pcie_write_due(&link, now))
		now++;
	cr_assert_eq(pcie_write_take(&link), 0x3);
	cr_assert(pcie_quiet(&link));
	cr_assert_eq(link.stats.write_bytes, 72);
	cr_assert_eq(link.stats.class_write_bytes[3], 72);
	cr_assert_eq(link.stats.write_tlps, 4);
	cr_assert_eq(link.stats.up_link_bytes, 64 + 24 + 8 + 24 + 2 * (24 + 4));
}

Test(pcie, write_burst_is_cut_at_mps)
{
	uint8_t data[64] = { 0 };
	unsigned int i;

	start((struct fantail_sim_pcie){ 0 });
	for (i = 0; i < 8; i++)
		pcie_write(&link, 0, 0, BASE + 192 + 64 * i, data, ALL, i == 0);
	/* 64, 256, 192 */
	cr_assert_eq(link.stats.write_tlps, 3);
	cr_assert_eq(link.stats.up_link_bytes, 512 + 3 * 24);
}

Test(pcie, write_fault_drops_and_counts)
{
	uint8_t data[64] = { 0 };

	start((struct fantail_sim_pcie){ 0 });
	pcie_write(&link, 0, 0, BASE + sizeof(host), data, ALL, true);
	cr_assert(pcie_write_due(&link, 1000));
	cr_assert_eq(pcie_write_take(&link), 0);
	cr_assert_eq(link.stats.write_faults, 1);
	cr_assert_eq(link.stats.write_bytes, 0);
	cr_assert_eq(link.stats.last_fault_iova, BASE + sizeof(host));
}

Test(pcie, a_read_does_not_pass_a_write)
{
	uint8_t data[64], got[64];
	uint64_t now;
	bool last;

	/* Writes far slower than reads. */
	start((struct fantail_sim_pcie){ .write_ns = 8000 });
	memset(data, 0x77, sizeof(data));
	pcie_write(&link, 0, 0, BASE, data, ALL, true);
	pcie_read(&link, 1, 0, BASE, 1);
	for (now = 1; !pcie_read_due(&link, now); now++)
		while (pcie_write_due(&link, now))
			pcie_write_take(&link);
	/* The model lands writes before it hands out reads. */
	while (pcie_write_due(&link, now))
		pcie_write_take(&link);
	cr_assert_eq(pcie_read_take(&link, got, &last), 0);
	cr_assert_arr_eq(got, data, 64);
}

Test(pcie, write_buffer_is_bounded_but_takes_interrupts)
{
	uint8_t data[64] = { 0 };
	uint32_t irqs = 0;
	unsigned int n = 0;

	start((struct fantail_sim_pcie){ 0 });
	while (pcie_write_room(&link) && n < 10000) {
		pcie_write(&link, 0, 0, BASE + 64 * n, data, ALL, true);
		n++;
	}
	cr_assert(n >= 128 && n < PCIE_WRITE_BEATS, "%u", n);
	for (n = 0; n < 20; n++)
		pcie_interrupt(&link, 0, 1u << n);
	for (n = 0; n < 20; n++)
		cr_assert_not(pcie_write_room(&link));
	while (!pcie_quiet(&link))
		irqs |= pcie_write_take(&link);
	cr_assert_eq(irqs, 0xfffff);
}

Test(pcie, write_bandwidth_gen3_x16)
{
	double want = 1048576 / (63.015 * 256 / 280) + 75, got;
	uint64_t now = 0, sent = 0;
	uint8_t data[64] = { 0 };

	start((struct fantail_sim_pcie){ 0 });
	for (; sent < sizeof(host) || !pcie_quiet(&link); now++) {
		while (pcie_write_due(&link, now))
			pcie_write_take(&link);
		if (sent < sizeof(host) && pcie_write_room(&link)) {
			pcie_write(&link, now, 0, BASE + sent, data, ALL,
				   sent % 512 == 0);
			sent += 64;
		}
	}
	got = (double)now;
	cr_assert(got > 0.99 * want && got < 1.01 * want, "%.0f, not %.0f", got,
		  want);
}
