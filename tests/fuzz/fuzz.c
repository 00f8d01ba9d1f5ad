/* SPDX-License-Identifier: Apache-2.0 */
/* The fuzzer's loop and report. See fuzz.h. */
#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"

enum {
	BURST = 64,   /* frames between turns of the model */
	STORM = 1024, /* the same, more than the FIFO can hold */
	POLL = 8,     /* bursts between looks of the host */
	SLEEP = 64,   /* the same, of a host that lets its slots run out */
};

static const struct {
	const char *name, *meaning;
	uint32_t offset;
} counters[FUZZ_COUNTERS] = {
	{ "rx_drop_fifo", "no room in the FIFO", FANTAIL_CNT_RX_DROP_FIFO },
	{ "rx_drop_error", "MAC error or size", FANTAIL_CNT_RX_DROP_ERROR },
	{ "rx_frames", "entered the receive path", FANTAIL_CNT_RX_FRAMES },
	{ "rx_drop_malformed", "  impossible lengths",
	  FANTAIL_CNT_RX_DROP_MALFORMED },
	{ "rx_drop_checksum", "  wrong checksum",
	  FANTAIL_CNT_RX_DROP_CHECKSUM },
	{ "rx_drop_fragment", "  fragments", FANTAIL_CNT_RX_DROP_FRAGMENT },
	{ "rx_to_host", "  delivered as FRAME", FANTAIL_CNT_RX_TO_HOST },
	{ "rx_drop_no_slot", "  for the host, but no slot",
	  FANTAIL_CNT_RX_DROP_NO_SLOT },
	{ "rx_segments", "  of connections", FANTAIL_CNT_RX_SEGMENTS },
	{ "rx_accepted", "    acted on", FANTAIL_CNT_RX_ACCEPTED },
	{ "rx_drop_window", "    out of order or window",
	  FANTAIL_CNT_RX_DROP_WINDOW },
	{ "rx_drop_data_slot", "    data, but no slot",
	  FANTAIL_CNT_RX_DROP_DATA_SLOT },
	{ "rx_challenged", "    challenged", FANTAIL_CNT_RX_CHALLENGED },
	{ "rx_ignored", "    ignored", FANTAIL_CNT_RX_IGNORED },
	{ "rx_resets", "    resets", FANTAIL_CNT_RX_RESETS },
	{ "rx_data_bytes", "bytes delivered as DATA",
	  FANTAIL_CNT_RX_DATA_BYTES },
	{ "rx_dup_acks", "duplicate ACKs", FANTAIL_CNT_RX_DUP_ACKS },
	{ "installs", "connections installed", FANTAIL_CNT_INSTALLS },
};

static const char *const made_name[FUZZ_MADE] = { "valid", "mutated",
						  "unrepaired", "arbitrary" };

const char *fuzz_counter_name(unsigned int i)
{
	return counters[i].name;
}

uint32_t fuzz_counter_offset(unsigned int i)
{
	return counters[i].offset;
}

uint64_t fuzz_count(const struct fuzz_result *res, uint32_t offset)
{
	unsigned int i;

	for (i = 0; i < FUZZ_COUNTERS; i++)
		if (counters[i].offset == offset)
			return res->counter[i];
	return UINT64_MAX;
}

void fuzz_fail(struct fuzz *z, const char *fmt, ...)
{
	va_list ap;

	if (z->res.failed)
		return;
	z->res.failed = true;
	va_start(ap, fmt);
	vsnprintf(z->res.why, sizeof(z->res.why), fmt, ap);
	va_end(ap);
}

/* xorshift64*, Vigna 2016: fast, and the same everywhere. */
uint32_t fuzz_random(struct fuzz *z)
{
	z->rnd ^= z->rnd >> 12;
	z->rnd ^= z->rnd << 25;
	z->rnd ^= z->rnd >> 27;
	return (uint32_t)(z->rnd * 0x2545F4914F6CDD1Du >> 32);
}

uint32_t fuzz_below(struct fuzz *z, uint32_t n)
{
	return (uint32_t)((uint64_t)fuzz_random(z) * n >> 32);
}

bool fuzz_inject(struct fuzz *z, const uint8_t *frame, uint32_t len)
{
	int rc;

	frame_ring_add(z->ring, frame, len, fantail_sim_now_us(z->sim));
	fantail_sim_lock(z->sim);
	rc = fantail_net_inject(fantail_sim_net(z->sim), frame, len, 0);
	fantail_sim_unlock(z->sim);
	if (rc)
		fuzz_fail(z, "inject: %d", rc);
	z->res.frames++;
	return !rc;
}

/* Back to back on the wire, and time for most of it to be digested. */
static void burst(struct fuzz *z, uint32_t frames)
{
	static const uint8_t pace[] = { 2, 4, 6, 6, 8, 8, 10, 16 };
	uint8_t frame[FUZZ_FRAME_MAX];
	enum fuzz_made how;
	uint32_t i, len;
	int rc;

	for (i = 0; i < frames; i++) {
		len = fuzz_make_frame(z, frame, &how);
		z->res.made[how]++;
		fuzz_inject(z, frame, len);
	}
	rc = fantail_sim_run(z->sim, frames * pace[fuzz_below(z, 8)]);
	if (rc)
		fuzz_fail(z, "the model stopped: %d", rc);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static uint64_t made(const struct fuzz *z)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < FUZZ_MADE; i++)
		n += z->res.made[i];
	return n;
}

