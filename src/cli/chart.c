#define _GNU_SOURCE /* open_memstream, strcasecmp, memmem */
#include "cli/chart.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/page.h"
#include "cli/child.h"
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_MOST = 56, LABEL = 4 * NAME_MOST + 64 }; /* most characters of a run's name; bytes of its legend entry */

/* What each panel shows. */
static const struct panel {
    const char *name;
    size_t test, train; /* fields of struct vggcl_epoch */
    double scale;
} panels[CHART_PANELS] = {
    {"accuracy in %", offsetof(struct vggcl_epoch, test_accuracy), offsetof(struct vggcl_epoch, train_accuracy), 100},
    {"loss in nats", offsetof(struct vggcl_epoch, test_loss), offsetof(struct vggcl_epoch, train_loss), 1},
};

/* An output format. The picture is a grid of cells (columns by rows) of the size of a character. */
struct format {
    const char *suffix;          /* of file names; NULL for text */
    const char *terminal;        /* gnuplot's terminal and its options */
    int cell_width, cell_height; /* in the terminal's units */
    int air;                     /* empty rows after each part */
};
static const struct format svg = {".svg", "svg noenhanced font 'sans-serif,13' background rgb 'white'", 8, 18, 1},
                           png = {".png",
                                  "pngcairo noenhanced font 'sans-serif,10' background rgb 'white' fontscale 2 "
                                  "linewidth 2 pointscale 2",
                                  16, 36, 1},
                           text = {NULL, "dumb noenhanced mono nofeed", 1, 1, 0};

/* State of drawing a chart: the layout, and the gnuplot script. */
struct drawing {
    const struct chart *chart;
    const struct format *format;
    bool panels[CHART_PANELS];
    int panel_count, panel_rows; /* rows of each panel's plot area */
    int columns, rows;           /* of the whole picture */
    size_t legend_entries;
    int legend_columns, legend_rows, note_rows;
    FILE *script;
};

/* --------------------------------------------------------------------------------------------------- the values -- */

static double value_of(const struct vggcl_epoch *row, size_t field) {
    double value;
    memcpy(&value, (const char *)row + field, sizeof value);
    return value;
}

/* Number of finite values of a run's curve. */
static size_t count_points(const struct chart_run *run, size_t field) {
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++)
        count += isfinite(value_of(&run->rows[i], field));
    return count;
}

static bool has_curve(const struct chart *c, size_t field) {
    for (size_t i = 0; i < c->run_count; i++)
        if (count_points(&c->runs[i], field))
            return true;
    return false;
}

static void find_epochs(const struct chart *c, int *first, int *last) {
    *first = INT_MAX;
    *last = 0;
    for (size_t i = 0; i < c->run_count; i++) {
        const struct chart_run *run = &c->runs[i];
        *first = run->rows[0].epoch < *first ? run->rows[0].epoch : *first;
        *last = run->rows[run->count - 1].epoch > *last ? run->rows[run->count - 1].epoch : *last;
    }
}

/* Extends the range least..most to contain a curve. */
static void add_curve(const struct chart_run *run, size_t field, double scale, double *least, double *most) {
    for (size_t i = 0; i < run->count; i++) {
        double value = scale * value_of(&run->rows[i], field);
        if (isfinite(value)) {
            *least = fmin(*least, value);
            *most = fmax(*most, value);
        }
    }
}

/* The smallest number of the form 1, 2 or 5 times a power of ten that divides span into at most `parts` parts. */
static double nice_step(double span, int parts) {
    static const double factors[] = {1, 2, 5};
    double power = pow(10, floor(log10(span / parts)));
    for (int i = 0; i < 3; i++)
        if (span <= parts * power * factors[i])
            return power * factors[i];
    return 10 * power;
}

/* -------------------------------------------------------------------------------------------------------- texts -- */

/* Copies UTF-8 text; text of more than `most` characters, or too long for out, is truncated and ends in "...". */
static void shorten(char *out, size_t size, const char *words, int most) {
    static const char dots[] = "...";
    int characters = 0;
    size_t end = 0, cut = 0;
    for (; words[end]; end++) {
        if (((unsigned char)words[end] & 0xc0) == 0x80)
            continue; /* a continuation byte */
        if (characters <= most - (int)strlen(dots) && end <= size - sizeof dots)
            cut = end;
        characters++;
    }
    bool fits = characters <= most && end < size;
    snprintf(out, size, "%.*s%s", (int)(fits ? end : cut), words, fits ? "" : dots);
}

