#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "train/tensorboard.h"
#include "base/text.h"
#include "files/events.h"
#include "files/records.h"
#include "options/options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char option[] = "tensorboard";

static enum vggcl_err add_scalar(struct run *run, int64_t step, const char *tag, double value) {
    return events_add(&run->tensorboard,
                      &(struct event){.kind = EVENT_SCALAR, .step = step, .tag = tag, .scalar = value});
}

/* --------------------------------------------------------------------------------------------------- the options -- */

static const char *value_of(const struct run *run, const struct vggcl_option *o, char text[VGGCL_PATH_MAX]) {
    char raw[VGGCL_PATH_MAX];
    vggcl_config_get(&run->config, o->name, raw, sizeof raw);
    text_utf8(text, VGGCL_PATH_MAX, raw);
    return text;
}

/* Of a Markdown table. */
static void put_cell(FILE *stream, const char *text) {
    for (; *text; text++)
        fprintf(stream, *text == '|' || *text == '\\' || *text == '_' || *text == '*' ? "\\%c" : "%c", *text);
}

static void put_row(FILE *stream, const char *name, const char *value) {
    fputs("| ", stream);
    put_cell(stream, name);
    fputs(" | ", stream);
    put_cell(stream, value);
    fputs(" |\n", stream);
}

static void put_table(FILE *stream, const struct run *run) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    char text[VGGCL_PATH_MAX];
    fputs("| option | value |\n|---|---|\n", stream);
    for (size_t i = 0; i < count; i++)
        if (options[i].flags & VGGCL_STORED && *value_of(run, &options[i], text))
            put_row(stream, options[i].name, text);
    text_utf8(text, sizeof text, run->data.description);
    put_row(stream, "data set", text);
    snprintf(text, sizeof text, "%zu", net_trained_count(team_net(&run->team)));
    put_row(stream, "trained parameters", text);
    put_row(stream, "vggcl", vggcl_version());
}

static enum vggcl_err add_table(struct run *run) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream)
        put_table(stream, run);
    bool whole = stream && !ferror(stream);
    if (stream && fclose(stream) != 0)
        whole = false;
    enum vggcl_err err = whole ? events_add(&run->tensorboard, &(struct event){.kind = EVENT_TEXT,
                                                                               .step = run->progress.step,
                                                                               .tag = "config/text_summary",
                                                                               .text = text})
                               : err_no_memory("the table of options for TensorBoard", VGGCL_PATH_MAX);
    free(text);
    return err;
}

static enum vggcl_err set_hparam(const struct run *run, const struct vggcl_option *o, struct event_hparam *h) {
    char text[VGGCL_PATH_MAX], *end;
    value_of(run, o, text);
    *h = (struct event_hparam){.name = o->name, .kind = HPARAM_TEXT, .number = text_number(text, &end)};
    if (o->kind == VGGCL_FLAG) {
        h->kind = HPARAM_FLAG;
        h->number = strcmp(text, "yes") == 0;
    } else if (*text && !*end) {
        h->kind = HPARAM_NUMBER;
    }
    h->text = strdup(text);
    return h->text ? VGGCL_OK : err_no_memory("the hyperparameters for TensorBoard", strlen(text) + 1);
}

static enum vggcl_err add_hparams(struct run *run) {
    enum vggcl_err err = VGGCL_OK;
    struct event_hparam list[VGGCL_OPTIONS];
    struct event event = {.kind = EVENT_HPARAMS, .step = run->progress.step, .hparams = {.list = list}};
    size_t count, all = 0;
    const struct vggcl_option *options = vggcl_options(&count);
    for (size_t i = 0; i < count && err == VGGCL_OK; i++)
        if (options[i].flags & VGGCL_STORED)
            err = set_hparam(run, &options[i], &list[all++]);
    event.hparams.count = all;
    if (err == VGGCL_OK)
        err = events_add(&run->tensorboard, &event);
    while (all)
        free(list[--all].text);
    return err;
}

static enum vggcl_err add_charts(struct run *run) {
    static const struct event_chart charts[] = {{"loss", {"loss/train", "loss/test"}},
                                                {"accuracy", {"accuracy/train", "accuracy/test"}}};
    return events_add(&run->tensorboard, &(struct event){.kind = EVENT_CHARTS,
                                                         .step = run->progress.step,
                                                         .charts = {charts, sizeof charts / sizeof *charts}});
}

