/* SPDX-License-Identifier: Apache-2.0 */
/* Each client's place in the fan-out, as a table and as a plot. */
#ifndef FANTAIL_RUN_PLACES_H
#define FANTAIL_RUN_PLACES_H

#include <stdio.h>

#include "session.h"

/*
 * places_write() - a line of text for each client accepted
 * @file: stays open; who closes it sees whether all could be written
 *
 * As CSV, with a head line: client (from 0, as accepted), address, port, in
 * how many batches it had a place, and its mean, least and greatest place; 0
 * is first of all, 1 last.
 */
void places_write(FILE *file, struct session *s);

/*
 * places_plot() - draw the table beside it, by gnuplot
 * @path: of the table; the plot's has .png for .csv
 *
 * Says where the plot is, or why there is none: the table is what counts.
 */
void places_plot(const char *path);

#endif
