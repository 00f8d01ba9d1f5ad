/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fantail_sim.h"
#include "hostmem.h"

#define RD  FANTAIL_SIM_DMA_READ
#define WR  FANTAIL_SIM_DMA_WRITE
#define RW  (RD | WR)
#define ALL UINT64_MAX

static struct hostmem mem;
static uint8_t buf[4096];
static uint8_t line[64];

static void setup(void)
{
	size_t i;

	hostmem_init(&mem);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 7 + i / 256);
}

static void teardown(void)
{
	hostmem_free(&mem);
}

TestSuite(hostmem, .init = setup, .fini = teardown);

Test(hostmem, empty_table_faults)
{
	static const uint8_t zero[64];

	memset(line, 0xaa, sizeof(line));
	cr_assert_eq(hostmem_read(&mem, 0, 0x1000, line), -EFAULT);
	cr_assert_arr_eq(line, zero, 64);
	cr_assert_eq(hostmem_write(&mem, 0, 0x1000, line, ALL), -EFAULT);
}

Test(hostmem, reads_exactly_what_is_mapped)
{
	cr_assert_eq(hostmem_map(&mem, 0x10000, buf, 256, RD), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x10000, line), 0);
	cr_assert_arr_eq(line, buf, 64);
	cr_assert_eq(hostmem_read(&mem, 0, 0x100c0, line), 0);
	cr_assert_arr_eq(line, buf + 192, 64);
	cr_assert_eq(hostmem_read(&mem, 0, 0x10100, line), -EFAULT);
	cr_assert_eq(hostmem_read(&mem, 0, 0xffc0, line), -EFAULT);
}

Test(hostmem, a_line_mapped_in_part_faults_on_read)
{
	cr_assert_eq(hostmem_map(&mem, 0x10000, buf, 127, RD), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x10000, line), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x10040, line), -EFAULT);
	cr_assert_eq(hostmem_map(&mem, 0x1007f, buf + 1000, 1, RD), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x10040, line), 0);
	cr_assert_arr_eq(line, buf + 64, 63);
	cr_assert_eq(line[63], buf[1000]);
}

Test(hostmem, writes_only_strobed_bytes)
{
	uint8_t before[128];
	unsigned int i;

	memcpy(before, buf, sizeof(before));
	memset(line, 0x5a, sizeof(line));
	cr_assert_eq(hostmem_map(&mem, 0, buf, 128, RW), 0);
	cr_assert_eq(hostmem_write(&mem, 0, 64, line, 0x80000000000ff006), 0);
	for (i = 0; i < 64; i++)
		cr_assert_eq(buf[64 + i],
			     0x80000000000ff006 >> i & 1 ? 0x5a
							 : before[64 + i],
			     "byte %u", i);
	cr_assert_arr_eq(buf, before, 64);
}

Test(hostmem, a_write_that_faults_changes_nothing)
{
	uint8_t before[64];

	memcpy(before, buf, sizeof(before));
	memset(line, 0x5a, sizeof(line));
	cr_assert_eq(hostmem_map(&mem, 0, buf, 32, RW), 0);
	cr_assert_eq(hostmem_write(&mem, 0, 0, line, 0x1ffffffff), -EFAULT);
	cr_assert_arr_eq(buf, before, 64);
	cr_assert_eq(hostmem_write(&mem, 0, 0, line, 0xffffffff), 0);
	cr_assert_arr_eq(buf, line, 32);
	cr_assert_arr_eq(buf + 32, before + 32, 32);
	cr_assert_eq(hostmem_write(&mem, 0, 0x9000, line, 0), 0);
}

Test(hostmem, unaligned_host_pointer)
{
	uint8_t space[80];

	memset(space, 0, sizeof(space));
	cr_assert_eq(hostmem_map(&mem, 0x40, space + 3, 64, RW), 0);
	cr_assert_eq(hostmem_write(&mem, 0, 0x40, buf, ALL), 0);
	cr_assert_arr_eq(space + 3, buf, 64);
	cr_assert_eq(space[2], 0);
	cr_assert_eq(space[67], 0);
}

Test(hostmem, rights)
{
	cr_assert_eq(hostmem_map(&mem, 0x0, buf, 64, RD), 0);
	cr_assert_eq(hostmem_map(&mem, 0x40, buf + 64, 64, WR), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0, line), 0);
	cr_assert_eq(hostmem_write(&mem, 0, 0, line, 1), -EFAULT);
	cr_assert_eq(hostmem_read(&mem, 0, 0x40, line), -EFAULT);
	cr_assert_eq(hostmem_write(&mem, 0, 0x40, line, 1), 0);
}

Test(hostmem, classes)
{
	cr_assert_eq(
		hostmem_map(&mem, 0x0, buf, 64, RW | FANTAIL_SIM_DMA_CLASS(5)),
		0);
	cr_assert_eq(hostmem_map(&mem, 0x40, buf + 64, 64,
				 RW | FANTAIL_SIM_DMA_CLASS(7)),
		     0);
	cr_assert_eq(hostmem_read(&mem, 0, 0, line), 5);
	cr_assert_eq(hostmem_write(&mem, 0, 0x40, line, 1), 7);
}

