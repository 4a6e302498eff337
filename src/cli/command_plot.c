#define _POSIX_C_SOURCE 200809L /* access */
#include "base/file.h"
#include "base/json.h"
#include "cli/chart.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/messages.h"
#include "train/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *words[FLAG_MOST + 1], *files[FLAG_MOST + 1], *mapped[FLAG_MOST + 1];
static bool mapped_used[FLAG_MOST];
static const char *title, *mark, *only, *least;
static bool ascii;

/* ------------------------------------------------------------------------------------------------------ the runs -- */

/* A run's default name: that of its folder (also for a path FOLDER/accuracy.csv), or of its file without ".csv". */
static void name_after(const char *path, char name[VGGCL_PATH_MAX]) {
    static const char record[] = "/accuracy.csv", suffix[] = ".csv";
    size_t length = strlen(path);
    if (length >= sizeof record && strcmp(path + length - strlen(record), record) == 0)
        length -= strlen(record);
    else if (length >= sizeof suffix && strcmp(path + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t start = length;
    while (start && path[start - 1] != '/')
        start--;
    snprintf(name, VGGCL_PATH_MAX, "%.*s", (int)(length - start), path + start);
}

/* The path of config.json beside an accuracy record, or in a save folder. */
static enum vggcl_err config_beside(const char *path, char config[VGGCL_PATH_MAX]) {
    char beside[VGGCL_PATH_MAX];
    if (file_is_folder(path))
        return file_path(config, path, "config.json");
    snprintf(beside, sizeof beside, "%s", path);
    file_cut_to_folder(beside);
    return file_path(config, beside, "config.json");
}

/* Sets text to the options of a run that change its training loss alone: "label smoothing 0.1". */
static enum vggcl_err read_training(const char *path, char text[CHART_TRAINING]) {
    enum { LIMIT = 1 << 20 };
    static const char *const options[][2] = {
        {"label-smoothing", "label smoothing"}, {"mixup", "mixup"}, {"cutmix", "cutmix"}};
    char file[VGGCL_PATH_MAX], *bytes;
    size_t size, used = 0;
    json_t *config;
    TRY(config_beside(path, file));
    TRY(file_read(file, LIMIT, &bytes, &size));
    enum vggcl_err err = json_read(bytes, size, file, &config);
    free(bytes);
    TRY(err);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        double value = json_number_of(config, options[i][0]);
        if (value > 0)
            used += (size_t)snprintf(text + used, CHART_TRAINING - used, "%s%s %.3g", used ? ", " : "", options[i][1],
                                     value);
    }
    json_decref(config);
    return VGGCL_OK;
}

/* The same of a run without such a file: nothing. */
static void describe_training(const char *path, char text[CHART_TRAINING]) {
    char *kept = err_keep();
    *text = '\0';
    (void)read_training(path, text);
    err_put_back(kept);
}

/* Parses "PATH", or "NAME=PATH" if there is no file with the whole name. */
static enum vggcl_err read_run(const char *word, struct chart_run *run) {
    const char *equals = access(word, F_OK) == 0 ? NULL : strchr(word, '='), *path = equals ? equals + 1 : word;
    if (equals)
        snprintf(run->name, sizeof run->name, "%.*s", (int)(equals - word), word);
    else
        name_after(path, run->name);
    describe_training(path, run->training);
    return record_read(path, mapped, mapped_used, &run->rows, &run->count);
}

/* Names runs by their whole paths if their folders have the same name. */
static void tell_apart(struct chart_run *runs, size_t count) {
    bool same[FLAG_MOST] = {false};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            same[i] |= k != i && strcmp(runs[i].name, runs[k].name) == 0;
    for (size_t i = 0; i < count; i++)
        if (same[i])
            snprintf(runs[i].name, sizeof runs[i].name, "%s", words[i]);
}

static enum vggcl_err read_runs(struct chart_run runs[FLAG_MOST], size_t *count) {
    for (*count = 0; words[*count]; ++*count)
        TRY(read_run(words[*count], &runs[*count]));
    tell_apart(runs, *count);
    for (size_t i = 0; mapped[i]; i++)
        if (!mapped_used[i])
            return err_set(VGGCL_EUSAGE, "columns: no file has the column of %s", mapped[i]);
    return VGGCL_OK;
}

/* ----------------------------------------------------------------------------------------------------- the flags -- */

static bool parse_percent(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= 0 && *value <= 100;
}

/* Parses "89.89" or "NAME=89.89". */
static bool parse_mark(struct chart *c, char name[VGGCL_PATH_MAX]) {
    const char *equals = strrchr(mark, '=');
    snprintf(name, VGGCL_PATH_MAX, "%.*s", equals ? (int)(equals - mark) : 0, mark);
    c->mark_name = name;
    return parse_percent(equals ? equals + 1 : mark, &c->mark);
}

/* Sets the chart from the flags; name is a buffer for the mark's name. */
static int parse_flags(struct chart *c, char name[VGGCL_PATH_MAX]) {
    bool accuracy = only && strcmp(only, "accuracy") == 0, loss = only && strcmp(only, "loss") == 0;
    if (!*words)
        return cli_misused("plot needs a save folder or a CSV file, e.g. vggcl plot save");
    if (only && !accuracy && !loss)
        return cli_misused("--only takes one of accuracy, loss, not '%s'", only);
    c->panels[CHART_ACCURACY] = !loss;
    c->panels[CHART_LOSS] = !accuracy;
    if (least && !parse_percent(least, &c->least_accuracy))
        return cli_misused("--from takes a percentage, a number from 0 to 100, not '%s'", least);
    if (mark && !parse_mark(c, name))
        return cli_misused("--mark takes a percentage, a number from 0 to 100, or NAME=PERCENT, not '%s'", mark);
    for (const char **file = files; *file; file++)
        if (!chart_can_write(*file))
            return cli_misused("--out %s: the file's name ends in " CHART_FORMATS, *file);
    return EXIT_FINE;
}

/* Prints the chart in the size of the terminal without its last line, or 100 columns by 30 rows without a terminal. */
static enum vggcl_err print_chart(const struct chart *c) {
    enum { NARROW = 40, WIDE = 160, HIGH = 50 };
    struct terminal_size size = terminal_size(stdout);
    if (!size.columns)
        return chart_print(c, stdout, 100, 30);
    int columns = size.columns < NARROW ? NARROW : size.columns < WIDE ? size.columns : WIDE;
    return chart_print(c, stdout, columns, size.rows <= HIGH ? size.rows - 1 : HIGH);
}

static enum vggcl_err draw(const struct chart *c) {
    for (const char **file = files; *file; file++) {
        TRY(chart_write(c, *file));
        fprintf(messages(), "vggcl: wrote %s\n", *file);
    }
    return ascii || !*files ? print_chart(c) : VGGCL_OK;
}

static int run(const struct vggcl_config *config) {
    (void)config;
    static struct chart_run runs[FLAG_MOST];
    static char mark_name[VGGCL_PATH_MAX];
    struct chart chart = {.runs = runs, .title = title, .least_accuracy = NAN, .mark = NAN};
    int status = parse_flags(&chart, mark_name);
    if (status != EXIT_FINE)
        return status;
    enum vggcl_err err = read_runs(runs, &chart.run_count);
    if (err == VGGCL_OK)
        err = draw(&chart);
    for (size_t i = 0; i < FLAG_MOST; i++)
        vggcl_history_free(runs[i].rows);
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

static const char *panel_name(size_t i) {
    static const char *const names[] = {"accuracy", "loss", NULL};
    return names[i];
}

const struct command command_plot = {
    .name = "plot",
    .summary = "draws accuracy and loss over epochs, of several runs in one chart",
    .description =
        "Draws test and training accuracy, and below them the losses, epoch by epoch; several runs lie over each "
        "other.\n"
        "A run is a folder that train saved to, or a CSV file. Its title is the folder's or file's name, or the text\n"
        "before an equals sign. Files of other programs are read as they are: Keras' and Lightning's CSVLogger, timm,\n"
        "ultralytics, fastai, pandas, R, spreadsheets. Columns are found by their names, such as epoch, train_loss,\n"
        "val_loss, train_acc, accuracy, top1; --columns says where other names are. Accuracies are from 0 to 1 or in\n"
        "percent. Several rows of an epoch are one, in which the last value of each column counts.\n\n"
        "Without --out the chart is drawn in the terminal, with a letter for each run. It needs gnuplot (the package\n"
        "gnuplot-nox on Debian or Ubuntu).\n\n"
        "  vggcl plot save                                     in the terminal\n"
        "  vggcl plot save/a save/b --out curves.svg --out curves.png\n"
        "  vggcl plot both=save/both neither=save/neither --mark published=89.89\n"
        "  vggcl plot save keras.csv lightning=logs/version_0/metrics.csv\n"
        "  vggcl plot log.csv --columns epoch=round --columns test_accuracy=hits\n"
        "  vggcl plot save/a save/b --only accuracy --from 85  only what differs\n",
    .words = &(const struct flag){"", "[NAME=]SAVE...", NULL, words, NULL},
    .flags =
        (const struct flag[]){
            {"out", "FILE...", "write the chart to this file, " CHART_FORMATS "; may be given again", files, NULL},
            {"columns", "F=NAME...",
             "take the field F from the column NAME of a CSV file; F is epoch,\ntrain_loss, train_accuracy, test_loss "
             "or test_accuracy; may be given again",
             mapped, NULL},
            {"ascii", NULL, "draw in the terminal, where --out is given too", NULL, &ascii},
            {"title", "TEXT", "what stands above the chart", &title, NULL},
            {"mark", "PERCENT", "a dotted line at that accuracy; with a name in the legend as NAME=PERCENT", &mark,
             NULL},
            {"only", "WHAT", "accuracy or loss alone", &only, NULL},
            {"from", "PERCENT", "where the axis of accuracies begins (default below all of them)", &least, NULL},
            {0}},
    .choices = (const struct flag_words[]){{"only", panel_name}, {0}},
    .run = run,
};
