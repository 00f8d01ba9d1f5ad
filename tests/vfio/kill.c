/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/card_size.h"
#include "../sim/vfu_child.h"
#include "fantail_driver.h"
#include "transport.h"
#include "vfio.h"

enum {
	BATCHES = 20, /* of a whole job */
	PER_BATCH = 4,
	/* a client's longest life: its first act is a reset, which clears
	 * the memories of groups */
	KILL_US = 120000 * (1 + CARD_CONNECTIONS / 256 * CARD_GROUPS / 512),
	KIB_SLACK = 4096,
};

struct job {
	struct fantail_dev *dev;
	struct fantail_qp *qp;
	struct fantail_mem mem;
};

static int open_job(const char *uri, struct job *job)
{
	int rc;

	memset(job, 0, sizeof(*job));
	rc = fantail_dev_open(uri, NULL, &job->dev);
	if (!rc)
		rc = fantail_qp_open(job->dev, 0, NULL, &job->qp);
	if (!rc)
		rc = fantail_dma_alloc(job->dev, 65536,
				       FANTAIL_DMA_READ | FANTAIL_DMA_PAYLOAD,
				       &job->mem);
	return rc;
}

static void close_job(struct job *job)
{
	fantail_qp_close(job->qp);
	fantail_dev_close(job->dev);
}

/* One doorbell and its BATCH record. 0 or -errno. */
static int batch(struct job *job, uint64_t cookie)
{
	union fantail_record rec;
	int rc, i;

	for (i = 0; i < PER_BATCH; i++) {
		struct fantail_entry *e =
			fantail_sq_get(job->qp, FANTAIL_RING_DATA);

		if (!e)
			return -EAGAIN;
		e->op = FANTAIL_OP_PUBLISH;
		e->flags = FANTAIL_FLAG_GROUP;
		e->addr = job->mem.iova + 4096u * (unsigned int)i;
		e->len = 4096;
		e->cookie = cookie;
		if (i == PER_BATCH - 1)
			e->flags |= FANTAIL_FLAG_LAST;
	}
	rc = fantail_qp_submit(job->qp);
	if (rc != PER_BATCH)
		return rc < 0 ? rc : -EIO;
	for (i = 0; i < 100; i++) {
		rc = fantail_qp_poll(job->qp, &rec, 1);
		if (rc < 0)
			return rc;
		if (rc && rec.type == FANTAIL_REC_BATCH)
			return rec.batch.cookie_lo == (uint32_t)cookie &&
					       !rec.batch.refused
				       ? 0
				       : -EBADMSG;
		if (!rc)
			rc = fantail_qp_wait(job->qp, 100000);
		if (rc < 0)
			return rc;
	}
	return -ETIMEDOUT;
}

/* What the next client does, from the first to the last register. */
static int whole_job(const char *uri)
{
	struct job job;
	uint64_t i;
	int rc;

	rc = open_job(uri, &job);
	for (i = 0; !rc && i < BATCHES; i++)
		rc = batch(&job, i);
	close_job(&job);
	return rc;
}

/* The life of a client that will be killed. @opened tells that it is open. */
static void work(const char *uri, int opened)
{
	struct job job;
	uint64_t i;
	int rc;

	rc = open_job(uri, &job);
	if (rc || write(opened, "", 1) != 1)
		_exit(1);
	for (i = 0; !rc; i++)
		rc = batch(&job, i);
	_exit(2);
}

/* True: it was in its work, and not before or behind. */
static bool kill_one(const char *uri, unsigned int us, bool *early)
{
	int opened[2], status;
	char byte;
	pid_t pid;

	if (pipe(opened) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(opened[0]);
		work(uri, opened[1]);
	}
	close(opened[1]);
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	*early = read(opened[0], &byte, 1) != 1;
	close(opened[0]);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool check_server(const struct vfu_child *server,
			 struct vfio_result *res)
{
	res->fds_last = vfu_child_fds(server);
	res->kib_last = vfu_child_kib(server);
	if (res->fds_last != res->fds_first)
		snprintf(res->why, sizeof(res->why),
			 "%d descriptors, there were %d", res->fds_last,
			 res->fds_first);
	else if (res->kib_last > res->kib_first + KIB_SLACK)
		snprintf(res->why, sizeof(res->why), "%ld KiB, there were %ld",
			 res->kib_last, res->kib_first);
	return !res->why[0];
}

/* The server has noticed that nobody is there: its client's socket is gone. */
static void settle(const struct vfu_child *server, int fds)
{
	for (int i = 0; i < 2000 && vfu_child_fds(server) != fds; i++)
		usleep(1000);
}

bool vfio_kill(uint64_t kills, uint64_t seed, FILE *progress,
	       struct vfio_result *res)
{
	unsigned int state = (unsigned int)(seed ^ seed >> 32);
	struct vfu_child server = { 0 };
	bool early;
	int rc;

	memset(res, 0, sizeof(*res));
	if (vfu_child_start(&server, 0)) {
		snprintf(res->why, sizeof(res->why), "no server");
		return false;
	}
	rc = whole_job(server.uri);
	for (uint64_t i = 0; !rc && i < kills; i++) {
		if (i == kills / 10) {
			/* what is allocated once has been */
			usleep(100000);
			res->fds_first = vfu_child_fds(&server);
			res->kib_first = vfu_child_kib(&server);
		}
		if (!kill_one(server.uri,
			      (unsigned int)rand_r(&state) % KILL_US, &early)) {
			snprintf(res->why, sizeof(res->why),
				 "client %llu died before it was killed",
				 (unsigned long long)i);
			break;
		}
		res->kills++;
		res->killed_early += early;
		rc = whole_job(server.uri);
		if (progress && i % 20 == 19) {
			fprintf(progress, "\rkills %llu ",
				(unsigned long long)i + 1);
			fflush(progress);
		}
	}
	if (rc)
		snprintf(res->why, sizeof(res->why),
			 "the job behind kill %llu: %s",
			 (unsigned long long)res->kills, strerror(-rc));
	settle(&server, res->fds_first);
	if (!res->why[0])
		check_server(&server, res);
	if (vfu_child_stop(&server) && !res->why[0])
		snprintf(res->why, sizeof(res->why), "the server failed");
	return !res->why[0];
}
