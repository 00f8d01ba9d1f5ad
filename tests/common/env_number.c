/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "env_number.h"

bool env_number(const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text = getenv(name);
	uint64_t value;
	char *end;

	if (!text || !*text)
		return true;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || *text == '-' || value < least || value > most) {
		fprintf(stderr, "%s: %s=%s: not a number from %llu to %llu\n",
			program_invocation_short_name, name, text,
			(unsigned long long)least, (unsigned long long)most);
		return false;
	}
	*out = value;
	return true;
}
