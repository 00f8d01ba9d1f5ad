/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"
#include "itch.h"

TestSuite(feed, .timeout = 20);

static char path[] = "/tmp/fantail-feed-XXXXXX";
static char why[512];

static void write_file(const void *data, size_t length)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, data, length), (ssize_t)length);
	close(fd);
}

static struct feed *must_open(const struct feed_config *config)
{
	struct feed *f = NULL;

	cr_assert_eq(feed_open(config, &f, why, sizeof(why)), 0, "%s", why);
	return f;
}

/* Read all of it; compare the joined messages with the file. */
static int read_all(struct feed *f, const uint8_t *want, size_t *messages,
		    size_t *bytes)
{
	const uint8_t *data;
	size_t length;
	int rc;

	*messages = *bytes = 0;
	while ((rc = feed_next(f, &data, &length)) > 0) {
		cr_assert_geq(length, 1);
		cr_assert_leq(length, FEED_MESSAGE_MAX);
		cr_assert_arr_eq(data, want + *bytes, length);
		*bytes += length;
		*messages += 1;
	}
	return rc;
}

Test(feed, framing_values)
{
	static const char *const bad[] = {
		"",	    "itchy",	 "line",
		"fixed",    "fixed:",	 "fixed:0",
		"fixed:-1", "fixed:12x", "fixed:65537",
		"fixed: 5", "fixed:+5",	 "fixed:99999999999999999999",
	};
	struct feed_config c = { .fixed_bytes = 1234 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(feed_parse_framing(bad[i], &c), -EINVAL, "%s",
			     bad[i]);
	cr_assert_eq(c.fixed_bytes, 1234);
	cr_assert_eq(feed_parse_framing("lines", &c), 0);
	cr_assert_eq(c.framing, FEED_LINES);
	cr_assert_eq(feed_parse_framing("itch", &c), 0);
	cr_assert_eq(c.framing, FEED_ITCH);
	cr_assert_eq(feed_parse_framing("fixed:65536", &c), 0);
	cr_assert_eq(c.framing, FEED_FIXED);
	cr_assert_eq(c.fixed_bytes, 65536);
}

Test(feed, synthetic_stops_after_messages)
{
	struct feed_config c = { .messages = 100, .seed = 5 };
	struct feed *f = must_open(&c);
	const uint8_t *data;
	size_t length;

	for (int i = 0; i < 100; i++)
		cr_assert_eq(feed_next(f, &data, &length), 1);
	cr_assert_eq(feed_next(f, &data, &length), 0);
	cr_assert_eq(feed_next(f, &data, &length), 0);
	cr_assert_eq(feed_fd(f), -1);
	feed_close(f);
}

Test(feed, itch_file_round_trip_and_every_truncation)
{
	struct itch_market *m = itch_market_new(9, 60);
	static uint8_t file[60 * ITCH_RECORD_MAX];
	struct feed_config c = { .path = path, .framing = FEED_ITCH };
	size_t ends[61], total = 0, messages, bytes, next = 0;
	uint64_t counted = 0;
	struct feed *f;

	ends[0] = 0;
	for (int i = 0; i < 60; i++)
		ends[i + 1] = total += itch_market_next(m, file + total);
	itch_market_free(m);
	write_file(file, total);
	f = must_open(&c);
	cr_assert_eq(read_all(f, file, &messages, &bytes), 0);
	cr_assert_eq(messages, 60);
	cr_assert_eq(bytes, total);
	feed_close(f);
	cr_assert_eq(feed_check(&c, &counted, why, sizeof(why)), 0);
	cr_assert_eq(counted, 60);

	for (size_t cut = 1; cut < total; cut++) {
		char at[64];
		int rc;

		cr_assert_eq(truncate(path, 0), 0);
		FILE *out = fopen(path, "w");
		cr_assert_eq(fwrite(file, 1, cut, out), cut);
		fclose(out);
		while (ends[next + 1] <= cut)
			next++;
		f = must_open(&c);
		rc = read_all(f, file, &messages, &bytes);
		cr_assert_eq(messages, next);
		if (ends[next] == cut) {
			cr_assert_eq(rc, 0);
		} else {
			cr_assert_eq(rc, -EBADMSG);
			snprintf(at, sizeof(at), "the one at byte %zu has %zu",
				 ends[next], cut - ends[next]);
			cr_assert(strstr(feed_error(f), "ends inside a"));
			cr_assert(strstr(feed_error(f), at), "%s not in %s", at,
				  feed_error(f));
		}
		feed_close(f);
	}
	unlink(path);
}

static void refuse(const void *data, size_t length, enum feed_framing framing,
		   const char *text)
{
	struct feed_config c = {
		.path = path,
		.framing = framing,
		.fixed_bytes = 10,
	};
	uint64_t counted = 77;

	strcpy(path, "/tmp/fantail-feed-XXXXXX");
	write_file(data, length);
	cr_assert_lt(feed_check(&c, &counted, why, sizeof(why)), 0);
	cr_assert(strstr(why, text), "'%s' not in '%s'", text, why);
	cr_assert_eq(counted, 77);
	unlink(path);
}

Test(feed, broken_files_are_named)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b, 8, 0, 0, 0 };
	uint8_t event[28] = { 0, 12, 'S' };

	refuse("", 0, FEED_LINES, "is empty");
	refuse("1234567890123", 13, FEED_FIXED,
	       "the one at byte 10 has 3 of its 10 bytes");
	refuse("\0\x0cz---------", 13, FEED_ITCH,
	       "unknown message type 0x7a at byte 0");
	refuse("\0\x0d"
	       "S----------",
	       13, FEED_ITCH,
	       "message 'S' at byte 0 has length 13, the specification says "
	       "12");
	refuse(gzip, sizeof(gzip), FEED_ITCH, "compressed by gzip");
	/* the second record is wrong: its place counts from the first byte */
	event[15] = 12;
	event[16] = 'z';
	refuse(event, sizeof(event), FEED_ITCH, "0x7a at byte 14");
	/* an empty record ends a session, nothing may follow */
	event[15] = 0;
	refuse(event, sizeof(event), FEED_ITCH, "goes on at byte 16");
}

