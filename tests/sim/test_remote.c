/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * Memory that must be asked for, and memory that may vanish: what is asked,
 * when it is handed out, and what waits for it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "pcie.h"

#define RW   (FANTAIL_SIM_DMA_READ | FANTAIL_SIM_DMA_WRITE)
#define FAR  0x10000u /* remote */
#define NEAR 0x20000u /* ours */

static struct hostmem mem;
static struct pcie pcie;
static uint8_t near[4096], line[64];

static struct {
	unsigned int reads, writes;
	uint64_t iova;
	size_t len;
	uint8_t data[64];
	bool refuse;
} far_side;

static int far_read(void *ctx, uint64_t iova, size_t len)
{
	(void)ctx;
	far_side.reads++;
	far_side.iova = iova;
	far_side.len = len;
	return far_side.refuse ? -ENOTCONN : 0;
}

static int far_write(void *ctx, uint64_t iova, const void *data, size_t len)
{
	(void)ctx;
	far_side.writes++;
	far_side.iova = iova;
	far_side.len = len;
	memcpy(far_side.data, data, len);
	return far_side.refuse ? -ENOTCONN : 0;
}

static const struct fantail_sim_remote ops = { far_read, far_write };

static void open_all(void)
{
	struct fantail_sim_pcie cfg = { 0 };
	const char *why;

	hostmem_init(&mem);
	hostmem_set_remote(&mem, &ops, NULL);
	cr_assert_eq(hostmem_map_remote(&mem, FAR, 4096, RW), 0);
	cr_assert_eq(hostmem_map(&mem, NEAR, near, sizeof(near), RW), 0);
	cr_assert_eq(pcie_init(&pcie, &cfg, 4, &mem, &why), 0);
}

static void close_all(void)
{
	pcie_free(&pcie);
	hostmem_free(&mem);
}

/* Eight lines at most go in one question; they are handed out in order. */
Test(remote, a_burst_is_asked_for_at_once)
{
	uint8_t answer[512];
	uint64_t now = 100000;
	bool last;

	open_all();
	for (size_t i = 0; i < sizeof(answer); i++)
		answer[i] = (uint8_t)(i / 64);
	pcie_read(&pcie, 0, 0, FAR, 12);
	cr_assert(!pcie_read_due(&pcie, now));
	cr_assert(!pcie_read_due(&pcie, now));
	cr_assert_eq(far_side.reads, 1);
	cr_assert_eq(far_side.iova, FAR);
	cr_assert_eq(far_side.len, 512);
	hostmem_answer(&mem, answer, 512);
	for (unsigned int i = 0; i < 8; i++) {
		cr_assert(pcie_read_due(&pcie, now));
		cr_assert_eq(pcie_read_take(&pcie, line, &last), 0);
		cr_assert_eq(line[63], i);
	}
	cr_assert(!pcie_read_due(&pcie, now));
	cr_assert_eq(far_side.iova, FAR + 512);
	cr_assert_eq(far_side.len, 256);
	/* an answer of another length is none */
	hostmem_answer(&mem, answer, 64);
	cr_assert(pcie_read_due(&pcie, now));
	cr_assert_eq(pcie_read_take(&pcie, line, &last), -EFAULT);
	close_all();
}

Test(remote, nobody_to_ask_is_a_fault)
{
	bool last;

	open_all();
	far_side.refuse = true;
	pcie_read(&pcie, 0, 0, FAR, 1);
	cr_assert(pcie_read_due(&pcie, 100000));
	cr_assert_eq(pcie_read_take(&pcie, line, &last), -EFAULT);
	/* he goes while he is asked */
	far_side.refuse = false;
	pcie_read(&pcie, 0, 0, FAR, 1);
	cr_assert(!pcie_read_due(&pcie, 100000));
	hostmem_set_remote(&mem, NULL, NULL);
	cr_assert(pcie_read_due(&pcie, 100000));
	cr_assert_eq(pcie_read_take(&pcie, line, &last), -EFAULT);
	cr_assert_eq(pcie.stats.read_faults, 2);
	close_all();
}

