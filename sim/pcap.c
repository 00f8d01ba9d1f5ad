/* SPDX-License-Identifier: Apache-2.0 */
/* Recording with libpcap, see pcap.h. */
#include "pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SNAPLEN = 65535,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
};

struct fantail_pcap {
	pcap_t *dead;
	pcap_dumper_t *dumper;
	uint64_t limit;
	struct fantail_pcap_stats stats;
};

int fantail_pcap_open(const char *path, uint64_t limit_bytes,
		      struct fantail_pcap **out)
{
	struct fantail_pcap *p;
	FILE *file;
	int ret = -ENOMEM;

	if (limit_bytes && limit_bytes < FILE_HEADER)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->limit = limit_bytes;
	p->dead = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	if (!p->dead)
		goto err_free;
	/* libpcap would only give a text: open the file ourselves */
	file = fopen(path, "wbe");
	if (!file) {
		ret = -errno;
		goto err_dead;
	}
	errno = 0;
	p->dumper = pcap_dump_fopen(p->dead, file);
	if (!p->dumper) {
		/* libpcap has closed the file */
		ret = errno ? -errno : -EIO;
		goto err_dead;
	}
	p->stats.bytes = FILE_HEADER;
	*out = p;
	return 0;

err_dead:
	pcap_close(p->dead);
err_free:
	free(p);
	return ret;
}

int fantail_pcap_write(struct fantail_pcap *p, const void *frame, size_t len,
		       uint64_t now_us)
{
	struct pcap_pkthdr header;
	FILE *file = pcap_dump_file(p->dumper);

	if (len > SNAPLEN)
		return -EMSGSIZE;
	if (p->stats.skipped ||
	    (p->limit && p->stats.bytes + RECORD_HEADER + len > p->limit)) {
		p->stats.skipped++;
		return 0;
	}
	/* with nanosecond precision tv_usec holds nanoseconds */
	header.ts.tv_sec = (time_t)(now_us / 1000000);
	header.ts.tv_usec = (suseconds_t)(now_us % 1000000 * 1000);
	header.caplen = (bpf_u_int32)len;
	header.len = (bpf_u_int32)len;
	errno = 0;
	pcap_dump((u_char *)p->dumper, &header, frame);
	if (ferror(file))
		return errno ? -errno : -EIO;
	p->stats.frames++;
	p->stats.bytes += RECORD_HEADER + len;
	return 0;
}

void fantail_pcap_get_stats(const struct fantail_pcap *p,
			    struct fantail_pcap_stats *stats)
{
	*stats = p->stats;
}

int fantail_pcap_flush(struct fantail_pcap *p)
{
	errno = 0;
	if (pcap_dump_flush(p->dumper) || ferror(pcap_dump_file(p->dumper)))
		return errno ? -errno : -EIO;
	return 0;
}

int fantail_pcap_close(struct fantail_pcap *p)
{
	int ret;

	if (!p)
		return 0;
	ret = fantail_pcap_flush(p);
	pcap_dump_close(p->dumper);
	pcap_close(p->dead);
	free(p);
	return ret;
}
