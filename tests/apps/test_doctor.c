/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
/* fantail doctor: what it says of a machine, whatever that machine has. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "doctor.h"

static const struct doctor_finding *find(const struct doctor *d,
					 const char *name)
{
	unsigned int i;

	for (i = 0; i < d->count; i++)
		if (!strcmp(d->finding[i].name, name))
			return &d->finding[i];
	return NULL;
}

/* These tests were built here, so that must be possible. */
Test(doctor, sees_what_built_it)
{
	static const char *const names[] = { "compiler", "make", "Python" };
	const struct doctor_finding *f;
	struct doctor d;
	size_t i;

	doctor_look(&d);
	cr_assert_lt(d.count, DOCTOR_MAX);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		f = find(&d, names[i]);
		cr_assert(f && f->good, "%s", names[i]);
		cr_expect_str_empty(f->mend);
	}
	cr_expect(find(&d, "card") && find(&d, "IOMMU"));
}

/* Whatever is lacking, and needed, comes with a remedy. */
Test(doctor, a_lack_has_a_remedy)
{
	struct doctor d;
	unsigned int i;

	doctor_look(&d);
	for (i = 0; i < d.count; i++)
		if (!d.finding[i].good)
			cr_expect_str_not_empty(d.finding[i].mend, "%s",
						d.finding[i].name);
}

Test(doctor, a_lack_counts_for_what_needs_it)
{
	struct doctor d = {
		.finding = { { .name = "a", .need = DOCTOR_CARD },
			     { .name = "b", .need = DOCTOR_TAP, .good = true },
			     { .name = "c" } },
		.count = 3,
	};

	cr_expect_not(doctor_good(&d, DOCTOR_CARD));
	cr_expect(doctor_good(&d, DOCTOR_TAP));
	cr_expect(doctor_good(&d, DOCTOR_MODEL));
	cr_expect_not(doctor_good(&d, DOCTOR_TAP | DOCTOR_CARD));
}

Test(doctor, json_says_the_same)
{
	struct doctor d = {
		.finding = { { .name = "a",
			       .need = DOCTOR_CARD,
			       .text = "say \"no\"",
			       .mend = "try" } },
		.count = 1,
	};
	FILE *file = tmpfile();
	json_t *all, *first;

	cr_assert(file);
	cr_assert_eq(doctor_print_json(&d, file), 0);
	rewind(file);
	all = json_loadf(file, 0, NULL);
	fclose(file);
	cr_assert(json_is_object(all));
	cr_expect(json_is_false(json_object_get(all, "card")));
	cr_expect(json_is_true(json_object_get(all, "model")));
	first = json_array_get(json_object_get(all, "findings"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(first, "text")),
			 "say \"no\"");
	cr_expect(json_is_true(json_object_get(first, "needed")));
	json_decref(all);
}