/* The space around the panels' plot areas. */
enum { TITLE_ROWS = 2, HEADING_ROWS = 2, TICS_ROWS = 1, EPOCH_ROWS = 2, LEFT_COLUMNS = 7, RIGHT_COLUMNS = 3 };

/* Whether there is little room, on a small terminal. */
static bool is_narrow(const struct drawing *d) {
    enum { NARROW = 60 };
    return d->columns < NARROW;
}

/* The column in which legend and notes begin. */
static int legend_left(const struct drawing *d) {
    return is_narrow(d) ? 1 : LEFT_COLUMNS;
}

/* Most characters of a run's name. */
static int name_most(const struct drawing *d) {
    static const char letter[] = "A  ", best[] = ": best 92.75 % in epoch 300";
    int room = d->columns - legend_left(d) - (int)(strlen(letter) + strlen(best));
    return room < NAME_MOST ? room : NAME_MOST;
}

/* A run's legend entry: its name, and its best epoch. */
static void label_run(const struct drawing *d, const struct chart_run *run, char label[LABEL]) {
    const struct vggcl_epoch *best = NULL;
    for (size_t i = 0; i < run->count; i++)
        if (isfinite(run->rows[i].test_accuracy) && !(best && best->test_accuracy >= run->rows[i].test_accuracy))
            best = &run->rows[i];
    shorten(label, LABEL - 60, run->name, name_most(d));
    size_t used = strlen(label);
    if (best)
        snprintf(label + used, LABEL - used, is_narrow(d) ? ": %.2f %%, epoch %d" : ": best %.2f %% in epoch %d",
                 100 * best->test_accuracy, best->epoch);
}

static void label_mark(const struct drawing *d, char label[LABEL]) {
    const struct chart *c = d->chart;
    shorten(label, LABEL - 60, c->mark_name, name_most(d));
    size_t used = strlen(label);
    snprintf(label + used, LABEL - used, "%s%.2f %%", used ? ": " : "", c->mark);
}

/* Writes a gnuplot string literal, truncated to `most` characters. All characters except letters, spaces and those
 * beyond ASCII are written as octal escapes, because they could be markup, quotes, variables or commands; digits too,
 * because they would extend an escape before them. */
static void write_text(FILE *script, const char *words, int most) {
    char printable[LABEL];
    shorten(printable, sizeof printable, words, most);
    text_make_printable(printable, "");
    fputc('"', script);
    for (const char *c = printable; *c; c++)
        fprintf(script, isalpha((unsigned char)*c) || *c == ' ' || (unsigned char)*c > 127 ? "%c" : "\\%03o", *c);
    fputc('"', script);
}

/* ---------------------------------------------------------------------------------------------------- the layout -- */

/* Whether a run's training loss is drawn, but is no plain one. */
static bool has_note(const struct drawing *d, const struct chart_run *run) {
    return d->panels[CHART_LOSS] && *run->training && count_points(run, panels[CHART_LOSS].train);
}

/* Whether one note is true of all runs. */
static bool notes_are_alike(const struct drawing *d) {
    const struct chart_run *runs = d->chart->runs;
    for (size_t i = 0; i < d->chart->run_count; i++)
        if (!has_note(d, &runs[i]) || strcmp(runs[i].training, runs[0].training) != 0)
            return false;
    return true;
}

static int count_notes(const struct drawing *d) {
    int notes = 0;
    for (size_t i = 0; i < d->chart->run_count; i++)
        notes += has_note(d, &d->chart->runs[i]);
    return notes_are_alike(d) ? 1 : notes;
}

static void lay_legend(struct drawing *d) {
    enum { SPACE = 8 }; /* columns of a legend entry besides its label */
    char label[LABEL];
    size_t longest = 0;
    for (size_t i = 0; i < d->chart->run_count; i++) {
        label_run(d, &d->chart->runs[i], label);
        longest = strlen(label) > longest ? strlen(label) : longest;
    }
    d->legend_entries = d->chart->run_count + (d->panels[CHART_ACCURACY] && isfinite(d->chart->mark));
    bool two = d->legend_entries > 1 && 2 * (longest + SPACE) <= (size_t)(d->columns - LEFT_COLUMNS);
    d->legend_columns = two ? 2 : 1;
    d->legend_rows = ((int)d->legend_entries + d->legend_columns - 1) / d->legend_columns;
    d->note_rows = count_notes(d);
}

