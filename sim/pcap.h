/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record frames of both directions into a pcap file (nanosecond format).
 *
 * Threads: one recorder is used by one thread at a time.
 */
#ifndef FANTAIL_PCAP_H
#define FANTAIL_PCAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fantail_pcap;

struct fantail_pcap_stats {
	uint64_t frames;  /* written */
	uint64_t bytes;	  /* of the file, headers included */
	uint64_t skipped; /* frames left out after the limit was reached */
};

/**
 * fantail_pcap_open() - create or truncate a file and write its header.
 * @path: file name
 * @limit_bytes: the file never grows beyond it; 0: no limit. The first frame
 *               that does not fit ends the recording (later ones are counted
 *               as skipped), so that the file has no holes.
 * @out: set on success only
 *
 * Return: 0, -EINVAL if @limit_bytes has no room for the file header, or
 * -errno of opening or writing.
 */
int fantail_pcap_open(const char *path, uint64_t limit_bytes,
		      struct fantail_pcap **out);

/**
 * fantail_pcap_write() - append one frame.
 * @frame: without FCS, only read during the call
 * @len: bytes, at most 65535
 * @now_us: time stamp
 *
 * Return: 0 (also when skipped), -EMSGSIZE, or -errno if the file can no
 * longer be written.
 */
int fantail_pcap_write(struct fantail_pcap *pcap, const void *frame, size_t len,
		       uint64_t now_us);

/** fantail_pcap_get_stats() - a copy of the counters. */
void fantail_pcap_get_stats(const struct fantail_pcap *pcap,
			    struct fantail_pcap_stats *stats);

/** fantail_pcap_flush() - hand everything to the kernel. 0 or -errno. */
int fantail_pcap_flush(struct fantail_pcap *pcap);

/**
 * fantail_pcap_close() - flush, close and free; NULL is allowed.
 *
 * Return: 0, or -errno if the end of the file could not be written.
 */
int fantail_pcap_close(struct fantail_pcap *pcap);

#ifdef __cplusplus
}
#endif

#endif
