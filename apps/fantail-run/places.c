/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

enum {
	PATH_TEXT = 4096,
	NO_PROGRAM = 127, /* as the shell says it */
};

void places_write(FILE *file, struct session *s)
{
	struct fantail_fanout_places p;

	fputs("client,address,port,batches,mean_place,min_place,max_place\n",
	      file);
	for (unsigned int i = 0; i < s->accepted; i++) {
		const struct client *c = &s->clients[i];

		if (fantail_sim_fanout_places(s->rig->sim, i, &p))
			continue;
		fprintf(file, "%u,%u.%u.%u.%u,%u,%" PRIu64 ",%.6f,%.6f,%.6f\n",
			i, c->ip >> 24, c->ip >> 16 & 255, c->ip >> 8 & 255,
			c->ip & 255, c->port, p.batches, p.mean, p.min, p.max);
	}
}

/* A string of gnuplot's: a quote in it stands there twice. */
static void put_string(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', to);
		fputc(*text, to);
	}
	fputc('\'', to);
}

static int plot(const char *table, const char *image)
{
	/* only the shell's own word for a program that is not there */
	FILE *to = popen("command -v gnuplot >/dev/null || exit 127; "
			 "exec gnuplot",
			 "we");

	if (!to)
		return -errno;
	fputs("set terminal png size 1000,600\nset output ", to);
	put_string(to, image);
	fputs("\nset datafile separator ','\n"
	      "set xlabel 'client'\n"
	      "set ylabel 'place in the fan-out, 0 first to 1 last'\n"
	      "set yrange [0:1]\n"
	      "plot ",
	      to);
	put_string(to, table);
	fputs(" using 1:6:7 every ::1 with filledcurves lc rgb '#dddddd' "
	      "title 'least to greatest', ",
	      to);
	put_string(to, table);
	fputs(" using 1:5 every ::1 with points pt 7 ps 0.5 title 'mean'\n",
	      to);
	return pclose(to);
}

void places_plot(const char *path)
{
	char image[PATH_TEXT];
	size_t length = strlen(path);
	int status;

	if (length > 4 && !strcmp(path + length - 4, ".csv"))
		length -= 4;
	if (snprintf(image, sizeof(image), "%.*s.png", (int)length, path) >=
	    (int)sizeof(image)) {
		printf("no plot: '%s' is too long a name\n", path);
		return;
	}
	report_step("places: %s", path);
	status = plot(path, image);
	if (!status)
		report_step("plot: %s", image);
	else if (status > 0 && WIFEXITED(status) &&
		 WEXITSTATUS(status) == NO_PROGRAM)
		report_step("no plot: gnuplot is not installed (Debian: "
			    "apt-get install gnuplot-nox)");
	else
		report_step("no plot: gnuplot failed");
}