/* ------------------------------------------------------------------------------------------------------ the file -- */

/* The first step whose events count no longer: the next step; the one before it if its epoch was not tested yet,
 * because that may have left the epoch's events, which have this step. */
static int64_t first_repeated(const struct run *run) {
    const struct progress *p = &run->progress;
    return p->epoch_step == run_epoch_steps(run) ? p->step - 1 : p->step;
}

static enum vggcl_err move_aside(struct run *run, const char *folder) {
    int64_t latest;
    char moved_to[VGGCL_PATH_MAX];
    if (*run->config.resume || !records_in(folder, &latest))
        return VGGCL_OK;
    TRY(records_move_aside(option, folder, moved_to));
    run_notice(run, "tensorboard: the event files that were in %s are now in %s", folder, moved_to);
    return VGGCL_OK;
}

enum vggcl_err tensorboard_open(struct run *run) {
    const char *folder = run->config.tensorboard;
    if (!*folder)
        return VGGCL_OK;
    TRY(move_aside(run, folder));
    TRY(events_begin(&run->tensorboard, option, folder, first_repeated(run)));
    TRY(add_table(run));
    TRY(add_hparams(run));
    return add_charts(run);
}

enum vggcl_err tensorboard_step(struct run *run, const struct step_row *row) {
    int64_t steps = run_epoch_steps(run), every = (steps + TENSORBOARD_STEPS - 1) / TENSORBOARD_STEPS;
    if (row->step % steps % every != 0)
        return VGGCL_OK;
    TRY(add_scalar(run, row->step, "loss/step", row->loss));
    TRY(add_scalar(run, row->step, "lr/step", row->lr));
    return log_file_flush(&run->tensorboard);
}

static enum vggcl_err add_parameter(struct run *run, const struct net *net, size_t i, float *values) {
    const struct parameter *p = net_parameter(net, i);
    char name[PARAMETER_NAME], tag[PARAMETER_NAME + 16];
    net_parameter_name(net, i, name);
    snprintf(tag, sizeof tag, "weights/%s", name);
    TRY(dev_read(net->dev, p->value, 0, parameter_count(p), values)); /* in any order */
    return events_add(&run->tensorboard, &(struct event){.kind = EVENT_HISTOGRAM,
                                                         .step = run->progress.step - 1,
                                                         .tag = tag,
                                                         .histogram = {values, parameter_count(p)}});
}

enum vggcl_err tensorboard_weights(struct run *run) {
    const struct net *net = team_net(&run->team);
    size_t count = net_parameter_count(net), most = 0;
    enum vggcl_err err = VGGCL_OK;
    if (run->tensorboard.descriptor < 0)
        return VGGCL_OK;
    for (size_t i = 0; i < count; i++)
        if (parameter_count(net_parameter(net, i)) > most)
            most = parameter_count(net_parameter(net, i));
    float *values = malloc(most * sizeof *values);
    if (!values)
        return err_no_memory("the histograms for TensorBoard", most * sizeof *values);
    for (size_t i = 0; i < count && err == VGGCL_OK; i++)
        err = add_parameter(run, net, i, values);
    free(values);
    return err;
}

enum vggcl_err tensorboard_epoch(struct run *run, const struct vggcl_epoch *row) {
    const struct {
        const char *tag;
        double value;
    } scalars[] = {{"loss/train", row->train_loss},
                   {"loss/test", row->test_loss},
                   {"accuracy/train", row->train_accuracy},
                   {"accuracy/test", row->test_accuracy},
                   {"lr/epoch", row->lr},
                   {"speed/images_per_second", row->images_per_second}};
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        TRY(add_scalar(run, run->progress.step - 1, scalars[i].tag, scalars[i].value));
    return log_file_flush(&run->tensorboard);
}

enum vggcl_err tensorboard_end(struct run *run) {
    TRY(events_add(&run->tensorboard, &(struct event){.kind = EVENT_END, .step = run->progress.step}));
    return log_file_sync(&run->tensorboard);
}