/* Computes the layout. rows: requested height of the picture, or 0 for the default height. */
static void lay_out(struct drawing *d, int columns, int rows) {
    enum { TALL = 22, HALF = 13, LEAST = 6 }; /* rows of a plot area */
    d->columns = columns;
    lay_legend(d);
    int air = d->format->air, others = (d->chart->title ? TITLE_ROWS : 0) + EPOCH_ROWS + d->legend_rows + d->note_rows +
                                       air + d->panel_count * (HEADING_ROWS + TICS_ROWS + air);
    d->panel_rows = rows ? (rows - others) / d->panel_count : d->panel_count == 1 ? TALL : HALF;
    if (d->panel_rows < LEAST)
        d->panel_rows = LEAST;
    d->rows = others + d->panel_count * d->panel_rows;
}

/* gnuplot's screen coordinates are 0 to 1, with y = 0 at the bottom. */
static double screen_x(const struct drawing *d, double column) {
    return column / d->columns;
}

/* The middle of a row; in text output a row is a single position. */
static double screen_y(const struct drawing *d, double row) {
    return d->format == &text ? 1 - row / (d->rows - 1) : 1 - (row + 0.5) / d->rows;
}

/* ---------------------------------------------------------------------------------------------------- the script -- */

static void write_data(FILE *script, const struct chart_run *run, size_t index, size_t field, double scale) {
    fprintf(script, "$r%zu_%zu << END\n", index, field);
    for (size_t i = 0; i < run->count; i++) {
        double value = scale * value_of(&run->rows[i], field);
        if (isfinite(value))
            fprintf(script, "%d %.9g\n", run->rows[i].epoch, value);
    }
    fputs("END\n", script);
}

static void write_start(const struct drawing *d) {
    fprintf(d->script,
            "set encoding utf8\n"
            "set terminal %s size %d,%d\n"
            "set samples 2\n"
            "set multiplot\n"
            "unset key\n"
            "set lmargin at screen %g\n"
            "set rmargin at screen %g\n"
            "set border 3 back linecolor rgb '#606060'\n"
            "set tics nomirror out scale 0.5 format '%%h' textcolor rgb '#202020'\n",
            d->format->terminal, d->columns * d->format->cell_width, d->rows * d->format->cell_height,
            screen_x(d, LEFT_COLUMNS), screen_x(d, d->columns - RIGHT_COLUMNS));
    if (d->format != &text)
        fputs("set grid linetype 1 linecolor rgb '#e0e0e0' linewidth 0.7\n", d->script);
    if (d->chart->title) {
        fputs("set label ", d->script);
        write_text(d->script, d->chart->title, d->columns - LEFT_COLUMNS);
        fprintf(d->script, " at screen 0.5, screen %g center\n", screen_y(d, 0.5 * d->format->air));
    }
}

/* Tics at whole epochs, at most ten steps; the axis begins at the tic before the first epoch. */
static void write_epochs(const struct drawing *d) {
    int first, last;
    find_epochs(d->chart, &first, &last);
    double step = first == last ? 1 : fmax(1, nice_step(last - first, d->columns < 80 ? d->columns / 8 : 10)),
           low = step * floor(first / step);
    if (first == last) {
        low--;
        last++;
    }
    fprintf(d->script, "set xrange [%g:%d]\nset xtics %g,%g\n", low, last, low, step);
    fprintf(d->script, "set label 'Epoch' at screen %g, screen %g center\n",
            screen_x(d, (d->columns + LEFT_COLUMNS - RIGHT_COLUMNS) / 2),
            screen_y(d, d->rows - 1.5 * d->format->air - d->legend_rows - d->note_rows - EPOCH_ROWS));
}

/* Tics at 1, 2 and 5 times each power of ten, or, if the range is wide, only at the powers. */
static void write_log_axis(const struct drawing *d, double least, double most) {
    fprintf(d->script, "set logscale y\nset yrange [%.9g:%.9g]\nset ytics (", least / 1.1, most * 1.1);
    bool wide = most / least > 1e4;
    for (double power = pow(10, floor(log10(least / 1.1))); power < most * 1.1; power *= 10)
        fprintf(d->script, wide ? "%.9g," : "%.9g,%.9g,%.9g,", power, 2 * power, 5 * power);
    fprintf(d->script, "%.9g)\n", 1e3 * most);
}

