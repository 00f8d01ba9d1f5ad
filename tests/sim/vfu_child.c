/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu_child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fantail_sim.h"
#include "vfu_server.h"

static void on_log(void *ctx, enum fantail_sim_level level, const char *msg)
{
	(void)ctx;
	if (level == FANTAIL_SIM_ERROR)
		fprintf(stderr, "server: %s\n", msg);
}

/* The child's life. @ready is closed when it serves, @stop says when to end. */
static int serve(const char *path, unsigned int patience_ms, int ready,
		 int stop)
{
	struct fantail_vfu_config cfg = {
		.path = path,
		.patience_ms = patience_ms,
		.log = on_log,
	};
	struct fantail_sim_config sim_cfg;
	struct fantail_vfu *vfu;
	char why[200];
	int rc;

	fantail_sim_config_init(&sim_cfg);
	sim_cfg.time = FANTAIL_SIM_REAL;
	sim_cfg.log = on_log;
	rc = fantail_sim_open(&sim_cfg, &cfg.sim);
	if (!rc)
		rc = fantail_vfu_open(&cfg, &vfu);
	if (rc) {
		fprintf(stderr, "server: %s\n", strerror(-rc));
		return 1;
	}
	if (write(ready, "", 1) != 1)
		return 1;
	rc = fantail_vfu_serve(vfu, stop);
	fantail_vfu_close(vfu);
	if (fantail_sim_check(cfg.sim, why, sizeof(why))) {
		fprintf(stderr, "server: %s\n", why);
		rc = -EPROTO;
	}
	fantail_sim_close(cfg.sim);
	return rc ? 1 : 0;
}

int vfu_child_start(struct vfu_child *c, unsigned int patience_ms)
{
	int ready[2], stop[2];
	char byte;

	snprintf(c->path, sizeof(c->path), "build/vfu-%d.sock", getpid());
	snprintf(c->uri, sizeof(c->uri), "vfio-user:%s", c->path);
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(stop, O_CLOEXEC) < 0)
		return -1;
	c->pid = fork();
	if (c->pid == 0) {
		close(ready[0]);
		close(stop[1]);
		/* no copy of our end elsewhere may keep it alive */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(serve(c->path, patience_ms, ready[1], stop[0]));
	}
	close(ready[1]);
	close(stop[0]);
	c->stop = stop[1];
	if (c->pid < 0 || read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	return 0;
}

int vfu_child_stop(struct vfu_child *c)
{
	int status;

	close(c->stop);
	if (waitpid(c->pid, &status, 0) != c->pid)
		return -1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "server: signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool vfu_child_lives(const struct vfu_child *c)
{
	return waitpid(c->pid, NULL, WNOHANG) == 0;
}

int vfu_child_fds(const struct vfu_child *c)
{
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", c->pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}

long vfu_child_kib(const struct vfu_child *c)
{
	char path[64], line[128];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", c->pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = strtol(line + 6, NULL, 10);
	fclose(f);
	return kib;
}