Test(feed, missing_file_and_directory)
{
	struct feed_config c = { .path = "/nonexistent/x" };
	struct feed *f;

	cr_assert_eq(feed_open(&c, &f, why, sizeof(why)), -ENOENT);
	cr_assert(strstr(why, "/nonexistent/x"));
	c.path = "/tmp";
	cr_assert_eq(feed_open(&c, &f, why, sizeof(why)), -EISDIR);
}

/* Lines of 0 to 300 bytes, one longer than a message, the last unended. */
Test(feed, lines)
{
	static uint8_t file[200000];
	struct feed_config c = { .path = path, .framing = FEED_LINES };
	size_t n = 0, messages, bytes;
	struct feed *f;

	for (int i = 0; i < 300; i++) {
		memset(file + n, 'a' + i % 26, (size_t)i);
		n += (size_t)i;
		file[n++] = '\n';
	}
	memset(file + n, 'L', FEED_MESSAGE_MAX + 10);
	n += FEED_MESSAGE_MAX + 10;
	file[n++] = '\n';
	memcpy(file + n, "end", 3);
	n += 3;
	write_file(file, n);
	f = must_open(&c);
	cr_assert_eq(read_all(f, file, &messages, &bytes), 0);
	cr_assert_eq(bytes, n);
	cr_assert_eq(messages, 303);
	feed_close(f);
	unlink(path);
}

Test(feed, messages_limits_a_file)
{
	struct feed_config c = {
		.path = path,
		.framing = FEED_FIXED,
		.fixed_bytes = 4,
		.messages = 2,
	};
	size_t messages, bytes;
	struct feed *f;

	write_file("aaaabbbbcc", 10);
	f = must_open(&c);
	/* the broken end is behind the limit */
	cr_assert_eq(
		read_all(f, (const uint8_t *)"aaaabbbb", &messages, &bytes), 0);
	cr_assert_eq(messages, 2);
	feed_close(f);
	unlink(path);
}

/* A pipe that trickles: -EAGAIN between, never a block, no byte lost. */
Test(feed, pipe_trickles)
{
	struct feed_config c = {
		.path = "-",
		.framing = FEED_FIXED,
		.fixed_bytes = 3,
	};
	const uint8_t *data;
	size_t length;
	struct feed *f;
	int p[2];

	cr_assert_eq(pipe(p), 0);
	dup2(p[0], STDIN_FILENO);
	f = must_open(&c);
	cr_assert_geq(feed_fd(f), 0);
	cr_assert_eq(feed_next(f, &data, &length), -EAGAIN);
	cr_assert_eq(write(p[1], "ab", 2), 2);
	cr_assert_eq(feed_next(f, &data, &length), -EAGAIN);
	cr_assert_eq(write(p[1], "cdefg", 5), 5);
	cr_assert_eq(feed_next(f, &data, &length), 1);
	cr_assert_arr_eq(data, "abc", 3);
	cr_assert_eq(feed_next(f, &data, &length), 1);
	cr_assert_arr_eq(data, "def", 3);
	cr_assert_eq(feed_next(f, &data, &length), -EAGAIN);
	close(p[1]);
	cr_assert_eq(feed_next(f, &data, &length), -EBADMSG);
	cr_assert(strstr(feed_error(f), "standard input ends inside a message"
					": the one at byte 6 has 1 of its 3"),
		  "%s", feed_error(f));
	cr_assert_eq(feed_next(f, &data, &length), -EBADMSG);
	feed_close(f);
}