static void write_linear_axis(const struct drawing *d, double least, double most, double limit) {
    double step = nice_step(most > least ? most - least : fmax(fabs(most), 1) / 10,
                            d->panel_rows / 2 < 8 ? d->panel_rows / 2 : 8);
    double low = step * floor(least / step + 1e-9), high = fmin(limit, step * ceil(most / step - 1e-9));
    if (low == high)
        low -= step;
    fprintf(d->script, "unset logscale y\nset yrange [%.9g:%.9g]\nset ytics %.9g,%.9g\n", low, high, low, step);
}

/* Writes the axis of a panel's values; returns whether it is logarithmic. */
static bool write_values(const struct drawing *d, int index) {
    static const double log_least = 20,
                        log_most = 1e12; /* the axis is logarithmic if largest / smallest loss is between these */
    const struct chart *c = d->chart;
    const struct panel *p = &panels[index];
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < c->run_count; i++) {
        add_curve(&c->runs[i], p->test, p->scale, &least, &most);
        add_curve(&c->runs[i], p->train, p->scale, &least, &most);
    }
    if (index == CHART_LOSS && most > log_least * least && most < log_most * least) {
        write_log_axis(d, least, most);
        return true;
    }
    if (index == CHART_ACCURACY) {
        least = fmin(least, isfinite(c->mark) ? c->mark : least);
        most = fmax(most, isfinite(c->mark) ? c->mark : most);
        least = isfinite(c->least_accuracy) ? c->least_accuracy : least;
        most = fmax(most, least);
    }
    write_linear_axis(d, least, most, index == CHART_ACCURACY ? 100 : INFINITY);
    return false;
}

static const char mark_line[] = " linewidth 2 linecolor rgb '#404040' dashtype (2,3)";

/* The Okabe-Ito palette, which is safe for colour-blind readers, without its yellow, which is hard to see on white. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"};
enum { COLOURS = sizeof colours / sizeof *colours };

/* Writes a run's line style, the same in every panel and in the legend. */
static void write_line(FILE *script, size_t index, bool test) {
    static const char *const dashes[] = {"solid", "(18,4,4,4)", "(30,4)"}; /* one for each repetition of the colours */
    fprintf(script, " linecolor rgb '%s' linewidth %g dashtype %s", colours[index % COLOURS], test ? 2.2 : 1.3,
            test ? dashes[index / COLOURS] : "(6,4)");
}

static char letter_of(size_t index, bool test) {
    return (char)((test ? 'A' : 'a') + (int)index);
}

/* Writes the style of a run's curve; with few epochs each point has a mark. */
static void write_style(const struct drawing *d, size_t index, bool test, size_t points) {
    enum { FEW = 40 };
    int first, last;
    find_epochs(d->chart, &first, &last);
    bool marks = points == 1 || last - first < FEW;
    if (d->format == &text) {
        fprintf(d->script, "%s linetype 0 pointtype '%c'", test ? "linespoints" : "points", letter_of(index, test));
        return;
    }
    fputs(marks ? "linespoints" : "lines", d->script);
    write_line(d->script, index, test);
    if (marks)
        fprintf(d->script, " pointtype %d pointsize %g", test ? 7 : 6, points == 1 ? 1.0 : 0.5);
}

static void plot_curves(const struct drawing *d, size_t field, bool test) {
    for (size_t i = 0; i < d->chart->run_count; i++) {
        size_t points = count_points(&d->chart->runs[i], field);
        if (!points)
            continue;
        fprintf(d->script, "$r%zu_%zu with ", i, field);
        write_style(d, i, test, points);
        fputs(" notitle, ", d->script);
    }
}

/* Writes legend entry number `entry`, from 0: a run, or, after all runs, the mark. */
static void write_entry(const struct drawing *d, size_t entry) {
    enum { SAMPLE = 5 }; /* columns */
    char label[LABEL];
    bool run = entry < d->chart->run_count;
    size_t rows = (size_t)d->legend_rows;
    double column = legend_left(d) + (double)(entry / rows) * (d->columns - LEFT_COLUMNS) / d->legend_columns;
    double y = screen_y(d, d->rows - d->format->air - d->legend_rows - d->note_rows + (int)(entry % rows));
    if (d->format != &text) {
        fprintf(d->script, "set arrow from screen %g, screen %g to screen %g, screen %g nohead", screen_x(d, column), y,
                screen_x(d, column + SAMPLE), y);
        if (run)
            write_line(d->script, entry, true);
        else
            fputs(mark_line, d->script);
        fputc('\n', d->script);
    }
    if (run)
        label_run(d, &d->chart->runs[entry], label);
    else
        label_mark(d, label);
    fputs("set label ", d->script);
    if (d->format == &text)
        fprintf(d->script, "'%c  '.", run ? letter_of(entry, true) : '.');
    write_text(d->script, label, LABEL);
    fprintf(d->script, " at screen %g, screen %g left\n",
            screen_x(d, d->format == &text ? column : column + SAMPLE + 1), y);
}

