/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int args_next = 1;

void args_seen(const struct argp_state *state, int key)
{
	/* argp's own keys come when all is over, too */
	if ((key >= ARGS_KEY_FIRST && key <= ARGS_KEY_LAST) ||
	    key == ARGP_KEY_ARG)
		args_next = state->next;
}

void bad_input(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_BAD_INPUT);
}

uint64_t args_number(const char *name, const char *text, uint64_t least,
		     uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull takes signs and blanks, we do not */
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < least ||
	    value > most)
		bad_input("--%s: '%s' is not a number from %llu to %llu", name,
			  text, (unsigned long long)least,
			  (unsigned long long)most);
	return value;
}

unsigned int args_power(const char *name, const char *text, unsigned int least,
			unsigned int most)
{
	unsigned int value = (unsigned int)args_number(name, text, least, most);

	if (value & (value - 1))
		bad_input("--%s: '%s' is not a power of two from %u to %u",
			  name, text, least, most);
	return value;
}

uint64_t args_bytes(const char *name, const char *text, uint64_t least)
{
	static const char units[] = "kmgKMG";
	char digits[24];
	size_t n = strspn(text, "0123456789");
	const char *unit = text[n] ? strchr(units, text[n]) : NULL;
	uint64_t value;

	if (!n || n > 12 || (text[n] && (!unit || text[n + 1])))
		bad_input("--%s: '%s' is not a number of bytes, as 64m", name,
			  text);
	memcpy(digits, text, n);
	digits[n] = 0;
	value = args_number(name, digits, 0, UINT64_MAX)
		<< (unit ? 10 * ((unit - units) % 3 + 1) : 0);
	if (value && value < least)
		bad_input("--%s: '%s' is less than %llu bytes", name, text,
			  (unsigned long long)least);
	return value;
}

/* A number of digits only, up to @end. */
static bool digits(const char *text, char end, unsigned long long *value,
		   const char **next)
{
	char *at;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &at, 10);
	*next = at + 1;
	return !errno && *at == end;
}

void args_range(const char *name, const char *what, const char *text,
		uint64_t *first, uint64_t *last)
{
	unsigned long long from = 0, to = 0;
	const char *next;

	if (!digits(text, ':', &from, &next) ||
	    !digits(next, '\0', &to, &next) || to < from)
		bad_input("--%s: '%s' is not FIRST:LAST, two %s numbers in "
			  "rising order",
			  name, text, what);
	*first = from;
	*last = to;
}

void args_window(const char *text, uint64_t *from, uint64_t *cycles)
{
	uint64_t last;

	args_range("trace-window", "cycle", text, from, &last);
	*cycles = last - *from + 1;
}

uint16_t args_claim_port(uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		bad_input("cannot open a socket: %s", strerror(errno));
	/* a port in TIME_WAIT is free for listening */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 1) < 0) {
		if (errno == EACCES)
			bad_input("--port: port %u needs rights that you lack; "
				  "choose one from 1024, or 0 for any free one",
				  port);
		if (errno == EADDRINUSE)
			bad_input("--port: port %u is occupied; choose another "
				  "one, or 0 for any free one",
				  port);
		bad_input("--port: cannot listen on port %u: %s", port,
			  strerror(errno));
	}
	getsockname(fd, (struct sockaddr *)&at, &length);
	close(fd);
	return ntohs(at.sin_port);
}
