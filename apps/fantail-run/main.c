/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fantail-run: publish a feed through the simulated card to a hundred TCP
 * clients, and count what it took. See README.md beside this folder.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clients.h"
#include "feed.h"
#include "options.h"
#include "places.h"
#include "publisher.h"
#include "report.h"
#include "rig.h"
#include "stream.h"
#include "tap.h"

enum {
	PATH_TEXT = 4096,
	SPARE_FILES = 64, /* descriptors besides the clients' */
};

static volatile sig_atomic_t stop;
static int stop_fd = -1;

/*
 * The first Ctrl-C ends the run cleanly, the next one at once; but not within
 * a second: timeout(1) and shells send one to us and one to our group.
 */
static void on_signal(int number)
{
	static struct timespec first;
	struct timespec now;
	int saved = errno;
	uint64_t one = 1;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!stop) {
		first = now;
	} else if (now.tv_sec - first.tv_sec > 1) {
		signal(number, SIG_DFL);
		raise(number);
	}
	stop = 1;
	(void)!write(stop_fd, &one, sizeof(one));
	errno = saved;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (stop_fd < 0)
		bad_input("cannot create an event descriptor: %s; raise "
			  "ulimit -n",
			  strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* mkdir -p */
static void make_directory(const char *path)
{
	char part[PATH_TEXT];

	if (!*path || strlen(path) >= sizeof(part) - 32)
		bad_input("--out: '%s' is no name of a directory", path);
	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1;; p++) {
		char end = *p;

		if (end && end != '/')
			continue;
		*p = 0;
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			bad_input("cannot create the output directory '%s': "
				  "%s; choose another with --out",
				  part, strerror(errno));
		*p = end;
		if (!end)
			break;
	}
	if (access(path, W_OK | X_OK) < 0)
		bad_input("cannot write to the output directory '%s': %s; "
			  "choose another with --out",
			  path, strerror(errno));
}

/* A socket per client here, and one in the simulator's network. */
static void allow_files(unsigned int clients)
{
	rlim_t need = 2 * (rlim_t)clients + SPARE_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
		return;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need)
		bad_input("--clients: %u clients need %llu open files, the "
			  "limit is %llu; raise it with ulimit -n, or take "
			  "--net=peers",
			  clients, (unsigned long long)need,
			  (unsigned long long)limit.rlim_max);
	limit.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		bad_input("cannot raise the limit of open files to %llu: %s",
			  (unsigned long long)need, strerror(errno));
}

/* The clients' namespace, gone with us and them. */
static void open_tap(const struct options *o, struct fantail_tap *tap)
{
	struct fantail_tap_config cfg;
	char why[256];

	fantail_tap_config_default(&cfg);
	if (o->congestion && (!*o->congestion ||
			      strlen(o->congestion) >= sizeof(cfg.congestion)))
		bad_input("--congestion: '%s' is no name of a congestion "
			  "control",
			  o->congestion);
	if (o->congestion)
		snprintf(cfg.congestion, sizeof(cfg.congestion), "%s",
			 o->congestion);
	cfg.sack = !o->sack || strcmp(o->sack, "off");
	if (fantail_tap_open(&cfg, tap, why, sizeof(why)))
		bad_input("--net=tap: %s", why);
}

/* Asked for before anything runs, written at the end. */
static FILE *open_places(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		bad_input("--fanout: cannot write '%s': %s", path,
			  strerror(errno));
	return file;
}

/* The table is complete: is it on the disk? */
static int close_places(const struct publisher_job *job, int result)
{
	bool bad = ferror(job->places);

	bad |= fclose(job->places) != 0;
	if (bad) {
		fprintf(stderr, "fantail-run: cannot write %s\n",
			job->options->fanout);
		return result ? result : EXIT_FAILED;
	}
	places_plot(job->options->fanout);
	return result;
}

/* Refuse a broken feed before anything runs; count its messages. */
static struct feed *open_feed(struct options *o, uint64_t *total)
{
	struct feed *feed;
	char error[512];