/* Writes the notes below the legend. */
static void write_notes(const struct drawing *d) {
    enum { FULL = 80 };
    bool alike = notes_are_alike(d);
    int row = d->rows - d->format->air - d->note_rows;
    for (size_t i = 0; i < (alike ? 1 : d->chart->run_count); i++) {
        const struct chart_run *run = &d->chart->runs[i];
        char name[LABEL], words[LABEL + CHART_TRAINING + 64];
        if (!has_note(d, run))
            continue;
        shorten(name, sizeof name, run->name, name_most(d));
        snprintf(words, sizeof words, "%s%s: %s%s", alike ? "Training loss" : name, alike ? "" : ", training loss",
                 run->training, d->columns < FULL ? "" : "; the test loss is without it");
        fputs("set label ", d->script);
        write_text(d->script, words, d->columns - legend_left(d));
        fprintf(d->script, " at screen %g, screen %g left\n", screen_x(d, legend_left(d)), screen_y(d, row++));
    }
}

/* "Test (solid) and training (dashed) accuracy in %". */
static void write_heading(const struct drawing *d, const struct panel *p, double row, bool logarithmic) {
    bool test = has_curve(d->chart, p->test), train = has_curve(d->chart, p->train);
    const char *who = !train  ? "Test"
                      : !test ? "Training"
                      : d->format == &text
                          ? is_narrow(d) ? "Test (A), training (a)" : "Test (capitals) and training (small letters)"
                          : "Test (solid) and training (dashed)";
    const char *scale = !logarithmic ? "" : is_narrow(d) ? ", log" : ", logarithmic";
    fprintf(d->script, "set label '%s %s%s' at screen %g, screen %g left\n", who, p->name, scale, screen_x(d, 1),
            screen_y(d, row));
}

/* Writes a panel whose heading is in row `row`. */
static void write_panel(const struct drawing *d, int index, int row) {
    const struct panel *p = &panels[index];
    for (size_t i = 0; i < d->chart->run_count; i++) {
        write_data(d->script, &d->chart->runs[i], i, p->test, p->scale);
        write_data(d->script, &d->chart->runs[i], i, p->train, p->scale);
    }
    write_heading(d, p, row, write_values(d, index));
    fprintf(d->script, "set tmargin at screen %g\nset bmargin at screen %g\nplot ", screen_y(d, row + HEADING_ROWS - 1),
            screen_y(d, row + HEADING_ROWS - 1 + d->panel_rows));
    plot_curves(d, p->train, false);
    plot_curves(d, p->test, true);
    if (index == CHART_ACCURACY && isfinite(d->chart->mark))
        fprintf(d->script, "%.9g with lines linetype 0%s, ", d->chart->mark, mark_line);
    fputs("NaN\nunset label\nunset arrow\n", d->script); /* an empty curve ends the list */
}

static void write_script(const struct drawing *d) {
    int row = d->chart->title ? TITLE_ROWS : 0;
    write_start(d);
    write_epochs(d);
    for (size_t i = 0; i < d->legend_entries; i++)
        write_entry(d, i);
    write_notes(d);
    for (int i = 0; i < CHART_PANELS; i++) {
        if (!d->panels[i])
            continue;
        write_panel(d, i, row);
        row += HEADING_ROWS + d->panel_rows + TICS_ROWS + d->format->air;
    }
    fputs("unset multiplot\n", d->script);
}

/* --------------------------------------------------------------------------------------------------- the picture -- */

static enum vggcl_err run_gnuplot(FILE *script, FILE *output) {
    static char *const arguments[] = {"gnuplot", "--default-settings", NULL};
    char reason[CHILD_REASON];
    if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0)
        return err_set(VGGCL_EIO, "the script for gnuplot cannot be written: is the disk full?");
    switch (child_program(arguments, script, output, reason)) {
    case CHILD_FINE:
        return VGGCL_OK;
    case CHILD_MISSING:
        return err_set(
            VGGCL_EIO,
            "gnuplot, which draws the chart, is not installed; on Debian or Ubuntu: sudo apt-get install gnuplot-nox");
    default:
        return err_set(VGGCL_EIO, "gnuplot: %s", reason);
    }
}

