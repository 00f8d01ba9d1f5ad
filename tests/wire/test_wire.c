/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every script of this folder is a test of its own; scripts.inc lists them.
 * With names of scripts as arguments it runs only these, and shows the
 * exchanges: build/tests/wire/test_wire tests/wire/31-fast-retransmit.wire
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define FOLDER "tests/wire/"

static void run(const char *path)
{
	char *said = NULL;
	size_t size;
	FILE *out = open_memstream(&said, &size);
	enum wire_result result;

	cr_assert(out);
	result = wire_run_file(path, false, out);
	fclose(out);
	if (result)
		fputs(said, stderr);
	free(said);
	cr_assert_eq(result, WIRE_PASS, "%s", path);
}

#define SCRIPT(test, file)                \
	Test(wire, test)                  \
	{                                 \
		run(FOLDER file ".wire"); \
	}
#include "scripts.inc"
#undef SCRIPT

static const char *const listed[] = {
#define SCRIPT(test, file) file ".wire",
#include "scripts.inc"
#undef SCRIPT
};

Test(wire, every_script_is_listed)
{
	DIR *folder = opendir(FOLDER);
	const struct dirent *d;
	size_t i, missing = 0;

	cr_assert(folder);
	while ((d = readdir(folder))) {
		if (!strstr(d->d_name, ".wire"))
			continue;
		for (i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
			if (!strcmp(listed[i], d->d_name))
				break;
		if (i < sizeof(listed) / sizeof(listed[0]))
			continue;
		fprintf(stderr, "scripts.inc has no %s\n", d->d_name);
		missing++;
	}
	closedir(folder);
	cr_assert_eq(missing, 0);
}

int main(int argc, char *argv[])
{
	struct criterion_test_set *tests;
	int i, failed = 0;

	if (argc > 1 && strstr(argv[1], ".wire")) {
		for (i = 1; i < argc; i++) {
			enum wire_result result =
				wire_run_file(argv[i], argc == 2, stdout);

			failed += result != WIRE_PASS;
			printf("%s %s\n", result ? "FAIL" : "pass", argv[i]);
		}
		return failed > 0;
	}
	tests = criterion_initialize();
	if (criterion_handle_args(argc, argv, true))
		failed = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return failed;
}
