/* chart.h - runs' accuracy and loss over epochs, in one picture: drawn by gnuplot, a program that must be there then.
 *
 * Two panels, accuracy above loss, each run in its colour: test solid, training dashed. As text, for terminals, a run
 * has its letter instead: test as a capital, training as a small one. */
#ifndef VGGCL_CLI_CHART_H
#define VGGCL_CLI_CHART_H

#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

struct chart_run {
    char name[VGGCL_PATH_MAX];
    struct vggcl_epoch *rows; /* what is NaN is not drawn */
    size_t count;
};

enum { CHART_ACCURACY, CHART_LOSS, CHART_PANELS };

struct chart {
    const struct chart_run *runs;
    size_t run_count;
    bool panels[CHART_PANELS]; /* which to draw; one of which no run has anything is left out */
    const char *title;         /* above all; NULL for none */
    double least_accuracy;     /* in %: where that axis begins; NaN: below all curves */
    double mark;               /* in %: a dotted line at that accuracy; NaN: none */
    const char *mark_name;     /* its name in the legend, without the number; "" for none */
};

/* The formats of chart_write(), for messages. */
#define CHART_FORMATS ".svg or .png"

/* Whether the path ends as one of them does. */
bool chart_can_write(const char *path);

/* Draws to the file, whole or not at all. VGGCL_EIO where gnuplot is missing or fails, VGGCL_EFORMAT where there is
 * nothing to draw. */
enum vggcl_err chart_write(const struct chart *chart, const char *path);

/* The same as lines of text, of so many columns; rows may become more where they are too few. */
enum vggcl_err chart_print(const struct chart *chart, FILE *stream, int columns, int rows);

#endif