static enum vggcl_err draw(const struct chart *c, const struct format *format, FILE *output, int columns, int rows) {
    struct drawing d = {.chart = c, .format = format};
    for (int i = 0; i < CHART_PANELS; i++) {
        d.panels[i] = c->panels[i] && (has_curve(c, panels[i].test) || has_curve(c, panels[i].train));
        d.panel_count += d.panels[i];
    }
    if (!d.panel_count)
        return err_set(VGGCL_EFORMAT, "there is nothing to draw: no run has such accuracies or losses");
    d.script = tmpfile();
    if (!d.script)
        return err_set(VGGCL_EIO, "no temporary file for gnuplot: %s", strerror(errno));
    lay_out(&d, columns, rows);
    write_script(&d);
    enum vggcl_err err = run_gnuplot(d.script, output);
    fclose(d.script);
    return err;
}

static const struct format *format_of(const char *path) {
    const char *suffix = strrchr(path, '.');
    return !suffix ? NULL : !strcasecmp(suffix, svg.suffix) ? &svg : !strcasecmp(suffix, png.suffix) ? &png : NULL;
}

bool chart_can_write(const char *path) {
    return format_of(path) != NULL;
}

/* What a browser shows as the picture's name: the chart's title, or the runs. */
static void put_name(FILE *stream, const struct chart *c) {
    char name[LABEL];
    for (size_t i = 0; i < (c->title ? 1 : c->run_count); i++) {
        shorten(name, sizeof name, c->title ? c->title : c->runs[i].name, NAME_MOST);
        text_make_printable(name, "");
        fputs(i ? ", " : c->title ? "" : "Accuracy and loss: ", stream);
        page_put_text(stream, name);
    }
}

/* Writes a picture. An SVG's first title, gnuplot's own name, becomes the chart's; its others, numbers of curves, are
 * left out. */
static void put_picture(struct file_write *file, const struct chart *c, const char *picture, size_t size) {
    static const char start[] = "<title>", end[] = "</title>";
    const char *rest = picture, *last = picture + size, *title, *after;
    while ((title = memmem(rest, (size_t)(last - rest), start, strlen(start))) &&
           (after = memmem(title, (size_t)(last - title), end, strlen(end)))) {
        file_write_bytes(file, rest, (size_t)(title - rest));
        if (rest == picture) {
            fputs(start, file->stream);
            put_name(file->stream, c);
            fputs(end, file->stream);
        }
        rest = after + strlen(end);
    }
    file_write_bytes(file, rest, (size_t)(last - rest));
}

/* Draws into memory, which the caller frees. */
static enum vggcl_err draw_in_memory(const struct chart *c, const struct format *format, int columns, int rows,
                                     char **picture, size_t *size) {
    *picture = NULL;
    *size = 0;
    FILE *output = open_memstream(picture, size);
    if (!output)
        return err_no_memory("the drawing", 0);
    enum vggcl_err err = draw(c, format, output, columns, rows);
    if (fclose(output) != 0 && err == VGGCL_OK)
        err = err_no_memory("the drawing", *size);
    return err;
}

enum vggcl_err chart_write(const struct chart *chart, const char *path) {
    enum { COLUMNS = 112 };
    struct file_write file;
    char *picture;
    size_t size;
    TRY(file_write_begin(&file, &folder_current, path));
    enum vggcl_err err = draw_in_memory(chart, format_of(path), COLUMNS, 0, &picture, &size);
    if (err == VGGCL_OK) {
        put_picture(&file, chart, picture, size);
        err = file_write_commit(&file);
    } else
        file_write_abandon(&file);
    free(picture);
    return err;
}

/* Prints gnuplot's page without its leading form feed, trailing spaces and trailing empty lines. */
static void print_page(FILE *stream, const char *page) {
    size_t ends = 0, blanks = 0; /* newlines and spaces that are only printed if something follows */
    for (; *page; page++) {
        if (*page == '\n') {
            ends++;
            blanks = 0;
        } else if (*page == ' ')
            blanks++;
        else if (*page != '\f') {
            for (; ends; ends--)
                fputc('\n', stream);
            for (; blanks; blanks--)
                fputc(' ', stream);
            fputc(*page, stream);
        }
    }
    fputc('\n', stream);
}

enum vggcl_err chart_print(const struct chart *chart, FILE *stream, int columns, int rows) {
    char *page;
    size_t size;
    enum vggcl_err err = draw_in_memory(chart, &text, columns, rows, &page, &size);
    if (err == VGGCL_OK)
        print_page(stream, page);
    free(page);
    return err;
}