/* Data, record, interrupt: each waits until what comes before is confirmed. */
Test(remote, order_of_writes)
{
	uint64_t now = 100000;

	open_all();
	memset(line, 0x5a, sizeof(line));
	pcie_write(&pcie, 0, 0, FAR, line, ~0ull, true);
	pcie_write(&pcie, 0, 0, FAR + 64, line, 0xff00, true);
	pcie_write(&pcie, 0, 0, NEAR, line, ~0ull, true);
	pcie_interrupt(&pcie, 0, 1);
	cr_assert(pcie_write_due(&pcie, now));
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert_eq(far_side.len, 64);
	cr_assert(pcie_write_due(&pcie, now), "remote ones go on together");
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert_eq(far_side.iova, FAR + 64 + 8);
	cr_assert_eq(far_side.len, 8);
	cr_assert(!pcie_write_due(&pcie, now), "two are owed");
	cr_assert(pcie_write_blocked(&pcie));
	hostmem_written(&mem);
	cr_assert(!pcie_write_due(&pcie, now), "one is owed");
	cr_assert_eq(near[0], 0);
	hostmem_written(&mem);
	cr_assert(pcie_write_due(&pcie, now));
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert_eq(near[0], 0x5a);
	cr_assert_eq(pcie_write_take(&pcie), 1);
	cr_assert(pcie_quiet(&pcie));
	close_all();
}

/* A read does not pass a write that waits. */
Test(remote, reads_stay_behind_writes)
{
	uint64_t now = 100000;
	bool last;

	open_all();
	memset(line, 0x77, sizeof(line));
	pcie_write(&pcie, 0, 0, FAR, line, ~0ull, true);
	pcie_write(&pcie, 0, 0, NEAR, line, ~0ull, true);
	pcie_read(&pcie, 0, 0, NEAR, 1);
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert(!pcie_read_due(&pcie, now));
	hostmem_written(&mem);
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert(pcie_read_due(&pcie, now));
	cr_assert_eq(pcie_read_take(&pcie, line, &last), 0);
	cr_assert_eq(line[0], 0x77);
	close_all();
}

/* So many runs of bytes as a line can have, and no more than are allowed. */
Test(remote, writes_in_pieces)
{
	unsigned int n = 0;

	open_all();
	while (hostmem_write_ready(&mem, 0, FAR, 0x5555555555555555ull)) {
		cr_assert_geq(hostmem_write(&mem, 0, FAR, line,
					    0x5555555555555555ull),
			      0);
		n++;
	}
	cr_assert_eq(n, 2);
	cr_assert_eq(far_side.writes, HOSTMEM_OWED_MAX);
	cr_assert_eq(far_side.len, 1);
	cr_assert(!hostmem_write_ready(&mem, 0, NEAR, 1));
	cr_assert(!hostmem_write_ready(&mem, 0, 0, 0), "nor an interrupt");
	close_all();
}

Test(remote, without_bus_master_nothing_leaves)
{
	bool last;

	open_all();
	mem.off = true;
	pcie_write(&pcie, 0, 0, NEAR, line, ~0ull, true);
	pcie_interrupt(&pcie, 0, 5);
	pcie_read(&pcie, 0, 0, NEAR, 1);
	cr_assert_eq(pcie_write_take(&pcie), 0);
	cr_assert_eq(pcie_write_take(&pcie), 0, "the interrupt is lost");
	cr_assert(pcie_read_due(&pcie, 100000));
	cr_assert_eq(pcie_read_take(&pcie, line, &last), -EFAULT);
	cr_assert_eq(pcie.stats.write_faults, 1);
	close_all();
}

/* Two pages of a file, of which the second is cut off. */
Test(remote, pages_that_are_gone)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint8_t *va;

	cr_assert_eq(ftruncate(fd, 8192), 0);
	va = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	hostmem_init(&mem);
	cr_assert_eq(hostmem_map(&mem, 0, va, 8192, RW | FANTAIL_SIM_DMA_FILE),
		     0);
	memset(line, 1, sizeof(line));
	cr_assert_eq(hostmem_write(&mem, 0, 4096, line, ~0ull), 0);
	cr_assert_eq(ftruncate(fd, 4096), 0);
	/* again and again: the signal must not stay blocked */
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(hostmem_read(&mem, 0, 4096, line), -EFAULT);
		cr_assert_eq(line[0], 0);
		cr_assert_eq(hostmem_write(&mem, 0, 4096, line, ~0ull),
			     -EFAULT);
		cr_assert_eq(hostmem_read(&mem, 0, 4032, line), 0);
	}
	cr_assert_eq(ftruncate(fd, 8192), 0);
	cr_assert_eq(hostmem_read(&mem, 0, 4096, line), 0);
	hostmem_free(&mem);
}

static void touch(void *arg)
{
	*(volatile uint8_t *)arg = 1;
}

/* Not guarded, it is the program's own fault, and fatal. */
Test(remote, other_bus_errors_are_fatal)
{
	int fd = memfd_create("test", MFD_CLOEXEC), status;
	uint8_t *va =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid = fork();

	if (pid == 0) {
		if (guard_call(touch, va) != -EFAULT)
			_exit(0);
		touch(va);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}
