/* SPDX-License-Identifier: Apache-2.0 */
/* Options of every program that has the simulated card in it. */
#ifndef FANTAIL_MODEL_OPTIONS_H
#define FANTAIL_MODEL_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#include "fantail_sim.h"
#include "link.h"

struct model_options {
	struct fantail_link_config link; /* all zero: a perfect one */
	const char *link_dir;		 /* as given, or NULL */
	struct fantail_sim_pcie pcie;	 /* zero: the simulator's default */
	bool given;			 /* was any of them named? */
};

/*
 * Link and PCIe model, as a child of the program's own parser, which gives it
 * a struct model_options as input. Ends in bad_input() when a value is wrong.
 */
extern const struct argp model_argp;

/* When all options are known: do they fit? Gives --link-dir its effect. */
void model_check(struct model_options *o);

#endif