	*total = o->feed.path ? 0 : o->feed.messages;
	if (o->feed.path && feed_check(&o->feed, total, error, sizeof(error)))
		bad_input("%s", error);
	if (feed_open(&o->feed, &feed, error, sizeof(error)))
		bad_input("%s", error);
	if (!*total)
		*total = o->feed.messages;
	return feed;
}

static void explain_failure(const struct publisher_job *job)
{
	const struct options *o = job->options;

	report_progress_end();
	fprintf(stderr, "fantail-run: %s\n", job->error);
	if (!job->pcap)
		return;
	fprintf(stderr,
		"fantail-run: look at the frames in %s (tshark -r), "
		"repeat with --seed=%llu (SEED), see the signals with "
		"--trace=FILE.fst (TRACE)\n",
		job->pcap, (unsigned long long)o->seed);
}

static int finish(struct publisher_job *job, struct summary *s, int result)
{
	char path[PATH_TEXT];
	int rc;

	if (result == EXIT_BAD_INPUT) {
		report_progress_end();
		fprintf(stderr, "fantail-run: %s\n", job->error);
		return result;
	}
	s->ok = result == 0;
	report_table(s, job->disconnected);
	snprintf(path, sizeof(path), "%s/summary.json", job->options->out);
	rc = report_write_json(s, path, job->options->json);
	if (rc) {
		fprintf(stderr, "fantail-run: cannot write %s: %s\n", path,
			strerror(-rc));
		result = result ? result : EXIT_FAILED;
	} else {
		printf("summary: %s%s%s\n", path, job->pcap ? "  frames: " : "",
		       job->pcap ? job->pcap : "");
	}
	if (timeline_tell(&job->options->timeline, &job->timeline,
			  job->timeline_rc))
		result = result ? result : EXIT_FAILED;
	fflush(stdout);
	if (result == EXIT_FAILED)
		explain_failure(job);
	else if (result == EXIT_INTERRUPTED)
		fprintf(stderr, "fantail-run: interrupted: the summary is "
				"partial\n");
	else if (!result)
		puts("ok");
	/* a full disk behind stdout is no success */
	if (fflush(stdout) && !result)
		result = EXIT_FAILED;
	return result;
}

int main(int argc, char **argv)
{
	struct options options;
	struct summary summary = { 0 };
	struct publisher_job job = { .options = &options, .stop = &stop };
	struct fantail_tap tap = { .fd = -1, .ns = -1 };
	char pcap[PATH_TEXT];
	int rc;

	options_parse(argc, argv, &options);
	job.feed = open_feed(&options, &job.messages_total);
	make_directory(options.out);
	snprintf(pcap, sizeof(pcap), "%s/wire.pcap", options.out);
	job.pcap = options.device ? NULL : pcap;
	if (options.fanout)
		job.places = open_places(options.fanout);
	if (options.net != NET_PEERS)
		allow_files(options.clients);
	if (options.device)
		job.port = options.port;
	else if (options.net == NET_SLIRP)
		job.port = args_claim_port(options.port);
	catch_signals();
	job.stop_fd = stop_fd;
	summary.clients = options.clients;
	summary.seed = options.seed;

	rc = stream_new(options.clients, &job.stream);
	if (rc)
		bad_input("no memory for the published stream: %s",
			  strerror(-rc));
	if (options.net == NET_TAP) {
		open_tap(&options, &tap);
		job.tap = &tap;
	}
	/* forked before the simulator has its thread */
	if (options.net == NET_SLIRP)
		rc = clients_start(job.stream, NULL, INADDR_LOOPBACK, job.port,
				   &job.clients);
	else if (options.net == NET_TAP)
		rc = clients_start(job.stream, &tap, RIG_TAP_IP, RIG_PORT,
				   &job.clients);
	if (rc)
		bad_input("cannot start the clients: %s", strerror(-rc));
	rc = publisher_run(&job, &summary);
	clients_stop(job.clients);
	fantail_tap_close(&tap);
	if (job.places)
		rc = close_places(&job, rc);
	rc = finish(&job, &summary, rc);
	stream_free(job.stream);
	feed_close(job.feed);
	close(stop_fd);
	return rc;
}
