/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fantail-sim: the simulated card in a process of its own, as a PCI device
 * that any vfio-user client can attach. See README.md beside this folder.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fantail_sim.h"
#include "net.h"
#include "settings.h"
#include "vfu_server.h"

enum {
	EXIT_FAILED = 1,
};

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	const struct settings *s = ctx;

	if (level <= FANTAIL_SIM_WARN || s->verbose)
		fprintf(stderr, "fantail-sim: %s\n", msg);
}

/* Before the model has its thread, so that it never takes one of them. */
static int catch_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		bad_input("cannot wait for signals: %s", strerror(errno));
	return fd;
}

static struct fantail_sim *open_card(const struct settings *s, uint16_t port)
{
	struct fantail_net_config net;
	struct fantail_sim_config cfg;
	struct fantail_sim *sim;
	int rc;

	fantail_net_config_default(&net);
	net.host_port = port;
	net.model = &s->model.link;
	fantail_sim_config_init(&cfg);
	cfg.network = s->net;
	cfg.net = &net;
	cfg.time = FANTAIL_SIM_REAL;
	cfg.seed = s->seed;
	cfg.pcap = s->pcap;
	cfg.pcap_limit = s->pcap_limit;
	cfg.trace = s->trace;
	cfg.trace_first = s->trace_first;
	cfg.trace_cycles = s->trace_cycles;
	cfg.cycle_limit = s->cycle_limit;
	cfg.ns_per_cycle = s->clock_ns;
	cfg.pcie = s->model.pcie;
	cfg.mac_pacing = s->mac_pacing;
	timeline_configure(&s->timeline, &cfg);
	cfg.log = on_log;
	cfg.log_ctx = (void *)(uintptr_t)s;
	rc = fantail_sim_open(&cfg, &sim);
	if (rc)
		bad_input("cannot start the simulated card: %s", strerror(-rc));
	return sim;
}

static json_t *server_json(const struct fantail_vfu *vfu)
{
	struct fantail_vfu_stats s;

	fantail_vfu_get_stats(vfu, &s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "clients", (json_int_t)s.clients, "messages",
			 (json_int_t)s.messages, "refused",
			 (json_int_t)s.refused, "broken", (json_int_t)s.broken,
			 "region_writes", (json_int_t)s.region_writes,
			 "region_reads", (json_int_t)s.region_reads,
			 "posted_writes", (json_int_t)s.posted_writes,
			 "dma_messages", (json_int_t)s.dma_messages, "resets",
			 (json_int_t)s.resets, "mappings",
			 (json_int_t)s.mappings);
}

/* 0 or -errno. */
static int write_stats(const struct settings *s, struct fantail_sim *sim,
		       const struct fantail_vfu *vfu)
{
	char *text = fantail_sim_stats_json(sim);
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	FILE *f = stdout;
	int rc = -ENOMEM;

	if (!root || json_object_set_new(root, "server", server_json(vfu)))
		goto out;
	rc = 0;
	if (s->stats)
		f = fopen(s->stats, "we");
	if (!f) {
		rc = -errno;
		goto out;
	}
	if (json_dumpf(root, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ||
	    fputc('\n', f) == EOF || fflush(f))
		rc = -EIO;
	if (s->stats && fclose(f) && !rc)
		rc = -errno;
out:
	json_decref(root);
	free(text);
	if (rc)
		fprintf(stderr, "fantail-sim: cannot write %s: %s\n",
			s->stats ? s->stats : "the statistics", strerror(-rc));
	return rc;
}

static void greet(const struct settings *s, uint16_t port)
{
	printf("fantail-sim: serving vfio-user:%s\n", s->path);
	if (s->slirp && port)
		printf("fantail-sim: 127.0.0.1:%u reaches the card's port "
		       "9000\n",
		       port);
	fflush(stdout);
}

/* Until a signal says that it is over. 0 or -errno. */
static int serve(const struct settings *s, struct fantail_sim *sim,
		 struct fantail_vfu *vfu, int signal_fd)
{
	struct signalfd_siginfo info;
	int rc;

	for (;;) {
		rc = fantail_vfu_serve(vfu, signal_fd);
		if (rc) {
			fprintf(stderr, "fantail-sim: %s\n", strerror(-rc));
			return rc;
		}
		while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGUSR1)
				return 0;
			/* it has been said what went wrong; serve on */
			(void)write_stats(s, sim, vfu);
		}
	}
}

int main(int argc, char **argv)
{
	struct fantail_vfu_config cfg = { 0 };
	struct fantail_sim_timeline timeline;
	struct fantail_vfu *vfu;
	struct fantail_sim *sim;
	struct settings s;
	uint16_t port = 0;
	char why[300] = "";
	int signal_fd, rc;

	settings_parse(argc, argv, &s);
	signal_fd = catch_signals();
	/* a URI may bring its own forward */
	if (s.slirp && !(s.net && strstr(s.net, "hostfwd=")))
		port = args_claim_port(s.port);
	sim = open_card(&s, port);
	cfg.path = s.path;
	cfg.sim = sim;
	cfg.pcie = s.model.pcie;
	cfg.patience_ms = s.patience_ms;
	cfg.log = on_log;
	cfg.log_ctx = &s;
	rc = fantail_vfu_open(&cfg, &vfu);
	if (rc)
		bad_input("cannot serve on %s: %s", s.path,
			  rc == -EADDRINUSE ? "another server listens there, "
					      "or it is no socket"
					    : strerror(-rc));
	greet(&s, port);
	rc = serve(&s, sim, vfu, signal_fd);
	if (write_stats(&s, sim, vfu) && !rc)
		rc = -EIO;
	if (s.timeline.path &&
	    timeline_tell(&s.timeline, &timeline,
			  fantail_sim_timeline_write(sim, &timeline)) &&
	    !rc)
		rc = -EIO;
	fantail_vfu_close(vfu);
	if (fantail_sim_check(sim, why, sizeof(why))) {
		fprintf(stderr, "fantail-sim: the card was not right: %s\n",
			why);
		rc = -EPROTO;
	}
	fantail_sim_close(sim);
	close(signal_fd);
	return rc ? EXIT_FAILED : EXIT_SUCCESS;
}
