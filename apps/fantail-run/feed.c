/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "itch.h"

enum {
	BUFFER = 4 * FEED_MESSAGE_MAX,
	ERROR_TEXT = 512,
};

struct feed {
	struct feed_config config;
	struct itch_market *market; /* synthetic only */
	int fd;			    /* -1: synthetic */
	bool regular;
	bool at_end;	   /* read(2) said so */
	bool session_over; /* ITCH: the empty record was seen */
	int failed;	   /* sticky result of feed_next() */
	uint64_t size;
	uint64_t given;	 /* messages */
	uint64_t offset; /* of buffer[head] in the feed */
	size_t head;	 /* first byte not given yet */
	size_t tail;	 /* end of what was read */
	char name[256];
	char error[ERROR_TEXT];
	uint8_t buffer[BUFFER];
};

int feed_parse_framing(const char *text, struct feed_config *config)
{
	char *end;
	unsigned long n;

	if (!strcmp(text, "itch")) {
		config->framing = FEED_ITCH;
		return 0;
	}
	if (!strcmp(text, "lines")) {
		config->framing = FEED_LINES;
		return 0;
	}
	if (strncmp(text, "fixed:", 6) || text[6] < '0' || text[6] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text + 6, &end, 10);
	if (errno || *end || n < 1 || n > FEED_MESSAGE_MAX)
		return -EINVAL;
	config->framing = FEED_FIXED;
	config->fixed_bytes = n;
	return 0;
}

