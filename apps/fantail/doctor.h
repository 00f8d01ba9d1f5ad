/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine can do for Fantail, and the command that mends each lack.
 */
#ifndef FANTAIL_DOCTOR_H
#define FANTAIL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a finding is needed for. */
enum doctor_need {
	DOCTOR_MODEL = 1, /* building and running the model */
	DOCTOR_TAP = 2,	  /* networks with the kernel's TCP as peer */
	DOCTOR_CARD = 4,  /* a real card */
};

struct doctor_finding {
	const char *name;
	unsigned int need; /* doctor_need bits; 0: only good to know */
	bool good;
	char text[160];
	char mend[200]; /* command or step, "" none */
};

#define DOCTOR_MAX 48

struct doctor {
	struct doctor_finding finding[DOCTOR_MAX];
	unsigned int count;
};

/* Look at everything. Changes nothing and needs no rights. */
void doctor_look(struct doctor *d);

/* Does nothing stand in the way of @need? */
bool doctor_good(const struct doctor *d, unsigned int need);

/* A table for people. */
void doctor_print(const struct doctor *d, FILE *to);

/* The same as JSON; 0 or -ENOMEM. */
int doctor_print_json(const struct doctor *d, FILE *to);

#endif /* FANTAIL_DOCTOR_H */
