/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* fantail: small jobs around the card. So far: doctor. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum {
	OPT_JSON = 'j',
	OPT_FOR = 'f'
};

struct arguments {
	bool json;
	unsigned int need;
	const char *command;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ "for", OPT_FOR, "model|tap|card", 0,
	  "What decides about the exit code (model)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_FOR:
		a->need = !strcmp(arg, "model")	 ? DOCTOR_MODEL
			  : !strcmp(arg, "tap")	 ? DOCTOR_TAP
			  : !strcmp(arg, "card") ? DOCTOR_CARD
						 : 0;
		if (!a->need)
			argp_error(state, "--for=%s: not model, tap or card",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		if (a->command || strcmp(arg, "doctor") != 0)
			argp_error(state, "'%s': the only command is doctor",
				   arg);
		a->command = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->command)
			argp_error(state, "which command? doctor");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "doctor",
		.doc = "What this machine can do for Fantail, and the command "
		       "that mends each lack."
		       "\vExit code 0: nothing stands in the way of what --for "
		       "names; 1: something does; 2: bad usage. Changes "
		       "nothing "
		       "and needs no rights.",
	};
	struct arguments a = { .need = DOCTOR_MODEL };
	struct doctor doctor;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	doctor_look(&doctor);
	if (!a.json)
		doctor_print(&doctor, stdout);
	else if (doctor_print_json(&doctor, stdout))
		return 2;
	return !doctor_good(&doctor, a.need);
}