static int open_file(struct feed *f, const char *path, char *error, size_t size)
{
	struct stat st;
	int rc;

	if (!strcmp(path, "-")) {
		snprintf(f->name, sizeof(f->name), "standard input");
		f->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		snprintf(f->name, sizeof(f->name), "%s", path);
		f->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (f->fd < 0) {
		rc = -errno;
		snprintf(error, size,
			 "cannot open the feed '%s': %s; "
			 "name a readable file, or - for standard input",
			 path, strerror(-rc));
		return rc;
	}
	if (fstat(f->fd, &st) < 0) {
		rc = -errno;
		snprintf(error, size, "cannot stat the feed '%s': %s", path,
			 strerror(-rc));
		return rc;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(error, size,
			 "the feed '%s' is a directory; name a "
			 "file in it",
			 path);
		return -EISDIR;
	}
	f->regular = S_ISREG(st.st_mode);
	if (f->regular && st.st_size == 0) {
		snprintf(error, size,
			 "the feed '%s' is empty; name a file "
			 "with at least one message",
			 f->name);
		return -ENODATA;
	}
	if (f->regular)
		f->size = (uint64_t)st.st_size;
	return 0;
}

int feed_open(const struct feed_config *config, struct feed **feed, char *error,
	      size_t size)
{
	struct feed *f = calloc(1, sizeof(*f));
	int rc;

	if (!f) {
		snprintf(error, size, "no memory for the feed");
		return -ENOMEM;
	}
	f->config = *config;
	f->config.path = NULL;
	f->fd = -1;
	if (config->path) {
		rc = open_file(f, config->path, error, size);
		if (rc < 0)
			goto fail;
	} else {
		snprintf(f->name, sizeof(f->name), "synthetic ITCH 5.0");
		f->market = itch_market_new(config->seed, config->messages);
		if (!f->market) {
			snprintf(error, size, "no memory for the feed");
			rc = -ENOMEM;
			goto fail;
		}
	}
	*feed = f;
	return 0;
fail:
	feed_close(f);
	return rc;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	itch_market_free(f->market);
	free(f);
}

__attribute__((format(printf, 3, 4))) static int fail(struct feed *f, int rc,
						      const char *format, ...)
{
	va_list args;
	int n = snprintf(f->error, sizeof(f->error), "the feed %s ", f->name);

	va_start(args, format);
	vsnprintf(f->error + n, sizeof(f->error) - (size_t)n, format, args);
	va_end(args);
	f->failed = rc;
	return rc;
}

/* Read more behind what is there. 0: more, or at_end; -EAGAIN; -EIO. */
static int fill(struct feed *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	ssize_t n;

	if (f->at_end)
		return 0;
	if (f->head) {
		memmove(f->buffer, f->buffer + f->head, f->tail - f->head);
		f->tail -= f->head;
		f->head = 0;
	}
	/* the pipe may be shared: its O_NONBLOCK is not ours to set */
	if (!f->regular && poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	n = read(f->fd, f->buffer + f->tail, sizeof(f->buffer) - f->tail);
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return -EAGAIN;
		return fail(f, -EIO, "cannot be read at byte %llu: %s",
			    (unsigned long long)(f->offset + f->tail),
			    strerror(errno));
	}
	if (n == 0)
		f->at_end = true;
	f->tail += (size_t)n;
	return 0;
}

static int ends_inside(struct feed *f, size_t have, size_t want)
{
	return fail(f, -EBADMSG,
		    "ends inside a message: the one at byte %llu "
		    "has %zu of its %zu bytes; complete the feed, or choose "
		    "the FRAMING it is written in",
		    (unsigned long long)f->offset, have, want);
}

/*
 * The three cutters: bytes of the message at the head, 0 when more must be
 * read to know, or a negative errno.
 */
static int cut_itch(struct feed *f, size_t have)
{
	const uint8_t *p = f->buffer + f->head;
	unsigned long long at = f->offset;
	unsigned int length, right;

	if (f->session_over && have)
		return fail(f, -EBADMSG,
			    "goes on at byte %llu behind the "
			    "empty record that ends a session; cut it there",
			    at);
	if (have < ITCH_PREFIX)
		return have && f->at_end ? ends_inside(f, have, ITCH_PREFIX)
					 : 0;
	length = (unsigned int)p[0] << 8 | p[1];
	if (!length) {
		f->session_over = true;
		return ITCH_PREFIX;
	}
	if (at == 0 && length == 0x1f8b)
		return fail(f, -EBADMSG,
			    "is compressed by gzip; unpack it "
			    "first: zcat FILE | make run FEED=-");
	if (have == ITCH_PREFIX)
		return f->at_end ? ends_inside(f, have, ITCH_PREFIX + length)
				 : 0;
	right = itch_length(p[2]);
	if (!right)
		return fail(f, -EBADMSG,
			    "is not ITCH 5.0: unknown message "
			    "type 0x%02x at byte %llu; choose the FRAMING it "
			    "is written in (lines, fixed:N)",
			    p[2], at);
	if (right != length)
		return fail(f, -EBADMSG,
			    "is not ITCH 5.0: message '%c' at "
			    "byte %llu has length %u, the specification says "
			    "%u; choose the FRAMING it is written in (lines, "
			    "fixed:N)",
			    p[2], at, length, right);
	if (have < ITCH_PREFIX + length)
		return f->at_end ? ends_inside(f, have, ITCH_PREFIX + length)
				 : 0;
	return (int)(ITCH_PREFIX + length);
}

static int cut_lines(struct feed *f, size_t have)
{
	const uint8_t *p = f->buffer + f->head;
	size_t window = have < FEED_MESSAGE_MAX ? have : FEED_MESSAGE_MAX;
	const uint8_t *end = memchr(p, '\n', window);

	if (end)
		return (int)(end - p + 1);
	if (window == FEED_MESSAGE_MAX || f->at_end)
		return (int)window;
	return 0;
}

static int cut_fixed(struct feed *f, size_t have)
{
	if (have >= f->config.fixed_bytes)
		return (int)f->config.fixed_bytes;
	if (have && f->at_end)
		return ends_inside(f, have, f->config.fixed_bytes);
	return 0;
}

static int next_of_file(struct feed *f, const uint8_t **data, size_t *length)
{
	int (*cut)(struct feed * f, size_t have) =
		f->config.framing == FEED_ITCH	  ? cut_itch
		: f->config.framing == FEED_LINES ? cut_lines
						  : cut_fixed;
	int rc;

	for (;;) {
		bool was_at_end = f->at_end;

		rc = cut(f, f->tail - f->head);
		if (rc || was_at_end)
			break;
		rc = fill(f);
		if (rc)
			return rc;
	}
	if (rc <= 0)
		return rc;
	*data = f->buffer + f->head;
	*length = (size_t)rc;
	f->head += (size_t)rc;
	f->offset += (size_t)rc;
	f->given++;
	return 1;
}

int feed_next(struct feed *f, const uint8_t **data, size_t *length)
{
	if (f->failed)
		return f->failed;
	if (f->config.messages && f->given == f->config.messages)
		return 0;
	if (f->fd >= 0)
		return next_of_file(f, data, length);
	*length = itch_market_next(f->market, f->buffer);
	if (!*length)
		return 0;
	*data = f->buffer;
	f->given++;
	return 1;
}

const char *feed_error(const struct feed *f)
{
	return f->error;
}

int feed_fd(const struct feed *f)
{
	return f->regular ? -1 : f->fd;
}

const char *feed_name(const struct feed *f)
{
	return f->name;
}

uint64_t feed_size_bytes(const struct feed *f)
{
	return f->size;
}

int feed_check(const struct feed_config *config, uint64_t *messages,
	       char *error, size_t size)
{
	const uint8_t *data;
	struct feed *f;
	size_t length;
	int rc;

	rc = feed_open(config, &f, error, size);
	if (rc < 0)
		return rc;
	/* standard input keeps its position over this: leave it alone */
	if (!f->regular || !config->path || !strcmp(config->path, "-"))
		goto out;
	do
		rc = feed_next(f, &data, &length);
	while (rc > 0);
	if (rc < 0)
		snprintf(error, size, "%s", f->error);
	else
		*messages = f->given;
out:
	feed_close(f);
	return rc;
}
