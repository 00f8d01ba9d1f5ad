/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/*
 * The program refuses what it cannot use: one line on stderr that names
 * culprit and remedy, exit code 2, nothing on stdout, nothing started. The
 * program is $FANTAIL_RUN, else build/bin/fantail-run.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(bad_input, .timeout = 30);

static char told[4096];

static const char *program(void)
{
	const char *path = getenv("FANTAIL_RUN");

	if (!path)
		path = "build/bin/fantail-run";
	cr_assert_eq(access(path, X_OK), 0, "%s is not built: make apps", path);
	return path;
}

/* Run it with one option, or two; stderr goes to told[]. */
static int run(const char *one, const char *two, bool as_nobody)
{
	const char *path = program();
	size_t have = 0;
	ssize_t n;
	int p[2], status;
	pid_t pid;

	cr_assert_eq(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], STDERR_FILENO);
		dup2(p[1], STDOUT_FILENO);
		close(p[0]);
		close(p[1]);
		if (as_nobody && (setgid(65534) || setuid(65534)))
			_exit(99);
		execl(path, path, "--out=build/test-bad-input", one, two, NULL);
		_exit(98);
	}
	close(p[1]);
	/* ends when every holder of the pipe is gone: nothing is left */
	while ((n = read(p[0], told + have, sizeof(told) - 1 - have)) > 0)
		have += (size_t)n;
	told[have] = 0;
	close(p[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void refused(const char *one, const char *two, const char *culprit)
{
	int code = run(one, two, false);
	const char *line = strchr(told, '\n');

	cr_assert_eq(code, 2, "%s %s: exit %d: %s", one, two, code, told);
	cr_assert(strstr(told, culprit), "'%s' not in: %s", culprit, told);
	cr_assert_eq(strncmp(told, "fantail-run: ", 13), 0, "%s", told);
	cr_assert(line && !line[1], "more than one line: %s", told);
}

Test(bad_input, values)
{
	refused("--clients=0", NULL, "--clients: '0' is not a number from 1");
	refused("--clients=many", NULL, "--clients: 'many'");
	refused("--clients=-1", NULL, "--clients: '-1'");
	refused("--clients=100000", NULL, "to 16384");
	refused("--messages=0", NULL, "--messages");
	refused("--messages=1e4", NULL, "--messages: '1e4'");
	refused("--batch=0", NULL, "--batch");
	refused("--port=65536", NULL, "--port: '65536'");
	refused("--seed=", NULL, "--seed: ''");
	refused("--net=tun", NULL, "'tun' is neither slirp, tap nor peers");
	refused("--sack=off", NULL, "--sack: only the clients of --net=tap");
	refused("--net=tap", "--sack=maybe", "'maybe' is neither on nor off");
	refused("--framing=fixed:0", NULL, "'fixed:0' is neither");
	refused("--framing=lines", NULL, "none is given");
	refused("--mps=300", NULL, "not a power of two");
	refused("--pcie-gen=9", NULL, "--pcie-gen");
	refused("--pcie-latency-ns=0", NULL, "--pcie-latency-ns");
	refused("--trace-window=9:3", NULL, "'9:3' is not FIRST:LAST");
	refused("--trace-window=1:3", NULL, "with --trace");
	refused("--clients=3", "--drop-client=3", "there is no client 3");
	refused("extra", NULL, "'extra' is not an option");
}

Test(bad_input, link)
{
	refused("--loss=2", NULL, "--loss: '2' is not a share");
	refused("--loss=101%", NULL, "--loss: '101%'");
	refused("--dup=-1%", NULL, "--dup: '-1%'");
	refused("--reorder=1e1%", NULL, "--reorder: '1e1%'");
	refused("--corrupt=some", NULL, "--corrupt: 'some'");
	refused("--delay=20", NULL, "--delay: '20' is not a time");
	refused("--jitter=11s", NULL, "--jitter: '11s'");
	refused("--rate=1", NULL, "--rate: '1' is not a rate");
	refused("--rate=1mbit", "--queue=0", "--queue: '0' is not a number");
	refused("--queue=64k", NULL, "--queue: nothing waits");
	refused("--reorder-gap=3", NULL, "--reorder-gap: nothing is");
	refused("--reorder=1%", "--reorder-gap=0", "--reorder-gap: '0'");
	refused("--lose-tx=0", NULL, "--lose-tx: '0' is not up to 32");
	refused("--lose-rx=3-", NULL, "--lose-rx: '3-'");
	refused("--link-dir=up", NULL, "'up' is neither tx, rx nor both");
}

Test(bad_input, timeline)
{
	const char *file = "--perfetto=build/test-bad-input/t.json";

	refused("--perfetto=/nonexistent/t.json", NULL,
		"--perfetto: cannot write '/nonexistent/t.json'");
	refused("--perfetto-batches=1:2", NULL, "with --perfetto");
	refused(file, "--perfetto-batches=3", "'3' is not FIRST:LAST");
	refused(file, "--perfetto-batches=3:2", "'3:2' is not FIRST:LAST");
	refused(file, "--perfetto-batches=1:2x", "two batch numbers");
	refused(file, "--perfetto-window=-1:5", "'-1:5' is not FIRST:LAST");
	refused(file, "--perfetto-window=1:99999999999999999999",
		"two cycle numbers");
	refused("--perfetto-window=1:5", "--perfetto-batches=1:5",
		"leave out one");
	refused("--device=vfio-user:none", file, "ask for the timeline there");
}

Test(bad_input, unknown_option)
{
	refused("--no-such-option", NULL,
		"'--no-such-option' is not an option");
	refused("--clients", NULL,
		"'--clients' is not an option, or its value "
		"is missing");
	refused("--json=3", NULL, "'--json=3'");
	refused("-x", NULL, "'-x' is not an option");
}

Test(bad_input, feeds)
{
	const char *path = "build/test-bad-input/feed";
	FILE *f;

	mkdir("build", 0777);
	mkdir("build/test-bad-input", 0777);
	refused("--feed=/nonexistent/feed", NULL,
		"'/nonexistent/feed': No such file");
	refused("--feed=/tmp", NULL, "is a directory");
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fwrite("\0\x0cS---", 1, 6, f);
	fclose(f);
	refused("--feed=build/test-bad-input/feed", NULL,
		"ends inside a message: the one at byte 0 has 6 of its 14");
	refused("--feed=build/test-bad-input/feed", "--framing=fixed:4",
		"the one at byte 4 has 2 of its 4 bytes");
	unlink(path);
}

Test(bad_input, occupied_port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char option[32], culprit[64];

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	snprintf(option, sizeof(option), "--port=%u", ntohs(at.sin_port));
	snprintf(culprit, sizeof(culprit), "port %u is occupied; choose",
		 ntohs(at.sin_port));
	refused(option, NULL, culprit);
	close(fd);
}

Test(bad_input, port_without_right)
{
	int first = 1024;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	int code;

	if (f) {
		cr_assert_eq(fscanf(f, "%d", &first), 1);
		fclose(f);
	}
	if (first < 8)
		cr_skip_test("port 7 is everyone's [needs: test $(cat "
			     "/proc/sys/net/ipv4/ip_unprivileged_port_start) "
			     "-ge 8]");
	mkdir("build", 0777);
	mkdir("build/test-bad-input", 0777);
	chmod("build/test-bad-input", 0777);
	code = run("--port=7", NULL, geteuid() == 0);
	if (code == 98 || code == 99)
		cr_skip_test("nobody may not reach the program [needs: setpriv"
			     " --reuid=65534 --clear-groups test -x "
			     "$FANTAIL_RUN]");
	cr_assert_eq(code, 2, "%d %s", code, told);
	cr_assert(strstr(told, "port 7 needs rights"), "%s", told);
}

Test(bad_input, unwritable_output)
{
	refused("--out=/proc/nothing", NULL, "'/proc/nothing'");
	refused("--out=/dev/null/run", NULL, "--out");
}
