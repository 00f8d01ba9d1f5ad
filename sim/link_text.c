/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the link model from text, see link.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "link.h"

/* A unit and how many of the smallest one it is. */
struct unit {
	const char *name;
	double factor;
};

static const struct unit shares[] = { { "%", 1e4 }, { NULL, 0 } };
static const struct unit times[] = {
	{ "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { NULL, 0 }
};
static const struct unit rates[] = { { "kbit", 1e3 }, { "mbit", 1e6 },
				     { "gbit", 1e9 }, { "bit", 1 },
				     { "k", 1e3 },    { "m", 1e6 },
				     { "g", 1e9 },    { NULL, 0 } };
static const struct unit sizes[] = {
	{ "", 1 }, { "k", 1e3 }, { "m", 1e6 }, { NULL, 0 }
};
static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };

/* A decimal number with one of @units, from @least to @most of the smallest.
 * Zero needs no unit. */
static int parse(const char *text, const struct unit *units, double least,
		 double most, double *out)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double v;

	if (!digits || digits > 20 || *text == '.')
		return -EINVAL;
	v = strtod(text, &end);
	/* as hexadecimal numbers and exponents, which we do not take */
	if (end != text + digits)
		return -EINVAL;
	for (; units->name; units++)
		if (!strcasecmp(end, units->name) || (v == 0 && !*end))
			break;
	v *= units->factor;
	if (!units->name || v < least || v > most)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_list(const char *text, struct fantail_link_way *way)
{
	unsigned int n = 0;

	for (;; text++) {
		unsigned long long first, last;
		char *end;

		if (*text < '0' || *text > '9' || n == FANTAIL_LINK_LOSE)
			return -EINVAL;
		errno = 0;
		first = last = strtoull(text, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoull(end + 1, &end, 10);
		if (errno || !first || last < first)
			return -EINVAL;
		way->lose[n++] = (struct fantail_link_range){ first, last };
		text = end;
		if (!*text)
			break;
		if (*text != ',')
			return -EINVAL;
	}
	way->lose_count = n;
	return 0;
}

/* Frames or a time: the one given takes the other's place. */
static int parse_gap(const char *text, struct fantail_link_way *way)
{
	double v;

	if (!parse(text, counts, 1, 1000, &v) && v == (uint32_t)v) {
		way->reorder_frames = (uint32_t)v;
		way->reorder_us = 0;
		return 0;
	}
	if (parse(text, times, 1, 1e7, &v))
		return -EINVAL;
	way->reorder_us = (uint32_t)(v + 0.5);
	way->reorder_frames = 0;
	return 0;
}

static int parse_share(const char *text, uint32_t *ppm)
{
	double v;

	if (parse(text, shares, 0, 1e6, &v))
		return -EINVAL;
	*ppm = (uint32_t)(v + 0.5);
	/* less than we can do is not none */
	return v > 0 && !*ppm ? -EINVAL : 0;
}

static int parse_time(const char *text, uint32_t *us)
{
	double v;

	if (parse(text, times, 0, 1e7, &v))
		return -EINVAL;
	*us = (uint32_t)(v + 0.5);
	return 0;
}

static int set(struct fantail_link_way *way, const char *name,
	       const char *value, const char **must)
{
	double v = 0;
	int rc;

	*must = "a share from 0% to 100%, such as 0.5%";
	if (!strcmp(name, "loss"))
		return parse_share(value, &way->loss_ppm);
	if (!strcmp(name, "dup"))
		return parse_share(value, &way->dup_ppm);
	if (!strcmp(name, "reorder"))
		return parse_share(value, &way->reorder_ppm);
	if (!strcmp(name, "corrupt"))
		return parse_share(value, &way->corrupt_ppm);
	*must = "a time from 0 to 10s in us, ms or s, such as 20ms";
	if (!strcmp(name, "delay"))
		return parse_time(value, &way->delay_us);
	if (!strcmp(name, "jitter"))
		return parse_time(value, &way->jitter_us);
	*must = "a number of frames from 1 to 1000, or a time up to 10s such "
		"as 5ms";
	if (!strcmp(name, "reorder-gap"))
		return parse_gap(value, way);
	*must = "a rate from 1kbit to 1000gbit, such as 100mbit";
	if (!strcmp(name, "rate")) {
		rc = parse(value, rates, 1e3, 1e12, &v);
		way->rate_bps = (uint64_t)v;
		return rc;
	}
	*must = "a number of bytes from 1 to 1000m, such as 256k";
	if (!strcmp(name, "queue")) {
		rc = parse(value, sizes, 1, 1e9, &v);
		way->queue_bytes = (uint64_t)v;
		return rc;
	}
	*must = "up to 32 numbers of frames, from 1, such as 3,7-9";
	if (!strcmp(name, "lose"))
		return parse_list(value, way);
	return -ENOENT;
}

int fantail_link_set(struct fantail_link_way *way, const char *name,
		     const char *value, const char **must)
{
	struct fantail_link_way changed = *way;
	int rc = set(&changed, name, value, must);

	if (!rc)
		*way = changed;
	return rc;
}