Test(hostmem, owners)
{
	cr_assert_eq(hostmem_map(&mem, 0, buf, 64, RW | FANTAIL_SIM_DMA_QP(0)),
		     0);
	cr_assert_eq(hostmem_map(&mem, 0x40, buf + 64, 64,
				 RW | FANTAIL_SIM_DMA_QP(7)),
		     0);
	cr_assert_eq(hostmem_map(&mem, 0x80, buf + 128, 64, RW), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0, line), 0);
	cr_assert_eq(hostmem_read(&mem, 7, 0, line), -EFAULT);
	cr_assert_eq(hostmem_write(&mem, 7, 0, line, ALL), -EFAULT);
	cr_assert_eq(hostmem_read(&mem, 7, 0x40, line), 0);
	cr_assert_eq(hostmem_read(&mem, 3, 0x40, line), -EFAULT);
	cr_assert_eq(hostmem_write(&mem, 0, 0x40, line, 1), -EFAULT);
	cr_assert_eq(hostmem_write(&mem, 7, 0x40, line, 1), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x80, line), 0);
	cr_assert_eq(hostmem_write(&mem, 7, 0x80, line, 1), 0);
}

Test(hostmem, map_refuses)
{
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 64, RW | 3u << 12),
		     -EINVAL);
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 0, RW), -EINVAL);
	cr_assert_eq(hostmem_map(&mem, 0x1000, NULL, 64, RW), -EINVAL);
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 64, 0), -EINVAL);
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 64, RW | 8), -EINVAL);
	cr_assert_eq(hostmem_map(&mem, ALL - 62, buf, 64, RW), -EINVAL);
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 256, RW), 0);
	cr_assert_eq(hostmem_map(&mem, 0x10ff, buf, 1, RW), -EEXIST);
	cr_assert_eq(hostmem_map(&mem, 0xfff, buf, 2, RW), -EEXIST);
	cr_assert_eq(hostmem_map(&mem, 0xf00, buf, 4096, RW), -EEXIST);
	cr_assert_eq(mem.count, 1);
	cr_assert_eq(hostmem_map(&mem, 0x1100, buf, 1, RW), 0);
	cr_assert_eq(hostmem_map(&mem, 0xfff, buf, 1, RW), 0);
}

Test(hostmem, top_of_the_address_space)
{
	cr_assert_eq(hostmem_map(&mem, ALL - 63, buf, 64, RW), 0);
	cr_assert_eq(hostmem_read(&mem, 0, ALL - 63, line), 0);
	cr_assert_arr_eq(line, buf, 64);
	cr_assert_eq(hostmem_read(&mem, 0, 0, line), -EFAULT);
}

Test(hostmem, unmap_only_exactly)
{
	cr_assert_eq(hostmem_map(&mem, 0x1000, buf, 256, RW), 0);
	cr_assert_eq(hostmem_unmap(&mem, 0x1000, 128), -ENOENT);
	cr_assert_eq(hostmem_unmap(&mem, 0x1040, 192), -ENOENT);
	cr_assert_eq(hostmem_unmap(&mem, 0x2000, 256), -ENOENT);
	cr_assert_eq(hostmem_unmap(&mem, 0x1000, 0), -ENOENT);
	cr_assert_eq(hostmem_read(&mem, 0, 0x1000, line), 0);
	cr_assert_eq(hostmem_unmap(&mem, 0x1000, 256), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 0x1000, line), -EFAULT);
	cr_assert_eq(hostmem_unmap(&mem, 0x1000, 256), -ENOENT);
}

/* Against an array of owners, one per line, with every kind of call. */
Test(hostmem, random_against_a_plain_table)
{
	enum {
		LINES = 64,
		ROUNDS = 200000
	};
	static uint8_t store[LINES * 64];
	int start[LINES], len[LINES];
	const char *text = getenv("SEED");
	unsigned int seed = text ? (unsigned int)atoi(text) : 1;
	int i, n, at, want;

	cr_log_info("SEED=%u", seed);
	srand(seed);
	for (i = 0; i < LINES; i++) {
		start[i] = -1;
		memset(store + 64 * i, i + 1, 64);
	}
	for (n = 0; n < ROUNDS; n++) {
		at = rand() % LINES;
		if (rand() % 4 == 0) {
			int l = rand() % 6 + 1;

			want = at + l > LINES ? -EEXIST : 0;
			for (i = at; i < at + l && i < LINES; i++)
				if (start[i] >= 0)
					want = -EEXIST;
			if (at + l > LINES)
				continue;
			cr_assert_eq(hostmem_map(&mem, (uint64_t)at * 64,
						 store + 64 * at,
						 (size_t)l * 64, RW),
				     want);
			for (i = at; !want && i < at + l; i++) {
				start[i] = at;
				len[i] = l;
			}
		} else if (rand() % 3 == 0 && start[at] >= 0) {
			int s = start[at], l = len[at];

			cr_assert_eq(hostmem_unmap(&mem, (uint64_t)s * 64,
						   (size_t)l * 64),
				     0);
			for (i = s; i < s + l; i++)
				start[i] = -1;
		} else {
			want = start[at] >= 0 ? 0 : -EFAULT;
			cr_assert_eq(
				hostmem_read(&mem, 0, (uint64_t)at * 64, line),
				want);
			cr_assert_eq(line[rand() % 64], want ? 0 : at + 1);
		}
	}
}
