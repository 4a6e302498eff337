/* chart.h - accuracy and loss of runs over epochs, drawn by the program gnuplot, which must be installed.
 *
 * There are two panels, accuracy above loss. Each run has a colour; test curves are solid, training curves dashed. As
 * text, for terminals, each run has a letter instead: a capital for test, a small letter for training. */
#ifndef VGGCL_CLI_CHART_H
#define VGGCL_CLI_CHART_H

#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

enum { CHART_TRAINING = 96 };

struct chart_run {
    char name[VGGCL_PATH_MAX];
    struct vggcl_epoch *rows; /* NaN values are not drawn */
    size_t count;
    char training[CHART_TRAINING]; /* what makes its training loss another one than a test loss; "" for nothing */
};

enum { CHART_ACCURACY, CHART_LOSS, CHART_PANELS };

struct chart {
    const struct chart_run *runs;
    size_t run_count;
    bool panels[CHART_PANELS]; /* which to draw; a panel for which no run has values is omitted */
    const char *title;         /* above the panels; NULL for none */
    double least_accuracy;     /* in %: lower end of the accuracy axis; NaN: chosen to fit all curves */
    double mark;               /* in %: a dotted line at that accuracy; NaN: none */
    const char *mark_name;     /* its name in the legend, without the number; "" for none */
};

/* The suffixes that chart_write() supports, for messages. */
#define CHART_FORMATS ".svg or .png"

/* True if path ends in one of CHART_FORMATS. */
bool chart_can_write(const char *path);

/* Draws the chart to the file path, atomically. VGGCL_EIO if gnuplot is missing or fails, VGGCL_EFORMAT if there is
 * nothing to draw. */
enum vggcl_err chart_write(const struct chart *chart, const char *path);

/* Prints the chart as text of `columns` columns and `rows` rows, or more rows if these are too few. */
enum vggcl_err chart_print(const struct chart *chart, FILE *stream, int columns, int rows);

#endif
