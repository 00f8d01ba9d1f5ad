/* SPDX-License-Identifier: Apache-2.0 */
/* The sentence behind an error code, one for each thread. */
#include "why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fantail_driver.h"

static _Thread_local char sentence[256];

int fantail_why(int rc, const char *fmt, ...)
{
	int keep = errno;
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	errno = keep;
	return rc;
}

const char *fantail_driver_why(void)
{
	return sentence;
}
