/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder, read back with libpcap. */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcap.h"

static char path[] = "/tmp/test_net_pcap.XXXXXX";
static struct fantail_pcap *rec;

static void setup(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

TestSuite(pcap, .init = setup, .fini = teardown);

Test(pcap, frames_and_nanoseconds)
{
	uint8_t frame[1514];
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const u_char *bytes;
	pcap_t *in;
	int i;

	memset(frame, 0xa5, sizeof(frame));
	cr_assert_eq(fantail_pcap_open(path, 0, &rec), 0);
	for (i = 0; i < 3; i++)
		cr_assert_eq(fantail_pcap_write(rec, frame, 60u + (size_t)i,
						5000000u + (uint64_t)i),
			     0);
	cr_assert_eq(fantail_pcap_close(rec), 0);

	in = pcap_open_offline_with_tstamp_precision(
		path, PCAP_TSTAMP_PRECISION_NANO, err);
	cr_assert(in, "%s", err);
	cr_assert_eq(pcap_datalink(in), DLT_EN10MB);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(pcap_next_ex(in, &h, &bytes), 1);
		cr_assert_eq(h->caplen, 60u + (unsigned int)i);
		cr_assert_eq(h->len, h->caplen);
		cr_assert_eq(h->ts.tv_sec, 5);
		cr_assert_eq(h->ts.tv_usec, i * 1000);
		cr_assert_eq(memcmp(bytes, frame, h->caplen), 0);
	}
	cr_assert_eq(pcap_next_ex(in, &h, &bytes), PCAP_ERROR_BREAK);
	pcap_close(in);
}

Test(pcap, limit)
{
	struct fantail_pcap_stats st;
	uint8_t frame[100] = { 0 };
	struct stat file;
	int i;

	cr_assert_eq(fantail_pcap_open(path, 23, &rec), -EINVAL);
	cr_assert_eq(fantail_pcap_open(path, 24 + 2 * 116 + 115, &rec), 0);
	for (i = 0; i < 5; i++)
		cr_assert_eq(fantail_pcap_write(rec, frame, 100, 0), 0);
	/* this one would fit, but there are holes before it */
	cr_assert_eq(fantail_pcap_write(rec, frame, 60, 0), 0);
	fantail_pcap_get_stats(rec, &st);
	cr_assert_eq(st.frames, 2);
	cr_assert_eq(st.skipped, 4);
	cr_assert_eq(st.bytes, 24 + 2 * 116);
	cr_assert_eq(fantail_pcap_flush(rec), 0);
	cr_assert_eq(stat(path, &file), 0);
	cr_assert_eq(file.st_size, 24 + 2 * 116);
	cr_assert_eq(fantail_pcap_close(rec), 0);
}

Test(pcap, errors)
{
	static uint8_t frame[65536];
	int i, ret = 0;

	cr_assert_eq(fantail_pcap_open("/nonexistent/x.pcap", 0, &rec),
		     -ENOENT);
	cr_assert_eq(fantail_pcap_close(NULL), 0);
	cr_assert_eq(fantail_pcap_open("/dev/full", 0, &rec), 0);
	cr_assert_eq(fantail_pcap_write(rec, frame, 65536, 0), -EMSGSIZE);
	for (i = 0; i < 3 && !ret; i++)
		ret = fantail_pcap_write(rec, frame, 65535, 0);
	cr_assert_eq(ret, -ENOSPC, "%d", ret);
	cr_assert_lt(fantail_pcap_close(rec), 0);
}