static void loop(struct fuzz *z)
{
	double start = seconds(), told = start;
	uint64_t next = z->opt.checkpoint, n;
	uint64_t frames = z->opt.frames;
	uint32_t bursts = POLL, size;

	while (!z->res.failed && (n = made(z)) < frames) {
		size = fuzz_below(z, 128) ? BURST : STORM;
		burst(z, frames - n < size ? (uint32_t)(frames - n) : size);
		if (!--bursts) {
			fuzz_poll(z);
			fuzz_publish(z);
			fuzz_revive(z);
			bursts = fuzz_below(z, 256) ? POLL : SLEEP;
		}
		if (n + size < next)
			continue;
		next += z->opt.checkpoint;
		if (!z->res.failed)
			fuzz_checkpoint(z);
		if (!z->opt.progress || seconds() < told + 10)
			continue;
		told = seconds();
		fprintf(z->opt.progress,
			"  %llu frames, %.0f per second, %u up, %llu deaths\n",
			(unsigned long long)n, (double)n / (told - start),
			z->up, (unsigned long long)z->res.deaths);
	}
	if (!z->res.failed)
		fuzz_checkpoint(z);
	if (!z->res.failed)
		fuzz_finish(z);
	z->res.seconds = seconds() - start;
}

bool fuzz_run(const struct fuzz_options *opt, struct fuzz_result *res)
{
	struct fuzz *z = calloc(1, sizeof(*z));
	uint32_t i;
	int rc;

	memset(res, 0, sizeof(*res));
	if (!z) {
		res->failed = true;
		return false;
	}
	z->opt = *opt;
	z->rnd = opt->seed * 0x9E3779B97F4A7C15u + 0x1234567;
	if (!z->rnd)
		z->rnd = 1;
	for (i = 0; i < sizeof(z->noise); i++)
		z->noise[i] = (uint8_t)fuzz_random(z);
	if (fuzz_open(z))
		loop(z);
	if (z->res.failed && z->ring && opt->pcap) {
		rc = frame_ring_write(z->ring, opt->pcap);
		if (rc && opt->progress)
			fprintf(opt->progress, "  %s: %s\n", opt->pcap,
				strerror(-rc));
	}
	*res = z->res;
	fuzz_close(z);
	free(z);
	return !res->failed;
}

void fuzz_print(const struct fuzz_result *res, FILE *to)
{
	uint64_t all = res->frames ? res->frames : 1;
	unsigned int i;

	for (i = 0; i < FUZZ_MADE; i++)
		fprintf(to, "  made %-20s %12llu\n", made_name[i],
			(unsigned long long)res->made[i]);
	for (i = 0; i < FUZZ_COUNTERS; i++)
		fprintf(to, "  %-25s %12llu  %5.1f%%  %s\n", counters[i].name,
			(unsigned long long)res->counter[i],
			i < 15 ? 100.0 * (double)res->counter[i] / (double)all
			       : 0.0,
			counters[i].meaning);
	fprintf(to,
		"  %llu frames in %.1f s, %.0f per second; %llu cycles, %.1f "
		"per frame; %llu checkpoints\n",
		(unsigned long long)res->frames, res->seconds,
		(double)res->frames / (res->seconds > 0 ? res->seconds : 1),
		(unsigned long long)res->cycles,
		(double)res->cycles / (double)all,
		(unsigned long long)res->checkpoints);
}

int fuzz_write_json(const struct fuzz_result *res,
		    const struct fuzz_options *opt, const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int i;

	if (!f)
		return -errno;
	fprintf(f,
		"{\n  \"passed\": %s,\n  \"seed\": %llu,\n  \"frames\": "
		"%llu,\n",
		res->failed ? "false" : "true", (unsigned long long)opt->seed,
		(unsigned long long)res->frames);
	for (i = 0; i < FUZZ_MADE; i++)
		fprintf(f, "  \"made_%s\": %llu,\n", made_name[i],
			(unsigned long long)res->made[i]);
	for (i = 0; i < FUZZ_COUNTERS; i++)
		fprintf(f, "  \"%s\": %llu,\n", counters[i].name,
			(unsigned long long)res->counter[i]);
	fprintf(f,
		"  \"checkpoints\": %llu,\n  \"deaths\": %llu,\n"
		"  \"data_records\": %llu,\n  \"conn_records\": %llu,\n"
		"  \"frames_sent\": %llu,\n  \"cycles\": %llu,\n"
		"  \"seconds\": %.3f\n}\n",
		(unsigned long long)res->checkpoints,
		(unsigned long long)res->deaths,
		(unsigned long long)res->data_records,
		(unsigned long long)res->conn_records,
		(unsigned long long)res->frames_sent,
		(unsigned long long)res->cycles, res->seconds);
	return fclose(f) ? -errno : 0;
}
