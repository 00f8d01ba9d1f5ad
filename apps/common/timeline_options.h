/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the timeline of batches, of every program that has the card. */
#ifndef FANTAIL_TIMELINE_OPTIONS_H
#define FANTAIL_TIMELINE_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "fantail_sim.h"

struct timeline_options {
	const char *path;    /* or NULL: no timeline */
	const char *batches; /* windows as given, or NULL */
	const char *cycles;
	uint64_t first, last; /* of the one that was given */
};

/*
 * A child of the program's own parser, which gives it a struct
 * timeline_options as input. Ends in bad_input() when a value is wrong.
 */
extern const struct argp timeline_argp;

/*
 * timeline_check() - when all options are known: do they fit, and can the file
 * be written? Creates it. Ends in bad_input() if not.
 */
void timeline_check(const struct timeline_options *o);

/* Hand them on. */
void timeline_configure(const struct timeline_options *o,
			struct fantail_sim_config *cfg);

/*
 * timeline_tell() - say in one line what was written, @what, with @rc
 *
 * Both are of fantail_sim_timeline_write(). Says nothing without a timeline.
 * Return: @rc, if there is one.
 */
int timeline_tell(const struct timeline_options *o,
		  const struct fantail_sim_timeline *what, int rc);

#endif
